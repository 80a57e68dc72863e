"""What became known after t changes no read as of t: prices, actions, macro, events and news, readers and views alike.

A world with corrections, late splits, vintages, filled-in outcomes and rewritten articles is stored. For random t every
row known after t is randomised or deleted, and rows known later are made up, also about days long before t. Every read
as of t must then be the same bit for bit.
"""

from __future__ import annotations

import random
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import psycopg
import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st
from psycopg.conninfo import make_conninfo

from core.adapters.store.bars import PostgresBars
from core.adapters.store.data_store import PostgresDataStore
from core.adapters.store.database import Connection, Database
from core.adapters.store.macro import PostgresMacro
from core.data.calendar import closes_of, sessions_between
from core.domain.as_of import AsOf
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent
from core.domain.market_records import CorporateAction, MacroObservation, MacroSeries
from core.domain.news_records import Article, ArticleSymbol, Sentiment
from core.domain.records import Record
from core.errors import QuantdeskError
from core.ports.data_store import BarArrays
from core.ports.vendor import RecordRows
from core.query.product_relations import PUBLIC

DAYS = sessions_between("XNYS", date(2019, 1, 2), date(2021, 12, 31))
TABLES: dict[str, tuple[str, ...]] = {
    "market_data.bars_daily": ("open", "high", "low", "close", "volume"),
    "market_data.corporate_actions": ("amount",),
    "market_data.macro_observations": ("value",),
    "events.economic": ("actual", "forecast", "previous", "name"),
    "events.security": ("eps_actual", "eps_estimate"),
    "events.geopolitical": ("risk_index", "name", "locations"),
    "news.articles": ("headline", "summary", "publisher"),
    "news.sentiment": ("score",),
}
VIEWS = [
    name
    for name in PUBLIC
    if name.startswith(("market_data.", "events.", "news.")) and "known_at timestamptz" in PUBLIC[name]
] + ["market_data.v_prices", "market_data.v_return_prices"]


def utc(*parts: int) -> datetime:
    return datetime(*parts, tzinfo=UTC)  # type: ignore[misc]


def made(days: np.ndarray, instrument: int, seed: int, *, ohlc: bool, known: datetime | None = None) -> BarArrays:
    generator = np.random.default_rng(seed)
    close = 50 * np.exp(np.cumsum(generator.normal(0, 0.02, len(days))))
    missing = np.full(len(days), np.nan)
    at = closes_of("XNYS", days)
    return BarArrays(
        instrument_id=np.full(len(days), instrument, dtype=np.int32),
        session=days,
        open=close * 1.001 if ohlc else missing,
        high=close * 1.01 if ohlc else missing,
        low=close * 0.99 if ohlc else missing,
        close=close,
        volume=generator.uniform(1e5, 1e6, len(days)) if ohlc else missing,
        flag=np.zeros(len(days), dtype=np.int16),
        flags=("",),
        known_at=at if known is None else np.maximum(at, np.datetime64(known.replace(tzinfo=None), "us")),
    )


def put(store: PostgresDataStore, record: type[Record], rows: list[dict[str, Any]], delivered: datetime) -> None:
    full = [record(**{"source": "v", **row} if "source" in record.model_fields else row) for row in rows]
    values = [tuple(getattr(row, name) for name in record.model_fields) for row in full]
    store.merge(RecordRows(record=record, source="v", rows=values), delivered_at=delivered)


