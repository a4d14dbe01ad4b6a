"""What comes out of an aws-chunked body, and what is refused, wherever it is cut."""

import random
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest

from multistore.errors import S3Error
from support.chunked import Chain, frame, signing

CRC = (b"x-amz-checksum-crc32", b"DUoRhQ==")
TRAILER_SEED = "106e2a8a18243abcf37539882f36619c00e2dfc72633413f02d3b74544bfeb8e"


def joined(spans: list[memoryview]) -> bytes:
    return b"".join(spans)


def read(decoder: Any, *parts: bytes) -> bytes:
    data = b"".join(joined(decoder.feed(part)) for part in parts)
    decoder.close()
    assert decoder.finished and decoder.decoded == len(data)
    return data


def refusal(decoder: Any, *parts: bytes) -> S3Error:
    """The error, which must come again and again."""
    with pytest.raises(S3Error) as caught:
        read(decoder, *parts)
    with pytest.raises(S3Error) as again:
        decoder.close()
    assert again.value.code == caught.value.code
    return caught.value


def cuts(body: bytes) -> Iterator[list[bytes]]:
    """Whole, in two at every byte, and byte by byte."""
    yield [body]
    yield [body[i : i + 1] for i in range(len(body))]
    for at in range(1, len(body)):
        yield [body[:at], body[at:]]


# --- what is read ---------------------------------------------------------------------------------

BODIES: dict[str, tuple[bytes, bytes, list[tuple[bytes, bytes]] | None]] = {
    "empty": (frame([]), b"", []),
    "empty, trailer": (frame([], [CRC]), b"", [CRC]),
    "one chunk": (frame([b"hello world"], [CRC]), b"hello world", [CRC]),
    "upper case": (frame([b"hello world"], [CRC], size="%X"), b"hello world", [CRC]),
    "leading zeros": (frame([b"hello world"], size="%016x"), b"hello world", None),
    "framing in data": (frame([b"\r\n", b"0\r\n\r\n", b"a:b\n"]), b"\r\n0\r\n\r\na:b\n", []),
    "minio-go": (frame([b"x"], [CRC], line_end=b"\n"), b"x", [CRC]),
    "minio-go without its last CRLF": (frame([b"x"], [CRC], line_end=b"\n")[:-2], b"x", [CRC]),
    "two trailers": (frame([b"x"], [CRC, (b"a", b"b c")]), b"x", [CRC, (b"a", b"b c")]),
    "blanks, case": (b"1\r\nx\r\n0\r\nX-Amz-A: \t b c \r\n\r\n", b"x", [(b"x-amz-a", b"b c")]),
}


@pytest.mark.rule("SEM-11")
@pytest.mark.parametrize("name", BODIES)
def test_unsigned_bodies_wherever_they_are_cut(kernel: ModuleType, name: str) -> None:
    body, data, trailers = BODIES[name]
    names = None if trailers is None else [field[0] for field in trailers]
    for parts in cuts(body):
        decoder = kernel.ChunkedDecoder(len(data), names, min_chunk=0)
        assert read(decoder, *parts) == data
        assert decoder.trailers == dict(trailers or [])
        error = refusal(decoder, b"x")
        assert error.code == "IncompleteBody" and not decoder.finished


@pytest.mark.rule("SEM-11")
@pytest.mark.parametrize(
    ("trailers", "line_end"),
    [(None, b"\r\n"), ([], b"\r\n"), ([CRC], b"\r\n"), ([CRC], b"\n")],
)
def test_signed_bodies_wherever_they_are_cut(
    kernel: ModuleType, trailers: list[tuple[bytes, bytes]] | None, line_end: bytes
) -> None:
    body = frame([b"hello ", b"world"], trailers, Chain(), line_end=line_end)
    names = None if trailers is None else [name for name, _ in trailers]
    for parts in cuts(body):
        decoder = kernel.ChunkedDecoder(11, names, min_chunk=0, **signing(kernel))
        assert read(decoder, *parts) == b"hello world"
        assert decoder.trailers == dict(trailers or [])


