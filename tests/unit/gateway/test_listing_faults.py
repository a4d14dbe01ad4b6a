"""What a backend may get wrong in a listing, and what then must not happen."""

from __future__ import annotations

import logging
import re

import pytest

from multistore.errors import S3Error
from multistore.gateway.listing import ListingTranslator
from multistore.gateway.plan import Forward
from multistore.limits import KEY_MAX, LIST_BODY_MAX, LIST_MAX_KEYS
from multistore.types import Bucket
from support.drive import make_request
from support.listings import EVERYTHING, PREFIX, SEALER, make_bucket, make_listing


@pytest.fixture
def bucket() -> Bucket:
    return make_bucket(1)


HEAD = b'<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
TAIL = b"</ListBucketResult>"


def contents(key: bytes) -> bytes:
    return b"<Contents><Key>%b</Key><Size>0</Size></Contents>" % key


def translate(
    bucket: Bucket, document: bytes, target: bytes = b"?list-type=2", step: int = 0
) -> bytes:
    translator = ListingTranslator(make_listing(bucket, target))
    step = step or len(document) or 1
    out = [translator.feed(document[at : at + step]) for at in range(0, len(document), step)]
    return b"".join([*out, translator.finish()])


def test_where_a_read_ends_changes_nothing(bucket: Bucket) -> None:
    flags = b"<IsTruncated>false</IsTruncated><KeyCount>9</KeyCount>"
    prefixes = b"<CommonPrefixes><Prefix>tenants/acme/d+e/</Prefix></CommonPrefixes>"
    document = HEAD + flags + contents(PREFIX + b"a%26%3C") + prefixes + TAIL
    whole = translate(bucket, document)
    assert b"<Key>a&amp;&lt;</Key>" in whole
    assert b"<Prefix>d e/</Prefix>" in whole
    assert b"<KeyCount>2</KeyCount>" in whole
    for step in range(1, 40):
        assert translate(bucket, document, step=step) == whole


@pytest.mark.rule("L7", "F02", "F22")
def test_a_document_that_ends_early_is_a_fault(bucket: Bucket) -> None:
    document = HEAD + contents(PREFIX + b"a") + b"<IsTruncated>false</IsTruncated>" + TAIL
    for end in range(len(document)):
        with pytest.raises(S3Error) as caught:
            translate(bucket, document[:end])
        assert caught.value.code == "BadGateway"


@pytest.mark.rule("L7", "F22")
@pytest.mark.parametrize(
    "document",
    [
        b"<Error><Code>InternalError</Code><Message>tenants/acme</Message></Error>",
        b"<html><body>tenants/acme</body></html>",
        b"not XML",
        b"<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
        b"<ListBucketResult>" + contents(PREFIX + b"%zz") + TAIL,
        b"<!DOCTYPE x><ListBucketResult/>",
        b"<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
        b"<ListBucketResult/>" * 2,
    ],
)
@pytest.mark.parametrize("target", [b"?list-type=2", b"?"])
def test_a_document_that_is_no_listing_is_a_fault(
    bucket: Bucket, document: bytes, target: bytes
) -> None:
    with pytest.raises(S3Error) as caught:
        translate(bucket, document, target)
    assert caught.value.code == "BadGateway"
    assert "acme" not in str(caught.value)


