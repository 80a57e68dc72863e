"""Fill on real sessions: half days, weekends, holidays, gaps, round-the-clock markets, to the cent."""

from __future__ import annotations

from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.adapters.brokers.paper import PaperBroker
from core.domain.market_records import Instrument
from core.execution.marks import Marks, SessionPrice, closes_at, opens_at
from core.ports.broker import OrderTicket
from core.testing.clock import FixedClock

BEFORE_THANKSGIVING = datetime(2022, 11, 23, 21, tzinfo=UTC)
FRIDAY = date(2022, 11, 25)


def at(day, hour, minute=0, month=11):
    return datetime(2022, month, day, hour, minute, tzinfo=UTC)


class Bars(Marks):
    """Give bars by date as (open, high, low, close) or a close only, each known at its session's close."""

    def __init__(self, bars, calendar="XNYS", basis="raw"):
        self.bars = bars
        self.calendar = calendar
        self.basis = basis

    def history(self, instrument_ids, as_of, *, start=None):
        found = []
        for day, bar in sorted(self.bars.items()):
            if closes_at(day, self.calendar) > as_of.known or (start is not None and day < start):
                continue
            values = [Decimal(str(value)) for value in bar]
            opened, high, low = values[:3] if len(values) == 4 else (None, None, None)
            found.append(
                SessionPrice(
                    session=day,
                    open=opened,
                    high=high,
                    low=low,
                    close=values[-1],
                    price_basis=self.basis,
                    source="test",
                )
            )
        return {1: found} if found else {}

    def instrument(self, instrument_id):
        return Instrument(
            instrument_id=1,
            symbol="AAA",
            name="AAA",
            asset_class="crypto" if self.calendar == "24x7" else "equity",
            calendar=self.calendar,
            source="test",
            known_at=at(1, 0),
        )


@pytest.fixture
def trade(database):
    """Give a function that sends one order to an empty venue and returns its state and executions at later times."""

    def run(
        bars,
        came,
        *until,
        calendar="XNYS",
        basis="raw",
        slippage="2",
        fee="1",
        side="buy",
        quantity="100",
        order_type="market",
        limit=None,
        stop=None,
        tif="day",
    ):
        clock = FixedClock(came)
        broker = PaperBroker(
            database,
            Bars(bars, calendar, basis),
            clock,
            fee_bps=Decimal(fee),
            slippage_bps=Decimal(slippage),
        )
        broker.submit(
            OrderTicket(
                client_order_id="qd1",
                account_id="main",
                instrument_id=1,
                symbol="AAA",
                side=side,
                quantity=Decimal(quantity),
                order_type=order_type,
                limit_price=None if limit is None else Decimal(str(limit)),
                stop_price=None if stop is None else Decimal(str(stop)),
                time_in_force=tif,
                desk_time=came,
            )
        )
        seen = []
        for moment in until:
            clock.moment = moment
            executions = broker.executions("main", ["qd1"])
            seen.append((broker.find("main", "qd1").state, executions[0] if executions else None))
        return seen

    return run


HALF_DAY = {FRIDAY: (100, 103, 98, 101), date(2022, 11, 28): (102, 106, 101, 105)}


def test_on_a_half_day_the_close_is_at_one_o_clock():
    # The day after Thanksgiving 2022 closed at 13:00 in New York, 18:00 UTC; an ordinary session at 21:00 UTC.
    assert closes_at(FRIDAY, "XNYS") == at(25, 18)
    assert closes_at(date(2022, 11, 28), "XNYS") == at(28, 21)
    assert opens_at(FRIDAY, "XNYS") == at(25, 14, 30)


def test_a_half_day_is_known_after_its_early_close_and_the_holiday_before_it_is_no_session(trade):
    seen = trade(HALF_DAY, BEFORE_THANKSGIVING, at(24, 21), at(25, 17, 59), at(25, 18))
    assert [state for state, _ in seen] == ["accepted", "accepted", "filled"]
    execution = seen[-1][1]
    assert (execution.session, execution.executed_at) == (FRIDAY, at(25, 14, 30))


