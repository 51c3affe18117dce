"""Graphs of every shape, and a session over them, for tests of what is done to runs."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from studio.model.act import Act
from studio.model.forecast import Forecast
from studio.model.run_view import RunView
from studio.options import StudioOptions
from studio.services.studio import Studio

__all__ = ["ACT_GRAPHS", "Bench", "bench"]

ACT_GRAPHS = """
import enum, time
from dataclasses import dataclass
from pathlib import Path
from hypergraph import END, Graph, interrupt, node, route

class Tone(enum.Enum):
    DRY = "dry"
    WARM = "warm"

@dataclass
class Doc:
    title: str
    pages: int = 1

@node(output_name="doc")
def load(title: str) -> Doc:
    return Doc(title)

@node(output_name="tone")
def choose(doc: Doc) -> Tone:
    return Tone.DRY

@node(output_name="text")
def tell(doc: Doc, tone: Tone, mark: str = "!") -> str:
    return f"{doc.title} {doc.pages} {tone.value}{mark}"

chain = Graph([load, choose, tell], name="chain")

@node(output_name="count")
def step(count: int) -> int:
    return count + 1

@route(targets=["step", END])
def enough(count: int) -> str:
    return END if count >= 3 else "step"

loop = Graph([step, enough], name="loop", entrypoint="step")

@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2

@node(output_name="more")
def plus(doubled: int, y: int = 1) -> int:
    return doubled + y

@node(output_name="total")
def total(more: int) -> int:
    return more + 100

inner = Graph([double, plus], name="inner")
nested = Graph([inner.as_node(), total], name="nested")

@node(output_name="xs")
def numbers(n: int) -> list[int]:
    return list(range(n))

@node(output_name="summed")
def add(more: list[int]) -> int:
    return sum(more)

mapped = Graph([numbers, inner.as_node(name="each").with_inputs(x="xs").map_over("xs"), add], name="mapped")

@interrupt(output_name="approved")
def approve(draft: str) -> bool | None:
    return None

@node(output_name="sent")
def send(draft: str, approved: bool) -> str:
    return f"{draft} {approved}"

paused = Graph([approve, send], name="paused")

@interrupt(output_name="number")
def guess(draft: str) -> int | None:
    return None

@node(output_name="told")
def reveal(number: int) -> int:
    return number + 1

asks_int = Graph([guess, reveal], name="asks_int")

@node(output_name="checked")
def check(n: int, gate: str) -> int:
    if n % 5 == 3 and not Path(gate).exists():
        raise LookupError(f"nothing at {n}")
    if n % 7 == 5:
        raise ValueError(f"{n} is bad")
    return n

items = Graph([check], name="items")

@node(output_name="fragile")
def break_once(gate: str) -> str:
    if not Path(gate).exists():
        raise RuntimeError("not yet")
    return "done"

@node(output_name="ended")
def end(fragile: str) -> str:
    return fragile.upper()

fails = Graph([break_once, end], name="fails")

@node(output_name="waited")
def wait(gate: str) -> str:
    while not Path(gate).exists():
        time.sleep(0.01)
    return "done"

@node(output_name="begun")
def begin(gate: str) -> str:
    return "begun"

@node(output_name="after")
def follow(waited: str, begun: str) -> str:
    return waited + begun

waits = Graph([begin, wait, follow], name="waits")
"""


class Bench:
    """A studio over those graphs, and what tests ask of it again and again."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self.studio = studio
        self.folder = folder

    @property
    def gate(self) -> Path:
        """The file that nodes wait for."""
        return self.folder / "gate"

    async def started(self, graph: str, texts: dict[str, str], **options: Any) -> str:
        """Launch, and give the run's id."""
        found = self.studio.project.graph(graph)
        assert found is not None
        plan = self.studio.plan(found, texts=texts, runner=options.pop("runner", "AsyncRunner"), **options)
        outcome = await self.studio.launch(plan)
        assert outcome.ok, outcome.message
        return outcome.run_id

    async def launched(self, graph: str, texts: dict[str, str], **options: Any) -> RunView:
        """Launch, and wait for the end."""
        return await self.seen(await self.started(graph, texts, **options))

    async def seen(self, run_id: str, fits: Callable[[RunView], object] = lambda view: not view.live) -> RunView:
        """Wait until a run looks as wanted, and until its worker is gone where it has ended."""
        feed = self.studio.watch(run_id)
        until = time.monotonic() + 60
        try:
            while True:
                gone = self.studio.launcher.worker(run_id) is None
                if gone:
                    # What a feed shows is a moment old; a new one looks now.
                    feed.close()
                    feed = self.studio.watch(run_id)
                view = feed.latest()
                if fits(view) and (view.live or gone):
                    return view
                assert time.monotonic() < until, view
                await asyncio.sleep(0.02)
        finally:
            feed.close()

    async def acted(
        self, kind: Any, run_id: str, superstep: int | None = None, edits: dict[str, str] | None = None
    ) -> tuple[Forecast, str]:
        """Foretell an act, perform it, wait for its end, and give the forecast and the run."""
        act = Act(kind, run_id, superstep, edits or {})
        foretold = await self.studio.forecast(act)
        assert foretold.problem is None, foretold.problem
        outcome = await self.studio.perform(act)
        assert outcome.ok, outcome.message
        await self.seen(outcome.run_id)
        return foretold, outcome.run_id

    def executed(self, run_id: str) -> list[str]:
        """Give the nodes that a run executed itself."""
        return [step.node_name for step in self.studio.history.steps(run_id)]

    def state(self, run_id: str) -> dict[str, Any]:
        """Give a run's values."""
        store = self.studio.history.store
        assert store is not None
        return store.state(run_id)

    async def runs_as_it_stands(self, script: str) -> str:
        """Execute a program in the start folder, as somebody would who copied it; gives what it printed."""
        program = self.folder / "copied.py"
        program.write_text(script, encoding="utf-8")
        done = await asyncio.to_thread(
            subprocess.run, [sys.executable, str(program)], cwd=self.folder, capture_output=True, text=True, timeout=60, check=False
        )
        assert done.returncode == 0, f"{script}\n{done.stderr}"
        return done.stdout


@asynccontextmanager
async def bench(folder: Path, **options: Any) -> AsyncIterator[Bench]:
    """Open a studio over those graphs; runs that still go on are killed at the end."""
    if not (folder / "shapes.py").exists():
        (folder / "shapes.py").write_text(ACT_GRAPHS, encoding="utf-8")
    studio = Studio.open(StudioOptions(targets=("shapes.py",), **options), start=folder)
    await studio.start()
    studio.project.wait()
    try:
        yield Bench(studio, folder)
    finally:
        if not studio.read_only:
            for worker in studio.launcher.running():
                studio.launcher.kill(worker.run_id)
        await studio.close()
