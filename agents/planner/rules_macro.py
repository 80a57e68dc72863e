"""Understand questions on macro series."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from agents.planner.periods import ALL, LATEST, last_units, through_its_year
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading
from agents.planner.slots import Slots
from agents.planner.text import joined

_FIRST_PUBLISHED = re.compile(
    r"\b(?:originally|initially|first) (?:report\w*|publish\w*|print\w*|released?|announced?)\b|\b(?:before|"
    r"without|prior to|ignoring) (?:any |the |all )?(?:later )?revisions?\b|\bunrevised\b|"
    r"\bas (?:it was )?(?:first|originally|initially) \w+|"
    r"\b(?:first|initial|original|advance) (?:print|vintage|release|estimate|figure|reading|publication)s?\b|"
    r"\bnot the revised(?: (?:figure|value|number|one)s?)?\b",
    re.I,
)
_VINTAGES = re.compile(r"\bvintages?\b", re.I)
_AS_KNOWN = re.compile(
    r"\bas (?:it was |then )?(?:known|published|reported|available) (?:on|at|by|as of|in)\b|"
    r"\b(?:was |were )?known (?:on|by|as of)\b",
    re.I,
)
_SCHEDULED = re.compile(r"\b(?:when|dates?|next|upcoming|calendar|schedule\w*)\b", re.I)
OF_VINTAGES = frozenset(
    {"first", "initial", "initially", "original", "originally", "advance", "print", "prints", "printed", "published"}
    | {"publication", "release", "released", "releases", "estimate", "estimates", "figure", "figures", "reported"}
    | {"announced", "vintage", "revised", "unrevised", "revision", "revisions", "known", "before", "without", "prior"}
    | {"ignoring", "later", "reading", "not", "any", "as", "number", "value"}
)
"""Words that only tell which vintage of a series is meant."""


def is_of_a_vintage(reading: Reading) -> bool:
    """Say whether a question is about figures as first published or as known on a day, not about when they come."""
    said = _FIRST_PUBLISHED.search(reading.text) or _AS_KNOWN.search(reading.text)
    return said is not None and not _SCHEDULED.search(reading.text)


def _vintage(reading: Reading, slots: Slots) -> tuple[str | None, Slots]:
    """Return which vintage is asked for, and the slots without the day that says so."""
    if (known := _AS_KNOWN.search(reading.text)) is not None:
        after = [one for one in reading.periods if one.end > known.end()]
        day = after[0].period.end if after else None
        if day is not None:
            rest = [one.period for one in reading.periods if one is not after[0]]
            return day.isoformat(), replace(slots, period=rest[0] if rest else None)
    return ("first" if _FIRST_PUBLISHED.search(reading.text) else None), slots


# Which way a series goes is seen in its last year.
_TREND = re.compile(
    r"\b(?:up or down|down or up|rising or falling|falling or rising|higher or lower|better or worse|"
    r"getting (?:better|worse)|"
    r"(?:still |really |actually )?(?:going|coming|heading|trending|creeping|drifting) (?:up|down|higher|lower)|"
    r"which (?:way|direction)|trend(?:ing)?|(?:is|are|has|have)\b.*\b(?:cool(?:ing|ed)|eas(?:ing|ed)|"
    r"slow(?:ing|ed)|accelerat(?:ing|ed)|pick(?:ing|ed) up))\b",
    re.I,
)


_THAN_A_YEAR_AGO = re.compile(
    r"\b(?:than|versus|vs|against|compared (?:to|with)|from|over|on)(?: (?:it was|they were|what it was|that of))? "
    r"(?:(?:1|a|the|12) (?:year|months) (?:before|ago|earlier|back|previously)|the year before|the same "
    r"(?:month|quarter|time) (?:last year|a year ago|1 year ago|of last year))\b",
    re.I,
)


def macro(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of a question on macro series, or None."""
    # "The curve, 10y less 2y" says what the curve is.
    series = tuple(one for one in slots.series if len(slots.series) < 3 or one != "term_spread")
    if not series or slots.symbols:
        return None
    from core.query.catalog import find_macro

    vintage, slots = _vintage(reading, slots)
    if slots.grain and slots.period is not None:
        slots = replace(slots, period=through_its_year(slots.period))
    than_a_year_ago = len(slots.periods) < 2 and _THAN_A_YEAR_AGO.search(joined(reading.words)) is not None
    if than_a_year_ago:
        # What is asked is the change over the year, and "one" is no level.
        slots = replace(slots, period=None, operator=None, threshold=None)
    if vintage is None and _VINTAGES.search(reading.text):
        return Plan(
            outcome="clarify",
            say="Which vintage: “as first published”, or “as known on” a day? All of them are in "
            "market_data.v_macro_vintages by SQL.",
        )
    if slots.period is None and len(series) == 1 and _TREND.search(reading.text):
        slots = replace(slots, period=last_units(12, "month", reading.today))
    concept = find_macro(series[0])
    usual = concept.usual if concept else "macro_value"
    period = slots.period
    explicit = period is not None and period.kind != "latest"
    common: dict[str, Any] = {"topic": "metric", "series": series, "grain": slots.grain, "chart": reading.has("chart")}
    if vintage is not None:
        common["options"] = {"vintage": vintage}
    if (
        len(series) >= 2
        and slots.threshold is None
        and re.search(r"\b(?:when|last time|how (?:many|often)|since when)\b.*\binver", reading.text, re.I)
    ):
        slots = replace(slots, operator="<", threshold=0.0)
    if len(series) >= 2 and _is_spread(reading):
        return Plan(
            outcome="answer",
            frame=Frame(
                **common,
                metric="macro_spread",
                period=period if explicit else None,
                aggregation=slots.aggregation,
                operator=slots.operator,
                value=slots.threshold,
            ),
        )
    metric = "macro_yoy" if than_a_year_ago else _macro_metric(reading, slots, usual, explicit)
    if vintage == "first":
        if reading.has("yoy", "growth", "change"):
            return Plan(
                outcome="clarify",
                say="A change compares figures, and as first published they belong to different days. Do you want the "
                "values as first published, or the change as known on a day, such as “as known on 2020-05-01”?",
            )
        metric = "macro_value"
    return _levels(reading, slots, metric, explicit, common) or _values(reading, slots, metric, explicit, common)


