"""What is said of a bucket whose configuration is not its clients' to see or change.

A virtual bucket may be a part of the store's one, which others share; then nothing about the
store's bucket is asked or changed. What clients ask of every bucket when they start is answered
as S3 answers for a bucket that has no such configuration, whatever scope the caller has on it, and
the rest is refused. (``bucket_operations = "forward"``: see ``backends.s3_operations``.)

Codes and documents: the page of each operation in the Amazon S3 API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway import acl, outbound
from multistore.gateway.operation import BUCKET, OPERATIONS
from multistore.gateway.plan import Respond
from multistore.gateway.render import CONTENT_TYPE, DECLARATION, NAMESPACE

if TYPE_CHECKING:
    from multistore.gateway.request import GatewayRequest

__all__ = ["ANSWERED", "ON_BUCKET", "bucket_answer"]

#: Operations on a bucket that are about what is in it, or about the gateway's own.
_OF_OBJECTS = frozenset(
    (
        "DeleteObjects",
        "GetBucketLocation",
        "HeadBucket",
        "ListMultipartUploads",
        "ListObjectVersions",
        "ListObjects",
        "ListObjectsV2",
        "PostObject",
    )
)

#: Operations on the bucket itself: any that S3 adds is one.
ON_BUCKET: frozenset[str] = (
    frozenset(row.name for row in OPERATIONS if row.level == BUCKET) - _OF_OBJECTS
)

#: Documents of a bucket that was never configured.
_DOCUMENTS: dict[str, tuple[bytes, bytes]] = {
    "GetBucketAccelerateConfiguration": (b"AccelerateConfiguration", b""),
    "GetBucketLogging": (b"BucketLoggingStatus", b""),
    "GetBucketNotificationConfiguration": (b"NotificationConfiguration", b""),
    "GetBucketRequestPayment": (b"RequestPaymentConfiguration", b"<Payer>BucketOwner</Payer>"),
    "GetBucketVersioning": (b"VersioningConfiguration", b""),
}

#: Codes for what is not there.
_MISSING: dict[str, tuple[str, str]] = {
    "GetBucketCors": ("NoSuchCORSConfiguration", "The CORS configuration does not exist"),
    "GetBucketEncryption": (
        "ServerSideEncryptionConfigurationNotFoundError",
        "The server side encryption configuration was not found",
    ),
    "GetBucketLifecycleConfiguration": (
        "NoSuchLifecycleConfiguration",
        "The lifecycle configuration does not exist",
    ),
    "GetBucketOwnershipControls": (
        "OwnershipControlsNotFoundError",
        "The bucket ownership controls were not found",
    ),
    "GetBucketPolicy": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetBucketPolicyStatus": ("NoSuchBucketPolicy", "The bucket policy does not exist"),
    "GetBucketReplication": (
        "ReplicationConfigurationNotFoundError",
        "The replication configuration was not found",
    ),
    "GetBucketTagging": ("NoSuchTagSet", "The TagSet does not exist"),
    "GetBucketWebsite": (
        "NoSuchWebsiteConfiguration",
        "The specified bucket does not have a website configuration",
    ),
    "GetObjectLockConfiguration": (
        "ObjectLockConfigurationNotFoundError",
        "Object Lock configuration does not exist for this bucket",
    ),
    "GetPublicAccessBlock": (
        "NoSuchPublicAccessBlockConfiguration",
        "The public access block configuration was not found",
    ),
}

#: Operations that are answered here. CreateBucket is among them because clients (rclone, restic)
#: make sure of their bucket before they write: it is there, and theirs to use.
ANSWERED: frozenset[str] = frozenset((*_DOCUMENTS, *_MISSING, "GetBucketAcl", "CreateBucket"))


def bucket_answer(request: GatewayRequest, owner_id: str, owner_display_name: str) -> Respond:
    """The answer to an operation on the bucket itself.

    Raises: S3Error for what is not there, or not allowed; NotImplemented for an unknown
    ``x-amz-*`` field of a read.
    """
    operation, bucket = request.operation, request.bucket
    assert operation is not None and bucket is not None
    name = operation.name
    if name == "CreateBucket":
        raise S3Error(
            "BucketAlreadyOwnedByYou",
            "Your previous request to create the named bucket succeeded and you already own it.",
            fields=(("BucketName", bucket.shown_name),),
        )
    if name not in ANSWERED:
        raise S3Error(
            "AccessDenied",
            f"{name} is about the store's own bucket, which others may share. It is forwarded "
            'only for a bucket that is configured with bucket_operations = "forward".',
        )
    outbound.check_list(request.head)
    if name in _MISSING:
        code, message = _MISSING[name]
        raise S3Error(code, message, fields=(("BucketName", bucket.shown_name),))
    if name == "GetBucketAcl":
        grants = [acl.Grant(b"FULL_CONTROL")]
        if bucket.anonymous:
            grants.append(acl.Grant(b"READ", "URI", acl.EVERYBODY))
        return Respond(200, CONTENT_TYPE, acl.policy(owner_id, owner_display_name, grants))
    root, inside = _DOCUMENTS[name]
    body = b"%b<%b %b>%b</%b>" % (DECLARATION, root, NAMESPACE, inside, root)
    return Respond(200, CONTENT_TYPE, body)
