"""A run at a moment: what had begun and not ended runs; and what is told of ways not taken, attempts, and streamed text."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hypergraph import END, Graph, node, route
from hypergraph.viz.scene import Scene
from studio.model.branches import not_taken
from studio.model.facts import Line, RunFacts, fold, with_stored
from studio.model.log_lines import LogLines
from studio.model.moments import Moment, before, moments_of, stepped
from studio.model.projection import Context, Projection
from studio.model.run_view import NodeView
from studio.model.states import ITEM_STATES
from tests.studio.workshop import Workshop


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    found = Workshop(tmp_path)
    yield found
    found.close()


def line(kind: str, number: int, at: float, **more: object) -> Line:
    return {"k": kind, "c": 1, "n": number, "t": at, "r": "r", **more}


TWO = [
    line("run+", 0, 0.0),
    line("node+", 1, 1.0, s=0, node="a"),
    line("node+", 2, 1.0, s=0, node="b"),
    line("node-", 3, 2.0, s=0, node="a", status="completed", ms=1000.0),
    line("node-", 4, 3.0, s=0, node="b", status="completed", ms=2000.0),
    line("node+", 5, 3.5, s=1, node="c"),
    line("node-", 6, 4.0, s=1, node="c", status="failed", ms=500.0, error="E: no"),
    line("run-", 7, 4.1, status="failed"),
]


def test_at_a_moment_what_had_begun_and_not_ended_runs() -> None:
    facts = before(fold(RunFacts("r"), TWO), 2.0)
    view = Projection().view(facts, Context(), past=True, going=True)
    assert {path: found.state for path, found in view.nodes.items()} == {"a": "completed", "b": "running"}


def test_moments_are_the_ends_of_steps_in_their_order_and_say_from_where_a_fork_starts() -> None:
    moments = moments_of(fold(RunFacts("r"), TWO))
    assert [(one.at, one.superstep, one.whole, one.number, one.total) for one in moments] == [
        (2.0, 0, 0, 1, 3),
        (3.0, 0, 0, 2, 3),
        (4.0, 1, 1, 3, 3),
    ]
    assert stepped(moments, None, -1) == moments[1]
    assert stepped(moments, moments[0], -1) == moments[0]
    assert stepped(moments, moments[2], 1) is None
    assert stepped(moments, Moment(0), 1) == moments[2]


def test_a_fork_from_the_middle_of_a_superstep_starts_at_the_one_before() -> None:
    parallel = [
        *TWO[:5],
        line("node+", 5, 3.5, s=1, node="c"),
        line("node-", 6, 4.0, s=1, node="c", status="completed", ms=1.0),
        line("node-", 7, 5.0, s=1, node="d", status="completed", ms=1.0, t0=3.5),
    ]
    moments = moments_of(fold(RunFacts("r"), parallel))
    assert [(one.superstep, one.whole) for one in moments] == [(0, 0), (0, 0), (1, 0), (1, 1)]


def test_a_moment_of_a_batch_has_each_item_as_it_stood(shop: Workshop) -> None:
    shop.serve("items", "b1", "map", texts={"n": str(list(range(20)))}, map_over=("n",), on_error="continue")
    for logged in (True, False):
        if not logged:
            shutil.rmtree(shop.folder / "state")
        feed = shop.feed("b1")
        feed.latest()
        middle = feed.step(None, -10)
        assert middle is not None
        assert (middle.number, middle.total, middle.what) == (10, 20, "item")
        view = feed.moment(middle)
        assert view.batch is not None
        states = [ITEM_STATES[code] for code in view.batch.states]
        assert states.count("completed") + states.count("failed") == 10
        assert {states[3], states[8]} == {"failed"}
        assert states[19] == "waiting"
        assert feed.step(middle, 1, wide=True) == replace(middle, number=11, at=feed.step(middle, 1).at)  # type: ignore[union-attr]
        assert feed.step(middle, 99) is None


def test_what_a_run_inside_had_done_by_then_is_shown(shop: Workshop) -> None:
    shop.serve("nested", "n1", texts={"x": "4"})
    feed = shop.feed("n1")
    feed.latest()
    moment = feed.step(None, -2)
    assert moment is not None
    states = {path: found.state for path, found in feed.moment(moment).nodes.items()}
    assert states == {"inner": "running", "inner/double": "completed", "inner/plus": "completed"}


@node(output_name="size")
def measure(n: int) -> int:
    return n


@route(targets=["small", "large"])
def choose(size: int) -> str:
    return "small"


@node(output_name="a")
def small(size: int) -> int:
    return size


@node(output_name="b")
def large(size: int) -> int:
    return size


@node(output_name="report")
def tell(b: int) -> int:
    return b


FORKED = Graph([measure, choose, small, large, tell], name="forked").scene()


def test_the_branch_not_taken_is_told_as_soon_as_the_gate_has_decided() -> None:
    nodes = {"measure": NodeView("measure", "completed"), "choose": NodeView("choose", "running")}
    assert not_taken(FORKED, nodes) == set()
    nodes["choose"] = NodeView("choose", "completed", decision="small")
    assert not_taken(FORKED, nodes) == {"large", "tell"}


@node(output_name="text")
def draft(text: str) -> str:
    return text


@route(targets=["draft", "publish", END])
def judge(text: str) -> str:
    return "draft"


@node(output_name="done")
def publish(text: str) -> str:
    return text


def test_a_gate_that_will_decide_again_gives_nothing_up() -> None:
    scene: Scene = Graph([draft, judge, publish], name="again", entrypoint="draft").scene()
    nodes = {"draft": NodeView("draft", "completed"), "judge": NodeView("judge", "completed", decision="draft")}
    assert not_taken(scene, nodes) == set()
    nodes["judge"] = NodeView("judge", "completed", decision="END")
    assert not_taken(scene, nodes) == {"publish"}


def test_streamed_pieces_are_joined_to_the_text_they_are_of() -> None:
    made = LogLines()
    first = (line("chunk", 1, 1.0, node="a", s=0, text="The sky "), line("chunk", 2, 1.0, node="b", s=0, text="other"))
    assert [(one.node, one.text) for one in made.of(first)] == [("a", "The sky "), ("b", "other")]
    more = (*first, line("chunk", 3, 2.0, node="a", s=0, text="is blue.\nIt"), line("log", 4, 2.0, path="a", text="printed"))
    assert [(one.node, one.text) for one in made.of(more)] == [("a", "The sky is blue."), ("b", "other"), ("a", "It"), ("a", "printed")]
    assert made.of(more) == LogLines().of(more)


def test_streamed_text_has_no_empty_line_at_its_end_and_is_no_endless_line() -> None:
    pieces = tuple(line("chunk", number, 1.0, node="a", s=0, text=f"word{number} ") for number in range(1000))
    shown = LogLines().of((*pieces, line("chunk", 1000, 1.0, node="a", s=0, text="end\n")))
    assert max(len(one.text) for one in shown) <= 400
    assert "".join(one.text for one in shown) == "".join(f"word{number} " for number in range(1000)) + "end"


def test_attempts_before_are_kept_with_what_they_raised() -> None:
    again = [*TWO, line("node-", 9, 6.0, s=2, node="c", status="completed", ms=1.0, attempt=2)]
    shown = Projection().view(fold(RunFacts("r"), again), Context()).nodes["c"]
    assert (shown.state, shown.attempt) == ("completed", 2)
    (tried,) = shown.tries
    assert (tried.superstep, tried.state, tried.error, tried.seconds) == (1, "failed", "E: no", 0.5)


def test_a_node_whose_process_died_ran_at_least_until_it_was_last_heard_of() -> None:
    facts = fold(RunFacts("r"), [*TWO[:6], line("exit", 9, 7.5, code=-9)])
    shown = Projection().view(facts, Context(alive=False)).nodes["c"]
    assert (shown.state, shown.started, shown.ended, shown.at_least) == ("interrupted", 3.5, 7.5, True)


def test_what_the_store_heard_last_of_a_dead_owner_counts() -> None:
    stored: Line = {"r": "r", "status": "active", "interrupted": True, "t0": 0.0, "heard": 60.0}
    facts = with_stored(fold(RunFacts("r"), TWO[:6]), stored, ())
    view = Projection().view(facts, Context(alive=False))
    assert (view.state, view.ended, view.nodes["c"].ended) == ("interrupted", 60.0, 60.0)
