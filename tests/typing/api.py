"""The public names as a type checker sees them. This file is read by it and never run."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any, assert_type

import hypergraph.cache
import hypergraph.exceptions
from hypergraph import (
    END,
    AsyncRunner,
    DiskCache,
    Graph,
    GraphNode,
    InMemoryCache,
    InputSpec,
    MapResult,
    NodeContext,
    PauseInfo,
    RunResult,
    RunStatus,
    SqliteCheckpointer,
    SyncRunner,
    ifelse,
    interrupt,
    node,
    route,
)
from hypergraph.checkpointers import Checkpoint, MemoryCheckpointer


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name=("low", "high"), cache=True)
def split(doubled: int) -> tuple[int, int]:
    return doubled - 1, doubled + 1


@node
def log(low: int) -> None: ...


@node(output_name="parts")
def stream(low: int, ctx: NodeContext) -> Iterator[str]:
    if not ctx.stop_requested:
        yield ctx.step_key


@node(output_name="fetched")
async def fetch(high: int) -> str:
    return str(high)


@node(output_name="chunks")
async def chunks(high: int) -> AsyncIterator[str]:
    yield str(high)


@ifelse(when_true="log", when_false=END)
def is_big(doubled: int) -> bool:
    return doubled > 3


@route(targets=["log", END], fallback="log")
def choose(doubled: int) -> str | None:
    return None


@interrupt(output_name="approved")
def approve(low: int) -> bool | None:
    return None


graph = Graph([double, split, log, is_big], name="typed", strict_types=True)
assert_type(graph.bind(x=1), Graph)
assert_type(graph.select("low"), Graph)
assert_type(graph.inputs, InputSpec)
assert_type(graph.as_node(name="inner"), GraphNode)
assert_type(graph.as_node(namespaced=True).map_over("x"), GraphNode)

cache: hypergraph.cache.CacheBackend = InMemoryCache(max_size=10)
cache = DiskCache()
assert_type(cache.get("k"), tuple[bool, Any])

sync = SyncRunner(cache=cache, checkpointer=MemoryCheckpointer())
result = sync.run(graph, {"x": 1}, error_handling="continue")
assert_type(result, RunResult)
assert_type(result.status, RunStatus)
assert_type(result["low"], Any)
assert_type(result.pause, PauseInfo | None)
assert_type(sync.map(graph, {"x": [1, 2]}, map_over="x"), MapResult)


async def main() -> None:
    async with SqliteCheckpointer("runs.db") as store:
        runner = AsyncRunner(checkpointer=store)
        assert_type(await runner.run(graph, x=1, workflow_id="w"), RunResult)
        assert_type(await runner.map(graph, map_over=["x"], x=[1]), MapResult)
        assert_type(await store.get_checkpoint("w"), Checkpoint)
    try:
        sync.run(graph)
    except hypergraph.exceptions.MissingInputError as error:
        assert_type(error.missing, list[str])
