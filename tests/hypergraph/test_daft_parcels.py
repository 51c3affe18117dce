"""What a UDF does in another process: it is sent there, and what it gives comes back."""

from __future__ import annotations

import threading
from typing import Any

import pytest

from hypergraph import Graph, InMemoryCache, node

pytest.importorskip("daft")
import daft
from daft import pickle

from hypergraph import DaftRunner
from hypergraph.runners.daft import frames, stages


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Send every stage through its pickled form, as a cluster would; gives the sizes of what was sent."""
    sent: list[int] = []
    monkeypatch.setattr(daft, "get_or_infer_runner_type", lambda: "ray")
    held = stages.Shipped

    def sending(call: Any) -> Any:
        data = pickle.dumps(held(call))
        sent.append(len(data))
        return pickle.loads(data)

    monkeypatch.setattr(frames, "Shipped", sending)
    return sent


class Odd(Exception):
    """An exception that can be pickled."""


class Stubborn(Exception):
    """An exception that cannot be read back."""

    def __init__(self, one: int, two: int) -> None:
        super().__init__(f"{one} and {two}")


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="kept")
def picky(doubled: int) -> int:
    if doubled == 4:
        raise Odd("four")
    return doubled


@node(output_name="later")
async def later(kept: int) -> dict:
    return {"kept": kept}


def test_values_come_back(elsewhere: list[int]) -> None:
    result = DaftRunner().map(Graph([double]), {"x": list(range(100))}, map_over="x")
    assert result["doubled"] == [x * 2 for x in range(100)]
    assert elsewhere


def test_failures_come_back_with_the_text_of_their_traceback(elsewhere: list[int]) -> None:
    result = DaftRunner().map(Graph([double, picky, later]), {"x": [1, 2, 3]}, map_over="x", error_handling="continue")
    assert result["later"] == [{"kept": 2}, None, {"kept": 6}]
    error = result.failures[0].error
    assert isinstance(error, Odd)
    assert any("in picky" in note for note in error.__notes__)
    assert result[1].values == {"doubled": 4}
    with pytest.raises(Odd, match="four"):
        DaftRunner().map(Graph([double, picky]), {"x": [1, 2, 3]}, map_over="x")


def test_an_exception_that_cannot_travel_is_told_as_text(elsewhere: list[int]) -> None:
    @node(output_name="y")
    def fails(x: int) -> int:
        raise Stubborn(x, 2)

    result = DaftRunner().run(Graph([fails]), x=1, error_handling="continue")
    assert isinstance(result.error, RuntimeError)
    assert "Stubborn: 1 and 2" in str(result.error)


def test_nested_maps_and_multiple_outputs_can_be_sent(elsewhere: list[int]) -> None:
    @node(output_name=("low", "high"))
    def around(doubled: int) -> tuple[int, int]:
        return doubled - 1, doubled + 1

    outer = Graph([Graph([double, around], name="inner").as_node().map_over("x")])
    assert DaftRunner().run(outer, x=[1, 2]).values == {"doubled": [2, 4], "low": [1, 3], "high": [3, 5]}


def test_a_cache_that_cannot_be_sent_stays_behind(elsewhere: list[int]) -> None:
    @node(output_name="y", cache=True)
    def slow(x: int) -> int:
        return x + 1

    cache = InMemoryCache()
    assert DaftRunner(cache=cache).map(Graph([slow]), {"x": [1, 2]}, map_over="x")["y"] == [2, 3]
    assert len(cache) == 0


def test_where_nothing_leaves_the_process_nothing_needs_to_be_sendable() -> None:
    lock = threading.Lock()

    @node(output_name="y")
    def guarded(x: int, lock: Any) -> int:
        with lock:
            return x

    frame = daft.from_pydict({"x": [1, 2]})
    assert DaftRunner().map_dataframe(Graph([guarded]).bind(lock=lock), frame).to_pydict()["y"] == [1, 2]
