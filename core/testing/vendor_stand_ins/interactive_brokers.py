"""Speak as IB Gateway: contracts and daily bars adjusted for splits, with the errors that requests for history meet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from math import prod

from core.testing.tws_gateway import GatewayLine, TwsGateway
from core.testing.vendor_stand_ins.server import Asked, StandIn

KEYS: dict[str, str] = {}
_PREFIX = "Historical Market Data Service error message:"
# What the faults of other vendors are called here: the number and text of the error.
_ERRORS = {
    "rate_limit": (162, f"{_PREFIX}API historical data query pacing violation"),
    "long_ban": (162, f"{_PREFIX}No market data permissions for NYSE STK"),
    "server_error": (162, f"{_PREFIX}HMDS server disconnect occurred. Attempting reconnection."),
    "not_found": (162, f"{_PREFIX}HMDS query returned no data: STK@SMART Trades"),
}


def open_server(stand_in: StandIn) -> MarketGateway:
    """Run the gateway for a stand-in and tell it the address."""
    gateway = MarketGateway(stand_in)
    stand_in.url = f"127.0.0.1:{gateway.port}"
    return gateway


def environment(stand_in: StandIn) -> dict[str, str]:
    """Return the environment variables that point the product here."""
    return {
        "INTERACTIVE_BROKERS_ADDRESS": stand_in.url,
        "QUANTDESK_INTERACTIVE_BROKERS_REQUESTS_PER_MINUTE": "100000",
    }


class MarketGateway(TwsGateway):
    """Serve the stocks and funds of a stand-in's data; each request for history meets the fault that is planned."""

    def __init__(self, stand_in: StandIn) -> None:
        super().__init__(moment=stand_in.clock())
        self._stand_in = stand_in
        # The vendor writes a class of shares after a space: BRK B.
        self._symbols = {name.replace("-", " "): name for name in stand_in.data.bars if not name.endswith("-USD")}
        self.account.symbols = {symbol: 1001 + place for place, symbol in enumerate(self._symbols)}

    def server_time(self) -> datetime:
        """Return the time on the vendor's clock, a day off while that is the fault."""
        days = {"clock_behind": -1, "clock_ahead": 1}
        return self._stand_in.clock() + timedelta(days=sum(days.get(name, 0) for name in self._stand_in.planned))

    def tell_history(self, line: GatewayLine, fields: Sequence[str]) -> None:
        """Answer a question for daily bars, with the planned fault."""
        number, symbol, end, duration = fields[1], fields[3], fields[15], fields[17]
        asked = Asked(method="HISTORY", path=f"/{symbol}", query={"end": end, "duration": duration}, headers={})
        fault = self._stand_in.next_fault(asked)
        if fault in _ERRORS:
            line.say(4, 2, number, *_ERRORS[fault], "")
        elif fault == "cut":
            line.cut()
        elif fault == "truncated":
            # Five bars are promised and none comes: the client's decoder drops the message.
            line.say(17, number, "", "", 5)
        elif fault != "slow":
            self.say_bars(line, number, self._bars(self._symbols[symbol], end, duration))

    def _bars(self, symbol: str, end: str, duration: str) -> list[tuple[object, ...]]:
        """Return the bars of a window, that of the day in progress included, on the basis of all splits so far."""
        last = datetime.strptime(end.split(" ")[0], "%Y%m%d").date()  # noqa: DTZ007  (a day)
        count, unit = duration.split(" ")
        first = last - timedelta(days=int(count) * (366 if unit == "Y" else 1))
        today = self._stand_in.clock().date()
        data = self._stand_in.data
        splits = [(day, ratio) for name, day, ratio in data.splits if name == symbol and day <= today]

        def divisor(session: date) -> float:
            return prod(ratio for day, ratio in splits if day > session)

        return [
            (
                f"{bar.session:%Y%m%d}",
                *(price / divisor(bar.session) for price in (bar.open, bar.high, bar.low, bar.close)),
                bar.volume * divisor(bar.session) / 100.0,
            )
            for bar in data.between(symbol, first, min(last, today))
        ]