@pytest.mark.parametrize("signed", [False, True])
def test_large_bodies_cut_at_random(kernel: ModuleType, signed: bool) -> None:
    dice = random.Random(7)
    data = dice.randbytes(300_000)
    for size in (8192, 65536, len(data)):
        chunks = [data[i : i + size] for i in range(0, len(data), size)]
        body = frame(chunks, [CRC], Chain() if signed else None)
        options = signing(kernel) if signed else {}
        decoder = kernel.ChunkedDecoder(len(data), [CRC[0]], **options)
        parts = []
        at = 0
        while at < len(body):
            n = dice.choice([1, 7, 100, 4096, 65536, 200_000])
            parts.append(body[at : at + n])
            at += n
        assert read(decoder, *parts) == data


def test_spans_point_into_the_input(kernel: ModuleType) -> None:
    body = frame([b"a" * 8192, b"b" * 100])
    first, second = kernel.ChunkedDecoder(8292).feed(body)
    assert first.obj is body and second.obj is body
    assert (bytes(first), bytes(second)) == (b"a" * 8192, b"b" * 100)


def test_finished_is_said_when_the_body_may_end(kernel: ModuleType) -> None:
    decoder = kernel.ChunkedDecoder(1, [b"a"])
    said = []
    for byte in b"1\r\nx\r\n0\r\na:b\n\r\n\r\n":
        decoder.feed(bytes([byte]))
        said.append(decoder.finished)
    # after LF, CR LF; not between the bytes of the CR LF that may follow
    assert said == [False] * 14 + [True, False, True]


# --- the examples of the documentation ------------------------------------------------------------

AWS = [
    b"ad80c730a21e5b8d04586a2213dd63b9a0e99e0e2307b0ade35a65485a288648",
    b"0055627c9e194cb4542bae2aa5492e3c1575bbb81b612b7d234b86a503ef5497",
    b"b6c6ea8a5354eaf15b3cb7646744f4275b71ea724fed81ceb9323e279d449df9",
]
AWS_TRAILER = [
    b"b474d8862b1487a5145d686f57f013e54db672cee1c953b3010fb58501ef5aa2",
    b"1c1344b170168f8e65b41376b44b20fe354e373826ccbbe2c1d40a8cae51e5c7",
    b"2ca2aba2005185cf7159c6277faf83795951dd77a3a99e6e65d5c9f85863f992",
]


def documented(signatures: list[bytes], end: bytes) -> bytes:
    """65 KiB of "a" in chunks of 64 KiB, as in "Transferring Payload in Multiple Chunks"."""
    heads = [
        b"%x;chunk-signature=%b\r\n" % (size, signature)
        for size, signature in zip((65536, 1024, 0), signatures, strict=True)
    ]
    return heads[0] + b"a" * 65536 + b"\r\n" + heads[1] + b"a" * 1024 + b"\r\n" + heads[2] + end


def test_documented_chunks(kernel: ModuleType) -> None:
    decoder = kernel.ChunkedDecoder(66560, **signing(kernel))
    body = documented(AWS, b"\r\n")
    assert len(body) == 66824  # the example's Content-Length
    assert read(decoder, body) == b"a" * 66560


def test_documented_trailer(kernel: ModuleType) -> None:
    # (The page shows another signature of the trailer, which does not follow from its own text.)
    end = b"x-amz-checksum-crc32c:sOO8/Q==\r\nx-amz-trailer-signature:"
    end += b"d81f82fc3505edab99d459891051a732e8730629a2e4a59689829ca17fe2e435\r\n\r\n"
    decoder = kernel.ChunkedDecoder(
        66560, [b"x-amz-checksum-crc32c"], **signing(kernel, TRAILER_SEED)
    )
    assert read(decoder, documented(AWS_TRAILER, end)) == b"a" * 66560
    assert decoder.trailers == {b"x-amz-checksum-crc32c": b"sOO8/Q=="}


