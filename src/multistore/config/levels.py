"""How verbose to be, as one line of text."""

from __future__ import annotations

import logging

__all__ = ["parse_levels"]

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
            raise ValueError(f'"{part}" is no level, nor LOGGER=LEVEL ({", ".join(_LEVELS)})')
        levels[name.replace("::", ".")] = _LEVELS[level.lower()]
    return levels
