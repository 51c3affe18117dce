"""What keys do, the mouse and the palette do too."""

from __future__ import annotations

import pytest
from textual.command import CommandPalette
from textual.widgets import Input

from studio.screens.sheet import ConfirmSheet
from studio.widgets.bars import KeyBar, PlaceBar
from studio.widgets.graph_list import GraphList
from studio.widgets.input_form import Field
from studio.widgets.rail import Rail
from studio.widgets.tab_line import TabLine
from tests.studio.test_screens import opened, run, status, until


@pytest.mark.parametrize(("word", "mode"), [("Launch", "launch"), ("Runs", "runs"), ("Inbox", "inbox"), ("Compare", "compare")])
async def test_a_click_on_a_place_goes_there(word: str, mode: str) -> None:
    async with opened() as (pilot, app, _):
        bar = app.screen.query_one(PlaceBar)
        await pilot.click(bar, offset=(bar.line(bar.size.width).plain.index(word), 0))
        await until(pilot, lambda: app.current_mode == mode)


async def test_a_click_on_a_key_does_what_the_key_does() -> None:
    async with run() as (pilot, app, _):
        bar = app.screen.query_one(KeyBar)
        await pilot.click(bar, offset=(bar.line(bar.size.width).plain.index("stop"), 0))
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))


async def test_a_first_click_chooses_and_a_second_opens() -> None:
    async with opened() as (pilot, app, _):
        graphs = app.screen.query_one(GraphList)
        await until(pilot, lambda: graphs.size.height > 4 and graphs.row_count() == 5)
        await pilot.click(graphs, offset=(8, 3))
        await until(pilot, lambda: graphs.cursor == 3)
        assert app.current_mode == "graphs"
        await pilot.click(graphs, offset=(8, 3))
        await until(pilot, lambda: app.screen.query(Field))
        assert "launch greet" in status(app)


async def test_a_click_on_a_tab_brings_it_to_the_front() -> None:
    async with run() as (pilot, app, _):
        tabs = app.screen.query_one(TabLine)
        await pilot.click(tabs, offset=(tabs.line(tabs.size.width).plain.index("Logs"), 0))
        await until(pilot, lambda: app.screen.query_one("#logs").display)


async def test_a_click_on_a_node_stops_the_cursor_from_following() -> None:
    async with run() as (pilot, app, _):
        await pilot.click("#rail", offset=(10, 1))
        await pilot.pause(0.2)
        assert app.screen.query_one("#rail", Rail).path == "load_docs"


async def test_the_palette_stops_a_run() -> None:
    async with run() as (pilot, app, _):
        await pilot.press("colon")
        await until(pilot, lambda: isinstance(app.screen, CommandPalette))
        app.screen.query_one(Input).value = "ask the run to stop"
        await pilot.pause(0.4)
        await pilot.press("enter")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
