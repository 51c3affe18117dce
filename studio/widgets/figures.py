"""Times, sizes and counts as people read them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

__all__ = ["ago", "bar", "clock", "count", "counted", "moment", "short_path", "took"]

_EIGHTHS = "▏▎▍▌▋▊▉█"


def short_path(text: str, width: int) -> str:
    """Give a path as it is read from here, with its end, which tells it apart, in at most so many cells."""
    text = text.removeprefix(f"{Path.cwd()}/")
    parts = text.split("/")
    while len(text) > width and len(parts) > 1:
        parts = parts[1:]
        text = "…/" + "/".join(parts)
    return text


def took(seconds: float | None) -> str:
    """Give a duration: "812ms", "2.1s", "3m12s", "2h05m"."""
    if seconds is None:
        return ""
    if seconds < 0.0005:
        return "0ms"
    if seconds < 1:
        return f"{seconds * 1000:.0f}ms"
    if seconds < 100:
        return f"{seconds:.0f}s" if seconds >= 10 and seconds == round(seconds) else f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m" if hours < 48 else f"{hours // 24}d{hours % 24:02d}h"


def clock(seconds: float | None) -> str:
    """Give a running clock: "00:41", "1:02:03"."""
    if seconds is None:
        return ""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes:02d}:{rest:02d}"


def ago(then: float | None, now: float) -> str:
    """Give how long ago something was, roughly: "just now", "9m ago", "3h ago", "2d ago"."""
    if then is None:
        return ""
    seconds = max(0.0, now - then)
    if seconds < 10:
        return "just now"
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "m")):
        if seconds >= size:
            return f"{seconds // size:.0f}{unit} ago"
    return f"{seconds:.0f}s ago"


def moment(epoch: float | None, *, milliseconds: bool = False) -> str:
    """Give a time of day in the local zone."""
    if epoch is None:
        return "—"
    found = datetime.fromtimestamp(epoch, UTC).astimezone()
    return found.strftime("%H:%M:%S") + (f".{found.microsecond // 1000:03d}" if milliseconds else "")


def count(number: int) -> str:
    """Give a count with thin groups: "10 000"."""
    return f"{number:,}".replace(",", " ")


def counted(number: int, noun: str) -> str:
    """Give a count with its noun: "1 node", "8 nodes"."""
    return f"{count(number)} {noun}{'' if number == 1 else 's'}"


def bar(start: float, end: float, span: float, width: int, *, ascii_only: bool = False) -> tuple[str, str]:
    """Give a Gantt bar: the space before it, and the bar.

    Args:
        start, end: seconds from the left edge.
        span: seconds that the whole width stands for.
        width: cells.
        ascii_only: draw with "#".
    """
    if width <= 0 or span <= 0:
        return "", ""
    left = min(int(start / span * width), width - 1)
    exact = max(0.0, min(end, span) / span * width - left)
    whole, part = divmod(round(exact * 8), 8)
    if ascii_only:
        drawn = "#" * max(1, whole)
    else:
        drawn = "█" * whole + (_EIGHTHS[part - 1] if part else "")
    return " " * left, (drawn or "▏")[: width - left]
