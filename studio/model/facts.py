"""What is known of a run: the fold of its event log and of what the store holds. Any order and any duplicates give the same facts.

Lines are the event log's, one dict each:

    k  what happened       claim run+ run- node+ node- route stop chunk log end exit
    c  the claim (which worker), n  the line's number in it, t  Unix seconds
    r  the run's id        m  for what happens inside batches: [batch, item, batch, item ...], outermost first

Every fact has one writer: a pair (c, n) names a line for ever, an execution of a node is named by run, superstep and node, and where two
lines tell of one thing the rule says which one counts, without asking which came first.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from operator import itemgetter
from typing import Any, Final, NamedTuple, TypeAlias

from studio.model.states import item_code

__all__ = ["BatchFacts", "ChildFacts", "Line", "RunFacts", "StepFacts", "StepKey", "fold", "with_items", "with_stored"]

Line: TypeAlias = Mapping[str, Any]
StepKey: TypeAlias = tuple[str, int, str]

_MOST_LOGS: Final = 50_000
_CLAIM_BITS: Final = 44
_ORDER: Final = itemgetter("c", "n")


class StepFacts(NamedTuple):
    """One execution of a node; a tuple, because a run may have a hundred thousand of them.

    Attributes:
        run, superstep, node: which one.
        claim: the newest worker that told of it; what older ones said no longer counts.
        began, ended: the lines of its start and its end.
        stored: the end as the store has it, in the form of a line; it counts before `ended`.
    """

    run: str
    superstep: int
    node: str
    claim: int = 0
    began: Line | None = None
    ended: Line | None = None
    stored: Line | None = None

    @property
    def end(self) -> Line | None:
        """How it ended, the store's word first."""
        return self.stored if self.stored is not None else self.ended

    @property
    def disagrees(self) -> bool:
        """True when the store and the event log tell different ends."""
        return self.stored is not None and self.ended is not None and self.stored["status"] != self.ended["status"]


@dataclass(frozen=True, slots=True)
class ChildFacts:
    """One run of the tree: the root, or a nested graph's own.

    Attributes:
        up: the step around it: (run, superstep, node).
        began, ended: the lines of its newest start and end.
        stored: the row as the store has it.
    """

    run: str
    up: StepKey | None = None
    began: Line | None = None
    ended: Line | None = None
    stored: Line | None = None


@dataclass(frozen=True, slots=True)
class BatchFacts:
    """The items of a batch.

    Attributes:
        states: item -> the byte of its state.
        seen: item -> which line said so: one number of its claim and its own; 0 where no line did.
        failures: item -> (claim, -number, node, error type, message): the first failure of the newest claim.
        first, last: when the first and the last item ended, as seen in the event log.
        began, ended: item -> when its newest execution began and ended, 0 where that was not seen.
    """

    states: bytes = b""
    seen: array[int] = field(default_factory=lambda: array("q"))
    failures: Mapping[int, tuple[int, int, str, str, str]] = field(default_factory=dict)
    runs: Mapping[int, str] = field(default_factory=dict)
    first: float = 0.0
    last: float = 0.0
    began: array[float] = field(default_factory=lambda: array("d"))
    ended: array[float] = field(default_factory=lambda: array("d"))

    @property
    def size(self) -> int:
        """How many items there are, as far as is known."""
        return len(self.states)


@dataclass(frozen=True, slots=True)
class RunFacts:
    """Everything that is known of one run.

    Attributes:
        root: the run that is looked at.
        steps: every execution of a node that is not inside a batch.
        turns: (run, node) -> the supersteps in which it ran, in order.
        children: the runs, the root included.
        inside: the step of a nested graph -> the run inside it.
        batches: the items of each batch.
        logs: log lines in order, the newest ones.
        claims: the workers that told of it: claim -> the line that opens its log.
        ends: claim -> the line that closes its log.
        exits: claim -> how its process ended, where it could not close its log.
        stop: the line of the first stop that was asked for.
    """

    root: str
    steps: Mapping[StepKey, StepFacts] = field(default_factory=dict)
    turns: Mapping[tuple[str, str], tuple[int, ...]] = field(default_factory=dict)
    children: Mapping[str, ChildFacts] = field(default_factory=dict)
    inside: Mapping[StepKey, str] = field(default_factory=dict)
    batches: Mapping[str, BatchFacts] = field(default_factory=dict)
    logs: tuple[Line, ...] = ()
    claims: Mapping[int, Line] = field(default_factory=dict)
    ends: Mapping[int, Line] = field(default_factory=dict)
    stop: Line | None = None
    exits: Mapping[int, Line] = field(default_factory=dict)

    @property
    def logs_cut(self) -> bool:
        """True when older log lines than the first of `logs` may be there."""
        return len(self.logs) >= _MOST_LOGS

    @property
    def disagreements(self) -> int:
        """In how many steps the store and the event log differ."""
        return sum(1 for step in self.steps.values() if step.disagrees)


