"""Entry points, selections and cycles: what is in play, and what the plan gets to see of it."""

from __future__ import annotations

import pytest

from hypergraph import END, Graph, GraphConfigError, interrupt, node, route


def make(name, *inputs, out=None, emit=None, wait_for=None, defaults=0):
    split = len(inputs) - defaults
    signature = ", ".join([*inputs[:split], *(f"{one}=None" for one in inputs[split:])])
    return node(output_name=out, emit=emit, wait_for=wait_for)(eval(f"lambda {signature}: 0")).with_name(name)


def choose(name, *targets, reads="flag"):
    return route(targets=list(targets))(eval(f"lambda {reads}: None")).with_name(name)


def active(graph):
    return [one.name for one in graph.scope.nodes]


@pytest.fixture
def line():
    return Graph([make("a", "x", out="p"), make("b", "p", "k", out="q"), make("c", "q", out="r"), make("other", "x", out="s")])


class TestEntryPoints:
    def test_what_is_upstream_is_out_and_its_outputs_become_inputs(self, line):
        graph = line.with_entrypoint("b")
        assert active(graph) == ["b", "c"]
        assert graph.inputs.required == ("p", "k")
        assert graph.scope.entrypoints == ("b",)

    def test_several_add_up_and_a_redundant_one_is_accepted(self, line):
        graph = line.with_entrypoint("b").with_entrypoint("c")
        assert graph.entrypoints_config == ("b", "c")
        assert active(graph) == ["b", "c"]
        assert graph.inputs.required == ("p", "k")

    def test_parameters_of_unreached_siblings_become_inputs(self):
        nodes = [
            make("retrieve", "query", out="docs"),
            make("settings", "level", out="style", defaults=1),
            make("write", "docs", "style", out="z"),
        ]
        graph = Graph(nodes).with_entrypoint("retrieve")
        assert active(graph) == ["retrieve", "write"]
        assert graph.inputs.required == ("query", "style")

    def test_a_node_and_a_list_are_accepted_at_construction(self):
        first, second = make("a", "x", out="p"), make("b", "p", out="q")
        assert Graph([first, second], entrypoint=second).entrypoints_config == ("b",)
        assert Graph([first, second], entrypoint=["a", second]).entrypoints_config == ("a", "b")

    def test_adding_nodes_drops_them(self, line):
        assert line.with_entrypoint("b").add_nodes(make("d", "r", out="t")).entrypoints_config is None

    @pytest.mark.parametrize(
        ("entry", "said"),
        [
            ("nobody", "Unknown entry point"),
            ("gate", "gate"),
            (5, "entrypoint must be a node name"),
            ([], "entrypoint cannot be empty"),
            ((), "entrypoint cannot be empty"),
        ],
    )
    def test_what_is_no_entry_point_is_refused(self, entry, said):
        with pytest.raises(GraphConfigError, match=said) as caught:
            Graph([choose("gate", "a"), make("a", "x", out="p")], entrypoint=entry)
        assert "How to fix" in str(caught.value)

    def test_a_gate_upstream_of_the_entry_point_is_out(self):
        graph = Graph([choose("gate", "a", "b"), make("a", "x", out="p"), make("b", "p", out="q")]).with_entrypoint("b")
        assert active(graph) == ["b"]
        assert graph.scope.gates_of == {}


class TestCycles:
    def loop(self):
        return [make("a", "z", "q", out="x"), make("b", "x", out="y"), make("c", "y", out="z")]

    def test_a_cycle_needs_an_entry_point_and_the_message_shows_it(self):
        with pytest.raises(GraphConfigError, match="Cyclic graphs require an explicit entrypoint") as caught:
            Graph(self.loop())
        text = str(caught.value)
        assert "a -> b -> c -> a" in text
        assert "entrypoint='a'" in text

    def test_only_the_entry_nodes_own_cycle_parameters_are_asked_for(self):
        assert Graph(self.loop(), entrypoint="a").inputs.required == ("z", "q")
        assert Graph(self.loop(), entrypoint="b").inputs.required == ("q", "x")

    def test_a_loop_closed_by_a_gate_is_a_cycle(self):
        nodes = [make("step", "x", out="y"), choose("again", "step", END, reads="y")]
        with pytest.raises(GraphConfigError, match="explicit entrypoint"):
            Graph(nodes)
        graph = Graph(nodes, entrypoint="step")
        assert graph.has_cycles
        assert graph.inputs.required == ("x",)

    def test_a_loop_closed_by_waiting_is_a_cycle(self):
        nodes = [make("a", "x", out="y", wait_for="done"), make("b", "y", out="z", emit="done")]
        with pytest.raises(GraphConfigError, match="explicit entrypoint"):
            Graph(nodes)

    def test_a_node_that_reads_its_own_output_is_a_cycle(self):
        with pytest.raises(GraphConfigError, match="explicit entrypoint"):
            Graph([make("count", "x", out="x")])
        graph = Graph([make("count", "x", out="x")], entrypoint="count")
        assert graph.inputs.required == ("x",)
        assert [(edge.source, edge.target, edge.names) for edge in graph.scope.edges] == [("count", "count", ("x",))]

    def test_a_cycle_that_no_entry_point_reaches_is_out(self):
        nodes = [*self.loop(), make("d", "m", out="n"), make("e", "n", out="m")]
        graph = Graph(nodes, entrypoint="a")
        assert active(graph) == ["a", "b", "c"]
        assert graph.inputs.required == ("z", "q")
        assert active(Graph(nodes, entrypoint=["a", "d"])) == ["a", "b", "c", "d", "e"]

    def test_an_input_less_entry_point_asks_for_nothing(self):
        nodes = [make("start", out="x"), make("step", "x", out="y"), make("back", "y", out="x2"), choose("again", "start", END, reads="x2")]
        graph = Graph(nodes, edges=[("start", "step"), ("step", "back"), ("back", "again")], entrypoint="start")
        assert graph.inputs.required == ()

    def test_a_default_makes_a_cycles_first_value_optional(self):
        graph = Graph([make("a", "z", out="x", defaults=1), make("b", "x", out="z")], entrypoint="a")
        assert (graph.inputs.required, graph.inputs.optional) == ((), ("z",))

    def test_what_an_interrupt_brings_is_no_input(self):
        @interrupt("query")
        def ask(answer): ...

        nodes = [ask, make("reply", "query", out="answer")]
        assert "query" not in Graph(nodes, entrypoint="ask").inputs.all
        assert "query" not in Graph(nodes, entrypoint="reply").inputs.all

    def test_a_nested_graph_that_gives_what_it_takes_makes_its_parent_cyclic(self):
        inner = Graph([make("step", "x", out="x")], entrypoint="step", name="inner")
        with pytest.raises(GraphConfigError, match="explicit entrypoint"):
            Graph([inner.as_node()])
        assert Graph([inner.as_node()], entrypoint="inner").inputs.required == ("x",)


