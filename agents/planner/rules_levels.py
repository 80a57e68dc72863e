"""Understand questions on prices and volumes: the latest, a list, an extreme with its date, when a level was passed."""

from __future__ import annotations

import re
from typing import Any

from agents.planner.periods import ALL, LATEST, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots, passed_level
from agents.planner.universe import Universe


def _cost_of(reading: Reading) -> bool:
    return reading.has("cost") and bool(
        re.search(r"\b(?:how much (?:did|does|do|was|is)|what (?:did|does)).*\bcost\b", reading.text, re.I)
    )


_INTRADAY = re.compile(
    r"\b(?:intraday|printed|lowest price|highest price|all-time (?:high|low)|record (?:high|low)|peak|bottom|"
    r"top price|low|high)\b",
    re.I,
)


_CLOSES_ONLY = re.compile(r"\bcloses only\b|\bclosed at\b|\bclosing basis\b|\b(?:not|no|spare me the) intraday\b", re.I)


def level(reading: Reading, slots: Slots, universe: Universe) -> Plan | None:
    """Prices and volume: the latest, a list, an extreme with its date, or when a level was passed."""
    rate = _is_rate(reading, slots, universe)
    if not slots.symbols or not (rate or _asks_level(reading, slots)):
        return None
    metric, aggregation = _level_metric(reading, slots)
    frame = Frame(topic="metric", metric=metric, symbols=slots.symbols, grain=slots.grain)
    period = unless_latest(slots.period)
    update: dict[str, Any]
    if slots.threshold is not None:
        once = re.search(r"\b(?:last|latest|first|most recent)\b", reading.text, re.I)
        update = {
            "period": period or ALL,
            "aggregation": "count" if reading.has("count") else "list",
            "order": "asc" if re.search(r"\bfirst\b", reading.text, re.I) else "desc",
            "limit": 1 if once else None,
            "operator": slots.operator,
            "value": slots.threshold,
        }
    elif aggregation in ("minimum", "maximum"):
        order = "asc" if aggregation == "minimum" else "desc"
        update = {"period": period or ALL, "aggregation": aggregation, "order": order, "limit": slots.count or 1}
    elif aggregation is not None:
        update = {"period": period or ALL, "aggregation": aggregation}
    elif period is None:
        update = {"period": LATEST}
    else:
        newest_first = period.kind == "sessions"
        update = {
            "period": period,
            "aggregation": "list",
            "order": "desc" if newest_first else "asc",
            "limit": period.sessions,
        }
    return Plan(outcome="answer", frame=frame.model_copy(update=update))


def _asks_level(reading: Reading, slots: Slots) -> bool:
    cost = _cost_of(reading)
    if _HOW_HIGH.search(reading.text):
        return True
    if passed_level(reading) and not any(number.unit == "percent" for number in reading.numbers.values()):
        return True
    extreme = slots.aggregation in ("minimum", "maximum") or reading.has("high", "low")
    if reading.has("when") and extreme and not reading.has(*_MEASURED[2:]):
        return True
    if volume_of_a_day(reading, slots):
        return True
    if reading.has("return", "change") and not reading.has("close", "volume") and not cost:
        return False
    counted = slots.period is not None and slots.period.kind == "sessions"
    sessions = counted and not reading.has("return", "change", "volatility")
    passed = reading.has("when") and slots.threshold is not None
    named = reading.has("close", "open", "high", "low", "volume") or sessions or cost or passed or _traded(reading)
    named = named or _asks_where(reading) or _only_last(reading, slots)
    return named or bool(slots.aggregation)


# "How much is bitcoin", "where is Tesla at", "what was the S&P at on 24 February".
_WHERE = re.compile(
    r"\bhow much (?:is|was|are|were|for|does|did)\b|\bwhere(?:'s|s| is| was| are| were| did| does| do| has| had)\b|"
    r"\bwhat(?:'s|s| is| was| were| are| does| did)\b.*\b(?:at|go(?:ing)? for|trade for|cost)\b|\bhow "
    r"(?:expensive|cheap)\b",
    re.I,
)
# "How high did gold get", "has it ever been above 200".
_HOW_HIGH = re.compile(
    r"\b(?:new|fresh|record) (?:high|low)s?\b|"
    r"\bhow (?:high|low)\b.*\b(?:did|has|have|had)\b.*\b(?:get|got|gotten|go|gone|trade|traded|reach|come|climb|"
    r"sink|been)\b|"
    r"\b(?:ever|has|have|did|was|were|been)\b.*\b(?:above|over|below|under)\b [$€]?\d[\d,.]*(?!\s*(?:%|percent|"
    r"pct|day|d\b|session|bp|years?))"
    r"(?![\d,.]|%)",
    re.I,
)
_LAST = re.compile(r"\b(?:last|spot|mark|quote|now|rn|right now|latest|current(?:ly)?|today)\b", re.I)


