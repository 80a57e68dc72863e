"""Tickers of today and tickers of the day name the right instruments."""

from __future__ import annotations

import numpy as np
import pytest

from core.data.symbols import SymbolResolver
from core.data.universe import symbol_history, universe
from core.ports.vendor import BarColumns

RESOLVER = SymbolResolver(universe(), symbol_history())
IDS = {instrument.symbol: instrument.instrument_id for instrument in universe()}


def columns(symbol: str, days: list[str], convention: str) -> BarColumns:
    values = np.full(len(days), 1.0)
    return BarColumns(
        source="test",
        price_basis="raw",
        symbols=(symbol,),
        symbol_code=np.zeros(len(days), dtype=np.int32),
        session=np.array(days, dtype="datetime64[D]"),
        open=values,
        high=values,
        low=values,
        close=values,
        volume=values,
        line=np.arange(len(days)),
        convention=convention,  # type: ignore[arg-type]
    )


@pytest.mark.parametrize(
    ("name", "symbol"),
    [("aapl", "AAPL"), ("BTC", "BTC-USD"), ("BRK.B", "BRK-B"), ("FB", "META"), ("EURUSD=X", "EURUSD"), ("VIX", "^VIX")],
)
def test_symbols_aliases_and_old_tickers(name: str, symbol: str) -> None:
    assert RESOLVER.current(name) == IDS[symbol]


@pytest.mark.parametrize("name", ["google", "NOSUCH", ""])
def test_words_and_unknown_symbols_name_no_row(name: str) -> None:
    assert RESOLVER.current(name) is None


@pytest.mark.parametrize(
    ("ticker", "day", "symbol"),
    [
        ("GOOG", "2010-06-01", "GOOGL"),  # before 3 April 2014 GOOG was the class A share
        ("GOOG", "2015-06-01", "GOOG"),
        ("QQQQ", "2008-06-02", "QQQ"),
        ("WM", "2005-06-01", "WAMUQ"),  # Washington Mutual until its failure in September 2008
        ("WM", "2015-06-01", "WM"),
        ("WMI", "2005-06-01", "WM"),
    ],
)
def test_a_reused_ticker_names_who_carried_it_that_day(ticker: str, day: str, symbol: str) -> None:
    assert RESOLVER.resolve(columns(ticker, [day], "as_traded")).tolist() == [IDS[symbol]]


def test_a_ticker_nobody_known_carried_that_day_names_nobody() -> None:
    assert RESOLVER.resolve(columns("FB", ["2001-01-02", "2015-01-02"], "as_traded")).tolist() == [-1, IDS["META"]]


def test_sources_by_current_ticker_keep_the_whole_history_together() -> None:
    found = RESOLVER.resolve(columns("META", ["2013-01-02", "2024-01-02"], "current"))
    assert found.tolist() == [IDS["META"]] * 2


def test_rows_carry_their_instruments_calendar_and_class() -> None:
    ids = np.array([IDS["BTC-USD"], IDS["SPY"], IDS["EURUSD"]], dtype=np.int32)
    assert RESOLVER.calendars(ids).tolist() == ["24x7", "XNYS", "24x5"]
    assert RESOLVER.asset_classes(ids).tolist() == ["crypto", "etf", "fx"]
    assert str(RESOLVER.listed(ids)[1]) == "1993-01-29"  # SPY began trading on 29 January 1993
