"""In a process of its own: run one recorded node again, alone. The run that it comes from is only read."""

from __future__ import annotations

import asyncio
import inspect
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.model.lines import previews
from studio.services.claim import runner_class
from studio.services.history import History
from studio.services.loading import types_of
from studio.services.opening import find_step, find_value
from studio.services.values import build_values

if TYPE_CHECKING:
    from hypergraph import Graph
    from hypergraph.checkpointers import StepRecord

__all__ = ["bench"]

_MOST: Final = 100


def bench(graph: Graph, question: Mapping[str, Any]) -> dict[str, Any]:
    """Run one node with its recorded inputs.

    Args:
        graph: the graph of the run, as it is loaded now.
        question: db, run_id, node (a path), superstep, times, and edits: input -> text in place of the recorded value.

    Returns:
        What `BenchView` shows, as JSON primitives.
    """
    history = History(Path(question["db"]))
    history.trust(types_of(graph))
    path, superstep = str(question["node"]), question["superstep"]
    step = find_step(history, question["run_id"], path, superstep)
    if step is None:
        return {"problem": f"The store has no step of {path}."}
    node = _node(graph, path)
    if node is None:
        return {"problem": f"The graph as it is loaded has no node {path}."}
    inputs = {name: find_value(history, question["run_id"], path, name, superstep) for name in step.input_versions}
    inputs |= build_values(graph, question.get("edits") or {})
    history.close()
    rows = []
    for _ in range(max(1, min(_MOST, int(question["times"])))):
        try:
            rows.append(_once(node, inputs, step))
        except _CannotRunError as reason:
            return {"problem": str(reason)}
    return {
        "inputs": [[name, *shown] for name, shown in previews(inputs).items()],
        "rows": rows,
        "recorded": _recorded(step),
        "recorded_seconds": step.duration_ms / 1000,
        "problem": None,
    }


class _CannotRunError(Exception):
    """A node cannot be run alone."""


def _node(graph: Graph, path: str) -> Any:
    name, _, rest = path.partition("/")
    node: Any = graph.nodes.get(name)
    if not rest or node is None:
        return node
    inner = getattr(node, "graph", None)
    return None if inner is None else _node(inner, rest)


def _once(node: Any, inputs: Mapping[str, Any], step: StepRecord) -> list[Any]:
    """Run it; gives [seconds, text, whether it is what was recorded]."""
    if node.is_interrupt:
        raise _CannotRunError("A question is answered, not run.")
    began = time.perf_counter()
    try:
        values = {"decision": node.decide(node.func(**node.map_inputs_to_params(dict(inputs))))} if node.is_gate else _ran(node, inputs)
    except _CannotRunError:
        raise
    except Exception as error:
        took = time.perf_counter() - began
        text = f"{type(error).__name__}: {error}"
        return [took, text, None if step.error is None else text == step.error]
    took = time.perf_counter() - began
    shown = previews(values)
    text = "\n".join(f"{name} = {value[1]}" for name, value in shown.items())
    if step.error is not None:
        return [took, text, False]
    if node.is_gate:
        return [took, text, str(values["decision"]) == str(step.decision)]
    return [took, text, shown == previews(step.values or {})]


def _ran(node: Any, inputs: Mapping[str, Any]) -> Mapping[str, Any]:
    from hypergraph import Graph, GraphConfigError

    try:
        alone = Graph([node])
    except GraphConfigError as error:
        raise _CannotRunError(f"This node cannot be run alone: {str(error).partition(chr(10))[0]}") from error
    runner = runner_class("AsyncRunner" if alone.has_async_nodes or alone.has_interrupts else "SyncRunner")()
    found = runner.run(alone, dict(inputs))
    result: Any = asyncio.run(_awaited(found)) if inspect.isawaitable(found) else found
    return dict(result.values)


async def _awaited(found: Any) -> Any:
    return await found


def _recorded(step: StepRecord) -> str:
    if step.error is not None:
        return step.error
    if step.decision is not None:
        return f"decision = {step.decision}"
    return "\n".join(f"{name} = {value[1]}" for name, value in previews(step.values or {}).items())
