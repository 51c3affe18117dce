"""Edges from names: inferred, explicit, control, ordering and shared ones, and what a whole graph says about itself."""

from __future__ import annotations

import copy
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hypergraph import END, Graph, GraphConfigError, ifelse, interrupt, node, route
from hypergraph.graph._components import cyclic_nodes, strong_components


@node(output_name="embedding")
def embed(text: str) -> list[float]:
    return [float(len(text))]


@node(output_name="docs")
def retrieve(embedding: list[float], top_k: int = 3) -> list[str]:
    return ["doc"] * top_k


@node(output_name="answer")
def generate(docs: list[str], query: str) -> str:
    return f"{query}: {docs}"


def edges_of(graph):
    return {(edge.source, edge.target, edge.kind, edge.names) for edge in graph.all_edges()}


class TestInference:
    def test_an_output_feeds_every_input_of_its_name(self):
        graph = Graph([embed, retrieve, generate])
        assert edges_of(graph) == {("embed", "retrieve", "data", ("embedding",)), ("retrieve", "generate", "data", ("docs",))}

    def test_several_values_between_two_nodes_are_one_edge(self):
        @node(output_name=("left", "right"))
        def split(x): ...

        @node(output_name="sum")
        def add(left, right): ...

        assert edges_of(Graph([split, add])) == {("split", "add", "data", ("left", "right"))}

    def test_a_gate_has_a_control_edge_to_each_target_and_none_to_end(self):
        @node(output_name="y")
        def work(x): ...

        @route(targets=["work", END])
        def decide(x): ...

        assert edges_of(Graph([decide, work])) == {("decide", "work", "control", ())}

    def test_wait_for_gives_an_ordering_edge_with_the_awaited_name(self):
        @node(output_name="a", emit="done")
        def first(x): ...

        @node(output_name="b", wait_for="done")
        def second(x): ...

        assert edges_of(Graph([first, second])) == {("first", "second", "ordering", ("done",))}

    def test_a_data_edge_absorbs_the_ordering_edge_of_the_same_pair(self):
        @node(output_name="a", emit="done")
        def first(x): ...

        @node(output_name="b", wait_for="done")
        def second(a): ...

        assert edges_of(Graph([first, second])) == {("first", "second", "data", ("a",))}

    def test_an_emit_never_feeds_an_input(self):
        @node(output_name="a", emit="done")
        def first(x): ...

        @node(output_name="b")
        def second(done): ...

        graph = Graph([first, second])
        assert edges_of(graph) == set()
        assert graph.inputs.required == ("x", "done")

    def test_an_empty_graph_is_legal(self):
        graph = Graph([])
        assert (graph.nodes, graph.outputs, graph.leaf_outputs, graph.inputs.all) == ({}, (), (), ())


class TestExplicitEdges:
    def test_two_ends_take_the_names_they_share(self):
        graph = Graph([embed, retrieve, generate], edges=[("embed", "retrieve"), (retrieve, generate)])
        assert edges_of(graph) == edges_of(Graph([embed, retrieve, generate]))

    @pytest.mark.parametrize("names", ["docs", ["docs"]])
    def test_values_may_be_named(self, names):
        graph = Graph([retrieve, generate], edges=[("retrieve", "generate", names)])
        assert edges_of(graph) == {("retrieve", "generate", "data", ("docs",))}

    def test_without_a_shared_name_an_edge_only_orders(self):
        graph = Graph([embed, generate], edges=[(embed, generate)])
        assert edges_of(graph) == {("embed", "generate", "ordering", ())}

    def test_nothing_is_inferred_beside_them(self):
        graph = Graph([embed, retrieve, generate], edges=[(embed, retrieve)])
        assert graph.inputs.required == ("text", "docs", "query")

    def test_control_and_wait_for_edges_remain(self):
        @node(output_name="a", emit="done")
        def work(x): ...

        @node(output_name="b", wait_for="done")
        def after(x): ...

        @ifelse(when_true="work", when_false="after")
        def decide(x): ...

        graph = Graph([decide, work, after], edges=[])
        assert {edge[2] for edge in edges_of(graph)} == {"control", "ordering"}

    @pytest.mark.parametrize(
        ("edge", "said"),
        [
            (("nobody", "generate"), "unknown source"),
            (("retrieve", "nobody"), "unknown target"),
            (("retrieve", "generate", "answer"), "not an output"),
            (("retrieve", "embed", "docs"), "not an input"),
            (("retrieve",), "2-tuple or 3-tuple"),
            ("retrieve", "2-tuple or 3-tuple"),
            (["retrieve", "generate"], "2-tuple or 3-tuple"),
            (("retrieve", "generate", 5), "must be a name or a list of names"),
        ],
    )
    def test_a_malformed_edge_says_what_is_wrong_and_how_to_fix_it(self, edge, said):
        with pytest.raises(GraphConfigError, match=said) as caught:
            Graph([embed, retrieve, generate], edges=[edge])
        assert "How to fix" in str(caught.value)


