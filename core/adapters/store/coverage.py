"""Read what is stored, from the coverage ledger and, for the current year, from the bars themselves."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, date

from core.adapters.store.database import Database
from core.adapters.store.freshness import read_freshness
from core.adapters.store.gap_ledger import GAP_COUNTS
from core.adapters.store.series_index import read_days
from core.data.coverage import (
    DatasetCoverage,
    HeldCoverage,
    IngestRun,
    MacroGap,
    SeriesCoverage,
    YearCoverage,
    count_sessions,
    missing_sessions,
    sessions_behind,
)
from core.data.freshness import SourceFreshness
from core.data.gap_ledger import GapCount
from core.data.universe import never_published
from core.domain.as_of import AsOf

_TITLES = {
    "equity": "stocks",
    "etf": "funds",
    "crypto": "crypto",
    "index": "indices",
    "fx": "currencies",
    "commodity": "commodities",
}
# Past years come from the ledger; bars of the year of the as-of time are counted, because some may not be known yet.
_SERIES = """
WITH visible AS (
    SELECT instrument_id, source, price_basis, stored, first_session, last_session
    FROM ops.coverage WHERE year < %(year)s AND stored > 0 AND (%(ids)s::int[] IS NULL OR instrument_id = ANY (%(ids)s))
    UNION ALL
    SELECT instrument_id, source, price_basis, count(*), min(session), max(session)
    FROM market_data.bars_daily
    WHERE session >= %(year_start)s AND known_at <= %(known)s
      AND (%(ids)s::int[] IS NULL OR instrument_id = ANY (%(ids)s))
    GROUP BY 1, 2, 3
)
SELECT v.instrument_id, i.symbol, i.asset_class, i.calendar, v.source, v.price_basis, sum(v.stored)::bigint,
       min(v.first_session), max(v.last_session)
FROM visible v JOIN market_data.instruments i USING (instrument_id)
LEFT JOIN market_data.canonical_series c
       ON c.instrument_id = v.instrument_id AND c.source = v.source AND c.price_basis = v.price_basis
      AND c.purpose = 'price'
GROUP BY 1, 2, 3, 4, 5, 6, c.rank ORDER BY i.symbol, c.rank NULLS LAST, v.source, v.price_basis
"""
_RUNS = """
SELECT r.run_id, r.mode, r.state, r.started_at, r.finished_at, coalesce(sum(s.rows_read), 0)::bigint,
       coalesce(sum(s.rows_new), 0)::bigint, coalesce(sum(s.rows_quarantined + s.rows_rejected), 0)::bigint
FROM ops.ingest_runs r LEFT JOIN ops.ingest_steps s USING (run_id)
GROUP BY r.run_id ORDER BY r.started_at DESC, r.run_id DESC LIMIT %s
"""
# (dataset, topic, items, day, table)
_OTHERS = (
    ("corporate actions", "market_data", "instrument_id", "ex_date", "market_data.corporate_actions"),
    ("macro series", "market_data", "series_id", "period", "market_data.macro_observations"),
    ("economic events", "events", "country", "event_date", "events.economic"),
    ("company events", "events", "instrument_id", "event_date", "events.security"),
    ("geopolitical events", "events", "name", "event_date", "events.geopolitical"),
    ("news", "news", "publisher", "published_date", "news.articles"),
)


# A source that leaves out a period is no gap where another one has it.
_MACRO_GAPS = """
WITH stored AS (
    SELECT o.series_id, date_trunc('month', o.period)::date AS period, s.frequency
    FROM market_data.macro_observations o JOIN market_data.macro_series s USING (series_id)
    WHERE s.frequency IN ('monthly', 'quarterly', 'annual') AND o.known_at <= %s GROUP BY 1, 2, 3
), spans AS (
    SELECT series_id, frequency, min(period) AS first, max(period) AS last FROM stored GROUP BY 1, 2
)
SELECT s.series_id, day::date
FROM spans s, generate_series(s.first, s.last, CASE s.frequency WHEN 'monthly' THEN interval '1 month'
    WHEN 'quarterly' THEN interval '3 months' ELSE interval '1 year' END) AS day
