"""Orders that end at once, linked pairs and fills in parts on paper, beside a plain walk through the bars."""

from __future__ import annotations

import itertools
import random
from datetime import UTC, date, datetime
from decimal import ROUND_HALF_UP, Decimal

import pytest

from core.adapters.brokers.paper import PaperBroker
from core.domain.market_records import Instrument
from core.execution.marks import Marks, SessionPrice, closes_at
from core.ports.broker import OrderTicket
from core.testing.clock import FixedClock

DAYS = [date(2022, 11, day) for day in (28, 29, 30)] + [date(2022, 12, 1), date(2022, 12, 2)]
CAME = datetime(2022, 11, 25, 18, tzinfo=UTC)
END = datetime(2022, 12, 5, 21, tzinfo=UTC)
BAR = (100, 104, 97, 102, 1_000)


class Bars(Marks):
    """Give one bar (open, high, low, close, volume) a day."""

    def __init__(self, bars, asset_class="equity"):
        self.bars = dict(zip(DAYS, bars, strict=False))
        self.asset_class = asset_class

    def history(self, instrument_ids, as_of, *, start=None):
        found = [
            SessionPrice(
                session=day,
                price_basis="raw",
                source="test",
                **{
                    name: None if value is None else Decimal(str(value))
                    for name, value in zip(("open", "high", "low", "close", "volume"), bar, strict=True)
                },
            )
            for day, bar in self.bars.items()
            if closes_at(day, "XNYS") <= as_of.known and (start is None or day >= start)
        ]
        return {1: found} if found else {}

    def instrument(self, instrument_id):
        return Instrument(
            instrument_id=1,
            symbol="AAA",
            name="AAA",
            asset_class=self.asset_class,
            calendar="XNYS",
            source="test",
            known_at=CAME,
        )


@pytest.fixture
def venue(database):
    """Give a function that opens an empty venue on bars, whose clock stands before them."""

    def make(*bars, participation="0", **options):
        with database.transaction() as connection:
            connection.execute("DELETE FROM execution.paper_executions")
            connection.execute("DELETE FROM execution.paper_orders")
        clock = FixedClock(CAME)
        options = {"fee_bps": Decimal(1), "slippage_bps": Decimal(0), **options}
        return PaperBroker(database, Bars(bars), clock, participation=Decimal(participation), **options), clock

    return make


def ticket(number=1, side="buy", kind="market", quantity=100, limit=None, stop=None, tif="day", **changes):
    return OrderTicket(
        client_order_id=f"qd{number}",
        account_id="main",
        instrument_id=1,
        symbol="AAA",
        side=side,
        quantity=Decimal(quantity),
        order_type=kind,
        limit_price=None if limit is None else Decimal(str(limit)),
        stop_price=None if stop is None else Decimal(str(stop)),
        time_in_force=tif,
        **{"desk_time": CAME, **changes},
    )


def walk(broker, clock, tickets, until=END):
    """Send the tickets, go on to a time, and return state and (session, quantity, price) of every fill of each."""
    for one in tickets:
        broker.submit(one)
    clock.moment = until
    found = {one.client_order_id: [] for one in tickets}
    for part in broker.executions("main", list(found)):
        found[part.client_order_id].append((part.session, part.quantity, part.price))
    return [(broker.find("main", name).state, fills) for name, fills in found.items()]


