"""The modules of a session: slow ones, broken ones, missing ones, and graphs of one name."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.model.graph_view import ModuleView
from studio.services.project import Project
from studio.widgets.graph_text import loading_words, module_lines

ONE = """
from hypergraph import Graph, node

@node(output_name="y")
def double(x: int) -> int:
    return x * 2

rag = Graph([double], name="rag")
"""
PARTS = (
    ONE
    + """
@node(output_name="z")
def plus(y: int) -> int:
    return y + 1

whole = Graph([rag.as_node(), plus], name="whole")
other = Graph([plus], name="other")
"""
)


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    made: list[Project] = []

    def make(**texts: str) -> Project:
        for name, text in texts.items():
            (tmp_path / f"{name}.py").write_text(text)
        made.append(Project([f"{name}.py" for name in texts], tmp_path))
        made[-1].begin()
        return made[-1]

    yield make
    for project in made:
        project.close()


def until(project: Project, true: Callable[[ModuleView], object], number: int = 0) -> ModuleView:
    deadline = time.monotonic() + 60
    while not true(project.modules()[number]):
        assert time.monotonic() < deadline
        time.sleep(0.02)
    return project.modules()[number]


def test_the_whole_comes_before_its_parts(opened: Callable[..., Project]) -> None:
    """Graphs stand in the order of the file, but what is part of another one comes last."""
    view = until(opened(parts=PARTS), lambda module: module.state == "ready")
    assert [graph.name for graph in view.graphs] == ["whole", "other", "rag"]


def test_graphs_of_one_name_are_told_apart(opened: Callable[..., Project]) -> None:
    """The second one is called after its module; each name leads to its own graph."""
    project = opened(one=ONE, two=ONE.replace("x * 2", "x * 3"))
    project.wait()
    assert [graph.name for view in project.modules() for graph in view.graphs] == ["rag", "two.rag"]
    first, second = project.graph("rag"), project.graph("two.rag")
    assert first is not None
    assert second is not None
    assert (first.target, second.target) == ("one.py", "two.py")
    assert project.target_of(second).attribute == "rag"


def test_a_module_that_never_ends_is_begun_anew_on_request(opened: Callable[..., Project], tmp_path: Path) -> None:
    """It says how long it has been loading and what it printed; the others are not kept waiting."""
    project = opened(never="print('warming up', flush=True)\nwhile True: pass\n", good=ONE)
    until(project, lambda module: module.state == "ready", number=1)
    view = until(project, lambda module: "warming up" in module.output)
    said = "\n".join(line.plain for line in module_lines(view, 80, view.since + 12))
    assert "for 12 s now" in said
    assert "warming up" in said
    assert loading_words(view, view.since + 12) == "still loading 12 s, u restart"
    assert loading_words(view, view.since + 5) == "loading 5 s"
    (tmp_path / "never.py").write_text(ONE.replace('"rag"', '"now"'))
    project.reload("never.py")
    view = until(project, lambda module: module.state == "ready")
    assert [graph.name for graph in view.graphs] == ["now"]


def test_a_missing_file_is_loaded_when_it_appears(opened: Callable[..., Project], tmp_path: Path) -> None:
    project = Project(["later.py"], tmp_path)
    try:
        project.begin()
        view = until(project, lambda module: module.state == "broken")
        said = "\n".join(line.plain for line in module_lines(view, 60))
        assert "There is no file" in said
        assert "Traceback" not in said
        (tmp_path / "later.py").write_text(ONE)
        until(project, lambda module: module.state == "ready")
    finally:
        project.close()


def test_a_file_that_is_taken_away_says_so_and_is_broken_when_it_is_loaded_again(opened: Callable[..., Project], tmp_path: Path) -> None:
    project = opened(gone=ONE)
    until(project, lambda module: module.state == "ready")
    (tmp_path / "gone.py").unlink()
    view = until(project, lambda module: module.state == "changed")
    assert [graph.name for graph in view.graphs] == ["rag"]
    project.reload("gone.py")
    view = until(project, lambda module: module.state == "broken")
    assert "There is no file" in str(view.error)


def test_a_module_without_graphs_says_what_one_looks_like(opened: Callable[..., Project]) -> None:
    view = until(opened(empty="print('hello')\n"), lambda module: module.state == "ready")
    said = "\n".join(line.plain for line in module_lines(view, 60))
    assert "There is no graph in this module" in said
    assert "hello" in said


def test_a_graph_that_cannot_be_shown_leaves_the_others(opened: Callable[..., Project]) -> None:
    """The module says which one, and why."""
    text = (
        ONE
        + "\nclass Odd(Graph):\n    @property\n    def structural_hash(self): raise ValueError('odd')\nodd = Odd([double], name='odd')\n"
    )
    view = until(opened(odd=text), lambda module: module.state in {"ready", "broken"})
    assert view.state == "ready"
    assert [graph.name for graph in view.graphs] == ["rag"]
    assert "odd: ValueError: odd" in "\n".join(line.plain for line in module_lines(view, 80))


def test_a_module_that_empties_the_path_is_still_described(opened: Callable[..., Project]) -> None:
    view = until(opened(lost=ONE + "import sys\nsys.path[:] = []\n"), lambda module: module.state != "loading")
    assert [graph.name for graph in view.graphs] == ["rag"]
