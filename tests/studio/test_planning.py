"""What stands beside the form before a run: each check in words, and what keeps a run from starting."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from hypergraph.viz.scene import Scene
from studio.model.graph_view import GraphView, InputField
from studio.model.plan import LaunchPlan
from studio.model.type_spec import TypeSpec
from studio.services import room
from studio.services.planning import make_plan
from studio.services.room import room_for

TIMES = "\N{MULTIPLICATION SIGN}"
INT = TypeSpec("int", "int")
GRAPH = GraphView(
    "rag",
    "",
    "rag.py:1",
    (InputField("a", INT), InputField("b", INT), InputField("c", INT, required=False, default="3")),
    (),
    {"AsyncRunner": None, "SyncRunner": "The graph asks questions, which needs AsyncRunner: ask.", "DaftRunner": None},
    Scene(),
    1,
)


def plan(graph: GraphView = GRAPH, **options: object) -> LaunchPlan:
    usual: dict[str, object] = {
        "texts": {"a": "1", "b": "2"}, "runner": "AsyncRunner", "run_id": "rag-1", "free": True, "map_over": (), "map_mode": "zip",
        "on_error": "continue", "at_once": None, "store": "runs.db", "changed": False,
    }  # fmt: skip
    return make_plan(graph, **{**usual, **options})  # type: ignore[arg-type]  # whatever a test gives


def said(made: LaunchPlan) -> dict[str, bool | None]:
    return {text: good for good, text in made.checks}


def test_a_good_plan_says_what_will_happen() -> None:
    assert said(plan()) == {
        "all inputs fit their types": True,
        "AsyncRunner fits this graph": True,
        "stored in runs.db as rag-1": None,
    }


@pytest.mark.parametrize(
    ("options", "text", "good"),
    [
        ({"texts": {"a": "1"}}, "needed: b", False),
        ({"texts": {"a": "x", "b": "2"}}, "a: 'x' is no int", False),
        ({"runner": "SyncRunner"}, "The graph asks questions, which needs AsyncRunner: ask.", False),
        ({"free": False}, "There is a run rag-1 already: choose another id.", False),
        ({"run_id": "a/b"}, "An id has no '/': that marks what is inside a run.", False),
        ({"changed": True}, "The module changed on disk since it was loaded; the run takes the file as it is now.", None),
        ({"runner": "DaftRunner"}, "Daft stores no history: the result is shown, and lost when the studio ends.", None),
        ({"room": (False, "runs.db may only be read")}, "runs.db may only be read", False),
        ({"room": (None, "Only 9 MB are free")}, "Only 9 MB are free", None),
        ({"at_once": 0}, "At least one has to run at once.", False),
        ({"texts": {"a": "[]", "b": "2"}, "map_over": ("a",)}, "There is nothing to run: the list is empty.", False),
    ],
)
def test_each_trouble_has_its_sentence(options: dict[str, object], text: str, good: bool | None) -> None:
    assert said(plan(**options))[text] is good


def test_a_graph_that_no_runner_can_run_says_why() -> None:
    lost = replace(GRAPH, fits={"AsyncRunner": "Only DaftRunner runs batch nodes: embed.", "DaftRunner": "The graph has a cycle."})
    text = "No runner can run this graph: Only DaftRunner runs batch nodes: embed. The graph has a cycle."
    assert said(plan(lost, runner=""))[text] is False


def test_a_cache_is_told() -> None:
    assert "Nodes with a cache take known results from disk, and leave new ones there." in said(plan(replace(GRAPH, caches=True)))


def test_the_number_of_items_is_told_at_once() -> None:
    """A product is counted before it is made; unequal lists are refused, and what a product would make is said."""
    lists = {"a": ",".join(map(str, range(12))), "b": ",".join(map(str, range(50)))}
    both = ("a", "b")
    assert plan(texts=lists, map_over=both, map_mode="product").items_text == f"12 {TIMES} 50 = 600 items"
    unequal = plan(texts=lists, map_over=both)
    assert said(unequal)["zip needs equal lengths: a 12, b 50. Product would make 600 items."] is False
    assert plan(texts={"a": "1,2", "b": "5"}, map_over=("a",)).items_text == "2 items"
    assert plan(texts={"a": "1", "b": "5"}, map_over=("a",)).items_text == "1 item"


def test_very_many_items_are_warned_of_but_not_refused() -> None:
    lists = {"a": ",".join(map(str, range(400))), "b": ",".join(map(str, range(500)))}
    made = plan(texts=lists, map_over=("a", "b"), map_mode="product")
    assert made.items_text == f"400 {TIMES} 500 = 200,000 items"
    assert said(made)["200,000 items are many: each is stored as a run of its own. Try a few first."] is None
    assert False not in said(made).values()


def test_a_store_that_takes_nothing_is_known_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Looked at without writing; a folder that does not exist yet is judged by the one above it."""

    def usage(free: int) -> SimpleNamespace:
        return SimpleNamespace(free=free)

    db = tmp_path / "deep" / "runs.db"
    assert room_for(db) is None
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: usage(9 << 20))
    assert room_for(db) == (None, "Only 9 MB are free on the disk of runs.db.")
    monkeypatch.setattr(room.shutil, "disk_usage", lambda _path: usage(9 << 10))
    assert room_for(db) == (False, "The disk of runs.db is full: 9 KB are free.")
    monkeypatch.setattr(room.os, "access", lambda path, _mode: path != tmp_path)
    assert room_for(db) == (False, f"Nothing may be written in {tmp_path}: change its permissions, or name another database with --db.")
    db.parent.mkdir()
    db.touch()
    monkeypatch.setattr(room.os, "access", lambda path, mode: path != db or mode != os.W_OK)
    assert room_for(db) == (False, "runs.db may only be read: change its permissions, or name another one with --db.")
    assert room_for(db / "runs.db") == (False, f"{db} is no folder, so runs.db cannot be made there.")
