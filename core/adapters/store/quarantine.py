"""Keep rows that were held back and the decisions on them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from psycopg.rows import dict_row

from core.adapters.store.database import Database
from core.data.review import Decision, HeldEntry, HeldState, NearBar, Review
from core.errors import UnknownName

_COLUMNS = (
    "quarantine_id, record_kind, source, symbol, about, verdict, reason, detail, row, origin, state, recorded_at,"
    " decided_by, decided_at"
)
_NEAR = """
(SELECT source, price_basis, session, open, high, low, close, volume FROM market_data.bars_daily
 WHERE instrument_id = %(id)s AND session <= %(day)s AND session > %(day)s - 60 AND {which}
 ORDER BY session DESC LIMIT %(before)s)
UNION ALL
(SELECT source, price_basis, session, open, high, low, close, volume FROM market_data.bars_daily
 WHERE instrument_id = %(id)s AND session > %(day)s AND session < %(day)s + 60 AND {which}
 ORDER BY session LIMIT %(after)s)
ORDER BY session, source, price_basis
"""
_OWN = "(source, price_basis) = (%(source)s, %(basis)s)"


class PostgresQuarantine:
    """Implement core.data.review.Quarantine."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def list(
        self,
        *,
        state: HeldState | None = "held",
        source: str | None = None,
        symbol: str | None = None,
        reason: str | None = None,
        after: int = 0,
        limit: int = 100,
    ) -> Sequence[HeldEntry]:
        """Return rows in the order of their ids, beginning after one."""
        return self._read(
            "quarantine_id > %(after)s AND (%(state)s::text IS NULL OR state = %(state)s)"
            " AND (%(source)s::text IS NULL OR source = %(source)s)"
            " AND (%(symbol)s::text IS NULL OR upper(symbol) = upper(%(symbol)s))"
            " AND (%(reason)s::text IS NULL OR reason = %(reason)s) ORDER BY quarantine_id LIMIT %(limit)s",
            {"state": state, "source": source, "symbol": symbol, "reason": reason, "after": after, "limit": limit},
        )

    def get(self, quarantine_id: int) -> HeldEntry:
        """Return a row; raise UnknownName."""
        found = self._read("quarantine_id = %(id)s", {"id": quarantine_id})
        if not found:
            raise UnknownName("held row", str(quarantine_id), hint="`quantdesk quarantine list` shows those that wait.")
        return found[0]

    def following(self, entry: HeldEntry) -> Sequence[HeldEntry]:
        """Return the held bars of the same series from later sessions, in their order."""
        bar = entry.bar or {}
        return self._read(
            "state = 'held' AND verdict = 'quarantine' AND record_kind = 'bar' AND source = %(source)s"
            " AND about > %(about)s AND row -> 'bar' ->> 'instrument_id' = %(id)s"
            " AND row -> 'bar' ->> 'price_basis' = %(basis)s ORDER BY about, quarantine_id",
            {
                "source": entry.source,
                "about": entry.about,
                "id": str(bar.get("instrument_id")),
                "basis": bar.get("price_basis"),
            },
        )

    def near(self, entry: HeldEntry, count: int) -> tuple[Sequence[NearBar], Sequence[NearBar]]:
        """Return stored bars around a held one: of its own series, and of other sources."""
        bar = entry.bar or {}
        parameters = {
            "id": bar.get("instrument_id"),
            "day": entry.about,
            "source": entry.source,
            "basis": bar.get("price_basis"),
            "before": count + 1,
            "after": count,
        }
        own = self._near(_OWN, parameters)
        others = self._near(f"NOT {_OWN}", {**parameters, "before": 3 * count, "after": 2 * count})
        return own, others

    def reviews(self, quarantine_id: int) -> Sequence[Review]:
        """Return the decisions on a row, oldest first."""
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            rows = cursor.execute(
                "SELECT quarantine_id, decision, outcome, reason, decided_by, face, decided_at"
                " FROM ops.quarantine_reviews WHERE quarantine_id = %s ORDER BY review_id",
                (quarantine_id,),
            ).fetchall()
        return [Review(**row) for row in rows]

    def decide(
        self, quarantine_id: int, decision: Decision, *, outcome: str, reason: str, decided_by: str, face: str
    ) -> bool:
        """Record a decision on a row that is held and say so; return False when somebody else decided before."""
        with self._database.transaction() as connection:
            done = connection.execute(
                "UPDATE ops.quarantine SET state = %s, decided_by = %s, decided_at = clock_timestamp()"
                " WHERE quarantine_id = %s AND state = 'held'",
                (decision, decided_by, quarantine_id),
            ).rowcount
            if done:
                connection.execute(
                    "INSERT INTO ops.quarantine_reviews (quarantine_id, decision, outcome, reason, decided_by, face)"
                    " VALUES (%s, %s, %s, %s, %s, %s)",
                    (quarantine_id, decision, outcome, reason, decided_by, face),
                )
        return bool(done)

    def _read(self, where: str, parameters: dict[str, Any]) -> Sequence[HeldEntry]:
        statement = f"SELECT {_COLUMNS} FROM ops.quarantine WHERE {where}".encode()
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return [HeldEntry(**row) for row in cursor.execute(statement, parameters).fetchall()]

    def _near(self, which: str, parameters: dict[str, Any]) -> Sequence[NearBar]:
        statement = _NEAR.format(which=which).encode()
        with self._database.transaction() as connection, connection.cursor(row_factory=dict_row) as cursor:
            return [NearBar(**row) for row in cursor.execute(statement, parameters).fetchall()]
