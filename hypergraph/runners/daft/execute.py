"""Runs the steps of a stage over a batch of rows, one step after the other, column by column.

Each kind of step has one function here. It gives its results column by column, and the exceptions of rows that failed by their index.
A failing row costs no other row its result: the loop goes on behind it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from itertools import accumulate, compress, pairwise
from typing import Any

from hypergraph._text import fix
from hypergraph.engine.caching import cache_key
from hypergraph.engine.mapping import items_of
from hypergraph.runners.daft.program import Mapped, Stage, Step
from hypergraph.runners.daft.rows import Column, Constant, Rows, scattered
from hypergraph.runners.daft.underway import under_way

__all__ = ["run_stage"]

_Bad = dict[int, BaseException]


def run_stage(rows: Rows, stage: Stage) -> None:
    """Run a synchronous stage; what rows are left, and how the others failed, is in `rows` afterwards.

    Raises:
        RuntimeError: nobody waits for the rows any more.
    """
    with under_way(rows):
        _run_steps(rows, stage)
    _go_on(rows)


def _go_on(rows: Rows) -> None:
    if rows.abandoned:
        raise RuntimeError("These rows were abandoned: their caller was interrupted, or the process ends.")


def _run_steps(rows: Rows, stage: Stage) -> None:
    for position, step in enumerate(stage.steps, stage.first):
        _go_on(rows)
        if not len(rows):
            # Nobody is left to read what the rest would give.
            rows.slots = [held if isinstance(held, Constant) else Column([]) for held in rows.slots]
            return
        if step.kind == "mapped":
            _run_mapped(rows, step, position)
        elif step.kind == "batch":
            _run_batch(rows, step, position)
        else:
            _run_calls(rows, step, position)


def _run_calls(rows: Rows, step: Step, position: int) -> None:
    first_only = rows.setting.first_only
    columns = rows.columns(step)
    if step.node is not None and rows.setting.cache is not None:
        raw, bad = _cached(
            step, columns, len(rows), rows.setting.cache, lambda some, count: call_rows(step.func, some, count, first_only=first_only)
        )
    else:
        raw, bad = call_rows(step.func, columns, len(rows), first_only=first_only)
    if len(raw) < len(rows):
        raw.extend([None] * (len(rows) - len(raw)))
    stays = rows.fail(step, position, bad)
    settle(rows, step, position, raw if stays is None else list(compress(raw, stays)))


def call_rows(func: Callable[..., Any], columns: Sequence[Sequence[Any]], count: int, *, first_only: bool) -> tuple[list[Any], _Bad]:
    """Call a function once per row; gives results (None where it failed) and exceptions. `first_only` ends at the first of those."""
    out: list[Any] = []
    bad: _Bad = {}
    add = out.append
    # One iterator for all attempts: after an exception the loop goes on with the row behind.
    rows: Iterator[Any] = iter(columns[0]) if len(columns) == 1 else zip(*columns, strict=True) if columns else iter([()] * count)
    while True:
        try:
            if len(columns) == 1:
                for value in rows:
                    add(func(value))
            else:
                for values in rows:
                    add(func(*values))
            return out, bad
        except BaseException as error:
            place = len(out)
            bad[place] = error
            add(None)
            if not isinstance(error, Exception):
                # SystemExit and its like are for the caller's thread, and would never get out of Daft's: nothing more is run here.
                bad.update(dict.fromkeys(range(place, count), error))
                out.extend([None] * (count - place - 1))
                return out, bad
            if first_only:
                return out, bad


def settle(rows: Rows, step: Step, position: int, raw: list[Any]) -> None:
    """Take results apart into the step's slots, and check them against the annotations."""
    if step.unpack is not None:
        parts, bad = call_rows(step.unpack, [raw], len(raw), first_only=False)
        stays = rows.fail(step, position, bad)
        kept = parts if stays is None else list(compress(parts, stays))
        for place, slot in enumerate(step.outs):
            rows.slots[slot] = Column([part[place] for part in kept])
    elif step.outs:
        rows.slots[step.outs[0]] = Column(raw)
    for slot, expected, name in zip(step.outs, step.expected, step.names, strict=True):
        column = rows.slots[slot]
        if expected is None or not isinstance(column, Column):
            continue
        column.hint = expected.annotation
        wrong = expected.wrong(column.values)
        if wrong:
            rows.fail(step, position, {index: expected.error(step.name, name, seen) for index, seen in wrong.items()})


