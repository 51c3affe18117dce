"""A run to look at: a thread gathers what is new, at most twenty times a second, and the screen takes the newest view."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import replace
from socket import gethostname
from time import time
from typing import TYPE_CHECKING, Final

from studio.model.endings import exit_words, silence_words, unknown_words
from studio.model.facts import RunFacts, fold
from studio.model.moments import Moment, batch_times, before, moments_of, stepped, stepped_in, until
from studio.model.preview import one_line
from studio.model.projection import Context, Projection, run_state
from studio.model.scenes import guessed, within
from studio.services.gathering import EventLogs, inherited_lines, load_stored, now, typical_times
from studio.services.items import Items

if TYPE_CHECKING:
    from hypergraph.checkpointers import Run
    from hypergraph.viz.scene import Scene
    from studio.model.batch_view import ItemView
    from studio.model.pause_view import PauseView
    from studio.model.run_view import RunView
    from studio.services.history import Asking, History
    from studio.services.launcher import Launcher

__all__ = ["Feed", "Known", "peek"]

_EVERY: Final = 0.05
_QUIET: Final = 0.4
_CHECK_ALIVE: Final = 0.25
_FIRST_VIEW: Final = 3.0
_MOST_PEEKED: Final = 2_000
_HEAR_EVERY: Final = 5.0
_SILENT: Final = 15.0


class Known:
    """What the loaded modules tell of a graph; each part may be left out.

    Args:
        scene_of: (graph name, structural hash) -> the graph as it is drawn, or None.
        code_of: graph name -> hash of its code, or None.
        spec_of: (graph name, node, response key) -> what an answer has to be, or None.
        told: gives a question with what the loaded graph tells of it, such as where each answer leads.
    """

    def __init__(
        self,
        scene_of: Callable[[str, str], Scene | None] | None = None,
        code_of: Callable[[str], str | None] | None = None,
        spec_of: Asking | None = None,
        told: Callable[[PauseView], PauseView] | None = None,
    ) -> None:
        self.scene_of = scene_of or (lambda _name, _struct: None)
        self.code_of = code_of or (lambda _name: None)
        self.spec_of = spec_of
        self.told = told or (lambda pause: pause)

    def pauses(self, history: History, run: Run) -> tuple[PauseView, ...]:
        """Give the questions of a run."""
        return tuple(self.told(pause) for pause in history.pauses_of(run, self.spec_of))


class Feed:
    """One run, live or past.

    Args:
        history: the store.
        launcher: knows the workers.
        run_id: the run; a nested one or an item is fine.
        known: what the loaded modules tell.
        start: False leaves the gathering to whoever calls `refresh()`.

    Raises:
        LookupError: neither the store nor an event log knows the run.
    """

    def __init__(self, history: History, launcher: Launcher, run_id: str, known: Known | None = None, *, start: bool = True) -> None:
        self._history = history
        self._launcher = launcher
        self._run_id = run_id
        self._known = known or Known()
        folder = launcher.folder(run_id)
        self._run: Run | None = history.run(run_id)
        if self._run is None and not folder.is_dir():
            raise LookupError(f"There is no run {run_id!r} in {history.path.name}.")
        self._logs = EventLogs(folder, _prefix(run_id), inside="/" in run_id)
        self._facts = RunFacts(run_id)
        self._context = Context()
        self._projection = Projection()
        self._view: RunView | None = None
        self._given: RunView | None = None
        self._alive: bool | None = None
        self._checked = self._stored_at = self._heard_at = float("-inf")
        self._token: object = self
        self._load_cost = 0.0
        self._items = Items(history, run_id)
        self._once = self._inherited = False
        self._problem = ""
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.RLock()
        if start:
            threading.Thread(target=self._follow, name=f"feed {run_id}", daemon=True).start()

    # What a screen asks.

    @property
    def run_id(self) -> str:
        """The run that is looked at."""
        return self._run_id

    def poll(self) -> RunView | None:
        """Give the newest view, None when it was given before. Costs nothing."""
        view = self._view
        if view is self._given:
            return None
        self._given = view
        return view

    def latest(self) -> RunView:
        """Give the newest view; waits for the first one."""
        if not self._ready.wait(_FIRST_VIEW) or self._view is None:
            return self._projection.view(self._facts, self._context)
        return self._view

    def at(self, superstep: int) -> RunView:
        """Give the run as it stood when a superstep of it had ended."""
        return self._past(lambda facts: until(facts, superstep))

    def moment(self, moment: Moment) -> RunView:
        """Give the run as it stood at a moment."""
        if moment.at is None:
            return self.at(moment.superstep or 0)
        at = moment.at
        return self._past(lambda facts: before(facts, at), going=True)

    def _past(self, cut: Callable[[RunFacts], RunFacts], *, going: bool = False) -> RunView:
        self._ready.wait(_FIRST_VIEW)
        with self._lock:
            facts, context = self._facts, self._context
        facts = cut(facts)
        if context.batch is not None:
            context = replace(context, batch=self._items.past(facts))
        past = Projection().view(facts, context, past=True, going=going)
        return replace(past, last_superstep=self.latest().last_superstep, live=False)

    def step(self, here: Moment | None, by: int, *, wide: bool = False) -> Moment | None:
        """Give the moment so many ends of steps, or of a batch's items, from another one; None when that is now.

        Args:
            here: where to start, None for now.
            by: how many, backwards when negative.
            wide: go by twentieths of the whole batch.
        """
        self._ready.wait(_FIRST_VIEW)
        with self._lock:
            if self._run_id in self._facts.batches:
                self._facts = self._items.with_times(self._facts)
            facts = self._facts
        batch = facts.batches.get(self._run_id)
        if batch is None:
            return stepped(moments_of(facts), here, by)
        times = batch_times(batch)
        return stepped_in(times, here, by * max(1, len(times) // 20) if wide else by)

    def item(self, number: int) -> ItemView | None:
        """Give one item of a batch, None when nothing is known of it."""
        view = self._view
        if view is None or view.batch is None or not 0 <= number < len(view.batch.states):
            return None
        return self._items.item(view.batch, number, view.scene or self._scene(batch=True))

    def glance(self, *, steps: bool = True) -> RunView:
        """Give what the store says, once; of a run that has not ended also what the end of its event log says: what was at work.

        Args:
            steps: False for the run's row and inputs alone.
        """
        store = self._history.store
        self._alive = self._launcher.is_alive(self._run_id)
        self._logs.look_up_scene()
        if store is not None:
            found = load_stored(store, self._facts, steps=steps, secrets=self._history.secrets)
            self._run, self._facts = found.run, found.facts
            self._context = replace(self._context, inputs=found.inputs, origins=dict.fromkeys(found.inputs, "input"))
            if found.run is not None:
                self._context = replace(self._context, pauses=self._known.pauses(self._history, found.run))
        if steps and (self._run is None or str(self._run.status) == "active"):
            self._facts = fold(self._facts, self._logs.read_end())
        self._make(now())
        return self.latest()

    def close(self) -> None:
        """Stop looking."""
        self._closed.set()

    # Gathering.

    def _follow(self) -> None:
        while not self._closed.is_set():
            began = now()
            try:
                busy = self.refresh()
            except Exception as error:
                # A locked or vanished store is said on the screen, and tried again.
                busy = False
                self._fail(error)
            pause = _EVERY if busy or (self._view is not None and self._view.live) else _QUIET
            # What the look itself took is part of its turn; the screen's thread gets its share all the same.
            self._closed.wait(max(pause / 5, pause - (now() - began)))

    def _fail(self, error: Exception) -> None:
        text = one_line(f"cannot be read at the moment: {error}", 160)
        if text != self._problem and self._view is not None:
            self._view = replace(self._view, note=text)
        self._problem = text
        self._ready.set()

    def refresh(self) -> bool:
        """Take in what is new; True when there was something."""
        with self._lock:
            moment = now()
            if moment - self._checked > _CHECK_ALIVE:
                self._checked, before = moment, self._alive
                self._alive = self._launcher.is_alive(self._run_id)
                turned = before != self._alive
            else:
                turned = False
            lines = self._logs.read()
            if not lines and self._alive is False:
                lines = self._logs.last_words()
            facts = fold(self._facts, lines) if lines else self._facts
            closing = any(line["k"] in {"end", "run-"} and line.get("r") == self._run_id for line in lines)
            self._facts = facts
            stored = self._take_store(moment, force=turned or closing)
            changed = bool(lines) or stored or turned or self._hear(moment) or self._view is None
            if changed or self._items.later or self._moving():
                self._make(moment)
            if not self._once and not lines:
                self._once = True
                self._take_slow()
            return bool(lines)

    def _hear(self, moment: float) -> bool:
        """Look up when the owner of a run that goes on was last heard of; True when there is something new to say."""
        if self._view is None or not self._view.live or moment - self._heard_at < _HEAR_EVERY:
            return False
        self._heard_at = moment
        run, before = self._history.run(self._run_id), self._note()
        if run is not None:
            self._run = run
        return self._note() != before

    def _moving(self) -> bool:
        return self._view is not None and self._view.live and self._items.quiet

    def _take_store(self, moment: float, *, force: bool) -> bool:
        """Read the store where it tells more than the event log: at the beginning, at the end, and for runs without a log."""
        store = self._history.store
        if store is None:
            return False
        first = self._stored_at == float("-inf")
        if not (force or first):
            # The log tells of a run by the second; of what is inside a batch it tells only the ends.
            told = self._alive and "/" not in self._run_id
            if told or moment - self._stored_at < max(0.2, 5 * self._load_cost):
                return False
            token = self._history.token()
            if token == self._token:
                return False
            self._token = token
        else:
            self._token = self._history.token()
        # A run without a log is folded anew: what was only inferred of it must not stay.
        base = self._facts if self._logs.found else RunFacts(self._run_id)
        found = load_stored(store, base, secrets=self._history.secrets)
        self._run = found.run
        self._facts = found.facts
        if found.inputs:
            self._context = replace(self._context, inputs=found.inputs, origins=dict.fromkeys(found.inputs, "input"))
        self._stored_at = now()
        self._load_cost = self._stored_at - moment
        run = found.run
        if run is not None:
            top = run.parent_run_id is None
            if not self._inherited and run.forked_from is not None and top:
                self._inherited = True
                self._context = replace(self._context, inherited=inherited_lines(store, run.id, self._history.secrets))
            family = self._history.lineage(run.id) if top else ()
            self._context = replace(self._context, lineage=family, pauses=self._known.pauses(self._history, run))
        return True

    def _take_slow(self) -> None:
        """What takes longer and is not needed for the first view: how long nodes took before."""
        store, run = self._history.store, self._run
        if store is None or run is None:
            self._once = False
            if self._items.later:
                self._make(now())
            return
        typical = typical_times(store, run)
        if typical or self._items.later:
            self._context = replace(self._context, typical=typical)
            self._make(now())

    # The view.

    def _make(self, moment: float) -> None:
        run, opening = self._run, self._logs.opening or {}
        config = (run.config or {}) if run is not None else {}
        name = (run.graph_name if run is not None else None) or (str(opening.get("graph", "")) if "/" not in self._run_id else "")
        live = run_state(self._facts, self._run_id, self._alive) in {"running", "waiting"}
        batch = self._items.view(self._facts, moment, live=live)
        self._context = replace(
            self._context,
            graph_name=name,
            scene=None if batch is not None else self._scene(),
            alive=self._alive,
            reachable=bool(self._alive),
            runner=str(opening.get("runner") or config.get("runner") or ""),
            actor=str((run.actor if run is not None else None) or opening.get("actor") or ""),
            code_note=self._code_note(name, str(config.get("graph_code_hash") or "")),
            note=self._note(),
            batch=batch,
        )
        view = self._projection.view(self._facts, self._context)
        if view != self._view:
            self._view = view
        self._problem = ""
        self._ready.set()

    def _scene(self, *, batch: bool = False) -> Scene | None:
        run = self._run
        path = _prefix(self._run_id).rstrip("/")
        if path or not batch or self._logs.scene is not None:
            found = within(self._logs.scene, path)
            if found is not None:
                return found
        if run is not None and run.graph_name:
            known = self._known.scene_of(run.graph_name, str((run.config or {}).get("graph_struct_hash") or ""))
            if known is not None:
                return known
        before = self._context.scene
        fresh = guessed(self._facts, run.graph_name or "" if run is not None else "")
        return before if before == fresh else fresh

    def _code_note(self, graph: str, stored: str) -> str:
        if not stored:
            return ""
        loaded = self._known.code_of(graph)
        compared = "" if loaded is None else " same" if loaded == stored else " changed since"
        return f"code {stored[:6]}{compared}"

    def _note(self) -> str:
        state = run_state(self._facts, self._run_id, self._alive)
        run = self._run
        if state == "running":
            stop, claims = self._facts.stop, self._facts.claims
            if stop is not None and self._alive and stop["c"] == max(claims, default=0):
                return "stop asked"
            silent = 0.0 if run is None or run.owner is None or run.owner.heard_at is None else time() - run.owner.heard_at.timestamp()
            if silent > _SILENT:
                return silence_words(silent)
            if not self._alive and run is not None and run.owner is not None:
                return f"by process {run.owner.pid} on {run.owner.host}, not by a studio"
            return self._items_note()
        if state == "interrupted":
            elsewhere = run.last_owner if run is not None else None
            if elsewhere is not None and elsewhere.host != gethostname() and not self._facts.exits:
                return unknown_words(elsewhere.host)
            return exit_words(self._facts.exits.get(max([*self._facts.claims, *self._facts.exits], default=0)))
        if self._facts.disagreements:
            return f"event log and store differ in {self._facts.disagreements} steps"
        return ""

    def _items_note(self) -> str:
        """Say how far a batch inside the run has come."""
        for name, batch in self._facts.batches.items():
            ended = batch.size - batch.states.count(0) - batch.states.count(1)
            if name != self._run_id and ended < batch.size:
                return f"{ended} of {batch.size} items"
        return ""


def _prefix(run_id: str) -> str:
    """Give the path of a run's graph in the outermost one, with its slash: numbers of items and turns are no part of it."""
    parts = run_id.split("/")[1:]
    names = [part for part in parts if not part.isdigit() and not (part.startswith("turn-") and part[5:].isdigit())]
    return "/".join(names) + "/" if names else ""


def peek(history: History, launcher: Launcher, run_id: str, known: Known | None = None) -> RunView | None:
    """Give a run as the store has it, once; None when it has none of that name."""
    run = history.run(run_id)
    if run is None:
        return None
    feed = Feed(history, launcher, run_id, known, start=False)
    return feed.glance(steps=run.node_count <= _MOST_PEEKED)
