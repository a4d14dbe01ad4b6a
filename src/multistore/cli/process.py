"""What the process asks of the kernel: no secrets in dumps, no children left behind."""

from __future__ import annotations

import contextlib
import ctypes
import resource
import signal
import sys
from collections.abc import Iterator

__all__ = ["ENDING", "die_with_parent", "harden", "hold_signals"]

#: Signals by which people and supervisors end a process.
ENDING = frozenset({signal.SIGTERM, signal.SIGINT, signal.SIGHUP})

# prctl(2), <linux/prctl.h>
_PR_SET_PDEATHSIG = 1
_PR_SET_DUMPABLE = 4

# Loaded once, before any fork: a child may not load libraries between fork and exec.
_libc = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


def harden() -> None:
    """Keeps secrets in memory out of core files and away from other processes of the user."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if _libc is not None:
        _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


@contextlib.contextmanager
def hold_signals() -> Iterator[None]:
    """Lets signals that would end us wait, so that no child is made and then forgotten."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, ENDING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def die_with_parent() -> None:
    """For a child between fork and exec: the kernel kills it when its parent is gone, however
    the parent ended. Only Linux can; elsewhere the parent's own clean-up must do. What
    :func:`hold_signals` holds, the child gets again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, ENDING)
    if _libc is not None:
        _libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
