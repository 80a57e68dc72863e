"""Understand questions on news, sentiment, earnings, dividends, splits, releases and geopolitics."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import Any

from agents.planner import rules_releases
from agents.planner.concepts import FILLERS
from agents.planner.dates import MONTH, month_range
from agents.planner.periods import ALL, UPCOMING, Period, last_units, unless_latest
from agents.planner.plan import Frame, Plan
from agents.planner.reading import Reading, Span
from agents.planner.rules_models import place_of
from agents.planner.several import PLACES_ASKED
from agents.planner.slots import Slots

_FUTURE = re.compile(
    r"\b(?:next|upcoming|coming(?! (?:down|up|off|back|in)\b)|when is|when are|when does|when do|schedule|"
    r"scheduled|gonna|going to|will)\b",
    re.I,
)


_PRESS = re.compile(
    r"\b(?:(?:most |least |more |less )?(?:positive|negative|bullish|bearish)|news|press|media)\s+coverage\b", re.I
)


def of_the_month(period: Period | None, reading: Reading) -> Period | None:
    """Return the month of "news from January", which is not all since; any other period as it is."""
    from_a_month = re.search(rf"\bfrom (?:{MONTH})\b", reading.text, re.I) is not None
    if period is None or period.start is None or period.end is not None or not from_a_month:
        return period
    return period.model_copy(update={"end": month_range(period.start.year, period.start.month)[1]})


def is_press(reading: Reading) -> bool:
    """Say whether the coverage that is asked about is that of the press, not that of the data."""
    return bool(_PRESS.search(reading.text))


_IS_TONED = re.compile(
    r"^\W*(?:is|are|was|were|how)\b.*\b(?:news|headlines?|press|articles?|stories|coverage)\b.*"
    r"\b(?:positive|negative|good|bad|bullish|bearish|upbeat|gloomy)\b",
    re.I,
)


def news(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of a question on news or sentiment, or None."""
    toned = is_press(reading) and bool(re.search(r"positive|negative|bullish|bearish", reading.text, re.I))
    toned = toned or _IS_TONED.search(reading.text) is not None
    if not (reading.has("news", "sentiment") or is_press(reading)):
        return None
    if "consumer_sentiment" in slots.series and not slots.symbols and not reading.has("news"):
        return None  # the mood of households is a series
    if reading.has("geopolitical") and not re.search(
        r"\b(?:news|headlines?|articles?|press|stor(?:y|ies)|sentiment|tone)\b", reading.text, re.I
    ):
        return None  # events that mention a place are no articles
    places = reading.values("place")
    topic = _headline_words(reading) if not slots.symbols and slots.group is None else ""
    if not topic and not slots.symbols and slots.group is None:
        topic = _of_what(reading)
    metric = "news"
    if reading.has("sentiment") or toned or _WHICH_TONE.search(reading.text):
        metric = "sentiment"
    elif reading.has("count") or (reading.has("best") and not slots.symbols and not _TOP_STORIES.search(reading.text)):
        metric = "news_count"
    turning = re.search(r"\b(?:getting (?:better|worse)|improving|worsening)\b", reading.text, re.I)
    ranked = metric != "news" and not turning and reading.has("best", "worst")
    several = reading.has("each") or re.search(
        r"\b(?:stocks|names|companies|coins|etfs|funds|tickers|symbols)\b", reading.text, re.I
    )
    one = ranked and (
        not several or re.search(r"\b(?:which|what) (?:one|stock|company|name|coin|etf)\b", reading.text, re.I)
    )
    limit = slots.count or (1 if one else None)
    if metric == "news" and limit is None and (slots.period is None or slots.period.kind == "latest"):
        limit = 10
    grain = slots.grain if metric != "news" else None
    period = of_the_month(unless_latest(slots.period), reading) or _days(reading)
    frame = Frame(
        topic="metric",
        metric=metric,
        symbols=slots.symbols,
        group=slots.group if not slots.symbols else None,
        period=period,
        grain=grain,
        limit=limit,
        order="asc" if reading.has("worst") and not turning else "desc" if metric != "news" else None,
        options={"topic": topic} if topic and metric == "news" else {},
    )
    if topic and metric == "news" and topic.lower() in (place.lower() for place in places):
        frame = frame.model_copy(update={"options": _of_places(reading, places, topic)})
    return Plan(outcome="answer", frame=frame)


def _of_places(reading: Reading, places: tuple[str, ...], topic: str) -> dict[str, Any]:
    """Return the topic, and all places where several are named: each is searched for; they are placed."""
    reading.spans = [replace(one, kind="headline") if one.kind == "place" else one for one in reading.spans]
    return {"topic": topic, **({PLACES_ASKED: places} if len(places) > 1 else {})}


