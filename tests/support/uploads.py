"""Uploads in every payload mode, good and bad, as bytes: a head, and a body that belongs to it."""

from __future__ import annotations

import base64
import hashlib
import zlib
from collections.abc import Callable, Iterable, Sequence

from awscrt import checksums  # type: ignore[import-untyped]

from support.backend import BackendRequest
from support.chunked import Chain, frame
from support.sigv4 import Credentials, Request, amz_date

__all__ = [
    "CHECKSUMS",
    "MODES",
    "SIGNED",
    "SIGNED_TRAILER",
    "UNSIGNED_TRAILER",
    "checksum",
    "chunks_of",
    "encode_http",
    "read_chunked",
    "streaming",
]

SIGNED = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER"
UNSIGNED_TRAILER = "STREAMING-UNSIGNED-PAYLOAD-TRAILER"
MODES = (SIGNED, SIGNED_TRAILER, UNSIGNED_TRAILER)

CHECKSUMS: dict[str, Callable[[bytes], bytes]] = {
    "crc32": lambda data: zlib.crc32(data).to_bytes(4, "big"),
    "crc32c": lambda data: checksums.crc32c(data).to_bytes(4, "big"),
    "crc64nvme": lambda data: checksums.crc64nvme(data).to_bytes(8, "big"),
    "sha1": lambda data: hashlib.sha1(data).digest(),
    "sha256": lambda data: hashlib.sha256(data).digest(),
}


def checksum(data: bytes, algorithm: str = "crc32") -> str:
    return base64.b64encode(CHECKSUMS[algorithm](data)).decode()


def chunks_of(data: bytes, size: int) -> list[bytes]:
    return [data[at : at + size] for at in range(0, len(data), size)]


def encode_http(body: bytes, sizes: Iterable[int] = ()) -> bytes:
    """``body`` in Transfer-Encoding: chunked: pieces of ``sizes``, then the rest."""
    out, at = b"", 0
    for size in (*sizes, len(body)):
        piece = body[at : at + size]
        at += size
        if piece:
            out += b"%x\r\n%b\r\n" % (len(piece), piece)
    return out + b"0\r\n\r\n"


def streaming(
    request: Request,
    data: bytes,
    mode: str,
    *,
    chunk: int = 65_536,
    decoded: int | None = None,
    trailer: tuple[str, str] | None = None,
    announced: str | None = None,
    te: Sequence[int] | None = None,
    spoil: Callable[[bytes], bytes] = bytes,
    size: str = "%x",
    line_end: bytes = b"\r\n",
) -> tuple[bytes, bytes]:
    """Head and body of ``request``, which is signed anew, with ``data`` in ``mode``.

    A mode with trailers has ``trailer``, else the CRC32; ``announced`` is what ``x-amz-trailer``
    says instead of its name. ``te``: sizes of HTTP chunks, if the body is to come in such.
    ``spoil`` changes the frames, after they were signed and before they are counted.
    """
    credentials = request.credentials
    assert credentials is not None
    trailers: list[tuple[bytes, bytes]] | None = None
    length = len(data) if decoded is None else decoded
    headers = [*request.headers, ("x-amz-decoded-content-length", str(length))]
    if mode != SIGNED:
        name, value = trailer or ("x-amz-checksum-crc32", checksum(data))
        trailers = [(name.encode(), value.encode())]
        headers.append(("x-amz-trailer", announced or name))
    if te is not None:
        headers.append(("Transfer-Encoding", "chunked"))
    date = amz_date()
    signed = Request(
        request.method,
        request.target,
        request.host,
        headers,
        credentials=credentials,
        payload=mode,
        date=date,
        length=None,
    )
    chain = None
    if mode != UNSIGNED_TRAILER:
        seed = dict(signed.fields())["Authorization"].rpartition("Signature=")[2]
        chain = Chain(
            seed,
            secret=credentials.secret_access_key,
            date=date,
            scope=f"{date[:8]}/{credentials.region}/s3/aws4_request",
        )
    body = spoil(frame(chunks_of(data, chunk), trailers, chain, size=size, line_end=line_end))
    if te is not None:
        body = encode_http(body, te)
    else:
        signed.length = len(body)
    return signed.head, body


def read_chunked(
    request: BackendRequest, credentials: Credentials
) -> tuple[list[bytes], dict[str, str]]:
    """Chunks and trailers of what a backend got in aws-chunked, every signature in it checked."""
    mode = request.get("x-amz-content-sha256")
    date = request.get("x-amz-date") or ""
    authorization = request.get("authorization") or ""
    chain = Chain(
        authorization.rpartition("Signature=")[2],
        secret=credentials.secret_access_key,
        date=date,
        scope=f"{date[:8]}/{credentials.region}/s3/aws4_request",
    )
    rest = bytes(request.body)
    chunks: list[bytes] = []
    while True:
        line, _, rest = rest.partition(b"\r\n")
        size, _, signature = line.partition(b";chunk-signature=")
        data, rest = rest[: int(size, 16)], rest[int(size, 16) :]
        if mode != UNSIGNED_TRAILER:
            assert chain.chunk(data) == signature
        if not data:
            break
        assert rest[:2] == b"\r\n"
        rest = rest[2:]
        chunks.append(data)
    assert rest.endswith(b"\r\n")
    fields = dict(line.split(b":", 1) for line in rest[:-2].split(b"\r\n") if line)
    signature = fields.pop(b"x-amz-trailer-signature", b"")
    if mode == SIGNED_TRAILER:
        lines = b"".join(b"%b:%b\n" % field for field in fields.items())
        assert chain.trailer(lines) == signature
    assert len(b"".join(chunks)) == int(request.get("x-amz-decoded-content-length") or -1)
    names = (request.get("x-amz-trailer") or "").split(",")
    assert [name.decode() for name in fields] == [name for name in names if name]
    return chunks, {name.decode(): value.decode() for name, value in fields.items()}
