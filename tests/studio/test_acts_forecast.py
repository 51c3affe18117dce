"""What a sheet foretells is what happens, whatever the shape of the graph and wherever a fork begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from studio.model.act import Act
from tests.studio.acting import bench

SHAPES = {
    "chain": {"title": "A"},
    "loop": {"count": "0"},
    "nested": {"x": "2"},
    "mapped": {"n": "3"},
}


@pytest.mark.parametrize("shape", SHAPES)
async def test_a_fork_at_every_superstep_does_what_was_foretold(shape: str, tmp_path: Path) -> None:
    """What was said to be kept is not executed; everything that was said to run is."""
    async with bench(tmp_path) as at:
        source = await at.launched(shape, SHAPES[shape])
        supersteps = sorted({step.superstep for step in at.studio.history.steps(source.id)})
        assert len(supersteps) > 1
        for superstep in supersteps:
            foretold, run_id = await at.acted("fork", source.id, superstep)
            executed = set(at.executed(run_id))
            certain = {name.removesuffix(" at least once") for name in foretold.again if not name.endswith(" perhaps")}
            possible = certain | {name.removesuffix(" perhaps") for name in foretold.again}
            assert certain <= executed <= possible, (superstep, foretold, executed)
            assert shape == "loop" or not executed & set(foretold.kept)
            assert at.studio.history.run(run_id).status == "completed"
            last = set(at.state(source.id).items()) if shape == "nested" else None
            assert last is None or last <= set(at.state(run_id).items())
        rows = {row.id: row for row in at.studio.history.lineage(source.id)}
        assert len(rows) == 1 + len(supersteps)
        forks = [row for row in rows.values() if row.id != source.id]
        assert sorted(row.kind for row in forks) == sorted(f"fork @{superstep}" for superstep in supersteps)
        assert all(row.note.startswith("inherits ") for row in forks)


async def test_a_fork_with_an_edited_value_runs_only_what_reads_it(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        source = await at.launched("chain", {"title": "A"})
        foretold, run_id = await at.acted("fork", source.id, None, {"tone": "WARM"})
        assert (foretold.kept, foretold.again) == (("load", "choose"), ("tell",))
        assert at.executed(run_id) == ["tell"]
        assert at.state(run_id)["text"] == "A 1 warm!"
        row = next(row for row in at.studio.history.lineage(run_id) if row.id == run_id)
        assert "tone: " in row.cause
        assert row.note == "inherits 2 steps"


async def test_a_retry_and_a_resume_do_what_was_foretold(tmp_path: Path) -> None:
    async with bench(tmp_path) as at:
        source = await at.launched("fails", {"gate": str(at.gate)})
        assert source.state == "failed"
        again, retried = await at.acted("retry", source.id)
        assert set(again.again) == {"break_once", "end"}
        assert at.studio.history.run(retried).status == "failed"
        at.gate.touch()
        again, resumed = await at.acted("resume", source.id)
        assert (again.new_id, resumed) == (source.id, source.id)
        assert at.studio.history.run(resumed).status == "completed"
        # The evidence stays: the failed step of the first try can still be read.
        old = [step for step in at.studio.history.steps(source.id) if step.error]
        assert old
        assert "not yet" in (old[0].error or "")
        refused = await at.studio.forecast(Act("resume", source.id))
        assert "fork it with F" in (refused.problem or "")
