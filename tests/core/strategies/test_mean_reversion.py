import numpy as np
import pytest

from core.errors import InvalidInput
from core.strategies.mean_reversion import MeanReversion
from core.testing.strategy_contract import StrategyContract, random_history


class TestMeanReversion(StrategyContract):
    def strategy(self):
        return MeanReversion(period=15, entry_z=1.5, exit_z=0.0, allow_short=True)

    def test_it_buys_below_and_sells_short_above_the_mean(self):
        history = random_history(6, 1)
        logs = np.log(history.close[:, 0])
        weights = self.strategy().weights(history)[:, 0]
        for t in np.flatnonzero(np.abs(weights) == 1.0):
            part = logs[t - 14 : t + 1]
            score = (part[-1] - part.mean()) / part.std(ddof=1)
            assert score * weights[t] < -1.5
        assert {-1.0, 0.0, 1.0} <= set(weights[np.isfinite(weights)])

    def test_exit_beyond_entry_is_refused(self):
        with pytest.raises(InvalidInput, match="exit_z is 3"):
            MeanReversion(exit_z=3.0)
