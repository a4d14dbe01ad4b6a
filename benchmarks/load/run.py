"""CPU per request and per gigabyte of multistore, beside nginx's plain ``proxy_pass``.

Both stand before the same backend under the same load, with one worker each, and take turns
(A B A B …); a ratio is made from the two runs of one round, and the median over all rounds
counts. See ``benchmarks/README.md`` for the method and its limits.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path
from statistics import median
from typing import Any

try:
    import multistore  # noqa: F401
except ImportError:  # not installed: the tree that this file belongs to
    sys.path.insert(0, str(Path(__file__).parents[2] / "src"))

import memory
import payloads
import peers
import report
from bench import Bench, Case, Sample, Wrong

CASES = (
    Case("get-1k-c64", "GET", "1k", 64, must=0.90, aim=0.80),
    Case("get-1k-c16", "GET", "1k", 16),
    Case("get-64k-c64", "GET", "64k", 64),
    Case("get-16m-c4", "GET", "16m", 4, must=1.25, aim=1.05),
    Case("put-16m-c4", "PUT", "16m", 4, must=0.40, aim=0.30),
)
MEMORY = "memory"
#: Growth of resident memory, in bytes.
MEMORY_MUST, MEMORY_AIM = 8 << 20, 2 << 20


def compare(bench: Bench, case: Case, rounds: int, seconds: float) -> dict[str, Any]:
    """All rounds of one case."""
    samples: dict[str, list[Sample]] = {"multistore": [], "nginx": []}
    direct = bench.load(case, bench.backend, min(seconds, 1.0))
    for proxy in (bench.gateway, bench.nginx):
        bench.load(case, proxy, min(seconds, 0.5))  # pools, caches, allocator
    for _ in range(rounds):
        for proxy in (bench.gateway, bench.nginx):
            samples[proxy.name].append(bench.sample(case, proxy, seconds))
    ratios = [
        ours.cost / theirs.cost
        for ours, theirs in zip(samples["multistore"], samples["nginx"], strict=True)
    ]
    return {
        "case": case.name,
        "unit": case.unit,
        "must": case.must,
        "aim": case.aim,
        "ratio": median(ratios),
        "ratios": ratios,
        "direct_rate": direct["responses"] / direct["seconds"],
        "samples": {name: [asdict(sample) for sample in rows] for name, rows in samples.items()},
    }


def compare_memory(bench: Bench, size: int) -> dict[str, Any]:
    growth, rss = {}, {}
    for proxy in (bench.gateway, bench.nginx):
        growth[proxy.name] = memory.growth(proxy, bench.client, bench.slow, size)
        rss[proxy.name] = proxy.rss()
    return {
        "case": MEMORY,
        "size": size,
        "must": MEMORY_MUST,
        "aim": MEMORY_AIM,
        "growth": growth,
        "rss": rss,
    }


def arguments() -> argparse.Namespace:
    names = [case.name for case in (*CASES, *payloads.CASES)] + [MEMORY]
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--case", action="append", choices=names, help="only this one (repeatable)")
    parser.add_argument("--rounds", type=int, default=7, help="pairs of runs (default 7)")
    parser.add_argument("--seconds", type=float, default=1.0, help="length of a run (default 1)")
    parser.add_argument(
        "--memory-size", type=int, default=1024, help="MiB on each slow connection (default 1024)"
    )
    parser.add_argument(
        "--quick", action="store_true", help="one short round of everything, no verdict"
    )
    parser.add_argument(
        "--fifo", action="store_true", help="SCHED_FIFO for proxies and load, on a busy machine"
    )
    parser.add_argument("--json", type=Path, help="write all samples to this file")
    args = parser.parse_args()
    if args.quick:
        args.rounds, args.seconds, args.memory_size = 1, 0.3, 16
    args.case = args.case or names
    return args


def main() -> int:
    args = arguments()
    rows: list[dict[str, Any]] = []
    try:
        peers.build()
        facts = report.machine()
        report.print_machine(facts)
        with ExitStack() as stack:
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="multistore-load-"))
            bench = Bench(stack, Path(folder), args.fifo)
            for case in CASES:
                if case.name in args.case:
                    rows.append(compare(bench, case, args.rounds, args.seconds))
                    report.print_load(rows[-1], judged=not args.quick)
            for framed in payloads.CASES:
                if framed.name in args.case:
                    rows.append(payloads.compare_payload(bench, framed, args.rounds, args.seconds))
                    report.print_payload(rows[-1], judged=not args.quick)
            if MEMORY in args.case:
                rows.append(compare_memory(bench, args.memory_size << 20))
                report.print_memory(rows[-1], judged=not args.quick)
    except (peers.PeerError, memory.TransferError, Wrong) as error:
        print(f"\n{type(error).__name__}: {error}", file=sys.stderr)
        return 1
    if args.json:
        args.json.write_text(json.dumps({"machine": facts, "cases": rows}, indent=1))
    return 0


if __name__ == "__main__":
    sys.exit(main())
