from datetime import date

import pytest

from agents.planner.periods import find_periods
from agents.planner.text import joined, split
from core.query.semantic.period import months_before

TODAY = date(2026, 6, 24)  # a Wednesday

RANGES = [
    ("ytd", "2026-01-01", "2026-06-24"),
    ("year to date", "2026-01-01", "2026-06-24"),
    ("since the first of January", "2026-01-01", "2026-06-24"),
    ("so far this year", "2026-01-01", "2026-06-24"),
    ("mtd", "2026-06-01", "2026-06-24"),
    ("qtd", "2026-04-01", "2026-06-24"),
    ("last quarter", "2026-01-01", "2026-03-31"),
    ("last month", "2026-05-01", "2026-05-31"),
    ("last week", "2026-06-15", "2026-06-21"),
    ("this week", "2026-06-22", "2026-06-24"),
    ("this month", "2026-06-01", "2026-06-24"),
    ("current quarter", "2026-04-01", "2026-06-24"),
    ("last year", "2025-06-24", "2026-06-24"),
    ("previous year", "2025-01-01", "2025-12-31"),
    ("over the past year", "2025-06-24", "2026-06-24"),
    ("Q2 2024", "2024-04-01", "2024-06-30"),
    ("2023 Q4", "2023-10-01", "2023-12-31"),
    ("2023q4", "2023-10-01", "2023-12-31"),
    ("the second quarter of 2023", "2023-04-01", "2023-06-30"),
    ("in Q1", "2026-01-01", "2026-03-31"),
    ("H1 2022", "2022-01-01", "2022-06-30"),
    ("the second half of 2021", "2021-07-01", "2021-12-31"),
    ("since 2015", "2015-01-01", None),
    ("from 2012 on", "2012-01-01", None),
    ("since March 2020", "2020-03-01", None),
    ("after 2019", "2020-01-01", None),
    ("before 2010", None, "2009-12-31"),
    ("until June 2015", None, "2015-06-30"),
    ("in 2008", "2008-01-01", "2008-12-31"),
    ("during 2022", "2022-01-01", "2022-12-31"),
    ("2015-2020", "2015-01-01", "2020-12-31"),
    ("from 2010 to 2015", "2010-01-01", "2015-12-31"),
    ("between March 2020 and June 2021", "2020-03-01", "2021-06-30"),
    ("Sep 2008 to Mar 2009", "2008-09-01", "2009-03-31"),
    ("from 2019-05-06 to 2019-07-08", "2019-05-06", "2019-07-08"),
    ("last 30 days", "2026-05-25", "2026-06-24"),
    ("last 12 weeks", "2026-04-01", "2026-06-24"),
    ("trailing 12 months", "2025-06-24", "2026-06-24"),
    ("the past five years", "2021-06-24", "2026-06-24"),
    ("last four quarters", "2025-06-24", "2026-06-24"),
    ("ttm", "2025-06-24", "2026-06-24"),
    ("using two years of data", "2024-06-24", "2026-06-24"),
    ("for six months", "2025-12-24", "2026-06-24"),
    ("yesterday", "2026-06-23", "2026-06-23"),
    ("today", "2026-06-24", "2026-06-24"),
    ("a year ago", "2025-06-24", "2025-06-24"),
    ("on March 16, 2020", "2020-03-16", "2020-03-16"),
    ("16 March 2020", "2020-03-16", "2020-03-16"),
    ("on 3/16/2020", "2020-03-16", "2020-03-16"),
    ("2020-03-16", "2020-03-16", "2020-03-16"),
    ("in March", "2026-03-01", "2026-03-31"),
    ("in September", "2025-09-01", "2025-09-30"),
    ("in the nineties", "1990-01-01", "1999-12-31"),
    ("the 2010s", "2010-01-01", "2019-12-31"),
    ("over the last decade", "2016-06-24", "2026-06-24"),
    ("during the financial crisis", "2007-10-09", "2009-03-09"),
    ("in the covid crash", "2020-02-19", "2020-03-23"),
    ("tomorrow", "2026-06-25", "2026-06-25"),
    ("next week", "2026-06-29", "2026-07-05"),
    ("next month", "2026-07-01", "2026-07-31"),
]


@pytest.mark.parametrize(("text", "start", "end"), RANGES)
def test_ranges(text: str, start: str | None, end: str | None) -> None:
    found = find_periods(joined(split(text)), TODAY)
    assert len(found) == 1, found
    assert (found[0].period.start, found[0].period.end) == (
        start and date.fromisoformat(start),
        end and date.fromisoformat(end),
    )


@pytest.mark.parametrize(
    ("text", "kind", "sessions"),
    [
        ("last 20 closes", "sessions", 20),
        ("the last 20 trading days", "sessions", 20),
        ("all history", "all", None),
        ("ever", "all", None),
        ("currently", "latest", None),
        ("right now", "latest", None),
    ],
)
def test_kinds(text: str, kind: str, sessions: int | None) -> None:
    found = find_periods(joined(split(text)), TODAY)
    assert [(one.period.kind, one.period.sessions) for one in found] == [(kind, sessions)]


@pytest.mark.parametrize("text", ["50/200", "rsi 30", "may I ask", "10 shares", "2024-13-45", "the all-time high"])
def test_what_is_no_period(text: str) -> None:
    assert [
        one
        for one in find_periods(joined(split(text)), TODAY)
        if one.period.kind != "latest" and one.period.start != date(2024, 1, 1)
    ] == []


def test_an_ambiguous_phrase_says_how_it_was_read() -> None:
    assert "twelve months" in find_periods("last year", TODAY)[0].period.note


@pytest.mark.parametrize(
    ("day", "months", "expected"),
    [("2024-03-31", 1, "2024-02-29"), ("2023-03-31", 1, "2023-02-28"), ("2026-01-15", 13, "2024-12-15")],
)
def test_months_back_keeps_to_the_calendar(day: str, months: int, expected: str) -> None:
    assert months_before(date.fromisoformat(day), months) == date.fromisoformat(expected)


@pytest.mark.parametrize("unit", ["days", "weeks", "months", "quarters", "years", "decades"])
@pytest.mark.parametrize("count", [0, 1, 2, 700, 2000, 2001, 9999, 99999, 3_650_000, 10**12])
@pytest.mark.parametrize("form", ["over the last {} {}", "the next {} {}", "{} {} ago", "past {} {}"])
def test_any_count_of_any_unit_is_a_period_or_none(form: str, count: int, unit: str) -> None:
    for found in find_periods(form.format(count, unit), TODAY):
        period = found.period
        assert period.start is None or period.end is None or period.start <= period.end


@pytest.mark.parametrize(
    ("text", "last"),
    [("the next 3 days", date(2026, 6, 27)), ("next 2 weeks", date(2026, 7, 8)), ("the next 0 days", None),
     ("next 9000 years", None), ("next 999 decades", None)],
)  # fmt: skip
def test_what_lies_beyond_the_calendar_is_no_period(text: str, last: date | None) -> None:
    assert [found.period.end for found in find_periods(text, TODAY)] == ([] if last is None else [last])
