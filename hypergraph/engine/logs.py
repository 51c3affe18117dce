"""Logs as folds of the journal, built when somebody reads them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from hypergraph.engine.journal import decision_text, error_text
from hypergraph.runlog import LogLine, MapLog, RunLog, build_log, build_map_log, stand_in

if TYPE_CHECKING:
    from hypergraph.engine.batch import BatchEnded
    from hypergraph.engine.journal import Line

__all__ = ["log_of", "map_log_of"]


def log_of(graph_name: str | None, run_id: str, duration_ms: float, journal: Sequence[Line]) -> RunLog:
    """Give the log of one run."""
    return build_log(graph_name, run_id, duration_ms, (_log_line(line) for line in journal))


def _log_line(line: Line) -> LogLine:
    return LogLine(
        # A question inside a nested graph reads by its path ("inner/approval").
        node_name=line.pauses[0].node_name if line.pauses else line.op.name,
        superstep=line.superstep,
        duration_ms=line.duration_ms,
        status=line.status.value,
        span_id=line.span_id,
        error=error_text(line.error) if line.error is not None else None,
        cached=line.cached,
        decision=decision_text(line.decision),
        inner=line.inner,
    )


def map_log_of(ended: BatchEnded) -> MapLog:
    """Give the log of a batch; an item that failed outside its nodes shows that as a step of its own."""
    items = [item for item in ended.items if item is not None]

    def log(index: int) -> RunLog:
        item = items[index]
        return stand_in(item.graph_name, item.run_id, error_text(item.error) if item.error is not None else None, item.log())

    return build_map_log(ended.graph_name, ended.duration_ms, len(items), log)
