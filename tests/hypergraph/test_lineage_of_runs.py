"""What an id, a source and given values mean together: resume, fork, retry, answers and batches, on both runners and both stores."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, Literal

import pytest

from hypergraph import (
    END,
    AsyncRunner,
    Graph,
    GraphChangedError,
    InputOverrideRequiresForkError,
    MissingInputError,
    SqliteCheckpointer,
    WorkflowAlreadyCompletedError,
    WorkflowForkError,
    interrupt,
    node,
    route,
)
from hypergraph.checkpointers import MemoryCheckpointer, StepStatus, WorkflowStatus
from tests.hypergraph.both import Both, both

CALLS: list[str] = []
BROKEN: set[str] = set()


@node(output_name="doubled")
def double(x: int) -> int:
    CALLS.append("double")
    return x * 2


@node(output_name="total")
def add(doubled: int, y: int = 1) -> int:
    CALLS.append("add")
    if "add" in BROKEN:
        raise RuntimeError("add is broken")
    return doubled + y


@node(output_name="shown")
def show(total: int) -> str:
    CALLS.append("show")
    return str(total)


GRAPH = Graph([double, add, show], name="chain")


@pytest.fixture(autouse=True)
def fresh() -> None:
    """Start with no calls made and nothing broken."""
    CALLS.clear()
    BROKEN.clear()


@pytest.fixture(params=["sqlite", "memory"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Any]:
    """Both stores."""
    made: Any = SqliteCheckpointer(tmp_path / "runs.db") if request.param == "sqlite" else MemoryCheckpointer()
    yield made
    asyncio.run(made.close())


Make = Callable[[Both], Both]


@pytest.fixture
def make(store: Any) -> Make:
    """Give a runner that keeps its runs in the store."""
    return lambda runner: runner.having(checkpointer=store)


@both
def test_a_run_is_written_as_it_goes(runner: Both, make: Make, store: Any) -> None:
    """One step per node, in order; the run's row tells how it ended."""
    result = make(runner).run(GRAPH, x=5, workflow_id="w")
    assert result.workflow_id == "w"
    steps = store.steps("w")
    assert [(step.node_name, step.superstep, step.index) for step in steps] == [("double", 0, 0), ("add", 1, 1), ("show", 2, 2)]
    assert [step.node_type for step in steps] == ["FunctionNode"] * 3
    assert [step.input_versions for step in steps] == [{"x": 1}, {"doubled": 1}, {"total": 1}]
    assert [step.values for step in steps] == [{"doubled": 10}, {"total": 11}, {"shown": "11"}]
    run = store.get_run("w")
    assert (run.status, run.node_count, run.error_count, run.graph_name) == (WorkflowStatus.COMPLETED, 3, 0, "chain")
    assert run.config["graph_struct_hash"] == GRAPH.structural_hash
    assert run.config["graph_code_hash"] == GRAPH.code_hash
    assert store.inputs("w") == {"x": 5}
    assert store.state("w") == {"doubled": 10, "total": 11, "shown": "11"}


@both
def test_an_id_is_made_up_when_none_is_given(runner: Both, make: Make, store: Any) -> None:
    """It is returned, and stored under."""
    result = make(runner).run(GRAPH, x=5)
    assert result.workflow_id.startswith("run-")
    assert store.get_run(result.workflow_id) is not None


@both
def test_a_failed_run_goes_on_where_it_failed(runner: Both, make: Make, store: Any) -> None:
    """Completed steps are not run again; the old failure stays readable beside the new attempt."""
    BROKEN.add("add")
    with pytest.raises(RuntimeError, match="add is broken"):
        make(runner).run(GRAPH, x=5, workflow_id="w")
    assert store.get_run("w").status is WorkflowStatus.FAILED
    BROKEN.clear()
    CALLS.clear()
    result = make(runner).run(GRAPH, workflow_id="w")
    assert result["shown"] == "11"
    assert CALLS == ["add", "show"]
    attempts = [(step.status, step.attempt) for step in store.steps("w") if step.node_name == "add"]
    assert attempts == [(StepStatus.FAILED, 1), (StepStatus.COMPLETED, 2)]
    failed = next(step for step in store.steps("w") if step.status is StepStatus.FAILED)
    assert failed.error == "RuntimeError: add is broken"
    assert failed.error_type == "RuntimeError"
    assert "add is broken" in failed.traceback
    assert [step.superstep for step in store.steps("w")] == [0, 1, 2, 3]


