"""Interactive Brokers keeps the contract of brokers, on each version of the protocol that the library speaks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from core.testing.broker_contract import BrokerContract


class TestInteractiveBrokers(BrokerContract):
    account_id = "DU1234567"
    desk_time = datetime(2022, 11, 30, 15, 30, tzinfo=UTC)

    @pytest.fixture(autouse=True, params=[173, 176, 178])
    def venue(self, request, gateway, open_broker):
        gateway.version = request.param
        self.gateway, self.open = gateway, open_broker

    def open_broker(self):
        return self.open()

    def trade(self):
        self.gateway.fill_all()

    def open_broken(self):
        self.gateway.close()
        return self.open(timeout_s=0.2)


class TestInteractiveBrokersWithASecondClient(TestInteractiveBrokers):
    """Keep the contract with a second client of the same account looking on, until the line to the vendor is lost."""

    @pytest.fixture(autouse=True)
    def venue(self, gateway, open_broker):
        self.gateway, self.open = gateway, open_broker

    def open_broker(self):
        self.open(client_id=9).account(self.account_id)
        return self.open()

    def open_broken(self):
        broker = self.open(timeout_s=0.1)
        broker.account(self.account_id)
        self.gateway.notice(1100, "Connectivity between IB and Trader Workstation has been lost.")
        # The notice is on its way: what is said after it on the same line has passed it.
        while broker._session.is_linked:
            broker._session.server_time()
        return broker
