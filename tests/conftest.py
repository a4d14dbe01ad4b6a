"""Fixtures for tests that need processes. A run that needs none starts none."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.clients import Endpoint, s3_client
from support.configuration import STANDARD_BUCKETS, standard
from support.gateway import Gateway
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store


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
