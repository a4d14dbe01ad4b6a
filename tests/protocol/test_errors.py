"""Errors are ours, in S3's XML, and tell nothing of the backend (D8, SEM-15, S20)."""

from __future__ import annotations

import re

import pytest

from support.backend import BackendConnection, answer, ok
from support.configuration import FULL
from support.processes import wait_until
from support.rig import BACKEND_KEY, BACKEND_SECRET, Pair
from support.sigv4 import Credentials, Request, presigned_target

CANARY = (
    "<HostId>canary-host</HostId><BucketName>canary-bucket</BucketName><Key>canary-prefix/k</Key>"
    f"<AWSAccessKeyId>{BACKEND_KEY}</AWSAccessKeyId><StringToSign>canary</StringToSign>"
    "<Endpoint>canary.example</Endpoint><Region>canary-region-1</Region>"
    "<RequestId>canary</RequestId><Resource>/canary-bucket/canary-prefix/k</Resource>"
)


def document(code: str) -> bytes:
    text = f"<Error><Code>{code}</Code><Message>canary-message {code}</Message>{CANARY}</Error>"
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + text.encode()


def failing(code: str, status: str, *fields: tuple[str, str]) -> object:
    fields = (("Content-Type", "application/xml"), ("x-amz-id-2", "canary"), *fields)
    return ok(document(code), *fields, status=status)


#: The backend's code and status to what the client may be told.
MAPPED = {
    ("NoSuchKey", "404 Not Found"): {(404, "NoSuchKey")},
    ("NoSuchVersion", "404 Not Found"): {(404, "NoSuchVersion")},
    ("NoSuchBucket", "404 Not Found"): {
        (404, "NoSuchBucket"),
        (502, "BadGateway"),
        (503, "ServiceUnavailable"),
    },
    ("InvalidObjectState", "403 Forbidden"): {(403, "InvalidObjectState")},
    ("AccessDenied", "403 Forbidden"): {
        (403, "AccessDenied"),
        (502, "BadGateway"),
        (503, "ServiceUnavailable"),
    },
    ("PreconditionFailed", "412 Precondition Failed"): {(412, "PreconditionFailed")},
    ("BadDigest", "400 Bad Request"): {(400, "BadDigest")},
    ("InvalidDigest", "400 Bad Request"): {(400, "InvalidDigest")},
    ("ConditionalRequestConflict", "409 Conflict"): {(409, "ConditionalRequestConflict")},
    ("SlowDown", "503 Slow Down"): {(503, "SlowDown")},
    ("ServiceUnavailable", "503 Service Unavailable"): {(503, "ServiceUnavailable")},
    ("InternalError", "500 Internal Server Error"): {
        (500, "InternalError"),
        (502, "BadGateway"),
        (503, "ServiceUnavailable"),
    },
}
#: Faults between the gateway and its backend: never the client's (SEM-15).
OURS = {
    "SignatureDoesNotMatch": "403 Forbidden",
    "InvalidAccessKeyId": "403 Forbidden",
    "RequestTimeTooSkewed": "403 Forbidden",
    "ExpiredToken": "400 Bad Request",
    "InvalidToken": "400 Bad Request",
    "AuthorizationHeaderMalformed": "400 Bad Request",
    "PermanentRedirect": "301 Moved Permanently",
    "TemporaryRedirect": "307 Temporary Redirect",
}


@pytest.mark.rule("SEM-15", "SEM-17", "F18", "S20", "L10")
@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize(("code", "status"), MAPPED)
def test_a_client_fault_keeps_its_code(pair: Pair, method: str, code: str, status: str) -> None:
    pair.backend.serve(failing(code, status))  # type: ignore[arg-type]
    response = pair.ask(method, "/k", body=b"hello" if method == "PUT" else b"")
    if (method, code) == ("DELETE", "NoSuchKey"):
        assert (response.status, response.body) == (204, b"")  # SEM-20
        return
    assert (response.status, response.code) in MAPPED[code, status]
    shown = str(response.fields) + response.body.decode()
    assert "canary" not in shown.lower().replace("canary-message", "")
    assert BACKEND_KEY not in shown
    # A 5xx may be tried once more when nothing can come of it (§3.2), never more often.
    assert len(pair.backend.requests) <= (2 if method == "GET" else 1)


