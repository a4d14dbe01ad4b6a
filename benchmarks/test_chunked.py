"""aws-chunked bodies of 16 MiB, in reads of 64 KiB as a socket gives them.

Signed ones stand beside one SHA-256 over the same bytes, which is what cannot be saved: the number
in brackets is the ratio to it. `cost_per_gb` (seconds) is in the extra info of each.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pytest

from multistore import wire

if TYPE_CHECKING:
    from collections.abc import Callable

    Benchmark = Callable[..., Any]

DATA = bytes(range(256)) * 65536
READ = 65536
CRC = (b"x-amz-checksum-crc32", 8)


def cut(body: bytes) -> list[bytes]:
    return [body[at : at + READ] for at in range(0, len(body), READ)]


def signing() -> dict[str, Any]:
    return {
        "key": wire.SigningKey("kernel-benchmark-secret", "20251125", "us-east-1", "s3"),
        "amz_date": b"20251125T120000Z",
        "scope": b"20251125/us-east-1/s3/aws4_request",
        "seed": b"0" * 64,
    }


def write(chunk_size: int, options: dict[str, Any], reads: list[bytes]) -> list[Any]:
    encoder = wire.ChunkedEncoder(len(DATA), [CRC], chunk_size=chunk_size, **options)
    pieces = [piece for data in reads for piece in encoder.feed(data)]
    pieces.append(encoder.finish([b"DUoRhQ=="]))
    return pieces


def read(options: dict[str, Any], reads: list[bytes]) -> int:
    decoder = wire.ChunkedDecoder(len(DATA), [CRC[0]], **options)
    for data in reads:
        decoder.feed(data)
    decoder.close()
    return decoder.decoded


def measure(benchmark: Any, call: Callable[..., Any], *args: Any) -> Any:
    result = benchmark(call, *args)
    if benchmark.stats:  # not under --benchmark-disable
        benchmark.extra_info["cost_per_gb"] = benchmark.stats["min"] / len(DATA) * 1e9
    return result


@pytest.mark.benchmark(group="signed body")
def test_sha256_alone(benchmark: Benchmark) -> None:
    def hashed(reads: list[bytes]) -> bytes:
        running = hashlib.sha256()
        for data in reads:
            running.update(data)
        return running.digest()

    assert len(measure(benchmark, hashed, cut(DATA))) == 32


@pytest.mark.benchmark(group="signed body")
@pytest.mark.parametrize("chunk_size", [8192, 65536])
def test_read_signed(benchmark: Benchmark, chunk_size: int) -> None:
    options = signing()
    reads = cut(b"".join(write(chunk_size, options, [DATA])))
    assert measure(benchmark, read, options, reads) == len(DATA)


@pytest.mark.benchmark(group="signed body")
@pytest.mark.parametrize("chunk_size", [8192, 65536])
def test_write_signed(benchmark: Benchmark, chunk_size: int) -> None:
    pieces = measure(benchmark, write, chunk_size, signing(), cut(DATA))
    assert len(pieces) == 2 * len(DATA) // chunk_size + 1


@pytest.mark.benchmark(group="unsigned body")
@pytest.mark.parametrize("chunk_size", [8192, 65536])
def test_read_unsigned(benchmark: Benchmark, chunk_size: int) -> None:
    reads = cut(b"".join(write(chunk_size, {}, [DATA])))
    assert measure(benchmark, read, {}, reads) == len(DATA)


@pytest.mark.benchmark(group="unsigned body")
def test_write_unsigned(benchmark: Benchmark) -> None:
    pieces = measure(benchmark, write, 65536, {}, cut(DATA))
    assert len(pieces) == 2 * len(DATA) // 65536 + 1
