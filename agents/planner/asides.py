"""Leave out what a question says beside the point: whom the answer is for, how the person feels, why they ask."""

from __future__ import annotations

import re
from collections.abc import Collection
from datetime import date

from agents.planner.reading import read
from agents.planner.universe import Universe

# "for Thursday's committee", "for the board pack": who reads the answer says nothing about what is asked.
_READERS = (
    r"committee|board|meeting|clients?|boss|pm|partners?|wife|husband|spouse|auditors?|accountants?|investors?|"
    r"statement|presentation|folder|binder|deck|pack|slides?|memo|newsletter|letter|review|file|files|records|trustees?|colleagues?|intern|"
    r"regulators?|compliance|pitch|call|talk|lecture|class|blog"
)
_FOR_A_READER = re.compile(
    r"(?:^|,?\s+)(?:for|before|ahead of|to show(?: to)?|to send to|to give to|to take to)\s+"
    r"(?:(?:my|our|the|a|an|his|her|their|this|next|tomorrow's|today's|tonight's|\w+day's|week's|month's|quarter's|"
    r"investment|risk|oversight|(?:investor|client|trustee|partner|member|donor)s?'|client|board|annual|quarterly|monthly|weekly|internal|staff|client|tax|income|expense)\s+)+"
    rf"(?:{_READERS})\b(?!\s+(?:decisions?|minutes|of|meets?|votes?|announces?)),?",
    re.I,
)
_CLAUSE = re.compile(
    r"(?<=[.!?;])\s+|(?<=[a-z]):\s+|\s+-{1,2}\s+|\s*—\s*|\s*–\s+|,\s+(?=(?:because|since I|as I|as we|so that|"
    r"so I|I (?:want|need|would like|will|plan|have) to)\b)"
)
# "I remember when it was only a mill": what a person feels or remembers narrows nothing.
_MEMORY = re.compile(
    r"^\W*i(?:'m| am|'ve| have| was)? (?:also )?(?:remember|recall|love|hate|like|miss|feel|hope|wish|fear)\b", re.I
)
# What narrows, asks or orders is never beside the point.
_MATTERS = re.compile(
    r"\b(?:if|unless|only|except|but|not|never|without|until|no|nothing|exclud\w*|ignor\w*|instead|rather|what|how|"
    r"which|who|when|where|why|show|give|list|tell|compute|use|using|assume|include|including|than|per|by|also|then|"
    r"buy|sell|approve|reject|cancel|delete|send)\b|\d|\?",
    re.I,
)


LEAVE_IT_OUT = "Or say “leave it out”, and I answer the rest."
_LEAVE_OUT = re.compile(
    r"^\W*(?:(?:yes|yeah|yep|ok|okay|sure|please|then|just|fine|well|never ?mind)\W+)*"
    r"(?:(?:leave|take) (?:it|that|this|them|those|these|the words?|that word|those words) out|"
    r"(?:ignore|drop|skip|omit|forget|leave out|without) "
    r"(?:it|that|this|them|those|these|that word|those words|the words?)|"
    r"(?:answer|do|give me|show me) the rest|yes|yeah|yep|ok|okay|sure|never ?mind that)"
    r"(?:\W+(?:please|then|thanks|and answer (?:the rest|it)))*\W*$",
    re.I,
)


def is_to_leave_out(question: str) -> bool:
    """Say whether a person agrees that the words asked about are left out."""
    return bool(_LEAVE_OUT.match(question))


def without_words(question: str, words: Collection[str]) -> str:
    """Return a question without some words; empty where there are none, or where one is a number.

    A number that is left out makes another question.
    """
    if not words or not all(re.fullmatch(r"[A-Za-z][A-Za-z'-]*", word) for word in words):
        return ""
    rest = question
    for word in words:
        rest = re.sub(rf"(?<![\w'-]){re.escape(word)}(?:'s)?(?![\w'-])", " ", rest, flags=re.I)
    rest = " ".join(rest.split())
    return rest if rest != " ".join(question.split()) else ""


def without_reader(question: str) -> str:
    """Return a question without whom its answer is for; the question itself where nothing else would be left."""
    rest = _FOR_A_READER.sub("", question).strip()
    return rest if len(rest.split()) > 1 else question


def without_asides(
    question: str, unknown: Collection[str], universe: Universe, today: date
) -> tuple[str, tuple[str, ...]] | None:
    """Return a question without the clauses that hold unknown words and name nothing of the desk, and those clauses.

    None when no clause can be left out or none would remain.
    """
    clauses = [clause for clause in _CLAUSE.split(question) if clause and clause.strip(" .,;!?")]
    aside = tuple(clause.strip() for clause in clauses if _is_aside(clause, unknown, universe, today))
    kept = [clause for clause in clauses if clause.strip() not in aside]
    return (" ".join(kept), aside) if aside and kept else None


def _is_aside(clause: str, unknown: Collection[str], universe: Universe, today: date) -> bool:
    if _MATTERS.search(clause) and not (_MEMORY.search(clause) and not re.search(r"\d|\?", clause)):
        return False
    reading = read(clause, universe, today)
    named = any(span.kind != "concept" for span in reading.spans)
    return not named and bool(set(reading.leftovers()) & set(unknown))