@pytest.mark.rule("SEM-15", "S20", "L10")
@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT"])
@pytest.mark.parametrize("code", OURS)
def test_a_fault_of_ours_is_never_the_clients(pair: Pair, method: str, code: str) -> None:
    location = ("Location", "http://canary.example/canary-bucket/canary-prefix/k")
    pair.backend.serve(failing(code, OURS[code], location))  # type: ignore[arg-type]
    response = pair.ask(method, "/k", body=b"hello" if method == "PUT" else b"")
    # A HEAD answer has no body to tell a bad credential from a denial.
    allowed = (502, 503) if method != "HEAD" else (400, 403, 502, 503)
    assert response.status in allowed
    shown = str(response.fields) + response.body.decode()
    assert "canary" not in shown.lower()
    assert code not in shown
    if method != "HEAD":
        assert response.code in ("BadGateway", "ServiceUnavailable")


@pytest.mark.rule("SEM-15", "F21")
def test_a_redirect_is_not_followed_and_the_operator_is_told_the_region(pair: Pair) -> None:
    location = ("Location", "http://127.0.0.1:9/elsewhere")
    region = ("x-amz-bucket-region", "canary-region-1")
    pair.backend.serve(
        failing("PermanentRedirect", "301 Moved Permanently", location, region)  # type: ignore[arg-type]
    )
    response = pair.ask()
    assert (response.status, response.code) == (502, "BadGateway")
    assert response.get("location") is None
    wait_until(
        lambda: "canary-region-1" in pair.gateway.log, timeout=3, what="a log line with the region"
    )


@pytest.mark.rule("R55")
@pytest.mark.rule("F19", partial=True)
@pytest.mark.parametrize("status", ["503 Slow Down", "429 Too Many Requests"])
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_throttling_stays_throttling(pair: Pair, status: str, method: str) -> None:
    pair.backend.serve(failing("SlowDown", status, ("Retry-After", "7")))  # type: ignore[arg-type]
    response = pair.ask(method, "/k", body=b"hello" if method == "PUT" else b"")
    assert (response.status, response.code) == (503, "SlowDown")
    assert response.get("retry-after") == "7"
    assert len(pair.backend.requests) == 1


@pytest.mark.rule("SEM-17")
def test_an_unsatisfiable_range_says_what_there_is(pair: Pair) -> None:
    size = ("Content-Range", "bytes */5")
    pair.backend.serve(
        failing("InvalidRange", "416 Range Not Satisfiable", size)  # type: ignore[arg-type]
    )
    response = pair.ask("GET", "/k", ("Range", "bytes=10-20"))
    assert (response.status, response.code) == (416, "InvalidRange")
    assert response.get("content-range") == "bytes */5"


@pytest.mark.rule("SEM-20")
def test_deleting_what_is_not_there_succeeds(pair: Pair) -> None:
    pair.backend.serve(failing("NoSuchKey", "404 Not Found"))  # type: ignore[arg-type]
    assert pair.ask("DELETE").status == 204


@pytest.mark.rule("SEM-17")
@pytest.mark.parametrize("status", ["404 Not Found", "403 Forbidden", "412 Precondition Failed"])
def test_a_failed_head_keeps_its_status(pair: Pair, status: str) -> None:
    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            connection.send(answer(b"", status=status, length=321))

    pair.backend.serve(script)
    with pair.connect() as connection:
        for _ in range(2):
            assert connection.request(pair.request("HEAD")).status == int(status[:3])


