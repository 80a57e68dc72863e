"""Trade on paper: orders fill from the next stored bar after they came, on the desk's clock."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_HALF_UP, Decimal

from core.adapters.store.database import Database
from core.adapters.store.paper_venue import PaperExecution, PaperOrder, PaperVenueStore
from core.domain import fill_rules
from core.domain.as_of import AsOf
from core.domain.identifiers import content_id
from core.domain.market_records import Calendar
from core.execution.marks import Marks, SessionPrice, closes_at, opens_at
from core.ports.broker import Execution, OrderTicket, VenueAccount, VenueOpenOrder, VenueOrder
from core.ports.clock import Clock

_CENT = Decimal("0.01")
_TICK = Decimal("0.0001")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Quote:
    """Say at what price and when a bar fills an order, before slippage; `at_open` or at the close."""

    price: Decimal
    at_open: bool
    slips: bool


class PaperBroker:
    """Fill whole orders from stored bars.

    A market order fills at the open of the first session that opens at or after the desk time it came, at its close
    where the source has closes only, `slippage_bps` worse. A limit order fills when a bar trades through its limit
    (low below it for a purchase; a close at it where there is nothing else), at the open when that is better, never
    worse than the limit. A stop order becomes a market order where the bar reaches
    it, a stop-limit order a limit order. A day order lives for the
    first bar after it came, `gtc` until cancelled. `fee_bps` is charged on the notional, rounded to the cent.
    """

    deduplicates = True

    def __init__(
        self,
        database: Database,
        marks: Marks,
        clock: Clock,
        *,
        fee_bps: Decimal = Decimal(1),
        slippage_bps: Decimal = Decimal(2),
    ) -> None:
        self._store = PaperVenueStore(database)
        self._marks = marks
        self._clock = clock
        self._fee_bps = fee_bps
        self._slippage_bps = slippage_bps

    def submit(self, ticket: OrderTicket) -> VenueOrder:
        """Take an order; the same client order id makes one order."""
        stored = self._store.add(
            PaperOrder(
                client_order_id=ticket.client_order_id,
                venue_order_id=f"paper-{ticket.client_order_id[2:]}",
                account_id=ticket.account_id,
                instrument_id=ticket.instrument_id,
                side=ticket.side,
                quantity=ticket.quantity,
                order_type=ticket.order_type,
                limit_price=ticket.limit_price,
                stop_price=ticket.stop_price,
                time_in_force=ticket.time_in_force,
                state="accepted",
                reason="",
                accepted_at=ticket.desk_time,
            )
        )
        return _word(stored)

    def cancel(self, account_id: str, client_order_id: str) -> VenueOrder:
        """Cancel a working order; one that has ended stays as it is."""
        self._work(account_id)
        order = self._store.find(account_id, client_order_id)
        if order is None:
            return VenueOrder(
                client_order_id=client_order_id, venue_order_id="", state="cancelled", reason="unknown here"
            )
        self._store.end(order, "cancelled", "cancelled by the desk")
        return _word(self._store.find(account_id, client_order_id) or order)

    def find(self, account_id: str, client_order_id: str) -> VenueOrder | None:
        """Return the venue's order of this id, worked up to the desk's time."""
        self._work(account_id)
        order = self._store.find(account_id, client_order_id)
        return None if order is None else _word(order)

    def executions(self, account_id: str, client_order_ids: Sequence[str]) -> Sequence[Execution]:
        """Return all executions of these orders up to the desk's time."""
        self._work(account_id)
        return [
            Execution(
                execution_id=part.execution_id,
                client_order_id=part.client_order_id,
                quantity=part.quantity,
                price=part.price,
                fee=part.fee,
                currency="USD",
                session=part.session,
                executed_at=part.executed_at,
                note=part.note,
            )
            for part in self._store.executions(account_id, client_order_ids)
        ]

    def account(self, account_id: str) -> VenueAccount:
        """Return working orders, the positions of the executions made here, and cash: what was paid in, and trades."""
        self._work(account_id)
        orders = tuple(
            VenueOpenOrder(
                venue_order_id=order.venue_order_id,
                client_order_id=order.client_order_id,
                instrument_id=order.instrument_id,
                symbol=self._marks.instrument(order.instrument_id).symbol,
                side=order.side,
                quantity=order.quantity,
                filled_quantity=Decimal(0),
            )
            for order in self._store.working(account_id)
        )
        positions = {key: held for key, held in self._store.positions(account_id).items() if held}
        return VenueAccount(open_orders=orders, positions=positions, cash=self._store.cash(account_id))

    def _work(self, account_id: str) -> None:
        """Let every bar that became known since the orders came act on them."""
        as_of = AsOf(known=self._clock.now())
        for order in self._store.working(account_id):
            calendar = self._marks.instrument(order.instrument_id).calendar
            history = self._marks.history([order.instrument_id], as_of, start=order.accepted_at.date())
            later = [
                price
                for price in history.get(order.instrument_id, [])
                if opens_at(price.session, calendar) >= order.accepted_at
            ]
            self._match(order, later, calendar)

    def _match(self, order: PaperOrder, prices: Sequence[SessionPrice], calendar: Calendar) -> None:
        waits_as_limit = order.order_type == "limit"
        for price in prices:
            quote, waits_as_limit = _quote(order, price, waits_as_limit=waits_as_limit)
            if quote is not None:
                self._store.end(order, "filled", "", self._execution(order, price, quote, calendar))
                return
            if order.time_in_force == "day":
                self._store.end(order, "expired", f"The {price.session} session did not reach the order's price.")
                return

    def _execution(self, order: PaperOrder, price: SessionPrice, quote: _Quote, calendar: Calendar) -> PaperExecution:
        direction = 1 if order.side == "buy" else -1
        slippage = self._slippage_bps / 10_000 if quote.slips else Decimal(0)
        tick = _TICK if quote.price >= 1 else _TICK * _TICK
        paid = fill_rules.slipped_price(quote.price, direction, slippage).quantize(tick, rounding=ROUND_HALF_UP)
        zero = Decimal(0)
        charge = fill_rules.commission(paid, order.quantity, self._fee_bps / 10_000, zero, zero)
        fee = charge.quantize(_CENT, rounding=ROUND_HALF_UP)
        moment: datetime = opens_at(price.session, calendar) if quote.at_open else closes_at(price.session, calendar)
        where = "open" if quote.at_open else "close"
        slipped = f", {self._slippage_bps} bps slippage" if quote.slips else ""
        note = f"Paper fill at the {where} of {price.session}{slipped}, fee {self._fee_bps} bps"
        if price.open is None:
            note += "; the source has closes only"
        if price.remark:
            note += f"; {price.remark}"
        return PaperExecution(
            execution_id=content_id("evt", "paper", order.client_order_id, price.session.isoformat()),
            client_order_id=order.client_order_id,
            quantity=order.quantity,
            price=paid,
            fee=fee,
            session=price.session,
            executed_at=moment,
            note=note + ".",
        )


