"""Fill orders from bars whose prices are written down here."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest

from core.adapters.brokers.paper import PaperBroker
from core.domain.market_records import Instrument
from core.execution.marks import Marks, SessionPrice
from core.ports.broker import OrderTicket
from core.testing.clock import FixedClock

CAME = datetime(2022, 11, 29, 21, tzinfo=UTC)


class Prices(Marks):
    """Give bars of Wednesday and Thursday: (open, high, low, close), or a close only."""

    def __init__(self, *bars, calendar="XNYS"):
        self.bars = bars
        self.calendar = calendar

    def history(self, instrument_ids, as_of, *, start=None):
        days = [date(2022, 11, 29), date(2022, 11, 30), date(2022, 12, 1)]
        found = []
        for day, bar in zip(days, ((99, 99, 99, 99), *self.bars), strict=False):
            if datetime(day.year, day.month, day.day, 21, tzinfo=UTC) > as_of.known:
                continue
            values = [Decimal(str(value)) for value in bar]
            opened, high, low = values[:3] if len(values) == 4 else (None, None, None)
            found.append(
                SessionPrice(
                    session=day, open=opened, high=high, low=low, close=values[-1], price_basis="raw", source="test"
                )
            )
        return {1: found}

    def instrument(self, instrument_id):
        return Instrument(
            instrument_id=1,
            symbol="AAA",
            name="AAA",
            asset_class="equity",
            calendar=self.calendar,
            source="test",
            known_at=CAME,
        )


@pytest.fixture
def venue(database):
    """Give a function that opens an empty venue on bars with a clock after the close of CAME's session."""

    def make(*bars, **options):
        clock = FixedClock(CAME)
        return PaperBroker(database, Prices(*bars), clock, **{"slippage_bps": Decimal(10), **options}), clock

    return make


def ticket(side="buy", order_type="market", limit=None, stop=None, tif="day", number=1):
    return OrderTicket(
        client_order_id=f"qd{number:030}",
        account_id="main",
        instrument_id=1,
        symbol="AAA",
        side=side,
        quantity=Decimal(100),
        order_type=order_type,
        limit_price=None if limit is None else Decimal(str(limit)),
        stop_price=None if stop is None else Decimal(str(stop)),
        time_in_force=tif,
        desk_time=CAME,
    )


def outcome(venue, clock, order, sessions=1):
    assert venue.submit(order).state == "accepted"
    assert venue.executions("main", [order.client_order_id]) == []
    clock.moment = (
        datetime(2022, 11, 29 + sessions, 21, tzinfo=UTC) if sessions == 1 else datetime(2022, 12, 1, 21, tzinfo=UTC)
    )
    fills = venue.executions("main", [order.client_order_id])
    word = venue.find("main", order.client_order_id)
    return word.state, fills[0].price if fills else None


WEDNESDAY = (100, 104, 97, 102)


@pytest.mark.parametrize(
    ("order", "bar", "expected"),
    [
        # Market orders: the open, ten basis points worse; the close where there is nothing else.
        (ticket("buy"), WEDNESDAY, ("filled", "100.1")),
        (ticket("sell"), WEDNESDAY, ("filled", "99.9")),
        (ticket("buy"), (102,), ("filled", "102.102")),
        # Limits: the open when it is better, the limit when the bar trades through it, nothing when it only touches.
        (ticket("buy", "limit", 101), WEDNESDAY, ("filled", "100")),
        (ticket("buy", "limit", 98), WEDNESDAY, ("filled", "98")),
        (ticket("buy", "limit", 97), WEDNESDAY, ("expired", None)),
        (ticket("buy", "limit", 96), WEDNESDAY, ("expired", None)),
        (ticket("sell", "limit", 99), WEDNESDAY, ("filled", "100")),
        (ticket("sell", "limit", 103), WEDNESDAY, ("filled", "103")),
        (ticket("sell", "limit", 104), WEDNESDAY, ("expired", None)),
        (ticket("buy", "limit", 102), (102,), ("filled", "102")),
        (ticket("buy", "limit", 101), (102,), ("expired", None)),
        # Stops: the open when it gapped through, the stop when the bar reached it, then like a market order.
        (ticket("sell", "stop", stop=98), WEDNESDAY, ("filled", "97.902")),
        (ticket("sell", "stop", stop=101), WEDNESDAY, ("filled", "99.9")),
        (ticket("sell", "stop", stop=96), WEDNESDAY, ("expired", None)),
        (ticket("buy", "stop", stop=103), WEDNESDAY, ("filled", "103.103")),
        (ticket("buy", "stop", stop=105), WEDNESDAY, ("expired", None)),
    ],
)
def test_a_bar_fills_an_order(venue, order, bar, expected):
    state, price = outcome(*venue(bar), order)
    assert (state, price) == (expected[0], None if expected[1] is None else Decimal(expected[1]))


