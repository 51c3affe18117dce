"""The orders example, from Parquet files."""

from __future__ import annotations

from pathlib import Path

import pytest

from hypergraph import SyncRunner
from studio.examples import orders

daft = pytest.importorskip("daft")


def test_orders_in_files_are_priced_as_those_in_lists(tmp_path: Path) -> None:
    """What is written can be read and priced as columns, in several files."""
    from hypergraph import DaftRunner

    orders.write_orders(tmp_path / "orders", 250, rows=100)
    assert len(list((tmp_path / "orders").iterdir())) == 3
    read = daft.read_parquet(f"{tmp_path}/orders/*.parquet")
    priced = DaftRunner().map_dataframe(orders.order_price_columns, read).to_pydict()
    columns = {name: priced[name] for name in orders.sample_orders(1)}
    expected = SyncRunner().map(orders.order_price, columns, map_over=list(columns))
    assert len(priced["total"]) == 250
    assert priced["total"] == pytest.approx(expected["total"])
