"""The JSON Schema for editors says the same as the model."""

from __future__ import annotations

import json
from dataclasses import fields
from typing import Any

import pytest

from multistore.config.model import LimitsTable, TimeoutsTable, json_schema
from multistore.gateway.authorize import ACTIONS, GROUPS
from multistore.limits import Limits, Timeouts


def references(value: Any) -> set[str]:
    if isinstance(value, list):
        return set().union(*map(references, value))
    if isinstance(value, dict):
        return {value["$ref"]} if "$ref" in value else references(list(value.values()))
    return set()


def test_schema_stands_for_itself() -> None:
    schema = json.loads(json.dumps(json_schema()))
    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert references(schema) == {f"#/$defs/{name}" for name in schema["$defs"]}


def test_schema_names_what_must_be_given() -> None:
    tables = json_schema()["$defs"]
    assert tables["BucketTable"]["required"] == ["name", "backend_type"]
    assert tables["ScopeTable"]["required"] == ["bucket", "actions"]
    for table in tables.values():
        assert table["additionalProperties"] is False
        for name in table.get("required", ()):
            assert "default" not in table["properties"][name]


def test_schema_offers_actions_and_options() -> None:
    tables = json_schema()["$defs"]
    actions = tables["ScopeTable"]["properties"]["actions"]["items"]["enum"]
    assert set(actions) == ACTIONS | GROUPS.keys()
    names = tables["BucketTable"]["properties"]["backend_options"]["propertyNames"]["enum"]
    assert {"endpoint", "aws_region", "secret_access_key_file", "auth_type"} <= set(names)


@pytest.mark.parametrize(("table", "value"), [(LimitsTable, Limits), (TimeoutsTable, Timeouts)])
def test_limits_are_those_of_the_code(table: Any, value: Any) -> None:
    assert table().model_dump() == {f.name: getattr(value(), f.name) for f in fields(value)}