# --- what is refused ------------------------------------------------------------------------------

#: Each with a decoded length of 5 and the trailer "a" declared.
BAD: list[tuple[str, str, bytes]] = [
    ("IncompleteBody", "no size", b"\r\nhello\r\n"),
    ("IncompleteBody", "size of no digits", b"x\r\n"),
    ("IncompleteBody", "sign", b"+5\r\nhello\r\n"),
    ("IncompleteBody", "prefix", b"0x5\r\nhello\r\n"),
    ("IncompleteBody", "blank", b"5 \r\nhello\r\n"),
    ("IncompleteBody", "LF alone", b"5\nhello\r\n"),
    ("IncompleteBody", "extension", b"5;a=b\r\nhello\r\n"),
    ("IncompleteBody", "signature nobody asked for", b"5;chunk-signature=" + b"0" * 64 + b"\r\n"),
    ("IncompleteBody", "17 digits", b"00000000000000005\r\nhello\r\n"),
    ("IncompleteBody", "more data than its chunk says", b"4\r\nhello\r\n0\r\n"),
    ("IncompleteBody", "data ended by LF", b"5\r\nhello\n0\r\na:b\r\n\r\n"),
    ("IncompleteBody", "a chunk beyond the length", b"6\r\nhello!\r\n0\r\n"),
    ("IncompleteBody", "a chunk beyond everything", b"ffffffffffffffff\r\nhello"),
    ("IncompleteBody", "too little data", b"4\r\nhell\r\n0\r\na:b\r\n\r\n"),
    ("IncompleteBody", "less data than its chunk says", b"5\r\nhell\r\n0\r\na:b\r\n\r\n"),
    ("IncompleteBody", "bytes behind the end", b"5\r\nhello\r\n0\r\na:b\r\n\r\n\r\n"),
    ("IncompleteBody", "end of LF alone", b"5\r\nhello\r\n0\r\na:b\r\n\n"),
    ("MalformedTrailerError", "no trailer", b"5\r\nhello\r\n0\r\n\r\n"),
    ("MalformedTrailerError", "undeclared trailer", b"5\r\nhello\r\n0\r\na:b\r\nc:d\r\n\r\n"),
    ("MalformedTrailerError", "repeated trailer", b"5\r\nhello\r\n0\r\na:b\r\nA:b\r\n\r\n"),
    ("MalformedTrailerError", "no colon", b"5\r\nhello\r\n0\r\na\r\n\r\n"),
    ("MalformedTrailerError", "no name", b"5\r\nhello\r\n0\r\n:b\r\n\r\n"),
    ("MalformedTrailerError", "no value", b"5\r\nhello\r\n0\r\na:\r\n\r\n"),
    ("MalformedTrailerError", "blank in the name", b"5\r\nhello\r\n0\r\na :b\r\n\r\n"),
    ("MalformedTrailerError", "folded line", b"5\r\nhello\r\n0\r\na:b\r\n c\r\n\r\n"),
    ("MalformedTrailerError", "CR in the value", b"5\r\nhello\r\n0\r\na:b\rc\r\n\r\n"),
    ("MalformedTrailerError", "NUL in the value", b"5\r\nhello\r\n0\r\na:b\0\r\n\r\n"),
    ("MalformedTrailerError", "long section", b"5\r\nhello\r\n0\r\na:" + b"b" * 1024 + b"\r\n\r\n"),
]


@pytest.mark.rule("SEM-11", "R03")
@pytest.mark.parametrize(("code", "what", "body"), BAD, ids=[case[1] for case in BAD])
def test_bad_bodies(kernel: ModuleType, code: str, what: str, body: bytes) -> None:
    for parts in cuts(body) if len(body) < 200 else [[body]]:
        decoder = kernel.ChunkedDecoder(5, [b"a"])
        assert refusal(decoder, *parts).code == code
        assert not decoder.finished


