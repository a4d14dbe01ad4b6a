"""The shape of the tree: who may import whom, who may do I/O, and that what runs is compiled.

Imports run one way: errors, limits, types <- wire <- gateway <- server; backends and config
implement ``gateway.ports``; only the composition root (app, cli) sees everything. Imports for
type checkers alone do not count: they are gone when the program runs.
"""

from __future__ import annotations

import ast
import importlib
import os
import re
import subprocess
import sys
from glob import glob
from importlib.machinery import EXTENSION_SUFFIXES
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SRC = ROOT / "src"
PACKAGE = SRC / "multistore"
SOURCES = sorted(p for ext in ("py", "pyx", "pxd") for p in PACKAGE.rglob(f"*.{ext}"))
KERNEL = sorted((PACKAGE / "wire" / "_native").glob("*.pyx"))
COMPILED = KERNEL + sorted((PACKAGE / "server").glob("*.pyx"))
# Plain Python with a .pxd beside it; embed.pxd only names what Cython code may cimport.
OVERLAYS = sorted(
    p.with_suffix(".py")
    for p in PACKAGE.rglob("*.pxd")
    if p.with_suffix(".py").exists() and p.stem not in ("__init__", "embed")
)

BASE = {"_version", "errors", "limits", "types"}
#: room -> the rooms it may import besides itself
MAY_IMPORT: dict[str, set[str]] = {
    "__init__": {"_version"},
    "_version": set(),
    "errors": set(),
    "limits": set(),
    "types": {"errors", "limits"},
    "wire": BASE,
    "gateway": BASE | {"wire"},
    "backends": BASE | {"wire", "gateway"},
    "config": BASE | {"wire", "gateway"},
    "embed": BASE | {"wire", "gateway"},
    "server": BASE | {"wire", "gateway"},
}
ROOTS = {"app", "cli", "__main__"}

#: rooms of pure functions: time, randomness and bytes come in as arguments or through ports
SANS_IO = {"wire", "gateway", "backends"}
IO = {
    "asyncio", "http", "httptools", "multiprocessing", "os", "random", "secrets",
    "select", "selectors", "signal", "socket", "ssl", "subprocess", "tempfile", "threading",
    "time", "urllib.request", "uvloop",
}  # fmt: skip
MAY_IMPORT_UVLOOP = {"server/stream_uv.pyx", "server/worker.py", "server/worker.pyx"}

CIMPORT = re.compile(
    r"^[ \t]*(?:from[ \t]+([\w.]+)[ \t]+c?import[ \t]+\(?([^#\n]*)|c?import[ \t]+([\w., \t]+))",
    re.M,
)


def relative(path: Path) -> str:
    return path.relative_to(PACKAGE).as_posix()


def room(path: Path) -> str:
    first = path.relative_to(PACKAGE).parts[0]
    return first.partition(".")[0]


def runtime_nodes(tree: ast.AST) -> list[ast.AST]:
    """Every node but those below ``if TYPE_CHECKING:``."""
    found: list[ast.AST] = []
    pending: list[ast.AST] = [tree]
    while pending:
        node = pending.pop()
        found.append(node)
        if isinstance(node, ast.If) and ast.unparse(node.test).endswith("TYPE_CHECKING"):
            pending.extend(node.orelse)
        else:
            pending.extend(ast.iter_child_nodes(node))
    return found


