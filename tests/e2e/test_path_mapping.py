"""boto3 before a hierarchy: ``account`` is its bucket, the products are prefixes."""

from __future__ import annotations

import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.clients import Endpoint, program, run, s3_client
from support.configuration import EVERYTHING, FULL, bucket, credential, table
from support.gateway import Gateway
from support.store import Store


@pytest.fixture(scope="module")
def endpoint(store: Store, folder: Path) -> Iterator[Endpoint]:
    text = table("path_mapping", {"bucket_segments": 2, "separator": ":"})
    for name, prefix in [("acme:maps", "h1/"), ("acme:photos", "h2/"), ("other:maps", "h3/")]:
        text += bucket(name, store.endpoint, "canary-shared", prefix=f"canary-{prefix}")
    text += credential(FULL, "full", [("*", (), EVERYTHING)])
    with Gateway(folder / "hierarchy", text) as running:
        yield Endpoint(running.endpoint, FULL)


def test_boto3(endpoint: Endpoint) -> None:
    s3 = s3_client(endpoint)
    keys = [f"maps/2026/{n} +\u00e9.tif" for n in range(5)]
    for key in [*keys, "photos/one.jpg"]:
        s3.put_object(Bucket="acme", Key=key, Body=key.encode())
    assert [entry["Name"] for entry in s3.list_buckets()["Buckets"]] == ["acme", "other"]
    assert s3.head_bucket(Bucket="acme")
    products = s3.list_objects_v2(Bucket="acme", Delimiter="/")
    assert [entry["Prefix"] for entry in products["CommonPrefixes"]] == ["maps/", "photos/"]
    assert s3.get_object(Bucket="acme", Key=keys[3])["Body"].read() == keys[3].encode()
    for operation in ("list_objects", "list_objects_v2"):
        pages = s3.get_paginator(operation).paginate(
            Bucket="acme", Prefix="maps/", PaginationConfig={"PageSize": 2}
        )
        assert [entry["Key"] for page in pages for entry in page["Contents"]] == keys
    after = s3.list_objects_v2(Bucket="acme", Prefix="maps/2026/", StartAfter=keys[2])
    assert [entry["Key"] for entry in after["Contents"]] == keys[3:]
    level = s3.list_objects(Bucket="acme", Prefix="maps/", Delimiter="/")
    assert [entry["Prefix"] for entry in level["CommonPrefixes"]] == ["maps/2026/"]
    url = s3.generate_presigned_url("get_object", {"Bucket": "acme", "Key": keys[0]})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(url, timeout=30) as response:
        assert response.read() == keys[0].encode()
    s3.delete_object(Bucket="acme", Key=keys[0])
    with pytest.raises(ClientError) as caught:
        s3.get_object(Bucket="acme", Key=keys[0])
    assert caught.value.response["Error"]["Code"] == "NoSuchKey"


def test_aws_cli(endpoint: Endpoint, tmp_path: Path) -> None:
    aws = [program("python"), program("aws"), "s3"]
    env: dict[str, Any] = endpoint.environment()
    (tmp_path / "up").mkdir()
    for n in range(3):
        (tmp_path / "up" / f"{n}.txt").write_text(f"{n}")
    run([*aws, "sync", "--no-progress", str(tmp_path / "up"), "s3://other/maps/synced/"], env)
    assert "PRE maps/" in run([*aws, "ls", "s3://other"], env)
    assert "PRE synced/" in run([*aws, "ls", "s3://other/maps/"], env)
    listed = run([*aws, "ls", "--recursive", "s3://other/maps/synced/"], env)
    assert [line.split()[-1] for line in listed.splitlines()] == [
        f"maps/synced/{n}.txt" for n in range(3)
    ]
    run([*aws, "sync", "--no-progress", "s3://other/maps/synced/", str(tmp_path / "down")], env)
    assert (tmp_path / "down" / "2.txt").read_text() == "2"


