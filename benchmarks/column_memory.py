"""Time and memory of large Daft runs: each in a fresh process, ours beside the same plan written by hand.

python -m benchmarks --only "Daft, memory"        1,000,000 rows, two minutes
python -m benchmarks --only "Daft, memory, 10M"   10,000,000 rows; written by hand the row functions alone take a quarter of an hour
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from time import perf_counter
from typing import Any

from benchmarks.columns import batch_graph, by_hand_batch, by_hand_rows, daft_or_missing, row_graph
from benchmarks.harness import Missing

__all__ = ["LargeRun", "large_lines", "large_runs"]

_FILES = 10


@dataclass(frozen=True)
class LargeRun:
    """One plan in a process of its own.

    Attributes:
        seconds: from the first line of the plan to its last result.
        grown: how far the process's largest resident size went beyond what it was before, in MB.
    """

    case: str
    who: str
    rows: int
    seconds: float
    grown: float


def _resident_peak() -> float:
    """Give the largest resident size of this process so far, in MB; the figure of `getrusage` is inherited from the parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1]) / 1024


def _written(folder: Path, rows: int) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    folder.mkdir()
    for part in range(_FILES):
        numbers = pa.array(range(part * rows // _FILES, (part + 1) * rows // _FILES), pa.int64())
        pq.write_table(pa.table({"x": numbers, "f": numbers.cast(pa.float64())}), folder / f"{part}.parquet")


def _plans(daft: Any, folder: Path, rows: int) -> dict[tuple[str, str], tuple[Callable[[], Any], Callable[[Any], object]]]:
    """Give each plan as what is made ready outside of the measurement, and what is measured."""
    from hypergraph import DaftRunner

    runner = DaftRunner()

    def read(column: str) -> Any:
        return daft.read_parquet(f"{folder}/*.parquet").select(daft.col(column).alias("x"))

    def nothing() -> None:
        return None

    def integers() -> list[int]:
        return list(range(rows))

    def floats() -> list[float]:
        return [float(number) for number in range(rows)]

    def written(frame: Any) -> object:
        return frame.write_parquet(str(folder / "out"))

    rowwise, columnar = row_graph(), batch_graph()
    return {
        ("rows, Parquet to frame", "floor"): (nothing, lambda _: by_hand_rows(daft, read("x")).collect()),
        ("rows, Parquet to frame", "hypergraph"): (nothing, lambda _: runner.map_dataframe(rowwise, read("x")).collect()),
        ("rows, Parquet to Parquet", "floor"): (nothing, lambda _: written(by_hand_rows(daft, read("x")))),
        ("rows, Parquet to Parquet", "hypergraph"): (nothing, lambda _: written(runner.map_dataframe(rowwise, read("x")))),
        ("rows, list to lists", "floor"): (integers, lambda values: by_hand_rows(daft, daft.from_pydict({"x": values})).to_pydict()),
        ("rows, list to lists", "hypergraph"): (integers, lambda values: _listed(runner.map(rowwise, {"x": values}, map_over="x"), "abc")),
        ("batch, Parquet to frame", "floor"): (nothing, lambda _: by_hand_batch(daft, read("f")).collect()),
        ("batch, Parquet to frame", "hypergraph"): (nothing, lambda _: runner.map_dataframe(columnar, read("f")).collect()),
        ("batch, list to list", "floor"): (floats, lambda values: by_hand_batch(daft, daft.from_pydict({"x": values})).to_pydict()),
        ("batch, list to list", "hypergraph"): (floats, lambda values: _listed(runner.map(columnar, {"x": values}, map_over="x"), "y")),
    }


def _listed(result: Any, names: str) -> dict[str, list[Any]]:
    return {name: result[name] for name in names}


def large_runs(folder: Path, rows: int) -> Iterator[LargeRun]:
    """Run each plan once. Without Linux or Daft there is nothing to tell."""
    try:
        daft = daft_or_missing()
    except Missing:
        return
    if not Path("/proc/self/status").exists():
        return
    data = folder / f"rows-{rows}"
    _written(data, rows)
    for case, who in _plans(daft, data, rows):
        command = [sys.executable, "-m", "benchmarks.column_memory", case, who, str(rows), str(data)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        # Daft may crash a process that ends right after a query, when its threads let go of Python objects: what was said by then counts.
        if not done.stdout.strip():
            raise RuntimeError(done.stderr)
        yield LargeRun(case, who, rows, **json.loads(done.stdout))


def large_lines(run: LargeRun) -> list[str]:
    """Give one line for a run."""
    return [f"  {run.case:26}{run.who:12}{run.rows:>12,} rows{run.seconds:9.2f} s{run.grown:8,.0f} MB more at the peak"]


def _child(case: str, who: str, rows: int, folder: Path) -> None:
    prepare, work = _plans(daft_or_missing(), folder, rows)[case, who]
    given = prepare()
    before, started = _resident_peak(), perf_counter()
    held = work(given)
    print(json.dumps({"seconds": perf_counter() - started, "grown": _resident_peak() - before}), flush=True)
    del held


if __name__ == "__main__":
    _child(sys.argv[1], sys.argv[2], int(sys.argv[3]), Path(sys.argv[4]))