class TestSelect:
    def test_only_what_is_needed_stays(self, line):
        graph = line.select("q")
        assert active(graph) == ["a", "b"]
        assert graph.scope.outputs == ("q",)
        assert graph.outputs == line.outputs
        assert graph.selected == ("q",)

    def test_a_second_selection_replaces_the_first(self, line):
        assert active(line.select("q").select("s")) == ["other"]

    @pytest.mark.parametrize(
        ("names", "said"), [(("zzz",), "not graph outputs"), (("q", "q"), "unique output names"), ((), "at least one")]
    )
    def test_wrong_selections_are_refused(self, line, names, said):
        with pytest.raises(ValueError, match=said) as caught:
            line.select(*names)
        assert "How to fix" in str(caught.value)

    def test_behind_a_gate_both_branches_keep_their_inputs(self):
        nodes = [choose("gate", "a", "b"), make("a", "in_a", out="left"), make("b", "in_b", out="right")]
        assert set(Graph(nodes).select("left").inputs.required) == {"flag", "in_a", "in_b"}
        nodes = [choose("gate", "a", "b"), make("a", "in_a", out="r"), make("b", "in_b", out="r")]
        assert set(Graph(nodes).select("r").inputs.required) == {"flag", "in_a", "in_b"}

    def test_it_is_what_a_parent_sees(self):
        inner = Graph([make("a", "x", out="p"), make("b", "y", out="q")], name="inner").select("p")
        outer = Graph([inner.as_node(), make("c", "q", out="z")])
        assert outer.outputs == ("p", "z")
        assert set(outer.inputs.required) == {"x", "q"}

    def test_it_goes_together_with_an_entry_point(self, line):
        graph = line.with_entrypoint("b").select("q")
        assert active(graph) == ["b"]
        assert graph.inputs.required == ("p", "k")


class TestScope:
    def test_it_names_who_feeds_orders_and_chooses_whom(self):
        nodes = [make("a", "x", out="p", emit="done"), choose("gate", "b", END, reads="p"), make("b", "y", out="q", wait_for="done")]
        scope = Graph(nodes).scope
        assert scope.producers == {("gate", "p"): ("a",)}
        assert scope.wait_producers == {("b", "done"): ("a",)}
        assert scope.gates_of == {"b": ("gate",)}
        assert scope.entrypoints == ()
        assert {edge.kind for edge in scope.edges} == {"data", "control", "ordering"}

    def test_awaited_names_of_nodes_that_are_out_are_left_out(self):
        graph = Graph([make("a", "x", out="p", emit="done"), make("b", "y", out="q", wait_for="done")]).with_entrypoint("b")
        assert graph.scope.wait_producers == {}

    def test_outputs_are_the_data_outputs_of_what_is_active(self):
        graph = Graph([make("a", "x", out="p", emit="done"), make("b", "p", out="q")])
        assert graph.scope.outputs == ("p", "q")

    def test_bindings_of_what_is_out_vanish_and_come_back(self, line):
        bound = line.bind(k=1, x=2)
        assert dict(bound.select("p").scope.bound) == {"x": 2}
        assert bound.select("p").inputs.bound == {"x": 2}
        assert bound.select("p").select("q").inputs.bound == {"x": 2, "k": 1}

    def test_bindings_inside_nested_graphs_are_marked(self):
        inner = Graph([make("f", "x", "k", out="y")], name="inner").bind(k=1)
        scope = Graph([inner.as_node()]).scope
        assert dict(scope.bound) == {"k": 1}
        assert scope.inner_bound == {"k"}
