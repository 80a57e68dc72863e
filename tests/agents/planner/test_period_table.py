"""Date phrases on days that break naive calendars: leap days, year ends, month ends, Mondays, weekends.

The expected dates are read off a calendar by hand; `python -c "import calendar; calendar.prcal(2024)"` shows them.
"""

from __future__ import annotations

from datetime import date

import pytest

from agents.planner.periods import find_periods
from agents.planner.text import joined, split

LEAP_DAY = "2024-02-29"  # a Thursday
NEW_YEARS_EVE = "2023-12-31"  # a Sunday
NEW_YEARS_DAY = "2024-01-01"  # a Monday
MONDAY = "2026-06-22"
WEDNESDAY = "2026-06-24"
SATURDAY = "2022-11-26"
MONTH_END = "2023-03-31"  # a Friday
MARCH_FIRST = "2025-03-01"  # a Saturday after a February of 28 days
QUARTER_START = "2023-10-01"  # a Sunday
REPLAY_DAY = "2022-11-29"  # a Tuesday: the day the sample data stop

TABLE: dict[str, list[tuple[str, str | None, str | None]]] = {
    LEAP_DAY: [
        ("last year", "2023-02-28", "2024-02-29"),
        ("the past year", "2023-02-28", "2024-02-29"),
        ("a year ago", "2023-02-28", "2023-02-28"),
        ("4 years ago", "2020-02-29", "2020-02-29"),
        ("last 4 years", "2020-02-29", "2024-02-29"),
        ("last 12 months", "2023-02-28", "2024-02-29"),
        ("last month", "2024-01-01", "2024-01-31"),
        ("past month", "2024-01-29", "2024-02-29"),
        ("last 3 months", "2023-11-29", "2024-02-29"),
        ("this month", "2024-02-01", "2024-02-29"),
        ("next month", "2024-03-01", "2024-03-31"),
        ("last quarter", "2023-10-01", "2023-12-31"),
        ("this quarter", "2024-01-01", "2024-02-29"),
        ("ytd", "2024-01-01", "2024-02-29"),
        ("mtd", "2024-02-01", "2024-02-29"),
        ("wtd", "2024-02-26", "2024-02-29"),
        ("this week", "2024-02-26", "2024-02-29"),
        ("last week", "2024-02-19", "2024-02-25"),
        ("next week", "2024-03-04", "2024-03-10"),
        ("yesterday", "2024-02-28", "2024-02-28"),
        ("tomorrow", "2024-03-01", "2024-03-01"),
        ("in February 2024", "2024-02-01", "2024-02-29"),
        ("in February 2023", "2023-02-01", "2023-02-28"),
        ("in February", "2024-02-01", "2024-02-29"),
        ("in March", "2023-03-01", "2023-03-31"),
        ("on February 29 2024", "2024-02-29", "2024-02-29"),
        ("on February 29", "2024-02-29", "2024-02-29"),
        ("last decade", "2014-02-28", "2024-02-29"),
        ("last 7 days", "2024-02-22", "2024-02-29"),
        ("last 60 days", "2023-12-31", "2024-02-29"),
    ],
    NEW_YEARS_EVE: [
        ("ytd", "2023-01-01", "2023-12-31"),
        ("this year", "2023-01-01", "2023-12-31"),
        ("last year", "2022-12-31", "2023-12-31"),
        ("previous year", "2022-01-01", "2022-12-31"),
        ("last quarter", "2023-07-01", "2023-09-30"),
        ("this quarter", "2023-10-01", "2023-12-31"),
        ("qtd", "2023-10-01", "2023-12-31"),
        ("last month", "2023-11-01", "2023-11-30"),
        ("past month", "2023-11-30", "2023-12-31"),
        ("next month", "2024-01-01", "2024-01-31"),
        ("this week", "2023-12-25", "2023-12-31"),
        ("last week", "2023-12-18", "2023-12-24"),
        ("next week", "2024-01-01", "2024-01-07"),
        ("tomorrow", "2024-01-01", "2024-01-01"),
        ("last 3 months", "2023-09-30", "2023-12-31"),
        ("last 10 months", "2023-02-28", "2023-12-31"),
        ("in December", "2023-12-01", "2023-12-31"),
        ("in January", "2023-01-01", "2023-01-31"),
        ("in Q4", "2023-10-01", "2023-12-31"),
        ("in Q1", "2023-01-01", "2023-03-31"),
        ("H2 2023", "2023-07-01", "2023-12-31"),
        ("since December", "2023-12-01", None),
    ],
    NEW_YEARS_DAY: [
        ("ytd", "2024-01-01", "2024-01-01"),
        ("mtd", "2024-01-01", "2024-01-01"),
        ("wtd", "2024-01-01", "2024-01-01"),
        ("this week", "2024-01-01", "2024-01-01"),
        ("last week", "2023-12-25", "2023-12-31"),
        ("last month", "2023-12-01", "2023-12-31"),
        ("last quarter", "2023-10-01", "2023-12-31"),
        ("previous year", "2023-01-01", "2023-12-31"),
        ("last year", "2023-01-01", "2024-01-01"),
        ("yesterday", "2023-12-31", "2023-12-31"),
        ("the day before yesterday", "2023-12-30", "2023-12-30"),
        ("in January", "2024-01-01", "2024-01-31"),
        ("in December", "2023-12-01", "2023-12-31"),
        ("in Q1", "2024-01-01", "2024-01-01"),
        ("in Q4", "2023-10-01", "2023-12-31"),
        ("next week", "2024-01-08", "2024-01-14"),
        ("last 1 day", "2023-12-31", "2024-01-01"),
        ("last 2 quarters", "2023-07-01", "2024-01-01"),
        ("on December 31", "2023-12-31", "2023-12-31"),
        ("a month ago", "2023-12-01", "2023-12-01"),
    ],
    MONDAY: [
        ("this week", "2026-06-22", "2026-06-22"),
        ("week to date", "2026-06-22", "2026-06-22"),
        ("last week", "2026-06-15", "2026-06-21"),
        ("next week", "2026-06-29", "2026-07-05"),
        ("past week", "2026-06-15", "2026-06-22"),
        ("last 2 weeks", "2026-06-08", "2026-06-22"),
        ("yesterday", "2026-06-21", "2026-06-21"),
        ("a week ago", "2026-06-15", "2026-06-15"),
        ("since yesterday", "2026-06-21", None),
        ("2 weeks ago", "2026-06-08", "2026-06-08"),
    ],
    WEDNESDAY: [
        ("1 jan 2020", "2020-01-01", "2020-01-01"),
        ("Jan 1, 2020", "2020-01-01", "2020-01-01"),
        ("January 1st, 2020", "2020-01-01", "2020-01-01"),
        ("the 3rd of May 2021", "2021-05-03", "2021-05-03"),
        ("May 3rd 2021", "2021-05-03", "2021-05-03"),
        ("12/31/2019", "2019-12-31", "2019-12-31"),
        ("31/12/2019", "2019-12-31", "2019-12-31"),
        ("2019-12-31", "2019-12-31", "2019-12-31"),
        ("from January 2019 to March 2019", "2019-01-01", "2019-03-31"),
        ("from January to March 2019", "2019-01-01", "2019-03-31"),
        ("between 2008 and 2010", "2008-01-01", "2010-12-31"),
        ("2008 to 2010", "2008-01-01", "2010-12-31"),
        ("2008-2010", "2008-01-01", "2010-12-31"),
        ("2008 through 2010", "2008-01-01", "2010-12-31"),
        ("from 2015 until now", "2015-01-01", "2026-06-24"),
        ("from 2015 to today", "2015-01-01", "2026-06-24"),
        ("2015 to date", "2015-01-01", "2026-06-24"),
        ("since June 2020", "2020-06-01", None),
        ("since 1 June 2020", "2020-06-01", None),
        ("since 2020-06-01", "2020-06-01", None),
        ("ever since 2018", "2018-01-01", None),
        ("starting in 2018", "2018-01-01", None),
        ("beginning 2018", "2018-01-01", None),
        ("from 2018 onwards", "2018-01-01", None),
        ("after March 2020", "2020-04-01", None),
        ("after 2020-03-15", "2020-03-16", None),
        ("before March 2020", None, "2020-02-29"),
        ("before 2020-03-15", None, "2020-03-14"),
        ("prior to 2000", None, "1999-12-31"),
        ("until 2012", None, "2012-12-31"),
        ("up to March 2012", None, "2012-03-31"),
        ("through 2012", None, "2012-12-31"),
        ("by the end of 2012", None, "2012-12-31"),
        ("Q3 2019", "2019-07-01", "2019-09-30"),
        ("q3 of 2019", "2019-07-01", "2019-09-30"),
        ("Q3, 2019", "2019-07-01", "2019-09-30"),
        ("the third quarter of 2019", "2019-07-01", "2019-09-30"),
        ("3rd quarter 2019", "2019-07-01", "2019-09-30"),
        ("2019-q3", "2019-07-01", "2019-09-30"),
        ("the first quarter", "2026-01-01", "2026-03-31"),
        ("in the fourth quarter", "2025-10-01", "2025-12-31"),
        ("H1 of 2019", "2019-01-01", "2019-06-30"),
        ("the first half of 2019", "2019-01-01", "2019-06-30"),
        ("second half 2019", "2019-07-01", "2019-12-31"),
        ("calendar year 2019", "2019-01-01", "2019-12-31"),
        ("full year 2019", "2019-01-01", "2019-12-31"),
        ("throughout 2019", "2019-01-01", "2019-12-31"),
        ("the 1990s", "1990-01-01", "1999-12-31"),
        ("the 90s", "1990-01-01", "1999-12-31"),
        ("in the eighties", "1980-01-01", "1989-12-31"),
        ("the last six months", "2025-12-24", "2026-06-24"),
        ("past 5y", "2021-06-24", "2026-06-24"),
        ("on Monday", "2026-06-22", "2026-06-22"),
        ("last Wednesday", "2026-06-17", "2026-06-17"),
        ("on Wednesday", "2026-06-24", "2026-06-24"),
        ("on Friday", "2026-06-19", "2026-06-19"),
        ("next Friday", "2026-06-26", "2026-06-26"),
        ("since Monday", "2026-06-22", None),
        ("since last month", "2026-05-01", None),
        ("since last quarter", "2026-01-01", None),
        ("since last week", "2026-06-15", None),
        ("over 5 years", "2021-06-24", "2026-06-24"),
        ("for 18 months", "2024-12-24", "2026-06-24"),
        ("within a year", "2025-06-24", "2026-06-24"),
        ("3 years of history", "2023-06-24", "2026-06-24"),
        ("trailing twelve months", "2025-06-24", "2026-06-24"),
        ("ltm", "2025-06-24", "2026-06-24"),
        ("the preceding 3 months", "2026-03-24", "2026-06-24"),
        ("the most recent 10 days", "2026-06-14", "2026-06-24"),
        ("the past decade", "2016-06-24", "2026-06-24"),
        ("last two decades", "2006-06-24", "2026-06-24"),
        ("next 3 months", "2026-06-25", "2026-09-25"),
        ("coming week", "2026-06-29", "2026-07-05"),
        ("during the covid crash", "2020-02-19", "2020-03-23"),
        ("the global financial crisis", "2007-10-09", "2009-03-09"),
        ("in the dot-com bust", "2000-03-24", "2002-10-09"),
        ("since a year ago", "2025-06-24", "2026-06-24"),
        ("2 years back", "2024-06-24", "2024-06-24"),
        ("in May", "2026-05-01", "2026-05-31"),
        ("in June", "2026-06-01", "2026-06-30"),
        ("in July", "2025-07-01", "2025-07-31"),
        ("on June 24", "2026-06-24", "2026-06-24"),
        ("on June 25", "2025-06-25", "2025-06-25"),
        ("sept 2008", "2008-09-01", "2008-09-30"),
        ("week of 2020-03-16", "2020-03-16", "2020-03-16"),
    ],
    SATURDAY: [
        ("this week", "2022-11-21", "2022-11-26"),
        ("last week", "2022-11-14", "2022-11-20"),
        ("next week", "2022-11-28", "2022-12-04"),
        ("yesterday", "2022-11-25", "2022-11-25"),
        ("today", "2022-11-26", "2022-11-26"),
        ("past week", "2022-11-19", "2022-11-26"),
        ("this month", "2022-11-01", "2022-11-26"),
        ("last month", "2022-10-01", "2022-10-31"),
    ],
    MONTH_END: [
        ("past month", "2023-02-28", "2023-03-31"),
        ("last 1 month", "2023-02-28", "2023-03-31"),
        ("last 2 months", "2023-01-31", "2023-03-31"),
        ("last 4 months", "2022-11-30", "2023-03-31"),
        ("last month", "2023-02-01", "2023-02-28"),
        ("this month", "2023-03-01", "2023-03-31"),
        ("next month", "2023-04-01", "2023-04-30"),
        ("a month ago", "2023-02-28", "2023-02-28"),
        ("last quarter", "2022-10-01", "2022-12-31"),
        ("this quarter", "2023-01-01", "2023-03-31"),
        ("past quarter", "2022-12-31", "2023-03-31"),
        ("in Q1", "2023-01-01", "2023-03-31"),
    ],
    MARCH_FIRST: [
        ("yesterday", "2025-02-28", "2025-02-28"),
        ("last month", "2025-02-01", "2025-02-28"),
        ("past month", "2025-02-01", "2025-03-01"),
        ("a year ago", "2024-03-01", "2024-03-01"),
        ("on February 28", "2025-02-28", "2025-02-28"),
        ("last 1 day", "2025-02-28", "2025-03-01"),
        ("mtd", "2025-03-01", "2025-03-01"),
    ],
    QUARTER_START: [
        ("qtd", "2023-10-01", "2023-10-01"),
        ("this quarter", "2023-10-01", "2023-10-01"),
        ("last quarter", "2023-07-01", "2023-09-30"),
        ("in Q4", "2023-10-01", "2023-10-01"),
        ("in Q3", "2023-07-01", "2023-09-30"),
        ("last week", "2023-09-18", "2023-09-24"),
        ("this week", "2023-09-25", "2023-10-01"),
        ("previous quarter", "2023-07-01", "2023-09-30"),
    ],
    REPLAY_DAY: [
        ("this year", "2022-01-01", "2022-11-29"),
        ("last year", "2021-11-29", "2022-11-29"),
        ("in December", "2021-12-01", "2021-12-31"),
        ("last quarter", "2022-07-01", "2022-09-30"),
        ("past 3 years", "2019-11-29", "2022-11-29"),
        ("last 9 months", "2022-02-28", "2022-11-29"),
        ("this week", "2022-11-28", "2022-11-29"),
    ],
}  # fmt: skip
ROWS = [(today, *row) for today, rows in TABLE.items() for row in rows]


