"""Small documents of two levels: elements with text, and records of such elements."""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.wire import END, LEAF, XmlReader

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

__all__ = ["Record", "malformed", "read_records"]

#: Texts by the names of their elements.
Record = dict[str, bytes]


#: Bytes that are read at a time: events cost many times the text they stand for.
_SLICE = 65_536


def malformed() -> S3Error:
    return S3Error(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published schema",
    )


def read_records(
    body: bytes, root: str, known: Mapping[str, frozenset[str]], *, strict: bool, limit: int = 0
) -> tuple[dict[str, list[Record]], Record]:
    """The records of a document by name, each in order, and the texts beside them.

    ``known`` names the elements below ``root``: records with the names of what is in them, and
    with the empty set what holds text alone. What is not known is a fault if ``strict`` (a client
    may ask for nothing that we overlook), otherwise read over, however deep (a store may say more
    than we know of). Whatever stands twice in one record is a fault, and so are more than
    ``limit`` records: nothing is kept of what is too much.

    Raises: MalformedXML.
    """
    records: dict[str, list[Record]] = {name: [] for name, parts in known.items() if parts}
    texts: Record = {}
    path: list[str] = []
    current: Record = {}
    reader = XmlReader()
    count = 0
    for kind, name, text in _events(reader, body):
        if kind == END:
            path.pop()
            continue
        depth = len(path)
        if depth == 0:
            if name != root:
                raise malformed()
        elif depth == 1 and known.get(name):
            current = {}
            count += 1
            if count > limit:
                raise malformed()
            records[name].append(current)
        elif kind == LEAF and depth == 1 and name in known:
            _put(texts, name, text)
        elif kind == LEAF and depth == 2 and name in known.get(path[1], ()):
            _put(current, name, text)
        elif strict:
            raise malformed()
        if kind != LEAF:
            path.append(name)
    return records, texts


def _events(reader: XmlReader, body: bytes) -> Iterator[tuple[int, str, bytes]]:
    for at in range(0, len(body), _SLICE):
        yield from reader.feed(body[at : at + _SLICE])
    reader.close()


def _put(record: Record, name: str, text: bytes) -> None:
    if name in record:
        raise malformed()
    record[name] = text
