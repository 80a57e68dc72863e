"""What holds of any comparison with a benchmark, and of intervals drawn for it."""

import numpy as np
import pytest
import statsmodels.api as sm
from hypothesis import given, settings
from hypothesis import strategies as st

from core.valuation.bootstrap import confidence_intervals, stationary_places
from core.valuation.relative import RELATIVE_STATISTICS, relative_performance, relative_table


def pair(seed, sessions=300):
    generator = np.random.default_rng(seed)
    market = generator.standard_t(5, sessions) * 0.008 + 0.0002
    return 0.8 * market + generator.normal(0.0001, 0.006, sessions), market


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_alpha_and_beta_are_those_of_statsmodels(seed):
    ours, market = pair(seed)
    fit = sm.OLS(ours, sm.add_constant(market)).fit()
    found = relative_performance(ours, market)
    assert found.beta == pytest.approx(fit.params[1], rel=1e-9)
    assert found.alpha == pytest.approx((1 + fit.params[0]) ** 252 - 1, rel=1e-6, abs=1e-12)
    assert found.correlation**2 == pytest.approx(fit.rsquared, rel=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10_000), st.floats(0.2, 3.0))
def test_a_leveraged_series_has_a_leveraged_beta(seed, factor):
    ours, market = pair(seed)
    one, other = relative_performance(ours, market), relative_performance(ours * factor, market)
    assert other.beta == pytest.approx(one.beta * factor, rel=1e-9)
    assert other.correlation == pytest.approx(one.correlation, rel=1e-9)
    # Modigliani's figure and Treynor's do not depend on leverage without a rate.
    assert other.modigliani == pytest.approx(one.modigliani, rel=1e-9)
    assert other.treynor == pytest.approx(one.treynor, rel=1e-9)


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.integers(0, 10_000))
def test_bounds_and_identities(seed):
    ours, market = pair(seed)
    found = relative_performance(ours, market)
    assert -1.0 <= found.correlation <= 1.0
    assert 0.0 <= found.batting_average <= 1.0
    assert found.tracking_error >= 0.0
    assert found.capture_ratio == pytest.approx(found.up_capture / found.down_capture, rel=1e-12)
    mirrored = relative_performance(market, ours)
    assert mirrored.tracking_error == pytest.approx(found.tracking_error, rel=1e-12)
    assert mirrored.information_ratio == pytest.approx(-found.information_ratio, rel=1e-9)
    assert mirrored.excess_return == pytest.approx(-found.excess_return, rel=1e-9, abs=1e-15)


def test_the_benchmark_against_itself():
    _, market = pair(1)
    found = relative_performance(market, market)
    assert (found.beta, found.correlation, found.up_beta, found.down_beta) == pytest.approx((1.0, 1.0, 1.0, 1.0))
    assert (found.up_capture, found.down_capture) == pytest.approx((1.0, 1.0))
    assert (found.tracking_error, found.excess_return, found.batting_average) == (0.0, 0.0, 0.0)
    assert np.isnan(found.information_ratio)


@pytest.mark.parametrize("risk_free", [0.0, 0.03])
@pytest.mark.parametrize("per_year", [52, 252])
def test_a_table_equals_its_rows(risk_free, per_year):
    rows = np.stack([pair(seed)[0] for seed in range(5)])
    market = pair(99)[1]
    table = relative_table(rows, market, sessions_per_year=per_year, risk_free=risk_free)
    assert tuple(table) == RELATIVE_STATISTICS
    for place in range(5):
        one = relative_performance(rows[place], market, sessions_per_year=per_year, risk_free=risk_free)
        for name, value in one.as_dict().items():
            assert table[name][place] == pytest.approx(value, rel=1e-10), name


@pytest.mark.parametrize("block", [1.0, 5.0, 40.0])
@pytest.mark.parametrize("sessions", [30, 257])
def test_places_are_blocks_of_the_mean_length_asked_for(block, sessions):
    places = np.concatenate(list(stationary_places(sessions, 400, block, seed=2)))
    fresh = (places[:, 1:] - places[:, :-1]) % sessions != 1
    lengths = 1.0 / fresh.mean()
    # A new block that happens to go on where the last one ended is not seen as new.
    assert lengths == pytest.approx(block * sessions / (sessions - 1), rel=0.08)


def test_an_interval_of_beta_covers_the_truth_in_most_samples():
    inside = 0
    for seed in range(60):
        ours, market = pair(seed, 400)
        part = confidence_intervals(ours, benchmark=market, seed=seed, resamples=100).by_statistic["beta"]
        inside += part.low <= 0.8 <= part.high
    # 95 % of 60 is 57; below 50 has a chance under 1 in 500.
    assert inside >= 50


def test_a_table_of_many_series_is_each_of_them_alone_on_any_number_of_threads():
    ours = np.array([pair(seed)[0] for seed in range(150)])
    market = pair(3)[1]
    one, two = relative_table(ours, market), relative_table(ours, market, threads=2)
    each = relative_table(ours, np.tile(market, (150, 1)))
    for name in RELATIVE_STATISTICS:
        np.testing.assert_array_equal(one[name], two[name])
        np.testing.assert_array_equal(one[name], each[name])
    assert one["up_capture"][70] == relative_performance(ours[70], market).up_capture


@pytest.mark.parametrize("seed", range(5))
def test_captures_and_growth_are_those_of_empyrical(seed):
    import empyrical

    ours, market = pair(seed)
    found = relative_performance(ours, market)
    assert found.up_capture == pytest.approx(empyrical.up_capture(ours, market), rel=1e-9)
    assert found.down_capture == pytest.approx(empyrical.down_capture(ours, market), rel=1e-9)
    assert found.capture_ratio == pytest.approx(empyrical.up_down_capture(ours, market), rel=1e-9)
    assert found.excess_return == pytest.approx(empyrical.cagr(ours) - empyrical.cagr(market), rel=1e-9)
    assert found.batting_average == np.mean(ours > market)


@pytest.mark.parametrize("seed", range(5))
def test_sides_of_the_market_have_the_betas_of_regressions_on_them(seed):
    ours, market = pair(seed)
    found = relative_performance(ours, market)
    for side, beta in ((market > 0.0, found.up_beta), (market < 0.0, found.down_beta)):
        fit = sm.OLS(ours[side], sm.add_constant(market[side])).fit()
        assert beta == pytest.approx(fit.params[1], rel=1e-9)


def test_what_only_varies_by_rounding_has_no_ratio():
    market = pair(1)[1]
    flat = np.full(len(market), 0.0001)
    found = relative_performance(flat, market)
    assert found.correlation != found.correlation
    assert found.beta == pytest.approx(0.0, abs=1e-15)
    shifted = relative_performance(market + 0.001, market)
    assert shifted.tracking_error == 0.0
    assert np.isnan(shifted.information_ratio)
    still = relative_performance(market, flat)
    assert np.isnan([still.beta, still.alpha, still.treynor, still.correlation]).all()


def test_a_market_that_only_rises_has_no_downside():
    ours, market = pair(2)
    found = relative_performance(ours, np.abs(market) + 1e-6)
    assert np.isnan([found.down_capture, found.down_beta, found.capture_ratio]).all()
    assert np.isfinite([found.up_capture, found.up_beta]).all()
