"""Stored runs and steps in the form of event-log lines, so that live and past runs are one fold; and lines as what a screen shows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from studio.model.preview import one_line, preview
from studio.model.value_view import ValueView

if TYPE_CHECKING:
    from hypergraph.checkpointers import Run, StepRecord

__all__ = ["decision_text", "previews", "run_line", "step_line", "value_views"]

_LONGEST_ERROR = 8_192


def previews(values: Mapping[str, Any], secrets: Collection[str] = ()) -> dict[str, list[str]]:
    """Give name -> [kind, beginning of the text]."""
    return {str(name): list(preview(value, name=str(name), secrets=secrets)) for name, value in values.items()}


def seconds(moment: datetime | None) -> float | None:
    """Give a moment in Unix seconds."""
    return None if moment is None else moment.timestamp()


def step_line(record: StepRecord, secrets: Collection[str] = (), values: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Give a stored step as a "node-" line.

    Args:
        record: the step.
        secrets: names whose values are not shown.
        values: previews that were made already, in place of the record's values.
    """
    ended = seconds(record.completed_at) or seconds(record.created_at) or 0.0
    started = seconds(record.started_at)
    line: dict[str, Any] = {
        "k": "node-",
        "r": record.run_id,
        "s": record.superstep,
        "node": record.node_name,
        "status": str(record.status),
        "ms": record.duration_ms,
        "t": ended,
        "t0": started if started is not None else ended - record.duration_ms / 1000,
    }
    if started is None:
        line["guess"] = True
    out = values if values is not None else previews(record.values or {}, secrets)
    for name, value in (
        ("out", out),
        ("cached", record.cached),
        ("decision", record.decision),
        ("child", record.child_run_id),
        ("error", _bounded(record.error)),
        ("type", record.error_type),
        ("tb", _bounded(record.traceback)),
        ("partial", record.partial),
        ("reads", sorted(record.input_versions)),
    ):
        if value:
            line[name] = value
    if record.attempt > 1:
        line["attempt"] = record.attempt
    return line


def run_line(run: Run) -> dict[str, Any]:
    """Give a stored run as the row that a fold takes in."""
    return {
        "r": run.id,
        "status": str(run.status),
        "interrupted": run.interrupted,
        "graph": run.graph_name or "",
        "t0": seconds(run.created_at),
        "t": seconds(run.completed_at),
        "error": _bounded(run.error),
        "actor": run.actor or "",
        "owner": None if run.owner is None else {"pid": run.owner.pid, "host": run.owner.host},
        "heard": seconds(run.last_owner.heard_at) if run.last_owner is not None else None,
        "config": dict(run.config or {}),
        "parent": run.parent_run_id,
        "forked_from": run.forked_from,
        "fork_superstep": run.fork_superstep,
        "ms": run.duration_ms,
    }


def _bounded(text: str | None) -> str | None:
    if text is None or len(text) <= _LONGEST_ERROR:
        return text
    half = _LONGEST_ERROR // 2
    return f"{text[:half]}\n… {len(text) - _LONGEST_ERROR} characters left out …\n{text[-half:]}"


def decision_text(decision: Any) -> str | None:
    """Give what a gate chose in words."""
    if not decision:
        return None
    return ", ".join(str(one) for one in decision) if isinstance(decision, (list, tuple)) else str(decision)


def value_views(values: Mapping[str, Any] | None, origins: Mapping[str, str] | None = None) -> tuple[ValueView, ...]:
    """Give previews as a screen shows them."""
    return tuple(
        ValueView(name, kind, one_line(text), (origins or {}).get(name, ""), text) for name, (kind, text) in (values or {}).items()
    )
