"""Hierarchical names: what a client sees that takes ``account`` for the bucket."""

from __future__ import annotations

import re
from collections.abc import Iterator
from html import unescape
from typing import Any
from urllib.parse import quote

import pytest

from multistore.backends.s3 import S3Backend
from multistore.config.path_mapping import PathMapping
from multistore.gateway import hierarchy
from multistore.gateway.authorize import expand
from multistore.gateway.operation import OPERATIONS
from multistore.types import Bucket, Origin, Scope
from support.drive import Answer, drive
from support.listings import SEALER
from support.memory_store import MemoryStore
from support.sigv4 import Credentials, presigned_target
from unit.gateway.world import FULL, HOST, NOBODY, READER, SCOPED, World, credential, date

MAPPING = PathMapping(2, ":", 1)
STORED = "backend-bucket"
KEYS = [b"a", b"a b+\xc3\xa9", b"dir/", b"dir/x", b"dir/y/z", b"e//f", b"maps/inner", b"zz"]
#: Each lies elsewhere in the store; ``maps-old/`` is before ``maps/`` in the order of names.
PLACES = {"acme:maps": b"p1/", "acme:maps-old": b"p2/", "acme:open": b"", "other:x": b"p4/"}


@pytest.fixture(scope="module")
def store() -> Iterator[MemoryStore]:
    with MemoryStore(STORED) as running:
        for name, prefix in PLACES.items():
            for key in KEYS if name == "acme:maps" else [b"only"]:
                running.put(STORED, prefix + key, name.encode())
        yield running


@pytest.fixture
def world(store: MemoryStore) -> World:
    return make_world(store)


def make_world(store: MemoryStore, mapping: PathMapping = MAPPING, **options: Any) -> World:
    origin = Origin("127.0.0.1", store.port, tls=False)
    backend = S3Backend(origin, STORED, sealer=SEALER, owner_id="us")
    buckets = []
    for name, prefix in PLACES.items():
        shown_name, shown_prefix = mapping.shown(name)
        buckets.append(
            Bucket(
                name,
                backend,
                prefix=prefix,
                anonymous=name == "acme:open",
                shown_name=shown_name,
                shown_prefix=shown_prefix,
            )
        )
    credentials = [
        credential(FULL, [Scope("*", (), expand(["*"]))]),
        credential(SCOPED, [Scope("acme:maps", (b"dir/",), expand(["read", "write", "list"]))]),
        credential(READER, [Scope("other:*", (), expand(["read", "list"]))]),
    ]
    return World(buckets, credentials, names=mapping, **options)


def ask(
    world: World, method: str, target: str, who: Credentials | None = FULL, **options: Any
) -> Answer:
    plan = world.ask(method, target, credentials=who, **options)
    return drive(plan, options.get("body", b""), method=method)


def names(answer: Answer, element: str) -> list[bytes]:
    assert answer.status == 200, answer.body
    found = re.findall(f"<{element}>([^<]*)</{element}>".encode(), answer.body)
    return [unescape(text.decode()).encode() for text in found]


# --- objects --------------------------------------------------------------------------------------


@pytest.mark.rule("L1", "SEM-2")
@pytest.mark.parametrize("key", KEYS)
def test_objects(world: World, store: MemoryStore, key: bytes) -> None:
    assert ask(world, "GET", f"/acme/maps/{quote(key)}").body == b"acme:maps"
    assert store.requests[-1].target == f"/{STORED}/p1/{quote(key)}"


def test_writes(world: World) -> None:
    assert ask(world, "PUT", "/acme/maps/new", body=b"data").status == 200
    assert ask(world, "GET", "/acme/maps/new").body == b"data"
    assert ask(world, "DELETE", "/acme/maps/new").status == 204
    assert ask(world, "GET", "/acme/maps/new").status == 404


@pytest.mark.rule("L1", "SEM-2")
def test_the_signature_is_over_what_was_sent(world: World) -> None:
    url = presigned_target("GET", "/acme/maps/a", HOST, FULL, date=date())
    assert ask(world, "GET", url, None).body == b"acme:maps"
    mapped = presigned_target("GET", "/acme:maps/a", HOST, FULL, date=date())
    sent = mapped.replace("/acme:maps/a", "/acme/maps/a", 1)
    assert b"SignatureDoesNotMatch" in ask(world, "GET", sent, None).body


@pytest.mark.rule("SEM-2")
def test_the_account_in_the_host(store: MemoryStore) -> None:
    hosted = make_world(store, domains=("s3.test",))
    host = {"host": "acme.s3.test"}
    assert ask(hosted, "GET", "/maps/a", **host).body == b"acme:maps"
    assert names(ask(hosted, "GET", "/?delimiter=/", **host), "Prefix") == [
        *(b"", b"maps-old/", b"maps/", b"open/"),
    ]
    listed = ask(hosted, "GET", "/?list-type=2&prefix=maps/dir/", **host)
    assert names(listed, "Key") == [b"maps/dir/", b"maps/dir/x", b"maps/dir/y/z"]
    assert ask(hosted, "HEAD", "/", **host).status == 200


