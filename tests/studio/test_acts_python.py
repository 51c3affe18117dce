"""The Python that a sheet shows is executed as it stands, and does what the act would have done."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from studio.model.act import Act
from tests.studio.acting import Bench, bench


async def shown(at: Bench, act: Act) -> tuple[str, str]:
    """Give the script of an act, and the id that it makes."""
    found = await at.studio.forecast(act)
    assert found.problem is None, found.problem
    return found.script, found.new_id


@pytest.mark.parametrize("runner", ["AsyncRunner", "SyncRunner"])
async def test_a_launch_runs_as_it_stands(runner: str, tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        plan = at.studio.plan(at.studio.project.graph("chain"), texts={"title": "it's"}, runner=runner, run_id="shown-1")  # type: ignore[arg-type]  # it is loaded
        await at.runs_as_it_stands(plan.script)
        assert at.state("shown-1")["text"] == "it's 1 dry!"
        # So does what a finished run gives to be copied.
        script = at.studio.yank("Python", "shown-1", None, None)
        await at.runs_as_it_stands(script)
        assert at.studio.history.run("shown-2").status == "completed"


@pytest.mark.parametrize(
    ("superstep", "edits", "text"),
    [
        (None, {"mark": "?"}, "A 1 dry?"),
        (None, {"tone": "WARM"}, "A 1 warm!"),
        (0, {"doc": '{"title": "B", "pages": 7}'}, "B 7 dry!"),
        (1, {"doc": '{"title": "B"}', "mark": "."}, "B 1 dry."),
        (1, {}, "A 1 dry!"),
    ],
    ids=["input", "enum", "dataclass", "both", "superstep"],
)
async def test_a_fork_runs_as_it_stands(superstep: int | None, edits: dict[str, str], text: str, tmp_path: Path) -> None:
    """Also with an enum or a dataclass that was edited in the middle: what they are made of is imported."""
    async with bench(tmp_path) as at:
        source = await at.launched("chain", {"title": "A"})
        script, new_id = await shown(at, Act("fork", source.id, superstep, edits))
        await at.runs_as_it_stands(script)
        assert at.state(new_id)["text"] == text
        assert at.studio.history.run(new_id).forked_from == source.id


@pytest.mark.parametrize("edits", [{}, {"gate": "elsewhere"}], ids=["same", "changed"])
async def test_a_retry_runs_as_it_stands(edits: dict[str, str], tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        source = await at.launched("fails", {"gate": str(at.gate)})
        at.gate.touch()
        (tmp_path / "elsewhere").touch()
        script, new_id = await shown(at, Act("retry", source.id, None, edits))
        await at.runs_as_it_stands(script)
        run = at.studio.history.run(new_id)
        assert (run.status, run.retry_of) == ("completed", source.id)


async def test_a_resume_runs_as_it_stands(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        source = await at.launched("fails", {"gate": str(at.gate)})
        at.gate.touch()
        script, new_id = await shown(at, Act("resume", source.id))
        await at.runs_as_it_stands(script)
        assert new_id == source.id
        assert at.studio.history.run(source.id).status == "completed"


async def test_an_answer_runs_as_it_stands(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        source = await at.launched("paused", {"draft": "D"})
        (pause,) = at.studio.pauses()
        about = await at.studio.about_answer(pause, {"approved": "True"})
        assert (about.problem, about.same_code) == (None, True)
        await at.runs_as_it_stands(about.script)
        assert at.state(source.id)["sent"] == "D True"


async def test_a_batch_runs_as_it_stands_healed_in_place_or_as_a_new_one(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        source = await at.launched("items", {"n": "[0, 1, 2, 3]", "gate": str(at.gate)}, map_over=("n",))
        at.gate.touch()
        script, new_id = await shown(at, Act("retry", source.id, None, {}, (3,)))
        await at.runs_as_it_stands(script)
        assert at.studio.history.run(new_id).status == "completed"
        script, _ = await shown(at, Act("resume", source.id, None, {}, None))
        await at.runs_as_it_stands(script)
        assert at.studio.history.run(source.id).status == "completed"


@pytest.mark.parametrize(("verb", "state"), [("stop", "stopped"), ("kill", "interrupted")])
async def test_a_stop_and_a_kill_run_as_they_stand(verb: str, state: str, tmp_path: Path) -> None:
    """From another terminal they end what this studio has started."""
    async with bench(tmp_path) as at:
        run_id = await at.started("waits", {"gate": str(at.gate)})
        await at.seen(run_id, lambda view: "wait" in view.nodes and view.nodes["wait"].state == "running")
        about = await at.studio.about_ending(run_id, "stop" if verb == "stop" else "kill")
        assert about.code == "the same as the run's"
        assert "True" in await at.runs_as_it_stands(about.script)
        at.gate.touch()
        assert (await at.seen(run_id)).state == state
        await asyncio.sleep(0)
