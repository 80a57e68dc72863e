import numpy as np
import talib

from core.strategies.breakout import Breakout
from core.testing.strategy_contract import StrategyContract, random_history


class TestBreakout(StrategyContract):
    def strategy(self):
        return Breakout(entry_period=20, exit_period=10, allow_short=True)

    def test_entries_break_the_channel_of_the_sessions_before(self):
        history = random_history(9, 1)
        close, high, low = history.close[:, 0], history.high[:, 0], history.low[:, 0]
        weights = Breakout(entry_period=20, exit_period=10).weights(history)[:, 0]
        channel = np.concatenate(([np.nan], talib.MAX(high, 20)[:-1]))
        floor = np.concatenate(([np.nan], talib.MIN(low, 10)[:-1]))
        entries = weights == 1.0
        exits = np.flatnonzero(weights == 0.0)[1:]
        assert entries.sum() > 3
        assert (close[entries] > channel[entries]).all()
        assert (close[exits] < floor[exits]).all()
