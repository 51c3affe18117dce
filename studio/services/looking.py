"""Reading what a screen wants to see or copy of a run."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, Final

from studio import addresses as places
from studio.model.bench import BenchView
from studio.model.comparing import compare
from studio.model.facts import RunFacts
from studio.model.forecast import Forecast
from studio.model.forms import text_of
from studio.model.graph_view import GraphView
from studio.model.lines import previews
from studio.model.pause_view import PauseView
from studio.model.plain import plain_of
from studio.model.plan import LaunchPlan
from studio.model.preview import one_line, preview
from studio.model.python_code import Code, identifier
from studio.model.rows import changes_text, state_of
from studio.model.secrets import is_secret
from studio.model.type_spec import TypeSpec
from studio.services.forecasts import caution_of, code_words
from studio.services.gathering import inherited_lines, load_stored
from studio.services.module_host import HostError
from studio.services.opening import find_step, find_value, open_value

if TYPE_CHECKING:
    from hypergraph.checkpointers import Run
    from hypergraph.viz.scene import SceneNode
    from studio.model.diff import Comparison
    from studio.model.value_view import ValueNode
    from studio.services.acts import Acts
    from studio.services.history import History
    from studio.services.large_values import LargeValues
    from studio.services.order import Order

__all__ = ["batch_forecast", "comparison", "editable_text", "input_texts", "open_part", "with_follows", "yanked"]

_ANY: Final = TypeSpec("any", "any")
_LONGEST: Final = 1 << 20
_MOST_ADDRESSES: Final = 200
_BENCH_PATIENCE: Final = 120.0


# Texts of values.


def input_texts(history: History, run: Run, graph: GraphView | None) -> dict[str, str]:
    """Give a run's inputs as texts of a form; what has no text is taken from the run itself: "@run:ID"."""
    mapped = set((run.config or {}).get("map_over") or ())
    texts: dict[str, str] = {}
    for name, value in history.inputs(run.id).items():
        known = graph.field(name) if graph is not None else None
        spec = known.type if known is not None else _ANY
        text = _text(spec.listed() if name in mapped else spec, value)
        texts[name] = f"@run:{run.id}" if text is None or (known is not None and known.secret) else text
    return texts


def _text(spec: TypeSpec, value: Any) -> str | None:
    try:
        text = text_of(spec, plain_of(value))
    except ValueError:
        return None
    return text if len(text) <= _LONGEST else None


def _exact(value: Any) -> str | None:
    """Give the Python text of a value that is plain throughout; a stored object is not what its class would make."""
    try:
        return repr(value) if plain_of(value) == value else None
    except ValueError:
        return None


def editable_text(history: History, run_id: str, name: str, graph: GraphView | None, shown: str) -> str:
    """Give a value of a run as a text that reads back as it."""
    inputs = history.inputs(run_id)
    known = graph.field(name) if graph is not None else None
    if name in inputs:
        text = _text(known.type if known is not None else _ANY, inputs[name])
    else:
        store = history.store
        state = {} if store is None else store.state(run_id)
        text = _text(_ANY, state[name]) if name in state else None
    return shown if text is None else text


def open_part(
    history: History,
    large: LargeValues,
    run_id: str,
    node: str | None,
    name: str,
    superstep: int | None,
    path: Sequence[str],
    secrets: Collection[str] = (),
    revealed: bool = False,
) -> ValueNode:
    """Open a value, or a part of it."""
    return open_value(history, run_id, node, name, superstep, path, large=large, secrets=secrets, revealed=revealed)


# What follows an answer.


def with_follows(pause: PauseView, graph: GraphView | None) -> PauseView:
    """Add where each answer leads, as far as the gates that read it say so."""
    if graph is None or not pause.asks:
        return pause
    pause = _named(pause, graph)
    names = {name for name, _ in pause.asks}
    found: list[tuple[str, str]] = []
    for node in graph.scene.nodes:
        if node.kind == "gate" and names.intersection(port.name for port in node.inputs):
            found += _leads(node)
    return replace(pause, follows=tuple(found)) if found else pause


def _named(pause: PauseView, graph: GraphView) -> PauseView:
    """Call the one value that a question shows by the name of the interrupt's one input."""
    asking = next((node for node in graph.scene.walk() if node.path == pause.node), None)
    if asking is None or len(asking.inputs) != 1 or [value.name for value in pause.values] != ["value"]:
        return pause
    return replace(pause, values=(replace(pause.values[0], name=asking.inputs[0].name),))


