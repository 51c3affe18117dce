"""One act on all runs that are picked: what would happen to each, and one enter for all."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from typing import TYPE_CHECKING, Final

from studio.messages import Told
from studio.model.act import Act, ActKind
from studio.screens.sheet import ConfirmSheet
from studio.widgets.figures import counted
from studio.widgets.line import Line, wrap

if TYPE_CHECKING:
    from studio.model.forecast import Forecast
    from studio.model.run_view import RunRow
    from studio.screens.base import PlaceScreen

__all__ = ["act_on_each", "stop_each"]

_SHOWN: Final = 6
_MANY: Final = 100
_VERBS: Final = {"retry": "Retry", "resume": "Resume", "fork": "Fork"}


async def act_on_each(screen: PlaceScreen, kind: ActKind, rows: Sequence[RunRow]) -> None:
    """Ask, and then retry or resume each of these runs; of a batch, run again in place what failed.

    Args:
        screen: the place that they were picked in.
        kind: "retry" or "resume".
        rows: the picked runs.
    """
    acts = [Act("resume" if row.children else kind, row.id, None, {}, None) for row in rows]
    told = [await screen.studio.forecast(act) for act in acts[:_SHOWN]]

    def lines(width: int) -> list[Line]:
        found = [line for act, forecast in zip(acts, told, strict=False) for line in _told(act, forecast, width)]
        return found if len(acts) <= _SHOWN else [*found, Line(f"and {counted(len(acts) - _SHOWN, 'further run')}, likewise", "muted")]

    async def perform() -> None:
        outcomes = [await screen.studio.perform(act) for act in acts]
        _report(screen, [(act.run_id, outcome.ok, outcome.message) for act, outcome in zip(acts, outcomes, strict=True)], "started")

    _ask(screen, _VERBS[kind], len(acts), lines, perform)


def stop_each(screen: PlaceScreen, rows: Sequence[RunRow]) -> None:
    """Ask, and then stop each of these runs that is running."""
    running = [row.id for row in rows if row.state == "running"]

    def lines(width: int) -> list[Line]:
        said = "Nodes that are running finish; what they give is kept. Nothing new starts. The runs can be resumed with C."
        calls = [Line(f"runner.stop({run_id!r})", "accent").cut(width) for run_id in running[:_SHOWN]]
        more = [Line(f"and {counted(len(running) - _SHOWN, 'further run')}", "muted")] if len(running) > _SHOWN else []
        return [*(Line(text) for text in wrap(said, width)), Line(), *calls, *more]

    async def perform() -> None:
        outcomes = [await screen.studio.stop(run_id) for run_id in running]
        found = [(run_id, outcome.ok, outcome.message) for run_id, outcome in zip(running, outcomes, strict=True)]
        _report(screen, found, "asked to stop")

    _ask(screen, "Stop", len(running), lines, perform)


def _ask(
    screen: PlaceScreen, verb: str, number: int, lines: Callable[[int], list[Line]], perform: Callable[[], Coroutine[None, None, None]]
) -> None:
    def decided(sure: bool | None) -> None:  # what a sheet answers
        if sure:
            screen.run_worker(perform())

    typed = verb.lower() if number > _MANY else None
    screen.app.push_screen(ConfirmSheet(f"{verb} {counted(number, 'run')}", lines, act=verb, typed=typed), decided)


def _told(act: Act, forecast: Forecast, width: int) -> list[Line]:
    line = Line(act.run_id, "strong")
    if forecast.problem:
        return [line, *(Line("  ").add(part, "error") for part in wrap(forecast.problem, width - 2)[:2])]
    if forecast.new_id != act.run_id:
        line.add(f" → {forecast.new_id}", "strong")
    line.add("  runs again ", "muted").add(", ".join(forecast.again) or "nothing", "running" if forecast.again else "muted")
    code = [] if forecast.same_code else [Line("  code ").add(forecast.code, "warning").cut(width)]
    return [line.cut(width), *code, *(Line("  ").add(part, "accent") for part in wrap(forecast.python, width - 2)[:3])]


def _report(screen: PlaceScreen, outcomes: Sequence[tuple[str, bool, str]], done: str) -> None:
    refused = [f"{run_id}: {message}" for run_id, ok, message in outcomes if not ok]
    said = f"{counted(len(outcomes) - len(refused), 'run')} {done}."
    if refused:
        said += f" {len(refused)} refused: {refused[0]}"
    screen.post_message(Told(said, "warning" if refused else "information"))
