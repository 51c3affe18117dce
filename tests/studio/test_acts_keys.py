"""How many keys an operator needs, counted on real runs in the whole studio."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.pilot import Pilot

from studio.app import StudioApp
from studio.screens.answer import AnswerSheet
from studio.screens.forecast import ForecastSheet
from studio.screens.orphan import OrphanSheet
from studio.screens.sheet import Summary
from studio.widgets.failure_list import FailureList
from tests.studio.acting import ACT_GRAPHS, bench
from tests.studio.driving import driven, until


async def seeded(folder: Path, graph: str, texts: dict[str, str], **options: object) -> str:
    async with bench(folder) as at:
        return (await at.launched(graph, texts, **options)).id


async def ended(pilot: Pilot[None], app: StudioApp, run_id: str, state: str) -> None:
    def stands() -> bool:
        run = app.studio.history.run(run_id)
        return run is not None and str(run.status) == state

    await until(pilot, stands)


async def test_four_keys_from_anywhere_to_an_answered_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """G8: the place, the form, the choice, enter. The sheet says how things stand before."""
    run_id = await seeded(tmp_path, "paused", {"draft": "D"})
    async with driven(tmp_path, monkeypatch, "shapes.py") as (pilot, app):
        await pilot.press("5")
        await until(pilot, lambda: app.current_mode == "inbox" and app.screen.query_one("#pauses").row_count() == 1)  # type: ignore[attr-defined]  # a list
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AnswerSheet))
        await pilot.press("t")
        checks = app.screen.query_one("#checks", Summary)
        await until(pilot, lambda: "it still waits" in checks.plain and "'approved': True" in checks.plain)
        await pilot.press("enter")
        await ended(pilot, app, run_id, "completed")


async def test_one_kind_of_failure_of_a_batch_is_retried_with_four_keys(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """G9: to the kinds, the act, enter; items of other kinds are left as they are."""
    (tmp_path / "shapes.py").write_text(ACT_GRAPHS)
    gate = tmp_path / "gate"
    run_id = await seeded(tmp_path, "items", {"n": "[0, 3, 5, 8]", "gate": str(gate)}, map_over=("n",))
    gate.touch()
    async with driven(tmp_path, monkeypatch, "shapes.py", at=None) as (pilot, app):
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "run" and bool(app.screen.query(FailureList)))
        kinds = app.screen.query_one(FailureList)
        await until(pilot, lambda: kinds.row_count() == 2)
        await pilot.press("tab")
        await until(pilot, lambda: kinds.has_focus)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet))
        summary = app.screen.query_one(Summary)
        await until(pilot, lambda: "2 items" in summary.plain)
        await pilot.press("enter")
        await until(pilot, lambda: app.studio.history.store.item_states(run_id).count(b"c") == 3)  # type: ignore[union-attr]  # it is there
        assert app.studio.history.store.item_states(run_id).count(b"f") == 1  # type: ignore[union-attr]  # as above


async def test_from_a_failed_run_to_its_edited_fork_with_four_keys_and_the_edit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """G7: the act, the field, the edit, enter to commit it, enter to fork."""
    run_id = await seeded(tmp_path, "fails", {"gate": str(tmp_path / "gate")})
    (tmp_path / "elsewhere").touch()
    async with driven(tmp_path, monkeypatch, "shapes.py") as (pilot, app):
        await pilot.press("3")
        await until(pilot, lambda: app.current_mode == "run" and getattr(app.screen, "view", None) is not None)
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet))
        await pilot.press("e", "ctrl+u", *str(tmp_path / "elsewhere").replace("/", "/"), "enter")
        summary = app.screen.query_one("#summary", Summary)
        await until(pilot, lambda: "break_once" in summary.plain)
        await pilot.press("enter")
        await ended(pilot, app, "fails-2", "completed")
        assert app.studio.history.run(run_id) is not None


async def test_an_orphan_is_marked_as_lost_from_the_problems(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The list of problems, the run, the way, enter."""
    async with bench(tmp_path) as at:
        run_id = await at.started("waits", {"gate": str(at.gate)})
        await at.seen(run_id, lambda view: "wait" in view.nodes and view.nodes["wait"].state == "running")
        at.studio.launcher.kill(run_id)
    async with driven(tmp_path, monkeypatch, "shapes.py") as (pilot, app):
        await pilot.press("exclamation_mark", "enter")
        await until(pilot, lambda: isinstance(app.screen, OrphanSheet))
        await pilot.press("L", "enter")
        await until(pilot, lambda: app.studio.is_lost(run_id))
        assert app.studio.runs("", None, 10) == []
