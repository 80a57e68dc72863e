"""Whatever was traded, every split of the profit adds up to the money made, to the last digit."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.books import Fill
from core.execution.positions import trade_amount
from core.execution.stores import NavPoint
from core.risk.exposure import concentration, exposures
from tools._profit import costs_by, profit_by, profit_by_period

FIRST = date(2024, 1, 2)


def made(number: int, side: str, quantity: int, cents: int, instrument: int, day: int, fee: int) -> Fill:
    session = FIRST + timedelta(days=day)
    return Fill(
        fill_id=f"fil_{number}",
        execution_id=f"x{number}",
        order_id=f"ord_{number % 3}",
        account_id="main",
        instrument_id=instrument,
        side=side,  # type: ignore[arg-type]
        quantity=Decimal(quantity),
        price=Decimal(cents) / 100,
        fee=Decimal(fee) / 100,
        session=session,
        filled_at=datetime(session.year, session.month, session.day, 15, tzinfo=UTC),
    )


def evening(day: date, hour: int) -> datetime:
    return datetime(day.year, day.month, day.day, tzinfo=UTC) + timedelta(hours=hour)


TRADES = st.lists(
    st.tuples(
        st.sampled_from(["buy", "sell"]),
        st.integers(1, 500),
        st.integers(100, 50_000),
        st.integers(1, 3),
        st.integers(0, 20),
        st.integers(0, 300),
    ),
    min_size=1,
    max_size=25,
).map(lambda rows: [made(number, *row) for number, row in enumerate(rows)])
MARKS = {1: Decimal("101.25"), 2: Decimal("7.10"), 3: Decimal("433.33")}
SPLITS: list[Any] = [
    lambda fill: "all",
    lambda fill: str(fill.instrument_id),
    lambda fill: fill.order_id,
    lambda fill: fill.side,
    lambda fill: fill.session.isoformat(),
    lambda fill: fill.fill_id,
]


def money_made(fills: list[Fill]) -> Decimal:
    cash = sum((trade_amount(fill) - fill.fee for fill in fills), Decimal(0))
    held = sum((fill.quantity if fill.side == "buy" else -fill.quantity) * MARKS[fill.instrument_id] for fill in fills)
    return cash + held


@settings(max_examples=60, deadline=None, derandomize=True)
@given(TRADES)
def test_every_split_adds_up(fills: list[Fill]) -> None:
    for split in SPLITS:
        lines = profit_by(fills, MARKS, split)
        assert abs(sum(line.total for line in lines) - money_made(fills)) < Decimal("1e-15")
        assert sum(line.trades for line in lines) == len(fills)
        assert sum(line.fees for line in lines) == sum(fill.fee for fill in fills)
        totals = [line.total for line in lines]
        assert totals == sorted(totals, reverse=True)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(TRADES, st.integers(0, 1_000_000))
def test_days_and_months_add_up_to_the_change_of_value(fills: list[Fill], deposit: int) -> None:
    days = [FIRST + timedelta(days=day) for day in range(22)]
    points = []
    for day in days:
        known = [fill for fill in fills if fill.session <= day]
        cash = Decimal(deposit) + sum((trade_amount(fill) - fill.fee for fill in known), Decimal(0))
        held = sum(
            (fill.quantity if fill.side == "buy" else -fill.quantity) * MARKS[fill.instrument_id] for fill in known
        )
        points.append(NavPoint(session=day, closed_at=evening(day, 21), cash=cash, nav=cash + held))
    for grain in ("day", "month"):
        parts = profit_by_period(points, fills, grain, start=None, end=None)
        assert sum(profit for _, profit in parts) == points[-1].nav - deposit
    late = profit_by_period(points, fills, "day", start=days[10], end=days[12])
    assert [period for period, _ in late] == [day.isoformat() for day in days[10:13]]


@pytest.mark.parametrize("hour", [1, 15, 20, 21, 22, 24])
def test_buying_at_the_price_of_the_close_makes_no_profit_at_any_hour_of_the_day(hour: int) -> None:
    # A book of coins only is valued at midnight UTC, three to four hours after the exchange has closed.
    coin = made(1, "buy", 2, 30_000_00, 1, 3, 0).model_copy(update={"filled_at": evening(FIRST, 72 + hour)})
    points = [
        NavPoint(
            session=FIRST + timedelta(days=day),
            closed_at=evening(FIRST, 24 * day + 24),
            nav=Decimal(100_000),
            cash=Decimal(100_000 if day < 3 else 40_000),
        )
        for day in range(6)
    ]
    found = dict(profit_by_period(points, [coin], "day", start=None, end=None))
    assert set(found.values()) == {Decimal(0)} and len(found) == 6


@settings(max_examples=40, deadline=None, derandomize=True)
@given(TRADES)
def test_costs_add_up_and_the_dearest_comes_first(fills: list[Fill]) -> None:
    for split in SPLITS:
        rows = costs_by(fills, split)
        assert sum(fees for _, fees, _ in rows) == sum(fill.fee for fill in fills)
        assert sum(traded for _, _, traded in rows) == sum(fill.quantity * fill.price for fill in fills)
        assert [row[1] for row in rows] == sorted((row[1] for row in rows), reverse=True)


VALUES = st.dictionaries(st.sampled_from("ABCDEFGH"), st.floats(-1e6, 1e6).filter(lambda v: abs(v) > 1), min_size=1)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(VALUES, st.dictionaries(st.sampled_from("ABCDEFGH"), st.sampled_from(["x", "y"])))
def test_groups_hold_every_position_once(values: dict[str, float], groups: dict[str, str]) -> None:
    rows = exposures(values, groups, equity=1e6)
    assert sum(row.net for row in rows) == pytest.approx(sum(values.values()), abs=1e-6)
    assert sum(row.gross for row in rows) == pytest.approx(sum(map(abs, values.values())))
    for row in rows:
        assert row.long + row.short == pytest.approx(row.net, abs=1e-6)
        assert row.long - row.short == pytest.approx(row.gross)
        assert row.weight == pytest.approx(row.net / 1e6)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(VALUES)
def test_concentration_lies_between_one_and_all(values: dict[str, float]) -> None:
    found = concentration(values, top=3)
    assert 1.0 - 1e-9 <= found.effective_positions <= len(values) + 1e-9
    assert found.largest_share <= found.top_share <= 1.0 + 1e-12
    assert abs(values[found.largest]) == max(map(abs, values.values()))
    assert found.herfindahl >= found.largest_share**2 - 1e-12
