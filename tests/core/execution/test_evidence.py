"""A person ends an order that never reached its venue: with evidence, once the venue was asked, and for the record."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.errors import ApprovalRefused, InvalidInput, OutcomeUnknown
from core.execution.evidence import end_unknown
from core.testing.small_market import AGENT, CLERK, PETER

SAID = "Ms Lee of the trading desk confirmed by phone at 14:05 that there is no such order."


@pytest.fixture
def unknown(desk, ask, approve, other, broker):
    """Give an order of whose sending nobody knows; the venue has none of its id."""

    def make(fault="arrives late"):
        proposal = desk.proposals.propose(ask(), AGENT)
        approve(proposal)
        broker.submits = [fault]
        (order,) = other.gateway.release(proposal.proposal_id)
        assert order.state == "unknown"
        return order

    return make


def end(other, broker, order, person=PETER, evidence=SAID):
    return end_unknown(other.store, {"paper": broker}, other.clock, order.order_id, person, evidence)


def test_the_order_ends_as_rejected_with_who_said_so_and_why(other, broker, unknown):
    order = unknown()
    ended = end(other, broker, order)
    assert ended.state == "rejected" and SAID in ended.reason and PETER.name in ended.reason
    last = other.books.order_events(order.order_id)[-1]
    assert (last["state_before"], last["state_after"]) == ("unknown", "rejected")
    assert last["detail"]["ended_by"] == PETER.id and last["detail"]["evidence"] == SAID
    audited = other.sql("SELECT count(*) FROM desk.audit WHERE detail::text LIKE %s", f"%{SAID}%")
    assert audited[0][0] >= 1
    # It is not sent again, and a second person finds nothing to end.
    other.gateway.recover()
    assert other.books.orders("main")[0].state == "rejected"
    with pytest.raises(InvalidInput, match="rejected"):
        end(other, broker, order)


def test_where_the_venue_knows_the_order_its_word_stands(other, broker, venue, unknown):
    order = unknown()
    venue.deliver()
    assert end(other, broker, order).state == "accepted"


def test_an_execution_that_comes_later_still_counts(other, broker, venue, unknown):
    order = unknown()
    end(other, broker, order)
    venue.deliver()
    venue.fill(venue.orders[0], Decimal(10), Decimal("151.5"))
    other.settlement.settle("main")
    after = other.books.orders("main")[0]
    assert (after.state, after.filled_quantity) == ("filled", Decimal(10))
    with other.store.transaction() as transaction:
        assert [row.quantity for row in transaction.books.positions("main")] == [Decimal(10)]


def test_while_the_venue_does_not_answer_nothing_is_ended(other, broker, unknown):
    order = unknown()
    broker.finds = ["silent"]
    with pytest.raises(OutcomeUnknown):
        end(other, broker, order)
    assert other.books.orders("main")[0].state == "unknown"


@pytest.mark.parametrize(("person", "evidence"), [(CLERK, SAID), (AGENT, SAID), (PETER, "gone"), (PETER, "  x  " * 9)])
def test_others_and_words_without_evidence_end_nothing(other, broker, unknown, person, evidence):
    order = unknown()
    with pytest.raises((ApprovalRefused, InvalidInput)):
        end(other, broker, order, person, evidence)
    assert other.books.orders("main")[0].state == "unknown"


def test_an_order_at_work_is_not_ended(desk, ask, approve, other, broker):
    proposal = desk.proposals.propose(ask(), AGENT)
    approve(proposal)
    (order,) = other.gateway.release(proposal.proposal_id)
    with pytest.raises(InvalidInput, match="accepted"):
        end(other, broker, order)
