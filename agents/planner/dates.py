"""Read single dates in words and figures, and count months and quarters."""

from __future__ import annotations

import re
from datetime import date, timedelta

MONTHS = {
    name: number
    for number, names in enumerate(
        (
            ("january", "jan"), ("february", "feb"), ("march", "mar"), ("april", "apr"), ("may",), ("june", "jun"),
            ("july", "jul"), ("august", "aug"), ("september", "sep", "sept"), ("october", "oct"),
            ("november", "nov"), ("december", "dec"),
        ),
        start=1,
    )
    for name in names
}  # fmt: skip
UNITS = {
    "d": "day", "day": "day", "days": "day", "dy": "day",
    "w": "week", "wk": "week", "wks": "week", "week": "week", "weeks": "week",
    "m": "month", "mo": "month", "mos": "month", "mth": "month", "mths": "month", "month": "month", "months": "month",
    "q": "quarter", "qtr": "quarter", "qtrs": "quarter", "quarter": "quarter", "quarters": "quarter",
    "y": "year", "yr": "year", "yrs": "year", "year": "year", "years": "year",
    "decade": "decade", "decades": "decade",
}  # fmt: skip
MONTH = "|".join(sorted(MONTHS, key=len, reverse=True))
UNIT = "|".join(sorted(UNITS, key=len, reverse=True))
YEAR = r"(?:19|20)\d\d"
DAY = r"\d{1,2}(?:st|nd|rd|th)?"
DATE = (
    rf"(?:\d{{4}}-\d{{2}}-\d{{2}}|\d{{1,2}}/\d{{1,2}}/\d{{4}}|"
    rf"(?:{MONTH})\.? {DAY}(?: ,)?(?: {YEAR})?|{DAY}(?: of)? (?:{MONTH})(?: ,)?(?: {YEAR})?|"
    rf"(?:{MONTH})(?: of)? {YEAR}|{YEAR}|(?:{MONTH}))"
)


def clamp(year: int, month: int, day: int) -> date:
    """Return a day of a month, or the last one of a month that is shorter."""
    following = date(year + month // 12, month % 12 + 1, 1)
    return date(year, month, min(day, (following - timedelta(days=1)).day))


def month_range(year: int, month: int) -> tuple[date, date]:
    """Return the first and last day of a month."""
    return date(year, month, 1), clamp(year, month, 31)


def quarter_range(year: int, quarter: int) -> tuple[date, date]:
    """Return the first and last day of a calendar quarter."""
    return date(year, 3 * quarter - 2, 1), clamp(year, 3 * quarter, 31)


def read_date(text: str, today: date) -> tuple[date, date] | None:
    """Return first and last day of a day, month or year written in words or figures; None if it is no date."""
    text = text.replace(" ,", "").replace(" of ", " ").replace(".", "").strip()
    if re.fullmatch(YEAR, text):
        return date(int(text), 1, 1), date(int(text), 12, 31)
    if match := re.fullmatch(r"(\d{4})-(\d{2})-(\d{2})", text):
        return _one_day(int(match[1]), int(match[2]), int(match[3]))
    if match := re.fullmatch(r"(\d{1,2})/(\d{1,2})/(\d{4})", text):
        month, day = int(match[1]), int(match[2])
        return _one_day(int(match[3]), *((month, day) if month <= 12 else (day, month)))
    if match := re.fullmatch(rf"({MONTH}) ({YEAR})", text):
        return month_range(int(match[2]), MONTHS[match[1]])
    if match := re.fullmatch(rf"({MONTH}) ({DAY})(?: ({YEAR}))?", text):
        return _day_of(MONTHS[match[1]], match[2], match[3], today)
    if match := re.fullmatch(rf"({DAY}) ({MONTH})(?: ({YEAR}))?", text):
        return _day_of(MONTHS[match[2]], match[1], match[3], today)
    if text in MONTHS:
        month = MONTHS[text]
        return month_range(today.year if month <= today.month else today.year - 1, month)
    return None


def _one_day(year: int, month: int, day: int) -> tuple[date, date] | None:
    try:
        return date(year, month, day), date(year, month, day)
    except ValueError:
        return None


def _day_of(month: int, day: str, year: str | None, today: date) -> tuple[date, date] | None:
    number = int(re.sub(r"\D", "", day))
    if year:
        return _one_day(int(year), month, number)
    # The last one there was: of a leap day up to eight years ago, as before and after 1900.
    found = (_one_day(today.year - back, month, number) for back in range(9))
    return next((one for one in found if one is not None and one[0] <= today), None)
