"""The stored form of values: what comes back is equal, what cannot is refused, and reading runs no foreign code."""

from __future__ import annotations

import copy
import dataclasses
import datetime as dt
import decimal
import enum
import json
import math
import pathlib
import pickle
import random
import subprocess
import sys
import textwrap
import uuid
import zoneinfo
from collections import Counter, OrderedDict, defaultdict, deque, namedtuple
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pydantic
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from hypergraph.checkpointers import (
    JsonSerializer,
    NewRun,
    Opaque,
    PickleSerializer,
    Serializer,
    SqliteCheckpointer,
    TaggedSerializer,
    WorkflowStatus,
)
from hypergraph.exceptions import SerializationError
from tests.hypergraph.store_faces import step

HERE = sys.modules[__name__]


class Colour(enum.Enum):
    RED = "r"
    ALSO_RED = "r"  # noqa: PIE796  an alias
    DATA = (1, 2)


class Level(enum.IntEnum):
    LOW = 1


class Right(enum.Flag):
    READ = 1
    WRITE = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: tuple[float, ...] = ()


@dataclasses.dataclass
class Doc:
    title: str
    parts: list[Point]
    score: float = dataclasses.field(default=0.0, compare=False)

    def __post_init__(self) -> None:
        self.words = len(self.title.split())


class Pair(NamedTuple):
    left: Any
    right: Any


class Model(pydantic.BaseModel):
    model_config = pydantic.ConfigDict(extra="allow")
    name: str
    points: list[Point] = []
    _secret: int = pydantic.PrivateAttr(default=3)


class StrSub(str):
    __slots__ = ()


class ListSub(list):
    pass


@dataclasses.dataclass
class DictData(dict):
    x: int = 0


def same(value: Any, again: Any) -> bool:
    """Compare deeply, types included; NaN equals itself."""
    if type(value) is not type(again):
        return False
    if isinstance(value, float):
        return (value == again and math.copysign(1, value) == math.copysign(1, again)) or (math.isnan(value) and math.isnan(again))
    if isinstance(value, np.ndarray):
        items = zip(value.ravel().tolist(), again.ravel().tolist(), strict=True)
        return value.dtype == again.dtype and value.shape == again.shape and all(same(a, b) for a, b in items)
    if isinstance(value, (pd.DataFrame, pd.Series, pl.DataFrame, pl.Series, pa.Table)):
        return bool(value.equals(again))
    if isinstance(value, dict):
        return list(value) == list(again) and all(same(value[key], again[key]) for key in value)
    if isinstance(value, (list, tuple, deque)):
        return len(value) == len(again) and all(same(a, b) for a, b in zip(value, again, strict=True))
    if isinstance(value, complex):
        return same(value.real, again.real) and same(value.imag, again.imag)
    if isinstance(value, int):
        return value == again
    return repr(value) == repr(again) or bool(value == again)


ODD = [
    None, True, 0, -(2**63), 2**64, 10**5000, 0.1, -0.0, 5e-324, float("inf"), float("-inf"), float("nan"), [float("nan"), 10**9000],
    "", "ä\x00\n", "\ud800", "\ud83d\ude00", "😀", [], {}, (), [[]], ((),), {"a": ()}, {"": 1}, {1: 2, "1": 3}, {None: 1}, {(1, 2): [3]},
    {True: 1, "true": 2}, {"$tuple": [1]}, {"$unknown": {}}, {"$a": 1, "b": 2}, {"a": {"$map": []}}, set(), {1, "a", (2, 3)},
    frozenset({frozenset({1})}), b"", bytes(range(256)), bytearray(b"\xff"), range(2, 10, 3), complex(1, -0.0), complex(float("nan"), 2),
    dt.date.min, dt.datetime.max, dt.datetime(2026, 1, 1, 3, fold=1),  # noqa: DTZ001, DTZ901  without a zone is meant
    dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
    dt.datetime(2026, 1, 1, tzinfo=dt.timezone(dt.timedelta(hours=-3, microseconds=7))),
    dt.datetime(2026, 10, 25, 2, 30, fold=1, tzinfo=zoneinfo.ZoneInfo("Europe/Berlin")), dt.time(1, 2, 3, 4), dt.timedelta.min,
    decimal.Decimal("-0.00"), decimal.Decimal("sNaN"), decimal.Decimal("1E+999999"), uuid.UUID(int=7), pathlib.Path("/a/b"),
    pathlib.PureWindowsPath("C:\\x"), OrderedDict([(2, 1), (1, 2)]), Counter("hello"), defaultdict(list, a=[1]), deque([1, 2], maxlen=5),
    np.arange(6).reshape(2, 3), np.array([]), np.zeros((0, 3), "f4"), np.array("text"), np.array([1.5, np.nan]), np.float32(1.5),
    np.bool_(True),
    np.datetime64("2026-01-01T00:00:00.123"), np.array(["a", None, (1, 2)], dtype=object), np.asfortranarray(np.eye(3)),
    np.array([(1, 2.5, b"x")], dtype=[("a", "i4"), ("b", ">f8"), ("c", "S3")]),
    np.array([(1, [1, 2])], dtype=[("a", "i4"), ("b", "i2", (2,))]),
    np.ma.nomask, pd.DataFrame({"a": [1, 2], "b": ["x", None]}), pd.DataFrame({"a": [1.5]},
    index=pd.Index(["i"], name="n")), pd.DataFrame(),
    pd.Series([1, 2], name="s"), pd.Series([1.5, None]), pd.Series([], dtype="float64", name="e"),
    pl.DataFrame({"a": [1, None], "b": [["x"], []]}), pl.Series("s", [1, 2]), pa.table({"a": [1, None]}),
    Colour.RED, Colour.ALSO_RED, Colour.DATA, Level.LOW, Right.READ | Right.WRITE, Point(1, (2.0,)), Doc("a b", [Point(1)]), Pair(1, {2}),
    Model(name="n", points=[Point(1)], more={"x": (1,)}), [{"deep": [Point(1), {Colour.RED: Pair(1, 2)}]}],
]  # fmt: skip


