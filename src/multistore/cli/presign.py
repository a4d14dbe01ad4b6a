"""``multistore presign``: a URL that carries its own signature, for whoever holds it."""

from __future__ import annotations

import ipaddress
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import SplitResult, urlsplit

import click
import orjson

from multistore import wire
from multistore.cli.options import CONTEXT
from multistore.limits import KEY_MAX, PRESIGN_MAX

__all__ = ["presign"]

_LIFETIME = re.compile(r"([0-9]{1,9})([smhd]?)")
_SECONDS = {"": 1, "s": 1, "m": 60, "h": 3600, "d": 86_400}
_PORTS = {"http": 80, "https": 443}
_DOT_SEGMENT = re.compile(r"(?:^|/)\.\.?(?:/|$)")

#: What a GET or HEAD may be told to say of the object (S3: GetObject).
_OVERRIDES = (
    "response-cache-control",
    "response-content-disposition",
    "response-content-encoding",
    "response-content-language",
    "response-content-type",
    "response-expires",
)


def _read_lifetime(context: click.Context, option: click.Parameter, value: str) -> timedelta:
    """Raises: click.BadParameter."""
    match = _LIFETIME.fullmatch(value)
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= PRESIGN_MAX:
        raise click.BadParameter(
            "should be seconds, or a number with s, m, h or d: from 1s to 7d", context, option
        )
    return timedelta(seconds=seconds)


@dataclass(frozen=True, slots=True)
class _Place:
    """Scheme and authority of a URL, and the path in it, encoded."""

    origin: str
    host: str
    path: bytes


def _override_options(command: Callable[..., Any]) -> Callable[..., Any]:
    for name in reversed(_OVERRIDES):
        field = name.removeprefix("response-").title()
        command = click.option(f"--{name}", metavar="VALUE", help=f"{field} of the answer.")(
            command
        )
    return command


@click.command(context_settings=CONTEXT)
@click.argument("url", metavar="s3://BUCKET/KEY")
@click.option(
    "--method",
    type=click.Choice(("GET", "HEAD", "PUT", "POST", "DELETE")),
    default="GET",
    help="The one method that the URL is for.",
)
@click.option(
    "--expires",
    callback=_read_lifetime,
    default="1h",
    metavar="TIME",
    help="Its life: seconds, or a number with s, m, h or d; at most 7d.",
)
@click.option(
    "--endpoint",
    envvar=["MULTISTORE_ENDPOINT", "AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"],
    metavar="URL",
    help="The gateway, or any S3 endpoint.  [default: $AWS_ENDPOINT_URL_S3, $AWS_ENDPOINT_URL]",
)
@click.option(
    "--region",
    envvar=["MULTISTORE_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"],
    default="us-east-1",
    metavar="NAME",
    help="The region to sign for.",
)
@click.option("--virtual-hosted", is_flag=True, help="The bucket in the host name.")
@_override_options
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
def presign(
    url: str,
    method: str,
    expires: timedelta,
    endpoint: str | None,
    region: str,
    virtual_hosted: bool,
    as_json: bool,
    **overrides: str | None,
) -> None:
    """Prints a presigned URL for the object s3://BUCKET/KEY, or with BUCKET alone for the list of
    its objects. No request is made: whether the object is there, and whether the key may, shows
    when the URL is used.

    The key is that of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.
    """
    if not endpoint:
        raise click.UsageError("no endpoint: name one with --endpoint or AWS_ENDPOINT_URL_S3")
    place = _locate(url, endpoint, virtual_hosted)
    access_key_id, secret_access_key, session_token = _credential(os.environ)
    now = datetime.now(UTC).replace(microsecond=0)
    signed = wire.presign(
        method,
        _with_query(place.path, overrides),
        place.host,
        access_key_id=access_key_id,
        secret_access_key=secret_access_key,
        session_token=session_token,
        amz_date=now.strftime("%Y%m%dT%H%M%SZ"),
        expires=int(expires.total_seconds()),
        region=region,
    )
    presigned = place.origin + signed.decode()
    if as_json:
        report = {
            "url": presigned,
            "method": method,
            "expires_at": (now + expires).strftime("%Y-%m-%dT%H:%M:%SZ"),
        }
        presigned = orjson.dumps(report).decode()
    click.echo(presigned)


def _locate(url: str, endpoint: str, virtual_hosted: bool) -> _Place:
    """Raises: click.UsageError."""
    scheme, _, rest = url.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise click.UsageError(f"{url!r} should be s3://BUCKET/KEY")
    if len(_utf8(key)) > KEY_MAX:
        raise click.UsageError(f"a key has at most {KEY_MAX} bytes")
    if _DOT_SEGMENT.search(key):
        raise click.UsageError("the key has a . or .. segment, which clients resolve in a URL")
    name, path = wire.percent_encode(_utf8(bucket)), wire.percent_encode(_utf8(key), True)
    parts = _split(endpoint)
    host = _authority(parts)
    if not virtual_hosted:
        # What stands for a whole bucket has no slash at its end: as SDKs write it.
        path = name + b"/" + path if path else name
    elif name.decode() != bucket or _is_address(parts.hostname or ""):
        raise click.UsageError(f"'{bucket}.{host}' is no host name: leave --virtual-hosted out")
    else:
        host = f"{bucket}.{host}"
    return _Place(f"{parts.scheme}://{host}", host, b"/" + path)


def _utf8(text: str) -> bytes:
    try:
        return text.encode()
    except UnicodeEncodeError:  # how Python shows arguments that are not
        raise click.UsageError("what is signed should be UTF-8") from None


def _split(endpoint: str) -> SplitResult:
    """Raises: click.UsageError for what is no origin."""
    try:
        parts = urlsplit(endpoint)
        usable = parts.scheme in _PORTS and parts.hostname and parts.port != 0
    except ValueError:
        usable = False
    if not usable or parts.path.strip("/") or parts.query or parts.fragment or "@" in parts.netloc:
        raise click.UsageError(f"{endpoint!r} should be http[s]://HOST[:PORT]")
    return parts


def _authority(parts: SplitResult) -> str:
    """Host as clients will send it: in lower case, without the port that goes without saying."""
    host = parts.hostname or ""
    name = f"[{host}]" if ":" in host else host
    return name if parts.port in (None, _PORTS[parts.scheme]) else f"{name}:{parts.port}"


def _is_address(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True


def _with_query(path: bytes, overrides: Mapping[str, str | None]) -> bytes:
    pairs = [
        name.replace("_", "-").encode() + b"=" + wire.percent_encode(_utf8(value))
        for name, value in sorted(overrides.items())
        if value is not None
    ]
    return path + b"?" + b"&".join(pairs) if pairs else path


def _credential(environ: Mapping[str, str]) -> tuple[str, str, str | None]:
    """Raises: click.UsageError."""
    access_key_id = environ.get("AWS_ACCESS_KEY_ID", "")
    secret_access_key = environ.get("AWS_SECRET_ACCESS_KEY", "")
    if not access_key_id or not secret_access_key:
        raise click.UsageError(
            "no key: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY "
            "(for a profile: `aws configure export-credentials --format env`)"
        )
    return access_key_id, secret_access_key, environ.get("AWS_SESSION_TOKEN") or None
