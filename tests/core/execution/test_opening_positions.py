"""An account that holds something is opened at the last stored closes, and trades on from there."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from core.domain.as_of import AsOf
from core.errors import InvalidInput, NoData
from core.execution.accounts import AccountRequest
from core.execution.books import BROUGHT
from core.testing.fault_venue import FaultBroker, FaultVenue
from core.testing.small_market import ANNA, PETER
from tests.core.execution.test_accounts import OPEN_ORDER, accounts_of

OWN = "DU7"
REQUEST = AccountRequest(account_id=OWN, name="Own", broker="paper", allow_real_money=True, brings_positions=True)
AAA, BBB, OLD = 1, 2, 5
START_CLOSE = datetime(2022, 11, 29, 21, tzinfo=UTC)


class Venue(FaultBroker):
    """Hold positions and instruments from before beside what the desk trades."""

    def __init__(self, venue, before, unmapped=(), **told):
        super().__init__(venue)
        self.before, self.told = before, {"unmapped": unmapped, "is_paper": True, **told}

    def account(self, account_id):
        found = super().account(account_id)
        if account_id != OWN:
            return found
        keys = found.positions.keys() | self.before.keys()
        sums = {key: found.positions.get(key, 0) + self.before.get(key, 0) for key in keys}
        return replace(found, positions={key: size for key, size in sums.items() if size}, **self.told)


@pytest.fixture
def venue(desk):
    made = FaultVenue(
        deduplicates=False, session=date(2022, 11, 30), opened_at=datetime(2022, 11, 30, 14, 30, tzinfo=UTC)
    )
    made.deposits |= {"main": Decimal(100_000), OWN: Decimal("25000.50")}
    return made


@pytest.fixture
def open_own(open_another, venue):
    """Give a function that opens the account at a venue where it holds something, and returns desk and venue."""

    def go(before, *, request=REQUEST, **told):
        broker = Venue(venue, before, **told)
        desk = open_another(broker)
        accounts_of(desk, broker).open(request, PETER)
        return desk

    return go


def test_what_it_held_is_booked_at_the_last_close_and_the_deposit_is_worth_all_of_it(open_own):
    desk = open_own({AAA: Decimal(40), BBB: Decimal(-100)})
    held = desk.books.holdings(OWN)
    # 40 at 150.00 long, 100 at 50.00 short, the cash that the venue tells.
    assert {line.symbol: (line.quantity, line.average_cost) for line in held.positions} == {
        "AAA": (40, 150),
        "BBB": (-100, 50),
    }
    assert (held.cash, held.deposits) == (Decimal("25000.50"), Decimal("26000.50"))
    assert (held.nav, held.total_pnl, held.unrealized_pnl, held.realized_pnl) == (Decimal("26000.50"), 0, 0, 0)
    (found,) = desk.reconciliation.run(OWN)
    assert (found.outcome, found.differences) == ("agrees", ())
    assert (
        desk.sql("SELECT actor, action FROM desk.audit WHERE action LIKE 'opening%%' ORDER BY subject")
        == [(PETER.id, "opening_positions.insert")] * 2
    )


def test_what_is_sold_of_it_realises_against_the_price_of_the_opening(open_own, venue, ask):
    desk = open_own({AAA: Decimal(40)})
    proposal = desk.proposals.propose(ask(quantity=10, side="sell", account_id=OWN), ANNA)
    desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    (order,) = desk.gateway.release(proposal.proposal_id)
    venue.fill(venue.find(order.client_order_id), Decimal(10), Decimal(155))
    desk.clock.advance(1)
    desk.settlement.settle(OWN)
    held = desk.books.holdings(OWN)
    fees = held.fees
    assert [(line.symbol, line.quantity) for line in held.positions] == [("AAA", 30)]
    # Ten sold five dollars above the opening's close of 150.00.
    assert held.realized_pnl == 50
    assert held.total_pnl == held.unrealized_pnl + held.realized_pnl - fees
    lines = {line.name: line for line in desk.books.profit(OWN)}
    assert (lines[BROUGHT].realized, lines[ANNA.id].realized) == (0, 50)
    assert desk.sql("SELECT quantity FROM execution.v_positions WHERE account_id = %s", OWN) == [(Decimal(30),)]


def test_before_the_opening_there_was_nothing(open_own):
    desk = open_own({AAA: Decimal(40)})
    assert desk.books.holdings(OWN, AsOf(known=datetime(2022, 11, 29, 20, tzinfo=UTC))).positions == ()
    (line,) = desk.books.holdings(OWN, AsOf(known=START_CLOSE)).positions
    assert line.quantity == 40


def test_what_the_desk_does_not_know_is_set_aside_until_it_changes(open_own):
    desk = open_own({}, unmapped=("OPT SPY 400C",))
    (found,) = desk.reconciliation.run(OWN)
    assert found.outcome == "agrees"
    assert desk.sql("SELECT subject, name, ended_by FROM execution.differences") == [
        ("instrument", "OPT SPY 400C", PETER.id)
    ]
    broker = desk.reconciliation._brokers["paper"]
    broker.told["unmapped"] = ("OPT SPY 410C",)
    (found,) = desk.reconciliation.run(OWN)
    assert [(part.name, part.theirs) for part in found.differences] == [("OPT SPY 410C", "held")]


@pytest.mark.parametrize(
    ("before", "told", "error", "sentence"),
    [
        ({OLD: Decimal(1)}, {}, NoData, "no price of it of the last 10 days"),
        ({AAA: Decimal(1)}, {"open_orders": (OPEN_ORDER,)}, InvalidInput, "works 1 order"),
    ],
)
def test_what_has_no_value_or_is_at_work_opens_nothing(open_own, desk, before, told, error, sentence):
    with pytest.raises(error, match=sentence):
        open_own(before, **told)
    assert desk.sql("SELECT account_id FROM execution.accounts") == [("main",)]
    assert desk.sql("SELECT count(*) FROM execution.opening_positions") == [(0,)]


OPENING = (
    "INSERT INTO execution.opening_positions (account_id, instrument_id, quantity, price, entered_by, opened_at)"
    " VALUES (%s, 1, 5, 150, %s, '2022-11-29 21:00Z')"
)


def test_the_database_takes_positions_from_a_person_who_may_approve_and_before_anything_trades(desk, ask):
    for who in ("usr_clerk", "agt_peter"):
        with pytest.raises(psycopg.errors.CheckViolation, match="scope approve"):
            desk.sql(OPENING, "main", who)
    proposal = desk.proposals.propose(ask(), ANNA)
    desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    desk.gateway.release(proposal.proposal_id)
    with pytest.raises(psycopg.errors.CheckViolation, match="trades already"):
        desk.sql(OPENING, "main", PETER.id)
    with pytest.raises(psycopg.errors.RestrictViolation):
        desk.sql("TRUNCATE execution.opening_positions")