@both
def test_a_completed_run_is_not_resumed(runner: Both, make: Make) -> None:
    """No node runs."""
    make(runner).run(GRAPH, x=5, workflow_id="w")
    CALLS.clear()
    with pytest.raises(WorkflowAlreadyCompletedError, match="fork_from='w'"):
        make(runner).run(GRAPH, workflow_id="w")
    assert CALLS == []


@both
def test_values_for_an_existing_run_ask_for_a_fork(runner: Both, make: Make) -> None:
    """That wins over its being completed."""
    make(runner).run(GRAPH, x=5, workflow_id="w")
    with pytest.raises(InputOverrideRequiresForkError, match="fork_from='w'"):
        make(runner).run(GRAPH, x=6, workflow_id="w")


@both
def test_another_structure_is_refused(runner: Both, make: Make) -> None:
    """That wins over everything; the message says what came and went. Bodies, bindings and entry points may change."""
    BROKEN.add("add")
    with pytest.raises(RuntimeError):
        make(runner).run(GRAPH, x=5, workflow_id="w")
    with pytest.raises(GraphChangedError, match=r"removed: 'show'"):
        make(runner).run(Graph([double, add]), workflow_id="w")
    BROKEN.clear()

    @node(output_name="shown")
    def show(total: int) -> str:
        return f"<{total}>"

    assert make(runner).run(Graph([double, add, show]), workflow_id="w")["shown"] == "<11>"


@both
def test_a_run_may_go_on_from_an_entry_point(runner: Both, make: Make) -> None:
    """Restored outputs count as inputs."""
    BROKEN.add("add")
    with pytest.raises(RuntimeError):
        make(runner).run(GRAPH, x=5, workflow_id="w")
    BROKEN.clear()
    CALLS.clear()
    assert make(runner).run(GRAPH.with_entrypoint("add"), workflow_id="w")["shown"] == "11"
    assert CALLS == ["add", "show"]


@both
def test_a_fork_runs_what_its_values_make_stale(runner: Both, make: Make, store: Any) -> None:
    """Its own steps only are its own; the row says where it comes from and what was changed."""
    make(runner).run(GRAPH, x=5, workflow_id="w")
    CALLS.clear()
    result = make(runner).run(GRAPH, y=10, fork_from="w")
    assert result["shown"] == "20"
    assert CALLS == ["add", "show"]
    run = store.get_run(result.workflow_id)
    assert result.workflow_id.startswith("w-fork-")
    assert (run.forked_from, run.retry_of) == ("w", None)
    assert run.changes["y"][1] == 10
    assert [step.superstep for step in store.steps(result.workflow_id)] == [3, 4]
    assert store.state(result.workflow_id) == {"doubled": 10, "total": 20, "shown": "20"}


@both
def test_a_fork_without_values_runs_nothing(runner: Both, make: Make) -> None:
    """And an input equal to the stored one makes nothing stale."""
    make(runner).run(GRAPH, x=5, workflow_id="w")
    CALLS.clear()
    assert make(runner).run(GRAPH, fork_from="w")["shown"] == "11"
    assert make(runner).run(GRAPH, x=5, fork_from="w", workflow_id="same")["shown"] == "11"
    assert CALLS == []
    assert make(runner).run(GRAPH, x=100, fork_from="w")["shown"] == "201"
    assert CALLS == ["double", "add", "show"]


