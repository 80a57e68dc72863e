"""Hold what Binance's spot exchange says: symbols and filters, orders and trades, shapes of replies, refusals."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Any, NamedTuple

QUOTE = "USDT"
COMMISSION = Decimal("0.001")
MINIMUM_NOTIONAL = Decimal(5)
MOST_ORDERS = 200
ZERO = Decimal(0)
EIGHT_PLACES = Decimal("0.00000001")
HIGHEST_PRICE = Decimal(1_000_000)
_NUMBER = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?")
CLIENT_ID = re.compile(r"[.A-Z:/a-z0-9_-]{1,36}")


class SymbolRules(NamedTuple):
    """Hold the filters of one symbol; the smallest price and quantity are one tick and one step."""

    base: str
    tick: Decimal
    step: Decimal
    most: Decimal
    most_at_market: Decimal


SYMBOLS = {
    "BTCUSDT": SymbolRules("BTC", Decimal("0.01"), Decimal("0.00001"), Decimal(9000), Decimal(120)),
    "ETHUSDT": SymbolRules("ETH", Decimal("0.01"), Decimal("0.0001"), Decimal(9000), Decimal(2400)),
    "SOLUSDT": SymbolRules("SOL", Decimal("0.01"), Decimal("0.001"), Decimal(90_000), Decimal(24_000)),
    "DOGEUSDT": SymbolRules("DOGE", Decimal("0.00001"), Decimal(1), Decimal(9_000_000), Decimal(4_000_000)),
}
# What must come with each type beside symbol, side, type and quantity; what is not named must not come.
ORDER_TYPES: dict[str, tuple[str, ...]] = {
    "LIMIT": ("timeInForce", "price"),
    "LIMIT_MAKER": ("price",),
    "MARKET": (),
    "STOP_LOSS": ("stopPrice",),
    "STOP_LOSS_LIMIT": ("timeInForce", "price", "stopPrice"),
    "TAKE_PROFIT": ("stopPrice",),
    "TAKE_PROFIT_LIMIT": ("timeInForce", "price", "stopPrice"),
}


@dataclass(frozen=True, slots=True)
class VenueTrade:
    """Hold one trade of an order."""

    trade_id: int
    quantity: Decimal
    price: Decimal
    quote: Decimal
    commission: Decimal
    commission_asset: str
    moment: datetime
    maker: bool


@dataclass(slots=True)
class VenueSideOrder:
    """Hold one order as the exchange has it; `held_at` is the price at which a buy locks cash."""

    order_id: int
    client_order_id: str
    symbol: str
    side: str
    type: str
    quantity: Decimal
    limit: Decimal | None
    stop: Decimal | None
    time_in_force: str
    held_at: Decimal
    placed: datetime
    updated: datetime
    working_since: datetime | None = None
    status: str = "NEW"
    trades: list[VenueTrade] = field(default_factory=list)

    @property
    def executed(self) -> Decimal:
        """Return the quantity that traded."""
        return sum((part.quantity for part in self.trades), ZERO)

    @property
    def left(self) -> Decimal:
        """Return the quantity that has not traded."""
        return self.quantity - self.executed

    @property
    def is_open(self) -> bool:
        """Return whether the order can still trade."""
        return self.status in ("NEW", "PARTIALLY_FILLED")


class Refused(Exception):
    """Refuse a request with a documented code."""

    def __init__(self, code: int, text: str, status: int = 400) -> None:
        super().__init__(text)
        self.reply = Reply(status, {"code": code, "msg": text})


@dataclass(frozen=True, slots=True)
class Reply:
    """Hold what is sent back; content that is bytes goes as it is, and `cut` sends nothing and hangs up."""

    status: int = 200
    content: Any = b""
    headers: tuple[tuple[str, str], ...] = ()
    content_type: str = "application/json;charset=UTF-8"
    cut: bool = False

    def encoded(self) -> bytes:
        """Return the body."""
        return self.content if isinstance(self.content, bytes) else json.dumps(self.content).encode()


def described(name: str, rules: SymbolRules) -> dict[str, Any]:
    """Return a symbol as exchangeInfo lists it."""
    yes = ("isSpotTradingAllowed", "otoAllowed", "opoAllowed")
    no = ("quoteOrderQtyMarketAllowed", "icebergAllowed", "ocoAllowed", "allowTrailingStop", "cancelReplaceAllowed",
          "amendAllowed", "pegInstructionsAllowed", "isMarginTradingAllowed")  # fmt: skip
    places = ("baseAssetPrecision", "quotePrecision", "quoteAssetPrecision", "baseCommissionPrecision",
              "quoteCommissionPrecision")  # fmt: skip
    return {
        "symbol": name, "status": "TRADING", "baseAsset": rules.base, "quoteAsset": QUOTE,
        **dict.fromkeys(places, 8), "orderTypes": list(ORDER_TYPES),
        **dict.fromkeys(yes, True), **dict.fromkeys(no, False),
        "filters": [
            {"filterType": "PRICE_FILTER", "minPrice": text_of(rules.tick), "maxPrice": text_of(HIGHEST_PRICE),
             "tickSize": text_of(rules.tick)},
            {"filterType": "LOT_SIZE", "minQty": text_of(rules.step), "maxQty": text_of(rules.most),
             "stepSize": text_of(rules.step)},
            {"filterType": "MARKET_LOT_SIZE", "minQty": text_of(ZERO), "maxQty": text_of(rules.most_at_market),
             "stepSize": text_of(ZERO)},
            {"filterType": "NOTIONAL", "minNotional": text_of(MINIMUM_NOTIONAL), "applyMinToMarket": True,
             "maxNotional": "9000000.00000000", "applyMaxToMarket": False, "avgPriceMins": 5},
            {"filterType": "MAX_NUM_ORDERS", "maxNumOrders": MOST_ORDERS},
        ],
        "permissions": [], "permissionSets": [["SPOT"]],
        "defaultSelfTradePreventionMode": "NONE", "allowedSelfTradePreventionModes": ["NONE"],
    }  # fmt: skip


def said_of(order: VenueSideOrder) -> dict[str, Any]:
    """Return what every reply about an order says."""
    return {
        "symbol": order.symbol, "orderId": order.order_id, "orderListId": -1, "clientOrderId": order.client_order_id,
        "price": text_of(order.limit or ZERO), "origQty": text_of(order.quantity),
        "executedQty": text_of(order.executed), "origQuoteOrderQty": text_of(ZERO),
        "cummulativeQuoteQty": text_of(sum((part.quote for part in order.trades), ZERO)),
        "status": order.status, "timeInForce": order.time_in_force, "type": order.type, "side": order.side,
        "selfTradePreventionMode": "NONE",
    }  # fmt: skip


def _working_time(order: VenueSideOrder) -> int:
    return -1 if order.working_since is None else stamp_of(order.working_since)


def order_row(order: VenueSideOrder) -> dict[str, Any]:
    """Return an order as a query gives it."""
    return said_of(order) | {
        "stopPrice": text_of(order.stop or ZERO), "icebergQty": text_of(ZERO),
        "time": stamp_of(order.placed), "updateTime": stamp_of(order.updated),
        "isWorking": order.working_since is not None, "workingTime": _working_time(order),
    }  # fmt: skip


def placed_row(order: VenueSideOrder, extent: str) -> dict[str, Any]:
    """Return the reply to a new order, as ACK, RESULT or FULL."""
    told = said_of(order) | {"transactTime": stamp_of(order.placed)}
    if extent == "ACK":
        return {name: told[name] for name in ("symbol", "orderId", "orderListId", "clientOrderId", "transactTime")}
    told["workingTime"] = _working_time(order)
    if order.stop is not None:
        told["stopPrice"] = text_of(order.stop)
    if extent == "FULL":
        told["fills"] = [
            {"price": text_of(part.price), "qty": text_of(part.quantity), "commission": text_of(part.commission),
             "commissionAsset": part.commission_asset, "tradeId": part.trade_id}
            for part in order.trades
        ]  # fmt: skip
    return told


def trade_row(order: VenueSideOrder, part: VenueTrade) -> dict[str, Any]:
    """Return a trade as myTrades lists it."""
    return {
        "symbol": order.symbol, "id": part.trade_id, "orderId": order.order_id, "orderListId": -1,
        "price": text_of(part.price), "qty": text_of(part.quantity), "quoteQty": text_of(part.quote),
        "commission": text_of(part.commission), "commissionAsset": part.commission_asset, "time": stamp_of(part.moment),
        "isBuyer": order.side == "BUY", "isMaker": part.maker, "isBestMatch": True,
    }  # fmt: skip


def page(rows: list[dict[str, Any]], params: Mapping[str, str], name: str, first: str) -> list[dict[str, Any]]:
    """Return the oldest rows from a first id on, or the newest without one."""
    start, end = integer_of(params, "startTime", 0), integer_of(params, "endTime", 10**15)
    limit = min(integer_of(params, "limit", 500), 1000)
    rows = [row for row in rows if start <= row["time"] <= end]
    if first in params:
        return [row for row in rows if row[name] >= integer_of(params, first, 0)][:limit]
    return rows[:limit] if "startTime" in params else rows[-limit:]


def require(params: Mapping[str, str], *names: str) -> None:
    """Refuse a request that lacks one of the parameters."""
    for name in names:
        if not params.get(name):
            raise Refused(-1102, f"Mandatory parameter '{name}' was not sent, was empty/null, or malformed.")


def symbol_of(params: Mapping[str, str]) -> str:
    """Return the symbol a request names, which must be listed."""
    require(params, "symbol")
    if params["symbol"] not in SYMBOLS:
        raise Refused(-1121, "Invalid symbol.")
    return params["symbol"]


def number_of(params: Mapping[str, str], name: str) -> Decimal | None:
    """Return a decimal parameter, None where it was not sent."""
    if name not in params:
        return None
    if not _NUMBER.fullmatch(params[name]):
        raise Refused(-1100, f"Illegal characters found in parameter '{name}'.")
    return Decimal(params[name])


def integer_of(params: Mapping[str, str], name: str, default: int) -> int:
    """Return a whole parameter."""
    if not params.get(name, "0").isdecimal():
        raise Refused(-1100, f"Illegal characters found in parameter '{name}'.")
    return int(params.get(name, default))


def text_of(value: Decimal) -> str:
    """Return a number as replies write it."""
    return f"{value:.8f}"


def stamp_of(moment: datetime) -> int:
    """Return a moment in milliseconds."""
    return round(moment.timestamp() * 1000)
