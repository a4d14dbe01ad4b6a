"""Every value of a file gets the line on which a person would look for it."""

from __future__ import annotations

import json
import tomllib
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from multistore.config.positions import Path, json_positions, toml_positions

TOML = '''\
# a comment with [brackets] and "quotes"
title = "x"
"quoted key".'literal' = 1
multi = """
line [not.a.table]
a quote "" inside ""\\"""" # after
raw = \'\'\'
[nor.this]\'\'\'\'
numbers = [ 1, # one
  2,

  [3, 4],
]
[server]
listen = ["a,b", 'c]d']
[[buckets]]
name = "one"
[buckets.backend_options]
region = "r"
[[buckets]]
name = "two"
options = { a = 1, "b.c" = { d = [ "}" ] } }
when = 2026-01-01T00:00:00Z
[[buckets.rules]]
id = 1
[[buckets.rules]]
id = 2
'''


@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("title",), 2),
        (("quoted key", "literal"), 3),
        (("multi",), 4),
        (("raw",), 7),
        (("numbers",), 9),
        (("numbers", 0), 9),
        (("numbers", 1), 10),
        (("numbers", 2, 1), 12),
        (("server",), 14),
        (("server", "listen", 1), 15),
        (("buckets",), 16),
        (("buckets", 0), 16),
        (("buckets", 0, "name"), 17),
        (("buckets", 0, "backend_options"), 18),
        (("buckets", 0, "backend_options", "region"), 19),
        (("buckets", 1), 20),
        (("buckets", 1, "name"), 21),
        (("buckets", 1, "options", "b.c", "d", 0), 22),
        (("buckets", 1, "when"), 23),
        (("buckets", 1, "rules", 0, "id"), 25),
        (("buckets", 1, "rules", 1), 26),
    ],
    ids=str,
)
def test_toml_lines(path: Path, line: int) -> None:
    tomllib.loads(TOML)  # what is scanned was accepted
    lines, repeated = toml_positions(TOML)
    assert lines[path] == line
    assert repeated == []


def test_toml_escapes_in_keys() -> None:
    lines, _ = toml_positions('"\\u0061b" = 1\n"c\\U00000064" = 2\n')
    assert lines == {("ab",): 1, ("cd",): 2}


def test_json_lines_and_repeated_keys() -> None:
    text = '{\n "a": [1,\n  {"b": "},\\"["}],\n "a":\n 2}'
    lines, repeated = json_positions(text)
    assert lines[("a", 1, "b")] == 3
    assert lines[("a",)] == 4
    assert repeated == [("a",)]


def paths(value: Any, path: Path = ()) -> set[Path]:
    found = {path} if path else set()
    if isinstance(value, dict):
        for key, inner in value.items():
            found |= paths(inner, (*path, key))
    elif isinstance(value, list):
        for index, inner in enumerate(value):
            found |= paths(inner, (*path, index))
    return found


documents = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
        ),
        max_leaves=12,
    ),
    max_size=4,
)


@settings(deadline=None)  # the machine may be busy
@given(documents, st.sampled_from([None, 1]))
def test_every_value_of_a_json_document_has_a_line(document: Any, indent: int | None) -> None:
    text = json.dumps(document, indent=indent)
    lines, repeated = json_positions(text)
    assert lines.keys() == paths(document)
    assert repeated == []
    assert set(lines.values()) <= set(range(1, text.count("\n") + 2))


@settings(deadline=None)  # the machine may be busy
@given(documents)
def test_toml_inline_values_have_a_line(document: Any) -> None:
    text = "".join(f"{_quoted(key)} = {_toml(value)}\n" for key, value in document.items())
    lines, _ = toml_positions(text)
    assert lines.keys() == paths(tomllib.loads(text))
    for number, key in enumerate(document, 1):
        assert lines[(key,)] == number


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)} = {_toml(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if value is None or isinstance(value, float):
        return '"none"'
    return _quoted(value)


def _quoted(value: Any) -> str:
    # JSON's strings are TOML's, but for DEL, which TOML wants escaped.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
