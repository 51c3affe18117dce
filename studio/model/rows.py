"""Stored runs as rows of lists: one line a run, with the reason why it is there."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import TYPE_CHECKING, Any, Final

from studio.model.lineage_view import LineageRow
from studio.model.preview import one_line, preview
from studio.model.run_view import RunRow
from studio.model.secrets import is_secret
from studio.model.type_spec import TypeSpec
from studio.model.value_view import ValueView

if TYPE_CHECKING:
    from hypergraph.checkpointers import LineageView, PauseRecord, Run

__all__ = ["answer_spec", "changes_text", "lineage_rows", "run_row", "state_of", "value_view"]

_CAUSE: Final = 120
_PLAIN_KINDS: Final = frozenset({"bool", "int", "float", "str"})


def state_of(run: Run) -> str:
    """Give the word for how a stored run stands."""
    if str(run.status) == "active":
        return "interrupted" if run.interrupted else "running"
    return str(run.status)


def _seconds(run: Run, now: float) -> float | None:
    if state_of(run) == "running":
        return max(0.0, now - run.created_at.timestamp())
    return None if run.duration_ms is None else run.duration_ms / 1000


def run_row(run: Run, now: float, key: int | None = None, *, secrets: Collection[str] = ()) -> RunRow:
    """Give the row of a run.

    Args:
        run: the run.
        now: Unix seconds, where the duration of a running run ends.
        key: where the page after this row begins.
        secrets: further names whose values are not shown.
    """
    config = run.config or {}
    batch = config.get("kind") == "map"
    return RunRow(
        run.id,
        state_of(run),
        run.graph_name or "",
        run.created_at.timestamp(),
        _seconds(run, now),
        one_line(_cause(run, secrets), _CAUSE),
        int(config.get("map_size") or 0) if batch else 0,
        run.error_count if batch else 0,
        key,
    )


def _cause(run: Run, secrets: Collection[str] = ()) -> str:
    parts: list[str] = []
    if run.retry_of is not None:
        parts.append(f"retry {run.retry_index or ''} of {run.retry_of}".replace("  ", " "))
    elif run.forked_from is not None:
        at = f" @{run.fork_superstep}" if run.fork_superstep is not None else ""
        parts.append(f"fork{at} of {run.forked_from}")
    if run.changes:
        parts.append(changes_text(run.changes, secrets))
    if run.pauses:
        first = run.pauses[0]
        shown = next((value for name, value in first.values.items() if isinstance(value, str) and not is_secret(name, secrets)), "")
        parts.append(f"{first.node_name}: {one_line(shown, 60)}" if shown else first.node_name)
    elif run.error:
        parts.append(run.error)
    return ": ".join(parts)


def changes_text(changes: Mapping[str, tuple[Any, Any]], secrets: Collection[str] = ()) -> str:
    """Give what a fork changed in one line: "top_k: 50→20"; without the old value where none was given."""

    def short(name: str, value: Any) -> str:
        return one_line(preview(value, name=name, secrets=secrets, limit=80)[1], 24)

    return ", ".join(
        f"{name}: {short(name, new)}" if old is None else f"{name}: {short(name, old)}→{short(name, new)}"
        for name, (old, new) in changes.items()
    )


def lineage_rows(
    tree: LineageView,
    now: float,
    *,
    code: Mapping[str, str] | None = None,
    kept: Mapping[str, int] | None = None,
    secrets: Collection[str] = (),
) -> tuple[LineageRow, ...]:
    """Give the rows of a family of runs.

    Args:
        tree: the family.
        now: Unix seconds.
        code: run -> which code had changed since its source.
        kept: run -> how many steps of its source stand in it.
        secrets: further names whose values are not shown.
    """
    rows: list[LineageRow] = []
    for row in tree:
        run = row.run
        kind, number = "", (kept or {}).get(run.id, 0)
        if run.retry_of is not None:
            kind = f"retry {run.retry_index or 1}"
        elif run.forked_from is not None:
            kind = f"fork @{run.fork_superstep}" if run.fork_superstep is not None else "fork"
        cause = _made_by(run, (code or {}).get(run.id, ""), secrets) if kind else one_line(run.error or "", _CAUSE)
        note = f"inherits {number} step{'' if number == 1 else 's'}" if number else ""
        error = (run.error or "").partition(":")[0] if state_of(run) == "failed" else ""
        lanes = row.lane.replace("─ ", "─").replace("└", "╰") + "●"
        rows.append(LineageRow(run.id, lanes, state_of(run), kind, cause, note, _seconds(run, now), row.is_selected, error))
    return tuple(rows)


def _made_by(run: Run, code: str, secrets: Collection[str]) -> str:
    """Say what made a fork or retry another run than its source."""
    parts = [changes_text(run.changes, secrets)] if run.changes else []
    if code:
        parts.append(code)
    if parts:
        return " · ".join(parts)
    if run.changes is None and run.retry_of is None:
        return "changed: not recorded"
    return "same inputs, same code" if (run.config or {}).get("graph_code_hash") else "same inputs"


def value_view(name: str, value: Any, origin: str = "", *, secrets: Collection[str] = ()) -> ValueView:
    """Give a value as a list shows it."""
    kind, text = preview(value, name=name, secrets=secrets)
    return ValueView(name, kind, one_line(text), origin, text)


def answer_spec(pause: PauseRecord) -> TypeSpec:
    """Give what an answer has to be, as far as the store says it."""
    label = pause.answer_type or "Any"
    if label == "bool":
        return TypeSpec("bool", "bool")
    if pause.choices:
        literal = label.startswith("Literal")
        return TypeSpec("literal" if literal else "enum", label, tuple(repr(one) if literal else one for one in pause.choices))
    return TypeSpec(label if label in _PLAIN_KINDS else "any", label)
