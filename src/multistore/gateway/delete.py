"""DeleteObjects: what a client wants deleted, what of it may be, and what it is told (SEM-23).

Each object, with its version, is authorised by itself; only what is allowed goes to the store,
which is asked to answer for each. Nothing is reported as deleted that the store did not report.

Elements: "DeleteObjects" in the Amazon S3 API reference.
"""

from __future__ import annotations

import base64
import hashlib
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.authorize import allowed
from multistore.gateway.document import check_length
from multistore.gateway.operation import required_actions
from multistore.gateway.plan import Collect, Respond
from multistore.gateway.records import Record, malformed, read_records
from multistore.gateway.render import CONTENT_TYPE, DECLARATION, NAMESPACE, element
from multistore.gateway.route import check_key
from multistore.limits import DELETE_BODY_MAX, DELETE_MAX_KEYS, KEY_MAX
from multistore.wire import xml_escape

if TYPE_CHECKING:
    from collections.abc import Callable

    from multistore.gateway.integrity import BodyCheck
    from multistore.gateway.plan import Fields, Plan
    from multistore.gateway.request import GatewayRequest
    from multistore.types import Bucket

__all__ = ["Deletion", "collect", "digest_fields", "document", "read_result"]

_OBJECT = frozenset(("Key", "VersionId", "ETag", "LastModifiedTime", "Size"))
_REQUEST = {"Object": _OBJECT, "Quiet": frozenset[str]()}
_RESULT = {
    "Deleted": frozenset(("Key", "VersionId", "DeleteMarker", "DeleteMarkerVersionId")),
    "Error": frozenset(("Key", "VersionId", "Code", "Message")),
}

#: An object as a client names it: its key and its version, b"" for none.
Name = tuple[bytes, bytes]


class Deletion:
    """What is to be deleted: ``objects`` in the order asked, of which ``refused`` holds those that
    may not be, with the reason."""

    __slots__ = ("objects", "quiet", "refused")

    def __init__(self, objects: list[Record], quiet: bool) -> None:
        self.objects = objects
        self.quiet = quiet
        self.refused: dict[Name, S3Error] = {}

    def allowed(self) -> list[Record]:
        """What the store is asked for: each object once."""
        wanted = {name_of(record): record for record in self.objects}
        return [record for name, record in wanted.items() if name not in self.refused]

    def answer(self, done: dict[Name, Record | S3Error], fields: Fields = ()) -> Respond:
        """The answer when the store has reported ``done``."""
        parts = [DECLARATION, b"<DeleteResult " + NAMESPACE + b">"]
        for record in self.objects:
            name = name_of(record)
            outcome = self.refused.get(name) or done.get(name) or _UNREPORTED
            if isinstance(outcome, S3Error):
                parts.append(_error(name, outcome))
            elif not self.quiet:
                parts.append(_deleted(name, outcome))
        parts.append(b"</DeleteResult>")
        return Respond(200, (*CONTENT_TYPE, *fields), b"".join(parts))


_UNREPORTED = S3Error("InternalError", "We encountered an internal error. Please try again.")


def name_of(record: Record) -> Name:
    return record.get("Key", b""), record.get("VersionId", b"")


def collect(
    request: GatewayRequest, check: BodyCheck | None, send: Callable[[Deletion], Plan]
) -> Collect:
    """The plan for a request whose bucket is known. ``check`` holds the body to its promises;
    ``send`` is asked for what is left to do when anything may be deleted.

    Raises: MissingContentLength, MissingRequestBodyError, MaxMessageLengthExceeded;
    InvalidRequest when nothing is promised of the body.
    """
    check_length(request.head.content_length, DELETE_BODY_MAX)
    if check is None:
        raise S3Error("InvalidRequest", "Missing required header for this request: Content-MD5")

    def finish(body: bytes) -> Plan:
        deletion = _read(body)
        _refuse(deletion, request)
        if not deletion.allowed():
            return deletion.answer({})
        return send(deletion)

    return Collect(check, finish)


