"""The tables, their version, and the way up from older versions.

Version 3 keys everything by integers: a step's row repeats no text, and one step costs about a hundred bytes. Older layouts are
described once, as SELECTs in the shape of the present tables: reading an old file without writing uses them as temporary views, and
migrating copies through them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime

from hypergraph.checkpointers.moments import to_micros

__all__ = ["VERSION", "create", "empty_view", "known_version", "lacks_indexes", "legacy_views", "make_indexes", "migrate"]

VERSION = 3

# Times are microseconds since 1970, UTC. `steps.created_at` and `started_at` are kept as distances from `completed_at`.
_TABLES = """
CREATE TABLE _schema_version (version INTEGER NOT NULL);
CREATE TABLE owners (
    key INTEGER PRIMARY KEY,
    token TEXT NOT NULL UNIQUE,
    pid INTEGER NOT NULL,
    host TEXT NOT NULL,
    boot TEXT NOT NULL,
    started TEXT NOT NULL,
    beat_at INTEGER NOT NULL
);
CREATE TABLE texts (key INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, content TEXT NOT NULL);
CREATE TABLE nodes (key INTEGER PRIMARY KEY, name TEXT NOT NULL, type TEXT NOT NULL, UNIQUE (name, type));
CREATE TABLE runs (
    key INTEGER PRIMARY KEY,
    id TEXT NOT NULL UNIQUE,
    status TEXT NOT NULL,
    graph_name TEXT,
    duration_ms REAL,
    node_count INTEGER NOT NULL DEFAULT 0,
    error_count INTEGER NOT NULL DEFAULT 0,
    parent_run_id TEXT,
    forked_from TEXT,
    fork_superstep INTEGER,
    fork_cut INTEGER,
    retry_of TEXT,
    retry_index INTEGER,
    config INTEGER,
    sources INTEGER,
    created_at INTEGER NOT NULL,
    completed_at INTEGER,
    actor TEXT,
    error TEXT,
    epoch INTEGER NOT NULL DEFAULT 0,
    owner INTEGER,
    claimed_at INTEGER,
    stalled INTEGER NOT NULL DEFAULT 0,
    dropped TEXT,
    indexed INTEGER,
    seq INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_status ON runs (status);
CREATE INDEX runs_top ON runs (status) WHERE parent_run_id IS NULL;
CREATE INDEX runs_seq ON runs (seq);
CREATE INDEX runs_forks ON runs (forked_from) WHERE forked_from IS NOT NULL;
CREATE INDEX runs_retries ON runs (retry_of) WHERE retry_of IS NOT NULL;
CREATE INDEX runs_owner ON runs (owner) WHERE owner IS NOT NULL;
CREATE INDEX runs_unindexed ON runs (key) WHERE indexed IS NULL;
CREATE TABLE run_data (run INTEGER NOT NULL, kind TEXT NOT NULL, data BLOB NOT NULL, PRIMARY KEY (run, kind)) WITHOUT ROWID;
CREATE TABLE steps (
    run INTEGER NOT NULL,
    superstep INTEGER NOT NULL,
    node INTEGER NOT NULL,
    idx INTEGER NOT NULL,
    status INTEGER NOT NULL,
    versions TEXT,
    data BLOB,
    duration_ms REAL,
    flags INTEGER NOT NULL,
    decision TEXT,
    completed_at INTEGER NOT NULL,
    created_at INTEGER,
    started_at INTEGER,
    child_run_id TEXT,
    attempt INTEGER NOT NULL,
    error TEXT,
    error_type TEXT,
    traceback TEXT,
    PRIMARY KEY (run, superstep, node)
) WITHOUT ROWID;
CREATE INDEX steps_failed ON steps (run, node, error_type) WHERE status = 1;
CREATE TABLE blobs (key INTEGER PRIMARY KEY, hash BLOB NOT NULL UNIQUE, size INTEGER NOT NULL, data BLOB NOT NULL);
CREATE TABLE large_values (
    run INTEGER NOT NULL,
    superstep INTEGER NOT NULL,
    node INTEGER NOT NULL,
    name TEXT NOT NULL,
    blob INTEGER NOT NULL,
    PRIMARY KEY (run, superstep, node, name)
) WITHOUT ROWID;
CREATE INDEX large_values_blob ON large_values (blob);
"""

# What lists and counts are answered from, without a look at the rows: filters of a history and the items of a batch. Not a part of
# the version: a file without them is read the same, only slower, and whoever opens it for writing makes them.
_INDEXES = {
    "runs_shown": "CREATE INDEX runs_shown ON runs (parent_run_id, key, status, graph_name, created_at, id)",
    "runs_errors": "CREATE INDEX runs_errors ON runs (parent_run_id) WHERE error IS NOT NULL",
}
_REPLACED = ("runs_parent",)

# Columns of the older layouts, with what stands for a column that a layout does not have yet.
_OLD_RUN = {
    "id": None, "status": "'active'", "graph_name": "NULL", "duration_ms": "NULL", "node_count": "0", "error_count": "0",
    "parent_run_id": "NULL", "forked_from": "NULL", "fork_superstep": "NULL", "retry_of": "NULL", "retry_index": "NULL",
    "config": "NULL", "created_at": None, "completed_at": "NULL",
}  # fmt: skip
_OLD_STEP = {
    "run_id": None, "superstep": None, "node_name": None, "step_index": "0", "status": "'completed'", "input_versions": "NULL",
    "values_data": "NULL", "duration_ms": "0.0", "cached": "0", "decision": "NULL", "error": "NULL", "node_type": "NULL",
    "created_at": "NULL", "completed_at": "NULL", "child_run_id": "NULL", "partial": "0",
}  # fmt: skip


def known_version(db: sqlite3.Connection) -> int | None:
    """Give the version of the store behind `db`; 0 for an empty file, None for a database that is not ours."""
    names = {row[0] for row in db.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    if not names:
        return 0
    if "_schema_version" not in names:
        return None
    row = db.execute("SELECT max(version) FROM _schema_version").fetchone()
    version = row[0]
    if not isinstance(version, int) or (version <= VERSION and not {"runs", "steps"} <= names):
        return None
    return version


def create(db: sqlite3.Connection) -> None:
    """Create the tables; the caller holds the transaction."""
    for statement in _statements(_TABLES):
        db.execute(statement)
    make_indexes(db)
    db.execute("INSERT INTO _schema_version (version) VALUES (?)", (VERSION,))


def lacks_indexes(db: sqlite3.Connection) -> bool:
    """Tell whether a store of the present version was made before it had all of its indexes."""
    found = {name for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = 'index'")}
    return not found.issuperset(_INDEXES)


def make_indexes(db: sqlite3.Connection) -> None:
    """Make the indexes that are not there yet; the caller holds the transaction."""
    for statement in _INDEXES.values():
        db.execute(statement.replace("CREATE INDEX", "CREATE INDEX IF NOT EXISTS", 1))
    for name in _REPLACED:
        db.execute(f"DROP INDEX IF EXISTS {name}")


def _statements(script: str) -> Iterator[str]:
    # Not executescript(): it would commit the transaction that the caller holds.
    return (part.strip() for part in script.split(";\n") if part.strip())


def _selects(db: sqlite3.Connection, runs: str, steps: str) -> dict[str, str]:
    """Give, per table of today, a SELECT over old tables of these names that reads like it."""
    db.create_function("hypergraph_micros", 1, _micros_of, deterministic=True)
    run = _columns(db, runs, _OLD_RUN, "r")
    step = _columns(db, steps, _OLD_STEP, "s")
    kept = ", ".join(f"{run[name]} AS {name}" for name in _OLD_RUN if name not in ("config", "created_at", "completed_at"))
    completed = f"coalesce({_micros(step['completed_at'])}, {_micros(step['created_at'])}, 0)"
    no_rows = {
        "run_data": "0 AS run, '' AS kind, x'' AS data",
        "blobs": "0 AS key, x'' AS hash, 0 AS size, x'' AS data",
        "large_values": "0 AS run, 0 AS superstep, 0 AS node, '' AS name, 0 AS blob",
        "owners": "0 AS key, '' AS token, 0 AS pid, '' AS host, '' AS boot, '' AS started, 0 AS beat_at",
    }
    return {
        "texts": f"SELECT r.rowid AS key, r.id AS hash, {run['config']} AS content FROM {runs} r WHERE {run['config']} IS NOT NULL",
        "nodes": f"SELECT min(s.rowid) AS key, s.node_name AS name, coalesce(max({step['node_type']}), '') AS type "
        f"FROM {steps} s GROUP BY s.node_name",
        "runs": f"SELECT r.rowid AS key, {kept}, CASE WHEN {run['config']} IS NULL THEN NULL ELSE r.rowid END AS config, "
        f"coalesce({_micros(run['created_at'])}, 0) AS created_at, {_micros(run['completed_at'])} AS completed_at, "
        f"{run['fork_superstep']} AS fork_cut, NULL AS sources, NULL AS actor, NULL AS error, 0 AS epoch, NULL AS owner, "
        f"NULL AS claimed_at, 0 AS stalled, NULL AS dropped, NULL AS indexed, r.rowid AS seq FROM {runs} r",
        "steps": f"SELECT r.rowid AS run, s.superstep AS superstep, (SELECT min(n.rowid) FROM {steps} n WHERE n.node_name = s.node_name) "
        f"AS node, {step['step_index']} AS idx, CASE {step['status']} WHEN 'failed' THEN 1 WHEN 'paused' THEN 2 ELSE 0 END AS status, "
        f"{step['input_versions']} AS versions, {step['values_data']} AS data, {step['duration_ms']} AS duration_ms, "
        f"(CASE WHEN {step['cached']} THEN 1 ELSE 0 END) + (CASE WHEN {step['partial']} THEN 2 ELSE 0 END) "
        f"+ (CASE WHEN {step['completed_at']} IS NULL THEN 8 ELSE 0 END) AS flags, {step['decision']} AS decision, "
        f"{completed} AS completed_at, {completed} - {_micros(step['created_at'])} AS created_at, NULL AS started_at, "
        f"{step['child_run_id']} AS child_run_id, 1 AS attempt, {step['error']} AS error, NULL AS error_type, NULL AS traceback "
        f"FROM {steps} s JOIN {runs} r ON r.id = s.run_id",
        **{name: f"SELECT {columns} WHERE 0" for name, columns in no_rows.items()},
    }


def _columns(db: sqlite3.Connection, table: str, wanted: dict[str, str | None], alias: str) -> dict[str, str]:
    schema, _, name = table.rpartition(".")
    present = {row[1] for row in db.execute(f"PRAGMA {schema or 'main'}.table_info({name})")}
    found = {}
    for column, otherwise in wanted.items():
        if column in present:
            found[column] = f"{alias}.{column}"
        elif otherwise is None:
            raise sqlite3.DatabaseError(f"table {name} has no column {column}")
        else:
            found[column] = otherwise
    return found


def _micros(column: str) -> str:
    return "NULL" if column == "NULL" else f"hypergraph_micros({column})"


def _micros_of(text: str | None) -> int | None:
    return None if text is None else to_micros(datetime.fromisoformat(text))


def legacy_views(db: sqlite3.Connection) -> None:
    """Let `db`, which is open on an older layout, be read as if it were of today: temporary views hide the old tables."""
    for name, select in _selects(db, "main.runs", "main.steps").items():
        db.execute(f"CREATE TEMP VIEW {name} AS {select}")


def empty_view(db: sqlite3.Connection) -> None:
    """Let an empty file be read as a store without runs."""
    db.execute("CREATE TEMP TABLE old_runs (id TEXT, created_at TEXT)")
    db.execute("CREATE TEMP TABLE old_steps (run_id TEXT, superstep INTEGER, node_name TEXT)")
    for name, select in _selects(db, "temp.old_runs", "temp.old_steps").items():
        db.execute(f"CREATE TEMP VIEW {name} AS {select}")


def migrate(db: sqlite3.Connection) -> None:
    """Bring an older layout up to date; the caller holds the transaction and has made a backup."""
    for table in ("runs", "steps"):
        made = db.execute("SELECT name FROM sqlite_master WHERE type = 'index' AND tbl_name = ? AND sql IS NOT NULL", (table,)).fetchall()
        for (index,) in made:
            db.execute(f'DROP INDEX "{index}"')
        db.execute(f"ALTER TABLE {table} RENAME TO old_{table}")
    selects = _selects(db, "old_runs", "old_steps")
    db.execute("DROP TABLE _schema_version")
    create(db)
    for name in ("texts", "nodes", "runs", "steps"):
        columns = ", ".join(row[1] for row in db.execute(f"PRAGMA table_info({name})"))
        db.execute(f"INSERT INTO {name} ({columns}) SELECT {columns} FROM ({selects[name]})")
    db.execute("DROP TABLE old_steps")
    db.execute("DROP TABLE old_runs")
