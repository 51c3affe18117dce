"""Rewrite a text until it is easy to read: a loop that a gate ends.

`measure` gives the text a score and lists what could be simpler. `good_enough` compares the score with the target: it either
sends the text to `simplify`, which makes one round of edits and so starts the next turn, or on to `finish`. The score is Flesch's
reading ease: 100 is very easy, 60 is plain English, below 30 is hard even for readers with a degree.
"""

from __future__ import annotations

import re

from hypergraph import Graph, node, route

SAMPLE = """\
It is necessary that all personnel endeavour to utilize the aforementioned facility in an appropriate manner; approximately
half of the participants have commenced the additional assessment, and the remainder will be notified subsequent to the
termination of the evaluation. In the event that assistance is required, individuals are requested to communicate with the
administration prior to the commencement of the session, which demonstrates the importance of sufficient preparation."""

_PHRASES = {
    "it is necessary that": "please see that",
    "in the event that": "if",
    "in an appropriate manner": "well",
    "subsequent to": "after",
    "prior to": "before",
    "are requested to": "should",
}
_WORDS = {
    "additional": "next",
    "administration": "office",
    "aforementioned": "said",
    "approximately": "about",
    "assessment": "test",
    "assistance": "help",
    "commenced": "begun",
    "commencement": "start",
    "communicate with": "tell",
    "demonstrates": "shows",
    "endeavour": "try",
    "evaluation": "test",
    "facility": "room",
    "importance": "use",
    "individuals": "you",
    "notified": "told",
    "participants": "group",
    "personnel": "staff",
    "preparation": "care",
    "remainder": "rest",
    "required": "needed",
    "sufficient": "enough",
    "termination": "end",
    "utilize": "use",
}
_JOINTS = {"; ": ". ", ", and ": ". ", ", which ": ". This "}


@node(output_name=("score", "edits"))
def measure(text: str) -> tuple[float, list[str]]:
    """Score the text, and list what could be simpler: wordy phrases first, then long words, then long sentences."""
    sentences = max(len(re.findall(r"[.!?](?:\s|$)", text)), 1)
    words = re.findall(r"[A-Za-z']+", text)
    syllables = sum(_syllables(word) for word in words)
    score = 206.835 - 1.015 * len(words) / sentences - 84.6 * syllables / max(len(words), 1)
    for rules in (_PHRASES, _WORDS, _JOINTS):
        if found := [old for old in rules if old in text.lower()]:
            return round(score, 1), found
    return round(score, 1), []


def _syllables(word: str) -> int:
    groups = len(re.findall(r"[aeiouy]+", word.lower()))
    silent = word.lower().endswith("e") and not word.lower().endswith("le")
    return max(groups - silent, 1)


@route(targets={"simplify": "below the target", "finish": "easy enough, or nothing left to try"})
def good_enough(score: float, edits: list[str], target: float = 70.0) -> str:
    """Go on until the target is met."""
    return "simplify" if score < target and edits else "finish"


@node(output_name="text")
def simplify(text: str, edits: list[str], edits_per_round: int = 6) -> str:
    """Make the next few edits."""
    simpler = {**_PHRASES, **_WORDS, **_JOINTS}
    for old in edits[:edits_per_round]:
        text = re.sub(re.escape(old), simpler[old], text, flags=re.IGNORECASE)
    return re.sub(r"(?:^|(?<=\. ))[a-z]", lambda first: first[0].upper(), text)


@node(output_name="verdict")
def finish(text: str, score: float, target: float = 70.0) -> str:
    """Say how it ended."""
    outcome = "met" if score >= target else "not met"
    return f"Reading ease {score:.0f}, target {target:.0f} {outcome}, {len(text.split())} words"


refine = Graph([measure, good_enough, simplify, finish], name="refine", entrypoint="measure").bind(text=SAMPLE)
