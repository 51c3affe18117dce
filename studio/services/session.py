"""What a session of the studio consists of: modules, store, workers, notes, and who sits at the screen."""

from __future__ import annotations

import asyncio
import shlex
import threading
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from studio.model.graph_view import GraphView
from studio.options import StudioOptions
from studio.services import looking
from studio.services.actor import who
from studio.services.acts import Acts
from studio.services.beginning import Beginning
from studio.services.feed import Known
from studio.services.hearing import refusal_of
from studio.services.history import History
from studio.services.large_values import LargeValues
from studio.services.launcher import Launcher
from studio.services.paths import Places
from studio.services.project import Project
from studio.services.recalling import Recalling
from studio.services.settings import Settings, load_settings
from studio.services.studio_db import StudioDb
from studio.services.unstored import Unstored

if TYPE_CHECKING:
    from studio.model.pause_view import PauseView
    from studio.model.run_view import RunRow
    from studio.model.type_spec import TypeSpec

__all__ = ["Session"]


class Session:
    """The services of one session; the classes above say what is done with them.

    Args:
        options: what the command line said.
        db: the checkpoint database, existing or not.
        start: the folder that the studio was started in.
        state: the studio's own folder; None for the user's.
    """

    def __init__(self, options: StudioOptions, db: Path, start: Path, state: Path | None = None) -> None:
        self._options = options
        self.read_only = options.read_only
        self.settings: Settings = load_settings()
        self.store_path = options.db or str(db.relative_to(start) if db.is_relative_to(start) else db)
        self.store_label = db.name
        self.history = History(db, secrets=self.settings.secrets)
        # Counting a long history takes longer than listing it: on a connection of its own it holds up no key.
        self._counted = History(db)
        self.launcher = Launcher(db, state, options.python, start)
        self.project = Project(options.targets, start, python=options.python, loading=self.settings.load_seconds)
        self.acts = Acts(
            self.project,
            self.history,
            actor=who(),
            python=options.python,
            start=start,
            hidden=self.settings.secrets,
            at_once=self.settings.at_once,
        )
        self._db = db
        self._large = LargeValues(db)
        self._notes = StudioDb(Places.of(db, state).database, read_only=self.read_only)
        self._beginning = Beginning(db, self.launcher, self.project, self.acts, self._notes, read_only=self.read_only)
        self.recalling = Recalling(self.history, self._notes, self.settings.secrets)
        self._unstored = Unstored(self.history, self.launcher)
        self._known = Known(self._scene_of, self._code_of, self._spec_of, self._told)
        self._marked: str | None = None
        self._lost_changes = 0
        self._prefilled: dict[str, dict[str, str]] = {}
        self._looking = threading.Lock()
        self._waiting: tuple[float, tuple[PauseView, ...]] = (0.0, ())
        self._last_runs: tuple[object, dict[str, RunRow]] = (None, {})

    async def start(self) -> None:
        """Begin to load the modules, and throw away what is too old to be kept."""
        self.project.begin()
        if not self.read_only:
            tidying = partial(self.launcher.tidy, days=self.settings.keep_days, most_bytes=self.settings.keep_bytes)
            threading.Thread(target=tidying, name="studio-tidy", daemon=True).start()

    async def close(self) -> None:
        """End what only looks; runs go on."""
        await asyncio.to_thread(self._close)

    def _close(self) -> None:
        self.project.close()
        self.launcher.close()
        self._large.close()
        self.history.close()
        self._counted.close()
        self._notes.close()

    def goodbye(self) -> str:
        """Say what goes on without the studio."""
        number = sum(1 for worker in self.launcher.running() if not worker.has_ended)
        if not number:
            return ""
        own = [target for target in self._options.targets if not target.startswith("studio.examples.")]
        words = ["hypergraph", "studio", *(["--db", self._options.db] if self._options.db else []), *own]
        return f"{number} run{'s keep' if number > 1 else ' keeps'} going, reattach with: {shlex.join(words)}"

    def refusal(self, run_id: str, claim: int) -> str:
        """Give why a worker that was just started was refused by the library, "" where its run began. Blocks until it is known."""
        return refusal_of(self.launcher.folder(run_id), claim)

    # What is known of graphs, for whoever looks at a run.

    def _scene_of(self, name: str, struct: str) -> Any:
        graph = self.project.graph_like(struct) if struct else self.project.graph(name)
        return graph.scene if graph is not None else None

    def _code_of(self, name: str) -> str | None:
        graph = self.project.graph(name)
        return graph.code_hash if graph is not None else None

    def _spec_of(self, name: str, _node: str, key: str) -> TypeSpec | None:
        graph = self.project.graph(name)
        return graph.asks.get(key) if graph is not None else None

    def _told(self, pause: PauseView) -> PauseView:
        return looking.with_follows(pause, self._graph_of_run(pause.run_id))

    def _graph_of_run(self, run_id: str) -> GraphView | None:
        run = self.history.run(run_id)
        return None if run is None else self.project.graph_like((run.config or {}).get("graph_struct_hash"), run.graph_name)
