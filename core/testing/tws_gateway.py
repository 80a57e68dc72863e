"""Be a Trader Workstation on loopback: its protocol, an honest account behind it, and the faults it is known for.

Frames follow the text protocol of server versions 173 to 178 as the vendor's clients decode it. What the account does
is exact: an order is taken, worked, filled and ended once; what is said about it meets the faults that a test sets.
"""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

Fault = Literal[
    "no link",
    "hanging details",
    "hanging order",
    "stale status",
    "warning after fill",
    "false cancel",
    "reports twice",
    "late commission",
    "reject",
    "locate",
    "unknown contract",
    "wrong contract",
    "corrected execution",
    "fill before word",
    "silent cancel",
    "client id in use",
]
UNSET = "1.7976931348623157E308"
NO_INTEGER = "2147483647"
CENT = Decimal("0.01")
START_CASH = Decimal(100_000)


@dataclass(slots=True)
class GatewayOrder:
    """Hold one order as the vendor has it."""

    order_id: int
    client_id: int
    perm_id: int
    symbol: str
    action: str
    quantity: Decimal
    order_type: str
    limit: str
    trigger: str
    time_in_force: str
    account: str
    reference: str
    status: str = "Submitted"
    filled: Decimal = Decimal(0)
    why: str = ""


@dataclass(slots=True)
class GatewayExecution:
    """Hold one execution as the vendor has it."""

    number: int
    order: GatewayOrder
    quantity: Decimal
    price: Decimal
    commission: Decimal
    moment: datetime
    total: Decimal
    version: int = 1

    @property
    def name(self) -> str:
        """Return the execution id; its last part counts corrections."""
        return f"0000e0d5.{self.number:08x}.01.{self.version:02}"


@dataclass(slots=True)
class GatewayAccount:
    """Hold what the vendor knows, over any number of connections and resets."""

    name: str = "DU1234567"
    symbols: dict[str, int] = field(default_factory=lambda: {"AAA": 1001, "BBB": 1002, "CCC": 1003})
    prices: dict[str, Decimal] = field(default_factory=lambda: {"AAA": Decimal(150), "BBB": Decimal(50)})
    orders: list[GatewayOrder] = field(default_factory=list)
    executions: list[GatewayExecution] = field(default_factory=list)
    bars: list[tuple[str, float, float, float, float, float]] = field(default_factory=list)

    def positions(self) -> dict[str, Decimal]:
        """Return the signed quantity by symbol that the executions add up to."""
        held: dict[str, Decimal] = {}
        for part in self.executions:
            signed = part.quantity if part.order.action == "BUY" else -part.quantity
            held[part.order.symbol] = held.get(part.order.symbol, Decimal(0)) + signed
        return held

    def cash(self) -> Decimal:
        """Return the cash after all executions and commissions, each rounded to the cent."""
        cash = START_CASH
        for part in self.executions:
            amount = (part.quantity * part.price).quantize(CENT, rounding=ROUND_HALF_UP)
            cash += (-amount if part.order.action == "BUY" else amount) - part.commission
        return cash


