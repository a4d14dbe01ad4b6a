"""A small gateway for tests of decisions: real heads, real signatures, a backend that counts.

Requests are built and signed by ``support.sigv4``, which shares no code with the gateway.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any
from xml.etree import ElementTree

from multistore.gateway.engine import Engine, Settings
from multistore.gateway.operation import match
from multistore.gateway.plan import Respond
from multistore.gateway.ports import BucketPattern, NameMapping
from multistore.gateway.request import GatewayRequest
from multistore.limits import Limits
from multistore.types import Bucket, Credential, Identity, Scope
from multistore.wire import RequestHead, parse_target
from support.sigv4 import Credentials, Request

NOW = 1_780_000_000.0
HOST = "gateway.test"

FULL = Credentials("AKFULL00000000000001", "full-secret-full-secret-full-secret-0001")
SCOPED = Credentials("AKSCOPED000000000001", "scoped-secret-scoped-secret-scoped-00001")
READER = Credentials("AKREADER000000000001", "reader-secret-reader-secret-reader-00001")
NOBODY = Credentials("AKNOBODY000000000001", "nobody-secret-nobody-secret-nobody-00001")


def date(offset: float = 0.0) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(NOW + offset))


class CountingBackend:
    """Answers everything with 200 and keeps what it was asked."""

    def __init__(self) -> None:
        self.requests: list[GatewayRequest] = []

    def plan(self, request: GatewayRequest) -> Respond:
        self.requests.append(request)
        return Respond(200, (), b"from the backend")


class Registry:
    def __init__(self, buckets: Sequence[Bucket]) -> None:
        self.buckets = {bucket.name: bucket for bucket in buckets}

    def get_bucket(self, name: str) -> Bucket | None:
        return self.buckets.get(name)

    def list_buckets(self) -> Sequence[Bucket]:
        return list(self.buckets.values())

    def list_patterns(self) -> Sequence[BucketPattern]:
        return ()


class Store:
    def __init__(self, credentials: Sequence[Credential]) -> None:
        self.credentials = {entry.access_key_id: entry for entry in credentials}

    def get_credential(self, access_key_id: str) -> Credential | None:
        return self.credentials.get(access_key_id)


def credential(
    keys: Credentials, scopes: Sequence[Scope], *, role: str | None = None, **options: Any
) -> Credential:
    identity = Identity(keys.access_key_id.lower(), tuple(scopes), role)
    return Credential(keys.access_key_id, keys.secret_access_key, identity, **options)


def head_of(
    method: str, target: str, *fields: tuple[str, str], host: str = HOST, version: int = 11
) -> RequestHead:
    """A head without a signature."""
    lines = [("host", host), *fields]
    encoded = [(name.encode(), value.encode("utf-8", "surrogateescape")) for name, value in lines]
    return RequestHead(method, target.encode(), version, encoded)


def operation_of(method: str, target: str, *fields: tuple[str, str]) -> Any:
    head = head_of(method, target, *fields)
    return match(head, parse_target(head.target))


class World:
    """An engine with its surroundings."""

    def __init__(
        self,
        buckets: Sequence[Bucket],
        credentials: Sequence[Credential],
        *,
        domains: tuple[str, ...] = (),
        region: str = "us-east-1",
        regions: frozenset[str] = frozenset(),
        names: NameMapping | None = None,
    ) -> None:
        self.registry = Registry(buckets)
        self.store = Store(credentials)
        settings = Settings(domains, region, regions, "owner-id", "Owner & Co", Limits(), names)
        self.engine = Engine(self.registry, self.store, settings)

    def decide(
        self,
        method: str,
        target: str,
        *fields: tuple[str, str],
        credentials: Credentials | None = None,
        host: str = HOST,
        offset: float = 0.0,
        **options: Any,
    ) -> tuple[Any, GatewayRequest]:
        """The plan for one request, and the request as the phases left it."""
        signed = Request(
            method,
            target,
            host,
            list(fields),
            credentials=credentials,
            date=options.pop("date", date(offset)),
            **options,
        )
        encoded = [
            (name.encode(), value.encode("utf-8", "surrogateescape"))
            for name, value in signed.fields()
        ]
        head = RequestHead(method, target.encode(), 11, encoded)
        request = GatewayRequest(head, "192.0.2.1", False, "REQUEST-ID", NOW)
        return self.engine.decide(request), request

    def ask(self, method: str, target: str, *fields: tuple[str, str], **options: Any) -> Any:
        return self.decide(method, target, *fields, **options)[0]


def code_of(answer: Respond) -> str:
    """The error code of an answer's document."""
    return text_of(answer, "Code")


def text_of(answer: Respond, name: str) -> str:
    element = ElementTree.fromstring(answer.body)
    assert element.tag == "Error"
    return element.findtext(name) or ""
