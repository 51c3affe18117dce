"""Real runs, really killed: nothing that was stored is lost or run again, and every workflow can be gone on with by its id.

`HYPERGRAPH_KILLS` multiplies the number of rounds, for the long run before a release.
"""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hypergraph.checkpointers import SqliteCheckpointer, StepStatus, WorkflowStatus
from hypergraph.exceptions import WorkflowAlreadyRunningError
from tests.hypergraph import durable_graphs as graphs

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="kills with signals")

ROOT = Path(__file__).parents[2]
ROUNDS = 3 * int(os.environ.get("HYPERGRAPH_KILLS", "1"))
FACES = ["sync", "async"]


class Crime:
    """A store, the trace of its effects, and the programs that are run on it."""

    def __init__(self, folder: Path, face: str, durability: str, shape: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = folder / "runs.db"
        self.trace = folder / "trace"
        self.face = face
        self.durability = durability
        self.shape = shape
        self.programs: list[subprocess.Popen] = []

    def program(self, *options: str) -> subprocess.Popen:
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.hypergraph.durable_graphs", str(self.store), str(self.trace), self.face, self.durability,
             self.shape, *options],
            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip
        self.programs.append(process)
        return process

    def kill_after(self, effects: int, *options: str) -> bool:
        """Start the program, kill it after so many effects; False when it ended before."""
        process = self.program(*options)
        for _ in range(effects):
            line = process.stdout.readline()
            if line.startswith("=") or not line:
                _, errors = process.communicate()
                assert process.returncode == 0, errors
                return False
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        return True

    def effects(self) -> Counter[str]:
        return Counter(self.trace.read_text().split()) if self.trace.exists() else Counter()

    def resume(self, **options: Any) -> Any:
        with SqliteCheckpointer(self.store, durability=self.durability) as cp:
            new = cp.get_run("wf") is None
            return graphs.start(cp, str(self.trace), self.face, self.shape, new=new, **options)

    def completed(self) -> Counter[str]:
        """Count the completed steps by node, over the whole tree."""
        with SqliteCheckpointer.open_readonly(self.store) as store:
            return Counter(
                one.node_name for run in store.runs(limit=None) for one in store.steps(run.id) if one.status is StepStatus.COMPLETED
            )

    def end(self) -> None:
        for process in self.programs:
            if process.poll() is None:
                process.send_signal(signal.SIGCONT)
                process.kill()
            process.communicate()


@pytest.fixture
def scene(tmp_path: Path) -> Iterator[Any]:
    made: list[Crime] = []

    def make(face: str, durability: str, shape: str, round_: int = 0) -> Crime:
        made.append(Crime(tmp_path / f"{shape}-{round_}", face, durability, shape))
        return made[-1]

    yield make
    for one in made:
        one.end()


def in_flight(shape: str, face: str, durability: str) -> int:
    """How many effects may be repeated: what ran at the kill, and under "async" what had not been written yet."""
    at_once = {"fan": 20, "map": 8}.get(shape, 1) if face == "async" else 1
    # 50 ms of nodes that take 2 ms.
    return at_once if durability == "sync" or face == "sync" else at_once * 25


@pytest.mark.parametrize("durability", ["sync", "async"])
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("shape", ["chain", "fan", "loop", "nested", "map"])
def test_a_killed_run_goes_on_where_it_was(shape: str, face: str, durability: str, scene: Any) -> None:
    order = random.Random(f"{shape}{face}{durability}")
    for round_ in range(ROUNDS):
        crime = scene(face, durability, shape, round_)
        killed = crime.kill_after(order.randrange(1, 12 if shape != "map" else 60))
        before, stored = crime.effects(), crime.completed()
        with SqliteCheckpointer.open_readonly(crime.store) as store:
            run = store.get_run("wf")
            # After its last effect a run may have ended before the signal came.
            assert not killed or run is None or run.interrupted or run.status is WorkflowStatus.COMPLETED
        if run is None or run.status is not WorkflowStatus.COMPLETED:
            result = crime.resume()
            assert result.completed, result
            if shape == "map":
                assert [one["z"] for one in result] == [x + 2 for x in graphs.MAPPED]
            else:
                assert {name: result[name] for name in graphs.SHAPES[shape][2]} == graphs.SHAPES[shape][2]
        check_no_stored_step_ran_again(crime, before, stored)
        repeated = sum((crime.effects() - once(crime)).values())
        assert repeated <= in_flight(shape, face, durability)
        with SqliteCheckpointer.open_readonly(crime.store) as store:
            assert store.get_run("wf").status is WorkflowStatus.COMPLETED
            assert all(run.status is WorkflowStatus.COMPLETED for run in store.runs(limit=None))


def once(crime: Crime) -> Counter[str]:
    """What a run without a kill does."""
    return Counter({name: number for name, number in crime.completed().items() if name in crime.effects()})


def check_no_stored_step_ran_again(crime: Crime, before: Counter[str], stored: Counter[str]) -> None:
    after = crime.effects() - before
    done = crime.completed()
    for name, number in after.items():
        assert number <= done[name] - stored[name], f"{name} ran {number} times after the kill, {done[name] - stored[name]} were left"


@pytest.mark.parametrize("face", FACES)
def test_a_storm_of_kills_ends_in_the_right_result(face: str, scene: Any) -> None:
    crime = scene(face, "sync", "chain")
    order = random.Random(face)
    for _ in range(5):
        options = [] if not crime.store.exists() else [f"new={'true' if run_of(crime) is None else 'false'}"]
        if run_of(crime) is not None and run_of(crime).status is WorkflowStatus.COMPLETED:
            break
        before, stored = crime.effects(), crime.completed() if crime.store.exists() else Counter()
        crime.kill_after(order.randrange(1, 4), *options)
        assert not set(crime.effects() - before) & set(stored)
    if run_of(crime).status is not WorkflowStatus.COMPLETED:
        assert crime.resume()["total"] == 111
    assert crime.completed()["finish_chain"] == 1


