"""Answers made here, in S3's XML."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.gateway.plan import Respond
from multistore.wire import xml_escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multistore.errors import S3Error
    from multistore.gateway.plan import Fields
    from multistore.types import Bucket
    from multistore.wire import RequestHead

__all__ = [
    "CONTENT_TYPE",
    "DECLARATION",
    "NAMESPACE",
    "bucket_location",
    "element",
    "error",
    "list_buckets",
    "resource_of",
]

DECLARATION = b'<?xml version="1.0" encoding="UTF-8"?>\n'
NAMESPACE = b'xmlns="http://s3.amazonaws.com/doc/2006-03-01/"'
CONTENT_TYPE: Fields = ((b"content-type", b"application/xml"),)


def element(name: str, text: bytes) -> bytes:
    """An element with text alone."""
    tag = name.encode()
    return b"<%b>%b</%b>" % (tag, xml_escape(text), tag)


def _element(name: str, text: str) -> bytes:
    return element(name, text.encode("utf-8", "replace"))


def resource_of(head: RequestHead) -> str:
    """The ``Resource`` of an error: the path as the client wrote it, without the query, in which
    a credential may stand."""
    return head.target.partition(b"?")[0].decode("ascii", "replace")


def error(error: S3Error, request_id: str, resource: str = "", *, head: bool = False) -> Respond:
    """The answer for ``error``; ``head`` leaves the body out, as does 304.

    ``resource`` is that of :func:`resource_of`. The field ``Allow`` becomes the header
    field that 405 must carry (RFC 9110 15.5.6). An error is never to be cached.
    """
    fields = [(b"cache-control", b"no-store")]
    elements = [_element("Code", error.code), _element("Message", error.message)]
    for name, text in error.fields:
        if name == "Allow":
            fields.append((b"allow", text.encode()))
        else:
            elements.append(_element(name, text))
    if error.status == 304:
        return Respond(304, tuple(fields), close=error.fatal)
    fields += CONTENT_TYPE
    if head:
        return Respond(error.status, tuple(fields), close=error.fatal)
    elements.append(_element("Resource", resource))
    elements.append(_element("RequestId", request_id))
    body = DECLARATION + b"<Error>" + b"".join(elements) + b"</Error>"
    return Respond(error.status, tuple(fields), body, close=error.fatal)


def list_buckets(
    buckets: Iterable[Bucket],
    owner_id: str,
    owner_display_name: str,
    *,
    prefix: str = "",
    continuation_token: str = "",
) -> Respond:
    """``ListAllMyBucketsResult``. ``continuation_token`` is set when there are more."""
    parts = [
        DECLARATION,
        b"<ListAllMyBucketsResult " + NAMESPACE + b"><Owner>",
        _element("ID", owner_id),
        _element("DisplayName", owner_display_name),
        b"</Owner><Buckets>",
    ]
    for bucket in buckets:
        parts.append(b"<Bucket>")
        parts.append(_element("Name", bucket.shown_name))
        parts.append(_element("CreationDate", bucket.created))
        parts.append(b"</Bucket>")
    parts.append(b"</Buckets>")
    if continuation_token:
        parts.append(_element("ContinuationToken", continuation_token))
    if prefix:
        parts.append(_element("Prefix", prefix))
    parts.append(b"</ListAllMyBucketsResult>")
    return Respond(200, CONTENT_TYPE, b"".join(parts))


def bucket_location(region: str) -> Respond:
    """``LocationConstraint``; us-east-1 is the empty one (GetBucketLocation, Response)."""
    text = b"" if region == "us-east-1" else xml_escape(region.encode())
    body = (
        DECLARATION + b"<LocationConstraint " + NAMESPACE + b">" + text + b"</LocationConstraint>"
    )
    return Respond(200, CONTENT_TYPE, body)
