"""Send through venues that lose replies, answer late, refuse and go away."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from core.errors import ApprovalRefused, InvalidInput, OutcomeUnknown, Unavailable, UnknownName
from core.ports.broker import VenueAccount, VenueOrder
from core.testing.small_market import AGENT, ANNA, CLERK, PETER


class FaultyBroker:
    """Take orders in memory; each submit plays the next fault of `faults` (None: none)."""

    def __init__(self, *faults, deduplicates=True):
        self.faults = list(faults)
        self.deduplicates = deduplicates
        self.sent = []
        self.held = {}
        self.hides = False
        self.cancelled = []

    def submit(self, ticket):
        fault = self.faults.pop(0) if self.faults else None
        if fault == "never left":
            raise Unavailable("connection refused")
        if not (self.deduplicates and ticket.client_order_id in self.held):
            self.sent.append(ticket)
        state = "rejected" if fault == "rejected" else "accepted"
        word = VenueOrder(
            client_order_id=ticket.client_order_id,
            venue_order_id="v1",
            state=state,
            reason="no" * (fault == "rejected"),
        )
        self.held.setdefault(ticket.client_order_id, word)
        if fault == "reply lost":
            raise OutcomeUnknown("no reply within 10 s")
        return self.held[ticket.client_order_id]

    def find(self, account_id, client_order_id):
        if self.hides == "silent":
            raise OutcomeUnknown("no reply")
        return None if self.hides else self.held.get(client_order_id)

    def cancel(self, account_id, client_order_id):
        self.cancelled.append(client_order_id)
        return VenueOrder(client_order_id=client_order_id, venue_order_id="v1", state="cancelled")

    def executions(self, account_id, client_order_ids):
        return []

    def account(self, account_id):
        return VenueAccount(open_orders=(), positions={}, cash=None)


@pytest.fixture
def approved(desk, ask, approve):
    """Give a function that makes an approved proposal."""

    def make(**changes):
        proposal = desk.proposals.propose(ask(**changes), ANNA)
        approve(proposal)
        return proposal.proposal_id

    return make


def states(desk, order):
    return [(event["state_before"], event["event"]) for event in desk.books.order_events(order.order_id)]


def test_a_lost_reply_is_unknown_and_never_a_rejection(open_another, approved):
    broker = FaultyBroker("reply lost")
    desk = open_another(broker)
    (order,) = desk.gateway.release(approved())
    assert order.state == "unknown" and "no reply" in order.reason
    assert states(desk, order) == [(None, "intended"), ("intended", "submit"), ("submitting", "lose")]


def test_the_venue_s_evidence_resolves_unknown_without_a_second_send(open_another, approved):
    broker = FaultyBroker("reply lost", deduplicates=False)
    desk = open_another(broker)
    proposal_id = approved()
    desk.gateway.release(proposal_id)
    (order,) = desk.gateway.release(proposal_id)
    assert (order.state, order.venue_order_id, len(broker.sent)) == ("accepted", "v1", 1)


def test_a_venue_that_does_not_answer_leaves_it_unknown(open_another, approved):
    broker = FaultyBroker("reply lost")
    desk = open_another(broker)
    proposal_id = approved()
    desk.gateway.release(proposal_id)
    broker.hides = "silent"
    assert [order.state for order in desk.gateway.release(proposal_id)] == ["unknown"]
    assert len(broker.sent) == 1


def test_where_a_resend_could_double_it_is_never_sent_again(open_another, approved):
    broker = FaultyBroker("reply lost", deduplicates=False)
    desk = open_another(broker)
    proposal_id = approved()
    desk.gateway.release(proposal_id)
    broker.hides = True
    for _ in range(3):
        (order,) = desk.gateway.release(proposal_id)
        desk.gateway.recover()
    assert (order.state, len(broker.sent)) == ("unknown", 1)


def test_where_the_venue_deduplicates_a_send_that_never_left_is_repeated(open_another, approved):
    broker = FaultyBroker("never left")
    desk = open_another(broker)
    proposal_id = approved()
    assert desk.gateway.release(proposal_id)[0].state == "unknown"
    assert desk.gateway.release(proposal_id)[0].state == "accepted"
    assert len(broker.sent) == 1


def test_where_a_resend_could_double_it_a_send_that_never_left_is_denied(open_another, approved):
    broker = FaultyBroker("never left", deduplicates=False)
    desk = open_another(broker)
    (order,) = desk.gateway.release(approved())
    assert (order.state, order.reason) == ("denied", "connection refused")
    assert (broker.sent, desk.gateway.recover()) == ([], [])


def test_a_refusal_of_the_venue_ends_the_order(open_another, approved):
    desk = open_another(FaultyBroker("rejected"))
    (order,) = desk.gateway.release(approved())
    assert (order.state, order.reason) == ("rejected", "no")


def test_without_an_approval_nothing_is_sent(open_another, desk, ask, approve, expire):
    broker = FaultyBroker()
    other = open_another(broker)
    pending = desk.proposals.propose(ask(), AGENT)
    with pytest.raises(ApprovalRefused, match="not approved"):
        other.gateway.release(pending.proposal_id)
    approve(pending, decision="rejected")
    with pytest.raises(ApprovalRefused, match="not approved"):
        other.gateway.release(pending.proposal_id)
    with pytest.raises(UnknownName):
        other.gateway.release("prp_none")
    assert broker.sent == []


def test_an_approval_that_lapsed_is_not_sent(open_another, desk, approved, expire):
    broker = FaultyBroker()
    proposal_id = approved()
    expire(desk.proposals.get(proposal_id).proposal)
    with pytest.raises(ApprovalRefused, match=r"not what was approved|lapsed"):
        open_another(broker).gateway.release(proposal_id)
    assert broker.sent == []


def test_content_changed_around_every_rule_is_still_refused(open_another, desk, approved):
    broker = FaultyBroker()
    proposal_id = approved()
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE execution.proposals SET legs = jsonb_set(legs, '{0,quantity}', '\"1000\"')")
    with pytest.raises(ApprovalRefused, match="not what was approved"):
        open_another(broker).gateway.release(proposal_id)
    assert broker.sent == []


@pytest.mark.parametrize("how", ["command", "row", "missing row", "file"])
def test_a_halt_denies_the_release_and_cancels_still_pass(open_another, desk, approved, how):
    broker = FaultyBroker()
    other = open_another(broker)
    (working,) = other.gateway.release(approved())
    proposal_id = approved()
    if how == "command":
        desk.kill_switch.halt(PETER, "test")
    elif how == "file":
        desk.kill_switch.file.write_text("by hand")
    else:
        desk.sql(
            "DELETE FROM execution.trading_state"
            if how == "missing row"
            else "UPDATE execution.trading_state SET halted = true"
        )
    (order,) = other.gateway.release(proposal_id)
    assert order.state == "denied" and "kill_switch" in order.reason
    assert len(broker.sent) == 1
    assert other.gateway.cancel(working.order_id, PETER).state == "cancelled"


def test_an_unreadable_halt_file_counts_as_halted(desk, tmp_path, monkeypatch):
    assert desk.kill_switch.status() is None
    # A folder that is a file cannot be entered: the error is not "there is no such file".
    (tmp_path / "home").write_text("")
    monkeypatch.setattr(desk.kill_switch, "file", tmp_path / "home" / "TRADING_HALTED")
    assert "cannot be read" in desk.kill_switch.status()


def test_after_a_resume_new_orders_leave_again(desk, approved):
    desk.kill_switch.halt(AGENT, "test")
    with pytest.raises(Exception, match="may not resume"):
        desk.kill_switch.resume(AGENT, "agents do not")
    desk.kill_switch.resume(PETER, "all clear")
    assert desk.kill_switch.status() is None
    assert desk.gateway.release(approved())[0].state == "accepted"


def test_a_halt_waits_for_a_send_under_way_and_after_it_nothing_leaves(open_another, approved, desk):
    """The send holds the switch: once the halt is committed, the count of sends stays."""
    entered, release = threading.Event(), threading.Event()

    class SlowBroker(FaultyBroker):
        def submit(self, ticket):
            entered.set()
            assert release.wait(10)
            return super().submit(ticket)

    broker = SlowBroker()
    other = open_another(broker)
    first, second = approved(), approved()
    sending = threading.Thread(target=other.gateway.release, args=(first,))
    sending.start()
    assert entered.wait(10)
    halted = threading.Event()

    def halt():
        desk.kill_switch.halt(PETER, "now")
        halted.set()

    halting = threading.Thread(target=halt)
    halting.start()
    assert not halted.wait(0.3)
    release.set()
    assert halted.wait(10)
    sending.join()
    halting.join()
    assert other.gateway.release(second)[0].state == "denied"
    assert len(broker.sent) == 1


def test_cancelling_all_waits_for_an_order_that_is_between_two_steps_of_its_sending(
    open_another, approved, desk, venue, broker, monkeypatch
):
    """Halted by SQL alone: the venue does not know the order yet, and whoever sends it has not seen the switch."""
    between, go_on = threading.Event(), threading.Event()

    def pause(name):
        if name == "send.submitting_stored":
            between.set()
            assert go_on.wait(20)

    sender, canceller = open_another(broker), open_another(broker)
    proposal_id = approved()
    monkeypatch.setattr("core.execution.gateway.crash_point", pause)
    sending = threading.Thread(target=sender.gateway.release, args=(proposal_id,))
    sending.start()
    assert between.wait(10)
    desk.sql("UPDATE execution.trading_state SET halted = true, changed_by = 'dba'")
    done = []
    cancelling = threading.Thread(target=lambda: done.append(canceller.gateway.cancel_all(PETER)))
    cancelling.start()
    waits = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted"
    while cancelling.is_alive() and desk.sql(waits) == [(0,)]:
        cancelling.join(0.01)
    go_on.set()
    sending.join()
    cancelling.join()
    assert done[0][1] == [] and venue.orders == []
    assert desk.sql("SELECT state FROM execution.orders") == [("denied",)]


def test_the_price_band_is_checked_at_the_release(open_another, desk, approved):
    broker = FaultyBroker()
    proposal_id = approved()
    desk.clock.advance(8)
    (order,) = open_another(broker).gateway.release(proposal_id)
    assert order.state == "denied" and "price_band" in order.reason
    assert broker.sent == []


def test_of_approvals_for_five_times_the_limit_exactly_the_limit_is_sent(open_another, desk, ask, approve):
    """Ten orders of 100 shares need 150,000 dollars and more; cash allows six (6 x 15,001.50 = 90,009)."""
    proposals = [desk.proposals.propose(ask(quantity=100), AGENT) for _ in range(10)]
    for proposal in proposals:
        approve(proposal)
    broker = FaultyBroker()
    workers = [open_another(broker) for _ in range(2)]

    def release(worker, mine):
        for proposal in mine:
            worker.gateway.release(proposal.proposal_id)

    threads = [
        threading.Thread(target=release, args=(worker, order))
        for worker, order in zip(workers, (proposals, proposals[::-1]), strict=True)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(broker.sent) == 6
    counts = dict(desk.sql("SELECT state, count(*) FROM execution.orders GROUP BY state"))
    assert counts == {"accepted": 6, "denied": 4}


def test_two_workers_releasing_the_same_proposal_send_once(open_another, approved):
    broker = FaultyBroker(deduplicates=False)
    workers = [open_another(broker) for _ in range(4)]
    proposal_id = approved()
    threads = [threading.Thread(target=worker.gateway.release, args=(proposal_id,)) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(broker.sent) == 1
    assert [order.state for order in workers[0].proposals.get(proposal_id).orders] == ["accepted"]


def test_cancels_are_for_persons_and_orders_at_the_venue(desk, approved):
    (order,) = desk.gateway.release(approved(order_type="limit", limit_price=100, time_in_force="gtc"))
    with pytest.raises(ApprovalRefused):
        desk.gateway.cancel(order.order_id, AGENT)
    assert desk.gateway.cancel(order.order_id, CLERK).state == "cancelled"
    with pytest.raises(InvalidInput, match="cancelled"):
        desk.gateway.cancel(order.order_id, PETER)
    desk.advance(2)
    assert desk.books.fills() == []


def test_an_account_of_an_unknown_broker_is_denied(desk, approved):
    # An account's venue never changes; a desk may lose its connection to one, as here around the rules.
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE execution.accounts SET broker = 'ib'")
    (order,) = desk.gateway.release(approved())
    assert order.state == "denied" and "'ib'" in order.reason


def test_legs_go_out_as_approved(open_another, desk, approve):
    from core.execution.requests import LegRequest, TradeRequest

    legs = tuple(
        LegRequest(symbol=symbol, side=side, quantity=Decimal(quantity))
        for symbol, side, quantity in (("AAA", "buy", 3), ("BBB", "sell", 9))
    )
    proposal = desk.proposals.propose(TradeRequest(legs=legs, time_in_force="gtc"), AGENT)
    approve(proposal)
    broker = FaultyBroker()
    orders = open_another(broker).gateway.release(proposal.proposal_id)
    assert [(t.symbol, t.side, t.quantity, t.time_in_force) for t in broker.sent] == [
        ("AAA", "buy", 3, "gtc"),
        ("BBB", "sell", 9, "gtc"),
    ]
    assert len({order.client_order_id for order in orders}) == 2
