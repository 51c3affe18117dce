"""Answers to interrupts: under which address each is given, whether it fits, and how a pause reads one level up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from hypergraph._text import fix
from hypergraph._typing import fits, format_type
from hypergraph.plan import plan_of
from hypergraph.results import PauseInfo

if TYPE_CHECKING:
    from hypergraph.graph import Graph

__all__ = ["AnswerPort", "answer_ports", "answers_for", "check_answers", "outer_pause", "split_answers", "take_seeds"]


class AnswerPort(NamedTuple):
    """Where an answer goes: the interrupt, with the GraphNodes around it, and which of its outputs."""

    path: str
    interrupt: Any
    output: str


def answer_ports(graph: Graph) -> dict[str, AnswerPort]:
    """Give every address under which an answer may be passed to a run of `graph`."""
    found: dict[str, AnswerPort] = {}
    for node in graph.scope.nodes:
        if node.is_interrupt:
            for output in node.data_outputs:
                found[output] = AnswerPort(node.name, node, output)
        elif node.code is None:
            for inner, port in answer_ports(node.graph).items():  # type: ignore[attr-defined]
                found[_outer(node, inner)] = AnswerPort(f"{node.name}/{port.path}", port.interrupt, port.output)
    return found


def _outer(node: Any, address: str) -> str:
    """Give the address one level up; an answer whose port is not selected there is addressed through the node's name."""
    outer = node.outer_output(address)
    return outer if outer is not None else f"{node.name}.{address}"


def answers_for(node: Any, answers: dict[str, Any]) -> dict[str, Any]:
    """Take those answers out of `answers` that belong inside this GraphNode; each serves one visit."""
    if not answers:
        return {}
    found: dict[str, Any] = {}
    for inner in answer_ports(node.graph):
        outer = _outer(node, inner)
        if outer in answers:
            found[inner] = answers.pop(outer)
    return found


def split_answers(graph: Graph, values: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Split given values into (inputs, answers), and check the answers.

    Raises:
        TypeError: an answer does not fit its interrupt's annotation.
    """
    if not graph.has_interrupts:
        return dict(values), {}
    ports = answer_ports(graph)
    inputs = {name: value for name, value in values.items() if name not in ports}
    answers = {name: value for name, value in values.items() if name in ports}
    check_answers(ports, answers)
    return inputs, answers


def take_seeds(graph: Graph, inputs: dict[str, Any], answers: dict[str, Any]) -> None:
    """Let an answer to a loop's question be the loop's first value where a run starts with a node that reads it.

    In a chat that begins with the reply, the first question was asked outside; what is given under its name is for the reply.
    """
    if not answers:
        return
    plan = plan_of(graph)
    for name in tuple(answers):
        slot = plan.given.get(name)
        read = any(op.entry and slot in argument.slots for op in plan.ops for argument in op.args)
        if read and not any(op.entry for op in plan.ops if name in op.node.data_outputs):
            inputs[name] = answers.pop(name)


def check_answers(ports: Mapping[str, AnswerPort], answers: Mapping[str, Any]) -> None:
    """Refuse an answer that does not fit the handler's annotation, before anything runs.

    Raises:
        TypeError: it names the interrupt, what it expects, and what it got.
    """
    for name, value in answers.items():
        port = ports[name]
        wanted = port.interrupt.answer_type if len(port.interrupt.data_outputs) == 1 else port.interrupt.get_output_type(port.output)
        if wanted is not None and not fits(value, wanted):
            raise TypeError(
                f"The answer {name!r} to interrupt {port.path!r} does not fit: expected {format_type(wanted)}, "
                f"got {type(value).__name__} ({_short(value)}). Nothing was run; the question still waits."
                + fix(f"Pass a value of type {format_type(wanted)}: {{{name!r}: ...}}")
            )


def _short(value: Any) -> str:
    try:
        text = repr(value)
    except Exception:
        return "its repr fails"
    return text if len(text) <= 80 else text[:79] + "…"


def outer_pause(node: Any, pause: PauseInfo) -> PauseInfo:
    """Give an inner graph's pause as the graph around it sees it: with the node's name in front, and keys of its own scope."""
    return PauseInfo(
        node_name=f"{node.name}/{pause.node_name}",
        output_param=pause.output_param,
        value=pause.value,
        output_params=pause.output_params,
        values=pause.values,
        answer_type=pause.answer_type,
        inputs=pause.inputs,
        keys={output: _outer(node, key) for output, key in pause.response_keys.items()},
    )
