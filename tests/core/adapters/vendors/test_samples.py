"""The sample data, compared with other readers of the same packages and with published values."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from core.adapters.vendors.samples import Samples, fetch, parse_csv
from core.domain.market_records import CorporateAction, MacroObservation
from core.errors import VendorError
from core.ports.vendor import BarColumns


@pytest.fixture(scope="module")
def blocks() -> list[BarColumns]:
    return list(Samples().bars())


def series(blocks: list[BarColumns], source: str, symbol: str) -> tuple[np.ndarray, np.ndarray]:
    block = next(block for block in blocks if block.source == source and symbol in block.symbols)
    mine = block.symbol_code == block.symbols.index(symbol)
    return block.session[mine], block.close[mine]


def test_there_are_twenty_stocks_five_funds_and_three_indices(blocks: list[BarColumns]) -> None:
    by_source: dict[str, set[str]] = {}
    for block in blocks:
        by_source.setdefault(f"{block.source} {block.price_basis}", set()).update(block.symbols)
    assert len(by_source["skfolio total_return"]) == 25
    assert by_source["arch raw"] == {"^GSPC", "^IXIC", "^VIX"}
    assert by_source["bokeh_sampledata raw"] == {"AAPL", "MSFT", "IBM", "GOOG", "META"}
    assert sum(len(block) for block in blocks) == 209_368


def test_the_index_equals_its_own_loader(blocks: list[BarColumns]) -> None:
    from arch.data import sp500

    frame = sp500.load()
    days, close = series(blocks, "arch", "^GSPC")
    assert (days == frame.index.to_numpy().astype("datetime64[D]")).all()
    assert np.array_equal(close, frame["Close"].to_numpy())


def test_two_packages_agree_on_the_index(blocks: list[BarColumns]) -> None:
    days, close = series(blocks, "arch", "^GSPC")
    other_days, other = series(blocks, "skfolio", "^GSPC")
    mine, theirs = np.isin(days, other_days), np.isin(other_days, days)
    assert mine.all()
    assert np.allclose(close[mine], other[theirs], rtol=1e-5)


@pytest.mark.parametrize(
    ("source", "symbol", "day", "published"),
    [
        ("arch", "^GSPC", "2008-10-10", 899.22),  # S&P Dow Jones Indices
        ("arch", "^GSPC", "2009-03-09", 676.53),  # the low of the crisis
        ("arch", "^IXIC", "2000-03-10", 5048.62),  # the record of the year 2000
        ("bokeh_sampledata", "AAPL", "2012-09-19", 702.10),  # first close above 700 dollars, before the split of 2014
        ("bokeh_sampledata", "META", "2012-05-18", 38.23),  # first day of trading
    ],
)
def test_closes_are_the_published_ones(
    blocks: list[BarColumns], source: str, symbol: str, day: str, published: float
) -> None:
    days, close = series(blocks, source, symbol)
    assert close[days == np.datetime64(day)][0] == pytest.approx(published, abs=0.011)


def test_close_only_series_have_no_other_prices(blocks: list[BarColumns]) -> None:
    for block in blocks:
        assert np.isnan(block.open).all() != block.has_ohlc
        assert np.isnan(block.volume).all() != block.has_volume


def test_raw_prices_jump_by_their_splits_and_by_nothing_else(blocks: list[BarColumns]) -> None:
    rows = [row for rows in Samples().actions() for row in rows.rows]
    splits = {(row[0], row[2]): row[4] for row in rows}
    assert all(tuple(CorporateAction.model_fields)[4] == "ratio" for _ in rows)
    days, close = series(blocks, "bokeh_sampledata", "AAPL")
    jumps = {days[place + 1].item() for place in np.flatnonzero(np.abs(np.diff(np.log(close))) > 0.6)}
    # 29 September 2000 is the profit warning: -52 % in a day.
    assert jumps - {date(2000, 9, 29)} <= {day for _, day in splits}


def test_macro_values_are_known_after_their_period() -> None:
    fields = tuple(MacroObservation.model_fields)
    period, known = fields.index("period"), fields.index("known_at")
    rows = [row for rows in Samples().macro() for row in rows.rows]
    assert len(rows) == 18_133
    assert all(row[known].date() > row[period] for row in rows)


def test_macro_values_are_the_published_ones() -> None:
    rows = {(row[0], row[1]): row[4] for rows in Samples().macro() for row in rows.rows}
    # FRED: CPILFESL of January 1957 as first published, WTI on 2 January 1986, unemployment of 2009Q3.
    assert rows["CPILFESL", date(1957, 1, 1)] == 28.5
    assert rows["WTI_SPOT_DAILY", date(1986, 1, 2)] == 25.56
    assert rows["US_UNEMPLOYMENT_Q", date(2009, 7, 1)] == 9.6


def test_the_same_rows_come_every_time(blocks: list[BarColumns]) -> None:
    for one, other in zip(blocks, Samples().bars(), strict=True):
        assert one.symbols == other.symbols
        assert np.array_equal(one.close, other.close)


def test_a_missing_file_names_the_package() -> None:
    with pytest.raises(VendorError, match="nosuch"):
        fetch("nosuch", "data.csv")
    with pytest.raises(VendorError, match="missing"):
        fetch("arch", "arch/data/none.csv.gz")


def test_a_byte_order_mark_is_no_part_of_a_column_name() -> None:
    assert parse_csv(b"\xef\xbb\xbfDate,x\n2020-01-01,1\n") == [{"Date": "2020-01-01", "x": "1"}]
