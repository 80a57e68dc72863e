import numpy as np
import pandas as pd
import pytest
from sklearn.covariance import ledoit_wolf

from core.errors import InvalidInput, NoData
from core.risk.correlation import correlation, ewma_covariance, pairwise_correlation, shrunk_covariance


def returns(sessions=300, assets=5):
    generator = np.random.default_rng(2)
    return generator.normal(0, 0.01, (sessions, assets)) + generator.normal(0, 0.008, (sessions, 1))


def test_sample_equals_numpy_and_with_gaps_pandas():
    sample = returns()
    np.testing.assert_allclose(pairwise_correlation(sample), np.corrcoef(sample, rowvar=False), rtol=1e-9)
    sample[np.random.default_rng(1).random(sample.shape) < 0.2] = np.nan
    np.testing.assert_allclose(pairwise_correlation(sample), pd.DataFrame(sample).corr().to_numpy(), rtol=1e-9)


def test_shrinkage_equals_scikit_learn():
    for sessions, assets in ((300, 5), (40, 30)):
        ours, intensity = shrunk_covariance(returns(sessions, assets))
        theirs, expected = ledoit_wolf(returns(sessions, assets))
        assert intensity == pytest.approx(expected, rel=1e-9)
        np.testing.assert_allclose(ours, theirs, rtol=1e-9)


def test_shrunk_correlation_is_positive_definite_with_more_assets_than_sessions():
    found = correlation(returns(20, 40), method="shrunk")
    assert np.linalg.eigvalsh(found).min() > 0.0
    np.testing.assert_array_equal(np.diag(found), 1.0)


def test_ewma_equals_pandas_weights():
    sample = returns(200, 2)
    weights = 0.5 ** (np.arange(199, -1, -1) / 30.0)
    expected = np.average(sample[:, 0] * sample[:, 1], weights=weights)
    assert ewma_covariance(sample, halflife=30.0)[0, 1] == pytest.approx(expected, rel=1e-9)
    squares = pd.Series(sample[:, 0] ** 2).ewm(halflife=30.0).mean().iloc[-1]
    assert ewma_covariance(sample, halflife=30.0)[0, 0] == pytest.approx(squares, rel=1e-9)


def test_ewma_follows_a_change():
    generator = np.random.default_rng(5)
    apart = generator.normal(0, 0.01, (500, 2))
    together = np.repeat(generator.normal(0, 0.01, (120, 1)), 2, axis=1)
    sample = np.concatenate((apart, together))
    assert correlation(sample, method="ewma", halflife=20.0)[0, 1] > 0.95
    assert correlation(sample)[0, 1] < 0.5


def test_pairs_without_common_sessions_or_variation_are_absent():
    sample = returns(40, 3)
    sample[:20, 0] = np.nan
    sample[20:, 1] = np.nan
    found = pairwise_correlation(sample)
    assert np.isnan(found[0, 1])
    assert np.isfinite(found[0, 2])
    flat = returns(40, 2)
    flat[:, 1] = 0.0
    assert np.isnan(pairwise_correlation(flat)[0, 1])


def test_bad_inputs():
    with pytest.raises(InvalidInput, match="method is 'x'"):
        correlation(returns(), method="x")
    with pytest.raises(InvalidInput, match="halflife is 0"):
        ewma_covariance(returns(), halflife=0)
    with pytest.raises(InvalidInput, match="expected \\(time, assets\\)"):
        correlation(np.zeros(5))
    with pytest.raises(NoData, match="share 0 sessions"):
        shrunk_covariance(np.full((10, 2), np.nan))
