"""Hierarchical names above the buckets: what stands where several segments name a bucket, and a
client asked for fewer.

A list there shows the buckets below as common prefixes. What lies in them is listed one by one:
with a prefix that names the bucket.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway import list_document, outbound, render
from multistore.gateway.authorize import denied, may_use, missing_bucket
from multistore.gateway.bucket_answers import ANSWERED, bucket_answer
from multistore.gateway.operation import not_implemented
from multistore.gateway.page import read_count, read_encoding
from multistore.gateway.plan import Respond
from multistore.types import ANONYMOUS
from multistore.wire import xml_escape

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multistore.gateway.engine import Settings
    from multistore.gateway.operation import Operation
    from multistore.gateway.ports import BucketRegistry
    from multistore.gateway.request import GatewayRequest
    from multistore.wire import Target

__all__ = ["OPERATIONS", "answer", "check"]

#: Operations whose answers name buckets and keys as clients of a hierarchy know them, or not at
#: all. The others are not carried out there (law 3). What changes a bucket itself never is: the
#: path of one, ``/account/product``, is that of an object to its clients, and who writes or
#: deletes that does not mean the bucket.
OPERATIONS: frozenset[str] = (ANSWERED - {"CreateBucket"}) | frozenset(
    (
        "AbortMultipartUpload",
        "CompleteMultipartUpload",
        "CopyObject",
        "CreateMultipartUpload",
        "DeleteObject",
        "DeleteObjectTagging",
        "GetBucketLocation",
        "GetObject",
        "GetObjectAcl",
        "GetObjectAttributes",
        "GetObjectLegalHold",
        "GetObjectRetention",
        "GetObjectTagging",
        "HeadBucket",
        "HeadObject",
        "ListBuckets",
        "ListMultipartUploads",
        "ListObjectVersions",
        "ListObjects",
        "ListObjectsV2",
        "ListParts",
        "PutObject",
        "PutObjectAcl",
        "PutObjectLegalHold",
        "PutObjectRetention",
        "PutObjectTagging",
        "RestoreObject",
        "UploadPart",
        "UploadPartCopy",
    )
)


def check(operation: Operation, named: bool) -> None:
    """``named``: the request names a bucket, and not what is above. There CreateBucket is what
    many clients begin with, to make sure of their bucket.

    Raises: NotImplemented.
    """
    if operation.name not in OPERATIONS and (named or operation.name != "CreateBucket"):
        raise not_implemented(operation)


def answer(
    request: GatewayRequest, received: str, registry: BucketRegistry, settings: Settings
) -> Respond:
    """The answer to a request for what is above the buckets, of which ``received`` is the name
    for the client. It is there for who may use one of them; for everybody else it is a bucket
    that is not (SEM-22).

    Raises: NoSuchBucket, AccessDenied, NotImplemented; InvalidArgument for parameters that S3
    does not take.
    """
    operation, identity, target = request.operation, request.identity, request.target
    assert operation is not None and identity is not None and target is not None
    head = request.head
    below = [
        bucket
        for bucket in registry.list_buckets()
        if bucket.shown_name == target.bucket and may_use(identity, bucket)
    ]
    if not below or target.key:
        raise missing_bucket(identity, operation, head, target, received)
    outbound.check_list(head)
    owner = head.get(b"x-amz-expected-bucket-owner")
    if owner is not None and owner != settings.owner_id.encode():
        raise denied()
    if operation.name == "HeadBucket":
        return Respond(200, ((b"x-amz-bucket-region", settings.region.encode()),))
    if operation.name == "GetBucketLocation":
        return render.bucket_location(settings.region)
    if operation.name in ANSWERED:
        if identity is ANONYMOUS:
            raise denied()
        # To the client they are one, and public if one of them is.
        request.bucket = max(below, key=lambda bucket: bucket.anonymous)
        return bucket_answer(request, settings.owner_id, settings.owner_display_name)
    if operation.action != "list_bucket":
        raise not_implemented(operation)
    return _list(target, (bucket.shown_prefix for bucket in below))


def _list(target: Target, below: Iterable[bytes]) -> Respond:
    params = target.params
    prefix = params.get("prefix", b"")
    if params.get("delimiter", b"") != b"/":
        raise S3Error(
            "NotImplemented",
            "What lies here is listed with the delimiter / or with a prefix that names the bucket.",
        )
    version = 2 if "list-type" in params else 1
    limit = read_count(params, "max-keys")
    url = read_encoding(params)
    echo = []
    if version == 1:
        after = params.get("marker", b"")
        echo.append((b"Marker", list_document.name(after, url)))
    else:
        after = params.get("start-after", b"")
        if after:
            echo.append((b"StartAfter", list_document.name(after, url)))
        token = params.get("continuation-token")
        if token is not None:
            echo.append((b"ContinuationToken", xml_escape(token)))
            after = token
    groups = {
        name[: name.index(b"/", len(prefix)) + 1] for name in below if name.startswith(prefix)
    }
    left = sorted(name for name in groups if name > after)
    page = left[:limit]
    following = b""
    more = len(left) > len(page) > 0
    if more and version == 1:
        following = list_document.next_marker(page[-1], url)
    elif more:
        following = list_document.next_continuation_token(page[-1])
    parts = [list_document.head(target.bucket, prefix, echo, limit, b"/", url)]
    parts += [list_document.common_prefix(name, url) for name in page]
    parts.append(list_document.tail(more, following, len(page) if version == 2 else None))
    return Respond(200, render.CONTENT_TYPE, b"".join(parts))
