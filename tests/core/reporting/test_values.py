"""Many values and the exact text a person reads: rounding, signs, small prices, large money, absent values, dates."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import numpy as np
import pytest

from core.domain.facts import Column, Fact, to_cell
from core.reporting.document import fact_figure
from core.reporting.rendering import readable_name, render_cell, render_fact, render_value, title_of

MONEY = [
    (0, "$0.00"),
    (0.0, "$0.00"),
    (-0.0, "$0.00"),
    (-0.004, "-$0.004"),
    (0.005, "$0.005"),
    (0.01, "$0.01"),
    (0.1, "$0.10"),
    (0.12345, "$0.1235"),
    (0.99999, "$1.00"),
    (0.999949, "$0.9999"),
    (1, "$1.00"),
    (1.005, "$1.00"),  # the double lies below 1.005
    (1.015, "$1.01"),  # and below 1.015
    (2.675, "$2.67"),
    (Decimal("2.675"), "$2.68"),  # half to even, and 2.68 is even
    (Decimal("2.665"), "$2.66"),
    (9.999, "$10.00"),
    (999.995, "$1,000.00"),
    (1_000_000, "$1,000,000.00"),
    (1_234_567_890.125, "$1,234,567,890.12"),
    (-1_234_567.891, "-$1,234,567.89"),
    (9.87e14, "$987,000,000,000,000.00"),
    (1e-8, "$0.00000001"),
    (1.2344e-8, "$0.00000001234"),
    (0.00000001, "$0.00000001"),
    (0.000023456, "$0.00002346"),
    (0.0731, "$0.0731"),
    (-0.0000052, "-$0.0000052"),
    (1e-15, "$0.00"),
    (Decimal("0.00000100"), "$0.000001"),
    (Decimal("123456789012345678.91"), "$123,456,789,012,345,678.91"),
    (None, "n/a"),
    (math.nan, "n/a"),
    (math.inf, "∞"),
    (-math.inf, "-∞"),
]
RATIOS = [
    (0, "0.00%"),
    (1, "100.00%"),
    (-1, "-100.00%"),
    (0.5, "50.00%"),
    (0.00004, "0.00%"),
    (0.00005, "0.01%"),
    (-0.00004, "0.00%"),
    (-0.00006, "-0.01%"),
    (0.12345, "12.35%"),
    (0.99995, "100.00%"),
    (0.99994, "99.99%"),
    (12.3456, "1,234.56%"),
    (-123.4, "-12,340.00%"),
    (Decimal("0.07125"), "7.12%"),
    (None, "n/a"),
    (math.nan, "n/a"),
]
OTHERS = [
    (0, "percent", "0.00%"),
    (5.005, "percent", "5.00%"),
    (-0.25, "percent", "-0.25%"),
    (0, "bps", "0.0 bps"),
    (0.04, "bps", "0.0 bps"),
    (-12.36, "bps", "-12.4 bps"),
    (12345.6, "bps", "12,345.6 bps"),
    (0, "shares", "0"),
    (100, "shares", "100"),
    (-250.0, "shares", "-250"),
    (0.5, "shares", "0.5"),
    (0.12345678, "shares", "0.12345678"),
    (0.123456789, "shares", "0.12345679"),
    (1234567.25, "shares", "1,234,567.25"),
    (Decimal("10.500"), "shares", "10.5"),
    (Decimal("1E+3"), "shares", "1,000"),
    (1, "days", "1 day"),
    (-1, "days", "-1 day"),
    (1.0, "days", "1 day"),
    (1.04, "days", "1 day"),
    (1.5, "days", "1.5 days"),
    (0, "days", "0 days"),
    (252, "days", "252 days"),
    (0, "count", "0"),
    (12345678, "count", "12,345,678"),
    (2.5, "count", "2.5"),
    (-3, "count", "-3"),
    (0, "number", "0"),
    (0.0, "number", "0.00"),
    (7, "number", "7"),
    (7.0, "number", "7.00"),
    (1234567, "number", "1,234,567"),
    (-0.0001234, "number", "-0.0001234"),
    (0.05, "number", "0.05"),
    (0.0999, "number", "0.0999"),
    (0.1, "number", "0.10"),
    (123.456, "number", "123.46"),
    (True, "number", "yes"),
    (False, "count", "no"),
    ("AAPL", "number", "AAPL"),
    (3, "text", "3"),
    ("", "text", ""),
    ("a\nb", "text", "a\nb"),
]
DATES = [
    ("2022-11-29", "2022-11-29"),
    (date(2022, 11, 29), "2022-11-29"),
    (date(1, 1, 1), "0001-01-01"),
    ("2022-11-29T21:00:00+00:00", "2022-11-29 21:00 UTC"),
    ("2022-11-29T21:00:59.999999+00:00", "2022-11-29 21:00 UTC"),
    ("2022-11-29T21:00:00Z", "2022-11-29 21:00 UTC"),
    (datetime(2022, 11, 29, 21, 5, tzinfo=UTC), "2022-11-29 21:05 UTC"),
    (datetime(2022, 11, 29, 21, 5), "2022-11-29 21:05"),  # noqa: DTZ001
    (datetime(2022, 11, 29, 16, 0, tzinfo=timezone(timedelta(hours=-5), "EST")), "2022-11-29 16:00 EST"),
    ("2022-Q4", "2022-Q4"),
    ("not a date at all", "not a date at all"),
    (None, "n/a"),
]


@pytest.mark.parametrize(("value", "expected"), MONEY)
def test_money(value, expected):
    assert render_value(value, "money", "USD") == expected


@pytest.mark.parametrize(("value", "expected"), RATIOS)
def test_ratios_are_percent(value, expected):
    assert render_value(value, "ratio") == expected


@pytest.mark.parametrize(("value", "unit", "expected"), OTHERS)
def test_other_units(value, unit, expected):
    assert render_value(value, unit) == expected


@pytest.mark.parametrize(("value", "expected"), DATES)
def test_dates(value, expected):
    assert render_value(value, "date") == expected


@pytest.mark.parametrize(
    ("currency", "expected"),
    [
        ("USD", "-$1,234.50"),
        ("EUR", "-€1,234.50"),
        ("GBP", "-£1,234.50"),
        ("JPY", "-¥1,234.50"),
        ("CHF", "-1,234.50 CHF"),
        ("USDT", "-1,234.50 USDT"),
        (None, "-1,234.50"),
    ],
)
def test_the_sign_stands_before_the_currency(currency, expected):
    assert render_value(-1234.5, "money", currency) == expected


@pytest.mark.parametrize("name", ["Sharpe ratio", "sortino_ratio", "Calmar ratio", "beta to SPY", "correlation", "skew",
                                  "excess kurtosis", "t-stat", "profit factor", "information_ratio"])  # fmt: skip
def test_quotients_of_the_field_are_plain_numbers(name):
    assert render_cell(1.2345, Column(name=name, unit="ratio")) == "1.23"


@pytest.mark.parametrize("name", ["total return", "volatility", "weight", "win rate", "alphabet soup", "betaine"])
def test_other_ratios_stay_percent(name):
    assert render_cell(0.5, Column(name=name, unit="ratio")) == "50.00%"


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (np.float64(0.1), "10.00%"),
        (np.float64("nan"), "n/a"),
        (np.float32(0.5), "50.00%"),
        (Decimal("0.25"), "25.00%"),
    ],
)
def test_values_of_numpy_and_the_database_read_the_same_through_cells(value, expected):
    assert render_cell(to_cell(value), Column(name="return", unit="ratio")) == expected


def test_a_fact_reads_like_a_cell_of_its_name_and_unit():
    for value, _ in MONEY[:20]:
        stored = float(value) if value is not None else None
        fact = Fact(
            id="fct_1",
            run="run_1",
            name="cash",
            value=stored,
            unit="money",
            currency="EUR",
            as_of=datetime(2022, 1, 3, tzinfo=UTC),
            label="private",
        )
        assert render_fact(fact) == render_cell(stored, Column(name="cash", unit="money", currency="EUR"))


def test_headings_come_from_the_title_or_the_name():
    assert title_of(Column(name="market_value", unit="money")) == "market value"
    assert title_of(Column(name="pnl", unit="money", title="P&L")) == "P&L"


@pytest.mark.parametrize(
    ("value", "text", "negative"),
    [(-0.0, "0.00%", False), (-1e-9, "0.00%", False), (-0.00005, "-0.01%", True), (0.01, "1.00%", False)],
)
def test_only_what_is_read_as_a_loss_is_coloured_as_one(value, text, negative):
    fact = Fact(
        id="fct_1_0", run="run_1", name="drawdown", value=value, unit="ratio", as_of=datetime.now(UTC), label="private"
    )
    figure = fact_figure(fact)
    assert (figure.text, figure.negative) == (text, negative)


def test_an_index_is_shown_with_its_name():
    symbol = Column(name="symbol", unit="text")
    assert render_cell("^GSPC", symbol) == "S&P 500 (^GSPC)"
    assert render_cell("AAPL", symbol) == "AAPL"
    assert render_cell("^NOT_STORED", symbol) == "^NOT_STORED"


def test_names_are_words_with_acronyms_in_capitals():
    assert readable_name("sma_crossover") == "SMA crossover"
    assert readable_name("rsi_threshold") == "RSI threshold"
    assert readable_name("small_emails") == "small emails"


def test_a_probability_is_a_percentage_even_of_a_sharpe_ratio():
    column = Column(name="deflated Sharpe ratio (probability)", unit="ratio")
    assert render_cell(0.9987, column) == "99.87%"
    assert render_cell(0.9987, Column(name="Sharpe ratio", unit="ratio")) == "1.00"


def test_a_fee_is_in_cents_and_a_price_below_one_is_not():
    assert render_cell(0.2539, Column(name="expected fee", unit="money", currency="USD")) == "$0.25"
    assert render_cell(0.2539, Column(name="fees_paid", unit="money", currency="USD")) == "$0.25"
    assert render_cell(0.2539, Column(name="entry price", unit="money", currency="USD")) == "$0.2539"
