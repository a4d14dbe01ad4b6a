"""Framing that two readers could read differently is refused, and nothing behind it is read."""

from __future__ import annotations

import pytest

from support.configuration import FULL
from support.rig import Pair
from support.sigv4 import Request

#: Appended after every refused head: must never be taken for a request.
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"


def head(*lines: str, start: str = "PUT /{bucket}/k HTTP/1.1", host: str = "Host: {host}") -> str:
    return "\r\n".join([start, *([host] if host else []), *lines]) + "\r\n\r\n"


#: Name to the bytes of a head; ``{bucket}`` and ``{host}`` are filled in.
REFUSED = {
    # Two framings, two readers (RFC 9112 6.1, 6.3).
    "length and coding": head("Content-Length: 5", "Transfer-Encoding: chunked"),
    "coding and length": head("Transfer-Encoding: chunked", "Content-Length: 5"),
    "two lengths": head("Content-Length: 5", "Content-Length: 6"),
    "one length twice": head("Content-Length: 5", "Content-Length: 5"),
    "list of lengths": head("Content-Length: 5, 5"),
    "positive length": head("Content-Length: +5"),
    "negative length": head("Content-Length: -5"),
    "hexadecimal length": head("Content-Length: 0x5"),
    "length with underscore": head("Content-Length: 1_0"),
    "length with leading zeros": head("Content-Length: 00005"),
    "length with a blank": head("Content-Length: 5 5"),
    "length with a fraction": head("Content-Length: 5.0"),
    "empty length": head("Content-Length:"),
    "length of Arabic digits": head("Content-Length: \u0665"),
    "length beyond 63 bits": head("Content-Length: 9223372036854775808"),
    "length beyond 64 bits": head("Content-Length: 18446744073709551621"),
    "coding before chunked": head("Transfer-Encoding: gzip, chunked"),
    "coding after chunked": head("Transfer-Encoding: chunked, gzip"),
    "chunked twice": head("Transfer-Encoding: chunked, chunked"),
    "two codings": head("Transfer-Encoding: chunked", "Transfer-Encoding: chunked"),
    "identity": head("Transfer-Encoding: identity"),
    "unknown coding": head("Transfer-Encoding: xchunked"),
    "quoted coding": head('Transfer-Encoding: "chunked"'),
    "coding with parameter": head("Transfer-Encoding: chunked;q=1"),
    "empty coding": head("Transfer-Encoding:"),
    "coding with vertical tab": head("Transfer-Encoding: \x0bchunked"),
    "chunked HTTP/1.0": head("Transfer-Encoding: chunked", start="PUT /{bucket}/k HTTP/1.0"),
    # Lines and fields (RFC 9112 2.2, 5).
    "bare LF": "GET /{bucket}/k HTTP/1.1\nHost: {host}\n\n",
    "bare LF in a field": "GET /{bucket}/k HTTP/1.1\r\nHost: {host}\nX-A: b\r\n\r\n",
    "bare CR in a value": head("X-A: b\rContent-Length: 5"),
    "bare CR after the start line": "GET /{bucket}/k HTTP/1.1\rHost: {host}\r\n\r\n",
    "NUL in a value": head("X-A: b\0c"),
    "control in a value": head("X-A: b\x01c"),
    "delete in a value": head("X-A: b\x7fc"),
    "folded value": head("X-A: b", " c"),
    "folded first field": "GET /{bucket}/k HTTP/1.1\r\n Host: {host}\r\n\r\n",
    "blank before the colon": head("X-A : b"),
    "tab before the colon": head("Content-Length\t: 5"),
    "field without a colon": head("X-A"),
    "field without a name": head(": b"),
    "blank in a name": head("X A: b"),
    "name outside ASCII": head("X-\u00c4: b"),
    "underscore in a name": head("Content_Length: 5"),
    "control in a name": head("X\x01A: b"),
    "two empty lines first": "\r\n\r\n" + head(start="GET /{bucket}/k HTTP/1.1"),
    # Host (RFC 9112 3.2).
    "no Host": head(host=""),
    "two Hosts": head("Host: {host}"),
    "two different Hosts": head("Host: other.example"),
    "list of Hosts": head(host="Host: {host}, other.example"),
    "empty Host": head(host="Host:"),
    "Host with user": head(host="Host: user@{host}"),
    "Host with path": head(host="Host: {host}/x"),
    "Host with blank": head(host="Host: a b"),
    # The start line (RFC 9112 3).
    "HTTP/0.9": "GET /{bucket}/k\r\n\r\n",
    "HTTP/2.0": head(start="GET /{bucket}/k HTTP/2.0"),
    "HTTP/1.2": head(start="GET /{bucket}/k HTTP/1.2"),
    "HTTP/1.10": head(start="GET /{bucket}/k HTTP/1.10"),
    "lower-case protocol": head(start="GET /{bucket}/k http/1.1"),
    "another protocol": head(start="GET /{bucket}/k RTSP/1.0"),
    "two blanks before the version": head(start="GET /{bucket}/k  HTTP/1.1"),
    "two blanks before the target": head(start="GET  /{bucket}/k HTTP/1.1"),
    "blank after the version": head(start="GET /{bucket}/k HTTP/1.1 "),
    "blank before the method": head(start=" GET /{bucket}/k HTTP/1.1"),
    "tab for a blank": head(start="GET\t/{bucket}/k HTTP/1.1"),
    "blank in the target": head(start="GET /{bucket}/a b HTTP/1.1"),
    "fragment": head(start="GET /{bucket}/k#x HTTP/1.1"),
    "control in the target": head(start="GET /{bucket}/k\x01 HTTP/1.1"),
    "target outside ASCII": head(start="GET /{bucket}/\u00e9 HTTP/1.1"),
    "target without slash": head(start="GET {bucket}/k HTTP/1.1"),
    "target is an authority": head(start="GET {host} HTTP/1.1"),
    "method of control characters": head(start="G\x01T /{bucket}/k HTTP/1.1"),
    "the preface of HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    # What would take a connection away from HTTP, or fields from a request.
    "CONNECT": head(start="CONNECT {host} HTTP/1.1"),
    "Connection names a date": head("Connection: x-amz-date", "x-amz-date: 20260101T000000Z"),
    "Connection names the credential": head("Connection: close, authorization"),
    "Connection names metadata": head("Connection: x-amz-meta-a", "x-amz-meta-a: b"),
}


