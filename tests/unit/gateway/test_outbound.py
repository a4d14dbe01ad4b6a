from __future__ import annotations

import hashlib

import pytest

from multistore.errors import S3Error
from multistore.gateway import outbound
from multistore.gateway.plan import Fields
from multistore.wire import HeaderSet, RequestHead, ResponseHead, write_request_head

DIGEST = hashlib.sha256(b"body").hexdigest().encode()
TAG = b'"0123456789abcdef0123456789abcdef"'


def head(*fields: tuple[bytes, bytes], method: str = "GET") -> RequestHead:
    return RequestHead(method, b"/bucket/key", 11, ((b"host", b"gateway.test"), *fields))


def sent(request: RequestHead, keep: HeaderSet, add: Fields) -> dict[bytes, bytes]:
    raw = write_request_head(
        request.method, b"/b/k", b"store", request, keep, add, -1, b"", None, b"20261125T120000Z"
    )
    lines = raw.removesuffix(b"\r\n\r\n").split(b"\r\n")[1:]
    return dict(line.split(b": ", 1) for line in lines)


def code(error: pytest.ExceptionInfo[S3Error]) -> str:
    return error.value.code


# --- reads


@pytest.mark.rule("SEM-13", "R11")
def test_a_read_asks_for_the_bytes_as_they_are() -> None:
    request = head((b"accept-encoding", b"gzip, br"), (b"user-agent", b"curl"), (b"cookie", b"a=b"))
    keep, add, _, _ = outbound.read_fields(request, part=False)
    fields = sent(request, keep, add)
    assert fields.pop(b"user-agent").startswith(b"multistore/")
    assert fields == {b"host": b"store", b"accept-encoding": b"identity"}


@pytest.mark.rule("R19", "L5")
@pytest.mark.parametrize(
    "name",
    [
        b"if-match",
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
        b"x-amz-checksum-mode",
        b"x-amz-request-payer",
        b"x-amz-server-side-encryption-customer-key",
    ],
)
def test_a_read_keeps_what_carries_meaning(name: bytes) -> None:
    request = head((name, b"value"))
    keep, add, _, _ = outbound.read_fields(request, part=False)
    assert sent(request, keep, add)[name] == b"value"


@pytest.mark.parametrize(
    "value",
    [b"bytes=0-0", b"bytes=5-", b"bytes=-1", b"bytes=0-999999999999", b"Bytes=1-2", b"bytes=-0"],
)
def test_a_single_range_is_passed_on(value: bytes) -> None:
    request = head((b"range", value))
    keep, add, _, _ = outbound.read_fields(request, part=False)
    assert sent(request, keep, add)[b"range"] == value


@pytest.mark.rule("SEM-17", "R13")
@pytest.mark.parametrize(
    "value",
    [
        b"bytes=abc",
        b"bytes=33-10",
        b"invalid",
        b"items=0-3",
        b"bytes=",
        b"bytes=-",
        b"bytes=0-1,5-6",
        b"bytes=0-1,",
        b"bytes= 0-1",
        b"bytes=+1-2",
        b"bytes=1_0-20",
        b"bytes=0-1-2",
        "bytes=\u0663-\u0664".encode(),
        b"bytes=99999999999999999999-",
        b"",
    ],
)
def test_a_malformed_or_multiple_range_asks_for_the_whole(value: bytes) -> None:
    request = head((b"range", value))
    keep, add, _, if_range = outbound.read_fields(request, part=False)
    assert b"range" not in sent(request, keep, add)
    assert not if_range


@pytest.mark.rule("SEM-17")
def test_a_repeated_range_asks_for_the_whole() -> None:
    request = head((b"range", b"bytes=0-1"), (b"range", b"bytes=5-6"))
    keep, add, _, _ = outbound.read_fields(request, part=False)
    assert b"range" not in sent(request, keep, add)


@pytest.mark.rule("SEM-17", "R15")
def test_if_range_with_a_strong_tag_becomes_if_match() -> None:
    request = head((b"range", b"bytes=0-1"), (b"if-range", TAG))
    keep, add, _, if_range = outbound.read_fields(request, part=False)
    fields = sent(request, keep, add)
    assert fields[b"if-match"] == TAG
    assert fields[b"range"] == b"bytes=0-1"
    assert b"if-range" not in fields
    assert if_range


