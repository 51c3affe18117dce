"""What a store tells of past and present runs. It is only looked at: nothing here writes, migrates or holds anything back."""

from __future__ import annotations

import contextlib
import functools
import sqlite3
import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from hypergraph.exceptions import CheckpointError, StoreBusyError
from studio.model.filters import Filter, parse_filter
from studio.model.pause_view import PauseView
from studio.model.preview import large_value
from studio.model.refusals import plain_words
from studio.model.rows import answer_spec, run_row, state_of, value_view
from studio.model.run_view import RunRow
from studio.services.family import family_rows

if TYPE_CHECKING:
    from hypergraph.checkpointers import LargeStored, PauseRecord, ReadonlyStore, Run, RunFilter, StepRecord
    from studio.model.lineage_view import LineageRow
    from studio.model.type_spec import TypeSpec

__all__ = ["History"]

_PATIENCE: Final = 0.5
_REST: Final = 1.5
_MOST_FOUND: Final = 2_000
_LOOKED_AT: Final = 300
_AGAIN_AFTER: Final = 5.0

Asking = Callable[[str, str, str], "TypeSpec | None"]
F = TypeVar("F", bound=Callable[..., Any])


def _or(nothing: Callable[[], Any]) -> Callable[[F], F]:
    """Give nothing where the store cannot be read at the moment, and keep why: a screen goes on."""

    def around(method: F) -> F:
        @functools.wraps(method)
        def read(self: History, *args: Any, **kwargs: Any) -> Any:
            if self._clock() < self._rests_until:
                return nothing()
            try:
                return method(self, *args, **kwargs)
            except (CheckpointError, sqlite3.Error, OSError) as error:
                if isinstance(error, StoreBusyError):
                    # Each further look would wait as long again.
                    self._rests_until = self._clock() + _REST
                    self.problem = f"{self.path.name} is held by another process, and cannot be read until that lets go of it."
                else:
                    self.problem = f"{self.path.name} cannot be read at the moment: {plain_words(str(error))}"
                return nothing()

        return cast("F", read)

    return around


def _none() -> None:
    return None