class _OpenBatch:
    """A batch's facts while lines are folded in."""

    __slots__ = ("began", "ended", "failures", "first", "last", "runs", "seen", "states")

    def __init__(self, facts: BatchFacts) -> None:
        self.states = bytearray(facts.states)
        self.seen = facts.seen[:]
        self.failures = dict(facts.failures)
        self.runs = dict(facts.runs)
        self.first, self.last = facts.first, facts.last
        self.began, self.ended = facts.began[:], facts.ended[:]

    def close(self) -> BatchFacts:
        return BatchFacts(bytes(self.states), self.seen, self.failures, self.runs, self.first, self.last, self.began, self.ended)

    def grow(self, size: int) -> None:
        if size > len(self.states):
            self.states.extend(bytes(size - len(self.states)))
        for numbers in (self.began, self.ended, self.seen):
            if size > len(numbers):
                numbers.frombytes(bytes(8 * (size - len(numbers))))

    def take(self, batch: str, item: int, run: str, line: Line, *, own: bool) -> None:
        """Take in what happened in an item, or deeper."""
        kind = line["k"]
        if kind == "node-":
            if line["status"] == "failed":
                fresh = (line["c"], -line["n"], line["node"], line.get("type", ""), line.get("error", ""))
                self.failures[item] = max(self.failures.get(item, fresh), fresh)
            return
        if not own or kind not in {"run+", "run-"} or "i" not in line:
            return
        place = (line["c"] << _CLAIM_BITS) + line["n"] + 1
        if item >= len(self.began) or item >= len(self.states):
            self.grow(item + 1)
        if run != f"{batch}/{item}":
            self.runs[item] = run
        moment = line["t"]
        if kind == "run-":
            self.first = min(self.first or moment, moment)
            self.last = max(self.last, moment)
            self.ended[item] = max(self.ended[item], moment)
        else:
            self.began[item] = max(self.began[item], moment)
        if place > self.seen[item]:
            self.seen[item] = place
            self.states[item] = item_code("running" if kind == "run+" else line["status"])


class _Open:
    """Facts while lines are folded in; what no line touches is never copied."""

    def __init__(self, facts: RunFacts) -> None:
        self.root = facts.root
        self.inner = facts.root + "/"
        self.facts = facts
        self.steps: dict[StepKey, StepFacts] = dict(facts.steps)
        self.turns: dict[tuple[str, str], list[int]] = {}
        self.children: dict[str, ChildFacts] = dict(facts.children)
        self.inside: dict[StepKey, str] = dict(facts.inside)
        self.batches: dict[str, _OpenBatch] = {}
        self.claims = dict(facts.claims)
        self.ends = dict(facts.ends)
        self.exits = dict(facts.exits)
        self.logs: list[Line] = []
        self.stop = facts.stop

    def close(self) -> RunFacts:
        batches = {**self.facts.batches, **{name: one.close() for name, one in self.batches.items()}}
        turns = {**self.facts.turns, **{place: _in_order(found) for place, found in self.turns.items()}}
        return RunFacts(
            self.root, self.steps, turns, self.children, self.inside, batches,
            _merged(self.facts.logs, self.logs), self.claims, self.ends, self.stop, self.exits,
        )  # fmt: skip

    def batch(self, name: str) -> _OpenBatch:
        found = self.batches.get(name)
        if found is None:
            found = self.batches[name] = _OpenBatch(self.facts.batches.get(name, BatchFacts()))
        return found

    def item_of(self, places: list[Any]) -> tuple[str, int, bool] | None:
        """Give the outermost batch of the chain that lies in this run, the item, and whether the chain ends there."""
        for at in range(0, len(places), 2):
            name = places[at]
            if name == self.root or name.startswith(self.inner):
                return name, places[at + 1], at + 2 == len(places)
        return None

    def take(self, line: Line) -> None:
        kind = line["k"]
        run = line.get("r", "")
        if kind == "claim":
            self.claims[line["c"]] = line
            return
        if kind == "end":
            self.ends[line["c"]] = line
            return
        if kind == "exit":
            self.exits[line["c"]] = line
            return
        if run != self.root and not run.startswith(self.inner) and (run or kind not in {"log", "stop"}):
            return
        if kind in {"log", "chunk"}:
            self.logs.append(line)
            return
        if kind == "stop":
            # The first one of the newest claim: an earlier claim's stop is history.
            if self.stop is None or (line["c"], -line["n"]) > (self.stop["c"], -self.stop["n"]):
                self.stop = line
            return
        places = line.get("m")
        found = self.item_of(places) if places is not None else None
        if found is not None:
            self.batch(found[0]).take(found[0], found[1], run, line, own=found[2])
        elif kind in {"node+", "node-"}:
            self.step(run, line, begins=kind == "node+")
        elif kind in {"run+", "run-"}:
            self.child(run, line, begins=kind == "run+")

    def step(self, run: str, line: Line, *, begins: bool) -> None:
        superstep, node = line["s"], line["node"]
        key = (run, superstep, node)
        claim = line["c"]
        old = self.steps.get(key)
        if old is None:
            self.steps[key] = StepFacts(run, superstep, node, claim, line if begins else None, None if begins else line)
            self.turn(run, node, superstep)
        elif claim > old.claim:
            self.steps[key] = StepFacts(run, superstep, node, claim, line if begins else None, None if begins else line, old.stored)
        elif claim == old.claim:
            before = old.began if begins else old.ended
            if before is None or line["n"] < before["n"]:
                began, ended = (line, old.ended) if begins else (old.began, line)
                self.steps[key] = StepFacts(run, superstep, node, claim, began, ended, old.stored)

    def turn(self, run: str, node: str, superstep: int) -> None:
        place = run, node
        found = self.turns.get(place)
        if found is None:
            found = self.turns[place] = list(self.facts.turns.get(place, ()))
        found.append(superstep)

    def child(self, run: str, line: Line, *, begins: bool) -> None:
        old = self.children.get(run) or ChildFacts(run)
        before = old.began if begins else old.ended
        if before is not None and _ORDER(before) >= _ORDER(line):
            return
        up = old.up
        if begins:
            if line.get("map"):
                self.batch(run).grow(line.get("size") or 0)
            if line.get("up") is not None:
                name, superstep, node = line["up"]
                up = (name, superstep, node)
                self.inside[up] = run
            self.children[run] = replace(old, began=line, up=up)
        else:
            self.children[run] = replace(old, ended=line)


