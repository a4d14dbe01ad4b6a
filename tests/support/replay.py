"""Captured requests made valid again: of today, signed anew, with whole bodies.

What the capture kept of a body is kept; what it cut off becomes zeros. Whatever the head promises
of the body (hashes, checksums, chunk signatures, trailers) is computed again.
"""

from __future__ import annotations

import base64
import hashlib
import re
from collections.abc import Callable, Mapping
from typing import Any

from awscrt import checksums  # type: ignore[import-untyped]

from captured import Captured
from support.chunked import Chain, frame
from support.sigv4 import Credentials, amz_date, presigned_target, sign_again

__all__ = ["Replay"]

_SIZE = re.compile(rb"([0-9A-Fa-f]+)(?:;[^\r\n]*)?\r\n")
#: Of HTTP's chunks, where the capture does not say.
_CHUNK = 131_072


def _crc(function: Callable[[bytes], int], size: int) -> Callable[[bytes], bytes]:
    return lambda data: function(data).to_bytes(size, "big")


_DIGESTS: Mapping[str, Callable[[bytes], bytes]] = {
    "content-md5": lambda data: hashlib.md5(data).digest(),
    "x-amz-checksum-crc32": _crc(checksums.crc32, 4),
    "x-amz-checksum-crc32c": _crc(checksums.crc32c, 4),
    "x-amz-checksum-crc64nvme": _crc(checksums.crc64nvme, 8),
    "x-amz-checksum-sha1": lambda data: hashlib.sha1(data).digest(),
    "x-amz-checksum-sha256": lambda data: hashlib.sha256(data).digest(),
}


def _unframed(body: bytes) -> tuple[int, bytes]:
    """Size of the first chunk, and the data of chunks of HTTP or aws-chunked, perhaps cut."""
    first, data, at = -1, b"", 0
    while match := _SIZE.match(body, at):
        size = int(match[1], 16)
        first = size if first < 0 else first
        if not size:
            break
        data += body[match.end() : match.end() + size]
        at = match.end() + size + 2
    return first, data


class Replay:
    """One request. ``names`` are what the recorded names of uploads, ETags and checksums are now;
    those that this request gives its body are added. ``data`` is the body without frames."""

    def __init__(self, request: Captured, credentials: Credentials, names: dict[str, str]):
        self._facts: dict[str, Any] = request.facts
        self._names = names
        method, target, _ = request.start
        self.method = method.decode()
        self._credentials = credentials
        self._date = amz_date()
        self.fields = [
            (name.decode(), self._renamed(value.strip().decode("latin-1")))
            for name, value in request.fields
        ]
        self.target = self._presigned(self._renamed(target.decode("latin-1")))
        self._wire = self._body(request.body)

    def _renamed(self, text: str) -> str:
        for old, new in self._names.items():
            text = text.replace(old, new)
        return text

    @property
    def _lower(self) -> list[tuple[str, str]]:
        return [(name.lower(), value) for name, value in self.fields]

    def get(self, name: str) -> str | None:
        return next((value for key, value in self._lower if key == name), None)

    def _set(self, name: str, value: str) -> None:
        self.fields = [(key, value if key.lower() == name else old) for key, old in self.fields]

    def _presigned(self, target: str) -> str:
        path, _, query = target.partition("?")
        pairs = [pair for pair in query.split("&") if not pair.startswith("X-Amz-")]
        if len(pairs) == len(query.split("&")):
            return target
        parts = dict(pair.partition("=")[::2] for pair in query.split("&"))
        signed = parts["X-Amz-SignedHeaders"].lower().split("%3b")
        return presigned_target(
            self.method,
            f"{path}?{'&'.join(pairs)}" if pairs else path,
            self.get("host") or "",
            self._credentials,
            expires=parts["X-Amz-Expires"],
            date=self._date,
            headers=[(name, self.get(name) or "") for name in signed if name != "host"],
        )

    def _body(self, kept: bytes) -> bytes:
        """The body as it goes out; the head's promises about it are brought up to date."""
        payload = self.get("x-amz-content-sha256") or ""
        streaming = payload.startswith("STREAMING-")
        if self._facts["te"]:
            _, kept = _unframed(kept)
        chunk = 0
        if streaming:
            chunk, kept = _unframed(kept)
        length = self._facts["decoded_length"] if streaming else self._facts["content_length"]
        data = kept
        if self._facts["body_truncated"]:
            data = (kept + bytes(max(int(length or 0) - len(kept), 0)))[: int(length or 0)]
        else:
            data = self._renamed(data.decode("latin-1")).encode("latin-1")
        self.data = data
        completes = self.method == "POST" and "uploadId=" in self.target
        for name, digest in _DIGESTS.items():
            if completes and name != "content-md5":
                continue  # describes the object, not the document
            if old := self.get(name):
                self._names[old] = base64.b64encode(digest(data)).decode()
                self._set(name, self._names[old])
        if re.fullmatch("[0-9A-Fa-f]{64}", payload):
            self._set("x-amz-content-sha256", hashlib.sha256(data).hexdigest())
        # Signatures are as long as what stands for them here, and some clients sign the length.
        size = len(self._framed(data, chunk, None)) if streaming else len(data)
        self._set("content-length", str(size))
        self._sign(data)
        body = self._framed(data, chunk, self._chain()) if streaming else data
        return self._http_chunks(body) if self._facts["te"] else body

    def _framed(self, data: bytes, chunk: int, chain: Chain | None) -> bytes:
        chunk = chunk or len(data) or 1
        pieces = [data[at : at + chunk] for at in range(0, len(data), chunk)]
        signed = "AWS4" in self._facts["payload"]
        trailers = None
        if name := self._facts["trailer"]:
            value = base64.b64encode(_DIGESTS[name](data))
            trailers = [(name.encode(), value)]
            if old := re.search(f"{name}:([^\\s]+)", self._facts["aws_chunk_tail"] or ""):
                self._names[old[1]] = value.decode()
        # The spelling of minio-go, which signs its trailers, and of the others.
        line_end = b"\n" if signed and trailers else b"\r\n"
        if signed and chain is None:
            chain = Chain("0" * 64)
        return frame(pieces, trailers, chain, line_end=line_end)

    def _chain(self) -> Chain | None:
        if "AWS4" not in self._facts["payload"]:
            return None
        value = self.get("authorization") or ""
        scope = re.search(r"Credential=[^/]+/([^,\s]+)", value)
        seed = re.search(r"Signature=([0-9a-f]+)", value)
        assert scope and seed
        return Chain(
            seed[1],
            secret=self._credentials.secret_access_key,
            date=self._date,
            scope=scope[1],
        )

    def _sign(self, data: bytes) -> None:
        if not (self.get("authorization") or "").startswith("AWS4-"):
            return
        self._set("x-amz-date", self._date)
        payload = hashlib.sha256(data).hexdigest()
        made = sign_again(self.method, self.target, self._lower, self._credentials, payload)
        self._set("authorization", made)

    def _http_chunks(self, body: bytes) -> bytes:
        out, at = b"", 0
        sizes = [size for size in self._facts["http_chunks"] or () if size]
        while at < len(body):
            piece = body[at : at + (sizes.pop(0) if sizes else _CHUNK)]
            out += b"%x\r\n%b\r\n" % (len(piece), piece)
            at += len(piece)
        return out + b"0\r\n\r\n"

    def __bytes__(self) -> bytes:
        lines = [f"{self.method} {self.target} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in self.fields]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("latin-1") + self._wire
