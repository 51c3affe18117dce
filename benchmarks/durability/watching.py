"""An audit hook: reading data must import, run and open nothing; and hostile data to read."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import pickle
import random
import sys
import uuid
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.durability.hands import Hands
from benchmarks.durability.report import Row
from hypergraph.checkpointers import TaggedSerializer
from hypergraph.exceptions import SerializationError

__all__ = ["HOSTILE", "fuzz", "fuzz_rows", "watched"]

# Whatever turns data into behaviour, or reaches beyond the process.
_RISKY = frozenset({"import", "exec", "compile", "pickle", "marshal", "os", "subprocess", "socket", "ctypes", "shutil", "code"})
# What reading a store is bound to do: looking at the file's folder, and temporary copies.
_HARMLESS = frozenset(
    {"os.listdir", "os.scandir", "os.remove", "os.rmdir", "os.mkdir", "os.chmod", "shutil.rmtree", "shutil.copyfile", "socket.gethostname"}
)


@contextmanager
def watched(*, files: bool = False) -> Iterator[list[tuple[str, str]]]:
    """Note each audit event that means code or the outside; `files`: also each file that is opened. For a process of its own."""
    events: list[tuple[str, str]] = []
    armed = [True]

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if not armed[0]:
            return
        if (event.split(".", maxsplit=1)[0] in _RISKY and event not in _HARMLESS) or (files and event == "open"):
            armed[0] = False
            events.append((event, repr(arguments)[:200]))
            armed[0] = True

    sys.addaudithook(hook)
    try:
        yield events
    finally:
        # A hook cannot be taken away.
        armed[0] = False


class _Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return (eval, ("open('/tmp/owned', 'w')",))


HOSTILE: tuple[bytes, ...] = (
    pickle.dumps(_Bomb()),
    b'{"$object": ["antigravity:x", []]}',
    b'{"$object": ["os:system", {"command": "id"}]}',
    b'{"$model": ["this:x", {"fields": []}]}',
    b'{"$enum": ["builtins:exec", "x"]}',
    b'{"$pickle": "gASVIQAAAAAAAACMCGJ1aWx0aW5zlIwEZXhlY5STlIwEcGFzc5SFlFKULg=="}',
)


class _Colour(enum.Enum):
    RED = "r"


@dataclasses.dataclass
class _Point:
    x: int
    y: Any = None


_HONEST: tuple[Any, ...] = (
    (1, 2), {1, 2}, frozenset("ab"), b"bytes", dt.datetime(2026, 1, 1, tzinfo=dt.UTC), dt.timedelta(1), decimal.Decimal("1.5"),
    uuid.UUID(int=5), 2 + 3j, Path("a/b"), _Colour.RED, _Point(1, _Point(2)), {"a": [1, {"b": (None, 1.5)}]}, {1: "x", (2, 3): "y"},
)  # fmt: skip


def fuzz(number: int, seed: int, more: Sequence[bytes] = (), trust: Sequence[Any] = (), file: str = "") -> dict[str, Any]:
    """Decode mutations of honest and of hostile data under watch, in this process; give what happened that must not."""
    serializer = TaggedSerializer(trust=[sys.modules[__name__], *trust])
    seeds = [*HOSTILE, *(serializer.serialize(value) for value in _HONEST), *more]
    for one in seeds:
        # Whatever a tag loads when it is first used is loaded now.
        _decode(serializer, one)
    order, names, broken, decoded = random.Random(seed), ["os:system", "antigravity:fly", "builtins:exec", "posix:system"], list[str](), 0
    with watched(files=True) as events:
        for _ in range(number):
            data = bytearray(order.choice(seeds))
            for _ in range(order.randrange(4)):
                if data:
                    data[order.randrange(len(data))] = order.randrange(256)
            if order.random() < 0.3:
                data = data.replace(f"{__name__}:_Point".encode(), order.choice(names).encode())
            try:
                decoded += _decode(serializer, bytes(data))
            except Exception as error:
                broken.append(f"{type(error).__name__}: {error}"[:200])
    # Time zones are files, which are opened by name below their folder.
    bad = [f"{name}: {text}" for name, text in events if not (name == "open" and "zoneinfo" in text)]
    return {"broken": [*broken, *bad], "decoded": decoded}


def _decode(serializer: TaggedSerializer, data: bytes) -> bool:
    try:
        serializer.deserialize(data)
    except SerializationError:
        return False
    return True


def fuzz_rows(hands: Hands, number: int) -> Iterator[Row]:
    """Decode hostile data, several processes side by side."""

    def one(part: int) -> Callable[[], dict[str, Any]]:
        def decode() -> dict[str, Any]:
            with hands.some() as (hand,):
                child = hand.start(do="fuzz", number=number // 10, seed=part)
                answer = child.end(600)
                return answer if "broken" in answer else {"broken": [f"it ended with {child.status}: {answer}"], "decoded": 0}

        return decode

    answers = list(hands.side_by_side([one(part) for part in range(10)]))
    broken = [text for answer in answers for text in answer["broken"]]
    decoded = sum(answer["decoded"] for answer in answers)
    yield Row(
        "decoder fuzz", "honest and hostile data", number, f"{decoded:,} decoded, others refused; imported or ran {len(broken)}",
        "imports, runs, opens nothing", broken,
    )  # fmt: skip
