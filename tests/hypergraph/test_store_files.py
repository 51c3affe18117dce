"""The file itself: what is refused and left alone, what is migrated, and what reading leaves untouched."""

from __future__ import annotations

import os
import shutil
import sqlite3
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.durability.files import BAD, broken_at, digest, filled, refused
from hypergraph.checkpointers import NewRun, RunFilter, SqliteCheckpointer, StepStatus, WorkflowStatus
from hypergraph.exceptions import (
    CheckpointError,
    StoreBusyError,
    StoreCorruptError,
)
from tests.hypergraph.store_faces import step


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.mark.parametrize("how", BAD)
def test_a_bad_file_is_refused_by_name_and_left_as_it_is(how: str, path: Path) -> None:
    assert refused(how, path) == []


@pytest.mark.parametrize("how", BAD)
async def test_the_async_face_refuses_the_same(how: str, path: Path) -> None:
    make, expected = BAD[how]
    make(path)
    cp = SqliteCheckpointer(path)
    with pytest.raises(expected):
        await cp.initialize()
    with pytest.raises(expected):
        await cp.list_runs()
    await cp.close()


def test_newer_versions_are_value_errors_that_name_the_version(path: Path) -> None:
    BAD["newer"][0](path)
    with pytest.raises(ValueError, match="Unsupported database schema version 999"):
        SqliteCheckpointer(path).runs()


def test_what_can_be_read_of_a_damaged_file_is_saved(path: Path, tmp_path: Path) -> None:
    broken_at(0.6)(path)
    before = digest(path)
    with pytest.raises(StoreCorruptError, match="salvage"):
        SqliteCheckpointer(path).runs()
    counts = SqliteCheckpointer.salvage(path, tmp_path / "copy.db")
    assert digest(path) == before
    with SqliteCheckpointer(tmp_path / "copy.db") as copy:
        found = copy.runs(limit=None)
        assert len(found) == counts["runs"] > 5
        assert sum(len(copy.steps(run.id)) for run in found) > 100


