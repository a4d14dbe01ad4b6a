"""The configuration file as typed tables: the seed's (buckets, roles, credentials, owner) and
ours ([server], [limits], [timeouts]).

Every field has a default, also those that a file must give: a model can then always be
built from what is right in a file, and the checks of :mod:`multistore.config.checks` run
over the rest of it (all faults at once). ``required`` names the fields that must be given.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Any, ClassVar, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    JsonValue,
    NonNegativeInt,
    SecretStr,
    WithJsonSchema,
)

from multistore.config.option_names import SECRETS, spellings
from multistore.gateway.authorize import ACTIONS, GROUPS
from multistore.gateway.cors import METHODS
from multistore.limits import PRESIGN_MAX, Limits, Timeouts

__all__ = [
    "BucketTable",
    "CorsTable",
    "CredentialTable",
    "Document",
    "LimitsTable",
    "PathMappingTable",
    "RoleTable",
    "ScopeTable",
    "ServerTable",
    "Table",
    "TimeoutsTable",
    "json_schema",
]

#: Default of ``owner_id`` and ``owner_display_name``, as in the seed.
OWNER = "multistore-proxy"

_ACTION_NAMES: list[JsonValue] = [*sorted(ACTIONS | GROUPS.keys())]
_METHODS: list[JsonValue] = [*METHODS]
_BACKEND_TYPES: list[JsonValue] = ["s3"]
_OPTION_NAMES: list[JsonValue] = [*sorted(spellings("s3")), *sorted(f"{s}_file" for s in SECRETS)]
_LIMITS = Limits()
_TIMEOUTS = Timeouts()
# RFC 3339 5.6, which is narrower than ISO 8601: a date, a time and an offset, always.
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


def _moment(value: Any) -> datetime:
    if isinstance(value, str) and _RFC3339.fullmatch(value):
        # datetime keeps microseconds; RFC 3339 allows more digits.
        value = datetime.fromisoformat(re.sub(r"(\.\d{6})\d+", r"\1", value.upper()))
    if not isinstance(value, datetime) or value.tzinfo is None:
        raise ValueError("should be a date and time with an offset, such as 2026-01-31T12:00:00Z")
    return value


def _strings(value: Any) -> Any:
    return [] if value is None else [value] if isinstance(value, str) else value


def _option(value: Any) -> str:
    """Options are strings in the seed; booleans and numbers mean the same thing here."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int | float):
        return str(value)
    raise ValueError("should be a string, a boolean or a number")


Name = Annotated[str, Field(min_length=1)]
Moment = Annotated[
    datetime,
    BeforeValidator(_moment),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]
Option = Annotated[
    str,
    BeforeValidator(_option),
    WithJsonSchema({"type": ["string", "boolean", "number"]}),
]
Strings = Annotated[
    list[str],
    BeforeValidator(_strings),
    WithJsonSchema({"anyOf": [{"type": "string"}, {"type": "array", "items": {"type": "string"}}]}),
]


def _mark_required(schema: dict[str, Any], model: type[BaseModel]) -> None:
    assert issubclass(model, Table)
    if model.required:
        schema["required"] = list(model.required)
        for field in model.required:
            schema["properties"][field].pop("default", None)


def _one_or_many(schema: dict[str, Any]) -> None:
    """A table may stand alone for a list of one (see ``loader``)."""
    schema["anyOf"] = [schema["items"], {"type": schema.pop("type"), "items": schema.pop("items")}]


class Table(BaseModel):
    """A table of the file. Input never appears in an error: it may be a secret (law 10)."""

    model_config = ConfigDict(
        extra="forbid", hide_input_in_errors=True, json_schema_extra=_mark_required
    )
    required: ClassVar[tuple[str, ...]] = ()


class ScopeTable(Table):
    """A right: these actions, on this bucket, below these prefixes."""

    required = ("bucket", "actions")

    bucket: Name = Field("", description="Name of a bucket, or a glob with `*`.")
    prefixes: list[str] = Field(
        [],
        description="Keys it holds for: `data/` means everything below, `data` that key or "
        "everything below `data/`. None means the whole bucket.",
    )
    actions: list[str] = Field(
        [],
        min_length=1,
        description="S3 operations in snake case, or the groups read, write, list, *.",
        json_schema_extra={"items": {"enum": _ACTION_NAMES}},
    )


