"""Builds ``route.pyx`` against a source tree of multistore (``MULTISTORE_SOURCE``)."""

import os
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

HERE = Path(__file__).parent
SOURCE = Path(os.environ.get("MULTISTORE_SOURCE", HERE.parents[1]))

route = Extension("route", [str(HERE / "route.pyx")], include_dirs=[str(SOURCE / "cext")])
setup(name="route", ext_modules=cythonize([route], include_path=[str(SOURCE / "src")]))
