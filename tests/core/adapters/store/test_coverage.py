"""What the desk says is stored, against counting it another way."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime

import numpy as np
import pytest

from core.adapters.store.coverage import PostgresCoverage
from core.adapters.store.database import Database
from core.adapters.store.ingest import open_pipeline
from core.data.calendar import sessions_between
from core.data.coverage import SeriesCoverage
from core.domain.as_of import AsOf
from core.domain.identifiers import IdSource
from core.domain.market_records import Instrument
from core.ports.vendor import BarColumns

Unused = Callable[[], Instrument]
Columns = Callable[..., BarColumns]
DAYS = sessions_between("XNYS", date(2021, 11, 1), date(2023, 2, 28))


@pytest.fixture(scope="module")
def holed(seeded: Database, ids: IdSource, unused: Unused, columns: Columns) -> tuple[Instrument, np.ndarray]:
    """Give a stock whose series lacks a tenth of its sessions, and the sessions it has."""
    one = unused()
    kept = np.sort(np.random.default_rng(8).choice(len(DAYS), round(len(DAYS) * 0.9), replace=False))
    run = open_pipeline(seeded, ids, mode="test", arguments={})
    closes = 80 + np.cumsum(np.random.default_rng(1).normal(0, 0.2, len(kept)))
    run.store_bars(columns(one.symbol, DAYS[kept], closes, source="holed", price_basis="split_adjusted"))
    run.store_bars(
        columns(one.symbol, DAYS[:100], np.linspace(70, 75, 100), source="adjusted", price_basis="total_return")
    )
    run.finish()
    return one, DAYS[kept]


def at(*parts: int) -> AsOf:
    return AsOf(known=datetime(*parts, tzinfo=UTC))  # type: ignore[misc]


def series_of(database: Database, instrument: Instrument, source: str, as_of: AsOf) -> SeriesCoverage:
    found = PostgresCoverage(database).series([instrument.instrument_id], as_of=as_of)
    return next(entry for entry in found if entry.source == source)


@pytest.mark.parametrize(
    "moment", [at(2023, 6, 1), at(2023, 2, 10, 22), at(2023, 1, 3, 12), at(2022, 12, 30, 22), at(2022, 3, 15, 21)]
)
def test_counts_and_gaps_equal_a_count_by_hand(
    seeded: Database, holed: tuple[Instrument, np.ndarray], moment: AsOf
) -> None:
    instrument, kept = holed
    visible = [day.item() for day in kept if _close(day.item()) <= moment.known]
    found = series_of(seeded, instrument, "holed", moment)
    expected = [day.item() for day in DAYS if visible[0] <= day.item() <= visible[-1]]
    assert (found.first, found.last, found.stored) == (visible[0], visible[-1], len(visible))
    assert found.expected == len(expected)
    assert found.missing == len(expected) - len(visible)
    assert PostgresCoverage(seeded).gaps([found], as_of=moment) == [sorted(set(expected) - set(visible))]
    newest = [day.item() for day in sessions_between("XNYS", visible[-1], moment.known.date())]
    assert found.behind == len([day for day in newest if day > visible[-1] and _close(day) <= moment.known])


def _close(day: date) -> datetime:
    """Return the close as anyone would work it out: 16:00 in New York, 13:00 after Thanksgiving."""
    from datetime import time
    from zoneinfo import ZoneInfo

    early = day in (date(2021, 11, 26), date(2022, 11, 25))
    return datetime.combine(day, time(13 if early else 16), ZoneInfo("America/New_York"))


def test_the_series_stand_in_the_order_in_which_they_answer(
    seeded: Database, holed: tuple[Instrument, np.ndarray]
) -> None:
    found = PostgresCoverage(seeded).series([holed[0].instrument_id], as_of=at(2023, 6, 1))
    assert [(entry.source, entry.price_basis) for entry in found] == [
        ("holed", "split_adjusted"),
        ("adjusted", "total_return"),
    ]


def test_a_year_without_a_single_bar_counts_as_missing(
    seeded: Database, ids: IdSource, unused: Unused, columns: Columns
) -> None:
    one = unused()
    days = ["2015-12-30", "2015-12-31", "2017-01-03", "2017-01-04"]
    run = open_pipeline(seeded, ids, mode="test", arguments={})
    run.store_bars(columns(one.symbol, days, [10, 10.1, 10.2, 10.3], source="gap"))
    run.finish()
    with seeded.transaction() as connection:
        ledger = connection.execute(
            "SELECT year, expected, stored, first_session FROM ops.coverage WHERE instrument_id = %s ORDER BY year",
            (one.instrument_id,),
        ).fetchall()
    # 2016 had 252 sessions.
    assert ledger == [(2015, 2, 2, date(2015, 12, 30)), (2016, 252, 0, None), (2017, 2, 2, date(2017, 1, 3))]
    found = series_of(seeded, one, "gap", at(2018, 1, 1))
    assert (found.stored, found.expected, found.missing) == (4, 256, 252)


def test_datasets_sum_their_series(seeded: Database, holed: tuple[Instrument, np.ndarray]) -> None:
    moment = at(2025, 1, 2)
    reader = PostgresCoverage(seeded)
    stocks = next(entry for entry in reader.datasets(as_of=moment) if entry.dataset == "prices of stocks")
    with seeded.transaction(as_of=moment) as connection:
        row = connection.execute(
            "SELECT count(*), count(DISTINCT b.instrument_id), min(session), max(session) FROM market_data.v_bars b"
            " JOIN market_data.instruments i USING (instrument_id) WHERE i.asset_class = 'equity'"
        ).fetchone()
    assert (stocks.rows, stocks.items, stocks.first, stocks.last) == row
    assert "holed" in stocks.sources
    by_year = {(entry.asset_class, entry.year): entry for entry in reader.years()}
    assert sum(entry.stored for entry in by_year.values() if entry.asset_class == "equity") == stocks.rows
    assert all(entry.stored <= entry.expected for entry in by_year.values())


def test_held_rows_are_counted_by_reason(seeded: Database, ids: IdSource, unused: Unused, columns: Columns) -> None:
    reader = PostgresCoverage(seeded)

    def held() -> dict[str, int]:
        return {entry.reason: entry.rows for entry in reader.held() if entry.record_kind == "bar"}

    before = held()
    run = open_pipeline(seeded, ids, mode="test", arguments={})
    run.store_bars(
        columns(unused().symbol, ["2020-01-02", "2020-01-03", "2020-01-04"], [-1.0, 0.0, 5.0], source="held")
    )
    run.finish()
    after = held()
    grown = {reason: after[reason] - before.get(reason, 0) for reason in after if after[reason] != before.get(reason)}
    assert grown == {"nonpositive_price": 2, "not_a_session": 1}


def test_a_desk_without_anything_has_no_prices(database_dsn: str) -> None:
    database = Database(database_dsn)
    reader = PostgresCoverage(database)
    found = reader.datasets(as_of=at(2025, 1, 2))
    assert all(entry.rows == 0 and entry.first is None for entry in found)
    assert not [entry for entry in found if entry.dataset.startswith("prices")]
    assert list(reader.years()) == list(reader.held()) == []
    database.close()


def test_runs_are_read_newest_first_with_the_sums_of_their_steps(
    seeded: Database, ids: IdSource, unused: Unused, columns: Columns
) -> None:
    run = open_pipeline(seeded, ids, mode="counted", arguments={})
    symbol = unused().symbol
    first = columns(symbol, ["2020-01-02", "2020-01-03"], [5.0, 5.1], source="counted")
    second = columns(symbol, ["2020-01-03", "2020-01-06"], [5.1, -1.0], source="counted")
    run.run_step("first", "counted", lambda: run.store_bars(first))
    run.run_step("second", "counted", lambda: run.store_bars(second))
    run.finish()
    runs = PostgresCoverage(seeded).runs(limit=3)
    assert len(runs) <= 3
    assert [entry.started_at for entry in runs] == sorted((entry.started_at for entry in runs), reverse=True)
    mine = next(entry for entry in runs if entry.mode == "counted")
    # Two new bars, one that was stored already, one held back for its price.
    assert (mine.rows_read, mine.rows_new, mine.rows_held) == (4, 2, 1)
    assert mine.finished_at is not None and mine.finished_at >= mine.started_at


def test_the_gaps_of_many_series_come_in_their_order(seeded: Database, holed: tuple[Instrument, np.ndarray]) -> None:
    instrument, _ = holed
    reader, now = PostgresCoverage(seeded), at(2023, 6, 1)
    series = reader.series([instrument.instrument_id], as_of=now)
    assert len(series) == 2
    each = [reader.gaps([entry], as_of=now)[0] for entry in series]
    assert reader.gaps(series, as_of=now) == each
    assert reader.gaps(series[::-1], as_of=now) == each[::-1]
    assert {len(days) for days in each} > {0}
    assert reader.gaps([], as_of=now) == []


def test_whole_years_are_read_from_the_index_and_the_open_one_from_its_bars(
    seeded: Database, holed: tuple[Instrument, np.ndarray]
) -> None:
    from core.adapters.store.series_index import read_days

    instrument, kept = holed
    with seeded.transaction() as connection:
        for moment in (at(2023, 6, 1), at(2022, 6, 15, 22), at(2021, 11, 30, 22), at(2021, 10, 1)):
            stored = read_days(connection, [instrument.instrument_id], moment)
            found = sorted(stored[instrument.instrument_id, "holed", "split_adjusted"].tolist())
            assert found == [day.item() for day in kept if _close(day.item()) <= moment.known]
