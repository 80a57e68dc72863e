import numpy as np

from core.strategies.dollar_cost_averaging import DollarCostAveraging
from core.testing.strategy_contract import StrategyContract, random_history


class TestDollarCostAveraging(StrategyContract):
    def strategy(self):
        return DollarCostAveraging(amount=500.0, frequency="monthly")

    def test_it_pays_once_a_month_on_the_session_after_the_first(self):
        history = random_history(3, 1)
        paid = self.strategy().contributions(history)
        months = np.unique(history.times.astype("datetime64[M]"))
        assert paid.sum() == 500.0 * len(months)
        decided = np.isfinite(self.strategy().weights(history)[:, 0])
        np.testing.assert_array_equal(paid[1:] > 0.0, decided[:-1])