def fill(database: Database) -> None:
    store = PostgresDataStore(database)
    with database.transaction() as connection:
        for number in (1, 2, 3):
            connection.execute(
                "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency,"
                " source, known_at) VALUES (%s, %s, 'x', %s, 'XNYS', 'USD', 'test', '2000-01-01Z')",
                (number, f"S{number}", "index" if number == 3 else "equity"),
            )
    for source, basis, instrument, days, ohlc in (
        ("v", "raw", 1, DAYS, True),
        ("w", "total_return", 1, DAYS[100:], False),
        ("x", "split_adjusted", 2, DAYS[:500], True),
        ("y", "total_return", 2, DAYS[250:], False),
        ("z", "raw", 3, DAYS[200:], True),
    ):
        with store.series(source, basis) as series:  # type: ignore[arg-type]
            series.insert(made(days, instrument, instrument, ohlc=ohlc))
        for number, place in enumerate((40, 120, 121, 300)):
            with store.series(source, basis) as series:  # type: ignore[arg-type]
                known = utc(2019 + number % 3, 11, 1)
                series.replace(made(days[place : place + 3], instrument, 90 + number, ohlc=ohlc, known=known))
                series.replace(made(days[place : place + 1], instrument, 95, ohlc=ohlc, known=known + timedelta(90)))
    for amount, delivered in ((0.5, utc(2019, 5, 1)), (0.6, utc(2019, 8, 1)), (0.7, utc(2021, 2, 1))):
        put(store, CorporateAction, [
            {"instrument_id": 1, "action": "dividend", "ex_date": date(2019, 6, 3), "amount": amount, "currency": "USD",
             "amount_basis": "raw", "known_at": utc(2019, 5, 1)},
            {"instrument_id": 2, "action": "dividend", "ex_date": date(2020, 6, 3), "amount": amount, "currency": "USD",
             "amount_basis": "split_adjusted", "known_at": utc(2020, 5, 1)},
            {"instrument_id": 1, "action": "split", "ex_date": date(2020, 3, 2), "ratio": 2.0,
             "known_at": utc(2020, 9, 1)},  # two quarters late
            {"instrument_id": 1, "action": "split", "ex_date": date(2021, 3, 1), "ratio": 3.0 + amount,
             "known_at": utc(2021, 1, 15)},
        ], delivered)  # fmt: skip
    put(store, MacroSeries, [{"series_id": "GDP", "name": "Gross product", "unit": "usd", "frequency": "quarterly",
                              "known_at": utc(2000, 1, 1)}], utc(2019, 1, 1))  # fmt: skip
    for delay in (40, 100, 400):
        put(store, MacroObservation, [
            {"series_id": "GDP", "period": date(2019 + quarter // 4, quarter % 4 * 3 + 1, 1), "vintage": f"v{delay}",
             "value": 100.0 + quarter + delay / 100, "known_at_method": "vintage",
             "known_at": utc(2019 + quarter // 4, quarter % 4 * 3 + 1, 1) + timedelta(days=90 + delay)}
            for quarter in range(10)
        ], utc(2022, 1, 1))  # fmt: skip
    changed = {"series_id": "GDP", "period": date(2019, 1, 1), "vintage": "v40", "value": 1.0}
    changed |= {"known_at_method": "vintage", "known_at": utc(2019, 5, 11)}
    put(store, MacroObservation, [changed], utc(2020, 7, 1))
    days = [date(2019, 2, 1) + timedelta(days=45 * number) for number in range(22)]
    for stage, forecast, delivered in ((0, 1.0, utc(2019, 1, 1)), (1, 1.0, utc(2020, 8, 1)), (2, 2.0, utc(2021, 6, 1))):
        known = [utc(day.year, day.month, day.day) for day in days]
        put(store, EconomicEvent, [
            {"event_id": f"e{day}", "event_at": at + timedelta(hours=13), "event_date": day, "country": "US",
             "name": "CPI",
             "forecast": forecast, "actual": 3.0 if stage else None, "known_at": at - timedelta(days=20),
             "actual_known_at": at + timedelta(hours=13) if stage else None, "importance": "high"}
            for day, at in zip(days, known, strict=True)
        ], delivered)  # fmt: skip
        put(store, SecurityEvent, [
            {"event_id": f"s{day}", "instrument_id": 1, "event": "earnings", "event_date": day,
             "eps_estimate": forecast,
             "eps_actual": 2.0 if stage else None, "known_at": at - timedelta(days=30),
             "actual_known_at": at + timedelta(hours=21) if stage else None}
            for day, at in zip(days, known, strict=True)
        ], delivered)  # fmt: skip
        put(store, GeopoliticalEvent, [
            {"event_id": f"g{day}", "event_date": day, "name": f"strike {stage // 2}", "severity": "low",
             "known_at": at}
            for day, at in zip(days, known, strict=True)
        ], delivered)  # fmt: skip
        put(store, Article, [
            {"article_id": f"a{day}", "published_date": day, "headline": f"Up {stage // 2}", "known_at": at}
            for day, at in zip(days, known, strict=True)
        ], delivered)  # fmt: skip
        put(store, Sentiment, [
            {"article_id": f"a{day}", "scorer": "local", "score": 0.1 * forecast, "tone": "positive", "known_at": at}
            for day, at in zip(days, known, strict=True)
        ], delivered)  # fmt: skip
    put(store, ArticleSymbol, [{"article_id": f"a{day}", "instrument_id": 1} for day in days], utc(2019, 1, 1))


@pytest.fixture(scope="module")
def world(postgres_dsn: str, template_dsn: str):
    """Give the world in a database of its own, with a copy of each table to go back to."""
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("CREATE DATABASE qd_perturbed TEMPLATE qd_template")
    database = Database(make_conninfo(postgres_dsn, dbname="qd_perturbed"))
    fill(database)
    with database.transaction() as connection:
        connection.execute("CREATE SCHEMA original")
        for table in every_table():
            connection.execute(f"CREATE TABLE original.{table.replace('.', '_')} AS SELECT * FROM {table}".encode())
    yield database
    database.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute("DROP DATABASE qd_perturbed WITH (FORCE)")


def every_table() -> list[str]:
    return [name for table in TABLES for name in (table, f"{table}_history")] + ["news.article_symbols"]


def restore(connection: Connection) -> None:
    connection.execute(f"TRUNCATE {', '.join(every_table())}".encode())
    for table in every_table():
        connection.execute(f"INSERT INTO {table} SELECT * FROM original.{table.replace('.', '_')}".encode())
    connection.execute("SELECT market_data.index_series_years(NULL)")


def read_everything(database: Database, as_of: AsOf) -> dict[str, Any]:
    """Return every read as of a time, floats as their bytes."""
    seen: dict[str, Any] = {}
    bars, macro = PostgresBars(database), PostgresMacro(database)
    for ids in ([1], [2], [3], [1, 2, 3]):
        reads: dict[str, Any] = {
            f"panel {purpose} {needs}": lambda p=purpose, n=needs, i=ids: bars.panel(i, purpose=p, as_of=as_of, needs=n)
            for purpose in ("price", "return")
            for needs in ("close", "volume")
        } | {
            f"bars {adjust}": lambda a=adjust, i=ids: bars.bars(i, as_of=as_of, adjust=a)
            for adjust in ("none", "splits", "total_return")
        }
        for name, read in reads.items():
            try:
                panel = read()
                arrays = (panel.sessions, panel.close, panel.open, panel.high, panel.low, panel.volume)
                seen[f"{name} {ids}"] = (
                    panel.series,
                    *(None if part is None else part.tobytes() for part in arrays),
                )
            except QuantdeskError as error:
                seen[f"{name} {ids}"] = str(error)
        seen[f"last {ids}"] = bars.last_session(ids, as_of=as_of)
    try:
        seen["macro"] = macro.observations("GDP", as_of=as_of)
    except QuantdeskError as error:
        seen["macro"] = str(error)
    with database.transaction(as_of) as connection:
        for view in VIEWS:
            seen[view] = sorted(map(repr, connection.execute(f"SELECT * FROM {view}".encode()).fetchall()))
    return seen


def perturb(connection: Connection, t: datetime, generator: random.Random) -> int:
    """Randomise or delete what was known after t, make up more of it, and return how many rows were touched."""
    connection.execute(f"SELECT setseed({generator.random()})".encode())
    touched = 0
    later = f"'{t.isoformat()}'::timestamptz + interval '1 microsecond' * (1 + floor(random() * 1e14))"
    for table, columns in TABLES.items():
        texts = {"name", "locations", "headline", "summary", "publisher"}
        values = ", ".join(
            f"{column} = CASE WHEN {column} IS NULL THEN NULL ELSE "
            + ("md5(random()::text)" if column in texts else "random() * 0.5")
            + " END"
            for column in columns
        )
        for name in (table, f"{table}_history"):
            after = f"known_at > '{t.isoformat()}'"
            # An article of which an earlier version was known keeps its links, which say no time of their own.
            unheard = (
                f"a WHERE {after} AND hashtext(article_id) % 2 = 0 AND NOT EXISTS"
                " (SELECT FROM news.articles_history h WHERE h.article_id = a.article_id)"
            )
            if table == "news.articles" and not name.endswith("_history"):
                for child in ("news.article_symbols", "news.sentiment"):
                    connection.execute(
                        f"DELETE FROM {child} WHERE article_id IN"
                        f" (SELECT article_id FROM news.articles {unheard})".encode()
                    )
                touched += connection.execute(f"DELETE FROM news.articles {unheard}".encode()).rowcount
            else:
                touched += connection.execute(f"DELETE FROM {name} WHERE {after} AND random() < 0.4".encode()).rowcount
            moved = "" if name.endswith("_history") else f", known_at = {later}"
            touched += connection.execute(f"UPDATE {name} SET {values}{moved} WHERE {after}".encode()).rowcount
        # When a row will be superseded is itself known only then.
        connection.execute(
            f"UPDATE {table}_history SET superseded_known_at = {later}"
            f" WHERE superseded_known_at > '{t.isoformat()}'".encode()
        )
    for table, actual in (("events.economic", "actual"), ("events.security", "eps_actual")):
        touched += connection.execute(
            f"UPDATE {table} SET {actual} = random(), actual_known_at = {later}"
            f" WHERE actual_known_at > '{t.isoformat()}'".encode()
        ).rowcount
    connection.execute(
        "INSERT INTO market_data.bars_daily (instrument_id, source, price_basis, session, open, high, low, close,"
        " volume, known_at) SELECT 1 + n % 3, 'a later one', (ARRAY['raw', 'split_adjusted', 'total_return'])"
        " [1 + n % 3],"
        f" '2018-01-01'::date + n, 1, 1, 1, 1 + random(), 5, {later} FROM generate_series(1, 1400) n".encode()
    )
    connection.execute(
        "INSERT INTO market_data.corporate_actions (instrument_id, action, ex_date, source, ratio, amount,"
        " amount_basis, known_at) SELECT 1 + n % 3, CASE WHEN n % 2 = 0 THEN 'split' ELSE 'dividend' END,"
        " '2018-06-01'::date + n * 9,"
        f" 'later', CASE WHEN n % 2 = 0 THEN 2 END, CASE WHEN n % 2 = 1 THEN 0.3 END, 'raw', {later}"
        " FROM generate_series(1, 100) n".encode()
    )
    connection.execute(
        "INSERT INTO market_data.macro_observations (series_id, period, source, vintage, value, known_at,"
        f" known_at_method) SELECT 'GDP', make_date(2018 + n, 1, 1), 'later', 'zz', random(), {later}, 'delivery'"
        " FROM generate_series(1, 5) n".encode()
    )
    connection.execute(
        "INSERT INTO news.sentiment (article_id, scorer, score, tone, known_at)"
        f" SELECT article_id, 'a scorer', 0, 'neutral', {later} FROM news.articles".encode()
    )
    connection.execute("SELECT market_data.index_series_years(NULL)")
    return touched


@settings(max_examples=5, derandomize=True, deadline=None, phases=[Phase.generate])
@given(day=st.dates(date(2019, 1, 10), date(2021, 12, 20)), seconds=st.integers(0, 86_399), seed=st.integers(0, 2**31))
def test_what_became_known_later_changes_no_read(world: Database, day: date, seconds: int, seed: int) -> None:
    as_of = AsOf(known=datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(seconds=seconds))
    with world.transaction() as connection:
        restore(connection)
    before = read_everything(world, as_of)
    now = read_everything(world, AsOf(known=utc(2031, 1, 1)))
    with world.transaction() as connection:
        assert perturb(connection, as_of.known, random.Random(seed)) > 100
    after = read_everything(world, as_of)
    assert {name for name in before if before[name] != after[name]} == set()
    # The future itself has changed, or this test would prove nothing.
    assert read_everything(world, AsOf(known=utc(2031, 1, 1))) != now


def test_the_world_has_something_of_everything(world: Database) -> None:
    with world.transaction() as connection:
        restore(connection)
        for table in every_table():
            row = connection.execute(f"SELECT count(*) FROM {table}".encode()).fetchone()
            assert row is not None and row[0] > 0, table
    seen = read_everything(world, AsOf(known=utc(2021, 6, 1)))
    assert all(seen[view] for view in VIEWS)
    assert sum(isinstance(value, str) for value in seen.values()) < 10
