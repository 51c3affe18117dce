"""A feed shows a run as it goes on, and the same run later from the store alone."""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from hypergraph import Graph, SqliteCheckpointer, SyncRunner, node
from studio.services.feed import Feed, peek
from tests.studio.workshop import Workshop, wait_until


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


def test_a_running_node_is_seen_and_its_end_too(shop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    shop.start("waiting", "w1", texts={"gate": str(gate)})
    feed = shop.feed("w1")
    view = wait_until(lambda: found if (found := feed.latest()).nodes.get("wait") is not None else None)
    assert (view.state, view.nodes["wait"].state, view.live, view.can_stop) == ("running", "running", True, True)
    assert view.nodes["wait"].inputs[0].preview == str(gate)
    assert view.scene is not None
    assert [node.path for node in view.scene.nodes] == ["wait", "follow"]
    gate.touch()
    view = wait_until(lambda: found if not (found := feed.latest()).live else None)
    assert (view.state, view.done, view.total, view.can_stop) == ("completed", 2, 2, False)
    assert view.nodes["follow"].outputs[0].preview == "done"
    assert view.nodes["wait"].started_kind == "measured"


def test_poll_gives_each_view_once(shop: Workshop) -> None:
    shop.serve("simple", "r1", texts={"x": "1"})
    feed = Feed(shop.history, shop.launcher, "r1", start=False)
    assert feed.poll() is None
    feed.refresh()
    assert feed.poll() is not None
    assert feed.poll() is None


def test_nodes_that_did_not_change_stay_the_same_objects(shop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    shop.start("waiting", "w1", texts={"gate": str(gate)})
    feed = Feed(shop.history, shop.launcher, "w1", start=False)
    wait_until(lambda: (feed.refresh(), feed.latest().nodes.get("wait"))[1])
    first = feed.latest().nodes["wait"]
    feed.refresh()
    assert feed.latest().nodes["wait"] is first


def test_the_store_alone_shows_the_same_run(shop: Workshop) -> None:
    shop.serve("nested", "n1", texts={"x": "4"})
    live = shop.seen("n1", lambda view: view.state == "completed" and view.nodes["total"].outputs)
    shutil.rmtree(shop.folder / "state")
    past = shop.seen("n1", lambda view: view.state == "completed")
    assert set(past.nodes) == set(live.nodes) == {"inner", "inner/double", "inner/plus", "total"}
    for path, found in past.nodes.items():
        other = live.nodes[path]
        assert (found.state, found.superstep, found.turns, found.child_run) == (other.state, other.superstep, other.turns, other.child_run)
        assert [replace(value, origin="") for value in found.outputs] == [replace(value, origin="") for value in other.outputs]
        assert found.started_kind == "recorded"
    assert past.scene is not None
    assert [(edge.source, edge.target) for edge in past.scene.edges] == [("inner", "total")]


def test_a_run_made_without_a_studio_is_followed(shop: Workshop, tmp_path: Path) -> None:
    gate = tmp_path / "gate"
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r})\n"
        "from graphs_of_test import waiting; from hypergraph import Graph, SqliteCheckpointer, SyncRunner, node\n"
        f"SyncRunner(checkpointer=SqliteCheckpointer({str(shop.db)!r})).run(waiting, gate={str(gate)!r}, workflow_id='own')\n"
    )
    with subprocess.Popen([sys.executable, "-c", program]) as script:
        wait_until(lambda: shop.history.run("own"))
        feed = shop.feed("own")
        view = feed.latest()
        assert (view.state, view.can_stop) == ("running", False)
        assert f"process {script.pid}" in view.note
        gate.touch()
        view = wait_until(lambda: found if not (found := feed.latest()).live else None)
    assert view.state == "completed"
    assert view.nodes["follow"].outputs[0].preview == "done"


def test_a_worker_that_died_leaves_its_last_words(shop: Workshop) -> None:
    shop.serve("crashing", "c1", texts={"x": "1"})
    view = shop.seen("c1", lambda view: view.state == "interrupted" and view.logs)
    assert view.nodes["crash"].state == "interrupted"
    assert "last words" in {line.text for line in view.logs}
    assert view.can_resume


def test_a_worker_that_never_got_to_its_run_says_why(shop: Workshop, tmp_path: Path) -> None:
    broken = tmp_path / "broken.py"
    broken.write_text("raise RuntimeError('not today')\n", encoding="utf-8")
    shop.serve("simple", "r1", module=broken)
    view = shop.seen("r1", lambda view: not view.live)
    assert view.state == "failed"
    assert "not today" in (view.error or "")


def test_a_batch_counts_items_and_groups_failures(shop: Workshop) -> None:
    shop.serve("items", "b1", "map", texts={"n": str(list(range(20)))}, map_over=("n",), on_error="continue")
    feed = shop.feed("b1")
    view = wait_until(lambda: found if (found := feed.latest()).batch is not None and found.batch.groups else None)
    assert view.batch is not None
    assert view.batch.counts == {"completed": 16, "failed": 4}
    (group,) = view.batch.groups
    assert (group.count, group.node, group.error_type, group.first) == (4, "check", "LookupError", 3)
    item = feed.item(3)
    assert item is not None
    assert item.inputs == "n=3"
    assert item.nodes == (("check", "failed"), ("keep", "waiting"))
    assert "LookupError: nothing at 3" in item.error
    assert feed.item(99) is None


