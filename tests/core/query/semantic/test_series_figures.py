"""Grains, windows, filters and macro figures on series small enough to check by hand or with pandas."""

# ruff: noqa: E501

from __future__ import annotations

from datetime import UTC, date, datetime

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.market_records import Instrument
from core.errors import NoData, SqlRefused
from core.query.semantic.macro import grain_start, period_averages, year_over_year
from core.query.semantic.metric_query import ValueFilter
from core.query.semantic.period import DateRange
from core.query.semantic.prices import Series, first_in, grain_ends, grain_keys, passes
from core.query.semantic.returns import period_closes
from core.query.semantic.statement import Statement


def instrument(**changes):
    known = datetime(2020, 1, 1, tzinfo=UTC)
    base = {"instrument_id": 1, "symbol": "AAA", "name": "Aaa", "asset_class": "equity", "calendar": "XNYS",
            "source": "test", "known_at": known}  # fmt: skip
    return Instrument(**(base | changes))


def series(days, closes, **changes):
    return Series(instrument=instrument(**changes), days=np.array(days, dtype="datetime64[D]"),
                  fields={"close": np.array(closes, dtype=float)})  # fmt: skip


@pytest.mark.parametrize("grain", ["day", "week", "month", "quarter", "year"])
@given(dates=st.lists(st.dates(date(1965, 1, 1), date(2035, 1, 1)), min_size=1, max_size=60, unique=True))
def test_grains_group_as_pandas_does(grain, dates):
    days = np.array(sorted(dates), dtype="datetime64[D]")
    frame = pd.Series(range(len(days)), index=pd.DatetimeIndex(days))
    code = {"day": "D", "week": "W-SUN", "month": "M", "quarter": "Q", "year": "Y"}[grain]
    last = frame.groupby(frame.index.to_period(code)).last().tolist()
    assert grain_ends(days, grain).tolist() == last
    keys = grain_keys(days, grain)
    assert len(set(keys.tolist())) == len(last)
    starts = {grain_start(day, grain) for day in dates}
    assert starts == {period.start_time.date() for period in frame.index.to_period(code)}


@pytest.mark.parametrize(
    ("operator", "kept"),
    [(">", [3.0]), (">=", [2.0, 3.0]), ("<", [1.0]), ("<=", [1.0, 2.0]), ("=", [2.0]), ("!=", [1.0, 3.0])],
)
def test_filters_compare_and_never_keep_what_is_missing(operator, kept):
    wanted = ValueFilter(operator=operator, value=2)
    assert [v for v in (1.0, 2.0, 3.0, float("nan")) if passes(v, wanted)] == kept
    assert passes(1.0, None) and not passes(float("nan"), None)


def test_a_window_begins_at_its_first_session():
    part = series(["2024-01-02", "2024-01-03", "2024-01-05"], [1, 2, 3])
    assert first_in(part, DateRange()) == 0
    assert first_in(part, DateRange(start=date(2024, 1, 3))) == 1
    assert first_in(part, DateRange(start=date(2024, 1, 4))) == 2
    assert first_in(part, DateRange(sessions=2)) == 1
    assert first_in(part, DateRange(sessions=9)) == 0
    with pytest.raises(NoData, match="AAA has no session from 2024-02-01"):
        first_in(part, DateRange(start=date(2024, 2, 1)))


def test_a_return_starts_at_the_close_before_the_window():
    part = series(["2024-01-02", "2024-01-03", "2024-01-05"], [1, 2, 3])
    days, close = period_closes(part, DateRange(start=date(2024, 1, 3)))
    assert close.tolist() == [1, 2, 3] and str(days[0]) == "2024-01-02"
    assert period_closes(part, DateRange(sessions=1))[1].tolist() == [2, 3]
    with pytest.raises(NoData, match="fewer than two closes"):
        period_closes(series(["2024-01-02"], [1]), DateRange())


