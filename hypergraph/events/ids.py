"""Ids for spans and runs: unique, and cheap enough for one per node.

A random number per process and a counter take the place of a UUID each time. A forked child draws a new random number, so that
parent and child never give the same id.
"""

from __future__ import annotations

import itertools
import os

__all__ = ["new_run_id", "new_span"]

_BITS = 48
_MASK = (1 << _BITS) - 1
_STRIDE = 0x9E3779B97F4B  # odd, therefore a permutation of all 48-bit numbers: no id comes twice in one process


class _Family:
    """The ids of one process: a prefix of its own and two counters."""

    __slots__ = ("prefix", "runs", "spans")

    def __init__(self) -> None:
        self.renew()

    def renew(self) -> None:
        self.prefix = os.urandom(6).hex()
        self.spans = itertools.count(1).__next__
        self.runs = itertools.count(int.from_bytes(os.urandom(6), "big")).__next__


_family = _Family()
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_family.renew)


def new_span() -> str:
    """Give an id that no other span has, in this process or another."""
    return f"{_family.prefix}-{_family.spans():x}"


def new_run_id() -> str:
    """Give "run-" and 12 hexadecimal characters, unique within the process and random between processes."""
    return f"run-{_family.runs() * _STRIDE & _MASK:012x}"
