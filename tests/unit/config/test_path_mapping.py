"""Hierarchical names: which bucket and key a path means, and what a query then says."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.config.path_mapping import PathMapping
from multistore.wire import parse_target

MAPPING = PathMapping(2, ":", 1)
DEEP = PathMapping(3, "--", 2)


def mapped(
    target: str, mapping: PathMapping = MAPPING, host: str | None = None
) -> tuple[str, bytes, dict[str, bytes]] | None:
    """Bucket, key and parameters; None for what names no bucket."""
    result, named = mapping.map_target(parse_target(target.encode(), host))
    return (result.bucket, result.key, result.params) if named else None


@pytest.mark.parametrize(
    ("target", "bucket", "key"),
    [
        ("/acme/data/report.csv", "acme:data", b"report.csv"),
        ("/acme/data/a/b//c/", "acme:data", b"a/b//c/"),
        ("/acme/data//x", "acme:data", b"/x"),
        ("/acme/data/a%20b%2Fc%C3%A9+", "acme:data", "a b/c\u00e9+".encode()),
        ("/acme/d%C3%A4ta/k", "acme:d\u00e4ta", b"k"),
        ("/acme/data", "acme:data", b""),
        ("/acme/data/", "acme:data", b""),
        ("//acme/data/k", "acme:data", b"k"),
    ],
)
def test_paths(target: str, bucket: str, key: bytes) -> None:
    assert mapped(target) == (bucket, key, {})


@pytest.mark.parametrize(
    "target", ["/acme", "/acme/", "/acme//k", "/a:b/c", "/a/b:c/k", "/a:b", "/acme?list-type=2"]
)
def test_what_names_no_bucket(target: str) -> None:
    """Too few segments, an empty one, or one that would name another bucket."""
    assert mapped(target) is None


@pytest.mark.rule("SEM-2")
def test_a_bucket_in_the_host_is_the_first_segment() -> None:
    assert mapped("/data/k", host="acme") == ("acme:data", b"k", {})
    assert mapped("/?list-type=2&prefix=data%2Fa", host="acme") == (
        *("acme:data", b""),
        {"list-type": b"2", "prefix": b"a"},
    )
    assert mapped("/", host="acme") is None


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("prefix=data/", {"prefix": b""}),
        ("prefix=data%2Fsub%2F", {"prefix": b"sub/"}),
        ("list-type=2&prefix=data/a%26b%3Dc+d", {"list-type": b"2", "prefix": b"a&b=c d"}),
        ("prefix=data/&marker=data/k", {"prefix": b"", "marker": b"k"}),
        ("prefix=data/&start-after=data/a/b", {"prefix": b"", "start-after": b"a/b"}),
        ("prefix=data/&marker=data", {"prefix": b""}),
        ("prefix=data/&start-after=a", {"prefix": b""}),
        (
            "prefix=data/&start-after=datb",
            {"prefix": b"", "max-keys": b"0"},
        ),
        ("prefix=data/&max-keys=7&marker=z", {"prefix": b"", "max-keys": b"0"}),
        (
            "versions&prefix=data/&key-marker=data/k&version-id-marker=v",
            {"versions": b"", "prefix": b"", "key-marker": b"k", "version-id-marker": b"v"},
        ),
        (
            "versions&prefix=data/&key-marker=a&version-id-marker=v",
            {"versions": b"", "prefix": b""},
        ),
        (
            "uploads&prefix=data/&key-marker=z&upload-id-marker=u&max-uploads=7",
            {"uploads": b"", "prefix": b"", "upload-id-marker": b"u", "max-uploads": b"0"},
        ),
        (
            "uploads&prefix=data/&key-marker=&upload-id-marker=u",
            {"uploads": b"", "prefix": b"", "upload-id-marker": b"u"},
        ),
    ],
)
def test_prefixes_that_name_a_bucket(query: str, expected: dict[str, bytes]) -> None:
    assert mapped(f"/acme?{query}") == ("acme:data", b"", expected)


@pytest.mark.parametrize("prefix", ["", "data", "/", "/data/", "a:b/"])
def test_prefixes_that_name_none(prefix: str) -> None:
    result, named = MAPPING.map_target(parse_target(f"/acme?prefix={prefix}".encode()))
    assert not named
    assert (result.bucket, result.key, result.params) == ("acme", b"", {"prefix": prefix.encode()})


def test_a_list_by_its_path_is_relative_to_it() -> None:
    """But for markers that a client took from the page before, whose names are whole."""
    target = "/acme/data?list-type=2&prefix=sub/&start-after=data/sub/k"
    assert mapped(target) == (
        *("acme:data", b""),
        {"list-type": b"2", "prefix": b"sub/", "start-after": b"sub/k"},
    )
    assert mapped("/acme/data?marker=sub/k") == ("acme:data", b"", {"marker": b"sub/k"})


@pytest.mark.rule("SEM-7")
def test_what_is_repeated_stays_repeated() -> None:
    result, _ = MAPPING.map_target(parse_target(b"/acme?prefix=data/&prefix=x&versions&versions"))
    assert result.repeated == ("prefix", "versions")


@pytest.mark.parametrize(
    ("target", "expected"),
    [
        ("/a/b/c/k", ("a--b--c", b"k", {})),
        ("/a/b?prefix=c/x", ("a--b--c", b"", {"prefix": b"x"})),
        ("/a/b/?prefix=c/x", ("a--b--c", b"", {"prefix": b"x"})),
        ("/a/b/c", ("a--b--c", b"", {})),
        ("/a/b", None),
        ("/a?prefix=b/c/x", None),
        ("/a/b/c--d/k", None),
    ],
)
def test_three_segments_of_which_two_are_shown(target: str, expected: object) -> None:
    assert mapped(target, DEEP) == expected


def test_what_clients_see() -> None:
    assert MAPPING.shown("acme:data") == ("acme", b"data/")
    assert DEEP.shown("a--b--c") == ("a/b", b"c/")
    assert PathMapping(2, ":", 2).shown("a:b") == ("a/b", b"")
    assert PathMapping(3, ":", 1).shown("a:b:c") == ("a", b"b/c/")


@pytest.mark.parametrize("name", ["acme", "a:b:c", ":b", "a:", "a--b"])
def test_names_that_are_not_of_the_hierarchy(name: str) -> None:
    assert MAPPING.fault(name) == "should be 2 segments joined by :"
    assert not MAPPING.fault("a:b")


@pytest.mark.parametrize("target", ["/a:b", "/a:b/", "/a:b/c", "/a:b?prefix=c/"])
def test_the_configured_name_is_not_one_for_clients(target: str) -> None:
    """What it is mapped to names no bucket either: rules for browsers are looked up by it."""
    result, named = MAPPING.map_target(parse_target(target.encode()))
    assert not named
    assert MAPPING.fault(result.bucket)
    asked = parse_target(target.encode())
    assert (result.key, result.params) == (asked.key, asked.params)


SEGMENT = st.text(st.characters(codec="utf-8", exclude_characters="/:"), min_size=1, max_size=8)
NAME = st.text(st.characters(codec="utf-8"), max_size=12)


@given(SEGMENT, SEGMENT, NAME)
def test_every_key_is_found_again(account: str, product: str, key: str) -> None:
    path = f"/{quote(account, safe='')}/{quote(product, safe='')}/{quote(key)}"
    assert mapped(path) == (f"{account}:{product}", key.encode(), {})
    name, begin = MAPPING.shown(f"{account}:{product}")
    assert (name, begin.decode() + key) == (account, f"{product}/{key}")
    query = f"prefix={quote(f'{product}/{key}', safe='')}"
    assert mapped(f"/{quote(account, safe='')}?{query}") == (
        *(f"{account}:{product}", b""),
        {"prefix": key.encode()},
    )
