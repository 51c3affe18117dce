"""A naive interpreter of small programs, and the graphs that mean the same: what the laws compare.

A program is a list of blocks, read from top to bottom like plain Python. `interpret` runs it with a dict; `build` makes a graph of it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from hypergraph import END, FunctionNode, Graph, IfElseNode, RouteNode

PRIME = 9973


@dataclass(frozen=True)
class Step:
    """`out = mix(salt, *reads)`."""

    out: str
    reads: tuple[str, ...]
    salt: int


@dataclass(frozen=True)
class Branch:
    """`out = mix(salt, on) if on % 2 else mix(salt + 1, on)`."""

    out: str
    on: str
    salt: int


@dataclass(frozen=True)
class Loop:
    """`out = start % 7; while out < limit: out = grow(out)`, with a body of several nodes; it runs at least once."""

    out: str
    start: str
    limit: int
    body: int


@dataclass(frozen=True)
class Inner:
    """A program inside: it reads outer names and gives all of its own."""

    name: str
    blocks: tuple[Block, ...]


@dataclass(frozen=True)
class Mapped:
    """`out = [mix(salt, item) for item in range(on % 5)]`, as a list of items made by a node and a mapped graph."""

    out: str
    on: str
    salt: int


Block = Step | Branch | Loop | Inner | Mapped


def mix(salt: int, *values: int) -> int:
    """Mix numbers so that order and origin show."""
    total = salt + 1
    for value in values:
        total = (total * 31 + (sum(value) if isinstance(value, list) else value)) % PRIME
    return total


def interpret(blocks: Sequence[Block], given: Mapping[str, int]) -> dict[str, Any]:
    """Run a program the plain way; gives every name that it makes."""
    known: dict[str, Any] = dict(given)
    for block in blocks:
        if isinstance(block, Step):
            known[block.out] = mix(block.salt, *(known[name] for name in block.reads))
        elif isinstance(block, Branch):
            on = mix(0, known[block.on])
            known[block.out] = mix(block.salt if on % 2 else block.salt + 1, known[block.on])
        elif isinstance(block, Loop):
            value = mix(0, known[block.start]) % 7
            while True:
                for _ in range(block.body):
                    value += 1
                if value >= block.limit:
                    break
            known[block.out] = value
        elif isinstance(block, Inner):
            known.update(interpret(block.blocks, known))
        else:
            known[block.out] = [mix(block.salt, item) for item in range(mix(0, known[block.on]) % 5)]
    return {name: value for name, value in known.items() if name not in given}


def call(name: str, params: Sequence[str], func: Callable[..., Any], *, asynchronous: bool = False) -> Callable[..., Any]:
    """Make a function with real parameters."""
    space: dict[str, Any] = {"func": func}
    prefix = "async " if asynchronous else ""
    exec(f"{prefix}def {name}({', '.join(params)}): return func({', '.join(params)})", space)
    made: Callable[..., Any] = space[name]
    return made


def build(blocks: Sequence[Block], name: str = "program", *, asynchronous: bool = False) -> Graph:
    """Give the graph that means the same."""
    return Graph(nodes_of(blocks, asynchronous=asynchronous), name=name)


def nodes_of(blocks: Sequence[Block], *, inline: bool = False, asynchronous: bool = False) -> list[Any]:
    """Give the nodes of a program; `inline` puts inner programs beside their surroundings."""
    nodes: list[Any] = []
    for block in blocks:
        nodes += _nodes(block, inline, asynchronous)
    return nodes


def _nodes(block: Block, inline: bool, asynchronous: bool) -> list[Any]:
    def make(name: str, params: Sequence[str], func: Callable[..., Any], out: str) -> FunctionNode:
        return FunctionNode(call(name, params, func, asynchronous=asynchronous), output_name=out)

    if isinstance(block, Step):
        return [make(f"make_{block.out}", block.reads, lambda *values: mix(block.salt, *values), block.out)]
    if isinstance(block, Branch):
        yes, no, out = f"yes_{block.out}", f"no_{block.out}", block.out
        gate = IfElseNode(call(f"gate_{out}", [block.on], lambda value: mix(0, value) % 2 == 1), yes, no)
        return [
            gate,
            make(yes, [block.on], lambda value: mix(block.salt, value), out),
            make(no, [block.on], lambda value: mix(block.salt + 1, value), out),
        ]
    if isinstance(block, Loop):
        return [_loop(block, make)]
    if isinstance(block, Inner):
        inside = nodes_of(block.blocks, inline=inline, asynchronous=asynchronous)
        return inside if inline else [Graph(inside, name=block.name).as_node()]
    items = make(f"items_{block.out}", [block.on], lambda value: list(range(mix(0, value) % 5)), f"item_{block.out}")
    one = Graph([make(f"one_{block.out}", [f"item_{block.out}"], lambda item: mix(block.salt, item), block.out)], name=f"each_{block.out}")
    return [items, one.as_node().map_over(f"item_{block.out}")]


def _loop(block: Loop, make: Callable[..., FunctionNode]) -> Any:
    """Build: begin -> first -> ... -> last -> gate -> back to first. The loop's value goes round under several names."""
    out = block.out
    names = [f"{out}_{number}" for number in range(block.body - 1)]
    chain = [out, *names]
    nodes: list[Any] = [make(f"begin_{out}", [block.start], lambda value: mix(0, value) % 7, f"seed_{out}")]
    inner = []
    for number in range(block.body):
        target = chain[number + 1] if number + 1 < block.body else out
        inner.append(make(f"body_{out}_{number}", [chain[number]], lambda value: value + 1, target))
    first = f"body_{out}_0"
    gate = RouteNode(call(f"again_{out}", [out], lambda value: END if value >= block.limit else first), [first, END])
    loop = Graph([*inner, gate], entrypoint=first, name=f"loop_{out}").select(out)
    outer = Graph([*nodes, loop.as_node().with_inputs({out: f"seed_{out}"})], name=f"whole_{out}").select(out)
    return outer.as_node()
