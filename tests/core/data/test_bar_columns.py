"""Cutting and joining bars in columns loses and invents nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.data.bar_columns import join_columns, take_columns
from core.ports.vendor import BarColumns

SYMBOLS = ("AAPL", "MSFT", "META", "BTC-USD")


def columns(seed: int, count: int, symbols: tuple[str, ...], **changes: Any) -> BarColumns:
    generator = np.random.default_rng(seed)
    made: dict[str, Any] = {
        "source": "vendor",
        "price_basis": "raw",
        "symbols": symbols,
        "symbol_code": generator.integers(0, len(symbols), count).astype(np.int32),
        "session": np.datetime64("2024-01-01") + generator.integers(0, 300, count).astype("timedelta64[D]"),
        **{name: generator.random(count) for name in ("open", "high", "low", "close", "volume")},
        "line": np.arange(count, dtype=np.int64),
        "raw_rows": lambda wanted: [{"seed": seed, "row": int(row)} for row in wanted],
    }
    return BarColumns(**{**made, **changes})


def rows(bars: BarColumns) -> list[tuple[Any, ...]]:
    raw = bars.raw_rows(np.arange(len(bars))) if bars.raw_rows else [None] * len(bars)
    return [
        (
            bars.symbols[bars.symbol_code[place]],
            bars.session[place].item(),
            *(float(getattr(bars, name)[place]) for name in ("open", "high", "low", "close", "volume")),
            int(bars.line[place]),
            str(raw[place]),
        )
        for place in range(len(bars))
    ]


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.integers(0, 999), st.integers(0, 12), st.permutations(SYMBOLS)), min_size=1, max_size=5))
def test_joined_parts_are_the_parts_in_their_order(shapes: list[tuple[int, int, list[str]]]) -> None:
    parts = [columns(seed, count, tuple(symbols)) for seed, count, symbols in shapes]
    joined = join_columns(parts)
    assert rows(joined) == [row for part in parts for row in rows(part)]
    assert len(set(joined.symbols)) == len(joined.symbols)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 999), st.integers(1, 30), st.integers(0, 999))
def test_a_cut_holds_the_marked_rows_and_cuts_of_cuts_too(seed: int, count: int, choice: int) -> None:
    bars = columns(seed, count, SYMBOLS, bad_volume=np.zeros(count, dtype=bool))
    mask = np.random.default_rng(choice).random(count) < 0.5
    taken = take_columns(bars, mask)
    assert rows(taken) == [row for row, kept in zip(rows(bars), mask, strict=True) if kept]
    assert taken.bad_volume is not None
    assert len(taken.bad_volume) == mask.sum()
    twice = take_columns(taken, np.arange(len(taken)) % 2 == 0)
    assert rows(twice) == rows(taken)[::2]
    assert take_columns(bars, np.ones(count, dtype=bool)) is bars


def test_what_only_some_parts_state_is_filled_for_the_others() -> None:
    plain = columns(1, 3, SYMBOLS)
    stating = columns(
        2, 2, SYMBOLS, bad_volume=np.array([True, False]), currency=np.array(["USD", "EUR"], dtype=object)
    )
    joined = join_columns([plain, stating])
    assert joined.bad_volume is not None
    assert joined.bad_volume.tolist() == [False, False, False, True, False]
    assert joined.currency is not None
    assert joined.currency.tolist() == ["", "", "", "USD", "EUR"]
    assert join_columns([plain, columns(3, 1, SYMBOLS)]).bad_volume is None


def test_rows_as_they_arrived_are_given_only_where_every_part_has_them() -> None:
    assert join_columns([columns(1, 2, SYMBOLS), columns(2, 2, SYMBOLS, raw_rows=None)]).raw_rows is None
    (only,) = [join_columns([columns(1, 2, SYMBOLS)])]
    assert only.raw_rows is not None


def test_a_part_without_prices_of_the_day_does_not_take_them_from_the_others() -> None:
    closes = columns(1, 2, SYMBOLS, has_ohlc=False, open=np.full(2, np.nan))
    joined = join_columns([closes, columns(2, 2, SYMBOLS)])
    assert joined.has_ohlc
    assert np.isnan(joined.open[:2]).all()
    assert not np.isnan(joined.open[2:]).any()


def test_nothing_to_join_is_an_error_of_the_caller() -> None:
    with pytest.raises(IndexError):
        join_columns([])