def run_of(crime: Crime) -> Any:
    if not crime.store.exists():
        return None
    with SqliteCheckpointer.open_readonly(crime.store) as store:
        return store.get_run("wf")


@pytest.mark.parametrize("face", FACES)
def test_the_node_in_flight_says_that_it_is_tried_again(face: str, scene: Any) -> None:
    crime = scene(face, "sync", "chain")
    # The pause is longer than the test: the third node is in flight for sure.
    assert crime.kill_after(3, "pause=0.2")
    assert crime.kill_after(1, "pause=60", "new=false")
    assert crime.resume()["total"] == 111
    with SqliteCheckpointer.open_readonly(crime.store) as store:
        attempts = {one.node_name: one.attempt for one in store.steps("wf")}
    tried = {name: number for name, number in crime.effects().items() if number > 1}
    assert {name: attempts[name] for name in tried} == tried
    assert all(number == 1 for name, number in attempts.items() if name not in tried)


@pytest.mark.parametrize("face", FACES)
def test_of_two_that_resume_at_once_exactly_one_runs(face: str, scene: Any) -> None:
    crime = scene(face, "sync", "chain")
    assert crime.kill_after(2)
    before = crime.effects()
    rivals = [crime.program("new=false", "pause=0.05") for _ in range(2)]
    ends = [(*process.communicate(), process.returncode) for process in rivals]
    won = [out for out, _, code in ends if code == 0]
    lost = [errors for _, errors, code in ends if code != 0]
    assert len(won) == 1
    for errors in lost:
        assert "WorkflowAlreadyRunningError" in errors or "WorkflowAlreadyCompletedError" in errors
    after = crime.effects() - before
    assert all(number == 1 for number in after.values())
    assert run_of(crime).status is WorkflowStatus.COMPLETED


@pytest.mark.parametrize("face", FACES)
def test_an_owner_that_wakes_after_it_was_displaced_stores_nothing(face: str, scene: Any) -> None:
    crime = scene(face, "sync", "chain")
    owner = crime.program("pause=0.05")
    for _ in range(3):
        owner.stdout.readline()
    owner.send_signal(signal.SIGSTOP)
    with pytest.raises(WorkflowAlreadyRunningError, match=f"process {owner.pid}"):
        crime.resume()
    assert crime.resume(take_over=True)["total"] == 111
    steps = crime.completed()
    owner.send_signal(signal.SIGCONT)
    _, errors = owner.communicate()
    assert owner.returncode != 0
    assert "WorkflowAlreadyRunningError" in errors
    assert "taken over" in errors
    assert crime.completed() == steps
    run = run_of(crime)
    assert (run.status, run.owner) == (WorkflowStatus.COMPLETED, None)


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("durability", ["sync", "async"])
def test_ctrl_c_keeps_what_has_finished(face: str, durability: str, scene: Any) -> None:
    crime = scene(face, durability, "chain")
    process = crime.program("pause=0.1")
    for _ in range(4):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    assert process.returncode != 0
    run = run_of(crime)
    assert run.status is WorkflowStatus.STOPPED
    assert sum(crime.completed().values()) >= 3
    before, stored = crime.effects(), crime.completed()
    assert crime.resume()["total"] == 111
    check_no_stored_step_ran_again(crime, before, stored)


def test_ctrl_c_with_many_nodes_in_flight_keeps_each_that_has_finished(scene: Any) -> None:
    crime = scene("async", "async", "map")
    process = crime.program("pause=0.03")
    for _ in range(40):
        process.stdout.readline()
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=20)
    before, stored = crime.effects(), crime.completed()
    # 40 effects have begun, eight may have been in flight; each of the others has finished.
    assert sum(stored.values()) >= 40 - 8
    assert [one["z"] for one in crime.resume()] == [x + 2 for x in graphs.MAPPED]
    check_no_stored_step_ran_again(crime, before, stored)


def test_an_answer_is_taken_once(scene: Any) -> None:
    crime = scene("async", "sync", "pausing")
    assert crime.resume().paused
    assert crime.kill_after(2, 'values={"ok": true}')
    before, stored = crime.effects(), crime.completed()
    result = crime.resume(values={})
    assert result.completed
    assert result["b5"] == 6
    check_no_stored_step_ran_again(crime, before, stored)
    assert crime.completed()["ask"] == 1


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("how", ["fork_from", "retry_from"])
def test_a_killed_fork_goes_on_too(face: str, how: str, scene: Any) -> None:
    crime = scene(face, "sync", "chain")
    assert crime.kill_after(5)
    assert crime.kill_after(2, f'{how}="wf"', 'workflow_id="f"', "new=false")
    before, stored = crime.effects(), crime.completed()
    result = crime.resume(workflow_id="f")
    assert result["total"] == 111
    check_no_stored_step_ran_again(crime, before, stored)
    with SqliteCheckpointer.open_readonly(crime.store) as store:
        fork = store.get_run("f")
        assert (fork.status, fork.forked_from) == (WorkflowStatus.COMPLETED, "wf")
        # What the source had stored was inherited, not run again.
        assert not {one.node_name for one in store.steps("f")} & {one.node_name for one in store.steps("wf")}
