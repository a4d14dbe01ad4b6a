"""A backend that does what a test's script says, down to the byte and the reset.

Each accepted connection runs the script in a thread of its own. A script that fails for another
reason than the peer's leaving is reported when the backend is closed.
"""

from __future__ import annotations

import hashlib
import selectors
import socket
import ssl
import struct
import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

__all__ = [
    "LOOPBACK",
    "BackendConnection",
    "BackendRequest",
    "Gone",
    "Script",
    "ScriptedBackend",
    "answer",
    "ok",
]


#: Where backends listen: tests count connections, and some machines have watchers that greet
#: whatever starts to listen on 127.0.0.1.
LOOPBACK = "127.0.0.7"


class Gone(Exception):
    """The gateway ended the connection: ``how`` is fin or reset."""

    def __init__(self, how: str) -> None:
        super().__init__(how)
        self.how = how


@dataclass(slots=True)
class BackendRequest:
    method: str
    target: str
    fields: list[tuple[str, str]]
    raw: bytes
    body: bytearray = field(default_factory=bytearray)

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key == name), None)

    @property
    def length(self) -> int:
        return int(self.get("content-length") or 0)

    @property
    def whole(self) -> bool:
        """Every promised body byte arrived."""
        return len(self.body) == self.length


def answer(
    body: bytes = b"", *fields: tuple[str, str], status: str = "200 OK", length: int | None = -1
) -> bytes:
    """A response; ``length`` replaces the true Content-Length, None leaves it out."""
    lines = [f"HTTP/1.1 {status}"]
    if length is not None:
        lines.append(f"Content-Length: {len(body) if length == -1 else length}")
    lines += [f"{name}: {value}" for name, value in fields]
    return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + body


class BackendConnection:
    """The backend's end of one connection."""

    def __init__(self, sock: socket.socket, backend: ScriptedBackend, number: int) -> None:
        self.sock = sock
        self.number = number
        self.opened = time.monotonic()
        self.requests: list[BackendRequest] = []
        self.ended: str | None = None
        self._backend = backend
        self._buffer = bytearray()

    def _fill(self, limit: int = 262_144) -> None:
        try:
            data = self.sock.recv(limit)
        except (ConnectionResetError, ssl.SSLError):
            self.ended = "reset"
        except OSError:
            self.ended = self.ended or "closed"
        else:
            if data:
                self._buffer += data
                return
            self.ended = "fin"
        raise Gone(self.ended)

    def read_head(self) -> BackendRequest:
        """Raises: Gone when the connection ends first."""
        while b"\r\n\r\n" not in self._buffer:
            self._fill()
        end = self._buffer.index(b"\r\n\r\n") + 4
        raw = bytes(self._buffer[:end])
        del self._buffer[:end]
        lines = raw[:-4].decode("latin-1").split("\r\n")
        method, target, version = lines[0].split(" ")
        assert version == "HTTP/1.1", lines[0]
        fields = []
        for line in lines[1:]:
            name, _, value = line.partition(":")
            fields.append((name.lower(), value.strip()))
        request = BackendRequest(method, target, fields, raw)
        self.requests.append(request)
        self._backend.requests.append(request)
        return request

    def read_body(self, count: int | None = None, *, keep: bool = True) -> bytes:
        """``count`` bytes of the current request's body, or all that is missing."""
        request = self.requests[-1]
        left = request.length - len(request.body) if count is None else count
        taken = bytearray()
        while left:
            if not self._buffer:
                self._fill(min(left, 262_144))
            piece = self._buffer[:left]
            del self._buffer[: len(piece)]
            left -= len(piece)
            request.body += piece
            if keep:
                taken += piece
        return bytes(taken)

    def discard_body(self) -> None:
        """Reads over the rest of the current body, which must be the connection's last."""
        left = self.requests[-1].length - len(self.requests[-1].body)
        while left:
            if not self._buffer:
                self._fill(min(left, 1 << 20))
            left -= len(self._buffer)
            self._buffer.clear()

    def read_request(self) -> BackendRequest:
        request = self.read_head()
        self.read_body(keep=False)
        return request

    def send(self, data: bytes) -> None:
        try:
            self.sock.sendall(data)
        except (BrokenPipeError, ConnectionResetError, ssl.SSLError):
            self.ended = self.ended or "reset"
            raise Gone("reset") from None
        except OSError:
            self.ended = self.ended or "closed"
            raise Gone("closed") from None

    def wait_end(self) -> str:
        """Blocks until the gateway ends the connection; what it still sends is kept as body."""
        try:
            while True:
                if self._buffer and self.requests:
                    self.requests[-1].body += self._buffer
                self._buffer.clear()
                self._fill()
        except Gone as gone:
            return gone.how

    def pause(self, seconds: float) -> None:
        """Sleeps, but not beyond the end of the test."""
        if self._backend.closing.wait(seconds):
            raise Gone("closed")

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    def close(self) -> None:
        """An orderly end (TLS: with close_notify)."""
        if isinstance(self.sock, ssl.SSLSocket):
            try:
                self.sock = self.sock.unwrap()
            except (OSError, ValueError):
                pass
        self.sock.close()


