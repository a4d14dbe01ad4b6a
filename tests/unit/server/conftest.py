"""Builds the probe through which Python drives the server's C-level interfaces."""

from __future__ import annotations

import importlib.util
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
SOURCE = ROOT / "tests" / "support" / "stream_probe.pyx"

SETUP = """
from Cython.Build import cythonize
from setuptools import Extension, setup
setup(
    name="stream_probe",
    ext_modules=cythonize(
        [Extension("stream_probe", ["stream_probe.pyx"], include_dirs=[{cext!r}])],
        include_path=[{src!r}],
        compiler_directives={{"language_level": "3"}},
    ),
)
"""


@pytest.fixture(scope="session")
def probe(tmp_path_factory):
    """The compiled module ``tests/support/stream_probe.pyx``, as an embedder would build it."""
    folder = tmp_path_factory.mktemp("probe")
    shutil.copy(SOURCE, folder)
    setup = SETUP.format(cext=str(ROOT / "cext"), src=str(ROOT / "src"))
    (folder / "setup.py").write_text(setup)
    subprocess.run(
        [sys.executable, "setup.py", "-q", "build_ext", "--inplace"],
        cwd=folder,
        check=True,
        capture_output=True,
    )
    (library,) = folder.glob("stream_probe*.so")
    spec = importlib.util.spec_from_file_location("stream_probe", library)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module
