"""The same graphs on a Ray cluster of this machine. Chosen by `pytest -m ray`; needs `pip install 'hypergraph-studio[ray]'`."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = [pytest.mark.ray, pytest.mark.timeout(300)]

ROOT = Path(__file__).resolve().parents[2]

SCRIPT = """
import daft
import ray

from hypergraph import DaftRunner, Graph, node
from hypergraph.runners.daft import stateful

ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
daft.set_runner_ray(noop_if_initialized=True)


class Odd(Exception):
    pass


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="kept")
def picky(doubled: int) -> int:
    if doubled == 4:
        raise Odd("four")
    return doubled


@node(output_name="later")
async def later(kept: int) -> dict:
    return {"kept": kept}


@stateful
class Model:
    def __init__(self):
        self.known = {"tea": 1}


@node(output_name="score")
def score(word: str, model: Model) -> int:
    return model.known.get(word, 0)


@node(output_name="summed", batch=True)
def summed(x: daft.Series) -> daft.Series:
    return x + x


runner = DaftRunner()
assert runner.run(Graph([double]), x=3)["doubled"] == 6
assert runner.map(Graph([double, summed]), {"x": list(range(1000))}, map_over="x")["summed"] == [x * 2 for x in range(1000)]
result = runner.map(Graph([double, picky, later]), {"x": [1, 2, 3]}, map_over="x", error_handling="continue")
assert result["later"] == [{"kept": 2}, None, {"kept": 6}], result["later"]
error = result.failures[0].error
assert type(error) is Odd and any("in picky" in note for note in error.__notes__), error.__notes__
try:
    runner.map(Graph([double, picky]), {"x": [1, 2, 3]}, map_over="x")
except Odd as raised:
    assert any("Item 1" in note for note in raised.__notes__)
else:
    raise AssertionError("nothing was raised")
assert runner.map(Graph([score]).bind(model=Model()), {"word": ["tea", "milk"]}, map_over="word")["score"] == [1, 0]
outer = Graph([Graph([double], name="inner").as_node().map_over("x")])
assert runner.map(outer, {"x": [[1, 2], [], [3]]}, map_over="x")["doubled"] == [[2, 4], [], [6]]
frame = daft.from_pydict({"x": list(range(100))}).into_partitions(4)
assert runner.map_dataframe(Graph([double, later.with_inputs(kept="doubled")]), frame).sort("x").to_pydict() == {
    "x": list(range(100)),
    "doubled": [x * 2 for x in range(100)],
    "later": [{"kept": x * 2} for x in range(100)],
}
print("all well")
"""


def test_graphs_run_on_ray(request: pytest.FixtureRequest, tmp_path: Path) -> None:
    """Values, failures with their tracebacks, stateful objects, nested maps and frames come back from the workers."""
    if "ray" not in request.config.getoption("-m"):
        pytest.skip("chosen by -m ray")
    if importlib.util.find_spec("ray") is None:
        pytest.skip("ray is not installed")
    script = tmp_path / "on_ray.py"
    script.write_text(SCRIPT, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run([sys.executable, str(script)], env=environment, capture_output=True, text=True, timeout=280, check=False)
    assert done.stdout.endswith("all well\n"), done.stderr
