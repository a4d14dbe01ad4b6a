"""Every head that must be refused, and what is legal but not ordinary.

The table is that of the security model (2b, 2e): what a lenient recipient accepts here is
what requests are smuggled with. The same rules hold for heads that another parser read.
"""

from types import ModuleType

import pytest

from multistore.errors import S3Error

HOST = b"Host: h\r\n"

# (what it is, the whole head)
BAD_REQUESTS: list[tuple[str, bytes]] = [
    # RFC 9112 2.2: where a message starts and lines end
    ("two leading CRLFs", b"\r\n\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("leading LF", b"\nGET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("leading blank", b" GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("bare LF after the request line", b"GET / HTTP/1.1\nHost: h\r\n\r\n"),
    ("bare LF after a field", b"GET / HTTP/1.1\r\nHost: h\n\r\n"),
    ("bare LF at the end", b"GET / HTTP/1.1\r\nHost: h\r\n\n"),
    ("bare CR in the request line", b"GET /\rx HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("bare CR in a value", b"GET / HTTP/1.1\r\nHost: h\r\nA: b\rc\r\n\r\n"),
    ("CR CR LF", b"GET / HTTP/1.1\r\nHost: h\r\r\n\r\n"),
    # RFC 9112 3: the request line
    ("two blanks before the target", b"GET  / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("two blanks before the version", b"GET /  HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("tab in the request line", b"GET\t/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("blank after the version", b"GET / HTTP/1.1 \r\nHost: h\r\n\r\n"),
    ("lower-case method", b"get / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("unknown method", b"PURGE / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("SOURCE", b"SOURCE / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("PATCH", b"PATCH / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("CONNECT", b"CONNECT h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("method with a tail", b"GETX / HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("HTTP/0.9", b"GET /\r\nHost: h\r\n\r\n"),
    ("HTTP/0.9 by name", b"GET / HTTP/0.9\r\nHost: h\r\n\r\n"),
    ("HTTP/2.0", b"GET / HTTP/2.0\r\nHost: h\r\n\r\n"),
    ("HTTP/1.2", b"GET / HTTP/1.2\r\nHost: h\r\n\r\n"),
    ("HTTP/1.10", b"GET / HTTP/1.10\r\nHost: h\r\n\r\n"),
    ("HTTP/01.1", b"GET / HTTP/01.1\r\nHost: h\r\n\r\n"),
    ("http/1.1", b"GET / http/1.1\r\nHost: h\r\n\r\n"),
    ("RTSP/1.0", b"GET / RTSP/1.0\r\nHost: h\r\n\r\n"),
    ("ICE/1.0", b"GET / ICE/1.0\r\nHost: h\r\n\r\n"),
    ("PRI of HTTP/2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"),
    # RFC 9112 3.2: the target
    ("fragment", b"GET /a#b HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("fragment in the query", b"GET /a?b#c HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("no slash", b"GET a HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("asterisk-form", b"OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("authority-form", b"GET h:80 HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("NUL in the target", b"GET /\0 HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("DEL in the target", b"GET /\x7f HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("raw UTF-8 in the target", b"GET /\xc3\xa9 HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form of another host", b"GET http://x/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form of another port", b"GET http://h:80/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form with userinfo", b"GET http://u@h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form of another scheme", b"GET ftp://h/ HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form without authority", b"GET http:///x HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form with fragment", b"GET http://h/#x HTTP/1.1\r\nHost: h\r\n\r\n"),
    # RFC 9112 5: field lines
    ("obs-fold", b"GET / HTTP/1.1\r\nHost: h\r\nA: b\r\n c\r\n\r\n"),
    ("obs-fold of the first line", b"GET / HTTP/1.1\r\n A: b\r\nHost: h\r\n\r\n"),
    ("blank before the colon", b"GET / HTTP/1.1\r\nHost : h\r\n\r\n"),
    ("no colon", b"GET / HTTP/1.1\r\nHost: h\r\nA\r\n\r\n"),
    ("empty name", b"GET / HTTP/1.1\r\nHost: h\r\n: a\r\n\r\n"),
    ("name in quotes", b'GET / HTTP/1.1\r\nHost: h\r\n"A": b\r\n\r\n'),
    ("name not ASCII", b"GET / HTTP/1.1\r\nHost: h\r\nA\xe9: b\r\n\r\n"),
    ("NUL in a value", b"GET / HTTP/1.1\r\nHost: h\r\nA: b\0c\r\n\r\n"),
    ("control in a value", b"GET / HTTP/1.1\r\nHost: h\r\nA: b\x01c\r\n\r\n"),
    ("DEL in a value", b"GET / HTTP/1.1\r\nHost: h\r\nA: b\x7fc\r\n\r\n"),
    # RFC 9110 7.2: Host
    ("no Host", b"GET / HTTP/1.1\r\n\r\n"),
    ("no Host on HTTP/1.0", b"GET / HTTP/1.0\r\n\r\n"),
    ("two Hosts", b"GET / HTTP/1.1\r\nHost: h\r\nHost: h\r\n\r\n"),
    ("empty Host", b"GET / HTTP/1.1\r\nHost:\r\n\r\n"),
    ("list of Hosts", b"GET / HTTP/1.1\r\nHost: a,b\r\n\r\n"),
    ("Host with userinfo", b"GET / HTTP/1.1\r\nHost: u@h\r\n\r\n"),
    ("Host with a path", b"GET / HTTP/1.1\r\nHost: h/x\r\n\r\n"),
    ("Host with a blank", b"GET / HTTP/1.1\r\nHost: a b\r\n\r\n"),
    ("Host with an escape", b"GET / HTTP/1.1\r\nHost: %68\r\n\r\n"),
    ("Host with an empty port", b"GET / HTTP/1.1\r\nHost: h:\r\n\r\n"),
    ("Host with a long port", b"GET / HTTP/1.1\r\nHost: h:123456\r\n\r\n"),
    ("Host with two ports", b"GET / HTTP/1.1\r\nHost: h:1:2\r\n\r\n"),
    ("Host without brackets", b"GET / HTTP/1.1\r\nHost: ::1\r\n\r\n"),
    ("Host with open brackets", b"GET / HTTP/1.1\r\nHost: [::1\r\n\r\n"),
    ("Host not ASCII", b"GET / HTTP/1.1\r\nHost: h\xe9\r\n\r\n"),
    # RFC 9112 6: framing
    *(
        (f"Content-Length {value!r}", b"PUT / HTTP/1.1\r\n" + HOST + line + b"\r\n")
        for value in (
            b"",
            b"+5",
            b"-5",
            b"00005",
            b"00",
            b"0x5",
            b"5_0",
            b"5 0",
            b"5,5",
            b"5, 5",
            b"5;x",
            b"5.0",
            b"\xd9\xa5",
            b"9223372036854775808",
            b"99999999999999999999",
            b"18446744073709551621",
        )
        for line in [b"Content-Length: " + value + b"\r\n"]
    ),
    (
        "two Content-Lengths",
        b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n",
    ),
    (
        "Content-Length twice the same",
        b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n",
    ),
    (
        "CL.TE",
        b"PUT / HTTP/1.1\r\nHost: h\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        "TE.CL",
        b"PUT / HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n",
    ),
    *(
        (f"Transfer-Encoding {value!r}", b"PUT / HTTP/1.1\r\n" + HOST + line + b"\r\n")
        for value in (
            b"",
            b"identity",
            b"gzip, chunked",
            b"chunked, chunked",
            b"chunked, identity",
            b"xchunked",
            b'"chunked"',
            b"chunked;q=1",
            b"Chunked",
            b"\x0bchunked",
        )
        for line in [b"Transfer-Encoding: " + value + b"\r\n"]
    ),
    (
        "TE.TE",
        b"PUT / HTTP/1.1\r\nHost: h\r\n"
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    (
        "Transfer-Encoding on HTTP/1.0",
        b"PUT / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
    ),
    # RFC 9110 10.1.1
    ("unknown expectation", b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 200-ok\r\n\r\n"),
    ("list of expectations", b"PUT / HTTP/1.1\r\nHost: h\r\nExpect: 100-continue, x\r\n\r\n"),
    ("empty expectation", b"PUT / HTTP/1.1\r\nHost: h\r\nExpect:\r\n\r\n"),
]


def ids(table: list[tuple[str, bytes]]) -> list[str]:
    return [name for name, _ in table]


def split_head(data: bytes) -> tuple[str, bytes, int, list[tuple[bytes, bytes]]] | None:
    """The parts of a head whose only faults are in its parts; None if its lines are at fault."""
    lines = data.split(b"\r\n")
    start = lines[0].split(b" ")
    versions = {b"HTTP/1.1": 11, b"HTTP/1.0": 10}
    if len(start) != 3 or start[2] not in versions or lines[-2:] != [b"", b""]:
        return None
    pairs = [line.partition(b":") for line in lines[1:-2]]
    if any(not colon for _, colon, _ in pairs):
        return None
    fields = [(name, value) for name, _, value in pairs]
    return start[0].decode("latin-1"), start[1], versions[start[2]], fields


@pytest.mark.rule("L1", "L4")
@pytest.mark.parametrize("data", [data for _, data in BAD_REQUESTS], ids=ids(BAD_REQUESTS))
def test_bad_requests_are_refused(kernel: ModuleType, data: bytes) -> None:
    verdict, head, consumed, reason = kernel.scan_request(data)
    assert (verdict, head, consumed) == (kernel.BAD, None, 0)
    assert reason
    assert reason.isascii() and reason.isprintable() and len(reason) < 80
    for end in range(len(data)):
        prefix, head, consumed, _ = kernel.scan_request(data[:end])
        assert prefix in (kernel.MORE, kernel.BAD)
        assert (head, consumed) == (None, 0)


PARTS = [(name, parts) for name, data in BAD_REQUESTS if (parts := split_head(data))]


@pytest.mark.rule("L1", "L4")
@pytest.mark.parametrize("parts", [parts for _, parts in PARTS], ids=[name for name, _ in PARTS])
def test_parts_of_another_parser_meet_the_same_rules(
    kernel: ModuleType, parts: tuple[str, bytes, int, list[tuple[bytes, bytes]]]
) -> None:
    with pytest.raises(S3Error) as caught:
        kernel.RequestHead(*parts)
    assert (caught.value.code, caught.value.fatal) == ("BadRequest", True)


@pytest.mark.parametrize("version", [0, 9, 12, 20])
def test_versions_are_10_and_11(kernel: ModuleType, version: int) -> None:
    with pytest.raises(S3Error):
        kernel.RequestHead("GET", b"/", version, [(b"Host", b"h")])


@pytest.mark.parametrize("value", [b"a\r\nb: c", b"a\nb", b"a\rb", b"a\0b"])
def test_parts_cannot_smuggle_a_line(kernel: ModuleType, value: bytes) -> None:
    with pytest.raises(S3Error):
        kernel.RequestHead("GET", b"/", 11, [(b"Host", b"h"), (b"a", value)])
    with pytest.raises(S3Error):
        kernel.RequestHead("GET", b"/", 11, [(b"Host", b"h"), (value, b"a")])
    with pytest.raises(S3Error):
        kernel.RequestHead("GET", b"/" + value, 11, [(b"Host", b"h")])


@pytest.mark.rule("SEM-8")
@pytest.mark.parametrize(
    "name", [b"Content_Length", b"x_amz_date", b"x-amz_meta-a", b"x-amz-meta_a"]
)
def test_underscores_in_names_are_refused(kernel: ModuleType, name: bytes) -> None:
    data = b"GET / HTTP/1.1\r\nHost: h\r\n" + name + b": 1\r\n\r\n"
    assert kernel.scan_request(data)[0] == kernel.BAD
    with pytest.raises(S3Error):
        kernel.RequestHead("GET", b"/", 11, [(b"Host", b"h"), (name, b"1")])


@pytest.mark.rule("SEM-8")
@pytest.mark.parametrize("name", [b"x-amz-meta-a_b", b"X-Amz-Meta-_"])
def test_underscores_in_metadata_are_kept(kernel: ModuleType, name: bytes) -> None:
    data = b"GET / HTTP/1.1\r\nHost: h\r\n" + name + b": 1\r\n\r\n"
    verdict, head, _, _ = kernel.scan_request(data)
    assert verdict == kernel.ORDINARY
    assert head.get(name.lower()) == b"1"


@pytest.mark.rule("SEM-27")
@pytest.mark.parametrize(
    "value",
    [b"x-amz-date", b"authorization", b"close, X-Amz-Meta-A", b"host", b"content-length", b"tex"],
)
def test_connection_may_not_name_other_fields(kernel: ModuleType, value: bytes) -> None:
    data = b"GET / HTTP/1.1\r\nHost: h\r\nConnection: " + value + b"\r\n\r\n"
    assert kernel.scan_request(data)[0] == kernel.BAD
    with pytest.raises(S3Error):
        kernel.RequestHead("GET", b"/", 11, [(b"Host", b"h"), (b"connection", value)])


OTHER_REQUESTS = [
    ("chunked", b"PUT /b/k HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("HTTP/1.0", b"GET /b/k HTTP/1.0\r\nHost: h\r\n\r\n"),
    ("absolute-form", b"GET http://h/b/k HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form with TLS", b"GET https://h:1/b HTTP/1.1\r\nHost: h:1\r\n\r\n"),
    ("absolute-form in other letters", b"GET HTTP://A.b/k HTTP/1.1\r\nHost: a.B\r\n\r\n"),
    ("absolute-form without a path", b"GET http://h HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("absolute-form with a query only", b"GET http://h?a HTTP/1.1\r\nHost: h\r\n\r\n"),
    ("after CRLF", b"\r\nGET /b/k HTTP/1.0\r\nHost: h\r\n\r\n"),
]


@pytest.mark.parametrize("data", [data for _, data in OTHER_REQUESTS], ids=ids(OTHER_REQUESTS))
def test_legal_but_not_ordinary(kernel: ModuleType, data: bytes) -> None:
    assert kernel.scan_request(data + b"rest")[:3] == (kernel.OTHER, None, len(data))
    for end in range(len(data)):
        assert kernel.scan_request(data[:end])[0] == kernel.MORE


BAD_RESPONSES: list[tuple[str, bytes]] = [
    ("leading CRLF", b"\r\nHTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("status 099", b"HTTP/1.1 099 OK\r\nContent-Length: 0\r\n\r\n"),
    ("status 600", b"HTTP/1.1 600 OK\r\nContent-Length: 0\r\n\r\n"),
    ("status of two digits", b"HTTP/1.1 20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("status of four digits", b"HTTP/1.1 2000 OK\r\nContent-Length: 0\r\n\r\n"),
    ("status with sign", b"HTTP/1.1 +20 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/2.0", b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n"),
    ("HTTP/0.9", b"<html>\r\n\r\n"),
    ("bare LF", b"HTTP/1.1 200 OK\nContent-Length: 0\n\n"),
    ("control in the reason", b"HTTP/1.1 200 O\x01K\r\nContent-Length: 0\r\n\r\n"),
    ("obs-fold", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: b\r\n c\r\n\r\n"),
    ("blank before the colon", b"HTTP/1.1 200 OK\r\nContent-Length : 0\r\n\r\n"),
    ("NUL in a value", b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nA: \0\r\n\r\n"),
    ("no length", b"HTTP/1.1 200 OK\r\n\r\n"),
    ("no length on HTTP/1.0", b"HTTP/1.0 200 OK\r\n\r\n"),
    ("CL.TE", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n"),
    ("repeated length", b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\n"),
    ("signed length", b"HTTP/1.1 200 OK\r\nContent-Length: +5\r\n\r\n"),
    ("padded length", b"HTTP/1.1 200 OK\r\nContent-Length: 05\r\n\r\n"),
    ("another coding", b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip, chunked\r\n\r\n"),
    ("chunked on HTTP/1.0", b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"),
]


@pytest.mark.rule("L4", "L7", "F22")
@pytest.mark.parametrize("data", [data for _, data in BAD_RESPONSES], ids=ids(BAD_RESPONSES))
def test_bad_responses_are_refused(kernel: ModuleType, data: bytes) -> None:
    verdict, head, consumed, reason = kernel.scan_response(data, "GET")
    assert (verdict, head, consumed) == (kernel.BAD, None, 0)
    assert reason
    for end in range(len(data)):
        assert kernel.scan_response(data[:end], "GET")[0] in (kernel.MORE, kernel.BAD)


@pytest.mark.parametrize(
    ("status", "version", "fields"),
    [
        (99, 11, []),
        (600, 11, []),
        (200, 12, []),
        (200, 11, [(b"content-length", b"5"), (b"transfer-encoding", b"chunked")]),
        (200, 11, [(b"content-length", b"-1")]),
        (200, 10, [(b"transfer-encoding", b"chunked")]),
        (200, 11, [(b"a b", b"c")]),
        (200, 11, [(b"a", b"b\r\nc: d")]),
    ],
)
def test_parts_of_responses_meet_the_same_rules(
    kernel: ModuleType, status: int, version: int, fields: list[tuple[bytes, bytes]]
) -> None:
    with pytest.raises(S3Error) as caught:
        kernel.ResponseHead(status, version, fields)
    assert (caught.value.code, caught.value.fatal) == ("BadGateway", True)
