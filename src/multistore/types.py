"""Value types that cross layers: who asks, what for, on which bucket, where it lives.

All are slotted and treated as immutable once made; those that the warm path reads
are compiled from configuration when it loads (D18).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from multistore.gateway.cors import Cors
    from multistore.gateway.ports import Backend

__all__ = ["ANONYMOUS", "Bucket", "Credential", "Identity", "Origin", "Scope"]


class Scope:
    """A right: these actions, on this bucket (name or glob), below these prefixes.

    ``actions`` holds action names after groups were expanded. No prefixes means
    the whole bucket. Prefixes are bytes, as keys are (D5).
    """

    __slots__ = ("actions", "bucket", "prefixes")

    def __init__(self, bucket: str, prefixes: tuple[bytes, ...], actions: frozenset[str]) -> None:
        self.bucket = bucket
        self.prefixes = prefixes
        self.actions = actions


class Identity:
    """Who asks. Only ``gateway.identity`` makes one, after a signature held.

    ``grants`` caches, per bucket name, the scopes that speak of it
    (filled and bounded by ``gateway.authorize``).
    """

    __slots__ = ("grants", "principal", "role", "scopes")

    def __init__(self, principal: str, scopes: tuple[Scope, ...], role: str | None = None) -> None:
        self.principal = principal
        self.scopes = scopes
        self.role = role
        self.grants: dict[str, tuple[Scope, ...]] = {}


#: The caller who brought no credential.
ANONYMOUS = Identity("anonymous", ())


class Credential:
    """A long-lived access key as configured. ``expires_at`` is a Unix time, 0 for never."""

    __slots__ = ("access_key_id", "enabled", "expires_at", "identity", "secret_access_key")

    def __init__(
        self,
        access_key_id: str,
        secret_access_key: str,
        identity: Identity,
        *,
        enabled: bool = True,
        expires_at: float = 0.0,
    ) -> None:
        self.access_key_id = access_key_id
        self.secret_access_key = secret_access_key
        self.identity = identity
        self.enabled = enabled
        self.expires_at = expires_at

    def __repr__(self) -> str:
        return f"Credential({self.access_key_id!r}, ***)"


class Origin:
    """Where a backend listens: the key of a connection pool.

    ``host`` is a name or an address (no brackets), ``tls`` whether the connection
    is wrapped and verified; ``ca_file`` replaces the system's trust store.
    """

    __slots__ = ("ca_file", "host", "port", "tls", "verify")

    def __init__(
        self, host: str, port: int, *, tls: bool, verify: bool = True, ca_file: str | None = None
    ) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.verify = verify
        self.ca_file = ca_file

    def __repr__(self) -> str:
        return f"{'https' if self.tls else 'http'}://{self.host}:{self.port}"


class Bucket:
    """A virtual bucket, compiled.

    ``prefix`` is what stands before the client's key at the backend: empty, or
    ending in ``/``. ``dot_segments`` and ``control_characters`` opt in to keys that
    are refused otherwise; without ``double_slashes`` keys with an empty segment are refused,
    which some stores fold into the key without it (D5). ``forwards_operations``: the bucket is a
    whole one of its store, without a prefix, and operations on the bucket itself go there.
    ``by_pattern``: the name fits a pattern, and only the store knows whether there is such a
    bucket (D17). ``cors`` are the rules for pages of other origins, if there are any.
    ``shown_name`` and ``shown_prefix`` are what clients of hierarchical names take for the bucket
    and for the beginning of its keys; otherwise the name itself and nothing.
    """

    __slots__ = (
        "allowed_roles",
        "anonymous",
        "backend",
        "by_pattern",
        "control_characters",
        "cors",
        "created",
        "dot_segments",
        "double_slashes",
        "forwards_operations",
        "name",
        "prefix",
        "shown_name",
        "shown_prefix",
    )

    def __init__(
        self,
        name: str,
        backend: Backend,
        *,
        prefix: bytes = b"",
        anonymous: bool = False,
        allowed_roles: frozenset[str] = frozenset(),
        dot_segments: bool = False,
        control_characters: bool = False,
        double_slashes: bool = True,
        forwards_operations: bool = False,
        by_pattern: bool = False,
        created: str = "2024-01-01T00:00:00.000Z",
        cors: Cors | None = None,
        shown_name: str = "",
        shown_prefix: bytes = b"",
    ) -> None:
        self.name = name
        self.backend = backend
        self.prefix = prefix
        self.anonymous = anonymous
        self.allowed_roles = allowed_roles
        self.dot_segments = dot_segments
        self.control_characters = control_characters
        self.double_slashes = double_slashes
        self.forwards_operations = forwards_operations
        self.by_pattern = by_pattern
        self.created = created
        self.cors = cors
        self.shown_name = shown_name or name
        self.shown_prefix = shown_prefix
