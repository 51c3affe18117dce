"""A question that waits for an answer."""

from __future__ import annotations

from dataclasses import dataclass

from studio.model.type_spec import TypeSpec
from studio.model.value_view import ValueView

__all__ = ["PauseView"]


@dataclass(frozen=True, slots=True)
class PauseView:
    """One pause of one run.

    Attributes:
        run_id: the top-level run that waits.
        node: path of the interrupt.
        since: Unix seconds.
        asks: response key -> type of the answer.
        values: what the interrupt shows.
        follows: answer -> where it leads, as far as the graph says.
    """

    run_id: str
    node: str
    since: float
    asks: tuple[tuple[str, TypeSpec], ...]
    values: tuple[ValueView, ...] = ()
    follows: tuple[tuple[str, str], ...] = ()
