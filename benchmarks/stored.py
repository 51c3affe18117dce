"""The cases with a checkpoint store: writing steps, and going on where a run stopped."""

from __future__ import annotations

import itertools
import json
import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.harness import Case, Contender
from benchmarks.history import history_cases, large_history_cases
from benchmarks.peers import peers
from benchmarks.work import chain
from hypergraph import AsyncRunner, SqliteCheckpointer, SyncRunner
from hypergraph.checkpointers import CheckpointPolicy

__all__ = ["bytes_per_step", "stored_cases"]

Work = Callable[[], object]

_STEPS = 100


def _connect(path: Path, synchronous: str = "NORMAL") -> sqlite3.Connection:
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.execute(f"PRAGMA synchronous={synchronous}")
    connection.execute(
        "CREATE TABLE IF NOT EXISTS steps (run INTEGER, superstep INTEGER, node TEXT, vals TEXT, at REAL,"
        " PRIMARY KEY (run, superstep, node)) WITHOUT ROWID"
    )
    return connection


def _floor_steps(folder: Path, synchronous: str, name: str = "") -> Work:
    connection = _connect(folder / f"floor-{synchronous}{name}.db", synchronous)
    numbers = itertools.count()

    def run() -> None:
        own = next(numbers)
        for step in range(_STEPS):
            connection.execute("INSERT INTO steps VALUES (?, ?, ?, ?, ?)", (own, step, f"n{step}", json.dumps({f"v{step + 1}": step}), 0.0))

    return run


def _steps(folder: Path, name: str, durability: str) -> Work:
    store = SqliteCheckpointer(folder / f"{name}.db", policy=CheckpointPolicy(durability=durability))  # type: ignore[arg-type]
    runner, graph, numbers = SyncRunner(checkpointer=store), chain(_STEPS), itertools.count()
    return lambda: runner.run(graph, {"v0": 1}, workflow_id=f"run-{next(numbers)}")


def _steps_behind(folder: Path, steps: int) -> Work:
    """Steps that are written behind the run, each run with its beginning and its end, which are waited for."""
    import asyncio

    store = SqliteCheckpointer(folder / f"behind-{steps}.db")
    runner, graph, numbers, loop = AsyncRunner(checkpointer=store), chain(steps, is_async=True), itertools.count(), asyncio.new_event_loop()
    return lambda: loop.run_until_complete(runner.run(graph, {"v0": 1}, workflow_id=f"run-{next(numbers)}"))


def bytes_per_step(folder: Path) -> float:
    """How much the file grows by one small step."""
    path = folder / "size.db"
    runner, graph = SyncRunner(checkpointer=SqliteCheckpointer(path)), chain(_STEPS)
    sizes = []
    for count in (50, 150):
        for number in range(count):
            runner.run(graph, {"v0": 1}, workflow_id=f"run-{count}-{number}")
        with sqlite3.connect(path) as connection:
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        sizes.append(path.stat().st_size)
    return (sizes[1] - sizes[0]) / (150 * _STEPS)


def _floor_resume(folder: Path, steps: int) -> Work:
    connection = _connect(folder / "floor-resume.db")
    connection.execute("BEGIN")
    connection.executemany(
        "INSERT OR REPLACE INTO steps VALUES (0, ?, ?, ?, 0.0)",
        [(step, f"n{step}", json.dumps({f"v{step + 1}": step})) for step in range(steps)],
    )
    connection.execute("COMMIT")

    def run() -> dict[str, int]:
        state: dict[str, int] = {}
        for (text,) in connection.execute("SELECT vals FROM steps WHERE run = 0 ORDER BY superstep"):
            state.update(json.loads(text))
        return state

    return run


def _resume(folder: Path, steps: int) -> Work:
    """A chain whose last node fails, taken up again and again: all but the last step are restored each time."""
    from hypergraph import FunctionNode, Graph

    def fail(value: int) -> int:
        raise RuntimeError(value)

    names = {"value": f"v{steps}"}
    graph = Graph([*chain(steps).nodes.values(), FunctionNode(fail, output_name="end", rename_inputs=names)], name="resumed")
    runner = SyncRunner(checkpointer=SqliteCheckpointer(folder / "resume.db"))
    numbers = itertools.count()
    runner.run(graph, {"v0": 1}, workflow_id="source", error_handling="continue")
    return lambda: runner.run(graph, fork_from="source", workflow_id=f"again-{next(numbers)}", error_handling="continue")


def stored_cases(folder: Path, quick: bool) -> list[Case]:
    """The cases that write to or read from a store in `folder`."""
    return [
        Case(
            "checkpointed step, on the disk each", "step", _STEPS,
            [
                Contender("floor", partial(_floor_steps, folder, "FULL")),
                Contender("hypergraph", partial(_steps, folder, "sync", "sync")),
                *peers("steps", _STEPS, folder),
            ],
            "at most 1.2 x floor", ratio=1.2, clock="wall",
        ),
        Case(
            "checkpointed step, committed each", "step", _STEPS,
            [
                Contender("floor", partial(_floor_steps, folder, "NORMAL")),
                Contender("hypergraph", partial(_steps, folder, "each", "async")),
            ],
            "at most 1.5 x floor", ratio=1.5, clock="wall",
        ),
        Case(
            "checkpointed step, async durability", "step", _STEPS,
            [
                Contender("floor", partial(_floor_steps, folder, "NORMAL", "-behind")),
                Contender("hypergraph", partial(_steps_behind, folder, _STEPS)),
                Contender("hypergraph (of 1,000)", partial(_steps_behind, folder, 1000), units=1000),
            ],
            "at most 0.5 x floor", ratio=0.5, clock="cpu",
        ),
        Case(
            "resume of 1,000 steps", "run", 1,
            [Contender("floor", partial(_floor_resume, folder, 1000)), Contender("hypergraph", partial(_resume, folder, 1000))],
            "at most 4 ms", most=4000, clock="wall",
        ),
        *history_cases(folder, quick),
        *large_history_cases(folder),
    ]  # fmt: skip
