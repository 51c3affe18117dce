"""A store, a launcher and graphs that behave badly, for tests with real worker processes."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from studio.model.run_view import RunView
from studio.services.feed import Feed, Known
from studio.services.history import History
from studio.services.launcher import Launcher, Worker
from studio.services.log_reader import LogReader
from studio.services.order import Order
from studio.services.targets import find_target

T = TypeVar("T")

GRAPHS = '''
import logging, os, subprocess, sys, threading, time
from pathlib import Path
from hypergraph import END, Graph, NodeContext, interrupt, node, route

@node(output_name="doubled")
def double(x: int) -> int:
    print("doubling", x)
    return x * 2

@node(output_name="answer")
def plus(doubled: int, y: int = 1) -> int:
    return doubled + y

simple = Graph([double, plus], name="simple")

@node(output_name="waited")
def wait(gate: str, ctx: NodeContext) -> str:
    """Runs until a file appears, or a stop is asked for."""
    while not Path(gate).exists() and not ctx.stop_requested:
        time.sleep(0.01)
    return "stopped" if ctx.stop_requested else "done"

@node(output_name="after")
def follow(waited: str) -> str:
    return waited

waiting = Graph([wait, follow], name="waiting")

@node(output_name="never")
def deaf(gate: str) -> int:
    """Looks at nothing and never ends."""
    child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
    Path(gate).write_text(str(child.pid))
    while True:
        pass

stubborn = Graph([deaf], name="stubborn")

@node(output_name="said")
def speak(x: int) -> int:
    os.write(1, b"raw words\\n")
    os.write(2, b"raw \\xff error\\n")
    subprocess.run([sys.executable, "-c", "print('from a child')"], check=True)
    print("half", end="")
    print(" line")
    print("\\x1b[31m[bold]red[/bold]")
    sys.stderr.write("to stderr\\n")
    logging.getLogger("mine").warning("be careful %s", x)
    return x

talking = Graph([speak], name="talking")

@node(output_name="gone")
def leave(x: int) -> int:
    sys.exit(x)

leaving = Graph([double.with_inputs(x="x"), leave], name="leaving")

@node(output_name="dead")
def crash(x: int) -> int:
    os.write(2, b"last words\\n")
    os._exit(7)

crashing = Graph([crash], name="crashing")

class Sly:
    def __repr__(self):
        raise RuntimeError("no repr for you")

@node(output_name="thing")
def odd(x: int) -> str:
    raise ValueError("bad [markup] \\x1b[2J " + "x" * 100_000)

failing = Graph([double, odd], name="failing")

inner = Graph([double, plus], name="inner")

@node(output_name="total")
def total(answer: int) -> int:
    return answer + 100

nested = Graph([inner.as_node(), total], name="nested")

@node(output_name="checked")
def check(n: int) -> int:
    if n % 5 == 3:
        raise LookupError(f"nothing at {n}")
    return n

@node(output_name="kept")
def keep(checked: int) -> int:
    return checked

items = Graph([check, keep], name="items")

@interrupt(output_name="approved")
def approval(draft: str) -> bool | None:
    return None

@node(output_name="published")
def publish(draft: str, approved: bool) -> str:
    return f"{draft} {approved}"

asking = Graph([approval, publish], name="asking")

@node(output_name="count")
def step(count: int) -> int:
    return count + 1

@route(targets=["step", END])
def enough(count: int) -> str:
    return END if count >= 3 else "step"

looping = Graph([step, enough], name="looping", entrypoint="step")
'''


def wait_until(found: Callable[[], T], seconds: float = 30.0) -> T:
    """Ask again and again until there is an answer."""
    deadline = time.monotonic() + seconds
    while not (answer := found()):
        if time.monotonic() > deadline:
            raise AssertionError(f"nothing came within {seconds:g} s; the last answer was {answer!r}")
        time.sleep(0.01)
    return answer


@dataclass
class Workshop:
    """A folder with a store, a module of graphs, and a studio's services."""

    folder: Path
    feeds: list[Feed] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.db = self.folder / "runs.db"
        self.module = self.folder / "graphs_of_test.py"
        self.module.write_text(GRAPHS, encoding="utf-8")
        self.launcher = self.other_launcher()
        self.history = History(self.db)

    def other_launcher(self) -> Launcher:
        """Give the launcher of a second studio."""
        return Launcher(self.db, self.folder / "state", cwd=self.folder)

    def order(self, graph: str, run_id: str, verb: str = "run", **options: Any) -> Order:
        """Give an order for one of the graphs."""
        target = find_target(f"{options.pop('module', self.module)}:{graph}", self.folder)
        options.setdefault("runner", "SyncRunner")
        return Order(verb, target, graph, str(self.db), run_id, actor="ana@dev/tty", **options)

    def start(self, graph: str, run_id: str, verb: str = "run", **options: Any) -> Worker:
        """Start a worker."""
        return self.launcher.start(self.order(graph, run_id, verb, **options))

    def ended(self, run_id: str) -> None:
        """Wait until a run's worker is gone."""
        wait_until(lambda: self.launcher.worker(run_id) is None)

    def serve(self, graph: str, run_id: str, verb: str = "run", **options: Any) -> list[dict[str, Any]]:
        """Start a worker, wait for its end, and give its event log."""
        worker = self.start(graph, run_id, verb, **options)
        self.ended(run_id)
        return self.log(worker)

    def log(self, worker: Worker) -> list[dict[str, Any]]:
        """Give the event log of a worker."""
        reader = LogReader(worker.folder / f"{worker.claim}.events")
        lines: list[dict[str, Any]] = []
        while found := reader.read():
            lines += found
        return lines

    def feed(self, run_id: str, launcher: Launcher | None = None, known: Known | None = None) -> Feed:
        """Look at a run."""
        feed = Feed(self.history, launcher or self.launcher, run_id, known)
        self.feeds.append(feed)
        return feed

    def seen(self, run_id: str, wanted: Callable[[RunView], Any]) -> RunView:
        """Look at a run until it looks as wanted."""
        feed = self.feed(run_id)
        try:
            return wait_until(lambda: view if wanted(view := feed.latest()) else None)
        finally:
            feed.close()

    def close(self) -> None:
        """End everything."""
        for feed in self.feeds:
            feed.close()
        for worker in self.launcher.running():
            self.launcher.kill(worker.run_id)
        self.launcher.close()
        self.history.close()
