"""What a run tells: the machine, a table, a verdict."""

from __future__ import annotations

import importlib.util
import os
import platform
import subprocess
from pathlib import Path
from statistics import median
from typing import Any

import peers

from multistore import __version__, wire

MIB = 1 << 20


def machine() -> dict[str, str]:
    """What the figures hold for."""
    cpu = platform.machine()
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            cpu = line.partition(":")[2].strip()
            break
    engine = importlib.util.find_spec("multistore.gateway.engine")
    compiled = engine is not None and str(engine.origin).endswith(".so")
    nginx = subprocess.run([peers.find_nginx(), "-v"], check=True, capture_output=True, text=True)
    return {
        "cpu": f"{cpu}, {os.cpu_count()} cores",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        "multistore": f"{__version__}, {wire.IMPLEMENTATION} kernel, "
        f"gateway {'compiled' if compiled else 'interpreted'}",
        "nginx": nginx.stderr.strip().rpartition("nginx/")[2],
    }


def verdict(value: float, must: float | None, aim: float | None) -> str:
    """How a figure stands to its bounds; empty when it has none."""
    if must is None or aim is None:
        return ""
    return "aim reached" if value <= aim else "must reached" if value <= must else "MISSED"


def print_machine(facts: dict[str, str]) -> None:
    for name, value in facts.items():
        print(f"{name:10}  {value}")


def print_load(row: dict[str, Any], *, judged: bool) -> None:
    """One case: a line for each proxy (medians over the rounds) and the paired ratio."""
    rounds = len(row["ratios"])
    print(f"\n{row['case']}  ({rounds} rounds, {row['direct_rate']:.0f}/s without proxy)")
    columns = f"{'proxy':>6} {'load':>6} {'per s':>8} {'p50 µs':>9} {'p99 µs':>9}"
    print(f"  {'':10} {'CPU ' + row['unit']:>14} {columns}")
    for name, samples in row["samples"].items():
        mid = {field: median(sample[field] for sample in samples) for field in samples[0]}
        print(
            f"  {name:10} {mid['cost']:14.3f} {mid['busy']:6.0%} {mid['load_busy']:6.0%} "
            f"{mid['rate']:8.0f} {mid['p50_us']:9.0f} {mid['p99_us']:9.0f}"
        )
    line = f"  ratio {row['ratio']:.3f} ({min(row['ratios']):.3f} to {max(row['ratios']):.3f})"
    if row["must"] is not None:
        line += f"; must {row['must']:.2f}, aim {row['aim']:.2f}"
        if judged:
            line += f": {verdict(row['ratio'], row['must'], row['aim'])}"
    print(line, flush=True)


def print_payload(row: dict[str, Any], *, judged: bool) -> None:
    """One payload mode, beside the same upload unread."""
    print(f"\n{row['case']}  ({len(row['ratios'])} rounds)")
    parts = [("framed", row["cost"]), ("plain", row["plain"]), ("one SHA-256", row["sha256"])]
    shown = ", ".join(f"{name} {cost:.3f}" for name, cost in parts if cost)
    print(f"  CPU {row['unit']}: {shown}")
    low, high = min(row["ratios"]), max(row["ratios"])
    beside = "plain + SHA-256" if row["sha256"] else "plain"
    line = f"  ratio to {beside}: {row['ratio']:.2f} ({low:.2f} to {high:.2f})"
    if judged:
        line += f"   must {row['must']:.2f}: {verdict(row['ratio'], row['must'], 0.0)}"
    print(line)


def print_memory(row: dict[str, Any], *, judged: bool) -> None:
    print(f"\n{row['case']}  ({row['size'] // MIB} MiB each: slow reader, slow writer, slow store)")
    for name, grown in row["growth"].items():
        rss = row["rss"][name] / MIB
        print(f"  {name:10} {rss:6.1f} MiB resident, grew by {grown / MIB:.2f} MiB")
    line = f"  must {row['must'] / MIB:.0f} MiB, aim {row['aim'] / MIB:.0f} MiB"
    if judged:
        line += f": {verdict(row['growth']['multistore'], row['must'], row['aim'])}"
    print(line, flush=True)
