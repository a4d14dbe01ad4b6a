"""A whole store behind one entry: buckets made, used, listed and deleted by real clients (D17)."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.configuration import FULL, READER, SCOPED, bucket, credential, standard
from support.gateway import Gateway
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store

#: May do everything with buckets that begin with team-a-, nothing with others.
TEAM_A = Credentials("AKTEAMA0000000000001", "teamASecret9Kd3Wq7Zs2Vb5Xm1Rc8Tf4LpGuHyJn")
TEAM_B = Credentials("AKTEAMB0000000000001", "teamBSecret2Hn6Wd1Qk7Zs4Vb9Xm5Rc8Tf3LpGuR")
ALL = ("*",)

Names = Callable[[str], str]


@pytest.fixture(scope="module")
def patterned(store: Store, folder: Path) -> Iterator[Gateway]:
    extra = bucket("team-*", store.endpoint, "canary-{name}-x")
    extra += bucket("open-*", store.endpoint, "{name}", anonymous=True)
    extra += bucket("team-a-fixed", store.endpoint, "canary-private")
    text = standard(store.endpoint, extra=extra)
    text += credential(TEAM_A, "a", [("team-a-*", (), ALL)])
    text += credential(TEAM_B, "b", [("team-b-*", (), ALL), ("open-*", (), ALL)])
    with Gateway(folder / "patterned", text) as running:
        yield running


@pytest.fixture
def a(patterned: Gateway) -> Any:
    return s3_client(Endpoint(patterned.endpoint, TEAM_A))


@pytest.fixture
def b(patterned: Gateway) -> Any:
    return s3_client(Endpoint(patterned.endpoint, TEAM_B))


@pytest.fixture
def direct(store: Store) -> Any:
    return s3_client(Endpoint(store.endpoint, Credentials(STORE_KEY, STORE_SECRET)))


@pytest.fixture
def named(direct: Any) -> Iterator[Names]:
    """Names that no other run uses; what is left of their buckets goes away."""
    made: list[str] = []

    def name(prefix: str) -> str:
        made.append(f"{prefix}{os.urandom(4).hex()}")
        return made[-1]

    yield name
    there = names(direct)
    for each in made:
        for theirs in (f"canary-{each}-x", each):
            if theirs in there:
                for entry in direct.list_objects_v2(Bucket=theirs).get("Contents", ()):
                    direct.delete_object(Bucket=theirs, Key=entry["Key"])
                direct.delete_bucket(Bucket=theirs)


def names(client: Any, **arguments: Any) -> list[str]:
    return [bucket["Name"] for bucket in client.list_buckets(**arguments)["Buckets"]]


def refused(call: Callable[..., Any], **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


def test_the_life_of_a_bucket(a: Any, direct: Any, named: Names) -> None:
    name = named("team-a-")
    assert refused(a.head_bucket, Bucket=name) == (404, "404")
    assert refused(a.list_objects_v2, Bucket=name) == (404, "NoSuchBucket")
    created = a.create_bucket(Bucket=name)
    assert created["Location"] == f"/{name}"
    assert f"canary-{name}-x" in names(direct)
    assert name in names(a)
    assert a.head_bucket(Bucket=name)["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert a.get_bucket_location(Bucket=name)["LocationConstraint"] is None
    a.put_object(Bucket=name, Key="dir/k", Body=b"body")
    assert a.get_object(Bucket=name, Key="dir/k")["Body"].read() == b"body"
    listed = a.list_objects_v2(Bucket=name)
    assert listed["Name"] == name
    assert [entry["Key"] for entry in listed["Contents"]] == ["dir/k"]
    a.delete_object(Bucket=name, Key="dir/k")
    a.delete_bucket(Bucket=name)
    assert refused(a.head_bucket, Bucket=name) == (404, "404")
    assert name not in names(a)
    assert f"canary-{name}-x" not in names(direct)


@pytest.mark.rule("SEM-22")
def test_each_sees_and_makes_only_its_own(a: Any, b: Any, patterned: Gateway, named: Names) -> None:
    of_a, of_b = named("team-a-"), named("team-b-")
    a.create_bucket(Bucket=of_a)
    b.create_bucket(Bucket=of_b)
    assert [n for n in names(a) if n in (of_a, of_b)] == [of_a]
    assert [n for n in names(b) if n in (of_a, of_b)] == [of_b]
    # The other's buckets and those that are not there are one and the same.
    for client, theirs, missing in ((a, of_b, "team-b-none"), (b, of_a, "team-a-none")):
        for name in (theirs, missing):
            assert refused(client.head_bucket, Bucket=name)[0] == 403
            assert refused(client.list_objects_v2, Bucket=name) == (403, "AccessDenied")
            assert refused(client.create_bucket, Bucket=name) == (403, "AccessDenied")
            assert refused(client.delete_bucket, Bucket=name) == (403, "AccessDenied")
            assert refused(client.get_object, Bucket=name, Key="k") == (403, "AccessDenied")
            assert refused(client.get_bucket_location, Bucket=name) == (403, "AccessDenied")
    for credentials in (READER, SCOPED):
        other = s3_client(Endpoint(patterned.endpoint, credentials))
        assert not {of_a, of_b} & set(names(other))
        assert refused(other.create_bucket, Bucket=named("team-a-")) == (403, "AccessDenied")


def test_lists_merge_entries_and_stores_in_the_order_of_names(a: Any, b: Any, named: Names) -> None:
    made = sorted(named("team-a-") for _ in range(3))
    for name in made:
        a.create_bucket(Bucket=name)
    listed = names(a)
    assert listed == sorted(listed)
    assert {"team-a-fixed", "public-data", *made} <= set(listed)
    assert not [name for name in listed if "canary" in name]
    # Of two patterns, one after the other.
    of_b, open_ = named("team-b-"), named("open-")
    b.create_bucket(Bucket=of_b)
    b.create_bucket(Bucket=open_)
    assert {of_b, open_} <= set(names(b))
    assert names(a, Prefix=made[0]) == [made[0]]
    pages = [names(a, MaxBuckets=1, Prefix="team-a-")]
    answer = a.list_buckets(MaxBuckets=1, Prefix="team-a-")
    while "ContinuationToken" in answer:
        answer = a.list_buckets(
            MaxBuckets=1, Prefix="team-a-", ContinuationToken=answer["ContinuationToken"]
        )
        pages.append([bucket["Name"] for bucket in answer["Buckets"]])
    assert [name for page in pages for name in page] == names(a, Prefix="team-a-")
    owner = a.list_buckets()["Owner"]
    assert owner["ID"] == "multistore-proxy"


def test_a_name_of_its_own_goes_before_a_pattern(a: Any, direct: Any) -> None:
    a.put_object(Bucket="team-a-fixed", Key="by-name", Body=b"x")
    direct.delete_object(Bucket="canary-private", Key="by-name")
    assert "canary-team-a-fixed-x" not in names(direct)
    # And what it is cannot be changed by its clients.
    assert refused(a.delete_bucket, Bucket="team-a-fixed")[0] in (403, 501)


def test_open_buckets_are_everybodys_to_read(b: Any, patterned: Gateway, named: Names) -> None:
    name = named("open-")
    b.create_bucket(Bucket=name)
    b.put_object(Bucket=name, Key="k", Body=b"open")
    anonymous = s3_client(Endpoint(patterned.endpoint, FULL), signature_version=UNSIGNED)
    assert anonymous.get_object(Bucket=name, Key="k")["Body"].read() == b"open"
    assert name in names(anonymous)
    assert refused(anonymous.create_bucket, Bucket=named("open-")) == (403, "AccessDenied")
    assert refused(anonymous.delete_bucket, Bucket=name) == (403, "AccessDenied")
    assert refused(anonymous.put_object, Bucket=name, Key="x", Body=b"") == (403, "AccessDenied")


def test_places_are_ours_and_names_are_s3s(b: Any, patterned: Gateway, named: Names) -> None:
    def make(**arguments: Any) -> Any:
        return b.create_bucket(
            Bucket=named("team-b-"), CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )

    assert refused(make) == (400, "IllegalLocationConstraintException")
    unchecked = s3_client(Endpoint(patterned.endpoint, TEAM_B))
    unchecked.meta.events.unregister("before-parameter-build.s3")
    for name in ("team-b-UPPER", "team-b-..x", "team-b-" + "x" * 60):
        status, code = refused(unchecked.create_bucket, Bucket=name)
        assert (status, code) == (400, "InvalidBucketName"), name
    # Too long once it has become the store's.
    assert refused(unchecked.create_bucket, Bucket="team-b-" + "x" * 54)[0] == 403
