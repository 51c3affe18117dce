"""One run as a screen shows it: live and past runs look alike."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from hypergraph.viz.scene import Scene
from studio.model.batch_view import BatchView
from studio.model.lineage_view import LineageRow
from studio.model.pause_view import PauseView
from studio.model.value_view import ValueView

__all__ = ["Attempt", "LogLine", "NodeView", "RunRow", "RunView", "TurnTable", "ValueView"]


@dataclass(frozen=True, slots=True)
class Attempt:
    """A try at a turn of a node that did not complete.

    Attributes:
        superstep: in which it was.
        state: how it ended.
        ended: Unix seconds, None where that is not known.
        seconds: how long it took.
        error: what it raised.
    """

    superstep: int
    state: str
    ended: float | None
    seconds: float
    error: str | None


@dataclass(frozen=True, slots=True)
class NodeView:
    """One node of a run.

    Attributes:
        path: its name from the outermost graph on ("rag/rerank").
        state: how its newest execution stands.
        attempt: number of the try, from 1.
        turns: how often it ran in this run.
        superstep: of its newest execution.
        started, ended: Unix seconds, None where they are not known.
        started_kind: "measured" (seen as it happened), "recorded" (by the store), "reconstructed" (from end and duration).
        inputs, outputs: its values, bounded.
        error: type and text of what it raised.
        traceback: the whole story of that.
        decision: what a gate chose.
        child_run: the run inside a nested graph.
        typical: how long it took before, in words.
        origin: the run that a kept value comes from.
        tries: the attempts before this one.
        at_least: `ended` is only the last that was heard of it: it ran at least until then.
    """

    path: str
    state: str
    attempt: int = 1
    turns: int = 1
    superstep: int | None = None
    started: float | None = None
    ended: float | None = None
    started_kind: str = "measured"
    inputs: tuple[ValueView, ...] = ()
    outputs: tuple[ValueView, ...] = ()
    error: str | None = None
    traceback: str | None = None
    decision: str | None = None
    child_run: str | None = None
    typical: str = ""
    origin: str = ""
    tries: tuple[Attempt, ...] = ()
    at_least: bool = False


@dataclass(frozen=True, slots=True)
class LogLine:
    """One line that a run wrote.

    Attributes:
        at: Unix seconds.
        node: path of the node that wrote it; None where that is not known.
        stream: "stdout", "stderr", "log" or "chunk".
        text: the line.
    """

    at: float
    node: str | None
    stream: str
    text: str


@dataclass(frozen=True, slots=True)
class TurnTable:
    """The turns of a loop.

    Attributes:
        columns: what each column shows ("generate.draft", "judge").
        rows: per turn its cells and how many seconds it took.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[tuple[str, ...], float | None], ...]


@dataclass(frozen=True, slots=True)
class RunRow:
    """One run in a list.

    Attributes:
        id, state, graph: what it is and how it stands.
        started: Unix seconds.
        seconds: how long it took, or has taken so far.
        cause: why it exists, what it waits for, or what ended it.
        children: number of items of a batch.
        errors: how many of them failed.
        key: where the page after this row begins.
    """

    id: str
    state: str
    graph: str
    started: float
    seconds: float | None
    cause: str = ""
    children: int = 0
    errors: int = 0
    key: int | None = None


@dataclass(frozen=True, slots=True)
class RunView:
    """One run.

    Attributes:
        id, graph_name, state: what it is and how it stands.
        note: what has to be said beside the state ("no sign of life for 41 s").
        scene: the graph as it is drawn; None where it is not known.
        nodes: path -> node; a node that did not change is the same object as in the view before.
        logs: what it wrote, bounded.
        logs_cut: older lines than the first of `logs` are left out.
        last_superstep: the newest moment.
        live: it is still going on.
        past: it is shown as it stood at a moment.
        done, total: how many nodes have ended, of how many.
        code_note: which code it ran, and whether that is still what is loaded.
        pauses: the questions that wait.
        batch: its items, for a batch.
        turns: its turns, for a run with a loop.
        can_stop: somebody here can be asked to stop it.
        can_resume: it can go on under its own id.
    """

    id: str
    graph_name: str
    state: str
    note: str = ""
    started: float | None = None
    ended: float | None = None
    runner: str = ""
    scene: Scene | None = None
    nodes: Mapping[str, NodeView] = field(default_factory=dict)
    inputs: tuple[ValueView, ...] = ()
    logs: tuple[LogLine, ...] = ()
    lineage: tuple[LineageRow, ...] = ()
    last_superstep: int | None = None
    live: bool = False
    past: bool = False
    done: int = 0
    total: int = 0
    code_note: str = ""
    actor: str = ""
    error: str | None = None
    pauses: tuple[PauseView, ...] = ()
    batch: BatchView | None = None
    turns: TurnTable | None = None
    can_stop: bool = False
    can_resume: bool = False
    parent: str | None = None
    config: Mapping[str, Any] = field(default_factory=dict)
    logs_cut: bool = False
