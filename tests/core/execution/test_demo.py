"""Load the demo book on a market of its symbols and take it away again."""

from __future__ import annotations

import random
from datetime import UTC, date, datetime
from decimal import Decimal

import psycopg
import pytest

from core.adapters.brokers.paper import PaperBroker
from core.adapters.store.clock import WallClock
from core.adapters.store.instruments import PostgresInstruments
from core.data.calendar import close_of, closes_of, sessions_between
from core.domain.identifiers import Uuid7Source
from core.errors import NoData, Refused
from core.execution.demo import load_demo, remove_demo
from core.testing.small_market import AGENT, PETER, START

SYMBOLS = ("AAPL", "MSFT", "JPM", "KO")
FIRST, LAST = date(2022, 6, 1), date(2022, 12, 28)


@pytest.fixture
def demo_desk(desk):
    """Give the desk with four of the demo book's symbols besides its own market, taken away afterwards."""
    days = sessions_between("XNYS", FIRST, LAST)
    known = [moment.replace(tzinfo=UTC) for moment in closes_of("XNYS", days).tolist()]
    with desk.database.transaction() as connection:
        for number, symbol in enumerate(SYMBOLS, start=101):
            connection.execute(
                "INSERT INTO market_data.instruments (instrument_id, symbol, name, asset_class, calendar, currency,"
                " source, known_at) VALUES (%s, %s, %s, 'equity', 'XNYS', 'USD', 'test', '2000-01-01Z')",
                (number, symbol, symbol),
            )
            with connection.cursor() as cursor:
                cursor.executemany(
                    "INSERT INTO market_data.bars_daily (instrument_id, source, price_basis, session, close, known_at)"
                    " VALUES (%s, 'test', 'total_return', %s, %s, %s)",
                    [
                        (number, day, 100.0 + count, at)
                        for count, (day, at) in enumerate(zip(days.tolist(), known, strict=True))
                    ],
                )
        connection.execute("SELECT market_data.index_series_years(%s)", (list(range(101, 101 + len(SYMBOLS))),))
    yield desk
    for table in ("series_years", "bars_daily", "instruments"):
        desk.sql(f"DELETE FROM market_data.{table} WHERE instrument_id > 100")


def load(desk):
    ids = Uuid7Source(WallClock(), random.SystemRandom())
    return load_demo(desk.store, desk.marks, PostgresInstruments(desk.database), desk.clock, ids)


def counts(desk):
    tables = (
        "accounts",
        "proposals",
        "decisions",
        "orders",
        "order_events",
        "fills",
        "cash_ledger",
        "positions",
        "nav_daily",
    )
    return {table: desk.sql(f"SELECT count(*) FROM execution.{table}")[0][0] for table in tables}


def test_the_demo_book_is_marked_complete_and_loaded_once(demo_desk):
    before = counts(demo_desk)
    account = load(demo_desk)
    assert account.is_demo and "demo" in account.name.lower()
    held = demo_desk.books.holdings("demo")
    assert {line.symbol for line in held.positions} == set(SYMBOLS)
    assert any("demo book" in note for note in held.notes)
    assert held.deposits == 1_000_000 and held.total_pnl == held.nav - 1_000_000
    states = [order.state for order in demo_desk.books.orders("demo")]
    assert states.count("rejected") == 1 and set(states) == {"filled", "rejected"}
    pending = demo_desk.proposals.list(state="pending", account_id="demo")
    assert len(pending) == 2 and all(view.seconds_left > 24 * 3600 and view.proposal.is_demo for view in pending)
    loaded = counts(demo_desk)
    assert load(demo_desk) == account
    assert counts(demo_desk) == loaded
    assert loaded["fills"] - before["fills"] == states.count("filled")


def test_demo_fills_are_at_the_closes_of_the_last_sessions(demo_desk):
    load(demo_desk)
    days = {day: 100 + count for count, day in enumerate(sessions_between("XNYS", FIRST, LAST).tolist())}
    fills = demo_desk.books.fills("demo")
    assert fills and all(fill.price == days[fill.session] for fill in fills)
    last_sixty = sessions_between("XNYS", FIRST, START).tolist()[-60:]
    assert {fill.session for fill in fills} <= set(last_sixty)
    rejected = next(order for order in demo_desk.books.orders("demo") if order.state == "rejected")
    assert (START - rejected.desk_time.date()).days <= 7


def test_the_value_history_of_the_demo_book_is_computed_from_its_closes(demo_desk):
    load(demo_desk)
    points = demo_desk.books.nav_history("demo")
    assert len(points) == 60 and points[-1].session == START
    fills = demo_desk.books.fills("demo")
    days = {day: Decimal(100 + count) for count, day in enumerate(sessions_between("XNYS", FIRST, LAST).tolist())}
    for point in points[::15]:
        done = [fill for fill in fills if fill.session <= point.session]
        signed = [(1 if fill.side == "buy" else -1, fill) for fill in done]
        cash = 1_000_000 - sum(sign * fill.quantity * fill.price + fill.fee for sign, fill in signed)
        assert point.cash == cash
        assert point.nav == cash + sum(sign * fill.quantity for sign, fill in signed) * days[point.session]


