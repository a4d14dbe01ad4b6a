"""The captured requests in ``tests/corpus``."""

from __future__ import annotations

import functools
import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

__all__ = ["CLIENTS", "REGION", "SECRET", "Captured", "captured", "captured_by"]

FOLDER = Path(__file__).parent / "corpus"
SECRET = "testBackendSecret000000000000000000000001"
REGION = "us-east-1"


@dataclass(frozen=True)
class Captured:
    name: str
    head: bytes  # to its empty line, included
    body: bytes  # perhaps cut
    facts: dict[str, Any]

    @property
    def fields(self) -> list[tuple[bytes, bytes]]:
        """Field lines, split at the first colon and no more."""
        lines = self.head.split(b"\r\n")[1:-2]
        return [(name, value) for name, _, value in (line.partition(b":") for line in lines)]

    @property
    def start(self) -> tuple[bytes, bytes, bytes]:
        method, target, version = self.head.split(b"\r\n", 1)[0].split(b" ")
        return method, target, version


#: One folder per client and scheme.
CLIENTS = sorted(index.parent.name for index in FOLDER.glob("*/index.json"))


@functools.cache
def captured_by(client: str) -> tuple[Captured, ...]:
    requests = []
    folder = FOLDER / client
    for facts in json.loads((folder / "index.json").read_text("utf-8")):
        path = folder / facts["file"]
        if path.exists():  # of equal requests, two are kept
            head, end, body = path.read_bytes().partition(b"\r\n\r\n")
            requests.append(Captured(f"{client}/{path.name}", head + end, body, facts))
    return tuple(requests)


def captured() -> tuple[Captured, ...]:
    return tuple(request for client in CLIENTS for request in captured_by(client))
