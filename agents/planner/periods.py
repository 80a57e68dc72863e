"""Read date ranges in plain language; every form is explicit, nothing is guessed.

Weeks start on Monday; quarters and years are calendar ones. "Last year" and "the past year" are the twelve
months to today, "last month/quarter/week" the previous calendar one; the answer states the dates it used.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Literal

from pydantic import BaseModel, ConfigDict

from agents.planner.dates import (
    DATE,
    DAY,
    MONTH,
    MONTHS,
    UNIT,
    UNITS,
    YEAR,
    clamp,
    month_range,
    quarter_range,
    read_date,
)
from core.query.semantic.period import months_before

PeriodKind = Literal["latest", "range", "sessions", "next", "all"]

_ORDINALS = {"first": 1, "second": 2, "third": 3, "fourth": 4, "1st": 1, "2nd": 2, "3rd": 3, "4th": 4}
_WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
CRISES: dict[str, tuple[date, date]] = {
    "covid": (date(2020, 2, 19), date(2020, 3, 23)),
    "financial crisis": (date(2007, 10, 9), date(2009, 3, 9)),
    "dot-com": (date(2000, 3, 24), date(2002, 10, 9)),
    "black monday": (date(1987, 10, 13), date(1987, 10, 19)),
}


class Period(BaseModel):
    """Say which time a question is about; both ends are included, None is open.

    `sessions` is a count of trading days, `count` and `unit` keep "the last N units", `name` a calendar name such as
    this_week; `note` tells the reader how an ambiguous phrase was read.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    kind: PeriodKind
    start: date | None = None
    end: date | None = None
    sessions: int | None = None
    count: int | None = None
    unit: str = ""
    name: str = ""
    text: str = ""
    note: str = ""


ALL = Period(kind="all", text="all history")
LATEST = Period(kind="latest", text="latest")
UPCOMING = Period(kind="next", text="upcoming")


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """Hold a period and the characters of the question it came from."""

    period: Period
    start: int
    end: int


def unless_latest(period: Period | None) -> Period | None:
    """Return a period, or None for the latest value, which is what tools give when no period is said."""
    return None if period is None or period.kind == "latest" else period


def beside_this_year(period: Period, today: date) -> Period:
    """Return a bare "last year" said after "this year" as the calendar year before; any other period as it is."""
    if not re.match(r"Read '(?:in |for |during )?last year'", period.note):
        return period
    return Period(
        kind="range",
        start=date(today.year - 1, 1, 1),
        end=date(today.year - 1, 12, 31),
        text=str(today.year - 1),
        note=f"Read last year as {today.year - 1}.",
    )


def find_periods(text: str, today: date) -> list[Found]:
    """Return the periods named in a lower-case text, left to right, none overlapping; longer forms win."""
    found: list[Found] = []
    for pattern, read in _FORMS:
        for match in pattern.finditer(text):
            if any(match.start() < other.end and other.start < match.end() for other in found):
                continue
            period = read(match, today)
            if period is not None:
                found.append(Found(period=period, start=match.start(), end=match.end()))
    return sorted(found, key=lambda one: one.start)


def _range(start: date | None, end: date | None, text: str, note: str = "") -> Period | None:
    if start is not None and end is not None and start > end:
        return None
    return Period(kind="range", start=start, end=end, text=text, note=note)


def _back(today: date, count: int, unit: str, text: str) -> Period | None:
    if count <= 0 or count > 2000:
        return None
    if unit == "day":
        start = today - timedelta(days=count)
    elif unit == "week":
        start = today - timedelta(weeks=count)
    else:
        months = {"month": 1, "quarter": 3, "year": 12, "decade": 120}[unit] * count
        if months >= (today.year - 1) * 12:
            return None
        start = months_before(today, months)
    return Period(kind="range", start=start, end=today, count=count, unit=unit, text=text)


