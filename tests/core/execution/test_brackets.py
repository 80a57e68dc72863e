"""A bracket protects what its entry filled, never more than the position holds, and never beside an exit."""

from __future__ import annotations

from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, Refused
from core.execution.digest import proposal_digest
from core.execution.requests import LegRequest, TradeRequest, check_request
from core.testing.small_market import ANNA, PETER

AUTHOR = "stg_rising"


def leg(quantity=10, side="sell", *, stop=None, target=None):
    """Return a leg: an entry, a stop or a target."""
    return LegRequest(
        symbol="AAA",
        side=side,
        quantity=Decimal(quantity),
        stop_price=None if stop is None else Decimal(stop),
        limit_price=None if target is None else Decimal(target),
        order_type="stop" if stop else "limit" if target else None,
    )


def bracket(quantity=10, *, stop=140, target=160, entry="buy", keeps=None, **changes):
    """Return a request to buy, with a stop and a target for what is held then; without an entry to protect alone."""
    away = "buy" if entry == "sell" else "sell"
    legs = [leg(quantity, entry)] if entry else []
    legs += [leg(keeps or quantity, away, stop=stop)] if stop else []
    legs += [leg(keeps or quantity, away, target=target)] if target else []
    return TradeRequest(**{"legs": tuple(legs), "legging": "bracket", "author": AUTHOR, **changes})


def sale(quantity=10, author=AUTHOR):
    return TradeRequest(legs=(leg(quantity),), author=author)


@pytest.fixture
def approved(desk):
    """Give a function that proposes and approves a request and returns the proposal's id."""

    def make(request):
        proposal = desk.proposals.propose(request, ANNA)
        desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        return proposal.proposal_id

    return make


def follow(other, proposal_id, times=2):
    """Do what the workflow does until nothing moves."""
    for _ in range(times):
        other.gateway.release(proposal_id)
        other.settlement.settle("main")
    other.gateway.release(proposal_id)


def states(desk, proposal_id):
    rows = desk.sql("SELECT leg, state FROM execution.orders WHERE proposal_id = %s ORDER BY leg", proposal_id)
    return dict(rows)


def at_rest(venue, *, with_sales=False):
    """Return what rests for a position, the orders of a pair counted once; with the sales at the market on top."""
    left = {}
    for order in venue.orders:
        counts = order.ticket.order_type != "market" or (with_sales and order.ticket.side == "sell")
        if order.state in ("accepted", "partially_filled") and counts:
            pair = min(order.ticket.client_order_id, order.ticket.linked_to or order.ticket.client_order_id)
            left[pair] = max(left.get(pair, Decimal(0)), order.ticket.quantity - order.filled)
    return sum(left.values(), Decimal(0))


def held(venue):
    return venue.positions("main").get(1, Decimal(0))


def test_nothing_protects_until_the_entry_has_ended_then_a_linked_pair_for_what_it_filled(desk, other, venue, approved):
    proposal_id = approved(bracket())
    follow(other, proposal_id)
    assert [order.ticket.order_type for order in venue.orders] == ["market"]
    venue.fill(venue.orders[0], Decimal(4), Decimal(150))
    follow(other, proposal_id)
    assert len(venue.orders) == 1
    venue.end(venue.orders[0], "expired")
    follow(other, proposal_id)
    _, stop, target = (order.ticket for order in venue.orders)
    assert (stop.order_type, stop.side, stop.quantity, stop.stop_price) == ("stop", "sell", Decimal(4), Decimal(140))
    assert (target.order_type, target.quantity, target.limit_price) == ("limit", Decimal(4), Decimal(160))
    assert {stop.time_in_force, target.time_in_force} == {"gtc"}
    assert (stop.linked_to, target.linked_to) == (target.client_order_id, stop.client_order_id)
    assert states(desk, proposal_id) == {0: "expired", 1: "accepted", 2: "accepted"}
    assert other.reconciliation.run()[0].outcome == "agrees"


def test_an_entry_that_fills_nothing_leaves_nothing(desk, other, venue, approved):
    proposal_id = approved(bracket())
    follow(other, proposal_id)
    venue.end(venue.orders[0], "cancelled")
    follow(other, proposal_id)
    assert states(desk, proposal_id) == {0: "cancelled"} and len(venue.orders) == 1


