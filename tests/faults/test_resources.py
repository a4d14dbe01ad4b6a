"""Descriptors, logs and addresses run out; the gateway does not (F16, F33–F35)."""

from __future__ import annotations

import fcntl
import os
import resource
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.gateway import clean_environment
from support.ports import free_ports
from support.processes import listens, wait_until
from support.raw import Connection, Truncated
from support.rig import Pair, Rig


@pytest.fixture
def rig(tmp_path: Path) -> Iterator[Rig]:
    running = Rig(tmp_path / "rig", stock=1)
    yield running
    running.stop()


def cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def lowest_free(pid: int) -> int:
    """The number that the next descriptor would get; the limit is on numbers, not on a count."""
    used = {int(name) for name in os.listdir(f"/proc/{pid}/fd")}
    return next(number for number in range(len(used) + 1) if number not in used)


@pytest.mark.rule("F33")
def test_no_descriptors_are_left(rig: Rig) -> None:
    pair = rig.take()
    pid = rig.gateway.process.pid
    assert pair.ask().status == 200
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free(pid) + 8, 4096))
    waiting = [pair.connect() for _ in range(30)]
    try:
        time.sleep(0.3)
        before = cpu_seconds(pid)
        time.sleep(1.0)
        # Waits, rather than asking the kernel again and again.
        assert cpu_seconds(pid) - before < 0.3
    finally:
        for connection in waiting:
            connection.sock.close()
    deadline = time.monotonic() + 5
    while True:
        try:
            assert pair.ask().status == 200
            break
        except (AssertionError, OSError, Truncated):
            assert time.monotonic() < deadline, "it did not recover"
            time.sleep(0.1)


@pytest.mark.rule("F33")
def test_no_descriptor_is_left_for_the_backend(rig: Rig) -> None:
    pair = rig.take()
    pid = rig.gateway.process.pid
    with pair.connect() as connection:
        assert connection.request(pair.request("HEAD", "", credentials=None)).status == 403
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (lowest_free(pid), 4096))
        response = connection.request(pair.request("GET"))
        assert response.status in (500, 502, 503)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (4096, 4096))
        assert connection.request(pair.request("GET")).status == 200


def test_one_address_holds_so_many_connections(tmp_path: Path) -> None:
    with Rig(tmp_path / "rig", stock=1, limits={"connections_per_peer": 5}) as rig:
        pair = rig.take()
        held = [pair.connect() for _ in range(5)]
        for connection in held:
            assert connection.request(pair.request()).status == 200
        try:
            with pair.connect() as sixth:
                sixth.send(pair.request())
                answer = sixth.read_all()
        except (BrokenPipeError, ConnectionResetError):
            answer = b""
        assert answer == b"" or b" 503 " in answer.split(b"\r\n")[0]
        held.pop().sock.close()
        wait_until(lambda: _served(pair), timeout=5, what="a place became free")
        for connection in held:
            connection.sock.close()


def _served(pair: Pair) -> bool:
    try:
        return pair.ask().status == 200
    except Exception:
        return False


def serve(rig: Rig, log: int) -> tuple[subprocess.Popen[bytes], int]:
    """The rig's configuration once more, with a log of our choosing."""
    port = free_ports(1)[0]
    process = subprocess.Popen(
        [
            *(sys.executable, "-m", "multistore", "serve", "--config", str(rig.gateway.config)),
            *("--listen", f"127.0.0.1:{port}"),
        ],
        stdin=subprocess.DEVNULL,
        stdout=log,
        stderr=log,
        env=clean_environment({"PYTHONPATH": str(Path(__file__).parents[2] / "src")}),
    )
    try:
        wait_until(lambda: listens(port), timeout=20, what="it listens")
    except AssertionError:
        process.kill()
        raise
    return process, port


def asks(pair: Pair, port: int, count: int) -> None:
    with Connection(port) as connection:
        for number in range(count):
            request = pair.request("GET", f"/{'k' * 100}-{number}")
            request.host = f"127.0.0.1:{port}"
            assert connection.request(request).status == 200
            request.credentials = None
            assert connection.request(request).status == 403


@pytest.mark.rule("F34")
def test_a_full_disk_stops_the_log_alone(rig: Rig) -> None:
    pair = rig.take()
    full = os.open("/dev/full", os.O_WRONLY)
    process, port = serve(rig, full)
    os.close(full)
    try:
        asks(pair, port, 20)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()


@pytest.mark.rule("F35")
def test_a_log_that_nobody_reads_stops_nothing(rig: Rig) -> None:
    pair = rig.take()
    read, write = os.pipe()
    fcntl.fcntl(write, fcntl.F_SETPIPE_SZ, 4096)
    process, port = serve(rig, write)
    os.close(write)
    try:
        asks(pair, port, 300)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()
        os.close(read)


@pytest.mark.rule("F34")
def test_a_log_whose_reader_left_stops_nothing(rig: Rig) -> None:
    pair = rig.take()
    read, write = os.pipe()
    process, port = serve(rig, write)
    os.close(write)
    os.close(read)
    try:
        asks(pair, port, 20)
        process.terminate()
        assert process.wait(10) == 0
    finally:
        process.kill()


@pytest.mark.rule("F16")
def test_a_name_that_does_not_exist(tmp_path: Path) -> None:
    # RFC 6761 6.4: "invalid" never resolves. The configuration check refuses it for a store
    # by design, so a name below a real but empty one stands in.
    with Rig(tmp_path / "rig", stock=1, backend_host="nobody.localhost.localdomain") as rig:
        pair = rig.take()
        with pair.connect(timeout=30) as connection:
            response = connection.request(pair.request())
            assert response.status in (502, 503, 504)
            assert b"localdomain" not in response.body
