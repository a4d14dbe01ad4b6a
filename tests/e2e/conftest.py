"""What every client test starts from: an endpoint, and room of its own in a bucket."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from support.certificates import Authority
from support.clients import Endpoint, s3_client
from support.configuration import FULL, STANDARD_BUCKETS, standard
from support.gateway import Gateway
from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET, Store

_numbers = itertools.count()


@pytest.fixture(scope="session")
def endpoint(request: pytest.FixtureRequest) -> Endpoint:
    """The gateway as its owner sees it; with ``--direct`` the store itself."""
    if request.config.getoption("--direct"):
        store: Store = request.getfixturevalue("store")
        direct = Endpoint(store.endpoint, Credentials(STORE_KEY, STORE_SECRET))
        client = s3_client(direct)
        existing = {bucket["Name"] for bucket in client.list_buckets()["Buckets"]}
        for entry in STANDARD_BUCKETS:
            if entry.name not in existing:
                client.create_bucket(Bucket=entry.name)
        return direct
    gateway: Gateway = request.getfixturevalue("gateway")
    return Endpoint(gateway.endpoint, FULL)


@pytest.fixture(scope="session")
def secure(store: Store, folder: Path, authority: Authority) -> Iterator[Endpoint]:
    """The same over HTTPS, with a certificate of a private authority."""
    chain, key = authority.issue("localhost", "127.0.0.1")
    arguments = ("--tls-cert", str(chain), "--tls-key", str(key))
    with Gateway(folder / "https", standard(store.endpoint), arguments=arguments) as running:
        yield Endpoint(f"https://{running.authority}", FULL, authority.file)


@pytest.fixture(scope="session")
def s3(endpoint: Endpoint) -> Any:
    return s3_client(endpoint)


@dataclass(frozen=True, slots=True)
class Place:
    """A bucket, and a prefix in it that no other test uses; it ends in a slash."""

    bucket: str
    prefix: str

    @property
    def url(self) -> str:
        return f"s3://{self.bucket}/{self.prefix}"


def _place(bucket: str) -> Place:
    return Place(bucket, f"{os.environ.get('PYTEST_XDIST_WORKER', 'main')}-{next(_numbers)}/")


@pytest.fixture(params=["private-uploads", "team"], ids=["plain", "prefixed"])
def place(request: pytest.FixtureRequest) -> Place:
    """Once in a bucket of the store, once below a ``backend_prefix`` of a shared one."""
    return _place(request.param)


@pytest.fixture
def prefixed() -> Place:
    return _place("team")
