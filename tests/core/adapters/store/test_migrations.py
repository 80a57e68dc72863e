"""Migrations of a database that holds data: going up keeps every row, going down loses only what it says."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest
from alembic import command
from alembic.config import Config
from psycopg.conninfo import make_conninfo
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

from core.adapters.store.migrations import SQL_FOLDER, migrate

_numbers = itertools.count()
VERSIONS = sorted(path.stem for path in (SQL_FOLDER.parent / "versions").glob("0*.py"))
HEAD = VERSIONS[-1][:4]
# The step from 0013 back would lose what was recommended to people.
BEFORE_OWNED = "0012"
# One row of every kind that the first schema knows, in the order in which they depend on each other.
ROWS = {
    "market_data.instruments": (
        "(instrument_id, symbol, name, asset_class, calendar, currency, groups, source, known_at)"
        " VALUES (1, 'AAPL', 'Apple', 'equity', 'XNYS', 'USD', '{a,b}', 's', '1990-01-01Z')"
    ),
    "market_data.symbol_history": (
        "(instrument_id, symbol, valid_from, source, known_at) VALUES (1, 'AAPL', '1980-12-12', 's', '1990-01-01Z')"
    ),
    "market_data.bars_daily": (
        "(instrument_id, source, price_basis, session, open, high, low, close, volume, flags, known_at)"
        " SELECT 1, 's', 'raw', day::date, 1, 3, 0.5, 2 + extract(doy FROM day), 'NaN', '{released}',"
        " CASE WHEN day = '1990-01-02' THEN '1990-02-01Z' ELSE day + '21 hours' END"
        " FROM generate_series('1989-12-20'::timestamptz, '1991-01-10'::timestamptz, '1 day') AS day"
    ),
    "market_data.bars_daily_history": (
        "VALUES (1, 's', 'raw', '1990-01-02', NULL, NULL, NULL, 7, NULL, '{}', '1990-01-02Z', '1990-01-03Z',"
        " '1990-02-01Z', '1990-02-01Z')"
    ),
    "market_data.corporate_actions": (
        "(instrument_id, action, ex_date, source, ratio, known_at)"
        " VALUES (1, 'split', '1990-06-01', 's', 2, '1990-05-01Z')"
    ),
    "market_data.macro_series": (
        "(series_id, name, unit, frequency, source, known_at)"
        " VALUES ('CPI', 'c', 'index', 'monthly', 's', '1990-01-01Z')"
    ),
    "market_data.macro_observations": (
        "(series_id, period, source, vintage, value, known_at, known_at_method)"
        " VALUES ('CPI', '1990-01-01', 's', 'first', 127.5, '1990-02-14Z', 'vintage'),"
        " ('CPI', '1990-02-01', 's', 'first', NULL, '1990-03-14Z', 'vintage')"
    ),
    "events.economic": (
        "(event_id, event_date, country, name, importance, actual, source, known_at, actual_known_at)"
        " VALUES ('e', '1990-02-14', 'US', 'CPI', 'high', 0.1, 's', '1990-01-14Z', '1990-02-14Z')"
    ),
    "events.security": (
        "(event_id, instrument_id, event, event_date, eps_actual, source, known_at, actual_known_at)"
        " VALUES ('s', 1, 'earnings', '1990-01-18', 0.9, 's', '1990-01-02Z', '1990-01-18Z')"
    ),
    "events.geopolitical": (
        "(event_id, event_date, name, severity, source, known_at)"
        " VALUES ('g', '1990-08-02', 'Invasion', 'high', 's', '1990-08-02Z')"
    ),
    "news.articles": (
        "(article_id, published_date, headline, source, known_at) VALUES ('n', '1990-08-02', 'War', 's', '1990-08-02Z')"
    ),
    "news.article_symbols": "(article_id, instrument_id) VALUES ('n', 1)",
    "news.sentiment": (
        "(article_id, scorer, score, tone, known_at) VALUES ('n', 'provider:s', -0.5, 'negative', '1990-08-02Z')"
    ),
    "ops.ingest_runs": "(run_id, mode, state, started_at) VALUES ('r', 'import', 'done', '1990-08-02Z')",
    "ops.raw_payloads": "VALUES ('p', 'v', '{}', 'text/plain', 'as it came', '1990-08-02Z')",
}


def move(dsn: str, revision: str) -> None:
    """Bring a database to a revision, up or down."""
    config = Config()
    config.set_main_option("script_location", str(SQL_FOLDER.parent))
    engine = create_engine("postgresql+psycopg://", poolclass=NullPool, creator=lambda: psycopg.connect(dsn))
    with engine.connect() as connection:
        config.attributes["connection"] = connection
        here = connection.exec_driver_sql("SELECT to_regclass('public.alembic_version')").scalar()
        now = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalar() if here else "0000"
        (command.upgrade if revision > str(now) else command.downgrade)(config, revision)
        connection.commit()


def content(dsn: str, columns: dict[str, str] | None = None) -> dict[str, tuple[int, str]]:
    """Return rows and digest per table over the columns that the first schema has."""
    found = {}
    with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
        for table in ROWS:
            chosen = columns[table] if columns else "t.*"
            text = f"row({chosen})::text"
            query = f"SELECT count(*), md5(string_agg({text}, '|' ORDER BY {text})) FROM {table} t"
            found[table] = connection.execute(query.encode()).fetchone()
    return found  # type: ignore[return-value]


def columns_of(dsn: str) -> dict[str, str]:
    with psycopg.connect(dsn) as connection:
        return {
            table: ", ".join(
                row[0]
                for row in connection.execute(
                    "SELECT attname FROM pg_attribute WHERE attrelid = %s::regclass AND attnum > 0"
                    " AND NOT attisdropped ORDER BY attnum",
                    (table,),
                )
            )
            for table in ROWS
        }


@pytest.fixture
def old(postgres_dsn: str) -> Iterator[str]:
    """Give a database of the fourth schema with a row of every kind."""
    name = f"qd_old_{next(_numbers)}"
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"CREATE DATABASE {name}".encode())
    dsn = make_conninfo(postgres_dsn, dbname=name)
    move(dsn, "0004")
    with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
        for table, row in ROWS.items():
            connection.execute(f"INSERT INTO {table} {row}".encode())
    yield dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as admin:
        admin.execute(f"DROP DATABASE {name} WITH (FORCE)".encode())


def test_an_old_database_with_data_goes_up_to_today_and_keeps_every_row(old: str) -> None:
    columns = columns_of(old)
    before = content(old, columns)
    assert all(rows for rows, _ in before.values())
    assert migrate(old) == HEAD
    assert content(old, columns) == before
    with psycopg.connect(old) as connection:
        seen = connection.execute("SELECT count(*) FROM market_data.v_bars WHERE symbol = 'AAPL'").fetchone()
        assert seen == (before["market_data.bars_daily"][0],)
        connection.execute("SET LOCAL quantdesk.as_of = '1990-01-15Z'")
        known = connection.execute("SELECT close FROM market_data.v_bars WHERE session = '1990-01-02'").fetchall()
        assert known == [(7.0,)], "what was corrected later answers until it was corrected"


def test_going_down_with_data_keeps_the_rows_and_loses_what_it_says(old: str) -> None:
    move(old, "0010")
    columns, before = columns_of(old), content(old)
    with psycopg.connect(old) as connection:
        connection.execute(
            "INSERT INTO ops.raw_payloads VALUES ('z', 'v', '{}', 'text/plain', 'packed', now(), 'bars', 'deflate')"
        )
        connection.execute(
            "INSERT INTO ops.gaps (instrument_id, source, price_basis, session, state, found_at)"
            " VALUES (1, 's', 'raw', '1990-03-01', 'open', now())"
        )
    move(old, "0009")
    with psycopg.connect(old) as connection:
        assert connection.execute("SELECT to_regclass('ops.gaps')").fetchone() == (None,)
        assert connection.execute("SELECT payload_id FROM ops.raw_payloads").fetchall() == [("p",)]
    move(old, "0010")
    assert content(old) == before
    assert columns_of(old) == columns
    assert migrate(old) == HEAD


def test_the_schema_with_versions_is_left_and_reached_again_with_data(old: str) -> None:
    columns, before = columns_of(old), content(old)
    move(old, "0005")
    with psycopg.connect(old) as connection:
        connection.execute(
            "INSERT INTO events.geopolitical_history SELECT *, known_at + '1 day', recorded_at FROM events.geopolitical"
        )
    move(old, "0004")
    assert content(old, columns) == before
    with psycopg.connect(old) as connection:
        assert connection.execute("SELECT to_regclass('events.geopolitical_history')").fetchone() == (None,)
    assert migrate(old) == HEAD
    assert content(old, columns) == before


def test_a_step_that_would_lose_what_people_own_is_refused_and_leaves_everything(database_dsn: str) -> None:
    with psycopg.connect(database_dsn) as connection:
        connection.execute(
            "INSERT INTO ops.ingest_runs (run_id, mode, state, started_at) VALUES ('r', 'm', 'done', now())"
        )
    with pytest.raises(NotImplementedError, match="back-up"):
        move(database_dsn, BEFORE_OWNED)
    assert migrate(database_dsn) == HEAD
    with psycopg.connect(database_dsn) as connection:
        assert connection.execute("SELECT run_id FROM ops.ingest_runs").fetchall() == [("r",)]


@pytest.mark.parametrize("name", VERSIONS)
def test_every_revision_follows_the_one_before_and_goes_down_by_a_file_or_not_at_all(name: str) -> None:
    module = importlib.import_module(f"core.adapters.store.migrations.versions.{name}")
    place = VERSIONS.index(name)
    assert module.revision == name[:4]
    assert module.down_revision == (VERSIONS[place - 1][:4] if place else None)
    if not Path(SQL_FOLDER / f"{name}_down.sql").is_file():
        with pytest.raises(NotImplementedError, match="back-up"):
            module.downgrade()


def prices_at(dsn: str, moments: list[str]) -> list[tuple[str, str, str, list[tuple[str]]]]:
    """Return every row that the views of bars and prices show at some moments, with and without what came in late."""
    found = []
    with psycopg.connect(dsn, options="-c timezone=UTC") as connection:
        for known, recorded in itertools.product(moments, ("infinity", "1990-06-01Z")):
            connection.execute(f"SET LOCAL quantdesk.as_of = '{known}'".encode())
            connection.execute(f"SET LOCAL quantdesk.recorded_before = '{recorded}'".encode())
            for view in ("v_bars", "v_prices", "v_return_prices"):
                query = f"SELECT v::text FROM market_data.{view} v ORDER BY session, v::text"
                found.append((known, recorded, view, connection.execute(query.encode()).fetchall()))
    return found


def test_prices_are_the_same_in_the_form_that_is_planned_well(old: str) -> None:
    with psycopg.connect(old) as connection:
        connection.execute("UPDATE market_data.bars_daily SET recorded_at = known_at + '1 minute'")
        # A second series, longer and for returns only, so that a choice is made at each moment.
        connection.execute(
            "INSERT INTO market_data.bars_daily"
            " (instrument_id, source, price_basis, session, close, known_at, recorded_at)"
            " SELECT 1, 't', 'total_return', day::date, 5, day + '21 hours', day + '22 hours'"
            " FROM generate_series('1989-11-01'::timestamptz, '1990-10-10'::timestamptz, '1 day') AS day"
        )
    move(old, "0026")
    moments = ["1989-12-01Z", "1990-01-15Z", "1990-03-01Z", "1990-12-24Z", "2000-01-01Z"]
    before = prices_at(old, moments)
    assert sum(bool(rows) for *_, rows in before) > len(before) / 2
    move(old, "0027")
    assert prices_at(old, moments) == before
    move(old, "0026")
    assert prices_at(old, moments) == before
    assert migrate(old) == HEAD
