"""``multistore demo``: a store and a gateway for everybody, and nothing left of them afterwards."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from support.clients import Endpoint, s3_client
from support.gateway import clean_environment
from support.sigv4 import Credentials

ROOT = Path(__file__).parents[2]


class Demo:
    """A running demo, and everything that it may leave behind."""

    def __init__(self, folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        self.scratch = folder / "t"
        self.scratch.mkdir()
        path = os.pathsep.join(filter(None, (str(ROOT / "src"), os.environ.get("PYTHONPATH"))))
        environment = clean_environment(
            {"PYTHONPATH": path, "TMPDIR": str(self.scratch), **(env or {})}
        )
        self.process = subprocess.Popen(
            [sys.executable, "-m", "multistore", "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
            cwd=folder,
        )

    def ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(self.process.communicate()[1])
        report: dict[str, Any] = json.loads(line)
        return report

    def store_pid(self) -> int:
        """The demo's one child."""
        pid = self.process.pid
        deadline = time.monotonic() + 20
        while time.monotonic() < deadline:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
            if children:
                return int(children[0])
            time.sleep(0.01)
        pytest.fail("no store was started")

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """Exit status, output and errors, after a signal or by itself; nothing may be left."""
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        assert list(self.scratch.iterdir()) == []
        ours = [p for p in _processes() if str(self.scratch) in _command_line(p)]
        assert ours == []
        assert "Traceback" not in err
        return self.process.returncode, out, err


def _processes() -> Iterator[Path]:
    return (p for p in Path("/proc").iterdir() if p.name.isdigit())


def _command_line(process: Path) -> str:
    try:
        return (process / "cmdline").read_text("utf-8", "replace")
    except OSError:  # it ended meanwhile
        return ""


def fetch(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=10) as response:
        body: bytes = response.read()
        return body


def test_two_demos_side_by_side(tmp_path: Path) -> None:
    (tmp_path / "one").mkdir()
    (tmp_path / "two").mkdir()
    one = Demo(tmp_path / "one", "--json")
    report = one.ready()
    assert report["buckets"] == ["public-data", "private-uploads"]
    assert fetch(f"{report['endpoint']}/public-data/hello.txt") == b"Hello from multistore.\n"

    credentials = Credentials(report["access_key_id"], report["secret_access_key"])
    client = s3_client(Endpoint(report["endpoint"], credentials))
    listed = client.list_objects_v2(Bucket="public-data")["Contents"]
    assert [entry["Key"] for entry in listed] == [
        "cities.csv",
        "cities.parquet",
        "elevation.tif",
        "hello.txt",
    ]
    client.put_object(Bucket="private-uploads", Key="a b", Body=b"mine")
    assert client.get_object(Bucket="private-uploads", Key="a b")["Body"].read() == b"mine"
    # The store behind it holds the very object, and takes other keys than the gateway.
    store = Credentials(report["store"]["access_key_id"], report["store"]["secret_access_key"])
    behind = s3_client(Endpoint(report["store"]["endpoint"], store))
    assert behind.get_object(Bucket="private-uploads", Key="a b")["Body"].read() == b"mine"
    assert credentials.access_key_id != store.access_key_id

    script = 'echo "$AWS_ENDPOINT_URL_S3 $AWS_ACCESS_KEY_ID $AWS_REGION"; exit 7'
    two = Demo(tmp_path / "two", "--", "sh", "-c", script)
    status, out, _ = two.end()
    endpoint, key, region = out.split()
    assert (status, region) == (7, report["region"])
    assert endpoint != report["endpoint"] and key != report["access_key_id"]

    assert one.end(signal.SIGTERM)[0] == 0


def test_data_and_keys_may_be_given(tmp_path: Path) -> None:
    data = tmp_path / "kept"
    credentials = Credentials("AKGIVEN", "given-secret-0123456789")
    keys = ("--access-key-id", "AKGIVEN", "--secret-access-key", "given-secret-0123456789")
    demo = Demo(tmp_path, "--json", "--data", str(data), *keys)
    report = demo.ready()
    client = s3_client(Endpoint(report["endpoint"], credentials))
    assert client.list_objects_v2(Bucket="private-uploads")["KeyCount"] == 0

    # Another gateway before the same store, which it neither starts nor ends.
    (tmp_path / "second").mkdir()
    env = {
        "AWS_ACCESS_KEY_ID": report["store"]["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": report["store"]["secret_access_key"],
        "MULTISTORE_STORE": report["store"]["endpoint"],
    }
    second = Demo(tmp_path / "second", "--json", env=env)
    endpoint = second.ready()["endpoint"]
    assert endpoint != report["endpoint"]
    assert fetch(f"{endpoint}/public-data/cities.csv").startswith(b"name,country,")
    assert second.end(signal.SIGTERM)[0] == 0

    assert demo.end(signal.SIGINT)[0] == 0
    assert any(data.iterdir())


def test_the_store_dies_first(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--json")
    demo.ready()
    os.kill(demo.store_pid(), signal.SIGKILL)
    status, _, err = demo.end()
    assert status == 1
    assert err.startswith("Error: the store ended (-9); the end of its log:\n")


def test_a_signal_before_it_is_ready(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--json")
    store = demo.store_pid()
    status, out, _ = demo.end(signal.SIGTERM)
    assert (status, out) == (128 + signal.SIGTERM, "")
    assert not Path(f"/proc/{store}").exists()


def test_a_signal_ends_the_command_too(tmp_path: Path) -> None:
    demo = Demo(tmp_path, "--json", "--", "sleep", "60")
    demo.ready()
    # A terminal that is closed ends the demo like SIGTERM.
    assert demo.end(signal.SIGHUP)[0] == 128 + signal.SIGTERM


@pytest.mark.parametrize(
    ("arguments", "status", "text"),
    [
        (("--secret-access-key", "short"), 2, "weak"),
        (("--listen", "nonsense"), 2, "HOST:PORT"),
        (("--store", "http://127.0.0.1:1"), 2, "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (("--log-level", "loud"), 2, "loud"),
    ],
)
def test_wrong_usage(tmp_path: Path, arguments: tuple[str, ...], status: int, text: str) -> None:
    ended, _, err = Demo(tmp_path, *arguments).end()
    assert ended == status
    assert text in err
