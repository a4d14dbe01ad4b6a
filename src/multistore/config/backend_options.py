"""The ``backend_options`` of a bucket, read into typed values."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_address
from urllib.parse import SplitResult, urlsplit

from multistore.config import option_names
from multistore.config.findings import Findings, nearest
from multistore.config.positions import Path

__all__ = ["S3Options", "check_names", "is_loopback", "read_s3_options"]

_SPELLINGS = option_names.spellings("s3")
_PAYLOADS = ("auto", "unsigned", "signed", "trailer")
_TRUE = frozenset({"1", "true", "on", "yes", "y"})
_FALSE = frozenset({"0", "false", "off", "no", "n", ""})


@dataclass(frozen=True, slots=True)
class S3Options:
    """An S3 store and how it wants to be asked. Equal options share one backend object.

    ``verifies_payload`` is None where nothing was said: then what is known of the host holds.
    """

    host: str
    port: int
    tls: bool
    base_path: bytes
    bucket_name: str
    region: str
    access_key_id: str
    secret_access_key: str
    token: str
    virtual_hosted: bool
    verifies_payload: bool | None
    payload: str
    verify_tls: bool
    ca_file: str | None

    @property
    def anonymous(self) -> bool:
        return not self.access_key_id

    def __repr__(self) -> str:
        return f"S3Options({self.host!r}, {self.port}, {self.bucket_name!r}, ***)"


def read_s3_options(options: Mapping[str, str], path: Path, findings: Findings) -> S3Options | None:
    """Reads the options of one bucket; None when a fault leaves no store to speak to."""
    values, spelt = _canonical(options, path, findings)

    def flag(name: str) -> bool:
        text = values.get(name, "false")
        if text.lower() not in _TRUE | _FALSE:
            findings.fault(spelt[name], "should be true or false")
        return text.lower() in _TRUE

    region = values.get("region") or "us-east-1"
    bucket_name = values.get("bucket_name", "")
    if not bucket_name:
        findings.fault(spelt.get("bucket_name", path), "bucket_name is missing")
    place = _endpoint(values, spelt, region, flag("allow_http"), findings)
    verify_tls = not flag("allow_invalid_certificates")
    if not verify_tls:
        findings.warning(spelt["allow_invalid_certificates"], "anybody can pose as this store")
    virtual_hosted = flag("virtual_hosted_style_request")
    key, secret, token = _credential(values, spelt, path, flag("skip_signature"), findings)
    if place is None:
        return None
    host, port, tls, base_path = place
    # The seed's library wants the bucket inside such an endpoint; ours puts it there.
    if virtual_hosted:
        host = host.removeprefix(f"{bucket_name}.")
        if _is_address(host):
            findings.fault(
                spelt["virtual_hosted_style_request"], "a bucket cannot be part of an address"
            )
    return S3Options(
        host=host,
        port=port,
        tls=tls,
        base_path=base_path,
        bucket_name=bucket_name,
        region=region,
        access_key_id=key,
        secret_access_key=secret,
        token=token,
        virtual_hosted=virtual_hosted,
        verifies_payload=flag("verifies_payload") if "verifies_payload" in values else None,
        payload=_payload(values, spelt, anonymous=not key, findings=findings),
        verify_tls=verify_tls,
        ca_file=values.get("ca_file"),
    )


def check_names(kind: str, options: Mapping[str, str], path: Path, findings: Findings) -> None:
    """Reports options that the kind of store does not have, or that nobody has yet."""
    known = option_names.spellings(kind)
    for option in options:
        here = (*path, option)
        if option in option_names.OIDC:
            findings.fault(here, "credentials from an OIDC provider are not available yet")
        elif option not in known:
            findings.fault(here, "unknown option", nearest(option, known), fatal=False)


def _canonical(
    options: Mapping[str, str], path: Path, findings: Findings
) -> tuple[dict[str, str], dict[str, Path]]:
    """Values by canonical name, and the path at which each was given."""
    values: dict[str, str] = {}
    spelt: dict[str, Path] = {}
    for option, value in options.items():
        here = (*path, option)
        name = _SPELLINGS.get(option, "")
        if name in option_names.WITHOUT_EFFECT:
            findings.warning(here, "has no effect here", option_names.WITHOUT_EFFECT[name])
        elif name in option_names.NOT_AVAILABLE and value.lower() not in _FALSE:
            findings.fault(here, "this option is not available yet")
        elif name in option_names.S3:
            if values.setdefault(name, value) != value:
                findings.fault(here, f"contradicts {spelt[name][-1]}, which means the same")
            spelt.setdefault(name, here)
    return values, spelt


def _credential(
    values: Mapping[str, str],
    spelt: Mapping[str, Path],
    path: Path,
    skip_signature: bool,
    findings: Findings,
) -> tuple[str, str, str]:
    """Access key, secret and token; all empty for an anonymous backend."""
    key, secret = values.get("access_key_id", ""), values.get("secret_access_key", "")
    token = values.get("token", "")
    if bool(key) != bool(secret):
        missing, given = "secret_access_key", "access_key_id"
        if secret:
            missing, given = given, missing
        findings.fault(spelt[given], f"given without {missing}")
        return "", "", ""
    if token and not key:
        findings.fault(spelt["token"], "given without access_key_id and secret_access_key")
    if skip_signature and key:
        findings.warning(
            spelt["skip_signature"], "the access key is not used", "requests go out unsigned"
        )
    return ("", "", "") if skip_signature or not key else (key, secret, token)


def _payload(
    values: Mapping[str, str], spelt: Mapping[str, Path], *, anonymous: bool, findings: Findings
) -> str:
    """What the store is told of an upload's body: see ``gateway.payload.PayloadPolicy.of``."""
    name = values.get("payload", "auto")
    if name not in _PAYLOADS:
        findings.fault(
            spelt["payload"],
            f"should be {', '.join(_PAYLOADS[:-1])} or {_PAYLOADS[-1]}",
            nearest(name, _PAYLOADS),
        )
        return "auto"
    if name != "auto" and anonymous:
        findings.warning(
            spelt["payload"], "has no effect here", "requests go out without a signature"
        )
    return name


