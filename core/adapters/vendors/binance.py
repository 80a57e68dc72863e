"""Fetch daily candles of crypto pairs from Binance's public REST interface; no key. Volume is in units of the coin.

The interface is two addresses wide, so that no client library is needed (ccxt pins a dozen common packages exactly).
Prices are against USDT, which stands for the dollar here: the source's name keeps the two apart.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import Reply, read_json
from core.adapters.transport.rows import Row, columns_of, finished, milliseconds_of, number, session_of_milliseconds
from core.domain.market_records import Instrument
from core.errors import VendorMalformed, VendorNotFound, VendorRefused, VendorUnavailable
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

TERMS = VendorTerms(
    name="binance",
    title="Binance",
    delivers={"bars": "daily candles of crypto pairs against USDT by UTC day, volume in units of the coin"},
    base_url="https://api.binance.com",
    requests_per_minute=600,
    burst=10,
    limits="6,000 units of weight a minute for one address; a request for candles weighs 2. No key.",
)
_PAGE = 1000
_WEIGHT = 2.0
_INVALID_SYMBOL, _TOO_MANY, _TIMEOUT = -1121, -1003, -1007


def open_vendor(transport: Transport) -> Binance:
    """Return the vendor over a transport."""
    return Binance(transport)


class Binance:
    """Deliver daily candles of crypto assets."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        if topic != "bars":
            return
        mine = [entry for entry in wanted.instruments if entry.asset_class == "crypto"]
        yield from self._transport.deliver_each(
            mine, lambda entry: self._candles(entry, wanted.start, wanted.end), lambda entry: entry.symbol
        )

    def _candles(self, instrument: Instrument, start: date, end: date) -> Iterator[Payload]:
        """Yield pages of candles until one is empty or the last day is there: a short page is asked on from."""
        pair = instrument.vendor_symbols.get(TERMS.name) or instrument.symbol.replace("-USD", "USDT")
        begin = start
        while begin <= end:
            query = {
                "symbol": pair,
                "interval": "1d",
                "startTime": str(milliseconds_of(begin)),
                "endTime": str(milliseconds_of(end + timedelta(days=1)) - 1),
                "limit": str(_PAGE),
            }
            reply = self._transport.get("/api/v3/klines", query, weight=_WEIGHT, judge=_judge)
            candles = read_json(reply.body)
            if not candles:
                return
            last = session_of_milliseconds(candles[-1][0])
            if last < begin:
                raise VendorMalformed(
                    f"{TERMS.title} sends candles of {last} where those from {begin} on were asked for."
                )
            yield self._transport.payload("candles", reply, "/api/v3/klines", query, symbol=instrument.symbol)
            begin = last + timedelta(days=1)

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        rows: list[Row] = []
        for candle in read_json(payload.body):
            if not isinstance(candle, list) or len(candle) < 6:
                raise VendorMalformed(f"A candle of {TERMS.title} is a list of 12 values, not {str(candle)[:80]}.")
            # Keyed by its opening time; the last candle is in progress.
            values = [number(value, "a candle") for value in candle[1:6]]
            session = session_of_milliseconds(candle[0])
            rows.append((payload.request["symbol"], session, values[0], values[1], values[2], values[3], values[4]))
        yield from columns_of(
            finished(rows, "24x7", payload.happened_by), source=TERMS.name, origin=f"{TERMS.name}:candles"
        )


def _judge(reply: Reply) -> None:
    found = reply.json()
    if isinstance(found, list):
        days = [row[0] for row in found if isinstance(row, list) and row]
        if len(days) != len(found) or days != sorted(set(days)):
            raise VendorMalformed(f"The candles of {TERMS.title} are not in order.")
        return
    code, told = found.get("code"), str(found.get("msg", ""))
    if code == _INVALID_SYMBOL:
        raise VendorNotFound(f"{TERMS.title}: {told}")
    if code in (_TOO_MANY, _TIMEOUT):
        raise VendorUnavailable(f"{TERMS.title}: {told}")
    raise VendorRefused(f"{TERMS.title} answered {code}: {told}")
