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
    """Give the annotation of an input, of an output, or of an answer; `NOTHING` where there is none."""
    for node in graph.nodes.values():
        if name in node.inputs:
            found = node.get_input_type(name)
            if found is not None:
                return found
    for node in graph.nodes.values():
        if name in node.data_outputs:
            answer = getattr(node, "answer_type", None) if node.is_interrupt else None
            found = answer if answer is not None else node.get_output_type(name)
            if found is not None:
                return found
    return NOTHING


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
