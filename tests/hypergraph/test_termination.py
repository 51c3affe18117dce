"""SIGTERM in scripts: whose signal it is, and what becomes of it; that nothing is lost is shown among the kills."""

from __future__ import annotations

import signal
import subprocess
import sys
import textwrap
import threading
from pathlib import Path

import pytest

from hypergraph import Graph, SqliteCheckpointer, SyncRunner, node

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="sends signals")
ROOT = Path(__file__).parents[2]

PRELUDE = """
import asyncio, os, signal, sys, time
from hypergraph import *
store = SqliteCheckpointer(sys.argv[1])
def term():
    os.kill(os.getpid(), signal.SIGTERM)
def say(*words):
    print(*words, flush=True)
@node(output_name="y")
def first(x: int) -> int:
    return x + 1
@node(output_name="ay")
async def afirst(x: int) -> int:
    return x + 1
"""


def script(code: str, path: Path) -> tuple[int, list[str], str]:
    done = subprocess.run(
        [sys.executable, "-c", PRELUDE + textwrap.dedent(code), str(path)], cwd=ROOT, capture_output=True, text=True, timeout=60
    )
    return done.returncode, done.stdout.split("\n")[:-1], done.stderr


def run_of(path: Path, run_id: str = "w") -> tuple[str, list[str]]:
    with SqliteCheckpointer.open_readonly(path) as store:
        run = store.get_run(run_id)
        assert run.owner is None
        return run.status.value, [one.node_name for one in store.steps(run_id)]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


def test_a_blocking_node_is_interrupted_and_the_signal_ends_the_process(path: Path) -> None:
    code = """
    @node(output_name="z")
    def second(y: int) -> int:
        term()
        time.sleep(60)
    try:
        SyncRunner(checkpointer=store).run(Graph([first, second]), x=1, workflow_id="w")
    finally:
        say("never reached: the process ends with the run")
    """
    assert script(code, path) == (-signal.SIGTERM, [], "")
    assert run_of(path) == ("stopped", ["first"])


def test_an_awaiting_node_is_cancelled_and_runs_beside_it_end_in_order_too(path: Path) -> None:
    code = """
    begun = asyncio.Event()
    @node(output_name="z")
    async def second(ay: int) -> int:
        await begun.wait()
        try:
            term()
            await asyncio.sleep(60)
        finally:
            say("tidied up")
    @node(output_name="z")
    async def other(ay: int) -> int:
        begun.set()
        await asyncio.sleep(60)
    async def main():
        runner = AsyncRunner(checkpointer=store)
        await asyncio.gather(
            runner.run(Graph([afirst, other]), x=1, workflow_id="v"), runner.run(Graph([afirst, second]), x=1, workflow_id="w")
        )
    asyncio.run(main())
    """
    assert script(code, path) == (-signal.SIGTERM, ["tidied up"], "")
    assert run_of(path) == ("stopped", ["afirst"])
    assert run_of(path, "v") == ("stopped", ["afirst"])


def test_a_run_within_a_node_of_a_run_ends_first(path: Path) -> None:
    code = """
    @node(output_name="z")
    def slow(y: int) -> int:
        term()
        time.sleep(60)
    @node(output_name="z")
    async def outer(ay: int) -> int:
        SyncRunner(checkpointer=store).run(Graph([first, slow]), x=1, workflow_id="v")
    asyncio.run(AsyncRunner(checkpointer=store).run(Graph([afirst, outer]), x=1, workflow_id="w"))
    """
    assert script(code, path) == (-signal.SIGTERM, [], "")
    assert run_of(path, "v") == ("stopped", ["first"])
    assert run_of(path) == ("stopped", ["afirst"])


def test_a_handler_of_ones_own_always_stays(path: Path) -> None:
    code = """
    signal.signal(signal.SIGTERM, lambda *_: say("mine"))
    @node(output_name="z")
    def second(y: int) -> int:
        term()
        return y
    result = SyncRunner(checkpointer=store).run(Graph([first, second]), x=1, workflow_id="w")
    say(result.status.value)
    store.close_sync()
    """
    assert script(code, path) == (0, ["mine", "completed"], "")


def test_a_handler_that_comes_during_the_run_stays_too(path: Path) -> None:
    code = """
    @node(output_name="z")
    def second(y: int) -> int:
        signal.signal(signal.SIGTERM, lambda *_: say("mine"))
        return y
    SyncRunner(checkpointer=store).run(Graph([first, second]), x=1, workflow_id="w")
    term()
    store.close_sync()
    """
    assert script(code, path) == (0, ["mine"], "")


