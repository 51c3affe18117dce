"""The process that serves one claim: it loads the graph, runs it, writes the event log, and ends.

It outlives the studio that started it. What it stores goes through the library; what it tells goes to the event log; it is spoken to over
a socket.
"""

from __future__ import annotations

import contextlib
import faulthandler
import os
import signal
import socket
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from studio.services.building import FormError
from studio.services.claim import perform
from studio.services.control import ControlServer
from studio.services.event_log import EventLog
from studio.services.hiding import Hider
from studio.services.order import Order
from studio.services.output import Output
from studio.services.processes import mark_of
from studio.services.raw_output import RawOutput
from studio.services.recorder import Recorder

if TYPE_CHECKING:
    from hypergraph import Graph
from studio.services.values import Refused

__all__ = ["serve"]

_LINGER: Final = 3.0
_ONE_WISH: Final = 1.0


def serve(descriptor: int) -> int:
    """Serve the claim that the order on this descriptor describes; returns the exit code."""
    with os.fdopen(descriptor, "rb") as pipe:
        data = pipe.read()
    try:
        order = Order.loads(data)
    except (ValueError, KeyError, TypeError):
        sys.stderr.write("The order was cut off: the studio that gave it went away.\n")
        return 1
    return _Worker(order).serve()


class _Worker:
    def __init__(self, order: Order) -> None:
        self.order = order
        self.folder = Path(order.folder)
        self.log = EventLog(self.folder / f"{order.claim}.events", order.claim)
        self.hider = Hider(order.secrets)
        self.hider.learn({**order.texts, **order.edits})
        self.recorder = Recorder(self.log, order.run_id, secrets=order.secrets, started=self._started, hide=self.hider)
        self.output = Output(self.log.put_printed, self.hider)
        self.raw = RawOutput(self.folder, order.claim, self.log.put_printed, self.hider, self.recorder.alone)
        self.runner: Any = None
        self.started = threading.Event()
        self.stop_wanted: Any = None
        self.terminated = float("-inf")
        self.control = ControlServer(self.folder / f"{order.claim}.sock", self._command)

    def serve(self) -> int:
        order = self.order
        self.log.put(
            {
                "k": "claim", "format": 1, "run": order.run_id, "r": order.run_id, "verb": order.verb, "pid": os.getpid(),
                "mark": mark_of(os.getpid()), "host": socket.gethostname(), "actor": order.actor, "runner": order.runner,
                "graph": order.graph,
            },
            at_once=True,
        )  # fmt: skip
        signal.signal(signal.SIGTERM, self._terminated)
        # A crash of a library in C says where it happened.
        faulthandler.enable(sys.__stderr__ or 2, all_threads=False)
        self.output.install()
        ending: dict[str, Any] = {"k": "end", "r": order.run_id}
        code = 0
        try:
            result = perform(order, self.recorder, loaded=self._loaded, ready=self._ready, known=self.hider.learn)
            ending |= {"status": result.status, "ok": result.ok, "errors": list(result.errors)[:20]}
            if result.error:
                ending["error"] = self.hider(result.error)
        except BaseException as error:  # whatever ends a run ends only its worker, and is told
            code = 1
            ending |= {name: self.hider(told) if isinstance(told, str) else told for name, told in _told(error).items()}
        self.output.flush()
        self.raw.close()
        self.log.settle()
        self.log.put(ending)
        self.control.close()
        self.log.close()
        _leave(code)
        return code

    def _loaded(self, graph: Graph) -> None:
        self.output.listen()
        # Whoever looks at this run later need not have the module.
        self.log.put(
            {
                "k": "scene", "r": self.order.run_id, "struct": graph.structural_hash, "code": graph.code_hash,
                "scene": graph.scene(depth=None).to_dict(),
            }
        )  # fmt: skip

    def _ready(self, runner: Any) -> None:
        self.runner = runner

    def _started(self) -> None:
        self.started.set()
        with contextlib.suppress(OSError):
            self.control.rename(self.folder / "control.sock")
        if self.stop_wanted is not None:
            self._stop(self.stop_wanted)

    def _command(self, command: Mapping[str, Any]) -> Mapping[str, Any]:
        if command.get("do") == "stop":
            info = {"actor": str(command.get("actor", "")), "info": command.get("info")}
            # The run itself takes note of it between two supersteps: until then it is only asked.
            self.log.put({"k": "stop", "r": self.order.run_id, "info": info["actor"]}, at_once=True)
            return {"ok": True, "answer": "asked" if self._stop(info) else "will stop as soon as it has begun"}
        if command.get("do") == "ping":
            return {"ok": True, "pid": os.getpid(), "claim": self.order.claim, "run": self.order.run_id, "begun": self.started.is_set()}
        return {"ok": False, "answer": "not a command"}

    def _stop(self, info: Any) -> bool:
        # A stop before the run has begun would be forgotten by the runner.
        self.stop_wanted = info
        return self.runner is not None and self.started.is_set() and bool(self.runner.stop(self.order.run_id, info=info))

    def _terminated(self, number: int, frame: Any) -> None:
        # Whoever ends a whole group sends it to both of us, and the other one hands it on: that is one wish.
        if time.monotonic() - self.terminated < _ONE_WISH:
            return
        again, self.terminated = self.terminated > 0, time.monotonic()
        if again or not self._stop({"actor": "SIGTERM", "info": None}):
            raise SystemExit(143)


def _told(error: BaseException) -> dict[str, Any]:
    """Give what has to be known of the exception that ended a claim."""
    if isinstance(error, Refused):
        return {"status": "refused", "error": str(error), "problems": dict(error.problems)}
    kind = type(error).__name__
    text = "".join(traceback.format_exception(error))
    try:
        message = f"{kind}: {error}"
    except Exception:
        message = f"{kind}: (its text cannot be read)"
    refused = isinstance(error, FormError) or getattr(type(error), "__module__", "").startswith("hypergraph.exceptions")
    if isinstance(error, SystemExit):
        message = f"The program asked to exit ({error.code})."
    return {"status": "refused" if refused else "failed", "error": message[:8192], "tb": text[-16_384:]}


def _leave(code: int) -> None:
    """End, even where the user's threads do not; those that are about to get a moment."""

    def give_up() -> None:
        time.sleep(_LINGER)
        os._exit(code)

    threading.Thread(target=give_up, daemon=True).start()