@pytest.mark.parametrize("value", ODD, ids=lambda value: type(value).__name__)
def test_an_odd_value_comes_back_equal(value: Any) -> None:
    serializer = TaggedSerializer(trust=[HERE])
    data = serializer.serialize(value)
    assert isinstance(data, bytes)
    assert same(value, serializer.deserialize(data))


NAMED = namedtuple("NAMED", "a b")  # noqa: PYI024
CYCLE: list[Any] = []
CYCLE.append(CYCLE)


def deep(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


REFUSED = [
    object(), lambda: 1, int, sys, Exception("x"), StrSub("x"), ListSub(), {StrSub("k"): 1}, DictData(),
    open, iter([]), CYCLE, deep(100_000),
    np.ma.array([1]), np.array([object()], dtype=object), pd.DataFrame({"a": [object()]}), pd.DataFrame({"a": [1, "x"]}),
    pl.DataFrame({"a": [object()]}), defaultdict(lambda: 1), dt.datetime(2026, 1, 1, tzinfo=type("Z",
    (dt.tzinfo,), {})()), memoryview(b"x"),
    np.array([(object(),)], dtype=[("a", "O")]), Point(1, object()), pd.Timestamp("2026"),
]  # fmt: skip


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: type(value).__name__)
def test_what_has_no_stored_form_is_refused(value: Any) -> None:
    with pytest.raises(SerializationError) as caught:
        TaggedSerializer(trust=[HERE]).serialize({"docs": [1, value]})
    assert isinstance(caught.value, TypeError)
    assert "How to fix:" in str(caught.value)


def test_the_place_inside_the_value_is_named() -> None:
    with pytest.raises(SerializationError, match=r"at \['docs'\]\[1\]\.parts\[0\]\['k'\]"):
        TaggedSerializer().serialize({"docs": [1, Doc("t", [{"k": object()}])]})


def test_as_deep_as_it_is_written_it_can_be_read_from_a_deep_stack() -> None:
    serializer = TaggedSerializer()
    data = serializer.serialize(deep(199))

    def below(levels: int) -> Any:
        return serializer.deserialize(data) if not levels else below(levels - 1)

    assert below(sys.getrecursionlimit() // 2) == deep(199)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())) | st.binary() | st.decimals()
    | st.datetimes(timezones=st.none() | st.just(dt.UTC)) | st.dates() | st.times() | st.timedeltas() | st.uuids() | st.complex_numbers()
    | st.sampled_from(list(Colour)) | st.sampled_from(list(Right)),
    lambda inner: st.lists(inner) | st.dictionaries(st.text() | st.integers() | st.tuples(st.text()), inner) | st.tuples(inner, inner)
    | st.sets(st.integers() | st.text()) | st.builds(Point, st.integers(), st.tuples(st.floats())) | st.builds(Pair, inner, inner)
    | st.dictionaries(st.sampled_from(["$tuple", "$map", "$x", "a"]), inner),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=400, deadline=None, suppress_health_check=list(HealthCheck))
