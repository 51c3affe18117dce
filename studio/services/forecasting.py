"""In a module host: what an order would do, asked of the library, which calls and writes nothing."""

from __future__ import annotations

import asyncio
import inspect
from typing import TYPE_CHECKING, Any

from studio.services.claim import arguments, runner_class
from studio.services.loading import types_of
from studio.services.order import Order
from studio.services.values import build_values

if TYPE_CHECKING:
    from hypergraph import Graph

__all__ = ["forecast"]


def forecast(graph: Graph, order: Order) -> dict[str, Any]:
    """Give what a run, resume, fork or retry would keep and run again.

    Args:
        graph: the graph as it is loaded now.
        order: the act.
    """
    from hypergraph import SqliteCheckpointer

    with SqliteCheckpointer.open_readonly(order.db) as store:
        store.trust(types_of(graph))
        runner = runner_class("AsyncRunner" if graph.has_interrupts or graph.has_async_nodes else "SyncRunner")(checkpointer=store)
        values = build_values(graph, order.texts)
        options = arguments(order, graph, store, values)
        given = options.pop("values")
        for name in ("take_over", "max_concurrency"):
            options.pop(name, None)
        found = runner.forecast(graph, given, **options)
        if inspect.isawaitable(found):
            found = asyncio.run(_awaited(found))
    refusal = found.refusal
    return {
        "nodes": {name: [node.verdict, node.reason, node.at_least, node.at_most] for name, node in (found.nodes or {}).items()},
        "new_id": found.new_id or order.run_id,
        "refusal": None if refusal is None else str(refusal),
        "refused": None if refusal is None else type(refusal).__name__,
        "struct_hash": graph.structural_hash,
        "code_hash": graph.code_hash,
    }


async def _awaited(found: Any) -> Any:
    return await found
