"""Several producers of one name: when that is refused, and whom a reader is wired to when it is not."""

from __future__ import annotations

import pytest

from hypergraph import END, Graph, GraphConfigError, ifelse, node, route


def make(name, *inputs, out=None, emit=None, wait_for=None, defaults=0):
    """A node whose function has these inputs, the last `defaults` of them with a default."""
    split = len(inputs) - defaults
    signature = ", ".join([*inputs[:split], *(f"{one}=None" for one in inputs[split:])])
    return node(output_name=out, emit=emit, wait_for=wait_for)(eval(f"lambda {signature}: 0")).with_name(name)


def choose(name, *targets, reads="flag", multi=False):
    return route(targets=list(targets), multi_target=multi)(eval(f"lambda {reads}: None")).with_name(name)


def producers(graph, consumer, param):
    return set(graph.input_data_producers[consumer].get(param, ()))


class TestUnproved:
    def test_two_unordered_producers_are_refused_with_the_ways_out(self):
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'result'") as caught:
            Graph([make("a", "x", out="result"), make("b", "x", out="result")])
        text = str(caught.value)
        for word in ("'a'", "'b'", "emit", "wait_for", "@ifelse", "another output name", "How to fix"):
            assert word in text

    def test_emits_count_as_names_too(self):
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'done'"):
            Graph([make("a", "x", out="y", emit="done"), make("b", "x", out="z", emit="done")])

    def test_unordered_producers_are_refused_under_explicit_edges(self):
        nodes = [make("a", "x", out="r"), make("b", "x", out="r"), make("c", "r", out="z")]
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'r'"):
            Graph(nodes, edges=[("a", "c"), ("b", "c")])

    def test_the_contested_value_itself_orders_nothing(self):
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'r'"):
            Graph([make("a", "x", out="r"), make("b", "r", out="r")], entrypoint="b")

    def test_the_same_nested_graph_twice_needs_other_names(self):
        inner = Graph([make("f", "x", out="r")], name="inner")
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'r'"):
            Graph([inner.as_node(name="one"), inner.as_node(name="two")])


class TestExclusiveBranches:
    def test_targets_of_one_gate_may_share_an_output_and_both_are_read(self):
        gate = ifelse(when_true="a", when_false="b")(lambda flag: True).with_name("gate")
        graph = Graph([gate, make("a", "x", out="r"), make("b", "x", out="r"), make("c", "r", out="z")])
        assert producers(graph, "c", "r") == {"a", "b"}

    def test_exclusion_reaches_on_behind_the_targets(self):
        nodes = [
            choose("gate", "a", "b"),
            make("a", "x", out="p"),
            make("a2", "p", out="r"),
            make("b", "x", out="q"),
            make("b2", "q", out="r"),
            make("c", "r", out="z"),
        ]
        assert producers(Graph(nodes), "c", "r") == {"a2", "b2"}

    def test_a_node_fed_by_both_branches_is_on_none(self):
        nodes = [
            choose("gate", "a", "b"),
            make("a", "x", out="p"),
            make("b", "x", out="q"),
            make("join", "p", "q", out="r"),
            make("b2", "q", out="r"),
        ]
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'r'"):
            Graph(nodes)

    def test_two_nodes_of_one_branch_are_not_exclusive(self):
        nodes = [
            choose("gate", "a", "b"),
            make("a", "x", out="p"),
            make("a1", "p", out="r"),
            make("a2", "p", out="r"),
            make("b", "x", out="q"),
        ]
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'r'"):
            Graph(nodes)

    def test_a_gate_that_chooses_several_excludes_nothing(self):
        nodes = [choose("gate", "a", "b", multi=True), make("a", "x", out="r"), make("b", "x", out="r")]
        with pytest.raises(GraphConfigError, match=r"Multiple nodes produce 'r'.*multi_target"):
            Graph(nodes)

    def test_exclusion_reaches_through_further_gates(self):
        nodes = [
            choose("gate", "inner_gate", "b"),
            choose("inner_gate", "a", "c", reads="kind"),
            make("a", "x", out="r"),
            make("b", "x", out="r"),
            make("c", "x", out="r"),
        ]
        assert Graph(nodes).outputs == ("r",)

    def test_a_target_of_both_gates_can_follow_the_other_branch(self):
        nodes = [
            choose("gate", "a", "b"),
            make("a", "x", out=("r", "score")),
            choose("again", "b", END, reads="score"),
            make("b", "x", out="r"),
        ]
        graph = Graph(nodes)  # a goes before b, through `again`
        assert graph.outputs == ("r", "score")

    def test_nested_graphs_count_as_their_branch(self):
        one = Graph([make("f", "x", out="r")], name="one")
        two = Graph([make("g", "x", out="r")], name="two")
        reader = Graph([make("h", "r", out="z")], name="reader")
        graph = Graph([choose("gate", "one", "two"), one.as_node(), two.as_node(), reader.as_node()])
        assert producers(graph, "reader", "r") == {"one", "two"}

    def test_exclusive_producers_inside_a_nested_graph_feed_a_reader_outside(self):
        inner = Graph([choose("gate", "a", "b"), make("a", "x", out="r"), make("b", "x", out="r")], name="inner").select("r")
        graph = Graph([inner.as_node(), make("c", "r", out="z")])
        assert producers(graph, "c", "r") == {"inner"}

    def test_branches_in_a_loop_may_read_and_write_one_value(self):
        nodes = [choose("gate", "double", "add", END, reads="x"), make("double", "x", out="x"), make("add", "x", out="x")]
        graph = Graph(nodes, entrypoint="double")
        assert producers(graph, "gate", "x") == {"double", "add"}
        assert graph.inputs.required == ("x",)


