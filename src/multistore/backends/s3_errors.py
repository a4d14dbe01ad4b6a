"""What an S3 backend's failure means for the client, and for the operator (D8, SEM-15).

A client's own fault keeps S3's code, with our words and the client's names. What lies between
gateway and backend (credential, clock, region, a bucket that is not there) is 502 or 503 for the
client and a line in the log for the operator. Nothing of the backend's document is shown but
its code, and of its head only what is listed here: AWS's 403 holds the access key id and the
string to sign, every error holds the backend's names (S20).

Codes: "Error Responses" in the Amazon S3 API reference.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.wire import LEAF, XmlReader

if TYPE_CHECKING:
    from multistore.gateway.plan import Fields
    from multistore.wire import ResponseHead

__all__ = ["Failure", "explain"]

#: Codes that are the client's to mend, with our message: all of ``errors.STATUS`` but those that
#: only the gateway gives and those of ``_OURS``.
_CLIENT: dict[str, str] = {
    "AccessControlListNotSupported": "The bucket does not allow ACLs",
    "AccessDenied": "Access Denied",
    "BadDigest": "The Content-MD5 or checksum you specified did not match what we received",
    "BucketAlreadyExists": "The requested bucket name is not available",
    "BucketAlreadyOwnedByYou": "The bucket exists already, and you own it",
    "BucketNotEmpty": "The bucket you tried to delete is not empty",
    "ConditionalRequestConflict": "A conflicting conditional operation is in progress; try again",
    "EntityTooLarge": "Your proposed upload exceeds the maximum allowed object size",
    "EntityTooSmall": "Your proposed upload is smaller than the minimum allowed object size",
    "IllegalVersioningConfigurationException": "The versioning configuration is not valid",
    "InvalidArgument": "A value of the request is not valid",
    "InvalidBucketAclWithObjectOwnership": "The bucket's object ownership does not go with ACLs",
    "InvalidBucketState": "The request is not valid for the current state of the bucket",
    "InvalidDigest": "The Content-MD5 or checksum value that you specified is not valid",
    "InvalidEncryptionAlgorithmError": "The encryption request that you specified is not valid",
    "InvalidObjectState": "The operation is not valid for the object's storage class",
    "InvalidPart": "One or more of the specified parts could not be found",
    "InvalidPartNumber": "The requested partnumber is not satisfiable",
    "InvalidPartOrder": "The list of parts was not in ascending order",
    "InvalidRange": "The requested range is not satisfiable",
    "InvalidRequest": "The request is not valid",
    "InvalidRetentionPeriod": "The retention period is not valid",
    "InvalidStorageClass": "The storage class you specified is not valid",
    "InvalidTag": "The tag provided was not a valid tag",
    "InvalidTargetBucketForLogging": "The target bucket for logging does not exist or is not yours",
    "KeyTooLongError": "Your key is too long",
    "MalformedACLError": "The ACL you provided was not well-formed or did not validate",
    "MalformedPolicy": "The policy is not valid",
    "MalformedXML": "The XML you provided was not well-formed or did not validate",
    "MaxMessageLengthExceeded": "Your request was too big",
    "MetadataTooLarge": "Your metadata headers exceed the maximum allowed metadata size",
    "MethodNotAllowed": "The specified method is not allowed against this resource",
    "MissingRequestBodyError": "Request Body is empty",
    "NoSuchBucketPolicy": "The bucket policy does not exist",
    "NoSuchConfiguration": "The specified configuration does not exist",
    "NoSuchCORSConfiguration": "The CORS configuration does not exist",
    "NoSuchKey": "The specified key does not exist.",
    "NoSuchLifecycleConfiguration": "The lifecycle configuration does not exist",
    "NoSuchObjectLockConfiguration": "The object has no object lock configuration",
    "NoSuchPublicAccessBlockConfiguration": "The public access block configuration was not found",
    "NoSuchTagSet": "There is no tag set associated with the bucket or object",
    "NoSuchUpload": "The specified multipart upload does not exist.",
    "NoSuchVersion": "The specified version does not exist.",
    "NoSuchWebsiteConfiguration": "The bucket has no website configuration",
    "NotImplemented": "The store behind the gateway does not implement this request",
    "ObjectLockConfigurationNotFoundError": "The bucket has no object lock configuration",
    "OperationAborted": "A conflicting operation is in progress; try again",
    "OwnershipControlsNotFoundError": "The bucket ownership controls were not found",
    "PreconditionFailed": "At least one of the preconditions you specified did not hold.",
    "ReplicationConfigurationNotFoundError": "The replication configuration was not found",
    "RequestHeaderSectionTooLarge": "Your request headers exceed the maximum allowed size",
    "RequestTimeout": "Your socket connection was not read from or written to in time",
    "RestoreAlreadyInProgress": "Object restore is already in progress",
    "ServerSideEncryptionConfigurationNotFoundError": (
        "The server side encryption configuration was not found"
    ),
    "TooManyBuckets": "You have attempted to create more buckets than allowed",
    "XAmzContentSHA256Mismatch": "The provided 'x-amz-content-sha256' header does not match",
}

#: What a status means when its code is missing (HEAD) or none of the above.
_BY_STATUS = {
    400: "InvalidRequest",
    403: "AccessDenied",
    404: "NoSuchKey",
    405: "MethodNotAllowed",
    409: "OperationAborted",
    412: "PreconditionFailed",
    416: "InvalidRange",
    501: "NotImplemented",
}

#: Ours to solve. 503: passes with time (a renewed credential, a set clock); 502: does not.
_OURS: dict[str, str] = {
    "AccountProblem": "BadGateway",
    "AllAccessDisabled": "BadGateway",
    "AuthorizationHeaderMalformed": "BadGateway",
    "AuthorizationQueryParametersError": "BadGateway",
    "CredentialsNotSupported": "BadGateway",
    "ExpiredToken": "ServiceUnavailable",
    "IllegalLocationConstraintException": "BadGateway",
    "IncompleteBody": "BadGateway",
    "InvalidAccessKeyId": "BadGateway",
    "InvalidBucketName": "BadGateway",
    "InvalidChunkSizeError": "BadGateway",  # the framing towards the store is the gateway's
    "InvalidSecurity": "BadGateway",
    "InvalidToken": "BadGateway",
    "InvalidURI": "BadGateway",
    "MalformedTrailerError": "BadGateway",
    "MissingAuthenticationToken": "BadGateway",
    "MissingContentLength": "BadGateway",
    "MissingSecurityHeader": "BadGateway",
    "NoSuchBucket": "BadGateway",
    "NotSignedUp": "BadGateway",
    "PermanentRedirect": "BadGateway",
    "RequestTimeTooSkewed": "ServiceUnavailable",
    "SignatureDoesNotMatch": "BadGateway",
    "TemporaryRedirect": "ServiceUnavailable",
    "TokenRefreshRequired": "ServiceUnavailable",
}

_BUSY = frozenset(
    (
        "BandwidthLimitExceeded",
        "RequestLimitExceeded",
        "SlowDown",
        "Throttling",
        "ThrottlingException",
        "TooManyRequests",
        "TooManyRequestsException",
    )
)

_CODE = re.compile(rb"[A-Za-z][A-Za-z0-9._]{0,63}")
_REGION = re.compile(r"[a-z]{2,}(?:-[a-z0-9]+){1,4}")
_CONTENT_RANGE = re.compile(rb"bytes \*/\d{1,19}")
_RETRY_AFTER = re.compile(rb"\d{1,5}")


class Failure:
    """One failed answer: built from its head while that is at hand, completed with its body.

    ``status`` is the backend's, ``code`` S3's or empty, ``region`` what it says of the bucket's
    region or empty; ``asked_region`` is the one that the request was signed for.
    """

    __slots__ = ("_fields", "_is_marker", "_size", "asked_region", "code", "region", "status")

    def __init__(self, status: int, head: ResponseHead, asked_region: str) -> None:
        self.status = status
        self.asked_region = asked_region
        self.code = ""
        self.region = _region(head.get(b"x-amz-bucket-region") or b"")
        self._size = b""
        fields: list[tuple[bytes, bytes]] = []
        content_range = head.get(b"content-range")
        if status == 416 and content_range and _CONTENT_RANGE.fullmatch(content_range):
            fields.append((b"content-range", content_range))
        retry_after = head.get(b"retry-after")
        if status in (429, 503) and retry_after and _RETRY_AFTER.fullmatch(retry_after):
            fields.append((b"retry-after", retry_after))
        self._is_marker = status in (404, 405) and head.get(b"x-amz-delete-marker") == b"true"
        if self._is_marker:
            fields.append((b"x-amz-delete-marker", b"true"))
            version = head.get(b"x-amz-version-id")
            if version is not None:
                fields.append((b"x-amz-version-id", version))
        self._fields = fields

    def read(self, body: bytes) -> None:
        """Takes code and region out of the error document; anything else in it is dropped."""
        reader = XmlReader(max_text=8192)
        try:
            events = reader.feed(body)
            reader.close()
        except S3Error:
            return
        for kind, name, text in events:
            if kind != LEAF:
                continue
            if name == "Code" and not self.code and _CODE.fullmatch(text):
                self.code = text.decode()
            elif name == "Region" and not self.region:
                self.region = _region(text)
            elif name == "ActualObjectSize" and text.isdigit():
                self._size = text

    @property
    def fields(self) -> Fields:
        """Fields of the head that a client may see."""
        if self.status == 416 and not self._fields and self._size:
            return ((b"content-range", b"bytes */" + self._size),)
        return tuple(self._fields)

    @property
    def redirects(self) -> bool:
        """The backend says that the bucket is somewhere else."""
        return self.status in (301, 302, 303, 307, 308) or (
            self.status == 400
            and self.region not in ("", self.asked_region)
            and self.code
            in ("", "AuthorizationHeaderMalformed", "IllegalLocationConstraintException")
        )

    @property
    def ours(self) -> bool:
        """Whether the operator has to do something about it."""
        return self.code in _OURS or self.redirects or self.status >= 500 or self.status < 400

    def error(self) -> S3Error:
        """What the client is told."""
        status, code = self.status, self.code
        if code in _BUSY or status == 429:
            return S3Error("SlowDown", "Please reduce your request rate.")
        if code in _OURS or self.redirects:
            name = _OURS.get(code, "BadGateway")
            return S3Error(name, "The gateway could not use its backend for this request")
        if code == "NotImplemented" or status == 501:
            return S3Error("NotImplemented", _CLIENT["NotImplemented"])
        if status == 503:
            return S3Error("ServiceUnavailable", "The backend is not available at the moment")
        if status == 504:
            return S3Error("GatewayTimeout", "The backend did not answer in time")
        if status == 500:
            return S3Error("InternalError", "The backend met an internal error; try again")
        if 400 <= status < 500:
            name = code if code in _CLIENT else _BY_STATUS.get(status, "InvalidRequest")
            # A delete marker can be deleted, nothing else (GetObject, "delete marker").
            marker = name == "MethodNotAllowed" and self._is_marker
            return S3Error(name, _CLIENT[name], fields=(("Allow", "DELETE"),) if marker else ())
        return S3Error("BadGateway", "The backend's answer could not be understood")


def explain(code: bytes) -> S3Error:
    """What the client is told of a code that stands beside no status: of one object of many, or in
    a 200."""
    name = code.decode("ascii", "replace")
    if name in _BUSY:
        return S3Error("SlowDown", "Please reduce your request rate.")
    if name in _CLIENT:
        return S3Error(name, _CLIENT[name])
    if name in _OURS:
        return S3Error(_OURS[name], "The gateway could not use its backend for this request")
    return S3Error("InternalError", "We encountered an internal error. Please try again.")


def _region(text: bytes) -> str:
    region = text.decode("ascii", "replace")
    return region if _REGION.fullmatch(region) else ""
