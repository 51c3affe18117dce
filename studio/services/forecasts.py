"""From what a module host foretells to what a reader wants to know before an act."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final

from studio.model.act import Act
from studio.model.forecast import Forecast
from studio.model.graph_view import GraphView
from studio.model.python_code import Code
from studio.model.refusals import refusal_words
from studio.services.order import Order

if TYPE_CHECKING:
    from studio.services.history import History

__all__ = ["caution_of", "code_words", "refused_forecast", "told_forecast"]

_NAMED: Final = 4
_FEW: Final = 2
_REASONS: Final = 3
_RISKY: Final = 5


def refused_forecast(problem: str, order: Order | None = None, code: Code | None = None) -> Forecast:
    """Give the forecast of an act that cannot be done."""
    return Forecast(
        code="unknown",
        new_id=order.run_id if order is not None else "",
        python=code.line if code is not None else "",
        script=code.script if code is not None else "",
        problem=problem,
    )


def told_forecast(history: History, act: Act, order: Order, graph: GraphView | None, code: Code, found: Mapping[str, Any]) -> Forecast:
    """Give a forecast in words.

    Args:
        history: the store.
        act: the act.
        order: what a worker would be told.
        graph: the graph as it is loaded.
        code: the act as Python.
        found: what the module host said.
    """
    nodes: dict[str, tuple[str, str, int, int | None]] = {name: tuple(one) for name, one in found["nodes"].items()}
    kept = tuple(name for name, (verdict, *_) in nodes.items() if verdict == "kept")
    again = tuple(_again(name, one) for name, one in nodes.items() if one[0] in {"runs", "unknown"})
    words, same = code_words(history, act.run_id, graph, found)
    runs = {name for name, one in nodes.items() if one[0] in {"runs", "unknown"}}
    return Forecast(
        code=words,
        same_code=same,
        kept=kept,
        again=again,
        reason=_reason(nodes),
        seconds=_seconds(history, act.run_id, {name for name, one in nodes.items() if one[0] == "runs"}),
        effects=tuple(path for path in (graph.effects if graph is not None else ()) if path.partition("/")[0] in runs),
        new_id=order.run_id,
        python=code.line,
        script=code.script,
        problem=_problem(found),
        caution=caution_of(history, act.run_id) if act.kind == "resume" else "",
    )


def _again(name: str, one: tuple[str, str, int, int | None]) -> str:
    verdict, _, _, most = one
    if verdict == "unknown":
        return f"{name} perhaps"
    return name if most is not None else f"{name} at least once"


def _reason(nodes: Mapping[str, tuple[str, str, int, int | None]]) -> str:
    reasons: dict[str, list[str]] = {}
    for name, (verdict, reason, *_) in nodes.items():
        if verdict in {"runs", "unknown"} and reason:
            reasons.setdefault(reason, []).append(name)
    if len(reasons) == 1:
        # The line above names the nodes: they are not told twice.
        return next(iter(reasons))
    told = [f"{_some(names)}: {reason}" for reason, names in list(reasons.items())[:_REASONS]]
    return "; ".join([*told, *(["…"] if len(reasons) > _REASONS else [])])


def _some(names: list[str]) -> str:
    return ", ".join(names[:_FEW]) + (f" and {len(names) - _FEW} more" if len(names) > _FEW else "")


def code_words(history: History, run_id: str, graph: GraphView | None, found: Mapping[str, Any] | None = None) -> tuple[str, bool]:
    """Say how the code stands against a run's; and whether it is the same.

    Args:
        history: the store.
        run_id: the run.
        graph: the graph as it is loaded.
        found: hashes of the graph as a module host knows it; None for those of `graph`.
    """
    if found is None:
        found = {} if graph is None else {"code_hash": graph.code_hash, "struct_hash": graph.struct_hash}
    if not found:
        return "the worker loads the code as it is now", True
    config = history.config(run_id)
    stored, now = str(config.get("graph_code_hash") or ""), str(found.get("code_hash") or "")
    if not stored:
        return "not recorded by the run", True
    if stored == now:
        return "the same as the run's", True
    if config.get("graph_struct_hash") != found.get("struct_hash"):
        return "the graph has another structure than the run's", False
    before = history.sources(run_id)
    changed = [
        f"{path} {before[path][0][:6]} → {digest[:6]}"
        for path, (_, digest) in (graph.sources.items() if graph is not None else ())
        if path in before and before[path][0] != digest
    ]
    return f"changed since the run: {', '.join(changed[:_NAMED])}" if changed else "changed since the run", False


def caution_of(history: History, run_id: str) -> str:
    """Say how often a run's process went away without getting a step further; "" where it did not."""
    run = history.run(run_id)
    lost = 0 if run is None else run.lost_claims
    if not lost:
        return ""
    times = "once" if lost == 1 else f"{lost} times"
    more = " What runs next is most likely what ends it: look at its output, or fork from an earlier superstep." if lost >= _RISKY else ""
    return f"its process went away {times} since its last stored step.{more}"


def _seconds(history: History, run_id: str, names: set[str]) -> float | None:
    took: dict[str, float] = {}
    run = history.run(run_id)
    # What this run has not come to, the newest one of the graph that went through may tell.
    others = history.runs(f"completed graph:{run.graph_name}", limit=3) if run is not None and run.graph_name else []
    for other in [run_id, *(row.id for row in others if row.id != run_id)]:
        found: dict[str, float] = {}
        for step in history.steps(other):
            if step.node_name in names and not step.cached and str(step.status) == "completed":
                found[step.node_name] = found.get(step.node_name, 0.0) + step.duration_ms / 1000
        took = found | took
    return round(sum(took.values()), 3) if took else None


def _problem(found: Mapping[str, Any]) -> str | None:
    refusal = found.get("refusal")
    return None if refusal is None else refusal_words(str(refusal), found.get("refused"))
