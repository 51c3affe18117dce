"""The benchmarks run; what they measure is no matter of the tests."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.harness import Case, Contender, Effort, Missing, measure
from benchmarks.report import compared, described

ROOT = Path(__file__).parents[1]


def test_contenders_take_turns_and_the_missing_are_named():
    turns: list[str] = []

    def missing():
        raise Missing("not installed")

    def broken():
        raise RuntimeError("boom")

    contenders = [
        Contender("floor", lambda: lambda: turns.append("floor")),
        Contender("hypergraph", lambda: lambda: turns.append("ours")),
        Contender("peer", missing),
        Contender("other", broken),
    ]
    outcome = measure(Case("case", "unit", 1, contenders, goal="fast", ratio=2, once=True, clock="wall"), Effort(4, 0))
    assert turns[2:] == ["floor", "ours", "ours", "floor", "floor", "ours", "ours", "floor"]
    assert outcome.left_out == {"peer": "not installed", "other": "RuntimeError: boom"}
    assert outcome.figure("hypergraph").ratio > 0
    assert any("left out: not installed" in line for line in described(outcome))


def test_the_command_writes_figures_and_compares_them(tmp_path):
    command = [sys.executable, "-m", "benchmarks", "--quick", "--no-peers", "--only", "three levels", "--json", str(tmp_path / "now.json")]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True)
    found = json.loads((tmp_path / "now.json").read_text())
    assert found["cases"]["three levels nested"]["microseconds"]["hypergraph"]["ratio"] > 0
    assert "nothing changed" in compared(found, found)[1]


@pytest.mark.skipif(sys.platform != "linux", reason="kills with signals, and looks into /proc")
def test_the_proof_of_durability_writes_what_it_found(tmp_path):
    command = [sys.executable, "-m", "benchmarks.durability", "--only", "kills", "--kills", "2", "--shape", "loop", "--runner", "sync"]
    done = subprocess.run(
        [*command, "--durability", "sync", "--json", str(tmp_path / "proof.json")], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].endswith("every promise held")
    (row,) = json.loads((tmp_path / "proof.json").read_text())["rows"]
    assert (row["figures"]["killed"], row["figures"]["resumed"], row["broken"]) == (2, 2, [])
