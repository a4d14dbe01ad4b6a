"""Promises about the bytes of an upload (gateway/integrity)."""

from __future__ import annotations

import base64
import hashlib
import random
import zlib

import botocore.session
import google_crc32c
import pytest
from awscrt import checksums

from captured import captured
from multistore.errors import S3Error
from multistore.gateway.integrity import BodyCheck, Promise, new_checksum, read_promises
from multistore.wire import RequestHead

BODY = random.Random(3).randbytes(2304)
WRONG = base64.b64encode(bytes(4))


def b64(digest: bytes) -> bytes:
    return base64.b64encode(digest)


#: By whom else they are computed, for each field.
KEPT = {
    b"content-md5": b64(hashlib.md5(BODY).digest()),
    b"x-amz-checksum-crc32": b64(zlib.crc32(BODY).to_bytes(4, "big")),
    b"x-amz-checksum-crc32c": b64(google_crc32c.value(BODY).to_bytes(4, "big")),
    b"x-amz-checksum-crc64nvme": b64(checksums.crc64nvme(BODY).to_bytes(8, "big")),
    b"x-amz-checksum-md5": b64(hashlib.md5(BODY).digest()),
    b"x-amz-checksum-sha1": b64(hashlib.sha1(BODY).digest()),
    b"x-amz-checksum-sha256": b64(hashlib.sha256(BODY).digest()),
    b"x-amz-checksum-sha512": b64(hashlib.sha512(BODY).digest()),
}
CHECKSUMS = sorted(set(KEPT) - {b"content-md5"})
TRAILER = b"x-amz-trailer"
SDK = b"x-amz-sdk-checksum-algorithm"
CRC32, CRC32C, SHA1 = (b"x-amz-checksum-" + name for name in (b"crc32", b"crc32c", b"sha1"))
SINGLE = "Expecting a single x-amz-checksum- header"
MULTIPLE = SINGLE + ". Multiple checksum Types are not allowed."
NO_CHECKSUM = (
    " specified, but no corresponding x-amz-checksum-* or x-amz-trailer headers were found."
)

Field = tuple[bytes, bytes]


def head(*fields: Field) -> RequestHead:
    return RequestHead("PUT", b"/b/k", 11, ((b"host", b"h"), *fields))


def check_of(*fields: Field, trailer: bool = False) -> BodyCheck:
    return BodyCheck(read_promises(head(*fields), trailer=trailer)[0])


def run(check: BodyCheck, body: bytes, trailer: dict[bytes, bytes] | None = None) -> None:
    for at in range(0, len(body), 100):
        check.update(memoryview(body)[at : at + 100])
    if trailer is not None:
        check.read_trailer(trailer)
    check.finish()


def refused(
    *fields: Field,
    trailer: bool = False,
    body: bytes = BODY,
    behind: dict[bytes, bytes] | None = None,
) -> S3Error:
    with pytest.raises(S3Error) as caught:
        run(check_of(*fields, trailer=trailer), body, behind)
    return caught.value


# --- fields before the body -----------------------------------------------------------------------


@pytest.mark.rule("L6")
@pytest.mark.parametrize("name", KEPT)
def test_a_kept_promise_passes_and_a_broken_one_does_not(name: bytes) -> None:
    run(check_of((name, KEPT[name])), BODY)
    for broken in (BODY[:-1], BODY + b"x", BODY[:-1] + b"x", b""):
        error = refused((name, KEPT[name]), body=broken)
        assert error.code == "BadDigest"
        shown = name.removeprefix(b"x-amz-checksum-").decode()
        assert f"the {shown} you specified" in error.message.lower()
        assert error.fields[0] == ("ExpectedDigest", KEPT[name].decode())


