"""What only the native kernel can get wrong: memory, ownership, reuse. See also tests/oracle."""

import gc
import sys
import tracemalloc
from collections.abc import Callable
from importlib.machinery import EXTENSION_SUFFIXES
from typing import Any

import pytest

from kernels import NATIVE as KERNEL
from kernels import PURE, needs_native
from multistore.errors import S3Error

pytestmark = needs_native

HEAD = b"GET /b/k?list-type=2 HTTP/1.1\r\nHost: h\r\nX-Amz-Date: 20260101T000000Z\r\nA: b\r\n\r\n"
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\nETag: x\r\n\r\n"
AUTHORIZATION = (
    b"AWS4-HMAC-SHA256 Credential=AK/20260101/r/s3/aws4_request, "
    b"SignedHeaders=host;x-amz-date, Signature=" + b"0" * 64
)


def test_every_module_is_compiled() -> None:
    for name in ("chunked", "crc", "head", "names", "render", "sigv4", "target", "uri", "xml"):
        file = sys.modules[f"multistore.wire._native.{name}"].__file__
        assert str(file).endswith(tuple(EXTENSION_SUFFIXES))


def test_a_head_owns_its_bytes() -> None:
    data = bytearray(HEAD)
    head = KERNEL.scan_request(bytes(data))[1]
    data[:] = b"\0" * len(data)
    assert head.target == b"/b/k?list-type=2"
    assert head.items()[2] == (b"a", b"b")


def test_a_reused_object_remembers_nothing() -> None:
    """Freed heads come back from a free list: nothing of the last request may show."""
    long = KERNEL.scan_request(
        b"PUT /long/target HTTP/1.1\r\nHost: secret\r\nExpect: 100-continue\r\n"
        b"Content-Length: 7\r\nConnection: close\r\nX: y\r\n\r\n"
    )[1]
    assert (long.content_length, long.expect_continue, long.keep_alive) == (7, True, False)
    del long
    short = KERNEL.scan_request(b"GET / HTTP/1.1\r\nHost: h\r\n\r\n")[1]
    assert short.items() == [(b"host", b"h")]
    assert (short.content_length, short.expect_continue, short.keep_alive) == (-1, False, True)


def test_what_a_checksum_is_cannot_be_changed() -> None:
    crc = KERNEL.Crc("crc32")
    for name, value in (("name", "crc32c"), ("digest_size", 64)):
        with pytest.raises(AttributeError):
            setattr(crc, name, value)
    assert len(crc.digest()) == 4


def test_a_second_init_replaces_the_first() -> None:
    head = KERNEL.RequestHead("GET", b"/a", 11, [(b"Host", b"h"), (b"X", b"1")])
    head.__init__("PUT", b"/b", 10, [(b"Host", b"g")])
    assert (head.method, head.target, head.items()) == ("PUT", b"/b", [(b"host", b"g")])


def test_objects_that_were_never_filled_are_empty() -> None:
    for kind in (KERNEL.RequestHead, KERNEL.ResponseHead):
        head = kind.__new__(kind)
        assert head.get(b"host") is None
        assert head.items() == []
    assert KERNEL.Target.__new__(KERNEL.Target).path == b""
    assert KERNEL.Authorization.__new__(KERNEL.Authorization).access_key_id == ""


@pytest.mark.parametrize(
    "part",
    [
        (b"A: b\r\nC", b"d"),
        (b"A", b"b\r\nC: d"),
        (b"A", b"b\nC: d"),
        (b"A", b"b\0"),
        (b"A:", b"b"),
        (b"", b"b"),
    ],
)
def test_parts_cannot_smuggle_a_field(part: tuple[bytes, bytes]) -> None:
    with pytest.raises(S3Error) as error:
        KERNEL.RequestHead("GET", b"/", 11, [(b"Host", b"h"), part])
    assert (error.value.code, error.value.fatal) == ("BadRequest", True)
    with pytest.raises(S3Error):
        KERNEL.ResponseHead(200, 11, [part])


@pytest.mark.parametrize("target", [b"/a b", b"/a HTTP/1.1\r\nX: y\r\n", b"", b"/\0"])
def test_a_target_cannot_end_the_request_line(target: bytes) -> None:
    with pytest.raises(S3Error):
        KERNEL.RequestHead("GET", target, 11, [(b"Host", b"h")])


