"""The CRCs of S3 beside the libraries that clients use, and what they cost an upload.

Each group is one algorithm over 64 KiB, about what one read of a socket brings: 65.5 divided by
the median in µs is GB/s. The number in brackets is the ratio to the fastest in the same run.
Which instructions were used is up to the processor; ``cext/ms_crc.h`` names the choices.
"""

from __future__ import annotations

import random
import zlib
from typing import TYPE_CHECKING, Any

import google_crc32c
import pytest
from awscrt import checksums

from multistore.gateway.integrity import BodyCheck, Promise, new_checksum
from multistore.wire import IMPLEMENTATION, Crc

if TYPE_CHECKING:
    from collections.abc import Callable

    Benchmark = Callable[..., Any]

PIECE = random.Random(1).randbytes(65_536)
ALGORITHMS = ("crc32", "crc32c", "crc64nvme")


def ours(algorithm: str) -> Callable[[bytes], int]:
    def compute(data: bytes) -> int:
        crc = Crc(algorithm)
        crc.update(data)
        return int.from_bytes(crc.digest(), "big")

    return compute


CANDIDATES = [
    pytest.param(
        compute, algorithm, id=f"{algorithm}-{name}", marks=pytest.mark.benchmark(group=algorithm)
    )
    for algorithm, name, compute in [
        *((algorithm, f"multistore-{IMPLEMENTATION}", ours(algorithm)) for algorithm in ALGORITHMS),
        *((algorithm, "awscrt", getattr(checksums, algorithm)) for algorithm in ALGORITHMS),
        ("crc32", "zlib", zlib.crc32),
        ("crc32c", "google-crc32c", google_crc32c.value),
    ]
]


@pytest.mark.parametrize(("compute", "algorithm"), CANDIDATES)
def test_crc(benchmark: Benchmark, compute: Callable[[bytes], int], algorithm: str) -> None:
    assert benchmark(compute, PIECE) == getattr(checksums, algorithm)(PIECE)


@pytest.mark.benchmark(group="an upload of 1 MiB, checked in reads of 64 KiB")
@pytest.mark.parametrize("algorithm", [*ALGORITHMS, "md5", "sha1", "sha256"])
def test_upload(benchmark: Benchmark, algorithm: str) -> None:
    whole = new_checksum(algorithm)
    for _ in range(16):
        whole.update(PIECE)
    digest = whole.digest()
    view = memoryview(PIECE)

    def upload() -> None:
        check = BodyCheck((Promise("x-amz-checksum", algorithm, digest),))
        for _ in range(16):
            check.update(view)
        check.finish()

    benchmark(upload)
