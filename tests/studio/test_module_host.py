"""Modules are loaded in a process of their own; whatever they do ends at most that process."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from studio.model.graph_view import GraphView
from studio.services.module_host import HostError, ModuleHost, Nursery
from studio.services.processes import is_running
from studio.services.targets import find_target

GOOD = '''
"""What this module is about.

More of it."""
import enum
from dataclasses import dataclass
from typing import Annotated, Literal
from hypergraph import END, Graph, ifelse, interrupt, node

class Colour(enum.Enum):
    RED = 1
    BLUE = 2

@dataclass
class Doc:
    title: str

@node(output_name="made")
def make(doc: Doc, mode: Literal["fast", "best"] = "fast", colour: Colour = Colour.BLUE, api_key: str = "hush", n: int = 3) -> int:
    return n

@node(output_name="sent")
async def send(made: int) -> str:
    return str(made)

send.func.side_effect = True
print("loaded")
first = Graph([make, send], name="first").bind(n=5)

@interrupt(output_name="fine")
def ask(made: int) -> bool | None:
    return None

@ifelse(when_true="after", when_false=END)
def choose(fine: bool) -> bool:
    return fine

@node(output_name="end")
def after(made: int) -> int:
    return made

second = Graph([make, ask, choose, after])
_hidden = Graph([after], name="hidden")
also = first
'''


@pytest.fixture
def nursery() -> Iterator[Nursery]:
    made = Nursery()
    yield made
    made.close()


@pytest.fixture
def host(tmp_path: Path, nursery: Nursery) -> Iterator[Callable[..., ModuleHost]]:
    made: list[ModuleHost] = []

    def make(text: str, name: str = "graphs.py", patience: float = 10.0, loading: float = 10.0) -> ModuleHost:
        (tmp_path / name).write_text(text)
        found = ModuleHost(find_target(name, tmp_path), nursery, start=tmp_path, patience=patience, loading=loading)
        made.append(found)
        return found

    yield make
    for one in made:
        one.close()


def test_graphs_are_reported_as_data(host):
    """Name, place, inputs with types and defaults, and which runner fits; nothing of it is an object of the module."""
    found = host(GOOD).report()
    graphs = {graph["name"]: GraphView.from_json(graph) for graph in found["graphs"]}
    assert list(graphs) == ["first", "second"]
    first = graphs["first"]
    assert first.doc == "What this module is about."
    assert first.source == "graphs.py:28"
    fields = {one.name: one for one in first.inputs}
    assert fields["doc"].required
    assert fields["doc"].type.kind == "record"
    assert (fields["mode"].type.choices, fields["mode"].default) == (("fast", "best"), "fast")
    assert (fields["colour"].type.choices, fields["colour"].default) == (("RED", "BLUE"), "BLUE")
    assert (fields["api_key"].secret, fields["api_key"].default) == (True, "(hidden)")
    assert (fields["n"].bound, fields["n"].default) == (True, "5")
    assert first.effects == ("send",)
    assert first.outputs == (("made", "int"), ("sent", "str"))
    assert [node.name for node in first.scene.nodes] == ["make", "send"]
    assert found["output"] == "loaded\n"


def test_which_runner_fits_is_said_with_the_reason(host):
    """A runner that cannot run a graph says which node is in its way."""
    graphs = {graph["name"]: graph for graph in host(GOOD).report()["graphs"]}
    assert graphs["first"]["fits"]["AsyncRunner"] is None
    assert "send" in graphs["first"]["fits"]["SyncRunner"]
    assert "ask" in graphs["second"]["fits"]["SyncRunner"]
    assert "gates" in graphs["second"]["fits"]["DaftRunner"]
    assert graphs["second"]["asks"] == {"fine": {"kind": "bool", "label": "bool"}}


def test_values_are_built_where_their_classes_are(host):
    """What only the class itself can refuse is refused by the host, before anything runs."""
    made = host(GOOD)
    question = {"do": "check", "target": made.report() and _target(made), "graph": "first", "map_over": []}
    assert made.ask({**question, "texts": {"doc": '{"title": "A"}'}})["problems"] == {}
    assert made.ask({**question, "texts": {"doc": "{}", "mode": "slow"}})["problems"] == {
        "doc": "Doc needs title",
        "mode": "choose one of fast, best",
    }


def _target(host: ModuleHost) -> dict:
    from dataclasses import asdict

    return asdict(host.target)


@pytest.mark.parametrize(
    ("text", "said", "traced"),
    [
        ("def f():\n    import torchx\nf()\n", "No module named 'torchx'", "in f"),
        ("import sys; sys.exit(3)", "asked to exit (3)", "sys.exit(3)"),
        ("x = (", "SyntaxError", "x = ("),
        ("import sys; sys.exit('set the key first')", "asked to exit ('set the key first')", ""),
        ("raise KeyboardInterrupt", "KeyboardInterrupt", "raise KeyboardInterrupt"),
        ("class E(Exception):\n    def __str__(self): raise ValueError\nraise E", "its text cannot be read", ""),
        ("import os; print('so long', flush=True); os._exit(4)", "exit code 4", "so long"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "signal 11", ""),
    ],
)
def test_a_module_that_breaks_is_told_with_its_own_frames(host, text, said, traced):
    """Raise, exit, crash: the reason is given, and the first frame shown is the user's."""
    with pytest.raises(HostError) as error:
        host(text).report()
    assert said in str(error.value)
    assert traced in error.value.traceback
    assert "studio/services" not in error.value.traceback
    assert "importlib" not in error.value.traceback


