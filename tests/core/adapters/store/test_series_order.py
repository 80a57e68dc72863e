"""The order of sources is computed in the database from what was known; it must follow the rules in plain code."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.store.data_store import PostgresDataStore
from core.adapters.store.database import Database
from core.data.calendar import closes_of, sessions_between
from core.data.canonical import Series
from core.domain.as_of import AsOf
from core.ports.data_store import BarArrays
from core.testing.series_order import rank_series

BASES = ("raw", "split_adjusted", "total_return")
DAYS = sessions_between("XNYS", date(2019, 1, 2), date(2022, 12, 30))
LATER = datetime(2030, 1, 1, tzinfo=UTC)


@pytest.fixture
def database(database_dsn: str):
    database = Database(database_dsn)
    with database.transaction() as connection:
        for number in (1, 2):
            connection.execute(
                "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency,"
                " source, known_at) VALUES (%s, %s, 'x', 'equity', 'XNYS', 'USD', 'test', '2000-01-01Z')",
                (number, f"S{number}"),
            )
    yield database
    database.close()


def bars(days: np.ndarray, *, instrument: int = 1, ohlc: bool = True, volume: bool = True, close: float = 10.0):
    prices = np.full(len(days), close)
    missing = np.full(len(days), np.nan)
    return BarArrays(
        instrument_id=np.full(len(days), instrument, dtype=np.int32),
        session=days,
        open=prices if ohlc else missing,
        high=prices if ohlc else missing,
        low=prices if ohlc else missing,
        close=prices,
        volume=prices if volume else missing,
        flag=np.zeros(len(days), dtype=np.int16),
        flags=("",),
        known_at=closes_of("XNYS", days),
    )


def order(database: Database, known: datetime, purpose: str, recorded: datetime | None = None) -> list[tuple]:
    with database.transaction(AsOf(known=known, recorded=recorded)) as connection:
        return connection.execute(
            "SELECT source, price_basis, has_ohlc, first_session, last_session, sessions, has_volume"
            " FROM market_data.canonical_series WHERE instrument_id = 1 AND purpose = %s ORDER BY rank",
            (purpose,),
        ).fetchall()


def expected(stored: dict, known: datetime, purpose: str) -> list[tuple]:
    found = []
    for (source, basis), (days, ohlc, volume) in stored.items():
        seen = days[closes_of("XNYS", days) <= np.datetime64(known.replace(tzinfo=None), "us")]
        if len(seen):
            found.append(
                Series(
                    instrument_id=1,
                    source=source,
                    price_basis=basis,
                    has_ohlc=ohlc,
                    first_session=seen[0].item(),
                    last_session=seen[-1].item(),
                    sessions=len(seen),
                    has_volume=volume,
                )
            )
    return [
        (s.source, s.price_basis, s.has_ohlc, s.first_session, s.last_session, s.sessions, s.has_volume)
        for s in rank_series(found, purpose)  # type: ignore[arg-type]
    ]


def test_it_is_the_order_of_the_rules_at_every_time(database: Database) -> None:
    """Property: six made-up worlds, each looked at from three times and from the end."""
    generator = random.Random(5)
    store = PostgresDataStore(database)
    for _ in range(6):
        stored = {}
        with database.transaction() as connection:
            connection.execute("TRUNCATE market_data.bars_daily, market_data.series_years")
        for name in generator.sample("abcde", generator.randint(1, 4)):
            basis = generator.choice(BASES)
            first = generator.randrange(len(DAYS) - 2)
            days = DAYS[first : first + generator.randrange(1, len(DAYS))]
            days = days[np.random.default_rng(first).random(len(days)) > 0.05]
            if not len(days):
                continue
            ohlc, volume = generator.random() < 0.6, generator.random() < 0.6
            stored[name, basis] = (days, ohlc, volume)
            with store.series(name, basis) as series:  # type: ignore[arg-type]
                cut = generator.randrange(len(days) + 1)
                for part in (days[cut:], days[:cut]):
                    series.insert(bars(part, ohlc=ohlc, volume=volume))
        for known in [datetime(2019, 1, 1, tzinfo=UTC) + timedelta(days=generator.randrange(1500)) for _ in "123"]:
            for purpose in ("price", "return"):
                assert order(database, known, purpose) == expected(stored, known, purpose)
                assert order(database, LATER, purpose) == expected(stored, LATER, purpose)


@settings(max_examples=5, derandomize=True, deadline=None)
@given(st.lists(st.integers(0, 1000), min_size=1, max_size=40, unique=True))
def test_the_years_kept_by_the_writer_are_those_counted_from_the_bars(postgres_years, places: list[int]) -> None:
    database = postgres_years
    with database.transaction() as connection:
        connection.execute("TRUNCATE market_data.bars_daily, market_data.bars_daily_history, market_data.series_years")
    store = PostgresDataStore(database)
    chosen = DAYS[np.array(places)]
    with store.series("v", "raw") as series:
        series.insert(bars(chosen, ohlc=places[0] % 2 == 0))
    with store.series("v", "raw") as series:
        series.insert(bars(chosen, instrument=2, volume=places[0] % 3 == 0))
        late = bars(chosen[:3], close=11.0)
        series.replace(late)
    every = (
        "SELECT instrument_id, year, days::text, first_session, last_session, has_ohlc, known_at"
        " FROM market_data.series_years ORDER BY 1, 2"
    )
    with database.transaction() as connection:
        kept = connection.execute(every).fetchall()
        connection.execute("SELECT market_data.index_series_years(NULL)")
        counted = connection.execute(every).fetchall()
    # A correction that brings an open to a series of closes says that it has one; one bar of it suffices.
    assert kept == counted


@pytest.fixture(scope="module")
def postgres_years(postgres_dsn: str, template_dsn: str):
    import psycopg
    from psycopg.conninfo import make_conninfo

    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_years TEMPLATE qd_template")
    database = Database(make_conninfo(postgres_dsn, dbname="qd_years"))
    yield database
    database.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_years WITH (FORCE)")


def test_a_later_longer_source_changes_no_earlier_choice(database: Database) -> None:
    store = PostgresDataStore(database)
    with store.series("old", "split_adjusted") as series:
        series.insert(bars(DAYS[:400]))
    before = order(database, datetime(2020, 6, 1, tzinfo=UTC), "price")
    recorded = datetime.now(UTC)
    with store.series("new", "split_adjusted") as series:
        series.insert(bars(DAYS[300:]))
    assert [row[0] for row in order(database, LATER, "price")] == ["new", "old"]
    # As of the middle the new source has a few bars only, and in a replay it was not there at all.
    assert [row[0] for row in order(database, datetime(2020, 6, 1, tzinfo=UTC), "price")] == ["old", "new"]
    assert order(database, datetime(2020, 6, 1, tzinfo=UTC), "price", recorded) == before
    assert [row[0] for row in order(database, LATER, "price", recorded)] == ["old"]
