"""The table of simple operations: what goes out, and what becomes of the answer."""

from __future__ import annotations

import hashlib
import re

import pytest

from multistore.backends.s3 import S3Backend
from multistore.backends.s3_operations import SIMPLE
from multistore.config.sealer import TokenSealer
from multistore.errors import S3Error
from multistore.gateway.bucket_answers import ON_BUCKET
from multistore.gateway.multipart import seal_upload_id
from multistore.gateway.operation import BUCKET, OPERATIONS
from multistore.gateway.plan import EMPTY_SHA256, UNSIGNED_PAYLOAD, Forward, Respond
from multistore.types import Bucket, Origin
from multistore.wire import ResponseHead, Signer
from support.drive import make_identity, make_request

SEALER = TokenSealer(b"the secret of these tests")
SOMEBODY = make_identity(actions=("*",))
ORIGIN = Origin("store.test", 443, tls=True)
ROWS = {row.name: row for row in OPERATIONS}
UPLOAD = seal_upload_id(SEALER, "bucket", b"key", b"u/1")

Fields = tuple[tuple[bytes, bytes], ...]

#: What every PUT and POST of the table may carry.
DOCUMENTS = {
    name: b"<%b/>" % row.document.root.encode()
    for name, row in SIMPLE.items()
    if row.document is not None and row.document.root and not row.acl
}


def make_bucket(name: str = "bucket", **options: object) -> Bucket:
    options.setdefault("signer", Signer("AK", "SECRET", "us-east-1"))
    backend = S3Backend(ORIGIN, "stored", sealer=SEALER, owner_id="us", **options)  # type: ignore[arg-type]
    return Bucket(name, backend, forwards_operations=True)


def target_of(name: str, bucket: str = "bucket") -> bytes:
    row = ROWS[name]
    target = f"/{bucket}" + ("" if row.level == BUCKET else "/key")
    query = [row.subresource] if row.subresource else []
    query += [f"{need}=1" for need in row.needs]
    text = target + ("?" + "&".join(query) if query else "")
    return text.encode().replace(b"uploadId", b"uploadId=" + UPLOAD)


def plan_of(
    name: str,
    fields: Fields = (),
    body: bytes | None = None,
    *,
    bucket: Bucket | None = None,
    more: bytes = b"",
    payload: bytes = UNSIGNED_PAYLOAD,
) -> Forward:
    row = ROWS[name]
    bucket = bucket or make_bucket("stored" if SIMPLE[name].names_buckets else "bucket")
    if body is None:
        body = DOCUMENTS.get(name, b"{}" if name == "PutBucketPolicy" else b"")
    if row.method in ("PUT", "POST"):
        fields = (*fields, (b"content-length", b"%d" % len(body)))
    target = target_of(name, bucket.name)
    request = make_request(
        bucket, row.method, target + more, fields, identity=SOMEBODY, payload=payload
    )
    plan = bucket.backend.plan(request)
    assert isinstance(plan, Forward)
    return plan


def answered(plan: Forward, status: int, *fields: tuple[bytes, bytes]) -> object:
    head = ResponseHead(status, 11, ((b"content-length", b"0"), *fields))
    if plan.answer.relay and status == 200:
        return None
    return plan.answer.on_head(status, head)


def test_every_forwarded_operation_has_a_row_and_no_other() -> None:
    built = {row.name for row in OPERATIONS if row.implemented}
    assert set(SIMPLE) <= built
    assert {name for name in ON_BUCKET if name in built} <= set(SIMPLE)


@pytest.mark.rule("L4", "SEM-13")
@pytest.mark.parametrize("name", SIMPLE)
def test_what_goes_out(name: str) -> None:
    row = ROWS[name]
    plan = plan_of(name)
    assert plan.method == row.method
    path, _, query = plan.target.partition(b"?")
    assert path == (b"/stored" if row.level == BUCKET else b"/stored/key")
    pairs = query.split(b"&") if query else []
    assert pairs == sorted(pairs)
    assert {pair.partition(b"=")[0].decode() for pair in pairs} == (
        {row.subresource, *row.needs} - {""}
    )
    assert UPLOAD not in plan.target
    assert plan.replayable == row.reads
    takes_body = row.method in ("PUT", "POST")
    assert (plan.length >= 0) == takes_body
    assert (plan.check is not None) == (plan.length > 0)
    assert plan.payload == (UNSIGNED_PAYLOAD if SIMPLE[name].document else EMPTY_SHA256)


