"""Heads: the native scanner says what the readable one says, byte for byte."""

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captured import CLIENTS, captured, captured_by
from kernels import NATIVE, PURE, answer, both, heads, needs_native
from multistore.wire._pure import BAD, MORE
from oracle.mutations import mutated

pytestmark = needs_native


def request_verdict(kernel: ModuleType, data: bytes, **caps: int) -> Any:
    verdict, head, consumed, reason = kernel.scan_request(data, **caps)
    return verdict, heads(head), consumed, bool(reason)


def response_verdict(kernel: ModuleType, data: bytes, method: str, **caps: int) -> Any:
    verdict, head, consumed, reason = kernel.scan_response(data, method, **caps)
    return verdict, heads(head), consumed, bool(reason)


def same_request(data: bytes, **caps: int) -> Any:
    return same_verdict(lambda kernel, data: request_verdict(kernel, data, **caps), data)


def same_response(data: bytes, method: str) -> Any:
    return same_verdict(lambda kernel, data: response_verdict(kernel, data, method), data)


def same_verdict(verdict_of: Callable[[ModuleType, bytes], Any], data: bytes) -> Any:
    """Equal, but that a kernel may know early that a head can only become a bad one."""
    expected = verdict_of(PURE, data)
    if expected[0] == MORE and verdict_of(NATIVE, data)[0] == BAD:
        for ending in (b"\n\r\n", b"\r\n\r\n", b"x\r\n\r\n", b": x\r\n\r\n"):
            assert verdict_of(PURE, data + ending)[0] in (BAD, MORE), data
        return expected
    return both(lambda kernel: verdict_of(kernel, data))


def check_prefixes(verdict_of: Any, data: bytes, whole: tuple[Any, ...]) -> None:
    """A head is MORE until its last byte; a bad one may be known to be bad before."""
    for end in range(len(data)):
        verdict, head, consumed, _ = verdict_of(data[:end])
        assert (head, consumed) == (None, 0)
        assert verdict == MORE or (verdict == BAD and whole[0] == BAD), data[:end]


@pytest.mark.parametrize("client", CLIENTS)
def test_captured_requests_whole_and_cut(client: str, kernel: ModuleType) -> None:
    for sample in captured_by(client):
        whole = same_request(sample.head + sample.body)
        check_prefixes(lambda data: request_verdict(kernel, data), sample.head, whole)


@pytest.mark.parametrize("client", CLIENTS)
def test_captured_parts(client: str) -> None:
    for sample in captured_by(client):
        method, target, _ = sample.start
        for version in (10, 11):
            parts = (method.decode(), target, version, sample.fields)
            both(lambda kernel, parts=parts: heads_or_error(kernel, *parts))  # type: ignore[misc]


def heads_or_error(kernel: ModuleType, *args: Any) -> Any:
    result = answer(kernel.RequestHead, *args)
    return result if isinstance(result, tuple) else heads(result)


def test_mutated_requests() -> None:
    for data in mutated([sample.head for sample in captured()], 2000, seed=1):
        same_request(data)


def test_mutated_requests_at_every_prefix(kernel: ModuleType) -> None:
    for data in mutated([sample.head for sample in captured()], 60, seed=2):
        whole = request_verdict(kernel, data)
        if whole[0] != MORE:
            size = whole[2] or len(data)
            check_prefixes(lambda part: request_verdict(kernel, part), data[:size], whole)


def test_mutated_responses() -> None:
    samples = [sample.facts["resp_head"].encode("latin-1") for sample in captured()]
    for number, data in enumerate(mutated([s for s in samples if s], 1000, seed=3)):
        same_response(data, ("GET", "HEAD", "PUT")[number % 3])


def test_limits_agree() -> None:
    data = b"\r\nGET /abc HTTP/1.1\r\nHost: h\r\nA: b\r\nC: d\r\n\r\n"
    for end in (len(data), len(data) - 1):
        for size in range(len(data) + 3):
            same_request(data[:end], max_bytes=size)
        for count in range(5):
            both(lambda k, n=count, e=end: complete(k.scan_request(data[:e], max_fields=n), k))
            both(lambda k, n=count, e=end: complete(k.scan_request(data[:e], max_target=n), k))


def complete(result: Any, kernel: ModuleType) -> Any:
    """A limit may be seen before the head is whole."""
    verdict, head, consumed, reason = result
    if verdict == kernel.BAD:
        return reason
    return verdict, heads(head), consumed


# --- generated heads ------------------------------------------------------------------------------

NAMES = st.sampled_from(
    b"Host|Content-Length|Transfer-Encoding|Connection|Expect|x-amz-meta-a_b|X_Y|Range|A|"
    b"x-amz-date|content-type| A|A |".split(b"|")
)
VALUES = st.one_of(
    st.sampled_from(
        b"h|h:80|[::1]|a,b|0|5|05|chunked|gzip, chunked|close|keep-alive, TE|x-amz-date|"
        b"100-continue|100-Continue|  padded\t||a b|\xe9|\x01|a\rb|a\0".split(b"|")
    ),
    st.binary(max_size=6),
)
FIELDS = st.lists(st.tuples(NAMES, VALUES), max_size=4)
LINES = st.sampled_from(
    [
        b"GET / HTTP/1.1",
        b"PUT /b/k?x HTTP/1.1",
        b"GET / HTTP/1.0",
        b"GET http://h/ HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /# HTTP/1.1",
        b"FOO / HTTP/1.1",
        b"GET / HTTP/2.0",
    ]
)
STATUS_LINES = st.sampled_from(
    [b"HTTP/1.1 200 OK", b"HTTP/1.0 200 OK", b"HTTP/1.1 204", b"HTTP/1.1 304 ", b"HTTP/1.1 99 x"]
)
ENDS = st.sampled_from([b"\r\n", b"\r\n", b"\r\n", b"\n", b"\r\r\n", b"\r\n "])


