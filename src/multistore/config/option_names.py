"""Every name that ``backend_options`` may hold, for every kind of store.

Names and aliases are those of the ``object_store`` crate 0.14, which the seed used. Each
may also be written with its provider's prefix, as that library allows.
"""

from __future__ import annotations

__all__ = [
    "BACKEND_TYPES",
    "NOT_AVAILABLE",
    "OIDC",
    "S3",
    "SECRETS",
    "WITHOUT_EFFECT",
    "spellings",
]

#: ``backend_type`` as written, and the kind of store it means.
BACKEND_TYPES = {"s3": "s3", "az": "az", "azure": "az", "gcs": "gcs", "gs": "gcs"}

#: Options of an S3 store that are carried out: canonical name to its aliases.
S3 = {
    "access_key_id": ("access_key_id",),
    "secret_access_key": ("secret_access_key",),
    "token": ("token", "session_token"),
    "region": ("region", "default_region"),
    "bucket_name": ("bucket_name", "bucket"),
    "endpoint": ("endpoint", "endpoint_url", "endpoint_url_s3"),
    "virtual_hosted_style_request": ("virtual_hosted_style_request",),
    "skip_signature": ("skip_signature",),
    "allow_http": ("allow_http",),
    "allow_invalid_certificates": ("allow_invalid_certificates",),
    # ours
    "verifies_payload": ("verifies_payload",),
    "payload": ("payload",),
    "ca_file": ("ca_file",),
}

_HTTP1 = "backends are always spoken to in HTTP/1.1"
#: Options that tuned the seed's client library and mean nothing here, and why.
WITHOUT_EFFECT = {
    "checksum_algorithm": "the client's checksum is passed on; see payload",
    "conditional_put": "conditional writes are passed on",
    "connect_timeout": "see connect in [timeouts]",
    "copy_if_not_exists": "copies are not available yet",
    "disable_bulk_delete": "batch deletes are not available yet",
    "disable_tagging": "tags are passed on",
    "http1_only": _HTTP1,
    "http2_keep_alive_interval": _HTTP1,
    "http2_keep_alive_timeout": _HTTP1,
    "http2_keep_alive_while_idle": _HTTP1,
    "http2_max_frame_size": _HTTP1,
    "imdsv1_fallback": "instance credentials are not used",
    "metadata_endpoint": "instance credentials are not used",
    "pool_idle_timeout": "see backend_idle in [timeouts]",
    "pool_max_idle_per_host": "see backend_idle in [limits]",
    "randomize_addresses": "all addresses of a name are tried",
    "read_timeout": "see stall in [timeouts]",
    "timeout": "see first_byte and stall in [timeouts]",
    "unsigned_payload": "the client's own choice is passed on; see payload",
    "user_agent": "the gateway's own is always sent",
}

#: Options that would change what is asked of the store, or as whom: refused, never ignored.
NOT_AVAILABLE = frozenset(
    {
        "container_authorization_token_file",
        "container_credentials_full_uri",
        "container_credentials_relative_uri",
        "default_content_type",
        "disable_system_certificates",
        "endpoint_url_sts",
        "http2_only",
        "proxy_ca_certificate",
        "proxy_excludes",
        "proxy_url",
        "request_payer",
        "role_arn",
        "role_session_name",
        "s3_express",
        "server_side_encryption",
        "sse_bucket_key_enabled",
        "sse_customer_key_base64",
        "sse_kms_key_id",
        "web_identity_token_file",
    }
)

#: Options of the seed itself: credentials of the store from an OIDC provider.
OIDC = frozenset({"auth_type", "oidc_role_arn", "oidc_subject"})

_CLIENT = frozenset(WITHOUT_EFFECT) - {
    "checksum_algorithm",
    "conditional_put",
    "copy_if_not_exists",
    "disable_bulk_delete",
    "imdsv1_fallback",
    "metadata_endpoint",
    "unsigned_payload",
} | {
    "allow_http",
    "allow_invalid_certificates",
    "default_content_type",
    "disable_system_certificates",
    "http2_only",
    "proxy_ca_certificate",
    "proxy_excludes",
    "proxy_url",
}

_AZURE = _CLIENT | {
    "access_key",
    "account_key",
    "account_name",
    "authority_host",
    "authority_id",
    "bearer_token",
    "client_id",
    "client_secret",
    "container_name",
    "credential_type",
    "encryption_key",
    "endpoint",
    "fabric_cluster_identifier",
    "fabric_session_token",
    "fabric_token_service_url",
    "fabric_workload_host",
    "federated_token_file",
    "identity_endpoint",
    "master_key",
    "msi_endpoint",
    "msi_resource_id",
    "object_id",
    "sas_key",
    "sas_token",
    "skip_signature",
    "tenant_id",
    "token",
    "use_azure_cli",
    "use_emulator",
    "use_fabric_endpoint",
}

_GCS = _CLIENT | {
    "application_credentials",
    "base_url",
    "bearer_token",
    "bucket",
    "bucket_name",
    "service_account",
    "service_account_key",
    "service_account_path",
    "skip_signature",
}


def _s3() -> dict[str, str]:
    names = {alias: name for name, aliases in S3.items() for alias in aliases}
    names |= {name: name for name in (*WITHOUT_EFFECT, *NOT_AVAILABLE)}
    return names | {f"aws_{alias}": name for alias, name in names.items()}


def _prefixed(names: frozenset[str], *prefixes: str) -> dict[str, str]:
    return {prefix + name: name for name in names for prefix in ("", *prefixes)}


_SPELLINGS = {
    "s3": _s3(),
    "az": _prefixed(frozenset(_AZURE), "azure_", "azure_storage_"),
    "gcs": _prefixed(frozenset(_GCS), "google_"),
}

#: Spellings of secrets: each may be given as ``NAME_file`` instead, naming a file that holds it.
SECRETS = frozenset(
    spelling
    for names in _SPELLINGS.values()
    for spelling, name in names.items()
    if name
    in (
        "access_key",
        "account_key",
        "bearer_token",
        "client_secret",
        "encryption_key",
        "master_key",
        "sas_key",
        "sas_token",
        "secret_access_key",
        "service_account_key",
        "token",
    )
)


def spellings(kind: str) -> dict[str, str]:
    """Every spelling of every option for a kind of store, to its canonical name."""
    return _SPELLINGS[kind] | {name: name for name in OIDC}
