"""What clients and operators learn when an S3 backend fails."""

from __future__ import annotations

import logging
import re

import pytest

from multistore.backends.s3 import S3Backend
from multistore.config.sealer import TokenSealer
from multistore.errors import STATUS
from multistore.gateway.plan import Forward, Plan, Respond
from multistore.types import Bucket, Origin
from multistore.wire import ResponseHead, Signer
from support.drive import drive, make_identity, make_request
from support.memory_store import MemoryStore

SEALER = TokenSealer(b"the secret of these tests")
SOMEBODY = make_identity(actions=("get_object", "put_object", "list_bucket"))
CANARY = "CANARY"

Fields = tuple[tuple[bytes, bytes], ...]


def make_backend(host: str = "store.test", **options: object) -> S3Backend:
    origin = Origin(host, 443, tls=True, ca_file="ca.pem")
    signer = Signer(CANARY, CANARY, "us-east-1")
    options = {"signer": signer, "sealer": SEALER, **options}
    return S3Backend(origin, "backend-bucket", **options)  # type: ignore[arg-type]


def document(code: str, extra: str = "") -> bytes:
    """An error document as AWS writes it, with everything in it that must not be shown."""
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{CANARY}</Message><BucketName>{CANARY}</BucketName>"
        f"<Key>{CANARY}</Key><AWSAccessKeyId>{CANARY}</AWSAccessKeyId><Endpoint>{CANARY}</Endpoint>"
        f"<StringToSign>{CANARY}</StringToSign>{extra}<HostId>{CANARY}</HostId></Error>"
    ).encode()


def fail(plan: Plan, status: int, body: bytes = b"", fields: Fields = ()) -> Plan:
    assert isinstance(plan, Forward)
    head = ResponseHead(
        status,
        11,
        ((b"content-length", b"%d" % len(body)), (b"server", CANARY.encode()), *fields),
    )
    gather = plan.answer.on_head(status, head)
    assert gather is not None
    assert not isinstance(gather, Respond)
    assert hasattr(gather, "limit")
    return gather.finish(body[: gather.limit])


def answer(
    status: int,
    body: bytes = b"",
    fields: Fields = (),
    *,
    method: str = "GET",
    target: bytes = b"/bucket/a/key?versionId=1",
    backend: S3Backend | None = None,
) -> Respond:
    backend = backend or make_backend()
    sent: Fields = ((b"content-length", b"4"),) if method == "PUT" else ()
    if method == "PUT":
        target = b"/bucket/a/key"
    request = make_request(Bucket("bucket", backend), method, target, sent, identity=SOMEBODY)
    told = fail(backend.plan(request), status, body, fields)
    assert isinstance(told, Respond)
    shown = told.body + b"".join(name + value for name, value in told.fields)
    assert CANARY.encode() not in shown
    assert b"backend-bucket" not in shown
    return told


def code_of(respond: Respond) -> str:
    match = re.search(rb"<Code>(.*?)</Code>", respond.body)
    assert match is not None
    return match[1].decode()


#: Codes that a store's answer never carries through: the gateway's own judgements of it, and what
#: is between the two.
NOT_THE_CLIENTS = {
    "AccessForbidden",
    "AuthorizationHeaderMalformed",
    "AuthorizationQueryParametersError",
    "BadGateway",
    "BadRequest",
    "ExpiredToken",
    "GatewayTimeout",
    "IllegalLocationConstraintException",
    "IncompleteBody",
    "InternalError",
    "InvalidAccessKeyId",
    "InvalidBucketName",
    "InvalidChunkSizeError",
    "InvalidToken",
    "InvalidURI",
    "MalformedTrailerError",
    "MissingContentLength",
    "NoSuchBucket",
    "NotModified",
    "RequestTimeTooSkewed",
    "ServiceUnavailable",
    "SignatureDoesNotMatch",
    "SlowDown",
}


@pytest.mark.rule("S20", "SEM-17")
@pytest.mark.parametrize("code", sorted(STATUS.keys() - NOT_THE_CLIENTS))
@pytest.mark.parametrize("method", ["GET", "PUT"])
def test_the_clients_own_fault_keeps_its_code(code: str, method: str) -> None:
    status = STATUS[code]
    told = answer(status, document(code), method=method)
    assert (told.status, code_of(told)) == (status, code)
    assert b"<Resource>/bucket/a/key</Resource>" in told.body
    assert b"<RequestId>request-1</RequestId>" in told.body


