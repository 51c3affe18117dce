"""What can be done to the run on the screen; every act has a sheet before it."""

from __future__ import annotations

from asyncio import to_thread
from collections.abc import Awaitable
from functools import partial
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from textual.binding import Binding, BindingType

from studio.addresses import compare_address
from studio.messages import Copy, Go, Told
from studio.model.act import ActKind
from studio.screens.acting import carried_out, foretell
from studio.screens.base import PlaceScreen
from studio.screens.chord import ChordBar
from studio.screens.export import EXPORTS, exported
from studio.screens.sheet import ConfirmSheet
from studio.widgets.figures import counted
from studio.widgets.line import Line, wrap

if TYPE_CHECKING:
    from studio.model.run_view import RunView
    from studio.services.studio import Outcome

__all__ = ["RunActs"]

_YANK = {"v": "value", "p": "Python", "c": "shell line", "a": "address", "e": "error", "t": "pytest"}


class RunActs(PlaceScreen):
    """A place that shows a run; it says which run, node and moment."""

    CHANGES: ClassVar[frozenset[str]] = frozenset({"resume", "fork", "retry", "stop", "kill", "answer", "bench", "lost"})

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("a", "answer", "answer", id="act.answer", tooltip="Answer the question that waits"),
        Binding("S", "stop", "stop", id="act.stop", tooltip="Ask the run to stop after its running nodes"),
        Binding("C", "resume", "resume", id="act.resume", tooltip="Go on with this run, under its own id"),
        Binding("F", "fork", "fork", id="act.fork", tooltip="Make a new run from here, with something changed"),
        Binding("R", "retry", "retry", id="act.retry", tooltip="Make a new run that runs again what failed"),
        Binding("K", "kill", "Kill", show=False, id="act.kill", tooltip="Kill the process of this run"),
        Binding(
            "L", "lost", "Lost", show=False, id="act.lost", tooltip="Mark this run as lost, or show it again; the store is not touched"
        ),
        Binding("r", "again", "again", id="look.again", tooltip="Open the form with this run's inputs; nothing starts yet"),
        Binding(
            "b,B", "bench", "Bench", show=False, id="act.bench", tooltip="Run this node alone with these inputs; the run is not touched"
        ),
        Binding("c", "mark", "mark", show=False, id="look.mark", tooltip="Mark this run; the second mark compares the two"),
        Binding(
            "w", "export", "Export", show=False, id="look.export", tooltip="Write a file: s graph as SVG, m Mermaid, t text, j run as JSON"
        ),
        Binding("y", "yank", "copy", id="yank.start", tooltip="Copy: v value, p Python, c shell line, a address, e error, t pytest"),
    ]

    @property
    def view(self) -> RunView | None:
        """The run on the screen."""
        raise NotImplementedError(f"{type(self).__name__} has to say which run it shows")

    @property
    def node(self) -> str | None:
        """The node that the cursor is on."""
        raise NotImplementedError(f"{type(self).__name__} has to say where its cursor is")

    @property
    def superstep(self) -> int | None:
        """The moment on the screen, None for now."""
        return None

    @property
    def whole_superstep(self) -> int | None:
        """The newest superstep that had ended at that moment, None for now."""
        return self.superstep

    @property
    def items_meant(self) -> tuple[int, ...] | None:
        """Of a batch, the items that an act is about; None for all that did not complete."""
        return None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Offer an act only where it can be done."""
        if super().check_action(action, parameters) is False:
            return False
        view = self.view
        if action in {"stop", "kill"}:
            return view is not None and view.can_stop
        if action == "resume":
            return view is not None and view.can_resume
        if action == "lost":
            return view is not None and view.state == "interrupted"
        if action == "answer":
            return view is not None and bool(view.pauses)
        if action in {"fork", "retry", "again", "mark", "yank", "export"}:
            return view is not None and (action != "retry" or not view.live)
        return True

    # Acts.

    def _then(self, work: Awaitable[Outcome]) -> None:
        self.run_worker(carried_out(self, work))

    def _forecast(self, kind: ActKind, only: tuple[int, ...] | None = None) -> None:
        if self.view is not None:
            foretell(self, kind, self.view, self.whole_superstep, only=only)

    def action_fork(self) -> None:
        """Fork from the moment on the screen."""
        self._forecast("fork")

    def action_retry(self) -> None:
        """Retry as a new run; of a batch, run again in place what failed, its evidence kept."""
        batch = self.view is not None and self.view.batch is not None
        self._forecast("resume" if batch else "retry", self.items_meant if batch else None)

    def action_resume(self) -> None:
        """Go on under the same id."""
        self._forecast("resume")

    def action_stop(self) -> None:
        """Ask the run to stop."""
        view = self.view
        if view is None:
            return

        def lines(width: int) -> list[Line]:
            said = "Nodes that are running finish; what they give is kept. Nothing new starts. The run can be resumed with C."
            if view.note == "stop asked":
                said = "A stop was asked before; the run waits for what is running now. K ends its process at once, and loses that."
            named = wrap(", ".join(_running(view)) or "nothing", width - 13)[:6]
            now = [Line("running now  " if not index else " " * 13, "muted").add(text) for index, text in enumerate(named)]
            return [*(Line(text) for text in wrap(said, width)), Line(), *now]

        def decided(sure: bool | None) -> None:  # what a sheet answers
            if sure:
                self._then(self.studio.stop(view.id))

        about = partial(self.studio.about_ending, view.id, "stop")
        self.app.push_screen(ConfirmSheet(f"Stop {view.id}", lines, act="Stop", about=about), decided)

    def action_kill(self) -> None:
        """Kill the run's process."""
        view = self.view
        if view is None:
            return

        def lines(width: int) -> list[Line]:
            said = (
                "Its process, and what that process started, end at once. "
                "Finished steps stay; what is running now is lost and runs again on resume."
            )
            return [Line(text) for text in wrap(said, width)]

        def decided(sure: bool | None) -> None:  # what a sheet answers
            if sure:
                self._then(self.studio.kill(view.id))

        about = partial(self.studio.about_ending, view.id, "kill")
        self.app.push_screen(ConfirmSheet(f"Kill {view.id}", lines, act="Kill", typed="kill", danger=True, about=about), decided)

    def action_lost(self) -> None:
        """Mark a run as lost that nobody runs, or show it again."""
        from studio.screens.orphan import ask_lost

        if self.view is not None:
            ask_lost(self, self.view.id)

    def action_bench(self) -> None:
        """Put the node under the cursor on the bench."""
        from studio.screens.bench import BenchSheet

        view = self.view
        node = view.nodes.get(self.node or "") if view is not None else None
        if view is not None and node is not None and node.started is not None:
            self.app.push_screen(BenchSheet(self.studio, view.id, node, self.superstep))
        else:
            self.post_message(Told("The bench takes a node that has run: go to one first.", "warning"))

    def action_answer(self) -> None:
        """Answer the first question of this run."""
        from studio.screens.answer import AnswerSheet

        view = self.view
        if view is None or not view.pauses:
            return

        def decided(given: tuple[str, dict[str, Any]] | None) -> None:
            if given is not None:
                self._then(self.studio.answer(*given, asked=pause))

        pause = view.pauses[0]
        self.app.push_screen(AnswerSheet(self.studio, pause), decided)

    # Looking.

    def action_again(self) -> None:
        """Open the form with this run's inputs."""
        view = self.view
        if view is not None:
            self.studio.prefill(view.id)
            self.post_message(Go(f"hg:launch/{view.graph_name}"))

    def action_mark(self) -> None:
        """Mark the run; the second mark compares."""
        view = self.view
        if view is None:
            return
        first = self.studio.mark(view.id)
        if first == view.id:
            self.post_message(Told(f"{view.id} is no longer marked."))
        elif first is None:
            self.post_message(Told(f"{view.id} is marked. Mark another run with c to compare the two."))
        else:
            self.post_message(Go(compare_address(first, view.id)))

    def open_value(self, node: str | None, name: str) -> None:
        """Open a value as a tree."""
        from studio.screens.value import ValueScreen

        view = self.view
        if view is not None:
            self.app.push_screen(ValueScreen(self.studio, view.id, node, name, self.superstep))

    def action_export(self) -> None:
        """Wait for the second key, and write a file; in a browser it is downloaded."""
        view = self.view
        if view is None:
            return

        def chosen(key: str | None) -> None:
            if key is not None:
                self.run_worker(self._export(key, view))

        self.app.push_screen(ChordBar("export", EXPORTS), chosen)

    async def _export(self, key: str, view: RunView) -> None:
        try:
            name, text = await to_thread(exported, key, view)
        except (LookupError, RuntimeError, OSError) as error:
            self.post_message(Told(str(error), "warning"))
            return
        folder = Path.cwd()
        self.app.deliver_text(StringIO(text), save_directory=folder, save_filename=name, mime_type="text/plain")
        self.post_message(Told(f"{name} was downloaded." if self.app.is_web else f"{folder / name} was written."))

    def action_yank(self) -> None:
        """Wait for the second key, and copy."""
        view, node = self.view, self.node
        if view is None:
            return

        def chosen(key: str | None) -> None:
            if key is None:
                return
            text = self.studio.yank(_YANK[key], view.id, node, self.superstep)
            if not text:
                self.post_message(Told(f"There is no {_YANK[key]} to copy here.", "warning"))
                return
            self.post_message(Copy(text, f"The {_YANK[key]}"))

        self.app.push_screen(ChordBar("copy", _YANK), chosen)


def _running(view: RunView) -> list[str]:
    """Name what runs now; of a mapped graph itself, for its inner nodes stand for many items."""
    if view.batch is not None:
        return [counted(view.batch.counts.get("running", 0), "item")]
    mapped = tuple(f"{node.path}/" for node in view.scene.walk() if node.mapped_over) if view.scene is not None else ()
    running = [node for path, node in view.nodes.items() if node.state == "running" and not path.startswith(mapped)]
    # A mapped graph that is running has no output but how far its items are.
    far = {node.path: next((f" ({value.kind})" for value in node.outputs if value.name == "items"), "") for node in running}
    return [f"{node.path}{far[node.path] if f'{node.path}/' in mapped else ''}" for node in running]
