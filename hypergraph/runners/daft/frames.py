"""Writes the lazy Daft plan: stages as UDFs over a frame, and results as tickets or as columns."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from hypergraph.runners.daft.emit import Columns, ColumnSpec, Tickets, field_of, taken_out
from hypergraph.runners.daft.packing import counted, packed
from hypergraph.runners.daft.parcels import Depot, Outcome
from hypergraph.runners.daft.program import Program, Recreated, Stage
from hypergraph.runners.daft.stages import AsyncStage, Emit, Job, Shipped, SyncStage
from hypergraph.runners.daft.types import column_type, nests
from hypergraph.runners.daft.underway import abandon

__all__ = ["add_outputs", "input_frame", "run_rows"]

_HIDDEN = "__hypergraph"
_NUMBER = "__row"
_ROWS = 4096


def input_frame(daft: Any, columns: Mapping[str, Sequence[Any]], count: int) -> Any:
    """Put the items of a batch into a frame: one column per mapped input, and the items' numbers."""
    data: dict[str, Any] = {_NUMBER: counted(count)}
    for place, values in enumerate(columns.values()):
        data[field_of(place)] = _packed(daft, values if isinstance(values, list) else list(values))
    return daft.from_pydict(data)


def _packed(daft: Any, values: list[Any]) -> Any:
    """Give a column in Arrow where that keeps every value as it is, else of Python objects."""
    array = packed(values)
    return daft.Series.from_pylist(values, dtype=daft.DataType.python()) if array is None else array


def run_rows(daft: Any, frame: Any, job: Job, count: int) -> Outcome:
    """Run a program over a frame made by `input_frame`, now."""
    depot: Depot = job.depot
    inputs = [frame[field_of(place)] for place in range(len(job.program.inputs))]
    tickets = _staged(daft, frame, job, frame[_NUMBER], inputs, Tickets(depot), daft.DataType.binary(), numbered=True)
    try:
        column = tickets.to_arrow().column(0)
    except BaseException:  # an interrupt, or what Daft raises: its threads go on with the batches that they are at
        depot.close()
        abandon(depot)
        raise
    return Outcome(job.program.names, depot.open(column.drop_null().to_pylist()), count)


def add_outputs(daft: Any, frame: Any, job: Job, hints: Mapping[str, Any], *, keep_going: bool) -> Any:
    """Add a program's outputs to a frame as columns, lazily."""
    specs = []
    for name, slot, _ in job.program.outputs:
        kind = column_type(hints.get(name), daft)
        hint = None if isinstance(hints.get(name), daft.DataType) else hints.get(name)
        specs.append(ColumnSpec(name, slot, hint, kind, nests(hint, kind)))
    emit = Columns(tuple(specs), keep_going)
    inputs = [frame[name] for name in job.program.inputs]
    lead = inputs[0] if inputs else frame[frame.column_names[0]]
    kept = [frame[name] for name in frame.column_names]
    form = emit.form
    name = specs[0].name if form == "single" else _HIDDEN
    staged = _staged(daft, frame, job, lead, inputs, emit, _emitted_type(daft, emit), numbered=False, kept=kept, name=name)
    if form == "single":
        return staged
    whole = staged[_HIDDEN]
    if form == "struct":
        outputs = [whole[field_of(place)].alias(spec.name) for place, spec in enumerate(specs)]
    else:
        takers = [daft.func.batch(return_dtype=spec.kind)(_named(taken_out(spec, place), spec.name)) for place, spec in enumerate(specs)]
        outputs = [take(whole).alias(spec.name) for take, spec in zip(takers, specs, strict=True)]
    return staged.select(*(staged[name] for name in frame.column_names), *outputs)


def _emitted_type(daft: Any, emit: Columns) -> Any:
    if emit.form == "single":
        return emit.specs[0].kind
    if emit.form == "struct":
        return daft.DataType.struct({field_of(place): spec.kind for place, spec in enumerate(emit.specs)})
    return daft.DataType.python()


def _staged(
    daft: Any,
    frame: Any,
    job: Job,
    lead: Any,
    inputs: Sequence[Any],
    emit: Emit,
    kind: Any,
    *,
    numbered: bool,
    kept: Sequence[Any] = (),
    name: str = _HIDDEN,
) -> Any:
    """Chain the stages; gives the kept columns, and under `name` the one that the last stage emits."""
    program = job.program
    last = len(program.stages) - 1
    objects = daft.DataType.python()
    columns: tuple[Any, ...] = (lead, *inputs)
    for place, stage in enumerate(program.stages):
        if stage.asynchronous:
            udf = daft.func(return_dtype=objects)(_async_function(AsyncStage.of(job, stage)))
        else:
            slots = tuple(program.inputs.values()) if place == 0 else None
            call = SyncStage(job, stage, slots, numbered, emit if place == last else None)
            udf = _batch_udf(daft, call, program, _title(program, stage), kind if place == last else objects)
        frame = frame.select(*kept, udf(*columns).alias(name if place == last else _HIDDEN))
        if place < last:
            kept = [frame[column] for column in frame.column_names if column != _HIDDEN]
            columns = (frame[_HIDDEN],)
    return frame


def _title(program: Program, stage: Stage) -> str:
    names = [step.name for step in stage.steps if step.kind != "copy"]
    return " + ".join(names) or program.graph or "results"


def _named(func: Callable[..., Any], name: str) -> Callable[..., Any]:
    func.__name__ = func.__qualname__ = name
    return func


def _most_rows(stage: Stage) -> int | None:
    """Give the most rows to hand in at once; for nodes that work on whole columns Daft knows best.

    Row by row nothing is gained by more, and with fewer a failure ends a batch sooner and progress is seen earlier.
    """
    for step in stage.steps:
        if step.kind == "batch" or (step.mapped is not None and _most_rows(step.mapped.program.stages[0]) is None):
            return None
    return _ROWS


def _batch_udf(daft: Any, call: SyncStage, program: Program, name: str, kind: Any) -> Any:
    recreated = tuple({one.key: one for one in program.recreated}.values())
    if recreated:
        return _stateful_udf(daft, call, recreated, name, kind)

    held = Shipped(call)

    def fused(*columns: Any) -> Any:
        return held.call({}, *columns)

    return daft.func.batch(return_dtype=kind, use_process=False, batch_size=_most_rows(call.stage))(_named(fused, name))


def _stateful_udf(daft: Any, call: SyncStage, recreated: Sequence[Recreated], name: str, kind: Any) -> Any:
    held = Shipped(call)

    class Worker:
        """Builds what is slow to make, once per worker."""

        def __init__(self) -> None:
            self.made = {one.key: one.cls() for one in recreated}

        def work(self, *columns: Any) -> Any:
            """Run the stage."""
            return held.call(self.made, *columns)

    Worker.work = daft.method.batch(_named(Worker.work, name), return_dtype=kind, batch_size=_most_rows(call.stage))  # type: ignore[method-assign]
    return daft.cls(Worker, use_process=False)().work


def _async_function(call: AsyncStage) -> Callable[..., Any]:
    held = Shipped(call)

    async def fused(record: Any) -> Any:
        return await held.call(record)

    return _named(fused, " + ".join(step.name for step in call.stage.steps))
