"""Tell a question that turns on something that nobody named, such as the two funds, and one that is only a name."""

from __future__ import annotations

import re

from agents.planner.periods import LATEST
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots

# "The two funds", "that stock", "the position": something that was never named.
_UNNAMED = re.compile(
    r"\b(?:(?:the|that|this|my|our|said) (?:same )?(?:stock|fund|etf|coin|token|share|company|ticker|symbol|"
    r"instrument|pair)"
    r"|(?:the|those|these|both|my|our)(?: the| of the| of those)? (?:two|three|four|2|3|4|pair of|other|others)? ?"
    r"(?:funds|stocks|etfs|coins|tokens|companies|tickers|symbols|instruments|positions)(?<=s)"
    r"|(?:the|that|this) (?:\w+ )?position)\b"
    r"(?! (?:market|with|that|which|whose|sizes?|of|in|limit|has|had|markets?|exchange|i|we|you|symbols?|"
    r"prices?|they|split)\b)",
    re.I,
)
_THEY_REPORT = re.compile(
    r"\b(?:when|how|what) (?:do|does|did|is|are|was|were|will) (?:they|it|their|its)\b.*\b(?:report|pay|split|earn)\w*",
    re.I,
)
_UNNAMED_ACT = re.compile(
    r"\b(?:trim|sell|close|cut|reduce|exit|hedge|double|add to|increase|size|compare|beta|flatten)\b", re.I
)


def is_unnamed(reading: Reading, slots: Slots) -> bool:
    """Say whether a question turns on something that nobody named."""
    if _THEY_REPORT.search(reading.text) and not slots.symbols and slots.group is None:
        return True
    found = _UNNAMED.search(reading.text)
    named = slots.symbols or slots.series or slots.topics or reading.values("place")
    if not found or named or reading.has("best", "worst", "when", "count", "optimise", "coverage", "news", "orders"):
        return False
    several = re.search(r"s$", found[0]) is not None
    if several and not re.search(r"\b(?:two|three|four|2|3|4|pair|both|those|these)\b", found[0], re.I):
        return False
    held = "position" in found[0].lower()
    return bool(_UNNAMED_ACT.search(reading.text)) if held or several else not reading.has("portfolio", "risk", "nav")


def only_a_name(reading: Reading, slots: Slots) -> Plan | None:
    """Return the newest price of a symbol that is asked for by its name alone: "vix?"."""
    more = reading.concepts() or reading.numbers or slots.periods or slots.series or slots.group or slots.topics
    named = sum(span.end - span.start for span in reading.spans if span.kind == "symbol")
    alone = len(slots.symbols) == 1 and not more and len(reading.words) == named + 1
    if not alone or reading.words[-1].raw != "?":
        return None
    return Plan(outcome="answer", frame=Frame(topic="metric", metric="close", symbols=slots.symbols, period=LATEST))