@pytest.mark.rule("SEM-17", "R15")
@pytest.mark.parametrize(
    "fields",
    [
        ((b"if-range", b"W/" + TAG),),
        ((b"if-range", b"Wed, 25 Nov 2026 12:00:00 GMT"),),
        ((b"if-range", b"not a tag"),),
        ((b"if-range", b'"a", "b"'),),
        ((b"if-range", TAG), (b"if-match", b'"other"')),
        ((b"if-range", TAG), (b"if-unmodified-since", b"Wed, 25 Nov 2026 12:00:00 GMT")),
    ],
)
def test_if_range_that_cannot_be_proven_drops_the_range(
    fields: tuple[tuple[bytes, bytes], ...],
) -> None:
    request = head((b"range", b"bytes=0-1"), *fields)
    keep, add, _, if_range = outbound.read_fields(request, part=False)
    out = sent(request, keep, add)
    assert b"range" not in out
    assert b"if-range" not in out
    assert out.get(b"if-match") == dict(fields).get(b"if-match")
    assert not if_range


@pytest.mark.rule("SEM-16")
@pytest.mark.parametrize(
    ("fields", "part", "shown"),
    [
        ((), False, False),
        (((b"x-amz-checksum-mode", b"ENABLED"),), False, True),
        (((b"x-amz-checksum-mode", b"ENABLED"), (b"range", b"bytes=0-1")), False, False),
        (((b"x-amz-checksum-mode", b"ENABLED"), (b"range", b"bytes=oops")), False, True),
        (((b"x-amz-checksum-mode", b"ENABLED"),), True, False),
    ],
)
def test_checksums_are_shown_when_asked_for_and_never_for_a_part(
    fields: tuple[tuple[bytes, bytes], ...], part: bool, shown: bool
) -> None:
    _, _, answer, _ = outbound.read_fields(head(*fields), part=part)
    assert (b"x-amz-checksum-crc32" in answer) is shown
    assert (b"x-amz-checksum-type" in answer) is shown
    assert b"etag" in answer


# --- unknown fields


@pytest.mark.rule("L3", "L5")
@pytest.mark.parametrize(
    "name", [b"x-amz-future", b"x-amz-write-offset-bytes", b"x-amz-copy-source"]
)
def test_an_unknown_field_is_refused_by_name(name: bytes) -> None:
    request = head((name, b"value"))
    for check in (
        lambda: outbound.read_fields(request, part=False),
        lambda: outbound.upload_fields(request),
        lambda: outbound.check_delete(request),
        lambda: outbound.check_list(request),
    ):
        with pytest.raises(S3Error, match=name.decode()) as caught:
            check()
        assert code(caught) == "NotImplemented"
        assert caught.value.status == 501


@pytest.mark.rule("L5")
@pytest.mark.parametrize(
    "name",
    [b"range", b"content-range", b"if-range", b"if-modified-since", b"if-unmodified-since"],
)
def test_a_write_never_ignores_a_precondition(name: bytes) -> None:
    for check in (outbound.upload_fields, outbound.check_delete):
        with pytest.raises(S3Error, match=name.decode()):
            check(head((name, b"value"), method="PUT"))
    with pytest.raises(S3Error, match="if-none-match"):
        outbound.check_delete(head((b"if-none-match", b"*"), method="DELETE"))


@pytest.mark.rule("SEM-9")
def test_what_is_about_the_gateway_stays_here() -> None:
    fields = (
        (b"x-amz-date", b"20261125T120000Z"),
        (b"x-amz-content-sha256", DIGEST),
        (b"x-amz-security-token", b"secret"),
        (b"x-amz-expected-bucket-owner", b"owner"),
        (b"x-amz-user-agent", b"aws-sdk-js"),
    )
    request = head(*fields)
    keep, add, _, _ = outbound.read_fields(request, part=False)
    assert not {name for name, _ in fields} & set(sent(request, keep, add))
    add = outbound.upload_fields(request)
    assert not {name for name, _ in fields} & set(sent(request, outbound.PUT, add))


# --- writes


