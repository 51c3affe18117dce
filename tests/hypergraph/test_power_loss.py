"""A loss of power, simulated from a recording of what a process really wrote; the harness does it at five hundred moments."""

from __future__ import annotations

import random
from pathlib import Path

import pytest

from benchmarks.durability.powerloss import can_record, fail_at, judge, points, record

pytestmark = pytest.mark.skipif(not can_record(), reason="needs strace")


@pytest.mark.parametrize("face", ["sync", "async"])
def test_what_was_acknowledged_survives(face: str, tmp_path: Path) -> None:
    order = random.Random(face)
    recording = record(tmp_path, face, 3)
    assert sum(1 for event in recording.events if event.what == "ack") == 39
    for store, acknowledged in fail_at(recording, points(recording, 25, order), order, tmp_path):
        assert judge(store, acknowledged) == (0, [])


def test_where_nothing_is_synced_the_model_sees_the_loss(tmp_path: Path) -> None:
    """Durability "async" promises nothing here: a model that finds nothing lost would find nothing anywhere."""
    order = random.Random(1)
    recording = record(tmp_path, "sync", 3, durability="async")
    lost = [judge(store, acknowledged) for store, acknowledged in fail_at(recording, points(recording, 15, order), order, tmp_path)]
    assert sum(number for number, _ in lost) > 0
    # But the file is whole, and can be used.
    assert [text for _, broken in lost for text in broken if "acknowledged" not in text and "inputs are gone" not in text] == []
