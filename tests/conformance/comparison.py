"""One suite straight and through the gateway: where they differ, and what is known of it."""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from conformance.outcomes import Outcome

__all__ = ["Comparison", "Known", "known", "unexplained"]


@dataclass(frozen=True, slots=True)
class Known:
    """Tests of one suite that fail through the gateway for the same reason."""

    suite: str
    reason: str
    tests: tuple[str, ...]


FILE = Path(__file__).with_name("known.toml")


def known(file: Path = FILE) -> list[Known]:
    """Raises: ValueError for a test that is named twice."""
    entries = [
        Known(entry["suite"], entry["reason"], tuple(entry["tests"]))
        for entry in tomllib.loads(file.read_text("utf-8"))["known"]
    ]
    names = [(entry.suite, name) for entry in entries for name in entry.tests]
    if twice := {name for name in names if names.count(name) > 1}:
        raise ValueError(f"named twice: {sorted(twice)}")
    return entries


class Comparison:
    """``straight`` and ``through`` are the same tests at the store and at the gateway."""

    def __init__(self, suite: str, straight: Iterable[Outcome], through: Iterable[Outcome]) -> None:
        self.suite = suite
        self.straight = {outcome.name: outcome for outcome in straight}
        self.through = {outcome.name: outcome for outcome in through}

    @cached_property
    def lost(self) -> list[Outcome]:
        """What passes straight and not through us, as it ended through us."""
        return [
            self.through.get(name) or Outcome(self.suite, each.group, each.test, False, "not run")
            for name, each in self.straight.items()
            if each.passed and not (name in self.through and self.through[name].passed)
        ]

    @property
    def gained(self) -> list[Outcome]:
        """What passes through us and not straight, as it ended straight."""
        return [
            each
            for name, each in self.straight.items()
            if not each.passed and name in self.through and self.through[name].passed
        ]


def unexplained(
    comparisons: Sequence[Comparison], entries: Sequence[Known]
) -> tuple[list[Outcome], list[str]]:
    """Differences without a reason; and reasons without a difference, of the tests that ran."""
    explained = {(entry.suite, name) for entry in entries for name in entry.tests}
    lost = {(each.suite, each.name): each for one in comparisons for each in one.lost}
    ran = {(one.suite, name) for one in comparisons for name in one.straight}
    new = [each for name, each in lost.items() if name not in explained]
    return new, sorted(" ".join(name) for name in (explained & ran) - lost.keys())
