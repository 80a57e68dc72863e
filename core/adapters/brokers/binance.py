"""Trade coins at Binance's spot market; its orders and trades alone say what became of an order."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from core.adapters.transport.binance_spot import BinanceRefusal, BinanceSession
from core.domain.books import OrderType, Side, TimeInForce
from core.domain.trading_rules import VenueRules
from core.errors import OutcomeUnknown, Unavailable, UnknownName
from core.ports.broker import Execution, OrderTicket, VenueAccount, VenueOpenOrder, VenueOrder, VenueState
from core.ports.clock import Clock
from core.ports.market_data import Instruments

QUOTE = "USDT"
"""What coins are paid in here; it stands for the dollar of the stored prices."""
_TYPES: Mapping[OrderType, str] = {
    "market": "MARKET",
    "limit": "LIMIT",
    "stop": "STOP_LOSS",
    "stop_limit": "STOP_LOSS_LIMIT",
}
_TIMES: Mapping[OrderType, frozenset[TimeInForce]] = {
    "market": frozenset({"day", "gtc", "ioc"}),
    "limit": frozenset({"gtc", "ioc", "fok"}),
    "stop": frozenset({"gtc"}),
    "stop_limit": frozenset({"gtc"}),
}
_STATES: Mapping[str, VenueState] = {
    "NEW": "accepted",
    "PENDING_NEW": "accepted",
    "PENDING_CANCEL": "accepted",
    "PARTIALLY_FILLED": "partially_filled",
    "FILLED": "filled",
    "CANCELED": "cancelled",
    "REJECTED": "rejected",
    "EXPIRED": "expired",
    "EXPIRED_IN_MATCH": "expired",
}
_WORKING: frozenset[VenueState] = frozenset({"accepted", "partially_filled"})
_LISTING_LASTS = timedelta(days=1)
_SMALLEST_STEP = Decimal("0.00000001")
_DUPLICATE, _NO_SUCH_ORDER, _ARCHIVED = -2010, -2013, -2026


@dataclass(frozen=True, slots=True)
class _Market:
    """Hold what one pair of coins trades by."""

    name: str
    base: str
    is_open: bool
    rules: VenueRules
    least: Decimal
    most: Decimal
    least_applies_to_market: bool


class Binance:
    """Send orders in coins under the desk's id, from a test account or one switched to live.

    The venue refuses an id only while an order of that id is open; once that has ended it takes the id again. So what
    was sent and not answered is never sent again: it is asked for by its id. Quantities and prices are sent as they
    were approved or not at all; the smallest value of an order is checked here, as the client library does not. An
    account of the desk has the vendor's number of it (`uid`) as its id.
    """

    deduplicates = False
    rests_stops = False
    page = 1000
    """Trades of an order that one answer holds at most."""

    def __init__(
        self,
        session: BinanceSession,
        instruments: Instruments,
        clock: Clock,
        *,
        is_paper: bool,
        may_trade_live: Callable[[str], bool] = lambda account_id: False,
    ) -> None:
        self._session = session
        self._instruments = instruments
        self._clock = clock
        self._is_paper = is_paper
        self._may_trade_live = may_trade_live
        self._markets: dict[str, _Market] = {}
        self._listed_at: datetime | None = None
        self._number = ""
        self._market_of: dict[str, str] = {}
        self._ended: dict[str, tuple[Execution, ...]] = {}

    def rules(self, symbol: str) -> VenueRules:
        """Return in which steps, from which value on and how long an instrument trades here; raise UnknownName."""
        return self._market(symbol).rules

    def submit(self, ticket: OrderTicket) -> VenueOrder:
        """Send an order and return the venue's word; a refusal before or after it left is a rejection."""
        refusal = self._refusal(ticket)
        if refusal:
            return VenueOrder(
                client_order_id=ticket.client_order_id, venue_order_id="", state="rejected", reason=refusal
            )
        market = self._market(ticket.symbol)
        self._market_of[ticket.client_order_id] = market.name
        try:
            return _word(self._session.ask("private_post_order", **_parameters(ticket, market)))
        except BinanceRefusal as error:
            if error.number == _DUPLICATE:
                # The code has many reasons; one of them is that an order of this id is open.
                found = self.find(ticket.account_id, ticket.client_order_id)
                if found is not None:
                    return found
            return VenueOrder(
                client_order_id=ticket.client_order_id, venue_order_id="", state="rejected", reason=str(error)
            )

    def cancel(self, account_id: str, client_order_id: str) -> VenueOrder:
        """Ask for a cancel and return what the venue says of the order after it."""
        order = self._order(account_id, client_order_id)
        if order is None:
            raise OutcomeUnknown(f"Binance has no order {client_order_id}.")
        if _state(order) in _WORKING:
            # One that ended meanwhile is refused: what became of it is asked for below.
            with contextlib.suppress(BinanceRefusal):
                self._session.ask(
                    "private_delete_order", symbol=str(order["symbol"]), origClientOrderId=client_order_id
                )
            order = self._order(account_id, client_order_id)
            if order is None:
                raise OutcomeUnknown(f"Binance has no order {client_order_id} any more.")
        return _word(order, client_order_id)

    def find(self, account_id: str, client_order_id: str) -> VenueOrder | None:
        """Return the venue's order of this id."""
        order = self._order(account_id, client_order_id)
        return None if order is None else _word(order, client_order_id)

    def executions(self, account_id: str, client_order_ids: Sequence[str]) -> Sequence[Execution]:
        """Return the trades of these orders; those of an ended order are asked for until they add up, then kept."""
        found: list[Execution] = []
        for name in client_order_ids:
            parts = self._ended.get(name)
            if parts is None:
                parts = self._trades(account_id, name)
            found += parts
        return found

    def account(self, account_id: str) -> VenueAccount:
        """Return open orders, coins and cash of the account that the key is of."""
        told, coins = self._told(account_id), self._coins()
        cash: dict[str, Decimal] = {}
        positions: dict[int, Decimal] = {}
        unmapped = []
        for part in told["balances"]:
            quantity = Decimal(part["free"]) + Decimal(part["locked"])
            if part["asset"] == QUOTE:
                cash[QUOTE] = quantity
            elif quantity:
                instrument_id = coins.get(str(part["asset"]))
                if instrument_id is None:
                    unmapped.append(f"{quantity.normalize():f} {part['asset']}")
                else:
                    positions[instrument_id] = quantity.normalize()
        rows = self._session.ask("private_get_openorders")
        orders = tuple(_open_order(row, coins.get(str(row["symbol"]).removesuffix(QUOTE))) for row in rows)
        return VenueAccount(
            open_orders=orders,
            positions=positions,
            cash=cash or {QUOTE: Decimal(0)},
            unmapped=tuple(unmapped),
            is_paper=self._is_paper,
        )

    def _told(self, account_id: str) -> Any:
        """Return what the venue says of the account, after checking that it is the one that is asked for."""
        told = self._session.ask("private_get_account")
        self._number = str(told.get("uid", ""))
        if self._number != account_id:
            raise Unavailable(f"This key is of the account {self._number}, not of {account_id}.")
        return told

    def _refusal(self, ticket: OrderTicket) -> str:
        """Return why this order must not leave here, checked before anything is sent."""
        if self._clock.mode != "live":
            return "The desk replays the past; orders leave for Binance only on a live clock."
        try:
            if self._number != ticket.account_id:
                self._told(ticket.account_id)
            if not self._is_paper and not self._may_trade_live(ticket.account_id):
                return f"Account {ticket.account_id} trades real money and is not switched to live."
            market = self._market(ticket.symbol)
            return self._broken_rule(ticket, market)
        except UnknownName as error:
            return f"{error} Nothing was sent."
        except (OutcomeUnknown, BinanceRefusal) as error:
            raise Unavailable(f"What {ticket.symbol} trades by is not known, so nothing was sent. {error}") from error

    def _broken_rule(self, ticket: OrderTicket, market: _Market) -> str:
        rules = market.rules
        if not market.is_open:
            return f"{market.name} does not trade at Binance now; nothing was sent."
        if ticket.linked_to:
            return "Binance keeps no linked pair of plain orders: both would need the same coins. Nothing was sent."
        if not market.least <= ticket.quantity <= market.most:
            return f"{market.name} trades from {market.least:f} to {market.most:f}, not {ticket.quantity:f}."
        reference = ticket.limit_price or ticket.stop_price
        if reference is None and market.least_applies_to_market:
            reference = Decimal(self._session.ask("public_get_avgprice", symbol=market.name)["price"])
        return rules.objection(
            market.name,
            quantity=ticket.quantity,
            order_type=ticket.order_type,
            time_in_force=ticket.time_in_force,
            prices=[price for price in (ticket.limit_price, ticket.stop_price) if price is not None],
            reference=reference,
        )

    def _market(self, symbol: str) -> _Market:
        """Return the market in which a symbol trades, asked for once a day; raise UnknownName."""
        now = self._clock.wall()
        if self._listed_at is None or now - self._listed_at > _LISTING_LASTS:
            listing = self._session.ask("public_get_exchangeinfo", permissions="SPOT")
            self._markets = {
                part["symbol"]: _read_market(part) for part in listing["symbols"] if part["quoteAsset"] == QUOTE
            }
            self._listed_at = now
        instrument = self._instruments.find(symbol)
        name = instrument.vendor_symbols.get("binance") or symbol.replace("-USD", QUOTE)
        if instrument.asset_class != "crypto" or name not in self._markets:
            raise UnknownName("market at Binance", symbol)
        return self._markets[name]

    def _order(self, account_id: str, client_order_id: str) -> Any:
        """Return the venue's row of an order, None when it has none in any market of the desk."""
        if self._number != account_id:
            self._told(account_id)
        known = self._market_of.get(client_order_id)
        for name in [known] if known else self._names():
            try:
                row = self._session.ask("private_get_order", symbol=name, origClientOrderId=client_order_id)
            except BinanceRefusal as error:
                if error.number == _ARCHIVED:
                    return {"symbol": name, "clientOrderId": client_order_id, "status": "CANCELED", "orderId": ""}
                if error.number == _NO_SUCH_ORDER:
                    continue
                raise
            self._market_of[client_order_id] = name
            return row
        return None

    def _names(self) -> list[str]:
        """Return the markets of the coins that the desk knows: an order of another desk process may be in any."""
        return [f"{coin}{QUOTE}" for coin in self._coins()]

    def _coins(self) -> dict[str, int]:
        """Return the instruments of the desk that trade here, by the venue's name of the coin."""
        found = {}
        for instrument in self._instruments.list(asset_class="crypto"):
            with contextlib.suppress(UnknownName):
                found[self._market(instrument.symbol).base] = instrument.instrument_id
        return found

    def _trades(self, account_id: str, client_order_id: str) -> tuple[Execution, ...]:
        order = self._order(account_id, client_order_id)
        if order is None or not order["orderId"] or not Decimal(order["executedQty"]):
            return ()
        parts = tuple(self._execution(row, client_order_id) for row in self._pages(order))
        if _state(order) not in _WORKING and sum(part.quantity for part in parts) == Decimal(order["executedQty"]):
            self._ended[client_order_id] = parts
        return parts

    def _pages(self, order: Any) -> Iterator[Any]:
        """Yield the rows of an order's trades: a page has so many at most, and a large order has more."""
        asked = {"symbol": str(order["symbol"]), "orderId": str(order["orderId"]), "limit": str(self.page)}
        start = 0
        while True:
            # Without a first number the newest trades come, and the older ones never.
            rows = self._session.ask("private_get_mytrades", **asked, fromId=str(start))
            yield from rows
            if len(rows) < self.page:
                return
            start = int(rows[-1]["id"]) + 1

    def _execution(self, row: Any, client_order_id: str) -> Execution:
        price, quantity, commission = Decimal(row["price"]), Decimal(row["qty"]), Decimal(row["commission"])
        moment = datetime.fromtimestamp(int(row["time"]) / 1000, UTC)
        base = str(row["symbol"]).removesuffix(QUOTE)
        asset = str(row["commissionAsset"])
        note = f"trade {row['id']} of {row['symbol']}"
        if asset not in (base, QUOTE) and commission:
            note += f"; its commission of {commission.normalize():f} {asset} was taken from what is held of it"
        in_kind = commission if asset == base else Decimal(0)
        return Execution(
            execution_id=f"{row['symbol']}-{row['id']}",
            client_order_id=client_order_id,
            quantity=quantity.normalize(),
            price=price.normalize(),
            fee=commission if asset == QUOTE else in_kind * price,
            fee_quantity=in_kind.normalize(),
            currency=QUOTE,
            session=moment.date(),
            executed_at=moment,
            note=note,
        )


