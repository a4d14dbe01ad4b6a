"""The answers that the captures in ``tests/corpus`` hold, and what their requests were about."""

from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from functools import cached_property
from urllib.parse import parse_qsl, unquote

from captured import Captured

__all__ = ["DOMAIN", "Recorded", "shape", "texts", "unquoted"]

#: Below which the captured clients looked for buckets as host names.
DOMAIN = "s3.localhost"


def texts(document: str, element: str) -> list[str]:
    return re.findall(f"<{element}>([^<]*)</{element}>", document)


def unquoted(etag: str) -> str:
    return re.sub('&quot;|&#34;|"', "", etag)


class Recorded:
    """The recorded answer, and what the request was about."""

    def __init__(self, request: Captured) -> None:
        facts = request.facts
        self.method: str = facts["method"]
        self.status: int = facts["status"]
        self.body: str = facts["resp_body"] or ""
        self.document = request.body.decode("latin-1")
        lines = facts["resp_head"].split("\r\n")[1:]
        pairs = (line.partition(":") for line in lines if line)
        self.headers = {name.lower(): value.strip() for name, _, value in pairs}
        path, _, query = facts["target"].partition("?")
        host = facts["host"].partition(":")[0]
        if host.endswith("." + DOMAIN):
            self.bucket, self.key = host.removesuffix("." + DOMAIN), unquote(path[1:])
        else:
            self.bucket, _, key = path[1:].partition("/")
            self.key = unquote(key)
        self.query = dict(parse_qsl(query, keep_blank_values=True))
        self.request = {
            name.decode().lower(): value.strip().decode("latin-1") for name, value in request.fields
        }

    def texts(self, element: str) -> list[str]:
        return texts(self.body, element)

    @property
    def reads_object(self) -> bool:
        sub_resource = self.query.keys() & {"tagging", "acl", "attributes", "uploadId"}
        return bool(self.key) and self.method in ("GET", "HEAD") and not sub_resource

    @property
    def size(self) -> int:
        """Of the object that was read."""
        if found := re.search(r"/(\d+)$", self.headers.get("content-range", "")):
            return int(found[1])
        return int(self.headers.get("content-length", 0))

    @cached_property
    def shape(self) -> set[str]:
        return shape(self.body.encode())


def shape(document: bytes) -> set[str]:
    """Paths of the elements of an XML document, perhaps cut; nothing for any other body."""
    if not document.startswith(b"<?xml"):
        return set()
    paths = _Paths()
    # No end is asked for: the captures cut long documents.
    ElementTree.XMLParser(target=paths).feed(document)
    return paths.found


class _Paths:
    """A target of ``XMLParser``."""

    def __init__(self) -> None:
        self.found: set[str] = set()
        self._open = [""]

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._open.append(tag.rpartition("}")[2])
        self.found.add("/".join(self._open))

    def end(self, tag: str) -> None:
        self._open.pop()
