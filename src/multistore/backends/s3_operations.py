"""The operations that are one request and one answer without a name in it, as a table: which
fields go out, what document goes with them, what S3 answers.

Here are the sub-resources of objects, and the operations on a bucket itself, which are forwarded
where a virtual bucket is a whole one of its store and its configuration says so.

Fields and statuses: the page of each operation in the Amazon S3 API reference.
"""

from __future__ import annotations

from multistore.gateway import outbound
from multistore.gateway.document import Document
from multistore.wire import HeaderSet

__all__ = ["SIMPLE", "Simple"]

_NO_FIELDS: tuple[bytes, ...] = ()
_CUSTOMER_KEY = (b"x-amz-server-side-encryption-customer-",)
_ACL_FIELDS = (b"x-amz-acl",)
_GRANTS = (b"x-amz-grant-",)

#: Beside a document: how it is to be checked.
_DOCUMENT_FIELDS = (b"content-md5", b"content-type", b"x-amz-sdk-checksum-algorithm")

#: What an answer may say beside its document: which version, who pays, and what the store still
#: says of the configuration.
_ANSWER = HeaderSet(
    (
        b"content-type",
        b"last-modified",
        b"x-amz-delete-marker",
        b"x-amz-request-charged",
        b"x-amz-transition-default-minimum-object-size",
        b"x-amz-version-id",
    )
)


class Simple:
    """One row. ``keep`` are the fields that go out, any other ``x-amz-*`` field being refused;
    ``document`` is what goes with them, if anything. ``status`` is what S3 answers, with
    ``accepted`` also 202. ``acl``: the document names the owner, whom the store knows by another
    id, so it is written anew on its way to the client, and not taken from one.
    ``names_buckets``: the document names buckets of the store."""

    __slots__ = ("accepted", "acl", "document", "keep", "known", "names_buckets", "shown", "status")

    def __init__(
        self,
        document: Document | None = None,
        fields: tuple[bytes, ...] = _NO_FIELDS,
        families: tuple[bytes, ...] = _NO_FIELDS,
        *,
        status: int = 200,
        accepted: bool = False,
        acl: bool = False,
        names_buckets: bool = False,
    ) -> None:
        names = (b"x-amz-request-payer", *fields)
        if document is not None:
            names += _DOCUMENT_FIELDS
            families = (*families, b"x-amz-checksum-")
        self.keep = HeaderSet(names, families)
        self.known = outbound.known(self.keep)
        self.document = document
        self.shown = _ANSWER
        self.status = status
        self.accepted = accepted
        self.acl = acl
        self.names_buckets = names_buckets


_READ = Simple()
_READ_NAMES = Simple(names_buckets=True)
_DELETE = Simple(status=204)
_ACL = Simple(acl=True)
_PUT_ACL = Simple(Document("AccessControlPolicy", optional=True), _ACL_FIELDS, _GRANTS, acl=True)
_TAGGING = Simple(Document("Tagging"))


def _put(root: str, *fields: bytes, names_buckets: bool = False) -> Simple:
    return Simple(Document(root), fields, names_buckets=names_buckets)


