"""Which source answers, and for which window."""

from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.data.canonical import Series, choose_series
from core.testing.series_order import rank_series


def series(source: str, basis: str, first: int, last: int, *, ohlc: bool = True, sessions: int | None = None) -> Series:
    start, end = date(first, 1, 2), date(last, 12, 30)
    return Series(
        instrument_id=1,
        source=source,
        price_basis=basis,  # type: ignore[arg-type]
        has_ohlc=ohlc,
        first_session=start,
        last_session=end,
        sessions=sessions or round((end - start).days * 252 / 365.25),
    )


RAW = series("raw", "raw", 1998, 2020)
SPLIT = series("split", "split_adjusted", 2010, 2025)
TOTAL = series("total", "total_return", 2014, 2025)
CLOSES = series("closes", "total_return", 1990, 2025, ohlc=False)


def test_price_prefers_fresh_true_levels_and_return_prefers_dividends_inside() -> None:
    every = [RAW, SPLIT, TOTAL, CLOSES]
    assert [entry.source for entry in rank_series(every, "price")] == ["split", "total", "closes", "raw"]
    assert [entry.source for entry in rank_series(every, "return")] == ["closes", "total", "split", "raw"]


def test_raw_prices_come_last_for_returns() -> None:
    raw = series("raw", "raw", 2000, 2025)
    assert rank_series([raw, SPLIT], "return")[0] is SPLIT


@pytest.mark.parametrize(
    ("start", "end", "purpose", "source"),
    [
        (2000, 2005, "price", "raw"),
        (2015, 2018, "price", "split"),
        (2015, 2024, "return", "closes"),
        (1991, 1995, "return", "closes"),
        (1999, 2025, "price", "closes"),  # only this one covers the years; the newest levels alone would hide them
    ],
)
def test_the_source_follows_the_window(start: int, end: int, purpose: str, source: str) -> None:
    ranked = rank_series([RAW, SPLIT, TOTAL, CLOSES], purpose)  # type: ignore[arg-type]
    chosen = choose_series(ranked, purpose, date(start, 1, 2), date(end, 12, 30))  # type: ignore[arg-type]
    assert chosen is not None
    assert chosen.source == source


def test_a_longer_history_that_ended_does_not_hide_the_present() -> None:
    chosen = choose_series(rank_series([RAW, SPLIT], "price"), "price", date(1, 1, 1), date(2026, 1, 5))
    assert chosen is SPLIT


def test_a_window_outside_every_series_has_none() -> None:
    assert choose_series([RAW], "price", date(2022, 1, 1), date(2023, 1, 1)) is None
    assert choose_series([], "price", date(2022, 1, 1), date(2023, 1, 1)) is None
    assert rank_series([], "price") == []


@given(st.permutations([RAW, SPLIT, TOTAL, CLOSES]))
def test_the_order_does_not_depend_on_the_order_of_input(mixed: list[Series]) -> None:
    assert rank_series(mixed, "price") == rank_series([RAW, SPLIT, TOTAL, CLOSES], "price")


# Levels as traded stay first for a year ---------------------------------------------------------------------------


def ending(
    source: str, basis: str, last: date, *, ohlc: bool = True, volume: bool = True, sessions: int = 2000
) -> Series:
    return Series(
        instrument_id=1,
        source=source,
        price_basis=basis,  # type: ignore[arg-type]
        has_ohlc=ohlc,
        first_session=date(2010, 1, 4),
        last_session=last,
        sessions=sessions,
        has_volume=volume,
    )


ADJUSTED = ending("adjusted", "total_return", date(2024, 12, 31), ohlc=False, volume=False)


@pytest.mark.parametrize(
    ("basis", "ohlc", "last", "first"),
    [
        ("split_adjusted", True, date(2024, 12, 31), "levels"),
        ("split_adjusted", True, date(2024, 6, 28), "levels"),
        ("split_adjusted", True, date(2023, 12, 31), "levels"),  # 366 days
        ("split_adjusted", True, date(2023, 12, 30), "adjusted"),
        ("raw", True, date(2024, 1, 31), "levels"),
        ("raw", True, date(2023, 1, 31), "adjusted"),
        # Closes alone have no such grace, dividends inside none either.
        ("raw", False, date(2024, 11, 30), "levels"),
        ("raw", False, date(2024, 11, 29), "adjusted"),
        ("total_return", True, date(2024, 6, 28), "adjusted"),
    ],
)
def test_the_default_price_is_a_traded_level_while_not_a_year_older(
    basis: str, ohlc: bool, last: date, first: str
) -> None:
    levels = ending("levels", basis, last, ohlc=ohlc)
    assert rank_series([ADJUSTED, levels], "price")[0].source == first


