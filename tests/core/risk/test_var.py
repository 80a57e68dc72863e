"""Tail risk against empyrical, scipy and simulation."""

import empyrical
import numpy as np
import pytest
import scipy.stats
from hypothesis import given
from hypothesis import strategies as st

from core.errors import InvalidInput, NoData
from core.risk.var import tail_risk


def returns(seed=1, sessions=750):
    generator = np.random.default_rng(seed)
    common = generator.standard_t(4, (sessions, 1)) * 0.006
    return common * np.array([1.0, 1.5, -0.4]) + generator.normal(0.0003, 0.008, (sessions, 3))


POSITIONS = np.array([10_000.0, -4_000.0, 7_000.0])


@pytest.mark.parametrize("confidence", [0.9, 0.95, 0.99])
def test_historical_equals_empyrical_on_the_books_profits(confidence):
    found = tail_risk(POSITIONS, returns(), confidence=confidence)
    profit = returns() @ POSITIONS
    assert found.value_at_risk == pytest.approx(-empyrical.value_at_risk(profit, 1 - confidence), rel=1e-9)
    assert found.expected_shortfall == pytest.approx(
        -empyrical.conditional_value_at_risk(profit, round(1 - confidence, 10)), rel=1e-9
    )


def test_gaussian_equals_the_normal_law():
    found = tail_risk(POSITIONS, returns(), method="gaussian", confidence=0.99)
    profit = returns() @ POSITIONS
    law = scipy.stats.norm(profit.mean(), profit.std(ddof=1))
    assert found.value_at_risk == pytest.approx(-law.ppf(0.01), rel=1e-9)
    # Mean of a normal law below its 1 % quantile, by numerical integration.
    shortfall = -law.expect(lambda x: x, ub=law.ppf(0.01), conditional=True)
    assert found.expected_shortfall == pytest.approx(shortfall, rel=1e-6)


@pytest.mark.parametrize("method", ["historical", "gaussian", "filtered"])
def test_components_add_up_and_scale_with_the_book(method):
    found = tail_risk(POSITIONS, returns(), method=method)
    assert found.component_shortfall.sum() == pytest.approx(found.expected_shortfall, rel=1e-9)
    double = tail_risk(2.0 * POSITIONS, returns(), method=method)
    assert double.expected_shortfall == pytest.approx(2.0 * found.expected_shortfall, rel=1e-9)
    assert double.value_at_risk == pytest.approx(2.0 * found.value_at_risk, rel=1e-9)
    assert found.expected_shortfall >= found.value_at_risk


def test_gaussian_components_are_the_derivative():
    base = tail_risk(POSITIONS, returns(), method="gaussian")
    for asset in range(3):
        nudged = POSITIONS.copy()
        nudged[asset] *= 1.0 + 1e-6
        change = tail_risk(nudged, returns(), method="gaussian").expected_shortfall - base.expected_shortfall
        assert change / 1e-6 == pytest.approx(base.component_shortfall[asset], rel=1e-4)


def test_filtered_answers_to_todays_volatility():
    generator = np.random.default_rng(3)
    calm, wild = generator.normal(0, 0.005, 500), generator.normal(0, 0.02, 60)
    into_storm = np.concatenate((calm, wild))[:, None]
    held = np.array([1.0])
    filtered = tail_risk(held, into_storm, method="filtered").value_at_risk
    plain = tail_risk(held, into_storm).value_at_risk
    assert filtered > 1.5 * plain
    assert filtered == pytest.approx(0.02 * 1.645, rel=0.35)


def test_longer_horizons_scale_by_the_root_of_time():
    one, ten = tail_risk(POSITIONS, returns()), tail_risk(POSITIONS, returns(), horizon_sessions=10)
    assert ten.value_at_risk == pytest.approx(np.sqrt(10) * one.value_at_risk)
    assert ten.expected_shortfall == pytest.approx(np.sqrt(10) * one.expected_shortfall)