# fmt: off
SIMPLE: dict[str, Simple] = {
    # Objects
    "GetObjectAttributes": Simple(
        fields=(b"x-amz-max-parts", b"x-amz-object-attributes", b"x-amz-part-number-marker"),
        families=_CUSTOMER_KEY),
    "GetObjectTagging": _READ,
    "PutObjectTagging": _TAGGING,
    "DeleteObjectTagging": _DELETE,
    "GetObjectAcl": _ACL,
    "PutObjectAcl": _PUT_ACL,
    "GetObjectRetention": _READ,
    "PutObjectRetention": _put("Retention", b"x-amz-bypass-governance-retention"),
    "GetObjectLegalHold": _READ,
    "PutObjectLegalHold": _put("LegalHold"),
    # Without what a query in a restoration (Type SELECT) has: it writes to a bucket of its choice.
    "RestoreObject": Simple(
        Document("RestoreRequest", "Days Description GlacierJobParameters Tier"), accepted=True),

    # Multipart uploads
    "AbortMultipartUpload": Simple(fields=(b"x-amz-if-match-initiated-time",), status=204),

    # Buckets
    "CreateBucket": Simple(
        Document("CreateBucketConfiguration", "LocationConstraint", optional=True),
        (*_ACL_FIELDS, b"x-amz-bucket-object-lock-enabled", b"x-amz-object-ownership"), _GRANTS),
    "DeleteBucket": _DELETE,
    "HeadBucket": _READ,

    # Bucket configuration
    "GetBucketAccelerateConfiguration": _READ,
    "PutBucketAccelerateConfiguration": _put("AccelerateConfiguration"),
    "GetBucketAcl": _ACL,
    "PutBucketAcl": _PUT_ACL,
    "GetBucketAnalyticsConfiguration": _READ_NAMES,
    "ListBucketAnalyticsConfigurations": _READ_NAMES,
    "PutBucketAnalyticsConfiguration": _put("AnalyticsConfiguration", names_buckets=True),
    "DeleteBucketAnalyticsConfiguration": _DELETE,
    "GetBucketCors": _READ,
    "PutBucketCors": _put("CORSConfiguration"),
    "DeleteBucketCors": _DELETE,
    "GetBucketEncryption": _READ,
    "PutBucketEncryption": _put("ServerSideEncryptionConfiguration"),
    "DeleteBucketEncryption": _DELETE,
    "GetBucketIntelligentTieringConfiguration": _READ,
    "ListBucketIntelligentTieringConfigurations": _READ,
    "PutBucketIntelligentTieringConfiguration": _put("IntelligentTieringConfiguration"),
    "DeleteBucketIntelligentTieringConfiguration": _DELETE,
    "GetBucketInventoryConfiguration": _READ_NAMES,
    "ListBucketInventoryConfigurations": _READ_NAMES,
    "PutBucketInventoryConfiguration": _put("InventoryConfiguration", names_buckets=True),
    "DeleteBucketInventoryConfiguration": _DELETE,
    "GetBucketLifecycleConfiguration": _READ,
    "PutBucketLifecycleConfiguration": _put(
        "LifecycleConfiguration", b"x-amz-transition-default-minimum-object-size"),
    "DeleteBucketLifecycle": _DELETE,
    "GetBucketLogging": _READ_NAMES,
    "PutBucketLogging": _put("BucketLoggingStatus", names_buckets=True),
    "GetBucketMetricsConfiguration": _READ,
    "ListBucketMetricsConfigurations": _READ,
    "PutBucketMetricsConfiguration": _put("MetricsConfiguration"),
    "DeleteBucketMetricsConfiguration": _DELETE,
    "GetBucketNotificationConfiguration": _READ,
    "PutBucketNotificationConfiguration": _put(
        "NotificationConfiguration", b"x-amz-skip-destination-validation"),
    "GetBucketOwnershipControls": _READ,
    "PutBucketOwnershipControls": _put("OwnershipControls"),
    "DeleteBucketOwnershipControls": _DELETE,
    "GetBucketPolicy": _READ_NAMES,
    "PutBucketPolicy": Simple(
        Document(""), (b"x-amz-confirm-remove-self-bucket-access",), status=204,
        names_buckets=True),
    "DeleteBucketPolicy": _DELETE,
    "GetBucketPolicyStatus": _READ,
    "GetPublicAccessBlock": _READ,
    "PutPublicAccessBlock": _put("PublicAccessBlockConfiguration"),
    "DeletePublicAccessBlock": _DELETE,
    "GetBucketReplication": _READ_NAMES,
    "PutBucketReplication": _put(
        "ReplicationConfiguration", b"x-amz-bucket-object-lock-token", names_buckets=True),
    "DeleteBucketReplication": _DELETE,
    "GetBucketRequestPayment": _READ,
    "PutBucketRequestPayment": _put("RequestPaymentConfiguration"),
    "GetBucketTagging": _READ,
    "PutBucketTagging": _TAGGING,
    "DeleteBucketTagging": _DELETE,
    "GetBucketVersioning": _READ,
    "PutBucketVersioning": _put("VersioningConfiguration", b"x-amz-mfa"),
    "GetBucketWebsite": _READ,
    "PutBucketWebsite": _put("WebsiteConfiguration"),
    "DeleteBucketWebsite": _DELETE,
    "GetObjectLockConfiguration": _READ,
    "PutObjectLockConfiguration": _put(
        "ObjectLockConfiguration", b"x-amz-bucket-object-lock-token"),
}
# fmt: on
