"""What the backend is sent, and what of its answer the client sees."""

from __future__ import annotations

import base64
import hashlib

import pytest

from support.backend import LOOPBACK, BackendConnection, answer, ok
from support.configuration import WRITER
from support.rig import BACKEND_KEY, BACKEND_SECRET, Pair
from support.sigv4 import EMPTY_SHA256, Credentials, signed_names, verifies

BACKEND = Credentials(BACKEND_KEY, BACKEND_SECRET)

#: What describes an object when it is written: each must survive (S21).
MEANING = [
    ("Cache-Control", "max-age=60"),
    ("Content-Disposition", 'attachment; filename="a b.txt"'),
    ("Content-Encoding", "gzip"),
    ("Content-Language", "de"),
    ("Content-Type", "text/plain; charset=utf-8"),
    ("Expires", "Thu, 01 Dec 2044 16:00:00 GMT"),
    ("If-None-Match", "*"),
    ("x-amz-meta-colour", "dark  blue"),
    ("x-amz-meta-empty", ""),
    ("x-amz-server-side-encryption", "AES256"),
    ("x-amz-storage-class", "STANDARD_IA"),
    ("x-amz-checksum-crc32", "NhCmhg=="),
    ("x-amz-sdk-checksum-algorithm", "CRC32"),
    ("Content-MD5", base64.b64encode(hashlib.md5(b"hello").digest()).decode()),
]


@pytest.mark.rule("SEM-13", "L4", "L5")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_the_request_is_ours_and_signed_for_the_backend(pair: Pair, method: str) -> None:
    noise = [
        ("Accept-Encoding", "gzip, br"),
        ("Cookie", "a=b"),
        ("X-Forwarded-For", "10.0.0.1"),
        ("X-Forwarded-Host", "evil.example"),
        ("Proxy-Authorization", "Basic x"),
        ("Connection", "keep-alive, te"),
        ("Keep-Alive", "timeout=5"),
        ("TE", "trailers"),
        ("Via", "1.1 x"),
    ]
    body = b"hello" if method == "PUT" else b""
    response = pair.ask(method, "/a%20b%2Bc", *noise, body=body)
    assert response.status == (204 if method == "DELETE" else 200)
    (request,) = pair.backend.requests
    assert request.method == method
    assert request.target == f"/{pair.backend_bucket}/canary-prefix/a%20b%2Bc"
    assert request.get("host") == f"{LOOPBACK}:{pair.backend.port}"
    assert verifies(request.method, request.target, request.fields, BACKEND)
    assert BACKEND_KEY in (request.get("authorization") or "")
    names = [name for name, _ in request.fields]
    assert len(names) == len(set(names))
    assert not set(names) & {
        *("cookie", "x-forwarded-for", "x-forwarded-host", "proxy-authorization", "te"),
        *("keep-alive", "via", "transfer-encoding"),
    }
    signed = signed_names(request.fields)
    assert {"host", "x-amz-date", "x-amz-content-sha256"} <= signed
    assert not signed & {"content-length", "range", "accept-encoding", "user-agent"}
    assert request.get("accept-encoding") == "identity"
    if method == "GET":
        assert request.get("x-amz-content-sha256") in (EMPTY_SHA256, "UNSIGNED-PAYLOAD")


@pytest.mark.rule("S21", "L5", "SEM-13", "SEM-14", "R41")
@pytest.mark.rule("SEM-12", partial=True)
def test_what_describes_an_object_survives(pair: Pair) -> None:
    headers = [*MEANING, ("x-amz-acl", "private"), ("x-amz-meta-raw", "gr\u00fcn")]
    assert pair.ask("PUT", "/k", *headers, body=b"hello").status == 200
    (request,) = pair.backend.requests
    for name, value in MEANING:
        got = request.get(name.lower())
        assert got is not None, name
        assert " ".join(got.split()) == " ".join(value.split()), name
    raw = request.get("x-amz-meta-raw")
    assert raw is not None and raw.encode("latin-1").decode() == "gr\u00fcn"
    # What every object has anyway; stores with ACLs switched off refuse the header.
    assert request.get("x-amz-acl") is None
    assert verifies(request.method, request.target, request.fields, BACKEND)
    signed = signed_names(request.fields)
    assert {name for name, _ in request.fields if name.startswith("x-amz-")} <= signed
    assert {"content-md5", "content-type", "if-none-match"} <= signed


