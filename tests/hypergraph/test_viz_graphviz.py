"""Graphviz drawings, rendered for real."""

from __future__ import annotations

import os
import stat
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from hypergraph.exceptions import DrawingError
from hypergraph.viz import graphviz as ours
from hypergraph.viz.graphviz import draw, find_dot, write
from hypergraph.viz.scene import Scene, SceneNode
from tests.hypergraph.scenes import HOSTILE, hostile, rag, scene

needs_dot = pytest.mark.usefixtures("real_dot")


def shown(svg: str) -> list[str]:
    """The texts of a picture."""
    return ["".join(item.itertext()) for item in ET.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


@needs_dot
@pytest.mark.parametrize(
    ("ending", "magic"), [(".svg", b"<?xml"), (".png", b"\x89PNG"), (".pdf", b"%PDF"), (".dot", b"digraph"), (".SVG", b"<?xml")]
)
def test_the_ending_chooses_the_format(tmp_path: Path, ending, magic):
    write(draw(rag()), tmp_path / f"graph{ending}")
    assert (tmp_path / f"graph{ending}").read_bytes().startswith(magic)


def test_an_unknown_ending_is_refused(tmp_path: Path):
    with pytest.raises(ValueError, match=r"Unknown ending '\.gif'.*\n\nHow to fix:"):
        write(draw(rag()), tmp_path / "graph.gif")
    with pytest.raises(ValueError, match="Unknown ending ''"):
        write(draw(rag()), tmp_path / "graph")
    assert list(tmp_path.iterdir()) == []


def test_a_path_that_cannot_be_written_is_named(tmp_path: Path):
    with pytest.raises(OSError, match="missing"):
        write(draw(rag()), tmp_path / "missing" / "graph.dot")


@needs_dot
@pytest.mark.parametrize("text", HOSTILE)
@pytest.mark.parametrize("separate", [False, True])
def test_names_of_any_kind_are_shown_as_they_are(text, separate):
    svg = draw(hostile(text), show_types=True, separate_outputs=separate).pipe(format="svg", encoding="utf-8")
    if text.isprintable() and text:
        assert any(text in line for line in shown(svg))


@needs_dot
@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_every_theme_renders_without_a_warning(theme, capfd):
    draw(rag(), theme=theme).pipe(format="svg")
    assert capfd.readouterr().err == ""


def test_an_unknown_theme_is_refused():
    with pytest.raises(ValueError, match="Invalid theme 'blue'"):
        draw(rag(), theme="blue")


def test_kinds_differ_in_shape_and_edges_in_line():
    source = draw(rag()).source
    for shape in ("box", "diamond", "octagon", "note", "doublecircle"):
        assert f"shape={shape}" in source
    for line in ("solid", "dashed", "dotted"):
        assert f"style={line}" in source


def test_the_same_scene_gives_the_same_text():
    assert draw(rag()).source == draw(rag()).source


def test_inputs_that_feed_one_node_are_one_box_and_bound_ones_are_left_out():
    from hypergraph.viz.scene import SceneInput

    made = scene(
        "a", "b", inputs=(SceneInput("x", None, ("a",)), SceneInput("y", None, ("a",)), SceneInput("z", None, ("a", "b"), bound=True))
    )
    source = draw(made).source
    assert source.count("shape=note") == 1
    assert "x<br/>y" in source
    assert "z (bound)" in draw(made, show_bounded_inputs=True).source
    assert "shape=note" not in draw(made, show_inputs=False).source


def test_values_are_shapes_when_asked_for():
    assert "shape=ellipse" not in draw(rag()).source
    assert draw(rag(), separate_outputs=True).source.count("shape=ellipse") == 6


def test_types_are_written_when_asked_for():
    assert "list[str]" not in draw(rag()).source
    assert "list[str]" in draw(rag(), show_types=True).source


def nest(levels: int, width: int, prefix: str = "") -> Scene:
    names = [f"n{number}" for number in range(width)]
    nodes = []
    for name in names:
        inner = nest(levels - 1, width, f"{prefix}{name}/") if levels > 1 else None
        nodes.append(SceneNode(name, prefix + name, "graph" if inner else "function", size=width, inner=inner))
    return scene(*nodes, edges=[("n0", name) for name in names[1:]])


@needs_dot
def test_two_hundred_nodes_on_three_levels_are_drawn():
    made = nest(3, 6)
    svg = draw(made).pipe(format="svg", encoding="utf-8")
    assert len([text for text in shown(svg) if text in {f"n{number}" for number in range(6)}]) == 216 + 36 + 6


@needs_dot
def test_pictures_show_themselves_in_a_notebook():
    bundle = draw(rag())._repr_mimebundle_()
    assert "<svg" in bundle["image/svg+xml"]


@pytest.fixture
def only_bundled(monkeypatch, tmp_path):
    """Nothing is on PATH: only the environment's own program can be found."""
    monkeypatch.setenv("PATH", str(tmp_path))
    if find_dot() is None:
        pytest.skip("needs graphviz-pure")


class TestBundledProgram:
    def test_it_renders(self, only_bundled, tmp_path):
        assert "graphviz-pure" in (find_dot() or "")
        write(draw(rag()), tmp_path / "graph.svg")
        assert "publish" in shown((tmp_path / "graph.svg").read_text(encoding="utf-8"))
        assert draw(rag()).pipe(format="png").startswith(b"\x89PNG")
        rendered = draw(rag()).render(tmp_path / "other.gv", format="svg")
        assert Path(rendered).read_bytes().startswith(b"<?xml")

    @pytest.mark.parametrize("text", HOSTILE)
    def test_it_escapes_the_same(self, only_bundled, text):
        svg = draw(hostile(text), show_types=True).pipe(format="svg", encoding="utf-8")
        if text.isprintable() and text:
            assert any(text in line for line in shown(svg))

    def test_what_it_cannot_write_is_said(self, only_bundled, tmp_path):
        with pytest.raises(DrawingError, match="'pdf'"):
            write(draw(rag()), tmp_path / "graph.pdf")
        assert not (tmp_path / "graph.pdf").exists()


def test_without_any_program_both_ways_to_get_one_are_said(monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    monkeypatch.setattr(ours, "_bundled_dot", lambda: None)
    with pytest.raises(DrawingError, match=r"(?s)apt install graphviz.*pip install graphviz-pure"):
        write(draw(rag()), tmp_path / "graph.svg")
    write(draw(rag()), tmp_path / "graph.dot")


def test_dot_on_the_path_goes_first(monkeypatch, tmp_path):
    fake = tmp_path / "dot"
    fake.write_text("#!/bin/sh\necho fake\n")
    fake.chmod(fake.stat().st_mode | stat.S_IXUSR)
    monkeypatch.setenv("PATH", os.pathsep.join([str(tmp_path), os.environ["PATH"]]))
    assert find_dot() == str(fake)
