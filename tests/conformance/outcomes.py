"""What became of the tests of a suite."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["Outcome", "SuiteError"]


class SuiteError(RuntimeError):
    """A suite that did not run to its end; the text holds the tail of what it printed."""


@dataclass(frozen=True, slots=True)
class Outcome:
    """One test at one target. ``group`` is the suite's own division, ``operations`` are those
    of S3 that the test called, as far as they are known."""

    suite: str
    group: str
    test: str
    passed: bool
    message: str = ""
    operations: frozenset[str] = frozenset()

    @property
    def name(self) -> str:
        return f"{self.group}::{self.test}"
