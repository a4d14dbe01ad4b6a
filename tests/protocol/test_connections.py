"""One connection, many requests: order, reuse, versions, pieces of any size."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from support.backend import BackendConnection, answer, ok
from support.configuration import FULL, standard
from support.gateway import Gateway
from support.raw import Connection
from support.rig import Pair, Rig
from support.sigv4 import EMPTY_SHA256, Request


def echo_target(connection: BackendConnection) -> None:
    """Answers with the target that was asked for."""
    while True:
        request = connection.read_request()
        connection.send(answer(request.target.encode()))


def test_a_connection_serves_many_requests(pair: Pair) -> None:
    pair.backend.serve(ok(b"hello"))
    with pair.connect() as connection:
        identifiers = set()
        for _ in range(20):
            response = connection.request(pair.request())
            assert (response.status, response.body) == (200, b"hello")
            identifiers.add(response.get("x-amz-request-id"))
    assert len(identifiers) == 20
    assert len(pair.backend.connections) == 1


def test_pipelined_requests_are_answered_in_order(pair: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        # The first answer is late, the others at once: order must not come from luck.
        request = connection.read_request()
        connection.pause(0.2)
        while True:
            connection.send(answer(request.target.encode()))
            request = connection.read_request()

    pair.backend.serve(script)
    keys = [f"/key-{n}" for n in range(8)]
    with pair.connect() as connection:
        connection.send(b"".join(bytes(pair.request("GET", key)) for key in keys))
        for key in keys:
            assert connection.read().body.decode().endswith(key)


@pytest.mark.rule("L8")
def test_a_pipelined_request_waits_for_the_one_before_it(pair: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.pause(0.3)
        assert len(pair.backend.requests) == 1
        connection.send(answer(b"first"))
        echo_target(connection)

    pair.backend.serve(script)
    with pair.connect() as connection:
        connection.send(bytes(pair.request()) + bytes(pair.request("GET", "/second")))
        assert connection.read().body == b"first"
        assert connection.read().body.endswith(b"/second")
    assert len(pair.backend.connections) == 1


def test_pipelined_uploads_keep_to_their_bodies(pair: Pair) -> None:
    pair.backend.serve(ok())
    bodies = [b"GET / HTTP/1.1\r\n\r\n" * n for n in (1, 0, 50)]
    with pair.connect() as connection:
        connection.send(b"".join(bytes(pair.request("PUT", "/k", body=body)) for body in bodies))
        for _ in bodies:
            assert connection.read("PUT").status == 200
        assert connection.request(pair.request("HEAD")).status == 200
    assert [bytes(request.body) for request in pair.backend.requests] == [*bodies, b""]


@pytest.mark.rule("F15")
@pytest.mark.parametrize("method", ["GET", "PUT", "HEAD"])
def test_requests_may_come_byte_by_byte(pair: Pair, method: str) -> None:
    pair.backend.serve(ok(b"hello"))
    body = b"0123456789" if method == "PUT" else b""
    with pair.connect() as connection:
        for _ in range(2):
            connection.send_bytewise(bytes(pair.request(method, "/k", body=body)))
            assert connection.read(method).status == 200
    assert [bytes(request.body) for request in pair.backend.requests] == [body, body]


@pytest.mark.rule("F13")
def test_a_head_may_be_split_anywhere(pair: Pair) -> None:
    pair.backend.serve(ok(b"hello"))
    request = bytes(pair.request("PUT", "/k", body=b"0123456789"))
    with pair.connect() as connection:
        for split in range(1, len(request), 7):
            connection.send_pieces([request[:split], request[split:]], pause=0.001)
            assert connection.read("PUT").status == 200
    assert {bytes(got.body) for got in pair.backend.requests} == {b"0123456789"}


def test_one_empty_line_before_a_request_is_allowed(pair: Pair) -> None:
    with pair.connect() as connection:
        for _ in range(2):
            connection.send(b"\r\n" + bytes(pair.request()))
            assert connection.read().status == 200


@pytest.mark.parametrize("value", ["close", "Close", "keep-alive, close"])
def test_connection_close_is_obeyed(pair: Pair, value: str) -> None:
    with pair.connect() as connection:
        response = connection.request(pair.request("GET", "/k", ("Connection", value)))
        assert (response.status, response.closes) == (200, True)
        assert connection.end() == "fin"


@pytest.mark.rule("SEM-10")
@pytest.mark.parametrize("keep_alive", [False, True])
def test_http_1_0_gets_a_length_and_a_close(pair: Pair, keep_alive: bool) -> None:
    headers = [("Connection", "keep-alive")] if keep_alive else []
    with pair.connect() as connection:
        response = connection.request(pair.request("GET", "/k", *headers, version="HTTP/1.0"))
        assert (response.status, response.body, response.framing) == (200, b"hello", "length")
        assert response.closes
        assert connection.end() == "fin"


@pytest.mark.rule("SEM-10")
def test_http_1_0_never_gets_chunks(pair: Pair) -> None:
    page = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    pair.backend.serve(ok(page, ("Content-Type", "application/xml")))
    with pair.connect() as connection:
        response = connection.request(pair.request("GET", "/?list-type=2", version="HTTP/1.0"))
        assert response.status == 200
        assert response.framing in ("length", "close")
        assert b"</ListBucketResult>" in response.body
        assert connection.end() == "fin"


@pytest.mark.rule("SEM-10")
def test_http_1_0_may_upload(pair: Pair) -> None:
    with pair.connect() as connection:
        request = pair.request("PUT", "/k", body=b"old but whole", version="HTTP/1.0")
        assert connection.request(request).status == 200
        assert connection.end() == "fin"
    assert bytes(pair.backend.requests[0].body) == b"old but whole"


@pytest.mark.rule("F11")
def test_a_client_that_only_stopped_sending_is_answered(pair: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.pause(0.2)
        connection.send(answer(b"late, but here"))

    pair.backend.serve(script)
    with pair.connect() as connection:
        connection.send(pair.request())
        connection.half_close()
        assert connection.read().body == b"late, but here"
        assert connection.end() == "fin"


@pytest.mark.rule("F11")
def test_an_upload_may_be_followed_by_a_half_close(pair: Pair) -> None:
    with pair.connect() as connection:
        connection.send(pair.request("PUT", "/k", body=b"x" * 100_000))
        connection.half_close()
        assert connection.read("PUT").status == 200
    assert pair.backend.requests[0].whole


@pytest.mark.rule("R09", "SEM-17")
def test_head_is_get_without_the_body(pair: Pair) -> None:
    pair.backend.serve(ok(b"x" * 100_000, ("Content-Type", "text/plain")))
    with pair.connect() as connection:
        head = connection.request(pair.request("HEAD"))
        get = connection.request(pair.request("GET"))
        for name in ("content-length", "content-type", "etag"):
            assert head.get(name) == get.get(name) is not None
        assert get.get("transfer-encoding") is None
        assert len(get.body) == 100_000


@pytest.mark.rule("SEM-17")
def test_a_head_error_has_no_body(pair: Pair) -> None:
    with pair.connect() as connection:
        request = pair.request("HEAD", credentials=None)
        assert connection.request(request).status == 403
        # In step: what follows is the next answer and nothing else.
        assert connection.request(pair.request("GET")).status == 200


def test_a_target_may_be_absolute(pair: Pair) -> None:
    # RFC 9112 3.2.2: a server must accept it; the signature speaks of the path alone.
    request = pair.request()
    raw = bytes(request).replace(b"GET /", f"GET http://{request.host}/".encode(), 1)
    with pair.connect() as connection:
        connection.send(raw)
        assert connection.read().status == 200


@pytest.mark.rule("L1")
@pytest.mark.parametrize("authority", ["other.example", "user@{host}", "{host}.example"])
def test_an_absolute_target_must_name_the_host(pair: Pair, authority: str) -> None:
    request = pair.request()
    authority = authority.format(host=request.host)
    raw = bytes(request).replace(b"GET /", f"GET http://{authority}/".encode(), 1)
    with pair.connect() as connection:
        connection.send(raw)
        response = connection.read()
        assert (response.status, response.closes) == (400, True)
    assert pair.backend.connections == []


@pytest.mark.rule("R51")
def test_an_upload_without_a_length(pair: Pair) -> None:
    with pair.connect() as connection:
        response = connection.request(pair.request("PUT", length=None, payload=EMPTY_SHA256))
        assert (response.status, response.code) == (411, "MissingContentLength")
        assert not response.closes
        assert connection.request(pair.request("HEAD")).status == 200


def test_an_empty_upload(pair: Pair) -> None:
    with pair.connect() as connection:
        assert connection.request(pair.request("PUT", length=0)).status == 200
        assert connection.request(pair.request("GET")).status == 200
    assert pair.backend.requests[0].get("content-length") == "0"


def test_a_small_body_that_nobody_reads_keeps_the_connection(pair: Pair) -> None:
    body = b"GET /smuggled HTTP/1.1\r\n\r\n"
    with pair.connect() as connection:
        assert connection.request(pair.request("GET", body=body)).status == 200
        assert connection.request(pair.request("GET", "/second")).status == 200
    assert all(b"smuggled" not in request.raw for request in pair.backend.requests)


def test_a_large_body_that_nobody_reads_is_refused(pair: Pair) -> None:
    with pair.connect() as connection:
        request = pair.request("GET", length=10_000_000, payload="UNSIGNED-PAYLOAD")
        response = connection.request(request)
        assert (response.status, response.code, response.closes) == (400, "InvalidRequest", True)
        assert f"<Resource>{request.target}</Resource>".encode() in response.body
    assert pair.backend.connections == []


def test_requests_on_one_connection_are_counted(folder: Path) -> None:
    with Rig(folder / "counted", stock=1, limits={"requests_per_connection": 3}) as rig:
        pair = rig.take()
        with pair.connect() as connection:
            for number in range(3):
                response = connection.request(pair.request())
                assert response.status == 200
                assert response.closes == (number == 2)
            assert connection.end() == "fin"


@pytest.mark.skipif(not socket.has_ipv6, reason="this machine has no IPv6")
def test_listens_on_ipv6(store: object, folder: Path) -> None:
    config = standard(store.endpoint)  # type: ignore[attr-defined]
    with Gateway(folder / "ipv6", config, listen="[::1]:{port}") as gateway:
        request = Request("GET", "/", gateway.authority, credentials=FULL)
        with Connection(gateway.port, host="::1") as connection:
            response = connection.request(request)
        assert response.status == 200
        assert b"private-uploads" in response.body
