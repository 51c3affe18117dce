"""One store, what its nodes did in the world, and what became of both after a kill."""

from __future__ import annotations

import os
import re
import tempfile
import weakref
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.durability.hands import Child, Hand, Stuck
from benchmarks.durability.shapes import SHAPES, Durability, Face
from hypergraph.checkpointers import SqliteCheckpointer
from hypergraph.exceptions import CheckpointError
from hypergraph.records import Run, StepStatus, WorkflowStatus

__all__ = ["Crime", "Found", "Mark"]

# "async" promises that a step is stored at most this long after it ended.
BEHIND_SECONDS = 0.05

_MARK = re.compile(r"([+-])([^\s+-]+) (\d+)\n")


@dataclass(frozen=True, slots=True)
class Mark:
    """A node started ("+") or ended ("-"), at a moment of the machine's clock in seconds."""

    sign: str
    step: str
    at: float


@dataclass
class Found:
    """What a round found out.

    Attributes:
        killed: how many kills it took.
        resumed: the workflow could be gone on with by its id and ended well.
        stuck: it could not, or did not end.
        wrong: it ended with another result, without a step, or stored otherwise than it ended.
        acknowledged: steps that were stored at a kill and ran again.
        repeated: for each kill how many steps ran again.
        in_flight: for each kill how many steps had started and not ended.
        behind: for each kill how many steps had ended so shortly before that "async" did not have to have stored them.
        late: how long before a kill a step had ended that was not stored, in seconds; the longest.
        trouble: what went wrong, in words.
    """

    killed: int = 0
    resumed: int = 0
    stuck: int = 0
    wrong: int = 0
    acknowledged: int = 0
    repeated: list[int] = field(default_factory=list)
    in_flight: list[int] = field(default_factory=list)
    behind: list[int] = field(default_factory=list)
    late: float = 0.0
    trouble: list[str] = field(default_factory=list)


