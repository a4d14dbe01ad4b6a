"""Who asks: nobody, or the holder of a long-lived key who signed with SigV4.

Rules 1-15 of "Authenticating Requests (AWS Signature Version 4)", in the reading of
SEM-2..6, 9 and 27. The signature's time comes from ``x-amz-date`` alone: a request with
only ``Date`` is refused, since SigV4 would have to read one of three older date forms and
every signer in use sends ``x-amz-date``.

What is not built yet (presigned URLs, SigV4A, streaming bodies) is refused with an error
that names it, never taken for anonymous (SEM-3).
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.operation import AUTH_PARAMS
from multistore.gateway.plan import EMPTY_SHA256, UNSIGNED_PAYLOAD
from multistore.limits import CLOCK_SKEW
from multistore.types import ANONYMOUS
from multistore.wire import SigningKey, check_signed_headers, parse_authorization, verify

if TYPE_CHECKING:
    from multistore.gateway.ports import CredentialStore
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Identity
    from multistore.wire import Authorization, RequestHead, Target

__all__ = ["Authenticator", "KeyCache", "read_amz_date"]

#: Rule 11: the streaming modes that exist. None is built yet; another one is not S3's.
_STREAMING = frozenset(
    (
        b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD",
        b"STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD-TRAILER",
        b"STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    )
)

#: The whole set of a presigned URL; half of it is an error (SEM-3).
_PRESIGNED = frozenset(
    (
        "X-Amz-Algorithm",
        "X-Amz-Credential",
        "X-Amz-Date",
        "X-Amz-Expires",
        "X-Amz-Signature",
        "X-Amz-SignedHeaders",
    )
)

_HEX_SHA256 = re.compile(rb"[0-9A-Fa-f]{64}")
_REGION = re.compile(r"[A-Za-z0-9._-]{1,64}")

#: Stands in for the secret of an unknown key, which must cost the same work (rule 13).
_NO_SECRET = "0" * 40

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


class Authenticator:
    """Turns a request into an identity. One per configuration and worker."""

    __slots__ = ("_amz_date", "_credentials", "_day", "_keys", "_region", "_regions", "_timestamp")

    def __init__(self, credentials: CredentialStore, region: str, regions: frozenset[str]) -> None:
        self._credentials = credentials
        self._region = region
        self._regions = regions
        self._keys = KeyCache()
        # The last date that was read: signers in use write the same second many times.
        self._amz_date: bytes | None = None
        self._day = ""
        self._timestamp = 0.0

    def authenticate(self, request: GatewayRequest, target: Target) -> Identity:
        """The caller of ``request``, which asks for ``target``. Sets ``request.payload``.

        Raises: S3Error; what may be said of a key is said only after its signature held.
        """
        head = request.head
        value = head.get(b"authorization")
        if target.params:
            _refuse_query_credential(target, value is not None)
        if value is None:
            if head.get(b"x-amz-security-token") is not None:
                raise S3Error("InvalidRequest", "A session token needs a signature beside it.")
            return ANONYMOUS
        authorization = parse_authorization(value)
        check_signed_headers(head, authorization)
        amz_date = head.get(b"x-amz-date") or b""
        self._check_time(amz_date, authorization, request.now)
        payload = _read_payload(head)

        credential = self._credentials.get_credential(authorization.access_key_id)
        secret = _NO_SECRET if credential is None else credential.secret_access_key
        scope = authorization.credential
        key = None if credential is None else self._keys.get(scope, secret)
        if key is not None:
            holds = verify(head, target, authorization, key, amz_date, payload)
        else:
            key = self._derive(authorization, secret)
            holds = verify(head, target, authorization, key, amz_date, payload)
            if holds and credential is not None:
                self._keys.put(scope, secret, key)
        if credential is None:
            raise S3Error(
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            )
        if not holds:
            raise S3Error(
                "SignatureDoesNotMatch",
                "The request signature we calculated does not match the signature you provided. "
                "Check your key and signing method.",
            )
        if not credential.enabled:
            raise S3Error("InvalidAccessKeyId", "This access key is disabled.")
        if credential.expires_at and credential.expires_at <= request.now:
            raise S3Error("ExpiredToken", "This access key has expired.")
        if head.get(b"x-amz-security-token") is not None:
            raise S3Error("InvalidToken", "The provided token is malformed or otherwise not valid.")
        if payload is not UNSIGNED_PAYLOAD and payload is not EMPTY_SHA256:
            if payload in _STREAMING:
                raise S3Error(
                    "NotImplemented", f"The payload mode {payload.decode()} is not implemented."
                )
            payload = payload.lower()
        request.payload = payload
        return credential.identity

    def _check_time(self, amz_date: bytes, authorization: Authorization, now: float) -> None:
        """Rule 3: a well-formed time, of the scope's day, within the skew."""
        if amz_date != self._amz_date:
            self._timestamp = read_amz_date(amz_date)
            self._day = amz_date[:8].decode()
            self._amz_date = amz_date
        if authorization.date != self._day:
            raise S3Error(
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; the credential date is not the day of "
                "x-amz-date.",
            )
        if not -CLOCK_SKEW <= now - self._timestamp <= CLOCK_SKEW:
            raise S3Error(
                "RequestTimeTooSkewed",
                "The difference between the request time and the current time is too large.",
                fields=(
                    ("RequestTime", amz_date.decode()),
                    ("ServerTime", datetime.fromtimestamp(now, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")),
                    ("MaxAllowedSkewMilliseconds", str(CLOCK_SKEW * 1000)),
                ),
            )

    def _derive(self, authorization: Authorization, secret: str) -> SigningKey:
        """The key of a scope that has not been seen yet, if the scope is one for us (SEM-5)."""
        if authorization.service != "s3":
            raise S3Error(
                "AuthorizationHeaderMalformed",
                "The authorization header is malformed; the service must be s3.",
            )
        region = authorization.region
        if not _REGION.fullmatch(region) or (self._regions and region not in self._regions):
            raise S3Error(
                "AuthorizationHeaderMalformed",
                f"The authorization header is malformed; the region is wrong; expecting "
                f"'{self._region}'",
                fields=(("Region", self._region),),
            )
        return SigningKey(secret, authorization.date, region, "s3")


def _read_payload(head: RequestHead) -> bytes:
    """What ``x-amz-content-sha256`` says of the body, as signed (rules 10 and 11, SEM-6).
    Whether it tells the truth is found out where the body is (law 6)."""
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
    if payload in _STREAMING:
        return payload
    if not _HEX_SHA256.fullmatch(payload):
        raise S3Error(
            "InvalidArgument",
            "x-amz-content-sha256 must be UNSIGNED-PAYLOAD, one of the STREAMING- values of S3, "
            "or a valid sha256 value.",
            fields=(("ArgumentName", "x-amz-content-sha256"),),
        )
    return payload


def _refuse_query_credential(target: Target, header: bool) -> None:
    """SEM-3, SEM-4: a credential in the query is never overlooked, and never beside another."""
    found = {name for name in target.params if name.lower() in AUTH_PARAMS}
    if not found:
        return
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
    if not found >= _PRESIGNED or not found.isdisjoint(target.repeated):
        raise S3Error(
            "AuthorizationQueryParametersError",
            "Query-string authentication version 4 requires the X-Amz-Algorithm, "
            "X-Amz-Credential, X-Amz-Signature, X-Amz-Date, X-Amz-SignedHeaders, and "
            "X-Amz-Expires parameters, each once.",
        )
    if target.params["X-Amz-Algorithm"] == b"AWS4-HMAC-SHA256":
        raise S3Error(
            "NotImplemented",
            "Presigned URLs are not implemented; sign the request in its Authorization header.",
        )
    if target.params["X-Amz-Algorithm"] == b"AWS4-ECDSA-P256-SHA256":
        raise S3Error("NotImplemented", "Signature Version 4A is not implemented.")
    raise S3Error(
        "AuthorizationQueryParametersError",
        'X-Amz-Algorithm only supports "AWS4-HMAC-SHA256"',
    )
