"""Launch: a graph's inputs as a form, the preflight beside it all the time, and one key to start."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from textual import events
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, Vertical, VerticalScroll
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Button, Input

from studio.addresses import Target, graph_address, run_address
from studio.messages import Copy, Go, Told
from studio.model.plan import mapped_of, with_mapped
from studio.screens.base import PlaceScreen
from studio.widgets.choice import Choice
from studio.widgets.figures import counted
from studio.widgets.input_form import Field, Label
from studio.widgets.launch_options import launch_options
from studio.widgets.line import Line
from studio.widgets.line_view import LineView
from studio.widgets.lines import LinesPane
from studio.widgets.plan_text import plan_lines
from studio.widgets.runner_picker import RunnerPicker

if TYPE_CHECKING:
    from studio.model.graph_view import GraphView, InputField
    from studio.model.plan import LaunchPlan
    from studio.services.recalling import Recalled

__all__ = ["LaunchScreen"]

_QUIET: Final = 0.15
_LOADING: Final = 0.25
_RECENT: Final = 8
_WIDE: Final = 180


class LaunchScreen(PlaceScreen):
    """The form of one graph."""

    MODE = "launch"
    # The fields come later than the screen; what had the focus before them would be scrolled to.
    AUTO_FOCUS = ""
    PANES = ("Field Input", "Field Choice")
    CHANGES = frozenset({"launch"})

    DEFAULT_CSS = """
    LaunchScreen #body { layout: vertical; }
    LaunchScreen #left { height: 1fr; width: 1fr; }
    LaunchScreen #form { height: 1fr; padding: 0 1 0 0; }
    LaunchScreen #fields, LaunchScreen #options, LaunchScreen .row { height: auto; }
    LaunchScreen .row { layout: horizontal; height: 1; }
    LaunchScreen .row > .name { width: 16; }
    LaunchScreen #preflight { height: 9; border-top: solid $rule; }
    LaunchScreen #go { height: 1; margin-top: 1; }
    LaunchScreen #run { width: 18; margin: 0 2 0 1; }
    LaunchScreen.-wide #body, LaunchScreen.-huge #body { layout: horizontal; }
    LaunchScreen.-wide #left, LaunchScreen.-huge #left { width: 6fr; height: 1fr; }
    LaunchScreen.-wide #preflight, LaunchScreen.-huge #preflight { width: 5fr; height: 1fr; border-top: none; border-left: solid $rule; }
    LaunchScreen.-wide #form, LaunchScreen.-huge #form { height: auto; max-height: 90%; }
    LaunchScreen #recent { display: none; height: auto; max-height: 14; margin-top: 1; padding-right: 1; }
    LaunchScreen.-huge.-high #recent { display: block; }
    LaunchScreen.-huge.-high #form { max-height: 65%; }
    LaunchScreen RecalledList { background: $background; }
    LaunchScreen Button { min-width: 16; }
    LaunchScreen.-tiny #preflight, LaunchScreen.-tiny Tick, LaunchScreen.-tiny .type { display: none; }
    LaunchScreen.-tiny Tick.-on { display: block; }
    LaunchScreen.-tiny #run { width: 9; min-width: 9; }
    LaunchScreen.-tiny #go, LaunchScreen.-tiny #verdict { height: 2; margin-top: 0; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        # With priority: what is typed after it goes into the next field, however busy the machine is.
        Binding("tab", "app.focus_next", "next field", id="form.next", tooltip="Go to the next field", priority=True),
        Binding(
            "shift+tab",
            "app.focus_previous",
            "Previous field",
            show=False,
            id="form.previous",
            tooltip="Go to the previous field",
            priority=True,
        ),
        Binding("f5", "launch", "run", key_display="F5", id="act.launch", tooltip="Start the run, from any field"),
        Binding("e", "edit", "Edit", show=False, id="form.edit", tooltip="Edit the last field in $EDITOR, or here where there is none"),
        Binding("i", "recall", "past inputs", id="form.recall", tooltip="Fill the form: inputs kept under a name, and those of past runs"),
        Binding("w", "keep", "Keep inputs", show=False, id="form.keep-inputs", tooltip="Keep these inputs under a name"),
        Binding("o", "import", "From file", show=False, id="form.import", tooltip="A JSON file of inputs, or the last field's text"),
        Binding("y", "copy_python", "copy python", id="yank.python", tooltip="Copy the Python of this launch"),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._graph: GraphView | None = None
        self._wanted: tuple[str, dict[str, str]] | None = None
        self._timer: Timer | None = None
        self._rows: list[Field] = []
        self._used: Field | None = None
        self._looked: object = None

    def compose_body(self) -> Iterable[Widget]:
        """Give the form and the preflight."""
        form = VerticalScroll(
            Label(id="heading"),
            Vertical(id="fields"),
            launch_options(),
            id="form",
            can_focus=False,
        )
        # The button stays in sight, however long the form is.
        go = Horizontal(Button("Run", id="run", variant="primary", compact=True), Label(id="verdict"), id="go")
        yield Container(Vertical(form, go, Vertical(id="recent"), id="left"), LinesPane(id="preflight"), id="body")

    def on_mount(self) -> None:
        """Show the graph that was asked for, else the first one."""
        self.query_one("#at-once", Input).value = str(self.studio.settings.at_once)
        self.call_after_refresh(self._open_first)
        self.set_interval(_LOADING, self._open_loaded)

    async def _open_loaded(self) -> None:
        # An address may be opened before its module is loaded.
        if self._graph is None and self.is_current and self.studio.modules() is not self._looked:
            await self._open()

    async def _open_first(self) -> None:
        # Whoever comes with an address says in the same moment which graph is wanted.
        if self._graph is None and self._wanted is None:
            await self._open()

    def on_screen_resume(self) -> None:
        """A graph may have been loaded in the meantime."""
        if self.is_mounted:
            self.call_after_refresh(self._open_first)
        self._bars()

    def show_address(self, target: Target) -> None:
        """Show the form of a graph; one that is open stays as it is, unless a run is to be made again."""
        if self._graph is None or self._graph.name != target.rest[0] or self.studio.is_prefilled(target.rest[0]):
            self.open_form(target.rest[0], {})

    def open_form(self, name: str, texts: dict[str, str]) -> None:
        """Show the form of a graph with these texts in it."""
        self._wanted = name, texts
        self.run_worker(self._open(), exclusive=True)

    @property
    def address(self) -> str:
        """The graph's form."""
        return "hg:launch" if self._graph is None else graph_address(self._graph.name).replace("hg:graph/", "hg:launch/", 1)

    def _bars(self) -> None:
        self.status(Line("launch ", "muted").add(self._graph.name if self._graph else "", "strong"))

    async def _open(self) -> None:
        self._looked = modules = self.studio.modules()
        graphs = {graph.name: graph for module in modules for graph in module.graphs}
        name, texts = self._wanted or (next(iter(graphs), ""), {})
        graph = graphs.get(name)
        self._bars()
        self.query_one("#options").display = self.query_one("#go").display = graph is not None
        if graph is None:
            said = (
                f" No loaded graph is named {name!r}." if name else " No graph is loaded. The Graphs place (1) says how to name a module."
            )
            loading = any(module.state == "loading" for module in modules)
            self.query_one("#heading", Label).show(Line(" loading…" if loading else said, "muted"))
            return
        # While the form is made there is none: nothing can be started with what is left of another graph's.
        self._graph, self._wanted = None, (name, texts)
        drafts = texts or self.studio.draft(graph.name)
        names = min(max([len(field.name) for field in graph.inputs] + [8]), 24)
        fields = self.query_one("#fields")
        await fields.remove_children()
        ticks = mapped_of(drafts)
        self._rows = [Field(field, drafts.get(field.name, ""), self._check, names, mapped=field.name in ticks) for field in graph.inputs]
        await fields.mount(*self._rows)
        self._graph, self._wanted, self._used = graph, None, None
        fits = [runner for runner, reason in graph.fits.items() if reason is None]
        self.query_one(RunnerPicker).show(graph.fits, fits[0] if fits else "")
        self._bars()
        self.review()
        first = next((field for field in self._fields() if not field.text and field.field.required), None)
        await self._show_recent(graph)
        # Where the new fields will be is known when they have been laid out.
        self.query_one("#form").scroll_home(animate=False)
        self.call_after_refresh((first.editor if first else self.query_one("#run")).focus)

    async def _show_recent(self, graph: GraphView) -> None:
        """Where there is room, inputs of before stand below the form."""
        from studio.screens.recall import RecalledList

        place = self.query_one("#recent")
        await place.remove_children()
        rows = self.studio.recalling.known(graph)[:_RECENT] if self.app.size.width >= _WIDE else []
        if rows:
            heading = Label()
            await place.mount(heading, RecalledList(graph.name, rows, self.now, self.studio.recalling))
            heading.show_heading("Inputs of before")

    def on_line_view_opened(self, message: LineView.Opened) -> None:
        """Fill the form with inputs of before."""
        from studio.screens.recall import RecalledList

        if isinstance(message.view, RecalledList):
            row = message.view.rows[message.index]
            self.fill(dict(row.texts), row.mapped)

    def action_back(self) -> None:
        """Leave the field for the form, else the place."""
        if isinstance(self.focused, Input):
            self.query_one("#run").focus()
        else:
            super().action_back()

    # What stands in the form.

    def _fields(self) -> list[Field]:
        return self._rows

    def _check(self, field: InputField, text: str, mapped: bool) -> str | None:  # the field's own callback
        return self.studio.check_text(field, text, mapped=mapped)

    def plan(self) -> LaunchPlan | None:
        """Give what would be started."""
        if self._graph is None:
            return None
        at_once = self.query_one("#at-once", Input).value
        return self.studio.plan(
            self._graph,
            texts={field.field.name: field.text for field in self._fields() if field.text},
            runner=self.query_one(RunnerPicker).runner,
            run_id=self.query_one("#run-id", Input).value.strip() or None,
            map_over=tuple(field.field.name for field in self._fields() if field.mapped),
            map_mode=self.query_one("#mode", Choice).value or "zip",
            on_error=self.query_one("#on-error", Choice).value or "continue",
            at_once=int(at_once) if at_once.isdigit() else None,
        )

    def review(self) -> None:
        """Show what the form amounts to."""
        graph, plan = self._graph, self.plan()
        if graph is None or plan is None:
            return
        mapped = bool(plan.map_over)
        self.query_one("#mode-row").display = len(plan.map_over) > 1
        self.query_one("#error-row").display = mapped
        self.query_one("#once-row").display = plan.at_once is not None
        self.query_one("#items", Label).show(Line(plan.items_text, "accent"))
        self.query_one("#heading", Label).show_heading(f"Inputs of {graph.name}")
        self.query_one("#how", Label).show_heading("How")
        self.query_one("#verdict", Label).show(self._verdict(plan))
        self.query_one("#run", Button).disabled = self.studio.read_only
        self.query_one("#preflight", LinesPane).show(
            lambda wide: plan_lines(graph, plan, wide, ascii_only=getattr(self.app, "ascii_only", False))
        )
        self.studio.keep_draft(graph.name, with_mapped(plan.texts, plan.map_over))

    def _verdict(self, plan: LaunchPlan) -> Line:
        """Say in a few words whether it can start."""
        if self.studio.read_only:
            return Line("read-only: nothing is started from here", "warning")
        missing = [field.field.name for field in self._fields() if field.problem]
        if missing:
            return Line("fill in ", "warning").add(", ".join(missing), "strong")
        wrong = next((text for good, text in plan.checks if good is False), None)
        if wrong is not None:
            return Line("✗ ", "failed").add(wrong, "warning")
        return Line("✓ ready", "completed").add(f"   {plan.items_text}" if plan.items_text else "", "muted")

    # Changes.

    def _later(self) -> None:
        if self._timer is not None:
            self._timer.stop()
        self._timer = self.set_timer(_QUIET, self.review)

    def on_field_changed(self, _event: Field.Changed) -> None:
        """Look at the form again, when the typing stops."""
        self._later()

    def on_field_edit(self, event: Field.Edit) -> None:
        """Open an editor on a field."""
        self._edit(event.field)

    def _edit(self, field: Field) -> None:
        from studio.screens.editor import edit_text

        edit_text(self.app, field.field.name, field.text, field.put)

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """Remember the field that was used last: keys outside fields mean it."""
        self._used = next((field for field in self._fields() if field.editor is event.widget), self._used)

    def action_edit(self) -> None:
        """Open an editor on the field that was used last."""
        fields = [field for field in self._fields() if isinstance(field.editor, Input)]
        if fields:
            self._edit(self._used if self._used in fields else fields[0])

    def on_choice_changed(self, _event: Choice.Changed) -> None:
        """Look at the form again."""
        self._later()

    def on_input_changed(self, _event: Input.Changed) -> None:
        """Look at the form again, when the typing stops."""
        self._later()

    def on_runner_picker_picked(self) -> None:
        """Another runner was chosen."""
        self.review()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter commits a field and goes to the next that needs something, at last to the button."""
        event.stop()
        empty = next((field for field in self._fields() if field.problem and field.editor is not event.input), None)
        (empty.editor if empty is not None else self.query_one("#run")).focus()

    # Inputs of before.

    def action_recall(self) -> None:
        """Choose inputs that were used before."""
        from studio.screens.recall import RecallSheet

        graph = self._graph
        if graph is None:
            return

        def chosen(found: Recalled | None) -> None:
            if found is not None:
                self.fill(dict(found.texts), found.mapped)

        recalling = self.studio.recalling
        rows = recalling.known(graph)
        self.app.push_screen(RecallSheet(graph.name, rows, self.now, recalling), chosen)

    def action_keep(self) -> None:
        """Keep what stands in the form under a name."""
        from studio.screens.recall import AskSheet

        graph, plan = self._graph, self.plan()
        if graph is None or plan is None:
            return

        def named(name: str | None) -> None:
            if name is None:
                return
            kept = self.studio.recalling.keep(graph.name, name, with_mapped(plan.texts, plan.map_over))
            self.post_message(
                Told(f"Kept as {name}; i brings it back." if kept else "It could not be kept.", "information" if kept else "error")
            )

        self.app.push_screen(AskSheet(f"Keep the inputs of {graph.name}", "a name for them"), named)

    def action_import(self) -> None:
        """Read inputs from a file."""
        from studio.screens.recall import AskSheet

        graph = self._graph
        if graph is None:
            return
        used = self._used if self._used is not None and isinstance(self._used.editor, Input) else None

        def named(path: str | None) -> None:
            if path is None:
                return
            try:
                found = self.studio.recalling.from_file(graph, path, used.field.name if used is not None else None)
            except ValueError as error:
                self.post_message(Told(str(error), "error"))
                return
            given = {field.field.name: field.text for field in self._fields() if field.text}
            self.fill({**given, **found}, tuple(field.field.name for field in self._fields() if field.mapped))

        takes = f", or any text for {used.field.name}" if used is not None else ""
        self.app.push_screen(AskSheet(f"Inputs of {graph.name} from a file", f"path of a JSON object of inputs{takes}"), named)

    def fill(self, texts: dict[str, str], mapped: tuple[str, ...] = ()) -> None:
        """Put other texts into the form, and the ticks of what is mapped over."""
        name = self._graph.name if self._graph is not None else self._wanted[0] if self._wanted is not None else ""
        if name:
            texts = with_mapped(texts, mapped)
            # No text at all would bring the draft back.
            self.studio.keep_draft(name, texts)
            self.open_form(name, texts)

    # Acts.

    def on_button_pressed(self) -> None:
        """The button starts the run."""
        self.run_worker(self.action_launch(), exclusive=True)

    async def action_launch(self) -> None:
        """Start the run, or show what is missing."""
        plan = self.plan()
        if plan is None or self.studio.read_only:
            return
        wrong = [field for field in self._fields() if field.problem]
        for field in self._fields():
            field.review(strict=True)
        if wrong:
            wrong[0].editor.focus()
            self.post_message(
                Told(f"{counted(len(wrong), 'input')} to look at: {', '.join(field.field.name for field in wrong)}.", "warning")
            )
            return
        outcome = await self.studio.launch(plan)
        if not outcome.ok:
            self._refused(outcome.message, outcome.problems)
            return
        self.query_one("#run-id", Input).value = ""
        self.post_message(Go(run_address(outcome.run_id)))

    def _refused(self, message: str, problems: Mapping[str, str]) -> None:
        for field in self._fields():
            field.refused = problems.get(field.field.name)
            field.review(strict=True)
        first = next((field for field in self._fields() if field.refused), None)
        if first is not None:
            first.editor.focus()
        self.post_message(Told(message, "error"))

    def action_copy_python(self) -> None:
        """Copy the Python of this launch."""
        plan = self.plan()
        if plan is not None:
            self.post_message(Copy(plan.script, f"Python of {counted(len(plan.script.splitlines()), 'line')}"))