@pytest.mark.rule("R03")
@pytest.mark.parametrize("signed", [False, True])
def test_a_body_that_ends_early_is_incomplete(kernel: ModuleType, signed: bool) -> None:
    body = frame([b"hello"], [CRC], Chain() if signed else None)
    for end in range(len(body)):
        options = signing(kernel) if signed else {}
        decoder = kernel.ChunkedDecoder(5, [CRC[0]], **options)
        assert refusal(decoder, body[:end]).code == "IncompleteBody"


def test_a_small_chunk_may_only_be_the_last(kernel: ModuleType) -> None:
    small = frame([b"x" * 8192, b"y" * 8191, b"z"])
    error = refusal(kernel.ChunkedDecoder(16384), small)
    assert (error.code, error.status) == ("InvalidChunkSizeError", 403)
    assert error.fields == (("Chunk", "3"), ("BadChunkSize", "8191"))
    # What S3 sees first, when more is wrong with it
    error = refusal(kernel.ChunkedDecoder(5), b"5\r\nhello\r\n1\r\n")
    assert error.fields == (("Chunk", "2"), ("BadChunkSize", "5"))
    assert read(kernel.ChunkedDecoder(16384, min_chunk=8191), small) == b"".join(
        (b"x" * 8192, b"y" * 8191, b"z")
    )


def test_memory_and_work_for_a_header_are_bounded(kernel: ModuleType) -> None:
    decoder = kernel.ChunkedDecoder(5)
    for _ in range(16):
        decoder.feed(b"0")
    with pytest.raises(S3Error):
        decoder.feed(b"0")
    decoder = kernel.ChunkedDecoder(0, [b"a"])
    decoder.feed(b"0\r\na:")
    for _ in range(1022):
        decoder.feed(b"b")
    with pytest.raises(S3Error):
        decoder.feed(b"b")


# --- signatures -----------------------------------------------------------------------------------


def test_a_changed_byte_is_found_before_its_chunk_is_out(kernel: ModuleType) -> None:
    """Law 6: the span that ends a chunk comes out once the signature held."""
    body = frame([b"hello ", b"world"], [CRC], Chain())
    names = range(body.index(b"x-amz-checksum"), body.index(b":DUoR"))
    signature = body.index(b"x-amz-trailer-signature")
    free = {*names, *range(signature, body.index(b":", signature))}  # the case of their letters
    first_end, second_end = (body.index(word) + len(word) for word in (b"hello ", b"world"))
    for at in range(len(body)):
        for flip in (1, 0x20, 0x80):
            changed = body[:at] + bytes([body[at] ^ flip]) + body[at + 1 :]
            decoder = kernel.ChunkedDecoder(11, [CRC[0]], min_chunk=0, **signing(kernel))
            parts = [changed[i : i + 1] for i in range(len(changed))]
            if flip == 0x20 and at in free and body[at : at + 1].isalpha():
                assert read(decoder, *parts) == b"hello world"
                continue
            refusal(decoder, *parts)
            if 0 < at < second_end:  # (a larger size lets more of the data come before its end)
                assert decoder.decoded < (6 if at < first_end else 11)


def test_chunks_cannot_be_moved_repeated_or_left_out(kernel: ModuleType) -> None:
    chain = Chain()
    parts = []
    for data in (b"one", b"two", b"one", b""):
        head = b"%x;chunk-signature=%b\r\n" % (len(data), chain.chunk(data))
        parts.append(head + (data + b"\r\n" if data else b"\r\n"))
    one, two, again, last = parts
    for body, length in [
        (two + one + again + last, 9),
        (one + one + two + last, 9),
        (again + two + one + last, 9),
        (one + two + last, 6),  # cut at the edge of a chunk
        (last, 0),
    ]:
        decoder = kernel.ChunkedDecoder(length, min_chunk=0, **signing(kernel))
        assert refusal(decoder, body).code == "SignatureDoesNotMatch"
    decoder = kernel.ChunkedDecoder(9, min_chunk=0, **signing(kernel))
    assert read(decoder, one + two + again + last) == b"onetwoone"


