"""Binance keeps the contract of brokers, through the real client library."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.errors import OutcomeUnknown, Unavailable
from core.testing.broker_contract import BrokerContract
from tests.core.adapters.brokers.conftest import MOMENT


class TestBinance(BrokerContract):
    account_id = "354937868"
    symbol = "SOL-USD"
    instrument_id = 3
    desk_time = MOMENT
    sells_short = False

    @pytest.fixture(autouse=True)
    def venue(self, binance_venue, open_binance):
        binance_venue.prices["SOLUSDT"] = Decimal(150)
        self.binance_venue, self.open = binance_venue, open_binance

    def open_broker(self):
        return self.open()

    def trade(self):
        self.binance_venue.fill_all()

    def open_broken(self):
        self.binance_venue.close()
        return self.open(timeout_s=0.5)


class TestBinanceOfADeskThatStartsAnew(TestBinance):
    """Keep it where another process asks than the one that sent: it knows no order by heart."""

    def open_broker(self):
        return Forgetful(self.open)

    def open_broken(self):
        broker = self.open(timeout_s=0.5)
        broker.account(self.account_id)
        self.binance_venue.faults.add("no reads")
        self.binance_venue.faults.add("unavailable before")
        return broker


class Forgetful:
    """Open the broker anew for each call."""

    deduplicates = False
    rests_stops = False

    def __init__(self, open_broker):
        self._open = open_broker

    def __getattr__(self, name):
        return getattr(self._open(), name)


def test_the_two_kinds_of_silence_differ(binance_venue, open_binance):
    binance_venue.close()
    with pytest.raises(Unavailable):
        open_binance(timeout_s=0.5).account("354937868")
    binance_venue.open()
    binance_venue.faults.add("no reads")
    with pytest.raises(OutcomeUnknown):
        open_binance().account("354937868")
