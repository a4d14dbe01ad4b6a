"""The request target: as received, and as S3 reads it (SEM-1)."""

from __future__ import annotations

import re

from multistore.errors import S3Error
from multistore.limits import KEY_MAX
from multistore.wire._pure.uri import percent_decode

__all__ = ["Target", "parse_target", "split_pairs"]

_CONTROL = re.compile(rb"[\x00-\x1f\x7f]")


class Target:
    __slots__ = ("bucket", "key", "params", "path", "query", "repeated")

    def __init__(
        self,
        path: bytes,
        query: bytes,
        bucket: str,
        key: bytes,
        params: dict[str, bytes],
        repeated: tuple[str, ...],
    ) -> None:
        self.path = path
        self.query = query
        self.bucket = bucket
        self.key = key
        self.params = params
        self.repeated = repeated

    @property
    def unsafe_key(self) -> bool:
        segments = self.key.split(b"/")
        return b"." in segments or b".." in segments or _CONTROL.search(self.key) is not None


def split_pairs(query: bytes) -> list[tuple[bytes, bytes]]:
    """The raw ``(name, value)`` pairs of a query; ``k`` is ``k=``, empty pairs are skipped."""
    pairs = []
    for pair in query.split(b"&"):
        if pair:
            name, _, value = pair.partition(b"=")
            pairs.append((name, value))
    return pairs


def _text(data: bytes, what: str) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise S3Error("InvalidURI", f"The {what} is not valid UTF-8.") from None


def _params(query: bytes) -> tuple[dict[str, bytes], tuple[str, ...]]:
    params: dict[str, bytes] = {}
    repeated: list[str] = []
    for raw_name, raw_value in split_pairs(query):
        name = _text(percent_decode(raw_name, plus=True), "name of a query parameter")
        value = percent_decode(raw_value, plus=True)
        _text(value, "value of a query parameter")
        if name not in params:
            params[name] = value
        elif name not in repeated:
            repeated.append(name)
    return params, tuple(repeated)


def parse_target(target: bytes, bucket: str | None = None) -> Target:
    if not target.startswith(b"/"):
        raise S3Error("InvalidURI", "The request target does not start with a slash.")
    if b"#" in target:
        raise S3Error("InvalidURI", "The request target holds a fragment.")
    path, _, query = target.partition(b"?")

    if bucket is not None:  # virtual-hosted style: the path is the key
        raw_key = path[1:]
    else:  # path style: the bucket ends at the first raw slash, before anything is decoded
        raw_bucket, _, raw_key = path.lstrip(b"/").partition(b"/")
        bucket = _text(percent_decode(raw_bucket), "bucket name")

    key = percent_decode(raw_key)
    _text(key, "object key")
    if len(key) > KEY_MAX:
        raise S3Error("KeyTooLongError", "Your key is too long.")
    params, repeated = _params(query)
    return Target(path, query, bucket, key, params, repeated)
