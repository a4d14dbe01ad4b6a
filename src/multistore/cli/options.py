"""Flags that several commands share, and where a configuration file is looked for."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, TypeVar

import click

from multistore.config.loader import read_secret

__all__ = ["CONTEXT", "config_option", "find_config", "listen_option", "secret_from_environment"]

#: Every flag of a command has an environment variable: ``MULTISTORE_`` and its name.
CONTEXT: dict[str, Any] = {"auto_envvar_prefix": "MULTISTORE", "show_default": True}

_Command = TypeVar("_Command", bound=Callable[..., Any])


def config_option(command: _Command) -> _Command:
    return click.option(
        "--config",
        "-c",
        type=click.Path(path_type=Path),
        help="Configuration file, TOML or JSON.  [default: ./multistore.toml, ./config.toml, "
        "$XDG_CONFIG_HOME/multistore/config.toml, /etc/multistore/config.toml]",
    )(command)


def listen_option(command: _Command) -> _Command:
    return click.option(
        "--listen",
        multiple=True,
        metavar="HOST:PORT",
        help="Address to listen on; may be given again.  [default: [server] listen in the file]",
    )(command)


def find_config(given: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The file that was named, or else the first that exists. Raises: click.UsageError."""
    if given is not None:
        return given
    home = environ.get("XDG_CONFIG_HOME") or str(Path(environ.get("HOME", "/")) / ".config")
    places = [
        Path("multistore.toml"),
        Path("config.toml"),
        Path(home) / "multistore" / "config.toml",
        Path("/etc/multistore/config.toml"),
    ]
    for place in places:
        if place.is_file():
            return place
    raise click.UsageError(
        f"no configuration: name a file with --config, or make {places[0]} "
        "(`multistore demo` needs none)"
    )


def secret_from_environment(name: str, environ: Mapping[str, str] = os.environ) -> str:
    """A secret by the seed's name or with ``MULTISTORE_`` before it, or from the file that the
    same name with ``_FILE`` after it names; empty without any. Raises: click.UsageError."""
    for variable in (f"MULTISTORE_{name}", name):
        if value := environ.get(variable):
            return value
        if file := environ.get(f"{variable}_FILE"):
            try:
                return read_secret(Path(file))
            except (OSError, UnicodeDecodeError) as error:
                raise click.UsageError(f"{variable}_FILE cannot be read: {error}") from None
    return ""
