"""Figures of the gate for made-up track records, worked out from their formulas."""

import numpy as np
import pytest
from scipy import stats

from core.valuation.honesty import BLOCKS, LEAST_DEFLATED, MOST_OVERFITTING, judge

DRAW = np.random.default_rng(12)
# Ten years of daily returns with an exact mean over deviation.
NOISE = DRAW.standard_t(5, 2520)
NOISE = (NOISE - NOISE.mean()) / NOISE.std(ddof=1)


def record(annual):
    return (0.01 * (NOISE + annual / np.sqrt(252)))[:, None]


@pytest.mark.parametrize("annual", [-1.0, 0.0, 0.3, 0.8, 1.5, 3.0])
def test_the_sharpe_ratio_is_the_planted_one(annual):
    assert judge(record(annual)).sharpe == pytest.approx(annual, abs=1e-9)


@pytest.mark.parametrize("annual", [0.0, 0.3, 0.8, 1.5])
@pytest.mark.parametrize("trials", [1, 2, 20, 300])
def test_luck_and_the_deflated_ratio_by_their_formulas(annual, trials):
    found = judge(record(annual), trials=trials)
    sharpe, sessions = annual / np.sqrt(252), 2520
    skew, kurtosis = stats.skew(NOISE), stats.kurtosis(NOISE, fisher=False)
    gamma = 0.5772156649015329
    luck = 0.0
    if trials > 1:
        luck = np.sqrt(1 / sessions) * (
            (1 - gamma) * stats.norm.ppf(1 - 1 / trials) + gamma * stats.norm.ppf(1 - 1 / (trials * np.e))
        )
    spread = np.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    assert found.luck == pytest.approx(luck * np.sqrt(252), abs=1e-9)
    assert found.deflated_sharpe == pytest.approx(
        stats.norm.cdf((sharpe - luck) * np.sqrt(sessions - 1) / spread), abs=1e-9
    )
    assert found.probabilistic_sharpe == pytest.approx(
        stats.norm.cdf(sharpe * np.sqrt(sessions - 1) / spread), abs=1e-9
    )
    assert found.passed == (found.deflated_sharpe >= LEAST_DEFLATED and found.least_sessions <= sessions)


@pytest.mark.parametrize(
    ("annual", "trials", "passes"),
    [
        (0.0, 1, False),
        (0.3, 1, False),
        (0.6, 1, True),
        (0.6, 20, False),
        (0.9, 20, False),
        (1.1, 20, True),
        (1.1, 500, False),
        (1.5, 500, True),
        (3.0, 100_000, True),
        (-2.0, 1, False),
    ],
)
def test_who_passes(annual, trials, passes):
    assert judge(record(annual), trials=trials).passed is passes


@pytest.mark.parametrize("years", [1, 2, 5, 10])
def test_a_longer_record_of_the_same_quality_says_more(years):
    found = judge(record(1.0)[: 252 * years], trials=5)
    assert found.sessions == 252 * years
    if years > 1:
        shorter = judge(record(1.0)[: 252 * (years // 2)], trials=5)
        assert found.luck < shorter.luck


def test_the_minimum_track_record_is_where_the_probability_reaches_95_percent():
    found = judge(record(0.8))
    sessions = found.least_sessions
    skew, kurtosis = stats.skew(NOISE), stats.kurtosis(NOISE, fisher=False)
    sharpe = 0.8 / np.sqrt(252)
    spread = np.sqrt(1 - skew * sharpe + (kurtosis - 1) / 4 * sharpe**2)
    assert stats.norm.cdf(sharpe * np.sqrt(sessions - 1) / spread) == pytest.approx(0.95, abs=1e-6)


def test_the_gate_is_the_one_written_down():
    from pathlib import Path

    page = (Path(__file__).parents[3] / "docs" / "honesty.md").read_text()
    assert f"at least {LEAST_DEFLATED:.0%}".replace("%", " %") in page
    assert f"below {MOST_OVERFITTING:.0%}".replace("%", " %") in page
    assert f"{BLOCKS} blocks" in page


@pytest.mark.parametrize("variants", [2, 5, 12])
def test_copies_of_one_variant_cannot_be_overfit_but_count(variants):
    table = np.repeat(record(1.2), variants, axis=1)
    found = judge(table)
    assert found.trials == variants
    # Every variant ranks the same: neither above nor below the middle.
    assert found.overfitting_probability == 1.0 or found.overfitting_probability == pytest.approx(0.0)


def test_a_short_record_is_not_asked_about_overfitting():
    found = judge(np.repeat(record(1.2)[:30], 3, axis=1) + DRAW.normal(0, 1e-3, (30, 3)))
    assert np.isnan(found.overfitting_probability)
    assert found.checks[2].met is None
