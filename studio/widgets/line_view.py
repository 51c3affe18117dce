"""A list that is drawn line by line: a hundred thousand rows cost what fits on the screen."""

from __future__ import annotations

from typing import ClassVar

from rich.style import Style
from textual import events
from textual.binding import Binding, BindingType
from textual.geometry import Region, Size
from textual.message import Message
from textual.reactive import reactive
from textual.scroll_view import ScrollView
from textual.strip import Strip
from textual.widget import Widget

from studio.theme import Palette
from studio.widgets.line import Line

__all__ = ["LineView", "is_plain", "palette_of"]


def is_plain(widget: Widget) -> bool:
    """Tell whether one line per fact is wanted: asked for, or there is no room for more."""
    return bool(getattr(widget.app, "plain", False))


def palette_of(widget: ScrollView) -> Palette:
    """Give the palette of the app's theme, shared by all widgets that draw."""
    found: Palette | None = getattr(widget.app, "palette", None)
    return found if found is not None else Palette(widget.app.theme_variables)


class LineView(ScrollView, can_focus=True):
    """Rows with a cursor, drawn when they are seen.

    A subclass says how many rows there are and how one looks; it calls `rows_changed` when that is no longer so.
    """

    DEFAULT_CSS = """
    LineView {
        background: $background;
        scrollbar-size-vertical: 1;
        overflow-x: hidden;
    }
    """

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,j", "move(1)", "Down", show=False, id="look.down", tooltip="Move the cursor down one row"),
        Binding("up,k", "move(-1)", "Up", show=False, id="look.up", tooltip="Move the cursor up one row"),
        Binding("pagedown", "page(1)", "Page down", show=False, id="look.page-down", tooltip="Move one page down"),
        Binding("pageup", "page(-1)", "Page up", show=False, id="look.page-up", tooltip="Move one page up"),
        Binding("home,g", "jump(0)", "Top", show=False, id="look.top", tooltip="Go to the first row"),
        Binding("end,G", "jump(-1)", "Bottom", show=False, id="look.bottom", tooltip="Go to the last row"),
        Binding("enter", "open", "open", show=False, id="look.open", tooltip="Open what the cursor is on"),
    ]

    cursor: reactive[int] = reactive(0, repaint=False)
    has_cursor: ClassVar[bool] = True
    cursor_needs_focus: ClassVar[bool] = False
    """True when the cursor's row stands out only while the list has the focus."""
    header_rows: ClassVar[int] = 0
    """Rows at the top that do not scroll."""

    class Moved(Message):
        """The cursor came to another row."""

        def __init__(self, view: LineView, index: int) -> None:
            self.view = view
            self.index = index
            super().__init__()

        @property
        def control(self) -> LineView:
            """The list."""
            return self.view

    class Opened(Message):
        """A row was chosen, with enter or a click on the row where the cursor was."""

        def __init__(self, view: LineView, index: int) -> None:
            self.view = view
            self.index = index
            super().__init__()

        @property
        def control(self) -> LineView:
            """The list."""
            return self.view

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002  # textual's own name
        super().__init__(id=id, classes=classes)
        self._painted: dict[tuple[int, bool], Strip] = {}
        self._rows_height = -1
        self._common: tuple[int, Style] | None = None

    # What a subclass says.

    def row_count(self) -> int:
        """Give the number of rows."""
        return 0

    def row(self, index: int, width: int) -> Line:
        """Draw one row in at most `width` cells."""
        raise NotImplementedError(f"{type(self).__name__} has to draw its rows")

    def plain_row(self, index: int) -> Line | None:
        """Say one row in words, for the plain mode; None where the usual row is words already."""
        del index
        return None

    def header(self, number: int, width: int) -> Line:
        """Draw one of the rows that do not scroll."""
        return Line()

    def row_background(self, index: int) -> str | None:
        """Give the theme variable behind a row, None for the widget's own."""
        return None

    def get_content_height(self, container: Size, viewport: Size, width: int) -> int:
        """As high as all rows, where the style says "auto"."""
        del container, viewport, width
        return max(1, self.row_count() + self.header_rows)

    # What a subclass or a screen calls.

    def rows_changed(self) -> None:
        """Draw everything anew: the rows, or how many there are, changed."""
        self._painted.clear()
        count = self.row_count()
        if count != self._rows_height:
            if self.styles.height is not None and self.styles.height.is_auto:
                self.refresh(layout=True)
            self._rows_height = count
            self.virtual_size = Size(max(1, self.content_size.width), count + self.header_rows)
        if self.cursor >= count:
            self.cursor = max(0, count - 1)
        self.refresh()

    def refresh_row(self, index: int) -> None:
        """Draw one row anew."""
        self._painted.pop((index, True), None)
        self._painted.pop((index, False), None)
        y = index + self.header_rows - self.scroll_offset.y
        if self.header_rows <= y < self.size.height:
            self.refresh(Region(0, y, self.size.width, 1))

    def move_to(self, index: int, *, quiet: bool = False) -> None:
        """Bring the cursor to a row, or as near as there is one."""
        count = self.row_count()
        index = min(max(0, index), max(0, count - 1))
        if quiet:
            with self.prevent(self.Moved):
                self.cursor = index
        else:
            self.cursor = index

    # Cursor.

    def watch_cursor(self, old: int, new: int) -> None:
        """Show the cursor's row and tell the screen."""
        self.refresh_row(old)
        self.refresh_row(new)
        self._scroll_to_cursor()
        if self.is_mounted:
            self.post_message(self.Moved(self, new))

    def _scroll_to_cursor(self) -> None:
        height = self.scrollable_content_region.height - self.header_rows
        if height <= 0:
            return
        top = round(self.scroll_y)
        if self.cursor < top:
            self.scroll_to(y=self.cursor, animate=False, force=True)
        elif self.cursor >= top + height:
            self.scroll_to(y=self.cursor - height + 1, animate=False, force=True)

    def action_move(self, step: int) -> None:
        """Move the cursor; without a cursor, scroll."""
        if not self.has_cursor:
            self.scroll_relative(y=step, animate=False)
            return
        self.move_to(self.cursor + step)

    def action_page(self, step: int) -> None:
        """Move by what is visible."""
        self.action_move(step * max(1, self.size.height - self.header_rows - 1))

    def action_jump(self, index: int) -> None:
        """Go to the first (0) or last (-1) row."""
        if not self.has_cursor:
            self.scroll_to(y=0 if index == 0 else self.max_scroll_y, animate=False)
            return
        self.move_to(index if index >= 0 else self.row_count() - 1)

    def action_open(self) -> None:
        """Choose the cursor's row."""
        if self.row_count():
            self.post_message(self.Opened(self, self.cursor))

    # Drawing.

    @property
    def row_width(self) -> int:
        """Cells that a row has, the scrollbar's not among them."""
        return self.scrollable_content_region.width

    def render_lines(self, crop: Region) -> list[Strip]:
        """Draw some visible lines; what they have in common is looked up once."""
        self._common = self.row_width, self.rich_style
        try:
            return super().render_lines(crop)
        finally:
            self._common = None

    def render_line(self, y: int) -> Strip:
        """Draw one visible line."""
        width, base = self._common or (self.row_width, self.rich_style)
        palette = palette_of(self)
        if y < self.header_rows:
            return self.header(y, width).strip(palette, width, base)
        index = y - self.header_rows + self.scroll_offset.y
        if index >= self.row_count():
            return Strip.blank(width, base)
        here = self.has_cursor and index == self.cursor
        painted = self._painted.get((index, here))
        if painted is None or painted.cell_length != width:
            if here and not (self.cursor_needs_focus and not self.has_focus):
                base = base + Style(bgcolor=palette.colour("cursor-row" if self.has_focus else "cursor-row-blurred"))
            elif (background := self.row_background(index)) is not None:
                base = base + Style(bgcolor=palette.colour(background))
            line = self.plain_row(index) if is_plain(self) else None
            painted = (self.row(index, width) if line is None else line.cut_words(width)).strip(palette, width, base)
            self._painted[(index, here)] = painted
        return painted

    def notify_style_update(self) -> None:
        """Forget what was painted: the theme or the focus changed."""
        self._painted.clear()
        super().notify_style_update()

    def on_resize(self, _event: events.Resize) -> None:
        """Draw anew in the new width."""
        self._rows_height = -1
        self.rows_changed()
        self._scroll_to_cursor()

    def on_focus(self) -> None:
        """The cursor's row looks different with focus."""
        self.refresh_row(self.cursor)

    def on_blur(self) -> None:
        """The cursor's row looks different without focus."""
        self.refresh_row(self.cursor)

    def on_click(self, event: events.Click) -> None:
        """A click brings the cursor; on the row where it is, it opens."""
        offset = event.get_content_offset(self)
        if offset is None or offset.y < self.header_rows:
            return
        index = offset.y - self.header_rows + self.scroll_offset.y
        if index >= self.row_count():
            return
        self.clicked(index, offset.x, again=index == self.cursor and self.has_cursor)

    def clicked(self, index: int, column: int, *, again: bool) -> None:
        """React to a click on a row.

        Args:
            index: the row.
            column: the cell in it.
            again: True when the cursor was there already.
        """
        del column
        if again:
            self.action_open()
        else:
            self.move_to(index)
