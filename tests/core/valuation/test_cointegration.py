"""Cointegration and half-lives against statsmodels and planted processes."""

import numpy as np
import pytest
from statsmodels.tsa.adfvalues import mackinnonp
from statsmodels.tsa.stattools import adfuller, coint

from core.errors import InvalidInput, NoData
from core.valuation.cointegration import dickey_fuller, engle_granger, half_life, mackinnon_p_value


def planted(seed=1, sessions=800, back=0.05, series=2):
    draw = np.random.default_rng(seed)
    others = np.cumsum(draw.normal(0, 0.01, (sessions, series - 1)), axis=0)
    spread = np.zeros(sessions)
    for t in range(1, sessions):
        spread[t] = (1 - back) * spread[t - 1] + draw.normal(0, 0.01)
    return np.column_stack((1.0 + others @ np.full(series - 1, 0.8) + spread, others))


@pytest.mark.parametrize("series", [2, 3])
@pytest.mark.parametrize("lags", [0, 1, 4])
def test_the_statistic_and_p_value_are_those_of_statsmodels(series, lags):
    logs = planted(series=series)
    found = engle_granger(logs, lags=lags)
    statistic, p_value, _ = coint(logs[:, 0], logs[:, 1:], trend="c", maxlag=lags, autolag=None)
    assert found.statistic == pytest.approx(statistic, rel=1e-9)
    assert found.p_value == pytest.approx(p_value, rel=1e-6, abs=1e-12)


@pytest.mark.parametrize("series", [1, 2, 3])
@pytest.mark.parametrize("statistic", [-30.0, -6.0, -4.0, -3.0, -2.0, -1.0, 0.0, 0.5, 3.0])
def test_p_values_follow_the_published_surface(series, statistic):
    assert mackinnon_p_value(statistic, series) == pytest.approx(mackinnonp(statistic, "c", series), abs=1e-9)


def test_the_plain_statistic_is_that_of_adfuller():
    spread = planted()[:, 0] - planted()[:, 0].mean()
    assert dickey_fuller(spread, lags=3) == pytest.approx(adfuller(spread, 3, "n", autolag=None)[0], rel=1e-9)


def test_random_walks_are_rarely_called_cointegrated():
    draw = np.random.default_rng(3)
    found = [engle_granger(np.cumsum(draw.normal(size=(400, 2)), axis=0)).p_value < 0.05 for _ in range(200)]
    # 5 % of 200 is 10; 20 or more has a probability of 0.3 %.
    assert sum(found) <= 20


def test_a_planted_half_life_is_found():
    found = [half_life(planted(seed, 4000)[:, 0] - planted(seed, 4000)[:, 1] * 0.8) for seed in range(20)]
    assert np.mean(found) == pytest.approx(np.log(2) / -np.log(0.95), rel=0.1)
    assert half_life(np.arange(100.0) ** 1.5) == np.inf


def test_the_ratio_is_the_planted_one():
    assert engle_granger(planted(sessions=5000)).ratios[0] == pytest.approx(0.8, abs=0.05)


def test_shapes():
    with pytest.raises(InvalidInput, match="shape"):
        engle_granger(np.zeros((100, 4)))
    with pytest.raises(NoData, match="31"):
        engle_granger(np.zeros((20, 2)))
    with pytest.raises(InvalidInput, match="series"):
        mackinnon_p_value(-3.0, 7)