Script = Callable[[BackendConnection], None]


def ok(body: bytes = b"", *fields: tuple[str, str], status: str = "200 OK") -> Script:
    """Answers every request of the connection the same way; HEAD without the body."""
    whole = answer(
        body, ("ETag", '"' + hashlib.md5(body).hexdigest() + '"'), *fields, status=status
    )
    head = whole[: whole.index(b"\r\n\r\n") + 4]

    def script(connection: BackendConnection) -> None:
        while True:
            request = connection.read_request()
            connection.send(head if request.method == "HEAD" else whole)

    return script


class _Doorman:
    """One thread that waits at the doors of all backends of the process."""

    def __init__(self) -> None:
        self._selector = selectors.DefaultSelector()
        self._thread: threading.Thread | None = None

    def watch(self, listener: socket.socket, accept: Callable[[], None]) -> None:
        self._selector.register(listener, selectors.EVENT_READ, accept)
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, daemon=True)
            self._thread.start()

    def forget(self, listener: socket.socket) -> None:
        if listener.fileno() >= 0:
            self._selector.unregister(listener)

    def _run(self) -> None:
        while True:
            for key, _ in self._selector.select():
                key.data()


_doorman = _Doorman()


class ScriptedBackend:
    """Listens from the start; connections before :meth:`serve` get the default script."""

    def __init__(self, *, tls: ssl.SSLContext | None = None, host: str = LOOPBACK) -> None:
        self.requests: list[BackendRequest] = []
        self.connections: list[BackendConnection] = []
        self.closing = threading.Event()
        self.failures: list[BaseException] = []
        self._scripts: Sequence[Script] = (ok(b"hello"),)
        self.tls = tls
        self._listener = socket.create_server((host, 0), backlog=128)
        self._listener.setblocking(False)
        self.port: int = self._listener.getsockname()[1]
        self._threads: list[threading.Thread] = []
        _doorman.watch(self._listener, self.accept)

    def serve(self, *scripts: Script) -> None:
        """Script of the first connection, of the second, …; the last one goes on."""
        self._scripts = scripts

    def accept(self) -> None:
        """Takes one waiting connection."""
        try:
            sock, _ = self._listener.accept()
        except OSError:
            return
        sock.setblocking(True)
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection = BackendConnection(sock, self, len(self.connections))
        self.connections.append(connection)
        script = self._scripts[min(connection.number, len(self._scripts) - 1)]
        thread = threading.Thread(target=self._run, args=(connection, script), daemon=True)
        thread.start()  # first: close() may join whatever it finds in the list
        self._threads.append(thread)

    def _run(self, connection: BackendConnection, script: Script) -> None:
        try:
            if self.tls is not None:
                connection.sock = self.tls.wrap_socket(
                    connection.sock, server_side=True, suppress_ragged_eofs=False
                )
            script(connection)
        except Gone:
            pass
        except (ssl.SSLError, ConnectionError):
            connection.ended = connection.ended or "reset"
        except BaseException as failure:
            if not self.closing.is_set():
                self.failures.append(failure)
        finally:
            connection.close()

    def close(self) -> None:
        """Ends everything. Raises: the first failure of a script."""
        self.closing.set()
        _doorman.forget(self._listener)
        self._listener.close()
        for connection in self.connections:
            try:
                connection.sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        for thread in self._threads:
            thread.join(5)
        if self.failures:
            raise self.failures[0]
