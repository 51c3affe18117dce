"""Addresses: one text for each place, run, moment, step and value.

    hg:graphs                        a place
    hg:graph/NAME                    a graph
    hg:run/ID                        a run
    hg:run/ID/@3                     after its superstep 3
    hg:run/ID/@3/NODE~2/docs/3       a value of a node's second attempt
    hg:runs/FILTER                   the runs that a filter leaves
    hg:compare/A/B                   two runs side by side

Every part is percent-encoded, so that a run's id may hold a slash.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote, unquote

__all__ = ["Target", "compare_address", "graph_address", "parse", "run_address", "runs_address"]

_PLACES: Final = {
    "graphs": "graphs",
    "graph": "graphs",
    "launch": "launch",
    "run": "run",
    "runs": "runs",
    "inbox": "inbox",
    "compare": "compare",
}


@dataclass(frozen=True, slots=True)
class Target:
    """Where an address leads.

    Attributes:
        mode: the place.
        rest: the decoded parts behind it.
    """

    mode: str
    rest: tuple[str, ...] = ()

    @property
    def superstep(self) -> int | None:
        """The moment of a run's address, None for its newest."""
        if self.mode == "run" and len(self.rest) > 1 and self.rest[1].startswith("@"):
            return int(self.rest[1][1:])
        return None

    @property
    def node(self) -> str | None:
        """The node of a run's address, without its attempt."""
        return self.rest[2].partition("~")[0] if self.mode == "run" and len(self.rest) > 2 else None


def parse(text: str) -> Target:
    """Read an address.

    Args:
        text: the address.

    Raises:
        ValueError: it is none; the message says what one looks like.
    """
    scheme, _, path = text.strip().partition(":")
    first, *rest = path.split("/") if path else [""]
    mode = _PLACES.get(first)
    if scheme != "hg" or mode is None:
        raise ValueError(f"{text!r} is no address. One looks like hg:run/rag-7, hg:graph/rag, hg:runs or hg:compare/rag-5/rag-7.")
    parts = tuple(unquote(part) for part in rest if part)
    if mode == "run" and len(parts) > 1 and not (parts[1].startswith("@") and parts[1][1:].isdigit()):
        raise ValueError(f"{text!r} names no moment of {parts[0]!r}. A moment is a superstep: hg:run/{quote(parts[0], safe='')}/@3.")
    return Target(mode, parts)


def _address(place: str, *parts: str) -> str:
    return "/".join([f"hg:{place}", *(quote(part, safe="@~") for part in parts)])


def graph_address(name: str) -> str:
    """Give the address of a graph."""
    return _address("graph", name)


def run_address(run_id: str, superstep: int | None = None, node: str | None = None) -> str:
    """Give the address of a run, of a moment of it, or of a node at that moment."""
    if superstep is None and node is None:
        return _address("run", run_id)
    moment = f"@{superstep or 0}"
    return _address("run", run_id, moment) if node is None else _address("run", run_id, moment, node)


def runs_address(text: str) -> str:
    """Give the address of the runs that a filter leaves."""
    return _address("runs", text)


def compare_address(first: str, second: str) -> str:
    """Give the address of two runs side by side."""
    return _address("compare", first, second)
