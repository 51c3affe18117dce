"""Measuring: contenders take turns, each sample long enough to mean something, medians with their spread."""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal

__all__ = ["Case", "Contender", "Effort", "Figure", "Missing", "Outcome", "measure"]

Clock = Literal["cpu", "wall"]
_CLOCKS = {"cpu": time.process_time, "wall": time.perf_counter}


class Missing(Exception):  # noqa: N818  # it is news, not a fault
    """A contender cannot take part here; the text says why."""


@dataclass(frozen=True)
class Contender:
    """One way to do a case's work.

    Attributes:
        name: "floor", "hypergraph", or a peer's name; variants read "hypergraph (1,000)".
        prepare: makes everything ready and gives the function to time; raises `Missing`.
        units: how many units of work one call does, where that is not the case's own number.
    """

    name: str
    prepare: Callable[[], Callable[[], object]]
    units: int | None = None


@dataclass(frozen=True)
class Case:
    """Work to compare contenders on.

    Attributes:
        name: short, unique.
        unit: what one unit of work is.
        units: units in one call.
        contenders: the floor first.
        goal: what the library is meant to reach, in words.
        most: the highest acceptable figure of the library, in microseconds a unit, or None.
        ratio: the highest acceptable ratio to the floor, or None.
        clock: "cpu" or "wall".
        once: True takes each call as one sample, however short.
    """

    name: str
    unit: str
    units: int
    contenders: Sequence[Contender]
    goal: str = ""
    most: float | None = None
    ratio: float | None = None
    clock: Clock = "cpu"
    once: bool = False


@dataclass(frozen=True)
class Effort:
    """How long to measure: rounds per case, and the least length of one sample in seconds."""

    rounds: int
    sample: float


@dataclass(frozen=True)
class Figure:
    """What was measured of one contender, in microseconds a unit.

    Attributes:
        name: the contender.
        median: the middle of the rounds.
        spread: half of the interquartile range, as a part of the median.
        best: the shortest round.
        ratio: the middle of the rounds' ratios to the floor.
    """

    name: str
    median: float
    spread: float
    best: float
    ratio: float | None


@dataclass
class Outcome:
    """A case's figures, and who was left out and why."""

    case: Case
    figures: list[Figure] = field(default_factory=list)
    left_out: dict[str, str] = field(default_factory=dict)

    def figure(self, name: str) -> Figure | None:
        return next((figure for figure in self.figures if figure.name == name), None)


def measure(case: Case, effort: Effort) -> Outcome:
    """Run a case."""
    outcome = Outcome(case)
    ready: list[tuple[str, Callable[[], object], int, int]] = []
    clock = _CLOCKS[case.clock]
    for contender in case.contenders:
        try:
            work = contender.prepare()
            work()  # what is loaded, compiled or cached on first use is no part of it
        except Missing as reason:
            outcome.left_out[contender.name] = str(reason)
            continue
        except Exception as error:  # a peer that fails spoils its own figure only
            outcome.left_out[contender.name] = f"{type(error).__name__}: {error}"[:200]
            continue
        ready.append((contender.name, work, 1 if case.once else _loops(work, clock, effort.sample), contender.units or case.units))
    samples: dict[str, list[float]] = {name: [] for name, *_ in ready}
    for number in range(effort.rounds):
        shift = number % max(len(ready), 1)
        for name, work, loops, units in ready[shift:] + ready[:shift]:
            gc.collect()
            before = clock()
            for _ in range(loops):
                work()
            samples[name].append((clock() - before) / (loops * units) * 1e6)
    floor = samples.get("floor")
    outcome.figures = [_figure(name, taken, None if name == "floor" else floor) for name, taken in samples.items()]
    return outcome


def _loops(work: Callable[[], object], clock: Callable[[], float], sample: float) -> int:
    loops = 1
    while True:
        before = clock()
        for _ in range(loops):
            work()
        took = clock() - before
        if took >= sample:
            return loops
        loops = max(loops + 1, min(loops * 20, int(loops * sample / max(took, 1e-6) * 1.2)))


def _figure(name: str, taken: list[float], floor: list[float] | None) -> Figure:
    median = statistics.median(taken)
    quarters = statistics.quantiles(taken, n=4) if len(taken) > 1 else [median] * 3
    spread = (quarters[2] - quarters[0]) / 2 / median if median else 0.0
    ratio = statistics.median(own / base for own, base in zip(taken, floor, strict=True)) if floor and all(floor) else None
    return Figure(name, median, spread, min(taken), ratio)
