"""In a worker: carry out an order with the library's own calls. Each is what the studio shows as Python."""

from __future__ import annotations

import asyncio
import inspect
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.services.loading import graph_of, types_of
from studio.services.order import Order
from studio.services.revision import revision_of
from studio.services.told import result_lines
from studio.services.values import build_values

if TYPE_CHECKING:
    from hypergraph import Graph, SqliteCheckpointer
    from hypergraph.checkpointers import NewRun

__all__ = ["Result", "arguments", "perform", "runner_class"]


@dataclass(frozen=True, slots=True)
class Result:
    """How a claim ended: the status, the error in one line, and whether everything was stored."""

    status: str
    error: str | None = None
    ok: bool = True
    errors: tuple[str, ...] = ()


def perform(
    order: Order,
    recorder: Any,
    *,
    loaded: Callable[[Graph], None],
    ready: Callable[[Any], None],
    known: Callable[[Mapping[str, Any]], None] = lambda _values: None,
) -> Result:
    """Carry out an order.

    Args:
        order: what to do.
        recorder: hears the run's events.
        loaded: called with the graph, when the user's module has been imported.
        ready: called with the runner, before it starts.
        known: called with the inputs by name, before the runner starts: those that are given, and those that the store has.

    Raises:
        Refused: a value does not fit.
    """
    graph = graph_of(order.target, order.graph)
    loaded(graph)
    with _store(order) as store:
        store.trust(types_of(graph))
        runner = _runner(order, graph, store)
        ready(runner)
        call, options = _call(order, graph, store, runner)
        known(_inputs(order, store))
        known(options.get("values") or {})
        if order.runner == "DaftRunner":
            begun = time.time()
            result = call(graph, **options)
            recorder.told(result_lines(order.run_id, graph, result, begun))
            return _result(result)
        outcome = call(graph, event_processors=[recorder], **options)
        result = asyncio.run(_awaited(outcome)) if inspect.isawaitable(outcome) else outcome
    return _result(result)


async def _awaited(outcome: Any) -> Any:
    return await outcome


def _result(result: Any) -> Result:
    error = getattr(result, "error", None)
    if error is None and getattr(result, "failures", None):
        error = result.failures[0].error
    status = "partial" if getattr(result, "partial", False) else str(result.status)
    text = None if error is None else f"{type(error).__name__}: {error}"
    return Result(status, text, getattr(result, "checkpoint_ok", True), tuple(getattr(result, "checkpoint_errors", ())))


def _store(order: Order) -> SqliteCheckpointer:
    from hypergraph import SqliteCheckpointer

    class Store(SqliteCheckpointer):
        """The user's store; beside each run it keeps who started it, and from where."""

        async def begin(self, new: NewRun) -> int:
            return await super().begin(self._signed(new))

        def begin_sync(self, new: NewRun) -> int:
            return super().begin_sync(self._signed(new))

        def _signed(self, new: NewRun) -> NewRun:
            if new.parent_run_id is not None:
                return new
            return replace(new, actor=order.actor or new.actor, config={**order.config, **_whence(order), **(new.config or {})})

    return Store(order.db)


def _inputs(order: Order, store: SqliteCheckpointer) -> Mapping[str, Any]:
    """Give the stored inputs of the run that goes on, or that a new one comes from."""
    try:
        return store.inputs(order.source or order.run_id)
    except LookupError:
        return {}


def _whence(order: Order) -> dict[str, str]:
    """Give what the run was made with, as this process knows it: the interpreter, and the revision of the graph's repository."""
    place = order.target.file or order.target.root
    revision = revision_of(Path(place)) if place else None
    return {"python": sys.executable, **({"git_revision": revision} if revision is not None else {})}


def runner_class(name: str) -> Any:
    """Give a runner's class by its name."""
    import hypergraph

    if name not in {"SyncRunner", "AsyncRunner", "DaftRunner"}:
        raise ValueError(f"{name!r} is no runner.")
    return getattr(hypergraph, name)


def _runner(order: Order, graph: Graph, store: SqliteCheckpointer) -> Any:
    made = runner_class(order.runner)
    if order.runner == "DaftRunner":
        return made()
    cache = None
    if any(node.cache for node in _all_nodes(graph)):
        from hypergraph import DiskCache

        cache = DiskCache()
    if order.runner == "AsyncRunner":
        return made(cache=cache, checkpointer=store, sync_nodes="thread")
    return made(cache=cache, checkpointer=store)


def _all_nodes(graph: Graph) -> list[Any]:
    nodes: list[Any] = []
    for node in graph.nodes.values():
        nodes.append(node)
        inner = getattr(node, "graph", None)
        if inner is not None:
            nodes += _all_nodes(inner)
    return nodes


# Calls.


def _call(order: Order, graph: Graph, store: SqliteCheckpointer, runner: Any) -> tuple[Callable[..., Any], dict[str, Any]]:
    def stored(run_id: str, name: str) -> Any:
        inputs = store.inputs(run_id)
        if name not in inputs:
            raise LookupError(f"run {run_id!r} has no stored input {name!r}")
        return inputs[name]

    values = build_values(graph, order.texts, order.map_over if order.verb == "map" else (), stored)
    options = arguments(order, graph, store, values)
    if order.runner == "DaftRunner":
        options = {name: value for name, value in options.items() if name in {"values", "map_over", "map_mode", "error_handling"}}
    return (runner.map if order.batch or order.verb == "map" else runner.run), options


def arguments(order: Order, graph: Graph, store: Any, values: Mapping[str, Any]) -> dict[str, Any]:
    """Give the arguments of the call to `run()` or `map()` that an order amounts to.

    Args:
        order: what to do.
        graph: the graph.
        store: read for a fork that starts from a superstep, or has an edited value.
        values: what the order's texts stand for.
    """
    if order.batch or order.verb == "map":
        return _batch_arguments(order, values)
    options: dict[str, Any] = {"values": dict(values), "workflow_id": order.run_id}
    if order.at_once is not None and order.runner == "AsyncRunner":
        options["max_concurrency"] = order.at_once
    if order.take_over:
        options["take_over"] = True
    if order.verb not in {"fork", "retry"}:
        return options
    assert order.source is not None
    inputs = {name: text for name, text in order.edits.items() if name in graph.inputs.all}
    options["values"] = build_values(graph, inputs)
    edits = build_values(graph, {name: text for name, text in order.edits.items() if name not in inputs})
    if order.verb == "retry" and not edits and order.superstep is None:
        return {**options, "retry_from": order.source}
    if not edits and order.superstep is None:
        return {**options, "fork_from": order.source}
    if order.verb == "retry":
        _, checkpoint = store.retry_workflow(order.source, workflow_id=order.run_id, superstep=order.superstep)
    else:
        checkpoint = store.checkpoint(order.source, superstep=order.superstep)
    return {**options, "checkpoint": checkpoint.with_values(edits) if edits else checkpoint}


def _batch_arguments(order: Order, values: Mapping[str, Any]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "values": dict(values) or None,
        "map_over": list(order.map_over),
        "map_mode": order.map_mode,
        "error_handling": order.on_error,
        "workflow_id": order.run_id,
    }
    if order.verb == "retry":
        options["retry_from"] = order.source
    if order.only is not None:
        options["only"] = list(order.only)
    if order.at_once is not None and order.runner == "AsyncRunner":
        options["max_concurrency"] = order.at_once
    if order.take_over:
        options["take_over"] = True
    return options
