"""Heads that we write: order, filters, signatures, and what no value can do."""

import hashlib
import re
from types import ModuleType
from typing import Any

import pytest

from multistore.errors import S3Error

DATE = b"20150830T123600Z"
EMPTY = hashlib.sha256(b"").hexdigest().encode()


def client_head(kernel: ModuleType, *fields: tuple[bytes, bytes]) -> Any:
    return kernel.RequestHead("PUT", b"/client/target", 11, [(b"Host", b"client"), *fields])


def write(
    kernel: ModuleType,
    head: Any = None,
    *,
    method: str = "PUT",
    target: bytes = b"/b/k",
    host: bytes = b"store:9000",
    keep: Any = None,
    add: Any = (),
    content_length: int = -1,
    payload: bytes = EMPTY,
    signer: Any = None,
) -> bytes:
    keep = kernel.HeaderSet([]) if keep is None else keep
    written = kernel.write_request_head(
        method, target, host, head, keep, add, content_length, payload, signer, DATE
    )
    assert isinstance(written, bytes)
    return written


def test_request_without_a_signer(kernel: ModuleType) -> None:
    head = client_head(
        kernel,
        (b"X-Amz-Meta-B", b"2"),
        (b"Content-Type", b"text/plain"),
        (b"X-Amz-Meta-A", b"1"),
        (b"Range", b"bytes=0-1"),
        (b"X-Amz-Meta-B", b"1"),
        (b"Cookie", b"no"),
    )
    keep = kernel.HeaderSet([b"content-type", b"range", b"if-match"], [b"x-amz-meta-"])
    add = ((b"Accept-Encoding", b"identity"), (b"range", b"bytes=5-9"))
    assert write(kernel, head, keep=keep, add=add, content_length=12) == (
        b"PUT /b/k HTTP/1.1\r\n"
        b"host: store:9000\r\n"
        b"accept-encoding: identity\r\n"
        b"content-type: text/plain\r\n"
        b"range: bytes=5-9\r\n"
        b"x-amz-meta-a: 1\r\n"
        b"x-amz-meta-b: 2\r\n"
        b"x-amz-meta-b: 1\r\n"
        b"content-length: 12\r\n"
        b"\r\n"
    )
    assert write(kernel, method="GET") == b"GET /b/k HTTP/1.1\r\nhost: store:9000\r\n\r\n"
    assert write(kernel, content_length=0).endswith(b"\r\ncontent-length: 0\r\n\r\n")


NEVER = [
    (b"Content-Length", b"5"),
    (b"Connection", b"close"),
    (b"Authorization", b"secret"),
    (b"Expect", b"100-continue"),
    (b"X-Amz-Date", b"20000101T000000Z"),
    (b"X-Amz-Content-Sha256", b"client"),
    (b"X-Amz-Security-Token", b"client"),
]


@pytest.mark.rule("L4", "L10", "SEM-13")
def test_what_speaks_to_us_never_passes(kernel: ModuleType) -> None:
    everything = kernel.HeaderSet([], [b""])
    head = client_head(kernel, *NEVER, (b"If-Match", b'"x"'))
    assert write(kernel, head, keep=everything) == (
        b'PUT /b/k HTTP/1.1\r\nhost: store:9000\r\nif-match: "x"\r\n\r\n'
    )
    chunked = client_head(kernel, (b"Transfer-Encoding", b"chunked"))
    assert b"chunked" not in write(kernel, chunked, keep=everything)


@pytest.mark.rule("SEM-13", "L5")
@pytest.mark.parametrize("token", [None, "to/ken"])
def test_signed_request_verifies(kernel: ModuleType, token: str | None) -> None:
    signer = kernel.Signer("AKEXAMPLE", "secret", "eu-west-1", token)
    head = client_head(
        kernel,
        (b"Range", b"bytes=0-1"),
        (b"X-Amz-Meta-A", b"a  \t b"),
        (b"X-Amz-Meta-A", b"\xe9"),
        (b"Content-MD5", b"1B2M2Y8AsgTpgAmY7PhCfg=="),
        (b"Content-Type", b"text/plain"),
        (b"If-None-Match", b"*"),
        (b"Cache-Control", b"no-cache"),
        *NEVER,
    )
    target = b"/b/a%20b?partNumber=1&uploadId=x"
    written = write(
        kernel,
        head,
        target=target,
        keep=kernel.HeaderSet([], [b""]),
        content_length=0,
        signer=signer,
        add=[(b"Accept-Encoding", b"identity")],
    )
    lines = written.split(b"\r\n")
    names = [line.partition(b":")[0] for line in lines[1:-2]]
    assert names == [
        b"host",
        b"accept-encoding",
        b"cache-control",
        b"content-md5",
        b"content-type",
        b"if-none-match",
        b"range",
        b"x-amz-meta-a",
        b"x-amz-meta-a",
        b"content-length",
        b"x-amz-date",
        b"x-amz-content-sha256",
        *([b"x-amz-security-token"] if token else []),
        b"authorization",
    ]
    assert b"x-amz-meta-a: a  \t b" in lines  # folded for the signature only

    verdict, sent, consumed, _ = kernel.scan_request(written)
    assert (verdict, consumed) == (kernel.ORDINARY, len(written))
    assert sent.get(b"x-amz-content-sha256") == EMPTY
    assert sent.get(b"x-amz-security-token") == (token.encode() if token else None)
    authorization = kernel.parse_authorization(sent.get(b"authorization"))
    kernel.check_signed_headers(sent, authorization)
    assert authorization.signed_headers.split(b";") == sorted(
        {
            name
            for name in names
            if re.fullmatch(rb"host|content-md5|content-type|if-.*|x-amz-.*", name)
        }
    )
    key = kernel.SigningKey("secret", "20150830", "eu-west-1", "s3")
    parsed = kernel.parse_target(target)
    assert kernel.verify(sent, parsed, authorization, key, DATE, EMPTY)