@pytest.mark.rule("SEM-15", "S20", "L10")
@pytest.mark.parametrize(
    ("status", "code", "expected"),
    [
        (400, "ExpiredToken", 503),
        (403, "RequestTimeTooSkewed", 503),
        (403, "InvalidAccessKeyId", 502),
        (403, "SignatureDoesNotMatch", 502),
        (400, "AuthorizationHeaderMalformed", 502),
        (400, "InvalidToken", 502),
        (404, "NoSuchBucket", 502),
        (400, "InvalidURI", 502),
        (403, "InvalidChunkSizeError", 502),
        (400, "MalformedTrailerError", 502),
    ],
)
def test_what_is_ours_to_solve_is_told_to_the_operator(
    status: int, code: str, expected: int, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.WARNING, "multistore.backend"):
        told = answer(status, document(code))
    assert told.status == expected
    assert code not in told.body.decode()
    assert code_of(told) == {502: "BadGateway", 503: "ServiceUnavailable"}[expected]
    (record,) = caplog.records
    line = record.getMessage()
    assert line == (
        f"https://store.test:443 bucket backend-bucket answered {status} {code} [request-1]"
    )


@pytest.mark.rule("F18")
@pytest.mark.rule("F19", partial=True)
@pytest.mark.parametrize(
    ("status", "body", "expected", "code"),
    [
        (500, document("InternalError"), 500, "InternalError"),
        (500, b"<html>CANARY</html>", 500, "InternalError"),
        (502, b"", 502, "BadGateway"),
        (503, b"", 503, "ServiceUnavailable"),
        (503, document("ServiceUnavailable"), 503, "ServiceUnavailable"),
        (503, document("SlowDown"), 503, "SlowDown"),
        (429, b"", 503, "SlowDown"),
        (429, document("TooManyRequests"), 503, "SlowDown"),
        (504, b"", 504, "GatewayTimeout"),
        (507, b"", 502, "BadGateway"),
        (599, b"", 502, "BadGateway"),
        (201, b"", 502, "BadGateway"),
        (203, b"", 502, "BadGateway"),
    ],
)
def test_failures_of_the_store(status: int, body: bytes, expected: int, code: str) -> None:
    told = answer(status, body)
    assert (told.status, code_of(told)) == (expected, code)


@pytest.mark.rule("F19", partial=True)
@pytest.mark.parametrize(
    ("value", "expected"),
    [(b"7", b"7"), (b"soon", None), (b"-1", None), (b"9999999", None)],
)
def test_retry_after_is_passed_on(value: bytes, expected: bytes | None) -> None:
    for status in 429, 503:
        told = answer(status, document("SlowDown"), ((b"retry-after", value),))
        assert dict(told.fields).get(b"retry-after") == expected


@pytest.mark.rule("F22", "S20")
@pytest.mark.parametrize(
    ("status", "body", "code"),
    [
        (400, document("VendorSpecific"), "InvalidRequest"),
        (403, document("VendorSpecific"), "AccessDenied"),
        (404, b"", "NoSuchKey"),
        (404, document("CANARY bucket"), "NoSuchKey"),
        (404, document("NoSuchVersion")[:-3], "NoSuchKey"),
        (405, b"", "MethodNotAllowed"),
        (418, b"<Error><Code>&#x41;ccessDenied</Code></Error>", "AccessDenied"),
        (409, b"{}", "OperationAborted"),
        (422, b"", "InvalidRequest"),
    ],
)
def test_a_strange_error_is_judged_by_its_status(status: int, body: bytes, code: str) -> None:
    assert code_of(answer(status, body)) == code


@pytest.mark.rule("F22")
def test_a_long_error_document_is_cut(caplog: pytest.LogCaptureFixture) -> None:
    told = answer(404, document("NoSuchVersion", "<Pad>" + "x" * 100_000 + "</Pad>"))
    assert code_of(told) == "NoSuchKey"


@pytest.mark.rule("SEM-17")
@pytest.mark.parametrize("status", [400, 403, 404, 405, 412, 416, 500, 503])
def test_errors_of_head_have_no_body(status: int) -> None:
    told = answer(status, method="HEAD")
    assert (told.status, told.body) == (status, b"")


@pytest.mark.rule("SEM-16")
@pytest.mark.parametrize(("method", "status"), [("GET", 404), ("HEAD", 404), ("GET", 405)])
def test_a_delete_marker_is_shown(method: str, status: int) -> None:
    fields = ((b"x-amz-delete-marker", b"true"), (b"x-amz-version-id", b"v1"))
    told = dict(answer(status, b"", fields, method=method).fields)
    assert told[b"x-amz-delete-marker"] == b"true"
    assert told[b"x-amz-version-id"] == b"v1"
    assert told.get(b"allow") == (b"DELETE" if status == 405 else None)


