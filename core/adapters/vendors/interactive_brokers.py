"""Fetch daily bars from Interactive Brokers through Trader Workstation or IB Gateway.

The bars are of trades in regular hours, adjusted for splits and not for dividends. Volume is left out: it comes in
lots or in shares as a switch of the gateway says, without the trades that the vendor filters out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import date, datetime
from typing import Any

from core.adapters.transport.client import Transport
from core.adapters.transport.replies import read_json
from core.adapters.transport.rows import Row, columns_of, finished, number
from core.adapters.transport.tws import TwsRefusal, TwsSession
from core.domain.market_records import Instrument
from core.errors import (
    OutcomeUnknown,
    Unavailable,
    VendorError,
    VendorMalformed,
    VendorNotFound,
    VendorQuotaSpent,
    VendorRefused,
    VendorUnavailable,
)
from core.ports.vendor import BarColumns, Payload, RecordRows, SymbolNames, Topic, VendorTerms, Wanted

TERMS = VendorTerms(
    name="interactive_brokers",
    title="Interactive Brokers",
    delivers={"bars": "daily bars of US stocks and funds in regular hours, adjusted for splits, without volume"},
    # Reached over the gateway's own protocol: the address is the one that orders use.
    base_url="",
    requests_per_minute=5,
    burst=10,
    limits="60 requests for history in 10 minutes; an instrument is one. A split changes the vendor's whole history:"
    " backfill that instrument then.",
    keys=("INTERACTIVE_BROKERS_ADDRESS",),
    without_key="bars of other vendors.",
)
# Not the one of the broker: at the vendor only the client that sent an order may cancel it.
_CLIENT_ID = 72
# Between two requests the limiter may wait this long; a connection a request would be slower.
_IDLE_S = 60.0
_LONGEST_DAYS = 365
# The same request within 15 seconds is refused.
_PACING_PAUSE_S = 15.0
_HISTORY_ERROR, _UNKNOWN_CONTRACT, _LOST_QUERY = 162, 200, 366
_NO_SUBSCRIPTION = frozenset({354, 10089, 10168, 10186})
_NOT_CONNECTED = frozenset({502, 504, 1100, 2103, 2105, 10182})


def open_vendor(transport: Transport) -> InteractiveBrokers:
    """Return the vendor over a transport."""
    return InteractiveBrokers(transport)


class InteractiveBrokers:
    """Deliver daily bars of US stocks and funds."""

    terms = TERMS

    def __init__(self, transport: Transport) -> None:
        self._transport = transport
        self._session: TwsSession | None = None
        self._contracts: dict[str, Any] = {}

    def fetch(self, topic: Topic, wanted: Wanted) -> Iterator[Payload]:
        """Yield replies as they arrive; see core.ports.vendor.Vendor."""
        if topic != "bars":
            return
        self._transport.require_key()
        mine = [entry for entry in wanted.instruments if entry.asset_class in ("equity", "etf")]
        try:
            yield from self._transport.deliver_each(
                [entry for entry in mine if entry.currency == "USD"],
                lambda entry: (self._history(entry, wanted.start, wanted.end),),
                lambda entry: entry.symbol,
            )
        finally:
            self._close()

    def _history(self, instrument: Instrument, start: date, end: date) -> Payload:
        days = (end - start).days + 1
        query = {
            # The end of its day in New York, so that the day itself is in it.
            "end": f"{end:%Y%m%d} 23:59:59 US/Eastern",
            # Counted back from the end; days before the start go when the reply is read.
            "duration": f"{days} D" if days <= _LONGEST_DAYS else f"{-(-days // _LONGEST_DAYS)} Y",
        }
        ticker = (instrument.vendor_symbols.get(TERMS.name) or instrument.symbol).replace("-", " ").replace(".", " ")
        return self._transport.attempt(
            lambda: self._ask(instrument.symbol, ticker, query, start, end), f"history of {ticker}"
        )

    def _ask(self, symbol: str, ticker: str, query: dict[str, str], start: date, end: date) -> Payload:
        session = self._open()
        try:
            stated = session.server_time()
            if not session.is_linked:
                raise VendorUnavailable("The gateway has lost its line to Interactive Brokers (1100).")
            contract = self._contract(session, ticker)
            bars = session.bars(contract, **query)
        except TwsRefusal as refusal:
            raise _error_of(refusal) from refusal
        except OutcomeUnknown as error:
            # A question may be asked again. Asked at once it would be refused as the same one.
            raise VendorUnavailable(error.message, after_seconds=_PACING_PAUSE_S) from error
        except Unavailable as error:
            raise VendorUnavailable(str(error)) from error
        body = {
            "contract": {"id": contract.conId, "symbol": contract.symbol, "currency": contract.currency},
            "bars": [[str(bar.date), bar.open, bar.high, bar.low, bar.close] for bar in bars],
        }
        return self._payload(symbol, query, start, end, body, stated)

    def _payload(
        self, symbol: str, query: dict[str, str], start: date, end: date, body: dict[str, Any], stated: datetime
    ) -> Payload:
        return Payload(
            vendor=TERMS.name,
            kind="history",
            request={
                "path": "reqHistoricalData",
                "query": query,
                "symbol": symbol,
                "start": start.isoformat(),
                "end": end.isoformat(),
            },
            content_type="application/json",
            body=json.dumps(body).encode(),
            received_at=self._transport.now(),
            vendor_time=stated,
        )

    def _contract(self, session: TwsSession, ticker: str) -> Any:
        """Return the one US contract of a ticker; raise VendorNotFound without one and VendorMalformed for another."""
        from ib_async import Stock

        if ticker not in self._contracts:
            found = {part.contract.conId: part.contract for part in session.contracts(Stock(ticker, "SMART", "USD"))}
            if len(found) != 1:
                raise VendorNotFound(f"{TERMS.title} knows {len(found) or 'no'} US stocks {ticker!r}.")
            (contract,) = found.values()
            if (contract.symbol, contract.secType, contract.currency) != (ticker, "STK", "USD"):
                raise VendorMalformed(
                    f"{TERMS.title} was asked for {ticker} and names {contract.secType} {contract.symbol} in"
                    f" {contract.currency}."
                )
            contract.exchange = "SMART"
            self._contracts[ticker] = contract
        return self._contracts[ticker]

    def _open(self) -> TwsSession:
        if self._session is None:
            host, _, port = (self._transport.secret() or "").partition(":")
            if not port.isdigit():
                raise VendorRefused(f"{TERMS.keys[0]} is no address.", hint="For example 127.0.0.1:4002.")
            self._session = TwsSession(
                host, int(port), _CLIENT_ID, timeout_s=self._transport.timeout_seconds, idle_s=_IDLE_S
            )
        return self._session

    def _close(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            session.close()

    def parse(self, payload: Payload, names: SymbolNames) -> Iterator[BarColumns | RecordRows]:
        """Yield the rows in a payload; see core.ports.vendor.Vendor."""
        symbol = payload.request["symbol"]
        number_of = names.current(symbol)
        if number_of is None:
            return
        start, end = (date.fromisoformat(payload.request[name]) for name in ("start", "end"))
        rows: list[Row] = []
        for bar in read_json(payload.body)["bars"]:
            session = _session(bar)
            if start <= session <= end:
                prices = [number(value, "a bar") for value in bar[1:]]
                rows.append((symbol, session, prices[0], prices[1], prices[2], prices[3], float("nan")))
        yield from columns_of(
            finished(rows, names.instruments[number_of].calendar, payload.happened_by),
            source=TERMS.name,
            origin=f"{TERMS.name}:history",
            basis="split_adjusted",
            has_volume=False,
        )


def _session(bar: Any) -> date:
    try:
        day, *prices = bar
        if len(prices) != 4:
            raise ValueError(len(prices))
        return datetime.strptime(day, "%Y%m%d").date()  # noqa: DTZ007  (a day has no zone)
    except (TypeError, ValueError) as error:
        raise VendorMalformed(
            f"A daily bar of {TERMS.title} is a day (20240131) and four prices, not {bar!r:.80}."
        ) from error


def _error_of(refusal: TwsRefusal) -> VendorError:
    """Return what an error number and its text stand for; one number tells of many things."""
    told, text = refusal.message, refusal.message.lower()
    if refusal.number == _UNKNOWN_CONTRACT or (refusal.number == _HISTORY_ERROR and "no data" in text):
        return VendorNotFound(told)
    if refusal.number in _NO_SUBSCRIPTION or (refusal.number == _HISTORY_ERROR and "permission" in text):
        return VendorQuotaSpent(told, hint="The account does not subscribe to this market data.")
    if refusal.number in (_HISTORY_ERROR, _LOST_QUERY) or refusal.number in _NOT_CONNECTED:
        return VendorUnavailable(told, after_seconds=_PACING_PAUSE_S if "pacing" in text else None)
    return VendorRefused(told)