def test_what_a_module_prints_never_reaches_us(host, capfd):
    """Descriptors 1 and 2 of a host lead to a pipe of its own."""
    made = host(GOOD + "import os, subprocess, sys\nos.write(1, b'raw')\nsubprocess.run([sys.executable, '-c', 'print(1)'])\nos.close(1)\n")
    assert len(made.report()["graphs"]) == 2
    assert capfd.readouterr() == ("", "")


def test_a_module_that_never_ends_is_ended(host):
    """After its time a host is killed; the next question gets a fresh one."""
    made = host("while True: pass", patience=0.5, loading=0.5)
    with pytest.raises(HostError, match="gave no answer in"):
        made.report()
    Path(made.target.file).write_text(GOOD)
    made._loading = 10.0
    assert len(made.report()["graphs"]) == 2


def test_a_module_whose_threads_go_on_is_ended_with_its_host(host):
    """Closing ends the process, whatever still runs in it."""
    made = host(GOOD + "import threading, time\nthreading.Thread(target=lambda: time.sleep(600)).start()\n")
    made.report()
    process = made._process
    made.close()
    assert process.poll() is not None


def test_no_host_stays_when_the_studio_is_killed(tmp_path):
    """A studio that ends in any way takes its hosts along; also one that is started from a passing thread."""
    (tmp_path / "graphs.py").write_text(GOOD)
    script = (
        "import sys, threading, time\nfrom pathlib import Path\n"
        "from studio.services.module_host import ModuleHost, Nursery\nfrom studio.services.targets import find_target\n"
        "nursery = Nursery()\nhost = ModuleHost(find_target('graphs.py', Path('.')), nursery)\n"
        "thread = threading.Thread(target=host.report); thread.start(); thread.join()\n"
        "print(host._process.pid, host._process.poll(), flush=True)\ntime.sleep(600)\n"
    )
    root = str(Path(__file__).parents[2])
    studio = subprocess.Popen(
        [sys.executable, "-c", script], cwd=tmp_path, stdout=subprocess.PIPE, text=True, env={**os.environ, "PYTHONPATH": root}
    )
    pid, state = studio.stdout.readline().split()
    assert state == "None"
    studio.send_signal(signal.SIGKILL)
    studio.wait()
    studio.stdout.close()
    until = time.monotonic() + 5
    while is_running(int(pid)) and time.monotonic() < until:
        time.sleep(0.01)
    assert not is_running(int(pid))


def test_a_slow_module_is_waited_for_and_then_answers_as_quickly_as_any(host):
    """Loading has its own patience; only a loaded module has to answer at once."""
    made = host("import time\ntime.sleep(1.2)\n" + GOOD, patience=1.0, loading=30.0)
    assert made.report()["graphs"]
    assert made.ask({"do": "check", "target": _target(made), "graph": "first", "texts": {}, "map_over": []})["ok"]


def test_a_module_that_is_given_up_ends_at_once(host):
    """Whoever waits for it is told, and nothing of it stays."""
    made = host("while True: pass", loading=60.0)
    told: list[str] = []

    def wait() -> None:
        try:
            made.report()
        except HostError as error:
            told.append(str(error))

    waiting = threading.Thread(target=wait)
    waiting.start()
    while made._process is None:
        time.sleep(0.01)
    process = made._process
    made.abandon()
    waiting.join(10)
    assert len(told) == 1
    assert process.poll() is not None


def test_of_what_a_module_prints_only_the_end_is_kept(host):
    """A hundred megabytes fill neither memory nor disk."""
    made = host("import os\nfor _ in range(1600): os.write(1, b'x' * 65536)\nprint('the end', flush=True)\nraise ValueError('enough')")
    with pytest.raises(HostError, match="enough"):
        made.report()
    assert made.output().endswith("the end\n")
    assert len(made.output()) <= 4_000


def test_what_a_module_started_ends_with_it(host, tmp_path):
    """A server that is started while the module loads does not stay behind."""
    made = host(GOOD + "import subprocess\nchild = subprocess.Popen(['sleep', '600'])\nopen('pid', 'w').write(str(child.pid))\n")
    made.report()
    child = int((tmp_path / "pid").read_text())
    made.close()
    until = time.monotonic() + 10
    while Path(f"/proc/{child}/stat").exists() and Path(f"/proc/{child}/stat").read_text().split()[2] != "Z":
        assert time.monotonic() < until
        time.sleep(0.01)


def test_an_input_that_the_store_cannot_keep_is_told_before_the_run(host):
    """A run that could not store its inputs would fail after all its work; a runner that stores nothing takes them."""
    made = host(
        "from fractions import Fraction\nfrom hypergraph import Graph, node\n@node(output_name='y')\n"
        "def half(x: Fraction, n: int = 1) -> int:\n    return n\ng = Graph([half], name='g')\n"
    )
    question = {"do": "check", "target": _target(made), "graph": "g", "texts": {"x": "1/3", "n": "2"}, "map_over": []}
    said = {"x": "the store keeps no Fraction; bind it in the module instead, or take plain data"}
    assert made.ask({**question, "stored": True})["problems"] == said
    assert made.ask({**question, "stored": False})["problems"] == {}
