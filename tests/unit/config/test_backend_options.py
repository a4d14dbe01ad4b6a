"""Every name and spelling of ``backend_options``, and what becomes of it."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from multistore.config import option_names
from multistore.config.backend_options import (
    S3Options,
    check_names,
    is_loopback,
    read_s3_options,
)
from multistore.config.findings import Findings

KEY = {"access_key_id": "AKBACKEND", "secret_access_key": "backendSecret0123456789"}


def read(options: Mapping[str, str]) -> tuple[S3Options | None, list[str]]:
    findings = Findings("file")
    check_names("s3", options, ("o",), findings)
    result = read_s3_options({"bucket_name": "b", **options}, ("o",), findings)
    shown = [
        f"{f.key.removeprefix('o').lstrip('.')}: {f.message}" + (f" ({f.hint})" if f.hint else "")
        for f in findings.items
    ]
    return result, shown


def good(options: Mapping[str, str]) -> S3Options:
    result, shown = read(options)
    assert shown == []
    assert result is not None
    return result


@pytest.mark.parametrize("prefix", ["", "aws_"])
@pytest.mark.parametrize(
    ("names", "attribute"),
    [
        (("region", "default_region"), "region"),
        (("access_key_id",), "access_key_id"),
        (("secret_access_key",), "secret_access_key"),
        (("token", "session_token"), "token"),
    ],
)
def test_aliases_mean_the_same(names: tuple[str, ...], attribute: str, prefix: str) -> None:
    for name in names:
        values = {"aws_access_key_id": "a", "aws_secret_access_key": "s"}
        values.pop(prefix + name, None)
        values.pop(f"aws_{name}", None)
        assert getattr(good({**values, prefix + name: "value"}), attribute) == "value"


@pytest.mark.parametrize("name", ["bucket", "bucket_name", "aws_bucket", "aws_bucket_name"])
def test_aliases_of_the_bucket(name: str) -> None:
    result = read_s3_options({name: "mine"}, ("o",), Findings("file"))
    assert result is not None and result.bucket_name == "mine"


@pytest.mark.parametrize(
    "name",
    ["endpoint", "endpoint_url", "aws_endpoint", "aws_endpoint_url", "aws_endpoint_url_s3"],
)
def test_aliases_of_the_endpoint(name: str) -> None:
    assert good({name: "https://store.test"}).host == "store.test"


@pytest.mark.parametrize(
    ("url", "host", "port", "tls", "path"),
    [
        ("https://store.test", "store.test", 443, True, b""),
        ("http://localhost", "localhost", 80, False, b""),
        ("http://127.0.0.1:9000/", "127.0.0.1", 9000, False, b""),
        ("https://Store.Test:8443/base/path/", "store.test", 8443, True, b"/base/path"),
        ("http://[::1]:9000", "::1", 9000, False, b""),
        ("https://[2001:db8::1]/x%20y", "2001:db8::1", 443, True, b"/x%20y"),
    ],
)
def test_endpoints(url: str, host: str, port: int, tls: bool, path: bytes) -> None:
    options = good({"endpoint": url})
    assert (options.host, options.port, options.tls, options.base_path) == (host, port, tls, path)


@pytest.mark.parametrize(
    ("url", "fault"),
    [
        (
            "localhost:9000",
            "should be a URL that begins with https:// or http:// "
            "(did you mean https://localhost:9000?)",
        ),
        ("ftp://x", "should be a URL that begins with https:// or http://"),
        ("https://", "should be a URL that begins with https:// or http://"),
        ("https://x:port", "not a URL"),
        ("https://x:70000", "not a URL"),
        ("https://[::1", "not a URL"),
        (
            "https://user:pw@x",
            "holds credentials (give them as access_key_id and secret_access_key)",
        ),
        ("https://key@x", "holds credentials (give them as access_key_id and secret_access_key)"),
        ("user:pw@x", "should be a URL that begins with https:// or http://"),
        ("https://x/?a=b", "should end with its path: no query, no fragment"),
        ("https://x/#a", "should end with its path: no query, no fragment"),
        ("https://bücher.test", "holds characters that no URL holds"),
        ("https://x/a b", "holds characters that no URL holds"),
    ],
)
def test_endpoints_that_cannot_work(url: str, fault: str) -> None:
    result, shown = read({"endpoint": url})
    assert result is None
    assert shown == [f"endpoint: {fault}"]


def test_host_of_an_example() -> None:
    assert read({"endpoint": "https://s3.invalid"})[1] == [
        "endpoint: a host below .invalid stands for one of yours (RFC 2606)"
    ]


def test_clear_text_beyond_this_machine_is_warned_of() -> None:
    _, shown = read({"endpoint": "http://store.test"})
    assert shown == [
        "endpoint: credentials and data travel in clear "
        "(use https://, or say allow_http = true if that is meant)"
    ]
    good({"endpoint": "http://store.test", "allow_http": "true"})
    for host in ("localhost", "a.localhost", "127.0.0.1", "127.9.9.9", "[::1]"):
        good({"endpoint": f"http://{host}:1"})


def test_loopback() -> None:
    assert is_loopback("::1") and not is_loopback("::2") and not is_loopback("localhost.test")


@pytest.mark.parametrize(
    ("region", "host"),
    [
        (None, "s3.us-east-1.amazonaws.com"),
        ("eu-west-1", "s3.eu-west-1.amazonaws.com"),
        ("cn-north-1", "s3.cn-north-1.amazonaws.com.cn"),
    ],
)
def test_default_endpoint(region: str | None, host: str) -> None:
    options = good({} if region is None else {"region": region})
    assert (options.host, options.port, options.tls) == (host, 443, True)


def test_credentials_come_in_pairs() -> None:
    assert good({}).anonymous
    assert not good(KEY).anonymous
    assert read({"access_key_id": "AK"})[1] == ["access_key_id: given without secret_access_key"]
    assert read({"aws_secret_access_key": "s"})[1] == [
        "aws_secret_access_key: given without access_key_id"
    ]
    assert read({"token": "t"})[1] == ["token: given without access_key_id and secret_access_key"]


def test_skip_signature_means_unsigned() -> None:
    assert good({"skip_signature": "true"}).anonymous
    options, shown = read({**KEY, "skip_signature": "true"})
    assert options is not None and options.anonymous and options.secret_access_key == ""
    assert shown == ["skip_signature: the access key is not used (requests go out unsigned)"]
    assert not good({**KEY, "skip_signature": "false"}).anonymous


@pytest.mark.parametrize("text", ["true", "TRUE", "1", "on", "yes", "y"])
def test_booleans(text: str) -> None:
    assert good({"virtual_hosted_style_request": text}).virtual_hosted


def test_what_is_no_boolean() -> None:
    assert read({"allow_http": "si"})[1] == ["allow_http: should be true or false"]


def test_payload_verification_is_known_or_said() -> None:
    assert good({}).verifies_payload is None
    assert good({"verifies_payload": "true"}).verifies_payload is True
    assert good({"verifies_payload": "false"}).verifies_payload is False


def test_payload_policies() -> None:
    key = {"access_key_id": "AK", "secret_access_key": "secret"}
    assert good({}).payload == "auto"
    for name in ("auto", "unsigned", "signed", "trailer"):
        assert good({**key, "payload": name}).payload == name
    assert good({**key, "aws_payload": "signed"}).payload == "signed"
    options, found = read({**key, "payload": "signd"})
    assert found == ["payload: should be auto, unsigned, signed or trailer (did you mean signed?)"]
    assert options is not None and options.payload == "auto"
    # Nothing is said of a body without a signature.
    assert read({"payload": "trailer"})[1] == [
        "payload: has no effect here (requests go out without a signature)"
    ]


def test_virtual_hosted_endpoint_may_hold_the_bucket() -> None:
    style = {"virtual_hosted_style_request": "true"}
    for host in ("store.test", "b.store.test"):
        assert good({**style, "endpoint": f"https://{host}"}).host == "store.test"
    assert good({"endpoint": "https://b.store.test"}).host == "b.store.test"
    assert read({**style, "endpoint": "http://127.0.0.1:9000"})[1] == [
        "virtual_hosted_style_request: a bucket cannot be part of an address"
    ]


def test_tls_without_verification_is_warned_of() -> None:
    options, shown = read({"allow_invalid_certificates": "true"})
    assert options is not None and not options.verify_tls
    assert shown == ["allow_invalid_certificates: anybody can pose as this store"]


def test_aliases_that_contradict() -> None:
    good({"region": "r", "aws_region": "r"})
    assert read({"region": "r", "aws_default_region": "s"})[1] == [
        "aws_default_region: contradicts region, which means the same"
    ]


@pytest.mark.parametrize("prefix", ["", "aws_"])
@pytest.mark.parametrize("name", sorted(option_names.WITHOUT_EFFECT))
def test_options_without_effect_are_noted(name: str, prefix: str) -> None:
    why = option_names.WITHOUT_EFFECT[name]
    options, shown = read({prefix + name: "1"})
    assert options is not None
    assert shown == [f"{prefix}{name}: has no effect here ({why})"]


@pytest.mark.parametrize("prefix", ["", "aws_"])
@pytest.mark.parametrize("name", sorted(option_names.NOT_AVAILABLE))
def test_options_with_meaning_are_refused(name: str, prefix: str) -> None:
    assert read({prefix + name: "x"})[1] == [f"{prefix}{name}: this option is not available yet"]
    good({prefix + name: "false"})


@pytest.mark.parametrize("name", sorted(option_names.OIDC))
def test_oidc_is_not_available(name: str) -> None:
    assert read({name: "oidc"})[1] == [
        f"{name}: credentials from an OIDC provider are not available yet"
    ]


@pytest.mark.parametrize(
    ("kind", "known", "unknown", "hint"),
    [
        ("s3", "aws_access_key_id", "acess_key_id", "did you mean access_key_id?"),
        ("az", "azure_storage_account_name", "acount_name", "did you mean account_name?"),
        ("az", "sas_token", "aws_region", ""),
        ("gcs", "google_service_account", "service_acount", "did you mean service_account?"),
        ("gcs", "user_agent", "zzz", ""),
    ],
)
def test_names_of_every_kind(kind: str, known: str, unknown: str, hint: str) -> None:
    findings = Findings("file")
    check_names(kind, {known: "", unknown: ""}, ("o",), findings)
    (finding,) = findings.items
    assert (finding.key, finding.message, finding.hint) == (
        f"o.{unknown}",
        "unknown option",
        hint,
    )
    assert not finding.fatal


def test_every_s3_option_is_of_one_kind() -> None:
    kinds = (option_names.S3.keys(), option_names.WITHOUT_EFFECT.keys(), option_names.NOT_AVAILABLE)
    assert len(frozenset().union(*kinds)) == sum(map(len, kinds))


@pytest.mark.rule("L10")
def test_options_never_show_their_secrets() -> None:
    assert "backendSecret" not in repr(good(KEY))
