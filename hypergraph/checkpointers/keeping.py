"""What a store object holds of the workflows that run through it."""

from __future__ import annotations

from collections.abc import Mapping

from hypergraph._text import plural
from hypergraph.checkpointers.queries.lifecycle import Ending
from hypergraph.checkpointers.rows import StepRow
from hypergraph.checkpointers.values import Packed
from hypergraph.exceptions import CheckpointError, SerializationError
from hypergraph.records import NewRun

__all__ = ["Buffer", "Keeping", "unsaved"]


class Buffer:
    """A run that is written once, at its end (durability "exit"): its children, each node's newest step, and how all of it ended."""

    __slots__ = ("begins", "ends", "steps")

    def __init__(self) -> None:
        self.begins: list[tuple[NewRun, Mapping[str, Packed]]] = []
        self.steps: dict[tuple[str, str, bool], StepRow] = {}
        self.ends: list[Ending] = []

    def add(self, row: StepRow) -> None:
        """Keep a step in place of the node's earlier one; a failed try does not replace values."""
        key = (row.run_id, row.node_name, row.has_values)
        self.steps.pop(key, None)
        self.steps[key] = row


class Keeping:
    """One workflow, with all its children, that this store object writes for.

    Attributes:
        root: its id.
        root_key: its number.
        epoch: the ownership under which is written.
        keys: run id -> number, of the root and of the children that run now.
        lost: another owner has taken over; nothing is written any more.
        torn: runs of which a step could not be written. No later step of theirs is: a journal with a hole, in which a gate's decision
            stands without the value that it was made of, would be gone on with from a state that never was.
        buffer: where the run waits for its end under durability "exit".
    """

    __slots__ = ("_errors", "buffer", "epoch", "keys", "lost", "root", "root_key", "torn")

    def __init__(self, root: str, root_key: int, epoch: int, *, buffered: bool) -> None:
        self.root = root
        self.root_key = root_key
        self.epoch = epoch
        self.keys: dict[str, int] = {root: root_key}
        self._errors: list[tuple[str, str]] = []
        self.lost = False
        self.torn: set[str] = set()
        self.buffer: Buffer | None = Buffer() if buffered else None

    def fail(self, run_id: str, error: BaseException) -> None:
        """Note that something of a run could not be stored."""
        if not isinstance(error, SerializationError):
            self.torn.add(run_id)
        text = str(error).partition("\n\nHow to fix:")[0]
        self._errors.append((run_id, f"{type(error).__name__}: {text}"))

    def check_whole(self, run_id: str) -> None:
        """Refuse to write a step after one that could not be written.

        Raises:
            CheckpointError: there was one.
        """
        if run_id in self.torn:
            raise CheckpointError(f"Steps of run {run_id!r} after the one that could not be stored are not stored either.")

    def errors_of(self, run_id: str) -> tuple[str, ...]:
        """Give what could not be stored of a run and its children, each message once, in order."""
        if not self._errors:
            return ()
        below = run_id + "/"
        return tuple(dict.fromkeys(text for owner, text in self._errors if owner == run_id or owner.startswith(below)))


def unsaved(errors: tuple[str, ...]) -> str:
    """Say why a run that completed is not stored as completed."""
    return f"CheckpointError: {plural(len(errors), 'write')} failed; the first: {errors[0]}"
