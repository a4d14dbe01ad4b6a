"""URLs that real programs presign, asked for by others: a store behind the gateway answers."""

from __future__ import annotations

import os
import urllib.error
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from multistore.embed import percent_encode, presign
from support.clients import Endpoint, program, run, s3_client
from support.configuration import FULL, standard, table
from support.gateway import Gateway
from support.raw import Connection
from support.sigv4 import Request, amz_date, presigned_target
from support.store import Store

NAMES = ["plain.txt", "deep/sp ace +\u00e9%.txt", "a&b=c;d.txt", "quote'\"*().txt"]


def fetch(
    url: str, method: str = "GET", body: bytes | None = None, **fields: str
) -> tuple[int, Any, bytes]:
    """Status, header fields and body, from a client that knows nothing of S3."""
    request = urllib.request.Request(url, body, fields, method=method)
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        with opener.open(request, timeout=30) as response:
            return response.status, response.headers, response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, error.headers, error.read()


@pytest.mark.parametrize("name", NAMES)
def test_boto3(s3: Any, place: Any, name: str) -> None:
    where = {"Bucket": place.bucket, "Key": place.prefix + name}

    def url(operation: str, **more: Any) -> str:
        made = s3.generate_presigned_url(operation, {**where, **more}, ExpiresIn=60)
        assert "X-Amz-Signature=" in made
        return str(made)

    put = url("put_object")
    assert fetch(put, "PUT", b"by its URL")[0] == 200
    get = url("get_object")
    assert fetch(get)[::2] == (200, b"by its URL")
    status, fields, body = fetch(get, Range="bytes=3-5")
    assert (status, fields["content-range"], body) == (206, "bytes 3-5/10", b"its")
    status, fields, body = fetch(url("head_object"), "HEAD")
    assert (status, fields["content-length"], body) == (200, "10", b"")
    status, fields, _ = fetch(
        url(
            "get_object",
            ResponseContentType="text/x-other",
            ResponseContentDisposition='attachment; filename="\u00fc x.txt"',
        )
    )
    assert (status, fields["content-type"]) == (200, "text/x-other")
    assert fields["content-disposition"].startswith("attachment; filename=")
    # Each is for one method and one key.
    assert fetch(get, "HEAD")[0] == 403
    assert fetch(get, "PUT", b"x")[0] == 403
    assert fetch(get, "DELETE")[0] == 403
    assert fetch(get.replace(place.bucket, "neighbour", 1))[0] == 403
    assert fetch(url("delete_object"), "DELETE")[0] == 204
    assert fetch(get)[0] == 404


def test_boto3_signs_what_describes_the_object(s3: Any, prefixed: Any) -> None:
    where = {"Bucket": prefixed.bucket, "Key": prefixed.prefix + "described"}
    described = {"ContentType": "text/x-own", "Metadata": {"colour": "blue"}}
    url = s3.generate_presigned_url("put_object", {**where, **described}, ExpiresIn=60)
    fields = {"Content-Type": "text/x-own", "x-amz-meta-colour": "blue"}
    assert fetch(url, "PUT", b"x", **fields)[0] == 200
    head = s3.head_object(**where)
    assert (head["ContentType"], head["Metadata"]) == ("text/x-own", {"colour": "blue"})
    assert fetch(url, "PUT", b"x", **{**fields, "x-amz-meta-colour": "red"})[0] == 403
    assert fetch(url, "PUT", b"x", **{**fields, "x-amz-storage-class": "GLACIER"})[0] == 403
    assert fetch(url, "PUT", b"x", **{"Content-Type": "text/x-own"})[0] == 403
    assert s3.head_object(**where)["Metadata"] == {"colour": "blue"}


def test_a_list_by_its_url(s3: Any, place: Any) -> None:
    s3.put_object(Bucket=place.bucket, Key=place.prefix + "a b", Body=b"x")
    params = {"Bucket": place.bucket, "Prefix": place.prefix}
    status, _, body = fetch(s3.generate_presigned_url("list_objects_v2", params))
    assert status == 200
    assert f"<Key>{place.prefix}a%20b</Key>".encode() in body.replace(b"a b<", b"a%20b<")


@pytest.mark.rule("S10", "SEM-3")
def test_on_a_public_bucket_too(endpoint: Endpoint, s3: Any) -> None:
    s3.put_object(Bucket="public-data", Key="presigned.txt", Body=b"Hello")
    host = endpoint.authority
    path = "/public-data/presigned.txt"
    good = presigned_target("GET", path, host, endpoint.credentials)
    old = presigned_target(
        "GET", path, host, endpoint.credentials, date=amz_date(-60), expires="30"
    )
    with Connection(endpoint.port) as connection:
        assert connection.request(Request("GET", path, host)).status == 200
        assert connection.request(Request("GET", good, host)).body == b"Hello"
        forged = good[:-4] + ("0000" if not good.endswith("0000") else "1111")
        assert connection.request(Request("GET", forged, host)).code == "SignatureDoesNotMatch"
        assert connection.request(Request("GET", old, host)).code == "AccessDenied"


