"""Keep the ledger of missing macro periods and of missing days of news and events."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from core.adapters.store.database import Connection, Database
from core.data.gap_ledger import GapState
from core.data.record_gaps import RecordGap, RecordLook, RecordTopic, day_gaps, macro_gap
from core.data.universe import never_published
from core.ports.clock import Clock

# Holes between the periods of one source; daily and weekly series have no periods that a calendar could name.
_MACRO = """
WITH stored AS (
    SELECT s.series_id, s.frequency, o.source, date_trunc('month', o.period)::date AS period
    FROM market_data.macro_series s JOIN market_data.macro_observations o USING (series_id)
    WHERE s.frequency IN ('monthly', 'quarterly', 'annual') AND o.period >= %(since)s
    GROUP BY 1, 2, 3, 4
), spans AS (
    SELECT series_id, frequency, source, min(period) AS first, max(period) AS last FROM stored
    WHERE source = ANY (%(sources)s) GROUP BY 1, 2, 3
)
SELECT s.source, s.series_id, day::date,
       EXISTS (SELECT FROM stored e WHERE e.series_id = s.series_id AND e.period = day::date)
FROM spans s, generate_series(s.first, s.last, CASE s.frequency WHEN 'monthly' THEN interval '1 month'
    WHEN 'quarterly' THEN interval '3 months' ELSE interval '1 year' END) AS day
WHERE NOT EXISTS (
    SELECT FROM stored t WHERE t.series_id = s.series_id AND t.source = s.source AND t.period = day::date)
"""
_NEWS_DAYS = """
SELECT DISTINCT published_date FROM news.articles
WHERE source = %(source)s AND published_date BETWEEN %(first)s AND %(last)s
"""
_HEAL_MACRO = """
UPDATE ops.record_gaps g SET state = 'healed', settled_at = %(at)s
WHERE g.topic = 'macro' AND g.state <> 'healed' AND g.source = ANY (%(sources)s)
  AND EXISTS (SELECT FROM market_data.macro_observations o WHERE o.series_id = g.item AND o.source = g.source
              AND o.period >= g.day AND o.period < g.day + interval '1 month')
"""
_HEAL_DAYS = """
UPDATE ops.record_gaps SET state = 'healed', settled_at = %(at)s
WHERE topic = %(topic)s AND source = %(source)s AND day BETWEEN %(first)s AND %(last)s AND state = 'open'
"""
_HEAL_NEWS = """
UPDATE ops.record_gaps g SET state = 'healed', settled_at = %(at)s
WHERE g.topic = 'news' AND g.source = %(source)s AND g.day BETWEEN %(first)s AND %(last)s AND g.state = 'explained'
  AND EXISTS (SELECT FROM news.articles a WHERE a.source = g.source AND a.published_date = g.day)
"""
_RECORD = """
INSERT INTO ops.record_gaps AS g (topic, source, item, day, state, reason, found_at, settled_at)
SELECT *, %(at)s, CASE state WHEN 'open' THEN NULL ELSE %(at)s::timestamptz END
FROM unnest(%(topics)s::text[], %(sources)s::text[], %(items)s::text[], %(days)s::date[], %(states)s::text[],
            %(reasons)s::text[]) AS n (topic, source, item, day, state, reason)
ON CONFLICT (topic, source, item, day) DO UPDATE
SET state = excluded.state, reason = excluded.reason, settled_at = excluded.settled_at
WHERE (g.state, g.reason) <> (excluded.state, excluded.reason)
"""
# Holes in macro series are looked for from this long before the first day that was asked for.
_MACRO_LOOK_BACK_DAYS = 3 * 366


class PostgresRecordGaps:
    """Implement core.data.record_gaps.RecordGapLedger."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def look(self, look: RecordLook) -> Sequence[RecordGap]:
        """Record what is missing after a run and what has come; return what is missing."""
        at = self._clock.wall()
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('ops.record_gaps', 0))")
            found = _macro(connection, look)
            connection.execute(_HEAL_MACRO, {"at": at, "sources": _sources(look, "macro")})
            for topic, source in sorted(key for key in {*look.asked, *look.owed} if key[0] != "macro"):
                stored: set[date] = set()
                for first, last in look.asked.get((topic, source), ()):
                    window = {"at": at, "topic": topic, "source": source, "first": first, "last": last}
                    connection.execute(_HEAL_DAYS, window)
                    if topic == "news":
                        connection.execute(_HEAL_NEWS, window)
                        stored |= {day for (day,) in connection.execute(_NEWS_DAYS, window)}
                found += day_gaps(topic, source, look, stored)
            _record(connection, found, at)
        return found

    def gaps(self, *, state: GapState | None = None, limit: int = 200) -> Sequence[RecordGap]:
        """Return gaps, newest day first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT topic, source, item, day, state, reason FROM ops.record_gaps"
                " WHERE %(state)s::text IS NULL OR state = %(state)s"
                " ORDER BY day DESC, topic, source, item LIMIT %(limit)s",
                {"state": state, "limit": limit},
            ).fetchall()
        return [
            RecordGap(topic=row[0], source=row[1], item=row[2], day=row[3], state=row[4], reason=row[5]) for row in rows
        ]


def _sources(look: RecordLook, topic: RecordTopic) -> list[str]:
    return sorted({source for part, source in (*look.asked, *look.owed) if part == topic})


def _macro(connection: Connection, look: RecordLook) -> list[RecordGap]:
    sources = _sources(look, "macro")
    if not sources:
        return []
    windows = [window for (topic, _), part in (*look.asked.items(), *look.owed.items()) if topic == "macro"
               for window in part]  # fmt: skip
    since = min(first for first, _ in windows) - timedelta(days=_MACRO_LOOK_BACK_DAYS)
    never = never_published()
    return [
        macro_gap(source, series, period, elsewhere=elsewhere, never=never.get(series, ()))
        for source, series, period, elsewhere in connection.execute(_MACRO, {"sources": sources, "since": since})
    ]


def _record(connection: Connection, gaps: Sequence[RecordGap], at: datetime) -> None:
    if gaps:
        connection.execute(
            _RECORD,
            {
                "at": at,
                "topics": [gap.topic for gap in gaps],
                "sources": [gap.source for gap in gaps],
                "items": [gap.item for gap in gaps],
                "days": [gap.day for gap in gaps],
                "states": [gap.state for gap in gaps],
                "reasons": [gap.reason for gap in gaps],
            },
        )