class TwsGateway:
    """Serve a GatewayAccount to clients of the vendor's protocol.

    `faults` act until they are taken out, `reject` on one order. `cut_after` closes a connection once it was sent that
    many frames, `cut_before` when it asks for the message of that number; both act once.
    """

    def __init__(self, *, moment: datetime, version: int = 176, zone_hours: int = -5) -> None:
        self.account = GatewayAccount()
        self.faults: set[Fault] = set()
        self.cut_after: int | None = None
        self.cut_before: int | None = None
        self.fills_at_once = False
        self.moment = moment
        self.version = version
        self.asked: list[int] = []
        self._zone = timedelta(hours=zone_hours)
        self._next_id = 1
        self._lock = threading.RLock()
        self._lines: dict[int, GatewayLine] = {}
        self._listener: socket.socket | None = None
        self.port = 0
        self.open()

    def open(self) -> None:
        """Listen, on the port it had before if there was one."""
        self._listener = socket.create_server(("127.0.0.1", self.port))
        self.port = self._listener.getsockname()[1]
        threading.Thread(target=self._accept, args=(self._listener,), daemon=True).start()

    def close(self) -> None:
        """Stop listening and cut every connection: the nightly reset, until `open`."""
        with self._lock:
            listener, self._listener = self._listener, None
            lines, self._lines = list(self._lines.values()), {}
        if listener is not None:
            # Closing alone does not wake the thread that accepts.
            listener.shutdown(socket.SHUT_RDWR)
            listener.close()
        for line in lines:
            line.cut()

    def notice(self, number: int, text: str) -> None:
        """Say something that is about no request: 1100, 1101, 1102."""
        with self._lock:
            for line in self._lines.values():
                line.say(4, 2, -1, number, text, "")

    def fill(self, reference: str, quantity: Decimal | None = None, price: Decimal | None = None) -> None:
        """Execute a part of an order (all that is left when None) and tell, with the faults that are set."""
        with self._lock:
            order = next(part for part in self.account.orders if part.reference == reference)
            self._execute(order, quantity, price)

    def fill_all(self) -> None:
        """Execute every working market order in full."""
        with self._lock:
            for order in list(self.account.orders):
                if order.order_type == "MKT" and is_working(order):
                    self._execute(order, None, None)

    def end(self, reference: str, status: str = "Cancelled", why: str = "") -> None:
        """End what is left of an order and tell."""
        with self._lock:
            order = next(part for part in self.account.orders if part.reference == reference)
            if is_working(order):
                order.status, order.why = status, why
                self._tell_status(order)

    def correct(self, number: int, price: Decimal) -> None:
        """Correct the price of an execution: the same id with another last part."""
        with self._lock:
            part = self.account.executions[number]
            part.price, part.version = price, part.version + 1
            self._tell(lambda line: line.say(*self._execution(part, -1)))
            self._tell(lambda line: line.say(*_commission(part)))

    def _accept(self, listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            threading.Thread(target=GatewayLine(self, connection).serve, daemon=True).start()

    def greet(self, line: GatewayLine, client_id: int) -> None:
        """Start the API for a client: accounts, the next order id, the farms."""
        with self._lock:
            if client_id in self._lines or "client id in use" in self.faults:
                line.say(4, 2, -1, 326, "Unable to connect as the client id is already in use.", "")
                line.cut()
                return
            self._lines[client_id] = line
            line.client_id = client_id
            line.say(15, 1, self.account.name)
            line.say(9, 1, self._next_id)
            line.say(4, 2, -1, 2104, "Market data farm connection is OK:usfarm", "")
            line.say(4, 2, -1, 2158, "Sec-def data farm connection is OK:secdefil", "")
            if "no link" in self.faults:
                line.say(4, 2, -1, 1100, "Connectivity between IB and TWS has been lost.", "")

    def leave(self, line: GatewayLine) -> None:
        """Forget a connection."""
        with self._lock:
            if self._lines.get(line.client_id) is line:
                del self._lines[line.client_id]

    def stated_time(self) -> str:
        """Return the gateway's wall time as the handshake states it."""
        return f"{self.moment + self._zone:%Y%m%d %H:%M:%S} Standard Time"

    def answer(self, line: GatewayLine, fields: Sequence[str]) -> None:
        """Answer one message of a client."""
        kind = int(fields[0])
        with self._lock:
            self.asked.append(kind)
            if self.cut_before is not None and len(self.asked) == self.cut_before:
                self.cut_before = None
                line.cut()
                return
            handlers: dict[int, Callable[[GatewayLine, Sequence[str]], None]] = {
                3: self._place,
                4: self._cancel,
                7: self._tell_executions,
                9: self.tell_contract,
                16: self._tell_open,
                20: self.tell_history,
                49: lambda line, _: line.say(49, 1, int(self.server_time().timestamp())),
                61: self._tell_positions,
                76: self._tell_values,
                99: self._tell_completed,
            }
            if kind in handlers:
                handlers[kind](line, fields)

    def _place(self, line: GatewayLine, fields: Sequence[str]) -> None:
        order = GatewayOrder(
            order_id=int(fields[1]),
            client_id=line.client_id,
            perm_id=600_745_656 + len(self.account.orders),
            symbol=fields[3],
            action=fields[16],
            quantity=Decimal(fields[17]),
            order_type=fields[18],
            limit=fields[19],
            trigger=fields[20],
            time_in_force=fields[21],
            account=fields[23],
            reference=fields[26],
        )
        self._next_id = max(self._next_id, order.order_id + 1)
        if "reject" in self.faults:
            self.faults.discard("reject")
            order.status, order.why = "Inactive", "Rejected by the venue"
            self.account.orders.append(order)
            line.say(4, 2, order.order_id, 201, "Order rejected - reason:Insufficient equity", "")
            return
        self.account.orders.append(order)
        if "hanging order" in self.faults:
            return
        if "locate" in self.faults:
            line.say(4, 2, order.order_id, 404, "Order held while securities are located.", "")
        if "fill before word" in self.faults:
            self._execute(order, None, None, with_status=False)
            return
        if "false cancel" in self.faults:
            line.say(4, 2, order.order_id, 10349, "Order TIF was set to DAY based on order preset.", "")
            line.say(*status_frame(order, "Cancelled"))
        self._tell(lambda other: other.say(*open_frame(order, self.version)))
        self._tell_status(order)
        if self.fills_at_once:
            self._execute(order, None, None)

    def _cancel(self, line: GatewayLine, fields: Sequence[str]) -> None:
        order = self._own(line, int(fields[2]))
        if "silent cancel" in self.faults:
            return
        if order is None:
            line.say(4, 2, fields[2], 10147, "OrderId that needs to be cancelled is not found.", "")
        elif not is_working(order):
            line.say(4, 2, fields[2], 161, "Cancel attempted when order is not in a cancellable state.", "")
        else:
            order.status = "Cancelled"
            line.say(4, 2, fields[2], 202, "Order Canceled - reason:", "")
            self._tell_status(order)

    def _own(self, line: GatewayLine, order_id: int) -> GatewayOrder | None:
        for order in self.account.orders:
            if (order.client_id, order.order_id) == (line.client_id, order_id):
                return order
        return None

    def _execute(
        self, order: GatewayOrder, quantity: Decimal | None, price: Decimal | None, *, with_status: bool = True
    ) -> None:
        left = order.quantity - order.filled
        done = min(quantity or left, left)
        if done <= 0 or not is_working(order):
            return
        order.filled += done
        order.status = "Filled" if order.filled == order.quantity else "Submitted"
        part = GatewayExecution(
            number=len(self.account.executions) + 1,
            order=order,
            quantity=done,
            price=price or self.account.prices.get(order.symbol, Decimal(100)),
            commission=Decimal("1.00"),
            moment=self.moment,
            total=order.filled,
        )
        self.account.executions.append(part)
        for _ in range(2 if "reports twice" in self.faults else 1):
            self._tell(lambda line: line.say(*self._execution(part, -1)))
            if with_status:
                self._tell_status(order)
            if "late commission" not in self.faults:
                self._tell(lambda line: line.say(*_commission(part)))
        if "stale status" in self.faults:
            self._tell(lambda line: line.say(*status_frame(order, "Submitted")))
        if "warning after fill" in self.faults:
            self._tell(lambda line: line.say(4, 2, order.order_id, 399, "Order message: warning", ""))

    def _tell(self, tell: Callable[[GatewayLine], object]) -> None:
        for line in list(self._lines.values()):
            tell(line)

    def _tell_status(self, order: GatewayOrder) -> None:
        self._tell(lambda line: line.say(*status_frame(order)))

    def _tell_open(self, line: GatewayLine, _: Sequence[str]) -> None:
        for order in self.account.orders:
            if is_working(order):
                line.say(*open_frame(order, self.version))
                line.say(*status_frame(order))
        line.say(53, 1)

    def _tell_completed(self, line: GatewayLine, _: Sequence[str]) -> None:
        for order in self.account.orders:
            if not is_working(order):
                line.say(*completed_frame(order, self.version))
        line.say(102)

    def _tell_executions(self, line: GatewayLine, fields: Sequence[str]) -> None:
        for part in self.account.executions:
            line.say(*self._execution(part, int(fields[2])))
            if "late commission" not in self.faults:
                line.say(*_commission(part))
        line.say(55, 1, fields[2])

    def server_time(self) -> datetime:
        """Return the time on the vendor's clock."""
        return self.moment

    def tell_contract(self, line: GatewayLine, fields: Sequence[str]) -> None:
        """Answer a question for the contract of a symbol."""
        number, symbol = fields[2], fields[4]
        if "hanging details" in self.faults:
            return
        contract_id = self.account.symbols.get(symbol)
        if contract_id is None or "unknown contract" in self.faults:
            line.say(4, 2, number, 200, "No security definition has been found for the request", "")
            return
        hours = "20221129:0930-20221129:1600"
        line.say(
            *(10, number, "ZZZ" if "wrong contract" in self.faults else symbol, "STK", "", 0, "", "SMART", "USD"),
            *(symbol, "NMS", "NMS", contract_id, "0.01"),
            *("", "LMT,MKT,STP", "SMART,NASDAQ", 1, 0, f"{symbol} INC", "NASDAQ", "", "", "", "", "US/Eastern"),
            *(hours, hours, "", "", 0, 1, "", "", "26,26", "", "COMMON", "0.0001", "0.0001", "100"),
        )
        line.say(52, 1, number)

    def tell_history(self, line: GatewayLine, fields: Sequence[str]) -> None:
        """Answer a question for daily bars."""
        self.say_bars(line, fields[1], self.account.bars)

    def say_bars(self, line: GatewayLine, number: str, bars: Sequence[tuple[object, ...]]) -> None:
        """Say bars of (day, open, high, low, close, volume); the frame repeats average price and count of each."""
        line.say(17, number, "", "", len(bars), *(value for bar in bars for value in (*bar, bar[4], 10)))

    def _tell_positions(self, line: GatewayLine, _: Sequence[str]) -> None:
        for symbol, quantity in self.account.positions().items():
            contract = (self.account.symbols[symbol], symbol, "STK", "", "0.0", "", "", "NASDAQ", "USD", symbol, "NMS")
            line.say(61, 3, self.account.name, *contract, quantity, "100.0")
        line.say(62, 1)

    def _tell_values(self, line: GatewayLine, fields: Sequence[str]) -> None:
        number = fields[2]
        for tag, value, currency in (
            ("AccountType", "INDIVIDUAL", ""),
            ("CashBalance", str(self.account.cash()), "USD"),
            ("CashBalance", str(self.account.cash()), "BASE"),
            ("NetLiquidation", "100000.00", "USD"),
        ):
            line.say(73, 1, number, self.account.name, "", tag, value, currency)
        line.say(74, 1, number)

    def _execution(self, part: GatewayExecution, number: int) -> tuple[object, ...]:
        order = part.order
        # The vendor's older servers state no zone: the time is the gateway's own.
        local = f"{part.moment.astimezone(UTC) + self._zone:%Y%m%d  %H:%M:%S}"
        side = "BOT" if order.action == "BUY" else "SLD"
        frame = (
            *(11, number, order.order_id, self.account.symbols[order.symbol], order.symbol, "STK", "", "0.0", "", ""),
            *("IEX", "USD", order.symbol, "NMS", part.name, local, order.account, "IEX", side, part.quantity),
            *(part.price, order.perm_id, order.client_id, 0, part.total, part.price, order.reference, "", "", "", 2),
        )
        return (*frame, 0) if self.version >= 178 else frame


class GatewayLine:
    """Serve one connection."""

    def __init__(self, gateway: TwsGateway, connection: socket.socket) -> None:
        self._gateway = gateway
        self._connection = connection
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._sent = 0
        self.client_id = -1

    def serve(self) -> None:
        """Agree on a version and answer until the line ends."""
        stream = self._connection.makefile("rb")
        try:
            if stream.read(4) != b"API\0":
                return
            _read_frame(stream)
            self.say(self._gateway.version, self._gateway.stated_time())
            while (fields := _read_frame(stream)) is not None:
                if fields[0] == "71":
                    self._gateway.greet(self, int(fields[2]))
                else:
                    self._gateway.answer(self, fields)
        except OSError:
            pass
        finally:
            self._gateway.leave(self)
            self.cut()

    def say(self, *fields: object) -> None:
        """Send one frame, unless the connection is cut before it."""
        limit = self._gateway.cut_after
        if limit is not None and self._sent >= limit:
            self._gateway.cut_after = None
            self.cut()
            return
        self._sent += 1
        body = "".join(f"{field}\0" for field in fields).encode()
        try:
            self._connection.sendall(struct.pack(">I", len(body)) + body)
        except OSError:
            return

    def cut(self) -> None:
        """Close the line."""
        try:
            self._connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            return


def is_working(order: GatewayOrder) -> bool:
    """Return whether the vendor works an order."""
    return order.status in ("Submitted", "PreSubmitted", "PendingSubmit")


def open_frame(order: GatewayOrder, version: int) -> tuple[object, ...]:
    """Return the openOrder message of an order."""
    unset = [UNSET] * 9
    return (
        *(5, order.order_id, 1000, order.symbol, "STK", "", 0, "?", "", "SMART", "USD", order.symbol, "NMS"),
        *(order.action, order.quantity, order.order_type, order.limit or "0.0", order.trigger or "0.0"),
        *(order.time_in_force, "", order.account, "", 0, order.reference, order.client_id, order.perm_id),
        *(0, 0, 0, "", "", "", "", "", *([""] if version < 177 else [])),
        *("", "", "", "", "", 0, "", -1, 0, "", "", "", "", "", NO_INTEGER, 0, 0, 0, "", 3, 0, 0, "", 0, 0, "", 0),
        *("None", "", 0, "", "", "", "?", 0, 0, "", 0, 0, "", "", "", "", "", 0, 0, 0, NO_INTEGER, NO_INTEGER),
        *("", "", 0, "", "IB", 0, 0, "", 0, 0, order.status, *unset, "", "", "", "", "", 0, 0, 0),
        *("None", *unset[:6], 0, "", "", "", 0, 1, 0, 0, 0, "", "", 0, "", 100, "0.02", "", ""),
    )


def completed_frame(order: GatewayOrder, version: int) -> tuple[object, ...]:
    """Return the completedOrder message of an order that has ended; it states no quantity, as the vendor's does."""
    what = f"{order.why or order.status} Size: {order.filled}"
    return (
        *(101, 1000, order.symbol, "STK", "", 0, "?", "", "SMART", "USD", order.symbol, "NMS"),
        *(order.action, 0, order.order_type, order.limit or "0.0", order.trigger or "0.0"),
        *(order.time_in_force, "", order.account, "", 0, order.reference, order.perm_id),
        *(0, 0, 0, "", "", "", "", *([""] if version < 177 else [])),
        *("", "", "", "", "", 0, "", -1, "", "", "", "", "", NO_INTEGER, 0, 0, "", 3, 0, "", 0, "None", ""),
        *(0, 0, 0, "", 0, 0, "", "", "", 0, 0, 0, NO_INTEGER, NO_INTEGER, "", "", "", "IB", 0, 0, "", 0),
        *(order.status, 0, 0, 0, UNSET, UNSET, 0, 1, 0, "", order.filled, NO_INTEGER, 0, "", 0, 0, 0),
        *("20230306 12:28:30 America/Los_Angeles", what, "", "", 0, "", ""),
    )


def status_frame(order: GatewayOrder, status: str = "") -> tuple[object, ...]:
    """Return the orderStatus message of an order."""
    left = order.quantity - order.filled
    price = 0 if not order.filled else 100
    return (
        *(3, order.order_id, status or order.status, order.filled, left, price, order.perm_id, 0, price),
        *(order.client_id, "", 0),
    )


def _commission(part: GatewayExecution) -> tuple[object, ...]:
    return (59, 1, part.name, part.commission, "USD", UNSET, UNSET, "")


def _read_frame(stream: object) -> list[str] | None:
    head: bytes = stream.read(4)  # type: ignore[attr-defined]
    if len(head) < 4:
        return None
    body: bytes = stream.read(struct.unpack(">I", head)[0])  # type: ignore[attr-defined]
    return body.decode().split("\0")[:-1] if body.endswith(b"\0") else [body.decode()]
