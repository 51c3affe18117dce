"""What there is to draw of a graph, as plain frozen data.

A scene knows nothing of functions and values, so it can travel to another process (`to_dict`, `from_dict`) and be drawn there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

__all__ = ["EdgeKind", "NodeKind", "Scene", "SceneEdge", "SceneInput", "SceneNode", "SceneOutput", "ScenePort", "SceneTarget"]

NodeKind = Literal["function", "gate", "interrupt", "graph"]
EdgeKind = Literal["data", "control", "ordering"]


@dataclass(frozen=True, slots=True)
class ScenePort:
    """One input or output of a node.

    Attributes:
        name: the name at this level of the graph.
        type: the annotation as text, or None.
        inner: of a nested graph's port, the name that the graph inside gives it.
    """

    name: str
    type: str | None = None
    inner: str | None = None


@dataclass(frozen=True, slots=True)
class SceneTarget:
    """One of the ways that a gate may choose.

    Attributes:
        name: the node's name, or "END".
        label: the description ("True", "False", the user's text), or "".
        end: True for END.
    """

    name: str
    label: str = ""
    end: bool = False


@dataclass(frozen=True, slots=True)
class SceneNode:
    """A node as it is drawn.

    Attributes:
        name: its name at this level.
        path: its name from the outermost graph on, "rag/retrieve"; unique in the whole scene.
        kind: what it is.
        inputs: its parameters.
        outputs: its data outputs.
        emits: its ordering signals.
        targets: of a gate, where it may lead.
        multi_target: True when a gate may choose several.
        mapped_over: of a mapped nested graph, the inputs it goes over.
        map_mode: "zip" or "product".
        cache: True when results are cached.
        entry: True for a configured entry point.
        size: of a nested graph, how many nodes it has.
        inner: of a nested graph that is opened, what is inside.
    """

    name: str
    path: str
    kind: NodeKind = "function"
    inputs: tuple[ScenePort, ...] = ()
    outputs: tuple[ScenePort, ...] = ()
    emits: tuple[str, ...] = ()
    targets: tuple[SceneTarget, ...] = ()
    multi_target: bool = False
    mapped_over: tuple[str, ...] = ()
    map_mode: str = "zip"
    cache: bool = False
    entry: bool = False
    size: int = 0
    inner: Scene | None = None

    @property
    def opened(self) -> bool:
        """True when there is something to draw inside."""
        return self.inner is not None and bool(self.inner.nodes)

    def port(self, name: str) -> ScenePort | None:
        """Give the input of that name, else the output, else None."""
        return next((port for port in (*self.inputs, *self.outputs) if port.name == name), None)


@dataclass(frozen=True, slots=True)
class SceneEdge:
    """An arrow between two nodes of one level.

    Attributes:
        source: name of the node that goes first.
        target: name of the node that reads, waits or is chosen.
        kind: "data", "control" or "ordering".
        names: the values that flow, or the signals waited for.
    """

    source: str
    target: str
    kind: EdgeKind = "data"
    names: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class SceneInput:
    """A value that the graph asks for.

    Attributes:
        name: its address.
        type: the annotation as text, or None.
        consumers: names of the nodes that read it.
        required: True when a run has to give it.
        bound: True when the graph is bound to a value for it.
    """

    name: str
    type: str | None = None
    consumers: tuple[str, ...] = ()
    required: bool = True
    bound: bool = False


@dataclass(frozen=True, slots=True)
class SceneOutput:
    """A value that the graph gives back, and the nodes that may produce it."""

    name: str
    producers: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Scene:
    """A graph as it is drawn.

    Attributes:
        name: the graph's name, or None.
        nodes: the nodes of this level, in the graph's order.
        edges: the arrows between them.
        inputs: what it asks for.
        outputs: what it gives back.
        shared: names of shared state.
    """

    name: str | None = None
    nodes: tuple[SceneNode, ...] = ()
    edges: tuple[SceneEdge, ...] = ()
    inputs: tuple[SceneInput, ...] = ()
    outputs: tuple[SceneOutput, ...] = ()
    shared: tuple[str, ...] = ()

    @property
    def entries(self) -> tuple[str, ...]:
        """Names of the configured entry points."""
        return tuple(node.name for node in self.nodes if node.entry)

    def walk(self) -> Iterator[SceneNode]:
        """Give every node, the ones inside opened graphs after the graph they are in."""
        for node in self.nodes:
            yield node
            if node.inner is not None:
                yield from node.inner.walk()

    def to_dict(self) -> dict[str, Any]:
        """Give the scene as dicts, lists and texts."""
        return asdict(self)

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Scene:
        """Rebuild what `to_dict` gave, also after it went through JSON."""
        return cls(
            name=data["name"],
            nodes=tuple(_node(item) for item in data["nodes"]),
            edges=tuple(SceneEdge(**{**item, "names": tuple(item["names"])}) for item in data["edges"]),
            inputs=tuple(SceneInput(**{**item, "consumers": tuple(item["consumers"])}) for item in data["inputs"]),
            outputs=tuple(SceneOutput(item["name"], tuple(item["producers"])) for item in data["outputs"]),
            shared=tuple(data["shared"]),
        )


def _node(data: Mapping[str, Any]) -> SceneNode:
    fields = dict(data)
    for name in ("emits", "mapped_over"):
        fields[name] = tuple(fields[name])
    for name in ("inputs", "outputs"):
        fields[name] = tuple(ScenePort(**port) for port in fields[name])
    fields["targets"] = tuple(SceneTarget(**target) for target in fields["targets"])
    fields["inner"] = None if fields["inner"] is None else Scene.from_dict(fields["inner"])
    return SceneNode(**fields)
