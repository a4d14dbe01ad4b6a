"""Buckets as such behind a pattern (D17): what goes to the store, down to the byte, and what of its
answers the client sees."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.backend import LOOPBACK, ScriptedBackend, answer, ok
from support.configuration import FULL, SCOPED, bucket, credential, table
from support.gateway import Gateway
from support.raw import Response
from support.rig import BACKEND_KEY, BACKEND_SECRET
from support.sigv4 import Credentials, Request

REGION = "eu-central-1"
STORE_REGION = "us-west-2"
OWNER = Credentials(FULL.access_key_id, FULL.secret_access_key, region=REGION)
PLAIN = Credentials(SCOPED.access_key_id, SCOPED.secret_access_key, region=REGION)
NAME = "team-data"
EMPTY = hashlib.sha256(b"").hexdigest()


def configuration(name: str, **where: object) -> bytes:
    return f"<{name}><LocationConstraint>{where['region']}</LocationConstraint></{name}>".encode()


HERE = configuration("CreateBucketConfiguration", region=REGION)
THERE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<CreateBucketConfiguration xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<LocationConstraint>us-west-2</LocationConstraint></CreateBucketConfiguration>"
)


class Stand:
    """A gateway with one pattern before one scripted backend."""

    def __init__(self, folder: Path) -> None:
        self.backend = ScriptedBackend()
        text = table("server", {"region": REGION}) + table("timeouts", {"rate_window": 1.0})
        # Every request has a connection of its own, with the script of its test.
        text += table("limits", {"backend_idle": 0})
        text += bucket(
            *("team-*", f"http://{LOOPBACK}:{self.backend.port}", "canary-{name}"),
            key=BACKEND_KEY,
            secret=BACKEND_SECRET,
            region=STORE_REGION,
        )
        text += credential(OWNER, "owner", [("team-*", (), ("*",))])
        # Makes and deletes buckets, and changes nothing else about them.
        actions = ("create_bucket", "delete_bucket")
        text += credential(PLAIN, "plain", [("team-*", (), actions)])
        self.gateway = Gateway(folder, text)

    def request(
        self,
        method: str,
        *fields: tuple[str, str],
        target: str = f"/{NAME}",
        credentials: Credentials | None = OWNER,
        **options: object,
    ) -> Request:
        return Request(
            *(method, target, self.gateway.authority, list(fields)),
            credentials=credentials,
            **options,  # type: ignore[arg-type]
        )

    def ask(self, method: str, *fields: tuple[str, str], **options: object) -> Response:
        with self.gateway.connect() as connection:
            return connection.request(self.request(method, *fields, **options))  # type: ignore[arg-type]


@pytest.fixture(scope="module")
def made(folder: Path) -> Iterator[Stand]:
    stand = Stand(folder / "patterns")
    yield stand
    stand.gateway.stop()
    stand.backend.close()


@pytest.fixture
def stand(made: Stand) -> Iterator[Stand]:
    """With nothing left over: the backend answers 200 to everything and has heard nothing."""
    made.backend.serve(ok(b""))
    made.backend.connections.clear()
    made.backend.requests.clear()
    yield made
    made.gateway.check_log()


def serve(stand: Stand, status: str, code: str = "", *fields: tuple[str, str]) -> None:
    body = f"<Error><Code>{code}</Code><BucketName>canary-team-data</BucketName></Error>".encode()
    stand.backend.serve(ok(body if code else b"", *fields, status=status))


# --- CreateBucket ---------------------------------------------------------------------------------


@pytest.mark.parametrize("body", [b"", b" \r\n", HERE, b"<CreateBucketConfiguration/>"])
def test_a_bucket_is_made_where_the_store_is(stand: Stand, body: bytes) -> None:
    response = stand.ask("PUT", body=body)
    assert (response.status, response.body) == (200, b"")
    assert response.get("location") == f"/{NAME}"
    (sent,) = stand.backend.requests
    assert (sent.method, sent.target) == ("PUT", f"/canary-{NAME}")
    assert bytes(sent.body) == THERE
    assert sent.get("x-amz-content-sha256") == hashlib.sha256(THERE).hexdigest()
    assert f"/{STORE_REGION}/s3/aws4_request" in (sent.get("authorization") or "")


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        (HERE.replace(REGION.encode(), b"eu-west-1"), 400, "IllegalLocationConstraintException"),
        (HERE.replace(REGION.encode(), b"us-west-2"), 400, "IllegalLocationConstraintException"),
        (b"<CreateBucketConfiguration>", 400, "MalformedXML"),
        (b"<CreateBucketConfiguration>text</CreateBucketConfiguration>", 400, "MalformedXML"),
        (b"<Tagging/>", 400, "MalformedXML"),
        (b"<!DOCTYPE x><CreateBucketConfiguration/>", 400, "MalformedXML"),
        (b"not XML", 400, "MalformedXML"),
        (
            b"<CreateBucketConfiguration><Tags><Tag><Key>a</Key></Tag></Tags>"
            b"</CreateBucketConfiguration>",
            501,
            "NotImplemented",
        ),
        (HERE.replace(b"</Create", b"<LocationConstraint/></Create"), 501, "NotImplemented"),
        (b" " * 16_385, 400, "MaxMessageLengthExceeded"),
    ],
)
@pytest.mark.rule("L2", "L3")
def test_other_documents_are_refused_here(
    stand: Stand, body: bytes, status: int, code: str
) -> None:
    response = stand.ask("PUT", body=body)
    assert (response.status, response.code) == (status, code)
    assert stand.backend.connections == []


@pytest.mark.rule("L6")
@pytest.mark.parametrize(
    ("fields", "options", "code"),
    [
        ((), {"payload": "0" * 64}, "XAmzContentSHA256Mismatch"),
        ((("content-md5", "AAAAAAAAAAAAAAAAAAAAAA=="),), {}, "BadDigest"),
        ((("x-amz-checksum-crc32", "AAAAAA=="),), {}, "BadDigest"),
    ],
)
def test_a_document_is_held_to_what_was_promised(
    stand: Stand, fields: tuple[tuple[str, str], ...], options: dict[str, str], code: str
) -> None:
    for body in (HERE, b"<CreateBucketConfiguration/>"):
        assert stand.ask("PUT", *fields, body=body, **options).code == code
    assert stand.backend.connections == []


def test_a_document_may_come_in_any_pieces(stand: Stand) -> None:
    raw = bytes(stand.request("PUT", body=HERE))
    head = raw.index(b"\r\n\r\n") + 4
    with stand.gateway.connect() as connection:
        for cut in (head, head + 1, len(raw) - 1, head - 1):
            connection.send_pieces((raw[:cut], raw[cut:]), pause=0.05)
            assert connection.read().status == 200
        # With what comes after it in one packet.
        connection.send(raw + raw + bytes(stand.request("HEAD")))
        assert [connection.read(method).status for method in ("PUT", "PUT", "HEAD")] == [200] * 3
    assert [bytes(sent.body) for sent in stand.backend.requests] == [THERE] * 6 + [b""]


@pytest.mark.rule("SEM-10")
def test_a_client_that_waits_is_told_to_go_on(stand: Stand) -> None:
    raw = bytes(stand.request("PUT", ("Expect", "100-continue"), body=HERE))
    head = raw.index(b"\r\n\r\n") + 4
    with stand.gateway.connect() as connection:
        connection.send(raw[:head])
        assert connection.read_interim().startswith(b"HTTP/1.1 100 ")
        connection.send(raw[head:])
        assert connection.read().status == 200
        # Whoever may not, is not.
        refused = bytes(
            stand.request("PUT", ("Expect", "100-continue"), credentials=None, body=HERE)
        )
        connection.send(refused[: refused.index(b"\r\n\r\n") + 4])
        assert connection.read().status == 403


def test_a_document_that_does_not_come(stand: Stand) -> None:
    raw = bytes(stand.request("PUT", body=HERE))
    with stand.gateway.connect() as connection:
        connection.send(raw[:-5])
        response = connection.read()
        assert (response.status, response.code) == (400, "RequestTimeout")
        assert response.closes
    for end in ("half_close", "reset"):
        with stand.gateway.connect() as connection:
            connection.send(raw[:-5])
            getattr(connection, end)()
            if end == "half_close":
                assert connection.end() in ("fin", "reset")
    assert stand.backend.connections == []


def test_a_document_without_a_length(stand: Stand) -> None:
    head = bytes(stand.request("PUT", body=b"")).replace(
        b"Content-Length: 0\r\n", b"Transfer-Encoding: chunked\r\n"
    )
    assert b": chunked" in head
    with stand.gateway.connect() as connection:
        connection.send(head + b"0\r\n\r\n")
        response = connection.read()
    assert (response.status, response.code) == (411, "MissingContentLength")
    assert stand.backend.connections == []


@pytest.mark.rule("L5")
@pytest.mark.parametrize(
    ("field", "kept"),
    [
        (("x-amz-acl", "private"), False),
        (("x-amz-acl", "public-read"), True),
        (("x-amz-grant-read", "id=7"), True),
        (("x-amz-bucket-object-lock-enabled", "true"), True),
        (("x-amz-object-ownership", "ObjectWriter"), True),
    ],
)
def test_what_a_bucket_is_made_with(stand: Stand, field: tuple[str, str], kept: bool) -> None:
    assert stand.ask("PUT", field, body=b"").status == 200
    (sent,) = stand.backend.requests
    assert sent.get(field[0]) == (field[1] if kept else None)
    # What changes who may read, or how long, needs its own action (D3).
    response = stand.ask("PUT", field, body=b"", credentials=PLAIN)
    assert response.status == (403 if kept else 200)


@pytest.mark.rule("L5")
def test_an_unknown_field_of_a_new_bucket_is_named(stand: Stand) -> None:
    response = stand.ask("PUT", ("x-amz-frobnicate", "1"), body=b"")
    assert (response.status, response.code) == (501, "NotImplemented")
    assert b"x-amz-frobnicate" in response.body
    assert stand.backend.connections == []


# --- answers --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("method", "status", "code", "told"),
    [
        ("PUT", "409 Conflict", "BucketAlreadyExists", 409),
        ("PUT", "409 Conflict", "BucketAlreadyOwnedByYou", 409),
        ("PUT", "400 Bad Request", "InvalidBucketName", 400),
        ("DELETE", "409 Conflict", "BucketNotEmpty", 409),
        ("DELETE", "404 Not Found", "NoSuchBucket", 404),
        ("GET", "404 Not Found", "NoSuchBucket", 404),
    ],
)
def test_what_the_store_says_of_a_bucket_is_told_with_our_name(
    stand: Stand, method: str, status: str, code: str, told: int
) -> None:
    serve(stand, status, code)
    response = stand.ask(method)
    assert (response.status, response.code) == (told, code)
    assert f"<BucketName>{NAME}</BucketName>".encode() in response.body
    assert b"canary" not in response.body


@pytest.mark.parametrize(
    ("method", "status", "code", "told"),
    [
        ("PUT", "400 Bad Request", "IllegalLocationConstraintException", "BadGateway"),
        ("PUT", "403 Forbidden", "SignatureDoesNotMatch", "BadGateway"),
        ("DELETE", "403 Forbidden", "AccessDenied", "AccessDenied"),
        ("DELETE", "301 Moved Permanently", "PermanentRedirect", "BadGateway"),
        ("PUT", "301 Moved Permanently", "PermanentRedirect", "BadGateway"),
        ("PUT", "503 Slow Down", "SlowDown", "SlowDown"),
        ("PUT", "400 Bad Request", "TooManyBuckets", "TooManyBuckets"),
    ],
)
def test_other_failures_are_told_as_ever(
    stand: Stand, method: str, status: str, code: str, told: str
) -> None:
    serve(stand, status, code)
    assert stand.ask(method).code == told
    assert len(stand.backend.requests) == 1


def test_heads_and_locations_ask_whether_the_bucket_is_there(stand: Stand) -> None:
    response = stand.ask("HEAD")
    assert response.status == 200
    assert response.get("x-amz-bucket-region") == REGION
    located = stand.ask("GET", target=f"/{NAME}?location")
    assert REGION.encode() in located.body
    assert [(sent.method, sent.target) for sent in stand.backend.requests] == [
        ("HEAD", f"/canary-{NAME}")
    ] * 2


@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden"])
def test_heads_and_locations_of_what_is_not_there(stand: Stand, status: str) -> None:
    stand.backend.serve(ok(b"", ("x-amz-bucket-region", STORE_REGION), status=status))
    code = int(status[:3])
    assert stand.ask("HEAD").status == code
    located = stand.ask("GET", target=f"/{NAME}?location")
    told = "NoSuchBucket" if code == 404 else "AccessDenied"
    assert (located.status, located.code) == (code, told)


def test_a_bucket_is_deleted_once(stand: Stand) -> None:
    stand.backend.serve(ok(b"", status="204 No Content"))
    assert stand.ask("DELETE").status == 204
    (sent,) = stand.backend.requests
    assert (sent.method, sent.target) == ("DELETE", f"/canary-{NAME}")

    def hang_up(connection: object) -> None:
        connection.read_request()  # type: ignore[attr-defined]
        connection.close()  # type: ignore[attr-defined]

    stand.backend.serve(hang_up)
    assert stand.ask("DELETE").status == 503
    assert len(stand.backend.requests) == 2


@pytest.mark.rule("L2", "SEM-22")
@pytest.mark.parametrize("method", ["PUT", "DELETE", "HEAD", "GET"])
@pytest.mark.parametrize(("target", "credentials"), [(f"/{NAME}", None), ("/other-data", OWNER)])
def test_whoever_may_not_costs_the_store_nothing(
    stand: Stand, method: str, target: str, credentials: Credentials | None
) -> None:
    assert stand.ask(method, target=target, credentials=credentials).status == 403
    assert stand.backend.connections == []


@pytest.mark.parametrize("name", ["team-..", "team-UP", "team-%2e%2e%2fx", "team-" + "x" * 52])
def test_a_name_that_s3_forbids_never_reaches_the_store(stand: Stand, name: str) -> None:
    """The last is too long at the store only."""
    for method in ("DELETE", "HEAD", "GET"):
        assert stand.ask(method, target=f"/{name}").status == 404
    response = stand.ask("PUT", target=f"/{name}")
    if len(name) > 50:
        assert (response.status, response.code) == (403, "AccessDenied")
    else:
        assert (response.status, response.code) == (400, "InvalidBucketName")
    assert stand.backend.connections == []


# --- ListBuckets ----------------------------------------------------------------------------------

LIST = (
    "<ListAllMyBucketsResult><Owner><ID>canary</ID></Owner><Buckets>{}</Buckets>{}"
    "</ListAllMyBucketsResult>"
)


def listed(*names: str, more: str = "") -> bytes:
    entries = "".join(
        f"<Bucket><Name>{name}</Name><CreationDate>2026-01-02T03:04:05.000Z</CreationDate></Bucket>"
        for name in names
    )
    return LIST.format(entries, more).encode()


def test_a_store_is_asked_for_its_buckets(stand: Stand) -> None:
    stand.backend.serve(
        ok(
            listed(
                *("canary-team-b", "canary-team-a", "canary-other", "team-x", "canary-"),
                *("canary-team-", "canary-canary-team-c", "canary-team-UP"),
            )
        )
    )
    response = stand.ask("GET", target="/")
    assert response.status == 200
    (sent,) = stand.backend.requests
    assert (sent.method, sent.target) == ("GET", "/")
    found = response.body.split(b"<Name>")[1:]
    assert [name.partition(b"<")[0] for name in found] == [b"team-a", b"team-b"]
    assert b"2026-01-02T03:04:05.000Z" in response.body
    assert b"canary" not in response.body


def test_a_store_that_has_pages_is_asked_for_all(stand: Stand) -> None:
    pages = [
        listed("canary-team-a", more="<ContinuationToken>a/b</ContinuationToken>"),
        listed("canary-team-b"),
    ]

    def script(connection: object) -> None:
        request = connection.read_request()  # type: ignore[attr-defined]
        page = pages["token" in request.target]
        connection.send(answer(page))  # type: ignore[attr-defined]

    stand.backend.serve(script)
    response = stand.ask("GET", target="/")
    assert b"<Name>team-a</Name>" in response.body and b"<Name>team-b</Name>" in response.body
    assert [sent.target for sent in stand.backend.requests] == ["/", "/?continuation-token=a%2Fb"]


@pytest.mark.rule("L7")
@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<html/>",
        listed("canary-team-a")[:-5],
        LIST.format("<Bucket/><Bucket><Owner/></Bucket>", "").encode(),
        listed("canary-team-a", more="<ContinuationToken>same</ContinuationToken>"),
        b"<Error><Code>InternalError</Code></Error>",
    ],
)
def test_a_list_that_cannot_be_read_is_no_list(stand: Stand, document: bytes) -> None:
    stand.backend.serve(ok(document))
    response = stand.ask("GET", target="/")
    assert (response.status, response.code) == (502, "BadGateway")


def test_a_store_that_does_not_show_its_buckets(stand: Stand) -> None:
    serve(stand, "403 Forbidden", "AccessDenied")
    response = stand.ask("GET", target="/")
    assert (response.status, response.code) == (502, "BadGateway")
    assert "buckets cannot be listed" in stand.gateway.log


@pytest.mark.rule("L2")
def test_who_can_have_nothing_there_does_not_ask(stand: Stand) -> None:
    asked = (("/", None), ("/?prefix=other", OWNER), ("/?bucket-region=x", OWNER))
    for target, credentials in asked:
        response = stand.ask("GET", target=target, credentials=credentials)
        assert response.status == 200
        assert b"<Buckets></Buckets>" in response.body
    assert stand.backend.connections == []