class CorsTable(Table):
    """A rule for pages of other origins (CORS)."""

    required = ("origins",)

    origins: list[Name] = Field(
        [],
        min_length=1,
        description="Origins as browsers write them, `https://app.example`; one `*` may stand for "
        "a part of the host or for the port, and `*` alone for every origin.",
    )
    methods: list[str] = Field(
        ["GET", "HEAD"],
        min_length=1,
        description="Methods that their pages may use.",
        json_schema_extra={"items": {"enum": _METHODS}},
    )
    headers: list[Name] = Field(
        ["*"],
        description="Request headers that they may send: names, each with at most one `*`.",
    )
    expose: list[Name] = Field(
        [],
        description="Response headers that they may read beside the usual ones; `*` for all.",
    )
    max_age: int = Field(
        600, ge=0, le=86_400, description="Seconds that a browser may remember a preflight."
    )
    credentials: bool = Field(
        False, description="Whether they may send the browser's cookies and certificates."
    )


class BucketTable(Table):
    """A virtual bucket: the name that clients use, and the store behind it."""

    required = ("name", "backend_type")

    name: Name = Field("", description="The name that clients use.")
    backend_type: Name = Field(
        "", description="Kind of store behind it.", json_schema_extra={"enum": _BACKEND_TYPES}
    )
    backend_prefix: str = Field(
        "", description="What stands before the client's key at the backend."
    )
    anonymous_access: bool = Field(
        False, description="Whether everybody may read and list, without a credential."
    )
    allowed_roles: list[str] = Field([], description="Roles that may use it; none means all.")
    backend_options: dict[str, Option] = Field(
        {},
        repr=False,
        description="Endpoint, region, bucket name and credential of the store.",
        json_schema_extra={"propertyNames": {"enum": _OPTION_NAMES}},
    )
    dot_segments: bool = Field(
        False, description="Whether keys may hold the segments `.` and `..`."
    )
    control_characters: bool = Field(False, description="Whether keys may hold control characters.")
    double_slashes: bool = Field(
        True,
        description="Whether keys may hold `//` or begin with `/`; some stores fold them.",
    )
    bucket_operations: Literal["refuse", "forward"] = Field(
        "refuse",
        description="Whether operations on the bucket itself (creation, configuration) go to the "
        "store; only for a whole bucket of it.",
    )
    created: Moment | None = Field(None, description="The creation date that ListBuckets shows.")
    cors: list[CorsTable] = Field(
        [],
        description="Rules for pages of other origins, of which the first that fits holds.",
        json_schema_extra=_one_or_many,
    )


class RoleTable(Table):
    """What a caller with a token of one of these issuers may become."""

    required = ("role_id",)

    role_id: Name = Field("", description="What callers give as RoleArn.")
    name: str = Field("", description="For people.")
    trusted_oidc_issuers: list[str] = Field([], description="Issuer URLs, compared exactly.")
    required_audiences: Strings = Field([], description="One of these must be in the token.")
    required_audience: Strings = Field([], description="The same by another name.")
    subject_conditions: list[str] = Field(
        [], description="Globs, one of which the token's subject must match. None means any."
    )
    allowed_scopes: list[ScopeTable] = Field(
        [], description="Its rights; `{claim}` stands for a claim of the token."
    )
    max_session_duration_secs: NonNegativeInt = Field(
        3600, description="Longest life of the role's credentials in seconds."
    )


class CredentialTable(Table):
    """A long-lived access key."""

    required = ("access_key_id",)

    access_key_id: Name = ""
    secret_access_key: SecretStr = Field(SecretStr(""), description="At least 16 characters.")
    secret_access_key_file: str | None = Field(
        None, description="A file that holds the secret, relative to this file."
    )
    principal_name: str = Field(
        "", description="Who that is, in logs; the access key if not given."
    )
    allowed_scopes: list[ScopeTable] = Field([], description="Its rights.")
    created_at: Moment | None = None
    expires_at: Moment | None = Field(None, description="From when on it is refused.")
    enabled: bool = True


class ServerTable(Table):
    """How the gateway listens."""

    listen: list[Name] = Field(
        ["0.0.0.0:8080"],
        min_length=1,
        description="Addresses as HOST:PORT, [IPV6]:PORT.",
    )
    domains: list[Name] = Field(
        [], description="Domains below which a bucket is a host name (virtual-hosted style)."
    )
    tls_cert: str | None = Field(None, description="Certificate chain, PEM.")
    tls_key: str | None = Field(None, description="Its private key, PEM.")
    region: Name = Field("us-east-1", description="The region that the gateway says it is in.")
    regions: list[Name] = Field([], description="Regions that signatures may name; none means any.")
    log_level: Name = Field("info", description="LEVEL or LOGGER=LEVEL, separated by commas.")


#: More connections than any process has ports or descriptors for.
Count = Annotated[int, Field(ge=1, le=1_000_000)]
#: The server counts in whole milliseconds, and 0 would mean no deadline at all; what must wait
#: for more than a day waits for ever.
Seconds = Annotated[float, Field(ge=0.001, le=86_400, allow_inf_nan=False)]


