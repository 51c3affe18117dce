"""The Run place: what rail, boxes and inspector say, and where keys and clicks lead."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from hypergraph import Graph, node
from studio.model.batches import batch_view, failure_groups
from studio.model.facts import BatchFacts
from studio.model.run_view import Attempt, LogLine, NodeView, RunView, ValueView
from studio.screens.batch import batch_counts
from studio.services.feed import Feed
from studio.widgets.box_pane import BoxPane
from studio.widgets.boxes import draw_boxes
from studio.widgets.inspector import Inspector
from studio.widgets.item_grid import ItemGrid
from studio.widgets.rail import Rail
from tests.studio.test_screens import run, status
from tests.studio.workshop import Workshop


def text_of(rail: Rail, path: str, width: int = 100) -> str:
    index = next(at for at, row in enumerate(rail._rows) if row.path == path and row.kind != "loop")
    return rail.row(index, width).plain


@node(output_name="b")
def one(a: int) -> int:
    return a


@node(output_name="c")
def two(b: int) -> int:
    return b


@node(output_name="d")
def three(c: int) -> int:
    return c


@node(output_name="e")
def four(d: int) -> int:
    return d


LINE = Graph([one, two, three, four], name="line").scene()


def view(state: str = "completed", **more: Any) -> RunView:
    nodes = {path: NodeView(path, "completed", started=1.0, ended=2.0) for path in ("one", "two", "three", "four")}
    return RunView("line-1", "line", state, scene=LINE, nodes={**nodes, **more.pop("nodes", {})}, started=1.0, ended=2.0, **more)


async def test_a_folded_graph_says_how_the_nodes_inside_stand() -> None:
    async with run() as (pilot, app, _):
        await pilot.pause()
        said = text_of(app.screen.query_one("#rail", Rail), "rag")
        assert all(part in said for part in ("retrieve ✓", "rerank ►", "pack ·"))


async def test_a_gate_says_its_targets_also_where_no_column_is_for_them() -> None:
    async with run() as (pilot, app, _):
        await pilot.pause()
        rail = app.screen.query_one("#rail", Rail)
        rail.gantt = True
        assert "→ generate | final" in text_of(rail, "judge", 72)


async def test_inputs_stand_above_the_node_that_reads_them_while_the_cursor_is_there() -> None:
    async with run() as (pilot, app, fake):
        fake.feeds["rag-eval-7"].put(replace(view(inputs=(ValueView("a", "int", "3"),)), id="rag-eval-7"))
        await pilot.pause(0.2)
        rail = app.screen.query_one("#rail", Rail)
        await pilot.press("G")
        assert [row.path for row in rail._rows] == ["one", "two", "three", "four"]
        await pilot.press("g")
        assert [row.path for row in rail._rows] == ["a", "one", "two", "three", "four"]
        assert rail.path == "one"
        assert "int 3" in text_of(rail, "a")
        await pilot.press("k")
        assert rail.path == "a"
        await pilot.press("j", "j")
        assert [row.path for row in rail._rows] == ["one", "two", "three", "four"]
        assert rail.path == "two"


async def test_what_a_failed_run_did_not_reach_does_not_wait() -> None:
    nodes = {"three": NodeView("three", "interrupted", started=1.5, ended=1.9, at_least=True), "four": NodeView("four", "waiting")}
    async with run() as (pilot, app, fake):
        fake.feeds["rag-eval-7"].put(replace(view("interrupted", nodes=nodes), id="rag-eval-7"))
        await pilot.pause(0.2)
        rail = app.screen.query_one("#rail", Rail)
        assert "not reached" in text_of(rail, "four")
        assert "≥400ms" in text_of(rail, "three")
        assert rail.path == "three"
        assert "at least 400ms" in app.screen.query_one(Inspector).plain


async def test_a_small_inspector_shows_inputs_output_and_the_last_lines_of_the_log() -> None:
    logs = tuple(LogLine(float(number), "one", "stdout", f"line {number}") for number in range(40))
    shown = NodeView(
        "one", "running", started=1.0, inputs=(ValueView("a", "int", "3", "input"),), outputs=(ValueView("b", "int", "3"),), attempt=2,
        tries=(Attempt(0, "failed", 1.5, 0.5, "E: no"),),
    )  # fmt: skip
    async with run(size=(80, 24)) as (pilot, app, fake):
        fake.feeds["rag-eval-7"].put(replace(view("running", nodes={"one": shown}, logs=logs, live=True), id="rag-eval-7"))
        await pilot.pause(0.2)
        inspector = app.screen.query_one(Inspector)
        text = [inspector.row(index, 80).plain for index in range(inspector.size.height)]
        assert any(line.startswith(" in   a") for line in text)
        assert any(line.startswith(" out  b") for line in text)
        assert [line.split()[-1] for line in text[-2:]] == ["38", "39"]


async def test_v_shows_boxes_arrows_go_from_box_to_box_and_enter_goes_to_the_node() -> None:
    async with run() as (pilot, app, fake):
        fake.feeds["rag-eval-7"].put(replace(view(), id="rag-eval-7"))
        await pilot.pause(0.2)
        await pilot.press("g", "v")
        boxes = app.screen.query_one(BoxPane)
        assert "✓ four" in boxes.plain
        await pilot.press("right", "l", "x")
        assert boxes.path == "three"
        assert "✓ one" not in boxes.plain
        await pilot.press("plus")
        assert "✓ one" in boxes.plain
        await pilot.press("enter")
        assert not boxes.display
        assert app.screen.query_one("#rail", Rail).path == "three"


@pytest.mark.parametrize(("hops", "names"), [(1, {"one", "two", "three"}), (2, {"one", "two", "three", "four"})])
def test_a_graph_that_does_not_fit_is_shown_with_so_many_edges_around_a_node(hops: int, names: set[str]) -> None:
    drawn = draw_boxes(LINE, {}, "two", 200, hops=hops, whole=False)
    assert set(drawn.places) == names


def test_fewer_edges_are_shown_rather_than_nothing_and_it_is_said() -> None:
    drawn = draw_boxes(LINE, {}, "two", 36, hops=2)
    assert set(drawn.places) == {"one", "two", "three"}
    assert "2 do not fit" in " ".join(line.plain for line in drawn.lines)


async def test_while_a_run_is_read_the_screen_does_not_say_that_there_is_none() -> None:
    async with run() as (pilot, app, _):
        screen: Any = app.screen
        screen._view = None
        screen._paint()
        await pilot.pause()
        assert "reading" in status(app)
        assert not screen.has_class("-empty")


# Batches.


def test_counts_of_a_batch_leave_out_what_does_not_fit_and_never_clip_a_number() -> None:
    batch = batch_view("b", BatchFacts(bytes([2] * 5000 + [4] * 40 + [1] * 8 + [0] * 300)), (), live=True)
    assert batch_counts(batch, 40).plain == "✓5 000 ✗40 ►8 ·300"
    assert batch_counts(batch, 13).plain == "✓5 000 ✗40"


async def test_in_the_plain_form_items_that_stand_alike_are_one_line() -> None:
    async with run("batch-12", size=(40, 12)) as (pilot, app, _):
        await pilot.pause()
        grid = app.screen.query_one(ItemGrid)
        grid.show(bytes([2, 2, 2, 4, 1, 0, 0]))
        await pilot.pause()
        lines = [line.plain for line in (grid.plain_row(index) for index in range(grid.row_count()))]
        assert lines == ["3 items from 0 to 2: completed", "item 3: failed", "item 4: running", "2 items from 5 to 6: waiting"]
        grid.item = 0
        await pilot.press("j")
        assert grid.item_here == 3


def test_a_kind_is_one_whether_the_log_or_the_store_tells_of_it() -> None:
    failures = {
        1: ("fetch", "TimeoutError", "TimeoutError: read timed out (1s)"),
        2: ("fetch", "builtins.TimeoutError", "read timed out (2s)"),
    }
    (group,) = failure_groups(failures)
    assert (group.count, group.message) == (2, "read timed out (1s)")


def test_what_a_kind_shares_says_how_many_were_looked_at() -> None:
    failures = dict.fromkeys(range(10), ("fetch", "TimeoutError", "slow"))
    inputs = {item: {"host": "slow.example", "n": str(item)} for item in range(6)} | {item: {"host": "a.org"} for item in range(20, 60)}
    (group,) = failure_groups(failures, inputs)
    assert group.shared == "host=slow.example 6/6 looked at"


def test_what_a_kind_shares_is_found_in_a_large_batch_that_goes_on(tmp_path: Path) -> None:
    shop = Workshop(tmp_path)
    try:
        shop.serve("items", "b1", "map", texts={"n": str([3] * 40 + [1] * 3000)}, map_over=("n",), on_error="continue")
        feed = Feed(shop.history, shop.launcher, "b1", start=False)
        for _ in range(8):
            feed.refresh()
        batch = feed.latest().batch
        assert batch is not None
        (group,) = batch.groups
        assert (group.count, group.shared) == (40, "n=3 40/40")
    finally:
        shop.close()


async def test_when_a_run_ends_the_rows_that_did_not_change_are_drawn_anew() -> None:
    """They waited, and now they were not reached."""
    nodes = {"three": NodeView("three", "failed", started=1.5, ended=1.9), "four": NodeView("four", "waiting")}
    going = replace(view("running", nodes=nodes), id="rag-eval-7", live=True)
    async with run(size=(80, 24)) as (pilot, app, fake):
        fake.feeds["rag-eval-7"].put(going)
        await pilot.pause(0.2)
        assert "waiting" in app.export_screenshot()
        fake.feeds["rag-eval-7"].put(replace(going, state="failed", live=False))
        await pilot.pause(0.2)
        drawn = app.export_screenshot().replace("&#160;", " ")
        assert "not reached" in drawn
        assert "waiting" not in drawn
