"""What a worker is told to do. It travels on a pipe: neither arguments nor the environment ever hold a value."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

__all__ = ["Order", "Target"]


@dataclass(frozen=True, slots=True)
class Target:
    """A module that holds graphs, found without importing it.

    Attributes:
        text: as the user named it.
        root: the folder that its imports start from.
        module: its dotted name from there; "" for a file whose name no import could say.
        file: its file, where it is known.
        attribute: the one variable that is meant, None for all.
        problem: why it cannot be found, or None.
    """

    text: str
    root: str
    module: str = ""
    file: str | None = None
    attribute: str | None = None
    problem: str | None = None

    @property
    def reference(self) -> str:
        """Give the text that names it from anywhere: "/abs/file.py:graph" or "module:graph"."""
        place = self.file or self.module
        return f"{place}:{self.attribute}" if self.attribute else place


@dataclass(frozen=True, slots=True)
class Order:
    """One claim: a run, a batch, a resume, an answer, a fork or a retry.

    Attributes:
        verb: "run", "map", "resume", "answer", "fork" or "retry".
        target: the module; its `attribute` is the graph.
        graph: the graph's name, for messages.
        db: the checkpoint database.
        run_id: the id that the run has or gets.
        folder: the run's own folder.
        claim: number of this worker among those that served the run.
        runner: class name of the runner.
        texts: input or response key -> text of its value.
        source, superstep: where a fork or retry starts.
        edits: name -> text of the value that replaces the stored one.
        map_over, map_mode, on_error, at_once, only: options of a batch.
        actor: who gave the order.
        config: what is kept with the run.
        secrets: names whose values are not shown.
        batch: the order is about a batch.
    """

    verb: str
    target: Target
    graph: str
    db: str
    run_id: str
    folder: str = ""
    claim: int = 0
    runner: str = "AsyncRunner"
    texts: Mapping[str, str] = field(default_factory=dict)
    source: str | None = None
    superstep: int | None = None
    edits: Mapping[str, str] = field(default_factory=dict)
    map_over: tuple[str, ...] = ()
    map_mode: str = "zip"
    on_error: str = "raise"
    at_once: int | None = None
    only: tuple[int, ...] | None = None
    actor: str = ""
    config: Mapping[str, Any] = field(default_factory=dict)
    secrets: tuple[str, ...] = ()
    batch: bool = False
    take_over: bool = False

    def dumps(self) -> bytes:
        """Give the order as it travels."""
        return json.dumps(asdict(self)).encode()

    @classmethod
    def loads(cls, data: bytes) -> Order:
        """Read what `dumps` gave.

        Raises:
            ValueError: it was cut off.
        """
        found = json.loads(data)
        found["target"] = Target(**found["target"])
        found["map_over"] = tuple(found["map_over"])
        found["secrets"] = tuple(found["secrets"])
        found["only"] = None if found["only"] is None else tuple(found["only"])
        return cls(**found)
