"""Logging of a process: standard library, one line a record, to standard error."""

from __future__ import annotations

import logging
import sys

from multistore.config.levels import parse_levels

__all__ = ["configure_logging"]


def configure_logging(text: str) -> None:
    """Sets up the process's logging as ``config.levels`` reads it. Raises: ValueError."""
    levels = parse_levels(text)
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    logging.basicConfig(level=levels.pop("", logging.INFO), handlers=[handler], force=True)
    for name, level in levels.items():
        logging.getLogger(name).setLevel(level)