def test_a_batch_from_the_store_alone_has_the_same_kinds(shop: Workshop) -> None:
    shop.serve("items", "b1", "map", texts={"n": str(list(range(20)))}, map_over=("n",), on_error="continue")
    live = shop.seen("b1", lambda view: view.batch is not None and view.batch.groups and not view.live)
    shutil.rmtree(shop.folder / "state")
    past = shop.seen("b1", lambda view: view.batch is not None and view.batch.groups)
    assert live.batch is not None
    assert past.batch is not None
    assert past.batch.groups == live.batch.groups
    assert past.batch.counts == live.batch.counts


def test_an_item_opens_as_a_run_of_its_own(shop: Workshop) -> None:
    shop.serve("items", "b1", "map", texts={"n": "[1, 3]"}, map_over=("n",), on_error="continue")
    view = shop.seen("b1/1", lambda view: view.nodes)
    assert view.state == "failed"
    assert view.nodes["check"].error == "LookupError: nothing at 3"


def test_a_moment_of_the_past_leaves_out_what_came_later(shop: Workshop) -> None:
    shop.serve("looping", "l1", texts={"count": "0"})
    feed = shop.feed("l1")
    view = wait_until(lambda: found if (found := feed.latest()).state == "completed" else None)
    assert view.nodes["step"].turns == 3
    assert view.turns is not None
    assert len(view.turns.rows) == 3
    early = feed.at(0)
    assert early.nodes["step"].turns == 1
    assert "enough" not in early.nodes
    assert early.last_superstep == view.last_superstep


def test_a_fork_shows_what_it_kept_and_where_it_came_from(shop: Workshop) -> None:
    shop.serve("simple", "r1", texts={"x": "20"})
    shop.serve("simple", "f1", "fork", source="r1", edits={"y": "5"})
    view = shop.seen("f1", lambda view: "double" in view.nodes and view.lineage)
    assert (view.nodes["double"].state, view.nodes["double"].origin) == ("kept", "r1")
    assert [(row.id, row.selected) for row in view.lineage] == [("r1", False), ("f1", True)]
    assert view.lineage[1].cause == "y: 5", "the first run had the default, which is no input of it"
    plus = shop.seen("f1", lambda view: "plus" in view.nodes and view.state == "completed").nodes["plus"]
    assert {value.name: value.origin for value in plus.inputs} == {"doubled": "double · r1", "y": "input"}


def test_a_paused_run_shows_its_question(shop: Workshop) -> None:
    shop.serve("asking", "p1", texts={"draft": "hello"}, runner="AsyncRunner")
    view = shop.seen("p1", lambda view: view.pauses)
    (pause,) = view.pauses
    assert (pause.run_id, pause.node, pause.asks[0][0], pause.asks[0][1].kind) == ("p1", "approval", "approved", "bool")
    assert pause.values[0].text == "hello"
    assert view.can_resume


def test_what_nodes_print_is_beside_their_names(shop: Workshop) -> None:
    shop.serve("nested", "n1", texts={"x": "4"})
    view = shop.seen("n1", lambda view: view.logs)
    assert [(line.node, line.text) for line in view.logs] == [("inner/double", "doubling 4")]
    inside = shop.seen("n1/inner", lambda view: view.logs)
    assert inside.logs[0].node == "double"
    assert inside.scene is not None
    assert [node.path for node in inside.scene.nodes] == ["double", "plus"]


def test_an_unknown_run_is_refused(shop: Workshop) -> None:
    with pytest.raises(LookupError, match="no run 'nobody'"):
        shop.feed("nobody")
    assert peek(shop.history, shop.launcher, "nobody") is None


def test_a_glance_needs_no_event_log(shop: Workshop) -> None:
    @node(output_name="b")
    def one(a: int) -> int:
        return a

    with SqliteCheckpointer(shop.db) as store:
        SyncRunner(checkpointer=store).run(Graph([one], name="g"), {"a": 1}, workflow_id="own")
    view = peek(shop.history, shop.launcher, "own")
    assert view is not None
    assert (view.state, view.graph_name, view.nodes["one"].outputs[0].preview) == ("completed", "g", "1")


def test_a_preview_says_what_was_at_work_when_the_process_died(shop: Workshop) -> None:
    shop.serve("crashing", "c1", texts={"x": "1"})
    wait_until(lambda: "c1" in [run.id for run in shop.history.store.runs()] if shop.history.store is not None else False)
    view = peek(shop.history, shop.launcher, "c1")
    assert view is not None
    assert (view.state, view.nodes["crash"].state, view.nodes["crash"].at_least) == ("interrupted", "interrupted", True)
