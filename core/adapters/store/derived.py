"""Read the inputs of derived rows and replace the rows, in one transaction with the marks of what is out of date."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, date, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray
from psycopg import sql

from core.adapters.store import stale
from core.adapters.store.arrays import numpy_cursor
from core.adapters.store.data_store import read_records
from core.adapters.store.database import Connection, Database, set_as_of
from core.adapters.store.feature_rows import feature_chunks
from core.data.calendar import sessions_between
from core.domain.as_of import AsOf
from core.domain.derived_records import (
    ArticleLink,
    ArticleScore,
    ArticleStory,
    Correlation,
    DailyFeatures,
    DailySentiment,
    EventGroup,
    EventSurprise,
)
from core.domain.event_records import EconomicEvent, GeopoliticalEvent, SecurityEvent
from core.domain.kernel import Float64Array
from core.domain.market_records import Instrument, SymbolHistory
from core.domain.records import Record
from core.ports.derived_store import BarSeries, FeatureRows, Part, PriceHistory

DERIVED: tuple[type[Record], ...] = (
    ArticleLink,
    ArticleScore,
    ArticleStory,
    Correlation,
    DailyFeatures,
    DailySentiment,
    EventGroup,
    EventSurprise,
)
_EVENTS: tuple[type[Record], ...] = (EconomicEvent, SecurityEvent, GeopoliticalEvent)
_SERIES_NAMES = """
SELECT instrument_id, string_agg(purpose || ' ' || source || ' ' || price_basis, '; ' ORDER BY purpose)
FROM market_data.canonical_series WHERE rank = 1 GROUP BY 1
"""
_CLAIM = """
DELETE FROM derived.stale WHERE (part, item) IN (
    SELECT part, item FROM derived.stale WHERE part = %s ORDER BY item LIMIT %s FOR UPDATE)
RETURNING item, since
"""
_BARS = """
SELECT coalesce(array_agg(session - '1970-01-01'::date ORDER BY session), '{}'),
       coalesce(array_agg(coalesce(high, 'NaN') ORDER BY session), '{}'),
       coalesce(array_agg(coalesce(low, 'NaN') ORDER BY session), '{}'),
       coalesce(array_agg(close ORDER BY session), '{}'),
       coalesce(array_agg(extract(epoch FROM known_at)::double precision ORDER BY session), '{}')
FROM market_data.bars_daily WHERE instrument_id = %s AND source = %s AND price_basis = %s
"""
_SPLITS = """
SELECT DISTINCT ON (ex_date) ex_date, ratio, known_at FROM market_data.corporate_actions
WHERE action = 'split' AND instrument_id = %s ORDER BY ex_date, known_at, source
"""
_RETURNS = """
SELECT instrument_id, array_agg(session - '1970-01-01'::date ORDER BY session),
       array_agg(return_1d ORDER BY session), max(known_at)
FROM derived.features_daily WHERE session BETWEEN %s AND %s AND return_1d IS NOT NULL
GROUP BY 1 ORDER BY 1
"""
_ARTICLES = """
SELECT article_id, known_at, headline, summary FROM news.articles
WHERE known_at >= %s AND known_at < %s ORDER BY known_at, article_id
"""
# The articles of the days with each of their instruments and scores: the source's own word before the desk's.
_SENTIMENTS = """
SELECT s.instrument_id, (a.known_at AT TIME ZONE 'UTC')::date, m.method, m.score, m.tone,
       coalesce(t.story_id, a.article_id), m.known_at
FROM news.articles a
JOIN LATERAL (
    SELECT instrument_id FROM news.article_symbols v WHERE v.article_id = a.article_id
    UNION
    SELECT instrument_id FROM derived.article_links l WHERE l.article_id = a.article_id) s ON true
