"""The studio's app: wires services to screens and owns no rule."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final

from textual import work
from textual.app import App, SystemCommand
from textual.binding import Binding, BindingType
from textual.filter import LineFilter
from textual.screen import Screen

from studio import addresses
from studio.messages import Copy, Go, Told
from studio.model.problems import Problem
from studio.options import StudioOptions
from studio.screens.base import PlaceScreen
from studio.serve.tab import recall, remember, tab_here
from studio.theme import THEMES, Palette
from studio.widgets.ascii_filter import AsciiFilter
from studio.widgets.bars import PLACES, PlaceBar, StatusLine
from studio.widgets.figures import short_path
from studio.widgets.safe_filter import SafeFilter

if TYPE_CHECKING:
    from studio.services.studio import Studio

__all__ = ["StudioApp", "run_studio"]

_KEY_NAMES: Final = {
    "enter": "enter",
    "backspace": "backspace",
    "f1": "F1",
    "f2": "F2",
    "f12": "F12",
    "ctrl+p": "ctrl+p",
    "ctrl+q": "ctrl+q",
    "ctrl+l": "ctrl+l",
}
_ROOM: Final = 60, 16
_NOTE_EVERY: Final = 2.0
_TROUBLE_EVERY: Final = 4.0
_COUNT_EVERY: Final = 0.5
_OPEN: Final = "HYPERGRAPH_STUDIO_OPEN"
_TRAIL: Final = 50
_IDLE: Final = 0.2
_NO_TERMINAL: Final = """\
The studio needs a terminal to read keys from.

How to fix:
  Start it in one
  Or in a browser: hypergraph serve
