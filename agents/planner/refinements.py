"""Refine what was shown in a turn of few words: of how much of it is held, by how severe, which one, the day before."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Any

from agents.planner.changed_runs import own_concepts
from agents.planner.plan import SUBJECT_TOPICS, Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots
from agents.planner.universe import Universe

_HOW_MUCH_HELD = re.compile(
    r"\bhow (?:many|much)(?: of (?:it|them|that|those))?(?: (?:shares?|coins?|units?))? (?:do|did) (?:i|we) "
    r"(?:own|have|hold|got)\b|\bdo (?:i|we) (?:own|have|hold) (?:any|some|it|them|that)\b",
    re.I,
)
_AGAINST = re.compile(r"^\W*(?:and |or |ok )*(?:vs\.?|versus|against|compared (?:to|with)|relative to)\b", re.I)
_SEVERE = re.compile(r"\b(?:severe|serious|major|big|worst|high|highest|important)\b", re.I)
_ONE_OF_THEM = re.compile(r"\bwhich (?:one|of (?:them|these|those))\b|\bwhich(?: \w+)? (?:is|was|did)\b", re.I)
_DAY_BEFORE = re.compile(r"\b(?:the )?(?:day|session) before\b", re.I)
_ANNUALISED = re.compile(r"\b(?:annuali[sz]ed?|per (?:year|annum)|a year|p\.?a\.?)\b", re.I)
_THAT_MANY = re.compile(
    r"\b(?:that (?:many|much|number|amount|size)|those|these|them|it|do (?:it|that)|go ahead|that)\b", re.I
)
_BY = re.compile(
    r"^\W*(?:(?:ok|now|and|then|please|rank|sort|order|ranked|sorted|them|it|those|instead) )*(?:by|on)\b", re.I
)
_RANKED_BY = {
    "return": "return",
    "sharpe": "sharpe_ratio",
    "sortino": "sortino_ratio",
    "volatility": "volatility",
    "drawdown": "max_drawdown",
    "beta": "beta",
    "volume": "volume",
    "rsi": "rsi",
}
_OF_PAIRS = frozenset({"price_ratio", "price_spread", "macro_spread"})


def refined(reading: Reading, slots: Slots, universe: Universe, previous: Frame) -> Plan | None:
    """Return the plan of a turn that refines what was shown; None for any other."""
    return (
        _held(reading, slots, previous)
        or _account_against(reading, slots, previous)
        or _bought_as_sized(reading, slots, previous)
        or _by_severity(reading, slots, previous)
        or _ranked_by(reading, slots, previous)
        or _one_of_them(reading, slots, previous)
        or _day_before(reading, slots, universe, previous)
        or _annualised(reading, slots, previous)
        or _of_the_pair(reading, slots, previous)
        or _drawn(reading, slots, previous)
    )


def _unnamed(reading: Reading, slots: Slots) -> bool:
    return not (slots.symbols or slots.series or slots.group or slots.topics or reading.leftovers())


def _held(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Show what is held of the symbols talked about: "how many do I own?"."""
    if previous.topic not in SUBJECT_TOPICS or not previous.symbols or not _unnamed(reading, slots):
        return None
    if not _HOW_MUCH_HELD.search(reading.text) or slots.periods:
        return None
    frame = Frame(topic="book", metric="positions", symbols=previous.symbols)
    return Plan(outcome="answer", frame=frame, private=True)


