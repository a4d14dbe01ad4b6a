"""What the gateway needs from outside: implemented by others and injected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multistore.gateway.plan import Plan
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Bucket, Credential

__all__ = ["Backend", "BucketPattern", "BucketRegistry", "CredentialStore", "TokenSealer"]


class BucketPattern(Protocol):
    """The buckets of a store whose names fit ``pattern``, a glob (D17). ``anonymous`` and
    ``allowed_roles`` are those of each of them."""

    @property
    def pattern(self) -> str: ...
    @property
    def anonymous(self) -> bool: ...
    @property
    def allowed_roles(self) -> frozenset[str]: ...

    def list_buckets(
        self, request: GatewayRequest, found: Callable[[Sequence[Bucket]], Plan], /
    ) -> Plan:
        """Asks the store which there are; ``found`` gets them and gives the next plan."""
        ...


class BucketRegistry(Protocol):
    """The virtual buckets. Synchronous: what it cannot know at once it must have cached.

    ``get_bucket`` also gives those that fit a pattern, whether they exist or not;
    ``list_buckets`` those that are named.
    """

    def get_bucket(self, name: str) -> Bucket | None: ...
    def list_buckets(self) -> Sequence[Bucket]: ...
    def list_patterns(self) -> Sequence[BucketPattern]: ...


class CredentialStore(Protocol):
    """The long-lived access keys."""

    def get_credential(self, access_key_id: str) -> Credential | None: ...


class TokenSealer(Protocol):
    """Hides a backend's continuation token from clients, and clients' inventions from backends.

    ``context`` (bucket, prefix) is bound to the token; every process with the same
    configuration opens what another sealed.
    """

    def seal(self, token: bytes, context: bytes) -> bytes:
        """Returns URL-safe ASCII."""
        ...

    def open(self, sealed: bytes, context: bytes) -> bytes:
        """Raises: S3Error InvalidArgument for anything not sealed here for this context."""
        ...


class Backend(Protocol):
    """A store behind a bucket: turns an authorised request into a plan, sans-I/O."""

    def plan(self, request: GatewayRequest) -> Plan:
        """``request`` has passed authentication and authorisation; its ``bucket``,
        ``operation`` and ``target`` are set. Raises: S3Error."""
        ...
