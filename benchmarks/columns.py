"""The cases of the DaftRunner: rows through three cheap nodes, and a vectorised node."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from benchmarks.harness import Case, Contender, Missing

__all__ = ["batch_graph", "by_hand_batch", "by_hand_rows", "column_cases", "daft_or_missing", "row_graph"]

Work = Callable[[], object]


def daft_or_missing() -> Any:
    """Give the module, quiet; raises `Missing` without it."""
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
    daft = daft_or_missing()
    frame = daft.from_pydict({"x": list(range(rows))}).collect()
    return lambda: by_hand_rows(daft, frame).collect()


def by_hand_rows(daft: Any, frame: Any) -> Any:
    """Write the plan of `row_graph` by hand."""
    one, two, three = (daft.func(func) for func in (_one, _two, _three))
    made = frame.with_column("a", one(frame["x"]))
    made = made.with_column("b", two(made["a"]))
    return made.with_column("c", three(made["b"]))


def row_graph() -> Any:
    """Give three cheap nodes in a row: x -> a -> b -> c."""
    from hypergraph import FunctionNode, Graph

    nodes = [FunctionNode(func, output_name=name) for func, name in ((_one, "a"), (_two, "b"), (_three, "c"))]
    return Graph(nodes, name="rows")


def _frame(rows: int) -> Work:
    daft = daft_or_missing()
    from hypergraph import DaftRunner

    runner, graph = DaftRunner(), row_graph()
    frame = daft.from_pydict({"x": list(range(rows))}).collect()
    return lambda: runner.map_dataframe(graph, frame).collect()


def _map(rows: int) -> Work:
    daft_or_missing()
    from hypergraph import DaftRunner

    runner, graph, values = DaftRunner(), row_graph(), {"x": list(range(rows))}
    return lambda: runner.map(graph, values, map_over="x")


def _halve(x: Any) -> float:
    import pyarrow.compute as pc

    return pc.multiply(x.to_arrow(), 0.5)  # type: ignore[no-any-return]


def _floor_batch(rows: int) -> Work:
    daft = daft_or_missing()
    frame = daft.from_pydict({"x": [float(number) for number in range(rows)]}).collect()
    return lambda: by_hand_batch(daft, frame).collect()


def by_hand_batch(daft: Any, frame: Any) -> Any:
    """Write the plan of `batch_graph` by hand."""
    halve = daft.func.batch(return_dtype=daft.DataType.float64())(_halve)
    return frame.with_column("y", halve(frame["x"]))


def batch_graph() -> Any:
    """Give one node that works on whole columns: x -> y."""
    from hypergraph import FunctionNode, Graph

    return Graph([FunctionNode(_halve, output_name="y", batch=True)])


def _batch(rows: int) -> Work:
    daft = daft_or_missing()
    from hypergraph import DaftRunner

    runner, graph = DaftRunner(), batch_graph()
    frame = daft.from_pydict({"x": [float(number) for number in range(rows)]}).collect()
    return lambda: runner.map_dataframe(graph, frame).collect()


def _floor_batch_map(rows: int) -> Work:
    daft = daft_or_missing()
    values = [float(number) for number in range(rows)]
    return lambda: by_hand_batch(daft, daft.from_pydict({"x": values})).to_pydict()


def _batch_map(rows: int) -> Work:
    daft_or_missing()
    from hypergraph import DaftRunner

    runner, graph = DaftRunner(), batch_graph()
    values = {"x": [float(number) for number in range(rows)]}
    return lambda: runner.map(graph, values, map_over="x")


def _floor_one() -> Work:
    daft = daft_or_missing()
    return lambda: by_hand_rows(daft, daft.from_pydict({"x": [5]})).to_pydict()


def _one_row() -> Work:
    daft_or_missing()
    from hypergraph import DaftRunner

    runner, graph = DaftRunner(), row_graph()
    return lambda: runner.run(graph, x=5)


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
            "Daft, 3 cheap nodes, a run", "run", 1,
            [Contender("floor", _floor_one), Contender("hypergraph", _one_row)],
            "at most 1.2 x a plan of one row by hand", ratio=1.2, clock="wall",
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
        Case(
            f"Daft, batch node over a list, {rows:,} rows", "row", rows,
            [Contender("floor", lambda: _floor_batch_map(rows)), Contender("hypergraph", lambda: _batch_map(rows))],
            "at most 0.4 x hand-written: the plan itself is a third of it", ratio=0.4, clock="wall", once=True,
        ),
    ]  # fmt: skip
