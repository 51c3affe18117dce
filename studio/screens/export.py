"""Taking a run out of the studio: its graph as a picture, its facts as JSON."""

from __future__ import annotations

import json
import re
from dataclasses import asdict
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from hypergraph.viz.rail import to_text

if TYPE_CHECKING:
    from hypergraph.viz.scene import Scene
    from studio.model.run_view import RunView

__all__ = ["EXPORTS", "exported"]

EXPORTS: Final = {"s": "graph as SVG", "m": "graph as Mermaid", "t": "graph as text", "j": "run as JSON"}


def exported(key: str, view: RunView) -> tuple[str, str]:
    """Give the name and the text of a file.

    Args:
        key: one of `EXPORTS`.
        view: the run; secrets are masked in it already.

    Raises:
        LookupError: the run's graph is not known here.
        RuntimeError: there is no program that draws pictures; the message says where to get one.
    """
    stem = re.sub(r"[^\w.-]+", "-", view.id).strip("-") or "run"
    if key == "j":
        return f"{stem}.json", json.dumps(asdict(view), indent=2, default=str, ensure_ascii=False) + "\n"
    if view.scene is None:
        raise LookupError("The graph of this run is not known here: its module is not loaded.")
    if key == "m":
        from hypergraph.viz.mermaid import to_mermaid

        return f"{stem}.mmd", to_mermaid(view.scene) + "\n"
    if key == "t":
        return f"{stem}.txt", to_text(view.scene, width=120) + "\n"
    return f"{stem}.svg", _svg(view.scene)


def _svg(scene: Scene) -> str:
    from hypergraph.viz.graphviz import draw, write

    with TemporaryDirectory() as folder:
        path = Path(folder, "graph.svg")
        write(draw(scene), path)
        return path.read_text(encoding="utf-8")
