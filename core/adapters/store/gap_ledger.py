"""Keep the ledger of missing sessions."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date, datetime
from typing import Any

import numpy as np

from core.adapters.store.database import Connection, Database
from core.data.calendar import Days, last_closed_session
from core.data.gap_ledger import (
    Gap,
    GapState,
    SeriesDays,
    SeriesKey,
    WindowCoverage,
    expected_sessions,
    find_gaps,
)
from core.ports.clock import Clock

Asked = Mapping[str, Sequence[tuple[date, date]]]
# The ledger by year says which series there are; the bars themselves are read for the days looked at only.
_SERIES = """
SELECT c.instrument_id, c.source, c.price_basis, i.calendar, i.listed, i.delisted, min(c.first_session),
       max(c.last_session)
FROM ops.coverage c JOIN market_data.instruments i USING (instrument_id)
WHERE c.source = ANY (%(sources)s) AND c.stored > 0
  AND (%(ids)s::int[] IS NULL OR c.instrument_id = ANY (%(ids)s))
GROUP BY 1, 2, 3, 4, 5, 6
"""
SESSIONS = """
SELECT instrument_id, source, price_basis, session FROM market_data.bars_daily
WHERE instrument_id = ANY (%(ids)s) AND session BETWEEN %(start)s AND %(end)s
"""
GAP_COUNTS = """
SELECT 'bars', source, state, reason, count(*) FROM ops.gaps GROUP BY 2, 3, 4
UNION ALL SELECT topic, source, state, reason, count(*) FROM ops.record_gaps GROUP BY 1, 2, 3, 4 ORDER BY 1, 2, 3, 4
"""
_HELD = """
SELECT DISTINCT coalesce(h.instrument_id, i.instrument_id), q.source, q.about
FROM ops.quarantine q
LEFT JOIN market_data.symbol_history h ON h.symbol = q.symbol AND q.about >= h.valid_from
      AND (h.valid_to IS NULL OR q.about <= h.valid_to)
LEFT JOIN market_data.instruments i ON i.symbol = q.symbol
WHERE q.state = 'held' AND q.record_kind = 'bar' AND q.verdict = 'quarantine'
  AND q.source = ANY (%(sources)s) AND q.about BETWEEN %(start)s AND %(end)s
"""
_RECORD = """
INSERT INTO ops.gaps AS g (instrument_id, source, price_basis, session, state, reason, found_at, settled_at)
SELECT *, %(at)s, CASE state WHEN 'open' THEN NULL ELSE %(at)s::timestamptz END
FROM unnest(%(ids)s::int[], %(sources)s::text[], %(bases)s::text[], %(days)s::date[], %(states)s::text[],
            %(reasons)s::text[]) AS n (instrument_id, source, price_basis, session, state, reason)
ON CONFLICT (instrument_id, source, price_basis, session) DO UPDATE
SET state = excluded.state, reason = excluded.reason, settled_at = excluded.settled_at
WHERE (g.state, g.reason) <> (excluded.state, excluded.reason)
"""
_HEAL = """
UPDATE ops.gaps g SET state = 'healed', settled_at = %(at)s
FROM market_data.bars_daily b
WHERE g.state <> 'healed' AND g.source = ANY (%(sources)s) AND g.session BETWEEN %(start)s AND %(end)s
  AND b.instrument_id = g.instrument_id AND b.source = g.source AND b.price_basis = g.price_basis
  AND b.session = g.session AND b.session BETWEEN %(start)s AND %(end)s
