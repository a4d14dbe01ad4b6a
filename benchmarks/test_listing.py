"""A page of 1000 keys through the translator, beside the reading of its XML alone.

The difference of the two is what rewriting costs; divided by 1000, the price of one key.
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from multistore.backends.s3 import S3Backend
from multistore.config.sealer import TokenSealer
from multistore.gateway.listing import Listing, ListingTranslator
from multistore.types import Bucket, Origin
from multistore.wire import XmlReader
from support.drive import make_identity, make_request

KEYS = 1000
#: What a TCP read of the server delivers at most.
READ = 65_536
SEALER = TokenSealer(b"the secret of this benchmark")

ENTRY = (
    b"<Contents><Key>tenants/acme/year=2026/part-%05d.parquet</Key>"
    b"<LastModified>2026-11-25T12:00:00.000Z</LastModified>"
    b"<ETag>&quot;841a2d689ad86bd1611447453c22c6fc&quot;</ETag><Size>1048576</Size>"
    b"<StorageClass>STANDARD</StorageClass></Contents>"
)
PAGE = (
    b'<?xml version="1.0" encoding="UTF-8"?>\n'
    b'<ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
    b"<Name>backend</Name><Prefix>tenants/acme/</Prefix><IsTruncated>true</IsTruncated>"
    b"<NextContinuationToken>token</NextContinuationToken><EncodingType>url</EncodingType>"
    + b"".join(ENTRY % number for number in range(KEYS))
    + b"</ListBucketResult>"
)
READS = [PAGE[at : at + READ] for at in range(0, len(PAGE), READ)]


def read_events() -> int:
    reader = XmlReader()
    count = sum(len(reader.feed(data)) for data in READS)
    reader.close()
    return count


@pytest.mark.benchmark(group="a listing of 1000 keys")
def test_read_only(benchmark: BenchmarkFixture) -> None:
    assert benchmark(read_events) == 7 * KEYS + 7


@pytest.mark.benchmark(group="a listing of 1000 keys")
@pytest.mark.parametrize("encoding", ["plain", "url"])
@pytest.mark.parametrize("scope", ["whole", "bounded"])
def test_translate(benchmark: BenchmarkFixture, encoding: str, scope: str) -> None:
    backend = S3Backend(Origin("127.0.0.1", 1, tls=False), "backend", sealer=SEALER)
    bucket = Bucket("bucket", backend, prefix=b"tenants/acme/")
    target = b"/bucket?list-type=2" + (b"&encoding-type=url" if encoding == "url" else b"")
    identity = make_identity()
    if scope == "bounded":
        target += b"&prefix=year%3D2026"
        identity = make_identity(b"year=2026")
    request = make_request(bucket, "GET", target, identity=identity)
    listing = Listing(request, SEALER, "owner", "owner")
    assert (listing.bounds is None) is (scope == "whole")

    def translate() -> bytes:
        translator = ListingTranslator(listing)
        pieces = [translator.feed(data) for data in READS]
        pieces.append(translator.finish())
        return b"".join(pieces)

    assert benchmark(translate).count(b"<Key>year") == KEYS
