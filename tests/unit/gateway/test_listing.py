from __future__ import annotations

import re
from collections.abc import Iterator
from urllib.parse import quote

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multistore.errors import S3Error
from multistore.types import Bucket
from support.drive import make_identity
from support.listings import (
    BACKEND_BUCKET,
    PREFIX,
    fetch,
    grouped,
    make_bucket,
    make_listing,
    names_of,
    pages,
)
from support.memory_store import LEAKS, MemoryStore

#: R27's groups, R29's keys, and what stores fold: nothing of it may change on the way.
KEYS = [
    b"asdf",
    b"a/../b",
    b"boo/bar",
    b"boo/baz/xyzzy",
    b"cquux/bla",
    b"cquux/thud",
    b"dir/",
    b"p//x",
    b"/p-lead",
    b"x-1-a",
    b"x-1-b",
    b"x-2-a",
    b"x--3",
    b"tabab-end",
    b"babble",
    b"plus+ %20%2B=",
    "caf\u00e9".encode(),
    "cafe\u0301".encode(),
    "\U0001f40d".encode(),
]


@pytest.fixture(scope="module")
def store() -> Iterator[MemoryStore]:
    with MemoryStore(BACKEND_BUCKET) as running:
        for key in KEYS:
            running.put(BACKEND_BUCKET, PREFIX + key, b"body")
        running.put(BACKEND_BUCKET, b"tenants/acme-rival/secret", b"")
        running.put(BACKEND_BUCKET, b"other", b"")
        yield running


@pytest.fixture
def bucket(store: MemoryStore) -> Bucket:
    return make_bucket(store.port)


# --- paging


