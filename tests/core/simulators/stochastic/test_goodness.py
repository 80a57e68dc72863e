"""Goodness of fit: statistics against scipy, and a right model passed where a wrong one is caught."""

import numpy as np
import pytest
import scipy.stats

from core.errors import NoData
from core.simulators.stochastic.catalogue import calibrate
from core.simulators.stochastic.goodness import distance, goodness_of_fit, statistics, tail_index


def clustered(seed=5, sessions=1500):
    generator = np.random.default_rng(seed)
    variance, out = 1e-4, np.empty(sessions)
    for t in range(sessions):
        out[t] = np.sqrt(variance) * generator.standard_normal()
        variance = 4e-6 + 0.15 * out[t] ** 2 + 0.82 * variance
    return 100.0 * np.exp(np.concatenate(([0.0], np.cumsum(out))))[:, None]


@pytest.fixture(scope="module")
def verdicts():
    close = clustered()
    return {
        name: {
            part.statistic: part
            for part in goodness_of_fit(calibrate(name, close, ("A",)), close, seed=1, histories=100)
        }
        for name in ("gbm", "garch")
    }


def test_moments_are_those_of_scipy():
    x = np.random.default_rng(2).standard_t(5, 3000)
    found = statistics(x)
    assert found["skewness"] == pytest.approx(scipy.stats.skew(x))
    assert found["excess kurtosis"] == pytest.approx(scipy.stats.kurtosis(x))
    assert found["deviation"] == pytest.approx(x.std(ddof=1))
    centred = x - x.mean()
    assert found["autocorrelation"] == pytest.approx((centred[1:] @ centred[:-1]) / (centred @ centred))


def test_hills_index_is_that_of_a_pareto_tail():
    x = np.random.default_rng(3).pareto(3.0, 200_000) + 1.0
    assert tail_index(x) == pytest.approx(3.0, rel=0.03)
    assert np.isnan(tail_index(-x))


def test_the_distance_is_that_of_scipy():
    generator = np.random.default_rng(4)
    x, y = generator.normal(0.1, 1.0, 500), np.sort(generator.normal(0.0, 1.2, 4000))
    assert distance(x, y) == pytest.approx(scipy.stats.ks_2samp(x, y).statistic)
    with pytest.raises(NoData, match="both sides"):
        distance(x, y[:0])


def test_brownian_motion_is_refused_on_clustered_returns(verdicts):
    assert verdicts["gbm"]["autocorrelation of squares"].p_value < 0.05
    assert verdicts["gbm"]["excess kurtosis"].p_value < 0.05
    assert verdicts["gbm"]["deviation"].p_value > 0.05


def test_garch_explains_its_own_returns(verdicts):
    for name in ("deviation", "skewness", "autocorrelation", "autocorrelation of squares", "Kolmogorov-Smirnov"):
        assert verdicts["garch"][name].p_value > 0.01, name
        assert verdicts["garch"][name].low <= verdicts["garch"][name].median <= verdicts["garch"][name].high


def test_a_flat_series_has_no_statistics():
    assert all(np.isnan(value) for value in statistics(np.zeros(300)).values())
