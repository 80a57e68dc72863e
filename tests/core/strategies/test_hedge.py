"""Hedge ratios against statsmodels, numpy and a planted relation."""

import numpy as np
import pytest

from core.errors import InvalidInput
from core.strategies.hedge import METHODS, hedge


def planted(seed=1, sessions=900, ratio=0.7, noise=0.004):
    draw = np.random.default_rng(seed)
    x = np.cumsum(draw.normal(0, 0.012, sessions)) + 4.0
    return np.stack((1.5 + ratio * x + draw.normal(0, noise, sessions), x), axis=1)


def three(seed=2, sessions=400):
    draw = np.random.default_rng(seed)
    level, slope = np.cumsum(draw.normal(0, 0.01, (sessions, 2)), axis=0).T
    noise = draw.normal(0, 0.001, (sessions, 3))
    return np.stack((level - slope, level, level + slope), axis=1) + noise + 4.0


def test_ols_is_that_of_statsmodels():
    import statsmodels.api as sm

    logs = planted()
    ratios, score = hedge(logs, "ols", 60)
    for t in (59, 200, 899):
        part = slice(t - 59, t + 1)
        fit = sm.OLS(logs[part, 0], sm.add_constant(logs[part, 1])).fit()
        assert -ratios[t, 1] == pytest.approx(fit.params[1], rel=1e-9)
        assert score[t] == pytest.approx(fit.resid[-1] / fit.resid.std(ddof=1), rel=1e-9)
    assert np.isnan(score[:59]).all()


def test_tls_is_the_normal_of_the_singular_value_decomposition():
    logs = planted()
    ratios, _ = hedge(logs, "tls", 120)
    part = logs[400 - 119 : 401]
    # Total least squares by the singular value decomposition (Golub and Van Loan, 1980).
    normal = np.linalg.svd(part - part.mean(axis=0))[2][-1]
    assert ratios[400, 1] == pytest.approx(normal[1] / normal[0], rel=1e-9)


def test_tls_does_not_mind_which_leg_is_called_the_body():
    logs = planted()
    one, _ = hedge(logs, "tls", 60, body=0)
    other, _ = hedge(logs, "tls", 60, body=1)
    np.testing.assert_allclose(one[100:, 1] * other[100:, 0], 1.0, rtol=1e-6)


def test_kalman_finds_a_planted_ratio_and_follows_a_change_faster_than_least_squares():
    still, _ = hedge(planted(), "kalman", 120)
    assert -still[-200:, 1].mean() == pytest.approx(0.7, abs=0.05)
    draw = np.random.default_rng(5)
    x = np.cumsum(draw.normal(0, 0.012, 900))
    moving = np.where(np.arange(900) < 600, 0.5, 1.0)
    steps = np.concatenate(([0.0], np.diff(x))) * moving
    logs = np.stack((np.cumsum(steps) + draw.normal(0, 0.001, 900), x), axis=1)
    kalman, _ = hedge(logs, "kalman", 60)
    assert abs(-kalman[860:, 1].mean() - 1.0) < 0.2
    assert abs(-kalman[560:600, 1].mean() - 0.5) < 0.2


def test_kalman_with_a_constant_state_is_recursive_least_squares():
    logs = planted(sessions=400)
    ratios, _ = hedge(logs, "kalman", 100_000_000)
    assert np.isnan(ratios).all()
    from core.strategies.hedge import kalman_kernel

    anchored = logs - logs[0]
    x = np.ascontiguousarray(np.stack((np.ones(400), anchored[:, 1]), axis=1))
    states, _ = kalman_kernel(np.ascontiguousarray(anchored[:, 0]), x, 399)
    # A discount of 1/398 is weighted least squares with weights that decay by that factor, from a prior.
    decay = (1.0 / (1.0 + 1.0 / 398.0)) ** np.arange(399, -1, -1)
    prior = np.diag([1.0, 1.0]) * decay[0] / (1.0 + 1.0 / 398.0)
    left = (x * decay[:, None]).T @ x + prior
    right = (x * decay[:, None]).T @ anchored[:, 0] + prior @ np.array([0.0, 1.0])
    np.testing.assert_allclose(states[-1], np.linalg.solve(left, right), rtol=1e-6)


def test_wings_of_equal_risk_carry_the_same_volatility():
    logs = three()
    ratios, _ = hedge(logs, "risk", 60, body=1)
    moves = np.diff(logs[300 - 60 : 301], axis=0).std(axis=0, ddof=1)
    assert ratios[300, 1] == 1.0
    np.testing.assert_allclose(-ratios[300, [0, 2]] * moves[[0, 2]], moves[1] / 2.0, rtol=1e-9)


def test_pca_leaves_no_level_and_no_slope():
    logs = three()
    ratios, _ = hedge(logs, "pca", 120, body=1)
    moves = np.diff(logs[380 - 120 : 381], axis=0)
    _, vectors = np.linalg.eigh(np.cov(moves.T))
    np.testing.assert_allclose(ratios[380] @ vectors[:, 1:], 0.0, atol=1e-9)
    assert ratios[380, 0] == pytest.approx(-0.5, abs=0.1)


@pytest.mark.parametrize("method", METHODS)
def test_a_prefix_gives_a_prefix_and_the_unit_of_a_price_does_not_matter(method):
    logs = three()
    ratios, score = hedge(logs, method, 40, body=1)
    part, part_score = hedge(logs[:231], method, 40, body=1)
    np.testing.assert_array_equal(part, ratios[:231])
    np.testing.assert_array_equal(part_score, score[:231])
    other, _ = hedge(logs + np.array([1.0, -2.0, 0.5]), method, 40, body=1)
    np.testing.assert_allclose(other, ratios, rtol=1e-6, atol=1e-9)
    assert np.isfinite(score[40:]).all()


def test_an_unknown_method_is_named():
    with pytest.raises(InvalidInput, match="ridge"):
        hedge(planted(), "ridge", 60)
