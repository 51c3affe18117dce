"""Names that the settings call secret stay hidden where the store alone tells of a run: in lists, questions, previews and comparisons."""

from __future__ import annotations

from pathlib import Path

import pytest

from hypergraph import AsyncRunner, Graph, SqliteCheckpointer, interrupt, node
from studio.options import StudioOptions
from studio.services.settings import settings_path
from studio.services.studio import Studio


@node(output_name="iban_checked")
def check(iban: str) -> str:
    return f"checked {iban}"


@interrupt(output_name="approved")
def approve(iban_checked: str, iban: str) -> bool | None:
    return None


@pytest.mark.parametrize("hidden", [True, False])
async def test_names_in_the_settings_are_hidden_in_what_the_store_tells(hidden: bool, tmp_path: Path) -> None:
    if hidden:
        settings_path().parent.mkdir(parents=True, exist_ok=True)
        settings_path().write_text('secrets = ["iban", "iban_checked"]\n', encoding="utf-8")
    db = tmp_path / "runs.db"
    graph = Graph([check, approve], name="pay")
    with SqliteCheckpointer(db) as store:
        runner = AsyncRunner(checkpointer=store)
        await runner.run(graph, {"iban": "DE02-1203"}, workflow_id="pay-1")
        await runner.run(graph, {"iban": "DE99-1203"}, workflow_id="pay-2", fork_from="pay-1")
    studio = Studio.open(StudioOptions((), db=str(db)), start=tmp_path)
    await studio.start()
    try:
        told = [
            repr(studio.pauses()),
            repr(studio.peek("pay-1")),
            repr(studio.peek("pay-2")),
            repr(studio.runs("", None, 10)),
            repr(studio.history.lineage("pay-2")),
            repr(await studio.compare("pay-1", "pay-2")),
            studio.yank("value", "pay-1", None, None),
            studio.yank("value", "pay-1", "check", None),
        ]
        shown = [at for at, text in enumerate(told) if "-1203" in text]
        assert shown == ([] if hidden else [at for at in range(len(told)) if at in shown])
        assert hidden or len(shown) > 5
    finally:
        await studio.close()
