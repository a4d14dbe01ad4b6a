"""Listings as clients walk them: pages through the translator, over the in-memory store.

Like ``drive`` it uses the product; what a listing must hold is worked out here once more.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from html import unescape
from urllib.parse import quote, unquote_to_bytes

import pytest

from multistore.backends.s3 import S3Backend
from multistore.config.sealer import TokenSealer
from multistore.gateway.listing import Listing
from multistore.types import Bucket, Identity, Origin
from support.drive import drive, make_identity, make_request

__all__ = [
    "BACKEND_BUCKET",
    "EVERYTHING",
    "PREFIX",
    "SEALER",
    "Page",
    "fetch",
    "grouped",
    "make_bucket",
    "make_listing",
    "names_of",
    "pages",
]

SEALER = TokenSealer(b"the secret of these tests")
EVERYTHING = make_identity()
PREFIX = b"tenants/acme/"
BACKEND_BUCKET = "backend-bucket"


def make_bucket(port: int, prefix: bytes = PREFIX) -> Bucket:
    origin = Origin("127.0.0.1", port, tls=False)
    backend = S3Backend(origin, BACKEND_BUCKET, sealer=SEALER, owner_id="us", region="us-east-1")
    return Bucket("bucket", backend, prefix=prefix)


def make_listing(bucket: Bucket, target: bytes, identity: Identity = EVERYTHING) -> Listing:
    request = make_request(bucket, "GET", b"/bucket" + target, identity=identity)
    return Listing(request, SEALER, "us", "we")


@dataclass
class Page:
    body: bytes
    keys: list[bytes] = field(default_factory=list)
    prefixes: list[bytes] = field(default_factory=list)

    def element(self, name: bytes) -> bytes | None:
        match = re.search(b"<%b>(.*?)</%b>" % (name, name), self.body, re.S)
        return None if match is None else unescape(match[1].decode()).encode()

    @property
    def truncated(self) -> bool:
        return self.element(b"IsTruncated") == b"true"

    @property
    def following(self) -> bytes | None:
        found = self.element(b"NextContinuationToken") or self.element(b"NextMarker")
        if found is None or self.element(b"EncodingType") is None:
            return found
        return unquote_to_bytes(found)


def query(**params: bytes | int | None) -> bytes:
    pairs = []
    for name, value in params.items():
        if value is not None:
            text = b"%d" % value if isinstance(value, int) else value
            pairs.append(f"{name.replace('_', '-')}={quote(text, safe='')}")
    return "&".join(pairs).encode()


def fetch(bucket: Bucket, identity: Identity = EVERYTHING, **params: bytes | int | None) -> Page:
    """One page; with ``encoding-type=url`` the names are decoded."""
    request = make_request(bucket, "GET", b"/bucket?" + query(**params), identity=identity)
    answer = drive(bucket.backend.plan(request), piece=97)
    assert answer.status == 200, answer.body
    assert answer.get(b"content-type") == b"application/xml"
    page = Page(answer.body)
    decode = unquote_to_bytes if params.get("encoding_type") else bytes
    for element, names in ((b"Key", page.keys), (b"Prefix", page.prefixes)):
        pattern = b"<%b>([^<]*)</%b>" % (element, element)
        for text in re.findall(pattern, answer.body.partition(b"</Prefix>")[2]):
            names.append(decode(unescape(text.decode()).encode()))
    if params.get("list_type"):
        assert page.element(b"KeyCount") == b"%d" % len(page.keys + page.prefixes)
    return page


def pages(
    bucket: Bucket, identity: Identity = EVERYTHING, **params: bytes | int | None
) -> Iterator[Page]:
    """All pages, as a client walks them; a walk that does not end fails."""
    start = "continuation_token" if params.get("list_type") else "marker"
    for _ in range(200):
        page = fetch(bucket, identity, **params)
        yield page
        if not page.truncated:
            assert page.following is None
            return
        assert page.following
        assert page.following != params.get(start)
        params[start] = page.following
    pytest.fail("the listing never ends")


def grouped(keys: list[bytes], prefix: bytes, delimiter: bytes) -> list[tuple[bytes, bool]]:
    """What S3 says a listing holds: an independent reading, in order."""
    names = set()
    for key in keys:
        if key.startswith(prefix):
            rest = key[len(prefix) :]
            if delimiter and delimiter in rest:
                names.add((prefix + rest.split(delimiter)[0] + delimiter, True))
            else:
                names.add((key, False))
    return sorted(names)


def names_of(walk: list[Page]) -> list[tuple[bytes, bool]]:
    found = [(key, False) for page in walk for key in page.keys]
    return sorted(found + [(name, True) for page in walk for name in page.prefixes])
