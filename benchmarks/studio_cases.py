"""What the studio is meant to reach at size: cold start, long lists, large batches and graphs, live events, and what recording costs."""

from __future__ import annotations

import asyncio
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks.studio_recording import recording
from benchmarks.studio_stage import opened_app, quiet_moment, some_runs, terminal
from hypergraph import FunctionNode, Graph, SqliteCheckpointer, SyncRunner

__all__ = ["StudioFigure", "studio_figures", "studio_lines"]

_GRAPHS = """
import os
from pathlib import Path
from hypergraph import Graph, node

Path(__file__).with_suffix(".pids").open("a").write(f"{os.getpid()}\\n")

@node(output_name="b")
def first(a: int) -> int:
    return a

seen_by_the_user = Graph([first], name="seen_by_the_user")
"""


@dataclass(frozen=True)
class StudioFigure:
    """One measured figure.

    Attributes:
        goal: which goal it belongs to ("G1").
        name: what was measured.
        value: the figure.
        unit: of what.
        most: the highest acceptable figure, or None where it is only told.
    """

    goal: str
    name: str
    value: float
    unit: str
    most: float | None = None

    @property
    def met(self) -> bool | None:
        """Whether the goal was met; None without a goal."""
        return None if self.most is None else self.value <= self.most


def studio_lines(figures: Sequence[StudioFigure]) -> list[str]:
    """One line for each figure."""
    lines = []
    for one in figures:
        goal = "" if one.most is None else f"   goal at most {one.most:g} {one.unit}: {'met' if one.met else 'MISSED'}"
        lines.append(f"  {one.goal}  {one.name:58}{one.value:10.2f} {one.unit:12}{goal}")
    return lines


def studio_figures(quick: bool, wanted: Callable[[str], bool]) -> Iterator[StudioFigure]:
    """Measure, one goal after the other; `wanted` is asked for "studio G1", "studio G2" ..."""
    parts = [_start, _history, _batches, _graphs, _live, _recording]
    for number, part in enumerate(parts, start=1):
        if wanted(f"studio G{number}"):
            with tempfile.TemporaryDirectory(prefix="hypergraph-studio-") as name:
                yield from part(Path(name), quick)


def _median(work: Callable[[], float], rounds: int) -> float:
    return statistics.median(work() for _ in range(rounds))


# G1: cold start.


def _start(folder: Path, quick: bool) -> Iterator[StudioFigure]:
    runs = 1000 if quick else 10_000
    some_runs(folder / "runs.db", runs)
    (folder / "graphs_here.py").write_text(_GRAPHS, encoding="utf-8")
    first, usable, listed, pids = [], [], [], set()
    newest = f"run-{runs - 1}".encode()
    for _ in range(3 if quick else 7):
        with terminal(["studio", "graphs_here.py", "--db", "runs.db"], folder) as (process, until, master):
            first.append(until(b"Compare"))
            os.write(master, b"4")
            usable.append(until(newest))
            pids.add(process.pid)
        with terminal(["studio", "graphs_here.py", "--db", "runs.db"], folder) as (process, until, _master):
            listed.append(until(b"seen_by_the_user"))
            pids.add(process.pid)
    loaded = {int(line) for line in (folder / "graphs_here.pids").read_text().split()}
    yield StudioFigure("G1", f"cold start to the first paint, {runs:,} runs", statistics.median(first), "s", 0.6)
    yield StudioFigure("G1", "cold start, a key, and its answer: the list of runs", statistics.median(usable), "s")
    yield StudioFigure("G1", "cold start to the user's graph, loaded elsewhere", statistics.median(listed), "s")
    yield StudioFigure("G1", "screens that imported the user's module", float(len(loaded & pids)), "processes", 0)


# G2: a long history.


