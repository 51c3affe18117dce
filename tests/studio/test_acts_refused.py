"""Acts that cannot be done are refused before anything starts, in words, with what can be done instead."""

from __future__ import annotations

import asyncio
import os
import signal
import time
from pathlib import Path

import pytest

from hypergraph import exceptions
from studio.model.act import Act
from studio.model.refusals import refusal_words
from studio.services.beginning import READ_ONLY
from tests.studio.acting import Bench, bench


@pytest.mark.parametrize("name", [name for name in exceptions.__all__ if name != "HypergraphError"])
def test_every_error_of_the_library_offers_a_next_act(name: str) -> None:
    said = refusal_words(f"{name}: it went wrong.\n\nHow to fix:\n  Pass take_over=True")
    assert said.startswith("it went wrong. ")
    assert len(said) > len("it went wrong. ") + 20
    assert "take_over" not in said


async def waiting_run(at: Bench) -> str:
    run_id = await at.started("waits", {"gate": str(at.gate)})
    await at.seen(run_id, lambda view: "wait" in view.nodes and view.nodes["wait"].state == "running")
    while "begin" not in at.executed(run_id):
        await asyncio.sleep(0.02)
    return run_id


async def test_of_two_terminals_that_resume_a_run_the_second_is_told_who_has_it(tmp_path: Path) -> None:
    """Within 200 ms, without a worker having been started for nothing."""
    async with bench(tmp_path) as at, bench(tmp_path) as other:
        run_id = await waiting_run(at)
        worker = at.studio.launcher.worker(run_id)
        assert worker is not None
        at.studio.launcher.kill(run_id)
        assert (await at.seen(run_id)).state == "interrupted"
        first = await at.studio.perform(Act("resume", run_id))
        assert first.ok
        started = time.perf_counter()
        second = await other.studio.perform(Act("resume", run_id))
        assert time.perf_counter() - started < 0.2 * _slow()
        assert not second.ok
        again = at.studio.launcher.worker(run_id)
        assert again is not None
        assert f"process {again.pid}" in second.message
        assert at.studio.acts.actor in second.message
        assert "fork it with F" in second.message
        at.gate.touch()
        assert (await at.seen(run_id)).state == "completed"
        assert [entry.verb for entry in other.studio.command_log()] == ["resume"]


def _slow() -> float:
    # A machine that does eight things at once is no measure: its load is taken into account.
    return max(1.0, os.getloadavg()[0])


async def test_an_answer_that_somebody_else_has_given_meanwhile_is_not_given_again(tmp_path: Path) -> None:
    async with bench(tmp_path) as at, bench(tmp_path) as other:
        run = await at.launched("paused", {"draft": "D"})
        (asked,) = other.studio.pauses()
        assert (await at.studio.answer(run.id, {"approved": "True"})).ok
        assert (await at.seen(run.id)).state == "completed"
        late = await other.studio.answer(run.id, {"approved": "False"}, asked=asked)
        assert not late.ok
        assert "does not wait any more" in late.message
        assert at.studio.acts.actor in late.message
        assert at.state(run.id)["sent"] == "D True"


