from datetime import UTC, datetime

import empyrical
import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput, NoData, UnknownName
from core.simulators.stochastic.gbm import GbmParameters, simulate
from core.simulators.summary import book_values, max_drawdowns, summarise

AS_OF = datetime(2021, 6, 30, tzinfo=UTC)
MODEL = GbmParameters.given(("A", "B"), drift=np.array([0.05, 0.0]), volatility=np.array([0.2, 0.3]))


def lognormal_values(seed, paths=4000):
    path = simulate(MODEL, [100.0, 10.0], sessions=126, paths=paths, seed=seed, as_of=AS_OF)
    return book_values(path, {"A": 10.0}), path


def test_estimates_lie_within_their_errors_of_the_closed_forms():
    law = scipy.stats.lognorm(s=0.2 * np.sqrt(0.5), scale=1000.0 * np.exp((0.05 - 0.02) * 0.5))
    worst = law.ppf(0.05)
    tail = 1000.0 * np.exp(0.025) * scipy.stats.norm.cdf(scipy.stats.norm.ppf(0.05) - 0.2 * np.sqrt(0.5)) / 0.05
    scores = []
    for seed in range(40):
        values, path = lognormal_values(seed)
        found = summarise(values, path.times)
        pairs = [
            (found.mean, 1000.0 * np.exp(0.025)),
            (found.quantiles[0.05], worst),
            (found.quantiles[0.5], law.median()),
            (found.probability_of_loss, law.cdf(1000.0)),
            (found.value_at_risk, 1000.0 - worst),
            (found.expected_shortfall, 1000.0 - tail),
        ]
        scores.append([(estimate.value - truth) / estimate.standard_error for estimate, truth in pairs])
    scores = np.array(scores)
    assert np.abs(scores).max() < 4.5
    assert (np.abs(scores.mean(axis=0)) * np.sqrt(len(scores)) < 3.5).all()
    assert (np.abs(scores.std(axis=0) - 1.0) < 0.3).all()


def test_drawdowns_equal_empyrical():
    values, path = lognormal_values(1, paths=50)
    expected = [empyrical.max_drawdown(np.diff(row) / row[:-1]) for row in values]
    np.testing.assert_allclose(max_drawdowns(values), expected, rtol=1e-9)
    found = summarise(values, path.times)
    assert found.mean_max_drawdown.value == pytest.approx(np.mean(expected))


def test_the_fan_is_the_quantiles_over_time():
    values, path = lognormal_values(2, paths=500)
    found = summarise(values, path.times)
    assert found.fan.shape == (5, 127)
    np.testing.assert_allclose(found.fan[:, -1], np.quantile(values[:, -1], found.fan_levels))
    assert (np.diff(found.fan, axis=0) >= 0.0).all()
    assert (found.fan[:, 0] == 1000.0).all()


def test_a_book_is_shares_times_prices_plus_cash_and_keeps_the_last_price_over_gaps():
    _, path = lognormal_values(3, paths=5)
    values = book_values(path, {"A": 2.0, "B": -3.0}, cash=50.0)
    np.testing.assert_allclose(values, 2.0 * path.close[..., 0] - 3.0 * path.close[..., 1] + 50.0)
    path.close[:, 7, 1] = np.nan
    gapped = book_values(path, {"A": 2.0, "B": -3.0}, cash=50.0)
    np.testing.assert_allclose(gapped[:, 7], 2.0 * path.close[:, 7, 0] - 3.0 * path.close[:, 6, 1] + 50.0)
    with pytest.raises(UnknownName, match="The paths hold A, B"):
        book_values(path, {"C": 1.0})


def test_bad_inputs():
    times = np.arange(3).astype("datetime64[D]")
    with pytest.raises(NoData, match="at least 2 paths"):
        summarise(np.ones((1, 3)), times)
    with pytest.raises(InvalidInput, match="expected \\(paths, 3 times\\)"):
        summarise(np.ones((4, 2)), times)
    with pytest.raises(InvalidInput, match="confidence is 95"):
        summarise(np.ones((4, 3)), times, confidence=95)
