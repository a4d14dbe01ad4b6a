"""What stands on the bench, and one load on one proxy, with every answer checked."""

from __future__ import annotations

import http.client
import json
import subprocess
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import memory
import peers
from workload import Key, write_requests

if TYPE_CHECKING:
    from contextlib import ExitStack
    from pathlib import Path

#: Cores: the proxy has one to itself, load and backend share the other.
PROXY_CORE, LOAD_CORE = 0, 1

#: Units of cost: CPU time of the proxy by what it carried (1 GB = 10^9 bytes).
PER_REQUEST, PER_GB = "µs/request", "s/GB"


class Wrong(Exception):
    """An answer or a count is not what it must be: the figures would mean nothing."""


@dataclass(frozen=True, slots=True)
class Case:
    """One load. ``must`` and ``aim`` are upper bounds of the ratio to nginx."""

    name: str
    method: str
    size: str
    connections: int
    must: float | None = None
    aim: float | None = None

    @property
    def length(self) -> int:
        return int(self.size[:-1]) << {"k": 10, "m": 20}[self.size[-1]]

    @property
    def unit(self) -> str:
        return PER_REQUEST if self.length < 1 << 20 else PER_GB


@dataclass(frozen=True, slots=True)
class Sample:
    """One run of the load against one proxy."""

    cost: float  # in the unit of the case
    busy: float  # share of its core that the proxy used
    load_busy: float  # the same for load and backend together
    rate: float  # answers per second
    p50_us: float
    p99_us: float


class Bench:
    """The processes that run all the time, and what is measured on them."""

    def __init__(self, stack: ExitStack, folder: Path, fifo: bool) -> None:
        self.folder = folder
        self.client = Key.random("BENCH")
        self.store_key = Key.random("STORE")
        self._place_load = peers.placement(LOAD_CORE, fifo)
        place = peers.placement(PROXY_CORE, fifo)
        self.slow = memory.SlowStore()
        stack.callback(self.slow.close)
        self.backend = stack.enter_context(
            peers.start_backend(folder, self.store_key, self._place_load)
        )
        ports = (self.backend.port, self.slow.port)
        self.gateway = stack.enter_context(
            peers.start_gateway(folder, *ports, self.store_key, self.client, place)
        )
        self.nginx = stack.enter_context(peers.start_nginx(folder, *ports, place))

    def load(
        self, case: Case, server: peers.Process, seconds: float, *, prepared: bool = False
    ) -> dict[str, Any]:
        """Runs the load on ``server``; checks every answer and every byte on both ends.
        ``prepared``: the files ``requests`` and ``framed`` are there already."""
        requests = self.folder / "requests"
        host = f"127.0.0.1:{server.port}"
        body = ["-f", str(self.folder / "framed")]
        if not prepared:
            write_requests(requests, case.method, case.size, host, self.client, case.length)
            body = ["-b", str(case.length if case.method == "PUT" else 0)]
        before = self._stats()
        command: list[str | Path] = [peers.BIN / "loadgen", *body, "127.0.0.1"]
        command += [str(server.port), str(case.connections), str(seconds), requests]
        done = subprocess.run(command, capture_output=True, text=True, preexec_fn=self._place_load)
        if done.returncode != 0:
            raise Wrong(f"{case.name}, {server.name}: {done.stderr}\n{server.log_tail()}")
        result: dict[str, Any] = json.loads(done.stdout)
        after = self._stats()
        passed = {name: after[name] - before[name] for name in after}
        framed = (self.folder / "framed").stat().st_size if prepared else case.length
        self._check(case, server, result, passed, framed)
        return result

    def _check(
        self,
        case: Case,
        server: peers.Process,
        result: dict[str, Any],
        passed: dict[str, int],
        framed: int,
    ) -> None:
        """``framed`` are the bytes of a body as sent. The load lets the last answers arrive, so the
        counts of both ends are equal."""
        n = result["responses"]
        down, up = (n * case.length, 0) if case.method == "GET" else (0, n * case.length)
        client = {"errors": 0, "status": {"200": n}, "body_in": down, "body_out": up and n * framed}
        # With the backend's own credential: the gateway signed each request again.
        signed = n if server is self.gateway else 0
        store = {"requests": n, "body_in": up, "body_out": down, "signed": signed}
        if n == 0 or client != {name: result[name] for name in client} or store != passed:
            raise Wrong(
                f"{case.name}, {server.name}\nclient must count {client}, counted {result}\n"
                f"backend must count {store}, counted {passed}\n{server.log_tail()}"
            )

    def _stats(self) -> dict[str, int]:
        connection = http.client.HTTPConnection("127.0.0.1", self.backend.port, timeout=5)
        connection.request("GET", "/-/stats")
        stats: dict[str, int] = json.load(connection.getresponse())
        connection.close()
        return stats

    def sample(
        self, case: Case, proxy: peers.Process, seconds: float, *, prepared: bool = False
    ) -> Sample:
        cpu, load_cpu = proxy.cpu_ns(), self.backend.cpu_ns()
        result = self.load(case, proxy, seconds, prepared=prepared)
        cpu = proxy.cpu_ns() - cpu
        load_cpu = self.backend.cpu_ns() - load_cpu + int(result["cpu_seconds"] * 1e9)
        elapsed = result["seconds"] * 1e9
        responses = result["responses"]
        per_request = case.unit == PER_REQUEST
        return Sample(
            cost=cpu / 1e3 / responses if per_request else cpu / (responses * case.length),
            busy=cpu / elapsed,
            load_busy=load_cpu / elapsed,
            rate=responses / result["seconds"],
            p50_us=result["p50_us"],
            p99_us=result["p99_us"],
        )
