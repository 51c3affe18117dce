"""Scenes for runs whose graph is not loaded: a part of a larger one, or what the steps of a run let us guess."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from hypergraph.viz.scene import Scene, SceneEdge, SceneNode, SceneOutput, ScenePort
from studio.model.facts import Line, RunFacts

__all__ = ["guessed", "within"]


def within(scene: Scene | None, path: str) -> Scene | None:
    """Give the graph inside a node, as a scene of its own; None where there is none."""
    if scene is None or not path:
        return scene
    found = next((node for node in scene.walk() if node.path == path), None)
    if found is None or found.inner is None:
        return None
    return _moved(found.inner, len(path) + 1)


def _moved(scene: Scene, cut: int) -> Scene:
    return replace(
        scene,
        nodes=tuple(
            replace(node, path=node.path[cut:], inner=None if node.inner is None else _moved(node.inner, cut)) for node in scene.nodes
        ),
    )


def guessed(facts: RunFacts, name: str) -> Scene | None:
    """Guess a graph from what ran: nodes in the order in which they came, edges by the names of values. None before anything ran."""
    return _guessed(facts, facts.root, name, "", 0)


def _guessed(facts: RunFacts, run: str, name: str, prefix: str, depth: int) -> Scene | None:
    order = sorted((steps[0], node) for (own, node), steps in facts.turns.items() if own == run)
    if not order:
        return None
    nodes: list[SceneNode] = []
    reads: dict[str, list[str]] = {}
    makes: dict[str, list[str]] = {}
    for superstep, node in order:
        step = facts.steps[run, superstep, node]
        lines = [line for at in facts.turns[run, node] for line in _ends(facts, run, at, node)]
        reads[node] = list(dict.fromkeys([*(step.began or {}).get("in", ()), *_names(lines, "reads")]))
        makes[node] = list(dict.fromkeys(_names(lines, "out")))
        inside = facts.inside.get((run, superstep, node))
        inner = None
        if inside is not None and inside not in facts.batches and depth < 12:
            inner = _guessed(facts, inside, node, f"{prefix}{node}/", depth + 1)
        kind = "graph" if inside is not None else "gate" if any(line.get("decision") for line in lines) else "function"
        if any(line["status"] == "paused" for line in lines) and kind == "function":
            kind = "interrupt"
        nodes.append(
            SceneNode(
                node,
                prefix + node,
                kind=kind,  # type: ignore[arg-type]
                inputs=tuple(map(ScenePort, reads[node])),
                outputs=tuple(map(ScenePort, makes[node])),
                size=len(inner.nodes) if inner is not None else 0,
                inner=inner,
            )
        )
    edges = tuple(
        SceneEdge(source, target, "data", names)
        for source in makes
        for target in reads
        if source != target and (names := tuple(one for one in makes[source] if one in reads[target]))
    )
    return Scene(name or None, tuple(nodes), edges, outputs=tuple(SceneOutput(one, (node,)) for node in makes for one in makes[node]))


def _ends(facts: RunFacts, run: str, superstep: int, node: str) -> list[Line]:
    end = facts.steps[run, superstep, node].end
    return [] if end is None else [end]


def _names(lines: Iterable[Line], what: str) -> list[str]:
    return [name for line in lines for name in line.get(what, ())]
