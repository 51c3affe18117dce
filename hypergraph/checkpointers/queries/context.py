"""What operations need besides the rows: how values are read, and who is alive."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeAlias, TypeVar

from hypergraph.checkpointers.leases import Identity, OwnerRow
from hypergraph.checkpointers.moments import from_micros
from hypergraph.checkpointers.values import ValueCodec, decompress
from hypergraph.records import Owner

__all__ = [
    "DATA_CODES",
    "Context",
    "Held",
    "LargeStored",
    "Operation",
    "held_by",
    "large_values",
    "moved_since",
    "owner_phrase",
    "read_data",
    "root_of",
]

T = TypeVar("T")
Operation: TypeAlias = Generator[tuple[str, Sequence[Any]], list[tuple[Any, ...]], T]

# Large values of a run itself stand in `large_values` under these supersteps, which no step has.
DATA_CODES = {"inputs": -1, "seed": -2, "asked": -3, "changes": -4}


# Enough of a large value's stored form to tell what it is.
_HEAD = 1 << 16


@dataclass(frozen=True, slots=True)
class LargeStored:
    """A value of more than 1 MiB, as it is stored and not built.

    Attributes:
        name: the value's name.
        size: bytes of its stored form.
        digest: tells values apart; equal ones have the same.
        head: the beginning of its stored form.
    """

    name: str
    size: int
    digest: bytes
    head: bytes


@dataclass(frozen=True, slots=True)
class Context:
    """What is the same for every operation of one store.

    Attributes:
        codec: reads and writes values.
        alive: (owner row, root id, claimed) -> whether the workflow may still be run by that owner.
        large: gives what stands for a value of more than 1 MiB; None builds the value itself.
        sources: hash of a graph's code -> key and hash of the text that lists its sources, where this store has kept them.
    """

    codec: ValueCodec
    alive: Callable[[OwnerRow, str, bool], bool]
    large: Callable[[LargeStored], Any] | None = None
    sources: dict[Any, tuple[int, bytes]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Held:
    """How a root run is held: by whom, whether they live, since when (None: by a plain `create_run`), and the epoch."""

    owner: OwnerRow | None
    alive: bool
    claimed_at: int | None
    epoch: int
    stalled: int

    def public(self) -> Owner | None:
        """Give the owner as readers see it, when there is a living one with a lease."""
        return self.last() if self.alive else None

    def last(self) -> Owner | None:
        """Give the owner with a lease, whether or not it lives."""
        if self.owner is None or self.claimed_at is None:
            return None
        who = self.owner.identity
        return Owner(who.pid, who.host, from_micros(self.claimed_at), self.epoch, from_micros(self.owner.beat_at))


def root_of(run_id: str) -> str:
    """Give the id of the top-level run that a run belongs to."""
    return run_id.partition("/")[0]


def held_by(context: Context, root: str) -> Operation[Held]:
    """Tell how a root run is held."""
    rows = yield (
        "SELECT r.claimed_at, r.epoch, r.stalled, o.key, o.token, o.pid, o.host, o.boot, o.started, o.beat_at "
        "FROM runs r LEFT JOIN owners o ON o.key = r.owner WHERE r.id = ?",
        (root,),
    )
    if not rows:
        return Held(None, False, None, 0, 0)
    claimed_at, epoch, stalled, key, token, pid, host, boot, started, beat_at = rows[0]
    if key is None:
        return Held(None, False, claimed_at, epoch, stalled)
    owner = OwnerRow(key, token, Identity(pid, host, boot, started), beat_at)
    return Held(owner, context.alive(owner, root, claimed_at is not None), claimed_at, epoch, stalled)


def moved_since(run: int, moment: int) -> Operation[bool]:
    """Tell whether a run made progress: a step of its own, a child that began or ended, or a step of any run below it."""
    rows = yield (
        "SELECT EXISTS (SELECT 1 FROM steps WHERE run = ?1 AND completed_at > ?2) OR EXISTS "
        "(SELECT 1 FROM runs c WHERE c.parent_run_id = r.id AND max(c.created_at, coalesce(c.completed_at, 0)) > ?2) OR EXISTS "
        # Asked last: of a large batch that made no progress it looks at every item.
        "(SELECT 1 FROM runs c JOIN steps s ON s.run = c.key AND s.completed_at > ?2 WHERE c.id > r.id || '/' AND c.id < r.id || '0') "
        "FROM runs r WHERE r.key = ?1",
        (run, moment),
    )
    return bool(rows and rows[0][0])


def owner_phrase(held: Held) -> str:
    """Say who holds a run: "process 41 on host since 2026-01-01 10:00:00 UTC"."""
    owner = held.public()
    if owner is None:
        return "in another process"
    return f"process {owner.pid} on {owner.host}, since {owner.since:%Y-%m-%d %H:%M:%S} UTC"


def read_data(context: Context, run: int, kind: str) -> Operation[dict[str, Any] | None]:
    """Give the values that a run keeps under `kind`, or None."""
    rows = yield "SELECT data FROM run_data WHERE run = ? AND kind = ?", (run, kind)
    if not rows:
        return None
    large = yield from large_values(context, run, DATA_CODES[kind])
    return {**context.codec.unpack(rows[0][0]), **{name: value for values in large.values() for name, value in values.items()}}


def large_values(context: Context, run: int, superstep: int | None = None) -> Operation[dict[tuple[int, int], dict[str, Any]]]:
    """Give (superstep, node) -> the large values of a run that stand there, or what stands for them."""
    where, given = ("", (run,)) if superstep is None else (" AND l.superstep = ?", (run, superstep))
    # Of a value that is not built, only the beginning leaves the file.
    data = "b.data" if context.large is None else f"substr(b.data, 1, {_HEAD})"
    rows = yield (
        f"SELECT l.superstep, l.node, l.name, b.size, b.hash, {data} FROM large_values l JOIN blobs b ON b.key = l.blob "
        f"WHERE l.run = ?{where}",
        given,
    )
    found: dict[tuple[int, int], dict[str, Any]] = {}
    for at, node, name, size, digest, stored in rows:
        if context.large is None:
            value = context.codec.unpack(b"{}", [(name, decompress(stored, size))])[name]
        else:
            value = context.large(LargeStored(name, size, digest, _beginning(stored)))
            if value is NotImplemented:
                ((whole,),) = yield "SELECT data FROM blobs WHERE hash = ?", (digest,)
                value = context.codec.unpack(b"{}", [(name, decompress(whole, size))])[name]
        found.setdefault((at, node), {})[name] = value
    return found


def _beginning(stored: bytes) -> bytes:
    import zstandard

    try:
        with zstandard.ZstdDecompressor().stream_reader(stored) as stream:
            return bytes(stream.read(_HEAD))
    except zstandard.ZstdError:
        return b""
