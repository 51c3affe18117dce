"""The process that loads one module and answers questions about it. It ends with the studio, and whatever the module does ends only it.

One JSON line a question and an answer, on a socket of its own: what the module prints goes elsewhere.
"""

from __future__ import annotations

import json
import os
import re
import socket
import sys
import threading
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

from studio.services.benching import bench
from studio.services.forecasting import forecast
from studio.services.loading import graph_of, graphs_in, load
from studio.services.order import Order, Target
from studio.services.reporting import report_graph
from studio.services.values import Refused, build_values

__all__ = ["answer"]

_TRACEBACK: Final = 16_384
_NO_FORM: Final = re.compile(r":([\w.]+) has no stored form$")


def answer(descriptor: int) -> int:
    """Answer until the studio closes its end."""
    connection = socket.socket(fileno=descriptor)
    host = _Host(connection)
    for line in connection.makefile("rb"):
        if not host.reply(line):
            break
    # Threads of the module must not keep this process.
    os._exit(0)


class _Host:
    def __init__(self, connection: socket.socket) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def reply(self, line: bytes) -> bool:
        """Answer one question; False when nobody listens any more."""
        question = json.loads(line)
        try:
            result = self._handlers[question["do"]](self, question)
            found = {"id": question["id"], **result}
        except BaseException as error:  # sys.exit() in a module is no reason to end
            found = {"id": question["id"], **_told(error)}
        data = json.dumps(found, default=repr).encode("ascii", "replace") + b"\n"
        try:
            with self._lock:
                self._connection.sendall(data)
        except OSError:
            return False
        return True

    def _report(self, question: Mapping[str, Any]) -> dict[str, Any]:
        target = Target(**question["target"])
        module = load(target)
        graphs: list[dict[str, Any]] = []
        problems: list[str] = []
        for variable, name, graph in graphs_in(module, target.attribute):
            try:
                graphs.append(report_graph(graph, name, variable, module, target))
            except Exception as error:
                # One graph that cannot be described leaves the others.
                problems.append(f"{name}: {type(error).__name__}: {error}")
        return {"ok": True, "graphs": graphs, "problems": problems, "files": _files(target)}

    def _check(self, question: Mapping[str, Any]) -> dict[str, Any]:
        graph = graph_of(Target(**question["target"]), question["graph"])
        try:
            values = build_values(graph, question["texts"], tuple(question["map_over"]), _whatever)
        except Refused as refused:
            return {"ok": True, "problems": dict(refused.problems)}
        return {"ok": True, "problems": _unstorable(values) if question.get("stored") else {}}

    def _forecast(self, question: Mapping[str, Any]) -> dict[str, Any]:
        order = Order.loads(json.dumps(question["order"]).encode())
        return {"ok": True, **forecast(graph_of(order.target, order.graph), order)}

    def _bench(self, question: Mapping[str, Any]) -> dict[str, Any]:
        graph = graph_of(Target(**question["target"]), question["graph"])
        return {"ok": True, **bench(graph, question)}

    _handlers: Final = {"bench": _bench, "report": _report, "check": _check, "forecast": _forecast}


def _whatever(*_: str) -> None:
    """Stand for the stored input of another run, which only the worker reads."""


def _unstorable(values: Mapping[str, Any]) -> dict[str, str]:
    """Say which inputs the store would refuse: a run that cannot keep them would fail after all its work."""
    from hypergraph.checkpointers import TaggedSerializer
    from hypergraph.exceptions import SerializationError

    serializer, found = TaggedSerializer(), {}
    for name, value in values.items():
        if hasattr(value, "shape"):
            # Arrays and tables are known to be kept, and may be large.
            continue
        try:
            serializer.serialize(value)
        except SerializationError as error:
            reason = str(error).partition("\n")[0].rstrip(".")
            known = _NO_FORM.search(reason)
            if known is not None:
                reason = f"the store keeps no {known.group(1)}"
            found[name] = f"{reason}; bind it in the module instead, or take plain data"
    return found


def _files(target: Target) -> list[str]:
    """Give the files of the module and of what it imported from its own root: those whose change matters."""
    found: set[str] = {target.file} if target.file else set()
    root = Path(target.root).resolve()
    for name, module in list(sys.modules.items()):
        if name.partition(".")[0] in {"hypergraph", "studio"} and not name.startswith("studio.examples."):
            continue
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file.endswith(".py"):
            path = Path(file)
            if path.is_relative_to(root) and "site-packages" not in path.parts and ".venv" not in path.parts:
                found.add(str(path))
    return sorted(found)[:500]


def _told(error: BaseException) -> dict[str, Any]:
    if isinstance(error, Refused):
        return {"ok": False, "error": str(error), "problems": dict(error.problems), "traceback": ""}
    try:
        message = f"{type(error).__name__}: {error}".removesuffix(": ")
    except Exception:
        message = f"{type(error).__name__}: (its text cannot be read)"
    if isinstance(error, SystemExit):
        message = f"The module asked to exit ({error.code!r}) while it was loaded."
    try:
        # The first frames are ours: how a module is loaded is not what is wrong with it.
        text = "".join(traceback.format_exception(type(error), error, _own(error)))
    except Exception:
        text = message
    return {"ok": False, "error": message.partition("\n")[0][:500], "traceback": text[-_TRACEBACK:]}


def _own(error: BaseException) -> Any:
    """Give the trace from the first frame that is not ours; none where a file could not even be read."""
    trace = error.__traceback__
    ours = str(Path(__file__).parent)
    while trace is not None:
        name = trace.tb_frame.f_code.co_filename
        if not (name.startswith((ours, "<frozen importlib")) or "/importlib/" in name):
            break
        trace = trace.tb_next
    return trace
