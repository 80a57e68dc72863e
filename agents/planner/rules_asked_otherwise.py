"""Understand prices asked for in other words: the change without dividends, the opening, what was bought once."""

from __future__ import annotations

import re

from agents.planner.periods import Period, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.rules_book import had_held
from agents.planner.slots import Slots
from agents.planner.universe import Universe


def price_only(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the change of the price, where dividends are to be left out."""
    others = reading.has("volatility", "sharpe", "sortino", "drawdown", "correlation", "beta", "cagr", "chart")
    said = reading.has("without_dividends") or _PRICE_CHANGE.search(reading.text) is not None
    if not said or not slots.symbols or others or reading.has("best", "worst", "count", "when"):
        return None
    frame = Frame(
        topic="metric",
        metric="price_change",
        symbols=slots.symbols,
        period=unless_latest(slots.period),
        grain=slots.grain,
    )
    return Plan(outcome="answer", frame=frame)


_PRICE_CHANGE = re.compile(
    r"\b(?:how much|by (?:how|what)|how far)\b.*\bprices?\b.*\b(?:changed?|moved?|rise|rose|risen|fall|fell|fallen|"
    r"climb\w*|drop\w*|gone? (?:up|down))\b|"
    r"\bprice (?:change|move(?:ment)?)\b|\bchange in (?:the )?price\b",
    re.I,
)


def opened(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the opening price of "where did TSLA open on 7 April"."""
    one_day = slots.period is not None and slots.period.start == slots.period.end
    left = reading.leftovers() == ("open",) and reading.concepts() <= {"close", "pronoun"}
    bare = left and one_day and not _IS_OPEN.search(reading.text)
    if not (bare or _DID_OPEN.search(reading.text)) or not slots.symbols:
        return None
    period = unless_latest(slots.period)
    return Plan(outcome="answer", frame=Frame(topic="metric", metric="open", symbols=slots.symbols, period=period))


_IS_OPEN = re.compile(r"\b(?:is|are|was|were|markets?|orders?|positions?|trades?|still)\b", re.I)
_DID_OPEN = re.compile(
    r"\bwhere (?:did|does|will) .{1,40}\bopen\b|\bwhat .{0,12}\b(?:did|does) .{1,40}\bopen (?:at|on)\b", re.I
)


def quiet_day(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Ask by what a day was quiet: it may be by its volume or by its move."""
    if not slots.symbols or not _QUIET_DAY.search(reading.text) or reading.has("volume", "return", "change", "close"):
        return None
    say = "Quiet by what: the lowest volume, or the smallest move? For example “lowest volume day of KO in 2025”."
    return Plan(outcome="clarify", say=say)


_QUIET_DAY = re.compile(r"\b(?:quietest|calmest)(?: single| trading)? (?:day|session|week)s?\b", re.I)


def imagined(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Return the performance of what one might have held, which says the return in all and per year."""
    bought = _BOUGHT_THEN.search(reading.text) is not None
    if not slots.symbols or not had_held(reading) or not (bought or reading.has("return", "cagr", "pnl")):
        return None
    period = unless_latest(slots.period)
    if period is not None and period.start is not None and bought:
        period = Period(kind="range", start=period.start, text=f"since {period.start}")
    frame = Frame(topic="performance", symbols=slots.symbols, period=period, wants=("return",))
    return Plan(outcome="answer", frame=frame)


# What was bought then is held since then.
_BOUGHT_THEN = re.compile(
    r"\b(?:bought|buy|purchased|invested|put|got in|gone in|jumped in|aped)\b(?!.*\b(?:and|then) (?:sold|sell))", re.I
)
