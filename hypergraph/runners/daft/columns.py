"""Which columns of a frame feed which inputs of a graph."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from hypergraph._text import did_you_mean, fix, quoted
from hypergraph.exceptions import GraphConfigError, MissingInputError

if TYPE_CHECKING:
    from hypergraph.graph import Graph

__all__ = ["check_columns"]


def check_columns(graph: Graph, present: Sequence[str], columns: Sequence[str] | None, given: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the columns that are inputs of the graph.

    Args:
        graph: the graph.
        present: the frame's columns.
        columns: those that were asked for; None for all.
        given: broadcast values.

    Raises:
        GraphConfigError: a column that does not exist, that is given too, or that has an output's name.
        ValueError: a column has an address that was right before something was renamed, or a name that a node produces.
        MissingInputError: a required input is neither a column nor given.
    """
    if not graph.scope.outputs:
        raise GraphConfigError(
            f"Graph {graph.name or 'without a name'!r} has no outputs: a frame gets no columns from it, and Daft would never run it."
            + fix("Give a node an output_name", "Or use map(), which runs side effects too")
        )
    _refuse_absent(present, columns)
    both = [name for name in given if name in present]
    if both:
        raise GraphConfigError(
            f"Given by both the Daft DataFrame and broadcast values: {quoted(both)}."
            + fix("Leave the value out, or drop the column: dataframe.exclude(...)")
        )
    wanted = tuple(present if columns is None else columns)
    # An address that a rename has made stale is refused here, and not passed through in silence.
    graph.resolve_inputs(dict.fromkeys(wanted))
    known = graph.inputs.all
    used = tuple(name for name in wanted if name in known)
    made = [name for name in wanted if name in graph.scope.outputs and name not in used]
    if made:
        raise GraphConfigError(
            f"Columns have the names of outputs of this graph: {quoted(made)}."
            + fix("Rename the columns: dataframe.with_column_renamed(...)", "Or say which ones to use: columns=[...]")
        )
    graph.check_inputs({**given, **dict.fromkeys(used)})
    missing = graph.missing_inputs({*used, *given})
    if missing:
        raise MissingInputError(missing, [*used, *given])
    return used


def _refuse_absent(present: Sequence[str], columns: Sequence[str] | None) -> None:
    absent = [name for name in columns or () if name not in present]
    if absent:
        raise GraphConfigError(
            f"The Daft DataFrame is missing requested column(s): {quoted(absent)}.{did_you_mean(absent[0], present)}"
            + fix(f"Its columns: {quoted(present) or 'none'}")
        )
