"""What a caller without a name may say to a bucket that everybody may read (SEM-9)."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from support.configuration import FULL
from support.rig import Pair, Rig

CUSTOMER_KEY = "x-amz-server-side-encryption-customer-"

#: Would act on the store, or cost, under the gateway's own credential there.
REFUSED = [
    ("x-amz-request-payer", "requester"),
    (CUSTOMER_KEY + "algorithm", "AES256"),
    (CUSTOMER_KEY + "key", "MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE="),
    (CUSTOMER_KEY + "key-md5", "hRasmdxgYDKV3nvbahU1MA=="),
    ("x-amz-meta-a", "b"),
    ("x-amz-frobnicate", "7"),
]
ALLOWED = [
    ("x-amz-checksum-mode", "ENABLED"),
    ("x-amz-content-sha256", "UNSIGNED-PAYLOAD"),
    ("x-amz-date", "20260101T000000Z"),
    ("x-amz-expected-bucket-owner", "multistore-proxy"),
    ("x-amz-user-agent", "browser"),
    ("x-amz-api-version", "2006-03-01"),
]


@pytest.fixture(scope="module")
def public(folder: Path) -> Iterator[Rig]:
    with Rig(folder / "public", stock=24, anonymous=True) as rig:
        yield rig


@pytest.mark.rule("SEM-9", "L2")
@pytest.mark.parametrize(("name", "value"), REFUSED)
def test_what_only_a_signature_may_say_is_refused(public: Rig, name: str, value: str) -> None:
    pair: Pair = public.take()
    for method, target in (("GET", "/k"), ("HEAD", "/k"), ("GET", "?list-type=2")):
        response = pair.ask(method, target, (name, value), credentials=None)
        assert response.status == 403
        assert method == "HEAD" or response.code == "AccessDenied"
    assert pair.backend.connections == []


@pytest.mark.rule("SEM-9")
@pytest.mark.parametrize(("name", "value"), ALLOWED)
def test_what_says_nothing_of_the_store_is_allowed(public: Rig, name: str, value: str) -> None:
    pair = public.take()
    for method in ("GET", "HEAD"):
        assert pair.ask(method, "/k", (name, value), credentials=None).status == 200
    assert len(pair.backend.requests) == 2


@pytest.mark.rule("SEM-9")
def test_a_signed_caller_may_say_who_pays(public: Rig) -> None:
    pair = public.take()
    payer = ("x-amz-request-payer", "requester")
    assert pair.ask("GET", "/k", payer, credentials=FULL).status == 200
    assert pair.backend.requests[0].get("x-amz-request-payer") == "requester"
