"""Logs as folds of the journal, built when somebody reads them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from hypergraph.engine.journal import PAUSED, decision_text, error_text

if TYPE_CHECKING:
    from hypergraph.engine.batch import BatchEnded
    from hypergraph.engine.journal import Line
    from hypergraph.runlog import LogLine, MapLog, RunLog

__all__ = ["log_of", "map_log_of"]


def log_of(graph_name: str | None, run_id: str, duration_ms: float, journal: Iterable[Line]) -> RunLog:
    """Fold a run's journal into its log."""
    from hypergraph.runlog import build_log

    return build_log(graph_name, run_id, duration_ms, _lines(journal))


def _lines(journal: Iterable[Line]) -> Iterator[LogLine]:
    from hypergraph.runlog import LogLine

    for line in journal:
        # A pause inside a nested graph is shown with its path, as the caller sees it.
        name = line.pauses[0].node_name if line.status is PAUSED and line.pauses else line.op.name
        yield LogLine(
            name,
            line.superstep,
            line.duration_ms,
            line.status.value,
            line.span_id,
            error_text(line.error) if line.error is not None else None,
            line.cached,
            decision_text(line.decision),
            line.inner,
        )


def map_log_of(ended: BatchEnded) -> MapLog:
    """Fold a batch's journals into its log."""
    from hypergraph.runlog import build_map_log, stand_in

    items = [item for item in ended.items if item is not None]

    def log(index: int) -> RunLog:
        item = items[index]
        error = error_text(item.error) if item.error is not None else None
        return stand_in(item.graph_name, item.run_id, error, item.log())

    return build_map_log(ended.graph_name, ended.duration_ms, len(items), log)
