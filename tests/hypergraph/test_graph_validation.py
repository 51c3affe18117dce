"""What a graph may not be, and that each refusal says how to fix it."""

from __future__ import annotations

from typing import Any

import pytest

from hypergraph import END, Graph, GraphConfigError, HyperNode, ifelse, interrupt, node, route


def make(name, signature="x", out="y", **options):
    return node(output_name=out, **options)(eval(f"lambda {signature}: 0")).with_name(name)


def refused(match, nodes, **options):
    with pytest.raises(GraphConfigError, match=match) as caught:
        Graph(nodes, **options)
    text = str(caught.value)
    assert "How to fix" in text
    assert len(text) < 2000
    return text


class TestNames:
    @pytest.mark.parametrize("name", ["my-node", "a b", "1st", "", "a.b", "😀", "a\u00a0b", "x" * 3000 + "!"])
    def test_a_node_name_is_an_identifier(self, name):
        text = refused("Invalid node name", [make(name)])
        assert "valid Python identifiers" in text
        assert name[:100] in text or repr(name)[1:-1] in text

    @pytest.mark.parametrize("name", ["class", "None", "lambda"])
    def test_keywords_are_refused_as_node_names(self, name):
        assert "keyword" in refused("Invalid node name", [make(name)])

    def test_end_is_reserved(self):
        assert "reserved" in refused("Invalid node name", [make("END")])

    @pytest.mark.parametrize("name", ["_private", "__dunder__", "αβγ", "n" * 1000])
    def test_other_identifiers_are_fine(self, name):
        assert name in Graph([make(name)]).nodes

    @pytest.mark.parametrize(
        ("output", "said"), [("my-out", "identifiers"), ("class", "keyword"), ("", "identifiers"), ("_hidden", "reserved for internal use")]
    )
    def test_output_and_emit_names_too(self, output, said):
        assert said in refused("Invalid output name", [make("a", out=output)])
        assert said in refused("Invalid output name", [make("a", out="y", emit=output)])

    def test_nested_graphs_may_have_hyphens_and_the_name_of_an_output(self):
        inner = Graph([make("f")], name="inner")
        assert set(Graph([inner.as_node(name="my-inner", namespaced=True), make("g", "z", "w")]).nodes) == {"my-inner", "g"}
        assert Graph([inner.as_node(name="y")]).outputs == ("y",)

    @pytest.mark.parametrize(
        "nodes", [[make("process"), make("process", out="z")], [Graph([make("f")], name="process").as_node(), make("process", out="z")]]
    )
    def test_two_nodes_of_one_name(self, nodes):
        refused("Duplicate node name: 'process'", nodes)

    @pytest.mark.parametrize("mark", [".", "/"])
    def test_a_graph_name_without_dividers(self, mark):
        text = refused("Invalid graph name", [make("a")], name=f"my{mark}graph")
        assert f"cannot contain {mark!r}" in text
        with pytest.raises(GraphConfigError, match="Invalid graph name"):
            Graph([make("a")]).with_name(f"my{mark}graph")

    def test_a_graph_name_may_have_hyphens(self):
        assert Graph([make("a")], name="my-graph").with_name("your-graph").name == "your-graph"

    @pytest.mark.parametrize("thing", [len, "text", 5])
    def test_what_is_no_node(self, thing):
        refused("not a node", [thing])

    def test_a_graph_is_no_node_but_can_be_made_one(self):
        assert "as_node" in refused("not a node", [Graph([make("a")])])


class TestGatesAndWaits:
    def test_an_unknown_target(self):
        gate = route(targets=["wrok", END])(lambda x: END).with_name("gate")
        assert "Did you mean 'work'" in refused("unknown node", [gate, make("work")])

    def test_a_gate_that_targets_itself(self):
        refused("cannot target itself", [route(targets=["gate"])(lambda x: "gate").with_name("gate"), make("a")])

    def test_a_gate_may_target_a_gate_and_nothing_else(self):
        first = ifelse(when_true="second", when_false=END)(lambda x: True).with_name("first")
        second = route(targets=[END])(lambda y: END).with_name("second")
        assert Graph([first, second]).inputs.required == ("x", "y")

    def test_an_unknown_awaited_name(self):
        refused("wait_for='nonexistent'", [make("a", wait_for="nonexistent")])
        text = refused("wait_for='don_signal'", [make("a", out="y", emit="done_signal"), make("b", out="z", wait_for="don_signal")])
        assert "Did you mean 'done_signal'" in text

    def test_a_node_cannot_wait_for_its_own_output(self):
        refused("wait_for='y'", [make("a", out="y", wait_for="y")])

    def test_an_interrupt_inside_a_mapped_graph(self):
        @interrupt("decision")
        def approve(draft): ...

        inner = Graph([approve], name="inner")
        with pytest.raises(GraphConfigError, match=r"InterruptNode\(s\).*incompatible with map execution"):
            Graph([inner.as_node().map_over("draft")])


class Typed:
    def __init__(self, *hints: Any) -> None:
        first, second = hints

        def produce(x):
            return x

        def consume(value):
            return value

        if first is not ...:
            produce.__annotations__["return"] = first
        if second is not ...:
            consume.__annotations__["value"] = second
        self.nodes: list[HyperNode] = [node(output_name="value")(produce), node(output_name="end")(consume)]


class TestTypes:
    @pytest.mark.parametrize("hints", [(int, int), (bool, int), (list[str], list), (int, int | None), (int, Any)])
    def test_fitting_types_pass(self, hints):
        assert Graph(Typed(*hints).nodes, strict_types=True).strict_types

    def test_a_mismatch_names_both_ends_their_types_and_the_parameter(self):
        text = refused("Type mismatch", Typed(list[str], int).nodes, strict_types=True)
        for word in ("'produce'", "'consume'", "'value'", "list[str]", "int"):
            assert word in text

    @pytest.mark.parametrize(("hints", "who"), [((..., int), "produce"), ((int, ...), "consume")])
    def test_a_missing_annotation_is_named(self, hints, who):
        assert f"{who!r}" in refused("Missing type annotation", Typed(*hints).nodes, strict_types=True)

    def test_without_the_option_nothing_is_checked(self):
        assert Graph(Typed(str, int).nodes).strict_types is False

    def test_inputs_need_no_annotation(self):
        assert Graph([make("a")], strict_types=True).inputs.required == ("x",)

    def test_types_inside_nested_and_mapped_graphs_count(self):
        inner = Graph(Typed(int, int).nodes[:1], name="inner")
        after = Typed(int, int).nodes[1]
        assert Graph([inner.as_node(), after], strict_types=True)
        with pytest.raises(GraphConfigError, match="Type mismatch"):
            Graph([inner.as_node().map_over("x"), after], strict_types=True)

    def test_none_of_an_interrupt_means_ask_and_reaches_nobody(self):
        @interrupt("value")
        def approve(x) -> str | None: ...

        assert Graph([approve, Typed(..., str).nodes[1]], strict_types=True)
        with pytest.raises(GraphConfigError, match="Type mismatch"):
            Graph([approve, Typed(..., int).nodes[1]], strict_types=True)

    def test_added_nodes_are_checked_too(self):
        producer, consumer = Typed(str, int).nodes
        with pytest.raises(GraphConfigError, match="Type mismatch"):
            Graph([producer], strict_types=True).add_nodes(consumer)