class TestSequence:
    def test_the_later_of_two_ordered_producers_is_read(self):
        nodes = [make("a", "x", out="r", emit="ready"), make("b", "x", out="r", wait_for="ready"), make("c", "r", out="z")]
        graph = Graph(nodes)
        assert producers(graph, "c", "r") == {"b"}
        assert not graph.nx_graph.has_edge("a", "c")

    def test_waiting_for_the_contested_name_orders_too(self):
        graph = Graph([make("a", "x", out="r"), make("b", "x", out="r", wait_for="r"), make("c", "r", out="z")])
        assert producers(graph, "c", "r") == {"b"}
        assert not graph.has_cycles

    def test_another_value_between_them_orders_too(self):
        graph = Graph([make("a", "x", out=("r", "y")), make("b", "y", out="r"), make("c", "r", out="z")])
        assert producers(graph, "c", "r") == {"b"}

    def test_a_reader_between_two_producers_sees_the_first_one_and_makes_no_cycle(self):
        nodes = [
            make("a", "x", out="r", emit="one"),
            make("between", "r", out="z", emit="two", wait_for="one"),
            make("b", "x", out="r", wait_for="two"),
            make("last", "r", out="w"),
        ]
        graph = Graph(nodes)
        assert producers(graph, "between", "r") == {"a"}
        assert producers(graph, "last", "r") == {"b"}
        assert not graph.has_cycles

    def test_a_later_producer_that_may_not_run_hides_nothing(self):
        nodes = [
            make("a", "x", out=("r", "flag")),
            choose("gate", "b", END),
            make("b", "y", out="r"),
            make("c", "r", out="z"),
        ]
        assert producers(Graph(nodes), "c", "r") == {"a", "b"}

    def test_exclusive_branches_may_both_follow_a_third_producer(self):
        nodes = [
            make("third", "x", out="r", emit="ready"),
            choose("gate", "a", "b"),
            make("a", "x", out="r", wait_for="ready"),
            make("b", "x", out="r", wait_for="ready"),
            make("c", "r", out="z"),
        ]
        assert {"a", "b"} <= producers(Graph(nodes), "c", "r")
        nodes[2:4] = [make("a", "x", out="r", wait_for="r"), make("b", "x", out="r", wait_for="r")]
        graph = Graph(nodes)
        assert {"a", "b"} <= producers(graph, "c", "r")
        assert not graph.has_cycles

    def test_explicit_edges_order_beside_shared_state(self):
        nodes = [make("a", "m", out=("m", "r")), make("b", "m", out=("m", "r")), make("c", "r", out="z")]
        graph = Graph(nodes, shared=["m"], edges=[("a", "b")])
        assert producers(graph, "c", "r") == {"b"}

    def test_producers_that_wait_for_each_other_leave_nothing_to_read(self):
        nodes = [
            make("a", "x", out="r", emit="a_done", wait_for="b_done"),
            make("b", "x", out="r", emit="b_done", wait_for="a_done"),
            make("c", "r", out="z"),
        ]
        for options in ({}, {"entrypoint": "a"}):
            with pytest.raises(GraphConfigError, match="competing producers") as caught:
                Graph(nodes, **options)
            assert "How to fix" in str(caught.value)