def test_the_paper_venue_holds_the_history_of_the_demo_book(demo_desk):
    load(demo_desk)
    positions = demo_desk.sql("SELECT instrument_id, quantity FROM execution.positions WHERE account_id = 'demo'")
    venue = PaperBroker(demo_desk.database, demo_desk.marks, demo_desk.clock)
    assert venue.account("demo").positions == dict(positions)
    for order in demo_desk.books.orders("demo"):
        word = venue.find("demo", order.client_order_id)
        assert (word.state, word.venue_order_id, word.reason) == (order.state, order.venue_order_id, order.reason)
        reported = venue.executions("demo", [order.client_order_id])
        booked = demo_desk.sql(
            "SELECT execution_id, price, fee FROM execution.fills WHERE order_id = %s", order.order_id
        )
        assert [(part.execution_id, part.price, part.fee) for part in reported] == booked
    assert venue.account("main").positions == {}


def test_settling_the_demo_book_books_nothing_twice(demo_desk):
    load(demo_desk)
    before = counts(demo_desk)
    for _ in range(2):
        outcome = demo_desk.settlement.settle()
        assert (outcome.fills, outcome.orders, outcome.problems) == ((), (), ())
    assert counts(demo_desk) | {"nav_daily": 0} == before | {"nav_daily": 0}


def test_the_positions_stay_equal_after_a_trade_in_the_demo_book(demo_desk, ask, approve):
    load(demo_desk)
    proposal = demo_desk.proposals.propose(ask("KO", "sell", 5, account_id="demo"), PETER)
    approve(proposal)
    demo_desk.gateway.release(proposal.proposal_id)
    demo_desk.advance()
    venue = PaperBroker(demo_desk.database, demo_desk.marks, demo_desk.clock)
    held = {line.instrument_id: line.quantity for line in demo_desk.books.holdings("demo").positions}
    assert venue.account("demo").positions == held


def test_the_rejected_demo_order_is_said_in_one_clean_sentence(demo_desk):
    load(demo_desk)
    (view,) = [
        view for view in demo_desk.proposals.list(account_id="demo") if [o.state for o in view.orders] == ["rejected"]
    ]
    assert view.progress == "Rejected: the paper venue says that the order is above the account's buying power."


def test_a_pending_demo_proposal_is_decided_like_any_other(demo_desk, approve):
    load(demo_desk)
    view = next(v for v in demo_desk.proposals.list(state="pending") if v.proposal.order_type == "market")
    with pytest.raises(Exception, match="only a signed-in person"):
        approve(view.proposal, AGENT)
    approve(view.proposal, PETER)
    (order,) = demo_desk.gateway.release(view.proposal.proposal_id)
    assert order.state == "accepted"
    demo_desk.advance()
    assert demo_desk.proposals.get(view.proposal.proposal_id).progress == "Filled."


def test_the_history_of_the_demo_book_cannot_release_an_order(demo_desk):
    load(demo_desk)
    history = demo_desk.sql("SELECT proposal_id FROM execution.decisions WHERE face = 'demo' LIMIT 1")[0][0]
    pending = demo_desk.proposals.list(state="pending")[0].proposal
    sent = demo_desk.gateway.release(history)
    assert sent[0].state in ("filled", "rejected")
    demo_desk.sql(
        "INSERT INTO execution.decisions (proposal_id, decision, digest, decided_by, decided_by_kind, face, desk_time)"
        " VALUES (%s, 'approved', %s, 'demo', 'service', 'demo', now())",
        pending.proposal_id,
        pending.digest,
    )
    with pytest.raises(Refused, match="not approved by a person"):
        demo_desk.gateway.release(pending.proposal_id)


def test_removing_takes_everything_of_the_demo_and_nothing_else(demo_desk, ask, approve):
    before = counts(demo_desk)
    load(demo_desk)
    proposal = demo_desk.proposals.propose(ask(account_id="demo"), PETER)
    approve(proposal)
    demo_desk.gateway.release(proposal.proposal_id)
    demo_desk.advance()
    demo_desk.sql("DELETE FROM execution.nav_daily WHERE account_id = 'main'")
    assert remove_demo(demo_desk.store) is True
    assert counts(demo_desk) == before
    assert remove_demo(demo_desk.store) is False


def test_only_a_demo_account_can_be_removed(demo_desk):
    with pytest.raises((Refused, psycopg.Error)), demo_desk.store.transaction() as transaction:
        transaction.accounts.remove_demo("main")
    assert [account.account_id for account in demo_desk.books.accounts()] == ["main"]


def test_without_prices_there_is_no_demo_book(desk):
    desk.clock.set_replay(datetime(1990, 1, 2, 21, tzinfo=UTC))
    with pytest.raises(NoData):
        load(desk)
    desk.clock.set_replay(close_of(START, "XNYS"))
    assert counts(desk)["accounts"] == 1