JOIN LATERAL (
    SELECT 'lexicon' AS method, score, tone, known_at FROM derived.article_scores d WHERE d.article_id = a.article_id
    UNION ALL
    (SELECT 'vendor', score, tone, known_at FROM news.sentiment v WHERE v.article_id = a.article_id
     ORDER BY scorer LIMIT 1)
) m ON true
LEFT JOIN derived.article_stories t ON t.article_id = a.article_id
WHERE a.known_at >= %s AND a.known_at < %s AND (a.known_at AT TIME ZONE 'UTC')::date = ANY (%s)
ORDER BY 1, 2, 3, a.known_at, a.article_id
"""


class PostgresDerivedStore:
    """Open transactions over derived data."""

    def __init__(self, database: Database) -> None:
        self._database = database

    @contextmanager
    def begin(self) -> Iterator[PostgresDerivedWork]:
        """Begin a transaction that commits at the end and rolls back on an exception; one at a time."""
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('derived', 0))")
            # Derived rows are made of all that is stored, whatever the desk's clock says; each says when it was known.
            set_as_of(connection, AsOf(known=datetime(9999, 1, 1, tzinfo=UTC)))
            yield PostgresDerivedWork(connection)

    def digests(self) -> Mapping[str, str]:
        """Return rows and a digest of the content of every derived table, times of writing left out."""
        with self._database.transaction() as connection:
            return {record.table: _digest(connection, record) for record in DERIVED}


class PostgresDerivedWork:
    """Read and replace inside one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def claim(self, part: Part, limit: int | None = None) -> Mapping[int, date]:
        """Take marks of a part away and return them."""
        return dict(self._connection.execute(_CLAIM.encode(), (part, limit)).fetchall())

    def mark(self, part: Part, items: Mapping[int, date]) -> None:
        """Mark items of a part as out of date since a day."""
        stale.mark(self._connection, part, items)

    def marked(self, part: Part) -> Mapping[int, date]:
        """Return the marks of a part without taking them away."""
        found = self._connection.execute("SELECT item, since FROM derived.stale WHERE part = %s", (part,))
        return dict(found.fetchall())

    def made(self, part: Part) -> Mapping[int, tuple[str, str]]:
        """Return from what and by which code the items of a part were made."""
        found = self._connection.execute(
            "SELECT item, made_from, code_version FROM derived.builds WHERE part = %s", (part,)
        )
        return {item: (made_from, version) for item, made_from, version in found}

    def set_made(self, part: Part, items: Mapping[int, str], code_version: str) -> None:
        """Note from what and by which code items were made."""
        self._connection.execute(
            "INSERT INTO derived.builds SELECT %s, item, made_from, %s"
            " FROM unnest(%s::int[], %s::text[]) AS made (item, made_from)"
            " ON CONFLICT (part, item) DO UPDATE SET made_from = excluded.made_from,"
            " code_version = excluded.code_version",
            (part, code_version, list(items), list(items.values())),
        )

    def replace(self, record: type[Record], where: Mapping[str, Sequence[Any]], rows: Sequence[tuple[Any, ...]]) -> int:
        """Replace the rows whose columns are among the values given; write only those that differ."""
        names = sql.SQL(", ").join(map(sql.Identifier, record.model_fields))
        table = sql.Identifier(*record.table.split("."))
        same_key = sql.SQL(" AND ").join(sql.SQL("t.{0} = s.{0}").format(sql.Identifier(name)) for name in record.key)
        scope = sql.SQL(" AND ").join(
            [sql.SQL("true"), *(sql.SQL("t.{} = ANY ({})").format(sql.Identifier(n), sql.Placeholder()) for n in where)]
        )
        run = self._connection.execute
        run("DROP TABLE IF EXISTS derived_staging")
        run(
            sql.SQL("CREATE TEMP TABLE derived_staging ON COMMIT DROP AS SELECT {} FROM {} LIMIT 0").format(
                names, table
            )
        )
        with self._connection.cursor().copy(sql.SQL("COPY derived_staging ({}) FROM STDIN").format(names)) as copy:
            for row in rows:
                copy.write_row(row)
        run("ANALYZE derived_staging")
        gone = run(
            sql.SQL("DELETE FROM {} t WHERE {} AND NOT EXISTS (SELECT FROM derived_staging s WHERE {})").format(
                table, scope, same_key
            ),
            [list(values) for values in where.values()],
        ).rowcount
        left = sql.SQL(", ").join(sql.SQL("t.{}").format(sql.Identifier(name)) for name in record.model_fields)
        right = sql.SQL(", ").join(sql.SQL("s.{}").format(sql.Identifier(name)) for name in record.model_fields)
        others = [name for name in record.model_fields if name not in record.key]
        assigned = sql.SQL(", ").join(sql.SQL("{0} = s.{0}").format(sql.Identifier(name)) for name in others)
        written = run(
            sql.SQL(
                "MERGE INTO {} t USING derived_staging s ON {} WHEN MATCHED AND ({}) IS DISTINCT FROM ({})"
                " THEN UPDATE SET {}, recorded_at = clock_timestamp() WHEN NOT MATCHED THEN INSERT ({}) VALUES ({})"
            ).format(table, same_key, left, right, assigned, names, right)
        ).rowcount
        return gone + written

    def series_names(self) -> Mapping[int, str]:
        """Return the names of the series that answer for each instrument with prices."""
        return dict(self._connection.execute(_SERIES_NAMES.encode()).fetchall())

    def history(self, instrument_id: int) -> PriceHistory | None:
        """Return the bars of an instrument; None when it has none."""
        named = {
            purpose: (source, basis)
            for purpose, source, basis in self._connection.execute(
                "SELECT purpose, source, price_basis FROM market_data.canonical_series"
                " WHERE instrument_id = %s AND rank = 1",
                (instrument_id,),
            )
        }
        if not {"price", "return"} <= named.keys():
            return None
        calendar = self._connection.execute(
            "SELECT calendar FROM market_data.instruments WHERE instrument_id = %s", (instrument_id,)
        ).fetchone()
        raw = "raw" in (named["price"][1], named["return"][1])
        splits = self._connection.execute(_SPLITS.encode(), (instrument_id,)).fetchall() if raw else []
        series = {
            name: self._bars(instrument_id, *name).over_splits(splits if name[1] == "raw" else ())
            for name in set(named.values())
        }
        return PriceHistory(
            instrument_id=instrument_id,
            sessions_per_year=365 if calendar == ("24x7",) else 252,
            prices=series[named["price"]],
            returns=series[named["return"]],
            splits=splits,
        )

    def _bars(self, instrument_id: int, source: str, basis: str) -> BarSeries:
        cursor = numpy_cursor(self._connection)
        row = cursor.execute(_BARS.encode(), (instrument_id, source, basis)).fetchone()
        assert row is not None
        days, high, low, close, known = row
        return BarSeries(
            session=days.astype("datetime64[D]"),
            high=high,
            low=low,
            close=close,
            known_at=np.rint(known * 1e6).astype(np.int64).astype("datetime64[us]"),
        )

    def replace_features(self, rows: FeatureRows, since: date, code_version: str) -> int:
        """Replace the features from a session on and return how many rows were written."""
        self._connection.execute(
            "DELETE FROM derived.features_daily WHERE instrument_id = %s AND session >= %s",
            (rows.instrument_id, since),
        )
        chosen = rows.session >= np.datetime64(since, "D")
        if not chosen.any():
            return 0
        names = ("instrument_id", "session", *rows.values, "code_version", "known_at")
        statement = f"COPY derived.features_daily ({', '.join(names)}) FROM STDIN (FORMAT binary)"
        with self._connection.cursor().copy(statement.encode()) as copy:
            for chunk in feature_chunks(rows, chosen, code_version):
                copy.write(chunk)
        return int(chosen.sum())

    def remove_features(self, instrument_id: int) -> int:
        """Remove the features of an instrument without bars and return how many there were."""
        return self._connection.execute(
            "DELETE FROM derived.features_daily WHERE instrument_id = %s", (instrument_id,)
        ).rowcount

    def benchmark_id(self, symbol: str) -> int | None:
        """Return the instrument that carries a symbol today."""
        row = self._connection.execute(
            "SELECT instrument_id FROM market_data.instruments WHERE symbol = %s", (symbol,)
        ).fetchone()
        return None if row is None else int(row[0])

    def feature_span(self) -> tuple[date, date] | None:
        """Return the first and the last session with features; None when there are none."""
        row = self._connection.execute("SELECT min(session), max(session) FROM derived.features_daily").fetchone()
        return None if row is None or row[0] is None else (row[0], row[1])

    def returns(self, start: date, end: date) -> tuple[NDArray[np.int32], Float64Array, Sequence[datetime]]:
        """Return the daily returns of a window: ids, a matrix (XNYS sessions, ids), when the newest was known."""
        days = sessions_between("XNYS", start, end)
        found = numpy_cursor(self._connection).execute(_RETURNS.encode(), (start, end)).fetchall()
        matrix = np.full((len(days), len(found)), np.nan)
        for column, (_, sessions, values, _) in enumerate(found):
            place = np.searchsorted(days, sessions.astype("datetime64[D]"))
            inside = place < len(days)
            inside[inside] &= days[place[inside]] == sessions.astype("datetime64[D]")[inside]
            matrix[place[inside], column] = values[inside]
        return np.array([row[0] for row in found], dtype=np.int32), matrix, [row[3] for row in found]

    def articles(self, start: date, end: date) -> Sequence[tuple[str, datetime, str, str]]:
        """Return id, known time, headline and summary of the articles known on days (both included), by time."""
        found: list[tuple[str, datetime, str, str]] = self._connection.execute(
            _ARTICLES.encode(), _day_bounds(start, end)
        ).fetchall()
        return found

    def sentiments(self, days: Sequence[date]) -> Sequence[tuple[int, date, str, float, str, str, datetime]]:
        """Return (instrument, day, method, score, tone, story, known at) of each scored article of the days."""
        first, after = _day_bounds(min(days), max(days))
        found: list[tuple[int, date, str, float, str, str, datetime]] = self._connection.execute(
            _SENTIMENTS.encode(), (first, after, list(days))
        ).fetchall()
        return found

    def events(self) -> Mapping[str, Sequence[Record]]:
        """Return the stored rows of every kind of event, by kind."""
        return {kind.kind: list(read_records(self._connection, kind, order="event_id")) for kind in _EVENTS}

    def article_days(self) -> Sequence[int]:
        """Return the days with articles, as days since 1970-01-01."""
        rows = self._connection.execute(
            "SELECT DISTINCT (known_at AT TIME ZONE 'UTC')::date - '1970-01-01'::date FROM news.articles ORDER BY 1"
        )
        return [row[0] for row in rows]

    def identities(self) -> tuple[Sequence[Instrument], Sequence[SymbolHistory]]:
        """Return every instrument and which symbols named it when."""
        return (
            list(read_records(self._connection, Instrument, order="instrument_id")),
            list(read_records(self._connection, SymbolHistory, order="symbol, valid_from")),
        )


def _day_bounds(start: date, end: date) -> tuple[datetime, datetime]:
    first = datetime(start.year, start.month, start.day, tzinfo=UTC)
    after = date.fromordinal(end.toordinal() + 1)
    return first, datetime(after.year, after.month, after.day, tzinfo=UTC)


def _digest(connection: Connection, record: type[Record]) -> str:
    names = ", ".join(f"t.{name}" for name in record.model_fields)
    row = connection.execute(
        f"SELECT count(*), coalesce(sum(hashtextextended(row({names})::text, 0)::numeric), 0)"
        f" FROM {record.table} t".encode()
    ).fetchone()
    assert row is not None
    return f"{row[0]} rows {row[1]}"