class TestNewFiles:
    def test_folders_are_made_and_the_file_is_its_owners_alone(self, tmp_path: Path) -> None:
        path = tmp_path / "a" / "b c" / "ü?#%.db"
        with SqliteCheckpointer(path) as cp:
            cp.create_run_sync("wf")
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            for beside in path.parent.glob(path.name + "-*"):
                assert stat.S_IMODE(beside.stat().st_mode) == 0o600
        with SqliteCheckpointer(path) as cp:
            assert [run.id for run in cp.runs()] == ["wf"]

    def test_a_tilde_is_expanded(self, own_home: Path) -> None:
        with SqliteCheckpointer("~/x/runs.db") as cp:
            cp.create_run_sync("wf")
        assert (own_home / "x" / "runs.db").exists()

    def test_a_relative_path_is_kept_from_where_it_was_given(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.chdir(tmp_path)
        cp = SqliteCheckpointer(Path("runs.db"))
        monkeypatch.chdir("/")
        cp.create_run_sync("wf")
        cp.close_sync()
        assert (tmp_path / "runs.db").exists()

    def test_nothing_is_made_before_the_first_use(self, path: Path) -> None:
        assert repr(SqliteCheckpointer(path)).endswith(": 0 runs")
        assert not path.exists()

    def test_an_empty_file_is_a_new_store(self, path: Path) -> None:
        path.touch()
        assert SqliteCheckpointer.open_readonly(path).runs() == []
        assert path.stat().st_size == 0
        with SqliteCheckpointer(path) as cp:
            cp.create_run_sync("wf")
            assert len(cp.runs()) == 1

    def test_the_file_has_the_tables_that_others_look_for(self, path: Path) -> None:
        filled(path, 1, 1)
        db = sqlite3.connect(path)
        names = {row[0] for row in db.execute("SELECT name FROM sqlite_master")}
        assert {"runs", "steps", "_schema_version"} <= names
        assert db.execute("SELECT version FROM _schema_version").fetchone() == (3,)
        assert db.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        db.close()

    def test_a_closed_store_leaves_one_file(self, path: Path) -> None:
        filled(path, 1, 1)
        assert [one.name for one in path.parent.iterdir() if not one.name.endswith(".locks")] == ["runs.db"]

    def test_a_small_step_takes_no_more_than_120_bytes(self, path: Path) -> None:
        filled(path, 1, 1)
        before = path.stat().st_size
        with SqliteCheckpointer(path) as cp:
            cp.begin_sync(NewRun("wf"))
            for number in range(5000):
                moment = datetime.fromtimestamp(1_790_000_000 + number / 1000, UTC)
                cp.save_step_sync(
                    step("wf", number, f"node_{number % 50}", values={"y": number}, duration_ms=0.123456, completed_at=moment,
                         created_at=moment, started_at=moment)
                )  # fmt: skip
            cp.finish_sync("wf", WorkflowStatus.COMPLETED)
        assert (path.stat().st_size - before) / 5000 <= 120


def old_store(path: Path, version: int) -> None:
    """Make a file as earlier versions made them, with text ids and JSON values."""
    db = sqlite3.connect(path)
    lineage = ", parent_run_id TEXT, forked_from TEXT, fork_superstep INTEGER, retry_of TEXT, retry_index INTEGER, config TEXT" * (
        version > 1
    )
    db.executescript(
        f"""
        CREATE TABLE _schema_version (version INTEGER NOT NULL);
        INSERT INTO _schema_version VALUES ({version});
        CREATE TABLE runs (id TEXT PRIMARY KEY, graph_name TEXT, status TEXT NOT NULL, duration_ms REAL, node_count INTEGER DEFAULT 0,
            error_count INTEGER DEFAULT 0, created_at TEXT NOT NULL, completed_at TEXT{lineage});
        CREATE INDEX old_index ON runs (status);
        CREATE TABLE steps (id INTEGER PRIMARY KEY AUTOINCREMENT, run_id TEXT NOT NULL, step_index INTEGER NOT NULL,
            superstep INTEGER NOT NULL, node_name TEXT NOT NULL, node_type TEXT, status TEXT NOT NULL, input_versions TEXT NOT NULL,
            values_data BLOB, duration_ms REAL, cached INTEGER, decision TEXT, error TEXT, child_run_id TEXT, created_at TEXT NOT NULL,
            completed_at TEXT, UNIQUE (run_id, superstep, node_name));
        INSERT INTO runs (id, graph_name, status, duration_ms, node_count, created_at, completed_at)
            VALUES ('wf', 'g', 'failed', 12.5, 3, '2025-03-01T10:00:00.123456+00:00', '2025-03-01T10:00:01Z'),
                   ('w2', 'g', 'active', NULL, 0, '2025-03-02T10:00:00Z', NULL);
        INSERT INTO steps (run_id, step_index, superstep, node_name, node_type, status, input_versions, values_data, duration_ms, cached,
            decision, error, created_at, completed_at) VALUES
            ('wf', 0, 0, 'embed', 'FunctionNode', 'completed', '{{"x": 1}}', CAST('{{"v": [1, 2]}}' AS BLOB), 5.5, 0, NULL, NULL,
             '2025-03-01T10:00:00.5+00:00', '2025-03-01T10:00:00.500001+00:00'),
            ('wf', 1, 1, 'choose', 'RouteNode', 'completed', '{{}}', CAST('{{}}' AS BLOB), 1.0, 1, 'embed', NULL,
             '2025-03-01T10:00:00.6+00:00', '2025-03-01T10:00:00.600001+00:00'),
            ('wf', 2, 2, 'embed', 'FunctionNode', 'failed', '{{"x": 2}}', NULL, 1.0, 0, NULL, 'ValueError: boom',
             '2025-03-01T10:00:00.7+00:00', NULL);
        """
    )
    if version > 1:
        db.execute("UPDATE runs SET forked_from = 'wf', fork_superstep = 0, config = ? WHERE id = 'w2'", ('{"graph_struct_hash": "h"}',))
    db.commit()
    db.close()


def check_old(store: object, version: int) -> None:
    run = store.get_run("wf")
    assert (run.status, run.graph_name, run.duration_ms, run.node_count) == (WorkflowStatus.FAILED, "g", 12.5, 3)
    assert run.created_at == datetime(2025, 3, 1, 10, 0, 0, 123456, UTC)
    assert run.completed_at == datetime(2025, 3, 1, 10, 0, 1, tzinfo=UTC)
    first, second, third = store.steps("wf")
    assert (first.values, first.input_versions, first.node_type, first.duration_ms) == ({"v": [1, 2]}, {"x": 1}, "FunctionNode", 5.5)
    assert (second.cached, second.decision, second.values) == (True, "embed", {})
    assert (third.status, third.error, third.values, third.completed_at) == (StepStatus.FAILED, "ValueError: boom", None, None)
    assert first.created_at == datetime(2025, 3, 1, 10, 0, 0, 500_000, UTC)
    assert store.state("wf") == {"v": [1, 2]}
    other = store.get_run("w2")
    assert other.interrupted
    if version > 1:
        assert (other.forked_from, other.fork_superstep, other.config) == ("wf", 0, {"graph_struct_hash": "h"})
        assert store.state("w2") == {"v": [1, 2]}
    assert [one.id for one in store.runs()] == ["w2", "wf"]
    assert [one.node_name for one in store.search("boom")] == ["embed"]


class TestOlderVersions:
    @pytest.mark.parametrize("version", [1, 2])
    def test_an_older_file_is_brought_up_to_date_after_a_copy_was_made(self, path: Path, version: int) -> None:
        old_store(path, version)
        before = digest(path)
        with SqliteCheckpointer(path) as cp:
            check_old(cp, version)
            cp.begin_sync(NewRun("wf", resumes=True))
            cp.save_step_sync(step("wf", 3, "embed"))
            cp.finish_sync("wf", WorkflowStatus.COMPLETED)
            assert len(cp.steps("wf")) == 4
        backup = Path(f"{path}.v{version}-backup")
        assert SqliteCheckpointer.open_readonly(backup).schema_version == version
        db = sqlite3.connect(path)
        assert db.execute("SELECT version FROM _schema_version").fetchone() == (3,)
        assert db.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        db.close()
        assert before != digest(path)

    @pytest.mark.parametrize("version", [1, 2])
    def test_an_older_file_is_read_without_touching_it(self, path: Path, version: int) -> None:
        old_store(path, version)
        before = digest(path)
        with SqliteCheckpointer.open_readonly(path) as store:
            check_old(store, version)
            assert store.counts().total == 2
            assert len(store.page(RunFilter(), limit=1).runs) == 1
        assert digest(path) == before

    def test_a_migration_that_fails_changes_nothing(self, path: Path) -> None:
        old_store(path, 2)
        db = sqlite3.connect(path)
        db.execute("UPDATE runs SET created_at = 'no date'")
        db.commit()
        db.close()
        before = digest(path)
        with pytest.raises(CheckpointError):
            SqliteCheckpointer(path).runs()
        assert digest(path) == before
        with SqliteCheckpointer.open_readonly(path) as store, pytest.raises(CheckpointError):
            store.runs()


GOLDEN = sorted((Path(__file__).parent / "golden").glob("store-v*.sql"))


@pytest.mark.parametrize("script", GOLDEN, ids=lambda script: script.stem)
def test_a_store_of_every_version_that_was_ever_shipped_is_read(script: Path, path: Path) -> None:
    """Never change these files: they stand for histories that users have."""
    db = sqlite3.connect(path)
    db.executescript(script.read_text(encoding="utf-8"))
    db.close()
    for store in (SqliteCheckpointer.open_readonly(path), SqliteCheckpointer(path)):
        with store:
            first, second = store.runs(parent_run_id=None)
            assert (second.id, second.status, second.graph_name) == ("wf", WorkflowStatus.FAILED, "g")
            assert (first.id, first.forked_from, first.changes) == ("f", "wf", {"x": (1, 2)})
            assert store.inputs("wf") == {"x": 1, "when": datetime(2026, 1, 1, tzinfo=UTC)}
            assert [(one.node_name, one.status.value) for one in store.steps("wf")] == [("embed", "completed"), ("rank", "failed")]
            assert store.state("wf") == {"v": (1, {2}), "note": None}
            assert store.state("f") == {"v": (1, {2}), "note": "edited", "w": b"x"}
            assert store.sources("wf") == {"embed": ("abc", "def embed(): ...")}
            (pause,) = store.get_run("f/ask").pauses
            assert (pause.node_name, pause.values, pause.choices) == ("ask", {"draft": (1,)}, ("True", "False"))


class TestReadonly:
    def test_it_refuses_what_is_not_there(self, path: Path) -> None:
        with pytest.raises(CheckpointError, match="does not exist"):
            SqliteCheckpointer.open_readonly(path)
        assert not path.exists()

    async def test_it_reads_everything_and_writes_nothing(self, path: Path) -> None:
        filled(path, 3, 3)
        before = digest(path)
        with SqliteCheckpointer.open_readonly(path) as store:
            assert len(store.runs()) == 3
            assert len(await store.get_steps("r1")) == 3
            assert store.inputs("r2") == {"x": 2}
            assert len(store.lineage("r0")) == 1
            assert [one.run_id for one in store.search("text", limit=2)] == ["r2", "r2"] or len(store.search("text", limit=2)) == 2
            with pytest.raises(CheckpointError, match="read-only"):
                await store.create_run("x")
            with pytest.raises(CheckpointError, match="read-only"):
                await store.begin(NewRun("x"))
            with pytest.raises(CheckpointError, match="read-only"):
                await store.save_step(step("r0", 9))
        assert digest(path) == before

    def test_it_finds_what_the_index_knows_and_what_it_does_not_know_yet(self, path: Path) -> None:
        with SqliteCheckpointer(path) as cp:
            cp.save_step_sync(step("a", 0, "alpha"))
            cp.update_run_status_sync("a", WorkflowStatus.COMPLETED)
            assert len(cp.search("alpha")) == 1
            cp.save_step_sync(step("b", 1, "alpha"))
            with SqliteCheckpointer.open_readonly(path) as store:
                assert [one.run_id for one in store.search("alpha")] == ["b", "a"]
                assert [one.run_id for one in store.search("alpha", limit=1)] == ["b"]

    def test_it_sees_what_a_writer_commits(self, path: Path) -> None:
        with SqliteCheckpointer(path) as cp:
            cp.create_run_sync("a")
            with SqliteCheckpointer.open_readonly(path) as store:
                cp.create_run_sync("b")
                assert len(store.runs()) == 2
                assert not store.get_run("b").interrupted

    def test_a_log_that_cannot_be_shared_is_read_as_a_copy(self, path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cp = SqliteCheckpointer(path)
        cp.create_run_sync("a")
        shelf = tmp_path / "read-only disk"
        shelf.mkdir()
        for name in ("runs.db", "runs.db-wal"):
            shutil.copy(path.parent / name, shelf / name)
        cp.close_sync()
        monkeypatch.setattr(os, "access", lambda *_: False)
        before = sorted(one.name for one in shelf.iterdir())
        with SqliteCheckpointer.open_readonly(shelf / "runs.db") as store:
            assert [run.id for run in store.runs()] == ["a"]
            assert store.snapshot_at is not None
        assert sorted(one.name for one in shelf.iterdir()) == before

    def test_on_a_disk_that_cannot_be_written_a_store_can_be_browsed(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        filled(path, 1, 1)
        monkeypatch.setattr(os, "access", lambda *_: False)
        cp = SqliteCheckpointer(path)
        assert len(cp.runs()) == 1
        assert len(cp.search("work")) == 1
        with pytest.raises(CheckpointError, match="read-only"):
            cp.begin_sync(NewRun("wf"))
        assert [one.name for one in path.parent.iterdir() if one.suffix == ".db"] == ["runs.db"]
        cp.close_sync()


class TestTrouble:
    def test_a_store_that_others_keep_locked_says_so(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        cp = SqliteCheckpointer(path)
        cp.runs()
        other = sqlite3.connect(path, isolation_level=None)
        other.execute("BEGIN IMMEDIATE")
        with cp._database.lock:
            cp._database.connection().execute("PRAGMA busy_timeout = 10")
        with pytest.raises(StoreBusyError, match="locked by another process"):
            cp.create_run_sync("wf")
        other.execute("ROLLBACK")
        other.close()
        cp.create_run_sync("wf")
        cp.close_sync()

    def test_a_full_disk_ends_a_run_that_must_be_durable_and_keeps_what_was_stored(self, path: Path) -> None:
        cp = SqliteCheckpointer(path, durability="sync")
        cp.begin_sync(NewRun("wf"))
        cp.save_step_sync(step("wf", 0))
        fill_up(cp)
        with pytest.raises(CheckpointError, match="full"):
            for number in range(1, 500):
                cp.save_step_sync(step("wf", number, values={"y": "x" * 4000}))
        stored = len(cp.steps("wf"))
        assert stored >= 1
        make_space(cp)
        cp.finish_sync("wf", WorkflowStatus.FAILED)
        cp.begin_sync(NewRun("wf", resumes=True))
        assert len(cp.steps("wf")) == stored
        cp.close_sync()

    @pytest.mark.parametrize("face", ["sync", "async"])
    async def test_under_async_durability_a_full_disk_is_told_at_the_end(self, path: Path, face: str) -> None:
        cp = SqliteCheckpointer(path)
        cp.begin_sync(NewRun("wf")) if face == "sync" else await cp.begin(NewRun("wf"))
        fill_up(cp)
        for number in range(100):
            record = step("wf", number, values={"y": "x" * 4000})
            cp.save_step_sync(record) if face == "sync" else await cp.save_step(record)
        await cp.flush()
        make_space(cp)
        errors = cp.finish_sync("wf", WorkflowStatus.COMPLETED) if face == "sync" else await cp.finish("wf", WorkflowStatus.COMPLETED)
        assert errors
        assert "full" in errors[0]
        run = cp.get_run("wf")
        assert run.status is WorkflowStatus.FAILED
        assert "full" in run.error
        await cp.close()

    async def test_a_disk_that_stays_full_leaves_the_run_interrupted(self, path: Path) -> None:
        cp = SqliteCheckpointer(path)
        await cp.begin(NewRun("wf"))
        fill_up(cp)
        for number in range(100):
            await cp.save_step(step("wf", number, values={"y": "x" * 4000}))
        await cp.flush()
        fill_up(cp)
        errors = await cp.finish("wf", WorkflowStatus.FAILED, error="x" * 40_000)
        assert errors
        run = cp.get_run("wf")
        assert run.status is WorkflowStatus.ACTIVE
        assert run.interrupted
        await cp.close()


def fill_up(cp: SqliteCheckpointer) -> None:
    with cp._database.lock:
        db = cp._database.connection()
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")


def make_space(cp: SqliteCheckpointer) -> None:
    with cp._database.lock:
        cp._database.connection().execute("PRAGMA max_page_count = 1073741823")
