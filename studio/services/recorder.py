"""In a worker: from the runner's events to lines of the event log."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

from hypergraph.events import (
    InterruptEvent,
    NodeEndEvent,
    NodeErrorEvent,
    NodeStartEvent,
    RunEndEvent,
    RunStartEvent,
    StopRequestedEvent,
    StreamingChunkEvent,
)
from studio.model.lines import previews, step_line
from studio.model.preview import one_line, preview
from studio.services.event_log import EventLog
from studio.services.output import Place, now_in

__all__ = ["Recorder"]

_CHUNK: Final = 2_000


class _RunPlace(NamedTuple):
    """Where a run stands: its id, the batches around it, the path of what is inside, and the node around it."""

    run: str
    items: tuple[Any, ...] = ()
    prefix: str = ""
    outer: Place | None = None


class Recorder:
    """Hears a runner's events, and writes them down. Each costs a few microseconds; values are looked at, never kept.

    Args:
        log: where the lines go.
        root: the run's id, where an event does not say it.
        secrets: further names whose values are not shown.
        started: called once, when the run has begun.
        hide: takes secrets out of a text.
    """

    def __init__(
        self,
        log: EventLog,
        root: str,
        *,
        secrets: Collection[str] = (),
        started: Callable[[], None] | None = None,
        hide: Callable[[str], str] = str,
    ) -> None:
        self._log = log
        self._root = root
        self._secrets = secrets
        self._started = started
        self._hide = hide
        self._changes = 0
        self._runs: dict[str, _RunPlace] = {}
        self._steps: dict[str, tuple[_RunPlace, int, str]] = {}
        self._batches: set[str] = set()
        self._handlers: dict[type, Callable[[Any], None]] = {
            RunStartEvent: self._run_started,
            RunEndEvent: self._run_ended,
            NodeStartEvent: self._node_started,
            NodeEndEvent: self._node_ended,
            NodeErrorEvent: self._node_failed,
            InterruptEvent: self._paused,
            StopRequestedEvent: self._stopping,
            StreamingChunkEvent: self._chunk,
        }

    def on_event(self, event: Any) -> None:
        """Take an event."""
        handler = self._handlers.get(type(event))
        if handler is not None:
            handler(event)

    def shutdown(self) -> None:
        """Write what waits."""
        self._log.flush()

    def told(self, lines: Iterable[dict[str, Any]]) -> None:
        """Write lines of a runner that reports no events."""
        for line in lines:
            self._log.put(line)

    # Runs.

    def _run_started(self, event: RunStartEvent) -> None:
        up = self._steps.get(event.parent_span_id or "")
        outer = self._runs.get(event.parent_span_id or "")
        line: dict[str, Any] = {"k": "run+", "t": event.timestamp, "g": event.graph_name or ""}
        if up is not None:
            around, superstep, node = up
            run = event.workflow_id or f"{around.run}/{node}"
            path = around.prefix + node
            place = _RunPlace(run, around.items, path + "/", Place(around.run, path, superstep, around.items))
            line["up"] = [around.run, superstep, node]
        elif outer is not None:
            index = event.item_index if event.item_index is not None else 0
            run = event.workflow_id or f"{outer.run}/{index}"
            place = _RunPlace(run, (*outer.items, outer.run, index), outer.prefix, outer.outer)
            line["i"] = index
        else:
            run = event.workflow_id or self._root
            place = _RunPlace(run)
        self._runs[event.span_id] = place
        line["r"] = run
        if place.items:
            line["m"] = place.items
        if event.is_map:
            self._batches.add(event.span_id)
            line["map"] = True
            line["size"] = event.map_size or 0
        if event.is_resume:
            line["resume"] = True
        self._log.put(line, at_once=not place.items)
        if self._started is not None and run == self._root:
            started, self._started = self._started, None
            started()

    def _run_ended(self, event: RunEndEvent) -> None:
        place = self._runs.pop(event.span_id, None)
        if place is None:
            return
        line: dict[str, Any] = {
            "k": "run-",
            "t": event.timestamp,
            "r": place.run,
            "status": str(event.status),
            "ms": round(event.duration_ms, 3),
        }
        if place.items:
            line["m"] = place.items
            if event.span_id not in self._batches:
                line["i"] = place.items[-1]
        if event.error:
            line["error"] = self._hide(event.error[:8192])
        self._log.put(line)

    # Nodes.

    def alone(self) -> tuple[int, Place | None]:
        """Give a number that every start and end of a node raises, and the one node that runs now, if it is one."""
        around = {place.outer for place in list(self._runs.values())}
        running = [Place(place.run, place.prefix + node, superstep, place.items) for place, superstep, node in list(self._steps.values())]
        inmost = [place for place in running if place not in around]
        return self._changes, inmost[0] if len(inmost) == 1 else None

    def _node_started(self, event: NodeStartEvent) -> None:
        place = self._runs.get(event.parent_span_id or "")
        if place is None:
            return
        self._steps[event.span_id] = place, event.superstep, event.node_name
        self._changes += 1
        now_in(Place(place.run, place.prefix + event.node_name, event.superstep, place.items))
        line: dict[str, Any] = {"k": "node+", "t": event.timestamp, "r": place.run, "s": event.superstep, "node": event.node_name}
        if place.items:
            line["m"] = place.items
        elif event.inputs and not self._log.full:
            # What items read and give is shown from the store: thousands of them would make a log of many megabytes.
            line["in"] = self._previews(event.inputs)
        self._log.put(line, at_once=not place.items, soon=True)

    def _ended(self, event: Any, line: dict[str, Any]) -> None:
        place = self._runs.get(event.parent_span_id or "")
        if place is None:
            return
        self._steps.pop(event.span_id, None)
        self._changes += 1
        now_in(place.outer)
        line["r"] = place.run
        if place.items:
            line["m"] = place.items
        self._log.put(line)

    def _node_ended(self, event: NodeEndEvent) -> None:
        place = self._runs.get(event.parent_span_id or "")
        if place is not None and place.items:
            # Of items it counts how they end, and where they fail; the rest is shown from the store.
            self._steps.pop(event.span_id, None)
            self._changes += 1
            now_in(place.outer)
            return
        record = event.record
        line: dict[str, Any] = {
            "k": "node-",
            "t": event.timestamp,
            "s": event.superstep,
            "node": event.node_name,
            "status": "completed",
            "ms": round(event.duration_ms, 3),
        }
        if event.cached:
            line["cached"] = True
        if record is not None:
            if record.values and not self._log.full:
                line["out"] = self._previews(record.values)
            if record.decision is not None:
                line["decision"] = record.decision
            if record.child_run_id is not None:
                line["child"] = record.child_run_id
            if record.attempt > 1:
                line["attempt"] = record.attempt
            if record.partial:
                line["partial"] = True
        self._ended(event, line)

    def _node_failed(self, event: NodeErrorEvent) -> None:
        if event.record is not None:
            line = step_line(event.record, self._secrets)
            line["t"] = event.timestamp
        else:
            line = {"k": "node-", "t": event.timestamp, "s": event.superstep, "node": event.node_name, "status": "failed"}
            line |= {"error": event.error[:8192], "type": event.error_type, "ms": 0.0}
        for name in ("error", "tb"):
            if line.get(name):
                line[name] = self._hide(line[name])
        self._ended(event, line)

    def _paused(self, event: InterruptEvent) -> None:
        # A question from deeper inside carries its path; the step that pauses is the one at this level.
        node = event.node_name.partition("/")[0]
        line: dict[str, Any] = {"k": "node-", "t": event.timestamp, "s": event.superstep, "node": node, "status": "paused", "ms": 0.0}
        if event.record is not None:
            line["ms"] = round(event.record.duration_ms, 3)
        self._ended(event, line)

    def _previews(self, values: Mapping[str, Any]) -> dict[str, list[str]]:
        return previews(values, self._secrets)

    # The rest.

    def _stopping(self, event: StopRequestedEvent) -> None:
        place = self._runs.get(event.parent_span_id or "")
        if place is None or place.run != self._root:
            return
        self._log.put({"k": "stop", "t": event.timestamp, "r": place.run, "info": one_line(preview(event.info)[1])}, at_once=True)

    def _chunk(self, event: StreamingChunkEvent) -> None:
        step = self._steps.get(event.parent_span_id or "")
        if step is None:
            return
        place, superstep, node = step
        text = event.chunk if type(event.chunk) is str else preview(event.chunk, limit=_CHUNK)[1]
        line: dict[str, Any] = {
            "k": "chunk",
            "r": place.run,
            "node": node,
            "path": place.prefix + node,
            "s": superstep,
            "text": text[:_CHUNK],
        }
        if place.items:
            line["m"] = place.items
        self._log.put_printed(line)
