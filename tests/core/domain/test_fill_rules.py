"""Fills of one bar, worked out by hand, the same in floats and in Decimals."""

from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.domain.fill_rules import (
    borrow_fee,
    commission,
    exit_price,
    fillable_shares,
    limit_price,
    slipped_price,
    stop_price,
)

# open, high, low of one bar
BAR = (100, 104, 96)


@pytest.mark.parametrize(
    ("direction", "stop", "price"),
    [
        (-1, 97, 97),  # reached inside the bar
        (-1, 96, 96),  # touched at the low
        (-1, 95, 0),  # not reached
        (-1, 101, 100),  # the bar opens below: no better than the open
        (-1, 100, 100),
        (1, 103, 103),
        (1, 104, 104),
        (1, 105, 0),
        (1, 99, 100),
    ],
)
@pytest.mark.parametrize("number", [float, Decimal])
def test_a_stop_fills_at_its_level_or_at_a_worse_open(direction, stop, price, number):
    assert stop_price(direction, number(stop), *map(number, BAR)) == number(price)


@pytest.mark.parametrize(
    ("direction", "limit", "price"),
    [
        (1, 97, 97),  # traded through
        (1, 96, 0),  # only touched
        (1, 101, 100),  # opens better
        (-1, 103, 103),
        (-1, 104, 0),
        (-1, 99, 100),
    ],
)
@pytest.mark.parametrize("number", [float, Decimal])
def test_a_limit_needs_a_price_through_it(direction, limit, price, number):
    assert limit_price(direction, number(limit), *map(number, BAR)) == number(price)


@pytest.mark.parametrize(
    ("side", "stop", "target", "price"),
    [
        (1, 97, 103, 97),  # both inside the bar: the loss counts
        (1, 95, 103, 103),
        (1, 97, 99, 100),  # opens beyond the target: that came first
        (1, 0, 103, 103),
        (1, 97, 0, 97),
        (1, 0, 0, 0),
        (1, 95, 105, 0),
        (-1, 103, 97, 103),
        (-1, 105, 97, 97),
        (-1, 99, 90, 100),  # opens beyond the stop of a short
    ],
)
@pytest.mark.parametrize("number", [float, Decimal])
def test_a_bar_that_reaches_stop_and_target_counts_as_a_loss(side, stop, target, price, number):
    assert exit_price(side, number(stop), number(target), *map(number, BAR)) == number(price)


def test_costs_and_volume_by_hand():
    assert slipped_price(Decimal(100), 1, Decimal("0.0005")) == Decimal("100.05")
    assert slipped_price(100.0, -1, 0.0005) == pytest.approx(99.95)
    assert commission(Decimal(50), Decimal(200), Decimal("0.001"), Decimal("0.005"), Decimal(1)) == Decimal("11.000")
    assert commission(Decimal(50), Decimal(1), Decimal("0.001"), Decimal(0), Decimal(1)) == 1
    assert commission(Decimal(50), Decimal(0), Decimal("0.001"), Decimal(0), Decimal(1)) == 0
    assert fillable_shares(500.0, 10_000.0, 0.01) == 100.0
    assert fillable_shares(50.0, 10_000.0, 0.01) == 50.0
    assert borrow_fee(Decimal(25_200), Decimal("0.05"), 252) == 5


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.sampled_from([-1, 1]), st.floats(80, 120), st.floats(80, 120), st.floats(0, 10), st.floats(0, 10))
def test_no_stop_or_limit_fills_outside_the_bar_and_no_limit_worse_than_its_price(direction, level, open_, up, down):
    high, low = open_ + up, open_ - down
    for price in (stop_price(direction, level, open_, high, low), limit_price(direction, level, open_, high, low)):
        assert price == 0 or low <= price <= high
    limit = limit_price(direction, level, open_, high, low)
    assert limit == 0 or direction * (limit - level) <= 0
    stop = stop_price(direction, level, open_, high, low)
    assert stop == 0 or direction * (stop - level) >= 0
