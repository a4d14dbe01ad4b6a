"""Signatures of ours against botocore's and awscrt's; what verification accepts and refuses."""

import datetime
import hashlib
import inspect
from types import ModuleType
from typing import Any

import awscrt.auth
import awscrt.http
import botocore.auth
import botocore.awsrequest
import botocore.credentials
import pytest

DATE = "20150830T123600Z"
WHEN = datetime.datetime(2015, 8, 30, 12, 36, tzinfo=datetime.UTC)
EMPTY = hashlib.sha256(b"").hexdigest()
KEYS = {"access_key_id": "AKEXAMPLE", "secret_access_key": "s3cr3t/+é"}
CASES: list[tuple[str, str, list[tuple[str, str]]]] = [
    ("GET", "/b/k", []),
    ("GET", "/", []),
    (
        "PUT",
        "/b/a%20b/%C3%A9//%7E",
        [("x-amz-meta-a", "  1   2\t "), ("Content-Type", "text/plain")],
    ),
    ("GET", "/b?list-type=2&prefix=a%2Fb&delimiter=%2F&max-keys=10", []),
    ("POST", "/b/k?uploads", []),
    ("GET", "/b/k?b=2&a=2&a=1&a=%20&a", [("range", "bytes=0-1")]),
    ("DELETE", "/b/k?versionId=a%2Bb", [("if-match", '"x"')]),
    ("HEAD", "/b/k?a-b=1&a=1&aB=1&a%2Fb=1", []),
]


def fields(*pairs: tuple[str, str]) -> list[tuple[bytes, bytes]]:
    return [(name.encode(), value.encode()) for name, value in pairs]


def head_of(kernel: ModuleType, method: str, target: bytes, *extra: tuple[bytes, bytes]) -> Any:
    return kernel.RequestHead(method, target, 11, [(b"Host", b"s3.example:8080"), *extra])


def header_signed(
    kernel: ModuleType, method: str, target: bytes, extra: list[tuple[bytes, bytes]] | None = None
) -> tuple[Any, Any, Any, Any]:
    """A request signed in its header, ready for ``verify``."""
    signed = [(b"host", b"s3.example:8080"), (b"x-amz-date", DATE.encode()), *(extra or [])]
    value = kernel.sign(
        method, target, signed, **KEYS, amz_date=DATE, region="us-east-1", payload=EMPTY
    )
    authorization = kernel.parse_authorization(value)
    key = kernel.SigningKey(KEYS["secret_access_key"], DATE[:8], "us-east-1", "s3")
    head = head_of(kernel, method, target, *signed[1:], (b"authorization", value))
    return head, kernel.parse_target(target), authorization, key


@pytest.mark.parametrize(("method", "target", "extra"), CASES, ids=[case[1] for case in CASES])
def test_header_as_botocore_signs(
    kernel: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    method: str,
    target: str,
    extra: list[tuple[str, str]],
) -> None:
    module = inspect.getmodule(botocore.auth.SigV4Auth)
    monkeypatch.setattr(module, "get_current_datetime", lambda: WHEN.replace(tzinfo=None))
    request = botocore.awsrequest.AWSRequest(
        method=method, url=f"http://s3.example:8080{target}", headers=dict(extra)
    )
    request.context["payload_signing_enabled"] = True
    botocore.auth.S3SigV4Auth(
        botocore.credentials.Credentials(KEYS["access_key_id"], KEYS["secret_access_key"]),
        "s3",
        "us-east-1",
    ).add_auth(request)
    ours = kernel.sign(
        method,
        target.encode(),
        fields(
            ("Host", "s3.example:8080"),
            ("X-Amz-Date", DATE),
            ("X-Amz-Content-SHA256", EMPTY),
            *extra,
        ),
        **KEYS,
        amz_date=DATE,
        region="us-east-1",
        payload=EMPTY,
    )
    assert ours.decode() == request.headers["Authorization"]


