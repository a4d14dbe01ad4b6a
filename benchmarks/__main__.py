"""``python -m benchmarks``: the micro benchmarks, then the load comparison."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent
#: The project's addopts skip benchmarks; pytest-benchmark does not take that together with "only".
PYTEST = ["--benchmark-only", "-o", "addopts=--strict-markers --import-mode=importlib"]
PYTEST += ["--benchmark-columns=median,min,iqr,rounds", "--benchmark-sort=name"]
QUICK = ["--benchmark-min-rounds=1", "--benchmark-max-time=0.01", "--benchmark-warmup=off", "-q"]


def main(arguments: list[str]) -> int:
    """Arguments go to ``load/run.py``; ``--quick`` holds for both. Both run, whatever one says."""
    quick = QUICK if "--quick" in arguments else []
    micro = subprocess.run([sys.executable, "-m", "pytest", HERE, *PYTEST, *quick], cwd=HERE.parent)
    load = subprocess.run([sys.executable, HERE / "load" / "run.py", *arguments])
    return micro.returncode or load.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
