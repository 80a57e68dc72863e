"""Ask something new of what was talked about."""

from __future__ import annotations

import re
from dataclasses import replace

from agents.planner.plan import SUBJECT_TOPICS, Frame, Plan
from agents.planner.reading import Reading, Span
from agents.planner.rules import first_rule
from agents.planner.slots import Slots, take_slots
from agents.planner.universe import Universe

_NOW_THAT = re.compile(r"\W*(?:and |ok |so )?now (?:the|its|their|for|with|as|show|do|on|in)\b", re.I)


def same_subject(reading: Reading, slots: Slots, universe: Universe, previous: Frame) -> Plan | None:
    """Ask something new of the same symbols: "and its Sharpe?", "is that above my cost?"."""
    reading.spans[:0] = [Span(kind="symbol", value=symbol, start=-1, end=-1) for symbol in previous.symbols]
    widened = take_slots(reading, universe)
    if widened.period is not None and widened.period.kind == "latest" and _NOW_THAT.match(reading.text):
        widened = replace(widened, period=None)  # "now the volumes" turns to the next thing; it names no time
    ahead = re.search(r"\b(?:next|upcoming|coming)\b", reading.text, re.I)
    if (
        not ahead
        and widened.period is None
        and previous.period is not None
        and previous.period.kind != "latest"
        and not reading.has("cost", "pnl", "buy", "sell", "news")
    ):
        widened = replace(widened, period=previous.period)
    return first_rule(reading, widened, universe, previous)


def _topic_of(series: tuple[str, ...], universe: Universe) -> str:
    """Return the release that a macro series comes with: "when does its next figure come out"."""
    from core.query.catalog import find_macro

    concept = find_macro(series[0]) if series else None
    words = (concept.name, concept.title.lower(), *concept.synonyms) if concept else ()
    return next((universe.topics[word] for word in words if word in universe.topics), "")


def same_series(reading: Reading, universe: Universe, previous: Frame) -> Plan | None:
    """Ask something new of the same macro series: "when was it last above 9 percent?"."""
    for series in previous.series:
        reading.spans.append(Span(kind="macro", value=series, start=-1, end=-1))
    widened = take_slots(reading, universe)
    if reading.has("calendar") and (topic := _topic_of(previous.series, universe)):
        widened = replace(widened, topics=(topic,), series=())
    elif widened.period is None and previous.period is not None and not reading.has("when", "chart"):
        widened = replace(widened, period=previous.period)
    return first_rule(reading, widened, universe, previous)


# Words that look among many; news, unlike a ranking, is not of many because "any" is said.
_SEARCHES = re.compile(
    r"\b(?:which|who|whose|all|every\w*|top|best|worst|most|least|names?|movers?|gainers?|losers?|leaders?|list|rank\w*|"
    r"market|stocks?|etfs?|funds?|coins?|compan(?:y|ies)|symbols?|tickers?|across|universe)\b",
    re.I,
)
_ANY = re.compile(r"\bany(?:thing|one|body)?\b", re.I)
_OF_NEWS = frozenset({"news", "news_count", "sentiment"})
# Calendars make sense without a subject, those of instruments only for a stretch of days: "earnings this week".
_OF_EVERYBODY = frozenset({"economic_events", "geopolitical_events", "coverage"})
_OF_DAYS = frozenset({"earnings_dates", "earnings_surprise", "dividends", "splits"})
_OF_TWO = ("correlation", "beta", "spread", "ratio")
# Words that point at something, or compare, and measure nothing.
_POINTS = frozenset({"pronoun", "same", "say", "when", "above", "below", "compare", "each", "large", "add", "thanks"})
_MOST_WORDS = 12


def of_the_subject_before(
    plan: Plan | None, reading: Reading, slots: Slots, universe: Universe, previous: Frame | None
) -> Plan | None:
    """Return the plan of a turn that lacks a subject, or is nothing but a measure, for the subject of the turn before.

    None where it has a subject, stands on its own, or is not understood of that subject either.
    """
    if previous is None or reading.has("portfolio") or not reading.concepts() - _POINTS:
        return None
    of_two = len(slots.symbols) == len(previous.symbols) == 1 and reading.has(*_OF_TWO)
    if (slots.symbols and not of_two) or slots.series or slots.group or slots.topics:
        return None
    if not (plan is None or plan.outcome == "clarify" or _is_bare(plan, reading, slots)):
        return None
    before = list(reading.spans)
    if previous.series:
        found = same_series(reading, universe, previous)
    elif previous.symbols and previous.topic in SUBJECT_TOPICS:
        found = same_subject(reading, slots, universe, previous)
    else:
        return None
    if found is not None and found.outcome in ("answer", "needs_approval"):
        return found
    reading.spans[:] = before
    return None


def _is_bare(plan: Plan, reading: Reading, slots: Slots) -> bool:
    """Say whether a turn is nothing but a measure of instruments: "rsi?", "any news?", "next earnings?"."""
    frame = plan.frame
    if frame is None or frame.topic != "metric" or frame.symbols or frame.series or frame.metric in _OF_EVERYBODY:
        return False
    stretch = slots.period is not None and slots.period.kind not in ("latest", "next")
    week_ahead = slots.period is not None and slots.period.kind == "next" and slots.period.end is not None
    if frame.metric in _OF_DAYS and (stretch or week_ahead):
        return False
    searches = _SEARCHES.search(reading.text) or (frame.metric not in _OF_NEWS and _ANY.search(reading.text))
    return not searches and len(reading.words) <= _MOST_WORDS
