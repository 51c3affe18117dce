"""Addresses: one text for each place, run, moment, step and value."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from studio.addresses import Target, compare_address, graph_address, parse, run_address, runs_address

NAMES = st.text(min_size=1).filter(lambda text: not any("\ud800" <= char <= "\udfff" for char in text))


@given(NAMES)
def test_a_run_with_any_name_has_an_address(name: str) -> None:
    assert parse(run_address(name)) == Target("run", (name,))


@given(NAMES, NAMES)
def test_two_runs_have_one(first: str, second: str) -> None:
    assert parse(compare_address(first, second)).rest == (first, second)


def test_a_moment_and_a_node() -> None:
    target = parse(run_address("batch-1/0", 3, "rag/rerank~2"))
    assert (target.rest[0], target.superstep, target.node) == ("batch-1/0", 3, "rag/rerank")


def test_places_graphs_and_filters() -> None:
    assert parse("hg:inbox") == Target("inbox")
    assert parse(graph_address("my graph")) == Target("graphs", ("my graph",))
    assert parse(runs_address("failed since:1d")) == Target("runs", ("failed since:1d",))


@pytest.mark.parametrize("text", ["", "run/x", "hg:", "hg:nowhere", "http://run/x", "hg:run/x/3"])
def test_what_is_none_is_refused_with_an_example(text: str) -> None:
    with pytest.raises(ValueError, match="hg:run/"):
        parse(text)
