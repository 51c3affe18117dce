"""The list of a family of runs: failed retries that follow one another fold into one row."""

from __future__ import annotations

from textual.app import App, ComposeResult

from studio.model.lineage_view import LineageRow
from studio.theme import THEMES
from studio.widgets.lineage_list import LineageList


def rows(*errors: str) -> list[LineageRow]:
    tries = [
        LineageRow(f"r-{at}", "├─●", "failed", f"retry {at}", "same inputs, same code", error=error) for at, error in enumerate(errors, 1)
    ]
    return [
        LineageRow("r", "●", "failed", "", "TimeoutError: slow", error="TimeoutError"),
        *tries,
        LineageRow("f", "╰─●", "completed", "fork @3", "top_k: 50→20", "inherits 5 steps"),
    ]


class Alone(App[None]):
    def __init__(self) -> None:
        super().__init__()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = THEMES[0].name

    def compose(self) -> ComposeResult:
        yield LineageList()


async def test_failed_retries_fold_and_unfold_and_the_cursor_stays() -> None:
    async with Alone().run_test(size=(120, 20)) as pilot:
        listed = pilot.app.query_one(LineageList)
        listed.show(rows("TimeoutError", "TimeoutError", "TimeoutError"), "f")
        listed.focus()
        assert (listed.row_count(), listed.run_here) == (5, "f")
        await pilot.press("h")
        assert (listed.row_count(), listed.run_here) == (3, "f")
        assert "… 3 failed retries, all TimeoutError" in listed.row(1, 118).plain
        assert "inherits 5 steps" in listed.row(2, 118).plain
        assert "top_k: 50→20" in listed.row(2, 118).plain
        await pilot.press("l")
        assert (listed.row_count(), listed.run_here) == (5, "f")
        assert "TimeoutError" in listed.row(1, 118).plain


async def test_folded_retries_say_each_kind_of_error() -> None:
    async with Alone().run_test(size=(120, 20)) as pilot:
        listed = pilot.app.query_one(LineageList)
        listed.show(rows("TimeoutError", "ValueError", "ValueError"), "r")
        listed.focus()
        await pilot.press("left")
        assert "3 failed retries: ValueError 2, TimeoutError 1" in listed.row(1, 118).plain