def test_fields_beyond_the_capacity_are_refused() -> None:
    fields = [(b"A", b"b")] * 1024
    with pytest.raises(S3Error, match="too many header fields"):
        KERNEL.RequestHead("GET", b"/", 11, [(b"Host", b"h"), *fields])
    for count, fault in ((1024, ""), (1025, "too many header fields")):
        # A larger cap than there is room for asks in vain: the array is on the C stack.
        head = b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * count + b"\r\n"
        assert KERNEL.scan_response(head, "HEAD", max_fields=2**32 - 1)[3] == fault
        head = b"GET / HTTP/1.1\r\nHost: h\r\n" + b"A: b\r\n" * (count - 1) + b"\r\n"
        assert KERNEL.scan_request(head, max_fields=2**32 - 1)[3] == fault
    with pytest.raises(S3Error) as error:
        KERNEL.write_response_head(200, None, None, [(b"a", b"b")] * 257)
    assert error.value.code == "InternalError"


def test_there_is_room_for_everything_at_once() -> None:
    """The fullest head, the most additions, all signed, and a token: the pure kernel's arrays
    have no end, the native ones must be as long as that."""
    signer = ("AK", "secret", "r", "token")
    fields = [(b"X-Amz-Meta-%d" % n, b"v") for n in range(1023)]
    added = [(b"x-amz-meta-a%d" % n, b"v") for n in range(256)]
    written = [
        kernel.write_request_head(
            "GET",
            b"/k",
            b"h",
            kernel.RequestHead("GET", b"/", 11, [(b"Host", b"h"), *fields]),
            kernel.HeaderSet([], [b"x-amz-"]),
            added,
            -1,
            b"UNSIGNED-PAYLOAD",
            kernel.Signer(*signer),
            b"20260101T000000Z",
        )
        for kernel in (KERNEL, PURE)
    ]
    assert written[0].count(b"\r\nx-amz-meta-") == 1279
    assert written[0] == written[1]


def test_a_query_of_many_parameters_is_refused_not_cut() -> None:
    assert len(KERNEL.parse_target(b"/b?" + b"a=&" * 1024).repeated) == 1
    with pytest.raises(S3Error) as error:
        KERNEL.parse_target(b"/b?" + b"a=&" * 1025)
    assert error.value.code == "InvalidURI"


def test_nothing_to_do_returns_the_same_object() -> None:
    data = b"plain-text_1.2~3"
    assert KERNEL.percent_encode(data) is data
    assert KERNEL.percent_decode(data, plus=True) is data
    assert KERNEL.xml_escape(data) is data


@pytest.mark.parametrize("name", ["scan_request", "percent_encode", "xml_escape", "parse_target"])
def test_other_types_are_refused(name: str) -> None:
    for value in (None, "text", bytearray(b"x"), 1):
        with pytest.raises(TypeError):
            getattr(KERNEL, name)(value)


@pytest.mark.parametrize("part", [(b"a", None), (None, b"b"), ("a", b"b"), (b"a", "b")])
def test_other_types_inside_containers_are_refused(part: tuple[Any, Any]) -> None:
    host = (b"host", b"h")
    keep = KERNEL.HeaderSet([])
    signer = {"access_key_id": "A", "secret_access_key": "s", "amz_date": "20260101T000000Z"}
    calls: list[Callable[[], Any]] = [
        lambda: KERNEL.RequestHead("GET", b"/", 11, [host, part]),
        lambda: KERNEL.ResponseHead(200, 11, [part]),
        lambda: KERNEL.write_response_head(200, None, None, [part]),
        lambda: KERNEL.write_request_head(
            "GET", b"/", b"h", None, keep, (part,), -1, b"", None, b""
        ),
        lambda: KERNEL.sign("GET", b"/", [part], **signer, region="r", payload="x"),
        lambda: KERNEL.HeaderSet([None]),
        lambda: KERNEL.HeaderSet([], ["x-"]),
    ]
    for call in calls:
        with pytest.raises((TypeError, AttributeError)):
            call()


def test_secrets_have_no_attribute() -> None:
    key = KERNEL.SigningKey("secret", "20260101", "r", "s3")
    signer = KERNEL.Signer("AK", "secret", "r", "token")
    assert {name for name in dir(key) if not name.startswith("_")} == {"sign"}
    assert not [name for name in dir(signer) if not name.startswith("_")]
    assert "secret" not in repr(key) + repr(signer)
    assert "list-type" not in repr(KERNEL.scan_request(HEAD)[1])  # a query may be a signature


def signed_pair(length: int) -> tuple[Any, Any]:
    """Encoder and decoder that alone hold what they borrow."""
    made = []
    for kind in (KERNEL.ChunkedEncoder, KERNEL.ChunkedDecoder):
        key = KERNEL.SigningKey("secret", "20260101", "r", "s3")
        texts = {"amz_date": b"20260101T%06dZ" % 0, "scope": b"20260101/%b/s3/aws4_request" % b"r"}
        made.append(kind(length, key=key, seed=b"%064d" % 0, **texts))
    return made[0], made[1]


