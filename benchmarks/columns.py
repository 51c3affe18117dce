"""The cases of the DaftRunner: rows through three cheap nodes, and a vectorised node."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.harness import Case, Contender, Missing

__all__ = ["column_cases"]

Work = Callable[[], object]


def _daft() -> Any:
    os.environ["DAFT_PROGRESS_BAR"] = "0"
    os.environ["DO_NOT_TRACK"] = "1"
    try:
        import daft
    except ImportError as error:
        raise Missing("not installed") from error
    return daft


def _one(x: int) -> int:
    return x + 1


def _two(a: int) -> int:
    return a * 2


def _three(b: int) -> int:
    return b - 3


def _floor_rows(rows: int) -> Work:
    daft = _daft()
    one, two, three = (daft.func(func) for func in (_one, _two, _three))
    frame = daft.from_pydict({"x": list(range(rows))}).collect()

    def run() -> object:
        made = frame.with_column("a", one(frame["x"]))
        made = made.with_column("b", two(made["a"]))
        return made.with_column("c", three(made["b"])).collect()

    return run


def _graph() -> Any:
    from hypergraph import FunctionNode, Graph

    nodes = [FunctionNode(func, output_name=name) for func, name in ((_one, "a"), (_two, "b"), (_three, "c"))]
    return Graph(nodes, name="rows")


def _frame(rows: int) -> Work:
    daft = _daft()
    from hypergraph import DaftRunner

    runner, graph = DaftRunner(), _graph()
    frame = daft.from_pydict({"x": list(range(rows))}).collect()
    return lambda: runner.map_dataframe(graph, frame).collect()


def _map(rows: int) -> Work:
    _daft()
    from hypergraph import DaftRunner

    runner, graph, values = DaftRunner(), _graph(), {"x": list(range(rows))}
    return lambda: runner.map(graph, values, map_over="x")


def _halve(x: Any) -> float:
    import pyarrow.compute as pc

    return pc.multiply(x.to_arrow(), 0.5)  # type: ignore[no-any-return]


def _floor_batch(rows: int) -> Work:
    daft = _daft()
    halve = daft.func.batch(return_dtype=daft.DataType.float64())(_halve)
    frame = daft.from_pydict({"x": [float(number) for number in range(rows)]}).collect()
    return lambda: frame.with_column("y", halve(frame["x"])).collect()


def _batch(rows: int) -> Work:
    daft = _daft()
    from hypergraph import DaftRunner, FunctionNode, Graph

    runner, graph = DaftRunner(), Graph([FunctionNode(_halve, output_name="y", batch=True)])
    frame = daft.from_pydict({"x": [float(number) for number in range(rows)]}).collect()
    return lambda: runner.map_dataframe(graph, frame).collect()


def _floor_batch_map(rows: int) -> Work:
    daft = _daft()
    halve = daft.func.batch(return_dtype=daft.DataType.float64())(_halve)
    values = [float(number) for number in range(rows)]

    def run() -> object:
        frame = daft.from_pydict({"x": values})
        return frame.with_column("y", halve(frame["x"])).to_pydict()

    return run


def _batch_map(rows: int) -> Work:
    _daft()
    from hypergraph import DaftRunner, FunctionNode, Graph

    runner, graph = DaftRunner(), Graph([FunctionNode(_halve, output_name="y", batch=True)])
    values = {"x": [float(number) for number in range(rows)]}
    return lambda: runner.map(graph, values, map_over="x")


def column_cases(quick: bool) -> list[Case]:
    """The cases that need daft; they say so where it is missing."""
    rows = 20_000 if quick else 100_000
    batch = 100_000 if quick else 1_000_000
    return [
        Case(
            f"Daft, 3 cheap nodes, {rows:,} rows", "row", rows,
            [
                Contender("floor", lambda: _floor_rows(rows)),
                Contender("hypergraph", lambda: _frame(rows)),
                Contender("hypergraph, map", lambda: _map(rows)),
            ],
            "at most 0.2 x hand-written", ratio=0.2, clock="wall", once=True,
        ),
        Case(
            f"Daft, batch node, {batch:,} rows", "row", batch,
            [Contender("floor", lambda: _floor_batch(batch)), Contender("hypergraph", lambda: _batch(batch))],
            "at most 1 x hand-written", ratio=1.05, clock="wall", once=True,
        ),
        Case(
            f"Daft, batch node over a list, {batch:,} rows", "row", batch,
            [Contender("floor", lambda: _floor_batch_map(batch)), Contender("hypergraph", lambda: _batch_map(batch))],
            "at most 0.33 x hand-written", ratio=0.34, clock="wall", once=True,
        ),
    ]  # fmt: skip
