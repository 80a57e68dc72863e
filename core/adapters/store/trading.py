"""Open transactions of the money path."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psycopg

from core.adapters.store.accounts import AccountRows
from core.adapters.store.books import BookStore
from core.adapters.store.database import Connection, Database
from core.adapters.store.gate import GateRows
from core.adapters.store.orders import OrderRows
from core.adapters.store.outbox import EventRows
from core.adapters.store.proposals import ProposalRows
from core.adapters.store.reconciliation import ReconciliationRows
from core.adapters.store.reject_rules import RejectRuleRows
from core.errors import Refused, Unavailable


@dataclass(frozen=True, slots=True, kw_only=True)
class TradingTransaction:
    """Join the stores of one transaction."""

    connection: Connection
    accounts: AccountRows
    proposals: ProposalRows
    orders: OrderRows
    books: BookStore
    gate: GateRows
    reconciliations: ReconciliationRows
    rules: RejectRuleRows
    events: EventRows


class PostgresTradingStore:
    """Implement the TradingStore on PostgreSQL.

    It has connections of its own: prices and the clock are read through `database` while a transaction is open
    here, and both on one pool could wait for each other.
    """

    def __init__(self, database: Database) -> None:
        self.database = Database(database.dsn)

    @contextmanager
    def transaction(self) -> Iterator[TradingTransaction]:
        """Begin; commit at the end of the block, roll back on an exception.

        Raises Refused when a rule of the database forbids it, Unavailable when the database is lost.
        """
        try:
            with self.database.transaction() as connection:
                yield TradingTransaction(
                    connection=connection,
                    accounts=AccountRows(connection),
                    proposals=ProposalRows(connection),
                    orders=OrderRows(connection),
                    books=BookStore(connection),
                    gate=GateRows(connection),
                    reconciliations=ReconciliationRows(connection),
                    rules=RejectRuleRows(connection),
                    events=EventRows(connection),
                )
        except (psycopg.errors.CheckViolation, psycopg.errors.RestrictViolation) as error:
            message = error.diag.message_primary or str(error)
            raise Refused(message, rule="database") from error
        except psycopg.OperationalError as error:
            raise Unavailable(
                "The database was lost in the middle of a transaction.", hint="Nothing of it was stored; try again."
            ) from error
