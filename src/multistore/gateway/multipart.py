"""Multipart uploads: their ids, and the documents that name them, in the client's world.

A client never sees the backend's upload id. It gets a sealed one that opens only for the bucket
and key it was made for, as the client names them, so that an id of one key is ``NoSuchUpload``
for every other; and since sealing is the same every time, a list shows the id that
CreateMultipartUpload gave. ``page`` says what becomes of every list.

Elements and parameters: "CreateMultipartUpload", "ListParts" and "ListMultipartUploads" in the
Amazon S3 API reference.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway import list_document
from multistore.gateway.integrity import CHECKSUM_ELEMENTS
from multistore.gateway.page import (
    DocumentTranslator,
    PageRequest,
    PairTranslator,
    argument,
    quoted,
    read_count,
    read_encoding,
)
from multistore.gateway.plan import Respond
from multistore.gateway.records import read_records
from multistore.gateway.render import CONTENT_TYPE, DECLARATION, NAMESPACE, element
from multistore.limits import PART_NUMBER_MAX, UPLOAD_ID_MAX
from multistore.wire import percent_encode, xml_escape

if TYPE_CHECKING:
    from multistore.gateway.plan import Fields
    from multistore.gateway.ports import TokenSealer
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Bucket

__all__ = [
    "PartListing",
    "PartTranslator",
    "UploadListing",
    "UploadTranslator",
    "initiated",
    "open_upload_id",
    "seal_upload_id",
]

_log = logging.getLogger("multistore.backend")


def _context(bucket: str, key: bytes) -> bytes:
    # No bucket name holds a NUL, or is empty: no token of a list is an upload id, and the parts
    # cannot be mistaken for each other.
    return b"\0upload-id\0" + bucket.encode() + b"\0" + key


def seal_upload_id(sealer: TokenSealer, bucket: str, key: bytes, upload_id: bytes) -> bytes:
    """The upload id for clients: URL-safe, of at most 4/3 of the length and 34 bytes.

    Raises: BadGateway for an id that no client could put into a URL beside the longest key.
    """
    if not 0 < len(upload_id) <= UPLOAD_ID_MAX:
        _log.warning("bucket %s: an upload id of %d bytes", bucket, len(upload_id))
        raise S3Error("BadGateway", "The backend's upload id cannot be used")
    return sealer.seal(upload_id, _context(bucket, key))


def open_upload_id(sealer: TokenSealer, bucket: str, key: bytes, sealed: bytes) -> bytes:
    """The backend's upload id. Raises: NoSuchUpload for any that was not sealed here for this
    bucket and key."""
    try:
        return sealer.open(sealed, _context(bucket, key))
    except S3Error:
        raise S3Error(
            "NoSuchUpload",
            "The specified upload does not exist. The upload ID may be invalid, or the upload may "
            "have been aborted or completed.",
        ) from None


def initiated(
    body: bytes, sealer: TokenSealer, bucket: Bucket, key: bytes, fields: Fields
) -> Respond:
    """The answer to CreateMultipartUpload for the backend's ``InitiateMultipartUploadResult``;
    ``fields`` are those of its head that the client may see.

    Raises: BadGateway.
    """
    known = {"UploadId": frozenset[str]()}
    try:
        _, texts = read_records(body, "InitiateMultipartUploadResult", known, strict=False)
    except S3Error:
        texts = {}
    upload_id = texts.get("UploadId")
    if not upload_id:
        _log.warning(
            "bucket %s: CreateMultipartUpload was answered without an upload id", bucket.name
        )
        raise S3Error("BadGateway", "The backend's answer could not be understood")
    sealed = seal_upload_id(sealer, bucket.name, key, upload_id)
    answer = (
        b"%b<InitiateMultipartUploadResult %b><Bucket>%b</Bucket><Key>%b</Key>"
        b"<UploadId>%b</UploadId></InitiateMultipartUploadResult>"
    ) % (
        DECLARATION,
        NAMESPACE,
        xml_escape(bucket.shown_name.encode()),
        xml_escape(bucket.shown_prefix + key),
        sealed,
    )
    return Respond(200, (*CONTENT_TYPE, *fields), answer)


# --- the parts of one upload ----------------------------------------------------------------------


class PartListing:
    """What ListParts is asked for, validated. ``upload_id`` is the backend's; the key is the
    client's."""

    __slots__ = ("_head", "bucket_name", "marker", "max_parts", "upload_id")

    def __init__(
        self, request: GatewayRequest, sealer: TokenSealer, owner_id: str, owner_display_name: str
    ) -> None:
        """Raises: InvalidArgument; NoSuchUpload."""
        bucket, target = request.bucket, request.target
        assert bucket is not None and target is not None
        params = target.params
        self.bucket_name = bucket.name
        self.upload_id = open_upload_id(sealer, bucket.name, target.key, params["uploadId"])
        self.max_parts = read_count(params, "max-parts")
        self.marker = _read_part_number_marker(params.get("part-number-marker", b""))
        url = read_encoding(params)
        owner = list_document.owner(owner_id, owner_display_name)
        self._head = b"".join(
            (
                DECLARATION,
                b"<ListPartsResult ",
                NAMESPACE,
                b"><Bucket>%b</Bucket>" % xml_escape(bucket.shown_name.encode()),
                b"<Key>%b</Key>" % list_document.name(bucket.shown_prefix + target.key, url),
                b"<UploadId>%b</UploadId>" % params["uploadId"],
                owner.replace(b"Owner>", b"Initiator>"),
                owner,
                b"<PartNumberMarker>%d</PartNumberMarker>" % self.marker,
                b"<MaxParts>%d</MaxParts>" % self.max_parts,
                b"<EncodingType>url</EncodingType>" if url else b"",
            )
        )

    def query(self) -> bytes:
        """The query for the backend: canonical."""
        marker = b"part-number-marker=%d&" % self.marker if self.marker else b""
        return b"max-parts=%d&%buploadId=%b" % (
            self.max_parts,
            marker,
            percent_encode(self.upload_id),
        )

    def head(self) -> bytes:
        """The document up to what the backend says of the upload."""
        return self._head


