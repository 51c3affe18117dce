"""Rows that Daft has seen."""

from __future__ import annotations

import pytest

from hypergraph import Graph, node

pytest.importorskip("daft")
from hypergraph import DaftRunner
from hypergraph.runners.daft.progress import DaftProgress


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


def test_rows_are_counted_while_it_is_open() -> None:
    seen: list[int] = []
    with DaftProgress(lambda progress: seen.append(progress.rows)) as progress:
        DaftRunner().map(Graph([double]), {"x": list(range(10_000))}, map_over="x")
    assert progress.rows == 10_000
    assert seen[-1] == 10_000
    assert any(one.name == "UDF double" and one.finished for one in progress.operators)
    DaftRunner().map(Graph([double]), {"x": [1]}, map_over="x")
    assert progress.rows == 10_000


def test_a_listener_that_raises_stops_nothing() -> None:
    def fail(progress: DaftProgress) -> None:
        raise ValueError("not interested")

    with DaftProgress(fail):
        assert DaftRunner().run(Graph([double]), x=1)["doubled"] == 2
