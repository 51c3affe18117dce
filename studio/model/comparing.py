"""Two runs side by side: aligned by node and turn; the first value that differs, and what only follows from it."""

from __future__ import annotations

import difflib
from collections.abc import Mapping, Sequence
from typing import Any, Final

from studio.model.diff import Comparison, DiffRow
from studio.model.facts import Line, RunFacts
from studio.model.lines import decision_text
from studio.model.preview import one_line

__all__ = ["compare", "difference"]

_TEXT: Final = 60
_LONG: Final = 4_000
_MOST_TURNS: Final = 1_000

_Place = tuple[str, int]


def compare(
    a: RunFacts, b: RunFacts, states: tuple[str, str], causes: Sequence[str], kept: tuple[Mapping[str, Line], Mapping[str, Line]] = ({}, {})
) -> Comparison:
    """Compare two runs.

    Args:
        a, b: what is known of them.
        states: how they stand.
        causes: what was changed between them, in words.
        kept: what each took over from its source: node -> "node-" line.
    """
    ends_a, ends_b = _ends(a, kept[0]), _ends(b, kept[1])
    rows: list[DiffRow] = []
    found = False
    for place in _ordered(ends_a, ends_b):
        row = _row(place, ends_a.get(place), ends_b.get(place))
        first = row.differs and not found
        found = found or row.differs
        rows.append(row if not first else _first(row))
    return Comparison(a.root, b.root, states[0], states[1], tuple(causes), tuple(rows))


def _ends(facts: RunFacts, kept: Mapping[str, Line]) -> dict[_Place, Line]:
    """Give (path, turn) -> end of every step, nested ones under their path, in the order in which they began."""
    found: dict[_Place, Line] = {(path, 1): line for path, line in kept.items()}
    paths: dict[str, str] = {facts.root: ""}
    ordered = sorted(facts.steps.items(), key=lambda item: (_started(item[1]), item[0][1]))
    for (run, superstep, node), _ in ordered:
        inside = facts.inside.get((run, superstep, node))
        if run in paths and inside is not None:
            paths.setdefault(inside, f"{paths[run]}{node}/")
    turns: dict[str, int] = {}
    for (run, _, node), step in ordered:
        end = step.end
        if run not in paths or end is None:
            continue
        path = paths[run] + node
        before = turns.get(path, 0)
        last = found.get((path, before))
        if last is None or last["status"] == "completed":
            before += 1
        if before <= _MOST_TURNS:
            turns[path] = before
            found[path, before] = end
    return found


def _started(step: Any) -> float:
    if step.began is not None:
        return float(step.began["t"])
    return float((step.end or {}).get("t0") or 0.0)


def _ordered(a: Mapping[_Place, Line], b: Mapping[_Place, Line]) -> list[_Place]:
    """Merge the two orders; what only one run has stands where it happened."""
    merged: list[_Place] = []
    matcher = difflib.SequenceMatcher(None, list(a), list(b), autojunk=False)
    first, second = list(a), list(b)
    for tag, low_a, high_a, low_b, high_b in matcher.get_opcodes():
        merged += first[low_a:high_a]
        if tag != "equal":
            merged += [place for place in second[low_b:high_b] if place not in a]
    return list(dict.fromkeys(merged))


def _row(place: _Place, a: Line | None, b: Line | None) -> DiffRow:
    path, turn = place
    values = _values(a, b)
    ended_alike = (a is None) == (b is None) and (a or {}).get("status") == (b or {}).get("status")
    same_end = ended_alike and (a or {}).get("error") == (b or {}).get("error")
    differs = not same_end or decision_text((a or {}).get("decision")) != decision_text((b or {}).get("decision"))
    differs = differs or any(before != after for _, before, after, _ in values)
    return DiffRow(
        path,
        turn,
        _state(a),
        _text(a, values, 1),
        _state(b),
        _text(b, values, 2),
        _seconds(a),
        _seconds(b),
        differs,
        False,
        values,
    )


def _first(row: DiffRow) -> DiffRow:
    return DiffRow(
        row.path, row.turn, row.state_a, row.text_a, row.state_b, row.text_b, row.seconds_a, row.seconds_b, True, True, row.values
    )


def _state(line: Line | None) -> str:
    if line is None:
        return "skipped"
    if "from" in line:
        # It was taken over: the line says from which run.
        return "kept"
    return "cached" if line.get("cached") else str(line["status"])


def _seconds(line: Line | None) -> float | None:
    return None if line is None else line.get("ms", 0.0) / 1000


def _text(line: Line | None, values: Sequence[tuple[str, str, str, str]], side: int) -> str:
    if line is None:
        return "did not run"
    if line.get("error"):
        return one_line(str(line["error"]), _TEXT)
    if line.get("decision"):
        return f"→ {decision_text(line['decision'])}"
    changed = [value for value in values if value[1] != value[2]] or list(values)
    return one_line(", ".join(f"{value[0]}: {value[side]}" for value in changed if value[side]), _TEXT)


def _values(a: Line | None, b: Line | None) -> tuple[tuple[str, str, str, str], ...]:
    before, after = (a or {}).get("out") or {}, (b or {}).get("out") or {}
    found = []
    for name in dict.fromkeys([*before, *after]):
        left, right = _shown(before.get(name)), _shown(after.get(name))
        found.append((name, left, right, difference(before.get(name), after.get(name))))
    return tuple(found)


def _shown(value: Sequence[str] | None) -> str:
    if value is None:
        return ""
    kind, text = value[0], value[1]
    return f"{kind} {text}"[:_LONG] if "[" in kind or " " in kind else text[:_LONG]


def difference(before: Sequence[str] | None, after: Sequence[str] | None) -> str:
    """Say in a few words how two previews differ."""
    if before is None or after is None:
        return "only in A" if after is None else "only in B"
    if list(before) == list(after):
        return "same as far as it is shown" if len(before[1]) >= 2_000 else "same"
    if before[0].partition("[")[0].split()[0] != after[0].partition("[")[0].split()[0]:
        return f"{before[0]} became {after[0]}"
    if before[0].startswith("str"):
        words = difflib.SequenceMatcher(None, before[1][:_LONG].split(), after[1][:_LONG].split(), autojunk=False)
        changed = sum(max(high_a - low_a, high_b - low_b) for tag, low_a, high_a, low_b, high_b in words.get_opcodes() if tag != "equal")
        return f"{changed} word{'' if changed == 1 else 's'} differ{'s' if changed == 1 else ''}"
    return f"{before[0]} → {after[0]}" if before[0] != after[0] else "differs"
