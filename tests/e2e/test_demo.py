"""``multistore demo``: a store and a gateway for everybody, and nothing left of them afterwards."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from botocore.exceptions import ClientError

from support.clients import Endpoint, s3_client
from support.gateway import clean_environment
from support.processes import wait_until
from support.sigv4 import Credentials

ROOT = Path(__file__).parents[2]


class Demo:
    """A running demo, and everything that it may leave behind."""

    def __init__(self, folder: Path, *arguments: str, env: Mapping[str, str] | None = None) -> None:
        # Longer than what fits into the address of a unix socket.
        self.scratch = folder / ("long" * 30)
        self.scratch.mkdir(parents=True)
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
        self._store: StoreProcess | None = None

    def ready(self) -> dict[str, Any]:
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        if not line:
            pytest.fail(self.process.communicate()[1])
        report: dict[str, Any] = json.loads(line)
        return report

    def store(self) -> StoreProcess | None:
        """The store that it has started, as long as it runs; what was seen is remembered."""
        pid = self.process.pid
        try:
            children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        except OSError:  # it has ended
            return None
        for child in children:
            # SeaweedFS names sockets for these, in /tmp whatever TMPDIR says.
            ports = re.findall(r"-(\w+)\.port\.grpc=(\d+)", _command_line(Path("/proc") / child))
            if ports:
                sockets = [Path(f"/tmp/seaweedfs-{name}-grpc-{port}.sock") for name, port in ports]
                self._store = StoreProcess(int(child), sockets)
                return self._store
        return None

    def end(self, number: int | None = None) -> tuple[int, str, str]:
        """Exit status, output and errors, after a signal or by itself; nothing may be left."""
        self.store()
        if number is not None:
            self.process.send_signal(number)
        out, err = self.process.communicate(timeout=30)
        assert list(self.scratch.iterdir()) == []
        ours = [p for p in _processes() if str(self.scratch) in _command_line(p)]
        assert ours == []
        if self._store is not None:
            assert not Path(f"/proc/{self._store.pid}").exists()
            assert [path for path in self._store.sockets if path.exists()] == []
        assert "Traceback" not in err
        return self.process.returncode, out, err

    def abandon(self) -> None:
        """After a test that failed: whatever still runs is asked to tidy up."""
        if self.process.poll() is None:
            self.process.terminate()
            self.process.communicate(timeout=30)


class StoreProcess(NamedTuple):
    pid: int
    sockets: list[Path]


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


def access(report: Mapping[str, Any]) -> Endpoint:
    credentials = Credentials(report["access_key_id"], report["secret_access_key"])
    return Endpoint(report["endpoint"], credentials)


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Callable[..., Demo]]:
    """Starts a demo of the test's own, in a folder of its own."""
    demos: list[Demo] = []

    def run(*arguments: str, env: Mapping[str, str] | None = None) -> Demo:
        demos.append(Demo(tmp_path / str(len(demos)), *arguments, env=env))
        return demos[-1]

    yield run
    for demo in demos:
        demo.abandon()


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """What a demo says that runs beside all those of the tests."""
    folder = tmp_path_factory.mktemp("shared")
    demo = Demo(folder, "--json")
    try:
        yield demo.ready()
        assert demo.end(signal.SIGTERM)[0] == 0
    finally:
        demo.abandon()


