"""Many processes on one file: what they write, how fast, and the moment in which they create it together."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.durability.hands import Hand, Hands
from benchmarks.durability.report import Row, busy
from hypergraph.checkpointers import SqliteCheckpointer
from hypergraph.graph import Graph
from hypergraph.nodes import node
from hypergraph.records import WorkflowStatus
from hypergraph.runners import SyncRunner

__all__ = ["Written", "open_together", "write_runs", "write_together", "writer_rows"]


def write_runs(order: dict[str, Any]) -> dict[str, Any]:
    """Run a graph of two nodes so many times; the child's part."""
    size = order["size"]

    @node(output_name="text")
    def make(x: int) -> str:
        return str(x) * (size // len(str(x)))

    @node(output_name="length")
    def measure(text: str) -> int:
        return len(text)

    graph = Graph([make, measure], name="pair")
    with SqliteCheckpointer(order["store"]) as store:
        runner = SyncRunner(checkpointer=store)
        for number in range(order["runs"]):
            result = runner.run(graph, x=number, workflow_id=f"{os.getpid()}-{number}")
            if not result.checkpoint_ok:
                return {"error": "not stored", "text": str(result.checkpoint_errors)}
    return {"ended": time.monotonic()}


class Written:
    """What came of writing together.

    Attributes:
        rate: runs a second, from the moment in which all were let go to the end of the last.
        broken: what must not be.
    """

    def __init__(self, rate: float, broken: list[str]) -> None:
        self.rate = rate
        self.broken = broken


def write_together(several: list[Hand], folder: Path, runs: int, size: int = 20) -> Written:
    """Let several processes store runs in one new file."""
    folder.mkdir(parents=True)
    store, gate = folder / "runs.db", folder / "gate"
    children = [hand.start(do="write", store=str(store), waits=str(gate), runs=runs, size=size) for hand in several]
    for one in children:
        one.hear(1)
    began = time.monotonic()
    gate.touch()
    answers = [one.end(600) for one in children]
    broken = [f"{one['error']}: {one['text'][:150]}" for one in answers if "error" in one]
    last = max((one["ended"] for one in answers if "ended" in one), default=began)
    with SqliteCheckpointer.open_readonly(store) as view:
        found = view.runs(limit=None)
        lost = len(several) * runs - sum(1 for run in found if run.status is WorkflowStatus.COMPLETED and len(view.steps(run.id)) == 2)
    if lost:
        broken.append(f"{lost} runs are not stored whole")
    return Written(len(several) * runs / max(last - began, 1e-9), broken)


def open_together(several: list[Hand], folder: Path) -> list[str]:
    """Let several processes create one file at the same moment; give what must not be."""
    folder.mkdir(parents=True)
    store, gate = folder / "runs.db", folder / "gate"
    children = [hand.start(do="open", store=str(store), waits=str(gate)) for hand in several]
    for one in children:
        one.hear(1)
    gate.touch()
    answers = [one.end() for one in children]
    broken = [f"{one['error']}: {one['text'][:150]}" for one in answers if "error" in one]
    with SqliteCheckpointer.open_readonly(store) as view:
        if len(view.runs(limit=None)) != len(several):
            broken.append("what one of them wrote is not there")
    return broken


def writer_rows(hands: Hands, folder: Path, *, quick: bool) -> Iterator[Row]:
    """Write together, and create together."""
    plans = [(4, 50, 20)] if quick else [(8, 200, 20), (32, 50, 20), (8, 20, 1_000_000)]
    for number, runs, size in plans:
        own = Hands(number)
        try:
            with own.some(number) as several:
                written = write_together(several, folder / f"writers-{number}-{size}", runs, size)
        finally:
            own.close()
        broken = list(written.broken)
        if size < 1000 and not quick and number == 8 and written.rate < 300 and not busy():
            broken.append(f"{written.rate:.0f} runs/s")
        yield Row(
            "writers", f"{number} x {runs}{', 1 MB values' if size > 1000 else ''}", number * runs,
            f"{written.rate:,.0f} runs/s; errors and losses {len(written.broken)}",
            "nothing lost" + (", >= 300 runs/s" if number == 8 and size < 1000 else ""), broken, {"runs_per_second": written.rate},
        )  # fmt: skip
    times = 10 if quick else 200
    own = Hands(8)
    try:
        with own.some(8) as several:
            broken = [text for number in range(times) for text in open_together(several, folder / f"open-{number}")]
    finally:
        own.close()
    yield Row("first open", "8 processes, one new file", times, f"errors {len(broken)}", "0 errors", broken)
