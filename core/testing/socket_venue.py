"""Serve a FaultVenue on loopback in a process of its own, and reach it through a real socket."""

from __future__ import annotations

import json
import os
import signal
import socket
import socketserver
import threading
import time
from collections.abc import Sequence
from dataclasses import asdict
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any, Literal

from core.domain.books import OrderType, Side
from core.errors import OutcomeUnknown, Unavailable
from core.ports.broker import Execution, OrderTicket, VenueAccount, VenueOpenOrder, VenueOrder
from core.testing.fault_venue import FaultBroker, FaultVenue, Working

ReplyFault = Literal["arrives", "lost", "delayed", "duplicated"]
REPLY_TIMEOUT_S = 0.15
LATE_S = 0.3
"""A delayed order is taken this long after it was sent, when the sender has given up waiting."""


class _Server(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True
    broker: FaultBroker
    reply: ReplyFault = "arrives"
    spared = 0
    cancels = 0
    last_submit = 0.0
    last_cancel = 0.0


class _Handler(socketserver.StreamRequestHandler):
    server: _Server

    def handle(self) -> None:
        """Answer one request of one connection; the next submit or cancel that is not spared meets the fault."""
        request = json.loads(self.rfile.readline() or "{}")
        operation = request.pop("op", "")
        fault: ReplyFault = "arrives"
        if operation in ("submit", "cancel"):
            fault = self._fault()
            setattr(self.server, f"last_{operation}", time.monotonic())
        if fault == "delayed":
            if operation == "cancel":
                # Nobody waits as shortly for the reply to a cancel as to an order: the line is cut instead.
                self.connection.shutdown(socket.SHUT_RDWR)
                fault = "lost"
            time.sleep(LATE_S)
        try:
            answer = json.dumps(_answer(self.server, operation, request), default=str).encode() + b"\n"
        except OutcomeUnknown:
            return  # a venue that does not know the order yet says nothing
        if fault != "lost":
            self.wfile.write(answer * (2 if fault == "duplicated" else 1))

    def _fault(self) -> ReplyFault:
        if self.server.spared:
            self.server.spared -= 1
            return "arrives"
        fault = self.server.reply
        if fault != "duplicated":
            self.server.reply = "arrives"
        return fault


def _answer(server: _Server, operation: str, request: dict[str, Any]) -> Any:
    broker = server.broker
    if operation in ("reset", "meet", "counts", "working", "reach"):
        return _control(server, operation, request)
    if operation == "submit":
        order = broker.venue.take(_ticket(request))
        if order.ticket.order_type == "market":
            _fill_in_parts(broker.venue, order)
        return asdict(broker.find(order.ticket.account_id, order.ticket.client_order_id))  # type: ignore[arg-type]
    account, client = request.get("account_id", ""), request.get("client_order_id", "")
    if operation == "cancel":
        server.cancels += 1
        return asdict(broker.cancel(account, client))
    if operation == "find":
        found = broker.find(account, client)
        return None if found is None else asdict(found)
    if operation == "executions":
        parts = list(broker.executions(account, request["client_order_ids"]))
        return [asdict(part) for part in (parts + parts[::-1] if server.reply == "duplicated" else parts)]
    return asdict(broker.account(account))


def _control(server: _Server, operation: str, request: dict[str, Any]) -> Any:
    """Do what a proof asks of its venue, which no desk can."""
    venue = server.broker.venue
    if operation == "reset":
        server.broker = FaultBroker(
            FaultVenue(
                deduplicates=request["deduplicates"],
                session=date.fromisoformat(request["session"]),
                opened_at=datetime.fromisoformat(request["opened_at"]),
            )
        )
        server.broker.venue.deposits = {"main": Decimal(100_000)}
        server.reply, server.spared, server.cancels = request["reply"], 0, 0
    elif operation == "meet":
        server.reply, server.spared = request["reply"], request["spared"]
    elif operation == "reach":
        for order in venue.orders:
            if order.ticket.order_type == request["order_type"]:
                _fill_in_parts(venue, order)
    elif operation == "working":
        return [
            (order.ticket.order_type, order.ticket.side, str(order.ticket.quantity - order.filled))
            for order in venue.orders
            if order.state in ("accepted", "partially_filled")
        ]
    ids = [order.ticket.client_order_id for order in venue.orders]
    return {
        "orders": len(ids),
        "ids": len(set(ids)),
        "cancels": server.cancels,
        "open": sum(order.state in ("accepted", "partially_filled") for order in venue.orders),
        "position": str(venue.positions("main").get(1, 0)),
        "cash": str(venue.cash("main")),
        "executions": sum(len(order.executions) for order in venue.orders),
        "last_submit": server.last_submit,
        "last_cancel": server.last_cancel,
    }


def _fill_in_parts(venue: FaultVenue, order: Working) -> None:
    """Execute an order at its price, a market order at 151, in two parts."""
    price = order.ticket.stop_price or order.ticket.limit_price or Decimal(151)
    for part in (Decimal("0.4"), Decimal("0.6")):
        venue.fill(order, order.ticket.quantity * part, price)


class SocketVenue:
    """Run the venue in a forked process; the desks that trade there may be killed as they like."""

    def __init__(self) -> None:
        server = _Server(("127.0.0.1", 0), _Handler)
        self.address: tuple[str, int] = server.server_address[0], server.server_address[1]  # type: ignore[assignment]
        self._process = os.fork()
        if self._process == 0:
            signal.signal(signal.SIGINT, signal.SIG_IGN)
            server.broker = FaultBroker(
                FaultVenue(deduplicates=True, session=date.min, opened_at=datetime.min.replace(tzinfo=UTC))
            )
            threading.Thread(target=server.serve_forever, daemon=True).start()
            while os.getppid() != 1:
                time.sleep(1)
            os._exit(0)
        server.server_close()

    def reset(self, *, deduplicates: bool, reply: ReplyFault, session: date, opened_at: datetime) -> None:
        """Empty the venue and say what becomes of the next reply."""
        ask(
            self.address,
            "reset",
            {
                "deduplicates": deduplicates,
                "reply": reply,
                "session": session.isoformat(),
                "opened_at": opened_at.isoformat(),
            },
        )

    def counts(self) -> dict[str, Any]:
        """Return how many orders and different ids the venue has, cancels it was asked for, and the position."""
        told: dict[str, Any] = ask(self.address, "counts", {})
        return told

    def meet(self, reply: ReplyFault, *, spared: int = 0) -> None:
        """Say what becomes of the reply to the next submit or cancel after so many that are spared."""
        ask(self.address, "meet", {"reply": reply, "spared": spared})

    def working(self) -> list[tuple[OrderType, Side, Decimal]]:
        """Return type, side and rest of every order at work."""
        return [(kind, side, Decimal(rest)) for kind, side, rest in ask(self.address, "working", {})]

    def reach(self, order_type: OrderType) -> None:
        """Let the price reach every order of a type that is at work: it is filled in two parts."""
        ask(self.address, "reach", {"order_type": order_type})

    def close(self) -> None:
        """End the venue."""
        os.kill(self._process, signal.SIGKILL)
        os.waitpid(self._process, 0)


class SocketBroker:
    """Trade at a SocketVenue: one connection for each request, a short wait for its reply."""

    rests_stops = True

    def __init__(self, address: tuple[str, int], *, deduplicates: bool) -> None:
        self._address = address
        self.deduplicates = deduplicates

    def submit(self, ticket: OrderTicket) -> VenueOrder:
        """Send an order."""
        return VenueOrder(**self._ask("submit", asdict(ticket)))

    def cancel(self, account_id: str, client_order_id: str) -> VenueOrder:
        """Ask for a cancel."""
        return VenueOrder(**self._ask("cancel", {"account_id": account_id, "client_order_id": client_order_id}))

    def find(self, account_id: str, client_order_id: str) -> VenueOrder | None:
        """Ask for an order."""
        found = self._ask("find", {"account_id": account_id, "client_order_id": client_order_id})
        return None if found is None else VenueOrder(**found)

    def executions(self, account_id: str, client_order_ids: Sequence[str]) -> Sequence[Execution]:
        """Ask for executions."""
        told = self._ask("executions", {"account_id": account_id, "client_order_ids": list(client_order_ids)})
        return [
            Execution(
                **{
                    **part,
                    **{name: Decimal(part[name]) for name in ("quantity", "price", "fee")},
                    "session": date.fromisoformat(part["session"]),
                    "executed_at": datetime.fromisoformat(part["executed_at"]),
                }
            )
            for part in told
        ]

    def account(self, account_id: str) -> VenueAccount:
        """Ask for the account."""
        told = self._ask("account", {"account_id": account_id})
        orders = [
            VenueOpenOrder(
                **{
                    **part,
                    "quantity": Decimal(part["quantity"]),
                    "filled_quantity": Decimal(part["filled_quantity"]),
                }
            )
            for part in told["open_orders"]
        ]
        return VenueAccount(
            open_orders=tuple(orders),
            positions={int(key): Decimal(value) for key, value in told["positions"].items()},
            cash={key: Decimal(value) for key, value in told["cash"].items()},
        )

    def _ask(self, operation: str, request: dict[str, Any]) -> Any:
        return ask(self._address, operation, request, timeout_s=REPLY_TIMEOUT_S)


def ask(address: tuple[str, int], operation: str, request: dict[str, Any], *, timeout_s: float = 10.0) -> Any:
    """Send one request and return the answer; raise Unavailable when it cannot leave, OutcomeUnknown without reply."""
    try:
        connection = socket.create_connection(address, timeout=10)
    except OSError as error:
        raise Unavailable("The venue cannot be reached.") from error
    with connection:
        # Only a submit is answered late on purpose; a busy machine may take longer for the rest.
        connection.settimeout(timeout_s if operation == "submit" else 10)
        try:
            connection.sendall(json.dumps({"op": operation, **request}, default=str).encode() + b"\n")
            line = connection.makefile("rb").readline()
        except OSError as error:
            raise OutcomeUnknown("The venue did not reply in time.") from error
    if not line:
        raise OutcomeUnknown("The venue closed the line without a reply.")
    return json.loads(line)


def _ticket(request: dict[str, Any]) -> OrderTicket:
    def price(name: str) -> Decimal | None:
        return None if request[name] is None else Decimal(request[name])

    return OrderTicket(
        **{
            **request,
            "quantity": Decimal(request["quantity"]),
            "limit_price": price("limit_price"),
            "stop_price": price("stop_price"),
            "desk_time": datetime.fromisoformat(request["desk_time"]),
        }
    )
