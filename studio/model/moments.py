"""A run as it stood at a moment: what had not happened by then is taken out of the facts."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

from studio.model.facts import BatchFacts, RunFacts, StepFacts, StepKey
from studio.model.states import item_code

__all__ = ["Moment", "batch_times", "before", "moments_of", "stepped", "stepped_in", "top_step", "until"]

_MOST_DEPTH: Final = 12
_RUNNING: Final = item_code("running")


@dataclass(frozen=True, slots=True)
class Moment:
    """A moment of a run.

    Attributes:
        superstep: the superstep of the run that had ended, or had gone so far; None for a batch.
        at: the time in Unix seconds; None for the end of the superstep.
        number, total: which of how many ends of steps or items this is.
        what: the word for one of them: "step" or "item".
        before: the newest superstep that had ended as a whole, where that is not `superstep`.
    """

    superstep: int | None = None
    at: float | None = None
    number: int = 0
    total: int = 0
    what: str = "step"
    before: int | None = None

    @property
    def whole(self) -> int | None:
        """The newest superstep that had ended as a whole."""
        return self.superstep if self.before is None else self.before

    def words(self, last: int | None) -> str:
        """Say which moment it is, for the bar of the screen.

        Args:
            last: the run's last superstep; None leaves it out, where there is little room.
        """
        if self.at is None:
            return f"superstep {self.superstep}" + (f" of {last}" if last is not None else "")
        said = f"{self.what} {self.number:,} of {self.total:,}".replace(",", " ")
        return said if self.superstep is None or last is None else f"{said} · superstep {self.superstep}"


def top_step(facts: RunFacts, key: StepKey) -> StepKey | None:
    """Give the step of the looked-at run that a step is, or is inside of."""
    for _ in range(_MOST_DEPTH):
        if key[0] == facts.root:
            return key
        child = facts.children.get(key[0])
        if child is None or child.up is None:
            return None
        key = child.up
    return None


def until(facts: RunFacts, superstep: int) -> RunFacts:
    """Give what was known when a superstep of the run had ended; what is inside a later step is left out."""
    kept: dict[StepKey, StepFacts] = {}
    for key, step in facts.steps.items():
        top = top_step(facts, key)
        if top is not None and top[1] <= superstep:
            kept[key] = step
    return _with_steps(facts, kept)


def before(facts: RunFacts, moment: float) -> RunFacts:
    """Give what was known at a time: what had begun and not ended was running."""
    kept: dict[StepKey, StepFacts] = {}
    for key, step in facts.steps.items():
        end = step.end
        if end is not None and end["t"] <= moment:
            kept[key] = step
            continue
        began = step.began if step.began is not None else _began(step)
        if began is not None and began["t"] <= moment:
            kept[key] = step._replace(began=began, ended=None, stored=None)
    batches = {name: _batch_before(batch, moment) for name, batch in facts.batches.items()}
    logs = tuple(line for line in facts.logs if line["t"] <= moment)
    return replace(_with_steps(facts, kept), batches=batches, logs=logs)


def _began(step: StepFacts) -> Mapping[str, Any] | None:
    """Give the beginning of a step whose end alone is known; a step inside which others ran began before them."""
    end = step.end
    return None if end is None or end.get("t0") is None else {"k": "node+", "c": step.claim, "n": 0, "t": end["t0"]}


def _with_steps(facts: RunFacts, kept: dict[StepKey, StepFacts]) -> RunFacts:
    turns: dict[tuple[str, str], list[int]] = {}
    for run, at, node in sorted(kept):
        turns.setdefault((run, node), []).append(at)
    return replace(facts, steps=kept, turns={place: tuple(found) for place, found in turns.items()})


def _batch_before(batch: BatchFacts, moment: float) -> BatchFacts:
    if len(batch.ended) < batch.size:
        return batch
    states = bytearray(batch.size)
    now = batch.states
    for item, (began, ended) in enumerate(zip(batch.began, batch.ended, strict=True)):
        if began <= ended <= moment:
            # Where no time is known it stands as it stands.
            states[item] = now[item]
        elif began <= moment:
            states[item] = _RUNNING if began else now[item]
    failures = {item: found for item, found in batch.failures.items() if item < len(states) and states[item] == now[item]}
    return replace(batch, states=bytes(states), failures=failures)


def moments_of(facts: RunFacts) -> list[Moment]:
    """Give the moments at which steps of a run ended, those inside nested graphs too, in their order."""
    found: list[tuple[float, int]] = []
    for key, step in facts.steps.items():
        top = top_step(facts, key)
        if step.end is not None and top is not None:
            found.append((step.end["t"], top[1]))
    found.sort()
    moments = []
    for number, (at, superstep) in enumerate(found, start=1):
        goes_on = number < len(found) and found[number][1] <= superstep
        moments.append(Moment(superstep, at, number, len(found), before=max(0, superstep - 1) if goes_on else None))
    return moments


def batch_times(batch: BatchFacts) -> list[float]:
    """Give the times at which the items of a batch ended, in order."""
    return sorted(moment for moment in batch.ended if moment)


def stepped(moments: Sequence[Moment], here: Moment | None, by: int) -> Moment | None:
    """Give the moment so many further on, or back when negative; None for now, which comes after the last one."""
    passed = None if here is None else here.number or sum(1 for one in moments if (one.superstep or 0) <= (here.superstep or 0))
    at = _number_from(len(moments), passed, by)
    return moments[at - 1] if at is not None else None


def stepped_in(times: Sequence[float], here: Moment | None, by: int) -> Moment | None:
    """Give the moment of a batch so many items further on, or back; None for now."""
    at = _number_from(len(times), None if here is None or here.at is None else bisect_right(times, here.at), by)
    return Moment(None, times[at - 1], at, len(times), "item") if at is not None else None


def _number_from(total: int, passed: int | None, by: int) -> int | None:
    at = (total if passed is None else passed) + by
    return None if at > total or not total else max(1, at)
