"""CompleteMultipartUpload: which parts make the object, and what the client is told of it.

Elements: "CompleteMultipartUpload" in the Amazon S3 API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.document import check_length
from multistore.gateway.integrity import CHECKSUM_ELEMENTS, BodyCheck, read_hash, read_md5
from multistore.gateway.page import quoted
from multistore.gateway.plan import Collect, Respond
from multistore.gateway.records import Record, malformed, read_records
from multistore.gateway.render import CONTENT_TYPE, DECLARATION, NAMESPACE, element
from multistore.limits import COMPLETE_BODY_MAX, PART_NUMBER_MAX

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.gateway.plan import Fields, Plan
    from multistore.gateway.request import GatewayRequest

__all__ = ["collect", "respond"]

_REQUEST = {"Part": frozenset(("PartNumber", "ETag", *CHECKSUM_ELEMENTS))}
_RESULT: dict[str, frozenset[str]] = dict.fromkeys(
    ("ETag", "ChecksumType", *CHECKSUM_ELEMENTS), frozenset()
)


def collect(request: GatewayRequest, send: Callable[[bytes], Plan]) -> Collect:
    """The plan for a request whose upload is known; ``send`` gets the document for the store and
    gives the next one.

    The checksums in the head describe the object, not this body: it is held to the signed hash
    and to Content-MD5.

    Raises: InvalidDigest, MissingContentLength, MalformedXML, MaxMessageLengthExceeded.
    """
    length = request.head.content_length
    if length == 0:
        raise malformed()  # S3's answer where no part is named, with an empty body as well
    check_length(length, COMPLETE_BODY_MAX)
    promises = [*read_md5(request.head), *read_hash(request.payload)]
    check = BodyCheck(promises) if promises else None
    return Collect(check, lambda body: send(_read(body)))


def _read(body: bytes) -> bytes:
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
        for name in ("PartNumber", "ETag", *CHECKSUM_ELEMENTS):
            if name in record:
                parts.append(element(name, record[name]))
        parts.append(b"</Part>")
    if not last:
        raise malformed()
    parts.append(b"</CompleteMultipartUpload>")
    return b"".join(parts)


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
        element("Location", _location(request)),
        element("Bucket", bucket.shown_name.encode()),
        element("Key", bucket.shown_prefix + target.key),
    ]
    for name in ("ETag", *CHECKSUM_ELEMENTS, "ChecksumType"):
        if texts.get(name):
            parts.append(element(name, texts[name]))
    parts.append(b"</CompleteMultipartUploadResult>")
    return Respond(200, (*CONTENT_TYPE, *fields), b"".join(parts))


def _location(request: GatewayRequest) -> bytes:
    """The object's URL as this client wrote it."""
    scheme = b"https" if request.secure else b"http"
    path = request.head.target.partition(b"?")[0]
    host = request.head.get(b"host")
    return path if host is None else b"%b://%b%b" % (scheme, host, path)
