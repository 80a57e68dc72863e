"""Understand questions on what the desk has stored: of which instruments, since when, from whom, with which gaps."""

from __future__ import annotations

import re

from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots

_THEY = r"(?:you|u|we|ya|they|it|the desk|this desk|you guys|the system|the database)"
_HAVE = r"(?:have|got|carry|cover|hold|keep|stock|store|offer|track|know|include|support|provide|do)"
# "You got toncoin? since when", "do you even have data on pepe", "is GME in there".
_HAS_IT = re.compile(
    rf"^\W*(?:(?:so|hey|ok|and|also|please|pls|can you tell me (?:if|whether)) )*(?:(?:do|does|did|have|has|can) "
    rf")?{_THEY} "
    rf"(?:guys |even |also |actually |already |still |happen to )*{_HAVE}\b(?! (?:i|we|you|it)\b)|"
    r"^\W*(?:(?:so|hey|ok) )*(?:got|have) (?:any |some )?(?:data|prices|history|anything|stuff|numbers|quotes)\b|"
    r"\b(?:is|are)\b.*\b(?:in there|in here|available|covered|included|supported|stored|on here|in the (?:database|"
    r"data|"
    r"universe|system))\b",
    re.I,
)
_SINCE_WHEN = re.compile(
    r"\b(?:since|from|starting) (?:when|what|which)\b|\bhow (?:far|many years|long) back\b|\bhow far\b.*\bback\b|"
    r"\bhow (?:many|much) (?:years?|months|days|sessions|bars|data|history)\b.*\b(?:data|history|prices?|numbers|"
    r"stored?|"
    r"keep|kept|have|got|hold|back|go)\b|"
    r"\b(?:last|latest|newest|most recent) (?:available |stored )?(?:date|day|session|bar|entry|data "
    r"?point)\b.*\b(?:you|u|"
    r"we|desk|database)\b.*\b(?:have|got|hold|keep|stored?)\b|"
    r"\b(?:first|earliest|oldest) (?:available |stored |recorded |known )?"
    r"(?:date|day|session|bar|price|record|data ?point|entry|observation|year)\b.*\b(?:have|got|hold|keep|stored?|"
    r"data|history|"
    r"on record|available|for|of|database)\b|"
    r"\b(?:through|up to|until|as of|since) (?:what|which) (?:date|day|year)\b|\bwhen do(?:es)? (?:the|your|our)\b.*"
    r"\b(?:start|begin|end)\b",
    re.I,
)
_BY_WHOM = re.compile(
    r"\b(?:which|what|whose|who) (?:data )?(?:vendors?|sources?|feeds?|providers?)\b|\b(?:vendors?|sources?|"
    r"providers?|feeds?) "
    r"(?:of|for|behind)\b|\bwhere do(?:es)?\b.*\b(?:data|prices?|numbers|history|bars)\b.*\bcome from\b|\bwho "
    r"(?:supplies|"
    r"provides|delivers)\b",
    re.I,
)
_DIFFER = re.compile(r"\b(?:dis)?agree\w*|\bdiffer\w*|\bconflict\w*|\bdiscrepan\w+|\boverlap\w*", re.I)
_HOLES = re.compile(
    r"\b(?:gaps?(?! (?:up|down|higher|lower)\b)|holes?|missing (?:days?|sessions?|bars?|data|values?|prices?))\b", re.I
)
_WHAT_IS_THERE = re.compile(
    rf"\b(?:which|what|how many)\b[^.?!]*\b(?:{_THEY} (?:even |actually |currently )*{_HAVE}|(?:can|may|could) (?:i|"
    rf"we|you) (?:ask|"
    r"do|use|query|trade|look|see|get)|(?:are|is) (?:available|stored|covered|there|included|supported)|available)\b|"
    r"\bhow (?:fresh|current|recent|old|stale|up[- ]to[- ]date)\b",
    re.I,
)
_MEASURES = (
    "return", "volatility", "sharpe", "drawdown", "beta", "correlation", "rsi", "sma", "ema", "macd", "volume",
    "sentiment", "news", "earnings", "dividend", "split", "pnl", "cash", "orders", "fills", "proposals", "backtest",
    "stress", "simulate", "risk", "var", "size", "buy", "sell", "exposure", "weight", "nav", "calendar", "event",
    "geopolitical", "best", "worst", "above", "below", "average", "maximum", "minimum", "high", "low", "open",
    "statistic", "clusters", "optimise", "train", "help", "limit", "spread", "growth", "yoy", "cost",
)  # fmt: skip
_MINE = re.compile(r"\b(?:my|our|mine|ours|i|we) (?:own|hold|have|got|position|book|portfolio)\b|\b(?:my|our)\b", re.I)


# "How far does it go", "what do you keep": words that ask no figure here.
_EMPTY = frozenset({"do", "did", "does", "done", "go", "goes", "gone", "up", "down", "went"})


def _is_measured(reading: Reading, *measures: str) -> bool:
    """Say whether a figure of one of these kinds is asked for."""
    return any(
        span.kind == "concept" and span.value in measures and reading.words[span.start].low not in _EMPTY
        for span in reading.spans
        if span.start >= 0
    )


def stored(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of a question on what is stored; None where a figure is asked for."""
    text = reading.text
    if _MINE.search(re.sub(r"\b(?:my|our|your) (?:data|prices|history|sources?|vendors?|feeds?)\b", " ", text)):
        return None
    named = bool(slots.symbols or slots.series or slots.group)
    if _BY_WHOM.search(text) and not _is_measured(reading, *(set(_MEASURES) - {"open"})):
        compared = {"compare": True} if _DIFFER.search(text) else {}
        return _coverage(slots, compared)
    dated = _SINCE_WHEN.search(text) is not None
    holes = _HOLES.search(text) is not None and named and not reading.has("backtest", "open", "close")
    asked = (dated and named) or holes
    kinds = _WHAT_IS_THERE.search(text) is not None and not slots.symbols
    of_something = named or reading.has("coverage", "universe") or bool(reading.leftovers())
    has_it = _HAS_IT.search(text) is not None and of_something
    if _is_measured(reading, *_MEASURES):
        of_kinds = reading.has("news", "earnings", "calendar") and reading.has("coverage", "universe")
        freely = of_kinds and (kinds or has_it)
        return _coverage(slots, {}) if freely and not named else None
    if asked or kinds or has_it:
        return _coverage(slots, {})
    return None


def _coverage(slots: Slots, options: dict[str, bool]) -> Plan:
    if slots.group and not slots.symbols:
        return Plan(outcome="answer", frame=Frame(topic="metric", metric="coverage", group=slots.group))
    return Plan(outcome="answer", frame=Frame(topic="coverage", symbols=slots.symbols, options=dict(options)))
