"""What the studio's measurements stand on: stores of any size, the app with the moments of its paints, and a terminal of its own."""

from __future__ import annotations

import asyncio
import os
import pty
import select
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import asynccontextmanager, closing, contextmanager
from pathlib import Path
from typing import Any

from benchmarks.work import chain
from hypergraph import SqliteCheckpointer, SyncRunner

__all__ = ["opened_app", "quiet_moment", "some_items", "some_runs", "terminal"]

_SIZE = 120, 40


# Stores of any size: a few real runs, copied in SQL.


def some_runs(path: Path, runs: int) -> None:
    """Make a store of many runs; every tenth failed."""
    graph = chain(3)
    model = 100
    with SqliteCheckpointer(path) as store:
        runner = SyncRunner(checkpointer=store)
        for number in range(model):
            given = {"v0": "x" if number % 10 == 0 else number}
            runner.run(graph, given, workflow_id=f"run-{number}", error_handling="continue")
    _copied(path, model, runs, "'run-' || (r.key - 1 + ? * g.value)")


def some_items(path: Path, items: int) -> None:
    """Make a store with one batch of many items; every hundredth failed."""
    graph = chain(2)
    model = min(items, 1000)
    with SqliteCheckpointer(path) as store:
        values = {"v0": ["x" if number % 100 == 7 else number for number in range(model)]}
        SyncRunner(checkpointer=store).map(graph, values, map_over="v0", workflow_id="batch", error_handling="continue")
    with closing(sqlite3.connect(path)) as db:
        own = "(SELECT config FROM runs WHERE id = 'batch')"
        db.execute(f"UPDATE texts SET content = json_set(content, '$.map_size', ?) WHERE key = {own}", (items,))
        db.execute("UPDATE runs SET node_count = ?, error_count = ? WHERE id = 'batch'", (items, items // 100))
        db.commit()
    _copied(path, model, items, "'batch/' || (CAST(substr(r.id, 7) AS INTEGER) + ? * g.value)", "r.parent_run_id = 'batch'")


def _copied(path: Path, model: int, wanted: int, name: str, which: str = "1") -> None:
    """Copy runs and steps until there are as many as wanted."""
    if wanted <= model:
        return
    with closing(sqlite3.connect(path)) as db:
        (last,) = db.execute("SELECT max(key) FROM runs").fetchone()
        runs = [row[1] for row in db.execute("PRAGMA table_info(runs)") if row[1] not in {"key", "id", "seq"}]
        steps = [row[1] for row in db.execute("PRAGMA table_info(steps)") if row[1] != "run"]
        most = wanted // model - 1
        numbers = f"(WITH RECURSIVE n(value) AS (SELECT 1 UNION ALL SELECT value + 1 FROM n WHERE value < {most}) SELECT * FROM n)"
        key = f"r.key + {last} * g.value"
        db.execute(
            f"INSERT INTO runs (key, id, seq, {', '.join(runs)}) "
            f"SELECT {key}, {name}, {key}, {', '.join('r.' + one for one in runs)} FROM {numbers} g JOIN runs r WHERE {which} ORDER BY 1",
            (model,),
        )
        db.execute(
            f"INSERT INTO steps (run, {', '.join(steps)}) "
            f"SELECT {key}, {', '.join('s.' + one for one in steps)} FROM {numbers} g JOIN runs r JOIN steps s ON s.run = r.key "
            f"WHERE r.key <= {last} AND {which}"
        )
        db.execute(
            f"INSERT INTO run_data (run, kind, data) SELECT {key}, d.kind, d.data FROM {numbers} g JOIN runs r "
            f"JOIN run_data d ON d.run = r.key WHERE r.key <= {last} AND {which}"
        )
        db.commit()
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")


# The app, with the moments of its paints.


@asynccontextmanager
async def opened_app(folder: Path, db: Path, at: str | None = None) -> Any:
    """Run the app without a terminal; what it would write to one is made all the same."""
    from studio.app import StudioApp
    from studio.options import StudioOptions
    from studio.services.studio import Studio

    class Watched(StudioApp):
        """Tells when something was painted that was waited for."""

        condition: Callable[[], Any] | None = None
        painted: asyncio.Event

        def _display(self, screen: Any, renderable: Any) -> None:
            ready = self.condition is not None and bool(self.condition())
            if renderable is not None and hasattr(renderable, "render_segments"):
                renderable.render_segments(self.console)
            super()._display(screen, renderable)
            if ready:
                self.condition = None
                self.painted.set()

        async def until(self, condition: Callable[[], Any], act: Callable[[], object]) -> float:
            """Act, and give the seconds until the paint that shows what was waited for."""
            self.painted = asyncio.Event()
            self.condition = condition
            before = time.perf_counter()
            act()
            async with asyncio.timeout(60):
                await self.painted.wait()
            return time.perf_counter() - before

        def key(self, key: str) -> None:
            """Press a key."""
            from textual import events
            from textual.keys import _character_to_key

            single = len(key) == 1
            self.post_message(events.Key(_character_to_key(key) if single else key, key if single else None))

    options = StudioOptions((), db=str(db), at=at)
    app = Watched(options, Studio.open(options, start=folder, state=folder / "state"))
    async with app.run_test(size=_SIZE) as pilot:
        await pilot.pause()
        yield app, pilot


def quiet_moment() -> Any:
    return asyncio.sleep(0.3)


# A terminal of its own.


@contextmanager
def terminal(arguments: Sequence[str], folder: Path) -> Iterator[tuple[subprocess.Popen[bytes], Callable[[bytes], float], int]]:
    """Start the studio in a terminal of its own; gives the process, what waits for a text, and the terminal."""
    master, slave = pty.openpty()
    import fcntl
    import struct
    import termios

    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 120, 0, 0))
    environment = {**os.environ, "TERM": "xterm-256color", "COLORTERM": "truecolor", "XDG_STATE_HOME": str(folder / "state")}
    environment["PYTHONPATH"] = str(Path(__file__).parent.parent)
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "studio", *arguments], stdin=slave, stdout=slave, stderr=slave, cwd=folder, env=environment
    )
    os.close(slave)
    seen = bytearray()

    def until(text: bytes) -> float:
        deadline = time.perf_counter() + 20
        while text not in seen:
            if not select.select([master], [], [], max(0.0, deadline - time.perf_counter()))[0]:
                raise TimeoutError(f"{text!r} did not come; the screen has {bytes(seen[-2000:])!r}")
            seen.extend(os.read(master, 1 << 16))
        return time.perf_counter() - started

    try:
        yield process, until, master
    finally:
        os.write(master, b"q")
        try:
            process.wait(5)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        os.close(master)