def _read_part_number_marker(value: bytes) -> int:
    if not value:
        return 0
    if not value.isdigit() or len(value) > 9:
        raise argument(
            "part-number-marker",
            "Provided part-number-marker not an integer or within integer range",
        )
    return int(value)


class PartTranslator(DocumentTranslator):
    """Implements ``plan.Translate`` for one page of parts."""

    root = "ListPartsResult"
    taken = frozenset(("ETag", "LastModified", "PartNumber", "Size", *CHECKSUM_ELEMENTS))

    __slots__ = ("_asked", "_last", "_next", "_truncated")

    def __init__(self, asked: PartListing, fields: Fields) -> None:
        """``fields`` are those of the backend's head that the client may see."""
        super().__init__(asked.bucket_name, asked.head())
        self.fields = (*CONTENT_TYPE, *fields)
        self._asked = asked
        self._truncated = False
        self._last = 0
        self._next = 0

    def _number(self, text: bytes) -> int:
        if text.isdigit() and len(text) <= 5 and int(text) <= PART_NUMBER_MAX:
            return int(text)
        raise self._fault("a part number is none")

    def _element(self, name: str, text: bytes) -> None:
        if name == "IsTruncated":
            self._truncated = text == b"true"
        elif name == "NextPartNumberMarker":
            self._next = self._number(text) if text else 0
        elif name in ("StorageClass", "ChecksumAlgorithm", "ChecksumType"):
            self._write(element(name, text))

    def _ended(self, name: str, entry: dict[str, bytes]) -> None:
        if name != "Part":
            return
        number = self._number(entry.get("PartNumber", b""))
        self._last = max(self._last, number)
        parts = [
            b"<Part><PartNumber>%d</PartNumber><LastModified>%b</LastModified><ETag>%b</ETag>"
            b"<Size>%b</Size>"
            % (
                number,
                xml_escape(entry.get("LastModified", b"")),
                xml_escape(quoted(entry.get("ETag", b""))),
                xml_escape(entry.get("Size", b"0")),
            )
        ]
        parts += [element(each, entry[each]) for each in CHECKSUM_ELEMENTS if each in entry]
        parts.append(b"</Part>")
        self._write(b"".join(parts))

    def _tail(self) -> bytes:
        following = self._next or self._last
        if self._truncated and following <= self._asked.marker:
            raise self._fault("truncated, but without a marker that leads on")
        return (
            b"<NextPartNumberMarker>%d</NextPartNumberMarker><IsTruncated>%b</IsTruncated>"
            b"</ListPartsResult>"
        ) % (following, b"true" if self._truncated else b"false")


# --- the uploads of a bucket ----------------------------------------------------------------------


