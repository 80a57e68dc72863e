import numpy as np
import pytest
import talib

from core.errors import InvalidInput
from core.indicators.moving_average import ABOVE, sma
from core.strategies.sma_crossover import SmaCrossover
from core.testing.strategy_contract import StrategyContract, random_history


class TestSmaCrossover(StrategyContract):
    def strategy(self):
        return SmaCrossover(fast=10, slow=50)

    def test_it_holds_exactly_while_talibs_fast_average_is_above_the_slow_one(self):
        history = random_history(21, 1)
        close = history.close[:, 0]
        weights = self.strategy().weights(history)[:, 0]
        held = np.zeros(len(close))
        last = 0.0
        for t, weight in enumerate(weights):
            last = last if np.isnan(weight) else weight
            held[t] = last
        expected = talib.SMA(close, 10) > talib.SMA(close, 50)
        np.testing.assert_array_equal(held[49:], expected[49:].astype(float))

    def test_short_instead_of_cash(self):
        history = random_history(21, 1)
        weights = SmaCrossover(fast=10, slow=50, allow_short=True).weights(history)
        assert set(weights[np.isfinite(weights)]) == {-1.0, 1.0}

    def test_fast_must_be_below_slow(self):
        with pytest.raises(InvalidInput, match="fast is 50, expected less than slow = 50"):
            SmaCrossover(fast=50, slow=50)

    @pytest.mark.parametrize("pair", [(1, 2), (3, 7), (10, 50), (49, 50)])
    def test_one_pass_decides_as_the_two_averages_do_on_flat_and_short_histories(self, pair):
        # Prices of few levels make averages equal up to rounding, where any other order of sums would show.
        draw = np.random.default_rng(pair[0])
        for count in (2, 49, 50, 51, 400):
            close = np.repeat(draw.choice([10.1, 10.2, 10.3], count // 2 + 1), 2)[:count]
            history = random_history(21, 1)
            history = type(history)(close=close[:, None], times=history.times[:1] + np.arange(count), assets=("A",))
            weights = SmaCrossover(fast=pair[0], slow=pair[1]).weights(history)[:, 0]
            quick, steady = (sma(close, period) for period in pair)
            target = np.where(quick > steady * ABOVE, 1.0, 0.0)[pair[1] - 1 :]
            changed = np.concatenate(([True], target[1:] != target[:-1]))[: len(target)]
            np.testing.assert_array_equal(weights[: pair[1] - 1], np.nan)
            np.testing.assert_array_equal(weights[pair[1] - 1 :], np.where(changed, target, np.nan))
