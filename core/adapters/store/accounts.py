"""Keep accounts and the kill switch."""

from __future__ import annotations

from collections.abc import Sequence

from core.adapters.store.database import Connection
from core.adapters.store.rows import insert, read_records
from core.domain.books import Account
from core.errors import UnknownName
from core.execution.stores import TradingState


class AccountRows:
    """Read and write execution.accounts and execution.trading_state in one transaction."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def add(self, account: Account) -> None:
        """Store a new account."""
        insert(self._connection, account)

    def get(self, account_id: str, *, lock: bool = False) -> Account:
        """Return an account; `lock` makes every other locking reader wait. Raises UnknownName."""
        end = " FOR UPDATE" if lock else ""
        found = read_records(
            self._connection, Account, f"SELECT * FROM execution.accounts WHERE account_id = %s{end}", (account_id,)
        )
        if not found:
            raise UnknownName("account", account_id, [account.account_id for account in self.all()])
        return found[0]

    def all(self) -> Sequence[Account]:
        """Return the accounts ordered by id."""
        return read_records(self._connection, Account, "SELECT * FROM execution.accounts ORDER BY account_id")

    def set_live(self, account_id: str, *, is_live: bool, by: str) -> None:
        """Switch an account that holds real money to live, or off."""
        self._connection.execute(
            "UPDATE execution.accounts SET is_live = %s, changed_by = %s WHERE account_id = %s",
            (is_live, by, account_id),
        )

    def remove_demo(self, account_id: str) -> bool:
        """Remove a demo account with everything in it; False when there is none. Other accounts are refused."""
        of_account = "WHERE account_id = %s"
        of_orders = f"WHERE order_id IN (SELECT order_id FROM execution.orders {of_account})"
        of_proposals = f"WHERE proposal_id IN (SELECT proposal_id FROM execution.proposals {of_account})"
        of_paper = f"WHERE client_order_id IN (SELECT client_order_id FROM execution.paper_orders {of_account})"
        self._connection.execute("SELECT set_config('quantdesk.removing_demo', %s, true)", (account_id,))
        for table, where in (
            ("gate_verdicts", of_account),
            ("reject_rules", of_account),
            ("reconciliations", of_account),
            ("differences", of_account),
            ("external_orders", of_account),
            ("paper_executions", of_paper),
            ("paper_orders", of_account),
            ("nav_daily", of_account),
            ("positions", of_account),
            ("applied_splits", of_account),
            ("cash_ledger", of_account),
            ("fills", of_account),
            ("order_events", of_orders),
            ("orders", of_account),
            ("decisions", of_proposals),
            ("proposals", of_account),
        ):
            self._connection.execute(f"DELETE FROM execution.{table} {where}".encode(), (account_id,))
        return (
            self._connection.execute(f"DELETE FROM execution.accounts {of_account}".encode(), (account_id,)).rowcount
            == 1
        )

    def give_paper_venue(self, account_id: str) -> None:
        """Copy the account's ended orders and executions to the paper venue, so that both hold the same history."""
        self._connection.execute(
            "INSERT INTO execution.paper_orders (client_order_id, venue_order_id, account_id, instrument_id, side,"
            " quantity, order_type, limit_price, stop_price, time_in_force, state, reason, accepted_at)"
            " SELECT client_order_id, venue_order_id, account_id, instrument_id, side, quantity, order_type,"
            " limit_price, stop_price, time_in_force, state, reason, desk_time FROM execution.orders"
            " WHERE account_id = %s AND venue_order_id IS NOT NULL"
            " AND state IN ('filled', 'cancelled', 'expired', 'rejected') ON CONFLICT DO NOTHING",
            (account_id,),
        )
        self._connection.execute(
            "INSERT INTO execution.paper_executions"
            " (execution_id, client_order_id, quantity, price, fee, session, executed_at, note)"
            " SELECT f.execution_id, o.client_order_id, f.quantity, f.price, f.fee, f.session, f.filled_at, f.note"
            " FROM execution.fills f JOIN execution.orders o USING (order_id) WHERE f.account_id = %s"
            " ON CONFLICT DO NOTHING",
            (account_id,),
        )

    def trading_state(self, *, hold: bool = False) -> TradingState | None:
        """Return the kill switch, None when its row is missing; `hold` keeps it from changing until commit."""
        row = self._connection.execute(
            b"SELECT halted, reason, changed_by, changed_at, reduce_only FROM execution.trading_state"
            + (b" FOR SHARE" if hold else b"")
        ).fetchone()
        if row is None:
            return None
        return TradingState(halted=row[0], reason=row[1], changed_by=row[2], changed_at=row[3], reduce_only=row[4])

    def set_trading_state(self, *, halted: bool, reason: str, by: str, reduce_only: bool = False) -> None:
        """Turn the kill switch."""
        self._connection.execute(
            "INSERT INTO execution.trading_state (halted, reduce_only, reason, changed_by) VALUES (%s, %s, %s, %s)"
            " ON CONFLICT (only_row) DO UPDATE SET halted = excluded.halted, reduce_only = excluded.reduce_only,"
            " reason = excluded.reason, changed_by = excluded.changed_by, changed_at = clock_timestamp()",
            (halted, reduce_only, reason, by),
        )
