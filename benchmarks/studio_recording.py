"""What it costs a run that a studio can watch it.

The part of one event is a few microseconds of a run that takes fifty, which differ by as much from one run to the next: so the recorder
itself is timed in the run, and what its log writes in a thread of its own is added.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from benchmarks.work import chain
from hypergraph import FunctionNode, Graph, SqliteCheckpointer, SyncRunner
from studio.services.event_log import EventLog
from studio.services.launcher import Launcher
from studio.services.processes import mark_of
from studio.services.recorder import Recorder

__all__ = ["recording", "watched"]

Run = Callable[[SyncRunner, str, list[Any]], object]


class _Deaf:
    """Hears every event, and does nothing: what the library spends to make events is no part of recording."""

    def on_event(self, event: object) -> None:
        """Do nothing."""

    def shutdown(self) -> None:
        """Do nothing."""


class _Timed:
    """Times a processor by the processor time of the thread that calls it."""

    def __init__(self, inner: Any) -> None:
        self._inner = inner
        self.spent = 0
        self.events = 0

    def on_event(self, event: object) -> None:
        """Hand on, and time it."""
        before = time.thread_time_ns()
        self._inner.on_event(event)
        self.spent += time.thread_time_ns() - before
        self.events += 1

    def shutdown(self) -> None:
        """Hand on."""
        self._inner.shutdown()


def recording(folder: Path, quick: bool) -> list[tuple[str, float, str, float | None]]:
    """Measure what the worker's event log costs a run: (name, figure, unit, goal)."""
    items, nodes = (1000, 300) if quick else (5000, 1000)
    rounds = 3 if quick else 5
    fast, slow, line = chain(2), _sleepy(), chain(nodes)

    def batch(graph: Graph, size: int) -> Run:
        values = {"v0": list(range(size))}
        return lambda runner, name, heard: runner.map(graph, values, map_over="v0", workflow_id=name, event_processors=heard)

    def straight(runner: SyncRunner, name: str, heard: list[Any]) -> object:
        return runner.run(line, {"v0": 1}, workflow_id=name, event_processors=heard)

    waiting = batch(slow, items // 10)
    wall = {
        recorded: min(_wall(folder, f"slow-{number}-{recorded}", waiting, recorded=recorded) for number in range(rounds))
        for recorded in (False, True)
    }
    return [
        (f"recording an event, map of {items:,} two-node items", _cost(folder, "map", batch(fast, items), rounds), "us cpu", 8),
        ("recording an event of a chain, values shown", _cost(folder, "chain", straight, rounds), "us cpu", 8),
        ("share of wall time where nodes take 1 ms", (wall[True] / wall[False] - 1) * 100, "%", 5),
        ("cpu of the worker: one more window", _window(folder, items // 10, rounds), "%", 1),
    ]


# What a window costs the worker: they share the files, and nothing else.

_WORKER = """
import os, sys, time
from pathlib import Path
from benchmarks.studio_recording import watched
watched(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]))
"""

_WINDOW = """
import sys, time
from pathlib import Path
from studio.services.feed import Feed
from studio.services.history import History
from studio.services.launcher import Launcher
folder, run = Path(sys.argv[1]), sys.argv[2]
launcher, history = Launcher(folder / "windows.db", folder / "state"), History(folder / "windows.db")
while not launcher.folder(run).joinpath("1.events").exists():
    time.sleep(0.01)
feed = Feed(history, launcher, run)
print("open", flush=True)
sys.stdin.read()
"""


def watched(folder: Path, name: str, items: int) -> None:
    """Run a batch as a worker does, and print what this process spent on it. It begins when it is told to."""
    run = Launcher(folder / "windows.db", folder / "state").folder(name)
    run.mkdir(parents=True, exist_ok=True)
    with SqliteCheckpointer(folder / "windows.db") as store:
        log = EventLog(run / "1.events", 1)
        opening = {"format": 1, "r": name, "run": name, "pid": os.getpid(), "mark": mark_of(os.getpid()), "graph": "slow", "host": "h"}
        log.put({"k": "claim", **opening}, at_once=True)
        sys.stdin.readline()
        before = time.process_time()
        values = {"v0": list(range(items))}
        SyncRunner(checkpointer=store).map(_sleepy(), values, map_over="v0", workflow_id=name, event_processors=[Recorder(log, name)])
        log.flush()
        print(time.process_time() - before, flush=True)
        log.close()


def _window(folder: Path, items: int, rounds: int) -> float:
    """Give how much more processor time a worker takes when a window more looks at its run, in percent: the median of pairs."""
    shares = []
    for number in range(rounds * 2 + 1):
        bare = _spent_by_worker(folder, f"bare-{number}", items, windows=0)
        seen = _spent_by_worker(folder, f"seen-{number}", items, windows=1)
        if number:
            shares.append((seen / bare - 1) * 100)
    return statistics.median(shares)


def _spent_by_worker(folder: Path, name: str, items: int, *, windows: int) -> float:
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    with ExitStack() as stack:

        def child(program: str, *words: str) -> subprocess.Popen[str]:
            command = [sys.executable, "-c", program, str(folder), name, *words]
            return stack.enter_context(
                subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment, cwd=folder)
            )

        worker = child(_WORKER, str(items))
        for window in [child(_WINDOW) for _ in range(windows)]:
            assert window.stdout is not None
            window.stdout.readline()
        assert worker.stdin is not None
        assert worker.stdout is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
        return float(worker.stdout.readline())


def _sleepy() -> Graph:
    def wait(v0: int) -> int:
        time.sleep(0.001)
        return v0

    def again(v1: int) -> int:
        time.sleep(0.001)
        return v1

    return Graph([FunctionNode(wait, output_name="v1"), FunctionNode(again, output_name="v2")], name="slow")


def _cost(folder: Path, name: str, run: Run, rounds: int) -> float:
    """Give microseconds of processor time an event: in the run's thread, and in all others."""
    taken = []
    for number in range(rounds + 1):
        own, others = _spent(folder, f"{name}-{number}", run, recorded=True)
        floor, store = _spent(folder, f"{name}-bare-{number}", run, recorded=False)
        if number:
            taken.append(own - floor + others - store)
    return statistics.median(taken)


def _spent(folder: Path, name: str, run: Run, *, recorded: bool) -> tuple[float, float]:
    with SqliteCheckpointer(folder / "recording.db") as store:
        log = EventLog(folder / f"{name}.events", 1)
        timed = _Timed(Recorder(log, name) if recorded else _Deaf())
        everything, own = time.process_time_ns(), time.thread_time_ns()
        run(SyncRunner(checkpointer=store), name, [timed])
        log.flush()
        own = time.thread_time_ns() - own
        others = time.process_time_ns() - everything - own
        log.close()
    return timed.spent / timed.events / 1000, others / timed.events / 1000


def _wall(folder: Path, name: str, run: Run, *, recorded: bool) -> float:
    with SqliteCheckpointer(folder / "recording.db") as store:
        log = EventLog(folder / f"{name}.events", 1)
        before = time.perf_counter()
        run(SyncRunner(checkpointer=store), name, [Recorder(log, name) if recorded else _Deaf()])
        log.close()
        return time.perf_counter() - before
