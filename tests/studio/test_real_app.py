"""The bundled examples as a person uses them: launch, watch, answer, fork, stop, go back. The store says what the screen says."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from hypergraph import SqliteCheckpointer
from hypergraph.checkpointers import ReadonlyStore
from studio.app import StudioApp
from studio.messages import Go
from studio.screens.answer import AnswerSheet
from studio.screens.forecast import ForecastSheet
from studio.screens.launch import LaunchScreen
from studio.screens.run import RunScreen
from studio.screens.runs import RunsScreen
from studio.screens.sheet import ConfirmSheet, Summary
from studio.widgets.inspector import Inspector
from studio.widgets.item_grid import ItemGrid
from studio.widgets.lines import LinesPane
from studio.widgets.rail import Rail
from studio.widgets.turn_list import TurnList
from tests.studio.driving import driven, status, until
from tests.studio.workshop import GRAPHS

Driven = Pilot[None]


def stored(folder: Path) -> ReadonlyStore:
    return SqliteCheckpointer.open_readonly(folder / ".hypergraph" / "runs.db")


async def launch(pilot: Driven, app: StudioApp, graph: str, wanted: str, **texts: str) -> RunScreen:
    """Fill in a form, start, and watch until the first line says what is wanted."""
    app.post_message(Go(f"hg:launch/{graph}"))
    await until(pilot, lambda: isinstance(app.screen, LaunchScreen) and graph in status(app) and app.screen.plan() is not None)
    assert isinstance(app.screen, LaunchScreen)
    for field in app.screen._fields():
        if field.field.name in texts:
            field.put(texts[field.field.name])
    await pilot.press("f5")
    await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.view is not None and wanted in status(app))
    assert isinstance(app.screen, RunScreen)
    return app.screen


async def test_a_loop_runs_to_its_end_and_the_screen_says_what_is_stored(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with driven(tmp_path, monkeypatch, "studio.examples.refine_loop") as (pilot, app):
        run = await launch(pilot, app, "refine", "done")
        view = run.view
        assert view is not None
        assert view.id == "refine-1"
        steps = stored(tmp_path).steps("refine-1")
        scores = [step.values["score"] for step in steps if step.node_name == "measure" and step.values is not None]
        assert view.nodes["measure"].turns == len(scores) > 1
        assert view.last_superstep == max(step.superstep for step in steps)
        assert {path: node.state for path, node in view.nodes.items()} == dict.fromkeys(
            ("measure", "good_enough", "simplify", "finish"), "completed"
        )
        while run._panes.tab != "turns":
            await pilot.press("t")
        turns = run.query_one(TurnList)
        assert turns.row_count() == len(scores)
        assert all(str(score) in turns.row(at, 118).plain for at, score in enumerate(scores))


async def test_a_fork_refuses_what_does_not_fit_and_runs_what_the_change_reaches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with driven(tmp_path, monkeypatch, "studio.examples.refine_loop", size=(80, 24)) as (pilot, app):
        await launch(pilot, app, "refine", "done")
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet) and app.screen._forecast is not None)
        sheet = app.screen
        assert isinstance(sheet, ForecastSheet)
        assert "nothing runs" in "\n".join(line.plain for line in sheet._lines(70))
        # The target is the second row.
        await pilot.press("j", "e", "ctrl+u", *"nonsense", "enter")
        await until(pilot, lambda: sheet._forecast is not None and sheet._forecast.problem)
        assert "nonsense" in sheet.query_one(Summary)._make(70)[0].plain
        await pilot.press("enter")
        assert app.screen is sheet
        await pilot.press("e", "ctrl+u", *"99", "enter")
        await until(pilot, lambda: sheet._forecast is not None and not sheet._forecast.problem)
        await pilot.press("enter")
        await until(pilot, lambda: "refine-2" in status(app) and "done" in status(app))
        assert isinstance(app.screen, RunScreen)
        assert app.screen.view is not None
        assert any("target" in row.cause for row in app.screen.view.lineage)
        run = stored(tmp_path).get_run("refine-2")
        assert run is not None
        assert run.forked_from == "refine-1"
        assert stored(tmp_path).inputs("refine-2")["target"] == 99.0


async def test_a_draft_is_revised_and_published_by_answers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An answer that is none leaves the run as it is; each question waits since it was asked."""
    async with driven(tmp_path, monkeypatch, "studio.examples.review") as (pilot, app):

        async def answer(node: str, *keys: str) -> None:
            await pilot.press("5")
            await until(pilot, lambda: app.current_mode == "inbox" and [pause.node for pause in app.studio.pauses()] == [node])
            await until(pilot, lambda: f"{node} asks" in app.screen.query_one("#question", LinesPane).plain)
            await pilot.press("a")
            await until(pilot, lambda: isinstance(app.screen, AnswerSheet) and app.focused is not None)
            await pilot.press(*keys)

        await launch(pilot, app, "review", "paused")
        await answer("approval", "enter")
        assert isinstance(app.screen, AnswerSheet), "nothing was chosen, so nothing was answered"
        asked = app.studio.pauses()[0].since
        await pilot.press("2", "enter")
        await answer("wishes", *"shorter", "enter")
        await until(pilot, lambda: [pause.node for pause in app.studio.pauses()] == ["approval"])
        assert app.studio.pauses()[0].since > asked
        await answer("approval", "1", "enter")
        await until(pilot, lambda: [row.state for row in app.studio.runs("", None, 9)] == ["completed"])
        assert "You asked for this change: shorter" in stored(tmp_path).state("review-1")["published"]