class TestShared:
    def make(self, **options):
        @node(output_name="messages")
        def ask(messages, query): ...

        @node(output_name="messages")
        def answer(messages): ...

        return Graph([ask, answer], shared=["messages"], **options)

    def test_shared_names_give_no_data_edge_and_order_comes_from_edges(self):
        graph = self.make(edges=[("ask", "answer")])
        assert edges_of(graph) == {("ask", "answer", "ordering", ())}

    def test_the_first_value_must_be_given(self):
        assert self.make(edges=[("ask", "answer")]).inputs.required == ("messages", "query")

    def test_a_named_shared_value_is_not_carried_by_an_edge(self):
        assert edges_of(self.make(edges=[("ask", "answer", "messages")])) == {("ask", "answer", "ordering", ())}

    def test_other_names_are_inferred_beside_explicit_edges(self):
        @node(output_name="log")
        def start(x): ...

        @node(output_name=("log", "y"))
        def middle(log, x): ...

        @node(output_name="z")
        def end(y, log): ...

        graph = Graph([start, middle, end], shared=["log"], edges=[("start", "middle")])
        assert edges_of(graph) == {("middle", "end", "data", ("y",)), ("start", "middle", "ordering", ())}

    def test_groups_without_an_edge_between_them_are_listed_with_the_way_to_join_them(self):
        with pytest.raises(GraphConfigError, match="unconnected groups") as caught:
            self.make()
        text = str(caught.value)
        assert "'ask'" in text
        assert "'answer'" in text
        assert "edges=[('ask', 'answer')]" in text

    def test_an_unknown_shared_name_is_refused(self):
        with pytest.raises(GraphConfigError, match="shared params"):
            Graph([embed], shared=["nothing"])

    def test_adding_nodes_keeps_the_state_and_the_edges(self):
        @node(output_name="z")
        def end(query): ...

        graph = self.make(edges=[("ask", "answer")]).add_nodes(end)
        assert graph.shared == {"messages"}
        assert set(graph.nodes) == {"ask", "answer", "end"}


class TestMembers:
    def test_nodes_are_the_objects_that_were_passed_in_a_fresh_dict(self):
        graph = Graph([embed, retrieve])
        assert graph.nodes["embed"] is embed
        graph.nodes.clear()
        assert len(graph.nodes) == 2

    def test_outputs_and_leaf_outputs(self):
        graph = Graph([embed, retrieve, generate])
        assert graph.outputs == ("embedding", "docs", "answer")
        assert graph.leaf_outputs == ("answer",)

    def test_what_kinds_of_nodes_are_inside(self):
        @interrupt("decision")
        def approve(draft): ...

        @node(output_name="draft")
        async def write(x): ...

        graph = Graph([write, approve], name="inner")
        assert graph.interrupt_nodes[0] is approve
        assert (graph.has_async_nodes, graph.has_interrupts, graph.has_gates, graph.has_cycles) == (True, True, False, False)
        outer = Graph([graph.as_node()])
        assert (outer.has_async_nodes, outer.has_interrupts, outer.interrupt_nodes) == (True, True, [])

    def test_networkx_edges_carry_their_kind_and_names(self):
        @node(output_name="y", emit="done")
        def work(x): ...

        @node(output_name="z", wait_for="done")
        def after(x): ...

        @route(targets=["work"])
        def decide(x): ...

        edges = Graph([decide, work, after]).nx_graph.edges
        assert edges["decide", "work"] == {"edge_type": "control", "value_names": []}
        assert edges["work", "after"] == {"edge_type": "ordering", "value_names": ["done"]}

    def test_the_flat_view_opens_nested_graphs(self):
        inner = Graph([embed, retrieve], name="inner")
        flat = Graph([inner.as_node(), generate]).to_flat_graph()
        assert set(flat.nodes) == {"inner", "inner/embed", "inner/retrieve", "generate"}
        assert flat.nodes["inner/embed"]["parent"] == "inner"
        assert flat.has_edge("inner/embed", "inner/retrieve")

    def test_who_produces_what_for_whom(self):
        graph = Graph([embed, retrieve, generate])
        assert graph.input_data_producers["generate"] == {"docs": frozenset({"retrieve"})}
        assert graph.self_producers["docs"] == {"retrieve"}

    def test_the_repr_names_the_graph_and_its_size(self):
        assert repr(Graph([embed, retrieve], name="pipeline")) == "Graph: pipeline | 2 nodes | 1 edge | no cycles"
        assert repr(Graph([embed])).startswith("Graph: unnamed | 1 node |")

    def test_a_graph_cannot_be_changed(self):
        graph = Graph([embed])
        with pytest.raises(AttributeError, match="immutable"):
            graph.name = "other"
        with pytest.raises(AttributeError, match="immutable"):
            del graph.anything

    def test_a_copy_works_as_the_original_does(self):
        graph = Graph([embed, retrieve], name="pipeline").bind(top_k=5)
        graph.inputs  # fills what is remembered
        for same in (copy.copy(graph), copy.deepcopy(graph)):
            assert same.inputs == graph.inputs
            assert same.definition_hash == graph.definition_hash

    def test_building_a_graph_does_not_load_networkx(self):
        code = (
            "import sys; from hypergraph import Graph, node\n"
            "g = Graph([node(output_name='y')(lambda x: x).with_name('f')])\n"
            "g.inputs, g.scope, g.describe(), g.structural_hash\n"
            "assert not {'networkx', 'asyncio', 'daft', 'rich'} & set(sys.modules)"
        )
        subprocess.run([sys.executable, "-c", code], check=True, timeout=60)


