"""Who asks: nobody, or the holder of a long-lived key who signed with SigV4.

Rules 1-15 of "Authenticating Requests (AWS Signature Version 4)", in the reading of
SEM-2..6, 9 and 27.

What is not built yet (SigV4A, in chunks too) is refused with an error that names it, never taken
for anonymous (SEM-3). Presigned URLs are verified in ``presigned``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.key_refusals import unknown_key, unknown_token, wrong_signature
from multistore.gateway.plan import EMPTY_SHA256, UNSIGNED_PAYLOAD
from multistore.gateway.presigned import UrlAuthenticator
from multistore.gateway.sigv4 import (
    HEADER_FAULT,
    NO_SECRET,
    STREAMING,
    DateReader,
    KeyCache,
    check_scope,
    check_skew,
    read_payload,
    read_query_credential,
)
from multistore.limits import CLOCK_SKEW, PRESIGN_MAX
from multistore.types import ANONYMOUS
from multistore.wire import SigningKey, check_signed_headers, parse_authorization, verify

if TYPE_CHECKING:
    from multistore.gateway.ports import CredentialStore
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Identity
    from multistore.wire import Authorization, Target

__all__ = ["Authenticator"]


class Authenticator:
    """Turns a request into an identity. One per configuration and worker."""

    __slots__ = ("_dates", "_get_credential", "_keys", "_last", "_region", "_regions", "_urls")

    def __init__(
        self,
        credentials: CredentialStore,
        region: str,
        regions: frozenset[str],
        max_presign_seconds: int = PRESIGN_MAX,
    ) -> None:
        self._get_credential = credentials.get_credential  # asked on every request
        self._region = region
        self._regions = regions
        self._keys = KeyCache()
        self._dates = DateReader()
        # The last one that held: the next is often alike but for its signature.
        self._last: Authorization | None = None
        self._urls = UrlAuthenticator(
            credentials,
            region,
            regions,
            keys=self._keys,
            dates=self._dates,
            longest=max_presign_seconds,
        )

    def authenticate(self, request: GatewayRequest, target: Target) -> Identity:
        """The caller of ``request``, which asks for ``target``. Sets ``request.payload``, and for
        a streaming mode ``authorization`` and ``signing_key``.

        Raises: S3Error; what may be said of a key is said only after its signature held.
        """
        head = request.head
        value = head.get(b"authorization")
        if target.params and read_query_credential(target, value is not None):
            return self._urls.authenticate(request, target)
        if value is None:
            if head.get(b"x-amz-security-token") is not None:
                raise S3Error("InvalidRequest", "A session token needs a signature beside it.")
            return ANONYMOUS
        authorization = parse_authorization(value, self._last)
        check_signed_headers(head, authorization)
        amz_date = head.get(b"x-amz-date") or b""
        signed_at = self._dates.read(amz_date, authorization, HEADER_FAULT)
        check_skew(amz_date, signed_at, request.now, CLOCK_SKEW)
        payload = read_payload(head)

        credential = self._get_credential(authorization.access_key_id)
        secret = NO_SECRET if credential is None else credential.secret_access_key
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
            raise unknown_key()
        if not holds:
            raise wrong_signature()
        self._last = authorization
        if not credential.enabled:
            raise S3Error("InvalidAccessKeyId", "This access key is disabled.")
        if credential.expires_at and credential.expires_at <= request.now:
            raise S3Error("ExpiredToken", "This access key has expired.")
        if head.get(b"x-amz-security-token") is not None:
            raise unknown_token()
        if payload is not UNSIGNED_PAYLOAD and payload is not EMPTY_SHA256:
            if payload in STREAMING:
                if b"-ECDSA-" in payload:
                    raise S3Error(
                        "NotImplemented",
                        f"The payload mode {payload.decode()} is not implemented.",
                    )
                # Its chunks are signed on from here.
                request.authorization = authorization
                request.signing_key = key
            else:
                payload = payload.lower()
        request.payload = payload
        return credential.identity

    def _derive(self, authorization: Authorization, secret: str) -> SigningKey:
        """The key of a scope that has not been seen yet, if the scope is one for us (SEM-5)."""
        check_scope(authorization, self._region, self._regions, HEADER_FAULT)
        return SigningKey(secret, authorization.date, authorization.region, "s3")
