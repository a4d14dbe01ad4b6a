"""The part of XML 1.0 (fifth edition) that S3 and its clients write, read incrementally.

The reader holds a state (where in the document the next byte belongs) and the bytes
of one unfinished token; ``feed`` takes whole tokens off the front until one is not
complete. Section numbers are those of the recommendation.
"""

from __future__ import annotations

import re
from typing import Final

from multistore.errors import S3Error

__all__ = ["END", "LEAF", "START", "XmlReader", "xml_escape"]

START: Final = 0
LEAF: Final = 1
END: Final = 2

Event = tuple[int, str, bytes]

_TAG_MAX = 4096
_REFERENCE_MAX = 12  # "&#1114111;" with two leading zeros
_BOM = b"\xef\xbb\xbf"
_SPACE = b" \t\r\n"  # [3] S
_NAME = rb"[A-Za-z_][A-Za-z0-9_.\-]*"
_QNAME = rb"(?:" + _NAME + rb":)?" + _NAME  # Namespaces in XML 1.0, [7]
#: 2.8, [23] XMLDecl
_DECLARATION = re.compile(
    rb"""<\?xml[ \t\r\n]+version[ \t\r\n]*=[ \t\r\n]*(?:"1\.0"|'1\.0')"""
    rb"""(?:[ \t\r\n]+encoding[ \t\r\n]*=[ \t\r\n]*(?:"(?i:utf-8)"|'(?i:utf-8)'))?"""
    rb"""(?:[ \t\r\n]+standalone[ \t\r\n]*=[ \t\r\n]*(?:"(?:yes|no)"|'(?:yes|no)'))?"""
    rb"""[ \t\r\n]*\?>"""
)
#: 3.1, [40] STag and [44] EmptyElemTag; [42] ETag
_ATTRIBUTE = rb"[ \t\r\n]+" + _QNAME + rb"[ \t\r\n]*=[ \t\r\n]*(?:\"[^<\"]*\"|'[^<']*')"
_START_TAG = re.compile(rb"<(" + _QNAME + rb")(?:" + _ATTRIBUTE + rb")*[ \t\r\n]*(/?)>")
_END_TAG = re.compile(rb"</(" + _QNAME + rb")[ \t\r\n]*>")
#: Finds the ">" that ends a tag: quoted values may hold one.
_TAG_EXTENT = re.compile(rb"<(?:[^>\"']|\"[^\"]*\"|'[^']*')*>")
#: 2.2, [2] Char, below U+0020
_CONTROL = re.compile(rb"[\x00-\x08\x0B\x0C\x0E-\x1F]")
#: 4.1, [66] CharRef, and 4.6
_REFERENCE = re.compile(rb"&(?:#x([0-9A-Fa-f]+)|#([0-9]+)|(lt|gt|amp|apos|quot));")
_PREDEFINED = {b"lt": b"<", b"gt": b">", b"amp": b"&", b"apos": b"'", b"quot": b'"'}
_TO_ESCAPE = re.compile(rb"[&<>\"\x00-\x08\x0B-\x1F]")
_ESCAPES = {b"&": b"&amp;", b"<": b"&lt;", b">": b"&gt;", b'"': b"&quot;"}

# Where the next byte belongs.
_BOM_OR_PROLOG = 0  # nothing read yet
_DECLARATION_OR_PROLOG = 1  # white space at most: a declaration may still come
_PROLOG = 2  # [22] prolog, after the declaration
_CONTENT = 3  # [43] content, inside the root element
_EPILOG = 4  # [27] Misc, after the root element
_COMMENT = 5  # 2.5, inside a comment; `_after_comment` says what follows
_CDATA = 6  # 2.7, inside a CDATA section
_FAILED = 7


class _Element:
    """An open element. ``text`` is None once it is known to hold elements."""

    __slots__ = ("name", "qname", "text")

    def __init__(self, qname: bytes) -> None:
        self.qname = qname
        self.name = qname.rpartition(b":")[2].decode("ascii")
        self.text: bytearray | None = bytearray()


