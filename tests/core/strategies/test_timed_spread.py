"""Spreads with ratios and conditions of one's own."""

import numpy as np
import pytest

from core.errors import InvalidInput
from core.strategies.pair import Pair
from core.strategies.timed_spread import TimedSpread
from core.testing.strategy_contract import StrategyContract, random_history


class TestTimedSpread(StrategyContract):
    def strategy(self):
        return TimedSpread(window=40)


class TestFixedWeights(StrategyContract):
    assets = 3

    def strategy(self):
        return TimedSpread(weights_of_legs=(1.0, -0.5, -0.5), ratios="equal")


def test_fixed_weights_are_held_as_given():
    prices = random_history(3, 3)
    weights = TimedSpread(weights_of_legs=(2.0, -1.0, -1.0), ratios="equal").weights(prices)
    rows = weights[np.isfinite(weights).all(axis=1)]
    assert {tuple(np.round(row, 12)) for row in rows} == {(0.5, -0.25, -0.25), (-0.5, 0.25, 0.25), (0.0, 0.0, 0.0)}


def test_the_legs_of_an_estimated_spread_are_those_of_the_pair():
    prices = random_history(3, 2)
    ours = TimedSpread(window=60).weights(prices)
    pair = Pair(window=60).weights(prices)
    # The same ratios, other conditions: where both decide to enter, the legs are the same up to the side.
    both = (np.nan_to_num(ours) != 0.0).all(axis=1) & (np.nan_to_num(pair) != 0.0).all(axis=1)
    np.testing.assert_allclose(np.abs(ours[both]), np.abs(pair[both]))


def test_assets_and_weights_must_fit():
    with pytest.raises(InvalidInput, match="expected 2"):
        TimedSpread(weights_of_legs=(1.0, -1.0)).weights(random_history(1, 3))
    with pytest.raises(InvalidInput, match="at least 2"):
        TimedSpread().weights(random_history(1, 1))
    with pytest.raises(InvalidInput, match="tls or pca"):
        TimedSpread().weights(random_history(1, 4))
    with pytest.raises(InvalidInput, match="all 0"):
        TimedSpread(weights_of_legs=(0.0, 0.0))
