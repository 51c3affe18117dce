"""The fold of a run's event log: any order and any duplicates of its lines show the same run."""

from __future__ import annotations

import random
from typing import Any

import pytest

from hypergraph import END, Graph, SqliteCheckpointer, SyncRunner, node, route
from hypergraph.viz.scene import Scene, SceneNode
from studio.model.batches import batch_view, failure_groups, stored_states
from studio.model.facts import RunFacts, fold, with_items, with_stored
from studio.model.moments import until
from studio.model.projection import Context, Projection, run_state
from studio.model.scenes import guessed, within
from studio.model.states import ITEM_STATES
from studio.services.recorder import Recorder


class Lines:
    """A log that keeps its lines."""

    full = False

    def __init__(self, claim: int = 1) -> None:
        self.kept: list[dict[str, Any]] = []
        self._claim = claim

    def put(self, line: dict[str, Any], *, at_once: bool = False, soon: bool = False) -> None:
        line |= {"c": self._claim, "n": len(self.kept), "t": line.get("t", 0.0)}
        self.kept.append(line)

    put_printed = put

    def flush(self) -> None:
        pass


@node(output_name="count")
def step(count: int) -> int:
    return count + 1


@route(targets=["step", END])
def enough(count: int) -> str:
    return END if count >= 3 else "step"


@node(output_name="parts")
def split(count: int) -> list[int]:
    return list(range(count + 4))


@node(output_name="checked")
def check(part: int) -> int:
    if part % 3 == 2:
        raise ValueError(f"part {part} is bad")
    return part


@node(output_name="doubled")
def double(checked: int) -> int:
    return checked * 2


LOOP = Graph([step, enough], name="loop", entrypoint="step")
EACH = Graph([check, double], name="each")
WHOLE = Graph(
    [split, EACH.as_node().with_inputs(part="parts").map_over("parts", error_handling="continue")],
    name="whole",
)


def _recorded(graph: Graph, values: dict[str, Any], claim: int = 1) -> list[dict[str, Any]]:
    log = Lines(claim)
    log.put({"k": "claim", "r": "r", "format": 1, "pid": 1})
    recorder = Recorder(log, "r")  # type: ignore[arg-type]  # it keeps lines as the real one does
    with SqliteCheckpointer(":memory:") as store:
        SyncRunner(checkpointer=store).run(graph, values, workflow_id="r", event_processors=[recorder], error_handling="continue")
    log.put({"k": "end", "r": "r", "status": "completed"})
    return log.kept


def _shown(facts: RunFacts) -> Any:
    return Projection().view(facts, Context())


@pytest.mark.parametrize("seed", range(100))
def test_order_and_duplicates_do_not_matter(seed: int) -> None:
    chance = random.Random(seed)
    lines = _recorded(LOOP, {"count": 0}) if seed % 2 else _recorded(WHOLE, {"count": 3})
    whole = fold(RunFacts("r"), lines)
    mixed = [*lines, *chance.choices(lines, k=len(lines))]
    chance.shuffle(mixed)
    facts = RunFacts("r")
    while mixed:
        size = chance.randint(1, 12)
        facts = fold(facts, mixed[:size])
        mixed = mixed[size:]
    assert facts == whole
    assert _shown(facts) == _shown(whole)


def test_a_loop_shows_turns_and_decisions() -> None:
    view = _shown(fold(RunFacts("r"), _recorded(LOOP, {"count": 0})))
    assert (view.nodes["step"].turns, view.nodes["enough"].decision) == (3, "END")
    assert view.turns is not None
    assert [cells for cells, _ in view.turns.rows] == [("1", "→ step"), ("2", "→ step"), ("3", "→ END")]


def test_items_are_counted_and_failures_named() -> None:
    facts = fold(RunFacts("r"), _recorded(WHOLE, {"count": 3}))
    view = _shown(facts)
    assert {value.name for value in view.nodes["each"].outputs} == {"checked", "doubled"}
    batch = facts.batches["r/each"]
    shown = batch_view("r/each", batch, ())
    assert shown.counts == {"completed": 5, "failed": 2}
    (group,) = failure_groups({item: found[2:] for item, found in batch.failures.items()})
    assert (group.count, group.node, group.error_type, group.first) == (2, "check", "ValueError", 2)


def test_an_item_is_a_run_of_its_own() -> None:
    facts = fold(RunFacts("r/each/2"), _recorded(WHOLE, {"count": 3}))
    assert run_state(facts, "r/each/2", None) == "failed"
    assert _shown(facts).nodes["check"].error == "ValueError: part 2 is bad"


