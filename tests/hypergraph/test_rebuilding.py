"""A snapshot that was read before any class was trusted starts a run all the same, with the objects themselves."""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from hypergraph import Graph, SqliteCheckpointer, SyncRunner, node
from hypergraph.checkpointers import Opaque
from tests.hypergraph.both import Both, both


class Tone(enum.Enum):
    DRY = "dry"


@dataclass
class Doc:
    title: str


@node(output_name="docs")
def load(title: str) -> list[Doc]:
    return [Doc(title)]


@node(output_name="tone")
def choose(docs: list[Doc]) -> Tone:
    return Tone.DRY


@node(output_name="text")
def tell(docs: list[Doc], tone: Tone, times: int = 1) -> str:
    return docs[0].title * times + tone.value


GRAPH = Graph([load, choose, tell], name="letters")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A store of one run, closed again: what opens it next trusts nothing yet."""
    path = tmp_path / "runs.db"
    with SqliteCheckpointer(path) as store:
        SyncRunner(checkpointer=store).run(GRAPH, title="a", workflow_id="first")
    return path


@both
def test_a_run_takes_up_what_was_read_as_stand_ins(runner: Both, path: Path) -> None:
    with SqliteCheckpointer(path) as store:
        snapshot = store.checkpoint("first")
        assert snapshot.values["docs"] == [Opaque(f"{__name__}:Doc", {"title": "a"})]
        result = runner.having(checkpointer=store).run(GRAPH, {"times": 3}, checkpoint=snapshot, workflow_id="second")
        assert result.values == {"docs": [Doc("a")], "tone": Tone.DRY, "text": "aaadry"}
        assert store.get_run("second").changes == {"times": (None, 3)}


@both
def test_an_edit_is_kept_and_the_rest_is_rebuilt(runner: Both, path: Path) -> None:
    with SqliteCheckpointer(path) as store:
        snapshot = store.checkpoint("first", superstep=1).with_values({"docs": [Doc("b")]})
        result = runner.having(checkpointer=store).run(GRAPH, checkpoint=snapshot, workflow_id="second")
        assert result.values == {"docs": [Doc("b")], "tone": Tone.DRY, "text": "bdry"}


def test_what_no_graph_names_stays_a_stand_in(path: Path) -> None:
    with SqliteCheckpointer(path) as store:
        snapshot = store.checkpoint("first")
        strange = Opaque("elsewhere:Thing", {"x": 1})
        found = store.rebuilt(replace(snapshot, inputs={"strange": {"in": (strange,)}}))
        assert found.inputs == {"strange": {"in": (strange,)}}
