"""Compiles a document into what the gateway reads on every request (D18)."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from datetime import UTC

from multistore.config.backend_options import S3Options, read_s3_options
from multistore.config.cors_rules import compile_rules
from multistore.config.findings import Findings
from multistore.config.model import CredentialTable, Document, ScopeTable
from multistore.gateway.authorize import expand, matches
from multistore.gateway.ports import Backend
from multistore.types import Bucket, Credential, Identity, Scope

__all__ = ["StaticBuckets", "StaticCredentials", "compile_buckets", "compile_credentials"]

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


class StaticCredentials:
    """Implements ``gateway.ports.CredentialStore`` over a fixed set of access keys."""

    def __init__(self, credentials: Iterable[Credential]) -> None:
        by_key = {credential.access_key_id: credential for credential in credentials}
        self.get_credential = by_key.get  # as in StaticBuckets


def compile_buckets(
    document: Document, make_backend: Callable[[S3Options], Backend]
) -> StaticBuckets:
    """``make_backend`` is called once for each distinct store; buckets that differ only in
    their prefix share its object, and with it its signing key.

    The document must come from ``Loaded.require``. Raises: ValueError otherwise.
    """
    backends: dict[S3Options, Backend] = {}
    buckets = []
    for index, table in enumerate(document.buckets):
        path = ("buckets", index, "backend_options")
        options = read_s3_options(table.backend_options, path, Findings(""))
        if options is None:
            raise ValueError(f"bucket {table.name} has no usable backend")
        if options not in backends:
            backends[options] = make_backend(options)
        prefix = table.backend_prefix.rstrip("/")
        bucket = Bucket(
            table.name,
            backends[options],
            prefix=f"{prefix}/".encode() if prefix else b"",
            anonymous=table.anonymous_access,
            allowed_roles=frozenset(table.allowed_roles),
            dot_segments=table.dot_segments,
            control_characters=table.control_characters,
            double_slashes=table.double_slashes,
            cors=compile_rules(table.cors),
        )
        if table.created is not None:
            moment = table.created.astimezone(UTC)
            bucket.created = moment.strftime("%Y-%m-%dT%H:%M:%S.") + (
                f"{moment.microsecond // 1000:03d}Z"
            )
        buckets.append(bucket)
    return StaticBuckets(buckets)


def compile_credentials(document: Document) -> StaticCredentials:
    """Static access keys with their identities, scopes expanded to single actions. Globs are
    noted in the log: they also hold for buckets that are yet to come (D4)."""
    for table in document.credentials:
        for scope in table.allowed_scopes:
            if "*" in scope.bucket:
                held = sum(matches(scope.bucket, bucket.name) for bucket in document.buckets)
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
