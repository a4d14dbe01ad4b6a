"""aws-cli: copies, listings and syncs, checked byte for byte.

Files stay below the 8 MiB from which it uploads in parts. None is empty: the upload after such
a one waits a minute in aws-cli's own botocore (boto/botocore#3755). That the gateway keeps the
connection in step is held by protocol/test_continue.py.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import pytest

from support.clients import Endpoint, program, run


class Aws:
    def __init__(self, endpoint: Endpoint) -> None:
        self.env = endpoint.environment()

    def __call__(self, *arguments: str, status: int = 0) -> str:
        return run([program("python"), program("aws"), *arguments], self.env, status=status)


@pytest.fixture
def aws(endpoint: Endpoint) -> Aws:
    return Aws(endpoint)


def hashes(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


def test_sync_both_ways(aws: Aws, prefixed: Any, tmp_path: Path) -> None:
    here, there = tmp_path / "here", tmp_path / "there"
    for name, size in {
        "a.txt": 11,
        "deep/er/b.bin": 100_000,
        "sp ace/pl+us.txt": 5,
        "\u00fcmlaut.txt": 7,
        "large.bin": 3_000_000,
    }.items():
        path = here / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(os.urandom(size))
        # Older than the second in which it is uploaded: stores keep whole seconds.
        os.utime(path, (path.stat().st_atime, path.stat().st_mtime - 10))
    aws("s3", "sync", "--no-progress", str(here), prefixed.url)
    aws("s3", "sync", "--no-progress", prefixed.url, str(there))
    assert hashes(there) == hashes(here)
    # Nothing changed, nothing to do: sizes and times came back right.
    assert aws("s3", "sync", "--no-progress", str(here), prefixed.url) == ""
    (here / "a.txt").unlink()
    out = aws("s3", "sync", "--no-progress", "--delete", str(here), prefixed.url)
    assert out.strip() == f"delete: {prefixed.url}a.txt"


def test_cp_and_ls(aws: Aws, prefixed: Any, tmp_path: Path) -> None:
    body = os.urandom(1000)
    (tmp_path / "file").write_bytes(body)
    aws("s3", "cp", "--quiet", str(tmp_path / "file"), prefixed.url + "dir/file")
    assert aws("s3", "ls", prefixed.url).split() == ["PRE", "dir/"]
    listed = aws("s3", "ls", "--recursive", prefixed.url).split()
    assert listed[2:] == ["1000", prefixed.prefix + "dir/file"]
    aws("s3", "cp", "--quiet", prefixed.url + "dir/file", str(tmp_path / "back"))
    assert (tmp_path / "back").read_bytes() == body
    aws("s3", "rm", "--quiet", prefixed.url + "dir/file")
    # The store keeps the emptied folder: only the recursive listing is empty.
    assert aws("s3", "ls", "--recursive", prefixed.url + "dir/file", status=1) == ""


def test_ls_of_everything_names_the_buckets(aws: Aws) -> None:
    names = [line.split()[-1] for line in aws("s3", "ls").splitlines()]
    assert "private-uploads" in names
    assert not [name for name in names if "canary" in name]
