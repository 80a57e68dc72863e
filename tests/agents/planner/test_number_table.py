"""Numbers and units as people write them, from words to values."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.planner.quantities import read_number, split_pair
from agents.planner.reading import read
from agents.planner.text import joined, split
from agents.planner.universe import Universe

TODAY = date(2026, 6, 24)
TABLE: list[tuple[str, float, str]] = [
    ("1", 1, "plain"), ("10", 10, "plain"), ("1,000", 1000, "plain"), ("12,345,678", 12_345_678, "plain"),
    ("0.5", 0.5, "plain"), (".5", 0.5, "plain"), ("1,234.56", 1234.56, "plain"), ("007", 7, "plain"),
    ("nineteen", 19, "plain"), ("twenty", 20, "plain"), ("twenty-one", 21, "plain"), ("ninety nine", 99, "plain"),
    ("one hundred", 100, "plain"), ("two hundred", 200, "plain"), ("two hundred and fifty", 250, "plain"),
    ("one hundred five", 105, "plain"), ("three thousand", 3000, "plain"),
    ("three thousand two hundred", 3200, "plain"),
    ("one million", 1e6, "plain"), ("two billion", 2e9, "plain"), ("five hundred thousand", 500_000, "plain"),
    ("1.5 million", 1.5e6, "plain"), ("2 thousand", 2000, "plain"), ("3 hundred", 300, "plain"),
    ("10k", 10_000, "plain"), ("1.5k", 1500, "plain"), ("2bn", 2e9, "plain"), ("3mn", 3e6, "plain"),
    ("4mm", 4e6, "plain"), ("60K", 60_000, "plain"),
    ("$1", 1, "money"), ("$1,000", 1000, "money"), ("$0.50", 0.5, "money"), ("$.50", 0.5, "money"),
    ("$10k", 10_000, "money"), ("$2bn", 2e9, "money"), ("$1.5 million", 1.5e6, "money"), ("€99", 99, "money"),
    ("£5", 5, "money"), ("100 dollars", 100, "money"), ("one dollar", 1, "money"), ("fifty bucks", 50, "money"),
    ("1000 usd", 1000, "money"), ("ten thousand dollars", 10_000, "money"), ("2.5 million dollars", 2.5e6, "money"),
    ("$1,234,567.89", 1_234_567.89, "money"),
    ("1%", 0.01, "percent"), ("10%", 0.1, "percent"), ("100%", 1.0, "percent"), ("0.5%", 0.005, "percent"),
    (".5%", 0.005, "percent"), ("10 %", 0.1, "percent"), ("10 percent", 0.1, "percent"), ("10pct", 0.1, "percent"),
    ("10 pct", 0.1, "percent"), ("ten percent", 0.1, "percent"), ("twenty-five percent", 0.25, "percent"),
    ("five percentage", 0.05, "percent"), ("12.5%", 0.125, "percent"), ("250%", 2.5, "percent"),
    ("one hundred percent", 1.0, "percent"), ("0.01%", 0.0001, "percent"),
    ("1bp", 1, "bps"), ("10bp", 10, "bps"), ("10bps", 10, "bps"), ("10 bp", 10, "bps"), ("10 bps", 10, "bps"),
    ("10bips", 10, "bps"), ("10 bips", 10, "bps"), ("25 basis points", 25, "bps"), ("1 basis point", 1, "bps"),
    ("two basis points", 2, "bps"), ("one hundred basis points", 100, "bps"), ("0.5bp", 0.5, "bps"),
    ("12.5 bps", 12.5, "bps"), ("150 basis points", 150, "bps"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "value", "unit"), TABLE)
def test_a_written_number_has_this_value_and_unit(text: str, value: float, unit: str) -> None:
    lows = [word.low for word in split(text)]
    number = read_number(lows, 0)
    assert number is not None
    assert number.value == pytest.approx(value)
    assert (number.unit, number.words) == (unit, len(lows))


def test_the_table_is_long() -> None:
    assert len(TABLE) >= 75


@pytest.mark.parametrize(
    "text", ["abc", "%", "$", "k", "million", "percent", "q2", "sma200", "aapl", "1.2.3", "--", "-"]
)
def test_what_is_no_number(text: str) -> None:
    lows = [word.low for word in split(text)]
    assert not lows or read_number(lows, 0) is None or lows[0] != text


@given(st.integers(min_value=0, max_value=99).filter(lambda value: value != 1))
def test_number_words_agree_with_figures(value: int) -> None:
    # "one" alone is a pronoun: "which one".
    small = "zero one two three four five six seven eight nine ten eleven twelve thirteen fourteen fifteen sixteen "
    small += "seventeen eighteen nineteen"
    tens = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
    units = small.split()
    word = units[value] if value < 20 else tens[value // 10 - 2] + (f"-{units[value % 10]}" if value % 10 else "")
    assert joined(split(word)) == str(value)


@given(st.integers(min_value=1000, max_value=10**9))
def test_commas_do_not_change_a_number(value: int) -> None:
    with_commas, without = (read_number([form], 0) for form in (f"{value:,}", f"{value}"))
    assert with_commas is not None and without is not None
    assert with_commas.value == without.value == value


@given(st.integers(min_value=1, max_value=100_000))
def test_percent_bps_and_words_agree(basis_points: int) -> None:
    percent = read_number([f"{basis_points / 100:.2f}%"], 0)
    bps = read_number([f"{basis_points}bp"], 0)
    assert percent is not None and bps is not None
    assert percent.value == pytest.approx(bps.value / 10_000)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("50/200", (50, 200)), ("70/30", (70, 30)), ("60/30/10", (60, 30, 10)), ("2.5/97.5", (2.5, 97.5)),
        ("60/40%", (60, 40)), ("70", ()), ("a/b", ()), ("50/", ()), ("/50", ()), ("50//20", ()),
        ("1/2/3/4", (1, 2, 3, 4)),
    ],
)  # fmt: skip
def test_pairs(text: str, pair: tuple[float, ...]) -> None:
    assert split_pair(text) == pair


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("buy 10 AAPL at $150.25", [10, 150.25]),
        ("buy ten AAPL", [10]),
        ("fee of 5 bps and 10%", [5, 0.1]),
        ("1,000 paths with 95% confidence", [1000, 0.95]),
        ("the S&P 500", []),
        ("Q2 2020", []),
        ("SMA200", []),
        ("which one", []),
        ("10, 20 and 30", [10, 20, 30]),
        ("0.25 bitcoin", [0.25]),
        ("a dozen shares", [12]),
    ],
)
def test_numbers_in_a_sentence(text: str, values: list[float], names: Universe) -> None:
    reading = read(text, names, TODAY)
    assert [number.value for _, number in sorted(reading.numbers.items())] == pytest.approx(values)
