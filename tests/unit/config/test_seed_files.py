"""Files written for the seed load unchanged (D12): its keys, its types, its aliases."""

from __future__ import annotations

import json
import tomllib
from datetime import UTC, datetime
from typing import Any

import pytest

from multistore.config.backend_options import S3Options
from multistore.config.loader import Loaded
from multistore.config.registry import compile_buckets, compile_credentials
from multistore.gateway.authorize import ACTIONS

SEED = """\
owner_id = "0123"
owner_display_name = "data team"

[[buckets]]
name = "public-data"
backend_type = "s3"
anonymous_access = true
allowed_roles = []

[buckets.backend_options]
endpoint = "http://localhost:9000"
bucket_name = "public"
region = "us-west-2"
access_key_id = "AKBACKEND00000000001"
secret_access_key = "backendSecret0123456789abcdef"

[[buckets]]
name = "private-uploads"
backend_type = "s3"
backend_prefix = "tenants/a/"
anonymous_access = false
allowed_roles = ["github-actions-deployer"]

[buckets.backend_options]
aws_endpoint_url_s3 = "http://localhost:9000"
aws_bucket = "public"
aws_default_region = "us-west-2"
aws_access_key_id = "AKBACKEND00000000001"
aws_secret_access_key = "backendSecret0123456789abcdef"

[[buckets]]
name = "mirror"
backend_type = "s3"
anonymous_access = true

[buckets.backend_options]
bucket_name = "open-data"
region = "us-east-1"
skip_signature = "true"

[[roles]]
role_id = "github-actions-deployer"
name = "GitHub Actions"
trusted_oidc_issuers = ["https://token.actions.githubusercontent.com"]
required_audience = "sts.amazonaws.com"
subject_conditions = ["repo:org/*:ref:refs/heads/main"]
max_session_duration_secs = 3600

[[roles.allowed_scopes]]
bucket = "private-uploads"
prefixes = ["{sub}/"]
actions = ["get_object", "head_object", "put_object", "list_bucket"]

[[credentials]]
access_key_id = "AKCLIENT000000000001"
secret_access_key = "clientSecret0123456789abcdef"
principal_name = "ci"
created_at = "2024-01-01T00:00:00Z"
expires_at = "2999-01-01T00:00:00.123456789+02:00"
enabled = true

[[credentials.allowed_scopes]]
bucket = "private-uploads"
prefixes = ["uploads/"]
actions = ["get_object", "get_object_version", "head_object", "put_object", "list_bucket",
  "create_multipart_upload", "upload_part", "complete_multipart_upload",
  "abort_multipart_upload", "delete_object"]

[[credentials.allowed_scopes]]
bucket = "*"
prefixes = []
actions = ["get_object"]
"""


class FakeBackend:
    def __init__(self, options: S3Options) -> None:
        self.options = options

    def plan(self, request: Any) -> Any:
        raise NotImplementedError


@pytest.mark.parametrize("suffix", [".toml", ".json"])
def test_seed_file_loads_without_a_finding(load_text: Any, suffix: str) -> None:
    text = SEED if suffix == ".toml" else json.dumps(tomllib.loads(SEED))
    loaded: Loaded = load_text(text, suffix)
    assert loaded.findings == ()
    document = loaded.require()
    assert document.owner_id == "0123"
    assert document.roles[0].required_audience == ["sts.amazonaws.com"]
    expires = document.credentials[0].expires_at
    assert expires is not None
    assert expires.astimezone(UTC) == datetime(2998, 12, 31, 22, 0, 0, 123456, UTC)


def test_seed_file_compiles(load_text: Any) -> None:
    document = load_text(SEED).require()
    buckets = compile_buckets(document, FakeBackend)
    public, private = buckets.get_bucket("public-data"), buckets.get_bucket("private-uploads")
    assert public is not None and private is not None
    # One backend object for one store, whatever its options are called.
    assert public.backend is private.backend
    assert (public.prefix, private.prefix) == (b"", b"tenants/a/")
    assert (public.anonymous, private.anonymous) == (True, False)
    assert private.allowed_roles == {"github-actions-deployer"}
    assert public.created == "2024-01-01T00:00:00.000Z"
    assert [b.name for b in buckets.list_buckets()] == ["mirror", "private-uploads", "public-data"]
    assert buckets.get_bucket("no-such-bucket") is None
    mirror = buckets.get_bucket("mirror")
    assert mirror is not None and isinstance(mirror.backend, FakeBackend)
    options = mirror.backend.options
    assert options.anonymous
    assert (options.host, options.port, options.tls) == ("s3.us-east-1.amazonaws.com", 443, True)

    credential = compile_credentials(document).get_credential("AKCLIENT000000000001")
    assert credential is not None
    assert credential.secret_access_key == "clientSecret0123456789abcdef"
    assert credential.identity.principal == "ci"
    assert credential.identity.scopes[0].prefixes == (b"uploads/",)
    assert credential.identity.scopes[1].actions == {"get_object"}
    assert credential.expires_at == pytest.approx(32472140400.123456)
    assert compile_credentials(document).get_credential("AKNOBODY") is None


def test_every_action_of_the_seed_is_known() -> None:
    scopes = tomllib.loads(SEED)["credentials"][0]["allowed_scopes"]
    assert ACTIONS.issuperset(scopes[0]["actions"])


@pytest.mark.parametrize("moment", ["2024-01-01T00:00:00Z", "2024-01-01T00:00:00.5+01:00"])
def test_native_toml_datetime_is_accepted(load_text: Any, moment: str) -> None:
    quoted = '"2024-01-01T00:00:00Z"'
    document = load_text(SEED.replace(f"created_at = {quoted}", f"created_at = {moment}")).require()
    assert document.credentials[0].created_at == datetime.fromisoformat(moment)


def test_created_is_shown_as_s3_shows_it(load_text: Any) -> None:
    text = SEED.replace(
        'name = "mirror"', 'name = "mirror"\ncreated = 2025-06-01T14:00:00.25+02:00'
    )
    bucket = compile_buckets(load_text(text).require(), FakeBackend).get_bucket("mirror")
    assert bucket is not None and bucket.created == "2025-06-01T12:00:00.250Z"


@pytest.mark.parametrize("prefix", ["", "/", "//"])
def test_a_prefix_of_slashes_is_none(load_text: Any, prefix: str) -> None:
    text = SEED.replace('"tenants/a/"', f'"{prefix}"')
    bucket = compile_buckets(load_text(text).require(), FakeBackend).get_bucket("private-uploads")
    assert bucket is not None and bucket.prefix == b""


@pytest.mark.parametrize(
    "key",
    ["name", "backend_type", "role_id", "access_key_id", "secret_access_key", "bucket", "actions"],
)
def test_a_required_key_is_missed(load_text: Any, key: str) -> None:
    text = "".join(
        line
        for line in SEED.replace(",\n  ", ", ").splitlines(keepends=True)
        if not line.startswith(f"{key} =")
    )
    findings = load_text(text).findings
    assert any(f.key.endswith(f".{key}") and f.message == "missing" for f in findings)


@pytest.mark.rule("L10")
def test_no_secret_is_shown(load_text: Any) -> None:
    loaded = load_text(SEED)
    document = loaded.require()
    backend = compile_buckets(document, FakeBackend).list_buckets()[1].backend
    assert isinstance(backend, FakeBackend)
    credential = compile_credentials(document).get_credential("AKCLIENT000000000001")
    shown = repr((loaded, document, document.model_dump_json(), backend.options, credential))
    assert "clientSecret" not in shown
    assert "backendSecret" not in repr((loaded, document, backend.options))