def test_chunks_keep_alive_what_they_borrow() -> None:
    encoder, decoder = signed_pair(20_000)
    body = b"".join(b"".join(encoder.feed(bytes(1000))) for _ in range(20)) + encoder.finish()
    [span] = decoder.feed(body)
    del body, encoder
    everything()
    assert span == bytes(20_000)
    decoder.close()


def test_chunks_refuse_other_types() -> None:
    for kind, pair in ((KERNEL.ChunkedEncoder, True), (KERNEL.ChunkedDecoder, False)):
        for value in (None, "text", bytearray(b"x"), 1):
            with pytest.raises(TypeError):
                kind(5).feed(value)
        for name in (None, "a", 1):
            with pytest.raises(TypeError):
                kind(5, [(name, 1) if pair else name])
        with pytest.raises(TypeError):
            kind(5, key="secret")
        for missing in ("amz_date", "scope", "seed"):
            options = {"amz_date": b"", "scope": b"", "seed": b"0" * 64, missing: None}
            with pytest.raises(TypeError):
                kind(5, key=KERNEL.SigningKey("s", "d", "r", "s3"), **options)
    with pytest.raises(TypeError):
        KERNEL.ChunkedEncoder(0, [(b"a", 1)]).finish([None])


# --- leaks ----------------------------------------------------------------------------------------


def everything() -> None:
    """One call of each entry, good and bad."""
    head = KERNEL.scan_request(HEAD)[1]
    KERNEL.scan_request(b"GET / HTTP/1.1\n")
    KERNEL.scan_request(HEAD[:20])
    answer = KERNEL.scan_response(ANSWER, "GET")[1]
    KERNEL.RequestHead("GET", b"http://h/x", 10, head.items())
    head.get_all(b"host")
    target = KERNEL.parse_target(head.target)
    authorization = KERNEL.parse_authorization(AUTHORIZATION)
    KERNEL.check_signed_headers(head, authorization)
    key = KERNEL.SigningKey("secret", "20260101", "r", "s3")
    KERNEL.verify(head, target, authorization, key, b"20260101T000000Z", b"UNSIGNED-PAYLOAD")
    keep = KERNEL.HeaderSet([b"a"], [b"x-"]) | KERNEL.HeaderSet([b"etag"])
    signer = KERNEL.Signer("AK", "secret", "r", "token")
    KERNEL.write_request_head(
        "GET", b"/k", b"h", head, keep, [(b"C", b"d")], 1, b"x", signer, b"20260101T000000Z"
    )
    KERNEL.write_response_head(200, answer, keep, ((b"a", b"b"),))
    crc = KERNEL.Crc("crc64nvme")
    crc.update(memoryview(HEAD))
    crc.digest()
    reader = KERNEL.XmlReader()
    reader.feed(b"<a><b>x&amp;</b><c")
    encoder, decoder = signed_pair(3)
    for piece in (*encoder.feed(b"abc"), encoder.finish()):
        decoder.feed(bytes(piece))
    decoder.close()
    failures: list[Callable[[], Any]] = [
        lambda: KERNEL.ChunkedDecoder(0, (), key=key, seed=b"0" * 64).feed(b"0\r\n"),
        lambda: KERNEL.ChunkedDecoder(0, [b"a"]).feed(b"0\r\na:b\r\na:b\r\n"),
        encoder.finish,
        lambda: KERNEL.parse_target(b"/%"),
        lambda: KERNEL.parse_authorization(b"AWS x:y"),
        lambda: KERNEL.RequestHead("GET", b"/", 11, []),
        lambda: KERNEL.write_response_head(200, None, None, [(b"a", b"\n")]),
        reader.close,
    ]
    for failure in failures:
        with pytest.raises(S3Error):
            failure()


def test_no_memory_is_kept() -> None:
    for _ in range(300):  # free lists and caches fill
        everything()
    tracemalloc.start()
    try:
        for _ in range(50):
            everything()
        gc.collect()  # caught exceptions are cycles, which wait for it
        before = tracemalloc.get_traced_memory()[0]
        for _ in range(500):
            everything()
        gc.collect()
        grown = tracemalloc.get_traced_memory()[0] - before
    finally:
        tracemalloc.stop()
    assert grown < 20_000  # less than 40 bytes a round: one lost object would cost more


def test_arguments_keep_their_reference_counts() -> None:
    data = bytes(bytearray(HEAD))  # not an interned constant
    names = [bytes(bytearray(b"etag"))]
    counts = sys.getrefcount(data), sys.getrefcount(names[0])
    for _ in range(100):
        KERNEL.scan_request(data)
        KERNEL.HeaderSet(names)
        KERNEL.percent_encode(data)
    assert (sys.getrefcount(data), sys.getrefcount(names[0])) == counts
