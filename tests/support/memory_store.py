"""An exact S3 store in memory, for what real stores bend: keys stay bytes, whatever they hold.

Standard library only, threads over raw sockets on 127.0.0.1. Keys are percent-decoded once and
never normalised (``//``, ``a/../b``, control characters); lists know both versions, delimiters of
any length, ``encoding-type=url``, markers, and tokens that show the raw key, so that a leak is
seen. Every request is kept with its head as it arrived. With credentials, signatures are checked
independently of the product; payload hashes, Content-MD5 and checksums always are.

Source: "Amazon S3 API reference"; conditions and ranges: RFC 9110 13.2.2 and 14.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import re
import socket
import threading
import time
from collections.abc import Callable, Mapping
from email.utils import formatdate, parsedate_to_datetime
from types import TracebackType
from urllib.parse import unquote_to_bytes

from support.memory_listing import page
from support.memory_model import Recorded, Refusal, Stored, xml_text
from support.memory_signature import check_signature

__all__ = ["LEAKS", "MemoryStore", "Recorded", "Stored"]

#: Texts that the store puts into its answers and that no client of a gateway may ever see.
LEAKS = (
    b"backend-owner",
    b"backend-request-id",
    b"backend-host-id",
    b"MemoryStore",
    b"kms-key-arn",
)

_ENTITY = (
    "cache-control",
    "content-disposition",
    "content-encoding",
    "content-language",
    "content-type",
    "expires",
)
_NOT_STORED = {"x-amz-content-sha256", "x-amz-date", "x-amz-security-token"}
_CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "x-amz-checksum-crc32": lambda body: binascii.crc32(body).to_bytes(4, "big"),
    "x-amz-checksum-sha1": lambda body: hashlib.sha1(body).digest(),
    "x-amz-checksum-sha256": lambda body: hashlib.sha256(body).digest(),
    "content-md5": lambda body: hashlib.md5(body).digest(),
}


class MemoryStore:
    """``buckets`` maps names to objects by key. ``credentials`` maps access keys to secrets; empty,
    nothing is asked of a signature. ``flags_last`` and ``always_next_marker``: see
    ``memory_listing.page``."""

    def __init__(
        self, *names: str, credentials: Mapping[str, str] | None = None, region: str = "us-east-1"
    ) -> None:
        self.buckets: dict[str, dict[bytes, Stored]] = {name: {} for name in names}
        self.credentials = dict(credentials or {})
        self.region = region
        self.flags_last = False
        self.always_next_marker = False
        self.requests: list[Recorded] = []
        self._lock = threading.Lock()
        self._open: set[socket.socket] = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    @property
    def endpoint(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def put(self, bucket: str, key: bytes, body: bytes = b"", **fields: str) -> Stored:
        """Stores an object from within; ``content_type="text/plain"`` becomes a field."""
        kept = [(name.replace("_", "-"), value.encode()) for name, value in fields.items()]
        etag = f'"{hashlib.md5(body).hexdigest()}"'
        stored = Stored(body, etag, time.time(), kept)
        self.buckets[bucket][key] = stored
        return stored

    def close(self) -> None:
        self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    def __enter__(self) -> MemoryStore:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    # --- sockets

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            with self._lock:
                self._open.add(connection)
                self._threads = [t for t in self._threads if t.is_alive()] + [thread]
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            data = b""
            while True:
                while b"\r\n\r\n" not in data:
                    more = connection.recv(65536)
                    if not more:
                        return
                    data += more
                raw, _, data = data.partition(b"\r\n\r\n")
                request = self._read_head(raw + b"\r\n\r\n")
                length = int(request.get("content-length") or 0)
                if request.get("expect"):
                    connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
                while len(data) < length:
                    more = connection.recv(1 << 18)
                    if not more:
                        return  # promised bytes never came: nothing is stored
                    data += more
                request.body, data = data[:length], data[length:]
                with self._lock:
                    self.requests.append(request)
                    answer = self.answer(request)
                connection.sendall(answer)
        except OSError:
            pass
        finally:
            with self._lock:
                self._open.discard(connection)
            connection.close()

    @staticmethod
    def _read_head(raw: bytes) -> Recorded:
        start, *lines = raw[:-4].split(b"\r\n")
        method, target, _ = start.decode("ascii").split(" ")
        fields = []
        for line in lines:
            name, _, value = line.partition(b":")
            fields.append((name.decode("ascii").lower(), value.strip(b" \t")))
        return Recorded(method, target, fields, raw)

    # --- requests

    def answer(self, request: Recorded) -> bytes:
        """The whole response to a request."""
        try:
            if self.credentials:
                check_signature(request, self.credentials, self.region)
            self._check_payload(request)
            status, fields, body = self._operate(request)
        except Refusal as refusal:
            status, fields, body = self._refuse(request, refusal)
        fields = [
            *fields,
            ("server", b"MemoryStore"),
            ("x-amz-request-id", b"backend-request-id"),
            ("x-amz-id-2", b"backend-host-id"),
            ("seaweed-x-amz-leak", b"backend-host-id"),
        ]
        if status not in (204, 304) and not any(name == "content-length" for name, _ in fields):
            fields.append(("content-length", b"%d" % len(body)))
        head = b"HTTP/1.1 %d Status\r\n" % status
        head += b"".join(b"%b: %b\r\n" % (name.encode(), value) for name, value in fields)
        return head + b"\r\n" + (b"" if request.method == "HEAD" or status in (204, 304) else body)

    @staticmethod
    def _refuse(request: Recorded, refusal: Refusal) -> tuple[int, list[tuple[str, bytes]], bytes]:
        fields = [(name, text.encode()) for name, text in refusal.fields if name.islower()]
        elements = [(name, text) for name, text in refusal.fields if not name.islower()]
        if refusal.status == 304:
            return 304, fields, b""
        body = b'<?xml version="1.0" encoding="UTF-8"?>\n<Error><Code>%b</Code>' % (
            refusal.code.encode()
        )
        for name, text in elements:
            body += b"<%b>%b</%b>" % (name.encode(), xml_text(text.encode()), name.encode())
        body += b"<Resource>%b</Resource>" % xml_text(unquote_to_bytes(request.path))
        body += b"<HostId>backend-host-id</HostId></Error>"
        return refusal.status, [*fields, ("content-type", b"application/xml")], body

    def _operate(self, request: Recorded) -> tuple[int, list[tuple[str, bytes]], bytes]:
        bucket, slash, key_text = request.path[1:].partition("/")
        key = unquote_to_bytes(key_text)
        objects = self.buckets.get(bucket)
        if objects is None:
            raise Refusal(404, "NoSuchBucket", ("BucketName", bucket))
        if not slash or not key:
            if request.method == "GET":
                return 200, [("content-type", b"application/xml")], self._list(request, bucket)
            if request.method == "HEAD":
                return 200, [("x-amz-bucket-region", self.region.encode())], b""
            raise Refusal(501, "NotImplemented")
        if request.method in ("GET", "HEAD"):
            return self._read(request, objects.get(key))
        if request.method == "PUT":
            return self._put(request, objects, key)
        if request.method == "DELETE":
            self._check_write_conditions(request, objects.get(key))
            objects.pop(key, None)
            return 204, [], b""
        raise Refusal(501, "NotImplemented")

    def _put(
        self, request: Recorded, objects: dict[bytes, Stored], key: bytes
    ) -> tuple[int, list[tuple[str, bytes]], bytes]:
        if request.get("content-length") is None:
            raise Refusal(411, "MissingContentLength")
        self._check_write_conditions(request, objects.get(key))
        etag = f'"{hashlib.md5(request.body).hexdigest()}"'
        kept = [
            (name, value)
            for name, value in request.fields
            if name in _ENTITY or (name.startswith("x-amz-") and name not in _NOT_STORED)
        ]
        objects[key] = Stored(request.body, etag, time.time(), kept)
        shown = [(n, v) for n, v in kept if n.startswith("x-amz-server-side-encryption")]
        return 200, [("etag", etag.encode()), *shown], b""

    def _read(
        self, request: Recorded, stored: Stored | None
    ) -> tuple[int, list[tuple[str, bytes]], bytes]:
        if stored is None:
            raise Refusal(404, "NoSuchKey", ("Key", unquote_to_bytes(request.path).decode()))
        date = formatdate(stored.modified, usegmt=True)
        self._check_read_conditions(request, stored, date)
        overrides = {
            name.removeprefix("response-"): value
            for name, value in request.params.items()
            if name.startswith("response-")
        }
        checksums = request.get("x-amz-checksum-mode") == b"ENABLED"
        fields = [
            (name, value)
            for name, value in stored.fields
            if name not in overrides and (checksums or not name.startswith("x-amz-checksum-"))
        ]
        fields += overrides.items()
        fields += [("etag", stored.etag.encode()), ("last-modified", date.encode())]
        fields.append(("accept-ranges", b"bytes"))
        first, last = self._range(request, len(stored.body))
        if first is None:
            fields.append(("content-length", b"%d" % len(stored.body)))
            return 200, fields, stored.body
        part = stored.body[first : last + 1]
        fields.append(("content-range", b"bytes %d-%d/%d" % (first, last, len(stored.body))))
        fields.append(("content-length", b"%d" % len(part)))
        return 206, fields, part

    @staticmethod
    def _range(request: Recorded, size: int) -> tuple[int | None, int]:
        value = request.get("range")
        if value is None:
            return None, 0
        match = re.fullmatch(rb"(?i:bytes)=(\d*)-(\d*)", value)
        if match is None or value.endswith(b"=-"):
            raise Refusal(400, "InvalidArgument")  # stricter than S3: a gateway must not send it
        first, last = match.groups()
        begin = int(first) if first else max(size - int(last), 0)
        end = min(int(last), size - 1) if first and last else size - 1
        if begin > end or (not first and not int(last)):
            refused = ("content-range", f"bytes */{size}"), ("ActualObjectSize", str(size))
            raise Refusal(416, "InvalidRange", *refused)
        return begin, end

    @staticmethod
    def _tag_matches(value: bytes | None, stored: Stored | None) -> bool:
        if stored is None or value is None:
            return False
        tags = [tag.strip() for tag in value.split(b",")]
        return b"*" in tags or stored.etag.encode() in tags

    def _check_write_conditions(self, request: Recorded, stored: Stored | None) -> None:
        match, none_match = request.get("if-match"), request.get("if-none-match")
        if match is not None and stored is None and match != b"*":
            raise Refusal(404, "NoSuchKey")
        if match is not None and not self._tag_matches(match, stored):
            raise Refusal(412, "PreconditionFailed", ("Condition", "If-Match"))
        if none_match is not None and self._tag_matches(none_match, stored):
            raise Refusal(412, "PreconditionFailed", ("Condition", "If-None-Match"))

    def _check_read_conditions(self, request: Recorded, stored: Stored, date: str) -> None:
        modified = parsedate_to_datetime(date)

        def since(name: str) -> bool | None:
            value = request.get(name)
            return None if value is None else parsedate_to_datetime(value.decode()) < modified

        match, none_match = request.get("if-match"), request.get("if-none-match")
        if match is not None:
            if not self._tag_matches(match, stored):
                raise Refusal(412, "PreconditionFailed", ("Condition", "If-Match"))
        elif since("if-unmodified-since"):
            raise Refusal(412, "PreconditionFailed", ("Condition", "If-Unmodified-Since"))
        if none_match is not None:
            fresh = self._tag_matches(none_match, stored)
        else:
            fresh = since("if-modified-since") is False
        if fresh:
            raise Refusal(304, "", ("etag", stored.etag), ("last-modified", date))

    def _list(self, request: Recorded, bucket: str) -> bytes:
        return page(
            bucket,
            self.buckets[bucket],
            request.params,
            flags_last=self.flags_last,
            always_next_marker=self.always_next_marker,
        )

    # --- what a signature promises

    def _check_payload(self, request: Recorded) -> None:
        declared = request.get("x-amz-content-sha256")
        actual = hashlib.sha256(request.body).hexdigest().encode()
        if declared not in (None, b"UNSIGNED-PAYLOAD", actual):
            raise Refusal(400, "XAmzContentSHA256Mismatch")
        if request.method == "PUT":
            for name, digest in _CHECKSUMS.items():
                value = request.get(name)
                if value is not None and base64.b64encode(digest(request.body)) != value:
                    raise Refusal(400, "BadDigest")
