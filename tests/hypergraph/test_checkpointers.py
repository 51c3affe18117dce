"""The public face of the stores: names, policies, records in print, lineage, statistics, and stores that others write."""

from __future__ import annotations

import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

import hypergraph.checkpointers as face
from hypergraph.checkpointers import (
    Checkpoint,
    Checkpointer,
    CheckpointPolicy,
    LineageRow,
    LineageView,
    MemoryCheckpointer,
    NewRun,
    Run,
    RunTable,
    SqliteCheckpointer,
    StepRecord,
    StepStatus,
    StepTable,
    SyncCheckpointerProtocol,
    SyncDefaults,
    WorkflowStatus,
)
from tests.hypergraph.store_faces import ZERO, step


class TestFace:
    def test_every_public_name_is_there(self) -> None:
        for name in face.__all__:
            assert getattr(face, name) is not None
        assert face.__all__ == sorted(face.__all__)

    def test_it_is_the_same_object_as_at_the_root(self) -> None:
        import hypergraph

        assert hypergraph.SqliteCheckpointer is SqliteCheckpointer
        assert hypergraph.CheckpointPolicy is CheckpointPolicy
        assert hypergraph.Checkpointer is Checkpointer

    def test_using_it_loads_nothing_heavy(self) -> None:
        code = (
            "import sys, hypergraph.checkpointers as c; c.SqliteCheckpointer; c.MemoryCheckpointer; c.RunTable; c.StepRecord; "
            "print(sorted({'asyncio', 'aiosqlite', 'zstandard', 'numpy', 'networkx', 'concurrent.futures'} & set(sys.modules)))"
        )
        done = subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], capture_output=True, text=True, check=True)
        assert done.stdout == "[]\n"

    @pytest.mark.parametrize("make", [lambda path: SqliteCheckpointer(path), lambda path: MemoryCheckpointer()])
    def test_both_stores_have_the_sync_protocol(self, make: Any, tmp_path: Path) -> None:
        store = make(tmp_path / "runs.db")
        assert isinstance(store, SyncCheckpointerProtocol)
        assert isinstance(store, Checkpointer)
        assert store.supports_sync