@pytest.mark.parametrize("method", ["historical", "gaussian"])
def test_standard_errors_match_repeated_sampling(method):
    generator = np.random.default_rng(6)
    runs = [
        tail_risk(np.ones(1), generator.normal(0, 0.01, (500, 1)), method=method, confidence=0.95) for _ in range(400)
    ]
    for value, error in (
        ("value_at_risk", "value_at_risk_standard_error"),
        ("expected_shortfall", "expected_shortfall_standard_error"),
    ):
        spread = np.std([getattr(run, value) for run in runs], ddof=1)
        assert np.mean([getattr(run, error) for run in runs]) == pytest.approx(spread, rel=0.15)


@given(st.integers(0, 500))
def test_an_asset_not_held_does_not_matter(seed):
    sample = returns(seed % 7)
    gaps = sample.copy()
    gaps[:700, 2] = np.nan
    held = np.array([1_000.0, 500.0 + seed, 0.0])
    assert tail_risk(held, gaps).value_at_risk == tail_risk(held, sample).value_at_risk


def test_an_empty_book_risks_nothing():
    found = tail_risk(np.zeros(3), returns())
    assert (found.value_at_risk, found.expected_shortfall) == (0.0, 0.0)


def test_bad_inputs():
    with pytest.raises(NoData, match="share 10 sessions"):
        tail_risk(POSITIONS, returns()[:10])
    with pytest.raises(InvalidInput, match="method is 'magic'"):
        tail_risk(POSITIONS, returns(), method="magic")
    with pytest.raises(InvalidInput, match="confidence is 95"):
        tail_risk(POSITIONS, returns(), confidence=95)
    with pytest.raises(InvalidInput, match="must be"):
        tail_risk(POSITIONS[:2], returns())
    with pytest.raises(InvalidInput, match="horizon_sessions is 0"):
        tail_risk(POSITIONS, returns(), horizon_sessions=0)


def test_monte_carlo_agrees_with_the_normal_law_it_draws_from():
    normal = np.random.default_rng(8).multivariate_normal(np.zeros(3), np.diag([1e-4, 2e-4, 1e-4]), 4000)
    drawn = tail_risk(POSITIONS, normal, method="monte_carlo", confidence=0.99, seed=3)
    exact = tail_risk(POSITIONS, normal, method="gaussian", confidence=0.99)
    for name in ("value_at_risk", "expected_shortfall"):
        error = getattr(drawn, f"{name}_standard_error")
        # The degrees of freedom are estimated, so that a little of the tail is theirs.
        assert getattr(drawn, name) == pytest.approx(getattr(exact, name), abs=4 * error + 0.01 * getattr(exact, name))


def test_monte_carlo_keeps_the_fat_tail_that_the_normal_law_loses():
    fat = np.random.default_rng(2).standard_t(3, (2000, 1)) * np.full(3, 0.01)
    fat += np.random.default_rng(3).normal(0.0, 0.002, fat.shape)
    drawn = tail_risk(POSITIONS, fat, method="monte_carlo", confidence=0.99, seed=1)
    normal = tail_risk(POSITIONS, fat, method="gaussian", confidence=0.99)
    assert drawn.expected_shortfall > 1.03 * normal.expected_shortfall
    again = tail_risk(POSITIONS, fat, method="monte_carlo", confidence=0.99, seed=1)
    assert again.expected_shortfall == drawn.expected_shortfall


@pytest.mark.parametrize("method", ["historical", "gaussian", "filtered", "monte_carlo"])
def test_marginals_times_positions_are_the_components(method):
    held = np.array([10_000.0, 0.0, 7_000.0])
    found = tail_risk(held, returns(), method=method)
    np.testing.assert_allclose(found.marginal_shortfall * held, found.component_shortfall, rtol=1e-12)
    assert found.marginal_shortfall[1] == 0.0
