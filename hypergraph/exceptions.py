"""Every error that hypergraph raises on its own account.

All of them descend from `HypergraphError`. Each message says what happened, where, and under "How to fix:" what to do.
Some are also members of a built-in family, so that `except ValueError` keeps working where users expect it to.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from hypergraph._text import closest, fix, quoted

__all__ = [
    "CheckpointError",
    "DrawingError",
    "GraphChangedError",
    "GraphConfigError",
    "HypergraphError",
    "IncompatibleRunnerError",
    "InfiniteLoopError",
    "InputOverrideRequiresForkError",
    "MissingInputError",
    "NotACheckpointError",
    "RenameError",
    "SchemaVersionError",
    "SerializationError",
    "StoreBusyError",
    "StoreCorruptError",
    "WorkflowAlreadyCompletedError",
    "WorkflowAlreadyRunningError",
    "WorkflowForkError",
]


class HypergraphError(Exception):
    """The base of every error defined here."""


class GraphConfigError(HypergraphError, ValueError):
    """A graph was built in a way that cannot be run; raised at construction, never while running."""


class RenameError(HypergraphError, ValueError):
    """A rename named a port that a node does not have, or gave two ports one name."""


class MissingInputError(HypergraphError, ValueError):
    """Required inputs were not given.

    Attributes:
        missing: addresses of the inputs that have no value.
        provided: names that were given.
    """

    def __init__(self, missing: Iterable[str], provided: Iterable[str] = (), *, message: str | None = None) -> None:
        self.missing = list(missing)
        self.provided = list(provided)
        super().__init__(message or self._describe())

    def _describe(self) -> str:
        steps: list[str] = []
        for name in self.missing:
            near = closest(name, [given for given in self.provided if given not in self.missing])
            steps.append(f"Provide value for {name!r} in the values dict")
            if near is not None:
                steps.append(f"(you gave {near!r}: did you mean {name!r}?)")
        return f"Missing required input(s): {self.missing!r}" + fix(*steps)

    def __reduce__(self) -> tuple[object, ...]:
        return (_rebuild_missing, (self.missing, self.provided, str(self)))


def _rebuild_missing(missing: list[str], provided: list[str], message: str) -> MissingInputError:
    return MissingInputError(missing, provided, message=message)


class DrawingError(HypergraphError, RuntimeError):
    """A drawing could not be rendered; the message says what is missing and how to get it."""


class IncompatibleRunnerError(HypergraphError, TypeError):
    """A runner was given a graph that it cannot run; raised before anything runs.

    Attributes:
        node_name: the first node that does not fit, or None when the reason is not one node.
        capability: the `RunnerCapabilities` field that is missing, or None.
    """

    def __init__(self, message: str, *, node_name: str | None = None, capability: str | None = None) -> None:
        super().__init__(message)
        self.node_name = node_name
        self.capability = capability


class InfiniteLoopError(HypergraphError, RuntimeError):
    """A cyclic region was still busy after `max_iterations` passes.

    Attributes:
        max_iterations: the limit that was reached, in passes of one region.
        nodes: the nodes of that region.
    """

    def __init__(self, max_iterations: int, nodes: Sequence[str] = (), message: str | None = None) -> None:
        self.max_iterations = max_iterations
        self.nodes = tuple(nodes)
        where = f" in the loop of {quoted(nodes)}" if nodes else ""
        super().__init__(
            message
            or f"Graph execution exceeded {max_iterations} iterations{where}."
            + fix(
                "Let a gate of this loop return END (or another way out) once the work is done",
                "If the loop is meant to be that long, pass a larger max_iterations= to run()",
            )
        )

    def __reduce__(self) -> tuple[object, ...]:
        return (InfiniteLoopError, (self.max_iterations, self.nodes, str(self)))


class CheckpointError(HypergraphError):
    """A checkpoint store could not be read or written; the message names the path and what was left untouched."""


class SchemaVersionError(CheckpointError, ValueError):
    """A store was written by a newer version of the library; nothing in it was changed."""


class SerializationError(CheckpointError, TypeError):
    """A value cannot be stored; the message names node, output and the place inside the value."""


class StoreCorruptError(CheckpointError):
    """A store's file is damaged or cut off; the file was left as it is."""


class NotACheckpointError(CheckpointError):
    """The file is no checkpoint store; it was left as it is."""


class StoreBusyError(CheckpointError):
    """Another process kept the store locked for longer than the time allowed for waiting."""


class _WorkflowError(HypergraphError, RuntimeError):
    """What the workflow errors share: the workflow they are about."""

    def __init__(self, message: str, *, workflow_id: str | None = None) -> None:
        super().__init__(message)
        self.workflow_id = workflow_id


class WorkflowAlreadyCompletedError(_WorkflowError):
    """The workflow has ended; an ended workflow is not resumed, only forked or retried."""


class WorkflowAlreadyRunningError(_WorkflowError):
    """The workflow has a living owner; the message says who."""


class GraphChangedError(_WorkflowError):
    """The stored workflow was made by a graph of another structure."""


class InputOverrideRequiresForkError(_WorkflowError):
    """Values were given for a workflow that exists already; changing its inputs means forking it."""


class WorkflowForkError(_WorkflowError):
    """A fork or retry was asked for under an id that is taken, or of a wrong kind."""


def already_running(workflow_id: str, owner: str) -> WorkflowAlreadyRunningError:
    """Say that `workflow_id` is owned by `owner` (a short phrase with process, host and since when)."""
    return WorkflowAlreadyRunningError(
        f"Workflow {workflow_id!r} is already running: {owner}."
        + fix(
            "Wait for it to end, or stop it there",
            "To displace an owner that is alive but stuck, pass take_over=True",
            "To work beside it, fork it: fork_from=" + repr(workflow_id),
        ),
        workflow_id=workflow_id,
    )


def cannot_run(runner: str, what: str, nodes: Sequence[str], *, instead: str, capability: str) -> IncompatibleRunnerError:
    """Say that `runner` cannot execute `nodes`, which are `what` ("async nodes"), and which runner can."""
    kind = what[:-1] if what.endswith("s") and len(nodes) == 1 else what
    return IncompatibleRunnerError(
        f"{runner} cannot execute {what}.\nFound {kind}: {quoted(nodes)}" + fix(f"Use {instead} instead"),
        node_name=nodes[0] if nodes else None,
        capability=capability,
    )
