"""A sequence that is not there until somebody looks."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, overload

__all__ = ["LazySequence"]

T_co = TypeVar("T_co", covariant=True)


class LazySequence(Sequence[T_co]):
    """A read-only sequence whose items are built when looked at.

    An item that was asked for by its index is kept, so that it stays the same object; one that only passed by in a loop is not.

    Args:
        length: how many items there are.
        build: index (0 to length - 1) -> item.
    """

    __slots__ = ("_build", "_kept", "_length")

    def __init__(self, length: int, build: Callable[[int], T_co]) -> None:
        self._length = length
        self._build = build
        self._kept: dict[int, T_co] = {}

    def __len__(self) -> int:
        return self._length

    @overload
    def __getitem__(self, index: int) -> T_co: ...
    @overload
    def __getitem__(self, index: slice) -> list[T_co]: ...
    def __getitem__(self, index: int | slice) -> T_co | list[T_co]:
        places = range(self._length)[index]
        if isinstance(places, range):
            return [self[place] for place in places]
        if places not in self._kept:
            self._kept[places] = self._build(places)
        return self._kept[places]

    def __iter__(self) -> Iterator[T_co]:
        kept, build = self._kept, self._build
        return (kept[place] if place in kept else build(place) for place in range(self._length))
