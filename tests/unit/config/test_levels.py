"""Log levels as one line of text."""

from __future__ import annotations

import logging

import pytest

from multistore.config.levels import parse_levels


@pytest.mark.parametrize(
    ("text", "levels"),
    [
        ("", {}),
        ("info", {"": logging.INFO}),
        ("WARN", {"": logging.WARNING}),
        ("trace", {"": logging.DEBUG}),
        ("off", {"": logging.CRITICAL + 1}),
        ("info, multistore.server=debug", {"": logging.INFO, "multistore.server": logging.DEBUG}),
        # the seed's RUST_LOG
        ("multistore=info", {"multistore": logging.INFO}),
        ("multistore::proxy=error", {"multistore.proxy": logging.ERROR}),
    ],
)
def test_levels(text: str, levels: dict[str, int]) -> None:
    assert parse_levels(text) == levels


@pytest.mark.parametrize("text", ["loud", "a=loud", "=info", "a=", "multistore"])
def test_what_is_no_level(text: str) -> None:
    with pytest.raises(ValueError, match="is no level"):
        parse_levels(text)
