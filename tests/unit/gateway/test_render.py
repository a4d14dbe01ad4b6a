"""Documents made here: well-formed, escaped, and as S3 writes them."""

from __future__ import annotations

from xml.etree import ElementTree

import pytest

from multistore.errors import S3Error
from multistore.gateway.render import bucket_location, error, list_buckets, resource_of
from multistore.types import Bucket
from multistore.wire import RequestHead
from unit.gateway.world import CountingBackend

S3 = "{http://s3.amazonaws.com/doc/2006-03-01/}"
NASTY = "<a>&\"'\r\n\x01]]>é\U0001f600"


def test_an_error_document() -> None:
    answer = error(
        S3Error("AuthorizationHeaderMalformed", "wrong", fields=(("Region", "eu-1"),)),
        "RID",
        "/b/k",
    )
    assert answer.status == 400
    assert answer.body == (
        b'<?xml version="1.0" encoding="UTF-8"?>\n'
        b"<Error><Code>AuthorizationHeaderMalformed</Code><Message>wrong</Message>"
        b"<Region>eu-1</Region><Resource>/b/k</Resource><RequestId>RID</RequestId></Error>"
    )
    assert dict(answer.fields) == {
        b"content-type": b"application/xml",
        b"cache-control": b"no-store",
    }
    assert not answer.close


def test_what_a_client_sent_is_escaped() -> None:
    shown = "<a>&\"'\n]]>é"
    answer = error(S3Error("NoSuchKey", shown, fields=(("Key", shown),)), "RID", "/b/" + shown)
    document = ElementTree.fromstring(answer.body)
    assert document.findtext("Message") == document.findtext("Key") == shown
    assert document.findtext("Resource") == "/b/" + shown
    assert [child.tag for child in document] == ["Code", "Message", "Key", "Resource", "RequestId"]


@pytest.mark.rule("L4")
def test_no_raw_markup_or_control_character_gets_through() -> None:
    answer = error(S3Error("InvalidArgument", NASTY), NASTY, NASTY)
    inside = answer.body.partition(b"?>\n")[2]
    assert b"<a>" not in inside and b'&"' not in inside
    assert not any(byte < 0x20 and byte != 0x0A for byte in inside)


def test_a_lone_surrogate_is_no_crash() -> None:
    assert error(S3Error("InvalidArgument", "\udcff"), "RID").status == 400


@pytest.mark.rule("SEM-17")
def test_head_has_no_body() -> None:
    answer = error(S3Error("NoSuchKey", "gone"), "RID", "/b/k", head=True)
    assert (answer.status, answer.body) == (404, b"")
    assert (b"content-type", b"application/xml") in answer.fields


@pytest.mark.rule("SEM-17")
def test_304_has_neither_body_nor_type() -> None:
    answer = error(S3Error("NotModified", ""), "RID")
    assert (answer.status, answer.body) == (304, b"")
    assert b"content-type" not in dict(answer.fields)


def test_405_says_what_is_allowed_in_its_header() -> None:
    answer = error(S3Error("MethodNotAllowed", "no", fields=(("Allow", "GET, HEAD"),)), "RID")
    assert dict(answer.fields)[b"allow"] == b"GET, HEAD"
    assert b"Allow>" not in answer.body


@pytest.mark.rule("S20", "L10")
@pytest.mark.parametrize(
    ("target", "resource"),
    [
        (b"/b/a%20k?X-Amz-Signature=s", "/b/a%20k"),
        (b"/", "/"),
    ],
)
def test_the_resource_is_the_path_alone(target: bytes, resource: str) -> None:
    assert resource_of(RequestHead("GET", target, 11, [(b"host", b"h")])) == resource


def test_a_fatal_error_closes() -> None:
    assert error(S3Error("BadRequest", "framing", fatal=True), "RID").close


def test_a_status_of_its_own_is_kept() -> None:
    assert error(S3Error("ServiceUnavailable", "", status=502), "RID").status == 502


def buckets(*names: str) -> list[Bucket]:
    return [Bucket(name, CountingBackend(), created="2024-01-01T00:00:00.000Z") for name in names]


def test_a_list_of_buckets() -> None:
    answer = list_buckets(buckets("a", "b"), "owner", "Owner & Co")
    document = ElementTree.fromstring(answer.body)
    assert document.tag == f"{S3}ListAllMyBucketsResult"
    assert document.findtext(f"{S3}Owner/{S3}ID") == "owner"
    assert document.findtext(f"{S3}Owner/{S3}DisplayName") == "Owner & Co"
    entries = document.findall(f"{S3}Buckets/{S3}Bucket")
    assert [entry.findtext(f"{S3}Name") for entry in entries] == ["a", "b"]
    assert entries[0].findtext(f"{S3}CreationDate") == "2024-01-01T00:00:00.000Z"
    assert document.find(f"{S3}ContinuationToken") is None
    assert document.find(f"{S3}Prefix") is None


def test_a_page_of_buckets() -> None:
    answer = list_buckets(buckets("a"), "o", "n", prefix="a<", continuation_token="a&")
    document = ElementTree.fromstring(answer.body)
    assert document.findtext(f"{S3}ContinuationToken") == "a&"
    assert document.findtext(f"{S3}Prefix") == "a<"


def test_no_buckets() -> None:
    document = ElementTree.fromstring(list_buckets([], "o", "n").body)
    assert list(document.find(f"{S3}Buckets") or ()) == []
    assert document.find(f"{S3}Buckets") is not None


@pytest.mark.rule("SEM-22")
@pytest.mark.parametrize(("region", "text"), [("us-east-1", None), ("eu-west-1", "eu-west-1")])
def test_a_location(region: str, text: str | None) -> None:
    answer = bucket_location(region)
    document = ElementTree.fromstring(answer.body)
    assert document.tag == f"{S3}LocationConstraint"
    assert document.text == text
    assert dict(answer.fields)[b"content-type"] == b"application/xml"