def render(start: bytes, fields: list[tuple[bytes, bytes]], end: bytes) -> bytes:
    lines = [start, b"Host: h", *(name + b":" + value for name, value in fields)]
    return end.join((*lines, b"")) + b"\r\n"


@settings(max_examples=150, deadline=None, derandomize=True)
@given(LINES, FIELDS, ENDS)
def test_generated_requests(start: bytes, fields: list[tuple[bytes, bytes]], end: bytes) -> None:
    same_request(render(start, fields, end))


@settings(max_examples=120, deadline=None, derandomize=True)
@given(STATUS_LINES, FIELDS, ENDS, st.sampled_from(["GET", "HEAD"]))
def test_generated_responses(
    start: bytes, fields: list[tuple[bytes, bytes]], end: bytes, method: str
) -> None:
    same_response(render(start, fields, end), method)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    st.sampled_from(["GET", "PUT", "get", "FOO", "", "GÉT"]),
    st.one_of(
        st.sampled_from(
            [b"/", b"http://h", b"http://H?x", b"https://h/a", b"http://x/", b"*", b""]
        ),
        st.binary(max_size=6).map(lambda tail: b"/" + tail),
    ),
    st.sampled_from([9, 10, 11, 20]),
    FIELDS,
    st.booleans(),
)
def test_generated_parts(
    method: str, target: bytes, version: int, fields: list[tuple[bytes, bytes]], host: bool
) -> None:
    all_fields = [(b"Host", b"h")] * host + fields
    both(lambda kernel: heads_or_error(kernel, method, target, version, all_fields))


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.sampled_from([99, 100, 200, 304, 599, 600]), st.sampled_from([10, 11, 12]), FIELDS)
def test_generated_parts_of_responses(
    status: int, version: int, fields: list[tuple[bytes, bytes]]
) -> None:
    def compare(kernel: ModuleType) -> Any:
        result = answer(kernel.ResponseHead, status, version, fields)
        return result if isinstance(result, tuple) else heads(result)

    both(compare)


# --- writing --------------------------------------------------------------------------------------

PLAIN_FIELDS = st.lists(
    st.tuples(
        st.sampled_from(
            b"host|Content-Length|connection|Expect|Authorization|x-amz-date|X-Amz-Meta-A|range|"
            b"content-type|If-Match|x-amz-security-token|etag|keep-alive".split(b"|")
        ),
        st.sampled_from(b"a|a  b|\xe9||100-continue|5|close|a\r\nb: c|a\0|a\nb".split(b"|")),
    ),
    max_size=5,
)
KEEPS = st.tuples(
    st.lists(st.sampled_from([b"range", b"etag", b"host", b"x-amz-date"]), max_size=3),
    st.lists(st.sampled_from([b"x-amz-meta-", b"if-", b"content-", b""]), max_size=2),
)


@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    PLAIN_FIELDS,
    PLAIN_FIELDS,
    KEEPS,
    st.sampled_from([b"/b/k", b"/b/k?a=1&b=%2F", b"/b k", b"/b\n"]),
    st.sampled_from([-1, 0, 2**63 - 1]),
    st.sampled_from([None, (None,), ("token",)]),
)
def test_written_requests(
    of_head: list[tuple[bytes, bytes]],
    add: list[tuple[bytes, bytes]],
    keep: tuple[list[bytes], list[bytes]],
    target: bytes,
    length: int,
    signer: tuple[str | None] | None,
) -> None:
    single = {name.lower(): (name, value) for name, value in of_head if name != b"host"}

    def compare(kernel: ModuleType) -> Any:
        fields = [(b"Host", b"h"), *single.values()]
        head = answer(kernel.RequestHead, "PUT", b"/", 11, fields)
        return answer(
            kernel.write_request_head,
            "PUT",
            target,
            b"store",
            None if isinstance(head, tuple) else head,
            kernel.HeaderSet(*keep),
            add,
            length,
            b"UNSIGNED-PAYLOAD",
            None if signer is None else kernel.Signer("AK", "secret", "us-east-1", signer[0]),
            b"20150830T123600Z",
        )

    both(compare)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(PLAIN_FIELDS, PLAIN_FIELDS, st.one_of(st.none(), KEEPS), st.integers(100, 599))
def test_written_responses(
    of_head: list[tuple[bytes, bytes]],
    add: list[tuple[bytes, bytes]],
    keep: tuple[list[bytes], list[bytes]] | None,
    status: int,
) -> None:
    def compare(kernel: ModuleType) -> Any:
        head = answer(kernel.ResponseHead, 200, 11, of_head)
        return answer(
            kernel.write_response_head,
            status,
            None if isinstance(head, tuple) else head,
            None if keep is None else kernel.HeaderSet(*keep),
            add,
        )

    both(compare)