def crt_signed(
    method: str, target: str, extra: list[tuple[str, str]], token: str | None, presigned: bool
) -> awscrt.http.HttpRequest:
    kind = awscrt.auth.AwsSignatureType
    config = awscrt.auth.AwsSigningConfig(
        algorithm=awscrt.auth.AwsSigningAlgorithm.V4,
        signature_type=kind.HTTP_REQUEST_QUERY_PARAMS if presigned else kind.HTTP_REQUEST_HEADERS,
        credentials_provider=awscrt.auth.AwsCredentialsProvider.new_static(
            KEYS["access_key_id"], KEYS["secret_access_key"], token
        ),
        region="us-east-1",
        service="s3",
        date=WHEN,
        use_double_uri_encode=False,
        should_normalize_uri_path=False,
        signed_body_value="UNSIGNED-PAYLOAD" if presigned else EMPTY,
        signed_body_header_type=awscrt.auth.AwsSignedBodyHeaderType.NONE
        if presigned
        else awscrt.auth.AwsSignedBodyHeaderType.X_AMZ_CONTENT_SHA_256,
        expiration_in_seconds=3600 if presigned else None,
    )
    headers = awscrt.http.HttpHeaders([("Host", "s3.example:8080"), *extra])
    request = awscrt.http.HttpRequest(method, target, headers)
    return awscrt.auth.aws_sign_request(request, config).result(10)


@pytest.mark.parametrize(("method", "target", "extra"), CASES, ids=[case[1] for case in CASES])
def test_header_as_awscrt_signs(
    kernel: ModuleType, method: str, target: str, extra: list[tuple[str, str]]
) -> None:
    request = crt_signed(method, target, extra, "token", presigned=False)
    sent = fields(*request.headers)
    head = kernel.RequestHead(method, request.path.encode(), 11, sent)
    authorization = kernel.parse_authorization(head.get(b"authorization"))
    kernel.check_signed_headers(head, authorization)
    key = kernel.SigningKey(KEYS["secret_access_key"], DATE[:8], "us-east-1", "s3")
    parsed = kernel.parse_target(request.path.encode())
    amz_date = head.get(b"x-amz-date")
    assert kernel.verify(head, parsed, authorization, key, amz_date, EMPTY.encode())
    names = authorization.signed_headers.split(b";")
    ours = kernel.sign(
        method,
        request.path.encode(),
        [(name, value) for name, value in head.items() if name in names],
        **KEYS,
        amz_date=DATE,
        region="us-east-1",
        payload=EMPTY,
    )
    assert ours.endswith(authorization.signature)


@pytest.mark.parametrize("token", [None, "to/ken+="])
@pytest.mark.parametrize(("method", "target", "extra"), CASES, ids=[case[1] for case in CASES])
def test_presigned_as_awscrt_signs(
    kernel: ModuleType, method: str, target: str, extra: list[tuple[str, str]], token: str | None
) -> None:
    ours = kernel.presign(
        method,
        target.encode(),
        "s3.example:8080",
        **KEYS,
        amz_date=DATE,
        expires=3600,
        region="us-east-1",
        session_token=token,
        headers=fields(*extra),
    )
    theirs = crt_signed(method, target, extra, token, presigned=True).path.encode()
    assert ours.startswith(target.encode())
    assert ours.partition(b"?")[0] == theirs.partition(b"?")[0]
    assert kernel.parse_target(ours).params == kernel.parse_target(theirs).params
    order = [pair.partition(b"=")[0] for pair in ours.split(b"&") if b"X-Amz-" in pair]
    assert order[-1] == b"X-Amz-Signature"

    for url in (ours, theirs):
        parsed = kernel.parse_target(url)
        params = parsed.params
        authorization = kernel.parse_authorization(
            b"AWS4-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s"
            % tuple(params[f"X-Amz-{n}"] for n in ("Credential", "SignedHeaders", "Signature"))
        )
        head = head_of(kernel, method, url, *fields(*extra))
        kernel.check_signed_headers(head, authorization)
        key = kernel.SigningKey(KEYS["secret_access_key"], DATE[:8], "us-east-1", "s3")
        assert kernel.verify_presigned(head, parsed, authorization, key, params["X-Amz-Date"])
        assert not kernel.verify_presigned(
            head, parsed, authorization, key, params["X-Amz-Date"], EMPTY.encode()
        )
        assert not kernel.verify(head, parsed, authorization, key, params["X-Amz-Date"], b"x")


def test_signing_key(kernel: ModuleType) -> None:
    """The example of "Create a signed AWS API request"."""
    key = kernel.SigningKey("wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", "20150830", "r", "iam")
    assert len(key.sign(b"")) == 64
    assert key.sign(b"") != kernel.SigningKey("other", "20150830", "r", "iam").sign(b"")
    assert "wJalr" not in repr(key)


