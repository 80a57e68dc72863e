"""A linked pair trades once: what is executed of one order, or its end, cancels the other, at any venue."""

from __future__ import annotations

from decimal import Decimal
from itertools import product

import psycopg
import pytest

from core.errors import InvalidInput, Refused
from core.execution.digest import proposal_digest
from core.execution.orders import OPEN
from core.execution.requests import LegRequest, TradeRequest, check_request
from core.testing.small_market import ANNA, PETER


def request(*, target=160, stop=140, quantity=10, **changes):
    legs = (
        LegRequest(
            symbol="AAA", side="sell", quantity=Decimal(quantity), limit_price=Decimal(target), order_type="limit"
        ),
        LegRequest(symbol="AAA", side="sell", quantity=Decimal(quantity), stop_price=Decimal(stop), order_type="stop"),
    )
    return TradeRequest(
        **{"legs": legs, "order_type": "limit", "time_in_force": "gtc", "legging": "one_cancels_other", **changes}
    )


@pytest.fixture
def pair(desk):
    """Give the id of an approved pair that sells 10 AAA at 160 or at a stop of 140."""
    proposal = desk.proposals.propose(request(), ANNA)
    desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    return proposal.proposal_id


def follow(other, proposal_id, times=2):
    """Do what the workflow does until nothing moves."""
    for _ in range(times):
        other.settlement.settle("main")
        other.gateway.release(proposal_id)


def states(desk):
    return [state for (state,) in desk.sql("SELECT state FROM execution.orders ORDER BY leg")]


def test_both_leave_under_ids_that_name_each_other(desk, other, venue, pair):
    other.gateway.release(pair)
    first, second = (order.ticket for order in venue.orders)
    assert (first.order_type, second.order_type) == ("limit", "stop")
    assert (first.linked_to, second.linked_to) == (second.client_order_id, first.client_order_id)
    assert states(desk) == ["accepted", "accepted"]


# What the venue says of one order, and where the two of them end. None of it may leave both able to trade.
ENDINGS = {
    "filled": ("filled", "cancelled"),
    "part": ("partially_filled", "cancelled"),
    "cancelled": ("cancelled", "cancelled"),
    "expired": ("expired", "cancelled"),
    "rejected": ("rejected", "cancelled"),
}


@pytest.mark.parametrize(("number", "event"), list(product((0, 1), ENDINGS)))
def test_whatever_happens_to_one_the_other_is_cancelled(desk, other, venue, pair, number, event):
    other.gateway.release(pair)
    order = venue.orders[number]
    if event in ("filled", "part"):
        venue.fill(order, Decimal(10 if event == "filled" else 4), Decimal(150))
    else:
        venue.end(order, event)
    follow(other, pair)
    ended, cancelled = ENDINGS[event]
    assert states(desk) == ([ended, cancelled] if number == 0 else [cancelled, ended])
    if event == "part":
        venue.fill(order, Decimal(6), Decimal(150))
        follow(other, pair)
        assert states(desk)[number] == "filled"
    assert sum(one.filled for one in venue.orders) <= 10
    assert not [order for order in venue.orders if order.state in ("accepted", "partially_filled")]


@pytest.mark.parametrize("first", ["rejected", "fills first", "reply lost", "refused"])
def test_what_became_of_the_first_while_it_was_sent_decides_on_the_second(desk, other, venue, broker, pair, first):
    broker.submits = [first]
    other.gateway.release(pair)
    follow(other, pair)
    expected = {
        "rejected": (["rejected", "denied"], 1),
        "refused": (["denied", "denied"], 0),
        # Sent before anybody heard of the fill: the desk cancels it as soon as it does.
        "fills first": (["filled", "cancelled"], 2),
        "reply lost": (["accepted", "accepted"], 2),
    }
    assert (states(desk), len(venue.orders)) == expected[first]


def test_a_person_who_cancels_one_cancels_both(desk, other, venue, pair):
    orders = other.gateway.release(pair)
    assert other.gateway.cancel(orders[1].order_id, PETER).state == "cancelled"
    assert states(desk) == ["cancelled", "cancelled"]


def test_a_cancel_that_is_not_answered_is_asked_again(desk, other, venue, broker, pair):
    other.gateway.release(pair)
    venue.fill(venue.orders[0], Decimal(10), Decimal(160))
    broker.cancels = ["never left"]
    follow(other, pair, 1)
    assert states(desk) == ["filled", "accepted"]
    follow(other, pair, 1)
    assert states(desk) == ["filled", "cancelled"]


def test_when_both_trade_in_the_same_moment_both_are_booked_and_nothing_more_leaves(desk, other, venue, broker, pair):
    """A venue that does not link can be faster than the desk: then both fills count, and the rest is cancelled."""
    other.gateway.release(pair)
    for order, price in zip(venue.orders, (160, 140), strict=True):
        venue.fill(order, Decimal(4), Decimal(price))
    follow(other, pair)
    assert states(desk) == ["cancelled", "cancelled"]
    assert desk.sql("SELECT sum(quantity) FROM execution.fills") == [(Decimal(8),)]
    assert not {order.state for order in venue.orders} & {"accepted", "partially_filled"}


def test_recovery_after_a_crash_keeps_the_pair(desk, open_another, venue, broker, pair, monkeypatch):
    class Killed(BaseException):
        pass

    def die(name):
        if name == "send.sent":
            raise Killed

    monkeypatch.setattr("core.execution.gateway.crash_point", die)
    dying = open_another(broker)
    with pytest.raises(Killed):
        dying.gateway.release(pair)
    monkeypatch.undo()
    venue.fill(venue.orders[0], Decimal(10), Decimal(160))
    after = open_another(broker)
    after.settlement.settle("main")
    after.gateway.recover()
    assert states(desk) == ["filled", "denied"]
    assert len(venue.orders) == 1


