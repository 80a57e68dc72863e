"""Periods against the calendar."""

from __future__ import annotations

from datetime import date, timedelta

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from core.query.semantic.period import Period, months_before, resolve

THURSDAY = date(2024, 2, 29)


@pytest.mark.parametrize(
    ("period", "start", "end"),
    [
        ({"name": "today"}, "2024-02-29", "2024-02-29"),
        ({"name": "yesterday"}, "2024-02-28", "2024-02-28"),
        ({"name": "tomorrow"}, "2024-03-01", "2024-03-01"),
        ({"name": "this_week"}, "2024-02-26", "2024-02-29"),
        ({"name": "last_week"}, "2024-02-19", "2024-02-25"),
        ({"name": "next_week"}, "2024-03-04", "2024-03-10"),
        ({"name": "this_month"}, "2024-02-01", "2024-02-29"),
        ({"name": "last_month"}, "2024-01-01", "2024-01-31"),
        ({"name": "next_month"}, "2024-03-01", "2024-03-31"),
        ({"name": "this_quarter"}, "2024-01-01", "2024-02-29"),
        ({"name": "last_quarter"}, "2023-10-01", "2023-12-31"),
        ({"name": "this_year"}, "2024-01-01", "2024-02-29"),
        ({"name": "last_year"}, "2023-01-01", "2023-12-31"),
        ({"last": 3, "unit": "months"}, "2023-11-29", "2024-02-29"),
        ({"last": 1, "unit": "years"}, "2023-02-28", "2024-02-29"),
        ({"last": 2, "unit": "weeks"}, "2024-02-15", "2024-02-29"),
        ({"next": 5, "unit": "days"}, "2024-02-29", "2024-03-05"),
        ({"start": "2020-01-01"}, "2020-01-01", None),
        ({"name": "all"}, None, None),
        ({"name": "upcoming"}, "2024-02-29", None),
    ],
)
def test_resolves(period, start, end):
    found = resolve(Period.model_validate(period), THURSDAY)
    assert (found.start and str(found.start), found.end and str(found.end)) == (start, end)


def test_whole_units_run_to_their_last_day():
    assert resolve(Period(name="this_week"), THURSDAY, whole=True).end == date(2024, 3, 3)
    assert resolve(Period(name="this_year"), THURSDAY, whole=True).end == date(2024, 12, 31)


def test_sessions_are_counted_not_dated():
    assert resolve(Period(last=20, unit="sessions"), THURSDAY).sessions == 20
    assert resolve(Period(name="latest"), THURSDAY).sessions == 1


@pytest.mark.parametrize(
    "period",
    [
        {"name": "today", "last": 3, "unit": "days"},
        {"last": 3},
        {"unit": "days"},
        {"last": 0, "unit": "days"},
        {"start": "2024-02-01", "end": "2024-01-01"},
        {"name": "fortnight"},
        {"since": "2020"},
    ],
)
def test_refuses_what_says_too_much_or_too_little(period):
    with pytest.raises(ValidationError):
        Period.model_validate(period)


@given(st.dates(date(1900, 1, 1), date(2100, 1, 1)), st.integers(-600, 600))
def test_months_before_as_pandas(day, months):
    assert months_before(day, months) == (pd.Timestamp(day) - pd.DateOffset(months=months)).date()


@given(st.dates(date(1950, 1, 1), date(2100, 1, 1)))
def test_named_units_touch_without_overlap(day):
    for unit in ("week", "month", "quarter", "year"):
        last = resolve(Period(name=f"last_{unit}"), day)
        this = resolve(Period(name=f"this_{unit}"), day)
        assert last.end + timedelta(days=1) == this.start <= day == this.end


@pytest.mark.parametrize("unit", ["sessions", "days", "weeks", "months", "quarters", "years"])
@pytest.mark.parametrize("count", [1, 300, 2025, 2027, 8000, 10_000, 100_000])
def test_every_count_that_may_be_asked_for_has_dates_to_count_on_from(unit, count):
    today = date(2026, 6, 24)
    back = resolve(Period(last=count, unit=unit), today)
    assert back.end == today and (back.start is None or date(1, 1, 1) < months_before(back.start, 120) < today)
    if count <= 10_000:
        ahead = resolve(Period(next=count, unit=unit), today)
        assert ahead.start == today < ahead.end and months_before(ahead.end, -120) > ahead.end


def test_a_longer_stretch_begins_no_later():
    today = date(2026, 6, 24)
    for unit in ("days", "weeks", "months", "quarters", "years"):
        starts = [resolve(Period(last=count, unit=unit), today).start for count in (1, 10, 100, 1000, 10_000, 100_000)]
        assert starts == sorted(starts, reverse=True)