class TestHashes:
    def test_the_definition_hash_is_remembered(self):
        graph = Graph([embed, retrieve])
        assert graph.definition_hash is graph.definition_hash
        assert len(graph.definition_hash) == 64

    def test_bindings_change_no_hash(self):
        graph = Graph([embed, retrieve])
        bound = graph.bind(top_k=7)
        assert bound.definition_hash == graph.definition_hash
        assert bound.structural_hash == graph.structural_hash

    def test_entry_points_and_bodies_leave_the_structure_as_it_is(self):
        def make(body):
            return Graph([embed, node(output_name="docs")(body).with_name("retrieve")])

        one, other = make(lambda embedding: embedding), make(lambda embedding: [embedding])
        assert one.structural_hash == other.structural_hash == one.with_entrypoint("retrieve").structural_hash
        assert one.code_hash != other.code_hash
        assert one.definition_hash != other.definition_hash

    def test_a_renamed_node_a_new_port_and_another_wiring_change_the_structure(self):
        graph = Graph([embed, retrieve])
        variants = [
            Graph([embed.with_name("encode"), retrieve]),
            Graph([embed, retrieve.with_inputs(top_k="limit")]),
            Graph([embed, retrieve.with_outputs(docs="pages")]),
            Graph([embed, retrieve], edges=[]),
            Graph([embed]),
        ]
        hashes = {variant.structural_hash for variant in variants}
        assert len(hashes) == len(variants)
        assert graph.structural_hash not in hashes

    def test_the_structure_covers_gates(self):
        def make(*targets):
            return Graph([route(targets=list(targets))(lambda x: None).with_name("gate"), embed, retrieve.with_inputs(embedding="e")])

        hashes = {make("embed").structural_hash, make("embed", END).structural_hash, make("embed", "retrieve").structural_hash}
        assert len(hashes) == 3

    def test_both_hashes_cover_nested_graphs(self):
        def make(body):
            return Graph([Graph([node(output_name="y")(body).with_name("f")], name="inner").as_node(), embed])

        one, other, third = make(lambda x: x), make(lambda x: [x]), make(lambda z: z)
        assert one.structural_hash == other.structural_hash
        assert one.code_hash != other.code_hash
        assert one.structural_hash != third.structural_hash

    def test_sources_give_hash_and_text_of_each_function(self):
        graph = Graph([Graph([embed], name="inner").as_node(), generate.with_inputs(docs="embedding")])
        assert set(graph.sources) == {"inner/embed", "generate"}
        digest, text = graph.sources["inner/embed"]
        assert digest == embed.definition_hash
        assert "def embed" in text


