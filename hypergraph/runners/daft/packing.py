"""Lists of plain values as Arrow arrays, written straight into their buffers.

PyArrow's own conversion of a Python list imports pandas wherever that is installed: most of a second, and 30 MB, for nothing needed here.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Sequence
from itertools import accumulate
from types import NoneType
from typing import Any

__all__ = ["counted", "packed", "ticketed"]


def packed(values: Sequence[Any]) -> Any:
    """Give an Arrow array that holds these values exactly; None when they are not all of one plain type, or do not fit.

    Args:
        values: None may be among them.
    """
    kinds = set(map(type, values))
    nulls = NoneType in kinds
    kinds.discard(NoneType)
    kind = kinds.pop() if len(kinds) == 1 else None
    pack = _PACKERS.get(kind) if kind is not None else None
    if kinds or pack is None:
        return None
    try:
        return pack(_filled(values, pack), _bits([value is not None for value in values])) if nulls else pack(values, None)
    except (OverflowError, UnicodeError):  # more than 64 bits, or half of a surrogate pair
        return None


def counted(count: int) -> Any:
    """Give the numbers from 0 to below `count` as an Arrow array."""
    import pyarrow as pa
    import pyarrow.compute as pc

    steps = array("q", [1]) * count
    if count:
        steps[0] = 0
    return pc.cumulative_sum(pa.Array.from_buffers(pa.int64(), count, [None, pa.py_buffer(steps)]))


def ticketed(ticket: bytes, count: int) -> Any:
    """Give a binary Arrow array whose first value is the ticket; the others are null."""
    import pyarrow as pa

    offsets = array("q", [0]) + array("q", [len(ticket)]) * count
    valid = b"\1" + bytes((count - 1) // 8)
    return pa.Array.from_buffers(pa.large_binary(), count, [pa.py_buffer(valid), pa.py_buffer(offsets), pa.py_buffer(ticket)])


def _filled(values: Sequence[Any], pack: Callable[..., Any]) -> list[Any]:
    empty = _EMPTY[pack]
    return [empty if value is None else value for value in values]


def _bits(flags: Sequence[bool]) -> Any:
    import pyarrow as pa

    flat = pa.Array.from_buffers(pa.uint8(), len(flags), [None, pa.py_buffer(bytes(flags))])
    return flat.cast(pa.bool_()).buffers()[1]


def _integers(values: Sequence[int], valid: Any) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.int64(), len(values), [valid, pa.py_buffer(array("q", values))])


def _floats(values: Sequence[float], valid: Any) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.float64(), len(values), [valid, pa.py_buffer(array("d", values))])


def _booleans(values: Sequence[bool], valid: Any) -> Any:
    import pyarrow as pa

    return pa.Array.from_buffers(pa.bool_(), len(values), [valid, _bits(values)])


def _texts(values: Sequence[str], valid: Any) -> Any:
    import pyarrow as pa

    data = "".join(values).encode()
    if len(data) == sum(map(len, values)):
        return _slices(pa.large_string(), data, values, valid)
    return _slices(pa.large_string(), data, [value.encode() for value in values], valid)


def _bytes(values: Sequence[bytes], valid: Any) -> Any:
    import pyarrow as pa

    return _slices(pa.large_binary(), b"".join(values), values, valid)


def _slices(kind: Any, data: bytes, values: Sequence[str | bytes], valid: Any) -> Any:
    import pyarrow as pa

    offsets = array("q", accumulate(map(len, values), initial=0))
    return pa.Array.from_buffers(kind, len(values), [valid, pa.py_buffer(offsets), pa.py_buffer(data)])


_PACKERS: dict[type, Callable[..., Any]] = {int: _integers, float: _floats, bool: _booleans, str: _texts, bytes: _bytes}
_EMPTY: dict[Callable[..., Any], Any] = {_integers: 0, _floats: 0.0, _booleans: False, _texts: "", _bytes: b""}
