"""What a worker is asked to do: one claim on one run. It travels over a pipe, so it holds plain values and opaque pickles only."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

__all__ = ["Kind", "RunRequest", "RunnerName"]

Kind = Literal["run", "map", "resume", "answer", "fork", "retry"]
RunnerName = Literal["SyncRunner", "AsyncRunner", "DaftRunner"]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunRequest:
    """One claim.

    Attributes:
        kind: what to do. A fork or retry of a batch says so with `map_over`.
        graph_ref: "/abs/file.py:attribute" or "package.module:attribute".
        run_id: id of the run: the new one of a run, map, fork or retry, the existing one of a resume or answer.
        db: absolute path of the checkpoint database.
        runner: class name of the runner.
        inputs: values by address; answers by response key. Plain values only (None, bool, int, float, str, bytes, list, tuple, dict, set).
        pickled: values that are no plain ones, each pickled by a process that has the module loaded under the same name.
        source: the run that a fork or retry starts from.
        superstep: the moment of the source that a fork starts from; None for its end.
        edits: stored values that a fork changes; `pickled_edits` as `pickled`.
        map_over, map_mode: of a batch.
        only: numbers of the items that a batch runs again; None for all.
        on_error: "raise" stops at the first failure, "continue" keeps going.
        at_once: most nodes at once, for AsyncRunner.
        max_iterations: most passes of one cycle.
        take_over: displace an owner that seems to live.
        cache: folder of the result cache; None for no cache.
        actor: who asked ("ana@dev/tty").
        python: interpreter of the worker; None for the studio's own.
        cwd: folder that the worker runs in; None for the studio's own.
        facts: what else is kept in the stored run's config (git revision and the like); plain JSON values.
    """

    kind: Kind
    graph_ref: str
    run_id: str
    db: str
    runner: RunnerName = "SyncRunner"
    inputs: Mapping[str, Any] = field(default_factory=dict)
    pickled: Mapping[str, bytes] = field(default_factory=dict)
    source: str | None = None
    superstep: int | None = None
    edits: Mapping[str, Any] = field(default_factory=dict)
    pickled_edits: Mapping[str, bytes] = field(default_factory=dict)
    map_over: tuple[str, ...] = ()
    map_mode: Literal["zip", "product"] = "zip"
    only: tuple[int, ...] | None = None
    on_error: Literal["raise", "continue"] = "continue"
    at_once: int | None = None
    max_iterations: int | None = None
    take_over: bool = False
    cache: str | None = None
    actor: str = ""
    python: str | None = None
    cwd: str | None = None
    facts: Mapping[str, Any] = field(default_factory=dict)

    @property
    def target(self) -> str:
        """The module or file that holds the graph."""
        return self.graph_ref.rpartition(":")[0]

    @property
    def attribute(self) -> str:
        """The variable that holds the graph."""
        return self.graph_ref.rpartition(":")[2]

    def given(self) -> dict[str, Any]:
        """Give all inputs; only where the module is loaded, since pickles are opened."""
        return {**self.inputs, **_opened(self.pickled)}

    def changed(self) -> dict[str, Any]:
        """Give all edits; only where the module is loaded, since pickles are opened."""
        return {**self.edits, **_opened(self.pickled_edits)}

    def to_bytes(self) -> bytes:
        """Give the request as it travels."""
        return pickle.dumps(self, protocol=5)

    @classmethod
    def from_bytes(cls, data: bytes) -> RunRequest:
        """Read what `to_bytes` gave. Only for bytes that the launcher wrote: they come over a pipe that nobody else holds."""
        found = pickle.loads(data)  # noqa: S301  # made by this program, a moment ago
        if not isinstance(found, cls):
            raise TypeError(f"A worker was sent a {type(found).__name__} in place of a request.")
        return found


def _opened(pickles: Mapping[str, bytes]) -> dict[str, Any]:
    return {name: pickle.loads(data) for name, data in pickles.items()}  # noqa: S301  # made by our own module host
