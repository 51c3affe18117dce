"""Scenes made by hand for the tests of the renderers."""

from __future__ import annotations

from hypergraph.viz.scene import Scene, SceneEdge, SceneInput, SceneNode, SceneOutput, ScenePort, SceneTarget

HOSTILE = [
    'a"b',
    "<b>x</b>",
    "a&b",
    "a\\nb",
    "a\nb",
    "%%{init: {}}%%",
    "end",
    "]",
    "Literal['a']]",
    "{}|",
    "\x1b[31mred",
    "\u202eabc",
    "`x`",
    "$(rm)",
    "a:b",
    "\\N",
    "日本",
    "",
]


def scene(*nodes: str | SceneNode, edges: list[tuple] = (), **more) -> Scene:
    """A scene of functions by name and of nodes; an edge is (source, target[, kind[, names]])."""
    made = tuple(item if isinstance(item, SceneNode) else SceneNode(item, item) for item in nodes)
    return Scene(nodes=made, edges=tuple(SceneEdge(*edge) for edge in edges), **more)


def rag() -> Scene:
    """A graph with everything: a fork and a join, a nested graph, a gate, a loop, an interrupt, inputs."""
    docs = ScenePort("docs", "list[str]", "texts")
    inner = Scene(
        name="retrieval",
        nodes=(
            SceneNode("retrieve", "rag/retrieve", inputs=(ScenePort("texts"), ScenePort("query")), outputs=(ScenePort("hits"),)),
            SceneNode("pack", "rag/pack", inputs=(ScenePort("hits"),), outputs=(ScenePort("context", "str"),)),
        ),
        edges=(SceneEdge("retrieve", "pack", "data", ("hits",)),),
        inputs=(SceneInput("texts", None, ("retrieve",)), SceneInput("query", "str", ("retrieve",))),
        outputs=(SceneOutput("hits", ("retrieve",)), SceneOutput("context", ("pack",))),
    )
    nodes = (
        SceneNode("load", "load", outputs=(ScenePort("docs", "list[str]"),), inputs=(ScenePort("path"),)),
        SceneNode(
            "rag", "rag", "graph", (docs, ScenePort("query", "str", "query")),
            (ScenePort("context", "str", "context"),), size=2, inner=inner,
        ),
        SceneNode("write", "write", inputs=(ScenePort("context"),), outputs=(ScenePort("draft", "str"),), entry=True),
        SceneNode("approve", "approve", "interrupt", (ScenePort("draft"),), (ScenePort("approved", "bool"),)),
        SceneNode(
            "decide", "decide", "gate", (ScenePort("approved"),),
            targets=(SceneTarget("write", "False"), SceneTarget("publish", "True"), SceneTarget("END", "", True)),
        ),
        SceneNode("publish", "publish", inputs=(ScenePort("draft"),), outputs=(ScenePort("url", "str"),)),
    )  # fmt: skip
    return scene(
        *nodes,
        name="rag",
        edges=[
            ("load", "rag", "data", ("docs",)),
            ("rag", "write", "data", ("context",)),
            ("write", "approve", "data", ("draft",)),
            ("approve", "decide", "data", ("approved",)),
            ("decide", "write", "control"),
            ("decide", "publish", "control"),
            ("write", "publish", "data", ("draft",)),
            ("approve", "publish", "ordering", ("approved",)),
        ],
        inputs=(
            SceneInput("path", "str", ("load",), required=False),
            SceneInput("query", "str", ("rag",)),
            SceneInput("style", "str", ("write",), required=False, bound=True),
        ),
        shared=("messages",),
    )


def hostile(text: str) -> Scene:
    """A scene that has `text` wherever a name, type or description can be."""
    port = ScenePort(text, text)
    return scene(
        SceneNode(text, text, "gate", (port,), targets=(SceneTarget("next", text), SceneTarget("END", text, True))),
        SceneNode("next", "x/" + text, inputs=(port,), outputs=(port, ScenePort("other"))),
        SceneNode("last", "last", inputs=(port,)),
        name=text,
        edges=[(text, "next", "control"), ("next", "last", "data", (text,))],
        inputs=(SceneInput(text, text, (text,)),),
        shared=(text,),
    )
