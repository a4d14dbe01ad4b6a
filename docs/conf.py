"""Builds the manual: ``make docs``."""

import tomllib
from pathlib import Path

from multistore import __version__, limits

_project = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text("utf-8"))

project = "multistore"
author = "The multistore authors"
copyright = f"2026, {author}"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc"]
myst_enable_extensions = ["substitution", "deflist"]
myst_heading_anchors = 3
# Figures in the text are the ones in the code.
_constants = [name for name in limits.__all__ if name.isupper()]
myst_substitutions = {name: f"{getattr(limits, name):,}" for name in _constants}
myst_substitutions["description"] = _project["project"]["description"]

autodoc_member_order = "bysource"
autodoc_typehints = "signature"

exclude_patterns = ["_build"]
html_theme = "furo"
html_title = f"multistore {release}"
html_show_sphinx = False
