"""A change of correlation and clusters of assets, on samples whose truth is known."""

import numpy as np
import pytest

from core.errors import InvalidInput, NoData
from core.risk.correlation import clusters, correlation_change


def draw(seed, correlation, sessions=400):
    return np.random.default_rng(seed).multivariate_normal(np.zeros(len(correlation)), correlation, sessions)


def uniform(assets, rho):
    return np.full((assets, assets), rho) + (1 - rho) * np.eye(assets)


def test_two_assets_agree_with_fisher():
    # For two assets Jennrich's statistic and that of Fisher's z are the same to first order.
    before, after = draw(1, uniform(2, 0.3), 2000), draw(2, uniform(2, 0.4), 2000)
    found = correlation_change(before, after)
    z = np.arctanh([np.corrcoef(part.T)[0, 1] for part in (before, after)])
    fisher = (z[1] - z[0]) ** 2 / (2 / 1997)
    assert found.freedom == 1
    assert found.statistic == pytest.approx(fisher, rel=0.03)
    assert found.after > found.before


def test_no_change_is_rejected_as_often_as_asked_and_a_change_is_found():
    same = [correlation_change(draw(s, uniform(4, 0.4)), draw(s + 500, uniform(4, 0.4))).p_value for s in range(150)]
    # 5 % of 150 is 7.5; above 17 has a chance of one in a thousand.
    assert sum(p < 0.05 for p in same) <= 17
    moved = [correlation_change(draw(s, uniform(4, 0.2)), draw(s + 500, uniform(4, 0.6))).p_value for s in range(20)]
    assert max(moved) < 1e-6


def test_blocks_come_out_as_clusters():
    matrix = np.eye(6)
    for group, rho in (((0, 2, 4), 0.8), ((1, 5), 0.6)):
        for i in group:
            for j in group:
                if i != j:
                    matrix[i, j] = rho
    assert clusters(matrix, above=0.5) == ((0, 2, 4), (1, 5), (3,))
    assert clusters(matrix, above=0.7) == ((0, 2, 4), (1,), (3,), (5,))
    matrix[3, :] = matrix[:, 3] = np.nan
    assert clusters(matrix, above=0.5)[-1] == (3,)
    assert clusters(np.eye(1)) == ((0,),)


def test_what_does_not_fit_is_named():
    with pytest.raises(InvalidInput, match="same 2 or more"):
        correlation_change(np.zeros((50, 2)), np.zeros((50, 3)))
    with pytest.raises(NoData, match="too few for 3 assets"):
        correlation_change(draw(1, np.eye(3), 50), draw(2, np.eye(3), 3))
    with pytest.raises(InvalidInput, match=r"\(assets, assets\)"):
        clusters(np.zeros((2, 3)))
