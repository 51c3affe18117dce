"""What the store tells of past runs, read without leaving a trace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hypergraph import AsyncRunner, Graph, SqliteCheckpointer, SyncRunner, interrupt, node
from studio.model.filters import parse_filter
from studio.services.history import History
from studio.services.opening import open_value


@node(output_name="b")
def double(a: int) -> int:
    if a < 0:
        raise ValueError(f"negative: {a}")
    return a * 2


@node(output_name="c")
def wrap(b: int, label: str = "x", api_key: str = "") -> dict[str, object]:
    return {"label": label, "items": list(range(b)), "password": "hush"}


@interrupt(output_name="ok")
def ask(draft: str) -> bool | None:
    return None


PIPE = Graph([double, wrap], name="pipe")
ASK = Graph([ask], name="asks")


@pytest.fixture
def db(tmp_path: Path) -> Path:
    return tmp_path / "runs.db"


@pytest.fixture
def history(db: Path) -> Iterator[History]:
    made = History(db)
    yield made
    made.close()


def _fill(db: Path) -> None:
    with SqliteCheckpointer(db) as store:
        runner = SyncRunner(checkpointer=store)
        runner.run(PIPE, {"a": 3}, workflow_id="one")
        runner.run(PIPE, {"a": -1}, workflow_id="two", error_handling="continue")
        runner.run(PIPE, {"label": "needle in a stack"}, fork_from="one", workflow_id="three")
        runner.map(PIPE, {"a": [1, -2, 3]}, map_over="a", workflow_id="batch", error_handling="continue")


def test_a_store_that_is_not_there_yet_is_empty_and_stays_away(history: History, db: Path) -> None:
    assert history.runs() == []
    assert history.counts() == {}
    assert history.newest() is None
    assert history.token() is None
    assert history.pauses() == ()
    assert not db.exists()


def test_runs_come_newest_first_with_their_reasons(history: History, db: Path) -> None:
    _fill(db)
    rows = history.runs()
    assert [(row.id, row.state) for row in rows] == [("batch", "partial"), ("three", "completed"), ("two", "failed"), ("one", "completed")]
    assert (rows[0].children, rows[0].errors) == (3, 1)
    assert rows[1].cause.startswith("fork of one: label: ")
    assert rows[2].cause == "ValueError: negative: -1"


def test_pages_follow_one_another(history: History, db: Path) -> None:
    _fill(db)
    first = history.runs(limit=3)
    rest = history.runs(after=first[-1], limit=3)
    assert [row.id for row in (*first, *rest)] == ["batch", "three", "two", "one"]
    assert history.runs(after=rest[-1], limit=3) == []


def test_children_show_failures_first(history: History, db: Path) -> None:
    _fill(db)
    assert [row.id for row in history.children("batch")] == ["batch/1", "batch/0", "batch/2"]


def test_filters_and_counts_agree(history: History, db: Path) -> None:
    _fill(db)
    assert [row.id for row in history.runs("failed graph:pipe since:1d")] == ["two"]
    assert [row.id for row in history.runs('value:"needle"')] == ["three"]
    assert [row.id for row in history.runs("negative")] == ["batch", "two"]
    assert history.counts() == {"completed": 2, "failed": 1, "partial": 1}
    assert history.counts("failed") == {"failed": 1}
    assert history.runs("graph:none") == []


def test_the_token_changes_with_the_history_alone(db: Path) -> None:
    moment = 1_000_000.0
    history = History(db, clock=lambda: moment)
    _fill(db)
    first = history.token()
    assert history.token() == first
    with SqliteCheckpointer(db) as store:
        SyncRunner(checkpointer=store).run(PIPE, {"a": 1}, workflow_id="more")
    assert history.token() != first
    history.close()


def test_the_newest_run_of_each_graph_is_known(history: History, db: Path) -> None:
    _fill(db)
    assert {name: row.id for name, row in history.last_runs().items()} == {"pipe": "batch"}
    assert history.newest() == "batch"


def test_a_family_says_what_was_changed(history: History, db: Path) -> None:
    _fill(db)
    rows = history.lineage("three")
    assert [(row.id, row.lanes, row.selected) for row in rows] == [("one", "●", False), ("three", "╰─●", True)]
    assert "needle" in rows[1].cause
    assert history.lineage("nobody") == ()


async def test_questions_say_what_an_answer_has_to_be(history: History, db: Path) -> None:
    async with SqliteCheckpointer(db) as store:
        await AsyncRunner(checkpointer=store).run(ASK, {"draft": "hello"}, workflow_id="p")
    (pause,) = history.pauses()
    assert (pause.run_id, pause.node, [(key, spec.kind) for key, spec in pause.asks]) == ("p", "ask", [("ok", "bool")])
    assert pause.values[0].text == "hello"


def test_values_open_branch_by_branch(history: History, db: Path) -> None:
    _fill(db)
    whole = open_value(history, "one", "wrap", "c", None)
    assert [(child.key, child.kind, child.branches) for child in whole.children] == [
        ("label", "str", False), ("items", "list[6]", True), ("password", "str", False),
    ]  # fmt: skip
    assert "hush" not in whole.text
    assert open_value(history, "one", "wrap", "c", None, ("items", "[4]")).preview == "4"
    assert "hush" not in open_value(history, "one", "wrap", "c", None, ("password",)).text
    assert open_value(history, "one", "wrap", "b", None).preview == "6"
    assert open_value(history, "one", None, "a", None).preview == "3"
    assert open_value(history, "one", "wrap", "nothing", None).note
    assert open_value(history, "one", None, "api_key", None).text == "(hidden)"


def test_a_huge_value_is_shown_in_part(history: History, db: Path) -> None:
    @node(output_name="big")
    def make(n: int) -> list[int]:
        return list(range(n))

    with SqliteCheckpointer(db) as store:
        SyncRunner(checkpointer=store).run(Graph([make], name="big"), {"n": 100_000}, workflow_id="big")
    found = open_value(history, "big", "make", "big", None)
    assert (found.kind, len(found.children), found.more) == ("list[100000]", 200, 99_800)
    assert len(found.text) <= 200_000


@pytest.mark.parametrize(
    ("typed", "states", "graph", "text"),
    [
        ("failed graph:rag", ("failed",), "rag", None),
        ("running paused", ("active", "paused"), None, None),
        ('graph:"two words" other', (), "two words", "other"),
        ('value:"half typed', (), None, None),
        ("since:nonsense", (), None, "since:nonsense"),
        ("graph:", (), None, None),
        ("", (), None, None),
    ],
)
def test_what_is_typed_is_a_filter_at_each_key(typed: str, states: tuple[str, ...], graph: str | None, text: str | None) -> None:
    found = parse_filter(typed, 1_000_000.0)
    assert (found.states, found.graph) == (states, graph)
    assert found.text == text or 'value:"' in typed


def test_ages_count_back_from_now() -> None:
    now = datetime(2026, 1, 2, 3, 4, tzinfo=UTC)
    assert parse_filter("since:90m", now.timestamp()).since == now - timedelta(minutes=90)
    assert parse_filter("until:2025-12-01T00:00+00:00", now.timestamp()).until == datetime(2025, 12, 1, tzinfo=UTC)
    assert parse_filter("interrupted", now.timestamp()).interrupted is True
    assert parse_filter("running", now.timestamp()).interrupted is False


def test_a_file_that_took_the_place_of_another_is_read_anew(history: History, db: Path) -> None:
    _fill(db)
    assert history.newest() == "batch"
    other = db.with_name("other.db")
    with SqliteCheckpointer(other) as store:
        SyncRunner(checkpointer=store).run(PIPE, {"a": 1}, workflow_id="fresh")
    for suffix in ("-wal", "-shm"):
        db.with_name(db.name + suffix).unlink(missing_ok=True)
    other.replace(db)
    assert [row.id for row in history.runs()] == ["fresh"]


def test_a_store_that_cannot_be_read_is_said_and_breaks_nothing(history: History, db: Path) -> None:
    db.write_bytes(b"this is no database at all, whatever its name says" * 100)
    assert history.runs() == []
    assert history.problem is not None
    assert "runs.db" in history.problem