def _cached(
    step: Step,
    columns: Sequence[Sequence[Any]],
    count: int,
    cache: Any,
    compute: Callable[[list[list[Any]], int], tuple[list[Any], _Bad]],
) -> tuple[list[Any], _Bad]:
    """Split rows into hits and misses, and compute each missing result once."""
    results: list[Any] = [None] * count
    keys = [cache_key(step.node, values) for values in (zip(*columns, strict=True) if columns else [()] * count)]
    first: dict[str, int] = {}
    misses: list[int] = []
    for index, key in enumerate(keys):
        if key and key in first:
            continue
        hit, value = cache.get(key) if key else (False, None)
        if hit:
            results[index] = value
            continue
        if key:
            first[key] = index
        misses.append(index)
    found, failed = compute([[column[index] for index in misses] for column in columns], len(misses)) if misses else ([], {})
    bad: _Bad = {misses[place]: error for place, error in failed.items()}
    for index, value in zip(misses, found, strict=False):
        results[index] = value
        if keys[index] and index not in bad:
            cache.set(keys[index], value)
    for index, key in enumerate(keys):
        origin = first.get(key, index)
        if origin == index:
            continue
        if origin in bad:
            bad[index] = bad[origin]
            continue
        hit, value = cache.get(key)
        results[index] = value if hit else results[origin]
    return results, bad


# -- whole columns --


def _run_batch(rows: Rows, step: Step, position: int) -> None:
    held = [rows.read(slot) for slot in step.args]
    count = len(rows)
    if step.node is not None and rows.setting.cache is not None:
        whole = [([one.value] * count if isinstance(one, Constant) else one.values) for one in held]

        def compute(some: list[list[Any]], size: int) -> tuple[list[Any], _Bad]:
            picked = [one if isinstance(one, Constant) else Column(values) for one, values in zip(held, some, strict=True)]
            column, failed = _batch_result(rows, step, picked, size)
            return (column.values if column is not None else [None] * size), failed

        raw, bad = _cached(step, whole, count, rows.setting.cache, compute)
        result: Column | None = Column(raw)
    else:
        result, bad = _batch_result(rows, step, held, count)
    if not step.outs:
        rows.fail(step, position, bad)
        return
    # Kept in its slot while rows leave, so that it is cut like the others.
    rows.slots[step.outs[0]] = result if result is not None else Column([None] * count)
    rows.fail(step, position, bad)


def _batch_result(rows: Rows, step: Step, held: Sequence[Column | Constant], count: int) -> tuple[Column | None, _Bad]:
    """Call a batch node on all rows; when it fails, on halves of them, down to the rows that are at fault."""
    try:
        return _batch_call(rows, step, held, count), {}
    except BaseException as error:
        if count == 1 or not isinstance(error, Exception):
            return None, dict.fromkeys(range(count), error)
        whole = error
    found, bad = _halved(rows, step, held, count)
    if rows.setting.first_only and not bad:
        # No row is at fault alone, a wrong number of values for example: then all of them are.
        return None, dict.fromkeys(range(count), whole)
    return Column(found), bad


