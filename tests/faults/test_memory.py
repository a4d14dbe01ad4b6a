"""Memory per connection is a constant (L8), whoever is slow."""

from __future__ import annotations

import time

import pytest

from support.backend import BackendConnection, Gone, answer
from support.processes import resident_kib, wait_until
from support.rig import Pair

#: KiB that a stalled stream may cost, in all.
ROOM = 8 * 1024


@pytest.mark.rule("L8", "F14", "F05")
def test_a_reader_that_stops_costs_nothing(pair: Pair) -> None:
    sent = [0]

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"", length=10 << 30))
        while True:
            connection.send(b"x" * 65_536)
            sent[0] += 65_536

    pair.backend.serve(script)
    pid = pair.gateway.process.pid
    assert pair.ask("HEAD", "").status == 200
    before = resident_kib(pid)
    with pair.connect(receive_buffer=4096) as connection:
        connection.send(pair.request())
        last = -1
        while sent[0] != last:
            last = sent[0]
            time.sleep(0.2)
        # What went further is in the kernel's socket buffers; the gateway stopped reading.
        assert resident_kib(pid) - before < ROOM
        assert last < 64 << 20
        connection.reset()


@pytest.mark.rule("L8", "F05")
def test_a_backend_that_stops_reading_costs_nothing(pair: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_head()
        connection.pause(60)

    pair.backend.serve(script)
    pid = pair.gateway.process.pid
    assert pair.ask("HEAD", "").status == 200
    before = resident_kib(pid)
    request = pair.request("PUT", "/k", length=5 << 30, payload="UNSIGNED-PAYLOAD")
    with pair.connect() as connection:
        connection.send(request.head)
        connection.sock.settimeout(0.5)
        sent = 0
        try:
            while sent < 1 << 30:
                sent += connection.sock.send(b"x" * 65_536)
        except TimeoutError:
            pass  # the gateway reads no more
        assert resident_kib(pid) - before < ROOM
        assert sent < 64 << 20
        connection.reset()


@pytest.mark.rule("L8", "F14")
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_a_quarter_of_a_gigabyte_passes_in_constant_memory(pair: Pair, method: str) -> None:
    size = 256 << 20
    block = b"x" * (1 << 20)

    def script(connection: BackendConnection) -> None:
        request = connection.read_head()
        if request.method == "GET":
            connection.send(answer(b"", length=size))
            for _ in range(size // len(block)):
                connection.send(block)
            return
        # Counted, not kept: it is the gateway that is measured.
        connection.discard_body()
        connection.send(answer(b""))

    pair.backend.serve(script)
    pid = pair.gateway.process.pid
    assert pair.ask("HEAD", "").status == 200
    before = resident_kib(pid)
    with pair.connect(timeout=60) as connection:
        if method == "GET":
            connection.send(pair.request())
            got = 0
            while got < size:
                got += len(connection.sock.recv(1 << 20))
        else:
            request = pair.request("PUT", "/k", length=size, payload="UNSIGNED-PAYLOAD")
            connection.send(request.head)
            for _ in range(size // len(block)):
                connection.send(block)
            assert connection.read("PUT").status == 200
    assert resident_kib(pid, "VmHWM") - before < ROOM or resident_kib(pid) - before < ROOM


@pytest.mark.rule("F10")
@pytest.mark.parametrize("how", ["reset", "close"])
def test_a_client_that_leaves_a_download_frees_the_backend(pair: Pair, how: str) -> None:
    ended: list[float] = []

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"", length=1 << 30))
        try:
            while True:
                connection.send(b"x" * 65_536)
        except Gone:
            ended.append(time.monotonic())
            raise

    pair.backend.serve(script)
    connection = pair.connect()
    connection.send(pair.request())
    got = 0
    while got < 1_000_000:
        got += len(connection.sock.recv(65_536))
    left = time.monotonic()
    if how == "reset":
        connection.reset()
    else:
        connection.sock.close()
    wait_until(lambda: ended, timeout=5, what="the backend's connection ends")
    # 100 ms by the book; the rest is for a busy machine.
    assert ended[0] - left < 1.0
    time.sleep(0.05)
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("F10")
def test_a_client_that_leaves_before_the_answer(pair: Pair) -> None:
    ended: list[str] = []

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        ended.append(connection.wait_end())

    pair.backend.serve(script)
    connection = pair.connect()
    connection.send(pair.request())
    wait_until(lambda: pair.backend.requests, timeout=5, what="the backend is asked")
    connection.reset()
    wait_until(lambda: ended, timeout=5, what="the backend's connection ends")
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("L8")
def test_connections_that_come_and_go_leave_nothing(pair: Pair) -> None:
    pid = pair.gateway.process.pid

    def round_trip(count: int) -> None:
        for number in range(count):
            with pair.connect() as connection:
                if number % 3 == 0:
                    connection.send(b"GET / HTTP/1.1\r\nHo")
                else:
                    assert connection.request(pair.request()).status == 200
                if number % 2:
                    connection.reset()

    round_trip(300)
    before = resident_kib(pid)
    round_trip(1500)
    assert resident_kib(pid) - before < 2048
