"""ListBuckets over stores whose buckets only they know (S23, D17), and names that nobody serves."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from multistore.errors import S3Error
from multistore.gateway.authorize import _GRANTS_MAX, may_use
from multistore.gateway.bucket_document import read_buckets, read_location, write_location
from multistore.gateway.bucket_names import may_share_names
from multistore.gateway.plan import Plan
from multistore.gateway.request import GatewayRequest
from multistore.types import Bucket, Identity, Scope
from unit.gateway.world import (
    FULL,
    READER,
    SCOPED,
    CountingBackend,
    World,
    code_of,
    credential,
)


class FakePattern:
    """A store that has ``names``, reached under a pattern."""

    def __init__(
        self,
        pattern: str,
        names: Sequence[str],
        *,
        anonymous: bool = False,
        allowed_roles: frozenset[str] = frozenset(),
    ) -> None:
        self.pattern = pattern
        self.anonymous = anonymous
        self.allowed_roles = allowed_roles
        self.names = names
        self.asked = 0

    def list_buckets(
        self, request: GatewayRequest, found: Callable[[Sequence[Bucket]], Plan]
    ) -> Plan:
        self.asked += 1
        return found(
            [
                Bucket(
                    name,
                    CountingBackend(),
                    anonymous=self.anonymous,
                    allowed_roles=self.allowed_roles,
                    by_pattern=True,
                )
                for name in self.names
            ]
        )


class Listing:
    """Two patterns and two named buckets."""

    def __init__(self) -> None:
        self.team = FakePattern("team-*", ["team-b", "team-a"], allowed_roles=frozenset(["in"]))
        self.open = FakePattern("open-*", ["open-x"], anonymous=True)
        buckets = [Bucket("zz", CountingBackend()), Bucket("aa", CountingBackend(), anonymous=True)]
        read = frozenset(["get_object"])
        self.world = World(
            buckets,
            [
                credential(FULL, [Scope("*", (), read)]),
                credential(READER, [Scope("team-a", (), read)]),
                credential(SCOPED, [Scope("*-b", (), read)], role="out"),
            ],
        )
        self.world.registry.list_patterns = lambda: (self.open, self.team)  # type: ignore[method-assign]

    def names(self, target: str = "/", **options: Any) -> list[str]:
        answer = self.world.ask("GET", target, **options)
        assert answer.status == 200
        parts = answer.body.decode().split("<Name>")[1:]
        return [part.partition("<")[0] for part in parts]

    @property
    def asked(self) -> tuple[int, int]:
        return self.team.asked, self.open.asked


@pytest.mark.rule("S23", "L2")
@pytest.mark.parametrize(
    ("target", "caller", "shown", "asked"),
    [
        ("/", None, ["aa", "open-x"], (0, 1)),
        ("/", FULL, ["aa", "open-x", "team-a", "team-b", "zz"], (1, 1)),
        ("/", READER, ["aa", "open-x", "team-a"], (1, 1)),
        # A role that the entry does not let in.
        ("/", SCOPED, ["aa", "open-x"], (0, 1)),
        ("/?prefix=team-b", FULL, ["team-b"], (1, 0)),
        ("/?prefix=te", FULL, ["team-a", "team-b"], (1, 0)),
        ("/?prefix=none", FULL, [], (0, 0)),
        ("/?continuation-token=open-x", FULL, ["team-a", "team-b", "zz"], (1, 1)),
        ("/?bucket-region=elsewhere", FULL, [], (0, 0)),
        ("/?bucket-region=us-east-1&prefix=open", FULL, ["open-x"], (0, 1)),
        ("/?max-buckets=3", FULL, ["aa", "open-x", "team-a"], (1, 1)),
    ],
)
def test_stores_are_asked_for_what_the_caller_may_have(
    target: str, caller: Any, shown: list[str], asked: tuple[int, int]
) -> None:
    listing = Listing()
    assert listing.names(target, credentials=caller) == shown
    assert listing.asked == asked


def test_a_cut_page_says_where_to_go_on() -> None:
    listing = Listing()
    answer = listing.world.ask("GET", "/?max-buckets=4", credentials=FULL)
    assert b"<ContinuationToken>team-b</ContinuationToken>" in answer.body
    assert listing.names("/?continuation-token=team-b", credentials=FULL) == ["zz"]
    assert b"<ContinuationToken>" not in listing.world.ask("GET", "/", credentials=FULL).body


@pytest.mark.rule("SEM-22")
@pytest.mark.parametrize(
    ("name", "code"),
    [
        ("missing", "AccessDenied"),
        ("Upper", "InvalidBucketName"),
        ("ab", "InvalidBucketName"),
        ("192.168.0.300", "InvalidBucketName"),
        ("xn--x", "InvalidBucketName"),
    ],
)
def test_nobody_makes_a_bucket_that_no_entry_has(name: str, code: str) -> None:
    world = World([], [credential(FULL, [Scope("*", (), frozenset(["create_bucket"]))])])
    for caller in (None, FULL):
        assert code_of(world.ask("PUT", f"/{name}", credentials=caller)) == code


@pytest.mark.rule("L8")
def test_scopes_are_kept_for_a_bounded_number_of_names() -> None:
    identity = Identity("me", (Scope("team-*", (), frozenset(["get_object"])),))
    for number in range(_GRANTS_MAX + 10):
        bucket = Bucket(f"team-{number}", CountingBackend(), by_pattern=True)
        assert may_use(identity, bucket)
        assert len(identity.grants) <= _GRANTS_MAX


@pytest.mark.parametrize(
    ("one", "other", "may"),
    [
        ("*", "team-*", True),
        ("team-a", "team-*", True),
        ("team-*", "team-a", True),
        ("other", "team-*", False),
        ("team-*", "*-logs", True),
        ("team-a-*", "team-*", True),
        ("team-a-*", "team-b-*", False),
        ("*-x", "*-y", False),
        ("*-x", "*-y-x", True),
        ("team-a", "team-b", False),
        ("team-a", "team-a", True),
        ("a*b*c", "a*c", True),
        ("a*b*c", "a*d", False),
    ],
)
def test_patterns_that_may_share_names(one: str, other: str, may: bool) -> None:
    assert may_share_names(one, other) is may_share_names(other, one) is may


@pytest.mark.parametrize(
    ("body", "location"),
    [
        (b"", ""),
        (b"\r\n ", ""),
        (b"<CreateBucketConfiguration/>", ""),
        (b"<c:CreateBucketConfiguration xmlns:c='x'> </c:CreateBucketConfiguration>", ""),
        (
            b"<?xml version='1.0'?><CreateBucketConfiguration><LocationConstraint> eu-1 "
            b"</LocationConstraint></CreateBucketConfiguration>",
            "eu-1",
        ),
        (b"<CreateBucketConfiguration><LocationConstraint/></CreateBucketConfiguration>", ""),
    ],
)
def test_where_a_bucket_is_to_be(body: bytes, location: str) -> None:
    assert read_location(body) == location


def test_what_a_store_is_told_of_the_place_can_be_read_back() -> None:
    assert write_location("us-east-1") == b""
    assert read_location(write_location("eu-west-1")) == "eu-west-1"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"<ListAllMyBucketsResult>",
        b"<Error/>",
        b"<ListAllMyBucketsResult><Buckets><Bucket><Name>\xff</Name></Bucket></Buckets>"
        b"</ListAllMyBucketsResult>",
        b"<ListAllMyBucketsResult><Buckets><Bucket><X/></Bucket></Buckets></ListAllMyBucketsResult>",
    ],
)
def test_a_list_that_is_none(document: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        read_buckets(document)
    assert caught.value.code == "BadGateway"


def test_a_list_of_buckets_is_read_whatever_stands_beside_them() -> None:
    document = (
        b"<ListAllMyBucketsResult><Name>not-one</Name><Owner><ID>o</ID></Owner><Buckets>"
        b"<Bucket><CreationDate>d</CreationDate><Name>a</Name><BucketRegion>r</BucketRegion>"
        b"<More><Name>inner</Name></More></Bucket><Bucket><Name>b</Name></Bucket></Buckets>"
        b"<ContinuationToken>t</ContinuationToken></ListAllMyBucketsResult>"
    )
    assert read_buckets(document) == ([("a", "d"), ("b", "")], b"t")
    assert read_buckets(b"<ListAllMyBucketsResult><Buckets/></ListAllMyBucketsResult>") == ([], b"")
