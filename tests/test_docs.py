"""The manual says what the code says: every key with its default, every constant, every alias."""

from __future__ import annotations

import doctest
import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from multistore import limits
from multistore.config import model, option_names

DOCS = Path(__file__).parents[1] / "docs"

TABLES: dict[str, type[model.Table]] = {
    "Top level": model.Document,
    "`[[buckets]]`": model.BucketTable,
    "`cors`": model.CorsTable,
    "`[[credentials]]`": model.CredentialTable,
    "`allowed_scopes`": model.ScopeTable,
    "`[[roles]]`": model.RoleTable,
    "`[server]`": model.ServerTable,
    "`[limits]`": model.LimitsTable,
    "`[timeouts]`": model.TimeoutsTable,
    "`[path_mapping]`": model.PathMappingTable,
}


def rows(page: str, heading: str) -> Iterator[list[str]]:
    """Cells of the first table below a heading, without its head."""
    text = (DOCS / page).read_text("utf-8")
    found = re.search(
        rf"^#+ {re.escape(heading)}$(.*?)^\|[-|]+\|$\n(.*?)\n(?!\|)", text, re.M | re.S
    )
    assert found, heading
    for line in found[2].splitlines():
        yield [cell.strip() for cell in line.strip("|").split("|")]


def default_of(table: type[model.Table], name: str) -> str:
    if name in table.required:
        return "required"
    value = table.model_fields[name].get_default()
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value in ("", [], {}) or isinstance(value, model.Table):
        return "—"
    return f"`{json.dumps(value)}`"


@pytest.mark.parametrize("heading", TABLES)
def test_every_key_is_documented_with_its_default(heading: str) -> None:
    table = TABLES[heading]
    documented = {
        name.strip("`"): default for name, default, *_ in rows("configuration.md", heading)
    }
    assert documented == {name: default_of(table, name) for name in table.model_fields}


@pytest.mark.parametrize("heading", ["`[limits]`", "`[timeouts]`"])
def test_bounds_are_documented(heading: str) -> None:
    documented = {
        name.strip("`"): [float(bound.strip(" `")) for bound in bounds.split(",")]
        for name, _, bounds, _ in rows("configuration.md", heading)
    }
    properties = TABLES[heading].model_json_schema()["properties"]
    assert documented == {
        name: [field["minimum"], field["maximum"]] for name, field in properties.items()
    }


def test_every_table_is_documented() -> None:
    tables = {t for t in vars(model).values() if isinstance(t, type) and issubclass(t, model.Table)}
    assert tables - {model.Table} == set(TABLES.values())


def test_every_backend_option_is_documented_with_its_aliases() -> None:
    documented = {
        name.strip("`"): (name.strip("`"), *re.findall(r"`(\w+)`", also))
        for name, also, _ in rows("configuration.md", "`backend_options` of an S3 store")
    }
    assert documented == option_names.S3


def test_every_constant_is_documented() -> None:
    documented = {
        name.strip("`"): int(value.strip("`")) for name, value, _ in rows("security.md", "Limits")
    }
    constants = {name: getattr(limits, name) for name in limits.__all__ if name.isupper()}
    assert documented == constants


@pytest.mark.parametrize("page", [*sorted(DOCS.glob("*.md")), DOCS.parent / "README.md"], ids=str)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    for link in re.findall(r"\]\(([^)#\s]+)", page.read_text("utf-8")):
        if "://" not in link:
            assert (page.parent / link).exists(), link


def test_examples_of_embedding_run() -> None:
    done = doctest.testfile(str(DOCS / "embedding.md"), module_relative=False)
    assert done.attempted >= 8
    assert not done.failed
