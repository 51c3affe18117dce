"""Exactly one owner, held against real processes: races, kills, suspension, forks."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hypergraph.checkpointers import NewRun, SqliteCheckpointer, WorkflowStatus
from hypergraph.checkpointers.leases import OwnerRow, is_alive, start_time, this_process
from hypergraph.exceptions import WorkflowAlreadyRunningError
from tests.hypergraph.store_faces import step

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc and uses signals")

ROOT = Path(__file__).parents[2]
PRELUDE = """
import os, sys, time
from hypergraph.checkpointers import *
from hypergraph.exceptions import *
from tests.hypergraph.store_faces import step
def say(*words):
    print(*words, flush=True)
"""

Start = Callable[..., subprocess.Popen]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start Python programs that end with the test, whatever happens."""
    started: list[subprocess.Popen] = []

    def run(code: str, *args: object) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-c", PRELUDE + textwrap.dedent(code), *map(str, args)],
            cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.send_signal(signal.SIGCONT)
            process.kill()
        process.communicate()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


OWNER = """
cp = SqliteCheckpointer(sys.argv[1], durability="sync")
epoch = cp.begin_sync(NewRun("wf", inputs={"x": 1}))
cp.save_step_sync(step("wf", 0))
say("epoch", epoch)
for line in sys.stdin:
    try:
        cp.save_step_sync(step("wf", int(line)))
        say("saved")
    except WorkflowAlreadyRunningError as error:
        say("fenced", str(error).split(";")[0])
"""


def test_a_living_owner_is_named_and_not_displaced(path: Path, start: Start) -> None:
    owner = start(OWNER, path)
    assert owner.stdout.readline() == "epoch 1\n"
    cp = SqliteCheckpointer(path)
    run = cp.get_run("wf")
    assert not run.interrupted
    assert (run.owner.pid, run.owner.epoch) == (owner.pid, 1)
    before = time.monotonic()
    with pytest.raises(WorkflowAlreadyRunningError, match=f"process {owner.pid} on "):
        cp.begin_sync(NewRun("wf", resumes=True))
    assert time.monotonic() - before < 1
    cp.close_sync()


def test_a_killed_owner_is_recognised_at_once_and_nothing_it_stored_is_lost(path: Path, start: Start) -> None:
    owner = start(OWNER, path)
    owner.stdout.readline()
    owner.stdin.write("1\n")
    owner.stdin.flush()
    assert owner.stdout.readline() == "saved\n"
    owner.kill()
    owner.wait()
    cp = SqliteCheckpointer(path)
    run = cp.get_run("wf")
    assert (run.status, run.interrupted, run.owner, run.lost_claims) == (WorkflowStatus.ACTIVE, True, None, 1)
    assert cp.begin_sync(NewRun("wf", resumes=True)) == 2
    assert [one.superstep for one in cp.steps("wf")] == [0, 1]
    cp.close_sync()


def test_a_suspended_owner_is_displaced_only_when_asked_and_then_fenced(path: Path, start: Start) -> None:
    owner = start(OWNER, path)
    owner.stdout.readline()
    owner.send_signal(signal.SIGSTOP)
    cp = SqliteCheckpointer(path)
    with pytest.raises(WorkflowAlreadyRunningError):
        cp.begin_sync(NewRun("wf", resumes=True))
    assert cp.begin_sync(NewRun("wf", resumes=True, take_over=True)) == 2
    cp.save_step_sync(step("wf", 7))
    owner.send_signal(signal.SIGCONT)
    for number in ("1", "2"):
        owner.stdin.write(number + "\n")
        owner.stdin.flush()
        assert owner.stdout.readline() == "fenced Workflow 'wf' was taken over by another owner\n"
    assert [one.superstep for one in cp.steps("wf")] == [0, 7]
    cp.close_sync()


def test_of_many_claimants_exactly_one_wins(path: Path, start: Start) -> None:
    code = """
    cp = SqliteCheckpointer(sys.argv[1])
    cp.runs()
    say("ready")
    sys.stdin.readline()
    try:
        cp.begin_sync(NewRun("wf", resumes=True))
        say("won", os.getpid())
    except WorkflowAlreadyRunningError as error:
        say("lost", str(error).split("process ")[1].split(" ")[0])
    sys.stdin.readline()
    """
    claimants = [start(code, path) for _ in range(6)]
    for one in claimants:
        assert one.stdout.readline() == "ready\n"
    for one in claimants:
        one.stdin.write("go\n")
        one.stdin.flush()
    answers = [one.stdout.readline().split() for one in claimants]
    winners = [pid for word, pid in answers if word == "won"]
    assert len(winners) == 1
    assert {pid for word, pid in answers if word == "lost"} == set(winners)


