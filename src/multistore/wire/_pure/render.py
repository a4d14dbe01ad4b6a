"""Writing heads: the one place where bytes for the wire are put together (law 4)."""

from __future__ import annotations

import re
from collections.abc import Iterable

from multistore.errors import S3Error
from multistore.wire._pure.head import HeaderSet, RequestHead, ResponseHead
from multistore.wire._pure.sigv4 import Signer

__all__ = ["write_request_head", "write_response_head"]

Field = tuple[bytes, bytes]

_LINE_BREAKERS = re.compile(rb"[\r\n\x00]")
_BLANK_OR_CONTROL = re.compile(rb"[\x00-\x20\x7F]")

#: Fields of the client's head that speak to us, not to the backend.
_NEVER_FORWARDED = HeaderSet(
    (
        b"host",
        b"content-length",
        b"connection",
        b"transfer-encoding",
        b"authorization",
        b"expect",
        b"x-amz-date",
        b"x-amz-content-sha256",
        b"x-amz-security-token",
    )
)
#: Fields of the backend's head that frame its message, not ours.
_NEVER_RELAYED = HeaderSet((b"content-length", b"transfer-encoding", b"connection", b"keep-alive"))
#: SEM-13
_SIGNED = HeaderSet((b"host", b"content-md5", b"content-type"), (b"x-amz-", b"if-"))

#: RFC 9110 15 (429: RFC 6585 4).
_REASONS = {
    100: b"Continue",
    200: b"OK",
    201: b"Created",
    202: b"Accepted",
    203: b"Non-Authoritative Information",
    204: b"No Content",
    205: b"Reset Content",
    206: b"Partial Content",
    301: b"Moved Permanently",
    302: b"Found",
    303: b"See Other",
    304: b"Not Modified",
    307: b"Temporary Redirect",
    308: b"Permanent Redirect",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    409: b"Conflict",
    411: b"Length Required",
    412: b"Precondition Failed",
    413: b"Content Too Large",
    414: b"URI Too Long",
    416: b"Range Not Satisfiable",
    417: b"Expectation Failed",
    429: b"Too Many Requests",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
    505: b"HTTP Version Not Supported",
}


def _merge(
    head: RequestHead | ResponseHead | None,
    keep: HeaderSet | None,
    never: HeaderSet,
    add: Iterable[Field],
) -> list[Field]:
    """What ``keep`` lets through of ``head``, then ``add``, which replaces by name."""
    added = [(name.lower(), value) for name, value in add]
    replaced = {name for name, _ in added}
    kept: list[Field] = []
    if head is not None and keep is not None:
        kept = [
            (name, value)
            for name, value in head.items()
            if name in keep and name not in never and name not in replaced
        ]
    return kept + added


def _write(start_line: bytes, fields: Iterable[Field]) -> bytes:
    lines = [start_line]
    for name, value in fields:
        if _LINE_BREAKERS.search(name) or _LINE_BREAKERS.search(value):
            raise S3Error("InternalError", "A header would have broken its line.")
        lines.append(name + b": " + value)
    return b"\r\n".join((*lines, b"", b""))


def write_request_head(
    method: str,
    target: bytes,
    host: bytes,
    head: RequestHead | None,
    keep: HeaderSet,
    add: Iterable[Field],
    content_length: int,
    payload: bytes,
    signer: Signer | None,
    amz_date: bytes,
) -> bytes:
    if _BLANK_OR_CONTROL.search(target):
        raise S3Error("InternalError", "The request target would have broken its line.")
    fields = [(b"host", host)]
    fields += sorted(_merge(head, keep, _NEVER_FORWARDED, add), key=lambda field: field[0])
    if content_length >= 0:
        fields.append((b"content-length", b"%d" % content_length))
    if signer is not None:
        fields.append((b"x-amz-date", amz_date))
        fields.append((b"x-amz-content-sha256", payload))
        if signer.session_token is not None:
            fields.append((b"x-amz-security-token", signer.session_token.encode()))
        path, _, query = target.partition(b"?")
        signed = [field for field in fields if field[0] in _SIGNED]
        authorization = signer.authorization(method, path, query, signed, payload, amz_date)
        fields.append((b"authorization", authorization))
    return _write(b"%s %s HTTP/1.1" % (method.encode("ascii"), target), fields)


def write_response_head(
    status: int,
    head: ResponseHead | None,
    keep: HeaderSet | None,
    add: Iterable[Field],
) -> bytes:
    start_line = b"HTTP/1.1 %d %s" % (status, _REASONS.get(status, b""))
    return _write(start_line, _merge(head, keep, _NEVER_RELAYED, add))
