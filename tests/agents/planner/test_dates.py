"""Every day in every way of writing it is read as that day: compared with the standard library's own calendar."""

from __future__ import annotations

import calendar
from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.planner.dates import MONTHS, UNITS, clamp, month_range, quarter_range, read_date

TODAY = date(2026, 6, 24)
DAYS = st.dates(date(1900, 1, 1), date(2099, 12, 31))


def ordinal(day: int) -> str:
    """Return 1st, 2nd, 3rd, 4th, 11th, 21st and so on, by the rule of English grammar."""
    ending = "th" if day in (11, 12, 13) else {1: "st", 2: "nd", 3: "rd"}.get(day % 10, "th")
    return f"{day}{ending}"


def writings(day: date) -> list[str]:
    """Return the ways to write a day with its year."""
    long, short = calendar.month_name[day.month].lower(), calendar.month_abbr[day.month].lower()
    number, year = day.day, day.year
    return [
        day.isoformat(),
        f"{day.month}/{number}/{year}",
        f"{day.month:02d}/{number:02d}/{year}",
        f"{long} {number} {year}",
        f"{long} {number} , {year}",
        f"{long} {ordinal(number)} {year}",
        f"{short} {number} {year}",
        f"{short}. {number} , {year}",
        f"{number} {long} {year}",
        f"{ordinal(number)} of {long} {year}",
        f"{ordinal(number)} {short} {year}",
    ]


@settings(max_examples=100, deadline=None)
@given(DAYS)
def test_a_day_with_its_year_is_itself_in_every_writing(day: date) -> None:
    for text in writings(day):
        assert read_date(text, TODAY) == (day, day), text


@settings(max_examples=60, deadline=None)
@given(DAYS, DAYS)
def test_what_is_written_with_its_year_does_not_depend_on_today(day: date, today: date) -> None:
    assert {read_date(text, today) for text in writings(day)} == {(day, day)}


@settings(max_examples=60, deadline=None)
@given(st.dates(date(1950, 1, 1), date(2090, 12, 31)), st.integers(0, 364))
def test_without_a_year_it_is_the_last_one_there_was(today: date, back: int) -> None:
    day = today - timedelta(days=back)
    # Leap days have no such day a year later, and a span over one has two readings of its first day.
    if (day.month, day.day) == (2, 29) or (day.month, day.day) == (today.month, today.day) != (day.month, today.day):
        return
    found = read_date(f"{calendar.month_name[day.month].lower()} {day.day}", today)
    assert found is not None and found[0] == found[1]
    assert (found[0].month, found[0].day) == (day.month, day.day)
    assert today - timedelta(days=366) < found[0] <= today


@pytest.mark.parametrize(
    ("today", "leap_day"),
    [
        (date(2024, 2, 29), date(2024, 2, 29)),
        (date(2024, 3, 1), date(2024, 2, 29)),
        (date(2024, 2, 28), date(2020, 2, 29)),
        (date(2026, 6, 24), date(2024, 2, 29)),
        (date(2027, 12, 31), date(2024, 2, 29)),
        # 1900 was no leap year, 2000 was.
        (date(1903, 12, 31), date(1896, 2, 29)),
        (date(2003, 12, 31), date(2000, 2, 29)),
    ],
)
def test_the_last_leap_day_is_years_back(today: date, leap_day: date) -> None:
    for text in ("february 29", "feb 29th", "29 february", "29th of feb"):
        assert read_date(text, today) == (leap_day, leap_day)


@pytest.mark.parametrize(
    "text",
    [
        "2023-02-29", "2023-13-01", "2023-00-10", "2/30/2024", "february 30", "february 30 2024", "31 april", "0 may",
        "april 31 2020", "29 february 2023", "32 january", "13/13/2024", "", "soon", "mayhem", "20240101", "may be",
        "1899", "2100", "12/2024", "2024-1-5",
    ],
)  # fmt: skip
def test_what_is_no_date_is_none(text: str) -> None:
    assert read_date(text, TODAY) is None


@settings(max_examples=60, deadline=None)
@given(st.integers(1900, 2099), st.integers(1, 12))
def test_months_and_years_run_from_their_first_day_to_their_last(year: int, month: int) -> None:
    last = calendar.monthrange(year, month)[1]
    whole = (date(year, month, 1), date(year, month, last))
    assert month_range(year, month) == whole
    name = calendar.month_name[month].lower()
    for text in (f"{name} {year}", f"{name} of {year}", f"{calendar.month_abbr[month].lower()} {year}"):
        assert read_date(text, TODAY) == whole
    assert read_date(str(year), TODAY) == (date(year, 1, 1), date(year, 12, 31))


@pytest.mark.parametrize("month", range(1, 13))
def test_a_month_alone_is_the_last_that_began(month: int) -> None:
    year = 2026 if month <= 6 else 2025
    for name in (calendar.month_name[month].lower(), calendar.month_abbr[month].lower()):
        assert read_date(name, TODAY) == month_range(year, month)


@settings(max_examples=60, deadline=None)
@given(st.integers(1900, 2099), st.integers(1, 4))
def test_quarters_are_those_of_pandas(year: int, quarter: int) -> None:
    period = pd.Period(year=year, quarter=quarter, freq="Q")
    assert quarter_range(year, quarter) == (period.start_time.date(), period.end_time.date())


@settings(max_examples=60, deadline=None)
@given(st.integers(1900, 2099), st.integers(1, 12), st.integers(1, 31))
def test_a_day_that_a_month_does_not_have_is_its_last(year: int, month: int, day: int) -> None:
    assert clamp(year, month, day) == date(year, month, min(day, calendar.monthrange(year, month)[1]))


def test_every_month_has_its_name_and_its_short_name() -> None:
    for month in range(1, 13):
        assert MONTHS[calendar.month_name[month].lower()] == MONTHS[calendar.month_abbr[month].lower()] == month
    assert MONTHS["sept"] == 9
    assert set(MONTHS.values()) == set(range(1, 13))


def test_a_unit_has_its_plural_and_stands_for_itself() -> None:
    for unit in ("day", "week", "month", "quarter", "year", "decade"):
        assert UNITS[unit] == UNITS[f"{unit}s"] == unit
    assert set(UNITS.values()) == {"day", "week", "month", "quarter", "year", "decade"}
