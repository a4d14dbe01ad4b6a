"""Connecting to backends: names, addresses, TLS. The cold path: one task per connection."""

from __future__ import annotations

import asyncio
import socket
import ssl
from typing import TYPE_CHECKING, Any

from multistore.server.stream_fd import open_stream
from multistore.server.stream_uv import UvStream

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.limits import Timeouts
    from multistore.server.stream import Owner
    from multistore.server.stream_fd import Poller
    from multistore.types import Origin

__all__ = ["Dialer"]

#: Family, and the address in that family's form.
Address = tuple[int, Any]

#: Seconds that an answer of the resolver is used.
RESOLVE_TTL = 10.0
#: Seconds that it serves while the resolver is down. After that the address may be somebody
#: else's.
STALE_MAX = 300.0
#: Names after which those that are of no use any more are forgotten.
RESOLVED_MAX = 1024
#: Head start of one address over the next (RFC 8305 section 5: 250 ms).
STAGGER = 0.25


class Dialer:
    """Opens connections for the pools of one worker."""

    def __init__(self, loop: asyncio.AbstractEventLoop, poller: Poller, timeouts: Timeouts) -> None:
        self._loop = loop
        self._poller = poller
        self._timeouts = timeouts
        #: By host and port: when to ask again, when not to be used any more, and the addresses.
        self._resolved: dict[tuple[str, int], tuple[float, float, list[Address]]] = {}
        self._contexts: dict[tuple[bool, str | None], ssl.SSLContext] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def dial(
        self, origin: Origin, owner: Owner, done: Callable[[asyncio.Task[None]], None]
    ) -> None:
        """Connects and gives the stream to ``owner``, then calls ``done`` with the finished
        task: its exception says why there is no connection."""
        task = self._loop.create_task(self._connect(origin, owner))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        task.add_done_callback(done)

    async def _connect(self, origin: Origin, owner: Owner) -> None:
        limit = self._timeouts.connect
        async with asyncio.timeout(limit):
            addresses = await self._resolve(origin.host, origin.port)
            sock = await self._first_to_connect(addresses)
        try:
            if not origin.tls:
                open_stream(owner, self._poller, sock)
                return
            await self._loop.create_connection(
                lambda: UvStream(owner, self._loop),
                sock=sock,
                ssl=self._context(origin),
                server_hostname=origin.host,
                ssl_handshake_timeout=limit,
            )
        except BaseException:
            sock.close()
            raise

    async def _resolve(self, host: str, port: int) -> list[Address]:
        now = self._loop.time()
        expires, useless, known = self._resolved.get((host, port), (0.0, 0.0, []))
        if now < expires:
            # Another one first each time: a name with several addresses is a cluster.
            known.append(known.pop(0))
            return list(known)
        try:
            found = await self._loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
        except OSError:
            if now >= useless:
                raise
            addresses = known
        else:
            addresses = [(family, address) for family, _, _, _, address in found]
            useless = now + STALE_MAX
        if len(self._resolved) >= RESOLVED_MAX:
            self._resolved = {k: v for k, v in self._resolved.items() if now < v[1]}
        self._resolved[host, port] = (min(now + RESOLVE_TTL, useless), useless, addresses)
        return list(addresses)

    async def _first_to_connect(self, addresses: list[Address]) -> socket.socket:
        """The first socket that connects, each address starting after the one before failed or
        had its head start (RFC 8305)."""
        attempts: set[asyncio.Task[socket.socket]] = set()
        waiting = list(addresses)
        error: BaseException = OSError("no address")
        try:
            while waiting or attempts:
                if waiting:
                    family, address = waiting.pop(0)
                    attempts.add(self._loop.create_task(self._connect_to(family, address)))
                done, attempts = await asyncio.wait(
                    attempts,
                    timeout=STAGGER if waiting else None,
                    return_when=asyncio.FIRST_COMPLETED,
                )
                for attempt in done:
                    failure = attempt.exception()
                    if failure is None:
                        return attempt.result()
                    error = failure
            raise error
        finally:
            for attempt in attempts:
                attempt.add_done_callback(_close_late)
                attempt.cancel()

    async def _connect_to(self, family: int, address: Any) -> socket.socket:
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            sock.setblocking(False)
            await self._loop.sock_connect(sock, address)
        except BaseException:
            sock.close()
            raise
        return sock

    def _context(self, origin: Origin) -> ssl.SSLContext:
        key = (origin.verify, origin.ca_file)
        context = self._contexts.get(key)
        if context is None:
            context = ssl.create_default_context(cafile=origin.ca_file)
            if not origin.verify:
                context.check_hostname = False
                context.verify_mode = ssl.CERT_NONE
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            self._contexts[key] = context
        return context


def _close_late(attempt: asyncio.Task[socket.socket]) -> None:
    if not attempt.cancelled() and attempt.exception() is None:
        attempt.result().close()