"""


def _screen(mode: str) -> Callable[[], Screen[Any]]:
    def make() -> Screen[Any]:
        # A place is imported when somebody goes there: the first paint does not wait for the others.
        from importlib import import_module

        found: Callable[[], Screen[Any]] = getattr(import_module(f"studio.screens.{mode}"), f"{mode.capitalize()}Screen")
        return found()

    return make


class StudioApp(App[None]):
    """Hypergraph Studio.

    Args:
        options: what the command line said.
        studio: the services.
        clock: gives the present moment; tests give one that stands still.
    """

    TITLE = "Hypergraph Studio"
    ENABLE_COMMAND_PALETTE = False
    MODES: ClassVar[dict[str, Any]] = {place.mode: _screen(place.mode) for place in PLACES}
    DEFAULT_MODE = "graphs"
    HORIZONTAL_BREAKPOINTS = [(0, "-tiny"), (60, "-narrow"), (110, "-wide"), (180, "-huge")]  # noqa: RUF012  # textual's own type
    VERTICAL_BREAKPOINTS = [(0, "-low"), (30, "-high")]  # noqa: RUF012  # textual's own type

    CSS = """
    Toast { background: $panel; padding: 0 1; }
    .pane { border-left: solid $rule; padding-left: 1; }
    Tooltip { background: $panel; }
    CommandPalette SearchIcon { display: none; }
    CommandPalette > Vertical { width: 100; max-width: 96%; }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("question_mark,f1", "help", "help", key_display="?", id="go.help", tooltip="What the keys do here"),
        Binding("colon,ctrl+p", "palette", "go", key_display=":", id="go.palette", tooltip="Every act by name, and addresses"),
        Binding(
            "grave_accent",
            "jump",
            "Jump letters",
            show=False,
            id="look.jump",
            tooltip="Show a letter on everything that can have the focus",
        ),
        Binding("at", "command_log", "command log", show=False, id="go.command-log", tooltip="What the studio did, as Python"),
        Binding(
            "exclamation_mark",
            "problems",
            "problems",
            show=False,
            id="go.problems",
            tooltip="Broken modules, runs without an owner, disagreements",
        ),
        Binding("f2", "places", "Places", show=False, id="go.places", tooltip="The six places"),
        Binding("f12", "doctor", "Doctor", show=False, id="go.doctor", tooltip="What the studio finds on this machine"),
        Binding("ctrl+l", "theme", "Theme", show=False, id="look.theme", tooltip="Dark, light, high contrast"),
        Binding("q,ctrl+q", "leave", "quit", show=False, id="go.quit", tooltip="Close the studio; runs go on"),
    ]

    def __init__(self, options: StudioOptions, studio: Studio, *, clock: Callable[[], float] = time.time) -> None:
        super().__init__()
        self.clock = clock
        self.options = options
        self.studio = studio
        self.ascii_only = options.ascii or _needs_ascii()
        self._ascii = AsciiFilter()
        self._safe = SafeFilter()
        self._palette: tuple[str, Palette] | None = None
        self._trail: list[str] = []
        self._noted = ""
        self.looks_unasked = True
        self.trouble = 0
        self._looked_at_keys = False
        self._key_problems: tuple[Problem, ...] = ()
        self._known_problems: tuple[Problem, ...] = ()
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = f"hypergraph-{options.theme or studio.settings.theme or 'dark'}"
        self.set_keymap(dict(studio.settings.keymap))

    @property
    def palette(self) -> Palette:
        """The present theme's styles."""
        if self._palette is None or self._palette[0] != self.theme:
            self._palette = self.theme, Palette(self.get_css_variables())
        return self._palette[1]

    @property
    def plain(self) -> bool:
        """True when lists say one fact a line: asked for, or too little room for more."""
        return self.options.plain or self.size.width < _ROOM[0] or self.size.height < _ROOM[1]

    def get_line_filters(self) -> Sequence[LineFilter]:
        """Let no control character be drawn, and nothing but ASCII where that was asked for."""
        found = [*super().get_line_filters(), self._safe]
        return [*found, self._ascii] if self.ascii_only else found

    def get_key_display(self, binding: Binding) -> str:
        """Write keys as they are spoken of; arrows as arrows."""
        # First the names of keys that stand beside others: "?" cannot be told for F1, which works where "?" is typed.
        found = _KEY_NAMES.get(binding.key) or binding.key_display
        return found or super().get_key_display(binding)

    def problems(self) -> list[Problem]:
        """Give everything that is wrong, keys of the settings that lead nowhere as well."""
        return [*self.studio.problems(), *self._key_problems]

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer none of textual's own commands: the palette lists our verbs."""
        del screen
        return ()

    async def on_mount(self) -> None:
        """Start the services, and go where the command line says."""
        await self.studio.start()
        tab = tab_here()
        address = os.environ.get(_OPEN) or (recall(tab) if tab is not None else None) or self.options.at
        if address:
            self.post_message(Go(address))
        if tab is not None:
            self.set_interval(_NOTE_EVERY, self.note_place)
        if self.looks_unasked:
            self.set_interval(_TROUBLE_EVERY, self.look_for_trouble)
        self.set_interval(_COUNT_EVERY, self._count_questions)
        self.set_timer(_IDLE, self._load_places)

    def _count_questions(self) -> None:
        """Keep the badge true where nothing else on the screen changes: questions are counted beside the screen."""
        if self.screen_stack:
            for bar in self.screen.query(PlaceBar):
                bar.count(self.studio.waiting)

    @work(thread=True, group="places")
    def _load_places(self) -> None:
        """Import the other places while nobody waits: the first step into one of them is as quick as the next."""
        from importlib import import_module

        for place in PLACES:
            import_module(f"studio.screens.{place.mode}")

    @work(exclusive=True, group="trouble")
    async def look_for_trouble(self) -> None:
        """Look now and then for what is wrong: a run that lost its process is told without being asked for."""
        from asyncio import to_thread

        if self.studio.settings.keymap and not self._looked_at_keys:
            from studio.keymap import keymap_problems

            self._looked_at_keys = True
            self._key_problems = tuple(Problem("a setting cannot be used", text) for text in keymap_problems(self.studio.settings.keymap))
        found = [*await to_thread(self.studio.problems), *self._key_problems]
        if not self.screen_stack:
            # The app was closed meanwhile.
            return
        fresh = [one for one in found if one not in self._known_problems]
        self._known_problems = tuple(found)
        if fresh:
            more = f", and {len(fresh) - 1} more" if len(fresh) > 1 else ""
            # A small screen is for what is looked at: there the details are a key away.
            said = fresh[0].title if self.plain else f"{fresh[0].title}: {fresh[0].detail.partition('. ')[0]}"
            self.notify(f"{said}{more}. ! shows what is wrong.", severity="warning", markup=False)
        if self.trouble != len(found):
            self.trouble = len(found)
            for line in self.screen.query(StatusLine):
                line.refresh()

    async def on_unmount(self) -> None:
        """End what only looks; runs go on."""
        await self.studio.close()

    # Going places.

    def on_place_bar_chosen(self, message: PlaceBar.Chosen) -> None:
        """A place was clicked."""
        self.post_message(Go(f"hg:{message.mode}"))

    async def on_go(self, message: Go) -> None:
        """Go to an address; one that leads nowhere is said."""
        try:
            target = addresses.parse(message.address)
        except ValueError as error:
            self.notify(str(error), severity="warning", markup=False)
            return
        before = self._here()
        if before is not None and before != message.address and (target.rest or target.mode != self.current_mode):
            self._trail = [*self._trail[-_TRAIL:], before]
        await self._open(target)

    async def _open(self, target: addresses.Target) -> None:
        if target.mode != self.current_mode:
            await self.switch_mode(target.mode)
        if target.rest and (show := getattr(self.screen, "show_address", None)) is not None:
            show(target)

    def _here(self) -> str | None:
        return self.screen.address if isinstance(self.screen, PlaceScreen) else None

    def note_place(self) -> None:
        """Write down where this browser tab is; a terminal comes back to nothing."""
        tab = tab_here()
        if tab is None or not isinstance(self.screen, PlaceScreen) or self.screen.address == self._noted:
            return
        self._noted = self.screen.address
        remember(tab, self._noted)

    async def action_back(self) -> None:
        """Go back to where one was before: from an item to its batch, from a run to the list."""
        if not self._trail:
            return
        target = addresses.parse(address := self._trail.pop())
        if target.mode != self.current_mode:
            await self.switch_mode(target.mode)
        if self._here() != address:
            await self._open(target)

    def on_told(self, message: Told) -> None:
        """Say something in one line; never read as markup."""
        self.notify(message.text, severity=message.severity, markup=False)

    def on_copy(self, message: Copy) -> None:
        """Copy, and claim no more than is known: no terminal says whether it took something."""
        from studio.services.clip import keep_clip

        self.copy_to_clipboard(message.text)
        file = keep_clip(message.text)
        where = "browser" if self.is_web else "terminal"
        also = f"; also written to {short_path(str(file), 60)}" if file is not None else ""
        self.notify(f"{message.what} was sent to the {where}{also}.", markup=False)

    # Keys that work everywhere.

    def action_help(self) -> None:
        """Show what the keys do here."""
        from studio.screens.help import HelpScreen

        if not isinstance(self.screen, HelpScreen):
            self.push_screen(HelpScreen(self.screen))

    def action_palette(self) -> None:
        """Show every act by name."""
        from textual.command import CommandPalette

        from studio.commands import PROVIDERS

        if not isinstance(self.screen, CommandPalette):
            self.push_screen(CommandPalette(providers=PROVIDERS, placeholder="An act, a run, a graph, or an address (hg:run/...)"))

    def action_places(self) -> None:
        """Show the six places."""
        from studio.screens.dialogs import PlacesSheet

        def go(mode: str | None) -> None:
            if mode is not None:
                self.post_message(Go(f"hg:{mode}"))

        self.push_screen(PlacesSheet(self.current_mode), go)

    def action_jump(self) -> None:
        """Put a letter on everything that can have the focus."""
        from studio.screens.jump import JumpScreen

        if not isinstance(self.screen, JumpScreen):
            self.push_screen(JumpScreen(self.screen))

    def action_command_log(self) -> None:
        """Show what the studio did, as Python."""
        from studio.screens.drawers import CommandLogDrawer

        self.push_screen(CommandLogDrawer())

    def action_problems(self) -> None:
        """Show what is wrong."""
        from studio.screens.drawers import ProblemsDrawer
        from studio.screens.orphan import settle

        def chosen(problem: Problem | None) -> None:
            if problem is not None:
                settle(self.screen, problem)

        self.push_screen(ProblemsDrawer(), chosen)

    def action_doctor(self) -> None:
        """Show what the studio finds on this machine."""
        from studio.screens.drawers import DoctorDrawer

        self.push_screen(DoctorDrawer())

    def action_theme(self) -> None:
        """Take the next theme."""
        names = [theme.name for theme in THEMES]
        self.theme = names[(names.index(self.theme) + 1) % len(names)]

    def action_leave(self) -> None:
        """Close the studio, and say that runs go on."""
        self.exit(message=self.studio.goodbye())


