"""Arrays and tables: numpy as raw memory, pandas, pyarrow and polars as Arrow IPC. A library is loaded when such a value appears."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from hypergraph.checkpointers.serializers import Unstorable
from hypergraph.checkpointers.trust import type_name

if TYPE_CHECKING:
    from hypergraph.checkpointers.tagged import TaggedSerializer

__all__ = ["decode_table", "encode_table"]

# A frame cannot have a column without a name, a series can.
_NAMED = b"hypergraph.named"


def encode_table(serializer: TaggedSerializer, value: Any, depth: int) -> Any:
    """Give the tagged tree of a numpy, pandas, pyarrow or polars value.

    Raises:
        Unstorable: there is none, or it would not come back equal.
    """
    library = type(value).__module__.partition(".")[0]
    if library == "numpy":
        return {"$table": _encode_numpy(serializer, value, depth)}
    kind = f"{library}.{type(value).__name__}"
    if kind not in _FROM_ARROW:
        raise Unstorable(f"{type_name(type(value))} has no stored form")
    try:
        data = _ipc(_to_arrow(kind, value))
        same = _same(kind, value, _FROM_ARROW[kind](_read_ipc(data)))
    except Exception as error:  # what a column may hold is the library's business, and so is the error
        raise Unstorable(f"{kind} has no Arrow form ({type(error).__name__}: {error})") from None
    if not same:
        raise Unstorable(f"{kind} would not come back equal from its Arrow form")
    return {"$table": [kind, base64.b64encode(data).decode("ascii")]}


def decode_table(_: TaggedSerializer, content: Any) -> Any:
    """Give the array or table of a `$table` tag."""
    kind = content[0]
    if kind == "ndarray":
        return _decode_numpy(content)
    if kind == "scalar":
        return _decode_numpy(["ndarray", content[1], [], content[2]])[()]
    return _FROM_ARROW[kind](_read_ipc(base64.b64decode(content[1], validate=True)))


# -- numpy


def _encode_numpy(serializer: TaggedSerializer, value: Any, depth: int) -> list[Any]:
    import numpy as np

    if isinstance(value, np.generic):
        if value.dtype.hasobject:
            raise Unstorable("a numpy scalar that holds Python objects has no stored form")
        return ["scalar", _dtype_tree(value.dtype), base64.b64encode(value.tobytes()).decode("ascii")]
    if type(value) is not np.ndarray:
        raise Unstorable(f"{type_name(type(value))} has no stored form")
    if value.dtype == object:
        return ["ndarray", "O", list(value.shape), serializer.tree(value.ravel().tolist(), depth)]
    if value.dtype.hasobject:
        raise Unstorable("a structured array that holds Python objects has no stored form")
    return ["ndarray", _dtype_tree(value.dtype), list(value.shape), base64.b64encode(value.tobytes()).decode("ascii")]


def _dtype_tree(dtype: Any) -> Any:
    import numpy as np

    if dtype.names is None:
        tree: Any = dtype.str
        if np.dtype(tree) != dtype:
            raise Unstorable(f"numpy dtype {dtype} has no stored form")
        return tree
    tree = [list(part) for part in dtype.descr]
    if _dtype(tree) != dtype:
        raise Unstorable(f"numpy dtype {dtype} has no stored form")
    return tree


def _dtype(tree: Any) -> Any:
    import numpy as np

    if isinstance(tree, str):
        return np.dtype(tree)
    parts = [(part[0], _inner_dtype(part[1]), *map(tuple, part[2:])) for part in tree]
    return np.dtype(parts)


def _inner_dtype(tree: Any) -> Any:
    return tree if isinstance(tree, str) else _dtype(tree)


def _decode_numpy(content: Any) -> Any:
    import numpy as np

    _, tree, shape, data = content
    if tree == "O":
        made = np.empty(len(data), dtype=object)
        for place, item in enumerate(data):
            made[place] = item
        return made.reshape([int(size) for size in shape])
    dtype = _dtype(tree)
    if dtype.hasobject:
        raise ValueError("a stored array cannot hold Python objects")
    raw = base64.b64decode(data, validate=True)
    if not dtype.itemsize:
        return np.zeros([int(size) for size in shape], dtype) if 0 not in shape else np.empty([int(size) for size in shape], dtype)
    return np.frombuffer(raw, dtype).reshape([int(size) for size in shape]).copy()


# -- Arrow


def _ipc(table: Any) -> bytes:
    import pyarrow as pa

    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return bytes(sink.getvalue())


def _read_ipc(data: bytes) -> Any:
    import pyarrow as pa

    with pa.ipc.open_stream(pa.py_buffer(data)) as reader:
        table = reader.read_all()
    # Hostile offsets would be followed outside the buffer otherwise.
    table.validate(full=True)
    return table


def _to_arrow(kind: str, value: Any) -> Any:
    import pyarrow as pa

    if kind == "pandas.DataFrame":
        return pa.Table.from_pandas(value, preserve_index=None)
    if kind == "pandas.Series":
        table = pa.Table.from_pandas(value.to_frame("series" if value.name is None else value.name))
        return table.replace_schema_metadata({**table.schema.metadata, _NAMED: b"yes" if value.name is not None else b"no"})
    if kind == "polars.DataFrame":
        return value.to_arrow()
    if kind == "polars.Series":
        return value.to_frame().to_arrow()
    if kind == "pyarrow.RecordBatch":
        return pa.Table.from_batches([value])
    return value


def _series(table: Any) -> Any:
    series = table.to_pandas().iloc[:, 0]
    return series if table.schema.metadata[_NAMED] == b"yes" else series.rename(None)


def _polars(table: Any) -> Any:
    import polars as pl

    return pl.from_arrow(table)


def _batch(table: Any) -> Any:
    batches = table.combine_chunks().to_batches()
    if batches:
        return batches[0]
    import pyarrow as pa

    return pa.RecordBatch.from_pylist([], schema=table.schema)


def _same(kind: str, value: Any, again: Any) -> bool:
    if type(value) is not type(again):
        return False
    if kind == "pandas.DataFrame":
        return bool(
            value.equals(again)
            and value.columns.equals(again.columns)
            and value.columns.dtype == again.columns.dtype
            and list(value.dtypes) == list(again.dtypes)
            and type(value.index) is type(again.index)
            and value.index.names == again.index.names
            and value.attrs == again.attrs
        )
    if kind == "pandas.Series":
        return bool(value.equals(again) and (value.name, value.index.names, value.dtype) == (again.name, again.index.names, again.dtype))
    if kind.startswith("polars"):
        same_type = value.schema == again.schema if kind == "polars.DataFrame" else (value.dtype, value.name) == (again.dtype, again.name)
        return bool(same_type and value.equals(again))
    return bool(value.equals(again) and value.schema.equals(again.schema, check_metadata=True))


_FROM_ARROW: dict[str, Any] = {
    "pandas.DataFrame": lambda table: table.to_pandas(),
    "pandas.Series": _series,
    "polars.DataFrame": _polars,
    "polars.Series": lambda table: _polars(table).to_series(0),
    "pyarrow.Table": lambda table: table,
    "pyarrow.RecordBatch": _batch,
}
