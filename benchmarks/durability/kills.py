"""SIGKILL at random moments: once, in storms, and of forks and retries."""

from __future__ import annotations

import random
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.durability.crimes import Crime, Found
from benchmarks.durability.hands import Hands, Stuck
from benchmarks.durability.shapes import SHAPES, Durability, Face

__all__ = ["Series", "kill_once", "kill_series", "lifetimes", "lineage_round", "storm"]


@dataclass
class Series:
    """Rounds of one kind, added up.

    Attributes:
        name: the kind: "kill", "storm", "fork", "retry".
        rounds: what each of them found.
    """

    name: str
    shape: str
    face: Face
    durability: Durability
    rounds: list[Found] = field(default_factory=list)

    def total(self, what: str) -> int:
        """Add up a figure."""
        return sum(getattr(one, what) for one in self.rounds)

    @property
    def repeated(self) -> list[int]:
        """How many steps ran again, kill by kill."""
        return [number for one in self.rounds for number in one.repeated]

    @property
    def late(self) -> float:
        """How long a step was left unstored at a kill, at the most, in seconds."""
        return max((one.late for one in self.rounds), default=0.0)

    @property
    def promise(self) -> str:
        """What may run again at a kill, in words."""
        if self.durability == "exit":
            return "anything"
        most = SHAPES[self.shape].at_once if self.face == "async" else 1
        if self.durability == "sync" or self.face == "sync":
            return f"<= {most}"
        return "in flight + 50 ms"

    def broken(self) -> list[str]:
        """Give the promises that were not kept."""
        found = [f"{what}: {self.total(what)}" for what in ("stuck", "wrong", "acknowledged") if self.total(what)]
        if self.total("resumed") != self.total("killed"):
            found.append(f"resumed {self.total('resumed')} of {self.total('killed')}")
        most = SHAPES[self.shape].at_once if self.face == "async" else 1
        for one in self.rounds if self.durability != "exit" else ():
            again = may = 0
            for repeated, flying, behind in zip(one.repeated, one.in_flight, one.behind, strict=False):
                # Added up: what a kill undid may run again only after the next one.
                again += repeated
                may += most if self.durability == "sync" or self.face == "sync" else max(flying, most) + behind
                if again > may:
                    found.append(f"{again} steps ran again after {len(one.repeated)} kills, {may} may")
        return found


def lifetimes(hands: Hands, folder: Path, shape: str, face: Face, durability: Durability, times: int = 3) -> list[float]:
    """Measure how long the workflow takes, leg by leg, when nobody strikes: kills are spread over this time."""
    taken: list[list[float]] = []
    with hands.some() as (hand,):
        for _ in range(times):
            crime = Crime(Path(tempfile.mkdtemp(dir=folder)), hand, shape, face, durability)
            legs = []
            while True:
                child = crime.child()
                answer = child.end()
                legs.append(time.monotonic() - child.started)
                if answer.get("status") != "paused":
                    break
            if answer.get("outputs") != SHAPES[shape].outputs:
                raise RuntimeError(f"{shape} does not run even unbroken: {answer}")
            taken.append(legs)
    return [statistics.median(leg) for leg in zip(*taken, strict=True)]


def kill_once(crime: Crime, legs: list[float], moment: float) -> Found | None:
    """Kill a workflow at a moment of its life, and go on with it; None when it had ended before."""
    for leg in legs[:-1]:
        if moment < leg:
            break
        moment -= leg
        crime.child().end()
    if not crime.kill_after(moment):
        return crime.found if crime.found.stuck else None
    crime.go_on()
    return crime.judge()


def storm(crime: Crime, legs: list[float], order: random.Random, further: int = 5) -> Found | None:
    """Kill it, and five times more while it goes on."""
    for _ in range(further + 1):
        # Early in each life, so that it lives through all of them.
        if not crime.kill_after(order.uniform(0, sum(legs) / 2)):
            break
    if not crime.found.killed:
        return None
    crime.go_on()
    return crime.judge()


def lineage_round(crime: Crime, legs: list[float], order: random.Random, how: str) -> Found | None:
    """Kill a run, fork it (or retry it), kill the fork, and go on with the fork."""
    if not crime.kill_after(order.uniform(0.5, 0.9) * sum(legs)) or crime.run() is None:
        return None
    child = crime.child(workflow_id="f", **{how: "wf"})
    if not child.kill_after(order.uniform(0, 0.3) * sum(legs)):
        return None
    crime.look_round(child.killed_at, child.starved)
    again = {how: "wf"} if crime.run("f") is None else {}
    crime.go_on(workflow_id="f", **again)
    fork = crime.run("f")
    if fork is None or fork.forked_from != "wf":
        crime.note("wrong", "the fork does not say what it is a fork of")
    return crime.judge("f")


def _round(hands: Hands, folder: Path, series: Series, each: Callable[[Crime], Found | None]) -> Found | None:
    with hands.some() as (hand,):
        place = Path(tempfile.mkdtemp(dir=folder))
        try:
            return each(Crime(place, hand, series.shape, series.face, series.durability))
        except Stuck:
            return Found(killed=1, stuck=1, trouble=["a child did not end"])
        finally:
            shutil.rmtree(place, ignore_errors=True)


def kill_series(
    hands: Hands, folder: Path, shape: str, face: Face, durability: Durability, kills: int, *, kind: str = "kill", seed: int = 0
) -> Series:
    """Do a series of rounds until there were so many kills."""
    series = Series(kind, shape, face, durability)
    legs = lifetimes(hands, folder, shape, face, durability, 3 if kills > 10 else 1)
    orders = (random.Random(f"{seed} {kind} {shape} {face} {durability} {number}") for number in range(kills * 10))

    def one(order: random.Random) -> Callable[[], Found | None]:
        def strike(crime: Crime) -> Found | None:
            if kind == "storm":
                return storm(crime, legs, order)
            if kind in ("fork_from", "retry_from"):
                return lineage_round(crime, legs, order, kind)
            found = kill_once(crime, legs, order.uniform(0, sum(legs)))
            if found is None:
                # It lived a shorter life: the machine was busier when it was measured.
                legs[:] = [leg * 0.85 for leg in legs]
            return found

        return lambda: _round(hands, folder, series, strike)

    while len(series.rounds) < kills and (wave := [one(order) for order in _some(orders, kills - len(series.rounds))]):
        series.rounds += [found for found in hands.side_by_side(wave) if found is not None]
    return series


def _some(things: Iterator[Any], number: int) -> Iterator[Any]:
    for _, thing in zip(range(number), things, strict=False):
        yield thing