class TestPolicy:
    def test_defaults(self) -> None:
        policy = CheckpointPolicy()
        assert (policy.durability, policy.retention, policy.window, policy.ttl) == ("async", "full", None, None)

    @pytest.mark.parametrize(
        ("given", "text"),
        [
            ({"durability": "exit"}, 'durability="exit" requires retention="latest"'),
            ({"durability": "exit", "retention": "windowed", "window": 1}, 'durability="exit" requires retention="latest"'),
            ({"retention": "windowed"}, "requires window parameter"),
            ({"window": 2}, "window parameter only valid"),
            ({"retention": "windowed", "window": 0}, "window must be a positive integer"),
            ({"retention": "windowed", "window": True}, "window must be a positive integer"),
            ({"ttl": 0}, "ttl must be greater than 0"),
            ({"ttl": -1}, "ttl must be greater than 0"),
            ({"durability": "maybe"}, "Unknown durability"),
            ({"retention": "none"}, "Unknown retention"),
        ],
    )
    def test_parts_that_do_not_go_together_are_refused(self, given: dict[str, Any], text: str) -> None:
        with pytest.raises(ValueError, match=text):
            CheckpointPolicy(**given)

    def test_short_forms(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.db"
        assert SqliteCheckpointer(path).policy == CheckpointPolicy()
        assert SqliteCheckpointer(path, durability="sync").policy == CheckpointPolicy(durability="sync")
        assert SqliteCheckpointer(path, retention="latest").policy == CheckpointPolicy(retention="latest")
        with pytest.raises(ValueError, match="Cannot pass both"):
            SqliteCheckpointer(path, policy=CheckpointPolicy(), durability="sync")
        with pytest.raises(ValueError, match='requires retention="latest"'):
            SqliteCheckpointer(path, durability="exit")


class TestRecordsInPrint:
    def test_a_step(self) -> None:
        text = repr(step("wf", 0, "classify", index=3, duration_ms=95.0))
        for part in ("Step [3] classify", "completed", "95ms", "superstep 0"):
            assert part in text
        cached = repr(step("wf", cached=True))
        assert "cached" in cached
        assert "completed" not in cached
        assert "error: ValueError: boom" in repr(step("wf", status=StepStatus.FAILED, error="ValueError: boom"))

    def test_a_step_as_primitives(self) -> None:
        plain = step("wf", completed_at=ZERO, values={"y": 1}).to_dict()
        assert plain["status"] == "completed"
        assert plain["completed_at"] == "2026-01-01T00:00:00+00:00"

    def test_a_run(self) -> None:
        run = Run("my-run", WorkflowStatus.FAILED, graph_name="pipeline", duration_ms=1500.0, node_count=10, error_count=2)
        text = repr(run)
        for part in ("Run: my-run", "(pipeline)", "failed", "1.5s", "10 steps", "2 errors"):
            assert part in text
        assert "WorkflowStatus" not in text
        assert run.to_dict()["status"] == "failed"

    def test_a_checkpoint(self) -> None:
        assert repr(Checkpoint({"a": 1, "b": 2}, [])).endswith("2 values, 0 steps")

    def test_tables(self) -> None:
        run = Run("r", WorkflowStatus.ACTIVE)
        assert repr(RunTable()) == "RunTable: (empty)"
        assert RunTable() == []
        assert repr(RunTable([run])).startswith("RunTable: 1 run\n  Run: r")
        assert repr(StepTable([step("wf")])).startswith("StepTable: 1 step\n  Step [0]")
        assert repr(StepTable([step("wf")] * 80)).endswith("… 30 more")
        assert RunTable([run]).to_dict()[0]["id"] == "r"

    def test_html_shows_stored_text_as_text(self, tmp_path: Path) -> None:
        nasty = "<script>alert(1)</script>"
        with SqliteCheckpointer(tmp_path / "runs.db") as cp:
            cp.create_run_sync(nasty, graph_name=nasty)
            cp.save_step_sync(step(nasty, status=StepStatus.FAILED, values=None, error=nasty))
            for html in (cp._repr_html_(), cp.runs()._repr_html_(), cp.steps(nasty)._repr_html_(), cp.lineage(nasty)._repr_html_()):
                assert "<script>" not in html
                assert "&lt;script&gt;" in html

    def test_a_store(self, tmp_path: Path) -> None:
        with SqliteCheckpointer(tmp_path / "runs.db") as cp:
            assert repr(cp).startswith("SqliteCheckpointer(")
            assert "0 runs" in repr(cp)
            cp.create_run_sync("a")
            assert "1 run" in repr(cp)
            assert "1 runs" not in repr(cp)
            assert cp.path == str(tmp_path / "runs.db")


class TestReads:
    def test_values_by_key(self, tmp_path: Path) -> None:
        with SqliteCheckpointer(tmp_path / "runs.db") as cp:
            cp.create_run_sync("wf")
            cp.save_step_sync(step("wf", values={"a": 1, "b": None}))
            assert cp.values("wf") == {"a": 1, "b": None}
            assert cp.values("wf", key="b") == {"b": None}
            assert cp.values("wf", key="nope") == {}

    def test_statistics(self, tmp_path: Path) -> None:
        with SqliteCheckpointer(tmp_path / "runs.db") as cp:
            cp.create_run_sync("wf")
            cp.save_step_sync(step("wf", 0, "a", duration_ms=10.0))
            cp.save_step_sync(step("wf", 1, "a", duration_ms=30.0, cached=True))
            cp.save_step_sync(step("wf", 2, "b", duration_ms=5.0, status=StepStatus.FAILED, values=None, error="E: x", attempt=3))
            assert cp.stats("wf") == {
                "a": {"node_type": "FunctionNode", "steps": 2, "total_ms": 40.0, "avg_ms": 20.0, "max_ms": 30.0, "errors": 0,
                      "cache_hits": 1, "attempts": 1},
                "b": {"node_type": "FunctionNode", "steps": 1, "total_ms": 5.0, "avg_ms": 5.0, "max_ms": 5.0, "errors": 1,
                      "cache_hits": 0, "attempts": 3},
            }  # fmt: skip
            assert cp.stats("nope") == {}

    def test_a_timestamp_that_others_wrote_with_a_z_is_utc(self, tmp_path: Path) -> None:
        import sqlite3

        path = tmp_path / "runs.db"
        with SqliteCheckpointer(path) as cp:
            cp.create_run_sync("wf")
            db = sqlite3.connect(path)
            db.execute("UPDATE runs SET created_at = '2024-01-02T03:04:05Z'")
            db.commit()
            db.close()
            assert cp.get_run("wf").created_at == datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC)

    def test_the_clock_going_back_changes_no_order(self, tmp_path: Path) -> None:
        with SqliteCheckpointer(tmp_path / "runs.db") as cp:
            for number, hours in enumerate((0, -1, 1)):
                cp.create_run_sync(f"r{number}")
                cp._database.write(iter_update(f"r{number}", hours), full=False)
            assert [run.id for run in cp.runs()] == ["r2", "r1", "r0"]


