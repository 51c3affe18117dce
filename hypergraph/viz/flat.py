"""A scene for renderers that draw everything in one picture: arrows lead into opened graphs, to the nodes that really read and write.

Opened graphs become clusters. Everything gets a short id ("n0", "c0"), so that no name has to be escaped as one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

from hypergraph.viz.order import arrange
from hypergraph.viz.scene import EdgeKind, Scene, SceneInput, SceneNode, ScenePort

__all__ = ["Flat", "FlatCluster", "FlatEdge", "FlatInput", "FlatMark", "FlatNode", "FlatValue", "flatten"]


@dataclass(frozen=True, slots=True)
class FlatNode:
    """A node that is drawn as one shape."""

    id: str
    node: SceneNode
    cluster: str | None


@dataclass(frozen=True, slots=True)
class FlatCluster:
    """An opened graph."""

    id: str
    node: SceneNode
    parent: str | None


@dataclass(frozen=True, slots=True)
class FlatMark:
    """The END of the gates of one level."""

    id: str
    cluster: str | None


@dataclass(frozen=True, slots=True)
class FlatValue:
    """A value that is drawn as a shape of its own."""

    id: str
    port: ScenePort
    cluster: str | None


@dataclass(frozen=True, slots=True)
class FlatInput:
    """Inputs that the same nodes read, drawn together."""

    id: str
    inputs: tuple[SceneInput, ...]
    readers: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class FlatEdge:
    """An arrow between two ids.

    Attributes:
        tail: where it begins.
        head: where it ends.
        kind: "data", "control" or "ordering".
        names: the values that flow, as the reader calls them.
        label: of a control edge what the gate says for it.
        tail_cluster: the cluster at whose border it begins, when it belongs to the graph as a whole.
        head_cluster: the same for its end.
        back: True when it closes a cycle.
    """

    tail: str
    head: str
    kind: EdgeKind
    names: tuple[str, ...] = ()
    label: str = ""
    tail_cluster: str | None = None
    head_cluster: str | None = None
    back: bool = False


@dataclass(slots=True)
class Flat:
    """What `flatten` found; every list in a fixed order."""

    nodes: list[FlatNode] = field(default_factory=list)
    clusters: list[FlatCluster] = field(default_factory=list)
    marks: list[FlatMark] = field(default_factory=list)
    values: list[FlatValue] = field(default_factory=list)
    inputs: list[FlatInput] = field(default_factory=list)
    edges: list[FlatEdge] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class _End:
    """One end of an arrow: an id, the cluster it stands for, and what the port is called there."""

    id: str
    cluster: str | None = None
    port: ScenePort | None = None


def flatten(scene: Scene, *, inputs: bool = True, bound_inputs: bool = False, separate_outputs: bool = False) -> Flat:
    """Lay all opened levels of a scene side by side.

    Args:
        scene: what to draw.
        inputs: include what the graph asks for.
        bound_inputs: include inputs that are bound too.
        separate_outputs: make every value a thing of its own, between its producer and its readers.
    """
    return _Flattener(separate_outputs).run(scene, inputs, bound_inputs)


class _Flattener:
    def __init__(self, separate_outputs: bool) -> None:
        self.flat = Flat()
        self.separate = separate_outputs
        self.ids: dict[str, str] = {}  # path -> id of the node or the cluster
        self.values: dict[tuple[str, str], str] = {}  # (id, output) -> id of the value

    def run(self, scene: Scene, inputs: bool, bound_inputs: bool) -> Flat:
        self._nodes(scene, None)
        self._edges(scene, None)
        groups: dict[tuple[str, ...], list[SceneInput]] = {}
        for given in scene.inputs:
            if given.bound and not bound_inputs:
                continue
            readers = [end.id for reader in given.consumers for end in self._readers(_named(scene, reader), given.name)]
            groups.setdefault(tuple(dict.fromkeys(readers)), []).append(given)
        if inputs:
            self.flat.inputs = [FlatInput(f"i{n}", tuple(group), readers) for n, (readers, group) in enumerate(groups.items())]
        return self.flat

    def _nodes(self, scene: Scene, cluster: str | None) -> None:
        for node in scene.nodes:
            if node.opened and node.inner is not None:
                own = f"c{len(self.flat.clusters)}"
                self.flat.clusters.append(FlatCluster(own, node, cluster))
                self.ids[node.path] = own
                self._nodes(node.inner, own)
                continue
            own = f"n{len(self.flat.nodes)}"
            self.flat.nodes.append(FlatNode(own, node, cluster))
            self.ids[node.path] = own
            if self.separate:
                for port in node.outputs:
                    value = f"v{len(self.flat.values)}"
                    self.flat.values.append(FlatValue(value, port, cluster))
                    self.values[own, port.name] = value
                    self.flat.edges.append(FlatEdge(own, value, "data"))

    def _edges(self, scene: Scene, cluster: str | None) -> None:
        by_name = {node.name: node for node in scene.nodes}
        back = arrange(list(by_name), [(edge.source, edge.target) for edge in scene.edges], scene.entries).back
        for edge in scene.edges:
            source, target = by_name[edge.source], by_name[edge.target]
            closes = (edge.source, edge.target) in back
            if edge.kind == "data":
                self._data(source, target, edge.names, closes)
            else:
                label = next((way.label for way in source.targets if way.name == edge.target), "") if edge.kind == "control" else ""
                tail, head = self._whole(source, last=True), self._whole(target, last=False)
                names = edge.names if edge.kind == "ordering" else ()
                self.flat.edges.append(FlatEdge(tail.id, head.id, edge.kind, names, label, tail.cluster, head.cluster, closes))
        self._ends(scene, cluster)
        for node in scene.nodes:
            if node.opened and node.inner is not None:
                self._edges(node.inner, self.ids[node.path])

    def _data(self, source: SceneNode, target: SceneNode, names: tuple[str, ...], closes: bool) -> None:
        """One arrow for each pair of writer and reader, with all the names that flow between them."""
        pairs: dict[tuple[str, str, str | None, str | None], list[str]] = {}
        for name in names:
            for writer in self._writers(source, name):
                tail = self.values.get((writer.id, writer.port.name), writer.id) if writer.port is not None else writer.id
                for reader in self._readers(target, name):
                    pairs.setdefault((tail, reader.id, writer.cluster, reader.cluster), []).append(name)
        for (tail, head, tail_cluster, head_cluster), flowing in pairs.items():
            # A value that is drawn itself needs no name at its arrow.
            said = () if tail.startswith("v") else tuple(dict.fromkeys(flowing))
            self.flat.edges.append(FlatEdge(tail, head, "data", said, "", tail_cluster, head_cluster, closes))

    def _ends(self, scene: Scene, cluster: str | None) -> None:
        ending = [(node, way) for node in scene.nodes for way in node.targets if way.end]
        if ending:
            mark = FlatMark(f"e{len(self.flat.marks)}", cluster)
            self.flat.marks.append(mark)
            self.flat.edges.extend(FlatEdge(self.ids[node.path], mark.id, "control", (), way.label) for node, way in ending)

    def _readers(self, node: SceneNode, name: str) -> list[_End]:
        port = next((port for port in node.inputs if port.name == name), None)
        if node.opened and node.inner is not None:
            inner = next((given for given in node.inner.inputs if port is not None and given.name == port.inner), None)
            found = [end for reader in inner.consumers for end in self._readers(_named(node.inner, reader), inner.name)] if inner else []
            return found or [self._whole(node, last=False)]
        return [_End(self.ids[node.path], None, port)]

    def _writers(self, node: SceneNode, name: str) -> list[_End]:
        port = next((port for port in node.outputs if port.name == name), None)
        if node.opened and node.inner is not None:
            inner = next((given for given in node.inner.outputs if port is not None and given.name == port.inner), None)
            found = [end for maker in inner.producers for end in self._writers(_named(node.inner, maker), inner.name)] if inner else []
            return found or [self._whole(node, last=True)]
        return [_End(self.ids[node.path], None, port)]

    def _whole(self, node: SceneNode, *, last: bool) -> _End:
        """Stand for a graph as a whole: its first or last node, and the border of its cluster."""
        if not (node.opened and node.inner is not None):
            return _End(self.ids[node.path])
        inner = node.inner
        order = arrange([item.name for item in inner.nodes], [(edge.source, edge.target) for edge in inner.edges], inner.entries).order
        return _End(self._whole(_named(inner, order[-1 if last else 0]), last=last).id, self.ids[node.path])


def _named(scene: Scene, name: str) -> SceneNode:
    return next(node for node in scene.nodes if node.name == name)
