"""What Signature Version 4 demands of a request beside the signature itself: date, scope, payload,
and a credential in one place only. For whoever verifies one: the gateway (``identity``) and
programs that embed it.

Rules: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference. The time
comes from ``x-amz-date`` alone: for ``Date`` one of three older forms would have to be read, and
every signer in use sends ``x-amz-date``.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.operation import AUTH_PARAMS
from multistore.gateway.plan import (
    EMPTY_SHA256,
    SIGNED_CHUNKS,
    SIGNED_CHUNKS_TRAILER,
    UNSIGNED_CHUNKS_TRAILER,
    UNSIGNED_PAYLOAD,
)

if TYPE_CHECKING:
    from multistore.wire import Authorization, RequestHead, SigningKey, Target

__all__ = [
    "HEADER_FAULT",
    "NO_SECRET",
    "QUERY_FAULT",
    "SHA256",
    "STREAMING",
    "DateReader",
    "KeyCache",
    "check_scope",
    "check_skew",
    "read_amz_date",
    "read_payload",
    "read_query_credential",
]

#: The code for a faulty credential, by where it stands.
HEADER_FAULT = "AuthorizationHeaderMalformed"
QUERY_FAULT = "AuthorizationQueryParametersError"

#: Rule 11: the streaming modes that exist. Another one is not S3's.
STREAMING = frozenset(
    (
        SIGNED_CHUNKS,
        SIGNED_CHUNKS_TRAILER,
        b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        UNSIGNED_CHUNKS_TRAILER,
    )
)

#: A payload hash as clients write it; in lower case everywhere behind the signature check.
SHA256 = re.compile(rb"[0-9A-Fa-f]{64}")

#: Stands in for the secret of an unknown key, which must cost the same work (rule 13).
NO_SECRET = "0" * 40

#: The whole set of a presigned URL; half of it is an error (SEM-3).
_PRESIGNED = frozenset(
    f"X-Amz-{name}"
    for name in ("Algorithm", "Credential", "Date", "Expires", "Signature", "SignedHeaders")
)
_PRESIGNED_AND_TOKEN = _PRESIGNED | {"X-Amz-Security-Token"}

_REGION = re.compile(r"[A-Za-z0-9._-]{1,64}")

#: Derived keys of one generation: one for each pair of access key, day and region in use.
_KEY_CACHE_SIZE = 1024


def read_amz_date(value: bytes) -> float:
    """Unix time of ``YYYYMMDDTHHMMSSZ`` (rule 3), digits being ASCII digits only.

    Raises: AccessDenied.
    """
    digits = value[:8] + value[9:15]
    if len(value) == 16 and value[8:9] == b"T" and value[15:] == b"Z" and digits.isdigit():
        try:
            return datetime(
                int(value[0:4]),
                int(value[4:6]),
                int(value[6:8]),
                int(value[9:11]),
                int(value[11:13]),
                int(value[13:15]),
                tzinfo=UTC,
            ).timestamp()
        except ValueError:
            pass
    raise S3Error("AccessDenied", "AWS authentication requires a valid x-amz-date header")


class DateReader:
    """Reads the time of a request, and remembers the last one: signers in use write the same
    second many times."""

    __slots__ = ("_amz_date", "_day", "_timestamp")

    def __init__(self) -> None:
        self._amz_date: bytes | None = None
        self._day = ""
        self._timestamp = 0.0

    def read(self, amz_date: bytes, authorization: Authorization, fault: str) -> float:
        """Rule 3: Unix time of a well-formed date that is of the scope's day.

        Raises: AccessDenied, or ``fault`` for another day.
        """
        if amz_date != self._amz_date:
            self._timestamp = read_amz_date(amz_date)
            self._day = amz_date[:8].decode()
            self._amz_date = amz_date
        if authorization.date != self._day:
            raise S3Error(fault, "The credential date is not the day of x-amz-date.")
        return self._timestamp


def check_skew(amz_date: bytes, signed_at: float, now: float, skew: float) -> None:
    """Raises: RequestTimeTooSkewed for a header that was signed more than ``skew`` seconds from
    ``now`` (SEM-27)."""
    if -skew <= now - signed_at <= skew:
        return
    raise S3Error(
        "RequestTimeTooSkewed",
        "The difference between the request time and the current time is too large.",
        fields=(
            ("RequestTime", amz_date.decode()),
            ("ServerTime", datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
            ("MaxAllowedSkewMilliseconds", str(int(skew * 1000))),
        ),
    )


def check_scope(
    authorization: Authorization, region: str, regions: frozenset[str], fault: str
) -> None:
    """Whether a credential scope is one for us: S3's, with a well-formed region that is one of
    ``regions`` unless there are none (SEM-5).

    Raises: ``fault``, which names ``region`` as the right one.
    """
    if authorization.service != "s3":
        raise S3Error(fault, "The credential is malformed; the service must be s3.")
    named = authorization.region
    if not _REGION.fullmatch(named) or (regions and named not in regions):
        raise S3Error(
            fault,
            f"The credential is malformed; the region is wrong; expecting '{region}'",
            fields=(("Region", region),),
        )


def read_payload(head: RequestHead) -> bytes:
    """What ``x-amz-content-sha256`` says of the body, as signed in a header (rules 10 and 11,
    SEM-6). Whether it tells the truth is found out where the body is (law 6)."""
    payload = head.get(b"x-amz-content-sha256")
    if payload == UNSIGNED_PAYLOAD:
        return UNSIGNED_PAYLOAD
    if payload is None:
        if head.content_length <= 0 and not head.chunked:
            return EMPTY_SHA256
        raise S3Error(
            "InvalidRequest", "Missing required header for this request: x-amz-content-sha256"
        )
    if payload == EMPTY_SHA256:
        return EMPTY_SHA256
    if payload in STREAMING:
        return payload
    if not SHA256.fullmatch(payload):
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING- values of S3, "
            "or a valid sha256 value.",
            fields=(("ArgumentName", "x-amz-content-sha256"),),
        )
    return payload


def read_query_credential(target: Target, header: bool) -> bool:
    """Whether the query is that of a URL presigned with ``AWS4-HMAC-SHA256``, whole.

    A credential in the query is never overlooked, nor taken beside another (SEM-3, SEM-4):
    ``header`` says that there is one in the header.

    Raises: InvalidArgument, InvalidRequest, AuthorizationQueryParametersError, NotImplemented.
    """
    found = {name for name in target.params if name.lower() in AUTH_PARAMS}
    if not found:
        return False
    if header:
        raise S3Error(
            "InvalidArgument",
            "Only one auth mechanism allowed; only the X-Amz-Algorithm query parameter, "
            "Signature query string parameter or the Authorization header should be specified",
        )
    if not any(name.lower().startswith("x-amz-") for name in found):
        raise S3Error(
            "InvalidRequest",
            "Signature Version 2 is not supported. Sign with AWS4-HMAC-SHA256 (Signature "
            "Version 4); in boto3 use Config(signature_version='s3v4').",
        )
    if not _PRESIGNED <= found <= _PRESIGNED_AND_TOKEN or not found.isdisjoint(target.repeated):
        raise S3Error(
            QUERY_FAULT,
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters, each once.",
        )
    algorithm = target.params["X-Amz-Algorithm"]
    if algorithm == b"AWS4-ECDSA-P256-SHA256":
        raise S3Error("NotImplemented", "Signature Version 4A is not implemented.")
    if algorithm != b"AWS4-HMAC-SHA256":
        raise S3Error(QUERY_FAULT, 'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"')
    return True


class CachedKey:
    """A derived key, and the secret that it was derived from."""

    __slots__ = ("key", "secret")

    def __init__(self, key: SigningKey, secret: str) -> None:
        self.key = key
        self.secret = secret


class KeyCache:
    """Derived keys by credential scope, least recently used ones dropped by the generation:
    a hit costs one look-up, and at most twice ``size`` entries are held.

    An entry counts only for the secret it was derived from, so a changed configuration
    never meets the key of the old one (rule 15).
    """

    __slots__ = ("_older", "_recent", "_size")

    def __init__(self, size: int = _KEY_CACHE_SIZE) -> None:
        self._size = size
        self._recent: dict[bytes, CachedKey] = {}
        self._older: dict[bytes, CachedKey] = {}

    def get(self, scope: bytes, secret: str) -> SigningKey | None:
        entry = self._recent.get(scope)
        if entry is None:
            entry = self._older.get(scope)
            if entry is None:
                return None
            self._keep(scope, entry)
        if entry.secret != secret:
            return None
        return entry.key

    def put(self, scope: bytes, secret: str, key: SigningKey) -> None:
        self._keep(scope, CachedKey(key, secret))

    def _keep(self, scope: bytes, entry: CachedKey) -> None:
        if len(self._recent) >= self._size:
            self._older = self._recent
            self._recent = {}
        self._recent[scope] = entry