def _history(folder: Path, quick: bool) -> Iterator[StudioFigure]:
    runs = 10_000 if quick else 100_000
    some_runs(folder / "runs.db", runs)
    found: dict[str, float] = {}

    async def measure() -> None:
        from studio.screens.runs import RunsScreen
        from studio.widgets.run_list import RunList

        async with opened_app(folder, folder / "runs.db") as (app, _pilot):

            def rows() -> int:
                return app.screen.query_one(RunList).row_count() if isinstance(app.screen, RunsScreen) else 0

            found["first"] = await app.until(rows, lambda: app.key("4"))
            await quiet_moment()
            app.key("/")
            await quiet_moment()
            taken, echoed = [], []
            for typed in ("failed graph:chain", "run-99", "since:1d 77", "no such run"):
                for letter in typed:
                    before = app.screen._filter
                    if letter == " ":
                        # A blank alone filters nothing yet.
                        app.key(letter)
                    else:
                        begun = time.perf_counter()
                        echoed.append(
                            await app.until(lambda before=before: app.screen._filter != before, lambda letter=letter: app.key(letter))
                        )
                        while app.screen.answered != app.screen._filter:
                            await asyncio.sleep(0.001)
                        taken.append(time.perf_counter() - begun)
                    await asyncio.sleep(0.12)
                app.key("ctrl+u")
                await quiet_moment()
            found["median"], found["worst"], found["echo"] = statistics.median(taken), max(taken), max(echoed)
            app.key("escape")
            await quiet_moment()
            found["end"] = await app.until(lambda: app.screen.query_one(RunList).cursor > 150, lambda: app.key("G"))

    asyncio.run(measure())
    yield StudioFigure("G2", f"first paint of {runs:,} runs", found["first"] * 1000, "ms", 300)
    yield StudioFigure("G2", "filter keystroke to its rows, median", found["median"] * 1000, "ms", 100)
    yield StudioFigure("G2", "filter keystroke to its rows, worst", found["worst"] * 1000, "ms", 100)
    yield StudioFigure("G2", "filter keystroke to its echo, worst", found["echo"] * 1000, "ms", 100)
    yield StudioFigure("G2", "to the end of what is loaded, and more", found["end"] * 1000, "ms", 300)


# G3: a large batch.


def _batches(folder: Path, quick: bool) -> Iterator[StudioFigure]:
    base = _batch_child(folder, 500)["rss"]
    for items in (2000, 10_000) if quick else (10_000, 100_000):
        found = _batch_child(folder, items)
        yield StudioFigure("G3", f"first paint of a batch of {items:,} items", found["first"] * 1000, "ms", 300)
        yield StudioFigure("G3", f"{items:,} items: all cells painted anew", found["repaint"] * 1000, "ms", 60)
        yield StudioFigure("G3", f"{items:,} items: 500 new events to their paint", found["live"] * 1000, "ms", 60)
        yield StudioFigure("G3", f"{items:,} items: memory over a batch of 500", (found["rss"] - base) / 1024, "MiB", 50)


def _batch_child(folder: Path, items: int) -> dict[str, float]:
    program = f"from benchmarks.studio_cases import batch_in_a_process; batch_in_a_process({str(folder)!r}, {items})"
    done = subprocess.run([sys.executable, "-c", program], check=True, stdout=subprocess.PIPE, text=True, cwd=Path(__file__).parent.parent)
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def batch_in_a_process(folder: str, items: int) -> None:
    """Open a batch in this process, and print what it took."""
    db = Path(folder) / f"batch-{items}.db"
    # Making the store is no part of the memory that is measured.
    making = f"from pathlib import Path; from benchmarks.studio_stage import some_items; some_items(Path({str(db)!r}), {items})"
    subprocess.run([sys.executable, "-c", making], check=True)
    print(json.dumps(asyncio.run(_batch(Path(folder), db, items))))


async def _batch(folder: Path, db: Path, items: int) -> dict[str, float]:
    from studio.model.states import item_code
    from studio.widgets.item_grid import ItemGrid

    found: dict[str, float] = {}
    async with opened_app(folder, db) as (app, _pilot):

        def grid() -> ItemGrid | None:
            return next(iter(app.screen.query(ItemGrid)), None)

        def shown() -> bool:
            there = grid()
            return there is not None and there.display and len(there._states) == items

        found["first"] = await app.until(shown, lambda: app.key("3"))
        await quiet_moment()
        there = grid()
        assert there is not None
        states = there._states
        code = bytes([item_code("running")])
        taken = []
        for turn in range(6):
            fresh = code * items if turn % 2 == 0 else states
            taken.append(await app.until(lambda fresh=fresh: there._states is fresh, lambda fresh=fresh: there.show(fresh)))
        found["repaint"] = statistics.median(taken)
        found["live"] = await _live_batch(app, items)
    found["rss"] = _most_memory()
    return found


def _most_memory() -> float:
    """Give the most KiB that this process had; what getrusage tells begins with what its parent had."""
    try:
        status = Path("/proc/self/status").read_text(encoding="ascii")
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return float(next(line.split()[1] for line in status.splitlines() if line.startswith("VmHWM")))


