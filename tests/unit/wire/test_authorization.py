"""Reading the Authorization header, and which fields a signature must cover."""

from types import ModuleType
from typing import Any

import pytest

from multistore.errors import S3Error

SIGNATURE = b"0123456789abcdef" * 4
CREDENTIAL = b"AKEXAMPLE/20150830/us-east-1/s3/aws4_request"


def value(credential: bytes = CREDENTIAL, signature: bytes = SIGNATURE) -> bytes:
    return b"AWS4-HMAC-SHA256 Credential=%s, SignedHeaders=host;x-amz-date, Signature=%s" % (
        credential,
        signature,
    )


HEADER = value()


def code_of(call: Any, *args: Any) -> S3Error:
    with pytest.raises(S3Error) as caught:
        call(*args)
    return caught.value


def test_parts(kernel: ModuleType) -> None:
    parsed = kernel.parse_authorization(value())
    assert parsed.credential == CREDENTIAL
    assert parsed.access_key_id == "AKEXAMPLE"
    assert (parsed.date, parsed.region, parsed.service) == ("20150830", "us-east-1", "s3")
    assert parsed.signed_headers == b"host;x-amz-date"
    assert parsed.signature == SIGNATURE


@pytest.mark.rule("S13")
@pytest.mark.parametrize(
    "header",
    [
        # minio-go writes no blank after commas; others could choose another order
        b"AWS4-HMAC-SHA256 Credential=%s,SignedHeaders=host,Signature=%s" % (CREDENTIAL, SIGNATURE),
        b"AWS4-HMAC-SHA256 Signature=%s, SignedHeaders=host, Credential=%s"
        % (SIGNATURE, CREDENTIAL),
        b"AWS4-HMAC-SHA256  \tCredential=%s ,\t SignedHeaders=host , Signature=%s "
        % (CREDENTIAL, SIGNATURE),
    ],
)
def test_order_and_blanks(kernel: ModuleType, header: bytes) -> None:
    parsed = kernel.parse_authorization(header)
    assert parsed.credential == CREDENTIAL
    assert (parsed.signed_headers, parsed.signature) == (b"host", SIGNATURE)


@pytest.mark.rule("S13")
@pytest.mark.parametrize(
    "header",
    [
        b"AWS4-HMAC-SHA256",
        b"AWS4-HMAC-SHA256 ",
        b"AWS4-HMAC-SHA256 Credential",
        value() + b",",
        value() + b", Extra=1",
        value() + b", Signature=" + SIGNATURE,
        value() + b", Credential=" + CREDENTIAL,
        value().replace(b", SignedHeaders=host;x-amz-date", b""),
        value().replace(b"SignedHeaders", b"signedheaders"),
        value().replace(b"Signature=", b"Signature ="),
        value().replace(b", ", b"; "),
        value(b"AKEXAMPLE/20150830/us-east-1/s3"),
        value(b"AKEXAMPLE/20150830/us-east-1/s3/aws4_request/"),
        value(b"AK/EXAMPLE/20150830/us-east-1/s3/aws4_request"),
        value(b"AKEXAMPLE/20150830/us-east-1/s3/aws5_request"),
        value(b"AKEXAMPLE/2015083/us-east-1/s3/aws4_request"),
        value(b"AKEXAMPLE/2015-8-30/us-east-1/s3/aws4_request"),
        value(b"AKEXAMPLE/+2150830/us-east-1/s3/aws4_request"),
        value(b"/20150830/us-east-1/s3/aws4_request"),
        value(b"AKEXAMPLE/20150830//s3/aws4_request"),
        value(b"AKEXAMPLE/20150830/us-east-1//aws4_request"),
        value(b"AK EXAMPLE/20150830/us-east-1/s3/aws4_request"),
        value(b"AK\xc3\xa9/20150830/us-east-1/s3/aws4_request"),
        value(b""),
        value(signature=b""),
        value(signature=SIGNATURE[:-1]),
        value(signature=SIGNATURE + b"0"),
        value(signature=SIGNATURE.upper()),
        value(signature=b"g" * 64),
    ],
)
def test_malformed(kernel: ModuleType, header: bytes) -> None:
    assert code_of(kernel.parse_authorization, header).code == "AuthorizationHeaderMalformed"


@pytest.mark.rule("SEM-4")
def test_signature_version_2_is_named(kernel: ModuleType) -> None:
    error = code_of(kernel.parse_authorization, b"AWS AKEXAMPLE:frJIUN8DYpKDtOLCwo//yllqDzg=")
    assert (error.code, error.status) == ("InvalidRequest", 400)
    assert "Signature Version 4" in error.message or "AWS4-HMAC-SHA256" in error.message
    assert "Config(signature_version='s3v4')" in error.message


@pytest.mark.parametrize(
    ("header", "code"),
    [
        (b"AWS4-ECDSA-P256-SHA256 Credential=a", "NotImplemented"),
        (b"Bearer abc", "InvalidRequest"),
        (b"Basic YTpi", "InvalidRequest"),
        (b"aws4-hmac-sha256 Credential=a", "InvalidRequest"),
        (b"AWS4-HMAC-SHA512 Credential=a", "InvalidRequest"),
        (b"AWS4-HMAC-SHA256,Credential=a", "InvalidRequest"),
        (b"AWS4", "InvalidRequest"),
        (b" AWS4-HMAC-SHA256 Credential=a", "InvalidRequest"),
        (b"", "InvalidRequest"),
    ],
)
def test_other_schemes(kernel: ModuleType, header: bytes, code: str) -> None:
    assert code_of(kernel.parse_authorization, header).code == code


