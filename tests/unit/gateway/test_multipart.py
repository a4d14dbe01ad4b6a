"""Multipart uploads in the client's world: ids, parts, lists."""

from __future__ import annotations

import logging
import re
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from multistore.config.sealer import TokenSealer
from multistore.errors import S3Error
from multistore.gateway.multipart import (
    PartListing,
    PartTranslator,
    UploadListing,
    UploadTranslator,
    initiated,
    open_upload_id,
    seal_upload_id,
)
from multistore.limits import KEY_MAX, UPLOAD_ID_MAX, Limits
from multistore.types import Bucket, Identity
from support.drive import make_identity, make_request
from unit.gateway.world import CountingBackend

SEALER = TokenSealer(b"the secret of these tests")
PREFIX = b"tenants/acme/"
LISTER = make_identity(actions=("list_multipart_uploads", "list_parts"))
S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"

bucket = Bucket("bucket", CountingBackend(), prefix=PREFIX)


def sealed(key: bytes, upload_id: bytes = b"u1") -> bytes:
    return seal_upload_id(SEALER, "bucket", key, upload_id)


def refusal(call: object, *arguments: object) -> S3Error:
    with pytest.raises(S3Error) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value


# --- ids ------------------------------------------------------------------------------------------


@pytest.mark.rule("S18")
@given(st.binary(min_size=1, max_size=UPLOAD_ID_MAX), st.binary(min_size=1, max_size=KEY_MAX))
def test_an_id_is_url_safe_always_the_same_and_comes_back(upload_id: bytes, key: bytes) -> None:
    shown = sealed(key, upload_id)
    assert re.fullmatch(rb"[A-Za-z0-9_-]+", shown)
    assert shown == sealed(key, upload_id)
    assert open_upload_id(SEALER, "bucket", key, shown) == upload_id
    # Beside the longest key, each byte of it encoded, it fits into a target.
    assert len(shown) + 3 * KEY_MAX + 200 < Limits().target_bytes


@pytest.mark.rule("S18", "L3")
def test_an_id_is_of_its_bucket_and_key_only() -> None:
    token = SEALER.seal(b"u1", b"bucket\0k")
    for name, key, given_id in (
        ("bucket", b"other", sealed(b"k")),
        ("bucke", b"tk", sealed(b"k")),
        ("other", b"k", sealed(b"k")),
        ("bucket", b"k", token),  # a list's
        ("bucket", b"k", b"u1"),  # the store's own
        ("bucket", b"k", b""),
        ("bucket", b"k", sealed(b"k")[:-1]),
        ("bucket", b"k", b"\xff\0" * 9),
    ):
        error = refusal(open_upload_id, SEALER, name, key, given_id)
        assert (error.status, error.code) == (404, "NoSuchUpload")
    # And no id is a continuation token, whatever bucket and prefix are called.
    for context in (b"bucket\0k", b"upload-id\0bucket\0k", b"\0bucket\0k"):
        assert refusal(SEALER.open, sealed(b"k"), context).code == "InvalidArgument"


@pytest.mark.rule("L8")
@pytest.mark.parametrize("length", [0, UPLOAD_ID_MAX + 1])
def test_an_id_that_no_client_could_use_is_the_stores_fault(length: int) -> None:
    assert refusal(sealed, b"k", b"x" * length).code == "BadGateway"


@pytest.mark.rule("S20")
@pytest.mark.rule("R37")
def test_the_answer_to_create_is_in_the_clients_names() -> None:
    body = (
        b'<?xml version="1.0"?>\n<InitiateMultipartUploadResult xmlns="x"><Bucket>stored</Bucket>'
        b"<Key>tenants/acme/a</Key><UploadId>u1</UploadId></InitiateMultipartUploadResult>"
    )
    fields = ((b"x-amz-checksum-type", b"COMPOSITE"),)
    answer = initiated(body, SEALER, bucket, b"a b&c+<\xc3\xa9", fields)
    assert (b"x-amz-checksum-type", b"COMPOSITE") in answer.fields
    root = ElementTree.fromstring(answer.body)
    assert answer.body.startswith(b"<?xml")
    assert root.tag == S3 + "InitiateMultipartUploadResult"
    assert root.findtext(S3 + "Bucket") == "bucket"
    assert root.findtext(S3 + "Key") == "a b&c+<\u00e9"
    shown = (root.findtext(S3 + "UploadId") or "").encode()
    assert open_upload_id(SEALER, "bucket", b"a b&c+<\xc3\xa9", shown) == b"u1"
    for leak in (b"acme", b"stored", b">u1<"):
        assert leak not in answer.body