@given(plain)
def test_whatever_is_stored_comes_back_equal(value: Any) -> None:
    serializer = TaggedSerializer(trust=[HERE])
    assert same(value, serializer.deserialize(serializer.serialize(value)))


@settings(max_examples=50, deadline=None)
@given(st.sets(st.text()), st.randoms())
def test_equal_sets_have_one_stored_form(values: set[str], order: random.Random) -> None:
    shuffled = list(values)
    order.shuffle(shuffled)
    assert TaggedSerializer().serialize(values) == TaggedSerializer().serialize(set(shuffled))


class TestTrust:
    def test_an_untrusted_object_reads_as_opaque_and_is_stored_again_unchanged(self) -> None:
        value = [Point(1, (2.0,)), Pair(1, 2), Colour.RED]
        data = TaggedSerializer().serialize(value)
        found = TaggedSerializer().deserialize(data)
        assert found[0] == Opaque(f"{__name__}:Point", {"x": 1, "y": (2.0,)})
        assert all(isinstance(one, Opaque) for one in found)
        assert TaggedSerializer().serialize(found) == data
        assert TaggedSerializer(trust=[HERE]).deserialize(TaggedSerializer().serialize(found)) == value

    def test_a_type_a_module_and_an_annotation_can_be_trusted(self) -> None:
        data = TaggedSerializer().serialize(Doc("t", [Point(1)]))
        for trust in ([Doc], [HERE], [__name__], [list[Doc]], [dict[str, Doc | None]]):
            assert TaggedSerializer(trust=trust).deserialize(data) == Doc("t", [Point(1)])

    def test_a_local_class_is_found_once_it_is_trusted(self) -> None:
        @dataclasses.dataclass
        class Local:
            x: int

        serializer = TaggedSerializer()
        data = serializer.serialize(Local(1))
        assert isinstance(serializer.deserialize(data), Opaque)
        serializer.trust([Local])
        assert serializer.deserialize(data) == Local(1)

    @pytest.mark.parametrize(
        "name", ["os:system", "builtins:eval", "subprocess:Popen", f"{__name__}:same", f"{__name__}:StrSub", "nope:X", "x", ""]
    )
    def test_what_is_no_data_class_is_never_built(self, name: str) -> None:
        serializer = TaggedSerializer(trust=["os", "builtins", "subprocess", HERE])
        data = json.dumps({"$object": [name, [["args", 1]]]}).encode()
        assert isinstance(serializer.deserialize(data), Opaque)

    def test_a_lazy_module_is_not_asked(self) -> None:
        import types

        module = types.ModuleType("lazy_for_test")
        module.__getattr__ = lambda name: pytest.fail(f"asked for {name}")
        sys.modules["lazy_for_test"] = module
        try:
            data = json.dumps({"$object": ["lazy_for_test:Thing", []]}).encode()
            assert isinstance(TaggedSerializer(trust=[module]).deserialize(data), Opaque)
        finally:
            del sys.modules["lazy_for_test"]


BAD_DATA = [
    b"{", b"nope", b"\xff\xfe", b'{"$set": [[1]]}', b'{"$map": 3}', b'{"$tuple": 5}', b'{"$datetime": "x"}',
    b'{"$uuid": "zz"}', b'{"$int": {}}',
    b'{"$table": ["ndarray", "f8", [999999999], "AAAA"]}', b'{"$table": ["ndarray", "O", [1], "AAAA"]}', b'{"$table": ["nope", "AAAA"]}',
    b'{"$table": ["ndarray", [["a", "O"]], [1], "AAAAAAAAAAA="]}', b'{"$table": ["pyarrow.Table", "AAAA"]}', b'{"$path": ["os", "x"]}',
    b'{"$datetime": ["2026-01-01", "../../etc/passwd", 0]}', b'{"$object": 1}', b'{"$bytes": "???"}', b"[" * 100_000,
]  # fmt: skip


@pytest.mark.parametrize("data", BAD_DATA, ids=lambda data: repr(data[:30]))
def test_damaged_data_is_a_serialization_error(data: bytes) -> None:
    with pytest.raises(SerializationError, match="cannot be read"):
        TaggedSerializer().deserialize(data)


def test_a_pickle_is_never_opened() -> None:
    data = PickleSerializer(allow_pickle=True).serialize(object())
    assert TaggedSerializer().deserialize(data) == Opaque("pickle", {"size": len(data)})