@pytest.mark.parametrize(
    ("order", "participation", "state", "quantities"),
    [
        (ticket(tif="ioc"), "0", "filled", [100]),
        (ticket(tif="ioc"), "0.04", "cancelled", [40]),
        (ticket(tif="fok"), "0.04", "cancelled", []),
        (ticket(tif="fok"), "0.1", "filled", [100]),
        # The open of 100 is all that an order at once meets, whatever the bar does later.
        (ticket(kind="limit", limit=100, tif="ioc"), "0", "filled", [100]),
        (ticket(kind="limit", limit=99, tif="ioc"), "0", "cancelled", []),
        (ticket(kind="limit", limit=99, tif="fok"), "0", "cancelled", []),
        (ticket(side="sell", kind="limit", limit=101, tif="ioc"), "0", "cancelled", []),
        (ticket(side="sell", kind="limit", limit=99, tif="fok"), "0.05", "cancelled", []),
        # The day's order trades one bar's share, the one that waits goes on.
        (ticket(), "0.04", "expired", [40]),
        (ticket(tif="gtc"), "0.04", "filled", [40, 40, 20]),
        (ticket(quantity=1, tif="ioc"), "0.0009", "cancelled", []),
    ],
)
def test_what_trades_at_once_and_what_in_parts(venue, order, participation, state, quantities):
    ((found, fills),) = walk(*venue(BAR, BAR, BAR, participation=participation), [order])
    assert (found, [quantity for _, quantity, _ in fills]) == (state, quantities)


def test_a_bar_without_a_volume_fills_nothing_of_what_takes_a_share_of_it(venue):
    ((state, fills),) = walk(*venue((100, 104, 97, 102, None), BAR, participation="0.5"), [ticket(tif="gtc")])
    assert (state, [(day.day, quantity) for day, quantity, _ in fills]) == ("filled", [(29, 100)])


def test_each_part_pays_its_own_fee_and_says_so(venue):
    broker, clock = venue(BAR, BAR, BAR, participation="0.04", fee_bps=Decimal(3))
    broker.submit(ticket(tif="gtc"))
    clock.moment = datetime(2022, 11, 28, 21, tzinfo=UTC)
    (part,) = broker.executions("main", ["qd1"])
    assert broker.find("main", "qd1").state == "partially_filled"
    (working,) = broker.account("main").open_orders
    assert (working.quantity, working.filled_quantity) == (100, 40)
    assert broker.account("main").positions == {1: 40}
    # 40 at 100.00 are 4,000 dollars, of which 3 basis points are 1.20.
    assert part.fee == Decimal("1.20") and "40 of 100" in part.note and "4" in part.note
    assert broker.cancel("main", "qd1").state == "cancelled"
    clock.moment = END
    assert [one.quantity for one in broker.executions("main", ["qd1"])] == [40]


def test_the_rest_of_a_triggered_stop_is_a_market_order(venue):
    bars = [(100, 101, 95, 99, 1_000), (103, 105, 102, 104, 1_000), BAR]
    ((state, fills),) = walk(
        *venue(*bars, participation="0.06"), [ticket(side="sell", kind="stop", stop=96, tif="gtc")]
    )
    assert (state, fills) == ("filled", [(DAYS[0], 60, 96), (DAYS[1], 40, 103)])


def pair(target=110, stop=90, tif="gtc", side="sell"):
    return [
        ticket(1, side, "limit", limit=target, tif=tif, linked_to="qd2"),
        ticket(2, side, "stop", stop=stop, tif=tif, linked_to="qd1"),
    ]


@pytest.mark.parametrize(
    ("bar", "states", "price"),
    [
        ((100, 111, 99, 105, 1), ["filled", "cancelled"], 110),
        ((100, 105, 89, 95, 1), ["cancelled", "filled"], 90),
        # Both within one bar: which came first is not known, so the worse counts.
        ((100, 111, 89, 95, 1), ["cancelled", "filled"], 90),
        # It opens beyond one of them: that one came first.
        ((112, 113, 80, 85, 1), ["filled", "cancelled"], 112),
        ((88, 120, 85, 115, 1), ["cancelled", "filled"], 88),
        ((100, 105, 95, 101, 1), ["accepted", "accepted"], None),
    ],
)
def test_one_order_of_a_pair_ends_the_other(venue, bar, states, price):
    found = walk(*venue(bar), pair(), datetime(2022, 11, 28, 21, tzinfo=UTC))
    assert [state for state, _ in found] == states
    assert [fill[2] for _, fills in found for fill in fills] == ([] if price is None else [price])


