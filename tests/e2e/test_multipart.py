"""Uploads in parts end to end, as far as they go: begun, filled, listed, given up."""

from __future__ import annotations

import base64
import hashlib
import os
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.configuration import SCOPED


def code_of(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert "canary" not in str(response)
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture
def where(place: Any) -> dict[str, str]:
    return {"Bucket": place.bucket, "Key": place.prefix + "a b&c+%41\u00e9.bin"}


@pytest.mark.rule("S18", "S20")
def test_an_upload_is_begun_filled_listed_and_given_up(s3: Any, where: dict[str, str]) -> None:
    begun = s3.create_multipart_upload(**where, Metadata={"a": "b"}, ContentType="text/plain")
    assert (begun["Bucket"], begun["Key"]) == (where["Bucket"], where["Key"])
    upload = {**where, "UploadId": begun["UploadId"]}
    bodies = {1: b"", 2: os.urandom(70_000), 10_000: b"last"}
    for number, body in bodies.items():
        part = s3.upload_part(**upload, PartNumber=number, Body=body)
        assert part["ETag"] == '"' + hashlib.md5(body).hexdigest() + '"'
    listed = s3.list_parts(**upload)
    assert "canary" not in str(listed)
    assert (listed["Bucket"], listed["Key"]) == (where["Bucket"], where["Key"])
    assert listed["UploadId"] == begun["UploadId"]
    sizes = {part["PartNumber"]: part["Size"] for part in listed["Parts"]}
    assert sizes == {number: len(body) for number, body in bodies.items()}
    paged: list[int] = []
    for page in s3.get_paginator("list_parts").paginate(**upload, PaginationConfig={"PageSize": 1}):
        paged += [part["PartNumber"] for part in page.get("Parts", [])]
    assert paged == [1, 2, 10_000]
    assert code_of(s3.head_object, **where) == (404, "404")
    assert s3.abort_multipart_upload(**upload)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert code_of(s3.list_parts, **upload) == (404, "NoSuchUpload")
    assert code_of(s3.upload_part, **upload, PartNumber=1, Body=b"x") == (404, "NoSuchUpload")
    assert code_of(s3.head_object, **where) == (404, "404")


@pytest.mark.rule("S18", "L3")
def test_an_upload_is_of_its_key(s3: Any, where: dict[str, str]) -> None:
    begun = s3.create_multipart_upload(**where)["UploadId"]
    other = {**where, "Key": where["Key"] + "x"}
    for name in (begun, "invented", begun + "A"):
        upload = {**(other if name == begun else where), "UploadId": name}
        assert code_of(s3.list_parts, **upload) == (404, "NoSuchUpload")
        assert code_of(s3.abort_multipart_upload, **upload) == (404, "NoSuchUpload")
        assert code_of(s3.upload_part, **upload, PartNumber=1, Body=b"x") == (404, "NoSuchUpload")
    assert "Parts" not in s3.list_parts(**where, UploadId=begun)
    s3.abort_multipart_upload(**where, UploadId=begun)


@pytest.mark.rule("R35")
def test_part_numbers(s3: Any, where: dict[str, str]) -> None:
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    for number in (0, 10_001, -1, 10**20):
        refused = code_of(s3.upload_part, **upload, PartNumber=number, Body=b"x")
        assert refused == (400, "InvalidArgument")
    s3.upload_part(**upload, PartNumber=10_000, Body=b"x")
    assert [part["PartNumber"] for part in s3.list_parts(**upload)["Parts"]] == [10_000]
    assert code_of(s3.head_object, **where) == (404, "404")
    s3.abort_multipart_upload(**upload)


@pytest.mark.rule("L6")
def test_a_part_of_another_digest_is_not_kept(s3: Any, where: dict[str, str]) -> None:
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    wrong = base64.b64encode(hashlib.md5(b"other").digest()).decode()
    for promise in ({"ContentMD5": wrong}, {"ChecksumCRC32": "AAAAAA=="}):
        refused = code_of(s3.upload_part, **upload, PartNumber=1, Body=b"body", **promise)
        assert refused == (400, "BadDigest")
    assert "Parts" not in s3.list_parts(**upload)
    s3.abort_multipart_upload(**upload)


@pytest.mark.rule("S18", "S19", "SEM-21")
def test_uploads_of_a_bucket(s3: Any, place: Any) -> None:
    begun = {}
    for name in ("a b+%41", "dir/x", "dir/y", "z"):
        key = place.prefix + name
        begun[key] = s3.create_multipart_upload(Bucket=place.bucket, Key=key)["UploadId"]

    def listed(**arguments: Any) -> dict[str, str]:
        found = {}
        pages = s3.get_paginator("list_multipart_uploads").paginate(
            Bucket=place.bucket, **arguments
        )
        for count, page in enumerate(pages):
            assert count < 20
            assert "canary" not in str(page)
            for upload in page.get("Uploads", []):
                assert upload["Key"] not in found
                found[upload["Key"]] = upload["UploadId"]
        return found

    # The id that a list shows is the one that the upload was begun with.
    assert listed(Prefix=place.prefix) == begun
    assert listed(Prefix=place.prefix, PaginationConfig={"PageSize": 1}) == begun
    below = {key: name for key, name in begun.items() if "/dir/" in "/" + key}
    assert listed(Prefix=place.prefix + "dir/") == below
    for key, name in begun.items():
        s3.abort_multipart_upload(Bucket=place.bucket, Key=key, UploadId=name)
    assert listed(Prefix=place.prefix) == {}


@pytest.mark.rule("S3", "S19")
def test_a_neighbours_uploads_are_never_shown(s3: Any, endpoint: Endpoint) -> None:
    neighbour = {"Bucket": "neighbour", "Key": "secret-of-neighbour"}
    begun = s3.create_multipart_upload(**neighbour)["UploadId"]
    assert "secret-of-neighbour" not in str(s3.list_multipart_uploads(Bucket="team"))
    assert code_of(s3.list_parts, Bucket="team", Key=neighbour["Key"], UploadId=begun) == (
        404,
        "NoSuchUpload",
    )
    scoped = s3_client(Endpoint(endpoint.url, SCOPED))
    refused = (403, "AccessDenied")
    assert code_of(scoped.create_multipart_upload, Bucket="private-uploads", Key="k") == refused
    assert code_of(scoped.list_multipart_uploads, Bucket="private-uploads") == refused
    s3.abort_multipart_upload(**neighbour, UploadId=begun)
