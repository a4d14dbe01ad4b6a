"""The command line: ``main``, and one module for each command."""

from __future__ import annotations

from importlib import import_module

import click

from multistore import __version__

__all__ = ["main"]


class _Commands(click.Group):
    """Imports a command's module when it is asked for: ``check`` needs no event loop."""

    NAMES = ("serve", "demo", "check", "presign", "schema", "healthcheck")

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.NAMES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.NAMES:
            return None
        command = getattr(import_module(f"multistore.cli.{cmd_name}"), cmd_name)
        assert isinstance(command, click.Command)
        return command


@click.group(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="multistore")
def main() -> None:
    """An S3 gateway: S3 clients on one side, S3 stores on the other.

    Exit status: 0 done, 1 failed, 2 wrong usage or configuration.
    """
