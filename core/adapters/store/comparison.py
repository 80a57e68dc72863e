"""Compare the stored sources with each other, inside the database."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.store.database import Database
from core.data.comparison import LARGE, SMALL, SourceDifference
from core.domain.as_of import AsOf

# A day of a split or dividend, and the one after for sources that date it late, says nothing about returns.
_COMPARE = """
WITH bars AS MATERIALIZED (
    SELECT instrument_id, source, price_basis, session, close,
           ln(close / lag(close) OVER (PARTITION BY instrument_id, source, price_basis ORDER BY session)) AS step
    FROM market_data.bars_daily
    WHERE close > 0 AND known_at <= %(known)s AND (%(ids)s::int[] IS NULL OR instrument_id = ANY (%(ids)s))
), pairs AS MATERIALIZED (
    SELECT a.instrument_id, a.source AS one, b.source AS other, a.session,
           CASE WHEN a.price_basis = b.price_basis THEN 'level' ELSE 'return' END AS measure,
           abs(CASE WHEN a.price_basis = b.price_basis THEN ln(a.close / b.close) ELSE a.step - b.step END) AS apart
    FROM bars a JOIN bars b USING (instrument_id, session)
    WHERE a.source < b.source AND (a.price_basis = b.price_basis OR NOT EXISTS (
        SELECT FROM market_data.corporate_actions c
        WHERE c.instrument_id = a.instrument_id AND c.ex_date BETWEEN a.session - 1 AND a.session))
), worst AS (
    SELECT DISTINCT ON (one, other, measure) one, other, measure, instrument_id, session
    FROM pairs WHERE apart IS NOT NULL ORDER BY one, other, measure, apart DESC, instrument_id, session
), summed AS (
    SELECT one, other, measure, count(DISTINCT instrument_id) AS instruments, count(apart) AS bars,
           count(*) FILTER (WHERE apart > %(small)s) AS above_small,
           count(*) FILTER (WHERE apart > %(large)s) AS above_large,
           percentile_disc(0.5) WITHIN GROUP (ORDER BY apart) AS median,
           percentile_disc(0.99) WITHIN GROUP (ORDER BY apart) AS p99, max(apart) AS largest
    FROM pairs GROUP BY 1, 2, 3
)
SELECT s.one, s.other, s.measure, s.instruments, s.bars, s.above_small, s.above_large, s.median, s.p99, s.largest,
       i.symbol, w.session
FROM summed s JOIN worst w USING (one, other, measure) JOIN market_data.instruments i USING (instrument_id)
ORDER BY s.above_large::float / s.bars DESC, s.bars DESC, s.one, s.other, s.measure
"""


class PostgresComparison:
    """Implement core.data.comparison.SourceComparison."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def compare(self, instrument_ids: Sequence[int] | None, *, as_of: AsOf) -> Sequence[SourceDifference]:
        """Return every pair of sources with common days of an instrument (None: of any), most differing pairs first."""
        parameters = {
            "ids": None if instrument_ids is None else list(instrument_ids),
            "known": as_of.known,
            "small": SMALL,
            "large": LARGE,
        }
        with self._database.transaction() as connection:
            connection.execute("SET LOCAL work_mem = '64MB'")
            rows = connection.execute(_COMPARE.encode(), parameters).fetchall()
        return [
            SourceDifference(
                one=row[0],
                other=row[1],
                measure=row[2],
                instruments=row[3],
                bars=row[4],
                above_small=row[5],
                above_large=row[6],
                median=row[7],
                p99=row[8],
                worst=row[9],
                worst_symbol=row[10],
                worst_session=row[11],
            )
            for row in rows
        ]