def _endpoint(
    values: Mapping[str, str],
    spelt: Mapping[str, Path],
    region: str,
    allow_http: bool,
    findings: Findings,
) -> tuple[str, int, bool, bytes] | None:
    """Host, port, TLS, path. The path has no trailing slash and is empty for the root."""
    text = values.get("endpoint", "")
    if not text:
        suffix = ".cn" if region.startswith("cn-") else ""
        return f"s3.{region}.amazonaws.com{suffix}", 443, True, b""
    here = spelt["endpoint"]
    try:
        url = urlsplit(text)
        port = url.port
    except ValueError:
        findings.fault(here, "not a URL")
        return None
    if url.scheme not in ("http", "https") or not url.hostname:
        hint = f"did you mean https://{text}?" if "://" not in text and "@" not in text else ""
        findings.fault(here, "should be a URL that begins with https:// or http://", hint)
        return None
    if url.username is not None or url.password is not None:
        findings.fault(
            here, "holds credentials", "give them as access_key_id and secret_access_key"
        )
        return None
    if url.query or url.fragment:
        findings.fault(here, "should end with its path: no query, no fragment")
        return None
    if not text.isascii() or any(c <= " " or c == "\x7f" for c in text):
        findings.fault(here, "holds characters that no URL holds")
        return None
    _warn_about_host(url, here, allow_http, findings)
    tls = url.scheme == "https"
    path = url.path.rstrip("/").encode()
    return url.hostname, port or (443 if tls else 80), tls, path


def _warn_about_host(url: SplitResult, here: Path, allow_http: bool, findings: Findings) -> None:
    host = url.hostname or ""
    if host == "invalid" or host.endswith(".invalid"):
        findings.fault(here, "a host below .invalid stands for one of yours (RFC 2606)")
    if url.scheme == "http" and not allow_http and not is_loopback(host):
        findings.warning(
            here,
            "credentials and data travel in clear",
            "use https://, or say allow_http = true if that is meant",
        )


def is_loopback(host: str) -> bool:
    """Whether ``host`` (a name or an address without brackets) never leaves this machine."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    return _is_address(host) and ip_address(host).is_loopback


def _is_address(host: str) -> bool:
    try:
        ip_address(host)
    except ValueError:
        return False
    return True
