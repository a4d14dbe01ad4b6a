"""Listings end to end: pages, delimiters, markers, scopes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.configuration import READER, SCOPED, STANDARD_BUCKETS

TREE = ["a", "b/1", "b/2", "b/c/3", "b/c/4", "d", "e/5", "f", "g h/6", "\u00e9/7"]


@pytest.fixture
def tree(s3: Any, place: Any) -> Any:
    for name in TREE:
        s3.put_object(Bucket=place.bucket, Key=place.prefix + name, Body=name.encode())
    return place


def pages(s3: Any, version: int, **arguments: Any) -> tuple[list[str], list[str], int]:
    """Keys, prefixes and number of pages, every page checked for its size."""
    keys: list[str] = []
    prefixes: list[str] = []
    seen = set()
    count = 0
    while True:
        count += 1
        assert count <= 30
        call = s3.list_objects_v2 if version == 2 else s3.list_objects
        page = call(**arguments)
        found = [entry["Key"] for entry in page.get("Contents", [])]
        groups = [entry["Prefix"] for entry in page.get("CommonPrefixes", [])]
        assert len(found) + len(groups) <= arguments.get("MaxKeys", 1000)
        keys += found
        prefixes += groups
        if version == 2:
            assert page["KeyCount"] == len(found) + len(groups)
            assert page["IsTruncated"] == ("NextContinuationToken" in page)
        if not page["IsTruncated"]:
            return keys, prefixes, count
        if version == 2:
            token = page["NextContinuationToken"]
            assert "canary" not in token
            arguments["ContinuationToken"] = token
        else:
            token = page.get("NextMarker") or found[-1]
            arguments["Marker"] = token
        assert token not in seen
        seen.add(token)


@pytest.mark.rule("SEM-21", "S18", "S19", "R27")
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 1000])
@pytest.mark.parametrize("delimiter", ["", "/"])
def test_pages_hold_everything_once(
    s3: Any, tree: Any, version: int, size: int, delimiter: str
) -> None:
    arguments = {"Bucket": tree.bucket, "Prefix": tree.prefix, "MaxKeys": size}
    if delimiter:
        arguments["Delimiter"] = delimiter
    keys, prefixes, _ = pages(s3, version, **arguments)
    names = [tree.prefix + name for name in TREE]
    if not delimiter:
        assert (keys, prefixes) == (names, [])
    else:
        assert keys == [name for name in names if "/" not in name[len(tree.prefix) :]]
        groups = {
            name[: name.index("/", len(tree.prefix)) + 1] for name in names if name not in keys
        }
        assert prefixes == sorted(groups, key=str.encode)


@pytest.mark.rule("R29", "S18")
def test_a_marker_that_is_a_common_prefix(s3: Any, place: Any) -> None:
    for name in ("asdf", "boo/bar", "boo/baz/xyzzy", "cquux/thud", "cquux/bla"):
        s3.put_object(Bucket=place.bucket, Key=place.prefix + name, Body=b"")
    where = {"Bucket": place.bucket, "Prefix": place.prefix, "Delimiter": "/"}
    first = s3.list_objects(**where, MaxKeys=2)
    assert [entry["Key"] for entry in first["Contents"]] == [place.prefix + "asdf"]
    assert [entry["Prefix"] for entry in first["CommonPrefixes"]] == [place.prefix + "boo/"]
    assert first["IsTruncated"]
    assert first["NextMarker"] == place.prefix + "boo/"
    second = s3.list_objects(**where, MaxKeys=1, Marker=first["NextMarker"])
    assert [entry["Prefix"] for entry in second["CommonPrefixes"]] == [place.prefix + "cquux/"]
    assert not second["IsTruncated"]


@pytest.mark.rule("SEM-21")
def test_start_after(s3: Any, tree: Any) -> None:
    listed = s3.list_objects_v2(
        Bucket=tree.bucket, Prefix=tree.prefix, StartAfter=tree.prefix + "b/c/3"
    )
    names = [tree.prefix + name for name in TREE]
    assert [entry["Key"] for entry in listed["Contents"]] == names[4:]
    assert listed["StartAfter"] == tree.prefix + "b/c/3"


@pytest.mark.rule("SEM-21", "S20")
@pytest.mark.parametrize("version", [1, 2])
def test_an_answer_repeats_what_was_asked(s3: Any, tree: Any, version: int) -> None:
    call = s3.list_objects_v2 if version == 2 else s3.list_objects
    page = call(Bucket=tree.bucket, Prefix=tree.prefix, Delimiter="/", MaxKeys=7)
    assert page["Name"] == tree.bucket
    assert page["Prefix"] == tree.prefix
    assert page["Delimiter"] == "/"
    assert page["MaxKeys"] == 7
    assert "canary" not in str(page)


@pytest.mark.rule("SEM-21")
def test_no_keys_at_all(s3: Any, tree: Any) -> None:
    page = s3.list_objects_v2(Bucket=tree.bucket, Prefix=tree.prefix, MaxKeys=0)
    assert (page["KeyCount"], page["IsTruncated"]) == (0, False)
    page = s3.list_objects_v2(Bucket=tree.bucket, Prefix=tree.prefix + "nothing/")
    assert (page["KeyCount"], page["IsTruncated"]) == (0, False)


@pytest.mark.rule("S19", "S3")
def test_a_neighbour_is_never_shown(s3: Any, store: Any) -> None:
    # "team-a" is a prefix of "team-a-2" as text, but not as a folder.
    s3.put_object(Bucket="neighbour", Key="secret-of-neighbour", Body=b"x")
    keys, prefixes, _ = pages(s3, 2, Bucket="team", MaxKeys=1000)
    assert not [name for name in keys + prefixes if "neighbour" in name]
    _, prefixes, _ = pages(s3, 2, Bucket="team", Delimiter="-")
    assert not [name for name in prefixes if "neighbour" in name]


@pytest.mark.rule("S3", "SEM-21")
def test_a_scope_lists_its_own(s3: Any, endpoint: Endpoint) -> None:
    for name in ("allowed/x", "allowed-too/y", "other"):
        s3.put_object(Bucket="private-uploads", Key=name, Body=b"x")
    scoped = s3_client(Endpoint(endpoint.url, SCOPED))
    listed = scoped.list_objects_v2(Bucket="private-uploads", Prefix="allowed/")
    keys = [entry["Key"] for entry in listed["Contents"]]
    # Other tests write below allowed/ too.
    assert "allowed/x" in keys
    assert all(key.startswith("allowed/") for key in keys)
    for prefix in ("", "allowed", "allowed-too/", "other"):
        with pytest.raises(ClientError) as caught:
            scoped.list_objects_v2(Bucket="private-uploads", Prefix=prefix)
        assert caught.value.response["Error"]["Code"] == "AccessDenied"


@pytest.mark.rule("SEM-20", "S23")
def test_list_buckets_is_bounded_by_scopes(endpoint: Endpoint) -> None:
    def names(client: Any) -> list[str]:
        return [bucket["Name"] for bucket in client.list_buckets()["Buckets"]]

    everything = sorted(entry.name for entry in STANDARD_BUCKETS)
    assert sorted(names(s3_client(endpoint))) == everything
    reader = names(s3_client(Endpoint(endpoint.url, READER)))
    assert sorted(reader) == ["private-uploads", "public-data", "team"]


@pytest.mark.rule("SEM-22", "S23")
def test_head_bucket_and_location(s3: Any, endpoint: Endpoint) -> None:
    assert s3.head_bucket(Bucket="team")["BucketRegion"] == "us-east-1"
    assert s3.get_bucket_location(Bucket="team")["LocationConstraint"] is None
    scoped = s3_client(Endpoint(endpoint.url, SCOPED))
    for name in ("team", "never-heard-of"):
        with pytest.raises(ClientError) as caught:
            scoped.head_bucket(Bucket=name)
        assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403