def test_a_part_of_one_ends_the_other_and_the_rest_goes_on(venue):
    bars = [(100, 111, 99, 105, 600), (100, 112, 80, 85, 600)]
    found = walk(*venue(*bars, participation="0.1"), pair())
    assert found == [("filled", [(DAYS[0], 60, 110), (DAYS[1], 40, 110)]), ("cancelled", [])]


def test_cancelling_one_of_a_pair_cancels_the_other_and_a_day_ends_both(venue):
    broker, _ = venue(BAR)
    for one in pair():
        broker.submit(one)
    assert broker.cancel("main", "qd2").state == "cancelled"
    assert broker.find("main", "qd1").state == "cancelled"
    states = [state for state, _ in walk(*venue(BAR, BAR), pair(tif="day"))]
    assert "accepted" not in states and "filled" not in states


def plain_walk(bars, order, participation):
    """Say what fills, written again without the product's functions: orders of every kind, one at a time."""
    sign = 1 if order.side == "buy" else -1
    left, fills, kind = order.quantity, [], order.order_type
    for day, bar in zip(DAYS, bars, strict=False):
        opened, high, low, _, volume = (Decimal(str(value)) for value in bar)
        once = order.time_in_force in ("ioc", "fok")
        prices = [opened] if once else [opened, low if sign > 0 else high]
        found = None
        if kind == "market":
            found = opened
        elif kind == "limit":
            if sign * opened <= sign * order.limit_price:
                found = opened
            elif sign * prices[-1] < sign * order.limit_price:
                found = order.limit_price
        elif sign * opened >= sign * order.stop_price:
            found = opened
        elif sign * (high if sign > 0 else low) >= sign * order.stop_price:
            found = order.stop_price
        if kind.startswith("stop") and found is not None:
            inside = kind == "stop" or sign * found <= sign * order.limit_price
            kind = "market" if kind == "stop" else "limit"
            found = found if inside else None
        size = min(left, Decimal(int(volume * participation))) if participation else left
        if found is not None and size and not (order.time_in_force == "fok" and size < left):
            left -= size
            fills.append((day, size, found.quantize(Decimal("0.0001"), rounding=ROUND_HALF_UP)))
        if not left:
            return "filled", fills
        if order.time_in_force != "gtc":
            return ("expired" if order.time_in_force == "day" else "cancelled"), fills
    return ("partially_filled" if fills else "accepted"), fills


def test_every_kind_of_order_fills_as_a_plain_walk_says(venue):
    """All combinations of side, type, time in force and participation over drawn bars, twelve at a time."""
    draw = random.Random(8)
    kinds = [
        (kind, tif)
        for kind, tif in itertools.product(("market", "limit", "stop", "stop_limit"), ("day", "gtc", "ioc", "fok"))
        if tif in ("day", "gtc") or kind in ("market", "limit")
    ]
    seen = set()
    for participation in (Decimal(0), Decimal("0.03"), Decimal("0.2")):
        for _ in range(4):
            bars = []
            for _ in range(4):
                opened, closed = draw.randint(92, 108), draw.randint(92, 108)
                high, low = max(opened, closed) + draw.randint(0, 4), min(opened, closed) - draw.randint(0, 4)
                bars.append((opened, high, low, closed, draw.randint(0, 4_000)))
            orders = [
                ticket(
                    number,
                    side,
                    kind,
                    draw.randint(1, 150),
                    limit=draw.randint(92, 108) if "limit" in kind else None,
                    stop=draw.randint(92, 108) if "stop" in kind else None,
                    tif=tif,
                )
                for number, ((kind, tif), side) in enumerate(itertools.product(kinds, ("buy", "sell")))
            ]
            broker, clock = venue(*bars, participation=participation)
            until = datetime(2022, 12, 1, 21, tzinfo=UTC)
            for order, found in zip(orders, walk(broker, clock, orders, until), strict=True):
                expected = plain_walk(bars, order, participation)
                assert found == expected, (order, bars, participation)
                seen.add((order.order_type, order.time_in_force, found[0]))
    assert len(seen) > 20
    assert {state for *_, state in seen} >= {"filled", "expired", "cancelled", "accepted", "partially_filled"}