@pytest.mark.parametrize("change", ["secret", "amz_date", "scope", "seed"])
def test_everything_that_is_signed_counts(kernel: ModuleType, change: str) -> None:
    options = signing(kernel)
    if change == "secret":
        options["key"] = kernel.SigningKey("other", "20130524", "us-east-1", "s3")
    else:
        options[change] = options[change][:-1] + b"1"
    decoder = kernel.ChunkedDecoder(5, **options)
    assert refusal(decoder, frame([b"hello"], None, Chain())).code == "SignatureDoesNotMatch"


#: (code, what, the trailer section of a signed body of no data with the trailer "a")
SIGNED_SECTIONS = [
    ("MalformedTrailerError", "not signed", b"a:b\r\n\r\n"),
    ("MalformedTrailerError", "not signed, minio-go", b"a:b\n\r\n\r\n"),
    ("MalformedTrailerError", "nothing", b"\r\n"),
    ("SignatureDoesNotMatch", "another value", b"a:c\r\nx-amz-trailer-signature:%b\r\n\r\n"),
    ("SignatureDoesNotMatch", "another name", b"c:b\r\nx-amz-trailer-signature:%b\r\n\r\n"),
    ("SignatureDoesNotMatch", "none", b"x-amz-trailer-signature:%b\r\n\r\n"),
    ("MalformedTrailerError", "short", b"a:b\r\nx-amz-trailer-signature:00\r\n\r\n"),
    ("MalformedTrailerError", "twice", b"a:b\r\nx-amz-trailer-signature:%b\r\n" * 2),
    ("MalformedTrailerError", "behind", b"a:b\r\nx-amz-trailer-signature:%b\r\nc:d\r\n\r\n"),
    ("IncompleteBody", "more", b"a:b\r\nx-amz-trailer-signature:%b\r\n\r\n\r\n"),
]


@pytest.mark.parametrize(("code", "what", "section"), SIGNED_SECTIONS)
def test_bad_signed_trailers(kernel: ModuleType, code: str, what: str, section: bytes) -> None:
    chain = Chain()
    head = b"0;chunk-signature=" + chain.chunk(b"") + b"\r\n"
    body = head + section.replace(b"%b", chain.trailer(b"a:b\n"))
    names = [b"a", b"c"] if what == "another name" else [b"a"]
    decoder = kernel.ChunkedDecoder(0, names, **signing(kernel))
    assert refusal(decoder, body).code == code


def test_trailers_where_there_may_be_none(kernel: ModuleType) -> None:
    body = frame([b"hello"], None, Chain())[:-2] + b"a:b\r\n\r\n"
    decoder = kernel.ChunkedDecoder(5, **signing(kernel))
    assert refusal(decoder, body).code == "MalformedTrailerError"


def test_chunks_without_signatures(kernel: ModuleType) -> None:
    for head in (b"5\r\n", b"5;\r\n", b"5;chunk-signature=\r\n" + b"0" * 64, b"5;Chunk-Signature="):
        decoder = kernel.ChunkedDecoder(5, **signing(kernel))
        assert refusal(decoder, head).code == "IncompleteBody"
    signature = Chain().chunk(b"hello").upper()
    decoder = kernel.ChunkedDecoder(5, **signing(kernel))
    error = refusal(decoder, b"5;chunk-signature=" + signature + b"\r\nhello")
    assert error.code == "SignatureDoesNotMatch"


def test_arguments_out_of_range(kernel: ModuleType) -> None:
    for length in (-1, 2**62 + 1):
        with pytest.raises(ValueError):
            kernel.ChunkedDecoder(length)
    kernel.ChunkedDecoder(2**62)
    with pytest.raises(ValueError):
        kernel.ChunkedDecoder(0, **signing(kernel, "00"))
