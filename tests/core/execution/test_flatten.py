"""Stop everything: orders at work are cancelled, positions closed, and nothing but reductions leaves."""

from __future__ import annotations

import pytest

from core.errors import NotSignedIn, OutcomeUnknown
from core.execution.flatten import flatten, stop_and_cancel
from core.testing.small_market import AGENT, ANNA, CLERK, PETER


@pytest.fixture
def traded(desk, ask, approve):
    """Hold 100 AAA and be 40 BBB short, with a purchase at work and one approved but not sent."""
    for changes in ({"quantity": 100}, {"symbol": "BBB", "side": "sell", "quantity": 40}):
        proposal = desk.proposals.propose(ask(**changes), ANNA)
        approve(proposal)
        desk.gateway.release(proposal.proposal_id)
    desk.advance()
    working = desk.proposals.propose(ask(quantity=5, order_type="limit", limit_price=100, time_in_force="gtc"), ANNA)
    approve(working)
    desk.gateway.release(working.proposal_id)
    waiting = desk.proposals.propose(ask(quantity=3), ANNA)
    approve(waiting)
    return waiting.proposal_id


def states(desk):
    return dict(desk.sql("SELECT state, count(*) FROM execution.orders GROUP BY state"))


def test_stop_and_cancel_cancels_what_works_and_sends_nothing_more(desk, traded):
    done = stop_and_cancel(desk.kill_switch, desk.gateway, CLERK, "odd")
    assert ([order.state for order in done.cancelled], done.problems) == (["cancelled"], ())
    assert [order.state for order in desk.gateway.release(traded)] == ["denied"]
    assert states(desk) == {"filled": 2, "cancelled": 1, "denied": 1}


def test_an_order_written_but_not_sent_is_withdrawn(desk, traded, monkeypatch):
    monkeypatch.setattr(type(desk.gateway), "_advance", lambda self, order: order)
    desk.gateway.release(traded)
    monkeypatch.undo()
    stop_and_cancel(desk.kill_switch, desk.gateway, PETER, "odd")
    assert states(desk) == {"filled": 2, "cancelled": 1, "denied": 1}
    assert [order.state for order in desk.gateway.release(traded)] == ["denied"]


@pytest.fixture
def second(desk, traded, ask, approve):
    """Have another purchase at work and count what the venue is asked to cancel."""
    proposal = desk.proposals.propose(ask(quantity=1, order_type="limit", limit_price=100, time_in_force="gtc"), ANNA)
    approve(proposal)
    return desk.gateway.release(proposal.proposal_id)[0]


def silent(broker, monkeypatch, is_silent):
    """Let a broker not answer for the cancels that `is_silent` picks by id and number of calls; return the calls."""
    honest, calls = broker.cancel, []

    def cancel(account_id, client_order_id):
        calls.append(client_order_id)
        if is_silent(client_order_id, len(calls)):
            raise OutcomeUnknown("no reply")
        return honest(account_id, client_order_id)

    monkeypatch.setattr(broker, "cancel", cancel, raising=False)
    return calls


def test_a_venue_that_does_not_answer_does_not_keep_others_from_being_cancelled(desk, second, monkeypatch):
    calls = silent(desk.gateway._brokers["paper"], monkeypatch, lambda client, _: client == second.client_order_id)
    done = stop_and_cancel(desk.kill_switch, desk.gateway, PETER, "odd")
    assert (len(done.cancelled), len(done.problems)) == (1, 1)
    assert second.order_id in done.problems[0] and second.order_id not in {order.order_id for order in done.cancelled}
    assert len(set(calls)) == 2, "both were asked for"


def test_a_lost_answer_is_asked_for_again(desk, second, monkeypatch):
    calls = silent(desk.gateway._brokers["paper"], monkeypatch, lambda _, number: number == 1)
    done = stop_and_cancel(desk.kill_switch, desk.gateway, PETER, "odd")
    assert ([order.state for order in done.cancelled], done.problems) == (["cancelled", "cancelled"], ())
    assert len(calls) == 3, "what was cancelled is not asked for again"


