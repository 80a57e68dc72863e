"""Define what a broker does for the desk; only the gateway calls it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

from core.domain.books import OrderType, Side, TimeInForce
from core.domain.trading_rules import VenueRules

VenueState = Literal["accepted", "partially_filled", "filled", "cancelled", "expired", "rejected"]


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderTicket:
    """Hold what is sent to the venue, under an id that the desk chose and stored before.

    `linked_to` is the client order id of the other order of a linked pair, empty where there is none: a venue that
    can, cancels one when anything of the other is executed; the desk cancels it in any case.
    """

    client_order_id: str
    account_id: str
    instrument_id: int
    symbol: str
    side: Side
    quantity: Decimal
    order_type: OrderType
    limit_price: Decimal | None
    stop_price: Decimal | None
    time_in_force: TimeInForce
    desk_time: datetime
    linked_to: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOrder:
    """Hold the venue's word on an order; quantities come from executions only."""

    client_order_id: str
    venue_order_id: str
    state: VenueState
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Execution:
    """Hold one execution as the venue reports it, unique by `execution_id` within the account.

    `fee_quantity` is what the venue kept of the instrument itself as its commission; `fee` is then what it was worth.
    """

    execution_id: str
    client_order_id: str
    quantity: Decimal
    price: Decimal
    fee: Decimal
    currency: str
    session: date
    executed_at: datetime
    note: str = ""
    fee_quantity: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueOpenOrder:
    """Hold one order that works at the venue, whoever sent it; `client_order_id` is empty where it carries none."""

    venue_order_id: str
    client_order_id: str
    instrument_id: int | None
    symbol: str
    side: Side
    quantity: Decimal
    filled_quantity: Decimal
    note: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueAccount:
    """Hold all the venue says of an account at one moment.

    `positions` are signed quantities by instrument, flat ones left out; `cash` by currency, None where the venue does
    not tell; `unmapped` names holdings in instruments that the desk does not know. `is_paper` is True only where the
    venue's own evidence says that no real money is behind the account.
    """

    open_orders: tuple[VenueOpenOrder, ...]
    positions: Mapping[int, Decimal]
    cash: Mapping[str, Decimal] | None
    unmapped: tuple[str, ...] = ()
    is_paper: bool = False


class Broker(Protocol):
    """Trade at a venue.

    Every method raises OutcomeUnknown when it cannot say whether its request took effect, and Unavailable when
    the request certainly never left. A definite refusal is a VenueOrder in state `rejected`, not an exception.
    """

    @property
    def deduplicates(self) -> bool:
        """Say whether sending the same client order id twice makes one order."""
        ...

    @property
    def rests_stops(self) -> bool:
        """Say whether the venue keeps stop orders until their price is reached."""
        ...

    def submit(self, ticket: OrderTicket) -> VenueOrder:
        """Send an order."""
        ...

    def cancel(self, account_id: str, client_order_id: str) -> VenueOrder:
        """Ask the venue to cancel what is left of an order and return its word."""
        ...

    def find(self, account_id: str, client_order_id: str) -> VenueOrder | None:
        """Return the venue's order of this id; None only when the venue says it has none."""
        ...

    def executions(self, account_id: str, client_order_ids: Sequence[str]) -> Sequence[Execution]:
        """Return all executions of these orders so far, in any order and possibly repeated."""
        ...

    def account(self, account_id: str) -> VenueAccount:
        """Return open orders, positions and cash; an answer that cannot be had is an exception, never an empty one."""
        ...


@runtime_checkable
class RuledBroker(Protocol):
    """Trade at a venue that takes of an instrument less than what the desk asks of all."""

    def rules(self, symbol: str) -> VenueRules:
        """Return what the venue takes; raise UnknownName for an instrument that does not trade there."""
        ...
