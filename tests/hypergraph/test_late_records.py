"""Records that come from a store: their fields are made when somebody looks, and nothing else tells them from others."""

from __future__ import annotations

import copy
import json
import pickle
import sqlite3
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import pytest

from hypergraph import Graph, SerializationError, SqliteCheckpointer, SyncRunner, node
from hypergraph.checkpointers import StepRecord
from hypergraph.records import Run, WorkflowStatus


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="listed")
def listing(doubled: int) -> list[int]:
    return [doubled]


@pytest.fixture
def store(tmp_path: Path) -> SqliteCheckpointer:
    store = SqliteCheckpointer(tmp_path / "runs.db")
    SyncRunner(checkpointer=store).run(Graph([double, listing], name="g"), x=1, workflow_id="one")
    return store


def eager(record: Any) -> Any:
    return type(record)(**{item.name: getattr(record, item.name) for item in fields(record)})


@pytest.mark.parametrize("kind", ["run", "step"])
def test_a_read_record_equals_one_that_was_built(store: SqliteCheckpointer, kind: str) -> None:
    read: Any = store.get_run("one") if kind == "run" else store.steps("one")[0]
    again: Any = store.get_run("one") if kind == "run" else store.steps("one")[0]
    assert type(read) is (Run if kind == "run" else StepRecord)
    assert read == eager(again)
    assert read == again


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda record: pickle.loads(pickle.dumps(record)), replace])
def test_a_read_record_can_be_copied_before_it_was_looked_at(store: SqliteCheckpointer, copied: Any) -> None:
    (run,), step = store.runs(), store.steps("one")[1]
    assert copied(run) == eager(run)
    assert copied(step) == eager(step)


def test_a_read_record_is_frozen_and_has_no_other_attributes(store: SqliteCheckpointer) -> None:
    (run,) = store.runs()
    with pytest.raises(AttributeError):
        run.status = WorkflowStatus.FAILED  # type: ignore[misc]
    assert not hasattr(run, "no_such_field")


def test_a_list_of_runs_parses_nothing_until_somebody_looks(store: SqliteCheckpointer, monkeypatch: pytest.MonkeyPatch) -> None:
    parsed: list[str] = []
    loads = json.loads
    monkeypatch.setattr("json.loads", lambda text, **options: parsed.append(text) or loads(text, **options))
    (run,) = store.runs()
    steps = store.steps("one")
    assert not parsed
    assert run.config is not None
    assert [step.values for step in steps] == [{"doubled": 2}, {"listed": [2]}]
    # The values of all steps are one text.
    assert len(parsed) == 2


def test_a_field_is_made_once(store: SqliteCheckpointer) -> None:
    (run,), step = store.runs(), store.steps("one")[0]
    assert run.config is run.config
    assert step.values is step.values


def test_one_damaged_step_leaves_the_others_readable(store: SqliteCheckpointer) -> None:
    store.close_sync()
    with sqlite3.connect(store.path) as db:
        db.execute("UPDATE steps SET data = x'7b7b' WHERE superstep = 0")
    first, second = store.steps("one")
    with pytest.raises(SerializationError):
        assert first.values
    assert second.values == {"listed": [2]}


def test_values_belong_to_their_record_alone(store: SqliteCheckpointer) -> None:
    store.steps("one")[1].values["listed"].append(3)  # type: ignore[index]
    assert store.steps("one")[1].values == {"listed": [2]}
