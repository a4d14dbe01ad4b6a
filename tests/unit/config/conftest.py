"""A configuration file from text, and what is said about it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

from multistore.config.loader import Loaded, load

Load = Callable[..., Loaded]


@pytest.fixture
def load_text(tmp_path: Path) -> Load:
    """``load_text(text, suffix=".toml", environ={})``"""

    def load_it(
        text: str | bytes, suffix: str = ".toml", environ: Mapping[str, str] | None = None
    ) -> Loaded:
        file = tmp_path / f"config{suffix}"
        file.write_bytes(text.encode() if isinstance(text, str) else text)
        return load(file, environ=environ or {})

    return load_it
