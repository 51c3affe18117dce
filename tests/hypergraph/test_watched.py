"""What an audience hears of a straight program is what the whole conversation tells."""

from __future__ import annotations

from dataclasses import fields
from typing import Any

import pytest

from hypergraph import Graph, RunStatus, SyncRunner, node
from hypergraph.engine import watched

PASSING = {"run_id", "span_id", "parent_span_id", "workflow_id", "timestamp", "duration_ms", "record", "inner_logs"}


class Ear:
    def __init__(self) -> None:
        self.heard: list[Any] = []
        self.closed = 0

    def on_event(self, event: Any) -> None:
        self.heard.append(event)

    def shutdown(self) -> None:
        self.closed += 1

    def told(self) -> list[tuple[str, dict[str, Any]]]:
        return [
            (type(event).__name__, {f.name: getattr(event, f.name) for f in fields(event) if f.name not in PASSING}) for event in self.heard
        ]


@node(output_name="a")
def double(x: int) -> int:
    return x * 2


@node(output_name=("b", "c"))
def split(x: int, step: int = 1) -> tuple[int, int]:
    return x + step, x - step


@node(output_name="pieces")
def pieces(a: int):
    yield from range(a)


@node(output_name="total")
def total(pieces: list[int], b: int, c: int) -> int:
    return sum(pieces) + b + c


@node
def silent(total: int) -> None:
    return None


@node(output_name="never")
def broken(total: int) -> int:
    raise ValueError(f"no {total}")


@node(output_name="after")
def after(never: int) -> int:
    return never


@node(output_name=("p", "q"))
def too_few(a: int) -> Any:
    return (a,)


GRAPHS = [
    Graph([double], name="one"),
    Graph([double, split, pieces, total, silent], name="many"),
    Graph([double, split, pieces, total, broken, after], name="failing"),
    Graph([double, too_few]),
    Graph([double, split]).bind(step=5),
]


def heard(graph: Graph, **options: Any) -> tuple[Ear, Any]:
    ear = Ear()
    result = SyncRunner().run(graph, {"x": 3}, event_processors=[ear], error_handling="continue", **options)
    return ear, result


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name or "unnamed")
def test_a_watched_program_tells_what_the_conversation_tells(graph: Graph, monkeypatch: pytest.MonkeyPatch):
    """With an id a run is a conversation, without one a loop: listeners cannot tell."""
    ran: list[bool] = []
    real = watched.watched_run
    monkeypatch.setattr("hypergraph.runners.sync.watched_run", lambda *given: (ran.append(True), real(*given))[1])
    direct, one = heard(graph)
    assert ran == [True]
    whole, other = heard(graph, workflow_id="with-an-id")
    assert ran == [True]
    assert direct.told() == whole.told()
    assert (one.status, dict(one.values), repr(one.error)) == (other.status, dict(other.values), repr(other.error))
    assert direct.closed == whole.closed == 1
    assert getattr(one.error, "__notes__", None) == getattr(other.error, "__notes__", None)


@pytest.mark.parametrize("graph", GRAPHS, ids=lambda graph: graph.name or "unnamed")
def test_spans_belong_together(graph: Graph):
    """Start and end of a node share a span, the run is the parent of all, and the log names the same spans."""
    ear, result = heard(graph)
    run = ear.heard[0]
    starts = [event for event in ear.heard if type(event).__name__ == "NodeStartEvent"]
    ends = [event for event in ear.heard if type(event).__name__ in ("NodeEndEvent", "NodeErrorEvent")]
    assert [event.span_id for event in starts] == [event.span_id for event in ends]
    assert {event.parent_span_id for event in ear.heard[1:-1]} == {run.span_id}
    assert {event.run_id for event in ear.heard} == {result.run_id}
    assert [step.span_id for step in result.log.steps] == [event.span_id for event in starts]
    assert [step.node_name for step in result.log.steps] == [event.node_name for event in starts]
    assert len({event.span_id for event in starts}) == len(starts)


def test_an_interrupt_from_the_keyboard_ends_the_run_for_its_audience():
    @node(output_name="never")
    def stopped(x: int) -> int:
        raise KeyboardInterrupt

    ear = Ear()
    with pytest.raises(KeyboardInterrupt):
        SyncRunner().run(Graph([stopped]), {"x": 1}, event_processors=[ear])
    assert [type(event).__name__ for event in ear.heard][-1] == "RunEndEvent"
    assert ear.heard[-1].status is RunStatus.STOPPED
    assert ear.closed == 1


def test_a_deaf_processor_does_not_end_the_run():
    class Broken(Ear):
        def on_event(self, event: Any) -> None:
            raise RuntimeError("deaf")

    ear = Ear()
    result = SyncRunner().run(GRAPHS[0], {"x": 3}, event_processors=[Broken(), ear])
    assert result["a"] == 6
    assert len(ear.heard) == 5