def python_imports(path: Path) -> set[str]:
    names: set[str] = set()
    parents = path.relative_to(SRC).with_suffix("").parts
    for node in runtime_nodes(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = ".".join(parents[: -node.level]) if node.level else ""
            module = ".".join(filter(None, (base, node.module or "")))
            names.update(f"{module}.{alias.name}" for alias in node.names)
    return names


def cython_imports(path: Path) -> set[str]:
    names: set[str] = set()
    for module, members, plain in CIMPORT.findall(path.read_text("utf-8")):
        if module:
            names.add(module)
            names.update(f"{module}.{m.split()[0]}" for m in members.split(",") if m.split())
        else:
            names.update(part.split()[0] for part in plain.split(",") if part.split())
    return names


def imports(path: Path) -> set[str]:
    return python_imports(path) if path.suffix == ".py" else cython_imports(path)


def names_module(name: str, module: str) -> bool:
    return name == module or name.startswith(module + ".")


def module_name(path: Path) -> str:
    return ".".join(path.relative_to(SRC).with_suffix("").parts)


def is_extension(file: str | None) -> bool:
    return file is not None and file.endswith(tuple(EXTENSION_SUFFIXES))


def test_reader_of_imports_sees_what_it_must(tmp_path: Path) -> None:
    source = tmp_path / "x.pyx"
    source.write_text(
        "from cpython.bytes cimport PyBytes_AS_STRING\ncimport multistore.a, multistore.b as c\n"
        "import uvloop\ndef f():\n    from multistore.server import (stream,\n        pool)\n"
    )
    assert {"uvloop", "multistore.a", "multistore.b", "multistore.server"} <= cython_imports(source)
    tree = ast.parse("if TYPE_CHECKING:\n    import ssl\nelse:\n    import os\n")
    assert [n.names[0].name for n in runtime_nodes(tree) if isinstance(n, ast.Import)] == ["os"]


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_imports_run_one_way(path: Path) -> None:
    here = room(path)
    if here in ROOTS:
        return
    allowed = MAY_IMPORT[here] | {here}
    inner = [name.split(".")[1:] for name in imports(path) if names_module(name, "multistore")]
    assert {parts[0] for parts in inner if parts} <= allowed | {"__version__"}


@pytest.mark.parametrize("path", [p for p in SOURCES if room(p) in SANS_IO], ids=relative)
def test_no_io_and_no_clock_in_wire_gateway_and_backends(path: Path) -> None:
    forbidden = set(IO)
    if relative(path) == "wire/__init__.py":
        forbidden -= {"os"}  # reads MULTISTORE_PURE, once
    used = {m for m in forbidden for name in imports(path) if names_module(name, m)}
    if path.suffix == ".py":
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
                used |= {node.func.attr} & {"now", "utcnow", "today", "urandom"}
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
                used |= {node.func.id} & {"open", "input", "print"}
    assert not used


def test_only_streams_and_worker_know_uvloop() -> None:
    users = {relative(p) for p in SOURCES if any(names_module(n, "uvloop") for n in imports(p))}
    assert users
    assert users <= MAY_IMPORT_UVLOOP


def test_kernels_are_chosen_in_one_place_and_never_mixed() -> None:
    for path in SOURCES:
        used = imports(path)
        pure = any(names_module(n, "multistore.wire._pure") for n in used)
        native = any(names_module(n, "multistore.wire._native") for n in used)
        if "_native" in path.parts:
            assert not pure, path
        elif "_pure" in path.parts:
            assert not native, path
        elif path != PACKAGE / "wire" / "__init__.py":
            assert not pure, path
            # Only cimports, which have no meaning but the native kernel.
            assert not native or path.suffix in (".pyx", ".pxd"), path


def test_only_one_c_file_knows_openssl() -> None:
    files = [p for d in ("cext", "src") for p in (ROOT / d).rglob("*") if p.suffix in (".c", ".h")]
    written = [p for p in files if "src" not in p.relative_to(ROOT).parts]
    users = {p.name for p in written if re.search(r"#\s*include\s*<openssl/", p.read_text())}
    assert users
    assert {name.partition(".")[0] for name in users} == {"ms_sha256"}
    assert not [p for p in SOURCES if re.search(r"extern from ['\"<]*openssl/", p.read_text())]


def test_c_library_knows_no_python() -> None:
    for path in (ROOT / "cext").rglob("*.[ch]"):
        assert not re.search(r"#\s*include\s*[<\"]Python\.h", path.read_text()), path


def test_native_kernel_is_what_was_imported() -> None:
    # A process of its own: other tests import the pure kernel on purpose.
    program = (
        "import sys, multistore.wire as wire\n"
        "assert wire.IMPLEMENTATION == 'native'\n"
        "assert not [m for m in sys.modules if m.startswith('multistore.wire._pure')]\n"
        "for name in wire.__all__:\n"
        "    home = getattr(getattr(wire, name), '__module__', None)\n"
        "    if home: print(name, sys.modules[home].__file__)\n"
    )
    env = {k: v for k, v in os.environ.items() if k != "MULTISTORE_PURE"} | {"PYTHONPATH": str(SRC)}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=False, env=env
    )
    assert done.returncode == 0, done.stderr
    homes = dict(line.split(" ", 1) for line in done.stdout.splitlines())
    assert {"scan_request", "parse_target", "verify", "write_request_head"} <= set(homes)
    assert not {name: file for name, file in homes.items() if not is_extension(file)}


