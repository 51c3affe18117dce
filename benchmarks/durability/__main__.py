"""The command: `python -m benchmarks.durability`."""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from benchmarks.durability.endings import ending_rows
from benchmarks.durability.files import file_rows
from benchmarks.durability.hands import Hands
from benchmarks.durability.kills import Series, kill_series
from benchmarks.durability.ownership import ownership_rows
from benchmarks.durability.powerloss import power_loss_rows
from benchmarks.durability.report import Row, as_json, heading, line, verdict
from benchmarks.durability.shapes import DURABILITIES, FACES, SHAPES
from benchmarks.durability.watching import fuzz_rows
from benchmarks.durability.writers import writer_rows


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.durability", description="Hold what is promised of stored runs against processes that are really killed."
    )
    parser.add_argument("--quick", action="store_true", help="small numbers, under two minutes")
    parser.add_argument("--only", metavar="WORD", action="append", choices=sorted(EXPERIMENTS), help=f"one of: {', '.join(EXPERIMENTS)}")
    parser.add_argument("--kills", metavar="N", type=int, help="kills a series (200; with --quick 3)")
    parser.add_argument(
        "--share", metavar="PART", type=float, default=1.0, help="do each other experiment only this part as often, as in 0.2"
    )
    parser.add_argument("--shape", action="append", choices=sorted(SHAPES), help="only this graph is killed; may be repeated")
    parser.add_argument("--runner", choices=FACES, help="only this runner")
    parser.add_argument("--durability", choices=DURABILITIES, help="only this durability")
    parser.add_argument("--jobs", metavar="N", type=int, default=max(4, 2 * (os.cpu_count() or 1)), help="children that live at once")
    parser.add_argument("--seed", type=int, default=0, help="other moments to kill at")
    parser.add_argument("--json", metavar="FILE", type=Path, help="write the figures to a file")
    return parser.parse_args()


def _often(options: argparse.Namespace, quick: int, full: int) -> int:
    return quick if options.quick else max(1, int(full * options.share))


def _series_rows(hands: Hands, folder: Path, options: argparse.Namespace, kind: str, kills: int) -> Iterator[Row]:
    for name, shape in SHAPES.items():
        for face in shape.faces:
            for durability in DURABILITIES:
                left_out = (
                    (options.shape and name not in options.shape)
                    or (options.runner and face != options.runner)
                    or (options.durability and durability != options.durability)
                    # A fork of what was not stored has nothing to go on from, and a batch is not forked.
                    or (kind in ("fork_from", "retry_from") and (durability == "exit" or shape.mapped or shape.answer))
                    # Storms are about the promises of a kill, of which "exit" makes none.
                    or (kind == "storm" and durability == "exit")
                )
                if not left_out:
                    yield _row(kill_series(hands, folder, name, face, durability, kills, kind=kind, seed=options.seed))


def _row(series: Series) -> Row:
    repeated, killed, resumed = series.repeated, series.total("killed"), series.total("resumed")
    again = f"again {statistics.fmean(repeated or [0]):.2f} a kill, most {max(repeated, default=0)}"
    broken = series.broken()
    wrong, twice, stuck = series.total("wrong"), series.total("acknowledged"), series.total("stuck")
    return Row(
        series.name.removesuffix("_from"), f"{series.shape} {series.face} {series.durability}", killed,
        f"resumed {resumed / max(killed, 1):.0%}, stuck {stuck}, wrong {wrong}, stored twice {twice}; {again}",
        f"all right; again {series.promise}",
        [*broken, *(text for one in series.rounds for text in one.trouble)][:20] if broken else [],
        {
            "killed": killed, "resumed": resumed, "stuck": stuck, "wrong": wrong, "acknowledged": twice,
            "repeated_mean": statistics.fmean(repeated or [0]), "repeated_most": max(repeated, default=0),
            "longest_unstored_ms": series.late * 1000,
        },
    )  # fmt: skip


def _kills(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    yield from _series_rows(hands, folder, options, "kill", options.kills or (3 if options.quick else 200))


def _storms(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    yield from _series_rows(hands, folder, options, "storm", _often(options, 1, 50))


def _forks(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    for kind in ("fork_from", "retry_from"):
        yield from _series_rows(hands, folder, options, kind, _often(options, 1, 50))


def _owners(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    with Hands(8) as own:
        yield from ownership_rows(own, folder, _often(options, 3, 200), _often(options, 2, 100))


def _writers(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    yield from writer_rows(hands, folder, quick=options.quick)


def _endings(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    yield from ending_rows(hands, folder, _often(options, 1, 30))


def _power(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    yield from power_loss_rows(folder, _often(options, 40, 500), 4 if options.quick else 12, 2 if options.quick else 20)


def _files(hands: Hands, folder: Path, options: argparse.Namespace) -> Iterator[Row]:
    yield from file_rows(hands, folder / "files", _often(options, 100, 2000))
    yield from fuzz_rows(hands, _often(options, 2000, 20_000))


EXPERIMENTS: dict[str, Callable[[Hands, Path, argparse.Namespace], Iterator[Row]]] = {
    "kills": _kills, "storms": _storms, "forks": _forks, "owners": _owners, "writers": _writers, "endings": _endings, "power": _power,
    "files": _files,
}  # fmt: skip


def main() -> int:
    """Do the experiments, tell each as it ends, and write the JSON at the end."""
    options = _options()
    rows: list[Row] = []
    print(heading(), flush=True)
    with tempfile.TemporaryDirectory(prefix="hypergraph-durability-") as name, Hands(options.jobs) as hands:
        for experiment, find in EXPERIMENTS.items():
            if options.only and experiment not in options.only:
                continue
            began = time.monotonic()
            for row in find(hands, Path(name), options):
                row.seconds, began = time.monotonic() - began, time.monotonic()
                rows.append(row)
                print(line(row), flush=True)
    print(verdict(rows))
    if options.json:
        options.json.write_text(json.dumps(as_json(rows), indent=2) + "\n", encoding="utf-8")
    return 1 if any(row.broken for row in rows) else 0


if __name__ == "__main__":
    sys.exit(main())
