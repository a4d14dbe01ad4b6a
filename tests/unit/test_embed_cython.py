"""The examples for Cython build against ``embed.pxd`` and run on the kernel's own objects."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from awscrt import checksums

from kernels import needs_native

ROOT = Path(__file__).parents[2]

pytestmark = [
    needs_native,
    pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler"),
]

USE = """
import checksum, route
from multistore.embed import RequestHead
head = RequestHead("PUT", b"/acme-data/a%20b", 11, [(b"Host", b"h"), (b"Content-Length", b"5")])
print(route.tenant_of(head))
try:
    route.tenant_of(object())
except TypeError:
    print("typed")
for algorithm in ("crc32", "crc32c", "crc64nvme"):
    print(checksum.crc_of_file(b"text", algorithm).hex())
try:
    checksum.crc_of_file(b"nowhere", "crc32")
except OSError:
    print("no file")
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


def test_the_examples_build_and_run(tmp_path: Path) -> None:
    for name in ("checksum.pyx", "route.pyx", "setup.py"):
        shutil.copy(ROOT / "examples" / "cython_embedder" / name, tmp_path)
    text = bytes(range(256)) * 1000
    (tmp_path / "text").write_bytes(text)
    run("setup.py", "-q", "build_ext", "--inplace", cwd=tmp_path)
    assert run("-c", USE, cwd=tmp_path).splitlines() == [
        "('acme', b'a%20b', 5)",
        "typed",
        f"{checksums.crc32(text):08x}",
        f"{checksums.crc32c(text):08x}",
        f"{checksums.crc64nvme(text):016x}",
        "no file",
    ]
