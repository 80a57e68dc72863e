"""Strategies whose timing is a condition, and conditions around other strategies."""

import dataclasses

import numpy as np
import pytest

from core.errors import InvalidInput, NoData
from core.strategies.pair import Pair
from core.strategies.sma_crossover import SmaCrossover
from core.strategies.timed import TimedEntries
from core.strategies.timing import Timed
from core.testing.strategy_contract import StrategyContract, random_history


class TestTimedEntries(StrategyContract):
    def strategy(self):
        return TimedEntries(buy="rsi(14) < 35", sell="rsi(14) > 60", short="zscore(40) > 2")


class TestTimedPair(StrategyContract):
    def strategy(self):
        return Timed(inner=Pair(window=30, entry_z=1.5), enter="rsi(14) < 55", leave="abs(zscore(spread, 60)) > 4")


class TestTimedCrossover(StrategyContract):
    def strategy(self):
        return Timed(inner=SmaCrossover(fast=5, slow=20), enter="change(5) > 0")


def test_the_crossover_written_as_conditions_is_the_crossover():
    prices = random_history(2, 2)
    ours = TimedEntries(buy="sma(10) > sma(30)", sell="sma(10) <= sma(30)").weights(prices)
    rule = SmaCrossover(fast=10, slow=30).weights(prices)
    ours[:30], rule[:30] = np.nan, np.nan
    inside = np.isfinite(ours) & np.isfinite(rule)
    # The first decision after the warm-up differs in its date only.
    np.testing.assert_array_equal(np.isfinite(ours[60:]), np.isfinite(rule[60:]))
    np.testing.assert_array_equal(ours[inside], rule[inside])


def test_a_true_condition_changes_nothing_and_a_false_one_everything():
    prices = random_history(2, 2)
    rule = SmaCrossover(fast=5, slow=20)
    np.testing.assert_array_equal(Timed(inner=rule, enter="true").weights(prices), rule.weights(prices))
    shut = Timed(inner=rule, enter="false").weights(prices)
    assert set(shut[np.isfinite(shut)]) == {0.0}


def test_leaving_waits_for_the_next_entry():
    prices = random_history(2, 1)
    rule = SmaCrossover(fast=5, slow=60)
    timed = Timed(inner=rule, enter="weekday == 1", leave="weekday == 4").weights(prices)[:, 0]
    weekday = (prices.times.astype(int) + 3) % 7 + 1
    assert (weekday[timed == 1.0] == 1).all()
    assert (timed == 1.0).sum() > 10


def test_a_pair_is_held_back_as_one():
    prices = random_history(4, 2)
    rule = Pair(window=30, entry_z=1.0)
    timed = Timed(inner=rule, enter="zscore(spread, 60) > 1 or zscore(spread, 60) < -1")
    assert (timed.name, timed.legs, timed.trades_as_one) == ("pair", 2, True)
    weights = timed.weights(prices)
    decided = np.isfinite(weights)
    np.testing.assert_array_equal(decided[:, 0], decided[:, 1])
    assert np.abs(weights[decided[:, 0]]).sum(axis=1).max() == pytest.approx(1.0)


def test_what_a_condition_needs_and_the_data_lack_is_named():
    closes = dataclasses.replace(random_history(2, 1), high=None, low=None, open=None, volume=None)
    with pytest.raises(NoData, match="volume"):
        TimedEntries(buy="volume > sma(volume, 20)").weights(closes)
    with pytest.raises(NoData, match="FOMC"):
        TimedEntries(buy='before(3d, "FOMC")').weights(closes)
    with pytest.raises(NoData, match="spread"):
        TimedEntries(buy="zscore(spread, 60) > 2").weights(closes)


def test_a_wrong_condition_names_the_parameter_and_the_column():
    with pytest.raises(InvalidInput, match=r"(?s)timed: sell is .*column 9"):
        TimedEntries(sell="close > smaa(20)")
