"""Tell what is asked of releases and of places: what is due, a figure beside its forecast, what happens somewhere."""

from __future__ import annotations

import re
from datetime import date, timedelta

from agents.planner.dates import MONTHS
from agents.planner.periods import Period
from agents.planner.reading import Reading
from agents.planner.slots import Slots

# "Anything going on with Taiwan", "what's the situation in the Red Sea".
_GOING_ON = re.compile(
    r"\b(?:any(?:thing|one)?|what(?:'s|s)?|has|have|how(?:'s|s)?|did|is|are|latest|developments?|situation|"
    r"going on|happen\w*|"
    r"kick(?:ed|ing) off|escalat\w*|fight\w*|trouble|risk\w*|worr\w*|crisis|attack\w*|strikes?|invasion|"
    r"ceasefire|peace|troops|"
    r"missiles?|tariffs?|sanctions?|coup|protests?|elections?|since|lately|update)\b",
    re.I,
)


def around_a_place(reading: Reading, slots: Slots) -> tuple[str, ...]:
    """Return the places whose events are asked for; empty when something else is asked of them."""
    places = reading.values("place")
    others = (
        "portfolio",
        "stress",
        "backtest",
        "simulate",
        "inject",
        "event_study",
        "calendar",
        "buy",
        "sell",
        "earnings",
    )
    if not places or slots.symbols or slots.series or slots.group or slots.topics or reading.has(*others):
        return ()
    measured = reading.has("close", "volatility", "dividend", "sentiment", "best", "worst")
    # Of a country with a calendar of releases, "events" may be those.
    without = reading.has("event") and not any(place.lower() in _WITH_CALENDAR for place in places)
    return places if not measured and (without or _GOING_ON.search(reading.text)) else ()


_WITH_CALENDAR = frozenset({"japan", "germany", "china", "britain", "england", "united kingdom", "europe"})
# "Any US data tomorrow": figures that come out, not those that are stored.
_DATA_DUE = re.compile(
    r"\b(?:any|what|which|is there|are there|us|uk|eu|euro|ecb|german|japan\w*|china|chinese|econ\w*|macro|"
    r"eurozone|euro zone|euro area|british|big|"
    r"major|key|"
    r"important|much|tier one)\b[^.?!]{0,30}\b(?:data|numbers|figures|releases?|prints?|stats|stuff|things)\b|"
    r"\bwhat(?:'s|s| is| was)? (?:came|comes?|coming|gets?|being|got) (?:out|released|published)\b|"
    r"\b(?:data|numbers|figures|releases?|prints?)\b[^.?!]{0,20}\b(?:due|out|coming|drop\w*|released|scheduled)\b",
    re.I,
)
_FED_ACTS = re.compile(
    r"\b(?:announc\w+|decid\w+|decision|meets?|meeting|sits?|convene\w*|hike[sd]?|hiking|cuts?|cutting|rais\w+|"
    r"hold|pause[sd]?|"
    r"statement|press conference|presser|next move)\b",
    re.I,
)
# "Did CPI come in hotter than expected": the figure beside its forecast, which the calendar of releases has.
AGAINST_FORECAST = re.compile(
    r"\b(?:hotter|cooler|colder|softer|stronger|weaker|firmer|higher|lower|better|worse|bigger|smaller|more|"
    r"less|above|below|"
    r"in line|beat|beats|miss|missed|under|over|versus|vs|against|compared (?:to|with))\b.{0,12}"
    r"\b(?:expect\w*|forecasts?|consensus|estimates?|fear\w*|thought|predicted|predictions?|economists)\b|"
    r"\b(?:actuals?|surpris\w+|upside|downside)\b|\b(?:came|come|comes|coming) in\b|\b(?:beat|miss|missed)\b",
    re.I,
)


_STORED = re.compile(r"\b(?:do (?:you|we|u)|stored?|missing|gaps?|keep|cover\w*|loaded|fresh|stale|sources?)\b", re.I)


def is_due(reading: Reading, slots: Slots) -> bool:
    """Say whether it is asked what figures come out in some days, not what is stored."""
    of_the_calendar = _DATA_DUE.search(reading.text) and not _STORED.search(reading.text) and _is_dated(slots)
    return bool(of_the_calendar) and not slots.symbols and not slots.series and not reading.has("portfolio", "news")


def _is_dated(slots: Slots) -> bool:
    """Say whether a question is about days: today, tomorrow, this week, the next ten days."""
    period = slots.period
    return period is not None and (period.kind == "next" or period.name in _NEAR or period.start == period.end)


_NEAR = frozenset({"today", "tomorrow", "yesterday", "this_week", "next_week", "last_week", "this_month", "next_month"})


def release(reading: Reading, slots: Slots) -> str:
    """Return the release whose figure is set against its forecast, or the Fed's decision; empty for neither."""
    if slots.symbols or slots.threshold is not None:
        return ""
    if slots.topics and AGAINST_FORECAST.search(reading.text):
        return slots.topics[0]
    of_the_fed = "fed_funds" in slots.series and re.search(r"\bfed\b", reading.text, re.I)
    if of_the_fed and _FED_ACTS.search(reading.text) and len(slots.series) == 1 and not reading.has("average", "chart"):
        return "FOMC"
    return ""


STILL_TO_COME = re.compile(
    r"\b(?:remaining|remain|still (?:to come|ahead|scheduled|due|left|planned)|yet to come|left|rest of|to go)\b", re.I
)


def rest_of(period: Period, reading: Reading) -> Period:
    """Return what is left of "this year" or "2026", which has begun."""
    start, end = period.start, period.end
    if start is None or start > reading.today or (end is not None and end < reading.today):
        return period
    if period.name and period.name != "this_year":
        return period
    last = date(start.year, 12, 31) if period.name else end
    return Period(kind="range", start=reading.today, end=last, text=f"the rest of {period.text}")


def coming(period: Period, reading: Reading) -> Period:
    """Return a month named without its year as the coming one, which is what is asked of a schedule."""
    weekday = re.match(r"(?:mon|tues|wednes|thurs|fri|satur|sun)day,", period.text, re.I)
    if weekday and period.start is not None and period.start < reading.today:
        day = period.start + timedelta(days=7)
        return period.model_copy(update={"start": day, "end": day, "text": f"{period.text.split(',')[0]}, {day}"})
    month = period.text.removeprefix("in ").strip() in MONTHS
    undated = (
        re.search(r"\d{4}", period.text) is None and period.kind == "range" and not period.count and not period.name
    )
    bare = (month or undated) and period.start is not None and period.end is not None
    if not bare or period.start is None or period.end is None or period.end >= reading.today:
        return period
    year = period.start.year + 1
    end = (
        period.end.replace(year=year)
        if (period.end.month, period.end.day) != (2, 29)
        else period.end.replace(year=year, day=28)
    )
    return period.model_copy(
        update={"start": period.start.replace(year=year), "end": end, "text": f"{period.text} {year}"}
    )
