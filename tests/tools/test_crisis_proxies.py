"""A crisis replayed onto what did not trade then: moved by its beta, step by step, compared with pandas."""

from __future__ import annotations

from datetime import UTC, date, datetime
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.market_path import MarketPath
from core.errors import InvalidInput, NoData, UnknownName
from tools._crisis import MARKETS, _filled_returns, _market, _trades_through, _with_proxies
from tools._factors import _canonical
from tools._prices import Window

NOON = datetime(2024, 1, 2, 12, tzinfo=UTC)
LEVELS = st.lists(st.one_of(st.floats(0.5, 2000.0), st.just(float("nan"))), min_size=2, max_size=30)


@settings(max_examples=60, deadline=None)
@given(st.floats(1.0, 1000.0), LEVELS)
def test_a_session_without_a_price_moves_nothing(first: float, levels: list[float]) -> None:
    level = np.array([first, *levels])
    expected = pd.Series(level).ffill().pct_change(fill_method=None).to_numpy()[1:]
    np.testing.assert_allclose(_filled_returns(level), expected, rtol=1e-12, atol=1e-15)


def path(close: list[float]) -> MarketPath:
    levels = np.array(close)[None, :, None]
    times = np.datetime64("2020-02-19") + np.arange(len(close))
    return MarketPath(
        close=levels, times=times, assets=("SPY",), as_of=NOON, source="test", price_basis="total_return",
        sessions_per_year=252, open=levels, high=levels, low=levels, volume=levels,
    )  # fmt: skip


def with_beta(close: list[float], **betas: float) -> MarketPath:
    book: Any = SimpleNamespace(last=dict.fromkeys(betas, 50.0))
    return _with_proxies(path(close), "SPY", betas, book)


def test_twice_the_market_falls_twice_as_far_each_session() -> None:
    # 100, 90, 99: the market moves -10 % and +10 %; twice that is -20 % and +20 %, a half is -5 % and +5 %.
    made = with_beta([100.0, 90.0, 99.0], TWO=2.0, HALF=0.5, NONE=0.0, AGAINST=-1.0)
    assert made.assets == ("SPY", "TWO", "HALF", "NONE", "AGAINST")
    np.testing.assert_allclose(made.close[0, :, 0], [100.0, 90.0, 99.0])
    np.testing.assert_allclose(made.close[0, :, 1], [50.0, 40.0, 48.0])
    np.testing.assert_allclose(made.close[0, :, 2], [50.0, 47.5, 49.875])
    np.testing.assert_allclose(made.close[0, :, 3], 50.0)
    np.testing.assert_allclose(made.close[0, :, 4], [50.0, 55.0, 49.5])


def test_nothing_is_worth_less_than_nothing() -> None:
    made = with_beta([100.0, 60.0, 90.0], WILD=3.0)
    np.testing.assert_allclose(made.close[0, :, 1], [50.0, 0.0, 0.0])


def test_what_is_made_up_has_closes_only() -> None:
    made = with_beta([100.0, 90.0], TWO=2.0)
    assert (made.open, made.high, made.low, made.volume) == (None, None, None, None)


@settings(max_examples=40, deadline=None)
@given(st.lists(st.floats(-0.2, 0.2), min_size=1, max_size=20))
def test_a_beta_of_one_is_the_market_itself(moves: list[float]) -> None:
    close = np.concatenate(([1.0], np.cumprod(1.0 + np.array(moves)))) * 100.0
    made = with_beta(close.tolist(), SAME=1.0)
    np.testing.assert_allclose(made.close[0, :, 1] / 50.0, close / 100.0, rtol=1e-9)


def prices_from(**first_days: str) -> Any:
    """Give a stand-in for reading prices: each symbol has sessions from its first day to the end of 2020."""

    def read(context: Any, symbols: list[str], window: Window, purpose: str) -> Any:
        (symbol,) = symbols
        if symbol not in first_days:
            raise UnknownName("symbol", symbol)
        first = max(np.datetime64(first_days[symbol]), np.datetime64(window.start))
        last = np.datetime64(window.end)
        if first > last:
            raise NoData(f"{symbol} has no bars.")
        sessions = np.arange(first, last + 1)
        return SimpleNamespace(panel=SimpleNamespace(sessions=sessions, symbols=(symbol,)))

    return read


@pytest.mark.parametrize(
    ("listed", "through"),
    [("2000-01-01", True), ("2020-02-18", True), ("2020-02-19", False), ("2020-03-01", False), ("2021-01-01", False)],
)
def test_what_was_listed_before_the_crisis_began_trades_through_it(
    monkeypatch: pytest.MonkeyPatch, listed: str, through: bool
) -> None:
    crisis: Any = SimpleNamespace(start=date(2020, 2, 19), end=date(2020, 3, 23), title="Covid crash")
    window = Window(start=date(2019, 2, 19), end=crisis.end)
    monkeypatch.setattr("tools._crisis.read_prices", prices_from(NEW=listed))
    assert _trades_through(None, "NEW", window, crisis) == through  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("listed", "chosen"),
    [
        ({"SPY": "1993-01-29", "^GSPC": "1927-12-30"}, "SPY"),
        ({"SPY": "2021-01-04", "^GSPC": "1927-12-30"}, "^GSPC"),
        ({"^GSPC": "1927-12-30"}, "^GSPC"),
        ({"SPY": "2020-02-19"}, None),
        ({}, None),
    ],
)
def test_the_market_is_the_first_that_had_prices_before_the_crisis(
    monkeypatch: pytest.MonkeyPatch, listed: dict[str, str], chosen: str | None
) -> None:
    crisis: Any = SimpleNamespace(start=date(2020, 2, 19), end=date(2020, 3, 23), title="Covid crash")
    window = Window(start=date(2019, 2, 19), end=crisis.end)
    monkeypatch.setattr("tools._crisis.read_prices", prices_from(**listed))
    assert MARKETS == ("SPY", "^GSPC")
    if chosen is not None:
        assert _market(None, window, crisis) == chosen  # type: ignore[arg-type]
        return
    with pytest.raises(NoData, match=r"Covid crash .* cannot be replayed") as told:
        _market(None, window, crisis)  # type: ignore[arg-type]
    assert "SPY -40%" in told.value.hint


def context(**series: tuple[str, str]) -> Any:
    def find_symbol(name: str) -> Any:
        if name.upper() != "AAPL":
            raise UnknownName("symbol", name, ["AAPL"])
        return SimpleNamespace(symbol="AAPL")

    def find_series(name: str) -> Any:
        if name not in series:
            raise UnknownName("series", name)
        unit, frequency = series[name]
        return SimpleNamespace(series_id=name, unit=unit, frequency=frequency)

    return SimpleNamespace(
        desk=SimpleNamespace(instruments=SimpleNamespace(find=find_symbol), macro=SimpleNamespace(find=find_series))
    )


def test_a_shock_is_of_a_symbol_or_of_a_daily_rate() -> None:
    known = context(DGS10=("Percent", "daily"), CPI=("Index", "monthly"), FEDFUNDS=("Percent", "monthly"))
    assert _canonical(known, "aapl") == ("AAPL", False)
    assert _canonical(known, "DGS10") == ("DGS10", True)
    for name in ("CPI", "FEDFUNDS"):
        with pytest.raises(InvalidInput, match=rf"{name} .* cannot be shocked") as told:
            _canonical(known, name)
        assert "DGS10" in told.value.hint
    # What is neither is named as the symbol it was taken for, with the closest one.
    with pytest.raises(UnknownName, match="AAPL"):
        _canonical(known, "APPL")
