"""Thirty hostile strings on every screen: none is taken for markup, an action, an escape of the terminal, or an end of the program."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from studio.app import StudioApp
from studio.model.graph_view import GraphView
from studio.model.problems import Problem
from studio.options import StudioOptions
from studio.services.studio_db import Entry
from tests.studio.fakes import LIVE, NODES, NOW, FakeStudio

STRINGS = (
    "[/oops]", "[b]bold[/b]", "[@click=app.exit]x[/]", "[@click=app.leave]x[/@click]", "[link=file:///etc/passwd]x[/link]", "\\[b]", "[",
    "[[[[", "$primary", "{0}{name}%s%(x)s", "\x1b[31mred", "\x1b[2J\x1b[H", "\x1b]52;c;aGk=\x07", "\x1b]0;title\x07", "\x1bP1$r\x1b\\",
    "\x9b31m", "\x00\x01\x02\x03", "\r\nover", "a\tb\x0bc\x0cd", "\x7f\x08\x08\x08", "\u202egnp.exe", "\u2066x\u2069", "\u200b\u200d\ufeff",
    "e" + "\u0301" * 80, "👩‍👩‍👧‍👦🏳️‍🌈", "漢字" * 60, "ﷺ" * 30, "\ud800", "x" * 5_000, "\u2028\u2029\u0085",
)  # fmt: skip
_MISLEADING = "\u202e\u2066\u2069\u2028\u2029"
SCREENS = {
    "run": ("hg:run/rag-eval-7", ()),
    "time": ("hg:run/rag-eval-7", ("t",)),
    "values": ("hg:run/rag-eval-7", ("t", "t")),
    "logs": ("hg:run/rag-eval-7", ("t", "t", "t")),
    "lineage": ("hg:run/rag-eval-7", ("t", "t", "t", "t")),
    "boxes": ("hg:run/rag-eval-7", ("v",)),
    "failed": ("hg:run/rag-eval-5", ()),
    "fork": ("hg:run/rag-eval-5", ("F",)),
    "stop": ("hg:run/rag-eval-7", ("S",)),
    "batch": ("hg:run/batch-12", ()),
    "runs": ("hg:runs", ()),
    "graphs": ("hg:graphs", ()),
    "launch": ("hg:launch/rag-eval", ()),
    "inbox": ("hg:inbox", ()),
    "answer": ("hg:inbox", ("a",)),
    "compare": ("hg:compare/rag-eval-5/rag-eval-7", ()),
    "problems": ("hg:graphs", ("exclamation_mark",)),
    "log": ("hg:graphs", ("at",)),
    "palette": ("hg:graphs", ("colon",)),
}


class Hostile(FakeStudio):
    """Everything that comes from a user's program or store is a hostile string, each time the next one."""

    def __init__(self, first: int) -> None:
        super().__init__()
        self._strings = itertools.islice(itertools.cycle(STRINGS), first, None)
        nodes = {
            path: replace(
                node,
                error=next(self._strings),
                traceback=next(self._strings),
                decision=next(self._strings),
                origin=next(self._strings),
                typical=next(self._strings),
                inputs=tuple(
                    replace(value, preview=next(self._strings), kind=next(self._strings), origin=next(self._strings))
                    for value in node.inputs
                ),
                outputs=tuple(
                    replace(value, preview=next(self._strings), kind=next(self._strings), origin=next(self._strings))
                    for value in node.outputs
                ),
            )
            for path, node in NODES.items()
        }
        for name, view in list(self.views.items()):
            self.views[name] = replace(
                view,
                note=next(self._strings),
                error=next(self._strings),
                code_note=next(self._strings),
                actor=next(self._strings),
                runner=next(self._strings),
                nodes=nodes if view.nodes and view.batch is None else view.nodes,
                inputs=tuple(replace(value, preview=next(self._strings), name=next(self._strings)) for value in LIVE.inputs),
                logs=tuple(replace(line, text=next(self._strings), node=next(self._strings)) for line in LIVE.logs),
                lineage=tuple(
                    replace(row, cause=next(self._strings), kind=next(self._strings), note=next(self._strings)) for row in LIVE.lineage
                ),
                batch=None
                if view.batch is None
                else replace(
                    view.batch,
                    groups=tuple(
                        replace(
                            group,
                            node=next(self._strings),
                            message=next(self._strings),
                            error_type=next(self._strings),
                            shared=next(self._strings),
                        )
                        for group in view.batch.groups
                    ),
                ),
            )

    def runs(self, *given: Any, **named: Any) -> Any:
        return [replace(row, graph=next(self._strings), cause=next(self._strings)) for row in super().runs(*given, **named)]

    def problems(self) -> Any:
        return (Problem(next(self._strings), next(self._strings)),)

    def command_log(self) -> Any:
        draw = self._strings
        return [Entry(NOW, next(draw), next(draw), next(draw), next(draw), next(draw)) for _ in range(8)]

    def addresses(self, **named: Any) -> Any:
        return [("run", next(self._strings), "hg:runs")]

    def modules(self) -> Any:
        def made(graph: GraphView) -> GraphView:
            inputs = tuple(replace(field, default=next(self._strings)) for field in graph.inputs)
            return replace(graph, doc=next(self._strings), source=next(self._strings), inputs=inputs)

        return tuple(
            replace(module, error=next(self._strings), traceback=next(self._strings), graphs=tuple(map(made, module.graphs)))
            for module in super().modules()
        )

    def pauses(self) -> Any:
        return tuple(
            replace(
                pause,
                values=tuple(
                    replace(value, text=next(self._strings), preview=next(self._strings), name=next(self._strings))
                    for value in pause.values
                ),
            )
            for pause in super().pauses()
        )


@pytest.mark.parametrize("place", SCREENS)
@pytest.mark.parametrize(("size", "first"), [((80, 24), 0), ((200, 60), 13), ((40, 12), 21)], ids=["80x24", "200x60", "40x12"])
async def test_hostile_strings_are_only_text(place: str, size: tuple[int, int], first: int) -> None:
    address, press = SCREENS[place]
    assert len(STRINGS) == 30
    app = StudioApp(StudioOptions(at=address), Hostile(first), clock=lambda: NOW)  # type: ignore[arg-type]
    async with app.run_test(size=size) as pilot:
        await pilot.pause(0.15)
        for key in press:
            await pilot.press(key)
            await pilot.pause(0.05)
        await pilot.click(offset=(size[0] // 2, size[1] // 2))
        await pilot.pause()
        drawn = [segment.text for strip in app.screen._compositor.render_strips() for segment in strip]
        assert app.is_running
    assert app._exception is None
    assert app.return_code in {None, 0}
    bad = {
        char
        for part in drawn
        for char in part
        if ord(char) < 0x20 or 0x7F <= ord(char) < 0xA0 or char in _MISLEADING or 0xD800 <= ord(char) < 0xE000
    }
    assert bad == set()