def _forward(today: date, count: int, unit: str, text: str) -> Period | None:
    days = {"day": 1, "week": 7, "month": 31, "quarter": 92, "year": 366, "decade": 3653}[unit] * count
    if not 0 < count <= 2000 or days > (date.max - today).days:
        return None
    return Period(
        kind="next",
        start=today + timedelta(days=1),
        end=today + timedelta(days=days),
        count=count,
        unit=unit,
        text=text,
    )


# Each form: a pattern and what it means. Earlier forms win over later ones where they overlap.
Reader = Callable[[re.Match[str], date], Period | None]


def _from_to(match: re.Match[str], today: date) -> Period | None:
    first, last = read_date(match["a"], today), read_date(match["b"], today)
    if match["b"] in ("now", "today", "present", "date", "the present"):
        return _range(first[0], today, match.group()) if first else None
    if first and last and not re.search(YEAR, match["a"]) and (said := re.findall(YEAR, match["b"])):
        dated = read_date(f"{match['a']} {said[-1]}", today)
        first = dated if dated and dated[0] <= last[1] else first
    if first and last and match["a"] in MONTHS and re.search(YEAR, match["b"]):
        first = month_range(last[0].year, MONTHS[match["a"]])
    return _range(first[0], last[1], match.group()) if first and last else None


def _since(match: re.Match[str], today: date) -> Period | None:
    named = match["a"]
    if named in ("the start of the year", "the beginning of the year", "the first of january", "january 1", "new year"):
        return Period(kind="range", start=date(today.year, 1, 1), end=today, name="this_year", text="year to date")
    first = read_date(named, today)
    return _range(first[0], None, f"since {named}") if first else None


def _since_end(match: re.Match[str], today: date) -> Period | None:
    named = read_date(match["a"], today)
    return _range(named[1], None, match.group()) if named else None


def _before(match: re.Match[str], today: date) -> Period | None:
    last = read_date(match["a"], today)
    if last is None:
        return None
    if match["w"] in ("before", "prior to"):
        return _range(None, last[0] - timedelta(days=1), match.group())
    return _range(None, last[1], match.group())


def through_its_year(period: Period) -> Period:
    """Return the year of "month by month through 2025"; any other period as it is."""
    named = re.fullmatch(r"through ((?:19|20)\d\d)", period.text)
    return period.model_copy(update={"start": date(int(named[1]), 1, 1)}) if named and not period.start else period


def _after(match: re.Match[str], today: date) -> Period | None:
    last = read_date(match["a"], today)
    return _range(last[1] + timedelta(days=1), None, match.group()) if last else None


# A bare 2000 before these words, or after these, is a count: "2000 dollars", "buy 2000 AAPL".
_COUNTED = re.compile(
    r" ?(?:dollars?|usd|bucks|euros?|shares?|units?|lots?|coins?|contracts?|paths?|simulations?|sims?|runs|trials|"
    r"draws|scenarios|bps?|basis|points?|percent|pct|%|k\b|times|sessions?|days|months|stocks|names)\b"
)
_COUNTS = re.compile(
    r"(?:\b(?:buy|buying|sell|selling|short|purchase|up|rid of|long|add|quantity|qty|limit|stop|top|seed)|[$€£@<>=]) ?$"
)


def _on(match: re.Match[str], today: date) -> Period | None:
    if _is_count(match):
        return None
    named = read_date(match["a"], today)
    return _range(named[0], named[1], match["a"]) if named else None


def _is_count(match: re.Match[str]) -> bool:
    """Say whether a bare year is a count: "buy 2000 AAPL", "get rid of 2010 shares"."""
    if not re.fullmatch(YEAR, match["a"]):
        return False
    before, after = match.string[: match.start("a")], match.string
    return bool(_COUNTED.match(after, match.end("a")) or _COUNTS.search(before))


