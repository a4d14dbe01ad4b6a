"""D15: what our scanner calls ORDINARY, httptools reads identically, whole and at every split.

httptools (llhttp) is the parser that takes over where the scanner says OTHER; a head that the two
read differently would be a head with two meanings. The scanner is the stricter of the two:
nothing is said here about what it refuses.
"""

from types import ModuleType
from typing import Any

import httptools
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from captured import CLIENTS, captured, captured_by
from kernels import NATIVE, PURE
from oracle.mutations import mutated

Field = tuple[bytes, bytes]


class Reader:
    """Collects what httptools says of one head."""

    def __init__(self) -> None:
        self.target = b""
        self.reason = b""
        self.fields: list[Field] = []
        self.complete = False
        self.keep_alive = True
        self.parser: Any = None

    def on_url(self, url: bytes) -> None:
        self.target += url

    def on_status(self, reason: bytes) -> None:
        self.reason += reason

    def on_header(self, name: bytes, value: bytes) -> None:
        assert not self.complete
        self.fields.append((name.lower(), value.strip(b" \t")))

    def on_headers_complete(self) -> None:
        self.complete = True
        self.keep_alive = self.parser.should_keep_alive()  # forgotten when the message is complete


def feed(parser: Any, parts: list[bytes]) -> None:
    for part in parts:
        try:
            parser.feed_data(part)
        except httptools.HttpParserUpgrade:  # the head was read; we never switch protocols
            return


def length_of(fields: list[Field]) -> int:
    lengths = [value for name, value in fields if name == b"content-length"]
    assert len(lengths) <= 1
    return int(lengths[0]) if lengths else -1


def request_by_httptools(parts: list[bytes]) -> Any:
    reader = Reader()
    reader.parser = parser = httptools.HttpRequestParser(reader)
    feed(parser, parts)
    assert reader.complete
    return (
        parser.get_method().decode(),
        reader.target,
        parser.get_http_version(),
        reader.fields,
        length_of(reader.fields),
        reader.keep_alive,
    )


def request_by_scanner(head: Any) -> Any:
    return (
        head.method,
        head.target,
        "1.1",
        head.items(),
        head.content_length,
        head.keep_alive,
    )


def response_by_httptools(parts: list[bytes]) -> Any:
    reader = Reader()
    reader.parser = parser = httptools.HttpResponseParser(reader)
    feed(parser, parts)
    assert reader.complete
    return (
        parser.get_status_code(),
        parser.get_http_version(),
        reader.fields,
        length_of(reader.fields),
    )


def response_by_scanner(head: Any) -> Any:
    version = {10: "1.0", 11: "1.1"}[head.version]
    return head.status, version, head.items(), head.content_length


def cuts(data: bytes, step: int = 1) -> list[list[bytes]]:
    drip = [data[i : i + 1] for i in range(len(data))]
    return [[data], drip, *([data[:i], data[i:]] for i in range(1, len(data), step))]


def check_request(kernel: ModuleType, data: bytes, step: int = 1) -> bool:
    verdict, head, consumed, _ = kernel.scan_request(data)
    if verdict != kernel.ORDINARY:
        return False
    ours = request_by_scanner(head)
    for parts in cuts(data[:consumed], step):
        assert request_by_httptools(parts) == ours, data
    return True


def check_response(kernel: ModuleType, data: bytes, method: str, step: int = 1) -> bool:
    verdict, head, consumed, _ = kernel.scan_response(data, method)
    if verdict != kernel.ORDINARY:
        return False
    ours = response_by_scanner(head)
    for parts in cuts(data[:consumed], step):
        assert response_by_httptools(parts) == ours, data
    return True


@pytest.mark.rule("L1")
@pytest.mark.parametrize("client", CLIENTS)
def test_captured_requests(kernel: ModuleType, client: str) -> None:
    read = [
        check_request(kernel, sample.head, step=1 + number % 7)
        for number, sample in enumerate(captured_by(client))
    ]
    assert any(read)


@pytest.mark.rule("L1")
@pytest.mark.parametrize("client", CLIENTS)
def test_captured_responses(kernel: ModuleType, client: str) -> None:
    read = [
        check_response(kernel, data, sample.facts["method"], step=1 + number % 7)
        for number, sample in enumerate(captured_by(client))
        if (data := sample.facts["resp_head"].encode("latin-1"))
    ]
    assert all(read)


@pytest.mark.rule("L1")
def test_mutated_requests(kernel: ModuleType) -> None:
    samples = [sample.head for sample in captured()]
    read = sum(check_request(kernel, data, step=97) for data in mutated(samples, 2000, seed=11))
    assert read > 300  # most changes hit a value, where nearly anything is allowed


@pytest.mark.rule("L1")
def test_mutated_responses(kernel: ModuleType) -> None:
    samples = [data for s in captured() if (data := s.facts["resp_head"].encode("latin-1"))]
    read = sum(
        check_response(kernel, data, "GET", step=97) for data in mutated(samples, 1000, seed=12)
    )
    assert read > 300


TARGETS = st.one_of(
    st.binary(min_size=0, max_size=8), st.text("/?&=%+;@:\\^`{|}\"<>#*'()[]~_.", max_size=8)
).map(lambda tail: b"/" + (tail if isinstance(tail, bytes) else tail.encode()))
VALUES = st.one_of(
    st.binary(max_size=8),
    st.sampled_from(
        [b"0", b"5", b" 7 ", b"05", b"close", b"Close", b"keep-alive", b"upgrade", b""]
    ),
)
NAMES = st.one_of(
    st.sampled_from(
        [b"Content-Length", b"Connection", b"Expect", b"Upgrade", b"Transfer-Encoding"]
    ),
    st.binary(min_size=1, max_size=4),
)


@pytest.mark.rule("L1")
@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    method=st.sampled_from([b"GET", b"HEAD", b"PUT", b"POST", b"DELETE", b"OPTIONS", b"PATCH"]),
    target=TARGETS,
    fields=st.lists(st.tuples(NAMES, VALUES), max_size=3),
    lead=st.sampled_from([b"", b"\r\n"]),
)
def test_generated_requests(method: bytes, target: bytes, fields: list[Field], lead: bytes) -> None:
    lines = [method + b" " + target + b" HTTP/1.1", b"Host: h"]
    lines += [name + b": " + value for name, value in fields]
    data = lead + b"\r\n".join((*lines, b"", b""))
    for kernel in (PURE, NATIVE):
        if kernel is not None:
            check_request(kernel, data)


@pytest.mark.rule("L1")
@settings(max_examples=120, deadline=None, derandomize=True)
@given(
    start=st.sampled_from(
        b"HTTP/1.1 200 OK|HTTP/1.1 206|HTTP/1.1 404 |HTTP/1.0 200 OK|HTTP/1.1 204 x|"
        b"HTTP/1.1 304 \xe9|HTTP/1.1 500 a\tb|HTTP/1.1 599 c".split(b"|")
    ),
    fields=st.lists(st.tuples(NAMES, VALUES), max_size=3),
    method=st.sampled_from(["GET", "HEAD"]),
)
def test_generated_responses(start: bytes, fields: list[Field], method: str) -> None:
    lines = [start, b"Content-Length: 3", *(name + b": " + value for name, value in fields)]
    data = b"\r\n".join((*lines, b"", b""))
    for kernel in (PURE, NATIVE):
        if kernel is not None:
            check_response(kernel, data, method)
