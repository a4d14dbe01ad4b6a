"""Configuration files for tests, in the form that operators write (TOML)."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from support.sigv4 import Credentials
from support.store import STORE_KEY, STORE_SECRET

__all__ = [
    "EVERYTHING",
    "FULL",
    "READ",
    "READER",
    "SCOPED",
    "STANDARD_BUCKETS",
    "WRITE",
    "WRITER",
    "VirtualBucket",
    "bucket",
    "credential",
    "standard",
    "table",
]

#: May do everything on every bucket.
FULL = Credentials("AKFULL00000000000001", "fullSecret8Tz2Vq5Lw9Xn3Kc7Pd1Rb6Mh4Jg0YaE")
#: May do everything below ``allowed/`` of ``private-uploads``, nothing elsewhere.
SCOPED = Credentials("AKSCOPED000000000001", "scopedSecret3Hn7Wd2Qk8Zs5Vb1Xm6Rc9Tf4LpGu")
#: May read and list ``private-uploads`` and ``team``.
READER = Credentials("AKREADER000000000001", "readerSecret6Jm1Ty9Cx4Nb8Vf2Zq7Lk3Gs5HwDr")
#: May read, write and list every bucket of a rig, with no right beside these.
WRITER = Credentials("AKWRITER000000000001", "writerSecret4Kp8Xs1Dn6Fb3Wq9Hm2Zt7Ry5LvGcJ")

READ = ("get_object", "head_object", "list_bucket")
WRITE = ("put_object", "delete_object")
EVERYTHING = ("*",)


def _text(value: object) -> str:
    # JSON strings, numbers, booleans and arrays of strings are TOML as they stand.
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{key} = {_text(part)}" for key, part in value.items()) + " }"
    return json.dumps(value, ensure_ascii=False)


def table(name: str, values: Mapping[str, object]) -> str:
    """``[name]`` with its keys."""
    lines = [f"[{name}]", *(f"{key} = {_text(value)}" for key, value in values.items())]
    return "\n".join(lines) + "\n\n"


def bucket(
    name: str,
    endpoint: str,
    backend_bucket: str,
    *,
    anonymous: bool = False,
    prefix: str | None = None,
    key: str = STORE_KEY,
    secret: str = STORE_SECRET,
    entry: Mapping[str, object] | None = None,
    **options: object,
) -> str:
    """``entry`` are further keys of the bucket, ``options`` of its store."""
    keys = {"name": name, "backend_type": "s3", "anonymous_access": anonymous, **(entry or {})}
    if prefix is not None:
        keys["backend_prefix"] = prefix
    backend = {
        "endpoint": endpoint,
        "bucket_name": backend_bucket,
        "region": "us-east-1",
        "access_key_id": key,
        "secret_access_key": secret,
        **options,
    }
    return table("[buckets]", keys) + table("buckets.backend_options", backend)


def credential(
    credentials: Credentials,
    principal: str,
    scopes: Sequence[tuple[str, Sequence[str], Sequence[str]]],
) -> str:
    """``scopes`` are bucket, prefixes, actions."""
    text = table(
        "[credentials]",
        {
            "access_key_id": credentials.access_key_id,
            "secret_access_key": credentials.secret_access_key,
            "principal_name": principal,
            "created_at": "2026-01-01T00:00:00Z",
            "enabled": True,
        },
    )
    for name, prefixes, actions in scopes:
        text += table(
            "[credentials.allowed_scopes]",
            {"bucket": name, "prefixes": list(prefixes), "actions": list(actions)},
        )
    return text


@dataclass(frozen=True, slots=True)
class VirtualBucket:
    """A bucket of the standard configuration, and where it lies in the store."""

    name: str
    backend_bucket: str
    prefix: str = ""
    anonymous: bool = False


#: Names and prefixes in the store are canaries: no client may ever see them (L10, S20).
STANDARD_BUCKETS = (
    VirtualBucket("public-data", "canary-public", anonymous=True),
    VirtualBucket("private-uploads", "canary-private"),
    VirtualBucket("team", "canary-shared", "canary-tenants/team-a/"),
    VirtualBucket("neighbour", "canary-shared", "canary-tenants/team-a-2/"),
)


def standard(endpoint: str, *, extra: str = "", payload: str = "auto") -> str:
    """The standard configuration over a store at ``endpoint``; ``extra`` is further TOML,
    ``payload`` the store's option of that name."""
    text = extra
    for entry in STANDARD_BUCKETS:
        text += bucket(
            entry.name,
            endpoint,
            entry.backend_bucket,
            anonymous=entry.anonymous,
            prefix=entry.prefix or None,
            payload=payload,
        )
    names = [entry.name for entry in STANDARD_BUCKETS]
    text += credential(FULL, "full", [(name, (), EVERYTHING) for name in names])
    text += credential(SCOPED, "scoped", [("private-uploads", ("allowed/",), (*READ, *WRITE))])
    text += credential(READER, "reader", [(name, (), READ) for name in ("private-uploads", "team")])
    return text