class TestLoops:
    def chat(self, **options):
        nodes = [
            make("add_query", "messages", "query", out="messages", emit="asked"),
            make("generate", "messages", out="response", wait_for="asked"),
            make("add_response", "messages", "response", out="messages"),
            choose("again", "add_query", END, reads="messages"),
        ]
        return Graph(nodes, **options)

    def test_each_reader_in_a_round_sees_the_producer_before_it(self):
        graph = self.chat(entrypoint="add_query")
        assert producers(graph, "add_query", "messages") == {"add_response"}
        assert producers(graph, "generate", "messages") == {"add_query"}
        assert producers(graph, "add_response", "messages") == {"add_query"}

    def test_the_first_value_of_the_loop_is_an_input(self):
        assert self.chat(entrypoint="add_query").inputs.required == ("messages", "query")

    def test_two_writers_in_turn_need_only_their_order(self):
        nodes = [make("ask", "m", out="m", emit="asked"), make("answer", "m", out="m", wait_for="asked")]
        graph = Graph(nodes, entrypoint="ask")
        assert producers(graph, "ask", "m") == {"answer"}
        assert producers(graph, "answer", "m") == {"ask"}

    def test_a_value_made_before_the_loop_and_one_made_in_it_are_both_read(self):
        nodes = [
            make("start", "q", out=("x", "limit")),
            make("step", "x", "limit", out="x"),
            choose("again", "step", END, reads="x"),
            make("finish", "x", out="z"),
        ]
        graph = Graph(nodes, entrypoint="start")
        assert producers(graph, "step", "x") == {"start", "step"}
        assert {"step"} <= producers(graph, "finish", "x")
        assert graph.inputs.required == ("q",)

    def test_explicit_edges_decide_who_is_read_in_a_cycle(self):
        nodes = [
            make("enter", "x", out="y"),
            choose("gate", "path_a", "path_b", reads="y"),
            make("path_a", "y", out="r"),
            make("path_b", "y", out="r"),
            make("reader", "r", out="x"),
        ]
        edges = [("enter", "gate"), ("enter", "path_a"), ("enter", "path_b"), ("path_a", "reader"), ("reader", "enter")]
        graph = Graph(nodes, edges=edges, entrypoint="enter")
        assert producers(graph, "reader", "r") == {"path_a"}

    def test_explicit_edges_may_repeat_an_output_along_a_cycle(self):
        nodes = [make("a", "x", out="x"), make("b", "x", out="x")]
        graph = Graph(nodes, edges=[("a", "b"), ("b", "a")], entrypoint="a")
        assert producers(graph, "a", "x") == {"b"}
        assert graph.inputs.required == ("x",)

    def test_parallel_writers_of_one_round_are_refused(self):
        nodes = [
            make("enter", "x", out="y"),
            make("a", "y", out="x"),
            make("b", "y", out="x"),
            choose("gate", "enter", END, reads="x"),
        ]
        with pytest.raises(GraphConfigError, match="Multiple nodes produce 'x'"):
            Graph(nodes, entrypoint="enter")
