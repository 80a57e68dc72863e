"""Rendering: exact texts for the field's conventions, and properties over all values."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.domain.facts import Column, Fact, Table
from core.reporting.rendering import MISSING, render_cell, render_fact, render_value, table_markdown

NUMERIC = ["ratio", "percent", "bps", "money", "shares", "days", "count", "number"]


def parse(text: str) -> float:
    """Read a rendered number back, as a person would."""
    digits = re.sub(r"[^0-9.\-]", "", text.replace("bps", "").replace("days", "").replace("day", ""))
    return float(digits)


@pytest.mark.parametrize(
    ("value", "unit", "currency", "expected"),
    [
        (0.1234, "ratio", None, "12.34%"),
        (-0.56912, "ratio", None, "-56.91%"),
        (-0.000001, "ratio", None, "0.00%"),
        (12.0, "ratio", None, "1,200.00%"),
        (4.25, "percent", None, "4.25%"),
        (12.34, "bps", None, "12.3 bps"),
        (1234.56, "money", "USD", "$1,234.56"),
        (-1234.56, "money", "USD", "-$1,234.56"),
        (-0.0, "money", "USD", "$0.00"),
        (1234.5, "money", "CHF", "1,234.50 CHF"),
        (1234.5, "money", None, "1,234.50"),
        (0.00001234, "money", "USD", "$0.00001234"),
        (0.1 + 0.2, "money", "USD", "$0.30"),
        (0.05, "money", "USD", "$0.05"),
        (Decimal("98765432109876.55"), "money", "USD", "$98,765,432,109,876.55"),
        (10.0, "shares", None, "10"),
        (Decimal("0.00250000"), "shares", None, "0.0025"),
        (1200, "shares", None, "1,200"),
        (1, "days", None, "1 day"),
        (21.0, "days", None, "21 days"),
        (0, "days", None, "0 days"),
        (1234, "count", None, "1,234"),
        (1.2345, "number", None, "1.23"),
        (0.0012346, "number", None, "0.001235"),
        (1e-30, "number", None, "0.00"),
        (1e21, "number", None, "1,000,000,000,000,000,000,000.00"),
        ("2022-12-28", "date", None, "2022-12-28"),
        (date(2022, 12, 28), "date", None, "2022-12-28"),
        ("2022-11-29T21:00:00+00:00", "date", None, "2022-11-29 21:00 UTC"),
        (datetime(2022, 11, 29, 21, tzinfo=UTC), "date", None, "2022-11-29 21:00 UTC"),
        ("AAPL", "text", None, "AAPL"),
        (True, "text", None, "yes"),
        (None, "money", "USD", MISSING),
        (float("nan"), "ratio", None, MISSING),
        (float("inf"), "number", None, "∞"),
    ],
)
def test_conventions(value, unit, currency, expected):
    assert render_value(value, unit, currency) == expected


@given(
    st.one_of(
        st.floats(allow_nan=True, allow_infinity=True), st.integers(-(10**15), 10**15), st.decimals(-(10**12), 10**12)
    ),
    st.sampled_from(NUMERIC),
    st.sampled_from([None, "USD", "CHF"]),
)
def test_never_scientific_never_minus_zero(value, unit, currency):
    text = render_value(value, unit, currency)
    assert text
    body = text.replace("CHF", "")
    assert not re.search(r"\d[eE][+-]?\d", body)
    assert not re.fullmatch(r"-\D*0*[.,]?0*\D*", text) or "∞" in text


@given(st.floats(-1e9, 1e9), st.sampled_from(NUMERIC))
def test_reading_back_gives_the_value_within_the_printed_precision(value, unit):
    printed = parse(render_value(value, unit, "USD"))
    meant = value * 100 if unit == "ratio" else value
    tolerance = {"bps": 0.051, "days": 0.051, "shares": 1e-7}.get(unit, 0.00501)
    assert abs(printed - meant) <= tolerance + 1e-9 * abs(meant)


@given(st.floats(1e-9, 1))
def test_small_prices_keep_four_significant_digits(value):
    printed = parse(render_value(value, "money", "USD"))
    assert abs(printed - value) <= max(value * 5.1e-4, 1e-12)


@given(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6))
def test_rendering_keeps_the_order(low, high):
    low, high = sorted((low, high))
    assert parse(render_value(low, "ratio")) <= parse(render_value(high, "ratio"))


def fact(name: str, value: float, unit: str) -> Fact:
    return Fact(
        id="fct_1",
        run="run_1",
        name=name,
        value=value,
        unit=unit,
        as_of=datetime(2022, 1, 3, tzinfo=UTC),
        label="public",
    )


def test_pure_ratios_are_never_percent():
    assert render_fact(fact("Sharpe ratio", 1.234, "ratio")) == "1.23"
    assert render_fact(fact("sharpe_ratio", 1.234, "number")) == "1.23"
    assert render_fact(fact("correlation AAPL MSFT", -0.5, "ratio")) == "-0.50"
    assert render_fact(fact("total return", 1.234, "ratio")) == "123.40%"
    assert render_cell(0.8, Column(name="beta", unit="ratio")) == "0.80"
    assert render_fact(fact("annualised volatility", 0.2, "ratio")) == "20.00%"


def test_digits_override():
    assert render_value(0.123456, "ratio", digits=0) == "12%"
    assert render_value(1234.5678, "money", "USD", digits=4) == "$1,234.5678"


def table(rows, **extra) -> Table:
    return Table(
        name="t",
        columns=(Column(name="symbol", unit="text"), Column(name="total_return", unit="ratio", title="Return")),
        rows=tuple(rows),
        **extra,
    )


def test_markdown_table():
    text = table_markdown(table([("AAPL", 0.1), ("A|B", None)]))
    assert text.splitlines() == [
        "| symbol | Return |",
        "| :--- | ---: |",
        "| AAPL | 10.00% |",
        "| A\\|B | n/a |",
    ]


def test_markdown_table_says_what_it_leaves_out():
    many = table([(str(index), 0.0) for index in range(30)])
    assert table_markdown(many, max_rows=10).endswith("20 more rows not shown.")
    assert table_markdown(many, max_rows=29).endswith("1 more row not shown.")
    assert "cut at the row limit" in table_markdown(table([("A", 0.0)], truncated=True))


@given(st.text(max_size=60))
def test_markdown_cell_cannot_break_out_of_its_cell(text):
    lines = table_markdown(table([(text, 0.0)])).splitlines()
    assert len(lines) == 3
    assert len(re.findall(r"(?<!\\)\|", re.sub(r"\\\\", "", lines[2]))) == 3
    assert "](" not in lines[2].replace("\\](", "")