def iter_update(run_id: str, hours: int) -> Any:
    yield "UPDATE runs SET created_at = created_at + ? WHERE id = ?", (hours * 3_600_000_000, run_id)


class TestLineage:
    def tree(self, path: Path) -> SqliteCheckpointer:
        cp = SqliteCheckpointer(path)
        cp.create_run_sync("wf-root")
        cp.save_step_sync(step("wf-root", cached=True))
        cp.create_run_sync("wf-a", forked_from="wf-root", fork_superstep=2)
        cp.create_run_sync("wf-a1", forked_from="wf-a", retry_of="wf-a", retry_index=1)
        cp.create_run_sync("wf-b", retry_of="wf-root", retry_index=1)
        cp.create_run_sync("other")
        return cp

    def test_the_whole_tree_root_first(self, tmp_path: Path) -> None:
        cp = self.tree(tmp_path / "runs.db")
        view = cp.lineage("wf-a1")
        assert [(row.run.id, row.depth, row.is_selected) for row in view] == [
            ("wf-root", 0, False), ("wf-a", 1, False), ("wf-a1", 2, True), ("wf-b", 1, False),
        ]  # fmt: skip
        assert [row.lane for row in view] == ["", "├─ ", "│  └─ ", "└─ "]
        text = repr(view)
        for part in ("LineageView: wf-a1 (root=wf-root)", "<selected>", "(retry)", "cached=1", "(fork) @2"):
            assert part in text
        assert (view.root_run_id, view.selected_run_id) == ("wf-root", "wf-a1")
        assert len(view.steps_by_run["wf-root"]) == 1
        assert view.to_dict()["rows"][0]["run"]["id"] == "wf-root"
        cp.close_sync()

    def test_without_steps_and_bounded(self, tmp_path: Path) -> None:
        cp = self.tree(tmp_path / "runs.db")
        view = cp.lineage("wf-a1", include_steps=False, max_runs=1)
        assert view.steps_by_run == {}
        assert [row.run.id for row in view] == ["wf-root", "wf-a", "wf-a1"]
        cp.close_sync()

    def test_unknown_ids_are_refused(self, tmp_path: Path) -> None:
        with SqliteCheckpointer(tmp_path / "runs.db") as cp, pytest.raises(ValueError, match="Unknown workflow_id"):
            cp.lineage("nope")

    def test_a_circle_in_the_data_ends(self, tmp_path: Path) -> None:
        with SqliteCheckpointer(tmp_path / "runs.db") as cp:
            cp.create_run_sync("a", forked_from="b")
            cp.create_run_sync("b", forked_from="a")
            assert {row.run.id for row in cp.lineage("a")} == {"a", "b"}
            assert cp.state("a") == {}
            assert cp.checkpoint("b").values == {}

    def test_a_view_by_hand(self) -> None:
        run = Run("r", WorkflowStatus.COMPLETED)
        view = LineageView([LineageRow("", run, 0, True)], selected_run_id="r", root_run_id="r")
        assert view == [LineageRow("", run, 0, True)]
        assert "r" in repr(view)


