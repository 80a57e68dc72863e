"""Understand who asks for the start- or end-of-day report."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.plan import Call, Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots

_NOUN = r"(?:reports?|brief(?:s|ing|ings)?|summary|summaries|notes?|wrap(?:[- ]?up)?|recap|pack|review)"
_START = r"(?:s\.?o\.?d|(?:start|beginning|open)[- ]of[- ](?:the[- ])?(?:day|session)|morning|pre[- ]?market|overnight)"
_END = (
    r"(?:e\.?o\.?d|(?:end|close)[- ]of[- ](?:the[- ])?(?:day|session|business)|day[- ]end|evening|closing|"
    r"after[- ]?(?:the[- ])?close|post[- ]?close)"
)


def _asked(kind: str) -> str:
    return (
        rf"\b{kind}\b(?:'s|’s)?(?:,? (?:and|or|&|/) \w+)? {_NOUN}\b|"
        rf"\b{_NOUN} (?:for|of|at|as of|on) (?:the |this |today's )?{kind}\b"
    )


_STARTS = re.compile(_asked(_START) + r"|\bbrief (?:me|us)\b.*\b(?:day|morning|open)\b", re.IGNORECASE)
_ENDS = re.compile(
    _asked(_END)
    + r"|\bwrap(?:ping)?[- ]up (?:the |my |our |today's )?(?:day|session)\b|\bwrap (?:the |my |our )?day up\b|"
    r"\b(?:day|session)(?:'s|’s)? (?:wrap|recap)\b|"
    rf"\bhow (?:did|was|has) (?:the|my|our) day\b.*\b{_NOUN}\b",
    re.IGNORECASE,
)
_BOTH = re.compile(
    rf"\b(?:{_START}) (?:and|&|/) (?:{_END}) {_NOUN}\b|\b(?:start|sod)[- ](?:and|&) (?:end|eod)\b.*{_NOUN}\b",
    re.IGNORECASE,
)
_WHICH = re.compile(rf"\b(?:daily|day|today's|todays) {_NOUN}\b", re.IGNORECASE)
_PLANNED = re.compile(r"\b(?:every|each|schedul\w+|automatic\w*|regularly|always)\b", re.IGNORECASE)
_NOT_ASKED = re.compile(
    r"\b(?:what is|what's|explain|why|when|what time|who|which sections?|how (?:do|does|is|are|can|many|long))\b",
    re.IGNORECASE,
)


def day_report(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of who asks for a start- or end-of-day report, None for any other question."""
    text = reading.text
    both = _BOTH.search(text) is not None
    kinds = [kind for kind, asked in (("start", _STARTS), ("end", _ENDS)) if both or asked.search(text)]
    if slots.symbols or slots.series or slots.group or _NOT_ASKED.search(text):
        return None
    if not kinds and not _WHICH.search(text):
        return None
    if _PLANNED.search(text):
        return Plan(
            outcome="decline",
            say="I make a report when I am asked, such as “end of day report”; nothing here makes it on a schedule.",
            private=True,
        )
    if not kinds:
        return Plan(outcome="clarify", say="Which one: the start-of-day or the end-of-day report?", private=True)
    given: dict[str, Any] = {}
    for found in reading.periods:
        period = found.period
        if period.name == "today" or period.kind == "latest":
            continue
        if period.start is None or period.start != period.end:
            return Plan(outcome="clarify", say="Of which day? A report is of one session.", private=True)
        given = {"session": period.start.isoformat()}
    calls = tuple(Call(name="day_report", args={"kind": kind, **given}) for kind in kinds)
    frame = Frame(topic="day_report", options={"kind": kinds[-1], **given})
    return Plan(outcome="answer", frame=frame, calls=calls, private=True)
