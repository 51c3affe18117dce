"""Every screen as a picture, at the sizes and in the themes that people use; `pytest --snapshot-update` takes them anew."""

from __future__ import annotations

import html
import re
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from studio.app import StudioApp
from studio.options import StudioOptions
from tests.studio.fakes import NOW, FakeStudio

SIZES = {"80x24": (80, 24), "120x40": (120, 40), "200x60": (200, 60)}
PLACES = {
    "graphs": "hg:graphs",
    "launch": "hg:launch/rag-eval",
    "run": "hg:run/rag-eval-7",
    "failed": "hg:run/rag-eval-5",
    "batch": "hg:run/batch-12",
    "runs": "hg:runs",
    "inbox": "hg:inbox",
    "compare": "hg:compare/rag-eval-5/rag-eval-7",
}
Compare = Callable[..., bool]


@pytest.fixture(autouse=True)
def utc(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Times of day are drawn in the local zone: here it is the same everywhere."""
    monkeypatch.setenv("TZ", "UTC")
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()


def picture(compare: Compare, address: str, size: tuple[int, int], *, press: tuple[str, ...] = (), **options: Any) -> None:
    app = StudioApp(StudioOptions(at=address, **options), FakeStudio(), clock=lambda: NOW)  # type: ignore[arg-type]

    async def settle(pilot: Pilot[None]) -> None:
        await pilot.pause(0.4)
        for key in press:
            await pilot.press(key)
            await pilot.pause(0.15)
        for field in app.screen.query(Input):
            field.cursor_blink = False  # or the picture depends on the moment
        app.clear_notifications()
        await pilot.pause()

    app.animation_level = "none"
    app.looks_unasked = False  # what is wrong with the example would come into some pictures
    assert compare(app, terminal_size=size, run_before=settle)
    assert app._exception is None


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("place", PLACES)
def test_a_place(snap_compare: Compare, place: str, size: str) -> None:
    picture(snap_compare, PLACES[place], SIZES[size])


@pytest.mark.parametrize("theme", ["light", "contrast"])
@pytest.mark.parametrize("place", ["graphs", "run", "batch"])
def test_a_theme(snap_compare: Compare, place: str, theme: str) -> None:
    picture(snap_compare, PLACES[place], SIZES["120x40"], theme=theme)


@pytest.mark.parametrize(
    ("place", "press"),
    [
        pytest.param("failed", ("F",), id="fork"),
        pytest.param("run", ("S",), id="stop"),
        pytest.param("run", ("K",), id="kill"),
        pytest.param("inbox", ("a", "t"), id="answer"),
        pytest.param("run", ("question_mark",), id="help"),
        pytest.param("graphs", ("f2",), id="places"),
        pytest.param("graphs", ("at",), id="command-log"),
        pytest.param("graphs", ("exclamation_mark",), id="problems"),
        pytest.param("graphs", ("f12",), id="doctor"),
        pytest.param("run", ("grave_accent",), id="jump"),
        pytest.param("run", ("t",), id="time"),
        pytest.param("run", ("t", "t"), id="values"),
        pytest.param("run", ("t", "t", "t"), id="logs"),
        pytest.param("run", ("t", "t", "t", "t"), id="lineage"),
        pytest.param("run", ("l",), id="unfolded"),
        pytest.param("launch", ("f5",), id="missing-input"),
        pytest.param("run", ("v",), id="boxes"),
    ],
)
def test_a_sheet_or_a_tab(snap_compare: Compare, place: str, press: tuple[str, ...]) -> None:
    picture(snap_compare, PLACES[place], SIZES["80x24"], press=press)


@pytest.mark.parametrize("place", ["graphs", "run", "runs"])
def test_plain_below_sixty_by_sixteen(snap_compare: Compare, place: str) -> None:
    picture(snap_compare, PLACES[place], (40, 12))


def test_ascii_only(snap_compare: Compare) -> None:
    picture(snap_compare, PLACES["run"], SIZES["80x24"], ascii=True)


@pytest.mark.parametrize("press", [(), ("F",), ("question_mark",), ("4",), ("5", "a"), ("6",), ("2",)], ids="-".join)
async def test_nothing_but_ascii_is_drawn_where_that_was_asked_for(press: tuple[str, ...]) -> None:
    app = StudioApp(StudioOptions(at="hg:run/rag-eval-5", ascii=True), FakeStudio(), clock=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.pause(0.3)
        for key in press:
            await pilot.press(key)
            await pilot.pause(0.15)
        drawn = "".join(re.findall(r"<text[^>]*>(.*?)</text>", app.export_screenshot()))
    assert sorted({char for char in html.unescape(drawn) if not char.isascii() and char != "\xa0"}) == []