@pytest.mark.rule("SEM-21", "S18", "R27", "R29")
@pytest.mark.parametrize("version", [1, 2])
@pytest.mark.parametrize("max_keys", [1, 2, 3])
@pytest.mark.parametrize("delimiter", [b"", b"/", b"-", b"--", b"ab"])
@pytest.mark.parametrize("flags_last", [False, True])
def test_every_name_comes_once(
    store: MemoryStore,
    bucket: Bucket,
    version: int,
    max_keys: int,
    delimiter: bytes,
    flags_last: bool,
) -> None:
    store.flags_last = flags_last
    walk = list(
        pages(
            bucket,
            list_type=2 if version == 2 else None,
            delimiter=delimiter or None,
            max_keys=max_keys,
            encoding_type=b"url",
        )
    )
    expected = grouped(KEYS, b"", delimiter)
    assert names_of(walk) == expected
    assert all(len(page.keys + page.prefixes) <= max_keys for page in walk)
    assert len(walk) == -(-len(expected) // max_keys)


@pytest.mark.rule("R29", "S18")
def test_markers_are_names_of_the_clients_world(bucket: Bucket) -> None:
    page = fetch(bucket, delimiter=b"/", max_keys=1, prefix=b"b")
    assert (page.keys, page.truncated) == ([b"babble"], True)
    page = fetch(bucket, delimiter=b"/", max_keys=1, prefix=b"b", marker=page.following)
    assert (page.prefixes, page.truncated) == ([b"boo/"], False)
    page = fetch(bucket, delimiter=b"/", max_keys=1, marker=b"boo/")
    assert page.element(b"Marker") == b"boo/"
    assert page.element(b"NextMarker") == page.keys[0] == "cafe\u0301".encode()


@pytest.mark.rule("S18", "S20")
@pytest.mark.parametrize("list_type", [None, 2])
def test_no_page_shows_a_name_of_the_backend(bucket: Bucket, list_type: int | None) -> None:
    for page in pages(bucket, list_type=list_type, max_keys=2, delimiter=b"/", fetch_owner=b"true"):
        for leak in (*LEAKS, b"tenants", b"acme", BACKEND_BUCKET.encode(), b"next:"):
            assert leak not in page.body
        assert page.element(b"Name") == b"bucket"


@pytest.mark.rule("SEM-21")
def test_the_backend_is_asked_within_its_prefix_and_encoded(
    store: MemoryStore, bucket: Bucket
) -> None:
    fetch(bucket, list_type=2, prefix=b"a b+", delimiter=b"/", start_after=b"a b+c")
    asked = store.requests[-1]
    assert asked.target == (
        "/backend-bucket?delimiter=%2F&encoding-type=url&list-type=2&max-keys=1000"
        "&prefix=tenants%2Facme%2Fa%20b%2B&start-after=tenants%2Facme%2Fa%20b%2Bc"
    )
    assert asked.names() == {"host", "accept-encoding", "user-agent"}


# --- names


@pytest.mark.rule("R21", "R43", "R45", "SEM-21", "L3")
@pytest.mark.parametrize("encoding", [None, b"url"])
def test_keys_are_listed_as_they_are(bucket: Bucket, encoding: bytes | None) -> None:
    page = fetch(bucket, list_type=2, encoding_type=encoding)
    assert page.keys == sorted(KEYS)
    assert (page.element(b"EncodingType") == b"url") is (encoding is not None)
    if encoding:
        assert b"plus%2B%20%2520%252B%3D" in page.body


@pytest.mark.rule("R23", "SEM-21")
def test_characters_that_xml_cannot_hold() -> None:
    keys = [b"\x01one", b"two\x02", b"line\nfeed", b"carriage\rreturn", b"<&>\"'"]
    with MemoryStore(BACKEND_BUCKET) as store:
        for key in keys:
            store.put(BACKEND_BUCKET, PREFIX + key)
        bucket = make_bucket(store.port)
        assert fetch(bucket, list_type=2, encoding_type=b"url").keys == sorted(keys)
        plain = fetch(bucket, list_type=2).body
    assert b"\xef\xbf\xbd" not in plain
    for shown in (b"&#x1;one", b"two&#x2;", b"carriage&#xD;return", b"&lt;&amp;&gt;&quot;"):
        assert b"<Key>" + shown in plain


def test_echoes_are_encoded_like_the_keys(bucket: Bucket) -> None:
    page = fetch(bucket, list_type=2, prefix=b"a+&", delimiter=b"<", start_after=b"z\x01")
    assert b"<Prefix>a+&amp;</Prefix>" in page.body
    assert b"<Delimiter>&lt;</Delimiter>" in page.body
    assert b"<StartAfter>z&#x1;</StartAfter>" in page.body
    page = fetch(bucket, prefix=b"a+&", delimiter=b"<", marker=b"z\x01", encoding_type=b"url")
    assert b"<Prefix>a%2B%26</Prefix>" in page.body
    assert b"<Delimiter>%3C</Delimiter>" in page.body
    assert b"<Marker>z%01</Marker>" in page.body


def test_entries_say_what_s3_says(bucket: Bucket) -> None:
    page = fetch(bucket, list_type=2, prefix=b"asdf")
    assert page.element(b"Size") == b"4"
    assert page.element(b"ETag") == b'"841a2d689ad86bd1611447453c22c6fc"'
    assert re.fullmatch(
        rb"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\d\.000Z", page.element(b"LastModified") or b""
    )
    assert page.element(b"StorageClass") == b"STANDARD"
    assert page.element(b"ChecksumAlgorithm") == b"CRC32"
    assert page.element(b"ChecksumType") == b"FULL_OBJECT"
    assert page.element(b"Owner") is None
    assert page.element(b"MaxKeys") == b"1000"


def test_the_owner_is_ours_and_shown_when_asked(bucket: Bucket) -> None:
    owner = b"<ID>us</ID><DisplayName>us</DisplayName>"
    assert fetch(bucket, prefix=b"asdf").element(b"Owner") == owner
    assert (
        fetch(bucket, list_type=2, prefix=b"asdf", fetch_owner=b"true").element(b"Owner") == owner
    )
    shown = fetch(bucket, list_type=2, prefix=b"asdf", fetch_owner=b"false")
    assert shown.element(b"Owner") is None


# --- parameters


@pytest.mark.rule("SEM-21", "L3")
@pytest.mark.parametrize(
    "value", [b"-1", b"+1", b"0x10", b"1.5", b"1_0", b"%201", b"", b"abc", b"1%00", b"%D9%A3"]
)
def test_garbage_for_max_keys_is_refused(bucket: Bucket, value: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        make_listing(bucket, b"?max-keys=" + value)
    assert (caught.value.code, caught.value.status) == ("InvalidArgument", 400)


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (b"0", 0),
        (b"1", 1),
        (b"0007", 7),
        (b"1000", 1000),
        (b"1001", 1000),
        (b"9" * 20, 1000),
        (b"9" * 5000, 1000),
        (b"0" * 5000 + b"5", 5),
    ],
)
def test_max_keys_is_capped(bucket: Bucket, value: bytes, expected: int) -> None:
    assert make_listing(bucket, b"?list-type=2&max-keys=" + value).max_keys == expected


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize("list_type", [None, 2])
def test_max_keys_0_is_an_empty_page_and_costs_the_backend_nothing(
    store: MemoryStore, bucket: Bucket, list_type: int | None
) -> None:
    before = len(store.requests)
    page = fetch(bucket, list_type=list_type, max_keys=0)
    assert (page.keys, page.prefixes, page.truncated) == ([], [], False)
    assert page.element(b"MaxKeys") == b"0"
    assert len(store.requests) == before


