"""What the gateway needs from outside: implemented by others and injected."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from multistore.gateway.plan import Forward, Plan
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Bucket, Credential
    from multistore.wire import ResponseHead, Target

__all__ = [
    "Answered",
    "Backend",
    "BucketPattern",
    "BucketRegistry",
    "Calls",
    "CredentialStore",
    "NameMapping",
    "TokenSealer",
]


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


class NameMapping(Protocol):
    """Hierarchical names, where several segments of a path name a bucket."""

    def map_target(self, target: Target) -> tuple[Target, bool]:
        """The target as everything reads it but the signature check (law 1), and whether it
        names a bucket; otherwise its ``bucket`` is what stands above buckets, which compare it
        with their ``shown_name``, or cannot be a bucket at all."""
        ...


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


class Answered:
    """A backend's whole answer to one call of a job: ``plan`` is what was asked."""

    __slots__ = ("body", "head", "plan", "status")

    def __init__(self, plan: Forward, status: int, head: ResponseHead, body: bytes) -> None:
        self.plan = plan
        self.status = status
        self.head = head
        self.body = body


class Calls(Protocol):
    """What a :class:`~multistore.gateway.plan.Job` may ask of the runtime. The ``answer`` of a
    plan is not used: whoever awaits judges.

    Raises, all of them: S3Error when no whole answer came.
    """

    async def fetch(self, plan: Forward, body: bytes = b"", *, limit: int) -> Answered:
        """One request with a body of ours, and its answer, of at most ``limit`` bytes."""
        ...

    async def transfer(
        self, source: Forward, target: Callable[[ResponseHead], Forward], *, limit: int
    ) -> Answered:
        """The body of one answer becomes the body of another request, in constant memory.

        ``target`` is asked once the head of a 200 or 206 with a length is there, and the answer
        is that of its request; any other answer of ``source`` is the answer. A body that is cut
        short is never seen whole by the target.
        """
        ...