class History:
    """The runs of one store. Safe to use from several threads.

    Attributes:
        problem: why the store could not be read lately, or None.

    Args:
        path: the checkpoint database; it may come into being later.
        clock: gives the present moment.
        secrets: further names whose values are not shown, from the settings.
        built: digests of values of more than 1 MiB that are built; for the others, in the studio for all, something stands in.
    """

    def __init__(
        self, path: Path, *, clock: Callable[[], float] = time.time, built: Collection[bytes] = (), secrets: tuple[str, ...] = ()
    ) -> None:
        self.path = path
        self.secrets = secrets
        self._clock = clock
        self._built = built
        self.problem: str | None = None
        self._rests_until = 0.0
        self._was_there = False
        self._store: ReadonlyStore | None = None
        self._file: tuple[int, int] | None = None
        self._lock = threading.Lock()
        self._token: str | None = None
        self._searched: tuple[str, object, frozenset[str]] | None = None

    @property
    def store(self) -> ReadonlyStore | None:
        """The open store; None as long as there is no file. A file that took another's place is opened anew.

        Raises:
            CheckpointError: the file is no store.
        """
        with self._lock:
            try:
                found = self.path.stat()
            except OSError:
                if self._was_there:
                    self.problem = f"{self.path.name} is gone: it was moved or deleted. A run that is started makes a new one."
                return None
            file = found.st_dev, found.st_ino
            if self._store is not None and self._file != file:
                self._store.close_sync()
                self._store = None
            if self._store is None and found.st_size:
                from hypergraph import SqliteCheckpointer

                self._store = SqliteCheckpointer.open_readonly(self.path, large=self._large, patience=_PATIENCE)
                self._file, self._was_there = file, True
            return self._store

    def _large(self, stored: LargeStored) -> Any:
        return NotImplemented if stored.digest in self._built else large_value(stored)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            store, self._store = self._store, None
        if store is not None:
            store.close_sync()

    def trust(self, things: Any) -> None:
        """Let stored objects of these classes be rebuilt."""
        if self.store is not None:
            self.store.trust(things)

    @_or(_none)
    def token(self) -> object:
        """Give something that changes when the history does; costs microseconds where nothing was written.

        A run whose owner died changes nothing in the file, so that the token changes every few seconds as well.
        """
        store = self.store
        if store is None:
            return None
        self._token = store.changes_since(self._token).token
        self.problem = None
        return self._token, int(self._clock() / _AGAIN_AFTER)

    # Lists.

    @_or(list)
    def runs(self, text: str = "", after: RunRow | None = None, limit: int = 100) -> list[RunRow]:
        """Give top-level runs, newest first.

        Args:
            text: a filter, see `studio.model.filters`.
            after: the last row of the page before.
            limit: no more than this many.
        """
        store = self.store
        if store is None or (after is not None and after.key is None):
            return []
        now = self._clock()
        wanted = parse_filter(text, now)
        holding = self._holding(wanted.value)
        rows: list[RunRow] = []
        key = after.key if after is not None else None
        while len(rows) < limit:
            page = store.page(_filter(wanted), after=key, limit=limit)
            found = [run for run in page.runs if _fits(run, wanted) and (holding is None or run.id in holding)]
            key = page.next
            rows += [run_row(run, now, secrets=self.secrets) for run in found]
            if key is None:
                break
        if rows and key is not None:
            last = rows[-1]
            rows[-1] = RunRow(**{name: getattr(last, name) for name in RunRow.__slots__ if name != "key"}, key=key)
        return rows

    @_or(list)
    def children(self, run_id: str, limit: int = 100) -> list[RunRow]:
        """Give the runs inside a run: failed ones first, then the rest in the order of items."""
        store = self.store
        if store is None:
            return []
        from hypergraph.checkpointers import RunFilter, WorkflowStatus

        now = self._clock()
        failed = store.page(RunFilter(status=(WorkflowStatus.FAILED,), parent_run_id=run_id), limit=limit).runs
        rest = store.page(RunFilter(parent_run_id=run_id), limit=limit).runs
        seen = {run.id for run in failed}
        ordered = [*sorted(failed, key=_place), *sorted((run for run in rest if run.id not in seen), key=_place)]
        return [run_row(run, now, secrets=self.secrets) for run in ordered[:limit]]

    @_or(dict)
    def counts(self, text: str = "", lost: Collection[str] = ()) -> dict[str, int]:
        """Count top-level runs by state.

        Args:
            text: a filter, see `studio.model.filters`.
            lost: runs that are not counted where they are interrupted: they were marked as lost.
        """
        store = self.store
        if store is None:
            return {}
        from hypergraph.checkpointers import WorkflowStatus

        wanted = parse_filter(text, self._clock())
        if wanted.value is not None:
            counted: dict[str, int] = {}
            for row in self.runs(text, limit=_MOST_FOUND):
                counted[row.state] = counted.get(row.state, 0) + 1
            return counted
        found = {str(status): number for status, number in store.counts(_filter(wanted)).by_status.items()}
        active = found.pop("active", 0)
        if active:
            runs = store.page(_filter(wanted, (WorkflowStatus.ACTIVE,)), limit=_MOST_FOUND).runs
            gone = sum(1 for run in runs if run.interrupted)
            hidden = sum(1 for run in runs if run.interrupted and run.id in lost)
            if wanted.interrupted is not True:
                found["running"] = active - gone
            if wanted.interrupted is not False:
                found["interrupted"] = gone - hidden
        return {state: number for state, number in found.items() if number}

    def _holding(self, value: str | None) -> frozenset[str] | None:
        """Give the top-level runs in which a stored value holds a text."""
        store = self.store
        if value is None or store is None:
            return None
        mark = self.token()
        if self._searched is None or self._searched[:2] != (value, mark):
            found = store.search(value, field="values", limit=_MOST_FOUND)
            self._searched = value, mark, frozenset(step.run_id.partition("/")[0] for step in found)
        return self._searched[2]

    @_or(_none)
    def newest(self) -> str | None:
        """Give the newest top-level run."""
        rows = self.runs(limit=1)
        return rows[0].id if rows else None

    @_or(dict)
    def last_runs(self) -> dict[str, RunRow]:
        """Give the newest run of each graph, among the last few hundred runs."""
        found: dict[str, RunRow] = {}
        for row in self.runs(limit=_LOOKED_AT):
            found.setdefault(row.graph, row)
        return found

    @_or(list)
    def lost(self) -> list[RunRow]:
        """Give the runs that nobody runs, though they have not ended."""
        return self.runs("interrupted", limit=100)

    @_or(list)
    def rows_of(self, run_ids: Collection[str]) -> list[RunRow]:
        """Give some runs by name, newest first; those that are not there are left out."""
        now = self._clock()
        found = [run for run_id in run_ids if (run := self.run(run_id)) is not None]
        return sorted((run_row(run, now, secrets=self.secrets) for run in found), key=lambda row: -row.started)

    # One run.

    @_or(_none)
    def run(self, run_id: str) -> Run | None:
        """Give a stored run, or None."""
        store = self.store
        return None if store is None else store.get_run(run_id)

    @_or(dict)
    def inputs(self, run_id: str) -> dict[str, Any]:
        """Give the inputs that a run was started with."""
        store = self.store
        return {} if store is None else store.inputs(run_id)

    @_or(dict)
    def config(self, run_id: str) -> Mapping[str, Any]:
        """Give what is kept beside a run: hashes, options, the graph's reference."""
        run = self.run(run_id)
        return {} if run is None else run.config or {}

    @_or(dict)
    def sources(self, run_id: str) -> dict[str, tuple[str, str]]:
        """Give node -> (hash, source text) of the graph that a run was made with."""
        store = self.store
        return {} if store is None else store.sources(run_id)

    @_or(list)
    def steps(self, run_id: str, superstep: int | None = None) -> list[StepRecord]:
        """Give a run's own steps."""
        store = self.store
        return [] if store is None else list(store.steps(run_id, superstep=superstep))

    @_or(tuple)
    def lineage(self, run_id: str) -> tuple[LineageRow, ...]:
        """Give the family that a run stands in, with what was changed from one to the next; () for a run alone."""
        store = self.store
        if store is None:
            return ()
        with contextlib.suppress(ValueError):
            return family_rows(store, run_id, self._clock(), self.secrets)
        return ()

    # Questions.

    @_or(tuple)
    def pauses(self, spec_of: Asking | None = None) -> tuple[PauseView, ...]:
        """Give the questions that wait, oldest first.

        Args:
            spec_of: gives what an answer has to be where more is known than the store says: (graph name, node, response key).
        """
        store = self.store
        if store is None:
            return ()
        return tuple(
            _pause(one.run_id, one.graph_name or "", one.since.timestamp(), one.pause, spec_of, self.secrets) for one in store.pauses()
        )

    def pauses_of(self, run: Run, spec_of: Asking | None = None) -> tuple[PauseView, ...]:
        """Give the questions of one run."""
        waiting = tuple(one for one in self.pauses(spec_of) if one.run_id == run.id) if run.pauses else ()
        if waiting:
            return waiting
        since = (run.completed_at or run.created_at).timestamp()
        return tuple(_pause(run.id, run.graph_name or "", since, pause, spec_of, self.secrets) for pause in run.pauses)


