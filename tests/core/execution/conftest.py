"""Give a desk on a real database with a small market whose prices are known by heart."""

from __future__ import annotations

import random
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from core.adapters.brokers.paper import PaperBroker
from core.adapters.store.bars import PostgresBars
from core.adapters.store.clock import DeskClock, WallClock
from core.adapters.store.database import Database
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.store.trading import PostgresTradingStore
from core.data.calendar import close_of
from core.domain.identifiers import Uuid7Source
from core.execution.books import Books
from core.execution.gateway import Gateway
from core.execution.kill_switch import KillSwitch
from core.execution.marks import Marks
from core.execution.proposals import ProposalDesk
from core.execution.reconciliation import Reconciliation
from core.execution.requests import LegRequest, TradeRequest
from core.execution.settlement import Settlement
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.small_market import PETER, START, add_people, fill_market, open_account


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Join what the tests use; `database` is for SQL that goes around the code."""

    database: Database
    home: Path
    clock: DeskClock
    store: PostgresTradingStore
    marks: Marks
    proposals: ProposalDesk
    books: Books
    kill_switch: KillSwitch
    settlement: Settlement
    gateway: Gateway
    reconciliation: Reconciliation

    def advance(self, sessions: int = 1) -> None:
        """Move the clock and settle, as the command does."""
        self.clock.advance(sessions)
        self.settlement.settle()

    def sql(self, statement: str, *parameters: object) -> list[tuple]:
        """Run one statement in a transaction of its own."""
        with self.database.transaction() as connection:
            cursor = connection.execute(statement, parameters)
            return cursor.fetchall() if cursor.description else []

    def close(self) -> None:
        """Close the connections."""
        self.database.close()
        self.store.database.close()


def open_desk(dsn: str, home: Path, broker=None) -> Desk:
    """Join a desk on a database that holds the market; `broker` in place of the paper venue."""
    database = Database(dsn)
    clock = DeskClock(database)
    instruments = PostgresInstruments(database)
    marks = Marks(PostgresBars(database), instruments)
    store = PostgresTradingStore(database)
    kill_switch = KillSwitch(store, home)
    brokers = {"paper": broker or PaperBroker(database, marks, clock)}
    ids = Uuid7Source(WallClock(), random.SystemRandom())
    settlement = Settlement(store, brokers, marks, clock)
    reconciliation = Reconciliation(store, brokers, settlement, clock, ids)
    return Desk(
        database=database,
        home=home,
        clock=clock,
        store=store,
        marks=marks,
        proposals=ProposalDesk(
            *(store, marks, instruments, kill_switch, clock, ids),
            stops_rest_at=["paper"] if getattr(broker, "rests_stops", True) else [],
            venue_rules=lambda name, symbol: getattr(broker, "rules", lambda _: None)(symbol),
        ),
        books=Books(store, marks, clock),
        kill_switch=kill_switch,
        settlement=settlement,
        gateway=Gateway(store, brokers, marks, kill_switch, clock, reconciliation),
        reconciliation=reconciliation,
    )


@pytest.fixture
def start_over(market_dsn, broker):
    """Give a function that empties the books and puts a new venue behind the broker, for the next example of a test."""

    def start():
        begin_again(market_dsn)
        broker.venue = open_venue()
        broker.submits, broker.cancels = [], []
        return broker.venue

    return start


@pytest.fixture(scope="session")
def desk_opener():
    """Give the function that joins a desk on a database."""
    return open_desk


@pytest.fixture(scope="session")
def filled_market(postgres_dsn, template_dsn):
    """Give the address of a database with the market; tests take turns in it."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_market TEMPLATE "qd_template"')
    dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_market"))
    with psycopg.connect(dsn) as connection:
        fill_market(connection)
    yield dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_market WITH (FORCE)")


@pytest.fixture
def market_dsn(filled_market):
    """Give the market with nothing traded yet, the persons and the account `main`, after the close of START."""
    begin_again(filled_market)
    return filled_market