@pytest.mark.rule("F22")
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html></html>",
        b"<InitiateMultipartUploadResult/>",
        b"<InitiateMultipartUploadResult><UploadId></UploadId></InitiateMultipartUploadResult>",
        b"<InitiateMultipartUploadResult><UploadId>u</UploadId>",
        b"<Other><UploadId>u</UploadId></Other>",
        b"<InitiateMultipartUploadResult><X><UploadId>u</UploadId></X>"
        b"</InitiateMultipartUploadResult>",
    ],
)
def test_an_answer_to_create_that_is_none(body: bytes) -> None:
    assert refusal(initiated, body, SEALER, bucket, b"k", ()).code == "BadGateway"


# --- parts ----------------------------------------------------------------------------------------


def part_listing(query: bytes = b"", key: bytes = b"k") -> PartListing:
    target = b"/bucket/%b?uploadId=%b%b" % (key, sealed(key, b"a/b+c="), query)
    request = make_request(bucket, "GET", target, identity=LISTER)
    return PartListing(request, SEALER, "us", "we")


def parts(document: bytes, query: bytes = b"", fields: tuple[tuple[bytes, bytes], ...] = ()) -> str:
    translator = PartTranslator(part_listing(query), fields)
    pieces = [translator.feed(document[at : at + 7]) for at in range(0, len(document), 7)]
    return (b"".join(pieces) + translator.finish()).decode()


PARTS = (
    b"<ListPartsResult><Bucket>stored</Bucket><Key>tenants/acme/k</Key><UploadId>a/b+c=</UploadId>"
    b"<Owner><ID>theirs</ID><DisplayName>them</DisplayName></Owner>"
    b"<Initiator><ID>arn:theirs</ID></Initiator><StorageClass>GLACIER</StorageClass>"
    b"<ChecksumAlgorithm>CRC32</ChecksumAlgorithm><Vendor>v</Vendor>"
    b"<Part><PartNumber>2</PartNumber><LastModified>2026-01-01T00:00:00.000Z</LastModified>"
    b"<ETag>abc</ETag><Size>5</Size><ChecksumCRC32>AAAAAA==</ChecksumCRC32><Secret>s</Secret></Part>"
    b"<Part><PartNumber>7</PartNumber><ETag>&quot;d&quot;</ETag><Size>6</Size></Part>"
)


@pytest.mark.rule("S20", "R17")
def test_parts_are_shown_in_the_clients_names() -> None:
    text = parts(PARTS + b"<IsTruncated>false</IsTruncated></ListPartsResult>")
    root = ElementTree.fromstring(text)
    assert root.tag == S3 + "ListPartsResult"
    shown = {element.tag.removeprefix(S3): element.text for element in root if not len(element)}
    assert shown == {
        "Bucket": "bucket",
        "Key": "k",
        "UploadId": sealed(b"k", b"a/b+c=").decode(),
        "PartNumberMarker": "0",
        "NextPartNumberMarker": "7",
        "MaxParts": "1000",
        "IsTruncated": "false",
        "StorageClass": "GLACIER",
        "ChecksumAlgorithm": "CRC32",
    }
    found = [{e.tag.removeprefix(S3): e.text for e in part} for part in root.iter(S3 + "Part")]
    assert found[0]["PartNumber"] == "2"
    assert found[0]["ETag"] == '"abc"'
    assert found[0]["ChecksumCRC32"] == "AAAAAA=="
    assert (found[1]["PartNumber"], found[1]["ETag"], found[1]["Size"]) == ("7", '"d"', "6")
    for who in ("Owner", "Initiator"):
        assert root.findtext(f"{S3}{who}/{S3}ID") == "us"
    for leak in ("stored", "acme", "their", "them", "Vendor", "Secret", "a/b+c="):
        assert leak not in text


@pytest.mark.rule("SEM-21")
def test_what_the_store_is_asked_of_the_parts() -> None:
    assert part_listing().query() == b"max-parts=1000&uploadId=a%2Fb%2Bc%3D"
    asked = part_listing(b"&max-parts=5000&part-number-marker=7&encoding-type=url")
    assert asked.query() == b"max-parts=1000&part-number-marker=7&uploadId=a%2Fb%2Bc%3D"
    assert b"<EncodingType>url</EncodingType>" in asked.head()
    for query in (
        b"&max-parts=-1",
        b"&max-parts=x",
        b"&part-number-marker=x",
        b"&part-number-marker=1_0",
        b"&part-number-marker=" + b"9" * 5000,
        b"&encoding-type=base64",
    ):
        assert refusal(part_listing, query).code == "InvalidArgument"


