"""SeaweedFS as the demo's store: what is seen when it does not come up, and what stays behind."""

from __future__ import annotations

import os
import signal
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from multistore.cli import store
from multistore.cli.s3client import S3Client
from multistore.cli.store import SeaweedFS, StoreError


def make(folder: Path, binary: str, monkeypatch: pytest.MonkeyPatch) -> SeaweedFS:
    """A store whose program is a shell script."""
    script = folder / "weed"
    script.write_text(f"#!/bin/sh\n{binary}\n", "utf-8")
    script.chmod(0o755)
    monkeypatch.setattr(store, "_find_binary", lambda: str(script))
    (folder / "data").mkdir()
    return SeaweedFS(folder / "data", folder)


def test_a_store_that_ends_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seaweedfs = make(tmp_path, "seq 1 100; echo no disk left >&2; exit 3", monkeypatch)
    with pytest.raises(StoreError) as caught:
        seaweedfs.start()
    lines = str(caught.value).splitlines()
    assert lines[0] == "the store did not come up; the end of its log:"
    assert lines[1:] == [*map(str, range(87, 101)), "no disk left"]


def test_a_store_that_never_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "_START_SECONDS", 0.3)
    seaweedfs = make(tmp_path, "echo $$ > pid; exec sleep 60", monkeypatch)
    with pytest.raises(StoreError, match="did not come up"):
        seaweedfs.start()
    with pytest.raises(ProcessLookupError):
        os.kill(int((tmp_path / "pid").read_text()), 0)


def test_taken_ports_are_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    line = 'echo "$@" >> starts; echo listen: address already in use; exit 1'
    seaweedfs = make(tmp_path, line, monkeypatch)
    with pytest.raises(StoreError, match="address already in use"):
        seaweedfs.start()
    starts = (tmp_path / "starts").read_text().splitlines()
    assert len(starts) == len(set(starts)) == 3


def test_no_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(sys, "executable", "/nowhere/python")
    monkeypatch.setenv("PATH", "")
    with pytest.raises(StoreError, match=r"multistore\[demo\]"):
        SeaweedFS(tmp_path, tmp_path).start()


def test_ports_are_free_and_apart() -> None:
    ports = [p for port in store._free_ports().values() for p in (port, port + 10_000)]
    assert len(set(ports)) == 10
    assert all(11_000 <= port < 32_000 for port in ports)


@pytest.mark.rule("L10")
def test_credentials_are_for_our_eyes_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKMINE")
    seaweedfs = make(tmp_path, 'echo "$@" > arguments; env > variables; exit 1', monkeypatch)
    with pytest.raises(StoreError):
        seaweedfs.start()
    seen = (tmp_path / "arguments").read_text() + (tmp_path / "variables").read_text()
    assert seaweedfs.address.secret_access_key not in seen
    assert "AKMINE" not in seen
    assert stat.S_IMODE((tmp_path / "s3.json").stat().st_mode) == 0o600


def test_data_is_kept_and_sockets_are_not(tmp_path: Path) -> None:
    data = tmp_path / "data"
    data.mkdir()
    keys = []
    for round_ in ("first", "second"):
        scratch = tmp_path / round_
        scratch.mkdir()
        seaweedfs = SeaweedFS(data, scratch)
        seaweedfs.start()
        try:
            client = S3Client(seaweedfs.address)
            keys.append(seaweedfs.address.secret_access_key)
            if round_ == "first":
                assert client.request("PUT", "/kept-data")[0] == 200
                assert client.request("PUT", "/kept-data/a b/ü", b"hello")[0] == 200
            assert client.request("GET", "/kept-data/a b/ü") == (200, b"hello")
            assert client.request("PUT", "/no-bucket/x", b"")[0] == 404
        finally:
            sockets = seaweedfs.sockets()
            assert any(socket.exists() for socket in sockets)
            seaweedfs.stop(clean=True)
        assert not any(socket.exists() for socket in sockets)
    assert keys[0] != keys[1]


_ORPHAN = """
import os, signal, sys
from pathlib import Path
from multistore.cli.store import SeaweedFS
seaweedfs = SeaweedFS(Path(sys.argv[1]), Path(sys.argv[1]))
seaweedfs.start()
print(seaweedfs._process.pid, *(str(s) for s in seaweedfs.sockets()), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_the_store_dies_with_us(tmp_path: Path) -> None:
    """Even when nothing of ours runs any more: the kernel sees to it."""
    done = subprocess.run([sys.executable, "-c", _ORPHAN, str(tmp_path)], stdout=subprocess.PIPE)
    assert done.returncode == -signal.SIGKILL
    weed, *sockets = done.stdout.decode().split()
    for _ in range(200):
        if not _runs(int(weed)):
            break
        time.sleep(0.02)
    else:
        pytest.fail("the store outlived its parent")
    for socket in sockets:
        Path(socket).unlink(missing_ok=True)


def _runs(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]
    except FileNotFoundError:
        return False
    return state != "Z"  # ended, and nobody left to collect it