async def test_esc_goes_from_an_item_to_its_batch_to_its_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """What an item's step read is shown, though no preview of it was logged."""
    async with driven(tmp_path, monkeypatch, "studio.examples.orders") as (pilot, app):
        run = await launch(pilot, app, "daily_sales", "done", count="6")
        rail = run.query_one("#rail", Rail)
        rail.reveal("each_order")
        await pilot.press("enter")
        await until(pilot, lambda: any(row.path == "each_order/net" for row in rail._rows))
        await pilot.press("enter")
        await until(pilot, lambda: "daily_sales-1/each_order" in status(app) and run.query_one(ItemGrid).has_focus)
        await pilot.press("l", "enter")
        await until(pilot, lambda: "daily_sales-1/each_order/1" in status(app) and "total" in (run.view.nodes if run.view else {}))
        rail.reveal("net")
        await until(pilot, lambda: "shipping" in run.query_one(Inspector).plain)
        assert "← gross" in run.query_one(Inspector).plain
        await pilot.press("escape")
        await until(pilot, lambda: run.view is not None and run.view.id == "daily_sales-1/each_order")
        await pilot.press("escape")
        await until(pilot, lambda: run.view is not None and run.view.id == "daily_sales-1")
        assert isinstance(app.screen, RunScreen)


async def test_esc_leaves_the_field_then_the_form_and_the_inspector_then_the_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async with driven(tmp_path, monkeypatch, "studio.examples.refine_loop") as (pilot, app):
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "launch" and app.screen.query("FieldInput"))
        app.screen.query("Field FieldInput").first(Input).focus()
        await pilot.press("escape")
        assert app.current_mode == "launch"
        assert not isinstance(app.focused, Input)
        await pilot.press("f5")
        await until(pilot, lambda: app.current_mode == "run" and "done" in status(app))
        await pilot.press("enter")
        assert isinstance(app.focused, Inspector)
        await pilot.press("escape")
        assert isinstance(app.focused, Rail)
        await pilot.press("escape")
        await until(pilot, lambda: app.current_mode == "launch")


def said(sheet: ConfirmSheet) -> str:
    """Give what a sheet says, in one line."""
    return " ".join(line.plain for line in sheet._lines(60))


async def test_a_stop_that_is_not_heard_is_said_to_be_asked_and_a_kill_ends_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stubborn_graphs.py").write_text(GRAPHS)
    async with driven(tmp_path, monkeypatch, "stubborn_graphs.py") as (pilot, app):
        gate = tmp_path / "gate"
        run = await launch(pilot, app, "stubborn", "running", gate=str(gate))
        await until(pilot, lambda: gate.exists() and run.view is not None and run.view.can_stop)
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
        await pilot.press("enter")
        await until(pilot, lambda: "running, stop asked" in status(app))
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet) and "K ends its process" in said(app.screen))
        await pilot.press("escape")
        await until(pilot, lambda: not isinstance(app.screen, ConfirmSheet))
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
        await pilot.press(*"kill", "enter")
        await until(pilot, lambda: "interrupted" in status(app))
        assert run.view is not None
        assert run.view.nodes["deaf"].state == "interrupted"
        assert run.view.can_resume


async def test_marking_a_run_twice_unmarks_it_and_marking_two_compares_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key right after a move of the cursor means the run that the cursor came to."""
    async with driven(tmp_path, monkeypatch, "studio.examples.refine_loop") as (pilot, app):
        await launch(pilot, app, "refine", "done")
        await launch(pilot, app, "refine", "refine-2", target="20")
        await until(pilot, lambda: isinstance(app.screen, RunScreen) and app.screen.view is not None and not app.screen.view.live)
        await pilot.press("4")
        await until(pilot, lambda: isinstance(app.screen, RunsScreen) and app.screen.view is not None and app.screen.view.id == "refine-2")
        await pilot.press("c", "c")
        assert app.current_mode == "runs"
        await pilot.press("c", "j", "c")
        await until(pilot, lambda: app.current_mode == "compare" and "refine-2" in status(app) and "refine-1" in status(app))
