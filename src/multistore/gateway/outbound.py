"""Which header fields pass, in both directions, and what is promised about a body.

Everything is an allow-list (SEM-13, SEM-16). A request field that carries meaning is forwarded
or refused, never dropped in silence (law 5): a known ``x-amz-*`` field is in one of the sets
below, an unknown one is 501 ``NotImplemented`` naming it, on reads as on writes. Rights are not
decided here: fields that need an action of their own (D3) have passed ``gateway.authorize``.

Field names and their meaning: "Amazon S3 API reference", the page of each operation.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from multistore._version import __version__
from multistore.errors import S3Error
from multistore.limits import METADATA_MAX
from multistore.wire import HeaderSet, RequestHead

if TYPE_CHECKING:
    from multistore.gateway.plan import Fields

__all__ = [
    "ADD",
    "CHECKSUM",
    "CREATE_UPLOAD_ANSWER",
    "DELETE",
    "DELETE_ANSWER",
    "FRAMING",
    "LIST",
    "LIST_PARTS",
    "LIST_PARTS_ANSWER",
    "NOTHING",
    "PART",
    "PART_BARE",
    "PUT",
    "PUT_ANSWER",
    "PUT_BARE",
    "READ",
    "READ_ANSWER",
    "READ_ANSWER_CHECKSUM",
    "READ_WHOLE",
    "check_delete",
    "check_fields",
    "check_list",
    "check_read",
    "check_write",
    "known",
    "read_fields",
    "upload_fields",
]

#: What every request of ours carries. ``identity``: a coding added on the way would give one ETag
#: to two byte sequences, and ranges of a compressed body (SEM-13, R11).
ADD: Fields = (
    (b"accept-encoding", b"identity"),
    (b"user-agent", b"multistore/" + __version__.encode()),
)

NOTHING = HeaderSet(())

# --- to the backend -------------------------------------------------------------------------------

#: Consumed here and about us, not about the backend: the client's signature (ours replaces it),
#: the owner it expects (compared with our owner id, SEM-9), the version of the API that the C++
#: SDK states (S3 has only this one), and what browsers' SDKs and CDNs add for logs only.
_OURS = HeaderSet(
    (
        b"x-amz-date",
        b"x-amz-content-sha256",
        b"x-amz-security-token",
        b"x-amz-expected-bucket-owner",
        b"x-amz-api-version",
        b"x-amz-user-agent",
        b"x-amz-cf-id",
    )
)

_CUSTOMER_KEY = b"x-amz-server-side-encryption-customer-"

#: A read without its range: conditions, checksums wanted, who pays, the key of SSE-C.
READ_WHOLE = HeaderSet(
    (
        b"if-match",
        b"if-none-match",
        b"if-modified-since",
        b"if-unmodified-since",
        b"x-amz-checksum-mode",
        b"x-amz-request-payer",
    ),
    (_CUSTOMER_KEY,),
)
#: A read of a range. ``if-range`` is never here: ``read_fields`` translates it (R15).
READ = READ_WHOLE | HeaderSet((b"range",))
_READ_KNOWN = READ | _OURS

#: What an upload says of a checksum of the decoded bytes.
CHECKSUM = HeaderSet((b"x-amz-sdk-checksum-algorithm",), (b"x-amz-checksum-",))

#: How a body is framed, which is between two neighbours: ours is said anew (``gateway.payload``).
FRAMING = HeaderSet((b"x-amz-decoded-content-length", b"x-amz-trailer"))

#: An upload: how the object is to be served, conditions, the digest of the decoded bytes
#: (SEM-12), metadata, storage and encryption; and with an action of their own (D3) grants,
#: tags, lock, redirect. Content-Encoding and ``x-amz-acl`` come from ``upload_fields``.
PUT_BARE = HeaderSet(
    (
        b"cache-control",
        b"content-disposition",
        b"content-language",
        b"content-md5",
        b"content-type",
        b"expires",
        b"if-match",
        b"if-none-match",
        b"x-amz-object-lock-legal-hold",
        b"x-amz-object-lock-mode",
        b"x-amz-object-lock-retain-until-date",
        b"x-amz-request-payer",
        b"x-amz-server-side-encryption",
        b"x-amz-server-side-encryption-aws-kms-key-id",
        b"x-amz-server-side-encryption-bucket-key-enabled",
        b"x-amz-server-side-encryption-context",
        b"x-amz-storage-class",
        b"x-amz-tagging",
        b"x-amz-website-redirect-location",
    ),
    (b"x-amz-grant-", b"x-amz-meta-", _CUSTOMER_KEY),
)
#: The same with the checksum, unless it comes behind the body and the store takes none there.
PUT = PUT_BARE | CHECKSUM
_PUT_KNOWN = PUT | _OURS | FRAMING | HeaderSet((b"x-amz-acl",))

#: A deletion: its conditions (general purpose and directory buckets) and governance bypass.
DELETE = HeaderSet(
    (
        b"if-match",
        b"x-amz-bypass-governance-retention",
        b"x-amz-if-match-last-modified-time",
        b"x-amz-if-match-size",
        b"x-amz-request-payer",
    )
)
_DELETE_KNOWN = DELETE | _OURS

LIST = HeaderSet((b"x-amz-request-payer",))
_LIST_KNOWN = LIST | _OURS

#: ListParts: the key of SSE-C, for the checksums of the parts.
LIST_PARTS = HeaderSet((b"x-amz-request-payer",), (_CUSTOMER_KEY,))

#: A part of an upload: digests of its decoded bytes and the key of SSE-C; how the object is to be
#: served and stored was said when the upload began. Conditions are S3's to ignore: some clients
#: send those of the whole upload with each part.
PART_BARE = HeaderSet(
    (b"content-md5", b"if-match", b"if-none-match", b"x-amz-request-payer"), (_CUSTOMER_KEY,)
)
PART = PART_BARE | CHECKSUM

#: Preconditions and ranges of RFC 9110 that S3 does not know on writes. To ignore them would
#: overwrite what the client wanted to protect (RFC 9110 13.2.1, 14.5).
_REFUSED_ON_WRITE = HeaderSet(
    (b"content-range", b"if-modified-since", b"if-range", b"if-unmodified-since", b"range")
)

# --- to the client --------------------------------------------------------------------------------

_METHODS_OF_ENCRYPTION = (
    # How it is encrypted, never with which key: no key id, no MD5 of a customer's key.
    b"x-amz-server-side-encryption",
    b"x-amz-server-side-encryption-bucket-key-enabled",
    b"x-amz-server-side-encryption-customer-algorithm",
)

#: GET and HEAD (SEM-16). Not here, so dropped: Server, Date (ours is sent), ids of the request,
#: vendor fields such as ``Seaweed-X-Amz-*``, cookies, key ids, everything unknown.
READ_ANSWER = HeaderSet(
    (
        # representation (RFC 9110 8) and caching (RFC 9111)
        b"cache-control",
        b"content-disposition",
        b"content-encoding",
        b"content-language",
        b"content-type",
        b"expires",
        # validators and ranges
        b"accept-ranges",
        b"content-range",
        b"etag",
        b"last-modified",
        # the object's state
        b"x-amz-archive-status",
        b"x-amz-delete-marker",
        b"x-amz-expiration",
        b"x-amz-missing-meta",
        b"x-amz-mp-parts-count",
        b"x-amz-object-lock-legal-hold",
        b"x-amz-object-lock-mode",
        b"x-amz-object-lock-retain-until-date",
        b"x-amz-replication-status",
        b"x-amz-request-charged",
        b"x-amz-restore",
        b"x-amz-storage-class",
        b"x-amz-tagging-count",
        b"x-amz-version-id",
        b"x-amz-website-redirect-location",
        *_METHODS_OF_ENCRYPTION,
    ),
    (b"x-amz-meta-",),
)

#: The same with checksums: only when the client asked, and never for a part of the object, whose
#: bytes SDKs would compare with the checksum of the whole (SEM-16).
READ_ANSWER_CHECKSUM = READ_ANSWER | HeaderSet((), (b"x-amz-checksum-",))

#: PUT: identity of what was stored, and how (SEM-20).
PUT_ANSWER = HeaderSet(
    (
        b"etag",
        b"x-amz-expiration",
        b"x-amz-object-size",
        b"x-amz-request-charged",
        b"x-amz-version-id",
        *_METHODS_OF_ENCRYPTION,
    ),
    (b"x-amz-checksum-",),
)

#: CreateMultipartUpload: how the object will be stored, and when a lifecycle rule ends the upload.
CREATE_UPLOAD_ANSWER = HeaderSet(
    (
        b"x-amz-abort-date",
        b"x-amz-checksum-algorithm",
        b"x-amz-checksum-type",
        b"x-amz-request-charged",
        *_METHODS_OF_ENCRYPTION,
    )
)

#: ListParts.
LIST_PARTS_ANSWER = HeaderSet((b"x-amz-abort-date", b"x-amz-request-charged"))

DELETE_ANSWER = HeaderSet((b"x-amz-delete-marker", b"x-amz-request-charged", b"x-amz-version-id"))

# --- decisions ------------------------------------------------------------------------------------

# RFC 9110 14.1.2, one range only. More than 18 digits cannot be a position in an object.
_RANGE = re.compile(rb"(?i:bytes)=(?:(\d{1,18})-(\d{0,18})|-\d{1,18})", re.ASCII)
_STRONG_TAG = re.compile(rb'"[\x21\x23-\x7e\x80-\xff]*"')


def _unknown(name: bytes) -> S3Error:
    shown = name.decode("ascii", "replace")
    return S3Error(
        "NotImplemented",
        f"A header you provided implies functionality that is not implemented: {shown}",
        fields=(("Header", shown),),
    )


def _check_known(head: RequestHead, known: HeaderSet) -> None:
    name = head.first_outside(b"x-amz-", known)
    if name is not None:
        raise _unknown(name)


def read_fields(head: RequestHead, part: bool) -> tuple[HeaderSet, Fields, HeaderSet, bool]:
    """What a GET or HEAD of an object sends and shows: the fields kept, those added, the fields
    of the answer, and whether a 412 means "the range no longer fits: ask for the whole".

    A malformed Range, or one of several ranges, is dropped, so that the whole object comes
    (SEM-17, R13). If-Range (RFC 9110 13.1.5) is not sent, because some stores ignore it and would
    mix two versions: a strong tag becomes If-Match, whose 412 leads to the whole object; anything
    that cannot be proven that way (a date, a weak tag, If-Match besides) drops the Range, which
    is always right. ``part``: the request names a partNumber.

    Raises: NotImplemented for an unknown ``x-amz-*`` field.
    """
    _check_known(head, _READ_KNOWN)
    keep, add, if_range = READ_WHOLE, ADD, False
    ranged = head.get(b"range")
    if ranged is not None and _satisfiable_form(head, ranged):
        tag = head.get(b"if-range")
        if tag is None:
            keep = READ
        elif (
            _STRONG_TAG.fullmatch(tag)
            and head.get(b"if-match") is None
            and head.get(b"if-unmodified-since") is None
        ):
            keep, add, if_range = READ, (*ADD, (b"if-match", tag)), True
    if keep is READ or part or head.get(b"x-amz-checksum-mode") is None:
        return keep, add, READ_ANSWER, if_range
    return keep, add, READ_ANSWER_CHECKSUM, if_range


def _satisfiable_form(head: RequestHead, ranged: bytes) -> bool:
    match = _RANGE.fullmatch(ranged)
    if match is None or len(head.get_all(b"range")) > 1:
        return False
    first, last = match.groups()
    return not first or not last or int(first) <= int(last)


def upload_fields(head: RequestHead, known: HeaderSet = _PUT_KNOWN) -> Fields:
    """What a PUT of an object adds to the fields of ``PUT``. ``known`` are the ``x-amz-*`` fields
    that it may have.

    ``x-amz-acl: private`` is what every object is, and dropped (SEM-14). ``aws-chunked`` leaves
    Content-Encoding, other codings stay (SEM-12).

    Raises: MetadataTooLarge; NotImplemented for a field that S3 or the gateway does not know here.
    """
    add: list[tuple[bytes, bytes]] = []
    codings: list[bytes] = []
    metadata = 0
    for name, value in head.items():
        if name.startswith(b"x-amz-"):
            if name.startswith(b"x-amz-meta-"):
                metadata += len(name) - len(b"x-amz-meta-") + len(value)
            elif name == b"x-amz-acl":
                if value != b"private":
                    add.append((name, value))
            elif name not in known:
                raise _unknown(name)
        elif name == b"content-encoding":
            codings += [coding.strip() for coding in value.split(b",")]
        elif name in _REFUSED_ON_WRITE:
            raise _unknown(name)
    if metadata > METADATA_MAX:
        raise S3Error(
            "MetadataTooLarge",
            "Your metadata headers exceed the maximum allowed metadata size",
            fields=(("Size", str(metadata)), ("MaxSizeAllowed", str(METADATA_MAX))),
        )
    kept = [coding for coding in codings if coding and coding.lower() != b"aws-chunked"]
    if kept:
        add.append((b"content-encoding", b",".join(kept)))
    return (*ADD, *add)


def check_write(head: RequestHead, known: HeaderSet) -> None:
    """Raises: NotImplemented for a field that a write may not ignore."""
    for name, _ in head.items():
        if name in _REFUSED_ON_WRITE or (name.startswith(b"x-amz-") and name not in known):
            raise _unknown(name)


def known(keep: HeaderSet) -> HeaderSet:
    """The fields that a request may have of which ``keep`` goes out."""
    return keep | _OURS


def check_read(head: RequestHead, known: HeaderSet) -> None:
    """Raises: NotImplemented for an unknown ``x-amz-*`` field."""
    _check_known(head, known)


def check_delete(head: RequestHead) -> None:
    """Raises: NotImplemented for a field that a deletion may not ignore."""
    for name, _ in head.items():
        if name in _REFUSED_ON_WRITE or (
            (name.startswith(b"x-amz-") or name == b"if-none-match") and name not in _DELETE_KNOWN
        ):
            raise _unknown(name)


def check_list(head: RequestHead) -> None:
    """For requests about a bucket, or all of them, answered here or by its store.

    Raises: NotImplemented for an unknown ``x-amz-*`` field.
    """
    _check_known(head, _LIST_KNOWN)


def check_fields(head: RequestHead, known: HeaderSet) -> None:
    """Raises: NotImplemented for an ``x-amz-*`` field outside ``known`` that is not ours."""
    _check_known(head, known | _OURS)
