"""What every store does, whichever it is and through whichever face."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from hypergraph.checkpointers import (
    CheckpointPolicy,
    MemoryCheckpointer,
    NewRun,
    PauseRecord,
    SqliteCheckpointer,
    StepStatus,
    WorkflowStatus,
)
from hypergraph.exceptions import CheckpointError, WorkflowAlreadyRunningError, WorkflowForkError
from tests.hypergraph.store_faces import ASYNC, SYNC, ZERO, Face, step

KINDS = ["file-sync", "file-async", "sqlite-memory-sync", "sqlite-memory-async", "memory-sync", "memory-async"]


def make_store(kind: str, folder: Path, policy: CheckpointPolicy | None = None) -> Any:
    if kind.startswith("memory"):
        return MemoryCheckpointer(policy)
    return SqliteCheckpointer(":memory:" if kind.startswith("sqlite") else folder / "runs.db", policy=policy)


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
async def store(kind: str, tmp_path: Path) -> AsyncIterator[Face]:
    made = make_store(kind, tmp_path)
    yield Face(made, ASYNC if kind.endswith("-async") else SYNC)
    await made.close()


class TestFresh:
    async def test_reads_of_a_fresh_store_are_empty(self, store: Face) -> None:
        assert await store.get_run("x") is None
        assert await store.list_runs() == []
        assert await store.get_steps("x") == []
        assert await store.get_state("x") == {}
        assert await store.get_inputs("x") == {}
        assert await store.get_sources("x") == {}
        assert await store.search("x") == []

    async def test_checkpoint_of_an_unknown_run_is_empty(self, store: Face) -> None:
        checkpoint = await store.get_checkpoint("x")
        assert checkpoint.values == {}
        assert checkpoint.steps == []


class TestRuns:
    async def test_a_created_run_is_active(self, store: Face) -> None:
        run = await store.create_run("wf", graph_name="g", config={"graph_struct_hash": "h"})
        assert (run.id, run.status, run.graph_name, run.config) == ("wf", WorkflowStatus.ACTIVE, "g", {"graph_struct_hash": "h"})
        assert run == await store.get_run("wf")
        assert not run.interrupted

    async def test_every_field_of_a_created_run_comes_back(self, store: Face) -> None:
        await store.create_run("old")
        await store.create_run("p")
        run = await store.create_run(
            "p/c", graph_name="g", parent_run_id="p", forked_from="old", fork_superstep=3, retry_of="old", retry_index=2, config={"a": [1]}
        )
        assert (run.parent_run_id, run.forked_from, run.fork_superstep, run.retry_of, run.retry_index) == ("p", "old", 3, "old", 2)

    async def test_creating_again_resets_all_but_the_time_of_creation(self, store: Face) -> None:
        first = await store.create_run("wf", graph_name="a")
        await store.update_run_status("wf", WorkflowStatus.COMPLETED, duration_ms=5.0, node_count=2, error_count=1)
        again = await store.create_run("wf", graph_name="b")
        assert again.created_at == first.created_at
        assert (again.status, again.graph_name, again.duration_ms) == (WorkflowStatus.ACTIVE, "b", None)
        assert (again.node_count, again.error_count, again.completed_at) == (0, 0, None)

    @pytest.mark.parametrize("status", list(WorkflowStatus))
    async def test_completed_at_is_set_by_what_is_final(self, store: Face, status: WorkflowStatus) -> None:
        await store.create_run("wf")
        await store.update_run_status("wf", status, duration_ms=1500.0, node_count=10, error_count=2)
        run = await store.get_run("wf")
        assert run.status is status
        assert (run.duration_ms, run.node_count, run.error_count) == (1500.0, 10, 2)
        assert (run.completed_at is None) == (status in (WorkflowStatus.ACTIVE, WorkflowStatus.PAUSED))

    async def test_figures_that_are_left_out_stay(self, store: Face) -> None:
        await store.create_run("wf")
        await store.update_run_status("wf", WorkflowStatus.PAUSED, node_count=3)
        await store.update_run_status("wf", WorkflowStatus.COMPLETED)
        assert (await store.get_run("wf")).node_count == 3

    async def test_listing_is_newest_first_and_limited(self, store: Face) -> None:
        for number in range(5):
            await store.create_run(f"r{number}")
        assert [run.id for run in await store.list_runs()] == ["r4", "r3", "r2", "r1", "r0"]
        assert [run.id for run in await store.list_runs(limit=2)] == ["r4", "r3"]
        assert len(await store.list_runs(limit=None)) == 5

    async def test_listing_filters(self, store: Face) -> None:
        await store.create_run("a", graph_name="g")
        await store.create_run("b", graph_name="h")
        await store.create_run("a/0", graph_name="g", parent_run_id="a")
        await store.update_run_status("b", WorkflowStatus.FAILED)
        assert {run.id for run in await store.list_runs(parent_run_id=None)} == {"a", "b"}
        assert {run.id for run in await store.list_runs(parent_run_id="a")} == {"a/0"}
        assert {run.id for run in await store.list_runs(status=WorkflowStatus.FAILED)} == {"b"}
        assert {run.id for run in await store.list_runs(status="active")} == {"a", "a/0"}
        assert {run.id for run in await store.list_runs(graph_name="g")} == {"a", "a/0"}
        assert await store.list_runs(since=datetime.now(UTC) + timedelta(hours=1)) == []
        assert len(await store.list_runs(since=datetime.now(UTC) - timedelta(hours=1))) == 3

    async def test_counting(self, store: Face) -> None:
        await store.create_run("a")
        await store.create_run("a-r", retry_of="a")
        await store.create_run("a/0", parent_run_id="a")
        count = store.store.count_runs
        assert await count() == 3
        assert await count(parent_run_id=None) == 2
        assert await count(retry_of="a") == 1
        assert await count(status=WorkflowStatus.COMPLETED) == 0

    async def test_ids_are_text_like_any_other(self, store: Face) -> None:
        for name in ("O'Reilly", "a%b_c", 'quote"', "雪", "--", "wf;DROP TABLE runs"):
            await store.create_run(name, graph_name=name)
            assert (await store.get_run(name)).graph_name == name
            assert [run.id for run in await store.list_runs(graph_name=name)] == [name]


class TestSteps:
    async def test_every_field_of_a_step_comes_back(self, store: Face) -> None:
        await store.create_run("wf")
        record = step(
            "wf", 3, "rerank", index=7, input_versions={"docs": 2, "inner.x": 1}, values={"out": [1, 2]}, duration_ms=95.5, cached=True,
            decision=["a", "END"], node_type="RouteNode", created_at=ZERO, completed_at=ZERO + timedelta(microseconds=17), partial=True,
            child_run_id="wf/rerank", attempt=4, started_at=ZERO - timedelta(seconds=1),
        )  # fmt: skip
        await store.save_step(record)
        (found,) = await store.get_steps("wf")
        for item in fields(record):
            assert getattr(found, item.name) == getattr(record, item.name), item.name

    async def test_a_failed_step_comes_back(self, store: Face) -> None:
        await store.create_run("wf")
        record = step(
            "wf", status=StepStatus.FAILED, values=None, error="ValueError: boom", error_type="ValueError", traceback="Traceback …\n"
        )
        await store.save_step(record)
        assert await store.get_steps("wf") == [record]

    async def test_a_paused_step_has_no_values(self, store: Face) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", status=StepStatus.PAUSED, values=None, completed_at=None, created_at=ZERO))
        (found,) = await store.get_steps("wf")
        assert (found.status, found.values, found.completed_at) == (StepStatus.PAUSED, None, None)

    @pytest.mark.parametrize("decision", [None, "generate", "END", ["a"], [], "[not json", '"quoted"'])
    async def test_decisions(self, store: Face, decision: Any) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", decision=decision))
        assert (await store.get_steps("wf"))[0].decision == decision

    @pytest.mark.parametrize("child", [None, "wf/work", "wf/work/2", "elsewhere"])
    async def test_child_ids(self, store: Face, child: str | None) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", child_run_id=child))
        assert (await store.get_steps("wf"))[0].child_run_id == child

    async def test_saving_again_replaces(self, store: Face) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", values={"y": 1}))
        await store.save_step(step("wf", values={"y": 2}, node_type="Other"))
        (found,) = await store.get_steps("wf")
        assert (found.values, found.node_type) == ({"y": 2}, "Other")

    async def test_steps_are_ordered_by_completion_not_by_index(self, store: Face) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", 0, "late", index=0, completed_at=ZERO + timedelta(seconds=9), values={"v": "late"}))
        await store.save_step(step("wf", 1, "early", index=1, completed_at=ZERO + timedelta(seconds=1), values={"v": "early"}))
        assert [one.node_name for one in await store.get_steps("wf")] == ["early", "late"]
        assert await store.get_state("wf") == {"v": "late"}

    async def test_a_superstep_bounds_what_is_read(self, store: Face) -> None:
        await store.create_run("wf")
        for number in range(4):
            await store.save_step(step("wf", number, f"n{number}", values={f"v{number}": number}))
        assert [one.superstep for one in await store.get_steps("wf", superstep=1)] == [0, 1]
        assert await store.get_state("wf", superstep=1) == {"v0": 0, "v1": 1}
        checkpoint = await store.get_checkpoint("wf", superstep=2)
        assert (checkpoint.source_run_id, checkpoint.source_superstep, len(checkpoint.steps)) == ("wf", 2, 3)

    async def test_state_keeps_none_and_leaves_out_what_failed(self, store: Face) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", 0, values={"a": None, "b": 1}))
        await store.save_step(step("wf", 1, status=StepStatus.FAILED, values=None, error="E: x"))
        assert await store.get_state("wf") == {"a": None, "b": 1}

    async def test_values_that_change_later_are_stored_as_they_were(self, store: Face) -> None:
        await store.begin(NewRun("wf"))
        kept = [1]
        await store.save_step(step("wf", values={"y": kept}))
        kept.append(2)
        assert await store.get_state("wf") == {"y": [1]}
        await store.finish("wf", WorkflowStatus.COMPLETED)

    async def test_a_step_of_a_run_that_nobody_created_is_kept(self, store: Face) -> None:
        await store.save_step(step("stray"))
        assert (await store.get_run("stray")).status is WorkflowStatus.ACTIVE
        assert len(await store.get_steps("stray")) == 1

    @pytest.mark.parametrize("text", ["half a pair: \ud800", "null\x00byte", "x" * 100_000])
    async def test_odd_error_texts(self, store: Face, text: str) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", status=StepStatus.FAILED, values=None, error=text, traceback=text))
        assert (await store.get_steps("wf"))[0].error.startswith(text[:4])


class TestBeginAndFinish:
    async def test_a_run_from_begin_to_finish(self, store: Face) -> None:
        epoch = await store.begin(
            NewRun("wf", graph_name="g", config={"kind": "run"}, inputs={"x": 1}, sources={"work": ("abc", "def work(): ...")}, actor="me")
        )
        assert epoch >= 1
        run = await store.get_run("wf")
        assert (run.status, run.actor, run.interrupted) == (WorkflowStatus.ACTIVE, "me", False)
        assert run.owner is not None
        assert run.owner.epoch == epoch
        await store.save_step(step("wf"))
        assert await store.finish("wf", WorkflowStatus.COMPLETED, duration_ms=2.0, node_count=1, error_count=0) == ()
        run = await store.get_run("wf")
        assert (run.status, run.owner, run.node_count, run.duration_ms) == (WorkflowStatus.COMPLETED, None, 1, 2.0)
        assert await store.get_inputs("wf") == {"x": 1}
        assert await store.get_sources("wf") == {"work": ("abc", "def work(): ...")}
        assert (await store.get_checkpoint("wf")).inputs == {"x": 1}

    async def test_inputs_are_written_once(self, store: Face) -> None:
        await store.begin(NewRun("wf", inputs={"x": 1}))
        await store.finish("wf", WorkflowStatus.FAILED, error="ValueError: boom")
        assert (await store.get_run("wf")).error == "ValueError: boom"
        await store.begin(NewRun("wf", inputs={"x": 2}, resumes=True))
        assert await store.get_inputs("wf") == {"x": 1}
        run = await store.get_run("wf")
        assert (run.error, run.status) == (None, WorkflowStatus.ACTIVE)
        await store.finish("wf", WorkflowStatus.COMPLETED)

    async def test_inputs_are_no_part_of_the_state(self, store: Face) -> None:
        await store.begin(NewRun("wf", inputs={"x": 1}))
        assert await store.get_state("wf") == {}
        await store.finish("wf", WorkflowStatus.COMPLETED)

    async def test_epochs_rise_with_every_claim(self, store: Face) -> None:
        epochs = []
        for resumes in (False, True, True):
            epochs.append(await store.begin(NewRun("wf", resumes=resumes)))
            await store.finish("wf", WorkflowStatus.PAUSED)
        assert epochs == [1, 2, 3]

    async def test_a_running_workflow_is_not_begun_again(self, store: Face) -> None:
        await store.begin(NewRun("wf"))
        with pytest.raises(WorkflowAlreadyRunningError, match="already running: process"):
            await store.begin(NewRun("wf", resumes=True))
        await store.finish("wf", WorkflowStatus.COMPLETED)

    async def test_who_is_displaced_writes_no_more(self, store: Face, kind: str, tmp_path: Path) -> None:
        if not kind.startswith("file"):
            pytest.skip("one object is one owner")
        other = Face(make_store(kind, tmp_path), store._names)
        await store.begin(NewRun("wf"))
        await other.begin(NewRun("wf", resumes=True, take_over=True))
        with pytest.raises(WorkflowAlreadyRunningError, match="taken over"):
            # Written behind under "async": the second write tells at the latest.
            await store.save_step(step("wf", 0))
            await store.flush()
            await store.save_step(step("wf", 1))
        with pytest.raises(WorkflowAlreadyRunningError, match="taken over"):
            await store.finish("wf", WorkflowStatus.COMPLETED)
        with pytest.raises(WorkflowAlreadyRunningError):
            await store.save_step(step("wf", 2))
        assert await other.get_steps("wf") == []
        await other.save_step(step("wf", 3))
        await other.finish("wf", WorkflowStatus.COMPLETED)
        assert [one.superstep for one in await store.get_steps("wf")] == [3]
        await other.store.close()

    async def test_a_plain_write_does_not_reach_into_a_run_that_others_run(self, store: Face, kind: str, tmp_path: Path) -> None:
        if not kind.startswith("file"):
            pytest.skip("one object is one owner")
        other = Face(make_store(kind, tmp_path), store._names)
        await store.begin(NewRun("wf"))
        for write in (other.save_step(step("wf")), other.update_run_status("wf", WorkflowStatus.FAILED), other.create_run("wf")):
            with pytest.raises(WorkflowAlreadyRunningError):
                await write
        await store.finish("wf", WorkflowStatus.COMPLETED)
        await other.store.close()

    async def test_children_are_covered_by_their_root(self, store: Face) -> None:
        epoch = await store.begin(NewRun("wf", config={"kind": "map"}))
        for number in range(3):
            assert await store.begin(NewRun(f"wf/{number}", parent_run_id="wf", inputs={"x": number})) == epoch
            await store.save_step(step(f"wf/{number}", values={"y": number}))
            await store.finish(f"wf/{number}", WorkflowStatus.COMPLETED, node_count=1)
        child = await store.get_run("wf/1")
        assert (child.status, child.parent_run_id, child.owner) == (WorkflowStatus.COMPLETED, "wf", None)
        assert (await store.get_run("wf")).owner is not None
        assert await store.children_inputs("wf") == {f"wf/{number}": {"x": number} for number in range(3)}
        await store.finish("wf", WorkflowStatus.COMPLETED)
        assert await store.get_state("wf/2") == {"y": 2}

    async def test_pauses_are_kept_while_the_run_waits(self, store: Face) -> None:
        pause = PauseRecord("inner/ask", {"decision": "inner.decision"}, {"draft": ("a", 1)}, "bool", ("True", "False"))
        await store.begin(NewRun("wf"))
        await store.finish("wf", WorkflowStatus.PAUSED, pauses=(pause, replace(pause, node_name="b", choices=None, values={})))
        run = await store.get_run("wf")
        assert run.pauses == (pause, replace(pause, node_name="b", choices=None, values={}))
        await store.begin(NewRun("wf", resumes=True))
        assert (await store.get_run("wf")).pauses == ()
        await store.finish("wf", WorkflowStatus.COMPLETED)


class TestForks:
    async def source(self, store: Face) -> None:
        await store.begin(NewRun("src", inputs={"x": 5}))
        for number in range(3):
            await store.save_step(step("src", number, f"n{number}", values={f"v{number}": number}))
        await store.finish("src", WorkflowStatus.FAILED)

    async def test_a_fork_refers_to_its_source(self, store: Face) -> None:
        await self.source(store)
        new, checkpoint = await store.fork_workflow("src")
        assert new.startswith("src-fork-")
        assert checkpoint.values == {"v0": 0, "v1": 1, "v2": 2}
        assert (checkpoint.source_run_id, checkpoint.retry_of, checkpoint.inputs) == ("src", None, {"x": 5})
        await store.begin(NewRun(new, forked_from="src", inputs={"x": 6}, seed={"v1": "edited"}, changes={"x": (5, 6)}))
        await store.save_step(step(new, 3, "n3", values={"v2": "new"}))
        await store.finish(new, WorkflowStatus.COMPLETED)
        assert len(await store.get_steps(new)) == 1
        assert await store.get_state(new) == {"v0": 0, "v1": "edited", "v2": "new"}
        again = await store.get_checkpoint(new)
        assert [one.run_id for one in again.steps] == ["src"] * 3 + [new]
        assert (again.inputs, again.edits) == ({"x": 6}, {})
        assert [(link.run_id, link.inputs, link.seed, link.steps) for link in again.line] == [
            ("src", {"x": 5}, {}, 3),
            (new, {"x": 6}, {"v1": "edited"}, 1),
        ]
        assert (await store.get_run(new)).changes == {"x": (5, 6)}

    async def test_a_fork_keeps_what_it_inherited_when_its_source_goes_on(self, store: Face) -> None:
        await self.source(store)
        await store.begin(NewRun("f", forked_from="src"))
        await store.finish("f", WorkflowStatus.FAILED)
        await store.begin(NewRun("src", resumes=True))
        await store.save_step(step("src", 3, "n0", values={"v0": "later"}))
        await store.finish("src", WorkflowStatus.COMPLETED)
        assert (await store.get_state("f"))["v0"] == 0
        assert (await store.get_state("src"))["v0"] == "later"

    async def test_a_fork_of_an_earlier_superstep(self, store: Face) -> None:
        await self.source(store)
        _, checkpoint = await store.fork_workflow("src", superstep=1)
        assert checkpoint.values == {"v0": 0, "v1": 1}
        await store.begin(NewRun("f", forked_from="src", fork_superstep=1))
        await store.finish("f", WorkflowStatus.COMPLETED)
        assert await store.get_state("f") == {"v0": 0, "v1": 1}
        await store.begin(NewRun("f2", forked_from="f"))
        await store.finish("f2", WorkflowStatus.COMPLETED)
        assert await store.get_state("f2") == {"v0": 0, "v1": 1}

    async def test_an_edit_is_over_once_its_name_is_made_anew(self, store: Face) -> None:
        await self.source(store)
        await store.begin(NewRun("f", forked_from="src", seed={"v1": "edited"}))
        await store.save_step(step("f", 3, "n1", values={"v1": "made"}))
        await store.finish("f", WorkflowStatus.FAILED)
        checkpoint = await store.get_checkpoint("f")
        assert checkpoint.values["v1"] == "made"

    async def test_a_line_of_forks_folds_in_order(self, store: Face) -> None:
        await self.source(store)
        await store.begin(NewRun("f1", forked_from="src", seed={"v0": "one"}))
        await store.save_step(step("f1", 3, "n1", values={"v1": "f1"}))
        await store.finish("f1", WorkflowStatus.COMPLETED)
        await store.begin(NewRun("f2", forked_from="f1"))
        await store.save_step(step("f2", 4, "n2", values={"v2": "f2"}))
        await store.finish("f2", WorkflowStatus.COMPLETED)
        assert await store.get_state("f2") == {"v0": "one", "v1": "f1", "v2": "f2"}
        assert (await store.get_checkpoint("f2")).inputs == {"x": 5}

    async def test_retries_are_numbered(self, store: Face) -> None:
        await self.source(store)
        first, checkpoint = await store.retry_workflow("src")
        assert (first, checkpoint.retry_of, checkpoint.retry_index) == ("src-retry-1", "src", 1)
        await store.begin(NewRun(first, forked_from="src", retry_of="src", retry_index=1))
        await store.finish(first, WorkflowStatus.FAILED)
        second, checkpoint = await store.retry_workflow("src", workflow_id="mine")
        assert (second, checkpoint.retry_index) == ("mine", 2)

    @pytest.mark.parametrize("operation", ["fork_workflow", "retry_workflow"])
    async def test_unknown_sources_and_taken_ids_are_refused(self, store: Face, operation: str) -> None:
        with pytest.raises(ValueError, match="Unknown source workflow_id 'nope'"):
            await getattr(store, operation)("nope")
        await self.source(store)
        with pytest.raises(WorkflowForkError, match="exists already"):
            await getattr(store, operation)("src", workflow_id="src")

    async def test_a_source_that_is_not_here_leaves_the_seed(self, store: Face) -> None:
        await store.begin(NewRun("f", forked_from="foreign", seed={"a": 1}))
        await store.finish("f", WorkflowStatus.FAILED)
        checkpoint = await store.get_checkpoint("f")
        assert (checkpoint.values, checkpoint.line[0].seed) == ({"a": 1}, {"a": 1})


class TestSearch:
    async def test_finds_names_errors_and_values_newest_first(self, store: Face) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", 0, "classify", values={"y": "apple pie"}))
        await store.save_step(step("wf", 1, "fetch_page", status=StepStatus.FAILED, values=None, error="TimeoutError: no answer"))
        await store.save_step(step("wf", 2, "classify", values={"y": "nothing"}))
        assert [one.superstep for one in await store.search("classify")] == [2, 0]
        assert [one.superstep for one in await store.search("TimeoutError")] == [1]
        assert [one.superstep for one in await store.search("fetch_page")] == [1]
        assert [one.superstep for one in await store.search("class")] == [2, 0]
        assert len(await store.search("classify", limit=1)) == 1
        assert await store.search("classify", field="error") == []

    async def test_sees_what_was_stored_after_the_last_search(self, store: Face) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf", 0, "alpha"))
        assert len(await store.search("beta")) == 0
        await store.save_step(step("wf", 1, "beta"))
        await store.update_run_status("wf", WorkflowStatus.COMPLETED)
        assert len(await store.search("beta")) == 1
        await store.save_step(step("wf", 1, "beta", values={"y": "replaced"}))
        assert len(await store.search("beta")) == 1

    @pytest.mark.parametrize("query", ['"', "a OR", "NEAR(", "*", "-", "'", "node_name:", "", "(((", "a\x00b"])
    async def test_nothing_in_a_query_is_an_operator(self, store: Face, query: str) -> None:
        await store.create_run("wf")
        await store.save_step(step("wf"))
        assert isinstance(await store.search(query), list)

    async def test_unknown_fields_are_refused(self, store: Face) -> None:
        with pytest.raises(ValueError, match="Unknown search field"):
            await store.search("x", field="status; DROP")


class TestRetention:
    async def filled(self, kind: str, folder: Path, policy: CheckpointPolicy) -> Face:
        store = Face(make_store(kind, folder, policy), ASYNC if kind.endswith("-async") else SYNC)
        await store.begin(NewRun("wf"))
        for number, name in enumerate(["x", "y", "z"]):
            await store.save_step(step("wf", number, f"make_{name}", values={name: number}))
        return store

    async def test_latest_keeps_the_state_complete(self, kind: str, tmp_path: Path) -> None:
        store = await self.filled(kind, tmp_path, CheckpointPolicy(retention="latest"))
        await store.save_step(step("wf", 3, "make_y", values={"y": "new"}))
        await store.save_step(step("wf", 4, "make_z", status=StepStatus.FAILED, values=None, error="E: x"))
        await store.finish("wf", WorkflowStatus.FAILED)
        assert await store.get_state("wf") == {"x": 0, "y": "new", "z": 2}
        assert [one.superstep for one in await store.get_steps("wf")] == [0, 2, 3, 4]
        await store.store.close()

    async def test_latest_keeps_what_a_fork_inherited(self, kind: str, tmp_path: Path) -> None:
        store = await self.filled(kind, tmp_path, CheckpointPolicy(retention="latest"))
        await store.finish("wf", WorkflowStatus.FAILED)
        await store.begin(NewRun("f", forked_from="wf"))
        await store.finish("f", WorkflowStatus.FAILED)
        await store.begin(NewRun("wf", resumes=True))
        await store.save_step(step("wf", 5, "make_x", values={"x": "later"}))
        await store.finish("wf", WorkflowStatus.COMPLETED)
        assert (await store.get_state("f"))["x"] == 0
        await store.store.close()

    async def test_windowed_keeps_the_last_supersteps(self, kind: str, tmp_path: Path) -> None:
        store = await self.filled(kind, tmp_path, CheckpointPolicy(retention="windowed", window=2))
        await store.finish("wf", WorkflowStatus.FAILED)
        assert await store.get_state("wf") == {"y": 1, "z": 2}
        for refused in (store.begin(NewRun("wf", resumes=True)), store.fork_workflow("wf"), store.begin(NewRun("f", forked_from="wf"))):
            with pytest.raises(CheckpointError, match="'make_x' in superstep 0"):
                await refused
        await store.store.close()

    async def test_exit_writes_once_at_the_end(self, kind: str, tmp_path: Path) -> None:
        store = await self.filled(kind, tmp_path, CheckpointPolicy(durability="exit", retention="latest"))
        await store.begin(NewRun("wf/c", parent_run_id="wf", inputs={"q": 1}))
        await store.save_step(step("wf/c", values={"inner": 1}))
        await store.finish("wf/c", WorkflowStatus.COMPLETED)
        await store.save_step(step("wf", 3, "make_x", values={"x": "new"}))
        assert await store.get_steps("wf") == []
        await store.finish("wf", WorkflowStatus.COMPLETED, node_count=4)
        assert await store.get_state("wf") == {"x": "new", "y": 1, "z": 2}
        assert len(await store.get_steps("wf")) == 3
        assert await store.get_state("wf/c") == {"inner": 1}
        assert await store.get_inputs("wf/c") == {"q": 1}
        assert (await store.get_run("wf/c")).status is WorkflowStatus.COMPLETED
        await store.store.close()
