"""One way to show a table in a notebook, everything in it escaped: names and texts come from users' data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["html_table"]


def html_table(title: str, headers: Sequence[str], rows: Iterable[Sequence[object]], *, note: str = "") -> str:
    """Give a table as HTML: a bold title above, a small note below, all texts escaped."""
    from html import escape

    def cells(tag: str, values: Sequence[object]) -> str:
        return "".join(f"<{tag}>{escape(str(value))}</{tag}>" for value in values)

    head = f"<thead><tr>{cells('th', headers)}</tr></thead>" if headers else ""
    body = "".join(f"<tr>{cells('td', row)}</tr>" for row in rows)
    table = f"<table>{head}<tbody>{body}</tbody></table>" if body else ""
    below = f"<small>{escape(note)}</small>" if note else ""
    return f"<div><strong>{escape(title)}</strong>{table}{below}</div>"
