"""Sizes that make other tools give up, opened in the app itself: a graph of 500 nodes, a loop of 300 turns, a batch of 100,000 items."""

from __future__ import annotations

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from pathlib import Path
from typing import Any

from textual.pilot import Pilot

from hypergraph import END, FunctionNode, Graph, SqliteCheckpointer, SyncRunner, node, route
from studio.app import StudioApp
from studio.model.states import item_code
from studio.options import StudioOptions
from studio.screens.run import RunScreen
from studio.services.studio import Studio
from studio.widgets.bars import StatusLine
from studio.widgets.failure_list import FailureList
from studio.widgets.inspector import Inspector
from studio.widgets.item_grid import ItemGrid
from studio.widgets.lines import LinesPane
from studio.widgets.rail import Rail
from studio.widgets.turn_list import TurnList

ITEMS = 100_000


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    async with asyncio.timeout(60):
        while not true():
            await pilot.pause(0.02)


@asynccontextmanager
async def opened(db: Path) -> AsyncIterator[tuple[Pilot[None], StudioApp]]:
    """Open the newest run of a store."""
    options = StudioOptions((), db=str(db), read_only=True)
    app = StudioApp(options, Studio.open(options, start=db.parent, state=db.parent / "state"))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("3")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.view is not None)
        yield pilot, app
    assert app._exception is None


def large_graph(count: int) -> Graph:
    """Each node reads two before it."""
    nodes = []
    for number in range(count):
        names = dict.fromkeys([f"v{max(0, number - 1)}", f"v{max(0, number - 7)}"])
        scope: dict[str, Any] = {}
        exec(f"def made({', '.join(names)}):\n    return {number}", scope)  # names are what makes the edges
        nodes.append(FunctionNode(scope["made"], name=f"n{number}", output_name=f"v{number + 1}"))
    return Graph(nodes, name="large")


async def test_a_graph_of_500_nodes_is_a_rail_of_500_rows(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    with SqliteCheckpointer(db) as store:
        SyncRunner(checkpointer=store).run(large_graph(500), {"v0": 1}, workflow_id="r")
    async with opened(db) as (pilot, app):
        rail = app.screen.query_one("#rail", Rail)
        await until(pilot, lambda: rail.row_count() == 500)
        assert "500/500" in app.screen.query_one(StatusLine).plain
        await pilot.press("G")
        assert rail.path == "n499"
        await until(pilot, lambda: "n499" in app.screen.query_one(Inspector).plain)
        inspector = app.screen.query_one(Inspector).plain
        assert "v492" in inspector
        assert "n491 · step" in inspector
        screen: Any = app.screen
        await pilot.press("[")
        await until(pilot, lambda: "n499" not in screen.view.nodes)
        assert screen.view.nodes["n498"].state == "completed"
        await pilot.press("0", "{")
        await until(pilot, lambda: screen.view.past)
        assert screen.view.nodes["n497"].state == "completed"
        assert not {"n498", "n499"} & set(screen.view.nodes)


async def test_a_loop_of_300_turns_is_a_table_of_300_rows(tmp_path: Path) -> None:
    @node(output_name="count")
    def step(count: int) -> int:
        return count + 1

    @route(targets=["step", END])
    def enough(count: int) -> str:
        return END if count >= 300 else "step"

    db = tmp_path / "runs.db"
    with SqliteCheckpointer(db) as store:
        graph = Graph([step, enough], name="loop", entrypoint="step")
        SyncRunner(checkpointer=store).run(graph, {"count": 0}, workflow_id="r", max_iterations=1000)
    async with opened(db) as (pilot, app):
        await until(pilot, lambda: app.screen.view.turns is not None)  # type: ignore[attr-defined]  # as above
        view = app.screen.view  # type: ignore[attr-defined]  # as above
        assert view.nodes["step"].turns == 300
        turns = app.screen.query_one(TurnList)
        while not turns.display:
            await pilot.press("t")
        assert turns.row_count() == 300
        await pilot.press("G")
        assert turns.cursor == 299
        assert view.turns.rows[-1][0] == ("300", "→ END")


def _batch(db: Path) -> None:
    """Make a batch of a thousand items, and copy it a hundred times: the library would take half a minute."""

    @node(output_name="done")
    def work(n: int) -> int:
        if n == 7:
            raise ValueError(f"{n} is bad")
        return n

    with SqliteCheckpointer(db) as store:
        SyncRunner(checkpointer=store).map(
            Graph([work], name="each"), {"n": list(range(1000))}, map_over="n", workflow_id="b", error_handling="continue"
        )
    with closing(sqlite3.connect(db)) as rows:
        numbers = "(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < 99) SELECT value FROM n)"
        (last,) = rows.execute("SELECT max(key) FROM runs").fetchone()
        run = [row[1] for row in rows.execute("PRAGMA table_info(runs)") if row[1] not in {"key", "id", "seq"}]
        step = [row[1] for row in rows.execute("PRAGMA table_info(steps)") if row[1] != "run"]
        key = f"r.key + {last} * g.value"
        inside = "r.parent_run_id = 'b'"
        rows.execute(
            f"INSERT INTO runs (key, id, seq, {', '.join(run)}) SELECT {key}, 'b/' || (CAST(substr(r.id, 3) AS INTEGER) + 1000 * g.value), "
            f"{key}, {', '.join(f'r.{name}' for name in run)} FROM {numbers} g JOIN runs r WHERE {inside} ORDER BY 1"
        )
        rows.execute(
            f"INSERT INTO steps (run, {', '.join(step)}) SELECT {key}, {', '.join(f's.{name}' for name in step)} "
            f"FROM {numbers} g JOIN runs r JOIN steps s ON s.run = r.key WHERE r.key <= {last} AND {inside}"
        )
        rows.execute(
            f"INSERT INTO run_data (run, kind, data) SELECT {key}, d.kind, d.data FROM {numbers} g JOIN runs r "
            f"JOIN run_data d ON d.run = r.key WHERE r.key <= {last} AND {inside}"
        )
        rows.commit()


async def test_a_batch_of_100_000_items_is_a_grid_with_its_failures(tmp_path: Path) -> None:
    db = tmp_path / "runs.db"
    await asyncio.to_thread(_batch, db)
    async with opened(db) as (pilot, app):
        grid = app.screen.query_one(ItemGrid)
        await until(pilot, lambda: grid.item_here is not None and len(grid._states) == ITEMS)
        assert grid._states.count(item_code("failed")) == 100
        await until(pilot, lambda: "99 900" in (line := app.screen.query_one(StatusLine).plain) and "✗100" in line)
        kinds = app.screen.query_one(FailureList)
        await until(pilot, lambda: kinds.row_count() == 1)
        grid.focus()
        await pilot.press("n")
        assert grid.item_here == 7
        await pilot.press("n")
        assert grid.item_here == 1007
        item = app.screen.query_one("#item", LinesPane)
        await until(pilot, lambda: "7 is bad" in item.plain)
        await pilot.press("f")
        assert grid.row_count() == 1
        await pilot.press("G")
        assert grid.item_here == 99_007
        # Every key is answered at once, whatever the size.
        before = time.process_time()
        await pilot.press("f", "g", "j", "G", "k")
        assert time.process_time() - before < 5
        assert grid.item_here == ITEMS - 1 - grid._columns
