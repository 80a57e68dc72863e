"""Splits and dividends are booked once, and the value of a book does not jump at them."""

from __future__ import annotations

import itertools
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Decimal

import psycopg
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.adapters.store.actions import PostgresActions
from core.data.calendar import closes_of, sessions_between, shift_session
from core.domain.as_of import AsOf
from core.errors import InvalidInput, NotSignedIn, Unavailable
from core.execution.accounts import AccountDesk
from core.execution.corporate_actions import ActionBooking, _per_share
from core.execution.settlement import Settlement
from core.testing.small_market import AGENT, ANNA, CLERK, PETER, START
from tools._profit import profit_by

EX = date(2022, 12, 2)
CENT = Decimal("0.01")


@pytest.fixture
def settle(desk):
    """Give a function that settles with corporate actions, and cleans the market of those of the test."""

    def go(withholding="0"):
        made = Settlement(
            desk.store,
            desk.settlement._brokers,
            desk.marks,
            desk.clock,
            actions=PostgresActions(desk.database),
            withholding_ratio=Decimal(withholding),
        )
        return made.settle()

    yield go
    with desk.database.transaction() as connection:
        connection.execute("DELETE FROM market_data.corporate_actions")
        connection.execute("DELETE FROM market_data.corporate_actions_history")
        connection.execute(
            "UPDATE market_data.bars_daily b SET open = p + 0.5, high = p + 1.25, low = p - 0.75, close = p FROM ("
            " SELECT session, 109 + row_number() OVER (ORDER BY session) AS p FROM market_data.bars_daily"
            " WHERE instrument_id = 1) AS q WHERE b.instrument_id = 1 AND b.session = q.session AND b.session >= %s",
            (EX,),
        )


def announce(desk, action="dividend", *, instrument=1, ex_date=EX, known=None, source="test", **values):
    names = {"ratio": None, "amount": None, "currency": "USD", "amount_basis": None, **values}
    desk.sql(
        "INSERT INTO market_data.corporate_actions (instrument_id, action, ex_date, source, ratio, amount, currency,"
        " amount_basis, known_at) VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)",
        *(instrument, action, ex_date, source, *names.values(), known or datetime(2022, 11, 1, tzinfo=UTC)),
    )


def split_prices(desk, ratio=4):
    """Let AAA trade at a quarter from the ex-date on, as a share does after a split of four for one."""
    desk.sql(
        "UPDATE market_data.bars_daily SET open = open / %s, high = high / %s, low = low / %s, close = close / %s"
        " WHERE instrument_id = 1 AND session >= %s",
        *(ratio,) * 4,
        EX,
    )


@pytest.fixture
def buy(desk, ask, approve):
    def trade(symbol="AAA", side="buy", quantity=10, **changes):
        proposal = desk.proposals.propose(ask(symbol, side, quantity, **changes), AGENT)
        approve(proposal)
        desk.gateway.release(proposal.proposal_id)

    return trade


def go_to(desk, settle, day, **options):
    """Move the clock close by close to a session, settling at each."""
    while desk.clock.now().date() < day:
        desk.clock.advance(1)
        settle(**options)


def money(desk, movement):
    return [row[0] for row in desk.sql("SELECT amount FROM execution.cash_ledger WHERE movement = %s", movement)]


def test_a_dividend_is_paid_on_what_was_held_before_the_ex_date_and_once(desk, settle, buy):
    announce(desk, amount=0.23, amount_basis="raw")
    buy(quantity=10)
    go_to(desk, settle, shift_session(EX, -1, "XNYS"))
    assert money(desk, "dividend") == []
    # What is bought at the open of the ex-date has no claim any more.
    buy(quantity=7)
    go_to(desk, settle, EX)
    for _ in range(3):
        settle()
    assert money(desk, "dividend") == [Decimal("2.30")]
    held = desk.books.holdings()
    assert held.positions[0].quantity == 17
    # Total profit is what is unrealised, realised, paid in fees, and the dividend.
    other = held.total_pnl - (held.unrealized_pnl + held.realized_pnl - held.fees)
    assert other == Decimal("2.30")
    assert desk.reconciliation.run()[0].outcome == "agrees"


@pytest.fixture
def booking(desk, settle):
    """Give the booking of actions alone, as a running desk keeps it."""
    return ActionBooking(desk.store, PostgresActions(desk.database), desk.marks, Decimal(0))


