"""The rail: rows, lanes and their plain text."""

from __future__ import annotations

import json
import sys
from collections import Counter
from itertools import pairwise

import pytest

from hypergraph.viz.order import arrange, reduce_parents
from hypergraph.viz.rail import ASCII, rail_rows, to_text
from hypergraph.viz.scene import Scene, SceneNode
from hypergraph.viz.text import fit, one_line, width
from tests.hypergraph.scenes import HOSTILE, hostile, rag, scene


def drawn(*args, **kwargs) -> str:
    return to_text(scene(*args, **kwargs))


def test_a_chain_is_one_column():
    assert drawn("a", "b", "c", edges=[("a", "b"), ("b", "c")]).split() == ["●", "a", "●", "b", "●", "c"]


def test_a_fork_opens_a_lane_and_a_join_closes_it():
    text = drawn("a", "b", "c", "d", edges=[("a", "b"), ("a", "c"), ("b", "d"), ("c", "d")])
    assert text.splitlines() == ["●    a", "├─●  b", "● │  c", "●─╯  d"]


def test_an_edge_that_a_longer_path_implies_is_left_out():
    with_shortcut = drawn("a", "b", "c", edges=[("a", "b"), ("b", "c"), ("a", "c")])
    assert with_shortcut == drawn("a", "b", "c", edges=[("a", "b"), ("b", "c")])


def test_a_line_crosses_a_lane_without_touching_it():
    text = drawn("a", "b", "c", "d", "e", edges=[("a", "b"), ("a", "c"), ("b", "e"), ("a", "d"), ("c", "e")])
    assert text.splitlines()[2].startswith("├─│─●")


def test_unconnected_nodes_do_not_stand_below_each_other():
    assert drawn("a", "b").splitlines() == ["●    a", "  ●  b"]


def test_siblings_that_end_may_stand_below_each_other():
    text = drawn("hub", "a", "b", "c", edges=[("hub", "a"), ("hub", "b"), ("hub", "c")])
    assert text.splitlines() == ["●    hub", "├─●  a", "├─●  b", "●    c"]


def test_gates_show_their_targets_and_back_edges_are_rows_not_lines():
    lines = to_text(rag()).splitlines()
    gate = next(line for line in lines if "decide" in line)
    assert "◆" in gate
    assert "→ write | publish | END" in gate
    loop = next(line for line in lines if "loops to write" in line)
    assert "↺" in loop
    assert "◇" in next(line for line in lines if "approve" in line)


def test_rows_carry_lanes_as_data():
    rows = {row.path: row for row in rail_rows(rag(), opened=()) if row.kind != "loop"}
    assert rows["rag"].fold == "folded"
    assert rows["rag"].label == "▸ rag (2)"
    assert rows["rag"].parents == ("load",)
    assert [cell.owner for cell in rows["rag"].cells if cell.role == "node"] == ["rag"]
    assert rows["decide"].targets[2].end
    assert rows["publish"].node is not None
    loop = next(row for row in rail_rows(rag(), opened=()) if row.kind == "loop")
    assert (loop.path, [target.name for target in loop.targets]) == ("decide", ["write"])


def test_a_nested_graph_opens_in_place_with_indented_rows():
    rows = rail_rows(rag(), opened={"rag"})
    paths = [row.path for row in rows]
    assert paths[1:4] == ["rag", "rag/retrieve", "rag/pack"]
    assert [row.indent for row in rows[1:4]] == [0, 1, 1]
    assert rows[1].fold == "open"


def test_inputs_stand_right_before_their_first_reader():
    rows = rail_rows(rag(), opened=(), inputs={"query"})
    assert [(row.kind, row.path) for row in rows[:3]] == [("function", "load"), ("input", "query"), ("graph", "rag")]
    assert {row.path for row in rail_rows(rag(), opened=(), inputs=True) if row.kind == "input"} == {"path", "query", "style"}


def test_more_lanes_than_eight_share_one_column():
    names = [f"n{number}" for number in range(30)]
    edges = [("n0", name) for name in names[1:-1]] + [(name, "n29") for name in names[1:-1]]
    lines = drawn(*names, edges=edges).splitlines()
    assert "+20" in lines[28]
    assert max(len(line) for line in lines) < 40
    assert lines[29].startswith("●─┴─┴─┴─┴─┴─┴─┴─╯")


def test_lanes_never_move():
    rows = rail_rows(rag(), opened=())
    for above, below in pairwise(rows):
        for cell, under in zip(above.cells, below.cells, strict=False):
            if cell.text == "│" and under.text == "│":
                assert cell.owner == under.owner


def test_no_line_is_longer_than_asked_for():
    for columns in (20, 40, 80):
        assert all(width(line) <= columns for line in to_text(rag(), width=columns, inputs=True).splitlines())


def test_the_ascii_set_is_ascii():
    assert to_text(rag(), width=30, inputs=True, glyphs=ASCII).isascii()


@pytest.mark.parametrize("text", HOSTILE)
def test_names_of_any_kind_stay_on_their_line(text):
    lines = to_text(hostile(text), inputs=True).splitlines()
    assert len(lines) == 4
    assert all(line.isprintable() for line in lines)


def test_the_same_scene_gives_the_same_text():
    assert to_text(rag()) == to_text(rag())
    assert to_text(Scene()) == ""


def test_a_scene_survives_json():
    assert Scene.from_dict(json.loads(json.dumps(rag().to_dict()))) == rag()


def test_cycles_close_at_their_entry_point():
    arrangement = arrange("abc", [("a", "b"), ("b", "c"), ("c", "a")], ["b"])
    assert (arrangement.order, arrangement.back) == (("b", "c", "a"), {("a", "b")})


def test_a_chain_of_ten_thousand_in_a_ring_is_no_recursion():
    names = [str(number) for number in range(10_000)]
    ring = [*pairwise(names), (names[-1], names[0])]
    assert arrange(names, ring, [names[0]]).back == {(names[-1], names[0])}


def test_reduction_keeps_what_no_longer_path_implies():
    assert reduce_parents([[], [0], [0, 1], [0, 2]])[0] == [[], [0], [1], [2]]


def test_text_is_cut_by_columns_not_by_characters():
    assert fit("日本語", 5) == "日本…"
    assert fit("abc", 3) == "abc"
    assert width("日a") == 3
    assert one_line("a\x1b\n") == "a\\x1b\\n"


def calls_for(nodes: int) -> int:
    names = [f"n{number}" for number in range(nodes)]
    edges = [(names[number], names[min(number + step, nodes - 1)]) for number in range(nodes - 1) for step in (1, 3, 11)]
    made = scene(*names, edges=[edge for edge in edges if edge[0] != edge[1]])
    calls: Counter[str] = Counter()
    sys.setprofile(lambda frame, event, arg: calls.update([event]))
    try:
        to_text(made)
    finally:
        sys.setprofile(None)
    return calls.total()


def test_the_work_for_a_node_does_not_grow_with_the_graph():
    assert calls_for(2000) / 2000 < 1.3 * calls_for(200) / 200


def test_a_row_of_a_node_inside_hides_nothing_of_the_lanes_outside():
    inner = scene(SceneNode("x", "g/x"))
    made = scene("a", SceneNode("g", "g", "graph", size=1, inner=inner), "z", edges=[("a", "g"), ("a", "z")])
    assert to_text(made).splitlines()[2].startswith("│")
