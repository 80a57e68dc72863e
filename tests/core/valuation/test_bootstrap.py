"""Block bootstrap intervals: block length against arch, coverage of known truths, reproducibility."""

import numpy as np
import pytest
import scipy.stats
from arch.bootstrap import optimal_block_length

from core.errors import InvalidInput, NoData
from core.valuation.bootstrap import confidence_intervals, optimal_block, stationary_places
from core.valuation.performance import STATISTICS, performance
from core.valuation.relative import RELATIVE_STATISTICS


def autoregressive(seed, slope, sessions=1500):
    shocks = np.random.default_rng(seed).standard_t(5, sessions) * 0.01
    values = shocks.copy()
    for t in range(1, sessions):
        values[t] += slope * values[t - 1]
    return values


@pytest.mark.parametrize("seed", [1, 2, 3])
@pytest.mark.parametrize("slope", [0.0, 0.3, 0.6, -0.3, 0.9])
def test_block_length_equals_arch(seed, slope):
    values = autoregressive(seed, slope)
    expected = max(1.0, float(optimal_block_length(values).stationary.iloc[0]))
    assert optimal_block(values) == pytest.approx(expected, rel=1e-9)


def test_places_continue_a_block_as_often_as_they_should():
    places = np.concatenate(list(stationary_places(400, 300, 8.0, seed=3)))
    assert places.shape == (300, 400)
    assert places.min() == 0
    assert places.max() == 399
    continued = (places[:, 1:] - places[:, :-1]) % 400 == 1
    # A fresh block begins with chance 1/8 and then happens to continue with chance 1/400.
    expected = 7 / 8 + 1 / 8 / 400
    assert continued.mean() == pytest.approx(expected, abs=4 * np.sqrt(expected * (1 - expected) / continued.size))
    # Every session is drawn equally often.
    counts = np.bincount(places.ravel(), minlength=400)
    assert counts.std() / counts.mean() < 0.2


def test_intervals_cover_known_truths():
    inside = {"mean_return": 0, "volatility": 0, "sharpe": 0, "hit_rate": 0}
    truth = {"mean_return": 0.0005 * 252, "volatility": 0.01 * np.sqrt(252), "sharpe": 0.05 * np.sqrt(252)}
    truth["hit_rate"] = 0.5199388
    for seed in range(100):
        returns = np.random.default_rng(seed).normal(0.0005, 0.01, 750)
        found = confidence_intervals(returns, seed=seed, resamples=100, block_sessions=1.0)
        for name, value in truth.items():
            part = found.by_statistic[name]
            inside[name] += part.low <= value <= part.high
    # 95 % nominal; below 88 of 100 has a chance under 1 in 500.
    assert min(inside.values()) >= 88, inside


def test_blocks_widen_the_interval_of_a_trending_series_to_its_true_error():
    # The mean of an autoregression with slope 0.6 errs by 1 / (1 - 0.6) times what independent returns would.
    returns = autoregressive(7, 0.6, 4000)
    narrow = confidence_intervals(returns, seed=1, resamples=300, block_sessions=1.0).by_statistic["mean_return"]
    wide = confidence_intervals(returns, seed=1, resamples=300).by_statistic["mean_return"]
    true_error = 0.01 * np.sqrt(5 / 3) / 0.4 / np.sqrt(4000) * 252
    assert wide.standard_error == pytest.approx(true_error, rel=0.25)
    assert narrow.standard_error < 0.75 * wide.standard_error


def test_every_statistic_has_an_interval_around_its_estimate():
    market = autoregressive(1, 0.0, 500)
    returns = 0.5 * market + autoregressive(2, 0.0, 500) * 0.3
    found = confidence_intervals(returns, benchmark=market, seed=5, resamples=200)
    assert set(found.by_statistic) == {*STATISTICS, *RELATIVE_STATISTICS}
    whole = performance(returns)
    for name in STATISTICS:
        part = found.by_statistic[name]
        assert part.estimate == pytest.approx(getattr(whole, name), rel=1e-12), name
    for name in ("sharpe", "sortino", "volatility", "beta", "var_95", "es_95", "omega", "information_ratio"):
        part = found.by_statistic[name]
        assert part.low < part.estimate < part.high, name
        assert 0.0 < part.standard_error < part.high - part.low
    least_squares = scipy.stats.linregress(market, returns)
    assert found.by_statistic["beta"].standard_error == pytest.approx(least_squares.stderr, rel=0.25)


def test_the_same_seed_gives_the_same_interval_and_another_does_not():
    returns = autoregressive(3, 0.1, 300)
    one, two, other = (confidence_intervals(returns, seed=seed, resamples=150) for seed in (1, 1, 2))
    assert one.by_statistic["sharpe"] == two.by_statistic["sharpe"]
    assert one.by_statistic["sharpe"] != other.by_statistic["sharpe"]


def test_gaps_are_left_out():
    returns = autoregressive(4, 0.0, 200)
    holes = np.insert(returns, [0, 50, 200], np.nan)
    one = confidence_intervals(returns, seed=1, resamples=100)
    assert one.by_statistic["cagr"] == confidence_intervals(holes, seed=1, resamples=100).by_statistic["cagr"]


def test_a_constant_series_has_no_sharpe_interval():
    found = confidence_intervals(np.full(50, 0.001), seed=1, resamples=100)
    assert np.isnan(found.by_statistic["sharpe"].low)
    assert found.by_statistic["total_return"].low == pytest.approx(found.by_statistic["total_return"].high)
    assert found.block_sessions == 1.0


def test_what_does_not_fit_is_named():
    with pytest.raises(NoData, match="at least 20"):
        confidence_intervals(np.zeros(10), seed=1)
    with pytest.raises(NoData, match="at least 20"):
        optimal_block(np.zeros(10))
    with pytest.raises(InvalidInput, match="resamples"):
        confidence_intervals(np.zeros(50), seed=1, resamples=5)
    with pytest.raises(InvalidInput, match=r"expected \(time,\)"):
        confidence_intervals(np.zeros((50, 2)), seed=1)
    with pytest.raises(InvalidInput, match="block_sessions"):
        confidence_intervals(np.ones(50), seed=1, block_sessions=0.5)
