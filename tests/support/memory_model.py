"""What the in-memory store keeps: objects, requests as they arrived, and its refusals."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from urllib.parse import unquote_to_bytes

__all__ = ["Recorded", "Refusal", "Stored", "xml_text"]


class Refusal(Exception):
    def __init__(self, status: int, code: str, *fields: tuple[str, str]) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.fields = fields


@dataclass(slots=True)
class Stored:
    body: bytes
    etag: str
    modified: float
    fields: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Recorded:
    """A request as it arrived. Names of fields in lower case, values as bytes."""

    method: str
    target: str
    fields: list[tuple[str, bytes]]
    raw: bytes
    body: bytes = b""

    def get(self, name: str) -> bytes | None:
        return next((value for key, value in self.fields if key == name), None)

    def names(self) -> set[str]:
        return {name for name, _ in self.fields}

    @property
    def path(self) -> str:
        return self.target.partition("?")[0]

    @property
    def params(self) -> dict[str, bytes]:
        pairs = (pair.partition("=") for pair in self.target.partition("?")[2].split("&") if pair)
        return {name: unquote_to_bytes(value) for name, _, value in pairs}


def xml_text(text: bytes) -> bytes:
    for raw, escaped in ((b"&", b"&amp;"), (b"<", b"&lt;"), (b">", b"&gt;")):
        text = text.replace(raw, escaped)
    return re.sub(rb"[\x00-\x1f]", lambda m: b"&#x%X;" % m[0][0], text)
