"""Who may do what: scopes, public buckets, and what a listing may show (D3, D4).

Keys and prefixes are bytes and are compared as bytes. A scope prefix that ends in ``/`` or
is empty holds every key that starts with it; any other holds exactly that key and what is
below ``prefix/`` (``data`` never holds ``data-private/x``).

A denial says the same for what exists and what does not (SEM-22).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from multistore.errors import S3Error
from multistore.gateway.bucket_answers import ANSWERED
from multistore.gateway.bucket_names import bucket_name_fault
from multistore.gateway.operation import OPERATIONS, required_actions

if TYPE_CHECKING:
    from collections.abc import Iterable

    from multistore.gateway.operation import Operation
    from multistore.types import Bucket, Identity, Scope
    from multistore.wire import RequestHead, Target

__all__ = [
    "ACTIONS",
    "GROUPS",
    "PUBLIC_ACTIONS",
    "allowed",
    "check_access",
    "covers",
    "denied",
    "expand",
    "list_prefixes",
    "matches",
    "may_use",
    "missing_bucket",
]

#: Actions that header fields ask for, beside those of the operations
#: (``operation.required_actions``). Each is outside the group ``write``: it changes who may
#: read, for how long, or which key encrypts (D3).
_HEADER_ACTIONS = frozenset(
    (
        "bypass_governance_retention",
        "put_object_sse_customer_key",
        "put_object_sse_kms_key",
        "put_object_website_redirect",
    )
)

#: Every action that a scope may name.
ACTIONS: frozenset[str] = frozenset(
    {row.action for row in OPERATIONS}
    | {row.versioned.action for row in OPERATIONS if row.versioned is not None}
    | _HEADER_ACTIONS
)

#: Names that stand for several actions in a configuration file.
GROUPS: dict[str, frozenset[str]] = {
    "read": frozenset(
        (
            "get_object",
            "get_object_attributes",
            "get_object_version",
            "get_object_version_attributes",
            "head_object",
        )
    ),
    "write": frozenset(
        (
            "abort_multipart_upload",
            "complete_multipart_upload",
            "create_multipart_upload",
            "delete_object",
            "put_object",
            "upload_part",
        )
    ),
    "list": frozenset(
        ("list_bucket", "list_multipart_uploads", "list_object_versions", "list_parts")
    ),
    "*": ACTIONS,
}

#: What anybody, signed or not, may do with a public bucket.
PUBLIC_ACTIONS: frozenset[str] = frozenset(("get_object", "head_object", "list_bucket"))

#: What a scope on the bucket allows, whatever its actions and prefixes (SEM-22).
_FOR_ANY_SCOPE: frozenset[str] = frozenset(("HeadBucket", "GetBucketLocation"))

#: Actions that list below a prefix: a scope's prefixes bound what they show.
_LISTS: frozenset[str] = frozenset(
    ("list_bucket", "list_multipart_uploads", "list_object_versions")
)
#: Buckets for which an identity keeps its scopes: patterns stand for names without end.
_GRANTS_MAX = 4096

#: What DeleteObjects does to each object.
_DELETIONS: frozenset[str] = frozenset(("delete_object", "delete_object_version"))

_SLASH = 0x2F


def expand(names: Iterable[str]) -> frozenset[str]:
    """Actions for the action and group names of a configuration.

    Raises: ValueError that names the first unknown one.
    """
    actions: set[str] = set()
    for name in names:
        if name in GROUPS:
            actions |= GROUPS[name]
        elif name in ACTIONS:
            actions.add(name)
        else:
            raise ValueError(f"unknown action: {name!r}")
    return frozenset(actions)


def denied() -> S3Error:
    """The one refusal, whatever its reason."""
    return S3Error("AccessDenied", "Access Denied")


def matches(pattern: str, name: str) -> bool:
    """Whether a bucket name fits a name or glob. ``*`` stands for any run of characters,
    empty ones included; nothing else is special. Linear in the length of ``name`` for each
    ``*``, without backtracking."""
    if "*" not in pattern:
        return pattern == name
    first, *middle, last = pattern.split("*")
    if len(name) < len(first) + len(last):
        return False
    if not name.startswith(first) or not name.endswith(last):
        return False
    start = len(first)
    end = len(name) - len(last)
    for piece in middle:
        found = name.find(piece, start, end)
        if found < 0:
            return False
        start = found + len(piece)
    return True


def covers(prefix: bytes, key: bytes) -> bool:
    """Whether a scope prefix holds a key."""
    if not key.startswith(prefix):
        return False
    length = len(prefix)
    return length == len(key) or length == 0 or prefix[-1] == _SLASH or key[length] == _SLASH


def _scopes_of(identity: Identity, name: str) -> tuple[Scope, ...]:
    scopes = []
    for scope in identity.scopes:
        if matches(scope.bucket, name):
            scopes.append(scope)
    return tuple(scopes)


def _grants(identity: Identity, bucket: Bucket) -> tuple[Scope, ...]:
    """The scopes of ``identity`` that speak of ``bucket``, cached on the identity.

    ``allowed_roles`` bounds which roles may use a bucket; long-lived keys have no role and
    are bounded by their scopes alone.
    """
    if not identity.scopes:
        return ()  # anonymous: one object for all configurations, so nothing is kept on it
    grants = identity.grants.get(bucket.name)
    if grants is None:
        role = identity.role
        if role is not None and bucket.allowed_roles and role not in bucket.allowed_roles:
            grants = ()
        else:
            grants = _scopes_of(identity, bucket.name)
        if len(identity.grants) >= _GRANTS_MAX:
            identity.grants.clear()
        identity.grants[bucket.name] = grants
    return grants


def _permits(scopes: tuple[Scope, ...], action: str, key: bytes) -> bool:
    for scope in scopes:
        if action in scope.actions:
            if not scope.prefixes:
                return True
            for prefix in scope.prefixes:
                if covers(prefix, key):
                    return True
    return False


def allowed(identity: Identity, action: str, bucket: Bucket, key: bytes) -> bool:
    """Whether ``identity`` may do ``action`` on a key of ``bucket``.

    For listings ask :func:`list_prefixes`.
    """
    if bucket.anonymous and action in PUBLIC_ACTIONS:
        return True
    return _permits(_grants(identity, bucket), action, key)


def may_use(identity: Identity, bucket: Bucket) -> bool:
    """Whether ``bucket`` is any business of ``identity``: it is public, or a scope speaks of
    it. Bounds HeadBucket, GetBucketLocation and ListBuckets (SEM-22)."""
    return bucket.anonymous or bool(_grants(identity, bucket))


def _bounds(scopes: tuple[Scope, ...], prefix: bytes, action: str) -> tuple[bytes, ...] | None:
    """See :func:`list_prefixes`."""
    inside = False
    below: set[bytes] = set()
    for scope in scopes:
        if action not in scope.actions:
            continue
        if not scope.prefixes:
            return None
        for bound in scope.prefixes:
            if bound == prefix and bound and bound[-1] != _SLASH:
                inside = True
            elif covers(bound, prefix):
                return None
            if bound.startswith(prefix):
                below.add(bound)
    if not inside:
        raise denied()
    return tuple(sorted(below))


def list_prefixes(
    identity: Identity, bucket: Bucket, prefix: bytes, action: str = "list_bucket"
) -> tuple[bytes, ...] | None:
    """What a listing of ``prefix``, by one of the actions of ``_LISTS``, may show: None for
    everything below ``prefix``, else the scope prefixes (in the sense of :func:`covers`) that
    bound it.

    A listing must start inside a scope, as in the seed: listing the root with a scope on
    ``data/`` is denied. It is bounded when ``prefix`` is itself a scope prefix without a
    trailing slash: ``data`` shows ``data`` and ``data/…``, not ``data-private/…`` (S3).

    Raises: AccessDenied when nothing may be shown.
    """
    if bucket.anonymous and action in PUBLIC_ACTIONS:
        return None
    return _bounds(_grants(identity, bucket), prefix, action)


def _may_delete_some(scopes: tuple[Scope, ...]) -> bool:
    return not all(scope.actions.isdisjoint(_DELETIONS) for scope in scopes)


def check_access(
    identity: Identity, operation: Operation, head: RequestHead, target: Target, bucket: Bucket
) -> None:
    """Whether ``identity`` may carry out a request on ``bucket``, headers and all.

    Raises: AccessDenied.
    """
    key = target.key
    if key:
        for action in required_actions(head, operation):
            if not allowed(identity, action, bucket, key):
                raise denied()
    elif operation.action in _LISTS:
        list_prefixes(identity, bucket, target.params.get("prefix", b""), operation.action)
    elif operation.name in _FOR_ANY_SCOPE:
        if not may_use(identity, bucket):
            raise denied()
    elif operation.name == "DeleteObjects":
        # Each object is authorised by itself, once its name is read (``gateway.delete``).
        if not _may_delete_some(_grants(identity, bucket)):
            raise denied()
    elif operation.name in ANSWERED and not bucket.forwards_operations:
        if not _grants(identity, bucket):
            raise denied()
    else:
        for action in required_actions(head, operation):
            if not allowed(identity, action, bucket, b""):
                raise denied()


def missing_bucket(
    identity: Identity, operation: Operation, head: RequestHead, target: Target, shown: str
) -> S3Error:
    """The answer for a bucket that does not exist: NoSuchBucket for a long-lived key whose
    scopes would hold if it did, else the same refusal as for one that exists (SEM-22).
    ``shown`` is what the client called it.

    A role never learns it: an existing bucket may exclude the role, and refuses it too.
    """
    if operation.name == "CreateBucket":
        return _not_created(shown)
    if identity.role is not None:
        return denied()
    scopes = _scopes_of(identity, target.bucket)
    key = target.key
    if key:
        for action in required_actions(head, operation):
            if not _permits(scopes, action, key):
                return denied()
    elif operation.action in _LISTS:
        try:
            _bounds(scopes, target.params.get("prefix", b""), operation.action)
        except S3Error as error:
            return error
    elif operation.name in _FOR_ANY_SCOPE or operation.name in ANSWERED:
        if not scopes:
            return denied()
    else:
        for action in required_actions(head, operation):
            if not _permits(scopes, action, b""):
                return denied()
    return S3Error(
        "NoSuchBucket",
        "The specified bucket does not exist",
        fields=(("BucketName", shown),),
    )


def _not_created(name: str) -> S3Error:
    """No entry is called so and no pattern fits: nobody can make it. What S3 forbids depends on
    the request alone and may be said."""
    fault = bucket_name_fault(name)
    if not fault:
        return denied()
    return S3Error(
        "InvalidBucketName",
        f"The specified bucket is not valid: {fault}.",
        fields=(("BucketName", name),),
    )
