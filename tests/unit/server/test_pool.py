"""Pools of backend connections: one for each origin that has any, and none for the others."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable

import pytest

from multistore import app
from multistore.config.model import Document
from multistore.server.worker import Server
from support.backend import LOOPBACK, ScriptedBackend, ok
from support.raw import Connection
from support.sigv4 import Request


def make_document(backends: list[ScriptedBackend]) -> Document:
    buckets = [
        {
            "name": f"bucket-{number}",
            "backend_type": "s3",
            "anonymous_access": True,
            "backend_options": {
                "endpoint": f"http://{LOOPBACK}:{backend.port}",
                "bucket_name": "stored",
            },
        }
        for number, backend in enumerate(backends)
    ]
    return Document.model_validate({"buckets": buckets, "server": {"listen": ["127.0.0.1:0"]}})


def serve(backends: list[ScriptedBackend], scenario: Callable[[Server, int], None]) -> None:
    """Runs ``scenario`` in a thread beside a server."""
    failures: list[BaseException] = []

    def play(server: Server) -> None:
        try:
            scenario(server, server.addresses[0][1])
        except BaseException as error:
            failures.append(error)
        finally:
            server.stop()

    def begin(server: Server) -> None:
        threading.Thread(target=play, args=(server,), daemon=True).start()

    try:
        assert app.make_server(make_document(backends)).run(begin) == 0
    finally:
        for backend in backends:
            backend.close()
    if failures:
        raise failures[0]


def get(port: int, number: int) -> int:
    with Connection(port) as connection:
        return connection.request(Request("GET", f"/bucket-{number}/k", "gateway.test")).status


def count(server: Server, expected: int) -> None:
    """Waits for the pools to be so many."""
    assert server._service is not None
    end = time.monotonic() + 5
    while len(server._service.pools) != expected and time.monotonic() < end:
        time.sleep(0.01)
    assert len(server._service.pools) == expected


@pytest.mark.rule("L8")
def test_a_pool_goes_with_its_last_connection() -> None:
    backends = [ScriptedBackend() for _ in range(3)]

    def scenario(server: Server, port: int) -> None:
        count(server, 0)
        for number in range(3):
            assert get(port, number) == 200
        count(server, 3)
        for connection in backends[0].connections:
            connection.sock.shutdown(socket.SHUT_RDWR)
        count(server, 2)
        # Back again, by a new connection.
        assert get(port, 0) == 200
        count(server, 3)
        assert [len(backend.connections) for backend in backends] == [2, 1, 1]
        backends[1].serve(ok(b"x", ("Connection", "close")))
        backends[1].connections[0].sock.shutdown(socket.SHUT_RDWR)
        count(server, 2)
        assert get(port, 1) == 200
        count(server, 2)

    serve(backends, scenario)


def test_a_retry_finds_the_pool_that_others_use() -> None:
    """The only connection, closed as the second request arrives on it, took its pool along."""
    backend = ScriptedBackend()

    def once(connection: object) -> None:
        connection.read_request()  # type: ignore[attr-defined]
        connection.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx")  # type: ignore[attr-defined]
        connection.read_request()  # type: ignore[attr-defined]
        connection.close()  # type: ignore[attr-defined]

    backend.serve(once, ok(b"hello"))

    def scenario(server: Server, port: int) -> None:
        for _ in range(4):
            assert get(port, 0) == 200
        count(server, 1)
        # The retry's connection is the one that was used after it.
        assert len(backend.connections) == 2

    serve([backend], scenario)