# --- signed headers -------------------------------------------------------------------------------


def check(kernel: ModuleType, signed: bytes, *fields: tuple[bytes, bytes]) -> None:
    header = b"AWS4-HMAC-SHA256 Credential=%s,SignedHeaders=%s,Signature=%s"
    authorization = kernel.parse_authorization(header % (CREDENTIAL, signed, SIGNATURE))
    head = kernel.RequestHead("GET", b"/b/k", 11, [(b"Host", b"h"), *fields])
    kernel.check_signed_headers(head, authorization)


def test_covered_requests_pass(kernel: ModuleType) -> None:
    check(kernel, b"host")
    check(kernel, b"host", (b"X-Amz-Content-Sha256", b"UNSIGNED-PAYLOAD"), (b"Range", b"bytes=0-"))
    check(
        kernel,
        b"content-md5;host;x-amz-date;x-amz-meta-a_b",
        (b"Content-MD5", b"x"),
        (b"X-Amz-Date", b"x"),
        (b"X-Amz-Meta-A_b", b"1"),
        (b"X-Amz-Meta-A_b", b"2"),
    )


@pytest.mark.rule("S12")
@pytest.mark.parametrize(
    "signed",
    [b"", b";host", b"host;", b"host;;x-a", b"x-a;host", b"host;host", b"Host", b"host; x-a"],
)
def test_form_of_the_list(kernel: ModuleType, signed: bytes) -> None:
    error = code_of(check, kernel, signed, (b"x-a", b"1"))
    assert error.code == "AuthorizationHeaderMalformed"


@pytest.mark.rule("L5", "S12")
@pytest.mark.parametrize(
    ("signed", "fields", "named"),
    [
        (b"x-amz-date", [(b"x-amz-date", b"d")], "host"),
        (b"host", [(b"X-Amz-Date", b"d")], "x-amz-date"),
        (b"host", [(b"Content-MD5", b"d")], "content-md5"),
        (b"host", [(b"x-amz-meta-b", b""), (b"x-amz-acl", b"")], "x-amz-meta-b, x-amz-acl"),
        (b"host", [(b"x-amz-meta-a", b"1"), (b"x-amz-meta-a", b"2")], "x-amz-meta-a"),
        (b"range", [(b"x-amz-", b""), (b"range", b"x")], "host, x-amz-"),
    ],
)
def test_fields_that_must_be_signed(
    kernel: ModuleType, signed: bytes, fields: list[tuple[bytes, bytes]], named: str
) -> None:
    error = code_of(check, kernel, signed, *fields)
    assert (error.code, error.status) == ("AccessDenied", 403)
    assert error.fields == (("HeadersNotSigned", named),)


@pytest.mark.rule("L5", "S12")
def test_signed_fields_must_be_there(kernel: ModuleType) -> None:
    error = code_of(check, kernel, b"host;x-amz-meta-a")
    assert error.code == "SignatureDoesNotMatch"


@pytest.mark.parametrize(
    "name",
    [
        b"Authorization",
        b"Date",
        b"X-Amz-Date",
        b"X-Amz-Content-Sha256",
        b"X-Amz-Security-Token",
        b"X-Amz-Copy-Source",
    ],
)
def test_fields_that_may_not_repeat(kernel: ModuleType, name: bytes) -> None:
    signed = b";".join(sorted({b"host", name.lower()}))
    error = code_of(check, kernel, signed, (name, b"1"), (name, b"1"))
    assert error.code == "InvalidRequest"
    check(kernel, signed, (name, b"1"))


def test_an_earlier_result_changes_nothing(kernel: Any) -> None:
    """``like`` is only a short cut: same parts, same faults."""
    first = kernel.parse_authorization(HEADER)
    assert first.access_key_id and first.date and first.credential
    other = HEADER[:-64] + b"fedcba9876543210" * 4
    for value in (
        HEADER,
        other,
        HEADER[:-1] + b"G",
        HEADER[:-1] + b"A",
        HEADER[:-1],
        HEADER + b"0",
        HEADER.replace(b"/s3/", b"/s4/"),
        HEADER.replace(b"SignedHeaders=host", b"SignedHeaders=hosu"),
        b"Basic " + HEADER[6:],
        b"",
    ):
        outcomes = []
        for like in (None, first):
            try:
                parsed = kernel.parse_authorization(value, like)
            except S3Error as error:
                outcomes.append((error.code, error.message))
            else:
                names = "credential access_key_id date region service signed_headers signature"
                outcomes.append(tuple(getattr(parsed, name) for name in names.split()))
        assert outcomes[0] == outcomes[1], value
    # One whose signature does not stand at its end is never a pattern.
    fields = HEADER.removeprefix(b"AWS4-HMAC-SHA256 ").split(b", ")
    turned = b"AWS4-HMAC-SHA256 " + b", ".join(reversed(fields))
    reverse = kernel.parse_authorization(turned)
    again = kernel.parse_authorization(turned, reverse)
    assert again.signature == reverse.signature
    assert kernel.parse_authorization(HEADER, reverse).signature == first.signature
