"""A graph in words and lanes: what it needs, gives, and looks like."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING

from hypergraph.viz.rail import ASCII, UNICODE, RailRow, rail_rows
from studio.widgets.figures import counted
from studio.widgets.line import Line, rule, wrap

if TYPE_CHECKING:
    from hypergraph.viz.scene import Scene
    from studio.model.graph_view import GraphView, InputField, ModuleView

__all__ = ["broken_lines", "graph_lines", "lanes", "scene_lines"]


def lanes(row: RailRow, line: Line, *, lit: Collection[str] = (), role: str | None = None) -> Line:
    """Write a row's lanes; those of lit nodes stand out, the node's own glyph has its state's role."""
    for cell in row.cells:
        if cell.role == "node":
            line.add(cell.text, role or "title")
        elif cell.role == "loop":
            line.add(cell.text, "warning")
        else:
            line.add(cell.text, "accent" if cell.owner in lit else "lane")
    return line


def scene_lines(scene: Scene, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Draw a graph's rail without any run."""
    rows = rail_rows(scene, inputs=False, glyphs=ASCII if ascii_only else UNICODE)
    left = max((len(row.lanes) for row in rows), default=0) + 2
    names = max((len(row.label) + 2 * row.indent for row in rows if row.kind != "loop"), default=0)
    lines = []
    for row in rows:
        line = lanes(row, Line(" ")).to(left)
        line.add("  " * row.indent + row.label, "muted" if row.kind == "loop" else "text")
        if row.detail:
            line.to(left + min(names, width // 2) + 2).add(row.detail, "muted")
        lines.append(line.cut(width))
    return lines


def _input_line(field: InputField, width: int, names: int) -> Line:
    line = Line(" ").add(field.name, "strong" if field.required else "text", width=names).add("  ")
    line.add(field.type.label, "type", width=max(10, min(24, width // 3))).add(" ")
    if field.bound:
        return line.add("bound", "muted").add(f" {field.default or ''}", "value").cut(width)
    if field.default is not None:
        return line.add("= ", "faint").add(field.default, "muted").cut(width)
    return line.add("needed" if field.required else "optional", "warning" if field.required else "muted").cut(width)


def graph_lines(graph: GraphView, width: int, *, ascii_only: bool = False) -> list[Line]:
    """Say everything about a graph that one wants to know before a run."""
    lines = [Line(" ").add(graph.name, "title").add("   " + counted(graph.node_count, "node"), "muted")]
    lines += [Line(" ").add(text, "muted") for text in wrap(graph.doc, width - 2)[:4]] if graph.doc else []
    lines += [Line(), rule("Inputs", width)]
    names = max([len(field.name) for field in graph.inputs] + [len(name) for name, _ in graph.outputs] + [4])
    lines += [_input_line(field, width, min(names, 24)) for field in graph.inputs] or [Line(" none", "muted")]
    lines += [Line(), rule("Gives back", width)]
    for name, kind in graph.outputs:
        lines.append(Line(" ").add(name, "strong", width=min(names, 24)).add("  ").add(kind or "", "type").cut(width))
    lines += [Line(), rule("Graph", width), *scene_lines(graph.scene, width, ascii_only=ascii_only)]
    lines += [Line(), rule("Runs on", width)]
    for runner, reason in graph.fits.items():
        line = Line(" ").add(("v" if ascii_only else "✓") if reason is None else "-", "completed" if reason is None else "faint")
        line.add(f" {runner}", "text" if reason is None else "faint")
        lines += [line] if reason is None else [line, *(Line("   ").add(text, "faint") for text in wrap(reason, width - 4)[:3])]
    lines += [Line(), Line(" ").add(graph.source, "faint").cut(width)]
    return lines


def broken_lines(module: ModuleView, width: int) -> list[Line]:
    """Say why a module cannot be loaded."""
    lines = [Line(" ").add(module.target, "strong"), Line()]
    if module.state == "loading":
        return [*lines, Line(" The module is being loaded in a process of its own.", "muted")]
    if module.state != "broken":
        said = (
            f"{counted(len(module.graphs), 'graph')}. Move down to one and press enter to launch it."
            if module.graphs
            else ('No graph found here. Graphs are module-level objects: rag = Graph([...], name="rag")')
        )
        return [*lines, *(Line(" ").add(text.strip(), "muted") for text in wrap(said, width - 2))]
    lines += [Line(" ").add(text, "error") for text in wrap(module.error or "", width - 2)]
    lines += [Line(), rule("Traceback", width)]
    lines += [Line(" ").add(text, "muted") for text in wrap(module.traceback or "", width - 2, limit=400)]
    lines += [Line(), Line(" Mend the file: it is loaded again when it changes, or with ", "muted").add("u", "key")]
    return lines
