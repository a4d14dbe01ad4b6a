"""The ordered phases of one decision (law 2): target, operation, identity, authorisation,
key, plan. Whatever goes wrong becomes an answer; what is refused costs no backend anything.
"""

from __future__ import annotations

import logging
import re
from typing import TYPE_CHECKING

from multistore.errors import S3Error, bug_of
from multistore.gateway import cors, hierarchy, outbound, render
from multistore.gateway.authorize import check_access, missing_bucket
from multistore.gateway.bucket_answers import ON_BUCKET, bucket_answer
from multistore.gateway.bucket_list import list_buckets
from multistore.gateway.copy import find_source
from multistore.gateway.identity import Authenticator
from multistore.gateway.operation import COPY_SOURCE, match, not_implemented
from multistore.gateway.payload import CHUNKED_OPERATIONS, content_length
from multistore.gateway.plan import Respond
from multistore.gateway.presigned import unhoist
from multistore.gateway.route import check_key, normalise_domains, read_target
from multistore.types import ANONYMOUS
from multistore.wire import HeaderSet

if TYPE_CHECKING:
    from multistore.gateway.plan import Collect, Plan
    from multistore.gateway.ports import BucketRegistry, CredentialStore, NameMapping
    from multistore.gateway.request import GatewayRequest
    from multistore.limits import Limits
    from multistore.wire import RequestHead

__all__ = ["Engine", "Settings"]

_log = logging.getLogger("multistore")

#: Characters that end or hide a header field (RFC 9110 5.5).
_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")

#: ``x-amz-*`` fields of an anonymous request (SEM-9); the others speak of the SDK or the caller.
_ANONYMOUS_FIELDS = HeaderSet(
    (
        b"x-amz-api-version",
        b"x-amz-cf-id",
        b"x-amz-checksum-mode",
        b"x-amz-content-sha256",
        b"x-amz-date",
        b"x-amz-expected-bucket-owner",
        b"x-amz-user-agent",
    )
)


class Settings:
    """What the engine must know of the configuration.

    ``domains``: below which a Host names a bucket. ``region``: what this gateway calls its
    region; ``regions``: those that a signature may name, empty for any (SEM-5).
    ``names`` maps hierarchical names, None without.
    ``owner_id`` and ``owner_display_name``: the owner of every bucket.
    """

    __slots__ = (
        "domains",
        "limits",
        "names",
        "owner_display_name",
        "owner_id",
        "region",
        "regions",
    )

    def __init__(
        self,
        domains: tuple[str, ...],
        region: str,
        regions: frozenset[str],
        owner_id: str,
        owner_display_name: str,
        limits: Limits,
        names: NameMapping | None = None,
    ) -> None:
        self.domains = normalise_domains(domains)
        self.region = region
        self.regions = regions
        self.owner_id = owner_id
        self.owner_display_name = owner_display_name
        self.limits = limits
        self.names = names


