"""A backend whose answer never ends: its client hears so soon, and the others notice nothing."""

from __future__ import annotations

import time

import pytest

from support.backend import BackendConnection, Script, answer, ok
from support.processes import resident_kib, wait_until
from support.raw import Connection, Truncated
from support.rig import Pair

#: Seconds for another client's answer meanwhile, which takes milliseconds on an idle machine.
PROMPT = 2.0

#: What comes first, and what then comes for ever.
FLOODS = {
    "a trailer": (b"5\r\nhello\r\n0\r\nX-T: ", b"a" * 65_536),
    "trailers": (b"5\r\nhello\r\n0\r\n", b"X-T: a\r\n" * 8_192),
    "chunks of one byte": (b"", b"1\r\na\r\n" * 10_000),
    "a chunk extension": (b"5;x=", b"a" * 65_536),
    "a chunk size": (b"", b"0" * 65_536),
}
#: Method, target below the bucket, status of the backend, how it ends for the client.
REQUESTS = {
    "a download": ("GET", "/k", "200 OK", "reset"),
    "an error": ("GET", "/k", "404 Not Found", 502),
    "an upload": ("PUT", "/k", "200 OK", 502),
    "a listing": ("GET", "?list-type=2", "200 OK", 502),
}


def flood(head: bytes, start: bytes, more: bytes) -> Script:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(head + start)
        while True:
            connection.send(more)

    return script


def outcome(connection: Connection, method: str) -> str | int:
    try:
        return connection.read(method).status
    except Truncated as truncated:
        return truncated.how


@pytest.mark.rule("L8", "L7", "F22")
@pytest.mark.parametrize("asked", REQUESTS)
@pytest.mark.parametrize("name", FLOODS)
def test_framing_without_end_ends_soon(pair: Pair, name: str, asked: str) -> None:
    method, target, status, expected = REQUESTS[asked]
    head = answer(b"", ("Transfer-Encoding", "chunked"), status=status, length=None)
    floods = 4
    pair.backend.serve(*[flood(head, *FLOODS[name])] * floods, ok(b"hello"))
    request = pair.request(method, target, body=b"x" if method == "PUT" else b"")
    before = resident_kib(pair.gateway.process.pid)
    started = time.monotonic()
    connections = [pair.connect() for _ in range(floods)]
    try:
        for connection in connections:
            connection.send(request)
        wait_until(lambda: len(pair.backend.requests) == floods, timeout=5, what="all are asked")
        asked_at = time.monotonic()
        assert pair.ask().body == b"hello"
        assert time.monotonic() - asked_at < PROMPT
        assert [outcome(connection, method) for connection in connections] == [expected] * floods
        assert time.monotonic() - started < 5
    finally:
        for connection in connections:
            connection.sock.close()
    assert resident_kib(pair.gateway.process.pid) - before < 8192


@pytest.mark.rule("L8", "F22")
@pytest.mark.parametrize(
    ("more", "expected"),
    [
        (b" " * 65_536, {502}),
        (b"<Contents><Key>canary-prefix/k</Key><Size>1</Size></Contents>" * 1000, {"reset"}),
        (b"<Contents><Key>elsewhere</Key><Size>1</Size></Contents>" * 1000, {502}),
        (b"<Nothing/>" * 6000, {502}),
    ],
    ids=["blanks", "entries", "hidden entries", "unknown elements"],
)
def test_a_listing_without_end_ends_soon(pair: Pair, more: bytes, expected: set[str | int]) -> None:
    start = b"<ListBucketResult><IsTruncated>false</IsTruncated>"
    head = answer(b"", ("Content-Type", "application/xml"), length=1 << 40)
    pair.backend.serve(flood(head, start, more), ok(b"hello"))
    started = time.monotonic()
    with pair.connect() as connection:
        connection.send(pair.request("GET", "?list-type=2"))
        wait_until(lambda: pair.backend.requests, timeout=5, what="the backend is asked")
        asked_at = time.monotonic()
        assert pair.ask().body == b"hello"
        assert time.monotonic() - asked_at < PROMPT
        assert outcome(connection, "GET") in expected
    assert time.monotonic() - started < 10
    log = pair.gateway.log
    assert f"listing of bucket {pair.bucket} failed: longer than 8388608 bytes" in log
