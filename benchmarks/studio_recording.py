"""What it costs a run that a studio can watch it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.work import chain
from hypergraph import FunctionNode, Graph, SqliteCheckpointer, SyncRunner

__all__ = ["recording"]


def recording(folder: Path, quick: bool) -> list[tuple[str, float, str, float | None]]:
    """Measure what the worker's event log costs a run: (name, figure, unit, goal)."""
    items = 1000 if quick else 5000
    # Of an item: its run begins and ends, and of each node the superstep, the start and the end.
    events = items * 8 + 2
    nodes = 1000
    fast, slow, line = chain(2), _sleepy(), chain(nodes)
    rounds = 3 if quick else 5

    def extra(name: str, run: Callable[[str, bool], tuple[float, float]], which: int) -> tuple[float, float]:
        """Give the least that a run takes without and with the log; the two take turns, the first of each is not counted."""
        taken: dict[bool, list[float]] = {False: [], True: []}
        for number in range(rounds + 1):
            for recorded in (False, True):
                figure = run(f"{name}-{number}-{recorded}", recorded)[which]
                if number:
                    taken[recorded].append(figure)
        return min(taken[False]), min(taken[True])

    bare, seen = extra("map", lambda name, recorded: _run_batch(folder, name, fast, items, recorded=recorded), 0)
    wall, longer = extra("slow", lambda name, recorded: _run_batch(folder, name, slow, items // 10, recorded=recorded), 1)
    straight, told = extra("chain", lambda name, recorded: _run_chain(folder, name, line, recorded=recorded), 0)
    return [
        (f"recording an event, map of {items:,} two-node items", (seen - bare) / events * 1e6, "us cpu", 8),
        ("share of wall time where nodes take 1 ms", (longer / wall - 1) * 100, "%", 5),
        ("recording an event of a chain, values shown", (told - straight) / (3 * nodes + 2) * 1e6, "us cpu", 8),
    ]


def _sleepy() -> Graph:
    def wait(v0: int) -> int:
        time.sleep(0.001)
        return v0

    def again(v1: int) -> int:
        time.sleep(0.001)
        return v1

    return Graph([FunctionNode(wait, output_name="v1"), FunctionNode(again, output_name="v2")], name="slow")


@contextmanager
def _recorder(folder: Path, name: str, *, recorded: bool) -> Iterator[list[Any]]:
    from studio.services.event_log import EventLog
    from studio.services.recorder import Recorder

    if not recorded:
        yield []
        return
    log = EventLog(folder / f"{name}.events", 1)
    try:
        yield [Recorder(log, name)]
    finally:
        log.close()


class _Deaf:
    """Hears every event, and does nothing: what the library spends to make events is no part of recording."""

    def on_event(self, event: object) -> None:
        """Do nothing."""

    def shutdown(self) -> None:
        """Do nothing."""


def _run_batch(folder: Path, name: str, graph: Graph, items: int, *, recorded: bool) -> tuple[float, float]:
    with SqliteCheckpointer(folder / "recording.db") as store:
        runner = SyncRunner(checkpointer=store)
        cpu, wall = time.process_time(), time.perf_counter()
        with _recorder(folder, name, recorded=recorded) as heard:
            runner.map(graph, {"v0": list(range(items))}, map_over="v0", workflow_id=name, event_processors=heard or [_Deaf()])
        return time.process_time() - cpu, time.perf_counter() - wall


def _run_chain(folder: Path, name: str, graph: Graph, *, recorded: bool) -> tuple[float, float]:
    with SqliteCheckpointer(folder / "recording.db") as store:
        runner = SyncRunner(checkpointer=store)
        cpu, wall = time.process_time(), time.perf_counter()
        with _recorder(folder, name, recorded=recorded) as heard:
            runner.run(graph, {"v0": 1}, workflow_id=name, event_processors=heard or [_Deaf()])
        return time.process_time() - cpu, time.perf_counter() - wall
