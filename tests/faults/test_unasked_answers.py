"""A backend's success that is none, or that nobody asked for, is not passed on as one."""

from __future__ import annotations

import pytest

from support.backend import BackendConnection, Script, answer
from support.rig import BACKEND_KEY, Pair


def always(data: bytes) -> Script:
    def script(connection: BackendConnection) -> None:
        while True:
            connection.read_request()
            connection.send(data)

    return script


def framed(body: bytes, chunked: bool, *fields: tuple[str, str]) -> bytes:
    if not chunked:
        return answer(body, *fields)
    coded = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
    return answer(coded, ("Transfer-Encoding", "chunked"), *fields, length=None)


def error(code: str, padding: int = 0) -> bytes:
    return (
        f"""<?xml version="1.0"?>
<Error xmlns="http://s3.amazonaws.com/doc/2006-03-01/">{f"<Code>{code}</Code>" if code else ""}
<Message>canary-message {"x" * padding}</Message><Key>canary-prefix/k</Key>
<BucketName>canary-bucket</BucketName><AWSAccessKeyId>{BACKEND_KEY}</AWSAccessKeyId>
<HostId>canary-host</HostId></Error>"""
    ).encode()


ERRORS = {
    code: error(code)
    for code in (
        *("AccessDenied", "InternalError", "NoSuchBucket", "SignatureDoesNotMatch", "SlowDown"),
        *("CanaryCode", ""),
    )
} | {"longer than what is read": error("InternalError", 100_000)}


@pytest.mark.rule("S20", "L7")
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("name", ERRORS)
def test_an_upload_whose_200_is_an_error_has_failed(pair: Pair, name: str, chunked: bool) -> None:
    canary = ("x-amz-id-2", "canary-id")
    pair.backend.serve(always(framed(ERRORS[name], chunked, ("ETag", '"canary"'), canary)))
    with pair.connect() as connection:
        response = connection.request(pair.request("PUT", "/k", body=b"x"))
        assert response.status >= 400
        assert response.code in ("BadGateway", "SlowDown")
        shown = f"{response.fields} {response.body!r}".lower()
        assert "canary" not in shown
        # Whose fault it was is known; the client's connection lives on.
        assert connection.request(pair.request("HEAD", "")).status == 200


@pytest.mark.rule("S20", "SEM-20")
@pytest.mark.parametrize("chunked", [False, True])
@pytest.mark.parametrize("body", [b"canary", b"<PutObjectResult><A>canary</A></PutObjectResult>"])
def test_what_an_upload_is_answered_besides_means_nothing(
    pair: Pair, body: bytes, chunked: bool
) -> None:
    pair.backend.serve(always(framed(body, chunked, ("ETag", '"a"'), ("X-Canary", "canary"))))
    log = len(pair.gateway.log)
    with pair.connect() as connection:
        for _ in range(3):
            response = connection.request(pair.request("PUT", "/k", body=b"x"))
            assert (response.status, response.body) == (200, b"")
            assert response.get("etag") == '"a"'
            assert "canary" not in str(response.fields)
    assert len(pair.backend.connections) == 1
    assert pair.gateway.log[log:] == ""


@pytest.mark.rule("L7")
@pytest.mark.parametrize(
    "status",
    ["201 Created", "202 Accepted", "204 No Content", "206 Partial Content", "304 Not Modified"],
)
def test_an_upload_is_answered_with_200_or_not_done(pair: Pair, status: str) -> None:
    length = None if status[:3] in ("204", "304") else 0
    pair.backend.serve(always(answer(b"", ("ETag", '"a"'), status=status, length=length)))
    response = pair.ask("PUT", "/k", body=b"x")
    assert (response.status, response.code) == (502, "BadGateway")
    assert response.get("etag") is None


PART = answer(b"half", ("Content-Range", "bytes 0-3/9"), status="206 Partial Content")
UNCHANGED = answer(b"", ("ETag", '"a"'), status="304 Not Modified", length=None)
EMPTY = answer(b"", ("ETag", '"a"'), status="204 No Content", length=None)
RANGE = ("Range", "bytes=0-3")
NONE_MATCH = ("If-None-Match", '"a"')
SINCE = ("If-Modified-Since", "Thu, 01 Dec 2044 16:00:00 GMT")


@pytest.mark.rule("L7", "F22")
@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize(
    ("data", "target", "headers"),
    [
        (PART, "/k", []),
        (PART, "/k", [NONE_MATCH, SINCE]),
        (PART, "/k?versionId=1", []),
        (UNCHANGED, "/k", []),
        (UNCHANGED, "/k", [RANGE, ("If-Match", '"a"')]),
        (UNCHANGED, "/k?partNumber=1", []),
        (EMPTY, "/k", []),
        (EMPTY, "/k", [RANGE, NONE_MATCH]),
        (answer(b"half", status="203 Non-Authoritative Information"), "/k", []),
    ],
)
def test_a_read_is_answered_as_it_was_asked(
    pair: Pair, data: bytes, target: str, headers: list[tuple[str, str]], method: str
) -> None:
    pair.backend.serve(always(data if method == "GET" else data.replace(b"half", b"")))
    response = pair.ask(method, target, *headers)
    assert response.status == 502
    assert method == "HEAD" or response.code == "BadGateway"
    assert response.get("etag") is None
    assert response.get("content-range") is None


@pytest.mark.rule("SEM-17")
@pytest.mark.parametrize(
    ("data", "target", "headers"),
    [
        (PART, "/k", [RANGE]),
        (PART, "/k?partNumber=1", []),
        (UNCHANGED, "/k", [NONE_MATCH]),
        (UNCHANGED, "/k", [SINCE]),
        (UNCHANGED, "/k", [RANGE, NONE_MATCH]),
    ],
)
def test_a_part_or_a_304_that_was_asked_for_passes(
    pair: Pair, data: bytes, target: str, headers: list[tuple[str, str]]
) -> None:
    pair.backend.serve(always(data))
    with pair.connect() as connection:
        for _ in range(2):
            response = connection.request(pair.request("GET", target, *headers))
            if data is PART:
                assert (response.status, response.body) == (206, b"half")
                assert response.get("content-range") == "bytes 0-3/9"
            else:
                assert (response.status, response.get("etag")) == (304, '"a"')
    assert len(pair.backend.connections) == 1