def test_the_pair_counts_once_before_the_gate(desk, other, pair, ask):
    before = desk.store
    with before.transaction() as transaction:
        assert transaction.gate.snapshot("main").working == ()
    other.gateway.release(pair)
    with before.transaction() as transaction:
        (working,) = transaction.gate.snapshot("main").working
    assert working.signed_quantity == -10


def test_a_pair_on_a_long_position_needs_no_short_sale(desk, ask, approve):
    with desk.database.transaction() as connection:
        connection.execute("UPDATE execution.accounts SET limits = '{\"allow_short\": false}'")
    bought = desk.proposals.propose(ask(quantity=10), ANNA)
    approve(bought)
    desk.gateway.release(bought.proposal_id)
    desk.advance()
    impact = desk.proposals.prepare(request()).impact
    assert [leg.position_after for leg in impact.legs] == [0, 0]
    # 10 at 160.00 is what the pair may bring at most, not 3,000.00.
    assert impact.notional == 1600
    with pytest.raises(Refused, match="no_short"):
        desk.proposals.prepare(request(quantity=11))


def test_on_paper_the_target_fills_and_the_stop_is_gone(desk, approve):
    proposal = desk.proposals.propose(request(target=153, stop=140), ANNA)
    approve(proposal)
    desk.gateway.release(proposal.proposal_id)
    # AAA opens at 151.50 on 30 November, at 152.50 on 1 December with a high of 153.25.
    desk.advance()
    assert states(desk) == ["accepted", "accepted"]
    desk.advance()
    desk.gateway.release(proposal.proposal_id)
    assert states(desk) == ["filled", "cancelled"]
    (fill,) = desk.books.fills()
    assert (fill.price, str(fill.session)) == (Decimal(153), "2022-12-01")
    assert desk.reconciliation.run()[0].outcome == "agrees"


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"legs": request().legs[:1], "on_failure": "unwind"}, "several legs"),
        ({"legs": (request().legs[0],) * 2}, "A linked pair is one limit order and one stop"),
        ({"legs": (request().legs[0], request(quantity=9).legs[1])}, "same symbol, side and quantity"),
        ({"legs": (*request().legs, request().legs[0])}, "A linked pair is one limit order"),
        ({"on_failure": "unwind"}, "nothing to unwind"),
        ({"time_in_force": "ioc"}, "cannot end at once"),
        ({"legging": "together"}, "order type limit of its own"),
    ],
)
def test_what_is_no_pair_is_refused(changes, sentence):
    check_request(request())
    with pytest.raises(InvalidInput, match=sentence):
        check_request(request(**changes))


@pytest.mark.parametrize("order_type", ["stop", "stop_limit"])
@pytest.mark.parametrize("tif", ["ioc", "fok"])
def test_an_order_that_waits_cannot_end_at_once(order_type, tif, ask):
    prices = {"stop_price": 150, "limit_price": 151 if order_type == "stop_limit" else None}
    with pytest.raises(InvalidInput, match="cannot end at once"):
        check_request(ask(order_type=order_type, time_in_force=tif, **prices))


@pytest.mark.parametrize(
    ("legs", "why"),
    [
        ("jsonb_set(legs, '{1,quantity}', '\"11\"')", "two legs of one instrument, side and quantity"),
        ("jsonb_set(legs, '{1,side}', '\"buy\"')", "two legs of one instrument, side and quantity"),
        ("legs || jsonb_build_array(legs -> 0)", "two legs of one instrument, side and quantity"),
        ("jsonb_set(legs, '{1,order_type}', '\"limit\"')", "the prices of its order type"),
        ("jsonb_set(legs, '{1,order_type}', '\"never\"')", "the prices of its order type"),
    ],
)
def test_the_database_refuses_a_pair_that_is_none(desk, pair, legs, why):
    columns = "account_id, order_type, time_in_force, notional, author, author_kind, requested_by, desk_time, legging"
    row = "jsonb_populate_record(NULL::execution.proposals, to_jsonb(p) || jsonb_build_object({}))"
    changed = row.format(f"'proposal_id', 'prp_x', 'legs', {legs}")
    sql = (
        f"INSERT INTO execution.proposals (proposal_id, legs, digest, expires_at, {columns})"
        f" SELECT 'prp_x', {legs}, execution.proposal_digest({changed}), expires_at, {columns}"
        " FROM execution.proposals p"
    )
    with pytest.raises(psycopg.errors.CheckViolation, match=why), desk.database.transaction() as connection:
        connection.execute(sql.encode())


def test_the_digest_covers_the_pair_and_what_each_leg_is(desk, pair):
    proposal = desk.proposals.get(pair).proposal
    assert proposal.digest == proposal_digest(proposal)
    legs = (proposal.legs[0], proposal.legs[1].model_copy(update={"order_type": "stop_limit"}))
    assert proposal_digest(proposal.model_copy(update={"legs": legs})) != proposal.digest
    assert proposal_digest(proposal.model_copy(update={"legging": "together"})) != proposal.digest


def test_a_leg_without_a_type_of_its_own_is_stored_as_before(desk, ask):
    """Proposals from before pairs keep their digests: the key is not there at all."""
    proposal = desk.proposals.propose(ask(), ANNA)
    assert desk.sql("SELECT legs -> 0 ? 'order_type' FROM execution.proposals") == [(False,)]
    assert desk.proposals.get(proposal.proposal_id).proposal.digest == proposal_digest(proposal)


def test_only_open_orders_are_cancelled():
    assert {"accepted", "partially_filled", "intended"} < OPEN