def _leads(gate: SceneNode) -> list[tuple[str, str]]:
    labels = {target.label for target in gate.targets}
    if labels == {"True", "False"}:
        return [(target.label, target.name) for target in gate.targets]
    return [(gate.name, f"{target.name}{f': {target.label}' if target.label else ''}") for target in gate.targets]


# Comparing.


def comparison(history: History, a: str, b: str) -> Comparison:
    """Compare two runs.

    Raises:
        LookupError: one of them does not exist.
    """
    store = history.store
    runs = []
    for name in (a, b):
        run = history.run(name)
        if run is None or store is None:
            raise LookupError(f"No run is named {name!r} in this store.")
        runs.append(run)
    assert store is not None
    facts = [load_stored(store, RunFacts(run.id), secrets=history.secrets).facts for run in runs]
    kept = [
        inherited_lines(store, run.id, history.secrets) if run.forked_from is not None and run.parent_run_id is None else {} for run in runs
    ]
    return compare(facts[0], facts[1], (state_of(runs[0]), state_of(runs[1])), _causes(history, *runs), (kept[0], kept[1]))


def _causes(history: History, a: Run, b: Run) -> list[str]:
    causes: list[str] = []
    if b.forked_from == a.id or a.forked_from == b.id:
        child, parent = (b, a) if b.forked_from == a.id else (a, b)
        at = f" at superstep {child.fork_superstep}" if child.fork_superstep is not None else ""
        kind = f"retry {child.retry_index}" if child.retry_of is not None else "fork"
        causes.append(f"{child.id} is a {kind} of {parent.id}{at}")
        if child.changes:
            causes.append(f"changed: {changes_text(child.changes, history.secrets)}")
    before, after = previews(history.inputs(a.id), history.secrets), previews(history.inputs(b.id), history.secrets)
    for name in dict.fromkeys([*before, *after]):
        if before.get(name) != after.get(name):
            left, right = before.get(name, ["", "not given"])[1], after.get(name, ["", "not given"])[1]
            causes.append(f"input {name}: {one_line(left, 60)} → {one_line(right, 60)}")
    if (a.config or {}).get("graph_code_hash") != (b.config or {}).get("graph_code_hash"):
        old, new = history.sources(a.id), history.sources(b.id)
        changed = [f"{name} {old[name][0][:6]} → {new[name][0][:6]}" for name in old if name in new and old[name][0] != new[name][0]]
        causes.append(f"code: {', '.join(changed)}" if changed else "code: changed")
    return causes


# Batches.


def batch_forecast(history: History, run_id: str, order: Order, graph: GraphView | None, code: Code) -> Forecast:
    """Tell what going on with a batch, or retrying it, would run."""
    store, run = history.store, history.run(run_id)
    states = store.item_states(run_id) if store is not None else b""
    meant = range(len(states)) if order.only is None else [item for item in order.only if item < len(states)]
    again = sum(1 for item in meant if states[item : item + 1] != b"c")
    kept = states.count(b"c")
    ended = sum(states.count(code) for code in b"cf")
    seconds = run.duration_ms / 1000 * again / ended if run is not None and run.duration_ms and ended and again else None
    words, same = code_words(history, run_id, graph)
    return Forecast(
        code=words,
        same_code=same,
        kept=(f"{kept:,} completed items",) if kept else (),
        again=(f"{again:,} item{'s' if again != 1 else ''}",) if again else (),
        reason="what failed, was stopped or never began runs; nothing that failed is erased" if again else "every item has completed",
        seconds=None if seconds is None else round(seconds, 3),
        new_id=order.run_id,
        python=code.line,
        script=code.script,
        problem=None if again else "Every item of this batch has completed.",
        caution=caution_of(history, run_id) if order.verb == "resume" else "",
    )


# One node alone.


def benched(acts: Acts, run_id: str, node: str, superstep: int | None, times: int, edits: Mapping[str, str]) -> BenchView:
    """Run one recorded node again, in a process of its own."""
    run = acts.history.run(run_id.partition("/")[0])
    if run is None:
        return BenchView(node, problem=f"No run is named {run_id!r} in this store.")
    try:
        found = acts.graph_of(run)
        question = {
            "do": "bench", "target": asdict(found.target), "graph": found.name, "db": str(acts.history.path.absolute()),
            "run_id": run_id, "node": node, "superstep": superstep, "times": times, "edits": dict(edits),
        }  # fmt: skip
        told = acts.project.ask_apart(found.target, question, _BENCH_PATIENCE)
    except (LookupError, HostError) as error:
        return BenchView(node, problem=str(error.args[0]))
    if told["problem"]:
        return BenchView(node, problem=told["problem"])
    inputs = tuple((name, kind, text) for name, kind, text in told["inputs"])
    rows = tuple((seconds, text, same) for seconds, text, same in told["rows"])
    return BenchView(node, inputs, rows, told["recorded"], told["recorded_seconds"])


