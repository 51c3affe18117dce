"""What is typed into the filter of the runs: words, and `name:value` pairs.

failed                  a state: running, completed, failed, paused, stopped, partial, interrupted
lost                    runs that were marked as lost, which are not listed else
graph:rag               runs of one graph
since:1d until:2h       started after, before; s, m, h, d, w
value:"slow.example"    a stored value holds this
id:rag-7                in the id; any other word is looked for in id, graph and error
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

__all__ = ["Filter", "parse_filter"]

_STATES: Final = {
    "running": "active", "active": "active", "interrupted": "active", "completed": "completed", "done": "completed", "failed": "failed",
    "paused": "paused", "waiting": "paused", "stopped": "stopped", "partial": "partial",
}  # fmt: skip
_AGE: Final = re.compile(r"(\d+(?:\.\d+)?)([smhdw])")
_UNITS: Final = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


@dataclass(frozen=True, slots=True)
class Filter:
    """A filter, read.

    Attributes:
        states: statuses as the store names them.
        interrupted: of active runs, only those without (True) or with (False) an owner; None for both.
        graph, text, value: what has to be in them.
        since, until: when the run was made.
        lost: those that were marked as lost.
    """

    states: tuple[str, ...] = ()
    interrupted: bool | None = None
    graph: str | None = None
    text: str | None = None
    value: str | None = None
    since: datetime | None = None
    until: datetime | None = None
    lost: bool = False


def parse_filter(typed: str, now: float) -> Filter:
    """Read what was typed; what makes no sense yet is looked for as text.

    Args:
        typed: the text of the field.
        now: Unix seconds, from which "since:1d" counts back.
    """
    states: dict[str, None] = {}
    words: list[str] = []
    found: dict[str, str] = {}
    moments: dict[str, datetime] = {}
    wanted: set[str] = set()
    for word in _words(typed):
        name, colon, rest = word.partition(":")
        if colon and rest and name in {"graph", "value", "id"}:
            found[name] = rest
        elif colon and name in {"since", "until"} and (moment := _moment(rest, now)) is not None:
            moments[name] = moment
        elif word == "lost":
            wanted.add(word)
        elif word in _STATES:
            states[_STATES[word]] = None
            wanted.add(word)
        elif not (colon and not rest):
            words.append(word)
    if "id" in found:
        words.insert(0, found["id"])
    owned = bool(wanted & {"running", "active"})
    interrupted = "interrupted" in wanted
    return Filter(
        tuple(states),
        None if owned == interrupted else interrupted,
        found.get("graph"),
        " ".join(words) or None,
        found.get("value"),
        moments.get("since"),
        moments.get("until"),
        "lost" in wanted,
    )


def _words(typed: str) -> list[str]:
    try:
        return shlex.split(typed)
    except ValueError:
        # A quotation that is still being typed.
        return typed.replace('"', " ").replace("'", " ").split()


def _moment(text: str, now: float) -> datetime | None:
    age = _AGE.fullmatch(text)
    if age is not None:
        seconds = min(float(age[1]) * _UNITS[age[2]], now)
        return datetime.fromtimestamp(now, UTC) - timedelta(seconds=seconds)
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        return None
    return found if found.tzinfo is not None else found.astimezone()
