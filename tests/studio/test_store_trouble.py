"""A store that is locked, deleted or replaced while the studio is open: it is told in words, keys are heard, and nothing breaks."""

from __future__ import annotations

import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from hypergraph import Graph, SqliteCheckpointer, SyncRunner, node
from studio.widgets.run_list import RunList
from tests.studio.driving import driven, status, until

LOCK = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], isolation_level=None)
db.execute("PRAGMA locking_mode = EXCLUSIVE")
db.execute("BEGIN EXCLUSIVE")
db.execute("UPDATE runs SET seq = seq")
print("locked", flush=True)
sys.stdin.readline()
db.execute("ROLLBACK")
db.close()
"""


DELETE = "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute('PRAGMA journal_mode = DELETE').fetchone()[0])"


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


def fill(db: Path, *names: str) -> None:
    db.parent.mkdir(parents=True, exist_ok=True)
    with SqliteCheckpointer(db) as store:
        for name in names:
            SyncRunner(checkpointer=store).run(Graph([double], name="simple"), {"x": 1}, workflow_id=name)


@contextmanager
def locked(db: Path) -> Iterator[None]:
    """Hold the whole file from another process, as a backup or a migration does."""
    process = subprocess.Popen([sys.executable, "-c", LOCK, str(db)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert process.stdout.readline() == "locked\n"
        yield
    finally:
        process.stdin.close()
        process.wait(10)
        process.stdout.close()


def rollback_journal(db: Path) -> None:
    """Take the file out of the mode in which readers and a writer do not meet."""
    done = subprocess.run(
        [sys.executable, "-c", DELETE, str(db)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert done.stdout == "delete\n"


@pytest.mark.parametrize("mode", ["wal", "delete"])
async def test_keys_are_heard_while_another_process_holds_the_store(mode: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tmp_path / ".hypergraph" / "runs.db"
    fill(db, "one", "two")
    if mode == "delete":
        rollback_journal(db)
    with locked(db):
        async with driven(tmp_path, monkeypatch, "studio.examples.review") as (pilot, app):
            await pilot.press("4")
            longest = 0.0
            for key in ("4", "slash", "o", "n", "escape", "5", "4", "1", "4", "exclamation_mark", "escape"):
                begun = time.perf_counter()
                await pilot.press(key)
                longest = max(longest, time.perf_counter() - begun)
            assert longest < 4, longest
            assert app.is_running
    async with driven(tmp_path, monkeypatch, "studio.examples.review") as (pilot, app):
        await pilot.press("4")
        await until(pilot, lambda: app.screen.query_one(RunList).row_count() == 2)


async def test_a_store_that_is_deleted_is_told_and_one_that_comes_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tmp_path / ".hypergraph" / "runs.db"
    fill(db, "one", "two")
    async with driven(tmp_path, monkeypatch, "studio.examples.review") as (pilot, app):
        await pilot.press("4")
        await until(pilot, lambda: app.screen.query_one(RunList).row_count() == 2)
        shutil.rmtree(db.parent)
        await until(pilot, lambda: any("gone" in problem.detail for problem in app.studio.problems()))
        await pilot.press("exclamation_mark", "escape", "1", "4")
        # What was seen last stays, and the reason is said.
        await until(pilot, lambda: app.screen.query_one(RunList).row_count() == 2)
        fill(db, "three")
        await until(pilot, lambda: app.screen.query_one(RunList).row_count() == 1)
        await until(pilot, lambda: not [problem for problem in app.studio.problems() if "gone" in problem.detail])
        await until(pilot, lambda: "1 run" in status(app))


async def test_a_file_that_takes_the_place_of_the_store_is_read_or_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    db = tmp_path / ".hypergraph" / "runs.db"
    fill(db, "one", "two")
    fill(tmp_path / "other.db", "three")
    async with driven(tmp_path, monkeypatch, "studio.examples.review") as (pilot, app):
        await pilot.press("4")
        await until(pilot, lambda: app.screen.query_one(RunList).row_count() == 2)
        (tmp_path / "other.db").replace(db)
        await until(pilot, lambda: app.screen.query_one(RunList).row_count() == 1)
        (tmp_path / "noise").write_bytes(b"no database at all" * 100)
        (tmp_path / "noise").replace(db)
        await until(pilot, lambda: any("cannot be read" in problem.title for problem in app.studio.problems()))
        await pilot.press("exclamation_mark", "escape", "5", "1", "4")
        assert app.is_running
