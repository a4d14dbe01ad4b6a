"""boto3 end to end: objects, metadata, conditions, ranges."""

from __future__ import annotations

import base64
import datetime
import hashlib
import os
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from botocore.exceptions import ClientError


def code_of(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.mark.parametrize("size", [0, 1, 1023, 65_536, 65_537, 2 << 20])
def test_put_head_get_delete(s3: Any, place: Any, size: int) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "object"}
    body = os.urandom(size)
    put = s3.put_object(**where, Body=body)
    etag = '"' + hashlib.md5(body).hexdigest() + '"'
    assert put["ETag"] == etag
    head = s3.head_object(**where)
    assert (head["ContentLength"], head["ETag"]) == (size, etag)
    got = s3.get_object(**where)
    assert got["Body"].read() == body
    assert (got["ContentLength"], got["ETag"]) == (size, etag)
    assert got["LastModified"] == head["LastModified"]
    assert s3.delete_object(**where)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert code_of(s3.get_object, **where) == (404, "NoSuchKey")
    assert code_of(s3.head_object, **where) == (404, "404")
    # Deleting what is gone succeeds (SEM-20).
    assert s3.delete_object(**where)["ResponseMetadata"]["HTTPStatusCode"] == 204


@pytest.mark.rule("S21", "L5")
def test_what_describes_an_object_survives(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "described"}
    expires = datetime.datetime(2044, 12, 1, 16, tzinfo=datetime.UTC)
    s3.put_object(
        **where,
        Body=b"described",
        ContentType="application/x-thing",
        CacheControl="max-age=61",
        ContentDisposition='attachment; filename="a b.txt"',
        ContentEncoding="gzip",
        ContentLanguage="de",
        Expires=expires,
        Metadata={"colour": "dark blue", "with-dash": "1"},
        ServerSideEncryption="AES256",
        StorageClass="STANDARD_IA",
        ContentMD5=base64.b64encode(hashlib.md5(b"described").digest()).decode(),
    )
    for call in (s3.head_object, s3.get_object):
        got = call(**where)
        assert got["ContentType"] == "application/x-thing"
        assert got["CacheControl"] == "max-age=61"
        assert got["ContentDisposition"] == 'attachment; filename="a b.txt"'
        assert got["ContentEncoding"] == "gzip"
        assert got["ContentLanguage"] == "de"
        assert got["Metadata"] == {"colour": "dark blue", "with-dash": "1"}
        assert got["ServerSideEncryption"] == "AES256"
        assert got["StorageClass"] == "STANDARD_IA"
        assert got["ExpiresString"] == "Thu, 01 Dec 2044 16:00:00 GMT"


@pytest.mark.rule("SEM-16")
@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("algorithm", ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"])
def test_checksums_travel_on(s3: Any, place: Any, algorithm: str) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "summed"}
    put = s3.put_object(**where, Body=b"summed", ChecksumAlgorithm=algorithm)
    name = "Checksum" + algorithm
    got = s3.get_object(**where, ChecksumMode="ENABLED")
    assert got[name] == put[name]
    # boto3 verifies it on the way.
    assert got["Body"].read() == b"summed"


def test_a_wrong_checksum_stores_nothing(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "wrong"}
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    assert code_of(s3.put_object, **where, Body=b"body", ContentMD5=wrong)[0] == 400
    for name, size in (("ChecksumCRC32C", 4), ("ChecksumCRC64NVME", 8)):
        wrong = base64.b64encode(bytes(size)).decode()
        code = code_of(s3.put_object, **where, Body=b"body", **{name: wrong})
        assert code == (400, "BadDigest")
    assert code_of(s3.head_object, **where)[0] == 404


@pytest.mark.rule("SEM-17")
def test_ranges(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "ranged"}
    body = bytes(range(256)) * 40
    s3.put_object(**where, Body=body)
    for header, part in [
        ("bytes=0-0", body[:1]),
        ("bytes=100-199", body[100:200]),
        ("bytes=10000-", body[10_000:]),
        ("bytes=-5", body[-5:]),
        ("bytes=10000-99999", body[10_000:]),
    ]:
        got = s3.get_object(**where, Range=header)
        assert got["ResponseMetadata"]["HTTPStatusCode"] == 206
        assert got["Body"].read() == part
        start = len(body) - len(part) if header == "bytes=-5" else int(header[6:].split("-")[0])
        assert got["ContentRange"] == f"bytes {start}-{start + len(part) - 1}/{len(body)}"
    assert code_of(s3.get_object, **where, Range="bytes=20000-") == (416, "InvalidRange")
    assert s3.get_object(**where)["AcceptRanges"] == "bytes"


def test_the_first_part_of_a_plain_object(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "single"}
    s3.put_object(**where, Body=b"one part")
    assert s3.get_object(**where, PartNumber=1)["Body"].read() == b"one part"
    assert s3.head_object(**where, PartNumber=1)["ContentLength"] == 8


