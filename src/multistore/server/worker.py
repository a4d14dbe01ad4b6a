"""One worker: event loop, listeners, signals, drain."""

from __future__ import annotations

import asyncio
import logging
import signal
import socket
import ssl
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import uvloop

from multistore.limits import Limits, Timeouts
from multistore.server.dial import Dialer
from multistore.server.jobs import Jobs
from multistore.server.pool import Pools
from multistore.server.protocol import Connection
from multistore.server.service import Service
from multistore.server.stream_fd import Listener, Poller
from multistore.server.stream_uv import UvStream
from multistore.server.timers import Wheel

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.gateway.engine import Engine

__all__ = ["Server", "ServerSettings"]

log = logging.getLogger("multistore.server")

BACKLOG = 4096


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """What a server needs beyond decisions. Port 0 takes a free one."""

    listen: tuple[tuple[str, int], ...] = (("127.0.0.1", 8080),)
    tls_cert: str | None = None
    tls_key: str | None = None
    limits: Limits = field(default_factory=Limits)
    timeouts: Timeouts = field(default_factory=Timeouts)


class Server:
    """Serves an engine's decisions until it is told to stop."""

    def __init__(self, engine: Engine, settings: ServerSettings) -> None:
        self._engine = engine
        self._settings = settings
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._now: asyncio.Event | None = None
        self._service: Service | None = None
        #: Where it listens, once it does: (host, port) pairs.
        self.addresses: list[tuple[str, int]] = []

    def run(self, on_ready: Callable[[Server], None] | None = None) -> int:
        """Serves until SIGTERM, SIGINT, SIGHUP or :meth:`stop`; a second signal does not wait for
        requests that are still running. ``on_ready`` is called when it listens. Returns the
        exit status.

        Raises: OSError when it cannot listen, ssl.SSLError when a certificate is unusable.
        """
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            return runner.run(self._serve(on_ready))

    def stop(self) -> None:
        """Begins to stop, as SIGTERM does; may be called from any thread."""
        loop = self._loop
        if loop is not None and not loop.is_closed():
            loop.call_soon_threadsafe(self._on_signal)

    def counters(self) -> dict[str, int]:
        """The access counters by name."""
        return {} if self._service is None else self._service.counters.snapshot()

    async def _serve(self, on_ready: Callable[[Server], None] | None) -> int:
        loop = self._loop = asyncio.get_running_loop()
        self._stopping, self._now = asyncio.Event(), asyncio.Event()
        limits, timeouts = self._settings.limits, self._settings.timeouts
        wheel, poller = Wheel(loop), Poller(loop)
        pools = Pools(Dialer(loop, poller, timeouts), wheel, limits, timeouts)
        service = self._service = Service(self._engine, pools, wheel, limits, timeouts)
        service.jobs = Jobs(service, timeouts)
        listeners = await self._listen(loop, service, poller)
        try:
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
                # A lost terminal that is to be ignored stays so: nohup(1).
                if number != signal.SIGHUP or signal.getsignal(number) is not signal.SIG_IGN:
                    loop.add_signal_handler(number, self._on_signal)
            if on_ready is not None:
                on_ready(self)
            await self._stopping.wait()
        finally:
            for listener in listeners:
                listener.close()
        await self._drain(service)
        pools.close()
        await asyncio.sleep(0)  # streams that ended tell their owners
        wheel.stop()
        poller.close()
        log.info("stopped: %s", self.counters())
        return 0

    def _on_signal(self) -> None:
        assert self._stopping is not None and self._now is not None
        if self._stopping.is_set():
            self._now.set()
        self._stopping.set()

    def _tls_context(self) -> ssl.SSLContext | None:
        if self._settings.tls_cert is None:
            return None
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        context.load_cert_chain(self._settings.tls_cert, self._settings.tls_key)
        context.set_alpn_protocols(["http/1.1"])
        return context

    async def _listen(
        self, loop: asyncio.AbstractEventLoop, service: Service, poller: Poller
    ) -> list[Listener | asyncio.Server]:
        listeners: list[Listener | asyncio.Server] = []
        context = self._tls_context()
        for host, port in self._settings.listen:
            for family, address in await _addresses(loop, host, port):
                sock = _listening(family, address)
                self.addresses.append(sock.getsockname()[:2])
                if context is None:
                    listeners.append(Listener(poller, sock, lambda: Connection(service, False)))
                    continue
                listeners.append(
                    await loop.create_server(
                        lambda: UvStream(Connection(service, True), loop),
                        sock=sock,
                        ssl=context,
                        ssl_handshake_timeout=self._settings.timeouts.handshake,
                    )
                )
        return listeners

    async def _drain(self, service: Service) -> None:
        """Idle connections end at once, busy ones after their answer, all at the deadline, and so
        do jobs whose client has left."""
        assert self._now is not None
        service.draining = True
        deadline = asyncio.get_running_loop().time() + self._settings.timeouts.drain
        for client in service.clients():
            client.drain()
        while (service.clients() or len(service.jobs)) and not self._now.is_set():
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                running = max(len(service.clients()), len(service.jobs))
                log.warning("requests that did not end in time: %d", running)
                break
            try:
                await asyncio.wait_for(self._now.wait(), min(left, 0.05))
            except TimeoutError:
                continue
        for client in service.clients():
            client.kill()
        await service.jobs.stop()
        await asyncio.sleep(0)


async def _addresses(
    loop: asyncio.AbstractEventLoop, host: str, port: int
) -> list[tuple[int, tuple[str, int]]]:
    """Every address that a host to listen on stands for; all of them for an empty one."""
    found = await loop.getaddrinfo(
        host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )
    return list(
        dict.fromkeys((family, (str(address[0]), port)) for family, _, _, _, address in found)
    )


def _listening(family: int, address: tuple[str, int]) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setblocking(False)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            # The IPv4 addresses of an empty host have a socket of their own.
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
    except BaseException:
        sock.close()
        raise
    return sock
