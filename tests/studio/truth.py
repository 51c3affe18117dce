"""Runs of every kind, made by the library with and without a studio's event log, for the test that a screen says what the store says."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypergraph import END, AsyncRunner, Graph, SqliteCheckpointer, SyncRunner, interrupt, node, route
from studio.services.event_log import EventLog
from studio.services.history import History
from studio.services.launcher import Launcher
from studio.services.recorder import Recorder

__all__ = ["KINDS", "Bench"]


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="raised")
def lift(doubled: int, y: int = 1) -> int:
    return doubled + y


@node(output_name="label")
def name(raised: int) -> dict[str, Any]:
    return {"raised": raised, "parts": list(range(raised))}


CHAIN = Graph([double, lift, name], name="chain")


@node(output_name="left")
def to_left(x: int) -> int:
    return x - 1


@node(output_name="right")
def to_right(x: int) -> str:
    return "right" * x


@node(output_name="both")
def join(left: int, right: str) -> tuple[int, str]:
    return left, right


FAN = Graph([to_left, to_right, join], name="fan")


@node(output_name="count")
def step(count: int) -> int:
    return count + 1


@route(targets=["step", END])
def enough(count: int) -> str:
    return END if count >= 5 else "step"


LOOP = Graph([step, enough], name="loop", entrypoint="step")

INNER = Graph([double, lift], name="inner")


@node(output_name="total")
def total(raised: int) -> int:
    return raised + 100


NESTED = Graph([INNER.as_node(), total], name="nested")


@node(output_name="parts")
def split(x: int) -> list[int]:
    return list(range(x + 4))


@node(output_name="checked")
def check(part: int) -> int:
    if part % 3 == 2:
        raise ValueError(f"part {part} is bad")
    return part


@node(output_name="kept")
def keep(checked: int) -> int:
    return checked * 2


EACH = Graph([check, keep], name="each")
MAPPED = Graph([split, EACH.as_node().with_inputs(part="parts").map_over("parts", error_handling="continue")], name="mapped")


@interrupt(output_name="approved")
def approve(doubled: int) -> bool | None:
    return None


@node(output_name="published")
def publish(doubled: int, approved: bool) -> str:
    return f"{doubled} {approved}"


PAUSED = Graph([double, approve, publish], name="paused")


@node(output_name="never")
def fail(raised: int) -> int:
    if raised > 3:
        raise LookupError(f"nothing at {raised}")
    return raised


FAILED = Graph([double, lift, fail], name="failed")


@dataclass
class Bench:
    """A store, and the folder of a studio beside it.

    Attributes:
        recorded: runs are made with the event log that a studio's worker writes.
    """

    folder: Path
    recorded: bool

    def __post_init__(self) -> None:
        self.db = self.folder / "runs.db"
        self.history = History(self.db)
        self.launcher = Launcher(self.db, self.folder / "state", cwd=self.folder)

    @contextmanager
    def log(self, run_id: str, graph: Graph) -> Iterator[list[Any]]:
        """Write the event log of a claim, as a worker does."""
        if not self.recorded:
            yield []
            return
        folder = self.launcher.folder(run_id)
        folder.mkdir(parents=True, exist_ok=True)
        claim = 1 + len(list(folder.glob("*.events")))
        log = EventLog(folder / f"{claim}.events", claim)
        # No process of this number and mark runs: the worker is gone, as it is after every claim.
        opening = {"format": 1, "run": run_id, "r": run_id, "verb": "run", "pid": os.getpid(), "mark": "gone", "host": socket.gethostname()}
        log.put({"k": "claim", "graph": graph.name, "runner": "SyncRunner", "actor": "ana@dev/tty", **opening})
        log.put({"k": "scene", "r": run_id, "struct": graph.structural_hash, "code": graph.code_hash, "scene": graph.scene().to_dict()})
        try:
            yield [Recorder(log, run_id)]
        finally:
            log.put({"k": "end", "r": run_id, "status": "told"})
            log.close()

    def run(self, graph: Graph, run_id: str, values: dict[str, Any] | None = None, **options: Any) -> None:
        """Run a graph."""
        with SqliteCheckpointer(self.db) as store, self.log(run_id, graph) as heard:
            SyncRunner(checkpointer=store).run(
                graph, values or {}, workflow_id=run_id, error_handling="continue", event_processors=heard or None, **options
            )

    async def run_async(self, graph: Graph, run_id: str, values: dict[str, Any] | None = None, **options: Any) -> None:
        """Run a graph that may ask something."""
        async with SqliteCheckpointer(self.db) as store:
            with self.log(run_id, graph) as heard:
                await AsyncRunner(checkpointer=store).run(
                    graph, values or {}, workflow_id=run_id, error_handling="continue", event_processors=heard or None, **options
                )

    def map(self, graph: Graph, run_id: str, values: dict[str, Any], over: str) -> None:
        """Run a batch."""
        with SqliteCheckpointer(self.db) as store, self.log(run_id, graph) as heard:
            SyncRunner(checkpointer=store).map(
                graph, values, map_over=over, workflow_id=run_id, error_handling="continue", event_processors=heard or None
            )

    def close(self) -> None:
        """Let go of the files."""
        self.launcher.close()
        self.history.close()


async def _answered(bench: Bench) -> None:
    await bench.run_async(PAUSED, "r", {"x": 3})
    await bench.run_async(PAUSED, "r", {"approved": True})


async def _paused(bench: Bench) -> None:
    await bench.run_async(PAUSED, "r", {"x": 3})


def _forked(bench: Bench) -> None:
    bench.run(CHAIN, "source", {"x": 3})
    bench.run(CHAIN, "r", {"y": 5}, fork_from="source")


def _retried(bench: Bench) -> None:
    bench.run(FAILED, "source", {"x": 3})
    bench.run(FAILED, "r", retry_from="source")


def _resumed(bench: Bench) -> None:
    bench.run(FAILED, "r", {"x": 3})
    bench.run(FAILED, "r")


KINDS: dict[str, Callable[[Bench], Any]] = {
    "chain": lambda bench: bench.run(CHAIN, "r", {"x": 3}),
    "fan": lambda bench: bench.run(FAN, "r", {"x": 3}),
    "loop": lambda bench: bench.run(LOOP, "r", {"count": 0}),
    "nested": lambda bench: bench.run(NESTED, "r", {"x": 3}),
    "mapped": lambda bench: bench.run(MAPPED, "r", {"x": 3}),
    "paused": _paused,
    "answered": _answered,
    "failed": lambda bench: bench.run(FAILED, "r", {"x": 3}),
    "resumed and failed again": _resumed,
    "forked": _forked,
    "retried": _retried,
    "batch with failures": lambda bench: bench.map(EACH, "r", {"part": list(range(20))}, "part"),
}
