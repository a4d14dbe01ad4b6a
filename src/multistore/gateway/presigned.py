"""Presigned URLs: Signature Version 4 in the query.

The rules are those of the header form (``identity``) but for these: a URL lives by its own
expiry, not by the clock skew (SEM-27); nothing is signed of the body unless
``x-amz-content-sha256`` says so; and whoever holds a URL is not who made it, so that nothing may
be added to it (law 5). It is verified with Host and target as received (SEM-2).

Source: "Authenticating Requests: Using Query Parameters (AWS Signature Version 4)", Amazon S3
API reference.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.key_refusals import unknown_key, unknown_token, wrong_signature
from multistore.gateway.operation import AUTH_PARAMS
from multistore.gateway.plan import UNSIGNED_PAYLOAD
from multistore.gateway.sigv4 import HEADER_FAULT, NO_SECRET, QUERY_FAULT, SHA256, check_scope
from multistore.limits import CLOCK_SKEW
from multistore.wire import (
    RequestHead,
    SigningKey,
    check_signed_headers,
    parse_authorization,
    verify_presigned,
)

if TYPE_CHECKING:
    from multistore.gateway.ports import CredentialStore
    from multistore.gateway.request import GatewayRequest
    from multistore.gateway.sigv4 import DateReader, KeyCache
    from multistore.types import Identity
    from multistore.wire import Authorization, Target

__all__ = ["PresignedUrl", "UrlAuthenticator", "read_presigned", "unhoist"]

#: ASCII digits only: ``int`` alone would take signs, blanks and underscores.
_DIGITS = re.compile(rb"[0-9]{1,7}")

_DATE_FORM = "X-Amz-Date must be in the ISO8601 Long Format \"yyyyMMdd'T'HHmmss'Z'\""

#: As the SDKs for JavaScript and Go write it.
_PAYLOAD = "X-Amz-Content-Sha256"

#: Hoisted parameters that are no header field to whom they reach: read above, or about a checksum
#: (``_is_field``).
_READ_HERE = frozenset((b"x-amz-content-sha256", b"x-amz-sdk-checksum-algorithm"))

#: Operations whose body names what they act on, so that it must be signed (D7).
_BODY_IS_SIGNED = frozenset(("DeleteObjects",))


class PresignedUrl:
    """What a URL says of itself; true once its signature held.

    ``payload`` is what was signed for the body as the client wrote it, ``token`` the session
    token or None, ``expires_at`` the Unix time from which on it is refused.
    """

    __slots__ = ("amz_date", "authorization", "expires_at", "payload", "token")

    def __init__(
        self,
        authorization: Authorization,
        amz_date: bytes,
        expires_at: float,
        payload: bytes,
        token: bytes | None,
    ) -> None:
        self.authorization = authorization
        self.amz_date = amz_date
        self.expires_at = expires_at
        self.payload = payload
        self.token = token


def read_presigned(
    head: RequestHead, target: Target, dates: DateReader, now: float, skew: float, longest: int
) -> PresignedUrl:
    """Everything about a presigned request that needs no secret: its fields are well-formed, every
    field that must be signed is (rule 5), and it is time (rule 4).

    ``target`` has passed ``sigv4.read_query_credential``. ``now`` is the Unix time, ``skew`` how
    many seconds a signer's clock may be ahead, ``longest`` the largest X-Amz-Expires.

    Raises: AuthorizationQueryParametersError; AccessDenied for unsigned fields and for a URL that
    has expired or is not valid yet; SignatureDoesNotMatch for a signed field that is not there;
    InvalidRequest.
    """
    params = target.params
    if head.get(b"x-amz-security-token") is not None:
        raise S3Error("InvalidRequest", "The session token of a presigned URL is in its query.")
    amz_date = params["X-Amz-Date"]
    # A presigned query holds the fields of the header under other names; what would be another
    # field there (a comma) is refused as it is refused there.
    value = b"AWS4-HMAC-SHA256 Credential=%b,SignedHeaders=%b,Signature=%b" % (
        params["X-Amz-Credential"],
        params["X-Amz-SignedHeaders"],
        params["X-Amz-Signature"],
    )
    try:
        authorization = parse_authorization(value)
        check_signed_headers(head, authorization)
    except S3Error as error:
        raise _of_query(error, HEADER_FAULT, error.message) from None
    try:
        signed_at = dates.read(amz_date, authorization, QUERY_FAULT)
    except S3Error as error:
        raise _of_query(error, "AccessDenied", _DATE_FORM) from None
    expires = params["X-Amz-Expires"]
    if not _DIGITS.fullmatch(expires) or not 1 <= int(expires) <= longest:
        raise S3Error(QUERY_FAULT, f"X-Amz-Expires must be between 1 and {longest} seconds.")
    expires_at = signed_at + int(expires)
    if now < signed_at - skew:
        raise S3Error("AccessDenied", "Request is not valid yet", fields=_clock(now))
    if now >= expires_at:
        fields = (("X-Amz-Expires", expires.decode()), ("Expires", _moment(expires_at)))
        raise S3Error("AccessDenied", "Request has expired", fields=(*fields, *_clock(now)))
    if _PAYLOAD.lower() in params:
        raise S3Error("InvalidRequest", f"The query parameter is called {_PAYLOAD}.")
    payload = head.get(b"x-amz-content-sha256") or params.get(_PAYLOAD) or UNSIGNED_PAYLOAD
    if payload == UNSIGNED_PAYLOAD:
        payload = UNSIGNED_PAYLOAD
    elif not SHA256.fullmatch(payload):
        raise S3Error(
            "InvalidRequest",
            "x-amz-content-sha256 of a presigned request must be UNSIGNED-PAYLOAD or a valid "
            "sha256 value.",
        )
    return PresignedUrl(
        authorization, amz_date, expires_at, payload, params.get("X-Amz-Security-Token")
    )


def _of_query(error: S3Error, code: str, message: str) -> S3Error:
    """``error``; one with ``code``, which is for a faulty header, as that of a faulty query."""
    return S3Error(QUERY_FAULT, message) if error.code == code else error


def _is_field(name: bytes) -> bool:
    """The SDK for JavaScript presigns the checksum of the empty body that it has, and S3 looks at
    none in a query (aws/aws-sdk-go-v2#2610, localstack/localstack#12169)."""
    if name.startswith(b"x-amz-checksum-"):
        return name == b"x-amz-checksum-mode"
    return name not in _READ_HERE


def unhoist(head: RequestHead, target: Target) -> RequestHead:
    """The head as it is meant: SDKs hoist ``x-amz-*`` fields into the query of a URL that they
    presign, so that nobody has to send them. They are covered by its signature, and mean what the
    fields mean. Everything but the signature check reads this head (laws 1 and 5).

    Raises: InvalidArgument for a field that is given twice; BadRequest for one that cannot be.
    """
    if "X-Amz-Signature" not in target.params:
        return head
    hoisted: dict[bytes, bytes] = {}
    for name, value in target.params.items():
        lower = name.lower()
        if not lower.startswith("x-amz-") or lower in AUTH_PARAMS:
            continue
        field = lower.encode()
        if name in target.repeated or field in hoisted or head.get(field) is not None:
            raise S3Error(
                "InvalidArgument",
                "A header field may be given only once, be it in the query of a presigned URL.",
                fields=(("ArgumentName", lower),),
            )
        hoisted[field] = value
    added = [(field, value) for field, value in hoisted.items() if _is_field(field)]
    if not added:
        return head
    return RequestHead(head.method, head.target, head.version, [*head.items(), *added])


def _moment(timestamp: float) -> str:
    return datetime.fromtimestamp(timestamp, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _clock(now: float) -> tuple[tuple[str, str], ...]:
    return (("ServerTime", _moment(now)),)


class UrlAuthenticator:
    """Turns a presigned request into an identity. One per ``identity.Authenticator``, whose caches
    it shares."""

    __slots__ = ("_credentials", "_dates", "_keys", "_longest", "_region", "_regions")

    def __init__(
        self,
        credentials: CredentialStore,
        region: str,
        regions: frozenset[str],
        *,
        keys: KeyCache,
        dates: DateReader,
        longest: int,
    ) -> None:
        self._credentials = credentials
        self._region = region
        self._regions = regions
        self._keys = keys
        self._dates = dates
        self._longest = longest

    def authenticate(self, request: GatewayRequest, target: Target) -> Identity:
        """The signer of ``request``, which asks for ``target``. Sets ``request.payload``.

        Raises: S3Error; what may be said of a key is said only after its signature held.
        """
        head = request.head
        url = read_presigned(head, target, self._dates, request.now, CLOCK_SKEW, self._longest)
        operation = request.operation
        if operation is not None and operation.name in _BODY_IS_SIGNED:
            raise S3Error(
                "InvalidRequest",
                f"{operation.name} cannot be presigned: its body must be signed.",
            )
        authorization = url.authorization
        credential = self._credentials.get_credential(authorization.access_key_id)
        secret = NO_SECRET if credential is None else credential.secret_access_key
        scope = authorization.credential
        cached = None if credential is None else self._keys.get(scope, secret)
        if cached is None:
            check_scope(authorization, self._region, self._regions, QUERY_FAULT)
            key = SigningKey(secret, authorization.date, authorization.region, "s3")
        else:
            key = cached
        holds = verify_presigned(head, target, authorization, key, url.amz_date, url.payload)
        if credential is None:
            raise unknown_key()
        if not holds:
            raise wrong_signature()
        if cached is None:
            self._keys.put(scope, secret, key)
        if not credential.enabled:
            raise S3Error("InvalidAccessKeyId", "This access key is disabled.")
        if credential.expires_at and credential.expires_at <= request.now:
            raise S3Error("ExpiredToken", "This access key has expired.")
        if url.token is not None:
            raise unknown_token()
        request.payload = (
            UNSIGNED_PAYLOAD if url.payload is UNSIGNED_PAYLOAD else url.payload.lower()
        )
        return credential.identity
