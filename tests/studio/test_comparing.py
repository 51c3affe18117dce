"""Two runs side by side: aligned by node and turn."""

from __future__ import annotations

from studio.model.comparing import compare, difference
from studio.model.facts import RunFacts, with_stored


def _step(run: str, superstep: int, node: str, status: str = "completed", **more) -> dict:
    return {
        "k": "node-",
        "r": run,
        "s": superstep,
        "node": node,
        "status": status,
        "ms": 10.0,
        "t": float(superstep),
        "t0": superstep - 0.5,
        **more,
    }


def _facts(run: str, *steps: dict) -> RunFacts:
    return with_stored(RunFacts(run), {"r": run, "status": "completed", "interrupted": False}, steps)


def _out(**values: str) -> dict:
    return {name: ["str", text] for name, text in values.items()}


def test_the_first_difference_is_marked():
    """What is the same is the same; the first row that differs is marked, what follows only differs."""
    a = _facts("a", _step("a", 0, "load", out=_out(x="1")), _step("a", 1, "mid", out=_out(y="2")), _step("a", 2, "end", out=_out(z="3")))
    b = _facts("b", _step("b", 0, "load", out=_out(x="1")), _step("b", 1, "mid", out=_out(y="9")), _step("b", 2, "end", out=_out(z="8")))
    found = compare(a, b, ("completed", "completed"), ["top_k 5 → 9"])
    assert [(row.path, row.differs, row.first) for row in found.rows] == [("load", False, False), ("mid", True, True), ("end", True, False)]
    assert found.rows[1].values == (("y", "2", "9", "1 word differs"),)
    assert (found.a, found.b, found.causes) == ("a", "b", ("top_k 5 → 9",))


def test_turns_are_aligned_and_attempts_are_not_turns():
    """A loop's third turn stands beside the other's third; a failed attempt belongs to its turn."""
    a = _facts("a", *(_step("a", at, "loop", out=_out(n=str(at))) for at in range(3)))
    b = _facts(
        "b",
        _step("b", 0, "loop", out=_out(n="0")),
        _step("b", 1, "loop", "failed", error="E: no"),
        _step("b", 2, "loop", out=_out(n="1")),
    )
    found = compare(a, b, ("completed", "completed"), [])
    assert [(row.turn, row.differs, row.state_b) for row in found.rows] == [
        (1, False, "completed"),
        (2, False, "completed"),
        (3, True, "skipped"),
    ]


def test_what_only_one_run_has_stands_where_it_happened():
    """A node that did not run says so."""
    a = _facts("a", _step("a", 0, "load"), _step("a", 1, "bad", "failed", error="TimeoutError: 10s"))
    b = _facts("b", _step("b", 0, "load"), _step("b", 1, "bad"), _step("b", 2, "end"))
    found = compare(a, b, ("failed", "completed"), [])
    assert [(row.path, row.text_a, row.state_b) for row in found.rows] == [
        ("load", "", "completed"),
        ("bad", "TimeoutError: 10s", "completed"),
        ("end", "did not run", "completed"),
    ]


def test_what_a_fork_took_over_is_kept():
    """An inherited step is the same as its source's, and is said to be kept; one that ran again is not."""
    kept = {"load": {**_step("a", 0, "load", out=_out(x="1")), "from": "a"}, "mid": {**_step("a", 1, "mid"), "from": "a"}}
    a = _facts("a", _step("a", 0, "load", out=_out(x="1")), _step("a", 1, "mid"))
    b = _facts("b", _step("b", 2, "mid"))
    found = compare(a, b, ("completed", "completed"), [], ({}, kept))
    assert [(row.path, row.state_b, row.differs) for row in found.rows] == [("load", "kept", False), ("mid", "completed", False)]


def test_nested_graphs_stand_under_their_path():
    """What ran inside a nested graph is compared too."""
    facts = []
    for run, text in (("a", "1"), ("b", "2")):
        outer = with_stored(
            RunFacts(run), {"r": run, "status": "completed", "interrupted": False}, [_step(run, 0, "rag", child=f"{run}/rag")]
        )
        row = {"r": f"{run}/rag", "status": "completed", "interrupted": False, "up": [run, 0, "rag"]}
        facts.append(with_stored(outer, row, [_step(f"{run}/rag", 0, "rank", out=_out(best=text))]))
    found = compare(*facts, ("completed", "completed"), [])
    assert [(row.path, row.differs) for row in found.rows] == [("rag", False), ("rag/rank", True)]


def test_differences_in_words():
    """How two values differ is said by size, by words, or by kind."""
    assert difference(["list[50]", "[1"], ["list[20]", "[1"]) == "list[50] → list[20]"
    assert difference(["str", "a b c"], ["str", "a x c"]) == "1 word differs"
    assert difference(["int", "1"], ["str", "1"]) == "int became str"
    assert difference(None, ["int", "1"]) == "only in B"
    assert difference(["int", "1"], ["int", "1"]) == "same"
