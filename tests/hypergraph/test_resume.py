"""What a run goes on from: the journal in brief, the frontier, and keys of steps that are never given twice."""

from __future__ import annotations

import sqlite3
import sys
import warnings
from pathlib import Path
from typing import Any

import pytest

from hypergraph import END, FunctionNode, Graph, NodeContext, node, route
from hypergraph.checkpointers import CheckpointPolicy, MemoryCheckpointer, PickleSerializer, SqliteCheckpointer, StepRecord, StepStatus
from hypergraph.checkpointers.rows import PARTIAL
from hypergraph.records import journal_of
from tests.hypergraph.both import Both, both


class Broken:
    """Fails until it is mended."""

    def __init__(self, at: int = 0) -> None:
        self.now = True
        self.at = at

    def check(self, count: int) -> None:
        if self.now and count >= self.at:
            raise ConnectionError("not now")


def loop(broken: Broken, keys: list[str]) -> Graph:
    """A loop to 8 that fails in its fifth round, and notes the key of each step."""

    @node(output_name="count")
    def step(count: int, ctx: NodeContext) -> int:
        keys.append(ctx.step_key)
        broken.check(count)
        return count + 1

    @route(targets=["step", END])
    def again(count: int) -> Any:
        return "step" if count < 8 else END

    return Graph([step, again], name="loop", entrypoint="step")


class TestJournal:
    """A journal says in brief what a checkpoint says at length."""

    @pytest.fixture(params=["sqlite", "memory", "pickle"])
    def store(self, request: pytest.FixtureRequest, tmp_path: Path) -> Any:
        if request.param == "memory":
            return MemoryCheckpointer()
        serializer = PickleSerializer(allow_pickle=True) if request.param == "pickle" else None
        return SqliteCheckpointer(tmp_path / "runs.db", serializer=serializer)

    def same(self, store: Any, run_id: str) -> None:
        told, brief = journal_of(store.checkpoint(run_id)), store.journal(run_id)
        assert sorted(brief.steps, key=lambda step: step[:2]) == sorted(told.steps, key=lambda step: step[:2])
        assert (brief.line, brief.inputs) == (told.line, told.inputs)
        # A step that was saved by hand without a moment has one in the store all the same.
        assert told.last is None or brief.last == told.last

    @both
    def test_of_a_failed_loop_and_its_fork(self, store: Any, runner: Both) -> None:
        """Decisions, failures, turns, and what a fork inherits."""
        runner, broken = runner.having(checkpointer=store), Broken(4)
        graph = loop(broken, [])
        runner.run(graph, count=0, workflow_id="w", error_handling="continue")
        self.same(store, "w")
        broken.now = False
        runner.run(graph, fork_from="w", workflow_id="f")
        self.same(store, "f")
        assert [step[4] for step in store.journal("w").steps if step[2] == "step"] == [1, 2, 3, 4, 5]

    def test_of_odd_values(self, store: Any) -> None:
        """Tagged values, no values, a None that is a value, a stop, a large value."""
        store.create_run_sync("w")
        given: list[dict[str, Any] | None] = [{"a": (1, {2})}, None, {"b": None}, {"c": 'x"],["'}, {"d": "é\ud800"}, {}]
        for place, values in enumerate(given):
            status = StepStatus.COMPLETED if values is not None else StepStatus.PAUSED
            store.save_step_sync(StepRecord("w", place, f"n{place}", place, status, {"in.x": place}, values, partial=place == 5))
        self.same(store, "w")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            store.save_step_sync(StepRecord("w", 9, "big", 9, StepStatus.COMPLETED, {}, {"e": "y" * (1 << 20)}))
        self.same(store, "w")

    def test_of_no_steps(self, store: Any) -> None:
        """A run that has only begun, and one that there is not."""
        store.create_run_sync("w")
        assert store.journal("w").steps == []
        assert store.journal("none").line == ()

    def test_damaged_values_are_told_as_ever(self, tmp_path: Path) -> None:
        """What the joined text cannot hold is read step by step, and the damaged step is named."""
        store = SqliteCheckpointer(tmp_path / "runs.db")
        store.create_run_sync("w")
        for place in range(3):
            store.save_step_sync(StepRecord("w", place, f"n{place}", place, StepStatus.COMPLETED, {}, {"a": place}))
        with sqlite3.connect(tmp_path / "runs.db") as db:
            db.execute("UPDATE steps SET data = x'7b7d5d2c5b7b7d' WHERE superstep = 1")
        with pytest.raises(Exception, match="damaged"):
            store.journal("w")

    def test_a_name_with_a_backslash_stays_what_it_is(self, tmp_path: Path) -> None:
        """Steps saved by hand may have any name."""
        store = SqliteCheckpointer(tmp_path / "runs.db")
        store.create_run_sync("w")
        for place, name in enumerate(["a\\u0062", 'q"q', 'x","y', "é"]):
            store.save_step_sync(StepRecord("w", place, name, place, StepStatus.COMPLETED, {}, {"a": place}))
        self.same(store, "w")


