"""``multistore healthcheck``: does the configured listener answer? For containers without curl."""

from __future__ import annotations

import http.client
import ssl
from pathlib import Path

import click

from multistore.cli.options import CONTEXT, config_option, find_config, listen_option
from multistore.config.loader import load
from multistore.config.names import parse_listen

__all__ = ["healthcheck"]

#: A wildcard address is listened on, not connected to.
_LOOPBACK = {"0.0.0.0": "127.0.0.1", "::": "::1"}  # noqa: S104


@click.command(context_settings=CONTEXT)
@config_option
@listen_option
@click.option("--tls-cert", metavar="FILE", help="As serve has it: the listener speaks TLS.")
@click.option("--timeout", default=2.0, metavar="SECONDS", help="For connecting and answering.")
def healthcheck(
    config: Path | None, listen: tuple[str, ...], tls_cert: str | None, timeout: float
) -> None:
    """Asks the first listener of the configuration for `GET /` on this machine.

    Exit status 0 when it answers with anything below 500, else 1.
    """
    server = load(find_config(config)).document.server
    tls = (tls_cert or server.tls_cert) is not None
    try:
        host, port = parse_listen((listen or server.listen)[0])
    except ValueError as error:
        raise click.UsageError(str(error)) from None
    status = _ask(_LOOPBACK.get(host, host), port, tls, timeout)
    click.echo(f"HTTP {status}")
    if status >= 500:
        raise click.exceptions.Exit(1)


def _ask(host: str, port: int, tls: bool, timeout: float) -> int:
    connection: http.client.HTTPConnection
    if tls:
        # Ourselves on this machine: the certificate is for the name that clients use.
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
        connection = http.client.HTTPSConnection(host, port, timeout=timeout, context=context)
    else:
        connection = http.client.HTTPConnection(host, port, timeout=timeout)
    try:
        connection.request("GET", "/")
        return connection.getresponse().status
    except (OSError, http.client.HTTPException) as error:
        raise click.ClickException(f"{host} port {port} does not answer: {error}") from None
    finally:
        connection.close()
