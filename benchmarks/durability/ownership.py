"""Exactly one owner: races for a workflow, and owners that wake after they were displaced."""

from __future__ import annotations

import os
import signal
import time
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.durability.crimes import Crime
from benchmarks.durability.hands import Hands
from benchmarks.durability.report import Row, busy
from benchmarks.durability.shapes import DURABILITIES, FACES, Durability, Face

__all__ = ["Race", "Wake", "ownership_rows", "race", "wake"]

REFUSED_SECONDS = 0.2
REFUSALS = {"WorkflowAlreadyRunningError", "WorkflowAlreadyCompletedError"}


class Race:
    """What came of a race.

    Attributes:
        won: how many ran the workflow.
        slowest: how long the last one that was refused waited for it.
        broken: what must not be.
    """

    def __init__(self) -> None:
        self.won = 0
        self.slowest = 0.0
        self.broken: list[str] = []


def race(hands: Hands, folder: Path, face: Face, claimants: int) -> Race:
    """Kill a run, and have several processes go on with it at the same moment."""
    found = Race()
    with hands.some(claimants) as several:
        crime = Crime(folder, several[0], "chain", face, "sync")
        victim = crime.child(loud=True)
        victim.hear(3)
        victim.signal(signal.SIGKILL)
        victim.end()
        crime.look_round(time.monotonic())
        before = Counter(mark.step for mark in crime.marks() if mark.sign == "+")
        gate = folder / "gate"
        rivals = []
        for hand in several:
            crime.hand = hand
            rivals.append(crime.child(waits=str(gate)))
        for one in rivals:
            one.hear(1)
        gate.touch()
        ends = [one.end() for one in rivals]
        crime.hand = several[0]
    found.won = sum(1 for one in ends if one.get("status") == "completed")
    if found.won != 1:
        found.broken.append(f"{found.won} of {claimants} ran the workflow")
    for one in ends:
        if "error" in one:
            found.slowest = max(found.slowest, one["seconds"])
            if one["error"] not in REFUSALS:
                found.broken.append(f"{one['error']}: {one['text'][:100]}")
            elif one["error"] == "WorkflowAlreadyRunningError" and "process " not in one["text"]:
                found.broken.append("not told who runs it")
    after = Counter(mark.step for mark in crime.marks() if mark.sign == "+") - before
    twice = [step for step, number in after.items() if number > 1]
    if twice:
        found.broken.append(f"ran in two processes: {', '.join(twice[:3])}")
    found.broken += crime.judge().trouble
    return found


class Wake:
    """What an owner did that was displaced while it slept.

    Attributes:
        stored: steps that it stored after it woke.
        effects: nodes that it started after it woke.
        broken: what must not be.
    """

    def __init__(self) -> None:
        self.stored = 0
        self.effects = 0
        self.broken: list[str] = []


def wake(hands: Hands, folder: Path, face: Face, durability: Durability) -> Wake:
    """Stop an owner, try to go on without asking, take over, and wake it."""
    found = Wake()
    with hands.some(2) as (sleeping, other):
        crime = Crime(folder, sleeping, "chain", face, durability)
        owner = crime.child(loud=True, pause=0.01)
        owner.hear(5)
        owner.signal(signal.SIGSTOP)
        while _state(owner.pid) != "T":
            time.sleep(0.001)
        crime.hand = other
        refused = crime.child().end()
        if refused.get("error") != "WorkflowAlreadyRunningError" or f"process {owner.pid} " not in refused["text"]:
            found.broken.append(f"a second owner was not refused: {str(refused)[:150]}")
        if not crime.go_on(take_over=True):
            found.broken += crime.found.trouble
        steps, effects = _steps(crime), len(crime.marks())
        owner.signal(signal.SIGCONT)
        answer = owner.end()
        if answer.get("error") != "WorkflowAlreadyRunningError" or "taken over" not in answer["text"]:
            found.broken.append(f"it was not told: {str(answer)[:150]}")
        found.stored = len(_steps(crime)) - len(steps) if _steps(crime) != steps else 0
        found.effects = sum(1 for mark in crime.marks()[effects:] if mark.sign == "+")
        if _steps(crime) != steps:
            found.broken.append("it stored something after it woke")
        run = crime.run()
        if run is None or run.owner is not None or run.status.value != "completed":
            found.broken.append("the workflow does not stand as the new owner left it")
    return found


def _state(pid: int) -> str:
    return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]


def _steps(crime: Crime) -> list[tuple[Any, ...]]:
    from hypergraph.checkpointers import SqliteCheckpointer

    with SqliteCheckpointer.open_readonly(crime.store) as store:
        return [(one.node_name, one.superstep, one.completed_at, one.attempt) for one in store.steps("wf")]


def ownership_rows(hands: Hands, folder: Path, races: int, wakes: int) -> Iterator[Row]:
    """Race and wake, on both runners."""
    for face in FACES:
        for claimants in (2, 8):
            if claimants > hands.number:
                continue
            found = [race(hands, folder / f"race-{face}-{claimants}-{number}", face, claimants) for number in range(races)]
            slowest = max(one.slowest for one in found)
            broken = [text for one in found for text in one.broken]
            if slowest > REFUSED_SECONDS and claimants <= 2 * (os.cpu_count() or 1) and not busy():
                broken.append(f"refused after {slowest * 1000:.0f} ms")
            yield Row(
                "race", f"{claimants} processes {face}", races,
                f"one ran it in {sum(1 for one in found if one.won == 1)}; the others refused within {slowest * 1000:.0f} ms",
                "exactly one, refused in 200 ms" if claimants == 2 else "exactly one", broken, {"slowest_refusal_ms": slowest * 1000},
            )  # fmt: skip
        for durability in DURABILITIES[:2]:
            places = [folder / f"wake-{face}-{durability}-{number}" for number in range(wakes)]
            woken = list(hands.side_by_side([partial(wake, hands, place, face, durability) for place in places]))
            effects = [one.effects for one in woken]
            yield Row(
                "woken owner", f"chain {face} {durability}", wakes,
                f"stored after waking {sum(one.stored for one in woken)}; started another node {sum(effects)} (most {max(effects)})",
                "fenced: 0 stored", [text for one in woken for text in one.broken], {"late_effects": effects},
            )  # fmt: skip
