"""Values that are packed into Arrow buffers come back as they were, and large batches are kept that way."""

from __future__ import annotations

import math
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergraph import Graph, node

pytest.importorskip("daft")
from hypergraph import DaftRunner
from hypergraph.runners.daft.packing import counted, packed, ticketed
from hypergraph.runners.daft.parcels import Outcome, Parcel
from hypergraph.runners.daft.rows import Column, Failure

PLAIN = (st.integers(-(2**63), 2**63 - 1), st.floats(allow_nan=False), st.booleans(), st.text(), st.binary())


@settings(deadline=None)
@given(st.one_of([st.lists(st.none() | kind, min_size=1) for kind in PLAIN]))
def test_packed_values_come_back_with_their_types(values: list[Any]) -> None:
    array = packed(values)
    if array is None:
        assert set(values) == {None} or any(isinstance(value, str) for value in values)
        return
    assert [(type(value), value) for value in array.to_pylist()] == [(type(value), value) for value in values]


def test_the_sign_of_a_zero_and_a_nan_are_kept() -> None:
    zero, nan = packed([-0.0, math.nan]).to_pylist()
    assert math.copysign(1, zero) == -1
    assert math.isnan(nan)


@pytest.mark.parametrize("values", [[1, 2.0], [True, 1], [2**63], ["\ud800"], [object()], [[1]], [None], []])
def test_what_would_not_come_back_the_same_is_not_packed(values: list[Any]) -> None:
    assert packed(values) is None


def test_numbers_and_tickets() -> None:
    assert [counted(size).to_pylist() for size in (0, 1, 3)] == [[], [0], [0, 1, 2]]
    assert [ticketed(b"7", size).to_pylist() for size in (1, 9)] == [[b"7"], [b"7"] + [None] * 8]


def test_a_large_batch_is_kept_packed_and_reads_the_same() -> None:
    @node(output_name="text")
    def text(x: int) -> str:
        return f"№{x}"

    @node(output_name="odd")
    def odd(x: int) -> Any:
        return x if x % 2 else None

    result = DaftRunner().map(Graph([text, odd]), {"x": list(range(9000))}, map_over="x")
    assert result["text"] == [f"№{x}" for x in range(9000)]
    assert result[8999].values == {"text": "№8999", "odd": 8999}
    assert [item["odd"] for item in result][-3:] == [8997, None, 8999]


def test_parcels_are_put_in_order_however_their_rows_are_mixed() -> None:
    parcels = [Parcel([3, 0], (Column(["d", "a"]),), {}), Parcel([1, 4], (Column(["b", "e"]),), {2: Failure(ValueError("c"), {})})]
    outcome = Outcome(["y"], parcels, 5)
    assert outcome.column("y") == ["a", "b", None, "d", "e"]
    assert [dict(outcome.values(index)) for index in range(5)] == [{"y": "a"}, {"y": "b"}, {}, {"y": "d"}, {"y": "e"}]


SCRIPT = """
import sys
from hypergraph import DaftRunner, Graph, node

@node(output_name="y")
def tag(x: int) -> str:
    return str(x)

graph = Graph([tag])
DaftRunner().map(graph, {"x": list(range(5000))}, map_over="x")
import daft
DaftRunner().map_dataframe(graph, daft.from_pydict({"x": [1, 2]})).collect()
print("pandas" in sys.modules)
"""


def test_plain_values_need_no_pandas() -> None:
    """PyArrow imports it to turn a list into an array: a second of every new process."""
    done = subprocess.run([sys.executable, "-c", SCRIPT], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_an_interrupted_batch_begins_no_further_row() -> None:
    """The caller is interrupted while a UDF is at its first batch: the rows behind are not run, and the next call is not disturbed."""
    import threading

    from hypergraph.runners.daft import underway

    seen: list[int] = []
    entered, go_on = threading.Event(), threading.Event()

    @node(output_name="y")
    def wait(x: int) -> int:
        seen.append(x)
        entered.set()
        assert go_on.wait(20)
        return x

    graph, ended = Graph([wait]), threading.Event()

    def call() -> None:
        with pytest.raises(RuntimeError, match="abandoned"):
            DaftRunner().map(graph, {"x": list(range(50))}, map_over="x")
        ended.set()

    thread = threading.Thread(target=call)
    thread.start()
    assert entered.wait(20)
    underway.abandon()
    go_on.set()
    thread.join(20)
    assert ended.is_set()
    assert seen == [0]
    assert DaftRunner().map(graph, {"x": [1, 2]}, map_over="x")["y"] == [1, 2]
