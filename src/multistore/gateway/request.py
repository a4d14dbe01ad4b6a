"""One request as every runtime must supply it, and as the phases complete it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.gateway.plan import UNSIGNED_PAYLOAD

if TYPE_CHECKING:
    from multistore.gateway.copy import CopySource
    from multistore.gateway.operation import Operation
    from multistore.gateway.plan import Fields
    from multistore.types import Bucket, Identity
    from multistore.wire import Authorization, RequestHead, SigningKey, Target

__all__ = ["GatewayRequest"]


class GatewayRequest:
    """What a client asked for (law 1: parsed once, read by everybody).

    The runtime supplies ``head``, ``peer`` (the client's address), ``secure`` (TLS),
    ``request_id`` and ``now`` (Unix time in seconds, taken once). The phases of
    ``engine.decide`` fill in the rest; what a failed request did not reach stays None.
    ``payload`` is what the verified signature says of the body: its SHA-256 in lower-case
    hex, ``UNSIGNED-PAYLOAD`` (also for an anonymous caller, who promised nothing), or a
    streaming mode, whose chunks are signed on from ``authorization`` with ``signing_key``:
    those two are None otherwise.
    ``source`` is what a copy is made of. ``cors`` are fields that the runtime adds to the answer,
    whoever makes it; None for none.
    """

    __slots__ = (
        "authorization",
        "bucket",
        "cors",
        "head",
        "identity",
        "now",
        "operation",
        "payload",
        "peer",
        "request_id",
        "secure",
        "signing_key",
        "source",
        "target",
    )

    def __init__(
        self, head: RequestHead, peer: str, secure: bool, request_id: str, now: float
    ) -> None:
        self.head = head
        self.peer = peer
        self.secure = secure
        self.request_id = request_id
        self.now = now
        self.payload = UNSIGNED_PAYLOAD
        self.authorization: Authorization | None = None
        self.signing_key: SigningKey | None = None
        self.target: Target | None = None
        self.operation: Operation | None = None
        self.identity: Identity | None = None
        self.bucket: Bucket | None = None
        self.source: CopySource | None = None
        self.cors: Fields | None = None
