"""Presigned URLs over a real connection: what of them the backend, the client and the log see."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from support.backend import ok
from support.configuration import FULL, READER
from support.raw import Response
from support.rig import BACKEND_KEY, BACKEND_SECRET, Pair
from support.sigv4 import Credentials, Request, amz_date, presigned_target, verifies

BACKEND = Credentials(BACKEND_KEY, BACKEND_SECRET)
OVERRIDES = "response-content-disposition=attachment%3B%20filename%3D%22%C3%BC.txt%22"


def presigned(pair: Pair, method: str, key: str, **options: Any) -> str:
    options.setdefault("credentials", FULL)
    return presigned_target(method, f"/{pair.bucket}{key}", pair.gateway.authority, **options)


def ask(
    pair: Pair, method: str, target: str, *fields: tuple[str, str], body: bytes = b""
) -> Response:
    with pair.connect() as connection:
        host = pair.gateway.authority
        return connection.request(Request(method, target, host, list(fields), body))


@pytest.mark.rule("L1", "L5", "SEM-13", "R47")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_the_backend_sees_nothing_of_it(pair: Pair, method: str) -> None:
    """It is asked as for any other request: in headers, with the gateway's own credential."""
    body = b"hello" if method == "PUT" else b""
    target = presigned(pair, method, "/a%20b%2Bc")
    response = ask(pair, method, target, body=body)
    assert response.status == (204 if method == "DELETE" else 200)
    (request,) = pair.backend.requests
    assert request.target == f"/{pair.backend_bucket}/canary-prefix/a%20b%2Bc"
    assert verifies(request.method, request.target, request.fields, BACKEND)
    amz = {name for name, _ in request.fields if name.startswith("x-amz-")}
    assert amz == {"x-amz-date", "x-amz-content-sha256"}
    sent = request.target + "".join(f"{name}{value}" for name, value in request.fields)
    assert FULL.access_key_id not in sent
    assert target.rsplit("=", 1)[1] not in sent
    assert request.body == body


@pytest.mark.rule("SEM-9")
def test_overrides_reach_the_backend(pair: Pair) -> None:
    assert ask(pair, "GET", presigned(pair, "GET", f"/k?{OVERRIDES}")).status == 200
    (request,) = pair.backend.requests
    path, _, query = request.target.partition("?")
    assert path == f"/{pair.backend_bucket}/canary-prefix/k"
    assert query == OVERRIDES


def test_a_list(pair: Pair) -> None:
    document = b"<ListBucketResult><IsTruncated>false</IsTruncated></ListBucketResult>"
    pair.backend.serve(ok(document))
    response = ask(pair, "GET", presigned(pair, "GET", "?list-type=2&prefix=a%2F"))
    assert response.status == 200
    (request,) = pair.backend.requests
    assert "prefix=canary-prefix%2Fa%2F" in request.target
    assert "amz" not in request.target.lower()


@pytest.mark.rule("L5", "SEM-7")
def test_hoisted_fields_are_sent_as_fields(pair: Pair) -> None:
    hoisted = (
        "X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&x-amz-checksum-crc32=AAAAAA%3D%3D"
        "&x-amz-meta-colour=dark%20blue&x-amz-sdk-checksum-algorithm=CRC32&x-id=PutObject"
    )
    target = presigned(pair, "PUT", f"/k?{hoisted}")
    assert ask(pair, "PUT", target, body=b"hello").status == 200
    (request,) = pair.backend.requests
    assert request.body == b"hello"
    assert request.get("x-amz-meta-colour") == "dark blue"
    assert request.get("x-amz-checksum-crc32") is None
    assert "?" not in request.target
    assert verifies(request.method, request.target, request.fields, BACKEND)


@pytest.mark.rule("L6")
def test_an_upload_is_held_to_the_hash_that_was_presigned(pair: Pair) -> None:
    digest = hashlib.sha256(b"hello").hexdigest()
    field = ("x-amz-content-sha256", digest)
    target = presigned(pair, "PUT", "/k", headers=[field], payload=digest)
    assert ask(pair, "PUT", target, field, body=b"hello").status == 200
    wrong = ask(pair, "PUT", target, field, body=b"hullo")
    assert (wrong.status, wrong.code) == (400, "XAmzContentSHA256Mismatch")
    assert [request.body for request in pair.backend.requests if request.whole] == [b"hello"]


@pytest.mark.rule("L2", "R47", "L10")
def test_what_is_refused_costs_the_backend_nothing_and_is_not_logged(pair: Pair) -> None:
    old = {"date": amz_date(-60), "expires": "30"}
    early = {"date": amz_date(3600)}
    refused = [
        ("GET", presigned(pair, "GET", "/k", **old), "AccessDenied"),
        ("GET", presigned(pair, "GET", "/k", **early), "AccessDenied"),
        ("PUT", presigned(pair, "GET", "/k"), "SignatureDoesNotMatch"),
        ("PUT", presigned(pair, "PUT", "/k", credentials=READER), "AccessDenied"),
        ("GET", presigned(pair, "GET", "/k?X-Amz-Security-Token=tokencanary"), "InvalidToken"),
    ]
    for method, target, code in refused:
        response = ask(pair, method, target)
        assert response.code == code
        signature = target.rsplit("=", 1)[1].encode()
        assert signature not in response.body
        assert b"tokencanary" not in response.body
        assert signature.decode() not in pair.gateway.log
    assert "tokencanary" not in pair.gateway.log
    assert pair.backend.requests == []


@pytest.mark.rule("R47")
def test_an_hour_old_for_two(pair: Pair) -> None:
    target = presigned(pair, "GET", "/k", date=amz_date(-3600), expires="7200")
    assert ask(pair, "GET", target, ("range", "bytes=0-0")).status in (200, 206)
