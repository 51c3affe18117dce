"""From what is known of a run to what a screen shows of it. A node that did not change stays the same object."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from hypergraph.viz.scene import Scene
from studio.model.batch_view import BatchView
from studio.model.batches import inside_batch
from studio.model.branches import not_taken
from studio.model.endings import last_words
from studio.model.facts import ChildFacts, Line, RunFacts, StepFacts, StepKey
from studio.model.lineage_view import LineageRow
from studio.model.lines import decision_text, value_views
from studio.model.log_lines import LogLines
from studio.model.pause_view import PauseView
from studio.model.run_view import Attempt, NodeView, RunView
from studio.model.sources import Makers
from studio.model.states import ENDED, ITEM_STATES
from studio.model.turns import turn_table
from studio.model.value_view import ValueView

__all__ = ["Context", "Projection", "run_state"]

_MOST_DEPTH: Final = 12


@dataclass(frozen=True, slots=True)
class Context:
    """What is known of a run beside its facts.

    Attributes:
        scene: the graph as it is drawn.
        inputs: previews of the run's inputs: name -> [kind, text].
        origins: input -> where it comes from ("default").
        alive: whether the worker lives; None where that cannot be told.
        typical: node path -> how long it took before.
        inherited: previews of what a fork took over: node -> its "node-" line.
        batch: the items, when the run is a batch.
    """

    scene: Scene | None = None
    graph_name: str = ""
    inputs: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, str] = field(default_factory=dict)
    alive: bool | None = None
    note: str = ""
    runner: str = ""
    code_note: str = ""
    actor: str = ""
    lineage: tuple[LineageRow, ...] = ()
    pauses: tuple[PauseView, ...] = ()
    typical: Mapping[str, str] = field(default_factory=dict)
    inherited: Mapping[str, Line] = field(default_factory=dict)
    batch: BatchView | None = None
    reachable: bool = False
    started: float | None = None


def run_state(facts: RunFacts, run: str, alive: bool | None) -> str:
    """Give how a run of the tree stands."""
    child = facts.children.get(run)
    if child is None:
        closing = facts.ends[max(facts.ends)] if facts.ends else None
        if closing is None and facts.exits:
            return "interrupted"
        return "waiting" if closing is None else closing.get("status") or "unknown"
    stored = child.stored
    if child.began is not None and _open(facts, child):
        if alive is False:
            status = stored["status"] if stored is not None else "active"
            return "interrupted" if status == "active" else str(status)
        return "running"
    if stored is not None and not (stored["status"] == "active" and child.ended is not None):
        if stored["status"] == "active":
            return "interrupted" if stored["interrupted"] else "running"
        return str(stored["status"])
    if child.ended is not None:
        return str(child.ended["status"])
    return "interrupted" if child.began is not None else "unknown"


def _open(facts: RunFacts, child: ChildFacts) -> bool:
    began, ended = child.began, child.ended
    assert began is not None
    if ended is not None and (ended["c"], ended["n"]) > (began["c"], began["n"]):
        return False
    return began["c"] not in facts.ends


class Projection:
    """Makes views of one run, one after the other; what did not change since the last one is taken over from it."""

    def __init__(self) -> None:
        self._made: dict[str, tuple[Any, NodeView]] = {}
        self._logs = LogLines()
        self._turns: tuple[Any, Any] = (None, None)

    def view(self, facts: RunFacts, context: Context, *, past: bool = False, going: bool = False) -> RunView:
        """Give the run as a screen shows it.

        Args:
            facts: what is known of it.
            context: what is known beside it.
            past: these are facts of a moment in the past: nothing is said to have been left out.
            going: at that moment it was going on, however it stands now.
        """
        state = run_state(facts, facts.root, context.alive)
        live = state in {"running", "waiting"}
        nodes = self._nodes(facts, context, live=live or going, finished=state == "completed" and not past)
        child = facts.children.get(facts.root) or ChildFacts(facts.root)
        stored = child.stored or {}
        started, ended = _times(facts, child, live=live)
        top = [node for path, node in nodes.items() if "/" not in path]
        total = len(context.scene.nodes) if context.scene is not None else len(top)
        supersteps = [key[1] for key in facts.steps if key[0] == facts.root]
        return RunView(
            id=facts.root,
            graph_name=context.graph_name,
            state=state,
            note=context.note,
            started=started if context.started is None else context.started,
            ended=ended,
            runner=context.runner,
            scene=context.scene,
            nodes=nodes,
            inputs=value_views(context.inputs, context.origins),
            logs=self._logs.of(facts.logs),
            logs_cut=facts.logs_cut,
            lineage=context.lineage,
            last_superstep=max(supersteps, default=None),
            live=live,
            past=past,
            done=sum(1 for node in top if node.state in ENDED or node.state == "skipped"),
            total=max(total, len(top)),
            code_note=context.code_note,
            actor=context.actor,
            error=_error(facts, child, state) if state in {"failed", "partial", "interrupted", "stopped"} else None,
            pauses=context.pauses if state == "paused" else (),
            batch=context.batch,
            turns=self._turn_table(facts),
            can_stop=live and context.reachable,
            can_resume=state in {"failed", "paused", "stopped", "interrupted", "partial"} and bool(stored) and not stored.get("parent"),
            parent=stored.get("parent"),
            config=stored.get("config") or {},
        )

    # Nodes.

    def _nodes(self, facts: RunFacts, context: Context, *, live: bool, finished: bool) -> dict[str, NodeView]:
        scenes = {node.path: node for node in context.scene.walk()} if context.scene is not None else {}
        nodes: dict[str, NodeView] = {}
        made: dict[str, tuple[Any, NodeView]] = {}
        makers = Makers(facts)
        for path, key, turns in _walk(facts):
            step = facts.steps[key]
            inside = facts.inside.get(key)
            batch = facts.batches.get(inside) if inside is not None else None
            sources = _sources(makers, step) if step.began is None or step.began.get("in") is None else ()
            heard = None if live or step.end is not None else _heard(facts, step.claim)
            mark = (step, turns, live, inside, batch, context.typical.get(path), scenes.get(path), sources, heard)
            before = self._made.get(path)
            if before is not None and _same(before[0], mark):
                node = before[1]
            else:
                node = _node(facts, makers, context, path, step, turns, inside, live=live, heard=heard)
                if before is not None and before[1] == node:
                    node = before[1]
            made[path] = mark, node
            nodes[path] = node
            if batch is not None and (drawn := scenes.get(path)) is not None:
                nodes |= inside_batch(drawn, batch, node)
        self._made = made
        for path, line in context.inherited.items():
            if path not in nodes:
                nodes[path] = _kept(path, line)
        if context.scene is not None:
            for path in _passed_by(context.scene, nodes, ""):
                nodes[path] = NodeView(path, "skipped", turns=0)
        if finished:
            for drawn in context.scene.nodes if context.scene is not None else ():
                if drawn.path not in nodes:
                    nodes[drawn.path] = NodeView(drawn.path, "skipped", turns=0)
        return nodes

    def _turn_table(self, facts: RunFacts) -> Any:
        looping = {
            place: steps
            for place, steps in sorted(facts.turns.items(), key=lambda one: (one[1][0], one[0]))
            if place[0] == facts.root and len(steps) > 1 and _turns(facts, place[0], place[1], steps) > 1
        }
        if not looping:
            return None
        mark = [(place, len(steps), facts.steps[facts.root, steps[-1], place[1]].end) for place, steps in looping.items()]
        if self._turns[0] is None or not _same(self._turns[0], mark):
            self._turns = mark, turn_table(facts, [place[1] for place in looping])
        return self._turns[1]


def _same(before: Any, now: Any) -> bool:
    return len(before) == len(now) and all(a is b or a == b for a, b in zip(before, now, strict=True))


def _walk(facts: RunFacts) -> Iterator[tuple[str, StepKey, int]]:
    """Give (path, newest step, number of turns) of every node, what is inside a nested graph after it."""
    by_run: dict[str, list[tuple[str, tuple[int, ...]]]] = {}
    for (run, node), steps in facts.turns.items():
        by_run.setdefault(run, []).append((node, steps))
    yield from _walk_run(facts, by_run, facts.root, "", 0)


def _walk_run(
    facts: RunFacts, by_run: dict[str, list[tuple[str, tuple[int, ...]]]], run: str, prefix: str, depth: int
) -> Iterator[tuple[str, StepKey, int]]:
    for node, steps in sorted(by_run.get(run, ()), key=lambda one: (one[1][0], one[0])):
        key = (run, steps[-1], node)
        yield prefix + node, key, _turns(facts, run, node, steps)
        inside = facts.inside.get(key)
        if inside is not None and depth < _MOST_DEPTH:
            yield from _walk_run(facts, by_run, inside, f"{prefix}{node}/", depth + 1)


def _turns(facts: RunFacts, run: str, node: str, steps: tuple[int, ...]) -> int:
    """Count turns: a further attempt at the same turn is none."""
    if len(steps) == 1:
        return 1
    ends = [facts.steps[run, step, node].end for step in steps]
    tries = sum(1 for end in ends[:-1] if end is None or end["status"] != "completed" or end.get("partial"))
    return max(1, len(steps) - tries)


def _node(
    facts: RunFacts,
    makers: Makers,
    context: Context,
    path: str,
    step: StepFacts,
    turns: int,
    inside: str | None,
    *,
    live: bool,
    heard: float | None,
) -> NodeView:
    end, began = step.end, step.began
    started, kind = _started(step)
    outputs = value_views(end.get("out") if end is not None else None)
    if not outputs and inside is not None and inside in facts.batches:
        outputs = (_progress(facts.batches[inside].states),)
    return NodeView(
        path=path,
        state=_state(step, live=live),
        attempt=(end or {}).get("attempt", 1),
        turns=turns,
        superstep=step.superstep,
        started=started,
        ended=end["t"] if end is not None else heard if started is not None else None,
        at_least=end is None and heard is not None,
        started_kind=kind,
        inputs=_inputs(facts, makers, context, step),
        outputs=outputs,
        error=end.get("error") if end is not None else None,
        traceback=end.get("tb") if end is not None else None,
        decision=decision_text(end.get("decision")) if end is not None else None,
        child_run=inside,
        typical=context.typical.get(path, ""),
        tries=_tries(facts, step),
        origin="seen, not stored yet" if step.stored is None and end is not None and began is not None and not live else "",
    )


def _passed_by(scene: Scene, nodes: Mapping[str, NodeView], prefix: str) -> Iterator[str]:
    """Give what gates led past, in the graphs inside too."""
    yield from not_taken(scene, nodes, prefix)
    for drawn in scene.nodes:
        if drawn.inner is not None and not drawn.mapped_over and drawn.path in nodes:
            yield from _passed_by(drawn.inner, nodes, f"{drawn.path}/")


def _heard(facts: RunFacts, claim: int) -> float | None:
    """Give the last that was heard of a worker that did not say how its node ended."""
    for closing in (facts.exits.get(claim), facts.ends.get(claim)):
        if closing is not None and "t" in closing:
            return float(closing["t"])
    heard = [line["t"] for step in facts.steps.values() for line in (step.began, step.ended) if line is not None and line["c"] == claim]
    heard += [line["t"] for line in (*facts.logs[-1:], facts.stop) if line is not None and line["c"] == claim]
    if claim == max(facts.claims, default=claim):
        heard += _sign_of_life(facts)
    return max(heard, default=None)


def _sign_of_life(facts: RunFacts) -> list[float]:
    """Give when the owner of a run was last heard of, which the store knows of one whose process died."""
    for child in facts.children.values():
        if child.stored is not None and child.stored.get("interrupted") and child.stored.get("heard"):
            return [float(child.stored["heard"])]
    return []


def _tries(facts: RunFacts, step: StepFacts) -> tuple[Attempt, ...]:
    """Give the attempts at the same turn before this one, the first one first."""
    found: list[Attempt] = []
    for at in reversed(facts.turns[step.run, step.node]):
        if at >= step.superstep:
            continue
        end = facts.steps[step.run, at, step.node].end
        if end is not None and end["status"] == "completed" and not end.get("partial"):
            break
        said = "interrupted" if end is None else "stopped" if end.get("partial") else str(end["status"])
        found.append(Attempt(at, said, None if end is None else end["t"], (end or {}).get("ms", 0.0) / 1000, (end or {}).get("error")))
    return tuple(reversed(found))


def _state(step: StepFacts, *, live: bool) -> str:
    end = step.end
    if end is None:
        return "running" if live else "interrupted"
    if end.get("cached"):
        return "cached"
    return "stopped" if end.get("partial") else str(end["status"])


def _started(step: StepFacts) -> tuple[float | None, str]:
    if step.began is not None:
        return step.began["t"], "measured"
    end = step.end
    if end is None or end.get("t0") is None:
        return None, "unknown"
    return end["t0"], "reconstructed" if end.get("guess") else "recorded"


def _inputs(facts: RunFacts, makers: Makers, context: Context, step: StepFacts) -> tuple[ValueView, ...]:
    if step.began is not None and (given := step.began.get("in")) is not None:
        return value_views(given, {name: _origin(facts, makers, context, step, name) for name in given})
    found: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for name in (step.end or {}).get("reads", ()):
        source = makers.before(step, name)
        if source is not None:
            found[name] = (source.end or {})["out"][name]
            origins[name] = f"{source.node} · step {source.superstep}"
        elif step.run == facts.root and name in context.inputs:
            found[name] = context.inputs[name]
            origins[name] = "input"
        elif step.run == facts.root and (taken := _taken_over(context, name)) is not None:
            found[name], origins[name] = taken
    return value_views(found, origins)


def _origin(facts: RunFacts, makers: Makers, context: Context, step: StepFacts, name: str) -> str:
    source = makers.before(step, name)
    if source is not None:
        return f"{source.node} · step {source.superstep}"
    if step.run != facts.root:
        return ""
    taken = None if name in context.inputs else _taken_over(context, name)
    return "input" if taken is None else taken[1]


def _taken_over(context: Context, name: str) -> tuple[Any, str] | None:
    """Give a value that a fork found made already, and where it comes from."""
    for node, line in context.inherited.items():
        if name in line.get("out", ()):
            return line["out"][name], f"{node} · {line.get('from', '')}"
    return None


def _sources(makers: Makers, step: StepFacts) -> tuple[StepFacts | None, ...]:
    return tuple(makers.before(step, name) for name in (step.end or {}).get("reads", ()))


def _progress(states: bytes) -> ValueView:
    counts = {state: states.count(code) for code, state in enumerate(ITEM_STATES)}
    ended = len(states) - counts["waiting"] - counts["running"]
    said = ", ".join(f"{counts[state]} {state}" for state in ("running", "failed", "paused", "stopped") if counts[state])
    return ValueView("items", f"{ended} of {len(states)}", said)


def _kept(path: str, line: Line) -> NodeView:
    return NodeView(
        path,
        "kept",
        superstep=None,
        outputs=value_views(line.get("out")),
        decision=decision_text(line.get("decision")),
        origin=line.get("from", ""),
        started_kind="recorded",
    )


def _times(facts: RunFacts, child: ChildFacts, *, live: bool) -> tuple[float | None, float | None]:
    stored, began, ended = child.stored or {}, child.began, child.ended
    opened = [line["t"] for line in facts.claims.values()]
    started = stored.get("t0") or (began["t"] if began is not None else min(opened, default=None))
    if live:
        return started, None
    closed = [line["t"] for line in facts.ends.values()]
    ends = [found for found in (stored.get("t"), ended["t"] if ended is not None else None, *closed) if found is not None]
    if not ends:
        # It did not say when it ended: the last that was heard of it.
        ends = [heard["t"] for step in facts.steps.values() for heard in (step.began, step.end) if heard is not None]
        ends += [line["t"] for line in (*facts.logs[-1:], facts.stop) if line is not None]
        ends += _sign_of_life(facts)
    return started, max(ends, default=started)


def _error(facts: RunFacts, child: ChildFacts, state: str) -> str | None:
    if state == "interrupted":
        return last_words(facts)
    for line in (child.stored, child.ended, facts.ends[max(facts.ends)] if facts.ends else None):
        if line is not None and line.get("error"):
            return str(line["error"])
    return None
