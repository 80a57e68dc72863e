"""What protects a strategy's position, in orders and in words, by hand."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.books import Order
from core.domain.owned_records import SavedStrategy
from core.execution.live import Protection
from core.execution.positions import Holding
from core.execution.requests import TradeRequest, check_request
from tools._protection import Kept, is_kept, legs_for, names_of, protection_of, protection_table

NOON = datetime(2022, 11, 30, 17, tzinfo=UTC)
D = Decimal


def strategy(**values: Any) -> SavedStrategy:
    told = {
        "strategy_id": "stg_1",
        "name": "Rising",
        "spec": {"strategy": "timed", "symbols": ["AAA"]},
        "enabled": True,
        "created_by": "usr_1",
        "created_at": NOON,
        "changed_by": "usr_1",
    }
    return SavedStrategy.model_validate(told | values)


def order(kind: str, price: str, *, quantity: int = 100, filled: int = 0, side: str = "sell") -> Order:
    return Order.model_validate(
        {
            "order_id": f"ord_{kind}",
            "client_order_id": f"qd{kind}",
            "proposal_id": "prp_1",
            "leg": 0,
            "attempt": 1,
            "account_id": "main",
            "instrument_id": 1,
            "side": side,
            "quantity": quantity,
            "filled_quantity": filled,
            "order_type": kind,
            "stop_price": D(price) if kind == "stop" else None,
            "limit_price": D(price) if kind == "limit" else None,
            "time_in_force": "gtc",
            "state": "accepted",
            "desk_time": NOON,
            "created_at": NOON,
            "updated_at": NOON,
        }
    )


@pytest.mark.parametrize(
    ("held", "stop_loss", "take_profit", "expected"),
    [
        # Entered at 200: long is stopped 5 % below and sold 20 % above, short the other way round.
        (10, 0.05, 0.2, [("sell", "stop", 190.0), ("sell", "limit", 240.0)]),
        (-10, 0.05, 0.2, [("buy", "stop", 210.0), ("buy", "limit", 160.0)]),
        (10, 0.05, 0.0, [("sell", "stop", 190.0)]),
        (10, 0.0, 0.2, [("sell", "limit", 240.0)]),
        (10, 0.0, 0.0, []),
        # A short position cannot gain more than all of its price.
        (-10, 0.0, 1.0, []),
        (-10, 0.5, 1.5, [("buy", "stop", 300.0)]),
    ],
)
def test_levels_lie_on_the_side_of_the_position(
    held: int, stop_loss: float, take_profit: float, expected: list[tuple[str, str, float]]
) -> None:
    protection = Protection(stop_loss=stop_loss, take_profit=take_profit)
    legs = legs_for(protection, symbol="AAA", held=D(held), reference=200.0)
    found = [(leg.side, leg.order_type, float(leg.stop_price or leg.limit_price or 0)) for leg in legs]
    assert found == [(side, kind, pytest.approx(price)) for side, kind, price in expected]
    assert {leg.quantity for leg in legs} <= {D(10)}


@settings(max_examples=60, deadline=None)
@given(
    st.integers(1, 10_000),
    st.sampled_from([1, -1]),
    st.floats(0.001, 0.9),
    st.floats(0.001, 0.9),
    st.floats(0.5, 5000.0),
)
def test_they_are_a_bracket_that_the_desk_takes_and_the_stop_loses(
    shares: int, side: int, stop_loss: float, take_profit: float, reference: float
) -> None:
    protection = Protection(stop_loss=stop_loss, take_profit=take_profit)
    legs = legs_for(protection, symbol="AAA", held=D(side * shares), reference=reference)
    check_request(TradeRequest(legs=legs, legging="bracket"))
    stop, target = (leg.stop_price or leg.limit_price for leg in legs)
    assert stop is not None and target is not None
    assert side * float(stop) < side * reference < side * float(target)


def held_at(cost: int, shares: int) -> Holding:
    return Holding(quantity=D(shares), cost=D(cost * shares))


@pytest.mark.parametrize(
    ("resting", "kept"),
    [
        ([order("stop", "190"), order("limit", "240")], True),
        # A fifth of the distance from the cost is let through: 2 of 10 for the stop, 8 of 40 for the target.
        ([order("stop", "192"), order("limit", "248")], True),
        ([order("stop", "192.01"), order("limit", "240")], False),
        ([order("stop", "190"), order("limit", "248.01")], False),
        ([order("stop", "190")], False),
        ([order("limit", "240")], False),
        ([], False),
        ([order("stop", "190"), order("stop", "190")], False),
        ([order("stop", "190", quantity=99), order("limit", "240")], False),
        ([order("stop", "190", quantity=130, filled=30), order("limit", "240")], True),
    ],
)
def test_orders_protect_when_they_are_for_the_position_at_its_levels(resting: list[Order], kept: bool) -> None:
    wanted = strategy(stop_loss=0.05, take_profit=0.2)
    assert is_kept(wanted, resting, held_at(200, 100)) == kept


def test_a_short_position_is_protected_by_purchases_above_it() -> None:
    wanted = strategy(stop_loss=0.05)
    assert is_kept(wanted, [order("stop", "210", side="buy")], held_at(200, -100))
    assert not is_kept(wanted, [order("stop", "190", side="buy")], held_at(200, -100))


@pytest.mark.parametrize(
    ("stop_loss", "take_profit", "words"),
    [(0.0, 0.0, ""), (0.05, 0.0, "stop"), (0.0, 0.2, "target"), (0.05, 0.2, "stop and target")],
)
def test_what_protects_has_a_name(stop_loss: float, take_profit: float, words: str) -> None:
    made = strategy(stop_loss=stop_loss, take_profit=take_profit)
    assert names_of(made) == words
    assert protection_of(made) == Protection(stop_loss=stop_loss, take_profit=take_profit)


def kept(resting: tuple[Order, ...] = (), *, is_watched: bool = False, words: str = "") -> Kept:
    return Kept("Rising", "main", "paper", "AAA", resting, is_watched, words)


def test_what_rests_is_said_order_by_order_with_what_is_left_of_it() -> None:
    said = kept((order("stop", "190.50", filled=40), order("limit", "240"))).sentence
    assert said == (
        "Rising: stop of main rests at paper: sell 60 AAA at 190.50 (ord_stop);"
        " target of main rests at paper: sell 100 AAA at 240 (ord_limit)."
    )


def test_what_is_watched_is_said_behind_it() -> None:
    assert kept(is_watched=True, words="stop watched by the scan").sentence == "Rising: stop watched by the scan."
    both = kept((order("stop", "190"),), is_watched=True, words="target watched by the scan").sentence
    assert both.endswith("(ord_stop); target watched by the scan.")


def test_the_table_has_a_row_for_each_order_and_each_remark() -> None:
    table = protection_table(
        [
            kept((order("stop", "190", filled=40), order("limit", "240"))),
            kept(is_watched=True, words="because paper keeps no stop orders"),
            kept(words="it holds nothing"),
            kept(),
        ]
    )
    names = [column.name for column in table.columns]
    rows = [dict(zip(names, row, strict=True)) for row in table.rows]
    assert [row["protection"] for row in rows] == ["stop rests", "target rests", "watched", "nothing held"]
    assert [(row["quantity"], row["price"], row["order"]) for row in rows[:2]] == [
        (60.0, 190.0, "ord_stop"),
        (100.0, 240.0, "ord_limit"),
    ]
    assert all(row["why"] and row["order"] is None for row in rows[2:])
    assert protection_table([]).rows == ()
