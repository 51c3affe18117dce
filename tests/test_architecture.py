"""The house stands as it was drawn: floors, what an import loads, what the faces show."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import grimp
import pytest

import hypergraph

ROOT = Path(__file__).parents[1]
HEAVY = [
    "aiosqlite",
    "asyncio",
    "daft",
    "graphviz",
    "networkx",
    "numpy",
    "opentelemetry",
    "rich",
    "sqlite3",
    "studio",
    "textual",
    "zstandard",
]
FACES = [
    "hypergraph",
    "hypergraph.cache",
    "hypergraph.checkpointers",
    "hypergraph.events",
    "hypergraph.exceptions",
    "hypergraph.graph",
    "hypergraph.nodes",
    "hypergraph.results",
    "hypergraph.runlog",
    "hypergraph.runners",
    "hypergraph.runners.daft",
]


def ask(program: str, *, missing: tuple[str, ...] = ()) -> subprocess.CompletedProcess[str]:
    """Run a program in a fresh interpreter, in which the modules `missing` cannot be imported."""
    blocked = "".join(f"sys.modules[{name!r}] = None\n" for name in missing)
    return subprocess.run(
        [sys.executable, "-W", "error", "-c", f"import json, sys\n{blocked}{program}"], cwd=ROOT, capture_output=True, text=True
    )


def loaded_after(program: str) -> list[str]:
    done = ask(f"{program}\nprint(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


def test_the_import_contracts_hold():
    done = subprocess.run(
        [Path(sys.executable).with_name("lint-imports"), "--no-logo", "--no-cache"], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_no_module_of_the_library_imports_its_face():
    """The face is the top floor; a module that imports it would load everything and stand in a circle."""
    imports = grimp.build_graph("hypergraph", cache_dir=None)
    assert imports.find_modules_that_directly_import("hypergraph") == set()


def test_importing_hypergraph_loads_nothing_heavy():
    assert loaded_after("import hypergraph") == []


def test_building_and_running_a_graph_loads_nothing_heavy():
    program = (
        "from hypergraph import Graph, SyncRunner, node\n"
        "def double(x):\n    return x * 2\n"
        "assert SyncRunner().run(Graph([node(output_name='y')(double)]), x=1)['y'] == 2"
    )
    assert loaded_after(program) == []


@pytest.mark.parametrize("face", FACES)
def test_every_public_name_is_there_once(face):
    module = importlib.import_module(face)
    assert len(module.__all__) == len(set(module.__all__))
    assert [name for name in module.__all__ if not hasattr(module, name)] == []
    assert set(module.__all__) <= set(dir(module))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="'hypergraph' has no attribute 'Nothing'"):
        _ = hypergraph.Nothing


@pytest.mark.parametrize("face", [face for face in FACES if face != "hypergraph"])
def test_a_name_is_the_same_object_wherever_it_is_imported_from(face):
    module = importlib.import_module(face)
    shared = set(module.__all__) & set(hypergraph.__all__)
    assert [name for name in shared if getattr(module, name) is not getattr(hypergraph, name)] == []


def test_the_daft_runner_is_importable_without_daft_and_says_what_to_install():
    done = ask(
        "from hypergraph import DaftRunner\ntry:\n    DaftRunner()\nexcept ImportError as error:\n    print(error)", missing=("daft",)
    )
    assert done.returncode == 0, done.stderr
    assert "pip install 'hypergraph-studio[daft]'" in done.stdout


def test_the_command_without_the_studio_extra_says_what_to_install():
    program = "from studio.cli import main\nsys.argv = ['hypergraph', 'studio']\nsys.exit(main())"
    done = ask(program, missing=("textual", "textual_serve", "platformdirs", "watchfiles", "rich"))
    assert done.returncode not in (0, None)
    assert "pip install 'hypergraph-studio[studio]'" in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
