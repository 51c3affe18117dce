"""Full text over node names, errors and values. The index is brought up to date by whoever searches, never by a run."""

from __future__ import annotations

import re
from typing import Any

from hypergraph._text import fix
from hypergraph.checkpointers.queries.context import Context, Operation, large_values
from hypergraph.checkpointers.rows import LARGE, STEP_COLUMNS, StepsRead
from hypergraph.records import StepRecord

__all__ = ["FIELDS", "bring_up_to_date", "search"]

FIELDS = ("node_name", "error", "values")
# Of a step's values this much is searched.
_TEXT_BYTES = 16_384
# Values that are no text (frames of another serializer, pickles) are not searched.
_TEXT = (
    f"CASE WHEN s.data IS NULL OR substr(s.data, 1, 1) IN (x'01', x'80') THEN '' ELSE CAST(substr(s.data, 1, {_TEXT_BYTES}) AS TEXT) END"
)
_WORD = re.compile(r"\w+", re.UNICODE)


def bring_up_to_date() -> Operation[None]:
    """Add to the index what was stored since the last search; needs a transaction that can write."""
    yield (
        "CREATE TABLE IF NOT EXISTS search_docs (doc INTEGER PRIMARY KEY, run INTEGER NOT NULL, superstep INTEGER NOT NULL, "
        "node INTEGER NOT NULL)",
        (),
    )
    yield "CREATE INDEX IF NOT EXISTS search_docs_run ON search_docs (run)", ()
    yield 'CREATE VIRTUAL TABLE IF NOT EXISTS search_text USING fts5(node_name, error, "values")', ()
    dirty = yield "SELECT key, status FROM runs WHERE indexed IS NULL", ()
    for run, _ in dirty:
        yield "DELETE FROM search_text WHERE rowid IN (SELECT doc FROM search_docs WHERE run = ?)", (run,)
        yield "DELETE FROM search_docs WHERE run = ?", (run,)
    known = yield "SELECT coalesce(max(doc), 0) FROM search_docs", ()
    # From the runs to their steps: the other way round each search would look at all steps there are.
    yield (
        "INSERT INTO search_docs (run, superstep, node) SELECT s.run, s.superstep, s.node FROM runs r CROSS JOIN steps s ON s.run = r.key "
        "WHERE r.indexed IS NULL ORDER BY s.completed_at",
        (),
    )
    yield (
        'INSERT INTO search_text (rowid, node_name, error, "values") '
        f"SELECT d.doc, n.name, coalesce(s.error, ''), {_TEXT} FROM search_docs d CROSS JOIN steps s ON s.run = d.run "
        "AND s.superstep = d.superstep AND s.node = d.node CROSS JOIN nodes n ON n.key = s.node WHERE d.doc > ?",
        (known[0][0],),
    )
    # A run that is still going on is looked at again.
    yield "UPDATE runs SET indexed = 1 WHERE indexed IS NULL AND status <> 'active'", ()


def search(context: Context, query: str, *, field: str | None = None, limit: int = 20, indexed: bool = True) -> Operation[list[StepRecord]]:
    """Give steps that contain all words of `query` (the last may be the beginning of a word), newest first.

    Args:
        context: reads values.
        query: plain words; nothing in it is an operator.
        field: look in one of "node_name", "error", "values" only.
        limit: no more than this many.
        indexed: use the index; otherwise the newest runs' steps are read through.

    Raises:
        ValueError: there is no such field.
    """
    if field is not None and field not in FIELDS:
        raise ValueError(f"Unknown search field {field!r}." + fix(f"Use one of {', '.join(map(repr, FIELDS))}, or leave it out"))
    words = _WORD.findall(query)
    if not words or limit == 0:
        return []
    if indexed:
        keys = yield from _from_index(words, field, limit)
    else:
        keys = yield from _by_reading(words, field, limit)
        # An index that cannot be brought up to date still knows all runs but the newest.
        if (yield "SELECT 1 FROM sqlite_master WHERE name = 'search_text'", ()):
            known = yield from _from_index(words, field, limit)
            keys = list(dict.fromkeys([*keys, *known]))
    found = []
    for run, superstep, node in keys:
        found.append((yield from _one_step(context, run, superstep, node)))
    newest_first = sorted((step for step in found if step is not None), key=lambda step: step.completed_at or step.created_at, reverse=True)
    return newest_first[:limit]


def _from_index(words: list[str], field: str | None, limit: int) -> Operation[list[tuple[Any, ...]]]:
    # Each word in quotes: FTS5 would read bare ones as its own language.
    text = " ".join(f'"{word}"' for word in words) + "*"
    match = f'"{field}" : ({text})' if field is not None else text
    return (
        yield (
            "SELECT d.run, d.superstep, d.node FROM search_text x JOIN search_docs d ON d.doc = x.rowid WHERE search_text MATCH ? "
            "ORDER BY x.rowid DESC LIMIT ?",
            (match, limit),
        )
    )


def _by_reading(words: list[str], field: str | None, limit: int) -> Operation[list[tuple[Any, ...]]]:
    parts = {
        "node_name": "n.name",
        "error": "coalesce(s.error, '')",
        "values": f"coalesce(CAST(substr(s.data, 1, {_TEXT_BYTES}) AS TEXT), '')",
    }
    text = parts[field] if field is not None else " || ' ' || ".join(parts.values())
    condition = " AND ".join("instr(lower(x.text), ?)" for _ in words)
    unknown = yield "SELECT 1 FROM sqlite_master WHERE name = 'search_text'", ()
    which = "WHERE s.run IN (SELECT key FROM runs WHERE indexed IS NULL)" if unknown else ""
    return (
        yield (
            f"SELECT x.run, x.superstep, x.node FROM (SELECT s.run, s.superstep, s.node, s.completed_at, {text} AS text FROM steps s "
            f"JOIN nodes n ON n.key = s.node {which}) x WHERE {condition} ORDER BY x.completed_at DESC LIMIT ?",
            (*(word.lower() for word in words), limit),
        )
    )


def _one_step(context: Context, run: int, superstep: int, node: int) -> Operation[StepRecord | None]:
    rows = yield (
        f"SELECT {STEP_COLUMNS}, r.id FROM steps s JOIN nodes n ON n.key = s.node JOIN runs r ON r.key = s.run "
        "WHERE s.run = ? AND s.superstep = ? AND s.node = ?",
        (run, superstep, node),
    )
    if not rows:
        return None
    row = rows[0]
    large = (yield from large_values(context, run, superstep)) if row[7] & LARGE else {}
    return StepsRead(row[20], rows, context.codec, large).records()[0]