@both
def test_an_edited_value_keeps_its_producer(runner: Both, make: Make, store: Any) -> None:
    """What reads it runs again; the fork can itself be forked and read."""
    make(runner).run(GRAPH, x=5, workflow_id="w")
    CALLS.clear()
    checkpoint = store.checkpoint("w").with_values({"doubled": 50})
    assert make(runner).run(GRAPH, checkpoint=checkpoint, workflow_id="edited")["shown"] == "51"
    assert CALLS == ["add", "show"]
    assert store.get_run("edited").changes["doubled"] == (10, 50)
    assert store.state("edited") == {"doubled": 50, "total": 51, "shown": "51"}
    CALLS.clear()
    assert make(runner).run(GRAPH, y=0, fork_from="edited")["shown"] == "50"
    assert CALLS == ["add", "show"]


@both
def test_a_snapshot_of_any_superstep_can_be_forked(runner: Both, make: Make, store: Any) -> None:
    """What came later runs again."""
    make(runner).run(GRAPH, x=5, workflow_id="w")
    CALLS.clear()
    checkpoint = store.checkpoint("w", superstep=0)
    assert make(runner).run(GRAPH, checkpoint=checkpoint, workflow_id="early")["shown"] == "11"
    assert CALLS == ["add", "show"]
    assert store.get_run("early").fork_superstep == 0


@both
def test_retries_are_numbered(runner: Both, make: Make, store: Any) -> None:
    """What failed runs again."""
    BROKEN.add("add")
    with pytest.raises(RuntimeError):
        make(runner).run(GRAPH, x=5, workflow_id="w")
    with pytest.raises(RuntimeError):
        make(runner).run(GRAPH, retry_from="w")
    BROKEN.clear()
    CALLS.clear()
    result = make(runner).run(GRAPH, retry_from="w")
    assert CALLS == ["add", "show"]
    assert result.workflow_id == "w-retry-2"
    run = store.get_run("w-retry-2")
    assert (run.retry_of, run.forked_from, run.retry_index) == ("w", "w", 2)
    assert store.get_run("w").status is WorkflowStatus.FAILED


@both
def test_override_forks_an_existing_id(runner: Both, make: Make, store: Any) -> None:
    """In place of resuming it."""
    make(runner).run(GRAPH, x=5, workflow_id="w")
    result = make(runner).run(GRAPH, x=6, workflow_id="w", override_workflow=True)
    assert result.workflow_id.startswith("w-fork-")
    assert store.get_run(result.workflow_id).forked_from == "w"
    assert result["shown"] == "13"


@both
def test_lineage_that_cannot_be_meant(runner: Both, make: Make, store: Any) -> None:
    """Each refusal has an error of its own."""
    made = make(runner)
    made.run(GRAPH, x=5, workflow_id="w")
    made.map(GRAPH, {"x": [1]}, map_over="x", workflow_id="batch")
    with pytest.raises(WorkflowForkError):
        made.run(GRAPH, workflow_id="w", checkpoint=store.checkpoint("w"))
    with pytest.raises(WorkflowForkError):
        made.run(GRAPH, workflow_id="w", fork_from="w")
    with pytest.raises(WorkflowForkError, match="batch"):
        made.run(GRAPH, workflow_id="batch")
    with pytest.raises(WorkflowForkError):
        made.map(GRAPH, {"x": [1]}, map_over="x", workflow_id="w")
    with pytest.raises(ValueError, match="Unknown source workflow_id 'nobody'"):
        made.run(GRAPH, fork_from="nobody")
    with pytest.raises(ValueError, match="cannot both"):
        made.run(GRAPH, fork_from="w", retry_from="w")


@both
def test_a_fork_into_another_graph_is_fed_by_stored_values(runner: Both, make: Make) -> None:
    """Stored outputs and stored inputs both count; what neither has is named."""
    make(runner).run(GRAPH, x=5, workflow_id="w")

    @node(output_name="both")
    def combine(total: int, x: int) -> int:
        return total * 100 + x

    @node(output_name="more")
    def more(total: int, unknown: int) -> int:
        return total + unknown

    assert make(runner).run(Graph([combine]), fork_from="w")["both"] == 1105
    with pytest.raises(MissingInputError, match="missing required seed inputs"):
        make(runner).run(Graph([more]), fork_from="w")


