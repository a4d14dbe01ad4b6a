"""Message heads: RFC 9112 (HTTP/1.1) and RFC 9110 (HTTP Semantics), read strictly.

A recipient may be lenient in many places of these documents; wherever two recipients
could then disagree on where a message ends or whom it is for, this one refuses.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

from multistore.errors import S3Error

__all__ = [
    "BAD",
    "MORE",
    "ORDINARY",
    "OTHER",
    "HeaderSet",
    "RequestHead",
    "ResponseHead",
    "scan_request",
    "scan_response",
]

ORDINARY: Final = 0
MORE: Final = 1
OTHER: Final = 2
BAD: Final = 3

Field = tuple[bytes, bytes]

_METHODS = frozenset({b"GET", b"HEAD", b"PUT", b"POST", b"DELETE", b"OPTIONS"})
_VERSIONS = {b"HTTP/1.1": 11, b"HTTP/1.0": 10}
#: RFC 9112 3.1: request-line = method SP request-target SP HTTP-version
_REQUEST_LINE = re.compile(rb"([^ ]+) ([^ ]+) (HTTP/[0-9]\.[0-9])")
#: RFC 9112 4: status-line = HTTP-version SP status-code SP [ reason-phrase ]
_STATUS_LINE = re.compile(rb"(HTTP/1\.[01]) ([1-5][0-9][0-9])(?: [\t\x20-\x7E\x80-\xFF]*)?")
#: RFC 9112 3.2.1 allows fewer bytes; what clients send raw is data to S3. No fragment, ever.
_ORIGIN_FORM = re.compile(rb"/[\x21\x22\x24-\x7E]*")
_ABSOLUTE_FORM = re.compile(rb"https?://([^/?#]+)([/?][\x21\x22\x24-\x7E]*)?", re.IGNORECASE)
#: RFC 9110 5.6.2
_TOKEN = re.compile(rb"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
#: RFC 9110 5.5: field-vchar, SP, HTAB; obs-text is data
_VALUE = re.compile(rb"[\t\x20-\x7E\x80-\xFF]*")
#: RFC 9110 7.2: uri-host [ ":" port ], without userinfo, lists, sub-delims and escapes
_HOST = re.compile(rb"(?:[A-Za-z0-9.\-_~]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
#: RFC 9110 8.6, one spelling of each number only
_LENGTH = re.compile(rb"0|[1-9][0-9]{0,18}")
_LENGTH_MAX = 2**63 - 1
#: What a client may announce about its connection without touching what we sign (SEM-27).
_CONNECTION_OPTIONS = frozenset({b"close", b"keep-alive", b"te", b"upgrade", b"http2-settings"})
_BLANKS = b" \t"  # RFC 9110 5.6.3, OWS


class _Bad(Exception):
    """These bytes are refused; the text is the reason."""


class _Fields:
    """The field lines of a head, and what is common to both directions about them."""

    __slots__ = ("_fields", "chunked", "content_length", "keep_alive", "version")

    def __init__(self, fields: list[Field], version: int) -> None:
        self._fields = fields
        self.version = version
        self.content_length = _content_length(self.get_all(b"content-length"))
        self.chunked = _is_chunked(self.get_all(b"transfer-encoding"))
        if self.chunked and self.content_length >= 0:
            raise _Bad("content-length and transfer-encoding")
        if self.chunked and version == 10:
            raise _Bad("transfer-encoding on HTTP/1.0")
        self.keep_alive = version == 11 and b"close" not in self._connection_options()

    def get(self, name: bytes) -> bytes | None:
        for other, value in self._fields:
            if other == name:
                return value
        return None

    def get_all(self, name: bytes) -> list[bytes]:
        return [value for other, value in self._fields if other == name]

    def items(self) -> list[Field]:
        return list(self._fields)

    def _connection_options(self) -> list[bytes]:
        """RFC 9110 7.6.1; empty list elements are skipped (5.6.1.2)."""
        elements = b",".join(self.get_all(b"connection")).lower().split(b",")
        return [option for element in elements if (option := element.strip(_BLANKS))]


class RequestHead(_Fields):
    __slots__ = ("expect_continue", "method", "target")

    def first_outside(self, prefix: bytes, known: HeaderSet) -> bytes | None:
        for name, _ in self._fields:
            if name.startswith(prefix) and name not in known:
                return name
        return None

    def __init__(
        self,
        method: str,
        target: bytes,
        version: int,
        fields: Iterable[Field],
    ) -> None:
        try:
            self._init(method.encode("latin-1", "replace"), target, version, fields)
        except _Bad as bad:
            raise S3Error("BadRequest", f"Malformed request: {bad}.", fatal=True) from None

    def _init(self, method: bytes, target: bytes, version: int, fields: Iterable[Field]) -> None:
        if method not in _METHODS:
            raise _Bad("unsupported method")
        if version not in (10, 11):
            raise _Bad("unsupported version")
        super().__init__([_check_field(*field, request=True) for field in fields], version)
        self.method = method.decode("ascii")

        # RFC 9112 3.2: exactly one Host, whatever the version: SigV4 signs it.
        hosts = self.get_all(b"host")
        if len(hosts) != 1 or not _HOST.fullmatch(hosts[0]):
            raise _Bad("not exactly one valid host")
        self.target = _origin_form(target, hosts[0])

        for option in self._connection_options():
            if option not in _CONNECTION_OPTIONS:
                raise _Bad("unknown connection option")

        # RFC 9110 10.1.1
        expectations = self.get_all(b"expect")
        if any(value.lower() != b"100-continue" for value in expectations):
            raise _Bad("unknown expectation")
        self.expect_continue = version == 11 and bool(expectations)


class ResponseHead(_Fields):
    __slots__ = ("status",)

    def __init__(self, status: int, version: int, fields: Iterable[Field]) -> None:
        try:
            self._init(status, version, fields)
        except _Bad as bad:
            raise S3Error("BadGateway", f"Malformed response: {bad}.", fatal=True) from None

    def _init(self, status: int, version: int, fields: Iterable[Field]) -> None:
        if not 100 <= status <= 599 or version not in (10, 11):
            raise _Bad("malformed status line")
        super().__init__([_check_field(*field, request=False) for field in fields], version)
        self.status = status


def _check_field(name: bytes, value: bytes, *, request: bool) -> Field:
    """RFC 9110 5.1, 5.5. To many servers ``_`` is one more spelling of ``-`` (SEM-8)."""
    name = name.lower()
    if not _TOKEN.fullmatch(name):
        raise _Bad("malformed field name")
    if request and b"_" in name and not name.startswith(b"x-amz-meta-"):
        raise _Bad("underscore in field name")
    value = value.strip(_BLANKS)
    if not _VALUE.fullmatch(value):
        raise _Bad("control character in field value")
    return name, value


def _content_length(values: list[bytes]) -> int:
    """RFC 9112 6.3 would let a recipient repair repeated values; we do not."""
    if not values:
        return -1
    if len(values) > 1 or not _LENGTH.fullmatch(values[0]) or int(values[0]) > _LENGTH_MAX:
        raise _Bad("malformed content-length")
    return int(values[0])


def _is_chunked(values: list[bytes]) -> bool:
    """RFC 9112 6.1: ``chunked`` is the only coding that delimits; we know no other."""
    if values and values != [b"chunked"]:
        raise _Bad("unsupported transfer-encoding")
    return bool(values)


def _origin_form(target: bytes, host: bytes) -> bytes:
    """RFC 9112 3.2.1, 3.2.2."""
    if _ORIGIN_FORM.fullmatch(target):
        return target
    absolute = _ABSOLUTE_FORM.fullmatch(target)
    if not absolute:
        raise _Bad("malformed request target")
    if absolute[1].lower() != host.lower():
        raise _Bad("request target and host differ")
    rest = absolute[2] or b"/"
    return rest if rest.startswith(b"/") else b"/" + rest


def _parse_field_line(line: bytes) -> Field:
    """RFC 9112 5: field-name ":" OWS field-value OWS. Folded lines (5.2) have no name."""
    name, colon, value = line.partition(b":")
    if not colon:
        raise _Bad("malformed field line")
    return name, value


class _Lines:
    """The complete lines at the start of ``data``; each ends with CRLF (RFC 9112 2.2)."""

    __slots__ = ("data", "position")

    def __init__(self, data: bytes) -> None:
        self.data = data
        self.position = 0

    def next(self) -> bytes | None:
        """The next line without its end; None when its end is not there yet."""
        end = self.data.find(b"\n", self.position)
        if end < 0:
            return None
        line = self.data[self.position : end]
        if not line.endswith(b"\r") or b"\r" in line[:-1]:
            raise _Bad("line not ended by CRLF")
        self.position = end + 1
        return line[:-1]


def scan_request(
    data: bytes, *, max_bytes: int = 32768, max_fields: int = 100, max_target: int = 8192
) -> tuple[int, RequestHead | None, int, str]:
    try:
        lines = _Lines(data)
        start = lines.next()
        if start == b"":  # RFC 9112 2.2: one empty line before the request line
            start = lines.next()
        fields: list[Field] = []
        method = target = b""
        version = 0
        if start is not None:
            method, target, version = _parse_request_line(start, max_target)
            line = lines.next()
            while line:
                fields.append(_check_field(*_parse_field_line(line), request=True))
                if len(fields) > max_fields:
                    raise _Bad("too many header fields")
                line = lines.next()
        if start is None or line is None:
            if len(data) >= max_bytes:
                raise _Bad("request head too large")
            return MORE, None, 0, ""
        if lines.position > max_bytes:
            raise _Bad("request head too large")

        head = RequestHead.__new__(RequestHead)
        head._init(method, target, version, fields)
    except _Bad as bad:
        return BAD, None, 0, str(bad)
    if version == 10 or head.chunked or head.target != target:
        return OTHER, None, lines.position, ""
    return ORDINARY, head, lines.position, ""


def _parse_request_line(line: bytes, max_target: int) -> tuple[bytes, bytes, int]:
    parts = _REQUEST_LINE.fullmatch(line)
    if not parts:
        raise _Bad("malformed request line")
    method, target, version = parts.groups()
    if method not in _METHODS:
        raise _Bad("unsupported method")
    if version not in _VERSIONS:
        raise _Bad("unsupported version")
    if len(target) > max_target:
        raise _Bad("request target too long")
    return method, target, _VERSIONS[version]


def scan_response(
    data: bytes, method: str, *, max_bytes: int = 65536, max_fields: int = 200
) -> tuple[int, ResponseHead | None, int, str]:
    try:
        lines = _Lines(data)
        start = lines.next()
        fields: list[Field] = []
        status = version = 0
        if start is not None:
            parts = _STATUS_LINE.fullmatch(start)
            if not parts:
                raise _Bad("malformed status line")
            version, status = _VERSIONS[parts[1]], int(parts[2])
            line = lines.next()
            while line:
                fields.append(_check_field(*_parse_field_line(line), request=False))
                if len(fields) > max_fields:
                    raise _Bad("too many header fields")
                line = lines.next()
        if start is None or line is None:
            if len(data) >= max_bytes:
                raise _Bad("response head too large")
            return MORE, None, 0, ""
        if lines.position > max_bytes:
            raise _Bad("response head too large")

        head = ResponseHead.__new__(ResponseHead)
        head._init(status, version, fields)
        # RFC 9112 6.3: without a body the head is all; a body that ends with the connection
        # cannot be told from one that was cut off.
        bodiless = method == "HEAD" or status < 200 or status in (204, 304)
        if not bodiless and not head.chunked and head.content_length < 0:
            raise _Bad("body without a length")
    except _Bad as bad:
        return BAD, None, 0, str(bad)
    return ORDINARY, head, lines.position, ""


class HeaderSet:
    __slots__ = ("_names", "_prefixes")

    def __init__(self, names: Iterable[bytes], prefixes: Iterable[bytes] = ()) -> None:
        self._names = frozenset(names)
        self._prefixes = tuple(dict.fromkeys(prefixes))

    def __contains__(self, name: bytes) -> bool:
        return name in self._names or name.startswith(self._prefixes)

    def __or__(self, other: HeaderSet) -> HeaderSet:
        return HeaderSet(self._names | other._names, self._prefixes + other._prefixes)
