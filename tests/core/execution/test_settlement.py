"""Report executions twice, late, out of order and in excess: the books equal the venue's."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import permutations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.domain.as_of import AsOf
from core.ports.broker import Execution, VenueOrder
from core.testing.small_market import AGENT, PETER, aaa_close

NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)


def execution(number, order, quantity, price="151", fee="0.50"):
    return Execution(
        execution_id=f"exe_{number}",
        client_order_id=order.client_order_id,
        quantity=Decimal(quantity),
        price=Decimal(price),
        fee=Decimal(fee),
        currency="USD",
        session=date(2022, 11, 30),
        executed_at=NOON + timedelta(minutes=number),
    )


@pytest.fixture
def send(desk, ask, approve):
    """Give a function that brings an order to the venue."""

    def make(quantity=10):
        proposal = desk.proposals.propose(ask(quantity=quantity, time_in_force="gtc"), AGENT)
        approve(proposal)
        return desk.gateway.release(proposal.proposal_id)[0]

    return make


def state(desk, order):
    return desk.sql("SELECT state, filled_quantity FROM execution.orders WHERE order_id = %s", order.order_id)[0]


def test_parts_fill_an_order_and_each_counts_once(desk, send):
    order = send()
    for number, quantity in ((1, 4), (1, 4), (2, 5), (1, 4)):
        desk.settlement.book(order.order_id, execution(number, order, quantity))
    assert state(desk, order) == ("partially_filled", 9)
    desk.settlement.book(order.order_id, execution(3, order, 1))
    assert state(desk, order) == ("filled", 10)
    # 1,510 dollars and three fees of 50 cents.
    assert desk.sql("SELECT sum(amount) FROM execution.cash_ledger") == [(Decimal("98488.50"),)]


@pytest.mark.parametrize("arrival", list(permutations(range(3))))
def test_any_order_of_arrival_gives_the_same_position(desk, send, arrival):
    order = send()
    parts = [execution(0, order, 2, "150"), execution(1, order, 3, "152"), execution(2, order, 5, "151")]
    for number in arrival:
        desk.settlement.book(order.order_id, parts[number])
    (position,) = desk.sql("SELECT quantity, round(average_cost, 6), realized_pnl FROM execution.positions")
    assert position == (10, Decimal("151.1"), 0)


def test_a_fill_after_a_cancel_counts_and_the_order_stays_ended(desk, send):
    order = send()
    desk.gateway.cancel(order.order_id, PETER)
    desk.settlement.book(order.order_id, execution(1, order, 4))
    assert state(desk, order) == ("cancelled", 4)
    desk.settlement.book(order.order_id, execution(2, order, 6))
    assert state(desk, order) == ("filled", 10)


def test_an_execution_beyond_the_order_halts_trading_and_is_kept_for_a_person(desk, send):
    order = send()
    desk.settlement.book(order.order_id, execution(1, order, 8))
    for _ in range(2):
        assert desk.settlement.book(order.order_id, execution(2, order, 5)) is None
    assert state(desk, order) == ("partially_filled", 8)
    assert "more than order" in desk.kill_switch.status()
    kept = [event["detail"] for event in desk.books.order_events(order.order_id) if event["detail"].get("overfill")]
    assert [detail["execution_id"] for detail in kept] == ["exe_2"]


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_permutation_and_duplication_gives_the_books_of_the_venue(desk, ask, send, data):
    """The oracle adds the distinct executions up on paper; the database's own checks run at every commit."""
    before = desk.sql("SELECT coalesce(sum(amount), 0) FROM execution.cash_ledger")[0][0]
    held = dict(desk.sql("SELECT instrument_id, quantity FROM execution.positions")).get(1, 0)
    order = send(quantity=5)
    offset = desk.sql("SELECT count(*) FROM execution.fills")[0][0] * 100
    prices = data.draw(st.lists(st.integers(14_000, 16_000), min_size=1, max_size=5))
    parts = [execution(offset + number, order, 1, Decimal(cents) / 100) for number, cents in enumerate(prices)]
    reports = data.draw(st.lists(st.sampled_from(parts), min_size=0, max_size=10)) + parts
    for report in data.draw(st.permutations(reports)):
        desk.settlement.book(order.order_id, report)
    spent = sum((part.price + part.fee for part in parts), Decimal(0))
    assert desk.sql("SELECT sum(amount) FROM execution.cash_ledger") == [(before - spent,)]
    assert desk.sql("SELECT quantity FROM execution.positions") == [(held + len(parts),)]
    expected = "filled" if len(parts) == 5 else "partially_filled"
    assert state(desk, order) == (expected, len(parts))


def test_a_silent_venue_is_a_problem_and_not_flat(open_another, send, desk):
    from core.errors import OutcomeUnknown

    order = send()

    class Silent:
        deduplicates = True

        def executions(self, account_id, client_order_ids):
            raise OutcomeUnknown("no reply")

        def find(self, account_id, client_order_id):
            return VenueOrder(client_order_id=client_order_id, venue_order_id="x", state="accepted")

    outcome = open_another(Silent()).settlement.settle()
    assert "no reply" in outcome.problems[0]
    assert state(desk, order) == ("accepted", 0)


def test_the_value_of_every_session_is_cash_plus_positions_at_its_close(desk, send):
    order = send(quantity=100)
    desk.advance(5)
    points = desk.books.nav_history()
    assert len(points) == len({point.session for point in points})
    fill = desk.books.fills()[0]
    for point in points:
        held = 100 if point.session >= fill.session else 0
        cash = Decimal(100_000) - (Decimal("15153.03") + fill.fee if held else 0)
        assert (point.cash, point.nav) == (cash, cash + held * aaa_close(point.session))
    stored = desk.sql("SELECT session, nav, cash FROM execution.nav_daily ORDER BY session")
    assert stored == [(point.session, point.nav, point.cash) for point in points]
    assert state(desk, order) == ("filled", 100)


def test_the_book_of_an_earlier_time_is_as_it_was(desk, send):
    start = desk.clock.now()
    send()
    desk.advance(3)
    now, then = desk.books.holdings(), desk.books.holdings(as_of=AsOf(known=start))
    assert (then.cash, then.nav, then.positions) == (100_000, 100_000, ())
    assert now.positions[0].quantity == 10
    # AAA opened at 151.50 (bought at 151.5303) and closed at 153 two sessions later.
    assert now.pnl_today == 10
    assert now.total_pnl == now.unrealized_pnl + now.realized_pnl - now.fees
    assert now.nav_before == now.nav - 10
    assert sum(line.pnl_today for line in now.positions) == now.pnl_today
    assert desk.books.fills(as_of=AsOf(known=start)) == []
