"""Open desks on a small market of their own for the proofs of the money path."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
from collections.abc import Iterator
from functools import cache, cached_property
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import psycopg

from app.bootstrap import Parts
from app.version import code_version
from core.adapters.store.migrations import migrate
from core.data.calendar import close_of
from core.ports.broker import Broker
from core.settings import Settings
from core.testing.small_market import START, add_people, fill_market, open_account

BOOKS = (
    *("gate_verdicts", "reconciliations", "differences", "external_orders", "paper_executions", "paper_orders"),
    *("nav_daily", "positions", "applied_splits", "cash_ledger", "fills", "order_events", "orders", "decisions"),
    *("proposals", "reject_rules", "accounts", "trading_state"),
)


class BrokerDesk(Parts):
    """Be a desk whose account trades at a given venue."""

    def __init__(self, home: Path, dsn: str, broker: Broker, *, connections: Parts | None = None) -> None:
        super().__init__(_settings(home), dsn)
        self._broker = broker
        if connections is not None:
            self.__dict__ |= {"database": connections.database, "trading": connections.trading}

    @cached_property
    def brokers(self) -> dict[str, Any]:
        """The venue, under the name that the account has."""
        return {"paper": self._broker}

    def close(self) -> None:
        """Close the connections."""
        self.trading.database.close()
        self.database.close()


@cache
def _settings(home: Path) -> Settings:
    """Read the environment once, not for every desk: the trials open thousands."""
    return Settings(home=home)


@contextlib.contextmanager
def market_server() -> Iterator[tuple[str, Path]]:
    """Give the address of a database with the small market, on a server of its own, and the home of its desks.

    It waits for no disk: processes are killed here, the server's too, and the machine never loses power.
    """
    from app.runtime import postgres

    code_version()
    postgres.SERVER_SETTINGS["fsync"] = "off"
    home = Path(tempfile.mkdtemp(prefix="qdo")).resolve()
    try:
        with postgres.ensure_postgres(home) as server:
            yield make_market(server.dsn), home
    finally:
        postgres.remove(home)
        shutil.rmtree(home, ignore_errors=True)


def make_market(dsn: str, name: str = "market") -> str:
    """Create a database with the small market and return its address."""
    with psycopg.connect(dsn, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    market = urlunsplit(urlsplit(dsn)._replace(path=f"/{name}"))
    migrate(market)
    with psycopg.connect(market) as connection:
        fill_market(connection)
    return market


def clear(dsn: str) -> None:
    """Empty the books and open the account anew, after the close of the market's START."""
    with psycopg.connect(dsn) as connection:
        # Emptying the books is what their triggers forbid.
        connection.execute("SET LOCAL session_replication_role = replica")
        for name in [
            *(f"execution.{book}" for book in BOOKS),
            *("desk.audit", "desk.outbox", "desk.users", "desk.clock"),
        ]:
            connection.execute(f"DELETE FROM {name}".encode())
        connection.execute("INSERT INTO execution.trading_state (halted, changed_by) VALUES (false, 'proof')")
        connection.execute(
            "INSERT INTO desk.clock (mode, replay_now) VALUES ('replay', %s)", (close_of(START, "XNYS"),)
        )
        add_people(connection)
        open_account(connection)
