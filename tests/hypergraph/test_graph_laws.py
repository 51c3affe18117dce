"""Laws for graphs whose nodes write the same names: what is accepted leaves nothing to chance."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hypergraph import END, Graph, GraphConfigError, SyncRunner, node, route

NAMES = ("p", "q", "r")


def traced(name, reads, writes, emit, wait_for):
    """A function node whose output is its name and what it was given."""
    made = eval(f"lambda {', '.join(reads)}: {(name,)!r} + ({''.join(one + ', ' for one in reads)})")
    return node(output_name=writes, emit=emit, wait_for=wait_for)(made).with_name(name)


@st.composite
def crowded_graphs(draw, gates=True):
    """A few nodes that read and write three names, some waiting for others, some behind gates with a fixed decision."""
    count = draw(st.integers(2, 6))
    nodes = []
    for number in range(count):
        reads = draw(st.lists(st.sampled_from((*NAMES, "x")), max_size=2, unique=True))
        writes = draw(st.sampled_from((*NAMES, f"own{number}")))
        waits = draw(st.lists(st.integers(0, number - 1), max_size=2, unique=True)) if number else []
        nodes.append(traced(f"n{number}", reads, writes, f"e{number}", tuple(f"e{one}" for one in waits) or None))
    for number in range(draw(st.integers(0, 2)) if gates else 0):
        targets = [f"n{one}" for one in draw(st.lists(st.integers(0, count - 1), min_size=1, max_size=3, unique=True))]
        chosen = draw(st.sampled_from([*targets, END]))
        reads = draw(st.sampled_from((*NAMES, "x")))
        nodes.append(
            route(targets=[*targets, END], default_open=False)(eval(f"lambda {reads}: chosen", {"chosen": chosen})).with_name(f"g{number}")
        )
    return nodes


def built(nodes, **options):
    try:
        return Graph(nodes, **options)
    except GraphConfigError:
        return None


def wired(graph):
    return None if graph is None else {(edge.source, edge.target, edge.kind, edge.names) for edge in graph.all_edges()}


@settings(max_examples=300, deadline=None)
@given(crowded_graphs(), st.randoms(use_true_random=False), st.integers(0, 5))
def test_the_order_of_nodes_decides_neither_what_is_accepted_nor_who_is_read(nodes, random, start):
    shuffled = nodes[:]
    random.shuffle(shuffled)
    for options in ({}, {"entrypoint": nodes[start % len(nodes)].name}):
        one, other = built(nodes, **options), built(shuffled, **options)
        assert wired(one) == wired(other)
        if one is not None and other is not None:
            assert one.scope.producers.keys() == other.scope.producers.keys()
            assert one.structural_hash == other.structural_hash
            assert set(one.inputs.required) == set(other.inputs.required)


@settings(max_examples=300, deadline=None)
@given(crowded_graphs(), st.randoms(use_true_random=False))
def test_an_accepted_graph_gives_the_same_values_in_any_order_of_its_nodes(nodes, random):
    graph = built(nodes)
    if graph is None:
        return
    shuffled = nodes[:]
    random.shuffle(shuffled)
    values = {name: ("given", name) for name in graph.inputs.required}
    runner = SyncRunner()
    assert runner.run(graph, values).values == runner.run(Graph(shuffled), values).values


@settings(max_examples=200, deadline=None)
@given(crowded_graphs(gates=False))
def test_without_gates_each_reader_has_exactly_one_producer(nodes):
    graph = built(nodes)
    if graph is not None:
        assert all(len(makers) == 1 for fed in graph.input_data_producers.values() for makers in fed.values())


@pytest.mark.parametrize("options", [{}, {"entrypoint": "n0"}])
def test_the_generator_makes_graphs_of_both_kinds(options):
    """The laws above would hold for nothing if every graph were refused."""
    accepted = [traced("n0", ["x"], "p", "e0", None), traced("n1", ["p"], "p2", "e1", None), traced("n2", ["x"], "p", "e2", ("e0", "e1"))]
    assert built(accepted, **options) is not None
    assert built([accepted[0], traced("n1", ["x"], "p", "e1", None)], **options) is None