@node(output_name="n")
def grow(n: int) -> int:
    CALLS.append("grow")
    return n + 1


@route(["grow", END])
def enough(n: int, limit: int) -> Any:
    if "enough" in BROKEN and n == 2:
        raise RuntimeError("gate is broken")
    return END if n >= limit else "grow"


RING = Graph([grow, enough], entrypoint="grow", name="ring")


@both
def test_a_loop_goes_on_in_the_middle(runner: Both, make: Make, store: Any) -> None:
    """Turns that were completed are not run again."""
    BROKEN.add("enough")
    with pytest.raises(RuntimeError):
        make(runner).run(RING, n=0, limit=4, workflow_id="w")
    BROKEN.clear()
    CALLS.clear()
    assert make(runner).run(RING, workflow_id="w")["n"] == 4
    assert CALLS == ["grow", "grow"]
    assert [step.superstep for step in store.steps("w")] == list(range(9))


@both
def test_a_loop_can_be_forked_with_another_seed(runner: Both, make: Make) -> None:
    """It goes round again from there."""
    make(runner).run(RING, n=0, limit=3, workflow_id="w")
    CALLS.clear()
    assert make(runner).run(RING, n=1, fork_from="w")["n"] == 3
    assert CALLS == ["grow", "grow"]


OUTER = Graph([GRAPH.as_node(), node(output_name="end")(lambda shown: shown + "!").with_name("finish")], name="outer")


@both
def test_a_nested_run_goes_on_inside(runner: Both, make: Make, store: Any) -> None:
    """The child has a row of its own, and its completed steps are kept."""
    BROKEN.add("add")
    with pytest.raises(RuntimeError):
        make(runner).run(OUTER, x=5, workflow_id="w")
    assert store.get_run("w/chain").status is WorkflowStatus.FAILED
    BROKEN.clear()
    CALLS.clear()
    assert make(runner).run(OUTER, workflow_id="w")["end"] == "11!"
    assert CALLS == ["add", "show"]
    child = store.get_run("w/chain")
    assert (child.status, child.parent_run_id) == (WorkflowStatus.COMPLETED, "w")
    assert next(step for step in store.steps("w") if step.node_name == "chain").child_run_id == "w/chain"


@both
def test_a_retry_goes_on_inside_a_nested_run(runner: Both, make: Make, store: Any) -> None:
    """The new child says whose child it was made from."""
    BROKEN.add("add")
    with pytest.raises(RuntimeError):
        make(runner).run(OUTER, x=5, workflow_id="w")
    BROKEN.clear()
    CALLS.clear()
    result = make(runner).run(OUTER, retry_from="w")
    assert result["end"] == "11!"
    assert CALLS == ["add", "show"]
    child = store.get_run(f"{result.workflow_id}/chain")
    assert (child.retry_of, child.parent_run_id) == ("w/chain", result.workflow_id)


@both
def test_a_graph_node_in_a_loop_gets_a_child_each_turn(runner: Both, make: Make, store: Any) -> None:
    """The first without a number."""
    inner = Graph([grow], name="inner", entrypoint="grow")
    graph = Graph([inner.as_node(), route(["inner", END])(lambda n: END if n >= 3 else "inner").with_name("gate")], entrypoint="inner")
    assert make(runner).run(graph, n=0, workflow_id="w")["n"] == 3
    children = sorted(run.id for run in store.runs(parent_run_id="w"))
    assert children == ["w/inner", "w/inner/2", "w/inner/3"]


