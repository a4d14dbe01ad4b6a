"""ListBuckets: what the caller may use of the buckets that are configured and of those that stores
have below pattern entries (S23, D17), merged in the order of names, as if all were one owner's.

Parameters: "ListBuckets" in the Amazon S3 API reference.
"""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway import outbound, render
from multistore.gateway.authorize import may_use
from multistore.gateway.bucket_names import literal_ends, may_share_names

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multistore.gateway.engine import Settings
    from multistore.gateway.plan import Plan, Respond
    from multistore.gateway.ports import BucketPattern, BucketRegistry
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Bucket, Identity

__all__ = ["list_buckets"]

#: Buckets on one page (S3: ListBuckets, MaxBuckets).
_MAX_BUCKETS = 10_000


def list_buckets(request: GatewayRequest, registry: BucketRegistry, settings: Settings) -> Plan:
    """The plan for ListBuckets. Stores are asked one after the other, and only those that may have
    buckets for this caller; one that fails fails the whole, since a part would look like all.

    Raises: InvalidArgument; NotImplemented for an unknown ``x-amz-*`` field.
    """
    outbound.check_list(request.head)
    return _Page(request, registry, settings).begin()


class _Page:
    """One request under way."""

    __slots__ = (
        "_after",
        "_found",
        "_identity",
        "_limit",
        "_prefix",
        "_request",
        "_settings",
        "_waiting",
    )

    def __init__(
        self, request: GatewayRequest, registry: BucketRegistry, settings: Settings
    ) -> None:
        target, identity = request.target, request.identity
        assert target is not None and identity is not None
        params = target.params
        self._request = request
        self._settings = settings
        self._identity: Identity = identity
        self._prefix = params.get("prefix", b"").decode()
        self._after = params.get("continuation-token", b"").decode()
        self._limit = _read_max_buckets(params.get("max-buckets"))
        self._found: list[Bucket] = []
        self._waiting: list[BucketPattern] = []
        region = params.get("bucket-region", b"").decode()
        if not region or region == settings.region:
            self._found += self._usable(registry.list_buckets())
            self._waiting += filter(self._may_add, registry.list_patterns())

    def begin(self) -> Plan:
        return self._next([])

    def _next(self, buckets: Sequence[Bucket]) -> Plan:
        """``buckets`` are those of the store that was asked last."""
        self._found += self._usable(buckets)
        if self._waiting:
            return self._waiting.pop().list_buckets(self._request, self._next)
        return self._answer()

    def _usable(self, buckets: Sequence[Bucket]) -> list[Bucket]:
        return [
            bucket
            for bucket in buckets
            if bucket.shown_name > self._after
            and bucket.shown_name.startswith(self._prefix)
            and may_use(self._identity, bucket)
        ]

    def _may_add(self, pattern: BucketPattern) -> bool:
        """Whether a store can have anything for this caller: else it is not asked (law 2)."""
        start, _ = literal_ends(pattern.pattern)
        if not (start.startswith(self._prefix) or self._prefix.startswith(start)):
            return False
        if pattern.anonymous:
            return True
        role = self._identity.role
        if role is not None and pattern.allowed_roles and role not in pattern.allowed_roles:
            return False
        return any(
            may_share_names(scope.bucket, pattern.pattern) for scope in self._identity.scopes
        )

    def _answer(self) -> Respond:
        # Of a hierarchy several may be one to clients, as old as the first of them.
        found: list[Bucket] = []
        for bucket in sorted(self._found, key=attrgetter("shown_name", "created")):
            if not found or bucket.shown_name != found[-1].shown_name:
                found.append(bucket)
        shown = found[: self._limit]
        settings = self._settings
        return render.list_buckets(
            shown,
            settings.owner_id,
            settings.owner_display_name,
            prefix=self._prefix,
            continuation_token=shown[-1].shown_name if len(found) > len(shown) else "",
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
