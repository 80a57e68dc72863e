"""Named periods on days at the edges of the calendar, against dates read from a calendar and against pandas."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.query.semantic.period import DateRange, Period, resolve

TABLE = """
today            2024-02-29 2024-02-29 2024-02-29
today            2023-12-31 2023-12-31 2023-12-31
yesterday        2024-03-01 2024-02-29 2024-02-29
yesterday        2023-03-01 2023-02-28 2023-02-28
yesterday        2024-01-01 2023-12-31 2023-12-31
tomorrow         2024-02-28 2024-02-29 2024-02-29
tomorrow         2023-02-28 2023-03-01 2023-03-01
tomorrow         2024-12-31 2025-01-01 2025-01-01
this_week        2024-01-01 2024-01-01 2024-01-01
this_week        2024-12-31 2024-12-30 2024-12-31
this_week        2023-01-01 2022-12-26 2023-01-01
last_week        2024-01-03 2023-12-25 2023-12-31
last_week        2024-03-04 2024-02-26 2024-03-03
last_week        2023-01-01 2022-12-19 2022-12-25
next_week        2024-12-31 2025-01-06 2025-01-12
next_week        2024-02-25 2024-02-26 2024-03-03
next_week        2024-02-26 2024-03-04 2024-03-10
this_month       2024-02-01 2024-02-01 2024-02-01
this_month       2023-02-28 2023-02-01 2023-02-28
this_month       2024-12-31 2024-12-01 2024-12-31
last_month       2024-03-31 2024-02-01 2024-02-29
last_month       2023-03-31 2023-02-01 2023-02-28
last_month       2024-01-15 2023-12-01 2023-12-31
last_month       2100-03-01 2100-02-01 2100-02-28
last_month       2000-03-01 2000-02-01 2000-02-29
next_month       2024-01-31 2024-02-01 2024-02-29
next_month       2023-01-31 2023-02-01 2023-02-28
next_month       2024-12-05 2025-01-01 2025-01-31
next_month       2024-11-30 2024-12-01 2024-12-31
this_quarter     2024-01-01 2024-01-01 2024-01-01
this_quarter     2024-03-31 2024-01-01 2024-03-31
this_quarter     2024-04-01 2024-04-01 2024-04-01
this_quarter     2024-06-30 2024-04-01 2024-06-30
this_quarter     2024-09-30 2024-07-01 2024-09-30
this_quarter     2024-12-31 2024-10-01 2024-12-31
last_quarter     2024-01-01 2023-10-01 2023-12-31
last_quarter     2024-03-31 2023-10-01 2023-12-31
last_quarter     2024-04-01 2024-01-01 2024-03-31
last_quarter     2024-07-15 2024-04-01 2024-06-30
last_quarter     2024-12-31 2024-07-01 2024-09-30
this_year        2024-01-01 2024-01-01 2024-01-01
this_year        2024-12-31 2024-01-01 2024-12-31
last_year        2024-01-01 2023-01-01 2023-12-31
last_year        2024-12-31 2023-01-01 2023-12-31
last_year        2025-02-28 2024-01-01 2024-12-31
upcoming         2024-12-31 2024-12-31 -
all              2024-02-29 - -
last:1:days      2024-03-01 2024-02-29 2024-03-01
last:7:days      2024-01-03 2023-12-27 2024-01-03
last:30:days     2024-03-30 2024-02-29 2024-03-30
last:365:days    2024-12-31 2024-01-01 2024-12-31
last:1:weeks     2024-01-05 2023-12-29 2024-01-05
last:52:weeks    2024-12-30 2024-01-01 2024-12-30
last:1:months    2024-03-31 2024-02-29 2024-03-31
last:1:months    2023-03-31 2023-02-28 2023-03-31
last:1:months    2024-05-31 2024-04-30 2024-05-31
last:1:months    2024-01-31 2023-12-31 2024-01-31
last:6:months    2024-08-31 2024-02-29 2024-08-31
last:12:months   2024-02-29 2023-02-28 2024-02-29
last:18:months   2024-01-15 2022-07-15 2024-01-15
last:1:quarters  2024-05-31 2024-02-29 2024-05-31
last:2:quarters  2024-01-31 2023-07-31 2024-01-31
last:4:quarters  2024-12-31 2023-12-31 2024-12-31
last:1:years     2024-02-29 2023-02-28 2024-02-29
last:4:years     2024-02-29 2020-02-29 2024-02-29
last:1:years     2025-02-28 2024-02-28 2025-02-28
last:10:years    2024-12-31 2014-12-31 2024-12-31
last:100:years   2024-01-01 1924-01-01 2024-01-01
next:1:days      2024-02-28 2024-02-28 2024-02-29
next:5:days      2024-12-30 2024-12-30 2025-01-04
next:5:sessions  2024-12-30 2024-12-30 2025-01-04
next:2:weeks     2024-02-20 2024-02-20 2024-03-05
next:1:months    2024-01-31 2024-01-31 2024-02-29
next:1:months    2023-01-31 2023-01-31 2023-02-28
next:1:months    2024-12-31 2024-12-31 2025-01-31
next:3:months    2024-11-30 2024-11-30 2025-02-28
next:1:quarters  2024-11-30 2024-11-30 2025-02-28
next:1:years     2024-02-29 2024-02-29 2025-02-28
next:4:years     2024-02-29 2024-02-29 2028-02-29
from:2020-01-01  2024-02-29 2020-01-01 -
until:2020-01-01 2024-02-29 - 2020-01-01
from:2030-01-01  2024-02-29 2030-01-01 -
"""
CASES = [line.split() for line in TABLE.strip().splitlines()]


def period_of(words):
    if words.startswith(("last:", "next:")):
        way, count, unit = words.split(":")
        return Period.model_validate({way: int(count), "unit": unit})
    if words.startswith("from:"):
        return Period(start=date.fromisoformat(words[5:]))
    if words.startswith("until:"):
        return Period(end=date.fromisoformat(words[6:]))
    return Period.model_validate({"name": words})


def test_the_table_is_long():
    assert len(CASES) >= 80


@pytest.mark.parametrize(("words", "today", "start", "end"), CASES)
def test_resolves_to_calendar_dates(words, today, start, end):
    found = resolve(period_of(words), date.fromisoformat(today))
    wanted = [None if text == "-" else date.fromisoformat(text) for text in (start, end)]
    assert [found.start, found.end, found.sessions] == [*wanted, None]


@pytest.mark.parametrize(
    ("name", "today", "end"),
    [
        ("this_week", "2024-02-26", "2024-03-03"), ("this_week", "2024-12-31", "2025-01-05"),
        ("this_month", "2024-02-01", "2024-02-29"), ("this_month", "2023-02-01", "2023-02-28"),
        ("this_quarter", "2024-02-29", "2024-03-31"), ("this_quarter", "2024-11-01", "2024-12-31"),
        ("this_year", "2024-01-01", "2024-12-31"), ("last_year", "2024-01-01", "2023-12-31"),
        ("last_month", "2024-03-31", "2024-02-29"), ("next_month", "2024-01-31", "2024-02-29"),
    ],
)  # fmt: skip
def test_whole_units_end_on_their_last_day(name, today, end):
    assert resolve(
        Period.model_validate({"name": name}), date.fromisoformat(today), whole=True
    ).end == date.fromisoformat(end)


@given(st.dates(date(1950, 1, 1), date(2090, 1, 1)))
def test_calendar_units_are_those_of_pandas(today):
    stamp = pd.Timestamp(today)
    for unit, freq in (("week", "W-SUN"), ("month", "M"), ("quarter", "Q"), ("year", "Y")):
        period = stamp.to_period(freq)
        for step, word in ((-1, "last"), (0, "this"), (1, "next")):
            if word == "next" and unit in ("quarter", "year"):
                continue
            found = resolve(Period.model_validate({"name": f"{word}_{unit}"}), today, whole=True)
            wanted = period + step
            assert (found.start, found.end) == (wanted.start_time.date(), wanted.end_time.date())


@given(
    st.dates(date(1950, 1, 1), date(2090, 1, 1)),
    st.integers(1, 400),
    st.sampled_from(["days", "weeks", "months", "years"]),
)
def test_trailing_units_are_those_of_pandas(today, count, unit):
    count = min(count, 100)
    offset = pd.DateOffset(**{unit: count})
    assert resolve(Period(last=count, unit=unit), today) == DateRange(
        start=(pd.Timestamp(today) - offset).date(), end=today
    )
    assert resolve(Period(next=count, unit=unit), today) == DateRange(
        start=today, end=(pd.Timestamp(today) + offset).date()
    )


@given(
    st.dates(date(1950, 1, 1), date(2090, 1, 1)),
    st.sampled_from(["today", "this_week", "this_month", "this_quarter", "this_year"]),
)
def test_what_runs_now_holds_today(today, name):
    found = resolve(Period.model_validate({"name": name}), today)
    assert found.start <= today == found.end
    later = resolve(Period.model_validate({"name": name}), today, whole=True)
    assert later.start == found.start and later.end >= today and later.end - later.start <= timedelta(days=366)


@given(st.integers(1, 100_000))
def test_sessions_are_kept_as_a_count(count):
    assert resolve(Period(last=count, unit="sessions"), date(2024, 2, 29)) == DateRange(
        end=date(2024, 2, 29), sessions=count
    )


def test_an_empty_period_is_everything():
    assert Period().is_empty and not Period(name="all").is_empty
    assert resolve(Period(), date(2024, 2, 29)) == DateRange()
