"""One page of what a bucket holds, objects, versions or uploads: the backend's document, rewritten
as it flows (D9, SEM-21). What the lists have in common; each has a module of its own.

The backend is asked below the bucket's prefix, for objects with ``encoding-type=url``. (For
versions and uploads some stores ignore that, even while they say that they do not: SeaweedFS 4.48.
There names come as XML text, which is exact for all but control characters.) Its document is read
event by event and ours is written in the same pass, one entry in memory at a time. What a page
says about itself (truncated, the next marker, the count) follows the entries, because a backend
may say it last; readers of these documents do not depend on the order of their elements.

Nothing of the backend's world is copied: names are taken out of the prefix and encoded as the
client asked; markers that would name a key that was dropped are sealed.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, ClassVar

from multistore.errors import S3Error
from multistore.gateway import authorize, list_document
from multistore.gateway.render import CONTENT_TYPE
from multistore.limits import LIST_BODY_MAX, LIST_MAX_KEYS
from multistore.wire import LEAF, START, XmlReader, percent_encode, xml_escape

if TYPE_CHECKING:
    from multistore.gateway.plan import Fields
    from multistore.gateway.ports import TokenSealer
    from multistore.gateway.request import GatewayRequest

__all__ = [
    "DocumentTranslator",
    "PageRequest",
    "PageTranslator",
    "PairTranslator",
    "argument",
    "quoted",
    "read_count",
    "read_encoding",
]

_log = logging.getLogger("multistore.backend")

#: What stands before a sealed marker. A key may begin like this too: it is then taken as a key.
_SEALED_MARKER = b"~multistore~"
#: Output is handed on in pieces of at least this many bytes: few writes, and a runtime that waits
#: with the head for the first of them can still answer a fault of a short page with its status.
_PIECE = 32_768


def argument(name: str, message: str) -> S3Error:
    """The refusal of one parameter."""
    return S3Error("InvalidArgument", message, fields=(("ArgumentName", name),))


def read_count(params: dict[str, bytes], name: str) -> int:
    """Entries of a page: digits only, capped at S3's page; ``int`` alone would take signs, blanks,
    underscores, and refuse thousands of digits with an error of its own.

    Raises: InvalidArgument.
    """
    value = params.get(name)
    if value is None:
        return LIST_MAX_KEYS
    if not value.isdigit():
        raise argument(name, f"Provided {name} not an integer or within integer range")
    digits = value.lstrip(b"0")
    return min(int(digits or b"0"), LIST_MAX_KEYS) if len(digits) <= 4 else LIST_MAX_KEYS


def read_encoding(params: dict[str, bytes]) -> bool:
    """Whether names are to be written with ``encoding-type=url``. Raises: InvalidArgument."""
    encoding = params.get("encoding-type", b"")
    if encoding not in (b"", b"url"):
        raise argument("encoding-type", "Invalid Encoding Method specified in Request")
    return encoding == b"url"


class PageRequest:
    """What a client asked for, validated.

    ``bounds`` are the scope prefixes that bound what is shown, None for all below ``prefix``
    (``authorize.list_prefixes``). ``max_keys`` is the most entries of the page, which ``limit``
    names as a parameter. ``context`` is what tokens and markers of this list are sealed for.
    ``shown_name`` and ``shown_prefix``: see ``types.Bucket``.
    """

    __slots__ = (
        "bounds",
        "bucket_name",
        "bucket_prefix",
        "context",
        "delimiter",
        "max_keys",
        "prefix",
        "sealer",
        "shown_name",
        "shown_prefix",
        "url",
    )

    def __init__(
        self, request: GatewayRequest, sealer: TokenSealer, limit: str, label: bytes = b""
    ) -> None:
        """Reads the parameters that all lists have; those repeated were refused by
        ``operation``. ``label`` tells the tokens of one list from those of another.

        Raises: InvalidArgument for parameters that S3 does not take; AccessDenied when nothing
        may be shown.
        """
        bucket, target, identity = request.bucket, request.target, request.identity
        operation = request.operation
        assert bucket is not None and target is not None
        assert identity is not None and operation is not None
        params = target.params
        self.prefix = params.get("prefix", b"")
        self.delimiter = params.get("delimiter", b"")
        self.max_keys = read_count(params, limit)
        self.url = read_encoding(params)
        self.bucket_name = bucket.name
        self.bucket_prefix = bucket.prefix
        self.shown_name = bucket.shown_name
        self.shown_prefix = bucket.shown_prefix
        self.bounds = authorize.list_prefixes(identity, bucket, self.prefix, operation.action)
        self.sealer = sealer
        # No bucket name holds a NUL: the parts cannot be mistaken for each other.
        self.context = label + bucket.name.encode() + b"\0" + self.prefix

    def shown(self, name: bytes) -> bytes:
        """A name below the bucket's prefix as the client knows it, as element text."""
        return list_document.name(self.shown_prefix + name, self.url)

    def open_marker(self, marker: bytes) -> bytes:
        """The backend's key for a marker that a client gave."""
        if marker.startswith(_SEALED_MARKER):
            try:
                return self.sealer.open(marker[len(_SEALED_MARKER) :], self.context)
            except S3Error:
                pass  # a key that only looks like one
        return self.bucket_prefix + marker

    def show_marker(self, key: bytes, hidden: bool) -> bytes:
        """What :meth:`open_marker` takes back: the name below the bucket's prefix, or, for a key
        that the client may not see, a sealed one."""
        if hidden:
            return _SEALED_MARKER + self.sealer.seal(key, self.context)
        return key[len(self.bucket_prefix) :]

    def pairs(self, subresource: str = "", **more: bytes) -> bytes:
        """The query for the backend: canonical, that is encoded and sorted by name. ``_`` in a
        name of ``more`` stands for ``-``; an empty value leaves it out."""
        given = {name.replace("_", "-"): value for name, value in more.items() if value}
        if subresource:
            given[subresource] = b""
        given["prefix"] = self.bucket_prefix + self.prefix
        if self.delimiter:
            given["delimiter"] = self.delimiter
        return b"&".join(
            name.encode() + b"=" + percent_encode(given[name]) for name in sorted(given)
        )

    def visible(self) -> tuple[frozenset[bytes], tuple[bytes, ...]]:
        """``bounds`` as exact keys, and as the prefixes below which everything is visible."""
        assert self.bounds is not None
        below = tuple(b if not b or b.endswith(b"/") else b + b"/" for b in self.bounds)
        return frozenset(self.bounds), below


