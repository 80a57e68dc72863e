import numpy as np
import pytest
import talib

from core.errors import InvalidInput
from core.strategies.rsi_threshold import RsiThreshold
from core.testing.strategy_contract import StrategyContract, random_history


class TestRsiThreshold(StrategyContract):
    def strategy(self):
        return RsiThreshold(period=5, entry_below=30.0, exit_above=60.0)

    def test_entries_and_exits_fall_on_talibs_levels(self):
        history = random_history(4, 1)
        level = talib.RSI(history.close[:, 0], 5)
        weights = self.strategy().weights(history)[:, 0]
        assert (level[weights == 1.0] < 30.0).all()
        exits = np.flatnonzero(weights == 0.0)
        assert (level[exits[1:]] > 60.0).all()
        assert (weights == 1.0).sum() > 5

    def test_entry_above_exit_is_refused(self):
        with pytest.raises(InvalidInput, match="entry_below is 80"):
            RsiThreshold(entry_below=80.0)
