"""minio-py's functional tests, which its source distribution holds."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from conformance.outcomes import Outcome, SuiteError
from conformance.targets import MAIN, Target
from support.gateway import clean_environment

__all__ = ["NAME", "run"]

NAME = "minio-py"
#: Seconds for the whole.
LIMIT = 300

_DRIVER = Path(__file__).parent / "plugins" / "minio_driver.py"


def run(target: Target, python: Path, source: Path) -> list[Outcome]:
    """Runs the tests of the source tree ``source`` with the suites' ``python``.

    Raises: SuiteError when the driver fails, or does not end in time.
    """
    settings = {
        "SERVER_ENDPOINT": f"127.0.0.1:{target.port}",
        "ACCESS_KEY": MAIN.credentials.access_key_id,
        "SECRET_KEY": MAIN.credentials.secret_access_key,
    }
    try:
        done = subprocess.run(
            [python, _DRIVER, source / "tests" / "functional" / "tests.py"],
            env=clean_environment(settings),
            capture_output=True,
            text=True,
            timeout=LIMIT,
        )
    except subprocess.TimeoutExpired:
        raise SuiteError(f"{NAME} at {target.name}: not within {LIMIT} s") from None
    if done.returncode:
        raise SuiteError(f"{NAME} at {target.name}:\n{done.stderr[-4000:]}")
    return [
        Outcome(NAME, "functional", each["test"], each["passed"], each["message"])
        for each in map(json.loads, done.stdout.splitlines())
    ]
