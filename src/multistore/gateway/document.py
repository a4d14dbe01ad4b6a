"""The XML or JSON document that configures a bucket or an object, held to what it may be as it
passes (laws 3 and 6): the store sees its end only when its digests were right, it was well-formed
and of the expected kind, and nothing was in it that the operation may not do here.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.integrity import BodyCheck, read_hash, read_promises
from multistore.gateway.records import malformed
from multistore.wire import END, START, XmlReader

if TYPE_CHECKING:
    from multistore.wire import RequestHead

__all__ = ["Document", "DocumentCheck", "check_length", "check_of"]


class Document:
    """A kind of document. ``root`` is its element, "" for JSON, whose text is the store's to
    judge. ``elements`` are all that may be in it, None for any. ``optional``: without a document
    the request has a meaning too."""

    __slots__ = ("elements", "optional", "root")

    def __init__(self, root: str, elements: str = "", *, optional: bool = False) -> None:
        self.root = root
        self.elements: frozenset[str] | None = frozenset(elements.split()) if elements else None
        self.optional = optional


def check_length(length: int, maximum: int, *, optional: bool = False) -> None:
    """Both in bytes, ``length`` -1 for none said. ``optional``: there may be no document.

    Raises: MissingContentLength, MissingRequestBodyError, MaxMessageLengthExceeded.
    """
    if length < 0:
        raise S3Error("MissingContentLength", "You must provide the Content-Length HTTP header.")
    if length == 0 and not optional:
        raise S3Error("MissingRequestBodyError", "Request Body is empty")
    if length > maximum:
        raise S3Error("MaxMessageLengthExceeded", "Your request was too big.")


def check_of(head: RequestHead, payload: bytes) -> BodyCheck | None:
    """What a document is held to here, if anything. ``payload`` is what the client's verified
    signature says of it, no streaming mode. A document of no bytes is judged at once, before the
    backend sees a head (SEM-11).

    Raises: as ``integrity.read_promises``; XAmzContentSHA256Mismatch and BadDigest for the empty
    document.
    """
    promises = [*read_promises(head)[0], *read_hash(payload)]
    check = BodyCheck(promises) if promises else None
    if check is not None and head.content_length == 0:
        check.finish()
        return None
    return check


class DocumentCheck:
    """Sees a document as it passes, like ``integrity.BodyCheck``, whose promises it holds too."""

    __slots__ = ("_depth", "_document", "_fault", "_promises", "_reader")

    def __init__(self, document: Document, promises: BodyCheck | None) -> None:
        self._document = document
        self._promises = promises
        self._reader = XmlReader()
        self._depth = 0
        # Found on the way, told at the end: until then the digests are what matters.
        self._fault: S3Error | None = None

    def update(self, data: bytes | memoryview) -> None:
        if self._promises is not None:
            self._promises.update(data)
        if self._fault is None and self._document.root:
            try:
                self._read(bytes(data))
            except S3Error as error:
                self._fault = error

    def _read(self, data: bytes) -> None:
        document = self._document
        for kind, name, _ in self._reader.feed(data):
            if kind == END:
                self._depth -= 1
                continue
            if self._depth == 0:
                if name != document.root:
                    raise malformed()
            elif document.elements is not None and name not in document.elements:
                raise S3Error(
                    "NotImplemented",
                    f"The element {name} of {document.root} is not implemented.",
                )
            if kind == START:
                self._depth += 1

    def finish(self) -> None:
        """Raises: XAmzContentSHA256Mismatch or BadDigest for a promise that was not kept;
        MalformedXML; NotImplemented for an element that may not be there."""
        if self._promises is not None:
            self._promises.finish()
        if self._fault is not None:
            raise self._fault
        if self._document.root:
            try:
                self._reader.close()
            except S3Error:
                raise malformed() from None
