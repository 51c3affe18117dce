"""How a worker's process ended, in words."""

from __future__ import annotations

import signal
from collections.abc import Mapping
from typing import Any, Final

from studio.model.facts import RunFacts

__all__ = ["exit_words", "last_words", "silence_words", "unknown_words"]

_LINES: Final = 6

_SIGNALS: Final = {
    signal.SIGSEGV: "a segmentation fault",
    signal.SIGABRT: "it aborted itself",
    signal.SIGBUS: "a bus error",
    signal.SIGFPE: "an arithmetic error",
    signal.SIGILL: "an illegal instruction",
}


def exit_words(line: Mapping[str, Any] | None) -> str:
    """Give how a worker ended that did not say so itself.

    Args:
        line: the "exit" line of its event log; None when there is none.
    """
    if line is None:
        return "its process is gone"
    code = line.get("code")
    if not isinstance(code, int):
        return "its process is gone"
    if code >= 0:
        return f"its process ended with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    meaning = _SIGNALS.get(-code)  # type: ignore[call-overload]  # signals are numbers
    if meaning is not None:
        return f"its process crashed: {meaning} ({name})"
    if line.get("actor"):
        return f"its process was killed by {line['actor']}"
    if line.get("memory"):
        return f"its process was killed ({name}), most likely by the system for want of memory"
    return f"its process was killed ({name})"


def silence_words(seconds: float) -> str:
    """Give how long nothing was heard of a process that is still there."""
    whole = int(seconds)
    if whole < 120:
        return f"alive, silent {whole} s"
    return f"alive, silent {whole // 60} min" if whole < 7200 else f"alive, silent {whole // 3600} h"


def unknown_words(host: str) -> str:
    """Say that nothing can be known of a process on another machine that was not heard of for some time."""
    return f"unknown: host {host}"


def last_words(facts: RunFacts) -> str | None:
    """Give how the newest worker ended, with the last lines that it wrote to standard error; None where nothing is known of it."""
    newest = max([*facts.claims, *facts.exits], default=0)
    ended = facts.exits.get(newest)
    if ended is None:
        return None
    words = exit_words(ended)
    said = [str(line["text"]) for line in facts.logs if line["c"] == newest and line.get("stream") == "stderr" and line["text"].strip()]
    if not said:
        return f"{words[:1].upper()}{words[1:]}."
    # A crash tells where it happened at the top of its report, the innermost call first.
    fatal = next((place for place in range(len(said) - 1, -1, -1) if said[place].startswith("Fatal Python error")), None)
    last = said[-_LINES:] if fatal is None else said[max(0, fatal - 1) :][:_LINES]
    return "\n".join([f"{words[:1].upper()}{words[1:]}. Its last words:", *last])
