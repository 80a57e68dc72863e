import numpy as np
import pytest

from core.errors import InvalidInput
from core.strategies.momentum import Momentum
from core.testing.strategy_contract import StrategyContract, random_history


class TestMomentum(StrategyContract):
    def strategy(self):
        return Momentum(lookback=60, skip=5)

    def test_the_sign_of_the_past_return_decides_on_the_first_session_of_a_month(self):
        history = random_history(2, 1)
        close = history.close[:, 0]
        weights = self.strategy().weights(history)[:, 0]
        months = history.times.astype("datetime64[M]")
        last = np.nan
        for t in range(60, len(close)):
            if months[t] != months[t - 1]:
                expected = float(close[t - 5] > close[t - 60])
                if np.isfinite(weights[t]):
                    assert weights[t] == expected
                else:
                    assert expected == last
                last = expected
            else:
                assert np.isnan(weights[t])

    def test_skip_must_be_below_the_lookback(self):
        with pytest.raises(InvalidInput, match="skip is 21, expected below lookback = 21"):
            Momentum(lookback=21)
