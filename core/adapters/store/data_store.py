"""Write ingested data: bars by binary COPY, other records by staging and MERGE, one lock per series."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import date, datetime
from typing import Any, TypeVar

import numpy as np
import psycopg
from psycopg import sql
from psycopg.types.json import Jsonb

from core.adapters.store.arrays import bar_copy_chunks, numpy_cursor
from core.adapters.store.database import Connection, Database
from core.adapters.store.merging import MergeStatements
from core.adapters.store.series_index import add_years, index_series
from core.adapters.store.stale import mark_bars, mark_records
from core.domain.market_path import PriceBasis
from core.domain.market_records import Instrument, SymbolHistory
from core.domain.records import Record
from core.errors import InvalidInput
from core.ports.data_store import BarArrays, Counts, Ids, Split
from core.ports.vendor import RecordRows

T = TypeVar("T", bound=Record)
BAR_COLUMNS = "instrument_id, source, price_basis, session, open, high, low, close, volume, flags, known_at"
_STORED = """
SELECT coalesce(array_agg(instrument_id), '{}'), coalesce(array_agg(session - '1970-01-01'::date), '{}'),
       coalesce(array_agg(coalesce(open, 'NaN')), '{}'), coalesce(array_agg(coalesce(high, 'NaN')), '{}'),
       coalesce(array_agg(coalesce(low, 'NaN')), '{}'), coalesce(array_agg(close), '{}'),
       coalesce(array_agg(coalesce(volume, 'NaN')), '{}')
FROM market_data.bars_daily
WHERE source = %s AND price_basis = %s AND session >= %s AND instrument_id = ANY (%s)
"""
_CLOSE_OLD = """
INSERT INTO market_data.bars_daily_history
    (instrument_id, source, price_basis, session, open, high, low, close, volume, flags, known_at, recorded_at,
     superseded_known_at, superseded_recorded_at)
SELECT b.instrument_id, b.source, b.price_basis, b.session, b.open, b.high, b.low, b.close, b.volume, b.flags,
       b.known_at, b.recorded_at, s.known_at, clock_timestamp()
FROM market_data.bars_daily b JOIN bars_staging s USING (instrument_id, source, price_basis, session)
"""
# Corrections are few, and a compressed hypertable refuses MERGE.
_CORRECT_BARS = f"""
INSERT INTO market_data.bars_daily ({BAR_COLUMNS})
SELECT {BAR_COLUMNS} FROM bars_staging
ON CONFLICT (instrument_id, source, price_basis, session) DO UPDATE SET
    open = excluded.open, high = excluded.high, low = excluded.low, close = excluded.close, volume = excluded.volume,
    flags = excluded.flags, known_at = excluded.known_at, recorded_at = clock_timestamp()
"""


class PostgresSeries:
    """Write the bars of one source and basis inside the transaction that `PostgresDataStore.series` opened."""

    def __init__(self, connection: Connection, source: str, price_basis: PriceBasis) -> None:
        self._connection = connection
        self._source = source
        self._price_basis = price_basis

    def stored(self, instrument_ids: Ids, since: date) -> BarArrays:
        """Return the stored bars from a day on, by instrument and session."""
        cursor = numpy_cursor(self._connection)
        parameters = (self._source, self._price_basis, since, instrument_ids.tolist())
        row = cursor.execute(_STORED, parameters).fetchone()
        assert row is not None
        ids, days, *prices = row
        order = np.lexsort((days, ids))
        open_, high, low, close, volume = (values[order] for values in prices)
        return BarArrays(
            instrument_id=ids[order],
            session=days[order].astype("datetime64[D]"),
            open=open_,
            high=high,
            low=low,
            close=close,
            volume=volume,
            flag=np.zeros(len(order), dtype=np.int16),
            flags=("",),
            known_at=np.full(len(order), np.datetime64("NaT", "us")),
        )

    def insert(self, bars: BarArrays) -> None:
        """Store bars whose sessions are not stored yet."""
        if len(bars):
            self._copy("market_data.bars_daily", bars)
            add_years(self._connection, bars, self._source, self._price_basis)
            mark_bars(self._connection, bars)

    def replace(self, bars: BarArrays) -> None:
        """Store corrections: the old rows are closed into the history as of the new rows' known time."""
        if not len(bars):
            return
        self._connection.execute(
            "CREATE TEMP TABLE IF NOT EXISTS bars_staging (LIKE market_data.bars_daily) ON COMMIT DELETE ROWS"
        )
        self._connection.execute("ALTER TABLE bars_staging ALTER recorded_at DROP NOT NULL")
        self._copy("bars_staging", bars)
        self._connection.execute(_CLOSE_OLD)
        self._connection.execute(_CORRECT_BARS.encode())
        self._connection.execute("TRUNCATE bars_staging")
        add_years(self._connection, bars, self._source, self._price_basis)
        mark_bars(self._connection, bars)

    def _copy(self, table: str, bars: BarArrays) -> None:
        statement = f"COPY {table} ({BAR_COLUMNS}) FROM STDIN (FORMAT binary)"
        with self._connection.cursor().copy(statement.encode()) as copy:
            for chunk in bar_copy_chunks(bars, self._source, self._price_basis):
                copy.write(chunk)