# "Record volume day": the most there ever was; what is on record or at a record date is another thing.
_RECORD = re.compile(r"(?<!on )(?<!track )\brecord\b(?! (?:of|date|for)\b)", re.I)


def volume_of_a_day(reading: Reading, slots: Slots) -> bool:
    """Say whether "vol" of a single day is meant, which has a volume but no volatility."""
    period = slots.period
    one_day = period is not None and period.start is not None and period.start == period.end
    return one_day and _VOL.search(reading.text) is not None


_VOL = re.compile(r"(?<!realised )(?<!realized )(?<!day )(?<!\dd )\bvol\b(?! (?:target|of vol))", re.I)


def _only_last(reading: Reading, slots: Slots) -> bool:
    """Say whether a symbol stands with no more than "last", "spot" or "now": its price is asked for."""
    undated = slots.period is None or slots.period.kind == "latest"
    return (
        undated
        and len(reading.words) < 5
        and not reading.concepts()
        and not reading.numbers
        and _LAST.search(reading.text) is not None
    )


_MEASURED = ("return", "change", "volatility", "drawdown", "correlation", "beta", "sharpe", "sortino", "cagr", "calmar")


def _asks_where(reading: Reading) -> bool:
    """Say whether a price is asked for without the word, and nothing is measured."""
    return _WHERE.search(reading.text) is not None and not reading.has(*_MEASURED)


def _is_rate(reading: Reading, slots: Slots, universe: Universe) -> bool:
    """Say whether the rate of a currency pair is asked for, which is its price: "eurusd rate", "usdjpy 1 jun 2026"."""
    pairs = slots.symbols and all(universe.classes.get(symbol) == "fx" for symbol in slots.symbols)
    if pairs and not reading.concepts() and not reading.numbers and slots.period is not None:
        return slots.period.kind == "latest" or slots.period.start == slots.period.end
    return bool(pairs) and bool(re.search(r"\brates?\b", reading.text, re.I)) and not reading.has("return", "change")


def _traded(reading: Reading) -> bool:
    """Say whether a number of shares traded is asked for, in words that a name may part."""
    return reading.has("shares") and bool(
        re.search(r"\bshares?\b.*\b(?:traded?|change[sd]? hands)\b", reading.text, re.I)
    )


def _level_metric(reading: Reading, slots: Slots) -> tuple[str, str | None]:
    """Return what is asked and how it is put together; an extreme price is the session's low or high."""
    metric = next((name for name in ("volume", "open", "high", "low") if reading.has(name)), "close")
    if metric == "close" and (_traded(reading) or volume_of_a_day(reading, slots)):
        metric = "volume"
    aggregation = slots.aggregation
    if aggregation == "count" and slots.threshold is None:
        aggregation = None
    of_closes = _CLOSES_ONLY.search(reading.text) is not None
    if metric == "close" and aggregation in ("minimum", "maximum") and _INTRADAY.search(reading.text) and not of_closes:
        metric = "low" if aggregation == "minimum" else "high"
    if metric in ("high", "low") and re.search(
        rf"\b{metric}s?\b (?:daily )?(?:close|closing)|clos(?:e|ing) {metric}", reading.text, re.I
    ):
        aggregation, metric = aggregation or ("maximum" if metric == "high" else "minimum"), "close"
    if (
        aggregation is None
        and metric in ("high", "low")
        and slots.period is not None
        and slots.period.kind in ("range", "all")
    ):
        aggregation = "maximum" if metric == "high" else "minimum"
    if aggregation is None and _RECORD.search(reading.text):
        aggregation = "minimum" if metric == "low" else "maximum"
    if aggregation is None and metric == "volume" and reading.has("best", "worst"):
        aggregation = "maximum" if reading.has("best") else "minimum"
    return metric, aggregation
