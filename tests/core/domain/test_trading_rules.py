"""Lots and ticks by the exchange's own rules, in exact rationals."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.market_records import AssetClass
from core.domain.trading_rules import LOTS, tick_of, whole_lots

TRADED = sorted(LOTS)
AMOUNTS = st.decimals("-1e6", "1e6", places=10)


def test_shares_and_funds_trade_whole_and_coins_in_parts() -> None:
    assert LOTS["equity"] == LOTS["etf"] == 1
    assert 0 < LOTS["crypto"] < 1
    for untraded in ("index", "fx", "commodity"):
        assert untraded not in LOTS


@pytest.mark.parametrize(
    ("price", "tick"),
    [
        # Rule 612 of Regulation NMS: a cent from a dollar on, a hundredth of a cent below.
        ("0.0001", "0.0001"),
        ("0.9999", "0.0001"),
        ("1", "0.01"),
        ("1.005", "0.01"),
        ("523000.01", "0.01"),
    ],
)
def test_the_grid_of_prices_of_a_share(price: str, tick: str) -> None:
    assert tick_of("equity", Decimal(price)) == tick_of("etf", Decimal(price)) == Decimal(tick)


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(TRADED), AMOUNTS)
def test_whole_lots_are_the_most_that_the_amount_holds_towards_nothing(
    asset_class: AssetClass, amount: Decimal
) -> None:
    lot = Fraction(LOTS[asset_class])
    found = Fraction(whole_lots(amount, asset_class))
    assert (found / lot).denominator == 1
    assert abs(found) <= abs(Fraction(amount)) < abs(found) + lot
    assert found * Fraction(amount) >= 0


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(TRADED), AMOUNTS)
def test_whole_lots_stay_as_they_are_and_mirror(asset_class: AssetClass, amount: Decimal) -> None:
    whole = whole_lots(amount, asset_class)
    assert whole_lots(whole, asset_class) == whole
    assert whole_lots(-amount, asset_class) == -whole
