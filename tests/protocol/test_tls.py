"""HTTPS towards clients: the same answers, and ends that cannot be mistaken."""

from __future__ import annotations

import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backend import BackendConnection, answer, ok
from support.certificates import Authority
from support.raw import Connection, Truncated
from support.rig import Pair, Rig


@pytest.fixture(scope="module")
def secure_rig(folder: Path, authority: Authority) -> Iterator[Rig]:
    chain, key = authority.issue("localhost", "127.0.0.1")
    arguments = ("--tls-cert", str(chain), "--tls-key", str(key))
    timeouts = {"handshake": 1.0}
    rig = Rig(folder / "secure", stock=12, arguments=arguments, timeouts=timeouts)
    yield rig
    rig.stop()


@pytest.fixture
def secure(secure_rig: Rig) -> Iterator[Pair]:
    pair = secure_rig.take()
    yield pair
    pair.backend.close()
    pair.gateway.check_log()


def connect(pair: Pair, authority: Authority) -> Connection:
    return pair.connect(tls=authority.client_context())


def test_keep_alive_over_tls(secure: Pair, authority: Authority) -> None:
    body = bytes(range(256)) * 4000
    secure.backend.serve(ok(body))
    with connect(secure, authority) as connection:
        for _ in range(3):
            assert connection.request(secure.request()).body == body
        assert connection.request(secure.request("PUT", "/k", body=body)).status == 200
    assert bytes(secure.backend.requests[-1].body) == body
    assert len(secure.backend.connections) == 1


def test_byte_by_byte_over_tls(secure: Pair, authority: Authority) -> None:
    with connect(secure, authority) as connection:
        connection.send_bytewise(bytes(secure.request("PUT", "/k", body=b"0123456789")))
        assert connection.read("PUT").status == 200
    assert bytes(secure.backend.requests[0].body) == b"0123456789"


@pytest.mark.rule("F17")
def test_an_orderly_end_says_goodbye(secure: Pair, authority: Authority) -> None:
    with connect(secure, authority) as connection:
        response = connection.request(secure.request("GET", "/k", ("Connection", "close")))
        assert response.status == 200
        # close_notify, which RFC 8446 6.1 demands and truncation attacks forge the lack of.
        assert connection.end() == "fin"


@pytest.mark.rule("L7", "F01", "F17")
@pytest.mark.parametrize("end", ["reset", "close"])
def test_a_truncated_answer_has_no_goodbye(secure: Pair, authority: Authority, end: str) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"half", length=8))
        connection.pause(0.1)
        getattr(connection, end)()

    secure.backend.serve(script)
    with connect(secure, authority) as connection:
        connection.send(secure.request())
        with pytest.raises(Truncated) as truncated:
            connection.read()
    assert truncated.value.how == "reset"
    assert truncated.value.got == b"half"


@pytest.mark.filterwarnings("ignore:ssl.TLSVersion:DeprecationWarning")
@pytest.mark.parametrize("version", ["TLSv1", "TLSv1_1"])
def test_old_protocols_are_refused(secure: Pair, authority: Authority, version: str) -> None:
    context = authority.client_context()
    context.minimum_version = getattr(ssl.TLSVersion, version)
    context.maximum_version = getattr(ssl.TLSVersion, version)
    context.set_ciphers("DEFAULT:@SECLEVEL=0")
    with pytest.raises((ssl.SSLError, ConnectionResetError)):
        secure.connect(tls=context)


def test_plain_http_on_a_tls_port_gets_no_answer(secure: Pair) -> None:
    with secure.connect() as connection:
        connection.send(secure.request())
        assert not connection.read_all().startswith(b"HTTP")
    assert secure.backend.connections == []


@pytest.mark.rule("F36", partial=True)
def test_a_stalled_handshake_is_cut_off(secure: Pair) -> None:
    start = time.monotonic()
    with socket.create_connection(("127.0.0.1", secure.gateway.port), 10) as sock:
        sock.sendall(b"\x16\x03\x01")
        try:
            while sock.recv(4096):
                pass
        except ConnectionResetError:
            pass
    assert 0.5 < time.monotonic() - start < 6