def test_hostile_data_imports_runs_and_opens_nothing() -> None:
    """Two thousand mutations of real and of hostile data, in a process of its own, watched by an audit hook."""
    code = """
    import json, pickle, random, sys
    import numpy, pandas, polars, pyarrow, zoneinfo  # what the tags themselves may need
    sys.path.insert(0, ".")
    from hypergraph.checkpointers import TaggedSerializer
    from hypergraph.exceptions import SerializationError
    from tests.hypergraph.test_serializers import ODD, BAD_DATA, HERE

    class Bomb:
        def __reduce__(self):
            return (eval, ("open('/tmp/owned', 'w')",))

    serializer = TaggedSerializer(trust=[HERE])
    seeds = list(BAD_DATA[:-1]) + [pickle.dumps(Bomb()), b'{"$object": ["antigravity:x", []]}', b'{"$model": ["this:x", {"fields": []}]}']
    for value in ODD:
        seeds.append(serializer.serialize(value))
    seeds = [seed for seed in seeds if len(seed) < 20_000]
    for seed in seeds:  # whatever a tag loads on first use is loaded now
        try:
            serializer.deserialize(seed)
        except SerializationError:
            pass
    watched = []
    armed = [True]
    def hook(event, args):
        risky = "import exec compile pickle marshal os subprocess socket open ctypes".split()
        if armed[0] and event.split(".")[0] in risky:
            armed[0] = False
            watched.append((event, repr(args)[:200]))
            armed[0] = True
    sys.addaudithook(hook)
    order = random.Random(7)
    names = ["os:system", "antigravity:fly", "builtins:exec", "posix:system"]
    for number in range(2000):
        data = bytearray(order.choice(seeds))
        for _ in range(order.randrange(4)):
            if data:
                data[order.randrange(len(data))] = order.randrange(256)
        if order.random() < 0.3:
            text = bytes(data).decode("utf-8", "replace")
            data = bytearray(text.replace("tests.hypergraph.test_serializers:Point", order.choice(names)).encode())
        try:
            serializer.deserialize(bytes(data))
        except SerializationError:
            pass
    armed[0] = False
    # Time zone files are opened by name, below the zone folder; nothing else may be.
    bad = [one for one in watched if not (one[0] == "open" and "zoneinfo" in one[1])]
    print(len(bad), bad[:3])
    """
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", textwrap.dedent(code)],
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        timeout=110,
    )
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.startswith("0 "), done.stdout


class TestOthers:
    def test_json_is_plain(self) -> None:
        serializer = JsonSerializer()
        assert serializer.deserialize(serializer.serialize({"a": [1, None]})) == {"a": [1, None]}
        assert serializer.deserialize(serializer.serialize(None)) is None
        with pytest.raises(TypeError):
            serializer.serialize({1, 2})
        assert JsonSerializer(lossy=True).deserialize(JsonSerializer(lossy=True).serialize(Path("/x"))) == "/x"

    def test_pickle_has_to_be_asked_for(self) -> None:
        with pytest.raises(ValueError, match="allow_pickle=True"):
            PickleSerializer()
        serializer = PickleSerializer(allow_pickle=True)
        assert serializer.deserialize(serializer.serialize({1, 2})) == {1, 2}
        with pytest.raises(SerializationError):
            serializer.serialize(lambda: 1)

    @pytest.mark.parametrize("serializer", [JsonSerializer(), PickleSerializer(allow_pickle=True), TaggedSerializer()])
    def test_all_fulfil_the_protocol(self, serializer: Any) -> None:
        assert isinstance(serializer, Serializer)


