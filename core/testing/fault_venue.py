"""Be a venue that keeps honest books behind a line that loses, delays, repeats and reorders what is said."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal
from typing import Literal

from core.errors import OutcomeUnknown, Unavailable
from core.ports.broker import (
    Execution,
    OrderTicket,
    VenueAccount,
    VenueOpenOrder,
    VenueOrder,
    VenueState,
)

SubmitFault = Literal["arrives", "reply lost", "never left", "refused", "arrives late", "rejected", "fills first"]
"""What becomes of a submit: taken; taken but unanswered; lost on the way; certainly not sent; taken at the next
`deliver`; refused by the venue; filled before the reply."""
ReportFault = Literal["arrives", "silent", "twice", "reversed", "held back"]
CENT = Decimal("0.01")
ZERO = Decimal(0)


@dataclass(slots=True)
class Working:
    """Hold one order as the venue has it."""

    ticket: OrderTicket
    venue_order_id: str
    state: VenueState = "accepted"
    reason: str = ""
    executions: list[Execution] = field(default_factory=list)

    @property
    def filled(self) -> Decimal:
        """Return the quantity executed so far."""
        return sum((part.quantity for part in self.executions), ZERO)


class FaultVenue:
    """Keep orders and executions; `deduplicates` says whether an id sent twice makes one order."""

    def __init__(self, *, deduplicates: bool, session: date, opened_at: datetime) -> None:
        self.deduplicates = deduplicates
        self.orders: list[Working] = []
        self.deposits: dict[str, Decimal] = {}
        self._late: list[OrderTicket] = []
        self._session = session
        self._opened_at = opened_at
        self._number = 0
        self._lock = threading.Lock()

    def take(self, ticket: OrderTicket, *, rejected: bool = False) -> Working:
        """Take an order."""
        with self._lock:
            if self.deduplicates and (known := self.find(ticket.client_order_id)) is not None:
                return known
            self._number += 1
            state: VenueState = "rejected" if rejected else "accepted"
            order = Working(ticket=ticket, venue_order_id=f"v{self._number}", state=state)
            self.orders.append(order)
            return order

    def take_later(self, ticket: OrderTicket) -> None:
        """Let an order be on the way until `deliver`."""
        self._late.append(ticket)

    def deliver(self) -> None:
        """Take the orders that were on the way."""
        late, self._late = self._late, []
        for ticket in late:
            self.take(ticket)

    def find(self, client_order_id: str) -> Working | None:
        """Return the first order of an id."""
        return next((order for order in self.orders if order.ticket.client_order_id == client_order_id), None)

    def fill(self, order: Working, quantity: Decimal, price: Decimal, fee: Decimal = Decimal("0.35")) -> None:
        """Execute a part of a working order, even while its cancel is under way; more than is left is cut off."""
        quantity = min(quantity, order.ticket.quantity - order.filled)
        if order.state not in ("accepted", "partially_filled") or quantity <= 0:
            return
        self._number += 1
        order.executions.append(
            Execution(
                execution_id=f"x{self._number}",
                client_order_id=order.ticket.client_order_id,
                quantity=quantity,
                price=price,
                fee=fee,
                currency="USD",
                session=self._session,
                executed_at=self._opened_at + timedelta(seconds=self._number),
            )
        )
        order.state = "filled" if order.filled == order.ticket.quantity else "partially_filled"

    def end(self, order: Working, state: VenueState) -> None:
        """Cancel or expire what is left of an order."""
        if order.state in ("accepted", "partially_filled"):
            order.state = state

    def positions(self, account_id: str) -> dict[int, Decimal]:
        """Return the signed quantities that the executions add up to, flat ones left out."""
        held: dict[int, Decimal] = {}
        for order, part in self._executions(account_id):
            signed = part.quantity if order.ticket.side == "buy" else -part.quantity
            held[order.ticket.instrument_id] = held.get(order.ticket.instrument_id, ZERO) + signed
        return {key: quantity for key, quantity in held.items() if quantity}

    def cash(self, account_id: str) -> Decimal:
        """Return what was paid in and what the executions and their fees moved, each rounded to the cent."""
        moved = self.deposits.get(account_id, ZERO)
        for order, part in self._executions(account_id):
            amount = (part.quantity * part.price).quantize(CENT, rounding=ROUND_HALF_UP)
            moved += (-amount if order.ticket.side == "buy" else amount) - part.fee
        return moved

    def _executions(self, account_id: str) -> Iterator[tuple[Working, Execution]]:
        for order in self.orders:
            if order.ticket.account_id == account_id:
                for part in order.executions:
                    yield order, part


class FaultBroker:
    """Reach a FaultVenue over a line whose faults the test sets: the next submit, cancel, find and report."""

    rests_stops = True

    def __init__(self, venue: FaultVenue) -> None:
        self.venue = venue
        self.submits: list[SubmitFault] = []
        self.cancels: list[SubmitFault] = []
        self.finds: list[ReportFault] = []
        self.reports: list[ReportFault] = []
        self.sent = 0
        self.on_submit: Callable[[OrderTicket], None] = lambda ticket: None

    @property
    def deduplicates(self) -> bool:
        """Say what the venue promises."""
        return self.venue.deduplicates

    def submit(self, ticket: OrderTicket) -> VenueOrder:
        """Send an order over the line."""
        self.sent += 1
        self.on_submit(ticket)
        fault = self.submits.pop(0) if self.submits else "arrives"
        if fault == "refused":
            raise Unavailable("connection refused")
        if fault == "never left":
            raise OutcomeUnknown("no reply, and the venue never got it")
        if fault == "arrives late":
            self.venue.take_later(ticket)
            raise OutcomeUnknown("no reply yet")
        order = self.venue.take(ticket, rejected=fault == "rejected")
        if fault == "fills first":
            self.venue.fill(order, ticket.quantity, ticket.limit_price or Decimal(150))
        if fault == "reply lost":
            raise OutcomeUnknown("no reply, but the venue got it")
        return _word(order)

    def cancel(self, account_id: str, client_order_id: str) -> VenueOrder:
        """Ask for a cancel over the line."""
        fault = self.cancels.pop(0) if self.cancels else "arrives"
        if fault in ("refused", "never left", "arrives late"):
            raise OutcomeUnknown("no reply to the cancel")
        order = self.venue.find(client_order_id)
        if order is None:
            raise OutcomeUnknown("the venue does not know the order yet")
        if fault == "fills first":
            self.venue.fill(order, order.ticket.quantity, order.ticket.limit_price or Decimal(150))
        self.venue.end(order, "cancelled")
        if fault == "reply lost":
            raise OutcomeUnknown("no reply to the cancel")
        return _word(order)

    def find(self, account_id: str, client_order_id: str) -> VenueOrder | None:
        """Ask for an order."""
        if (self.finds.pop(0) if self.finds else "arrives") == "silent":
            raise OutcomeUnknown("no reply")
        order = self.venue.find(client_order_id)
        return None if order is None else _word(order)

    def executions(self, account_id: str, client_order_ids: Sequence[str]) -> Sequence[Execution]:
        """Ask for executions; the fault says what becomes of the report."""
        fault = self.reports.pop(0) if self.reports else "arrives"
        if fault == "silent":
            raise OutcomeUnknown("no reply")
        wanted = set(client_order_ids)
        parts = [
            part
            for order in self.venue.orders
            if order.ticket.account_id == account_id and order.ticket.client_order_id in wanted
            for part in order.executions
        ]
        if fault == "held back":
            return parts[: len(parts) // 2]
        if fault == "reversed":
            return parts[::-1]
        return parts + parts[::-1] if fault == "twice" else parts

    def account(self, account_id: str) -> VenueAccount:
        """Ask for the account."""
        working = tuple(
            VenueOpenOrder(
                venue_order_id=order.venue_order_id,
                client_order_id=order.ticket.client_order_id,
                instrument_id=order.ticket.instrument_id,
                symbol=order.ticket.symbol,
                side=order.ticket.side,
                quantity=order.ticket.quantity,
                filled_quantity=order.filled,
            )
            for order in self.venue.orders
            if order.ticket.account_id == account_id and order.state in ("accepted", "partially_filled")
        )
        cash: Mapping[str, Decimal] = {"USD": self.venue.cash(account_id)}
        return VenueAccount(open_orders=working, positions=self.venue.positions(account_id), cash=cash)


def _word(order: Working) -> VenueOrder:
    return VenueOrder(
        client_order_id=order.ticket.client_order_id,
        venue_order_id=order.venue_order_id,
        state=order.state,
        reason=order.reason,
    )
