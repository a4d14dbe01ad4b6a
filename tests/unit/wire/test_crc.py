"""The CRCs of S3, against the libraries that clients use."""

from __future__ import annotations

import array
import random
import zlib
from collections.abc import Callable
from types import ModuleType

import google_crc32c
import pytest
from awscrt import checksums

#: Name -> check value of the catalogue of parametrised CRC algorithms: the CRC of "123456789".
CHECKS = {"crc32": "cbf43926", "crc32c": "e3069283", "crc64nvme": "ae8b14860a799888"}


def awscrt(name: str) -> Callable[[bytes], int]:
    function: Callable[[bytes], int] = getattr(checksums, name)
    return function


#: Who else computes them.
OTHERS: list[tuple[str, Callable[[bytes], int]]] = [
    *((name, awscrt(name)) for name in CHECKS),
    ("crc32", zlib.crc32),
    ("crc32c", google_crc32c.value),
]
others = pytest.mark.parametrize(
    ("name", "other"), OTHERS, ids=[f"{name}-{other.__module__}" for name, other in OTHERS]
)

TEXT = random.Random(1).randbytes(100_000)


def digest(kernel: ModuleType, name: str, *pieces: bytes | memoryview) -> bytes:
    crc = kernel.Crc(name)
    for piece in pieces:
        crc.update(piece)
    value: bytes = crc.digest()
    return value


@pytest.mark.parametrize("name", CHECKS)
def test_check_values(kernel: ModuleType, name: str) -> None:
    crc = kernel.Crc(name)
    assert (crc.name, crc.digest_size) == (name, len(CHECKS[name]) // 2)
    assert crc.digest() == bytes(crc.digest_size)
    crc.update(b"123456789")
    assert crc.digest().hex() == CHECKS[name]
    assert crc.digest().hex() == CHECKS[name]  # asking changes nothing
    crc.update(b"")
    assert crc.digest().hex() == CHECKS[name]


@others
def test_every_length(kernel: ModuleType, name: str, other: Callable[[bytes], int]) -> None:
    for n in range(601):
        piece = TEXT[n : 2 * n]
        assert int.from_bytes(digest(kernel, name, piece), "big") == other(piece)


@others
def test_every_split(kernel: ModuleType, name: str, other: Callable[[bytes], int]) -> None:
    size = kernel.Crc(name).digest_size
    text = memoryview(TEXT)[:700]
    whole = other(bytes(text)).to_bytes(size, "big")
    for at in range(len(text) + 1):
        assert digest(kernel, name, text[:at], text[at:]) == whole


@others
def test_a_long_text(kernel: ModuleType, name: str, other: Callable[[bytes], int]) -> None:
    whole = int.from_bytes(digest(kernel, name, TEXT), "big")
    assert whole == other(TEXT)
    pieces = [TEXT[at : at + 8191] for at in range(0, len(TEXT), 8191)]
    assert int.from_bytes(digest(kernel, name, *pieces), "big") == whole


@pytest.mark.parametrize("name", CHECKS)
def test_anything_that_is_bytes_in_memory(kernel: ModuleType, name: str) -> None:
    text = TEXT[:800]
    expected = digest(kernel, name, text)
    assert digest(kernel, name, memoryview(text)) == expected
    assert digest(kernel, name, memoryview(b"?" + text)[1:]) == expected
    assert digest(kernel, name, bytearray(text)) == expected  # type: ignore[arg-type]
    assert digest(kernel, name, array.array("Q", text)) == expected  # type: ignore[arg-type]
    for wrong in ("text", 5, None):
        with pytest.raises(TypeError):
            digest(kernel, name, wrong)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["", "CRC32", "crc64", "crc32 ", "sha1"])
def test_other_names(kernel: ModuleType, name: str) -> None:
    with pytest.raises(ValueError, match="no CRC"):
        kernel.Crc(name)


def test_two_of_them_do_not_mix(kernel: ModuleType) -> None:
    one, two = kernel.Crc("crc32"), kernel.Crc("crc32c")
    for at in range(9):
        one.update(b"123456789"[at : at + 1])
        two.update(b"123456789"[at : at + 1])
    assert [one.digest().hex(), two.digest().hex()] == [CHECKS["crc32"], CHECKS["crc32c"]]
