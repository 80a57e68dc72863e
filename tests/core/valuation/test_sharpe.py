"""Sharpe statistics against the numbers printed in the papers."""

import numpy as np
import pytest
import scipy.stats

from core.errors import InvalidInput
from core.valuation.sharpe import (
    deflated_sharpe_ratio,
    expected_maximum_sharpe,
    minimum_track_record,
    probabilistic_sharpe_ratio,
)


def test_deflated_sharpe_ratio_of_the_paper():
    # Bailey and Lopez de Prado (2014), section "A numerical example": annual SR 2.5 over five years of daily
    # returns (1,250), skewness -3, kurtosis 10, 100 trials with an annual variance of 1/2: DSR = 0.9004.
    found = deflated_sharpe_ratio(2.5 / np.sqrt(250), 1250, -3.0, 10.0, trials=100, sharpe_variance=0.5 / 250)
    assert found == pytest.approx(0.9004, abs=5e-5)


def test_expected_maximum_of_the_paper():
    # The same example: the best of 100 worthless trials is expected at 0.1132 per day.
    assert expected_maximum_sharpe(100, 0.5 / 250) == pytest.approx(0.1132, abs=5e-5)


def test_probabilistic_sharpe_ratio_of_a_normal_series_is_a_z_test():
    found = probabilistic_sharpe_ratio(0.1, 400, 0.0, 3.0)
    assert found == pytest.approx(scipy.stats.norm.cdf(0.1 * np.sqrt(399) / np.sqrt(1.005)), rel=1e-12)


def test_one_trial_is_not_deflated():
    assert deflated_sharpe_ratio(0.1, 400, 0.1, 3.5, trials=1) == probabilistic_sharpe_ratio(0.1, 400, 0.1, 3.5)


def test_more_trials_deflate_more():
    found = [deflated_sharpe_ratio(0.1, 1000, -0.5, 5.0, trials=trials) for trials in (1, 2, 10, 100, 1000)]
    assert found == sorted(found, reverse=True)


def test_minimum_track_record_reaches_the_confidence_it_asks_for():
    sessions = minimum_track_record(0.08, -0.7, 6.0, confidence=0.95)
    assert probabilistic_sharpe_ratio(0.08, sessions, -0.7, 6.0) == pytest.approx(0.95, abs=1e-12)
    assert minimum_track_record(0.0, 0.0, 3.0) == float("inf")


def test_the_best_of_noise_is_judged_as_noise():
    generator = np.random.default_rng(5)
    passed = 0
    for _ in range(300):
        returns = generator.normal(0.0, 0.01, (750, 20))
        sharpes = returns.mean(axis=0) / returns.std(axis=0, ddof=1)
        best = int(np.argmax(sharpes))
        found = deflated_sharpe_ratio(
            sharpes[best],
            750,
            scipy.stats.skew(returns[:, best]),
            scipy.stats.kurtosis(returns[:, best], fisher=False),
            trials=20,
        )
        passed += found > 0.95
    assert passed <= 0.05 * 300


def test_no_trials_are_refused():
    with pytest.raises(InvalidInput, match="trials is 0"):
        expected_maximum_sharpe(0, 0.1)
