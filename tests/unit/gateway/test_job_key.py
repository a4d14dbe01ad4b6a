"""Who joins a job that runs already, and who does not."""

from __future__ import annotations

import pytest

from multistore.gateway.job_key import job_key
from multistore.gateway.ports import Backend
from multistore.types import Bucket, Identity
from support.drive import make_identity, make_request
from unit.gateway.world import CountingBackend

SOURCE = (b"x-amz-copy-source", b"/b/source")
ONE_TRY = (
    (b"authorization", b"AWS4-HMAC-SHA256 one"),
    (b"x-amz-date", b"20260101T000000Z"),
    (b"amz-sdk-request", b"attempt=1"),
)
ANOTHER_TRY = (
    (b"authorization", b"AWS4-HMAC-SHA256 two"),
    (b"x-amz-date", b"20260101T000009Z"),
    (b"amz-sdk-request", b"attempt=2"),
)
CALLER = make_identity()


def key(
    *fields: tuple[bytes, bytes],
    method: str = "PUT",
    target: bytes = b"/b/k",
    identity: Identity = CALLER,
    body: bytes = b"",
) -> bytes:
    backend: Backend = CountingBackend()
    request = make_request(Bucket("b", backend), method, target, fields, identity=identity)
    return job_key(request, body)


@pytest.mark.rule("SEM-28")
def test_two_tries_are_one() -> None:
    assert key(SOURCE, *ONE_TRY) == key(*ANOTHER_TRY, SOURCE)


@pytest.mark.rule("SEM-28")
def test_what_differs_is_another_job() -> None:
    other = (b"x-amz-copy-source", b"/b/other")
    keys = [
        key(SOURCE),
        key(other),
        key(SOURCE, (b"x-amz-meta-a", b"b")),
        key(SOURCE, target=b"/b/l"),
        key(SOURCE, body=b"document"),
        key(SOURCE, body=b"another one"),
        key(SOURCE, method="DELETE"),
    ]
    assert len(set(keys)) == len(keys)


@pytest.mark.rule("SEM-28", "L2")
def test_another_caller_of_the_same_name_joins_nothing() -> None:
    """Two keys of one principal may have different rights, and so be told different things."""
    other = make_identity()
    assert other.principal == CALLER.principal
    assert key(SOURCE, identity=other) != key(SOURCE)
