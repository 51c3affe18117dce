"""Graphs: what can be launched, what it needs, and what does not load."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar, Final

from textual.binding import Binding, BindingType
from textual.containers import Container
from textual.widget import Widget

from studio.addresses import Target, graph_address
from studio.messages import Go, Told
from studio.screens.base import PlaceScreen, steady
from studio.widgets.figures import counted
from studio.widgets.graph_list import GraphList
from studio.widgets.graph_text import graph_lines, module_lines
from studio.widgets.line import Line
from studio.widgets.line_view import LineView
from studio.widgets.lines import LinesPane

__all__ = ["GraphsScreen"]

_EVERY: Final = 0.5
_WELCOME: Final = (
    ("title", "Welcome to Hypergraph Studio"),
    ("muted", "No module was named, so there is no graph to launch yet."),
    ("", ""),
    ("text", "Leave with q and start it again with your module or file:"),
    ("accent", "    hypergraph studio my_module"),
    ("accent", "    hypergraph studio pipelines/rag.py"),
    ("", ""),
    ("muted", "Past runs need no module: press 4 for the history of this database."),
)


_BUNDLED: Final = "studio.examples."
_HELLO: Final = (
    ("muted", "Examples to try: enter, and enter again, runs the one under the cursor."),
    ("muted", "Your own: leave with q, then hypergraph studio my_module.py"),
)


class GraphsScreen(PlaceScreen):
    """The first place."""

    MODE = "graphs"
    PANES = ("#graphs", "#about")

    DEFAULT_CSS = """
    GraphsScreen #body { layout: vertical; }
    GraphsScreen #graphs { height: 2fr; min-height: 4; }
    GraphsScreen #about { height: 3fr; border-top: solid $rule; }
    GraphsScreen.-wide #body, GraphsScreen.-huge #body { layout: horizontal; }
    GraphsScreen.-wide #graphs, GraphsScreen.-huge #graphs { width: 5fr; height: 1fr; }
    GraphsScreen.-wide #about, GraphsScreen.-huge #about { width: 6fr; height: 1fr; border-top: none; border-left: solid $rule; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("u", "reload", "reload", id="look.reload", tooltip="Load this module again"),
        Binding("4", "go('runs')", "past runs", id="go.runs", tooltip="Go to Runs"),
        Binding("O", "open_source", "source", show=False, id="look.source", tooltip="Show where the graph is defined"),
    ]

    def compose_body(self) -> Iterable[Widget]:
        """Give the list and what is known of its cursor's row."""
        yield Container(GraphList(id="graphs"), LinesPane(id="about"), id="body")

    def on_mount(self) -> None:
        """Look now, and again."""
        self._seen: object = None
        self.query_one(GraphList).focus()
        self.refresh_data()
        self.set_interval(_EVERY, self.refresh_data)

    def on_screen_resume(self) -> None:
        """Look at once when the place is entered."""
        if self.is_mounted:
            self.refresh_data()

    @steady
    def refresh_data(self) -> None:
        """Take over what the services know by now."""
        modules = self.studio.modules()
        last = self.studio.last_runs()
        graphs = sum(len(module.graphs) for module in modules)
        self.status(Line("graphs", "strong"), Line(counted(graphs, "graph"), "muted") if modules else None)
        now = self.now
        # A clock beside what is being loaded; the ages of runs may lag behind.
        seen = (modules, last, int(now if any(module.state == "loading" for module in modules) else now / 30))
        if seen == self._seen:
            return
        self._seen = seen
        self.query_one(GraphList).display = bool(modules)
        self.query_one(GraphList).show(modules, last, now)
        self._show_about()

    def _show_about(self) -> None:
        about = self.query_one("#about", LinesPane)
        here = self.query_one(GraphList).here
        ascii_only = getattr(self.app, "ascii_only", False)
        if here is None:
            about.show(self._welcome, keep_place=False)
            return
        module, graph = here
        if graph is not None and self._is_new():
            about.show(
                lambda width: [*self._hello(width), *graph_lines(graph, width, ascii_only=ascii_only)],
                keep_place=False,
            )
        elif graph is None:
            now = self.now
            about.show(lambda width: module_lines(module, width, now), keep_place=module.state == "loading")
        else:
            about.show(lambda width: graph_lines(graph, width, ascii_only=ascii_only), keep_place=False)

    def _welcome(self, width: int) -> list[Line]:
        return [Line(), *(Line("  ").add(text, role or "text").cut(width) for role, text in _WELCOME)]

    def _is_new(self) -> bool:
        """Tell whether somebody looks around for the first time: nothing but examples, and nothing run yet."""
        modules = self.studio.modules()
        return not self.studio.last_runs() and all(module.target.startswith(_BUNDLED) for module in modules)

    def _hello(self, width: int) -> list[Line]:
        return [Line(" ").add(text, role).cut(width) for role, text in _HELLO] + [Line()]

    def on_line_view_moved(self, message: LineView.Moved) -> None:
        """The cursor came to another graph."""
        if isinstance(message.view, GraphList):
            self._show_about()

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """A graph was chosen."""
        if isinstance(message.view, GraphList):
            self.action_launch()

    def action_launch(self) -> None:
        """Go to the form of this graph."""
        here = self.query_one(GraphList).here
        if here is None:
            return
        module, graph = here
        if graph is not None:
            self.post_message(Go(graph_address(graph.name).replace("hg:graph/", "hg:launch/", 1)))
        elif module.graphs:
            self.query_one(GraphList).action_move(1)
        elif module.state == "broken":
            self.post_message(Told(f"{module.target} cannot be loaded: its error is beside the list.", "warning"))

    def action_reload(self) -> None:
        """Load the module again."""
        here = self.query_one(GraphList).here
        if here is not None:
            self.studio.reload(here[0].target)
            self.refresh_data()

    def action_open_source(self) -> None:
        """Say where the graph is defined."""
        here = self.query_one(GraphList).here
        if here is not None and here[1] is not None:
            self.post_message(Told(here[1].source))

    def show_address(self, target: Target) -> None:
        """Bring the cursor to the named graph."""
        if not self.query_one(GraphList).find(target.rest[0]):
            self.post_message(Told(f"No loaded graph is named {target.rest[0]!r}.", "warning"))
