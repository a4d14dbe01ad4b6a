"""aws-chunked bodies made with the standard library alone, good and bad, for both kernels."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterable
from typing import Any

__all__ = ["DATE", "SCOPE", "SECRET", "SEED", "Chain", "frame", "signing"]

DATE = "20130524T000000Z"
SCOPE = "20130524/us-east-1/s3/aws4_request"
SECRET = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"
SEED = "4f232c4386841ef735655705268965c44a0e4690baa4adea153f7db9fa80a0a9"


def signing(kernel: Any, seed: str = SEED) -> dict[str, Any]:
    """The arguments of a decoder or encoder of signed chunks."""
    return {
        "key": kernel.SigningKey(SECRET, DATE[:8], "us-east-1", "s3"),
        "amz_date": DATE.encode(),
        "scope": SCOPE.encode(),
        "seed": seed.encode(),
    }


def _hmac(key: bytes, text: str) -> bytes:
    return hmac.digest(key, text.encode(), "sha256")


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Chain:
    """Signatures of chunks and trailers, each over the one before."""

    def __init__(
        self, seed: str = SEED, *, secret: str = SECRET, date: str = DATE, scope: str = SCOPE
    ) -> None:
        key = b"AWS4" + secret.encode()
        for part in scope.split("/"):
            key = _hmac(key, part)
        self._key = key
        self._date = date
        self._scope = scope
        self._last = seed

    def chunk(self, data: bytes) -> bytes:
        return self._sign("AWS4-HMAC-SHA256-PAYLOAD", _sha256(b""), _sha256(data))

    def trailer(self, lines: bytes) -> bytes:
        return self._sign("AWS4-HMAC-SHA256-TRAILER", _sha256(lines))

    def _sign(self, algorithm: str, *hashes: str) -> bytes:
        self._last = _hmac(
            self._key, "\n".join([algorithm, self._date, self._scope, self._last, *hashes])
        ).hex()
        return self._last.encode()


def frame(
    chunks: Iterable[bytes],
    trailers: Iterable[tuple[bytes, bytes]] | None = None,
    chain: Chain | None = None,
    *,
    size: str = "%x",
    line_end: bytes = b"\r\n",
) -> bytes:
    """A whole body. ``line_end`` b"\\n" is what minio-go makes of trailers: LF, then an empty line
    that is not the end."""
    body = b""
    for data in (*chunks, b""):
        body += (size % len(data)).encode()
        if chain is not None:
            body += b";chunk-signature=" + chain.chunk(data)
        body += b"\r\n" + data + (b"\r\n" if data else b"")
    if trailers is not None:
        lines = [b"%b:%b" % field for field in trailers]
        body += b"".join(line + line_end for line in lines)
        if line_end == b"\n":
            body += b"\r\n"
        if chain is not None:
            signature = chain.trailer(b"".join(line + b"\n" for line in lines))
            body += b"x-amz-trailer-signature:" + signature + b"\r\n"
    return body + b"\r\n"
