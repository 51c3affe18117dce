"""Small pieces of text: closest names, durations, and the shape that every error message has."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

__all__ = ["closest", "did_you_mean", "duration", "error_text", "fix", "listing", "plural", "quoted", "shorten"]


def closest(name: str, candidates: Iterable[str]) -> str | None:
    """Give the candidate that reads most like `name`, or None when none comes near."""
    import difflib

    found = difflib.get_close_matches(name, list(candidates), n=1, cutoff=0.6)
    return found[0] if found else None


def did_you_mean(name: str, candidates: Iterable[str]) -> str:
    """Give " Did you mean 'x'?" for a near miss, else an empty text."""
    near = closest(name, candidates)
    return f" Did you mean {near!r}?" if near is not None else ""


def fix(*steps: str) -> str:
    """Give the "How to fix" part of a message, one indented line per step; it starts with a blank line."""
    return "\n\nHow to fix:\n" + "\n".join(f"  {step}" for step in steps)


def quoted(names: Iterable[str]) -> str:
    """Give "'a', 'b'"."""
    return ", ".join(repr(str(name)) for name in names)


def listing(names: Sequence[str], *, most: int = 20) -> str:
    """Give "'a', 'b'", cut after `most` names with a count of the rest."""
    shown = quoted(names[:most])
    return shown if len(names) <= most else f"{shown} and {len(names) - most} more"


def plural(number: int, noun: str) -> str:
    """Give "1 node", "2 nodes"."""
    return f"{number} {noun}" if number == 1 else f"{number} {noun}s"


def shorten(text: str, width: int) -> str:
    """Cut `text` to `width` characters, the last one an ellipsis where something was cut."""
    return text if len(text) <= width else text[: max(width - 1, 0)] + "…"


def duration(milliseconds: float | None) -> str:
    """Give a duration for people: None "—", 95.0 "95ms", 1500 "1.5s", 125000 "2m05s"."""
    if milliseconds is None:
        return "—"
    if milliseconds < 1000:
        return f"{milliseconds:.0f}ms"
    seconds = milliseconds / 1000
    if seconds < 60:
        return f"{seconds:.1f}s"
    minutes, rest = divmod(round(seconds), 60)
    if minutes < 60:
        return f"{minutes}m{rest:02d}s"
    hours, minutes = divmod(minutes, 60)
    return f"{hours}h{minutes:02d}m"


def error_text(error: BaseException) -> str:
    """Give "ValueError: oops", also for an exception whose own text fails."""
    try:
        return f"{type(error).__name__}: {error}"
    except Exception:
        return f"{type(error).__name__}: (its text cannot be read)"