class DocumentTranslator:
    """Implements ``plan.Translate`` for a document of many entries; each list derives its own,
    which says what its document is called (``root``), which elements of an entry are taken over
    (``taken``, each at most once) and what becomes of an entry and of the page.
    """

    root: ClassVar[str]
    taken: ClassVar[frozenset[str]]

    __slots__ = (
        "_bucket_name",
        "_depth",
        "_entry",
        "_given",
        "_in",
        "_out",
        "_reader",
        "_size",
        "fields",
        "status",
    )

    def __init__(self, bucket_name: str, head: bytes) -> None:
        """``head`` is the document up to its entries: what does not depend on the backend."""
        self.status = 200
        self.fields: Fields = CONTENT_TYPE
        self._bucket_name = bucket_name
        self._reader = XmlReader()
        self._out: list[bytes] = [head]
        self._given = 0  # bytes of the backend's document so far
        self._size = 0
        self._depth = 0  # 0 outside the document, 1 among its elements, 2 in an entry, 3 deeper
        self._in = ""  # the element at depth 1 that is open
        self._entry: dict[str, bytes] = {}

    def feed(self, data: bytes) -> bytes:
        """Raises: BadGateway for a document that is not such a page, or longer than one can be."""
        self._given += len(data)
        if self._given > LIST_BODY_MAX:
            raise self._fault(f"longer than {LIST_BODY_MAX} bytes")
        try:
            events = self._reader.feed(data)
        except S3Error:  # whose words are meant for a client that sent XML
            raise self._fault("not well-formed XML") from None
        depth, entry, taken = self._depth, self._entry, self.taken
        for kind, name, text in events:
            if kind == LEAF:
                if depth == 2:
                    if name in taken:
                        entry[name] = text
                    else:
                        self._inner(name, text)
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
                    self._ended(self._in, entry)
                    self._in = ""
        self._depth = depth
        return self._flush() if self._size >= _PIECE else b""

    def finish(self) -> bytes:
        """Raises: BadGateway for a page that ends early or from which there is no way on."""
        try:
            self._reader.close()
        except S3Error:
            raise self._fault("the document ends early") from None
        self._out.append(self._tail())
        return self._flush()

    def _flush(self) -> bytes:
        piece = b"".join(self._out)
        self._out.clear()
        self._size = 0
        return piece

    def _write(self, piece: bytes) -> None:
        self._out.append(piece)
        self._size += len(piece)

    def _fault(self, reason: str) -> S3Error:
        _log.warning("listing of bucket %s failed: %s", self._bucket_name, reason)
        return S3Error("BadGateway", "The backend's listing could not be read")

    def _root(self, name: str) -> None:
        # An <Error> here is a failure that was found after a 200 had gone out (F20).
        if name != self.root:
            raise self._fault(f"the document is a <{name[:40]}>")

    # --- what each list says itself

    def _element(self, name: str, text: bytes) -> None:
        """An element of the page itself."""
        raise NotImplementedError

    def _inner(self, name: str, text: bytes) -> None:
        """An element of an entry that is not one of ``taken``."""

    def _ended(self, name: str, entry: dict[str, bytes]) -> None:
        """An entry, whole."""
        raise NotImplementedError

    def _tail(self) -> bytes:
        """The document after its entries."""
        raise NotImplementedError