@pytest.mark.rule("L1", "L4", "SEM-27", "SEM-8", "L2")
@pytest.mark.parametrize("name", REFUSED)
def test_ambiguous_framing_is_refused_and_ends_the_connection(pair: Pair, name: str) -> None:
    host = pair.gateway.authority
    text = REFUSED[name].replace("{bucket}", pair.bucket).replace("{host}", host)
    with pair.connect() as connection:
        connection.send(text.encode("utf-8") + SMUGGLED)
        response = connection.read()
        assert (response.status, response.closes) == (400, True), response
        assert response.code
        # One answer: what came behind was not read as a request.
        connection.end()
    assert pair.backend.connections == []


@pytest.mark.rule("L1")
@pytest.mark.parametrize("name", ["bare CR in a value", "two Hosts", "length and coding"])
def test_a_refused_head_is_refused_byte_by_byte(pair: Pair, name: str) -> None:
    host = pair.gateway.authority
    text = REFUSED[name].replace("{bucket}", pair.bucket).replace("{host}", host)
    with pair.connect() as connection:
        try:
            connection.send_bytewise(text.encode())
        except (BrokenPipeError, ConnectionResetError):
            pass  # refused before its end, which is as good
        response = connection.read()
        assert (response.status, response.closes) == (400, True)


@pytest.mark.rule("L1")
def test_a_good_request_before_a_bad_one_is_answered(pair: Pair) -> None:
    bad = f"GET /{pair.bucket}/k HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n".encode()
    with pair.connect() as connection:
        connection.send(bytes(pair.request()) + bad + SMUGGLED)
        assert connection.read().status == 200
        response = connection.read()
        assert (response.status, response.closes) == (400, True)
        connection.end()
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("SEM-10")
def test_a_chunked_upload_without_a_length_is_411(pair: Pair) -> None:
    request = pair.request(
        "PUT",
        "/k",
        ("Transfer-Encoding", "chunked"),
        length=None,
        payload="UNSIGNED-PAYLOAD",
    )
    with pair.connect() as connection:
        connection.send(request.head + b"5\r\nhello\r\n0\r\n\r\n")
        response = connection.read("PUT")
        assert (response.status, response.code) == (411, "MissingContentLength")
        if response.closes:
            connection.end()
        else:
            assert connection.request(pair.request("HEAD")).status == 200
    assert [request.method for request in pair.backend.requests] in ([], ["HEAD"])


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    "tail",
    [
        b"5;ext=1\r\nhello\r\n0\r\n\r\n",
        b"5\nhello\r\n0\r\n\r\n",
        b"5\r\nhello0\r\n\r\n",
        b"0x5\r\nhello\r\n0\r\n\r\n",
        b"-5\r\nhello\r\n0\r\n\r\n",
        b"FFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
        b"\r\nhello\r\n0\r\n\r\n",
    ],
)
def test_bad_chunks_never_lead_to_a_second_request(pair: Pair, tail: bytes) -> None:
    request = pair.request(
        "PUT", "/k", ("Transfer-Encoding", "chunked"), length=None, payload="UNSIGNED-PAYLOAD"
    )
    with pair.connect() as connection:
        connection.send(request.head + tail + bytes(pair.request("HEAD")))
        response = connection.read("PUT")
        assert response.status in (400, 411)
        assert response.closes
        connection.end()
    assert pair.backend.requests == []


@pytest.mark.rule("L3")
@pytest.mark.parametrize("value", ["websocket", "h2c", "TLS/1.0"])
def test_no_request_changes_the_protocol(pair: Pair, value: str) -> None:
    headers = [("Connection", "Upgrade, HTTP2-Settings"), ("Upgrade", value)]
    if value == "h2c":
        headers.append(("HTTP2-Settings", "AAMAAABkAARAAAAAAAIAAAAA"))
    with pair.connect() as connection:
        # What follows at once is the next request, not the first bytes of a tunnel.
        connection.send(bytes(pair.request("GET", "/k", *headers)) + bytes(pair.request("GET")))
        for _ in range(2):
            response = connection.read()
            assert response.status == 200
            assert response.get("upgrade") is None
    assert all(request.get("upgrade") is None for request in pair.backend.requests)


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    "method", ["PATCH", "TRACE", "PROPFIND", "PURGE", "SOURCE", "LINK", "get", "OPTIONS", "MKCOL"]
)
def test_methods_that_s3_does_not_know_touch_nothing(pair: Pair, method: str) -> None:
    with pair.connect() as connection:
        response = connection.request(pair.request(method))
        assert response.status in (400, 403, 405, 501), response
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-8")
def test_metadata_names_may_hold_underscores(pair: Pair) -> None:
    headers = ("x-amz-meta-snake_case", "kept")
    assert pair.ask("PUT", "/k", headers, body=b"x").status == 200
    assert pair.backend.requests[0].get("x-amz-meta-snake_case") == "kept"


def test_asterisk_form_is_refused(pair: Pair) -> None:
    with pair.connect() as connection:
        request = Request("OPTIONS", "*", pair.gateway.authority, credentials=FULL)
        response = connection.request(request)
        assert response.status in (400, 405, 501)