def test_an_unknown_encoding_is_refused(bucket: Bucket) -> None:
    with pytest.raises(S3Error, match="Encoding"):
        make_listing(bucket, b"?encoding-type=base64")
    assert not make_listing(bucket, b"?encoding-type=").url


@pytest.mark.rule("S18", "L3")
def test_a_token_is_good_only_where_it_was_made(bucket: Bucket) -> None:
    token = fetch(bucket, list_type=2, max_keys=1, prefix=b"boo/").following
    assert token is not None
    assert make_listing(bucket, b"?list-type=2&prefix=boo/&continuation-token=" + token).token
    other = make_bucket(1)
    other.name = "other"
    for where, prefix in ((bucket, b""), (bucket, b"boo"), (other, b"boo/")):
        with pytest.raises(S3Error) as caught:
            make_listing(where, b"?list-type=2&prefix=%b&continuation-token=%b" % (prefix, token))
        assert caught.value.code == "InvalidArgument"
    for invented in (b"", b"next:tenants/acme/boo/bar", b"AAAA"):
        with pytest.raises(S3Error, match="continuation token"):
            make_listing(bucket, b"?list-type=2&continuation-token=" + invented)


def test_a_token_takes_precedence_over_start_after(bucket: Bucket) -> None:
    token = fetch(bucket, list_type=2, max_keys=1).following
    page = fetch(bucket, list_type=2, max_keys=1, continuation_token=token, start_after=b"zzz")
    assert page.keys == [sorted(KEYS)[1]]
    assert page.element(b"StartAfter") == b"zzz"
    assert page.element(b"ContinuationToken") == token


# --- scopes


def shown_to(prefixes: tuple[bytes, ...], key: bytes) -> bool:
    """The rule of D4, written another way: path segments, not bytes."""
    for prefix in prefixes:
        if prefix.endswith(b"/") or not prefix:
            if key[: len(prefix)] == prefix:
                return True
        elif key == prefix or key[: len(prefix) + 1] == prefix + b"/":
            return True
    return not prefixes


@pytest.mark.rule("S3", "S19", "SEM-21")
@pytest.mark.parametrize("list_type", [None, 2])
@pytest.mark.parametrize("delimiter", [None, b"/", b"-"])
def test_a_scope_without_slash_shows_nothing_beside_it(
    list_type: int | None, delimiter: bytes | None
) -> None:
    keys = [b"data", b"data/a", b"data/b/c", b"data-private/x", b"data.x", b"data0", b"data2/in"]
    identity = make_identity(b"data", b"data2/")
    with MemoryStore(BACKEND_BUCKET) as store:
        for key in keys:
            store.put(BACKEND_BUCKET, PREFIX + key)
        bucket = make_bucket(store.port)
        for max_keys in 1, 2, 1000:
            walk = list(
                pages(
                    bucket,
                    identity,
                    list_type=list_type,
                    prefix=b"data",
                    delimiter=delimiter,
                    max_keys=max_keys,
                )
            )
            for page in walk:
                for hidden in (b"private", b"data.x", b"data0"):
                    assert hidden not in page.body
            expected = grouped(
                [k for k in keys if shown_to((b"data", b"data2/"), k)], b"data", delimiter or b""
            )
            assert names_of(walk) == expected


@pytest.mark.rule("S2", "S3")
@pytest.mark.parametrize("prefix", [b"", b"dat", b"data-", b"Data/", b"other/"])
def test_a_listing_outside_the_scope_is_denied(bucket: Bucket, prefix: bytes) -> None:
    with pytest.raises(S3Error) as caught:
        make_listing(bucket, b"?list-type=2&prefix=" + prefix, make_identity(b"data/"))
    assert caught.value.code == "AccessDenied"