@pytest.mark.rule("R27", "F22")
def test_pages_of_parts_lead_on_or_are_a_fault() -> None:
    truncated = b"<IsTruncated>true</IsTruncated>"
    end = b"</ListPartsResult>"
    marker = b"<NextPartNumberMarker>7</NextPartNumberMarker>"
    for following in (marker, b""):
        text = parts(PARTS + truncated + following + end)
        assert "<NextPartNumberMarker>7</NextPartNumberMarker>" in text
        assert "<IsTruncated>true</IsTruncated>" in text
    for document, query in (
        (PARTS + truncated + marker + end, b"&part-number-marker=7"),
        (b"<ListPartsResult>" + truncated + end, b""),
        (PARTS, b""),
        (b"<Error><Code>x</Code></Error>", b""),
        (b"<ListPartsResult><Part><PartNumber>x</PartNumber></Part>" + end, b""),
        (b"<ListPartsResult><Part><PartNumber>10001</PartNumber></Part>" + end, b""),
    ):
        assert refusal(parts, document, query).code == "BadGateway"


# --- uploads --------------------------------------------------------------------------------------


def upload_listing(query: bytes = b"", identity: Identity = LISTER) -> UploadListing:
    request = make_request(bucket, "GET", b"/bucket?uploads" + query, identity=identity)
    return UploadListing(request, SEALER, "us", "we")


def uploads(
    document: bytes, query: bytes = b"", identity: Identity = LISTER
) -> ElementTree.Element:
    translator = UploadTranslator(upload_listing(query, identity))
    pieces = [translator.feed(document[at : at + 7]) for at in range(0, len(document), 7)]
    text = b"".join(pieces) + translator.finish()
    for leak in (b"stored", b"acme", b"their", b"Vendor", b">u1<", b">u2<"):
        assert leak not in text
    return ElementTree.fromstring(text)


def upload(key: bytes, upload_id: bytes) -> bytes:
    return (
        b"<Upload><Key>%b</Key><UploadId>%b</UploadId><Initiator><ID>theirs</ID></Initiator>"
        b"<Owner><ID>theirs</ID></Owner><StorageClass>GLACIER</StorageClass>"
        b"<Initiated>2026-01-01T00:00:00.000Z</Initiated><ChecksumAlgorithm>CRC32C"
        b"</ChecksumAlgorithm><ChecksumType>COMPOSITE</ChecksumType></Upload>" % (key, upload_id)
    )


def page(*entries: bytes, truncated: bool = False) -> bytes:
    return b"<ListMultipartUploadsResult><Bucket>stored</Bucket>%b<IsTruncated>%b</IsTruncated>" % (
        b"".join(entries),
        b"true" if truncated else b"false",
    ) + (b"</ListMultipartUploadsResult>")


def keys_of(root: ElementTree.Element) -> list[str]:
    return [element.text or "" for element in root.iter(S3 + "Key")]


@pytest.mark.rule("S20", "S18", "SEM-21")
def test_uploads_are_shown_in_the_clients_names() -> None:
    root = uploads(
        page(
            upload(PREFIX + b"a b+%41&amp;", b"u1"),
            upload(PREFIX + b"dir/x", b"u2"),
            b"<CommonPrefixes><Prefix>tenants/acme/p/</Prefix></CommonPrefixes><Vendor>v</Vendor>",
        ),
        b"&max-uploads=7&delimiter=/",
    )
    assert keys_of(root) == ["a b+%41&", "dir/x"]
    ids = [(element.text or "").encode() for element in root.iter(S3 + "UploadId")]
    assert ids == [sealed(b"a b+%41&", b"u1"), sealed(b"dir/x", b"u2")]
    assert [e.text for e in root.iterfind(f"{S3}CommonPrefixes/{S3}Prefix")] == ["p/"]
    for who in ("Owner", "Initiator"):
        assert [e.text for e in root.iterfind(f"{S3}Upload/{S3}{who}/{S3}ID")] == ["us", "us"]
    for name, text in (
        ("Bucket", "bucket"),
        ("MaxUploads", "7"),
        ("Delimiter", "/"),
        ("IsTruncated", "false"),
        ("NextKeyMarker", None),
    ):
        assert root.findtext(S3 + name) == text
    assert root.findtext(f"{S3}Upload/{S3}ChecksumAlgorithm") == "CRC32C"
    encoded = uploads(page(upload(PREFIX + b"a b+%", b"u1")), b"&encoding-type=url")
    assert keys_of(encoded) == ["a%20b%2B%25"]


