"""What a document that configures something may be."""

from __future__ import annotations

import hashlib

import pytest

from multistore.errors import S3Error
from multistore.gateway.document import Document, DocumentCheck, check_length
from multistore.gateway.integrity import BodyCheck, Promise
from multistore.limits import DOCUMENT_MAX

TAGGING = Document("Tagging")
RESTORE = Document("RestoreRequest", "Days GlacierJobParameters Tier")
JSON = Document("")


def code_of(document: Document, body: bytes, piece: int, check: BodyCheck | None = None) -> str:
    seen = DocumentCheck(document, check)
    for at in range(0, len(body), piece):
        seen.update(memoryview(body)[at : at + piece])  # raises nothing: the server does not ask
    try:
        seen.finish()
    except S3Error as error:
        return error.code
    return ""


@pytest.mark.rule("L3", "L6")
@pytest.mark.parametrize("piece", [1, 1000])
@pytest.mark.parametrize(
    ("document", "body", "code"),
    [
        (TAGGING, b'<?xml version="1.0"?>\n<Tagging xmlns="x"><TagSet/></Tagging>', ""),
        (TAGGING, b"<Tagging/>", ""),
        (TAGGING, b"<s3:Tagging xmlns:s3='x'/>", ""),
        (TAGGING, b"<Tagging><TagSet></Tagging>", "MalformedXML"),
        (TAGGING, b"<Tagging>", "MalformedXML"),
        (TAGGING, b"<Tagging/><Tagging/>", "MalformedXML"),
        (TAGGING, b"<Other><Tagging/></Other>", "MalformedXML"),
        (TAGGING, b"<!DOCTYPE x [<!ENTITY a 'b'>]><Tagging>&a;</Tagging>", "MalformedXML"),
        (TAGGING, b"{}", "MalformedXML"),
        (TAGGING, b" ", "MalformedXML"),
        (RESTORE, b"<RestoreRequest><Days>1</Days></RestoreRequest>", ""),
        (
            RESTORE,
            b"<RestoreRequest><GlacierJobParameters><Tier>Bulk</Tier></GlacierJobParameters>"
            b"</RestoreRequest>",
            "",
        ),
        (RESTORE, b"<RestoreRequest><Type>SELECT</Type></RestoreRequest>", "NotImplemented"),
        (
            RESTORE,
            b"<RestoreRequest><Days><x:OutputLocation/></Days></RestoreRequest>",
            "NotImplemented",
        ),
        (JSON, b'{"Version": "2012-10-17"}', ""),
        (JSON, b"<not json>", ""),
    ],
)
def test_what_may_pass(document: Document, body: bytes, code: str, piece: int) -> None:
    assert code_of(document, body, piece) == code


@pytest.mark.rule("L6")
@pytest.mark.parametrize("document", [TAGGING, JSON])
def test_its_digests_are_held_to_first(document: Document) -> None:
    for body, code in ((b"<Tagging/>", ""), (b"<Tagging/> ", "XAmzContentSHA256Mismatch")):
        digest = hashlib.sha256(b"<Tagging/>").digest()
        check = BodyCheck((Promise("x-amz-content-sha256", "sha256", digest),))
        assert code_of(document, body, 3, check) == code
    wrong = BodyCheck((Promise("Content-MD5", "md5", b"\0" * 16),))
    assert code_of(document, b"<broken", 3, wrong) == "BadDigest"


@pytest.mark.parametrize(
    ("document", "length", "code", "status"),
    [
        (TAGGING, 1, "", 0),
        (TAGGING, DOCUMENT_MAX, "", 0),
        (TAGGING, DOCUMENT_MAX + 1, "MaxMessageLengthExceeded", 400),
        (TAGGING, 0, "MissingRequestBodyError", 400),
        (TAGGING, -1, "MissingContentLength", 411),
        (Document("CreateBucketConfiguration", optional=True), 0, "", 0),
    ],
)
def test_its_length(document: Document, length: int, code: str, status: int) -> None:
    if not code:
        check_length(length, DOCUMENT_MAX, optional=document.optional)
        return
    with pytest.raises(S3Error) as caught:
        check_length(length, DOCUMENT_MAX, optional=document.optional)
    assert (caught.value.code, caught.value.status) == (code, status)
