"""What screens ask of a history: pages, counts, items, failures, questions, changes, previews."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest

from hypergraph.checkpointers import (
    NewRun,
    PauseRecord,
    ReadonlyStore,
    RunFilter,
    SqliteCheckpointer,
    StepStatus,
    WorkflowStatus,
)
from hypergraph.exceptions import CheckpointError
from tests.hypergraph.store_faces import step

DONE, FAILED, PAUSED = WorkflowStatus.COMPLETED, WorkflowStatus.FAILED, WorkflowStatus.PAUSED


@dataclasses.dataclass
class Doc:
    title: str
    tags: tuple[str, ...]


@pytest.fixture
def cp(tmp_path: Path) -> Iterator[SqliteCheckpointer]:
    with SqliteCheckpointer(tmp_path / "runs.db") as made:
        yield made


@pytest.fixture
def view(cp: SqliteCheckpointer) -> Iterator[ReadonlyStore]:
    cp.runs()
    with SqliteCheckpointer.open_readonly(cp.path) as made:
        yield made


def run(cp: SqliteCheckpointer, name: str, status: WorkflowStatus = DONE, graph: str = "g", **ending: object) -> None:
    cp.begin_sync(NewRun(name, graph_name=graph))
    cp.finish_sync(name, status, **ending)


class TestPages:
    def test_pages_follow_each_other_and_stay_put_while_runs_are_added(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        for number in range(7):
            run(cp, f"r{number}")
        first = view.page(limit=3)
        run(cp, "late")
        second = view.page(after=first.next, limit=3)
        third = view.page(after=second.next, limit=3)
        assert [[one.id for one in page.runs] for page in (first, second, third)] == [["r6", "r5", "r4"], ["r3", "r2", "r1"], ["r0"]]
        assert third.next is None

    def test_filters_and_their_counts_agree(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        run(cp, "alpha", FAILED, error="ValueError: Boom")
        run(cp, "beta", graph="other")
        run(cp, "gamma", PAUSED)
        cp.begin_sync(NewRun("batch"))
        cp.begin_sync(NewRun("batch/0", parent_run_id="batch"))
        cp.finish_sync("batch/0", DONE)
        cp.finish_sync("batch", DONE)
        now = datetime.now(UTC)
        for given, expected in (
            (RunFilter(), {"alpha", "beta", "gamma", "batch"}),
            (RunFilter(status=(FAILED, PAUSED)), {"alpha", "gamma"}),
            (RunFilter(graph_name="other"), {"beta"}),
            (RunFilter(text="boom"), {"alpha"}),
            (RunFilter(text="%"), set()),
            (RunFilter(parent_run_id="batch"), {"batch/0"}),
            (RunFilter(since=now + timedelta(hours=1)), set()),
            (RunFilter(until=now + timedelta(hours=1), status=(DONE,)), {"beta", "batch"}),
        ):
            assert {one.id for one in view.page(given).runs} == expected
            assert view.counts(given).total == len(expected)
        assert view.counts().by_status == {FAILED: 1, DONE: 2, PAUSED: 1}

    def test_they_agree_with_the_plain_reads(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        for number in range(5):
            run(cp, f"r{number}", FAILED if number % 2 else DONE)
        assert list(view.page(limit=100).runs) == cp.runs(parent_run_id=None) == view.runs(parent_run_id=None)


class TestBatches:
    def batch(self, cp: SqliteCheckpointer) -> None:
        cp.begin_sync(NewRun("b", config={"kind": "map", "map_size": 6}))
        for number, status in ((0, DONE), (1, FAILED), (2, FAILED), (10, PAUSED), (4, WorkflowStatus.ACTIVE)):
            cp.begin_sync(NewRun(f"b/{number}", parent_run_id="b"))
            if status is FAILED:
                cp.save_step_sync(
                    step(
                        f"b/{number}",
                        0,
                        "load",
                        status=StepStatus.FAILED,
                        values=None,
                        error=f"TimeoutError: {number}",
                        error_type="TimeoutError",
                    )
                )
            if status is not WorkflowStatus.ACTIVE:
                cp.finish_sync(f"b/{number}", status)
        cp.begin_sync(NewRun("b/10/inner", parent_run_id="b/10"))

    def test_one_letter_an_item_in_the_order_of_items(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        self.batch(cp)
        assert view.item_states("b") == b"cff.a.....p"
        assert view.item_states("nope") == b""

    def test_failures_are_grouped_by_node_and_class(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        self.batch(cp)
        (group,) = view.failure_groups("b")
        assert (group.node_name, group.error_type, group.count, group.run_id) == ("load", "TimeoutError", 2, "b/1")

    def test_an_item_that_was_tried_again_with_success_is_no_failure(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        self.batch(cp)
        cp.begin_sync(NewRun("b/1", parent_run_id="b", resumes=True))
        cp.save_step_sync(step("b/1", 1, "load"))
        cp.finish_sync("b/1", DONE)
        assert [(group.count, group.run_id) for group in view.failure_groups("b")] == [(1, "b/2")]


class TestPauses:
    def test_all_questions_that_wait(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        for name in ("one", "two"):
            cp.begin_sync(NewRun(name, graph_name="g"))
            cp.finish_sync(name, PAUSED, pauses=[PauseRecord("ask", {"ok": "ok"}, {"draft": name}, "bool", ("True", "False"))])
        cp.begin_sync(NewRun("one", graph_name="g", resumes=True))
        cp.finish_sync("one", DONE)
        (waiting,) = view.pauses()
        assert (waiting.run_id, waiting.graph_name, waiting.pause.values, waiting.pause.choices) == (
            "two",
            "g",
            {"draft": "two"},
            ("True", "False"),
        )


class TestChanges:
    def test_only_what_is_new_is_told(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        run(cp, "before")
        token = view.changes_since(None).token
        assert view.changes_since(token).runs == ()
        run(cp, "after", FAILED)
        changes = view.changes_since(token)
        assert [one.id for one in changes.runs] == ["after"]
        assert view.changes_since(changes.token).runs == ()

    def test_new_steps_of_active_runs_are_told(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        cp.begin_sync(NewRun("wf"))
        token = view.changes_since(None).token
        for number in range(3):
            cp.save_step_sync(step("wf", number))
            changes = view.changes_since(token)
            assert changes.with_new_steps == ("wf",)
            token = changes.token
            assert view.changes_since(token).with_new_steps == ()
        cp.save_step_sync(step("wf", 2, "sibling"))
        assert view.changes_since(token).with_new_steps == ("wf",)
        cp.finish_sync("wf", DONE)

    def test_a_token_of_another_object_works(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        token = view.changes_since(None).token
        run(cp, "wf")
        with SqliteCheckpointer.open_readonly(cp.path) as other:
            assert [one.id for one in other.changes_since(token).runs] == ["wf"]

    def test_many_changes_come_in_parts(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        token = view.changes_since(None).token
        for number in range(5):
            run(cp, f"r{number}")
        seen: list[str] = []
        more = True
        while more:
            found = view.changes_since(token, limit=2)
            seen += [one.id for one in found.runs]
            token, more = found.token, found.more
        assert seen == [f"r{number}" for number in range(5)]


class TestPreviews:
    def test_nothing_is_rebuilt(self, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        values = {
            "doc": Doc("a title", ("x", "y")),
            "array": np.arange(4.0),
            "text": "word " * 1000,
            "rows": [{"a": 1}] * 3,
            "n": 7,
            "odd": {1: (2,)},
        }
        cp.save_step_sync(step("wf", values=values))

        def look(name: str, *path: str | int, limit: int = 2048) -> object:
            return view.value_preview("wf", 0, "work", name, path=path, limit=limit)

        doc = look("doc")
        assert (doc.kind, doc.items, doc.keys) == (f"{__name__}:Doc", 2, ("title", "tags"))
        assert look("doc", "title").text == "a title"
        assert (look("doc", "tags").kind, look("doc", "tags", 1).text) == ("tuple", "y")
        assert look("array").kind == "ndarray"
        text = look("text", limit=10)
        assert (text.kind, text.truncated, len(text.text)) == ("str", True, 10)
        assert (look("rows").kind, look("rows").items, look("rows", 1, "a").text) == ("list", 3, "1")
        assert look("n").text == "7"
        assert (look("odd").kind, look("odd", 1, 0).text) == ("dict", "2")

    @pytest.mark.parametrize("place", [("nope", 0, "work", "y"), ("wf", 9, "work", "y"), ("wf", 0, "nope", "y"), ("wf", 0, "work", "nope")])
    def test_what_is_not_there_is_said(self, place: tuple, cp: SqliteCheckpointer, view: ReadonlyStore) -> None:
        cp.save_step_sync(step("wf"))
        with pytest.raises(CheckpointError):
            view.value_preview(*place)
        with pytest.raises(CheckpointError, match="nothing at 'x'"):
            view.value_preview("wf", 0, "work", "y", path=("x",))
