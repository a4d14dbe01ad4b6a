"""ListObjectVersions (``page`` says what becomes of every list).

A page begins after a pair: a key, and a version of it. The key is mapped; a version id is the
store's own, holds no name and passes as it is.

Elements and parameters: "ListObjectVersions" in the Amazon S3 API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.gateway import list_document
from multistore.gateway.page import PageRequest, PairTranslator, argument, quoted
from multistore.gateway.plan import Respond
from multistore.gateway.render import CONTENT_TYPE, DECLARATION, NAMESPACE
from multistore.wire import xml_escape

if TYPE_CHECKING:
    from multistore.gateway.ports import TokenSealer
    from multistore.gateway.request import GatewayRequest

__all__ = ["VersionListing", "VersionTranslator"]


class VersionListing(PageRequest):
    """What a client asked for, validated, and what the backend is asked instead.

    ``key_marker`` and ``version_id_marker`` are what the client sent, ``marker`` the key of the
    backend that the first of them means, b"" for none.
    """

    __slots__ = ("key_marker", "marker", "owner", "version_id_marker")

    def __init__(
        self, request: GatewayRequest, sealer: TokenSealer, owner_id: str, owner_display_name: str
    ) -> None:
        """Raises: InvalidArgument for parameters that S3 does not take; AccessDenied when nothing
        may be shown."""
        super().__init__(request, sealer, "max-keys", b"\0versions\0")
        assert request.target is not None
        params = request.target.params
        self.key_marker = params.get("key-marker", b"")
        self.version_id_marker = params.get("version-id-marker", b"")
        if self.version_id_marker and not self.key_marker:
            raise argument(
                "version-id-marker",
                "A version-id marker cannot be specified without a key marker.",
            )
        self.marker = self.open_marker(self.key_marker) if self.key_marker else b""
        self.owner = list_document.owner(owner_id, owner_display_name)

    def query(self) -> bytes:
        """The query for the backend."""
        return self.pairs(
            "versions",
            key_marker=self.marker,
            max_keys=b"%d" % self.max_keys,
            version_id_marker=self.version_id_marker,
        )

    def head(self) -> bytes:
        """The document up to its entries."""
        return b"".join(
            (
                DECLARATION,
                b"<ListVersionsResult ",
                NAMESPACE,
                b"><Name>%b</Name>" % xml_escape(self.shown_name.encode()),
                b"<Prefix>%b</Prefix>" % self.shown(self.prefix),
                b"<KeyMarker>%b</KeyMarker>"
                % (self.shown(self.key_marker) if self.key_marker else b""),
                b"<VersionIdMarker>%b</VersionIdMarker>" % xml_escape(self.version_id_marker),
                b"<MaxKeys>%d</MaxKeys>" % self.max_keys,
                b"<Delimiter>%b</Delimiter>" % list_document.name(self.delimiter, self.url)
                if self.delimiter
                else b"",
                b"<EncodingType>url</EncodingType>" if self.url else b"",
            )
        )

    @staticmethod
    def tail(truncated: bool, following: bytes) -> bytes:
        """The document after its entries. ``following``: the elements of the next markers."""
        return b"%b<IsTruncated>%b</IsTruncated></ListVersionsResult>" % (
            following,
            b"true" if truncated else b"false",
        )

    def empty(self) -> Respond:
        """The page of ``max-keys=0``, for which no backend is asked."""
        return Respond(200, CONTENT_TYPE, self.head() + self.tail(False, b""))


class VersionTranslator(PairTranslator):
    """Implements ``plan.Translate`` for one page of versions and delete markers."""

    root = "ListVersionsResult"
    taken = frozenset(
        (
            "ChecksumType",
            "ETag",
            "IsLatest",
            "Key",
            "LastModified",
            "Size",
            "StorageClass",
            "VersionId",
        )
    )

    second = "NextVersionIdMarker"

    __slots__ = ("_asked",)

    def __init__(self, asked: VersionListing) -> None:
        super().__init__(asked, asked.head())
        self._asked = asked

    def _tail(self) -> bytes:
        asked = self._asked
        if not self._truncated:
            return asked.tail(False, b"")
        key, version, hidden = self._following((asked.marker, asked.version_id_marker))
        following = (
            b"<NextKeyMarker>%b</NextKeyMarker><NextVersionIdMarker>%b</NextVersionIdMarker>"
            % (asked.shown(asked.show_marker(key, hidden)), xml_escape(version))
        )
        return asked.tail(True, following)

    def _ended(self, name: str, entry: dict[str, bytes]) -> None:
        if name not in ("Version", "DeleteMarker"):
            return
        key = self._key(entry)
        version = entry.get("VersionId", b"null")
        checksums = self._checksums(entry)
        if not self._passed(key, version):
            return
        asked = self._asked
        parts = [
            b"<%b><Key>%b</Key><VersionId>%b</VersionId><IsLatest>%b</IsLatest>"
            b"<LastModified>%b</LastModified>"
            % (
                name.encode(),
                asked.shown(key[self._start :]),
                xml_escape(version),
                xml_escape(entry.get("IsLatest", b"false")),
                xml_escape(entry.get("LastModified", b"")),
            )
        ]
        if name == "Version":
            parts.append(
                b"<ETag>%b</ETag>%b<Size>%b</Size><StorageClass>%b</StorageClass>"
                % (
                    xml_escape(quoted(entry.get("ETag", b""))),
                    checksums,
                    xml_escape(entry.get("Size", b"0")),
                    xml_escape(entry.get("StorageClass", b"STANDARD")),
                )
            )
        parts.append(b"%b</%b>" % (asked.owner, name.encode()))
        self._write(b"".join(parts))
