"""Files that are no good: refused by name, and left as they are."""

from __future__ import annotations

import hashlib
import os
import random
import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from benchmarks.durability.hands import Hands
from benchmarks.durability.report import Row
from hypergraph.checkpointers import NewRun, RunFilter, SqliteCheckpointer, StepRecord, StepStatus, WorkflowStatus
from hypergraph.exceptions import CheckpointError, NotACheckpointError, SchemaVersionError, StoreCorruptError

__all__ = ["BAD", "digest", "file_rows", "filled", "mutated", "read_all", "read_mutations", "refused"]


def filled(path: Path, runs: int = 20, steps: int = 20) -> Path:
    """Make a store with something in it."""
    with SqliteCheckpointer(path) as cp:
        for number in range(runs):
            cp.begin_sync(NewRun(f"r{number}", graph_name="g", inputs={"x": number}))
            for superstep in range(steps):
                cp.save_step_sync(
                    StepRecord(
                        f"r{number}", superstep, "work", superstep, StepStatus.COMPLETED, {"x": 1}, values={"y": "text " * 20},
                        duration_ms=1.5, node_type="FunctionNode",
                    )
                )  # fmt: skip
            cp.finish_sync(f"r{number}", WorkflowStatus.COMPLETED)
    return path


def digest(path: Path) -> str | None:
    """Tell a file's content from every other."""
    return hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else None


def _overwrite(path: Path, place: int, data: bytes) -> None:
    with path.open("r+b") as stream:
        stream.seek(place)
        stream.write(data)


def _with_tables(path: Path, *statements: str) -> None:
    db = sqlite3.connect(path)
    for one in statements:
        db.execute(one)
    db.commit()
    db.close()


def _versioned(version: int) -> Callable[[Path], None]:
    return lambda path: _with_tables(
        path, "CREATE TABLE _schema_version (version INTEGER)", f"INSERT INTO _schema_version VALUES ({version})"
    )


def _newer(path: Path) -> None:
    _with_tables(filled(path, 1, 1), "UPDATE _schema_version SET version = 999")


def _cut(share: float) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        filled(path)
        os.truncate(path, int(path.stat().st_size * share) if share < 1 else int(share))

    return make