@pytest.mark.rule("SEM-2")
@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        (b"/b/a%20b", b"/b/a%20b"),
        (b"/b/~%7Ea%2fb", b"/b/~%7Ea%2fb"),  # odd spelling, signed as sent
        (b"/b/a%20b/%C3%A9~", b"/b/a%20b/%c3%a9%7e"),  # lower-case hex, needless escape
        (b"/b/%28x%29", b"/b/(x)"),  # raw sub-delims, signed encoded
        (b"/b?prefix=a%20b", b"/b?prefix=a+b"),  # a form's blank
        (b"/b?b=1&a=%2F", b"/b?a=/&b=1"),
        (b"/b?uploads=", b"/b?uploads"),
        (b"/b?uploads", b"/b?uploads="),
        (b"/b?a=1&b=2", b"/b?b=2&&a=1&"),
    ],
)
def test_two_forms_hold(kernel: ModuleType, signed: bytes, sent: bytes) -> None:
    head, _, authorization, key = header_signed(kernel, "GET", signed)
    target = kernel.parse_target(sent)
    assert kernel.verify(head, target, authorization, key, DATE.encode(), EMPTY.encode())


@pytest.mark.rule("SEM-2", "L1")
@pytest.mark.parametrize(
    ("signed", "sent"),
    [
        (b"/b/k", b"/b/K"),
        (b"/b/k", b"//b/k"),
        (b"/b//k", b"/b/k"),
        (b"/b/k", b"/b/./k"),
        (b"/b/k", b"/b/x/../k"),
        (b"/b/a/b", b"/b/a%252Fb"),
        (b"/b/a%252Fb", b"/b/a%2Fb"),
        (b"/b/a%2Bb", b"/b/a%20b"),
        (b"/b/a%20b", b"/b/a+b"),
        (b"/b?a=1", b"/b?a=1&a=1"),
        (b"/b?a=1", b"/b?a=2"),
        (b"/b?a=1", b"/b?A=1"),
        (b"/b?a=%2B", b"/b?a=+"),
        (b"/b?acl", b"/b"),
        (b"/b", b"/b?acl"),
    ],
)
def test_other_targets_do_not(kernel: ModuleType, signed: bytes, sent: bytes) -> None:
    head, _, authorization, key = header_signed(kernel, "GET", signed)
    target = kernel.parse_target(sent)
    assert not kernel.verify(head, target, authorization, key, DATE.encode(), EMPTY.encode())


@pytest.mark.rule("S12")
def test_values_are_bytes_joined_and_folded(kernel: ModuleType) -> None:
    signed = [(b"x-amz-meta-a", b"1, \xe9 2"), (b"x-amz-meta-b", b"")]
    head, target, authorization, key = header_signed(kernel, "PUT", b"/b/k", signed)
    sent = [field for field in head.items() if not field[0].startswith((b"x-amz-meta", b"host"))]
    for values, holds in [
        ([b"1, \xe9 2"], True),
        ([b" 1,   \xe9\t \t2 "], True),
        ([b"1", b" \xe9 2"], False),  # joined as "1,é 2"
        ([b"1, \xe8 2"], False),
        ([b"1,\xe9 2"], False),
        ([b""], False),
    ]:
        extra = [(b"x-amz-meta-a", value) for value in values]
        other = head_of(kernel, "PUT", b"/b/k", *sent, *extra, (b"x-amz-meta-b", b"  "))
        result = kernel.verify(other, target, authorization, key, DATE.encode(), EMPTY.encode())
        assert result is holds, values

    signed = [(b"x-amz-meta-a", b"1"), (b"X-Amz-Meta-A", b"2")]
    head, target, authorization, key = header_signed(kernel, "PUT", b"/b/k", signed)
    assert kernel.verify(head, target, authorization, key, DATE.encode(), EMPTY.encode())
    one = [field for field in head.items() if not field[0].startswith((b"x-amz-meta", b"host"))]
    joined = head_of(kernel, "PUT", b"/b/k", *one, (b"x-amz-meta-a", b"1,2"))
    assert kernel.verify(joined, target, authorization, key, DATE.encode(), EMPTY.encode())
    swapped = head_of(kernel, "PUT", b"/b/k", *one, (b"x-amz-meta-a", b"2"), signed[0])
    assert not kernel.verify(swapped, target, authorization, key, DATE.encode(), EMPTY.encode())
