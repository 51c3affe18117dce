"""A batch that is called again, and one that is stopped: what is kept of it, and what it gives."""

from __future__ import annotations

import sqlite3
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hypergraph import EventProcessor, Graph, RunStartEvent, RunStatus, SyncRunner, node
from hypergraph.checkpointers import CheckpointPolicy, MemoryCheckpointer, SqliteCheckpointer, WorkflowStatus
from tests.hypergraph.both import Both, both
from tests.hypergraph.test_checkpointers import MinimalSync


@pytest.fixture(params=["sqlite", "exit", "memory", "small"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Any:
    if request.param == "small":
        return MinimalSync()
    if request.param == "memory":
        return MemoryCheckpointer()
    policy = CheckpointPolicy(durability="exit", retention="latest") if request.param == "exit" else None
    return SqliteCheckpointer(tmp_path / "runs.db", policy=policy)


class Listener(EventProcessor):
    """Keeps what it hears."""

    def __init__(self, heard: list[Any]) -> None:
        self.heard = heard

    def on_event(self, event: Any) -> None:
        self.heard.append(event)


def counted(calls: list[Any]) -> Graph:
    @node(output_name="y")
    def work(x: Any, by: int = 1) -> Any:
        calls.append(x)
        return x * by

    return Graph([work], name="batch")


class TestInputs:
    """What is stored of a batch is what it was last called with; each item keeps its own."""

    @both
    def test_appended_items_are_among_them(self, store: Any, runner: Both) -> None:
        """So they can be run again by their place, without values."""
        calls: list[Any] = []
        runner, graph = runner.having(checkpointer=store), counted(calls)
        runner.map(graph, {"x": [1, 2], "by": 10}, map_over="x", workflow_id="b")
        runner.map(graph, {"x": [1, 2, 3], "by": 10}, map_over="x", workflow_id="b")
        assert store.inputs("b") == {"x": [1, 2, 3], "by": 10}
        assert calls == [1, 2, 3]
        assert runner.map(graph, map_over="x", workflow_id="b", only=[2])["y"] == [30]
        assert runner.map(graph, map_over="x", workflow_id="b")["y"] == [10, 20, 30]
        assert calls == [1, 2, 3]
        assert store.inputs("b") == {"x": [1, 2, 3], "by": 10}

    @both
    def test_the_former_ones_are_with_the_items(self, store: Any, runner: Both) -> None:
        """A changed item is an item of its own: neither inputs nor result of the old one are lost, or taken for its own."""
        calls: list[Any] = []
        runner, graph = runner.having(checkpointer=store), counted(calls)
        runner.map(graph, {"x": [1, 2]}, map_over="x", workflow_id="b")
        assert runner.map(graph, {"x": [1, 5]}, map_over="x", workflow_id="b")["y"] == [1, 5]
        assert calls == [1, 2, 5]
        assert store.inputs("b") == {"x": [1, 5]}
        assert sorted(found["x"] for run_id, found in store.children_inputs("b").items() if run_id != "b") == [1, 2, 5]

    @both
    def test_a_run_keeps_its_first(self, runner: Both, tmp_path: Path) -> None:
        """Only a batch is called again with other inputs."""
        store = SqliteCheckpointer(tmp_path / "runs.db")
        broken = {"now": True}

        @node(output_name="y")
        def work(x: int) -> int:
            if broken["now"]:
                raise ConnectionError
            return x

        runner, graph = runner.having(checkpointer=store), Graph([work])
        runner.run(graph, x=1, workflow_id="w", error_handling="continue")
        broken["now"] = False
        assert runner.run(graph, workflow_id="w")["y"] == 1
        assert store.inputs("w") == {"x": 1}

    def test_large_ones_go_with_the_call_they_came_with(self, tmp_path: Path) -> None:
        """What nothing refers to any more is let go."""
        store = SqliteCheckpointer(tmp_path / "runs.db")
        graph = counted([])
        large = ["a" * (1 << 21), "b" * (1 << 21)]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            SyncRunner(checkpointer=store).map(graph, {"x": large}, map_over="x", workflow_id="b")
            SyncRunner(checkpointer=store).map(graph, {"x": [1]}, map_over="x", workflow_id="b")
        assert store.inputs("b") == {"x": [1]}
        assert store.inputs("b/0") == {"x": large[0]}


def stopping(stop: Callable[[], Any], at: int) -> Graph:
    @node(output_name="y")
    def work(x: int) -> int:
        if x == at:
            stop()
        return x * 2

    return Graph([work], name="inner")


class TestStopped:
    """A stopped map has a place for every item: the index is the item's, the length the input's."""

    @both
    def test_items_that_never_began_are_stopped_ones(self, runner: Both) -> None:
        """They have no values, and the batch says that it was stopped."""
        options = {} if runner.name == "sync" else {"max_concurrency": 1}
        result = runner.map(stopping(lambda: runner.runner.stop("b"), 2), {"x": [1, 2, 3, 4]}, map_over="x", workflow_id="b", **options)
        assert [item.status for item in result] == [RunStatus.COMPLETED] + [RunStatus.STOPPED] * 3
        assert result["y"] == [2, 4, None, None]
        assert (result.stopped, result.status) == (True, RunStatus.STOPPED)
        assert result[3] == result[3]
        assert len({item.run_id for item in result}) == len(result.log) == 4

    @both
    def test_only_those_that_were_asked_for_have_a_place(self, runner: Both) -> None:
        """In the order of the items."""
        store = MemoryCheckpointer()
        runner = runner.having(checkpointer=store)
        options = {} if runner.name == "sync" else {"max_concurrency": 1}
        graph = stopping(lambda: runner.runner.stop("b"), 2)
        result = runner.map(graph, {"x": [1, 2, 3, 4]}, map_over="x", workflow_id="b", only=[3, 1], **options)
        assert result["y"] == [4, 8]

    @both
    @pytest.mark.parametrize("delegated", [False, True])
    @pytest.mark.parametrize("handling", ["raise", "continue"])
    def test_lists_of_a_mapped_graph_are_as_long_as_its_items(self, runner: Both, delegated: bool, handling: Any) -> None:
        """The same runner or another: what a stop left out is None."""
        options = {} if runner.name == "sync" else {"max_concurrency": 1}
        inner = stopping(lambda: runner.runner.stop("w"), 2)
        outer = inner.as_node(runner=SyncRunner()) if delegated else inner.as_node()
        result = runner.run(Graph([outer.map_over("x", error_handling=handling)]), x=[1, 2, 3, 4], workflow_id="w", **options)
        assert result.stopped
        assert result["y"] == [2, 4, None, None]

    @both
    @pytest.mark.parametrize("delegated", [False, True])
    def test_a_failed_item_gives_none_in_every_list(self, runner: Both, delegated: bool) -> None:
        """Also for an output that it had brought about before it failed."""

        @node(output_name="a")
        def first(x: int) -> int:
            return x

        @node(output_name="b")
        def second(a: int) -> float:
            return 6 / a

        inner = Graph([first, second], name="inner")
        outer = inner.as_node(runner=SyncRunner()) if delegated else inner.as_node()
        result = runner.run(Graph([outer.map_over("x", error_handling="continue")]), x=[1, 0, 3])
        assert (result["a"], result["b"]) == ([1, None, 3], [6.0, None, 2.0])


class TestTimes:
    """What a batch finds done keeps the times at which it was done."""

    def interrupted(self, store: Any, runner: Both, ends: bool) -> dict[str, tuple[Any, ...]]:
        """Run a batch of three whose last item fails; forget, where asked to, how the first one ended, as a kill may do."""
        broken = {"now": True}

        @node(output_name="y")
        def work(x: int) -> int:
            if broken["now"] and x == 3:
                raise ConnectionError
            return x

        @node(output_name="z")
        def after(y: int) -> int:
            return y

        graph = Graph([work, after], name="batch")
        runner.having(checkpointer=store).map(graph, {"x": [1, 2, 3]}, map_over="x", workflow_id="b", error_handling="continue")
        if not ends:
            store.update_run_status_sync("b/0", WorkflowStatus.ACTIVE)
        before = {run.id: self.told(run) for run in store.runs(parent_run_id="b")}
        last = max(step.completed_at for step in store.steps("b/0"))
        broken["now"] = False
        heard: list[Any] = []
        result = runner.having(checkpointer=store).map(
            graph, {"x": [1, 2, 3]}, map_over="x", workflow_id="b", event_processors=[Listener(heard)]
        )
        assert result["z"] == [1, 2, 3]
        assert [event.item_index for event in heard if isinstance(event, RunStartEvent) and event.item_index is not None] == [2]
        after_all = {run.id: self.told(run) for run in store.runs(parent_run_id="b")}
        assert after_all["b/1"] == before["b/1"]
        assert after_all["b/2"][1] > last
        if ends:
            assert after_all["b/0"] == before["b/0"]
        else:
            status, ended, began, took = after_all["b/0"]
            assert (status, ended, began) == (WorkflowStatus.COMPLETED, last, before["b/0"][2])
            assert took == pytest.approx((last - began).total_seconds() * 1000)
        return after_all

    def told(self, run: Any) -> tuple[Any, ...]:
        return run.status, run.completed_at, run.created_at, run.duration_ms

    @both
    @pytest.mark.parametrize("ends", [True, False])
    @pytest.mark.parametrize("kind", ["sqlite", "memory"])
    def test_an_item_ended_when_its_last_step_did(self, runner: Both, ends: bool, kind: str, tmp_path: Path) -> None:
        """Also one whose steps are stored, while the process was killed before it could say that it ended."""
        self.interrupted(MemoryCheckpointer() if kind == "memory" else SqliteCheckpointer(tmp_path / "runs.db"), runner, ends)

    @both
    def test_a_nested_run_that_had_ended_keeps_its_end(self, runner: Both, tmp_path: Path) -> None:
        """Its parent did not come to store the step around it: it is restored, not run again, and not ended again."""
        store = SqliteCheckpointer(tmp_path / "runs.db")
        calls: list[int] = []

        @node(output_name="y")
        def work(x: int) -> int:
            calls.append(x)
            return x

        graph = Graph([Graph([work], name="inner").as_node()], name="outer")
        runner.having(checkpointer=store).run(graph, x=1, workflow_id="w")
        ended = store.get_run("w/inner").completed_at
        last = store.steps("w/inner")[-1].completed_at
        with sqlite3.connect(tmp_path / "runs.db") as db:
            db.execute("DELETE FROM steps WHERE run = (SELECT key FROM runs WHERE id = 'w')")
            db.execute("UPDATE runs SET status = 'active' WHERE id = 'w'")
        assert runner.having(checkpointer=store).run(graph, workflow_id="w")["y"] == 1
        assert calls == [1]
        assert last <= store.get_run("w/inner").completed_at <= ended
