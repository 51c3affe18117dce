"""The command `hypergraph`.

Only the standard library is loaded here: without the studio's extra the command still starts, and says how to install it.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from collections.abc import Sequence
from typing import Final

from studio.options import ServeOptions, StudioOptions

__all__ = ["main"]

_INSTALL: Final = "pip install 'hypergraph-studio[studio]'"
BUNDLED: Final = tuple(f"studio.examples.{name}" for name in ("source_audit", "refine_loop", "review", "orders"))
"""What opens when nothing is named."""

_EXAMPLES: Final = """\
examples:
  hypergraph studio                    the bundled examples
  hypergraph studio my_module          graphs of a module, in this terminal
  hypergraph studio pipelines/rag.py   graphs of a file
  hypergraph studio --db runs.db       the history of a database, without any graph
  hypergraph serve my_module           the same in a browser, on this machine
"""


def _studio_arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "targets",
        metavar="TARGET",
        nargs="*",
        help="a module (my.module) or a file (graphs.py) that holds graphs; none: the bundled examples",
    )
    parser.add_argument("--db", metavar="PATH", help="checkpoint database (default: .hypergraph/runs.db below this folder)")
    parser.add_argument("--create", action="store_true", help="make the database when it does not exist")
    parser.add_argument("--at", metavar="ADDR", help="start at an address, such as hg:run/rag-7")
    parser.add_argument("--python", metavar="PATH", help="interpreter that loads your modules and runs your graphs (default: this one)")
    parser.add_argument("--read-only", action="store_true", help="look at everything, change nothing")
    parser.add_argument("--plain", action="store_true", help="one line per fact, without panels: for small screens and braille lines")
    parser.add_argument("--ascii", action="store_true", help="draw with ASCII only")
    parser.add_argument("--theme", choices=("dark", "light", "contrast"), help="colours (default: those of the settings, else dark)")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="hypergraph",
        description="Launch, watch, inspect, answer and fork runs of graphs.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    studio = commands.add_parser("studio", help="open the studio in this terminal", description="Open the studio in this terminal.")
    _studio_arguments(studio)
    serve = commands.add_parser(
        "serve", help="open the studio in a browser", description="Open the studio in a browser, on this machine only."
    )
    _studio_arguments(serve)
    serve.add_argument("--host", default="127.0.0.1", help="address to listen on (default: 127.0.0.1)")
    serve.add_argument("--port", type=int, default=8000, help="port to listen on; 0 takes a free one (default: 8000)")
    serve.add_argument("--allow-remote", action="store_true", help="permit a --host that other machines can reach")
    serve.add_argument("--sessions", type=int, default=4, metavar="N", help="the most windows open at once (default: 4)")
    serve.add_argument("--user-header", metavar="NAME", help="header in which a trusted proxy names the user")
    serve.add_argument("--public-url", metavar="URL", help="address of a proxy in front, such as https://studio.example")
    doctor = commands.add_parser("doctor", help="say what the studio finds on this machine", description="Check what the studio needs.")
    doctor.add_argument("--db", metavar="PATH", help="checkpoint database to look at")
    return parser


def _missing() -> list[str]:
    needed = ("textual", "textual_serve", "platformdirs", "watchfiles")
    return [name for name in needed if importlib.util.find_spec(name) is None]


def _options(found: argparse.Namespace) -> StudioOptions:
    return StudioOptions(
        # A newcomer has no module yet; whoever names a database wants its history.
        targets=tuple(found.targets) or (() if found.db is not None else BUNDLED),
        db=found.db,
        create=found.create,
        at=found.at,
        python=found.python,
        read_only=found.read_only,
        plain=found.plain,
        ascii=found.ascii,
        theme=found.theme,
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        argv: the arguments; None for those of the process.

    Returns:
        The exit code: 0 for success, 1 when something is missing or refused, 2 for a wrong command line.
    """
    try:
        found = _parser().parse_args(argv)
    except SystemExit as leaving:
        return leaving.code if isinstance(leaving.code, int) else 2
    missing = _missing()
    if found.command != "doctor" and missing:
        print(
            f"The studio needs {', '.join(missing)}, which the library alone does not install.\n\nHow to fix:\n  {_INSTALL}",
            file=sys.stderr,
        )
        return 1
    if found.command == "doctor":
        return _doctor(found.db, missing)
    if found.command == "serve":
        from studio.serve.server import serve

        return serve(
            _options(found),
            ServeOptions(
                host=found.host,
                port=found.port,
                allow_remote=found.allow_remote,
                sessions=found.sessions,
                user_header=found.user_header,
                public_url=found.public_url,
            ),
        )
    # Read by textual when it is imported: more repaints a second cost time and show nothing.
    os.environ.setdefault("TEXTUAL_FPS", "20")
    from studio.app import run_studio

    return run_studio(_options(found))


def _doctor(db: str | None, missing: Sequence[str]) -> int:
    from studio.services.doctor import findings

    rows = [*findings(db)]
    for name in missing:
        rows.append((name, False, f"not installed; the studio needs it: {_INSTALL}"))
    width = max((len(name) for name, _, _ in rows), default=0)
    for name, good, detail in rows:
        print(f"{'ok  ' if good else 'look'}  {name:<{width}}  {detail}")
    return 0 if all(good for _, good, _ in rows) else 1
