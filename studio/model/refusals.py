"""What the library refuses, in the studio's own words: a sentence, and what can be done next."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["module_words", "plain_words", "refusal_words"]

_NEXT: Final[dict[str, str]] = {
    "GraphChangedError": "The graph has another structure than the run's: fork the run with F, or load the code that it was made with.",
    "InputOverrideRequiresForkError": "An existing run keeps its inputs: fork it with F to change them.",
    "WorkflowAlreadyCompletedError": "The run has ended for good: fork it with F, or launch it again with r.",
    "WorkflowAlreadyRunningError": "Wait for it, stop it with S where it runs, or fork it with F to work beside it.",
    "WorkflowForkError": "The new id is taken, or the source is of another kind: open the sheet again for a fresh id.",
    "IncompatibleRunnerError": "This runner cannot run the graph: launch it again with r, on a runner that can.",
    "MissingInputError": "An input has no value: launch the run again with r and give it.",
    "InfiniteLoopError": "A loop did not come to its end: look at its turns, or fork with F from an earlier superstep.",
    "SerializationError": "A value cannot be stored: let the node return plain data or a dataclass, reload with u, and resume with C.",
    "StoreBusyError": "Another process holds the store: try again in a moment; ! says whether it can be read.",
    "StoreCorruptError": "The store is damaged, and was left as it is: hypergraph doctor names what can be saved.",
    "SchemaVersionError": "The store was written by a newer version: update hypergraph-studio.",
    "NotACheckpointError": "The file is no store: start the studio with another --db.",
    "CheckpointError": "The store cannot be read or written as this needs it: ! tells more.",
    "GraphConfigError": "The graph cannot be built any more: mend its module, and reload it with u in Graphs.",
    "RenameError": "The graph cannot be built any more: mend its module, and reload it with u in Graphs.",
    "DrawingError": "The picture cannot be made; the run is not touched.",
    "HypergraphError": "The library refused it; the run is as it was.",
}
_NO_GRAPH: Final = re.compile(r" has no graph ")
_RAISED: Final = re.compile(r"^\w+(?:Error|Exception|Warning|Exit|Interrupt): ")
_TOLD: Final = re.compile(r"^(?:hypergraph\.exceptions\.)?(\w+(?:Error)): ")


def plain_words(text: str) -> str:
    """Give what a message says, on one line, without what it advises a program's author to do."""
    return " ".join(text.partition("\n\nHow to fix:")[0].split())


def module_words(module: str, text: str) -> str:
    """Say that a module cannot be asked, and what to do about it.

    Args:
        module: as the reader knows it.
        text: what the process that loads it said, such as "SyntaxError: invalid syntax".
    """
    if _NO_GRAPH.search(text):
        said = text.removeprefix("LookupError: ").rstrip(".")
        return f"{said} any more. Put it back and reload with u in Graphs, or load the module that has it."
    if _RAISED.match(text):
        return f"{module} cannot be loaded: {text.rstrip('.')}. Mend it, and reload it with u in Graphs."
    return text


def refusal_words(text: str, kind: str | None = None) -> str:
    """Give a refusal with what can be done next.

    Args:
        text: the library's message; it may begin with the name of the error's class.
        kind: name of the error's class; None to take it from the message.
    """
    found = _TOLD.match(text)
    if found is not None:
        kind, text = kind or found[1], text[found.end() :]
    advice = _NEXT.get(kind or "")
    said = plain_words(text)
    return said if advice is None else f"{said} {advice}"