class PageTranslator(DocumentTranslator):
    """A page whose entries have keys and common prefixes.

    ``dropped`` counts entries outside prefix or scope that the backend sent nevertheless.
    """

    __slots__ = (
        "_algorithms",
        "_below",
        "_bounded",
        "_exact",
        "_full_prefix",
        "_shown_prefix",
        "_start",
        "_url",
        "dropped",
    )

    def __init__(self, asked: PageRequest, head: bytes) -> None:
        super().__init__(asked.bucket_name, head)
        self.dropped = 0
        self._algorithms: list[bytes] = []
        self._exact: frozenset[bytes] = frozenset()
        self._below: tuple[bytes, ...] = ()
        if asked.bounds is not None:
            self._exact, self._below = asked.visible()
        # Read once, not for every entry.
        self._bounded = asked.bounds is not None
        self._full_prefix = asked.bucket_prefix + asked.prefix
        self._start = len(asked.bucket_prefix)
        self._shown_prefix = asked.shown_prefix
        self._url = asked.url

    def finish(self) -> bytes:
        """Raises: BadGateway for a page that ends early or from which there is no way on."""
        rest = super().finish()
        if self.dropped:
            _log.warning(
                "listing of bucket %s: %d entries outside prefix or scope dropped",
                self._bucket_name,
                self.dropped,
            )
        return rest

    def _group(self, key: bytes, shown: bool) -> None:
        """A common prefix by its name in the backend's world; it is written only if shown."""
        raise NotImplementedError

    def _inner(self, name: str, text: bytes) -> None:
        if name == "Prefix" and self._in == "CommonPrefixes":
            self._common_prefix(self._decode(text))
        elif name == "ChecksumAlgorithm" and len(self._algorithms) < 16:
            self._algorithms.append(text)

    def _common_prefix(self, name: bytes) -> None:
        shown = name.startswith(self._full_prefix) and self._may_show(name[self._start :])
        self._group(name, shown)
        if shown:
            shown_name = self._shown_prefix + name[self._start :]
            self._write(list_document.common_prefix(shown_name, self._url))
        else:
            self.dropped += 1

    def _decode(self, text: bytes) -> bytes:
        """A name as the backend wrote it."""
        return text

    def _key(self, entry: dict[str, bytes]) -> bytes:
        """The key of an entry, in the backend's world."""
        raw = entry.get("Key")
        if raw is None:
            raise self._fault("an entry without a key")
        return self._decode(raw)

    def _may_show_key(self, key: bytes) -> bool:
        """Whether a key of the backend is within prefix and scope."""
        if not key.startswith(self._full_prefix):
            return False
        name = key[self._start :]
        return not self._bounded or name in self._exact or name.startswith(self._below)

    def _may_show(self, name: bytes) -> bool:
        """Whether a key, or some key below a common prefix, is within the scope: a common prefix
        may also lie above a bound, of which it then is the beginning."""
        if not self._bounded or name in self._exact or name.startswith(self._below):
            return True
        return any(bound.startswith(name) for bound in self._below) and name != b""

    def _checksums(self, entry: dict[str, bytes]) -> bytes:
        """The elements that say which checksums the entry has."""
        found = b""
        if self._algorithms:
            found = b"".join(
                b"<ChecksumAlgorithm>%b</ChecksumAlgorithm>" % xml_escape(text)
                for text in self._algorithms
            )
            self._algorithms.clear()
        if "ChecksumType" in entry:
            found += b"<ChecksumType>%b</ChecksumType>" % xml_escape(entry["ChecksumType"])
        return found


class PairTranslator(PageTranslator):
    """A page that begins after a pair: a key, and one of several entries of that key, for which
    ``second`` is the element that names it for the next page."""

    second: ClassVar[str]

    __slots__ = ("_last", "_next_key", "_next_second", "_truncated")

    def __init__(self, asked: PageRequest, head: bytes) -> None:
        super().__init__(asked, head)
        self._truncated = False
        self._next_key = b""  # as the backend wrote it
        self._next_second = b""
        #: The last name of the page: key, which of its entries, whether hidden.
        self._last = (b"", b"", False)

    def _element(self, name: str, text: bytes) -> None:
        if name == "IsTruncated":
            self._truncated = text == b"true"
        elif name == "NextKeyMarker":
            self._next_key = text
        elif name == self.second:
            self._next_second = text

    def _group(self, key: bytes, shown: bool) -> None:
        if key > self._last[0]:
            self._last = (key, b"", not shown)

    def _passed(self, key: bytes, second: bytes) -> bool:
        """Whether an entry of this key may be shown."""
        shown = self._may_show_key(key)
        if key >= self._last[0]:
            self._last = (key, second, not shown)
        if not shown:
            self.dropped += 1
        return shown

    def _following(self, sent: tuple[bytes, bytes]) -> tuple[bytes, bytes, bool]:
        """Where the next page begins: key, which of its entries, whether hidden. From the last
        entry for a store that leaves its markers out, or whose marker is not below the prefix."""
        key, second, hidden = self._last
        marker = self._next_key
        if marker.startswith(self._full_prefix) and marker:
            if marker != key:
                key, hidden = marker, not self._may_show(marker[self._start :])
            second = self._next_second
        if not key:
            raise self._fault("truncated, but without entries and without a marker")
        if (key, second) == sent:
            raise self._fault("the marker is the one that was sent: it would never end")
        return key, second, hidden


def quoted(etag: bytes) -> bytes:
    """Quoted everywhere, whatever the backend does (R17)."""
    return etag if etag[:1] == b'"' else b'"%b"' % etag
