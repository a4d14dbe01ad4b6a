"""ListObjects and ListObjectsV2 (``page`` says what becomes of every list).

Beside markers there are continuation tokens: the backend's own, sealed.

Elements and parameters: "ListObjects" and "ListObjectsV2" in the Amazon S3 API reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway import list_document
from multistore.gateway.page import PageRequest, PageTranslator, quoted
from multistore.gateway.plan import Respond
from multistore.gateway.render import CONTENT_TYPE
from multistore.wire import percent_decode, xml_escape

if TYPE_CHECKING:
    from multistore.gateway.ports import TokenSealer
    from multistore.gateway.request import GatewayRequest

__all__ = ["Listing", "ListingTranslator"]


class Listing(PageRequest):
    """What a client asked for, validated, and what the backend is asked instead.

    ``token`` is the backend's own, opened; ``marker`` the key after which the page begins at the
    backend, b"" for none.
    """

    __slots__ = ("echo", "marker", "owner", "token", "version")

    def __init__(
        self, request: GatewayRequest, sealer: TokenSealer, owner_id: str, owner_display_name: str
    ) -> None:
        """Reads the parameters of ``request``; those repeated were refused by ``operation``.

        Raises: InvalidArgument for parameters that S3 does not take and for tokens that were
        not sealed for this bucket and prefix; AccessDenied when nothing may be shown.
        """
        super().__init__(request, sealer, "max-keys")
        assert request.target is not None
        params = request.target.params
        self.version = 2 if "list-type" in params else 1
        self.token = b""
        self.marker = b""
        echo: list[tuple[bytes, bytes]] = []
        if self.version == 1:
            marker = params.get("marker", b"")
            echo.append((b"Marker", self.shown(marker) if marker else b""))
            if marker:
                self.marker = self.open_marker(marker)
        else:
            token = params.get("continuation-token")
            if token is not None:
                self.token = sealer.open(token, self.context)
                echo.append((b"ContinuationToken", xml_escape(token)))
            start_after = params.get("start-after", b"")
            if start_after:
                echo.append((b"StartAfter", self.shown(start_after)))
                if not self.token:  # a token takes precedence (ListObjectsV2, StartAfter)
                    self.marker = self.bucket_prefix + start_after
        self.echo = echo
        # Version 1 always names the owner, version 2 when asked: ours, not the backend's.
        self.owner = b""
        if self.version == 1 or params.get("fetch-owner") == b"true":
            self.owner = list_document.owner(owner_id, owner_display_name)

    def query(self) -> bytes:
        """The query for the backend."""
        if self.version == 1:
            return self.pairs(
                encoding_type=b"url", marker=self.marker, max_keys=b"%d" % self.max_keys
            )
        return self.pairs(
            continuation_token=self.token,
            encoding_type=b"url",
            list_type=b"2",
            max_keys=b"%d" % self.max_keys,
            start_after=self.marker,
        )

    def head(self) -> bytes:
        """The document up to its entries: what does not depend on the backend."""
        prefix = self.shown_prefix + self.prefix
        return list_document.head(
            self.shown_name, prefix, self.echo, self.max_keys, self.delimiter, self.url
        )

    def tail(self, truncated: bool, following: bytes, count: int) -> bytes:
        """The document after its entries. ``following`` is the element with the next token."""
        return list_document.tail(truncated, following, count if self.version == 2 else None)

    def empty(self) -> Respond:
        """The page of ``max-keys=0``, for which no backend is asked: S3 says that it is not
        truncated."""
        return Respond(200, CONTENT_TYPE, self.head() + self.tail(False, b"", 0))


class ListingTranslator(PageTranslator):
    """Implements ``plan.Translate`` for one page."""

    root = "ListBucketResult"
    taken = frozenset(("Key", "LastModified", "ETag", "Size", "StorageClass", "ChecksumType"))

    __slots__ = ("_count", "_last", "_last_hidden", "_listing", "_next", "_truncated")

    def __init__(self, listing: Listing) -> None:
        super().__init__(listing, listing.head())
        self._listing = listing
        self._count = 0
        self._truncated = False
        self._next = b""  # token or marker for the next page, as the backend wrote it
        self._last = b""  # greatest name of the page, in the backend's world
        self._last_hidden = False

    def _element(self, name: str, text: bytes) -> None:
        if name == "IsTruncated":
            self._truncated = text == b"true"
        elif name == ("NextMarker" if self._listing.version == 1 else "NextContinuationToken"):
            self._next = text

    def _tail(self) -> bytes:
        following = b""
        if self._truncated:
            following = self._marker() if self._listing.version == 1 else self._token()
        return self._listing.tail(self._truncated, following, self._count)

    def _token(self) -> bytes:
        listing, token = self._listing, self._next
        if not token:
            raise self._fault("truncated, but without a token")
        if token == listing.token:
            raise self._fault("the token is the one that was sent: it would never end")
        sealed = listing.sealer.seal(token, listing.context)
        return list_document.next_continuation_token(sealed)

    def _marker(self) -> bytes:
        """NextMarker. S3 sends it only with a delimiter and lets clients take the last key
        otherwise; after entries were dropped that would be the wrong one, so it is always sent."""
        listing = self._listing
        last, hidden = self._last, self._last_hidden
        if self._next not in (b"", last):  # some stores do not encode it
            marker = self._decode(self._next)
            if marker.startswith(self._full_prefix) and marker != last:
                last = marker
                hidden = not self._may_show(marker[self._start :])
        if not last:
            raise self._fault("truncated, but without entries and without a marker")
        if last == listing.marker:
            raise self._fault("the marker is the one that was sent: it would never end")
        return list_document.next_marker(
            listing.shown_prefix + listing.show_marker(last, hidden), listing.url
        )

    # --- entries

    def _decode(self, text: bytes) -> bytes:
        if b"%" not in text and b"+" not in text:
            return text
        try:
            return percent_decode(text, True)
        except S3Error:
            raise self._fault("a name is not percent-encoded") from None

    def _group(self, key: bytes, shown: bool) -> None:
        if key > self._last:
            self._last = key
            self._last_hidden = not shown
        if shown:
            self._count += 1

    def _ended(self, name: str, entry: dict[str, bytes]) -> None:
        if name != "Contents":
            return
        key = self._key(entry)
        shown = self._may_show_key(key)
        self._group(key, shown)
        checksums = b""
        if self._algorithms or "ChecksumType" in entry:
            checksums = self._checksums(entry)
        if not shown:
            self.dropped += 1
            return
        listing = self._listing
        piece = list_document.entry(
            self._shown_prefix + key[self._start :],
            entry.get("LastModified", b""),
            quoted(entry.get("ETag", b"")),
            entry.get("Size", b"0"),
            entry.get("StorageClass", b"STANDARD"),
            listing.url,
            checksums,
            listing.owner,
        )
        self._out.append(piece)
        self._size += len(piece)
