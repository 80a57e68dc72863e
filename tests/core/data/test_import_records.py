"""Files of corporate actions, macro series and instruments become records; what cannot be stored is held by line."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from core.data.import_records import (
    BEGINNING,
    Parsed,
    end_of,
    read_dividends,
    read_factors,
    read_instruments,
    read_macro,
    read_risk_index,
    read_splits,
    read_symbol_changes,
)
from core.data.symbols import SymbolResolver
from core.data.table_file import TableFile
from core.data.universe import macro_catalogue, symbol_history, universe

RESOLVER = SymbolResolver(universe(), symbol_history())
IDS = {instrument.symbol: instrument.instrument_id for instrument in universe()}
LAGS = {series.series_id: series.release_lag_days for series in macro_catalogue()}
Open = Callable[[str], TableFile]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    made: list[TableFile] = []

    def run(text: str) -> TableFile:
        path = tmp_path / "my_file.csv"
        path.write_text(text)
        made.append(TableFile(path))
        return made[-1]

    yield run
    for file in made:
        file.close()


def rows(parsed: Parsed, part: str = "records") -> list[dict[str, Any]]:
    return [
        dict(zip(records.record.model_fields, row, strict=True))
        for records in getattr(parsed, part)
        for row in records.rows
    ]


def held(parsed: Parsed) -> list[tuple[str, str]]:
    return [(row.detail, row.reason) for row in parsed.held]


# Corporate actions ----------------------------------------------------------------------------------------------


def test_splits_are_new_shares_per_old_known_on_their_day(opened: Open) -> None:
    parsed = read_splits(opened("symbol,ex_date,ratio\nAAPL,2020-08-31,4\nTSLA,2022-08-25,3\n"), RESOLVER)
    first, second = rows(parsed)
    assert (first["instrument_id"], first["action"], first["ratio"]) == (IDS["AAPL"], "split", 4.0)
    assert first["ex_date"] == date(2020, 8, 31)
    assert first["known_at"] == datetime(2020, 8, 31, tzinfo=UTC)
    assert first["source"] == "my_file"
    assert (first["amount"], first["currency"], first["amount_basis"]) == (None, None, None)
    assert second["instrument_id"] == IDS["TSLA"]
    assert parsed.held == []


def test_a_reverse_split_is_a_ratio_below_one(opened: Open) -> None:
    (row,) = rows(read_splits(opened("symbol,ex_date,ratio\nC,2011-05-09,0.1\n"), RESOLVER))
    assert row["ratio"] == 0.1


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        ("AAPL,2020-08-32,4", "bad_date"),
        ("AAPL,,4", "bad_date"),
        ("AAPL,2020-08-31,four", "bad_value"),
        ("AAPL,2020-08-31,", "bad_value"),
        ("AAPL,2020-08-31,0", "bad_value"),
        ("AAPL,2020-08-31,-4", "bad_value"),
        ("NOSUCH,2020-08-31,4", "unknown_symbol"),
        (",2020-08-31,4", "unknown_symbol"),
    ],
)
def test_a_split_that_cannot_be_is_held_and_the_others_kept(opened: Open, line: str, reason: str) -> None:
    text = f"symbol,ex_date,ratio\nAAPL,2014-06-09,7\n{line}\nAAPL,2020-08-31,4\n"
    parsed = read_splits(opened(text), RESOLVER)
    assert [row["ratio"] for row in rows(parsed)] == [7.0, 4.0]
    assert held(parsed) == [("line 3", reason)]
    assert parsed.held[0].verdict == ("quarantine" if reason == "unknown_symbol" else "reject")
    assert ",".join(value or "" for value in parsed.held[0].row.values()) == line
    assert parsed.held[0].origin == "my_file.csv"


def test_dividends_are_dollars_of_todays_shares_unless_they_say_otherwise(opened: Open) -> None:
    (plain,) = rows(read_dividends(opened("symbol,ex_date,amount\nAAPL,2023-02-10,0.23\n"), RESOLVER))
    assert (plain["amount"], plain["currency"], plain["amount_basis"]) == (0.23, "USD", "split_adjusted")
    assert plain["ratio"] is None
    text = "symbol,ex_date,amount,currency,basis,source\nAAPL,2023-02-10,0.23,EUR,raw,vendor\n"
    (stated,) = rows(read_dividends(opened(text), RESOLVER))
    assert (stated["currency"], stated["amount_basis"], stated["source"]) == ("EUR", "raw", "vendor")


def test_actions_of_an_old_ticker_belong_to_its_company(opened: Open) -> None:
    parsed = read_dividends(opened("symbol,ex_date,amount\nFB,2024-02-21,0.5\nmeta,2024-06-14,0.5\n"), RESOLVER)
    assert {row["instrument_id"] for row in rows(parsed)} == {IDS["META"]}


def test_sources_within_one_file_are_kept_apart(opened: Open) -> None:
    text = "symbol,ex_date,ratio,source\nAAPL,2020-08-31,4,b\nAAPL,2020-08-31,4,a\nAAPL,2020-08-31,4,\n"
    parsed = read_splits(opened(text), RESOLVER)
    assert [records.source for records in parsed.records] == ["a", "b", "my_file"]


FACTORS = "symbol,date,price_factor,split_factor,reference_price\n"


def test_factors_become_the_split_and_dividend_of_the_next_session(opened: Open) -> None:
    # Apple: four for one on Monday 31 August 2020; before it, on Friday 7 August, 0.82 of a price of 455.61.
    price = 1 - 0.82 / 455.61
    text = FACTORS + (f"AAPL,2020-08-06,{price},0.25,455.61\nAAPL,2020-08-28,1,0.25,499.23\nAAPL,2050-12-31,1,1,0\n")
    parsed = read_factors(opened(text), RESOLVER)
    dividend, split = rows(parsed)
    assert (dividend["action"], dividend["ex_date"]) == ("dividend", date(2020, 8, 7))
    assert dividend["amount"] == pytest.approx(0.82)
    assert dividend["amount_basis"] == "raw"
    assert (split["action"], split["ex_date"], split["ratio"]) == ("split", date(2020, 8, 31), 4.0)
    # The last line is a sentinel and no fault.
    assert parsed.skipped == 1
    assert parsed.held == []


def test_factors_that_do_not_change_say_nothing(opened: Open) -> None:
    text = FACTORS + "SPY,2020-01-02,1,1,320\nSPY,2020-01-03,1,1,321\nSPY,2050-12-31,1,1,0\n"
    parsed = read_factors(opened(text), RESOLVER)
    assert rows(parsed) == []
    assert parsed.skipped == 3


def test_factors_of_two_companies_do_not_mix(opened: Open) -> None:
    text = FACTORS + "SPY,2020-01-02,1,1,320\nAAPL,2020-08-28,1,0.25,499\nSPY,2050-12-31,1,1,0\nAAPL,2050-12-31,1,1,0\n"
    (only,) = rows(read_factors(opened(text), RESOLVER))
    assert (only["instrument_id"], only["ratio"]) == (IDS["AAPL"], 4.0)


def test_factors_that_cannot_be_read_are_held(opened: Open) -> None:
    text = FACTORS + "AAPL,x,1,1,1\nAAPL,2020-01-02,one,1,1\nNOSUCH,2020-01-02,1,1,1\nNOSUCH,2050-12-31,1,1,0\n"
    parsed = read_factors(opened(text), RESOLVER)
    assert held(parsed) == [
        ("line 2", "bad_value"),
        ("line 3", "bad_value"),
        ("line 4", "unknown_symbol"),
        ("line 5", "unknown_symbol"),
    ]
    assert [row.about for row in parsed.held] == [None, None, date(2020, 1, 2), None]


def test_symbol_changes_become_periods_that_meet(opened: Open) -> None:
    text = "map_file,date,ticker\nmeta,2012-05-18,FB\nmeta,2022-06-08,FB\nmeta,2050-12-31,META\n"
    parsed = read_symbol_changes(opened(text), RESOLVER)
    old, new = rows(parsed)
    assert (old["symbol"], old["valid_from"], old["valid_to"]) == ("FB", date(2012, 5, 18), date(2022, 6, 8))
    assert (new["symbol"], new["valid_from"], new["valid_to"]) == ("META", date(2022, 6, 9), None)
    assert {row["instrument_id"] for row in (old, new)} == {IDS["META"]}
    assert parsed.skipped == 1
    # What the desk knows of symbols already is kept.
    assert set(parsed.set_once) == set(old)


def test_a_symbol_change_that_cannot_be_read_is_held(opened: Open) -> None:
    text = "map_file,date,ticker\nmeta,someday,FB\nmeta,2012-05-18,\nnosuch,2012-05-18,X\n"
    assert held(read_symbol_changes(opened(text), RESOLVER)) == [
        ("line 2", "bad_value"),
        ("line 3", "bad_value"),
        ("line 4", "unknown_symbol"),
    ]


# Macro ----------------------------------------------------------------------------------------------------------


def test_a_value_without_vintage_is_known_by_its_release_lag(opened: Open) -> None:
    parsed = read_macro(opened("series_id,date,value\nUNRATE,2024-01-01,3.7\n"), macro_catalogue())
    (row,) = rows(parsed)
    # The unemployment rate of January 2024 was published on 2 February; the lag counts from the first of the month.
    assert LAGS["UNRATE"] == 37
    assert row["known_at"] == datetime(2024, 2, 7, 23, 59, 59, tzinfo=UTC)
    assert (row["value"], row["vintage"], row["known_at_method"]) == (3.7, "", "release_lag")


@pytest.mark.parametrize(
    ("vintage", "known"),
    [
        ("2024", "2024-12-31"),
        ("2024-02", "2024-02-29"),
        ("2023-02", "2023-02-28"),
        ("2024-04", "2024-04-30"),
        ("2024-04-15", "2024-04-15"),
    ],
)
def test_a_later_vintage_is_known_at_its_end(opened: Open, vintage: str, known: str) -> None:
    text = f"series_id,date,value,vintage\nGDPC1,2022-01-01,100,2022-12\nGDPC1,2022-01-01,101,{vintage}\n"
    first, second = rows(read_macro(opened(text), macro_catalogue()))
    assert first["known_at_method"] == "release_lag"
    assert second["known_at"] == end_of(date.fromisoformat(known))
    assert second["known_at_method"] == "vintage"


def test_the_first_vintage_that_holds_a_period_is_found_in_any_order(opened: Open) -> None:
    values = ("102,2024-03", "100,2022-12", "101,2023-06")
    text = "series_id,date,value,vintage\n" + "".join(f"GDPC1,2022-01-01,{value}\n" for value in values)
    found = {row["vintage"]: row for row in rows(read_macro(opened(text), macro_catalogue()))}
    assert found["2022-12"]["known_at"] == end_of(date(2022, 5, 1))  # 120 days after 1 January
    assert [found[name]["known_at"].year for name in ("2022-12", "2023-06", "2024-03")] == [2022, 2023, 2024]


def test_a_vintage_taken_before_the_usual_release_is_known_when_it_was_taken(opened: Open) -> None:
    text = "series_id,date,value,vintage\nGDPC1,2022-01-01,100,2022-02\n"
    (row,) = rows(read_macro(opened(text), macro_catalogue()))
    assert row["known_at"] == end_of(date(2022, 2, 28))
    assert row["known_at_method"] == "vintage"


def test_a_missing_value_is_a_fact_and_a_missing_series_or_date_is_a_fault(opened: Open) -> None:
    text = "series_id,date,value\nUNRATE,2024-01-01,\n,2024-01-01,1\nUNRATE,January,1\nUNRATE,2024-02-01,n/a\n"
    parsed = read_macro(opened(text), macro_catalogue())
    assert [row["value"] for row in rows(parsed)] == [None, None]
    assert held(parsed) == [("line 3", "unknown_series"), ("line 4", "bad_date")]


@pytest.mark.parametrize("vintage", ["2024-13", "2024-02-30", "2024-Q1", "0000", "99999-01"])
def test_a_vintage_that_is_no_month_is_held(opened: Open, vintage: str) -> None:
    text = f"series_id,date,value,vintage\nGDPC1,2022-01-01,100,{vintage}\nGDPC1,2022-01-01,101,2023-01\n"
    parsed = read_macro(opened(text), macro_catalogue())
    assert held(parsed) == [("line 2", "bad_vintage")]
    assert [row["value"] for row in rows(parsed)] == [101.0]


@pytest.mark.parametrize("day", ["9999-12-31", "infinity", "0001-01-01", "294247-01-10"])
def test_a_date_beyond_every_calendar_is_held(opened: Open, day: str) -> None:
    parsed = read_macro(opened(f"series_id,date,value\nUNRATE,{day},3.7\n"), macro_catalogue())
    assert held(parsed) == [("line 2", "bad_date")]
    parsed = read_splits(opened(f"symbol,ex_date,ratio\nAAPL,{day},4\n"), RESOLVER)
    assert held(parsed) == [("line 2", "bad_date")]


@pytest.mark.parametrize(
    ("days", "frequency", "lag"),
    [
        (["2024-01-02", "2024-01-03", "2024-01-04"], "daily", 1),
        (["2024-01-05", "2024-01-12", "2024-01-19"], "weekly", 7),
        (["2024-01-01", "2024-02-01", "2024-03-01"], "monthly", 45),
        (["2023-01-01", "2023-04-01", "2023-07-01"], "quarterly", 120),
        (["2020-01-01", "2021-01-01", "2022-01-01"], "annual", 120),
        (["2024-01-02"], "daily", 1),
    ],
)
def test_a_series_the_desk_does_not_list_gets_its_frequency_from_its_dates(
    opened: Open, days: list[str], frequency: str, lag: int
) -> None:
    text = "series_id,date,value\n" + "".join(f"MY_SERIES,{day},1\n" for day in days)
    parsed = read_macro(opened(text), macro_catalogue())
    (series,) = rows(parsed, "first")
    assert (series["series_id"], series["frequency"], series["release_lag_days"]) == ("MY_SERIES", frequency, lag)
    assert series["known_at"] == BEGINNING
    assert len(rows(parsed)) == len(days)


def test_a_listed_series_is_not_described_again(opened: Open) -> None:
    assert read_macro(opened("series_id,date,value\nUNRATE,2024-01-01,3.7\n"), macro_catalogue()).first == []


def test_the_risk_index_is_one_series_and_its_columns_are_others(opened: Open) -> None:
    text = "date,GPRD,GPRD_ACT,GPRD_THREAT,N10D\n2001-09-12,1045.6,900,,200\n2001-09-13,,5,6,7\nx,1,1,1,1\n"
    parsed = read_risk_index(opened(text), macro_catalogue())
    assert [(row["series_id"], row["value"]) for row in rows(parsed)] == [("GPRD", 1045.6)]
    beside = rows(parsed, "beside")
    assert {(row["series_id"], row["value"]) for row in beside if "series_id" in row} == {
        ("GPRD_ACT", 900.0),
        ("GPRD_N10D", 200.0),
        ("GPRD_ACT", 5.0),
        ("GPRD_THREAT", 6.0),
        ("GPRD_N10D", 7.0),
    }
    assert held(parsed) == [("line 4", "bad_date")]


def test_days_of_high_risk_are_events_from_the_day_the_index_is_published(opened: Open) -> None:
    text = "date,GPRD,GPRD_ACT\n2022-02-23,199.9,300\n2022-02-24,200,150\n2022-02-25,,400\n2022-02-26,515.9,\n"
    events = [row for row in rows(read_risk_index(opened(text), macro_catalogue()), "beside") if "event_id" in row]
    assert [(row["event_date"], row["name"], row["severity"], row["risk_index"]) for row in events] == [
        (date(2022, 2, 24), "Day of high geopolitical risk", "high", 200.0),
        (date(2022, 2, 26), "Day of high geopolitical risk", "high", 515.9),
    ]
    assert [row["details"] for row in events] == [{"GPRD_ACT": 150.0}, {}]
    # The index comes out a week later: nobody could know of the day's value before.
    assert {row["known_at"].date() - row["event_date"] for row in events} == {timedelta(days=7)}


# Instruments ----------------------------------------------------------------------------------------------------


def test_known_instruments_get_a_newer_size_and_keep_the_rest(opened: Open) -> None:
    text = "symbol,name,asset_class,total_assets_usd\nSPY,Something else,etf,5e11\nVOO,VOO,etf,\n"
    parsed = read_instruments(opened(text), RESOLVER)
    spy, voo = rows(parsed)
    assert (spy["instrument_id"], spy["total_assets_usd"]) == (IDS["SPY"], 5e11)
    assert spy["name"] == RESOLVER.instruments[IDS["SPY"]].name
    assert voo["total_assets_usd"] == RESOLVER.instruments[IDS["VOO"]].total_assets_usd
    assert parsed.beside == []


@pytest.mark.parametrize(
    ("stated", "asset_class", "calendar", "group"),
    [
        ("stock", "equity", "XNYS", "stock"),
        ("Equity", "equity", "XNYS", "stock"),
        ("ETF", "etf", "XNYS", "etf"),
        ("crypto", "crypto", "24x7", "crypto"),
        ("fx", "fx", "24x5", "fx"),
        ("index", "index", "XNYS", "index"),
        ("commodity", "commodity", "XNYS", "commodity"),
    ],
)
def test_new_instruments_get_a_calendar_by_their_class(
    opened: Open, stated: str, asset_class: str, calendar: str, group: str
) -> None:
    parsed = read_instruments(opened(f"symbol,name,asset_class\nZZNEW,A new one,{stated}\n"), RESOLVER)
    (row,) = rows(parsed)
    assert (row["instrument_id"], row["asset_class"], row["calendar"]) == (100_001, asset_class, calendar)
    assert row["groups"] == (group,)
    (period,) = rows(parsed, "beside")
    assert (period["symbol"], period["instrument_id"], period["valid_to"]) == ("ZZNEW", 100_001, None)


def test_new_instruments_are_numbered_one_after_the_other(opened: Open) -> None:
    text = "symbol,name,asset_class\nZZA,A,stock\nSPY,S,etf\nZZB,,stock\n"
    numbers = {row["symbol"]: row for row in rows(read_instruments(opened(text), RESOLVER))}
    assert (numbers["ZZA"]["instrument_id"], numbers["ZZB"]["instrument_id"]) == (100_001, 100_002)
    assert numbers["ZZB"]["name"] == "ZZB"


def test_instruments_without_symbol_or_class_are_held(opened: Open) -> None:
    text = "symbol,name,asset_class\n,No symbol,stock\nZZA,Bond,bond\nZZB,None,\n"
    assert held(read_instruments(opened(text), RESOLVER)) == [
        ("line 2", "bad_value"),
        ("line 3", "bad_value"),
        ("line 4", "bad_value"),
    ]


def test_members_of_an_index_are_stocks(opened: Open) -> None:
    text = "Symbol,Security,GICS Sector\nAAPL,Apple Inc.,Information Technology\nZZNEW,New Co,Energy\n"
    found = {row["symbol"]: row for row in rows(read_instruments(opened(text), RESOLVER))}
    assert found["AAPL"]["instrument_id"] == IDS["AAPL"]
    assert (found["ZZNEW"]["asset_class"], found["ZZNEW"]["name"]) == ("equity", "New Co")
