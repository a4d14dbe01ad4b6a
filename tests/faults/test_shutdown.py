"""SIGTERM, SIGINT, SIGHUP: no new connections, running requests end, exit status 0 (F31, F32)."""

from __future__ import annotations

import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.backend import BackendConnection, answer
from support.processes import listens, wait_until
from support.raw import Truncated
from support.rig import Pair, Rig

Start = Callable[..., tuple[Rig, Pair]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    rigs: list[Rig] = []

    def make(drain: float = 10.0) -> tuple[Rig, Pair]:
        rig = Rig(tmp_path / "rig", stock=1, timeouts={"drain": drain})
        rigs.append(rig)
        return rig, rig.take()

    yield make
    for rig in rigs:
        rig.gateway.process.kill()
        for backend in rig.backends:
            backend.close()


class Held:
    """A script that answers when it is told to."""

    def __init__(self, body: bytes = b"hello", length: int = -1) -> None:
        self.started = threading.Event()
        self.released = threading.Event()
        self._answer = answer(body, length=length)

    def __call__(self, connection: BackendConnection) -> None:
        connection.read_request()
        self.started.set()
        self.released.wait(20)
        connection.send(self._answer)
        connection.wait_end()


@pytest.mark.rule("F31", "F32")
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_running_request_is_finished(start: Start, number: int) -> None:
    rig, pair = start()
    held = Held()
    pair.backend.serve(held)
    with pair.connect() as idle, pair.connect() as connection:
        assert idle.request(pair.request("HEAD", "")).status == 200
        connection.send(pair.request())
        assert held.started.wait(5)
        rig.gateway.process.signal(number)
        assert idle.end() == "fin"
        wait_until(lambda: not listens(rig.gateway.port), timeout=5, what="nobody listens")
        assert rig.gateway.process.popen.poll() is None
        held.released.set()
        response = connection.read()
        assert (response.status, response.body) == (200, b"hello")
        assert response.closes
        assert connection.end() == "fin"
    assert rig.gateway.process.wait(5) == 0
    rig.gateway.check_log()


@pytest.mark.rule("F31")
def test_a_running_upload_is_finished(start: Start) -> None:
    rig, pair = start()
    body = b"x" * 1_000_000
    request = pair.request("PUT", "/k", body=body)
    with pair.connect() as connection:
        connection.send(request.head + body[:1000])
        wait_until(lambda: pair.backend.requests, timeout=5, what="the backend is asked")
        rig.gateway.process.signal(signal.SIGTERM)
        wait_until(lambda: not listens(rig.gateway.port), timeout=5, what="nobody listens")
        connection.send(body[1000:])
        assert connection.read("PUT").status == 200
    assert rig.gateway.process.wait(5) == 0
    assert bytes(pair.backend.requests[0].body) == body


@pytest.mark.rule("F31")
def test_nothing_to_do_means_an_immediate_end(start: Start) -> None:
    rig, pair = start()
    with pair.connect() as used, pair.connect() as silent:
        assert used.request(pair.request()).status == 200
        started = time.monotonic()
        assert rig.gateway.process.terminate(5) == 0
        assert time.monotonic() - started < 3
        used.end()
        silent.end()


@pytest.mark.rule("F31")
def test_the_deadline_of_the_drain_ends_what_hangs(start: Start) -> None:
    rig, pair = start(drain=0.5)
    held = Held()
    pair.backend.serve(held)
    with pair.connect() as connection:
        connection.send(pair.request())
        assert held.started.wait(5)
        started = time.monotonic()
        rig.gateway.process.signal(signal.SIGTERM)
        assert rig.gateway.process.wait(5) == 0
        assert 0.3 < time.monotonic() - started < 4
        with pytest.raises(Truncated):
            connection.read()
        held.released.set()


@pytest.mark.rule("F31", "L7")
def test_a_download_cut_by_the_deadline_is_cut(start: Start) -> None:
    rig, pair = start(drain=0.5)

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"half", length=8))
        connection.wait_end()

    pair.backend.serve(script)
    with pair.connect() as connection:
        connection.send(pair.request())
        connection.sock.recv(10)
        assert rig.gateway.process.terminate(5) == 0
        connection.read_all()
        assert connection.ended == "reset"


@pytest.mark.rule("F32")
@pytest.mark.parametrize("second", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_a_second_signal_ends_at_once(start: Start, second: int) -> None:
    rig, pair = start(drain=30.0)
    held = Held()
    pair.backend.serve(held)
    with pair.connect() as connection:
        connection.send(pair.request())
        assert held.started.wait(5)
        rig.gateway.process.signal(signal.SIGTERM)
        wait_until(lambda: not listens(rig.gateway.port), timeout=5, what="nobody listens")
        started = time.monotonic()
        rig.gateway.process.signal(second)
        rig.gateway.process.wait(5)
        assert time.monotonic() - started < 5
        held.released.set()
    rig.gateway.check_log()


@pytest.mark.rule("F32")
def test_a_lost_terminal_that_is_to_be_ignored_is_ignored(start: Start) -> None:
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)  # as nohup(1) does; children inherit it
    try:
        rig, pair = start()
    finally:
        signal.signal(signal.SIGHUP, before)
    rig.gateway.process.signal(signal.SIGHUP)
    assert pair.ask().status == 200
    assert rig.gateway.process.terminate(5) == 0


@pytest.mark.rule("F32")
def test_sigpipe_is_ignored(start: Start) -> None:
    rig, pair = start()
    rig.gateway.process.signal(signal.SIGPIPE)
    assert pair.ask().status == 200
    assert rig.gateway.process.terminate(5) == 0


@pytest.mark.rule("F31")
def test_a_client_that_holds_on_gets_its_last_answers(start: Start) -> None:
    rig, pair = start()
    failures: list[BaseException] = []
    answered = [0]
    stop = threading.Event()

    def work() -> None:
        """Reconnects as real clients do; only a refused connection may tell of the end."""
        while not stop.is_set():
            try:
                connection = pair.connect()
            except ConnectionRefusedError:
                return
            with connection:
                try:
                    while True:
                        response = connection.request(pair.request())
                        assert response.status == 200
                        answered[0] += 1
                        if response.closes:
                            break
                except (Truncated, BrokenPipeError, ConnectionResetError) as error:
                    # A request that crossed the close of an idle connection: no byte of an
                    # answer came, so that a client may send it again (RFC 9110 9.2.2).
                    if isinstance(error, Truncated) and error.response is not None:
                        failures.append(error)
                except BaseException as error:
                    failures.append(error)
                    return

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    wait_until(lambda: answered[0] > 50, timeout=10, what="some answers")
    assert rig.gateway.process.terminate(10) == 0
    stop.set()
    for thread in threads:
        thread.join(10)
    assert failures == []
