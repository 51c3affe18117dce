"""DaftRunner.map_dataframe: columns in, columns out, lazily."""

from __future__ import annotations

import dataclasses
import datetime as dt
import logging
from typing import Annotated, Any, Literal, TypedDict

import pytest

from hypergraph import Graph, GraphConfigError, MissingInputError, node

pytest.importorskip("daft")
import daft

from hypergraph import DaftRunner


@node(output_name="doubled")
def double(x: int) -> int:
    return x * 2


@node(output_name="total")
def add(doubled: int, y: int = 1) -> int:
    return doubled + y


GRAPH = Graph([double, add], name="sums")


def frame(**columns: list[Any]) -> Any:
    return daft.from_pydict(columns or {"x": [1, 2, 3], "note": ["a", "b", "c"]})


def test_columns_are_kept_and_outputs_are_added() -> None:
    result = DaftRunner().map_dataframe(GRAPH, frame())
    assert result.column_names == ["x", "note", "doubled", "total"]
    assert result.to_pydict() == {"x": [1, 2, 3], "note": ["a", "b", "c"], "doubled": [2, 4, 6], "total": [3, 5, 7]}


def test_only_the_requested_columns_are_kept() -> None:
    assert DaftRunner().map_dataframe(GRAPH, frame(), columns=["x"]).column_names == ["x", "doubled", "total"]


def test_broadcast_values_reach_every_row() -> None:
    assert DaftRunner().map_dataframe(GRAPH, frame(), y=10).to_pydict()["total"] == [12, 14, 16]
    assert DaftRunner().map_dataframe(GRAPH, frame(), values={"y": 10}).to_pydict()["total"] == [12, 14, 16]


def test_nothing_runs_before_the_result_is_looked_at_and_then_each_row_once() -> None:
    seen: list[int] = []

    @node(output_name=("a", "b", "c"))
    def look(x: int) -> tuple[int, int, int]:
        seen.append(x)
        return x, x, x

    lazy = DaftRunner().map_dataframe(Graph([look]), frame())
    assert seen == []
    assert lazy.where(daft.col("b") > 1).select("a", "c").to_pydict() == {"a": [2, 3], "c": [2, 3]}
    assert seen == [1, 2, 3]


def test_a_missing_column_is_named() -> None:
    with pytest.raises(GraphConfigError, match=r"missing requested column.*'nope'"):
        DaftRunner().map_dataframe(GRAPH, frame(), columns=["x", "nope"])


def test_a_value_that_is_a_column_too_is_refused() -> None:
    with pytest.raises(GraphConfigError, match=r"both the Daft DataFrame and broadcast values: 'x'"):
        DaftRunner().map_dataframe(GRAPH, frame(), x=1)


def test_a_column_with_the_name_of_an_output_is_refused() -> None:
    with pytest.raises(GraphConfigError, match="'total'"):
        DaftRunner().map_dataframe(GRAPH, frame(x=[1], total=[2]))


def test_a_graph_without_outputs_is_refused() -> None:
    @node
    def side(x: int) -> None:
        pass

    with pytest.raises(GraphConfigError, match="no outputs"):
        DaftRunner().map_dataframe(Graph([side]), frame())
    assert DaftRunner().run(Graph([side]), x=1).values == {}


def test_a_missing_input_is_named() -> None:
    with pytest.raises(MissingInputError) as caught:
        DaftRunner().map_dataframe(GRAPH, frame(z=[1]))
    assert caught.value.missing == ["x"]


def test_a_graph_without_columns_of_its_own_gets_one_run_per_row() -> None:
    assert DaftRunner().map_dataframe(GRAPH, frame(z=[1, 2]), x=5).to_pydict() == {"z": [1, 2], "doubled": [10, 10], "total": [11, 11]}


def test_an_empty_frame_gives_empty_columns() -> None:
    empty = frame().where(daft.col("x") > 5)
    assert DaftRunner().map_dataframe(GRAPH, empty).to_pydict() == {"x": [], "note": [], "doubled": [], "total": []}


@node(output_name="kept")
def picky(x: int) -> int:
    if x == 2:
        raise LookupError("two")
    return x


