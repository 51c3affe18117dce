"""Questions in loops, beside gates, and below nested graphs."""

from __future__ import annotations

import pytest

from hypergraph import END, AsyncRunner, Graph, InputOverrideRequiresForkError, RunStatus, ifelse, interrupt, node, route
from hypergraph.checkpointers import MemoryCheckpointer, WorkflowStatus


@interrupt(output_name="user", wait_for="answered")
def ask(messages: list[str]) -> str | None:
    return None


@node(output_name="messages", emit="answered")
def reply(messages: list[str], user: str) -> list[str]:
    return [*messages, user]


@route(targets=["ask", END])
def more(messages: list[str]) -> object:
    return END if len(messages) >= 3 else "ask"


CHAT = Graph([reply, ask, more], entrypoint="reply")


async def test_a_chat_that_starts_with_the_reply_takes_the_first_answer_as_its_start() -> None:
    """Its question comes in the second round, and is answered under the same name."""
    runner = AsyncRunner(checkpointer=MemoryCheckpointer())
    result = await runner.run(CHAT, messages=[], user="one", workflow_id="chat")
    assert result.paused
    assert result.pause.value == ["one"]
    result = await runner.run(CHAT, user="two", workflow_id="chat")
    assert result.paused
    result = await runner.run(CHAT, user="three", workflow_id="chat")
    assert result.completed
    assert result["messages"] == ["one", "two", "three"]


async def test_so_does_one_whose_question_is_asked_inside_a_nested_graph() -> None:
    """The answer's address is the node's output."""

    @interrupt(output_name="user")
    def inside(messages: list[str]) -> str | None:
        return None

    @route(targets=["talk", END])
    def on(messages: list[str]) -> object:
        return "talk"

    nested = Graph([inside], name="talk").as_node()
    result = await AsyncRunner().run(Graph([reply, nested, on], entrypoint="reply"), messages=[], user="one")
    assert result.paused
    assert result.pause.node_name == "talk/inside"
    assert result["messages"] == ["one"]


@interrupt(output_name="decision")
def review(draft: int) -> str | None:
    return None


@node(output_name="decision")
def auto(draft: int) -> str:
    return "auto"


@ifelse(when_true="review", when_false="auto")
def doubtful(draft: int) -> bool:
    return draft > 5


@node(output_name="sent")
def send(decision: str) -> str:
    return decision


@pytest.mark.parametrize(("draft", "sent"), [(1, "auto"), (10, "fine")])
async def test_an_answer_for_a_branch_that_is_not_taken_has_no_effect(draft: int, sent: str) -> None:
    """The name is the interrupt's and the other branch's: only a question uses the answer."""
    graph = Graph([doubtful, review, auto, send])
    result = await AsyncRunner().run(graph, draft=draft, decision="fine")
    assert result["sent"] == sent


async def test_a_failing_sibling_wins_over_a_question() -> None:
    """The run has failed; nothing is asked."""

    @node(output_name="other")
    async def broken(draft: int) -> int:
        raise ValueError("broken")

    result = await AsyncRunner().run(Graph([review, broken]), draft=1, error_handling="continue")
    assert result.status is RunStatus.FAILED
    assert result.pauses == ()


async def test_all_runs_of_a_nested_question_pause_and_complete_together() -> None:
    """Only the full address answers; the children go on where they were."""
    calls = []

    @node(output_name="draft")
    def write(topic: str) -> int:
        calls.append(topic)
        return 1

    inner = Graph([write, review], name="inner").as_node(namespaced=True)
    graph = Graph([Graph([inner], name="middle").as_node(namespaced=True)])
    store = MemoryCheckpointer()
    runner = AsyncRunner(checkpointer=store)
    result = await runner.run(graph, {"middle.inner.topic": "t"}, workflow_id="w")
    runs = ("w", "w/middle", "w/middle/inner")
    assert (result.pause.node_name, result.pause.response_key) == ("middle/inner/review", "middle.inner.decision")
    assert [store.get_run(run).status for run in runs] == [WorkflowStatus.PAUSED] * 3
    with pytest.raises(InputOverrideRequiresForkError):
        await runner.run(graph, {"inner.decision": "yes"}, workflow_id="w")
    result = await runner.run(graph, {"middle": {"inner": {"decision": "yes"}}}, workflow_id="w")
    assert result["middle.inner.decision"] == "yes"
    assert [store.get_run(run).status for run in runs] == [WorkflowStatus.COMPLETED] * 3
    assert calls == ["t"]
