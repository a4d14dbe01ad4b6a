"""Percent-coding as AWS's UriEncode defines it (RFC 3986 2.1, 2.3)."""

from __future__ import annotations

import re

from multistore.errors import S3Error

__all__ = ["percent_decode", "percent_encode"]

# RFC 3986 2.3, unreserved: everything else is encoded.
_RESERVED = re.compile(rb"[^A-Za-z0-9\-._~]")
_RESERVED_BUT_SLASH = re.compile(rb"[^A-Za-z0-9\-._~/]")
_ESCAPE = re.compile(rb"%([0-9A-Fa-f]{2})?")


def _encode_byte(match: re.Match[bytes]) -> bytes:
    return b"%%%02X" % match[0][0]


def _decode_byte(match: re.Match[bytes]) -> bytes:
    if match[1] is None:
        raise S3Error("InvalidURI", "The URI holds a malformed percent-escape.")
    return bytes.fromhex(match[1].decode("ascii"))


def percent_encode(data: bytes, slash: bool = False) -> bytes:
    return (_RESERVED_BUT_SLASH if slash else _RESERVED).sub(_encode_byte, data)


def percent_decode(data: bytes, plus: bool = False) -> bytes:
    if plus:
        data = data.replace(b"+", b" ")
    return _ESCAPE.sub(_decode_byte, data)
