"""Which functions of Python's standard library are the hardest to follow?

`file_audit` measures one file: read it, measure its functions, sum them up. Map it over `source_files()` for a batch of thousands:

    SyncRunner().map(file_audit, {"path": source_files()}, map_over="path", error_handling="continue")

`audit` is the whole question as one graph. It has `file_audit` inside as a node that is mapped over all files, and writes the
answer as a Markdown report. A few files of the library do not parse, on purpose: they are test material. The node goes on
without them (`error_handling="continue"`) and the report lists them.
"""

from __future__ import annotations

import ast
import sysconfig
import tokenize
from dataclasses import dataclass
from pathlib import Path

from hypergraph import Graph, node

_BRANCHES = (ast.If, ast.IfExp, ast.For, ast.AsyncFor, ast.While, ast.ExceptHandler, ast.Assert, ast.comprehension, ast.match_case)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef)


@dataclass(frozen=True)
class FunctionSize:
    """How long and how branched one function is."""

    name: str
    line: int
    length: int
    complexity: int


@dataclass(frozen=True)
class FileReport:
    """What there is to say about one file."""

    path: str
    lines: int
    functions: int
    mean_complexity: float
    hardest: FunctionSize | None


def source_files(root: str = "", limit: int = 0) -> list[str]:
    """List the Python files below `root` (default: the standard library), at most `limit` of them, spread evenly."""
    top = Path(root or sysconfig.get_path("stdlib"))
    if not top.is_dir():
        raise NotADirectoryError(f"There is no folder {str(top)!r} to look for Python files in; leave root empty for the standard library.")
    apart = {"site-packages", "dist-packages", "__pycache__"}
    found = sorted(str(path) for path in top.rglob("*.py") if apart.isdisjoint(path.relative_to(top).parts))
    return found[:: max(1, len(found) // limit)][:limit] if limit else found


# One file ---------------------------------------------------------------------------------------------------------------------


@node(output_name="source")
def read_source(path: str = tokenize.__file__) -> str:
    """Read a file in the encoding that it declares."""
    with tokenize.open(path) as file:
        return file.read()


@node(output_name="functions")
def measure_functions(source: str) -> list[FunctionSize]:
    """Measure every function, methods and inner functions included."""
    return [
        FunctionSize(item.name, item.lineno, (item.end_lineno or item.lineno) - item.lineno + 1, complexity(item))
        for item in ast.walk(ast.parse(source))
        if isinstance(item, (ast.FunctionDef, ast.AsyncFunctionDef))
    ]


def complexity(function: ast.AST) -> int:
    """Count the independent paths through a function: one, and one more for each place where it branches."""
    paths, waiting = 1, list(ast.iter_child_nodes(function))
    while waiting:
        item = waiting.pop()
        if isinstance(item, _SCOPES):
            continue  # measured on its own
        if isinstance(item, _BRANCHES):
            paths += 1
        elif isinstance(item, ast.BoolOp):
            paths += len(item.values) - 1
        waiting.extend(ast.iter_child_nodes(item))
    return paths


@node(output_name="file_report")
def sum_up_file(path: str = tokenize.__file__, *, source: str, functions: list[FunctionSize]) -> FileReport:
    """Say how a file does as a whole."""
    mean = sum(function.complexity for function in functions) / len(functions) if functions else 0.0
    hardest = max(functions, key=lambda function: function.complexity, default=None)
    return FileReport(path, source.count("\n") + 1, len(functions), round(mean, 2), hardest)


file_audit = Graph([read_source, measure_functions, sum_up_file], name="file_audit").select("file_report")


# All files --------------------------------------------------------------------------------------------------------------------


@node(output_name="paths")
def find_files(root: str = "", limit: int = 0) -> list[str]:
    """Find what to read: the standard library unless told otherwise; a limit of 0 means every file."""
    return source_files(root, limit)


@node(output_name="ranking")
def rank_files(file_reports: list[FileReport | None], top: int = 20) -> list[FileReport]:
    """Put the files with the hardest functions first."""
    with_functions = [report for report in file_reports if report is not None and report.hardest is not None]
    return sorted(with_functions, key=_hardness, reverse=True)[:top]


def _hardness(report: FileReport) -> tuple[int, int]:
    assert report.hardest is not None
    return report.hardest.complexity, report.hardest.length


@node(output_name="unreadable")
def find_unreadable(paths: list[str], file_reports: list[FileReport | None]) -> list[str]:
    """Name the files that could not be measured: their place in the reports is empty."""
    return [path for path, report in zip(paths, file_reports, strict=True) if report is None]


@node(output_name="report")
def compose_report(file_reports: list[FileReport | None], ranking: list[FileReport], unreadable: list[str]) -> str:
    """Write the findings down as Markdown."""
    read = [report for report in file_reports if report is not None]
    functions = sum(report.functions for report in read)
    lines = sum(report.lines for report in read)
    text = [
        "# The hardest functions",
        "",
        f"{len(read):,} files, {lines:,} lines, {functions:,} functions; {len(unreadable)} files do not parse.",
        "",
        "| paths through it | lines | function | file |",
        "| ---: | ---: | --- | --- |",
    ]
    for report in ranking:
        assert report.hardest is not None
        text.append(
            f"| {report.hardest.complexity} | {report.hardest.length} | `{report.hardest.name}` | {report.path}:{report.hardest.line} |"
        )
    if unreadable:
        text += ["", "## Not parsed", "", *(f"* {path}" for path in unreadable)]
    return "\n".join(text) + "\n"


@node(output_name="report_path")
def write_report(report: str, target: str = "source-audit.md") -> str:
    """Save the report and say where."""
    path = Path(target).resolve()
    path.write_text(report, encoding="utf-8")
    return str(path)


each_file = (
    file_audit.as_node(name="each_file")
    .with_inputs(path="paths")
    .with_outputs(file_report="file_reports")
    .map_over("paths", error_handling="continue")
)

audit = Graph([find_files, each_file, rank_files, find_unreadable, compose_report, write_report], name="audit")