def test_a_limit_reached_within_a_half_day_is_dated_at_its_early_close(trade):
    ((state, execution),) = trade(HALF_DAY, BEFORE_THANKSGIVING, at(25, 18), order_type="limit", limit=99)
    assert (state, execution.price, execution.executed_at) == ("filled", 99, at(25, 18))


def test_after_the_close_of_a_half_day_the_next_session_is_monday(trade):
    seen = trade(HALF_DAY, at(25, 18), at(26, 21), at(27, 21), at(28, 21))
    assert [state for state, _ in seen] == ["accepted", "accepted", "filled"]
    assert seen[-1][1].session == date(2022, 11, 28)


@pytest.mark.parametrize(
    ("came", "session"),
    [
        (at(25, 14, 30), at(25, 14, 30)),
        (at(25, 14, 31), at(25, 18)),
        (at(25, 17, 59), at(25, 18)),
        (at(25, 18), at(28, 14, 30)),
        (at(26, 12), at(28, 14, 30)),
        (at(28, 14, 30), at(28, 14, 30)),
    ],
)
def test_an_order_that_came_before_the_open_fills_there_and_one_within_the_session_at_its_close(trade, came, session):
    ((_, execution),) = trade(HALF_DAY, came, at(28, 21))
    assert execution.executed_at == session


def test_the_clock_change_of_november_moves_the_open():
    # New York left summer time on 6 November 2022.
    assert opens_at(date(2022, 11, 4), "XNYS") == at(4, 13, 30)
    assert opens_at(date(2022, 11, 7), "XNYS") == at(7, 14, 30)


WEEKEND = {date(2022, 11, day): (16_000 + day, 16_500, 15_500, 16_100 + day) for day in range(25, 30)}


@pytest.mark.parametrize(("came", "session"), [(at(25, 21), 26), (at(26, 0), 26), (at(26, 0, 1), 27), (at(27, 23), 28)])
def test_round_the_clock_markets_trade_on_weekends(trade, came, session):
    ((state, execution),) = trade(WEEKEND, came, at(30, 0), calendar="24x7", quantity="0.5")
    assert (state, execution.session.day) == ("filled", session)
    assert execution.executed_at == at(session, 0)
    assert execution.price == (Decimal(16_000 + session) * Decimal("1.0002")).quantize(Decimal("0.0001"))


GAPS = {date(2022, 11, 28): (100, 101, 99, 100), date(2022, 11, 29): (110, 112, 108, 111)}
DOWN = {date(2022, 11, 28): (100, 101, 99, 100), date(2022, 11, 29): (90, 92, 88, 91)}


@pytest.mark.parametrize(
    ("bars", "changes", "price"),
    [
        # A limit never fills worse than itself, and at the open when the market gapped to the better side.
        (DOWN, {"order_type": "limit", "limit": 95}, "90"),
        (DOWN, {"order_type": "limit", "limit": 89}, "89"),
        (GAPS, {"side": "sell", "order_type": "limit", "limit": 105}, "110"),
        (GAPS, {"side": "sell", "order_type": "limit", "limit": 111.5}, "111.5"),
        # A stop that was gapped over fills at the open, worse than its trigger, with slippage.
        (DOWN, {"side": "sell", "order_type": "stop", "stop": 95}, "89.982"),
        (GAPS, {"order_type": "stop", "stop": 105}, "110.022"),
        # A stop within the bar fills at its trigger, with slippage.
        (DOWN, {"side": "sell", "order_type": "stop", "stop": 89}, "88.9822"),
        (GAPS, {"order_type": "stop", "stop": 111}, "111.0222"),
    ],
)
def test_gaps_over_the_limit_or_the_trigger(trade, bars, changes, price):
    seen = trade(bars, at(25, 21), at(28, 21), at(29, 21), tif="gtc", **changes)
    assert [state for state, _ in seen] == ["accepted", "filled"]
    assert seen[-1][1].price == Decimal(price)


