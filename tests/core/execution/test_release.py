"""Let something change between the approval and the send: each refusal is stored with its reason and sends nothing."""

from __future__ import annotations

import json
import threading
from decimal import Decimal

import pytest

from core.errors import ApprovalRefused, Refused, Unavailable
from core.ports.broker import VenueAccount, VenueOpenOrder, VenueOrder
from core.testing.small_market import AGENT, ANNA, PETER


class CountingBroker:
    """Accept everything and count."""

    deduplicates = True

    def __init__(self):
        self.sent = []

    def submit(self, ticket):
        self.sent.append(ticket)
        return VenueOrder(
            client_order_id=ticket.client_order_id, venue_order_id=f"v-{ticket.client_order_id}", state="accepted"
        )

    def find(self, account_id, client_order_id):
        return next(
            (
                VenueOrder(client_order_id=client_order_id, venue_order_id=f"v-{client_order_id}", state="accepted")
                for ticket in self.sent
                if ticket.client_order_id == client_order_id
            ),
            None,
        )

    def account(self, account_id):
        orders = [
            VenueOpenOrder(
                venue_order_id=f"v-{ticket.client_order_id}",
                client_order_id=ticket.client_order_id,
                instrument_id=ticket.instrument_id,
                symbol=ticket.symbol,
                side=ticket.side,
                quantity=ticket.quantity,
                filled_quantity=Decimal(0),
            )
            for ticket in list(self.sent)
        ]
        return VenueAccount(open_orders=tuple(orders), positions={}, cash=None)

    def executions(self, account_id, client_order_ids):
        return []


@pytest.fixture
def broker():
    return CountingBroker()


@pytest.fixture
def sender(open_another, broker):
    """Give another process of the desk that sends to the counting broker."""
    return open_another(broker)


@pytest.fixture
def approved(desk, ask, approve):
    """Give a function that makes an approved proposal."""

    def make(**changes):
        proposal = desk.proposals.propose(ask(**changes), AGENT)
        approve(proposal, ANNA)
        return proposal

    return make


def around_the_rules(desk, statement, *parameters):
    """Run a statement as somebody who can switch the database's rules off."""
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(statement, parameters)


LIMITS = [
    ({"max_order_notional": 1000}, "max_order_notional"),
    ({"max_position_weight": "0.01"}, "max_position_weight"),
    ({"max_gross_exposure": "0.01"}, "max_gross_exposure"),
    ({"max_net_exposure": "0.01"}, "max_net_exposure"),
    ({"min_cash": 99_000}, "min_cash"),
]


@pytest.mark.parametrize(("limits", "rule"), LIMITS, ids=[rule for _, rule in LIMITS])
def test_a_limit_lowered_after_the_approval_denies_the_order(desk, sender, broker, approved, limits, rule):
    proposal = approved()
    desk.sql("UPDATE execution.accounts SET limits = %s::jsonb", json.dumps(limits))
    (order,) = sender.gateway.release(proposal.proposal_id)
    assert order.state == "denied" and order.reason.startswith(f"{rule}: ")
    assert broker.sent == []
    # The approval is used up: raising the limit again does not send it.
    desk.sql("UPDATE execution.accounts SET limits = '{}'::jsonb")
    assert [order.state for order in sender.gateway.release(proposal.proposal_id)] == ["denied"]
    assert sender.gateway.recover() == [] and broker.sent == []
    assert desk.proposals.get(proposal.proposal_id).progress == f"Denied: {order.reason.rstrip('.')}."


def test_the_right_to_sell_short_taken_away_denies_the_order(desk, sender, broker, approved):
    proposal = approved(side="sell")
    desk.sql("UPDATE execution.accounts SET limits = '{\"allow_short\": false}'")
    (order,) = sender.gateway.release(proposal.proposal_id)
    assert order.state == "denied" and "no_short" in order.reason and broker.sent == []


def test_cash_spent_meanwhile_denies_the_order(desk, sender, broker, approved):
    first, second = approved(quantity=390), approved(quantity=390)
    assert sender.gateway.release(first.proposal_id)[0].state == "accepted"
    (order,) = sender.gateway.release(second.proposal_id)
    assert order.state == "denied" and "min_cash" in order.reason
    assert len(broker.sent) == 1


