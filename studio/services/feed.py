"""A run to look at: a thread gathers what is new, at most twenty times a second, and the screen takes the newest view."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from studio.model.batch_view import ItemView
from studio.model.batches import batch_view
from studio.model.facts import RunFacts, fold
from studio.model.preview import one_line, preview
from studio.model.projection import Context, Projection, run_state, until
from studio.model.scenes import guessed, within
from studio.services.gathering import EventLogs, groups_of, inherited_lines, load_stored, now, typical_times

if TYPE_CHECKING:
    from hypergraph.checkpointers import Run
    from hypergraph.viz.scene import Scene
    from studio.model.batch_view import BatchView, FailureGroup
    from studio.model.pause_view import PauseView
    from studio.model.run_view import RunView
    from studio.services.history import Asking, History
    from studio.services.launcher import Launcher

__all__ = ["Feed", "Known", "peek"]

_EVERY: Final = 0.05
_QUIET: Final = 0.4
_CHECK_ALIVE: Final = 0.25
_FIRST_VIEW: Final = 3.0
_RATE_OVER: Final = 5.0
_GROUPS_EVERY: Final = 2.0
_MOST_PEEKED: Final = 2_000
_MANY: Final = 10_000


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
        self._logs = EventLogs(folder, _prefix(run_id))
        self._facts = RunFacts(run_id)
        self._context = Context()
        self._projection = Projection()
        self._view: RunView | None = None
        self._given: RunView | None = None
        self._alive: bool | None = None
        self._checked = self._stored_at = self._grouped_at = float("-inf")
        self._token: object = self
        self._load_cost = 0.0
        self._groups: tuple[FailureGroup, ...] = ()
        self._pace: deque[tuple[float, int]] = deque()
        self._once = self._inherited = self._later = False
        self._problem = ""
        self._ready = threading.Event()
        self._closed = threading.Event()
        self._lock = threading.RLock()
        self._items: dict[int, tuple[int, ItemView]] = {}
        if start:
            threading.Thread(target=self._follow, name=f"feed {run_id}", daemon=True).start()

    # What a screen asks.

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
        self._ready.wait(_FIRST_VIEW)
        with self._lock:
            facts, context = self._facts, self._context
        past = Projection().view(until(facts, superstep), context, past=True)
        last = self.latest().last_superstep
        return replace(past, last_superstep=last, live=False)

    def item(self, number: int) -> ItemView | None:
        """Give one item of a batch, None when it has not begun."""
        view = self._view
        if view is None or view.batch is None or not 0 <= number < len(view.batch.states):
            return None
        state = view.batch.states[number]
        kept = self._items.get(number)
        if kept is not None and kept[0] == state:
            return kept[1]
        found = self._item(view.batch.run_of(number), view.scene or self._scene(batch=True)) if state else None
        if found is not None:
            self._items[number] = state, found
        return found

    def glance(self, *, steps: bool = True) -> RunView:
        """Give what the store says, once, without the event log.

        Args:
            steps: False for the run's row and inputs alone.
        """
        store = self._history.store
        self._alive = self._launcher.is_alive(self._run_id)
        self._logs.look_up_scene()
        if store is not None:
            found = load_stored(store, self._facts, steps=steps)
            self._run, self._facts = found.run, found.facts
            self._context = replace(self._context, inputs=found.inputs, origins=dict.fromkeys(found.inputs, "input"))
            if found.run is not None:
                self._context = replace(self._context, pauses=self._known.pauses(self._history, found.run))
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
            changed = bool(lines) or stored or turned or self._view is None
            if changed or self._moving():
                self._make(moment)
            if not self._once and not lines:
                self._once = True
                self._take_slow()
            return bool(lines)

    def _moving(self) -> bool:
        return bool(self._pace) and self._view is not None and self._view.live and now() - self._pace[-1][0] > 1.0

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
        found = load_stored(store, base)
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
                self._context = replace(self._context, inherited=inherited_lines(store, run.id))
            family = self._history.lineage(run.id) if top else ()
            self._context = replace(self._context, lineage=family, pauses=self._known.pauses(self._history, run))
        return True

    def _take_slow(self) -> None:
        """What takes longer and is not needed for the first view: how long nodes took before."""
        store, run = self._history.store, self._run
        if store is None or run is None:
            self._once = False
            if self._later:
                self._make(now())
            return
        typical = typical_times(store, run)
        if typical or self._later:
            self._context = replace(self._context, typical=typical)
            self._make(now())

    # The view.

    def _make(self, moment: float) -> None:
        run, opening = self._run, self._logs.opening or {}
        config = (run.config or {}) if run is not None else {}
        name = (run.graph_name if run is not None else None) or (str(opening.get("graph", "")) if "/" not in self._run_id else "")
        batch = self._batch(moment)
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

    def _batch(self, moment: float) -> BatchView | None:
        facts = self._facts.batches.get(self._run_id)
        if facts is None:
            return None
        live = run_state(self._facts, self._run_id, self._alive) in {"running", "waiting"}
        ended = facts.size - facts.states.count(0) - facts.states.count(1)
        self._pace.append((moment, ended))
        while len(self._pace) > 2 and moment - self._pace[0][0] > _RATE_OVER:
            self._pace.popleft()
        passed = moment - self._pace[0][0]
        rate = (ended - self._pace[0][1]) / passed if passed > 0.2 else 0.0
        # Of many items the cells are shown first: failures are grouped when they stand.
        self._later = self._view is None and facts.size > _MANY
        if not self._later and (moment - self._grouped_at > _GROUPS_EVERY or not live):
            self._grouped_at = moment
            self._groups = groups_of(self._history.store, self._run_id, facts, whole=not live)
        return batch_view(self._run_id, facts, self._groups, rate=rate, live=live)

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
            if not self._alive and run is not None and run.owner is not None:
                return f"by process {run.owner.pid} on {run.owner.host}, not by a studio"
            return self._items_note()
        if state == "interrupted":
            return "its process is gone"
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

    def _item(self, run_id: str, scene: Scene | None) -> ItemView | None:
        store = self._history.store
        if store is None:
            return None
        run = store.get_run(run_id)
        if run is None:
            return None
        states: dict[str, str] = {node.name: "waiting" for node in scene.nodes} if scene is not None else {}
        error = run.error or ""
        for step in store.steps(run_id):
            states[step.node_name] = "cached" if step.cached else str(step.status)
            if step.traceback or step.error:
                error = step.traceback or step.error or ""
        given = ", ".join(
            f"{name}={one_line(preview(value, name=name, limit=200)[1], 100)}" for name, value in store.inputs(run_id).items()
        )
        return ItemView(given, tuple(states.items()), error)


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