@pytest.mark.rule("S18", "S19")
def test_a_hidden_marker_says_nothing_and_leads_on() -> None:
    identity = make_identity(b"data")
    with MemoryStore(BACKEND_BUCKET) as store:
        for key in (b"data", b"data-private/x", b"data/z"):
            store.put(BACKEND_BUCKET, PREFIX + key)
        bucket = make_bucket(store.port)
        first = fetch(bucket, identity, prefix=b"data", max_keys=2)
        assert (first.keys, first.truncated) == ([b"data"], True)
        assert first.following is not None
        assert first.following.startswith(b"~multistore~")
        assert b"private" not in first.body
        second = fetch(bucket, identity, prefix=b"data", max_keys=2, marker=first.following)
        assert (second.keys, second.truncated) == ([b"data/z"], False)
        assert second.element(b"Marker") == first.following
        # What only looks like one is a key.
        asked = fetch(bucket, prefix=b"data", marker=b"~multistore~x")
        assert asked.keys == []
        assert store.requests[-1].params["marker"] == PREFIX + b"~multistore~x"


@pytest.mark.rule("SEM-21")
def test_a_page_emptied_by_the_scope_still_leads_on() -> None:
    with MemoryStore(BACKEND_BUCKET) as store:
        for key in (b"data-1", b"data-2", b"data/z"):
            store.put(BACKEND_BUCKET, PREFIX + key)
        page = fetch(
            make_bucket(store.port), make_identity(b"data"), list_type=2, prefix=b"data", max_keys=2
        )
    assert (page.keys, page.prefixes, page.truncated) == ([], [], True)
    assert page.following


_KEY = st.text(alphabet="ab/-\u00e9", min_size=1, max_size=6).map(str.encode)


@pytest.mark.rule("SEM-21", "S3", "S18", "S19")
@settings(max_examples=80, deadline=None)
@given(
    keys=st.sets(_KEY, max_size=12),
    prefix=st.sampled_from([b"", b"a", b"a/", b"ab", b"b-", "\u00e9".encode()]),
    delimiter=st.sampled_from([b"", b"/", b"-", b"ab", b"//"]),
    scopes=st.lists(st.sampled_from([b"a", b"a/", b"ab", b"a/b", b"b-", b"b"]), max_size=3),
    backend_prefix=st.sampled_from([b"", b"p/", b"a/"]),
    version=st.sampled_from([None, 2]),
    max_keys=st.sampled_from([1, 2, 3, 1000]),
)
def test_a_walk_shows_what_the_reference_shows(
    store: MemoryStore,
    keys: set[bytes],
    prefix: bytes,
    delimiter: bytes,
    scopes: list[bytes],
    backend_prefix: bytes,
    version: int | None,
    max_keys: int,
) -> None:
    kept = store.buckets[BACKEND_BUCKET]
    store.buckets[BACKEND_BUCKET] = {}
    try:
        for key in keys:
            store.put(BACKEND_BUCKET, backend_prefix + key)
        store.put(BACKEND_BUCKET, b"zz", b"outside")
        bounds = tuple(scopes)
        identity = make_identity(*bounds)
        bucket = make_bucket(store.port, backend_prefix)
        try:
            make_listing(bucket, b"?prefix=" + quote(prefix).encode(), identity)
        except S3Error:
            assert not shown_to(bounds, prefix)
            return
        walk = list(
            pages(
                bucket,
                identity,
                list_type=version,
                prefix=prefix,
                delimiter=delimiter or None,
                max_keys=max_keys,
                encoding_type=b"url",
            )
        )
    finally:
        store.buckets[BACKEND_BUCKET] = kept
    if not backend_prefix:
        keys = keys | {b"zz"}
    shown = names_of(walk)
    must = grouped([key for key in keys if shown_to(bounds, key)], prefix, delimiter)
    # A group may stand for keys beside the scope only where it is the way to the scope.
    ways = {name for name in grouped(sorted(keys), prefix, delimiter) if name[1]}
    may = {name for name in ways if any((b + b"/").startswith(name[0]) for b in bounds)}
    assert set(must) <= set(shown) <= set(must) | may
    assert len(set(shown)) == len(shown)
