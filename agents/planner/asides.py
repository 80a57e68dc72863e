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
    r"statement|presentation|folder|binder|deck|pack|slides?|memo|newsletter|letter|review|file|files|records|"
    r"trustees?|colleagues?|intern|"
    r"regulators?|compliance|principal|principals|chairman|chair|treasurer|founder|family|pitch|call|talk|"
    r"lecture|class|blog"
)
_FOR_A_READER = re.compile(
    r"(?:^|,?\s+)(?:for|before|ahead of|to show(?: to)?|to send to|to give to|to take to)\s+"
    r"(?:(?:my|our|the|a|an|his|her|their|this|next|tomorrow's|today's|tonight's|\w+day's|week's|month's|quarter's|"
    r"investment|risk|oversight|(?:investor|client|trustee|partner|member|donor)s?'|client|board|annual|"
    r"quarterly|monthly|weekly|internal|staff|client|tax|income|expense|(?!next|this|last)\w+'s)\s+)+"
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
# "I've got TSM so I'm nervous": why it is asked.
_OWNS_SO = re.compile(
    r"^\W*(?:i|we)(?:'ve| have|'m| am)? (?:got|own|hold|have|long|sitting on|holding)\b[^.?!\d]*\b(?:so|and|"
    r"which)\b[^.?!\d]*"
    r"\b(?:nervous|worried|worry|scared|anxious|curious|concerned|panick\w+|freak\w+|asking|wondering|care|sleep\w*)\b",
    re.I,
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


# "... so I can block the calendar", "... that somebody with savings should know about".
_SO_THAT = re.compile(
    r",?\s+so (?:that )?(?:i|we|they|he|she) (?:can|could|may|might|know|will|don't|do not)\b[^.?!;\d]*(?=[.?!;]|$)",
    re.I,
)
_FOR_WHOM = re.compile(
    r"\s+(?:that |which )?(?:i|we|one|you|somebody|someone|anyone|people|(?:an? |the )?(?:retired |small |long-term )?"
    r"(?:person|investor|saver|holder|trader|pensioner|retiree)s?)\b[^.?!,;\d]{0,60}?"
    r"\b(?:should|ought to|need to|must|would want to) (?:know|worry|care|hear|think|be aware|keep an eye)"
    r"(?: about| of| on)?(?=\s*[.?!,;]|$)",
    re.I,
)


def without_reader(question: str) -> str:
    """Return a question without whom its answer is for; the question itself where nothing else would be left."""
    clauses = re.split(r"(?<=[.!?;])\s+", question)
    kept = " ".join(clause for clause in clauses if not _OWNS_SO.search(clause))
    rest = _FOR_WHOM.sub("", _SO_THAT.sub("", _FOR_A_READER.sub("", kept or question))).strip()
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
