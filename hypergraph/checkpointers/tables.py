"""Lists of runs and steps that read well where they are printed."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from hypergraph._text import duration, plural
from hypergraph.records import Run, StepRecord

__all__ = ["RunTable", "StepTable", "html_table"]

_SHOWN = 50


class RunTable(list[Run]):
    """Runs, newest first: a list with a readable `repr` and HTML for notebooks."""

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the runs as JSON-safe primitives."""
        return [run.to_dict() for run in self]

    def __repr__(self) -> str:
        return _listing("RunTable", "run", self)

    def _repr_html_(self) -> str:
        rows = [
            (run.id, run.graph_name or "", f"{run.status.value}{', interrupted' if run.interrupted else ''}", duration(run.duration_ms),
             run.node_count, run.error_count, f"{run.created_at:%Y-%m-%d %H:%M:%S}")
            for run in self[:_SHOWN]
        ]  # fmt: skip
        return html_table(f"RunTable: {plural(len(self), 'run')}", ("id", "graph", "status", "time", "steps", "errors", "created"), rows)


class StepTable(list[StepRecord]):
    """Steps of one run, or what a search found: a list with a readable `repr` and HTML for notebooks."""

    def to_dict(self) -> list[dict[str, Any]]:
        """Give the steps as JSON-safe primitives."""
        return [step.to_dict() for step in self]

    def __repr__(self) -> str:
        return _listing("StepTable", "step", self)

    def _repr_html_(self) -> str:
        rows = [
            (step.run_id, step.superstep, step.node_name, "cached" if step.cached else step.status.value, duration(step.duration_ms),
             str(step.decision) if step.decision is not None else "", step.error or "")
            for step in self[:_SHOWN]
        ]  # fmt: skip
        head = ("run", "superstep", "node", "status", "time", "decision", "error")
        return html_table(f"StepTable: {plural(len(self), 'step')}", head, rows)


def _listing(name: str, noun: str, items: Sequence[object]) -> str:
    if not items:
        return f"{name}: (empty)"
    lines = [f"{name}: {plural(len(items), noun)}", *(f"  {item!r}" for item in items[:_SHOWN])]
    if len(items) > _SHOWN:
        lines.append(f"  … {len(items) - _SHOWN} more")
    return "\n".join(lines)


def html_table(caption: str, head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """Give an HTML table; all text in it is escaped."""
    columns = "".join(f"<th style='text-align:left'>{escape(name)}</th>" for name in head)
    body = "".join("<tr>" + "".join(f"<td style='text-align:left'>{escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows)
    head_text = f"<caption style='text-align:left'>{escape(caption)}</caption><thead><tr>{columns}</tr></thead>"
    return f"<table>{head_text}<tbody>{body}</tbody></table>"
