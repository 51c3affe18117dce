"""Several producers of one name: which of them may a reader see, and is that provable?

Theory of operation. Two producers never leave it open which value is the newest when

* they are *exclusive*: a gate that chooses one target would have to choose differently for each (see `conditions`); or
* they are *in sequence*: ordering, explicit or certain data edges lead from one to the other within a round.

A reader is then wired to the producers whose value can reach it. A value that another producer overwrites on its way gives no edge
(it is *shadowed*): producer P for reader R is shadowed by Q when Q stands between P and R in the round, and runs whenever they do.
A producer that stands after its reader reaches it a round later; between them are the rest of this round and the start of the next.

Everything here is done only for names that have several producers. Nodes are numbers, in the graph's node order.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations, pairwise

from hypergraph._text import fix, listing, quoted
from hypergraph.exceptions import GraphConfigError
from hypergraph.graph._components import strong_components
from hypergraph.graph.conditions import Conditions

__all__ = ["Contest", "Links", "Readers", "RoundOrder", "prove"]


@dataclass(frozen=True, slots=True)
class Links:
    """The edges of a graph under construction, as pairs of numbers.

    Attributes:
        data: values of names with one producer, and explicit edges.
        waits: from the producer of a `wait_for` name to the node that waits.
        control: from a gate to its targets.
    """

    data: Sequence[tuple[int, int]]
    waits: Sequence[tuple[int, int]]
    control: Sequence[tuple[int, int]]


class RoundOrder:
    """Who comes before whom within one round of a graph.

    Attributes:
        control: the (gate, target) pairs whose gate comes first.
    """

    def __init__(self, count: int, links: Links, starts: frozenset[int], *, rounds: bool = True) -> None:
        """Take the certain edges; those that lead back to `starts`, and control edges inside a circle, begin another round.

        A `wait_for` is kept even there: a node that waits for its own successor never starts. With `rounds` False all edges
        count, so that nodes of one circle precede each other.
        """
        flows = [(source, target) for source, target in links.data if source != target]
        following = _following(count, (*flows, *links.waits, *links.control))
        group = _places(count, following)
        circular = rounds and max(group, default=-1) + 1 < count
        control = list(links.control)
        if circular:
            flows = [(source, target) for source, target in flows if target not in starts or group[source] != group[target]]
            control = [(source, target) for source, target in control if target not in starts or group[source] != group[target]]
            group = _places(count, _following(count, (*flows, *links.waits, *control)))
            control = [(source, target) for source, target in control if group[source] != group[target]]
        self.control = tuple(control)
        self._following = _following(count, (*flows, *links.waits, *control))
        self._place = _places(count, self._following)
        self._known: dict[tuple[int, int], bool] = {}

    def precedes(self, first: int, second: int) -> bool:
        """True when edges lead from `first` to `second`."""
        if first == second or self._place[first] > self._place[second]:
            return False
        key = (first, second)
        if key not in self._known:
            self._known[key] = self._search(first, second)
        return self._known[key]

    def place(self, node: int) -> int:
        """Give a number that grows along the round."""
        return self._place[node]

    def _search(self, first: int, second: int) -> bool:
        limit = self._place[second]
        seen, waiting = {first}, [first]
        while waiting:
            for after in self._following[waiting.pop()]:
                if after == second:
                    return True
                if after not in seen and self._place[after] <= limit:
                    seen.add(after)
                    waiting.append(after)
        return False


@dataclass(frozen=True, slots=True)
class Contest:
    """The producers of one name, proved to leave no doubt.

    Attributes:
        makers: the producers; in their order within the round where `in_sequence`.
        in_sequence: each of them comes before the next.
        exclusive: at most one of them runs in a round.
    """

    makers: tuple[int, ...]
    in_sequence: bool
    exclusive: bool

    def among(self, makers: Collection[int]) -> Contest:
        """Leave out producers that are not among `makers`; what was proved holds for the rest."""
        return replace(self, makers=tuple(maker for maker in self.makers if maker in makers))


def prove(name: str, makers: Sequence[int], titles: Sequence[str], conditions: Conditions, order: RoundOrder) -> Contest:
    """Find out why of any two producers of `name` it is clear which value is the newer one.

    Raises:
        GraphConfigError: two of them are neither exclusive nor in sequence.
    """
    row = tuple(sorted(makers, key=order.place))
    if all(order.precedes(first, second) for first, second in pairwise(row)):
        # Nodes of one place come before each other both ways: nothing to rely on.
        return Contest(row, in_sequence=len({order.place(maker) for maker in row}) == len(row), exclusive=False)
    if conditions.all_exclusive(row):
        return Contest(tuple(makers), in_sequence=False, exclusive=True)
    for one, other in combinations(row, 2):
        if not (conditions.exclusive(one, other) or order.precedes(one, other) or order.precedes(other, one)):
            raise _unprovable(name, [titles[maker] for maker in makers], titles[one], titles[other])
    return Contest(tuple(makers), in_sequence=False, exclusive=False)


class Readers:
    """Wires the readers of contested names to the producers whose value can reach them."""

    def __init__(
        self, contests: Mapping[str, Contest], links: Links, titles: Sequence[str], conditions: Conditions, order: RoundOrder
    ) -> None:
        """Take what was proved about the producers, and the certain edges."""
        self._contests = contests
        self._titles = titles
        self._conditions = conditions
        self._order = order
        self._pairs = [*links.data, *links.waits, *links.control]
        self._early: dict[tuple[int, str], tuple[int, ...]] = {}
        self._late: dict[tuple[int, str], tuple[int, ...]] = {}
        self._loop: Sequence[int] = ()
        self._own_place = {(maker, name): place for name, contest in contests.items() for place, maker in enumerate(contest.makers)}

    def connect(self, readers: Mapping[str, Sequence[int]]) -> dict[tuple[int, str], tuple[int, ...]]:
        """Give, per (reader, name), the producers that it may see.

        Raises:
            GraphConfigError: each producer of a name is overwritten by another one before a reader sees it.
        """
        for name, nodes in readers.items():
            for reader in nodes:
                self._split(reader, name)
        self._loop = _places(len(self._titles), _following(len(self._titles), self._pairs))
        found: dict[tuple[int, str], tuple[int, ...]] = {}
        for reader, name in self._early:
            contest = self._contests[name]
            kept = self._newest(reader, name) if contest.in_sequence else self._unhidden(reader, name, contest)
            if not kept:
                raise _nothing_readable(name, self._titles[reader], [self._titles[maker] for maker in contest.makers])
            found[reader, name] = tuple(sorted(kept))
        return found

    def _split(self, reader: int, name: str) -> None:
        """Tell the producers whose value arrives in the same round from those whose value arrives in the next one."""
        contest = self._contests[name]

        def is_late(maker: int) -> bool:
            return maker == reader or self._order.precedes(reader, maker)

        if contest.in_sequence:
            # Whoever comes before one producer comes before all later ones.
            place = self._own_place.get((reader, name))
            if place is None:
                place = bisect_left(contest.makers, True, key=is_late)
            early, late = contest.makers[:place], contest.makers[place:]
            nearest = early[-1:] or late[-1:]
        else:
            early = tuple(maker for maker in contest.makers if not is_late(maker))
            late = tuple(maker for maker in contest.makers if maker not in early) if len(early) < len(contest.makers) else ()
            nearest = early or late
        self._early[reader, name], self._late[reader, name] = early, late
        self._pairs.extend((maker, reader) for maker in nearest)

    def _arriving_late(self, reader: int, name: str) -> list[int]:
        """A value of a later node arrives if both are in one loop, or nobody else brings one."""
        early, loop = self._early[reader, name], self._loop
        return [maker for maker in self._late[reader, name] if not early or loop[maker] == loop[reader]]

    def _newest(self, reader: int, name: str) -> list[int]:
        """Walk back from the reader, through this round and the one before it, to a producer that is sure to have run."""
        kept: list[int] = []
        walked: list[int] = []
        for maker in reversed(self._early[reader, name]):
            if not any(self._as_certain(other, maker, reader) for other in walked):
                kept.append(maker)
            walked.append(maker)
            if self._as_certain(maker, reader, reader):
                break
        # What runs once before a loop hides nothing of the rounds that follow.
        walked = [maker for maker in walked if self._loop[maker] == self._loop[reader]]
        for maker in reversed(self._arriving_late(reader, name)):
            if not any(self._as_certain(other, maker, reader) for other in walked):
                kept.append(maker)
            if maker != reader:
                walked.append(maker)
                if self._as_certain(maker, reader, reader):
                    break
        return kept

    def _unhidden(self, reader: int, name: str, contest: Contest) -> list[int]:
        """Keep the producers that no other one is sure to follow before the reader."""
        candidates = [*self._early[reader, name], *self._arriving_late(reader, name)]
        if contest.exclusive:
            return candidates
        return [
            maker
            for maker in candidates
            if not any(
                other not in (maker, reader) and self._between(other, maker, reader, name) and self._as_certain(other, maker, reader)
                for other in candidates
            )
        ]

    def _between(self, other: int, maker: int, reader: int, name: str) -> bool:
        """True when `other` writes after `maker` did and before `reader` reads."""
        early, order, loop = self._early[reader, name], self._order, self._loop
        if maker in early:
            return other in early and order.precedes(maker, other)
        if not loop[maker] == loop[other] == loop[reader]:
            return False
        return other in early or order.precedes(maker, other)

    def _as_certain(self, other: int, maker: int, reader: int) -> bool:
        """True when `other` runs whenever `maker` and `reader` do."""
        return self._conditions.implied(other, maker, reader)


def _following(count: int, pairs: Iterable[tuple[int, int]]) -> list[list[int]]:
    following: list[list[int]] = [[] for _ in range(count)]
    for source, target in pairs:
        following[source].append(target)
    return following


def _places(count: int, following: Sequence[Sequence[int]]) -> list[int]:
    """Number the strongly connected components along their order; nodes of one component share a number."""
    place = [0] * count
    for number, component in enumerate(strong_components(count, following)):
        for node in component:
            place[node] = number
    return place


def _unprovable(name: str, makers: Sequence[str], one: str, other: str) -> GraphConfigError:
    return GraphConfigError(
        f"Multiple nodes produce {name!r}: {listing(makers)}.\n"
        f"Nothing says whether {one!r} or {other!r} writes last, so a node that reads {name!r} could see either value."
        + fix(
            f"Put them in order: give {one!r} emit='{one}_done' and {other!r} wait_for='{one}_done' (or use edges=)",
            "Or choose between them: make both targets of one @ifelse or @route gate",
            f"Or give one of them another output name: {other}.with_outputs({name}='{name}_2')"
            if name.isidentifier() and other.isidentifier()
            else "Or give one of them another output name with .with_outputs(...)",
            f"If {name!r} is state that several nodes write on purpose, declare it: Graph(..., shared=[{name!r}])",
        )
    )


def _nothing_readable(name: str, reader: str, makers: Sequence[str]) -> GraphConfigError:
    return GraphConfigError(
        f"Node {reader!r} reads {name!r}, but its competing producers {quoted(makers)} each come before the other: "
        f"whichever value it should get is overwritten first."
        + fix(
            "Remove one of the wait_for or explicit edges that put these producers in a circle",
            f"Or say which value {reader!r} reads: give that producer's output a name of its own",
            f"Or declare {name!r} as state: Graph(..., shared=[{name!r}])",
        )
    )