def test_a_method_is_allowed_only_where_that_is_known() -> None:
    told = answer(405, document("MethodNotAllowed"))
    assert (told.status, code_of(told)) == (405, "MethodNotAllowed")
    assert b"allow" not in dict(told.fields)
    # A 404 with a marker is a key that was deleted; deleting it again is no remedy.
    assert b"allow" not in dict(answer(404, b"", ((b"x-amz-delete-marker", b"true"),)).fields)


@pytest.mark.rule("SEM-17")
def test_the_size_of_an_unsatisfiable_range_may_come_from_the_document() -> None:
    told = answer(416, document("InvalidRange", "<ActualObjectSize>10</ActualObjectSize>"))
    assert (b"content-range", b"bytes */10") in told.fields
    told = answer(416, b"", ((b"content-range", b"bytes 0-1/CANARY"),))
    assert b"content-range" not in dict(told.fields)


@pytest.mark.rule("SEM-20")
@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (404, document("NoSuchKey"), 204),
        (404, document("NoSuchVersion"), 404),
        (404, document("NoSuchBucket"), 502),
        (403, document("AccessDenied"), 403),
    ],
)
def test_a_deletion_that_finds_nothing_succeeds(status: int, body: bytes, expected: int) -> None:
    assert answer(status, body, method="DELETE").status == expected


@pytest.mark.rule("SEM-20", "SEM-16")
def test_every_success_of_a_deletion_is_204() -> None:
    backend = make_backend()
    request = make_request(Bucket("bucket", backend), "DELETE", b"/bucket/key", identity=SOMEBODY)
    plan = backend.plan(request)
    assert isinstance(plan, Forward)
    fields = (
        (b"content-length", b"0"),
        (b"x-amz-version-id", b"v"),
        (b"x-amz-request-id", CANARY.encode()),
    )
    told = plan.answer.on_head(200, ResponseHead(200, 11, fields))
    assert isinstance(told, Respond)
    assert (told.status, told.fields) == (204, ((b"x-amz-version-id", b"v"),))
    assert plan.answer.on_head(204, ResponseHead(204, 11, ())) is None
    assert not plan.answer.relay
    assert not plan.replayable


@pytest.mark.rule("SEM-15", "S20")
@pytest.mark.parametrize(
    ("credentials", "bucket_name", "expected"),
    [
        ({"ANOTHER": "key"}, "backend-bucket", 502),
        ({CANARY: "another secret"}, "backend-bucket", 502),
        ({CANARY: CANARY}, "missing-bucket", 502),
    ],
)
@pytest.mark.parametrize("target", [b"/bucket/key", b"/bucket?list-type=2"])
def test_a_wrong_backend_credential_shows_nothing(
    credentials: dict[str, str], bucket_name: str, expected: int, target: bytes
) -> None:
    with MemoryStore("backend-bucket", credentials=credentials) as store:
        signer = Signer(CANARY, CANARY, "us-east-1")
        origin = Origin("127.0.0.1", store.port, tls=False)
        backend = S3Backend(origin, bucket_name, sealer=SEALER, signer=signer)
        bucket = Bucket("bucket", backend, prefix=b"CANARY/")
        told = drive(backend.plan(make_request(bucket, "GET", target, identity=SOMEBODY)))
    assert told.status == expected
    assert b"CANARY" not in told.body
    assert bucket_name.encode() not in told.body


# --- the region of a bucket

AWS = "s3.us-east-1.amazonaws.com"
MOVED = ((b"x-amz-bucket-region", b"eu-central-1"), (b"location", b"https://evil.test/"))


def read(backend: S3Backend, method: str = "GET") -> Plan:
    fields = ((b"content-length", b"1"),) if method == "PUT" else ()
    bucket = Bucket("bucket", backend)
    return backend.plan(make_request(bucket, method, b"/bucket/key", fields, identity=SOMEBODY))


def aws(**options: object) -> tuple[S3Backend, list[str]]:
    asked: list[str] = []

    def signer_for(region: str) -> Signer:
        asked.append(region)
        return Signer(CANARY, CANARY, region)

    return make_backend(AWS, **{"signer_for": signer_for, **options}), asked


