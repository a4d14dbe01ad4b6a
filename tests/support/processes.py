"""Child processes with a log file: started, awaited and ended the same way everywhere."""

from __future__ import annotations

import atexit
import os
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

__all__ = ["Process", "StartError", "listens", "resident_kib", "wait_until"]


class StartError(RuntimeError):
    """A child ended, or did not become ready; the text holds the tail of its log."""


def wait_until(
    condition: Callable[[], object], *, timeout: float, what: str, step: float = 0.01
) -> None:
    """Polls until ``condition()`` is true. Raises: AssertionError after ``timeout`` seconds."""
    deadline = time.monotonic() + timeout
    while not condition():
        assert time.monotonic() < deadline, f"not within {timeout} s: {what}"
        time.sleep(step)


def listens(port: int, host: str = "127.0.0.1") -> bool:
    try:
        socket.create_connection((host, port), 1).close()
    except OSError:
        return False
    return True


def resident_kib(pid: int, field: str = "VmRSS") -> int:
    """Resident memory of a process in KiB; ``VmHWM`` is its peak."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith(field + ":"):
            return int(line.split()[1])
    raise LookupError(field)


class Process:
    """A child whose standard output and error go to ``log``."""

    def __init__(
        self, arguments: Sequence[str], log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.log = log
        self._file = log.open("wb")
        self.popen = subprocess.Popen(
            arguments,
            stdin=subprocess.DEVNULL,
            stdout=self._file,
            stderr=subprocess.STDOUT,
            env=None if env is None else dict(env),
        )
        self.pid = self.popen.pid
        # Whatever ends the test run: no child outlives it.
        atexit.register(self.kill)

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace")

    def wait_ready(self, ready: Callable[[], object], timeout: float) -> None:
        """Raises: StartError when the child ends first or takes longer than ``timeout``."""
        deadline = time.monotonic() + timeout
        while not ready():
            status = self.popen.poll()
            if status is not None:
                self.close()
                raise StartError(f"ended with {status}:\n{self.text[-4000:]}")
            if time.monotonic() > deadline:
                self.kill()
                raise StartError(f"not ready within {timeout} s:\n{self.text[-4000:]}")
            time.sleep(0.02)
        if self.popen.poll() is not None:
            self.close()
            raise StartError(f"ended with {self.popen.returncode}:\n{self.text[-4000:]}")

    def signal(self, number: int) -> None:
        os.kill(self.pid, number)

    def wait(self, timeout: float) -> int:
        """Exit status; raises AssertionError (and kills the child) when it takes longer."""
        try:
            return self.popen.wait(timeout)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"still running after {timeout} s:\n{self.text[-4000:]}") from None

    def terminate(self, timeout: float) -> int:
        if self.popen.poll() is None:
            self.signal(signal.SIGTERM)
        return self.wait(timeout)

    def kill(self) -> None:
        if self.popen.poll() is None:
            self.popen.kill()
        self.popen.wait()
        self.close()

    def close(self) -> None:
        atexit.unregister(self.kill)
        self._file.close()
