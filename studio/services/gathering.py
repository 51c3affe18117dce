"""Everything that is known of one run, from its event logs and from the store, as facts and their surroundings."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from hypergraph.viz.scene import Scene
from studio.model.batches import failure_groups, stored_states
from studio.model.facts import BatchFacts, Line, RunFacts, fold, with_items, with_stored
from studio.model.lines import previews, run_line, step_line
from studio.model.states import item_code
from studio.services.log_reader import LogReader, claims_in, last_line, read_claim
from studio.services.raw_output import raw_lines, raw_path

if TYPE_CHECKING:
    from hypergraph.checkpointers import ReadonlyStore, Run
    from studio.model.batch_view import FailureGroup

__all__ = ["EventLogs", "StoredRun", "groups_of", "inherited_lines", "load_stored", "typical_times"]

_MOST_DEPTH: Final = 8
_MOST_CHILDREN: Final = 200
_MOST_FAILURES: Final = 2_000
_TYPICAL_RUNS: Final = 12
_HEAD: Final = 128 << 10
_AFTER_THE_LAST: Final = 1 << 50
_STREAM_APART: Final = 1 << 48
_FAILED: Final = item_code("failed")


class EventLogs:
    """The event logs of a run's folder, one a claim, read from where the last reading ended.

    Args:
        folder: the folder of the top-level run.
        prefix: path of the looked-at run's graph in the top-level one, with its slash; it is taken off the paths of log lines.
        inside: False leaves out which nodes began inside items, for a run that is no item itself.
    """

    def __init__(self, folder: Path, prefix: str = "", *, inside: bool = True) -> None:
        self._folder = folder
        self._inside = inside
        self._prefix = prefix
        self._readers: dict[int, LogReader] = {}
        self._raw: dict[tuple[int, str], int] = {}
        self._ended: set[int] = set()
        self._tails: dict[int, int] = {}
        self.scene: Scene | None = None
        self.struct = ""
        self.opening: Line | None = None

    @property
    def found(self) -> bool:
        """True when there is a log at all."""
        return bool(self._readers)

    def read(self) -> list[Line]:
        """Give new lines, at most some megabytes; call again until there are none."""
        lines: list[Line] = []
        for claim in claims_in(self._folder):
            reader = self._readers.get(claim)
            if reader is None:
                path = self._folder / f"{claim}.events"
                if read_claim(path) is None and last_line(path).get("k") != "exit":
                    # Its worker has not begun, or the format is one that we do not know.
                    continue
                reader = self._readers[claim] = LogReader(path, inside=self._inside)
            found = [*reader.read(), *self._beside(claim)]
            for line in found:
                self._note(claim, line)
            lines += found
        return lines

    def _beside(self, claim: int) -> list[dict[str, Any]]:
        """Give the last lines of a worker that prints more than its log takes; they stand in a file that is written anew."""
        path = self._folder / f"{claim}.tail"
        try:
            written = path.stat().st_mtime_ns
        except OSError:
            return []
        if written == self._tails.get(claim):
            return []
        self._tails[claim] = written
        return LogReader(path).read()

    def _note(self, claim: int, line: dict[str, Any]) -> None:
        kind = line["k"]
        if kind == "scene":
            try:
                self.scene = Scene.from_dict(line["scene"])
                self.struct = str(line.get("struct", ""))
            except (KeyError, TypeError):
                # Written by a library whose scenes look otherwise.
                self.scene = None
        elif kind == "claim":
            self.opening = line
        elif kind == "end":
            self._ended.add(claim)
        elif kind in {"log", "chunk"}:
            if "raw" in line:
                self._raw[claim, line["stream"]] = line["raw"]
            path = line.get("path")
            if self._prefix and isinstance(path, str) and path.startswith(self._prefix):
                line["path"] = path[len(self._prefix) :]

    def look_up_scene(self) -> None:
        """Find the graph as it is drawn, without reading what happened."""
        for claim in reversed(claims_in(self._folder)):
            for line in LogReader(self._folder / f"{claim}.events").read(_HEAD):
                if line["k"] in {"claim", "scene"}:
                    self._note(claim, line)
            if self.scene is not None:
                return

    def read_end(self) -> list[Line]:
        """Give the last lines of the newest event log, at most some kilobytes of them."""
        for claim in claims_in(self._folder)[-1:]:
            path = self._folder / f"{claim}.events"
            try:
                size = path.stat().st_size
            except OSError:
                return []
            # The first of them is seldom whole, and then left out.
            lines = LogReader(path, max(0, size - _HEAD), inside=False).read(_HEAD)
            for line in lines:
                self._note(claim, line)
            return [*lines]
        return []

    def last_words(self) -> list[Line]:
        """Give what a worker that crashed wrote past Python, and could not log any more."""
        lines: list[Line] = []
        for claim in self._readers:
            if claim in self._ended:
                continue
            for place, stream in enumerate(("stdout", "stderr")):
                path = raw_path(self._folder, claim, stream)
                offset = self._raw.get((claim, stream), 0)
                found, after = raw_lines(path, stream, offset, last=True)
                self._raw[claim, stream] = after
                moment = path.stat().st_mtime if found else 0.0
                for number, line in enumerate(found):
                    line |= {"c": claim, "n": _AFTER_THE_LAST + place * _STREAM_APART + offset + number, "t": moment}
                    lines.append(line)
        return lines


@dataclass(frozen=True, slots=True)
class StoredRun:
    """What the store says of a run: its row, and the facts with its steps in them."""

    run: Run | None
    facts: RunFacts
    inputs: Mapping[str, list[str]]


def load_stored(store: ReadonlyStore, facts: RunFacts, *, steps: bool = True, secrets: Collection[str] = ()) -> StoredRun:
    """Take in a run, its steps, and the runs inside it.

    Args:
        store: the store.
        facts: what was known.
        steps: False for the row and the inputs alone.
        secrets: further names whose values are not shown.
    """
    run = store.get_run(facts.root)
    if run is None:
        return StoredRun(None, facts, {})
    if steps:
        facts = _with_run(store, facts, run, None, 0, secrets)
    return StoredRun(run, facts, previews(store.inputs(run.id), secrets))


def _with_run(
    store: ReadonlyStore, facts: RunFacts, run: Run, up: tuple[str, int, str] | None, depth: int, secrets: Collection[str]
) -> RunFacts:
    line = run_line(run)
    if up is not None:
        line["up"] = up
    if (run.config or {}).get("kind") == "map":
        facts = with_stored(facts, line, ())
        return with_items(facts, run.id, stored_states(store.item_states(run.id)))
    steps = list(store.steps(run.id))
    facts = with_stored(facts, line, [step_line(step, secrets) for step in steps])
    if depth >= _MOST_DEPTH:
        return facts
    known: set[str] = set()
    for step in steps:
        if step.child_run_id is None or step.child_run_id in known or len(known) >= _MOST_CHILDREN:
            continue
        known.add(step.child_run_id)
        child = store.get_run(step.child_run_id)
        if child is not None:
            facts = _with_run(store, facts, child, (run.id, step.superstep, step.node_name), depth + 1, secrets)
    if str(run.status) == "active":
        superstep = max((step.superstep for step in steps), default=-1) + 1
        facts = _with_unfinished(store, facts, run, known, superstep, depth, secrets)
    return facts


def _with_unfinished(
    store: ReadonlyStore, facts: RunFacts, run: Run, known: set[str], superstep: int, depth: int, secrets: Collection[str]
) -> RunFacts:
    """Take in nested runs whose outer step has not ended: the node around them runs."""
    from hypergraph.checkpointers import RunFilter

    for child in store.page(RunFilter(parent_run_id=run.id), limit=_MOST_CHILDREN).runs:
        if child.id in known:
            continue
        node = child.id.removeprefix(f"{run.id}/").partition("/")[0]
        steps = facts.turns.get((run.id, node), ())
        at = steps[-1] if steps and facts.steps[run.id, steps[-1], node].end is None else superstep
        if not steps or at != steps[-1]:
            began = {"k": "node+", "c": 0, "n": 0, "t": child.created_at.timestamp(), "r": run.id, "s": at, "node": node}
            facts = fold(facts, [began])
        facts = _with_run(store, facts, child, (run.id, at, node), depth + 1, secrets)
    return facts


def inherited_lines(store: ReadonlyStore, run_id: str, secrets: Collection[str] = ()) -> dict[str, Line]:
    """Give what a fork took over from its source: node -> the line of its newest step, with the run that it comes from."""
    found: dict[str, Line] = {}
    for step in store.checkpoint(run_id).steps:
        if step.run_id != run_id and str(step.status) == "completed":
            found[step.node_name] = {**step_line(step, secrets), "from": step.run_id}
    return found


def typical_times(store: ReadonlyStore, run: Run) -> dict[str, str]:
    """Say how long each node of a graph took before: the median of its last completed runs, and how it spreads."""
    from hypergraph.checkpointers import RunFilter, WorkflowStatus

    if run.graph_name is None or run.parent_run_id is not None:
        return {}
    page = store.page(RunFilter(status=(WorkflowStatus.COMPLETED,), graph_name=run.graph_name), limit=_TYPICAL_RUNS + 1)
    times: dict[str, list[float]] = {}
    for other in page.runs:
        if other.id == run.id or other.created_at > run.created_at:
            continue
        for node, figures in store.stats(other.id).items():
            if not figures["cache_hits"] and not figures["errors"]:
                times.setdefault(node, []).append(figures["avg_ms"] / 1000)
    found = {}
    for node, seconds in times.items():
        text = f"{_took(statistics.median(seconds))} ({len(seconds)} run{'s' if len(seconds) > 1 else ''}"
        if len(seconds) >= 5:
            text += f", p90 {_took(statistics.quantiles(seconds, n=10)[-1])}"
        found[node] = f"{text})"
    return found


def _took(seconds: float) -> str:
    return f"{seconds * 1000:.0f}ms" if seconds < 1 else f"{seconds:.1f}s"


def groups_of(
    store: ReadonlyStore | None,
    batch: str,
    facts: BatchFacts,
    inputs: Callable[[Collection[int]], Mapping[int, Mapping[str, str]]] | None = None,
) -> tuple[FailureGroup, ...]:
    """Group a batch's failures by kind.

    Args:
        store: the store, which tells of items that no event log tells of.
        batch: the batch's run.
        facts: what is known of it.
        inputs: gives the inputs of the failed items and of others, to find what a kind shares.
    """
    failures = {item: (node, kind, message) for item, (_, _, node, kind, message) in facts.failures.items()}
    if store is not None:
        missing = facts.states.count(_FAILED) - sum(1 for item in failures if item < len(facts.states) and facts.states[item] == _FAILED)
        if missing > 0:
            failures = {**_stored_failures(store, batch), **failures}
        failures = {item: found for item, found in failures.items() if item >= len(facts.states) or facts.states[item] == _FAILED}
    return failure_groups(failures, inputs(failures) if inputs is not None and len(failures) > 1 else None)


def _stored_failures(store: ReadonlyStore, batch: str) -> dict[int, tuple[str, str, str]]:
    from hypergraph.checkpointers import RunFilter, WorkflowStatus

    node_of: dict[str, str] = {}
    for group in store.failure_groups(batch):
        node_of.setdefault(group.error_type.rpartition(".")[2], group.node_name)
    found: dict[int, tuple[str, str, str]] = {}
    for run in store.page(RunFilter(status=(WorkflowStatus.FAILED,), parent_run_id=batch), limit=_MOST_FAILURES).runs:
        number = run.id.removeprefix(f"{batch}/")
        kind, _, message = (run.error or "").partition(": ")
        if number.isdigit():
            found[int(number)] = (node_of.get(kind, ""), kind, message or kind)
    return found


def now() -> float:
    """Give the present moment of the clock that only goes forward."""
    return time.monotonic()
