import numpy as np
import pytest
import statsmodels.api as sm

from core.strategies.fly import Fly
from core.strategies.hedge import residual_kernel
from core.testing.strategy_contract import StrategyContract, random_history


class TestFly(StrategyContract):
    def strategy(self):
        return Fly(window=60)

    def test_ratios_are_those_of_a_two_factor_regression(self):
        logs = np.log(random_history(5, 3).close)
        ratios, score = residual_kernel(logs[:, 1].copy(), np.ascontiguousarray(logs[:, [0, 2]]), 60, True)
        for t in (59, 300, 619):
            part = slice(t - 59, t + 1)
            fit = sm.OLS(logs[part, 1], sm.add_constant(logs[part][:, [0, 2]])).fit()
            np.testing.assert_allclose(ratios[t], fit.params[1:], rtol=1e-7)
            assert score[t] == pytest.approx(fit.resid[-1] / fit.resid.std(ddof=1), rel=1e-6)


class TestEqualFly(StrategyContract):
    def strategy(self):
        return Fly(window=60, ratios="equal")

    def test_the_body_weighs_as_much_as_both_wings(self):
        weights = self.strategy().weights(random_history(5, 3))
        entered = weights[np.isfinite(weights).all(axis=1) & (weights != 0.0).all(axis=1)]
        assert len(entered) > 3
        np.testing.assert_allclose(np.abs(entered), np.tile([0.25, 0.5, 0.25], (len(entered), 1)))
        np.testing.assert_allclose(entered.sum(axis=1), 0.0, atol=1e-15)