@pytest.mark.parametrize(("sessions", "sent"), [(7, True), (8, False)])
def test_a_price_that_left_the_band_denies_the_order(desk, sender, broker, approved, sessions, sent):
    # AAA rises by a dollar a session from 150; the band ends at 157.50.
    proposal = approved()
    desk.clock.advance(sessions)
    (order,) = sender.gateway.release(proposal.proposal_id)
    assert (order.state == "accepted") == sent == bool(broker.sent)
    if not sent:
        assert "158.0000" in order.reason and "142.5 to 157.5" in order.reason


def test_a_limit_order_has_no_band_to_leave(desk, sender, broker, approved):
    proposal = approved(order_type="limit", limit_price=150, time_in_force="gtc")
    desk.clock.advance(8)
    assert sender.gateway.release(proposal.proposal_id)[0].state == "accepted"


CHANGES = [
    "legs = jsonb_set(legs, '{0,quantity}', '\"1000\"')",
    "legs = jsonb_set(legs, '{0,side}', '\"sell\"')",
    "legs = jsonb_set(legs, '{0,symbol}', '\"BBB\"')",
    "legs = jsonb_set(legs, '{0,instrument_id}', '2')",
    "legs = jsonb_set(legs, '{0,band_high}', '\"999\"')",
    "legs = legs || legs",
    "order_type = 'limit'",
    "time_in_force = 'gtc'",
    "notional = 1",
    "reason = 'another'",
    "evidence = '[\"fct_other\"]'",
    "author = 'usr_peter'",
    "requested_by = 'usr_anna'",
    "expires_at = expires_at + interval '1 day'",
    "desk_time = desk_time - interval '1 second'",
    "is_demo = true",
]


@pytest.mark.parametrize("change", CHANGES)
def test_any_content_changed_around_the_rules_is_not_what_was_approved(desk, sender, broker, approved, change):
    proposal = approved()
    around_the_rules(desk, f"UPDATE execution.proposals SET {change}")
    with pytest.raises(ApprovalRefused, match="not what was approved") as refusal:
        sender.gateway.release(proposal.proposal_id)
    assert refusal.value.rule == "digest"
    assert (broker.sent, desk.sql("SELECT count(*) FROM execution.orders")) == ([], [(0,)])


def test_a_changed_proposal_with_a_fitting_digest_is_still_not_what_was_approved(desk, sender, broker, approved):
    proposal = approved()
    around_the_rules(desk, "UPDATE execution.proposals SET legs = jsonb_set(legs, '{0,quantity}', '\"20\"')")
    around_the_rules(desk, "UPDATE execution.proposals p SET digest = execution.proposal_digest(p)")
    with pytest.raises(ApprovalRefused) as refusal:
        sender.gateway.release(proposal.proposal_id)
    assert refusal.value.rule == "digest" and broker.sent == []


@pytest.mark.parametrize(
    ("change", "rule"),
    [
        ("decision = 'rejected'", "not_approved"),
        ("decision = 'expired'", "not_approved"),
        ("decided_by_kind = 'service'", "person"),
        ("face = 'demo'", "person"),
        ("digest = repeat('0', 64)", "digest"),
        ("used_at = clock_timestamp()", "used"),
    ],
)
def test_a_decision_changed_around_the_rules_releases_nothing(desk, sender, broker, approved, change, rule):
    proposal = approved()
    around_the_rules(desk, f"UPDATE execution.decisions SET {change}")
    with pytest.raises(ApprovalRefused) as refusal:
        sender.gateway.release(proposal.proposal_id)
    assert refusal.value.rule == rule
    assert (broker.sent, desk.sql("SELECT count(*) FROM execution.orders")) == ([], [(0,)])


def test_an_approval_that_lapsed_releases_nothing(desk, sender, broker, approved):
    proposal = approved()
    around_the_rules(desk, "UPDATE execution.proposals SET expires_at = clock_timestamp()")
    around_the_rules(desk, "UPDATE execution.proposals p SET digest = execution.proposal_digest(p)")
    around_the_rules(desk, "UPDATE execution.decisions SET digest = (SELECT digest FROM execution.proposals)")
    with pytest.raises(ApprovalRefused) as refusal:
        sender.gateway.release(proposal.proposal_id)
    assert refusal.value.rule == "expired" and broker.sent == []
    assert desk.proposals.get(proposal.proposal_id).progress == "Approved, but not sent before its expiry."


def test_an_approval_used_by_someone_else_releases_nothing_more(desk, sender, broker, approved):
    proposal = approved()
    desk.sql("UPDATE execution.decisions SET used_at = clock_timestamp()")
    with pytest.raises(ApprovalRefused, match="used already"):
        sender.gateway.release(proposal.proposal_id)
    assert broker.sent == []