def _open_order(row: Any, instrument_id: int | None) -> VenueOpenOrder:
    side: Side = "buy" if row["side"] == "BUY" else "sell"
    return VenueOpenOrder(
        venue_order_id=str(row["orderId"]),
        client_order_id=str(row["clientOrderId"]),
        instrument_id=instrument_id,
        symbol=str(row["symbol"]),
        side=side,
        quantity=Decimal(row["origQty"]).normalize(),
        filled_quantity=Decimal(row["executedQty"]).normalize(),
    )


def _read_market(part: Any) -> _Market:
    """Return the rules in one entry of the list of markets."""
    filters = {row["filterType"]: row for row in part["filters"]}
    size, price = filters["LOT_SIZE"], filters["PRICE_FILTER"]
    notional = filters.get("NOTIONAL") or filters.get("MIN_NOTIONAL") or {}
    return _Market(
        name=part["symbol"],
        base=part["baseAsset"],
        is_open=part["status"] == "TRADING",
        rules=VenueRules(
            # A step of 0 says that there is none of its own.
            lot=Decimal(size["stepSize"]).normalize() or _SMALLEST_STEP,
            tick=Decimal(price["tickSize"]).normalize() or _SMALLEST_STEP,
            least_value=Decimal(notional.get("minNotional", "0")).normalize(),
            currency=QUOTE,
            times_in_force=_TIMES,
            links_pairs=False,
        ),
        least=Decimal(size["minQty"]).normalize(),
        most=Decimal(size["maxQty"]).normalize(),
        least_applies_to_market=bool(notional.get("applyMinToMarket", notional.get("applyToMarket", True))),
    )


