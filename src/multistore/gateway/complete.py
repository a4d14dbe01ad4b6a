"""CompleteMultipartUpload: which parts make the object, and what the client is told of it.

Elements: "CompleteMultipartUpload" in the Amazon S3 API reference.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.integrity import BodyCheck, Promise, read_md5
from multistore.gateway.page import quoted
from multistore.gateway.plan import UNSIGNED_PAYLOAD, Collect, Respond
from multistore.gateway.records import Record, malformed, read_records
from multistore.gateway.render import DECLARATION, NAMESPACE
from multistore.limits import COMPLETE_BODY_MAX, PART_NUMBER_MAX
from multistore.wire import xml_escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.gateway.plan import Fields, Plan
    from multistore.gateway.request import GatewayRequest

__all__ = ["Parts", "collect", "respond"]

_CHECKSUMS = (
    "ChecksumCRC32",
    "ChecksumCRC32C",
    "ChecksumCRC64NVME",
    "ChecksumSHA1",
    "ChecksumSHA256",
    "ChecksumSHA512",
    "ChecksumMD5",
)
_REQUEST = {"Part": frozenset(("PartNumber", "ETag", *_CHECKSUMS))}
_RESULT: dict[str, frozenset[str]] = dict.fromkeys(
    ("ETag", "ChecksumType", *_CHECKSUMS), frozenset()
)
_XML = (b"content-type", b"application/xml")


class Parts:
    """The document as the store gets it. ``digest`` tells it from others."""

    __slots__ = ("digest", "document")

    def __init__(self, document: bytes) -> None:
        self.document = document
        self.digest = hashlib.sha256(document).digest()


def collect(request: GatewayRequest, send: Callable[[Parts], Plan]) -> Collect:
    """The plan for a request whose upload is known; ``send`` is asked for the next one.

    The checksums in the head describe the object, not this body: it is held to the signed hash
    and to Content-MD5.

    Raises: InvalidDigest, MissingContentLength, MalformedXML, MaxMessageLengthExceeded.
    """
    length = request.head.content_length
    if length < 0:
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
    if length == 0:
        raise malformed()  # S3's answer where no part is named, with an empty body as well
    if length > COMPLETE_BODY_MAX:
        raise S3Error("MaxMessageLengthExceeded", "Your request was too big.")
    promises = read_md5(request.head)
    if request.payload != UNSIGNED_PAYLOAD:
        digest = bytes.fromhex(request.payload.decode())
        promises.append(Promise("x-amz-content-sha256", "sha256", digest))
    check = BodyCheck(promises) if promises else None
    return Collect(check, lambda body: send(_read(body)))


def _read(body: bytes) -> Parts:
    records, _ = read_records(
        body, "CompleteMultipartUpload", _REQUEST, strict=True, limit=PART_NUMBER_MAX
    )
    parts = [DECLARATION, b"<CompleteMultipartUpload ", NAMESPACE, b">"]
    last = 0
    for record in records["Part"]:
        number = _number(record)
        if number <= last:
            raise S3Error(
                "InvalidPartOrder",
                "The list of parts was not in ascending order. The parts list must be specified "
                "in order by part number.",
            )
        last = number
        parts.append(b"<Part>")
        for element in ("PartNumber", "ETag", *_CHECKSUMS):
            if element in record:
                parts.append(_element(element, record[element]))
        parts.append(b"</Part>")
    if not last:
        raise malformed()
    parts.append(b"</CompleteMultipartUpload>")
    return Parts(b"".join(parts))


def _number(part: Record) -> int:
    text = part.get("PartNumber", b"")
    if not part.get("ETag") or not text.isdigit() or len(text) > 9:
        raise malformed()
    number = int(text)
    if not 1 <= number <= PART_NUMBER_MAX:
        raise S3Error(
            "InvalidArgument",
            f"PartNumber must be an integer between 1 and {PART_NUMBER_MAX}",
            fields=(("ArgumentName", "partNumber"),),
        )
    return number


def respond(request: GatewayRequest, body: bytes, fields: Fields) -> Respond:
    """The answer for the store's ``CompleteMultipartUploadResult``, in the client's names.

    Raises: MalformedXML when it is none.
    """
    bucket, target = request.bucket, request.target
    assert bucket is not None and target is not None
    _, texts = read_records(body, "CompleteMultipartUploadResult", _RESULT, strict=False)
    if not texts.get("ETag"):
        raise malformed()
    texts["ETag"] = quoted(texts["ETag"])
    parts = [
        DECLARATION,
        b"<CompleteMultipartUploadResult ",
        NAMESPACE,
        b">",
        _element("Location", _location(request)),
        _element("Bucket", bucket.shown_name.encode()),
        _element("Key", bucket.shown_prefix + target.key),
    ]
    for element in ("ETag", *_CHECKSUMS, "ChecksumType"):
        if texts.get(element):
            parts.append(_element(element, texts[element]))
    parts.append(b"</CompleteMultipartUploadResult>")
    return Respond(200, (_XML, *fields), b"".join(parts))


def _location(request: GatewayRequest) -> bytes:
    """The object's URL as this client wrote it."""
    scheme = b"https" if request.secure else b"http"
    path = request.head.target.partition(b"?")[0]
    host = request.head.get(b"host")
    return path if host is None else b"%b://%b%b" % (scheme, host, path)


def _element(name: str, text: bytes) -> bytes:
    tag = name.encode()
    return b"<%b>%b</%b>" % (tag, xml_escape(text), tag)
