"""Builds the modules beside it against a source tree of multistore (``MULTISTORE_SOURCE``)."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).parent
SOURCE = Path(os.environ.get("MULTISTORE_SOURCE", HERE.parents[1]))

modules = [
    Extension(name, [str(HERE / f"{name}.pyx")], include_dirs=[str(SOURCE / "cext")])
    for name in ("checksum", "route")
]
setup(name="embedder", ext_modules=cythonize(modules, include_path=[str(SOURCE / "src")]))
