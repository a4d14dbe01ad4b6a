"""A pytest plugin for the suites: which operations of S3 each test calls through botocore.

They become properties of the test in the JUnit file. It imports nothing of ours.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import botocore.client
import pytest

_called: set[str] = set()
_call = botocore.client.BaseClient._make_api_call


def _recorded(self: Any, operation_name: str, parameters: Any) -> Any:
    _called.add(operation_name)
    return _call(self, operation_name, parameters)


botocore.client.BaseClient._make_api_call = _recorded


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Iterator[None]:
    _called.clear()
    yield
    item.user_properties.extend(("operation", name) for name in sorted(_called))
