"""Say what is stored and what is missing: the coverage report beside the same questions in SQL on the same bars.

`python -m benchmarks.coverage`. 150 instruments, 2,520 sessions each, one bar in 2,000 left out. The SQL counts the
bars and finds the missing sessions against the days on which any bar is stored; both must name the same sessions.
"""

from __future__ import annotations

from datetime import UTC, date, datetime

import psycopg

from benchmarks import table
from benchmarks.made_market import begin_ingest, made_database, make_bars
from core.adapters.store.coverage import PostgresCoverage
from core.adapters.store.database import Database
from core.domain.as_of import AsOf

SYMBOLS, SESSIONS, MISSING = 150, 2_520, 1 / 2_000
LIMIT = 0.3
AS_OF = AsOf(known=datetime(2026, 1, 1, tzinfo=UTC))
REPORT = """
SELECT instrument_id, source, price_basis, count(*), min(session), max(session) FROM market_data.bars_daily
WHERE known_at <= %(known)s GROUP BY 1, 2, 3
"""
GAPS = """
WITH days AS MATERIALIZED (SELECT DISTINCT session FROM market_data.bars_daily),
spans AS (SELECT instrument_id, min(session) AS first, max(session) AS last FROM market_data.bars_daily
          WHERE known_at <= %(known)s GROUP BY 1)
SELECT s.instrument_id, d.session FROM spans s JOIN days d ON d.session BETWEEN s.first AND s.last
WHERE NOT EXISTS (SELECT FROM market_data.bars_daily b WHERE b.instrument_id = s.instrument_id
                  AND b.session = d.session AND b.known_at <= %(known)s)
"""
Missing = set[tuple[int, date]]


def ours(database: Database) -> tuple[int, Missing]:
    reader = PostgresCoverage(database)
    series = [entry for entry in reader.every_series(as_of=AS_OF) if entry.missing]
    gaps = reader.gaps(series, as_of=AS_OF)
    missing = {(entry.instrument_id, day) for entry, days in zip(series, gaps, strict=True) for day in days}
    return len(series), missing


def plain_sql(connection: psycopg.Connection) -> tuple[int, Missing]:
    told = {"known": AS_OF.known}
    report = connection.execute(REPORT, told).fetchall()
    return len(report), set(connection.execute(GAPS.encode(), told).fetchall())


def main() -> None:
    with made_database(SYMBOLS) as database:
        pipeline = begin_ingest(database)
        stored = pipeline.store_bars(make_bars(range(SYMBOLS), SESSIONS, gaps=MISSING)).new
        pipeline.finish()
        with psycopg.connect(database.dsn) as connection:
            connection.execute("ANALYZE market_data.bars_daily")
            connection.commit()
            (_, mine), (_, theirs) = ours(database), plain_sql(connection)
            if mine != theirs or not mine:
                raise SystemExit(f"The reports disagree: {len(mine)} and {len(theirs)} missing sessions.")
            seconds = table.compare(
                f"coverage and gap report of {SYMBOLS} symbols x {SESSIONS} sessions ({stored:,} bars)",
                [
                    table.Engine(name="quantdesk", work=lambda: ours(database)),
                    table.Engine(name="SQL on the bars", work=lambda: plain_sql(connection)),
                ],
                agreement=f"the same {len(mine)} missing sessions",
            )
        table.bar("coverage report: share of the time in SQL", seconds["quantdesk"] / seconds["SQL on the bars"],
                  at_most=LIMIT)  # fmt: skip


if __name__ == "__main__":
    table.header()
    main()
