"""What keeps a long history quick: which questions are answered from an index alone, and that the answers stay the same."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from hypergraph import Graph, SqliteCheckpointer, SyncRunner, node
from hypergraph.checkpointers.history import ReadonlyStore, RunFilter
from hypergraph.checkpointers.queries import pages, searching
from hypergraph.records import WorkflowStatus


@node(output_name="y")
def work(x: int) -> int:
    if x < 0:
        raise ValueError("50%_off\\ is negative")
    return x


@pytest.fixture
def view(tmp_path: Path) -> ReadonlyStore:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    runner, graph = SyncRunner(checkpointer=store), Graph([work], name="Orders")
    for name, x in (("a_1", 1), ("ab1", 2), ("Straße", 3), ("bad", -1)):
        runner.run(graph, x=x, workflow_id=name, error_handling="continue")
    runner.map(graph, x=[1, -1, 2], map_over="x", workflow_id="batch", error_handling="continue")
    store.search("anything")
    store.close_sync()
    return store.open_readonly(store.path)


def plan_of(view: ReadonlyStore, operation: Any) -> list[str]:
    sql, values = next(operation)
    with sqlite3.connect(view.path) as db:
        return [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]


@pytest.mark.parametrize(
    "shown",
    [
        RunFilter(graph_name="none"),
        RunFilter(text="none"),
        RunFilter(status=(WorkflowStatus.FAILED, WorkflowStatus.STOPPED), graph_name="none"),
        RunFilter(parent_run_id="batch"),
        RunFilter(parent_run_id="batch", status=(WorkflowStatus.FAILED,), text="none"),
    ],
)
def test_filters_are_answered_from_the_index_before_any_row_is_read(view: ReadonlyStore, shown: RunFilter) -> None:
    context: Any = view._context
    assert any("COVERING INDEX runs_shown" in line for line in plan_of(view, pages.page(context, shown)))
    assert any("COVERING INDEX runs_shown" in line for line in plan_of(view, pages.counts(context, shown)))


def test_counts_of_all_runs_are_stretches_of_an_index(view: ReadonlyStore) -> None:
    searches = [line for line in plan_of(view, pages.counts(view._context, RunFilter())) if line.startswith("SEARCH")]
    assert len(searches) == len(WorkflowStatus)
    assert all("INDEX runs_top (status=?)" in line for line in searches)


def test_states_of_items_are_read_from_the_index(view: ReadonlyStore) -> None:
    operation = pages.item_states(view._context, "batch")
    next(operation)
    sql, values = operation.send([(3,)])
    with sqlite3.connect(view.path) as db:
        (line,) = [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
    assert "COVERING INDEX runs_shown" in line


def test_a_search_looks_at_new_runs_only(view: ReadonlyStore) -> None:
    def plans() -> list[str]:
        found = []
        operation = searching.bring_up_to_date()
        answer: Any = None
        with sqlite3.connect(view.path) as db:
            while True:
                try:
                    sql, values = operation.send(answer)
                except StopIteration:
                    return found
                if sql.startswith("INSERT"):
                    found += [row[3] for row in db.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
                answer = db.execute(sql, values).fetchall()

    assert not [line for line in plans() if line.startswith("SCAN") and "runs_unindexed" not in line]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("A_1", ["a_1"]),
        ("orders", ["batch", "bad", "Straße", "ab1", "a_1"]),
        ("Straße", ["Straße"]),
        ("50%_OFF\\", ["batch", "bad"]),
        ("%", ["batch", "bad"]),
        ("x_y", []),
    ],
)
def test_a_text_is_looked_for_as_it_stands(view: ReadonlyStore, text: str, found: list[str]) -> None:
    assert [run.id for run in view.page(RunFilter(text=text)).runs] == found
    assert view.counts(RunFilter(text=text)).total == len(view.page(RunFilter(text=text)).runs)


def test_counts_say_the_same_with_and_without_a_filter(view: ReadonlyStore) -> None:
    assert view.counts() == view.counts(RunFilter(graph_name="Orders"))
    assert view.counts(RunFilter(parent_run_id="batch")).by_status == {WorkflowStatus.COMPLETED: 2, WorkflowStatus.FAILED: 1}


def test_states_of_a_run_that_is_no_batch_are_none(tmp_path: Path) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    outer = Graph([Graph([work], name="inner").as_node()], name="outer")
    SyncRunner(checkpointer=store).run(outer, x=1, workflow_id="nested")
    store.close_sync()
    assert store.open_readonly(store.path).item_states("nested") == b""


def test_a_file_without_the_indexes_is_read_as_it_is_and_gets_them_when_it_is_written(view: ReadonlyStore) -> None:
    view.close_sync()
    with sqlite3.connect(view.path) as db:
        db.execute("DROP INDEX runs_shown")
        db.execute("CREATE INDEX runs_parent ON runs (parent_run_id)")
    assert view.counts().total == 5
    assert view.item_states("batch") == b"cfc"
    with SqliteCheckpointer(view.path) as store:
        store.get_run("a_1")
    with sqlite3.connect(view.path) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    assert "runs_shown" in names
    assert "runs_parent" not in names
