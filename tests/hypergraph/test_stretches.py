"""Stretches: the quick way of plain steps into a store stores, reports and refuses the same as the general way."""

from __future__ import annotations

import asyncio
import inspect
import math
import sqlite3
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from hypergraph import AsyncRunner, Graph, SqliteCheckpointer, SyncRunner, node
from hypergraph.checkpointers import CheckpointPolicy, StepRecord, WorkflowStatus
from hypergraph.exceptions import SerializationError, WorkflowAlreadyRunningError

PLAIN: list[Any] = [
    1, -7, 2**70, 2**5000, True, None, 0.1, -0.0, 1e300, math.inf, "text", 'a "quoted" \\ line\n', "\x00\x1f", "Ünïcode 🙂",
    "\ud800", "", "x" * 70_000,
]  # fmt: skip
OTHERS: list[Any] = [[1, 2], {"a": (1, 2)}, {3}, b"bytes", datetime(2026, 1, 1, tzinfo=UTC), {"$tuple": [1]}]


class General(SqliteCheckpointer):
    """A store with a way of saving of its own, which is never gone round."""

    async def save_step(self, record: StepRecord) -> None:
        await super().save_step(record)

    def save_step_sync(self, record: StepRecord) -> None:
        super().save_step_sync(record)


def giving(place: int, value: Any, *, is_async: bool) -> Any:
    if is_async:

        async def later(x: Any) -> Any:
            return value

        return node(output_name=f"v{place}").__call__(later).with_name(f"n{place}")

    def now(x: Any) -> Any:
        return value

    return node(output_name=f"v{place}").__call__(now).with_name(f"n{place}")


def chain(values: list[Any], *, is_async: bool = False) -> Graph:
    nodes = []
    for place, value in enumerate(values):
        one = giving(place, value, is_async=is_async and place % 2 == 0)
        nodes.append(one.with_inputs(x=f"v{place - 1}") if place else one)
    return Graph(nodes, name="chain")


@node(output_name=("half", "rest"))
def split(x: int, by: int = 2) -> tuple[int, int]:
    return divmod(x, by)


@node(output_name="pieces")
def pieces(half: int, rest: int, factor: int) -> Any:
    yield half * factor
    yield rest


@node
def nothing(pieces: list[int]) -> None:
    return None


@node(output_name="end")
def end(pieces: list[int]) -> int:
    return sum(pieces)


SHAPES = Graph([split, pieces, nothing, end], name="shapes").bind(factor=3)


async def run(runner: Any, graph: Graph, **options: Any) -> Any:
    found = runner.run(graph, **options)
    return await found if inspect.isawaitable(found) else found


def plainly(steps: list[StepRecord]) -> list[StepRecord]:
    moment = datetime(2026, 1, 1, tzinfo=UTC)
    return [replace(step, created_at=moment, completed_at=moment, started_at=moment, duration_ms=0.0) for step in steps]


@pytest.fixture(params=["sync", "async"])
def kind(request: pytest.FixtureRequest) -> Any:
    return SyncRunner if request.param == "sync" else AsyncRunner


@pytest.mark.parametrize("graph", ["plain", "others", "shapes"])
async def test_the_quick_way_stores_what_the_general_way_stores(tmp_path: Path, kind: Any, graph: str) -> None:
    is_async = kind is AsyncRunner
    made = {"plain": chain(PLAIN, is_async=is_async), "others": chain(OTHERS, is_async=is_async), "shapes": SHAPES}[graph]
    found = []
    for number, store_type in enumerate((SqliteCheckpointer, General)):
        with store_type(tmp_path / f"{number}.db") as store:
            result = await run(kind(checkpointer=store), made, x=7, workflow_id="w")
            assert result.checkpoint_ok
            stored = store.get_run("w")
            found.append(
                (plainly(store.steps("w")), store.state("w"), dict(result), stored.status, stored.node_count, len(result.log.steps))
            )
            times = [(step.started_at, step.completed_at) for step in store.steps("w")]
            assert times == sorted(times)
    assert str(found[0]) == str(found[1])


async def test_a_nan_keeps_its_form(tmp_path: Path, kind: Any) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    await run(kind(checkpointer=store), chain([math.nan, 1]), x=1, workflow_id="w")
    assert math.isnan(store.state("w")["v0"])


