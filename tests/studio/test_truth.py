"""What a screen says of a run is what the library says of it, whoever made the run and in whatever order its events came."""

from __future__ import annotations

import inspect
import random
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

from hypergraph import SqliteCheckpointer
from hypergraph.checkpointers import StepRecord
from studio.model.facts import RunFacts, fold
from studio.model.lines import decision_text
from studio.model.preview import preview
from studio.model.projection import Context, Projection
from studio.model.run_view import NodeView, RunView
from studio.model.states import ITEM_STATES
from studio.services.feed import Feed
from studio.services.gathering import EventLogs, load_stored
from tests.studio.truth import KINDS, Bench
from tests.studio.workshop import Workshop


@asynccontextmanager
async def made(folder: Path, kind: str, *, recorded: bool) -> AsyncIterator[Bench]:
    bench = Bench(folder, recorded)
    made = KINDS[kind](bench)
    if inspect.isawaitable(made):
        await made
    yield bench
    bench.close()


def seen(feed: Feed) -> RunView:
    while feed.refresh():
        pass
    return feed.latest()


def state_of(step: StepRecord) -> str:
    return "cached" if step.cached else "stopped" if step.partial else str(step.status)


def texts(values: dict[str, Any] | None) -> dict[str, tuple[str, str]]:
    return {name: preview(value, name=name) for name, value in (values or {}).items()}


def told(text: str | None) -> tuple[str, str] | None:
    """Of texts that are longer than a screen is told, the two ends count."""
    return None if text is None else (text[:4096], text[-4096:])


def shown(node: NodeView) -> dict[str, tuple[str, str]]:
    return {value.name: (value.kind, value.text) for value in node.outputs}


def nodes_agree(view: RunView, store: SqliteCheckpointer, run_id: str, prefix: str = "", upto: int | None = None) -> None:
    """Compare the nodes of a run, and of the runs inside it, with its steps."""
    steps = [step for step in store.steps(run_id) if upto is None or step.superstep <= upto]
    newest = {step.node_name: step for step in steps}
    for name, step in newest.items():
        node = view.nodes[prefix + name]
        assert (node.state, node.superstep, node.attempt) == (state_of(step), step.superstep, step.attempt)
        assert node.decision == decision_text(step.decision)
        assert (told(node.error), told(node.traceback)) == (told(step.error), told(step.traceback))
        whole = [one for one in steps if one.node_name == name and str(one.status) == "completed" and not one.partial]
        assert node.turns == max(1, len(whole))
        assert node.child_run == step.child_run_id
        inside = store.get_run(step.child_run_id) if step.child_run_id is not None else None
        batch = inside is not None and (inside.config or {}).get("kind") == "map"
        if step.values is not None or not batch:
            assert shown(node) == texts(step.values)
        if inside is not None and not batch:
            nodes_agree(view, store, inside.id, f"{prefix}{name}/")
    ran = {path.removeprefix(prefix) for path in view.nodes if path.startswith(prefix)}
    further = {path for path in ran - set(newest) if "/" not in path}
    assert {view.nodes[prefix + path].state for path in further} <= {"kept", "skipped"}


def state_agrees(view: RunView, state: dict[str, Any]) -> None:
    """Compare the newest values on the screen with the state that the library folds."""
    newest: dict[str, tuple[int, str, tuple[str, str]]] = {}
    for node in view.nodes.values():
        if "/" in node.path or (node.state not in {"completed", "cached", "kept"}):
            continue
        for name, text in shown(node).items():
            newest[name] = max(newest.get(name, (-2, "", ("", ""))), (-1 if node.superstep is None else node.superstep, node.path, text))
    assert {name: found[2] for name, found in newest.items()} == texts(state)


def batch_agrees(view: RunView, store: SqliteCheckpointer, run_id: str) -> None:
    """Compare the items on the screen with the runs of the batch."""
    assert view.batch is not None
    states = {view.batch.run_of(item): ITEM_STATES[code] for item, code in enumerate(view.batch.states)}
    stored = {run.id: str(run.status) for run in store.runs(parent_run_id=run_id, limit=1000)}
    assert states == stored
    assert view.batch.counts == Counter(stored.values())
    assert sum(group.count for group in view.batch.groups) == view.batch.counts.get("failed", 0)
    for group in view.batch.groups:
        for item in group.items:
            failed = next(step for step in store.steps(view.batch.run_of(item)) if step.error is not None)
            assert (group.node, last_part(group.error_type)) == (failed.node_name, last_part(failed.error_type or ""))


def last_part(name: str) -> str:
    return name.rpartition(".")[2]


