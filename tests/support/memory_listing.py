"""Listings of the in-memory store, straight from S3's description of them."""

from __future__ import annotations

import time
from urllib.parse import quote, quote_plus, unquote_to_bytes

from support.memory_model import Refusal, Stored, xml_text

__all__ = ["page"]


def _timestamp(seconds: float) -> bytes:
    return time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(seconds)).encode()


def page(
    bucket: str,
    objects: dict[bytes, Stored],
    params: dict[str, bytes],
    *,
    flags_last: bool,
    always_next_marker: bool,
) -> bytes:
    """The document that answers ``params``.

    ``flags_last`` writes what the page says of itself behind its entries, and
    ``always_next_marker`` NextMarker without a delimiter too, as some stores do.
    """
    version = 2 if params.get("list-type") == b"2" else 1
    prefix, delimiter = params.get("prefix", b""), params.get("delimiter", b"")
    most = int(params.get("max-keys", b"1000"))
    after = params.get("marker" if version == 1 else "start-after", b"")
    token = params.get("continuation-token")
    if token is not None:
        if not token.startswith(b"next:"):
            raise Refusal(400, "InvalidArgument", ("ArgumentName", "continuation-token"))
        after = unquote_to_bytes(token.removeprefix(b"next:"))
    units = _units(sorted(objects), prefix, delimiter, after)
    shown, truncated = units[:most], len(units) > most and most > 0
    url = params.get("encoding-type") == b"url"

    def text(name: bytes) -> bytes:
        return quote_plus(name, safe="/").encode() if url else xml_text(name)

    flags = b"<IsTruncated>%b</IsTruncated>" % (b"true" if truncated else b"false")
    if version == 2:
        flags += b"<KeyCount>%d</KeyCount>" % len(shown)
        if truncated:
            following = b"next:" + quote(shown[-1][0]).encode()
            flags += b"<NextContinuationToken>%b</NextContinuationToken>" % xml_text(following)
    elif truncated and (delimiter or always_next_marker):
        flags += b"<NextMarker>%b</NextMarker>" % text(shown[-1][0])
    entries = [
        b"<Contents><Key>%b</Key><LastModified>%b</LastModified><ETag>%b</ETag>"
        b"<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        b"<Size>%d</Size><Owner><ID>backend-owner</ID></Owner>"
        b"<StorageClass>STANDARD</StorageClass></Contents>"
        % (
            text(name),
            _timestamp(objects[name].modified),
            objects[name].etag.replace('"', "&quot;").encode(),
            len(objects[name].body),
        )
        for name, group in shown
        if not group
    ]
    entries += [
        b"<CommonPrefixes><Prefix>%b</Prefix></CommonPrefixes>" % text(name)
        for name, group in shown
        if group
    ]
    body = b"".join(entries)
    parts = [body, flags] if flags_last else [flags, body]
    return (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
        b"<Name>%b</Name><Prefix>%b</Prefix><Marker>%b</Marker><MaxKeys>%d</MaxKeys>"
        b"<Delimiter>%b</Delimiter>%b</ListBucketResult>"
    ) % (bucket.encode(), text(prefix), text(after), most, text(delimiter), b"".join(parts))


def _units(
    keys: list[bytes], prefix: bytes, delimiter: bytes, after: bytes
) -> list[tuple[bytes, bool]]:
    """Keys and groups in order, each once; a group that is ``after`` itself is passed over."""

    def group(key: bytes) -> bytes | None:
        at = key.find(delimiter, len(prefix)) if delimiter else -1
        return None if at < 0 else key[: at + len(delimiter)]

    passed = after if after.startswith(prefix) and group(after) == after else None
    units: list[tuple[bytes, bool]] = []
    for key in keys:
        if not key.startswith(prefix) or key <= after:
            continue
        name = group(key)
        if name is None:
            units.append((key, False))
        elif name != passed and (not units or units[-1] != (name, True)):
            units.append((name, True))
    return units