async def _live_batch(app: Any, items: int) -> float:
    """Fold events of items into the feed of the batch on the screen, and paint."""
    from studio.model.facts import fold

    feed = app.screen._feed
    feed.close()
    await asyncio.sleep(0.5)
    taken = []
    for turn in range(6):
        start = turn * 250 % (items - 249)
        status = ("stopped", "failed", "paused")[turn % 3]
        lines = [
            {
                "k": kind, "c": turn + 1, "n": 2 * item + (kind == "run-"), "t": 0.0, "r": f"batch/{item}", "m": ["batch", item],
                "i": item, "status": status,
            }
            for item in range(start, start + 250)
            for kind in ("run+", "run-")
        ]  # fmt: skip
        before = app.screen._view

        def act(lines: list[dict[str, Any]] = lines) -> None:
            feed._facts = fold(feed._facts, lines)
            feed._make(time.monotonic())
            app.screen._poll()

        taken.append(await app.until(lambda before=before: app.screen._view is not before, act))
    return statistics.median(taken)


# G4: a large graph.


def _wide(count: int) -> Graph:
    """A graph that is neither a line nor a fan: each node reads two before it."""
    nodes = []
    for number in range(count):
        first, second = max(0, number - 1), max(0, number - 7)
        names = dict.fromkeys([f"v{first}", f"v{second}"])
        scope: dict[str, Any] = {}
        exec(f"def made({', '.join(names)}):\n    return {' + '.join(names)}", scope)
        nodes.append(FunctionNode(scope["made"], name=f"n{number}", output_name=f"v{number + 1}"))
    return Graph(nodes, name="wide")


def _graphs(folder: Path, quick: bool) -> Iterator[StudioFigure]:
    from hypergraph.viz.rail import rail_rows

    for count, most in ((100, 20), (500, 60)):
        db = folder / f"graph-{count}.db"
        graph = _wide(count)
        with SqliteCheckpointer(db) as store:
            SyncRunner(checkpointer=store).run(graph, {"v0": 1}, workflow_id="run")
        scene = graph.scene()
        rail = _median(lambda scene=scene: _seconds(lambda: rail_rows(scene)), 3 if quick else 9)
        found = asyncio.run(_graph(folder, db, count))
        yield StudioFigure("G4", f"rail of {count} nodes, laid out", rail * 1000, "ms", most)
        yield StudioFigure("G4", f"{count} nodes: laid out and painted", found["show"] * 1000, "ms", most + 16)
        yield StudioFigure("G4", f"{count} nodes: opened, store to paint", found["open"] * 1000, "ms")
        yield StudioFigure("G4", f"{count} nodes: one node changed, projected", found["project"] * 1000, "ms", 16)
        yield StudioFigure("G4", f"{count} nodes: cursor move to its paint, median", found["move"] * 1000, "ms", 16)


def _seconds(work: Callable[[], object]) -> float:
    before = time.perf_counter()
    work()
    return time.perf_counter() - before


async def _graph(folder: Path, db: Path, count: int) -> dict[str, float]:
    from studio.widgets.rail import Rail

    found: dict[str, float] = {}
    async with opened_app(folder, db) as (app, _pilot):

        def rail() -> Rail | None:
            return next(iter(app.screen.query("#rail").results(Rail)), None)

        def shown() -> bool:
            there = rail()
            return there is not None and there.row_count() >= count

        found["open"] = await app.until(shown, lambda: app.key("3"))
        await quiet_moment()
        there = rail()
        assert there is not None
        # The scene of a past run is made of its steps; here the rail is asked to lay it out once more.
        found["show"] = await app.until(lambda: True, there._lay_out)
        feed = app.screen._feed
        feed.close()
        await asyncio.sleep(0.5)
        found["project"] = _median(lambda: _seconds(lambda: feed._projection.view(feed._facts, feed._context)), 5)
        taken = []
        for _ in range(40):
            before = there.cursor
            taken.append(await app.until(lambda before=before: there.cursor != before, lambda: app.key("j")))
            await asyncio.sleep(0.02)
        found["move"] = statistics.median(taken)
    return found


# G5: from an event to its glyph.


def _live(folder: Path, quick: bool) -> Iterator[StudioFigure]:
    seconds = 2 if quick else 6
    db = folder / "live.db"
    some_runs(db, 1)
    found = asyncio.run(_watched(folder, db, seconds))
    yield StudioFigure("G5", "events written a second", found["rate"], "events/s")
    yield StudioFigure("G5", "event to glyph, median", found["median"] * 1000, "ms")
    yield StudioFigure("G5", "event to glyph, p99", found["p99"] * 1000, "ms", 150)
    yield StudioFigure("G5", "items whose last glyph is not the last event", found["wrong"], "items", 0)


