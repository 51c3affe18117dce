"""The text of a graph, to the letter."""

from __future__ import annotations

from dataclasses import dataclass

from hypergraph import Graph, node


@dataclass
class FilterCriteria:
    """A type of a user's own."""


@node(output_name="embedding")
def embed(text: str) -> list[float]:
    return []


@node(output_name="docs")
def retrieve(embedding: list[float], top_k: int = 3) -> list[str]:
    return []


@node(output_name="answer")
def generate(docs: list[str], query: str) -> str:
    return ""


def test_a_chain_reads_along_its_arrows():
    assert Graph([embed, retrieve, generate], name="rag").describe() == (
        "# rag\n"
        "  Inputs:\n"
        "    required: text (str), query (str)\n"
        "    optional: top_k (int)\n"
        "  Outputs: embedding (list[float]) → docs (list[str]) → answer (str)\n"
        "  Nodes: embed → retrieve → generate"
    )


def test_without_types_names_alone_remain():
    assert Graph([embed, retrieve]).describe(show_types=False) == (
        "# unnamed\n  Inputs:\n    required: text\n    optional: top_k\n  Outputs: embedding → docs\n  Nodes: embed → retrieve"
    )


def test_a_chain_is_written_in_its_own_order():
    assert "Nodes: embed → retrieve → generate" in Graph([generate, embed, retrieve]).describe()


def test_bound_names_have_a_line_of_their_own():
    assert Graph([embed, retrieve]).bind(top_k=9, text="hi").describe() == (
        "# unnamed\n  Inputs:\n    bound: text, top_k\n  Outputs: embedding (list[float]) → docs (list[str])\n  Nodes: embed → retrieve"
    )


def test_what_is_no_chain_has_commas():
    @node(output_name="other")
    def more(text: str, config: FilterCriteria | None):
        return None

    assert Graph([embed, more], name="two").describe() == (
        "# two\n"
        "  Inputs:\n"
        "    required: text (str), config (FilterCriteria | None)\n"
        "  Outputs: embedding (list[float]), other\n"
        "  Nodes: embed, more"
    )


def test_ordering_alone_makes_no_arrow():
    @node(output_name="a", emit="done")
    def first(x):
        return x

    @node(output_name="b", wait_for="done")
    def second(x):
        return x

    text = Graph([first, second]).describe()
    assert "Outputs: a, b" in text
    assert "Nodes: first, second" in text


def test_only_the_active_part_is_described():
    graph = Graph([embed, retrieve, generate], name="rag").bind(query="why")
    assert graph.select("docs").describe() == (
        "# rag\n  Inputs:\n    required: text (str)\n    optional: top_k (int)\n  Outputs: docs (list[str])\n  Nodes: embed → retrieve"
    )
    assert graph.with_entrypoint("generate").describe() == (
        "# rag\n  Inputs:\n    required: docs (list[str])\n    bound: query\n  Outputs: answer (str)\n  Nodes: generate"
    )


def test_namespaced_ports_print_their_address():
    inner = Graph([embed, retrieve], name="inner")
    assert Graph([inner.as_node(namespaced=True)]).describe() == (
        "# unnamed\n"
        "  Inputs:\n"
        "    required: inner.text (str)\n"
        "    optional: inner.top_k (int)\n"
        "  Outputs: inner.embedding (list[float]), inner.docs (list[str])\n"
        "  Nodes: inner"
    )


def test_an_empty_graph_says_so():
    assert Graph([]).describe() == "# unnamed\n  Inputs: none\n  Outputs: none\n  Nodes: none"