class UploadListing(PageRequest):
    """What ListMultipartUploads is asked for, validated, and what the backend is asked instead.

    ``marker`` is the key of the backend that ``key-marker`` means, ``upload_id`` the backend's id
    that ``upload-id-marker`` means; both b"" for none.
    """

    __slots__ = ("echo", "marker", "owner", "upload_id")

    def __init__(
        self, request: GatewayRequest, sealer: TokenSealer, owner_id: str, owner_display_name: str
    ) -> None:
        """Raises: InvalidArgument for parameters that S3 does not take; AccessDenied when nothing
        may be shown."""
        super().__init__(request, sealer, "max-uploads", b"\0uploads\0")
        assert request.target is not None
        params = request.target.params
        key_marker = params.get("key-marker", b"")
        upload_id_marker = params.get("upload-id-marker", b"")
        self.marker = self.open_marker(key_marker) if key_marker else b""
        self.upload_id = b""
        if upload_id_marker:
            name = self.marker[len(self.bucket_prefix) :]
            try:
                self.upload_id = open_upload_id(sealer, self.bucket_name, name, upload_id_marker)
            except S3Error:
                # Without a key marker it is ignored (ListMultipartUploads, upload-id-marker).
                if key_marker:
                    raise argument("upload-id-marker", "Invalid uploadId marker") from None
        self.owner = list_document.owner(owner_id, owner_display_name)
        self.echo = b"<KeyMarker>%b</KeyMarker><UploadIdMarker>%b</UploadIdMarker>" % (
            self.shown(key_marker) if key_marker else b"",
            xml_escape(upload_id_marker),
        )

    def seal(self, key: bytes, upload_id: bytes) -> bytes:
        """The id for clients of an upload to a key of the backend."""
        name = key[len(self.bucket_prefix) :]
        return seal_upload_id(self.sealer, self.bucket_name, name, upload_id)

    def query(self) -> bytes:
        """The query for the backend."""
        return self.pairs(
            "uploads",
            key_marker=self.marker,
            max_uploads=b"%d" % self.max_keys,
            upload_id_marker=self.upload_id,
        )

    def head(self) -> bytes:
        """The document up to its entries."""
        return b"".join(
            (
                DECLARATION,
                b"<ListMultipartUploadsResult ",
                NAMESPACE,
                b"><Bucket>%b</Bucket>" % xml_escape(self.shown_name.encode()),
                self.echo,
                b"<Prefix>%b</Prefix>" % self.shown(self.prefix),
                b"<MaxUploads>%d</MaxUploads>" % self.max_keys,
                b"<Delimiter>%b</Delimiter>" % list_document.name(self.delimiter, self.url)
                if self.delimiter
                else b"",
                b"<EncodingType>url</EncodingType>" if self.url else b"",
            )
        )

    @staticmethod
    def tail(truncated: bool, following: bytes) -> bytes:
        """The document after its entries. ``following``: the elements of the next markers."""
        return b"%b<IsTruncated>%b</IsTruncated></ListMultipartUploadsResult>" % (
            following,
            b"true" if truncated else b"false",
        )

    def empty(self) -> Respond:
        """The page of ``max-uploads=0``, for which no backend is asked."""
        return Respond(200, CONTENT_TYPE, self.head() + self.tail(False, b""))


class UploadTranslator(PairTranslator):
    """Implements ``plan.Translate`` for one page of uploads."""

    root = "ListMultipartUploadsResult"
    taken = frozenset(("ChecksumType", "Initiated", "Key", "StorageClass", "UploadId"))

    second = "NextUploadIdMarker"

    __slots__ = ("_asked",)

    def __init__(self, asked: UploadListing) -> None:
        super().__init__(asked, asked.head())
        self._asked = asked

    def _tail(self) -> bytes:
        asked = self._asked
        if not self._truncated:
            return asked.tail(False, b"")
        following = b"<NextKeyMarker>%b</NextKeyMarker><NextUploadIdMarker>%b</NextUploadIdMarker>"
        if self._next_second and not self._next_key:
            # SeaweedFS pages by ids alone: its next page begins after an id, of whatever key.
            if self._next_second == asked.upload_id:
                raise self._fault("the marker is the one that was sent: it would never end")
            return asked.tail(True, following % (b"", asked.seal(b"", self._next_second)))
        key, upload_id, hidden = self._following((asked.marker, asked.upload_id))
        sealed = asked.seal(key, upload_id) if upload_id else b""
        marker = asked.shown(asked.show_marker(key, hidden))
        return asked.tail(True, following % (marker, sealed))

    def _ended(self, name: str, entry: dict[str, bytes]) -> None:
        if name != "Upload":
            return
        key = self._key(entry)
        upload_id = entry.get("UploadId", b"")
        checksums = self._checksums(entry)
        if not self._passed(key, upload_id):
            return
        asked = self._asked
        self._write(
            b"<Upload><Key>%b</Key><UploadId>%b</UploadId>%b%b<StorageClass>%b</StorageClass>"
            b"<Initiated>%b</Initiated>%b</Upload>"
            % (
                asked.shown(key[self._start :]),
                asked.seal(key, upload_id),
                asked.owner.replace(b"Owner>", b"Initiator>"),
                asked.owner,
                xml_escape(entry.get("StorageClass", b"STANDARD")),
                xml_escape(entry.get("Initiated", b"")),
                checksums,
            )
        )
