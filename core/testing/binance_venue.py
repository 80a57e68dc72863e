"""Be Binance's spot exchange on loopback: its REST interface, an honest account behind it, and its known faults.

Replies have the shapes and errors the codes of the vendor's documentation. What the account does is exact: an order is
taken, locks what it needs, trades and ends once; what a client hears of it meets the faults that a test sets.
Orders by quote quantity, order lists and icebergs are not offered, and exchangeInfo says so.
"""

from __future__ import annotations

import hashlib
import hmac
import socket
import threading
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta
from decimal import ROUND_DOWN, Decimal
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Literal
from urllib.parse import parse_qsl, urlsplit

from core.testing.binance_replies import (
    CLIENT_ID,
    COMMISSION,
    EIGHT_PLACES,
    HIGHEST_PRICE,
    MINIMUM_NOTIONAL,
    MOST_ORDERS,
    ORDER_TYPES,
    QUOTE,
    SYMBOLS,
    ZERO,
    Refused,
    Reply,
    VenueSideOrder,
    VenueTrade,
    described,
    integer_of,
    number_of,
    order_row,
    page,
    placed_row,
    require,
    said_of,
    stamp_of,
    symbol_of,
    text_of,
    trade_row,
)

Fault = Literal[
    "unavailable before", "unavailable after", "gateway html", "line cut after", "line cut before", "late order",
    "truncated reply", "rate limited", "banned", "no reads", "hidden order", "trades lag", "cancel unanswered",
]  # fmt: skip
_UNKNOWN = Reply(
    503,
    {
        "code": -1007,
        "msg": "Timeout waiting for response from backend server. Send status unknown; execution status unknown.",
    },
)
_UNAVAILABLE = Reply(503, b"Service Unavailable", content_type="text/plain")
_GATEWAY = Reply(504, b"<html><head><title>504 Gateway Time-out</title></head></html>", content_type="text/html")
_CUT = Reply(cut=True)


