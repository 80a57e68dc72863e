"""Names, symbols of their day, macro series and their vintages."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest

from core.adapters.store.database import Database
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.store.macro import PostgresMacro
from core.data.pipeline import Pipeline
from core.domain.as_of import AsOf
from core.domain.market_records import Instrument, MacroObservation
from core.errors import NoData, UnknownName
from core.ports.vendor import BarColumns, RecordRows

Columns = Callable[..., BarColumns]
Unused = Callable[[], Instrument]


@pytest.fixture
def instruments(seeded: Database) -> PostgresInstruments:
    return PostgresInstruments(seeded)


@pytest.fixture
def macro(seeded: Database) -> PostgresMacro:
    return PostgresMacro(seeded)


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("AAPL", "AAPL"),
        ("aapl", "AAPL"),
        ("  AAPL ", "AAPL"),
        ("apple", "AAPL"),
        ("BRK.B", "BRK-B"),
        ("brk-b", "BRK-B"),
        ("buffett", "BRK-B"),
        ("Berkshire   Hathaway", "BRK-B"),
        ("FB", "META"),
        ("meta", "META"),
        ("QQQQ", "QQQ"),
        ("btc", "BTC-USD"),
        ("bitcoin", "BTC-USD"),
        ("ethereum", "ETH-USD"),
        ("vix", "^VIX"),
        ("^vix", "^VIX"),
        ("s&p 500", "^GSPC"),
        ("EURUSD", "EURUSD"),
    ],
)
def test_an_instrument_is_found_by_any_of_its_names(instruments: PostgresInstruments, name: str, symbol: str) -> None:
    assert instruments.find(name).symbol == symbol


@pytest.mark.parametrize(
    ("name", "offer"),
    [("APPL", "AAPL"), ("MSTF", "MSFT"), ("nvidea", "NVDA"), ("bitcoinn", "BTC-USD"), ("amazn", "AMZN")],
)
def test_a_typo_is_refused_with_the_closest(instruments: PostgresInstruments, name: str, offer: str) -> None:
    with pytest.raises(UnknownName) as caught:
        instruments.find(name)
    assert offer in caught.value.closest
    assert len(caught.value.closest) <= 3


@pytest.mark.parametrize("name", ["", "   ", "qwxzkjv", "'; DROP TABLE market_data.instruments; --", "%", "a" * 500])
def test_nonsense_is_refused_and_harmless(instruments: PostgresInstruments, name: str) -> None:
    with pytest.raises(UnknownName):
        instruments.find(name)
    assert instruments.find("AAPL").symbol == "AAPL"


def test_lists_are_by_symbol_and_complete(instruments: PostgresInstruments) -> None:
    every = instruments.list()
    symbols = [entry.symbol for entry in every if entry.instrument_id < 100_000]
    assert len(symbols) == 494
    assert len(set(symbols)) == 494
    crypto = instruments.list(asset_class="crypto")
    assert {entry.calendar for entry in crypto} == {"24x7"}
    assert instruments.list(group="no such group") == ()
    assert {entry.asset_class for entry in instruments.list(group="gold", asset_class="etf")} == {"etf"}


@pytest.mark.parametrize(
    ("symbol", "day", "company"),
    [
        ("FB", "2012-05-18", "META"),  # first day of trading
        ("FB", "2022-06-08", "META"),  # the last as FB
        ("META", "2022-06-09", "META"),
        ("QQQ", "1999-03-10", "QQQ"),
        ("QQQ", "2004-11-30", "QQQ"),
        ("QQQQ", "2004-12-01", "QQQ"),  # moved to the Nasdaq
        ("QQQQ", "2011-03-22", "QQQ"),
        ("QQQ", "2011-03-23", "QQQ"),
        ("GOOG", "2014-04-02", "GOOGL"),
        ("GOOG", "2014-04-03", "GOOG"),
        ("FB", "2022-06-09", None),
        ("META", "2022-06-08", None),
        ("QQQQ", "2004-11-30", None),
        ("QQQQ", "2011-03-23", None),
        ("QQQ", "2008-06-02", None),
    ],
)
def test_a_symbol_names_who_carried_it_that_day(
    pipeline: Pipeline, instruments: PostgresInstruments, columns: Columns, symbol: str, day: str, company: str | None
) -> None:
    from dataclasses import replace

    found = pipeline.resolver.resolve(replace(columns(symbol, [day], [1.0]), convention="as_traded"))
    expected = -1 if company is None else instruments.find(company).instrument_id
    assert found.tolist() == [expected]


def test_raw_bars_of_a_ticker_of_the_day_are_held_where_nobody_carried_it(pipeline: Pipeline, columns: Columns) -> None:
    from dataclasses import replace

    days = ["2022-06-07", "2022-06-08", "2022-06-09", "2022-06-10"]
    counts = pipeline.store_bars(
        replace(columns("FB", days, [190.0, 196.0, 184.0, 175.0], source="tickers"), convention="as_traded")
    )
    assert (counts.new, counts.reasons) == (2, {"unknown_symbol": 2})
    pipeline.finish()


# Macro ------------------------------------------------------------------------------------------------------------


def observe(pipeline: Pipeline, series: str, *values: tuple[str, float | None, str, datetime]) -> None:
    rows = [
        (series, date.fromisoformat(period), "vendor", vintage, value, known, "vintage")
        for period, value, vintage, known in values
    ]
    pipeline.store_records(RecordRows(record=MacroObservation, source="vendor", rows=rows))


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


@pytest.mark.parametrize(
    ("known", "values"),
    [
        (utc(2022, 4, 1), None),
        (utc(2022, 4, 28), [100.0]),
        (utc(2022, 5, 25), [100.0]),
        (utc(2022, 5, 26), [99.0]),
        (utc(2022, 7, 28), [99.0, 101.0]),
        (utc(2023, 1, 1), [98.5, 101.0]),
    ],
)
def test_of_every_period_the_newest_vintage_known_then_answers(
    pipeline: Pipeline, macro: PostgresMacro, known: datetime, values: list[float] | None
) -> None:
    observe(
        pipeline,
        "GDPC1",
        ("2022-01-01", 100.0, "2022-04", utc(2022, 4, 28)),
        ("2022-01-01", 99.0, "2022-05", utc(2022, 5, 26)),
        ("2022-04-01", 101.0, "2022-07", utc(2022, 7, 28)),
        ("2022-01-01", 98.5, "2022-09", utc(2022, 9, 29)),
    )
    if values is None:
        with pytest.raises(NoData, match="GDPC1"):
            macro.observations("GDPC1", as_of=AsOf(known=known))
    else:
        found = macro.observations("GDPC1", as_of=AsOf(known=known))
        assert [entry.value for entry in found] == values
        assert [entry.period for entry in found] == sorted(entry.period for entry in found)


def test_vintages_stored_later_change_nothing_at_a_time(pipeline: Pipeline, macro: PostgresMacro) -> None:
    generator = np.random.default_rng(2)
    periods = [f"{year}-{month:02d}-01" for year in (2019, 2020) for month in range(1, 13)]
    first = [(period, float(place), "v0", utc(2021, 1, 15)) for place, period in enumerate(periods)]
    observe(pipeline, "PAYEMS", *first)
    moment = AsOf(known=utc(2021, 2, 1))
    before = macro.observations("PAYEMS", as_of=moment)
    assert len(before) == 24
    for number in range(3):
        later = [
            (
                periods[int(place)],
                float(generator.normal()),
                f"v{number + 1}",
                utc(2021, 2, 1) + timedelta(days=1 + number),
            )
            for place in generator.choice(24, 10, replace=False)
        ]
        observe(pipeline, "PAYEMS", *later, ("2021-01-01", 1.0, f"v{number}", utc(2021, 2, 5)))
        assert macro.observations("PAYEMS", as_of=moment) == before
    assert macro.observations("PAYEMS", as_of=AsOf(known=utc(2022, 1, 1))) != before


def test_windows_and_missing_values(pipeline: Pipeline, macro: PostgresMacro) -> None:
    observe(
        pipeline,
        "DGS10",
        ("2023-01-03", 3.79, "", utc(2023, 1, 4)),
        ("2023-01-16", None, "", utc(2023, 1, 17)),  # Martin Luther King Day: published as missing
        ("2023-01-17", 3.53, "", utc(2023, 1, 18)),
    )
    now = AsOf(known=utc(2024, 1, 1))
    assert [entry.value for entry in macro.observations("DGS10", as_of=now)] == [3.79, None, 3.53]
    window = macro.observations("DGS10", as_of=now, start=date(2023, 1, 16), end=date(2023, 1, 17))
    assert [entry.period.day for entry in window] == [16, 17]
    with pytest.raises(NoData, match="from 2023-02-01 to now"):
        macro.observations("DGS10", as_of=now, start=date(2023, 2, 1))


@pytest.mark.parametrize(
    ("name", "series"),
    [
        ("CPILFESL", "CPILFESL"),
        ("cpilfesl", "CPILFESL"),
        ("core cpi", "CPILFESL"),
        ("Core  Inflation", "CPILFESL"),
        ("unemployment", "UNRATE"),
        ("fed funds", "FEDFUNDS"),
        ("yield curve", "T10Y2Y"),
        ("Real GDP", "GDPC1"),
    ],
)
def test_a_series_is_found_by_any_of_its_names(macro: PostgresMacro, name: str, series: str) -> None:
    assert macro.find(name).series_id == series


@pytest.mark.parametrize(("name", "offer"), [("unemploymint", "UNRATE"), ("core cpy", "CPILFESL"), ("UNRAT", "UNRATE")])
def test_a_series_written_wrongly_is_refused_with_the_closest(macro: PostgresMacro, name: str, offer: str) -> None:
    with pytest.raises(UnknownName) as caught:
        macro.find(name)
    assert offer in caught.value.closest