_WRITER = """
import os, sys, time
from pathlib import Path
from studio.services.event_log import EventLog
folder, seconds, rate = Path(sys.argv[1]), float(sys.argv[2]), 10_000
log = EventLog(folder / "1.events", 1)
opening = {"format": 1, "r": "live", "run": "live", "pid": os.getpid(), "mark": sys.argv[3], "graph": "g", "host": "h"}
log.put({"k": "claim", **opening}, at_once=True)
items = int(seconds * rate / 4)
log.put({"k": "run+", "r": "live", "g": "g", "map": True, "size": items}, at_once=True)
start = time.time() + 1.0
for item in range(items):
    place = {"r": f"live/{item}", "m": ["live", item]}
    if item % 10 == 0:
        time.sleep(max(0.0, start + item * 4 / rate - time.time()))
    log.put({"k": "run+", "g": "g", "i": item, **place})
    log.put({"k": "node+", "s": 0, "node": "a", **place}, soon=True)
    log.put({"k": "node+", "s": 1, "node": "b", **place}, soon=True)
    log.put({"k": "run-", "i": item, "status": "failed" if item % 50 == 0 else "completed", "ms": 1.0, **place})
time.sleep(1.0)
log.put({"k": "run-", "r": "live", "status": "partial", "ms": 1.0})
log.put({"k": "end", "r": "live", "status": "partial"})
log.close()
"""


async def _watched(folder: Path, db: Path, seconds: float) -> dict[str, float]:
    """Watch a batch whose log another process writes; the moments in its lines are compared with those of the paints."""
    from studio.model.states import ITEM_STATES
    from studio.services.log_reader import LogReader
    from studio.services.paths import Places
    from studio.widgets.item_grid import ItemGrid

    place = Places.of(db, folder / "state")
    script = folder / "writer.py"
    script.write_text(_WRITER, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parent.parent)}
    async with opened_app(folder, db) as (app, pilot):
        await quiet_moment()
        run = place.make(place.run("live"))
        with subprocess.Popen([sys.executable, str(script), str(run), str(seconds), ""], env=environment) as writer:
            _write_live(place, run, writer.pid)
            while not (run / "1.events").exists():
                await asyncio.sleep(0.01)
            from studio.messages import Go

            app.post_message(Go("hg:run/live"))
            paints: list[tuple[float, bytes]] = []

            def note() -> bool:
                grid = next(iter(app.screen.query(ItemGrid)), None)
                if grid is not None and (not paints or paints[-1][1] is not grid._states):
                    paints.append((time.time(), grid._states))
                return False

            app.condition = note
            while writer.poll() is None:
                await pilot.pause(0.05)
            await pilot.pause(1.0)
            app.condition = None
    reader = LogReader(run / "1.events")
    ended: dict[int, tuple[float, str]] = {}
    lines = 0
    while found := reader.read():
        lines += len(found)
        ended.update({line["i"]: (line["t"], line["status"]) for line in found if line["k"] == "run-" and "i" in line})
    taken, before = [], b""
    for moment, states in paints:
        for item, code in enumerate(states):
            if ITEM_STATES[code] not in {"waiting", "running"} and (item >= len(before) or before[item] != code) and item in ended:
                taken.append(moment - ended[item][0])
        before = states
    wrong = sum(1 for item, (_, status) in ended.items() if item >= len(before) or ITEM_STATES[before[item]] != status)
    taken.sort()
    span = max(t for t, _ in ended.values()) - min(t for t, _ in ended.values())
    return {"median": statistics.median(taken), "p99": taken[int(len(taken) * 0.99)], "wrong": float(wrong), "rate": lines / span}


def _write_live(place: Any, run: Path, pid: int) -> None:
    from studio.services.processes import mark_of

    live = place.make(place.store / "live")
    (live / run.name).write_text(json.dumps({"run": "live", "claim": 1, "pid": pid, "mark": mark_of(pid)}), encoding="utf-8")


# G6: what recording costs.


def _recording(folder: Path, quick: bool) -> Iterator[StudioFigure]:
    for name, value, unit, most in recording(folder, quick):
        yield StudioFigure("G6", name, value, unit, most)
