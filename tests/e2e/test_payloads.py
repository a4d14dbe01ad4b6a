"""What SDKs make of a body, over HTTP and HTTPS: it is stored byte for byte, without a frame, and
with its checksum where the store takes one behind the body."""

from __future__ import annotations

import base64
import io
import os
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from support.certificates import Authority
from support.clients import Endpoint, program, run, s3_client
from support.configuration import FULL, standard
from support.gateway import Gateway
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store

BUCKET, STORED = "private-uploads", "canary-private"
ALGORITHMS = ["CRC32", "CRC32C", "CRC64NVME", "SHA1", "SHA256"]
SIZES = [0, 5, 70_000, 3_000_000]


@pytest.fixture(scope="module")
def keeping(store: Store, folder: Path, authority: Authority) -> Iterator[Endpoint]:
    """HTTPS, before a store that is known to take trailers."""
    chain, key = authority.issue("localhost", "127.0.0.1")
    arguments = ("--tls-cert", str(chain), "--tls-key", str(key))
    text = standard(store.endpoint, payload="trailer")
    with Gateway(folder / "keeping", text, arguments=arguments) as running:
        yield Endpoint(f"https://{running.authority}", FULL, authority.file)


@pytest.fixture(scope="module")
def direct(store: Store) -> Any:
    return s3_client(Endpoint(store.endpoint, Credentials(STORE_KEY, STORE_SECRET)))


def kept(direct: Any, key: str) -> tuple[bytes, dict[str, Any]]:
    """What the store itself has."""
    found = direct.get_object(Bucket=STORED, Key=key, ChecksumMode="ENABLED")
    return found["Body"].read(), found


def crc32(data: bytes) -> str:
    return base64.b64encode(zlib.crc32(data).to_bytes(4, "big")).decode()


@pytest.mark.rule("SEM-20")
@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_boto3_keeps_its_checksum(keeping: Endpoint, direct: Any, algorithm: str) -> None:
    """Over HTTPS boto3 sends STREAMING-UNSIGNED-PAYLOAD-TRAILER in Transfer-Encoding: chunked."""
    client = s3_client(keeping)
    name = f"Checksum{algorithm}"
    for size in SIZES:
        data, key = os.urandom(size), f"boto3/{algorithm}-{size}"
        answer = client.put_object(
            Bucket=BUCKET, Key=key, Body=io.BytesIO(data), ChecksumAlgorithm=algorithm
        )
        head = client.head_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert head[name] == answer[name]
        assert head["ContentLength"] == size
        assert "ContentEncoding" not in head
        body, found = kept(direct, key)
        assert body == data and found[name] == answer[name] and "ContentEncoding" not in found
        # boto3 compares what it reads with it.
        got = client.get_object(Bucket=BUCKET, Key=key, ChecksumMode="ENABLED")
        assert got["Body"].read() == data


@pytest.mark.rule("R01")
@pytest.mark.rule("SEM-12", partial=True)
@pytest.mark.parametrize("kind", ["http", "https", "keeping"])
def test_boto3_as_it_is(request: pytest.FixtureRequest, direct: Any, kind: str) -> None:
    """By default: over HTTP a signed hash and a CRC32 in the head; over HTTPS the CRC32 behind."""
    name = {"http": "endpoint", "https": "secure", "keeping": "keeping"}[kind]
    client = s3_client(request.getfixturevalue(name))
    for size in SIZES:
        data, key = os.urandom(size), f"default/{kind}-{size}"
        answer = client.put_object(Bucket=BUCKET, Key=key, Body=data, ContentEncoding="gzip")
        assert answer["ChecksumCRC32"] == crc32(data)
        body, found = kept(direct, key)
        assert body == data and found["ContentEncoding"] == "gzip"
        if kind == "keeping":
            assert found["ChecksumCRC32"] == crc32(data)


@pytest.mark.rule("SEM-12", partial=True)
def test_aws_cli(keeping: Endpoint, direct: Any, tmp_path: Path) -> None:
    env = keeping.environment()
    command = [program("python"), program("aws")]
    data = os.urandom(2_000_000)
    (tmp_path / "f").write_bytes(data)
    run([*command, "s3", "cp", str(tmp_path / "f"), f"s3://{BUCKET}/cli/cp"], env)
    body, found = kept(direct, "cli/cp")
    assert body == data and "ContentEncoding" not in found
    arguments = ["s3api", "put-object", "--bucket", BUCKET, "--key", "cli/put"]
    arguments += ["--body", str(tmp_path / "f"), "--checksum-algorithm", "SHA256"]
    run([*command, *arguments], env)
    body, found = kept(direct, "cli/put")
    assert body == data and found["ChecksumSHA256"]


def test_rclone_and_obstore(keeping: Endpoint, direct: Any, tmp_path: Path) -> None:
    assert keeping.ca_file is not None
    data = os.urandom(2_000_000)
    store = S3Store(
        BUCKET,
        endpoint=keeping.url,
        access_key_id=FULL.access_key_id,
        secret_access_key=FULL.secret_access_key,
        region="us-east-1",
        client_options={"allow_invalid_certificates": True},
        retry_config={"max_retries": 0},
    )
    obstore.put(store, "obstore", data, use_multipart=False)
    assert kept(direct, "obstore")[0] == data
    (tmp_path / "f").write_bytes(data)
    env = {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_S_TYPE": "s3",
        "RCLONE_CONFIG_S_PROVIDER": "Other",
        "RCLONE_CONFIG_S_ENDPOINT": keeping.url,
        "RCLONE_CONFIG_S_ACCESS_KEY_ID": FULL.access_key_id,
        "RCLONE_CONFIG_S_SECRET_ACCESS_KEY": FULL.secret_access_key,
        "RCLONE_CA_CERT": str(keeping.ca_file),
    }
    options = ["--retries", "1", "--low-level-retries", "1", "--s3-no-check-bucket"]
    rclone = [program("rclone"), "copyto", *options]
    run([*rclone, str(tmp_path / "f"), f"S:{BUCKET}/rclone"], env)
    assert kept(direct, "rclone")[0] == data