def _quote(order: PaperOrder, price: SessionPrice, *, waits_as_limit: bool) -> tuple[_Quote | None, bool]:
    """Return how a bar fills the order (None: not), and whether it waits as a limit order from now on.

    A stop-limit order that a bar triggers beyond its limit waits as a limit order: what came later inside that bar is
    not known.
    """
    direction = 1 if order.side == "buy" else -1
    at_open = price.open is not None
    reference = price.open if price.open is not None else price.close
    high, low = price.high or reference, price.low or reference
    limit, stop = order.limit_price, order.stop_price
    if order.order_type == "market":
        return _Quote(price=reference, at_open=at_open, slips=True), False
    if waits_as_limit:
        assert limit is not None, "the database keeps limit orders with their limit"
        found, slips = fill_rules.limit_price(direction, limit, reference, high, low), False
    else:
        assert stop is not None, "the database keeps stop orders with their trigger"
        found, slips = fill_rules.stop_price(direction, stop, reference, high, low), limit is None
        if found and limit is not None and direction * (found - limit) > 0:
            return None, True
    quote = _Quote(price=found, at_open=at_open and found == reference, slips=slips) if found else None
    return quote, waits_as_limit


def _word(order: PaperOrder) -> VenueOrder:
    return VenueOrder(
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        state=order.state,
        reason=order.reason,
    )
