"""How a graph is to be run: the runner, the id, and what only batches ask for."""

from __future__ import annotations

from textual.containers import Horizontal, Vertical
from textual.widget import Widget

from studio.widgets.choice import Choice
from studio.widgets.input_form import FieldInput, Label
from studio.widgets.line import Line
from studio.widgets.runner_picker import RunnerPicker

__all__ = ["launch_options"]


def launch_options() -> Vertical:
    """Give the part of the form below the inputs; rows that mean nothing now are hidden by the screen."""
    return Vertical(
        Label(id="how"),
        RunnerPicker(id="runner"),
        _row("run id", FieldInput(id="run-id", placeholder="made up from the graph's name", compact=True)),
        _row("combine", Choice(("zip", "product"), chosen=0, id="mode"), Label(id="items"), name="mode-row"),
        _row("on failure", Choice(("continue", "raise"), chosen=0, id="on-error"), name="error-row"),
        _row("at once", FieldInput("8", id="at-once", compact=True, type="integer"), name="once-row"),
        id="options",
    )


def _row(title: str, *widgets: Widget, name: str | None = None) -> Horizontal:
    return Horizontal(Label(Line(f" {title}", "text"), classes="name"), *widgets, classes="row", id=name)
