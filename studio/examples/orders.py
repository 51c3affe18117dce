"""Price orders: the same functions for one order, for a list of them, and for the columns of a table.

Every function below is plain arithmetic, so it works on numbers and on whole columns alike. `pricing(batch=False)` makes the graph
for single orders, which any runner runs, `map`s, or, under the DaftRunner, runs as columns. `pricing(batch=True)` hands whole
columns to the steps that only combine columns and is for the DaftRunner alone:

    SyncRunner().map(order_price, sample_orders(1000), map_over=list(sample_orders(1)))
    DaftRunner().map_dataframe(order_price_columns, daft.from_pydict(sample_orders(1_000_000)))

Two million orders in Parquet files, for more than fits a list: `write_orders("orders")`, then `daft.read_parquet("orders/*.parquet")`.

`daily_sales` makes its own orders, prices each one with `order_price` inside, and sums up by country: press Run.
"""

from __future__ import annotations

import random
from pathlib import Path

from hypergraph import FunctionNode, Graph, node

VAT = {"AT": 0.20, "DE": 0.19, "DK": 0.25, "FR": 0.20, "IL": 0.18, "SE": 0.25}


def gross(unit_price: float = 24.90, quantity: int = 3) -> float:
    """What the goods cost before anything is taken off."""
    return unit_price * quantity


def discount(gross: float, discount_rate: float = 0.1) -> float:
    """What a customer's agreement takes off."""
    return gross * discount_rate


@node(output_name="shipping")
def shipping(weight: float = 1.2, rate_per_kilo: float = 1.9, handling: float = 3.5) -> float:
    """What it costs to send."""
    return weight * rate_per_kilo + handling


def net(gross: float, discount: float, shipping: float) -> float:
    """What is taxed."""
    return gross - discount + shipping


def total(net: float, vat_rate: float) -> float:
    """What the customer pays."""
    return net * vat_rate + net


@node(output_name="vat_rate")
def vat_rate(country: str = "DE") -> float:
    """Look the tax rate up; unknown countries are outside and pay none."""
    return VAT.get(country, 0.0)


def pricing(*, batch: bool = False) -> Graph:
    """Wire the pricing of an order.

    Args:
        batch: True hands whole columns to the steps that only combine columns; the others go row by row either way.
    """
    # Steps that may read a plain default go row by row: a column and a number are not the same thing to multiply.
    single = [FunctionNode(step, output_name=step.__name__) for step in (gross, discount)]
    columnar = [FunctionNode(step, output_name=step.__name__, batch=batch) for step in (net, total)]
    return Graph([*single, *columnar, shipping, vat_rate], name="order_price_columns" if batch else "order_price")


def sample_orders(count: int = 200, seed: int = 7) -> dict[str, list[float] | list[int] | list[str]]:
    """Make orders up, as columns; the same seed gives the same orders."""
    dice = random.Random(seed)
    return {
        "unit_price": [round(dice.uniform(2, 120), 2) for _ in range(count)],
        "quantity": [dice.randint(1, 12) for _ in range(count)],
        "discount_rate": [dice.choice((0.0, 0.05, 0.1)) for _ in range(count)],
        "weight": [round(dice.uniform(0.1, 20), 1) for _ in range(count)],
        "country": [dice.choice(sorted(VAT)) for _ in range(count)],
    }


def write_orders(folder: str | Path, count: int = 2_000_000, *, rows: int = 100_000) -> None:
    """Write made-up orders as Parquet files; needs pyarrow.

    Args:
        folder: where to put them; made when it is not there.
        count: number of orders.
        rows: most orders in one file.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    target = Path(folder)
    target.mkdir(parents=True, exist_ok=True)
    for number, start in enumerate(range(0, count, rows)):
        pq.write_table(pa.table(sample_orders(min(rows, count - start), seed=7 + number)), target / f"orders-{number:04}.parquet")


@node(output_name=("unit_prices", "quantities", "discount_rates", "weights", "countries"))
def take_orders(count: int = 200, seed: int = 7) -> tuple[list[float], list[int], list[float], list[float], list[str]]:
    """Take the day's orders."""
    return tuple(sample_orders(count, seed).values())  # type: ignore[return-value]  # the columns, in this order


@node(output_name="sales")
def sum_by_country(countries: list[str], totals: list[float]) -> dict[str, float]:
    """Add up what was sold to each country, the best customers first."""
    sums: dict[str, float] = {}
    for country, amount in zip(countries, totals, strict=True):
        sums[country] = sums.get(country, 0.0) + amount
    return {country: round(amount, 2) for country, amount in sorted(sums.items(), key=lambda item: -item[1])}


order_price = pricing()
order_price_columns = pricing(batch=True)

each_order = (
    order_price.select("total")
    .as_node(name="each_order")
    .with_inputs(unit_price="unit_prices", quantity="quantities", discount_rate="discount_rates", weight="weights", country="countries")
    .with_outputs(total="totals")
    .map_over("unit_prices", "quantities", "discount_rates", "weights", "countries")
)

daily_sales = Graph([take_orders, each_order, sum_by_country], name="daily_sales")