_KIND = (
    r"(?:positive|negative|good|bad|bullish|bearish|nice|mean|kind|unkind|harsh|nasty|friendly|hostile|favou?rable|"
    r"unfavou?rable|upbeat|gloomy|supportive|critical|warm|cold|fair|unfair|flattering|cheerful|sour|rosy|hard|soft|tough|"
    r"gentle|rough)"
)
_WHICH_TONE = re.compile(
    rf"\b{_KIND} or (?:rather |more |just )?{_KIND}\b|\b(?:being|been|turn(?:ed|ing)|sound(?:s|ing)?) (?:more |less |"
    rf"very |so |too |rather )?{_KIND} (?:to|on|about|toward|towards|with|over)\b|"
    r"\b(?:positive or negative|negative or positive|good or bad|bad or good|bullish or bearish|"
    r"(?:mostly|mainly|more) (?:positive|negative|good|bad))\b",
    re.I,
)
_TOP_STORIES = re.compile(r"\b(?:top|main|biggest|key|lead) (?:stories|headlines|news|articles|story)\b", re.I)


def _of_what(reading: Reading) -> str:
    """Return the place or the war of "any war news", which headlines are searched for."""
    if place := next(iter(reading.values("place")), ""):
        return place
    for span in reading.spans:
        word = " ".join(one.low for one in reading.words[span.start : span.end])
        if span.kind == "concept" and span.value == "geopolitical" and not word.startswith("geopol"):
            return word
    return ""


def _days(reading: Reading) -> Period | None:
    """Return the days of "headline tone, 90d average"."""
    short = next((span.value for span in reading.spans if span.kind == "window" and span.value.endswith("d")), "")
    return last_units(int(short[:-1]), "d", reading.today) if short[:-1].isdigit() else None


_ABOUT = re.compile(
    r"\b(?:about|on|of|regarding|mentioning|mention|concerning|containing|with)\s+(?:the\s+words?\s+|the\s+|a\s+|"
    r"an\s+)?([A-Za-z][\w'&-]*(?:\s+[A-Za-z][\w'&-]*){0,2})",
    re.I,
)


_IN_A_PLACE = re.compile(
    r"\b(?:in|around|involving|over)\s+(?:the\s+)?([A-Za-z][\w'&-]*(?:\s+[A-Za-z][\w'&-]*){0,2})", re.I
)


def _headline_words(reading: Reading, about: re.Pattern[str] = _ABOUT) -> str:
    """Return the words that headlines are searched for: those after "about" that name nothing else; they are placed."""
    taken = {index for span in reading.spans for index in range(span.start, span.end)}
    for match in about.finditer(reading.text):
        words = match[1].lower().split()
        for length in range(len(words), 0, -1):
            places = _places(reading, words[:length])
            free = [at for at in places if at not in taken or _is_macro(reading, at) or _is_place(reading, at)]
            if places and len(free) == len(places) and not set(words[:length]) & FILLERS:
                reading.spans = [
                    span for span in reading.spans if not (span.kind in ("macro", "place") and span.start in places)
                ]
                reading.spans.append(
                    Span(kind="headline", value=" ".join(words[:length]), start=places[0], end=places[-1] + 1)
                )
                return " ".join(words[:length])
    return ""


def _places(reading: Reading, words: list[str]) -> list[int]:
    lows = [word.low for word in reading.words]
    starts = [at for at in range(len(lows)) if lows[at : at + len(words)] == words]
    return list(range(starts[0], starts[0] + len(words))) if starts else []


def _is_macro(reading: Reading, at: int) -> bool:
    return any(span.kind == "macro" and span.start <= at < span.end for span in reading.spans)


def _is_place(reading: Reading, at: int) -> bool:
    return any(span.kind == "place" and span.start <= at < span.end for span in reading.spans)


def events(reading: Reading, slots: Slots) -> Plan | None:
    """Return the plan of a question on earnings, dividends, splits, releases or geopolitics, or None."""
    places = reading.values("place")
    metric, options = _event_metric(reading, slots)
    if metric == "economic_events" and len(places) > 1:
        return Plan(outcome="clarify", say="I show the calendar of one country at a time: of which one first?")
    return None if metric is None else _listed(reading, slots, metric, options)


