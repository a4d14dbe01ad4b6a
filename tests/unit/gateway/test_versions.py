"""ListObjectVersions: keys, versions and delete markers in the client's world."""

from __future__ import annotations

import logging
from xml.etree import ElementTree

import pytest

from multistore.config.sealer import TokenSealer
from multistore.errors import S3Error
from multistore.gateway.versions import VersionListing, VersionTranslator
from multistore.types import Bucket, Identity
from support.drive import make_identity, make_request
from unit.gateway.world import CountingBackend

SEALER = TokenSealer(b"the secret of these tests")
PREFIX = b"tenants/acme/"
LISTER = make_identity(actions=("list_object_versions",))
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"

bucket = Bucket("bucket", CountingBackend(), prefix=PREFIX)


def listing(query: bytes = b"", identity: Identity = LISTER) -> VersionListing:
    request = make_request(bucket, "GET", b"/bucket?versions" + query, identity=identity)
    return VersionListing(request, SEALER, "us", "we")


def versions(
    document: bytes, query: bytes = b"", identity: Identity = LISTER
) -> ElementTree.Element:
    translator = VersionTranslator(listing(query, identity))
    pieces = [translator.feed(document[at : at + 7]) for at in range(0, len(document), 7)]
    text = b"".join(pieces) + translator.finish()
    for leak in (b"stored", b"acme", b"their", b"Vendor"):
        assert leak not in text
    return ElementTree.fromstring(text)


def version(key: bytes, version_id: bytes, tag: bytes = b"Version") -> bytes:
    return (
        b"<%b><Key>%b</Key><VersionId>%b</VersionId><IsLatest>true</IsLatest>"
        b"<LastModified>2026-01-01T00:00:00.000Z</LastModified><ETag>abc</ETag><Size>5</Size>"
        b"<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><ChecksumType>FULL_OBJECT</ChecksumType>"
        b"<Owner><ID>theirs</ID></Owner><StorageClass>GLACIER</StorageClass><Vendor>v</Vendor></%b>"
        % (tag, key, version_id, tag)
    )


def page(*entries: bytes, truncated: bool = False, root: bytes = b"ListVersionsResult") -> bytes:
    return (
        b"<%b><Name>stored</Name><Prefix>tenants/acme/</Prefix>%b<IsTruncated>%b</IsTruncated></%b>"
        % (
            root,
            b"".join(entries),
            b"true" if truncated else b"false",
            root,
        )
    )


def shown(root: ElementTree.Element) -> list[tuple[str, str, str]]:
    return [
        (
            element.tag.removeprefix(S3),
            *(element.findtext(S3 + n) or "" for n in ("Key", "VersionId")),
        )
        for element in root
        if element.tag in (S3 + "Version", S3 + "DeleteMarker")
    ]


@pytest.mark.rule("S18", "S20", "SEM-21")
def test_versions_are_shown_in_the_clients_names() -> None:
    root = versions(
        page(
            version(PREFIX + b"a b+%41&amp;", b"v/1+"),
            version(PREFIX + b"dir/x", b"v2", b"DeleteMarker"),
            version(PREFIX + b"dir/x", b"null"),
            b"<CommonPrefixes><Prefix>tenants/acme/p/</Prefix></CommonPrefixes><Vendor>v</Vendor>",
        ),
        b"&max-keys=7&delimiter=/",
    )
    assert root.tag == S3 + "ListVersionsResult"
    assert shown(root) == [
        ("Version", "a b+%41&", "v/1+"),
        ("DeleteMarker", "dir/x", "v2"),
        ("Version", "dir/x", "null"),
    ]
    assert [e.text for e in root.iterfind(f"{S3}CommonPrefixes/{S3}Prefix")] == ["p/"]
    for name, text in (
        ("Name", "bucket"),
        ("Prefix", ""),
        ("MaxKeys", "7"),
        ("Delimiter", "/"),
        ("IsTruncated", "false"),
        ("NextKeyMarker", None),
    ):
        assert root.findtext(S3 + name) == text
    first = root.find(S3 + "Version")
    assert first is not None
    for name, text in (
        ("IsLatest", "true"),
        ("ETag", '"abc"'),
        ("Size", "5"),
        ("StorageClass", "GLACIER"),
        ("ChecksumAlgorithm", "CRC32"),
        ("ChecksumType", "FULL_OBJECT"),
        ("Vendor", None),
    ):
        assert first.findtext(S3 + name) == text
    marker = root.find(S3 + "DeleteMarker")
    assert marker is not None
    assert marker.find(S3 + "ETag") is None
    assert [e.findtext(f"{S3}Owner/{S3}ID") for e in (first, marker)] == ["us", "us"]
    encoded = versions(page(version(PREFIX + b"a b+%", b"v")), b"&encoding-type=url&prefix=a%20b")
    assert shown(encoded) == [("Version", "a%20b%2B%25", "v")]
    assert encoded.findtext(S3 + "Prefix") == "a%20b"