class Minimal(Checkpointer):
    """A store as somebody else would write it: the abstract methods and nothing more."""

    def __init__(self) -> None:
        super().__init__()
        self.rows: dict[str, Run] = {}
        self.kept: list[StepRecord] = []

    async def create_run(self, run_id: str, **given: Any) -> Run:
        self.rows[run_id] = Run(run_id, WorkflowStatus.ACTIVE, **given)
        return self.rows[run_id]

    async def save_step(self, record: StepRecord) -> None:
        self.kept.append(record)

    async def update_run_status(self, run_id: str, status: WorkflowStatus, **figures: Any) -> None:
        from dataclasses import replace

        self.rows[run_id] = replace(self.rows[run_id], status=status)

    async def get_run_async(self, run_id: str) -> Run | None:
        return self.rows.get(run_id)

    async def get_steps(self, run_id: str, *, superstep: int | None = None) -> list[StepRecord]:
        return [one for one in self.kept if one.run_id == run_id]

    async def get_state(self, run_id: str, *, superstep: int | None = None) -> dict[str, Any]:
        values: dict[str, Any] = {}
        for one in await self.get_steps(run_id):
            values.update(one.values or {})
        return values

    async def list_runs(
        self, *, status: Any = None, graph_name: Any = None, since: Any = None, parent_run_id: Any = ..., limit: Any = 100
    ) -> list[Run]:
        return list(self.rows.values())[:limit]


class MinimalSync(SyncDefaults, Minimal):
    """The same with a sync face, driven by hand."""

    @staticmethod
    def drive(operation: Any) -> Any:
        try:
            operation.send(None)
        except StopIteration as done:
            return done.value
        raise AssertionError

    def create_run_sync(self, run_id: str, **given: Any) -> Run:
        return self.drive(self.create_run(run_id, **given))

    def save_step_sync(self, record: StepRecord) -> None:
        self.drive(self.save_step(record))

    def update_run_status_sync(self, run_id: str, status: WorkflowStatus, **figures: Any) -> None:
        self.drive(self.update_run_status(run_id, status, **figures))

    def get_run(self, run_id: str) -> Run | None:
        return self.rows.get(run_id)

    def runs(self, **given: Any) -> list[Run]:
        return self.drive(self.list_runs(**given))

    def steps(self, run_id: str, *, superstep: int | None = None) -> list[StepRecord]:
        return self.drive(self.get_steps(run_id))

    def state(self, run_id: str, *, superstep: int | None = None) -> dict[str, Any]:
        return self.drive(self.get_state(run_id))


class TestStoresOfOthers:
    async def test_the_base_class_gives_the_engine_what_it_asks_for(self) -> None:
        async with Minimal() as store:
            await store.begin(NewRun("wf", graph_name="g"))
            await store.save_step(step("wf"))
            assert await store.finish("wf", WorkflowStatus.COMPLETED, pauses=(), error=None) == ()
            await store.flush("wf")
            store.trust([int])
            checkpoint = await store.get_checkpoint("wf")
            assert (checkpoint.values, checkpoint.source_run_id, checkpoint.inputs) == ({"y": 0}, "wf", {})
            assert (await store.retry_workflow_async("wf"))[0] == "wf-retry-1"
            assert (await store.fork_workflow_async("wf"))[0].startswith("wf-fork-")
            assert await store.search_async("x") == []
            assert await store.get_sources_async("wf") == {}
            assert set(await store.get_children_inputs_async("wf")) == {"wf"}
            with pytest.raises(ValueError, match="Unknown source"):
                await store.fork_workflow_async("nope")

    async def test_a_run_is_kept_and_resumed_through_it(self) -> None:
        from hypergraph.graph import Graph
        from hypergraph.nodes import node
        from hypergraph.runners import AsyncRunner

        calls: list[str] = []

        @node(output_name="a")
        def first(x: int) -> int:
            calls.append("first")
            return x + 1

        @node(output_name="b")
        def second(a: int) -> int:
            calls.append("second")
            if calls.count("second") == 1:
                raise ConnectionError("once")
            return a * 2

        store = Minimal()
        runner, graph = AsyncRunner(checkpointer=store), Graph([first, second], name="g")
        with pytest.raises(ConnectionError):
            await runner.run(graph, x=1, workflow_id="wf")
        result = await runner.run(graph, workflow_id="wf")
        assert result["b"] == 4
        assert calls == ["first", "second", "second"]
        assert store.rows["wf"].status is WorkflowStatus.COMPLETED
        fork = await runner.run(graph, fork_from="wf", x=10)
        assert fork["b"] == 22

    def test_a_sync_face_of_ones_own(self) -> None:
        from hypergraph.graph import Graph
        from hypergraph.nodes import node
        from hypergraph.runners import SyncRunner

        @node(output_name="a")
        def first(x: int) -> int:
            return x + 1

        store = MinimalSync()
        assert isinstance(store, SyncCheckpointerProtocol)
        runner, graph = SyncRunner(checkpointer=store), Graph([first], name="g")
        assert runner.run(graph, x=1, workflow_id="wf")["a"] == 2
        assert store.get_run("wf").status is WorkflowStatus.COMPLETED
        assert runner.run(graph, fork_from="wf", x=5)["a"] == 6
        assert runner.run(graph, retry_from="wf", x=5).workflow_id == "wf-retry-1"

    def test_it_has_no_sync_face(self) -> None:
        assert not isinstance(Minimal(), SyncCheckpointerProtocol)


