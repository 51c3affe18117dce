"""Mermaid flowcharts."""

from __future__ import annotations

import re

import pytest

from hypergraph.viz.mermaid import to_mermaid
from hypergraph.viz.scene import Scene
from tests.hypergraph.scenes import HOSTILE, hostile, rag


def test_a_graph_becomes_a_flowchart():
    lines = to_mermaid(rag()).splitlines()
    assert lines[0] == "flowchart TD"
    assert '    n0["load<br/>→ docs"]' in lines
    assert any('{"decide"}' in line for line in lines)
    assert any('{{"approve' in line for line in lines)
    assert "    %% shared: messages" in lines
    assert any('(("END"))' in line for line in lines)


def test_opened_graphs_are_subgraphs_and_arrows_lead_inside():
    text = to_mermaid(rag())
    assert 'subgraph c0["rag"]' in text
    load, retrieve = (re.search(rf'(n\d+)\["{name}', text)[1] for name in ("load", "retrieve"))
    assert f'{load} -->|"docs"| {retrieve}' in text


def test_control_edges_say_what_the_gate_says_for_them():
    text = to_mermaid(rag())
    assert '-.->|"True"|' in text
    assert "linkStyle" in text


@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("separate", [False, True])
def test_names_of_any_kind_cannot_break_out_of_their_label(text, separate):
    chart = to_mermaid(hostile(text), show_types=True, separate_outputs=separate)
    for line in chart.splitlines()[1:]:
        assert line.isprintable()
        assert re.fullmatch(
            r"\s*(%% .*|end"
            r'|[nievc]\d+(\(\[|\[|\{|\(\(\(|\()"[\w ,:→#;<>/]*"(\]\)|\]|\}|\)\)\)|\))'
            r'|[nievc]\d+ (-->|-\.->)(\|"[\w ,:→#;]*"\|)? [nievc]\d+'
            r"|(linkStyle|classDef|class) [\w:#, -]+)",
            line,
        ), line
        assert "%%{" not in line
        assert line.strip().startswith("%%") or not re.search(r"<(?!br/>)", line)


def test_types_and_bound_inputs_only_when_asked_for():
    assert "list#91;str#93;" in to_mermaid(rag(), show_types=True)
    assert "list#91;str#93;" not in to_mermaid(rag())
    assert "style" not in to_mermaid(rag()).split("linkStyle")[0]
    assert "style #40;bound#41;" in to_mermaid(rag(), show_bounded_inputs=True)


def test_the_same_scene_gives_the_same_text():
    assert to_mermaid(rag()) == to_mermaid(rag())
    assert to_mermaid(Scene()) == "flowchart TD"
