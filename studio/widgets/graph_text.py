"""A graph in words and lanes: what it needs, gives, and looks like."""

from __future__ import annotations

from collections.abc import Collection
from typing import TYPE_CHECKING, Final

from hypergraph.viz.rail import ASCII, UNICODE, RailRow, rail_rows
from studio.widgets.figures import counted
from studio.widgets.line import Line, rule, wrap

if TYPE_CHECKING:
    from hypergraph.viz.scene import Scene
    from studio.model.graph_view import GraphView, InputField, ModuleView

__all__ = ["graph_lines", "lanes", "loading_words", "module_lines", "scene_lines"]


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


_PATIENT: Final = 10.0
_LAST_PRINTED: Final = 12


def loading_words(module: ModuleView, now: float) -> str:
    """Say how long a module has been loading."""
    seconds = int(now - module.since) if module.since else 0
    if seconds < 2:
        return "loading"
    return f"loading {seconds} s" if seconds < _PATIENT else f"still loading {seconds} s, u restart"


def module_lines(module: ModuleView, width: int, now: float = 0.0) -> list[Line]:
    """Say how a module stands: what it holds, why it cannot be loaded, what it printed."""
    lines = [Line(" ").add(module.target, "strong"), Line()]
    if module.state == "loading":
        said = [f"The module is being loaded in a process of its own{_since(module, now)}."]
        if module.since and now - module.since >= _PATIENT:
            said.append("It shows up when that is done; everything else can be used meanwhile. u starts it anew.")
        return [*lines, *_said(said, "muted", width), *_printed(module, width)]
    if module.state == "broken":
        lines += _said([module.error or ""], "error", width)
        if module.traceback and module.traceback != module.error:
            lines += [Line(), rule("Traceback", width), *_traced(module.traceback, width)]
        lines += [*_printed(module, width), Line()]
        mend = "Mend the file: it is loaded again when it changes" if module.traceback else "It is loaded as soon as it can be found"
        return [*lines, Line(f" {mend}, or with ", "muted").add("u", "key")]
    if module.error:
        lines += [*_said([f"Not everything here can be shown: {module.error}"], "error", width), Line()]
    if module.state == "changed":
        lines += [
            Line(" Its files changed on disk since it was loaded; ", "warning").add("u", "key").add(" loads it again.", "warning"),
            Line(),
        ]
    if module.graphs:
        said = [f"{counted(len(module.graphs), 'graph')}: {', '.join(graph.name for graph in module.graphs)}."]
        said.append("Move down to one and press enter to launch it.")
    else:
        said = [] if module.error else ["There is no graph in this module. Graphs are its variables:"]
    lines += _said(said, "muted", width)
    if not module.graphs and not module.error:
        lines += [Line(), Line('   rag = Graph([retrieve, answer], name="rag")', "accent"), Line()]
        lines += _said(["A name that begins with _ is not shown."], "muted", width)
    return lines + _printed(module, width)


def _since(module: ModuleView, now: float) -> str:
    seconds = int(now - module.since) if module.since else 0
    return f", for {seconds} s now" if seconds >= 2 else ""


def _said(texts: list[str], role: str, width: int) -> list[Line]:
    return [Line(" ").add(part, role) for text in texts for part in wrap(text, width - 2)]


def _traced(text: str, width: int) -> list[Line]:
    """Give a traceback; the lines of code stand out."""
    lines = []
    for part in wrap(text, width - 2, limit=400):
        code = part.startswith("    ") and not part.strip().startswith(("^", "~"))
        lines.append(Line(" ").add(part, "text" if code else "muted"))
    return lines


def _printed(module: ModuleView, width: int) -> list[Line]:
    printed = module.output.strip().splitlines()[-_LAST_PRINTED:] if module.output.strip() not in (module.traceback or "") else []
    if not printed:
        return []
    return [Line(), rule("Printed while it was loaded", width), *_said(printed, "muted", width)]
