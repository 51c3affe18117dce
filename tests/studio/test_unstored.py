"""Runs that no store keeps are shown as well: from their event logs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from studio.model.run_view import RunRow
from studio.services.unstored import Unstored, with_unstored
from tests.studio.workshop import Workshop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


def test_a_daft_run_shows_its_results_and_no_times(shop: Workshop) -> None:
    pytest.importorskip("daft")
    shop.serve("simple", "d1", texts={"x": "20"}, runner="DaftRunner")
    view = shop.seen("d1", lambda view: not view.live)
    assert (view.state, view.runner, view.can_resume) == ("completed", "DaftRunner", False)
    assert view.nodes["plus"].outputs[0].preview == "41"
    assert (view.nodes["plus"].started, view.nodes["plus"].started_kind) == (None, "unknown")
    (row,) = Unstored(shop.history, shop.launcher).rows()
    assert (row.id, row.state, row.cause) == ("d1", "completed", "daft, not checkpointed")


def test_a_daft_batch_shows_its_items(shop: Workshop) -> None:
    pytest.importorskip("daft")
    shop.serve("items", "d1", "map", texts={"n": "[1, 2, 3]"}, map_over=("n",), on_error="continue", runner="DaftRunner")
    view = shop.seen("d1", lambda view: not view.live)
    assert view.batch is not None
    assert view.batch.counts == {"completed": 2, "failed": 1}
    assert [(group.count, group.error_type) for group in view.batch.groups] == [(1, "LookupError")]


def test_a_run_that_never_began_is_listed_with_the_reason(shop: Workshop, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('not today')\n", encoding="utf-8")
    shop.serve("simple", "r1", module=broken)
    shop.serve("simple", "r2", texts={"x": "1"})
    unstored = Unstored(shop.history, shop.launcher)
    (row,) = unstored.rows()
    assert (row.id, row.state, row.graph) == ("r1", "failed", "simple")
    assert "not today" in row.cause


def test_rows_stand_by_when_they_began_and_never_behind_the_page() -> None:
    def row(name: str, started: float, key: int | None = None) -> RunRow:
        return RunRow(name, "completed", "g", started, 1.0, key=key)

    others = [row("d", 25.0), row("old", 5.0)]
    assert [one.id for one in with_unstored([row("a", 30.0), row("b", 20.0, key=7)], others)] == ["a", "d", "b"]
    assert [one.id for one in with_unstored([row("a", 30.0)], others)] == ["a", "d", "old"]
