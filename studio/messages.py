"""What screens ask of the app; a screen knows neither the app nor another screen."""

from __future__ import annotations

from textual.message import Message
from textual.notifications import SeverityLevel

__all__ = ["Go", "Told"]


class Go(Message):
    """Go to an address ("hg:run/rag-7", or just a place: "hg:runs")."""

    def __init__(self, address: str) -> None:
        self.address = address
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
