"""The paper venue keeps the contract of brokers."""

from __future__ import annotations

from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from core.adapters.brokers.paper import PaperBroker
from core.adapters.store.bars import PostgresBars
from core.adapters.store.database import Database
from core.adapters.store.instruments import PostgresInstruments
from core.execution.marks import Marks
from core.testing.broker_contract import BrokerContract
from core.testing.clock import FixedClock
from core.testing.small_market import fill_market

CAME = datetime(2022, 11, 29, 21, tzinfo=UTC)
NEXT_CLOSE = datetime(2022, 11, 30, 21, tzinfo=UTC)


@pytest.fixture(scope="module")
def contract_dsn(postgres_dsn, template_dsn):
    """Give the address of a database with the small market."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_contract TEMPLATE "qd_template"')
    dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_contract"))
    with psycopg.connect(dsn) as connection:
        fill_market(connection)
    yield dsn
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_contract WITH (FORCE)")


class TestPaperBroker(BrokerContract):
    desk_time = CAME

    @pytest.fixture(autouse=True)
    def venue(self, contract_dsn):
        self.database = Database(contract_dsn, timeout_seconds=2)
        with self.database.transaction() as connection:
            connection.execute("DELETE FROM execution.paper_executions")
            connection.execute("DELETE FROM execution.paper_orders")
        self.clock = FixedClock(CAME)
        yield
        self.database.close()

    def open_broker(self):
        marks = Marks(PostgresBars(self.database), PostgresInstruments(self.database))
        return PaperBroker(self.database, marks, self.clock)

    def trade(self):
        self.clock.moment = NEXT_CLOSE

    def open_broken(self):
        database = Database("postgresql://127.0.0.1:1/none", timeout_seconds=0.2)
        return PaperBroker(database, Marks(PostgresBars(database), PostgresInstruments(database)), self.clock)