@both
def test_a_batch_runs_only_what_did_not_complete(runner: Both, make: Make, store: Any) -> None:
    """Items are known by their values; order follows the call."""

    @node(output_name="out")
    def risky(item: int) -> int:
        CALLS.append(f"item {item}")
        if item == 2 and BROKEN:
            raise RuntimeError("two")
        return item * 10

    graph = Graph([risky], name="batch")
    made = make(runner)
    BROKEN.add("two")
    result = made.map(graph, {"item": [1, 2, 3]}, map_over="item", workflow_id="b", error_handling="continue")
    assert result["out"] == [10, None, 30]
    assert store.get_run("b").status is WorkflowStatus.PARTIAL
    BROKEN.clear()
    CALLS.clear()
    result = made.map(graph, {"item": [3, 2, 1, 4]}, map_over="item", workflow_id="b", error_handling="continue")
    assert result["out"] == [30, 20, 10, 40]
    assert sorted(CALLS) == ["item 2", "item 4"]
    assert store.get_run("b").status is WorkflowStatus.COMPLETED
    assert store.get_run("b").node_count == 4
    assert [step.status for step in store.steps("b/1")] == [StepStatus.FAILED, StepStatus.COMPLETED]
    CALLS.clear()
    # The stored inputs are those of the last call: it is what the batch is.
    assert made.map(graph, map_over="item", workflow_id="b", only=[0])["out"] == [30]
    assert CALLS == []


@both
def test_a_batch_stands_as_all_its_items_stand(runner: Both, make: Make, store: Any) -> None:
    """Also after a call that ran a few of them: what failed, what never ran, and what completed all count."""

    @node(output_name="out")
    def risky(item: int) -> int:
        if item == 2 and BROKEN:
            raise RuntimeError("two")
        return item * 10

    graph = Graph([risky], name="batch")
    made = make(runner)
    BROKEN.add("two")
    made.map(graph, {"item": [1, 2, 3]}, map_over="item", workflow_id="b", error_handling="continue")
    made.map(graph, map_over="item", workflow_id="b", only=[1], error_handling="continue")
    assert (store.get_run("b").status, store.get_run("b").error_count) == (WorkflowStatus.PARTIAL, 1)
    BROKEN.clear()
    made.map(graph, map_over="item", workflow_id="b", only=[1], error_handling="continue")
    assert (store.get_run("b").status, store.get_run("b").error_count) == (WorkflowStatus.COMPLETED, 0)
    made.map(graph, {"item": [1, 2, 3]}, map_over="item", workflow_id="few", only=[0])
    assert store.get_run("few").status is WorkflowStatus.STOPPED


@both
def test_a_batch_is_retried_as_a_new_one(runner: Both, make: Make, store: Any) -> None:
    """What completed is kept; each child says whose retry it is."""

    @node(output_name="out")
    def risky(item: int) -> int:
        CALLS.append(f"item {item}")
        if item == 2 and BROKEN:
            raise RuntimeError("two")
        return item * 10

    graph = Graph([risky], name="batch")
    made = make(runner)
    BROKEN.add("two")
    made.map(graph, {"item": [1, 2]}, map_over="item", workflow_id="b", error_handling="continue")
    BROKEN.clear()
    CALLS.clear()
    result = made.map(graph, map_over="item", retry_from="b", error_handling="continue")
    assert result["out"] == [10, 20]
    assert CALLS == ["item 2"]
    assert store.get_run("b-retry-1").retry_of == "b"
    assert store.get_run("b-retry-1/1").retry_of == "b/1"
    assert [step.status for step in store.steps("b/1")] == [StepStatus.FAILED]


# -- pauses (they need the asynchronous runner) --------------------------------------------------------------------------------------


@interrupt(output_name="decision")
def approve(total: int) -> bool | None:
    CALLS.append("approve")
    return None


@interrupt(output_name="channel")
def choose(total: int) -> Literal["mail", "web"] | None:
    CALLS.append("choose")
    return None


@node(output_name="done")
def publish(decision: bool, channel: str) -> str:
    return f"{channel}: {decision}"


ASKING = Graph([double, add, approve, choose, publish], name="asking")


