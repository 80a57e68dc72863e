"""Take the parts that most questions share out of a reading: who, when, how often, how many, above or below what."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace

from agents.planner.periods import Period, last_units
from agents.planner.reading import Reading
from agents.planner.universe import Universe

GRAINS = {"daily": "day", "weekly": "week", "monthly": "month", "quarterly": "quarter", "yearly": "year"}
_SESSIONS = {"day": 1, "session": 1, "week": 5, "month": 21, "quarter": 63, "year": 252}


@dataclass(frozen=True, slots=True, kw_only=True)
class Slots:
    """Hold the shared parts of a question; what was not said is None or empty."""

    symbols: tuple[str, ...]
    group: str | None
    series: tuple[str, ...]
    topics: tuple[str, ...]
    period: Period | None
    periods: tuple[Period, ...]
    grain: str | None
    aggregation: str | None
    operator: str | None
    threshold: float | None
    count: int | None


def take_slots(reading: Reading, universe: Universe) -> Slots:
    """Return the shared parts of a question."""
    stretch = _short_stretch(reading)
    series = reading.values("macro")
    topics = tuple(dict.fromkeys((*reading.values("topic"), *_topics_of(reading, universe))))
    groups = reading.values("group")
    periods = tuple(found.period for found in reading.periods)
    operator, threshold = _comparison(reading)
    main = _main_period(periods)
    return Slots(
        symbols=reading.values("symbol"),
        group=groups[0] if groups else None,
        series=series,
        topics=topics,
        period=stretch if stretch and (main is None or main.kind == "latest") else main,
        periods=periods,
        grain=next((grain for concept, grain in GRAINS.items() if reading.has(concept)), None),
        aggregation=_aggregation(reading),
        operator=operator,
        threshold=threshold,
        count=_count(reading),
    )


_NO_STRETCH = re.compile(
    r"momentum|[se]?ma|average|moving|lookback|rolling|yields?|treasur\w+|bills?|notes?|bonds?|curve|rates?|mortgage"
)


def _short_stretch(reading: Reading) -> Period | None:
    """Return the time of "3y", "6m", "12m" beside instruments; 10y is also the name of a yield."""
    named = any(span.kind in ("symbol", "group") for span in reading.spans)
    for span in list(reading.spans):
        word = reading.words[span.start].low if 0 <= span.start < len(reading.words) else ""
        short = re.fullmatch(r"(\d+)(y|yr|m|mo|mth|w|wk)", word)
        following = reading.words[span.end].low if span.end < len(reading.words) else ""
        before = reading.words[span.start - 1].low if span.start > 0 else ""
        if not named or span.kind not in ("window", "macro") or span.end != span.start + 1 or not short:
            continue
        if (
            _NO_STRETCH.fullmatch(following)
            or before in ("rolling", "next")
            or (span.kind == "macro" and not reading.has(*_OF_TIME))
        ):
            continue
        if span.kind == "macro":
            reading.spans.remove(span)
            reading.spans.append(replace(span, kind="window", value=word))
        return last_units(int(short[1]), short[2], reading.today)
    return None


_OF_TIME = ("return", "volatility", "sharpe", "sortino", "cagr", "drawdown", "beta", "correlation", "chart", "change")


def sessions_of(count: int, unit: str) -> int:
    """Return a stretch of time in trading sessions: 21 a month, 252 a year."""
    return count * _SESSIONS.get(unit, 1)


def mix_of(reading: Reading) -> dict[int, float]:
    """Return the shares of "60% SPY / 40% TLT" by the place of each figure.

    Empty unless every symbol named has a percentage directly before it, and together they are the whole.
    """
    starts = {span.start: span.value for span in reading.spans if span.kind == "symbol"}
    found: dict[int, float] = {}
    named: list[str] = []
    for at, number in sorted(reading.numbers.items()):
        following = at + number.words
        if following < len(reading.words) and reading.words[following].low in ("in", "of"):
            following += 1
        if number.unit in ("percent", "plain") and following in starts:
            found[at] = number.value if number.unit == "percent" else number.value / 100
            named.append(starts[following])
    all_of_them = tuple(named) == reading.values("symbol") or _A_MIX.search(reading.text) is not None
    whole = len(named) > 1 and all_of_them and abs(sum(found.values()) - 1) < 0.001
    return found if whole else _mix_after(reading)


# "A mix of 60% XLE and 40% XOP" is one, whatever else is named.
_A_MIX = re.compile(r"\b(?:mix(?:ture)?|blend|portfolio|basket|combination|combo|fund|pot) (?:of|with|that is)\b", re.I)


def _mix_after(reading: Reading) -> dict[int, float]:
    """Return the shares of "SPY 60 %, TLT 40 %" by the place of each figure."""
    ends = {span.end: span.value for span in reading.spans if span.kind == "symbol"}
    found: dict[int, float] = {}
    named: list[str] = []
    for at, number in sorted(reading.numbers.items()):
        if at in ends and number.unit in ("percent", "plain"):
            found[at] = number.value if number.unit == "percent" else number.value / 100
            named.append(ends[at])
    whole = len(named) > 1 and tuple(named) == reading.values("symbol") and abs(sum(found.values()) - 1) < 0.001
    return found if whole else {}


_COUNTED_THINGS = re.compile(
    r"path|sim|run|trial|draw|scenario|future|share|unit|coin|lot|session|day|week|month|year|histor|resample|sample"
)
_CURRENCIES = ("dollars", "dollar", "usd", "bucks", "euros", "grand")


def money_of(reading: Reading) -> float | None:
    """Return the money that a question names: "$5,000", "5000 bucks", "250k of SPY", "30 grand"; counts are none."""
    for at, number in sorted(reading.numbers.items()):
        after = at + number.words
        following = reading.words[after].low if after < len(reading.words) else ""
        scaled = re.fullmatch(r"[\d.,]+[km]", reading.words[at].low) is not None or number.words > 1
        if number.unit == "money" or (number.unit == "plain" and following in _CURRENCIES):
            return number.value
        if number.unit == "plain" and scaled and number.value >= 1000 and not _COUNTED_THINGS.match(following):
            return number.value
    return None


def members_of(slots: Slots, universe: Universe) -> tuple[tuple[str, ...], str | None, str]:
    """Return the symbols or the group asked about; "the four largest ..." are those with the most assets."""
    if slots.symbols:
        return slots.symbols, None, ""
    if slots.group is None:
        return (), None, ""
    members = universe.members.get(slots.group, ())
    sizes = [
        symbol
        for symbol in sorted(members, key=lambda one: (-universe.assets.get(one, 0.0), one))
        if symbol in universe.assets
    ]
    if slots.count and len(sizes) >= slots.count:
        chosen = tuple(sizes[: slots.count])
        return chosen, None, f"The {slots.count} largest by total assets: {', '.join(chosen)}."
    return (), slots.group, ""


def _main_period(periods: tuple[Period, ...]) -> Period | None:
    said = [period for period in periods if period.kind != "latest"]
    dated = [period for period in said if period.kind != "all"]
    said = dated or said  # "on record for each month of 2025" is of 2025
    # "The financial crisis (2007-2010)" says by dates which years are meant.
    if len(said) > 1 and said[0].text.endswith(f"({said[0].start} to {said[0].end})"):
        said = said[1:]
    return said[0] if said else (periods[0] if periods else None)


def _topics_of(reading: Reading, universe: Universe) -> tuple[str, ...]:
    found = []
    for span in reading.spans:
        if span.kind == "macro":
            text = " ".join(word.low for word in reading.words[span.start : span.end])
            first = reading.words[span.start].low
            named = (
                text
                if text in universe.topics
                else first
                if first in universe.topics
                else span.value.removeprefix("core_").removeprefix("real_")
            )
            if (topic := universe.topics.get(named.replace("_", " "))) is not None:
                found.append(topic)
    return tuple(found)


def _aggregation(reading: Reading) -> str | None:
    for concept in ("average", "median", "minimum", "maximum", "count", "sum"):
        if reading.has(concept):
            return concept
    return None


# "At least", and what follows a figure: "5% or more", "30 or below".
_INCLUSIVE = frozenset(
    {"at least", "at most", ">=", "<=", "no less than", "no more than", "a minimum of", "a maximum of"}
)
_OR_BEYOND = re.compile(
    r" ?or (?:(?P<up>more|higher|above|better|over|greater|bigger)|less|lower|below|under|worse|fewer)\b"
)
_ASKS_WHEN = re.compile(
    r"\b(?:when|(?:what|which) (?:day|date|month|year)|(?:first|last|latest|previous) time|ever|how (?:many|often))\b",
    re.I,
)
# A level that was passed: "crossed 100", "broke through 4000", "hit 200", "got to 5 percent".
_PASSED = re.compile(
    r"\b(?:(?P<up>cross(?:ed|es)?|pass(?:ed|es)?|br(?:eak|eaks|oke)|exceed(?:ed|s)?|surpass(?:ed|es)?|clear(?:ed|s)?|"
    r"hit|hits|reach(?:ed|es)?|g[eo]t to|touch(?:ed|es)?|top(?:ped|s)?|climb(?:ed|s)?|rose|rise|went|go|goes)"
    r"|f[ea]ll|falls|dropp?(?:ed|s)?|dipp?(?:ed|s)?|s[ia]nk|slipp?(?:ed|s)?)"
    r"(?: (?:above|over|past|through|beyond|to|the|a|back))*$"
)


def _comparison(reading: Reading) -> tuple[str | None, float | None]:
    """Return the operator and the number right after it: "RSI under 30", "more than 6 percent", "4% or more"."""
    for at, number in sorted(reading.numbers.items()):
        value = number.value * (100 if number.unit == "percent" else 1)
        after = " ".join(word.low for word in reading.words[at + number.words : at + number.words + 2])
        if beyond := _OR_BEYOND.match(after):
            return (">=" if beyond["up"] else "<="), value
        for span in reading.spans:
            if span.kind == "concept" and span.value in ("above", "below") and span.end <= at <= span.end + 1:
                written = " ".join(word.low for word in reading.words[span.start : span.end])
                return (">" if span.value == "above" else "<") + ("=" if written in _INCLUSIVE else ""), value
    return passed_level(reading) or (None, None)


def passed_level(reading: Reading) -> tuple[str, float] | None:
    """Return the operator and the level of "when did it cross 100", "has it ever hit 200"; None if none is asked."""
    if not _ASKS_WHEN.search(reading.text):
        return None
    for at, number in sorted(reading.numbers.items()):
        before = " ".join(word.low for word in reading.words[:at])
        if number.unit in ("plain", "money", "percent") and (found := _PASSED.search(before)):
            value = number.value * (100 if number.unit == "percent" else 1)
            return (">=" if found["up"] else "<="), value
    return None


_COUNTED_FROM = frozenset(
    {"last", "latest", "top", "bottom", "first", "recent", "past", "previous", "next", "newest", "upcoming", "coming"}
)


def _count(reading: Reading) -> int | None:
    """Return N of "top 5", "five biggest", "last 10 headlines", "which 3 stocks"."""
    for at, number in sorted(reading.numbers.items()):
        if number.unit != "plain" or number.value != int(number.value) or not 1 <= number.value <= 500:
            continue
        before = [span for span in reading.spans if span.end == at]
        after = [span for span in reading.spans if span.start == at + number.words]
        near = [*before, *after]
        if any(
            span.kind == "concept"
            and span.value in ("best", "worst", "news", "fills", "orders", "dividend", "portfolio", "event", "earnings")
            for span in near
        ):
            return int(number.value)
        if any(span.kind == "group" for span in after):
            return int(number.value)
        previous = reading.words[at - 1].low if at else ""
        counted = after[0] if after else None
        if previous in ("which", "what") and not (counted and counted.value in ("days", "unit")):
            return int(number.value)
        following = reading.words[at + number.words].low if at + number.words < len(reading.words) else ""
        if previous in _COUNTED_FROM and following in ("times", "reports", "prints", "announcements"):
            return int(number.value)
        if previous in _COUNTED_FROM and any(span.kind in ("concept", "symbol", "macro", "topic") for span in after):
            return int(number.value)
    return None
