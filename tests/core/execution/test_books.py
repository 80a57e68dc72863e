"""Show the books at every session against a ledger kept here, in Decimal, from the executions alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from urllib.parse import urlsplit, urlunsplit

import psycopg
import pytest

from core.adapters.store.queries import PostgresQueryRunner
from core.data.calendar import close_of, sessions_between
from core.domain.as_of import AsOf
from core.errors import InvalidInput, UnknownName
from core.execution.requests import LegRequest, TradeRequest
from core.ports.broker import Execution, VenueAccount, VenueOrder
from core.testing.small_market import AGENT, PETER, START, aaa_close, add_people, fill_market, open_account

DAYS = sessions_between("XNYS", START, date(2022, 12, 13)).tolist()
CLOSES = {"AAA": aaa_close, "BBB": lambda session: Decimal(50), "BTC": lambda session: Decimal(16_000)}
IDS = {"AAA": 1, "BBB": 2, "BTC": 3}


@dataclass(frozen=True)
class Trade:
    """An execution: `day` counts sessions from START, at 17:00 UTC."""

    day: int
    symbol: str
    side: str
    quantity: str
    price: str
    fee: str

    @property
    def moment(self):
        day = DAYS[self.day]
        return datetime(day.year, day.month, day.day, 17, tzinfo=UTC)

    @property
    def signed(self):
        return Decimal(self.quantity) * (1 if self.side == "buy" else -1)

    @property
    def cash(self):
        return -(self.signed * Decimal(self.price)).quantize(Decimal("0.01"), "ROUND_HALF_UP") - Decimal(self.fee)


TRADES = (
    Trade(1, "AAA", "buy", "100", "151.25", "1.51"),
    Trade(1, "BTC", "buy", "0.12345678", "15987.65", "0.20"),
    Trade(2, "AAA", "buy", "50", "152.5", "0.76"),
    Trade(3, "BBB", "sell", "200", "50.01", "1.00"),
    Trade(4, "AAA", "sell", "120", "154.75", "1.86"),
    Trade(5, "BBB", "buy", "80", "49.5", "0.40"),
    Trade(6, "AAA", "sell", "60", "156", "0.94"),
    Trade(7, "BTC", "sell", "0.12345678", "16100.5", "0.20"),
    Trade(8, "BBB", "buy", "200", "49.75", "1.00"),
    Trade(9, "AAA", "buy", "30", "158.99", "0.48"),
)


class ScriptedVenue:
    """Accept every order and report what the test wrote down."""

    deduplicates = True

    def __init__(self):
        self.reports = []

    def submit(self, ticket):
        return VenueOrder(
            client_order_id=ticket.client_order_id, venue_order_id=f"v-{ticket.client_order_id}", state="accepted"
        )

    def find(self, account_id, client_order_id):
        done = any(report.client_order_id == client_order_id for report in self.reports)
        return VenueOrder(
            client_order_id=client_order_id,
            venue_order_id=f"v-{client_order_id}",
            state="filled" if done else "accepted",
        )

    def account(self, account_id):
        return VenueAccount(open_orders=(), positions={}, cash=None)

    def executions(self, account_id, client_order_ids):
        return [report for report in self.reports if report.client_order_id in client_order_ids]


def execute(desk, other, venue, trades):
    """Have trades proposed, approved, sent, executed and booked."""
    desk.sql(
        'UPDATE execution.accounts SET four_eyes_above = NULL, limits = \'{"allow_short": true, "min_cash": null}\''
    )
    for number, one in enumerate(trades):
        leg = LegRequest(symbol=one.symbol, side=one.side, quantity=Decimal(one.quantity))
        proposal = desk.proposals.propose(TradeRequest(legs=(leg,), time_in_force="gtc"), AGENT)
        desk.proposals.decide(proposal.proposal_id, "approved", proposal.digest, PETER, face="cli")
        (order,) = other.gateway.release(proposal.proposal_id)
        venue.reports.append(
            Execution(
                execution_id=f"exe_{number:03}",
                client_order_id=order.client_order_id,
                quantity=Decimal(one.quantity),
                price=Decimal(one.price),
                fee=Decimal(one.fee),
                currency="USD",
                session=one.moment.date(),
                executed_at=one.moment,
            )
        )
    return other.settlement.settle()


@pytest.fixture
def trade(desk, open_another):
    """Give a function that makes trades on the market of the other tests."""
    venue = ScriptedVenue()
    other = open_another(venue)
    return lambda trades: execute(desk, other, venue, trades)


@pytest.fixture(scope="module")
def traded(postgres_dsn, template_dsn, desk_opener, tmp_path_factory):
    """Give a desk on which all trades were made: read it, do not write to it."""
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute('CREATE DATABASE qd_books TEMPLATE "qd_template"')
    dsn = urlunsplit(urlsplit(postgres_dsn)._replace(path="/qd_books"))
    with psycopg.connect(dsn) as connection:
        fill_market(connection)
        add_people(connection)
        open_account(connection)
        connection.execute(
            "INSERT INTO desk.clock (mode, replay_now) VALUES ('replay', %s)", (close_of(START, "XNYS"),)
        )
    venue = ScriptedVenue()
    desk = desk_opener(dsn, tmp_path_factory.mktemp("home"))
    other = desk_opener(dsn, desk.home, venue)
    assert len(execute(desk, other, venue, TRADES).fills) == len(TRADES)
    other.close()
    yield desk
    desk.close()
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("DROP DATABASE qd_books WITH (FORCE)")


def ledger(day):
    """Return cash and quantities after the trades up to a session's close."""
    done = [one for one in TRADES if one.day <= day]
    held = {}
    for one in done:
        held[one.symbol] = held.get(one.symbol, Decimal(0)) + one.signed
    return Decimal(100_000) + sum((one.cash for one in done), Decimal(0)), held


