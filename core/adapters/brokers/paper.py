"""Trade on paper: orders fill from the next stored bar after they came, on the desk's clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal

from core.adapters.store.database import Database
from core.adapters.store.paper_venue import PaperExecution, PaperOrder, PaperState, PaperVenueStore
from core.data.calendar import session_at
from core.domain import fill_rules
from core.domain.as_of import AsOf
from core.domain.identifiers import content_id
from core.domain.market_records import Instrument
from core.domain.trading_rules import whole_lots
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
    """Fill orders from stored bars.

    A market order fills at the open of the first session that opens at or after the desk time it came, at its close
    where the source has closes only, `slippage_bps` worse. A limit order fills when a bar trades through its limit
    (low below it for a purchase; a close at it where there is nothing else), at the open when that is better, never
    worse than the limit. A stop order becomes a market order where the bar reaches it, a stop-limit order a limit
    order. What comes to an exchange while a session runs meets only the close of that session: what the bar did before
    is over. A bar fills at most `participation` of its volume in whole lots (0: any size); the rest of a triggered stop
    is a market order.

    A day order ends at the close of its session by the exchange's calendar; `ioc` trades what it can at its first
    price and `fok` the whole there or nothing; `gtc` waits until cancelled. What is executed of one order of a linked
    pair cancels the other; a bar that reaches both fills the stop, unless it opens beyond the limit. `fee_bps` is
    charged on the notional of each execution, rounded to the cent.
    """

    deduplicates = True
    rests_stops = True

    def __init__(
        self,
        database: Database,
        marks: Marks,
        clock: Clock,
        *,
        fee_bps: Decimal = Decimal(1),
        slippage_bps: Decimal = Decimal(2),
        participation: Decimal = Decimal(0),
    ) -> None:
        self._store = PaperVenueStore(database)
        self._marks = marks
        self._clock = clock
        self._fee_bps = fee_bps
        self._slippage_bps = slippage_bps
        self._participation = participation

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
                linked_to=ticket.linked_to,
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
        self._store.change(order, "cancelled", "cancelled by the desk")
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
                filled_quantity=order.filled_quantity,
            )
            for order in self._store.working(account_id)
        )
        positions = {key: held for key, held in self._store.positions(account_id).items() if held}
        return VenueAccount(open_orders=orders, positions=positions, cash=self._store.cash(account_id), is_paper=True)

    def _work(self, account_id: str) -> None:
        """Let every bar that became known since the orders came act on them."""
        now = self._clock.now()
        left = {order.client_order_id: order for order in self._store.working(account_id)}
        while left:
            _, order = left.popitem()
            other = left.pop(order.linked_to, None)
            self._match([order] if other is None else [order, other], now)

    def _match(self, orders: list[PaperOrder], now: datetime) -> None:
        """Take an order, or the two of a pair, through the sessions up to now."""
        instrument = self._marks.instrument(orders[0].instrument_id)
        start = min(order.accepted_at for order in orders).date()
        works = [_Work(order, instrument) for order in orders]
        traded = self._store.last_sessions([order.client_order_id for order in orders])
        split = self._store.split_day(instrument.instrument_id, max(start, *(work.began for work in works)))
        known = AsOf(known=now)
        if split is not None and datetime.combine(split, time(0), UTC) <= now:
            # Prices as they were before it: afterwards they are read in other shares than the orders are for.
            known = AsOf(known=datetime.combine(split, time(0), UTC) - timedelta(seconds=1))
        bars = self._marks.history([instrument.instrument_id], known, start=start)
        for price in bars.get(instrument.instrument_id, []):
            works = self._trade([work for work in works if not work.is_over], price, traded)
            for work in works:
                if work.ends_with <= price.session and not work.is_over:
                    self._end(work, *work.ending)
        for work in works:
            if not work.is_over and known.known < now:
                self._end(work, "cancelled", f"A split took effect on {split}.")
            # The bars of a session come by the close of the next one: without any, nothing traded in it.
            if not work.is_over and work.ends_with != date.max and now >= _close_after(work.ends_with, instrument):
                self._end(work, *work.ending)

    def _trade(self, works: list[_Work], price: SessionPrice, traded: Mapping[str, date]) -> list[_Work]:
        """Let a bar fill what it reaches, and return the orders that are left of an order or a pair."""
        quotes = []
        for work in works:
            done = traded.get(work.order.client_order_id)
            seen = work.seen(price, is_done=done is not None and price.session <= done)
            if seen is not None and (quote := work.quote(seen)) is not None:
                quotes.append((work, seen, quote))
        if not quotes:
            return works
        # A pair trades once: the limit where the bar opens beyond it, else the stop, which is the worse.
        work, seen, quote = min(quotes, key=lambda part: _turn(part[0].order, part[2]))
        before = work.order.filled_quantity
        if not self._fill(work, seen, quote):
            return []
        return [work] if work.order.filled_quantity > before else works

    def _fill(self, work: _Work, price: SessionPrice, quote: _Quote) -> bool:
        """Execute what the bar has for the order; return whether the order was still as it was."""
        order, wanted = work.order, work.order.quantity - work.order.filled_quantity
        quantity = wanted
        if self._participation:
            found = fill_rules.fillable_shares(wanted, price.volume or Decimal(0), self._participation)
            quantity = whole_lots(found, work.instrument.asset_class)
        if not quantity or (order.time_in_force == "fok" and quantity < wanted):
            return True
        state: PaperState = "filled" if quantity == wanted else "accepted"
        execution = self._execution(work, quantity, price, quote)
        work.order = replace(order, state=state, filled_quantity=order.filled_quantity + quantity)
        return self._store.change(order, state, "", execution)

    def _end(self, work: _Work, state: PaperState, reason: str) -> None:
        """End what is left of an order."""
        order = work.order
        work.order = replace(order, state=state)
        self._store.change(order, state, reason)

    def _execution(self, work: _Work, quantity: Decimal, price: SessionPrice, quote: _Quote) -> PaperExecution:
        order, calendar = work.order, work.instrument.calendar
        direction = 1 if order.side == "buy" else -1
        slippage = self._slippage_bps / 10_000 if quote.slips else Decimal(0)
        tick = _TICK if quote.price >= 1 else _TICK * _TICK
        paid = fill_rules.slipped_price(quote.price, direction, slippage).quantize(tick, rounding=ROUND_HALF_UP)
        zero = Decimal(0)
        charge = fill_rules.commission(paid, quantity, self._fee_bps / 10_000, zero, zero)
        fee = charge.quantize(_CENT, rounding=ROUND_HALF_UP)
        moment: datetime = opens_at(price.session, calendar) if quote.at_open else closes_at(price.session, calendar)
        where = "open" if quote.at_open else "close"
        slipped = f", {self._slippage_bps} bps slippage" if quote.slips else ""
        note = f"Paper fill at the {where} of {price.session}{slipped}, fee {self._fee_bps} bps"
        if quantity < order.quantity:
            note += f"; {quantity:f} of {order.quantity:f}, a bar fills at most {self._participation:%} of its volume"
        if price.open is None:
            note += "; the order came within it" if work.came_within(price.session) else "; the source has closes only"
        if price.remark:
            note += f"; {price.remark}"
        return PaperExecution(
            execution_id=content_id("evt", "paper", order.client_order_id, price.session.isoformat()),
            client_order_id=order.client_order_id,
            quantity=quantity,
            price=paid,
            fee=fee,
            session=price.session,
            executed_at=moment,
            note=note + ".",
        )


class _Work:
    """Follow one order through the sessions."""

    def __init__(self, order: PaperOrder, instrument: Instrument) -> None:
        self.order = order
        self.instrument = instrument
        session = session_at(order.accepted_at, instrument.calendar)
        self._came_within = session.opens < order.accepted_at
        if self._came_within and instrument.calendar != "XNYS":
            # A market round the clock has no close to meet: the order lives for the first whole day after it came.
            session, self._came_within = session_at(session.closes, instrument.calendar), False
        self._first = session.day
        self.ends_with = date.max if order.time_in_force == "gtc" else session.day
        self._waits_as = order.order_type

    @property
    def is_over(self) -> bool:
        """Say whether the order has ended."""
        return self.order.state != "accepted"

    @property
    def began(self) -> date:
        """Return the first session in which the order trades."""
        return self._first

    @property
    def ending(self) -> tuple[PaperState, str]:
        """Return how the order ends when its time is over, and why."""
        order = self.order
        if order.time_in_force == "day":
            return "expired", f"The {self.ends_with} session closed before the order's price or size was there."
        return "cancelled", f"{order.time_in_force}: {order.filled_quantity:f} of {order.quantity:f} traded at once."

    def came_within(self, session: date) -> bool:
        """Say whether the order came while this session ran, so that it meets its close alone."""
        return self._came_within and session == self._first

    def seen(self, price: SessionPrice, *, is_done: bool) -> SessionPrice | None:
        """Return the bar as the order meets it, None for one that it does not or has met already (`is_done`)."""
        if is_done:
            # What was executed in part goes on without its trigger.
            self._waits_as = {"stop": "market", "stop_limit": "limit"}.get(self._waits_as, self._waits_as)
            return None
        if price.session < self._first or price.session > self.ends_with:
            return None
        if self.came_within(price.session):
            return replace(price, open=None, high=None, low=None)
        return price

    def quote(self, price: SessionPrice) -> _Quote | None:
        """Return how the bar fills the order, None when it does not.

        A stop-limit order that a bar triggers beyond its limit waits as a limit order: what came later inside that bar
        is not known.
        """
        direction = 1 if self.order.side == "buy" else -1
        at_open = price.open is not None
        reference = price.open if price.open is not None else price.close
        high, low = price.high or reference, price.low or reference
        if self.order.time_in_force in ("ioc", "fok"):
            high = low = reference
        limit, stop = self.order.limit_price, self.order.stop_price
        if self._waits_as == "market":
            return _Quote(price=reference, at_open=at_open, slips=True)
        if self._waits_as == "limit":
            assert limit is not None, "the database keeps limit orders with their limit"
            found, slips = fill_rules.limit_price(direction, limit, reference, high, low), False
        else:
            assert stop is not None, "the database keeps stop orders with their trigger"
            found, slips = fill_rules.stop_price(direction, stop, reference, high, low), limit is None
            if found:
                self._waits_as = "market" if limit is None else "limit"
            if found and limit is not None and direction * (found - limit) > 0:
                return None
        return _Quote(price=found, at_open=at_open and found == reference, slips=slips) if found else None


def _turn(order: PaperOrder, quote: _Quote) -> int:
    """Return the turn of an order of a pair that a bar reaches both of, lowest first."""
    if order.order_type == "limit":
        return 0 if quote.at_open else 2
    return 1


def _close_after(session: date, instrument: Instrument) -> datetime:
    """Return the close of the session after this one."""
    return session_at(closes_at(session, instrument.calendar), instrument.calendar).closes


def _word(order: PaperOrder) -> VenueOrder:
    return VenueOrder(
        client_order_id=order.client_order_id,
        venue_order_id=order.venue_order_id,
        state="partially_filled" if order.state == "accepted" and order.filled_quantity else order.state,
        reason=order.reason,
    )
