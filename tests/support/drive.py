"""A runtime of a few lines: carries out plans synchronously, one connection each.

The one module under ``support`` that uses the product: it speaks through the product's kernel, as
the server does, and nothing else of it. Bodies are given to translators in pieces of ``piece``
bytes, so that no test depends on where a read ends.
"""

from __future__ import annotations

import socket
from collections.abc import Iterable
from dataclasses import dataclass
from typing import cast

from multistore.gateway import operation
from multistore.gateway.plan import UNSIGNED_PAYLOAD, Collect, Forward, Gather, Job, Plan, Respond
from multistore.gateway.request import GatewayRequest
from multistore.types import ANONYMOUS, Bucket, Identity, Scope
from multistore.wire import (
    MORE,
    ORDINARY,
    RequestHead,
    ResponseHead,
    parse_target,
    scan_response,
    write_request_head,
    write_response_head,
)

__all__ = ["AMZ_DATE", "Answer", "drive", "make_identity", "make_request"]

AMZ_DATE = b"20261125T120000Z"


@dataclass(slots=True)
class Answer:
    status: int
    fields: list[tuple[bytes, bytes]]
    body: bytes
    attempts: int

    def get(self, name: bytes) -> bytes | None:
        return next((value for key, value in self.fields if key == name), None)


def make_identity(*prefixes: bytes, actions: Iterable[str] = ("list_bucket",)) -> Identity:
    return Identity("tester", (Scope("*", prefixes, frozenset(actions)),))


def make_request(
    bucket: Bucket,
    method: str,
    target: bytes,
    fields: Iterable[tuple[bytes, bytes]] = (),
    *,
    identity: Identity | None = None,
    payload: bytes = UNSIGNED_PAYLOAD,
) -> GatewayRequest:
    """A request as the phases of the engine leave it; anybody but ``identity`` is anonymous, and
    ``payload`` is what the signature said of the body."""
    head = RequestHead(method, target, 11, ((b"host", b"gateway.test"), *fields))
    request = GatewayRequest(head, "127.0.0.1", False, "request-1", 1_790_000_000.0)
    request.target = parse_target(target)
    request.operation = operation.match(head, request.target)
    request.identity = ANONYMOUS if identity is None else identity
    request.bucket = bucket
    request.payload = payload
    return request


def drive(plan: Plan, body: bytes = b"", *, method: str = "GET", piece: int = 4096) -> Answer:
    """Carries ``plan`` out. Raises what a translator raises."""
    attempts = 0
    while not isinstance(plan, Respond):
        assert not isinstance(plan, Job)
        if isinstance(plan, Collect):
            if plan.check is not None:
                plan.check.update(body)
                plan.check.finish()
            plan, body = plan.finish(body), b""
            continue
        attempts += 1
        assert attempts < 4, "a plan that never ends"
        method = plan.method
        head, received = _exchange(plan, body)
        answer = plan.answer
        relayed = answer.relay and head.status in (200, 204, 206, 304)
        then = None if relayed else answer.on_head(head.status, head)
        if then is None:
            sent = {name for name, _ in head.items()}
            extra = [(name, value) for name, value in answer.extra if name not in sent]
            raw = write_response_head(head.status, head, answer.keep, extra)
            return Answer(head.status, _fields(raw), received, attempts)
        if isinstance(then, Respond):
            plan = then
        elif not hasattr(then, "limit"):
            pieces = [then.feed(received[at : at + piece]) for at in range(0, len(received), piece)]
            pieces.append(then.finish())
            raw = write_response_head(then.status, None, None, then.fields)
            return Answer(then.status, _fields(raw), b"".join(pieces), attempts)
        else:
            gather = cast("Gather", then)
            plan = gather.finish(received[: gather.limit])
    assert isinstance(plan, Respond)
    raw = write_response_head(plan.status, None, None, plan.fields)
    shown = b"" if method == "HEAD" else plan.body
    return Answer(plan.status, _fields(raw), shown, attempts)


def _fields(raw: bytes) -> list[tuple[bytes, bytes]]:
    lines = raw.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]
    return [(name, value) for name, _, value in (line.partition(b": ") for line in lines)]


def _exchange(plan: Forward, body: bytes) -> tuple[ResponseHead, bytes]:
    body = body if plan.body is None else plan.body
    if plan.check is not None:
        plan.check.update(body)
        plan.check.finish()
    assert plan.length in (-1, len(body))
    head = write_request_head(
        plan.method,
        plan.target,
        plan.host,
        plan.head,
        plan.keep,
        plan.add,
        plan.length,
        plan.payload,
        plan.signer,
        AMZ_DATE,
    )
    with socket.create_connection((plan.origin.host, plan.origin.port), 10) as connection:
        connection.sendall(head + (body if plan.length > 0 else b""))
        data = b""
        while True:
            verdict, answer, consumed, reason = scan_response(data, plan.method)
            if verdict == ORDINARY:
                break
            assert verdict == MORE, reason
            data += _receive(connection)
        assert answer is not None
        received = data[consumed:]
        bodiless = plan.method == "HEAD" or answer.status in (204, 304)
        while not bodiless and len(received) < answer.content_length:
            received += _receive(connection)
    return answer, received


def _receive(connection: socket.socket) -> bytes:
    data = connection.recv(1 << 18)
    assert data, "the backend closed early"
    return data