def at_close(day):
    return AsOf(known=close_of(DAYS[day], "XNYS"))


def value(day):
    cash, held = ledger(day)
    return cash + sum((quantity * CLOSES[symbol](DAYS[day]) for symbol, quantity in held.items()), Decimal(0))


def test_the_books_of_every_day_equal_the_ledger(traded):
    for day in range(len(DAYS)):
        shown = traded.books.holdings(as_of=at_close(day))
        cash, held = ledger(day)
        assert shown.cash == cash
        assert {line.symbol: line.quantity for line in shown.positions} == {
            symbol: quantity for symbol, quantity in held.items() if quantity
        }
        assert shown.nav == value(day)
        assert shown.fees == sum((Decimal(one.fee) for one in TRADES if one.day <= day), Decimal(0))
        assert shown.total_pnl == shown.nav - 100_000
        assert abs(shown.total_pnl - (shown.unrealized_pnl + shown.realized_pnl - shown.fees)) < Decimal("1e-9")
        assert abs(sum(traded.books.profits(as_of=at_close(day)).values()) - shown.total_pnl) < Decimal("1e-9")


def test_weights_and_exposures_are_shares_of_the_value(traded):
    for day in (3, 5, 9):
        shown = traded.books.holdings(as_of=at_close(day))
        values = {line.symbol: line.quantity * CLOSES[line.symbol](DAYS[day]) for line in shown.positions}
        assert {line.symbol: line.market_value for line in shown.positions} == values
        assert {line.symbol: line.weight for line in shown.positions} == {
            symbol: amount / value(day) for symbol, amount in values.items()
        }
        assert shown.gross_exposure == sum(map(abs, values.values()), Decimal(0)) / value(day)
        assert shown.net_exposure == sum(values.values(), Decimal(0)) / value(day)
        sizes = [abs(line.market_value) for line in shown.positions]
        assert sizes == sorted(sizes, reverse=True)


@pytest.mark.parametrize(
    ("day", "quantity", "average", "realized"),
    [
        # Average cost, not first in first out. 100 at 151.25 and 50 at 152.50 cost 151.666... each. Selling 120 at
        # 154.75 earns 120 x 3.0833 = 370 (first in, first out: 100 x 3.50 + 20 x 2.25 = 395). Selling 60 at 156 closes
        # the last 30 for 130 more and opens 30 short at 156. Buying 30 back at 158.99 loses 89.70.
        (1, "100", "151.25", "0"),
        (2, "150", "151.666666666667", "0"),
        (4, "30", "151.666666666667", "370"),
        (6, "-30", "156", "500"),
        (9, "0", "0", "410.30"),
    ],
)
def test_cost_and_profit_by_average_cost_worked_by_hand(traded, day, quantity, average, realized):
    until = at_close(day)
    lines = [line for line in traded.books.holdings(as_of=until).positions if line.symbol == "AAA"]
    if lines:
        assert abs(lines[0].average_cost - Decimal(average)) < Decimal("1e-9")
        assert abs(lines[0].realized_pnl - Decimal(realized)) < Decimal("1e-9")
        assert lines[0].unrealized_pnl == pytest.approx(
            lines[0].quantity * (aaa_close(DAYS[day]) - lines[0].average_cost), abs=Decimal("1e-9")
        )
    row = positions_view(traded, until.known)["AAA"]
    assert row[0] == Decimal(quantity)
    assert abs(row[1] - Decimal(average)) < Decimal("1e-9") and abs(row[2] - Decimal(realized)) < Decimal("1e-9")


