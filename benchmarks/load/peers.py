"""The processes of a comparison, and what they cost."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from workload import Key

HERE = Path(__file__).parent
BIN = HERE / "bin"
SOURCES = HERE.parents[1] / "src"

#: Seconds that a process may take to listen, and to end.
START = 15.0
STOP = 10.0


class PeerError(Exception):
    """A process could not be started, or the comparison makes no sense."""


def build() -> None:
    """Compiles the C tools if they are older than their sources."""
    subprocess.run(["make", "-s", "-C", HERE.parent, "all"], check=True)


def free_port() -> int:
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def placement(core: int, fifo: bool) -> Callable[[], None]:
    """What a child does before exec: takes its core, if there are two, and its scheduling class."""

    def place() -> None:
        if (os.cpu_count() or 1) > 1:
            os.sched_setaffinity(0, {core})
        if fifo:
            os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))

    return place


def render(template: str, values: Mapping[str, object]) -> str:
    text = (HERE / template).read_text()
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    return text


class Process:
    """A server on a port of 127.0.0.1, with its children."""

    def __init__(
        self,
        name: str,
        command: list[str | Path],
        port: int,
        folder: Path,
        place: Callable[[], None],
        env: Mapping[str, str] | None = None,
    ) -> None:
        self.name = name
        self.port = port
        self._log = folder / f"{name}.log"
        with self._log.open("wb") as log:
            self._child = subprocess.Popen(
                command, stdout=log, stderr=log, preexec_fn=place, env=env, cwd=folder
            )
        self._wait()

    def _wait(self) -> None:
        deadline = time.monotonic() + START
        while time.monotonic() < deadline and self._child.poll() is None:
            try:
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return
            except OSError:
                time.sleep(0.02)
        self.__exit__()
        raise PeerError(f"{self.name} does not listen:\n{self.log_tail()}")

    def log_tail(self) -> str:
        return self._log.read_text(errors="replace")[-2000:]

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._child.terminate()
        try:
            self._child.wait(STOP)
        except subprocess.TimeoutExpired:
            self._child.kill()
            self._child.wait()

    def pids(self) -> list[int]:
        """The process and its descendants."""
        parents: dict[int, int] = {}
        for entry in Path("/proc").glob("[0-9]*/stat"):
            try:
                # proc(5): "pid (comm) state ppid …"; comm may hold blanks and parentheses.
                fields = entry.read_text().rpartition(")")[2].split()
            except OSError:
                continue
            parents[int(entry.parent.name)] = int(fields[1])
        family = [self._child.pid]
        for pid in family:
            family += [child for child, parent in parents.items() if parent == pid]
        return family

    def cpu_ns(self) -> int:
        """CPU time of all of them. clock_getcpuclockid(3): a process's clock is ``~pid << 3 | 2``;
        its source is that of /proc/PID/stat, at a resolution of nanoseconds."""
        return sum(time.clock_gettime_ns((~pid << 3) | 2) for pid in self.pids())

    def rss(self) -> int:
        """Resident bytes now."""
        return self._memory("VmRSS")

    def peak_rss(self) -> int:
        """Most resident bytes since ``reset_peak``."""
        return self._memory("VmHWM")

    def reset_peak(self) -> None:
        # proc(5), /proc/PID/clear_refs: 5 resets the peak to the current value.
        for pid in self.pids():
            Path(f"/proc/{pid}/clear_refs").write_text("5")

    def _memory(self, name: str) -> int:
        total = 0
        for pid in self.pids():
            for line in Path(f"/proc/{pid}/status").read_text().splitlines():
                if line.startswith(name + ":"):
                    total += int(line.split()[1]) * 1024
        return total


def start_backend(folder: Path, store: Key, place: Callable[[], None]) -> Process:
    port = free_port()
    return Process("backend", [BIN / "backend", str(port), store.id], port, folder, place)


def find_nginx() -> str:
    found = shutil.which("nginx", path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")
    if found is None:
        raise PeerError("nginx is missing: apt-get install nginx-light")
    return found


def start_nginx(folder: Path, backend: int, slow: int, place: Callable[[], None]) -> Process:
    port = free_port()
    config = folder / "nginx.conf"
    config.write_text(render("nginx.conf", {"LISTEN": port, "BACKEND": backend, "SLOW": slow}))
    command: list[str | Path] = [find_nginx(), "-p", folder, "-e", folder / "error.log"]
    return Process("nginx", [*command, "-c", config, "-g", "daemon off;"], port, folder, place)


def start_gateway(
    folder: Path, backend: int, slow: int, store: Key, client: Key, place: Callable[[], None]
) -> Process:
    port = free_port()
    config = folder / "gateway.toml"
    config.touch(mode=0o600)
    values = {"BACKEND": backend, "SLOW": slow, "STORE_KEY": store.id, "STORE_SECRET": store.secret}
    values |= {"CLIENT_KEY": client.id, "CLIENT_SECRET": client.secret}
    config.write_text(render("gateway.toml", values))
    command: list[str | Path] = [sys.executable, "-m", "multistore", "serve", "--config", config]
    return Process(
        "multistore",
        [*command, "--listen", f"127.0.0.1:{port}"],
        port,
        folder,
        place,
        gateway_environment(),
    )


def gateway_environment() -> dict[str, str]:
    """Ours, without switches that would change what is measured."""
    env = {k: v for k, v in os.environ.items() if not k.startswith(("MULTISTORE_", "AWS_"))}
    spec = importlib.util.find_spec("multistore")
    if spec is not None and spec.origin and Path(spec.origin).is_relative_to(SOURCES):
        env["PYTHONPATH"] = str(SOURCES)
    return env
