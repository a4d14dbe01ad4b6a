"""The ordered phases of one decision (law 2): target, operation, identity, authorisation,
key, plan. Whatever goes wrong becomes an answer; what is refused costs no backend anything.
"""

from __future__ import annotations

import logging
import re
from operator import attrgetter
from typing import TYPE_CHECKING

from multistore.errors import S3Error, bug_of
from multistore.gateway import outbound, render
from multistore.gateway.authorize import check_access, may_use, missing_bucket
from multistore.gateway.identity import Authenticator
from multistore.gateway.operation import match, not_implemented
from multistore.gateway.payload import CHUNKED_OPERATIONS, content_length
from multistore.gateway.plan import Respond
from multistore.gateway.presigned import unhoist
from multistore.gateway.route import check_key, normalise_domains, read_target
from multistore.types import ANONYMOUS
from multistore.wire import HeaderSet

if TYPE_CHECKING:
    from multistore.gateway.plan import Plan
    from multistore.gateway.ports import BucketRegistry, CredentialStore
    from multistore.gateway.request import GatewayRequest
    from multistore.limits import Limits
    from multistore.types import Bucket, Identity
    from multistore.wire import RequestHead, Target

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

#: Buckets on one page of ListBuckets (S3: ListBuckets, MaxBuckets).
_MAX_BUCKETS = 10_000


class Settings:
    """What the engine must know of the configuration.

    ``domains``: below which a Host names a bucket. ``region``: what this gateway calls its
    region; ``regions``: those that a signature may name, empty for any (SEM-5).
    ``owner_id`` and ``owner_display_name``: the owner of every bucket.
    """

    __slots__ = ("domains", "limits", "owner_display_name", "owner_id", "region", "regions")

    def __init__(
        self,
        domains: tuple[str, ...],
        region: str,
        regions: frozenset[str],
        owner_id: str,
        owner_display_name: str,
        limits: Limits,
    ) -> None:
        self.domains = normalise_domains(domains)
        self.region = region
        self.regions = regions
        self.owner_id = owner_id
        self.owner_display_name = owner_display_name
        self.limits = limits


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
        except S3Error as error:
            return _refusal(request, error)
        except Exception as error:
            _log.error("request %s: %s", request.request_id, bug_of(error))
            return _refusal(
                request,
                S3Error("InternalError", "We encountered an internal error. Please try again."),
            )

    def _decide(self, request: GatewayRequest) -> Plan:
        head = request.head
        target = read_target(head, self._domains)
        request.target = target
        if target.params:
            head = unhoist(head, target)
        operation = match(head, target)
        request.operation = operation
        identity = self._authenticator.authenticate(request, target)
        request.identity = identity
        request.head = head
        if not operation.implemented:
            raise not_implemented(operation)
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
            outbound.check_list(head)
            return self._list_buckets(identity, target)

        bucket = self._get_bucket(target.bucket)
        if bucket is None:
            raise missing_bucket(identity, operation, head, target)
        check_access(identity, operation, head, target, bucket)
        request.bucket = bucket
        owner = head.get(b"x-amz-expected-bucket-owner")
        if owner is not None and owner != self._owner_id:
            raise S3Error("AccessDenied", "Access Denied")

        if target.key:
            check_key(target, bucket)
            length = head.content_length
            if request.signing_key is not None:
                length = content_length(request)
            if length > self._object_bytes:
                raise S3Error(
                    "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size"
                )
        elif operation.name == "HeadBucket":
            outbound.check_list(head)
            region = self._settings.region.encode()
            return Respond(200, ((b"x-amz-bucket-region", region),))
        elif operation.name == "GetBucketLocation":
            outbound.check_list(head)
            return render.bucket_location(self._settings.region)
        return bucket.backend.plan(request)

    def _list_buckets(self, identity: Identity, target: Target) -> Respond:
        """ListBuckets: what the caller may use, in the order of names (S23)."""
        params = target.params
        prefix = params.get("prefix", b"").decode()
        after = params.get("continuation-token", b"").decode()
        limit = _read_max_buckets(params.get("max-buckets"))
        region = params.get("bucket-region", b"").decode()
        shown: list[Bucket] = []
        more = ""
        if not region or region == self._settings.region:
            for bucket in sorted(self._buckets.list_buckets(), key=attrgetter("name")):
                if bucket.name <= after or not bucket.name.startswith(prefix):
                    continue
                if may_use(identity, bucket):
                    if len(shown) == limit:
                        more = shown[-1].name
                        break
                    shown.append(bucket)
        return render.list_buckets(
            shown,
            self._settings.owner_id,
            self._settings.owner_display_name,
            prefix=prefix,
            continuation_token=more,
        )


def _read_max_buckets(value: bytes | None) -> int:
    if value is None:
        return _MAX_BUCKETS
    if value.isdigit() and len(value) <= 5 and 1 <= int(value) <= _MAX_BUCKETS:
        return int(value)
    raise S3Error(
        "InvalidArgument",
        f"max-buckets must be an integer between 1 and {_MAX_BUCKETS}",
        fields=(("ArgumentName", "max-buckets"),),
    )


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


def _refusal(request: GatewayRequest, error: S3Error) -> Respond:
    head = request.head
    resource = render.resource_of(head)
    return render.error(error, request.request_id, resource, head=head.method == "HEAD")