@pytest.mark.parametrize(("number", "price"), [(1, 140), (2, 160)])
def test_one_of_the_two_trades_and_the_other_is_cancelled(desk, other, venue, approved, number, price):
    proposal_id = approved(bracket())
    follow(other, proposal_id)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, proposal_id)
    venue.fill(venue.orders[number], Decimal(10), Decimal(price))
    follow(other, proposal_id)
    ended = states(desk, proposal_id)
    assert (ended.pop(number), ended.pop(3 - number)) == ("filled", "cancelled")
    assert held(venue) == 0 == at_rest(venue)


def test_a_target_that_the_venue_refuses_does_not_take_the_stop_with_it(desk, other, venue, broker, approved):
    proposal_id = approved(bracket())
    follow(other, proposal_id)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    broker.submits = ["arrives", "rejected"]
    follow(other, proposal_id)
    assert states(desk, proposal_id) == {0: "filled", 1: "accepted", 2: "rejected"} and at_rest(venue) == 10


def test_a_target_that_a_person_cancels_takes_the_stop_with_it(desk, other, venue, approved):
    proposal_id = approved(bracket())
    follow(other, proposal_id)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, proposal_id)
    _, _, target = other.proposals.get(proposal_id).orders
    other.gateway.cancel(target.order_id, PETER)
    assert at_rest(venue) == 0


def alarms(desk):
    return desk.sql("SELECT subject_id FROM desk.outbox WHERE topic = 'alert.raised'")


def test_a_stop_that_may_not_rest_calls_for_a_person_once(desk, other, venue, broker, approved):
    proposal_id = approved(bracket(target=None))
    follow(other, proposal_id)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    broker.submits = ["never left"]
    other.settlement.settle("main")
    other.gateway.release(proposal_id)
    # Not answered yet: the venue may have it.
    assert states(desk, proposal_id)[1] == "unknown" and alarms(desk) == []
    follow(other, proposal_id, 3)
    stop = other.proposals.get(proposal_id).orders[1]
    assert stop.state == "unknown" and at_rest(venue) == 0 and alarms(desk) == [(stop.order_id,)]


def test_a_stop_on_its_way_is_not_sent_again_for_a_position_that_is_gone(desk, other, venue, broker, approved):
    """The venue takes an id once, so the desk would send again what it does not have; but the target was faster."""
    venue.deduplicates = True
    proposal_id = approved(bracket())
    follow(other, proposal_id)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    broker.submits = ["arrives late"]
    other.settlement.settle("main")
    other.gateway.release(proposal_id)
    venue.fill(venue.orders[1], Decimal(10), Decimal(160))
    other.settlement.settle("main")
    follow(other, proposal_id)
    assert states(desk, proposal_id) == {0: "filled", 1: "unknown", 2: "filled"}
    venue.deliver()
    follow(other, proposal_id)
    assert states(desk, proposal_id)[1] == "cancelled" and at_rest(venue) == 0 == held(venue)


def test_a_short_position_is_protected_by_purchases(desk, other, venue, approved):
    proposal_id = approved(bracket(entry="sell", stop=160, target=140))
    follow(other, proposal_id)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, proposal_id)
    assert [order.ticket.side for order in venue.orders] == ["sell", "buy", "buy"]
    assert held(venue) == -10 and at_rest(venue) == 10


def test_an_exit_leaves_once_what_rests_for_its_shares_is_cancelled(desk, other, venue, broker, approved):
    entry = approved(bracket())
    follow(other, entry)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, entry)
    leaving = approved(sale())
    broker.cancels = ["never left", "never left"]
    other.gateway.release(leaving)
    assert states(desk, leaving) == {0: "intended"} and len(venue.orders) == 3
    other.gateway.release(leaving)
    assert states(desk, leaving) == {0: "accepted"} and at_rest(venue) == 0
    venue.fill(venue.orders[3], Decimal(10), Decimal(150))
    follow(other, leaving)
    assert held(venue) == 0