@pytest.mark.parametrize(("tif", "states"), [("day", ["expired", "expired"]), ("gtc", ["accepted", "filled"])])
def test_a_day_order_ends_with_its_session_and_gtc_waits(trade, tif, states):
    seen = trade(DOWN, at(25, 21), at(28, 21), at(29, 21), tif=tif, order_type="limit", limit=95)
    assert [state for state, _ in seen] == states


@pytest.mark.parametrize(
    ("side", "opened", "slippage", "quantity", "fee", "price", "paid"),
    [
        # price = open x (1 +- slippage), four decimals half up; fee = bps of price x quantity, cents half up.
        ("buy", "100", "2", "100", "1", "100.02", "1.00"),
        ("sell", "100", "2", "100", "1", "99.98", "1.00"),
        ("buy", "33.33", "5", "7", "10", "33.3467", "0.23"),
        ("sell", "33.33", "5", "7", "10", "33.3133", "0.23"),
        ("buy", "100", "0", "1", "50", "100", "0.50"),
        ("buy", "100", "0", "1", "0.5", "100", "0.01"),
        ("buy", "100", "0", "1", "0.4", "100", "0.00"),
        ("buy", "0.5", "2", "1000", "1", "0.5001", "0.05"),
        ("buy", "0.00012345", "2", "1000000", "10", "0.00012347", "0.12"),
        ("buy", "250.125", "1", "0.3333", "30", "250.1500", "0.25"),
    ],
)
def test_price_and_fee_to_the_cent(trade, side, opened, slippage, quantity, fee, price, paid):
    bars = {date(2022, 11, 28): (opened, opened, opened, opened)}
    ((_, execution),) = trade(
        bars, at(25, 21), at(28, 21), side=side, slippage=slippage, quantity=quantity, fee=fee, calendar="XNYS"
    )
    assert (execution.price, execution.fee) == (Decimal(price), Decimal(paid))
    assert f"{slippage} bps slippage, fee {fee} bps" in execution.note


def test_closes_only_fill_at_the_close_and_say_why(trade):
    ((_, execution),) = trade({date(2022, 11, 28): (50,)}, at(25, 21), at(28, 21), basis="total_return")
    assert (execution.price, execution.executed_at) == (Decimal("50.01"), at(28, 21))
    assert "at the close of 2022-11-28" in execution.note
    assert "the source has closes only" in execution.note
    assert "total-return-adjusted prices: the source has no traded price levels" in execution.note


@pytest.mark.parametrize(("limit", "state"), [(51, "filled"), (50, "filled"), (49.99, "expired")])
def test_with_closes_only_a_limit_is_compared_with_the_close(trade, limit, state):
    ((seen, _),) = trade({date(2022, 11, 28): (50,)}, at(25, 21), at(28, 21), order_type="limit", limit=limit)
    assert seen == state


@pytest.mark.parametrize(
    ("tif", "states"),
    [("day", ["accepted", "expired", "expired"]), ("gtc", ["accepted", "accepted", "filled"])],
)
def test_a_session_without_a_bar_ends_a_day_order_and_gtc_waits_over_it(trade, tif, states):
    """The bars of a session may come late, so it is judged empty at the close of the one after it."""
    bars = {date(2022, 11, 30): (100, 101, 99, 100)}
    seen = trade(bars, at(25, 21), at(28, 21), at(29, 21), at(30, 21), tif=tif)
    assert [state for state, _ in seen] == states


def test_what_was_reported_once_is_reported_the_same_for_ever(trade, database):
    first, *rest = trade(HALF_DAY, BEFORE_THANKSGIVING, at(25, 18), at(28, 21), at(29, 21))
    assert rest == [first, first]
    with database.transaction() as connection:
        assert connection.execute("SELECT count(*) FROM execution.paper_executions").fetchone() == (1,)