def test_two_threads_of_one_process_claim_once(path: Path) -> None:
    import threading

    stores = [SqliteCheckpointer(path) for _ in range(6)]
    gate = threading.Barrier(len(stores))
    answers: list[object] = []

    def claim(store: SqliteCheckpointer) -> None:
        gate.wait()
        try:
            answers.append(store.begin_sync(NewRun("wf")))
        except WorkflowAlreadyRunningError as error:
            answers.append(error)

    threads = [threading.Thread(target=claim, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert [one for one in answers if isinstance(one, int)] == [1]
    assert len(answers) == 6
    for store in stores:
        store.close_sync()


def test_eight_processes_create_one_file_together(path: Path, start: Start) -> None:
    code = """
    say("ready")
    sys.stdin.readline()
    cp = SqliteCheckpointer(sys.argv[1])
    name = f"wf-{os.getpid()}"
    for number in range(10):
        run = f"{name}-{number}"
        cp.begin_sync(NewRun(run, inputs={"x": number}))
        cp.save_step_sync(step(run))
        assert cp.finish_sync(run, WorkflowStatus.COMPLETED) == ()
    say("done")
    """
    writers = [start(code, path) for _ in range(8)]
    for one in writers:
        one.stdout.readline()
    for one in writers:
        one.stdin.write("go\n")
        one.stdin.flush()
    assert [one.stdout.readline() for one in writers] == ["done\n"] * 8
    cp = SqliteCheckpointer(path)
    found = cp.runs(limit=None)
    assert len(found) == 80
    assert all(run.status is WorkflowStatus.COMPLETED for run in found)
    assert all(len(cp.steps(run.id)) == 1 for run in found)
    cp.close_sync()


def test_a_native_fork_that_keeps_the_lock_does_not_keep_the_workflow(path: Path, start: Start) -> None:
    code = """
    import ctypes
    cp = SqliteCheckpointer(sys.argv[1])
    cp.begin_sync(NewRun("wf"))
    # Past Python: no at-fork handler closes the descriptor.
    child = ctypes.CDLL(None).fork()
    if child == 0:
        time.sleep(30)
        os._exit(0)
    say(child)
    sys.stdin.readline()
    """
    owner = start(code, path)
    child = int(owner.stdout.readline())
    try:
        owner.kill()
        owner.wait()
        cp = SqliteCheckpointer(path)
        assert cp.get_run("wf").interrupted
        assert cp.begin_sync(NewRun("wf", resumes=True)) == 2
        cp.close_sync()
    finally:
        os.kill(child, signal.SIGKILL)


def test_a_forked_child_neither_owns_nor_ends_what_its_parent_runs(path: Path) -> None:
    cp = SqliteCheckpointer(path)
    cp.begin_sync(NewRun("wf"))
    child = os.fork()
    if child == 0:
        code = 1
        try:
            SqliteCheckpointer(path).begin_sync(NewRun("wf", resumes=True))
        except WorkflowAlreadyRunningError:
            # Its own runs work, through the object that it inherited too.
            cp.begin_sync(NewRun("other"))
            cp.save_step_sync(step("other"))
            cp.finish_sync("other", WorkflowStatus.COMPLETED)
            code = 0
        finally:
            os._exit(code)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    cp.save_step_sync(step("wf"))
    assert cp.get_run("wf").owner.pid == os.getpid()
    assert cp.finish_sync("wf", WorkflowStatus.COMPLETED) == ()
    assert cp.get_run("other").status is WorkflowStatus.COMPLETED
    cp.close_sync()


def test_closing_gives_up_what_was_left_without_an_ending(path: Path) -> None:
    first, second = SqliteCheckpointer(path), SqliteCheckpointer(path)
    first.begin_sync(NewRun("wf"))
    first.close_sync()
    assert second.get_run("wf").interrupted
    assert second.begin_sync(NewRun("wf", resumes=True)) == 2
    second.close_sync()


def test_owners_that_went_away_since_the_last_step_are_counted(path: Path, start: Start) -> None:
    code = """
    cp = SqliteCheckpointer(sys.argv[1])
    cp.begin_sync(NewRun("wf", resumes=sys.argv[2] == "resume"))
    if sys.argv[3] == "progress":
        from datetime import datetime, timezone
        cp.save_step_sync(step("wf", 0, completed_at=datetime.now(timezone.utc)))
    os.kill(os.getpid(), 9)
    """
    cp = SqliteCheckpointer(path)
    seen = []
    for how, progress in (("new", "progress"), ("resume", "none"), ("resume", "none"), ("resume", "progress"), ("resume", "none")):
        start(code, path, how, progress).wait()
        seen.append(cp.get_run("wf").lost_claims)
    assert seen == [1, 2, 3, 1, 2]
    cp.close_sync()


def test_lock_files_do_not_pile_up(path: Path, start: Start) -> None:
    locks = Path(f"{path}.locks")
    for _ in range(3):
        one = start(OWNER, path)
        one.stdout.readline()
        one.kill()
        one.wait()
        cp = SqliteCheckpointer(path)
        cp.begin_sync(NewRun("wf", resumes=True))
        cp.finish_sync("wf", WorkflowStatus.FAILED)
        cp.close_sync()
    assert len(list(locks.iterdir())) <= 1


class TestWithoutProof:
    """An owner on another host: only its heartbeat can tell."""

    here = this_process()
    other = replace(here, host="elsewhere", boot="another boot/pid:[1]")

    def alive(self, seconds: float, identity: object = None) -> bool:
        now = 1_000_000_000_000
        return is_alive(OwnerRow(1, "token", identity or self.other, now - int(seconds * 1e6)), self.here, None, now)

    def test_it_counts_as_alive_for_thirty_seconds(self) -> None:
        assert self.alive(29)
        assert not self.alive(31)

    def test_a_process_of_this_machine_needs_no_heartbeat(self) -> None:
        assert self.alive(3600, self.here)

    def test_a_reused_process_id_is_another_process(self) -> None:
        assert not self.alive(0, replace(self.here, started="1"))

    def test_after_a_reboot_the_lock_tells(self, tmp_path: Path) -> None:
        (tmp_path / "token.lock").touch()
        owner = OwnerRow(1, "token", replace(self.here, boot="an earlier boot/pid:[1]"), 0)
        assert not is_alive(owner, self.here, tmp_path, 0)


@pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="needs a process table to look at")
def test_a_process_that_has_ended_but_was_not_waited_for_owns_nothing() -> None:
    """Where the first process of a container is no init, the dead stay in the process table."""
    ended = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE)
    try:
        here = this_process()
        owner = OwnerRow(1, "token", replace(here, pid=ended.pid, started=start_time(ended.pid)), 0)
        assert is_alive(owner, here, None, 0)
        ended.kill()
        os.waitid(os.P_PID, ended.pid, os.WEXITED | os.WNOWAIT)
        assert not is_alive(owner, here, None, 0)
    finally:
        ended.communicate()