@pytest.mark.rule("L6")
def test_all_promises_are_held_at_once() -> None:
    md5 = b"content-md5"
    run(check_of((md5, KEPT[md5]), (SHA1, KEPT[SHA1])), BODY)
    assert refused((md5, KEPT[md5]), (SHA1, b64(bytes(20)))).code == "BadDigest"
    assert refused((md5, b64(bytes(16))), (SHA1, KEPT[SHA1])).code == "BadDigest"
    # One algorithm, two promises: each is held.
    again = b"x-amz-checksum-md5"
    run(check_of((md5, KEPT[md5]), (again, KEPT[md5])), BODY)
    assert refused((md5, KEPT[md5]), (again, b64(bytes(16)))).code == "BadDigest"


@pytest.mark.rule("L6")
def test_the_signed_hash_is_judged_first() -> None:
    signed = Promise("x-amz-content-sha256", "sha256", bytes(32))
    promises, _ = read_promises(head((CRC32, WRONG)))
    for order in ([signed, *promises], [*promises, signed]):
        with pytest.raises(S3Error) as caught:
            run(BodyCheck(order), BODY)
        assert caught.value.code == "XAmzContentSHA256Mismatch"


@pytest.mark.rule("SEM-20", "L6")
@pytest.mark.parametrize("name", CHECKSUMS)
def test_what_was_checked_is_repeated(name: bytes) -> None:
    md5 = (b"content-md5", KEPT[b"content-md5"])
    promises, shown = read_promises(head(md5, (name, KEPT[name])))
    assert [promise.header for promise in promises] == ["Content-MD5", name.decode()]
    assert shown == [(name, KEPT[name])]


@pytest.mark.rule("L3")
def test_every_checksum_of_s3_is_computed_or_refused_by_name() -> None:
    model = botocore.session.get_session().get_service_model("s3")
    sizes = {"CRC32": 4, "CRC32C": 4, "CRC64NVME": 8, "MD5": 16, "SHA1": 20, "SHA256": 32}
    sizes |= {"SHA512": 64, "XXHASH3": 8, "XXHASH64": 8, "XXHASH128": 16}
    algorithms = model.shape_for("ChecksumAlgorithm").enum
    assert {"CRC64NVME", "SHA256"} <= set(algorithms) <= set(sizes)
    for algorithm in algorithms:
        name = f"x-amz-checksum-{algorithm.lower()}".encode()
        field = (name, b64(bytes(sizes[algorithm])))
        if not algorithm.startswith("XXHASH"):
            assert check_of(field) is not None
            assert new_checksum(algorithm.lower()).digest_size == sizes[algorithm]
            continue
        for fields in ((field,), ((TRAILER, name),)):
            error = refused(*fields, trailer=True)
            assert (error.code, error.fields) == ("NotImplemented", (("Header", name.decode()),))


@pytest.mark.parametrize("name", ["", "CRC32", "xxhash64", "sha224", "sha384", "blake2b"])
def test_no_other_checksum(name: str) -> None:
    with pytest.raises(ValueError, match="no checksum"):
        new_checksum(name)


def value_fault(name: bytes) -> str:
    return f"Value for {name.decode()} header is invalid."


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    ("field", "message"),
    [
        ((CRC32, b"<b>"), value_fault(CRC32)),
        ((CRC32, b64(bytes(3))), value_fault(CRC32)),
        ((CRC32, b"AAAAAA="), value_fault(CRC32)),
        ((CRC32, b"AAAAAA==="), value_fault(CRC32)),
        ((CRC32, b""), value_fault(CRC32)),
        ((CRC32C, b64(bytes(8))), value_fault(CRC32C)),
        ((b"x-amz-checksum-crc64nvme", WRONG), value_fault(b"x-amz-checksum-crc64nvme")),
        ((b"x-amz-checksum-sha256", b64(bytes(20))), value_fault(b"x-amz-checksum-sha256")),
        ((b"x-amz-checksum-foo", WRONG), "The algorithm type you specified in x-amz-checksum-"),
        ((b"x-amz-checksum-", WRONG), "The algorithm type you specified in x-amz-checksum-"),
    ],
)
def test_values_that_are_none(field: Field, message: str) -> None:
    error = refused(field)
    assert (error.code, error.message[: len(message)]) == ("InvalidRequest", message)


