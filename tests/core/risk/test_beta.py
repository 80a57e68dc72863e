"""Rolling beta and pairwise correlations are those of numpy and pandas, and depend on their window alone."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from core.errors import InvalidInput, NoData
from core.risk.beta import estimate_betas, pair_correlations, rolling_beta


def draws(count: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.01, count)


@pytest.mark.parametrize("window", [2, 20, 252])
def test_slope_and_correlation_agree_with_pandas(window: int) -> None:
    market = draws(400, 1)
    mine = 1.5 * market + draws(400, 2)
    beta, correlation = rolling_beta(mine, market, window)
    own, theirs = pd.Series(mine), pd.Series(market)
    expected = (own.rolling(window).cov(theirs) / theirs.rolling(window).var()).to_numpy()
    np.testing.assert_allclose(beta, expected, rtol=1e-7)
    if window > 2:
        np.testing.assert_allclose(correlation, own.rolling(window).corr(theirs).to_numpy(), rtol=1e-7)


def test_the_benchmark_has_a_beta_and_correlation_of_one_with_itself() -> None:
    market = draws(60, 3)
    beta, correlation = rolling_beta(market, market, 20)
    np.testing.assert_allclose(beta[19:], 1.0)
    np.testing.assert_allclose(correlation[19:], 1.0)
    assert np.isnan(beta[:19]).all()


def test_what_never_varies_has_neither() -> None:
    beta, correlation = rolling_beta(np.zeros(30), draws(30, 4), 10)
    assert np.isnan(beta).all() and np.isnan(correlation).all()


@settings(deadline=None, max_examples=30, derandomize=True)
@given(st.integers(1, 60), st.integers(2, 30), st.integers(0, 20))
def test_a_value_depends_on_its_window_alone(later: int, window: int, seed: int) -> None:
    mine, market = draws(60 + later, seed), draws(60 + later, seed + 100)
    short, whole = rolling_beta(mine[:60], market[:60], window), rolling_beta(mine, market, window)
    for before, after in zip(short, whole, strict=True):
        np.testing.assert_array_equal(before, after[:60])


def test_pairs_agree_with_numpy_on_the_sessions_both_have() -> None:
    matrix = np.column_stack([draws(100, seed) for seed in range(4)])
    matrix[:20, 1] = np.nan
    matrix[50:, 2] = np.nan
    matrix[:60, 3] = np.nan
    found, counts = pair_correlations(matrix, 30)
    for i in range(4):
        for j in range(i + 1, 4):
            both = np.isfinite(matrix[:, i]) & np.isfinite(matrix[:, j])
            assert counts[i, j] == both.sum()
            if both.sum() < 30:
                assert np.isnan(found[i, j])
            else:
                assert found[i, j] == pytest.approx(np.corrcoef(matrix[both, i], matrix[both, j])[0, 1], rel=1e-9)
    assert np.isnan(found[np.tril_indices(4)]).all()


def test_betas_on_several_factors_are_least_squares() -> None:
    generator = np.random.default_rng(4)
    factors = generator.normal(0, 0.01, (500, 2))
    assets = factors @ np.array([[1.2, 0.8], [0.0, -0.3]]) + generator.normal(0, 0.004, (500, 2))
    found = estimate_betas(assets, factors)
    for column in range(2):
        fit = sm.OLS(assets[:, column], sm.add_constant(factors)).fit()
        np.testing.assert_allclose(found[column], fit.params[1:], rtol=1e-9)


def test_betas_skip_the_sessions_either_lacks() -> None:
    market = draws(400, 3)
    pair = np.column_stack((market, 2.0 * market))
    pair[::7, 1] = np.nan
    pair[3::11, 0] = np.nan
    assert estimate_betas(pair[:, 1:], pair[:, :1])[0, 0] == pytest.approx(2.0)


@pytest.mark.parametrize(
    ("returns", "factors", "error", "message"),
    [
        (np.zeros(5), np.zeros((5, 1)), InvalidInput, r"must be \(time, assets\)"),
        (np.zeros((5, 1)), np.zeros((4, 1)), InvalidInput, "must be"),
        (np.zeros((50, 1)), np.zeros((50, 1)), InvalidInput, "move as one"),
        (np.zeros((9, 1)), np.arange(9.0)[:, None], NoData, "shares 9 sessions with the factors, expected 21"),
    ],
)
def test_betas_that_cannot_be_estimated(
    returns: np.ndarray, factors: np.ndarray, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        estimate_betas(returns, factors)
