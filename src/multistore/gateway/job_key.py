"""What makes two requests two tries of one job (SEM-28)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multistore.gateway.request import GatewayRequest

__all__ = ["job_key"]

#: Fields that two tries may differ in.
_OF_ONE_TRY = (
    b"authorization",
    b"x-amz-date",
    b"date",
    b"amz-sdk-",
    b"user-agent",
    b"x-amzn-trace",
)


def job_key(request: GatewayRequest, body: bytes = b"") -> bytes:
    """The same for every try of one job by one caller, and for no other; for as long as the job
    holds ``request``, since a caller is known by its identity, not by a name that others may have
    too. ``body`` is what was read of the request's."""
    identity, head = request.identity, request.head
    digest = hashlib.sha256()
    for text in (b"%d" % id(identity), head.method.encode(), head.target, body):
        digest.update(b"%d:%b" % (len(text), text))
    for name, value in sorted(head.items()):
        if not name.startswith(_OF_ONE_TRY):
            digest.update(b"%d:%b%d:%b" % (len(name), name, len(value), value))
    return digest.digest()
