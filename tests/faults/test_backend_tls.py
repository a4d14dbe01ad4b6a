"""TLS towards the backend: verified, never downgraded, ends told apart (F17)."""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.backend import BackendConnection, answer, ok
from support.certificates import Authority
from support.raw import Truncated
from support.rig import Pair, Rig

Make = Callable[..., Pair]


@pytest.fixture
def make(tmp_path: Path, authority: Authority) -> Iterator[Make]:
    """A pair whose backend shows a certificate; the gateway trusts only ``authority``."""
    rigs: list[Rig] = []

    def start(context: ssl.SSLContext, **options: object) -> Pair:
        rig = Rig(
            tmp_path / f"rig-{len(rigs)}",
            stock=1,
            tls=context,
            backend_host="localhost",
            options={"ca_file": str(authority.file), **options},
            timeouts={"connect": 1.0},
        )
        rigs.append(rig)
        return rig.take()

    yield start
    for rig in rigs:
        rig.stop()


@pytest.mark.rule("F17")
def test_a_trusted_backend(make: Make, authority: Authority) -> None:
    pair = make(authority.server_context("localhost"))
    body = bytes(range(256)) * 2000
    pair.backend.serve(ok(body))
    with pair.connect() as connection:
        for _ in range(3):
            assert connection.request(pair.request()).body == body
        assert connection.request(pair.request("PUT", "/k", body=body)).status == 200
    assert bytes(pair.backend.requests[-1].body) == body
    assert len(pair.backend.connections) == 1


def stranger(tmp_path: Path, authority: Authority) -> ssl.SSLContext:
    return Authority(tmp_path / "stranger").server_context("localhost")


def wrong_host(tmp_path: Path, authority: Authority) -> ssl.SSLContext:
    return authority.server_context("other.example")


def expired(tmp_path: Path, authority: Authority) -> ssl.SSLContext:
    return authority.server_context("localhost", expired=True)


@pytest.mark.rule("F17")
@pytest.mark.parametrize("context", [stranger, wrong_host, expired])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_an_untrusted_backend_is_told_nothing(
    make: Make,
    tmp_path: Path,
    authority: Authority,
    context: Callable[[Path, Authority], ssl.SSLContext],
    method: str,
) -> None:
    pair = make(context(tmp_path, authority))
    response = pair.ask(method, "/k", body=b"secret" if method == "PUT" else b"")
    assert response.status in (502, 503)
    assert pair.backend.requests == []


@pytest.mark.rule("F17")
def test_a_backend_without_tls_is_not_spoken_to_in_clear(make: Make, authority: Authority) -> None:
    pair = make(authority.server_context("localhost"))
    received: list[bytes] = []
    pair.backend.tls = None

    def script(connection: BackendConnection) -> None:
        received.append(connection.sock.recv(4096))
        connection.send(answer(b"in clear"))

    pair.backend.serve(script)
    assert pair.ask().status in (502, 503)
    assert all(not data.startswith(b"GET") for data in received)


@pytest.mark.rule("F17")
def test_a_handshake_that_stalls(make: Make, authority: Authority) -> None:
    pair = make(authority.server_context("localhost"))
    pair.backend.tls = None
    pair.backend.serve(lambda connection: connection.pause(30))
    start = time.monotonic()
    assert pair.ask().status in (502, 503, 504)
    assert time.monotonic() - start < 6


@pytest.mark.rule("F17", "L7")
@pytest.mark.parametrize("end", ["reset", "close"])
def test_a_body_that_ends_early(make: Make, authority: Authority, end: str) -> None:
    pair = make(authority.server_context("localhost"))

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"half", length=8))
        connection.pause(0.1)
        getattr(connection, end)()

    pair.backend.serve(script)
    with pair.connect() as connection:
        connection.send(pair.request())
        with pytest.raises(Truncated) as truncated:
            connection.read()
    assert truncated.value.how == "reset"


@pytest.mark.rule("F17")
def test_a_whole_body_needs_no_goodbye(make: Make, authority: Authority) -> None:
    pair = make(authority.server_context("localhost"))

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"whole"))
        connection.pause(0.05)
        connection.reset()

    pair.backend.serve(script)
    with pair.connect() as connection:
        for _ in range(2):
            assert connection.request(pair.request()).body == b"whole"
            assert connection.silent(0.15)