@pytest.mark.rule("S21", "L5")
@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize(
    "name",
    [
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-md5",
        b"content-type",
        b"expires",
        b"if-match",
        b"if-none-match",
        b"x-amz-checksum-crc32",
        b"x-amz-checksum-crc64nvme",
        b"x-amz-grant-read",
        b"x-amz-meta-anything_at-all",
        b"x-amz-object-lock-mode",
        b"x-amz-sdk-checksum-algorithm",
        b"x-amz-server-side-encryption",
        b"x-amz-server-side-encryption-customer-algorithm",
        b"x-amz-storage-class",
        b"x-amz-tagging",
        b"x-amz-website-redirect-location",
    ],
)
def test_an_upload_keeps_what_carries_meaning(name: bytes) -> None:
    request = head((name, b"value"), method="PUT")
    add = outbound.upload_fields(request)
    assert sent(request, outbound.PUT, add)[name] == b"value"


@pytest.mark.rule("SEM-14")
@pytest.mark.parametrize("value", [b"private", b"public-read"])
def test_only_the_private_acl_is_dropped(value: bytes) -> None:
    request = head((b"x-amz-acl", value), method="PUT")
    add = outbound.upload_fields(request)
    expected = None if value == b"private" else value
    assert sent(request, outbound.PUT, add).get(b"x-amz-acl") == expected


@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([b"aws-chunked"], None),
        ([b"aws-chunked,gzip"], b"gzip"),
        ([b"gzip, AWS-Chunked"], b"gzip"),
        ([b"gzip", b"aws-chunked", b"br"], b"gzip,br"),
        ([b"gzip"], b"gzip"),
        ([b""], None),
    ],
)
def test_aws_chunked_leaves_content_encoding(values: list[bytes], expected: bytes | None) -> None:
    request = head(*((b"content-encoding", value) for value in values), method="PUT")
    add = outbound.upload_fields(request)
    assert sent(request, outbound.PUT, add).get(b"content-encoding") == expected


@pytest.mark.parametrize(("size", "refused"), [(2047, False), (2048, False), (2049, True)])
def test_metadata_has_a_cap(size: int, refused: bool) -> None:
    # Names count without their prefix, values in bytes: "a" + 1000, "bc" + the rest.
    fields = (b"x-amz-meta-a", b"x" * 1000), (b"x-amz-meta-bc", b"y" * (size - 1003))
    request = head(*fields, method="PUT")
    if not refused:
        outbound.upload_fields(request)
        return
    with pytest.raises(S3Error) as caught:
        outbound.upload_fields(request)
    assert code(caught) == "MetadataTooLarge"


# --- answers


@pytest.mark.rule("SEM-16", "S20")
@pytest.mark.parametrize(
    "name",
    [
        b"server",
        b"date",
        b"set-cookie",
        b"x-amz-request-id",
        b"x-amz-id-2",
        b"x-amz-server-side-encryption-aws-kms-key-id",
        b"x-amz-server-side-encryption-customer-key-md5",
        b"seaweed-x-amz-anything",
        b"x-minio-deployment-id",
        b"x-amz-bucket-region",
        b"location",
        b"content-length",
        b"transfer-encoding",
        b"connection",
        b"via",
    ],
)
def test_nothing_of_the_store_itself_is_shown(name: bytes) -> None:
    for answer in (
        outbound.READ_ANSWER,
        outbound.READ_ANSWER_CHECKSUM,
        outbound.PUT_ANSWER,
        outbound.DELETE_ANSWER,
        outbound.NOTHING,
    ):
        assert name not in answer


@pytest.mark.rule("SEM-16", "R09", "R17")
@pytest.mark.parametrize(
    "name",
    [
        b"accept-ranges",
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-range",
        b"content-type",
        b"etag",
        b"expires",
        b"last-modified",
        b"x-amz-delete-marker",
        b"x-amz-expiration",
        b"x-amz-meta-name",
        b"x-amz-mp-parts-count",
        b"x-amz-object-lock-mode",
        b"x-amz-replication-status",
        b"x-amz-restore",
        b"x-amz-server-side-encryption",
        b"x-amz-storage-class",
        b"x-amz-tagging-count",
        b"x-amz-version-id",
    ],
)
def test_the_object_is_shown_as_it_is(name: bytes) -> None:
    answer = ResponseHead(200, 11, ((b"content-length", b"0"), (name, b"value")))
    assert [n for n, _ in answer.items() if n in outbound.READ_ANSWER] == [name]