def test_an_exit_does_not_leave_when_the_stop_was_faster(desk, other, venue, approved):
    entry = approved(bracket())
    follow(other, entry)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, entry)
    leaving = approved(sale())
    # The venue executes a part of the stop that the desk has not heard of yet.
    venue.fill(venue.orders[1], Decimal(6), Decimal(140))
    other.gateway.release(leaving)
    assert states(desk, leaving) == {0: "intended"}
    follow(other, leaving)
    assert states(desk, leaving) == {0: "denied"}
    assert "propose it again" in desk.sql("SELECT reason FROM execution.orders WHERE proposal_id = %s", leaving)[0][0]
    assert held(venue) == 4 and at_rest(venue) == 0


def test_a_sale_that_leaves_enough_does_not_touch_what_rests(desk, other, venue, approved):
    entry = approved(bracket())
    bought = approved(TradeRequest(legs=(leg(5, "buy"),), author="usr_anna"))
    for proposal_id in (entry, bought):
        follow(other, proposal_id)
    for order in list(venue.orders):
        venue.fill(order, Decimal(10), Decimal(150))
    follow(other, entry)
    leaving = approved(sale(5, "usr_anna"))
    other.gateway.release(leaving)
    assert states(desk, leaving) == {0: "accepted"} and at_rest(venue) == 10
    more = approved(sale(1, "usr_anna"))
    other.gateway.release(more)
    assert at_rest(venue) == 0


def test_new_levels_replace_the_old_and_never_rest_beside_them(desk, other, venue, approved):
    entry = approved(bracket())
    follow(other, entry)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, entry)
    tighter = approved(bracket(entry=None, stop=145, target=None, order_type="stop", time_in_force="gtc"))
    follow(other, tighter)
    assert states(desk, entry) == {0: "filled", 1: "cancelled", 2: "cancelled"}
    assert states(desk, tighter) == {0: "accepted"}
    (stop,) = [order.ticket for order in venue.orders if order.state == "accepted"]
    assert (stop.stop_price, stop.quantity) == (Decimal(145), Decimal(10))


def test_a_larger_position_gets_protection_of_its_size(desk, other, venue, approved):
    entry = approved(bracket())
    follow(other, entry)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, entry)
    more = approved(bracket(4, keeps=14, stop=142))
    follow(other, more)
    venue.fill(venue.orders[3], Decimal(3), Decimal(150))
    venue.end(venue.orders[3], "cancelled")
    follow(other, more)
    assert held(venue) == 13 == at_rest(venue)
    assert states(desk, entry)[1] == "cancelled"


def test_what_the_position_no_longer_holds_is_cancelled(desk, other, venue, approved):
    entry = approved(bracket())
    follow(other, entry)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, entry)
    # A sale that was at work before: not of this strategy, and too large for both.
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE execution.positions SET quantity = 9")
    other.gateway.release(entry)
    assert at_rest(venue) == 0


def test_a_stop_waits_while_trading_is_halted_and_leaves_afterwards(desk, other, venue, approved):
    entry = approved(bracket())
    follow(other, entry)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    desk.kill_switch.halt(PETER, "test")
    follow(other, entry)
    assert states(desk, entry) == {0: "filled", 1: "intended", 2: "intended"} and len(venue.orders) == 1
    desk.kill_switch.resume(PETER, "test")
    other.gateway.recover()
    assert at_rest(venue) == 10


def test_the_gate_counts_the_entry_once_and_what_protects_as_nothing(desk, other, venue, approved):
    impact = desk.proposals.prepare(bracket()).impact
    assert impact.notional == 1500 and impact.cash_after == Decimal("98499.85")
    assert [part.position_after for part in impact.legs] == [10, 0, 0]
    entry = approved(bracket())
    follow(other, entry)
    venue.fill(venue.orders[0], Decimal(10), Decimal(150))
    follow(other, entry)
    with desk.store.transaction() as transaction:
        snapshot = transaction.gate.snapshot("main")
    assert (snapshot.positions, snapshot.working) == ({1: Decimal(10)}, ())


def test_a_broker_without_stops_takes_no_bracket(open_another, broker):
    broker.rests_stops = False
    with pytest.raises(InvalidInput, match="do not rest"):
        open_another(broker).proposals.prepare(bracket())


