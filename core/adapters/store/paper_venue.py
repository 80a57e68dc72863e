"""Keep the paper venue's own orders and executions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal

from psycopg.rows import class_row

from core.adapters.store.database import Connection, Database
from core.domain.books import Side, TimeInForce

PaperState = Literal["accepted", "filled", "cancelled", "expired", "rejected"]
_ORDER = (
    "client_order_id, venue_order_id, account_id, instrument_id, side, quantity, order_type, limit_price, stop_price,"
    " time_in_force, state, reason, accepted_at, linked_to"
)
_FILLED = (
    "(SELECT coalesce(sum(x.quantity), 0) FROM execution.paper_executions x"
    " WHERE x.client_order_id = paper_orders.client_order_id) AS filled_quantity"
)
_EXECUTION = "execution_id, client_order_id, quantity, price, fee, session, executed_at, note"


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperOrder:
    """Hold an order as the paper venue knows it; `filled_quantity` is what its executions add up to."""

    client_order_id: str
    venue_order_id: str
    account_id: str
    instrument_id: int
    side: Side
    quantity: Decimal
    order_type: str
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    state: PaperState
    reason: str
    accepted_at: datetime
    linked_to: str = ""
    filled_quantity: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PaperExecution:
    """Hold an execution at the paper venue."""

    execution_id: str
    client_order_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    session: date
    executed_at: datetime
    note: str


class PaperVenueStore:
    """Read and write execution.paper_orders and execution.paper_executions."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def add(self, order: PaperOrder) -> PaperOrder:
        """Store an order; when its client order id is known, change nothing and return the known one."""
        with self._database.transaction() as connection:
            connection.execute(
                f"INSERT INTO execution.paper_orders ({_ORDER})"
                " VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s, %s)"
                " ON CONFLICT (client_order_id) DO NOTHING".encode(),
                [getattr(order, name) for name in _ORDER.replace(" ", "").split(",")],
            )
            found = _find(connection, order.account_id, order.client_order_id)
        return found or order

    def find(self, account_id: str, client_order_id: str) -> PaperOrder | None:
        """Return an order of the account."""
        with self._database.transaction() as connection:
            return _find(connection, account_id, client_order_id)

    def working(self, account_id: str) -> Sequence[PaperOrder]:
        """Return the orders that wait for a fill, oldest first."""
        with self._database.transaction() as connection, connection.cursor(row_factory=class_row(PaperOrder)) as cursor:
            return cursor.execute(
                f"SELECT {_ORDER}, {_FILLED} FROM execution.paper_orders WHERE account_id = %s AND state = 'accepted'"
                " ORDER BY accepted_at, client_order_id".encode(),
                (account_id,),
            ).fetchall()

    def change(
        self, order: PaperOrder, state: PaperState, reason: str = "", execution: PaperExecution | None = None
    ) -> bool:
        """Add an execution to a working order and set its state; what was executed ends the other order of its pair.

        Return False and change nothing when the order is not what it was when it was read.
        """
        with self._database.transaction() as connection:
            # Both orders of a pair, always in one sequence, so that two readers cannot wait for each other.
            connection.execute(
                "SELECT FROM execution.paper_orders WHERE client_order_id = ANY (%s)"
                " ORDER BY client_order_id FOR UPDATE",
                ([order.client_order_id, order.linked_to],),
            )
            now = _find(connection, order.account_id, order.client_order_id)
            if now is None or (now.state, now.filled_quantity) != ("accepted", order.filled_quantity):
                return False
            if execution is not None:
                connection.execute(
                    f"INSERT INTO execution.paper_executions ({_EXECUTION})"
                    " VALUES (%s, %s, %s, %s, %s, %s, %s, %s)".encode(),
                    [getattr(execution, name) for name in _EXECUTION.split(", ")],
                )
            _set_state(connection, order.client_order_id, state, reason)
            if order.linked_to and (execution is not None or (state != "accepted" and not order.filled_quantity)):
                _set_state(connection, order.linked_to, "cancelled", "The other order of the pair ended or traded.")
        return True

    def executions(self, account_id: str, client_order_ids: Sequence[str]) -> Sequence[PaperExecution]:
        """Return the executions of orders of the account."""
        columns = ", ".join(f"e.{name}" for name in _EXECUTION.split(", "))
        with (
            self._database.transaction() as connection,
            connection.cursor(row_factory=class_row(PaperExecution)) as cursor,
        ):
            return cursor.execute(
                f"SELECT {columns} FROM execution.paper_executions e"
                " JOIN execution.paper_orders o USING (client_order_id)"
                " WHERE o.account_id = %s AND e.client_order_id = ANY (%s)"
                " ORDER BY e.executed_at, e.execution_id".encode(),
                (account_id, list(client_order_ids)),
            ).fetchall()

    def last_sessions(self, client_order_ids: Sequence[str]) -> Mapping[str, date]:
        """Return the last session in which each order was executed; orders that never were are left out."""
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT client_order_id, max(session) FROM execution.paper_executions WHERE client_order_id = ANY (%s)"
                " GROUP BY client_order_id",
                (list(client_order_ids),),
            ).fetchall()
        return {row[0]: row[1] for row in rows}

    def split_day(self, instrument_id: int, since: date) -> date | None:
        """Return the first ex-date of a split after a day, None without one."""
        with self._database.transaction() as connection:
            row = connection.execute(
                "SELECT min(ex_date) FROM market_data.corporate_actions"
                " WHERE instrument_id = %s AND action = 'split' AND ex_date > %s",
                (instrument_id, since),
            ).fetchone()
        return row[0] if row else None

    def positions(self, account_id: str) -> Mapping[int, Decimal]:
        """Return the signed quantities that the account's executions add up to, in shares of now.

        Splits that were booked are in them, less the fractions that were paid out.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT o.instrument_id, sum(CASE o.side WHEN 'buy' THEN e.quantity ELSE -e.quantity END"
                " * execution.split_factor(o.account_id, o.instrument_id, e.executed_at))"
                " FROM execution.paper_executions e JOIN execution.paper_orders o USING (client_order_id)"
                " WHERE o.account_id = %s GROUP BY o.instrument_id",
                (account_id,),
            ).fetchall()
            paid_out = connection.execute(
                "SELECT instrument_id, sum(fraction * execution.split_factor(account_id, instrument_id, effective_at))"
                " FROM execution.applied_splits WHERE account_id = %s AND fraction <> 0 GROUP BY instrument_id",
                (account_id,),
            ).fetchall()
        fractions = dict(paid_out)
        return {row[0]: row[1] - fractions.get(row[0], 0) for row in rows}

    def cash(self, account_id: str) -> Mapping[str, Decimal]:
        """Return what was paid into the account and what the executions made here moved, by currency.

        Money does not come to a paper venue by itself: payments are those that were entered at the desk.
        """
        with self._database.transaction() as connection:
            rows = connection.execute(
                "SELECT currency, sum(amount) FROM ("
                "  SELECT currency, amount FROM execution.cash_ledger"
                "  WHERE account_id = %(account)s AND fill_id IS NULL"
                "  UNION ALL SELECT 'USD',"
                "    CASE o.side WHEN 'buy' THEN -1 ELSE 1 END * round(e.quantity * e.price, 2) - e.fee"
                "  FROM execution.paper_executions e JOIN execution.paper_orders o USING (client_order_id)"
                "  WHERE o.account_id = %(account)s) AS moved GROUP BY currency",
                {"account": account_id},
            ).fetchall()
        return {row[0]: row[1] for row in rows}


def _set_state(connection: Connection, client_order_id: str, state: PaperState, reason: str) -> None:
    connection.execute(
        "UPDATE execution.paper_orders SET state = %s, reason = %s WHERE client_order_id = %s AND state = 'accepted'",
        (state, reason, client_order_id),
    )


def _find(connection: Connection, account_id: str, client_order_id: str) -> PaperOrder | None:
    with connection.cursor(row_factory=class_row(PaperOrder)) as cursor:
        return cursor.execute(
            f"SELECT {_ORDER}, {_FILLED} FROM execution.paper_orders"
            " WHERE account_id = %s AND client_order_id = %s".encode(),
            (account_id, client_order_id),
        ).fetchone()
