"""What is refused costs the backend nothing, and the refusal arrives (L2)."""

from __future__ import annotations

import re

import pytest

from support.configuration import FULL, READER, SCOPED
from support.processes import resident_kib
from support.rig import Pair
from support.sigv4 import Credentials, Request, amz_date

WRONG = Credentials(FULL.access_key_id, "w" * 40)
NOBODY = Credentials("AKNOBODY000000000001", "n" * 40)
ELSEWHERE = Credentials(FULL.access_key_id, FULL.secret_access_key, "eu-central-1")


@pytest.mark.rule("L2", "L12", "S10", "R49")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("credentials", "codes"),
    [
        (None, {"AccessDenied"}),
        (WRONG, {"SignatureDoesNotMatch"}),
        (NOBODY, {"InvalidAccessKeyId", "AccessDenied"}),
        (SCOPED, {"AccessDenied"}),
    ],
    ids=["anonymous", "wrong secret", "unknown key", "out of scope"],
)
def test_nobody_in_particular_is_refused(
    pair: Pair, method: str, credentials: Credentials | None, codes: set[str]
) -> None:
    body = b"x" * 1000 if method == "PUT" else b""
    with pair.connect() as connection:
        for _ in range(2):
            request = pair.request(method, "/outside/k", credentials=credentials, body=body)
            response = connection.request(request)
            assert response.status == 403
            if method != "HEAD":
                assert response.code in codes
            # A small body was read over, so that the connection lives on.
            assert not response.closes
        assert connection.request(pair.request()).status == 200
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("L2")
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_readers_do_not_write(pair: Pair, method: str) -> None:
    response = pair.ask(method, "/k", credentials=READER, body=b"x" * 10)
    assert (response.status, response.code) == (403, "AccessDenied")
    assert pair.backend.connections == []


@pytest.mark.rule("L2", "SEM-27", "S1")
@pytest.mark.rule("F23", partial=True)
@pytest.mark.parametrize(("offset", "status"), [(-960, 403), (-840, 200), (840, 200), (960, 403)])
def test_the_clock_may_be_fifteen_minutes_off(pair: Pair, offset: float, status: int) -> None:
    response = pair.ask("GET", "/k", date=amz_date(offset))
    assert response.status == status
    if status == 403:
        assert response.code == "RequestTimeTooSkewed"
        assert pair.backend.connections == []


@pytest.mark.rule("L4", "SEM-9")
@pytest.mark.parametrize("value", ["x%0d%0aEvil:%201", "x%0aEvil:%201", "x%00", "%7f", "a%09b"])
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_a_label_that_a_signature_asks_for_is_one_field(
    pair: Pair, method: str, value: str
) -> None:
    with pair.connect() as connection:
        for name in ("response-content-type", "response-content-disposition", "response-expires"):
            response = connection.request(pair.request(method, f"/k?{name}={value}"))
            assert response.status == 400
            assert response.get("evil") is None
            assert method == "HEAD" or response.code == "InvalidArgument"
    assert pair.backend.connections == []


@pytest.mark.rule("L3", "L5")
@pytest.mark.parametrize(("method", "target"), [("HEAD", ""), ("GET", "?location"), ("GET", "")])
def test_an_unknown_header_is_refused_whoever_answers(pair: Pair, method: str, target: str) -> None:
    response = pair.ask(method, target, ("x-amz-frobnicate", "7"))
    assert response.status == 501
    assert method == "HEAD" or response.code == "NotImplemented"
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-5")
def test_any_region_will_do(pair: Pair) -> None:
    assert pair.ask("GET", "/k", credentials=ELSEWHERE).status == 200


@pytest.mark.rule("L5", "S12")
@pytest.mark.parametrize("name", ["x-amz-meta-a", "x-amz-storage-class", "x-amz-acl"])
def test_what_carries_meaning_must_be_signed(pair: Pair, name: str) -> None:
    request = pair.request("PUT", "/k", (name, "private"), body=b"x", unsigned=(name,))
    with pair.connect() as connection:
        response = connection.request(request)
        assert (response.status, response.code) == (403, "AccessDenied")
    assert pair.backend.connections == []


@pytest.mark.rule("L5", "S12")
def test_the_host_must_be_signed(pair: Pair) -> None:
    response = pair.ask("GET", "/k", unsigned=("host",))
    assert response.status in (400, 403)
    assert pair.backend.connections == []


@pytest.mark.rule("L5")
def test_a_changed_request_is_refused(pair: Pair) -> None:
    request = bytes(pair.request("GET", "/k"))
    for old, new in [(b"/k HTTP", b"/l HTTP"), (b"/k HTTP", b"/k?partNumber=1 HTTP")]:
        with pair.connect() as connection:
            connection.send(request.replace(old, new))
            assert connection.read().code == "SignatureDoesNotMatch"
    assert pair.backend.connections == []