@pytest.mark.parametrize(
    ("request_", "sentence"),
    [
        (bracket(stop=None, target=None), "A bracket is an entry"),
        (TradeRequest(legs=(leg(stop=140), leg(10, "buy")), legging="bracket"), "A bracket is an entry"),
        (TradeRequest(legs=(leg(stop=140), leg(9, target=160)), legging="bracket"), "A bracket is an entry"),
        (TradeRequest(legs=(leg(stop=140), leg(10, "buy", target=160)), legging="bracket"), "A bracket is an entry"),
        (TradeRequest(legs=(leg(stop=140), leg(stop=130)), legging="bracket"), "A bracket is an entry"),
        (bracket(on_failure="unwind"), "nothing of it is unwound"),
        (TradeRequest(legs=(leg(10, "buy"), leg(stop=140))), "order type stop of its own"),
    ],
)
def test_what_is_no_bracket_is_refused(request_, sentence):
    check_request(bracket())
    with pytest.raises(InvalidInput, match=sentence):
        check_request(request_)


FORGED = [
    "legs || jsonb_build_array(legs -> 1)",
    "jsonb_build_array(legs -> 0)",
    "jsonb_build_array(legs -> 1, legs -> 0)",
    "jsonb_set(legs, '{1,quantity}', '\"11\"')",
    "jsonb_set(legs, '{1,side}', '\"buy\"')",
    "jsonb_set(legs, '{1,instrument_id}', '2')",
    "legs #- '{1,order_type}'",
]


@pytest.mark.parametrize("legs", FORGED)
def test_the_database_refuses_a_bracket_that_is_none(desk, approved, legs):
    approved(bracket())
    columns = "account_id, order_type, time_in_force, notional, author, author_kind, requested_by, desk_time, legging"
    row = "jsonb_populate_record(NULL::execution.proposals, to_jsonb(p) || jsonb_build_object({}))"
    changed = row.format(f"'proposal_id', 'prp_x', 'legs', {legs}")
    sql = (
        f"INSERT INTO execution.proposals (proposal_id, legs, digest, expires_at, {columns})"
        f" SELECT 'prp_x', {legs}, execution.proposal_digest({changed}), expires_at, {columns}"
        " FROM execution.proposals p"
    )
    with (
        pytest.raises(psycopg.errors.CheckViolation, match=r"A bracket is an entry|the prices of its order type"),
        desk.database.transaction() as connection,
    ):
        connection.execute(sql.encode())


PROTECTING = (
    "INSERT INTO execution.orders (order_id, client_order_id, proposal_id, leg, attempt, account_id, instrument_id,"
    " side, quantity, order_type, stop_price, time_in_force, state, desk_time) SELECT 'ord_x', 'qd_x', proposal_id, 1,"
    " {attempt}, account_id, {instrument}, {side}, {quantity}, 'stop', {stop}, {tif}, {state}, now()"
    " FROM execution.orders WHERE leg = 0"
)
EXACT = {
    "attempt": "1",
    "instrument": "1",
    "side": "'sell'",
    "quantity": "4",
    "stop": "140",
    "tif": "'gtc'",
    "state": "'intended'",
}


@pytest.mark.parametrize(
    "change",
    [
        {"quantity": "5"},
        {"quantity": "10"},
        {"side": "'buy'"},
        {"stop": "139"},
        {"tif": "'day'"},
        {"attempt": "2"},
        {"instrument": "2"},
        {"state": "'submitting'"},
    ],
)
def test_the_database_lets_only_the_exact_protection_through(desk, other, venue, approved, change):
    proposal_id = approved(bracket())
    other.gateway.release(proposal_id)
    with pytest.raises(Refused, match="has not ended"), desk.store.transaction() as transaction:
        transaction.connection.execute(PROTECTING.format(**EXACT))
    venue.fill(venue.orders[0], Decimal(4), Decimal(150))
    venue.end(venue.orders[0], "expired")
    other.settlement.settle("main")
    with pytest.raises(Refused, match=r"protects|approval|trade"), desk.store.transaction() as transaction:
        transaction.connection.execute(PROTECTING.format(**{**EXACT, **change}))
    with desk.store.transaction() as transaction:
        transaction.connection.execute(PROTECTING.format(**EXACT))
        transaction.connection.execute("SET LOCAL session_replication_role = replica")
        transaction.connection.execute("UPDATE execution.positions SET quantity = 3")
    with pytest.raises(Refused, match="more than the position holds"), desk.store.transaction() as transaction:
        transaction.connection.execute("UPDATE execution.orders SET state = 'submitting' WHERE order_id = 'ord_x'")


