"""What screens ask of the world: one object that knows the modules, the store, the workers, and who sits at the screen."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from studio.model.filters import parse_filter
from studio.model.graph_view import ModuleView
from studio.options import DEFAULT_STORE, StudioOptions
from studio.services import looking
from studio.services.answering import Answering
from studio.services.beginning import Outcome
from studio.services.feed import Feed, peek
from studio.services.launching import Launching
from studio.services.noticing import problems_of
from studio.services.operating import Operating
from studio.services.studio_db import Entry
from studio.services.unstored import with_unstored, without

if TYPE_CHECKING:
    from studio.model.bench import BenchView
    from studio.model.diff import Comparison
    from studio.model.problems import Problem
    from studio.model.run_view import RunRow, RunView
    from studio.model.value_view import ValueNode

__all__ = ["Outcome", "Studio", "StudioRefused"]


class StudioRefused(RuntimeError):  # noqa: N818  # the command line prints it, nobody mends it
    """The studio cannot be opened as it was asked for; the message says what to do."""


class Studio(Launching, Answering, Operating):
    """One session, as screens know it: graphs, runs, and everything that only looks."""

    @classmethod
    def open(cls, options: StudioOptions, *, start: Path | None = None, state: Path | None = None) -> Studio:
        """Open a session.

        Args:
            options: what the command line said.
            start: the start folder; None for the present one.
            state: the studio's own folder; None for the user's.

        Raises:
            StudioRefused: the database is missing and was not to be made, or is none.
        """
        start = start or Path.cwd()
        db = (start / Path(options.db).expanduser()) if options.db is not None else start / DEFAULT_STORE
        if options.db is not None and not db.exists() and not options.create:
            raise StudioRefused(
                f"There is no database {options.db}.\n\nHow to fix:\n  Check the path, or let it be made: --create\n"
                "  Without --db the studio uses .hypergraph/runs.db below this folder"
            )
        studio = cls(options, db, start, state)
        from hypergraph.exceptions import CheckpointError, StoreBusyError

        try:
            _ = studio.history.store
        except StoreBusyError:
            # Whoever holds it lets go of it some time: until then the screens say so.
            studio.history.token()
        except CheckpointError as error:
            raise StudioRefused(str(error)) from error
        return studio

    # Graphs.

    def modules(self) -> tuple[ModuleView, ...]:
        """Give the modules; the same object as long as nothing changes."""
        return self.project.modules()

    def reload(self, target: str) -> None:
        """Load a module again."""
        self.project.reload(target)

    def last_runs(self) -> dict[str, RunRow]:
        """Give the newest run of each graph."""
        token = self.history_token()
        if self._last_runs[0] != token or not self._last_runs[1]:
            self._last_runs = token, self.history.last_runs()
        return self._last_runs[1]

    # Runs.

    def newest_run(self) -> str | None:
        """Give the newest run."""
        return next((row.id for row in self.runs("", None, 1)), None)

    def watch(self, run_id: str) -> Feed:
        """Look at a run from now on.

        Raises:
            LookupError: there is no such run.
        """
        return Feed(self.history, self.launcher, run_id, self._known)

    def peek(self, run_id: str) -> RunView | None:
        """Give a run as the store has it, for a preview."""
        return peek(self.history, self.launcher, run_id, self._known)

    def runs(self, text: str, after: RunRow | None, limit: int) -> list[RunRow]:
        """Give a page of runs, newest first."""
        lost = self._notes.lost()
        if parse_filter(text, time.time()).lost:
            return [] if after is not None else self.history.rows_of(lost)[:limit]
        rows = self.history.runs(text, after, limit)
        if after is None and not text:
            # The rows that a page ends with stay last: the next page begins behind them.
            rows = with_unstored(rows, self._unstored.rows())
        return without(rows, lost)

    def children(self, run_id: str, limit: int) -> list[RunRow]:
        """Give the runs inside a run."""
        return self.history.children(run_id, limit)

    def counts(self, text: str) -> dict[str, int]:
        """Count runs by state."""
        return self._counted.counts(text, self._notes.lost())

    @property
    def trouble(self) -> str | None:
        """Why the store cannot be read at the moment, None while it can."""
        return self.history.problem

    def history_token(self) -> object:
        """Give something that changes when the history does."""
        return self.history.token(), self._unstored.token(), self._lost_changes

    # Looking.

    async def compare(self, a: str, b: str) -> Comparison:
        """Compare two runs.

        Raises:
            LookupError: one of them does not exist.
        """
        return await asyncio.to_thread(looking.comparison, self.history, a, b)

    async def value(self, run_id: str, node: str | None, name: str, superstep: int | None, *, path: Sequence[str] = ()) -> ValueNode:
        """Open a value, or a part of it."""
        return await asyncio.to_thread(
            looking.open_part, self.history, self._large, run_id, node, name, superstep, path, self.settings.secrets
        )

    async def reveal(
        self, run_id: str, node: str | None, name: str, superstep: int | None, *, path: Sequence[str] = ()
    ) -> ValueNode | None:
        """Open a value whose name says that it is secret; None where that cannot be written down."""
        entry = Entry(time.time(), self.acts.actor, "reveal", run_id, "/".join([node or "input", name, *path]), "")
        if self.read_only or not self._notes.record(entry):
            return None
        return await asyncio.to_thread(looking.open_part, self.history, self._large, run_id, node, name, superstep, path, revealed=True)

    async def bench(
        self, run_id: str, node: str, superstep: int | None = None, *, times: int = 1, edits: Mapping[str, str] | None = None
    ) -> BenchView:
        """Run one recorded node again, alone, in a process that is thrown away; the run is only read."""
        return await asyncio.to_thread(looking.benched, self.acts, run_id, node, superstep, times, edits or {})

    def yank(self, what: str, run_id: str, node: str | None, superstep: int | None) -> str:
        """Give what is to be copied, "" where there is none."""
        return looking.yanked(self.history, self.acts, what, run_id, node, superstep, store=self.store_path)

    def command_log(self) -> list[Entry]:
        """Give what this session did."""
        return self._notes.session

    def problems(self) -> list[Problem]:
        """Give what is wrong."""
        return problems_of(self.project, self.history, self.settings, self._notes, self.launcher)

    def doctor(self) -> list[tuple[str, bool, str]]:
        """Give what is found on this machine."""
        from studio.services.doctor import findings

        return findings(str(self._db))

    def addresses(self, *, limit: int, text: str) -> list[tuple[str, str, str]]:
        """Give graphs and runs by name, with their addresses."""
        graphs = [graph for view in self.project.modules() for graph in view.graphs]
        return looking.found_addresses(self.history, graphs, text, limit)
