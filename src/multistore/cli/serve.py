"""``multistore serve``: run the gateway."""

from __future__ import annotations

import contextlib
import logging
import os
from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from multistore.cli.logs import configure_logging
from multistore.cli.options import (
    CONTEXT,
    config_option,
    find_config,
    listen_option,
    secret_from_environment,
)
from multistore.cli.process import harden
from multistore.config.findings import ConfigError
from multistore.config.loader import load

if TYPE_CHECKING:
    from multistore.server.worker import Server

__all__ = ["serve"]

_log = logging.getLogger("multistore")

#: Secrets of the seed that this program reads from the environment.
_SECRETS = ("SESSION_TOKEN_KEY", "OIDC_PROVIDER_KEY")


@click.command(context_settings=CONTEXT)
@config_option
@listen_option
@click.option(
    "--domain",
    multiple=True,
    metavar="NAME",
    help="Domain below which a bucket is a host name; may be given again.",
)
@click.option("--tls-cert", metavar="FILE", help="Certificate chain, PEM.")
@click.option("--tls-key", metavar="FILE", help="Its private key, PEM.")
@click.option(
    "--log-level",
    metavar="LEVELS",
    help="LEVEL or LOGGER=LEVEL, separated by commas.  [default: [server] log_level, or info]",
)
@click.pass_context
def serve(
    context: click.Context,
    config: Path | None,
    listen: tuple[str, ...],
    domain: tuple[str, ...],
    tls_cert: str | None,
    tls_key: str | None,
    log_level: str | None,
) -> None:
    """Runs the gateway until SIGTERM, SIGINT or SIGHUP, then finishes what runs. A second signal
    ends it at once.

    A flag goes before its variable (MULTISTORE_LISTEN, …), the variable before the file, the
    file before the default. SESSION_TOKEN_KEY and every other secret may also be given as
    NAME_FILE.
    """
    harden()
    os.umask(0o077)
    flags: dict[str, Any] = {
        "listen": list(listen),
        "domains": list(domain),
        "tls_cert": tls_cert,
        "tls_key": tls_key,
        "log_level": log_level or os.environ.get("RUST_LOG"),
    }
    names = {"domains": "--domain"}
    overrides = {
        key: (names.get(key, f"--{key.replace('_', '-')}"), value)
        for key, value in flags.items()
        if value
    }
    loaded = load(find_config(config), overrides=overrides)
    try:
        document = loaded.require()
        configure_logging(document.server.log_level)
    except ConfigError as error:
        for finding in error.findings:
            click.echo(str(finding), err=True)
        context.exit(2)
    for finding in loaded.findings:
        _log.warning("%s", finding.record)
    session_token_key = _take_secrets(os.environ)

    # Compiled modules and the event loop: not before the configuration is known to be right.
    from multistore.app import make_server

    try:
        server = make_server(document, session_token_key)
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    try:
        status = server.run(_announce)
    except OSError as error:
        raise click.ClickException(f"cannot listen: {error}") from None
    context.exit(status)


def _announce(server: Server) -> None:
    # A full disk or a reader that left is no reason not to serve (stdout may be a log file).
    with contextlib.suppress(OSError):
        for host, port in server.addresses:
            click.echo(f"listening on {format_address(host, port)}")


def format_address(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def _take_secrets(environ: MutableMapping[str, str]) -> str:
    """Reads the secrets of the seed and takes them out of the environment, where children and
    crash reports would find them. Returns the session token key."""
    values = {name: secret_from_environment(name, environ) for name in _SECRETS}
    _note_unused(values, environ)
    for name in _SECRETS:
        environ.pop(name, None)
        environ.pop(f"MULTISTORE_{name}", None)
    return values["SESSION_TOKEN_KEY"]


def _note_unused(values: Mapping[str, str], environ: Mapping[str, str]) -> None:
    if values["SESSION_TOKEN_KEY"]:
        _log.info(
            "SESSION_TOKEN_KEY seals continuation tokens; temporary credentials are not "
            "available yet"
        )
    issuer = environ.get("OIDC_PROVIDER_ISSUER") or environ.get("MULTISTORE_OIDC_PROVIDER_ISSUER")
    if values["OIDC_PROVIDER_KEY"] or issuer:
        _log.warning(
            "OIDC_PROVIDER_KEY and OIDC_PROVIDER_ISSUER are not used: credentials from an OIDC "
            "provider are not available yet"
        )