def _pause(run_id: str, graph: str, since: float, pause: PauseRecord, spec_of: Asking | None, secrets: tuple[str, ...] = ()) -> PauseView:
    asks = []
    for key in dict.fromkeys(pause.response_keys.values()):
        spec = spec_of(graph, pause.node_name, key) if spec_of is not None else None
        asks.append((key, spec if spec is not None else answer_spec(pause)))
    values = tuple(value_view(name, value, secrets=secrets) for name, value in pause.values.items())
    return PauseView(run_id, pause.node_name, since, tuple(asks), values)


def _place(run: Run) -> tuple[int, str]:
    last = run.id.rpartition("/")[2]
    return (int(last), "") if last.isdigit() else (-1, run.id)


def _filter(wanted: Filter, status: tuple[Any, ...] = ()) -> RunFilter:
    from hypergraph.checkpointers import RunFilter, WorkflowStatus

    return RunFilter(
        status=status or tuple(WorkflowStatus(state) for state in wanted.states),
        graph_name=wanted.graph,
        text=wanted.text,
        since=wanted.since,
        until=wanted.until,
    )


def _fits(run: Run, wanted: Filter) -> bool:
    if wanted.interrupted is None or str(run.status) != "active":
        return True
    return (state_of(run) == "interrupted") is wanted.interrupted