@pytest.mark.parametrize("path", [p for p in SOURCES if p.suffix != ".pxd"], ids=relative)
def test_every_module_can_be_imported_first(path: Path) -> None:
    """A cycle is hidden as long as some other module is always imported before."""
    if path.stem == "__main__":
        return
    name = module_name(path).removesuffix(".__init__")
    subprocess.run(
        [sys.executable, "-c", f"import {name}"],
        check=True,
        env=os.environ | {"PYTHONPATH": str(SRC)},
    )


@pytest.mark.parametrize("path", COMPILED, ids=relative)
def test_extension_is_fresh(path: Path) -> None:
    module = importlib.import_module(module_name(path))
    assert is_extension(module.__file__)
    assert module.__file__ is not None
    built = Path(module.__file__).stat().st_mtime
    for source in (path, path.with_suffix(".pxd")):
        assert not source.exists() or source.stat().st_mtime <= built, f"make build: {source}"


def setup_paths(name: str) -> set[Path]:
    """The value of a list of overlays in setup.py: the one place that says what is compiled."""
    for node in ast.parse((ROOT / "setup.py").read_text("utf-8")).body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == name:
            value = eval(ast.unparse(node.value), {"glob": lambda p: glob(p, root_dir=ROOT)})
            return {(ROOT / path).with_suffix(".py") for path in value}
    raise AssertionError(f"setup.py has no {name}")


def test_overlays_are_values_and_decisions() -> None:
    values, decisions = setup_paths("VALUES"), setup_paths("decisions")
    # Who adds one says here why it is on the warm path.
    assert {relative(p) for p in values} == {"types.py", "gateway/plan.py", "gateway/request.py"}
    assert {relative(p) for p in decisions - values} == {
        "backends/s3.py",
        "backends/s3_answers.py",
        "gateway/authorize.py",
        "gateway/engine.py",
        "gateway/identity.py",
        "gateway/operation.py",
        "gateway/outbound.py",
        "gateway/route.py",
        "gateway/sigv4.py",
    }
    assert values | decisions == set(OVERLAYS)


def test_overlays_are_compiled_together_and_fresh() -> None:
    files = {p: importlib.import_module(module_name(p)).__file__ for p in OVERLAYS}
    compiled = {p: Path(f) for p, f in files.items() if f is not None and is_extension(f)}
    # GATEWAY=0 leaves the decisions interpreted; any other mixture is left over from a build.
    # The server reads the values by their C fields: they are compiled in both.
    assert set(compiled) in (setup_paths("VALUES"), set(OVERLAYS))
    for source, built in compiled.items():
        for file in (source, source.with_suffix(".pxd")):
            assert file.stat().st_mtime <= built.stat().st_mtime, f"make build: {file}"


def test_stubs_stand_beside_what_python_imports_compiled() -> None:
    stubs = set(PACKAGE.rglob("*.pyi"))
    for stub in stubs:
        assert stub.with_suffix(".pyx").exists() or stub.name == "__init__.pyi", stub
    # A file with a stub of its own (the kernel's contract) is read through that stub.
    readers = [p for p in SOURCES if p.suffix == ".py" and p.with_suffix(".pyi") not in stubs]
    used = {name for p in readers for name in python_imports(p)}
    for path in COMPILED:
        if any(names_module(name, module_name(path)) for name in used):
            assert path.with_suffix(".pyi") in stubs, path


@pytest.mark.parametrize(
    ("folder", "most"),
    [("src", 500), ("cext", 500), ("benchmarks", 500), ("examples", 300), ("tests", 700)],
)
def test_files_stay_small(folder: str, most: int) -> None:
    suffixes = {".py", ".pyx", ".pxd", ".pyi", ".c", ".h"}
    generated = {p.with_suffix(".c") for p in [*COMPILED, *OVERLAYS]}
    long = {}
    for path in (ROOT / folder).rglob("*"):
        if path.suffix in suffixes and path not in generated:
            lines = path.read_text("utf-8").count("\n")
            if lines > most:
                long[path.relative_to(ROOT).as_posix()] = lines
    assert not long
