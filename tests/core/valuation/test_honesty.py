"""The gate: luck rarely passes, an edge mostly does, and every figure is that of its paper."""

import numpy as np
import pytest

from core.errors import InvalidInput
from core.valuation.honesty import LEAST_DEFLATED, judge
from core.valuation.sharpe import deflated_sharpe_ratio

YEARS, PER_YEAR, VARIANTS = 10, 252, 20


def sweep(draw, edge=0.0):
    """Return 20 variants of 10 years of daily returns; one has a true annual Sharpe ratio of `edge`."""
    returns = draw.normal(0.0, 0.01, (YEARS * PER_YEAR, VARIANTS))
    returns[:, draw.integers(VARIANTS)] += edge * 0.01 / np.sqrt(PER_YEAR)
    return returns


def passes(draws, edge, seed):
    draw = np.random.default_rng(seed)
    passed = 0
    for _ in range(draws):
        returns = sweep(draw, edge)
        best = int(np.argmax(returns.mean(axis=0) / returns.std(axis=0, ddof=1)))
        passed += judge(returns, chosen=best, trials=VARIANTS).passed
    return passed


def test_the_best_of_twenty_on_noise_rarely_passes():
    # At most 5 % of many; make prove-quant draws 1,000. 6 of 60 has a probability below 4 % even at 5 %.
    assert passes(60, 0.0, 1) <= 6


def test_a_planted_edge_mostly_passes():
    assert passes(60, 1.5, 2) >= 51


def test_the_deflated_ratio_is_that_of_the_paper():
    returns = sweep(np.random.default_rng(3), 1.5)
    own = returns[:, 4]
    sharpe = own.mean() / own.std(ddof=1)
    scaled = (own - own.mean()) / own.std()
    found = judge(returns, chosen=4, trials=50)
    expected = deflated_sharpe_ratio(sharpe, len(own), (scaled**3).mean(), (scaled**4).mean(), trials=50)
    assert found.deflated_sharpe == pytest.approx(expected, rel=1e-12)
    assert found.sharpe == pytest.approx(sharpe * np.sqrt(252))
    assert found.luck == pytest.approx(2.249 * np.sqrt(252 / 2520), abs=0.02)  # E[max of 50 normals] = 2.249


def test_more_trials_make_it_harder():
    returns = np.random.default_rng(5).normal(0.0006, 0.01, (2520, 1))
    found = [judge(returns, trials=n).deflated_sharpe for n in (1, 5, 50, 500)]
    assert found == sorted(found, reverse=True)
    assert judge(returns, trials=1).trials == 1
    assert judge(np.repeat(returns, 3, axis=1), trials=1).trials == 3


def test_what_dies_of_costs_or_delay_does_not_pass():
    returns = np.random.default_rng(6).normal(0.002, 0.01, (2520, 1))
    assert judge(returns, dearer_sharpe=1.0, later_sharpe=1.0).passed
    assert judge(returns).passed
    assert not judge(returns, dearer_sharpe=-0.1, later_sharpe=1.0).passed
    assert not judge(returns, dearer_sharpe=1.0, later_sharpe=-0.1).passed


def test_an_overfit_choice_does_not_pass():
    draw = np.random.default_rng(7)
    half = draw.normal(0.001, 0.01, (1260, 6))
    # Every variant is good in one half and bad in the other.
    swing = np.array([1, -1, 1, -1, 1, -1]) * 0.002
    returns = np.concatenate((half + swing, half - swing))
    found = judge(returns, chosen=0, trials=6)
    assert found.overfitting_probability >= 0.5
    assert not found.passed


def test_nothing_traded_is_no_edge():
    found = judge(np.zeros((500, 3)))
    assert found.sharpe == 0.0
    assert not found.passed
    assert found.least_sessions == np.inf


def test_every_check_says_what_it_found():
    found = judge(sweep(np.random.default_rng(8), 1.5), chosen=0)
    assert found.checks[0].met == (found.deflated_sharpe >= LEAST_DEFLATED)
    assert [check.met for check in found.checks[3:]] == [None, None]
    with pytest.raises(InvalidInput, match="shape"):
        judge(np.zeros((10, 2)), chosen=2)