def _needs_ascii() -> bool:
    """Tell whether the terminal may draw our shapes two cells wide, or not at all."""
    if os.environ.get("TEXTUAL_DRIVER", "").endswith("WebDriver"):
        return False
    language = next((value for name in ("LC_ALL", "LC_CTYPE", "LANG") if (value := os.environ.get(name))), "")
    encoding = (sys.stdout.encoding or "").lower().replace("-", "")
    return os.environ.get("TERM") == "linux" or language[:2] in {"zh", "ja", "ko"} or encoding != "utf8"


def run_studio(options: StudioOptions) -> int:
    """Open the studio in this terminal, or in the window that the server opened.

    Args:
        options: what the command line said.

    Returns:
        The exit code.
    """
    served = os.environ.get("TEXTUAL_DRIVER", "").endswith("WebDriver")
    if served:
        from studio.serve.session import die_with_parent, keep_stdout_clean

        die_with_parent()
        keep_stdout_clean()
    from studio.services.studio import Studio, StudioRefused

    try:
        studio = Studio.open(options)
    except StudioRefused as refused:
        sys.stderr.write(f"{refused}\n")
        return 1
    if not served and (sys.__stdin__ is None or not sys.__stdin__.isatty()):
        sys.stderr.write(_NO_TERMINAL)
        return 1
    app = StudioApp(options, studio)
    app.run()
    return app.return_code or 0
