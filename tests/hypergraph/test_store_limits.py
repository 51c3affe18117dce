"""What the world does to a store: no space, no permission, a clock that is set back, values of a hundred megabytes, a stranger's file."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import textwrap
from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from benchmarks.durability.files import digest, filled
from hypergraph import AsyncRunner, Graph, SqliteCheckpointer, SyncRunner, node
from hypergraph.checkpointers import NewRun, WorkflowStatus
from tests.hypergraph.store_faces import step

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="limits, mounts and users of Linux")
ROOT = Path(__file__).parents[2]


def script(code: str, *args: object, before: Sequence[str] = ()) -> list[str]:
    """Run a program of its own, which may limit or watch itself, and give what it says."""
    done = subprocess.run(
        [*before, sys.executable, "-W", "ignore", "-c", textwrap.dedent(code), *map(str, args)],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.splitlines()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


FULL = """
import asyncio, random, resource, sys
from hypergraph import *
from hypergraph.exceptions import CheckpointError
path, face, durability, how = sys.argv[1:]
@node(output_name=("n", "text"))
def count(n: int) -> tuple[int, bytes]:
    if how == "limit" and n == 3:
        # From here on no file may grow.
        resource.setrlimit(resource.RLIMIT_FSIZE, (900_000, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    return n + 1, random.Random(n).randbytes(200_000)
@route(targets=["count", END])
def again(n: int) -> str:
    return END if n >= 12 else "count"
if face == "async":
    plain = count.func
    @node(output_name=("n", "text"))
    async def count(n: int) -> tuple[int, bytes]:
        return plain(n)
graph = Graph([count, again], name="filling", entrypoint="count")
store = SqliteCheckpointer(path, durability=durability)
runner = (SyncRunner if face == "sync" else AsyncRunner)(checkpointer=store)
given = {"n": 0} if store.get_run("wf") is None else {}
try:
    result = runner.run(graph, given, workflow_id="wf", error_handling="continue")
    result = asyncio.run(result) if face == "async" else result
    print(result.status.value, result.checkpoint_ok, result.values.get("n"), "full" in str(result.error or result.checkpoint_errors))
except CheckpointError as error:
    print("raised", "full" in str(error) or "failed" in str(error))
store.close_sync()
"""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of one megabyte, where one may be mounted."""
    place = tmp_path / "disk"
    place.mkdir()
    if (
        shutil.which("mount") is None
        or subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1m", "none", place], capture_output=True).returncode
    ):
        pytest.skip("no file system can be mounted here")
    yield place
    subprocess.run(["umount", place], check=True)


def check_full(path: Path, face: str, durability: str, how: str, make_space: Any) -> None:
    said = script(FULL, path, face, durability, how)[-1].split()
    with SqliteCheckpointer.open_readonly(path) as store:
        run, stored = store.get_run("wf"), {(one.node_name, one.superstep) for one in store.steps("wf")}
    assert run.status is not WorkflowStatus.COMPLETED
    assert stored
    if durability == "sync":
        # The run ends with the error of the store, and not as completed.
        assert said[0] in ("failed", "raised")
    else:
        # The result stands, and says that it is not all stored.
        assert said[:3] == ["completed", "False", "12"]
    make_space()
    assert script(FULL, path, face, durability, "none")[-1].split()[:3] == ["completed", "True", "12"]
    with SqliteCheckpointer.open_readonly(path) as store:
        assert store.get_run("wf").status is WorkflowStatus.COMPLETED
        assert stored <= {(one.node_name, one.superstep) for one in store.steps("wf")}


@pytest.mark.parametrize("durability", ["sync", "async"])
@pytest.mark.parametrize("face", ["sync", "async"])
def test_a_file_that_may_not_grow_ends_the_run_or_is_told_and_the_run_goes_on_later(face: str, durability: str, path: Path) -> None:
    check_full(path, face, durability, "limit", lambda: None)


@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_full_disk_does_the_same(durability: str, small_disk: Path) -> None:
    check_full(
        small_disk / "runs.db",
        "sync",
        durability,
        "none",
        lambda: subprocess.run(["mount", "-o", "remount,size=64m", small_disk], check=True),
    )


# Who may do everything may write everything, too: that is taken away first.
HUMBLE = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.getuid() == 0 else ()


@pytest.mark.skipif(bool(HUMBLE) and shutil.which("setpriv") is None, reason="root needs setpriv to lose its rights")
def test_a_file_that_may_not_be_written_is_browsed_and_a_run_says_so_before_it_starts(tmp_path: Path) -> None:
    path = filled(tmp_path / "runs.db", 2, 2)
    path.chmod(0o444)
    tmp_path.chmod(0o555)
    before = digest(path)
    code = """
    import sys
    from hypergraph import *
    from hypergraph.exceptions import CheckpointError
    @node(output_name="y")
    def never(x: int) -> int:
        print("ran")
        return x
    store = SqliteCheckpointer(sys.argv[1])
    print(len(store.runs()), len(store.steps("r0")), store.state("r1")["y"][:4])
    with SqliteCheckpointer.open_readonly(sys.argv[1]) as view:
        print(len(view.runs()))
    try:
        SyncRunner(checkpointer=store).run(Graph([never]), x=1, workflow_id="wf")
    except CheckpointError as error:
        print("read-only" in str(error), "How to fix:" in str(error))
    """
    try:
        assert script(code, path, before=HUMBLE) == ["2 2 text", "2", "True True"]
    finally:
        tmp_path.chmod(0o755)
    assert digest(path) == before


class SetBack(datetime):
    """A clock that an hour is taken from on the way."""

    back = timedelta(0)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        return datetime.now(tz) - cls.back


@pytest.mark.parametrize("face", ["sync", "async"])
async def test_a_clock_that_is_set_back_an_hour_changes_neither_states_nor_order(
    face: str, path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from hypergraph.checkpointers import moments
    from hypergraph.engine import run as engine_run

    monkeypatch.setattr(moments, "datetime", SetBack)
    monkeypatch.setattr(engine_run, "datetime", SetBack)
    failing = [True]

    @node(output_name="b")
    def one(a: int) -> int:
        SetBack.back += timedelta(hours=1)
        return a + 1

    @node(output_name="a")
    def two(b: int) -> int:
        return b * 10

    @node(output_name="c")
    def three(a: int) -> int:
        if failing[0]:
            raise ConnectionError
        return a + 1

    graph = Graph([one.with_inputs(a="x"), two, three], name="clock")
    SetBack.back = timedelta(0)
    with SqliteCheckpointer(path) as store:
        runner: Any = (SyncRunner if face == "sync" else AsyncRunner)(checkpointer=store)
        for given in ({"x": 1}, {}):
            call = runner.run(graph, given, workflow_id="wf", error_handling="continue")
            result = await call if face == "async" else call
            failing[0] = False
            SetBack.back += timedelta(hours=1)
        assert result["c"] == 21
        steps = store.steps("wf")
        assert [one.node_name for one in steps] == ["one", "two", "three", "three"]
        stamps = [one.completed_at for one in steps]
        assert stamps == sorted(set(stamps))
        assert store.state("wf") == {"b": 2, "a": 20, "c": 21}
        run = store.get_run("wf")
        assert (run.status, run.interrupted) == (WorkflowStatus.COMPLETED, False)


def test_a_clock_that_is_set_back_frees_no_workflow_and_holds_none(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hypergraph.checkpointers import moments
    from hypergraph.exceptions import WorkflowAlreadyRunningError

    monkeypatch.setattr(moments, "datetime", SetBack)
    first, second = SqliteCheckpointer(path), SqliteCheckpointer(path)
    first.begin_sync(NewRun("wf"))
    for hours in (1, -5):
        SetBack.back = timedelta(hours=hours)
        with pytest.raises(WorkflowAlreadyRunningError):
            second.begin_sync(NewRun("wf", resumes=True))
    first.close_sync()
    assert second.begin_sync(NewRun("wf", resumes=True)) == 2
    SetBack.back = timedelta(0)
    second.close_sync()


def test_a_value_of_a_hundred_megabytes_goes_through_a_store(path: Path) -> None:
    size = 100_000_000
    failing = [True]

    @node(output_name="text")
    def make(n: int) -> bytes:
        return b"0123456789" * (n // 10)

    @node(output_name="length")
    def measure(text: bytes) -> int:
        if failing[0]:
            raise ConnectionError
        return len(text)

    graph = Graph([make, measure], name="large")
    with SqliteCheckpointer(path, durability="sync") as store:
        runner = SyncRunner(checkpointer=store)
        with pytest.warns(UserWarning, match="MiB"):
            assert runner.run(graph, n=size, workflow_id="wf", error_handling="continue").failed
        failing[0] = False
        result = runner.run(graph, workflow_id="wf")
        assert (result["length"], result.checkpoint_ok) == (size, True)
        assert [one.node_name for one in store.steps("wf")] == ["make", "measure", "measure"]
    with SqliteCheckpointer.open_readonly(path, large=lambda stored: stored.size) as view:
        assert view.state("wf")["text"] > size


def test_damaged_copies_of_a_file_are_refused_by_name_or_read_and_never_changed(tmp_path: Path) -> None:
    source = filled(tmp_path / "good.db", 5, 5)
    code = """
    import json, sys
    from benchmarks.durability.files import read_mutations
    print(json.dumps(read_mutations(json.loads(sys.argv[1]))))
    """
    order = {"source": str(source), "store": str(tmp_path / "bad.db"), "seed": 1, "number": 100}
    answer = json.loads(script(code, json.dumps(order))[-1])
    assert answer["broken"] == []
    assert 20 < answer["refused"] < 100


def test_a_hostile_file_is_read_through_every_face_and_nothing_of_it_runs(path: Path, tmp_path: Path) -> None:
    """A pickle, names of modules and classes, and code in every column that takes text; an audit hook watches in a process of its own."""
    import sqlite3

    from benchmarks.durability.watching import HOSTILE

    with SqliteCheckpointer(path) as cp:
        cp.begin_sync(NewRun("wf", graph_name="__import__('os').system('id')", inputs={"x": 1}, sources={"n": ("h", "import antigravity")}))
        for number in range(len(HOSTILE)):
            cp.save_step_sync(step("wf", number, f"node_{number}", values={"y": number}, error="{{7*7}} %s ${jndi:ldap://x}"))
        cp.finish_sync("wf", WorkflowStatus.FAILED, error="antigravity:fly")
        cp.begin_sync(NewRun("f", forked_from="wf", retry_of="wf", retry_index=1))
        cp.finish_sync("f", WorkflowStatus.COMPLETED)
    db = sqlite3.connect(path)
    column = next(row[1] for row in db.execute("PRAGMA table_info(steps)") if row[1] in ("data", "values_data", "values"))
    for number, data in enumerate(HOSTILE):
        db.execute(f'UPDATE steps SET "{column}" = ? WHERE superstep = ?', (data, number))
    db.execute("UPDATE run_data SET data = ?", (HOSTILE[0],))
    db.commit()
    db.close()
    before = digest(path)
    code = """
    import sys
    from pathlib import Path
    from benchmarks.durability.files import read_all
    from benchmarks.durability.watching import watched
    from hypergraph.checkpointers import SqliteCheckpointer
    from hypergraph.exceptions import CheckpointError
    from studio.services import doctor
    def everything(path):
        found = set()
        try:
            read_all(Path(path))
        except CheckpointError as error:
            found.add(type(error).__name__)
        with SqliteCheckpointer.open_readonly(path) as store:
            for use in (
                store.runs, lambda: store.steps("wf"), lambda: store.state("wf"), lambda: store.inputs("wf"), lambda: store.lineage("wf"),
                lambda: store.checkpoint("f"), lambda: store.sources("wf"), lambda: store.search("node"), lambda: store.stats("wf"),
                store.pauses, store.counts, lambda: store.value_preview("wf", 0, "node_0", "y"), lambda: store.changes_since(None),
            ):
                try:
                    seen = use()
                    str(seen), repr(seen), getattr(seen, "_repr_html_", str)()
                except (CheckpointError, ValueError) as error:
                    found.add(type(error).__name__)
        found.update(str(one) for one in doctor.findings(path))
        return found
    # What reading loads the first time is loaded from an honest file.
    everything(sys.argv[2])
    import hypergraph.checkpointers.tags
    with watched() as events:
        everything(sys.argv[1])
    harmless = ("importlib.util.find_spec", "os.statvfs")
    print([one for one in events if one[0] not in harmless])
    """
    assert script(code, path, filled(tmp_path / "honest.db", 3, 3))[-1] == "[]"
    assert digest(path) == before
    assert not Path("/tmp/owned").exists()


@pytest.mark.parametrize("face", ["sync", "async"])
async def test_after_a_step_that_could_not_be_written_no_later_one_of_the_run_is(face: str, path: Path) -> None:
    """A gate that decided on a value which is not there would let the run go on from a state that never was."""
    store = SqliteCheckpointer(path)
    await store.begin(NewRun("wf"))
    await store.begin(NewRun("other"))

    async def save(name: str, number: int, size: int) -> None:
        record = step(name, number, values={"y": "x" * size})
        store.save_step_sync(record) if face == "sync" else await store.save_step(record)
        await store.flush()

    await save("wf", 0, 10)
    with store._database.lock:
        db = store._database.connection()
        pages = db.execute("PRAGMA page_count").fetchone()[0]
        db.execute(f"PRAGMA max_page_count = {pages}")
    await save("wf", 1, 400_000)
    with store._database.lock:
        db.execute("PRAGMA max_page_count = 1073741823")
    await save("wf", 2, 10)
    await save("other", 0, 10)
    errors = await store.finish("wf", WorkflowStatus.COMPLETED)
    assert len(errors) == 1
    assert "full" in errors[0]
    assert [one.superstep for one in store.steps("wf")] == [0]
    assert store.get_run("wf").status is WorkflowStatus.FAILED
    assert await store.finish("other", WorkflowStatus.COMPLETED) == ()
    # Gone on with, it is written again.
    await store.begin(NewRun("wf", resumes=True))
    await save("wf", 1, 10)
    assert await store.finish("wf", WorkflowStatus.COMPLETED) == ()
    assert [one.superstep for one in store.steps("wf")] == [0, 1]
    await store.close()
