"""Reading steps, and what they fold into: state, checkpoint, statistics."""

from __future__ import annotations

from dataclasses import dataclass
from operator import itemgetter
from typing import Any

from hypergraph._text import fix
from hypergraph.checkpointers.queries.context import Context, Operation, large_values, read_data
from hypergraph.checkpointers.rows import LARGE, STEP_COLUMNS, StepsRead
from hypergraph.exceptions import CheckpointError
from hypergraph.records import Checkpoint, CheckpointLink, StepRecord

__all__ = ["Link", "chain_of", "get_checkpoint", "get_state", "get_steps", "refuse_dropped", "stats", "steps_of"]

_SELECT = f"SELECT {STEP_COLUMNS} FROM steps s JOIN nodes n ON n.key = s.node WHERE s.run = "
_OF_ID = f"{_SELECT}(SELECT key FROM runs WHERE id = ?)"
_OF_KEY = f"{_SELECT}?"
_UPTO = " AND s.superstep <= ?"

# In the order in which they were completed. Sorted here: SQLite would copy every row into a sorter, and they mostly are in order.
_in_order = itemgetter(10, 2)


@dataclass(frozen=True, slots=True)
class Link:
    """A run in a line of forks: its key and id, up to which superstep it counts, and what its window dropped."""

    key: int
    run_id: str
    cut: int | None
    dropped: str | None


def steps_of(context: Context, run: int, run_id: str, cut: int | None) -> Operation[list[StepRecord]]:
    """Give the steps of one run up to a superstep, in the order in which they were completed."""
    rows = yield (_OF_KEY, (run,)) if cut is None else (_OF_KEY + _UPTO, (run, cut))
    return (yield from _read(context, run_id, rows))


def get_steps(context: Context, run_id: str, *, superstep: int | None = None) -> Operation[list[StepRecord]]:
    """Give a run's own steps."""
    rows = yield (_OF_ID, (run_id,)) if superstep is None else (_OF_ID + _UPTO, (run_id, superstep))
    return (yield from _read(context, run_id, rows))


def _read(context: Context, run_id: str, rows: list[tuple[Any, ...]]) -> Operation[list[StepRecord]]:
    rows.sort(key=_in_order)
    large: dict[tuple[int, int], dict[str, Any]] = {}
    if any(row[7] & LARGE for row in rows):
        large = yield from large_values(context, rows[0][18])
    return StepsRead(run_id, rows, context.codec, large).records()


def chain_of(run_id: str, superstep: int | None = None) -> Operation[list[Link]]:
    """Give a run and what it was forked from, oldest first."""
    found: list[Link] = []
    seen: set[str] = set()
    wanted: str | None = run_id
    cut = superstep
    while wanted is not None and wanted not in seen:
        seen.add(wanted)
        rows = yield "SELECT key, forked_from, fork_cut, dropped FROM runs WHERE id = ?", (wanted,)
        if not rows:
            break
        key, source, source_cut, dropped = rows[0]
        found.append(Link(key, wanted, cut, dropped))
        wanted = source
        # Numbering runs on through forks: what lies behind a run's cut lies behind the cut of all that came before it.
        cut = min((one for one in (cut, source_cut) if one is not None), default=None)
    found.reverse()
    return found


def _folded(
    context: Context, run_id: str, superstep: int | None
) -> Operation[tuple[dict[str, Any], list[StepRecord], list[CheckpointLink]]]:
    """Give (state, steps, line): the inherited steps first, each fork's seed between its source's steps and its own."""
    values: dict[str, Any] = {}
    steps: list[StepRecord] = []
    line: list[CheckpointLink] = []
    inputs: dict[str, Any] = {}
    for link in (yield from chain_of(run_id, superstep)):
        seed = (yield from read_data(context, link.key, "seed")) or {}
        inputs = {**inputs, **((yield from read_data(context, link.key, "inputs")) or {})}
        values.update(seed)
        own = yield from steps_of(context, link.key, link.run_id, link.cut)
        for step in own:
            # A step without values failed or paused; an output that is None is a value.
            if step.values is not None:
                values.update(step.values)
        steps += own
        line.append(CheckpointLink(link.run_id, inputs, seed, len(own)))
    return values, steps, line


def get_state(context: Context, run_id: str, *, superstep: int | None = None) -> Operation[dict[str, Any]]:
    """Give the values that a run's steps fold into."""
    values, _, _ = yield from _folded(context, run_id, superstep)
    return values


def get_checkpoint(context: Context, run_id: str, *, superstep: int | None = None) -> Operation[Checkpoint]:
    """Give a run's state at one moment, with the steps that made it and the run's inputs."""
    values, steps, line = yield from _folded(context, run_id, superstep)
    return Checkpoint(
        values,
        steps,
        source_run_id=run_id,
        source_superstep=superstep,
        inputs=line[-1].inputs if line else {},
        line=tuple(line),
    )


def refuse_dropped(run_id: str) -> Operation[None]:
    """Refuse to go on from a run whose window has dropped steps.

    Raises:
        CheckpointError: it has; the message names the first one.
    """
    for link in (yield from chain_of(run_id)):
        if link.dropped is not None:
            raise CheckpointError(
                f"Run {link.run_id!r} can be read but not resumed or forked: its window has dropped steps, first {link.dropped}."
                + fix("Run it again from its inputs", 'Keep all that is needed in the future: retention="full" or "latest"')
            )


def stats(_: Context, run_id: str) -> Operation[dict[str, dict[str, Any]]]:
    """Give figures per node of a run: steps, times in milliseconds, errors, cache hits."""
    rows = yield (
        "SELECT n.name, max(n.type), count(*), sum(s.duration_ms), avg(s.duration_ms), max(s.duration_ms), "
        "sum(s.status = 1), sum(s.flags & 1), max(s.attempt), min(s.idx) FROM steps s JOIN nodes n ON n.key = s.node "
        "JOIN runs r ON r.key = s.run WHERE r.id = ? GROUP BY n.name ORDER BY min(s.idx)",
        (run_id,),
    )
    return {
        name: {
            "node_type": kind or None, "steps": steps, "total_ms": total or 0.0, "avg_ms": mean or 0.0, "max_ms": most or 0.0,
            "errors": errors, "cache_hits": hits, "attempts": attempts,
        }
        for name, kind, steps, total, mean, most, errors, hits, attempts, _ in rows
    }  # fmt: skip