class TestInAStore:
    def test_another_serializer_is_used_for_each_value(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.db"
        with SqliteCheckpointer(path, serializer=PickleSerializer(allow_pickle=True)) as cp:
            cp.begin_sync(NewRun("wf", inputs={"q": {1, 2}}))
            cp.save_step_sync(step("wf", values={"a": {1}, "b": StrSub("x")}))
            cp.finish_sync("wf", WorkflowStatus.COMPLETED)
            assert cp.state("wf") == {"a": {1}, "b": "x"}
            assert type(cp.state("wf")["b"]) is StrSub
        with SqliteCheckpointer.open_readonly(path) as store:
            assert store.state("wf")["a"] == Opaque("pickle", {"size": store.state("wf")["a"].fields["size"]})
            assert "pickle" in store.value_preview("wf", 0, "work", "a").kind

    def test_a_store_that_changed_its_serializer_still_reads_the_old_values(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.db"
        with SqliteCheckpointer(path) as cp:
            cp.save_step_sync(step("wf", 0, values={"a": (1, 2)}))
        with SqliteCheckpointer(path, serializer=JsonSerializer()) as cp:
            cp.save_step_sync(step("wf", 1, values={"b": [3]}))
            assert cp.state("wf") == {"a": (1, 2), "b": [3]}
            with pytest.raises(SerializationError, match="Step 'work' of run 'wf': value 'c' cannot be stored"):
                cp.save_step_sync(step("wf", 2, values={"c": {1}}))

    def test_a_value_that_cannot_be_stored_names_node_output_and_place(self, tmp_path: Path) -> None:
        with SqliteCheckpointer(tmp_path / "runs.db", durability="sync") as cp:
            cp.begin_sync(NewRun("wf"))
            with pytest.raises(SerializationError, match=r"Step 'work' of run 'wf': value 'docs' cannot be stored at docs\[1\]: .*object"):
                cp.save_step_sync(step("wf", values={"a": 1, "docs": [1, object()]}))
            with pytest.raises(SerializationError, match="Inputs of run 'w2'"):
                cp.begin_sync(NewRun("w2", inputs={"client": object()}))

    @pytest.mark.parametrize("face", ["sync", "async"])
    async def test_under_async_durability_it_is_told_at_the_end(self, tmp_path: Path, face: str) -> None:
        cp = SqliteCheckpointer(tmp_path / "runs.db")
        new = NewRun("wf", inputs={"client": object(), "x": 1})
        cp.begin_sync(new) if face == "sync" else await cp.begin(new)
        for number, value in enumerate([1, object()]):
            record = step("wf", number, values={"y": value})
            cp.save_step_sync(record) if face == "sync" else await cp.save_step(record)
        done = WorkflowStatus.COMPLETED
        errors = cp.finish_sync("wf", done) if face == "sync" else await cp.finish("wf", done)
        assert [one.split(":")[0] for one in errors] == ["SerializationError", "SerializationError"]
        assert "client" in errors[0]
        run = cp.get_run("wf")
        assert run.status is WorkflowStatus.FAILED
        assert "2 writes failed" in run.error
        assert cp.inputs("wf") == {"x": 1}
        assert cp.state("wf") == {"y": 1}
        await cp.close()

    def test_large_values_are_compressed_shared_and_warned_of_once(self, tmp_path: Path) -> None:
        path = tmp_path / "runs.db"
        text = "".join(random.Random(1).choices("abcdefgh", k=3 << 20))
        with SqliteCheckpointer(path) as cp:
            with pytest.warns(UserWarning, match=r"'big' takes 3\.0 MiB") as warned:  # noqa: PT031  once in all of it
                cp.begin_sync(NewRun("wf", inputs={"big": text, "x": 1}))
                for number in range(5):
                    cp.save_step_sync(step("wf", number, values={"big": text, "small": number}))
                cp.finish_sync("wf", WorkflowStatus.COMPLETED)
            assert len(warned) == 1
            assert cp.state("wf") == {"big": text, "small": 4}
            assert cp.inputs("wf") == {"big": text, "x": 1}
            assert cp.children_inputs("nope") == {}
        assert path.stat().st_size < 2.2 * len(text) / 3 * 1.5
        with SqliteCheckpointer.open_readonly(path) as store:
            preview = store.value_preview("wf", 0, "work", "big")
            assert (preview.kind, preview.truncated, preview.text[1:9]) == ("str", True, text[:8])

    def test_values_above_the_limit_are_refused(self, tmp_path: Path) -> None:
        with (
            SqliteCheckpointer(tmp_path / "runs.db", durability="sync", max_value_bytes=2 << 20) as cp,
            pytest.raises(SerializationError, match="refuses values above 2,097,152"),
        ):
            cp.save_step_sync(step("wf", values={"big": "x" * (3 << 20)}))

    async def test_an_array_comes_back_through_a_file(self, tmp_path: Path) -> None:
        cp = SqliteCheckpointer(tmp_path / "runs.db")
        value = np.random.default_rng(1).random((50, 3))
        await cp.save_step(step("wf", values={"a": value}))
        assert same((await cp.get_state("wf"))["a"], value)
        await cp.close()


def test_a_stand_in_says_how_the_object_itself_is_had() -> None:
    """A snapshot that was taken before any class was trusted may reach a node."""
    stand_in = Opaque("shop:Order", {"total": 3})
    with pytest.raises(AttributeError, match=r"'total' of a stored 'shop:Order'.*before its class was trusted(.|\n)*store.trust"):
        _ = stand_in.total  # type: ignore[attr-defined]  # it has none
    assert copy.deepcopy(stand_in) == pickle.loads(pickle.dumps(stand_in)) == stand_in  # its own bytes
    assert not hasattr(stand_in, "__array__")
