"""Caps that leave every asset at a bound: the optimum is then found among all such portfolios."""

from itertools import combinations

import numpy as np
import pytest

from core.risk.allocation import mean_variance


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize(("assets", "held"), [(4, 2), (6, 3), (5, 1), (4, 4)])
def test_strong_pulls_end_at_the_best_corner(seed, assets, held):
    generator = np.random.default_rng(seed)
    matrix = np.cov(generator.normal(0, 1, (assets, 3 * assets)))
    pull = generator.normal(0, 200.0, assets)
    found = mean_variance(matrix, pull, risk_aversion=1.0, max_weight=1 / held)

    def worth(weights):
        return pull @ weights - 0.5 * weights @ matrix @ weights

    corners = [np.isin(np.arange(assets), chosen) / held for chosen in combinations(range(assets), held)]
    assert worth(found) >= max(map(worth, corners)) - 1e-9
    assert found.sum() == pytest.approx(1.0)
