"""Opening a stored value branch by branch."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from studio.model.parts import NO_PART, has_parts, part_at, part_page
from studio.model.preview import LargeValue, kind_of, one_line, preview
from studio.model.secrets import HIDDEN, is_secret
from studio.model.value_view import PAGE, ValueChild, ValueNode
from studio.services.large_values import TOO_LARGE, LargeValues

if TYPE_CHECKING:
    from hypergraph.checkpointers import StepRecord
    from studio.services.history import History

__all__ = ["find_step", "find_value", "open_value", "opened_at"]

_MOST_CHILDREN: Final = 200
_MOST_TEXT: Final = 200_000
_NOTHING: Final = object()


def open_value(
    history: History,
    run_id: str,
    node: str | None,
    name: str,
    superstep: int | None,
    path: Sequence[str] = (),
    *,
    large: LargeValues | None = None,
    secrets: Collection[str] = (),
    revealed: bool = False,
) -> ValueNode:
    """Give a value of a run, or the part of it at `path`.

    Args:
        history: the store.
        run_id: the run.
        node: path of the node whose output or input it is; None for an input of the run.
        name: the value's name.
        superstep: the moment; None for the newest.
        path: keys, as the children of the nodes above name them.
        large: reads values of more than 1 MiB; without it only their beginning is shown.
        secrets: further names whose values are not shown, from the settings.
        revealed: give it even where its name says that it is secret; who asks for that writes it down.
    """
    if is_secret(name, secrets) and not revealed:
        return ValueNode("", HIDDEN, HIDDEN, note="its name says that it is secret")
    value = find_value(history, run_id, node, name, superstep)
    if type(value) is LargeValue:
        found = large.open(run_id, node, name, superstep, path, secrets=secrets, revealed=revealed) if large is not None else None
        return found if found is not None else replace(opened_at(value, ()), note=TOO_LARGE, children=(), more=0, after="")
    return opened_at(value, path, secrets=secrets, revealed=revealed)


def opened_at(value: Any, path: Sequence[str], *, secrets: Collection[str] = (), revealed: bool = False) -> ValueNode:
    """Give a value that was found, or the part of it at `path`."""
    if value is _NOTHING:
        return ValueNode("", "", "", note="this value is not in the store (not produced yet, or not kept)")
    start = 0
    for key in path:
        if key.startswith(PAGE):
            start = int(key.removeprefix(PAGE))
            continue
        start = 0
        found = part_at(value, key)
        if found is NO_PART:
            return ValueNode("", "", "", note=f"there is nothing at {key}")
        if is_secret(key, secrets) and not revealed:
            return ValueNode(kind_of(found), HIDDEN, HIDDEN, note="its name says that it is secret")
        value = found
    return _opened(value, start, secrets)


def _opened(value: Any, start: int, secrets: Collection[str]) -> ValueNode:
    parts, total = part_page(value, start, _MOST_CHILDREN)
    kind, text = preview(value, secrets=secrets, limit=_MOST_TEXT)
    children = []
    for key, part in parts:
        part_kind, part_text = preview(part, name=key, secrets=secrets, limit=200)
        children.append(ValueChild(key, part_kind, one_line(part_text), has_parts(part)))
    notes = []
    if len(text) >= _MOST_TEXT:
        notes.append(f"the first {_MOST_TEXT} characters")
    if type(value).__name__ == "Opaque" and type(value).__module__.startswith("hypergraph."):
        notes.append("as stored: its class is not loaded here")
    left = max(0, total - start - len(parts))
    after = PAGE + str(start + len(parts)) if left else ""
    return ValueNode(kind, one_line(text), text, tuple(children), left, ", ".join(notes), after)


def find_step(history: History, run_id: str, node: str, superstep: int | None = None) -> StepRecord | None:
    """Give the newest step of a node, up to a superstep of the run; inside nested graphs the newest of their newest run."""
    run, rest = run_id, node
    moment = superstep
    while True:
        name, _, rest = rest.partition("/")
        steps = [step for step in history.steps(run, moment) if step.node_name == name]
        if not steps:
            return None
        if not rest:
            return steps[-1]
        inside = next((step.child_run_id for step in reversed(steps) if step.child_run_id is not None), None)
        if inside is None:
            return None
        run, moment = inside, None


def find_value(history: History, run_id: str, node: str | None, name: str, superstep: int | None) -> Any:
    """Give a whole value; a marker that is no value of any run when it is not there."""
    if node is None:
        inputs = history.inputs(run_id)
        if name in inputs:
            return inputs[name]
        return _in_state(history, run_id, name, superstep)
    step = find_step(history, run_id, node, superstep)
    if step is not None and step.values is not None and name in step.values:
        return step.values[name]
    run = step.run_id if step is not None else run_id
    before = step.superstep - 1 if step is not None else superstep
    found = _in_state(history, run, name, before)
    if found is not _NOTHING:
        return found
    return history.inputs(run).get(name, _NOTHING)


def _in_state(history: History, run_id: str, name: str, superstep: int | None) -> Any:
    store = history.store
    if store is None or (superstep is not None and superstep < 0):
        return _NOTHING
    return store.state(run_id, superstep=superstep).get(name, _NOTHING)
