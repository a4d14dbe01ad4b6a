"""The documents about buckets as such: where one is to be made, and which a store has.

Elements: "CreateBucket" and "ListBuckets" in the Amazon S3 API reference.
"""

from __future__ import annotations

from multistore.errors import S3Error
from multistore.gateway.records import malformed
from multistore.gateway.render import DECLARATION, NAMESPACE
from multistore.wire import LEAF, START, XmlReader, xml_escape

__all__ = ["read_buckets", "read_location", "write_location"]

_CONFIGURATION = "CreateBucketConfiguration"


def read_location(body: bytes) -> str:
    """The LocationConstraint of a client's ``CreateBucketConfiguration``; "" for none.

    Raises: MalformedXML; NotImplemented for other elements (law 3): Location and Bucket make
    directory buckets, Tags tag the bucket.
    """
    if not body.strip():
        return ""
    reader = XmlReader()
    events = reader.feed(body)
    reader.close()
    kind, root, text = events[0]
    if root != _CONFIGURATION or (kind == LEAF and text.strip()):
        raise malformed()
    location = b""
    for kind, name, text in events[1:]:
        if kind == LEAF and name == "LocationConstraint" and not location:
            location = text.strip()
        elif kind in (LEAF, START):
            raise S3Error("NotImplemented", f"The element {name} is not implemented.")
    return location.decode()


def write_location(region: str) -> bytes:
    """The body of a CreateBucket in ``region``; us-east-1 is the one that is not named."""
    if region == "us-east-1":
        return b""
    return b"%b<%b %b><LocationConstraint>%b</LocationConstraint></%b>" % (
        DECLARATION,
        _CONFIGURATION.encode(),
        NAMESPACE,
        xml_escape(region.encode()),
        _CONFIGURATION.encode(),
    )


def read_buckets(body: bytes) -> tuple[list[tuple[str, str]], bytes]:
    """Names and dates of creation out of a store's ``ListAllMyBucketsResult``, and the token of
    the next page, b"" for none.

    Raises: BadGateway for a document that is none, or not whole.
    """
    reader = XmlReader()
    try:
        events = reader.feed(body)
        reader.close()
    except S3Error:  # whose words are meant for a client that sent XML
        raise _unreadable() from None
    if events[0][1] != "ListAllMyBucketsResult":
        raise _unreadable()
    buckets: list[tuple[str, str]] = []
    token = b""
    path: list[str] = []
    entry: dict[str, bytes] = {}
    for kind, name, text in events:
        if kind == START:
            path.append(name)
            if path[1:] == ["Buckets", "Bucket"]:
                entry = {}
        elif kind != LEAF:
            if path[1:] == ["Buckets", "Bucket"]:
                buckets.append(_entry(entry))
            path.pop()
        elif path[1:] == ["Buckets", "Bucket"]:
            entry[name] = text
        elif name == "ContinuationToken" and len(path) == 1:
            token = text
    return buckets, token


def _entry(entry: dict[str, bytes]) -> tuple[str, str]:
    try:
        return entry["Name"].decode(), entry.get("CreationDate", b"").decode()
    except (KeyError, UnicodeDecodeError):
        raise _unreadable() from None


def _unreadable() -> S3Error:
    return S3Error("BadGateway", "The backend's list of buckets could not be read")
