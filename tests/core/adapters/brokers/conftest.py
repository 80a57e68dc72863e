"""Give a Trader Workstation on loopback and a broker that reaches it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from core.adapters.brokers.binance import Binance
from core.adapters.brokers.interactive_brokers import InteractiveBrokers
from core.adapters.store.database import Database
from core.adapters.transport.binance_spot import BinanceSession
from core.adapters.transport.tws import TwsSession
from core.domain.market_records import Instrument
from core.errors import UnknownName
from core.testing.binance_venue import BinanceVenue
from core.testing.clock import FixedClock
from core.testing.tws_gateway import TwsGateway

MOMENT = datetime(2022, 11, 30, 15, 30, tzinfo=UTC)


class ThreeStocks:
    """Know AAA, BBB and CCC by the numbers 1, 2 and 3."""

    def find(self, name):
        if name not in ("AAA", "BBB", "CCC"):
            raise UnknownName("symbol", name)
        return Instrument(
            instrument_id="ABC".index(name[0]) + 1,
            symbol=name,
            name=name,
            asset_class="equity",
            calendar="XNYS",
            source="test",
            known_at=MOMENT,
        )

    get = find

    def list(self, *, group=None, asset_class=None, on=None):
        return [self.find(name) for name in ("AAA", "BBB", "CCC")]


class FourCoins:
    """Know BTC-USD, ETH-USD, SOL-USD and one that is not listed by the numbers 1 to 4."""

    def find(self, name):
        names = ("BTC-USD", "ETH-USD", "SOL-USD", "XYZ-USD")
        if name not in names:
            raise UnknownName("symbol", name)
        return Instrument(
            instrument_id=names.index(name) + 1,
            symbol=name,
            name=name,
            asset_class="crypto",
            calendar="24x7",
            source="test",
            known_at=MOMENT,
        )

    get = find

    def list(self, *, group=None, asset_class=None, on=None):
        return [self.find(name) for name in ("BTC-USD", "ETH-USD", "SOL-USD", "XYZ-USD")]


class DecoderErrors(logging.Handler):
    """Keep what the library's decoder could not read: it only logs that and drops the message."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.texts = []

    def emit(self, record):
        self.texts.append(record.getMessage())


@pytest.fixture(scope="module")
def paper_venue(postgres_dsn, template_dsn):
    """Give a migrated database that the tests of a file take turns in."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_paper TEMPLATE "qd_template"')
    opened = Database(urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_paper")))
    yield opened
    opened.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_paper WITH (FORCE)")


@pytest.fixture
def database(paper_venue):
    """Give that database with no paper order in it."""
    with paper_venue.transaction() as connection:
        connection.execute("DELETE FROM execution.paper_executions")
        connection.execute("DELETE FROM execution.paper_orders")
    return paper_venue


@pytest.fixture
def gateway():
    """Give a gateway whose frames must all be readable."""
    errors = DecoderErrors()
    logging.getLogger("ib_async.Decoder").addHandler(errors)
    found = TwsGateway(moment=MOMENT)
    yield found
    found.close()
    logging.getLogger("ib_async.Decoder").removeHandler(errors)
    assert errors.texts == []


@pytest.fixture
def open_broker(gateway):
    """Give a function that opens a broker with a session of its own at the gateway, on a live clock at MOMENT."""
    sessions = []

    def make(*, timeout_s=2.0, idle_s=60.0, client_id=7, mode="live", **options):
        session = TwsSession("127.0.0.1", gateway.port, client_id, timeout_s=timeout_s, idle_s=idle_s)
        sessions.append(session)
        return InteractiveBrokers(session, ThreeStocks(), FixedClock(MOMENT, mode), **options)

    yield make
    for session in sessions:
        session.close()


@pytest.fixture
def binance_venue():
    """Give Binance's spot market on loopback."""
    found = BinanceVenue(moment=MOMENT)
    yield found
    found.close()


@pytest.fixture
def open_binance(binance_venue):
    """Give a function that opens a broker with a session of its own at the spot market, on a live clock at MOMENT."""
    pytest.importorskip("ccxt", reason="ccxt of the extra `crypto` is not installed")
    sessions = []

    def make(*, timeout_s=5.0, mode="live", is_paper=True, key=binance_venue.key, **options):
        session = BinanceSession(binance_venue.address, key, binance_venue.secret, timeout_s=timeout_s)
        sessions.append(session)
        return Binance(session, FourCoins(), FixedClock(MOMENT, mode), is_paper=is_paper, **options)

    yield make
    for session in sessions:
        session.close()
