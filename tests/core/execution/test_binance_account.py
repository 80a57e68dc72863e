"""A desk trades coins at the stand-in of Binance: its books equal the venue's to the eighth place."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.adapters.brokers.binance import Binance
from core.adapters.store.instruments import PostgresInstruments
from core.adapters.transport.binance_spot import BinanceSession
from core.domain.as_of import AsOf
from core.errors import InvalidInput
from core.execution.accounts import AccountDesk, AccountRequest
from core.execution.requests import LegRequest, TradeRequest
from core.testing.binance_venue import BinanceVenue
from core.testing.clock import FixedClock
from core.testing.small_market import ANNA, PETER

MOMENT = datetime(2022, 11, 30, 15, 30, tzinfo=UTC)
ACCOUNT = "354937868"
BTC = 3


@pytest.fixture
def venue():
    found = BinanceVenue(moment=MOMENT)
    found.prices["BTCUSDT"] = Decimal(16_000)
    yield found
    found.close()


@pytest.fixture
def traded(market_dsn, open_another, venue):
    """Give a desk with an account in USDT that was opened at the stand-in."""
    pytest.importorskip("ccxt", reason="ccxt of the extra `crypto` is not installed")
    with psycopg.connect(market_dsn) as connection:
        connection.execute(
            'UPDATE market_data.instruments SET vendor_symbols = \'{"binance": "BTCUSDT"}\' WHERE instrument_id = 3'
        )
    session = BinanceSession(venue.address, venue.key, venue.secret)
    broker = Binance(session, PostgresInstruments(open_another().database), FixedClock(MOMENT, "live"), is_paper=True)
    desk = open_another(broker)
    desk.clock.set_replay(MOMENT)
    accounts = AccountDesk(desk.store, {"paper": broker}, desk.reconciliation, desk.clock, desk.marks)
    accounts.open(AccountRequest(account_id=ACCOUNT, name="Coins", broker="paper", currency="USDT"), PETER)
    yield desk
    session.close()
    with psycopg.connect(market_dsn) as connection:
        connection.execute("UPDATE market_data.instruments SET vendor_symbols = '{}' WHERE instrument_id = 3")


def propose(desk, side="buy", size=None, price=None, **changes):
    leg = LegRequest(symbol="BTC", side=side, quantity=size and Decimal(size), limit_price=price and Decimal(price))
    return desk.proposals.propose(TradeRequest(**{"legs": (leg,), "account_id": ACCOUNT, **changes}), ANNA)


def release(desk, *arguments, **changes):
    """Propose, approve and release; return the proposal's id and its order."""
    proposal = propose(desk, *arguments, **changes)
    desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    (order,) = desk.gateway.release(proposal.proposal_id)
    return proposal.proposal_id, order


def balance(desk):
    return desk.sql("SELECT sum(amount) FROM execution.cash_ledger WHERE account_id = %s", ACCOUNT)[0][0]


def agrees(desk):
    (found,) = desk.reconciliation.run(ACCOUNT)
    return found.outcome, found.differences


def test_a_purchase_whose_commission_the_venue_keeps_of_the_coin_is_booked_whole(traded, venue):
    release(traded, "buy", "0.12345")
    venue.fill_all()
    assert agrees(traded) == ("agrees", ())
    # A tenth of a per cent of the coins: 0.00012345 of 0.12345.
    (line,) = traded.books.holdings(ACCOUNT).positions
    assert line.quantity == Decimal("0.12332655") == venue.balances["BTC"]
    assert balance(traded) == Decimal("98024.80") == venue.balances["USDT"]
    held = traded.books.holdings(ACCOUNT)
    assert (held.fees, held.realized_pnl) == (Decimal("1.9752"), 0)
    assert held.total_pnl == held.unrealized_pnl + held.realized_pnl - held.fees == Decimal("-1.9752")
    assert desk_rows(traded) == [
        ("fee", Decimal("-1.9752")),
        ("fee_in_kind", Decimal("1.9752")),
        ("trade", Decimal("-1975.2")),
    ]


def desk_rows(desk):
    return desk.sql(
        "SELECT movement, amount FROM execution.cash_ledger WHERE account_id = %s AND fill_id IS NOT NULL"
        " ORDER BY movement",
        ACCOUNT,
    )


