"""Names of ports and how they came to be: originals, current names, and every rename between them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from hypergraph._text import did_you_mean, fix, quoted
from hypergraph.exceptions import RenameError

__all__ = ["Ports", "merge_changes"]


def merge_changes(mapping: Mapping[str, Any] | None, keywords: Mapping[str, Any]) -> dict[str, str]:
    """Join the two ways of giving renames; a name given in both, or a new name that is no text, is a RenameError."""
    changes = dict(mapping) if mapping else {}
    twice = [old for old in keywords if old in changes and changes[old] != keywords[old]]
    if twice:
        raise RenameError(f"Renamed twice in one call: {quoted(twice)}." + fix("Give each name either in the mapping or as a keyword"))
    changes.update(keywords)
    wrong = [old for old, new in changes.items() if not isinstance(new, str)]
    if wrong:
        raise RenameError(f"The new name of {wrong[0]!r} must be a str, got {type(changes[wrong[0]]).__name__}.")
    return changes


class Ports:
    """An immutable row of named ports; position is identity, names change.

    Attributes:
        originals: the names the ports were born with.
        names: the names they have now, in the same order.
    """

    __slots__ = ("_position", "_steps", "names", "originals")

    def __init__(self, originals: Sequence[str], names: tuple[str, ...] | None = None, steps: tuple[tuple[str, ...], ...] = ()) -> None:
        self.originals = tuple(originals)
        self.names = self.originals if names is None else names
        self._steps = steps
        self._position: dict[str, int] | None = None

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Ports) and (self.originals, self.names) == (other.originals, other.names)

    def __hash__(self) -> int:
        return hash((self.originals, self.names))

    def __contains__(self, name: object) -> bool:
        return name in self.names

    def original(self, name: str) -> str | None:
        """Give the original name of the port that is called `name` now; None when there is none."""
        if self._position is None:
            self._position = {current: index for index, current in enumerate(self.names)}
        index = self._position.get(name)
        return None if index is None else self.originals[index]

    def former(self, position: int) -> tuple[str, ...]:
        """Give the names that a port had before its present one, oldest first."""
        told = dict.fromkeys(state[position] for state in self._steps)
        return tuple(name for name in told if name != self.names[position])

    def history(self, stale: str) -> tuple[str, ...] | None:
        """Give every name of the port that was once called `stale`, oldest first; None when no port ever was."""
        for state in reversed(self._steps):
            if stale in state:
                index = state.index(stale)
                told = [state[index] for state in (*self._steps, self.names)]
                return tuple(name for at, name in enumerate(told) if at == 0 or name != told[at - 1])
        return None

    def renamed(self, changes: Mapping[str, str], *, kind: str, owner: str) -> Ports:
        """Give a row in which all `changes` are applied at once.

        Args:
            changes: current name -> new name.
            kind: "input" or "output", for messages.
            owner: the node's name, for messages.

        Raises:
            RenameError: a name is unknown, or two ports would end up with one name.
        """
        for old in changes:
            if old not in self.names:
                raise RenameError(self._unknown(old, kind, owner))
        names = tuple(changes.get(name, name) for name in self.names)
        if len(set(names)) != len(names):
            double = next(name for name in names if names.count(name) > 1)
            given = [old for old, new in zip(self.names, names, strict=True) if new == double]
            raise RenameError(
                f"Renaming gives duplicate {kind} name {double!r} on node {owner!r}: {quoted(given)} would share it. "
                f"Current {kind}s: {self.names!r}" + fix("Give every port a name of its own")
            )
        return Ports(self.originals, names, (*self._steps, self.names))

    def _unknown(self, name: str, kind: str, owner: str) -> str:
        told = self.history(name)
        if told:
            head = f"{name!r} was renamed to {told[-1]!r}. Current {kind}s: {self.names!r}\n\nOn node {owner!r}: {'→'.join(told)}"
            return head + fix(f"Use the current name {told[-1]!r}")
        head = f"{name!r} not found. Current {kind}s: {self.names!r}\n\nOn node {owner!r}.{did_you_mean(name, self.names)}"
        return head + fix(f"Rename one of the current {kind}s")