def test_good_till_cancelled_waits_for_a_later_bar(venue):
    order = ticket("buy", "limit", 95, tif="gtc")
    broker, clock = venue(WEDNESDAY, (96, 96, 90, 91))
    assert outcome(broker, clock, order, sessions=2) == ("filled", Decimal(95))


def test_an_order_that_came_within_a_session_meets_nothing_but_its_close(venue):
    broker, clock = venue(WEDNESDAY)
    clock.moment = datetime(2022, 11, 30, 14, 31, tzinfo=UTC)
    # The low of 97 and the high of 104 may have come before the orders did; the close of 102 did not.
    orders = [ticket(), ticket("buy", "limit", 98, number=2), ticket("sell", "limit", 101, number=3)]
    for order in orders:
        assert broker.submit(replace(order, desk_time=clock.moment)).state == "accepted"
    clock.moment = datetime(2022, 11, 30, 21, tzinfo=UTC)
    states = [broker.find("main", order.client_order_id).state for order in orders]
    assert states == ["filled", "expired", "filled"]
    fills = broker.executions("main", [order.client_order_id for order in orders])
    assert sorted((part.price, part.executed_at) for part in fills) == [
        (Decimal(102), clock.moment),
        (Decimal("102.102"), clock.moment),
    ]


def test_the_same_client_order_id_makes_one_order(venue):
    broker, clock = venue(WEDNESDAY)
    first = broker.submit(ticket())
    assert broker.submit(ticket()) == first
    clock.moment = datetime(2022, 11, 30, 21, tzinfo=UTC)
    assert len(broker.executions("main", [first.client_order_id])) == 1
    assert broker.submit(ticket()).state == "filled"
    assert broker.account("main").positions == {1: 100}


def test_a_cancel_ends_a_working_order_and_not_a_filled_one(venue):
    broker, clock = venue(WEDNESDAY)
    working = broker.submit(ticket("buy", "limit", 90, tif="gtc"))
    assert broker.cancel("main", working.client_order_id).state == "cancelled"
    filled = broker.submit(ticket(number=2))
    clock.moment = datetime(2022, 11, 30, 21, tzinfo=UTC)
    assert broker.cancel("main", filled.client_order_id).state == "filled"
    assert broker.find("main", "qd-unknown") is None


def test_fees_are_basis_points_of_the_notional_in_cents_and_the_note_says_how(venue):
    broker, clock = venue(WEDNESDAY, fee_bps=Decimal("2.5"))
    order = broker.submit(ticket())
    clock.moment = datetime(2022, 11, 30, 21, tzinfo=UTC)
    (fill,) = broker.executions("main", [order.client_order_id])
    # 100 shares at 100.10: 10,010 dollars, of which 2.5 basis points are 2.5025.
    assert fill.fee == Decimal("2.50")
    assert fill.executed_at == datetime(2022, 11, 30, 14, 30, tzinfo=UTC)
    assert "open of 2022-11-30" in fill.note and "2.5 bps" in fill.note


@pytest.mark.parametrize(
    ("side", "stop", "limit", "first", "second"),
    [
        # Triggered inside the bar at a price the limit allows: filled there, without slippage.
        ("buy", 103, 103.5, ("filled", Decimal("103")), None),
        # Opens beyond the trigger, within the limit: filled at the open.
        ("buy", 99, 101, ("filled", Decimal("100")), None),
        # Triggered beyond the limit: waits as a limit order, which the next open of 101 meets.
        ("buy", 103, 102, ("accepted", None), ("filled", Decimal("101"))),
        # Not triggered on either day.
        ("buy", 105, 106, ("accepted", None), ("accepted", None)),
        ("sell", 98, 97, ("filled", Decimal("98")), None),
        ("sell", 98, 99, ("accepted", None), ("filled", Decimal("101"))),
    ],
)
def test_a_stop_limit_order_waits_as_a_limit_order_once_it_is_triggered(venue, side, stop, limit, first, second):
    broker, clock = venue((100, 104, 97, 102), (101, 103, 100, 102))
    order = ticket(side, "stop_limit", limit=limit, stop=stop, tif="gtc")
    assert outcome(broker, clock, order) == first
    if second is not None:
        clock.moment = datetime(2022, 12, 1, 21, tzinfo=UTC)
        fills = broker.executions("main", [order.client_order_id])
        word = broker.find("main", order.client_order_id)
        assert (word.state, fills[0].price if fills else None) == second