@pytest.mark.rule("SEM-21")
def test_the_store_is_asked_below_its_prefix() -> None:
    asked = listing(
        b"&prefix=a%20b&delimiter=/&key-marker=k&version-id-marker=v%2F1%2B&max-keys=5000"
    )
    assert asked.query() == (
        b"delimiter=%2F&key-marker=tenants%2Facme%2Fk&max-keys=1000&prefix=tenants%2Facme%2Fa%20b"
        b"&version-id-marker=v%2F1%2B&versions="
    )
    for query in (b"&max-keys=x", b"&encoding-type=x", b"&version-id-marker=v"):
        with pytest.raises(S3Error) as caught:
            listing(query)
        assert caught.value.code == "InvalidArgument"


@pytest.mark.rule("S3", "S19")
def test_versions_outside_prefix_or_scope_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    bounded = make_identity(b"in", actions=("list_object_versions",))
    document = page(
        *(version(key, b"v") for key in (PREFIX + b"in", PREFIX + b"in/x", PREFIX + b"inside")),
        version(b"elsewhere/in/x", b"v", b"DeleteMarker"),
    )
    with caplog.at_level(logging.WARNING, "multistore.backend"):
        root = versions(document, b"&prefix=in", bounded)
    assert [key for _, key, _ in shown(root)] == ["in", "in/x"]
    assert "2 entries outside prefix or scope dropped" in caplog.text
    for identity in (bounded, make_identity(actions=("list_bucket",))):
        with pytest.raises(S3Error, match="AccessDenied"):
            listing(b"", identity)


@pytest.mark.rule("R27", "S18")
@pytest.mark.parametrize(
    "markers",
    [
        b"<NextKeyMarker>tenants/acme/a+</NextKeyMarker>"
        b"<NextVersionIdMarker>v2</NextVersionIdMarker>",
        b"",
        b"<NextKeyMarker>elsewhere</NextKeyMarker><NextVersionIdMarker>w</NextVersionIdMarker>",
    ],
)
def test_pages_lead_on_within_a_key(markers: bytes) -> None:
    document = page(
        version(PREFIX + b"a+", b"v1"), version(PREFIX + b"a+", b"v2"), markers, truncated=True
    )
    root = versions(document, b"&key-marker=a%2B&version-id-marker=v0")
    assert root.findtext(S3 + "KeyMarker") == "a+"
    assert root.findtext(S3 + "VersionIdMarker") == "v0"
    assert root.findtext(S3 + "NextKeyMarker") == "a+"
    assert root.findtext(S3 + "NextVersionIdMarker") == "v2"
    for again in (document, page(truncated=True)):
        with pytest.raises(S3Error, match="BadGateway"):
            versions(again, b"&key-marker=a%2B&version-id-marker=v2")


@pytest.mark.rule("R27", "S18")
def test_a_common_prefix_is_a_marker_too() -> None:
    document = page(
        version(PREFIX + b"a", b"v1"),
        b"<CommonPrefixes><Prefix>tenants/acme/b/</Prefix></CommonPrefixes>",
        truncated=True,
    )
    root = versions(document, b"&delimiter=/")
    assert root.findtext(S3 + "NextKeyMarker") == "b/"
    assert root.findtext(S3 + "NextVersionIdMarker") == ""


@pytest.mark.rule("R27", "S18")
def test_a_marker_that_the_client_may_not_see_is_sealed() -> None:
    bounded = make_identity(b"in", actions=("list_object_versions",))
    document = page(
        version(PREFIX + b"in/a", b"v1"), version(PREFIX + b"inside", b"v2"), truncated=True
    )
    root = versions(document, b"&prefix=in", bounded)
    marker = (root.findtext(S3 + "NextKeyMarker") or "").encode()
    assert b"inside" not in marker
    asked = listing(b"&prefix=in&version-id-marker=v2&key-marker=" + marker, bounded)
    assert asked.marker == PREFIX + b"inside"
    # Of another list it is a name that only looks like a marker.
    other = listing(b"&prefix=in/&version-id-marker=v2&key-marker=" + marker, bounded)
    assert other.marker == PREFIX + marker


@pytest.mark.rule("F22")
@pytest.mark.rule("F20")
@pytest.mark.parametrize(
    "document",
    [
        b"<Error><Code>InternalError</Code></Error>",
        page(root=b"ListBucketResult"),
        page()[:-3],
        page(b"<Version><VersionId>v</VersionId></Version>"),
        b"no XML",
    ],
)
def test_a_page_that_is_none(document: bytes) -> None:
    with pytest.raises(S3Error, match="BadGateway"):
        versions(document)


@pytest.mark.rule("SEM-21")
def test_max_keys_0_costs_the_store_nothing() -> None:
    root = ElementTree.fromstring(listing(b"&max-keys=0").empty().body)
    assert (root.findtext(S3 + "MaxKeys"), root.findtext(S3 + "IsTruncated")) == ("0", "false")
