"""The synchronous driver: a call for a call, a loop for what runs together, a blocking write for the store."""

from __future__ import annotations

from typing import Any

from hypergraph.engine.requests import Ask, Call, Flow, Outcome, Together
from hypergraph.engine.stretches import Stretch, run_stretch

__all__ = ["SyncDriver", "call_node"]

SYNC_NAMES = {
    "begin": "begin_sync",
    "save_step": "save_step_sync",
    "finish": "finish_sync",
    "get_run_async": "get_run",
    "get_journal_async": "journal",
    "fork_journal_async": "fork_journal",
    "rebuilt_async": "rebuilt",
    "get_children_inputs_async": "children_inputs",
    "get_inputs_async": "inputs",
    "get_sources_async": "sources",
    "list_runs": "runs",
}
"""The store's operations: name on the async face -> name on the sync face."""


class SyncDriver:
    """Performs what flows ask for, in order, in this thread."""

    __slots__ = ("_store",)

    def __init__(self, store: Any) -> None:
        self._store = store

    def drive(self, flow: Flow) -> Any:
        """Carry a flow to its end and give what it returns. What interrupts a request is thrown into the flow, which may tidy up."""
        try:
            request = flow.send(None)
            while True:
                try:
                    answer = self._perform(request)
                except BaseException as error:
                    request = flow.throw(error)
                else:
                    request = flow.send(answer)
        except StopIteration as stop:
            return stop.value

    def _perform(self, request: Call | Together | Ask | Stretch) -> Any:
        if type(request) is Call:
            return call_node(request)
        if type(request) is Together:
            self._together(request)
            return None
        if type(request) is Stretch:
            return self._stretch(request)
        assert isinstance(request, Ask)
        return self.ask(request)

    def _together(self, request: Together) -> None:
        for flow in request.flows:
            result = self.drive(flow)
            if request.until is not None and request.until(result):
                break

    def _stretch(self, stretch: Stretch) -> Any:
        open_trail = None if stretch.code.awaits else getattr(self._store, "open_trail_sync", None)
        trail = open_trail(stretch.run.stored_id, stretch.code.steps, stretch.run.session.wall(0.0)) if open_trail is not None else None
        if trail is None:
            return NotImplemented
        stretch.trail = trail
        return run_stretch(stretch, trail)

    def ask(self, request: Ask) -> Any:
        """Put one question to the store."""
        return getattr(self._store, SYNC_NAMES[request.operation])(*request.args, **request.kwargs)


def call_node(call: Call) -> Outcome:
    """Call a node's function; what it raises is part of the outcome, what interrupts it is not."""
    try:
        value = call.func(*call.args, **call.kwargs) if call.kwargs else call.func(*call.args)
        return Outcome(list(value) if call.drains else value)
    except Exception as error:
        return Outcome(None, error)
