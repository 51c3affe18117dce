"""Arrays and tables: the Python that makes one from a literal or from a file. What is shown is what a worker runs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePath
from typing import Any, Final

__all__ = ["table_code"]

_NUMPY: Final = {
    "": "np.array({})",
    ".npy": "np.load({})",
    ".csv": "np.loadtxt({}, delimiter=',')",
    ".tsv": "np.loadtxt({}, delimiter='\\t')",
    ".txt": "np.loadtxt({})",
    ".json": "np.array(json.loads(Path({}).read_text()))",
}
_PANDAS: Final = {
    "": "pd.DataFrame({})",
    ".csv": "pd.read_csv({})",
    ".tsv": "pd.read_csv({}, sep='\\t')",
    ".parquet": "pd.read_parquet({})",
    ".json": "pd.read_json({})",
    ".jsonl": "pd.read_json({}, lines=True)",
    ".ndjson": "pd.read_json({}, lines=True)",
    ".feather": "pd.read_feather({})",
    ".arrow": "pd.read_feather({})",
}
_POLARS: Final = {
    "": "pl.DataFrame({})",
    ".csv": "pl.read_csv({})",
    ".tsv": "pl.read_csv({}, separator='\\t')",
    ".parquet": "pl.read_parquet({})",
    ".json": "pl.read_json({})",
    ".jsonl": "pl.read_ndjson({})",
    ".ndjson": "pl.read_ndjson({})",
    ".feather": "pl.read_ipc({})",
    ".arrow": "pl.read_ipc({})",
}
_ARROW: Final = {
    "": "pa.table(pd.DataFrame({}))",
    **{ending: f"pa.Table.from_pandas({code})" for ending, code in _PANDAS.items() if ending},
}
_LIBRARIES: Final = {"numpy": _NUMPY, "pandas": _PANDAS, "polars": _POLARS, "pyarrow": _ARROW}
_ONE_COLUMN: Final = {"pandas": ".iloc[:, 0]", "polars": ".to_series()"}
_IMPORTS: Final = {
    "np.": "import numpy as np",
    "pd.": "import pandas as pd",
    "pl.": "import polars as pl",
    "pa.": "import pyarrow as pa",
    "json.": "import json",
    "Path(": "from pathlib import Path",
}


def table_code(cls: str, value: Any, written: str | None = None) -> tuple[str, tuple[str, ...]]:
    """Give the expression of an array or a table, and the imports that it needs.

    Args:
        cls: "module:name" of its class.
        value: a literal, or the path of a file.
        written: what stands for the value; None for its `repr`.
    """
    library, _, name = cls.partition(":")
    library = library.partition(".")[0]
    ending = PurePath(value).suffix.lower() if isinstance(value, str) else ""
    written = repr(value) if written is None else written
    if name == "Series" and not ending and not (isinstance(value, list) and value and isinstance(value[0], Mapping)):
        code = f"{'pd' if library == 'pandas' else 'pl'}.Series({written})"
    else:
        code = _LIBRARIES[library][ending].format(written) + (_ONE_COLUMN[library] if name == "Series" else "")
    if name == "LazyFrame":
        code += ".lazy()"
    return code, tuple(statement for mark, statement in _IMPORTS.items() if mark in code)
