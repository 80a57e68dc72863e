"""Pairing fills into round trips, by hand and by identity."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.valuation.trades import round_trips_kernel


def pair_up(shares, prices, fees=None, last_close=10.0):
    count = len(shares)
    keys = np.zeros((3, count), dtype=np.int64)
    keys[2] = np.arange(count)
    fees = np.zeros(count) if fees is None else np.array(fees, dtype=float)
    found, whole, real = round_trips_kernel(
        keys, np.array(shares, dtype=float), np.array(prices, dtype=float), fees, np.array([[last_close]]), 99
    )
    return whole[:, :found], real[:, :found]


def test_two_purchases_and_one_sale_average_the_entry():
    whole, real = pair_up([10, 30, -40], [10.0, 14.0, 15.0], [1.0, 2.0, 3.0])
    assert whole[:, 0].tolist() == [0, 0, 1, 0, 2, 0, 2]
    held, entry, out, committed, pnl, fees = real[:, 0]
    assert (held, entry, out, committed, fees) == (40.0, 13.0, 15.0, 520.0, 6.0)
    assert pnl == pytest.approx(40 * 2.0 - 6.0)


def test_partial_sales_average_the_exit():
    _, real = pair_up([40, -10, -30], [10.0, 12.0, 16.0])
    assert real[2, 0] == pytest.approx(15.0)
    assert real[4, 0] == pytest.approx(10 * 2.0 + 30 * 6.0)


def test_a_fill_through_zero_closes_and_opens_and_splits_its_fee():
    whole, real = pair_up([10, -25, 15], [10.0, 12.0, 11.0], [0.0, 5.0, 0.0])
    assert whole[2].tolist() == [1, -1]
    assert whole[3].tolist() == [0, 1]
    assert whole[4].tolist() == [1, 2]
    assert real[5].tolist() == pytest.approx([2.0, 3.0])
    assert real[4].tolist() == pytest.approx([10 * 2.0 - 2.0, 15 * 1.0 - 3.0])


def test_an_open_trade_is_marked_at_the_last_close():
    whole, real = pair_up([10, -4], [10.0, 12.0], last_close=13.0)
    assert whole[5].tolist() == [1]
    assert whole[4].tolist() == [99]
    assert real[4, 0] == pytest.approx(4 * 2.0 + 6 * 3.0)
    assert real[2, 0] == pytest.approx((4 * 12.0 + 6 * 13.0) / 10)


@settings(max_examples=200, deadline=None)
@given(
    st.lists(
        st.tuples(st.integers(-50, 50).filter(lambda n: n != 0), st.floats(1.0, 100.0), st.floats(0.0, 5.0)),
        min_size=1,
        max_size=40,
    )
)
def test_profits_fees_and_shares_add_up(fills):
    shares, prices, fees = (np.array(part, dtype=float) for part in zip(*fills, strict=True))
    whole, real = pair_up(shares, prices, fees, last_close=20.0)
    left = shares.sum()
    assert real[4].sum() == pytest.approx(left * 20.0 - shares @ prices - fees.sum(), rel=1e-9, abs=1e-6)
    assert real[5].sum() == pytest.approx(fees.sum(), rel=1e-9, abs=1e-9)
    assert whole[5].sum() == (left != 0)
    assert (np.diff(whole[3]) >= 0).all()
    assert (real[3] > 0.0).all()
    # From flat to flat, directions follow the running position.
    running, expected = 0.0, []
    for step in shares:
        if running == 0.0 or (running + step) * running < 0.0:
            expected.append(1 if (step if running == 0.0 else running + step) > 0 else -1)
        running += step
    assert whole[2].tolist() == expected