async def test_a_value_is_stored_as_it_was_when_its_step_ended(tmp_path: Path, kind: Any) -> None:
    @node(output_name="first")
    def first(x: int) -> list[int]:
        return [x]

    @node(output_name="second")
    def second(first: list[int]) -> int:
        first.append(99)
        return len(first)

    store = SqliteCheckpointer(tmp_path / "runs.db")
    await run(kind(checkpointer=store), Graph([first, second]), x=1, workflow_id="w")
    assert store.state("w") == {"first": [1], "second": 2}


@pytest.mark.parametrize("store_type", [SqliteCheckpointer, General])
async def test_a_failure_in_the_middle_is_the_last_record(tmp_path: Path, kind: Any, store_type: Any) -> None:
    @node(output_name="v1")
    def fail(v0: int) -> int:
        raise ValueError("no")

    graph = Graph([giving(0, 5, is_async=False), fail, giving(2, 6, is_async=False).with_inputs(x="v1")], name="g")
    store = store_type(tmp_path / "runs.db")
    with pytest.raises(ValueError, match="no") as raised:
        await run(kind(checkpointer=store), graph, x=1, workflow_id="w")
    assert raised.value.__notes__ == ["Raised in node 'fail' of graph 'g'"]
    assert [(step.node_name, step.superstep, step.index, step.error) for step in store.steps("w")] == [
        ("n0", 0, 0, None),
        ("fail", 1, 1, "ValueError: no"),
    ]
    stored = store.get_run("w")
    assert stored is not None
    assert (stored.status, stored.node_count, stored.error_count) == (WorkflowStatus.FAILED, 2, 1)


@pytest.mark.parametrize("store_type", [SqliteCheckpointer, General])
async def test_a_stop_in_the_middle_leaves_a_partial_step_that_runs_again(tmp_path: Path, kind: Any, store_type: Any) -> None:
    store = store_type(tmp_path / "runs.db")
    runner = kind(checkpointer=store)
    stops = [True]

    @node(output_name="v1")
    def stopping(v0: int) -> int:
        if stops:
            runner.stop("w")
        return v0 + 1

    graph = Graph([giving(0, 5, is_async=False), stopping, giving(2, 6, is_async=False).with_inputs(x="v1")], name="g")
    await run(runner, graph, x=1, workflow_id="w")
    assert [(step.node_name, step.partial) for step in store.steps("w")] == [("n0", False), ("stopping", True)]
    assert store.get_run("w").status is WorkflowStatus.STOPPED
    stops.clear()
    result = await run(runner, graph, workflow_id="w")
    assert result["v2"] == 6
    assert [step.node_name for step in store.steps("w")] == ["n0", "stopping", "stopping", "n2"]


async def test_a_value_without_a_stored_form_is_told_and_the_run_is_not_stored_as_completed(tmp_path: Path, kind: Any) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    result = await run(kind(checkpointer=store), chain([1, object(), 3]), x=1, workflow_id="w")
    assert result["v2"] == 3
    assert not result.checkpoint_ok
    assert "'n1'" in result.checkpoint_errors[0]
    assert store.get_run("w").status is WorkflowStatus.FAILED  # type: ignore[union-attr]
    assert [step.node_name for step in store.steps("w")] == ["n0", "n2"]


async def test_such_a_value_ends_a_durable_run(tmp_path: Path, kind: Any) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db", durability="sync")
    with pytest.raises(SerializationError, match="n1"):
        await run(kind(checkpointer=store), chain([1, object(), 3]), x=1, workflow_id="w")
    assert [step.node_name for step in store.steps("w")] == ["n0"]


@pytest.mark.filterwarnings("ignore:.*MiB in the checkpoint store")
async def test_a_large_value_among_small_ones(tmp_path: Path, kind: Any) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    await run(kind(checkpointer=store), chain([1, "x" * (2 << 20), 3]), x=1, workflow_id="w")
    assert [step.node_name for step in store.steps("w")] == ["n0", "n1", "n2"]
    assert store.state("w") == {"v0": 1, "v1": "x" * (2 << 20), "v2": 3}


async def test_an_owner_that_was_displaced_stores_nothing_more(tmp_path: Path, kind: Any) -> None:
    path = tmp_path / "runs.db"
    store = SqliteCheckpointer(path)

    @node(output_name="v1")
    def displaced(v0: int) -> int:
        with sqlite3.connect(path) as db:
            db.execute("UPDATE runs SET epoch = epoch + 1")
        return v0

    graph = Graph([giving(0, 5, is_async=False), displaced, giving(2, 6, is_async=False).with_inputs(x="v1")])
    with pytest.raises(WorkflowAlreadyRunningError, match="taken over"):
        await run(kind(checkpointer=store), graph, x=1, workflow_id="w")
    assert "displaced" not in [step.node_name for step in SqliteCheckpointer(path).steps("w")]


