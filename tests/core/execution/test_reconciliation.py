"""Compare books and venue: what differs stops trading, is shown, and is never made to agree by itself."""

from __future__ import annotations

from decimal import Decimal

import pytest

from core.adapters.brokers.paper import PaperBroker
from core.errors import InvalidInput, NotSignedIn, OutcomeUnknown, Unavailable, UnknownName
from core.ports.broker import VenueAccount, VenueOpenOrder
from core.testing.small_market import AGENT, ANNA, CLERK, PETER


class Reporting:
    """Be the paper venue, but report of the account what the test changed."""

    def __init__(self, inside):
        self.inside = inside
        self.changes = {}
        self.error = None

    def account(self, account_id):
        if self.error is not None:
            raise self.error
        told = self.inside.account(account_id)
        return VenueAccount(
            **{"open_orders": told.open_orders, "positions": told.positions, "cash": told.cash, **self.changes}
        )

    def __getattr__(self, name):
        return getattr(self.inside, name)


@pytest.fixture
def venue(desk):
    return Reporting(PaperBroker(desk.database, desk.marks, desk.clock))


@pytest.fixture
def other(open_another, venue):
    return open_another(venue)


@pytest.fixture
def approved(desk, ask, approve):
    def make(**changes):
        proposal = desk.proposals.propose(ask(**changes), ANNA)
        approve(proposal)
        return proposal.proposal_id

    return make


def foreign(number=1, **changes):
    values = {
        "venue_order_id": f"foreign-{number}",
        "client_order_id": "",
        "instrument_id": 1,
        "symbol": "AAA",
        "side": "buy",
        "quantity": Decimal(7),
        "filled_quantity": Decimal(0),
    }
    return VenueOpenOrder(**{**values, **changes})


def test_an_untouched_account_agrees_and_trades(other, approved):
    assert [found.outcome for found in other.reconciliation.run()] == ["agrees"]
    assert other.gateway.release(approved())[0].state == "accepted"


def test_after_a_day_of_trading_orders_positions_and_cash_still_agree(desk, other, approved):
    other.gateway.release(approved(quantity=10))
    other.gateway.release(approved(quantity=5, order_type="limit", limit_price="1", time_in_force="gtc"))
    desk.clock.advance(1)
    (found,) = other.reconciliation.run()
    assert (found.outcome, found.differences) == ("agrees", ())
    assert other.books.holdings().positions[0].quantity == 10


@pytest.mark.parametrize(
    ("changes", "subject", "ours", "theirs"),
    [
        ({"positions": {1: Decimal(3)}}, "position", "0", "3"),
        ({"positions": {2: Decimal(-4)}}, "position", "0", "-4"),
        ({"cash": {"USD": Decimal("99999.98")}}, "cash", "100000", "99999.98"),
        ({"cash": {}}, "cash", "100000", "0"),
        ({"unmapped": ("ZZZ",)}, "instrument", "unknown", "held"),
    ],
)
def test_what_differs_is_alarmed_and_nothing_is_sent(desk, other, venue, approved, changes, subject, ours, theirs):
    venue.changes = changes
    (found,) = other.reconciliation.run()
    (difference,) = found.differences
    assert (found.outcome, difference.subject, difference.ours, difference.theirs) == ("differs", subject, ours, theirs)
    proposal_id = approved()
    with pytest.raises(Unavailable, match="reconciled"):
        other.gateway.release(proposal_id)
    assert desk.sql("SELECT count(*) FROM execution.paper_orders") == [(0,)]
    # The approval is not used up: once both agree again it is sent.
    assert desk.sql("SELECT used_at FROM execution.decisions") == [(None,)]
    alarms = desk.sql("SELECT subject_id FROM desk.outbox WHERE topic = 'alert.raised'")
    assert alarms == [(difference.difference_id,)]
    venue.changes = {}
    assert other.gateway.release(proposal_id)[0].state == "accepted"
    assert other.reconciliation.differences() == ()
    assert desk.sql("SELECT ended_by FROM execution.differences") == [("desk",)]


def test_nothing_is_booked_to_make_the_sides_agree(desk, other, venue):
    venue.changes = {"positions": {1: Decimal(3)}, "cash": {"USD": Decimal(5)}}
    before = desk.sql("SELECT count(*) FROM execution.fills"), desk.sql("SELECT sum(amount) FROM execution.cash_ledger")
    other.reconciliation.run()
    other.reconciliation.run()
    after = desk.sql("SELECT count(*) FROM execution.fills"), desk.sql("SELECT sum(amount) FROM execution.cash_ledger")
    assert before == after
    assert desk.sql("SELECT count(*) FROM execution.differences") == [(2,)]


