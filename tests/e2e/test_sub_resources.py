"""Tags, ACLs, attributes and versions of objects, end to end."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.configuration import FULL, bucket, credential
from support.gateway import Gateway
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store

OURS = {"ID": "multistore-proxy", "DisplayName": "multistore-proxy"}


def code_of(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert "canary" not in str(response)
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture
def where(s3: Any, place: Any) -> dict[str, str]:
    at = {"Bucket": place.bucket, "Key": place.prefix + "a b+\u00e9"}
    s3.put_object(**at, Body=b"hello")
    return at


@pytest.mark.rule("S14")
def test_tags(s3: Any, where: dict[str, str]) -> None:
    tags = [{"Key": "a", "Value": "b c+"}]
    assert s3.get_object_tagging(**where)["TagSet"] == []
    s3.put_object_tagging(**where, Tagging={"TagSet": tags})
    assert s3.get_object_tagging(**where)["TagSet"] == tags
    assert s3.head_object(**where)["TagCount"] == 1
    gone = s3.delete_object_tagging(**where)
    assert gone["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert s3.get_object_tagging(**where)["TagSet"] == []
    # What S14 is about: none of it was the object.
    assert s3.get_object(**where)["Body"].read() == b"hello"
    missing = {**where, "Key": where["Key"] + "x"}
    assert code_of(s3.get_object_tagging, **missing) == (404, "NoSuchKey")


@pytest.mark.rule("S14", "S20")
def test_acls(s3: Any, where: dict[str, str]) -> None:
    own = {"Grantee": {**OURS, "Type": "CanonicalUser"}, "Permission": "FULL_CONTROL"}
    acl = s3.get_object_acl(**where)
    assert (acl["Owner"], acl["Grants"]) == (OURS, [own])
    s3.put_object_acl(**where, ACL="public-read")
    acl = s3.get_object_acl(**where)
    assert own in acl["Grants"]
    assert "READ" in [grant["Permission"] for grant in acl["Grants"]]
    s3.put_object_acl(**where, ACL="private")
    assert s3.get_object_acl(**where)["Grants"] == [own]
    policy = {"Owner": OURS, "Grants": [own]}
    refused = code_of(s3.put_object_acl, **where, AccessControlPolicy=policy)
    assert refused == (501, "NotImplemented")
    assert s3.get_object(**where)["Body"].read() == b"hello"


def test_attributes(s3: Any, where: dict[str, str]) -> None:
    found = s3.get_object_attributes(**where, ObjectAttributes=["ETag", "ObjectSize"])
    assert (found["ETag"], found["ObjectSize"]) == ("5d41402abc4b2a76b9719d911017c592", 5)


def test_what_the_bucket_does_not_have(s3: Any, where: dict[str, str]) -> None:
    assert code_of(s3.get_object_retention, **where) == (400, "InvalidRequest")
    assert code_of(s3.get_object_legal_hold, **where) == (400, "InvalidRequest")
    assert code_of(s3.restore_object, **where, RestoreRequest={"Days": 1})[0] in (403, 405)


@pytest.fixture(scope="module")
def versioned(store: Store, tmp_path_factory: pytest.TempPathFactory) -> Any:
    """A client of a prefix of a bucket with versions."""
    direct = s3_client(Endpoint(store.endpoint, Credentials(STORE_KEY, STORE_SECRET)))
    direct.create_bucket(Bucket="canary-versioned", ObjectLockEnabledForBucket=True)
    direct.put_object(Bucket="canary-versioned", Key="canary-outside", Body=b"x")
    text = bucket("versioned", store.endpoint, "canary-versioned", prefix="canary-tenants/v/")
    text += credential(FULL, "full", [("versioned", (), ("*",))])
    with Gateway(tmp_path_factory.mktemp("versioned"), text) as gateway:
        yield s3_client(Endpoint(gateway.endpoint, FULL))


@pytest.mark.rule("S18", "S19", "SEM-21", "R27")
def test_versions_are_listed_and_read(versioned: Any) -> None:
    keys = ["a b+%41", "d/\u00e9", "e"]
    for body in (b"one", b"two"):
        for key in keys:
            versioned.put_object(Bucket="versioned", Key=key, Body=body)
    versioned.delete_object(Bucket="versioned", Key="e")

    def listed(size: int, **arguments: Any) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        found: list[tuple[str, str]] = []
        markers: list[tuple[str, str]] = []
        pages = versioned.get_paginator("list_object_versions").paginate(
            Bucket="versioned", PaginationConfig={"PageSize": size}, **arguments
        )
        for count, page in enumerate(pages):
            assert count < 20
            assert "canary" not in str(page)
            for entry in page.get("Versions", []):
                assert entry["Owner"] == OURS
                found.append((entry["Key"], entry["VersionId"]))
            markers += [(e["Key"], e["VersionId"]) for e in page.get("DeleteMarkers", [])]
        return found, markers

    found, markers = listed(1000)
    assert [key for key, _ in found] == [key for key in keys for _ in range(2)]
    assert [key for key, _ in markers] == ["e"]
    for size in (1, 2, 3):
        assert [sorted(part) for part in listed(size)] == [sorted(found), sorted(markers)]
    assert [key for key, _ in listed(1000, Prefix="d/")[0]] == ["d/\u00e9"] * 2
    page = versioned.list_object_versions(Bucket="versioned", Delimiter="/")
    assert [entry["Prefix"] for entry in page["CommonPrefixes"]] == ["d/"]

    bodies = {
        versioned.get_object(Bucket="versioned", Key=key, VersionId=name)["Body"].read()
        for key, name in found
        if key == "e"
    }
    assert bodies == {b"one", b"two"}
    oldest = {"Bucket": "versioned", "Key": "e", "VersionId": found[-1][1]}
    versioned.put_object_tagging(**oldest, Tagging={"TagSet": [{"Key": "a", "Value": "b"}]})
    assert versioned.get_object_tagging(**oldest)["TagSet"] == [{"Key": "a", "Value": "b"}]
    versioned.delete_object(**oldest)
    assert found[-1] not in listed(1000)[0]


def test_locks(versioned: Any) -> None:
    where = {"Bucket": "versioned", "Key": "locked"}
    version = versioned.put_object(**where, Body=b"x")["VersionId"]
    of_version = {**where, "VersionId": version}
    assert code_of(versioned.get_object_retention, **where)[0] == 404
    versioned.put_object_legal_hold(**where, LegalHold={"Status": "ON"})
    assert versioned.get_object_legal_hold(**where)["LegalHold"] == {"Status": "ON"}
    assert code_of(versioned.delete_object, **of_version) == (403, "AccessDenied")
    versioned.put_object_legal_hold(**of_version, LegalHold={"Status": "OFF"})
    until = "2099-01-01T00:00:00Z"
    versioned.put_object_retention(
        **where, Retention={"Mode": "GOVERNANCE", "RetainUntilDate": until}
    )
    assert versioned.get_object_retention(**where)["Retention"]["Mode"] == "GOVERNANCE"
    assert code_of(versioned.delete_object, **of_version) == (403, "AccessDenied")
    versioned.delete_object(**of_version, BypassGovernanceRetention=True)
