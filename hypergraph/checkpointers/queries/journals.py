"""Reading what a run goes on from: its steps in brief, all their columns as one text that is parsed once.

SQLite joins each column into a text, so that neither a row nor a record is built per step. What such a text cannot hold (values of more
than 1 MiB, another serializer's bytes, the bare decisions of old layouts, damaged data) is read step by step, which is slower and tells
more.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from itertools import repeat
from types import NoneType
from typing import Any

from hypergraph.checkpointers.moments import from_micros
from hypergraph.checkpointers.queries.ancestry import next_id
from hypergraph.checkpointers.queries.context import Context, Operation, read_data
from hypergraph.checkpointers.queries.steps import Link, chain_of, refuse_dropped, steps_of
from hypergraph.checkpointers.rows import LARGE, PARTIAL, STATUSES, TURN_SHIFT
from hypergraph.records import BriefStep, CheckpointLink, Journal, StepStatus, brief_of

__all__ = ["fork_journal", "get_journal"]

# Blobs, since stored text may not be UTF-8; what is wrong with it is found when it is parsed.
_COLUMNS = f"""SELECT count(*), max(s.completed_at), max(s.flags & {LARGE}), max(s.status), max(s.flags), count(s.decision),
group_concat(s.superstep), group_concat(s.idx), CAST(group_concat(n.name, '","') AS BLOB),
CAST(group_concat(coalesce(s.versions, '{{}}')) AS BLOB), CAST(group_concat(coalesce(CAST(s.data AS TEXT), 'null')) AS BLOB),
group_concat(s.status), group_concat(s.flags), CAST(group_concat(coalesce(s.decision, 'null')) AS BLOB)
FROM steps s JOIN nodes n ON n.key = s.node WHERE s.run = ?"""
_MAPPINGS, _VALUES = frozenset({dict}), frozenset({dict, NoneType})
_UPTO = " AND s.superstep <= ?"


def get_journal(context: Context, run_id: str) -> Operation[Journal]:
    """Give what a run goes on from."""
    line: list[CheckpointLink] = []
    steps: list[BriefStep] = []
    inputs: dict[str, Any] = {}
    last: datetime | None = None
    for link in (yield from chain_of(run_id)):
        seed = (yield from read_data(context, link.key, "seed")) or {}
        inputs = {**inputs, **((yield from read_data(context, link.key, "inputs")) or {})}
        own, moment = yield from _steps_of(context, link)
        if moment is not None and (last is None or moment > last):
            last = moment
        steps += own
        line.append(CheckpointLink(link.run_id, inputs, seed, len(own)))
    return Journal(tuple(line), steps, inputs, last=last)


def fork_journal(context: Context, source: str, *, workflow_id: str | None = None, retry: bool = False) -> Operation[tuple[str, Journal]]:
    """Give the id of a fork or retry, and what it starts from; raises as `fork_workflow` does."""
    new_id, number = yield from next_id(context, source, workflow_id=workflow_id, retry=retry)
    yield from refuse_dropped(source)
    found = yield from get_journal(context, source)
    if not retry:
        return new_id, found
    return new_id, Journal(found.line, found.steps, found.inputs, source, number, found.last)


def _steps_of(context: Context, link: Link) -> Operation[tuple[list[BriefStep], datetime | None]]:
    rows = yield (_COLUMNS, (link.key,)) if link.cut is None else (_COLUMNS + _UPTO, (link.key, link.cut))
    count, last, large = rows[0][:3]
    if not count:
        return [], None
    found = None if large else _parsed(context, count, *rows[0][3:])
    if found is None:
        found = [brief_of(step) for step in (yield from steps_of(context, link.key, link.run_id, link.cut))]
    return found, from_micros(last)


def _parsed(
    context: Context,
    count: int,
    worst: int,
    flagged: int,
    decided: int,
    supersteps: str,
    indices: str,
    names: bytes,
    versions: bytes,
    values: bytes,
    statuses: str,
    flags: str,
    decisions: bytes,
) -> list[BriefStep] | None:
    """Give the steps of joined columns; None when one of them is not what it should be."""
    if b"\\" in names:
        return None
    text = [supersteps.encode(), indices.encode(), b'"' + names + b'"', versions, values]
    # Most histories have nothing of one of these three.
    text += [column for column, there in ((statuses.encode(), worst), (flags.encode(), flagged), (decisions, decided)) if there]
    columns = context.codec.parse(b"[[" + b"],[".join(text) + b"]]")
    if columns is None or len(columns) != len(text) or any(type(column) is not list or len(column) != count for column in columns):
        return None
    if not _MAPPINGS.issuperset(map(type, columns[3])) or not _VALUES.issuperset(map(type, columns[4])):
        return None
    more = iter(columns[5:])
    ends: Iterable[StepStatus | None] = map(STATUSES.__getitem__, next(more)) if worst else repeat(StepStatus.COMPLETED, count)
    turns: Iterable[int] = repeat(1, count)
    if flagged:
        marks = next(more)
        ends = [end if not mark & PARTIAL else None for end, mark in zip(ends, marks, strict=True)]
        turns = [(mark >> TURN_SHIFT) + 1 for mark in marks]
    decided_on: Iterable[Any] = next(more) if decided else repeat(None, count)
    return list(zip(columns[0], columns[1], columns[2], ends, turns, columns[3], columns[4], decided_on, strict=True))