class XmlReader:
    __slots__ = (
        "_after_comment",
        "_events",
        "_max_depth",
        "_max_text",
        "_open",
        "_pending",
        "_state",
    )

    def __init__(self, *, max_text: int = 65536, max_depth: int = 16) -> None:
        self._max_text = max_text
        self._max_depth = max_depth
        self._state = _BOM_OR_PROLOG
        self._after_comment = _PROLOG
        self._open: list[_Element] = []
        self._pending = b""  # an unfinished token
        self._events: list[Event] = []

    def feed(self, data: bytes) -> list[Event]:
        if self._state == _FAILED:
            raise _malformed()
        self._events = []
        data = self._pending + data
        try:
            while data:
                rest = self._take(data)
                if len(rest) == len(data):
                    break  # the token at the front is not complete
                data = rest
        except S3Error:
            self._state = _FAILED
            self._pending = b""
            raise
        self._pending = data
        return self._events

    def close(self) -> None:
        if self._state != _EPILOG or self._pending:
            self._state = _FAILED
            raise _malformed()

    # Each _take… reads one token off the front and returns what follows it; the same
    # bytes back mean that the token is not complete.

    def _take(self, data: bytes) -> bytes:
        if self._state == _COMMENT:
            return self._take_comment(data)
        if self._state == _CDATA:
            return self._take_cdata(data)
        if self._state == _BOM_OR_PROLOG:
            if _BOM.startswith(data[:3]) and len(data) < 3:
                return data
            self._state = _DECLARATION_OR_PROLOG
            return self._take(data.removeprefix(_BOM)) if data != _BOM else b""
        if data.startswith(b"<"):
            return self._take_markup(data)
        if self._state == _CONTENT:
            return self._take_text(data)
        rest = data.lstrip(_SPACE)
        if rest and not rest.startswith(b"<"):
            raise _malformed()
        return rest

    def _take_markup(self, data: bytes) -> bytes:
        for opening in (b"<!--", b"<![CDATA["):
            if len(data) < len(opening) and opening.startswith(data):
                return data
        if data.startswith(b"<!--"):
            if self._state == _DECLARATION_OR_PROLOG:
                self._state = _PROLOG
            self._after_comment, self._state = self._state, _COMMENT
            return data[4:]
        if data.startswith(b"<![CDATA[") and self._state == _CONTENT:
            self._state = _CDATA
            return data[9:]
        if data.startswith(b"<!"):
            raise _malformed()  # 2.8, doctypedecl and what it could bring

        extent = _TAG_EXTENT.match(data[:_TAG_MAX])
        if not extent:
            if len(data) >= _TAG_MAX:
                raise _malformed()
            return data
        tag, rest = extent[0], data[extent.end() :]
        if tag.startswith(b"<?"):
            if self._state != _DECLARATION_OR_PROLOG or not _DECLARATION.fullmatch(tag):
                raise _malformed()
            self._state = _PROLOG
        elif tag.startswith(b"</"):
            self._end_tag(tag)
        else:
            self._start_tag(tag)
        return rest

    def _start_tag(self, tag: bytes) -> None:
        parts = _START_TAG.fullmatch(tag)
        if not parts or self._state == _EPILOG or len(self._open) >= self._max_depth:
            raise _malformed()
        if self._open:
            parent = self._open[-1]
            if parent.text is not None:
                if parent.text.strip(_SPACE):
                    raise _malformed()  # text beside elements
                parent.text = None
                self._events.append((START, parent.name, b""))
        self._open.append(_Element(parts[1]))
        self._state = _CONTENT
        if parts[2]:
            self._close_element(parts[1])

    def _end_tag(self, tag: bytes) -> None:
        parts = _END_TAG.fullmatch(tag)
        if not parts or not self._open:
            raise _malformed()
        self._close_element(parts[1])

    def _close_element(self, qname: bytes) -> None:
        element = self._open.pop()
        if element.qname != qname:
            raise _malformed()  # 3, WFC: Element Type Match
        if element.text is None:
            self._events.append((END, element.name, b""))
        else:
            text = bytes(element.text)
            if not _is_utf8(text):
                raise _malformed()
            self._events.append((LEAF, element.name, text))
        if not self._open:
            self._state = _EPILOG

    def _take_text(self, data: bytes) -> bytes:
        if data.startswith(b"&"):
            return self._take_reference(data)
        end = min((i for i in (data.find(b"<"), data.find(b"&")) if i >= 0), default=-1)
        if end < 0:
            end = len(data) - _held_back(data)
        if b"]]>" in data[:end]:
            raise _malformed()  # 2.4
        self._append(_normalise(data[:end]))
        return data[end:]

    def _take_reference(self, data: bytes) -> bytes:
        reference = _REFERENCE.match(data[:_REFERENCE_MAX])
        if not reference:
            if b";" in data or len(data) >= _REFERENCE_MAX:  # whole, or too long to be one
                raise _malformed()
            return data
        hexadecimal, decimal, name = reference.groups()
        if name:
            self._append(_PREDEFINED[name])
        else:
            code = int(hexadecimal, 16) if hexadecimal else int(decimal)
            if not 0 < code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise _malformed()
            self._append(chr(code).encode())
        return data[reference.end() :]

    def _take_comment(self, data: bytes) -> bytes:
        dashes = data.find(b"--")
        if dashes < 0:
            return data[-1:] if data.endswith(b"-") else b""
        end = data[dashes : dashes + 3]
        if len(end) < 3:
            return end
        if end != b"-->":
            raise _malformed()  # 2.5: "--" must not occur within comments
        self._state = self._after_comment
        return data[dashes + 3 :]

    def _take_cdata(self, data: bytes) -> bytes:
        end = data.find(b"]]>")
        if end >= 0:
            self._append(_normalise(data[:end]))
            self._state = _CONTENT
            return data[end + 3 :]
        end = len(data) - _held_back(data)
        self._append(_normalise(data[:end]))
        return data[end:]

    def _append(self, text: bytes) -> None:
        """Text of the innermost element, line ends normalised and references replaced."""
        element = self._open[-1]
        if element.text is None:
            if text.strip(_SPACE):
                raise _malformed()
        elif len(element.text) + len(text) > self._max_text:
            raise _malformed()
        else:
            element.text += text


def _malformed() -> S3Error:
    return S3Error(
        "MalformedXML",
        "The XML you provided was not well-formed or did not validate against our published"
        " schema.",
    )


def _held_back(data: bytes) -> int:
    """How many last bytes cannot be judged yet: a CR before LF, the start of ``]]>``."""
    if data.endswith(b"]]"):
        return 2
    return 1 if data.endswith((b"]", b"\r")) else 0


def _normalise(text: bytes) -> bytes:
    """2.11, after refusing what 2.2 does not allow."""
    if _CONTROL.search(text):
        raise _malformed()
    return text.replace(b"\r\n", b"\n").replace(b"\r", b"\n")


def _is_utf8(text: bytes) -> bool:
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _escape_byte(match: re.Match[bytes]) -> bytes:
    return _ESCAPES.get(match[0]) or b"&#x%X;" % match[0][0]


def xml_escape(data: bytes) -> bytes:
    return _TO_ESCAPE.sub(_escape_byte, data)
