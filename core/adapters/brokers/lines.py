"""Open the lines to the venues that the settings name, each when it is first used."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from core.adapters.brokers.paper import PaperBroker
from core.errors import InvalidInput

if TYPE_CHECKING:
    from core.adapters.store.database import Database
    from core.adapters.transport.binance_spot import BinanceSession
    from core.adapters.transport.tws import TwsSession
    from core.execution.marks import Marks
    from core.ports.broker import Broker
    from core.ports.clock import Clock
    from core.settings import Settings

_BINANCE_TEST_NETWORK = "testnet.binance.vision"
_TWS_CLIENT_ID = 71
"""All processes of a desk use one: at Interactive Brokers only the client that sent an order may cancel it."""


class VenueLines:
    """Reach the venues of one desk."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings

    def brokers(
        self, database: Database, marks: Marks, clock: Clock, *, may_trade_live: Callable[[str], bool]
    ) -> Mapping[str, Broker]:
        """Return the venues by name: the paper venue, and those whose address or key is set."""
        from core.adapters.store.instruments import PostgresInstruments

        participation = self._settings.paper_participation
        found: dict[str, Broker] = {"paper": PaperBroker(database, marks, clock, participation=participation)}
        instruments = PostgresInstruments(database)
        if self._settings.interactive_brokers_address:
            from core.adapters.brokers.interactive_brokers import InteractiveBrokers

            found["interactive_brokers"] = InteractiveBrokers(
                self.tws, instruments, clock, may_trade_live=may_trade_live
            )
        if self._settings.binance_api_key and self._settings.binance_api_secret:
            from core.adapters.brokers.binance import Binance

            is_paper = urlsplit(self._settings.binance_address).hostname == _BINANCE_TEST_NETWORK
            found["binance"] = Binance(
                self.binance, instruments, clock, is_paper=is_paper, may_trade_live=may_trade_live
            )
        return found

    @cached_property
    def tws(self) -> TwsSession:
        """The connection to Trader Workstation or IB Gateway; raises InvalidInput where no address is set."""
        from core.adapters.transport.tws import TwsSession

        host, _, port = (self._settings.interactive_brokers_address or "").partition(":")
        if not port:
            raise InvalidInput(
                "There is no address of Trader Workstation or IB Gateway.",
                hint="Set INTERACTIVE_BROKERS_ADDRESS, for example to 127.0.0.1:4002.",
            )
        return TwsSession(host, int(port), _TWS_CLIENT_ID)

    @cached_property
    def binance(self) -> BinanceSession:
        """The line to Binance's spot interface; raises InvalidInput where no key is set."""
        from core.adapters.transport.binance_spot import WEIGHT_AT_ONCE, WEIGHT_PER_MINUTE, BinanceSession
        from core.adapters.transport.limiter import TokenBucket

        key, secret = self._settings.binance_api_key, self._settings.binance_api_secret
        if key is None or secret is None:
            raise InvalidInput(
                "There is no key of Binance.",
                hint="Set BINANCE_API_KEY and BINANCE_API_SECRET; a key of its test network for paper.",
            )
        return BinanceSession(
            self._settings.binance_address,
            key.get_secret_value(),
            secret.get_secret_value(),
            bucket=TokenBucket(WEIGHT_PER_MINUTE, WEIGHT_AT_ONCE, time.monotonic, time.sleep),
        )
