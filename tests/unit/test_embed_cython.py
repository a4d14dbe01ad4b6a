"""The example for Cython builds against ``embed.pxd`` and runs on the kernel's own objects."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from kernels import needs_native

ROOT = Path(__file__).parents[2]

pytestmark = [
    needs_native,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]

USE = """
import route
from multistore.embed import RequestHead
head = RequestHead("PUT", b"/acme-data/a%20b", 11, [(b"Host", b"h"), (b"Content-Length", b"5")])
print(route.tenant_of(head))
try:
    route.tenant_of(object())
except TypeError:
    print("typed")
"""


def run(*command: str, cwd: Path) -> str:
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(sys.path),
        "MULTISTORE_SOURCE": str(ROOT),
        "MULTISTORE_PURE": "0",
        "CFLAGS": "-O0 -w",
    }
    done = subprocess.run(
        [sys.executable, *command],
        cwd=cwd,
        env=environment,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_example_builds_and_runs(tmp_path: Path) -> None:
    for name in ("route.pyx", "setup.py"):
        shutil.copy(ROOT / "examples" / "cython_embedder" / name, tmp_path)
    run("setup.py", "-q", "build_ext", "--inplace", cwd=tmp_path)
    assert run("-c", USE, cwd=tmp_path) == "('acme', b'a%20b', 5)\ntyped\n"
