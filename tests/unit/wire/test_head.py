"""What ordinary heads say, where they end, and the limits on both sides of them."""

from types import ModuleType

import pytest

from captured import CLIENTS, captured_by

PLAIN = b"GET /b/k?x=1 HTTP/1.1\r\nHost: h:8080\r\n\r\n"


def request(*lines: bytes, method: bytes = b"GET", version: bytes = b"HTTP/1.1") -> bytes:
    return b"\r\n".join((method + b" / " + version, b"Host: h", *lines, b"", b""))


def test_plain_request(kernel: ModuleType) -> None:
    verdict, head, consumed, reason = kernel.scan_request(PLAIN + b"GET ")
    assert (verdict, consumed, reason) == (kernel.ORDINARY, len(PLAIN), "")
    assert (head.method, head.target, head.version) == ("GET", b"/b/k?x=1", 11)
    assert (head.content_length, head.chunked) == (-1, False)
    assert (head.keep_alive, head.expect_continue) == (True, False)
    assert head.items() == [(b"host", b"h:8080")]
    assert head.get(b"host") == b"h:8080"
    assert head.get(b"x") is None
    assert head.get_all(b"x") == []


def test_names_fold_and_values_are_stripped(kernel: ModuleType) -> None:
    data = request(b"X-Amz-Meta-A: \t a \t b\t ", b"x-amz-meta-A:c", b"Empty:", b"Blank: \t ")
    _, head, _, _ = kernel.scan_request(data)
    assert head.items() == [
        (b"host", b"h"),
        (b"x-amz-meta-a", b"a \t b"),
        (b"x-amz-meta-a", b"c"),
        (b"empty", b""),
        (b"blank", b""),
    ]
    assert head.get(b"x-amz-meta-a") == b"a \t b"
    assert head.get_all(b"x-amz-meta-a") == [b"a \t b", b"c"]
    assert head.get(b"empty") == b""


def test_bytes_of_values_are_kept(kernel: ModuleType) -> None:
    value = bytes(range(0x21, 0x7F)) + bytes(range(0x80, 0x100))
    _, head, _, _ = kernel.scan_request(request(b"x-amz-meta-a: " + value))
    assert head.get(b"x-amz-meta-a") == value


def test_bytes_of_targets_are_kept(kernel: ModuleType) -> None:
    target = b"/" + bytes(range(0x21, 0x7F)).replace(b"#", b"")
    _, head, _, _ = kernel.scan_request(b"GET " + target + b" HTTP/1.1\r\nHost: h\r\n\r\n")
    assert head.target == target


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"])
def test_methods(kernel: ModuleType, method: str) -> None:
    verdict, head, _, _ = kernel.scan_request(request(method=method.encode()))
    assert (verdict, head.method) == (kernel.ORDINARY, method)


@pytest.mark.parametrize(
    "host",
    [b"h", b"h:1", b"A-b.c_d~1:65535", b"[::1]", b"[fe80::1:2]:9000", b"127.0.0.1:80", b"h."],
)
def test_hosts(kernel: ModuleType, host: bytes) -> None:
    verdict, head, _, _ = kernel.scan_request(b"GET / HTTP/1.1\r\nHost: " + host + b"\r\n\r\n")
    assert (verdict, head.get(b"host")) == (kernel.ORDINARY, host)


@pytest.mark.parametrize("length", [0, 1, 10, 5 * 1024**3, 2**63 - 1])
def test_content_length(kernel: ModuleType, length: int) -> None:
    data = request(b"Content-Length: %d" % length, method=b"PUT")
    verdict, head, _, _ = kernel.scan_request(data)
    assert (verdict, head.content_length) == (kernel.ORDINARY, length)
    assert (
        kernel.scan_response(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length, "GET")[
            1
        ].content_length
        == length
    )


@pytest.mark.parametrize(
    ("lines", "keep_alive"),
    [
        ([], True),
        ([b"Connection: close"], False),
        ([b"Connection: Close"], False),
        ([b"Connection: keep-alive"], True),
        ([b"Connection: TE, close"], False),
        ([b"Connection: te", b"Connection: close"], False),
        ([b"Connection: keep-alive ,\t close,,"], False),
        ([b"Connection:"], True),
        ([b"Connection: Upgrade, HTTP2-Settings", b"Upgrade: h2c"], True),
    ],
)
def test_keep_alive(kernel: ModuleType, lines: list[bytes], keep_alive: bool) -> None:
    verdict, head, _, _ = kernel.scan_request(request(*lines))
    assert (verdict, head.keep_alive) == (kernel.ORDINARY, keep_alive)


def test_http_10_never_keeps_the_connection(kernel: ModuleType) -> None:
    head = kernel.RequestHead("GET", b"/", 10, [(b"Host", b"h"), (b"Connection", b"keep-alive")])
    assert (head.version, head.keep_alive) == (10, False)
    answer = b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n"
    _, head, _, _ = kernel.scan_response(answer, "GET")
    assert (head.version, head.keep_alive) == (10, False)


