"""The sheet that answers a question: what is asked, about what, and what follows."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar

from textual import work
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.widget import Widget
from textual.widgets import Input

from studio.messages import Copy
from studio.screens.sheet import Sheet, Summary
from studio.widgets.choice import Choice
from studio.widgets.input_form import FieldInput, Label
from studio.widgets.line import Line, rule, wrap

if TYPE_CHECKING:
    from studio.model.about import About
    from studio.model.pause_view import PauseView
    from studio.services.studio import Studio

__all__ = ["AnswerSheet", "pause_lines"]

_MOST = 200


def pause_lines(pause: PauseView, width: int) -> list[Line]:
    """Say what a pause asks, about which values, and what each answer leads to."""
    lines = [Line(" ").add(pause.node, "title").add(" asks for ", "muted")]
    for index, (name, spec) in enumerate(pause.asks):
        lines[0].add(", " if index else "").add(name, "strong").add(f": {spec.label}", "type")
    lines[0].cut(width)
    for value in pause.values:
        lines.append(rule(f"{value.name}: {value.kind}", width))
        lines += [Line(" ").add(text) for text in wrap(value.text, max(10, width - 2), limit=_MOST)]
    if pause.follows:
        lines.append(rule("Then", width))
        for answer, leads in pause.follows:
            lines.append(Line(" ").add(answer, "strong", width=14).add(" → ", "accent").add(leads).cut(width))
    return lines


class AnswerSheet(Sheet[tuple[str, dict[str, str]]]):
    """The form of one pause; nothing is chosen at first.

    Args:
        studio: checks the answer before anything is called.
        pause: the question.
        others: how many further questions get the same answer.
    """

    DEFAULT_CSS = """
    AnswerSheet #editors { height: auto; }
    AnswerSheet .row { height: 1; layout: horizontal; }
    AnswerSheet .row > .name { width: 18; }
    AnswerSheet.-tiny .row > .name { width: 11; }
    AnswerSheet.-tiny #checks { max-height: 1; }
    AnswerSheet Summary { max-height: 50vh; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("enter", "submit", "answer", id="sheet.answer", tooltip="Give this answer; the run goes on"),
        Binding("y", "copy", "copy python", id="yank.python", tooltip="Copy the Python of this answer"),
    ]

    def __init__(self, studio: Studio, pause: PauseView, *, others: int = 0) -> None:
        super().__init__()
        self._others = others
        self._studio = studio
        self._pause = pause
        self._known: About | None = None

    def title_text(self) -> str:
        """Name the run and its question."""
        more = f" and {self._others} more" if self._others else ""
        return f"Answer {self._pause.run_id}{more} · {self._pause.node}"

    def compose_sheet(self) -> Iterable[Widget]:
        """Give what is asked, then an editor for each answer."""
        summary = Summary(id="summary")
        summary.can_focus = False
        yield summary
        for index, (name, spec) in enumerate(self._pause.asks):
            choices = ("True", "False") if spec.kind == "bool" else spec.choices
            draft = self._studio.draft_answer(self._pause.run_id, name)
            editor: Widget
            if choices:
                editor = Choice(choices, id=f"answer-{index}")
            else:
                editor = FieldInput(draft, id=f"answer-{index}", placeholder=spec.label, compact=True, select_on_focus=False)
            yield Horizontal(Label(Line(" ").add(name, "strong"), classes="name"), editor, classes="row")
        checks = Summary(id="checks")
        checks.can_focus = False
        yield checks
        yield Label(id="problem")
        keys = Line(" enter", "key").add(" answer   ")
        if self._has_bool:
            keys.add("t f", "key").add(" choose   ")
        elif any(spec.choices for _, spec in self._pause.asks):
            keys.add("1 2 3", "key").add(" or arrows choose   ")
        yield Label(keys.add("y", "key").add(" copy python   ").add("esc", "key").add(" leave, draft kept"))

    @property
    def _has_bool(self) -> bool:
        return any(spec.kind == "bool" for _, spec in self._pause.asks)

    def on_mount(self) -> None:
        """Show the question; the first editor has the focus."""
        self.query_one(Summary).show(lambda width: pause_lines(self._pause, width))
        self.query_one("#checks", Summary).show(self._checks)
        self.query_one("#answer-0").focus()
        self._look()

    @work(exclusive=True, group="about")
    async def _look(self) -> None:
        self._known = await self._studio.about_answer(self._pause, self._given())
        for checks in self.query("#checks").results(Summary):
            checks.show(self._checks)
            checks.refresh(layout=True)

    def _checks(self, width: int) -> list[Line]:
        """Say how things stand before the answer is given, and what does the same."""
        known = self._known
        if known is None:
            return [Line("looking whether it still waits…", "muted")]
        if known.problem:
            return [Line(part, "error") for part in wrap(known.problem, width)[:3]]
        code = Line().add("checks", "muted", width=9).add("it still waits", "completed").add(" · code ", "muted")
        code.add(known.code, "text" if known.same_code else "warning").cut(width)
        python = wrap(known.python, max(10, width - 9))[:2]
        return [code, *(Line().add("" if at else "python", "muted", width=9).add(part, "accent") for at, part in enumerate(python))]

    def action_copy(self) -> None:
        """Copy the Python."""
        if self._known is not None and self._known.script:
            self.post_message(Copy(self._known.script, "The Python"))

    def _given(self) -> dict[str, str]:
        given = {}
        for index, (name, _) in enumerate(self._pause.asks):
            editor = self.query_one(f"#answer-{index}")
            text = editor.value if isinstance(editor, Choice | Input) else None
            if text:
                given[name] = text
        return given

    def _say(self, text: str) -> None:
        self.query_one("#problem", Label).show(Line(" ").add(text, "error"))

    def on_input_changed(self, event: Input.Changed) -> None:
        """Keep the draft, and check at each key."""
        event.stop()
        given = self._given()
        self._look()
        self._studio.keep_answer_draft(self._pause.run_id, given)
        self._say(next((problem for name, text in given.items() if (problem := self._studio.check_answer(self._pause, name, text))), ""))

    def on_choice_changed(self, event: Choice.Changed) -> None:
        """A choice takes back what was said."""
        event.stop()
        self._say("")
        self._look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Enter in the last field answers."""
        event.stop()
        self.action_submit()

    def action_submit(self) -> None:
        """Answer, when everything that is asked has a fitting answer."""
        given = self._given()
        missing = [name for name, _ in self._pause.asks if name not in given]
        if missing:
            self._say(f"{', '.join(missing)}: nothing is chosen yet")
            self.app.bell()
            return
        for name, text in given.items():
            problem = self._studio.check_answer(self._pause, name, text)
            if problem:
                self._say(problem)
                return
        self.dismiss((self._pause.run_id, given))
