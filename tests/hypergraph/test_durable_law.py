"""A law: whatever the graph and wherever a run is cut off, going on gives what an unbroken run gives, and nothing stored runs again."""

from __future__ import annotations

import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypergraph import SqliteCheckpointer, SyncRunner
from hypergraph.checkpointers import StepStatus
from tests.hypergraph import reference
from tests.hypergraph.reference import Block, build
from tests.hypergraph.test_laws import _given, programs


class CutOff(BaseException):
    """The end of a process, as far as the run can tell."""


class Mortal(SqliteCheckpointer):
    """A store whose process ends after so many steps: from then on nothing reaches the file."""

    left = 1 << 30

    def save_step_sync(self, record: Any) -> None:
        self._live()
        super().save_step_sync(record)
        self.left -= 1

    def begin_sync(self, new: Any) -> int:
        self._live()
        return super().begin_sync(new)

    def finish_sync(self, *args: Any, **kwargs: Any) -> Any:
        self._live()
        return super().finish_sync(*args, **kwargs)

    def _live(self) -> None:
        if self.left <= 0:
            raise CutOff


def _counted(blocks: tuple[Block, ...], calls: Counter[tuple[Any, ...]]) -> Any:
    """Build the program's graph so that every call of `mix` is counted."""
    original = reference.mix

    def mix(salt: int, *values: Any) -> int:
        calls[salt, str(values)] += 1
        return original(salt, *values)

    reference.mix = mix  # type: ignore[assignment]
    try:
        return build(blocks), lambda: setattr(reference, "mix", original)
    except BaseException:
        reference.mix = original
        raise


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(programs(), st.integers(0, 30), st.integers(0, 999))
def test_a_run_that_was_cut_off_goes_on_as_if_nothing_had_been(blocks: tuple[Block, ...], cut: int, a: int) -> None:
    """Nested, mapped, branching and looping; the cut falls before any step."""
    calls: Counter[tuple[Any, ...]] = Counter()
    graph, restore = _counted(blocks, calls)
    try:
        inputs = _given(graph, a, a)
        expected = SyncRunner().run(graph, inputs).values
        unbroken = sum(calls.values())
        calls.clear()
        with tempfile.TemporaryDirectory() as folder:
            store = Mortal(Path(folder) / "runs.db", durability="sync")
            store.left = cut
            try:
                result = SyncRunner(checkpointer=store).run(graph, inputs, workflow_id="w")
            except CutOff:
                result = None
            stored = {
                (run.id, step.node_name, step.index)
                for run in store.runs(limit=None)
                for step in store.steps(run.id)
                if step.status is StepStatus.COMPLETED
            }
            store.left = 1 << 30
            if result is None and store.get_run("w") is None:
                result = SyncRunner(checkpointer=store).run(graph, inputs, workflow_id="w")
            elif result is None:
                result = SyncRunner(checkpointer=store).run(graph, workflow_id="w", take_over=True)
            assert result.values == expected
            again = {(run.id, step.node_name, step.index) for run in store.runs(limit=None) for step in store.steps(run.id)}
            assert stored <= again
            # One step at the most was running when the run was cut off, and it alone runs twice.
            assert unbroken <= sum(calls.values()) <= unbroken + 1
            store.close_sync()
    finally:
        restore()
