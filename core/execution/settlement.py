"""Book what the venue executed: fills, cash, positions and daily values, each execution once."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from core.domain.as_of import AsOf
from core.domain.books import Fill, Order, OrderState
from core.domain.identifiers import content_id
from core.errors import ServiceError
from core.execution.corporate_actions import ActionBooking, put_position
from core.execution.crash_points import crash_point
from core.execution.marks import Marks
from core.execution.nav import daily_values
from core.execution.orders import AT_VENUE, OrderEvent, move
from core.execution.positions import cash_entries, money
from core.execution.stores import TradingStore, Transaction
from core.ports.broker import Broker, Execution, VenueOrder
from core.ports.clock import Clock
from core.ports.market_data import CorporateActions

_ENDED_BUT_ASKED: tuple[OrderState, ...] = ("cancelled", "expired", "rejected")
ENDED_BY = "ended by "
"""How the reason of an order begins that a person ended: what the venue executes of it after all is still asked for."""
_EVENTS: Mapping[str, OrderEvent] = {
    "accepted": "accept",
    "rejected": "reject",
    "cancelled": "cancel",
    "expired": "expire",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Settled:
    """Say what a settlement changed; `problems` are venues that did not answer and executions that do not fit."""

    fills: tuple[Fill, ...]
    orders: tuple[Order, ...]
    problems: tuple[str, ...]


class Settlement:
    """Ask the venues for executions and ends of orders and book them.

    With `actions`, splits and dividends on what is held are booked too; `withholding_ratio` of dividends received is
    kept back as tax. The made-up history of the demo book has none.
    """

    def __init__(
        self,
        store: TradingStore,
        brokers: Mapping[str, Broker],
        marks: Marks,
        clock: Clock,
        *,
        actions: CorporateActions | None = None,
        withholding_ratio: Decimal = Decimal(0),
    ) -> None:
        self._actions = None if actions is None else ActionBooking(store, actions, marks, withholding_ratio)
        self._store = store
        self._brokers = brokers
        self._marks = marks
        self._clock = clock

    def settle(self, account_id: str | None = None) -> Settled:
        """Book every new execution and end of order, then mark the accounts to the last known closes."""
        with self._store.transaction() as transaction:
            accounts = [part for part in transaction.accounts.all() if account_id in (None, part.account_id)]
        fills: list[Fill] = []
        orders: list[Order] = []
        problems: list[str] = []
        for account in accounts:
            broker = self._brokers.get(account.broker)
            if broker is not None:
                self._ask(account.account_id, broker, fills, orders, problems)
            if self._actions is not None and not account.is_demo:
                self._actions.book(account, AsOf(known=self._clock.now()))
            self.mark(account.account_id)
        return Settled(fills=tuple(fills), orders=tuple(orders), problems=tuple(problems))

    def book(self, order_id: str, execution: Execution) -> Fill | None:
        """Book one execution of an order; None when it was booked before.

        An execution beyond the order's quantity is not booked: it halts trading and is kept in the order's history.
        """
        with self._store.transaction() as transaction:
            order = transaction.orders.get(order_id, lock=True)
            booked = transaction.books.fills(order.account_id, order_id=order_id)
            if any(fill.execution_id == execution.execution_id for fill in booked):
                return None
            total = sum((fill.quantity for fill in booked), Decimal(0)) + execution.quantity
            fill = _to_fill(order, execution)
            if total > order.quantity:
                _report_overfill(transaction, order, fill, self._clock)
                return None
            transaction.books.add_fill(fill)
            transaction.books.add_cash(cash_entries(fill))
            put_position(transaction, fill.account_id, fill.instrument_id)
            event: OrderEvent = "fill_all" if total == order.quantity else "fill_part"
            transaction.orders.record(
                order,
                move(order.state, event),
                desk_time=fill.filled_at,
                filled_quantity=total,
                detail={"execution_id": fill.execution_id, "quantity": str(fill.quantity), "price": str(fill.price)},
            )
            transaction.events.put("fill.recorded", fill.fill_id)
            transaction.events.put("order.changed", order_id)
            crash_point("fill.written")
        crash_point("fill.stored")
        return fill

    def mark(self, account_id: str) -> None:
        """Store the account's value at every session close known now."""
        as_of = AsOf(known=self._clock.now())
        with self._store.transaction() as transaction:
            fills = transaction.books.fills(account_id, as_of=as_of)
            cash = transaction.books.cash(account_id, as_of=as_of)
            if not cash:
                return
            transaction.books.put_nav(account_id, daily_values(fills, cash, self._marks, as_of))

    def _ask(
        self, account_id: str, broker: Broker, fills: list[Fill], orders: list[Order], problems: list[str]
    ) -> None:
        with self._store.transaction() as transaction:
            asked = [
                *transaction.orders.all(account_id=account_id, states=sorted(AT_VENUE)),
                *transaction.orders.all(account_id=account_id, states=_ENDED_BUT_ASKED, limit=100),
            ]
        by_client_id = {
            order.client_order_id: order
            for order in asked
            if order.venue_order_id or order.state in AT_VENUE or order.reason.startswith(ENDED_BY)
        }
        if not by_client_id:
            return
        try:
            executions = broker.executions(account_id, list(by_client_id))
            crash_point("fill.read")
            for execution in executions:
                order = by_client_id.get(execution.client_order_id)
                fill = self.book(order.order_id, execution) if order else None
                if fill is not None:
                    fills.append(fill)
            for order in by_client_id.values():
                if order.state in AT_VENUE:
                    changed = self._follow(broker, order)
                    if changed is not None:
                        orders.append(changed)
        except ServiceError as error:
            problems.append(f"{account_id}: {error}")

    def _follow(self, broker: Broker, order: Order) -> Order | None:
        word = broker.find(order.account_id, order.client_order_id)
        if word is None:
            return None
        with self._store.transaction() as transaction:
            fresh = transaction.orders.get(order.order_id, lock=True)
            if fresh.state == word.state or word.state not in _EVENTS:
                return None
            changed = apply_word(transaction, fresh, word, self._clock)
            return changed if changed.state != fresh.state else None


