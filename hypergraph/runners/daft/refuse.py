"""What Daft plans cannot do is refused before any work, with the node's name and the runner to use."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from hypergraph._text import fix, quoted
from hypergraph.exceptions import IncompatibleRunnerError, cannot_run
from hypergraph.plan import plan_of
from hypergraph.runners.base import walk
from hypergraph.runners.daft.stateful import DaftStateful

if TYPE_CHECKING:
    from hypergraph.graph import Graph

__all__ = ["refuse_graph", "refuse_options"]

_OTHERS = "AsyncRunner or SyncRunner"

_CHECKPOINTING = frozenset({
    "checkpoint", "checkpointer", "fork_from", "override_workflow", "retry_from", "take_over", "workflow_id",
})  # fmt: skip


class ReservedOptionError(IncompatibleRunnerError, ValueError):
    """An option of another runner: this one stores nothing."""


def refuse_options(keywords: Mapping[str, Any]) -> None:
    """Refuse options that are about stored runs; other runners' options are refused where inputs are merged.

    Raises:
        IncompatibleRunnerError: it is a ValueError too.
    """
    found = sorted(_CHECKPOINTING & set(keywords))
    if found:
        raise ReservedOptionError(
            f"DaftRunner stores nothing: {quoted(found)} are reserved runner options, and this runner does not take them."
            + fix(f"Use {_OTHERS} with a checkpointer", f"If an input has that name, pass it as values={{{found[0]!r}: ...}}"),
            capability="supports_checkpointing",
        )


def refuse_graph(graph: Graph, values: Mapping[str, Any]) -> None:
    """Refuse a graph that is more than functions in a row.

    Raises:
        IncompatibleRunnerError: it names the node, the reason and the runner to use.
    """
    _refuse_cycles(graph, "")
    for path, node in walk(graph):
        if node.code is None:
            _refuse_nested(path, node)
        else:
            _refuse_function(path, node)
    _refuse_async_stateful(graph, values)


def _refuse_cycles(graph: Graph, prefix: str) -> None:
    for region in plan_of(graph).regions:
        if region.cyclic:
            nodes = [prefix + op.name for op in region.ops]
            raise cannot_run("DaftRunner", "cycles", nodes, instead=_OTHERS, capability="supports_cycles")
    for node in graph.scope.nodes:
        if node.code is None and node.runner_override is None:  # type: ignore[attr-defined]
            _refuse_cycles(node.graph, f"{prefix}{node.name}/")  # type: ignore[attr-defined]


def _refuse_function(path: str, node: Any) -> None:
    if node.is_gate:
        raise cannot_run("DaftRunner", "gates", [path], instead=_OTHERS, capability="supports_gates")
    if node.is_interrupt:
        raise cannot_run("DaftRunner", "interrupts (InterruptNode)", [path], instead="AsyncRunner", capability="supports_interrupts")
    if node.code.context_param is not None:
        raise cannot_run("DaftRunner", "NodeContext nodes", [path], instead=_OTHERS, capability="supports_streaming")
    if not node.batch:
        return
    if len(node.data_outputs) > 1:
        raise IncompatibleRunnerError(
            f"DaftRunner cannot execute batch nodes with multiple outputs: {path!r} has {quoted(node.data_outputs)}."
            + fix("Give each output a batch node of its own", "Or leave batch=True out to work row by row"),
            node_name=path,
        )
    if node.is_async or node.is_generator:
        kind = "async" if node.is_async else "generator"
        raise IncompatibleRunnerError(
            f"DaftRunner cannot execute {path!r}: a batch node cannot be an {kind} function."
            + fix("Make it a plain function", "Or leave batch=True out to work row by row"),
            node_name=path,
        )


def _refuse_nested(path: str, node: Any) -> None:
    if node.runner_override is not None:
        raise IncompatibleRunnerError(
            f"DaftRunner cannot execute graphs with runner overrides: {path!r} has {type(node.runner_override).__name__}."
            + fix(
                f"Use {_OTHERS} for the outer graph", f"Or take the runner off {path!r}: DaftRunner puts nested graphs into its own plan"
            ),
            node_name=path,
        )
    if node.map_config is not None:
        awaited = [inner for inner, one in walk(node.graph, f"{path}/") if one.code is not None and one.is_async]
        if awaited:
            raise IncompatibleRunnerError(
                f"DaftRunner cannot execute async nodes inside a mapped GraphNode.\nFound async nodes: {quoted(awaited)}"
                + fix("Use AsyncRunner instead", f"Or map the whole graph in place of {path!r}"),
                node_name=awaited[0],
                capability="supports_async_nodes",
            )


def _refuse_async_stateful(graph: Graph, values: Mapping[str, Any]) -> None:
    """Refuse async nodes that read an object of a `@stateful` class: it belongs to a worker, async rows to none."""
    given = {name for name, value in values.items() if isinstance(value, DaftStateful)}
    _look(graph, given, "")


def _look(graph: Graph, given: set[str], prefix: str) -> None:
    bound = {name for name, value in graph.scope.bound.items() if isinstance(value, DaftStateful)}
    held = given | bound
    for node in graph.scope.nodes:
        read = sorted(held.intersection(node.inputs))
        if node.code is not None:
            if read and node.is_async:
                raise IncompatibleRunnerError(
                    f"DaftRunner cannot give a stateful object to an async node: {prefix + node.name!r} reads {quoted(read)}."
                    + fix("Make the node a plain function", "Use AsyncRunner instead", "Or leave @stateful out, and share the object"),
                    node_name=prefix + node.name,
                    capability="supports_async_nodes",
                )
        else:
            inside = {node.inner_address(name) for name in read}  # type: ignore[attr-defined]
            _look(node.graph, inside, f"{prefix}{node.name}/")  # type: ignore[attr-defined]
