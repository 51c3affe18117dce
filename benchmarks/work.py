"""The functions and graphs that the cases run: as little work as possible, so that what is left is the library's own cost."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

from hypergraph import END, FunctionNode, Graph, route


def add_one(value: int) -> int:
    return value + 1


def named(parameters: list[str], body: str, *, is_async: bool = False) -> Callable[..., Any]:
    """Make a function whose parameters have these names."""
    scope: dict[str, Any] = {"asyncio": asyncio}
    exec(f"{'async ' if is_async else ''}def made({', '.join(parameters)}):\n    {body}", scope)
    return scope["made"]


def chain_functions(count: int, *, is_async: bool = False) -> list[Callable[..., Any]]:
    return [named([f"v{number}"], f"return v{number} + 1", is_async=is_async) for number in range(count)]


def chain(count: int, *, is_async: bool = False, name: str = "chain") -> Graph:
    """v0 -> v1 -> ... : each node adds one."""
    functions = chain_functions(count, is_async=is_async)
    return Graph([FunctionNode(func, name=f"n{i}", output_name=f"v{i + 1}") for i, func in enumerate(functions)], name=name)


def fan(width: int, *, is_async: bool = False, sleep: float | None = None) -> Graph:
    """1 -> width -> 1."""
    wait = "" if sleep is None else f"await asyncio.sleep({sleep}); "
    head = FunctionNode(named(["x"], "return x", is_async=is_async), name="head", output_name="h")
    middle = [
        FunctionNode(named(["h"], f"{wait}return h + {i}", is_async=is_async), name=f"m{i}", output_name=f"w{i}") for i in range(width)
    ]
    names = [f"w{i}" for i in range(width)]
    tail = FunctionNode(named(names, f"return {' + '.join(names)}", is_async=is_async), name="tail", output_name="total")
    return Graph([head, *middle, tail], name="fan")


def counter_loop() -> Graph:
    """Counts up until the gate has seen the limit."""

    def count_up(count: int) -> int:
        return count + 1

    @route(targets=["count_up", END])
    def again(count: int, limit: int) -> Any:
        return END if count >= limit else "count_up"

    return Graph([FunctionNode(count_up, output_name="count"), again], name="loop", entrypoint="count_up")


def nested(levels: int) -> Graph:
    """One node, wrapped so many times."""
    graph = chain(1, name="level0")
    for level in range(1, levels):
        graph = Graph([graph.as_node(name=f"inner{level}")], name=f"level{level}")
    return graph
