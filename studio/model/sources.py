"""Where the values of a run come from: the newest step before that made one of a name, found without looking at every step."""

from __future__ import annotations

from bisect import bisect_left

from studio.model.facts import RunFacts, StepFacts

__all__ = ["Makers"]


class Makers:
    """The steps that made values, by run and name; built when it is first asked.

    Args:
        facts: what is known of a run.
    """

    def __init__(self, facts: RunFacts) -> None:
        self._steps = facts.steps
        self._made: dict[tuple[str, str], list[tuple[int, str]]] | None = None

    def before(self, step: StepFacts, name: str) -> StepFacts | None:
        """Give the newest step before this one, in its run, that made a value of this name."""
        if self._made is None:
            self._made = self._all()
        made = self._made.get((step.run, name))
        if made is None:
            return None
        at = bisect_left(made, (step.superstep, ""))
        return self._steps[step.run, made[at - 1][0], made[at - 1][1]] if at else None

    def _all(self) -> dict[tuple[str, str], list[tuple[int, str]]]:
        made: dict[tuple[str, str], list[tuple[int, str]]] = {}
        for (run, superstep, node), step in self._steps.items():
            end = step.end
            if end is not None:
                for name in end.get("out", ()):
                    made.setdefault((run, name), []).append((superstep, node))
        for found in made.values():
            found.sort()
        return made
