"""One way to speak to a store, whichever store and face it is; and the records that tests keep in it."""

from __future__ import annotations

import inspect
from datetime import UTC, datetime, timedelta
from typing import Any

from hypergraph.checkpointers import StepRecord, StepStatus

ZERO = datetime(2026, 1, 1, tzinfo=UTC)

SYNC = {
    "create_run": "create_run_sync",
    "update_run_status": "update_run_status_sync",
    "save_step": "save_step_sync",
    "begin": "begin_sync",
    "finish": "finish_sync",
    "flush": "flush_sync",
    "get_run": "get_run",
    "get_steps": "steps",
    "get_state": "state",
    "get_checkpoint": "checkpoint",
    "get_inputs": "inputs",
    "get_sources": "sources",
    "list_runs": "runs",
    "search": "search",
    "fork_workflow": "fork_workflow",
    "retry_workflow": "retry_workflow",
    "children_inputs": "children_inputs",
}
ASYNC = {name: name for name in SYNC} | {
    "get_run": "get_run_async",
    "get_inputs": "get_inputs_async",
    "get_sources": "get_sources_async",
    "search": "search_async",
    "fork_workflow": "fork_workflow_async",
    "retry_workflow": "retry_workflow_async",
    "children_inputs": "get_children_inputs_async",
}


class Face:
    """A store behind one of its faces; every operation is awaited."""

    def __init__(self, store: Any, names: dict[str, str]) -> None:
        self.store = store
        self._names = names

    def __getattr__(self, name: str) -> Any:
        method = getattr(self.store, self._names[name])

        async def call(*args: Any, **kwargs: Any) -> Any:
            answer = method(*args, **kwargs)
            return await answer if inspect.isawaitable(answer) else answer

        return call


def step(run: str, superstep: int = 0, node: str = "work", **given: Any) -> StepRecord:
    """Give a completed step whose place in time is its superstep."""
    moment = ZERO + timedelta(seconds=superstep)
    given.setdefault("values", {"y": superstep})
    given.setdefault("completed_at", moment)
    given.setdefault("created_at", given["completed_at"] or moment)
    return StepRecord(
        run,
        superstep,
        node,
        given.pop("index", superstep),
        given.pop("status", StepStatus.COMPLETED),
        given.pop("input_versions", {"x": 1}),
        node_type=given.pop("node_type", "FunctionNode"),
        **given,
    )