# --- lists in a bucket ----------------------------------------------------------------------------

SHOWN = sorted(b"maps/" + key for key in KEYS)


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize("version", ["", "list-type=2&"])
@pytest.mark.parametrize("base", ["/acme?prefix=maps/&", "/acme/maps?"])
def test_lists_name_keys_as_the_client_does(world: World, base: str, version: str) -> None:
    whole = ask(world, "GET", base + version)
    assert names(whole, "Key") == SHOWN
    assert names(whole, "Name") == [b"acme"]
    assert names(whole, "Prefix") == [b"maps/"]
    grouped = ask(world, "GET", f"{base}{version}delimiter=/")
    assert names(grouped, "Prefix")[1:] == [b"maps/dir/", b"maps/e/", b"maps/maps/"]
    assert names(grouped, "Key") == [b"maps/a", "maps/a b+\u00e9".encode(), b"maps/zz"]
    assert b"p1/" not in whole.body + grouped.body
    assert b"acme:maps" not in whole.body


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize("version", ["", "list-type=2&"])
@pytest.mark.parametrize("base", ["/acme?prefix=maps/&", "/acme/maps?"])
def test_pages(world: World, base: str, version: str) -> None:
    found: list[bytes] = []
    start = ""
    for _ in range(len(KEYS) + 1):
        page = ask(world, "GET", f"{base}{version}max-keys=2{start}")
        found += names(page, "Key")
        if names(page, "IsTruncated") == [b"false"]:
            break
        (following,) = names(page, "NextContinuationToken" if version else "NextMarker")
        start = f"&{'continuation-token' if version else 'marker'}={quote(following, safe='')}"
    assert found == SHOWN


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize(
    ("after", "expected"),
    [
        (b"maps/dir/x", SHOWN[SHOWN.index(b"maps/dir/x") + 1 :]),
        (b"maps/", SHOWN),
        (b"maps", SHOWN),
        (b"a", SHOWN),
        (b"maps/zz", []),
        (b"mapt", []),
        (b"open/only", []),
    ],
)
@pytest.mark.parametrize("name", ["marker", "list-type=2&start-after"])
def test_where_a_list_begins(world: World, name: str, after: bytes, expected: list[bytes]) -> None:
    page = ask(world, "GET", f"/acme?prefix=maps/&{name}={quote(after, safe='')}")
    assert names(page, "Key") == expected
    shown = names(page, "Marker" if name == "marker" else "StartAfter")
    assert set(shown) <= {after, b""}  # outside the bucket there is none


@pytest.mark.rule("SEM-21", "S18")
def test_a_scope_on_a_part_of_the_bucket(world: World) -> None:
    listed = ask(world, "GET", "/acme?prefix=maps/dir/", SCOPED)
    assert names(listed, "Key") == [b"maps/dir/", b"maps/dir/x", b"maps/dir/y/z"]
    assert ask(world, "GET", "/acme?prefix=maps/", SCOPED).status == 403
    assert ask(world, "GET", "/acme/maps/zz", SCOPED).status == 403
    assert ask(world, "GET", "/acme/maps/dir/x", SCOPED).status == 200


# --- lists above the buckets ----------------------------------------------------------------------


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("", [b"maps-old/", b"maps/", b"open/"]),
        ("&prefix=map", [b"maps-old/", b"maps/"]),
        ("&prefix=maps", [b"maps-old/", b"maps/"]),
        ("&prefix=x", []),
        ("&max-keys=0", []),
        ("&start-after=maps-old/&marker=maps-old/", [b"maps/", b"open/"]),
        ("&start-after=maps/zz&marker=maps/zz", [b"open/"]),
    ],
)
@pytest.mark.parametrize("version", ["", "&list-type=2"])
def test_products(
    world: World, store: MemoryStore, version: str, query: str, expected: Any
) -> None:
    before = len(store.requests)
    query = query.replace("&marker=" if version else "&start-after=", "&x=")
    listed = ask(world, "GET", f"/acme?delimiter=/{version}{query}")
    assert names(listed, "Prefix")[1:] == expected
    assert names(listed, "Name") == [b"acme"]
    assert names(listed, "IsTruncated") == [b"false"]
    if version:
        assert names(listed, "KeyCount") == [b"%d" % len(expected)]
    assert len(store.requests) == before  # answered here


@pytest.mark.rule("SEM-21")
@pytest.mark.parametrize("version", ["", "&list-type=2"])
def test_pages_of_products(world: World, version: str) -> None:
    found: list[bytes] = []
    start = ""
    for _ in range(3):
        page = ask(world, "GET", f"/acme?delimiter=/&encoding-type=url&max-keys=1{version}{start}")
        found += names(page, "Prefix")[1:]
        if names(page, "IsTruncated") == [b"false"]:
            break
        (following,) = names(page, "NextContinuationToken" if version else "NextMarker")
        start = f"&{'continuation-token' if version else 'marker'}={quote(following, safe='')}"
    assert found == [b"maps-old/", b"maps/", b"open/"]


