"""A process that is killed in the moment in which it creates or migrates a file leaves a journal behind: the file is no less usable."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from pathlib import Path

import pytest

from hypergraph.checkpointers import NewRun, SqliteCheckpointer, WorkflowStatus
from hypergraph.exceptions import NotACheckpointError
from tests.hypergraph.store_faces import step
from tests.hypergraph.test_store_files import old_store


def cut_short(path: Path) -> None:
    """Leave behind what a process leaves that is killed within a transaction, while no log is written ahead."""
    live = path.with_name("live.db")
    if path.exists():
        shutil.copy(path, live)
    db = sqlite3.connect(live, isolation_level=None)
    # So that pages reach the file before the transaction ends.
    db.execute("PRAGMA cache_size = 1")
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TABLE half_made (x)")
    db.executemany("INSERT INTO half_made VALUES (?)", [("x" * 2000,)] * 50)
    for beside in ("", "-journal"):
        shutil.copy(f"{live}{beside}", f"{path}{beside}")
    db.execute("ROLLBACK")
    db.close()
    assert Path(f"{path}-journal").stat().st_size > 0


def digests(path: Path) -> list[str]:
    return [hashlib.sha256(Path(f"{path}{beside}").read_bytes()).hexdigest() for beside in ("", "-journal")]


def begun(path: Path) -> None:
    """Make an empty file with a header, as it is before a store's tables are made."""
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE x (x)")
    db.execute("DROP TABLE x")
    db.close()


BEFORE = {"nothing": lambda path: None, "header": begun, "version-2": lambda path: old_store(path, 2)}


@pytest.mark.parametrize("before", BEFORE)
def test_who_writes_undoes_what_was_begun(before: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    BEFORE[before](path)
    cut_short(path)
    with SqliteCheckpointer(path) as cp:
        cp.begin_sync(NewRun("new"))
        cp.save_step_sync(step("new"))
        assert cp.finish_sync("new", WorkflowStatus.COMPLETED) == ()
        assert {run.id for run in cp.runs()} == ({"new", "wf", "w2"} if before == "version-2" else {"new"})
    db = sqlite3.connect(path)
    assert db.execute("SELECT count(*) FROM sqlite_master WHERE name = 'half_made'").fetchone() == (0,)
    db.close()


@pytest.mark.parametrize("before", BEFORE)
def test_who_reads_sees_what_was_there_before_and_changes_nothing(before: str, tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    BEFORE[before](path)
    cut_short(path)
    seen = digests(path)
    with SqliteCheckpointer.open_readonly(path) as store:
        assert {run.id for run in store.runs()} == ({"wf", "w2"} if before == "version-2" else set())
        assert store.snapshot_at is not None
    assert digests(path) == seen


def test_a_file_of_another_program_is_refused_with_its_journal(tmp_path: Path) -> None:
    path = tmp_path / "runs.db"
    db = sqlite3.connect(path)
    db.execute("CREATE TABLE bookmarks (url)")
    db.close()
    cut_short(path)
    seen = digests(path)
    for use in (lambda: SqliteCheckpointer(path).runs(), lambda: SqliteCheckpointer.open_readonly(path)):
        with pytest.raises(NotACheckpointError, match="another program"):
            use()
    assert digests(path) == seen