def _account_against(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Set the account's return against one symbol: "vs SPY?" after what was made."""
    of_the_account = previous.topic == "book" and previous.metric in ("pnl", "nav") and not previous.symbols
    if not of_the_account or len(slots.symbols) != 1 or not _AGAINST.match(reading.text) or reading.leftovers():
        return None
    period = slots.period or previous.period
    frame = Frame(topic="book", metric="pnl", period=period, options={"benchmark": slots.symbols[0]})
    return Plan(outcome="answer", frame=frame, private=True)


def _bought_as_sized(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Propose the weight that was sized: "ok buy that many"."""
    weight = previous.options.get("target_weight") if previous.topic == "size" else None
    # What was sized is a holding: bought up to it. To sell "that many" says something else and is asked back.
    if (
        not weight
        or not reading.has("buy")
        or reading.has("sell")
        or reading.numbers
        or len(previous.symbols) != 1
        or slots.symbols
    ):
        return None
    if not _THAT_MANY.search(reading.text) or reading.leftovers():
        return None
    options = {"side": "buy", "order_type": "market", "target_weight": weight}
    frame = Frame(topic="trade", symbols=previous.symbols, options=options)
    return Plan(outcome="needs_approval", frame=frame, private=True)


def _by_severity(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Keep the severe ones of the events that were shown: "only the severe ones"."""
    shown = previous.metric == "geopolitical_events" and _unnamed(reading, slots)
    if not shown or not _SEVERE.search(reading.text) or reading.numbers:
        return None
    return Plan(
        outcome="answer", frame=previous.model_copy(update={"options": {**previous.options, "severity": "high"}})
    )


def _ranked_by(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Rank the same group by another measure: "now by Sharpe"."""
    ranked = previous.topic == "metric" and previous.order is not None and (previous.group or len(previous.symbols) > 1)
    if not ranked or previous.metric not in _RANKED_BY.values() or not _unnamed(reading, slots) or reading.numbers:
        return None
    said = [metric for concept, metric in _RANKED_BY.items() if reading.has(concept)]
    if len(said) != 1 or not _BY.search(reading.text) or own_concepts(reading, previous) - _RANKED_BY.keys():
        return None
    update: dict[str, Any] = {"metric": said[0], "order": "asc" if reading.has("worst") else "desc"}
    if slots.period is not None and slots.period.kind != "latest":
        update["period"] = slots.period
    return Plan(outcome="answer", frame=previous.model_copy(update=update))


def _one_of_them(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Name one of a ranking that was shown: "and which one of them is the best?"."""
    ranked = previous.topic == "metric" and previous.group is not None and previous.order is not None
    if not ranked or not _unnamed(reading, slots) or not _ONE_OF_THEM.search(reading.text) or reading.numbers:
        return None
    if not reading.has("best", "worst") or own_concepts(reading, previous) - {"return"}:
        return None
    order = "asc" if reading.has("worst") else "desc"
    return Plan(outcome="answer", frame=previous.model_copy(update={"order": order, "limit": 1}))


def _day_before(reading: Reading, slots: Slots, universe: Universe, previous: Frame) -> Plan | None:
    """Show the session before the one that was shown: "and the day before?"."""
    period = previous.period
    if period is None or not _unnamed(reading, slots) or not _DAY_BEFORE.search(reading.text):
        return None
    if period.start is None or period.start != period.end:
        return None
    day = period.start - timedelta(days=1)
    every_day = previous.symbols and all(universe.classes.get(symbol) == "crypto" for symbol in previous.symbols)
    while day.weekday() > 4 and not every_day:
        day -= timedelta(days=1)
    earlier = period.model_copy(update={"start": day, "end": day, "name": "", "text": day.isoformat(), "note": ""})
    return Plan(outcome="answer", frame=previous.model_copy(update={"period": earlier}))


def _annualised(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Show a return per year: "annualised please"."""
    returned = previous.topic == "performance" or previous.metric in ("return", "price_change")
    if not returned or not previous.symbols or not _unnamed(reading, slots) or reading.numbers:
        return None
    if not _ANNUALISED.search(reading.text) or own_concepts(reading, previous) - {"return", "cagr"}:
        return None
    period = slots.period if slots.period and slots.period.kind != "latest" else previous.period
    frame = Frame(topic="metric", metric="annualized_return", symbols=previous.symbols, period=period)
    return Plan(outcome="answer", frame=frame)


def _of_the_pair(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Take the average or an extreme of the ratio or spread that was shown."""
    asked = slots.aggregation in ("average", "median", "minimum", "maximum")
    if previous.metric not in _OF_PAIRS or not asked or not _unnamed(reading, slots) or slots.threshold is not None:
        return None
    found = slots.period
    period = found if found is not None and found.kind != "latest" else previous.period
    order = {"minimum": "asc", "maximum": "desc"}.get(slots.aggregation or "")
    update = {"aggregation": slots.aggregation, "period": period, "order": order, "limit": 1 if order else None}
    return Plan(outcome="answer", frame=previous.model_copy(update=update))


def _drawn(reading: Reading, slots: Slots, previous: Frame) -> Plan | None:
    """Show the account's value again, which comes with its chart: "chart it"."""
    of_the_account = previous.topic == "book" and previous.metric == "nav"
    if not of_the_account or not reading.has("chart") or not _unnamed(reading, slots) or reading.numbers:
        return None
    if own_concepts(reading, previous) - {"chart"}:
        return None
    period = slots.period or previous.period
    return Plan(outcome="answer", frame=previous.model_copy(update={"period": period}), private=True)
