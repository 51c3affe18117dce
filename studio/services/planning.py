"""What a filled-in form amounts to: every check that can be made at each key, and the run that would be started."""

from __future__ import annotations

from collections.abc import Mapping
from math import prod
from typing import Final

from studio.model import forms
from studio.model.graph_view import GraphView, InputField
from studio.model.plan import LaunchPlan

__all__ = ["check_text", "item_counts", "make_plan"]

_STORED: Final = "@run:"
_MANY: Final = 100_000
_TIMES: Final = " \N{MULTIPLICATION SIGN} "


def check_text(field: InputField, text: str, *, mapped: bool) -> str | None:
    """Give what is wrong with the text of an input, None when nothing is.

    Args:
        field: the input.
        text: what stands in its field.
        mapped: the graph runs once for each element.
    """
    if text.startswith(_STORED):
        return None
    return forms.check(field.type.listed() if mapped else field.type, text)


def item_counts(graph: GraphView, texts: Mapping[str, str], map_over: tuple[str, ...]) -> dict[str, int | None]:
    """Give how many elements each mapped input has; None where its text does not fit."""
    found: dict[str, int | None] = {}
    for name in map_over:
        field = graph.field(name)
        found[name] = forms.items_of(field.type, texts.get(name, "")) if field is not None and texts.get(name) else None
    return found


def make_plan(
    graph: GraphView,
    *,
    texts: Mapping[str, str],
    runner: str,
    run_id: str,
    free: bool,
    map_over: tuple[str, ...],
    map_mode: str,
    on_error: str,
    at_once: int | None,
    store: str,
    changed: bool,
    room: tuple[bool | None, str] | None = None,
) -> LaunchPlan:
    """Check a form.

    Args:
        graph: the graph.
        texts: input -> text, without those that are left to their defaults.
        runner: class name of the runner.
        run_id: the id that the run would get.
        free: no run has that id.
        map_over, map_mode, on_error, at_once: options of a batch.
        store: the database, as it is shown.
        changed: the module's files changed since it was loaded.
        room: what speaks against writing to the database.
    """
    problems = _problems(graph, texts, map_over)
    counts = item_counts(graph, texts, map_over)
    items, mismatch = _items(counts, map_mode)
    checks: list[tuple[bool | None, str]] = [_inputs_check(graph, problems)]
    checks.append(_runner_check(graph, runner))
    if map_over and graph.has_interrupts:
        checks.append((False, "A graph that asks questions cannot be mapped: start its runs one by one."))
    if mismatch:
        checks.append((False, mismatch))
    elif not map_over and at_once is not None:
        checks.append((None, f"{at_once} nodes at once"))
    elif map_over and runner == "AsyncRunner":
        failing = "a failed item does not stop the others" if on_error == "continue" else "the first failure stops the batch"
        checks.append((None, f"{at_once or 8} at once; {failing}"))
    if at_once is not None and at_once < 1:
        checks.append((False, "At least one has to run at once."))
    checks += _size_checks(counts, map_mode)
    if not free:
        checks.append((False, f"There is a run {run_id} already: choose another id."))
    elif runner == "DaftRunner":
        checks.append((None, "Daft stores no history: the result is shown, and lost when the studio ends."))
    elif room is None or room[0] is not False:
        checks.append((None, f"stored in {store} as {run_id}"))
    if room is not None and runner != "DaftRunner":
        checks.append(room)
    if graph.caches and runner != "DaftRunner":
        checks.append((None, "Nodes with a cache take known results from disk, and leave new ones there."))
    if "/" in run_id:
        checks.append((False, "An id has no '/': that marks what is inside a run."))
    if changed:
        checks.append((None, "The module changed on disk since it was loaded; the run takes the file as it is now."))
    if graph.effects:
        checks.append((None, f"declared to have side effects: {', '.join(graph.effects)}"))
    return LaunchPlan(
        dict(texts),
        runner,
        map_over,
        items,
        tuple(checks),
        graph=graph.name,
        run_id=run_id,
        map_mode=map_mode,
        on_error=on_error,
        at_once=at_once,
        problems=problems,
    )


def _runner_check(graph: GraphView, runner: str) -> tuple[bool, str]:
    if not runner:
        return False, "No runner can run this graph: " + " ".join(dict.fromkeys(reason for reason in graph.fits.values() if reason))
    reason = graph.fits.get(runner, f"{runner} is not known here.")
    return (True, f"{runner} fits this graph") if reason is None else (False, reason)


def _size_checks(counts: Mapping[str, int | None], mode: str) -> list[tuple[bool | None, str]]:
    """Say what there is to say of a batch that is empty, or very large."""
    known = [number for number in counts.values() if number is not None]
    if not known or len(known) < len(counts):
        return []
    items = prod(known) if mode == "product" else max(known)
    if not items:
        return [(False, "There is nothing to run: the list is empty.")]
    if items > _MANY:
        return [(None, f"{items:,} items are many: each is stored as a run of its own. Try a few first.")]
    return []


def _problems(graph: GraphView, texts: Mapping[str, str], map_over: tuple[str, ...]) -> dict[str, str]:
    found: dict[str, str] = {}
    for field in graph.inputs:
        text = texts.get(field.name)
        if text:
            problem = check_text(field, text, mapped=field.name in map_over)
            if problem is not None:
                found[field.name] = problem
        elif field.required or field.name in map_over:
            found[field.name] = "needed"
    return found


def _inputs_check(graph: GraphView, problems: Mapping[str, str]) -> tuple[bool, str]:
    if not problems:
        return True, "all inputs fit their types" if graph.inputs else "the graph needs no inputs"
    missing = [name for name, problem in problems.items() if problem == "needed"]
    wrong = [f"{name}: {problem}" for name, problem in problems.items() if problem != "needed"]
    parts = ([f"needed: {', '.join(missing)}"] if missing else []) + wrong
    return False, "; ".join(parts)


def _items(counts: Mapping[str, int | None], mode: str) -> tuple[str, str]:
    """Give how many runs a batch makes, and what is wrong with that."""
    known = [number for number in counts.values() if number is not None]
    if not counts or len(known) < len(counts):
        return "", ""
    if mode == "product" and len(known) > 1:
        return f"{_TIMES.join(f'{number:,}' for number in known)} = {prod(known):,} items", ""
    if len(set(known)) > 1:
        lengths = ", ".join(f"{name} {number}" for name, number in counts.items())
        return "", f"zip needs equal lengths: {lengths}. Product would make {prod(known):,} items."
    return f"{known[0]:,} item{'' if known[0] == 1 else 's'}", ""
