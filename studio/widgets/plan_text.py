"""What a filled-in form amounts to, in words: the checks, the same as Python, and the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING

from studio.widgets.figures import counted
from studio.widgets.graph_text import scene_lines
from studio.widgets.line import Line, rule, wrap

if TYPE_CHECKING:
    from studio.model.graph_view import GraphView
    from studio.model.plan import LaunchPlan

__all__ = ["plan_lines"]


def plan_lines(graph: GraphView, plan: LaunchPlan, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Give the preflight."""
    lines = [rule("Before it starts", width)]
    for good, text in plan.checks:
        glyph = ("v" if ascii_only else "✓") if good else ("x" if ascii_only else "✗") if good is False else "·"
        role = "completed" if good else "failed" if good is False else "muted"
        for index, part in enumerate(wrap(text, width - 4)):
            lines.append(Line(" ").add(glyph if index == 0 else " ", role).add(" ").add(part, "text" if good is not None else "muted"))
    lines += [Line(), rule("The same in Python", width)]
    lines += [Line(" ").add(text, "accent") for text in wrap(plan.python, width - 2)]
    heading = rule(f"Graph, {counted(graph.node_count, 'node')}", width)
    return [*lines, Line(), heading, *scene_lines(graph.scene, width, ascii_only=ascii_only)]
