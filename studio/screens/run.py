"""Run: a live run and a past one look alike; the cursor follows what happens until the reader moves."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Final

from textual.binding import Binding, BindingType
from textual.widget import Widget

from studio.addresses import Target, run_address
from studio.messages import Go, Told
from studio.model.moments import Moment
from studio.screens.base import quiet, steady
from studio.screens.batch import BatchPane, batch_counts, batch_pace
from studio.screens.run_moves import RunMoves
from studio.screens.run_panes import RunPanes, tabs_of
from studio.theme import state_glyph, state_role
from studio.widgets.box_pane import BoxPane
from studio.widgets.failure_list import FailureList
from studio.widgets.figures import clock, count, took
from studio.widgets.inspector import Inspector
from studio.widgets.item_grid import ItemGrid
from studio.widgets.line import Line
from studio.widgets.line_view import LineView
from studio.widgets.lineage_list import LineageList
from studio.widgets.lines import LinesPane
from studio.widgets.log_view import LogView
from studio.widgets.rail import Rail
from studio.widgets.run_list import RunList
from studio.widgets.tab_line import TabLine
from studio.widgets.value_list import ValueList

if TYPE_CHECKING:
    from studio.model.run_view import RunView

__all__ = ["RunScreen"]

_EVERY: Final = 1 / 20
_TREE_EVERY: Final = 1.0
_PAGE: Final = 100
_LEAST_NAME: Final = 8
_NOTHING: Final = (
    ("title", "No run on the screen"),
    ("muted", ""),
    ("text", "1  choose a graph and launch it"),
    ("text", "4  open a run of the past"),
)
_WORDS: Final = {"completed": "done", "active": "running"}


class RunScreen(RunMoves):
    """One run."""

    MODE = "run"
    PANES = (
        "#tree",
        "#boxes",
        "#grid",
        "#kinds",
        "#item",
        "#rail",
        "#time",
        "#turns",
        "#values",
        "#logs",
        "#lineage",
        "#inspector",
        "#strip",
    )

    DEFAULT_CSS = """
    RunScreen #body { layout: vertical; }
    RunScreen #tree, RunScreen #nothing { display: none; }
    RunScreen.-huge #tree { display: block; width: 44; height: 1fr; border-right: solid $rule; }
    RunScreen.-empty #body { display: none; }
    RunScreen.-empty #nothing { display: block; height: 1fr; }
    RunScreen #main { height: 3fr; min-height: 9; width: 1fr; }
    RunScreen #side { height: 2fr; min-height: 5; width: 1fr; border-top: solid $rule; }
    RunScreen #main > #strip { display: none; height: auto; max-height: 8; border-top: solid $rule; }
    RunScreen #main > LineView { height: 1fr; }
    RunScreen #main > #find { display: none; height: 1; }
    RunScreen #main > #find.-shown { display: block; }
    RunScreen.-wide #body, RunScreen.-huge #body { layout: horizontal; }
    RunScreen.-wide #main, RunScreen.-huge #main { width: 11fr; height: 1fr; }
    RunScreen.-wide #side, RunScreen.-huge #side { width: 9fr; height: 1fr; border-top: none; border-left: solid $rule; }
    RunScreen.-wide.-high #main > #strip, RunScreen.-huge.-high #main > #strip { display: block; }
    RunScreen.-tiny TabLine { height: 1; border-bottom: none; }
    RunScreen.-tiny #main { min-height: 3; }
    RunScreen.-tiny #side { min-height: 2; }
    RunScreen #side.-hidden, RunScreen #main > #strip.-hidden { display: none; }
    RunScreen.-wide.-high #main > #strip.-hidden, RunScreen.-huge.-high #main > #strip.-hidden { display: none; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("t", "tab(1)", "tab", id="look.tab", tooltip="Go to the next tab"),
        quiet("v", "boxes", "look.boxes", "Draw the graph as boxes, and back"),
        quiet("O", "open_source", "look.source", "Say where this node is defined"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._wanted_node: str | None = None
        self._fresh = True
        self._offered: object = None
        self._tree_token: object = None

    # Composition.

    def compose_body(self) -> Iterable[Widget]:
        """Give the tabs, their panes and the inspector."""
        yield TabLine()
        yield RunPanes(
            lambda number: None if self._feed is None else self._feed.item(number),
            lambda last: self.studio.runs("", after=last, limit=_PAGE),
            lambda run_id: self.studio.children(run_id, limit=_PAGE),
        )
        yield LinesPane(id="nothing")

    def on_mount(self) -> None:
        """Show the newest run, and look again and again."""
        self._show_tab("graph")
        if self._feed is None:
            newest = self.studio.newest_run()
            if newest is not None:
                self.watch_run(newest)
        self.set_interval(_EVERY, self._poll)
        self.set_interval(_TREE_EVERY, self._paint_tree)
        self._paint()
        self._paint_tree()

    def on_resize(self) -> None:
        """A wide screen has room for the tree of runs, and for bars; a narrow one has fewer words."""
        self.call_after_refresh(self._paint)
        self.call_after_refresh(self._paint_tree)

    def on_unmount(self) -> None:
        """Stop looking."""
        if self._feed is not None:
            self._feed.close()

    def show_address(self, target: Target) -> None:
        """Show a run, at a moment, at a node."""
        self._wanted_node = target.node
        # A node's address has a moment even where none is meant: then it is 0.
        self.watch_run(target.rest[0], target.superstep if target.node is None else target.superstep or None)

    def watch_run(self, run_id: str, superstep: int | None = None) -> None:
        """Follow another run."""
        if self._feed is None or self._view is None or self._view.id != run_id:
            try:
                fresh = self.studio.watch(run_id)
            except LookupError as error:
                self.post_message(Told(str(error.args[0]), "warning"))
                return
            if self._feed is not None:
                self._feed.close()
            self._feed = fresh
            self.query_one("#rail", Rail).follow = True
            self.query_one(ItemGrid).unpick()
            self._view = None
            self._fresh = True
        self._moment = None if superstep is None else Moment(superstep)
        if self._moment is not None:
            self._view = self._feed.moment(self._moment)
        self._poll()
        self._paint()

    # Data.

    @property
    def run_id(self) -> str | None:
        """The run on the screen."""
        return None if self._view is None else self._view.id

    @property
    def view(self) -> RunView | None:
        """The run as it is shown."""
        return self._view

    @property
    def node(self) -> str | None:
        """The node that the cursor is on."""
        return self.query_one(BoxPane).path if self._panes.boxes and self._panes.tab == "graph" else self._panes.rail.path

    @property
    def items_meant(self) -> tuple[int, ...] | None:
        """The items of the kind of failure under the cursor when the kinds have the focus, else those that are picked."""
        kinds = self.query_one(FailureList)
        if kinds.has_focus and kinds.here is not None:
            return kinds.here.items or None
        return tuple(sorted(self.query_one(ItemGrid).picked)) or None

    @property
    def address(self) -> str:
        """The run, and the moment."""
        return "hg:run" if self._view is None else run_address(self._view.id, self.superstep)

    @steady
    def _poll(self) -> None:
        if self._feed is None or not self.is_current:
            return
        fresh = self._feed.poll()
        if fresh is not None and self._moment is None:
            self._view = fresh
            known = [name for name, _ in tabs_of(fresh)]
            if self._fresh or self._panes.tab not in known:
                # A batch opens on its items, as soon as it is known to be one; no other run stays there.
                self._fresh = False
                self._show_tab(known[0])
            self._paint()
        elif self._view is not None and self._view.live:
            self._tick()

    def _tick(self) -> None:
        # Only clocks: they go by tenths, and nobody reads faster.
        second = int(self.now * 4)
        if second != getattr(self, "_second", None):
            self._second = second
            self._paint()

    def _now(self, view: RunView) -> float:
        if self._moment is not None and self._moment.at is not None:
            return self._moment.at
        return self.now if view.live else view.ended or view.started or 0.0

    def _paint(self) -> None:
        view = self._view
        if not self.is_mounted:
            return
        self.set_class(view is None and self._feed is None, "-empty")
        if view is None and self._feed is not None:
            # It is being read; what was on the screen before is of another run.
            self.status(Line(self._feed.run_id, "strong").add("  reading", "muted"))
            return
        if view is None:
            self.query_one("#nothing", LinesPane).show(
                lambda width: [Line(), *(Line("  ").add(text, role).cut(width) for role, text in _NOTHING)]
            )
            self.status(Line("no run yet", "muted"))
            self.query_one(TabLine).show((), "", Line())
            return
        now = self._now(view)
        offered = view.can_stop, view.can_resume, view.live, bool(view.pauses), view.id
        if offered != self._offered:
            self._offered = offered
            self.refresh_bindings()
        # The run's own clock stands in the bar at any moment that is looked at.
        whole = view.ended if self._moment is not None and view.ended is not None else self.now if self._moment is not None else now
        self._paint_bars(view, max(0.001, whole - (view.started or whole)))
        wanted, self._wanted_node = self._wanted_node, None
        self._panes.paint(view, now, gantt=self.has_class("-wide") or self.has_class("-huge"), wanted=wanted)

    @steady
    def _paint_tree(self) -> None:
        if not self.has_class("-huge"):
            return
        tree = self.query_one("#tree", RunList)
        token = self.studio.history_token()
        if self.is_current and tree.display and token != self._tree_token:
            self._tree_token = token
            tree.show(self.studio.runs("", after=None, limit=_PAGE), self.now)

    def _paint_bars(self, view: RunView, span: float) -> None:
        ascii_only = getattr(self.app, "ascii_only", False)
        words = _WORDS.get(view.state, view.state) + (f", {view.note}" if view.note else "")
        right = Line(f"{state_glyph(view.state, ascii_only=ascii_only)} {words}", state_role(view.state)).add(
            f" {clock(span) if view.live else took(span)}", "text"
        )
        if view.batch is not None:
            room = self.size.width - right.cells - _LEAST_NAME
            right.add("  ").extend(batch_counts(view.batch, room, ascii_only=ascii_only))
        else:
            right.add(f"  {count(view.done)}/{count(view.total)}", "muted")
        left = Line(view.id, "strong")
        if self.size.width >= 100:
            left.add(f" · {view.graph_name} · {view.runner}", "muted")
            if view.code_note:
                left.add(f" · {view.code_note}", "faint")
        if self._moment is not None:
            roomy = self.size.width >= 100
            mark = ("" if ascii_only else "◄ ") + ("past, 0 for now" if roomy else "past, 0 now")
            note = Line(self._moment.words(view.last_superstep if roomy else None), "warning").add(f"  {mark}", "warning")
        else:
            note = Line(f"superstep {view.last_superstep}", "muted") if view.last_superstep is not None else Line()
            if view.batch is not None:
                note = batch_pace(view.batch)
            note.add("  ● live" if not ascii_only else "  live", "running") if view.live else note.add("  past run", "muted")
        self.status(left, right)
        self.query_one(TabLine).show(tabs_of(view), self._panes.tab, note)

    # Tabs.

    def _show_tab(self, name: str) -> None:
        self._panes.show_tab(name).focus()
        self._paint()

    def action_tab(self, step: int) -> None:
        """Go to another tab."""
        if self._view is None:
            return
        names = [name for name, _ in tabs_of(self._view)]
        at = names.index(self._panes.tab) if self._panes.tab in names else 0
        self._show_tab(names[(at + step) % len(names)])

    def on_tab_line_chosen(self, message: TabLine.Chosen) -> None:
        """A tab was clicked."""
        self._show_tab(message.name)

    # Moving.

    def on_line_view_moved(self, message: LineView.Moved) -> None:
        """The cursor came to another node."""
        view = self._view
        if view is not None and isinstance(message.view, Rail):
            self.query_one(Inspector).show(view, message.view.path, self._now(view))

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Open what was chosen: a node's own run, a value, a run of the lineage, the writer of a log line."""
        view = self._view
        if view is None:
            return
        if isinstance(message.view, Rail):
            self._open_node(view, message.view)
        elif isinstance(message.view, Inspector) and message.view.value_here is not None:
            self.open_value(self.node, message.view.value_here)
        elif isinstance(message.view, ValueList) and message.view.here is not None:
            self.open_value(*message.view.here)
        elif isinstance(message.view, LineageList) and message.view.run_here is not None:
            self.post_message(Go(run_address(message.view.run_here)))
        elif isinstance(message.view, RunList) and message.view.run_here is not None:
            self.post_message(Go(run_address(message.view.run_here.id)))
        elif isinstance(message.view, ItemGrid):
            self.post_message(Go(run_address(f"{view.id}/{message.index}" if view.batch is None else view.batch.run_of(message.index))))
        elif isinstance(message.view, FailureList):
            self.query_one(BatchPane).go_to_kind()
        elif isinstance(message.view, BoxPane):
            self.query_one("#rail", Rail).follow = False
            self.action_boxes()
        elif isinstance(message.view, LogView) and message.view.node_here is not None:
            node = message.view.node_here
            self._show_tab("graph")
            rail = self.query_one("#rail", Rail)
            rail.follow = False
            rail.reveal(node)

    def _open_node(self, view: RunView, rail: Rail) -> None:
        row = rail.here
        if row is None:
            return
        node = view.nodes.get(row.path)
        if row.kind == "loop" and view.turns is not None:
            self._show_tab("turns")
        elif row.fold == "folded":
            rail.action_unfold()
        elif node is not None and node.child_run is not None:
            self.post_message(Go(run_address(node.child_run)))
        else:
            self.query_one(Inspector).focus()

    def action_boxes(self) -> None:
        """Draw the graph as boxes, or as a rail again."""
        panes = self._panes
        panes.boxes = not panes.boxes
        boxes = self.query_one(BoxPane)
        if panes.boxes:
            boxes.go_to(panes.rail.path)
        self._show_tab("graph")
        if not panes.boxes and boxes.path is not None and boxes.path != (panes.rail.path or "").partition("/")[0]:
            panes.rail.go_to(boxes.path)

    def action_open_source(self) -> None:
        """Say where the node under the cursor is defined."""
        graphs = {graph.name: graph for module in self.studio.modules() for graph in module.graphs}
        graph = graphs.get(self._view.graph_name) if self._view is not None else None
        where = graph.sources.get(self.node or "") if graph is not None else None
        self.post_message(Told(where[0]) if where else Told("The module of this node is not loaded here.", "warning"))
