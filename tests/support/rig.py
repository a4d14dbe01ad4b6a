"""A gateway in front of many scripted backends, one for each test that asks."""

from __future__ import annotations

import ssl
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from support.backend import LOOPBACK, ScriptedBackend
from support.configuration import (
    EVERYTHING,
    FULL,
    READ,
    READER,
    SCOPED,
    WRITER,
    bucket,
    credential,
    table,
)
from support.gateway import Gateway
from support.raw import Connection, Response
from support.sigv4 import Credentials, Request

__all__ = ["BACKEND_KEY", "BACKEND_SECRET", "Pair", "Rig", "Stand"]

#: What must never show up on the client's side (L10, S20).
BACKEND_KEY = "AKSCRIPTCANARY000001"
BACKEND_SECRET = "scriptSecretCanary0000000000000000000001"


@dataclass(slots=True)
class Pair:
    """A virtual bucket and the scripted backend behind it, both fresh."""

    gateway: Gateway
    bucket: str
    backend_bucket: str
    backend: ScriptedBackend

    def connect(self, **options: object) -> Connection:
        return self.gateway.connect(**options)

    def request(
        self,
        method: str = "GET",
        key: str = "/key",
        *headers: tuple[str, str],
        credentials: Credentials | None = FULL,
        **fields: object,
    ) -> Request:
        """A signed request for this bucket; ``key`` begins with its slash."""
        return Request(
            method,
            f"/{self.bucket}{key}",
            self.gateway.authority,
            list(headers),
            credentials=credentials,
            **fields,  # type: ignore[arg-type]
        )

    def ask(
        self, method: str = "GET", key: str = "/key", *headers: tuple[str, str], **fields: object
    ) -> Response:
        """One request on a connection of its own."""
        with self.connect() as connection:
            return connection.request(self.request(method, key, *headers, **fields))  # type: ignore[arg-type]


class Rig:
    """Buckets come from a stock made at start, so that no test meets the pooled connections of
    another, and no test pays for starting a process."""

    def __init__(
        self,
        folder: Path,
        *,
        stock: int = 96,
        timeouts: Mapping[str, object] | None = None,
        limits: Mapping[str, object] | None = None,
        options: Mapping[str, Any] | None = None,
        tls: ssl.SSLContext | None = None,
        backend_host: str = LOOPBACK,
        arguments: tuple[str, ...] = (),
        listen: str | None = None,
        anonymous: bool = False,
        entry: Mapping[str, object] | None = None,
    ) -> None:
        listen_on = LOOPBACK if backend_host == LOOPBACK else "127.0.0.1"
        self.backends = [ScriptedBackend(tls=tls, host=listen_on) for _ in range(stock)]
        text = table("timeouts", timeouts or {}) + table("limits", limits or {})
        scheme = "https" if tls else "http"
        names = []
        for number, backend in enumerate(self.backends):
            names.append((f"virtual-{number}", f"canary-bucket-{number}"))
            text += bucket(
                *(names[-1][0], f"{scheme}://{backend_host}:{backend.port}", names[-1][1]),
                anonymous=anonymous,
                prefix="canary-prefix/",
                entry=entry,
                key=BACKEND_KEY,
                secret=BACKEND_SECRET,
                **(options or {}),
            )
        text += credential(FULL, "full", [(name, (), EVERYTHING) for name, _ in names])
        scope = ("allowed/",)
        text += credential(SCOPED, "scoped", [(name, scope, EVERYTHING) for name, _ in names])
        text += credential(READER, "reader", [(name, (), READ) for name, _ in names])
        groups = ("read", "write", "list")
        text += credential(WRITER, "writer", [(name, (), groups) for name, _ in names])
        self.gateway = Gateway(folder, text, arguments=arguments, listen=listen)
        self.left = list(zip(names, self.backends, strict=True))

    def take(self) -> Pair:
        (name, backend_bucket), backend = self.left.pop()
        return Pair(self.gateway, name, backend_bucket, backend)

    def __enter__(self) -> Rig:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is None:
            self.stop()
        else:
            # What failed is known; whether the end is clean does not matter any more.
            self.gateway.process.kill()
            self._close_backends()

    def stop(self) -> None:
        try:
            self.gateway.stop()
        finally:
            self._close_backends()

    def _close_backends(self) -> None:
        for backend in self.backends:
            backend.close()


class Stand:
    """Rigs without end: the next one is made when the stock of the last is used up."""

    def __init__(self, make: Callable[[int], Rig]) -> None:
        self._make = make
        self._count = 0
        self._rig: Rig | None = None

    def take(self) -> Pair:
        if self._rig is None or not self._rig.left:
            self.stop()
            self._rig = self._make(self._count)
            self._count += 1
        return self._rig.take()

    def stop(self) -> None:
        # Forgotten first: what is wrong with one rig is told once.
        rig, self._rig = self._rig, None
        if rig is not None:
            rig.stop()
