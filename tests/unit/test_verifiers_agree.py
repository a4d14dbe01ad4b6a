"""The gateway and ``multistore.embed`` give the same answer to the same request."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from multistore.embed import Verifier
from multistore.errors import S3Error
from multistore.gateway.identity import Authenticator
from multistore.gateway.request import GatewayRequest
from multistore.gateway.sigv4 import HEADER_FAULT, QUERY_FAULT
from multistore.types import ANONYMOUS
from multistore.wire import RequestHead, parse_target
from support.sigv4 import Credentials, Request, presigned_target
from unit.gateway.world import FULL, HOST, NOBODY, NOW, Store, credential, date

WRONG = Credentials(FULL.access_key_id, "wrong-secret-wrong-secret-wrong-secret-1")
DIGEST = hashlib.sha256(b"data").hexdigest()
URL = presigned_target("GET", "/b/k", HOST, FULL, date=date())
TOKEN = ("x-amz-security-token", "token")
HOLDER = FULL.access_key_id.lower()
PAYLOAD = "x-amz-content-sha256"


def url(*, now: float = 0.0, fields: list[tuple[str, str]] | None = None, **options: Any) -> Any:
    """A presigned GET that is asked with ``fields``, signed ``-now`` seconds ago."""
    options = {"credentials": FULL, "date": date(now), "target": "/b/k", **options}
    target = presigned_target("GET", options.pop("target"), HOST, **options)
    return head(target=target, headers=fields or [], credentials=None)


#: Nobody, or the access key and what was signed of the body; or code and status of the refusal.
Verdict = tuple[Any, ...] | None


def head(method: str = "GET", target: str = "/b/k", without: str = "", **options: Any) -> Any:
    """A signed request; ``without`` names a field that is not sent after all."""
    options = {"credentials": FULL, "date": date(), **options}
    headers = options.pop("headers", [])
    fields = Request(method, target, HOST, headers, **options).fields()
    sent = [(n.encode(), v.encode()) for n, v in fields if n != without]
    return RequestHead(method, target.encode(), 11, sent)


def altered(name: str, old: str, new: str) -> RequestHead:
    fields = Request("GET", "/b/k", HOST, credentials=FULL, date=date()).fields()
    sent = [(n, v.replace(old, new) if n == name else v) for n, v in fields]
    return RequestHead("GET", b"/b/k", 11, [(n.encode(), v.encode()) for n, v in sent])


def region(name: str) -> Credentials:
    return Credentials(FULL.access_key_id, FULL.secret_access_key, name)


def of_gateway(asked: RequestHead, regions: frozenset[str]) -> Verdict:
    request = GatewayRequest(asked, "192.0.2.1", False, "ID", NOW)
    who = Authenticator(Store([credential(FULL, ())]), min(regions, default="us-east-1"), regions)
    try:
        identity = who.authenticate(request, parse_target(asked.target))
    except S3Error as error:
        return error.code, error.status, error.fields
    if identity is ANONYMOUS:
        return None
    return identity.principal, request.payload


def of_embed(asked: RequestHead, regions: frozenset[str]) -> Verdict:
    secrets = {(FULL.access_key_id, None): FULL.secret_access_key}
    verifier = Verifier(lambda key, token: secrets.get((key, token)), regions=regions)
    try:
        verified = verifier.verify(asked, parse_target(asked.target), NOW)
    except S3Error as error:
        return error.code, error.status, error.fields
    return None if verified is None else (verified.access_key_id.lower(), verified.payload)


REQUESTS = {
    "nobody": (head(credentials=None), None),
    "signed": (head(), HOLDER),
    "hash": (head("PUT", body=b"data"), HOLDER),
    "upper-case hash": (head("PUT", body=b"data", payload=DIGEST.upper()), HOLDER),
    "unsigned payload": (head("PUT", payload="UNSIGNED-PAYLOAD"), HOLDER),
    "no payload field": (head(without=PAYLOAD, unsigned=(PAYLOAD,)), HOLDER),
    "no payload field, a body": (
        head("PUT", body=b"data", without=PAYLOAD, unsigned=(PAYLOAD,)),
        "InvalidRequest",
    ),
    "payload mode": (head(payload="STREAMING-OTHER"), "InvalidArgument"),
    "empty payload field": (altered(PAYLOAD, hashlib.sha256().hexdigest(), ""), "InvalidArgument"),
    "SigV4A payload": (
        head("PUT", payload="STREAMING-AWS4-ECDSA-P256-SHA256-PAYLOAD"),
        "NotImplemented",
    ),
    "wrong secret": (head(credentials=WRONG), "SignatureDoesNotMatch"),
    "unknown key": (head(credentials=NOBODY), "InvalidAccessKeyId"),
    "early": (head(date=date(901)), "RequestTimeTooSkewed"),
    "late": (head(date=date(-901)), "RequestTimeTooSkewed"),
    "malformed date": (altered("x-amz-date", "T", " "), "AccessDenied"),
    "no date": (head(without="x-amz-date", unsigned=("x-amz-date",)), "AccessDenied"),
    "another day": (altered("Authorization", date()[:8], "20260101"), HEADER_FAULT),
    "another service": (altered("Authorization", "/s3/", "/sts/"), HEADER_FAULT),
    "malformed region": (head(credentials=region("a b")), HEADER_FAULT),
    "no region": (head(credentials=region("")), HEADER_FAULT),
    "long region": (head(credentials=region("r" * 65)), HEADER_FAULT),
    "any region": (head(credentials=region("garage")), HOLDER),
    "token": (head(headers=[TOKEN]), "InvalidToken"),
    "token, wrong secret": (head(headers=[TOKEN], credentials=WRONG), "SignatureDoesNotMatch"),
    "token, unknown key": (head(headers=[TOKEN], credentials=NOBODY), "InvalidAccessKeyId"),
    "token alone": (head(headers=[TOKEN], credentials=None), "InvalidRequest"),
    "token beside half a URL": (
        head(target="/b/k?X-Amz-Signature=1", headers=[TOKEN], credentials=None),
        QUERY_FAULT,
    ),
    "unsigned field": (
        head("PUT", headers=[("x-amz-acl", "x")], unsigned=("x-amz-acl",)),
        "AccessDenied",
    ),
    "two credentials": (head(target=URL), "InvalidArgument"),
    "SigV2 in the query": (
        head(target="/b/k?AWSAccessKeyId=a&Signature=b&Expires=1", credentials=None),
        "InvalidRequest",
    ),
    "SigV2 in the header": (
        altered("Authorization", "AWS4-HMAC-SHA256 ", "AWS "),
        "InvalidRequest",
    ),
    "half a URL": (head(target="/b/k?X-Amz-Signature=1", credentials=None), QUERY_FAULT),
    "URL with another scheme's parameter": (
        head(target=f"{URL}&Signature=1", credentials=None),
        QUERY_FAULT,
    ),
    "URL twice": (head(target=f"{URL}&X-Amz-Date=1", credentials=None), QUERY_FAULT),
    "URL": (url(), HOLDER),
    "URL of an hour ago for two": (url(now=-3600, expires="7200"), HOLDER),
    "URL of a week": (url(expires="604800"), HOLDER),
    "URL of more than a week": (url(expires="604801"), QUERY_FAULT),
    "URL of no time": (url(expires="0"), QUERY_FAULT),
    "URL, expired": (url(now=-300), "AccessDenied"),
    "URL, early": (url(now=900), HOLDER),
    "URL, too early": (url(now=901), "AccessDenied"),
    "URL, wrong secret": (url(credentials=WRONG), "SignatureDoesNotMatch"),
    "URL, unknown key": (url(credentials=NOBODY), "InvalidAccessKeyId"),
    "URL with a token": (url(target="/b/k?X-Amz-Security-Token=t"), "InvalidToken"),
    "URL with a token, unknown key": (
        url(target="/b/k?X-Amz-Security-Token=t", credentials=NOBODY),
        "InvalidAccessKeyId",
    ),
    "URL and a token beside it": (url(fields=[TOKEN]), "InvalidRequest"),
    "URL and an unsigned field": (url(fields=[("x-amz-meta-a", "1")]), "AccessDenied"),
    "URL and a range": (url(fields=[("range", "bytes=0-0")]), HOLDER),
    "URL of a hash": (url(fields=[(PAYLOAD, DIGEST.upper())], payload=DIGEST.upper()), HOLDER),
    "URL and a hash": (url(fields=[(PAYLOAD, DIGEST)]), "SignatureDoesNotMatch"),
    "URL and a payload mode": (
        url(fields=[(PAYLOAD, "STREAMING-UNSIGNED-PAYLOAD-TRAILER")]),
        "InvalidRequest",
    ),
    "URL of SigV4A": (
        head(target=URL.replace("AWS4-HMAC-SHA256", "AWS4-ECDSA-P256-SHA256"), credentials=None),
        "NotImplemented",
    ),
    "URL of nothing known": (
        head(target=URL.replace("AWS4-HMAC-SHA256", "AWS4-HMAC-SHA1"), credentials=None),
        QUERY_FAULT,
    ),
}


@pytest.mark.rule("SEM-3", "SEM-4", "SEM-5", "SEM-6", "SEM-27")
@pytest.mark.parametrize("name", REQUESTS)
def test_both_give_the_same_answer(name: str) -> None:
    asked, expected = REQUESTS[name]
    verdict = of_gateway(asked, frozenset())
    assert of_embed(asked, frozenset()) == verdict
    assert (verdict and verdict[0]) == expected


@pytest.mark.rule("SEM-5")
@pytest.mark.parametrize("name", ["eu-1", "eu-2", "us-east-1", "a b"])
def test_both_know_the_same_regions(name: str) -> None:
    regions = frozenset({"eu-1", "eu-2"})
    asked = head(credentials=region(name))
    verdict = of_gateway(asked, regions)
    assert verdict is not None
    assert of_embed(asked, regions) == verdict
    assert (verdict[0] == HEADER_FAULT) is (name not in regions)


@pytest.mark.rule("SEM-3", "L3")
@pytest.mark.parametrize(
    "payload",
    [
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD",
        "STREAMING-AWS4-HMAC-SHA256-PAYLOAD-TRAILER",
        "STREAMING-UNSIGNED-PAYLOAD-TRAILER",
    ],
)
def test_chunks_are_for_whoever_reads_the_body(payload: str) -> None:
    asked = head("PUT", payload=payload)
    assert of_gateway(asked, frozenset()) == (HOLDER, payload.encode())
    assert of_embed(asked, frozenset()) == (HOLDER, payload.encode())
