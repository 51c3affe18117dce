"""From a file with a graph to a run, its failure and its fork: the screens on the real services, workers and store."""

from __future__ import annotations

import asyncio
import textwrap
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.app import StudioApp
from studio.options import StudioOptions
from studio.screens.answer import AnswerSheet
from studio.screens.forecast import ForecastSheet
from studio.services.studio import Studio
from studio.widgets.bars import StatusLine
from studio.widgets.input_form import Field
from studio.widgets.inspector import Inspector

GRAPHS = """
    from typing import Literal
    from hypergraph import Graph, interrupt, node

    @node(output_name="half")
    def halve(number: int) -> float:
        print("halving", number)
        if number == 3:
            raise ValueError("three cannot be halved")
        return number / 2

    @node(output_name="text")
    def say(half: float, prefix: str = "half is") -> str:
        return f"{prefix} {half}"

    halves = Graph([halve, say], name="halves")

    @interrupt(output_name="sure")
    def ask(half: float) -> bool | None:
        return None

    @node(output_name="said")
    def tell(sure: bool) -> str:
        return f"sure: {sure}"

    asking = Graph([halve, ask, tell], name="asking")
"""


async def until(pilot: Pilot[None], true: Callable[[], object]) -> None:
    """Wait for another process: it takes as long as it takes."""
    async with asyncio.timeout(60):
        while not true():
            await pilot.pause(0.05)


@asynccontextmanager
async def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[tuple[Pilot[None], StudioApp]]:
    (tmp_path / "graphs.py").write_text(textwrap.dedent(GRAPHS))
    monkeypatch.chdir(tmp_path)
    options = StudioOptions(("graphs.py",))
    app = StudioApp(options, Studio.open(options))
    async with app.run_test(size=(120, 40)) as pilot:
        await until(pilot, lambda: [graph.name for module in app.studio.modules() for graph in module.graphs] == ["halves", "asking"])
        await pilot.pause(0.6)
        yield pilot, app
    assert app._exception is None


def status(app: StudioApp) -> str:
    return app.screen.query_one(StatusLine).plain


async def test_type_a_number_run_see_it_fail_fork_it_with_another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio(tmp_path, monkeypatch) as (pilot, app):
        await pilot.press("enter")
        await until(pilot, lambda: len(app.screen.query(Field)) == 2)
        await pilot.pause(0.3)
        await pilot.press("3", "f5")
        await until(pilot, lambda: app.current_mode == "run" and "failed" in status(app))
        await until(pilot, lambda: "three cannot be halved" in app.screen.query_one(Inspector).plain)
        assert "graphs.py" in app.screen.query_one(Inspector).plain
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet))
        await pilot.press("e", "ctrl+u", "4", "enter")
        await until(pilot, lambda: app.screen._forecast is not None)  # type: ignore[attr-defined]
        assert "halve" in app.screen._forecast.again  # type: ignore[attr-defined]
        await pilot.press("enter")
        await until(pilot, lambda: "halves-2" in status(app) and "done" in status(app))
        assert {row.id: row.state for row in app.studio.runs("", None, 10)} == {"halves-1": "failed", "halves-2": "completed"}


async def test_a_question_is_answered_with_four_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with studio(tmp_path, monkeypatch) as (pilot, app):
        await pilot.press("j", "enter")
        await until(pilot, lambda: "asking" in status(app) and app.screen.query(Field))
        await pilot.pause(0.3)
        await pilot.press("8", "f5")
        await until(pilot, lambda: app.current_mode == "run" and "paused" in status(app))
        await pilot.press("5")
        await until(pilot, lambda: app.current_mode == "inbox" and "1 question" in status(app))
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AnswerSheet))
        await pilot.press("t", "enter")
        await until(pilot, lambda: [row.state for row in app.studio.runs("", None, 10)] == ["completed"])