@pytest.mark.rule("SEM-10")
@pytest.mark.parametrize("value", [b"100-continue", b"100-Continue"])
def test_expect_continue(kernel: ModuleType, value: bytes) -> None:
    _, head, _, _ = kernel.scan_request(request(b"Expect: " + value, method=b"PUT"))
    assert head.expect_continue
    old = kernel.RequestHead("PUT", b"/", 10, [(b"Host", b"h"), (b"Expect", value)])
    assert not old.expect_continue


def test_one_leading_crlf_is_skipped(kernel: ModuleType) -> None:
    verdict, head, consumed, _ = kernel.scan_request(b"\r\n" + PLAIN)
    assert (verdict, head.target, consumed) == (kernel.ORDINARY, b"/b/k?x=1", len(PLAIN) + 2)


@pytest.mark.parametrize("data", [b"", b"\r", b"\r\n", b"G", b"GET / HTTP/1.1\r", PLAIN[:-1]])
def test_more(kernel: ModuleType, data: bytes) -> None:
    assert kernel.scan_request(data) == (kernel.MORE, None, 0, "")


@pytest.mark.parametrize(
    ("target", "left"),
    [
        (b"http://h/b/k?x", b"/b/k?x"),
        (b"HTTPS://H/", b"/"),
        (b"http://h", b"/"),
        (b"http://h?x", b"/?x"),
        (b"http://h//b", b"//b"),
    ],
)
def test_absolute_form_is_reduced(kernel: ModuleType, target: bytes, left: bytes) -> None:
    assert kernel.RequestHead("GET", target, 11, [(b"Host", b"h")]).target == left


def test_chunked_request_of_another_parser(kernel: ModuleType) -> None:
    fields = [(b"Host", b"h"), (b"Transfer-Encoding", b" chunked ")]
    head = kernel.RequestHead("PUT", b"/b/k", 11, fields)
    assert (head.chunked, head.content_length) == (True, -1)
    assert head.items() == [(b"host", b"h"), (b"transfer-encoding", b"chunked")]


# --- limits: one below, at, one above -------------------------------------------------------------


@pytest.mark.rule("L8")
def test_size_of_the_head(kernel: ModuleType) -> None:
    too_large = (kernel.BAD, None, 0, "request head too large")
    assert kernel.scan_request(PLAIN, max_bytes=len(PLAIN))[0] == kernel.ORDINARY
    assert kernel.scan_request(PLAIN, max_bytes=len(PLAIN) - 1) == too_large
    assert kernel.scan_request(PLAIN[:-1], max_bytes=len(PLAIN)) == (kernel.MORE, None, 0, "")
    assert kernel.scan_request(PLAIN[:-1], max_bytes=len(PLAIN) - 1) == too_large
    assert kernel.scan_request(PLAIN + b"x" * 100, max_bytes=len(PLAIN))[0] == kernel.ORDINARY
    assert kernel.scan_request(b"\r\n" + PLAIN, max_bytes=len(PLAIN) + 1) == too_large

    line = b"A: " + b"x" * 32768
    assert kernel.scan_request(request(line)) == too_large
    assert kernel.scan_request(request(line)[:32768]) == too_large


@pytest.mark.rule("L8")
def test_number_of_fields(kernel: ModuleType) -> None:
    for count, verdict, reason in [
        (99, kernel.ORDINARY, ""),
        (100, kernel.BAD, "too many header fields"),
    ]:
        assert kernel.scan_request(request(*[b"A: b"] * count))[::3] == (verdict, reason)
    assert kernel.scan_request(request(b"A: b"), max_fields=2)[0] == kernel.ORDINARY
    assert kernel.scan_request(request(b"A: b"), max_fields=1)[3] == "too many header fields"


@pytest.mark.rule("L8")
def test_length_of_the_target(kernel: ModuleType) -> None:
    for length, verdict, reason in [
        (8192, kernel.ORDINARY, ""),
        (8193, kernel.BAD, "request target too long"),
    ]:
        data = b"GET /" + b"a" * (length - 1) + b" HTTP/1.1\r\nHost: h\r\n\r\n"
        assert kernel.scan_request(data)[::3] == (verdict, reason)


@pytest.mark.rule("L8")
def test_limits_of_responses(kernel: ModuleType) -> None:
    data = b"HTTP/1.1 204 No Content\r\nA: b\r\n\r\n"
    size = len(data)
    assert kernel.scan_response(data, "GET", max_bytes=size)[0] == kernel.ORDINARY
    assert kernel.scan_response(data[:-1], "GET", max_bytes=size)[0] == kernel.MORE
    for part in (data, data[:-1]):
        answer = kernel.scan_response(part, "GET", max_bytes=size - 1)
        assert answer == (kernel.BAD, None, 0, "response head too large")
    assert kernel.scan_response(data, "GET", max_fields=1)[0] == kernel.ORDINARY
    assert kernel.scan_response(data, "GET", max_fields=0)[3] == "too many header fields"


