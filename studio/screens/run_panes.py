"""The panes of the Run place: one tab in front, each painted from the same view."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from textual.app import ComposeResult
from textual.containers import Container, Vertical
from textual.widget import Widget

from studio.screens.batch import BatchPane
from studio.widgets.box_pane import BoxPane
from studio.widgets.input_form import FieldInput
from studio.widgets.inspector import Inspector
from studio.widgets.lineage_list import LineageList
from studio.widgets.log_view import LogView
from studio.widgets.rail import Rail
from studio.widgets.run_list import RunList
from studio.widgets.turn_list import TurnList
from studio.widgets.value_list import ValueList

if TYPE_CHECKING:
    from studio.model.batch_view import ItemView
    from studio.model.run_view import RunRow, RunView

__all__ = ["RunPanes", "tabs_of"]

_TABS: Final = (
    ("items", "Items"),
    ("graph", "Graph"),
    ("time", "Time"),
    ("values", "Values"),
    ("logs", "Logs"),
    ("turns", "Turns"),
    ("lineage", "Lineage"),
)
_PANE_OF: Final = {name: f"#{name}" for name, _ in _TABS} | {"graph": "#rail"}


def tabs_of(view: RunView) -> tuple[tuple[str, str], ...]:
    """Give the tabs that a run has, with their titles."""
    hidden = {"items"} if view.batch is None else {"time"} if view.scene is not None else {"time", "graph"}
    if not view.turns:
        hidden = hidden | {"turns"}
    return tuple(
        (name, f"{title} {len(view.logs)}" if name == "logs" and view.logs else title) for name, title in _TABS if name not in hidden
    )


class RunPanes(Container):
    """All panes of a run; `show_tab` brings one to the front.

    Args:
        item: gives one item of a batch.
        more, children: give rows for the tree of runs.
    """

    def __init__(
        self,
        item: Callable[[int], ItemView | None],
        more: Callable[[RunRow], Sequence[RunRow]],
        children: Callable[[str], Sequence[RunRow]],
    ) -> None:
        super().__init__(id="body")
        self._item = item
        self._more = more
        self._inside = children
        self.tab = "graph"
        self.boxes = False
        self.wanted = ""

    def compose(self) -> ComposeResult:
        """Set the tree of runs, the tabs' panes, and the inspector side by side."""
        yield RunList(self._more, self._inside, id="tree")
        with Vertical(id="main"):
            yield BatchPane(self._item)
            yield Rail(id="rail")
            yield BoxPane(id="boxes")
            yield Rail(gantt=True, id="time")
            yield ValueList(id="values")
            yield LogView(id="logs")
            yield TurnList(id="turns")
            yield LineageList(id="lineage")
            yield FieldInput(id="find", placeholder="part of a node's name, or of a log line", compact=True)
            yield LineageList(id="strip")
        yield Container(Inspector(id="inspector"), id="side")

    @property
    def rail(self) -> Rail:
        """The rail in front, or the one that comes back with the graph."""
        return self.query_one("#time" if self.tab == "time" else "#rail", Rail)

    def show_tab(self, name: str) -> Widget:
        """Bring a tab to the front; its pane, which wants the focus, is given."""
        self.tab = name
        boxes = name == "graph" and self.boxes
        for tab, selector in _PANE_OF.items():
            self.query_one(selector).display = tab == name and not boxes
        self.query_one("#boxes").display = boxes
        self.query_one("#side").set_class(name not in {"graph", "time"} or boxes, "-hidden")
        self.query_one("#strip").set_class(name != "graph", "-hidden")
        return self.query_one("#grid" if name == "items" else "#boxes" if boxes else _PANE_OF[name])

    def find(self, text: str, *, step: int = 0) -> bool:
        """Go to a node whose path has this text in it; in the logs, leave only the lines that do.

        Args:
            text: what to look for.
            step: 0 for the first hit from the cursor on, 1 for the next, -1 for the one before.
        """
        self.wanted = text
        return self.tab in {"graph", "time"} and bool(text) and self.rail.find(text, step)

    def paint(self, view: RunView, now: float, *, gantt: bool, wanted: str | None) -> None:
        """Paint the tab in front.

        Args:
            view: the run.
            now: where its clocks stand.
            gantt: there is room for bars beside the nodes.
            wanted: a node to go to, once.
        """
        # Of this run more is known than is stored: that it runs, and for how long.
        lineage = tuple(
            replace(row, state=view.state, seconds=now - view.started) if row.id == view.id and view.live and view.started else row
            for row in view.lineage
        )
        if self.tab in {"graph", "time"}:
            rail = self.rail
            rail.gantt = self.tab == "time" or gantt
            rail.show(view, max(0.001, now - (view.started or now)))
            if wanted is not None:
                rail.follow = False
                rail.reveal(wanted)
            self.query_one(Inspector).show(view, rail.path, now)
            self.query_one("#strip", LineageList).show(lineage, view.id)
            if self.boxes and self.tab == "graph":
                self.query_one(BoxPane).show(view, rail.path)
        elif self.tab == "items" and view.batch is not None:
            self.query_one(BatchPane).show(view.batch)
        elif self.tab == "turns":
            self.query_one(TurnList).show(view.turns)
        elif self.tab == "values":
            self.query_one(ValueList).show(view)
        elif self.tab == "logs":
            self.query_one(LogView).show(view.logs, self.wanted)
        else:
            self.query_one("#lineage", LineageList).show(lineage, view.id)
