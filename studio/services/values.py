"""In a child process: from the texts of a form to the values of a call."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from studio.services.building import FormError, build, build_list
from studio.services.describe import NOTHING

if TYPE_CHECKING:
    from hypergraph import Graph

__all__ = ["STORED", "Refused", "annotation_of", "build_values"]

STORED = "@run:"
"""Begins a text that stands for the stored input of another run."""


class Refused(ValueError):  # noqa: N818  # it is an answer, not a defect
    """An order whose values do not fit. `problems` says what is wrong with which."""

    def __init__(self, problems: Mapping[str, str]) -> None:
        self.problems = problems
        super().__init__("; ".join(f"{name}: {problem}" for name, problem in problems.items()))


def annotation_of(graph: Graph, name: str) -> Any:
    """Give the annotation of an answer, of an input, or of an output; `NOTHING` where there is none."""
    nodes: list[Any] = list(graph.nodes.values())
    found = _answer_of(nodes, name)
    if found is not None:
        return found
    for node in nodes:
        if name in node.inputs and (found := node.get_input_type(name)) is not None:
            return found
    for node in nodes:
        if name in node.data_outputs and (found := node.get_output_type(name)) is not None:
            return found
    return NOTHING


def _answer_of(nodes: list[Any], key: str) -> Any:
    """Give the annotation of the answer that is passed under this key; what only reads the name may say less."""
    for node in nodes:
        if key not in node.data_outputs:
            continue
        inner = getattr(node, "graph", None)
        if inner is not None and inner.has_interrupts:
            return _answer_of(list(inner.nodes.values()), node.inner_output(key))
        if node.is_interrupt:
            return node.get_output_type(key) if len(node.data_outputs) > 1 else node.answer_type
    return None


def build_values(
    graph: Graph, texts: Mapping[str, str], map_over: tuple[str, ...] = (), stored: Callable[[str, str], Any] | None = None
) -> dict[str, Any]:
    """Build the values that texts stand for.

    Args:
        graph: whose annotations say what they are.
        texts: name -> text.
        map_over: names whose texts are lists.
        stored: gives a value of a stored run, for texts like "@run:ID".

    Raises:
        Refused: some do not fit.
    """
    values: dict[str, Any] = {}
    problems: dict[str, str] = {}
    for name, text in texts.items():
        annotation = annotation_of(graph, name)
        try:
            if stored is not None and text.startswith(STORED):
                values[name] = stored(text.removeprefix(STORED), name)
            else:
                values[name] = build_list(annotation, text) if name in map_over else build(annotation, text)
        except (FormError, LookupError) as error:
            problems[name] = str(error)
    if problems:
        raise Refused(problems)
    return values