def _listed(reading: Reading, slots: Slots, metric: str, options: dict[str, Any]) -> Plan:
    period = unless_latest(slots.period)
    if period is not None and metric in _SCHEDULED:
        period = _scheduled(period, reading)
    upcoming = bool(_FUTURE.search(reading.text)) and period is None
    if upcoming:
        period = UPCOMING
    if metric == "earnings_surprise" and upcoming:
        metric = "earnings_dates"  # a surprise is of what was reported
    limit = slots.count
    symbols = slots.symbols
    if counted := _newest(metric, period):
        limit, period = counted, ALL
    last_one = re.search(r"\b(?:last|latest|most recent|previous)\b", reading.text, re.I) and (
        period is None or period.kind == "all"
    )
    figure = (
        metric == "economic_events"
        and period is None
        and not upcoming
        and rules_releases.AGAINST_FORECAST.search(reading.text)
    )
    past = bool(
        re.search(r"\b(?:last|latest|most recent|previous|past|did|was|were|paid|history)\b", reading.text, re.I)
    )
    if period is None and metric in ("earnings_dates", "economic_events") and past:
        period = ALL
    if (
        limit is None
        and metric in ("earnings_dates", "economic_events", "dividends")
        and (upcoming or last_one or figure)
        and (symbols or options.get("topic"))
    ):
        limit = 1
    if figure:
        period = ALL
    order = "desc" if last_one or figure or (metric == "earnings_surprise") else None
    operator = None
    if metric == "earnings_surprise":
        operator = _beaten(reading)
    if metric == "geopolitical_events":
        order, options = "desc", {**options, **_where(reading)}
    frame = Frame(
        topic="metric",
        metric=metric,
        symbols=symbols,
        group=slots.group if metric != "geopolitical_events" else None,
        period=period,
        limit=limit,
        order=order,
        options=options,
        operator=operator,
        value=0.0 if operator else None,
        grain=_grain(reading, slots, metric),
        aggregation="count" if reading.has("count") else _summed(reading, metric) or _extreme(reading, metric),
    )
    if metric == "earnings_dates" and frame.group == "equity":
        frame = frame.model_copy(update={"group": None})
    return Plan(outcome="answer", frame=frame)


def _scheduled(period: Period, reading: Reading) -> Period:
    """Return the days of a schedule that are meant: the coming March, what is left of the year."""
    if not _PAST.search(reading.text):
        period = rules_releases.coming(period, reading)
    return rules_releases.rest_of(period, reading) if rules_releases.STILL_TO_COME.search(reading.text) else period


def _newest(metric: str, period: Period | None) -> int | None:
    """Return N of "the last N prints" and of surprises of the last N quarters, which are the newest ones."""
    if period is None:
        return None
    if metric in _SCHEDULED and period.kind == "sessions":
        return period.sessions
    return period.count if metric == "earnings_surprise" and period.unit == "quarter" else None


def _where(reading: Reading) -> dict[str, Any]:
    """Return the place or the words that events are searched for; they are placed."""
    places = reading.values("place")
    if places:
        return _of_places(reading, places, places[0])
    words = _headline_words(reading) or _headline_words(reading, _IN_A_PLACE) or place_of(reading)
    return {"topic": words} if words else {}


_HAPPENED_TO = re.compile(r"\bhappen(?:ed|ing|s) (?:to|with) (?!in\b)", re.I)
_MISSED = re.compile(r"\b(?:miss(?:es|ed)?|missing|fell short|below)\b", re.I)
_BEATEN = re.compile(r"\b(?:beats?|beaten|beating|topped|above)\b", re.I)


def _beaten(reading: Reading) -> str | None:
    """Return the sign of the surprises that are counted: "how many times did it miss", "how many beats"."""
    if not reading.has("count"):
        return None
    missed, beaten = _MISSED.search(reading.text), _BEATEN.search(reading.text)
    return None if missed and beaten else "<" if missed else ">" if beaten else None


def _extreme(reading: Reading, metric: str) -> str | None:
    """Return whether the smallest or the largest surprises are asked for."""
    if metric != "earnings_surprise" or not reading.has("best", "worst"):
        return None
    return "minimum" if reading.has("worst") else "maximum"


def _grain(reading: Reading, slots: Slots, metric: str) -> str | None:
    """Return the periods by which dividends are added up, or events counted."""
    added = (
        metric == "dividends"
        and slots.grain in ("year", "quarter", "month")
        and reading.has("sum", "yearly", "quarterly")
    )
    counted = metric == "geopolitical_events" or (metric == "economic_events" and reading.has("count"))
    return slots.grain if added or counted else None


_SCHEDULED = frozenset({"earnings_dates", "economic_events"})
_PAST = re.compile(
    r"\b(?:last|latest|past|previous|did|was|were|had|came|reported|published|printed|actuals?|history)\b", re.I
)


def _summed(reading: Reading, metric: str) -> str | None:
    return "sum" if metric == "dividends" and reading.has("sum") else None


