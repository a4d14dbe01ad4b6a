"""What the comparison of the suites says, and of what it stays silent."""

from __future__ import annotations

from pathlib import Path

import pytest

from conformance.comparison import Comparison, Known, known, unexplained
from conformance.outcomes import Outcome
from conformance.report import page


def outcome(test: str, *, passed: bool = True) -> Outcome:
    return Outcome("suite", "group", test, passed, "", frozenset({"GetObject"}))


def failed(test: str) -> Outcome:
    return outcome(test, passed=False)


COMPARISON = Comparison(
    "suite",
    [outcome("same"), failed("neither"), outcome("lost"), outcome("unrun"), failed("gained")],
    [outcome("same"), failed("neither"), failed("lost"), outcome("gained")],
)


def names(outcomes: list[Outcome]) -> list[str]:
    return [each.test for each in outcomes]


def test_what_differs() -> None:
    assert names(COMPARISON.lost) == ["lost", "unrun"]
    assert names(COMPARISON.gained) == ["gained"]


def test_what_is_unexplained() -> None:
    assert unexplained([COMPARISON], [])[1] == []
    reason = Known("suite", "because", ("group::lost", "group::same", "group::elsewhere"))
    new, old = unexplained([COMPARISON], [reason])
    assert names(new) == ["unrun"]
    # A reason for what passes is stale; for what did not run it may hold.
    assert old == ["suite group::same"]


def test_the_page() -> None:
    text = page([COMPARISON], [Known("suite", "because", ("group::lost", "group::same"))])
    assert "| suite, `group` | 5 | 3 | 2 |" in text
    assert "| GetObject | 5 | 3 | 2 |" in text
    assert "because\n\n- `suite group::lost`\n\n" in text and "group::same" not in text


def test_the_reasons_name_each_test_once(tmp_path: Path) -> None:
    assert all(entry.reason and entry.tests for entry in known())
    entry = '[[known]]\nsuite = "s"\nreason = "r"\ntests = ["g::t"]\n'
    (tmp_path / "known.toml").write_text(entry * 2)
    with pytest.raises(ValueError, match="g::t"):
        known(tmp_path / "known.toml")