@pytest.mark.rule("SEM-16", "SEM-20", "S20")
@pytest.mark.parametrize("name", SIMPLE)
def test_what_comes_back(name: str) -> None:
    row, simple = ROWS[name], SIMPLE[name]
    leaks = ((b"server", b"Store"), (b"x-amz-id-2", b"x"), (b"location", b"/stored"))
    kept = (b"x-amz-version-id", b"v")
    plan = plan_of(name)
    if row.reads:
        assert plan.answer.relay == (not simple.acl)
        assert not any(leak in plan.answer.keep for leak, _ in leaks)
        assert kept[0] in plan.answer.keep
        return
    told = answered(plan, simple.status, *leaks, kept)
    assert isinstance(told, Respond)
    assert told.status == simple.status
    assert kept in told.fields
    assert not set(leaks) & set(told.fields)
    # A store that says 200 where S3 says 204 is understood, and nothing else is.
    other = answered(plan, 200)
    assert isinstance(other, Respond)
    assert other.status == simple.status
    accepted = answered(plan, 202)
    assert isinstance(accepted, Respond) == simple.accepted
    if isinstance(accepted, Respond):
        assert accepted.status == 202
    for status in (201, 206, 301, 404):
        assert hasattr(answered(plan, status), "limit")


@pytest.mark.rule("L3", "L5")
@pytest.mark.parametrize("name", SIMPLE)
def test_unknown_fields_are_refused(name: str) -> None:
    for field in ((b"x-amz-frobnicate", b"1"), (b"x-amz-meta-a", b"1")):
        with pytest.raises(S3Error) as caught:
            plan_of(name, (field,))
        assert (caught.value.status, caught.value.code) == (501, "NotImplemented")


@pytest.mark.rule("L5")
@pytest.mark.parametrize(
    ("name", "field"),
    [
        ("GetObjectAttributes", (b"x-amz-object-attributes", b"ETag")),
        ("GetObjectAttributes", (b"x-amz-server-side-encryption-customer-key", b"k")),
        ("PutObjectRetention", (b"x-amz-bypass-governance-retention", b"true")),
        ("PutObjectAcl", (b"x-amz-acl", b"private")),
        ("PutObjectAcl", (b"x-amz-grant-read", b"id=1")),
        ("CreateBucket", (b"x-amz-object-ownership", b"ObjectWriter")),
        ("PutBucketVersioning", (b"x-amz-mfa", b"serial 123456")),
        ("PutBucketPolicy", (b"x-amz-confirm-remove-self-bucket-access", b"true")),
        ("GetObjectTagging", (b"x-amz-request-payer", b"requester")),
    ],
)
def test_fields_that_carry_meaning_are_kept(name: str, field: tuple[bytes, bytes]) -> None:
    assert field[0] in plan_of(name, (field,)).keep


VERSIONED = [name for name in SIMPLE if ROWS[name].versioned]


@pytest.mark.parametrize("name", VERSIONED)
def test_a_version_is_named_to_the_store(name: str) -> None:
    plan = plan_of(name, more=b"&versionId=v%2F1%2B&x-id=" + name.encode())
    query = plan.target.partition(b"?")[2]
    assert query == b"%b=&versionId=v%%2F1%%2B" % ROWS[name].subresource.encode()


@pytest.mark.rule("L6")
def test_a_document_is_held_to_its_promises_wherever_it_goes() -> None:
    body = b"<Tagging/>"
    digest = hashlib.sha256(body).hexdigest().encode()
    for verifies in (False, True):
        bucket = make_bucket(verifies_payload=verifies)
        plan = plan_of("PutObjectTagging", body=body, bucket=bucket, payload=digest)
        assert plan.payload == digest
        assert plan.check is not None
        plan.check.update(body)
        plan.check.finish()
    # The store verifies the hash; that it is XML is seen here.
    plan = plan_of("PutObjectTagging", body=b"<x", bucket=make_bucket(verifies_payload=True))
    assert plan.check is not None
    plan.check.update(b"<x")
    with pytest.raises(S3Error, match="MalformedXML"):
        plan.check.finish()


