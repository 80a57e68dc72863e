"""VaR backtests against published regions, statsmodels-free likelihoods and simulated truths."""

import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput, NoData
from core.risk.var_backtest import (
    backtest_tail,
    basel_light,
    christoffersen,
    ewma_variance,
    forecast_tail,
    kupiec,
)


@pytest.mark.parametrize(
    ("chance", "sessions", "least", "most"),
    [
        # Kupiec (1995), table 3: breaches that do not reject at 95 %.
        (0.01, 255, 0, 6), (0.01, 510, 2, 10), (0.01, 1000, 5, 16),
        (0.025, 255, 3, 11), (0.025, 510, 7, 20), (0.025, 1000, 16, 35),
        (0.05, 255, 7, 20), (0.05, 510, 17, 35), (0.05, 1000, 38, 64),
        (0.10, 255, 17, 35), (0.10, 510, 39, 64), (0.10, 1000, 82, 119),
    ],
)  # fmt: skip
def test_kupiec_keeps_the_published_region(chance, sessions, least, most):
    kept = [count for count in range(sessions // 3) if kupiec(count, sessions, chance)[1] >= 0.05]
    assert kept[-1] == most
    # Below 1 % of 255 sessions no breach at all is not rejected in the table, though its ratio is 5.13.
    assert kept[0] == least or (chance, sessions) == (0.01, 255)


def test_kupiec_is_twice_the_log_likelihood_ratio():
    free = scipy.stats.binom.logpmf(8, 250, 8 / 250)
    fixed = scipy.stats.binom.logpmf(8, 250, 0.01)
    ratio, p_value = kupiec(8, 250, 0.01)
    assert ratio == pytest.approx(2 * (free - fixed), rel=1e-9)
    assert p_value == pytest.approx(scipy.stats.chi2.sf(ratio, 1), rel=1e-12)


def test_christoffersen_equals_the_g_test_of_the_two_by_two_table():
    hits = np.random.default_rng(3).random(500) < 0.08
    hits[100:106] = True
    before, now = hits[:-1], hits[1:]
    counts = np.array([[(~before & ~now).sum(), (~before & now).sum()], [(before & ~now).sum(), (before & now).sum()]])
    expected = scipy.stats.chi2_contingency(counts, correction=False, lambda_="log-likelihood")
    assert christoffersen(hits) == pytest.approx((expected.statistic, expected.pvalue), rel=1e-9)


def test_clustered_breaches_are_found_and_none_at_all_pass():
    hits = np.zeros(500, dtype=bool)
    assert christoffersen(hits) == (0.0, 1.0)
    hits[200:225] = True
    assert christoffersen(hits)[1] < 1e-6


@pytest.mark.parametrize(
    ("breaches", "light"), [(0, "green"), (4, "green"), (5, "yellow"), (9, "yellow"), (10, "red"), (20, "red")]
)
def test_basel_zones_of_250_sessions_at_99_percent(breaches, light):
    # Basel Committee (1996), Supervisory framework for the use of backtesting, table 2.
    assert basel_light(breaches, 250, 0.01) == light


def test_right_forecasts_pass_about_as_often_as_they_should():
    passed = []
    for seed in range(60):
        profits = np.random.default_rng(seed).normal(0.0, 1.0, 1250)
        found = backtest_tail(profits, forecast_tail(profits, method="gaussian", window=250))
        passed.append(found.kupiec_p_value >= 0.05)
        assert found.sessions == 1000
        assert found.expected_breaches == pytest.approx(50.0)
    assert sum(passed) >= 51


def turbulent(seed, sessions=3000):
    generator = np.random.default_rng(seed)
    out, variance = np.empty(sessions), 1.0
    for t in range(sessions):
        out[t] = np.sqrt(variance) * generator.standard_normal()
        variance = 0.02 + 0.10 * out[t] ** 2 + 0.88 * variance
    return out


def test_filtering_repairs_what_clusters_spoil():
    # With volatility that moves, quantiles of the last year come too late: breaches cluster; filtered ones do not.
    profits = np.concatenate([turbulent(seed) for seed in (1, 2)])
    plain = backtest_tail(profits, forecast_tail(profits, method="historical", window=500))
    filtered = backtest_tail(profits, forecast_tail(profits, method="filtered", window=500))
    assert plain.independence_p_value < 0.01
    assert filtered.independence_p_value > 0.01
    assert filtered.kupiec_p_value > 0.01
    assert abs(filtered.shortfall_score) < 0.3


def test_too_small_a_shortfall_scores_below_zero():
    profits = np.random.default_rng(5).standard_t(3, 2500)
    found = backtest_tail(profits, forecast_tail(profits, method="gaussian", confidence=0.99, window=250))
    assert found.shortfall_score < -0.3


@pytest.mark.parametrize("method", ["historical", "gaussian", "filtered"])
def test_forecasts_know_nothing_of_their_session(method):
    profits = turbulent(3, 400)
    found = forecast_tail(profits, method=method, window=100)
    changed = profits.copy()
    changed[250:] = 40.0
    other = forecast_tail(changed, method=method, window=100)
    np.testing.assert_array_equal(found.value_at_risk[:251], other.value_at_risk[:251])
    assert np.isnan(found.value_at_risk[:100]).all()
    assert np.isfinite(found.value_at_risk[100:]).all()
    assert other.value_at_risk[300] != found.value_at_risk[300]


def test_historical_forecast_is_the_quantile_of_the_window_before():
    profits = turbulent(4, 300)
    found = forecast_tail(profits, window=100, confidence=0.9)
    for t in (100, 173, 299):
        assert found.value_at_risk[t] == pytest.approx(-np.quantile(profits[t - 100 : t], 0.1), rel=1e-12)


def test_weighted_variance_by_its_sum():
    profits = turbulent(5, 60)
    found = ewma_variance(profits, 0.94)
    start = np.mean(profits[:20] ** 2)
    weights = 0.06 * 0.94 ** np.arange(60)[::-1]
    assert found[60] == pytest.approx((weights * profits**2).sum() + 0.94**60 * start, rel=1e-12)


def test_what_does_not_fit_is_named():
    with pytest.raises(NoData, match="leave nothing to check"):
        forecast_tail(np.zeros(100), window=100)
    with pytest.raises(InvalidInput, match="method"):
        forecast_tail(np.zeros(300), method="guess")
    with pytest.raises(InvalidInput, match="window"):
        forecast_tail(np.zeros(300), window=5)
    with pytest.raises(NoData, match="at least 50"):
        backtest_tail(np.zeros(280), forecast_tail(np.zeros(280), window=252))
    with pytest.raises(InvalidInput, match="breaches"):
        kupiec(5, 3, 0.01)
    with pytest.raises(InvalidInput, match="decay"):
        ewma_variance(np.zeros(5), 1.0)