def test_an_intention_whose_approval_lapses_before_the_send_is_denied(desk, sender, broker, approved, monkeypatch):
    """A worker that died after the intention and comes back too late finds the order and does not send it."""
    proposal = approved()
    monkeypatch.setattr(type(sender.gateway), "_advance", lambda self, order: order)
    assert sender.gateway.release(proposal.proposal_id)[0].state == "intended"
    monkeypatch.undo()
    around_the_rules(desk, "UPDATE execution.proposals SET expires_at = clock_timestamp()")
    (order,) = sender.gateway.recover()
    assert order.state == "denied" and "expired: the approval lapsed" in order.reason and broker.sent == []


@pytest.mark.parametrize("what", ["halt", "limits", "band"])
def test_an_intention_is_judged_again_when_it_is_sent(desk, sender, broker, approved, monkeypatch, what):
    proposal = approved()
    monkeypatch.setattr(type(sender.gateway), "_advance", lambda self, order: order)
    sender.gateway.release(proposal.proposal_id)
    monkeypatch.undo()
    if what == "halt":
        desk.kill_switch.halt(PETER, "odd")
    elif what == "limits":
        desk.sql("UPDATE execution.accounts SET limits = '{\"max_order_notional\": 1}'")
    else:
        desk.clock.advance(8)
    (order,) = sender.gateway.recover()
    expected = {"halt": "kill_switch", "limits": "max_order_notional", "band": "price_band"}[what]
    assert order.state == "denied" and order.reason.startswith(expected) and broker.sent == []
    events = [event["event"] for event in desk.books.order_events(order.order_id)]
    assert events == ["intended", "deny"]


def test_a_lost_database_sends_nothing(desk, sender, broker, approved, monkeypatch):
    proposal = approved()

    def lost():
        raise Unavailable("The database cannot be reached.")

    monkeypatch.setattr(sender.store, "transaction", lost)
    with pytest.raises(Unavailable):
        sender.gateway.release(proposal.proposal_id)
    assert broker.sent == []
    monkeypatch.undo()
    assert sender.gateway.release(proposal.proposal_id)[0].state == "accepted"


def test_the_ticket_is_the_approved_leg_under_an_id_stored_before(desk, sender, broker, approved):
    proposal = approved(quantity=7, order_type="limit", limit_price="149.25", time_in_force="gtc")
    (order,) = sender.gateway.release(proposal.proposal_id)
    (ticket,) = broker.sent
    assert (ticket.symbol, ticket.side, ticket.quantity) == ("AAA", "buy", 7)
    assert (ticket.order_type, ticket.limit_price, ticket.stop_price) == ("limit", Decimal("149.25"), None)
    assert (ticket.time_in_force, ticket.account_id) == ("gtc", "main")
    assert ticket.client_order_id == order.client_order_id
    assert order.venue_order_id == f"v-{order.client_order_id}"
    assert desk.sql("SELECT used_at IS NOT NULL FROM execution.decisions") == [(True,)]


def test_several_decisions_and_releases_at_once_send_each_proposal_once(desk, ask, open_another, broker):
    proposals = [desk.proposals.propose(ask(quantity=1), AGENT) for _ in range(4)]
    others = [open_another(broker) for _ in range(2)]
    errors = []

    def work(other):
        for proposal in proposals:
            try:
                other.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
            except Refused as error:
                errors.append(error.rule)
            other.gateway.release(proposal.proposal_id)

    threads = [threading.Thread(target=work, args=(other,)) for other in others]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({ticket.client_order_id for ticket in broker.sent}) == len(broker.sent) == 4
    assert errors == ["decided"] * 4


def test_a_file_that_comes_while_a_send_waits_for_the_row_stops_that_send(desk, sender, broker, approved):
    proposal = approved()
    sender.reconciliation.run("main")
    done = []
    thread = threading.Thread(target=lambda: done.extend(sender.gateway.release(proposal.proposal_id)))
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    with desk.database.transaction() as connection:
        connection.execute("SELECT FROM execution.trading_state FOR UPDATE")
        thread.start()
        while desk.sql(waiting) == [(0,)]:
            assert thread.is_alive()
        sender.kill_switch.file.write_text("stop")
    thread.join()
    assert [(order.state, order.reason) for order in done] == [("denied", "kill_switch: stop")]
    assert broker.sent == []