def test_one_statement_is_asked_while_nothing_is_new(desk, settle, booking, buy, count_statements):
    announce(desk, amount=0.23, amount_basis="raw")
    buy(quantity=10)
    go_to(desk, settle, shift_session(EX, -1, "XNYS"))
    with desk.store.transaction() as transaction:
        account = transaction.accounts.get("main")

    def sent(moment):
        return len(count_statements(lambda: booking.book(account, AsOf(known=moment))))

    before = datetime(2022, 12, 1, 21, tzinfo=UTC)
    assert sent(before) > 1, "a new booking looks at everything"
    assert [sent(before + timedelta(minutes=number)) for number in range(1, 4)] == [1, 1, 1]
    # The ex-date begins, then its session opens: looked at again each time, paid once.
    assert sent(datetime(2022, 12, 2, 0, 1, tzinfo=UTC)) > 1 and money(desk, "dividend") == []
    assert sent(datetime(2022, 12, 2, 14, 29, tzinfo=UTC)) == 1
    opened = datetime(2022, 12, 2, 14, 30, tzinfo=UTC)
    assert sent(opened) > 1 and money(desk, "dividend") == [Decimal("2.30")]
    assert sent(opened + timedelta(minutes=1)) == 1
    # Another action becomes stored, then another known by time alone, then an execution comes.
    announce(desk, amount=0.50, ex_date=date(2022, 12, 1), known=datetime(2022, 12, 2, 18, tzinfo=UTC))
    assert sent(datetime(2022, 12, 2, 17, tzinfo=UTC)) > 1 and len(money(desk, "dividend")) == 1
    assert sent(datetime(2022, 12, 2, 17, 1, tzinfo=UTC)) == 1
    assert sent(datetime(2022, 12, 2, 18, tzinfo=UTC)) > 1
    assert money(desk, "dividend") == [Decimal("2.30"), Decimal("5.00")]
    buy(quantity=1)
    desk.advance()
    assert sent(datetime(2022, 12, 2, 21, tzinfo=UTC)) > 1 and len(money(desk, "dividend")) == 2


def test_a_booking_that_fails_is_done_again(desk, settle, booking, buy, monkeypatch):
    announce(desk, amount=0.23, amount_basis="raw")
    buy(quantity=10)
    go_to(desk, settle, shift_session(EX, -1, "XNYS"))
    with desk.store.transaction() as transaction:
        account = transaction.accounts.get("main")
    opened = AsOf(known=datetime(2022, 12, 2, 15, tzinfo=UTC))
    with monkeypatch.context() as patch:
        patch.setattr(ActionBooking, "_dividend", unavailable)
        with pytest.raises(Unavailable):
            booking.book(account, opened)
    booking.book(account, opened)
    assert money(desk, "dividend") == [Decimal("2.30")]


def unavailable(*_):
    raise Unavailable("The database was lost.")


def test_a_short_position_pays_and_nothing_is_withheld_of_that(desk, settle, buy):
    announce(desk, amount=0.5, amount_basis="raw")
    buy(side="sell", quantity=10)
    go_to(desk, settle, EX, withholding="0.15")
    assert (money(desk, "dividend"), money(desk, "withholding")) == ([Decimal("-5.00")], [])


def test_withholding_is_a_movement_of_its_own(desk, settle, buy):
    announce(desk, amount=0.33, amount_basis="raw")
    buy(quantity=7)
    go_to(desk, settle, EX, withholding="0.15")
    # 7 at 0.33 are 2.31; 15 % of it is 0.3465.
    assert (money(desk, "dividend"), money(desk, "withholding")) == ([Decimal("2.31")], [Decimal("-0.35")])


def test_a_dividend_that_becomes_known_late_is_booked_on_its_day_and_seen_by_no_earlier_look(desk, settle, buy):
    buy(quantity=10)
    go_to(desk, settle, EX)
    announce(desk, amount=1.0, amount_basis="raw", known=datetime(2022, 12, 5, 12, tzinfo=UTC))
    settle()
    assert money(desk, "dividend") == []
    go_to(desk, settle, date(2022, 12, 5))
    assert money(desk, "dividend") == [Decimal("10.00")]
    (booked,) = desk.sql("SELECT booked_at FROM execution.cash_ledger WHERE movement = 'dividend'")
    assert booked[0] == datetime(2022, 12, 2, 14, 30, tzinfo=UTC)


def test_an_execution_reported_late_corrects_the_dividend_by_the_difference(desk, settle, buy):
    announce(desk, amount=0.10, amount_basis="raw")
    buy(quantity=10)
    go_to(desk, settle, EX)
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute(
            "INSERT INTO execution.fills (fill_id, execution_id, order_id, account_id, instrument_id, side, quantity,"
            " price, session, filled_at) SELECT 'fil_late', 'late', order_id, account_id, 1, 'buy', 5, 150, session,"
            " filled_at FROM execution.fills"
        )
    settle()
    settle()
    assert money(desk, "dividend") == [Decimal("1.00"), Decimal("0.50")]


