"""The command: `python -m benchmarks`."""

from __future__ import annotations

import argparse
import json
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

from benchmarks.cases import memory_cases
from benchmarks.column_memory import LargeRun, large_lines, large_runs
from benchmarks.columns import column_cases
from benchmarks.growth import growth, memory
from benchmarks.harness import Effort, Outcome, measure
from benchmarks.peers import DISTRIBUTIONS, versions
from benchmarks.report import as_json, compared, described, growth_lines, memory_lines
from benchmarks.stored import bytes_per_step, stored_cases
from benchmarks.studio_cases import StudioFigure, studio_figures, studio_lines


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure what a run costs beyond the user's own functions.")
    parser.add_argument("--quick", action="store_true", help="fewer and shorter rounds, smaller sizes")
    parser.add_argument("--only", metavar="WORD", help="only the cases whose name contains this; also: growth, memory, studio, 'studio G3'")
    parser.add_argument("--no-peers", action="store_true", help="leave other libraries out")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to a file")
    parser.add_argument("--against", metavar="FILE", type=Path, help="say what changed since the figures in this file")
    return parser.parse_args()


def _say(lines: list[str]) -> None:
    print("\n".join(lines), flush=True)


def main() -> None:
    """Measure, print as it goes, and write the JSON at the end."""
    options = _options()
    effort = Effort(3, 0.004) if options.quick else Effort(15, 0.05)
    missing = sorted(set(DISTRIBUTIONS) - set(versions()))
    if missing and not options.no_peers:
        _say([f"Left out, not installed: {', '.join(missing)} (pip install 'hypergraph-studio[bench]')"])

    def wanted(name: str) -> bool:
        return options.only is None or options.only in name

    outcomes: list[Outcome] = []
    more: dict[str, float] = {}
    with tempfile.TemporaryDirectory(prefix="hypergraph-benchmarks-") as name:
        folder = Path(name)
        for case in [*memory_cases(options.quick), *stored_cases(folder, options.quick), *column_cases(options.quick)]:
            if wanted(case.name):
                known = [one for one in case.contenders if one.name.startswith(("floor", "hypergraph"))]
                outcomes.append(measure(replace(case, contenders=known) if options.no_peers else case, effort))
                _say(described(outcomes[-1]))
        if wanted("bytes of a step"):
            more["bytes of a step"] = bytes_per_step(folder)
            _say([f"\nBytes of file for a small step: {more['bytes of a step']:.0f}; goal at most 120"])
        large: list[LargeRun] = []
        millions = 10 if options.only and "10M" in options.only else 1
        if not options.quick and wanted(f"Daft, memory, {millions}M"):
            _say(["\nDaft, time and memory, each plan in a process of its own"])
            for run in large_runs(folder, millions * 1_000_000):
                large.append(run)
                _say(large_lines(run))
    growths = growth(options.quick) if wanted("growth") else []
    if growths:
        _say(growth_lines(growths))
    kept = memory(options.quick) if wanted("memory") else None
    if kept is not None:
        _say(memory_lines(kept))
    seen: list[StudioFigure] = []
    if options.only is None or options.only.startswith("studio"):
        _say(["\nStudio"])
        for figure in studio_figures(options.quick, wanted):
            seen.append(figure)
            _say(studio_lines([figure]))
    found = as_json(outcomes, growths, kept, more) | {"studio": [asdict(figure) for figure in seen], "daft": [asdict(run) for run in large]}
    if options.against:
        _say(compared(found, json.loads(options.against.read_text(encoding="utf-8"))))
    if options.json:
        options.json.write_text(json.dumps(found, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
