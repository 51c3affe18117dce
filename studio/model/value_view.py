"""Values as they are shown: a line of a list, or a tree that is opened branch by branch."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["PAGE", "ValueChild", "ValueNode", "ValueView"]

PAGE = "\N{HORIZONTAL ELLIPSIS}from "
"""How a path names a further page of the parts at its place, with the number of the first one behind it."""


@dataclass(frozen=True, slots=True)
class ValueView:
    """One value in a list.

    Attributes:
        name: its name.
        kind: type and size ("list[20]", "str 1.2k").
        preview: the beginning of its text, in one line.
        origin: where it comes from ("rag/retrieve · step 6", "input").
        text: more of its text, with its own line breaks; bounded.
    """

    name: str
    kind: str
    preview: str = ""
    origin: str = ""
    text: str = ""


@dataclass(frozen=True, slots=True)
class ValueChild:
    """A part of a value: its key, what it is, and whether there is something inside."""

    key: str
    kind: str
    preview: str
    branches: bool = False


@dataclass(frozen=True, slots=True)
class ValueNode:
    """A value, or a part of one, opened.

    Attributes:
        text: the whole of it as text, bounded.
        children: its parts, the first few.
        more: how many further parts there are.
        note: what is not shown, and why.
        after: the key under which the next of them are asked for, "" when there are none.
    """

    kind: str
    preview: str
    text: str
    children: tuple[ValueChild, ...] = ()
    more: int = 0
    note: str = ""
    after: str = ""