def spans(text: str, today: str) -> list[tuple[date | None, date | None]]:
    found = find_periods(joined(split(text)), date.fromisoformat(today))
    return [(one.period.start, one.period.end) for one in found]


@pytest.mark.parametrize(("today", "text", "start", "end"), ROWS)
def test_a_phrase_means_these_days(today: str, text: str, start: str | None, end: str | None) -> None:
    expected = (date.fromisoformat(start) if start else None, date.fromisoformat(end) if end else None)
    assert spans(text, today) == [expected]


def test_the_table_is_long_and_its_days_are_what_they_claim() -> None:
    assert len(ROWS) >= 200
    weekdays = {LEAP_DAY: 3, NEW_YEARS_EVE: 6, NEW_YEARS_DAY: 0, MONDAY: 0, WEDNESDAY: 2, SATURDAY: 5, REPLAY_DAY: 1}
    assert all(date.fromisoformat(day).weekday() == number for day, number in weekdays.items())


@pytest.mark.parametrize("today", TABLE)
@pytest.mark.parametrize("text", ["this week", "this month", "this quarter", "this year", "ytd", "mtd", "qtd", "wtd"])
def test_a_running_period_ends_today_and_holds_it(text: str, today: str) -> None:
    ((start, end),) = spans(text, today)
    assert start is not None and end == date.fromisoformat(today)
    assert start <= end


