import numpy as np
import pytest

from core.strategies.volatility_target import VolatilityTarget
from core.testing.strategy_contract import StrategyContract, random_history


class TestVolatilityTarget(StrategyContract):
    def strategy(self):
        return VolatilityTarget(target=0.10, window=21)

    def test_weight_times_volatility_is_the_target(self):
        history = random_history(3, 1)
        returns = np.diff(np.log(history.close[:, 0]))
        weights = VolatilityTarget(target=0.10, window=21, max_leverage=10.0, tolerance=0.0).weights(history)[:, 0]
        for t in (21, 100, 619):
            volatility = returns[t - 21 : t].std(ddof=1) * np.sqrt(252)
            assert weights[t] * volatility == pytest.approx(0.10, rel=1e-9)

    def test_it_moves_only_beyond_the_tolerance(self):
        weights = VolatilityTarget(tolerance=0.2, max_leverage=10.0).weights(random_history(3, 1))[:, 0]
        moves = weights[np.isfinite(weights)]
        assert (np.abs(moves[1:] / moves[:-1] - 1.0) > 0.2).all()
        assert 5 < len(moves) < 200