class Crime:
    """A workflow in a store of its own.

    Args:
        folder: where the store and the marks are kept.
        hand: the server whose children run it.

    Attributes:
        store: the store's file.
        path: the file of marks.
        found: what was found out so far.
    """

    def __init__(self, folder: Path, hand: Hand, shape: str, face: Face, durability: Durability) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.store = folder / "runs.db"
        # In memory, where there is such a place: a disk that is busy would make marks take longer than nodes.
        memory = Path("/dev/shm")
        self.path = Path(tempfile.mkstemp(prefix="marks-", dir=memory if os.access(memory, os.W_OK) else folder)[1])
        weakref.finalize(self, self.path.unlink, missing_ok=True)
        self.hand = hand
        self.shape = shape
        self.face = face
        self.durability = durability
        self.found = Found()
        self._stored: frozenset[str] = frozenset()
        self._seen = 0

    def child(self, **options: Any) -> Child:
        """Start a child that runs the workflow, or goes on with it."""
        return self.hand.start(
            store=str(self.store), marks=str(self.path), shape=self.shape, face=self.face, durability=self.durability, **options
        )

    def marks(self) -> list[Mark]:
        """Give what the nodes did so far."""
        if not self.path.exists():
            return []
        # A process that is killed may leave half a mark, which says nothing; the next one stands on the same line.
        return [Mark(sign, name, int(at) / 1e9) for sign, name, at in _MARK.findall(self.path.read_text(encoding="utf-8"))]

    def run(self, workflow_id: str = "wf") -> Run | None:
        """Give how the workflow is stored; None when it is not."""
        if not self.store.exists():
            return None
        with SqliteCheckpointer.open_readonly(self.store) as store:
            return store.get_run(workflow_id)

    def stored(self, *, partial: bool = False) -> frozenset[str]:
        """Give the marked steps that are stored as completed, of the whole file; `partial`: also those that ran while a stop was asked."""
        if not self.store.exists():
            return frozenset()
        wanted = SHAPES[self.shape].steps
        with SqliteCheckpointer.open_readonly(self.store) as store:
            return frozenset(
                name
                for run in store.runs(limit=None)
                for step in store.steps(run.id)
                if step.status is StepStatus.COMPLETED and (partial or not step.partial)
                for name in [f"{step.node_name}={value}" for value in (step.values or {}).values()]
                if name in wanted
            )

    def kill_after(self, seconds: float, **options: Any) -> bool:
        """Start a child and kill it at a moment; False when it ended before. What was stored and in flight then is noted."""
        child = self.child(**options)
        if not child.kill_after(seconds):
            # Where the kill before came just after its end there is nothing to go on with.
            if child.answer.get("error") not in (None, "WorkflowAlreadyCompletedError"):
                self.note("stuck", f"{child.answer['error']}: {child.answer['text']}")
            return False
        self.look_round(child.killed_at, child.starved)
        return True

    def look_round(self, killed_at: float, starved: float = 0.0) -> None:
        """Note how things stand after a kill at that moment, of a process that had to wait so long for a processor.

        What a busy machine took from it is no fault of the store; on an idle machine it is a millisecond or two.
        """
        marks = self.marks()
        new = marks[self._seen :]
        # A process that the machine did not let run before it was killed could not write either: its own last moment counts.
        length = 2 * SHAPES[self.shape].pause
        now = min(killed_at, new[-1].at + length) if new else killed_at
        self._count_repeated(marks)
        ended = {mark.step: mark.at for mark in new if mark.sign == "-"}
        self._seen = len(marks)
        self._stored = self.stored()
        self.found.killed += 1
        self.found.in_flight.append(sum(1 for mark in new if mark.sign == "+" and mark.step not in ended))
        self.found.behind.append(sum(1 for at in ended.values() if at > now - BEHIND_SECONDS - starved))
        lost = [now - at for step, at in ended.items() if step not in self._stored]
        self.found.late = max([self.found.late, *lost])

    def _count_repeated(self, marks: list[Mark]) -> None:
        """Count what ran again since the last kill, and what of it had been stored then."""
        if not self.found.killed:
            return
        before = {mark.step for mark in marks[: self._seen] if mark.sign == "+"}
        since = [mark.step for mark in marks[self._seen :] if mark.sign == "+"]
        self.found.repeated.append(sum(1 for step in since if step in before))
        again = [step for step in since if step in self._stored]
        if again:
            self.found.acknowledged += len(again)
            self.found.trouble.append(f"stored and run again: {', '.join(again[:5])}")

    def go_on(self, **options: Any) -> bool:
        """Go on with the workflow until it has ended, as one would who knows its id only; False when that cannot be done."""
        for _ in range(4):
            try:
                child = self.child(**options)
                answer = child.end()
            except Stuck:
                self.note("stuck", "did not end")
                return False
            if answer.get("error") == "WorkflowAlreadyCompletedError":
                return True
            if answer.get("status") == "completed":
                if answer["outputs"] != SHAPES[self.shape].outputs or not answer["kept"]:
                    self.note("wrong", f"gave {str(answer)[:200]}")
                return True
            if answer.get("status") != "paused":
                self.note("stuck", f"ended {child.status}: {str(answer)[:300]}")
                return False
        self.note("stuck", "pauses for ever")
        return False

    def judge(self, workflow_id: str = "wf") -> Found:
        """Hold what there is now against what has to be; the workflow has ended."""
        marks = self.marks()
        self._count_repeated(marks)
        shape = SHAPES[self.shape]
        missing = shape.steps - {mark.step for mark in marks if mark.sign == "-"}
        if missing:
            self.note("wrong", f"never ran: {', '.join(sorted(missing)[:5])}")
        try:
            with SqliteCheckpointer.open_readonly(self.store) as store:
                open_runs = [run.id for run in store.runs(limit=None) if run.status is not WorkflowStatus.COMPLETED]
                if open_runs and workflow_id == "wf":
                    self.note("wrong", f"not completed in the store: {', '.join(open_runs[:5])}")
                if shape.mapped is None:
                    state = store.state(workflow_id)
                    if {name: state.get(name) for name in shape.outputs} != dict(shape.outputs):
                        self.note("wrong", f"stored as {state}"[:200])
                if shape.answer:
                    taken = Counter(one.node_name for one in store.steps(workflow_id) if one.status is StepStatus.COMPLETED)
                    if taken["ask"] != 1:
                        self.note("wrong", f"the answer was taken {taken['ask']} times")
        except CheckpointError as error:
            self.note("wrong", str(error))
        # "exit" keeps each node's newest step only.
        if self.durability != "exit" and workflow_id == "wf" and shape.steps - self.stored():
            self.note("wrong", "a step is not stored")
        if not self.found.stuck:
            self.found.resumed = self.found.killed
        return self.found

    def note(self, what: str, text: str) -> None:
        """Note something that must not be."""
        setattr(self.found, what, getattr(self.found, what) + 1)
        self.found.trouble.append(text)
