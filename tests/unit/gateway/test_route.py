"""Where a request goes: Host, bucket and key, and the keys that may pass."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.errors import S3Error
from multistore.gateway.route import (
    check_key,
    normalise_domains,
    normalise_host,
    read_target,
    virtual_bucket,
)
from multistore.types import Bucket
from multistore.wire import parse_target
from unit.gateway.world import CountingBackend, head_of

DOMAINS = normalise_domains(("Example.com", "s3.example.com:8080", "s3.localhost."))


@pytest.mark.parametrize(
    ("host", "normal"),
    [
        ("a.b", "a.b"),
        ("A.B:80", "a.b"),
        ("a.b.", "a.b"),
        ("a.b.:443", "a.b"),
        ("a.b:", "a.b"),
        ("a.b:x", "a.b:x"),
        ("[::1]", "[::1]"),
        ("[::1]:80", "[::1]"),
        ("[FE80::1]:80", "[fe80::1]"),
        ("127.0.0.1:8080", "127.0.0.1"),
        ("", ""),
    ],
)
def test_hosts_as_compared(host: str, normal: str) -> None:
    assert normalise_host(host) == normal


def test_domains_are_normalised_longest_first() -> None:
    assert DOMAINS == ("s3.example.com", "s3.localhost", "example.com")
    assert normalise_domains(("", "a", "A.")) == ("a",)


@pytest.mark.rule("SEM-2")
@pytest.mark.parametrize(
    ("host", "bucket"),
    [
        ("b.s3.localhost", "b"),
        ("b.s3.localhost:18500", "b"),
        ("B.S3.LocalHost", "b"),
        ("b.s3.localhost.", "b"),
        ("a.b.c.s3.localhost", "a.b.c"),
        ("b.s3.example.com", "b"),
        ("b.example.com", "b"),
        # the domain itself, and everything that no domain is the end of
        ("s3.localhost", None),
        ("s3.localhost:8080", None),
        ("s3.example.com", None),
        ("xs3.localhost", None),
        (".s3.localhost", None),
        ("localhost", None),
        ("127.0.0.1:8080", None),
        ("[::1]:8080", None),
        ("other.test", None),
        ("", None),
    ],
)
def test_the_bucket_that_a_host_names(host: str, bucket: str | None) -> None:
    assert virtual_bucket(host.encode(), DOMAINS) == bucket


def test_a_host_outside_ascii_names_no_bucket() -> None:
    assert virtual_bucket(b"\xff.s3.localhost.x", DOMAINS) is None
    assert virtual_bucket(None, DOMAINS) is None


def test_without_domains_every_request_is_path_style() -> None:
    target = read_target(head_of("GET", "/b/k", host="b.s3.localhost"), ())
    assert (target.bucket, target.key) == ("b", b"k")


@pytest.mark.rule("SEM-1", "R43", "S25")
@pytest.mark.parametrize(
    ("host", "path", "bucket", "key"),
    [
        ("s3.localhost", "/b/k", "b", b"k"),
        ("s3.localhost", "//b//k", "b", b"/k"),
        ("s3.localhost", "/b%2Fk", "b/k", b""),
        ("s3.localhost", "/b/", "b", b""),
        ("s3.localhost", "/b/a%20b+c", "b", b"a b+c"),
        ("s3.localhost", "/b/a%2520b", "b", b"a%20b"),
        ("b.s3.localhost", "/k", "b", b"k"),
        ("b.s3.localhost", "/b/k", "b", b"b/k"),
        ("b.s3.localhost", "//k", "b", b"/k"),
        ("b.s3.localhost", "/", "b", b""),
    ],
)
def test_one_parse_of_the_target(host: str, path: str, bucket: str, key: bytes) -> None:
    target = read_target(head_of("GET", path, host=host), DOMAINS)
    assert (target.bucket, target.key, target.path) == (bucket, key, path.encode())


def refused(path: str, **options: Any) -> bool:
    where = Bucket("b", CountingBackend(), **options)
    try:
        target = parse_target(path.encode())
        check_key(target.key, target.unsafe_key, where)
    except S3Error as error:
        code = error.code
    else:
        return False
    assert code == "InvalidRequest"
    return True


DOTS = [
    "/b/.",
    "/b/..",
    "/b/../k",
    "/b/./k",
    "/b/data/../x",
    "/b/data/./x",
    "/b/data/..",
    "/b/data/.",
    "/b/data/..%2fx",
    "/b/data/%2e%2e/x",
    "/b/data/%2E./x",
    "/b/%2e",
    "/b/a%2F..%2Fb",
    "/b//../k",
]
CONTROLS = ["/b/a%00", "/b/%1F", "/b/a%0D%0Ab", "/b/%7f", "/b/data/%00", "/b/%09"]
FINE = [
    "/b/k",
    "/b/dir/",
    "/b//k",
    "/b/a//b",
    "/b/.hidden",
    "/b/..hidden",
    "/b/a/...",
    "/b/a./b",
    "/b/a../b",
    "/b/data%252Fx",
    "/b/%252e%252e/x",
    "/b/data%5Cx",
    "/b/data%5C..%5Cx",
    "/b/data/%C3%A9",
    "/b/data/%E2%80%AE",
    "/b/data/%20",
    "/b/data/*",
    "/b/data/%3F",
    "/b/data/;x=1",
    "/b/%C2%80",
]


@pytest.mark.parametrize("path", DOTS)
def test_dot_segments_are_refused_unless_the_bucket_opts_in(path: str) -> None:
    assert refused(path)
    assert refused(path, control_characters=True)
    assert not refused(path, dot_segments=True)


@pytest.mark.parametrize("path", CONTROLS)
def test_control_characters_are_refused_unless_the_bucket_opts_in(path: str) -> None:
    assert refused(path)
    assert refused(path, dot_segments=True)
    assert not refused(path, control_characters=True)


@pytest.mark.parametrize("path", ["/b//k", "/b//", "/b/a//b", "/b/a//", "/b/a/%2Fb", "/b/%2fk"])
def test_empty_segments_are_refused_where_the_store_folds_them(path: str) -> None:
    assert not refused(path)
    assert refused(path, double_slashes=False)
    assert refused(path, double_slashes=False, dot_segments=True, control_characters=True)


@pytest.mark.parametrize("path", ["/b/k", "/b/a/", "/b/a/b/c", "//b/k", "/b/a%252F/b"])
def test_other_keys_are_no_empty_segments(path: str) -> None:
    assert not refused(path, double_slashes=False)


@pytest.mark.parametrize("path", FINE)
def test_other_keys_are_bytes(path: str) -> None:
    assert not refused(path)


@given(st.text(alphabet="a./%\x00\x1f é", min_size=1, max_size=12), st.booleans())
def test_the_fast_path_misses_nothing(key: str, encode_all: bool) -> None:
    """The check, however the key was written, against one that looks at every segment."""
    data = key.encode()
    raw = "".join(
        chr(byte) if chr(byte) in "a./" and not encode_all else f"%{byte:02X}" for byte in data
    )
    bad = any(segment in (b".", b"..") for segment in data.split(b"/"))
    bad = bad or any(byte < 0x20 or byte == 0x7F for byte in data)
    assert refused("/b/" + raw) == bad