@pytest.mark.rule("SEM-21")
def test_the_store_is_asked_below_its_prefix() -> None:
    marker = sealed(b"k", b"u1")
    asked = upload_listing(
        b"&prefix=a+b&delimiter=/&key-marker=k&upload-id-marker=%b&max-uploads=3" % marker
    )
    assert asked.query() == (
        b"delimiter=%2F&key-marker=tenants%2Facme%2Fk&max-uploads=3&prefix=tenants%2Facme%2Fa%20b"
        b"&upload-id-marker=u1&uploads="
    )
    assert upload_listing(b"&upload-id-marker=nonsense").query() == (
        b"max-uploads=1000&prefix=tenants%2Facme%2F&uploads="
    )
    for query in (
        b"&max-uploads=x",
        b"&encoding-type=x",
        b"&key-marker=j&upload-id-marker=" + marker,
        b"&key-marker=k&upload-id-marker=u1",
    ):
        assert refusal(upload_listing, query).code == "InvalidArgument"


@pytest.mark.rule("S3", "S19")
def test_uploads_outside_prefix_or_scope_are_dropped(caplog: pytest.LogCaptureFixture) -> None:
    bounded = make_identity(b"in", actions=("list_multipart_uploads",))
    document = page(
        *(upload(key, b"u1") for key in (PREFIX + b"in", PREFIX + b"in/x", PREFIX + b"inside")),
        upload(b"elsewhere/in/x", b"u1"),
    )
    with caplog.at_level(logging.WARNING, "multistore.backend"):
        root = uploads(document, b"&prefix=in", bounded)
    assert keys_of(root) == ["in", "in/x"]
    assert "2 entries outside prefix or scope dropped" in caplog.text
    assert refusal(upload_listing, b"", bounded).code == "AccessDenied"
    stranger = make_identity(actions=("list_bucket",))
    assert refusal(upload_listing, b"", stranger).code == "AccessDenied"


@pytest.mark.rule("R27", "S18")
def test_pages_of_uploads_lead_on() -> None:
    first = page(
        upload(PREFIX + b"a", b"u1"),
        b"<NextKeyMarker>tenants/acme/a</NextKeyMarker><NextUploadIdMarker>u1</NextUploadIdMarker>",
        truncated=True,
    )
    unmarked = page(upload(PREFIX + b"a", b"u1"), truncated=True)
    for document in (first, unmarked):
        root = uploads(document)
        assert root.findtext(S3 + "NextKeyMarker") == "a"
        following = (root.findtext(S3 + "NextUploadIdMarker") or "").encode()
        assert following == sealed(b"a", b"u1")
        query = b"&key-marker=a&upload-id-marker=" + following
        assert b"&upload-id-marker=u1&" in upload_listing(query).query()
        # The page that the same markers lead to again would never end.
        assert refusal(uploads, document, query).code == "BadGateway"
    assert refusal(uploads, page(truncated=True)).code == "BadGateway"


@pytest.mark.rule("R27", "S18")
def test_a_marker_that_the_client_may_not_see_is_sealed() -> None:
    bounded = make_identity(b"in", actions=("list_multipart_uploads",))
    document = page(
        upload(PREFIX + b"in/a", b"u1"), upload(PREFIX + b"inside", b"u2"), truncated=True
    )
    root = uploads(document, b"&prefix=in", bounded)
    marker = (root.findtext(S3 + "NextKeyMarker") or "").encode()
    assert b"inside" not in marker
    following = (root.findtext(S3 + "NextUploadIdMarker") or "").encode()
    query = b"&prefix=in&key-marker=%b&upload-id-marker=%b" % (marker, following)
    asked = upload_listing(query, bounded)
    assert (asked.marker, asked.upload_id) == (PREFIX + b"inside", b"u2")


def test_a_store_that_pages_by_ids_alone() -> None:
    """SeaweedFS 4.48: no NextKeyMarker, and a key-marker would be taken for the key itself."""
    document = page(
        upload(PREFIX + b"z", b"u1"),
        b"<NextUploadIdMarker>u1</NextUploadIdMarker>",
        truncated=True,
    )
    root = uploads(document)
    assert root.findtext(S3 + "NextKeyMarker") == ""
    following = (root.findtext(S3 + "NextUploadIdMarker") or "").encode()
    asked = upload_listing(b"&key-marker=&upload-id-marker=" + following)
    assert (asked.marker, asked.upload_id) == (b"", b"u1")
    error = refusal(uploads, document, b"&upload-id-marker=" + following)
    assert error.code == "BadGateway"


@pytest.mark.rule("SEM-21")
def test_no_uploads_cost_the_store_nothing() -> None:
    answer = upload_listing(b"&max-uploads=0").empty()
    root = ElementTree.fromstring(answer.body)
    assert (root.findtext(S3 + "MaxUploads"), root.findtext(S3 + "IsTruncated")) == ("0", "false")
