"""Copies: the object that one is made of, and what the client is told (SEM-24, SEM-19).

Source and destination are authorised by the same function, for CopyObject and UploadPartCopy.

Fields and elements: "CopyObject" and "UploadPartCopy" in the Amazon S3 API reference.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.authorize import allowed, denied
from multistore.gateway.integrity import CHECKSUM_ELEMENTS
from multistore.gateway.page import quoted
from multistore.gateway.plan import Respond
from multistore.gateway.records import malformed, read_records
from multistore.gateway.render import CONTENT_TYPE, DECLARATION, NAMESPACE, element
from multistore.gateway.route import check_key
from multistore.limits import KEY_MAX
from multistore.wire import parse_target, percent_decode, percent_encode

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.gateway.engine import Settings
    from multistore.gateway.plan import Fields
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Bucket, Identity
    from multistore.wire import RequestHead

__all__ = [
    "CopySource",
    "find_source",
    "may_copy_tags",
    "read_range",
    "respond",
    "result",
]

_RESULT: dict[str, frozenset[str]] = dict.fromkeys(
    ("ETag", "LastModified", "ChecksumType", *CHECKSUM_ELEMENTS), frozenset()
)

_RANGE = re.compile(rb"bytes=(\d{1,18})-(\d{1,18})", re.ASCII)


class CopySource:
    """What is copied: a key, and a version or b"" for the current one, of a bucket."""

    __slots__ = ("bucket", "key", "version")

    def __init__(self, bucket: Bucket, key: bytes, version: bytes) -> None:
        self.bucket = bucket
        self.key = key
        self.version = version


def find_source(
    head: RequestHead,
    identity: Identity,
    get_bucket: Callable[[str], Bucket | None],
    settings: Settings,
) -> CopySource:
    """What ``x-amz-copy-source`` names, if ``identity`` may read it, and if its owner is whom the
    client expects.

    Raises: InvalidArgument, NotImplemented for access points, KeyTooLongError, InvalidRequest;
    AccessDenied, whether it is there or not (SEM-22).
    """
    name, key, version = _parse(head)
    if settings.names is not None:
        path = percent_encode(b"/%b/%b" % (name.encode(), key), True)
        target, named = settings.names.map_target(parse_target(path))
        name, key = target.bucket if named and target.key else "", target.key
    bucket = get_bucket(name)
    action = "get_object_version" if version else "get_object"
    if bucket is None or not allowed(identity, action, bucket, key):
        raise denied()
    owner = head.get(b"x-amz-source-expected-bucket-owner")
    if owner is not None and owner != settings.owner_id.encode():
        raise denied()
    check_key(key, True, bucket)
    return CopySource(bucket, key, version)


def _parse(head: RequestHead) -> tuple[str, bytes, bytes]:
    """Split at the first raw ``?``, then decoded once (T-COPY-01)."""
    value = head.get(b"x-amz-copy-source") or b""
    path, mark, query = value.partition(b"?")
    version = b""
    if mark:
        name, _, version = query.partition(b"=")
        version = percent_decode(version)
        if name != b"versionId" or not version or b"&" in query:
            raise _bad_source()
    if path.startswith(b"arn:"):
        raise S3Error("NotImplemented", "A copy source that is an access point is not implemented.")
    path = percent_decode(path).removeprefix(b"/")
    bucket, slash, key = path.partition(b"/")
    if not bucket or not slash or not key:
        raise _bad_source()
    if len(key) > KEY_MAX:
        raise S3Error("KeyTooLongError", "Your key is too long")
    try:
        key.decode()
        version.decode()
        return bucket.decode(), key, version
    except UnicodeDecodeError:
        raise _bad_source() from None


def _bad_source() -> S3Error:
    return S3Error(
        "InvalidArgument",
        "Copy Source must mention the source bucket and key: sourcebucket/sourcekey",
        fields=(("ArgumentName", "x-amz-copy-source"),),
    )


def may_copy_tags(request: GatewayRequest) -> bool:
    """Whether the caller may read the tags of the source and write those of the copy."""
    identity, source = request.identity, request.source
    bucket, target = request.bucket, request.target
    assert identity is not None and source is not None
    assert bucket is not None and target is not None
    read = "get_object_version_tagging" if source.version else "get_object_tagging"
    return allowed(identity, read, source.bucket, source.key) and allowed(
        identity, "put_object_tagging", bucket, target.key
    )


def read_range(head: RequestHead) -> bytes | None:
    """``x-amz-copy-source-range`` of UploadPartCopy, whose one form has both ends.

    Raises: InvalidArgument.
    """
    value = head.get(b"x-amz-copy-source-range")
    if value is None:
        return None
    match = _RANGE.fullmatch(value)
    if match is None or int(match[1]) > int(match[2]):
        raise S3Error(
            "InvalidArgument",
            "The x-amz-copy-source-range value must be of the form bytes=first-last where first "
            "and last are the zero-based offsets of the first and last bytes to copy",
            fields=(("ArgumentName", "x-amz-copy-source-range"),),
        )
    return value


def result(body: bytes, root: str) -> dict[str, bytes]:
    """The elements of a store's ``CopyObjectResult`` or ``CopyPartResult``.

    Raises: MalformedXML when it is none.
    """
    _, texts = read_records(body, root, _RESULT, strict=False)
    if not texts.get("ETag"):
        raise malformed()
    return texts


def respond(root: str, texts: dict[str, bytes], fields: Fields, now: float) -> Respond:
    """The answer; ``now`` stands for a time of change that the store did not tell."""
    moment = datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%S.000Z").encode()
    parts = [DECLARATION, b"<%b " % root.encode(), NAMESPACE, b">"]
    shown = texts | {
        "ETag": quoted(texts.get("ETag", b"")),
        "LastModified": texts.get("LastModified") or moment,
    }
    for name in ("ETag", "LastModified", *CHECKSUM_ELEMENTS, "ChecksumType"):
        if shown.get(name):
            parts.append(element(name, shown[name]))
    parts.append(b"</%b>" % root.encode())
    return Respond(200, (*CONTENT_TYPE, *fields), b"".join(parts))
