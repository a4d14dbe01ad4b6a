"""What types cannot say: rules between tables, and values that are legal and cannot work."""

from __future__ import annotations

import re
import ssl
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path as FilePath

from multistore.config.backend_options import check_names, read_s3_options
from multistore.config.cors_rules import check_rule
from multistore.config.findings import Findings, nearest
from multistore.config.levels import parse_levels
from multistore.config.model import (
    BucketTable,
    CredentialTable,
    Document,
    LimitsTable,
    PathMappingTable,
    RoleTable,
    ScopeTable,
    ServerTable,
)
from multistore.config.names import domain_fault, parse_listen
from multistore.config.option_names import BACKEND_TYPES
from multistore.config.path_mapping import PathMapping
from multistore.config.pattern_rules import check_pattern, check_template
from multistore.config.patterns import is_pattern
from multistore.config.positions import Path
from multistore.config.secret_rules import EXAMPLE_BUCKETS, weakness
from multistore.gateway.authorize import ACTIONS, GROUPS
from multistore.gateway.bucket_names import bucket_name_fault, may_share_names
from multistore.limits import KEY_MAX

__all__ = ["check"]

#: Range of a role's session in seconds (AWS: MaxSessionDuration; STS: DurationSeconds).
SESSION_MIN, SESSION_MAX = 900, 43_200

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def check(document: Document, findings: Findings) -> None:
    """Reports everything that is wrong with a document whose types are right.

    An empty name or list stands for one that was already reported, and is passed over.
    """
    _check_unique(document, findings)
    if not document.buckets and not findings.reported(("buckets",)):
        findings.warning((), "no buckets: whatever is asked for does not exist")
    roles = frozenset(role.role_id for role in document.roles)
    names = _check_path_mapping(document.path_mapping, ("path_mapping",), findings)
    buckets = frozenset(bucket.name for bucket in document.buckets)
    for index, bucket in enumerate(document.buckets):
        _check_bucket(bucket, ("buckets", index), roles, names, findings)
    _check_whole_buckets(document, findings)
    for index, role in enumerate(document.roles):
        _check_role(role, ("roles", index), findings)
        _check_scopes(role.allowed_scopes, ("roles", index), buckets, True, findings)
    for index, credential in enumerate(document.credentials):
        _check_credential(credential, ("credentials", index), findings)
        _check_scopes(credential.allowed_scopes, ("credentials", index), buckets, False, findings)
    _check_server(document.server, ("server",), findings)
    _check_limits(document.limits, ("limits",), findings)


def _check_unique(document: Document, findings: Findings) -> None:
    for table, field in (
        ("buckets", "name"),
        ("roles", "role_id"),
        ("credentials", "access_key_id"),
    ):
        first: dict[str, int] = {}
        for index, row in enumerate(getattr(document, table)):
            name = getattr(row, field)
            if name and (earlier := first.setdefault(name, index)) != index:
                line = findings.lines.get((table, earlier, field))
                where = f"line {line}" if line else f"{table}[{earlier}]"
                findings.fault((table, index, field), f'duplicate: "{name}" is also at {where}')


def _check_bucket(
    bucket: BucketTable,
    path: Path,
    roles: frozenset[str],
    names: PathMapping | None,
    findings: Findings,
) -> None:
    if names is not None:
        _check_hierarchical(bucket, path, names, findings)
    elif is_pattern(bucket.name):
        check_pattern(bucket, path, findings)
    elif bucket.name and (fault := bucket_name_fault(bucket.name)):
        findings.fault((*path, "name"), f'"{bucket.name}": {fault}', fatal=False)
    _check_backend_prefix(bucket.backend_prefix, (*path, "backend_prefix"), findings)
    for index, rule in enumerate(bucket.cors):
        check_rule(rule, (*path, "cors", index), findings)
    for index, role in enumerate(bucket.allowed_roles):
        if role not in roles:
            here = (*path, "allowed_roles", index)
            findings.fault(here, f'no role "{role}"', nearest(role, roles), fatal=False)
    if bucket.backend_type:
        _check_backend(bucket, path, findings)


def _check_whole_buckets(document: Document, findings: Findings) -> None:
    """Where operations on the bucket itself are forwarded, it is a whole one of its store, and
    nobody else's here: else its clients would change what belongs to others."""
    places: dict[tuple[object, ...], list[int]] = {}
    for index, bucket in enumerate(document.buckets):
        if BACKEND_TYPES.get(bucket.backend_type) != "s3":
            continue
        path = ("buckets", index, "backend_options")
        # (What is wrong with the options was reported already.)
        store = read_s3_options(bucket.backend_options, path, Findings(""))
        if store is not None:
            place = (store.host, store.port, store.base_path, store.bucket_name)
            places.setdefault(place, []).append(index)
    for sharers in places.values():
        for index in sharers:
            bucket = document.buckets[index]
            if bucket.bucket_operations != "forward":
                continue
            here = ("buckets", index, "bucket_operations")
            if bucket.backend_prefix.rstrip("/"):
                findings.fault(here, "forward goes with a whole bucket, not with a backend_prefix")
            others = [document.buckets[other].name for other in sharers if other != index]
            if others:
                findings.fault(here, f'the bucket "{others[0]}" is in the same one of the store')


