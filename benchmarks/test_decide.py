"""What one decision costs, warm: the whole of ``Engine.decide``, without head scan and plan.

Run with ``pytest benchmarks/test_decide.py --benchmark-only``. Everything is measured in one
run; the figures to compare are ratios to ``parse_target``, the least that any request costs.
The decision modules must be compiled for a figure that is worth quoting; the report says
whether they were (``compiled``).
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))

from multistore.gateway import engine
from multistore.gateway.authorize import expand
from multistore.gateway.plan import Respond
from multistore.gateway.request import GatewayRequest
from multistore.types import Bucket, Scope
from multistore.wire import IMPLEMENTATION, ORDINARY, RequestHead, parse_target, scan_request
from support.sigv4 import Credentials, Request
from unit.gateway.world import FULL, HOST, NOBODY, NOW, SCOPED, World, credential, date

pytestmark = pytest.mark.benchmark(
    group="decide", min_rounds=200, max_time=0.3, calibration_precision=10, warmup=True
)

#: The fields that boto3 sends with every request, beside those of the signature.
SDK = (
    ("User-Agent", "Boto3/1.44.5 md/Botocore#1.44.5 lang/python#3.11.7"),
    ("Accept-Encoding", "identity"),
    ("amz-sdk-invocation-id", "4c0d5b1e-3a0f-4d70-9a5b-6f4f3c8e2f11"),
    ("amz-sdk-request", "attempt=1"),
)


class Plain:
    """A backend that costs nothing."""

    def __init__(self) -> None:
        self.answer = Respond(200)

    def plan(self, request: GatewayRequest) -> Respond:
        return self.answer


def world() -> World:
    buckets = [Bucket("public-data", Plain(), anonymous=True), Bucket("private-uploads", Plain())]
    scopes = [Scope("private-uploads", (b"data/",), expand(["read", "write", "list"]))]
    everything = [Scope("*", (), expand(["*"]))]
    return World(buckets, [credential(SCOPED, scopes), credential(FULL, everything)])


def head_of(method: str, target: str, credentials: Credentials | None, body: bytes) -> RequestHead:
    signed = Request(
        method, target, HOST, list(SDK), body=body, credentials=credentials, date=date()
    )
    verdict, head, _, reason = scan_request(signed.head)
    assert verdict == ORDINARY and head is not None, reason
    return head


CASES: dict[str, tuple[str, str, Credentials | None, int]] = {
    "GET, public": ("GET", "/public-data/a/key/of/some/length-0001.bin", None, 200),
    "GET, signed": ("GET", "/private-uploads/data/key/of/length-0001.bin", SCOPED, 200),
    "HEAD, signed": ("HEAD", "/private-uploads/data/key/of/length-0001.bin", SCOPED, 200),
    "PUT, signed": ("PUT", "/private-uploads/data/key/of/length-0001.bin", SCOPED, 200),
    "list, public": ("GET", "/public-data?list-type=2&prefix=a%2F&delimiter=%2F", None, 200),
    "list, signed": ("GET", "/private-uploads?list-type=2&prefix=data%2F", SCOPED, 200),
    "GET, glob scope": ("GET", "/private-uploads/data/key/of/length-0001.bin", FULL, 200),
    "refused, anonymous": ("GET", "/private-uploads/data/key", None, 403),
    "refused, unknown key": ("GET", "/private-uploads/data/key", NOBODY, 403),
}


@pytest.mark.parametrize("case", CASES)
def test_decide(benchmark: Any, case: str) -> None:
    method, target, credentials, status = CASES[case]
    head = head_of(method, target, credentials, b"x" if method == "PUT" else b"")
    request = GatewayRequest(head, "192.0.2.1", True, "RID", NOW)
    decide: Callable[[GatewayRequest], Any] = world().engine.decide
    benchmark.extra_info["kernel"] = IMPLEMENTATION
    benchmark.extra_info["compiled"] = not str(engine.__file__).endswith(".py")
    assert benchmark(decide, request).status == status


def test_reference(benchmark: Any) -> None:
    """The unit of the table: one parse of a target without a query."""
    target = CASES["GET, public"][1].encode()
    assert benchmark(parse_target, target).key