@pytest.mark.parametrize("more", [[], [double], [double, add]])
def test_raise_raises_what_the_row_raised(more: list[Any]) -> None:
    with pytest.raises(LookupError, match="two") as caught:
        DaftRunner().map_dataframe(Graph([picky, *more]), frame()).collect()
    assert any("picky" in note for note in caught.value.__notes__)


def test_continue_gives_a_failed_row_nulls_and_says_so(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, "hypergraph.daft"):
        result = DaftRunner().map_dataframe(Graph([picky, double]), frame(), error_handling="continue").to_pydict()
    assert result["kept"] == [1, None, 3]
    assert "LookupError: two" in caplog.text


def test_async_nodes_work_in_frames() -> None:
    @node(output_name="later")
    async def later(doubled: int) -> int:
        if doubled == 4:
            raise LookupError("four")
        return doubled + 1

    graph = Graph([double, later])
    result = DaftRunner().map_dataframe(graph, frame(), error_handling="continue")
    assert result.to_pydict() == {"x": [1, 2, 3], "note": ["a", "b", "c"], "doubled": [2, None, 6], "later": [3, None, 7]}
    with pytest.raises(LookupError, match="four"):
        DaftRunner().map_dataframe(graph, frame()).collect()


def test_names_with_dots_are_columns_too() -> None:
    outer = Graph([GRAPH.as_node(namespaced=True)])
    result = DaftRunner().map_dataframe(outer, frame(**{"sums.x": [1, 2]}))
    assert result.to_pydict() == {"sums.x": [1, 2], "sums.doubled": [2, 4], "sums.total": [3, 5]}


class Pair(TypedDict):
    """A struct."""

    left: int
    right: str


@dataclasses.dataclass
class Point:
    """A struct as well."""

    x: int
    y: float


