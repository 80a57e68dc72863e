"""Let a venue report early, late, twice, wrongly and not at all: the books follow the evidence."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from core.errors import InvalidInput, OutcomeUnknown, Unavailable
from core.execution.orders import OPEN, move
from core.ports.broker import Execution, VenueAccount, VenueOrder
from core.testing.small_market import AGENT, PETER

NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)


class Venue:
    """Say about orders what the test wrote down."""

    deduplicates = True

    def __init__(self):
        self.states = {}
        self.reports = []
        self.error = None

    def submit(self, ticket):
        self.states[ticket.client_order_id] = "accepted"
        return self.find(ticket.account_id, ticket.client_order_id)

    def find(self, account_id, client_order_id):
        if self.error is not None:
            raise self.error
        if client_order_id not in self.states:
            return None
        state = self.states[client_order_id]
        return VenueOrder(
            client_order_id=client_order_id, venue_order_id=f"v-{client_order_id}", state=state, reason="said the venue"
        )

    def cancel(self, account_id, client_order_id):
        self.states[client_order_id] = "cancelled"
        return self.find(account_id, client_order_id)

    def account(self, account_id):
        return VenueAccount(open_orders=(), positions={}, cash=None)

    def executions(self, account_id, client_order_ids):
        if self.error is not None:
            raise self.error
        return list(self.reports)

    def report(self, number, order, quantity, price="151", fee="0.50"):
        self.reports.append(
            Execution(
                execution_id=f"exe_{number}",
                client_order_id=order.client_order_id,
                quantity=Decimal(quantity),
                price=Decimal(price),
                fee=Decimal(fee),
                currency="USD",
                session=date(2022, 11, 30),
                executed_at=NOON + timedelta(minutes=number),
            )
        )


@pytest.fixture
def venue():
    return Venue()


@pytest.fixture
def other(open_another, venue):
    return open_another(venue)


@pytest.fixture
def send(desk, other, ask, approve):
    """Give a function that brings an order to the venue."""

    def make(quantity=10, **changes):
        proposal = desk.proposals.propose(ask(quantity=quantity, time_in_force="gtc", **changes), AGENT)
        approve(proposal)
        return other.gateway.release(proposal.proposal_id)[0]

    return make


def order_row(desk, order):
    return desk.sql("SELECT state, filled_quantity, reason FROM execution.orders WHERE order_id = %s", order.order_id)[
        0
    ]


@pytest.mark.parametrize("state", ["cancelled", "expired", "rejected"])
def test_the_end_that_the_venue_says_is_stored_with_its_reason(desk, other, venue, send, state):
    order = send()
    venue.states[order.client_order_id] = state
    outcome = other.settlement.settle()
    assert [changed.state for changed in outcome.orders] == [state]
    assert order_row(desk, order) == (state, 0, "said the venue")
    assert other.settlement.settle().orders == ()


def test_the_word_filled_without_executions_changes_nothing(desk, other, venue, send):
    order = send()
    venue.states[order.client_order_id] = "filled"
    other.settlement.settle()
    assert order_row(desk, order)[:2] == ("accepted", 0)
    venue.report(1, order, 10)
    other.settlement.settle()
    assert order_row(desk, order)[:2] == ("filled", 10)


@pytest.mark.parametrize("end", ["cancelled", "expired", "rejected"])
def test_an_execution_reported_after_the_end_is_booked(desk, other, venue, send, end):
    order = send()
    venue.states[order.client_order_id] = end
    other.settlement.settle()
    venue.report(1, order, 4)
    assert len(other.settlement.settle().fills) == 1
    assert order_row(desk, order)[:2] == (end, 4)
    assert desk.sql("SELECT quantity FROM execution.positions") == [(4,)]
    venue.report(2, order, 6)
    other.settlement.settle()
    assert order_row(desk, order)[:2] == ("filled", 10)


def test_a_part_and_then_the_end_keeps_the_part(desk, other, venue, send):
    order = send()
    venue.report(1, order, 4)
    other.settlement.settle()
    assert order_row(desk, order)[:2] == ("partially_filled", 4)
    venue.states[order.client_order_id] = "cancelled"
    other.settlement.settle()
    assert order_row(desk, order)[:2] == ("cancelled", 4)
    # 4 x 151 and a fee of 50 cents.
    assert desk.sql("SELECT sum(amount) FROM execution.cash_ledger") == [(Decimal("99395.50"),)]


def test_an_execution_seen_before_the_reply_resolves_unknown(desk, other, venue, ask, approve):
    class Silent(Venue):
        def submit(self, ticket):
            super().submit(ticket)
            raise OutcomeUnknown("no reply")

    silent = Silent()
    other.gateway._brokers["paper"] = silent
    other.settlement._brokers["paper"] = silent
    proposal = desk.proposals.propose(ask(), AGENT)
    approve(proposal)
    (order,) = other.gateway.release(proposal.proposal_id)
    assert order.state == "unknown"
    assert "only the venue's evidence" in desk.proposals.get(proposal.proposal_id).progress
    silent.report(1, order, 10)
    other.settlement.settle()
    assert order_row(desk, order)[:2] == ("filled", 10)


def test_an_execution_of_somebody_else_is_not_booked(desk, other, venue, send):
    order = send()
    stranger = order.model_copy(update={"client_order_id": "qd-of-another-desk"})
    venue.report(1, stranger, 5)
    assert other.settlement.settle().fills == ()
    assert desk.sql("SELECT count(*) FROM execution.fills") == [(0,)]


@pytest.mark.parametrize("error", [OutcomeUnknown("no reply"), Unavailable("connection refused")])
def test_a_venue_that_is_away_is_a_problem_and_the_next_time_it_is_caught_up(desk, other, venue, send, error):
    order = send()
    venue.report(1, order, 10)
    venue.error = error
    outcome = other.settlement.settle()
    assert outcome.fills == () and str(error) in outcome.problems[0]
    venue.error = None
    assert len(other.settlement.settle().fills) == 1


@pytest.mark.parametrize(("quantities", "booked"), [(("11",), 0), (("10", "0.5"), 10), (("4", "7"), 4)])
def test_more_than_was_asked_for_halts_and_is_not_booked(desk, other, venue, send, quantities, booked):
    order = send()
    for number, quantity in enumerate(quantities):
        venue.report(number, order, quantity)
    other.settlement.settle()
    assert order_row(desk, order)[1] == booked
    assert "more than order" in desk.kill_switch.status()
    alerts = desk.sql("SELECT count(*) FROM desk.outbox WHERE topic = 'alert.raised'")
    other.settlement.settle()
    assert desk.sql("SELECT count(*) FROM desk.outbox WHERE topic = 'alert.raised'") == alerts == [(1,)]


def test_fees_and_cash_are_booked_to_the_cent(desk, other, venue, send):
    order = send(quantity=3)
    for number, (price, fee) in enumerate([("151.005", "0.005"), ("151.004", "0.004"), ("150.995", "0.015")]):
        venue.report(number, order, 1, price, fee)
    other.settlement.settle()
    # Half up: 151.01 + 151.00 + 151.00 and 0.01 + 0.00 + 0.02.
    assert desk.sql("SELECT movement, sum(amount) FROM execution.cash_ledger GROUP BY movement ORDER BY movement") == [
        ("deposit", Decimal("100000.00")),
        ("fee", Decimal("-0.03")),
        ("trade", Decimal("-453.01")),
    ]


def test_a_cancel_that_the_venue_does_not_answer_leaves_the_order(desk, other, venue, send):
    order = send()
    venue.error = OutcomeUnknown("no reply")
    with pytest.raises(OutcomeUnknown):
        other.gateway.cancel(order.order_id, PETER)
    assert order_row(desk, order)[0] == "accepted"
    venue.error = None
    assert other.gateway.cancel(order.order_id, PETER).state == "cancelled"
    with pytest.raises(InvalidInput, match="nothing to cancel"):
        other.gateway.cancel(order.order_id, PETER)


def test_an_event_of_each_change_is_announced(desk, other, venue, send):
    desk.sql("DELETE FROM desk.outbox")
    order = send()
    venue.report(1, order, 10)
    other.settlement.settle()
    topics = [row[0] for row in desk.sql("SELECT topic FROM desk.outbox ORDER BY event_id")]
    assert topics.count("fill.recorded") == 1 and topics.count("order.changed") >= 3


class OrderLife(RuleBasedStateMachine):
    """Throw events at an order in memory: quantities add up, ends stay ends, unknown needs evidence."""

    def __init__(self):
        super().__init__()
        self.state = "intended"
        self.filled = 0
        self.sent = False

    def apply(self, event):
        before = self.state
        step = move(before, event)
        self.state = step.after
        assert not step.ignored or step.after == before
        if before not in OPEN and step.after in OPEN:
            assert before == "denied" and step.alarming
        return step

    @precondition(lambda self: self.state == "intended")
    @rule(allowed=st.booleans())
    def desk_decides(self, allowed):
        self.sent = self.sent or allowed
        self.apply("submit" if allowed else "deny")

    @precondition(lambda self: self.state in ("submitting", "unknown"))
    @rule(event=st.sampled_from(["lose", "accept", "reject", "submit"]))
    def reply(self, event):
        before = self.state
        self.apply(event)
        if before == "unknown" and event == "lose":
            assert self.state == "unknown"

    @precondition(lambda self: self.sent and self.filled < 10)
    @rule(quantity=st.integers(1, 10))
    def fill(self, quantity):
        self.filled = min(10, self.filled + quantity)
        self.apply("fill_all" if self.filled == 10 else "fill_part")

    @precondition(lambda self: self.sent)
    @rule(event=st.sampled_from(["cancel", "expire", "reject", "accept", "lose"]))
    def word(self, event):
        self.apply(event)

    @rule()
    def look(self):
        assert (self.state in OPEN) == (self.state not in ("denied", "filled", "cancelled", "rejected", "expired"))

    @invariant()
    def filled_means_all(self):
        assert (self.state == "filled") == (self.filled == 10)

    @invariant()
    def a_part_is_never_forgotten(self):
        if 0 < self.filled < 10:
            assert self.state in ("partially_filled", "cancelled", "expired", "rejected", "denied")


OrderLife.TestCase.settings = settings(
    max_examples=100, stateful_step_count=25, deadline=None, suppress_health_check=list(HealthCheck)
)
TestOrderLife = OrderLife.TestCase
