"""Targets are found without importing anything."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from studio.services.targets import find_target, find_targets, graph_line


@pytest.fixture
def folder(tmp_path):
    (tmp_path / "top.py").write_text("raise SystemExit")
    (tmp_path / "my-graphs.py").write_text("")
    package = tmp_path / "pack" / "inner"
    package.mkdir(parents=True)
    (tmp_path / "pack" / "__init__.py").write_text("raise SystemExit")
    (package / "__init__.py").write_text("")
    (package / "deep.py").write_text("")
    return tmp_path


@pytest.mark.parametrize(
    ("text", "module", "attribute"),
    [
        ("top.py", "top", None),
        ("top", "top", None),
        ("top.py:rag", "top", "rag"),
        ("pack/inner/deep.py", "pack.inner.deep", None),
        ("pack.inner.deep", "pack.inner.deep", None),
        ("pack.inner:rag", "pack.inner", "rag"),
        ("pack/inner", "pack.inner", None),
        ("my-graphs.py", "", None),
    ],
)
def test_files_and_modules(folder, text, module, attribute):
    """A file and a module name the same thing; imports start from the package's root."""
    target = find_target(text, folder)
    assert (target.module, target.attribute, target.problem) == (module, attribute, None)
    assert target.root == str(folder)
    assert target.file is not None
    assert "top" not in sys.modules


@pytest.mark.parametrize("text", ["nowhere.py", "a b", "pack/inner/none.py"])
def test_what_cannot_be_found_says_so(folder, text):
    """A target that is not there is listed with its problem."""
    assert find_target(text, folder).problem


def test_a_module_of_another_interpreter_is_left_to_it(folder):
    """A name that nothing here knows may be known elsewhere."""
    target = find_target("far.away", folder)
    assert (target.module, target.file, target.problem) == ("far.away", None, None)


def test_the_line_of_a_graph(folder):
    """The last assignment counts; a file that cannot be read has no line."""
    file = folder / "lines.py"
    file.write_text("g = 1\n\ng: object = 2\n")
    assert graph_line(str(file), "g") == 3
    assert graph_line(str(file), "h") is None
    file.write_text("g = (")
    assert graph_line(str(file), "g") is None
    assert graph_line(None, "g") is None


def test_a_folder_stands_for_its_files_with_graphs(tmp_path: Path) -> None:
    """Scripts that only use a graph are not run because they lie there; a package with graphs of its own is that package."""
    flows = tmp_path / "flows"
    flows.mkdir()
    graph = "from hypergraph import Graph\nrag: Graph = Graph([])\n"
    (flows / "b.py").write_text(graph)
    (flows / "a.py").write_text(graph)
    (flows / "script.py").write_text("from hypergraph import Graph, SyncRunner\nSyncRunner().run(Graph([]))\n")
    assert [target.text for target in find_targets(["flows", "flows/a.py", "flows/"], tmp_path)] == ["flows/a.py", "flows/b.py"]
    (flows / "__init__.py").write_text(graph)
    (target,) = find_targets(["flows"], tmp_path)
    assert target.file == str(flows / "__init__.py")


def test_a_folder_without_graphs_says_so(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (target,) = find_targets(["empty/"], tmp_path)
    assert "No file in the folder empty/ holds a graph" in str(target.problem)