@pytest.mark.rule("SEM-14", "L5", "L3")
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("x-amz-acl", "public-read"),
        ("x-amz-acl", "bucket-owner-full-control"),
        ("x-amz-grant-read", 'uri="http://acs.amazonaws.com/groups/global/AllUsers"'),
        ("x-amz-website-redirect-location", "/elsewhere"),
        ("x-amz-tagging", "a=b"),
        ("x-amz-object-lock-mode", "GOVERNANCE"),
        ("x-amz-object-lock-legal-hold", "ON"),
        ("x-amz-server-side-encryption-customer-algorithm", "AES256"),
        ("x-amz-server-side-encryption-aws-kms-key-id", "alias/mine"),
    ],
)
def test_what_changes_who_may_read_is_an_action_of_its_own(
    pair: Pair, name: str, value: str
) -> None:
    for method, target in (("PUT", "/k"), ("POST", "/k?uploads")):
        response = pair.ask(method, target, (name, value), credentials=WRITER)
        assert (response.status, response.code) == (403, "AccessDenied")
    assert pair.backend.connections == []


@pytest.mark.rule("L5", "L3")
@pytest.mark.parametrize("name", ["x-amz-frobnicate", "x-amz-write-offset-bytes"])
def test_an_unknown_header_of_s3_is_not_dropped_in_silence(pair: Pair, name: str) -> None:
    response = pair.ask("PUT", "/k", (name, "7"), body=b"x")
    assert response.status in (400, 403, 501)
    assert pair.backend.connections == []


@pytest.mark.rule("L3", "L5")
@pytest.mark.parametrize("method", ["GET", "PUT"])
@pytest.mark.parametrize("name", ["x-ms-version", "x-goog-copy-source", "x-ms-blob-type"])
def test_commands_of_other_clouds_never_pass(pair: Pair, method: str, name: str) -> None:
    response = pair.ask(method, "/k", (name, "v"), body=b"x" if method == "PUT" else b"")
    assert response.status in (200, 400, 501)
    assert all(request.get(name) is None for request in pair.backend.requests)


@pytest.mark.rule("R15", "SEM-17")
def test_conditions_and_if_range_reach_the_backend(pair: Pair) -> None:
    headers = [
        ("If-Match", '"a"'),
        ("If-None-Match", '"b"'),
        ("If-Modified-Since", "Thu, 01 Dec 2022 16:00:00 GMT"),
        ("If-Unmodified-Since", "Thu, 01 Dec 2044 16:00:00 GMT"),
    ]
    assert pair.ask("GET", "/k", *headers).status == 200
    (request,) = pair.backend.requests
    for name, value in headers:
        assert request.get(name.lower()) == value
    assert {"if-match", "if-none-match"} <= signed_names(request.fields)


@pytest.mark.rule("R15", "SEM-17")
def test_if_range_is_honoured_or_the_range_dropped(pair: Pair) -> None:
    body = bytes(range(200))

    def script(connection: BackendConnection) -> None:
        """A store that ignores If-Range, as some do, and knows If-Match."""
        while True:
            request = connection.read_request()
            if request.get("if-match") not in (None, '"current"'):
                connection.send(answer(b"", status="412 Precondition Failed"))
            elif request.get("range"):
                span = ("Content-Range", "bytes 50-59/200")
                connection.send(answer(body[50:60], span, status="206 Partial Content"))
            else:
                connection.send(answer(body))

    pair.backend.serve(script)
    span = ("Range", "bytes=50-59")
    response = pair.ask("GET", "/k", span, ("If-Range", '"current"'))
    assert (response.status, response.body) in [(206, body[50:60]), (200, body)]
    # A part of the new version would be joined to parts of the old one.
    for stale in ('"stale"', 'W/"current"', "Thu, 01 Dec 2022 16:00:00 GMT"):
        response = pair.ask("GET", "/k", span, ("If-Range", stale))
        assert (response.status, response.body) == (200, body)