class BinanceVenue:
    """Serve an honest spot account over Binance's REST interface on loopback.

    Market orders wait for `fill` or `fill_all` unless `fills_at_once`. `depth` is how much of an order trades when it
    comes (all of it when None). `faults` act until they are taken out. `checks_time` is off, because clients sign with
    the machine's clock while `moment` stands still.
    """

    def __init__(self, *, moment: datetime, cash: Decimal = Decimal(100_000)) -> None:
        self.moment = moment
        self.key, self.secret, self.uid = "stand-in-key", "stand-in-secret", 354937868
        self.prices = {
            "BTCUSDT": Decimal(60_000),
            "ETHUSDT": Decimal(3000),
            "SOLUSDT": Decimal(150),
            "DOGEUSDT": Decimal("0.12"),
            # Not traded here: what a commission in BNB is worth.
            "BNBUSDT": Decimal(600),
        }
        self.balances: dict[str, Decimal] = {QUOTE: cash}
        self.orders: list[VenueSideOrder] = []
        self.faults: set[Fault] = set()
        self.asked: list[tuple[str, str]] = []
        self.commission_asset: Literal["received", "BNB"] = "received"
        self.fills_at_once = False
        self.depth: Decimal | None = None
        self.checks_time = False
        self._late: list[Mapping[str, str]] = []
        self._trade_id = 28456
        self._lock = threading.RLock()
        self._server: _Server | None = None
        self._port = 0
        self.open()

    @property
    def address(self) -> str:
        """Return where it listens."""
        return f"http://127.0.0.1:{self._port}"

    def open(self) -> None:
        """Listen, on the port it had before if there was one."""
        handler = type("Handler", (_Handler,), {"venue": self})
        self._server = _Server(("127.0.0.1", self._port), handler)
        self._port = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and cut every connection, until `open`."""
        server, self._server = self._server, None
        if server is not None:
            server.shutdown()
            server.server_close()
            server.cut()

    def fill(self, client_order_id: str, quantity: Decimal | None = None, price: Decimal | None = None) -> None:
        """Trade a part of an open order once (all that is left when None), at a fair price when none is given."""
        with self._lock:
            order = self._open_order(client_order_id)
            self._trade(order, quantity or order.left, price or self._fair_price(order))

    def fill_all(self) -> None:
        """Trade every open order of which the price is reached in full, after the stops it reaches."""
        with self._lock:
            for order in self.orders:
                if order.is_open and self._is_working(order) and self._is_reached(order):
                    self._trade(order, order.left, self.prices[order.symbol])

    def end(self, client_order_id: str, status: str = "EXPIRED") -> None:
        """End what is left of an open order without anyone asking."""
        with self._lock:
            self._end(self._open_order(client_order_id), status)

    def deliver_late(self) -> None:
        """Bring the orders that came under "late order" to the exchange now; it may refuse them."""
        with self._lock:
            late, self._late = self._late, []
            for params in late:
                try:
                    self._place(params)
                except Refused:
                    # Nobody waits for the reply any more.
                    continue

    def locked(self, asset: str) -> Decimal:
        """Return how much of an asset the open orders hold."""
        held = ZERO
        for order in self.orders:
            if order.is_open and order.side == "SELL" and SYMBOLS[order.symbol].base == asset:
                held += order.left
            elif order.is_open and order.side == "BUY" and asset == QUOTE:
                held += order.left * order.held_at
        return held

    def free(self, asset: str) -> Decimal:
        """Return how much of an asset no open order holds."""
        return self.balances.get(asset, ZERO) - self.locked(asset)

    def answer(self, method: str, target: str, key: str | None, body: str) -> Reply:
        """Answer one request."""
        parts = urlsplit(target)
        with self._lock:
            self.asked.append((method, parts.path))
            if "banned" in self.faults:
                until = stamp_of(self.moment + timedelta(minutes=2))
                text = f"Way too much request weight used; IP banned until {until}."
                return Reply(418, {"code": -1003, "msg": text}, (("Retry-After", "120"),))
            if "rate limited" in self.faults:
                text = "Too much request weight used; current limit is 6000 request weight per 1 MINUTE."
                return Reply(429, {"code": -1003, "msg": text}, (("Retry-After", "7"),))
            asked = (method, parts.path.removeprefix("/api/v3/"))
            try:
                reply = self._answer(asked, parts.query + body, key)
            except Refused as refusal:
                reply = refusal.reply
            # A reply that is lost is lost whatever it said.
            return self._spoilt(asked, reply)

    def _answer(self, asked: tuple[str, str], sent: str, key: str | None) -> Reply:
        params = dict(parse_qsl(sent))
        public: dict[tuple[str, str], Callable[[Mapping[str, str]], Any]] = {
            ("GET", "ping"): lambda _: {},
            ("GET", "time"): lambda _: {"serverTime": stamp_of(self.moment)},
            ("GET", "exchangeInfo"): self._exchange_info,
            ("GET", "ticker/price"): self._each(lambda name: {"symbol": name, "price": text_of(self.prices[name])}),
            ("GET", "ticker/24hr"): self._each(self._day),
            ("GET", "avgPrice"): self._average,
        }
        signed: dict[tuple[str, str], Callable[[Mapping[str, str]], Any]] = {
            ("GET", "account"): self._account,
            ("GET", "order"): self._order,
            ("GET", "openOrders"): self._open_orders,
            ("GET", "allOrders"): self._all_orders,
            ("GET", "myTrades"): self._my_trades,
            ("POST", "order"): self._place_unless_late,
            ("DELETE", "order"): self._cancel,
        }
        if asked in public:
            return Reply(content=public[asked](params))
        if asked not in signed:
            return Reply(404, b"<html><body>404 Not found</body></html>", content_type="text/html")
        self._check_sender(sent, params, key)
        if asked[0] == "GET" and "no reads" in self.faults:
            return _UNAVAILABLE
        if asked == ("POST", "order") and "unavailable before" in self.faults:
            return _UNAVAILABLE
        if asked == ("POST", "order") and "line cut before" in self.faults:
            return _CUT
        return Reply(content=signed[asked](params))

    def _spoilt(self, asked: tuple[str, str], reply: Reply) -> Reply:
        if asked == ("DELETE", "order") and "cancel unanswered" in self.faults:
            return _UNKNOWN
        if asked != ("POST", "order"):
            return reply
        if "unavailable after" in self.faults or "late order" in self.faults:
            return _UNKNOWN
        if "gateway html" in self.faults:
            return _GATEWAY
        if "line cut after" in self.faults:
            return _CUT
        if "truncated reply" in self.faults:
            body = reply.encoded()
            return Reply(reply.status, body[: len(body) // 2])
        return reply

    def _check_sender(self, sent: str, params: Mapping[str, str], key: str | None) -> None:
        if key != self.key:
            raise Refused(-2015, "Invalid API-key, IP, or permissions for action.", 401)
        require(params, "timestamp", "signature")
        # The signature is over the text as it was sent, not over what it means.
        text, _, signature = sent.rpartition("&signature=")
        true = hmac.new(self.secret.encode(), text.encode(), hashlib.sha256).hexdigest()
        if not hmac.compare_digest(true, signature.lower()):
            raise Refused(-1022, "Signature for this request is not valid.")
        age = stamp_of(self.moment) - integer_of(params, "timestamp", 0)
        if self.checks_time and not -1000 < age <= integer_of(params, "recvWindow", 5000):
            raise Refused(-1021, "Timestamp for this request is outside of the recvWindow.")

    def _place_unless_late(self, params: Mapping[str, str]) -> Any:
        if "late order" in self.faults:
            self._late.append(params)
            return {}
        return self._place(params)

    def _place(self, params: Mapping[str, str]) -> Any:
        order = self._checked_order(params)
        self._check_filters(order)
        self._check_account(order)
        order.order_id = 1000 + len(self.orders)
        self.orders.append(order)
        at_once = order.time_in_force in ("IOC", "FOK") or (order.type == "MARKET" and self.fills_at_once)
        if at_once and order.stop is None:
            self._trade_on_arrival(order)
        default = "FULL" if order.type in ("MARKET", "LIMIT") else "ACK"
        return placed_row(order, params.get("newOrderRespType", default))

    def _checked_order(self, params: Mapping[str, str]) -> VenueSideOrder:
        require(params, "symbol", "side", "type", "quantity")
        symbol, kind = symbol_of(params), params["type"]
        if kind not in ORDER_TYPES:
            raise Refused(-1116, "Invalid orderType.")
        if params["side"] not in ("BUY", "SELL"):
            raise Refused(-1117, "Invalid side.")
        require(params, *ORDER_TYPES[kind])
        for name in {"timeInForce", "price", "stopPrice"} - set(ORDER_TYPES[kind]):
            if name in params:
                raise Refused(-1106, f"Parameter '{name}' sent when not required.")
        if params.get("timeInForce", "GTC") not in ("GTC", "IOC", "FOK"):
            raise Refused(-1115, "Invalid timeInForce.")
        client_id = params.get("newClientOrderId", f"venue-{len(self.orders) + 1}")
        if not CLIENT_ID.fullmatch(client_id):
            raise Refused(-1100, "Illegal characters found in parameter 'newClientOrderId'.")
        limit, stop = number_of(params, "price"), number_of(params, "stopPrice")
        return VenueSideOrder(
            order_id=0,
            client_order_id=client_id,
            symbol=symbol,
            side=params["side"],
            type=kind,
            quantity=number_of(params, "quantity") or ZERO,
            limit=limit,
            stop=stop,
            time_in_force=params.get("timeInForce", "GTC"),
            held_at=limit or stop or self.prices[symbol],
            placed=self.moment,
            updated=self.moment,
            working_since=self.moment if stop is None else None,
        )

    def _check_filters(self, order: VenueSideOrder) -> None:
        rules = SYMBOLS[order.symbol]
        failures = {
            "PRICE_FILTER": any(
                price is not None and (not rules.tick <= price <= HIGHEST_PRICE or price % rules.tick)
                for price in (order.limit, order.stop)
            ),
            "LOT_SIZE": not rules.step <= order.quantity <= rules.most or order.quantity % rules.step,
            # A step of zero there means that market orders have no step of their own.
            "MARKET_LOT_SIZE": order.type == "MARKET" and order.quantity > rules.most_at_market,
            "NOTIONAL": order.quantity * (order.limit or self.prices[order.symbol]) < MINIMUM_NOTIONAL,
            "MAX_NUM_ORDERS": sum(other.is_open for other in self._of(order.symbol)) >= MOST_ORDERS,
        }
        for name, failed in failures.items():
            if failed:
                raise Refused(-1013, f"Filter failure: {name}")

    def _check_account(self, order: VenueSideOrder) -> None:
        # Only open orders keep their client order id: that of an ended one makes a second order.
        if any(other.is_open and other.client_order_id == order.client_order_id for other in self.orders):
            raise Refused(-2010, "Duplicate order sent.")
        if order.stop is not None and self._is_triggered(order):
            raise Refused(-2010, "Stop price would trigger immediately.")
        if order.type == "LIMIT_MAKER" and self._is_reached(order):
            raise Refused(-2010, "Order would immediately match and take.")
        selling = order.side == "SELL"
        needed = order.quantity if selling else order.quantity * order.held_at
        if needed > self.free(SYMBOLS[order.symbol].base if selling else QUOTE):
            raise Refused(-2010, "Account has insufficient balance for requested action.")

    def _trade_on_arrival(self, order: VenueSideOrder) -> None:
        offered = order.quantity if self.depth is None else min(order.quantity, self.depth)
        if not self._is_reached(order) or (order.time_in_force == "FOK" and offered < order.quantity):
            offered = ZERO
        if offered > 0:
            self._trade(order, offered, self.prices[order.symbol], maker=False)
        if order.is_open:
            self._end(order, "EXPIRED")

    def _trade(self, order: VenueSideOrder, quantity: Decimal, price: Decimal, maker: bool | None = None) -> None:
        worse = order.limit is not None and (price > order.limit if order.side == "BUY" else price < order.limit)
        if not 0 < quantity <= order.left or worse:
            raise ValueError(f"an exchange does not trade {quantity} at {price} for {order}")
        base = SYMBOLS[order.symbol].base
        quote = (quantity * price).quantize(EIGHT_PLACES, rounding=ROUND_DOWN)
        paid, got = ((QUOTE, quote), (base, quantity)) if order.side == "BUY" else ((base, quantity), (QUOTE, quote))
        if self.balances.get(paid[0], ZERO) < paid[1]:
            raise ValueError(f"the account has less than {paid[1]} {paid[0]}")
        asset, commission = got[0], (got[1] * COMMISSION).quantize(EIGHT_PLACES, rounding=ROUND_DOWN)
        in_bnb = (quote * COMMISSION / self.prices["BNBUSDT"]).quantize(EIGHT_PLACES, rounding=ROUND_DOWN)
        # As the real one does: without enough BNB the commission is taken from what was received.
        if self.commission_asset == "BNB" and self.balances.get("BNB", ZERO) >= in_bnb:
            asset, commission = "BNB", in_bnb
        for name, change in ((paid[0], -paid[1]), got, (asset, -commission)):
            self.balances[name] = self.balances.get(name, ZERO) + change
        self._trade_id += 1
        maker = order.limit is not None if maker is None else maker
        order.trades.append(
            VenueTrade(self._trade_id, quantity, price, quote, commission, asset, self.moment, maker)
        )  # fmt: skip
        order.working_since = order.working_since or self.moment
        self._end(order, "PARTIALLY_FILLED" if order.left else "FILLED")

    def _end(self, order: VenueSideOrder, status: str) -> None:
        order.status, order.updated = status, self.moment

    def _fair_price(self, order: VenueSideOrder) -> Decimal:
        """Return the market's price, or the order's own where the market has not come to it."""
        if order.working_since is None and order.stop is not None and not self._is_triggered(order):
            return order.limit or order.stop
        return order.limit if order.limit is not None and not self._is_reached(order) else self.prices[order.symbol]

    def _is_reached(self, order: VenueSideOrder) -> bool:
        if order.limit is None:
            return True
        price = self.prices[order.symbol]
        return price <= order.limit if order.side == "BUY" else price >= order.limit

    def _is_triggered(self, order: VenueSideOrder) -> bool:
        assert order.stop is not None
        rising = (order.side == "BUY") == order.type.startswith("STOP_LOSS")
        price = self.prices[order.symbol]
        return price >= order.stop if rising else price <= order.stop

    def _is_working(self, order: VenueSideOrder) -> bool:
        if order.working_since is None and self._is_triggered(order):
            order.working_since = order.updated = self.moment
        return order.working_since is not None

    def _of(self, symbol: str) -> list[VenueSideOrder]:
        return [order for order in self.orders if order.symbol == symbol]

    def _open_order(self, client_order_id: str) -> VenueSideOrder:
        for order in self.orders:
            if order.is_open and order.client_order_id == client_order_id:
                return order
        raise KeyError(client_order_id)

    def _named(self, params: Mapping[str, str]) -> list[VenueSideOrder]:
        symbol = symbol_of(params)
        if "orderId" not in params and "origClientOrderId" not in params:
            raise Refused(-1102, "Param 'origClientOrderId' or 'orderId' must be sent, but both were empty/null!")
        return [
            order
            for order in self._of(symbol)
            if integer_of(params, "orderId", order.order_id) == order.order_id
            and params.get("origClientOrderId", order.client_order_id) == order.client_order_id
        ]

    def _order(self, params: Mapping[str, str]) -> Any:
        found = self._named(params)
        if not found or "hidden order" in self.faults:
            raise Refused(-2013, "Order does not exist.")
        # Of several that had the client order id in turn, the newest.
        return order_row(found[-1])

    def _cancel(self, params: Mapping[str, str]) -> Any:
        found = [order for order in self._named(params) if order.is_open]
        if not found:
            raise Refused(-2011, "Unknown order sent.")
        order = found[-1]
        self._end(order, "CANCELED")
        own = params.get("newClientOrderId", f"cancel-{order.order_id}")
        told = said_of(order) | {"origClientOrderId": order.client_order_id, "clientOrderId": own}
        return told | {"transactTime": stamp_of(self.moment)}

    def _open_orders(self, params: Mapping[str, str]) -> Any:
        orders = self._of(symbol_of(params)) if "symbol" in params else self.orders
        return [order_row(order) for order in orders if order.is_open]

    def _all_orders(self, params: Mapping[str, str]) -> Any:
        return page([order_row(order) for order in self._of(symbol_of(params))], params, "orderId", "orderId")

    def _my_trades(self, params: Mapping[str, str]) -> Any:
        pairs = [(order, part) for order in self._of(symbol_of(params)) for part in order.trades]
        if "trades lag" in self.faults:
            pairs = [(order, part) for order, part in pairs if part.trade_id != self._trade_id]
        if "orderId" in params:
            pairs = [(order, part) for order, part in pairs if order.order_id == integer_of(params, "orderId", 0)]
        rows = [trade_row(order, part) for order, part in sorted(pairs, key=lambda pair: pair[1].trade_id)]
        return page(rows, params, "id", "fromId")

    def _account(self, params: Mapping[str, str]) -> Any:
        rate = text_of(COMMISSION)
        assets = sorted({QUOTE, "BNB", *(rules.base for rules in SYMBOLS.values()), *self.balances})
        return {
            "makerCommission": 10, "takerCommission": 10, "buyerCommission": 0, "sellerCommission": 0,
            "commissionRates": {"maker": rate, "taker": rate, "buyer": text_of(ZERO), "seller": text_of(ZERO)},
            "canTrade": True, "canWithdraw": False, "canDeposit": False, "brokered": False,
            "requireSelfTradePrevention": False, "preventSor": False, "updateTime": stamp_of(self.moment),
            "accountType": "SPOT",
            "balances": [
                {"asset": asset, "free": text_of(self.free(asset)), "locked": text_of(self.locked(asset))}
                for asset in assets
            ],
            "permissions": ["SPOT"], "uid": self.uid,
        }  # fmt: skip

    def _each(self, told: Callable[[str], Any]) -> Callable[[Mapping[str, str]], Any]:
        return lambda params: told(symbol_of(params)) if "symbol" in params else [told(name) for name in SYMBOLS]

    def _day(self, symbol: str) -> Any:
        price, now = text_of(self.prices[symbol]), stamp_of(self.moment)
        prices = ("weightedAvgPrice", "prevClosePrice", "lastPrice", "bidPrice", "askPrice", "openPrice", "highPrice")
        amounts = ("priceChange", "lastQty", "bidQty", "askQty", "volume", "quoteVolume")
        return {
            "symbol": symbol, "priceChangePercent": "0.000", "lowPrice": price,
            **dict.fromkeys(prices, price), **dict.fromkeys(amounts, text_of(ZERO)),
            "openTime": now - 86_400_000, "closeTime": now, "firstId": -1, "lastId": -1, "count": 0,
        }  # fmt: skip

    def _average(self, params: Mapping[str, str]) -> Any:
        return {"mins": 5, "price": text_of(self.prices[symbol_of(params)]), "closeTime": stamp_of(self.moment)}

    def _exchange_info(self, params: Mapping[str, str]) -> Any:
        names: Iterable[str] = [symbol_of(params)] if "symbol" in params else SYMBOLS
        limits = (("REQUEST_WEIGHT", "MINUTE", 1, 6000), ("ORDERS", "SECOND", 10, 100), ("ORDERS", "DAY", 1, 200_000))
        return {
            "timezone": "UTC", "serverTime": stamp_of(self.moment), "exchangeFilters": [],
            "rateLimits": [
                {"rateLimitType": kind, "interval": unit, "intervalNum": number, "limit": limit}
                for kind, unit, number, limit in limits
            ],
            "symbols": [described(name, SYMBOLS[name]) for name in names],
            "sors": [{"baseAsset": "BTC", "symbols": ["BTCUSDT"]}],
        }  # fmt: skip


class _Server(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, address: tuple[str, int], handler: type[BaseHTTPRequestHandler]) -> None:
        self._connections: set[socket.socket] = set()
        super().__init__(address, handler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Stay silent: a client that hangs up is none of the exchange's business."""

    def cut(self) -> None:
        """Cut the connections that are kept alive."""
        for connection in list(self._connections):
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                # The other side was first.
                continue


class _Handler(BaseHTTPRequestHandler):
    venue: BinanceVenue
    protocol_version = "HTTP/1.1"
    # One packet an answer: a small second one would wait for the first to be acknowledged.
    wbufsize = -1
    disable_nagle_algorithm = True

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_DELETE(self) -> None:
        self._answer()

    def log_message(self, format: str, *args: Any) -> None:
        """Stay silent."""

    def _answer(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length", 0))).decode()
        reply = self.venue.answer(self.command, self.path, self.headers.get("X-MBX-APIKEY"), body)
        if reply.cut:
            self.close_connection = True
            return
        content = reply.encoded()
        self.send_response(reply.status)
        self.send_header("Content-Type", reply.content_type)
        for name, value in reply.headers:
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def date_time_string(self, timestamp: float | None = None) -> str:
        """Return the exchange's time for the header, not the machine's."""
        return format_datetime(self.venue.moment, usegmt=True)
