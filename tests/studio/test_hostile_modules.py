"""Modules that do what no module should: the run ends in words, the worker alone bears it, and a screen can look at all of it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.studio.workshop import Workshop

GRAPHS = """
import os, subprocess, sys, threading, time
from hypergraph import Graph, node

class Raising:
    def __repr__(self):
        raise RuntimeError("no repr for you")
    __str__ = __repr__
    def __eq__(self, other):
        raise RuntimeError("not comparable")
    __hash__ = None

class Blocking:
    def __repr__(self):
        time.sleep(60)
        return "at last"

class Lying:
    @property
    def __class__(self):
        raise SystemExit("you looked")
    def __len__(self):
        return -5
    def __iter__(self):
        while True:
            yield self

class Leaving:
    def __repr__(self):
        sys.exit(9)

@node(output_name="thing")
def raising(x: int) -> object:
    return Raising()

@node(output_name="thing")
def blocking(x: int) -> object:
    return Blocking()

@node(output_name="thing")
def lying(x: int) -> object:
    return Lying()

@node(output_name="thing")
def leaving(x: int) -> object:
    return Leaving()

@node(output_name="thing")
def nested(x: int) -> object:
    value = []
    for _ in range(100_000):
        value = [value]
    return value

@node(output_name="thing")
def circular(x: int) -> object:
    value = {}
    value["self"] = value
    return value

@node(output_name="thing")
def large(x: int) -> bytes:
    return b"x" * 200_000_000

@node(output_name="thing")
def wild(x: int) -> str:
    os.write(1, b"\\x1b[2Jraw\\n" * 3)
    subprocess.run(["sh", "-c", "printf 'child \\\\033[31m[b]\\\\n'; printf 'err\\\\n' >&2"], check=True)
    print("[@click=app.exit]x[/]", "\\x1b[31m", "\\ud800")
    sys.stdout.write("no end of line")
    sys.stdout.close()
    sys.stderr = None
    os.close(0)
    threading.Thread(target=lambda: time.sleep(600)).start()
    return "[/oops]\\x1b[31m\\ud800"

@node(output_name="[b]bad\\x1b[31m")
def fine(x: int) -> int:
    return x

made = {one.name: Graph([one], name=one.name) for one in (raising, blocking, lying, leaving, nested, circular, large, wild)}
globals().update({f"g_{name}": graph for name, graph in made.items()})
"""


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Workshop]:
    made = Workshop(tmp_path)
    yield made
    made.close()


@pytest.mark.parametrize("name", ["raising", "blocking", "lying", "leaving", "nested", "circular", "large", "wild"])
def test_a_hostile_node_ends_in_words_and_can_be_looked_at(shop: Workshop, tmp_path: Path, name: str) -> None:
    module = tmp_path / "hostile.py"
    module.write_text(GRAPHS.replace('@node(output_name="[b]bad\\x1b[31m")', '@node(output_name="fine_value")'), encoding="utf-8")
    begun = time.monotonic()
    lines = shop.serve(f"g_{name}", "h1", module=module, texts={"x": "1"})
    assert time.monotonic() - begun < 50, "a repr that blocks was waited for"
    assert lines[-1]["k"] == "end", lines[-1]
    view = shop.seen("h1", lambda view: not view.live)
    assert view.state in {"completed", "failed", "partial", "stopped"}
    node = view.nodes[name]
    if node.state == "completed":
        assert all(len(value.preview) < 5_000 and value.kind for value in node.outputs)
    else:
        assert node.error or view.error
    assert (tmp_path / "state").exists()
    assert sum(file.stat().st_size for file in (shop.launcher.folder("h1")).iterdir() if file.is_file()) < 20_000_000