@pytest.mark.rule("R07", "F06")
@pytest.mark.parametrize("credentials", [WRONG, None], ids=["wrong secret", "anonymous"])
def test_a_refusal_arrives_while_the_client_is_still_sending(
    pair: Pair, credentials: Credentials | None
) -> None:
    size, block = 1 << 20, 65_536
    request = pair.request(
        "PUT", "/k", length=size, payload="UNSIGNED-PAYLOAD", credentials=credentials
    )
    with pair.connect() as connection:
        connection.send(request.head)
        # Any error while sending would be a torn-down connection: the test fails on it.
        connection.send_pieces([b"x" * block] * (size // block), pause=0.02)
        response = connection.read("PUT")
        assert response.status == 403
        assert response.closes
    assert pair.backend.connections == []


@pytest.mark.rule("R07")
def test_a_refusal_arrives_after_a_large_body(pair: Pair) -> None:
    request = pair.request(
        "PUT", "/k", length=6 << 20, payload="UNSIGNED-PAYLOAD", credentials=WRONG
    )
    with pair.connect() as connection:
        connection.send(request.head)
        try:
            connection.send_pieces([b"x" * 65_536] * 96)
        except (BrokenPipeError, ConnectionResetError):
            pass
        assert connection.read("PUT").status == 403
    assert pair.backend.connections == []


@pytest.mark.rule("L2", "S16")
def test_the_body_of_a_refused_request_is_not_kept(pair: Pair) -> None:
    before = resident_kib(pair.gateway.process.pid)
    requests = [
        pair.request("PUT", "/k", length=64 << 20, payload="UNSIGNED-PAYLOAD", credentials=WRONG)
        for _ in range(4)
    ]
    for request in requests:
        with pair.connect() as connection:
            connection.send(request.head)
            try:
                connection.send_pieces([b"x" * 262_144] * 64)
            except (BrokenPipeError, ConnectionResetError):
                pass
            assert connection.read("PUT").status == 403
    assert resident_kib(pair.gateway.process.pid) - before < 8192


@pytest.mark.rule("L1")
def test_an_unread_body_is_never_the_next_request(pair: Pair) -> None:
    smuggled = bytes(pair.request("GET", "/smuggled"))
    request = pair.request("PUT", "/k", body=smuggled, credentials=WRONG)
    with pair.connect() as connection:
        assert connection.request(request).status == 403
        assert connection.request(pair.request("GET", "/honest")).status == 200
    assert [request.target.rsplit("/", 1)[1] for request in pair.backend.requests] == ["honest"]


@pytest.mark.rule("SEM-22", "S23", "R49")
def test_a_bucket_that_is_not_there_looks_like_one_that_is_not_yours(pair: Pair) -> None:
    def ask(bucket: str, credentials: Credentials | None) -> tuple[int, bytes]:
        request = Request(
            "GET", f"/{bucket}/outside/k", pair.gateway.authority, credentials=credentials
        )
        with pair.connect() as connection:
            response = connection.request(request)
        text = re.sub(rb"<RequestId>[^<]*|<Resource>[^<]*", b"", response.body)
        return response.status, text

    for credentials in (None, SCOPED, NOBODY):
        assert ask(pair.bucket, credentials) == ask("no-such-bucket", credentials)
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-4", "S13")
@pytest.mark.parametrize(
    ("value", "statuses"),
    [
        ("AWS AKFULL00000000000001:c2lnbmF0dXJl", {400}),
        ("AWS4-ECDSA-P256-SHA256 Credential=a, SignedHeaders=host, Signature=b", {400, 501}),
        ("Basic dXNlcjpwYXNz", {400}),
        ("Bearer token", {400}),
        ("AWS4-HMAC-SHA256", {400}),
        ("AWS4-HMAC-SHA256 Credential=a", {400}),
    ],
)
def test_other_schemes_are_never_anonymous(pair: Pair, value: str, statuses: set[int]) -> None:
    response = pair.ask("GET", "/k", ("Authorization", value), credentials=None)
    assert response.status in statuses
    assert response.code not in ("AccessDenied", "InternalError")
    if value.startswith("AWS "):
        assert b"s3v4" in response.body
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-3", "S10")
@pytest.mark.parametrize(
    "query",
    [
        "X-Amz-Signature=" + "0" * 64,
        "x-amz-signature=" + "0" * 64,
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        "X-Amz-Credential=a",
        "Signature=x&AWSAccessKeyId=y&Expires=1",
        "AWSAccessKeyId=y",
    ],
)
@pytest.mark.parametrize("signed", [True, False])
def test_half_a_credential_in_the_query_is_refused(pair: Pair, query: str, signed: bool) -> None:
    credentials = FULL if signed else None
    response = pair.ask("GET", "/k?" + query, credentials=credentials)
    assert response.status in (400, 501)
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-9")
def test_an_owner_is_compared(pair: Pair) -> None:
    response = pair.ask("GET", "/k", ("x-amz-expected-bucket-owner", "000000000000"))
    assert (response.status, response.code) == (403, "AccessDenied")
    assert pair.backend.connections == []