def test_what_is_served(report: dict[str, Any]) -> None:
    assert report["buckets"] == ["public-data", "private-uploads"]
    assert fetch(f"{report['endpoint']}/public-data/hello.txt") == b"Hello from multistore.\n"
    client = s3_client(access(report))
    listed = client.list_objects_v2(Bucket="public-data")["Contents"]
    assert [entry["Key"] for entry in listed] == [
        "cities.csv",
        "cities.parquet",
        "elevation.tif",
        "hello.txt",
    ]
    assert client.list_objects_v2(Bucket="private-uploads")["KeyCount"] == 0
    client.put_object(Bucket="private-uploads", Key="a b", Body=b"mine")
    assert client.get_object(Bucket="private-uploads", Key="a b")["Body"].read() == b"mine"
    # SeaweedFS would take it for "a/b", and overwrite that.
    with pytest.raises(ClientError, match="InvalidRequest"):
        client.put_object(Bucket="private-uploads", Key="a//b", Body=b"mine")
    # The store behind it holds the very object, and takes other keys than the gateway.
    behind = s3_client(access(report["store"]))
    assert behind.get_object(Bucket="private-uploads", Key="a b")["Body"].read() == b"mine"
    assert report["access_key_id"] != report["store"]["access_key_id"]


def test_keys_and_a_store_may_be_given(report: dict[str, Any], start: Callable[..., Demo]) -> None:
    # Another gateway before the same store, which it neither starts nor ends.
    env = {
        "AWS_ACCESS_KEY_ID": report["store"]["access_key_id"],
        "AWS_SECRET_ACCESS_KEY": report["store"]["secret_access_key"],
        "MULTISTORE_STORE": report["store"]["endpoint"],
    }
    keys = ("--access-key-id", "AKGIVEN", "--secret-access-key", "given-secret-0123456789")
    second = start("--json", *keys, env=env)
    endpoint = second.ready()["endpoint"]
    assert second.store() is None
    assert endpoint != report["endpoint"]
    client = s3_client(Endpoint(endpoint, Credentials("AKGIVEN", "given-secret-0123456789")))
    got = client.get_object(Bucket="public-data", Key="cities.csv")
    assert got["Body"].read().startswith(b"name,country,")
    assert second.end(signal.SIGINT)[0] == 0
    fetch(f"{report['store']['endpoint']}/healthz")


def test_a_command_ends_the_demo(report: dict[str, Any], start: Callable[..., Demo]) -> None:
    script = 'echo "$AWS_ENDPOINT_URL_S3 $AWS_ACCESS_KEY_ID $AWS_REGION"; exit 7'
    demo = start("--", "sh", "-c", script)
    wait_until(demo.store, timeout=20, what="the store is started")
    status, out, _ = demo.end()
    endpoint, key, region = out.split()
    assert (status, region) == (7, report["region"])
    assert endpoint != report["endpoint"] and key != report["access_key_id"]


def test_a_signal_ends_the_command_and_data_are_kept(
    start: Callable[..., Demo], tmp_path: Path
) -> None:
    data = tmp_path / "kept"
    demo = start("--json", "--data", str(data), "--", "sleep", "60")
    demo.ready()
    # A terminal that is closed ends the demo like SIGTERM.
    assert demo.end(signal.SIGHUP)[0] == 128 + signal.SIGTERM
    assert any(data.iterdir())


def test_the_store_dies_first(start: Callable[..., Demo]) -> None:
    demo = start("--json")
    demo.ready()
    store = demo.store()
    assert store is not None
    os.kill(store.pid, signal.SIGKILL)
    status, _, err = demo.end()
    assert status == 1
    assert err.startswith("Error: the store ended (-9); the end of its log:\n")


def test_a_signal_before_it_is_ready(start: Callable[..., Demo]) -> None:
    demo = start("--json")
    wait_until(demo.store, timeout=20, what="the store is started")
    status, out, _ = demo.end(signal.SIGTERM)
    assert (status, out) == (128 + signal.SIGTERM, "")


def test_wrong_usage(start: Callable[..., Demo]) -> None:
    cases = [
        (("--secret-access-key", "short"), "weak"),
        (("--listen", "nonsense"), "HOST:PORT"),
        (("--store", "http://127.0.0.1:1"), "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY"),
        (("--log-level", "loud"), "loud"),
    ]
    demos = [start(*arguments) for arguments, _ in cases]
    for demo, (arguments, text) in zip(demos, cases, strict=True):
        status, out, err = demo.end()
        assert (status, out) == (2, ""), arguments
        assert text in err, arguments