def fold(facts: RunFacts, lines: Iterable[Line]) -> RunFacts:
    """Take lines of the event log into the facts.

    Args:
        facts: what was known.
        lines: in any order; those that are known already change nothing.
    """
    opened = _Open(facts)
    take = opened.take
    for line in lines:
        take(line)
    return opened.close()


def _in_order(supersteps: list[int]) -> tuple[int, ...]:
    supersteps.sort()
    return tuple(supersteps)


def _merged(old: tuple[Line, ...], new: list[Line]) -> tuple[Line, ...]:
    if not new:
        return old
    new.sort(key=_ORDER)
    if old and _ORDER(new[0]) <= _ORDER(old[-1]):
        old, new = (), sorted([*old, *new], key=_ORDER)
    single = [line for place, line in enumerate(new) if not place or _ORDER(line) != _ORDER(new[place - 1])]
    return (*old, *single)[-_MOST_LOGS:]


def with_stored(facts: RunFacts, run: Line, steps: Iterable[Line]) -> RunFacts:
    """Take in a run's row and steps as the store has them.

    Args:
        facts: what was known.
        run: the row: r, status, and what else a screen shows of it; `up` for a nested run.
        steps: the steps in the form of "node-" lines, with r, s and node.
    """
    opened = _Open(facts)
    name = run["r"]
    old = opened.children.get(name) or ChildFacts(name)
    up = old.up or (tuple(run["up"]) if run.get("up") else None)
    opened.children[name] = replace(old, stored=run, up=up)
    if up is not None:
        opened.inside[up] = name
    for line in steps:
        key = (name, line["s"], line["node"])
        before = opened.steps.get(key)
        if before is None:
            opened.steps[key] = StepFacts(name, line["s"], line["node"], stored=line)
            opened.turn(name, line["node"], line["s"])
        elif before.stored != line:
            opened.steps[key] = before._replace(stored=line)
        if line.get("child"):
            opened.inside[key] = line["child"]
    return opened.close()


def with_items(facts: RunFacts, batch: str, states: bytes, failures: Mapping[int, tuple[str, str, str]] | None = None) -> RunFacts:
    """Take in the items of a batch as the store has them; what the event log saw of an item counts while it runs.

    Args:
        facts: what was known.
        batch: the batch's run.
        states: one byte an item, an index into `ITEM_STATES`.
        failures: item -> (node, error type, message).
    """
    old = facts.batches.get(batch, BatchFacts())
    merged = bytearray(states.ljust(len(old.states), b"\0"))
    for item, seen in enumerate(old.seen):
        if seen and merged[item] <= 1:
            merged[item] = old.states[item]
    told = dict(old.failures)
    for item, (node, kind, message) in (failures or {}).items():
        told.setdefault(item, (0, 0, node, kind, message))
    return replace(facts, batches={**facts.batches, batch: replace(old, states=bytes(merged), failures=told)})
