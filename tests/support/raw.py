"""A socket client that sends exactly the bytes it is given and reads answers strictly."""

from __future__ import annotations

import re
import select
import socket
import ssl
import struct
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterable
from dataclasses import dataclass
from typing import SupportsBytes

from support.sigv4 import Request

__all__ = ["Connection", "Response", "Truncated"]

_STATUS = re.compile(rb"HTTP/1\.1 ([1-5][0-9][0-9]) ([\t -~]*)\Z")
_FIELD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+): ?([\t -~\x80-\xff]*)\Z")
_CHUNK = re.compile(rb"([0-9A-Fa-f]{1,16})\r\n")


@dataclass(slots=True)
class Response:
    status: int
    reason: str
    fields: list[tuple[str, str]]
    body: bytes = b""
    framing: str = "none"  # none, length, chunked or close

    def get(self, name: str) -> str | None:
        return next((value for key, value in self.fields if key == name), None)

    def get_all(self, name: str) -> list[str]:
        return [value for key, value in self.fields if key == name]

    @property
    def closes(self) -> bool:
        return "close" in (self.get("connection") or "").lower()

    @property
    def code(self) -> str:
        """Code of an S3 error document; the document's shape is checked on the way."""
        assert self.body.startswith(b"<?xml"), self.body[:200]
        assert (self.get("content-type") or "").startswith("application/xml")
        root = ElementTree.fromstring(self.body)
        assert root.tag == "Error", root.tag
        parts = {child.tag: child.text or "" for child in root}
        assert parts.get("Message"), self.body
        assert parts.get("RequestId") == self.get("x-amz-request-id"), self.body
        return parts["Code"]


class Truncated(Exception):
    """The connection ended inside a response: ``how`` is fin, reset or alert."""

    def __init__(self, how: str, response: Response | None, got: bytes) -> None:
        super().__init__(how, response and response.status, len(got))
        self.how = how
        self.response = response
        self.got = got


