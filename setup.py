"""What pyproject.toml cannot say: the C library, the extension modules and their switches.

Environment variables, all optional:

``MULTISTORE_GATEWAY=0``  leave the gateway's decision modules interpreted (quick edits)
``MULTISTORE_DEBUG=1``    counters and assertions (``MS_DEBUG``), no optimisation
``MULTISTORE_ONLY=wire``  build only the extensions whose module name holds this text
"""

import os
from glob import glob
from pathlib import Path

from Cython.Build import cythonize
from setuptools import Extension, setup

DEBUG = os.environ.get("MULTISTORE_DEBUG") == "1"
GATEWAY = os.environ.get("MULTISTORE_GATEWAY", "1") == "1"
ONLY = os.environ.get("MULTISTORE_ONLY", "")

C_FLAGS = ["-std=gnu11", "-Wall", "-Wextra", "-Werror", "-fPIC", "-fvisibility=hidden"]
C_FLAGS += ["-O0", "-g", "-DMS_DEBUG"] if DEBUG else ["-O3"]
# Generated C is not ours to keep free of warnings.
CYTHON_FLAGS = ["-O0", "-g", "-DMS_DEBUG"] if DEBUG else ["-O3"]
CYTHON_FLAGS += ["-Wno-unused-function"]


def module_name(path: str) -> str:
    return ".".join(Path(path).with_suffix("").parts[1:])


def extension(path: str) -> Extension:
    return Extension(
        module_name(path),
        [path],
        include_dirs=["cext"],
        libraries=["multistore_c", "crypto"],
        extra_compile_args=CYTHON_FLAGS,
        depends=glob("cext/*.[ch]"),
    )


kernel_and_server = sorted(
    glob("src/multistore/wire/_native/*.pyx") + glob("src/multistore/server/*.pyx")
)
# A module with a .pxd overlay is compiled in place; its source stays plain Python. The values
# that the server reads by their C fields are always compiled, decisions as GATEWAY says.
# (embed.pxd is no overlay: it is what Cython code may cimport.)
VALUES = [f"src/multistore/{name}.pxd" for name in ("types", "gateway/plan", "gateway/request")]
decisions = glob("src/multistore/gateway/[!_]*.pxd") + glob("src/multistore/backends/[!_]*.pxd")
overlays = [p[:-3] + "py" for p in sorted({*VALUES, *(decisions if GATEWAY else [])})]
extensions = [extension(p) for p in kernel_and_server + overlays if ONLY in module_name(p)]

setup(
    libraries=[
        (
            "multistore_c",
            {"sources": sorted(glob("cext/*.c")), "include_dirs": ["cext"], "cflags": C_FLAGS},
        )
    ],
    ext_modules=cythonize(
        extensions,
        include_path=["src"],
        compiler_directives={
            "language_level": "3",
            "embedsignature": False,
            "freethreading_compatible": False,
        },
    ),
)
