"""A desk trades at the stand-in of Interactive Brokers: its books equal the venue's whatever happens to the line."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest

from core.adapters.brokers.interactive_brokers import InteractiveBrokers
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.transport.tws import TwsSession
from core.execution.requests import LegRequest, TradeRequest
from core.testing.clock import FixedClock
from core.testing.small_market import ANNA, PETER, open_account
from core.testing.trading_day import ACCOUNT, TradingDay, add_third_stock
from core.testing.tws_gateway import TwsGateway

MOMENT = datetime(2022, 11, 30, 15, 30, tzinfo=UTC)


@pytest.fixture
def gateway():
    found = TwsGateway(moment=MOMENT)
    yield found
    found.close()


@pytest.fixture
def traded(market_dsn, open_another, gateway):
    """Give a desk whose account DU1234567 is at the stand-in, with the clock of its broker."""
    with psycopg.connect(market_dsn) as connection:
        add_third_stock(connection)
        open_account(connection, ACCOUNT, four_eyes_above=None)
    session = TwsSession("127.0.0.1", gateway.port, 71, timeout_s=3)
    clock = FixedClock(MOMENT, "live")
    desk = open_another()
    broker = InteractiveBrokers(session, PostgresInstruments(desk.database), clock)
    yield open_another(broker), clock, open_another
    session.close()
    with psycopg.connect(market_dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("execution.fills", "execution.positions", "market_data.bars_daily", "market_data.instruments"):
            connection.execute(f"DELETE FROM {table} WHERE instrument_id = 6".encode())
        connection.execute("SELECT market_data.index_series_years(NULL)")


def release(desk, *legs, **changes):
    """Propose, approve and release; return the orders."""
    desk.clock.set_replay(MOMENT)
    request = TradeRequest(
        legs=tuple(
            LegRequest(symbol=symbol, side=side, quantity=Decimal(size), limit_price=limit)
            for symbol, side, size, limit in legs
        ),
        account_id=ACCOUNT,
        **changes,
    )
    proposal = desk.proposals.propose(request, ANNA)
    desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    return proposal.proposal_id, list(desk.gateway.release(proposal.proposal_id))


FLY = (("AAA", "buy", 5, None), ("BBB", "sell", 10, None), ("CCC", "buy", 5, None))


def test_a_day_with_resets_misses_no_fill_and_doubles_nothing(traded, gateway):
    desk, clock, _ = traded
    desk.clock.set_replay(MOMENT)
    report = TradingDay(desk, gateway, clock, seed=5).run(6)
    counts = report.counts
    assert report.wrong == []
    assert {name: counts[name] for name in ("missed fills", "doubled fills", "doubled orders", "lost orders")} == {
        "missed fills": 0,
        "doubled fills": 0,
        "doubled orders": 0,
        "lost orders": 0,
    }
    assert counts["executions"] >= counts["orders at the venue"] > 5
    assert (counts["reset"], counts["fly proposals"], counts["limit proposals"]) == (1, 2, 2)
    assert len(report.recovery_s) == 3


def test_books_equal_the_vendors_account_to_the_cent(traded, gateway):
    desk, _, _ = traded
    release(desk, *FLY)
    gateway.fill_all()
    (found,) = desk.reconciliation.run(ACCOUNT)
    assert (found.outcome, found.differences) == ("agrees", ())
    # 5 x 150, 10 x 50 short, 5 x 100 (the stand-in's price of what it has none for), three commissions of a dollar.
    assert desk.sql("SELECT sum(amount) FROM execution.cash_ledger WHERE account_id = %s", ACCOUNT) == [
        (Decimal("100000.00") - 750 + 500 - 500 - 3,)
    ]
    assert gateway.account.cash() == Decimal("99247.00")


def test_a_leg_that_is_refused_takes_the_filled_legs_back(traded, gateway):
    desk, _, _ = traded
    proposal_id, _ = release(desk, *FLY, legging="in_order", on_failure="unwind")
    gateway.fill_all()
    gateway.faults.add("reject")
    desk.settlement.settle(ACCOUNT)
    for _ in range(3):
        desk.gateway.release(proposal_id)
        gateway.fill_all()
        desk.settlement.settle(ACCOUNT)
    sent = [(order.symbol, order.action, order.status) for order in gateway.account.orders]
    assert sent == [("AAA", "BUY", "Filled"), ("BBB", "SELL", "Inactive"), ("AAA", "SELL", "Filled")]
    assert desk.sql("SELECT state FROM execution.orders WHERE leg = 1") == [("rejected",)]
    assert {symbol: held for symbol, held in gateway.account.positions().items() if held} == {}


def test_a_bracket_rests_as_a_group_that_cancels_itself_and_an_exit_has_it_cancelled_first(traded, gateway):
    desk, _, _ = traded
    desk.clock.set_replay(MOMENT)

    def leg(side, **prices):
        return LegRequest(symbol="AAA", side=side, quantity=Decimal(10), **prices)

    def send(*legs, **changes):
        proposal = desk.proposals.propose(TradeRequest(legs=legs, account_id=ACCOUNT, **changes), ANNA)
        desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        desk.gateway.release(proposal.proposal_id)
        return proposal.proposal_id

    def follow(proposal_id):
        desk.settlement.settle(ACCOUNT)
        desk.gateway.release(proposal_id)

    stop = leg("sell", order_type="stop", stop_price=Decimal(140))
    target = leg("sell", order_type="limit", limit_price=Decimal(160))
    entry = send(leg("buy"), stop, target, legging="bracket")
    assert [order.order_type for order in gateway.account.orders] == ["MKT"]
    gateway.fill_all()
    follow(entry)
    sent = [(order.order_type, order.action, order.quantity, order.status) for order in gateway.account.orders[1:]]
    assert sent == [("STP", "SELL", 10, "Submitted"), ("LMT", "SELL", 10, "Submitted")]
    rows = desk.sql(
        "SELECT order_type, stop_price, limit_price, time_in_force, state FROM execution.orders ORDER BY leg"
    )
    assert rows[1:] == [
        ("stop", Decimal(140), None, "gtc", "accepted"),
        ("limit", None, Decimal(160), "gtc", "accepted"),
    ]
    assert desk.reconciliation.run(ACCOUNT)[0].outcome == "agrees"
    leaving = send(leg("sell"))
    assert [order.status for order in gateway.account.orders] == ["Filled", "Cancelled", "Cancelled", "Submitted"]
    gateway.fill_all()
    follow(leaving)
    assert {symbol: held for symbol, held in gateway.account.positions().items() if held} == {}
    assert desk.reconciliation.run(ACCOUNT)[0].outcome == "agrees"


def test_a_limit_order_fills_in_parts_over_a_reset(traded, gateway):
    desk, _, _ = traded
    _, (order,) = release(desk, ("AAA", "buy", 10, Decimal(149)), order_type="limit", time_in_force="gtc")
    gateway.fill(order.client_order_id, Decimal(3), Decimal(149))
    desk.settlement.settle(ACCOUNT)
    gateway.close()
    gateway.fill(order.client_order_id, Decimal(7), Decimal("148.50"))
    assert desk.settlement.settle(ACCOUNT).problems
    gateway.open()
    assert [fill.quantity for fill in desk.settlement.settle(ACCOUNT).fills] == [7]
    rows = desk.sql("SELECT quantity, price, fee FROM execution.fills WHERE account_id = %s ORDER BY price", ACCOUNT)
    assert rows == [(7, Decimal("148.5"), 1), (3, 149, 1)]
    assert desk.sql("SELECT state FROM execution.orders") == [("filled",)]


def test_an_unanswered_order_waits_as_unknown_and_the_lists_resolve_it(traded, gateway):
    desk, _, open_another = traded
    gateway.faults.add("hanging order")
    broker = InteractiveBrokers(
        TwsSession("127.0.0.1", gateway.port, 71, timeout_s=0.3, idle_s=0.01),
        PostgresInstruments(desk.database),
        FixedClock(MOMENT, "live"),
    )
    impatient = open_another(broker)
    _, (order,) = release(impatient, ("AAA", "buy", 10, None))
    assert order.state == "unknown"
    gateway.faults.clear()
    # Another process, which never heard a word of that order, finds it at work and does not send it again.
    (resolved,) = desk.gateway.recover()
    assert (resolved.state, len(gateway.account.orders)) == ("accepted", 1)


def test_an_order_that_cannot_leave_is_denied_and_not_unknown(traded, gateway):
    desk, _, _ = traded
    desk.reconciliation.run(ACCOUNT)
    gateway.close()
    _, (order,) = release(desk, ("AAA", "buy", 10, None))
    assert order.state == "denied" and "cannot be reached" in order.reason
    gateway.open()
    assert list(desk.gateway.recover()) == [] and gateway.account.orders == []


def test_a_corrected_price_is_a_difference_that_stops_the_account(traded, gateway):
    desk, _, _ = traded
    release(desk, ("AAA", "buy", 10, None))
    gateway.fill_all()
    (found,) = desk.reconciliation.run(ACCOUNT)
    assert found.outcome == "agrees"
    gateway.correct(0, Decimal("150.10"))
    (found,) = desk.reconciliation.run(ACCOUNT)
    assert [(part.subject, part.ours, part.theirs) for part in found.differences] == [("cash", "98499", "98498")]


def test_an_order_entered_at_the_vendors_own_screen_is_adopted_and_left_alone(traded, gateway):
    desk, _, _ = traded
    release(desk, ("AAA", "buy", 10, None))
    by_hand = gateway.account.orders[0]
    by_hand.reference, by_hand.client_id, by_hand.order_id = "", 0, 0
    (found,) = desk.reconciliation.run(ACCOUNT)
    assert found.adopted == ("600745656",)
    (order,) = desk.reconciliation.external_orders(ACCOUNT)
    assert (order.symbol, order.side, order.quantity) == ("AAA", "buy", 10)
    assert 4 not in gateway.asked
