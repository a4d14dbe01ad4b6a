"""The stable interface for other tools: S3's request targets, signatures, checksums, upload bodies
and lists.

Everything here is a pure function or a small object over bytes; nothing reads a clock, opens a
socket or starts a thread, and importing it loads neither an event loop nor TLS nor a schema
library. A server that already has a request does three things:

>>> head = RequestHead("GET", b"/bucket/key", 11, [(b"Host", b"s3.example")])
>>> target = parse_request_target(head.target, b"s3.example")
>>> match(head, target).name, target.bucket, target.key
('GetObject', 'bucket', b'key')

and, before it believes them, ``Verifier(lookup).verify(head, target, now)``.

Errors are :class:`S3Error`, with S3's code, status and a message that may be shown.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from multistore.errors import S3Error
from multistore.gateway import chunked_upload, list_document
from multistore.gateway.integrity import Checksum, new_checksum
from multistore.gateway.key_refusals import unknown_key, unknown_token, wrong_signature
from multistore.gateway.operation import Operation, match
from multistore.gateway.plan import UNSIGNED_PAYLOAD
from multistore.gateway.presigned import read_presigned, unhoist
from multistore.gateway.route import normalise_domains, virtual_bucket
from multistore.gateway.sigv4 import (
    HEADER_FAULT,
    NO_SECRET,
    QUERY_FAULT,
    SHA256,
    STREAMING,
    DateReader,
    KeyCache,
    check_scope,
    check_skew,
    read_payload,
    read_query_credential,
)
from multistore.limits import CLOCK_SKEW, PRESIGN_MAX
from multistore.wire import (
    LEAF,
    START,
    Authorization,
    ChunkedDecoder,
    ChunkedEncoder,
    RequestHead,
    SigningKey,
    Target,
    XmlReader,
    check_signed_headers,
    parse_authorization,
    parse_target,
    percent_decode,
    percent_encode,
    presign,
    scan_request,
    sign,
    verify,
    verify_presigned,
)

__all__ = [
    "Checksum",
    "ChunkedDecoder",
    "ChunkedEncoder",
    "ListEntry",
    "ListPage",
    "Operation",
    "RequestHead",
    "S3Error",
    "SigningKey",
    "Target",
    "Verified",
    "Verifier",
    "match",
    "new_checksum",
    "open_chunked",
    "parse_request_target",
    "percent_decode",
    "percent_encode",
    "presign",
    "read_list",
    "scan_request",
    "sign",
    "unhoist",
    "write_list",
]


def parse_request_target(
    target: bytes, host: bytes | None = None, domains: Sequence[str] = ()
) -> Target:
    """Bucket, key and parameters of an origin-form request target, as S3 reads them.

    ``host`` is the value of ``Host``, with or without port; ``domains`` are those below which a
    bucket may stand in the host name (virtual-hosted style). A host that is none of them or not
    below one means path style, as does ``host`` None.

    Raises: InvalidURI, KeyTooLongError.
    Source: "Virtual hosting of buckets", Amazon S3 User Guide.
    """
    if not domains:
        return parse_target(target)
    return parse_target(target, virtual_bucket(host, normalise_domains(domains)))


# --- signatures -----------------------------------------------------------------------------------


@dataclass(slots=True)
class Verified:
    """What a signature says that held.

    ``payload`` is what was signed for the body: its SHA-256 in lower-case hex, which the body must
    still be checked against, ``UNSIGNED-PAYLOAD``, or one of S3's ``STREAMING-`` values.
    ``expires_at`` is the Unix time at which a presigned URL ends, 0 for a signature in a header.
    """

    access_key_id: str
    region: str
    payload: bytes
    presigned: bool
    expires_at: float


class Verifier:
    """Verifies Signature Version 4 in the ``Authorization`` header and in presigned URLs.

    ``lookup(access_key_id, session_token)`` gives the secret access key, or None for a key that
    is unknown, disabled, or does not belong to that token (None: the request has none). A token
    that it does not know is tried again without: a long-lived key takes none, and its holder is
    told so. Without ``regions`` any well-formed region is accepted. ``skew`` is in seconds: how far
    a signer's clock may be off, behind only for a header. ``max_presign_seconds`` is the longest
    life of a URL that is accepted, at most S3's own a week.

    Derived keys are cached once a signature held; an object may be used by one thread.
    """

    __slots__ = ("_dates", "_keys", "_last", "_longest", "_lookup", "_region", "_regions", "_skew")

    def __init__(
        self,
        lookup: Callable[[str, str | None], str | None],
        *,
        regions: Iterable[str] = (),
        skew: float = CLOCK_SKEW,
        max_presign_seconds: int = PRESIGN_MAX,
    ) -> None:
        self._lookup = lookup
        self._longest = max_presign_seconds
        self._regions = frozenset(regions)
        self._region = min(self._regions, default="us-east-1")
        self._skew = skew
        self._keys = KeyCache()
        self._dates = DateReader()
        # The last one that held: the next is often alike but for its signature.
        self._last: Authorization | None = None

    def verify(self, head: RequestHead, target: Target, now: float) -> Verified | None:
        """Who signed this request; None when it carries no credential of any kind.

        ``target`` must be that of ``head`` as the client sent it, ``now`` the Unix time.

        Raises: S3Error with the code that S3 gives (``SignatureDoesNotMatch``,
        ``InvalidAccessKeyId``, ``RequestTimeTooSkewed``, ``AccessDenied`` for a URL that expired
        or for fields that are not signed, …). Anything that looks like a credential and is not a
        whole one is an error, never None.
        Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference.
        """
        value = head.get(b"authorization")
        presigned = read_query_credential(target, value is not None) if target.params else False
        token = head.get(b"x-amz-security-token")
        if value is not None:
            return self._verify_header(head, target, value, token, now)
        if presigned:
            return self._verify_url(head, target, now)
        if token is not None:
            raise S3Error("InvalidRequest", "A session token needs a signature beside it.")
        return None

    def _verify_header(
        self, head: RequestHead, target: Target, value: bytes, token: bytes | None, now: float
    ) -> Verified:
        authorization = parse_authorization(value, self._last)
        check_signed_headers(head, authorization)
        amz_date = head.get(b"x-amz-date") or b""
        signed_at = self._dates.read(amz_date, authorization, HEADER_FAULT)
        check_skew(amz_date, signed_at, now, self._skew)
        payload = read_payload(head)
        verified = self._hold(verify, head, target, authorization, token, amz_date, payload, 0.0)
        self._last = authorization
        if payload is not UNSIGNED_PAYLOAD and payload in STREAMING and b"-ECDSA-" in payload:
            raise S3Error(
                "NotImplemented", f"The payload mode {payload.decode()} is not implemented."
            )
        return verified

    def _verify_url(self, head: RequestHead, target: Target, now: float) -> Verified:
        url = read_presigned(head, target, self._dates, now, self._skew, self._longest)
        return self._hold(
            verify_presigned,
            head,
            target,
            url.authorization,
            url.token,
            url.amz_date,
            url.payload,
            url.expires_at,
        )

    def _hold(
        self,
        check: Callable[[RequestHead, Target, Authorization, SigningKey, bytes, bytes], bool],
        head: RequestHead,
        target: Target,
        authorization: Authorization,
        token: bytes | None,
        amz_date: bytes,
        payload: bytes,
        expires_at: float,
    ) -> Verified:
        """Raises unless the signature holds. An unknown key costs the work of a known one."""
        access_key_id = authorization.access_key_id
        text = None if token is None else token.decode("utf-8", "replace")
        known = self._lookup(access_key_id, text)
        without_token = known is None and text is not None
        if without_token:
            known = self._lookup(access_key_id, None)
        secret = NO_SECRET if known is None else known
        scope = authorization.credential
        key = None if known is None else self._keys.get(scope, secret)
        if key is None:
            # (A key that is cached has a scope that passed.)
            fault = QUERY_FAULT if check is verify_presigned else HEADER_FAULT
            check_scope(authorization, self._region, self._regions, fault)
            key = SigningKey(secret, authorization.date, authorization.region, "s3")
            holds = check(head, target, authorization, key, amz_date, payload)
            if holds and known is not None:
                self._keys.put(scope, secret, key)
        else:
            holds = check(head, target, authorization, key, amz_date, payload)
        if known is None:
            raise unknown_key()
        if not holds:
            raise wrong_signature()
        if without_token:
            raise unknown_token()
        if payload is not UNSIGNED_PAYLOAD and SHA256.fullmatch(payload):
            payload = payload.lower()
        return Verified(
            *(access_key_id, authorization.region, payload, check is verify_presigned, expires_at)
        )


# --- bodies in aws-chunked ------------------------------------------------------------------------


def open_chunked(head: RequestHead, secret_access_key: str) -> ChunkedDecoder:
    """The decoder for the body of a request that :class:`Verifier` has verified with this secret,
    and whose ``payload`` begins with ``STREAMING-``.

    Raises: MissingContentLength, InvalidArgument for ``x-amz-decoded-content-length``;
    InvalidRequest for trailers in a mode without them; NotImplemented for another mode.
    """
    authorization = parse_authorization(head.get(b"authorization") or b"")
    key = SigningKey(secret_access_key, authorization.date, authorization.region, "s3")
    return chunked_upload.open_chunked(head, authorization, key)


# --- lists ----------------------------------------------------------------------------------------

_MAX_DEPTH = 8


@dataclass(frozen=True, slots=True)
class ListEntry:
    """One object of a list. ``size`` in bytes; ``etag`` with its quotes; ``last_modified`` as in
    the document (ISO 8601, UTC)."""

    key: bytes
    size: int
    etag: str
    last_modified: str
    storage_class: str = "STANDARD"


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of ListObjects (``version`` 1) or ListObjectsV2 (2).

    ``next`` is NextMarker (a key) or NextContinuationToken, b"" for none. Keys, prefixes and
    delimiter are the bytes themselves, never encoded.
    """

    bucket: str
    prefix: bytes = b""
    delimiter: bytes = b""
    max_keys: int = 1000
    entries: tuple[ListEntry, ...] = ()
    common_prefixes: tuple[bytes, ...] = ()
    truncated: bool = False
    next: bytes = b""
    version: int = 2


