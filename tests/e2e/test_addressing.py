"""HTTPS, and buckets as host names."""

from __future__ import annotations

import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from support.clients import Endpoint, run, s3_client
from support.configuration import FULL, standard
from support.gateway import Gateway
from support.raw import Connection
from support.sigv4 import Request
from support.store import Store


def test_boto3_over_https(secure: Endpoint, prefixed: Any) -> None:
    client = s3_client(secure)
    where = {"Bucket": prefixed.bucket, "Key": prefixed.prefix + "secure +\u00e9"}
    body = os.urandom(2_000_000)
    client.put_object(**where, Body=body)
    assert client.get_object(**where)["Body"].read() == body
    assert client.get_object(**where, Range="bytes=5-9")["Body"].read() == body[5:10]
    listed = client.list_objects_v2(Bucket=prefixed.bucket, Prefix=prefixed.prefix)
    assert [entry["Key"] for entry in listed["Contents"]] == [where["Key"]]
    client.delete_object(**where)


def test_curl_over_https(secure: Endpoint) -> None:
    user = f"{FULL.access_key_id}:{FULL.secret_access_key}"
    command = ["curl", "--silent", "--fail-with-body", "--noproxy", "*", "--user", user]
    command += ["--cacert", str(secure.ca_file), "--aws-sigv4", "aws:amz:us-east-1:s3"]
    listed = run([*command, secure.url + "/"], {})
    assert "<Name>private-uploads</Name>" in listed
    # Without the authority's certificate nothing is trusted.
    run(["curl", "--silent", "--noproxy", "*", secure.url + "/"], {}, status=60)


DOMAIN = "s3.gateway.localhost"


@pytest.fixture(scope="module")
def hosted(store: Store, folder: Path) -> Iterator[Gateway]:
    arguments = ("--domain", DOMAIN)
    with Gateway(folder / "hosted", standard(store.endpoint), arguments=arguments) as running:
        yield running


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> None:
    """Sends every name below ``localhost`` to this machine (RFC 6761 6.3), as some resolvers
    do and this one may not."""
    original = socket.getaddrinfo

    def resolve(host: Any, *arguments: Any, **options: Any) -> Any:
        if isinstance(host, str) and host.endswith(".localhost"):
            host = "127.0.0.1"
        return original(host, *arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)


@pytest.mark.rule("SEM-2")
@pytest.mark.parametrize("bucket", ["private-uploads", "team"])
def test_boto3_with_buckets_as_hosts(hosted: Gateway, resolver: None, bucket: str) -> None:
    endpoint = Endpoint(f"http://{DOMAIN}:{hosted.port}", FULL)
    client = s3_client(endpoint, style="virtual")
    hosts: list[str] = []
    client.meta.events.register(
        "before-send.s3", lambda request, **_: hosts.append(request.url.split("/")[2])
    )
    client.put_object(Bucket=bucket, Key="hosted/k +\u00e9", Body=b"hosted")
    assert client.get_object(Bucket=bucket, Key="hosted/k +\u00e9")["Body"].read() == b"hosted"
    listed = client.list_objects_v2(Bucket=bucket, Prefix="hosted/")
    assert [entry["Key"] for entry in listed["Contents"]] == ["hosted/k +\u00e9"]
    assert listed["Name"] == bucket
    assert client.head_bucket(Bucket=bucket)
    client.delete_object(Bucket=bucket, Key="hosted/k +\u00e9")
    assert set(hosts) == {f"{bucket}.{DOMAIN}:{hosted.port}"}


def ask(gateway: Gateway, target: str, host: str) -> tuple[int, bytes]:
    with Connection(gateway.port) as connection:
        response = connection.request(Request("GET", target, host, credentials=FULL))
        return response.status, response.body


@pytest.mark.rule("SEM-2")
def test_hosts_and_paths(hosted: Gateway, resolver: None) -> None:
    client = s3_client(Endpoint(f"http://{DOMAIN}:{hosted.port}", FULL))
    client.put_object(Bucket="team", Key="team/k", Body=b"inner")
    client.put_object(Bucket="team", Key="k", Body=b"outer")
    port = hosted.port
    for host in (f"team.{DOMAIN}:{port}", f"team.{DOMAIN}", f"TEAM.{DOMAIN.upper()}:{port}"):
        assert ask(hosted, "/k", host) == (200, b"outer")
        # The host names the bucket, so the whole path is the key.
        assert ask(hosted, "/team/k", host) == (200, b"inner")
    for host in (DOMAIN, f"{DOMAIN}:{port}", f"127.0.0.1:{port}", "elsewhere.example"):
        # No bucket below a configured domain: path style.
        assert ask(hosted, "/team/k", host) == (200, b"outer")
    status, _ = ask(hosted, "/k", f"nobody.{DOMAIN}")
    assert status in (403, 404)
    status, body = ask(hosted, "/", DOMAIN)
    assert status == 200 and b"ListAllMyBucketsResult" in body
