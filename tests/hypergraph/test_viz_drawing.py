"""From real graphs to scenes and drawings."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from hypergraph import END, Graph, ifelse, interrupt, node, route
from hypergraph.graph.drawing import notebook_html, scene_of

needs_dot = pytest.mark.usefixtures("real_dot")


@node(output_name="docs")
def retrieve(query: str, top_k: int = 3) -> list[str]:
    return [query] * top_k


@node(output_name="cleaned", hide=True)
def clean(docs: list[str]) -> list[str]:
    return docs


@node(output_name="answer")
def answer(cleaned: list[str], query: str) -> str:
    return query


@node(output_name="upper")
def upper(text: str) -> str:
    return text.upper()


@node(output_name="shouted")
def shout(upper: str) -> str:
    return upper + "!"


def rag() -> Graph:
    return Graph([retrieve, clean, answer], name="rag")


def nested() -> Graph:
    inner = Graph([upper, shout], name="inner")
    mapped = inner.as_node(name="loud").with_inputs(text="docs").with_outputs(upper="uppers", shouted="shouts").map_over("docs")
    return Graph([retrieve, mapped], name="outer")


def loop() -> Graph:
    @node(output_name="count")
    def step(count: int) -> int:
        return count + 1

    @route(targets={"step": "again", END: "enough"})
    def again(count: int) -> str:
        return END if count > 3 else "step"

    return Graph([step, again], name="loop", entrypoint="step")


def edges_of(graph: Graph, **options) -> set[tuple]:
    return {(edge.source, edge.target, edge.kind, edge.names) for edge in scene_of(graph, **options).edges}


def test_a_hidden_node_is_left_out_and_bridged():
    made = scene_of(rag())
    assert [item.name for item in made.nodes] == ["retrieve", "answer"]
    assert edges_of(rag()) == {("retrieve", "answer", "data", ("cleaned",))}
    assert "clean\n" not in rag().to_text()


def test_inputs_say_who_reads_them_and_whether_they_are_needed():
    inputs = {given.name: given for given in scene_of(rag().bind(top_k=5)).inputs}
    assert inputs["query"].consumers == ("retrieve", "answer")
    assert (inputs["query"].required, inputs["query"].type) == (True, "str")
    assert inputs["top_k"].bound


def test_an_input_of_a_hidden_node_is_drawn_at_what_comes_after_it():
    @node(output_name="x", hide=True)
    def hidden(secret: int) -> int:
        return secret

    @node(output_name="y")
    def seen(x: int) -> int:
        return x

    assert scene_of(Graph([hidden, seen])).inputs[0].consumers == ("seen",)


def test_depth_opens_nested_graphs():
    assert scene_of(nested()).nodes[1].inner is None
    opened = scene_of(nested(), depth=1).nodes[1]
    assert opened.inner is not None
    assert [item.path for item in opened.inner.nodes] == ["loud/upper", "loud/shout"]
    assert scene_of(nested(), depth=9) == scene_of(nested(), depth=None) == scene_of(nested(), depth=1)
    assert opened.mapped_over == ("docs",)
    assert opened.size == 2


@pytest.mark.parametrize("depth", [-1, 1.5, True, "1"])
def test_a_depth_that_is_none_is_refused(depth):
    with pytest.raises(ValueError, match=r"Invalid depth(.|\n)*How to fix"):
        scene_of(nested(), depth=depth)


def test_arrows_lead_to_the_node_inside_that_reads():
    source = nested().visualize(depth=1).source
    assert "cluster_c0" in source
    assert "for each docs" in source
    assert "n0 -> n1 " in source


def test_gates_have_targets_with_their_descriptions():
    gate = next(item for item in scene_of(loop()).nodes if item.kind == "gate")
    assert [(target.name, target.label, target.end) for target in gate.targets] == [("step", "again", False), ("END", "enough", True)]

    @ifelse(when_true="yes", when_false=END)
    def choose(flag: bool) -> bool:
        return flag

    @node(output_name="z")
    def yes(flag: bool) -> int:
        return 1

    branch = scene_of(Graph([choose, yes])).nodes[0]
    assert [(target.name, target.label) for target in branch.targets] == [("yes", "True"), ("END", "False")]


def test_the_loop_is_a_row_and_its_entry_stands_first():
    lines = loop().to_text().splitlines()
    assert "step" in lines[0]
    assert "again" in lines[1]
    assert "→ step | END" in lines[1]
    assert "loops to step" in lines[2]


def test_a_cycles_first_value_is_an_input_of_the_entry_node_alone():
    assert [(given.name, given.consumers) for given in scene_of(loop()).inputs] == [("count", ("step",))]


def test_interrupts_and_shared_state_are_shown():
    @interrupt(output_name="ok")
    def ask(draft: str) -> bool | None:
        return None

    made = Graph([ask], name="g")
    assert scene_of(made).nodes[0].kind == "interrupt"
    assert "ask" in made.to_mermaid()

    @node(output_name="messages", emit="said")
    def hear(messages: list) -> list:
        return messages

    @node(output_name="reply", wait_for="said")
    def reply(messages: list) -> str:
        return ""

    shared = Graph([hear, reply], shared=["messages"])
    assert "%% shared: messages" in shared.to_mermaid()
    assert ("hear", "reply", "ordering", ("said",)) in edges_of(shared)


def test_only_the_active_part_is_drawn():
    assert "retrieve" not in rag().with_entrypoint("clean").to_text()


def test_two_calls_give_the_same_text():
    for options in ({}, {"depth": 1, "show_types": True}, {"depth": 1, "separate_outputs": True}):
        assert nested().visualize(**options).source == nested().visualize(**options).source
        assert nested().to_mermaid(**options) == nested().to_mermaid(**options)
    assert nested().to_text() == nested().to_text()


@needs_dot
@pytest.mark.parametrize("ending", [".svg", ".png", ".pdf", ".dot"])
def test_a_file_is_written_and_nothing_returned(tmp_path: Path, ending):
    assert nested().visualize(depth=1, filepath=tmp_path / f"graph{ending}") is None
    assert (tmp_path / f"graph{ending}").stat().st_size > 100


def test_separate_outputs_connect_producer_value_and_reader():
    source = nested().visualize(depth=1, separate_outputs=True).source
    assert source.count("shape=ellipse") == 3


def test_a_renamed_namespaced_port_finds_its_way_inside():
    inner = Graph([upper, shout], name="inner").as_node(namespaced=True).with_inputs(text="words")
    made = Graph([inner])
    assert scene_of(made, depth=1).inputs[0].name == "inner.words"
    assert "-> n0" in made.visualize(depth=1).source


@needs_dot
def test_a_notebook_shows_a_picture_and_without_a_program_the_text(monkeypatch, tmp_path):
    assert notebook_html(nested()).startswith("<svg")
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr("hypergraph.viz.graphviz._bundled_dot", lambda: None)
    shown = notebook_html(nested())
    assert shown.startswith("<pre>")
    assert "retrieve" in shown


def test_making_a_graph_loads_no_drawing_library():
    code = (
        "import sys; from hypergraph import Graph, node\n"
        "g = Graph([node(output_name='x')(lambda a: a).with_name('f')])\n"
        "g.to_text(); assert 'graphviz' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True, cwd=Path(__file__).parents[2])


def test_a_chain_of_hidden_nodes_is_bridged_as_a_whole():
    @node(output_name="b", hide=True)
    def first(a: int) -> int:
        return a

    @node(output_name="c", hide=True)
    def second(b: int) -> int:
        return b

    @node(output_name="a")
    def start(x: int) -> int:
        return x

    @node(output_name="d")
    def stop(c: int) -> int:
        return c

    made = Graph([start, first, second, stop], name="g")
    assert edges_of(made) == {("start", "stop", "data", ("c",))}
    outer = Graph([made.with_name("inner").select("c").as_node(name="inner"), node(output_name="e")(lambda c: c).with_name("reads")])
    assert "n0 -> n1 " in outer.visualize(depth=1).source
    hides_its_end = scene_of(Graph([start, first, second]), depth=1)
    assert {output.name: output.producers for output in hides_its_end.outputs}["c"] == ("start",)


def test_what_comes_after_a_hidden_gate_is_chosen_not_fed():
    @node(output_name="n")
    def number(x: int) -> int:
        return x

    @ifelse(when_true="small", when_false=END, hide=True)
    def is_small(n: int) -> bool:
        return n < 3

    @node(output_name="s")
    def small(x: int) -> int:
        return x

    assert edges_of(Graph([number, is_small, small])) == {("number", "small", "control", ())}
