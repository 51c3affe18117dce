"""What a run's values look like after they went through a store: real runs, both runners."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hypergraph.checkpointers import Checkpoint, CheckpointPolicy, MemoryCheckpointer, Opaque, SqliteCheckpointer, WorkflowStatus
from hypergraph.exceptions import CheckpointError, SerializationError
from hypergraph.graph import Graph
from hypergraph.nodes import node
from hypergraph.runners import AsyncRunner, SyncRunner


@dataclasses.dataclass
class Doc:
    """A class of the graph's own module."""

    title: str
    tags: tuple[str, ...] = ()


BROKEN = {"now": False}


@node(output_name="doc")
def make(title: str):
    return Doc(title, ("a",))


@node(output_name="n")
def use(doc: Any) -> int:
    if BROKEN["now"]:
        raise ConnectionError("not now")
    return len(doc.title) + len(doc.tags)


GRAPH = Graph([make, use], name="docs")


@node(output_name="client")
def connect(title: str) -> Any:
    return object()


@node(output_name="n")
def talk(client: Any) -> int:
    return 7


UNSTORABLE = Graph([connect, talk], name="unstorable")


@pytest.fixture(params=["sync", "async"])
def face(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture(autouse=True)
def whole() -> Iterator[None]:
    BROKEN["now"] = False
    yield
    BROKEN["now"] = False


async def run(face: str, store: Any, graph: Graph, *args: Any, **kwargs: Any) -> Any:
    runner = (SyncRunner if face == "sync" else AsyncRunner)(checkpointer=store)
    answer = runner.run(graph, *args, **kwargs)
    return await answer if inspect.isawaitable(answer) else answer


async def test_objects_of_the_graphs_own_module_come_back_as_they_were(face: str, tmp_path: Path) -> None:
    BROKEN["now"] = True
    store = SqliteCheckpointer(tmp_path / "runs.db")
    with pytest.raises(ConnectionError):
        await run(face, store, GRAPH, title="abc", workflow_id="wf")
    await store.close()
    BROKEN["now"] = False
    again = SqliteCheckpointer(tmp_path / "runs.db")
    result = await run(face, again, GRAPH, workflow_id="wf")
    assert result["n"] == 4
    assert result["doc"] == Doc("abc", ("a",))
    await again.close()
    # Who has no graph has no class either, and loads none.
    with SqliteCheckpointer.open_readonly(tmp_path / "runs.db") as view:
        assert view.values("wf", key="doc") == {"doc": Opaque(f"{__name__}:Doc", {"title": "abc", "tags": ("a",)})}


async def test_what_cannot_be_stored_leaves_the_result_and_is_told(face: str, tmp_path: Path) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    result = await run(face, store, UNSTORABLE, title="x", workflow_id="wf")
    assert result.completed
    assert result["n"] == 7
    assert not result.checkpoint_ok
    assert "Step 'connect' of run 'wf': value 'client' cannot be stored" in result.checkpoint_errors[0]
    stored = store.get_run("wf")
    assert stored.status is WorkflowStatus.FAILED
    assert store.state("wf") == {"n": 7}
    await store.close()


async def test_under_sync_durability_it_ends_the_run(face: str, tmp_path: Path) -> None:
    store = SqliteCheckpointer(tmp_path / "runs.db", durability="sync")
    with pytest.raises(SerializationError, match="Step 'connect' of run 'wf': value 'client'"):
        await run(face, store, UNSTORABLE, title="x", workflow_id="wf")
    assert store.get_run("wf").status is WorkflowStatus.FAILED
    with pytest.raises(SerializationError, match="Inputs of run"):
        await run(face, store, GRAPH, title=object(), workflow_id="w2")
    await store.close()


async def test_memory_keeps_any_value(face: str) -> None:
    store = MemoryCheckpointer()
    result = await run(face, store, UNSTORABLE, title="x", workflow_id="wf")
    assert result.checkpoint_ok
    assert (await store.get_run_async("wf")).status is WorkflowStatus.COMPLETED
    assert set(await store.get_state("wf")) == {"client", "n"}


async def test_a_value_larger_than_allowed_ends_a_durable_run(face: str, tmp_path: Path) -> None:
    @node(output_name="text")
    def big(size: int) -> str:
        return "x" * size

    store = SqliteCheckpointer(tmp_path / "runs.db", durability="sync", max_value_bytes=2 << 20)
    with pytest.raises(SerializationError, match="refuses values above"):
        await run(face, store, Graph([big], name="big"), size=3 << 20, workflow_id="wf")
    await store.close()


async def test_one_write_at_the_end(face: str, tmp_path: Path) -> None:
    seen: list[int] = []
    store = SqliteCheckpointer(tmp_path / "runs.db", durability="exit", retention="latest")

    @node(output_name="z")
    def look(n: int) -> int:
        seen.append(len(store.steps("wf")))
        return n

    result = await run(face, store, Graph([make, use, look], name="exit"), title="abc", workflow_id="wf")
    assert result.checkpoint_ok
    assert seen == [0]
    assert len(store.steps("wf")) == 3
    assert store.get_run("wf").status is WorkflowStatus.COMPLETED
    await store.close()


async def test_a_run_whose_window_dropped_steps_is_read_but_not_resumed(face: str, tmp_path: Path) -> None:
    BROKEN["now"] = True
    store = SqliteCheckpointer(tmp_path / "runs.db", policy=CheckpointPolicy(retention="windowed", window=1))
    with pytest.raises(ConnectionError):
        await run(face, store, GRAPH, title="abc", workflow_id="wf")
    assert [one.node_name for one in store.steps("wf")] == ["use"]
    for options in ({"workflow_id": "wf"}, {"fork_from": "wf"}, {"retry_from": "wf"}):
        with pytest.raises(CheckpointError, match="'make' in superstep 0"):
            await run(face, store, GRAPH, **options)
    await store.close()


class TestForksThatAreResumed:
    """A fork that is stopped half-way goes on as what it was: with its own inputs and values, not with its source's."""

    calls: list[str] = []
    broken: set[str] = set()

    def graph(self) -> Graph:
        def work(name: str) -> None:
            self.calls.append(name)
            if name in self.broken:
                raise ConnectionError(name)

        @node(output_name="a")
        def one(x: int) -> int:
            work("one")
            return x + 1

        @node(output_name="b")
        def two(a: int) -> int:
            work("two")
            return a * 2

        @node(output_name="c")
        def three(b: int, y: int = 1) -> int:
            work("three")
            return b + y

        return Graph([one, two, three], name="line")

    @pytest.fixture(autouse=True)
    def start(self) -> None:
        self.calls.clear()
        self.broken.clear()

    async def fail(self, face: str, store: Any, node_name: str, *args: Any, **kwargs: Any) -> None:
        self.broken.add(node_name)
        with pytest.raises(ConnectionError, match=node_name):
            await run(face, store, self.graph(), *args, **kwargs)
        self.broken.clear()
        self.calls.clear()

    async def goes_on(self, face: str, store: Any, workflow_id: str, ran: list[str], c: int) -> None:
        result = await run(face, store, self.graph(), workflow_id=workflow_id)
        assert (result["c"], self.calls) == (c, ran)
        assert store.state(workflow_id)["c"] == c

    @pytest.mark.parametrize(("failing", "ran"), [("one", ["one", "two", "three"]), ("two", ["two", "three"]), ("three", ["three"])])
    async def test_with_a_changed_input(self, face: str, failing: str, ran: list[str], tmp_path: Path) -> None:
        store = SqliteCheckpointer(tmp_path / "runs.db")
        await self.fail(face, store, "three", x=1, workflow_id="src")
        await self.fail(face, store, failing, x=10, fork_from="src", workflow_id="f")
        await self.goes_on(face, store, "f", ran, 23)
        await store.close()

    @pytest.mark.parametrize(("failing", "ran"), [("two", ["two", "three"]), ("three", ["three"])])
    async def test_with_an_edited_value(self, face: str, failing: str, ran: list[str], tmp_path: Path) -> None:
        store = SqliteCheckpointer(tmp_path / "runs.db")
        await self.fail(face, store, "three", x=1, workflow_id="src")
        edited = store.checkpoint("src").with_values({"a": 50})
        await self.fail(face, store, failing, checkpoint=edited, workflow_id="e")
        await self.goes_on(face, store, "e", ran, 101)
        await store.close()

    async def test_a_fork_of_an_edited_fork_runs_nothing_again(self, face: str, tmp_path: Path) -> None:
        store = SqliteCheckpointer(tmp_path / "runs.db")
        await run(face, store, self.graph(), x=1, workflow_id="src")
        await run(face, store, self.graph(), checkpoint=store.checkpoint("src").with_values({"a": 50}), workflow_id="e")
        self.calls.clear()
        result = await run(face, store, self.graph(), fork_from="e", workflow_id="f")
        assert (result["c"], self.calls) == (101, [])
        again = await run(face, store, self.graph(), {"y": 5}, fork_from="f", workflow_id="f2")
        assert (again["c"], self.calls) == (105, ["three"])
        assert store.checkpoint("f2").values == {"a": 50, "b": 100, "c": 105}
        await store.close()

    @pytest.mark.parametrize(("failing", "ran"), [("two", ["two", "three"]), ("three", ["three"])])
    async def test_from_a_snapshot_of_another_store(self, face: str, failing: str, ran: list[str], tmp_path: Path) -> None:
        other, store = SqliteCheckpointer(tmp_path / "other.db"), SqliteCheckpointer(tmp_path / "runs.db")
        await self.fail(face, other, "three", x=1, workflow_id="src")
        edited = other.checkpoint("src").with_values({"a": 50})
        await self.fail(face, store, failing, checkpoint=edited, workflow_id="f")
        # The stale value of the source is not taken for a good one.
        await self.goes_on(face, store, "f", ran, 101)
        for one in (other, store):
            await one.close()

    async def test_from_a_snapshot_of_another_store_as_it_was(self, face: str, tmp_path: Path) -> None:
        other, store = SqliteCheckpointer(tmp_path / "other.db"), SqliteCheckpointer(tmp_path / "runs.db")
        await self.fail(face, other, "three", x=1, workflow_id="src")
        await self.fail(face, store, "three", checkpoint=other.checkpoint("src"), workflow_id="f")
        await self.goes_on(face, store, "f", ["three"], 5)
        for one in (other, store):
            await one.close()

    async def test_from_a_snapshot_made_by_hand(self, face: str, tmp_path: Path) -> None:
        store = SqliteCheckpointer(tmp_path / "runs.db")
        by_hand = Checkpoint(values={"a": 7}, steps=[], inputs={"x": 1})
        await self.fail(face, store, "three", checkpoint=by_hand, workflow_id="h")
        await self.goes_on(face, store, "h", ["three"], 15)
        await store.close()


class Burning(SqliteCheckpointer):
    """A store whose steps cannot be written, and which says so in its own way."""

    async def save_step(self, record: Any) -> None:
        raise RuntimeError("the disk is on fire")

    def save_step_sync(self, record: Any) -> None:
        raise RuntimeError("the disk is on fire")


async def test_a_store_that_fails_leaves_the_result_and_never_says_completed(face: str, tmp_path: Path) -> None:
    store = Burning(tmp_path / "runs.db")
    result = await run(face, store, GRAPH, title="abc", workflow_id="wf")
    assert (result.completed, result["n"], result.checkpoint_ok) == (True, 4, False)
    assert result.checkpoint_errors == ("RuntimeError: the disk is on fire",)
    stored = store.get_run("wf")
    assert (stored.status, stored.error) == (WorkflowStatus.FAILED, "RuntimeError: the disk is on fire")
    await store.close()


async def test_a_store_that_fails_ends_a_run_that_must_be_durable(face: str, tmp_path: Path) -> None:
    store = Burning(tmp_path / "runs.db", durability="sync")
    with pytest.raises(RuntimeError, match="on fire"):
        await run(face, store, GRAPH, title="abc", workflow_id="wf")
    assert store.get_run("wf").status is WorkflowStatus.FAILED
    await store.close()