def test_two_sources_of_one_dividend_pay_once_and_total_return_prices_hold_it_already(desk, settle, buy):
    announce(desk, amount=0.10, source="one")
    announce(desk, amount=0.11, source="two")
    announce(desk, amount=2.0, instrument=2)
    buy(quantity=10)
    buy("BBB", quantity=10)
    go_to(desk, settle, EX)
    assert money(desk, "dividend") == [Decimal("1.00")]


def test_the_demo_book_is_left_as_it_was_made(desk, settle, buy):
    buy(quantity=10)
    announce(desk, amount=1.0)
    with desk.database.transaction() as connection:
        connection.execute("SET LOCAL session_replication_role = replica")
        connection.execute("UPDATE execution.accounts SET is_demo = true")
    go_to(desk, settle, EX)
    assert money(desk, "dividend") == []


def whole_profit(desk) -> Decimal:
    """Add up the parts of the profit as `pnl_analysis` splits it."""
    held = desk.books.holdings()
    fills, authors = desk.books.trades("main", AsOf(known=held.as_of))
    lines = profit_by(fills, {line.instrument_id: line.price for line in held.positions}, lambda fill: fill.fill_id)
    assert {fill.order_id for fill in fills} - authors.keys() <= {""}
    return sum((line.total for line in lines), Decimal(0))


def test_the_value_of_a_book_does_not_jump_at_a_split(desk, settle, buy):
    announce(desk, "split", ratio=4.0)
    split_prices(desk)
    buy(quantity=10)
    go_to(desk, settle, shift_session(EX, -1, "XNYS"))
    before = desk.books.holdings()
    go_to(desk, settle, EX)
    after = desk.books.holdings()
    (line,) = after.positions
    # AAA went from 152.00 to 153.00, quoted as 38.25 in quarters: a dollar for each of the ten old shares.
    assert (line.quantity, line.price) == (40, Decimal("38.25"))
    assert after.nav - before.nav == 10
    assert (line.average_cost * 4, line.unrealized_pnl) == (
        before.positions[0].average_cost,
        before.positions[0].unrealized_pnl + 10,
    )
    assert line.pnl_today == 10 and after.pnl_today == 10
    assert whole_profit(desk) == after.total_pnl
    assert desk.reconciliation.run()[0].outcome == "agrees"
    history = {point.session: point.nav for point in desk.books.nav_history()}
    values = list(history.values())
    steps = [later - earlier for earlier, later in itertools.pairwise(values)]
    assert steps[-2:] == [10, 10]


def test_a_split_is_booked_once_and_what_is_sold_after_it_is_right(desk, settle, buy):
    announce(desk, "split", ratio=4.0)
    split_prices(desk)
    buy(quantity=10)
    go_to(desk, settle, EX)
    for _ in range(3):
        settle()
    assert desk.sql("SELECT ratio FROM execution.applied_splits") == [(Decimal("4.0"),)]
    buy(side="sell", quantity=40)
    go_to(desk, settle, date(2022, 12, 5))
    held = desk.books.holdings()
    assert held.positions == ()
    # Ten bought at 151.5303, forty sold at the open of 38.625 less 2 bps: 38.6173.
    bought, sold = Decimal("1515.30"), (40 * Decimal("38.6173")).quantize(CENT, rounding=ROUND_HALF_UP)
    assert held.realized_pnl == sold - bought
    (row,) = desk.sql("SELECT quantity, realized_pnl FROM execution.v_positions WHERE account_id = 'main'")
    assert (row[0], row[1].quantize(CENT)) == (0, sold - bought)
    fills = desk.books.fills()
    assert [(fill.side, fill.quantity) for fill in fills] == [("sell", 40), ("buy", 10)]
    profit = desk.books.profit(by="account", method="fifo")
    assert profit[0].realized == sold - bought