@pytest.mark.rule("L3")
@pytest.mark.parametrize("value", [b"abc", b64(bytes(15)), b"", hashlib.md5().hexdigest().encode()])
def test_digests_that_are_none(value: bytes) -> None:
    assert refused((b"content-md5", value)).code == "InvalidDigest"


def test_blanks_around_a_value_are_not_part_of_it() -> None:
    run(check_of((CRC32, b" %b\t" % KEPT[CRC32])), BODY)


@pytest.mark.rule("L3", "L6")
@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ([(CRC32, WRONG), (SHA1, b64(bytes(20)))], MULTIPLE),
        ([(CRC32, WRONG), (CRC32, WRONG)], MULTIPLE),
        ([(SDK, b"SHA256"), (CRC32, WRONG), (CRC32C, WRONG)], MULTIPLE),
        ([(TRAILER, CRC32 + b", " + CRC32)], MULTIPLE),
        ([(TRAILER, CRC32), (TRAILER, CRC32C)], MULTIPLE),
        ([(CRC32, WRONG), (TRAILER, CRC32C + b"," + SHA1)], MULTIPLE),
        ([(CRC32, WRONG), (TRAILER, CRC32)], SINGLE),
        ([(CRC32, WRONG), (TRAILER, CRC32C)], SINGLE),
        ([(SDK, b"CRC32")], SDK.decode() + NO_CHECKSUM),
        ([(SDK, b"CRC32"), (b"content-md5", b64(bytes(16)))], SDK.decode() + NO_CHECKSUM),
        ([(SDK, b"CRC32C"), (CRC32, WRONG)], value_fault(SDK)),
        ([(SDK, b"CRC32"), (SDK, b"CRC32C"), (CRC32, WRONG)], value_fault(SDK)),
        ([(SDK, b""), (CRC32, WRONG)], value_fault(SDK)),
        ([(SDK, b"CRC32C"), (TRAILER, CRC32)], value_fault(SDK)),
        (
            [(b"x-amz-checksum-algorithm", b"SHA1"), (CRC32, WRONG)],
            value_fault(b"x-amz-checksum-algorithm"),
        ),
        (
            [(b"x-amz-checksum-type", b"COMPOSITE"), (CRC32, WRONG)],
            value_fault(b"x-amz-checksum-type"),
        ),
        ([(b"x-amz-checksum-type", b"FULL_OBJECT")], value_fault(b"x-amz-checksum-type")),
    ],
)
def test_fields_that_contradict_each_other(fields: list[Field], message: str) -> None:
    error = refused(*fields, trailer=True)
    assert (error.code, error.status, error.message) == ("InvalidRequest", 400, message)


@pytest.mark.parametrize("value", [b"CRC32C", b"crc32c"])
def test_fields_that_agree(value: bytes) -> None:
    more = ((b"x-amz-checksum-algorithm", value), (b"x-amz-checksum-type", b"FULL_OBJECT"))
    _, shown = read_promises(head((CRC32C, KEPT[CRC32C]), (SDK, value), *more))
    assert shown == [(CRC32C, KEPT[CRC32C])]
    read_promises(head((TRAILER, CRC32C), (SDK, value), *more), trailer=True)


def test_every_captured_upload_is_understood() -> None:
    """What real clients send contradicts itself nowhere."""
    found = set()
    for sample in captured():
        if sample.start[0] != b"PUT":
            continue
        fields = [(name, value.strip()) for name, value in sample.fields]
        trailer = any(value.endswith(b"-TRAILER") for _, value in fields)
        promises, _ = read_promises(RequestHead("PUT", b"/", 11, fields), trailer=trailer)
        found |= {(promise.algorithm, promise.digest is None) for promise in promises}
    assert {(name, True) for name in ("crc32", "crc32c", "crc64nvme", "sha1", "sha256")} <= found
    assert {(name, False) for name in ("crc32", "crc32c", "crc64nvme", "md5", "sha256")} <= found


