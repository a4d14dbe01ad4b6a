"""Who gets in: anonymous readers, scoped and reading keys, wrong keys, refused modes."""

from __future__ import annotations

from typing import Any

import pytest
from botocore import UNSIGNED
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.configuration import FULL, READER, SCOPED
from support.raw import Connection
from support.sigv4 import Credentials, Request


def refused(call: Any, **arguments: Any) -> str:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    status = caught.value.response["ResponseMetadata"]["HTTPStatusCode"]
    assert status == 403
    return caught.value.response["Error"]["Code"]


@pytest.fixture
def anonymous(endpoint: Endpoint) -> Any:
    return s3_client(endpoint, signature_version=UNSIGNED)


@pytest.fixture
def seeded(s3: Any) -> None:
    s3.put_object(Bucket="public-data", Key="hello.txt", Body=b"Hello")
    s3.put_object(Bucket="private-uploads", Key="docs/secret.txt", Body=b"Secret")
    s3.put_object(Bucket="private-uploads", Key="allowed/mine.txt", Body=b"Mine")


@pytest.mark.rule("SEM-20", "SEM-9")
def test_anonymous_reads_of_a_public_bucket(anonymous: Any, seeded: None) -> None:
    assert anonymous.get_object(Bucket="public-data", Key="hello.txt")["Body"].read() == b"Hello"
    assert anonymous.head_object(Bucket="public-data", Key="hello.txt")["ContentLength"] == 5
    listed = anonymous.list_objects_v2(Bucket="public-data")
    assert "hello.txt" in [entry["Key"] for entry in listed["Contents"]]
    assert [bucket["Name"] for bucket in anonymous.list_buckets()["Buckets"]] == ["public-data"]
    assert refused(anonymous.put_object, Bucket="public-data", Key="x", Body=b"x")
    assert refused(anonymous.delete_object, Bucket="public-data", Key="hello.txt")
    got = anonymous.get_object(Bucket="public-data", Key="hello.txt", ChecksumMode="ENABLED")
    assert got["Body"].read() == b"Hello"


@pytest.mark.rule("R49", "SEM-22", "S23")
def test_anonymous_is_refused_alike(anonymous: Any, s3: Any, seeded: None) -> None:
    private = {"Bucket": "private-uploads"}
    for key in ("docs/secret.txt", "docs/missing.txt"):
        assert refused(anonymous.get_object, **private, Key=key) == "AccessDenied"
        assert refused(anonymous.head_object, **private, Key=key) == "403"
        assert refused(anonymous.put_object, **private, Key=key, Body=b"x") == "AccessDenied"
        assert refused(anonymous.delete_object, **private, Key=key) == "AccessDenied"
    assert refused(anonymous.list_objects_v2, **private) == "AccessDenied"
    assert refused(anonymous.get_object, Bucket="nowhere", Key="k") == "AccessDenied"
    assert s3.get_object(**private, Key="docs/secret.txt")["Body"].read() == b"Secret"


def test_a_signed_caller_reads_what_anybody_may(endpoint: Endpoint, seeded: None) -> None:
    # D4: anonymous reads of a public bucket also hold for a key with scopes elsewhere.
    scoped = s3_client(Endpoint(endpoint.url, SCOPED))
    assert scoped.get_object(Bucket="public-data", Key="hello.txt")["Body"].read() == b"Hello"


@pytest.mark.rule("L2")
def test_a_scoped_key_stays_in_its_scope(endpoint: Endpoint, seeded: None) -> None:
    scoped = s3_client(Endpoint(endpoint.url, SCOPED))
    private = {"Bucket": "private-uploads"}
    scoped.put_object(**private, Key="allowed/new", Body=b"new")
    assert scoped.get_object(**private, Key="allowed/new")["Body"].read() == b"new"
    scoped.delete_object(**private, Key="allowed/new")
    for key in ("docs/secret.txt", "allowed", "allowed-too/x", "missing"):
        assert refused(scoped.get_object, **private, Key=key) == "AccessDenied"
        assert refused(scoped.put_object, **private, Key=key, Body=b"x") == "AccessDenied"
        assert refused(scoped.delete_object, **private, Key=key) == "AccessDenied"
    assert refused(scoped.get_object, Bucket="team", Key="allowed/x") == "AccessDenied"


def test_a_reader_only_reads(endpoint: Endpoint, seeded: None) -> None:
    reader = s3_client(Endpoint(endpoint.url, READER))
    private = {"Bucket": "private-uploads"}
    assert reader.get_object(**private, Key="docs/secret.txt")["Body"].read() == b"Secret"
    assert reader.list_objects_v2(**private)["KeyCount"] > 0
    assert refused(reader.put_object, **private, Key="x", Body=b"x") == "AccessDenied"
    assert refused(reader.delete_object, **private, Key="docs/secret.txt") == "AccessDenied"


@pytest.mark.parametrize(
    "credentials",
    [
        Credentials(FULL.access_key_id, "w" * 40),
        Credentials("AKNOBODY000000000001", FULL.secret_access_key),
    ],
)
def test_wrong_keys(endpoint: Endpoint, credentials: Credentials) -> None:
    client = s3_client(Endpoint(endpoint.url, credentials))
    code = refused(client.get_object, Bucket="public-data", Key="hello.txt")
    assert code in ("SignatureDoesNotMatch", "InvalidAccessKeyId", "AccessDenied")


@pytest.mark.rule("SEM-4", "SEM-3")
def test_old_signatures_are_told_what_to_do(endpoint: Endpoint) -> None:
    client = s3_client(endpoint, signature_version="s3")
    with pytest.raises(ClientError) as caught:
        client.get_object(Bucket="public-data", Key="hello.txt")
    error = caught.value.response["Error"]
    assert error["Code"] == "InvalidRequest"
    assert "s3v4" in error["Message"]
    # boto3's default for presigned URLs.
    url = client.generate_presigned_url("get_object", {"Bucket": "public-data", "Key": "k"})
    request = Request("GET", url.split(endpoint.authority)[1], endpoint.authority)
    with Connection(endpoint.port) as connection:
        response = connection.request(request)
    assert (response.status, response.code) == (400, "InvalidRequest")
    assert b"s3v4" in response.body
