"""Keep orders and their history."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from psycopg.rows import dict_row
from psycopg.types.json import Jsonb

from core.adapters.store.database import Connection
from core.adapters.store.rows import columns_of, insert, read_records
from core.domain.books import Order, OrderState
from core.errors import UnknownName
from core.execution.orders import Move

_COLUMNS = columns_of(Order)


class OrderRows:
    """Read and write execution.orders and execution.order_events in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, order: Order) -> None:
        """Store a new order and its first event."""
        insert(self._connection, order, without=("created_at", "updated_at"))
        self._append(order.order_id, None, order.state, order.state, {"reason": order.reason}, order.desk_time)

    def get(self, order_id: str, *, lock: bool = False) -> Order:
        """Return an order; raise UnknownName."""
        end = " FOR UPDATE" if lock else ""
        sql = f"SELECT {_COLUMNS} FROM execution.orders WHERE order_id = %s{end}"
        found = read_records(self._connection, Order, sql, (order_id,))
        if not found:
            raise UnknownName("order", order_id, hint="`quantdesk orders` lists them.")
        return found[0]

    def may_leave(self, order_id: str) -> bool:
        """Return whether the database lets the order leave as trading stands now."""
        row = self._connection.execute(
            "SELECT execution.may_leave(o) FROM execution.orders o WHERE order_id = %s", (order_id,)
        ).fetchone()
        return bool(row and row[0])

    def is_covered(self, order_id: str) -> bool:
        """Return whether the position holds what rests for it with this order, the two of a pair counted once."""
        row = self._connection.execute(
            "SELECT execution.is_covered(o) FROM execution.orders o WHERE order_id = %s", (order_id,)
        ).fetchone()
        return bool(row and row[0])

    def protecting(self, account_id: str, *, since: datetime | None = None) -> Sequence[Order]:
        """Return the orders that protect positions, newest first: those at the venue, with `since` changed ones too."""
        return read_records(
            self._connection,
            Order,
            f"SELECT {_COLUMNS} FROM execution.orders o WHERE o.account_id = %(account)s AND execution.protects(o)"
            " AND (o.state IN ('submitting', 'unknown', 'accepted', 'partially_filled') OR o.updated_at >= %(since)s)"
            " ORDER BY o.created_at DESC, o.leg",
            {"account": account_id, "since": since},
        )

    def claim(self, order_id: str) -> None:
        """Wait until no other transaction has claimed the order; the claim ends with this transaction."""
        self._connection.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 7365736))", (order_id,))

    def all(
        self,
        *,
        account_id: str | None = None,
        proposal_id: str | None = None,
        states: Sequence[OrderState] | None = None,
        known: datetime | None = None,
        limit: int = 1000,
    ) -> Sequence[Order]:
        """Return orders, newest first."""
        return read_records(
            self._connection,
            Order,
            f"SELECT {_COLUMNS} FROM execution.orders"
            " WHERE (%(account)s::text IS NULL OR account_id = %(account)s)"
            " AND (%(proposal)s::text IS NULL OR proposal_id = %(proposal)s)"
            " AND (%(states)s::text[] IS NULL OR state = ANY (%(states)s))"
            " AND (%(known)s::timestamptz IS NULL OR desk_time <= %(known)s)"
            " ORDER BY desk_time DESC, created_at DESC, leg LIMIT %(limit)s",
            {
                "account": account_id,
                "proposal": proposal_id,
                "states": list(states) if states is not None else None,
                "known": known,
                "limit": limit,
            },
        )

    def record(
        self,
        order: Order,
        move: Move,
        *,
        desk_time: datetime,
        filled_quantity: Decimal | None = None,
        reason: str | None = None,
        venue_order_id: str | None = None,
        detail: dict[str, Any] | None = None,
    ) -> Order:
        """Append the event to the order's history, ignored ones too, and return the order after it."""
        noted = {**(detail or {}), "ignored": move.ignored, "alarming": move.alarming}
        if reason:
            noted["reason"] = reason
        self._append(order.order_id, move.before, move.after, move.event, noted, desk_time)
        self._connection.execute(
            "UPDATE execution.orders SET state = %s, filled_quantity = coalesce(%s, filled_quantity),"
            " reason = coalesce(%s, reason), venue_order_id = coalesce(%s, venue_order_id),"
            " updated_at = clock_timestamp() WHERE order_id = %s",
            (move.after, filled_quantity, None if move.ignored else reason, venue_order_id, order.order_id),
        )
        return self.get(order.order_id)

    def events(self, order_id: str) -> Sequence[dict[str, Any]]:
        """Return the history of an order, oldest first."""
        with self._connection.cursor(row_factory=dict_row) as cursor:
            return cursor.execute(
                "SELECT sequence, state_before, state_after, event, detail, desk_time, recorded_at"
                " FROM execution.order_events WHERE order_id = %s ORDER BY sequence",
                (order_id,),
            ).fetchall()

    def _append(
        self, order_id: str, before: str | None, after: str, event: str, detail: dict[str, Any], desk_time: datetime
    ) -> None:
        self._connection.execute(
            "INSERT INTO execution.order_events"
            " (order_id, sequence, state_before, state_after, event, detail, desk_time)"
            " SELECT %(order)s, count(*) + 1, %(before)s, %(after)s, %(event)s, %(detail)s, %(time)s"
            " FROM execution.order_events WHERE order_id = %(order)s",
            {
                "order": order_id,
                "before": before,
                "after": after,
                "event": event,
                "detail": Jsonb(detail),
                "time": desk_time,
            },
        )
