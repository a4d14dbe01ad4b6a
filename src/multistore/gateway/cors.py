"""Pages of other origins: which of them a browser may let read a bucket's answers.

The rules protect the user of a browser, not the bucket: whoever may do what is still decided by
signatures and scopes. So a preflight, which browsers send without a credential, is answered from
the rules alone, before anything else is known of the request, and no backend hears of it.

Source: "HTTP extensions" of the CORS protocol in the Fetch standard; "Elements of a CORS
configuration" in the Amazon S3 user guide.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.plan import Respond

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multistore.gateway.plan import Fields
    from multistore.types import Bucket
    from multistore.wire import RequestHead

__all__ = ["EXPOSED", "METHODS", "VARY", "Cors", "CorsRule", "answer_fields", "preflight"]

#: Methods that a rule may allow (S3: CORSRule, AllowedMethods).
METHODS = ("GET", "HEAD", "PUT", "POST", "DELETE")

#: Fields of an answer that scripts may always read: what ranges, conditions and error reports are
#: made of, and what SDKs look for. (Content-Length and Last-Modified need no permission in the
#: Fetch standard, but did in browsers that are still in use.) A name cannot end in ``*`` here, so
#: a rule names the ``x-amz-meta-`` fields of its objects, or all fields with a bare ``*``.
EXPOSED = (
    "ETag",
    "Content-Range",
    "Accept-Ranges",
    "Content-Length",
    "Content-Encoding",
    "Content-Disposition",
    "Last-Modified",
    "Date",
    "x-amz-request-id",
    "x-amz-version-id",
    "x-amz-delete-marker",
    "x-amz-bucket-region",
    "x-amz-mp-parts-count",
    "x-amz-storage-class",
    "x-amz-checksum-type",
    "x-amz-checksum-crc32",
    "x-amz-checksum-crc32c",
    "x-amz-checksum-crc64nvme",
    "x-amz-checksum-sha1",
    "x-amz-checksum-sha256",
)

#: On every answer that another origin might have got differently: a cache that keeps one answer
#: for all origins would hand the permission of one to another (Fetch, "CORS protocol and HTTP
#: caches").
VARY: Fields = ((b"vary", b"Origin"),)
_VARY_PREFLIGHT = (
    b"vary",
    b"Origin, Access-Control-Request-Method, Access-Control-Request-Headers",
)
_CREDENTIALS = (b"access-control-allow-credentials", b"true")

#: What ``*`` stands for in an origin: part of a host name or address, or a port.
_HOST_PART = rb"[0-9A-Za-z._:\[\]-]+"
#: A field name (RFC 9110 5.1), as browsers write it in a list.
_TOKEN = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


class CorsRule:
    """Who may ask what from another origin. Immutable.

    ``origins``: serialised origins (``https://app.example``), or with one ``*`` in the host or
    port, or ``*`` for any. ``headers``: names of request fields in any case of letters, each with
    at most one ``*``. ``expose``: fields of answers beside :data:`EXPOSED`, or ``*`` for all.
    ``max_age``: seconds for which a browser may remember a preflight. ``credentials``: whether a
    page may send the browser's own (cookies, client certificates); never given to an origin that
    only ``*`` let in.
    """

    __slots__ = ("_any_origin", "_fields", "_headers", "_origins", "_preflight", "methods")

    def __init__(
        self,
        origins: Iterable[str],
        *,
        methods: Iterable[str] = ("GET", "HEAD"),
        headers: Iterable[str] = ("*",),
        expose: Iterable[str] = (),
        max_age: int = 600,
        credentials: bool = False,
    ) -> None:
        origins = frozenset(origins)
        self._any_origin = "*" in origins
        self._origins = _any_of(origins - {"*"}, _HOST_PART)
        self._headers = _any_of((name.lower() for name in headers), rb".*")
        self.methods = frozenset(methods)
        allowed = ", ".join(name for name in METHODS if name in self.methods)
        exposed = ", ".join(dict.fromkeys((*EXPOSED, *expose)))
        extra = (_CREDENTIALS,) if credentials else ()
        # After the origin, in an answer and in a preflight's.
        self._fields: Fields = ((b"access-control-expose-headers", exposed.encode()), *VARY, *extra)
        self._preflight: Fields = (
            (b"access-control-allow-methods", allowed.encode()),
            (b"access-control-max-age", b"%d" % max_age),
            _VARY_PREFLIGHT,
            *extra,
        )

    def _allowed_origin(self, origin: bytes) -> bytes | None:
        """What to answer ``origin``: itself, ``*``, or None when it is not among ours."""
        if self._origins.fullmatch(origin):
            return origin
        return b"*" if self._any_origin else None

    def fields(self, origin: bytes, method: str) -> Fields | None:
        """Fields of an answer to ``method`` from ``origin``; None: the rule is not for it."""
        if method not in self.methods:
            return None
        allowed = self._allowed_origin(origin)
        return None if allowed is None else _with_origin(allowed, self._fields)

    def preflight(self, origin: bytes, method: str, names: list[bytes]) -> Fields | None:
        """Fields of a preflight's answer; ``names``: the request fields in lower case. They are
        repeated, since ``*`` would not cover ``Authorization`` (Fetch, CORS-preflight fetch)."""
        if method not in self.methods:
            return None
        allowed = self._allowed_origin(origin)
        if allowed is None or not all(self._headers.fullmatch(name) for name in names):
            return None
        fields = _with_origin(allowed, self._preflight)
        if names:
            fields = (*fields, (b"access-control-allow-headers", b", ".join(names)))
        return fields


class Cors:
    """The rules of a bucket, of which the first that fits is followed (S3)."""

    __slots__ = ("rules",)

    def __init__(self, rules: Iterable[CorsRule]) -> None:
        self.rules = tuple(rules)

    def fields(self, head: RequestHead) -> Fields:
        """What every answer to ``head`` carries, whatever its status."""
        origin = head.get(b"origin")
        if origin is not None:
            for rule in self.rules:
                fields = rule.fields(origin, head.method)
                if fields is not None:
                    return fields
        return VARY


def answer_fields(bucket: Bucket | None, head: RequestHead) -> Fields:
    """The same for a refusal, whose bucket may not exist: that and a bucket without rules are
    told alike, and so is one with rules to an origin that is not in them (SEM-22)."""
    if bucket is None or bucket.cors is None:
        return VARY
    return bucket.cors.fields(head)


def preflight(bucket: Bucket | None, head: RequestHead) -> Respond:
    """The answer to an ``OPTIONS``. An unknown bucket, one without rules and one whose rules do
    not fit are told alike (SEM-25).

    Raises: BadRequest for what is no preflight, AccessForbidden for what no rule allows.
    Source: "Testing CORS" in the Amazon S3 user guide; OPTIONS Object in its API reference.
    """
    origin = head.get(b"origin")
    if not origin:
        raise S3Error("BadRequest", "Insufficient information. Origin request header needed.")
    method = (head.get(b"access-control-request-method") or b"").decode("latin-1")
    if method not in METHODS:
        raise S3Error("BadRequest", "Invalid Access-Control-Request-Method.")
    names = _names(head)
    if bucket is not None and bucket.cors is not None and names is not None:
        for rule in bucket.cors.rules:
            fields = rule.preflight(origin, method, names)
            if fields is not None:
                return Respond(200, fields)
    raise S3Error(
        "AccessForbidden",
        "CORSResponse: This CORS request is not allowed. This is usually because the evaluation of"
        " Origin, request method / Access-Control-Request-Method or Access-Control-Request-Headers"
        " are not whitelisted by the resource's CORS spec.",
    )


def _names(head: RequestHead) -> list[bytes] | None:
    """Names of the fields that the page wants to send; None when one of them is no name."""
    names = []
    for line in head.get_all(b"access-control-request-headers"):
        for part in line.split(b","):
            name = part.strip(b" \t").lower()
            if name and not _TOKEN.fullmatch(name):
                return None
            if name:
                names.append(name)
    return names


def _any_of(patterns: Iterable[str], star: bytes) -> re.Pattern[bytes]:
    """One expression for all: a name as it stands, or with ``star`` for its ``*``. Linear, since
    at most one of those stands in each."""
    escaped = (star.join(map(re.escape, p.encode().split(b"*"))) for p in sorted(patterns))
    return re.compile(b"|".join(escaped) or rb"(?!)")


def _with_origin(origin: bytes, fields: Fields) -> Fields:
    """``*`` comes without credentials, always (Fetch, "CORS protocol and credentials")."""
    if origin == b"*":
        fields = tuple(field for field in fields if field is not _CREDENTIALS)
    return ((b"access-control-allow-origin", origin), *fields)
