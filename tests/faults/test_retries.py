"""Retry only what is proven safe, once, on a new connection (L9)."""

from __future__ import annotations

import pytest

from support.backend import BackendConnection, Script, answer, ok
from support.rig import Pair


def then(second: Script) -> Script:
    """Answers the first request of a connection; ``second`` deals with the rest."""

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"first"))
        second(connection)

    return script


def vanish(connection: BackendConnection) -> None:
    """Takes a whole request and goes without a byte."""
    connection.read_request()
    connection.close()


def break_off(connection: BackendConnection) -> None:
    connection.read_request()
    connection.reset()


def hesitate(connection: BackendConnection) -> None:
    """Takes a request and goes after half a status line."""
    connection.read_request()
    connection.send(b"HTTP/1.1 2")
    connection.pause(0.05)
    connection.close()


@pytest.mark.rule("L9", "F12")
@pytest.mark.parametrize("end", ["close", "reset"])
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_a_connection_closed_while_idle_is_noticed(pair: Pair, method: str, end: str) -> None:
    def idle(connection: BackendConnection) -> None:
        connection.pause(0.05)
        getattr(connection, end)()

    pair.backend.serve(then(idle), ok(b"second"))
    body = b"x" * 100 if method == "PUT" else b""
    with pair.connect() as connection:
        assert connection.request(pair.request()).body == b"first"
        assert connection.silent(0.2)
        assert connection.request(pair.request(method, "/k", body=body)).status in (200, 204)
    assert [len(got.requests) for got in pair.backend.connections] == [1, 1]


@pytest.mark.rule("L9", "F12")
@pytest.mark.parametrize("end", [vanish, break_off])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_is_tried_again_on_a_new_connection(pair: Pair, method: str, end: Script) -> None:
    pair.backend.serve(then(end), ok(b"second"))
    with pair.connect() as connection:
        assert connection.request(pair.request()).body == b"first"
        response = connection.request(pair.request(method))
        assert response.status == 200
        assert response.body == (b"second" if method == "GET" else b"")
    assert [len(got.requests) for got in pair.backend.connections] == [2, 1]


@pytest.mark.rule("L9", "F12")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_read_is_tried_again_once(pair: Pair, method: str) -> None:
    pair.backend.serve(then(vanish), vanish)
    with pair.connect() as connection:
        assert connection.request(pair.request()).body == b"first"
        assert connection.request(pair.request(method)).status in (502, 503)
        assert connection.request(pair.request(method)).status in (502, 503)
    # The first answer, then two attempts for each of two requests.
    assert len(pair.backend.requests) == 5


@pytest.mark.rule("L9", "F12")
@pytest.mark.parametrize("end", [vanish, break_off])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
@pytest.mark.parametrize("idle", [True, False], ids=["reused", "new"])
def test_a_write_that_was_sent_in_full_is_never_sent_again(
    pair: Pair, method: str, end: Script, idle: bool
) -> None:
    pair.backend.serve(then(end) if idle else end, ok(b"second"))
    body = b"x" * 100 if method == "PUT" else b""
    with pair.connect() as connection:
        if idle:
            assert connection.request(pair.request()).body == b"first"
        response = connection.request(pair.request(method, "/k", body=body))
        assert response.status in (502, 503)
    assert [request.method for request in pair.backend.requests].count(method) == 1


def drop_the_head(connection: BackendConnection) -> None:
    """Takes the head of an upload and goes before its body."""
    connection.read_head()
    connection.close()


@pytest.mark.rule("L9", "L6", "F12")
@pytest.mark.parametrize("hashed", [False, True], ids=["relayed", "hashed"])
def test_an_upload_without_a_body_byte_sent_is_tried_again_whole(pair: Pair, hashed: bool) -> None:
    """The backend has fewer bytes than were promised, so it cannot have stored anything; what
    the client sends meanwhile must not be lost on the dead connection."""
    pair.backend.serve(then(drop_the_head), ok(b""))
    body = bytes(range(256)) * 40
    payload = {} if hashed else {"payload": "UNSIGNED-PAYLOAD"}
    upload = pair.request("PUT", "/k", body=body, **payload)
    with pair.connect() as connection:
        assert connection.request(pair.request()).body == b"first"
        connection.send(upload.head)
        connection.silent(0.15)
        connection.send(body)
        assert connection.read("PUT").status == 200
    last = pair.backend.requests[-1]
    assert last.method == "PUT"
    assert bytes(last.body) == body
    assert [request.method for request in pair.backend.requests] == ["GET", "PUT", "PUT"]


@pytest.mark.rule("L9")
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_nothing_is_tried_again_after_a_first_byte(pair: Pair, method: str) -> None:
    pair.backend.serve(hesitate, ok(b"second"))
    response = pair.ask(method, "/k", body=b"x" if method == "PUT" else b"")
    assert response.status in (502, 503)
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("L9", "L7")
def test_nothing_is_tried_again_after_the_head(pair: Pair) -> None:
    def half(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"half", length=8))
        connection.pause(0.05)
        connection.reset()

    pair.backend.serve(half, ok(b"second"))
    with pair.connect() as connection:
        connection.send(pair.request())
        assert b"second" not in connection.read_all()
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("L9", "F12")
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_backend_that_is_down(pair: Pair, method: str) -> None:
    pair.backend.close()
    with pair.connect() as connection:
        for _ in range(3):
            body = b"x" * 10 if method == "PUT" else b""
            response = connection.request(pair.request(method, "/k", body=body))
            assert response.status in (502, 503)
            assert response.code in ("ServiceUnavailable", "BadGateway", "SlowDown")


@pytest.mark.rule("F12")
@pytest.mark.rule("F44", partial=True)
def test_connections_are_reused(pair: Pair) -> None:
    for _ in range(100):
        assert pair.ask().status == 200
    assert len(pair.backend.connections) == 1