def begin_again(dsn):
    """Empty the books of the market and open the account anew."""
    books = (
        "gate_verdicts reconciliations differences external_orders applied_splits opening_positions"
        " paper_executions paper_orders nav_daily positions cash_ledger fills order_events orders decisions"
        " proposals reject_rules accounts trading_state"
    )
    tables = [f"execution.{name}" for name in books.split()] + ["desk.audit", "desk.outbox", "desk.users", "desk.clock"]
    with psycopg.connect(dsn) as connection:
        # Emptying the books is what their triggers forbid, so the test's own connection goes without them.
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in tables:
            connection.execute(f"DELETE FROM {table}".encode())
        connection.execute("INSERT INTO execution.trading_state (halted, changed_by) VALUES (false, 'test')")
        connection.execute(
            "INSERT INTO desk.clock (mode, replay_now) VALUES ('replay', %s)", (close_of(START, "XNYS"),)
        )
        add_people(connection)
        open_account(connection)


@pytest.fixture(scope="session")
def opened_desk(filled_market, tmp_path_factory):
    """Give the desk whose connections stay open over all tests, as new ones cost more than most tests."""
    opened = open_desk(filled_market, tmp_path_factory.mktemp("home"))
    yield opened
    opened.close()


@pytest.fixture
def desk(market_dsn, opened_desk):
    """Give a desk on the market with trading on."""
    opened_desk.kill_switch.file.unlink(missing_ok=True)
    return opened_desk


@pytest.fixture
def open_another(market_dsn, desk):
    """Give a function that opens the same desk once more, as another process would; `broker` for another venue."""
    opened = []

    def open_it(broker=None):
        opened.append(open_desk(market_dsn, desk.home, broker))
        return opened[-1]

    yield open_it
    for one in opened:
        one.close()


@pytest.fixture
def venue(desk):
    """Give a venue whose faults a test chooses; it knows nothing of client order ids sent twice, nor of pairs."""
    return open_venue()


def open_venue():
    """Return such a venue with the deposit of the account `main`."""
    made = FaultVenue(
        deduplicates=False, session=date(2022, 11, 30), opened_at=datetime(2022, 11, 30, 14, 30, tzinfo=UTC)
    )
    made.deposits["main"] = Decimal(100_000)
    return made


@pytest.fixture
def broker(venue):
    return FaultBroker(venue)


@pytest.fixture
def other(open_another, broker):
    """Give the desk as another process opens it, before that venue."""
    return open_another(broker)


@pytest.fixture
def count_statements(monkeypatch):
    """Give a function that runs another and returns the statements that it sent to PostgreSQL."""

    def count(run):
        sent = []
        with monkeypatch.context() as patch:
            execute = psycopg.Cursor.execute

            def note(cursor, query, *arguments, **named):
                text = query if isinstance(query, str) else query.decode()
                # The pool tries a connection with an empty one.
                sent.extend([text] if text else [])
                return execute(cursor, query, *arguments, **named)

            patch.setattr(psycopg.Cursor, "execute", note)
            run()
        return sent

    return count


@pytest.fixture
def ask():
    """Give a function that makes a request of one leg."""

    def make(symbol="AAA", side="buy", quantity="10", **changes):
        prices = {
            name: changes.pop(name, None) for name in ("limit_price", "stop_price", "target_weight", "position_share")
        }
        leg = LegRequest(
            symbol=symbol,
            side=side,
            quantity=None if quantity is None else Decimal(str(quantity)),
            **{name: None if value is None else Decimal(str(value)) for name, value in prices.items()},
        )
        return TradeRequest(legs=(leg,), **changes)

    return make


@pytest.fixture
def approve(desk):
    """Give a function that decides on a proposal as a person who was shown its digest."""

    def decide(proposal, principal=PETER, decision="approved", on=desk):
        return on.proposals.decide(
            proposal.proposal_id, decision, proposal.digest, principal, face="cli", reason="test"
        )

    return decide


@pytest.fixture
def expire(desk):
    """Give a function that turns a proposal's expiry back, around the rules that forbid it."""

    def turn_back(proposal, by=timedelta(seconds=1)):
        with desk.database.transaction() as connection:
            connection.execute("ALTER TABLE execution.proposals DISABLE TRIGGER USER")
            connection.execute(
                "UPDATE execution.proposals SET expires_at = clock_timestamp() - %s WHERE proposal_id = %s",
                (by, proposal.proposal_id),
            )
            connection.execute(
                "UPDATE execution.proposals p SET digest = execution.proposal_digest(p) WHERE proposal_id = %s",
                (proposal.proposal_id,),
            )
            connection.execute("ALTER TABLE execution.proposals ENABLE TRIGGER USER")
        return desk.proposals.get(proposal.proposal_id).proposal

    return turn_back