class Plain:
    """No struct."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Plain)

    __hash__ = None  # type: ignore[assignment]


NOON = dt.datetime(2024, 5, 1, 12)  # noqa: DTZ001
TYPES: list[tuple[Any, Any, str, Any]] = [
    (int, 1, "Int64", 1),
    (int, True, "Int64", 1),
    (float, 1, "Float64", 1.0),
    (str, "a", "String", "a"),
    (bool, True, "Bool", True),
    (bytes, b"a", "Binary", b"a"),
    (int | None, None, "Int64", None),
    (Annotated[int, "units"], 3, "Int64", 3),
    (Literal["a", "b"], "b", "String", "b"),
    (dt.datetime, NOON, "Timestamp[us]", NOON),
    (dt.date, NOON.date(), "Date", NOON.date()),
    (dt.timedelta, dt.timedelta(hours=1), "Duration[us]", dt.timedelta(hours=1)),
    (list[int], [1, 2], "List[Int64]", [1, 2]),
    (list[list[str]], [["a"], []], "List[List[String]]", [["a"], []]),
    (Pair, {"left": 1, "right": "x"}, "Struct[left: Int64, right: String]", {"left": 1, "right": "x"}),
    (Point, Point(1, 2.0), "Struct[x: Int64, y: Float64]", {"x": 1, "y": 2.0}),
    (list[Point], [Point(1, 2.0)], "List[Struct[x: Int64, y: Float64]]", [{"x": 1, "y": 2.0}]),
    (dict[str, int], {"a": 1}, "Python", {"a": 1}),
    (tuple[int, str], (1, "a"), "Python", (1, "a")),
    (int | str, "a", "Python", "a"),
    (Any, {1, 2}, "Python", {1, 2}),
    (Plain, Plain(), "Python", Plain()),
    (None, 5, "Python", 5),
]


@pytest.mark.parametrize(("annotation", "value", "kind", "back"), TYPES)
@pytest.mark.parametrize("alone", [True, False])
def test_columns_have_the_types_of_the_annotations(annotation: Any, value: Any, kind: str, back: Any, alone: bool) -> None:
    def made(x: int):
        return value

    if annotation is not None:
        made.__annotations__["return"] = annotation
    nodes = [node(output_name="made")(made), *([] if alone else [double])]
    result = DaftRunner().map_dataframe(Graph(nodes), frame(x=[1, 2]))
    assert str(result.schema()["made"].dtype) == kind
    assert result.to_pydict()["made"] == [back, back]
    assert DaftRunner().map(Graph(nodes), {"x": [1, 2]}, map_over="x")["made"] == [value, value]


def test_models_of_pydantic_are_structs() -> None:
    pydantic = pytest.importorskip("pydantic")

    class Item(pydantic.BaseModel):
        name: str
        count: int | None = None

    def made(x: int):
        return Item(name="a", count=x)

    made.__annotations__["return"] = Item
    result = DaftRunner().map_dataframe(Graph([node(output_name="item")(made)]), frame(x=[1]))
    assert result.to_pydict()["item"] == [{"name": "a", "count": 1}]


def test_numpy_arrays_are_tensors() -> None:
    np = pytest.importorskip("numpy")
    from numpy.typing import NDArray

    def made(x: int):
        return np.full((2, x), 1.5)

    made.__annotations__["return"] = NDArray[np.float64]
    result = DaftRunner().map_dataframe(Graph([node(output_name="grid")(made), double]), frame(x=[1, 2]))
    assert str(result.schema()["grid"].dtype) == "Tensor[Float64]"
    assert [grid.shape for grid in result.to_pydict()["grid"]] == [(2, 1), (2, 2)]


@pytest.mark.parametrize("alone", [True, False])
def test_what_a_column_cannot_hold_is_an_error_and_no_null(alone: bool) -> None:
    @node(output_name="big")
    def big(x: int) -> int:
        return 2**70 if x == 2 else x

    graph = Graph([big, *([] if alone else [double])])
    with pytest.raises(OverflowError, match="'big' does not fit a column of type Int64"):
        DaftRunner().map_dataframe(graph, frame()).collect()
    assert DaftRunner().map_dataframe(graph, frame(), error_handling="continue").to_pydict()["big"] == [1, None, 3]
    assert DaftRunner().map(graph, {"x": [1, 2]}, map_over="x")["big"] == [1, 2**70]


def test_a_wrong_return_type_is_an_error_and_no_null() -> None:
    @node(output_name="number")
    def wrong(x: int) -> int:
        return "x"  # type: ignore[return-value]

    with pytest.raises(TypeError, match="Node 'wrong' returned a wrong type for 'number': expected int, got str"):
        DaftRunner().map_dataframe(Graph([wrong]), frame()).collect()


def test_batch_nodes_say_the_type_of_their_elements() -> None:
    @node(output_name="typed", batch=True)
    def typed(x: daft.Series) -> Annotated[daft.Series, int]:
        return x + x

    @node(output_name="exact", batch=True)
    def exact(x: daft.Series) -> Annotated[daft.Series, daft.DataType.int32()]:
        return x.cast(daft.DataType.int32())

    @node(output_name="loose", batch=True)
    def loose(x: daft.Series) -> daft.Series:
        return x + x

    result = DaftRunner().map_dataframe(Graph([typed, exact, loose]), frame(x=[1, 2]))
    assert [str(result.schema()[name].dtype) for name in ("typed", "exact", "loose")] == ["Int64", "Int32", "Python"]
    assert result.to_pydict() == {"x": [1, 2], "typed": [2, 4], "exact": [1, 2], "loose": [2, 4]}


def test_nulls_reach_the_function_as_none() -> None:
    @node(output_name="known")
    def known(x: int | None) -> bool:
        return x is not None

    assert DaftRunner().map_dataframe(Graph([known]), frame(x=[1, None])).to_pydict()["known"] == [True, False]


def test_clones_are_one_per_row() -> None:
    @node(output_name="size")
    def push(x: int, bag: list) -> int:
        bag.append(x)
        return len(bag)

    assert DaftRunner().map_dataframe(Graph([push]), frame(x=[1, 2]), bag=[]).to_pydict()["size"] == [1, 2]
    assert DaftRunner().map_dataframe(Graph([push]), frame(x=[1, 2]), bag=[], clone=True).to_pydict()["size"] == [1, 1]


def test_frames_of_many_files_are_read_as_one(tmp_path: Any) -> None:
    for part in range(4):
        daft.from_pydict({"x": list(range(part * 1250, part * 1250 + 1250))}).write_parquet(str(tmp_path / str(part)))
    read = daft.read_parquet(f"{tmp_path}/*/*.parquet")
    result = DaftRunner().map_dataframe(GRAPH, read).sort("x").to_pydict()
    assert result["total"] == [x * 2 + 1 for x in range(5000)]
