"""Deadlines hold for a whole phase: a byte now and then does not extend them.

The configured values are in ``conftest.HASTY``; most are one second.
"""

from __future__ import annotations

import time

import pytest

from support.backend import BackendConnection, answer
from support.processes import wait_until
from support.raw import Connection, Truncated
from support.rig import Pair

#: Longest acceptable time for a deadline of one second on a busy machine.
LATEST = 6.0


def drip(connection: Connection, data: bytes, every: float = 0.1) -> float:
    """Sends a byte at a time until the gateway ends the connection; seconds it took."""
    start = time.monotonic()
    for number in range(len(data)):
        try:
            connection.send(data[number : number + 1])
        except (BrokenPipeError, ConnectionResetError):
            break
        if not connection.silent(every):
            break
    return time.monotonic() - start


@pytest.mark.rule("F36", partial=True)
def test_a_dripping_head_is_cut_off(hasty: Pair) -> None:
    with hasty.connect() as connection:
        took = drip(connection, bytes(hasty.request()))
        assert 0.5 < took < LATEST
    assert hasty.backend.connections == []


@pytest.mark.rule("F36", partial=True)
def test_a_dripping_second_head_is_cut_off_too(hasty: Pair) -> None:
    with hasty.connect() as connection:
        assert connection.request(hasty.request()).status == 200
        assert drip(connection, bytes(hasty.request())) < LATEST


def test_an_idle_connection_is_closed(hasty: Pair) -> None:
    with hasty.connect() as connection:
        assert connection.request(hasty.request()).status == 200
        start = time.monotonic()
        assert connection.end() == "fin"
        assert 0.5 < time.monotonic() - start < LATEST


def test_a_silent_connection_is_closed(hasty: Pair) -> None:
    with hasty.connect() as connection:
        start = time.monotonic()
        connection.end()
        assert time.monotonic() - start < LATEST


@pytest.mark.rule("L6", "F09")
def test_an_upload_that_stalls_is_aborted(hasty: Pair) -> None:
    request = hasty.request("PUT", "/k", length=100_000, payload="UNSIGNED-PAYLOAD")
    ended: list[str] = []

    def script(connection: BackendConnection) -> None:
        connection.read_head()
        ended.append(connection.wait_end())

    hasty.backend.serve(script)
    with hasty.connect() as connection:
        connection.send(request.head + b"x" * 10)
        start = time.monotonic()
        try:
            response = connection.read("PUT")
        except Truncated:
            pass  # closed without a word, which is as good
        else:
            assert response.status in (400, 408)
            assert response.closes
        assert 0.5 < time.monotonic() - start < LATEST
    wait_until(lambda: ended, timeout=5, what="the backend's connection ends")
    assert ended == ["reset"]
    assert not hasty.backend.requests[0].whole


@pytest.mark.rule("F05")
def test_an_upload_below_the_floor_is_aborted(hasty: Pair) -> None:
    request = hasty.request("PUT", "/k", length=100_000, payload="UNSIGNED-PAYLOAD")

    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.wait_end()

    hasty.backend.serve(script)
    with hasty.connect() as connection:
        connection.send(request.head)
        # 100 bytes a second: progress, but twenty times too slow.
        assert drip(connection, b"x" * 1000, every=0.01) < LATEST
    assert not hasty.backend.requests[0].whole


@pytest.mark.rule("F05")
def test_a_slow_upload_above_the_floor_is_left_alone(hasty: Pair) -> None:
    body = b"x" * 12_000
    request = hasty.request("PUT", "/k", body=body)
    with hasty.connect() as connection:
        connection.send(request.head)
        # 4000 bytes a second for three seconds: longer than any deadline, above the floor.
        connection.send_pieces((body[i : i + 400] for i in range(0, len(body), 400)), pause=0.1)
        assert connection.read("PUT").status == 200
    assert bytes(hasty.backend.requests[0].body) == body


@pytest.mark.rule("F05")
def test_a_slow_download_above_the_floor_is_left_alone(hasty: Pair) -> None:
    body = bytes(range(240)) * 50

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"", length=len(body)))
        for start in range(0, len(body), 400):
            connection.pause(0.1)
            connection.send(body[start : start + 400])

    hasty.backend.serve(script)
    assert hasty.ask().body == body


@pytest.mark.rule("F14", "L7")
def test_a_client_that_stops_reading_is_let_go(hasty: Pair) -> None:
    ended: list[str] = []

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"", length=1 << 30))
        try:
            while True:
                connection.send(b"x" * 65_536)
        finally:
            ended.append("ended")

    hasty.backend.serve(script)
    with hasty.connect(receive_buffer=8192) as connection:
        connection.send(hasty.request())
        start = time.monotonic()
        while not ended and time.monotonic() - start < LATEST:
            time.sleep(0.05)
        assert ended
        with pytest.raises(Truncated) as truncated:
            connection.read()
        assert truncated.value.how == "reset"


@pytest.mark.rule("F04")
def test_a_backend_that_never_answers(hasty: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.wait_end()

    hasty.backend.serve(script)
    start = time.monotonic()
    response = hasty.ask("PUT", "/k", body=b"x")
    assert (response.status, response.code) == (504, "GatewayTimeout")
    assert 0.5 < time.monotonic() - start < LATEST


@pytest.mark.rule("F04")
def test_a_backend_that_drips_its_head(hasty: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        for byte in answer(b"hello", ("X-Pad", "x" * 500)):
            connection.send(bytes([byte]))
            connection.pause(0.05)

    hasty.backend.serve(script)
    start = time.monotonic()
    response = hasty.ask("PUT", "/k", body=b"x")
    assert response.status in (502, 504)
    assert time.monotonic() - start < LATEST


@pytest.mark.rule("F04", "L7")
def test_a_backend_that_stalls_in_its_body(hasty: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"half", length=8))
        connection.wait_end()

    hasty.backend.serve(script)
    start = time.monotonic()
    with pytest.raises(Truncated) as truncated:
        hasty.ask()
    assert (truncated.value.how, truncated.value.got) == ("reset", b"half")
    assert 0.5 < time.monotonic() - start < LATEST


@pytest.mark.rule("F04", "L6")
def test_a_backend_that_stops_reading_an_upload(hasty: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.pause(30)

    hasty.backend.serve(script)
    request = hasty.request("PUT", "/k", length=1 << 30, payload="UNSIGNED-PAYLOAD")
    start = time.monotonic()
    with hasty.connect() as connection:
        connection.send(request.head)
        try:
            while connection.silent(0) and time.monotonic() - start < LATEST:
                connection.send(b"x" * 65_536)
        except (BrokenPipeError, ConnectionResetError, TimeoutError):
            pass
    assert time.monotonic() - start < LATEST
