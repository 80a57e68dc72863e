"""Trade several legs as one: in order, and back again when one of them fails."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.errors import InvalidInput, Refused
from core.execution.digest import proposal_digest
from core.execution.requests import LegRequest, TradeRequest, check_request
from core.testing.small_market import ANNA, PETER


@pytest.fixture
def fly(desk):
    """Give a function that makes an approved fly of three legs: buy 10 AAA, sell 20 BBB, buy 0.1 BTC."""

    def make(**changes):
        legs = (
            LegRequest(symbol="AAA", side="buy", quantity=Decimal(10)),
            LegRequest(symbol="BBB", side="sell", quantity=Decimal(20)),
            LegRequest(symbol="BTC", side="buy", quantity=Decimal("0.1")),
        )
        proposal = desk.proposals.propose(TradeRequest(legs=legs, time_in_force="gtc", **changes), ANNA)
        desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        return proposal.proposal_id

    return make


def follow(other, proposal_id, times=3):
    """Do what the workflow does until nothing moves."""
    for _ in range(times):
        other.gateway.release(proposal_id)
        other.settlement.settle("main")


def states(desk, attempt=1):
    rows = desk.sql("SELECT state FROM execution.orders WHERE attempt = %s ORDER BY leg", attempt)
    return [state for (state,) in rows]


def fill(venue, number):
    order = venue.orders[number]
    venue.fill(order, order.ticket.quantity, Decimal(100))


def test_together_sends_every_leg_at_once(desk, other, venue, fly):
    follow(other, fly(), 1)
    assert [order.ticket.symbol for order in venue.orders] == ["AAA", "BBB", "BTC"]


def test_in_order_sends_a_leg_when_the_one_before_is_filled(desk, other, venue, fly):
    proposal_id = fly(legging="in_order")
    follow(other, proposal_id)
    assert (len(venue.orders), states(desk)) == (1, ["accepted", "intended", "intended"])
    venue.fill(venue.orders[0], Decimal(4), Decimal(100))
    follow(other, proposal_id)
    other.gateway.recover()
    assert (len(venue.orders), states(desk)) == (1, ["partially_filled", "intended", "intended"])
    for number in range(3):
        fill(venue, number)
        follow(other, proposal_id)
    assert states(desk) == ["filled"] * 3


def test_in_order_ends_the_rest_when_a_leg_ends(desk, other, venue, fly):
    proposal_id = fly(legging="in_order")
    follow(other, proposal_id)
    venue.end(venue.orders[0], "cancelled")
    follow(other, proposal_id)
    assert (states(desk), len(venue.orders)) == (["cancelled", "denied", "denied"], 1)
    assert "leg 1 ended as cancelled" in desk.sql("SELECT reason FROM execution.orders WHERE leg = 1")[0][0]


def test_keep_leaves_filled_legs_when_another_fails(desk, other, venue, broker, fly):
    broker.submits = ["arrives", "rejected", "arrives"]
    proposal_id = fly()
    follow(other, proposal_id)
    fill(venue, 0)
    follow(other, proposal_id)
    assert (states(desk), states(desk, 2)) == (["filled", "rejected", "accepted"], [])


def test_unwind_cancels_what_works_and_trades_back_what_filled(desk, other, venue, broker, fly):
    proposal_id = fly(on_failure="unwind")
    follow(other, proposal_id, 1)
    fill(venue, 0)
    venue.fill(venue.orders[2], Decimal("0.04"), Decimal(16_000))
    venue.end(venue.orders[1], "expired")
    follow(other, proposal_id)
    assert states(desk) == ["filled", "expired", "cancelled"]
    back = [(order.ticket.symbol, order.ticket.side, order.ticket.quantity) for order in venue.orders[3:]]
    assert sorted(back) == [("AAA", "sell", Decimal(10)), ("BTC", "sell", Decimal("0.04"))]
    for number in (3, 4):
        fill(venue, number)
    follow(other, proposal_id)
    assert states(desk, 2) == ["filled", "filled"] and len(venue.orders) == 5
    assert other.books.holdings().positions == ()
    assert venue.positions("main") == {}
    assert other.reconciliation.run()[0].outcome == "agrees"


def test_unwinding_waits_for_a_leg_whose_fate_is_unknown(desk, other, venue, broker, fly):
    broker.submits = ["arrives late", "rejected"]
    proposal_id = fly(on_failure="unwind")
    follow(other, proposal_id, 2)
    # The third leg never left: the second had failed by then.
    assert states(desk) == ["unknown", "rejected", "denied"] and states(desk, 2) == []
    venue.deliver()
    follow(other, proposal_id, 3)
    assert states(desk) == ["cancelled", "rejected", "denied"] and states(desk, 2) == []


def test_unwinding_is_stopped_by_a_halt_but_not_by_the_expiry(desk, other, venue, broker, fly):
    proposal_id = fly(on_failure="unwind")
    follow(other, proposal_id, 1)
    fill(venue, 0)
    venue.end(venue.orders[1], "expired")
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE execution.trading_state SET halted = true")
    follow(other, proposal_id, 2)
    assert states(desk, 2) in ([], ["denied"]) and len(venue.orders) == 3


BACK = (
    "INSERT INTO execution.orders"
    " (order_id, client_order_id, proposal_id, leg, attempt, account_id, instrument_id, side, quantity,"
    " order_type, time_in_force, state, desk_time) SELECT 'ord_x', 'qd_x', proposal_id, leg, {attempt},"
    " account_id, instrument_id, {side}, {quantity}, 'market', 'day', 'intended', now() FROM execution.orders"
    " WHERE leg = {leg} AND attempt = 1"
)
FORGED = [
    {"side": "'buy'"},
    {"quantity": "11"},
    {"attempt": "3"},
    {"leg": "1", "side": "'buy'"},
    {"leg": "2", "side": "'sell'", "quantity": "0.1"},
]


@pytest.mark.parametrize("change", FORGED)
def test_the_database_lets_only_the_exact_trade_back_through(desk, other, venue, fly, change, monkeypatch):
    proposal_id = fly(on_failure="unwind")
    follow(other, proposal_id, 1)
    fill(venue, 0)
    venue.end(venue.orders[1], "expired")
    other.settlement.settle("main")
    exact = {"attempt": "2", "side": "'sell'", "quantity": "10", "leg": "0"}
    with pytest.raises(Refused, match=r"trade|traded|attempt|back"), desk.store.transaction() as transaction:
        transaction.connection.execute(BACK.format(**{**exact, **change}))
    with desk.store.transaction() as transaction:
        transaction.connection.execute(BACK.format(**exact))


def test_the_database_trades_nothing_back_that_was_not_approved_so(desk, other, venue, fly):
    proposal_id = fly()
    follow(other, proposal_id, 1)
    fill(venue, 0)
    venue.end(venue.orders[1], "expired")
    other.settlement.settle("main")
    with pytest.raises(Refused, match="no approval to trade"), desk.store.transaction() as transaction:
        transaction.connection.execute(BACK.format(attempt="2", side="'sell'", quantity="10", leg="0"))


def test_the_digest_covers_both_where_they_are_set(desk, fly):
    plain = desk.proposals.get(fly()).proposal
    digests = {
        proposal_digest(plain.model_copy(update=changes))
        for changes in ({}, {"legging": "in_order"}, {"on_failure": "unwind"})
    }
    assert len(digests) == 3 and plain.digest in digests
    assert desk.sql("SELECT p.digest = execution.proposal_digest(p) FROM execution.proposals p") == [(True,)]


def test_one_leg_needs_no_policy():
    leg = LegRequest(symbol="AAA", side="buy", quantity=Decimal(1))
    with pytest.raises(InvalidInput, match="several legs"):
        check_request(TradeRequest(legs=(leg,), on_failure="unwind"))
