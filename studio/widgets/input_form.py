"""The form of a graph's inputs: one row an input, with its type, its default, what is wrong with it, and a tick to map over it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, ClassVar, Final

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.geometry import Size
from textual.message import Message
from textual.reactive import reactive
from textual.strip import Strip
from textual.widget import Widget
from textual.widgets import Input

from studio.theme import Palette
from studio.widgets.choice import Choice
from studio.widgets.line import Line, rule, wrap

if TYPE_CHECKING:
    from studio.model.graph_view import InputField
    from studio.model.type_spec import TypeSpec

__all__ = ["Field", "Label", "Tick", "choices_of", "editor_for"]

_CHOICES_SHOWN: Final = 8
_TINY: Final = 60


class Label(Widget):
    """A text of a form that is only read: one line, or as many as it needs where the styles give it more than one."""

    DEFAULT_CSS = """
    Label { height: 1; width: 1fr; }
    """

    def __init__(self, line: Line | None = None, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id, classes=classes)
        self._line = line or Line()
        self._heading = ""

    def show(self, line: Line) -> None:
        """Show another line."""
        self._line = line
        self.refresh(layout=self.styles.height is not None and self.styles.height.is_auto)

    def show_heading(self, title: str) -> None:
        """Show a title with a rule as wide as the form."""
        self._heading = title
        self.refresh()

    @property
    def plain(self) -> str:
        """The text."""
        return self._heading or self._line.plain

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """Give the lines that the text needs."""
        del container, viewport
        return len(self._parts(width))

    def _parts(self, width: int) -> list[Line]:
        if self._heading:
            return [rule(self._heading, width)]
        if self._line.cells <= width or not self._line.spans:
            return [self._line]
        return [Line(part, self._line.spans[-1][1]) for part in wrap(self._line.plain, max(1, width))]

    def render_line(self, y: int) -> Strip:
        """Draw a line."""
        palette: Palette = getattr(self.app, "palette", None) or Palette(self.app.theme_variables)
        width, height = self.size
        parts = (
            self._parts(width) if height > 1 else [rule(self._heading, width) if self._heading else Line().extend(self._line).cut(width)]
        )
        return (parts[y] if y < len(parts) else Line()).strip(palette, width, self.rich_style)


class Tick(Widget):
    """The box "each": run once for each element of this input."""

    DEFAULT_CSS = """
    Tick { width: 9; height: 1; }
    """

    on: reactive[bool] = reactive(False)

    def __init__(self, *, on: bool = False) -> None:
        super().__init__()
        self.set_reactive(Tick.on, on)
        self.set_class(on, "-on")

    class Changed(Message):
        """The tick changed."""

    def on_click(self) -> None:
        """Turn it over."""
        self.on = not self.on

    def watch_on(self) -> None:
        """Tell the form."""
        self.set_class(self.on, "-on")
        if self.is_mounted:
            self.post_message(self.Changed())

    def render_line(self, y: int) -> Strip:
        """Draw the box."""
        palette: Palette = getattr(self.app, "palette", None) or Palette(self.app.theme_variables)
        line = Line("[x] each" if self.on else "[ ] each", "accent" if self.on else "faint") if y == 0 else Line()
        return line.strip(palette, self.size.width, self.rich_style)


class FieldInput(Input):
    """A one-line editor; enter goes on to the next field."""

    DEFAULT_CSS = """
    FieldInput, FieldInput.-textual-compact, FieldInput.-textual-compact:focus {
        width: 1fr; background: $surface; border: none; height: 1; padding: 0 1; }
    FieldInput:focus, FieldInput.-textual-compact:focus { background: $boost; }
    FieldInput.-wrong { color: $error; }
    """


def choices_of(spec: TypeSpec) -> tuple[str, ...]:
    """Give what can be chosen for a type, where that is a few things."""
    found = ("True", "False") if spec.kind == "bool" else () if "flags" in spec.constraints else spec.choices
    if not found or len(found) > _CHOICES_SHOWN:
        return ()
    return (*found, "None") if spec.nullable else found


def editor_for(field: InputField, text: str, *, mapped: bool = False) -> Widget:
    """Give the widget that edits a value of this type, or a list of such values."""
    choices = () if mapped else choices_of(field.type)
    shown = text or field.default
    # A text that is none of the choices is not thrown away: it is edited as text, and said to be wrong.
    if choices and (not text or text in choices):
        return Choice(choices, chosen=choices.index(shown) if shown in choices else None)
    return FieldInput(text, placeholder=hint_of(field, mapped=mapped), compact=True, password=field.secret, select_on_focus=False)


def hint_of(field: InputField, *, mapped: bool = False) -> str:
    """Say in an empty field what it takes, or what stands for it."""
    if mapped:
        return f"[…, …]  a list of {field.type.label}"
    if field.default is not None:
        return f"{field.default}  {'(bound)' if field.bound else '(default)'}"
    example = _example(field.type)
    said = f"{field.type.label}, needed" if field.required else field.type.label
    return f"{said}: {example}" if example else said


def _example(spec: TypeSpec) -> str:
    """Show how a value is written, where that is not plain."""
    if spec.kind == "record":
        inner = ", ".join(f'"{one.name}": …' for one in spec.fields[:4])
        return f"{{{inner}{', …' if len(spec.fields) > 4 else ''}}}"
    if spec.kind in {"list", "set"} and spec.members:
        member = spec.members[0]
        if member.kind in {"list", "set", "tuple", "dict", "record", "union", "any", "array", "table"}:
            return f"[{_example(member) or '…'}, …]"
        return "a, b or [a, b]"
    if spec.kind == "tuple" and spec.members and "variadic" not in spec.constraints:
        return f"({', '.join('…' for _ in spec.members)})"
    return _EXAMPLES.get(spec.kind, "")


_EXAMPLES: Final = {
    "list": "[…, …]",
    "set": "{…, …}",
    "tuple": "(…, …)",
    "dict": '{"key": value}',
    "date": "2026-01-31",
    "datetime": "2026-01-31T14:02",
    "time": "14:02",
    "timedelta": "1h30m, or seconds",
    "fraction": "1/3",
    "complex": "1+2j",
    "array": "[1, 2], or a file",
    "table": "rows as JSON, or a file",
    "object": "module:name",
}


class Field(Vertical):
    """One input.

    Args:
        field: what the graph says of it.
        text: what stands in it at first.
        check: gives what is wrong with a text, None when nothing is.
        names: cells for the names of all fields.
        mapped: the graph runs once for each element, from the start.
    """

    DEFAULT_CSS = """
    Field { height: auto; }
    Field > Horizontal { height: 1; }
    Field .name { width: 16; }
    Field .type { width: 14; }
    Field > .problem { display: none; height: auto; max-height: 3; }
    Field.-wrong > .problem { display: block; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding(
            "f4",
            "edit",
            "edit in full",
            key_display="F4",
            id="form.edit-in-full",
            tooltip="Edit this text in $EDITOR, or here where there is none",
            show=False,
        ),
        Binding("f3", "each", "each", key_display="F3", id="form.each", tooltip="Run the graph once for each element of this input"),
    ]

    class Edit(Message):
        """The text is wanted in a larger editor."""

        def __init__(self, field: Field) -> None:
            self.field = field
            super().__init__()

    class Changed(Message):
        """The text, or the tick, changed."""

        def __init__(self, field: Field) -> None:
            self.field = field
            super().__init__()

    def __init__(
        self, field: InputField, text: str, check: Callable[[InputField, str, bool], str | None], names: int, *, mapped: bool = False
    ) -> None:
        super().__init__()
        self.field = field
        self._check = check
        self._names = names
        self._tick = Tick(on=mapped)
        self._editor = editor_for(field, text, mapped=mapped)
        self._touched = bool(text)
        self._long: str | None = None
        if "\n" in text:
            self.put(text)
        self.refused: str | None = None

    def compose(self) -> ComposeResult:
        """Set name, type, editor and tick in a row, and the problem below."""
        field = self.field
        name = Line(" ").add(field.name, "strong" if field.required else "text")
        if field.required:
            name.add(" *", "warning")
        label = Label(name, classes="name")
        label.styles.width = self._names + 4
        with Horizontal():
            yield label
            yield Label(Line(field.type.label, "type"), classes="type")
            yield self._editor
            yield self._tick
        problem = Label(classes="problem")
        # Below the editor, whose left edge names and types leave where it is; where types are not shown, it stands further left.
        problem.styles.padding = (0, 1, 0, 2 if self.app.size.width < _TINY else self._names + 19)
        yield problem

    @property
    def editor(self) -> Widget:
        """The widget that takes the focus."""
        return self._editor

    @property
    def text(self) -> str:
        """What stands in the field; "" for the default."""
        if isinstance(self._editor, Choice):
            return "" if self._editor.value is None or self._editor.value == self.field.default else self._editor.value
        if self._long is not None:
            return self._long
        return self._editor.value if isinstance(self._editor, Input) else ""

    def put(self, text: str) -> None:
        """Put a text into the field; of several lines it shows the first."""
        if not isinstance(self._editor, Input):
            return
        several = "\n" in text
        with self.prevent(Input.Changed):
            self._editor.value = _first_line(text) if several else text
        self._long = text if several else None
        if self.is_mounted:
            self._changed()

    def action_edit(self) -> None:
        """Ask for a larger editor."""
        if isinstance(self._editor, Input):
            self.post_message(self.Edit(self))

    @property
    def mapped(self) -> bool:
        """True when the graph runs once for each element."""
        return self._tick.on

    @property
    def problem(self) -> str | None:
        """What is wrong with it, None when nothing is."""
        if not self.text:
            return "needed" if self.field.required else None
        return self._check(self.field, self.text, self.mapped) or self.refused

    def review(self, *, strict: bool = False) -> None:
        """Show what is wrong; a field nobody has touched is not yet wrong."""
        problem = self.problem
        shown = problem if problem and (strict or self._touched) else None
        self.set_class(shown is not None, "-wrong")
        if isinstance(self._editor, Input):
            self._editor.set_class(shown is not None and bool(self.text), "-wrong")
        self.query_one(".problem", Label).show(Line(shown or "", "error"))

    def on_resize(self) -> None:
        """What is wrong with the field that is being filled in is never below the edge."""
        if self.has_class("-wrong") and self._editor.has_focus:
            self.scroll_visible(animate=False)

    def action_each(self) -> None:
        """Map over this input, or no longer."""
        self._tick.on = not self._tick.on

    def _changed(self) -> None:
        self._touched = True
        self.refused = None
        self.review()
        self.post_message(self.Changed(self))

    async def on_tick_changed(self, event: Tick.Changed) -> None:
        """A mapped input takes a list, whatever its own type offers; what was chosen is its first element, and the other way round."""
        event.stop()
        before, text = self._editor, self.text
        if isinstance(before, Choice) or choices_of(self.field.type):
            text = (before.value or "") if isinstance(before, Choice) else text.strip().strip("[]").strip()
            self._editor = editor_for(self.field, text if self.mapped or text in choices_of(self.field.type) else "", mapped=self.mapped)
            focused = before.has_focus
            await self.query_one(Horizontal).mount(self._editor, before=before)
            await before.remove()
            if focused:
                self._editor.focus()
        elif isinstance(before, Input):
            before.placeholder = hint_of(self.field, mapped=self.mapped)
        self._changed()

    def on_input_changed(self, event: Input.Changed) -> None:
        """Check at each key; typing takes the place of a text of several lines."""
        event.stop()
        if self._long is not None and isinstance(self._editor, Input) and self._editor.value == _first_line(self._long):
            # What was put in before the field was shown is told of when it is.
            return
        self._long = None
        self._changed()

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """Check at each choice."""
        event.stop()
        self._changed()


def _first_line(text: str) -> str:
    return text.partition("\n")[0] + " …"


def texts_of(fields: list[Field]) -> Mapping[str, str]:
    """Give what stands in the fields that are not left to their defaults."""
    return {field.field.name: field.text for field in fields if field.text}
