import numpy as np
import pytest

from core.errors import InvalidInput
from core.strategies.buy_and_hold import BuyAndHold
from core.testing.strategy_contract import StrategyContract, random_history


class TestBuyAndHold(StrategyContract):
    def strategy(self):
        return BuyAndHold()

    def test_it_decides_once(self):
        weights = self.strategy().weights(random_history(1, 3))
        np.testing.assert_array_equal(weights[0], np.full(3, 1 / 3))
        assert np.isnan(weights[1:]).all()


class TestRebalanced(StrategyContract):
    def strategy(self):
        return BuyAndHold(allocation=(0.6, 0.4), rebalance="quarterly")

    def test_it_restores_weights_on_the_first_session_of_each_quarter(self):
        history = random_history(1, 2)
        weights = self.strategy().weights(history)
        decided = history.times[np.isfinite(weights[:, 0])]
        quarters = {(d.astype(object).year, (d.astype(object).month - 1) // 3) for d in history.times}
        assert len(decided) == len(quarters)
        np.testing.assert_array_equal(weights[np.isfinite(weights[:, 0])], np.tile([0.6, 0.4], (len(decided), 1)))

    def test_one_share_per_asset(self):
        with pytest.raises(InvalidInput, match="allocation has 2 shares, expected 3"):
            self.strategy().weights(random_history(1, 3))
