"""A backend that lies, stops or babbles: never a falsely complete answer (L7)."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable

import pytest

from support.backend import LOOPBACK, BackendConnection, Script, answer, ok
from support.processes import resident_kib, wait_until
from support.raw import Connection, Response, Truncated
from support.rig import Pair


def sends(*pieces: bytes, end: str = "wait_end", pause: float = 0.0) -> Script:
    """Reads a request, sends the pieces, then ends the connection in the given way."""

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        for piece in pieces:
            connection.send(piece)
            if pause:
                connection.pause(pause)
        if end != "wait_end":
            # The pieces must be on their way before a reset can overtake them.
            connection.pause(0.1)
        getattr(connection, end)()

    return script


def outcome(connection: Connection) -> str | int:
    """Status of a whole answer, or how an incomplete one ended."""
    try:
        return connection.read().status
    except Truncated as truncated:
        return truncated.how


def healthy_again(pair: Pair) -> None:
    """The next request gets a fresh connection and a whole answer."""
    pair.backend.serve(ok(b"hello"))
    assert pair.ask().body == b"hello"


SHORT = {
    "length": answer(b"half", length=8),
    "range": answer(b"half", ("Content-Range", "bytes 0-7/9"), status="206 Partial", length=8),
    "chunk": answer(b"4\r\nhalf\r\n8\r\nquar", ("Transfer-Encoding", "chunked"), length=None),
    "no last chunk": answer(b"4\r\nhalf\r\n", ("Transfer-Encoding", "chunked"), length=None),
    "no end of trailers": answer(
        b"4\r\nhalf\r\n0\r\n", ("Transfer-Encoding", "chunked"), length=None
    ),
}


@pytest.mark.rule("L7", "F01", "F02", "R55")
@pytest.mark.parametrize("name", SHORT)
@pytest.mark.parametrize("end", ["close", "reset"])
def test_an_answer_cut_short_is_cut_short(pair: Pair, name: str, end: str) -> None:
    pair.backend.serve(sends(SHORT[name], end=end))
    asked = [("Range", "bytes=0-7")] if name == "range" else []
    with pair.connect() as connection:
        connection.send(pair.request("GET", "/key", *asked))
        with pytest.raises(Truncated) as truncated:
            connection.read()
    assert truncated.value.how == "reset"
    assert b"half".startswith(truncated.value.got[:4])
    healthy_again(pair)


@pytest.mark.rule("L7", "F01")
@pytest.mark.parametrize("end", ["close", "reset"])
def test_a_large_answer_cut_short(pair: Pair, end: str) -> None:
    body = os.urandom(3_000_000)
    pair.backend.serve(sends(answer(body, length=4_000_000), end=end))
    with pair.connect() as connection:
        connection.send(pair.request())
        with pytest.raises(Truncated) as truncated:
            connection.read()
    assert truncated.value.how == "reset"
    assert body.startswith(truncated.value.got)


@pytest.mark.rule("F01", "F22")
@pytest.mark.parametrize("name", ["length", "chunk", "half a head"])
def test_an_answer_cut_short_is_one_line_in_the_log(pair: Pair, name: str) -> None:
    data = SHORT.get(name, b"HTTP/1.1 200 OK\r\nContent-Le")
    pair.backend.serve(sends(data, end="close"))
    with pair.connect() as connection:
        connection.send(pair.request())
        try:
            response: Response | None = connection.read()
        except Truncated as truncated:
            response = truncated.response
    request_id = response and response.get("x-amz-request-id")
    assert request_id

    def lines() -> list[str]:
        return [line for line in pair.gateway.log.splitlines() if request_id in line]

    wait_until(lines, timeout=5, what="a line in the log")
    (line,) = lines()
    assert f"http://{LOOPBACK}:{pair.backend.port}" in line
    assert "WARNING multistore.backend" in line


@pytest.mark.rule("L7", "F01")
def test_a_listing_cut_short(pair: Pair) -> None:
    entries = b"<Contents><Key>canary-prefix/k</Key><Size>1</Size></Contents>" * 2000
    page = b"<ListBucketResult><IsTruncated>false</IsTruncated>" + entries
    xml = ("Content-Type", "application/xml")
    pair.backend.serve(sends(answer(page, xml, length=len(page) + 19), end="close"))
    with pair.connect() as connection:
        connection.send(pair.request("GET", "?list-type=2"))
        # Nothing may have gone out yet: then it can still be an honest error.
        assert outcome(connection) in ("reset", 502, 503)
    healthy_again(pair)


@pytest.mark.rule("L7", "F22")
def test_a_listing_that_ends_in_the_middle_of_its_document(pair: Pair) -> None:
    page = b"<ListBucketResult><Contents><Key>canary-prefix/k</Key>" + b" " * 100_000
    pair.backend.serve(ok(page, ("Content-Type", "application/xml")))
    with pair.connect() as connection:
        connection.send(pair.request("GET", "?list-type=2"))
        assert outcome(connection) in ("reset", 502, 503)


@pytest.mark.rule("F03")
@pytest.mark.parametrize("apart", [False, True])
def test_bytes_beyond_an_answer_are_dropped_with_the_connection(pair: Pair, apart: bool) -> None:
    extra = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nsecond"
    pieces = [answer(b"first"), extra] if apart else [answer(b"first") + extra]
    pair.backend.serve(sends(*pieces, pause=0.05 if apart else 0.0), ok(b"honest"))
    with pair.connect() as connection:
        assert connection.request(pair.request()).body == b"first"
        # Long enough for the stray bytes to be there before the next request.
        assert connection.silent(0.15)
        assert connection.request(pair.request()).body == b"honest"
    assert len(pair.backend.connections) == 2


@pytest.mark.rule("F03", "F22")
@pytest.mark.parametrize("status", ["200 OK", "404 Not Found"])
def test_a_body_in_answer_to_head_is_not_the_next_answer(pair: Pair, status: str) -> None:
    lie = answer(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nlie", status=status)
    pair.backend.serve(sends(lie), ok(b"honest"))
    with pair.connect() as connection:
        assert connection.request(pair.request("HEAD")).status == int(status[:3])
        assert connection.silent(0.1)
        assert connection.request(pair.request()).body == b"honest"


@pytest.mark.rule("F03")
@pytest.mark.parametrize("status", ["204 No Content", "304 Not Modified"])
def test_a_body_where_none_can_be(pair: Pair, status: str) -> None:
    pair.backend.serve(sends(answer(b"lie", status=status)), ok(b"honest"))
    method = "DELETE" if status.startswith("204") else "GET"
    with pair.connect() as connection:
        response = connection.request(pair.request(method))
        assert response.status in (int(status[:3]), 502)
        assert connection.request(pair.request()).body == b"honest"


GARBAGE = {
    "not HTTP": b"220 smtp.example ESMTP\r\n\r\n",
    "status 099": answer(b"x", status="099 Low"),
    "status 600": answer(b"x", status="600 High"),
    "two digits": answer(b"x", status="20 OK"),
    "no status": b"HTTP/1.1\r\n\r\n",
    "HTTP/2.0": b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n",
    "length and chunks": answer(b"0\r\n\r\n", ("Transfer-Encoding", "chunked")),
    "two lengths": answer(b"x", ("Content-Length", "2")),
    "list of lengths": answer(b"x", ("Content-Length", "1, 1"), length=None),
    "negative length": answer(b"x", length=-2),
    "another coding": answer(b"x", ("Transfer-Encoding", "gzip, chunked"), length=None),
    "two codings": answer(
        b"0\r\n\r\n",
        ("Transfer-Encoding", "chunked"),
        ("Transfer-Encoding", "chunked"),
        length=None,
    ),
    "no framing": answer(b"until the end", length=None),
    "bare LF": b"HTTP/1.1 200 OK\nContent-Length: 1\n\nx",
    "folded field": answer(b"x", ("X-A", "b\r\n c")),
    "NUL in a field": answer(b"x", ("X-A", "b\0c")),
    "field without colon": b"HTTP/1.1 200 OK\r\nX-A\r\nContent-Length: 1\r\n\r\nx",
    "600 fields": answer(b"x", *[(f"X-{n}", "v") for n in range(600)]),
    "8 MiB field": answer(b"x", ("X-A", "v" * (8 << 20))),
    "endless interim answers": b"HTTP/1.1 102 Processing\r\n\r\n" * 50 + answer(b"x"),
    "101": b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n",
    "bad chunk size": answer(b"xyz\r\n\r\n", ("Transfer-Encoding", "chunked"), length=None),
    "nothing": b"",
    "half a head": b"HTTP/1.1 200 OK\r\nContent-Le",
}


@pytest.mark.rule("F22", "L8", "L4")
@pytest.mark.parametrize("name", GARBAGE)
def test_garbage_for_an_answer_is_a_bad_gateway(pair: Pair, name: str) -> None:
    before = resident_kib(pair.gateway.process.pid)
    pair.backend.serve(sends(GARBAGE[name], end="close"))
    with pair.connect() as connection:
        # PUT is never tried again, so that one script sees one request.
        connection.send(pair.request("PUT", "/k", body=b"x"))
        if name == "bad chunk size":
            assert outcome(connection) in ("reset", 502, 503)
        else:
            response = connection.read("PUT")
            assert response.status in (502, 503), response
            assert response.code in ("BadGateway", "ServiceUnavailable", "SlowDown")
            # The client did nothing wrong: its connection lives on.
            pair.backend.serve(ok(b"hello"))
            assert connection.request(pair.request()).body == b"hello"
    assert len(pair.backend.connections) <= 2
    assert resident_kib(pair.gateway.process.pid) - before < 4096


def test_a_chunked_answer_is_relayed_whole(pair: Pair) -> None:
    body = os.urandom(500_000)
    chunks = b"".join(
        b"%x\r\n" % len(body[i : i + 777]) + body[i : i + 777] + b"\r\n"
        for i in range(0, len(body), 777)
    )
    whole = answer(
        chunks + b"0\r\nX-Trailer: dropped\r\n\r\n", ("Transfer-Encoding", "chunked"), length=None
    )

    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            connection.send(whole)

    pair.backend.serve(script)
    with pair.connect() as connection:
        for _ in range(2):
            response = connection.request(pair.request())
            assert response.body == body
            assert response.get("x-trailer") is None
    assert len(pair.backend.connections) == 1


def test_an_old_backend_may_close_after_each_answer(pair: Pair) -> None:
    old = answer(b"hello", ("Connection", "close"))
    pair.backend.serve(sends(old, end="close"))
    with pair.connect() as connection:
        for _ in range(5):
            assert connection.request(pair.request()).body == b"hello"
    assert len(pair.backend.connections) == 5


def single(data: bytes) -> list[bytes]:
    return [data[i : i + 1] for i in range(len(data))]


def halves(data: bytes) -> list[bytes]:
    head = data.index(b"\r\n\r\n")
    return [data[: head + 2], data[head + 2 : head + 4], data[head + 4 :]]


@pytest.mark.rule("F15", "F13")
@pytest.mark.parametrize("cut", [single, halves])
@pytest.mark.parametrize("chunked", [False, True])
def test_answers_in_pieces(pair: Pair, cut: Callable[[bytes], list[bytes]], chunked: bool) -> None:
    body = bytes(range(256)) * 4
    if chunked:
        coded = b"".join(b"40\r\n" + body[i : i + 64] + b"\r\n" for i in range(0, 1024, 64))
        data = answer(coded + b"0\r\n\r\n", ("Transfer-Encoding", "chunked"), length=None)
    else:
        data = answer(body)

    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            for piece in cut(data):
                connection.send(piece)

    pair.backend.serve(script)
    with pair.connect() as connection:
        for _ in range(2):
            assert connection.request(pair.request()).body == body


@pytest.mark.rule("F13")
def test_a_large_answer_to_a_small_window(pair: Pair) -> None:
    body = os.urandom(6_000_011)
    pair.backend.serve(ok(body))
    with pair.connect(receive_buffer=4096) as connection:
        response = connection.request(pair.request())
    assert hashlib.sha256(response.body).digest() == hashlib.sha256(body).digest()


@pytest.mark.rule("F13")
def test_a_large_upload_to_a_slow_backend(pair: Pair) -> None:
    body = os.urandom(6_000_011)

    def script(connection: BackendConnection) -> None:
        request = connection.read_head()
        while not request.whole:
            connection.read_body(min(50_000, request.length - len(request.body)), keep=False)
            connection.pause(0.001)
        connection.send(answer(b""))

    pair.backend.serve(script)
    assert pair.ask("PUT", "/k", body=body).status == 200
    assert bytes(pair.backend.requests[0].body) == body
