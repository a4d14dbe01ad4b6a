"""Copies, batch deletes and completed uploads end to end, against the real store."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlsplit

import pytest
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.configuration import EVERYTHING, FULL, SCOPED, bucket, credential
from support.gateway import Gateway
from support.raw import Connection, Response
from support.sigv4 import Request
from support.store import Store

MIB = 1 << 20


def code_of(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert "canary" not in str(response)
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture
def where(place: Any) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.prefix + "a b&c+%41\u00e9.bin"}


def send(
    endpoint: Endpoint, method: str, target: str, *fields: tuple[str, str], body: bytes = b""
) -> Response:
    place = urlsplit(endpoint.url)
    assert place.port is not None
    with Connection(place.port) as connection:
        request = Request(method, target, place.netloc, fields, body=body, credentials=FULL)
        return connection.request(request)


def body_of(s3: Any, **where: str) -> bytes:
    data: bytes = s3.get_object(**where)["Body"].read()
    return data


# --- uploads in parts -----------------------------------------------------------------------------


@pytest.mark.rule("SEM-19", "S20", "R37")
def test_an_upload_in_parts_is_completed(s3: Any, where: dict[str, str]) -> None:
    bodies = [os.urandom(5 * MIB), os.urandom(5 * MIB), b"last"]
    begun = s3.create_multipart_upload(**where, Metadata={"a": "b"}, ContentType="text/x")
    upload = {**where, "UploadId": begun["UploadId"]}
    parts = []
    for number, body in enumerate(bodies, 1):
        answer = s3.upload_part(**upload, PartNumber=number, Body=body)
        parts.append({"PartNumber": number, "ETag": answer["ETag"]})
    done = s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert "canary" not in str(done)
    assert (done["Bucket"], done["Key"]) == (where["Bucket"], where["Key"])
    assert done["Location"].startswith("http") and where["Bucket"] in done["Location"]
    got = s3.get_object(**where)
    assert got["Body"].read() == b"".join(bodies)
    assert (got["Metadata"], got["ContentType"]) == ({"a": "b"}, "text/x")
    assert got["ETag"] == done["ETag"] and "-3" in done["ETag"]  # SEM-18
    assert code_of(s3.list_parts, **upload) == (404, "NoSuchUpload")


@pytest.mark.rule("SEM-19")
def test_completions_that_cannot_be(s3: Any, where: dict[str, str]) -> None:
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    one = s3.upload_part(**upload, PartNumber=1, Body=b"x" * 5 * MIB)["ETag"]
    two = s3.upload_part(**upload, PartNumber=2, Body=b"y")["ETag"]

    def code(*parts: tuple[int, str]) -> tuple[int, str]:
        listed = [{"PartNumber": number, "ETag": tag} for number, tag in parts]
        return code_of(s3.complete_multipart_upload, **upload, MultipartUpload={"Parts": listed})

    assert code((2, two), (1, one)) == (400, "InvalidPartOrder")
    assert code((1, one), (1, one)) == (400, "InvalidPartOrder")
    assert code((1, one), (3, two)) == (400, "InvalidPart")
    assert code((1, two)) == (400, "InvalidPart")
    assert code((0, one)) == (400, "InvalidArgument")
    assert code() == (400, "MalformedXML")
    assert code_of(s3.head_object, **where) == (404, "404")
    assert len(s3.list_parts(**upload)["Parts"]) == 2
    s3.abort_multipart_upload(**upload)
    assert code((1, one)) == (404, "NoSuchUpload")


def test_a_transfer_manager_uploads_and_downloads(
    s3: Any, where: dict[str, str], tmp_path: Path
) -> None:
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(os.urandom(20 * MIB + 17))
    s3.upload_file(str(source), where["Bucket"], where["Key"])
    s3.download_file(where["Bucket"], where["Key"], str(target))
    assert target.read_bytes() == source.read_bytes()


# --- copies ---------------------------------------------------------------------------------------


@pytest.fixture
def source(s3: Any, place: Any) -> dict[str, str]:
    where = {"Bucket": place.bucket, "Key": place.prefix + "source \u00e9+%41?#"}
    s3.put_object(
        **where,
        Body=b"0123456789",
        Metadata={"colour": "red"},
        ContentType="text/x",
        CacheControl="max-age=7",
    )
    return where


@pytest.mark.rule("SEM-24", "S18")
def test_a_copy_keeps_what_the_directive_says(s3: Any, source: dict[str, str], where: Any) -> None:
    done = s3.copy_object(**where, CopySource=source)
    assert "canary" not in str(done)
    assert done["CopyObjectResult"]["ETag"] == '"' + hashlib.md5(b"0123456789").hexdigest() + '"'
    got = s3.get_object(**where)
    assert got["Body"].read() == b"0123456789"
    assert (got["Metadata"], got["ContentType"]) == ({"colour": "red"}, "text/x")
    s3.copy_object(
        **where,
        CopySource=source,
        MetadataDirective="REPLACE",
        Metadata={"a": "b"},
        ContentType="text/y",
    )
    got = s3.head_object(**where)
    assert (got["Metadata"], got["ContentType"]) == ({"a": "b"}, "text/y")


@pytest.mark.rule("SEM-24")
def test_copies_that_cannot_be(s3: Any, source: dict[str, str], where: Any) -> None:
    missing = {**source, "Key": source["Key"] + "x"}
    assert code_of(s3.copy_object, **where, CopySource=missing) == (404, "NoSuchKey")
    nowhere = {**source, "Bucket": "no-such-bucket"}
    assert code_of(s3.copy_object, **where, CopySource=nowhere) == (403, "AccessDenied")
    failing = {"CopySource": source, "CopySourceIfMatch": '"0"'}
    assert code_of(s3.copy_object, **where, **failing) == (412, "PreconditionFailed")
    assert code_of(s3.head_object, **where) == (404, "404")


@pytest.mark.rule("SEM-24")
def test_both_ends_of_a_copy_are_authorised(endpoint: Endpoint, s3: Any) -> None:
    scoped = s3_client(Endpoint(endpoint.url, SCOPED))
    inside, outside = (
        {"Bucket": "private-uploads", "Key": key} for key in ("allowed/s", "other/s")
    )
    for place in (inside, outside):
        s3.put_object(**place, Body=b"x")
    copied = {"Bucket": "private-uploads", "Key": "allowed/copy"}
    assert code_of(scoped.copy_object, **copied, CopySource=outside) == (403, "AccessDenied")
    assert code_of(scoped.copy_object, **outside, CopySource=inside) == (403, "AccessDenied")
    assert scoped.copy_object(**copied, CopySource=inside)["CopyObjectResult"]["ETag"]


@pytest.mark.rule("SEM-24")
def test_parts_are_copied_by_ranges(s3: Any, place: Any, where: dict[str, str]) -> None:
    big = os.urandom(6 * MIB)
    source = {"Bucket": place.bucket, "Key": place.prefix + "big"}
    s3.put_object(**source, Body=big)
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    parts = []
    for number, span in enumerate((f"0-{5 * MIB - 1}", f"{5 * MIB}-{6 * MIB - 1}"), 1):
        copied = s3.upload_part_copy(
            **upload, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={span}"
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    assert code_of(
        *(s3.upload_part_copy,),
        **{**upload, "PartNumber": 3, "CopySource": source, "CopySourceRange": "bytes=5-4"},
    ) == (400, "InvalidArgument")
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert body_of(s3, **where) == big


# --- copies between stores: the bytes pass through the gateway ------------------------------------


@pytest.fixture(scope="module")
def two_stores(store: Store, folder: Path) -> Iterator[Any]:
    """Two buckets whose entries have nothing in common but the process behind them."""
    text = bucket("here", store.endpoint, "canary-private")
    text += bucket("there", store.endpoint, "canary-shared", prefix="x/", region="eu-west-1")
    text += credential(FULL, "full", [(name, (), EVERYTHING) for name in ("here", "there")])
    with Gateway(folder / "two", text) as running:
        yield s3_client(Endpoint(running.endpoint, FULL))


@pytest.mark.rule("SEM-24")
@pytest.mark.parametrize("size", [0, 1, 70_000, 9 * MIB])
def test_a_copy_between_stores(two_stores: Any, size: int) -> None:
    s3 = two_stores
    data = os.urandom(size)
    source = {"Bucket": "here", "Key": f"between/{size} \u00e9"}
    target = {"Bucket": "there", "Key": f"copied/{size}"}
    s3.put_object(**source, Body=data, Metadata={"colour": "red"}, ContentType="text/x")
    done = s3.copy_object(**target, CopySource=source)
    assert "canary" not in str(done)
    assert done["CopyObjectResult"]["ETag"] == '"' + hashlib.md5(data).hexdigest() + '"'
    got = s3.get_object(**target)
    assert got["Body"].read() == data
    assert (got["Metadata"], got["ContentType"]) == ({"colour": "red"}, "text/x")
    replaced = {"MetadataDirective": "REPLACE", "Metadata": {"a": "b"}, "ContentType": "text/y"}
    s3.copy_object(**target, CopySource=source, **replaced)
    got = s3.head_object(**target)
    assert (got["Metadata"], got["ContentType"]) == ({"a": "b"}, "text/y")


@pytest.mark.rule("SEM-24")
def test_what_cannot_be_read_is_not_copied_between_stores(two_stores: Any) -> None:
    s3 = two_stores
    source = {"Bucket": "here", "Key": "between/source"}
    target = {"Bucket": "there", "Key": "copied/never"}
    s3.put_object(**source, Body=b"x" * 100)
    missing = {"Bucket": "here", "Key": "between/missing"}
    assert code_of(s3.copy_object, **target, CopySource=missing) == (404, "NoSuchKey")
    tag = s3.head_object(**source)["ETag"]
    for condition in ({"CopySourceIfMatch": '"0"'}, {"CopySourceIfNoneMatch": tag}):
        failing = {**target, "CopySource": source, **condition}
        assert code_of(s3.copy_object, **failing) == (412, "PreconditionFailed")
    assert code_of(s3.head_object, **target) == (404, "404")


def test_parts_are_copied_between_stores(two_stores: Any) -> None:
    s3 = two_stores
    big = os.urandom(6 * MIB)
    source = {"Bucket": "here", "Key": "between/big"}
    s3.put_object(**source, Body=big)
    where = {"Bucket": "there", "Key": "copied/big"}
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    parts = []
    for number, span in enumerate((f"0-{5 * MIB - 1}", f"{5 * MIB}-{6 * MIB - 1}"), 1):
        copied = s3.upload_part_copy(
            **upload, PartNumber=number, CopySource=source, CopySourceRange=f"bytes={span}"
        )
        parts.append({"PartNumber": number, "ETag": copied["CopyPartResult"]["ETag"]})
    s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    assert body_of(s3, **where) == big


# --- batch deletes --------------------------------------------------------------------------------


@pytest.mark.rule("SEM-23", "S18")
def test_a_batch_is_deleted(s3: Any, place: Any) -> None:
    keys = [place.prefix + name for name in ("a", "b c", "d&<e>", "\u00e9+%41", "missing")]
    for key in keys[:-1]:
        s3.put_object(Bucket=place.bucket, Key=key, Body=b"x")
    kept = place.prefix + "kept"
    s3.put_object(Bucket=place.bucket, Key=kept, Body=b"x")
    wanted = {"Objects": [{"Key": key} for key in keys]}
    done = s3.delete_objects(Bucket=place.bucket, Delete=wanted)
    assert "canary" not in str(done)
    assert [entry["Key"] for entry in done["Deleted"]] == keys and "Errors" not in done
    listed = s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)
    assert [entry["Key"] for entry in listed["Contents"]] == [kept]
    quiet = s3.delete_objects(
        Bucket=place.bucket, Delete={"Objects": [{"Key": kept}], "Quiet": True}
    )
    assert "Deleted" not in quiet and "Errors" not in quiet
    assert s3.list_objects_v2(Bucket=place.bucket, Prefix=place.prefix)["KeyCount"] == 0


@pytest.mark.rule("SEM-23")
def test_each_object_of_a_batch_is_authorised(endpoint: Endpoint, s3: Any) -> None:
    scoped = s3_client(Endpoint(endpoint.url, SCOPED))
    keys = ["other/1", "allowed/1", "other/2", "allowed/2"]
    for key in keys:
        s3.put_object(Bucket="private-uploads", Key=key, Body=b"x")
    wanted = {"Objects": [{"Key": key} for key in keys]}
    done = scoped.delete_objects(Bucket="private-uploads", Delete=wanted)
    assert [entry["Key"] for entry in done["Deleted"]] == ["allowed/1", "allowed/2"]
    errors = [(entry["Key"], entry["Code"]) for entry in done["Errors"]]
    assert errors == [("other/1", "AccessDenied"), ("other/2", "AccessDenied")]
    for key in ("other/1", "other/2"):
        s3.head_object(Bucket="private-uploads", Key=key)
    for key in ("allowed/1", "allowed/2"):
        assert code_of(s3.head_object, Bucket="private-uploads", Key=key) == (404, "404")


def test_a_thousand_at_once(s3: Any, place: Any) -> None:
    keys = [f"{place.prefix}{number}" for number in range(1000)]
    done = s3.delete_objects(
        Bucket=place.bucket, Delete={"Objects": [{"Key": key} for key in keys]}
    )
    assert [entry["Key"] for entry in done["Deleted"]] == keys
    many = {"Objects": [{"Key": key} for key in [*keys, "one"]]}
    assert code_of(s3.delete_objects, Bucket=place.bucket, Delete=many) == (400, "MalformedXML")


@pytest.mark.rule("R25")
def test_batches_without_a_namespace(endpoint: Endpoint, s3: Any, place: Any) -> None:
    """As mc and s3cmd write them."""
    existing, missing = place.prefix + "existing", place.prefix + "missing"
    for quiet in ("", "<Quiet>true</Quiet>"):
        s3.put_object(Bucket=place.bucket, Key=existing, Body=b"x")
        document = (
            f'<?xml version="1.0" encoding="UTF-8"?>\n<!-- a batch -->\n<Delete>\n  {quiet}\n'
            f"  <Object>\n    <Key>{existing}</Key>\n  </Object>\n"
            f"  <Object><Key>{missing}</Key></Object>\n</Delete>\n"
        ).encode()
        answered = send(endpoint, "POST", f"/{place.bucket}?delete=", body=document)
        assert answered.status == 200
        assert answered.body.count(b"<Deleted>") == (0 if quiet else 2)
        assert code_of(s3.head_object, Bucket=place.bucket, Key=existing) == (404, "404")


@pytest.mark.rule("R31")
def test_however_a_source_is_written(endpoint: Endpoint, s3: Any, place: Any) -> None:
    name = place.prefix + "c++ {x}=\u00fc.bin"
    s3.put_object(Bucket=place.bucket, Key=name, Body=b"right")
    encoded = quote(name, safe="/")
    for number, source in enumerate(
        (
            f"{place.bucket}/{encoded}",
            f"/{place.bucket}/{encoded}",
            f"{place.bucket}%2F{quote(name, safe='')}",
        )
    ):
        copy = f"{place.prefix}copy-{number}"
        answered = send(endpoint, "PUT", f"/{place.bucket}/{copy}", ("x-amz-copy-source", source))
        assert answered.status == 200 and b"<CopyObjectResult " in answered.body
        assert body_of(s3, Bucket=place.bucket, Key=copy) == b"right"


@pytest.mark.rule("R33")
def test_what_a_directive_changes(s3: Any, source: dict[str, str], where: Any) -> None:
    new = {"ContentType": "text/new", "Metadata": {"new": "1"}}
    s3.copy_object(**where, CopySource=source, MetadataDirective="COPY", **new)
    got = s3.head_object(**where)
    assert (got["ContentType"], got["Metadata"]) == ("text/x", {"colour": "red"})
    assert code_of(s3.copy_object, **source, CopySource=source) == (400, "InvalidRequest")
    s3.copy_object(**source, CopySource=source, MetadataDirective="REPLACE", **new)
    got = s3.get_object(**source)
    assert (got["ContentType"], got["Metadata"]) == ("text/new", {"new": "1"})
    assert got["Body"].read() == b"0123456789"