def _quarter(match: re.Match[str], today: date) -> Period | None:
    groups = match.groupdict()
    number = int(groups["n"]) if groups.get("n") else _ORDINALS[groups["o"]]
    if not 1 <= number <= 4:
        return None
    if groups.get("y"):
        start, end = quarter_range(int(groups["y"]), number)
        return _range(start, end, f"Q{number} {groups['y']}")
    year = today.year if quarter_range(today.year, number)[0] <= today else today.year - 1
    start, end = quarter_range(year, number)
    return _range(start, min(end, today), f"Q{number} {year}", f"Read Q{number} as the one of {year}.")


def _half(match: re.Match[str], today: date) -> Period | None:
    groups = match.groupdict()
    second = (groups.get("n") or {"first": "1", "second": "2"}.get(groups.get("o") or "", "")) == "2"
    year = int(match["y"]) if match["y"] else today.year
    return _range(date(year, 7 if second else 1, 1), date(year, 12, 31) if second else date(year, 6, 30), match.group())


def _this(match: re.Match[str], today: date) -> Period | None:
    unit = UNITS[match["u"]]
    start = {
        "day": today,
        "week": today - timedelta(days=today.weekday()),
        "month": today.replace(day=1),
        "quarter": date(today.year, 3 * ((today.month - 1) // 3) + 1, 1),
        "year": date(today.year, 1, 1),
    }.get(unit)
    if start is None:
        return None
    text = "today" if unit == "day" else "year to date" if unit == "year" else f"this {unit}"
    return Period(kind="range", start=start, end=today, name="today" if unit == "day" else f"this_{unit}", text=text)


def _to_date(match: re.Match[str], today: date) -> Period | None:
    word = match.group().replace("-", " ").replace(" ", "")
    unit = {"y": "year", "q": "quarter", "m": "month", "w": "week"}[word[0]]
    start = {
        "year": date(today.year, 1, 1),
        "quarter": date(today.year, 3 * ((today.month - 1) // 3) + 1, 1),
        "month": today.replace(day=1),
        "week": today - timedelta(days=today.weekday()),
    }[unit]
    return Period(kind="range", start=start, end=today, name=f"this_{unit}", text=f"{unit} to date")


def _last_unit(match: re.Match[str], today: date) -> Period | None:
    unit = UNITS[match["u"]]
    if unit == "year":
        if match["w"] in ("previous", "prior", "calendar"):
            return _range(date(today.year - 1, 1, 1), date(today.year - 1, 12, 31), str(today.year - 1))
        period = _back(today, 1, "year", "the last year")
        note = f"Read {match.group()!r} as the twelve months to {today}; name a year such as {today.year - 1} for that."
        return period.model_copy(update={"note": note}) if period else None
    if unit in ("day", "decade") or match["w"] in ("past", "this past", "trailing"):
        return _back(today, 1, unit, f"the past {unit}")
    if unit == "week":
        monday = today - timedelta(days=today.weekday() + 7)
        return Period(kind="range", start=monday, end=monday + timedelta(days=6), name="last_week", text="last week")
    if unit == "month":
        last = today.replace(day=1) - timedelta(days=1)
        return Period(kind="range", start=last.replace(day=1), end=last, name="last_month", text="last month")
    quarter = (today.month - 1) // 3 or 4
    start, end = quarter_range(today.year if today.month > 3 else today.year - 1, quarter)
    text = f"last quarter (Q{quarter} {start.year})"
    return Period(kind="range", start=start, end=end, name="last_quarter", text=text)


def _last_count(match: re.Match[str], today: date) -> Period | None:
    count, named = int(match["n"] or 1), match["u"]
    if named in _SESSION_WORDS or (named in ("day", "days") and "trading" in match.group()):
        return Period(kind="sessions", sessions=count, count=count, unit="session", text=f"the last {count} sessions")
    unit = UNITS[named]
    plural = "" if count == 1 else "s"
    return _back(today, count, unit, f"the last {count} {unit}{plural}")


def _compact(match: re.Match[str], today: date) -> Period | None:
    unit = UNITS[match["u"]]
    count = int(match["n"]) if match["n"].isdigit() else 1
    return _back(today, count, unit, f"the last {count} {unit}{'' if count == 1 else 's'}")


def _next(match: re.Match[str], today: date) -> Period | None:
    groups = match.groupdict()
    unit = UNITS[match["u"]]
    if groups.get("n"):
        return _forward(today, int(match["n"]), unit, match.group())
    if unit == "week":
        monday = today + timedelta(days=7 - today.weekday())
        return Period(kind="next", start=monday, end=monday + timedelta(days=6), name="next_week", text="next week")
    if unit == "month":
        first = clamp(today.year, today.month, 31) + timedelta(days=1)
        last = clamp(first.year, first.month, 31)
        return Period(kind="next", start=first, end=last, name="next_month", text="next month")
    return _forward(today, 1, unit, match.group())


def _day_word(match: re.Match[str], today: date) -> Period | None:
    days = {"day before yesterday": -2, "yesterday": -1, "today": 0, "tonight": 0, "tomorrow": 1}[match["d"]]
    day = today + timedelta(days=days)
    kind: PeriodKind = "next" if days > 0 else "range"
    name = match["d"] if match["d"] in ("today", "yesterday", "tomorrow") else ""
    return Period(kind=kind, start=day, end=day, name=name, text=match["d"])


def _on_or_before(weekday: int, today: date) -> date:
    return today - timedelta(days=(today.weekday() - weekday) % 7)


def _weekday(match: re.Match[str], today: date) -> Period | None:
    """Read a weekday as the newest one up to today; "last friday" said on a Friday is the one before."""
    number, which = _WEEKDAYS.index(match["d"]), (match["w"] or "").strip()
    if which == "next":
        day = today + timedelta(days=(number - today.weekday() - 1) % 7 + 1)
        return Period(kind="next", start=day, end=day, text=match.group())
    day = _on_or_before(number, today - timedelta(days=1) if which == "last" else today)
    return _range(day, day, f"{match['d'].capitalize()}, {day}")


def _since_day(match: re.Match[str], today: date) -> Period | None:
    day = today - timedelta(days=1)
    if match["d"] != "yesterday":
        day = _on_or_before(_WEEKDAYS.index(match["d"]), today)
    return _range(day, None, match.group())


def _since_unit(match: re.Match[str], today: date) -> Period | None:
    monday = today - timedelta(days=today.weekday() + 7)
    month = today.replace(day=1) - timedelta(days=1)
    index = today.year * 4 + (today.month - 1) // 3 - 1
    start = {"week": monday, "month": month.replace(day=1), "quarter": date(index // 4, index % 4 * 3 + 1, 1)}[
        match["u"]
    ]
    return _range(start, None, match.group())


def _ago(match: re.Match[str], today: date) -> Period | None:
    count = 1 if match["n"] in ("a", "an", "1") else int(match["n"])
    back = _back(today, count, UNITS[match["u"]], match.group())
    if back is None or back.start is None:
        return None
    if match["since"]:
        return _range(back.start, today, f"since {match.group().removeprefix('since ')}")
    return _range(back.start, back.start, match.group())


def _decade(match: re.Match[str], today: date) -> Period | None:
    named = {"twenties": 2020, "nineties": 1990, "eighties": 1980, "seventies": 1970, "sixties": 1960}
    text = match["d"]
    first = named[text] if text in named else int(text[:4]) if len(text) == 5 else 1900 + int(text[:2])
    return _range(date(first, 1, 1), date(first + 9, 12, 31), f"the {first}s")


def _crisis(match: re.Match[str], today: date) -> Period | None:
    text = match.group()
    key = (
        "covid" if "covid" in text or "pandemic" in text
        else "dot-com" if "dot" in text
        else "black monday" if "monday" in text
        else "financial crisis"
    )  # fmt: skip
    start, end = CRISES[key]
    return _range(start, end, f"the {text.removeprefix('the ')} ({start} to {end})")


def _since_crisis(match: re.Match[str], today: date) -> Period | None:
    crisis = _crisis(match, today)
    if crisis is None:
        return None
    start = crisis.end if "low" in match.group() else crisis.start
    return _range(start, None, f"since {start}", f"Read {match.group()!r} as since {start}.")


def _all(match: re.Match[str], today: date) -> Period | None:
    return Period(kind="all", text="all history")


def _latest(match: re.Match[str], today: date) -> Period | None:
    return Period(kind="latest", text="latest")


def _week_extreme(match: re.Match[str], today: date) -> Period | None:
    return _back(today, 1, "year", "the last 52 weeks")


def _part_of(match: re.Match[str], today: date) -> Period | None:
    """Read early, mid and late of a year as its thirds, and its first or last months."""
    year, groups = int(match["y"]), match.groupdict()
    if groups.get("n"):
        months = int(match["n"])
        if not 1 <= months <= 12:
            return None
        first, last = (1, months) if match["o"] == "first" else (13 - months, 12)
    else:
        first, last = {"early": (1, 4), "mid": (5, 8), "late": (9, 12)}[match["o"].rstrip("-")]
    note = "" if groups.get("n") else f"Read {match['o']} {year} as its months {first} to {last}."
    return _range(date(year, first, 1), clamp(year, last, 31), match.group(), note)


def _to_month(match: re.Match[str], today: date) -> Period | None:
    """Read "the 12 months to March 2024" and "the year ended June 2023"."""
    last = read_date(match["a"], today)
    if last is None:
        return None
    months = int(match["n"]) if match["n"] else 12
    return _range(months_before(last[1] + timedelta(days=1), months), last[1], match.group())


def _session_of(match: re.Match[str], today: date) -> Period | None:
    """Read the first or last trading day of a month or year as that weekday; New Year's Day is none."""
    named = read_date(match["a"], today)
    if named is None:
        return None
    day = min(named[1], today) if match["w"] in ("last", "final") else named[0]
    step = timedelta(days=-1 if match["w"] in ("last", "final") else 1)
    while day.weekday() > 4 or (day.month, day.day) == (1, 1):
        day += step
    return _range(day, day, match.group())


def last_units(count: int, unit: str, today: date) -> Period | None:
    """Return the last N of a unit written for short, such as y or m; None if it is no unit."""
    name = UNITS.get(unit, "")
    return _back(today, count, name, f"the last {count} {name}{'' if count == 1 else 's'}") if name else None


def _edge(match: re.Match[str], today: date) -> Period | None:
    """Read the end or the start of a year or month as its last or first ten days, which hold a session."""
    named = read_date(match["a"], today)
    if named is None:
        return None
    if match["w"] in ("end", "close"):
        return _range(named[1] - timedelta(days=9), min(named[1], today), match.group())
    return _range(named[0], named[0] + timedelta(days=9), match.group())


_SESSION_WORDS = frozenset(
    {"session", "sessions", "close", "closes", "bar", "bars", "candle", "candles", "print", "prints"}
    | {"price", "prices", "closing price", "closing prices", "close price", "close prices", "closing levels"}
)
_IN = r"(?:in|during|for|over|of|within|throughout|on|at|as of|around)"
_THE = r"(?:the )?"


def _form(pattern: str, read: Reader) -> tuple[re.Pattern[str], Reader]:
    return re.compile(rf"(?<![\w.]){pattern}(?!\w|-\d)"), read


def _until_end(match: re.Match[str], today: date) -> Period | None:
    """Read "between now and month end" as what is left of the month."""
    unit = match["u"] or match["v"]
    end = {
        "week": today + timedelta(days=6 - today.weekday()),
        "month": clamp(today.year, today.month, 31),
        "quarter": quarter_range(today.year, (today.month - 1) // 3 + 1)[1],
        "year": date(today.year, 12, 31),
    }[unit]
    return _range(today, end, match.group())


def _weekend(match: re.Match[str], today: date) -> Period | None:
    saturday = today - timedelta(days=(today.weekday() - 5) % 7)
    return _range(saturday, min(saturday + timedelta(days=1), today), "the weekend")


_FORMS: tuple[tuple[re.Pattern[str], Reader], ...] = (
    _form(r"(?:between now and|from now (?:to|until)|until|till|through|by|before|to) (?:the )?"
    r"(?:(?P<u>month|quarter|year|week)[- ]?end|end of (?:the |this )?(?P<v>month|quarter|year|week))", _until_end),
    _form(r"(?:over |at |during |on )?(?:the |this |the last |last |the past )weekend", _weekend),
    _form(r"(?:in |during |over |for |through |throughout )?(?:the )?(?:covid(?:-19)?(?: crash| crisis| selloff|"
    r" pandemic)?|global financial crisis|great financial crisis|financial crisis|gfc|pandemic|dot-?com (?:crash|bust|"
    r"bubble)|black monday)", _crisis),
    _form(rf"(?:from|between) (?:the (?:start|beginning) of )?(?P<a>{DATE}) ?(?:to|until|till|through|and|-) ?"
    rf"(?:the end of )?(?P<b>{DATE}|now|today|present)", _from_to),
    _form(rf"since (?:the )?(?:end|close) of (?:the year )?(?P<a>{DATE})", _since_end),
    _form(rf"(?:since|ever since|starting(?: in| from| with| at)?|from|"
          rf"begin(?:ning|s)?(?: in| with| from| at)?|start in|going back to|dating back to|"
          rf"back to|as of the start of) (?:the (?:very )?(?:start|beginning) "
    rf"of (?:the year )?(?={DATE}))?(?P<a>the (?:start|beginning) of the year|the first of january|new year|"
    rf"{DATE})(?: on(?:wards?)?)?(?! (?:to|until|till|"
    rf"through|-)| (?:, )?{YEAR})", _since),
    _form(r"52[- ]?(?:week|wk|w)(?= (?:high|low|highs|lows|range))", _week_extreme),
    _form(rf"(?:at |around )?(?:the )?(?<!by the )(?P<w>end|close|start|beginning) of (?:the year )?(?P<a>{YEAR}|"
    rf"(?:{MONTH})(?: {YEAR})?)", _edge),
    _form(rf"(?:{_IN} )?{_THE}(?:(?P<n>\d+) months|(?:full )?year) (?:to|ended|ending|through)(?: in)? (?:the end of )?"
    rf"(?P<a>(?:{MONTH}) {YEAR})", _to_month),
    _form(rf"(?:{_IN} |by )?{_THE}(?P<w>first|last|final) (?:trading day|business day|session|close|day) (?:of|"
          rf"in) (?P<a>{YEAR}|"
    rf"(?:{MONTH})(?: {YEAR})?)", _session_of),
    _form(rf"(?:{_IN} )?{_THE}(?P<o>first|last) (?P<n>\d+) months of (?P<y>{YEAR})", _part_of),
    _form(rf"(?:{_IN} )?{_THE}(?P<o>early|mid-?|late) (?P<y>{YEAR})", _part_of),
    _form(r"since (?:the )?(?:covid(?:-19)?|pandemic|gfc|financial crisis)(?: (?:crash|crisis|pandemic|low|lows))?",
          _since_crisis),
    _form(r"since (?P<d>yesterday)", _since_day),
    _form(rf"since (?:last |this )?(?P<d>{'|'.join(_WEEKDAYS)})", _since_day),
    _form(r"since (?:the )?(?:last|previous) (?P<u>week|month|quarter)", _since_unit),
    _form(rf"(?:from |between |for )?(?P<a>{DATE}) ?(?:to|until|till|through|thru|-|"
    rf"\.\.) ?(?:(?:the )?end(?: of)? )?(?P<b>{DATE}|"
    rf"now|today|the present|present|date)", _from_to),
    _form(rf"(?:all )?(?:through(?:out)?|across|spanning) (?P<a>{YEAR}) and (?P<b>{YEAR})", _from_to),
    _form(rf"(?P<w>before|prior to|until|till|up to|through|by the end of) (?P<a>{DATE})", _before),
    _form(rf"after (?P<a>{DATE})", _after),
    _form(rf"(?:{_IN} )?{_THE}q(?P<n>[1-4])(?: of|-| ,)? ?(?P<y>{YEAR})", _quarter),
    _form(rf"(?:{_IN} )?(?P<y>{YEAR}) ?(?:- ?)?q(?P<n>[1-4])", _quarter),
    _form(rf"(?:{_IN} )?{_THE}(?P<o>first|second|third|fourth|1st|2nd|3rd|"
    rf"4th) quarter(?: of)?(?: (?P<y>{YEAR}))?", _quarter),
    _form(rf"(?:{_IN} )?{_THE}q(?P<n>[1-4])", _quarter),
    _form(rf"(?:{_IN} )?{_THE}h(?P<n>[12])(?:(?: of)? ?(?P<y>{YEAR}))?", _half),
    _form(rf"(?:{_IN} )?{_THE}(?P<o>first|second) half(?:(?: of)? (?P<y>{YEAR})| of (?:the|this) year)", _half),
    _form(r"(?:since |over |through |for )?(?:year[- ]to[- ]date|ytd|month[- ]to[- ]date|mtd|"
    r"quarter[- ]to[- ]date|qtd|week[- ]to[- ]date|wtd)", _to_date),
    _form(rf"(?:{_IN} )?(?:so far )?(?:this|current|the current|the present) (?P<u>{UNIT})(?: so far)?", _this),
    # "The high of the year", "up on the year": the one that runs.
    _form(r"(?<!end )(?<!start )(?<!beginning )(?<!rest )(?<!half )(?<!quarter )(?<!month )(?<!day )(?<!part )"
    r"(?<!remainder )(?<!balance )(?<!turn )(?<!close )(?:of|on|for) the (?P<u>year|quarter|month|week)"
    r"(?! (?:of|to|before|after|ending|ended|end|from|that|when|in|ahead|\d))", _this),
    _form(rf"(?:{_IN} )?{_THE}(?:last|past|this past|these past|previous|prior|trailing|latest|recent|most recent|"
    rf"preceding) (?P<n>\d+)[- ]?(?:trading |business |"
    rf"calendar |daily )?(?P<u>{'|'.join(sorted(_SESSION_WORDS, key=len, reverse=True))}|{UNIT})", _last_count),
    _form(r"(?:over |for |on )?(?:ttm|ltm)", lambda match, today: _back(today, 12, "month", "the last 12 months")),
    _form(rf"(?:{_IN} )?{_THE}(?P<w>(?:this )?past|last|previous|prior|trailing|calendar(?! \w+ (?:returns?|"
    rf"performances?|gains?|changes?))|preceding) (?:calendar |full |complete )?(?P<u>{UNIT})(?! {YEAR})", _last_unit),
    _form(rf"(?:{_IN} )?{_THE}(?:next|coming|following|upcoming) (?:(?P<n>\d+) )?(?P<u>{UNIT})", _next),
    _form(rf"(?P<since>since )?(?P<n>\d+|a|an) (?P<u>{UNIT}) (?:ago|back|earlier)", _ago),
    _form(r"(?:in |for |on |as of |until )?(?P<d>day before yesterday|yesterday|today|tonight|tomorrow)", _day_word),
    _form(rf"(?:on |by |as of )?(?P<w>last |this |next )?(?P<d>{'|'.join(_WEEKDAYS)})", _weekday),
    _form(rf"(?:using|over|for|with|within|on|across|covering) (?:about |the )?(?P<n>\d+|a|"
    rf"one)[- ]?(?P<u>{UNIT})(?: of (?:data|history|prices|returns))?(?! (?:usd|dollars|bucks|euros|shares))",
          _compact),
    _form(rf"(?P<n>\d+)[- ]?(?P<u>{UNIT}) (?:of (?:data|history|prices|returns)|lookback|window|history)", _compact),
    _form(r"(?:in |during )?(?:the )?(?P<d>(?:19|20)\d0s|[6-9]0s|twenties|nineties|eighties|seventies|"
    r"sixties)", _decade),
    _form(r"(?:over |for |in |since |through )?(?:all|the whole|the entire|the full|full|entire|whole|"
    r"complete) (?:of )?(?:available )?(?:history|time|period|sample|data|record)", _all),
    _form(r"(?:since (?:inception|(?:its |the )?(?:ipo|listing|launch|start|beginning|birth))|from inception|"
          r"lifetime|all[- ]time(?! high| low| best| worst| peak)|ever(?! since)|of all time|on record|"
    r"historically|max history|(?:since|from) the (?:very )?(?:beginning|start)(?! of))", _all),
    _form(rf"(?:{_IN} |by )?(?:the )?(?:week of |month of |calendar year |calendar |year |full year |"
    rf"end of )?(?P<a>\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}/\d{{1,2}}/\d{{4}}|(?:{MONTH})\.? {DAY} ?,? {YEAR}|"
    rf"{DAY}(?: of)? (?:{MONTH}) ?,? {YEAR}|(?:{MONTH})(?: of)? {YEAR})", _on),
    _form(rf"(?:{_IN} |by )(?:the )?(?:calendar year |calendar |year |full year )?(?P<a>{YEAR}|"
    rf"(?:{MONTH}) {DAY}|{DAY}(?: of)? (?:{MONTH})|(?:{MONTH}))", _on),
    _form(rf"(?:calendar year |calendar |year |full year |fy)?(?P<a>{YEAR})", _on),
    _form(rf"(?P<a>(?:{MONTH})\.? {DAY}|{DAY}(?: of)? (?:{MONTH}))", _on),
    _form(rf"(?P<a>{'|'.join(name for name in MONTHS if len(name) > 3 and name not in ('march', 'sept'))})", _on),
    _form(r"(?<!rolling )(?P<n>\d+)[- ](?P<u>week|wk|month|mth|quarter|qtr|year|yr)(?= (?:trailing |total |"
          r"price |annuali[sz]ed |max |"
    r"maximum )?(?:returns?|performance|trend|change|gains?|volatility|vol|sharpe|sortino|beta|correlations?|"
    r"drawdown|cagr|"
    r"average|avg|high|low|chart|view|sentiment)\b(?! momentum))", _compact),
    _form(r"(?<!average )(?<!rolling )(?<!every )(?<!per )(?<!hold )(?<!holding )(?<!horizon )(?P<n>1) "
          r"(?P<u>week|wk|month|mth|quarter|qtr|year|yr)(?=\s*(?:[?.!,;]|$|(?:vs|versus|please|pls|only|too)\b))",
          _compact),
    _form(r"(?<!average )(?<!rolling )(?P<n>\d+) (?P<u>weeks|wks|months|mths|quarters|qtrs|years|yrs)(?! (?:ago|"
          r"ahead|forward|from|out|"
    r"after|before|later|following|either|momentum|lookback|old|moving|of|to|into|in|at|was|were|is|did|has|had)\b)",
          _compact),
    _form(r"(?:right now|at the moment|as of now|currently|current|latest|most recent|newest|now|at present|"
    r"nowadays)", _latest),
)  # fmt: skip