@pytest.mark.parametrize("today", TABLE)
@pytest.mark.parametrize("unit", ["week", "month", "quarter"])
def test_a_finished_period_ends_the_day_before_the_running_one(unit: str, today: str) -> None:
    ((_, end),) = spans(f"last {unit}", today)
    ((start, _),) = spans(f"this {unit}", today)
    assert start is not None and end is not None
    assert (start - end).days == 1


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30", "31 June 2020", "February 29 2023", "13/13/2020", "Q5 2020", "Q0", "H3 2020", "the fifth quarter",
        "buy 2000 AAPL", "sell 2010 shares of KO", "2000 dollars", "$2000", "2000 paths", "2000 points", "limit 2000",
        "from 2020 to 2010", "last 0 days", "the last 99999 years", "may I see it", "second thoughts", "march on",
        "in 19", "1500", "2150", "version 2.0", "day trading", "weekday", "yearly", "quarterback",
    ],
)  # fmt: skip
def test_what_is_no_date_gives_no_false_range(text: str) -> None:
    found = [one.period for one in find_periods(joined(split(text)), date(2026, 6, 24))]
    assert all(
        period.kind in ("latest", "all") or period.start is None or period.end is None or period.start <= period.end
        for period in found
    )
    if not text.startswith(("2024-02-30", "31 June", "February 29", "13/13", "Q5 2020", "H3", "from 2020", "march")):
        assert [period for period in found if period.kind in ("range", "sessions")] == [], found