WHERE NOT EXISTS (SELECT FROM stored t WHERE t.series_id = s.series_id AND t.period = day::date)
ORDER BY 1, 2
"""


class PostgresCoverage:
    """Read coverage from the store."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def datasets(self, *, as_of: AsOf) -> Sequence[DatasetCoverage]:
        """Return one summary per dataset: bars by asset class, then the other records."""
        by_class: dict[str, list[SeriesCoverage]] = defaultdict(list)
        for series in self._series(None, as_of):
            by_class[series.asset_class].append(series)
        bars = [_sum_up(name, by_class[name]) for name in _TITLES if by_class[name]]
        return (*bars, *self._others(as_of))

    def series(self, instrument_ids: Sequence[int], *, as_of: AsOf) -> Sequence[SeriesCoverage]:
        """Return the stored series of instruments, in the order of sources for prices."""
        return self._series(list(instrument_ids), as_of)

    def every_series(self, *, as_of: AsOf) -> Sequence[SeriesCoverage]:
        """Return every stored series, in the order of sources for prices."""
        return self._series(None, as_of)

    def freshness(self, *, as_of: AsOf) -> Sequence[SourceFreshness]:
        """Return every source of bars, macro, news, economic and geopolitical events, the late ones first."""
        series = self.every_series(as_of=as_of)
        with self._database.transaction() as connection:
            return read_freshness(connection, series, as_of)

    def years(self) -> Sequence[YearCoverage]:
        """Return stored and expected bars by asset class and year."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT i.asset_class, c.year, sum(c.stored)::bigint, sum(c.expected)::bigint"
                " FROM ops.coverage c JOIN market_data.instruments i USING (instrument_id) GROUP BY 1, 2 ORDER BY 1, 2"
            ).fetchall()
        return [YearCoverage(asset_class=row[0], year=row[1], stored=row[2], expected=row[3]) for row in rows]

    def gaps(self, series: Sequence[SeriesCoverage], *, as_of: AsOf) -> Sequence[Sequence[date]]:
        """Return of each series the sessions between its first and its last one without a bar."""
        ids = sorted({entry.instrument_id for entry in series})
        with self._database.transaction() as connection:
            stored = read_days(connection, ids, as_of)
        return [
            missing_sessions(
                entry.calendar, entry.first, entry.last, stored[entry.instrument_id, entry.source, entry.price_basis]
            )
            for entry in series
        ]

    def macro_gaps(self, *, as_of: AsOf) -> Sequence[MacroGap]:
        """Return missing periods of monthly, quarterly and annual series, with what explains them."""
        never = never_published()
        with self._database.transaction() as connection:
            rows = connection.execute(_MACRO_GAPS.encode(), (as_of.known,)).fetchall()
        return [
            MacroGap(
                series_id=series_id,
                period=period,
                reason="never_published" if period in never.get(series_id, ()) else "not_delivered",
            )
            for series_id, period in rows
        ]

    def gap_counts(self) -> Sequence[GapCount]:
        """Return how many gaps the ledgers hold, by topic, source, state and reason."""
        with self._database.transaction() as connection:
            rows = connection.execute(GAP_COUNTS.encode()).fetchall()
        return [GapCount(topic=row[0], source=row[1], state=row[2], reason=row[3], gaps=row[4]) for row in rows]

    def held(self) -> Sequence[HeldCoverage]:
        """Return how many rows are held back and why."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT record_kind, verdict, reason, count(*) FROM ops.quarantine WHERE state = 'held'"
                " GROUP BY 1, 2, 3 ORDER BY 4 DESC, 1, 3"
            ).fetchall()
        return [HeldCoverage(record_kind=row[0], verdict=row[1], reason=row[2], rows=row[3]) for row in rows]

    def runs(self, *, limit: int = 12) -> Sequence[IngestRun]:
        """Return the runs that brought data in, newest first."""
        with self._database.transaction() as connection:
            rows = connection.execute(_RUNS, (limit,)).fetchall()
        return [
            IngestRun(
                run_id=run_id,
                mode=mode,
                state=state,
                started_at=started,
                finished_at=finished,
                rows_read=read,
                rows_new=new,
                rows_held=held,
            )
            for run_id, mode, state, started, finished, read, new, held in rows
        ]

    def _series(self, ids: list[int] | None, as_of: AsOf) -> list[SeriesCoverage]:
        known = as_of.known.astimezone(UTC)
        parameters = {"ids": ids, "known": known, "year": known.year, "year_start": date(known.year, 1, 1)}
        with self._database.transaction() as connection:
            rows = connection.execute(_SERIES.encode(), parameters).fetchall()
        return [
            SeriesCoverage(
                instrument_id=number,
                symbol=symbol,
                asset_class=asset_class,
                calendar=calendar,
                source=source,
                price_basis=basis,
                stored=stored,
                expected=count_sessions(calendar, first, last),
                first=first,
                last=last,
                behind=sessions_behind(calendar, last, as_of),
            )
            for number, symbol, asset_class, calendar, source, basis, stored, first, last in rows
        ]

    def _others(self, as_of: AsOf) -> list[DatasetCoverage]:
        found = []
        with self._database.transaction() as connection:
            for name, topic, item, day, table in _OTHERS:
                statement = (
                    f"SELECT count(DISTINCT {item}), count(*), min({day}), max({day}),"
                    f" coalesce(array_agg(DISTINCT source), '{{}}') FROM {table} WHERE known_at <= %s"
                )
                row = connection.execute(statement.encode(), (as_of.known,)).fetchone()
                assert row is not None
                found.append(
                    DatasetCoverage(
                        dataset=name,
                        topic=topic,
                        items=row[0],
                        rows=row[1],
                        first=row[2],
                        last=row[3],
                        sources=tuple(row[4]),
                    )
                )
        return found


def _sum_up(asset_class: str, series: Sequence[SeriesCoverage]) -> DatasetCoverage:
    return DatasetCoverage(
        dataset=f"prices of {_TITLES[asset_class]}",
        topic="market_data",
        items=len({entry.instrument_id for entry in series}),
        rows=sum(entry.stored for entry in series),
        first=min(entry.first for entry in series),
        last=max(entry.last for entry in series),
        sources=tuple(sorted({entry.source for entry in series})),
        missing=sum(entry.missing for entry in series),
        behind=min(entry.behind for entry in series),
    )
