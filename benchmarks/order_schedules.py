"""Trade at a venue behind a faulty line by random schedules: in the end our books equal the venue's, every time."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

from hypothesis import HealthCheck, Phase, seed, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from benchmarks.order_desk import BrokerDesk, clear
from core.errors import QuantdeskError
from core.execution.orders import AT_VENUE
from core.execution.requests import LegRequest, TradeRequest
from core.testing.fault_venue import FaultBroker, FaultVenue, Working
from core.testing.small_market import ANNA, PETER

SESSION = date(2022, 11, 30)
OPENED = datetime(2022, 11, 30, 14, 30, tzinfo=UTC)
STEPS = 10
SUBMITS = st.sampled_from(["arrives", "reply lost", "never left", "refused", "arrives late", "rejected", "fills first"])
SIDES = st.sampled_from(["buy", "sell"])
REPORTS = st.sampled_from(["arrives", "silent", "twice", "reversed", "held back"])


class Schedules(RuleBasedStateMachine):
    """Draw what the desk does and what the line does to it; check the books after healing."""

    dsn = ""
    home = Path()
    counts: dict[str, int] = {}

    def __init__(self) -> None:
        super().__init__()
        clear(self.dsn)
        self.venue: FaultVenue
        self.desk: BrokerDesk | None = None
        self.approved: list[str] = []

    @initialize(
        deduplicates=st.booleans(),
        trades=st.lists(st.tuples(SIDES, st.integers(1, 20), SUBMITS), min_size=1, max_size=3),
    )
    def open(self, deduplicates: bool, trades: Any) -> None:
        """Open the venue and the desk, and trade the first orders."""
        self.venue = FaultVenue(deduplicates=deduplicates, session=SESSION, opened_at=OPENED)
        self.venue.deposits["main"] = Decimal(100_000)
        self.broker = FaultBroker(self.venue)
        self._open_desk()
        for trade in trades:
            self._trade(*trade)

    def _open_desk(self) -> None:
        """Open the desk as a new process would, but for the connections, which cost more than all the rest."""
        self.desk = BrokerDesk(self.home, self.dsn, self.broker, connections=self.desk)

    @property
    def parts(self) -> BrokerDesk:
        """Return the open desk."""
        assert self.desk is not None
        return self.desk

    @rule(side=SIDES, quantity=st.integers(1, 20), fault=SUBMITS)
    def trade(self, side: Any, quantity: int, fault: Any) -> None:
        """Propose, approve and release an order over a line with a fault."""
        self._trade(side, quantity, fault)

    @rule(first=st.tuples(SIDES, st.integers(1, 20), SUBMITS), second=st.tuples(SIDES, st.integers(1, 20), SUBMITS))
    def trade_twice(self, first: Any, second: Any) -> None:
        """Trade two orders in a row."""
        self._trade(*first)
        self._trade(*second)

    def _trade(self, side: Any, quantity: int, fault: Any) -> None:
        leg = LegRequest(symbol="AAA", side=side, quantity=Decimal(quantity))
        proposals = self.parts.desk.proposals
        proposal = proposals.propose(TradeRequest(legs=(leg,), time_in_force="gtc"), ANNA)
        proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        self.approved.append(proposal.proposal_id)
        self.broker.submits = [fault]
        self._release(proposal.proposal_id)

    @precondition(lambda self: self.approved)
    @rule(pick=st.integers(0, 50), submit=SUBMITS, find=REPORTS)
    def release_again(self, pick: int, submit: Any, find: Any) -> None:
        """Release what was released before."""
        self.broker.submits, self.broker.finds = [submit], [find]
        self._release(self.approved[pick % len(self.approved)])

    def _release(self, proposal_id: str) -> None:
        try:
            self.parts.gateway.release(proposal_id)
        except QuantdeskError:
            self.count("release put off")

    @rule(pick=st.integers(0, 50), quantity=st.integers(1, 20), price=st.integers(14_000, 16_000))
    def fill(self, pick: int, quantity: int, price: int) -> None:
        """Execute a part of an order at the venue."""
        if order := self._working(pick):
            self.venue.fill(order, Decimal(quantity), Decimal(price) / 100)

    @rule(pick=st.integers(0, 50), state=st.sampled_from(["cancelled", "expired"]))
    def end(self, pick: int, state: Any) -> None:
        """End an order at the venue."""
        if order := self._working(pick):
            self.venue.end(order, state)

    @rule(pick=st.integers(0, 50), fault=SUBMITS)
    def cancel(self, pick: int, fault: Any) -> None:
        """Cancel an order from the desk."""
        with self.parts.trading.transaction() as transaction:
            orders = transaction.orders.all(states=sorted(AT_VENUE))
        if orders:
            self.broker.cancels = [fault]
            try:
                self.parts.gateway.cancel(orders[pick % len(orders)].order_id, PETER)
            except QuantdeskError:
                self.count("cancel unanswered")

    @rule(report=REPORTS, find=REPORTS)
    def settle(self, report: Any, find: Any) -> None:
        """Book what the venue reports over a line with faults."""
        self.broker.reports, self.broker.finds = [report], [find]
        self.parts.settlement.settle("main")

    @rule()
    def recover(self) -> None:
        """Finish what is half-way."""
        self.parts.gateway.recover()

    @rule()
    def restart(self) -> None:
        """Drop all that a process knows, as a crash does."""
        self._open_desk()

    @rule()
    def deliver(self) -> None:
        """Let orders on the way arrive."""
        self.venue.deliver()

    def _working(self, pick: int) -> Working | None:
        working = [order for order in self.venue.orders if order.state in ("accepted", "partially_filled")]
        return working[pick % len(working)] if working else None

    def count(self, name: str) -> None:
        """Count what happened on the way."""
        self.counts[name] = self.counts.get(name, 0) + 1

    def teardown(self) -> None:
        """Heal the line, restart, and compare the books with the venue's."""
        if self.desk is None:
            return
        try:
            self._compare()
            self.count("schedules")
        finally:
            self.desk.close()

    def _compare(self) -> None:
        broker = self.broker
        broker.submits, broker.cancels, broker.finds, broker.reports = [], [], [], []
        self.venue.deliver()
        self._open_desk()
        for _ in range(2):
            self.parts.gateway.recover()
            self.parts.settlement.settle("main")
        (found,) = self.parts.reconciliation.run("main")
        with self.parts.trading.transaction() as transaction:
            orders = transaction.orders.all(account_id="main")
            held = {row.instrument_id: row.quantity for row in transaction.books.positions("main")}
            cash = transaction.books.balance("main")
            halted = transaction.accounts.trading_state()
        ids = [order.ticket.client_order_id for order in self.venue.orders]
        assert len(ids) == len(set(ids)), f"an order was sent twice: {ids}"
        assert set(ids) <= {order.client_order_id for order in orders}
        assert halted is not None and not halted.halted, f"the desk halted itself: {halted}"
        assert held == self.venue.positions("main")
        assert cash == self.venue.cash("main")
        for order in orders:
            there = self.venue.find(order.client_order_id)
            assert order.filled_quantity == (there.filled if there else 0)
            if there is not None:
                assert order.state == ("filled" if there.state == "filled" else there.state), (order, there)
            else:
                assert order.state in ("denied", "unknown"), order
                self.count(f"never arrived, {order.state}")
        assert found.outcome == "agrees", found
        self.count("orders")
        self.counts["orders at the venue"] = self.counts.get("orders at the venue", 0) + len(ids)


def run(dsn: str, home: Path, *, examples: int, number: int, steps: int = STEPS) -> dict[str, int]:
    """Run this many schedules of one seed and return what was counted; raise AssertionError for books that differ."""
    machine = type("Drawn", (Schedules,), {"dsn": dsn, "home": home, "counts": {}})
    run_state_machine_as_test(
        seed(number)(machine),
        settings=settings(
            max_examples=examples,
            stateful_step_count=steps,
            deadline=None,
            database=None,
            print_blob=False,
            suppress_health_check=list(HealthCheck),
            phases=(Phase.generate,),
        ),
    )
    return dict(machine.counts)
