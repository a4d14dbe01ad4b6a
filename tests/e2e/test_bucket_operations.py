"""Operations on the bucket itself: forwarded where it is a whole one, answered here elsewhere."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.configuration import FULL, READER, bucket, credential
from support.gateway import Gateway
from support.store import Store


def code_of(call: Any, **arguments: Any) -> tuple[int, str]:
    with pytest.raises(ClientError) as caught:
        call(**arguments)
    response = caught.value.response
    assert "canary" not in str(response)
    return response["ResponseMetadata"]["HTTPStatusCode"], response["Error"]["Code"]


@pytest.fixture(scope="module")
def gateway_of_whole_buckets(
    store: Store, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Gateway]:
    entry = {"bucket_operations": "forward"}
    text = bucket("whole", store.endpoint, "canary-whole", entry=entry)
    text += bucket("same-name", store.endpoint, "same-name", entry=entry)
    text += credential(FULL, "full", [("*", (), ("*",))])
    text += credential(READER, "reader", [("*", (), ("read", "write", "list"))])
    with Gateway(tmp_path_factory.mktemp("whole"), text) as gateway:
        yield gateway


@pytest.fixture(scope="module")
def whole(gateway_of_whole_buckets: Gateway) -> Any:
    return s3_client(Endpoint(gateway_of_whole_buckets.endpoint, FULL))


CORS = {"CORSRules": [{"AllowedMethods": ["GET"], "AllowedOrigins": ["*"]}]}
TAGS = {"TagSet": [{"Key": "a", "Value": "b"}]}
RULES = {
    "Rules": [
        {"ID": "r", "Status": "Enabled", "Filter": {"Prefix": "x/"}, "Expiration": {"Days": 3}}
    ]
}


@pytest.mark.rule("S20", "SEM-22")
@pytest.mark.parametrize("name", ["whole", "same-name"])
def test_a_whole_bucket_is_made_configured_and_removed(whole: Any, name: str) -> None:
    where = {"Bucket": name}
    assert code_of(whole.head_bucket, **where) == (404, "404")
    assert code_of(whole.list_objects_v2, **where) == (404, "NoSuchBucket")
    assert code_of(whole.get_object, **where, Key="k") == (404, "NoSuchBucket")
    assert whole.create_bucket(**where)["Location"] == f"/{name}"
    assert code_of(whole.create_bucket, **where) == (409, "BucketAlreadyOwnedByYou")
    assert whole.head_bucket(**where)["BucketRegion"] == "us-east-1"
    assert "Status" not in whole.get_bucket_versioning(**where)
    whole.put_bucket_versioning(**where, VersioningConfiguration={"Status": "Enabled"})
    assert whole.get_bucket_versioning(**where)["Status"] == "Enabled"
    assert code_of(whole.get_bucket_tagging, **where) == (404, "NoSuchTagSet")
    whole.put_bucket_tagging(**where, Tagging=TAGS)
    assert whole.get_bucket_tagging(**where)["TagSet"] == TAGS["TagSet"]
    assert whole.delete_bucket_tagging(**where)["ResponseMetadata"]["HTTPStatusCode"] == 204
    whole.put_bucket_cors(**where, CORSConfiguration=CORS)
    assert whole.get_bucket_cors(**where)["CORSRules"][0]["AllowedOrigins"] == ["*"]
    whole.delete_bucket_cors(**where)
    assert code_of(whole.get_bucket_cors, **where) == (404, "NoSuchCORSConfiguration")
    whole.put_bucket_lifecycle_configuration(**where, LifecycleConfiguration=RULES)
    assert whole.get_bucket_lifecycle_configuration(**where)["Rules"][0]["ID"] == "r"
    whole.put_bucket_acl(**where, ACL="private")
    assert whole.get_bucket_acl(**where)["Owner"]["ID"] == "multistore-proxy"
    assert whole.delete_bucket(**where)["ResponseMetadata"]["HTTPStatusCode"] == 204
    assert code_of(whole.delete_bucket, **where) == (404, "NoSuchBucket")


@pytest.mark.rule("S20")
def test_a_policy_names_the_bucket(whole: Any) -> None:
    policy = json.dumps(
        {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": "*",
                    "Action": "s3:GetObject",
                    "Resource": "arn:aws:s3:::same-name/*",
                }
            ],
        }
    )
    whole.create_bucket(Bucket="same-name")
    assert code_of(whole.get_bucket_policy, Bucket="same-name") == (404, "NoSuchBucketPolicy")
    whole.put_bucket_policy(Bucket="same-name", Policy=policy)
    assert json.loads(whole.get_bucket_policy(Bucket="same-name")["Policy"]) == json.loads(policy)
    whole.delete_bucket_policy(Bucket="same-name")
    refused = (501, "NotImplemented")
    assert code_of(whole.put_bucket_policy, Bucket="whole", Policy=policy) == refused
    assert code_of(whole.get_bucket_policy, Bucket="whole") == refused
    whole.delete_bucket(Bucket="same-name")


@pytest.mark.rule("SEM-22", "S23")
def test_no_group_of_actions_holds_them(gateway_of_whole_buckets: Gateway) -> None:
    writer = s3_client(Endpoint(gateway_of_whole_buckets.endpoint, READER))
    refused = (403, "AccessDenied")
    assert code_of(writer.create_bucket, Bucket="whole") == refused
    assert code_of(writer.delete_bucket, Bucket="whole") == refused
    assert code_of(writer.get_bucket_versioning, Bucket="whole") == refused
    assert code_of(writer.put_bucket_cors, Bucket="whole", CORSConfiguration=CORS) == refused


@pytest.mark.rule("SEM-22")
@pytest.mark.parametrize("name", ["team", "private-uploads"])
def test_what_clients_ask_of_every_bucket(endpoint: Endpoint, name: str) -> None:
    where = {"Bucket": name}
    for credentials in (FULL, READER):
        client = s3_client(Endpoint(endpoint.url, credentials))
        assert "Status" not in client.get_bucket_versioning(**where)
        assert client.get_bucket_request_payment(**where)["Payer"] == "BucketOwner"
        assert client.get_bucket_acl(**where)["Owner"]["ID"] == "multistore-proxy"
        for call, code in (
            (client.get_bucket_cors, "NoSuchCORSConfiguration"),
            (client.get_bucket_encryption, "ServerSideEncryptionConfigurationNotFoundError"),
            (client.get_bucket_lifecycle_configuration, "NoSuchLifecycleConfiguration"),
            (client.get_bucket_policy, "NoSuchBucketPolicy"),
            (client.get_bucket_tagging, "NoSuchTagSet"),
            (client.get_object_lock_configuration, "ObjectLockConfigurationNotFoundError"),
        ):
            assert code_of(call, **where) == (404, code)
        assert code_of(client.create_bucket, **where) == (409, "BucketAlreadyOwnedByYou")
    full = s3_client(endpoint)
    refused = (403, "AccessDenied")
    assert code_of(full.delete_bucket, **where) == refused
    assert code_of(full.put_bucket_tagging, **where, Tagging=TAGS) == refused
    assert code_of(full.put_bucket_acl, **where, ACL="public-read") == refused
    assert code_of(full.create_bucket, Bucket="another-bucket") == refused