def _check_hierarchical(
    bucket: BucketTable, path: Path, names: PathMapping, findings: Findings
) -> None:
    """What clients call the bucket is a path, whose segments are no bucket names of S3's."""
    if is_pattern(bucket.name):
        findings.fault((*path, "name"), f'"{bucket.name}": a pattern does not go with path_mapping')
    elif bucket.name and (fault := names.fault(bucket.name)):
        findings.fault((*path, "name"), f'"{bucket.name}": {fault}')
    if bucket.bucket_operations == "forward":
        findings.fault(
            (*path, "bucket_operations"),
            "forward does not go with path_mapping, where clients take buckets for prefixes",
        )


def _check_path_mapping(
    table: PathMappingTable | None, path: Path, findings: Findings
) -> PathMapping | None:
    if table is None:
        return None
    if table.display_bucket_segments > table.bucket_segments:
        findings.fault((*path, "display_bucket_segments"), "more than bucket_segments")
    if "/" in table.separator:
        findings.fault((*path, "separator"), "holds /, which separates the segments of a path")
    return PathMapping(table.bucket_segments, table.separator, table.display_bucket_segments)


def _check_backend(bucket: BucketTable, path: Path, findings: Findings) -> None:
    kind = BACKEND_TYPES.get(bucket.backend_type)
    options = (*path, "backend_options")
    if kind is None:
        findings.fault(
            (*path, "backend_type"),
            f'no backend type "{bucket.backend_type}"',
            nearest(bucket.backend_type, BACKEND_TYPES) or "s3 is the one that is available",
        )
        return
    check_names(kind, bucket.backend_options, options, findings)
    if kind != "s3":
        findings.fault(
            (*path, "backend_type"), f'backend type "{bucket.backend_type}" is not available yet'
        )
        return
    store = read_s3_options(bucket.backend_options, options, findings)
    if store is None:
        return
    check_template(bucket.name, store.bucket_name, options, findings)
    if store.bucket_name in EXAMPLE_BUCKETS:
        findings.fault(options, f'"{store.bucket_name}" is a name from an example, not yours')
    # The store's own secret is not ours to choose: said, but no reason to refuse (D12).
    if store.secret_access_key and (
        fault := weakness(store.secret_access_key, store.access_key_id)
    ):
        findings.fault(options, f"secret_access_key is {fault}", fatal=False)
    if store.ca_file is not None:
        try:
            ssl.create_default_context(cafile=store.ca_file)
        except (OSError, ssl.SSLError) as error:
            findings.fault((*options, "ca_file"), f"cannot be used: {_reason(error)}")


def _check_backend_prefix(prefix: str, path: Path, findings: Findings) -> None:
    segments = prefix.rstrip("/").split("/")
    if "." in segments or ".." in segments:
        findings.fault(path, "holds the segment . or .., which stores resolve or refuse")
    if _CONTROL.search(prefix):
        findings.fault(path, "holds a control character")
    if len(prefix.encode()) >= KEY_MAX:
        findings.fault(path, f"leaves no room for a key: keys have at most {KEY_MAX} bytes")
    if prefix.startswith("/"):
        findings.warning(
            path, "keys at the backend begin with /", "leave the slash out if that is not meant"
        )
    elif "" in segments[1:]:
        findings.warning(path, "holds //, an empty segment, which some stores fold")


def _check_role(role: RoleTable, path: Path, findings: Findings) -> None:
    if not role.trusted_oidc_issuers and not findings.reported((*path, "trusted_oidc_issuers")):
        findings.fault(
            path, f'role "{role.role_id}" has no trusted_oidc_issuers: nobody can assume it'
        )
    for index, issuer in enumerate(role.trusted_oidc_issuers):
        if not issuer.startswith("https://"):
            findings.fault(
                (*path, "trusted_oidc_issuers", index),
                "an issuer begins with https://: nobody can assume the role through this one",
                fatal=False,
            )
    if role.required_audience and role.required_audiences:
        findings.fault((*path, "required_audience"), "given together with required_audiences")
    if role.subject_conditions and not any(role.subject_conditions):
        findings.fault(
            (*path, "subject_conditions"),
            "no subject can match: nobody can assume the role",
            fatal=False,
        )
    if not SESSION_MIN <= role.max_session_duration_secs <= SESSION_MAX:
        findings.fault(
            (*path, "max_session_duration_secs"),
            f"should be from {SESSION_MIN} to {SESSION_MAX}",
            fatal=False,
        )


