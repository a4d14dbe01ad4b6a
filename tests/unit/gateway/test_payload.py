"""How the body of an upload is planned: what it is held to, and what the store is told."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from multistore.errors import S3Error
from multistore.gateway.payload import Payload, PayloadPolicy, plan_payload
from multistore.gateway.plan import EMPTY_SHA256, UNSIGNED_PAYLOAD
from multistore.gateway.request import GatewayRequest
from multistore.wire import RequestHead, SigningKey, parse_authorization

DIGEST = hashlib.sha256(b"body").hexdigest().encode()
SIGNED = b"STREAMING-AWS4-HMAC-SHA256-PAYLOAD"
SIGNED_TRAILER = SIGNED + b"-TRAILER"
UNSIGNED_TRAILER = b"STREAMING-UNSIGNED-PAYLOAD-TRAILER"
CRC = b"x-amz-checksum-crc32"
CRC64 = b"x-amz-checksum-crc64nvme"
AUTHORIZATION = (
    b"AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/s3/aws4_request, "
    b"SignedHeaders=host, Signature=" + b"0" * 64
)


def policy(name: str = "auto", **options: Any) -> PayloadPolicy:
    return PayloadPolicy.of(name, **{"aws": False, "signs": True, "verifies": None} | options)


def asked(
    payload: bytes, *fields: tuple[bytes, bytes], length: int = 4, te: bool = False
) -> GatewayRequest:
    framing = (b"transfer-encoding", b"chunked")
    if not te:
        framing = (b"content-length", str(length).encode())
    named = (b"x-amz-content-sha256", payload)
    head = RequestHead("PUT", b"/b/k", 11, [(b"host", b"h"), framing, named, *fields])
    request = GatewayRequest(head, "192.0.2.1", True, "RID", 0.0)
    request.payload = payload
    if payload.startswith(b"STREAMING"):
        request.authorization = parse_authorization(AUTHORIZATION)
        request.signing_key = SigningKey("secret", "20260101", "us-east-1", "s3")
    return request


def planned(request: GatewayRequest, how: PayloadPolicy | None = None) -> Payload:
    return plan_payload(request, how or policy())


def refused(request: GatewayRequest, how: PayloadPolicy | None = None) -> str:
    with pytest.raises(S3Error) as caught:
        planned(request, how)
    return caught.value.code


@pytest.mark.rule("L6")
@pytest.mark.parametrize(
    ("payload", "length", "bound", "held"),
    [
        (UNSIGNED_PAYLOAD, 4, False, False),
        (UNSIGNED_PAYLOAD, 0, False, False),
        (DIGEST, 4, True, False),
        (DIGEST, 4, False, True),
        (EMPTY_SHA256, 0, False, False),
        (EMPTY_SHA256, 4, False, True),
    ],
)
def test_a_promised_hash_is_bound_or_held_to(
    payload: bytes, length: int, bound: bool, held: bool
) -> None:
    body = planned(asked(payload, length=length), policy(verifies=bound))
    assert (body.length, body.payload, body.shown) == (length, payload, ())
    assert (body.check is not None) == held
    if body.check is not None:
        body.check.update(b"body" if payload == DIGEST else b"")
        body.check.finish()
    # What our head does not say binds nobody.
    other = planned(asked(DIGEST), policy("unsigned", verifies=True))
    assert other.payload == UNSIGNED_PAYLOAD and other.check is not None


@pytest.mark.rule("L6", "S11", "SEM-11")
@pytest.mark.parametrize("bound", [True, False])
def test_a_hash_that_cannot_hold_is_refused_at_once(bound: bool) -> None:
    how = policy(verifies=bound)
    assert refused(asked(DIGEST, length=0), how) == "XAmzContentSHA256Mismatch"
    assert refused(asked(UNSIGNED_PAYLOAD, (CRC, b"NhCmhg=="), length=0), how) == "BadDigest"


@pytest.mark.rule("L6")
def test_a_hash_that_does_not_hold_is_found_out() -> None:
    check = planned(asked(DIGEST)).check
    assert check is not None
    check.update(b"bod")
    check.update(b"Y")
    with pytest.raises(S3Error) as caught:
        check.finish()
    assert caught.value.code == "XAmzContentSHA256Mismatch"


@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("auto", {}, UNSIGNED_PAYLOAD),
        ("auto", {"aws": True}, UNSIGNED_TRAILER),
        ("auto", {"aws": True, "signs": False}, UNSIGNED_PAYLOAD),
        ("trailer", {}, UNSIGNED_TRAILER),
        ("trailer", {"signs": False}, UNSIGNED_PAYLOAD),
        ("signed", {}, SIGNED_TRAILER),
        ("signed", {"aws": True}, SIGNED_TRAILER),
        ("unsigned", {"aws": True}, UNSIGNED_PAYLOAD),
    ],
)
@pytest.mark.parametrize("mode", [SIGNED_TRAILER, UNSIGNED_TRAILER])
@pytest.mark.parametrize(("field", "size"), [(CRC, 8), (CRC64, 12)])
def test_a_checksum_behind_the_body(
    name: str, options: dict[str, bool], told: bytes, mode: bytes, field: bytes, size: int
) -> None:
    decoded = (b"x-amz-decoded-content-length", b"17")
    request = asked(mode, decoded, (b"x-amz-trailer", field.upper()), length=99)
    body = planned(request, policy(name, **options))
    assert (body.payload, body.length, body.shown) == (told, 17, ())
    assert body.decoder is not None and body.check is not None
    assert body.check.trailers == (field,)
    if told == UNSIGNED_PAYLOAD:
        assert body.framing is None and body.bare and body.add == ()
    else:
        assert body.framing is not None and not body.bare
        assert body.framing.trailers == ((field, size),)
        assert body.framing.signed == (name == "signed")
        assert body.add == (decoded, (b"x-amz-trailer", field))


@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("name", ["auto", "unsigned", "signed", "trailer"])
def test_what_has_no_hash_and_no_trailer(name: str) -> None:
    decoded = (b"x-amz-decoded-content-length", b"4")
    for request in (asked(UNSIGNED_PAYLOAD), asked(SIGNED, decoded, length=200)):
        body = planned(request, policy(name, aws=True))
        assert not body.bare
        if name == "signed":
            assert body.payload == SIGNED and body.add == (decoded,)
            assert body.framing is not None and body.framing.trailers is None
        else:
            assert body.payload == UNSIGNED_PAYLOAD and body.framing is None and body.add == ()
    nothing = planned(asked(UNSIGNED_PAYLOAD, length=0), policy(name))
    assert nothing.payload == (EMPTY_SHA256 if name == "signed" else UNSIGNED_PAYLOAD)
    assert nothing.framing is None


@pytest.mark.rule("SEM-20")
def test_a_checksum_before_the_body_is_shown() -> None:
    given = (CRC, b"NhCmhg==")
    for payload in (UNSIGNED_PAYLOAD, DIGEST):
        assert planned(asked(payload, given)).shown == (given,)


@pytest.mark.rule("SEM-10")
def test_a_body_without_a_length() -> None:
    for payload in (UNSIGNED_PAYLOAD, DIGEST, SIGNED, UNSIGNED_TRAILER):
        assert refused(asked(payload, te=True)) == "MissingContentLength"
    decoded = (b"x-amz-decoded-content-length", b"4")
    assert planned(asked(DIGEST, decoded, te=True)).length == 4
    assert planned(asked(DIGEST, decoded, length=4)).length == 4
    assert refused(asked(DIGEST, decoded, length=5)) == "InvalidRequest"


@pytest.mark.rule("L3")
def test_a_mode_that_nobody_signed() -> None:
    request = asked(UNSIGNED_TRAILER, (b"x-amz-decoded-content-length", b"4"))
    request.authorization = request.signing_key = None
    request.payload = UNSIGNED_PAYLOAD
    assert refused(request) == "NotImplemented"


def test_there_are_four_policies() -> None:
    with pytest.raises(ValueError, match="no such payload policy"):
        policy("sha256")
