"""Resident memory while bodies pass faster than one side takes them."""

from __future__ import annotations

import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

from workload import Key, request_head

if TYPE_CHECKING:
    from peers import Process

#: Bytes per second of the slow side, and its socket buffers: what the fast side sends
#: beyond that has to wait in the proxy or, as it should, in the fast side's own socket.
RATE = 64 * 1024**2
SOCKET_BUFFER = 256 * 1024
PIECE = 64 * 1024
#: Bytes that pass each way before the first look, so that what is allocated once is not growth.
WARM = 4 * 1024**2


class TransferError(Exception):
    """A body did not pass whole."""


class Pace:
    """Holds a loop to ``RATE``."""

    def __init__(self) -> None:
        self._begin = time.monotonic()
        self._bytes = 0

    def wait(self, n: int) -> None:
        self._bytes += n
        ahead = self._begin + self._bytes / RATE - time.monotonic()
        if ahead > 0:
            time.sleep(ahead)


def read_head(sock: socket.socket) -> tuple[str, int, int]:
    """Start line, Content-Length, and how much of the body came along."""
    data = b""
    while b"\r\n\r\n" not in data:
        piece = sock.recv(PIECE)
        if not piece:
            raise TransferError(f"connection closed after {data[:200]!r}")
        data += piece
    head, _, body = data.partition(b"\r\n\r\n")
    start, *lines = head.decode("latin-1").split("\r\n")
    fields = dict(line.lower().split(":", 1) for line in lines)
    return start, int(fields.get("content-length", "0")), len(body)


def expect_ok(sock: socket.socket) -> tuple[int, int]:
    start, length, came = read_head(sock)
    if start.split()[1] != "200":
        raise TransferError(start)
    return length, came


def read_slowly(sock: socket.socket, left: int) -> None:
    pace = Pace()
    buffer = bytearray(PIECE)
    while left:
        n = sock.recv_into(buffer, min(left, PIECE))
        if n == 0:
            raise TransferError(f"{left} bytes are missing")
        left -= n
        pace.wait(n)


def connect(port: int) -> socket.socket:
    sock = socket.socket()
    sock.settimeout(60)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, SOCKET_BUFFER)
    sock.connect(("127.0.0.1", port))
    return sock


def download(port: int, key: Key, size: int) -> None:
    """A client that reads slowly."""
    with connect(port) as sock:
        sock.sendall(request_head("GET", f"/bench/memory/{size}", f"127.0.0.1:{port}", key))
        length, came = expect_ok(sock)
        if length != size:
            raise TransferError(f"{length} bytes announced instead of {size}")
        read_slowly(sock, size - came)


def upload(port: int, key: Key, size: int, *, bucket: str, paced: bool) -> None:
    """A client that writes slowly, or one that writes as fast as it may."""
    pace = Pace()
    piece = bytes(PIECE)
    with connect(port) as sock:
        target = f"/{bucket}/memory/object"
        sock.sendall(request_head("PUT", target, f"127.0.0.1:{port}", key, size))
        for _ in range(size // PIECE):
            sock.sendall(piece)
            if paced:
                pace.wait(PIECE)
        expect_ok(sock)


class SlowStore:
    """A backend that takes uploads at ``RATE``."""

    def __init__(self) -> None:
        self._listener = socket.socket()
        self._listener.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, SOCKET_BUFFER)
        self._listener.bind(("127.0.0.1", 0))
        self._listener.listen()
        self.port: int = self._listener.getsockname()[1]
        self.stored = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        while True:
            try:
                sock, _ = self._listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(sock,), daemon=True).start()

    def _serve(self, sock: socket.socket) -> None:
        with sock:
            try:
                _, length, came = read_head(sock)
                read_slowly(sock, length - came)
            except (TransferError, OSError):
                return
            self.stored += length
            sock.sendall(
                b'HTTP/1.1 200 OK\r\nETag: "9b2cf535f27731c974343645a3985328"\r\n'
                b"Connection: close\r\nContent-Length: 0\r\n\r\n"
            )

    def close(self) -> None:
        self._listener.close()


def growth(peer: Process, key: Key, store: SlowStore, size: int) -> int:
    """Bytes by which ``peer`` grew, at most, while ``size`` bytes passed on each of three
    connections at once: slow reader, slow writer, slow store."""
    download(peer.port, key, WARM)
    upload(peer.port, key, WARM, bucket="bench", paced=False)
    peer.reset_peak()
    before, stored = peer.peak_rss(), store.stored
    with ThreadPoolExecutor() as pool:
        transfers = [
            pool.submit(download, peer.port, key, size),
            pool.submit(upload, peer.port, key, size, bucket="bench", paced=True),
            pool.submit(upload, peer.port, key, size, bucket="slow", paced=False),
        ]
        for transfer in transfers:
            try:
                transfer.result()
            except (TransferError, OSError) as error:
                raise TransferError(f"{peer.name}: {error}\n{peer.log_tail()}") from error
    if store.stored - stored != size:
        raise TransferError(f"the slow store got {store.stored - stored} bytes of {size}")
    return peer.peak_rss() - before
