"""Small documents of two levels."""

from __future__ import annotations

import pytest

from multistore.errors import S3Error
from multistore.gateway.records import read_records

KNOWN = {"Quiet": frozenset[str](), "Object": frozenset(("Key", "VersionId"))}


def refused(body: bytes, *, strict: bool = True, limit: int = 2) -> None:
    with pytest.raises(S3Error) as caught:
        read_records(body, "Delete", KNOWN, strict=strict, limit=limit)
    assert caught.value.code == "MalformedXML"


def entries(count: int) -> bytes:
    return b"<Delete>%b</Delete>" % (b"<Object><Key>k</Key></Object>" * count)


@pytest.mark.rule("SEM-23")
def test_records_and_texts() -> None:
    body = (
        b"<Delete><Object><Key>a</Key></Object><Quiet>true</Quiet>"
        b"<Object><VersionId>1</VersionId><Key>&lt;</Key></Object></Delete>"
    )
    records, texts = read_records(body, "Delete", KNOWN, strict=True, limit=2)
    assert records == {"Object": [{"Key": b"a"}, {"Key": b"<", "VersionId": b"1"}]}
    assert texts == {"Quiet": b"true"}


@pytest.mark.rule("L8")
def test_more_records_than_may_be() -> None:
    for count in (1, 2):
        records, _ = read_records(entries(count), "Delete", KNOWN, strict=True, limit=2)
        assert len(records["Object"]) == count
    for strict in (False, True):
        refused(entries(3), strict=strict)
        # Far more: refused as soon as they are counted, long before the end of the document.
        refused(entries(100_000)[:-9], strict=strict)
    refused(entries(1), limit=0)


@pytest.mark.parametrize(
    ("body", "strict"),
    [
        (b"<Delete><Object><Key>a</Key><Key>b</Key></Object></Delete>", False),
        (b"<Delete><Quiet>true</Quiet><Quiet>true</Quiet></Delete>", False),
        (b"<Other/>", False),
        (b"<Delete>", False),
        (b"", False),
        (b"<Delete><Other/></Delete>", True),
        (b"<Delete><Object><Other/></Object></Delete>", True),
        (b"<Delete><Object><Key><Deep/></Key></Object></Delete>", True),
    ],
)
def test_documents_that_are_none(body: bytes, strict: bool) -> None:
    refused(body, strict=strict)


def test_what_a_store_says_more_is_read_over() -> None:
    body = (
        b"<Delete><Other><Object><Key>no</Key></Object></Other>"
        b"<Object><Owner><Key>no</Key></Owner><Key>a</Key></Object></Delete>"
    )
    records, texts = read_records(body, "Delete", KNOWN, strict=False, limit=2)
    assert (records, texts) == ({"Object": [{"Key": b"a"}]}, {})
