"""Signature Version 4 for tests, written from the specification with hashlib alone.

Deliberately not the product's own code and not botocore's: it signs exactly the bytes that the
test sends, malformed ones included. Canonical URI and query are the raw ones (S3 does not
normalise), pairs sorted, ``k`` read as ``k=``.
Source: "Authenticating Requests (AWS Signature Version 4)", Amazon S3 API reference.
"""

from __future__ import annotations

import hashlib
import hmac
import time
from collections.abc import Sequence
from dataclasses import dataclass, field

__all__ = [
    "EMPTY_SHA256",
    "Credentials",
    "Request",
    "amz_date",
    "presigned_target",
    "sign_again",
    "signed_names",
    "verifies",
]

EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key_id: str
    secret_access_key: str
    region: str = "us-east-1"


def amz_date(offset: float = 0.0) -> str:
    return time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(time.time() + offset))


def _hmac(key: bytes, data: str) -> bytes:
    return hmac.new(key, data.encode(), hashlib.sha256).digest()


def _signature(credentials: Credentials, date: str, scope: str, canonical: bytes) -> str:
    key = _hmac(b"AWS4" + credentials.secret_access_key.encode(), date[:8])
    for part in (credentials.region, "s3", "aws4_request"):
        key = _hmac(key, part)
    digest = hashlib.sha256(canonical).hexdigest()
    return _hmac(key, f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{digest}").hex()


def _canonical_query(query: str) -> str:
    pairs = [pair if "=" in pair else pair + "=" for pair in query.split("&") if pair]
    # By name, then by value: not as whole strings, "-" being before "=".
    return "&".join(sorted(pairs, key=lambda pair: pair.split("=", 1)))


@dataclass(slots=True)
class Request:
    """A request as bytes. ``headers`` are sent in order, after Host and before those of the
    signature; ``length`` replaces the Content-Length of ``body``, None leaves it out."""

    method: str
    target: str
    host: str
    headers: list[tuple[str, str]] = field(default_factory=list)
    body: bytes = b""
    credentials: Credentials | None = None
    payload: str | None = None
    date: str = ""
    length: int | None = -1
    version: str = "HTTP/1.1"
    unsigned: tuple[str, ...] = ()

    def fields(self) -> list[tuple[str, str]]:
        """Every header field that goes out, in order."""
        out = [("Host", self.host), *self.headers]
        length = len(self.body) if self.length == -1 else self.length
        if length is not None and (length or self.method in ("PUT", "POST")):
            out.append(("Content-Length", str(length)))
        if self.credentials is None:
            return out
        date = self.date or amz_date()
        payload = self.payload or hashlib.sha256(self.body).hexdigest()
        out += [("x-amz-date", date), ("x-amz-content-sha256", payload)]
        out.append(("Authorization", self._authorization(out, date, payload)))
        return out

    def _authorization(self, fields: list[tuple[str, str]], date: str, payload: str) -> str:
        assert self.credentials is not None
        values: dict[str, list[str]] = {}
        for name, value in fields:
            lower = name.lower()
            signed = lower in ("host", "content-md5", "content-type") or lower.startswith("x-amz-")
            if signed and lower not in self.unsigned:
                values.setdefault(lower, []).append(" ".join(value.split()))
        names = ";".join(sorted(values))
        path, _, query = self.target.partition("?")
        canonical = [self.method, path, _canonical_query(query)]
        canonical += [f"{name}:{','.join(values[name])}" for name in sorted(values)]
        canonical += ["", names, payload]
        scope = f"{date[:8]}/{self.credentials.region}/s3/aws4_request"
        text = "\n".join(canonical).encode("utf-8", "surrogateescape")
        signature = _signature(self.credentials, date, scope, text)
        return (
            f"AWS4-HMAC-SHA256 Credential={self.credentials.access_key_id}/{scope}, "
            f"SignedHeaders={names}, Signature={signature}"
        )

    @property
    def head(self) -> bytes:
        lines = [f"{self.method} {self.target} {self.version}"]
        lines += [f"{name}: {value}" for name, value in self.fields()]
        return ("\r\n".join(lines) + "\r\n\r\n").encode("utf-8", "surrogateescape")

    def __bytes__(self) -> bytes:
        return self.head + self.body


def presigned_target(
    method: str,
    target: str,
    host: str,
    credentials: Credentials,
    *,
    expires: str = "300",
    date: str = "",
    headers: Sequence[tuple[str, str]] = (),
    payload: str = "UNSIGNED-PAYLOAD",
) -> str:
    """``target`` with the six query parameters of a presigned URL, signed over ``host`` and
    ``headers``, which are in lower case."""
    date = date or amz_date()
    scope = f"{date[:8]}/{credentials.region}/s3/aws4_request"
    path, _, query = target.partition("?")
    credential = f"{credentials.access_key_id}/{scope}".replace("/", "%2F")
    fields = sorted([("host", host), *headers])
    names = ";".join(name for name, _ in fields)
    pairs = [
        *([query] if query else []),
        "X-Amz-Algorithm=AWS4-HMAC-SHA256",
        f"X-Amz-Credential={credential}",
        f"X-Amz-Date={date}",
        f"X-Amz-Expires={expires}",
        f"X-Amz-SignedHeaders={names.replace(';', '%3B')}",
    ]
    query = "&".join(pairs)
    lines = [method, path, _canonical_query(query)]
    lines += [f"{name}:{value}" for name, value in fields]
    canonical = "\n".join([*lines, "", names, payload])
    signature = _signature(credentials, date, scope, canonical.encode())
    return f"{path}?{query}&X-Amz-Signature={signature}"


def _authorization(fields: Sequence[tuple[str, str]]) -> tuple[str, str, str]:
    """Scope without the access key, signed names, signature."""
    value = next(value for name, value in fields if name == "authorization")
    algorithm, _, rest = value.partition(" ")
    assert algorithm == "AWS4-HMAC-SHA256", value
    parts = dict(part.strip().split("=", 1) for part in rest.split(","))
    _, scope = parts["Credential"].split("/", 1)
    return scope, parts["SignedHeaders"], parts["Signature"]


def signed_names(fields: Sequence[tuple[str, str]]) -> set[str]:
    return set(_authorization(fields)[1].split(";"))


def verifies(
    method: str, target: str, fields: Sequence[tuple[str, str]], credentials: Credentials
) -> bool:
    """Whether a received request, its field names in lower case, is signed as a strict store
    demands: the path is taken as it is, the query must be canonical already."""
    scope, names, signature = _authorization(fields)
    return signature == _signature_of(method, target, fields, credentials, scope, names)


def sign_again(
    method: str,
    target: str,
    fields: Sequence[tuple[str, str]],
    credentials: Credentials,
    payload: str,
) -> str:
    """The value of Authorization among ``fields``, names in lower case, made anew: the same
    headers signed, in the same spelling, at the X-Amz-Date that they hold. ``payload`` is for a
    request without x-amz-content-sha256."""
    old = next(value for name, value in fields if name == "authorization")
    scope, names, signature = _authorization(fields)
    date = next(value for name, value in fields if name == "x-amz-date")
    new = f"{date[:8]}/{scope.partition('/')[2]}"
    made = _signature_of(method, target, fields, credentials, new, names, payload)
    return old.replace(f"/{scope}", f"/{new}").replace(signature, made)


def _signature_of(
    method: str,
    target: str,
    fields: Sequence[tuple[str, str]],
    credentials: Credentials,
    scope: str,
    names: str,
    payload: str = "",
) -> str:
    values: dict[str, list[str]] = {}
    for name, value in fields:
        values.setdefault(name, []).append(" ".join(value.split()))
    path, _, query = target.partition("?")
    canonical = [method, path, _canonical_query(query)]
    canonical += [f"{name}:{','.join(values[name])}" for name in names.split(";")]
    canonical += ["", names, values.get("x-amz-content-sha256", [payload])[0]]
    text = "\n".join(canonical).encode("latin-1")
    return _signature(credentials, values["x-amz-date"][0], scope, text)
