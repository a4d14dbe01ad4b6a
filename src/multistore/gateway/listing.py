"""ListObjects and ListObjectsV2: the backend's page, rewritten as it flows (D9, SEM-21).

The backend is asked with ``encoding-type=url`` below the bucket's prefix. Its document is read
event by event and ours is written in the same pass, one entry in memory at a time. What a page
says about itself (truncated, the next token, the count) follows the entries, because a backend
may say it last; readers of this document do not depend on the order of its elements.

Nothing of the backend's world is copied: names are decoded, taken out of the prefix and encoded
again; continuation tokens, and markers that would name a key that was dropped, are sealed.

Elements and parameters: "ListObjects" and "ListObjectsV2" in the Amazon S3 API reference.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway import authorize, list_document
from multistore.gateway.plan import Respond
from multistore.limits import LIST_BODY_MAX, LIST_MAX_KEYS
from multistore.wire import LEAF, START, XmlReader, percent_decode, percent_encode, xml_escape

if TYPE_CHECKING:
    from multistore.gateway.plan import Fields
    from multistore.gateway.ports import TokenSealer
    from multistore.gateway.request import GatewayRequest

__all__ = ["Listing", "ListingTranslator"]

_log = logging.getLogger("multistore.backend")

#: What stands before a sealed marker. A key may begin like this too: it is then taken as a key.
_SEALED_MARKER = b"~multistore~"
#: Output is handed on in pieces of at least this many bytes: few writes, and a runtime that waits
#: with the head for the first of them can still answer a fault of a short page with its status.
_PIECE = 32_768

_CONTENT_TYPE: Fields = ((b"content-type", b"application/xml"),)
#: Elements of an entry that are taken over; each at most once, but ChecksumAlgorithm.
_TAKEN = frozenset(("Key", "LastModified", "ETag", "Size", "StorageClass", "ChecksumType"))


def _argument(name: str, message: str) -> S3Error:
    return S3Error("InvalidArgument", message, fields=(("ArgumentName", name),))


def _max_keys(value: bytes | None) -> int:
    """Digits only, capped at S3's page; ``int`` alone would take signs, blanks, underscores, and
    refuse thousands of digits with an error of its own."""
    if value is None:
        return LIST_MAX_KEYS
    if not value.isdigit():
        raise _argument("max-keys", "Provided max-keys not an integer or within integer range")
    digits = value.lstrip(b"0")
    return min(int(digits or b"0"), LIST_MAX_KEYS) if len(digits) <= 4 else LIST_MAX_KEYS


class Listing:
    """What a client asked for, validated, and what the backend is asked instead.

    ``bounds`` are the scope prefixes that bound what is shown, None for all below ``prefix``
    (``authorize.list_prefixes``). ``token`` is the backend's own, opened; ``marker`` the key
    after which the page begins at the backend, b"" for none.
    """

    __slots__ = (
        "bounds",
        "bucket_name",
        "bucket_prefix",
        "context",
        "delimiter",
        "echo",
        "marker",
        "max_keys",
        "owner",
        "prefix",
        "sealer",
        "token",
        "url",
        "version",
    )

    def __init__(
        self, request: GatewayRequest, sealer: TokenSealer, owner_id: str, owner_display_name: str
    ) -> None:
        """Reads the parameters of ``request``; those repeated were refused by ``operation``.

        Raises: InvalidArgument for parameters that S3 does not take and for tokens that were
        not sealed for this bucket and prefix; AccessDenied when nothing may be shown.
        """
        bucket, target, identity = request.bucket, request.target, request.identity
        assert bucket is not None and target is not None and identity is not None
        params = target.params
        self.version = 2 if "list-type" in params else 1
        self.prefix = params.get("prefix", b"")
        self.delimiter = params.get("delimiter", b"")
        self.max_keys = _max_keys(params.get("max-keys"))
        encoding = params.get("encoding-type", b"")
        if encoding not in (b"", b"url"):
            raise _argument("encoding-type", "Invalid Encoding Method specified in Request")
        self.url = encoding == b"url"
        self.bucket_name = bucket.name
        self.bucket_prefix = bucket.prefix
        self.bounds = authorize.list_prefixes(identity, bucket, self.prefix)
        self.sealer = sealer
        # No bucket name holds a NUL: the two parts cannot be mistaken for each other.
        self.context = bucket.name.encode() + b"\0" + self.prefix
        self.token = b""
        self.marker = b""
        echo: list[tuple[bytes, bytes]] = []
        if self.version == 1:
            marker = params.get("marker", b"")
            echo.append((b"Marker", list_document.name(marker, self.url)))
            if marker:
                self.marker = self._open_marker(marker)
        else:
            token = params.get("continuation-token")
            if token is not None:
                self.token = sealer.open(token, self.context)
                echo.append((b"ContinuationToken", xml_escape(token)))
            start_after = params.get("start-after", b"")
            if start_after:
                echo.append((b"StartAfter", list_document.name(start_after, self.url)))
                if not self.token:  # a token takes precedence (ListObjectsV2, StartAfter)
                    self.marker = bucket.prefix + start_after
        self.echo = echo
        # Version 1 always names the owner, version 2 when asked: ours, not the backend's.
        self.owner = b""
        if self.version == 1 or params.get("fetch-owner") == b"true":
            self.owner = list_document.owner(owner_id, owner_display_name)

    def _open_marker(self, marker: bytes) -> bytes:
        if marker.startswith(_SEALED_MARKER):
            try:
                return self.sealer.open(marker[len(_SEALED_MARKER) :], self.context)
            except S3Error:
                pass  # a key that only looks like one
        return self.bucket_prefix + marker

    def query(self) -> bytes:
        """The query for the backend: canonical, that is encoded and sorted by name."""
        pairs = [
            b"continuation-token=" + percent_encode(self.token) if self.token else b"",
            b"delimiter=" + percent_encode(self.delimiter) if self.delimiter else b"",
            b"encoding-type=url",
            b"list-type=2" if self.version == 2 else b"",
            b"marker=" + percent_encode(self.marker) if self.version == 1 and self.marker else b"",
            b"max-keys=%d" % self.max_keys,
            b"prefix=" + percent_encode(self.bucket_prefix + self.prefix),
            b"start-after=" + percent_encode(self.marker)
            if self.version == 2 and self.marker
            else b"",
        ]
        return b"&".join(filter(None, pairs))

    def head(self) -> bytes:
        """The document up to its entries: what does not depend on the backend."""
        return list_document.head(
            self.bucket_name, self.prefix, self.echo, self.max_keys, self.delimiter, self.url
        )

    def tail(self, truncated: bool, following: bytes, count: int) -> bytes:
        """The document after its entries. ``following`` is the element with the next token."""
        return list_document.tail(truncated, following, count if self.version == 2 else None)

    def empty(self) -> Respond:
        """The page of ``max-keys=0``, for which no backend is asked: S3 says that it is not
        truncated."""
        return Respond(200, _CONTENT_TYPE, self.head() + self.tail(False, b"", 0))

    def visible(self) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
        """``bounds`` as exact keys, and as the prefixes below which everything is visible."""
        assert self.bounds is not None
        below = tuple(b if not b or b.endswith(b"/") else b + b"/" for b in self.bounds)
        return frozenset(self.bounds), below


class ListingTranslator:
    """Implements ``plan.Translate`` for one page.

    ``dropped`` counts entries outside prefix or scope that the backend sent nevertheless.
    """

    __slots__ = (
        "_algorithms",
        "_below",
        "_bounded",
        "_count",
        "_depth",
        "_entry",
        "_exact",
        "_full_prefix",
        "_given",
        "_in",
        "_last",
        "_last_hidden",
        "_listing",
        "_next",
        "_out",
        "_reader",
        "_size",
        "_start",
        "_truncated",
        "dropped",
        "fields",
        "status",
    )

    def __init__(self, listing: Listing) -> None:
        self.status = 200
        self.fields: Fields = _CONTENT_TYPE
        self.dropped = 0
        self._listing = listing
        self._reader = XmlReader()
        self._out: list[bytes] = [listing.head()]
        self._given = 0  # bytes of the backend's document so far
        self._size = 0
        self._depth = 0  # 0 outside the document, 1 among its elements, 2 in an entry, 3 deeper
        self._in = ""  # the element at depth 1 that is open
        self._entry: dict[str, bytes] = {}
        self._algorithms: list[bytes] = []
        self._count = 0
        self._truncated = False
        self._next = b""  # token or marker for the next page, as the backend wrote it
        self._last = b""  # greatest name of the page, in the backend's world
        self._last_hidden = False
        self._exact: frozenset[bytes] = frozenset()
        self._below: tuple[bytes, ...] = ()
        if listing.bounds is not None:
            self._exact, self._below = listing.visible()
        # Read once, not for every entry.
        self._bounded = listing.bounds is not None
        self._full_prefix = listing.bucket_prefix + listing.prefix
        self._start = len(listing.bucket_prefix)

    def feed(self, data: bytes) -> bytes:
        """Raises: BadGateway for a document that is not a listing, or longer than one can be."""
        self._given += len(data)
        if self._given > LIST_BODY_MAX:
            raise self._fault(f"longer than {LIST_BODY_MAX} bytes")
        try:
            events = self._reader.feed(data)
        except S3Error:  # whose words are meant for a client that sent XML
            raise self._fault("not well-formed XML") from None
        depth, entry = self._depth, self._entry
        for kind, name, text in events:
            if kind == LEAF:
                if depth == 2:
                    if name in _TAKEN:
                        entry[name] = text
                    elif name == "Prefix" and self._in == "CommonPrefixes":
                        self._common_prefix(self._decode(text))
                    elif name == "ChecksumAlgorithm" and len(self._algorithms) < 16:
                        self._algorithms.append(text)
                elif depth == 1:
                    self._element(name, text)
                elif depth == 0:
                    self._root(name)
            elif kind == START:
                if depth == 1:
                    self._in = name
                    entry.clear()
                elif depth == 0:
                    self._root(name)
                depth += 1
            else:
                depth -= 1
                if depth == 1:
                    if self._in == "Contents":
                        self._contents(entry)
                    self._in = ""
        self._depth = depth
        return self._flush() if self._size >= _PIECE else b""

    def finish(self) -> bytes:
        """Raises: BadGateway for a page that ends early or from which there is no way on."""
        try:
            self._reader.close()
        except S3Error:
            raise self._fault("the document ends early") from None
        if self.dropped:
            _log.warning(
                "listing of bucket %s: %d entries outside prefix or scope dropped",
                self._listing.bucket_name,
                self.dropped,
            )
        following = b""
        if self._truncated:
            following = self._marker() if self._listing.version == 1 else self._token()
        self._out.append(self._listing.tail(self._truncated, following, self._count))
        return self._flush()

    def _flush(self) -> bytes:
        piece = b"".join(self._out)
        self._out.clear()
        self._size = 0
        return piece

    def _fault(self, reason: str) -> S3Error:
        _log.warning("listing of bucket %s failed: %s", self._listing.bucket_name, reason)
        return S3Error("BadGateway", "The backend's listing could not be read")

    # --- elements of the page

    def _root(self, name: str) -> None:
        # An <Error> here is a failure that was found after a 200 had gone out (F20).
        if name != "ListBucketResult":
            raise self._fault(f"the document is a <{name[:40]}>")

    def _element(self, name: str, text: bytes) -> None:
        if name == "IsTruncated":
            self._truncated = text == b"true"
        elif name == ("NextMarker" if self._listing.version == 1 else "NextContinuationToken"):
            self._next = text

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
        if hidden:
            shown = _SEALED_MARKER + listing.sealer.seal(last, listing.context)
        else:
            shown = last[self._start :]
        return list_document.next_marker(shown, listing.url)

    # --- entries

    def _decode(self, text: bytes) -> bytes:
        try:
            return percent_decode(text, True)
        except S3Error:
            raise self._fault("a name is not percent-encoded") from None

    def _may_show(self, name: bytes) -> bool:
        """Whether a key, or some key below a common prefix, is within the scope: a common prefix
        may also lie above a bound, of which it then is the beginning."""
        if not self._bounded or name in self._exact or name.startswith(self._below):
            return True
        return any(bound.startswith(name) for bound in self._below) and name != b""

    def _common_prefix(self, name: bytes) -> None:
        shown = name.startswith(self._full_prefix) and self._may_show(name[self._start :])
        if name > self._last:
            self._last = name
            self._last_hidden = not shown
        if not shown:
            self.dropped += 1
            return
        self._count += 1
        piece = list_document.common_prefix(name[self._start :], self._listing.url)
        self._out.append(piece)
        self._size += len(piece)

    def _contents(self, entry: dict[str, bytes]) -> None:
        raw = entry.get("Key")
        if raw is None:
            raise self._fault("an entry without a key")
        key = self._decode(raw) if b"%" in raw or b"+" in raw else raw
        name = key[self._start :]
        shown = key.startswith(self._full_prefix) and (
            not self._bounded or name in self._exact or name.startswith(self._below)
        )
        if key > self._last:
            self._last = key
            self._last_hidden = not shown
        algorithms = b""
        if self._algorithms:
            algorithms = b"".join(
                b"<ChecksumAlgorithm>%b</ChecksumAlgorithm>" % xml_escape(text)
                for text in self._algorithms
            )
            self._algorithms.clear()
        if not shown:
            self.dropped += 1
            return
        self._count += 1
        if "ChecksumType" in entry:
            algorithms += b"<ChecksumType>%b</ChecksumType>" % xml_escape(entry["ChecksumType"])
        listing = self._listing
        etag = entry.get("ETag", b"")
        if etag[:1] != b'"':  # quoted everywhere, whatever the backend does (R17)
            etag = b'"%b"' % etag
        piece = list_document.entry(
            name,
            entry.get("LastModified", b""),
            etag,
            entry.get("Size", b"0"),
            entry.get("StorageClass", b"STANDARD"),
            listing.url,
            algorithms,
            listing.owner,
        )
        self._out.append(piece)
        self._size += len(piece)