"""


class PostgresGaps:
    """Implement core.data.gap_ledger.GapLedger."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    def look(
        self, asked: Asked, start: date, end: date, *, instrument_ids: Sequence[int] | None = None
    ) -> Sequence[WindowCoverage]:
        """Compare what is stored of the sources asked, from start to end, with what is expected; record the gaps."""
        at = self._clock.wall()
        with self._database.transaction() as connection:
            connection.execute("SELECT pg_advisory_xact_lock(hashtextextended('ops.gaps', 0))")
            series = _read_series(connection, asked, start, end, instrument_ids)
            found: dict[str, list[Gap]] = defaultdict(list)
            counted: dict[str, list[int]] = defaultdict(lambda: [0, 0])
            for entry in series:
                until = min(end, last_closed_session(at, entry.calendar))
                counted[entry.key.source][0] += len(expected_sessions(entry, start, until))
                counted[entry.key.source][1] += len(entry.sessions)
                found[entry.key.source] += find_gaps(entry, start, until)
            _record(connection, [gap for gaps in found.values() for gap in gaps], at)
            connection.execute(_HEAL, {"at": at, "sources": list(asked), "start": start, "end": end})
        return [
            WindowCoverage(
                source=source,
                instruments=len({entry.key.instrument_id for entry in series if entry.key.source == source}),
                expected=expected,
                stored=stored,
                explained=sum(gap.state == "explained" for gap in found[source]),
                open=sum(gap.state == "open" for gap in found[source]),
            )
            for source, (expected, stored) in sorted(counted.items())
        ]

    def gaps(self, *, state: GapState | None = None, limit: int = 200) -> Sequence[Gap]:
        """Return gaps, newest session first."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT instrument_id, source, price_basis, session, state, reason FROM ops.gaps"
                " WHERE %(state)s::text IS NULL OR state = %(state)s"
                " ORDER BY session DESC, source, instrument_id, price_basis LIMIT %(limit)s",
                {"state": state, "limit": limit},
            ).fetchall()
        return [
            Gap(
                key=SeriesKey(instrument_id=row[0], source=row[1], price_basis=row[2]),
                session=row[3],
                state=row[4],
                reason=row[5],
            )
            for row in rows
        ]


def _read_series(
    connection: Connection, asked: Asked, start: date, end: date, instrument_ids: Sequence[int] | None
) -> list[SeriesDays]:
    wanted = None if instrument_ids is None else list(instrument_ids)
    known = connection.execute(_SERIES, {"sources": list(asked), "ids": wanted}).fetchall()
    window: dict[str, Any] = {"sources": list(asked), "start": start, "end": end}
    ids = sorted({row[0] for row in known})
    stored: dict[tuple[int, str, str], list[date]] = defaultdict(list)
    anywhere: dict[int, dict[str, list[date]]] = defaultdict(lambda: defaultdict(list))
    for number, source, basis, session in connection.execute(SESSIONS, {**window, "ids": ids}):
        stored[number, source, basis].append(session)
        anywhere[number][source].append(session)
    held: dict[tuple[int, str], list[date]] = defaultdict(list)
    for number, source, day in connection.execute(_HELD, window):
        held[number, source].append(day)
    return [
        SeriesDays(
            key=SeriesKey(instrument_id=number, source=source, price_basis=basis),
            calendar=calendar,
            first=first,
            last=last,
            sessions=_days(stored[number, source, basis]),
            listed=listed,
            delisted=delisted,
            elsewhere=_days([day for other, days in anywhere[number].items() if other != source for day in days]),
            held=_days(held[number, source]),
            asked=tuple(asked[source]),
        )
        for number, source, basis, calendar, listed, delisted, first, last in known
    ]


def _days(days: Sequence[date]) -> Days:
    return np.unique(np.array(days, dtype="datetime64[D]"))


def _record(connection: Connection, gaps: Sequence[Gap], at: datetime) -> None:
    if gaps:
        connection.execute(
            _RECORD,
            {
                "at": at,
                "ids": [gap.key.instrument_id for gap in gaps],
                "sources": [gap.key.source for gap in gaps],
                "bases": [gap.key.price_basis for gap in gaps],
                "days": [gap.session for gap in gaps],
                "states": [gap.state for gap in gaps],
                "reasons": [gap.reason for gap in gaps],
            },
        )