def test_a_synchronous_step_is_committed_before_the_next_one_starts(tmp_path: Path) -> None:
    path, seen = tmp_path / "runs.db", []

    @node(output_name="v1")
    def looking(v0: int) -> int:
        with sqlite3.connect(path) as db:
            seen.extend(db.execute("SELECT superstep FROM steps").fetchall())
        return v0

    SyncRunner(checkpointer=SqliteCheckpointer(path)).run(Graph([giving(0, 5, is_async=False), looking]), x=1, workflow_id="w")
    assert seen == [(0,)]


async def test_a_step_reaches_the_file_while_the_next_one_waits(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"

    @node(output_name="v1")
    async def waiting(v0: int) -> int:
        with sqlite3.connect(path) as db:
            while not db.execute("SELECT 1 FROM steps").fetchall():
                await asyncio.sleep(0.002)
        return v0

    graph = Graph([giving(0, 5, is_async=False), waiting])
    await asyncio.wait_for(AsyncRunner(checkpointer=SqliteCheckpointer(path)).run(graph, x=1, workflow_id="w"), 20)


async def test_a_cancelled_run_keeps_what_has_finished_and_goes_on_from_there(tmp_path: Path) -> None:
    store, reached, hold = SqliteCheckpointer(tmp_path / "runs.db"), asyncio.Event(), [True]

    @node(output_name="v1")
    async def waiting(v0: int) -> int:
        reached.set()
        if hold:
            await asyncio.Event().wait()
        return v0 + 1

    graph, runner = Graph([giving(0, 5, is_async=True), waiting]), AsyncRunner(checkpointer=store)
    task = asyncio.create_task(runner.run(graph, x=1, workflow_id="w"))
    await reached.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert store.get_run("w").node_count == 1  # type: ignore[union-attr]
    hold.clear()
    assert (await runner.run(graph, workflow_id="w"))["v1"] == 6
    assert [step.node_name for step in store.steps("w")] == ["n0", "waiting"]


async def test_items_of_a_batch_and_their_budget(tmp_path: Path) -> None:
    store, running, most = SqliteCheckpointer(tmp_path / "runs.db"), [0], [0]

    @node(output_name="y")
    async def counted(x: int) -> int:
        running[0] += 1
        most[0] = max(most[0], running[0])
        await asyncio.sleep(0)
        running[0] -= 1
        return x

    graph = Graph([counted, giving(1, 7, is_async=False).with_inputs(x="y")])
    results = await AsyncRunner(checkpointer=store).map(graph, x=list(range(20)), map_over="x", workflow_id="b", max_concurrency=3)
    assert results["y"] == list(range(20))
    assert most[0] == 3
    assert all(len(store.steps(f"b/{number}")) == 2 for number in range(20))


async def test_many_steps_are_few_statements(tmp_path: Path) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db", policy=CheckpointPolicy(durability="async"))
    runner, said = AsyncRunner(checkpointer=store), []
    await runner.run(chain(list(range(400))), x=1, workflow_id="warm")
    store._database.connection().set_trace_callback(said.append)
    await runner.run(chain(list(range(400))), x=1, workflow_id="w")
    store._database.connection().set_trace_callback(None)
    assert len(store.steps("w")) == 400
    assert sum(text.startswith("INSERT INTO steps") for text in said) < 100


def test_the_sources_of_a_graph_are_looked_up_once(tmp_path: Path) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    runner, graph, said = SyncRunner(checkpointer=store), chain(list(range(50))), []
    runner.run(graph, x=1, workflow_id="first")
    store._database.connection().set_trace_callback(said.append)
    runner.run(graph, x=1, workflow_id="second")
    store._database.connection().set_trace_callback(None)
    assert sum("FROM texts" in text for text in said) <= 3
    assert store.sources("second") == store.sources("first")
    assert len(store.sources("second")) == 50


def test_sources_are_kept_again_in_another_file_under_the_same_name(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    store, graph = SqliteCheckpointer(path), chain([1, 2])
    SyncRunner(checkpointer=store).run(graph, x=1, workflow_id="w")
    before = store.sources("w")
    store.close_sync()
    for file in tmp_path.glob("runs.db*"):
        if file.is_file():
            file.unlink()
    SyncRunner(checkpointer=store).run(graph, x=1, workflow_id="w")
    assert store.sources("w") == before