class Engine:
    """Decides. Holds no state of a request; one per configuration and worker."""

    __slots__ = (
        "_authenticator",
        "_buckets",
        "_domains",
        "_get_bucket",
        "_object_bytes",
        "_owner_id",
        "_settings",
    )

    def __init__(
        self, buckets: BucketRegistry, credentials: CredentialStore, settings: Settings
    ) -> None:
        self._buckets = buckets
        self._settings = settings
        # Asked on every request, so looked up once.
        self._get_bucket = buckets.get_bucket
        self._domains = settings.domains
        self._owner_id = settings.owner_id.encode()
        self._object_bytes = settings.limits.object_bytes
        self._authenticator = Authenticator(
            credentials, settings.region, settings.regions, settings.limits.max_presign_seconds
        )

    def decide(self, request: GatewayRequest) -> Plan:
        """What to do with ``request``, whose phases are filled in as far as it got.
        Raises nothing: a refusal, and a bug of ours, are answers too."""
        try:
            return self._decide(request)
        except Exception as error:
            return self._refusal(request, _shown(request, error))

    def resume(self, request: GatewayRequest, collect: Collect, body: bytes) -> Plan:
        """What to do now that the body is there that ``collect`` asked for. Raises nothing."""
        try:
            if collect.check is not None:
                collect.check.update(body)
                collect.check.finish()
            return collect.finish(body)
        except Exception as error:
            return self._refusal(request, _shown(request, error))

    def _refusal(self, request: GatewayRequest, error: S3Error) -> Respond:
        head, target = request.head, request.target
        if request.cors is None and target is not None and target.bucket:
            request.cors = cors.answer_fields(self._buckets.get_bucket(target.bucket), head)
        resource = render.resource_of(head)
        return render.error(error, request.request_id, resource, head=head.method == "HEAD")

    def _decide(self, request: GatewayRequest) -> Plan:
        head = request.head
        received = read_target(head, self._domains)
        target, named = received, True
        names = self._settings.names
        if names is not None and received.bucket:
            target, named = names.map_target(received)
        request.target = target
        if head.method == "OPTIONS":
            return cors.preflight(self._get_bucket(target.bucket), head)
        if target.params:
            head = unhoist(head, target)
        operation = match(head, target)
        request.operation = operation
        identity = self._authenticator.authenticate(request, received)
        request.identity = identity
        request.head = head
        if not operation.implemented:
            raise not_implemented(operation)
        if names is not None:
            hierarchy.check(operation, named)
        if request.signing_key is not None and operation.name not in CHUNKED_OPERATIONS:
            raise S3Error(
                "NotImplemented",
                f"{operation.name} does not take the payload mode {request.payload.decode()}.",
            )
        if target.params:
            _check_overrides(target.params, identity is ANONYMOUS)
        if identity is ANONYMOUS:
            _refuse_unproven(head)
        if not target.bucket:
            return list_buckets(request, self._buckets, self._settings)

        if not named:
            return hierarchy.answer(request, received.bucket, self._buckets, self._settings)
        bucket = self._get_bucket(target.bucket)
        if bucket is None:
            raise missing_bucket(identity, operation, head, target, received.bucket)
        if bucket.cors is not None:
            request.cors = bucket.cors.fields(head)
        check_access(identity, operation, head, target, bucket)
        request.bucket = bucket
        owner = head.get(b"x-amz-expected-bucket-owner")
        if owner is not None and owner != self._owner_id:
            raise S3Error("AccessDenied", "Access Denied")

        if target.key:
            check_key(target.key, target.unsafe_key, bucket)
            if operation.header == COPY_SOURCE:
                request.source = find_source(head, identity, self._get_bucket, self._settings)
            length = head.content_length
            if request.signing_key is not None or head.chunked:
                length = content_length(request)
            if length > self._object_bytes:
                raise S3Error(
                    "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size"
                )
        elif bucket.by_pattern:
            pass  # whether it is there only the store knows
        elif operation.name == "HeadBucket" and not bucket.forwards_operations:
            outbound.check_list(head)
            region = self._settings.region.encode()
            return Respond(200, ((b"x-amz-bucket-region", region),))
        elif operation.name == "GetBucketLocation":
            outbound.check_list(head)
            return render.bucket_location(self._settings.region)
        elif operation.name in ON_BUCKET and not bucket.forwards_operations:
            settings = self._settings
            return bucket_answer(request, settings.owner_id, settings.owner_display_name)
        return bucket.backend.plan(request)


def _shown(request: GatewayRequest, error: Exception) -> S3Error:
    """What the client is told of ``error``; a bug of ours goes to the log."""
    if isinstance(error, S3Error):
        return error
    _log.error("request %s: %s", request.request_id, bug_of(error))
    return S3Error("InternalError", "We encountered an internal error. Please try again.")


def _check_overrides(params: dict[str, bytes], anonymous: bool) -> None:
    """SEM-9: only a signature makes a link that says how its answer is labelled, and no link
    writes more than one field into it (law 4)."""
    for name, value in params.items():
        if not name.startswith("response-"):
            continue
        if anonymous:
            raise S3Error(
                "InvalidRequest",
                "Request specific response headers cannot be used for anonymous GET requests.",
            )
        if _CONTROL.search(value):
            raise S3Error(
                "InvalidArgument",
                f"The value of {name} has a control character.",
                fields=(("ArgumentName", name),),
            )


def _refuse_unproven(head: RequestHead) -> None:
    """SEM-9: what a caller without a name may say. Anything else would go out under the store's
    own credential: a requester who pays, a key to decrypt with."""
    name = head.first_outside(b"x-amz-", _ANONYMOUS_FIELDS)
    if name is not None:
        raise S3Error("AccessDenied", "Access Denied")
