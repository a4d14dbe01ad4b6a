"""What the encoder writes, and that it has the length that was said beforehand."""

import itertools
import random
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kernels import NATIVE, PURE
from multistore.errors import S3Error
from support.chunked import Chain, frame, signing

KERNELS = [kernel for kernel in (PURE, NATIVE) if kernel is not None]
CRC = (b"x-amz-checksum-crc32", b"DUoRhQ==")


def write(encoder: Any, parts: list[bytes], values: list[bytes]) -> bytes:
    body = b"".join(b"".join(encoder.feed(part)) for part in parts) + encoder.finish(values)
    assert len(body) == encoder.content_length
    return body


def chunks_of(data: bytes, size: int) -> list[bytes]:
    return [data[i : i + size] for i in range(0, len(data), size)]


@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("signed", [False, True])
@pytest.mark.parametrize("trailers", [None, [], [CRC], [CRC, (b"x-a", b"1")]])
@pytest.mark.parametrize("length", [0, 1, 8191, 8192, 8193, 16384, 20000])
def test_bodies(
    kernel: ModuleType, signed: bool, trailers: list[tuple[bytes, bytes]] | None, length: int
) -> None:
    data = random.Random(length).randbytes(length)
    expected = frame(chunks_of(data, 8192), trailers, Chain() if signed else None)
    announced = None if trailers is None else [(name, len(value)) for name, value in trailers]
    values = [value for _, value in trailers or []]
    for size in (length + 1, 8192, 1000, 9001):
        options = signing(kernel) if signed else {}
        encoder = kernel.ChunkedEncoder(length, announced, chunk_size=8192, **options)
        assert write(encoder, chunks_of(data, size), values) == expected


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.integers(0, 70_000),
    st.sampled_from([8192, 8193, 10_000, 65536, 2**30]),
    st.one_of(
        st.none(),
        st.lists(st.tuples(st.sampled_from([b"x-a", b"B-c"]), st.integers(1, 90)), max_size=2),
    ),
    st.booleans(),
    st.lists(st.integers(0, 70_000), max_size=6),
)
def test_the_length_is_known_before_and_exact(
    length: int,
    chunk_size: int,
    trailers: list[tuple[bytes, int]] | None,
    signed: bool,
    cuts: list[int],
) -> None:
    data = bytes(length)
    edges = sorted({0, length, *(cut for cut in cuts if cut < length)})
    parts = [data[a:b] for a, b in itertools.pairwise(edges)]
    written = []
    for kernel in KERNELS:
        options = signing(kernel) if signed else {}
        encoder = kernel.ChunkedEncoder(length, trailers, chunk_size=chunk_size, **options)
        written.append(write(encoder, parts, [b"v" * size for _, size in trailers or []]))
    assert len(set(written)) == 1
    names = None if trailers is None else [name.lower() for name, _ in trailers]
    if names is None or len(set(names)) == len(names):
        for kernel in KERNELS:
            options = signing(kernel) if signed else {}
            decoder = kernel.ChunkedDecoder(length, names, **options)
            assert b"".join(decoder.feed(written[0])) == data
            decoder.close()


def test_lengths_of_large_bodies(kernel: ModuleType) -> None:
    tebi = 2**40
    count = tebi // 65536
    assert kernel.ChunkedEncoder(tebi).content_length == tebi + count * (5 + 2 + 2) + 5
    options = signing(kernel)
    options["chunk_size"] = 8192
    assert kernel.ChunkedEncoder(2**62, **options).content_length == (
        2**62 + 2**62 // 8192 * (4 + 81 + 2 + 2) + 1 + 81 + 2 + 2
    )


def test_unsigned_data_is_not_copied(kernel: ModuleType) -> None:
    encoder = kernel.ChunkedEncoder(20_000, chunk_size=8192)
    data = bytes(10_000)
    head, first, next_head, second = encoder.feed(data)
    assert (bytes(head), bytes(next_head)) == (b"2000\r\n", b"\r\n2000\r\n")
    assert (first.obj, second.obj) == (data, data)
    assert [len(first), len(second)] == [8192, 1808]
    assert [bytes(piece) for piece in encoder.feed(b"x")] == [b"x"]


def test_the_end_comes_only_when_asked_for(kernel: ModuleType) -> None:
    """Law 6: without ``finish`` no server takes the body for whole."""
    encoder = kernel.ChunkedEncoder(3)
    assert b"".join(encoder.feed(b"abc")) == b"3\r\nabc"
    assert encoder.feed(b"") == []
    assert encoder.finish() == b"\r\n0\r\n\r\n"


@pytest.mark.parametrize("signed", [False, True])
def test_what_was_not_announced_is_refused(kernel: ModuleType, signed: bool) -> None:
    def encoder(length: int = 3, trailers: Any = None) -> Any:
        return kernel.ChunkedEncoder(length, trailers, **(signing(kernel) if signed else {}))

    def fails(call: Any, *args: Any) -> None:
        with pytest.raises(S3Error) as caught:
            call(*args)
        assert caught.value.code == "InternalError"

    fails(encoder().feed, b"abcd")
    fails(encoder().finish)
    short = encoder()
    short.feed(b"ab")
    fails(short.finish)
    fails(encoder(0).finish, [b"x"])
    fails(encoder(0, [(b"a", 1)]).finish)
    fails(encoder(0, [(b"a", 2)]).finish, [b"x"])
    fails(encoder(0, [(b"a", 3)]).finish, [b"x\r\n"])
    fails(encoder(0, [(b"a", 0)]).finish, [b""])
    fails(encoder, 0, [(b"a:", 1)])
    fails(encoder, 0, [(b"", 1)])
    ended = encoder(0)
    ended.finish()
    fails(ended.finish)
    fails(ended.feed, b"x")


def test_arguments_out_of_range(kernel: ModuleType) -> None:
    for options in ({"chunk_size": 8191}, {"chunk_size": 2**30 + 1}, signing(kernel, "0")):
        with pytest.raises(ValueError):
            kernel.ChunkedEncoder(0, **options)
    for length in (-1, 2**62 + 1):
        with pytest.raises(ValueError):
            kernel.ChunkedEncoder(length)