def read_list(document: bytes) -> ListPage:
    """Reads a ``ListBucketResult``, undoing ``encoding-type=url``. Unknown elements are skipped.

    Raises: MalformedXML for what is no such document (an ``<Error>`` among them), InvalidURI for
    a malformed escape in an encoded key.
    """
    reader = XmlReader(max_depth=_MAX_DEPTH)
    events = reader.feed(document)
    reader.close()
    if not events or events[0][:2] != (START, "ListBucketResult"):
        raise S3Error("MalformedXML", "The document is not a ListBucketResult.")
    page: dict[str, bytes] = {}
    objects: list[dict[str, bytes]] = []
    prefixes: list[bytes] = []
    path: list[str] = []
    for kind, name, text in events:
        if kind == START:
            path.append(name)
            if path[1:] == ["Contents"]:
                objects.append({})
        elif kind != LEAF:
            path.pop()
        elif len(path) == 1:
            page[name] = text
        elif path[1:] == ["Contents"]:
            objects[-1][name] = text
        elif path[1:] == ["CommonPrefixes"] and name == "Prefix":
            prefixes.append(text)

    encoded = page.get("EncodingType") == b"url"

    def decode(text: bytes) -> bytes:
        return percent_decode(text, plus=True) if encoded else text

    version = 2 if "KeyCount" in page or "NextContinuationToken" in page else 1
    following = page.get("NextContinuationToken" if version == 2 else "NextMarker", b"")
    return ListPage(
        bucket=page.get("Name", b"").decode(),
        prefix=decode(page.get("Prefix", b"")),
        delimiter=decode(page.get("Delimiter", b"")),
        max_keys=_number(page.get("MaxKeys", b"1000")),
        entries=tuple(
            ListEntry(
                decode(entry.get("Key", b"")),
                _number(entry.get("Size", b"0")),
                entry.get("ETag", b"").decode(),
                entry.get("LastModified", b"").decode(),
                entry.get("StorageClass", b"STANDARD").decode(),
            )
            for entry in objects
        ),
        common_prefixes=tuple(decode(prefix) for prefix in prefixes),
        truncated=page.get("IsTruncated") == b"true",
        next=following if version == 2 else decode(following),
        version=version,
    )


def _number(text: bytes) -> int:
    """ASCII digits only: ``int`` alone would take signs, blanks and underscores."""
    if not text.isdigit() or len(text) > 19:
        raise S3Error("MalformedXML", "A number of the list is malformed.")
    return int(text)


def write_list(page: ListPage, *, url: bool = True) -> bytes:
    """The document of a page. With ``url`` as for a client that asked for ``encoding-type=url``:
    the only form that carries every key."""

    parts = [
        list_document.head(page.bucket, page.prefix, (), page.max_keys, page.delimiter, url),
    ]
    for entry in page.entries:
        parts.append(
            list_document.entry(
                entry.key,
                entry.last_modified.encode(),
                entry.etag.encode(),
                b"%d" % entry.size,
                entry.storage_class.encode(),
                url,
            )
        )
    parts += [list_document.common_prefix(prefix, url) for prefix in page.common_prefixes]
    following = b""
    if page.next and page.version == 1:
        following = list_document.next_marker(page.next, url)
    elif page.next:
        following = list_document.next_continuation_token(page.next)
    count = len(page.entries) + len(page.common_prefixes) if page.version == 2 else None
    parts.append(list_document.tail(page.truncated, following, count))
    return b"".join(parts)