def positions_view(desk, known):
    with desk.database.transaction() as connection:
        connection.execute("SELECT set_config('quantdesk.as_of', %s, true)", (known.isoformat(),))
        rows = connection.execute(
            "SELECT symbol, quantity, average_cost, realized_pnl, updated_at FROM execution.v_positions"
        ).fetchall()
    return {row[0]: row[1:] for row in rows}


def test_the_view_of_positions_is_cut_at_the_time_and_ends_at_the_stored_positions(traded):
    for day in range(len(DAYS)):
        _, held = ledger(day)
        rows = positions_view(traded, at_close(day).known)
        assert {symbol: row[0] for symbol, row in rows.items()} == held
    stored = traded.sql(
        "SELECT i.symbol, p.quantity, p.average_cost, p.realized_pnl, p.updated_at FROM execution.positions p"
        " JOIN market_data.instruments i USING (instrument_id)"
    )
    last = positions_view(traded, at_close(len(DAYS) - 1).known)
    assert set(last) == {row[0] for row in stored} == set(IDS)
    for symbol, quantity, average, realized, updated in stored:
        assert last[symbol][0] == quantity and last[symbol][3] == updated
        assert abs(last[symbol][1] - average) < Decimal("1e-9")
        assert abs(last[symbol][2] - realized) < Decimal("1e-9")
    assert positions_view(traded, datetime(2022, 11, 30, 16, 59, tzinfo=UTC)) == {}


def test_questions_may_read_the_view_within_their_budget(traded):
    from core.query.guard import SqlGuard
    from core.query.relations import product_relations

    runner = PostgresQueryRunner(traded.database.dsn)
    checked = SqlGuard(product_relations("private")).check(
        "SELECT symbol, quantity FROM execution.v_positions WHERE quantity <> 0 ORDER BY symbol"
    )
    found = runner.run(checked, as_of=at_close(6))
    assert found.rows == (("AAA", -30), ("BBB", -120), ("BTC", 0.12345678))
    runner.close()


def test_the_value_history_and_drawdown_of_every_session(traded):
    last = at_close(len(DAYS) - 1)
    points = {point.session: point for point in traded.books.nav_history(as_of=last)}
    peak = Decimal(100_000)
    for day, session in enumerate(DAYS):
        cents = value(day).quantize(Decimal("0.01"))
        assert (points[session].nav, points[session].cash) == (cents, ledger(day)[0])
        peak = max(peak, cents)
        shown = traded.books.holdings(as_of=at_close(day))
        assert shown.drawdown == pytest.approx(value(day) / max(peak, value(day)) - 1, abs=Decimal("1e-9"))
        assert shown.drawdown <= 0
    assert list(points) == sorted(points)
    assert points[date(2022, 10, 3)].nav == 100_000


def test_profit_of_the_last_session_is_the_change_of_value(traded):
    for day in range(1, len(DAYS)):
        shown = traded.books.holdings(as_of=at_close(day))
        assert shown.nav_before == value(day - 1).quantize(Decimal("0.01"))
        assert shown.pnl_today == shown.nav - shown.nav_before


def test_a_deposit_is_no_profit(desk, trade):
    trade(TRADES[:1])
    desk.sql(
        "INSERT INTO execution.cash_ledger (account_id, movement, amount, booked_at)"
        " VALUES ('main', 'deposit', 5000, %s)",
        datetime(2022, 12, 1, 17, tzinfo=UTC),
    )
    before, after = (desk.books.holdings(as_of=at_close(day)) for day in (1, 2))
    assert after.nav - before.nav == 5000 + 100
    # A hundred shares rose by a dollar; the deposit is money put in.
    assert after.pnl_today == 100
    assert (before.deposits, after.deposits) == (100_000, 105_000)
    assert after.total_pnl - before.total_pnl == 100