_COUNTRIES = (
    ("US", r"\bUS\b|\bU\.S\.|\bAmerican?\b"), ("EU", r"\beuro ?zone\b|\beuro area\b|\bEU\b"), ("UK", r"\bUK\b|"
    "\bBritish\b|\bBritain\b"),
    ("JP", r"\bJapan(?:ese)?\b"), ("DE", r"\bGerman(?:y)?\b"), ("CN", r"\bChin(?:a|ese)\b"),
)  # fmt: skip


def _narrowed(reading: Reading) -> dict[str, Any]:
    """Return the country and the importance that a calendar is asked for; their words are placed."""
    out: dict[str, Any] = {}
    if found := re.search(r"\b(high|medium|low)[- ](?:importance|impact)\b", reading.text, re.I):
        out["severity"] = found[1].lower()
        grades = tuple(f"{grade}-{kind}" for grade in ("high", "medium", "low") for kind in ("importance", "impact"))
        _place(reading, ("importance", "impact", "high", "medium", "low", *grades))
    for code, said in _COUNTRIES:
        if found := re.search(said, reading.text):
            out["country"] = code
            _place(reading, (found[0].lower(),))
            reading.spans = [one for one in reading.spans if one.kind != "place"] + [
                replace(one, kind="headline") for one in reading.spans if one.kind == "place"
            ]
            break
    return out


def _place(reading: Reading, words: tuple[str, ...]) -> None:
    for at in reading.leftover_positions():
        if reading.words[at].low in words:
            reading.spans.append(Span(kind="headline", value=reading.words[at].low, start=at, end=at + 1))


def _beats_another(reading: Reading, slots: Slots) -> bool:
    """Say whether one instrument is asked to have beaten another, which is no earnings surprise."""
    return len(slots.symbols) > 1 and not re.search(
        r"\b(?:eps|earnings?|estimates?|consensus|expectations?|surprises?|forecasts?)\b", reading.text, re.I
    )


_LEVELS = {"hi": "high", "med": "medium"}


def _event_metric(reading: Reading, slots: Slots) -> tuple[str | None, dict[str, Any]]:
    if reading.has("geopolitical") or (reading.has("severity") and reading.has("event")):
        severity = re.search(r"\b(high|medium|low)\b", reading.text, re.I)
        severity = severity or re.search(r"\b(hi|med)(?=[- ]sev)", reading.text, re.I)
        if severity:
            _place(reading, ("high", "medium", "low", "rated", "rate", "worse"))
        serious = reading.has("severity") and re.search(r"\b(?:severe\w*|serious|major|grave\w*)\b", reading.text, re.I)
        return "geopolitical_events", {
            "severity": _LEVELS.get(severity[1].lower(), severity[1].lower())
        } if severity else {"severity": "high"} if serious else {}
    if rules_releases.around_a_place(reading, slots):
        return "geopolitical_events", {}
    if topic := rules_releases.release(reading, slots):
        return "economic_events", {"topic": topic}
    if rules_releases.is_due(reading, slots):
        return "economic_events", _narrowed(reading)
    return _corporate_or_calendar(reading, slots)


def _corporate_or_calendar(reading: Reading, slots: Slots) -> tuple[str | None, dict[str, Any]]:
    of_a_release = bool(slots.topics) and not slots.symbols and not reading.has("earnings")
    if reading.has("surprise") and not _beats_another(reading, slots) and not of_a_release:
        return "earnings_surprise", {}
    if reading.has("dividend"):
        return "dividends", {}
    if reading.has("split"):
        return "splits", {}
    dated = (
        reading.has("calendar", "when", "event")
        or bool(_FUTURE.search(reading.text))
        or bool(slots.period and slots.period.kind == "next")
        # A meeting is no series, so a stretch of time can only ask for its dates.
        or (slots.period is not None and not slots.series)
    )
    if (
        slots.topics
        and dated
        and not slots.symbols
        and slots.threshold is None
        and not reading.has("maximum", "minimum", "average")
    ):
        past_value = re.search(
            r"\bwhen (?:was|did|has)\b.*\b(?:above|below|over|under|more|less)\b", reading.text, re.I
        )
        if not past_value:
            return "economic_events", {**_narrowed(reading), "topic": slots.topics[0]}
    if reading.has("earnings") and (not slots.series or slots.symbols):
        return "earnings_dates", {}
    if reading.has("calendar") and not slots.symbols:
        return "economic_events", _narrowed(reading)
    if _HAPPENED_TO.search(reading.text):
        return None, {}
    if reading.has("event") and not slots.symbols and not slots.series:
        geopolitical = reading.has("severity")
        return ("geopolitical_events", {}) if geopolitical else ("economic_events", _narrowed(reading))
    return None, {}