# Names.


def found_addresses(history: History, graphs: Sequence[GraphView], text: str, limit: int) -> list[tuple[str, str, str]]:
    """Give graphs and runs whose names hold a text, with their addresses."""
    wanted = text.lower()
    found = [("graph", graph.name, places.graph_address(graph.name)) for graph in graphs if wanted in graph.name.lower()]
    rows = history.runs(text, None, min(limit, _MOST_ADDRESSES))
    return [*found, *(("run", row.id, places.run_address(row.id)) for row in rows)][:limit]


# Copying.


def yanked(history: History, acts: Acts, what: str, run_id: str, node: str | None, superstep: int | None, *, store: str) -> str:
    """Give what is to be copied: "value", "Python", "shell line", "address", "error" or "pytest"."""
    if what == "address":
        return places.run_address(run_id, superstep, node)
    if what == "shell line":
        return f"hypergraph studio --db {store} --at {places.run_address(run_id, superstep, node)}"
    if what == "Python":
        return _again_script(history, acts, run_id, store)
    if what == "error":
        return _error(history, run_id, node, superstep)
    if what == "value":
        return _value(history, run_id, node, superstep)
    return _pytest(history, acts, run_id, node, superstep) if what == "pytest" and node else ""


def _again_script(history: History, acts: Acts, run_id: str, store: str) -> str:
    run = history.run(run_id)
    if run is None:
        return ""
    try:
        found = acts.graph_of(run)
    except LookupError:
        return ""
    config = run.config or {}
    mapped = tuple(config.get("map_over") or ()) if config.get("kind") == "map" else ()
    texts = input_texts(history, run, found.graph)
    plan = LaunchPlan(
        texts,
        str(config.get("runner") or "AsyncRunner"),
        mapped,
        graph=found.name,
        run_id=acts.next_id(run_id),
        map_mode=str(config.get("map_mode") or "zip"),
    )
    order = acts.order_again(found.target, found.name, plan)
    return acts.code(order, found.graph, path=store).script


def _error(history: History, run_id: str, node: str | None, superstep: int | None) -> str:
    step = find_step(history, run_id, node, superstep) if node is not None else None
    if step is not None and step.error:
        return step.traceback or step.error
    run = history.run(run_id)
    return (run.error or "") if run is not None else ""


def _value(history: History, run_id: str, node: str | None, superstep: int | None) -> str:
    if node is None:
        return "\n".join(
            f"{name} = {preview(value, name=name, secrets=history.secrets, limit=_LONGEST)[1]}"
            for name, value in history.inputs(run_id).items()
        )
    step = find_step(history, run_id, node, superstep)
    values = dict(step.values or {}) if step is not None else {}
    if len(values) == 1:
        ((name, value),) = values.items()
        if isinstance(value, str) and not is_secret(name, history.secrets):
            return value
        return preview(value, name=name, secrets=history.secrets, limit=_LONGEST)[1]
    return "\n".join(f"{name} = {preview(value, name=name, secrets=history.secrets, limit=_LONGEST)[1]}" for name, value in values.items())


def _pytest(history: History, acts: Acts, run_id: str, node: str, superstep: int | None) -> str:
    """Give a test that runs one node with the inputs that were recorded, and expects what it gave."""
    step = find_step(history, run_id, node, superstep)
    run = history.run(run_id)
    if step is None or run is None or "/" in node:
        return ""
    try:
        found = acts.graph_of(run)
    except LookupError:
        return ""
    given = {name: find_value(history, run_id, node, name, superstep) for name in step.input_versions}
    lines = []
    for name, value in given.items():
        text = _text(_ANY, value)
        lines.append(f"    {identifier(name)} = {text if text is not None else '...'}  # {preview(value)[0]}")
    call = ", ".join(f"{name}={identifier(name)}" for name in given)
    variable = found.target.attribute or "graph"
    module = found.target.module or "module"
    expected = _exact(next(iter((step.values or {}).values()))) if len(step.values or {}) == 1 else None
    check = f"    assert result == {expected}" if expected is not None else "    assert result is not None"
    head = [f"from {module} import {variable}", "", "", f"def test_{identifier(node)}():"]
    return "\n".join([*head, *lines, f"    result = {variable}.nodes[{node!r}].func({call})", check, ""])