@pytest.mark.parametrize("error", [OutcomeUnknown("no reply"), Unavailable("refused")])
def test_a_failed_question_is_not_flat(desk, other, venue, approved, error):
    other.gateway.release(approved())
    desk.clock.advance(1)
    other.reconciliation.run()
    venue.error = error
    (found,) = other.reconciliation.run()
    assert (found.outcome, found.differences) == ("unanswered", ())
    assert other.books.holdings().positions[0].quantity == 10
    with pytest.raises(Unavailable, match="reconciled"):
        other.gateway.release(approved())
    venue.error = None
    assert other.reconciliation.run()[0].outcome == "agrees"


def test_a_foreign_order_is_adopted_shown_and_left_alone(desk, other, venue):
    venue.changes = {"open_orders": (foreign(), foreign(2, side="sell"))}
    (found,) = other.reconciliation.run()
    assert (found.outcome, found.adopted) == ("agrees", ("foreign-1", "foreign-2"))
    (again,) = other.reconciliation.run()
    assert again.adopted == ()
    shown = {
        order.venue_order_id: (order.side, order.quantity, order.is_open)
        for order in other.reconciliation.external_orders()
    }
    assert shown == {"foreign-1": ("buy", 7, True), "foreign-2": ("sell", 7, True)}
    assert desk.sql("SELECT count(*) FROM execution.orders") == [(0,)]
    venue.changes = {"open_orders": (foreign(2, side="sell"),)}
    other.reconciliation.run()
    assert {order.venue_order_id: order.is_open for order in other.reconciliation.external_orders()} == {
        "foreign-1": False,
        "foreign-2": True,
    }


def test_an_order_that_the_venue_no_longer_names_is_not_closed_by_us(desk, other, venue, approved):
    other.gateway.release(approved(quantity=5, order_type="limit", limit_price="1", time_in_force="gtc"))
    venue.changes = {"open_orders": ()}
    (found,) = other.reconciliation.run()
    (difference,) = found.differences
    assert (difference.subject, difference.ours, difference.theirs) == ("order", "accepted", "not open")
    assert desk.sql("SELECT state FROM execution.orders") == [("accepted",)]


def test_a_person_explains_a_difference_and_it_counts_until_it_changes(desk, other, venue, approved):
    venue.changes = {"positions": {2: Decimal(3)}}
    (difference,) = other.reconciliation.run()[0].differences
    for person in (AGENT, CLERK):
        with pytest.raises(NotSignedIn):
            other.reconciliation.explain(difference.difference_id, "mine", person)
    with pytest.raises(InvalidInput, match="word"):
        other.reconciliation.explain(difference.difference_id, " ", PETER)
    other.reconciliation.explain(difference.difference_id, "bought by hand at the venue", PETER)
    with pytest.raises(UnknownName):
        other.reconciliation.explain(difference.difference_id, "again", PETER)
    assert other.gateway.release(approved())[0].state == "accepted"
    venue.changes = {"positions": {2: Decimal(4)}}
    assert other.reconciliation.run()[0].outcome == "differs"


def test_the_database_keeps_every_difference(desk, other, venue):
    venue.changes = {"positions": {2: Decimal(3)}}
    other.reconciliation.run()
    for statement in (
        "DELETE FROM execution.differences",
        "UPDATE execution.differences SET theirs = '0', ended_at = now(), ended_by = 'me'",
        "TRUNCATE execution.differences",
    ):
        with pytest.raises(Exception, match=r"append only|changes"):
            desk.sql(statement)
    assert desk.sql("SELECT theirs FROM execution.differences") == [("3",)]


def test_an_order_sent_while_the_venue_answered_is_not_missing_in_its_answer(other, venue, open_another, approved):
    another, told = open_another(venue), venue.account
    another.reconciliation.run()

    def answer(account_id):
        found = told(account_id)
        assert another.gateway.release(approved())[0].state == "accepted"
        return found

    venue.account = answer
    (found,) = other.reconciliation.run("main")
    assert (found.outcome, found.differences) == ("agrees", ())
    del venue.account
    venue.changes = {"open_orders": ()}
    (found,) = other.reconciliation.run("main")
    assert (found.outcome, {part.theirs for part in found.differences}) == ("differs", {"not open"})