# --- fields behind the body -----------------------------------------------------------------------


@pytest.mark.rule("L6")
@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("name", CHECKSUMS)
def test_a_promise_whose_value_follows_the_body(name: bytes) -> None:
    field = (TRAILER, name)
    promises, shown = read_promises(head(field), trailer=True)
    assert [promise.digest for promise in promises] == [None]
    assert shown == []
    check = BodyCheck(promises)
    assert check.trailers == (name,)
    run(check, BODY, {name: KEPT[name]})
    assert check.trailers == ()
    for broken in (BODY[:-1], BODY + b"x", BODY[:-1] + b"x", b""):
        error = refused(field, trailer=True, body=broken, behind={name: KEPT[name]})
        assert error.code == "BadDigest"


@pytest.mark.rule("L6")
@pytest.mark.parametrize(
    "behind",
    [None, {}, {SHA1: KEPT[SHA1]}, {CRC32: KEPT[CRC32], SHA1: KEPT[SHA1]}, {CRC32.upper(): b""}],
)
def test_a_trailer_that_is_not_the_announced_one(behind: dict[bytes, bytes] | None) -> None:
    assert refused((TRAILER, CRC32), trailer=True, behind=behind).code == "MalformedTrailerError"


@pytest.mark.rule("L6", "L3")
def test_a_trailer_that_nothing_announced() -> None:
    run(check_of(trailer=True), BODY, {})
    error = refused(trailer=True, behind={CRC32: KEPT[CRC32]})
    assert (error.code, error.status) == ("MalformedTrailerError", 400)
    error = refused((CRC32, KEPT[CRC32]), trailer=True, behind={CRC32: KEPT[CRC32]})
    assert error.code == "MalformedTrailerError"


@pytest.mark.rule("L6", "L3")
def test_a_body_that_no_trailer_can_follow() -> None:
    assert refused((TRAILER, CRC32)).code == "MalformedTrailerError"
    assert refused((TRAILER, b"content-md5")).code == "InvalidRequest"


@pytest.mark.rule("L3")
@pytest.mark.parametrize("value", [b"", b"abc", b64(bytes(8)), KEPT[CRC32][:-1]])
def test_trailing_values_that_are_none(value: bytes) -> None:
    error = refused((TRAILER, CRC32), trailer=True, behind={CRC32: value})
    assert error.code == "InvalidRequest"
    assert error.message == "Value for x-amz-checksum-crc32 trailing header is invalid."


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    "value",
    [
        b"foo",
        b"content-md5",
        b"x-amz-content-sha256",
        b"x-amz-checksum-bad",
        CRC32 + b", x-amz-foo",
    ],
)
def test_trailers_that_are_not_supported(value: bytes) -> None:
    error = refused((TRAILER, value), trailer=True)
    assert error.code == "InvalidRequest"
    assert error.message == "The value specified in the x-amz-trailer header is not supported"


@pytest.mark.parametrize("value", [b"X-Amz-Checksum-CRC32", b" x-amz-checksum-crc32 ,", CRC32])
def test_names_in_a_list_of_fields(value: bytes) -> None:
    """Names of fields in any case of letters, empty elements skipped (RFC 9110 5.6.1)."""
    assert check_of((TRAILER, value), trailer=True).trailers == (CRC32,)


@pytest.mark.rule("L6")
def test_promises_before_and_behind_the_body_are_all_held() -> None:
    md5 = b"content-md5"
    fields = ((md5, KEPT[md5]), (TRAILER, CRC32))
    run(check_of(*fields, trailer=True), BODY, {CRC32: KEPT[CRC32]})
    assert refused(*fields, trailer=True, behind={CRC32: WRONG}).code == "BadDigest"
    fields = ((md5, b64(bytes(16))), (TRAILER, CRC32))
    assert refused(*fields, trailer=True, behind={CRC32: KEPT[CRC32]}).code == "BadDigest"