@pytest.mark.rule("S18", "S20", "SEM-21")
def test_uploads_in_parts(endpoint: Endpoint) -> None:
    s3 = s3_client(endpoint)
    keys = [f"maps/up/{n} +\u00e9" for n in range(3)]
    begun = {}
    for key in keys:
        created = s3.create_multipart_upload(Bucket="acme", Key=key)
        assert (created["Bucket"], created["Key"]) == ("acme", key)
        begun[key] = created["UploadId"]
    first = {"Bucket": "acme", "Key": keys[0], "UploadId": begun[keys[0]]}
    part = s3.upload_part(**first, PartNumber=2, Body=b"part")
    listed = s3.list_parts(**first)
    assert (listed["Bucket"], listed["Key"]) == ("acme", keys[0])
    assert [entry["ETag"] for entry in listed["Parts"]] == [part["ETag"]]
    pages = s3.get_paginator("list_multipart_uploads").paginate(
        Bucket="acme", Prefix="maps/up/", PaginationConfig={"PageSize": 2}
    )
    found = {}
    for page in pages:
        assert (page["Bucket"], page["Prefix"]) == ("acme", "maps/up/")
        assert "canary" not in str(page)
        found |= {entry["Key"]: entry["UploadId"] for entry in page.get("Uploads", [])}
    assert found == begun
    with pytest.raises(ClientError) as caught:
        s3.list_parts(**{**first, "Key": "photos/up/0 +\u00e9"})
    assert caught.value.response["Error"]["Code"] == "NoSuchUpload"
    for key, upload in begun.items():
        s3.abort_multipart_upload(Bucket="acme", Key=key, UploadId=upload)


@pytest.mark.rule("S18", "SEM-21")
def test_versions_and_sub_resources(endpoint: Endpoint) -> None:
    s3 = s3_client(endpoint)
    keys = [f"maps/v/{n}" for n in range(5)]
    for key in keys:
        s3.put_object(Bucket="acme", Key=key, Body=b"x")
    pages = s3.get_paginator("list_object_versions").paginate(
        Bucket="acme", Prefix="maps/v/", PaginationConfig={"PageSize": 2}
    )
    found = []
    for page in pages:
        assert (page["Name"], page["Prefix"]) == ("acme", "maps/v/")
        assert "canary" not in str(page)
        found += [entry["Key"] for entry in page.get("Versions", [])]
    assert found == keys
    tags = [{"Key": "a", "Value": "b"}]
    s3.put_object_tagging(Bucket="acme", Key=keys[0], Tagging={"TagSet": tags})
    assert s3.get_object_tagging(Bucket="acme", Key=keys[0])["TagSet"] == tags
    assert s3.get_bucket_location(Bucket="acme")["LocationConstraint"] is None
    assert "Status" not in s3.get_bucket_versioning(Bucket="acme")
    with pytest.raises(s3.exceptions.BucketAlreadyOwnedByYou):
        s3.create_bucket(Bucket="acme")


@pytest.mark.rule("SEM-24", "S18")
def test_completions_and_copies(endpoint: Endpoint) -> None:
    s3 = s3_client(endpoint)
    where = {"Bucket": "acme", "Key": "maps/copies/made \u00e9"}
    upload = {**where, "UploadId": s3.create_multipart_upload(**where)["UploadId"]}
    part = s3.upload_part(**upload, PartNumber=1, Body=b"whole")
    done = s3.complete_multipart_upload(
        **upload, MultipartUpload={"Parts": [{"PartNumber": 1, "ETag": part["ETag"]}]}
    )
    assert (done["Bucket"], done["Key"]) == (where["Bucket"], where["Key"])
    assert "acme/maps/copies/made" in done["Location"] and ":maps" not in done["Location"]
    for target in ({"Bucket": "acme", "Key": "photos/c"}, {"Bucket": "other", "Key": "maps/c"}):
        s3.copy_object(**target, CopySource=where)
        assert s3.get_object(**target)["Body"].read() == b"whole"
    for source in ("acme:maps/copies/x", "acme/nothing/x", "acme/maps", "acme/"):
        with pytest.raises(ClientError) as caught:
            s3.copy_object(**where, CopySource=source)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] in (400, 403), source
