"""Ids for spans and runs: unique, and cheap enough for one per node.

A random number per process and a counter take the place of a UUID each time. A forked child draws a new random number, so that
parent and child never give the same id.
"""

from __future__ import annotations

import itertools
import os
from collections.abc import Callable

__all__ = ["new_run_id", "new_span", "span_source"]

_BITS = 48
_MASK = (1 << _BITS) - 1
_STRIDE = 0x9E3779B97F4B  # odd, therefore a permutation of all 48-bit numbers: no id comes twice in one process


class _Family:
    """The ids of one process: two sources, the one of spans with a prefix of its own."""

    __slots__ = ("runs", "spans")

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        written = os.urandom(6).hex() + "-%x"
        self.spans = map(written.__mod__, itertools.count(1)).__next__
        self.runs = itertools.count(int.from_bytes(os.urandom(6), "big")).__next__


_family = _Family()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_family.renew)


def new_span() -> str:
    """Give an id that no other span has, in this process or another."""
    return _family.spans()


def span_source() -> Callable[[], str]:
    """Give what gives new spans, for a loop that needs many; not to be kept, for a forked child takes another."""
    return _family.spans


def new_run_id() -> str:
    """Give "run-" and 12 hexadecimal characters, unique within the process and random between processes."""
    return f"run-{_family.runs() * _STRIDE & _MASK:012x}"
