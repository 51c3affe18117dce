"""What screens ask of the app; a screen knows neither the app nor another screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from textual.message import Message
from textual.notifications import SeverityLevel

if TYPE_CHECKING:
    from studio.model.problems import Problem

__all__ = ["Copy", "Go", "Orphaned", "Told"]


class Copy(Message):
    """Copy something, and say where it went.

    Args:
        text: what is to be copied.
        what: its name for the reader ("The value").
    """

    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what
        super().__init__()


class Go(Message):
    """Go to an address ("hg:run/rag-7", or just a place: "hg:runs")."""

    def __init__(self, address: str) -> None:
        self.address = address
        super().__init__()


class Orphaned(Message):
    """A run without a living process was chosen: say what can be done with it.

    Args:
        problem: the problem, with the run in it.
    """

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        super().__init__()


class Told(Message):
    """Something to say to the user, in one line.

    Args:
        text: the sentence; plain text.
        severity: "information", "warning" or "error".
    """

    def __init__(self, text: str, severity: SeverityLevel = "information") -> None:
        self.text = text
        self.severity = severity
        super().__init__()
