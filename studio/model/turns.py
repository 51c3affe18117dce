"""The turns of a loop as a table of values."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from studio.model.facts import RunFacts
from studio.model.lines import decision_text
from studio.model.preview import one_line
from studio.model.run_view import TurnTable

__all__ = ["turn_table"]

_MOST_TURNS: Final = 500
_MOST_COLUMNS: Final = 8
_CELL: Final = 60


def turn_table(facts: RunFacts, nodes: Sequence[str]) -> TurnTable:
    """Give a row a turn, a column a value; of very long loops the last turns.

    Args:
        facts: what is known of the run.
        nodes: the nodes that ran more than once.
    """
    ran: dict[str, list[Any]] = {}
    for node in nodes:
        steps = [facts.steps[facts.root, at, node].end for at in facts.turns[facts.root, node]]
        ran[node] = [end for end in steps if end is not None and end["status"] == "completed" and not end.get("partial")]
    columns = _columns(ran)
    turns = max((len(ends) for ends in ran.values()), default=0)
    rows = []
    for turn in range(max(0, turns - _MOST_TURNS), turns):
        ends = {node: found[turn] for node, found in ran.items() if turn < len(found)}
        cells = tuple(_cell(ends.get(node), name) for node, name in columns)
        took = sum(end.get("ms", 0.0) for end in ends.values()) / 1000
        rows.append((cells, took if ends else None))
    return TurnTable(tuple(f"{node}.{name}" if name else node for node, name in columns), tuple(rows))


def _columns(ran: dict[str, list[Any]]) -> list[tuple[str, str]]:
    columns: list[tuple[str, str]] = []
    for node, ends in ran.items():
        names = {name: None for end in ends[-3:] for name in end.get("out", ())}
        if any(end.get("decision") for end in ends):
            columns.append((node, ""))
        columns += [(node, name) for name in names]
    return columns[:_MOST_COLUMNS]


def _cell(end: Any, name: str) -> str:
    if end is None:
        return ""
    if not name:
        return f"→ {decision_text(end.get('decision')) or ''}"
    value = end.get("out", {}).get(name)
    return one_line(value[1], _CELL) if value is not None else ""
