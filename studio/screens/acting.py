"""Acts of any place: the sheet before them, what is said of them, and where they lead."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable
from typing import TYPE_CHECKING

from studio.addresses import run_address
from studio.messages import Go, Told
from studio.model.act import Act, ActKind
from studio.screens.forecast import ForecastSheet

if TYPE_CHECKING:
    from studio.model.run_view import RunView
    from studio.screens.base import PlaceScreen
    from studio.services.studio import Outcome

__all__ = ["carried_out", "foretell"]


async def carried_out(screen: PlaceScreen, work: Awaitable[Outcome], *, watch: bool = True) -> Outcome:
    """Await an act, say how it came out, and go to its run; what the library refuses then is said as soon as it is known.

    Args:
        screen: the place that it was asked for in.
        work: the act.
        watch: go to the run.
    """
    outcome = await work
    if outcome.message:
        screen.post_message(Told(outcome.message, "information" if outcome.ok else "error"))
    if outcome.ok and outcome.run_id and watch:
        screen.post_message(Go(run_address(outcome.run_id)))
    if outcome.ok and outcome.claim:
        screen.app.run_worker(_listen(screen, outcome), group="acts")
    return outcome


async def _listen(screen: PlaceScreen, outcome: Outcome) -> None:
    refused = await to_thread(screen.studio.refusal, outcome.run_id, outcome.claim)
    if refused:
        screen.post_message(Told(f"{outcome.run_id}: {refused}", "error"))


def foretell(
    screen: PlaceScreen, kind: ActKind, view: RunView, superstep: int | None = None, *, only: tuple[int, ...] | None = None
) -> None:
    """Open the sheet of a fork, a retry or a resume; enter in it performs the act.

    Args:
        screen: the place that it is asked for in.
        kind: which act.
        view: the source.
        superstep: the moment that a fork starts from, None for the end.
        only: of a batch, the items that are meant; None for all that did not complete.
    """

    def decided(act: Act | None) -> None:
        if act is not None:
            screen.run_worker(carried_out(screen, screen.studio.perform(act)))

    screen.app.push_screen(ForecastSheet(screen.studio, kind, view, superstep if kind == "fork" else None, only=only), decided)