def _parameters(ticket: OrderTicket, market: _Market) -> dict[str, str]:
    found = {
        "symbol": market.name,
        "side": ticket.side.upper(),
        "type": _TYPES[ticket.order_type],
        "quantity": _plain(ticket.quantity),
        "newClientOrderId": ticket.client_order_id,
        "newOrderRespType": "RESULT",
    }
    if ticket.limit_price is not None:
        found["price"] = _plain(ticket.limit_price)
        found["timeInForce"] = ticket.time_in_force.upper()
    if ticket.stop_price is not None:
        found["stopPrice"] = _plain(ticket.stop_price)
    return found


def _state(row: Any) -> VenueState:
    found = _STATES.get(str(row.get("status")))
    if found is None:
        raise OutcomeUnknown(f"Binance gives an order the status {row.get('status')!r}, which is not known here.")
    return found


def _word(row: Any, client_order_id: str = "") -> VenueOrder:
    """Return the venue's word; a cancelled order answers to the id that its cancel was sent under."""
    name = client_order_id or str(row.get("clientOrderId", ""))
    state = _state(row)
    reason = f"Binance: {row['status']}" if state in ("rejected", "expired") else ""
    return VenueOrder(client_order_id=name, venue_order_id=str(row["orderId"]), state=state, reason=reason)


def _plain(value: Decimal) -> str:
    return format(value.normalize(), "f")
