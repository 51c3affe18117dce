"""What was measured, as text and as JSON."""

from __future__ import annotations

import os
import platform
import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from benchmarks.growth import Growth, Memory
from benchmarks.harness import Case, Figure, Outcome
from benchmarks.peers import versions

__all__ = ["as_json", "compared", "described", "growth_lines", "memory_lines"]


def _time(microseconds: float) -> str:
    if microseconds >= 1000:
        return f"{microseconds / 1000:,.2f} ms"
    return f"{microseconds:.2f} us" if microseconds < 100 else f"{microseconds:.0f} us"


def described(outcome: Outcome) -> list[str]:
    """One line for each contender, the library's with its goal and whether it was met."""
    case = outcome.case
    lines = [f"\n{case.name}  [{case.clock} time for each {case.unit}]"]
    for figure in outcome.figures:
        ratio = "" if figure.ratio is None else f"{figure.ratio:8.2f} x floor"
        verdict = ""
        if figure.name == "hypergraph" and case.goal:
            verdict = f"   goal {case.goal}: {_verdict(case, figure)}"
        lines.append(f"  {figure.name:26}{_time(figure.median):>12} ±{figure.spread:4.0%}{ratio:>17}{verdict}")
    lines.extend(f"  {name:26}{'left out: ' + reason}" for name, reason in outcome.left_out.items())
    return lines


def _verdict(case: Case, figure: Figure) -> str:
    if case.ratio is not None and figure.ratio is None:
        return "unknown, there is no floor"
    too_slow = case.most is not None and figure.median > case.most
    too_far = case.ratio is not None and figure.ratio is not None and figure.ratio > case.ratio
    return "MISSED" if too_slow or too_far else "met"


def growth_lines(growths: Sequence[Growth]) -> list[str]:
    """One line for each kind of growth."""
    lines = ["\nGrowth  [cpu time for each unit; the last figure: largest size against 1,000]"]
    for one in growths:
        points = "  ".join(f"{size:,}: {_time(cost)}" for size, cost in one.points.items())
        lines.append(f"  {one.name:26}{points}   {one.factor:.2f} x")
    return lines


def memory_lines(memory: Memory) -> list[str]:
    """What an item keeps and what a stream needs."""
    peaks = "  ".join(f"{size:,}: {peak / 1024:,.0f} KiB" for size, peak in memory.peak_of_stream.items())
    return [
        "\nMemory",
        f"  kept for a mapped item    {memory.kept:,.0f} bytes;   goal at most 500: {'met' if memory.kept <= 500 else 'MISSED'}",
        f"  once its result was read  {memory.looked_at:,.0f} bytes; a plain list of dicts keeps {memory.kept_floor:,.0f}",
        f"  peak of a streamed map    {peaks}",
    ]


def as_json(outcomes: Sequence[Outcome], growths: Sequence[Growth], memory: Memory | None, more: Mapping[str, float]) -> dict[str, Any]:
    """Everything, with what it was measured on."""
    return {
        "at": datetime.now(UTC).isoformat(timespec="seconds"),
        "python": sys.version.split()[0],
        "machine": {"system": platform.system(), "processor": platform.machine(), "cores": os.cpu_count()},
        "peers": versions(),
        "cases": {
            outcome.case.name: {
                "unit": outcome.case.unit,
                "clock": outcome.case.clock,
                "goal": outcome.case.goal,
                "microseconds": {figure.name: asdict(figure) for figure in outcome.figures},
                "left_out": outcome.left_out,
            }
            for outcome in outcomes
        },
        "growth": {one.name: {str(size): cost for size, cost in one.points.items()} for one in growths},
        "memory": None if memory is None else asdict(memory),
        "more": dict(more),
    }


def compared(now: Mapping[str, Any], before: Mapping[str, Any]) -> list[str]:
    """What changed by more than the spread since an earlier round: ratios to the floor, which do not depend on the machine's mood."""
    lines = [f"\nAgainst {before['at']}"]
    for name, case in now["cases"].items():
        for who, figure in case["microseconds"].items():
            old = before["cases"].get(name, {}).get("microseconds", {}).get(who)
            if not who.startswith("hypergraph") or old is None or not figure["ratio"] or not old["ratio"]:
                continue
            change = figure["ratio"] / old["ratio"] - 1
            if abs(change) > max(0.1, 2 * (figure["spread"] + old["spread"])):
                lines.append(f"  {name}, {who}: {old['ratio']:.2f} -> {figure['ratio']:.2f} x floor ({change:+.0%})")
    return lines if len(lines) > 1 else [*lines, "  nothing changed by more than the spread"]