def run_agrees(view: RunView, store: SqliteCheckpointer, run_id: str) -> None:
    """Compare a run's row, inputs, nodes, values and items."""
    run = store.get_run(run_id)
    assert run is not None
    assert run in store.runs(limit=100)
    assert (view.state, view.graph_name, view.parent) == (str(run.status), run.graph_name, run.parent_run_id)
    assert view.started == run.created_at.timestamp()
    assert not view.live
    assert {value.name: (value.kind, value.text) for value in view.inputs} == texts(store.inputs(run_id))
    assert [pause.node for pause in view.pauses] == [pause.node_name for pause in run.pauses]
    if (run.config or {}).get("kind") == "map":
        batch_agrees(view, store, run_id)
        return
    nodes_agree(view, store, run_id)
    state_agrees(view, store.state(run_id))
    assert view.last_superstep == max((step.superstep for step in store.steps(run_id)), default=None)


@pytest.mark.parametrize("recorded", [True, False], ids=["with a studio", "without"])
@pytest.mark.parametrize("kind", KINDS)
async def test_a_screen_says_what_the_library_says(tmp_path: Path, kind: str, recorded: bool) -> None:
    async with made(tmp_path, kind, recorded=recorded) as bench:
        feed = Feed(bench.history, bench.launcher, "r", start=False)
        view = seen(feed)
        with SqliteCheckpointer(bench.db) as store:
            run_agrees(view, store, "r")
            steps = store.steps("r")
            for superstep in sorted({step.superstep for step in steps}):
                past = feed.at(superstep)
                nodes_agree(past, store, "r", upto=superstep)
                state_agrees(past, store.state("r", superstep=superstep))


@pytest.mark.parametrize("kind", KINDS)
async def test_both_ways_of_making_a_run_show_the_same(tmp_path: Path, kind: str) -> None:
    views = []
    for recorded in (True, False):
        folder = tmp_path / str(recorded)
        folder.mkdir()
        async with made(folder, kind, recorded=recorded) as bench:
            views.append(seen(Feed(bench.history, bench.launcher, "r", start=False)))
    one, other = ({path: (node.state, node.turns, node.superstep, shown(node)) for path, node in view.nodes.items()} for view in views)
    drawn = {path: node for path, node in one.items() if path in other or node[0] != "skipped"}
    assert drawn == {path: node for path, node in other.items() if path in one or node[0] != "skipped"}
    assert (views[0].state, views[0].error) == (views[1].state, views[1].error)


@pytest.mark.parametrize("kind", KINDS)
async def test_any_order_of_the_same_events_shows_the_same(tmp_path: Path, kind: str) -> None:
    """A thousand orders in all, each with duplicates, in pieces of any size, and with the store read at any moment."""
    async with made(tmp_path, kind, recorded=True) as bench:
        lines = [dict(line) for line in EventLogs(bench.launcher.folder("r")).read()]
        reader = bench.history.store
        assert reader is not None

        def view(facts: RunFacts) -> tuple[RunFacts, RunView]:
            stored = load_stored(reader, facts)
            return stored.facts, Projection().view(stored.facts, Context(inputs=stored.inputs, alive=False))

        expected_facts, expected = view(fold(RunFacts("r"), lines))
        for seed in range(-(-1000 // len(KINDS))):
            chance = random.Random(seed)
            mixed = [*lines, *chance.choices(lines, k=len(lines))]
            chance.shuffle(mixed)
            facts, reading = RunFacts("r"), chance.randrange(len(mixed))
            while mixed:
                size = chance.randint(1, len(lines))
                facts = fold(facts, mixed[:size])
                mixed = mixed[size:]
                if len(mixed) <= reading:
                    reading = -1
                    facts = load_stored(reader, facts).facts
            found_facts, found = view(facts)
            assert found == expected
            assert found_facts == expected_facts


@pytest.mark.parametrize(
    ("graph", "options"),
    [
        ("simple", {"texts": {"x": "4"}}),
        ("nested", {"texts": {"x": "4"}}),
        ("looping", {"texts": {"count": "0"}}),
        ("failing", {"texts": {"x": "4"}}),
        ("asking", {"texts": {"draft": "d"}, "runner": "AsyncRunner"}),
        ("items", {"texts": {"n": str(list(range(12)))}, "verb": "map", "map_over": ("n",), "on_error": "continue"}),
    ],
)
def test_the_run_of_a_worker_is_shown_as_it_is_stored(tmp_path: Path, graph: str, options: dict[str, Any]) -> None:
    shop = Workshop(tmp_path)
    try:
        shop.serve(graph, "r", **options)
        view = seen(Feed(shop.history, shop.launcher, "r", start=False))
        with SqliteCheckpointer(shop.db) as store:
            run_agrees(view, store, "r")
    finally:
        shop.close()