def test_the_default_is_back_after_the_run(path: Path) -> None:
    code = """
    runner = SyncRunner(checkpointer=store)
    for name in "ab":
        runner.run(Graph([first]), x=1, workflow_id=name)
        say(signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    try:
        runner.run(Graph([first]), x=1, workflow_id="a")
    except Exception as error:
        say(type(error).__name__, signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
    SyncRunner().run(Graph([first]), x=1)
    term()
    """
    said = ["True", "True", "InputOverrideRequiresForkError True"]
    assert script(code, path) == (-signal.SIGTERM, said, "")


def test_a_second_signal_ends_a_run_that_does_not_want_to_end(path: Path) -> None:
    code = """
    @node(output_name="z")
    async def second(ay: int) -> int:
        for _ in range(2):
            try:
                term()
                await asyncio.sleep(60)
            except asyncio.CancelledError:
                say("not yet")
    asyncio.run(AsyncRunner(checkpointer=store).run(Graph([afirst, second]), x=1, workflow_id="w"))
    """
    assert script(code, path) == (-signal.SIGTERM, ["not yet"], "")


def test_a_forked_child_ends_at_once(path: Path) -> None:
    code = """
    @node(output_name="z")
    def second(y: int) -> int:
        child = os.fork()
        if child == 0:
            term()
            time.sleep(60)
        say(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
        return y
    say(SyncRunner(checkpointer=store).run(Graph([first, second]), x=1, workflow_id="w").status.value)
    store.close_sync()
    """
    assert script(code, path) == (0, ["-15", "completed"], "")


def test_between_the_items_of_a_stream_the_signal_is_the_callers(path: Path) -> None:
    code = """
    for index, result in SyncRunner(checkpointer=store).map_iter(Graph([first]), {"x": [1, 2, 3]}, map_over="x", workflow_id="w"):
        say(index, signal.getsignal(signal.SIGTERM) is signal.SIG_DFL)
        if index == 1:
            term()
    """
    assert script(code, path) == (-signal.SIGTERM, ["0 True", "1 True"], "")
    with SqliteCheckpointer.open_readonly(path) as store:
        assert store.get_run("w").interrupted
        assert [store.get_run(f"w/{number}").status.value for number in range(2)] == ["completed"] * 2


def test_other_threads_are_left_alone(path: Path) -> None:
    seen: list[object] = []

    @node(output_name="y")
    def look(x: int) -> int:
        seen.append(signal.getsignal(signal.SIGTERM))
        return x

    before = signal.getsignal(signal.SIGTERM)
    with SqliteCheckpointer(path) as store:
        thread = threading.Thread(target=lambda: SyncRunner(checkpointer=store).run(Graph([look]), x=1, workflow_id="w"))
        thread.start()
        thread.join()
    assert seen == [before]


def test_ctrl_c_while_a_step_is_being_stored_waits_for_the_step(path: Path) -> None:
    code = """
    class Slow(SqliteCheckpointer):
        def save_step_sync(self, record):
            if record.node_name == "first":
                os.kill(os.getpid(), signal.SIGINT)
            super().save_step_sync(record)
    @node(output_name="z")
    def second(y: int) -> int:
        say("never started")
        return y
    try:
        SyncRunner(checkpointer=Slow(sys.argv[1])).run(Graph([first, second]), x=1, workflow_id="w")
    except KeyboardInterrupt:
        say("interrupted", signal.getsignal(signal.SIGINT) is signal.default_int_handler)
    """
    assert script(code, path) == (0, ["interrupted True"], "")
    assert run_of(path) == ("stopped", ["first"])


def test_ctrl_c_in_a_node_is_raised_there(path: Path) -> None:
    code = """
    @node(output_name="z")
    def second(y: int) -> int:
        try:
            os.kill(os.getpid(), signal.SIGINT)
            time.sleep(60)
        except KeyboardInterrupt:
            say("in the node")
            raise
    try:
        SyncRunner(checkpointer=store).run(Graph([first, second]), x=1, workflow_id="w")
    except KeyboardInterrupt:
        say("out of the run")
    """
    assert script(code, path) == (0, ["in the node", "out of the run"], "")
    assert run_of(path) == ("stopped", ["first"])
