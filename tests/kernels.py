"""Both kernels side by side: the fixture over each, and what "the same answer" means.

A kernel is a module with every name of ``multistore.wire``. Where the native one is not built,
its cases are skipped; nothing takes its place.
"""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import pytest

from multistore.errors import S3Error
from multistore.wire import _pure

__all__ = ["NATIVE", "PURE", "answer", "both", "heads", "kernel", "needs_native"]

PURE: ModuleType = _pure
NATIVE: ModuleType | None
try:
    from multistore.wire import _native

    NATIVE = _native if all(hasattr(_native, name) for name in _pure.__all__) else None
except ImportError:
    NATIVE = None

needs_native = pytest.mark.skipif(
    NATIVE is None, reason="the native kernel is not built (setup.py build_ext --inplace)"
)


@pytest.fixture(params=["pure", pytest.param("native", marks=needs_native)])
def kernel(request: pytest.FixtureRequest) -> ModuleType:
    module = PURE if request.param == "pure" else NATIVE
    assert module is not None
    return module


def answer(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
    """What a call returned, or which S3Error it raised. Messages are for people and may differ."""
    try:
        return call(*args, **kwargs)
    except S3Error as error:
        return ("raises", error.code, error.fields, error.fatal)


def heads(head: Any) -> Any:
    """All that a head says, as one comparable value."""
    if head is None:
        return None
    names = ["version", "content_length", "chunked", "keep_alive"]
    names += ["status"] if hasattr(head, "status") else ["method", "target", "expect_continue"]
    return tuple(getattr(head, name) for name in names), head.items()


def both(compare: Callable[[ModuleType], Any]) -> Any:
    """Runs ``compare`` over both kernels and demands the same value."""
    assert NATIVE is not None
    expected = compare(PURE)
    got = compare(NATIVE)
    assert got == expected, f"native: {got!r}\npure: {expected!r}"
    return expected