# --- responses ------------------------------------------------------------------------------------


def test_plain_response(kernel: ModuleType) -> None:
    data = b'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nETag: "a"\r\nX_Odd: 1\r\nA: 1\r\na: 2\r\n\r\n'
    verdict, head, consumed, reason = kernel.scan_response(data + b"hello", "GET")
    assert (verdict, consumed, reason) == (kernel.ORDINARY, len(data), "")
    assert (head.status, head.version, head.content_length) == (200, 11, 5)
    assert (head.chunked, head.keep_alive) == (False, True)
    assert head.get(b"etag") == b'"a"'
    assert head.get(b"x_odd") == b"1"
    assert head.get_all(b"a") == [b"1", b"2"]
    assert head.items()[0] == (b"content-length", b"5")


@pytest.mark.parametrize("line", [b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1 200 \xe9 a\tb"])
def test_reason_phrases(kernel: ModuleType, line: bytes) -> None:
    data = line + b"\r\nContent-Length: 0\r\n\r\n"
    verdict, head, _, _ = kernel.scan_response(data, "GET")
    assert (verdict, head.status) == (kernel.ORDINARY, 200)


@pytest.mark.parametrize(
    ("method", "status"),
    [("HEAD", 200), ("HEAD", 404), ("GET", 100), ("PUT", 103), ("DELETE", 204), ("GET", 304)],
)
def test_answers_without_a_body(kernel: ModuleType, method: str, status: int) -> None:
    for line in (b"", b"Content-Length: 7\r\n", b"Transfer-Encoding: chunked\r\n"):
        data = b"HTTP/1.1 %d x\r\n%s\r\n" % (status, line)
        verdict, head, consumed, _ = kernel.scan_response(data, method)
        assert (verdict, head.status, consumed) == (kernel.ORDINARY, status, len(data))


def test_chunked_response(kernel: ModuleType) -> None:
    data = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    verdict, head, _, _ = kernel.scan_response(data, "GET")
    assert (verdict, head.chunked, head.content_length) == (kernel.ORDINARY, True, -1)


@pytest.mark.parametrize("value", [b"close", b"Close, x", b"x-amz-id-2, close"])
def test_responses_that_end_the_connection(kernel: ModuleType, value: bytes) -> None:
    data = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: " + value + b"\r\n\r\n"
    assert kernel.scan_response(data, "GET")[1].keep_alive is False


def test_response_of_another_parser(kernel: ModuleType) -> None:
    head = kernel.ResponseHead(200, 11, [(b"Content-Length", b"5"), (b"X_A", b" b ")])
    assert (head.status, head.content_length) == (200, 5)
    assert head.items() == [(b"content-length", b"5"), (b"x_a", b"b")]


# --- allow-lists and real requests ----------------------------------------------------------------


def test_header_set(kernel: ModuleType) -> None:
    some = kernel.HeaderSet([b"etag", b"range"], [b"x-amz-meta-"])
    assert b"etag" in some and b"x-amz-meta-a" in some and b"x-amz-meta-" in some
    assert b"eta" not in some and b"etags" not in some and b"x-amz-meta" not in some
    assert b"" not in some and b"ETag" not in some
    more = some | kernel.HeaderSet([b"age"], [b"if-"])
    assert all(name in more for name in (b"etag", b"range", b"age", b"if-match", b"x-amz-meta-a"))
    assert b"age" not in some and b"x" not in more
    assert b"" not in kernel.HeaderSet([]) and b"a" in kernel.HeaderSet([], [b""])


@pytest.mark.parametrize("client", CLIENTS)
def test_captured_requests(kernel: ModuleType, client: str) -> None:
    for sample in captured_by(client):
        verdict, head, consumed, _ = kernel.scan_request(sample.head + sample.body)
        method, target, _ = sample.start
        if sample.facts["te"]:
            assert verdict == kernel.OTHER
            head = kernel.RequestHead(method.decode(), target, 11, sample.fields)
            assert head.chunked
        else:
            assert verdict == kernel.ORDINARY, sample.name
        assert consumed == len(sample.head)
        assert (head.method, head.target) == (method.decode(), target)
        assert head.items() == [(name.lower(), value.strip()) for name, value in sample.fields]
        length = sample.facts["content_length"]
        assert head.content_length == (-1 if length is None else int(length))
        assert head.expect_continue == (sample.facts["expect"] is not None)


@pytest.mark.parametrize("client", CLIENTS)
def test_captured_answers(kernel: ModuleType, client: str) -> None:
    for sample in captured_by(client):
        if data := sample.facts["resp_head"].encode("latin-1"):
            verdict, head, consumed, _ = kernel.scan_response(data, sample.facts["method"])
            assert (verdict, consumed) == (kernel.ORDINARY, len(data)), sample.name
            assert head.status in (100, sample.facts["status"])
