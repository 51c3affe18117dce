"""A graph that another runner runs (`with_runner`): what of the run around it goes along, and what comes back."""

from __future__ import annotations

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from hypergraph.engine.answers import answers_for, outer_pause
from hypergraph.engine.journal import ABSENT, FAILED, PAUSED, Line
from hypergraph.engine.requests import Call, Flow
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.engine.run import Ended, Run, StopSignal
    from hypergraph.results import MapResult, RunResult

__all__ = ["delegated_step", "inner_clone", "is_handed_on", "settle", "take_signal"]

# The public way of a call has no place for the stop of the run around it, and must have none: so it goes along with the context.
_signal: ContextVar[StopSignal | None] = ContextVar("hypergraph_signal", default=None)


def is_handed_on() -> bool:
    """Tell whether the call that begins here belongs to a run around it, and is to stop with it."""
    return _signal.get() is not None


def take_signal() -> StopSignal | None:
    """Give the stop signal that was handed on with this call; calls made further inside are their own again."""
    signal = _signal.get()
    if signal is not None:
        _signal.set(None)
    return signal


def inner_clone(node: Any) -> bool | list[str]:
    """Say which broadcast values each item gets a copy of, by inner address."""
    cloned = node.cloned
    return cloned if isinstance(cloned, bool) else [node.inner_address(name) for name in cloned]


def delegated_step(run: Run, line: Line, inputs: dict[str, Any]) -> Flow:
    """Hand the inner graph to the runner that it was given, and fill the line with what came of it."""
    node: Any = line.op.node
    runner = node.runner_override
    mapped = node.map_config is not None
    options = _options(run, line, mapped=mapped)
    func = runner.map if mapped else runner.run
    if not node.complete_on_stop and not run.finishes:
        func = _with_signal(func, run.session.signal, awaits=runner.capabilities.returns_coroutine)
    values = {**inputs, **answers_for(node, run.answers)}
    outcome = yield Call(func, (node.graph, values), options, awaits=runner.capabilities.returns_coroutine, free=True)
    if outcome.error is not None:
        line.status, line.error = FAILED, outcome.error
        return
    result: Any = outcome.value
    line.inner = lambda: result.log
    if mapped:
        line.values = tuple(_column(result, node.inner_output(name)) for name in node.data_outputs)
        line.partial = result.status is RunStatus.STOPPED
        return
    settle(line, node, result)


def _column(result: MapResult, name: str) -> list[Any]:
    """Give one output of all items; None where an item failed, whatever it had brought about by then."""
    if not result.failures:
        return result.get(name)
    return [None if item.failed else item.get(name) for item in result]


def _options(run: Run, line: Line, *, mapped: bool) -> dict[str, Any]:
    node: Any = line.op.node
    can = node.runner_override.capabilities
    options: dict[str, Any] = {"error_handling": node.map_error_handling if mapped else "continue"}
    if mapped:
        options["map_over"] = [node.inner_address(name) for name in node.mapped_inputs]
        options["map_mode"] = node.map_mode
        options["clone"] = inner_clone(node)
    if can.supports_cycles:
        options["max_iterations"] = run.session.max_iterations
    if can.supports_events and run.session.emit is not None:
        options["event_processors"] = [_PassOn(run.session.emit, line.span_id)]
    return options


def _with_signal(func: Callable[..., Any], signal: StopSignal, *, awaits: bool) -> Callable[..., Any]:
    if awaits:

        async def awaited(*args: Any, **kwargs: Any) -> Any:
            token = _signal.set(signal)
            try:
                return await func(*args, **kwargs)
            finally:
                _signal.reset(token)

        return awaited

    def called(*args: Any, **kwargs: Any) -> Any:
        token = _signal.set(signal)
        try:
            return func(*args, **kwargs)
        finally:
            _signal.reset(token)

    return called


class _PassOn:
    """Passes the events of the other runner's call on to whoever listens to the run around it, below the node's span."""

    def __init__(self, emit: Callable[[Any], None], span: str) -> None:
        self._emit = emit
        self._span = span

    def on_event(self, event: Any) -> None:
        # Only the beginning and the end of the call itself have nothing above them there.
        self._emit(event if event.parent_span_id is not None else replace(event, parent_span_id=self._span))

    def shutdown(self) -> None:
        """Do nothing: the run around it goes on."""


def settle(line: Line, node: Any, ended: RunResult | Ended) -> None:
    """Put into the line how a nested run ended, whoever ran it: its error, pause or stop is its parent's."""
    if ended.status is RunStatus.FAILED:
        line.status, line.error = FAILED, ended.error
    elif ended.status is RunStatus.PAUSED:
        line.status = PAUSED
        line.pauses = tuple(outer_pause(node, pause) for pause in ended.pauses)
    else:
        line.values = tuple(ended.values.get(node.inner_output(name), ABSENT) for name in node.data_outputs)
        line.partial = ended.status is RunStatus.STOPPED
