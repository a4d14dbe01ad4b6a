"""Logging of a process: standard library, one line a record, to standard error."""

from __future__ import annotations

import logging
import sys

__all__ = ["configure_logging", "parse_levels"]

_LEVELS = {
    "trace": logging.DEBUG,
    "debug": logging.DEBUG,
    "info": logging.INFO,
    "warn": logging.WARNING,
    "warning": logging.WARNING,
    "error": logging.ERROR,
    "critical": logging.CRITICAL,
    "off": logging.CRITICAL + 1,
}


def parse_levels(text: str) -> dict[str, int]:
    """``info,multistore.server=debug`` to levels by logger name (``""`` for all the others).

    The seed's ``RUST_LOG`` is written the same way, with ``::`` between the parts of a name.
    Raises: ValueError naming the part that is wrong.
    """
    levels: dict[str, int] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, equals, level = part.rpartition("=")
        if level.lower() not in _LEVELS or (equals and not name):
            raise ValueError(f"{part!r} is no level, nor LOGGER=LEVEL ({', '.join(_LEVELS)})")
        levels[name.replace("::", ".")] = _LEVELS[level.lower()]
    return levels


def configure_logging(text: str) -> None:
    """Sets up the process's logging. Raises: ValueError."""
    levels = parse_levels(text)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=levels.pop("", logging.INFO), handlers=[handler], force=True)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
