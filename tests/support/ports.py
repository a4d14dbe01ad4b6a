"""Free TCP ports below the kernel's own outgoing range, so that nothing else is handed one."""

from __future__ import annotations

import random
import socket

__all__ = ["free_ports"]

#: Linux gives outgoing connections ports from 32768 on.
LOWEST, HIGHEST = 11_000, 31_000


def free_ports(count: int) -> list[int]:
    """Distinct ports that nobody listened on a moment ago."""
    found: list[int] = []
    for port in random.sample(range(LOWEST, HIGHEST), 400):
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        found.append(port)
        if len(found) == count:
            return found
    raise OSError(f"no {count} free ports between {LOWEST} and {HIGHEST}")
