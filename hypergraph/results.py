"""What a caller gets: `RunResult` for a run, `MapResult` for a batch, `PauseInfo` for a question that waits.

Both results are cheap to make. Ids, logs and the results of a batch's items are built when they are looked at.
"""

from __future__ import annotations

from collections.abc import Callable, ItemsView, Iterator, KeysView, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from hypergraph._html import html_table
from hypergraph._map_result import LazyResults, MapResult
from hypergraph._repr import compact, compact_values
from hypergraph._text import error_text, fix, listing
from hypergraph.events.ids import new_run_id
from hypergraph.records import RunStatus

if TYPE_CHECKING:
    from hypergraph.runlog import RunLog

__all__ = ["LazyResults", "MapResult", "PauseInfo", "RunResult", "RunStatus"]


@dataclass(frozen=True, slots=True)
class PauseInfo:
    """A question that waits for its answer.

    Attributes:
        node_name: the interrupt; nested ones read "inner/approval".
        output_param: its first output.
        value: its first input's value, None without inputs.
        output_params: all outputs when there are several, else None.
        values: all input values when there are several, else None.
        answer_type: the type that an answer should have, when the handler's annotation says so.
        inputs: all input values by name, however many there are.
        keys: output -> name under which the answer is passed, at the outermost graph's scope; the output's own name by default.
    """

    node_name: str
    output_param: str
    value: Any
    output_params: tuple[str, ...] | None = None
    values: Mapping[str, Any] | None = None
    answer_type: Any = field(default=None, repr=False)
    keys: Mapping[str, str] | None = field(default=None, repr=False)
    inputs: Mapping[str, Any] | None = field(default=None, repr=False)

    @property
    def response_key(self) -> str:
        """The name under which to pass the answer."""
        return self.response_keys[self.output_param]

    @property
    def response_keys(self) -> dict[str, str]:
        """Every output -> the name under which to pass its answer."""
        keys = self.keys or {}
        return {output: keys.get(output, output) for output in self.output_params or (self.output_param,)}


class NoOutputError(KeyError):
    """A result has no output of the name that was asked for."""

    def __str__(self) -> str:
        # A KeyError shows the repr of its text, in which line ends cannot be read.
        return str(self.args[0])