def _check_credential(credential: CredentialTable, path: Path, findings: Findings) -> None:
    key = credential.access_key_id
    if not key.isascii() or not key.isprintable() or "/" in key or " " in key:
        findings.fault(
            (*path, "access_key_id"),
            "no signature can name it: printable ASCII without / and blank",
        )
    secret = credential.secret_access_key.get_secret_value()
    here = (*path, "secret_access_key")
    if not secret:
        if not findings.reported(here) and not findings.reported((*here[:-1], f"{here[-1]}_file")):
            findings.fault(here, "missing", "or give secret_access_key_file")
    elif fault := weakness(secret, key):
        findings.fault(here, fault)
    if credential.expires_at is not None:
        if credential.expires_at <= datetime.now(UTC):
            findings.fault((*path, "expires_at"), "is past: the key is refused", fatal=False)
        if credential.created_at is not None and credential.expires_at <= credential.created_at:
            findings.fault((*path, "expires_at"), "is not after created_at", fatal=False)
    if not credential.allowed_scopes and not findings.reported((*path, "allowed_scopes")):
        findings.warning(path, f'"{key}" has no allowed_scopes: it may do nothing')


def _check_scopes(
    scopes: Iterable[ScopeTable],
    path: Path,
    buckets: frozenset[str],
    templates: bool,
    findings: Findings,
) -> None:
    for index, scope in enumerate(scopes):
        here = (*path, "allowed_scopes", index)
        template = templates and "{" in scope.bucket
        if (
            scope.bucket
            and not template
            and not any(may_share_names(scope.bucket, bucket) for bucket in buckets)
        ):
            what = "matches" if "*" in scope.bucket else "is called"
            findings.fault(
                (*here, "bucket"),
                f'no bucket {what} "{scope.bucket}"',
                nearest(scope.bucket, buckets),
                fatal=False,
            )
        for n, action in enumerate(scope.actions):
            if action not in ACTIONS and action not in GROUPS:
                findings.fault(
                    (*here, "actions", n),
                    f'no action "{action}"',
                    nearest(action, [*ACTIONS, *GROUPS]),
                )
        for n, prefix in enumerate(scope.prefixes):
            _check_scope_prefix(prefix, (*here, "prefixes", n), findings)


def _check_scope_prefix(prefix: str, path: Path, findings: Findings) -> None:
    if not prefix:
        findings.warning(path, "an empty prefix means the whole bucket", "leave prefixes out")
    elif "*" in prefix:
        findings.warning(path, f'"{prefix}": a prefix is literal, * stands for itself')
    elif prefix.startswith("/"):
        findings.warning(path, f'"{prefix}": only keys that begin with / match')
    elif any(segment in (".", "..") for segment in prefix.split("/")):
        findings.warning(path, f'"{prefix}": keys with the segment . or .. are refused')


def _check_server(server: ServerTable, path: Path, findings: Findings) -> None:
    for index, listen in enumerate(server.listen):
        try:
            parse_listen(listen)
        except ValueError as error:
            findings.fault((*path, "listen", index), f'"{listen}": {error}')
    for listen, count in Counter(server.listen).items():
        if count > 1 and not listen.endswith(":0"):
            findings.fault((*path, "listen"), f"{listen} is given {count} times")
    try:
        parse_levels(server.log_level)
    except ValueError as error:
        findings.fault((*path, "log_level"), str(error))
    _check_domains(server.domains, (*path, "domains"), findings)
    _check_tls(server, path, findings)
    if server.regions and server.region not in server.regions:
        findings.fault((*path, "regions"), f'the region "{server.region}" itself is not among them')


def _check_limits(limits: LimitsTable, path: Path, findings: Findings) -> None:
    if limits.target_bytes > limits.head_bytes:
        given = "target_bytes" if "target_bytes" in limits.model_fields_set else "head_bytes"
        findings.fault(
            (*path, given),
            f"target_bytes ({limits.target_bytes}) should be at most head_bytes "
            f"({limits.head_bytes}): the target is a part of the head",
        )


def _check_domains(domains: list[str], path: Path, findings: Findings) -> None:
    for index, domain in enumerate(domains):
        here = (*path, index)
        if fault := domain_fault(domain):
            findings.fault(here, f'"{domain}": {fault}')
        for other in domains[:index]:
            if domain == other:
                findings.fault(here, f'duplicate: "{domain}"')
                break
            if domain.endswith(f".{other}") or other.endswith(f".{domain}"):
                findings.fault(here, f'overlaps "{other}": one host name would mean two buckets')
                break


def _check_tls(server: ServerTable, path: Path, findings: Findings) -> None:
    if server.tls_cert is None and server.tls_key is None:
        return
    if server.tls_cert is None or server.tls_key is None:
        given, missing = ("tls_cert", "tls_key") if server.tls_cert else ("tls_key", "tls_cert")
        findings.fault((*path, given), f"given without {missing}")
        return
    for name in ("tls_cert", "tls_key"):
        file = getattr(server, name)
        try:
            FilePath(file).read_bytes()
        except OSError as error:
            findings.fault((*path, name), f"{file} cannot be read: {_reason(error)}")
            return
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(
            server.tls_cert, server.tls_key, password=""
        )
    except (OSError, ssl.SSLError, ValueError) as error:
        findings.fault((*path, "tls_cert"), f"cannot be used with tls_key: {_reason(error)}")


def _reason(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error)