def test_aws_cli_and_curl(endpoint: Endpoint, s3: Any, place: Any, tmp_path: Path) -> None:
    s3.put_object(Bucket=place.bucket, Key=place.prefix + "cli.txt", Body=b"from the CLI")
    # Its default is SigV2; see test_access.
    config = tmp_path / "config"
    config.write_text("[default]\ns3 =\n  signature_version = s3v4\n")
    env = {**endpoint.environment(), "AWS_CONFIG_FILE": str(config)}
    aws = [program("python"), program("aws")]
    url = run([*aws, "s3", "presign", place.url + "cli.txt", "--expires-in", "60"], env).strip()
    curl = ["curl", "--silent", "--noproxy", "*"]
    assert run([*curl, "--fail-with-body", url], {}) == "from the CLI"
    assert run([*curl, "--fail-with-body", "--range", "5-7", url], {}) == "the"
    head = run([*curl, "--head", url], {})
    assert head.startswith("HTTP/1.1 403")
    where = {"Bucket": place.bucket, "Key": place.prefix + "up"}
    put = s3.generate_presigned_url("put_object", where)
    (tmp_path / "up").write_bytes(b"uploaded")
    run([*curl, "--fail-with-body", "--upload-file", str(tmp_path / "up"), put], {})
    got = s3.get_object(**where)["Body"].read()
    assert got == b"uploaded"


def test_our_own(endpoint: Endpoint, s3: Any, place: Any) -> None:
    key = (place.prefix + NAMES[1]).encode()
    target = b"/" + place.bucket.encode() + b"/" + percent_encode(key, True)
    for method, body in (("PUT", b"embedded"), ("GET", None)):
        signed = presign(
            method,
            target,
            endpoint.authority,
            access_key_id=endpoint.credentials.access_key_id,
            secret_access_key=endpoint.credentials.secret_access_key,
            amz_date=amz_date(),
            expires=60,
            region="us-east-1",
        )
        status, _, got = fetch(endpoint.url + signed.decode(), method, body)
        assert status == 200
    assert got == b"embedded"


def test_our_command_line(endpoint: Endpoint, s3: Any, place: Any, tmp_path: Path) -> None:
    env = {**endpoint.environment(), "PYTHONPATH": os.environ.get("PYTHONPATH", "")}
    ours = [program("python"), "-m", "multistore", "presign", f"{place.url}cli +\u00fc.txt"]
    (tmp_path / "up").write_bytes(b"from our CLI")
    curl = ["curl", "--silent", "--noproxy", "*", "--fail-with-body"]
    put = run([*ours, "--method", "PUT", "--expires", "1m"], env).strip()
    run([*curl, "--upload-file", str(tmp_path / "up"), put], {})
    get = run([*ours, "--response-content-type", "text/x-ours"], env).strip()
    shown = run([*curl, "--include", get], {})
    assert "text/x-ours" in shown and shown.endswith("from our CLI")
    listed = run([*ours[:-1], f"s3://{place.bucket}"], env).strip()
    assert "<ListBucketResult" in run([*curl, listed], {})


DOMAIN = "s3.gateway.localhost"


@pytest.fixture(scope="module")
def hosted(store: Store, folder: Path) -> Iterator[Gateway]:
    extra = table("limits", {"max_presign_seconds": 600})
    text = standard(store.endpoint, extra=extra)
    with Gateway(folder / "presigned", text, arguments=("--domain", DOMAIN)) as running:
        yield running


@pytest.mark.rule("SEM-2")
def test_buckets_as_hosts(hosted: Gateway, tmp_path: Path) -> None:
    authority = f"{DOMAIN}:{hosted.port}"
    client = s3_client(Endpoint(f"http://{authority}", FULL), style="virtual")
    where = {"Bucket": "team", "Key": "hosted +\u00e9"}
    # This machine answers for the name, which its resolver may not know.
    curl = ["curl", "--silent", "--noproxy", "*", "--fail-with-body"]
    curl += ["--resolve", f"team.{authority}:127.0.0.1"]
    put = client.generate_presigned_url("put_object", where, ExpiresIn=60)
    assert put.startswith(f"http://team.{authority}/hosted")
    (tmp_path / "up").write_bytes(b"hosted")
    run([*curl, "--upload-file", str(tmp_path / "up"), put], {})
    get = client.generate_presigned_url("get_object", where, ExpiresIn=600)
    assert run([*curl, get], {}) == "hosted"
    # The same object by path is another URL.
    by_path = get.replace(f"team.{authority}/", f"127.0.0.1:{hosted.port}/team/")
    assert fetch(by_path)[0] == 403


@pytest.mark.rule("R47")
def test_the_operator_bounds_the_life_of_a_url(hosted: Gateway) -> None:
    client = s3_client(Endpoint(hosted.endpoint, FULL))
    where = {"Bucket": "team", "Key": "k"}
    longer = client.generate_presigned_url("get_object", where, ExpiresIn=601)
    status, _, body = fetch(longer)
    assert status == 400
    assert b"<Code>AuthorizationQueryParametersError</Code>" in body
    assert b"between 1 and 600 seconds" in body