async def test_several_pauses_are_answered_one_by_one(store: Any) -> None:
    """Those without an answer pause again, and their handlers are not called."""
    runner = AsyncRunner(checkpointer=store)
    result = await runner.run(ASKING, x=1, workflow_id="w")
    assert [pause.node_name for pause in result.pauses] == ["approve", "choose"]
    run = store.get_run("w")
    assert run.status is WorkflowStatus.PAUSED
    assert [(pause.answer_type, pause.choices) for pause in run.pauses] == [
        ("bool", ("True", "False")),
        ("Literal['mail', 'web']", ("mail", "web")),
    ]
    CALLS.clear()
    with pytest.raises(TypeError, match="choose"):
        await runner.run(ASKING, {"channel": "fax"}, workflow_id="w")
    assert store.get_run("w").status is WorkflowStatus.PAUSED
    result = await runner.run(ASKING, {"channel": "web"}, workflow_id="w")
    assert result.paused
    assert [pause.node_name for pause in result.pauses] == ["approve"]
    with pytest.raises(InputOverrideRequiresForkError):
        await runner.run(ASKING, {"x": 4}, workflow_id="w")
    result = await runner.run(ASKING, {"decision": False}, workflow_id="w")
    assert result["done"] == "web: False"
    assert CALLS == []


@pytest.mark.parametrize("namespaced", [False, True])
async def test_a_nested_pause_is_answered_from_outside(store: Any, namespaced: bool) -> None:
    """Under the address that the outer graph has for it; parent and child both complete."""
    runner = AsyncRunner(checkpointer=store)
    inner = Graph([double, add, approve], name="inner").as_node(namespaced=namespaced)
    graph = Graph([Graph([inner], name="middle").as_node()], name="outer")
    key = "inner.decision" if namespaced else "decision"
    start = {"inner.x": 1} if namespaced else {"x": 1}
    result = await runner.run(graph, start, workflow_id="w")
    assert (result.pause.node_name, result.pause.response_key) == ("middle/inner/approve", key)
    CALLS.clear()
    result = await runner.run(graph, {key: True}, workflow_id="w")
    assert result[key] is True
    assert CALLS == []
    assert {store.get_run(run).status for run in ("w", "w/middle", "w/middle/inner")} == {WorkflowStatus.COMPLETED}


async def test_a_paused_run_is_forked_with_its_answer(store: Any) -> None:
    """The nested child is forked as well; the source goes on waiting."""
    runner = AsyncRunner(checkpointer=store)
    graph = Graph([Graph([double, add, approve], name="inner").as_node()], name="outer")
    await runner.run(graph, x=1, workflow_id="old")
    result = await runner.run(graph, {"decision": True}, fork_from="old", workflow_id="new")
    assert result.completed
    child = store.get_run("new/inner")
    assert (child.parent_run_id, child.forked_from) == ("new", "old/inner")
    assert store.get_run("old").status is WorkflowStatus.PAUSED


async def test_a_cancelled_run_is_stopped_and_goes_on(store: Any) -> None:
    """What completed is stored; the exception goes on."""
    started = asyncio.Event()

    @node(output_name="late")
    async def forever(total: int) -> int:
        started.set()
        if BROKEN:
            await asyncio.Event().wait()
        return total

    graph = Graph([double, add, forever])
    runner = AsyncRunner(checkpointer=store)
    BROKEN.add("forever")
    BROKEN.discard("add")
    task = asyncio.create_task(runner.run(graph, x=1, workflow_id="w"))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.get_run("w").status is WorkflowStatus.STOPPED
    assert [step.node_name for step in store.steps("w")] == ["double", "add"]
    BROKEN.clear()
    CALLS.clear()
    assert (await runner.run(graph, workflow_id="w"))["late"] == 3
    assert CALLS == []


@both
def test_a_forecast_is_what_then_happens(runner: Both, make: Make) -> None:
    """Kept and run, on a fork; refusals are given, not raised; nothing is called."""
    made = make(runner)
    made.run(GRAPH, x=5, workflow_id="w")
    CALLS.clear()
    forecast = made.forecast(GRAPH, {"y": 3}, fork_from="w")
    assert CALLS == []
    assert {name: node.verdict for name, node in forecast.nodes.items()} == {"double": "kept", "add": "runs", "show": "runs"}
    made.run(GRAPH, y=3, fork_from="w")
    assert CALLS == ["add", "show"]
    assert isinstance(made.forecast(GRAPH, workflow_id="w").refusal, WorkflowAlreadyCompletedError)
