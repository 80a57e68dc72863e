"""A person ends an order that never reached its venue: with evidence, once the venue was asked, and for the record."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.errors import ApprovalRefused, InvalidInput, OutcomeUnknown
from core.execution.evidence import end_unknown
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.small_market import AGENT, CLERK, PETER

SAID = "Ms Lee of the trading desk confirmed by phone at 14:05 that there is no such order."


@pytest.fixture
def venue():
    made = FaultVenue(
        deduplicates=False, session=date(2022, 11, 30), opened_at=datetime(2022, 11, 30, 14, 30, tzinfo=UTC)
    )
    made.deposits["main"] = Decimal(100_000)
    return made


@pytest.fixture
def broker(venue):
    return FaultBroker(venue)


@pytest.fixture
def sender(open_another, broker):
    return open_another(broker)


@pytest.fixture
def unknown(desk, ask, approve, sender, broker):
    """Give an order of whose sending nobody knows; the venue has none of its id."""

    def make(fault="arrives late"):
        proposal = desk.proposals.propose(ask(), AGENT)
        approve(proposal)
        broker.submits = [fault]
        (order,) = sender.gateway.release(proposal.proposal_id)
        assert order.state == "unknown"
        return order

    return make


def end(sender, broker, order, person=PETER, evidence=SAID):
    return end_unknown(sender.store, {"paper": broker}, sender.clock, order.order_id, person, evidence)


def test_the_order_ends_as_rejected_with_who_said_so_and_why(sender, broker, unknown):
    order = unknown()
    ended = end(sender, broker, order)
    assert ended.state == "rejected" and SAID in ended.reason and PETER.name in ended.reason
    last = sender.books.order_events(order.order_id)[-1]
    assert (last["state_before"], last["state_after"]) == ("unknown", "rejected")
    assert last["detail"]["ended_by"] == PETER.id and last["detail"]["evidence"] == SAID
    audited = sender.sql("SELECT count(*) FROM desk.audit WHERE detail::text LIKE %s", f"%{SAID}%")
    assert audited[0][0] >= 1
    # It is not sent again, and a second person finds nothing to end.
    sender.gateway.recover()
    assert sender.books.orders("main")[0].state == "rejected"
    with pytest.raises(InvalidInput, match="rejected"):
        end(sender, broker, order)


def test_where_the_venue_knows_the_order_its_word_stands(sender, broker, venue, unknown):
    order = unknown()
    venue.deliver()
    assert end(sender, broker, order).state == "accepted"


def test_an_execution_that_comes_later_still_counts(sender, broker, venue, unknown):
    order = unknown()
    end(sender, broker, order)
    venue.deliver()
    venue.fill(venue.orders[0], Decimal(10), Decimal("151.5"))
    sender.settlement.settle("main")
    after = sender.books.orders("main")[0]
    assert (after.state, after.filled_quantity) == ("filled", Decimal(10))
    with sender.store.transaction() as transaction:
        assert [row.quantity for row in transaction.books.positions("main")] == [Decimal(10)]


def test_while_the_venue_does_not_answer_nothing_is_ended(sender, broker, unknown):
    order = unknown()
    broker.finds = ["silent"]
    with pytest.raises(OutcomeUnknown):
        end(sender, broker, order)
    assert sender.books.orders("main")[0].state == "unknown"


@pytest.mark.parametrize(("person", "evidence"), [(CLERK, SAID), (AGENT, SAID), (PETER, "gone"), (PETER, "  x  " * 9)])
def test_others_and_words_without_evidence_end_nothing(sender, broker, unknown, person, evidence):
    order = unknown()
    with pytest.raises((ApprovalRefused, InvalidInput)):
        end(sender, broker, order, person, evidence)
    assert sender.books.orders("main")[0].state == "unknown"


def test_an_order_at_work_is_not_ended(desk, ask, approve, sender, broker):
    proposal = desk.proposals.propose(ask(), AGENT)
    approve(proposal)
    (order,) = sender.gateway.release(proposal.proposal_id)
    with pytest.raises(InvalidInput, match="accepted"):
        end(sender, broker, order)