@pytest.mark.rule("L8", "F22")
@pytest.mark.parametrize("piece", [b" ", b"<Nothing/>", contents(b"elsewhere")])
def test_a_document_without_end_is_a_fault(
    bucket: Bucket, piece: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    start = HEAD + b"<IsTruncated>false</IsTruncated>"
    document = start + piece * ((LIST_BODY_MAX - len(start)) // len(piece) + 1)
    with pytest.raises(S3Error, match="BadGateway"):
        translate(bucket, document, step=65_536)
    assert [record.getMessage() for record in caplog.records] == [
        f"listing of bucket bucket failed: longer than {LIST_BODY_MAX} bytes"
    ]


def test_the_longest_page_that_s3_knows_is_none(bucket: Bucket) -> None:
    # Each byte of a key percent-encoded, and whatever may stand beside one.
    beside = (
        b"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>&quot;%b-10000&quot;</ETag>"
        b"<Size>5497558138880</Size><StorageClass>INTELLIGENT_TIERING</StorageClass>"
        b"<ChecksumAlgorithm>CRC64NVME</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        b"<Owner><ID>%b</ID><DisplayName>%b</DisplayName></Owner>"
        % (b"e" * 32, b"i" * 64, b"d" * 64)
    )
    entries = [
        b"<Contents><Key>%b%b</Key>%b</Contents>"
        % (PREFIX, b"%%C3%%A9%05d" % n + b"%C3%A9" * ((KEY_MAX - len(PREFIX) - 7) // 2), beside)
        for n in range(LIST_MAX_KEYS)
    ]
    document = HEAD + b"<IsTruncated>false</IsTruncated>" + b"".join(entries) + TAIL
    assert len(document) < LIST_BODY_MAX // 2
    assert translate(bucket, document, step=65_536).count(b"<Key>") == LIST_MAX_KEYS


@pytest.mark.rule("F22")
@pytest.mark.parametrize(
    ("document", "reason"),
    [
        (b"<ListBucketResult></a>", "not well-formed XML"),
        (b"<ListBucketResult>", "the document ends early"),
        (b"<ListBucketResult>" + contents(PREFIX + b"%zz") + TAIL, "a name is not percent-encoded"),
        (b"<Error/>", "the document is a <Error>"),
    ],
)
def test_the_log_says_what_was_wrong_in_words_for_operators(
    bucket: Bucket, document: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(S3Error, match="BadGateway"):
        translate(bucket, document)
    assert [record.getMessage() for record in caplog.records] == [
        f"listing of bucket bucket failed: {reason}"
    ]


@pytest.mark.rule("R27")
def test_a_token_that_never_changes_is_a_fault_not_a_loop(bucket: Bucket) -> None:
    token = SEALER.seal(b"same", b"bucket\0")
    page = HEAD + contents(PREFIX + b"a")
    page += b"<IsTruncated>true</IsTruncated><NextContinuationToken>%b</NextContinuationToken>"
    target = b"?list-type=2&continuation-token=" + token
    with pytest.raises(S3Error, match="BadGateway"):
        translate(bucket, page % b"same" + TAIL, target)
    assert b"NextContinuationToken" in translate(bucket, page % b"another" + TAIL, target)
    with pytest.raises(S3Error, match="BadGateway"):
        translate(bucket, page % b"" + TAIL, target)


@pytest.mark.rule("S18", "R29")
@pytest.mark.parametrize(
    ("marker", "expected"),
    [
        (b"", b"b/"),  # none: the greatest name of the page
        (b"tenants/acme/b/", b"b/"),
        (b"tenants/acme/b%2Fz", b"b/z"),
        (b"elsewhere", b"b/"),  # not below the prefix: never shown
    ],
)
def test_next_marker_is_mapped_or_made(bucket: Bucket, marker: bytes, expected: bytes) -> None:
    document = HEAD + b"<IsTruncated>true</IsTruncated><NextMarker>%b</NextMarker>" % marker
    document += contents(PREFIX + b"a")
    document += b"<CommonPrefixes><Prefix>tenants/acme/b/</Prefix></CommonPrefixes>" + TAIL
    page = translate(bucket, document, b"?delimiter=/")
    assert b"<NextMarker>%b</NextMarker>" % expected in page
    with pytest.raises(S3Error, match="BadGateway"):
        translate(bucket, document, b"?delimiter=/&marker=" + expected)


def test_a_marker_that_the_store_does_not_encode_is_understood(bucket: Bucket) -> None:
    document = HEAD + contents(PREFIX + b"100%25") + b"<IsTruncated>true</IsTruncated>"
    document += b"<NextMarker>tenants/acme/100%25</NextMarker>" + TAIL
    assert b"<NextMarker>100%</NextMarker>" in translate(bucket, document, b"?")
    document = document.replace(
        b"<NextMarker>tenants/acme/100%25", b"<NextMarker>tenants/acme/100%"
    )
    assert b"<NextMarker>100%</NextMarker>" in translate(bucket, document, b"?")


@pytest.mark.rule("S19")
def test_what_is_outside_the_prefix_is_dropped_and_counted(
    bucket: Bucket, caplog: pytest.LogCaptureFixture
) -> None:
    document = HEAD + b"<IsTruncated>false</IsTruncated>"
    for key in (b"other", PREFIX + b"in/a", PREFIX + b"out", b"tenants/acme-rival/in/", b""):
        document += contents(key)
    document += b"<CommonPrefixes><Prefix>rival/</Prefix></CommonPrefixes>" + TAIL
    with caplog.at_level(logging.WARNING, "multistore.backend"):
        page = translate(bucket, document, b"?list-type=2&prefix=in/")
    assert re.findall(rb"<Key>(.*?)</Key>", page) == [b"in/a"]
    assert b"<KeyCount>1</KeyCount>" in page
    assert b"rival" not in page
    assert [record.getMessage() for record in caplog.records] == [
        "listing of bucket bucket: 5 entries outside prefix or scope dropped"
    ]


@pytest.mark.rule("S20")
def test_elements_of_other_stores_are_not_copied(bucket: Bucket) -> None:
    entry = (
        b"<Contents><Key>tenants/acme/a</Key><ETag>unquoted</ETag><Size>1&lt;</Size><Vendor>v</Vendor>"
        b"<Owner><ID>backend-owner</ID><Key>tenants/acme/z</Key></Owner>"
        b"<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumAlgorithm>SHA1</ChecksumAlgorithm>"
        b"</Contents>"
    )
    page = translate(bucket, HEAD + entry + contents(PREFIX + b"b") + b"<Vendor>x</Vendor>" + TAIL)
    assert re.findall(rb"<Key>(.*?)</Key>", page) == [b"a", b"b"]
    assert b"<ETag>&quot;unquoted&quot;</ETag>" in page
    assert b"<Size>1&lt;</Size>" in page
    assert page.count(b"<ChecksumAlgorithm>") == 2
    for leak in (b"Vendor", b"backend-owner", b"acme"):
        assert leak not in page


@pytest.mark.rule("L8")
def test_a_long_page_flows(bucket: Bucket) -> None:
    translator = ListingTranslator(make_listing(bucket, b"?list-type=2"))
    longest = 0
    translator.feed(HEAD)
    for number in range(1000):
        longest = max(longest, len(translator.feed(contents(PREFIX + b"%0900d" % number))))
    assert 32_768 <= longest < 40_000
    assert len(translator.feed(TAIL) + translator.finish()) < 40_000


def test_a_listing_may_be_asked_again(bucket: Bucket) -> None:
    request = make_request(bucket, "GET", b"/bucket?list-type=2", identity=EVERYTHING)
    plan = bucket.backend.plan(request)
    assert isinstance(plan, Forward)
    assert plan.replayable
    assert plan.length == -1
