"""Entries whose name is a pattern: every bucket of a store whose name fits (D17)."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from typing import Protocol

from multistore.gateway.authorize import matches
from multistore.gateway.bucket_names import bucket_name_fault
from multistore.gateway.plan import Plan
from multistore.gateway.ports import Backend
from multistore.gateway.request import GatewayRequest
from multistore.types import Bucket

__all__ = ["NAME", "BucketStore", "Pattern", "PatternBuckets", "is_pattern"]

#: Stands in ``bucket_name`` for the name that the client asks for.
NAME = "{name}"

#: Buckets that are kept ready. One takes about a KiB and 10 µs to make.
CACHED_BUCKETS = 4096


def is_pattern(name: str) -> bool:
    return "*" in name


class BucketStore(Protocol):
    """A store of many buckets; ``backends.s3_store.S3Store`` is one."""

    def bucket(self, name: str, /) -> Backend: ...
    def list_buckets(
        self,
        request: GatewayRequest,
        found: Callable[[Sequence[tuple[str, str]]], Plan],
        /,
    ) -> Plan: ...


class Pattern:
    """Implements ``gateway.ports.BucketPattern`` for one entry.

    ``template`` gives the store's name for a client's name, ``make`` a bucket for a name and its
    backend, with everything else that the entry says.
    """

    def __init__(
        self,
        pattern: str,
        template: str,
        store: BucketStore,
        make: Callable[[str, Backend], Bucket],
        *,
        anonymous: bool = False,
        allowed_roles: frozenset[str] = frozenset(),
    ) -> None:
        self.pattern = pattern
        self.anonymous = anonymous
        self.allowed_roles = allowed_roles
        self._start, _, self._end = template.partition(NAME)
        self._store = store
        self._make = make
        self._registry: PatternBuckets | None = None
        # Behind buckets that are only listed.
        self._unasked = store.bucket(f"{self._start}{self._end}")

    @property
    def literal(self) -> int:
        """How many characters of a name it says; the more, the sooner it is asked."""
        return len(self.pattern) - self.pattern.count("*")

    def join(self, registry: PatternBuckets) -> None:
        """``registry`` says which names are left to this pattern."""
        self._registry = registry

    def serves(self, name: str) -> bool:
        """Whether it stands for ``name``: one that S3 allows, and allows at the store."""
        return (
            matches(self.pattern, name)
            and not bucket_name_fault(name)
            and not bucket_name_fault(f"{self._start}{name}{self._end}")
        )

    def bucket(self, name: str) -> Bucket:
        return self._make(name, self._store.bucket(f"{self._start}{name}{self._end}"))

    def list_buckets(
        self, request: GatewayRequest, found: Callable[[Sequence[Bucket]], Plan]
    ) -> Plan:
        """See ``gateway.ports.BucketPattern``."""

        def read(known: Sequence[tuple[str, str]]) -> Plan:
            return found([*self._translated(known)])

        return self._store.list_buckets(request, read)

    def _translated(self, known: Sequence[tuple[str, str]]) -> Sequence[Bucket]:
        """Of a store's buckets those that are reached through this entry."""
        assert self._registry is not None
        buckets = []
        for theirs, created in known:
            name = theirs.removeprefix(self._start).removesuffix(self._end)
            if f"{self._start}{name}{self._end}" != theirs:
                continue
            if self._registry.pattern_of(name) is self:
                bucket = self._make(name, self._unasked)
                bucket.created = created or bucket.created
                buckets.append(bucket)
        return buckets


class PatternBuckets:
    """Implements ``gateway.ports.BucketRegistry``: entries with a name of their own first, then
    patterns, of which the one with the longest literal part that fits is taken; of two as long,
    the one that stands first in the file."""

    def __init__(
        self,
        named: Sequence[Bucket],
        patterns: Sequence[Pattern],
        *,
        cached: int = CACHED_BUCKETS,
    ) -> None:
        self._named = {bucket.name: bucket for bucket in named}
        self._listed = tuple(self._named[name] for name in sorted(self._named))
        self._patterns = tuple(sorted(patterns, key=lambda p: p.literal, reverse=True))
        self._cached = cached
        # Least recently used first.
        self._recent: OrderedDict[str, Bucket] = OrderedDict()
        for pattern in patterns:
            pattern.join(self)

    def pattern_of(self, name: str) -> Pattern | None:
        """The pattern that stands for ``name``, if one does."""
        if name in self._named:
            return None
        for pattern in self._patterns:
            if pattern.serves(name):
                return pattern
        return None

    def get_bucket(self, name: str) -> Bucket | None:
        bucket = self._named.get(name)
        if bucket is not None:
            return bucket
        bucket = self._recent.get(name)
        if bucket is not None:
            self._recent.move_to_end(name)
            return bucket
        pattern = self.pattern_of(name)
        if pattern is None:
            return None
        bucket = self._recent[name] = pattern.bucket(name)
        if len(self._recent) > self._cached:
            self._recent.popitem(last=False)
        return bucket

    def list_buckets(self) -> Sequence[Bucket]:
        return self._listed

    def list_patterns(self) -> Sequence[Pattern]:
        return self._patterns
