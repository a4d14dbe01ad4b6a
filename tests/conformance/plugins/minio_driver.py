"""Runs minio-py's functional tests one by one: its own runner stops at the first that fails.

A program of its own: it runs in the environment of the suites, which has minio and not us.
Argument: the suite's file; the environment says where the server is, as for the suite itself.
Prints a line of JSON for each test.
"""

from __future__ import annotations

import importlib.util
import inspect
import json
import os
import sys
import tempfile
from pathlib import Path
from typing import Any


def load(path: str) -> Any:
    spec = importlib.util.spec_from_file_location("functional", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def outcome(test: Any) -> dict[str, Any]:
    """What the suite counts as "not implemented" is no pass here."""
    message = ""
    try:
        test({})
    except Exception as error:
        message = f"{type(error).__name__}: {error}"
    return {"test": test.__name__, "passed": not message, "message": message}


def main(path: str) -> None:
    suite = load(path)
    keys = os.environ["ACCESS_KEY"], os.environ["SECRET_KEY"]
    suite._client = suite.Minio(os.environ["SERVER_ENDPOINT"], *keys, secure=False)
    suite._is_aws = False
    tests = [
        test
        for name, test in inspect.getmembers(suite, inspect.isfunction)
        if name.startswith("test_")
    ]
    with tempfile.TemporaryDirectory() as folder:
        os.chdir(folder)  # some write files beside themselves
        suite._test_file, suite._large_file = f"{folder}/1-MB", f"{folder}/11-MB"
        for file, size in ((suite._test_file, 1), (suite._large_file, 11)):
            Path(file).write_bytes(os.urandom(1024) * 1024 * size)
        for test in sorted(tests, key=lambda test: test.__code__.co_firstlineno):
            print(json.dumps(outcome(test)), flush=True)


main(*sys.argv[1:])