@pytest.mark.rule("S20")
@pytest.mark.parametrize("name", [name for name in SIMPLE if SIMPLE[name].names_buckets])
def test_what_names_buckets_is_for_buckets_of_the_same_name(name: str) -> None:
    with pytest.raises(S3Error, match="names buckets") as caught:
        plan_of(name, bucket=make_bucket("bucket"))
    assert caught.value.status == 501


@pytest.mark.rule("S20")
def test_a_new_bucket_is_where_the_client_asked_for_it() -> None:
    told = answered(plan_of("CreateBucket", body=b""), 200, (b"location", b"http://stored.test/"))
    assert isinstance(told, Respond)
    assert told.fields == ((b"location", b"/bucket"),)


@pytest.mark.rule("S20", "SEM-22")
def test_a_bucket_that_is_not_at_the_store() -> None:
    """Where clients create and delete it, that is theirs to know; elsewhere the operator's."""
    body = b"<Error><Code>NoSuchBucket</Code><BucketName>stored</BucketName></Error>"
    for forwards, status, code in ((True, 404, b"NoSuchBucket"), (False, 502, b"BadGateway")):
        bucket = make_bucket()
        bucket.forwards_operations = forwards
        request = make_request(bucket, "GET", b"/bucket/key", identity=SOMEBODY)
        plan = bucket.backend.plan(request)
        assert isinstance(plan, Forward)
        gather = answered(plan, 404)
        assert hasattr(gather, "finish")
        told = gather.finish(body)
        assert told.status == status
        assert re.search(b"<Code>(.*?)</Code>", told.body)[1] == code  # type: ignore[index]
        assert b"stored" not in told.body


@pytest.mark.rule("SEM-22")
def test_the_head_of_a_forwarded_bucket_tells_our_region() -> None:
    plan = plan_of("HeadBucket", bucket=make_bucket(gateway_region="eu-x-1"))
    assert plan.answer.extra == ((b"x-amz-bucket-region", b"eu-x-1"),)
    assert b"x-amz-bucket-region" not in plan.answer.keep


@pytest.mark.rule("L5")
@pytest.mark.rule("SEM-12", partial=True)
def test_a_part_carries_its_digests_and_nothing_of_the_object() -> None:
    bucket = make_bucket()
    target = b"/bucket/key?partNumber=00007&uploadId=" + UPLOAD

    def part(*fields: tuple[bytes, bytes]) -> Forward:
        sent = ((b"content-length", b"3"), *fields)
        plan = bucket.backend.plan(make_request(bucket, "PUT", target, sent, identity=SOMEBODY))
        assert isinstance(plan, Forward)
        return plan

    plan = part((b"content-md5", b"ICy5YqxZB1uWSwcVLSNLcA=="), (b"if-match", b'"x"'))
    assert plan.target == b"/stored/key?partNumber=7&uploadId=u%2F1"
    assert (plan.length, plan.check is not None, plan.replayable) == (3, True, False)
    for kept in (
        b"content-md5",
        b"if-match",
        b"x-amz-checksum-crc64nvme",
        b"x-amz-server-side-encryption-customer-key-md5",
    ):
        assert kept in plan.keep
    for name in (b"x-amz-meta-a", b"x-amz-acl", b"x-amz-tagging", b"x-amz-storage-class", b"range"):
        with pytest.raises(S3Error) as caught:
            part((name, b"1"))
        assert caught.value.status == 501
    assert b"content-type" not in plan.keep


@pytest.mark.rule("L3")
@pytest.mark.parametrize(
    ("method", "query"),
    [
        ("PUT", b"?partNumber=1&uploadId=%b"),
        ("DELETE", b"?uploadId=%b"),
        ("GET", b"?uploadId=%b"),
    ],
)
@pytest.mark.parametrize("upload_id", [b"", b"u%2F1", UPLOAD + b"A", UPLOAD[:-1]])
def test_an_upload_of_somebody_elses_is_none(method: str, query: bytes, upload_id: bytes) -> None:
    bucket = make_bucket()
    sent = ((b"content-length", b"3"),) if method == "PUT" else ()
    for key, given in ((b"key", upload_id), (b"other", UPLOAD)):
        target = b"/bucket/" + key + query % given
        with pytest.raises(S3Error) as caught:
            bucket.backend.plan(make_request(bucket, method, target, sent, identity=SOMEBODY))
        assert (caught.value.status, caught.value.code) == (404, "NoSuchUpload")
