"""The migrated schema and the record models describe the same tables."""

from __future__ import annotations

import psycopg
import pytest

from core.adapters.store.database import Database
from core.adapters.store.migrations import migrate
from core.domain.as_of import AsOf
from core.domain.records import Record, record_kinds

DATABASE_ONLY = {"recorded_at", "entry_id"}


@pytest.mark.parametrize("record", list(record_kinds()), ids=lambda record: record.kind)
def test_every_field_of_a_record_is_a_column_and_every_column_a_field(record: type[Record], template_columns) -> None:
    columns = template_columns[record.table]
    assert set(record.model_fields) == set(columns) - DATABASE_ONLY
    for name, field in record.model_fields.items():
        optional = type(None) in getattr(field.annotation, "__args__", ())
        assert columns[name] == optional, f"{record.table}.{name}: nullable {columns[name]}, optional {optional}"


def test_every_table_with_market_facts_says_when_it_was_known(template_columns) -> None:
    for table, columns in template_columns.items():
        schema = table.split(".")[0]
        if schema in {"market_data", "events", "news"} and not table.endswith(("canonical_series", "article_symbols")):
            assert {"known_at", "recorded_at"} <= set(columns), table


def test_migrating_twice_changes_nothing(database_dsn: str) -> None:
    assert migrate(database_dsn) == migrate(database_dsn)


def test_bars_are_partitioned_by_year(database_dsn: str) -> None:
    with psycopg.connect(database_dsn) as connection:
        parts = connection.execute(
            "SELECT count(*) FROM pg_inherits WHERE inhparent = 'market_data.bars_daily'::regclass"
        ).fetchone()
    assert parts == (52,)


def test_a_correction_shows_the_old_value_until_it_was_known(database_dsn: str) -> None:
    from datetime import UTC, datetime

    database = Database(database_dsn)
    with database.transaction() as connection:
        connection.execute(
            "INSERT INTO market_data.instruments "
            "(instrument_id, symbol, name, asset_class, calendar, currency, source, known_at) "
            "VALUES (1, 'AAA', 'Triple A', 'equity', 'XNYS', 'USD', 'test', '2000-01-01Z')"
        )
        row = "1, 'v', 'raw', '2020-01-02', {close}, '{{}}', '{known}', '{recorded}'"
        columns = "instrument_id, source, price_basis, session, close, flags, known_at, recorded_at"
        connection.execute(
            f"INSERT INTO market_data.bars_daily ({columns}) VALUES "
            f"({row.format(close=11, known='2020-02-01Z', recorded='2020-02-01Z')})"
        )
        connection.execute(
            f"INSERT INTO market_data.bars_daily_history ({columns}, superseded_known_at, superseded_recorded_at) "
            f"VALUES ({row.format(close=10, known='2020-01-02Z', recorded='2020-01-03Z')}, "
            "'2020-02-01Z', '2020-02-01Z')"
        )

    def close(known: datetime, recorded: datetime | None = None) -> list[tuple[float]]:
        with database.transaction(AsOf(known=known, recorded=recorded)) as connection:
            return connection.execute("SELECT close FROM market_data.v_bars").fetchall()

    assert close(datetime(2020, 1, 1, tzinfo=UTC)) == []
    assert close(datetime(2020, 1, 15, tzinfo=UTC)) == [(10.0,)]
    assert close(datetime(2020, 3, 1, tzinfo=UTC)) == [(11.0,)]
    assert close(datetime(2020, 3, 1, tzinfo=UTC), datetime(2020, 1, 15, tzinfo=UTC)) == [(10.0,)]
    database.close()


@pytest.fixture(scope="module")
def template_columns(postgres_dsn: str, template_dsn: str) -> dict[str, dict[str, bool]]:
    found: dict[str, dict[str, bool]] = {}
    with psycopg.connect(template_dsn) as connection:
        rows = connection.execute(
            "SELECT table_schema || '.' || table_name, column_name, is_nullable = 'YES' "
            "FROM information_schema.columns c "
            "JOIN information_schema.tables t USING (table_schema, table_name) WHERE t.table_type = 'BASE TABLE'"
        )
        for table, column, nullable in rows:
            found.setdefault(table, {})[column] = nullable
    return found