class LimitsTable(Table):
    """Sizes in bytes, counts, and the life of a URL."""

    # Heads are written into a buffer of twice this maximum, for what the gateway adds.
    head_bytes: int = Field(_LIMITS.head_bytes, ge=1024, le=65_536, description="Request head.")
    # From what every signed request has (Host, Authorization, X-Amz-Date,
    # X-Amz-Content-Sha256) to what the kernel has room for.
    head_fields: int = Field(
        _LIMITS.head_fields, ge=4, le=1024, description="Header lines of a head."
    )
    # A presigned target has about 400 bytes beside the key. Also at most head_bytes: see checks.
    target_bytes: int = Field(
        _LIMITS.target_bytes, ge=512, le=65_536, description="Request target."
    )
    # S3's largest object.
    object_bytes: int = Field(
        _LIMITS.object_bytes, ge=1, le=5 * 1024**4, description="Object in one PUT."
    )
    # Above a few MiB a new connection costs less than reading on.
    discard_bytes: int = Field(
        _LIMITS.discard_bytes,
        ge=0,
        le=16 * 1024**2,
        description="Body that is read and thrown away to keep a connection.",
    )
    requests_per_connection: Count = _LIMITS.requests_per_connection
    connections: Count = Field(
        _LIMITS.connections, description="Open client connections of one worker."
    )
    connections_per_peer: Count = Field(
        _LIMITS.connections_per_peer, description="The same from one address."
    )
    backend_connections: Count = Field(
        _LIMITS.backend_connections, description="Connections to one backend."
    )
    # 0: every request has a connection of its own.
    backend_idle: int = Field(
        _LIMITS.backend_idle,
        ge=0,
        le=1_000_000,
        description="Idle connections kept to one backend.",
    )
    max_presign_seconds: int = Field(
        _LIMITS.max_presign_seconds,
        ge=1,
        le=PRESIGN_MAX,
        description="Longest life of a presigned URL in seconds.",
    )


class TimeoutsTable(Table):
    """Deadlines in seconds."""

    head: Seconds = Field(_TIMEOUTS.head, description="Receiving a request head.")
    handshake: Seconds = Field(_TIMEOUTS.handshake, description="TLS with a client.")
    keep_alive: Seconds = Field(_TIMEOUTS.keep_alive, description="Between requests.")
    stall: Seconds = Field(_TIMEOUTS.stall, description="A body without any progress.")
    rate_window: Seconds = Field(_TIMEOUTS.rate_window, description="Window of `rate`.")
    # Up to 10 Gbit/s: above it no body could be fast enough.
    rate: float = Field(
        _TIMEOUTS.rate,
        ge=1,
        le=1_250_000_000,
        allow_inf_nan=False,
        description="Slowest body, bytes per second.",
    )
    connect: Seconds = Field(_TIMEOUTS.connect, description="Connecting to a backend.")
    first_byte: Seconds = Field(_TIMEOUTS.first_byte, description="A backend's answer to begin.")
    job: Seconds = Field(_TIMEOUTS.job, description="A long operation of which nothing is heard.")
    backend_idle: Seconds = Field(
        _TIMEOUTS.backend_idle, description="Idle connection to a backend."
    )
    backend_age: Seconds = Field(
        _TIMEOUTS.backend_age, description="Age at which a backend connection is retired."
    )
    drain: Seconds = Field(
        _TIMEOUTS.drain, description="What running requests get when the process must stop."
    )


class PathMappingTable(Table):
    """Hierarchical names: several segments of a path name a bucket."""

    bucket_segments: int = Field(
        2, ge=2, le=8, description="Leading segments of a path that name a bucket."
    )
    separator: Name = Field(":", description="What joins them in the name of a bucket.")
    display_bucket_segments: int = Field(
        1, ge=1, le=8, description="How many of them clients take for the bucket."
    )


class Document(Table):
    """A whole configuration file."""

    owner_id: Name = Field(OWNER, description="Owner of all buckets, as ListBuckets shows it.")
    owner_display_name: str = OWNER
    buckets: list[BucketTable] = []
    roles: list[RoleTable] = []
    credentials: list[CredentialTable] = []
    server: ServerTable = ServerTable()
    limits: LimitsTable = LimitsTable()
    timeouts: TimeoutsTable = TimeoutsTable()
    path_mapping: PathMappingTable | None = None


def json_schema() -> dict[str, Any]:
    """The JSON Schema (2020-12) of a configuration file, for editors."""
    schema = Document.model_json_schema()
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        **schema,
        "title": "multistore configuration",
    }
