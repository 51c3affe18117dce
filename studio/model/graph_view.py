"""Graphs and modules as the module host reports them; a graph's own objects never come here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypergraph.viz.scene import Scene
from studio.model.type_spec import TypeSpec

__all__ = ["GraphView", "InputField", "ModuleView"]


@dataclass(frozen=True, slots=True)
class InputField:
    """One input of a graph.

    Attributes:
        name: its address.
        type: what it takes.
        required: a run has to give it.
        default: the beginning of its default or bound value, None where there is none.
        bound: the graph is bound to a value for it.
        secret: its name says that its value is not to be shown.
    """

    name: str
    type: TypeSpec
    required: bool = True
    default: str | None = None
    bound: bool = False
    secret: bool = False


@dataclass(frozen=True, slots=True)
class GraphView:
    """One graph of a module.

    Attributes:
        name: how it is called here: the graph's name, else the variable.
        doc: the module's first lines of documentation.
        source: where it is defined ("rag.py:41").
        inputs: what it asks for.
        outputs: what it gives back, with types.
        fits: runner -> why it cannot run this graph, None where it can.
        scene: the graph as it is drawn, nested graphs opened.
        node_count: how many nodes it has at its own level.
        target: what was named on the command line.
        attribute: the variable that holds it.
        struct_hash, code_hash: which graph and which code it is.
        has_interrupts, caches: it asks questions; it has cached nodes.
        asks: response key -> what an answer has to be.
        made: name of what a node gives -> its shape, for values that a fork changes.
        effects: nodes that are declared to have side effects.
        sources: node path -> (file:line, hash of its code).
    """

    name: str
    doc: str
    source: str
    inputs: tuple[InputField, ...]
    outputs: tuple[tuple[str, str | None], ...]
    fits: Mapping[str, str | None]
    scene: Scene
    node_count: int
    target: str = ""
    attribute: str = ""
    struct_hash: str = ""
    code_hash: str = ""
    has_interrupts: bool = False
    caches: bool = False
    asks: Mapping[str, TypeSpec] = field(default_factory=dict)
    made: Mapping[str, TypeSpec] = field(default_factory=dict)
    effects: tuple[str, ...] = ()
    sources: Mapping[str, tuple[str, str]] = field(default_factory=dict)

    @property
    def maps(self) -> bool:
        """True when a nested graph runs once for each of many items."""
        return any(node.mapped_over for node in self.scene.walk())

    def field(self, name: str) -> InputField | None:
        """Give an input by its address."""
        return next((one for one in self.inputs if one.name == name), None)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> GraphView:
        """Read what the module host reported."""
        return cls(
            name=data["name"],
            doc=data["doc"],
            source=data["source"],
            inputs=tuple(
                InputField(one["name"], TypeSpec.from_json(one["type"]), one["required"], one["default"], one["bound"], one["secret"])
                for one in data["inputs"]
            ),
            outputs=tuple((name, kind) for name, kind in data["outputs"]),
            fits=dict(data["fits"]),
            scene=Scene.from_dict(data["scene"]),
            node_count=data["node_count"],
            target=data["target"],
            attribute=data["attribute"],
            struct_hash=data["struct_hash"],
            code_hash=data["code_hash"],
            has_interrupts=data["has_interrupts"],
            caches=data["caches"],
            asks={name: TypeSpec.from_json(spec) for name, spec in data["asks"].items()},
            made={name: TypeSpec.from_json(spec) for name, spec in data.get("made", {}).items()},
            effects=tuple(data["effects"]),
            sources={path: (where, digest) for path, (where, digest) in data["sources"].items()},
        )


@dataclass(frozen=True, slots=True)
class ModuleView:
    """One target of the command line.

    Attributes:
        target: as it was named.
        state: "loading", "ready", "broken" or "changed" (on disk, since it was loaded).
        error: why it cannot be loaded, in one line.
        traceback: the whole story.
        graphs: what it holds.
        output: what it printed while it was loaded.
        since: when its loading began, in seconds since the epoch.
    """

    target: str
    state: str = "ready"
    error: str | None = None
    traceback: str | None = None
    graphs: tuple[GraphView, ...] = ()
    output: str = ""
    since: float = 0.0