@pytest.mark.rule("R13", "SEM-17")
@pytest.mark.parametrize(
    "value", ["bytes=abc", "bytes=33-10", "invalid", "items=0-3", "bytes=", "bytes=0-1,3-4"]
)
def test_a_malformed_range_is_no_range(pair: Pair, value: str) -> None:
    response = pair.ask("GET", "/k", ("Range", value))
    assert (response.status, response.body) == (200, b"hello")
    assert pair.backend.requests[0].get("range") is None


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(
    ("name", "value"), [("x-amz-api-version", "2006-03-01"), ("x-amz-user-agent", "aws-sdk-js")]
)
def test_what_sdks_say_of_themselves_means_nothing(
    pair: Pair, method: str, name: str, value: str
) -> None:
    body = b"x" if method == "PUT" else b""
    assert pair.ask(method, "/k", (name, value), body=body).status in (200, 204)
    assert pair.backend.requests[0].get(name) is None


@pytest.mark.rule("L5")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "DELETE"])
def test_a_range_is_for_reading(pair: Pair, method: str) -> None:
    response = pair.ask(
        method, "/k", ("Range", "bytes=0-3"), body=b"hello" if method == "PUT" else b""
    )
    if method in ("GET", "HEAD"):
        assert pair.backend.requests[0].get("range") == "bytes=0-3"
    else:
        # RFC 9110 14.5: a partial PUT must not be taken for a whole one.
        assert response.status in (400, 501)
        assert pair.backend.requests == []


@pytest.mark.rule("R11", "SEM-13")
def test_nothing_is_compressed_on_the_way(pair: Pair) -> None:
    body = b'{"a": 1}' * 10_000
    pair.backend.serve(ok(body, ("Content-Type", "application/json")))
    response = pair.ask("GET", "/k", ("Accept-Encoding", "gzip, br, zstd"))
    assert response.body == body
    assert response.get("content-encoding") is None
    assert response.get("etag") == '"' + hashlib.md5(body).hexdigest() + '"'


#: Fields of a backend's answer that clients need.
KEPT = [
    ("Accept-Ranges", "bytes"),
    ("Cache-Control", "max-age=60"),
    ("Content-Disposition", "inline"),
    ("Content-Encoding", "gzip"),
    ("Content-Language", "de"),
    ("Content-Type", "text/plain"),
    ("Expires", "Thu, 01 Dec 2044 16:00:00 GMT"),
    ("Last-Modified", "Thu, 01 Dec 2022 16:00:00 GMT"),
    ("x-amz-meta-colour", "blue"),
    ("x-amz-version-id", "v1"),
    ("x-amz-storage-class", "STANDARD_IA"),
    ("x-amz-server-side-encryption", "AES256"),
    ("x-amz-restore", 'ongoing-request="false"'),
    ("x-amz-expiration", 'expiry-date="Fri, 23 Dec 2044 00:00:00 GMT", rule-id="r"'),
    ("x-amz-replication-status", "COMPLETED"),
    ("x-amz-object-lock-mode", "GOVERNANCE"),
    ("x-amz-tagging-count", "2"),
    ("x-amz-mp-parts-count", "3"),
]
#: Fields that say who the backend is.
DROPPED = [
    ("Server", "canary-server"),
    ("x-amz-id-2", "canary-id"),
    ("x-amz-server-side-encryption-aws-kms-key-id", "canary-key-id"),
    ("x-seaweedfs-upload", "canary"),
    ("Seaweed-X-Amz-Owner", "canary"),
    ("x-minio-deployment-id", "canary"),
    ("x-goog-hash", "canary"),
    ("Set-Cookie", "canary=1"),
    ("Via", "1.1 canary"),
    ("Alt-Svc", 'h3="canary:443"'),
    ("Location", "http://canary.example/"),
    ("Access-Control-Allow-Origin", "canary"),
    ("Keep-Alive", "timeout=canary"),
]


@pytest.mark.rule("SEM-16", "L10", "S20")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_answers_pass_by_allow_list(pair: Pair, method: str) -> None:
    pair.backend.serve(ok(b"hello", *KEPT, *DROPPED, ("x-amz-request-id", "canary")))
    response = pair.ask(method, "/k")
    assert response.status == 200
    for name, value in KEPT:
        assert response.get(name.lower()) == value
    assert "canary" not in str(response.fields)


