"""Compiles a document into what the gateway reads on every request (D18)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC
from functools import partial
from typing import Any

from multistore.config.backend_options import S3Options, read_s3_options
from multistore.config.cors_rules import compile_rules
from multistore.config.findings import Findings
from multistore.config.model import BucketTable, CredentialTable, Document, ScopeTable
from multistore.config.path_mapping import PathMapping
from multistore.config.patterns import BucketStore, Pattern, PatternBuckets, is_pattern
from multistore.gateway.authorize import expand
from multistore.gateway.bucket_names import may_share_names
from multistore.gateway.ports import Backend
from multistore.types import Bucket, Credential, Identity, Scope

__all__ = [
    "StaticBuckets",
    "StaticCredentials",
    "compile_buckets",
    "compile_credentials",
    "read_path_mapping",
]

_log = logging.getLogger("multistore")


class StaticBuckets:
    """Implements ``gateway.ports.BucketRegistry`` over a fixed set of buckets."""

    def __init__(self, buckets: Iterable[Bucket]) -> None:
        self._by_name = {bucket.name: bucket for bucket in buckets}
        # S3 lists buckets in the order of their names (ListBuckets).
        self._sorted = tuple(self._by_name[name] for name in sorted(self._by_name))
        # Asked on every request: the dictionary's own method, without one of ours around it.
        self.get_bucket = self._by_name.get

    def list_buckets(self) -> Sequence[Bucket]:
        return self._sorted

    def list_patterns(self) -> Sequence[Pattern]:
        return ()


class StaticCredentials:
    """Implements ``gateway.ports.CredentialStore`` over a fixed set of access keys."""

    def __init__(self, credentials: Iterable[Credential]) -> None:
        by_key = {credential.access_key_id: credential for credential in credentials}
        self.get_credential = by_key.get  # as in StaticBuckets


def compile_buckets(
    document: Document,
    make_backend: Callable[[S3Options], Backend],
    make_store: Callable[[S3Options], BucketStore] | None = None,
    names: PathMapping | None = None,
) -> StaticBuckets | PatternBuckets:
    """``make_backend`` is called once for each distinct store; buckets that differ only in
    their prefix share its object, and with it its signing key. ``make_store`` is called for each
    pattern; without it there may be none. ``names`` says what clients call the buckets, if not by
    their names; patterns cannot be among them then.

    The document must come from ``Loaded.require``. Raises: ValueError otherwise.
    """
    backends: dict[S3Options, Backend] = {}
    buckets: list[Bucket] = []
    patterns: list[Pattern] = []
    for index, table in enumerate(document.buckets):
        path = ("buckets", index, "backend_options")
        options = read_s3_options(table.backend_options, path, Findings(""))
        if options is None:
            raise ValueError(f"bucket {table.name} has no usable backend")
        make = _maker(table, names)
        if is_pattern(table.name):
            if make_store is None:
                raise ValueError(f"nothing makes the store of {table.name}")
            patterns.append(
                Pattern(
                    table.name,
                    options.bucket_name,
                    make_store(options),
                    make,
                    anonymous=table.anonymous_access,
                    allowed_roles=frozenset(table.allowed_roles),
                )
            )
            continue
        if options not in backends:
            backends[options] = make_backend(options)
        buckets.append(make(table.name, backends[options]))
    return PatternBuckets(buckets, patterns) if patterns else StaticBuckets(buckets)


def _maker(table: BucketTable, names: PathMapping | None) -> Callable[[str, Backend], Bucket]:
    """What makes a bucket, given its name and backend, as the entry says."""
    prefix = table.backend_prefix.rstrip("/")
    settings: dict[str, Any] = {
        "prefix": f"{prefix}/".encode() if prefix else b"",
        "anonymous": table.anonymous_access,
        "allowed_roles": frozenset(table.allowed_roles),
        "dot_segments": table.dot_segments,
        "control_characters": table.control_characters,
        "double_slashes": table.double_slashes,
        "by_pattern": is_pattern(table.name),
        # A bucket that clients made is theirs to configure.
        "forwards_operations": table.bucket_operations == "forward" or is_pattern(table.name),
        "cors": compile_rules(table.cors),
    }
    if names is not None:
        settings["shown_name"], settings["shown_prefix"] = names.shown(table.name)
    if table.created is not None:
        moment = table.created.astimezone(UTC)
        settings["created"] = moment.strftime("%Y-%m-%dT%H:%M:%S.") + (
            f"{moment.microsecond // 1000:03d}Z"
        )
    return partial(Bucket, **settings)


def read_path_mapping(document: Document) -> PathMapping | None:
    table = document.path_mapping
    if table is None:
        return None
    return PathMapping(table.bucket_segments, table.separator, table.display_bucket_segments)


def compile_credentials(document: Document) -> StaticCredentials:
    """Static access keys with their identities, scopes expanded to single actions. Globs are
    noted in the log: they also hold for buckets that are yet to come (D4)."""
    for table in document.credentials:
        for scope in table.allowed_scopes:
            if "*" in scope.bucket:
                held = sum(may_share_names(scope.bucket, row.name) for row in document.buckets)
                _log.info(
                    "access key %s: the scope on %s is a glob, which holds for %d of %d buckets",
                    table.access_key_id,
                    scope.bucket,
                    held,
                    len(document.buckets),
                )
    return StaticCredentials(map(_credential, document.credentials))


def _credential(table: CredentialTable) -> Credential:
    scopes = tuple(map(_scope, table.allowed_scopes))
    return Credential(
        table.access_key_id,
        table.secret_access_key.get_secret_value(),
        Identity(table.principal_name or table.access_key_id, scopes),
        enabled=table.enabled,
        expires_at=table.expires_at.timestamp() if table.expires_at else 0.0,
    )


def _scope(table: ScopeTable) -> Scope:
    prefixes = tuple(prefix.encode() for prefix in table.prefixes)
    return Scope(table.bucket, prefixes, expand(table.actions))