@pytest.mark.parametrize(
    ("asset_class", "calendar", "unit", "currency", "sessions"),
    [("equity", "XNYS", "money", "USD", 252), ("crypto", "24x7", "money", "USD", 365), ("index", "XNYS", "number", None, 252),
     ("fx", "24x5", "number", None, 252), ("commodity", "XNYS", "money", "USD", 252)],
)  # fmt: skip
def test_prices_are_printed_as_their_class_wants(asset_class, calendar, unit, currency, sessions):
    part = series(["2024-01-02"], [1], asset_class=asset_class, calendar=calendar)
    assert (part.price_unit, part.currency, part.sessions_per_year) == (unit, currency, sessions)


def monthly(count, start="2020-01-01"):
    index = pd.date_range(start, periods=count, freq="MS")
    return [(stamp.date(), 100.0 * 1.01**i) for i, stamp in enumerate(index)]


def test_year_over_year_of_months_is_that_of_pandas():
    points = monthly(30)
    frame = pd.Series([v for _, v in points], index=[d for d, _ in points])
    expected = frame.pct_change(12).dropna()
    found = year_over_year(points, "monthly")
    assert [day for day, _ in found] == expected.index.tolist()
    assert [value for _, value in found] == pytest.approx(expected.tolist())


def test_year_over_year_leaves_out_what_has_no_year_before():
    points = monthly(25)
    gap = [point for point in points if point[0] != date(2020, 6, 1)]
    assert date(2021, 6, 1) not in [day for day, _ in year_over_year(gap, "monthly")]
    assert date(2021, 7, 1) in [day for day, _ in year_over_year(gap, "monthly")]
    assert year_over_year(points[:12], "monthly") == []
    assert year_over_year([(date(2020, 1, 1), 0.0), (date(2021, 1, 1), 5.0)], "annual") == []


def test_year_over_year_of_days_takes_the_last_value_of_ten_days():
    points = [(date(2023, 3, 3), 100.0), (date(2024, 3, 10), 110.0), (date(2024, 3, 20), 120.0)]
    assert year_over_year(points, "daily") == [(date(2024, 3, 10), pytest.approx(0.1))]


@pytest.mark.parametrize(
    ("grain", "frequency", "count", "first", "value"),
    [
        ("year", "monthly", 24, date(2020, 1, 1), np.mean([100 * 1.01**i for i in range(12)])),
        ("quarter", "monthly", 6, date(2020, 1, 1), np.mean([100 * 1.01**i for i in range(3)])),
        ("month", "monthly", 6, date(2020, 1, 1), 100.0),
    ],
)
def test_period_averages(grain, frequency, count, first, value):
    found = period_averages(monthly(count), grain, frequency)
    assert found[0] == (first, pytest.approx(value))


def test_incomplete_periods_have_no_average():
    assert [day for day, _ in period_averages(monthly(23), "year", "monthly")] == [date(2020, 1, 1)]
    assert [day for day, _ in period_averages(monthly(5), "quarter", "monthly")] == [date(2020, 1, 1)]
    quarterly = [(date(2020, m, 1), 1.0) for m in (1, 4, 7)]
    assert period_averages(quarterly, "year", "quarterly") == []


def test_a_statement_numbers_its_values():
    statement = (
        Statement("news.v_articles", "headline")
        .where("published_date >= ?", date(2024, 1, 1))
        .where("(headline ILIKE ? OR summary ILIKE ?)", "%a%", "%b%")
        .order("published_date DESC")
        .limit(3)
    )
    checked = statement.check()
    assert checked.label == "public" and checked.relations == ("news.v_articles",)
    assert checked.text == (
        "SELECT headline FROM news.v_articles WHERE published_date >= $1 AND (headline ILIKE $2 OR summary ILIKE $3) "
        "ORDER BY published_date DESC LIMIT 3"
    )


def test_values_never_become_text_of_the_statement():
    text = Statement("news.v_articles", "headline").where("headline = ?", "'; DROP TABLE x --").check().text
    assert "DROP" not in text and text.endswith("= $1")


def test_a_public_metric_cannot_read_the_books():
    with pytest.raises(ValueError, match="may not read execution"):
        Statement("execution.v_fills", "symbol").run(None, None, label="public")
    with pytest.raises(SqlRefused):
        Statement("desk.users", "name").check()