class PostgresDataStore:
    """Store what vendors and files deliver."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def series(self, source: str, price_basis: PriceBasis) -> Iterator[PostgresSeries]:
        """Open one series for writing; commits at the end, rolls back on an exception."""
        with self._database.transaction() as connection:
            _lock(connection, f"bars_daily {source} {price_basis}")
            yield PostgresSeries(connection, source, price_basis)

    def merge(self, rows: RecordRows, *, delivered_at: datetime, set_once: Sequence[str] = ()) -> Counts:
        """Store records by key and count new, changed and same; columns in `set_once` are never overwritten.

        Of several rows with one key the last counts. A row that corrects a versioned record is known from its delivery
        on; what it replaces stays in the history. Raises InvalidInput, with nothing stored, when a row does not fit its
        table.
        """
        record = rows.record
        columns = tuple(record.model_fields)
        unique = _last_by_key(record, columns, rows.rows)
        counts = Counts(read=len(rows.rows))
        if not unique:
            return counts
        statements = MergeStatements(record, set_once)
        try:
            with self._database.transaction() as connection:
                _lock(connection, f"{record.table} {rows.source}")
                _stage(connection, record, columns, unique)
                mark_records(connection, record, statements.same_key(), statements.differs(), delivered_at)
                counts.new, counts.changed = statements.run(connection, delivered_at)
        except (psycopg.DataError, psycopg.IntegrityError) as error:
            raise InvalidInput(
                f"The {record.kind} rows of {rows.source} do not fit their table: {str(error).splitlines()[0]}.",
                hint="Nothing of them was stored; correct the source and import again.",
            ) from error
        counts.same = len(rows.rows) - counts.new - counts.changed
        return counts

    def identities(self) -> tuple[Sequence[Instrument], Sequence[SymbolHistory]]:
        """Return every instrument and which symbols named it when."""
        with self._database.transaction() as connection:
            return (
                tuple(read_records(connection, Instrument, order="instrument_id")),
                tuple(read_records(connection, SymbolHistory, order="symbol, valid_from")),
            )

    def splits(self) -> Sequence[Split]:
        """Return every known split, one per instrument and ex-date."""
        with self._database.transaction() as connection:
            found = connection.execute(
                "SELECT DISTINCT ON (instrument_id, ex_date) instrument_id, ex_date, ratio, known_at"
                " FROM market_data.corporate_actions WHERE action = 'split'"
                " ORDER BY instrument_id, ex_date, known_at, source"
            ).fetchall()
        return [Split(instrument_id=row[0], ex_date=row[1], ratio=row[2], known_at=row[3]) for row in found]

    def index_series(self, instrument_ids: Sequence[int] | None = None) -> None:
        """Bring coverage, the order of sources and the planner's statistics up to date; None means everything."""
        with self._database.transaction() as connection:
            _lock(connection, "canonical_series")
            index_series(connection, instrument_ids)


def read_records(
    connection: Connection,
    record: type[T],
    *,
    order: str,
    where: str = "",
    parameters: Mapping[str, Any] | None = None,
) -> Iterator[T]:
    """Yield the stored records of a kind; `where` and `order` are SQL written by the desk, never by a caller."""
    columns = ", ".join(record.model_fields)
    statement = f"SELECT {columns} FROM {record.table} {where} ORDER BY {order}".encode()
    for row in connection.execute(statement, parameters):
        yield record(**dict(zip(record.model_fields, row, strict=True)))


def _lock(connection: Connection, name: str) -> None:
    connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 0))", (name,))


def _last_by_key(record: type[Record], columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    places = [columns.index(name) for name in record.key]
    return list({tuple(row[place] for place in places): row for row in rows}.values())


def _stage(connection: Connection, record: type[Record], columns: tuple[str, ...], rows: list[tuple[Any, ...]]) -> None:
    names = sql.SQL(", ").join(map(sql.Identifier, columns))
    table = sql.Identifier(*record.table.split("."))
    connection.execute("DROP TABLE IF EXISTS staging")
    connection.execute(
        sql.SQL("CREATE TEMP TABLE staging ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(names, table)
    )
    wrapped = [place for place, name in enumerate(columns) if _is_json(record, name)]
    with connection.cursor().copy(sql.SQL("COPY staging ({}) FROM STDIN").format(names)) as copy:
        for row in rows:
            if wrapped:
                row = tuple(Jsonb(value) if place in wrapped else value for place, value in enumerate(row))
            copy.write_row([list(value) if isinstance(value, tuple) else value for value in row])
    connection.execute("ANALYZE staging")


def _is_json(record: type[Record], name: str) -> bool:
    return str(record.model_fields[name].annotation).startswith("dict[")