def test_an_order_that_left_while_orders_were_listed_is_cancelled(desk, traded, ask, approve, monkeypatch):
    """The halt file can be written just after a sender looked for it: what it sends then must not stay at work."""
    monkeypatch.setattr(type(desk.gateway), "_advance", lambda self, order: order)
    late = desk.proposals.propose(ask(quantity=2, order_type="limit", limit_price=90, time_in_force="gtc"), ANNA)
    approve(late)
    (order,) = desk.gateway.release(late.proposal_id)
    monkeypatch.undo()
    assert order.state == "intended"
    honest = type(desk.gateway)._withdraw

    def withdraw(self, order, reason):
        monkeypatch.undo()
        self.release(order.proposal_id)
        return honest(self, order, reason)

    monkeypatch.setattr(type(desk.gateway), "_withdraw", withdraw)
    _, problems = desk.gateway.cancel_all(PETER)
    assert problems == []
    assert states(desk) == {"filled": 2, "cancelled": 2}


def test_flatten_closes_every_position_and_only_that(desk, traded, ask, approve):
    done = flatten(desk.store, desk.proposals, desk.kill_switch, desk.gateway, PETER, "end")
    assert done.problems == ()
    assert sorted((order.side, order.quantity, order.state) for order in done.closing) == [
        ("buy", 40, "accepted"),
        ("sell", 100, "accepted"),
    ]
    assert [order.state for order in desk.gateway.release(traded)] == ["denied"]
    desk.advance()
    assert desk.books.holdings().positions == ()
    # The closing orders stand under a person's approval like any other, and the halt stays.
    assert desk.sql("SELECT count(*) FROM execution.decisions WHERE face = 'flatten' AND decided_by = 'usr_peter'") == [
        (2,)
    ]
    assert desk.sql("SELECT halted, reduce_only FROM execution.trading_state") == [(True, True)]


@pytest.mark.parametrize("principal", [AGENT, CLERK])
def test_only_a_person_who_may_approve_flattens(desk, traded, principal):
    with pytest.raises(NotSignedIn):
        flatten(desk.store, desk.proposals, desk.kill_switch, desk.gateway, principal, "end")
    assert desk.sql("SELECT halted FROM execution.trading_state") == [(False,)]


@pytest.mark.parametrize(
    ("statement", "leaves"),
    [
        ("UPDATE execution.trading_state SET halted = true, reduce_only = true", True),
        ("UPDATE execution.trading_state SET halted = true, reduce_only = false", False),
        ("DELETE FROM execution.trading_state", False),
    ],
)
def test_the_database_lets_a_reduction_leave_only_when_reduce_only(desk, traded, statement, leaves):
    desk.sql(statement)
    order_id = desk.sql("SELECT order_id FROM execution.orders WHERE side = 'buy' AND quantity = 100")[0][0]
    smaller = (
        "SELECT execution.may_leave(jsonb_populate_record(o, %s::jsonb)) FROM execution.orders o WHERE order_id = %s"
    )
    for change, reduces in (
        ('{"order_id": "x", "side": "sell", "quantity": 100}', True),
        ('{"order_id": "x", "side": "sell", "quantity": 101}', False),
        ('{"order_id": "x", "side": "buy", "quantity": 1}', False),
    ):
        assert desk.sql(smaller, change, order_id) == [(leaves and reduces,)]


def test_resuming_ends_reduce_only_too(desk, traded):
    desk.kill_switch.halt(CLERK, "odd", reduce_only=True)
    desk.kill_switch.resume(PETER, "fine")
    assert desk.sql("SELECT halted, reduce_only FROM execution.trading_state") == [(False, False)]
    assert [order.state for order in desk.gateway.release(traded)] == ["accepted"]