@pytest.mark.rule("F22", "L8")
@pytest.mark.parametrize("length", [70_000, 4_000_000])
def test_an_endless_error_document_is_not_read_for_ever(pair: Pair, length: int) -> None:
    def script(connection: BackendConnection) -> None:
        connection.read_request()
        body = document("NoSuchKey")[:-8] + b"<Pad>" + b"x" * length
        connection.send(answer(body, status="404 Not Found", length=len(body) + (1 << 30)))
        connection.wait_end()

    pair.backend.serve(script)
    response = pair.ask()
    assert response.status in (404, 502)
    assert b"xxxxxxxx" not in response.body


@pytest.mark.rule("F22", "L8")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not xml at all",
        b"<html><body>canary</body></html>",
        b"<Error><Code>NoSuch",
        b"<Error><Code>&canary;</Code></Error>",
        b'<!DOCTYPE x [<!ENTITY a "canary">]><Error><Code>&a;</Code></Error>',
        b"<Error><Code>" + b"x" * 100_000 + b"</Code></Error>",
        b"<Error><Code>Made<b>Up</b></Code></Error>",
        b"<Error><Code>a\r\nX-Injected: b</Code></Error>",
    ],
)
def test_garbage_for_an_error_document(pair: Pair, body: bytes) -> None:
    pair.backend.serve(ok(body, ("Content-Type", "text/html"), status="404 Not Found"))
    response = pair.ask()
    assert response.status in (404, 502)
    assert response.code in ("NoSuchKey", "BadGateway")
    assert b"canary" not in response.body.lower()
    assert response.get("x-injected") is None


def test_an_error_says_what_was_asked_for(pair: Pair) -> None:
    pair.backend.serve(failing("NoSuchKey", "404 Not Found"))  # type: ignore[arg-type]
    response = pair.ask("GET", "/a&b%20c.txt")
    assert f"<Resource>/{pair.bucket}/a&amp;b%20c.txt</Resource>".encode() in response.body
    assert response.get("content-type") == "application/xml"


@pytest.mark.rule("L10", "S17")
def test_no_secret_and_no_signature_reaches_the_log(pair: Pair) -> None:
    host = pair.gateway.authority
    target = presigned_target("GET", f"/{pair.bucket}/presigned-marker", host, FULL)
    with pair.connect() as connection:
        connection.request(Request("GET", target, host))
        wrong = Credentials(FULL.access_key_id, "w" * 40)
        request = pair.request("GET", "/signed-marker", credentials=wrong)
        signature = request.head.split(b"Signature=")[1][:64].decode()
        connection.request(request)
        token = ("x-amz-security-token", "token-canary-0123456789")
        connection.request(pair.request("GET", "/token-marker", token))
    log = pair.gateway.log
    for secret in (
        FULL.secret_access_key,
        BACKEND_SECRET,
        signature,
        target.rsplit("=", 1)[1],
        "token-canary",
    ):
        assert secret not in log


@pytest.mark.rule("L10")
@pytest.mark.parametrize(
    ("status", "said"),
    [("301 Moved Permanently", "is in region (not named)"), ("507 No", "answered 507 (no code)")],
)
def test_a_log_line_cannot_be_forged(pair: Pair, status: str, said: str) -> None:
    """What a backend says is all of the outside that is logged; here it tries to say more."""
    forged = "x&#10;2026-01-01 canary-line"
    region = ("x-amz-bucket-region", "y\u009b31m")
    body = f"<Error><Code>{forged}</Code><Region>{forged}</Region></Error>".encode()
    pair.backend.serve(ok(body, region, status=status))  # type: ignore[arg-type]
    before = len(pair.gateway.log)
    assert pair.ask().status == 502
    wait_until(lambda: said in pair.gateway.log[before:], timeout=3, what="the log line")
    logged = pair.gateway.log[before:]
    assert "canary-line" not in logged
    assert "\u009b" not in logged
    for line in logged.splitlines():
        assert re.match(r"\d{4}-\d\d-\d\d [\d:,]+ WARNING multistore", line), line
