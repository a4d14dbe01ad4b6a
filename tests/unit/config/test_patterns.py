"""Entries whose name is a pattern: what may stand in them, and which bucket they give (D17)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from multistore.config.backend_options import S3Options
from multistore.config.patterns import Pattern, PatternBuckets
from multistore.config.registry import compile_buckets
from multistore.gateway.plan import Plan, Respond
from multistore.gateway.request import GatewayRequest
from multistore.types import Bucket
from unit.config.test_check import CREDENTIAL, said
from unit.gateway.world import CountingBackend, head_of


class Store:
    """Keeps the names that it was asked for; has the buckets that it is given."""

    def __init__(self, buckets: Sequence[tuple[str, str]] = ()) -> None:
        self.asked: list[str] = []
        self.buckets = buckets

    def bucket(self, name: str) -> CountingBackend:
        self.asked.append(name)
        return CountingBackend()

    def list_buckets(
        self, request: GatewayRequest, found: Callable[[Sequence[tuple[str, str]]], Plan]
    ) -> Plan:
        return found(self.buckets)


def make(name: str, backend: Any) -> Bucket:
    return Bucket(name, backend, by_pattern=True)


def registry(
    *patterns: tuple[str, str], named: Sequence[str] = (), cached: int = 100
) -> tuple[PatternBuckets, list[Store]]:
    stores = [Store() for _ in patterns]
    entries = [
        Pattern(pattern, template, store, make)
        for (pattern, template), store in zip(patterns, stores, strict=True)
    ]
    buckets = [Bucket(name, CountingBackend()) for name in named]
    found = PatternBuckets(buckets, entries, cached=cached)
    for store in stores:
        store.asked.clear()
    return found, stores


@pytest.mark.parametrize(
    ("name", "served"),
    [
        ("reports", None),
        ("team-a-x", "a-x"),
        ("team-x", "team-x"),
        ("team-a-", None),  # no name for S3, so for none of them
        ("x-logs", "x-logs.old"),
        ("team-a-logs", "a-logs"),
        ("other", "all-other"),
        ("Other", None),
        ("no", None),
        ("a/b", None),
        ("a..b", None),
        ("1.2.3.4", None),
        ("x" * 59, "all-" + "x" * 59),
        ("x" * 60, None),  # too long at the store
        ("", None),
    ],
)
def test_the_longest_literal_part_goes_first_and_a_name_before_all(
    name: str, served: str | None
) -> None:
    found, stores = registry(
        ("*", "all-{name}"),
        ("team-*", "{name}"),
        ("*-logs", "{name}.old"),
        ("team-a-*", "{name}"),
        named=("reports",),
    )
    # The store of team-a-* takes the names as they are; shown here without what it says itself.
    bucket = found.get_bucket(name)
    asked = [
        theirs.removeprefix("team-") if store is stores[3] else theirs
        for store in stores
        for theirs in store.asked
    ]
    assert asked == ([] if served is None else [served])
    assert (bucket is None) == (served is None and name != "reports")
    if bucket is not None:
        assert bucket.name == name
        assert bucket.by_pattern == (name != "reports")


def test_of_two_as_long_the_first_in_the_file() -> None:
    found, (one, two) = registry(("aa-*", "{name}"), ("*-bb", "{name}"))
    assert found.get_bucket("aa-x-bb") is not None
    assert (one.asked, two.asked) == (["aa-x-bb"], [])


def test_buckets_are_kept_and_the_least_recently_used_goes() -> None:
    found, (store,) = registry(("*", "{name}"), cached=3)
    first = found.get_bucket("aaa")
    for name in ("bbb", "ccc", "aaa", "ddd"):
        found.get_bucket(name)
    assert found.get_bucket("aaa") is first
    assert store.asked == ["aaa", "bbb", "ccc", "ddd"]
    found.get_bucket("bbb")
    assert store.asked[-1] == "bbb"
    for number in range(1000):
        found.get_bucket(f"bucket-{number}")
        found.get_bucket(f"Bucket-{number}")
    assert len(found._recent) == 3


def test_a_list_holds_what_is_reached_through_the_entry() -> None:
    stores = [Store(), Store()]
    theirs = ("s-a-x", "s-a-fixed", "s-a-team-x", "other-x", "s-x", "s-", "s-a-UP", "s-a-x-x")
    stores[0].buckets = [(name, "2026-01-01T00:00:00.000Z") for name in theirs]
    patterns = [
        Pattern("*", "s-a-{name}", stores[0], make),
        Pattern("team-*", "{name}", stores[1], make),
    ]
    found = PatternBuckets([Bucket("fixed", CountingBackend())], patterns)
    assert [pattern.pattern for pattern in found.list_patterns()] == ["team-*", "*"]
    request = GatewayRequest(head_of("GET", "/"), "192.0.2.1", False, "ID", 0.0)
    shown: list[tuple[str, str]] = []

    def keep(buckets: Sequence[Bucket]) -> Plan:
        shown.extend((bucket.name, bucket.created) for bucket in buckets)
        return Respond(200)

    patterns[0].list_buckets(request, keep)
    assert shown == [("x-x", "2026-01-01T00:00:00.000Z")]
    # Looking makes no room for itself among the buckets in use.
    assert not found._recent


ENTRY = """\
[[buckets]]
name = "NAME"
backend_type = "s3"
[buckets.backend_options]
bucket_name = "TEMPLATE"
"""


def entry(name: str, template: str, more: str = "") -> str:
    text = ENTRY.replace("NAME", name).replace("TEMPLATE", template)
    return text.replace("[buckets.b", f"{more}[buckets.b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (entry("*", "{name}"), []),
        (entry("team-*", "pre-{name}.suf"), []),
        (entry("*.logs", "{name}", "anonymous_access = true\n"), []),
        (entry("a*b*", "{name}"), ['2! buckets[0].name: "a*b*": a pattern has one *']),
        (
            entry("Team-*", "{name}"),
            ['2! buckets[0].name: "Team-*": no bucket name can fit this pattern'],
        ),
        (
            entry("*", "fixed"),
            [
                "5! buckets[0].backend_options.bucket_name: of a pattern holds {name} once, for "
                "the client's bucket name"
            ],
        ),
        (
            entry("*", "{name}{name}"),
            [
                "5! buckets[0].backend_options.bucket_name: of a pattern holds {name} once, for "
                "the client's bucket name"
            ],
        ),
        (
            entry("*", "Up-{name}"),
            [
                '5! buckets[0].backend_options.bucket_name: "Up-{name}": a bucket name holds '
                "lower-case letters, digits, - and . and begins and ends with a letter or digit"
            ],
        ),
        (
            entry("*", "{nam}"),
            [
                "5! buckets[0].backend_options.bucket_name: of a pattern holds {name} once, for "
                "the client's bucket name"
            ],
        ),
        (
            entry("fixed", "{name}"),
            [
                '5! buckets[0].backend_options.bucket_name: "{name}": only a pattern, such as '
                'name = "*", takes {name}'
            ],
        ),
        (
            entry("*", "{name}", 'backend_prefix = "p/"\n'),
            [
                "4! buckets[0].backend_prefix: a pattern stands for whole buckets: it takes no "
                "prefix"
            ],
        ),
        (
            entry("*", "{name}", "created = 2026-01-01T00:00:00Z\n"),
            ["4? buckets[0].created: has no effect here (the store says when)"],
        ),
        (
            entry("*", "{name}") + entry("*", "{name}"),
            ['7! buckets[1].name: duplicate: "*" is also at line 2'],
        ),
    ],
)
def test_findings(load_text: Any, text: str, expected: list[str]) -> None:
    assert said(load_text(text).findings) == expected


@pytest.mark.parametrize(
    ("scope", "fits"),
    [("team-a", True), ("team-*", True), ("*", True), ("*-x", True), ("other", False)],
)
def test_scopes_may_name_what_a_pattern_stands_for(load_text: Any, scope: str, fits: bool) -> None:
    text = entry("team-*", "{name}") + CREDENTIAL.replace('"data"', f'"{scope}"')
    found = said(load_text(text).findings)
    assert [line for line in found if "allowed_scopes" in line] == (
        [] if fits else ['9 credentials[0].allowed_scopes[0].bucket: no bucket is called "other"']
    )


def test_an_entry_is_compiled_as_it_says(load_text: Any) -> None:
    more = "anonymous_access = true\ndouble_slashes = false\ncors = { origins = ['*'] }\n"
    text = entry("team-*", "{name}-x", more) + entry("data", "b")
    document = load_text(text).require()
    stores: list[Store] = []

    def make_store(options: S3Options) -> Store:
        assert options.bucket_name == "{name}-x"
        stores.append(Store())
        return stores[-1]

    buckets = compile_buckets(document, lambda _: CountingBackend(), make_store)
    bucket = buckets.get_bucket("team-a")
    assert bucket is not None
    assert (bucket.anonymous, bucket.double_slashes, bucket.by_pattern) == (True, False, True)
    assert bucket.cors is not None
    assert stores[0].asked[-1] == "team-a-x"
    assert [b.name for b in buckets.list_buckets()] == ["data"]
    (pattern,) = buckets.list_patterns()
    assert (pattern.pattern, pattern.anonymous) == ("team-*", True)
    with pytest.raises(ValueError, match="nothing makes the store"):
        compile_buckets(document, lambda _: CountingBackend())
