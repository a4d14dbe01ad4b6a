"""``multistore schema``: the JSON Schema of a configuration file."""

from __future__ import annotations

import click
import orjson

from multistore.config.model import json_schema

__all__ = ["schema"]


@click.command()
def schema() -> None:
    """Prints the JSON Schema (2020-12) of a configuration file, for editors.

    With `#:schema ./multistore.schema.json` as the first line of a TOML file, editors that
    know TOML schemas complete and check it.
    """
    click.echo(orjson.dumps(json_schema(), option=orjson.OPT_INDENT_2).decode())
