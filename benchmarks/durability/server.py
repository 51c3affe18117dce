"""A process that has everything imported and forks a child for each order: a child starts in milliseconds.

    python -m benchmarks.durability.server

Orders are lines of JSON on the standard input, one at a time. The child tells its process id and what it likes, and
at its end the server tells how it ended; the child is laid to rest only when the next order comes, so that its id stays its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks.durability.shapes import SHAPES, Marks
from hypergraph.checkpointers import CheckpointPolicy, SqliteCheckpointer
from hypergraph.records import WorkflowStatus
from hypergraph.runners import AsyncRunner, SyncRunner

__all__ = ["perform"]


def _policy(durability: Any) -> CheckpointPolicy:
    return CheckpointPolicy(durability=durability, retention="latest" if durability == "exit" else "full")


def _values(store: Any, order: dict[str, Any], workflow_id: str) -> dict[str, Any]:
    """Give what a user would pass who knows only the id: values where nothing is stored yet, an answer where one is asked for."""
    shape = SHAPES[order["shape"]]
    if order.get("fork_from") or order.get("retry_from"):
        return {}
    run = store.get_run(workflow_id)
    if run is None:
        return dict(shape.inputs)
    return dict(shape.answer) if run.status is WorkflowStatus.PAUSED and order.get("answers", True) else {}


def perform(order: dict[str, Any]) -> dict[str, Any]:
    """Run a shape, or go on with it, as an order says; give how it ended."""
    shape = SHAPES[order["shape"]]
    marks = Marks(order["marks"], order.get("pause", shape.pause), loud=order.get("loud", False))
    graph = shape.make(marks, order["face"])
    store = SqliteCheckpointer(order["store"], policy=_policy(order["durability"]))
    runner: Any = (SyncRunner if order["face"] == "sync" else AsyncRunner)(checkpointer=store)
    workflow_id = order.get("workflow_id", "wf")
    options = {name: order[name] for name in ("fork_from", "retry_from", "take_over") if name in order}
    if shape.mapped is not None:
        if order["face"] == "async":
            options["max_concurrency"] = shape.at_once
        call = runner.map(graph, shape.inputs, map_over=shape.mapped, workflow_id=workflow_id, **options)
    else:
        call = runner.run(graph, _values(store, order, workflow_id), workflow_id=workflow_id, **options)
    result = asyncio.run(call) if order["face"] == "async" else call
    if shape.mapped is not None:
        found: dict[str, Any] = {name: [one.values.get(name) for one in result] for name in shape.outputs}
        status = "completed" if result.completed else result.status.value
        kept = all(one.checkpoint_ok for one in result)
    else:
        found = {name: result.values.get(name) for name in shape.outputs}
        status, kept = result.status.value, result.checkpoint_ok
    store.close_sync()
    return {"status": status, "outputs": found, "kept": kept}


def _child(order: dict[str, Any]) -> None:
    if order.get("waits"):
        # Everybody who was told to wait goes when the file is there.
        os.write(1, b"ready\n")
        until = time.monotonic() + 60
        while not Path(order["waits"]).exists() and time.monotonic() < until:
            time.sleep(0.0005)
    began = time.monotonic()
    try:
        answer = ORDERS[order.get("do", "run")](order)
    except BaseException as error:
        answer = {"error": type(error).__name__, "text": str(error), "seconds": time.monotonic() - began}
    os.write(1, f"={json.dumps(answer)}\n".encode())


def _write_runs(order: dict[str, Any]) -> dict[str, Any]:
    """Make runs of two steps, one after the other, through one store."""
    from benchmarks.durability.writers import write_runs

    return write_runs(order)


def _open(order: dict[str, Any]) -> dict[str, Any]:
    """Open a store that may not be there yet."""
    with SqliteCheckpointer(order["store"]) as store:
        store.create_run_sync(f"run-{os.getpid()}")
    return {}


def _read_mutations(order: dict[str, Any]) -> dict[str, Any]:
    """Read damaged files."""
    from benchmarks.durability.files import read_mutations

    return read_mutations(order)


def _fuzz(order: dict[str, Any]) -> dict[str, Any]:
    """Decode hostile data."""
    from benchmarks.durability.watching import fuzz

    return fuzz(order["number"], order["seed"])


ORDERS = {"run": perform, "write": _write_runs, "open": _open, "mutations": _read_mutations, "fuzz": _fuzz}


def main() -> None:
    """Serve until the standard input ends."""
    gc.freeze()
    child = 0
    for line in sys.stdin:
        if child:
            with contextlib.suppress(ChildProcessError):
                os.waitpid(child, 0)
        child = os.fork()
        if child == 0:
            # Not on the list of what the server shares with its children: its orders.
            os.close(0)
            os.write(1, f"pid {os.getpid()}\n".encode())
            try:
                _child(json.loads(line))
            finally:
                os._exit(0)
        ended = os.waitid(os.P_PID, child, os.WEXITED | os.WNOWAIT)
        assert ended is not None
        os.write(1, f"end {ended.si_status if ended.si_code == os.CLD_EXITED else -ended.si_status}\n".encode())


if __name__ == "__main__":
    # Whoever gave the orders may be gone.
    with contextlib.suppress(BrokenPipeError):
        main()