class TestMemory:
    async def test_any_value_is_kept_as_it_was(self) -> None:
        store = MemoryCheckpointer()
        lock, changing = object(), [1]
        await store.save_step(step("wf", values={"lock": lock, "list": changing, "f": len}))
        changing.append(2)
        values = await store.get_state("wf")
        assert values["list"] == [1]
        assert values["f"] is len
        values["list"].append(3)
        assert (await store.get_state("wf"))["list"] == [1]

    async def test_what_is_dropped_is_let_go_of(self) -> None:
        class Big:
            alive = 0

            def __init__(self) -> None:
                Big.alive += 1

            def __del__(self) -> None:
                Big.alive -= 1

            def __deepcopy__(self, _: Any) -> Big:
                return Big()

        store = MemoryCheckpointer(CheckpointPolicy(retention="latest"))
        store.begin_sync(NewRun("wf"))
        for number in range(20):
            store.save_step_sync(step("wf", number, values={"big": Big()}))
        assert Big.alive == 1
        assert isinstance(store.state("wf")["big"], Big)
        store.finish_sync("wf", WorkflowStatus.COMPLETED)

    async def test_two_stores_share_nothing(self) -> None:
        one, other = MemoryCheckpointer(), MemoryCheckpointer()
        await one.create_run("wf")
        assert await other.get_run_async("wf") is None
        assert "1 run" in repr(one)


def test_a_hundred_thousand_runs_are_listed_without_reading_them_all(tmp_path: Path) -> None:
    """Counted in virtual-machine steps of SQLite, not in time: a page must not cost what the history is long."""
    path = tmp_path / "runs.db"
    with SqliteCheckpointer(path) as cp:
        cp.create_run_sync("first")
        with cp._database.lock:
            db = cp._database.connection()
            db.execute(
                "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 30000) INSERT INTO runs (id, status, graph_name, "
                "parent_run_id, created_at, seq) SELECT 'run-' || i, CASE WHEN i % 1000 THEN 'completed' ELSE 'failed' END, 'g', "
                "CASE WHEN i % 3 THEN 'batch' END, i, i FROM n"
            )
        ticks: list[int] = []

        def count(read: Any) -> int:
            ticks.clear()
            with cp._database.lock:
                cp._database.connection().set_progress_handler(lambda: ticks.append(1) and None, 100)
            try:
                assert len(read()) > 0
            finally:
                with cp._database.lock:
                    cp._database.connection().set_progress_handler(None, 0)
            return len(ticks) * 100

        assert count(lambda: cp.runs(limit=50)) < 20_000
        assert count(lambda: cp.runs(limit=50, parent_run_id=None)) < 20_000
        assert count(lambda: cp.runs(limit=50, parent_run_id="batch")) < 20_000
        assert count(lambda: cp.runs(limit=30, status="failed")) < 20_000
        assert count(lambda: cp.runs(limit=50, status="completed")) < 20_000
        assert count(lambda: cp.runs(limit=20, status="failed", parent_run_id="batch")) < 60_000
        assert count(lambda: cp.runs(limit=10, status="failed", parent_run_id=None)) < 20_000
        assert count(lambda: cp.runs(limit=50, status="completed", parent_run_id=None)) < 20_000
        assert count(lambda: [cp.get_run("run-777")]) < 2_000
        assert count(lambda: cp.runs(limit=50, since=datetime.now(UTC) - timedelta(days=1))) < 600_000