def apply_word(transaction: Transaction, order: Order, word: VenueOrder, clock: Clock) -> Order:
    """Record the venue's word on an order; the venue's fill states wait for the executions that prove them."""
    event = _EVENTS.get(word.state, "accept")
    changed = transaction.orders.record(
        order,
        move(order.state, event),
        desk_time=clock.now(),
        reason=word.reason or None,
        venue_order_id=word.venue_order_id,
        detail={"venue_state": word.state},
    )
    if changed.state != order.state:
        transaction.events.put("order.changed", order.order_id)
    return changed


def _to_fill(order: Order, execution: Execution) -> Fill:
    return Fill(
        fill_id=content_id("fil", order.account_id, execution.execution_id),
        execution_id=execution.execution_id,
        order_id=order.order_id,
        account_id=order.account_id,
        instrument_id=order.instrument_id,
        side=order.side,
        quantity=execution.quantity,
        price=execution.price,
        fee=money(execution.fee, execution.currency),
        fee_quantity=execution.fee_quantity,
        currency=execution.currency,
        session=execution.session,
        filled_at=execution.executed_at,
        note=execution.note,
    )


def _report_overfill(transaction: Transaction, order: Order, fill: Fill, clock: Clock) -> None:
    reason = f"the venue executed more than order {order.order_id} asked for"
    known: Sequence[str] = [
        event["detail"].get("execution_id", "") for event in transaction.orders.events(order.order_id)
    ]
    if fill.execution_id in known:
        return
    transaction.orders.record(
        order,
        move(order.state, "fill_all" if order.state == "filled" else "fill_part"),
        desk_time=clock.now(),
        detail={"overfill": True, "execution_id": fill.execution_id, "quantity": str(fill.quantity)},
    )
    transaction.accounts.set_trading_state(halted=True, reason=reason, by="settlement")
    transaction.events.put("alert.raised", order.order_id)