@pytest.mark.parametrize(
    ("side", "quantity", "ratio", "whole", "paid"),
    [
        # 7 shares become 3.5, worth 304 each (152 a share before): half a share is paid out.
        ("buy", 7, 0.5, 3, "152.00"),
        ("sell", 7, 0.5, -3, "-152.00"),
        # 10 become 3.3 of 152 / 0.33; 0.3 of them are 138.18.
        ("buy", 10, 0.33, 3, "138.18"),
        ("buy", 10, 1.5, 15, None),
    ],
)
def test_a_fraction_that_a_split_leaves_is_paid_out_and_the_books_still_balance(
    desk, settle, buy, side, quantity, ratio, whole, paid
):
    announce(desk, "split", ratio=ratio)
    split_prices(desk, ratio)
    buy(side=side, quantity=quantity)
    go_to(desk, settle, shift_session(EX, -1, "XNYS"))
    before = desk.books.holdings()
    assert before.positions[0].price == 152
    go_to(desk, settle, EX)
    after = desk.books.holdings()
    (line,) = after.positions
    assert line.quantity == whole
    assert money(desk, "cash_in_lieu") == ([] if paid is None else [Decimal(paid)])
    # The whole shares moved with the price (a dollar an old share), what was paid out did not.
    kept = Decimal(whole) / Decimal(repr(ratio))
    assert abs(after.nav - before.nav - kept) <= CENT
    # Cash and positions are the equity, and profit is what is realised and what is not, less fees: to the cent.
    (cash,) = desk.sql("SELECT sum(amount) FROM execution.cash_ledger")[0]
    assert after.cash == cash and abs(after.cash + line.quantity * line.price - after.nav) < CENT
    assert abs(after.total_pnl - (after.unrealized_pnl + after.realized_pnl - after.fees)) < CENT
    (seen,) = desk.sql("SELECT quantity, realized_pnl FROM execution.v_positions WHERE account_id = 'main'")
    assert seen[0] == whole and abs(seen[1] - after.realized_pnl) < CENT
    (stored,) = desk.sql("SELECT quantity FROM execution.positions WHERE account_id = 'main'")
    assert stored[0] == whole
    profit = {line.name: line.realized for line in desk.books.profit()}
    assert sum(profit.values()) == after.realized_pnl and ("corporate action" in profit) == (paid is not None)
    assert abs(whole_profit(desk) - after.total_pnl) < CENT
    # What the venue reported is as it was, and the venue agrees.
    assert [fill.quantity for fill in desk.books.fills()] == [quantity]
    assert desk.reconciliation.run()[0].outcome == "agrees"
    # Once, whatever is settled again; and the position can be closed to the last share.
    settle()
    assert len(money(desk, "cash_in_lieu")) == (paid is not None)
    buy(side="sell" if whole > 0 else "buy", quantity=abs(whole))
    go_to(desk, settle, date(2022, 12, 5))
    assert desk.books.holdings().positions == ()
    assert desk.reconciliation.run()[0].outcome == "agrees"


def test_a_look_back_to_before_the_split_sees_the_old_shares(desk, settle, buy):
    announce(desk, "split", ratio=4.0)
    split_prices(desk)
    buy(quantity=10)
    go_to(desk, settle, EX)
    then = AsOf(known=datetime(2022, 12, 1, 21, tzinfo=UTC))
    (line,) = desk.books.holdings(as_of=then).positions
    assert (line.quantity, line.price) == (10, Decimal(152))
    with desk.database.transaction(then) as connection:
        row = connection.execute("SELECT quantity FROM execution.v_positions WHERE account_id = 'main'").fetchone()
    assert row == (Decimal(10),)
    (now,) = desk.sql("SELECT quantity FROM execution.v_positions WHERE account_id = 'main'")
    assert now == (Decimal(40),)


def test_an_order_that_rests_over_a_split_ends_for_its_shares_are_others(desk, settle, buy):
    announce(desk, "split", ratio=4.0)
    split_prices(desk)
    buy(quantity=10)
    buy(side="sell", quantity=10, order_type="stop", stop_price=140, time_in_force="gtc")
    go_to(desk, settle, EX)
    assert desk.sql("SELECT state FROM execution.orders ORDER BY created_at") == [("filled",), ("cancelled",)]
    (reason,) = desk.sql("SELECT reason FROM execution.orders WHERE state = 'cancelled'")
    assert "split took effect on 2022-12-02" in reason[0]


def test_adjusted_prices_never_jump_so_their_splits_are_not_booked(desk, settle, buy):
    announce(desk, "split", ratio=4.0, instrument=2)
    buy("BBB", quantity=10)
    go_to(desk, settle, EX)
    assert desk.sql("SELECT count(*) FROM execution.applied_splits") == [(0,)]
    assert desk.books.holdings().positions[0].quantity == 10


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE execution.applied_splits SET ratio = 2",
        "DELETE FROM execution.applied_splits",
        "TRUNCATE execution.applied_splits",
    ],
)
def test_what_was_booked_is_never_changed(desk, settle, buy, statement):
    announce(desk, "split", ratio=4.0)
    split_prices(desk)
    buy(quantity=10)
    go_to(desk, settle, EX)
    with pytest.raises(psycopg.errors.RestrictViolation), desk.database.transaction() as connection:
        connection.execute(statement)
    (entry,) = desk.sql("SELECT subject FROM desk.audit WHERE action = 'applied_splits.insert'")
    assert entry == ("main/1/2022-12-02",)