class RunResult:
    """How a run ended, and what it brought about. Reads like a read-only dict of its values.

    Args:
        values: outputs by name; under FAILED, PAUSED and STOPPED those that were finished.
        status: how it ended.
        run_id: its id; made up when it is not given.
        workflow_id: its id in the store, or as the caller gave it.
        error: the exception that ended a failed run.
        pause: the question that a paused run waits for, the first one when there are several.
        log: what happened step by step, or a function that builds it, called once, when the log is first read.
        pauses: all questions, in node order.
        checkpoint_ok: False when something could not be stored.
        checkpoint_errors: what could not be stored.
    """

    __slots__ = (
        "_checkpoint_errors", "_checkpoint_ok", "_error", "_log", "_pause", "_pauses", "_run_id", "_status", "_values", "_workflow_id",
    )  # fmt: skip

    def __init__(
        self,
        values: Mapping[str, Any],
        status: RunStatus,
        run_id: str | None = None,
        workflow_id: str | None = None,
        error: BaseException | None = None,
        pause: PauseInfo | None = None,
        log: RunLog | Callable[[], RunLog | None] | None = None,
        *,
        pauses: tuple[PauseInfo, ...] = (),
        checkpoint_ok: bool = True,
        checkpoint_errors: tuple[str, ...] = (),
    ) -> None:
        self._values = values
        self._status = status
        self._run_id = run_id
        self._workflow_id = workflow_id
        self._error = error
        self._pause = pause
        self._log = log
        self._pauses = pauses
        self._checkpoint_ok = checkpoint_ok
        self._checkpoint_errors = checkpoint_errors

    @property
    def values(self) -> Mapping[str, Any]:
        """Outputs by name."""
        return self._values

    @property
    def status(self) -> RunStatus:
        """How the run ended."""
        return self._status

    @property
    def run_id(self) -> str:
        """The run's own id."""
        if self._run_id is None:
            self._run_id = new_run_id()
        return self._run_id

    @property
    def workflow_id(self) -> str | None:
        """Its id in the store, or as the caller gave it."""
        return self._workflow_id

    @property
    def error(self) -> BaseException | None:
        """The exception that ended a failed run."""
        return self._error

    @property
    def pause(self) -> PauseInfo | None:
        """The question that a paused run waits for, the first one when there are several."""
        if self._pause is None and self._pauses:
            return self._pauses[0]
        return self._pause

    @property
    def pauses(self) -> tuple[PauseInfo, ...]:
        """All questions that wait, in node order."""
        if not self._pauses and self._pause is not None:
            return (self._pause,)
        return self._pauses

    @property
    def log(self) -> RunLog | None:
        """What happened step by step; None when none was kept."""
        log = self._log
        if callable(log):
            self._log = log = log()
        return log

    @property
    def checkpoint_ok(self) -> bool:
        """False when something could not be stored."""
        return self._checkpoint_ok

    @property
    def checkpoint_errors(self) -> tuple[str, ...]:
        """What could not be stored."""
        return self._checkpoint_errors

    @property
    def completed(self) -> bool:
        """True when the run reached its end."""
        return self._status is RunStatus.COMPLETED

    @property
    def paused(self) -> bool:
        """True when it waits for an answer."""
        return self._status is RunStatus.PAUSED

    @property
    def failed(self) -> bool:
        """True when an exception ended it."""
        return self._status is RunStatus.FAILED

    @property
    def stopped(self) -> bool:
        """True when someone stopped it."""
        return self._status is RunStatus.STOPPED

    def __getitem__(self, key: str) -> Any:
        try:
            return self._values[key]
        except KeyError:
            raise NoOutputError(self._missing(key)) from None

    def _missing(self, key: object) -> str:
        names = listing(sorted(self._values)) or "none"
        text = f"No output {key!r}. Available: {names}."
        if self._status is RunStatus.COMPLETED:
            return text + fix("Read one of the available outputs, or check the graph's .select(...) and gates")
        state = f"The run is {self._status.value.upper()}, so outputs may be missing"
        if self._error is not None:
            state += f" ({error_text(self._error)})"
        elif self.pause is not None:
            state += f" (it waits at {self.pause.node_name!r} for {self.pause.response_key!r})"
        return f"{text} {state}." + fix("Look at result.status, result.error and result.pause before reading outputs")

    def get(self, key: str, default: Any = None) -> Any:
        """Give an output, or `default` when there is none by that name."""
        return self._values.get(key, default)

    def __contains__(self, key: object) -> bool:
        return key in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def keys(self) -> KeysView[str]:
        """Names of the outputs that are there."""
        return self._values.keys()

    def items(self) -> ItemsView[str, Any]:
        """Names and values of the outputs that are there."""
        return self._values.items()

    def summary(self) -> str:
        """Give one line: the log's summary; without a log the status and the error."""
        log = self.log
        if log is not None:
            return log.summary()
        return f"{self._status.value}: {error_text(self._error)}" if self._error is not None else self._status.value

    def to_dict(self) -> dict[str, Any]:
        """Give the result as JSON-safe primitives: no values, only the names of the outputs. "error", "pause" and "log" where they are."""
        plain: dict[str, Any] = {
            "status": self._status.value,
            "run_id": self.run_id,
            "workflow_id": self._workflow_id,
            "outputs": [str(name) for name in self._values],
            "checkpoint_ok": self._checkpoint_ok,
            "checkpoint_errors": list(self._checkpoint_errors),
        }
        if self._error is not None:
            plain["error"] = error_text(self._error)
        if self.pauses:
            plain["pauses"] = [{"node_name": pause.node_name, "response_keys": dict(pause.response_keys)} for pause in self.pauses]
        log = self.log
        if log is not None:
            plain["log"] = log.to_dict()
        return plain

    def _key(self) -> tuple[Any, ...]:
        return (self.run_id, self._status, self._workflow_id, self._error, self.pauses, self._values)

    def __eq__(self, other: object) -> bool:
        if self is other:
            return True
        return self._key() == other._key() if isinstance(other, RunResult) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.run_id)

    def __reduce__(self) -> tuple[Any, ...]:
        given = (self._values, self._status, self.run_id, self._workflow_id, self._error, self._pause, self.log)
        return _restore, (given, self._pauses, self._checkpoint_ok, self._checkpoint_errors)

    def __repr__(self) -> str:
        parts = [f"status={self._status.value}", f"values={compact_values(self._values, 2400)}", f"run_id={self.run_id!r}"]
        if self._workflow_id is not None:
            parts.append(f"workflow_id={compact(self._workflow_id, 200)}")
        if self._error is not None:
            parts.append(f"error={compact(self._error, 400)}")
        if self.pause is not None:
            parts.append(f"pause={compact(self.pause, 400)}")
        if not self._checkpoint_ok:
            parts.append("checkpoint_ok=False")
        return f"RunResult({', '.join(parts)})"

    def _repr_pretty_(self, p: Any, cycle: bool) -> None:
        p.text("RunResult(...)" if cycle else repr(self))

    def _repr_html_(self) -> str:
        rows = [(name, type(value).__name__, compact(value, 200)) for name, value in self._values.items()]
        return html_table(f"RunResult: {self._status.value}", ("output", "type", "value"), rows, note=self.summary())


def _restore(given: tuple[Any, ...], pauses: tuple[PauseInfo, ...], ok: bool, errors: tuple[str, ...]) -> RunResult:
    return RunResult(*given, pauses=pauses, checkpoint_ok=ok, checkpoint_errors=errors)
