"""Say which stretch of time a question is about, relative to the desk clock."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Literal, Self

from pydantic import Field, model_validator

from core.domain.facts import Frozen

PeriodName = Literal[
    "all",
    "latest",
    "today",
    "yesterday",
    "tomorrow",
    "this_week",
    "last_week",
    "next_week",
    "this_month",
    "last_month",
    "next_month",
    "this_quarter",
    "last_quarter",
    "this_year",
    "last_year",
    "upcoming",
]
# Farther than any data, and far enough from the ends of the calendar to count on from there.
_FIRST, _LAST = date(1000, 1, 1), date(9000, 1, 1)
PeriodUnit = Literal["sessions", "days", "weeks", "months", "quarters", "years"]


class Period(Frozen):
    """Name a stretch of time in exactly one way: by name, as the last or next N units, or by dates (both included).

    `this_week`, `this_month`, `this_quarter` and `this_year` run from their first day to today (for events to
    their last day); `last_year` is the calendar year before, the trailing twelve months are `last=1, unit=years`.
    `latest` is the newest value, `upcoming` everything from today on. An empty period leaves the choice to the metric.
    """

    name: PeriodName | None = None
    last: int | None = Field(default=None, ge=1, le=100_000, description="The last N units up to today.")
    next: int | None = Field(default=None, ge=1, le=10_000, description="The next N units from today on.")
    unit: PeriodUnit | None = Field(default=None, description="Unit of `last` and `next`.")
    start: date | None = None
    end: date | None = None

    @model_validator(mode="after")
    def _check(self) -> Self:
        ways = [self.name is not None, self.last is not None, self.next is not None, bool(self.start or self.end)]
        if sum(ways) > 1:
            raise ValueError("give one of: name; last with unit; next with unit; start and/or end")
        if (self.last is not None or self.next is not None) != (self.unit is not None):
            raise ValueError("`last` and `next` need a unit (sessions, days, weeks, months, quarters, years)")
        if self.start and self.end and self.start > self.end:
            raise ValueError("start must not be after end")
        return self

    @property
    def is_empty(self) -> bool:
        """Say whether nothing was stated."""
        return self == Period()


class DateRange(Frozen):
    """Hold resolved dates, both included; None is open. `sessions` keeps the last N rows instead of days."""

    start: date | None = None
    end: date | None = None
    sessions: int | None = None


def months_before(day: date, months: int) -> date:
    """Return the same day of the month `months` earlier (later when negative), or the last day of that month."""
    index = day.year * 12 + day.month - 1 - months
    year, month = index // 12, index % 12 + 1
    last = (date(year + month // 12, month % 12 + 1, 1) - timedelta(days=1)).day
    return date(year, month, min(day.day, last))


def resolve(period: Period, today: date, *, whole: bool = False) -> DateRange:
    """Return the dates of a period as seen on `today`; `whole` lets this week, month ... run to their last day."""
    if period.start or period.end:
        return DateRange(start=period.start, end=period.end)
    if period.last is not None and period.unit is not None:
        if period.unit == "sessions":
            return DateRange(end=today, sessions=period.last)
        return DateRange(start=_shift(today, period.last, period.unit), end=today)
    if period.next is not None and period.unit is not None:
        unit = "days" if period.unit == "sessions" else period.unit
        return DateRange(start=today, end=_shift(today, -period.next, unit))
    return _named(period.name or "all", today, whole=whole)


def _shift(day: date, count: int, unit: PeriodUnit) -> date:
    try:
        if unit in ("days", "sessions", "weeks"):
            found = day - timedelta(days=count * (7 if unit == "weeks" else 1))
        else:
            found = months_before(day, count * {"months": 1, "quarters": 3, "years": 12}[unit])
    except (ValueError, OverflowError):
        found = _FIRST if count > 0 else _LAST
    return min(max(found, _FIRST), _LAST)


def _named(name: PeriodName, today: date, *, whole: bool) -> DateRange:
    if name == "all":
        return DateRange()
    if name == "latest":
        return DateRange(end=today, sessions=1)
    if name == "upcoming":
        return DateRange(start=today)
    day = {"today": 0, "yesterday": -1, "tomorrow": 1}.get(name)
    if day is not None:
        return DateRange(start=today + timedelta(days=day), end=today + timedelta(days=day))
    which, unit = name.split("_")
    step = {"last": -1, "this": 0, "next": 1}[which]
    start, following = _calendar_unit(today, unit, step)
    last = following - timedelta(days=1)
    return DateRange(start=start, end=last if whole or step else today)


def _calendar_unit(today: date, unit: str, step: int) -> tuple[date, date]:
    if unit == "week":
        start = today - timedelta(days=today.weekday()) + timedelta(weeks=step)
        return start, start + timedelta(weeks=1)
    months = {"month": 1, "quarter": 3, "year": 12}[unit]
    first = date(today.year, (today.month - 1) // months * months + 1, 1)
    return months_before(first, -step * months), months_before(first, -(step + 1) * months)