@pytest.mark.parametrize("last", [date(2024, 12, 31), date(2024, 6, 28), date(2020, 1, 2)])
def test_the_default_for_returns_has_its_dividends_inside(last: date) -> None:
    assert rank_series([ADJUSTED, ending("levels", "split_adjusted", last)], "return")[0] is ADJUSTED


def test_among_equals_open_high_low_then_length_then_name_decide() -> None:
    newest = date(2024, 12, 31)
    closes = ending("a", "raw", newest, ohlc=False)
    short = ending("b", "raw", newest, sessions=1000)
    long_, twin = ending("d", "raw", newest), ending("c", "split_adjusted", newest)
    ranked = rank_series([closes, short, long_, twin], "price")
    assert [entry.source for entry in ranked] == ["c", "d", "b", "a"]
    # For returns the fields do not matter.
    assert [entry.source for entry in rank_series([closes, short, long_], "return")] == ["a", "d", "b"]


# What a question needs --------------------------------------------------------------------------------------------

FULL = ending("full", "split_adjusted", date(2024, 6, 28))
NO_VOLUME = ending("no_volume", "split_adjusted", date(2024, 9, 30), volume=False)


@pytest.mark.parametrize(
    ("needs", "start", "end", "source"),
    [
        ("close", date(2020, 1, 2), date(2024, 12, 31), "adjusted"),
        ("ohlc", date(2020, 1, 2), date(2024, 12, 31), "no_volume"),
        ("volume", date(2020, 1, 2), date(2024, 12, 31), "full"),
        ("close", date(2020, 1, 2), date(2024, 6, 28), "full"),
        ("ohlc", date(2024, 8, 1), date(2024, 12, 31), "no_volume"),
        ("volume", date(2024, 8, 1), date(2024, 12, 31), "adjusted"),  # nobody has it there
        ("ohlc", date(2024, 11, 1), date(2024, 12, 31), "adjusted"),
        ("volume", date(2015, 1, 2), date(2015, 12, 31), "full"),
    ],
)
def test_the_answering_series_has_what_the_question_needs(needs: str, start: date, end: date, source: str) -> None:
    ranked = rank_series([ADJUSTED, FULL, NO_VOLUME], "price")
    chosen = choose_series(ranked, "price", start, end, needs=needs)  # type: ignore[arg-type]
    assert chosen is not None
    assert chosen.source == source


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["raw", "split_adjusted", "total_return"]),
            st.dates(date(2015, 1, 1), date(2024, 12, 31)),
            st.booleans(),
            st.booleans(),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["price", "return"]),
    st.sampled_from(["close", "ohlc", "volume"]),
    st.dates(date(2009, 1, 1), date(2025, 12, 31)),
    st.integers(0, 2000),
)
def test_a_choice_reaches_into_the_window_and_has_the_fields_if_any_does(
    drawn: list[tuple[str, date, bool, bool]], purpose: str, needs: str, start: date, length: int
) -> None:
    every = [
        ending(f"s{place}", basis, last, ohlc=ohlc, volume=volume)
        for place, (basis, last, ohlc, volume) in enumerate(drawn)
    ]
    end = date.fromordinal(start.toordinal() + length)
    ranked = rank_series(every, purpose)  # type: ignore[arg-type]
    assert sorted(entry.source for entry in ranked) == sorted(entry.source for entry in every)
    chosen = choose_series(ranked, purpose, start, end, needs=needs)  # type: ignore[arg-type]
    inside = [entry for entry in every if entry.first_session <= end and entry.last_session >= start]
    assert (chosen is None) == (not inside)
    if chosen is not None:
        assert chosen in inside
        able = {
            "close": inside,
            "ohlc": [e for e in inside if e.has_ohlc],
            "volume": [e for e in inside if e.has_volume],
        }
        assert not able[needs] or chosen in able[needs]