def test_the_heartbeat_is_written_while_something_runs(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from hypergraph.checkpointers import leases

    monkeypatch.setattr(leases, "HEARTBEAT_SECONDS", 0.01)
    cp = SqliteCheckpointer(path)
    cp.begin_sync(NewRun("wf"))
    read = "SELECT beat_at FROM owners"
    with cp._database.lock:
        first = cp._database.connection().execute(read).fetchone()[0]
    until = time.monotonic() + 20
    while time.monotonic() < until:
        with cp._database.lock:
            if cp._database.connection().execute(read).fetchone()[0] > first:
                break
        time.sleep(0.01)
    else:
        pytest.fail("no heartbeat")
    cp.finish_sync("wf", WorkflowStatus.COMPLETED)
    cp.close_sync()


def test_progress_of_a_nested_run_or_of_an_item_is_progress_of_the_workflow(path: Path, start: Start) -> None:
    code = """
    from datetime import datetime, timezone
    cp = SqliteCheckpointer(sys.argv[1])
    cp.begin_sync(NewRun("wf", resumes=sys.argv[2] != "0"))
    cp.begin_sync(NewRun("wf/a", parent_run_id="wf", resumes=sys.argv[2] != "0"))
    cp.begin_sync(NewRun("wf/a/b", parent_run_id="wf/a", resumes=sys.argv[2] != "0"))
    if sys.argv[3] == "moves":
        cp.save_step_sync(step("wf/a/b", int(sys.argv[2]), completed_at=datetime.now(timezone.utc)))
    os.kill(os.getpid(), 9)
    """
    cp = SqliteCheckpointer(path)
    seen = []
    for number, moves in enumerate(["moves", "moves", "moves", "stands", "stands", "moves"]):
        start(code, path, number, moves).wait()
        seen.append(cp.get_run("wf").lost_claims)
    assert seen == [1, 1, 1, 2, 3, 1]
    assert cp.get_run("wf").to_dict()["lost_claims"] == 1
    cp.close_sync()
