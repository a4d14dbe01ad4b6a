"""The document of ListObjects and ListObjectsV2, ``ListBucketResult``: one writer for all who make
one. Entries can be written as they come; what a page says about itself follows them.

Names are bytes, given as they are. With ``url`` they are written for a client that asked for
``encoding-type=url``, the only form that carries every key. Everything else is escaped here.

Elements: "ListObjects" and "ListObjectsV2" in the Amazon S3 API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.gateway.render import DECLARATION, NAMESPACE
from multistore.wire import percent_encode, xml_escape

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = [
    "common_prefix",
    "entry",
    "head",
    "name",
    "next_continuation_token",
    "next_marker",
    "owner",
    "tail",
]


def name(text: bytes, url: bool) -> bytes:
    """A key, prefix, delimiter or marker as element text."""
    # What percent_encode leaves is never special in XML.
    return percent_encode(text, True) if url else xml_escape(text)


def head(
    bucket: str,
    prefix: bytes,
    echo: Iterable[tuple[bytes, bytes]],
    max_keys: int,
    delimiter: bytes,
    url: bool,
) -> bytes:
    """The document up to its entries. ``echo``: elements that repeat where a page was asked to
    begin, their text written already."""
    parts = [
        DECLARATION,
        b"<ListBucketResult ",
        NAMESPACE,
        b"><Name>%b</Name>" % xml_escape(bucket.encode()),
        b"<Prefix>%b</Prefix>" % name(prefix, url),
    ]
    parts += [b"<%b>%b</%b>" % (tag, text, tag) for tag, text in echo]
    parts.append(b"<MaxKeys>%d</MaxKeys>" % max_keys)
    if delimiter:
        parts.append(b"<Delimiter>%b</Delimiter>" % name(delimiter, url))
    if url:
        parts.append(b"<EncodingType>url</EncodingType>")
    return b"".join(parts)


def owner(owner_id: str, display_name: str) -> bytes:
    """The ``Owner`` of an entry."""
    return b"<Owner><ID>%b</ID><DisplayName>%b</DisplayName></Owner>" % (
        xml_escape(owner_id.encode()),
        xml_escape(display_name.encode()),
    )


def entry(
    key: bytes,
    last_modified: bytes,
    etag: bytes,
    size: bytes,
    storage_class: bytes,
    url: bool,
    checksums: bytes = b"",
    owner: bytes = b"",
) -> bytes:
    """One ``Contents``. ``etag`` with its quotes; ``checksums`` and ``owner`` are elements."""
    return (
        b"<Contents><Key>%b</Key><LastModified>%b</LastModified><ETag>%b</ETag>%b"
        b"<Size>%b</Size>%b<StorageClass>%b</StorageClass></Contents>"
    ) % (
        percent_encode(key, True) if url else xml_escape(key),
        xml_escape(last_modified),
        xml_escape(etag),
        checksums,
        xml_escape(size),
        owner,
        xml_escape(storage_class),
    )


def common_prefix(prefix: bytes, url: bool) -> bytes:
    """One ``CommonPrefixes``."""
    return b"<CommonPrefixes><Prefix>%b</Prefix></CommonPrefixes>" % name(prefix, url)


def next_marker(marker: bytes, url: bool) -> bytes:
    """Where the next page of version 1 begins: a name."""
    return b"<NextMarker>%b</NextMarker>" % name(marker, url)


def next_continuation_token(token: bytes) -> bytes:
    """Where the next page of version 2 begins: never encoded."""
    return b"<NextContinuationToken>%b</NextContinuationToken>" % xml_escape(token)


def tail(truncated: bool, following: bytes, key_count: int | None) -> bytes:
    """The document after its entries. ``following``: the element that leads to the next page;
    ``key_count``: None for version 1, which has none."""
    return b"%b%b<IsTruncated>%b</IsTruncated></ListBucketResult>" % (
        following,
        b"" if key_count is None else b"<KeyCount>%d</KeyCount>" % key_count,
        b"true" if truncated else b"false",
    )
