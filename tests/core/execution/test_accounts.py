"""Accounts begin from the venue's evidence; real money moves only after a person's switch, and fails closed."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from core.errors import ApprovalRefused, InvalidInput, NotSignedIn, OutcomeUnknown, Refused, UnknownName
from core.execution.accounts import AccountDesk, AccountRequest
from core.execution.reconciliation import Reconciliation
from core.ports.broker import VenueOpenOrder
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.small_market import AGENT, ANNA, CLERK, PETER

LIVE = "U1234567"
REQUEST = AccountRequest(account_id=LIVE, name="Live", broker="paper", allow_real_money=True)


class Venue(FaultBroker):
    """Say of an account what the test wants it to say."""

    def __init__(self, venue, **told):
        super().__init__(venue)
        self.told = told

    def account(self, account_id):
        return replace(super().account(account_id), **self.told)


@pytest.fixture
def venue(desk):
    made = FaultVenue(
        deduplicates=False, session=date(2022, 11, 30), opened_at=datetime(2022, 11, 30, 14, 30, tzinfo=UTC)
    )
    made.deposits |= {"main": Decimal(100_000), LIVE: Decimal("25000.50")}
    return made


@pytest.fixture
def other(open_another, venue):
    return open_another(Venue(venue))


def accounts_of(desk, broker):
    brokers = {"paper": broker}
    reconciliation = Reconciliation(desk.store, brokers, desk.settlement, desk.clock, desk.proposals._ids)
    return AccountDesk(desk.store, brokers, reconciliation, desk.clock, desk.marks)


@pytest.fixture
def opened(other, venue):
    """Give the desk of accounts with one of real money open, its books seen to agree with the venue."""
    found = accounts_of(other, Venue(venue))
    found.open(REQUEST, PETER)
    other.reconciliation.run()
    return found


def test_the_books_begin_with_the_cash_that_the_venue_says(other, opened):
    account = other.books.account(LIVE)
    assert (account.is_real_money, account.is_live, account.changed_by) == (True, False, PETER.id)
    assert other.books.holdings(LIVE).cash == Decimal("25000.50")
    (comparison,) = other.sql("SELECT outcome, detail FROM execution.reconciliations WHERE account_id = %s", LIVE)
    assert comparison == ("agrees", "")
    ((actor, action),) = other.sql("SELECT actor, action FROM desk.audit WHERE subject = %s", LIVE)
    assert (actor, action) == (PETER.id, "accounts.insert")


def test_a_paper_account_by_the_venues_word_is_no_real_money(other, venue):
    found = accounts_of(other, Venue(venue, is_paper=True)).open(replace(REQUEST, allow_real_money=False), PETER)
    assert not found.is_real_money
    with pytest.raises(InvalidInput, match="is a paper account"):
        accounts_of(other, Venue(venue)).set_live(LIVE, PETER, is_live=True)


OPEN_ORDER = VenueOpenOrder(
    venue_order_id="v1",
    client_order_id="",
    instrument_id=1,
    symbol="AAA",
    side="buy",
    quantity=Decimal(1),
    filled_quantity=Decimal(0),
)


@pytest.mark.parametrize(
    ("told", "changes", "sentence"),
    [
        ({}, {"allow_real_money": False}, "trades real money"),
        ({"cash": None}, {}, "does not tell the cash"),
        ({"cash": {"USD": Decimal(5), "EUR": Decimal("0.01")}}, {}, "holds 0.01 EUR beside USD"),
        ({"positions": {1: Decimal(3)}}, {}, "holds 1 position"),
        ({"unmapped": ("OPT X",)}, {}, "holds 1 position"),
        ({"open_orders": (OPEN_ORDER,)}, {}, "works 1 order"),
        ({}, {"broker": "nowhere"}, "does not know the venue 'nowhere'"),
        ({}, {"account_id": "main"}, "main is open already"),
    ],
)
def test_what_the_books_cannot_begin_from_is_refused_and_nothing_is_stored(other, venue, told, changes, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        accounts_of(other, Venue(venue, **told)).open(replace(REQUEST, **changes), PETER)
    assert other.sql("SELECT account_id FROM execution.accounts") == [("main",)]
    assert other.sql("SELECT count(*) FROM execution.cash_ledger") == [(1,)]


def test_a_venue_that_does_not_answer_opens_nothing(other, venue):
    class Silent(Venue):
        def account(self, account_id):
            raise OutcomeUnknown("no reply")

    with pytest.raises(OutcomeUnknown):
        accounts_of(other, Silent(venue)).open(REQUEST, PETER)
    assert other.sql("SELECT account_id FROM execution.accounts") == [("main",)]


LOCAL = replace(PETER, id="local:peter")


@pytest.mark.parametrize("who", [CLERK, AGENT, LOCAL], ids=["clerk", "agent", "local"])
def test_only_a_signed_in_person_who_may_approve_opens_and_switches(other, venue, opened, who):
    with pytest.raises(NotSignedIn):
        opened.open(replace(REQUEST, account_id="U2"), who)
    with pytest.raises(NotSignedIn):
        opened.set_live(LIVE, who, is_live=True)
    assert other.sql("SELECT bool_or(is_live) FROM execution.accounts") == [(False,)]


@pytest.fixture
def proposed(other, opened, ask):
    with other.database.transaction() as connection:
        connection.execute("UPDATE execution.accounts SET limits = '{\"allow_short\": true}'")
    return other.proposals.propose(ask(quantity=10, account_id=LIVE), ANNA)


def approve(desk, proposal, principal=PETER):
    return desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, principal, face="cli")


def test_off_by_default_no_approval_is_taken_and_nothing_leaves(other, venue, proposed):
    with pytest.raises(ApprovalRefused, match="not switched to live") as refused:
        approve(other, proposed)
    assert refused.value.rule == "live"
    assert venue.orders == []


def test_switched_to_live_it_sends_and_switched_off_it_does_not(other, venue, opened, proposed, ask):
    assert opened.set_live(LIVE, PETER, is_live=True).is_live
    approve(other, proposed)
    other.gateway.release(proposed.proposal_id)
    assert [order.ticket.account_id for order in venue.orders] == [LIVE]
    second = other.proposals.propose(ask(quantity=5, account_id=LIVE), ANNA)
    approve(other, second)
    # A clerk may stop it, at once and without asking.
    opened.set_live(LIVE, CLERK, is_live=False)
    (order,) = other.gateway.release(second.proposal_id)
    assert order.state == "denied" and order.reason.startswith("live: account U1234567")
    assert len(venue.orders) == 1


def test_switched_off_between_intention_and_send_it_is_denied(other, venue, opened, proposed, monkeypatch):
    opened.set_live(LIVE, PETER, is_live=True)
    approve(other, proposed)

    def switch_off(name):
        if name == "send.intent_stored":
            opened.set_live(LIVE, CLERK, is_live=False)

    monkeypatch.setattr("core.execution.gateway.crash_point", switch_off)
    (order,) = other.gateway.release(proposed.proposal_id)
    assert (order.state, venue.orders) == ("denied", [])


def test_the_database_lets_nothing_leave_whatever_the_code_says(other, venue, opened, proposed, monkeypatch):
    monkeypatch.setattr("core.execution.gate.live_objection", lambda account: None)
    monkeypatch.setattr("core.execution.proposals.live_objection", lambda account: None)
    approve(other, proposed)
    with pytest.raises(Refused, match="halted"):
        other.gateway.release(proposed.proposal_id)
    assert venue.orders == []


def test_a_paper_account_beside_it_trades_on(other, opened, ask):
    proposal = other.proposals.propose(ask(account_id="main"), ANNA)
    approve(other, proposal)
    assert other.gateway.release(proposal.proposal_id)[0].state == "accepted"


def test_books_that_differ_from_the_venue_are_not_switched(other, venue, opened):
    venue.deposits[LIVE] += 1
    other.reconciliation.run()
    with pytest.raises(InvalidInput, match="were found as 'differs'"):
        opened.set_live(LIVE, PETER, is_live=True)
    with pytest.raises(UnknownName):
        opened.set_live("U9", PETER, is_live=True)


@pytest.mark.parametrize(
    ("statement", "why"),
    [
        ("UPDATE execution.accounts SET is_live = true, changed_by = 'usr_clerk' WHERE is_real_money", "Only a person"),
        ("UPDATE execution.accounts SET is_live = true, changed_by = NULL WHERE is_real_money", "Only a person"),
        (
            "UPDATE execution.accounts SET is_live = true, changed_by = 'agent:usr_peter' WHERE is_real_money",
            "Only a p",
        ),
        ("UPDATE execution.accounts SET is_live = true, changed_by = 'usr_peter' WHERE NOT is_real_money", "only_real"),
        ("UPDATE execution.accounts SET is_real_money = false WHERE is_real_money", "never changes"),
        ("UPDATE execution.accounts SET broker = 'paper2'", "never changes"),
        ("UPDATE execution.accounts SET is_demo = true WHERE is_real_money", "never changes"),
        (
            "INSERT INTO execution.accounts (account_id, name, broker, is_real_money, is_live, changed_by, opened_at)"
            " VALUES ('U2', 'x', 'paper', true, true, 'usr_peter', now())",
            "switch off",
        ),
    ],
)
def test_the_database_refuses_around_the_code(other, opened, statement, why):
    with pytest.raises(psycopg.errors.IntegrityError, match=why), other.database.transaction() as connection:
        connection.execute(statement)


def test_a_disabled_person_switches_nothing(other, opened):
    other.sql("UPDATE desk.users SET disabled_at = now() WHERE user_id = %s", PETER.id)
    with pytest.raises(Refused, match="Only a person"):
        opened.set_live(LIVE, PETER, is_live=True)


def test_every_turn_of_the_switch_is_in_the_audit_log(other, opened):
    opened.set_live(LIVE, PETER, is_live=True)
    opened.set_live(LIVE, CLERK, is_live=False)
    rows = other.sql(
        "SELECT actor, detail ->> 'is_live' FROM desk.audit WHERE action = 'accounts.update' ORDER BY entry_id"
    )
    assert rows == [(PETER.id, "true"), (CLERK.id, "false")]
    topics = other.sql("SELECT topic FROM desk.outbox WHERE subject_id = %s ORDER BY event_id", LIVE)
    assert topics[-2:] == [("account.live",), ("account.not_live",)]