def _levels(reading: Reading, slots: Slots, metric: str, explicit: bool, common: dict[str, Any]) -> Plan | None:
    """Return the plan of "when was it last above 5%", or None where no level is named."""
    period = slots.period
    if slots.threshold is None and re.search(r"\binver(?:ted|sion)\b", reading.text, re.I):
        slots = replace(slots, operator="<", threshold=0.0)
    if slots.threshold is not None:
        last = re.search(r"\b(?:last|latest|most recent)\b", reading.text, re.I)
        first = re.search(r"\bfirst\b", reading.text, re.I)
        counted = reading.has("count")
        return Plan(
            outcome="answer",
            frame=Frame(
                **common,
                metric=metric,
                period=period if explicit else ALL,
                operator=slots.operator,
                value=slots.threshold / 100 if metric in ("macro_yoy", "macro_growth") else slots.threshold,
                aggregation="count" if counted else None,
                order=None if counted else "asc" if first else "desc",
                limit=1 if (last or first) and not counted else None,
            ),
        )
    return None


_OVER_TIME = re.compile(
    r"\b(?:over|through|across) (?:the )?(?:time|years|decades)\b|\bhistory of\b|\bhistorical(?:ly)?\b", re.I
)


def _values(reading: Reading, slots: Slots, metric: str, explicit: bool, common: dict[str, Any]) -> Plan:
    """Return the plan of the values of a series: the latest, a list, an extreme, the newest few."""
    period = slots.period
    if _OVER_TIME.search(reading.text) and (period is None or period.kind == "latest"):
        period, explicit = ALL, True
    aggregation = slots.aggregation if slots.aggregation in ("average", "median", "minimum", "maximum") else None
    if aggregation is None and explicit and metric in ("macro_value", "macro_yoy", "macro_change", "macro_growth"):
        aggregation = "list"
    if metric == "macro_growth" and not explicit and slots.grain:
        period = ALL
    if metric == "macro_growth" and slots.grain is None and explicit:
        by_quarter = period is not None and period.unit == "quarter"
        common["grain"] = (
            "quarter"
            if by_quarter
            else "year"
            if period and period.start and period.end and (period.end - period.start).days >= 360
            else "quarter"
        )
    if aggregation in ("minimum", "maximum", "average") and not explicit:
        period = ALL
    if period is None or (period.kind == "latest" and metric not in ("macro_value", "macro_yoy", "macro_growth")):
        period = LATEST if metric in ("macro_value", "macro_yoy") else None
    if slots.grain and metric == "macro_value" and not explicit:
        period, aggregation = ALL, "list"
    order = "asc" if aggregation == "list" else None
    limit: int | None = None
    newest = period.sessions if period is not None and period.kind == "sessions" else slots.count
    if newest and aggregation in (None, "list"):
        # "The last 6 prints" are the newest ones, whatever their frequency.
        period = ALL if period is None or period.kind != "range" else period
        aggregation, order, limit = "list", "desc", newest
    return Plan(
        outcome="answer",
        frame=Frame(**common, metric=metric, period=period, aggregation=aggregation, order=order, limit=limit),
    )


def _is_spread(reading: Reading) -> bool:
    drawn = reading.has("chart", "compare") and "spread" in reading.text
    if re.search(
        r"\binver(?:t|ts|ted|sion)\b|\w - \w|\bhow (?:far|much)\b.*\b(?:above|below|over|under|exceed\w*|"
        r"surpass\w*|top(?:s|ped)|"
        r"(?:higher|lower|more|less|greater|larger|bigger|smaller|cheaper|dearer) than)\b",
        reading.text,
        re.I,
    ):
        return True
    return reading.has("spread", "ratio") or drawn or bool(re.search(r"\bless\b(?! than)", reading.text, re.I))


def _macro_metric(reading: Reading, slots: Slots, usual: str, explicit: bool) -> str:
    if reading.has("yoy"):
        return "macro_yoy"
    if reading.has("growth") or re.search(r"\b(?:grew|grown)\b", reading.text, re.I):
        return "macro_growth" if usual != "macro_yoy" or slots.grain else "macro_yoy"
    if reading.has("change"):
        return "macro_change"
    if re.search(r"\b(?:level|index|value|reading)\b", reading.text, re.I):
        return "macro_value"
    if slots.aggregation and usual == "macro_change":
        return "macro_value"
    return usual
