"""What the gateway needs from outside: implemented by others and injected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

    from multistore.gateway.plan import Plan
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Bucket, Credential

__all__ = ["Backend", "BucketRegistry", "CredentialStore", "TokenSealer"]


class BucketRegistry(Protocol):
    """The virtual buckets. Synchronous: what it cannot know at once it must have cached."""

    def get_bucket(self, name: str) -> Bucket | None: ...
    def list_buckets(self) -> Sequence[Bucket]: ...


class CredentialStore(Protocol):
    """The long-lived access keys."""

    def get_credential(self, access_key_id: str) -> Credential | None: ...


class TokenSealer(Protocol):
    """Hides a backend's continuation tokens and upload ids from clients, and clients' inventions
    from backends.

    ``context`` (what it is, bucket, prefix or key) is bound to the token; every process with the
    same configuration opens what another sealed, and seals the same to the same.
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
