"""Proof that the fast kernel is what runs, and that both offer the same surface."""

import importlib
from importlib.machinery import EXTENSION_SUFFIXES

import pytest

from kernels import NATIVE, PURE, needs_native
from multistore import wire

pytestmark = needs_native


def test_the_native_kernel_is_compiled() -> None:
    assert NATIVE is not None
    for name in PURE.__all__:
        value = getattr(NATIVE, name)
        if isinstance(value, int):
            continue
        assert value.__module__.startswith("multistore.wire._native."), name
        module = importlib.import_module(value.__module__)
        assert str(module.__file__).endswith(tuple(EXTENSION_SUFFIXES)), name


@pytest.mark.skipif(wire.IMPLEMENTATION == "pure", reason="MULTISTORE_PURE=1 chose the other one")
def test_it_is_what_everybody_imports() -> None:
    assert wire.IMPLEMENTATION == "native"
    for name in PURE.__all__:
        assert getattr(wire, name) is getattr(NATIVE, name)


def public(value: object) -> set[str]:
    return {name for name in dir(value) if not name.startswith("_")}


def test_constants_and_members_are_the_same() -> None:
    #: Helpers of one kernel that the contract does not have.
    own = {"Authorization": {"scope"}, "Signer": {"authorization", "session_token"}}
    for name in PURE.__all__:
        pure, native = getattr(PURE, name), getattr(NATIVE, name)
        if isinstance(pure, int):
            assert native == pure, name
        elif isinstance(pure, type):
            assert public(pure) - own.get(name, set()) <= public(native), name
