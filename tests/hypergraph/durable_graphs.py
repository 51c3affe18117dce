"""Graphs that leave a trace of each effect, and a program that runs one of them until it is killed.

    python -m tests.hypergraph.durable_graphs STORE TRACE FACE DURABILITY SHAPE [OPTION=VALUE...]

Every node appends its name to the trace when it starts, and tells it on the standard output, so that the test knows when to strike.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from typing import Any

from hypergraph.checkpointers import CheckpointPolicy, SqliteCheckpointer
from hypergraph.graph import Graph
from hypergraph.nodes import END, interrupt, node, route
from hypergraph.runners import AsyncRunner, SyncRunner

_TRACE = {"path": os.devnull, "pause": 0.002, "loud": False}


def effect(name: str) -> None:
    """Do something that the world sees."""
    data = f"{name}\n".encode()
    trace = os.open(_TRACE["path"], os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    os.write(trace, data)
    os.close(trace)
    if _TRACE["loud"]:
        os.write(1, data)


def _blocking(name: str) -> None:
    effect(name)
    time.sleep(_TRACE["pause"])


async def _awaited(name: str) -> None:
    effect(name)
    await asyncio.sleep(_TRACE["pause"])


def _add(face: str, name: str, source: str, output: str, amount: int = 1) -> Any:
    """Make a node that adds to a value, blocking or awaited."""
    if face == "sync":
        names: dict[str, Any] = {"work": _blocking}
        code = f"def {name}({source}: int) -> int:\n    work({name!r})\n    return {source} + {amount}\n"
    else:
        names = {"work": _awaited}
        code = f"async def {name}({source}: int) -> int:\n    await work({name!r})\n    return {source} + {amount}\n"
    exec(code, names)
    return node(output_name=output)(names[name])


def chain(face: str, length: int = 12, name: str = "chain") -> Graph:
    """v0 -> v1 -> ...; the last node also needs an input that no other node uses."""
    nodes = [_add(face, f"{name}_{place}", f"v{place}", f"v{place + 1}") for place in range(length - 1)]

    @node(output_name="total")
    def finish_chain(end: int, late: int) -> int:
        effect("finish_chain")
        return end + late

    return Graph([*nodes, finish_chain.with_inputs(end=f"v{length - 1}")], name=name)


def fan(face: str, width: int = 20) -> Graph:
    """One -> many -> one."""
    nodes = [_add(face, "spread", "v0", "seed"), *(_add(face, f"arm_{place}", "seed", f"a{place}", place) for place in range(width))]
    names = {f"a{place}": None for place in range(width)}
    code = f"def gather({', '.join(f'{name}: int' for name in names)}) -> int:\n    return {' + '.join(names)}\n"
    scope: dict[str, Any] = {}
    exec(code, scope)
    return Graph([*nodes, node(output_name="total")(scope["gather"])], name="fan")


def item(face: str) -> Graph:
    """What is mapped over: two nodes."""
    return Graph([_add(face, "first", "x", "y"), _add(face, "second", "y", "z")], name="item")


def loop(face: str, rounds: int = 8) -> Graph:
    """A counter and a gate."""
    count = _add(face, "count", "n", "n")

    @route(targets=["count", END])
    def again(n: int) -> Any:
        return END if n >= rounds else "count"

    return Graph([count, again], name="loop", entrypoint="count")


def nested(face: str) -> Graph:
    """A node, a graph, and another node."""
    inner = Graph([_add(face, f"inner_{place}", f"w{place}", f"w{place + 1}") for place in range(5)], name="inner")
    return Graph([_add(face, "before", "v0", "w0"), inner.as_node(), _add(face, "after", "w5", "total")], name="nested")


def pausing(face: str) -> Graph:
    """Work, a question, work."""

    @interrupt(output_name="ok")
    def ask(a1: int) -> bool: ...

    @node(output_name="b0")
    def use(ok: bool, a1: int) -> int:
        effect("use")
        return a1 if ok else 0

    return Graph(
        [_add(face, "prepare", "v0", "a1"), ask, use, *(_add(face, f"tail_{i}", f"b{i}", f"b{i + 1}") for i in range(5))], name="pausing"
    )


SHAPES = {
    "chain": (chain, {"v0": 0, "late": 100}, {"total": 111}),
    "fan": (fan, {"v0": 0}, {"total": 20 + sum(range(20))}),
    "loop": (loop, {"n": 0}, {"n": 8}),
    "nested": (nested, {"v0": 0}, {"total": 7}),
}
MAPPED = list(range(40))


def start(store: Any, trace: str, face: str, shape: str, **options: Any) -> Any:
    """Run a shape, or go on with it: values are given only where the workflow is new."""
    _TRACE["path"] = trace
    new = options.pop("new", True)
    runner = (SyncRunner if face == "sync" else AsyncRunner)(checkpointer=store)
    if shape == "map":
        call = runner.map(item(face), {"x": MAPPED}, map_over="x", workflow_id="wf", **({"max_concurrency": 8} if face == "async" else {}))
    elif shape == "pausing":
        call = runner.run(pausing(face), options.pop("values", {"v0": 0} if new else {}), workflow_id="wf", **options)
    else:
        make, values, _ = SHAPES[shape]
        call = runner.run(make(face), values if new else {}, workflow_id=options.pop("workflow_id", "wf"), **options)
    return asyncio.run(call) if face == "async" else call


def main() -> None:
    """Run as told by the command line."""
    store, trace, face, durability, shape, *rest = sys.argv[1:]
    options = {key: json.loads(value) for key, _, value in (one.partition("=") for one in rest)}
    _TRACE["pause"] = options.pop("pause", _TRACE["pause"])
    _TRACE["loud"] = True
    cp = SqliteCheckpointer(store, policy=CheckpointPolicy(durability=durability))
    result = start(cp, trace, face, shape, **options)
    print("=", result.status.value, flush=True)


if __name__ == "__main__":
    main()
