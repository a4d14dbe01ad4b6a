"""``multistore check``: every fault of a configuration file at once."""

from __future__ import annotations

from pathlib import Path

import click
import orjson

from multistore.cli.options import CONTEXT
from multistore.config.loader import load

__all__ = ["check"]


@click.command(context_settings=CONTEXT)
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="One JSON object on one line.")
@click.pass_context
def check(context: click.Context, file: Path, as_json: bool) -> None:
    """Says everything that is wrong with FILE, each with its line.

    Faults end with exit status 2. Warnings alone do not.
    """
    findings = load(file).findings
    faults = sum(finding.severity == "fault" for finding in findings)
    if as_json:
        report = {
            "file": str(file),
            "ok": not faults,
            "findings": [finding.as_dict() for finding in findings],
        }
        click.echo(orjson.dumps(report).decode())
    else:
        for finding in findings:
            click.echo(str(finding))
        warnings = len(findings) - faults
        click.echo(f"{file}: {_count(faults, 'fault')}, {_count(warnings, 'warning')}", err=True)
    context.exit(2 if faults else 0)


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"