class Part:
    def __init__(self, instrument_id, ex_date, ratio=None, amount=None, amount_basis=None):
        self.__dict__.update(locals())


@given(
    amount=st.decimals("0.01", "9.99", places=2),
    ratios=st.lists(st.sampled_from(["2.0", "3.0", "4.0", "0.1", "1.5"]), max_size=3),
    stated=st.sampled_from(["raw", "split_adjusted"]),
    basis=st.sampled_from(["raw", "split_adjusted"]),
)
@settings(max_examples=200, deadline=None)
def test_an_amount_in_other_shares_is_worth_the_same(amount, ratios, stated, basis):
    """Ten old shares at the amount per old share pay what their successors get at the amount per new share."""
    splits = [Part(1, date(2023, 1, number + 1), ratio=float(ratio)) for number, ratio in enumerate(ratios)]
    action = Part(1, date(2022, 12, 1), amount=float(amount), amount_basis=stated)
    found = _per_share(action, basis, splits)
    new = Decimal(10)
    for ratio in ratios:
        new *= Decimal(ratio)
    shares = {"raw": Decimal(10), "split_adjusted": new}
    assert abs(shares[basis] * found - shares[stated] * amount) < Decimal("1e-12")


@pytest.fixture
def accounts(desk):
    return AccountDesk(desk.store, desk.settlement._brokers, desk.reconciliation, desk.clock, desk.marks)


@pytest.mark.parametrize(
    ("movement", "amount", "booked"),
    [("deposit", "500.25", "500.25"), ("withdrawal", "500.25", "-500.25"), ("interest", "-3.10", "-3.10")],
)
def test_a_transfer_is_booked_once_by_its_reference_and_the_venue_agrees(desk, accounts, movement, amount, booked):
    entry = accounts.transfer("main", movement, Decimal(amount), PETER, reference=" statement   7 ")
    assert (entry.amount, entry.reference, entry.entered_by) == (Decimal(booked), "statement 7", PETER.id)
    with pytest.raises(InvalidInput, match="booked already"):
        accounts.transfer("main", movement, Decimal(amount), ANNA, reference="statement 7")
    held = desk.books.holdings()
    assert held.cash == Decimal(100_000) + Decimal(booked)
    # Money that came or left is no profit; interest is.
    assert held.total_pnl == (Decimal(booked) if movement == "interest" else 0)
    assert desk.reconciliation.run()[0].outcome == "agrees"
    (row,) = desk.sql("SELECT detail ->> 'entered_by' FROM desk.audit WHERE action = 'cash_ledger.insert'")[-1:]
    assert row == (PETER.id,)


@pytest.mark.parametrize(
    ("movement", "amount", "reference", "sentence"),
    [
        ("deposit", "0", "r", "not 0"),
        ("deposit", "1.005", "r", "whole units of 0.01 USD"),
        ("deposit", "NaN", "r", "expected money"),
        ("deposit", "-5", "r", "goes the other way"),
        ("withdrawal", "-5", "r", "goes the other way"),
        ("withdrawal", "100000.01", "r", "does not hold"),
        ("deposit", "5", "  ", "needs a reference"),
    ],
)
def test_a_transfer_that_does_not_fit_is_refused(accounts, movement, amount, reference, sentence):
    with pytest.raises(InvalidInput, match=sentence):
        accounts.transfer("main", movement, Decimal(amount), PETER, reference=reference)


@pytest.mark.parametrize("who", [CLERK, AGENT], ids=["clerk", "agent"])
def test_only_a_signed_in_person_who_may_approve_books_money(desk, accounts, who):
    with pytest.raises(NotSignedIn):
        accounts.transfer("main", "deposit", Decimal(5), who, reference="r")
    with (
        pytest.raises(psycopg.errors.CheckViolation, match="enters money"),
        desk.database.transaction() as connection,
    ):
        connection.execute(
            "INSERT INTO execution.cash_ledger (account_id, movement, amount, entered_by, booked_at)"
            " VALUES ('main', 'deposit', 5, %s, now())",
            (who.id,),
        )


def test_the_market_of_these_tests_is_what_they_say():
    assert START < EX and sessions_between("XNYS", START, EX).tolist()[-1] == EX
    assert closes_of("XNYS", sessions_between("XNYS", EX, EX))[0].item() == datetime(2022, 12, 2, 21)  # noqa: DTZ001
