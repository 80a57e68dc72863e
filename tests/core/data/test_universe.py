"""The list of instruments is consistent and knows the names people use."""

from __future__ import annotations

import csv
from collections import Counter
from datetime import date
from itertools import pairwise
from pathlib import Path

import pytest

from core.data.universe import is_followed, macro_catalogue, symbol_history, universe


def test_ids_and_symbols_are_unique() -> None:
    for name in ("instrument_id", "symbol"):
        counts = Counter(getattr(instrument, name) for instrument in universe())
        assert [value for value, count in counts.items() if count > 1] == []


def test_every_alias_of_a_ticker_form_names_one_instrument_only() -> None:
    symbols = {instrument.symbol for instrument in universe()}
    owners = Counter(alias for instrument in universe() for alias in instrument.aliases if alias.isupper())
    assert [alias for alias, count in owners.items() if count > 1] == []
    assert symbols & owners.keys() == set()


@pytest.mark.parametrize(
    ("group", "members"),
    [
        ("quantum", {"IONQ", "RGTI", "QBTS", "QUBT", "QTUM"}),
        ("reit_data_center", {"EQIX", "DLR", "SRVR"}),
        ("reit_warehouse", {"PLD", "INDS"}),
        ("nuclear", {"URA", "URNM", "NLR", "CCJ", "OKLO", "SMR"}),
        ("military", {"LMT", "NOC", "RTX", "GD", "ITA"}),
        ("ai_infrastructure", {"NVDA", "AVGO", "SMCI", "VRT"}),
        ("bank", {"JPM", "BAC", "C", "WFC", "GS"}),
        ("gold", {"GLD", "IAU"}),
        ("factor", {"MTUM", "QUAL", "SIZE", "USMV", "VLUE"}),
    ],
)
def test_groups_hold_their_well_known_members(group: str, members: set[str]) -> None:
    assert members <= {instrument.symbol for instrument in universe() if group in instrument.groups}


def test_groups_of_a_fixed_size_have_it() -> None:
    sizes = Counter(group for instrument in universe() for group in instrument.groups)
    assert sizes["megacap"] == 30
    assert sizes["crypto_top10"] == 10


def test_the_four_largest_reit_funds_can_be_ranked() -> None:
    funds = [instrument for instrument in universe() if "reit_etf" in instrument.groups]
    largest = sorted(funds, key=lambda fund: -(fund.total_assets_usd or 0))[:2]
    assert [fund.symbol for fund in largest] == ["VNQ", "SCHH"]


def test_calendars_follow_the_asset_class() -> None:
    expected = {"crypto": "24x7", "fx": "24x5"}
    for instrument in universe():
        assert instrument.calendar == expected.get(instrument.asset_class, "XNYS"), instrument.symbol


def test_periods_of_one_symbol_do_not_overlap() -> None:
    periods: dict[str, list[tuple[date, date]]] = {}
    for period in symbol_history():
        periods.setdefault(period.symbol, []).append((period.valid_from, period.valid_to or date.max))
    for symbol, spans in periods.items():
        ordered = sorted(spans)
        for (_, end), (start, _) in pairwise(ordered):
            assert end < start, symbol


def test_facebook_became_meta_on_9_june_2022() -> None:
    # Meta Platforms, press release of 31 May 2022: trading as META from 9 June 2022.
    meta = next(instrument for instrument in universe() if instrument.symbol == "META")
    periods = {period.symbol: period for period in symbol_history() if period.instrument_id == meta.instrument_id}
    assert periods["FB"].valid_to == date(2022, 6, 8)
    assert periods["META"].valid_from == date(2022, 6, 9)


def test_macro_aliases_are_unique_and_lags_positive() -> None:
    aliases = Counter(alias.lower() for series in macro_catalogue() for alias in series.aliases)
    assert [alias for alias, count in aliases.items() if count > 1] == []
    assert all(series.release_lag_days > 0 for series in macro_catalogue())


def test_the_consumer_price_index_is_known_about_two_weeks_after_its_month() -> None:
    # BLS schedule: the index of a month is published between the 10th and the 15th of the next.
    cpi = next(series for series in macro_catalogue() if series.series_id == "CPIAUCSL")
    assert 41 <= cpi.release_lag_days <= 46


def test_about_a_hundred_and_fifty_instruments_are_followed_in_all_groups_of_the_scope() -> None:
    followed = [entry for entry in universe() if is_followed(entry)]
    assert 130 <= len(followed) <= 170
    sizes = Counter(group for entry in followed for group in entry.groups)
    assert (sizes["largest_etf"], sizes["megacap"], sizes["crypto_top10"]) == (30, 30, 10)
    for group in ("quantum", "reit_data_center", "reit_warehouse", "fusion", "energy", "military", "ai_infrastructure"):
        assert sizes[group] >= 2, group
    assert sizes["consumer"] >= 5
    assert not is_followed(next(entry for entry in universe() if entry.symbol == "AAME"))


def test_coins_are_named_as_the_vendors_name_them() -> None:
    coins = {entry.symbol: entry.vendor_symbols for entry in universe() if entry.asset_class == "crypto"}
    assert coins["BTC-USD"] == {"binance": "BTCUSDT", "coingecko": "bitcoin"}
    assert all(names["binance"] == symbol.replace("-USD", "USDT") for symbol, names in coins.items())
    assert len({names["coingecko"] for names in coins.values()}) == len(coins)


@pytest.mark.shared
def test_the_largest_funds_are_those_of_an_independent_list(shared_folder: Path) -> None:
    with (shared_folder / "data" / "prices" / "instruments.csv").open(encoding="utf-8", newline="") as lines:
        rows = [row for row in csv.DictReader(lines) if row["total_assets_usd"] and row["asset_class"] == "etf"]
    largest = sorted(rows, key=lambda row: -float(row["total_assets_usd"]))[:30]
    assert {row["symbol"] for row in largest} == {entry.symbol for entry in universe() if "largest_etf" in entry.groups}


@pytest.mark.shared
def test_every_ticker_of_an_independent_list_is_known_with_its_name(shared_folder: Path) -> None:
    with (shared_folder / "data" / "prices" / "instruments.csv").open(encoding="utf-8", newline="") as lines:
        rows = list(csv.DictReader(lines))
    known = {entry.symbol: entry for entry in universe()}
    assert [row["symbol"] for row in rows if row["symbol"] not in known] == []
    classes = {"stock": "equity", "us_stock": "equity"}
    stated = {row["symbol"]: classes.get(row["asset_class"], row["asset_class"]) for row in rows}
    wrong = [symbol for symbol, stated_class in stated.items() if known[symbol].asset_class != stated_class]
    assert wrong == []


@pytest.mark.shared
@pytest.mark.parametrize("symbol", ["QQQ", "GOOGL", "BAC", "WM"])
def test_earlier_tickers_are_those_of_an_independent_list(symbol: str, shared_folder: Path) -> None:
    """The file gives the last day of each ticker; the desk's history must name the same ticker on that day."""
    path = shared_folder / "data" / "corporate_actions" / "lean_symbol_changes.csv"
    with path.open(encoding="utf-8", newline="") as lines:
        rows = sorted((row for row in csv.DictReader(lines) if row["map_file"] == symbol), key=lambda row: row["date"])
    number = next(entry.instrument_id for entry in universe() if entry.symbol == symbol)
    periods = [period for period in symbol_history() if period.instrument_id == number]
    for row in rows:
        day = date.fromisoformat(row["date"])
        named = {
            period.symbol for period in periods if period.valid_from <= day and (period.valid_to or date.max) >= day
        }
        assert row["ticker"] in named, row
