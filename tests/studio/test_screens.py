"""The screens, driven by keys; what they ask of the services is read from a fake that remembers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import Input

from hypergraph.exceptions import CheckpointError
from studio.app import StudioApp
from studio.messages import Go
from studio.options import StudioOptions
from studio.screens.answer import AnswerSheet
from studio.screens.bench import BenchSheet
from studio.screens.forecast import ForecastSheet
from studio.screens.sheet import ConfirmSheet
from studio.services.settings import Settings
from studio.widgets.bars import KeyBar, StatusLine
from studio.widgets.choice import Choice
from studio.widgets.input_form import Field, Label
from studio.widgets.inspector import Inspector
from studio.widgets.item_grid import ItemGrid
from studio.widgets.lines import LinesPane
from studio.widgets.rail import Rail
from studio.widgets.run_list import RunList
from tests.studio.fakes import BATCH, FAILED, LIVE, NODES, NOW, PAUSES, FakeStudio, Outcome

Driven = Pilot[None]


@asynccontextmanager
async def opened(
    fake: FakeStudio | None = None, *, size: tuple[int, int] = (120, 40), **options: Any
) -> AsyncIterator[tuple[Driven, StudioApp, FakeStudio]]:
    fake = fake or FakeStudio()
    app = StudioApp(StudioOptions(**options), fake, clock=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await pilot.pause()
        yield pilot, app, fake
    assert app._exception is None


async def until(pilot: Driven, true: Callable[[], object]) -> None:
    """Wait for the screen to come to a state; a screen looks at its data fifteen times a second."""
    for _ in range(500):
        if true():
            return
        await pilot.pause(0.02)
    raise AssertionError("the screen did not come to the expected state")


def status(app: StudioApp) -> str:
    return app.screen.query_one(StatusLine).plain


def keys_shown(app: StudioApp) -> list[str]:
    return [active.binding.description for active in app.screen.query_one(KeyBar).shown()]


# Graphs.


async def test_the_first_screen_lists_graphs_with_the_cursor_on_the_first() -> None:
    async with opened() as (_, app, _fake):
        about = app.screen.query_one("#about", LinesPane).plain
    assert "Answer a question from documents" in about
    assert "The graph has async nodes" in about


async def test_a_broken_module_stays_with_its_traceback() -> None:
    async with opened() as (pilot, app, _):
        await pilot.press("G")
        await pilot.pause()
        assert "No module named 'torch'" in app.screen.query_one("#about", LinesPane).plain


async def test_without_a_module_the_screen_says_how_to_name_one() -> None:
    async with opened(FakeStudio(modules=(), rows=())) as (_, app, _fake):
        assert "hypergraph studio my_module" in app.screen.query_one("#about", LinesPane).plain


async def test_enter_on_a_graph_opens_its_form() -> None:
    async with opened() as (pilot, app, _):
        await pilot.press("enter")
        await until(pilot, lambda: app.screen.query(Field))
        assert "launch rag-eval" in status(app)


# Launch.


@asynccontextmanager
async def form(fake: FakeStudio | None = None, **more: Any) -> AsyncIterator[tuple[Driven, StudioApp, FakeStudio]]:
    async with opened(fake, **more) as (pilot, app, found):
        await pilot.press("2")
        await until(pilot, lambda: len(app.screen.query(Field)) == 4)
        await pilot.pause()
        yield pilot, app, found


async def test_a_run_starts_with_what_was_typed_and_is_watched() -> None:
    """Enter goes from the last needed field to the button, enter on the button starts."""
    async with form() as (pilot, app, fake):
        await pilot.press(*"why", "enter", "enter")
        await until(pilot, lambda: app.current_mode == "run")
        assert ("launch", {"query": "why"}) in fake.done


async def test_nothing_starts_while_an_input_is_missing() -> None:
    async with form() as (pilot, app, fake):
        await pilot.press("f5")
        await pilot.pause()
        assert not [done for done in fake.done if done[0] == "launch"]
        assert app.focused is app.screen.query(Field).first().editor


async def test_a_text_that_does_not_fit_is_told_at_its_field() -> None:
    async with form() as (pilot, app, _):
        await pilot.press("tab", *"many")
        await pilot.pause()
        assert "'many' is no int" in app.screen.query(Field)[1].query_one(".problem", Label).plain


async def test_a_refusal_of_the_services_stands_at_the_field_it_is_about() -> None:
    fake = FakeStudio()
    fake.outcome = Outcome(ok=False, message="not started", problems={"query": "has to end with a question mark"})
    async with form(fake) as (pilot, app, _):
        await pilot.press(*"why", "f5")
        await until(pilot, lambda: "question mark" in app.screen.query(Field).first().query_one(".problem", Label).plain)
        assert app.current_mode == "launch"


async def test_f3_maps_over_an_input_and_the_count_is_shown_at_once() -> None:
    async with form() as (pilot, app, _):
        await pilot.press("f3", *"[1]", "tab", "f3", *"[2]")
        await until(pilot, lambda: "600 items" in app.screen.query_one("#items", Label).plain)


async def test_a_runner_that_does_not_fit_cannot_be_chosen() -> None:
    async with form() as (pilot, app, _):
        picker = app.screen.query_one("RunnerPicker")
        picker.focus()
        await pilot.press("down", "space")
        assert picker.runner == "AsyncRunner"  # type: ignore[attr-defined]


async def test_a_text_of_several_lines_is_edited_in_full() -> None:
    async with form() as (pilot, app, _):
        await pilot.press(*"a", "f4")
        await pilot.pause()
        await pilot.press("enter", *"b", "f4")
        await pilot.pause()
        assert app.screen.query(Field).first().text == "a\nb"


async def test_letters_typed_into_a_field_are_no_commands() -> None:
    async with form() as (pilot, app, _):
        await pilot.press("4", "q", "colon")
        assert app.screen.query(Field).first().text == "4q:"


# Run.


@asynccontextmanager
async def run(run_id: str = "rag-eval-7", **more: Any) -> AsyncIterator[tuple[Driven, StudioApp, FakeStudio]]:
    async with opened(**more) as (pilot, app, fake):
        app.post_message(Go(f"hg:run/{run_id}"))
        await until(pilot, lambda: run_id in fake.feeds and run_id in status(app))
        await pilot.pause()
        yield pilot, app, fake


async def test_a_live_run_says_its_state_in_words_and_follows_the_running_node() -> None:
    async with run() as (_, app, _fake):
        assert "running 00:41" in status(app)
        assert app.screen.query_one("#rail", Rail).path == "rag"


async def test_a_failed_run_opens_on_the_failed_node_with_its_traceback() -> None:
    async with run("rag-eval-5") as (_, app, _fake):
        assert app.screen.query_one("#rail", Rail).path == "rag/rerank"
        assert "scores = model.predict(pairs)" in app.screen.query_one(Inspector).plain


async def test_the_cursor_stays_where_the_reader_put_it() -> None:
    async with run() as (pilot, app, fake):
        await pilot.press("g")
        fake.feeds["rag-eval-7"].put(replace(LIVE, nodes={**NODES, "generate": replace(NODES["generate"], state="running", started=NOW)}))
        await pilot.pause(0.4)
        assert app.screen.query_one("#rail", Rail).path == "load_docs"


async def test_what_happens_in_the_run_reaches_the_screen() -> None:
    async with run() as (pilot, app, fake):
        fake.feeds["rag-eval-7"].put(replace(FAILED, id="rag-eval-7"))
        await until(pilot, lambda: "failed" in status(app))
        await until(pilot, lambda: app.screen.query_one("#rail", Rail).path == "rag/rerank")


async def test_brackets_scrub_and_zero_returns() -> None:
    async with run() as (pilot, app, _):
        await pilot.press("left_square_bracket")
        await pilot.pause()
        assert app.screen.superstep == 3  # type: ignore[attr-defined]
        await pilot.press("0")
        await pilot.pause()
        assert app.screen.superstep is None  # type: ignore[attr-defined]


async def test_a_search_goes_into_folded_graphs_and_n_goes_on() -> None:
    async with run() as (pilot, app, _):
        await pilot.press("slash", *"rerank", "enter")
        await pilot.pause()
        assert app.screen.query_one("#rail", Rail).path == "rag/rerank"
        await pilot.press("slash", "ctrl+u", *"ra", "enter", "n")
        await pilot.pause()
        assert app.screen.query_one("#rail", Rail).path != "rag/rerank"


async def test_an_unknown_run_is_told_and_breaks_nothing() -> None:
    async with opened() as (pilot, app, _):
        app.post_message(Go("hg:run/nowhere"))
        await until(pilot, lambda: app.current_mode == "run")
        await until(pilot, lambda: any("nowhere" in str(note.message) for note in app._notifications))


async def test_stop_asks_first() -> None:
    async with run() as (pilot, app, fake):
        await pilot.press("S")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
        await pilot.press("escape", "S")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
        await pilot.press("enter")
        await until(pilot, lambda: fake.done[-1] == ("stop", "rag-eval-7"))
        assert [done for done in fake.done if done[0] == "stop"] == [("stop", "rag-eval-7")]


async def test_kill_wants_its_word_typed() -> None:
    async with run() as (pilot, app, fake):
        await pilot.press("K")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, ConfirmSheet)
        await pilot.press(*"kill", "enter")
        await until(pilot, lambda: fake.done[-1] == ("kill", "rag-eval-7"))


async def test_fork_takes_four_keys_and_the_edit() -> None:
    """F, e, the edit, enter to commit it, enter to act; the new run is watched."""
    async with run("rag-eval-5") as (pilot, app, fake):
        await pilot.press("F")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet))
        await pilot.press("e", "end", *"!", "enter")
        await until(pilot, lambda: len([done for done in fake.done if done[0] == "forecast"]) == 2)
        await pilot.pause()
        await pilot.press("enter")
        await until(pilot, lambda: fake.done[-1][0] == "perform")
        act = fake.done[-1][1]
        assert (act.kind, act.run_id, act.edits) == ("fork", "rag-eval-5", {"query": "'why is the sky blue?'!"})
        await until(pilot, lambda: "rag-eval-7" in status(app))


async def test_nothing_is_made_from_a_forecast_with_a_problem() -> None:
    async with run("rag-eval-5") as (pilot, app, fake):
        fake.forecast_given = replace(fake.forecast_given, problem="The module of this run is not loaded.")
        await pilot.press("R")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet))
        await pilot.pause()
        await pilot.press("enter")
        await pilot.pause()
        assert isinstance(app.screen, ForecastSheet)
        assert not [done for done in fake.done if done[0] == "perform"]


async def test_the_bench_runs_a_node_alone_and_touches_nothing() -> None:
    async with run() as (pilot, app, fake):
        await pilot.press("g", "j", "b")
        await until(pilot, lambda: isinstance(app.screen, BenchSheet))
        assert not [done for done in fake.done if done[0] == "bench"]
        await pilot.press("enter")
        await until(pilot, lambda: "list[117]" in app.screen.query_one("#summary", LinesPane).plain)
        assert ("bench", "clean", {}) in fake.done


async def test_one_kind_of_failure_is_healed_in_place_with_four_keys() -> None:
    """From the grid: to the kinds, R, enter; n would make a new batch instead."""
    async with run("batch-12") as (pilot, app, fake):
        await until(pilot, lambda: app.screen.query_one("#kinds").display)
        fake.feeds["batch-12"].put(replace(BATCH, live=False, can_stop=False, can_resume=True))
        await until(pilot, lambda: "retry" in keys_shown(app))
        await pilot.press("tab", "R")
        await until(pilot, lambda: isinstance(app.screen, ForecastSheet))
        await pilot.press("n", "n")
        await pilot.pause(0.2)
        await pilot.press("enter")
        await until(pilot, lambda: fake.done[-1][0] == "perform")
        act = fake.done[-1][1]
        assert (act.kind, act.run_id, act.only) == ("resume", "batch-12", (100, 250, 400))


async def test_copying_is_a_chord_and_says_what_was_copied() -> None:
    async with run() as (pilot, app, _):
        await pilot.press("y", "a")
        await until(pilot, lambda: app.clipboard == "address of rag-eval-7")


@pytest.mark.parametrize(
    ("key", "ending", "holds"), [("j", "json", '"id": "rag-eval-7"'), ("m", "mmd", "flowchart"), ("t", "txt", "load_docs")]
)
async def test_a_run_is_exported_to_a_file(key: str, ending: str, holds: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    async with run() as (pilot, _app, _fake):
        await pilot.press("w", key)
        written = tmp_path / f"rag-eval-7.{ending}"
        await until(pilot, lambda: written.exists() and holds in written.read_text())


async def test_a_run_that_turns_out_to_be_a_batch_shows_its_items() -> None:
    async with run() as (pilot, app, fake):
        fake.feeds["rag-eval-7"].put(replace(BATCH, id="rag-eval-7"))
        await until(pilot, lambda: app.screen.query_one("#items").display)
        fake.feeds["rag-eval-7"].put(LIVE)
        await until(pilot, lambda: app.screen.query_one("#rail").display)


async def test_a_batch_opens_on_its_items() -> None:
    async with run("batch-12") as (pilot, app, _):
        grid = app.screen.query_one(ItemGrid)
        await until(pilot, lambda: grid.row_count() > 0)
        await pilot.press("n")
        assert grid.item_here == 100
        await pilot.press("f", "l")
        assert grid.item_here == 250


async def test_the_value_under_the_cursor_opens_as_a_tree() -> None:
    async with run() as (pilot, app, _):
        app.screen.open_value("load_docs", "docs")  # type: ignore[attr-defined]
        await until(pilot, lambda: app.screen.query("#text") and "20 of 120 shown" in app.screen.query_one("#text", LinesPane).plain)
        await pilot.press("j", "enter")
        await pilot.pause()
        await pilot.press("escape")
        await pilot.pause()
        assert app.current_mode == "run"


# Runs.


async def test_the_history_is_filtered_at_each_key() -> None:
    async with opened() as (pilot, app, _):
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "runs" and app.screen.query_one(RunList).row_count() > 60)
        await pilot.press("slash", *"failed")
        await until(pilot, lambda: app.screen.query_one(RunList).row_count() == 2)
        await pilot.press("enter", "enter")
        await until(pilot, lambda: app.current_mode == "run")


async def test_two_marks_open_the_comparison_at_its_first_difference() -> None:
    async with opened() as (pilot, app, _):
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "runs" and app.screen.view is not None)  # type: ignore[attr-defined]
        await pilot.press("c", "j")
        await until(pilot, lambda: app.screen.view is not None and app.screen.view.id == "batch-12")  # type: ignore[attr-defined]
        await pilot.press("c")
        await until(pilot, lambda: app.current_mode == "compare" and "30 removed" in app.screen.query_one("#values", LinesPane).plain)


# Inbox.


async def test_four_keys_answer_a_yes_or_no_from_anywhere() -> None:
    async with opened() as (pilot, app, fake):
        await pilot.press("5")
        await until(pilot, lambda: app.current_mode == "inbox")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AnswerSheet))
        await pilot.press("t", "enter")
        await until(pilot, lambda: ("answer", "pub-31", {"decision": "True"}) in fake.done)


async def test_enter_alone_answers_nothing() -> None:
    async with opened() as (pilot, app, fake):
        await pilot.press("5")
        await until(pilot, lambda: app.current_mode == "inbox")
        await pilot.press("a")
        await until(pilot, lambda: isinstance(app.screen, AnswerSheet))
        assert app.screen.query_one(Choice).value is None
        await pilot.press("enter", "enter")
        await pilot.pause()
        assert isinstance(app.screen, AnswerSheet)
        assert not [done for done in fake.done if done[0] == "answer"]


async def test_an_answer_that_does_not_fit_is_refused_before_anything_is_called() -> None:
    async with opened() as (pilot, app, fake):
        await pilot.press("5")
        await until(pilot, lambda: app.current_mode == "inbox")
        await pilot.press("j", "a")
        await until(pilot, lambda: isinstance(app.screen, AnswerSheet))
        await pilot.press(*"many", "enter")
        await pilot.pause()
        assert "has to be an int" in app.screen.query_one("#problem", Label).plain
        assert not [done for done in fake.done if done[0] == "answer"]
        app.screen.query_one(Input).value = "3"
        await pilot.press("enter")
        await until(pilot, lambda: ("answer", "pub-30", {"count": "3"}) in fake.done)


async def test_one_answer_goes_to_all_that_were_picked() -> None:
    fake = FakeStudio()
    fake.waiting_pauses = [replace(PAUSES[0], run_id=name) for name in ("a", "b", "c")]
    async with opened(fake) as (pilot, app, _):
        await pilot.press("5")
        await until(pilot, lambda: app.current_mode == "inbox")
        await pilot.press("space", "space", "A")
        await until(pilot, lambda: isinstance(app.screen, AnswerSheet))
        await pilot.press("f", "enter")
        await until(pilot, lambda: fake.done[-2:] == [("answer", "a", {"decision": "False"}), ("answer", "b", {"decision": "False"})])
    assert [pause.run_id for pause in fake.waiting_pauses] == ["c"]


# Everywhere.


async def test_read_only_takes_every_changing_key_away() -> None:
    async with run(fake=FakeStudio(read_only=True)) as (pilot, app, fake):
        assert "read-only" in status(app)
        assert not {"stop", "fork", "retry", "resume", "answer"} & set(keys_shown(app))
        offered = {active.binding.id for active in app.screen.active_bindings.values() if active.enabled}
        assert not [name for name in offered if name and name.startswith("act.")]
        await pilot.press("S", "F", "K")
        await pilot.pause()
        assert app.current_mode == "run"
        assert not isinstance(app.screen, ConfirmSheet | ForecastSheet)
        assert {done[0] for done in fake.done} == {"start"}


@pytest.mark.parametrize("place", ["1", "2", "3", "4", "5", "6"])
async def test_the_footer_never_shows_more_than_eight_keys_and_always_help(place: str) -> None:
    async with opened() as (pilot, app, _):
        await pilot.press(place)
        await pilot.pause()
        shown = keys_shown(app)
        assert 1 < len(shown) <= 8
        assert shown[-1] == "help"


@pytest.mark.parametrize("place", ["1", "2", "3", "4", "5", "6"])
async def test_every_act_has_a_name_for_the_palette(place: str) -> None:
    async with opened() as (pilot, app, _):
        await pilot.press(place)
        await pilot.pause()
        for active in app.screen.active_bindings.values():
            if active.binding.action.startswith(("app.copy", "screen.copy", "copy_text", "help_quit", "quit")):
                continue
            assert active.binding.id or active.node is app.focused, active.binding


@pytest.mark.parametrize("key", ["question_mark", "f1"])
async def test_help_lists_the_keys_of_the_place(key: str) -> None:
    async with run() as (pilot, app, _):
        await pilot.press(key)
        await until(pilot, lambda: "Make a new run from here" in app.screen.query_one("#summary", LinesPane).plain)


async def test_the_palette_takes_an_address() -> None:
    async with opened() as (pilot, app, _):
        await pilot.press("colon")
        await pilot.pause()
        app.screen.query_one(Input).value = "hg:run/rag-eval-5"
        await pilot.pause(0.3)
        await pilot.press("enter")
        await until(pilot, lambda: app.current_mode == "run")


async def test_keys_and_colours_come_from_the_settings() -> None:
    fake = FakeStudio()
    fake.settings = Settings(theme="light", keymap={"act.stop": "X"})
    async with run(fake=fake) as (pilot, app, _):
        assert app.theme == "hypergraph-light"
        await pilot.press("X")
        await until(pilot, lambda: isinstance(app.screen, ConfirmSheet))


async def test_hostile_names_and_values_are_only_text() -> None:
    """Markup, escapes and controls in data neither run an action nor reach the terminal."""
    hostile = "[@click=app.exit]x[/] [/oops] \x1b[31m\x07\u202e"
    nodes = {**NODES, "embed": replace(NODES["embed"], error=hostile, traceback=hostile)}
    fake = FakeStudio()
    fake.views["rag-eval-7"] = replace(LIVE, nodes=nodes, note=hostile, error=hostile)
    fake.views["rag-eval-7"] = replace(fake.views["rag-eval-7"], code_note=hostile)
    async with run(fake=fake) as (pilot, app, _):
        await pilot.press("g", "j", "j")
        await pilot.pause()
        text = app.screen.query_one(Inspector).plain + status(app)
    assert "[@click=app.exit]" in text
    assert "\x1b" not in text
    assert "\u202e" not in text


async def test_a_store_in_trouble_is_told_once_and_breaks_nothing() -> None:
    fake = FakeStudio()

    def locked(*_: object, **_more: object) -> list[Any]:
        raise CheckpointError("The database is locked by another program.\nHow to fix: wait")

    async with opened(fake) as (pilot, app, _):
        fake.runs = locked  # type: ignore[method-assign]
        await pilot.press("4")
        await until(pilot, lambda: app.current_mode == "runs" and len(app._notifications) == 1)
        await pilot.pause(1.3)
        assert [str(note.message) for note in app._notifications] == ["CheckpointError: The database is locked by another program."]


async def test_q_closes_what_only_looks() -> None:
    async with opened() as (pilot, _, fake):
        await pilot.press("q")
        await pilot.pause()
    assert ("close",) in fake.done
