"""Fixtures for tests that need processes. A run that needs none starts none."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from support.certificates import Authority
from support.clients import Endpoint, s3_client
from support.configuration import STANDARD_BUCKETS, standard
from support.gateway import Gateway
from support.rig import Pair, Rig, Stand
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store


def pytest_configure() -> None:
    # A runner under nohup(1) would hand its deafness on to the processes that tests start.
    signal.signal(signal.SIGHUP, signal.SIG_DFL)


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--direct",
        action="store_true",
        help="run the client tests at the store itself, to tell its faults from the gateway's",
    )


@pytest.fixture(scope="session")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where session-wide processes keep their files."""
    return tmp_path_factory.mktemp("session")


@pytest.fixture(scope="session")
def store() -> Iterator[Store]:
    """SeaweedFS with the backend buckets of the standard configuration."""
    running = Store()
    try:
        client = s3_client(Endpoint(running.endpoint, Credentials(STORE_KEY, STORE_SECRET)))
        for name in sorted({entry.backend_bucket for entry in STANDARD_BUCKETS}):
            client.create_bucket(Bucket=name)
        yield running
    finally:
        running.stop()


@pytest.fixture(scope="session")
def gateway(store: Store, folder: Path) -> Iterator[Gateway]:
    """The standard configuration, with default limits and timeouts."""
    with Gateway(folder / "standard", standard(store.endpoint)) as running:
        yield running


@pytest.fixture(scope="session")
def authority(folder: Path) -> Authority:
    return Authority(folder / "authority")


@pytest.fixture(scope="session")
def stand(folder: Path) -> Iterator[Stand]:
    """Scripted backends behind a gateway with default limits and timeouts."""
    running = Stand(lambda number: Rig(folder / f"rig-{number}", stock=100))
    yield running
    running.stop()


#: Short enough to wait for, long enough for a busy machine. Seconds; bytes per second.
HASTY = {
    "head": 1.0,
    "handshake": 1.0,
    "keep_alive": 1.0,
    "stall": 1.0,
    "rate": 2000.0,
    "rate_window": 1.5,
    "connect": 1.0,
    "first_byte": 1.0,
    "drain": 3.0,
}


@pytest.fixture(scope="session")
def hasty_stand(folder: Path) -> Iterator[Stand]:
    """The same with short deadlines."""
    running = Stand(lambda number: Rig(folder / f"hasty-{number}", stock=30, timeouts=HASTY))
    yield running
    running.stop()


def _pair(stand: Stand) -> Iterator[Pair]:
    pair = stand.take()
    yield pair
    pair.backend.close()
    pair.gateway.check_log()


@pytest.fixture
def pair(stand: Stand) -> Iterator[Pair]:
    """A bucket and its scripted backend that no other test uses."""
    yield from _pair(stand)


@pytest.fixture
def hasty(hasty_stand: Stand) -> Iterator[Pair]:
    yield from _pair(hasty_stand)