@settings(
    max_examples=12, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow]
)
@given(
    st.lists(
        st.tuples(
            st.booleans(), st.integers(1_000, 30_000), st.decimals("15999.01", "16000.99", places=2), st.booleans()
        ),
        min_size=1,
        max_size=5,
    )
)
def test_whatever_trades_in_whatever_parts_the_books_equal_the_venue(traded, venue, trades):
    before = len(venue.orders)
    for buys, steps, price, in_parts in trades:
        size = Decimal(steps) / 100_000
        if not buys and size > venue.balances.get("BTC", 0):
            buys = True
        _, order = release(traded, "buy" if buys else "sell", str(size))
        if in_parts:
            venue.fill(order.client_order_id, Decimal("0.00333"), price)
        venue.fill(order.client_order_id, price=price)
        assert agrees(traded) == ("agrees", ())
    assert len(venue.orders) == before + len(trades)
    assert balance(traded) == venue.balances["USDT"]
    held = traded.books.holdings(ACCOUNT)
    assert sum((line.quantity for line in held.positions), Decimal(0)) == venue.balances["BTC"]
    assert abs(held.total_pnl - (held.unrealized_pnl + held.realized_pnl - held.fees)) < Decimal("1e-9")
    for method in ("average", "fifo"):
        (line,) = traded.books.profit(ACCOUNT, method=method, by="account")
        assert line.fees == held.fees
    # The view that questions read adds up the same.
    with traded.database.transaction() as connection:
        rows = connection.execute(
            "SELECT quantity FROM execution.v_positions WHERE account_id = %s", (ACCOUNT,)
        ).fetchall()
    assert [row[0] for row in rows] == [venue.balances["BTC"]]


@pytest.mark.parametrize(
    ("fault", "taken"),
    [("unavailable after", 1), ("line cut after", 1), ("truncated reply", 1), ("gateway html", 1)],
)
def test_an_order_whose_answer_was_lost_is_found_and_never_sent_again(traded, venue, fault, taken):
    traded.reconciliation.run(ACCOUNT)
    venue.faults.add(fault)
    proposal_id, order = release(traded, "buy", "0.1")
    assert order.state == "unknown"
    venue.faults.clear()
    venue.fill_all()
    traded.gateway.recover()
    assert agrees(traded) == ("agrees", ())
    (after,) = traded.gateway.release(proposal_id)
    assert (after.state, len(venue.orders)) == ("filled", taken)
    assert venue.asked.count(("POST", "/api/v3/order")) == 1


def test_an_order_that_never_arrived_waits_for_evidence_and_is_not_sent_again(traded, venue):
    traded.reconciliation.run(ACCOUNT)
    venue.faults.add("unavailable before")
    proposal_id, order = release(traded, "buy", "0.1")
    venue.faults.clear()
    for _ in range(3):
        traded.gateway.recover()
        (order,) = traded.gateway.release(proposal_id)
    assert (order.state, venue.orders) == ("unknown", [])
    assert "might double it" in traded.books.order_events(order.order_id)[-1]["detail"]["reason"]
    assert venue.asked.count(("POST", "/api/v3/order")) == 1


def test_an_order_that_the_venue_takes_late_is_booked_once(traded, venue):
    traded.reconciliation.run(ACCOUNT)
    venue.faults.add("late order")
    _, order = release(traded, "buy", "0.1")
    venue.faults.clear()
    traded.gateway.recover()
    venue.deliver_late()
    traded.gateway.recover()
    venue.fill_all()
    assert agrees(traded) == ("agrees", ())
    assert [(fill.order_id, fill.quantity) for fill in traded.books.fills(ACCOUNT)] == [
        (order.order_id, Decimal("0.1"))
    ]


def test_a_proposal_is_in_the_venues_steps_before_a_person_sees_it(traded):
    leg = LegRequest(symbol="BTC", target_weight=Decimal("0.1"))
    proposal = traded.proposals.propose(TradeRequest(legs=(leg,), account_id=ACCOUNT), ANNA)
    assert proposal.legs[0].quantity == Decimal("0.625")
    leg = LegRequest(symbol="BTC", target_weight=Decimal("0.1234567"))
    proposal = traded.proposals.propose(TradeRequest(legs=(leg,), account_id=ACCOUNT), ANNA)
    # 12,345.67 dollars at 16,000 are 0.771604375 coins.
    assert proposal.legs[0].quantity == Decimal("0.7716")
    proposal = propose(traded, "buy", "0.1", "15000.129", order_type="limit", time_in_force="gtc")
    assert proposal.legs[0].limit_price == Decimal("15000.12")