def broken_at(share: float) -> Callable[[Path], None]:
    """Make a store in which one page is nonsense."""

    def make(path: Path) -> None:
        filled(path)
        _overwrite(path, int(path.stat().st_size * share) // 4096 * 4096, b"\xff" * 4096)

    return make


BAD: dict[str, tuple[Callable[[Path], Any], type[CheckpointError]]] = {
    "text": (lambda path: path.write_text("hello, world\n" * 100), NotACheckpointError),
    "noise": (lambda path: path.write_bytes(bytes(range(256)) * 64), NotACheckpointError),
    "other-program": (lambda path: _with_tables(path, "CREATE TABLE bookmarks (url)"), NotACheckpointError),
    "foreign-version-table": (_versioned(2), NotACheckpointError),
    "newer": (_newer, SchemaVersionError),
    "newer-and-unknown": (_versioned(999), SchemaVersionError),
    "first-10-bytes": (_cut(10), StoreCorruptError),
    "first-99-bytes": (_cut(99), StoreCorruptError),
    "cut-at-10-percent": (_cut(0.1), StoreCorruptError),
    "cut-at-50-percent": (_cut(0.5), StoreCorruptError),
    "cut-at-99-percent": (_cut(0.99), StoreCorruptError),
    "header-gone": (lambda path: (filled(path), _overwrite(path, 0, b"\0" * 16)), StoreCorruptError),
    "schema-page-gone": (lambda path: (filled(path), _overwrite(path, 100, b"\xff" * 3000)), StoreCorruptError),
    "page-broken-at-40-percent": (broken_at(0.4), StoreCorruptError),
    "page-broken-at-60-percent": (broken_at(0.6), StoreCorruptError),
    "page-broken-at-90-percent": (broken_at(0.9), StoreCorruptError),
    "folder": (lambda path: path.mkdir(), NotACheckpointError),
}


def refused(how: str, path: Path) -> list[str]:
    """Make a bad file and use it in every way; give what must not be."""
    make, expected = BAD[how]
    make(path)
    before, broken = digest(path), []
    uses: dict[str, Callable[[], Any]] = {
        "read": lambda: SqliteCheckpointer(path).runs(),
        "begin": lambda: SqliteCheckpointer(path).begin_sync(NewRun("wf")),
        "create": lambda: SqliteCheckpointer(path).create_run_sync("wf"),
        "look": lambda: SqliteCheckpointer.open_readonly(path),
    }
    for name, use in uses.items():
        try:
            use()
        except expected as error:
            if str(path) not in str(error) or "How to fix:" not in str(error):
                broken.append(f"{how}, {name}: the message lacks the path or what to do: {error}")
        except Exception as error:
            broken.append(f"{how}, {name}: {type(error).__name__} in place of {expected.__name__}: {error}"[:200])
        else:
            broken.append(f"{how}, {name}: was accepted")
    if digest(path) != before:
        broken.append(f"{how}: the file was changed")
    if not isinstance(repr(SqliteCheckpointer(path)), str):
        broken.append(f"{how}: has no repr")
    return broken


def mutated(content: bytes, order: random.Random) -> bytes:
    """Damage a file's content in one of the ways in which files are damaged."""
    data = bytearray(content)
    how = order.choice(("bits", "bytes", "page", "swap", "cut", "insert", "zeros"))
    page = order.randrange(len(data) // 4096) * 4096
    if how == "bits":
        for _ in range(order.randint(1, 20)):
            data[order.randrange(len(data))] ^= 1 << order.randrange(8)
    elif how == "bytes":
        at = order.randrange(len(data))
        data[at : at + order.randint(1, 64)] = order.randbytes(order.randint(1, 64))
    elif how == "page":
        data[page : page + 4096] = order.randbytes(4096)
    elif how == "swap":
        other = order.randrange(len(data) // 4096) * 4096
        data[page : page + 4096], data[other : other + 4096] = data[other : other + 4096], data[page : page + 4096]
    elif how == "cut":
        del data[order.randrange(len(data)) :]
    elif how == "insert":
        at = order.randrange(len(data))
        data[at:at] = order.randbytes(order.randint(1, 5000))
    else:
        at = order.randrange(len(data))
        data[at : at + 512] = bytes(512)
    return bytes(data)


def read_all(path: Path) -> int:
    """Read a file through every reading face; give how many runs were read."""
    with SqliteCheckpointer.open_readonly(path) as store:
        found = store.runs(limit=None)
        str(found), found._repr_html_(), repr(store), store.counts(), store.pauses(), store.search("text"), store.page(RunFilter())
        store.changes_since(None)
        for run in found:
            steps = store.steps(run.id)
            str(steps), steps._repr_html_(), store.state(run.id), store.inputs(run.id), store.checkpoint(run.id), store.stats(run.id)
            store.sources(run.id), store.item_states(run.id), store.failure_groups(run.id)
            view = store.lineage(run.id)
            str(view), view._repr_html_()
            for step in steps[:3]:
                for name in step.values or {}:
                    store.value_preview(run.id, step.superstep, step.node_name, name)
        return len(found)


def read_mutations(order: dict[str, Any]) -> dict[str, Any]:
    """Read damaged copies of a file; a child's work, since what crashes it must not crash the harness."""
    from benchmarks.durability.watching import watched

    content, numbers = Path(order["source"]).read_bytes(), random.Random(order["seed"])
    path, broken, refusals = Path(order["store"]), list[str](), 0
    read_all(Path(order["source"]))
    with watched() as events:
        for _ in range(order["number"]):
            path.write_bytes(mutated(content, numbers))
            before = digest(path)
            try:
                read_all(path)
            except CheckpointError:
                refusals += 1
            except ValueError as error:
                # A damaged index does not find what stands in the table: the name for that is that there is no such run.
                refusals += 1
                if "Unknown workflow_id" not in str(error):
                    broken.append(f"ValueError: {error}"[:200])
            except Exception as error:
                broken.append(f"{type(error).__name__}: {error}"[:200])
            if digest(path) != before:
                broken.append("the file was changed")
    return {"broken": [*broken, *(f"{name}: {text}" for name, text in events)], "refused": refusals}


def file_rows(hands: Hands, folder: Path, mutations: int) -> Iterator[Row]:
    """Use bad files, and read mutated ones."""
    folder.mkdir(parents=True, exist_ok=True)
    broken = [text for how in BAD for text in refused(how, folder / f"{how}.db")]
    yield Row(
        "bad files",
        "damaged, foreign, newer",
        len(BAD),
        f"refused by name, unchanged: {len(BAD) - len(broken)}",
        "named error; digest unchanged",
        broken,
    )
    source = filled(folder / "good.db", 5, 5)

    def one(part: int) -> Callable[[], dict[str, Any]]:
        def read() -> dict[str, Any]:
            with hands.some() as (hand,):
                child = hand.start(
                    do="mutations", source=str(source), store=str(folder / f"mutated-{part}.db"), seed=part, number=mutations // 10
                )
                answer = child.end(600)
                return answer if "broken" in answer else {"broken": [f"the reader ended with {child.status}: {answer}"], "refused": 0}

        return read

    answers = list(hands.side_by_side([one(part) for part in range(10)]))
    broken = [text for answer in answers for text in answer["broken"]]
    refusals = sum(answer["refused"] for answer in answers)
    yield Row(
        "mutated files", "read in every way", mutations // 10 * 10, f"{refusals} refused by name, others read; errors {len(broken)}",
        "named error or read; unchanged", broken,
    )  # fmt: skip
