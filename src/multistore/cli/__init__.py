"""The command line: ``main``, and one module for each command."""

from __future__ import annotations

import click

from multistore import __version__
from multistore.cli.check import check
from multistore.cli.demo import demo
from multistore.cli.healthcheck import healthcheck
from multistore.cli.schema import schema
from multistore.cli.serve import serve

__all__ = ["main"]


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="multistore")
def main() -> None:
    """An S3 gateway: S3 clients on one side, any object store on the other.

    Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
    """


for _command in (serve, check, schema, demo, healthcheck):
    main.add_command(_command)