def _read(body: bytes) -> Deletion:
    records, texts = read_records(body, "Delete", _REQUEST, strict=True, limit=DELETE_MAX_KEYS)
    objects = records["Object"]
    quiet = texts.get("Quiet", b"false").strip().lower()
    if not objects or quiet not in (b"true", b"false"):
        raise malformed()
    for record in objects:
        if not record.get("Key"):
            raise malformed()
        if record.get("VersionId") == b"":
            del record["VersionId"]
    return Deletion(objects, quiet == b"true")


def _refuse(deletion: Deletion, request: GatewayRequest) -> None:
    """Notes what may not be deleted, and why."""
    identity, bucket, operation = request.identity, request.bucket, request.operation
    assert identity is not None and bucket is not None and operation is not None
    others = required_actions(request.head, operation)[1:]
    for record in deletion.objects:
        name = name_of(record)
        action = "delete_object_version" if name[1] else "delete_object"
        if not all(allowed(identity, each, bucket, name[0]) for each in (action, *others)):
            deletion.refused[name] = S3Error("AccessDenied", "Access Denied")
            continue
        try:
            _check_name(name[0], bucket)
        except S3Error as error:
            deletion.refused[name] = error


def _check_name(key: bytes, bucket: Bucket) -> None:
    if len(key) > KEY_MAX:
        raise S3Error("KeyTooLongError", "Your key is too long")
    check_key(key, True, bucket)


def document(objects: list[Record], prefix: bytes) -> bytes:
    """What the store is asked, ``prefix`` being what it has before each key."""
    parts = [DECLARATION, b"<Delete ", NAMESPACE, b">"]
    for record in objects:
        parts.append(b"<Object><Key>%b</Key>" % xml_escape(prefix + record["Key"]))
        for name in ("VersionId", "ETag", "LastModifiedTime", "Size"):
            if name in record:
                parts.append(element(name, record[name]))
        parts.append(b"</Object>")
    parts.append(b"<Quiet>false</Quiet></Delete>")
    return b"".join(parts)


def digest_fields(body: bytes) -> Fields:
    """S3 takes no DeleteObjects without a digest of its body."""
    md5 = hashlib.md5(body, usedforsecurity=False).digest()
    return ((b"content-md5", base64.b64encode(md5)), *CONTENT_TYPE)


def read_result(
    body: bytes, prefix: bytes, explain: Callable[[bytes], S3Error]
) -> dict[Name, Record | S3Error]:
    """What the store reports of each object. ``explain`` turns its code into what the client is
    told.

    Raises: MalformedXML.
    """
    records, _ = read_records(
        body, "DeleteResult", _RESULT, strict=False, limit=4 * DELETE_MAX_KEYS
    )
    done: dict[Name, Record | S3Error] = {}
    for record in records["Deleted"]:
        done[_stripped(record, prefix)] = record
    for record in records["Error"]:  # a failure outweighs a success of the same object
        done[_stripped(record, prefix)] = explain(record.get("Code", b""))
    return done


def _stripped(record: Record, prefix: bytes) -> Name:
    key, version = name_of(record)
    # Another name than those that were asked for is nobody's.
    return (key[len(prefix) :], version) if key.startswith(prefix) else (b"", b"")


def _deleted(name: Name, record: Record) -> bytes:
    parts = [b"<Deleted><Key>%b</Key>" % xml_escape(name[0])]
    if name[1]:
        parts.append(b"<VersionId>%b</VersionId>" % xml_escape(name[1]))
    for each in ("DeleteMarker", "DeleteMarkerVersionId"):
        if record.get(each):
            parts.append(element(each, record[each]))
    parts.append(b"</Deleted>")
    return b"".join(parts)


def _error(name: Name, error: S3Error) -> bytes:
    version = b"<VersionId>%b</VersionId>" % xml_escape(name[1]) if name[1] else b""
    return b"<Error><Key>%b</Key>%b<Code>%b</Code><Message>%b</Message></Error>" % (
        xml_escape(name[0]),
        version,
        error.code.encode(),
        xml_escape(error.message.encode()),
    )
