"""Read how fresh each source is, by the indexes on (source, known_at)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import UTC, datetime

from core.adapters.store.database import Connection
from core.data.coverage import SeriesCoverage
from core.data.freshness import PAUSES, SourceFreshness, in_order, of_bars, of_records
from core.domain.as_of import AsOf

# (topic, table); corporate actions and earnings keep no rhythm of their own.
_TOPICS = (
    ("macro series", "market_data.macro_observations"),
    ("news", "news.articles"),
    ("economic events", "events.economic"),
    ("geopolitical events", "events.geopolitical"),
)
# From index entry to index entry: first the sources, then of each the newest moment before the day found last.
_DAYS = """
WITH RECURSIVE sources AS (
    (SELECT source FROM {table} ORDER BY source LIMIT 1)
    UNION ALL
    SELECT (SELECT t.source FROM {table} t WHERE t.source > s.source ORDER BY t.source LIMIT 1)
    FROM sources s WHERE s.source IS NOT NULL
), days AS (
    SELECT source, (SELECT max(t.known_at) FROM {table} t
                    WHERE t.source = s.source AND t.known_at <= %(known)s) AS known, 0 AS place
    FROM sources s WHERE source IS NOT NULL
    UNION ALL
    SELECT source, (SELECT max(t.known_at) FROM {table} t
                    WHERE t.source = d.source AND t.known_at < date_trunc('day', d.known, 'UTC')), place + 1
    FROM days d WHERE d.known IS NOT NULL AND d.place < %(most)s
)
SELECT source, known FROM days WHERE known IS NOT NULL
"""


def read_freshness(connection: Connection, series: Sequence[SeriesCoverage], as_of: AsOf) -> Sequence[SourceFreshness]:
    """Return the freshness of the sources of these series of bars and of all records, the late ones first."""
    found = of_bars(series, as_of)
    for topic, table in _TOPICS:
        moments: dict[str, list[datetime]] = defaultdict(list)
        statement = _DAYS.format(table=table)
        for source, known in connection.execute(statement.encode(), {"known": as_of.known, "most": PAUSES}):
            moments[source].append(known.astimezone(UTC))
        for source, known_at in moments.items():
            days = [moment.date() for moment in known_at]
            found.append(of_records(topic, source, max(known_at), days, as_of))
    return in_order(found)
