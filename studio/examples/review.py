"""A draft waits for a person: approve it, have it revised, or let it go.

A run of `review` pauses at `approval`. The answer is one of three words, and a screen can offer just these, because the handler's
annotation names them. "revise" leads to a second question, `wishes`; its answer goes back into `write`, and the new draft waits
for approval again. Interrupts need the AsyncRunner; without a screen, answering is running again with the answer:

    result = await AsyncRunner().run(review)
    result = await AsyncRunner().run(review, {result.pause.response_key: "publish"})
"""

from __future__ import annotations

from typing import Literal

from hypergraph import END, Graph, interrupt, node, route

Verdict = Literal["publish", "revise", "discard"]


@node(output_name="draft")
def write(topic: str = "graphs of plain functions", audience: str = "people who have to run things", wish: str = "") -> str:
    """Write a draft; a wish from the last round is taken up."""
    lines = [
        f"# {topic.capitalize()}",
        "",
        f"This note about {topic} is for {audience}.",
        "A function says what it needs by the names of its parameters. Naming what it gives is all the wiring there is.",
    ]
    if wish:
        lines += ["", f"You asked for this change: {wish}"]
    return "\n".join(lines)


@interrupt(output_name="verdict")
def approval(draft: str) -> Verdict | None:
    """Ask whether the draft may go out; an empty one is not worth the question."""
    return None if draft.strip() else "discard"


@route(targets={"publish": "it goes out", "wishes": "say what to change", END: "nothing is published"})
def decide(verdict: Verdict) -> str:
    """Follow the verdict."""
    return {"publish": "publish", "revise": "wishes"}.get(verdict, END)


@interrupt(output_name="wish")
def wishes(draft: str) -> str | None:  # noqa: ARG001  # the draft is what the person sees beside the question
    """Ask what to change."""
    return None


@node(output_name="published")
def publish(draft: str, signature: str = "The editors") -> str:
    """Sign the draft; a real one would send it."""
    return f"{draft}\n\n{signature}"


review = Graph([write, approval, decide, wishes, publish], name="review", entrypoint="write")
