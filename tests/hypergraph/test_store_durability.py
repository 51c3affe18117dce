"""When writes reach the file, and that a forgotten close() costs nothing."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import subprocess
import sys
import textwrap
import threading
import time
import weakref
from pathlib import Path

import pytest

from hypergraph.checkpointers import CheckpointPolicy, NewRun, SqliteCheckpointer, WorkflowStatus
from hypergraph.exceptions import CheckpointError
from tests.hypergraph.store_faces import step

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def stored(path: Path) -> int:
    """Count the steps that another connection sees."""
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    try:
        return db.execute("SELECT count(*) FROM steps").fetchone()[0]
    finally:
        db.close()


def synchronous(cp: SqliteCheckpointer) -> int:
    with cp._database.lock:
        return cp._database.connection().execute("PRAGMA synchronous").fetchone()[0]


class TestSync:
    @pytest.mark.parametrize(("durability", "level"), [("sync", 2), ("async", 1)])
    def test_the_blocking_face_commits_each_step_at_its_level(self, path: Path, durability: str, level: int) -> None:
        with SqliteCheckpointer(path, durability=durability) as cp:
            cp.begin_sync(NewRun("wf"))
            for number in range(3):
                cp.save_step_sync(step("wf", number))
                assert stored(path) == number + 1
            assert synchronous(cp) == level
            cp.finish_sync("wf", WorkflowStatus.COMPLETED)

    async def test_an_awaited_step_is_committed_through_to_the_disk(self, path: Path) -> None:
        cp = SqliteCheckpointer(path, durability="sync")
        await cp.begin(NewRun("wf"))
        for number in range(3):
            await cp.save_step(step("wf", number))
            assert stored(path) == number + 1
        assert synchronous(cp) == 2
        await cp.finish("wf", WorkflowStatus.COMPLETED)
        await cp.close()

    async def test_what_finishes_together_shares_a_commit(self, path: Path) -> None:
        cp = SqliteCheckpointer(path, durability="sync")
        await cp.begin(NewRun("wf"))
        commits: list[str] = []
        with cp._database.lock:
            cp._database.connection().set_trace_callback(lambda sql: commits.append(sql) if sql == "COMMIT" else None)
            saves = [asyncio.ensure_future(cp.save_step(step("wf", number))) for number in range(50)]
            # The writer waits for the lock meanwhile, as it would wait for a slow disk.
            await asyncio.sleep(0)
        await asyncio.gather(*saves)
        assert stored(path) == 50
        assert len(commits) <= 3
        await cp.finish("wf", WorkflowStatus.COMPLETED)
        await cp.close()

    async def test_the_policy_can_be_changed(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        cp.policy = CheckpointPolicy(durability="sync")
        await cp.begin(NewRun("wf"))
        await cp.save_step(step("wf"))
        assert synchronous(cp) == 2
        await cp.finish("wf", WorkflowStatus.COMPLETED)
        await cp.close()


class TestAsync:
    async def test_the_row_and_the_inputs_are_there_before_the_first_node(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf", inputs={"x": 1}))
        db = sqlite3.connect(path)
        assert db.execute("SELECT status FROM runs").fetchall() == [("active",)]
        assert db.execute("SELECT kind FROM run_data").fetchall() == [("inputs",)]
        db.close()
        await cp.finish("wf", WorkflowStatus.COMPLETED)
        await cp.close()

    async def test_steps_are_written_behind_on_their_own(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        await cp.save_step(step("wf"))
        until = time.monotonic() + 10
        while stored(path) != 1:
            assert time.monotonic() < until
            await asyncio.sleep(0.005)
        await cp.finish("wf", WorkflowStatus.COMPLETED)
        await cp.close()

    async def test_everything_is_there_when_the_run_has_finished(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        for number in range(1000):
            await cp.save_step(step("wf", number))
        await cp.finish("wf", WorkflowStatus.COMPLETED)
        assert stored(path) == 1000
        await cp.close()

    async def test_readers_of_the_same_object_see_what_waits(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        await cp.save_step(step("wf", 0))
        assert len(await cp.get_steps("wf")) == 1
        await cp.save_step(step("wf", 1))
        assert len(cp.steps("wf")) == 2
        await cp.finish("wf", WorkflowStatus.COMPLETED)
        await cp.close()

    async def test_a_step_that_cannot_be_written_spoils_nothing_but_itself(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        await cp.begin(NewRun("w2"))
        await cp.save_step(step("wf", 0))
        await cp.save_step(step("wf/never-begun", 0))
        await cp.save_step(step("w2", 0))
        await cp.save_step(step("wf", 1))
        errors = await cp.finish("wf", WorkflowStatus.COMPLETED)
        assert len(errors) == 1
        assert "never-begun" in errors[0]
        assert await cp.finish("w2", WorkflowStatus.COMPLETED) == ()
        assert cp.get_run("wf").status is WorkflowStatus.FAILED
        assert cp.get_run("w2").status is WorkflowStatus.COMPLETED
        assert [one.superstep for one in cp.steps("wf")] == [0, 1]
        await cp.close()

    async def test_a_child_that_could_not_be_stored_is_not_completed_either(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        for number in range(2):
            await cp.begin(NewRun(f"wf/{number}", parent_run_id="wf"))
            await cp.save_step(step(f"wf/{number}", values={"y": object() if number else 1}))
            await cp.finish(f"wf/{number}", WorkflowStatus.COMPLETED)
        assert len(await cp.finish("wf", WorkflowStatus.COMPLETED)) == 1
        assert [cp.get_run(name).status.value for name in ("wf/0", "wf/1", "wf")] == ["completed", "failed", "failed"]
        await cp.close()

    async def test_a_paused_run_keeps_its_question_when_what_it_is_about_cannot_be_stored(self, path: Path) -> None:
        from hypergraph.checkpointers import PauseRecord

        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        errors = await cp.finish("wf", WorkflowStatus.PAUSED, pauses=[PauseRecord("ask", {"ok": "ok"}, {"draft": object()}, "bool")])
        assert "draft" in errors[0]
        run = await cp.get_run_async("wf")
        assert (run.status, run.pauses[0].response_keys, run.pauses[0].answer_type) == (WorkflowStatus.PAUSED, {"ok": "ok"}, "bool")
        await cp.close()


class TestFaces:
    async def test_both_faces_of_one_object_may_be_mixed(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        await cp.save_step(step("wf", 0))
        cp.save_step_sync(step("wf", 1))
        await cp.save_step(step("wf", 2))
        cp.finish_sync("wf", WorkflowStatus.COMPLETED)
        assert [one.superstep for one in await cp.get_steps("wf")] == [0, 1, 2]
        await cp.close()

    async def test_memory_is_shared_between_the_faces(self) -> None:
        cp = SqliteCheckpointer(":memory:")
        await cp.create_run("wf")
        cp.save_step_sync(step("wf"))
        assert len(await cp.get_steps("wf")) == 1
        assert len(cp.runs()) == 1
        other = SqliteCheckpointer(":memory:")
        assert other.runs() == []
        await cp.close()

    async def test_initialize_may_be_called_by_many_at_once(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await asyncio.gather(*(cp.initialize() for _ in range(20)), *(cp.list_runs() for _ in range(20)))
        await cp.close()

    def test_one_object_serves_several_loops_and_threads(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)

        async def work(name: str) -> int:
            await cp.begin(NewRun(name))
            await cp.save_step(step(name))
            await cp.finish(name, WorkflowStatus.COMPLETED)
            return len(await cp.get_steps(name))

        found: list[int] = []
        threads = [threading.Thread(target=lambda name=name: found.append(asyncio.run(work(name)))) for name in "abcd"]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [1] * 4
        assert asyncio.run(work("e")) == 1
        asyncio.run(cp.close())

    def test_a_read_that_is_cancelled_leaves_the_object_usable(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)

        async def cancelled() -> None:
            await cp.list_runs()
            reading = asyncio.ensure_future(cp.list_runs())
            await asyncio.sleep(0)
            reading.cancel()

        asyncio.run(cancelled())
        assert asyncio.run(cp.list_runs()) == []
        asyncio.run(cp.close())

    async def test_a_closed_object_opens_again(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        for number in range(3):
            await cp.create_run(f"r{number}")
            assert len(await cp.list_runs()) == number + 1
            await cp.close()
        async with cp:
            assert len(cp.runs()) == 3

    def test_an_object_that_goes_lets_go_of_its_file(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        cp.begin_sync(NewRun("wf"))
        asyncio.run(cp.save_step(step("wf")))
        gone = weakref.ref(cp)
        del cp
        until = time.monotonic() + 10
        while gone() is not None:
            # The writer's thread may still hold the job that it has just done.
            assert time.monotonic() < until
            gc.collect()
        assert not Path(f"{path}-wal").exists()
        assert stored(path) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="sends signals")
@pytest.mark.parametrize("face", ["sync", "async"])
def test_what_was_acknowledged_survives_a_kill(face: str, path: Path) -> None:
    code = """
    import asyncio, sys
    from hypergraph.checkpointers import *
    from tests.hypergraph.store_faces import step
    cp = SqliteCheckpointer(sys.argv[1], durability="sync")
    async def awaited():
        await cp.begin(NewRun("wf", inputs={"x": 1}))
        for number in range(100_000):
            await cp.save_step(step("wf", number))
            print(number, flush=True)
    def blocking():
        cp.begin_sync(NewRun("wf", inputs={"x": 1}))
        for number in range(100_000):
            cp.save_step_sync(step("wf", number))
            print(number, flush=True)
    blocking() if sys.argv[2] == "sync" else asyncio.run(awaited())
    """
    for round_ in range(3):
        own = path.with_name(f"{round_}.db")
        process = subprocess.Popen(
            [sys.executable, "-c", textwrap.dedent(code), str(own), face], cwd=ROOT, stdout=subprocess.PIPE, text=True
        )
        for _ in range(20 + 13 * round_):
            process.stdout.readline()
        os.kill(process.pid, signal.SIGKILL)
        # A number that was cut off by the kill was still written after its commit.
        rest = process.communicate()[0].split()
        acknowledged = 20 + 13 * round_ + len(rest)
        with SqliteCheckpointer(own) as cp:
            steps = cp.steps("wf")
            assert [one.superstep for one in steps] == list(range(len(steps)))
            assert len(steps) >= acknowledged
            assert cp.inputs("wf") == {"x": 1}
            assert cp.get_run("wf").interrupted


class TestTimeToLive:
    def test_finished_runs_go_with_their_children_and_forks_keep_their_source(self, path: Path) -> None:
        with SqliteCheckpointer(path) as cp:
            for name in ("old", "source", "active", "paused"):
                cp.begin_sync(NewRun(name, inputs={"x": 1}))
                cp.begin_sync(NewRun(f"{name}/c", parent_run_id=name))
                cp.save_step_sync(step(f"{name}/c"))
                cp.finish_sync(f"{name}/c", WorkflowStatus.COMPLETED)
                status = {"active": WorkflowStatus.ACTIVE, "paused": WorkflowStatus.PAUSED}.get(name, WorkflowStatus.COMPLETED)
                cp.finish_sync(name, status)
            cp.begin_sync(NewRun("fork", forked_from="source"))
            cp.finish_sync("fork", WorkflowStatus.PAUSED)
            cp.begin_sync(NewRun("old2"))
            cp.finish_sync("old2", WorkflowStatus.COMPLETED)
        db = sqlite3.connect(path)
        db.execute("UPDATE runs SET completed_at = completed_at - 100000000 WHERE id <> 'old2' AND completed_at IS NOT NULL")
        db.commit()
        db.close()
        with SqliteCheckpointer(path, policy=CheckpointPolicy(ttl=60)) as cp:
            assert {run.id for run in cp.runs(parent_run_id=None)} == {"source", "active", "paused", "fork", "old2"}
            assert cp.get_run("old/c") is None
            assert cp.steps("old/c") == []
            assert len(cp.steps("source/c")) == 1


def test_a_busy_store_is_not_a_lost_step(path: Path) -> None:
    """A writer that finds the file locked waits; a step is late then, and not gone."""
    cp = SqliteCheckpointer(path)
    cp.begin_sync(NewRun("wf"))
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("BEGIN IMMEDIATE")
    waiting = threading.Thread(target=cp.save_step_sync, args=(step("wf"),))
    waiting.start()
    assert waiting.is_alive()
    other.execute("ROLLBACK")
    other.close()
    waiting.join()
    assert len(cp.steps("wf")) == 1
    cp.finish_sync("wf", WorkflowStatus.COMPLETED)
    cp.close_sync()


def test_errors_of_a_store_have_one_family() -> None:
    from hypergraph import exceptions

    for name in ("SchemaVersionError", "SerializationError", "StoreCorruptError", "NotACheckpointError", "StoreBusyError"):
        assert issubclass(getattr(exceptions, name), CheckpointError)
