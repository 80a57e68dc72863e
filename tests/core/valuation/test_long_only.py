"""Signals valued by their trades equal a walk over every session."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput
from core.valuation import long_only
from core.valuation.sweep import sweep_crossovers
from core.valuation.terms import Costs

SALE, PURCHASE = 0.998 * 0.999, 1.002 * 1.001


def tables(close):
    sessions = len(close)
    depth = 1
    while (1 << depth) < sessions:
        depth += 1
    level, steps, sums, squares = (np.empty(sessions) for _ in range(4))
    high, low, deep = (np.empty((depth, sessions)) for _ in range(3))
    long_only._extremes(close, level, steps, sums, squares, high, low, deep)
    return level, steps, sums, squares, high, low, deep


def valued(close, held):
    signal = np.zeros((len(close) // 8 + 2) * 8, dtype=np.uint8)
    signal[: len(close)] = held
    out = np.empty(4)
    long_only.value_signal(signal, len(close), *tables(close), SALE, PURCHASE, out)
    return out


def walked(close, held):
    """The same account, session by session."""
    level, top, worst, was, bought, returns = 1.0, 1.0, 0.0, False, 0, []
    for t in range(len(close)):
        growth = close[t] / close[t - 1] if was else 1.0
        if held[t] and not was:
            growth /= PURCHASE
            bought += 1
        elif was and not held[t]:
            growth *= SALE
        was = bool(held[t])
        level *= growth
        returns.append(growth - 1.0)
        top = max(top, level)
        worst = min(worst, level / top - 1.0)
    returns = np.array(returns)
    deviation = returns.std(ddof=1)
    sharpe = returns.mean() / deviation if bought and deviation > 0 else np.nan
    return np.array([level - 1.0, sharpe, worst, bought])


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.integers(0, 10_000),
    st.integers(3, 300),
    st.floats(0.02, 0.98),
    st.floats(0.005, 0.05),
)
def test_any_signal_is_worth_what_a_walk_says(seed, sessions, often, volatility):
    draw = np.random.default_rng(seed)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0, volatility, sessions)))
    held = (np.convolve(draw.random(sessions), np.ones(3) / 3, "same") < often).astype(np.uint8)
    held[0] = 0
    np.testing.assert_allclose(valued(close, held), walked(close, held), rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize(
    "held",
    [
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 0],
        [0, 1, 1, 1, 1, 1, 1, 1, 1, 1],
        [0, 1, 0, 1, 0, 1, 0, 1, 0, 1],
        [0, 0, 0, 0, 0, 0, 0, 0, 0, 1],
        [0, 0, 0, 0, 0, 0, 0, 1, 0, 0],
        [0, 0, 0, 0, 0, 0, 0, 0, 1, 0],
        [0, 1, 1, 1, 1, 1, 1, 1, 1, 0],
        [0, 1, 1, 0, 0, 1, 1, 0, 0, 1],
    ],
)
def test_signals_at_the_borders_of_words(held):
    close = np.array([10.0, 11.0, 9.0, 12.0, 12.5, 8.0, 8.5, 13.0, 12.0, 12.2])
    np.testing.assert_allclose(valued(close, np.array(held)), walked(close, held), rtol=1e-12, atol=1e-14)


def test_the_tables_hold_extremes_of_each_stretch():
    draw = np.random.default_rng(4)
    close = np.exp(np.cumsum(draw.normal(0, 0.02, 70)))
    level, steps, sums, squares, high, low, deep = tables(close)
    np.testing.assert_allclose(sums, np.concatenate(([0.0], np.cumsum(steps[1:]))))
    np.testing.assert_allclose(squares, np.concatenate(([0.0], np.cumsum(steps[1:] ** 2))))
    for k in range(len(high)):
        for t in range(0, 70 - (1 << k) + 1, 5):
            part = level[t : t + (1 << k)]
            assert high[k, t] == part.max()
            assert low[k, t] == part.min()
            assert deep[k, t] == pytest.approx((np.maximum.accumulate(part) - part).max(), abs=1e-15)


def test_nothing_held_is_nothing_earned():
    close = np.linspace(10, 20, 50)
    found = valued(close, np.zeros(50))
    assert found[0] == 0.0
    assert np.isnan(found[1])
    assert (found[2], found[3]) == (0.0, 0.0)


def test_threads_and_chunks_change_nothing():
    draw = np.random.default_rng(1)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0003, 0.015, (400, 7)), axis=0))
    pairs = [(5, 20), (10, 50), (3, 9)]
    one = sweep_crossovers(close, pairs, costs=Costs(fee_bps=10, slippage_bps=5))
    for threads in (2, 3, 16):
        other = sweep_crossovers(close, pairs, costs=Costs(fee_bps=10, slippage_bps=5), threads=threads)
        for part in ("total_return", "sharpe", "max_drawdown", "purchases"):
            np.testing.assert_array_equal(getattr(one, part), getattr(other, part))


def test_the_unit_of_a_price_does_not_matter():
    draw = np.random.default_rng(1)
    close = 50.0 * np.exp(np.cumsum(draw.normal(0.0003, 0.015, (400, 3)), axis=0))
    one = sweep_crossovers(close, [(5, 20)])
    other = sweep_crossovers(close * np.array([0.01, 8.0, 1000.0]), [(5, 20)])
    np.testing.assert_allclose(one.total_return, other.total_return, rtol=1e-9)
    np.testing.assert_allclose(one.max_drawdown, other.max_drawdown, rtol=1e-9)


def test_gaps_are_refused():
    with pytest.raises(InvalidInput, match="without gaps"):
        sweep_crossovers(np.array([[1.0], [np.nan], [2.0]]), [(1, 2)])