@pytest.mark.rule("SEM-15", "F21")
@pytest.mark.parametrize(
    ("method", "status", "body", "fields"),
    [
        ("GET", 301, document("PermanentRedirect"), MOVED),
        ("HEAD", 301, b"", MOVED),
        ("HEAD", 400, b"", MOVED),
        ("DELETE", 307, document("TemporaryRedirect"), MOVED),
        (
            "GET",
            400,
            document("AuthorizationHeaderMalformed", "<Region>eu-central-1</Region>"),
            (),
        ),
    ],
)
def test_the_region_is_learnt_once_and_the_request_sent_again(
    method: str,
    status: int,
    body: bytes,
    fields: Fields,
    caplog: pytest.LogCaptureFixture,
) -> None:
    backend, asked = aws()
    first = read(backend, method)
    late = read(backend, method)
    with caplog.at_level(logging.WARNING, "multistore.backend"):
        again = fail(first, status, body, fields)
    assert isinstance(again, Forward)
    assert again.origin.host == "s3.eu-central-1.amazonaws.com"
    assert again.host == b"s3.eu-central-1.amazonaws.com"
    assert again.target == b"/backend-bucket/key"
    assert (again.origin.tls, again.origin.ca_file) == (True, "ca.pem")
    assert asked == ["eu-central-1"]
    assert "is in region eu-central-1, asked was us-east-1" in caplog.text
    # Everybody after it goes there at once; who was under way follows; nobody learns twice.
    after = read(backend, method)
    assert isinstance(after, Forward)
    assert after.origin is again.origin
    followed = fail(late, status, body, fields)
    assert isinstance(followed, Forward)
    assert followed.origin is again.origin
    elsewhere = ((b"x-amz-bucket-region", b"ap-south-1"),)
    told = fail(again, 301, b"", elsewhere)
    assert isinstance(told, Respond)
    assert told.status == 502
    assert asked == ["eu-central-1"]


@pytest.mark.rule("SEM-15", "F21")
def test_an_upload_is_not_sent_again_but_its_client_may(caplog: pytest.LogCaptureFixture) -> None:
    backend, asked = aws()
    told = fail(read(backend, "PUT"), 301, document("PermanentRedirect"), MOVED)
    assert isinstance(told, Respond)
    assert told.status == 503
    assert (b"retry-after", b"1") in told.fields
    assert asked == ["eu-central-1"]
    again = read(backend, "PUT")
    assert isinstance(again, Forward)
    assert again.origin.host == "s3.eu-central-1.amazonaws.com"


@pytest.mark.rule("SEM-15")
def test_virtual_hosts_and_anonymous_backends_move_too() -> None:
    backend = make_backend("s3.amazonaws.com", signer=None, virtual_hosted=True)
    again = fail(read(backend), 301, b"", MOVED)
    assert isinstance(again, Forward)
    assert again.host == b"backend-bucket.s3.eu-central-1.amazonaws.com"
    assert again.origin.host == "backend-bucket.s3.eu-central-1.amazonaws.com"


@pytest.mark.rule("SEM-15", "F21")
def test_a_region_is_learnt_within_its_own_domain() -> None:
    backend = make_backend("s3.cn-north-1.amazonaws.com.cn", signer=None)
    again = fail(read(backend), 301, b"", ((b"x-amz-bucket-region", b"cn-northwest-1"),))
    assert isinstance(again, Forward)
    assert again.origin.host == "s3.cn-northwest-1.amazonaws.com.cn"


@pytest.mark.rule("SEM-15", "F21")
@pytest.mark.parametrize(
    ("host", "options", "fields"),
    [
        ("store.test", {}, MOVED),
        ("s3.us-east-1.amazonaws.com.evil.test", {}, MOVED),
        ("s3.dualstack.us-east-1.amazonaws.com", {}, MOVED),
        ("s3-accelerate.amazonaws.com", {}, MOVED),
        ("other-bucket.s3.us-east-1.amazonaws.com", {}, MOVED),
        ("ec2-203-0-113-9.compute-1.amazonaws.com", {}, MOVED),
        (AWS, {"signer_for": None}, MOVED),
        (AWS, {}, ()),
        (AWS, {}, ((b"x-amz-bucket-region", b"evil.test/"),)),
        (AWS, {}, ((b"location", b"https://s3.eu-central-1.amazonaws.com/"),)),
    ],
)
def test_no_other_redirect_is_followed(
    host: str, options: dict[str, object], fields: Fields, caplog: pytest.LogCaptureFixture
) -> None:
    backend, asked = aws(**options)
    if host != AWS:
        backend = make_backend(host, signer_for=lambda region: Signer("a", "b", region))
    with caplog.at_level(logging.WARNING, "multistore.backend"):
        told = fail(read(backend), 301, b"", fields)
    assert isinstance(told, Respond)
    assert told.status == 502
    assert asked == []
    assert "the bucket is in region" in caplog.text
    assert "evil.test/" not in caplog.text


def test_a_refusal_in_the_right_region_is_no_redirect() -> None:
    backend, asked = aws()
    told = fail(read(backend, "HEAD"), 400, b"", ((b"x-amz-bucket-region", b"us-east-1"),))
    assert isinstance(told, Respond)
    assert told.status == 400
    assert asked == []