def test_a_node_without_an_end_runs_or_was_interrupted() -> None:
    lines = _recorded(LOOP, {"count": 0})
    first = next(place for place, line in enumerate(lines) if line["k"] == "node+")
    facts = fold(RunFacts("r"), lines[: first + 1])
    assert Projection().view(facts, Context(alive=True)).nodes["step"].state == "running"
    dead = Projection().view(facts, Context(alive=False))
    assert (dead.state, dead.nodes["step"].state) == ("interrupted", "interrupted")


def test_a_later_claim_counts_whatever_comes_first() -> None:
    failed = {"k": "node-", "r": "r", "s": 0, "node": "a", "status": "failed", "error": "E: no", "t": 1.0, "c": 1, "n": 3}
    again = {"k": "node+", "r": "r", "s": 0, "node": "a", "t": 2.0, "c": 2, "n": 1}
    for order in ([failed, again], [again, failed]):
        facts = fold(RunFacts("r"), order)
        assert facts.steps["r", 0, "a"].end is None


def test_the_store_has_the_last_word() -> None:
    told = {"k": "node-", "r": "r", "s": 0, "node": "a", "status": "completed", "t": 1.0, "c": 1, "n": 3}
    row = {"r": "r", "status": "failed", "interrupted": False}
    stored = {"k": "node-", "r": "r", "s": 0, "node": "a", "status": "failed", "t": 1.0}
    one = fold(with_stored(RunFacts("r"), row, [stored]), [told])
    other = with_stored(fold(RunFacts("r"), [told]), row, [stored])
    assert one.steps == other.steps
    assert (one.steps["r", 0, "a"].end or {})["status"] == "failed"
    assert one.disagreements == 1


def test_a_moment_of_the_past_is_what_had_ended_by_then() -> None:
    facts = until(fold(RunFacts("r"), _recorded(LOOP, {"count": 0})), 0)
    assert {key[2] for key in facts.steps} == {"step"}


def test_items_of_the_store_and_of_the_log_are_one() -> None:
    codes = bytes(ITEM_STATES.index(state) for state in ("completed", "failed", "running", "waiting"))
    assert stored_states(b"cfa.") == codes
    facts = fold(RunFacts("r"), _recorded(WHOLE, {"count": 3}))
    assert with_items(facts, "r/each", facts.batches["r/each"].states).batches == facts.batches


def test_nodes_that_did_not_change_stay_the_same_objects() -> None:
    lines = _recorded(LOOP, {"count": 0})
    projection, facts = Projection(), RunFacts("r")
    before = None
    for line in lines:
        facts = fold(facts, [line])
        view = projection.view(facts, Context(alive=True))
        if before is not None and line["k"] in {"claim", "end"}:
            assert all(view.nodes[path] is found for path, found in before.nodes.items())
        before = view


def test_a_graph_that_is_not_loaded_is_guessed_from_what_ran() -> None:
    scene = guessed(fold(RunFacts("r"), _recorded(LOOP, {"count": 0})), "loop")
    assert scene is not None
    assert [(found.name, found.kind) for found in scene.nodes] == [("step", "function"), ("enough", "gate")]
    assert [(edge.source, edge.target, edge.names) for edge in scene.edges] == [("step", "enough", ("count",))]
    assert guessed(RunFacts("r"), "loop") is None


def test_the_graph_inside_a_node_is_a_scene_of_its_own() -> None:
    inner = Scene("in", (SceneNode("a", "out/a"),))
    scene = Scene("whole", (SceneNode("out", "out", kind="graph", inner=inner),))
    found = within(scene, "out")
    assert found is not None
    assert [drawn.path for drawn in found.nodes] == ["a"]
    assert within(scene, "") is scene
    assert within(scene, "nowhere") is None


def test_failures_of_a_kind_say_what_they_share() -> None:
    failures = {item: ("fetch", "TimeoutError", f"TimeoutError: timed out after {item} s") for item in (1, 4, 7)}
    failures[9] = ("parse", "ValueError", "no <title>")
    inputs = {item: {"host": "slow" if item in failures else f"host{item}", "lang": "en"} for item in range(12)}
    first, second = failure_groups(failures, inputs)
    assert (first.count, first.node, first.message, first.shared) == (3, "fetch", "timed out after 1 s", "host=slow 3/3")
    assert (second.count, second.shared) == (1, "")


def test_a_hundred_thousand_items_fold_quickly_enough_to_watch() -> None:
    lines = [{"k": "run+", "r": "b", "map": True, "size": 100_000, "t": 0.0, "c": 1, "n": 0}]
    for item in range(100_000):
        lines.append({"k": "run-", "r": f"b/{item}", "i": item, "m": ["b", item], "status": "completed", "t": 1.0, "c": 1, "n": item + 1})
    facts = fold(RunFacts("b"), lines)
    assert batch_view("b", facts.batches["b"], ()).counts == {"completed": 100_000}