@pytest.mark.rule("SEM-18", partial=True)
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
def test_an_etag_of_parts_is_passed_on(pair: Pair, method: str) -> None:
    etag = '"0123456789abcdef0123456789abcdef-2"'

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"", ("ETag", etag)))

    pair.backend.serve(script)
    response = pair.ask(method, "/k", body=b"x" if method == "PUT" else b"")
    assert (response.status, response.get_all("etag")) == (200, [etag])


@pytest.mark.rule("SEM-16")
def test_repeated_fields_stay_repeated(pair: Pair) -> None:
    fields = [("x-amz-meta-a", "1"), ("x-amz-meta-a", "2")]
    pair.backend.serve(ok(b"hello", *fields))
    assert pair.ask().get_all("x-amz-meta-a") == ["1", "2"]


@pytest.mark.rule("SEM-16")
@pytest.mark.parametrize(
    ("headers", "status", "shown"),
    [
        ([("x-amz-checksum-mode", "ENABLED")], "200 OK", True),
        ([], "200 OK", False),
        (
            [("x-amz-checksum-mode", "ENABLED"), ("Range", "bytes=0-4")],
            "206 Partial Content",
            False,
        ),
    ],
)
def test_checksums_are_shown_when_asked_for(
    pair: Pair, headers: list[tuple[str, str]], status: str, shown: bool
) -> None:
    fields = [("x-amz-checksum-crc32", "NhCmhg=="), ("Content-Range", "bytes 0-4/9")]
    pair.backend.serve(ok(b"hello", *fields, status=status))
    response = pair.ask("GET", "/k", *headers)
    assert (response.get("x-amz-checksum-crc32") is not None) == shown


@pytest.mark.rule("SEM-20")
def test_an_upload_is_answered_with_its_etag_and_checksum(pair: Pair) -> None:
    fields = [("ETag", '"5d41402abc4b2a76b9719d911017c592"'), ("x-amz-checksum-crc32", "NhCmhg==")]

    def script(connection: BackendConnection) -> None:
        connection.read_request()
        connection.send(answer(b"", *fields))

    pair.backend.serve(script)
    response = pair.ask("PUT", "/k", ("x-amz-checksum-crc32", "NhCmhg=="), body=b"hello")
    assert response.get("etag") == fields[0][1]
    assert response.get("x-amz-checksum-crc32") == "NhCmhg=="


@pytest.mark.rule("SEM-17")
def test_not_modified_keeps_its_validators(pair: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            connection.send(
                answer(
                    b"",
                    ("ETag", '"a"'),
                    ("Last-Modified", "Thu, 01 Dec 2022 16:00:00 GMT"),
                    status="304 Not Modified",
                    length=None,
                )
            )

    pair.backend.serve(script)
    with pair.connect() as connection:
        for _ in range(2):
            response = connection.request(pair.request("GET", "/k", ("If-None-Match", '"a"')))
            assert response.status == 304
            assert response.get("etag") == '"a"'
            assert response.get("last-modified") == "Thu, 01 Dec 2022 16:00:00 GMT"
            assert response.get("transfer-encoding") is None


@pytest.mark.rule("SEM-20")
def test_a_delete_is_204(pair: Pair) -> None:
    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            connection.send(answer(b"", status="204 No Content", length=None))

    pair.backend.serve(script)
    with pair.connect() as connection:
        for _ in range(2):
            response = connection.request(pair.request("DELETE"))
            assert (response.status, response.body) == (204, b"")
            assert response.get("content-length") is None
    assert len(pair.backend.connections) == 1


@pytest.mark.rule("L4")
def test_a_name_cannot_inject_a_header(pair: Pair) -> None:
    # LF in a query value that is passed on stays encoded.
    query = "response-content-disposition=a%0D%0AX-Injected%3A%20b"
    pair.ask("GET", "/k?" + query)
    for request in pair.backend.requests:
        assert request.get("x-injected") is None
        assert b"\r\nX-Injected" not in request.raw
