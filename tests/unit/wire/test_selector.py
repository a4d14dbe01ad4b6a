"""The kernel is chosen once, and never in silence."""

import os
import subprocess
import sys

import pytest

from kernels import needs_native
from multistore import wire
from multistore.wire import _pure


def run(code: str, **environment: str) -> subprocess.CompletedProcess[str]:
    env = {name: value for name, value in os.environ.items() if name != "MULTISTORE_PURE"}
    env["PYTHONPATH"] = os.pathsep.join(sys.path)
    return subprocess.run(
        [sys.executable, "-c", code],
        env=env | environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


ASK = "import multistore.wire as w; print(w.IMPLEMENTATION, w.scan_request.__module__)"


def test_the_pure_kernel_is_chosen_by_name() -> None:
    done = run(ASK, MULTISTORE_PURE="1")
    assert (done.stdout, done.returncode) == ("pure multistore.wire._pure.head\n", 0)


@needs_native
@pytest.mark.parametrize("value", ["", "0"])
def test_the_native_kernel_is_the_default(value: str) -> None:
    done = run(ASK, MULTISTORE_PURE=value)
    assert done.stdout.startswith("native multistore.wire._native")


def test_a_missing_native_kernel_is_an_error_that_helps() -> None:
    done = run("import sys; sys.modules['multistore.wire._native'] = None; import multistore.wire")
    assert done.returncode == 1
    assert "ImportError" in done.stderr and "MULTISTORE_PURE=1" in done.stderr
    assert "build_ext" in done.stderr


def test_an_empty_native_package_is_an_error_too() -> None:
    code = (
        "import sys, types; sys.modules['multistore.wire._native'] = types.ModuleType('x'); "
        "import multistore.wire"
    )
    done = run(code)
    assert done.returncode == 1
    assert "ImportError" in done.stderr


def test_every_name_is_exported() -> None:
    assert set(wire.__all__) == {*_pure.__all__, "IMPLEMENTATION"}
    for name in wire.__all__:
        assert getattr(wire, name) is not None


def test_the_pure_kernel_needs_the_standard_library_only() -> None:
    code = (
        "import sys; import multistore.wire; "
        "print([m for m in sys.modules if m.partition('.')[0] not in sys.stdlib_module_names"
        " and not m.startswith(('multistore', '__main__', '_', 'sitecustomize'))])"
    )
    done = run(code, MULTISTORE_PURE="1")
    assert done.stdout.startswith("["), done.stderr
    loaded = [
        name for name in ("asyncio", "ssl", "socket", "uvloop", "pydantic") if name in done.stdout
    ]
    assert not loaded