def test_signer_follows_the_day(kernel: ModuleType) -> None:
    signer = kernel.Signer("AKEXAMPLE", "secret", "eu-west-1")
    written = []
    for date in (b"20150830T235959Z", b"20150831T000000Z", b"20150830T235959Z"):
        written.append(
            kernel.write_request_head(
                "GET", b"/", b"h", None, kernel.HeaderSet([]), (), -1, EMPTY, signer, date
            )
        )
    assert written[0] == written[2] != written[1]
    assert b"AKEXAMPLE/20150831/eu-west-1/s3/aws4_request" in written[1]


@pytest.mark.rule("L10")
def test_secrets_are_not_shown(kernel: ModuleType) -> None:
    signer = kernel.Signer("AKEXAMPLE", "s3cret", "eu-west-1", "t0ken")
    for shown in (repr(signer), str(signer)):
        assert "s3cret" not in shown and "t0ken" not in shown


BREAKERS = [b"a\r\nx: y", b"\n", b"a\r", b"a\0b"]


@pytest.mark.rule("L4")
@pytest.mark.parametrize("bad", BREAKERS)
def test_no_value_breaks_a_line(kernel: ModuleType, bad: bytes) -> None:
    def refused(call: Any, *args: Any, **kwargs: Any) -> None:
        with pytest.raises(S3Error) as caught:
            call(*args, **kwargs)
        assert caught.value.code == "InternalError"

    signer = kernel.Signer("AKEXAMPLE", "secret", "eu-west-1")
    for chosen in (None, signer):
        refused(write, kernel, add=[(b"a", bad)], signer=chosen)
        refused(write, kernel, add=[(bad, b"a")], signer=chosen)
        refused(write, kernel, host=bad, signer=chosen)
    refused(write, kernel, payload=bad, signer=signer)
    refused(kernel.write_response_head, 200, None, None, [(b"a", bad)])
    refused(kernel.write_response_head, 200, None, None, [(bad, b"a")])


@pytest.mark.rule("L4")
@pytest.mark.parametrize("bad", [b" ", b"\t", b"\r", b"\n", b"\0", b"\x1f", b"\x7f"])
def test_no_target_breaks_its_line(kernel: ModuleType, bad: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        write(kernel, target=b"/a" + bad + b"b")
    assert caught.value.code == "InternalError"


def test_response(kernel: ModuleType) -> None:
    head = kernel.ResponseHead(
        200,
        11,
        [
            (b"Content-Length", b"5"),
            (b"Transfer_Encoding", b"x"),
            (b"ETag", b'"a"'),
            (b"X-Amz-Meta-B", b"2"),
            (b"X-Amz-Meta-A", b"1"),
            (b"X-Amz-Meta-B", b"1"),
            (b"Server", b"S"),
            (b"Connection", b"close"),
            (b"Keep-Alive", b"timeout=5"),
        ],
    )
    everything = kernel.HeaderSet([], [b""])
    add = ((b"Server", b"multistore"), (b"Content-Length", b"7"), (b"x-amz-request-id", b"id"))
    assert kernel.write_response_head(206, head, everything, add) == (
        b"HTTP/1.1 206 Partial Content\r\n"
        b"transfer_encoding: x\r\n"
        b'etag: "a"\r\n'
        b"x-amz-meta-b: 2\r\n"
        b"x-amz-meta-a: 1\r\n"
        b"x-amz-meta-b: 1\r\n"
        b"server: multistore\r\n"
        b"content-length: 7\r\n"
        b"x-amz-request-id: id\r\n"
        b"\r\n"
    )
    some = kernel.HeaderSet([b"etag"])
    assert kernel.write_response_head(200, head, some, ()) == (
        b'HTTP/1.1 200 OK\r\netag: "a"\r\n\r\n'
    )
    for keep in (None, everything):
        bare = kernel.write_response_head(204, None, keep, ())
        assert bare == b"HTTP/1.1 204 No Content\r\n\r\n"
    assert kernel.write_response_head(204, head, None, ()) == b"HTTP/1.1 204 No Content\r\n\r\n"


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (100, b"Continue"),
        (200, b"OK"),
        (307, b"Temporary Redirect"),
        (404, b"Not Found"),
        (412, b"Precondition Failed"),
        (413, b"Content Too Large"),
        (416, b"Range Not Satisfiable"),
        (429, b"Too Many Requests"),
        (503, b"Service Unavailable"),
        (418, b""),
        (599, b""),
    ],
)
def test_reasons(kernel: ModuleType, status: int, reason: bytes) -> None:
    written = kernel.write_response_head(status, None, None, ())
    assert written == b"HTTP/1.1 %d %s\r\n\r\n" % (status, reason)
