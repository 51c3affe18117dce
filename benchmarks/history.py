"""The cases that read what was stored: short lists of a history, and all that a screen asks of 100,000 runs."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from functools import partial
from pathlib import Path

from benchmarks.harness import Case, Contender
from benchmarks.work import chain
from hypergraph import SqliteCheckpointer, SyncRunner
from hypergraph.checkpointers import WorkflowStatus
from hypergraph.checkpointers.history import ReadonlyStore, RunFilter
from hypergraph.checkpointers.rows import RUN_COLUMNS, STEP_COLUMNS

__all__ = ["history_cases", "large_history_cases"]

Work = Callable[[], object]

_LIST = "SELECT * FROM runs ORDER BY key DESC LIMIT 50"
_FAILED = "SELECT * FROM runs WHERE status = 'failed' ORDER BY key DESC LIMIT 50"

_LARGE = 100_000
_ITEMS = 67_000


def _filled(folder: Path, runs: int) -> Path:
    """Give a file with so many runs of three steps, every hundredth failed."""
    path = folder / f"history-{runs}.db"
    if not path.exists():
        graph, runner = chain(3), SyncRunner(checkpointer=SqliteCheckpointer(path))
        for number in range(runs):
            runner.run(graph, {"v0": None if number % 100 == 0 else number}, workflow_id=f"run-{number}", error_handling="continue")
        runner.checkpointer.close_sync()
    return path


def _floor(folder: Path, runs: int, query: str) -> Work:
    """Read the same values with sqlite3 alone, from tables that somebody would make by hand: every column in its row, nothing to join."""
    source, path = _filled(folder, runs), folder / f"floor-history-{runs}.db"
    fresh = not path.exists()
    db = sqlite3.connect(path, isolation_level=None)
    if fresh:
        db.execute("ATTACH ? AS source", (str(source),))
        columns = RUN_COLUMNS.replace("r.key", "r.key AS key").replace("t.content", "t.content AS config")
        db.execute(f"CREATE TABLE runs AS SELECT {columns} FROM source.runs r LEFT JOIN source.texts t ON t.key = r.config")
        columns = STEP_COLUMNS.replace("n.name", "n.name AS node_name").replace("n.type", "n.type AS node_type")
        db.execute(f"CREATE TABLE steps AS SELECT {columns}, r.id AS run_id FROM source.steps s JOIN source.nodes n ON n.key = s.node "
                   "JOIN source.runs r ON r.key = s.run")  # fmt: skip
        for index in ("runs (key)", "runs (status, key)", "steps (run_id)"):
            db.execute(f"CREATE INDEX by_{index.translate(str.maketrans(' (', '__', '),'))} ON {index}")
        db.execute("DETACH source")
    return lambda: db.execute(query).fetchall()


def _read(folder: Path, runs: int, read: Callable[[SqliteCheckpointer], object]) -> Work:
    store = SqliteCheckpointer(_filled(folder, runs))
    return lambda: read(store)


def _looked_at(store: SqliteCheckpointer) -> object:
    """List 50 and look at what a list shows."""
    return [(run.id, run.status, run.graph_name, run.created_at, run.duration_ms, run.node_count) for run in store.runs(limit=50)]


def history_cases(folder: Path, quick: bool) -> list[Case]:
    """Short reads of a long history, against sqlite3 that fetches the same values and makes nothing of them."""
    runs = 1000 if quick else 10_000
    half = runs // 2
    failed = WorkflowStatus.FAILED
    listed = Contender("hypergraph (looked at)", partial(_read, folder, runs, _looked_at))
    cases: list[tuple[str, str, Callable[[SqliteCheckpointer], object], list[Contender]]] = [
        ("list 50", _LIST, lambda store: store.runs(limit=50), [listed]),
        ("one run's steps", f"SELECT * FROM steps WHERE run_id = 'run-{half}'", lambda store: store.steps(f"run-{half}"), []),
        ("50 failed ones", _FAILED, lambda store: store.runs(status=failed, limit=50), []),
    ]
    return [
        Case(
            f"history of {runs:,} runs: {name}", "read", 1,
            [
                Contender("floor", partial(_floor, folder, runs, query)),
                Contender("hypergraph", partial(_read, folder, runs, read)),
                *more,
            ],
            "at most 2 x floor", ratio=2, clock="wall",
        )
        for name, query, read, more in cases
    ]  # fmt: skip


def _large(folder: Path) -> Path:
    """Give a file with 100,000 top-level runs and a batch of 67,000 items: a few real runs, and rows that are copies of theirs."""
    path = folder / "history-100000.db"
    if path.exists():
        return path
    store = SqliteCheckpointer(path)
    graph, runner = chain(3, name="orders"), SyncRunner(checkpointer=store)
    runner.run(graph, {"v0": 1}, workflow_id="model")
    runner.map(graph, {"v0": [1]}, map_over="v0", workflow_id="batch")
    store.close_sync()
    db = sqlite3.connect(path, isolation_level=None)
    columns = [
        row[1] for row in db.execute("PRAGMA table_info(runs)") if row[1] not in ("key", "id", "seq", "status", "graph_name", "indexed")
    ]
    kept = ", ".join(columns)
    count = "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)"
    status = "CASE WHEN i % 100 = 0 THEN 'failed' WHEN i % 1000 = 1 THEN 'stopped' ELSE 'completed' END"
    db.execute("BEGIN")
    for name, size, model, graphs in (
        ("'run-' || i", _LARGE, "model", "'graph-' || i % 7"),
        ("'batch/' || i", _ITEMS - 1, "batch/0", "graph_name"),
    ):
        db.execute(
            f"INSERT INTO runs (id, seq, status, graph_name, {kept}) {count} SELECT {name}, 10 + i, {status}, {graphs}, {kept} "
            "FROM n, runs WHERE id = ?",
            (size, model),
        )
    db.execute(
        "INSERT INTO steps SELECT r.key, s.superstep, s.node, s.idx, CASE WHEN r.status = 'failed' AND s.superstep = 2 THEN 1 ELSE 0 END, "
        "s.versions, s.data, s.duration_ms, s.flags, s.decision, s.completed_at, s.created_at, s.started_at, s.child_run_id, s.attempt, "
        "CASE WHEN r.status = 'failed' AND s.superstep = 2 THEN 'ValueError: no' END, NULL, NULL "
        "FROM runs r JOIN steps s ON s.run = (SELECT key FROM runs WHERE id = 'model') WHERE r.key > 10"
    )
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    return path


def _shown(folder: Path, read: Callable[[ReadonlyStore], object]) -> Work:
    view = ReadonlyStore(_large(folder))
    return lambda: read(view)


def _searched(folder: Path) -> Work:
    store = SqliteCheckpointer(_large(folder))
    store.search("v1", limit=20)  # the first search makes the index
    return lambda: store.search("v1", limit=20)


def large_history_cases(folder: Path) -> list[Case]:
    """What the screens ask, each as one read of a history of 100,000 runs beside a batch of 67,000 items."""
    nothing = RunFilter(text="no such run")
    reads: list[tuple[str, Callable[[ReadonlyStore], object]]] = [
        ("first page", lambda view: view.page(limit=50)),
        ("a page in the middle", lambda view: view.page(after=50_000, limit=50)),
        ("a page of failed ones", lambda view: view.page(RunFilter(status=(WorkflowStatus.FAILED,)), limit=50)),
        ("a page of one graph", lambda view: view.page(RunFilter(graph_name="graph-3"), limit=50)),
        ("a graph that does not exist", lambda view: view.page(RunFilter(graph_name="no such graph"), limit=50)),
        ("a text that is nowhere", lambda view: view.page(nothing, limit=50)),
        ("counts by status", lambda view: view.counts()),
        ("counts of one graph", lambda view: view.counts(RunFilter(graph_name="graph-3"))),
        ("counts of a text", lambda view: view.counts(nothing)),
        ("states of 67,000 items", lambda view: view.item_states("batch")),
        ("failures of a batch", lambda view: view.failure_groups("batch")),
        ("items of a batch", lambda view: view.page(RunFilter(parent_run_id="batch"), limit=50)),
        ("opening a run", lambda view: (view.get_run("run-50000"), view.steps("run-50000"), view.inputs("run-50000"))),
        ("what is new", lambda view: view.changes_since("0")),
    ]
    cases = [
        Case(f"history of 100,000 runs: {name}", "read", 1, [Contender("hypergraph", partial(_shown, folder, read))],
             "at most 50 ms", most=50_000, clock="wall")
        for name, read in reads
    ]  # fmt: skip
    search = Contender("hypergraph", partial(_searched, folder))
    return [*cases, Case("history of 100,000 runs: search", "read", 1, [search], "at most 50 ms", most=50_000, clock="wall")]