class TestStepKeys:
    """A step's key is given to one turn of one node and to no other, whatever a store keeps."""

    @pytest.mark.parametrize("retention", ["full", "latest"])
    @both
    def test_turns_go_on_after_a_resume(self, retention: Any, runner: Both, tmp_path: Path) -> None:
        """Only the turn that failed has its key again: it is the same piece of work."""
        keys: list[str] = []
        broken = Broken(4)
        store = SqliteCheckpointer(tmp_path / "runs.db", policy=CheckpointPolicy(retention=retention))
        runner, graph = runner.having(checkpointer=store), loop(broken, keys)
        for at in (4, 6, 99):
            broken.at = at
            result = runner.run(graph, {"count": 0} if at == 4 else None, workflow_id="w", error_handling="continue")
        assert result["count"] == 8
        assert list(dict.fromkeys(keys)) == [f"w/step/{turn}" for turn in range(1, 9)]
        assert keys.count("w/step/5") == keys.count("w/step/7") == 2

    @both
    def test_the_turn_is_in_the_record(self, runner: Both, tmp_path: Path) -> None:
        """Also of a step that failed, and of one that is tried again."""
        broken = Broken(2)
        store = SqliteCheckpointer(tmp_path / "runs.db")
        runner, graph = runner.having(checkpointer=store), loop(broken, [])
        runner.run(graph, count=0, workflow_id="w", error_handling="continue")
        broken.now = False
        runner.run(graph, workflow_id="w")
        told = [(step.turn, step.attempt, step.status.value) for step in store.steps("w") if step.node_name == "step"]
        assert told[:5] == [(1, 1, "completed"), (2, 1, "completed"), (3, 1, "failed"), (3, 2, "completed"), (4, 1, "completed")]
        assert store.steps("w")[0].to_dict()["turn"] == 1

    @both
    def test_a_fork_counts_its_own_turns(self, tmp_path: Path, runner: Both) -> None:
        """Its id is another, so its keys are."""
        keys: list[str] = []
        broken = Broken(4)
        store = SqliteCheckpointer(tmp_path / "runs.db", policy=CheckpointPolicy(retention="latest"))
        runner, graph = runner.having(checkpointer=store), loop(broken, keys)
        runner.run(graph, count=0, workflow_id="w", error_handling="continue")
        broken.at = 6
        runner.run(graph, fork_from="w", workflow_id="f", error_handling="continue")
        broken.now = False
        runner.run(graph, workflow_id="f")
        assert list(dict.fromkeys(keys[5:])) == [f"f/step/{turn}" for turn in range(1, 5)]


class TestFrontier:
    """What is behind a restored run costs no more than the look that tells so."""

    def calls_of_resume(self, tmp_path: Path, size: int) -> int:
        def fail(value: int) -> int:
            raise ConnectionError(value)

        def plus(value: int) -> int:
            return value + 1

        nodes = [
            FunctionNode(plus, name=f"n{place}", output_name=f"v{place + 1}", rename_inputs={"value": f"v{place}"}) for place in range(size)
        ]
        graph = Graph([*nodes, FunctionNode(fail, output_name="end", rename_inputs={"value": f"v{size}"})])
        store = SqliteCheckpointer(tmp_path / f"{size}.db")
        runner = Both("sync").having(checkpointer=store)
        runner.run(graph, {"v0": 0}, workflow_id="w", error_handling="continue")
        runner.run(graph, workflow_id="w", error_handling="continue")
        calls = 0

        def count(frame: Any, event: str, _: Any) -> None:
            nonlocal calls
            calls += event == "call"

        sys.setprofile(count)
        try:
            runner.run(graph, workflow_id="w", error_handling="continue")
        finally:
            sys.setprofile(None)
        assert [step.attempt for step in store.steps("w") if step.node_name == "fail"] == [1, 2, 3]
        return calls

    def test_a_restored_step_costs_a_few_calls(self, tmp_path: Path) -> None:
        """It is folded in, and is not scheduled over; the cost a step does not grow with the history."""
        few, many = self.calls_of_resume(tmp_path, 100), self.calls_of_resume(tmp_path, 1000)
        assert (many - few) / 900 <= 6


def test_flags_leave_room_for_turns() -> None:
    """A partial step in a late turn reads as both."""
    store = MemoryCheckpointer()
    store.create_run_sync("w")
    store.save_step_sync(StepRecord("w", 0, "n", 0, StepStatus.COMPLETED, {}, {}, partial=True, turn=70_000))
    step = store.steps("w")[0]
    assert (step.turn, step.partial, step.cached, PARTIAL) == (70_000, True, False, 2)
