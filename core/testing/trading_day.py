"""Trade a scripted day at the stand-in of Interactive Brokers, with its faults and resets, and compare the books."""

from __future__ import annotations

import random
import time
from collections import Counter
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from typing import Any

from core.errors import OutcomeUnknown, Unavailable
from core.execution.requests import LegRequest, TradeRequest
from core.testing.small_market import ANNA, FIRST, LAST, PETER
from core.testing.tws_gateway import Fault, TwsGateway, is_working

ACCOUNT = "DU1234567"
_QUIRKS: tuple[Fault, ...] = ("stale status", "warning after fill", "reports twice", "false cancel", "locate")
Event = str
EVENTS: tuple[Event, ...] = ("quiet", "quirk", "line lost", "cut", "reset", "late commission")


@dataclass(slots=True)
class DayReport:
    """Count what a day did; `recovery_s` are seconds from the venue's return until books and venue agree."""

    counts: Counter[str] = field(default_factory=Counter)
    recovery_s: list[float] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)


def add_third_stock(connection: Any) -> None:
    """Add CCC at 25.00 to the small market, the far wing of a fly."""
    connection.execute(
        "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency, source,"
        " known_at) VALUES (6, 'CCC', 'CCC Incorporated', 'equity', 'XNYS', 'USD', 'test', '2000-01-01Z')"
    )
    connection.execute(
        "INSERT INTO market_data.bars_daily (instrument_id, source, price_basis, session, open, high, low, close,"
        " volume, known_at) SELECT 6, source, price_basis, session, 25, 26, 24, 25, volume, known_at"
        " FROM market_data.bars_daily WHERE instrument_id = 1 AND session BETWEEN %s AND %s",
        (FIRST, LAST),
    )
    connection.execute("SELECT market_data.index_series_years(NULL)")


class TradingDay:
    """Let a desk trade market orders, limit orders and flies of three legs while the venue misbehaves.

    `desk` has proposals, gateway, settlement and reconciliation on a market with `add_third_stock`, its account
    ACCOUNT at the stand-in, and `broker_clock` is the clock of its broker.
    """

    def __init__(self, desk: Any, gateway: TwsGateway, broker_clock: Any, *, seed: int) -> None:
        self._desk = desk
        self._gateway = gateway
        self._clock = broker_clock
        self._random = random.Random(seed)
        self.report = DayReport()

    def run(self, rounds: int) -> DayReport:
        """Trade: one proposal and one event a round; compare after each and at the end."""
        gateway = self._gateway
        gateway.account.prices |= {"CCC": Decimal(25)}
        for number in range(rounds):
            event = EVENTS[number % len(EVENTS)]
            self.report.counts[event] += 1
            self._pass(timedelta(minutes=1))
            gateway.faults = {self._random.choice(_QUIRKS)} if event == "quirk" else set()
            if event == "cut":
                gateway.cut_after = self._random.randint(3, 40)
            self._trade(number)
            if event == "late commission":
                gateway.faults = {"late commission"}
            if event == "line lost":
                gateway.notice(1100, "Connectivity between IB and Trader Workstation has been lost.")
            if event == "reset":
                gateway.close()
            self._fill_some()
            if event == "reset":
                # Nobody is told what fills now; the desk asks and gets no answer, which is not an empty one.
                self._settle()
                gateway.open()
            if event == "line lost":
                self._settle()
                gateway.notice(1102, "Connectivity between IB and Trader Workstation has been restored.")
            gateway.faults, gateway.cut_after = set(), None
            self._recover(timed=event in ("reset", "line lost", "cut"))
        self._close_of_day()
        return self.report

    def _pass(self, step: timedelta) -> None:
        self._gateway.moment += step
        self._clock.moment += step

    def _trade(self, number: int) -> None:
        kind = ("market", "limit", "fly")[number % 3]
        side = self._random.choice(("buy", "sell"))
        other = "sell" if side == "buy" else "buy"
        size = Decimal(self._random.randint(1, 5))
        if kind == "fly":
            legs = (
                LegRequest(symbol="AAA", side=side, quantity=size),  # type: ignore[arg-type]
                LegRequest(symbol="BBB", side=other, quantity=2 * size),  # type: ignore[arg-type]
                LegRequest(symbol="CCC", side=side, quantity=size),  # type: ignore[arg-type]
            )
            request = TradeRequest(legs=legs, account_id=ACCOUNT)
        else:
            limit = Decimal(150) if kind == "limit" else None
            leg = LegRequest(symbol="AAA", side=side, quantity=size, limit_price=limit)  # type: ignore[arg-type]
            request = TradeRequest(legs=(leg,), order_type=kind, account_id=ACCOUNT)  # type: ignore[arg-type]
        proposal = self._desk.proposals.propose(request, ANNA)
        self._desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        self.report.counts[f"{kind} proposals"] += 1
        try:
            self._desk.gateway.release(proposal.proposal_id)
        except (Unavailable, OutcomeUnknown):
            self.report.counts["releases that waited"] += 1

    def _fill_some(self) -> None:
        """Execute most of what is at work, some of it in two parts."""
        for order in [part for part in self._gateway.account.orders if is_working(part)]:
            if self._random.random() < 0.2:
                continue
            if order.quantity > 1 and self._random.random() < 0.5:
                self._gateway.fill(order.reference, Decimal(1))
            self._gateway.fill(order.reference)

    def _settle(self) -> None:
        self._desk.settlement.settle(ACCOUNT)

    def _recover(self, *, timed: bool) -> None:
        """Do what the worker does until books and venue agree."""
        began = time.perf_counter()
        for _ in range(5):
            self._desk.gateway.recover()
            (found,) = self._desk.reconciliation.run(ACCOUNT)
            if found.outcome == "agrees":
                break
        else:
            self.report.wrong.append(found.detail)
        if timed:
            self.report.recovery_s.append(time.perf_counter() - began)

    def _close_of_day(self) -> None:
        for order in [part for part in self._gateway.account.orders if is_working(part)]:
            self._gateway.fill(order.reference)
        self._recover(timed=False)
        account = self._gateway.account
        with self._desk.store.transaction() as transaction:
            fills = transaction.books.fills(ACCOUNT)
            orders = transaction.orders.all(account_id=ACCOUNT, limit=100_000)
        booked = Counter(fill.execution_id for fill in fills)
        there = Counter(part.name.rpartition(".")[0] for part in account.executions)
        references = Counter(order.reference for order in account.orders)
        ours = {order.client_order_id: order for order in orders}
        counts = self.report.counts
        counts["orders at the venue"] = len(account.orders)
        counts["executions"] = len(account.executions)
        counts["missed fills"] = sum((there - booked).values())
        counts["doubled fills"] = sum((booked - there).values())
        counts["doubled orders"] = sum(number - 1 for number in references.values())
        counts["lost orders"] = sum(ours[order.reference].filled_quantity != order.filled for order in account.orders)
        counts["denied, never sent"] = sum(order.state == "denied" for order in orders)
        counts["unknown, not at the venue"] = sum(
            order.state == "unknown" and order.client_order_id not in references for order in orders
        )
        for order in orders:
            if order.state not in ("filled", "denied", "unknown"):
                self.report.wrong.append(f"{order.order_id} is {order.state}")
