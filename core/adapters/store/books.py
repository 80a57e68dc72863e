"""Keep executions, cash, positions and daily values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

from core.adapters.store.database import Connection
from core.adapters.store.rows import columns_of, insert, read_records
from core.domain.as_of import AsOf
from core.domain.books import AppliedSplit, CashEntry, Fill, OpeningPosition, Position
from core.execution.stores import ActionStamp, NavPoint


class BookStore:
    """Read and write execution.fills, cash_ledger, positions and nav_daily in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add_fill(self, fill: Fill) -> bool:
        """Store an execution; False when its execution id is there already."""
        return insert(self._connection, fill, on_conflict="ON CONFLICT (account_id, execution_id) DO NOTHING") == 1

    def add_opening(self, position: OpeningPosition) -> None:
        """Store what an account held when it was opened."""
        insert(self._connection, position)

    def add_split(self, split: AppliedSplit) -> bool:
        """Store a split; False when it was booked before."""
        return insert(self._connection, split, on_conflict="ON CONFLICT DO NOTHING") == 1

    def action_stamp(self, account_id: str, as_of: AsOf) -> ActionStamp:
        """Return what the booking of corporate actions depends on, in one statement."""
        row = self._connection.execute(
            "SELECT ops.data_version(), (SELECT count(*) FROM market_data.corporate_actions a"
            " WHERE a.instrument_id = ANY (f.ids) AND a.known_at <= %(known)s), f.count, f.newest"
            " FROM (SELECT count(*) AS count, max(recorded_at) AS newest,"
            " coalesce(array_agg(DISTINCT instrument_id), '{}') AS ids"
            " FROM execution.executed WHERE account_id = %(account)s) AS f",
            _cut(account_id, as_of),
        ).fetchone()
        assert row is not None
        return ActionStamp(data_version=row[0], actions_known=row[1], executions=row[2], newest_execution_at=row[3])

    def add_cash(self, entries: Sequence[CashEntry]) -> None:
        """Append movements of cash."""
        for entry in entries:
            insert(self._connection, entry)

    def fills(
        self,
        account_id: str,
        *,
        as_of: AsOf | None = None,
        instrument_id: int | None = None,
        order_id: str | None = None,
        as_executed: bool = False,
    ) -> Sequence[Fill]:
        """Return the executions known then, oldest first, in shares of then: splits booked since are in them.

        Fractions that were paid out are among them. Those of an order, and all `as_executed`, are as the venue
        reported them.
        """
        columns, factor, source = columns_of(Fill, prefix="f."), "1", "execution.fills"
        if order_id is None and not as_executed:
            columns = columns.replace("f.quantity", "f.quantity * factor AS quantity").replace(
                "f.price", "CASE factor WHEN 1 THEN f.price ELSE f.price / factor END AS price"
            )
            source = "execution.executed"
            factor = (
                "execution.split_factor(account_id, instrument_id, filled_at,"
                " coalesce(%(known)s::timestamptz, 'infinity'), coalesce(%(recorded)s::timestamptz, 'infinity'))"
            )
        return read_records(
            self._connection,
            Fill,
            f"SELECT {columns} FROM (SELECT *, {factor} AS factor FROM {source}) AS f"
            " WHERE account_id = %(account)s"
            " AND (%(known)s::timestamptz IS NULL OR filled_at <= %(known)s)"
            " AND (%(recorded)s::timestamptz IS NULL OR recorded_at <= %(recorded)s)"
            " AND (%(instrument)s::integer IS NULL OR instrument_id = %(instrument)s)"
            " AND (%(order)s::text IS NULL OR order_id = %(order)s)"
            " ORDER BY filled_at, execution_id",
            {**_cut(account_id, as_of), "instrument": instrument_id, "order": order_id},
        )

    def cash(self, account_id: str, *, as_of: AsOf | None = None) -> Sequence[CashEntry]:
        """Return the movements of cash known then, oldest first."""
        return read_records(
            self._connection,
            CashEntry,
            f"SELECT {columns_of(CashEntry)} FROM execution.cash_ledger WHERE account_id = %(account)s"
            " AND (%(known)s::timestamptz IS NULL OR booked_at <= %(known)s)"
            " AND (%(recorded)s::timestamptz IS NULL OR recorded_at <= %(recorded)s)"
            " ORDER BY booked_at, entry_id",
            _cut(account_id, as_of),
        )

    def authors(self, account_id: str) -> Mapping[str, str]:
        """Return who wrote the proposal of each order of the account: a strategy, an agent or a person."""
        rows = self._connection.execute(
            "SELECT o.order_id, p.author FROM execution.orders o JOIN execution.proposals p USING (proposal_id)"
            " WHERE o.account_id = %s",
            (account_id,),
        ).fetchall()
        return {row[0]: row[1] for row in rows}

    def balance(self, account_id: str) -> Decimal:
        """Return the sum of all movements of cash."""
        row = self._connection.execute(
            "SELECT coalesce(sum(amount), 0) FROM execution.cash_ledger WHERE account_id = %s", (account_id,)
        ).fetchone()
        return row[0] if row else Decimal(0)

    def positions(self, account_id: str) -> Sequence[Position]:
        """Return the positions of now that are not flat."""
        return read_records(
            self._connection,
            Position,
            f"SELECT {columns_of(Position)} FROM execution.positions WHERE account_id = %s AND quantity <> 0"
            " ORDER BY instrument_id",
            (account_id,),
        )

    def put_position(self, position: Position) -> None:
        """Store the position that the executions add up to."""
        insert(
            self._connection,
            position,
            on_conflict="ON CONFLICT (account_id, instrument_id) DO UPDATE SET quantity = excluded.quantity,"
            " average_cost = excluded.average_cost, realized_pnl = excluded.realized_pnl,"
            " updated_at = excluded.updated_at",
        )

    def put_nav(self, account_id: str, points: Sequence[NavPoint]) -> None:
        """Store values at session closes, in place of older ones."""
        with self._connection.cursor() as cursor:
            cursor.executemany(
                "INSERT INTO execution.nav_daily (account_id, session, nav, cash) VALUES (%s, %s, %s, %s)"
                " ON CONFLICT (account_id, session) DO UPDATE SET nav = excluded.nav, cash = excluded.cash"
                " WHERE (nav_daily.nav, nav_daily.cash) IS DISTINCT FROM (excluded.nav, excluded.cash)",
                [(account_id, point.session, point.nav, point.cash) for point in points],
            )


def _cut(account_id: str, as_of: AsOf | None) -> dict[str, Any]:
    return {
        "account": account_id,
        "known": as_of.known if as_of else None,
        "recorded": as_of.recorded if as_of else None,
    }