@pytest.mark.rule("R19", "SEM-17")
def test_conditions_on_reads(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "conditional"}
    etag = s3.put_object(**where, Body=b"conditional")["ETag"]
    time.sleep(1.1)
    modified = s3.head_object(**where)["LastModified"]
    earlier = modified - datetime.timedelta(hours=1)
    stale = '"00000000000000000000000000000000"'
    for call in (s3.get_object, s3.head_object):
        assert code_of(call, **where, IfNoneMatch=etag)[0] == 304
        assert code_of(call, **where, IfModifiedSince=modified)[0] == 304
        assert code_of(call, **where, IfMatch=stale)[0] == 412
        assert code_of(call, **where, IfUnmodifiedSince=earlier)[0] == 412
        call(**where, IfUnmodifiedSince=modified)
        call(**where, IfModifiedSince=modified, IfNoneMatch=stale)
        call(**where, IfMatch=etag, IfUnmodifiedSince=earlier)
    assert code_of(s3.get_object, **where, IfMatch=stale)[1] == "PreconditionFailed"


@pytest.mark.rule("SEM-13")
def test_conditions_on_writes(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "guarded"}
    etag = s3.put_object(**where, Body=b"first", IfNoneMatch="*")["ETag"]
    refused = (412, "PreconditionFailed")
    assert code_of(s3.put_object, **where, Body=b"second", IfNoneMatch="*") == refused
    assert code_of(s3.put_object, **where, Body=b"second", IfMatch='"0"') == refused
    assert s3.get_object(**where)["Body"].read() == b"first"
    s3.put_object(**where, Body=b"third", IfMatch=etag)
    assert s3.get_object(**where)["Body"].read() == b"third"


@pytest.mark.rule("R39")
def test_one_of_many_writers_creates(s3: Any, prefixed: Any) -> None:
    def write(number: int) -> int:
        try:
            s3.put_object(
                Bucket=prefixed.bucket,
                Key=key,
                Body=str(number).encode(),
                IfNoneMatch="*",
            )
        except ClientError as error:
            return error.response["ResponseMetadata"]["HTTPStatusCode"]
        return 200

    for attempt in range(3):
        key = f"{prefixed.prefix}raced-{attempt}"
        with ThreadPoolExecutor(10) as pool:
            statuses = list(pool.map(write, range(10)))
        assert statuses.count(200) == 1
        assert set(statuses) <= {200, 409, 412}
        body = s3.get_object(Bucket=prefixed.bucket, Key=key)["Body"].read()
        assert int(body) == statuses.index(200)


@pytest.mark.rule("R41")
def test_metadata_outside_ascii(s3: Any, place: Any) -> None:
    # botocore sends RFC 2047 words neither way: it is the application that encodes them.
    where = {"Bucket": place.bucket, "Key": place.prefix + "metadata"}
    word = "=?UTF-8?B?" + base64.b64encode("gr\u00fcn".encode()).decode() + "?="
    s3.put_object(**where, Body=b"x", Metadata={"colour": word})
    assert s3.head_object(**where)["Metadata"]["colour"] in (word, "gr\u00fcn")


@pytest.mark.rule("R17")
def test_etags_are_the_same_everywhere(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "tagged"}
    etag = s3.put_object(**where, Body=b"tagged")["ETag"]
    assert etag == '"' + hashlib.md5(b"tagged").hexdigest() + '"'
    assert s3.get_object(**where, Range="bytes=0-1")["ETag"] == etag
    (entry,) = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["Contents"]
    assert entry["ETag"] == etag
    with pytest.raises(ClientError) as caught:
        s3.get_object(**where, IfNoneMatch=etag)
    headers = caught.value.response["ResponseMetadata"]["HTTPHeaders"]
    assert headers["etag"] == etag


def test_overrides_of_a_signed_read(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "overridden"}
    s3.put_object(**where, Body=b"x", ContentType="text/plain")
    got = s3.get_object(
        **where, ResponseContentType="text/csv", ResponseContentDisposition='inline; filename="a b"'
    )
    assert got["ContentType"] == "text/csv"
    assert got["ContentDisposition"] == 'inline; filename="a b"'


def test_errors_carry_a_request_id(s3: Any, place: Any) -> None:
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket=place.bucket, Key=place.prefix + "missing")
    metadata = caught.value.response["ResponseMetadata"]
    assert metadata["RequestId"]
    assert metadata["RequestId"] == metadata["HTTPHeaders"]["x-amz-request-id"]


def test_what_is_not_built_yet_says_so(s3: Any, place: Any) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + "k"}
    s3.put_object(**where, Body=b"kept")
    assert code_of(s3.get_object_torrent, **where) == (501, "NotImplemented")
    assert s3.get_object(**where)["Body"].read() == b"kept"
