"""Keep foreign orders, differences and the last comparison of each account."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.store.database import Connection
from core.adapters.store.rows import columns_of, read_records
from core.domain.books import Difference, ExternalOrder
from core.errors import UnknownName
from core.execution.stores import Comparison, Outcome


class ReconciliationRows:
    """Read and write execution.external_orders, differences and reconciliations in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def adopt(self, order: ExternalOrder) -> bool:
        """Store a foreign order as seen now; return whether it is new."""
        row = self._connection.execute(
            "INSERT INTO execution.external_orders (account_id, venue_order_id, client_order_id, instrument_id, symbol,"
            " side, quantity, filled_quantity) VALUES (%s, %s, %s, %s, %s, %s, %s, %s)"
            " ON CONFLICT (account_id, venue_order_id) DO UPDATE SET filled_quantity = excluded.filled_quantity,"
            " is_open = true, last_seen_at = clock_timestamp() RETURNING xmax = 0",
            (
                order.account_id,
                order.venue_order_id,
                order.client_order_id,
                order.instrument_id,
                order.symbol,
                order.side,
                order.quantity,
                order.filled_quantity,
            ),
        ).fetchone()
        return bool(row and row[0])

    def end_absent(self, account_id: str, seen: Sequence[str]) -> None:
        """Note that foreign orders which the venue no longer names are not open any more."""
        self._connection.execute(
            "UPDATE execution.external_orders SET is_open = false"
            " WHERE account_id = %s AND is_open AND venue_order_id <> ALL (%s)",
            (account_id, list(seen)),
        )

    def external_orders(self, account_id: str | None = None, *, only_open: bool = False) -> Sequence[ExternalOrder]:
        """Return foreign orders, newest first."""
        return read_records(
            self._connection,
            ExternalOrder,
            f"SELECT {columns_of(ExternalOrder)} FROM execution.external_orders"
            " WHERE (%(account)s::text IS NULL OR account_id = %(account)s) AND (is_open OR NOT %(open)s)"
            " ORDER BY first_seen_at DESC, venue_order_id",
            {"account": account_id, "open": only_open},
        )

    def differences(self, account_id: str | None = None, *, only_open: bool = True) -> Sequence[Difference]:
        """Return differences, newest first."""
        return read_records(
            self._connection,
            Difference,
            f"SELECT {columns_of(Difference)} FROM execution.differences"
            " WHERE (%(account)s::text IS NULL OR account_id = %(account)s) AND (ended_at IS NULL OR NOT %(open)s)"
            " ORDER BY found_at DESC, difference_id",
            {"account": account_id, "open": only_open},
        )

    def add_difference(self, difference: Difference) -> None:
        """Store a new difference."""
        self._connection.execute(
            "INSERT INTO execution.differences (difference_id, account_id, subject, name, ours, theirs)"
            " VALUES (%s, %s, %s, %s, %s, %s)",
            (
                difference.difference_id,
                difference.account_id,
                difference.subject,
                difference.name,
                difference.ours,
                difference.theirs,
            ),
        )

    def end_difference(self, difference_id: str, *, by: str, explanation: str) -> None:
        """End an open difference; raise UnknownName when there is none of this id."""
        ended = self._connection.execute(
            "UPDATE execution.differences SET ended_at = clock_timestamp(), ended_by = %s, explanation = %s"
            " WHERE difference_id = %s AND ended_at IS NULL",
            (by, explanation, difference_id),
        ).rowcount
        if not ended:
            raise UnknownName("open difference", difference_id, hint="`quantdesk reconcile` lists them.")

    def put_comparison(self, account_id: str, outcome: Outcome, detail: str) -> None:
        """Store how the last comparison of an account ended."""
        self._connection.execute(
            "INSERT INTO execution.reconciliations (account_id, outcome, detail) VALUES (%s, %s, %s)"
            " ON CONFLICT (account_id) DO UPDATE SET outcome = excluded.outcome, detail = excluded.detail,"
            " checked_at = clock_timestamp()",
            (account_id, outcome, detail),
        )

    def comparisons(self) -> Sequence[Comparison]:
        """Return the last comparison of each account."""
        rows = self._connection.execute(
            "SELECT account_id, outcome, detail, checked_at FROM execution.reconciliations ORDER BY account_id"
        ).fetchall()
        return [Comparison(account_id=row[0], outcome=row[1], detail=row[2], checked_at=row[3]) for row in rows]
