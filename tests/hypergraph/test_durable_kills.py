"""Real runs, really killed: nothing that was stored is lost or run again, and every workflow can be gone on with by its id.

The experiments are those of `benchmarks/durability`, in small numbers; before a release they are done there in large ones.
"""

from __future__ import annotations

import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

if sys.platform != "linux":
    pytest.skip("kills with signals, and looks into /proc", allow_module_level=True)

from benchmarks.durability.crimes import Crime
from benchmarks.durability.endings import FORGETS, forget, interrupt
from benchmarks.durability.hands import Hands
from benchmarks.durability.kills import kill_series
from benchmarks.durability.ownership import race, wake
from benchmarks.durability.shapes import DURABILITIES, FACES, SHAPES
from benchmarks.durability.writers import open_together, write_together
from hypergraph.checkpointers import SqliteCheckpointer

CASES = [(name, face, durability) for name, shape in SHAPES.items() for face in shape.faces for durability in DURABILITIES]
# The last node of the chain needs an input that no other node uses: it is killed more often.
KILLS = {"chain": 5, "map": 1}


@pytest.fixture(scope="module")
def hands() -> Iterator[Hands]:
    with Hands(4) as found:
        yield found


@pytest.mark.parametrize(("shape", "face", "durability"), CASES)
def test_a_killed_run_goes_on_where_it_was(shape: str, face: Any, durability: Any, hands: Hands, tmp_path: Path) -> None:
    series = kill_series(hands, tmp_path, shape, face, durability, KILLS.get(shape, 2), seed=1)
    assert series.broken() == [], [text for one in series.rounds for text in one.trouble]
    assert series.total("killed") == len(series.rounds) > 0


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("durability", ["sync", "async"])
def test_a_storm_of_kills_ends_in_the_right_result(face: Any, durability: Any, hands: Hands, tmp_path: Path) -> None:
    series = kill_series(hands, tmp_path, "chain", face, durability, 2, kind="storm", seed=1)
    assert series.broken() == [], [text for one in series.rounds for text in one.trouble]
    assert series.total("killed") > 2


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("how", ["fork_from", "retry_from"])
def test_a_killed_fork_of_a_killed_run_goes_on_too(face: Any, how: str, hands: Hands, tmp_path: Path) -> None:
    series = kill_series(hands, tmp_path, "chain", face, "sync", 3, kind=how, seed=1)
    assert series.broken() == [], [text for one in series.rounds for text in one.trouble]


@pytest.mark.parametrize("face", FACES)
def test_the_node_in_flight_says_that_it_is_tried_again(face: Any, hands: Hands, tmp_path: Path) -> None:
    with hands.some() as (hand,):
        crime = Crime(tmp_path / "crime", hand, "chain", face, "sync")
        for started in (3, 1):
            child = crime.child(loud=True, pause=60 if started == 1 else 0.05)
            child.hear(started)
            child.signal(signal.SIGKILL)
            child.end()
            crime.look_round(time.monotonic())
        assert crime.go_on()
        assert crime.judge().trouble == []
        tries = Counter(mark.step.partition("=")[0] for mark in crime.marks() if mark.sign == "+")
        with SqliteCheckpointer.open_readonly(crime.store) as store:
            attempts = {one.node_name: one.attempt for one in store.steps("wf") if one.node_name in tries}
    assert attempts == tries
    assert max(tries.values()) > 1


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("claimants", [2, 4])
def test_of_several_that_go_on_at_once_exactly_one_runs(claimants: int, face: Any, hands: Hands, tmp_path: Path) -> None:
    for number in range(2):
        found = race(hands, tmp_path / str(number), face, claimants)
        assert found.broken == []


@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("durability", ["sync", "async"])
def test_an_owner_that_wakes_after_it_was_displaced_stores_nothing(durability: Any, face: Any, hands: Hands, tmp_path: Path) -> None:
    assert wake(hands, tmp_path / "wake", face, durability).broken == []


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=["ctrl-c", "sigterm"])
@pytest.mark.parametrize("face", FACES)
@pytest.mark.parametrize("durability", DURABILITIES)
def test_a_script_that_is_told_to_end_keeps_every_node_that_has_finished(
    durability: Any, face: Any, number: signal.Signals, hands: Hands, tmp_path: Path
) -> None:
    with hands.some() as (hand,):
        found = interrupt(Crime(tmp_path / "crime", hand, "fan", face, durability), number, random.Random(f"{number} {face} {durability}"))
    # A busy machine may need longer than the promised second; the harness measures it.
    assert [text for text in found.broken if not text.startswith("took ")] == []


@pytest.mark.parametrize("how", FORGETS)
def test_a_program_that_forgets_to_close_ends_and_loses_nothing(how: str, tmp_path: Path) -> None:
    assert forget(how, tmp_path / "runs.db").broken == []


def test_four_processes_write_into_one_new_file(hands: Hands, tmp_path: Path) -> None:
    with hands.some(4) as several:
        assert write_together(several, tmp_path / "small", 50).broken == []
        assert write_together(several, tmp_path / "large", 3, size=1_000_000).broken == []


def test_four_processes_create_one_file_together(hands: Hands, tmp_path: Path) -> None:
    with hands.some(4) as several:
        assert [open_together(several, tmp_path / str(number)) for number in range(10)] == [[]] * 10