@pytest.mark.parametrize(("movement", "amount", "profit"), [("dividend", "42.50", "42.50"), ("interest", "-3", "-3")])
def test_income_is_profit(desk, movement, amount, profit):
    desk.sql(
        "INSERT INTO execution.cash_ledger (account_id, movement, amount, booked_at) VALUES ('main', %s, %s, %s)",
        movement,
        Decimal(amount),
        datetime(2022, 12, 1, 17, tzinfo=UTC),
    )
    assert desk.books.holdings(as_of=at_close(2)).total_pnl == Decimal(profit)


def test_an_account_that_never_traded_has_the_value_of_its_cash_at_every_session(desk):
    points = desk.books.nav_history()
    assert [point.session for point in points] == sessions_between("XNYS", date(2022, 10, 3), START).tolist()
    assert {(point.nav, point.cash) for point in points} == {(Decimal(100_000), Decimal(100_000))}
    assert desk.books.holdings().drawdown == 0


def test_before_the_first_deposit_there_is_nothing(desk):
    shown = desk.books.holdings(as_of=AsOf(known=datetime(2022, 9, 30, 20, tzinfo=UTC)))
    assert (shown.cash, shown.nav, shown.positions, shown.drawdown) == (0, 0, (), None)
    assert desk.books.nav_history(as_of=AsOf(known=datetime(2022, 9, 30, 20, tzinfo=UTC))) == []


def test_what_was_recorded_later_is_not_in_the_books_recorded_before(desk, trade):
    earlier = desk.sql("SELECT clock_timestamp()")[0][0]
    trade(TRADES[:3])
    late = at_close(5)
    assert desk.books.holdings(as_of=late).positions
    as_recorded = desk.books.holdings(as_of=AsOf(known=late.known, recorded=earlier))
    assert (as_recorded.positions, as_recorded.cash) == ((), 100_000)
    assert desk.books.fills(as_of=AsOf(known=late.known, recorded=earlier)) == []


def test_fills_are_newest_first_and_limited(traded):
    fills = traded.books.fills(as_of=at_close(9))
    assert [fill.execution_id for fill in fills[:2]] == ["exe_009", "exe_008"]
    assert len(traded.books.fills(as_of=at_close(9), limit=3)) == 3
    assert {fill.filled_at for fill in fills} <= {one.moment for one in TRADES}


def test_orders_are_listed_by_state_and_time(desk, trade):
    trade(TRADES[:4])
    assert {order.state for order in desk.books.orders()} == {"filled"}
    assert desk.books.orders(states=["cancelled"]) == []
    assert len(desk.books.orders(limit=2)) == 2
    before = AsOf(known=desk.clock.now() - timedelta(seconds=1))
    assert desk.books.orders(as_of=before) == []


def test_the_history_of_an_order_is_complete_and_in_order(desk, trade):
    trade(TRADES[:1])
    (order,) = desk.books.orders()
    events = desk.books.order_events(order.order_id)
    assert [event["event"] for event in events] == ["intended", "submit", "accept", "fill_all"]
    assert [event["sequence"] for event in events] == [1, 2, 3, 4]
    for earlier, later in pairwise(events):
        assert later["state_before"] == earlier["state_after"]
    assert events[-1]["detail"]["execution_id"] == "exe_000"
    with pytest.raises(UnknownName):
        desk.books.order_events("ord_none")


def test_accounts_do_not_see_each_other(desk, trade):
    trade(TRADES[:2])
    with desk.database.transaction() as connection:
        open_account(connection, "other")
    assert desk.books.holdings("other", as_of=at_close(5)).positions == ()
    assert desk.books.fills("other", as_of=at_close(5)) == []
    assert [account.account_id for account in desk.books.accounts()] == ["main", "other"]
    with pytest.raises(InvalidInput, match="Several accounts exist"):
        desk.books.holdings()
    with pytest.raises(UnknownName, match="main"):
        desk.books.holdings("mian")


def test_without_an_account_it_says_how_to_get_one(desk):
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("DELETE FROM execution.accounts")
    with pytest.raises(InvalidInput, match="There is no account"):
        desk.books.account()


def test_the_stored_values_are_the_computed_ones(desk, trade):
    trade(TRADES)
    desk.clock.set_replay(close_of(DAYS[-1], "XNYS"))
    desk.settlement.mark("main")
    desk.settlement.mark("main")
    stored = desk.sql("SELECT session, nav, cash FROM execution.nav_daily ORDER BY session")
    assert stored == [(point.session, point.nav, point.cash) for point in desk.books.nav_history()]
    assert len(stored) == len(sessions_between("XNYS", date(2022, 10, 3), DAYS[-1]))