@st.composite
def layered_graphs(draw):
    """Functions that read outputs of earlier ones, some waiting for others, some behind gates."""
    count = draw(st.integers(1, 9))
    made = []
    for number in range(count):
        reads = draw(st.lists(st.integers(0, number - 1), max_size=3, unique=True)) if number else []
        waits = draw(st.lists(st.integers(0, number - 1), max_size=1)) if number else []
        names = [f"v{one}" for one in reads] + ([f"x{number}"] if not reads or draw(st.booleans()) else [])
        func = eval(f"lambda {', '.join(names)}: 0")
        wait_for = tuple(f"e{one}" for one in waits)
        made.append(node(output_name=f"v{number}", emit=f"e{number}", wait_for=wait_for or None)(func).with_name(f"n{number}"))
    targets = draw(st.lists(st.integers(0, count - 1), max_size=2, unique=True))
    if targets:
        made.append(route(targets=[f"n{one}" for one in targets] + [END])(lambda q: END).with_name("gate"))
    return made


class TestLaws:
    @given(layered_graphs(), st.randoms(use_true_random=False))
    def test_the_order_of_nodes_changes_neither_edges_nor_scope_nor_hashes(self, nodes, random):
        shuffled = nodes[:]
        random.shuffle(shuffled)
        one, other = Graph(nodes), Graph(shuffled)
        assert edges_of(one) == edges_of(other)
        assert set(one.inputs.required) == set(other.inputs.required)
        assert set(one.scope.outputs) == set(other.scope.outputs)
        assert one.scope.producers == other.scope.producers
        assert one.definition_hash == other.definition_hash
        assert one.structural_hash == other.structural_hash
        assert one.code_hash == other.code_hash

    @given(layered_graphs())
    def test_a_parameter_is_an_input_or_fed_never_both_in_a_graph_without_cycles(self, nodes):
        graph = Graph(nodes)
        fed = {name for consumer in graph.input_data_producers.values() for name in consumer}
        assert fed.isdisjoint(graph.inputs.all)
        assert fed | set(graph.inputs.all) == {name for one in nodes for name in one.inputs}

    @given(st.integers(1, 12).flatmap(lambda n: st.tuples(st.just(n), st.lists(st.tuples(st.integers(0, n - 1), st.integers(0, n - 1))))))
    def test_components_agree_with_networkx_and_come_in_order(self, made):
        import networkx as nx

        count, pairs = made
        following = [[] for _ in range(count)]
        for source, target in pairs:
            following[source].append(target)
        components = strong_components(count, following)
        reference = nx.DiGraph(pairs)
        reference.add_nodes_from(range(count))
        assert {frozenset(one) for one in components} == {frozenset(one) for one in nx.strongly_connected_components(reference)}
        place = {one: number for number, members in enumerate(components) for one in members}
        assert all(place[source] <= place[target] for source, target in pairs)
        loops = {frozenset(one) for one in components if len(one) > 1} | {
            frozenset([s]) for s, t in pairs if s == t and len(components[place[s]]) == 1
        }
        assert {frozenset(one) for one in cyclic_nodes(count, following)} == loops


def calls_while(action):
    """Count the Python and C calls that `action` makes."""
    count = 0

    def watch(frame, event, argument):
        nonlocal count
        if event in ("call", "c_call"):
            count += 1

    before = sys.getprofile()
    sys.setprofile(watch)
    try:
        action()
    finally:
        sys.setprofile(before)
    return count


def chain(count):
    return [node(output_name=f"v{n + 1}")(eval(f"lambda v{n}: v{n}")).with_name(f"n{n}") for n in range(count)]


def diamonds(count):
    """A row of gates, each choosing one of two branches that write one name."""
    made = []
    for n in range(count):
        made.append(ifelse(when_true=f"a{n}", when_false=f"b{n}")(eval(f"lambda v{n}: True")).with_name(f"g{n}"))
        for branch in "ab":
            made.append(node(output_name=f"{branch}w{n}")(eval(f"lambda v{n}: 0")).with_name(f"{branch}{n}"))
            made.append(node(output_name=f"v{n + 1}")(eval(f"lambda {branch}w{n}: 0")).with_name(f"{branch}{branch}{n}"))
    return made


def fan(count):
    middle = [node(output_name=f"v{n}")(lambda x=1: x).with_name(f"n{n}") for n in range(count)]
    return [*middle, node(output_name="sum")(eval(f"lambda {', '.join(f'v{n}' for n in range(count))}: 0")).with_name("join")]


@pytest.mark.parametrize("make", [chain, fan, diamonds])
def test_building_takes_the_same_number_of_calls_per_node_at_any_size(make):
    def cost(count):
        nodes = make(count)

        def build():
            graph = Graph(nodes)
            graph.inputs, graph.scope, graph.describe(show_types=False)

        return calls_while(build) / len(nodes)

    cost(3)
    small, large = cost(40), cost(160)
    assert large < small * 1.3