@pytest.mark.parametrize(
    ("arguments", "changes", "why"),
    [
        (("buy", "0.123456"), {}, "steps of 0.00001"),
        (("buy", "0.0003"), {}, "from 5 USDT on there; this is worth 4.80"),
        (("buy", "0.1", "15000"), {"order_type": "limit"}, "lives fok or gtc or ioc there, not day"),
    ],
)
def test_what_the_venue_would_refuse_is_refused_before_it_is_proposed(traded, arguments, changes, why):
    with pytest.raises(InvalidInput, match=why):
        propose(traded, *arguments, **changes)


def test_a_linked_pair_and_a_bracket_are_refused_where_nothing_links_or_rests(traded):
    pair = tuple(
        LegRequest(symbol="BTC", side="sell", quantity=Decimal("0.1"), **part)
        for part in (
            {"order_type": "limit", "limit_price": Decimal(17_000)},
            {"order_type": "stop", "stop_price": Decimal(15_000)},
        )
    )
    for legging, why in (("one_cancels_other", "keeps no linked pairs"), ("bracket", "Stops do not rest")):
        with pytest.raises(InvalidInput, match=why):
            traded.proposals.propose(
                TradeRequest(legs=pair, account_id=ACCOUNT, legging=legging, time_in_force="gtc"), ANNA
            )


def test_all_that_is_held_is_sold_in_whole_steps_and_the_rest_stays_in_the_books(traded, venue):
    release(traded, "buy", "0.12345")
    venue.fill_all()
    agrees(traded)
    leg = LegRequest(symbol="BTC", side="sell", position_share=Decimal(1))
    proposal = traded.proposals.propose(TradeRequest(legs=(leg,), account_id=ACCOUNT), ANNA)
    assert proposal.legs[0].quantity == Decimal("0.12332")
    traded.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
    traded.gateway.release(proposal.proposal_id)
    venue.fill_all()
    assert agrees(traded) == ("agrees", ())
    (line,) = traded.books.holdings(ACCOUNT).positions
    assert line.quantity == Decimal("0.00000655") == venue.balances["BTC"]


def test_what_was_known_then_has_the_coins_of_then(traded, venue):
    release(traded, "buy", "0.1")
    venue.fill_all()
    agrees(traded)
    before = datetime(2022, 11, 30, 15, 29, tzinfo=UTC)
    assert traded.books.holdings(ACCOUNT, AsOf(known=before)).positions == ()
    (line,) = traded.books.holdings(ACCOUNT, AsOf(known=MOMENT)).positions
    assert line.quantity == Decimal("0.0999")


def test_an_account_with_coins_is_not_opened_as_nobody_knows_what_they_cost(traded, venue):
    venue.balances["BTC"] = Decimal(1)
    broker = traded.gateway._brokers["paper"]
    accounts = AccountDesk(traded.store, {"paper": broker}, traded.reconciliation, traded.clock, traded.marks)
    with pytest.raises(InvalidInput, match=r"holds 1 position"):
        accounts.open(AccountRequest(account_id=ACCOUNT, name="Coins", broker="paper", currency="USDT"), PETER)


def test_an_account_of_the_test_network_with_coins_in_it_is_opened_with_them(market_dsn, open_another, venue, traded):
    venue.balances |= {"BTC": Decimal("0.5"), "QQQQ": Decimal(7)}
    with psycopg.connect(market_dsn) as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        for table in ("reconciliations", "cash_ledger", "cash_balances", "nav_daily", "accounts"):
            connection.execute(f"DELETE FROM execution.{table} WHERE account_id = %s".encode(), (ACCOUNT,))
    accounts = AccountDesk(*(traded.store, traded.gateway._brokers, traded.reconciliation, traded.clock, traded.marks))
    request = AccountRequest(account_id=ACCOUNT, name="Coins", broker="paper", currency="USDT", brings_positions=True)
    accounts.open(request, PETER)
    assert agrees(traded) == ("agrees", ())
    held = traded.books.holdings(ACCOUNT)
    assert (held.deposits, held.nav, held.cash) == (108_000, 108_000, 100_000)
    release(traded, "sell", "0.25")
    venue.fill_all()
    assert agrees(traded) == ("agrees", ())
