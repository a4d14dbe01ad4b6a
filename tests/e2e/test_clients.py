"""Other clients, other habits: each writes, lists and reads what it can."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import obstore
import pytest
from obstore.store import S3Store

from support.clients import Endpoint, program, run


def test_obstore(endpoint: Endpoint, place: Any) -> None:
    store = S3Store(
        place.bucket,
        prefix=place.prefix,
        endpoint=endpoint.url,
        access_key_id=endpoint.credentials.access_key_id,
        secret_access_key=endpoint.credentials.secret_access_key,
        region="us-east-1",
        client_options={"allow_http": True},
        retry_config={"max_retries": 0},
    )
    body = os.urandom(100_000)
    names = ["a.bin", "deep/b +%.bin", "deep/\u00e9.bin"]
    for name in names:
        obstore.put(store, name, body, use_multipart=False)
    assert sorted(entry["path"] for page in store.list() for entry in page) == sorted(names)
    assert bytes(obstore.get(store, names[1]).bytes()) == body
    assert bytes(obstore.get_range(store, names[0], start=10, end=20)) == body[10:20]
    parts = obstore.get_ranges(store, names[0], starts=[0, 99_000], ends=[10, 99_100])
    assert [bytes(part) for part in parts] == [body[:10], body[99_000:99_100]]
    listed = store.list_with_delimiter("deep")
    assert {entry["path"] for entry in listed["objects"]} == set(names[1:])
    head = obstore.head(store, names[0])
    assert head["size"] == len(body)
    with pytest.raises(obstore.exceptions.AlreadyExistsError):
        obstore.put(store, names[0], b"again", mode="create", use_multipart=False)
    obstore.put(store, names[0], b"new", mode={"e_tag": head["e_tag"]}, use_multipart=False)
    with pytest.raises(obstore.exceptions.PreconditionError):
        obstore.put(store, names[0], b"old", mode={"e_tag": head["e_tag"]}, use_multipart=False)
    with pytest.raises(FileNotFoundError):
        obstore.get(store, "missing")


def test_s5cmd(endpoint: Endpoint, place: Any, tmp_path: Path) -> None:
    env = {**endpoint.environment(), "S3_ENDPOINT_URL": endpoint.url}
    command = [program("python"), program("s5cmd"), "--retry-count", "0"]
    for number in range(5):
        (tmp_path / f"file {number}").write_bytes(os.urandom(number * 1000))
    run([*command, "cp", f"{tmp_path}/file *", place.url], env)
    listed = run([*command, "ls", place.url + "*"], env).splitlines()
    assert [line[-6:] for line in listed] == [f"file {number}" for number in range(5)]
    back = tmp_path / "back"
    run([*command, "cp", place.url + "*", f"{back}/"], env)
    for number in range(5):
        expected = (tmp_path / f"file {number}").read_bytes()
        assert (back / f"file {number}").read_bytes() == expected
    run([*command, "cat", place.url + "file 3"], env)
    run([*command, "ls", place.url + "none*"], env, status=1)


def test_rclone(endpoint: Endpoint, place: Any, tmp_path: Path) -> None:
    # Its own settings, not AWS's: a CA bundle in the environment stops it at start.
    env = {
        "RCLONE_CONFIG": "/dev/null",
        "RCLONE_CONFIG_GW_TYPE": "s3",
        "RCLONE_CONFIG_GW_PROVIDER": "Other",
        "RCLONE_CONFIG_GW_ENDPOINT": endpoint.url,
        "RCLONE_CONFIG_GW_ACCESS_KEY_ID": endpoint.credentials.access_key_id,
        "RCLONE_CONFIG_GW_SECRET_ACCESS_KEY": endpoint.credentials.secret_access_key,
        "RCLONE_CONFIG_GW_REGION": "us-east-1",
        "RCLONE_CONFIG_GW_NO_CHECK_BUCKET": "true",
        "RCLONE_RETRIES": "1",
        "RCLONE_LOW_LEVEL_RETRIES": "1",
    }
    here, there = tmp_path / "here", tmp_path / "there"
    (here / "deep").mkdir(parents=True)
    (here / "a +%.bin").write_bytes(os.urandom(500_000))
    (here / "deep" / "\u00e9.txt").write_bytes(b"x")
    remote = f"gw:{place.bucket}/{place.prefix}remote"
    run([program("rclone"), "copy", str(here), remote], env)
    # Compares sizes and hashes of both sides.
    run([program("rclone"), "check", str(here), remote], env)
    run([program("rclone"), "copy", remote, str(there)], env)
    assert (there / "a +%.bin").read_bytes() == (here / "a +%.bin").read_bytes()
    listed = run([program("rclone"), "lsf", "-R", "--files-only", remote], env).split("\n")
    assert set(filter(None, listed)) == {"a +%.bin", "deep/\u00e9.txt"}
    run([program("rclone"), "deletefile", f"{remote}/a +%.bin"], env)
    assert "a +%" not in run([program("rclone"), "lsf", remote], env)


CURL = ["curl", "--silent", "--show-error", "--fail-with-body", "--noproxy", "*"]


@pytest.mark.rule("SEM-6")
def test_curl(endpoint: Endpoint, place: Any, tmp_path: Path) -> None:
    # curl before 8.0 sends no x-amz-content-sha256: empty for a read, refused for a body.
    user = f"{endpoint.credentials.access_key_id}:{endpoint.credentials.secret_access_key}"
    sign = ["--aws-sigv4", "aws:amz:us-east-1:s3", "--user", user]
    url = f"{endpoint.url}/{place.bucket}/{place.prefix}curl.bin"
    body = os.urandom(300_000)
    (tmp_path / "up").write_bytes(body)
    unsigned = ["--header", "x-amz-content-sha256: UNSIGNED-PAYLOAD"]
    run([*CURL, *sign, *unsigned, "--upload-file", str(tmp_path / "up"), url], {})
    run([*CURL, *sign, "--output", str(tmp_path / "down"), url], {})
    assert (tmp_path / "down").read_bytes() == body
    part = ["--range", "5-9", "--output", str(tmp_path / "part")]
    run([*CURL, *sign, *part, url], {})
    assert (tmp_path / "part").read_bytes() == body[5:10]
    listed = run([*CURL, *sign, f"{endpoint.url}/{place.bucket}?list-type=2"], {})
    assert "<ListBucketResult" in listed
    refused = run([*CURL, *sign, "--upload-file", str(tmp_path / "up"), url], {}, status=22)
    assert "<Code>" in refused
    run([*CURL, *sign, "--head", url], {})
    run([*CURL, *sign, "--request", "DELETE", url], {})
    run([*CURL, *sign, url], {}, status=22)
