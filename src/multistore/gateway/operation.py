"""S3's operations as a table (D2), and the one function that picks a row.

Names, methods, sub-resources and parameters are those of the Amazon S3 API reference
(2026). A request is matched by method, level, sub-resource and headers; what has no row
is refused here, so a sub-resource can never be mistaken for the plain object operation
(law 3). A row that is not ``implemented`` is answered 501 by the engine, after
authentication: the answer depends on the request alone and shows nothing of any bucket.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from multistore.errors import S3Error

if TYPE_CHECKING:
    from multistore.wire import RequestHead, Target

__all__ = [
    "AUTH_PARAMS",
    "BUCKET",
    "COPY_SOURCE",
    "OBJECT",
    "OPERATIONS",
    "SERVICE",
    "Operation",
    "match",
    "not_implemented",
    "required_actions",
]

# Levels: what the target names.
SERVICE = "service"
BUCKET = "bucket"
OBJECT = "object"

#: Query parameters that carry a credential, in lower case: SigV4's and SigV2's (SEM-3).
#: ``gateway.identity`` reads them; for ``match`` they do not exist.
AUTH_PARAMS = frozenset(
    (
        "x-amz-algorithm",
        "x-amz-credential",
        "x-amz-date",
        "x-amz-expires",
        "x-amz-signedheaders",
        "x-amz-signature",
        "x-amz-security-token",
        "awsaccesskeyid",
        "signature",
        "expires",
    )
)


class Operation:
    """One row. Immutable once the table stands.

    ``name`` is S3's (``GetObject``), ``action`` what a scope must hold (``get_object``).
    ``subresource`` is the query parameter that selects the row, ``needs`` further
    parameters and ``header`` a header field that must be there as well. ``params`` are
    the query parameters that the operation acts on. ``versioned`` is the same row but for its
    action: what it is with ``versionId`` given (D3). Each row that takes a ``versionId`` has one.
    """

    __slots__ = (
        "action",
        "header",
        "implemented",
        "level",
        "method",
        "name",
        "needs",
        "params",
        "reads",
        "subresource",
        "versioned",
    )

    def __init__(
        self,
        name: str,
        level: str,
        method: str,
        subresource: str = "",
        *,
        action: str = "",
        version_action: str = "",
        needs: str = "",
        header: bytes = b"",
        params: str = "",
        implemented: bool = True,
    ) -> None:
        self.name = name
        self.level = level
        self.method = method
        self.subresource = subresource
        self.action = action or re.sub(r"(?<=[a-z])(?=[A-Z])", "_", name).lower()
        self.needs: tuple[str, ...] = tuple(needs.split())
        self.header = header
        self.params: frozenset[str] = frozenset((subresource, *self.needs, *params.split())) - {""}
        self.reads: bool = method in ("GET", "HEAD")
        self.implemented = implemented
        self.versioned: Operation | None = None
        if version_action:
            self.versioned = Operation(
                name,
                level,
                method,
                subresource,
                action=version_action,
                needs=needs,
                header=header,
                params=params,
                implemented=implemented,
            )

    def __repr__(self) -> str:
        return f"<Operation {self.name}>"


_LIST = "prefix delimiter max-keys encoding-type"
_READ = (
    "partNumber versionId response-cache-control response-content-disposition "
    "response-content-encoding response-content-language response-content-type response-expires"
)
COPY_SOURCE = b"x-amz-copy-source"
_PAGE = "continuation-token"

# Version actions are IAM's own names where it has one ("Actions, resources, and condition keys
# for Amazon S3"), and made like them where it has none.
# Among rows with the same level, method and sub-resource the first that fits is taken, so the
# more demanding one stands first.
# fmt: off
#: Every operation of the Amazon S3 API, and the form upload ("POST Object").
OPERATIONS: tuple[Operation, ...] = (
    # Service
    Operation("ListDirectoryBuckets", SERVICE, "GET", "max-directory-buckets", params=_PAGE,
              implemented=False),
    Operation("ListBuckets", SERVICE, "GET",
              params=f"max-buckets prefix bucket-region {_PAGE}"),

    # Buckets
    Operation("CreateBucket", BUCKET, "PUT"),
    Operation("DeleteBucket", BUCKET, "DELETE"),
    Operation("HeadBucket", BUCKET, "HEAD"),
    Operation("GetBucketLocation", BUCKET, "GET", "location"),
    Operation("CreateSession", BUCKET, "GET", "session", implemented=False),
    Operation("WriteGetObjectResponse", BUCKET, "POST", header=b"x-amz-request-token",
              implemented=False),

    # Lists
    Operation("ListObjectsV2", BUCKET, "GET", "list-type", action="list_bucket",
              params=f"{_LIST} {_PAGE} fetch-owner start-after"),
    Operation("ListObjects", BUCKET, "GET", action="list_bucket",
              params=f"{_LIST} marker"),
    Operation("ListObjectVersions", BUCKET, "GET", "versions",
              params=f"{_LIST} key-marker version-id-marker"),
    Operation("ListMultipartUploads", BUCKET, "GET", "uploads",
              params=f"{_LIST} key-marker upload-id-marker max-uploads"),

    # Bucket configuration
    Operation("GetBucketAbac", BUCKET, "GET", "abac", implemented=False),
    Operation("PutBucketAbac", BUCKET, "PUT", "abac", implemented=False),
    Operation("GetBucketAccelerateConfiguration", BUCKET, "GET", "accelerate"),
    Operation("PutBucketAccelerateConfiguration", BUCKET, "PUT", "accelerate"),
    Operation("GetBucketAcl", BUCKET, "GET", "acl"),
    Operation("PutBucketAcl", BUCKET, "PUT", "acl"),
    Operation("GetBucketAnalyticsConfiguration", BUCKET, "GET", "analytics", needs="id"),
    Operation("ListBucketAnalyticsConfigurations", BUCKET, "GET", "analytics", params=_PAGE),
    Operation("PutBucketAnalyticsConfiguration", BUCKET, "PUT", "analytics", needs="id"),
    Operation("DeleteBucketAnalyticsConfiguration", BUCKET, "DELETE", "analytics", needs="id"),
    Operation("GetBucketCors", BUCKET, "GET", "cors"),
    Operation("PutBucketCors", BUCKET, "PUT", "cors"),
    Operation("DeleteBucketCors", BUCKET, "DELETE", "cors"),
    Operation("GetBucketEncryption", BUCKET, "GET", "encryption"),
    Operation("PutBucketEncryption", BUCKET, "PUT", "encryption"),
    Operation("DeleteBucketEncryption", BUCKET, "DELETE", "encryption"),
    Operation("GetBucketIntelligentTieringConfiguration", BUCKET, "GET", "intelligent-tiering",
              needs="id"),
    Operation("ListBucketIntelligentTieringConfigurations", BUCKET, "GET", "intelligent-tiering",
              params=_PAGE),
    Operation("PutBucketIntelligentTieringConfiguration", BUCKET, "PUT", "intelligent-tiering",
              needs="id"),
    Operation("DeleteBucketIntelligentTieringConfiguration", BUCKET, "DELETE",
              "intelligent-tiering", needs="id"),
    Operation("GetBucketInventoryConfiguration", BUCKET, "GET", "inventory", needs="id"),
    Operation("ListBucketInventoryConfigurations", BUCKET, "GET", "inventory", params=_PAGE),
    Operation("PutBucketInventoryConfiguration", BUCKET, "PUT", "inventory", needs="id"),
    Operation("DeleteBucketInventoryConfiguration", BUCKET, "DELETE", "inventory", needs="id"),
    Operation("GetBucketLifecycleConfiguration", BUCKET, "GET", "lifecycle"),
    Operation("PutBucketLifecycleConfiguration", BUCKET, "PUT", "lifecycle"),
    Operation("DeleteBucketLifecycle", BUCKET, "DELETE", "lifecycle"),
    Operation("GetBucketLogging", BUCKET, "GET", "logging"),
    Operation("PutBucketLogging", BUCKET, "PUT", "logging"),
    Operation("CreateBucketMetadataConfiguration", BUCKET, "POST", "metadataConfiguration",
              implemented=False),
    Operation("GetBucketMetadataConfiguration", BUCKET, "GET", "metadataConfiguration",
              implemented=False),
    Operation("DeleteBucketMetadataConfiguration", BUCKET, "DELETE", "metadataConfiguration",
              implemented=False),
    Operation("CreateBucketMetadataTableConfiguration", BUCKET, "POST", "metadataTable",
              implemented=False),
    Operation("GetBucketMetadataTableConfiguration", BUCKET, "GET", "metadataTable",
              implemented=False),
    Operation("DeleteBucketMetadataTableConfiguration", BUCKET, "DELETE", "metadataTable",
              implemented=False),
    Operation("UpdateBucketMetadataAnnotationTableConfiguration", BUCKET, "PUT",
              "metadataAnnotationTable", implemented=False),
    Operation("UpdateBucketMetadataInventoryTableConfiguration", BUCKET, "PUT",
              "metadataInventoryTable", implemented=False),
    Operation("UpdateBucketMetadataJournalTableConfiguration", BUCKET, "PUT",
              "metadataJournalTable", implemented=False),
    Operation("GetBucketMetricsConfiguration", BUCKET, "GET", "metrics", needs="id"),
    Operation("ListBucketMetricsConfigurations", BUCKET, "GET", "metrics", params=_PAGE),
    Operation("PutBucketMetricsConfiguration", BUCKET, "PUT", "metrics", needs="id"),
    Operation("DeleteBucketMetricsConfiguration", BUCKET, "DELETE", "metrics", needs="id"),
    Operation("GetBucketNotificationConfiguration", BUCKET, "GET", "notification"),
    Operation("PutBucketNotificationConfiguration", BUCKET, "PUT", "notification"),
    Operation("GetBucketOwnershipControls", BUCKET, "GET", "ownershipControls"),
    Operation("PutBucketOwnershipControls", BUCKET, "PUT", "ownershipControls"),
    Operation("DeleteBucketOwnershipControls", BUCKET, "DELETE", "ownershipControls"),
    Operation("GetBucketPolicy", BUCKET, "GET", "policy"),
    Operation("PutBucketPolicy", BUCKET, "PUT", "policy"),
    Operation("DeleteBucketPolicy", BUCKET, "DELETE", "policy"),
    Operation("GetBucketPolicyStatus", BUCKET, "GET", "policyStatus"),
    Operation("GetPublicAccessBlock", BUCKET, "GET", "publicAccessBlock"),
    Operation("PutPublicAccessBlock", BUCKET, "PUT", "publicAccessBlock"),
    Operation("DeletePublicAccessBlock", BUCKET, "DELETE", "publicAccessBlock"),
    Operation("GetBucketReplication", BUCKET, "GET", "replication"),
    Operation("PutBucketReplication", BUCKET, "PUT", "replication"),
    Operation("DeleteBucketReplication", BUCKET, "DELETE", "replication"),
    Operation("GetBucketRequestPayment", BUCKET, "GET", "requestPayment"),
    Operation("PutBucketRequestPayment", BUCKET, "PUT", "requestPayment"),
    Operation("GetBucketTagging", BUCKET, "GET", "tagging"),
    Operation("PutBucketTagging", BUCKET, "PUT", "tagging"),
    Operation("DeleteBucketTagging", BUCKET, "DELETE", "tagging"),
    Operation("GetBucketVersioning", BUCKET, "GET", "versioning"),
    Operation("PutBucketVersioning", BUCKET, "PUT", "versioning"),
    Operation("GetBucketWebsite", BUCKET, "GET", "website"),
    Operation("PutBucketWebsite", BUCKET, "PUT", "website"),
    Operation("DeleteBucketWebsite", BUCKET, "DELETE", "website"),
    Operation("GetObjectLockConfiguration", BUCKET, "GET", "object-lock"),
    Operation("PutObjectLockConfiguration", BUCKET, "PUT", "object-lock"),

    # Objects
    Operation("GetObject", OBJECT, "GET", version_action="get_object_version", params=_READ),
    Operation("HeadObject", OBJECT, "HEAD", version_action="get_object_version", params=_READ),
    Operation("CopyObject", OBJECT, "PUT", action="put_object", header=COPY_SOURCE),
    Operation("PutObject", OBJECT, "PUT"),
    Operation("DeleteObject", OBJECT, "DELETE", version_action="delete_object_version",
              params="versionId"),
    Operation("DeleteObjects", BUCKET, "POST", "delete", action="delete_object"),
    Operation("PostObject", BUCKET, "POST", action="put_object", header=b"content-type",
              implemented=False),
    Operation("RenameObject", OBJECT, "PUT", "renameObject", implemented=False),
    Operation("RestoreObject", OBJECT, "POST", "restore",
              version_action="restore_object_version", params="versionId"),
    Operation("SelectObjectContent", OBJECT, "POST", "select", params="select-type",
              implemented=False),
    Operation("GetObjectTorrent", OBJECT, "GET", "torrent", implemented=False),
    Operation("GetObjectAttributes", OBJECT, "GET", "attributes",
              version_action="get_object_version_attributes", params="versionId"),

    # Multipart uploads
    Operation("CreateMultipartUpload", OBJECT, "POST", "uploads"),
    Operation("UploadPartCopy", OBJECT, "PUT", "uploadId", action="upload_part",
              header=COPY_SOURCE, needs="partNumber"),
    Operation("UploadPart", OBJECT, "PUT", "uploadId", needs="partNumber"),
    Operation("CompleteMultipartUpload", OBJECT, "POST", "uploadId"),
    Operation("AbortMultipartUpload", OBJECT, "DELETE", "uploadId"),
    Operation("ListParts", OBJECT, "GET", "uploadId",
              params="max-parts part-number-marker encoding-type"),

    # Object configuration
    Operation("GetObjectAcl", OBJECT, "GET", "acl",
              version_action="get_object_version_acl", params="versionId"),
    Operation("PutObjectAcl", OBJECT, "PUT", "acl",
              version_action="put_object_version_acl", params="versionId"),
    Operation("GetObjectAnnotation", OBJECT, "GET", "annotation",
              version_action="get_object_version_annotation",
              needs="annotationName", params="versionId", implemented=False),
    Operation("ListObjectAnnotations", OBJECT, "GET", "annotation",
              version_action="list_object_version_annotations",
              params=f"versionId max-annotation-results annotation-prefix {_PAGE}",
              implemented=False),
    Operation("PutObjectAnnotation", OBJECT, "PUT", "annotation",
              version_action="put_object_version_annotation",
              needs="annotationName", params="versionId", implemented=False),
    Operation("DeleteObjectAnnotation", OBJECT, "DELETE", "annotation",
              version_action="delete_object_version_annotation",
              needs="annotationName", params="versionId", implemented=False),
    Operation("UpdateObjectEncryption", OBJECT, "PUT", "encryption",
              version_action="update_object_version_encryption", params="versionId",
              implemented=False),
    Operation("GetObjectLegalHold", OBJECT, "GET", "legal-hold",
              version_action="get_object_version_legal_hold", params="versionId"),
    Operation("PutObjectLegalHold", OBJECT, "PUT", "legal-hold",
              version_action="put_object_version_legal_hold", params="versionId"),
    Operation("GetObjectRetention", OBJECT, "GET", "retention",
              version_action="get_object_version_retention", params="versionId"),
    Operation("PutObjectRetention", OBJECT, "PUT", "retention",
              version_action="put_object_version_retention", params="versionId"),
    Operation("GetObjectTagging", OBJECT, "GET", "tagging",
              version_action="get_object_version_tagging", params="versionId"),
    Operation("PutObjectTagging", OBJECT, "PUT", "tagging",
              version_action="put_object_version_tagging", params="versionId"),
    Operation("DeleteObjectTagging", OBJECT, "DELETE", "tagging",
              version_action="delete_object_version_tagging", params="versionId"),
)
# fmt: on

#: Every query parameter that selects a row, on whatever level.
SUBRESOURCES: frozenset[str] = frozenset(row.subresource for row in OPERATIONS) - {""}

_ROWS: dict[tuple[str, str, str], tuple[Operation, ...]] = {}
for _row in OPERATIONS:
    _selector = (_row.level, _row.method, _row.subresource)
    _ROWS[_selector] = (*_ROWS.get(_selector, ()), _row)

#: Rows that neither a parameter nor a header selects: the answer to most requests.
_PLAIN_OBJECT: dict[str, Operation] = {}
_PLAIN_BUCKET: dict[str, Operation] = {}
_PLAIN_SERVICE: dict[str, Operation] = {}
for _row in OPERATIONS:
    if not _row.subresource and not _row.header:
        _plain = {OBJECT: _PLAIN_OBJECT, BUCKET: _PLAIN_BUCKET, SERVICE: _PLAIN_SERVICE}
        _plain[_row.level][_row.method] = _row


def match(head: RequestHead, target: Target) -> Operation:
    """The operation that a request asks for.

    Raises: NotImplemented for a sub-resource, valueless parameter or (on writes) parameter
    without a row (SEM-7); MethodNotAllowed with the field ``Allow``; InvalidArgument for
    repeated or contradictory parameters and for values that S3 does not take.
    """
    method: str = head.method
    # Fast path: no query, and a method for which no header tells two rows apart.
    if not target.params and target.key and (method == "GET" or method == "HEAD"):
        return _PLAIN_OBJECT[method]
    if target.key:
        level = OBJECT
        plain = _PLAIN_OBJECT
    elif target.bucket:
        level = BUCKET
        plain = _PLAIN_BUCKET
    else:
        level = SERVICE
        plain = _PLAIN_SERVICE
    params = target.params
    subresource = ""
    for name in params:
        if name in SUBRESOURCES:
            if subresource:
                raise S3Error(
                    "InvalidArgument",
                    f"Conflicting query string parameters: {subresource}, {name}",
                    fields=(("ArgumentName", "ResourceType"), ("ArgumentValue", name)),
                )
            subresource = name
    for row in _ROWS.get((level, method, subresource), ()):
        if _fits(row, head, params):
            return _checked(row, target) if params else row
    if subresource:
        raise S3Error(
            "NotImplemented",
            f"The sub-resource {subresource} is not implemented for {method} on this resource.",
        )
    raise S3Error(
        "MethodNotAllowed",
        "The specified method is not allowed against this resource.",
        fields=(
            ("Method", method),
            ("ResourceType", level.upper()),
            ("Allow", ", ".join(sorted(plain))),
        ),
    )


def _fits(row: Operation, head: RequestHead, params: dict[str, bytes]) -> bool:
    for name in row.needs:
        if name not in params:
            return False
    if not row.header:
        return True
    value = head.get(row.header)
    if value is None:
        return False
    # The form upload is the only row that a value selects.
    return row.name != "PostObject" or value.lower().startswith(b"multipart/form-data")


def _checked(row: Operation, target: Target) -> Operation:
    """``row``, or its versioned twin, when its parameters may stand (SEM-7)."""
    params = target.params
    known = row.params
    if "partNumber" in known and "partNumber" in params:
        _check_part_number(params["partNumber"])
    if not row.implemented:
        return row.versioned if row.versioned is not None and "versionId" in params else row
    for name, value in params.items():
        if name in known:
            if name in target.repeated:
                raise S3Error(
                    "InvalidArgument",
                    "A query parameter may be given only once.",
                    fields=(("ArgumentName", name),),
                )
        elif name == "x-id" or name.lower() in AUTH_PARAMS:
            continue
        elif name.lower().startswith("x-amz-") and "X-Amz-Signature" in params:
            continue  # a header field in the query of a presigned URL: presigned.unhoist
        elif not value or not row.reads:
            raise S3Error("NotImplemented", f"The query parameter {name} is not implemented.")
    if row.subresource == "list-type" and params["list-type"] != b"2":
        raise S3Error(
            "InvalidArgument",
            "Invalid List Type specified in Request",
            fields=(("ArgumentName", "list-type"),),
        )
    if row.versioned is not None and "versionId" in params:
        if not params["versionId"]:
            raise S3Error(
                "InvalidArgument",
                "Version id cannot be the empty string",
                fields=(("ArgumentName", "versionId"),),
            )
        return row.versioned
    return row


def _check_part_number(value: bytes) -> None:
    """Digits only: ``int`` alone would take signs, blanks and underscores."""
    if not (value.isdigit() and len(value) <= 5 and 1 <= int(value) <= 10_000):
        raise S3Error(
            "InvalidArgument",
            "Part number must be an integer between 1 and 10000, inclusive",
            fields=(("ArgumentName", "partNumber"),),
        )


def not_implemented(operation: Operation) -> S3Error:
    """The answer for a row that is not built yet."""
    return S3Error("NotImplemented", f"The operation {operation.name} is not implemented.")


# What a header of a write asks for beyond the write itself (D3, SEM-14). Prefixes, so that a
# header which S3 adds to one of these families tomorrow is not let through today.
_HEADER_ACTIONS: tuple[tuple[bytes, str], ...] = (
    (b"x-amz-acl", "put_object_acl"),
    (b"x-amz-grant-", "put_object_acl"),
    (b"x-amz-tagging", "put_object_tagging"),
    (b"x-amz-object-lock-legal-hold", "put_object_legal_hold"),
    (b"x-amz-object-lock-", "put_object_retention"),
    (b"x-amz-bypass-governance-retention", "bypass_governance_retention"),
    (b"x-amz-website-redirect-location", "put_object_website_redirect"),
    (b"x-amz-server-side-encryption-customer-", "put_object_sse_customer_key"),
    (b"x-amz-server-side-encryption-aws-kms-key-id", "put_object_sse_kms_key"),
    (b"x-amz-server-side-encryption-context", "put_object_sse_kms_key"),
)
# The same for a bucket.
_BUCKET_HEADER_ACTIONS: tuple[tuple[bytes, str], ...] = (
    (b"x-amz-acl", "put_bucket_acl"),
    (b"x-amz-grant-", "put_bucket_acl"),
    (b"x-amz-bucket-object-lock-", "put_object_lock_configuration"),
    (b"x-amz-object-ownership", "put_bucket_ownership_controls"),
    (b"x-amz-bypass-governance-retention", "bypass_governance_retention"),
)
_HEADER_FAMILIES: tuple[bytes, ...] = tuple(
    {prefix for prefix, _ in _HEADER_ACTIONS + _BUCKET_HEADER_ACTIONS}
)


def required_actions(head: RequestHead, operation: Operation) -> tuple[str, ...]:
    """The actions that the caller must hold: the operation's own, then those that header
    fields of a write ask for."""
    if operation.reads:
        return (operation.action,)
    actions = [operation.action]
    for name, value in head.items():
        if not name.startswith(_HEADER_FAMILIES):
            continue
        if name == b"x-amz-acl" and value == b"private":
            continue  # what every object has anyway; rclone always sends it
        if operation.subresource == "acl" and name.startswith((b"x-amz-acl", b"x-amz-grant-")):
            continue  # the operation itself
        table = _BUCKET_HEADER_ACTIONS if operation.level == BUCKET else _HEADER_ACTIONS
        for prefix, action in table:
            if name.startswith(prefix):
                actions.append(action)
                break
    return tuple(actions)
