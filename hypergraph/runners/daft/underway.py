"""Which batches are being worked on in this process, so that whoever stops waiting for them can end them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from hypergraph.runners.daft.rows import Rows

__all__ = ["abandon", "under_way"]

# Daft runs its threads for the process, and an interrupt reaches the main thread alone: what is under way is a matter of the process too.
_RUNNING: Final[set[Rows]] = set()


@contextmanager
def under_way(rows: Rows) -> Iterator[None]:
    """Let these rows be found by `abandon` meanwhile."""
    _RUNNING.add(rows)
    try:
        yield
    finally:
        _RUNNING.discard(rows)


def abandon(depot: object = None) -> None:
    """End the work on the batches of one call, or on all there are: no further row is begun, and the one in work is not waited for.

    Args:
        depot: where the results of the call would go.
    """
    for rows in tuple(_RUNNING):
        if depot is None or rows.setting.depot is depot:
            rows.abandon()
