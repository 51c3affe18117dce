"""Picking and sorting in lists, acts on all that is picked, and secrets that are shown on request."""

from __future__ import annotations

from dataclasses import replace

import pytest

from studio.model.value_view import ValueNode
from studio.screens.compare import CompareScreen
from studio.screens.forecast import ForecastSheet
from studio.screens.operate import _running
from studio.screens.sheet import ConfirmSheet
from studio.screens.value import ValueScreen
from studio.widgets.item_grid import ItemGrid
from studio.widgets.lines import LinesPane
from studio.widgets.run_list import RunList
from tests.studio.fakes import BATCH, LIVE, FakeStudio
from tests.studio.test_screens import keys_shown, opened, run, status, until


async def test_runs_are_sorted_in_turn_and_the_bar_says_how() -> None:
    async with opened(at="hg:runs") as (pilot, app, _):
        runs = app.screen.query_one(RunList)
        newest = [runs._rows[0][1].id, runs._rows[1][1].id]
        await pilot.press("o")
        seconds = [row.seconds or 0 for _, row in runs._rows]
        assert seconds == sorted(seconds, reverse=True)
        assert "longest" in status(app)
        await pilot.press("o", "o", "o", "o", "o")
        assert [runs._rows[0][1].id, runs._rows[1][1].id] == newest


async def test_picked_runs_are_retried_after_one_sheet_that_names_each() -> None:
    fake = FakeStudio()
    async with opened(fake, at="hg:runs") as (pilot, app, _):
        await pilot.press("/", *"failed", "enter", "space", "space")
        assert "2 picked" in status(app)
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
        said = app.screen.query_one("#summary", LinesPane).plain
        assert "rag-eval-6" in said
        assert "runner.run" in said
        assert not [act for act in fake.done if act[0] == "perform"]
        await pilot.press("enter")
        await until(pilot, lambda: len([act for act in fake.done if act[0] == "perform"]) == 2)
    assert [act[-1].run_id for act in fake.done if act[0] == "perform"] == ["rag-eval-6", "rag-eval-5"]


async def test_the_stop_of_picked_runs_means_only_those_that_run() -> None:
    fake = FakeStudio()
    async with opened(fake, at="hg:runs") as (pilot, app, _):
        await pilot.press("space", "space", "space", "S")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
        await pilot.press("enter")
        await until(pilot, lambda: len([act for act in fake.done if act[0] == "stop"]) == 2)
    assert [act[1] for act in fake.done if act[0] == "stop"] == ["rag-eval-7", "batch-12"]


async def test_two_picked_runs_are_compared() -> None:
    async with opened(at="hg:runs") as (pilot, app, _):
        await pilot.press("space", "space", "c")
        await until(pilot, lambda: isinstance(app.screen, CompareScreen))


async def test_escape_lets_go_of_what_is_picked_first() -> None:
    async with opened(at="hg:runs") as (pilot, app, _):
        await pilot.press("space", "escape")
        assert app.screen.query_one(RunList).picked == []
        assert "picked" not in status(app)


async def test_nothing_is_done_to_picked_runs_when_read_only() -> None:
    async with opened(FakeStudio(read_only=True), at="hg:runs") as (pilot, app, _):
        await pilot.press("space", "S", "R", "C")
        await pilot.pause()
        assert not isinstance(app.screen, ConfirmSheet)


async def test_picked_items_of_a_batch_are_what_a_retry_means() -> None:
    async with run("batch-12") as (pilot, app, fake):
        fake.feeds["batch-12"].put(replace(BATCH, live=False, can_stop=False, can_resume=True))
        await until(pilot, lambda: "retry" in keys_shown(app))
        app.screen.query_one(ItemGrid).focus()
        await pilot.press("space", "right", "space")
        assert app.screen.query_one("#item", LinesPane).plain.lstrip().startswith("2 picked")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet))
        assert isinstance(app.screen, ForecastSheet)
        assert app.screen._only == (0, 2)


def test_the_stop_sheet_counts_items_and_names_no_node_inside_a_mapped_graph() -> None:
    assert _running(BATCH) == ["8 items"]
    assert "rag/rerank" in _running(LIVE)


@pytest.mark.parametrize("read_only", [False, True])
async def test_a_secret_is_shown_on_request_unless_read_only(read_only: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    fake = FakeStudio(read_only=read_only)

    async def hidden(*_given: object, **_more: object) -> ValueNode:
        return ValueNode("", "(hidden)", "(hidden)")

    monkeypatch.setattr(fake, "value", hidden)
    async with opened(fake) as (pilot, app, _):
        await app.push_screen(ValueScreen(fake, "rag-eval-7", None, "api_key", None))  # type: ignore[arg-type]
        pane = app.screen.query_one("#text", LinesPane)
        await until(pilot, lambda: "(hidden)" in pane.plain)
        await pilot.press("x")
        if read_only:
            await pilot.pause()
            assert fake.done[-1][0] != "reveal"
        else:
            await until(pilot, lambda: "hunter2" in pane.plain)
