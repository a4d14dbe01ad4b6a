"""Hierarchical names: the leading segments of a path name a bucket, ``/account/product/key``.

Implements ``gateway.ports.NameMapping``. With two segments, of which one is shown, clients see a
bucket ``account`` whose keys begin with ``product/``, and ``[[buckets]]`` holds one entry for each
product, ``account:product``. The target may have come by path or by host name: what is mapped is
bucket and key as S3 reads them (SEM-2).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.wire import parse_target, percent_encode

if TYPE_CHECKING:
    from multistore.wire import Target

__all__ = ["PathMapping"]

#: Parameters of lists that hold a key after which a page begins.
_MARKERS = ("marker", "start-after", "key-marker")


class PathMapping:
    """``segments`` make a bucket's name, joined by ``separator``; the first ``shown`` of them are
    what clients take for the bucket, the others for the beginning of its keys."""

    def __init__(self, segments: int, separator: str, shown: int) -> None:
        self._segments = segments
        self._separator = separator
        self._shown = shown

    def fault(self, name: str) -> str:
        """Why ``name`` cannot be that of a bucket, or nothing."""
        parts = name.split(self._separator)
        if len(parts) != self._segments or not all(parts):
            return f"should be {self._segments} segments joined by {self._separator}"
        if "/" in name:
            return "holds /, which separates the segments of a path"
        return ""

    def shown(self, name: str) -> tuple[str, bytes]:
        """The bucket that clients see for the bucket ``name``, and what its keys begin with."""
        parts = name.split(self._separator)
        below = parts[self._shown :]
        return "/".join(parts[: self._shown]), "".join(f"{part}/" for part in below).encode()

    def map_target(self, target: Target) -> tuple[Target, bool]:
        """See ``gateway.ports.NameMapping``."""
        path = [target.bucket.encode()]
        if target.key:
            path += target.key.split(b"/", self._segments - 1)
        if len(path) >= self._segments and self._named(path[: self._segments]):
            key = path[self._segments] if len(path) > self._segments else b""
            return self._bucket(target, path[: self._segments], key, folded=False), True
        if path[-1] == b"":
            path.pop()
        if len(path) != self._shown or not self._named(path):
            return self._nothing(target), False
        rest = self._segments - self._shown
        folded = target.params.get("prefix", b"").split(b"/", rest)
        if len(folded) == rest + 1 and self._named(folded[:rest]):
            return self._bucket(target, path + folded[:rest], b"", folded=True), True
        return parse_target(b"/?" + target.query, b"/".join(path).decode()), False

    def _named(self, segments: list[bytes]) -> bool:
        """Whether segments may name a bucket; what holds the separator would name another."""
        separator = self._separator.encode()
        return all(segment and separator not in segment for segment in segments)

    def _nothing(self, target: Target) -> Target:
        """The target of what can be no bucket: no segment of one holds a slash."""
        if self._separator not in target.bucket:
            return target
        path = b"/" + percent_encode(target.key, True)
        return parse_target(path + b"?" + target.query, f"{target.bucket}/")

    def _bucket(self, target: Target, segments: list[bytes], key: bytes, *, folded: bool) -> Target:
        """The target of a request for the bucket that ``segments`` name. ``folded``: they were
        taken from the prefix, so that the names in the query begin with those not shown."""
        begin = b"".join(segment + b"/" for segment in segments[self._shown :])
        params = dict(target.params)
        if folded:
            params["prefix"] = params["prefix"][len(begin) :]
        for name in _MARKERS:
            marker = params.get(name)
            if marker is None:
                continue
            if marker.startswith(begin):
                params[name] = marker[len(begin) :]
            elif folded:
                del params[name]
                params.pop("version-id-marker", None)
                if marker > begin:  # every key of the bucket was before it
                    params["max-uploads" if "uploads" in params else "max-keys"] = b"0"
        name = self._separator.join(segment.decode() for segment in segments)
        query = target.query
        if params != target.params:
            pairs = [*params.items(), *((n, params[n]) for n in target.repeated if n in params)]
            query = b"&".join(
                percent_encode(name.encode()) + b"=" + percent_encode(value)
                for name, value in pairs
            )
        return parse_target(b"/" + percent_encode(key, True) + b"?" + query, name)