@pytest.mark.rule("SEM-22", "S23")
def test_each_caller_sees_what_is_theirs(world: World) -> None:
    target = "/acme?delimiter=/"
    assert names(ask(world, "GET", target, SCOPED), "Prefix")[1:] == [b"maps/", b"open/"]
    assert names(ask(world, "GET", target, None), "Prefix")[1:] == [b"open/"]
    assert names(ask(world, "GET", target, READER), "Prefix")[1:] == [b"open/"]
    # What is not theirs, and what is not there.
    for who in (None, SCOPED):
        hidden, missing = (ask(world, "GET", f"/{n}?delimiter=/", who) for n in ("other", "none"))
        assert hidden.status == missing.status == 403
        assert hidden.body.replace(b"other", b"none") == missing.body
        assert ask(world, "HEAD", "/other", who).status == 403
    assert ask(world, "GET", "/none?delimiter=/", NOBODY).status == 403


def test_accounts(world: World) -> None:
    assert names(ask(world, "GET", "/"), "Name") == [b"acme", b"other"]
    assert names(ask(world, "GET", "/", SCOPED), "Name") == [b"acme"]
    first = ask(world, "GET", "/?max-buckets=1")
    assert names(first, "Name") == names(first, "ContinuationToken") == [b"acme"]
    second = ask(world, "GET", "/?max-buckets=1&continuation-token=acme")
    assert names(second, "Name") == [b"other"]
    for target in ("/acme", "/acme/maps", "/acme/maps/"):
        answer = ask(world, "HEAD", target)
        assert (answer.status, answer.get(b"x-amz-bucket-region")) == (200, b"us-east-1")
        assert b"LocationConstraint" in ask(world, "GET", f"{target}?location").body


@pytest.mark.parametrize(
    ("method", "target", "status", "code"),
    [
        ("GET", "/acme?list-type=2", 501, b"NotImplemented"),
        ("GET", "/acme?delimiter=-", 501, b"NotImplemented"),
        ("GET", "/acme?delimiter=/&max-keys=x", 400, b"InvalidArgument"),
        ("GET", "/acme?delimiter=/&encoding-type=x", 400, b"InvalidArgument"),
        ("GET", "/acme?delimiter=/&prefix=a&prefix=b", 400, b"InvalidArgument"),
        ("GET", "/acme?versions", 501, b"NotImplemented"),
        ("GET", "/acme?uploads&delimiter=/", 501, b"NotImplemented"),
        ("PUT", "/acme/maps", 501, b"NotImplemented"),
        ("DELETE", "/acme/maps", 501, b"NotImplemented"),
        ("DELETE", "/acme", 501, b"NotImplemented"),
        ("POST", "/acme?delete", 501, b"NotImplemented"),
        ("GET", "/acme/nothing/k", 404, b"NoSuchBucket"),
        ("GET", "/acme//k", 404, b"NoSuchBucket"),
        ("GET", "/none", 404, b"NoSuchBucket"),
        ("GET", "/acme:maps/a", 404, b"NoSuchBucket"),
        ("GET", "/acme:maps", 404, b"NoSuchBucket"),
        ("GET", "/acme/maps:x/a", 404, b"NoSuchBucket"),
    ],
)
def test_what_is_not_there(
    world: World, store: MemoryStore, method: str, target: str, status: int, code: bytes
) -> None:
    before = len(store.requests)
    answer = ask(world, method, target)
    assert (answer.status, names_of_error(answer)) == (status, code)
    if code == b"NoSuchBucket":
        account = target.split("/")[1].encode()
        assert b"<BucketName>%b</BucketName>" % account in answer.body
    assert len(store.requests) == before


def names_of_error(answer: Answer) -> bytes:
    (code,) = re.findall(b"<Code>([^<]*)</Code>", answer.body)
    return code


@pytest.mark.rule("L3")
def test_only_what_shows_the_clients_names_is_carried_out() -> None:
    known = {row.name for row in OPERATIONS}
    assert known >= hierarchy.OPERATIONS


def test_all_segments_shown(store: MemoryStore) -> None:
    """Each bucket is one of its own, below a path: nothing is folded or listed above it."""
    world = make_world(store, PathMapping(2, ":", 2))
    listed = ask(world, "GET", "/acme/maps?list-type=2&prefix=dir/")
    assert names(listed, "Name") == [b"acme/maps"]
    assert names(listed, "Key") == [b"dir/", b"dir/x", b"dir/y/z"]
    assert ask(world, "GET", "/acme/maps/a").body == b"acme:maps"
    assert ask(world, "GET", "/acme?delimiter=/").status == 404
