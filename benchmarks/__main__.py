"""``python -m benchmarks``: the micro benchmarks, then the load comparison."""

from __future__ import annotations

import subprocess
import sys
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
COLUMNS = ["--benchmark-columns=median,min,iqr,rounds", "--benchmark-sort=name"]
QUICK = ["--benchmark-min-rounds=1", "--benchmark-max-time=0.01", "--benchmark-warmup=off", "-q"]


def only_benchmarks() -> list[str]:
    """The project's options without the one that skips benchmarks: pytest-benchmark does not
    take that together with "only"."""
    project = tomllib.loads((HERE.parent / "pyproject.toml").read_text())
    options = project["tool"]["pytest"]["ini_options"]["addopts"].replace("--benchmark-skip", "")
    return ["--benchmark-only", "-o", f"addopts={options}"]


def main(arguments: list[str]) -> int:
    """Arguments go to ``load/run.py``; ``--quick`` holds for both. Both run, whatever one says."""
    quick = QUICK if "--quick" in arguments else []
    pytest = [sys.executable, "-m", "pytest", str(HERE), *only_benchmarks(), *COLUMNS, *quick]
    micro = subprocess.run(pytest, cwd=HERE.parent)
    load = subprocess.run([sys.executable, HERE / "load" / "run.py", *arguments])
    return micro.returncode or load.returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
