import dataclasses

import numpy as np
import pytest
import statsmodels.api as sm

from core.errors import InvalidInput
from core.strategies.hedge import residual_kernel
from core.strategies.pair import Pair
from core.testing.strategy_contract import StrategyContract, random_history


def cointegrated(seed=5, sessions=620):
    history = random_history(seed, 2)
    generator = np.random.default_rng(seed)
    gap = np.zeros(sessions)
    for t in range(1, sessions):
        gap[t] = 0.85 * gap[t - 1] + generator.normal(0.0, 0.01)
    close = history.close.copy()
    close[:, 0] = 3.0 * close[:, 1] ** 0.8 * np.exp(gap)
    return dataclasses.replace(history, close=close)


class TestPair(StrategyContract):
    def strategy(self):
        return Pair(window=60)

    def test_ratio_and_score_are_those_of_ordinary_least_squares(self):
        logs = np.log(cointegrated().close)
        ratios, score = residual_kernel(logs[:, 0].copy(), logs[:, 1:].copy(), 60, True)
        for t in (59, 200, 619):
            part = slice(t - 59, t + 1)
            fit = sm.OLS(logs[part, 0], sm.add_constant(logs[part, 1])).fit()
            assert ratios[t, 0] == pytest.approx(fit.params[1], rel=1e-9)
            assert score[t] == pytest.approx(fit.resid[-1] / fit.resid.std(ddof=1), rel=1e-7)

    def test_legs_are_opposite_with_gross_exposure_one(self):
        weights = self.strategy().weights(cointegrated())
        entered = weights[(weights != 0.0).all(axis=1) & np.isfinite(weights).all(axis=1)]
        assert len(entered) > 5
        np.testing.assert_allclose(np.abs(entered).sum(axis=1), 1.0)
        assert (np.sign(entered[:, 0]) == -np.sign(entered[:, 1])).all()

    def test_it_needs_two_assets(self):
        with pytest.raises(InvalidInput, match="got 3 assets, expected 2"):
            self.strategy().weights(random_history(1, 3))
