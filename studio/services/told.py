"""In a worker: what a runner that reports no events gave back, as lines of the event log. Times of nodes are not known, and not made up."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from studio.model.lines import previews

if TYPE_CHECKING:
    from hypergraph import Graph

__all__ = ["result_lines"]


def result_lines(root: str, graph: Graph, result: Any, started: float) -> Iterator[dict[str, Any]]:
    """Give the lines of a run or batch that has ended.

    Args:
        root: the run.
        graph: its graph.
        result: what the runner returned.
        started: Unix seconds.
    """
    now = time.time()
    begun = {"k": "run+", "t": started, "r": root, "g": graph.name or ""}
    items = getattr(result, "results", None)
    if items is None:
        yield begun
        yield from _nodes(root, graph, dict(result.values), str(result.status), now)
    else:
        yield {**begun, "map": True, "size": len(items)}
        for number, item in enumerate(items):
            place: dict[str, Any] = {"r": f"{root}/{number}", "i": number, "m": [root, number]}
            yield {"k": "run+", "t": started, **place}
            if item.error is not None:
                error = item.error
                where = str(getattr(error, "node_name", "") or "")
                yield {
                    "k": "node-", "t": now, "r": place["r"], "m": place["m"], "s": 0, "node": where, "status": "failed",
                    "type": type(error).__qualname__, "error": f"{type(error).__name__}: {error}"[:2_000],
                }  # fmt: skip
            yield {"k": "run-", "t": now, "status": str(item.status), **place}
    ended: dict[str, Any] = {"k": "run-", "t": now, "r": root, "status": _status(result)}
    if getattr(result, "error", None) is not None:
        ended["error"] = f"{type(result.error).__name__}: {result.error}"[:8_192]
    yield ended


def _status(result: Any) -> str:
    return "partial" if getattr(result, "partial", False) else str(result.status)


def _nodes(root: str, graph: Graph, values: Mapping[str, Any], status: str, now: float) -> Iterator[dict[str, Any]]:
    for name, node in graph.nodes.items():
        out = {output: values[output] for output in node.data_outputs if output in values}
        if status != "completed" and not out:
            continue
        line: dict[str, Any] = {"k": "node-", "t": now, "r": root, "s": 0, "node": name, "status": "completed", "unmeasured": True}
        if out:
            line["out"] = previews(out)
        yield line