@pytest.mark.parametrize("text", ["", "maybe", "1.5", "[1]", "None", "twelve", "{}", "True"])
async def test_a_wrong_answer_leaves_the_run_paused_and_says_why(text: str, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        run = await at.launched("asks_int", {"draft": "D"})
        (asked,) = at.studio.pauses()
        assert at.studio.check_answer(asked, "number", text)
        outcome = await at.studio.answer(run.id, {"number": text}, asked=asked)
        assert not outcome.ok
        assert "number" in outcome.message
        assert at.studio.history.run(run.id).status == "paused"
        assert at.studio.pauses() == (asked,)


async def test_a_run_without_a_process_is_marked_as_lost_shown_again_and_gone_on_with(tmp_path: Path) -> None:
    """The store does not change by that; Runs, the counts and the problems do."""
    async with bench(tmp_path) as at:
        run_id = await waiting_run(at)
        worker = at.studio.launcher.worker(run_id)
        assert worker is not None
        assert not (await at.studio.mark_lost(run_id)).ok
        os.killpg(worker.pid, signal.SIGKILL)
        await at.seen(run_id, lambda view: view.state == "interrupted")
        (problem,) = [one for one in at.studio.problems() if one.run]
        assert problem.run == run_id
        assert "process" in problem.detail
        stored = at.studio.history.run(run_id)
        assert (await at.studio.mark_lost(run_id)).ok
        assert at.studio.runs("", None, 10) == []
        assert at.studio.counts("") == {}
        assert [row.id for row in at.studio.runs("lost", None, 10)] == [run_id]
        assert at.studio.problems() == []
        assert at.studio.history.run(run_id) == stored
        assert (await at.studio.mark_lost(run_id, lost=False)).ok
        assert [row.id for row in at.studio.runs("", None, 10)] == [run_id]
        foretold = await at.studio.forecast(Act("resume", run_id))
        assert "once since its last stored step" in foretold.caution
        assert foretold.kept == ("begin",)


@pytest.mark.parametrize(
    ("change", "said"),
    [("gone", "not be found"), ("broken", "SyntaxError"), ("without it", "fails"), ("another structure", "fork")],
)
async def test_an_act_on_a_run_whose_module_changed_says_so(change: str, said: str, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        failed = await at.launched("fails", {"gate": str(at.gate)})
    module = tmp_path / "shapes.py"
    if change == "gone":
        module.unlink()
        (tmp_path / "other.py").write_text("")
    elif change == "broken":
        module.write_text("def (:\n")
    elif change == "without it":
        module.write_text(module.read_text().replace('fails = Graph([break_once, end], name="fails")', ""))
    else:
        module.write_text(module.read_text().replace("fails = Graph([break_once, end]", "fails = Graph([break_once]"))
    async with bench_of_what_is_left(tmp_path) as at:
        foretold = await at.studio.forecast(Act("resume", failed.id))
        assert foretold.problem is not None
        assert said in foretold.problem
        assert at.studio.peek(failed.id) is not None


def bench_of_what_is_left(folder: Path):  # type: ignore[no-untyped-def]  # a context manager like the other one
    if not (folder / "shapes.py").exists():
        from contextlib import asynccontextmanager

        from studio.options import StudioOptions
        from studio.services.studio import Studio

        @asynccontextmanager
        async def opened():  # type: ignore[no-untyped-def]  # as above
            studio = Studio.open(StudioOptions(targets=("other.py",)), start=folder)
            await studio.start()
            studio.project.wait()
            yield Bench(studio, folder)
            await studio.close()

        return opened()
    return bench(folder)


async def test_changed_code_is_told_on_every_sheet(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        failed = await at.launched("fails", {"gate": str(at.gate)})
        paused = await at.launched("paused", {"draft": "D"})
    module = tmp_path / "shapes.py"
    module.write_text(
        module.read_text().replace('return f"{draft} {approved}"', 'return f"{draft}: {approved}"').replace("fragile.upper()", "fragile")
    )
    async with bench(tmp_path) as at:
        foretold = await at.studio.forecast(Act("resume", failed.id))
        assert not foretold.same_code
        assert "end " in foretold.code
        (asked,) = at.studio.pauses()
        about = await at.studio.about_answer(asked, {"approved": "True"})
        assert not about.same_code
        assert "send" in about.code
        ending = await at.studio.about_ending(paused.id, "stop")
        assert not ending.same_code


async def test_nothing_can_be_done_when_read_only(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        failed = await at.launched("fails", {"gate": str(at.gate)})
        paused = await at.launched("paused", {"draft": "D"})
    async with bench(tmp_path, read_only=True) as at:
        outcomes = [
            await at.studio.perform(Act("resume", failed.id)),
            await at.studio.perform(Act("fork", failed.id)),
            await at.studio.perform(Act("retry", failed.id)),
            await at.studio.answer(paused.id, {"approved": "True"}),
            await at.studio.stop(failed.id),
            await at.studio.kill(failed.id),
            await at.studio.mark_lost(failed.id),
        ]
        assert [(outcome.ok, outcome.message) for outcome in outcomes] == [(False, READ_ONLY)] * 7
        assert len(at.studio.runs("", None, 10)) == 2


async def test_a_worker_that_does_not_answer_has_been_asked(tmp_path: Path) -> None:
    """Stopped by the system it hears nothing: the studio says that it asked, and that kill is left."""
    async with bench(tmp_path) as at:
        run_id = await waiting_run(at)
        worker = at.studio.launcher.worker(run_id)
        assert worker is not None
        os.killpg(worker.pid, signal.SIGSTOP)
        try:
            outcome = await at.studio.stop(run_id)
        finally:
            os.killpg(worker.pid, signal.SIGCONT)
        assert outcome.ok
        assert "busy" in outcome.message
        assert (await at.studio.kill(run_id)).ok
        assert (await at.seen(run_id)).state == "interrupted"
        await asyncio.sleep(0)
