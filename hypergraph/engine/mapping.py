"""The items of a batch: which inputs each of them gets, made one by one when it is its turn."""

from __future__ import annotations

import copy
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import product
from typing import Any, Literal

from hypergraph._text import fix, quoted
from hypergraph.exceptions import GraphConfigError

__all__ = ["Items", "items_of"]


class Items:
    """Inputs per item. `inputs(i)` builds those of one item; nothing is built before.

    Attributes:
        count: how many items there are.
        params: the mapped inputs, in the order of `map_over`.
        mode: "zip" or "product".
        shared: the broadcast inputs.
    """

    __slots__ = ("_columns", "_sizes", "clone", "count", "mode", "params", "shared")

    def __init__(
        self,
        columns: Sequence[Sequence[Any]],
        params: tuple[str, ...],
        mode: Literal["zip", "product"],
        shared: Mapping[str, Any],
        clone: bool | tuple[str, ...],
    ) -> None:
        self._columns = columns
        self._sizes = [len(column) for column in columns]
        self.params = params
        self.mode = mode
        self.shared = shared
        self.clone = clone
        if mode == "zip":
            self.count = self._sizes[0] if self._sizes else 0
        else:
            self.count = 1
            for size in self._sizes:
                self.count *= size

    def mapped(self, index: int) -> tuple[Any, ...]:
        """Give the mapped values of one item; in a product the first parameter changes slowest."""
        if self.mode == "zip":
            return tuple(column[index] for column in self._columns)
        picked: list[Any] = []
        for column, size in zip(reversed(self._columns), reversed(self._sizes), strict=True):
            index, place = divmod(index, size)
            picked.append(column[place])
        return tuple(reversed(picked))

    def inputs(self, index: int) -> dict[str, Any]:
        """Give all inputs of one item, broadcast values cloned where that was asked for."""
        found = dict(self.shared)
        if self.clone:
            for name in tuple(found) if isinstance(self.clone, bool) else self.clone:
                if name in found:
                    found[name] = _copied(name, found[name])
        found.update(zip(self.params, self.mapped(index), strict=True))
        return found

    def lists(self) -> dict[str, Sequence[Any]]:
        """Give the mapped values by parameter, one per item."""
        if self.mode == "zip":
            return dict(zip(self.params, self._columns, strict=True))
        rows = list(self.columns())
        return {name: [row[place] for row in rows] for place, name in enumerate(self.params)}

    def columns(self) -> Iterator[tuple[Any, ...]]:
        """Give the mapped values of all items, in order."""
        if self.mode == "zip":
            return zip(*self._columns, strict=True)
        return product(*self._columns)


def _copied(name: str, value: Any) -> Any:
    try:
        return copy.deepcopy(value)
    except Exception as reason:
        raise GraphConfigError(
            f"The value of {name!r} cannot be deep-copied for clone: {type(reason).__name__}: {reason}"
            + fix(f"Leave {name!r} out: clone=[...] with the names that are to be copied", "Or share it between the items: clone=False")
        ) from reason


def items_of(
    values: Mapping[str, Any],
    params: Sequence[str],
    mode: str,
    clone: bool | Sequence[str] = False,
    *,
    missing: Callable[[str], Exception] | None = None,
) -> Items:
    """Split inputs into those that are mapped and those that all items share.

    Raises:
        ValueError: an unknown mode, a mapped input that is no list, or lists of unequal lengths under "zip".
    """
    if mode not in ("zip", "product"):
        raise ValueError(f"Invalid map_mode {mode!r}." + fix("Use one of: 'zip', 'product'"))
    columns: list[Sequence[Any]] = []
    for name in params:
        if name not in values:
            raise missing(name) if missing is not None else ValueError(f"No values were given for the mapped input {name!r}.")
        columns.append(_column(name, values[name]))
    if mode == "zip" and len({len(column) for column in columns}) > 1:
        sizes = ", ".join(f"{name}: {len(column)}" for name, column in zip(params, columns, strict=True))
        raise ValueError(
            f"map_over in zip mode needs lists of equal lengths; found {sizes}."
            + fix("Give lists of equal lengths", "Or combine all values with each other: map_mode='product'")
        )
    shared = {name: value for name, value in values.items() if name not in params}
    return Items(columns, tuple(params), "zip" if mode == "zip" else "product", shared, clone if isinstance(clone, bool) else tuple(clone))


def _column(name: str, value: Any) -> Sequence[Any]:
    if isinstance(value, (list, tuple, range)):
        return value
    if isinstance(value, (str, bytes, Mapping)) or not hasattr(value, "__iter__"):
        raise ValueError(
            f"The mapped input {name!r} must be a list of values, one per item; got {type(value).__name__}."
            + fix(f"Pass a list: {name}=[...]", f"Or leave {quoted([name])} out of map_over to share one value")
        )
    if hasattr(value, "__len__") and hasattr(value, "__getitem__"):
        return value  # type: ignore[no-any-return]
    return list(value)
