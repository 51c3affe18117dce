"""A run as a conversation, driven by hand: read requests, send answers; no runner and no loop."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import END, Graph, interrupt, node, route
from hypergraph.engine.flows import run_flow
from hypergraph.engine.requests import Ask, Call, Flow, Outcome, Together
from hypergraph.engine.run import Ended, Run, Session, StopSignal
from hypergraph.engine.stretches import Stretch
from hypergraph.exceptions import StoreBusyError
from hypergraph.plan import plan_of
from hypergraph.records import RunStatus


@node(output_name="doubled")
def double(x: int) -> int:
    raise AssertionError("a flow calls nothing itself")


@node(output_name="total")
def add(doubled: int, y: int = 1) -> int:
    raise AssertionError("a flow calls nothing itself")


@node(output_name="other")
def other(x: int) -> int:
    raise AssertionError("a flow calls nothing itself")


def begin(graph: Graph, *, session: Session | None = None, answers: dict[str, Any] | None = None, **inputs: Any) -> tuple[Run, Flow]:
    run = Run(session or Session("by hand"), graph, plan_of(graph), "run-1", inputs=inputs, answers=answers, workflow_id="w")
    return run, run_flow(run)


def end_of(flow: Flow, answer: Any) -> Ended:
    """Send the last answer and give what the flow returns."""
    with pytest.raises(StopIteration) as stop:
        flow.send(answer)
    ended: Ended = stop.value.value
    return ended


def test_a_chain_asks_for_one_call_after_the_other() -> None:
    """Arguments are there already, in order; the answer is the next node's argument."""
    _, flow = begin(Graph([double, add]), x=5)
    first = next(flow)
    assert isinstance(first, Call)
    assert (first.func, list(first.args)) == (double.func, [5])
    second = flow.send(Outcome(10))
    assert (second.func, list(second.args)) == (add.func, [10, 1])
    ended = end_of(flow, Outcome(11))
    assert (ended.status, ended.values) == (RunStatus.COMPLETED, {"doubled": 10, "total": 11})


def test_what_is_ready_together_is_asked_for_together() -> None:
    """Each flow of the request is a step of its own."""
    run, flow = begin(Graph([double, other]), x=5)
    request = next(flow)
    assert isinstance(request, Together)
    steps = list(request.flows)
    calls = [next(step) for step in steps]
    assert [call.func for call in calls] == [double.func, other.func]
    # Whoever finishes first is taken in node order all the same.
    for step, value in ((steps[1], 7), (steps[0], 6)):
        with pytest.raises(StopIteration):
            step.send(Outcome(value))
    ended = end_of(flow, [])
    assert list(ended.values.items()) == [("doubled", 6), ("other", 7)]
    assert [line.op.name for line in run.journal] == ["double", "other"]


def test_an_exception_is_an_answer() -> None:
    """Even StopIteration, which no generator could let through."""
    _, flow = begin(Graph([double, add]), x=5)
    next(flow)
    error = StopIteration("of a node")
    ended = end_of(flow, Outcome(None, error))
    assert ended.status is RunStatus.FAILED
    assert ended.error is error


def test_a_gate_sends_the_work_back() -> None:
    """Until it answers with END."""

    @node(output_name="count")
    def step(count: int) -> int:
        return count

    @route(["step", END])
    def again(count: int) -> Any:
        return END

    _, flow = begin(Graph([step, again], entrypoint="step"), count=0)
    seen = [list(next(flow).args)]
    for answer in (1, "step", 2):
        request = flow.send(Outcome(answer))
        seen.append(list(request.args))
    ended = end_of(flow, Outcome(END))
    assert seen == [[0], [1], [1], [2]]
    assert ended.values == {"count": 2}


def test_a_pause_is_a_value_too() -> None:
    """A handler that answers None pauses the run; with an answer it is not called at all."""

    @interrupt(output_name="ok")
    def approve(x: int) -> bool | None:
        return None

    _, flow = begin(Graph([approve]), x=1)
    next(flow)
    ended = end_of(flow, Outcome(None))
    assert ended.status is RunStatus.PAUSED
    assert ended.pauses[0].response_key == "ok"
    _, flow = begin(Graph([approve]), x=1, answers={"ok": True})
    with pytest.raises(StopIteration) as stop:
        next(flow)
    assert stop.value.value.values == {"ok": True}


def test_a_stop_lets_nothing_new_start() -> None:
    """What was running keeps its value."""
    signal = StopSignal()
    _, flow = begin(Graph([double, add]), session=Session("by hand", signal=signal), x=5)
    next(flow)
    signal.request("enough")
    ended = end_of(flow, Outcome(10))
    assert (ended.status, ended.values) == (RunStatus.STOPPED, {"doubled": 10})


def test_a_stored_run_asks_the_store_before_and_after_each_step() -> None:
    """It begins, saves what is finished, and finishes; nothing is called before the run is there."""
    _, flow = begin(Graph([double]), session=Session("by hand", stored=True), x=5)
    request = next(flow)
    assert isinstance(request, Ask)
    assert (request.operation, request.args[0].run_id, dict(request.args[0].inputs)) == ("begin", "w", {"x": 5})
    assert isinstance(flow.send(1), Call)
    saved = flow.send(Outcome(10))
    assert saved.operation == "save_step"
    assert (saved.args[0].node_name, saved.args[0].values) == ("double", {"doubled": 10})
    last = flow.send(None)
    assert (last.operation, last.args[1].value) == ("finish", "completed")
    assert end_of(flow, ()).status is RunStatus.COMPLETED


def test_a_failed_save_ends_the_run_as_failed() -> None:
    """Where steps have to be durable nothing further runs; the row is closed all the same."""
    session = Session("by hand", stored=True)
    session.durable = True
    _, flow = begin(Graph([double, add]), session=session, x=5)
    next(flow)
    # This driver runs no stretch by itself.
    assert isinstance(flow.send(1), Stretch)
    flow.send(NotImplemented)
    flow.send(Outcome(10))
    error = StoreBusyError("busy")
    last = flow.throw(error)
    assert (last.operation, last.args[1].value) == ("finish", "failed")
    ended = end_of(flow, ())
    assert ended.error is error


def test_a_step_that_is_written_behind_is_told_of_at_the_end() -> None:
    """The run goes on, and its end says what could not be stored."""
    _, flow = begin(Graph([double]), session=Session("by hand", stored=True), x=5)
    next(flow)
    flow.send(1)
    flow.send(Outcome(10))
    last = flow.throw(StoreBusyError("busy"))
    assert last.operation == "finish"
    ended = end_of(flow, ())
    assert ended.status is RunStatus.COMPLETED
    assert "busy" in ended.store_errors[0]


def test_what_interrupts_a_run_is_let_through_after_the_row_is_closed() -> None:
    """Ctrl-C: stored as stopped, and raised again."""
    _, flow = begin(Graph([double, add]), session=Session("by hand", stored=True), x=5)
    next(flow)
    flow.send(1)
    last = flow.throw(KeyboardInterrupt())
    assert (last.operation, last.args[1].value) == ("finish", "stopped")
    with pytest.raises(KeyboardInterrupt):
        flow.send(())