def test_the_digest_covers_the_bracket_and_its_levels(desk, approved):
    proposal = desk.proposals.get(approved(bracket())).proposal
    assert proposal.digest == proposal_digest(proposal)
    legs = (*proposal.legs[:2], proposal.legs[2].model_copy(update={"limit_price": Decimal(161)}))
    assert proposal_digest(proposal.model_copy(update={"legs": legs})) != proposal.digest


def test_on_paper_the_stop_fills_inside_a_later_bar(desk, approved):
    # AAA opens at 151.50 on 30 November; a short position is stopped by its rise: 152.25 is passed on 1 December, which
    # opens at 152.50.
    proposal_id = approved(bracket(entry="sell", stop="152.25", target=None))
    desk.gateway.release(proposal_id)
    desk.advance()
    desk.gateway.release(proposal_id)
    assert states(desk, proposal_id) == {0: "filled", 1: "accepted"}
    desk.advance()
    desk.gateway.release(proposal_id)
    assert states(desk, proposal_id) == {0: "filled", 1: "filled"}
    stopped = desk.books.fills()[0]
    # Its open is beyond the stop, so it fills there, two basis points worse.
    assert (str(stopped.session), stopped.price) == ("2022-12-01", Decimal("152.5305"))
    assert desk.reconciliation.run()[0].outcome == "agrees"


STEPS = st.lists(
    st.tuples(
        st.sampled_from(
            ["enter", "exit", "person sells", "tighten", "fill", "part", "cancel", "expire", "lose", "follow"]
        ),
        st.integers(0, 3),
    ),
    min_size=4,
    max_size=14,
)


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(steps=STEPS)
def test_whatever_happens_what_rests_never_exceeds_the_position(desk, other, broker, start_over, steps):
    """Enter, leave, fill, cancel and lose replies in any order: no more rests than is held, once all was heard.

    While only the strategy trades, all that could sell at the venue at any moment is no more than is held.
    """
    venue = start_over()
    proposals: list[str] = []

    def send(request):
        try:
            proposal = desk.proposals.propose(request, ANNA)
            desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        except Refused:
            return
        proposals.append(proposal.proposal_id)
        other.gateway.release(proposal.proposal_id)

    only_the_strategy = True
    for step, number in [("enter", 2), ("fill", 0), *steps]:
        working = [order for order in venue.orders if order.state in ("accepted", "partially_filled")]
        chosen = working[number % len(working)] if working else None
        if step == "enter":
            send(bracket(4 + number, keeps=max(int(held(venue)), 0) + 4 + number))
        elif step == "exit" and held(venue) > 0:
            send(sale(int(held(venue))))
        elif step == "person sells":
            only_the_strategy = False
            send(sale(1 + number, "usr_anna"))
        elif step == "tighten" and held(venue) > 0:
            send(bracket(int(held(venue)), entry=None, stop=145, order_type="stop", time_in_force="gtc"))
        elif step in ("fill", "part") and chosen is not None:
            venue.fill(chosen, Decimal(100 if step == "fill" else 1 + number), Decimal(150))
        elif step in ("cancel", "expire") and chosen is not None:
            venue.end(chosen, "cancelled" if step == "cancel" else "expired")
        elif step == "lose":
            broker.submits, broker.cancels = ["reply lost"], ["never left"]
        for _ in range(3):
            # After a fill the venue may be ahead of the desk for a moment: only what was just sent is judged.
            if only_the_strategy and step in ("enter", "exit", "tighten"):
                assert at_rest(venue, with_sales=True) <= held(venue), (step, number)
            other.settlement.settle("main")
            for proposal_id in proposals:
                other.gateway.release(proposal_id)
        if only_the_strategy:
            assert at_rest(venue, with_sales=True) <= held(venue), (step, number)
        assert at_rest(venue) <= max(held(venue), Decimal(0)), (step, number)
    assert other.reconciliation.run()[0].outcome == "agrees"