def _halved(rows: Rows, step: Step, held: Sequence[Column | Constant], count: int) -> tuple[list[Any], _Bad]:
    """Call a batch node on both halves of its rows, and so on; under `first_only` what comes behind a failure is left out."""
    found: list[Any] = []
    bad: _Bad = {}
    for start, end in ((0, count // 2), (count // 2, count)):
        part = [one if isinstance(one, Constant) else Column(one.values[start:end], hint=one.hint) for one in held]
        try:
            found.extend(_batch_call(rows, step, part, end - start).values or [None] * (end - start))
        except BaseException as error:
            size = end - start
            if size > 1 and isinstance(error, Exception):
                values, wrong = _halved(rows, step, part, size)
            else:
                values, wrong = [None] * size, dict.fromkeys(range(size), error)
            found.extend(values)
            bad.update((start + index, one) for index, one in wrong.items())
            if bad and rows.setting.first_only:
                break
    return found + [None] * (count - len(found)), bad


def _batch_call(rows: Rows, step: Step, held: Sequence[Column | Constant], count: int) -> Column:
    kind = rows.setting.series
    args = []
    for one, whole in zip(held, step.whole, strict=True):
        if isinstance(one, Column):
            args.append(one.series(kind))
        elif whole and not isinstance(one.value, kind):
            args.append(kind.from_pylist([one.value] * count))
        else:
            args.append(one.value)
    result = step.func(*args)
    if not step.outs:
        return Column([])
    column = _as_column(step, result, kind)
    if len(column) != count:
        raise ValueError(
            f"Batch node {step.name!r} got {count} rows and returned {len(column)} values."
            + fix("Return one value per row: a daft.Series, or an array of the same length")
        )
    return column


def _as_column(step: Step, result: Any, kind: Any) -> Column:
    if isinstance(result, kind):
        return Column(series=result)
    if isinstance(result, (list, tuple)):
        return Column(list(result))
    if getattr(result, "ndim", 0) and hasattr(result, "dtype"):
        return Column(series=kind.from_numpy(result))
    if hasattr(result, "to_pylist") and hasattr(result, "type"):
        return Column(series=kind.from_arrow(result))
    raise TypeError(
        f"Batch node {step.name!r} returned a wrong type: expected daft.Series, got {type(result).__qualname__}."
        + fix("Return a daft.Series, a numpy array, an Arrow array, or a list", "Or leave batch=True out to work row by row")
    )


# -- nested graphs over lists --


def _run_mapped(rows: Rows, step: Step, position: int) -> None:
    """Lay the items of all rows side by side, run the inner graph over them at once, and put the results back into lists."""
    call = step.mapped
    assert call is not None
    inside, sizes, bad = _spread(rows, step, call)
    run_stage(inside, call.program.stages[0])
    spans = list(pairwise(accumulate(sizes, initial=0)))
    lists: list[list[Any]] = []
    for _, slot, _ in call.program.outputs:
        flat = scattered(inside.output(slot).values, inside.places, inside.total)
        lists.append([flat[start:end] for start, end in spans])
    if inside.failures and not call.keep_going:
        for index, (start, end) in enumerate(spans):
            failed = next((inside.failures[item] for item in range(start, end) if item in inside.failures), None)
            if failed is not None:
                bad.setdefault(index, failed.error)
    for slot, values in zip(step.outs, lists, strict=True):
        rows.slots[slot] = Column(values)
    rows.fail(step, position, bad)


def _spread(rows: Rows, step: Step, call: Mapped) -> tuple[Rows, list[int], _Bad]:
    columns = rows.columns(step)
    constant = {
        name: held
        for name, slot in zip(call.addresses, step.args, strict=True)
        if isinstance(held := rows.read(slot), Constant) and name not in call.params and not call.clone
    }
    varying = [name for name in call.addresses if name not in constant]
    flat: dict[str, list[Any]] = {name: [] for name in varying}
    sizes: list[int] = []
    bad: _Bad = {}
    for index, values in enumerate(zip(*columns, strict=True)):
        try:
            items = items_of(dict(zip(call.addresses, values, strict=True)), call.params, call.mode, call.clone)
            found = [items.inputs(item) for item in range(items.count)] if call.clone else None
        except Exception as error:
            bad[index] = error
            sizes.append(0)
            continue
        sizes.append(items.count)
        if found is not None:
            for name in varying:
                flat[name].extend(item[name] for item in found)
            continue
        for name, column in zip(items.params, zip(*items.columns(), strict=True), strict=False):
            flat[name].extend(column)
        for name in varying:
            if name in items.shared:
                flat[name].extend([items.shared[name]] * items.count)
    setting = rows.setting
    inside = Rows(call.program, replace(setting, first_only=False), sum(sizes))
    for name, slot in call.program.inputs.items():
        inside.slots[slot] = constant[name] if name in constant else Column(flat[name])
    return inside, sizes, bad