class Connection:
    """One connection to the gateway. Every wait ends after ``timeout`` seconds."""

    def __init__(
        self,
        port: int,
        *,
        host: str = "127.0.0.1",
        timeout: float = 15.0,
        tls: ssl.SSLContext | None = None,
        server_hostname: str = "localhost",
        receive_buffer: int | None = None,
    ) -> None:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        plain = socket.socket(family, socket.SOCK_STREAM)
        if receive_buffer is not None:
            # Before connect: the window is agreed on then.
            plain.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
        plain.settimeout(timeout)
        try:
            plain.connect((host, port))
        except OSError:
            plain.close()
            raise
        plain.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.sock = plain
        if tls is not None:
            # An end without close_notify must not look like one with it.
            self.sock = tls.wrap_socket(
                plain, server_hostname=server_hostname, suppress_ragged_eofs=False
            )
        self._buffer = bytearray()
        self.ended: str | None = None

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    # --- sending ------------------------------------------------------------------------------

    def send(self, data: bytes | SupportsBytes) -> None:
        self.sock.sendall(bytes(data))

    def send_pieces(self, pieces: Iterable[bytes], pause: float = 0.0) -> None:
        """Each piece in a segment of its own (TCP_NODELAY)."""
        for piece in pieces:
            self.sock.sendall(piece)
            if pause:
                time.sleep(pause)

    def send_bytewise(self, data: bytes, pause: float = 0.0) -> None:
        self.send_pieces((data[i : i + 1] for i in range(len(data))), pause)

    def half_close(self) -> None:
        self.sock.shutdown(socket.SHUT_WR)

    def reset(self) -> None:
        self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.sock.close()

    # --- receiving ----------------------------------------------------------------------------

    def _fill(self) -> bool:
        """Reads once; False at the end of the connection, whose kind is kept."""
        if self.ended is not None:
            return False
        try:
            data = self.sock.recv(262_144)
        except ConnectionResetError:
            self.ended = "reset"
        except ssl.SSLZeroReturnError:
            self.ended = "fin"
        except ssl.SSLError:
            # No close_notify before the end: the TLS form of a reset.
            self.ended = "reset"
        else:
            if data:
                self._buffer += data
                return True
            self.ended = "fin"
        return False

    def _take(self, count: int) -> bytes:
        data = bytes(self._buffer[:count])
        del self._buffer[:count]
        return data

    def _read_head(self) -> Response:
        while b"\r\n\r\n" not in self._buffer:
            if not self._fill():
                raise Truncated(self.ended or "", None, bytes(self._buffer))
        end = self._buffer.index(b"\r\n\r\n")
        lines = self._take(end + 4)[:-4].split(b"\r\n")
        status = _STATUS.match(lines[0])
        assert status, lines[0]
        fields = []
        for line in lines[1:]:
            match = _FIELD.match(line)
            assert match, line
            fields.append((match[1].decode().lower(), match[2].decode("latin-1").strip()))
        return Response(int(status[1]), status[2].decode(), fields)

    def _body_part(self, response: Response, body: bytearray, count: int) -> None:
        while count:
            if not self._buffer and not self._fill():
                raise Truncated(self.ended or "", response, bytes(body))
            piece = self._take(min(count, len(self._buffer)))
            body += piece
            count -= len(piece)

    def _read_chunked(self, response: Response, body: bytearray) -> None:
        while True:
            while not (match := _CHUNK.match(self._buffer)):
                assert len(self._buffer) < 18, bytes(self._buffer[:40])
                if not self._fill():
                    raise Truncated(self.ended or "", response, bytes(body))
            # Before the buffer changes: the match looks into it.
            size, used = int(match[1], 16), match.end()
            self._take(used)
            self._body_part(response, body, size)
            end = bytearray()
            self._body_part(response, end, 2)
            assert end == b"\r\n", bytes(end)
            if size == 0:
                return

    def read_interim(self) -> bytes:
        """One 1xx head, raw."""
        while b"\r\n\r\n" not in self._buffer:
            assert self._fill(), (self.ended, bytes(self._buffer))
        head = self._take(self._buffer.index(b"\r\n\r\n") + 4)
        assert head.startswith(b"HTTP/1.1 1"), head
        return head

    def read(self, method: str = "GET") -> Response:
        """One whole final response. Raises: Truncated. Every answer carries a request id."""
        response = self._read_head()
        assert response.status >= 200, response
        assert response.get("x-amz-request-id"), response
        lengths = response.get_all("content-length")
        codings = response.get_all("transfer-encoding")
        assert len(lengths) + len(codings) <= 1, response.fields
        body = bytearray()
        if method == "HEAD" or response.status in (204, 304):
            assert not codings or method == "HEAD", response.fields
        elif codings:
            assert codings == ["chunked"], codings
            response.framing = "chunked"
            self._read_chunked(response, body)
        elif lengths:
            assert lengths[0].isascii() and lengths[0].isdigit(), lengths
            response.framing = "length"
            self._body_part(response, body, int(lengths[0]))
        else:
            assert response.closes, response.fields
            response.framing = "close"
            while self._buffer or self._fill():
                body += self._take(len(self._buffer))
            if self.ended != "fin":
                raise Truncated(self.ended or "", response, bytes(body))
        response.body = bytes(body)
        return response

    def request(self, request: Request) -> Response:
        """Sends a request and reads its answer."""
        self.send(request)
        return self.read(request.method)

    def end(self) -> str:
        """How the connection ended: fin or reset. Any byte before that is a failure."""
        while self._fill():
            pass
        assert not self._buffer, bytes(self._buffer[:200])
        assert self.ended is not None
        return self.ended

    def peek(self, count: int) -> bytes:
        """The next bytes, left in place."""
        while len(self._buffer) < count:
            assert self._fill(), (self.ended, bytes(self._buffer))
        return bytes(self._buffer[:count])

    def silent(self, seconds: float) -> bool:
        """Whether nothing at all arrives for a while, not even an end."""
        if self._buffer or self.ended is not None:
            return False
        # TLS may hold decrypted bytes that the socket no longer shows.
        if isinstance(self.sock, ssl.SSLSocket) and self.sock.pending():
            return False
        readable, _, _ = select.select([self.sock], [], [], seconds)
        return not readable

    def read_all(self) -> bytes:
        """Everything up to the end of the connection, unparsed."""
        while self._fill():
            pass
        return self._take(len(self._buffer))
