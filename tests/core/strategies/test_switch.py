import numpy as np
import pytest

from core.errors import InvalidInput
from core.strategies.switch import Switch
from core.testing.strategy_contract import StrategyContract, random_history


class TestSwitch(StrategyContract):
    assets = 3

    def strategy(self):
        return Switch(lookback=40, hold=1, review="weekly")

    def test_it_holds_the_best_of_the_lookback(self):
        history = random_history(12, 3)
        weights = self.strategy().weights(history)
        bought = np.argwhere(weights == 1.0)
        assert len(bought) > 5
        for t, asset in bought:
            assert asset == np.argmax(history.close[t] / history.close[t - 40])

    def test_cash_when_the_best_lost(self):
        history = random_history(12, 2)
        falling = np.exp(-0.001 * np.arange(len(history.times)))[:, None] * np.array([[10.0, 20.0]])
        weights = Switch(lookback=40, need_gain=True).weights(
            type(history)(close=falling, times=history.times, assets=("A", "B"))
        )
        assert set(weights[np.isfinite(weights)]) == {0.0}

    def test_it_needs_more_assets_than_it_holds(self):
        with pytest.raises(InvalidInput, match="got 1 assets"):
            Switch().weights(random_history(1, 1))


def test_value_switches_into_the_cheaper_of_two_by_pandas():
    import numpy as np
    import pandas

    from core.testing.strategy_contract import random_history

    prices = random_history(9, 2)
    rule = Switch(rule="value", lookback=60, review="daily", entry_z=1.5)
    weights = rule.weights(prices)
    ratio = pandas.Series(np.log(prices.close[:, 0] / prices.close[:, 1]))
    score = (ratio - ratio.rolling(60).mean()) / ratio.rolling(60).std(ddof=0)
    decided = np.flatnonzero(np.isfinite(weights[:, 0]))
    bought = [t for t in decided if weights[t, 0] in (0.0, 1.0)]
    assert len(bought) >= 4
    for t in bought:
        assert abs(score[t]) > 1.4
        assert weights[t].tolist() == ([1.0, 0.0] if score[t] < 0 else [0.0, 1.0])
    np.testing.assert_array_equal(weights[decided].sum(axis=1), 1.0)


class TestValue(StrategyContract):
    def strategy(self):
        return Switch(rule="value", lookback=40, review="weekly")
